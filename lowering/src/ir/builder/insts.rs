//! One method per instruction; each adds to the current block and hands out the results.

use super::{FunctionBuilder, code};
use crate::ir::entity::{Class, Data, Func, Slot, Value};
use crate::ir::inst::{
    Arg, BinaryOp, BoxKind, Callee, CheckedOp, CompareOp, ConvertOp, InstKind, UnaryOp,
};
use crate::ir::types::{Ty, Type};

#[allow(missing_docs, reason = "each method is the instruction of that name in `InstKind`")]
impl FunctionBuilder<'_> {
    // ---- Constants and addresses ----

    /// An integer constant; a negative one wraps to the type's width.
    pub fn iconst(&mut self, ty: Type, n: i128) -> Value {
        let width = 8 * ty.bytes();
        let mask = if width == 128 { u128::MAX } else { (1 << width) - 1 };
        self.value_inst(InstKind::Const { ty, bits: n as u128 & mask }, ty)
    }
    pub fn bconst(&mut self, b: bool) -> Value {
        self.value_inst(InstKind::Const { ty: Type::Bool, bits: b as u128 }, Type::Bool)
    }
    pub fn f32const(&mut self, x: f32) -> Value {
        self.value_inst(InstKind::Const { ty: Type::F32, bits: x.to_bits() as u128 }, Type::F32)
    }
    pub fn f64const(&mut self, x: f64) -> Value {
        self.value_inst(InstKind::Const { ty: Type::F64, bits: x.to_bits() as u128 }, Type::F64)
    }
    pub fn null(&mut self, ty: Type) -> Value {
        self.value_inst(InstKind::Null { ty }, ty)
    }
    pub fn func_addr(&mut self, func: Func) -> Value {
        self.value_inst(InstKind::FuncAddr(func), Type::Ptr)
    }
    pub fn machine_addr(&mut self, func: Func) -> Value {
        self.value_inst(InstKind::MachineAddr(func), Type::Ptr)
    }
    pub fn data_addr(&mut self, data: Data, offset: u32) -> Value {
        self.value_inst(InstKind::DataAddr(data, offset), Type::Ptr)
    }
    pub fn data_ref(&mut self, data: Data, class: Class) -> Value {
        self.value_inst(InstKind::DataRef(data, class), Type::Ref(class))
    }

    // ---- Operators ----

    pub fn unary(&mut self, op: UnaryOp, arg: Value) -> Value {
        let ty = self.value_type(arg);
        self.value_inst(InstKind::Unary { op, arg }, ty)
    }
    pub fn binary(&mut self, op: BinaryOp, a: Value, b: Value) -> Value {
        let ty = self.value_type(a);
        self.value_inst(InstKind::Binary { op, args: [a, b] }, ty)
    }
    /// Value and flag.
    pub fn checked(&mut self, op: CheckedOp, a: Value, b: Value) -> (Value, Value) {
        let ty = self.value_type(a);
        let inst = self.inst(InstKind::Checked { op, args: [a, b] }, &[ty, Type::Bool]);
        let results = &self.func.insts[inst].results;
        (results[0], results[1])
    }
    pub fn compare(&mut self, op: CompareOp, a: Value, b: Value) -> Value {
        self.value_inst(InstKind::Compare { op, args: [a, b] }, Type::Bool)
    }
    pub fn select(&mut self, cond: Value, a: Value, b: Value) -> Value {
        let ty = self.value_type(a);
        self.value_inst(InstKind::Select { cond, args: [a, b] }, ty)
    }
    pub fn convert(&mut self, op: ConvertOp, arg: Value, ty: Type) -> Value {
        self.value_inst(InstKind::Convert { op, arg, ty }, ty)
    }

    // ---- Memory ----

    pub fn slot_addr(&mut self, slot: Slot, offset: u32) -> Value {
        self.value_inst(InstKind::SlotAddr { slot, offset }, Type::Ptr)
    }
    pub fn slot_load(&mut self, slot: Slot, offset: u32, ty: Type) -> Value {
        self.value_inst(InstKind::SlotLoad { slot, offset, ty }, ty)
    }
    pub fn slot_store(&mut self, slot: Slot, offset: u32, value: Value) {
        self.inst(InstKind::SlotStore { slot, offset, value }, &[]);
    }
    pub fn load(&mut self, ty: Type, addr: Value, offset: i32) -> Value {
        self.value_inst(InstKind::Load { ty, addr, offset }, ty)
    }
    pub fn store(&mut self, addr: Value, offset: i32, value: Value) {
        self.inst(InstKind::Store { addr, offset, value }, &[]);
    }
    pub fn ptr_offset(&mut self, base: Value, offset: i32) -> Value {
        self.value_inst(InstKind::PtrOffset { base, offset }, Type::Ptr)
    }
    pub fn copy(&mut self, dst: Value, src: Value, bytes: u32) {
        self.inst(InstKind::Copy { dst, src, bytes }, &[]);
    }
    pub fn slot_live(&mut self, slot: Slot) {
        self.inst(InstKind::SlotLive(slot), &[]);
    }
    pub fn slot_dead(&mut self, slot: Slot) {
        self.inst(InstKind::SlotDead(slot), &[]);
    }

    // ---- Ownership ----

    pub fn slot_init(&mut self, slot: Slot) {
        self.inst(InstKind::SlotInit(slot), &[]);
    }
    pub fn slot_forget(&mut self, slot: Slot) {
        self.inst(InstKind::SlotForget(slot), &[]);
    }
    pub fn retain(&mut self, v: Value) {
        self.inst(InstKind::Retain(v), &[]);
    }
    pub fn drop_value(&mut self, v: Value) {
        self.inst(InstKind::Drop(v), &[]);
    }
    pub fn drop_slot(&mut self, slot: Slot) {
        self.inst(InstKind::DropSlot(slot), &[]);
    }
    pub fn move_slot(&mut self, src: Slot, dst: Slot) {
        self.inst(InstKind::Move { src, dst }, &[]);
    }

    // ---- Calls and futures ----

    /// Calls something that cannot fault; answers the value results.
    pub fn call(
        &mut self,
        callee: Callee,
        args: impl IntoIterator<Item = Arg>,
        dests: &[Slot],
    ) -> Vec<Value> {
        let types = value_types(&self.callee_results(callee));
        let (args, dests) = (args.into_iter().collect(), dests.to_vec());
        let inst = self.inst(InstKind::Call { callee, args, dests }, &types);
        self.func.insts[inst].results.clone()
    }
    pub fn future(&mut self, slot: Slot, func: Func, args: impl IntoIterator<Item = Arg>) {
        self.inst(InstKind::Future { slot, func, args: args.into_iter().collect() }, &[]);
    }
    pub fn box_future(
        &mut self,
        kind: BoxKind,
        func: Func,
        args: impl IntoIterator<Item = Arg>,
    ) -> Value {
        let args = args.into_iter().collect();
        self.value_inst(InstKind::Box { kind, func, args }, Type::Ptr)
    }
    pub fn box_slot(&mut self, kind: BoxKind, slot: Slot) -> Value {
        self.value_inst(InstKind::BoxSlot { kind, slot }, Type::Ptr)
    }
    pub fn drop_box(&mut self, frame: Value) {
        self.inst(InstKind::DropBox(frame), &[]);
    }

    // ---- Context ----

    pub fn budget(&mut self) {
        self.inst(InstKind::Budget, &[]);
    }
    pub fn budget_left(&mut self) -> Value {
        self.value_inst(InstKind::Budget, Type::Bool)
    }
    pub fn shield(&mut self, delta: i8) {
        self.inst(InstKind::Shield(delta), &[]);
    }
    pub fn stack_ok(&mut self) -> Value {
        self.value_inst(InstKind::StackOk, Type::Bool)
    }
    pub fn ctx(&mut self) -> Value {
        self.value_inst(InstKind::Ctx, Type::Ptr)
    }

    /// Results of a callee; none if it does not exist, which is a misuse.
    pub(super) fn callee_results(&mut self, callee: Callee) -> Vec<Ty> {
        let module = self.module();
        let results = match callee {
            Callee::Func(func) => module.funcs.get(func).map(|f| &f.sig.results),
            Callee::Import(import) => module.imports.get(import).map(|i| &i.sig.results),
        };
        if let Some(results) = results {
            return results.clone();
        }
        self.misuse(code::UNKNOWN, format!("{callee} has not been declared"));
        Vec::new()
    }
}

/// Types of the results that travel as values.
pub(super) fn value_types(results: &[Ty]) -> Vec<Type> {
    results.iter().filter_map(|ty| ty.as_value()).collect()
}
