//! Operands of each instruction, and the results it must have.

use super::typing::Typing;
use crate::ir::entity::{Slot, Value};
use crate::ir::function::FuncKind;
use crate::ir::inst::{BinaryOp, CheckedOp, CompareOp, ConvertOp, InstKind, UnaryOp};
use crate::ir::types::{Ty, Type};

impl Typing<'_, '_> {
    /// Checks the operands; answers the types of the results.
    pub(super) fn operands(&mut self, kind: &InstKind) -> Vec<Type> {
        match kind {
            InstKind::Const { ty, bits } => {
                let width = if *ty == Type::Bool { 1 } else { 8 * ty.bytes() };
                if ty.is_ref() {
                    self.bad("IR0132", "a reference has no constant but null");
                } else if bits.checked_shr(width).unwrap_or(0) != 0 {
                    self.bad("IR0132", format!("{bits:#x} does not fit {ty}"));
                }
                vec![*ty]
            }
            InstKind::Null { ty } => {
                if !(*ty == Type::Ptr || ty.is_ref()) {
                    self.bad("IR0132", format!("{ty} has no null"));
                }
                vec![*ty]
            }
            InstKind::FuncAddr(func) => {
                if self.m.funcs[*func].kind.is_async() {
                    self.bad("IR0137", format!("{func} is async: it has a machine, no address"));
                }
                vec![Type::Ptr]
            }
            InstKind::MachineAddr(func) => {
                if self.m.funcs[*func].kind == FuncKind::Sync {
                    self.bad("IR0137", format!("{func} is sync: it has no machine"));
                }
                vec![Type::Ptr]
            }
            InstKind::DataAddr(data, offset) => {
                if *offset as usize > self.m.data[*data].bytes.len() {
                    self.bad("IR0133", format!("offset {offset} is behind the end of {data}"));
                }
                vec![Type::Ptr]
            }
            InstKind::DataRef(_, class) => vec![Type::Ref(*class)],
            InstKind::Unary { op, arg } => self.unary(*op, *arg),
            InstKind::Binary { op, args } => self.binary(*op, *args),
            InstKind::Checked { op, args } => self.checked(*op, *args),
            InstKind::Compare { op, args } => self.compare(*op, *args),
            InstKind::Select { cond, args: [a, b] } => {
                self.want(*cond, Type::Bool);
                let ty = self.ty(*a);
                self.want(*b, ty);
                vec![ty]
            }
            InstKind::Convert { op, arg, ty } => {
                let from = self.ty(*arg);
                if !converts(*op, from, *ty) {
                    self.bad("IR0130", format!("`{op}` does not take {from} to {ty}"));
                }
                vec![*ty]
            }
            InstKind::SlotAddr { slot, offset } => {
                let size = self.m.size_align(self.func.slots[*slot].ty).0;
                if *offset > size {
                    self.bad("IR0133", format!("offset {offset} is behind the end of {slot}"));
                }
                vec![Type::Ptr]
            }
            InstKind::SlotLoad { slot, offset, ty } => {
                self.access(*slot, *offset, *ty);
                vec![*ty]
            }
            InstKind::SlotStore { slot, offset, value } => {
                let ty = self.ty(*value);
                self.access(*slot, *offset, ty);
                Vec::new()
            }
            InstKind::Load { ty, addr, .. } => {
                self.want(*addr, Type::Ptr);
                vec![*ty]
            }
            InstKind::Store { addr, .. } => {
                self.want(*addr, Type::Ptr);
                Vec::new()
            }
            InstKind::PtrOffset { base, .. } => {
                self.want(*base, Type::Ptr);
                vec![Type::Ptr]
            }
            InstKind::Copy { dst, src, bytes } => {
                self.want(*dst, Type::Ptr);
                self.want(*src, Type::Ptr);
                if *bytes > crate::ir::MAX_BYTES {
                    self.bad("IR0103", format!("{bytes} bytes are too many"));
                }
                Vec::new()
            }
            InstKind::SlotLive(_)
            | InstKind::SlotDead(_)
            | InstKind::SlotInit(_)
            | InstKind::SlotForget(_)
            | InstKind::DropSlot(_)
            | InstKind::Budget => Vec::new(),
            InstKind::Retain(v) | InstKind::Drop(v) => {
                let is_ref = self.ty(*v).is_ref();
                self.want_that(*v, is_ref, "a reference");
                Vec::new()
            }
            InstKind::Move { src, dst } => {
                if src == dst {
                    self.bad("IR0140", format!("{src} is moved to itself"));
                }
                let (from, to) = (self.func.slots[*src].ty, self.func.slots[*dst].ty);
                if from != to {
                    let message = format!("{src} is of type {from}, {dst} of type {to}");
                    self.bad("IR0140", message);
                }
                Vec::new()
            }
            InstKind::Call { callee, args, dests } => {
                let sig = self.callee(*callee, false);
                self.args(&sig.params, args);
                self.dests(&sig.results, dests);
                self.distinct(dests);
                sig.results.iter().filter_map(|t| t.as_value()).collect()
            }
            InstKind::Future { slot, func, args } => {
                let params = self.async_params(*func, true);
                self.args(&params, args);
                let have = self.func.slots[*slot].ty;
                if have != Ty::Future(*func) {
                    let message = format!("{slot} is of type {have}, not future({func})");
                    self.bad("IR0130", message);
                }
                Vec::new()
            }
            InstKind::Box { func, args, .. } => {
                let params = self.async_params(*func, true);
                self.args(&params, args);
                vec![Type::Ptr]
            }
            InstKind::BoxSlot { slot, .. } => {
                if !matches!(self.func.slots[*slot].ty, Ty::Future(_)) {
                    self.bad("IR0130", format!("{slot} holds no future"));
                }
                vec![Type::Ptr]
            }
            InstKind::DropBox(frame) => {
                self.want(*frame, Type::Ptr);
                Vec::new()
            }
            InstKind::Shield(delta) => {
                if delta.abs() != 1 {
                    self.bad("IR0145", format!("the shield changes by {delta}"));
                }
                Vec::new()
            }
            InstKind::StackOk => vec![Type::Bool],
            InstKind::Ctx => vec![Type::Ptr],
            InstKind::SiteAddr { .. } | InstKind::PollAddr(_) | InstKind::SpanAddr => {
                vec![Type::Ptr]
            }
            InstKind::ResumeAddr(func) => {
                self.async_params(*func, true);
                vec![Type::Ptr]
            }
            InstKind::ResumeFunc { func, frame } => {
                self.async_params(*func, true);
                self.want(*frame, Type::Ptr);
                vec![Type::I32]
            }
            InstKind::ResumePtr { resume, frame } => {
                self.want(*resume, Type::Ptr);
                self.want(*frame, Type::Ptr);
                vec![Type::I32]
            }
            InstKind::OpStart { op, storage, args } => {
                self.want(*storage, Type::Ptr);
                let op = &self.m.ops[*op];
                self.args(&op.params, args);
                Vec::new()
            }
            InstKind::OpPoll { storage, .. } => {
                self.want(*storage, Type::Ptr);
                vec![Type::I32]
            }
            InstKind::CtxCall { func, args } => {
                let (params, result) = func.signature();
                if params.len() == args.len() {
                    params.iter().zip(args).for_each(|(&ty, &v)| self.want(v, ty));
                } else {
                    let message = format!("{} arguments for {}", args.len(), params.len());
                    self.bad("IR0135", message);
                }
                result.into_iter().collect()
            }
        }
    }

