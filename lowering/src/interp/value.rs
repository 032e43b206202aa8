//! Values of the interpreter and the arithmetic on them.
//!
//! A value is its bits, zero-extended to 128, and whether they are *undefined*: read from bytes that
//! nobody wrote. Undefinedness travels through arithmetic and becomes a violation where it could be
//! observed (branches, addresses, arguments of the host, results).

use crate::ir::{BinaryOp, CheckedOp, CompareOp, ConvertOp, Type, UnaryOp};

/// A value: bits, zero-extended from the type's width, and whether they mean anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Val {
    pub(crate) bits: u128,
    pub(crate) undef: bool,
}

impl Val {
    pub(crate) const UNDEF: Val = Val { bits: 0, undef: true };

    pub(crate) fn new(bits: u128) -> Self {
        Val { bits, undef: false }
    }
    pub(crate) fn bool(b: bool) -> Self {
        Val::new(u128::from(b))
    }
    /// The bits, or `None` if they are undefined.
    pub(crate) fn known(self) -> Option<u128> {
        (!self.undef).then_some(self.bits)
    }
}

/// What travels in an argument or a result: a value, or the bytes of a slot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Datum {
    Val(Val),
    Bytes(Bytes),
}

/// Bytes with their initialised mask.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Bytes {
    pub(crate) data: Vec<u8>,
    pub(crate) init: Vec<bool>,
}

impl Bytes {
    pub(crate) fn known(data: Vec<u8>) -> Self {
        let init = vec![true; data.len()];
        Self { data, init }
    }
}

/// Width of a type in bits.
pub(crate) fn width(ty: Type) -> u32 {
    if ty == Type::Bool { 1 } else { ty.bytes() * 8 }
}

/// Cuts bits to the width of a type.
pub(crate) fn cut(bits: u128, ty: Type) -> u128 {
    let w = width(ty);
    if w == 128 { bits } else { bits & ((1 << w) - 1) }
}

/// The bits read as a signed integer of the type's width.
pub(crate) fn signed(bits: u128, ty: Type) -> i128 {
    let shift = 128 - width(ty);
    ((bits << shift) as i128) >> shift
}

fn f32_of(bits: u128) -> f32 {
    f32::from_bits(bits as u32)
}

fn f64_of(bits: u128) -> f64 {
    f64::from_bits(bits as u64)
}

fn float1(ty: Type, a: u128, on32: fn(f32) -> f32, on64: fn(f64) -> f64) -> u128 {
    if ty == Type::F32 {
        u128::from(on32(f32_of(a)).to_bits())
    } else {
        u128::from(on64(f64_of(a)).to_bits())
    }
}

fn float2(
    ty: Type,
    a: u128,
    b: u128,
    on32: fn(f32, f32) -> f32,
    on64: fn(f64, f64) -> f64,
) -> u128 {
    if ty == Type::F32 {
        u128::from(on32(f32_of(a), f32_of(b)).to_bits())
    } else {
        u128::from(on64(f64_of(a), f64_of(b)).to_bits())
    }
}

pub(crate) fn unary(op: UnaryOp, ty: Type, a: u128) -> u128 {
    let w = width(ty);
    match op {
        UnaryOp::Neg => cut(a.wrapping_neg(), ty),
        UnaryOp::Not => cut(!a, ty),
        UnaryOp::Clz => u128::from(a.leading_zeros() - (128 - w)),
        UnaryOp::Ctz => u128::from(a.trailing_zeros().min(w)),
        UnaryOp::Popcnt => u128::from(a.count_ones()),
        UnaryOp::Fneg => a ^ (1 << (w - 1)),
        UnaryOp::Fabs => a & !(1 << (w - 1)),
        UnaryOp::Fsqrt => float1(ty, a, f32::sqrt, f64::sqrt),
        UnaryOp::Ftrunc => float1(ty, a, f32::trunc, f64::trunc),
        UnaryOp::Ffloor => float1(ty, a, f32::floor, f64::floor),
        UnaryOp::Fceil => float1(ty, a, f32::ceil, f64::ceil),
    }
}

