//! Arithmetic, comparison and casts of scalars.

use super::func::FnCx;
use super::host_table::fault;
use super::layout::int_type;
use crate::ir::{BinaryOp, CheckedOp, CompareOp, ConvertOp, Type, UnaryOp, Value};
use crate::sema::hir::{AdtKind, BinOp, Overflow, UnOp};
use crate::sema::types::{IntTy, TyId, TyKind};
use vitte_abi::fault_code;

/// How the bits of a scalar are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Num {
    Signed,
    /// Unsigned integers, characters, truth values, tags.
    Unsigned,
    Float,
}

impl FnCx<'_, '_> {
    fn num(&mut self, ty: TyId) -> Num {
        let ty = self.ty(ty);
        match self.cx.types.kind(ty) {
            TyKind::F32 | TyKind::F64 => Num::Float,
            TyKind::Int(i) if i.is_signed() => Num::Signed,
            _ => Num::Unsigned,
        }
    }

    /// `a op b` on scalars of type `ty`; `count_ty` is the type of a shift's right operand.
    pub(super) fn arith(
        &mut self,
        op: BinOp,
        overflow: Overflow,
        [a, b]: [Value; 2],
        ty: TyId,
        count_ty: TyId,
    ) -> Value {
        let num = self.num(ty);
        if op.is_comparison() {
            return self.e.compare(comparison(op, num), a, b);
        }
        match (op, num) {
            (BinOp::BitAnd, _) => self.e.binary(BinaryOp::And, a, b),
            (BinOp::BitOr, _) => self.e.binary(BinaryOp::Or, a, b),
            (BinOp::BitXor, _) => self.e.binary(BinaryOp::Xor, a, b),
            (BinOp::Shl | BinOp::Shr, _) => self.shift(op, overflow, a, b, num, count_ty),
            (_, Num::Float) => self.float_op(op, a, b),
            (BinOp::Div | BinOp::Rem, _) => self.divide(op, overflow, a, b, num),
            _ => {
                let signed = num == Num::Signed;
                let (wrapping, checked) = match (op, signed) {
                    (BinOp::Add, true) => (BinaryOp::Add, CheckedOp::Sadd),
                    (BinOp::Add, false) => (BinaryOp::Add, CheckedOp::Uadd),
                    (BinOp::Sub, true) => (BinaryOp::Sub, CheckedOp::Ssub),
                    (BinOp::Sub, false) => (BinaryOp::Sub, CheckedOp::Usub),
                    (_, true) => (BinaryOp::Mul, CheckedOp::Smul),
                    (_, false) => (BinaryOp::Mul, CheckedOp::Umul),
                };
                if overflow == Overflow::Wrapping {
                    return self.e.binary(wrapping, a, b);
                }
                let (v, flag) = self.e.checked(checked, a, b);
                self.fault_if(flag, fault_code::OVERFLOW, None);
                v
            }
        }
    }

    fn float_op(&mut self, op: BinOp, a: Value, b: Value) -> Value {
        let op = match op {
            BinOp::Add => BinaryOp::Fadd,
            BinOp::Sub => BinaryOp::Fsub,
            BinOp::Mul => BinaryOp::Fmul,
            BinOp::Div => BinaryOp::Fdiv,
            _ => {
                if self.e.ty(a) == Type::F64 {
                    return self.import_value("vitte_fmod", &[a, b]);
                }
                let a = self.e.convert(ConvertOp::Promote, a, Type::F64);
                let b = self.e.convert(ConvertOp::Promote, b, Type::F64);
                let r = self.import_value("vitte_fmod", &[a, b]);
                return self.e.convert(ConvertOp::Demote, r, Type::F32);
            }
        };
        self.e.binary(op, a, b)
    }

