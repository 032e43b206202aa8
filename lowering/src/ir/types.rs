//! Types of values and slots, and how aggregates are laid out.

use super::entity::{Class, Func, Import, Struct};
use std::fmt;

/// Type of an SSA value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Type {
    /// Truth value; one byte in memory, 0 or 1.
    Bool,
    /// 8-bit integer; signedness is in the instructions.
    I8,
    /// 16-bit integer.
    I16,
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
    /// 128-bit integer, align 16.
    I128,
    /// IEEE single.
    F32,
    /// IEEE double.
    F64,
    /// Untyped address, 8 bytes.
    Ptr,
    /// Counted reference of a class, 8 bytes, null allowed.
    Ref(Class),
}

impl Type {
    /// Size in bytes.
    pub fn bytes(self) -> u32 {
        match self {
            Type::Bool | Type::I8 => 1,
            Type::I16 => 2,
            Type::I32 | Type::F32 => 4,
            Type::I64 | Type::F64 | Type::Ptr | Type::Ref(_) => 8,
            Type::I128 => 16,
        }
    }
    /// Alignment in bytes; equal to the size.
    pub fn align(self) -> u32 {
        self.bytes()
    }
    /// Whether arithmetic on integers applies.
    pub fn is_int(self) -> bool {
        matches!(self, Type::I8 | Type::I16 | Type::I32 | Type::I64 | Type::I128)
    }
    /// Whether floating-point arithmetic applies.
    pub fn is_float(self) -> bool {
        matches!(self, Type::F32 | Type::F64)
    }
    /// Whether it is a counted reference.
    pub fn is_ref(self) -> bool {
        matches!(self, Type::Ref(_))
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Type::Bool => "bool",
            Type::I8 => "i8",
            Type::I16 => "i16",
            Type::I32 => "i32",
            Type::I64 => "i64",
            Type::I128 => "i128",
            Type::F32 => "f32",
            Type::F64 => "f64",
            Type::Ptr => "ptr",
            Type::Ref(class) => return write!(f, "ref({class})"),
        })
    }
}

/// Type of a slot, a parameter or a result.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Ty {
    /// A single value. As parameter or result it travels as an SSA value; a slot of this type with
    /// a [`Type::Ref`] is owned and its drop action is the class's release.
    Value(Type),
    /// A structure of the module; travels by slot.
    Struct(Struct),
    /// Plain bytes without structure or owner; travels by slot.
    Bytes {
        /// Size in bytes.
        size: u32,
        /// Alignment, a power of two.
        align: u32,
    },
    /// An unstarted or (for generators) started future of a known async function; owned. Its drop
    /// action drops the arguments.
    Future(Func),
}

impl Ty {
    /// The value type, if it travels as an SSA value.
    pub fn as_value(self) -> Option<Type> {
        match self {
            Ty::Value(t) => Some(t),
            _ => None,
        }
    }
}

impl From<Type> for Ty {
    fn from(t: Type) -> Self {
        Ty::Value(t)
    }
}

impl fmt::Display for Ty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ty::Value(t) => t.fmt(f),
            Ty::Struct(s) => s.fmt(f),
            Ty::Bytes { size, align } => write!(f, "bytes({size}, {align})"),
            Ty::Future(func) => write!(f, "future({func})"),
        }
    }
}

/// A field of a structure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// Name in the source.
    pub name: String,
    /// Offset in bytes.
    pub offset: u32,
    /// Type; never [`Ty::Future`].
    pub ty: Ty,
}

/// What dropping a structure does.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum DropAction {
    /// Nothing: the structure is plain data.
    #[default]
    None,
    /// Drops the fields in order; with a [`Tag`] only those of the variant in force.
    Fields,
    /// Calls an import with the address of the structure: `(ptr)`.
    Call(Import),
}

/// Which fields are alive is decided by one integer field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tag {
    /// Index of the tag field, of an integer or bool type.
    pub field: u32,
    /// Per tag value, the indices of the fields that are alive; unlisted values have none.
    pub variants: Vec<(u64, Vec<u32>)>,
}

/// A structure type. Fields that share bytes are allowed under a [`Tag`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StructData {
    /// Name in the source.
    pub name: String,
    /// Size in bytes, a multiple of `align`; may be 0.
    pub size: u32,
    /// Alignment, a power of two.
    pub align: u32,
    /// Fields by index.
    pub fields: Vec<Field>,
    /// Tag, if the fields depend on one.
    pub tag: Option<Tag>,
    /// What dropping does.
    pub drop: DropAction,
}

/// A class of counted references: who keeps the count.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClassData {
    /// Name in the source.
    pub name: String,
    /// Import `(ref)` or `(ptr)` that adds one to the count; null-tolerant.
    pub retain: Import,
    /// Import `(ref)` or `(ptr)` that takes one off and frees, iteratively, what reaches zero; null-tolerant.
    pub release: Import,
}

/// A parameter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Param {
    /// Name in the source.
    pub name: String,
    /// Type.
    pub ty: Ty,
}

/// Signature of a function or an import.
///
/// Owned parameters (references, owned structures, futures) of a function belong to the callee.
/// What an import does with its references is its own contract.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Signature {
    /// Parameters, left to right.
    pub params: Vec<Param>,
    /// Results. For a generator: the types of one item.
    pub results: Vec<Ty>,
    /// Whether a call can fault. Async functions always may.
    pub faults: bool,
}

/// Offsets of several things laid out one after the other, as a C structure would.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sequence {
    /// Offset of each.
    pub offsets: Vec<u32>,
    /// Size in bytes, a multiple of `align`.
    pub size: u32,
    /// Alignment, at least 1.
    pub align: u32,
}