/// NaN if either is, `-0` below `+0`.
macro_rules! extreme {
    ($name:ident, $t:ty, $less:expr) => {
        fn $name(a: $t, b: $t) -> $t {
            let less: fn($t, $t) -> bool = $less;
            if a.is_nan() || b.is_nan() {
                a + b
            } else if less(a, b) {
                a
            } else {
                b
            }
        }
    };
}

extreme!(min32, f32, |a, b| a.total_cmp(&b).is_lt());
extreme!(min64, f64, |a, b| a.total_cmp(&b).is_lt());
extreme!(max32, f32, |a, b| a.total_cmp(&b).is_gt());
extreme!(max64, f64, |a, b| a.total_cmp(&b).is_gt());

pub(crate) fn binary(op: BinaryOp, ty: Type, a: u128, b: u128) -> u128 {
    let count = || (b % u128::from(width(ty))) as u32;
    match op {
        BinaryOp::Add => cut(a.wrapping_add(b), ty),
        BinaryOp::Sub => cut(a.wrapping_sub(b), ty),
        BinaryOp::Mul => cut(a.wrapping_mul(b), ty),
        BinaryOp::And => a & b,
        BinaryOp::Or => a | b,
        BinaryOp::Xor => a ^ b,
        BinaryOp::Shl => cut(a << count(), ty),
        BinaryOp::Ushr => a >> count(),
        BinaryOp::Sshr => cut((signed(a, ty) >> count()) as u128, ty),
        BinaryOp::Fadd => float2(ty, a, b, |x, y| x + y, |x, y| x + y),
        BinaryOp::Fsub => float2(ty, a, b, |x, y| x - y, |x, y| x - y),
        BinaryOp::Fmul => float2(ty, a, b, |x, y| x * y, |x, y| x * y),
        BinaryOp::Fdiv => float2(ty, a, b, |x, y| x / y, |x, y| x / y),
        BinaryOp::Fmin => float2(ty, a, b, min32, min64),
        BinaryOp::Fmax => float2(ty, a, b, max32, max64),
    }
}

/// Result and whether it is inexact.
pub(crate) fn checked(op: CheckedOp, ty: Type, a: u128, b: u128) -> (u128, bool) {
    let (sa, sb) = (signed(a, ty), signed(b, ty));
    let from_signed = |(r, over): (i128, bool)| {
        let bits = cut(r as u128, ty);
        (bits, over || signed(bits, ty) != r)
    };
    let from_unsigned = |(r, over): (u128, bool)| {
        let bits = cut(r, ty);
        (bits, over || bits != r)
    };
    let overflows = |sa, sb: i128| sb == 0 || (sb == -1 && sa == signed(1 << (width(ty) - 1), ty));
    match op {
        CheckedOp::Sadd => from_signed(sa.overflowing_add(sb)),
        CheckedOp::Ssub => from_signed(sa.overflowing_sub(sb)),
        CheckedOp::Smul => from_signed(sa.overflowing_mul(sb)),
        CheckedOp::Uadd => from_unsigned(a.overflowing_add(b)),
        CheckedOp::Usub => from_unsigned(a.overflowing_sub(b)),
        CheckedOp::Umul => from_unsigned(a.overflowing_mul(b)),
        CheckedOp::Sdiv | CheckedOp::Srem if overflows(sa, sb) => (0, true),
        CheckedOp::Udiv | CheckedOp::Urem if b == 0 => (0, true),
        CheckedOp::Sdiv => (cut((sa / sb) as u128, ty), false),
        CheckedOp::Srem => (cut((sa % sb) as u128, ty), false),
        CheckedOp::Udiv => (a / b, false),
        CheckedOp::Urem => (a % b, false),
    }
}

