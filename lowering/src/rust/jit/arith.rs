//! Numbers: constants, arithmetic that faults as rustc's debug builds panic, comparisons, casts.

use super::Refusal;
use super::emit::{Emit, Made};
use super::places::odd;
use super::tree::{Cmp, Op};
use super::types::{Int, Prim, Ty};
use crate::ir::{BinaryOp, CheckedOp, CompareOp, ConvertOp, Type, Value};
use proc_macro2::Span as RustSpan;

impl Emit<'_, '_> {
    pub(super) fn number(&mut self, prim: Prim, n: i128, span: RustSpan) -> Made<Value> {
        let Prim::Int(int) = prim else { return Err(odd(span)) };
        if n < int.min() || n > int.max() {
            let text = format!("`{n}` does not fit `{}`", Ty::Prim(prim).name());
            return Err(Refusal::new(span, text).into());
        }
        Ok(self.b.iconst(prim.ir(), n))
    }

    pub(super) fn compare(&mut self, cmp: Cmp, prim: Prim, a: Value, b: Value) -> Value {
        use CompareOp as C;
        let float = matches!(prim, Prim::F32 | Prim::F64);
        let signed = matches!(prim, Prim::Int(Int { signed: true, .. }));
        let op = match (cmp, float, signed) {
            (Cmp::Eq, false, _) => C::Eq,
            (Cmp::Ne, false, _) => C::Ne,
            (Cmp::Lt, false, true) => C::Slt,
            (Cmp::Le, false, true) => C::Sle,
            (Cmp::Gt, false, true) => C::Sgt,
            (Cmp::Ge, false, true) => C::Sge,
            (Cmp::Lt, false, false) => C::Ult,
            (Cmp::Le, false, false) => C::Ule,
            (Cmp::Gt, false, false) => C::Ugt,
            (Cmp::Ge, false, false) => C::Uge,
            (Cmp::Eq, true, _) => C::Feq,
            (Cmp::Ne, true, _) => C::Fne,
            (Cmp::Lt, true, _) => C::Flt,
            (Cmp::Le, true, _) => C::Fle,
            (Cmp::Gt, true, _) => C::Fgt,
            (Cmp::Ge, true, _) => C::Fge,
        };
        // `bool` has equality only.
        if prim == Prim::Bool && !matches!(cmp, Cmp::Eq | Cmp::Ne) {
            let (a, b) = (
                self.b.convert(ConvertOp::Zext, a, Type::I8),
                self.b.convert(ConvertOp::Zext, b, Type::I8),
            );
            return self.b.compare(op, a, b);
        }
        self.b.compare(op, a, b)
    }

    pub(super) fn arith(
        &mut self,
        op: Op,
        prim: Prim,
        of: Prim,
        a: Value,
        b: Value,
        span: RustSpan,
    ) -> Made<Value> {
        use BinaryOp as B;
        if matches!(prim, Prim::F32 | Prim::F64) {
            let op = match op {
                Op::Add => B::Fadd,
                Op::Sub => B::Fsub,
                Op::Mul => B::Fmul,
                Op::Div => B::Fdiv,
                _ => {
                    let text = "this operator cannot be used on floats in a JIT task";
                    return Err(Refusal::new(span, text).into());
                }
            };
            return Ok(self.b.binary(op, a, b));
        }
        let bits = match op {
            Op::And => Some(B::And),
            Op::Or => Some(B::Or),
            Op::Xor => Some(B::Xor),
            _ => None,
        };
        if let Some(op) = bits {
            return Ok(self.b.binary(op, a, b));
        }
        let Prim::Int(int) = prim else { return Err(odd(span)) };
        if matches!(op, Op::Shl | Op::Shr) {
            return self.shift(op, int, of, a, b, span);
        }
        use CheckedOp as C;
        let (checked, name) = match (op, int.signed) {
            (Op::Add, true) => (C::Sadd, "add"),
            (Op::Add, false) => (C::Uadd, "add"),
            (Op::Sub, true) => (C::Ssub, "subtract"),
            (Op::Sub, false) => (C::Usub, "subtract"),
            (Op::Mul, true) => (C::Smul, "multiply"),
            (Op::Mul, false) => (C::Umul, "multiply"),
            (Op::Div, true) => (C::Sdiv, "divide"),
            (Op::Div, false) => (C::Udiv, "divide"),
            (_, true) => (C::Srem, "calculate the remainder"),
            (_, false) => (C::Urem, "calculate the remainder"),
        };
        if matches!(op, Op::Div | Op::Rem) {
            let zero = self.b.iconst(prim.ir(), 0);
            let bad = self.b.compare(CompareOp::Eq, b, zero);
            let text = match op {
                Op::Div => "attempt to divide by zero",
                _ => "attempt to calculate the remainder with a divisor of zero",
            };
            self.fault_if(bad, text, None);
        }
        let (v, bad) = self.b.checked(checked, a, b);
        self.fault_if(bad, format!("attempt to {name} with overflow"), None);
        Ok(v)
    }