    fn unary(&mut self, op: UnaryOp, arg: Value) -> Vec<Type> {
        let ty = self.ty(arg);
        let (fits, what) = match op {
            UnaryOp::Neg | UnaryOp::Clz | UnaryOp::Ctz | UnaryOp::Popcnt => {
                (ty.is_int(), "an integer")
            }
            UnaryOp::Not => (ty.is_int() || ty == Type::Bool, "an integer or bool"),
            UnaryOp::Fneg
            | UnaryOp::Fsqrt
            | UnaryOp::Ftrunc
            | UnaryOp::Ffloor
            | UnaryOp::Fceil
            | UnaryOp::Fabs => (ty.is_float(), "a float"),
        };
        self.want_that(arg, fits, what);
        vec![ty]
    }

    fn binary(&mut self, op: BinaryOp, [a, b]: [Value; 2]) -> Vec<Type> {
        use BinaryOp::*;
        let ty = self.ty(a);
        let (fits, what) = match op {
            Add | Sub | Mul | Shl | Sshr | Ushr => (ty.is_int(), "an integer"),
            And | Or | Xor => (ty.is_int() || ty == Type::Bool, "an integer or bool"),
            Fadd | Fsub | Fmul | Fdiv | Fmin | Fmax => (ty.is_float(), "a float"),
        };
        self.want_that(a, fits, what);
        self.want(b, ty);
        vec![ty]
    }

