//! A module: functions and everything they refer to.

use super::entity::{Class, Data, EntityVec, File, Func, HostOp, Import, Struct};
use super::function::Function;
use super::types::{ClassData, DropAction, Param, Sequence, Signature, StructData, Ty};
use std::fmt;

/// Largest frame, slot or offset: offsets are signed 32-bit in every backend.
pub const MAX_BYTES: u32 = i32::MAX as u32;

/// Most futures that one future may hold as arguments, directly or inside of others.
const MAX_NESTED: u32 = 500;

/// A compilation unit. All tables are public: a frontend fills them, or uses the builder.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Module {
    /// Name, for dumps and symbols.
    pub name: String,
    /// Source files by [`File`].
    pub files: EntityVec<File, String>,
    /// Classes of counted references.
    pub classes: EntityVec<Class, ClassData>,
    /// Structure types. A structure may contain only structures before it.
    pub structs: EntityVec<Struct, StructData>,
    /// Static data.
    pub data: EntityVec<Data, DataObject>,
    /// Synchronous host functions.
    pub imports: EntityVec<Import, ImportData>,
    /// Asynchronous host operations.
    pub ops: EntityVec<HostOp, HostOpData>,
    /// Functions.
    pub funcs: EntityVec<Func, Function>,
}

/// A synchronous host function, found by name in the import table of the backend.
///
/// C signature: `(ctx, args…) -> result` if it cannot fault and has at most one result, which is a
/// value; otherwise `(ctx, results*, args…) -> vt_status` (`-> void` if it cannot fault), where
/// `results` is laid out by [`Module::sequence`]. Slots are passed by pointer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImportData {
    /// Symbol.
    pub name: String,
    /// Signature.
    pub sig: Signature,
}

/// An asynchronous host operation: storage inside the awaiting frame and two symbols.
///
/// `{name}_start(ctx, storage, args…)` builds it, `{name}_poll(ctx, storage) -> vt_status` resumes
/// it (see `vt_op_start`). The results lie at `result_offset` of the storage once it is done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostOpData {
    /// Name; the symbols are derived from `symbol`.
    pub name: String,
    /// Symbol prefix: `{symbol}_start` and `{symbol}_poll`.
    pub symbol: String,
    /// Parameters.
    pub params: Vec<Param>,
    /// Results, laid out by [`Module::sequence`].
    pub results: Vec<Ty>,
    /// Bytes of the storage.
    pub size: u32,
    /// Alignment of the storage.
    pub align: u32,
    /// Offset of the results in the storage.
    pub result_offset: u32,
}

/// Static data with addresses in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DataObject {
    /// Symbol, unique in the module.
    pub name: String,
    /// Contents; the 8 bytes at each relocation are replaced.
    pub bytes: Vec<u8>,
    /// Alignment, a power of two.
    pub align: u32,
    /// Whether the program may write to it.
    pub writable: bool,
    /// Addresses to fill in: offset and what is pointed to.
    pub relocs: Vec<(u32, Reloc)>,
}

/// What an address in static data points to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reloc {
    /// Another data object, at an offset.
    Data(Data, u32),
    /// A synchronous function.
    Func(Func),
    /// An import.
    Import(Import),
    /// The `vt_machine` of an async function.
    Machine(Func),
}

/// A source position: file and resolved line and column. Line 0: unknown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub file: File,
    /// Line, from 1; 0 if the position is unknown.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Span {
    /// The unknown position.
    pub const NONE: Span = Span { file: File::from_u32(0), line: 0, column: 0 };

    /// Whether the position is known.
    pub fn is_known(self) -> bool {
        self.line != 0
    }
}

impl Default for Span {
    fn default() -> Self {
        Self::NONE
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl Module {
    /// An empty module.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Size and alignment of a type, where futures count as their argument tuple.
    ///
    /// A structure, class or function that does not exist counts as empty: the verifier reports it.
    /// Futures that hold each other without end, or more than `MAX_NESTED` of them, have no size:
    /// it is given as `u32::MAX`.
    pub fn size_align(&self, ty: Ty) -> (u32, u32) {
        self.size_align_within(ty, &mut { MAX_NESTED })
    }

    fn size_align_within(&self, ty: Ty, fuel: &mut u32) -> (u32, u32) {
        match ty {
            Ty::Value(t) => (t.bytes(), t.align()),
            Ty::Struct(s) => self.structs.get(s).map_or((0, 1), |d| (d.size, d.align)),
            Ty::Bytes { size, align } => (size, align),
            Ty::Future(f) => self.funcs.get(f).map_or((0, 1), |callee| {
                let Some(rest) = fuel.checked_sub(1) else { return (u32::MAX, 1) };
                *fuel = rest;
                let args = self.sequence_within(callee.sig.params.iter().map(|p| p.ty), fuel);
                args.map_or((u32::MAX, 1), |s| (s.size, s.align))
            }),
        }
    }

    /// Lays types out one after the other; `None` if the end passes [`MAX_BYTES`], if an alignment
    /// is no power of two, or if futures nest too deeply.
    pub fn sequence(&self, types: impl IntoIterator<Item = Ty>) -> Option<Sequence> {
        self.sequence_within(types, &mut { MAX_NESTED })
    }

    fn sequence_within(
        &self,
        types: impl IntoIterator<Item = Ty>,
        fuel: &mut u32,
    ) -> Option<Sequence> {
        let (mut end, mut align, mut offsets) = (0u32, 1u32, Vec::new());
        for ty in types {
            let (s, a) = self.size_align_within(ty, fuel);
            if !a.is_power_of_two() {
                return None;
            }
            end = end.checked_next_multiple_of(a).filter(|&e| e <= MAX_BYTES)?;
            offsets.push(end);
            end = end.checked_add(s).filter(|&e| e <= MAX_BYTES)?;
            align = align.max(a);
        }
        let size = end.checked_next_multiple_of(align).filter(|&e| e <= MAX_BYTES)?;
        Some(Sequence { offsets, size, align })
    }

    /// Whether dropping a thing of this type does something: such slots are *owned*.
    pub fn needs_drop(&self, ty: Ty) -> bool {
        match ty {
            Ty::Value(t) => t.is_ref(),
            Ty::Struct(s) => self.structs.get(s).is_some_and(|d| match d.drop {
                DropAction::None => false,
                DropAction::Fields => true,
                DropAction::Call(_) => true,
            }),
            Ty::Bytes { .. } => false,
            Ty::Future(_) => true,
        }
    }

    /// The function of this name.
    pub fn func_by_name(&self, name: &str) -> Option<Func> {
        self.funcs.iter().find(|(_, f)| f.name == name).map(|(k, _)| k)
    }
}