#[allow(clippy::float_cmp, reason = "the IR's comparison is exact")]
pub(crate) fn compare(op: CompareOp, ty: Type, a: u128, b: u128) -> bool {
    let (sa, sb) = (signed(a, ty), signed(b, ty));
    let float = |test: fn(f64, f64) -> bool| {
        if ty == Type::F32 {
            test(f64::from(f32_of(a)), f64::from(f32_of(b)))
        } else {
            test(f64_of(a), f64_of(b))
        }
    };
    match op {
        CompareOp::Eq => a == b,
        CompareOp::Ne => a != b,
        CompareOp::Slt => sa < sb,
        CompareOp::Sle => sa <= sb,
        CompareOp::Sgt => sa > sb,
        CompareOp::Sge => sa >= sb,
        CompareOp::Ult => a < b,
        CompareOp::Ule => a <= b,
        CompareOp::Ugt => a > b,
        CompareOp::Uge => a >= b,
        CompareOp::Feq => float(|x, y| x == y),
        CompareOp::Fne => float(|x, y| x != y),
        CompareOp::Flt => float(|x, y| x < y),
        CompareOp::Fle => float(|x, y| x <= y),
        CompareOp::Fgt => float(|x, y| x > y),
        CompareOp::Fge => float(|x, y| x >= y),
    }
}

#[allow(clippy::cast_precision_loss, reason = "rounding to nearest is what the IR asks for")]
pub(crate) fn convert(op: ConvertOp, from: Type, to: Type, a: u128) -> u128 {
    let float = |x: f64, y: f32| {
        if to == Type::F32 { u128::from(y.to_bits()) } else { u128::from(x.to_bits()) }
    };
    let value = || if from == Type::F32 { f64::from(f32_of(a)) } else { f64_of(a) };
    match op {
        ConvertOp::Sext => cut(signed(a, from) as u128, to),
        ConvertOp::Zext | ConvertOp::Trunc | ConvertOp::Bitcast => cut(a, to),
        ConvertOp::SintToFloat => float(signed(a, from) as f64, signed(a, from) as f32),
        ConvertOp::UintToFloat => float(a as f64, a as f32),
        ConvertOp::FloatToSint => {
            let w = width(to);
            let (lo, hi) = (signed(1 << (w - 1), to), !signed(1 << (w - 1), to));
            cut((value() as i128).clamp(lo, hi) as u128, to)
        }
        ConvertOp::FloatToUint => (value() as u128).min(cut(u128::MAX, to)),
        ConvertOp::Promote => u128::from(f64::from(f32_of(a)).to_bits()),
        ConvertOp::Demote => u128::from((f64_of(a) as f32).to_bits()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checked_arithmetic_flags_exactly_the_inexact() {
        let max = cut(i64::MAX as u128, Type::I64);
        let min = cut(i64::MIN as u128, Type::I64);
        let minus_one = cut(u128::MAX, Type::I64);
        assert_eq!(checked(CheckedOp::Sadd, Type::I64, max, 1), (min, true));
        assert_eq!(checked(CheckedOp::Sadd, Type::I64, max, minus_one), (max - 1, false));
        assert_eq!(checked(CheckedOp::Sdiv, Type::I64, min, minus_one), (0, true));
        assert_eq!(checked(CheckedOp::Srem, Type::I64, min, minus_one), (0, true));
        assert_eq!(checked(CheckedOp::Udiv, Type::I8, 200, 0), (0, true));
        assert_eq!(checked(CheckedOp::Uadd, Type::I8, 200, 56), (0, true));
        assert_eq!(checked(CheckedOp::Smul, Type::I128, 1 << 126, 2), (1 << 127, true));
    }

    #[test]
    fn conversions_saturate_and_truncate() {
        let big = u128::from(1e30f64.to_bits());
        assert_eq!(convert(ConvertOp::FloatToSint, Type::F64, Type::I32, big), 0x7fff_ffff);
        assert_eq!(convert(ConvertOp::FloatToUint, Type::F64, Type::I8, big), 255);
        let nan = u128::from(f64::NAN.to_bits());
        assert_eq!(convert(ConvertOp::FloatToSint, Type::F64, Type::I64, nan), 0);
        assert_eq!(convert(ConvertOp::Sext, Type::I8, Type::I16, 0x80), 0xff80);
        assert_eq!(unary(UnaryOp::Clz, Type::I16, 1), 15);
        assert_eq!(unary(UnaryOp::Ctz, Type::I8, 0), 8);
    }
}