    fn checked(&mut self, op: CheckedOp, [a, b]: [Value; 2]) -> Vec<Type> {
        let ty = self.ty(a);
        self.want_that(a, ty.is_int(), "an integer");
        self.want(b, ty);
        let divides =
            matches!(op, CheckedOp::Sdiv | CheckedOp::Udiv | CheckedOp::Srem | CheckedOp::Urem);
        if divides && ty == Type::I128 {
            self.bad("IR0134", format!("`{op}` on i128"));
        }
        vec![ty, Type::Bool]
    }

    fn compare(&mut self, op: CompareOp, [a, b]: [Value; 2]) -> Vec<Type> {
        use CompareOp::*;
        let ty = self.ty(a);
        let (fits, what) = match op {
            Eq | Ne => (!ty.is_float(), "an integer, bool, pointer or reference"),
            Slt | Sle | Sgt | Sge | Ult | Ule | Ugt | Uge => (ty.is_int(), "an integer"),
            Feq | Fne | Flt | Fle | Fgt | Fge => (ty.is_float(), "a float"),
        };
        self.want_that(a, fits, what);
        self.want(b, ty);
        vec![Type::Bool]
    }

    /// A load or store of a value type at an offset of a slot.
    fn access(&mut self, slot: Slot, offset: u32, ty: Type) {
        let slot_ty = self.func.slots[slot].ty;
        let size = self.m.size_align(slot_ty).0;
        if u64::from(offset) + u64::from(ty.bytes()) > u64::from(size) {
            let message = format!("{ty} at {offset} reaches behind the {size} bytes of {slot}");
            self.bad("IR0133", message);
            return;
        }
        match slot_ty {
            Ty::Future(_) => self.bad("IR0133", format!("{slot} is a future: it has no fields")),
            // Machines move contents as words.
            Ty::Value(t) if t != ty && (t.is_ref() || ty.is_ref()) && !self.lowered => {
                self.bad("IR0133", format!("{slot} holds {t} and is accessed as {ty}"));
            }
            _ => {}
        }
    }
}

/// Whether a conversion exists.
fn converts(op: ConvertOp, from: Type, to: Type) -> bool {
    let word = |t: Type| matches!(t, Type::I64 | Type::F64 | Type::Ptr | Type::Ref(_));
    let half = |t: Type| matches!(t, Type::I32 | Type::F32);
    match op {
        ConvertOp::Sext => from.is_int() && to.is_int() && from.bytes() < to.bytes(),
        ConvertOp::Zext => {
            to.is_int() && (from == Type::Bool || (from.is_int() && from.bytes() < to.bytes()))
        }
        ConvertOp::Trunc => {
            from.is_int() && (to == Type::Bool || (to.is_int() && from.bytes() > to.bytes()))
        }
        ConvertOp::SintToFloat | ConvertOp::UintToFloat => from.is_int() && to.is_float(),
        ConvertOp::FloatToSint | ConvertOp::FloatToUint => from.is_float() && to.is_int(),
        ConvertOp::Promote => from == Type::F32 && to == Type::F64,
        ConvertOp::Demote => from == Type::F64 && to == Type::F32,
        ConvertOp::Bitcast => (word(from) && word(to)) || (half(from) && half(to)),
    }
}
