//! Constants, arithmetic, comparisons and conversions.

use super::{Result, Translator};
use crate::signature::clif_type;
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::{self as clif, InstBuilder, MemFlagsData, types};
use cranelift_module::Module as Output;
use vitte_lowering::ir::{
    BinaryOp, CheckedOp, CompareOp, ConvertOp, InstKind, Type, UnaryOp, Value, ValueDef,
};

impl<M: Output> Translator<'_, '_, M> {
    pub(super) fn constant(&mut self, ty: Type, bits: u128) -> clif::Value {
        match ty {
            Type::Bool => self.iconst(types::I8, i64::from(bits & 1 != 0)),
            Type::I8 => self.iconst(types::I8, i64::from(bits as u8)),
            Type::I16 => self.iconst(types::I16, i64::from(bits as u16)),
            Type::I32 => self.iconst(types::I32, i64::from(bits as u32)),
            Type::I64 | Type::Ptr | Type::Ref(_) => self.iconst(types::I64, bits as i64),
            Type::I128 => self.iconst128(bits),
            Type::F32 => self.b.ins().f32const(Ieee32::with_bits(bits as u32)),
            Type::F64 => self.b.ins().f64const(Ieee64::with_bits(bits as u64)),
        }
    }

    fn iconst128(&mut self, bits: u128) -> clif::Value {
        let low = self.iconst(types::I64, bits as i64);
        let high = self.iconst(types::I64, (bits >> 64) as i64);
        self.b.ins().iconcat(low, high)
    }

    /// An integer constant of any width.
    fn int(&mut self, ty: clif::Type, n: i64) -> clif::Value {
        match ty.bits() {
            128 => self.iconst128(i128::from(n) as u128),
            64 => self.iconst(ty, n),
            bits => self.iconst(ty, n & ((1 << bits) - 1)),
        }
    }

    /// The smallest signed integer.
    fn int_min(&mut self, ty: clif::Type) -> clif::Value {
        match ty.bits() {
            128 => self.iconst128(1 << 127),
            bits => self.int(ty, i64::MIN >> (64 - bits)),
        }
    }

    pub(super) fn unary(&mut self, op: UnaryOp, arg: Value) -> Result<clif::Value> {
        let x = self.value(arg)?;
        let is_bool = self.func.value_type(arg) == Type::Bool;
        self.check_class(
            matches!(
                op,
                UnaryOp::Fneg
                    | UnaryOp::Fsqrt
                    | UnaryOp::Ftrunc
                    | UnaryOp::Ffloor
                    | UnaryOp::Fceil
                    | UnaryOp::Fabs
            ),
            arg,
        )?;
        let one = if is_bool { Some(self.iconst(types::I8, 1)) } else { None };
        let ins = self.b.ins();
        Ok(match op {
            UnaryOp::Neg => ins.ineg(x),
            UnaryOp::Not => match one {
                Some(one) => ins.bxor(x, one),
                None => ins.bnot(x),
            },
            UnaryOp::Fneg => ins.fneg(x),
            UnaryOp::Clz => ins.clz(x),
            UnaryOp::Ctz => ins.ctz(x),
            UnaryOp::Popcnt => ins.popcnt(x),
            UnaryOp::Fsqrt => ins.sqrt(x),
            UnaryOp::Ftrunc => ins.trunc(x),
            UnaryOp::Ffloor => ins.floor(x),
            UnaryOp::Fceil => ins.ceil(x),
            UnaryOp::Fabs => ins.fabs(x),
        })
    }

    pub(super) fn binary(&mut self, op: BinaryOp, args: [Value; 2]) -> Result<clif::Value> {
        use BinaryOp as B;
        let [x, y] = self.values_of(args)?;
        let float = matches!(op, B::Fadd | B::Fsub | B::Fmul | B::Fdiv | B::Fmin | B::Fmax);
        self.check_class(float, args[0])?;
        let ins = self.b.ins();
        Ok(match op {
            B::Add => ins.iadd(x, y),
            B::Sub => ins.isub(x, y),
            B::Mul => ins.imul(x, y),
            B::And => ins.band(x, y),
            B::Or => ins.bor(x, y),
            B::Xor => ins.bxor(x, y),
            B::Shl => ins.ishl(x, y),
            B::Sshr => ins.sshr(x, y),
            B::Ushr => ins.ushr(x, y),
            B::Fadd => ins.fadd(x, y),
            B::Fsub => ins.fsub(x, y),
            B::Fmul => ins.fmul(x, y),
            B::Fdiv => ins.fdiv(x, y),
            B::Fmin => ins.fmin(x, y),
            B::Fmax => ins.fmax(x, y),
        })
    }