    fn divide(&mut self, op: BinOp, overflow: Overflow, a: Value, b: Value, num: Num) -> Value {
        let ty = self.e.ty(a);
        let zero = self.e.iconst(ty, 0);
        let is_zero = self.e.compare(CompareOp::Eq, b, zero);
        self.fault_if(is_zero, fault_code::DIVISION, None);
        let checked = match (op, num) {
            (BinOp::Div, Num::Signed) => CheckedOp::Sdiv,
            (BinOp::Div, _) => CheckedOp::Udiv,
            (_, Num::Signed) => CheckedOp::Srem,
            _ => CheckedOp::Urem,
        };
        let (v, flag) = self.e.checked(checked, a, b);
        if num != Num::Signed {
            return v;
        }
        if overflow == Overflow::Checked {
            self.fault_if(flag, fault_code::OVERFLOW, None);
            return v;
        }
        // Smallest / -1 wraps to itself; the remainder is 0.
        if op == BinOp::Rem {
            return v;
        }
        self.e.value(crate::ir::InstKind::Select { cond: flag, args: [a, v] }, ty)
    }

    fn shift(
        &mut self,
        op: BinOp,
        overflow: Overflow,
        a: Value,
        b: Value,
        num: Num,
        count_ty: TyId,
    ) -> Value {
        let (ty, have) = (self.e.ty(a), self.e.ty(b));
        if overflow == Overflow::Checked {
            let bits = self.e.iconst(have, i128::from(8 * ty.bytes()));
            let bad = self.e.compare(CompareOp::Uge, b, bits);
            let wide = self.wide_int(b, count_ty);
            self.fault_if(bad, fault::SHIFT, Some(wide));
        }
        let count = match have.bytes().cmp(&ty.bytes()) {
            std::cmp::Ordering::Equal => b,
            std::cmp::Ordering::Less => self.e.convert(ConvertOp::Zext, b, ty),
            std::cmp::Ordering::Greater => self.e.convert(ConvertOp::Trunc, b, ty),
        };
        let op = match (op, num) {
            (BinOp::Shl, _) => BinaryOp::Shl,
            (_, Num::Signed) => BinaryOp::Sshr,
            _ => BinaryOp::Ushr,
        };
        self.e.binary(op, a, count)
    }

    /// An integer as `i64`, by its type.
    pub(super) fn wide_int(&mut self, v: Value, ty: TyId) -> Value {
        if self.e.ty(v) == Type::I64 {
            return v;
        }
        let op = if self.num(ty) == Num::Signed { ConvertOp::Sext } else { ConvertOp::Zext };
        self.e.convert(op, v, Type::I64)
    }

    /// An operator on one scalar.
    pub(super) fn arith_unary(
        &mut self,
        op: UnOp,
        overflow: Overflow,
        v: Value,
        ty: TyId,
    ) -> Value {
        match (op, self.num(ty)) {
            (UnOp::Not | UnOp::BitNot, _) => self.e.unary(UnaryOp::Not, v),
            (UnOp::Neg, Num::Float) => self.e.unary(UnaryOp::Fneg, v),
            (UnOp::Neg, _) if overflow == Overflow::Wrapping => self.e.unary(UnaryOp::Neg, v),
            (UnOp::Neg, num) => {
                let t = self.e.ty(v);
                let zero = self.e.iconst(t, 0);
                let op = if num == Num::Signed { CheckedOp::Ssub } else { CheckedOp::Usub };
                let (v, flag) = self.e.checked(op, zero, v);
                self.fault_if(flag, fault_code::OVERFLOW, None);
                v
            }
        }
    }