    pub(super) fn shift(
        &mut self,
        op: Op,
        int: Int,
        of: Prim,
        a: Value,
        b: Value,
        span: RustSpan,
    ) -> Made<Value> {
        let Prim::Int(count) = of else { return Err(odd(span)) };
        let most = self.b.iconst(of.ir(), i128::from(int.bits));
        let bad = self.b.compare(CompareOp::Uge, b, most);
        let side = if op == Op::Shl { "left" } else { "right" };
        self.fault_if(bad, format!("attempt to shift {side} with overflow"), None);
        let ty = self.b.value_type(a);
        let b = match count.bits.cmp(&int.bits) {
            std::cmp::Ordering::Less => self.b.convert(ConvertOp::Zext, b, ty),
            std::cmp::Ordering::Equal => b,
            std::cmp::Ordering::Greater => self.b.convert(ConvertOp::Trunc, b, ty),
        };
        let op = match (op, int.signed) {
            (Op::Shl, _) => BinaryOp::Shl,
            (_, true) => BinaryOp::Sshr,
            (_, false) => BinaryOp::Ushr,
        };
        Ok(self.b.binary(op, a, b))
    }

    pub(super) fn cast(&mut self, v: Value, from: Prim, to: Prim, span: RustSpan) -> Made<Value> {
        use ConvertOp as C;
        let t = to.ir();
        let signed = matches!(from, Prim::Int(Int { signed: true, .. }));
        let to_signed = matches!(to, Prim::Int(Int { signed: true, .. }));
        Ok(match (from, to) {
            _ if from == to => v,
            (Prim::F32, Prim::F64) => self.b.convert(C::Promote, v, t),
            (Prim::F64, Prim::F32) => self.b.convert(C::Demote, v, t),
            (Prim::F32 | Prim::F64, Prim::Int(_)) => {
                self.b.convert(if to_signed { C::FloatToSint } else { C::FloatToUint }, v, t)
            }
            (Prim::Int(_), Prim::F32 | Prim::F64) => {
                self.b.convert(if signed { C::SintToFloat } else { C::UintToFloat }, v, t)
            }
            (Prim::Int(Int::U8), Prim::Char) | (Prim::Bool, Prim::Int(_)) => {
                self.b.convert(C::Zext, v, t)
            }
            (Prim::Int(_) | Prim::Char, Prim::Int(_)) => match from.ir().bytes().cmp(&t.bytes()) {
                std::cmp::Ordering::Less => {
                    self.b.convert(if signed { C::Sext } else { C::Zext }, v, t)
                }
                std::cmp::Ordering::Equal => v,
                std::cmp::Ordering::Greater => self.b.convert(C::Trunc, v, t),
            },
            _ => {
                let (from, to) = (Ty::Prim(from).name(), Ty::Prim(to).name());
                return Err(Refusal::new(span, format!("`{from}` cannot be cast to `{to}`")).into());
            }
        })
    }
}