    /// Integer operators on integers, float operators on floats.
    fn check_class(&self, float: bool, arg: Value) -> Result<()> {
        if self.func.value_type(arg).is_float() == float {
            return Ok(());
        }
        Err(self.malformed(format!("{arg} has the wrong type for its operator")))
    }

    pub(super) fn checked(&mut self, op: CheckedOp, args: [Value; 2]) -> Result<[clif::Value; 2]> {
        use CheckedOp as C;
        let [x, y] = self.values_of(args)?;
        self.check_class(false, args[0])?;
        let wide = self.type_of(x) == types::I128;
        let ins = self.b.ins();
        let (v, overflow) = match op {
            C::Sadd => ins.sadd_overflow(x, y),
            C::Ssub => ins.ssub_overflow(x, y),
            C::Uadd => ins.uadd_overflow(x, y),
            C::Usub => ins.usub_overflow(x, y),
            C::Smul if wide => self.smul128(x, y),
            C::Umul if wide => self.umul128(x, y),
            C::Smul => ins.smul_overflow(x, y),
            C::Umul => ins.umul_overflow(x, y),
            C::Sdiv | C::Udiv | C::Srem | C::Urem if wide => {
                return Err(self
                    .unsupported("division of i128 is not defined; call an import that divides"));
            }
            C::Sdiv | C::Udiv | C::Srem | C::Urem => self.divide(op, x, y, args[1]),
        };
        Ok([v, overflow])
    }

    /// 128-bit product and whether it is exact, from 64-bit halves.
    fn umul128(&mut self, x: clif::Value, y: clif::Value) -> (clif::Value, clif::Value) {
        let product = self.b.ins().imul(x, y);
        let (x_low, x_high) = self.b.ins().isplit(x);
        let (y_low, y_high) = self.b.ins().isplit(y);
        let x_wide = self.b.ins().icmp_imm_u(IntCC::NotEqual, x_high, 0);
        let y_wide = self.b.ins().icmp_imm_u(IntCC::NotEqual, y_high, 0);
        let both = self.b.ins().band(x_wide, y_wide);
        let (cross1, o1) = self.b.ins().umul_overflow(x_high, y_low);
        let (cross2, o2) = self.b.ins().umul_overflow(x_low, y_high);
        let carry = self.b.ins().umulhi(x_low, y_low);
        let (sum, o3) = self.b.ins().uadd_overflow(cross1, cross2);
        let (_, o4) = self.b.ins().uadd_overflow(sum, carry);
        let mut overflow = both;
        for o in [o1, o2, o3, o4] {
            overflow = self.b.ins().bor(overflow, o);
        }
        (product, overflow)
    }

    /// As `umul128` on the magnitudes, with the sign put back.
    fn smul128(&mut self, x: clif::Value, y: clif::Value) -> (clif::Value, clif::Value) {
        let zero = self.int(types::I128, 0);
        let min = self.int_min(types::I128);
        let x_neg = self.b.ins().icmp(IntCC::SignedLessThan, x, zero);
        let y_neg = self.b.ins().icmp(IntCC::SignedLessThan, y, zero);
        let neg = self.b.ins().bxor(x_neg, y_neg);
        let minus_x = self.b.ins().ineg(x);
        let minus_y = self.b.ins().ineg(y);
        let x_abs = self.b.ins().select(x_neg, minus_x, x);
        let y_abs = self.b.ins().select(y_neg, minus_y, y);
        let (magnitude, wrapped) = self.umul128(x_abs, y_abs);
        let minus = self.b.ins().ineg(magnitude);
        let product = self.b.ins().select(neg, minus, magnitude);
        let over_neg = self.b.ins().icmp(IntCC::UnsignedGreaterThan, magnitude, min);
        let over_pos = self.b.ins().icmp(IntCC::SignedLessThan, magnitude, zero);
        let over = self.b.ins().select(neg, over_neg, over_pos);
        (product, self.b.ins().bor(wrapped, over))
    }