    /// `v as to`.
    pub(super) fn cast(&mut self, v: Value, from: TyId, to: TyId) -> Value {
        let (from, to) = (self.ty(from), self.ty(to));
        if from == to {
            return v;
        }
        let num = self.num(from);
        match self.cx.types.kind(to).clone() {
            TyKind::Int(int) => self.cast_to_int(v, from, num, int),
            TyKind::Char => {
                let wide = self.wide_int(v, from);
                let v32 = self.cast_to_int(v, from, num, IntTy::U32);
                let limit = self.e.iconst(Type::I64, 0x11_0000);
                let too_big = self.e.compare(CompareOp::Uge, wide, limit);
                let base = self.e.iconst(Type::I64, 0xd800);
                let off = self.e.binary(BinaryOp::Sub, wide, base);
                let n = self.e.iconst(Type::I64, 0x800);
                let surrogate = self.e.compare(CompareOp::Ult, off, n);
                let bad = self.e.binary(BinaryOp::Or, too_big, surrogate);
                self.fault_if(bad, fault::CHAR, Some(wide));
                v32
            }
            TyKind::F32 | TyKind::F64 => {
                let want =
                    if *self.cx.types.kind(to) == TyKind::F32 { Type::F32 } else { Type::F64 };
                match (num, self.e.ty(v)) {
                    (Num::Float, Type::F32) => self.e.convert(ConvertOp::Promote, v, want),
                    (Num::Float, _) => self.e.convert(ConvertOp::Demote, v, want),
                    (Num::Signed, _) => self.e.convert(ConvertOp::SintToFloat, v, want),
                    (Num::Unsigned, Type::Bool) => {
                        let v = self.e.convert(ConvertOp::Zext, v, Type::I32);
                        self.e.convert(ConvertOp::UintToFloat, v, want)
                    }
                    (Num::Unsigned, _) => self.e.convert(ConvertOp::UintToFloat, v, want),
                }
            }
            TyKind::Bool => {
                let ty = self.e.ty(v);
                let zero = self.e.iconst(ty, 0);
                self.e.compare(CompareOp::Ne, v, zero)
            }
            _ => v,
        }
    }

    fn cast_to_int(&mut self, v: Value, from: TyId, num: Num, to: IntTy) -> Value {
        let want = int_type(to);
        if num == Num::Float {
            let op = if to.is_signed() { ConvertOp::FloatToSint } else { ConvertOp::FloatToUint };
            return self.e.convert(op, v, want);
        }
        let (v, num) = match self.arm_numbers(from) {
            Some(numbers) => (self.arm_number(v, &numbers), Num::Signed),
            None => (v, num),
        };
        let have = self.e.ty(v);
        if have == want {
            return v;
        }
        if have != Type::Bool && have.bytes() > want.bytes() {
            return self.e.convert(ConvertOp::Trunc, v, want);
        }
        let op = if num == Num::Signed { ConvertOp::Sext } else { ConvertOp::Zext };
        self.e.convert(op, v, want)
    }

    /// Numbers of the arms of a pick without payload.
    fn arm_numbers(&self, ty: TyId) -> Option<Vec<i64>> {
        let TyKind::Adt(adt, _) = self.cx.types.kind(ty) else { return None };
        match &self.cx.program.adts[adt.0 as usize].kind {
            AdtKind::Form(_) => None,
            AdtKind::Pick(arms) => Some(arms.iter().map(|v| v.number).collect()),
        }
    }

    fn arm_number(&mut self, tag: Value, numbers: &[i64]) -> Value {
        let wide = self.e.convert(ConvertOp::Zext, tag, Type::I64);
        if numbers.iter().zip(0..).all(|(&n, i)| n == i) {
            return wide;
        }
        let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        let table = self.cx.bytes_data(&bytes);
        let base = self.e.value(crate::ir::InstKind::DataAddr(table, 0), Type::Ptr);
        let eight = self.e.iconst(Type::I64, 8);
        let offset = self.e.binary(BinaryOp::Mul, wide, eight);
        let addr = self.add_addr(base, offset);
        self.e.load(Type::I64, addr, 0)
    }
}

fn comparison(op: BinOp, num: Num) -> CompareOp {
    use CompareOp as C;
    match (op, num) {
        (BinOp::Eq, Num::Float) => C::Feq,
        (BinOp::Ne, Num::Float) => C::Fne,
        (BinOp::Lt, Num::Float) => C::Flt,
        (BinOp::Le, Num::Float) => C::Fle,
        (BinOp::Gt, Num::Float) => C::Fgt,
        (_, Num::Float) => C::Fge,
        (BinOp::Eq, _) => C::Eq,
        (BinOp::Ne, _) => C::Ne,
        (BinOp::Lt, Num::Signed) => C::Slt,
        (BinOp::Le, Num::Signed) => C::Sle,
        (BinOp::Gt, Num::Signed) => C::Sgt,
        (_, Num::Signed) => C::Sge,
        (BinOp::Lt, _) => C::Ult,
        (BinOp::Le, _) => C::Ule,
        (BinOp::Gt, _) => C::Ugt,
        _ => C::Uge,
    }
}
