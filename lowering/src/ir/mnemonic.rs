//! Names of the operators in the text form: one table serves printer and parser.

use super::inst::{BinaryOp, BoxKind, CheckedOp, CompareOp, ConvertOp, CtxFn, UnaryOp};
use super::types::Type;
use std::fmt;

macro_rules! mnemonics {
    ($($ty:ident { $($variant:ident = $name:literal,)* })*) => {$(
        impl $ty {
            /// All of them, in order.
            pub const ALL: &'static [$ty] = &[$($ty::$variant),*];

            /// Name in the text form.
            pub fn name(self) -> &'static str {
                match self { $($ty::$variant => $name,)* }
            }

            pub(super) fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some($ty::$variant),)* _ => None }
            }
        }

        impl fmt::Display for $ty {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    )*};
}

mnemonics! {
    UnaryOp {
        Neg = "neg",
        Not = "not",
        Fneg = "fneg",
        Clz = "clz",
        Ctz = "ctz",
        Popcnt = "popcnt",
        Fsqrt = "fsqrt",
        Ftrunc = "ftrunc",
        Ffloor = "ffloor",
        Fceil = "fceil",
        Fabs = "fabs",
    }
    BinaryOp {
        Add = "add",
        Sub = "sub",
        Mul = "mul",
        And = "and",
        Or = "or",
        Xor = "xor",
        Shl = "shl",
        Sshr = "sshr",
        Ushr = "ushr",
        Fadd = "fadd",
        Fsub = "fsub",
        Fmul = "fmul",
        Fdiv = "fdiv",
        Fmin = "fmin",
        Fmax = "fmax",
    }
    CheckedOp {
        Sadd = "sadd",
        Ssub = "ssub",
        Smul = "smul",
        Uadd = "uadd",
        Usub = "usub",
        Umul = "umul",
        Sdiv = "sdiv",
        Udiv = "udiv",
        Srem = "srem",
        Urem = "urem",
    }
    CompareOp {
        Eq = "eq",
        Ne = "ne",
        Slt = "slt",
        Sle = "sle",
        Sgt = "sgt",
        Sge = "sge",
        Ult = "ult",
        Ule = "ule",
        Ugt = "ugt",
        Uge = "uge",
        Feq = "feq",
        Fne = "fne",
        Flt = "flt",
        Fle = "fle",
        Fgt = "fgt",
        Fge = "fge",
    }
    ConvertOp {
        Sext = "sext",
        Zext = "zext",
        Trunc = "trunc",
        SintToFloat = "sint_to_float",
        UintToFloat = "uint_to_float",
        FloatToSint = "float_to_sint",
        FloatToUint = "float_to_uint",
        Promote = "promote",
        Demote = "demote",
        Bitcast = "bitcast",
    }
    BoxKind {
        Arena = "arena",
        Task = "task",
    }
    CtxFn {
        AllocFrame = "alloc_frame",
        FreeFrame = "free_frame",
        Overrun = "overrun",
        Fault = "fault",
        Choose = "choose",
        Branches = "branches",
        Run = "run",
    }
}

impl CtxFn {
    /// Types of the arguments after the context, and of the result.
    pub fn signature(self) -> (&'static [Type], Option<Type>) {
        use Type::{I32, I64, Ptr};
        match self {
            CtxFn::AllocFrame => (&[Ptr, I32], Some(Ptr)),
            CtxFn::FreeFrame => (&[Ptr], None),
            CtxFn::Overrun => (&[], None),
            CtxFn::Fault => (&[I32, Ptr, I64, I32], None),
            CtxFn::Choose => (&[I32], Some(I32)),
            CtxFn::Branches => (&[Ptr, I32, I32], Some(I32)),
            CtxFn::Run => (&[Ptr], Some(I32)),
        }
    }
}