    /// Division that cannot trap: where it is not defined the divisor is replaced by 1 and the
    /// result by 0.
    fn divide(
        &mut self,
        op: CheckedOp,
        x: clif::Value,
        y: clif::Value,
        divisor: Value,
    ) -> (clif::Value, clif::Value) {
        let ty = self.type_of(x);
        let signed = matches!(op, CheckedOp::Sdiv | CheckedOp::Srem);
        let safe = self.constant_bits(divisor).is_some_and(|bits| {
            let bits = (bits as u64) << (64 - ty.bits());
            bits != 0 && !(signed && bits == u64::MAX << (64 - ty.bits()))
        });
        let bad = if safe {
            None
        } else {
            let mut bad = self.b.ins().icmp_imm_u(IntCC::Equal, y, 0);
            if signed {
                let (min, minus_one) = (self.int_min(ty), self.int(ty, -1));
                let is_min = self.b.ins().icmp(IntCC::Equal, x, min);
                let is_minus_one = self.b.ins().icmp(IntCC::Equal, y, minus_one);
                let overflow = self.b.ins().band(is_min, is_minus_one);
                bad = self.b.ins().bor(bad, overflow);
            }
            Some(bad)
        };
        let one = self.int(ty, 1);
        let y = bad.map_or(y, |bad| self.b.ins().select(bad, one, y));
        let ins = self.b.ins();
        let v = match op {
            CheckedOp::Sdiv => ins.sdiv(x, y),
            CheckedOp::Udiv => ins.udiv(x, y),
            CheckedOp::Srem => ins.srem(x, y),
            _ => ins.urem(x, y),
        };
        let Some(bad) = bad else { return (v, self.iconst(types::I8, 0)) };
        let zero = self.int(ty, 0);
        (self.b.ins().select(bad, zero, v), bad)
    }

    /// The bits of a value that is a constant.
    fn constant_bits(&self, value: Value) -> Option<u128> {
        let ValueDef::Inst(inst, _) = self.func.values.get(value)?.def else { return None };
        match self.func.insts.get(inst)?.kind {
            InstKind::Const { bits, .. } => Some(bits),
            _ => None,
        }
    }

    pub(super) fn compare(&mut self, op: CompareOp, args: [Value; 2]) -> Result<clif::Value> {
        use CompareOp as C;
        let [x, y] = self.values_of(args)?;
        let int = |cc| Ok(cc);
        let cc = match op {
            C::Eq => int(IntCC::Equal),
            C::Ne => int(IntCC::NotEqual),
            C::Slt => int(IntCC::SignedLessThan),
            C::Sle => int(IntCC::SignedLessThanOrEqual),
            C::Sgt => int(IntCC::SignedGreaterThan),
            C::Sge => int(IntCC::SignedGreaterThanOrEqual),
            C::Ult => int(IntCC::UnsignedLessThan),
            C::Ule => int(IntCC::UnsignedLessThanOrEqual),
            C::Ugt => int(IntCC::UnsignedGreaterThan),
            C::Uge => int(IntCC::UnsignedGreaterThanOrEqual),
            C::Feq => Err(FloatCC::Equal),
            C::Fne => Err(FloatCC::NotEqual),
            C::Flt => Err(FloatCC::LessThan),
            C::Fle => Err(FloatCC::LessThanOrEqual),
            C::Fgt => Err(FloatCC::GreaterThan),
            C::Fge => Err(FloatCC::GreaterThanOrEqual),
        };
        self.check_class(cc.is_err(), args[0])?;
        Ok(match cc {
            Ok(cc) => self.b.ins().icmp(cc, x, y),
            Err(cc) => self.b.ins().fcmp(cc, x, y),
        })
    }

    pub(super) fn select(&mut self, cond: Value, args: [Value; 2]) -> Result<clif::Value> {
        let cond = self.condition(cond)?;
        let [x, y] = self.values_of(args)?;
        Ok(self.b.ins().select(cond, x, y))
    }

    /// A value that decides something.
    pub(super) fn condition(&self, cond: Value) -> Result<clif::Value> {
        let v = self.value(cond)?;
        if self.func.value_type(cond) != Type::Bool {
            return Err(self.malformed(format!("the condition {cond} is no bool")));
        }
        Ok(v)
    }

    pub(super) fn convert(&mut self, op: ConvertOp, arg: Value, ty: Type) -> Result<clif::Value> {
        use ConvertOp as C;
        let x = self.value(arg)?;
        let (from, to) = (self.type_of(x), clif_type(ty));
        let (from_ty, to_ty) = (self.func.value_type(arg), ty);
        let from_float = matches!(op, C::FloatToSint | C::FloatToUint | C::Promote | C::Demote);
        let to_float = matches!(op, C::SintToFloat | C::UintToFloat | C::Promote | C::Demote);
        if op != C::Bitcast && (from_ty.is_float() != from_float || to_ty.is_float() != to_float) {
            return Err(self.malformed(format!("no such conversion of {arg} to {ty}")));
        }
        let narrows = |from: clif::Type| from.bits() > to.bits();
        Ok(match op {
            C::Sext | C::Zext if narrows(from) => {
                return Err(self.malformed(format!("{arg} does not fit into {ty}")));
            }
            C::Sext | C::Zext if from == to => x,
            C::Sext => self.b.ins().sextend(to, x),
            C::Zext => self.b.ins().uextend(to, x),
            C::Trunc if ty == Type::Bool => {
                let low = if from == types::I8 { x } else { self.b.ins().ireduce(types::I8, x) };
                self.b.ins().band_imm_u(low, 1)
            }
            C::Trunc if from == to => x,
            C::Trunc if narrows(from) => self.b.ins().ireduce(to, x),
            C::Trunc => return Err(self.malformed(format!("{arg} is narrower than {ty}"))),
            C::SintToFloat | C::UintToFloat => self.int_to_float(op, x, to)?,
            C::FloatToSint | C::FloatToUint => self.float_to_int(op, x, to)?,
            C::Promote if from == to => x,
            C::Promote if from == types::F32 => self.b.ins().fpromote(to, x),
            C::Demote if from == to => x,
            C::Demote if from == types::F64 => self.b.ins().fdemote(to, x),
            C::Promote | C::Demote => {
                return Err(self.malformed(format!("no such conversion of {arg} to {ty}")));
            }
            C::Bitcast if from == to => x,
            C::Bitcast if from.bits() == to.bits() => {
                self.b.ins().bitcast(to, MemFlagsData::new(), x)
            }
            C::Bitcast => return Err(self.malformed(format!("{arg} is not as wide as {ty}"))),
        })
    }

    fn int_to_float(
        &mut self,
        op: ConvertOp,
        x: clif::Value,
        to: clif::Type,
    ) -> Result<clif::Value> {
        let signed = op == ConvertOp::SintToFloat;
        let from = self.type_of(x);
        if from == types::I128 {
            return Err(self.no_wide_floats());
        }
        // Narrow integers are exact in 64 bits, whatever their sign.
        let x = match (from, signed) {
            (types::I64, _) => x,
            (_, true) => self.b.ins().sextend(types::I64, x),
            (_, false) => self.b.ins().uextend(types::I64, x),
        };
        Ok(if signed || from != types::I64 {
            self.b.ins().fcvt_from_sint(to, x)
        } else {
            self.b.ins().fcvt_from_uint(to, x)
        })
    }

    fn float_to_int(
        &mut self,
        op: ConvertOp,
        x: clif::Value,
        to: clif::Type,
    ) -> Result<clif::Value> {
        if to == types::I128 {
            return Err(self.no_wide_floats());
        }
        let signed = op == ConvertOp::FloatToSint;
        if to.bits() >= 32 {
            let ins = self.b.ins();
            return Ok(if signed {
                ins.fcvt_to_sint_sat(to, x)
            } else {
                ins.fcvt_to_uint_sat(to, x)
            });
        }
        // Through 32 bits: a value that saturates there saturates here too.
        let bits = to.bits();
        let v = if signed {
            let v = self.b.ins().fcvt_to_sint_sat(types::I32, x);
            let max = self.int(types::I32, (1 << (bits - 1)) - 1);
            let min = self.int(types::I32, -(1 << (bits - 1)));
            let over = self.b.ins().icmp(IntCC::SignedGreaterThan, v, max);
            let v = self.b.ins().select(over, max, v);
            let under = self.b.ins().icmp(IntCC::SignedLessThan, v, min);
            self.b.ins().select(under, min, v)
        } else {
            let v = self.b.ins().fcvt_to_uint_sat(types::I32, x);
            let max = self.int(types::I32, (1 << bits) - 1);
            let over = self.b.ins().icmp(IntCC::UnsignedGreaterThan, v, max);
            self.b.ins().select(over, max, v)
        };
        Ok(self.b.ins().ireduce(to, v))
    }

    fn no_wide_floats(&self) -> crate::error::CodegenError {
        self.unsupported("conversion between i128 and floats; call an import that converts")
    }
}
