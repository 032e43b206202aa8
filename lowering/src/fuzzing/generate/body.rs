//! One function: its blocks, what is owned where, and its cleanups.

use super::{Choices, Gives, OBJECT, PAIR, Shape};
use crate::ir::{
    Arg, Awaitee, BinaryOp, Block, BlockArg, BlockCall, Callee, CompareOp, ConvertOp, FuncKind,
    Function, Held, HostOp, Import, InstKind, Slot, SlotData, Span, Suspend, SuspendData,
    Terminator, Ty, Type, Value,
};

pub(super) const NOTE: Import = Import::from_u32(0);
pub(super) const NEW: Import = Import::from_u32(3);
pub(super) const ID: Import = Import::from_u32(4);
pub(super) const WAIT: HostOp = HostOp::from_u32(0);
pub(super) const OBJ: HostOp = HostOp::from_u32(1);
pub(super) const EAT: HostOp = HostOp::from_u32(2);

/// Something that must be dropped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owned {
    pub(super) slot: Slot,
    /// Owned only where this is true.
    pub(super) flag: Option<Value>,
}

/// A function being written.
pub(super) struct Body<'a, 'b> {
    pub(super) c: &'a mut Choices<'b>,
    pub(super) shapes: &'a [Shape],
    pub(super) me: usize,
    pub(super) f: Function,
    /// Where instructions go.
    pub(super) block: Block,
    /// Values that may be used here.
    pub(super) vals: Vec<Value>,
    /// What is owned here, in the order in which it came.
    pub(super) owned: Vec<Owned>,
    /// From here on, `owned` belongs to the innermost scope.
    pub(super) mark: usize,
    /// Statements left.
    pub(super) left: u32,
    pub(super) depth: u32,
}

impl<'a, 'b> Body<'a, 'b> {
    pub(super) fn new(f: Function, me: usize, shapes: &'a [Shape], c: &'a mut Choices<'b>) -> Self {
        let left = 3 + c.below(12);
        let block = f.entry;
        let (vals, owned) = (Vec::new(), Vec::new());
        Body { c, shapes, me, f, block, vals, owned, mark: 0, left, depth: 0 }
    }

    pub(super) fn write(mut self) -> Function {
        let params = self.f.blocks[self.f.entry].params.clone();
        self.vals.extend(&params[..2]);
        if let Some(&object) = params.get(2) {
            self.keep(object);
        }
        let by_slot: Vec<Slot> =
            self.f.slots.iter().filter(|(_, s)| s.param.is_some()).map(|(k, _)| k).collect();
        self.owned.extend(by_slot.into_iter().map(|slot| Owned { slot, flag: None }));
        self.statements();
        self.leave();
        self.f
    }

    // ---- instructions ------------------------------------------------------------------------

    pub(super) fn inst(&mut self, kind: InstKind, types: &[Type]) -> Vec<Value> {
        let inst = self.f.add_inst(self.block, kind, types, Span::NONE);
        self.f.insts[inst].results.clone()
    }

    pub(super) fn value(&mut self, kind: InstKind, ty: Type) -> Value {
        self.inst(kind, &[ty])[0]
    }

    pub(super) fn int(&mut self, n: i64) -> Value {
        self.value(InstKind::Const { ty: Type::I64, bits: u128::from(n as u64) }, Type::I64)
    }

    pub(super) fn binary(&mut self, op: BinaryOp, a: Value, b: Value) -> Value {
        self.value(InstKind::Binary { op, args: [a, b] }, Type::I64)
    }

    pub(super) fn compare(&mut self, op: CompareOp, a: Value, n: i64) -> Value {
        let b = self.int(n);
        self.value(InstKind::Compare { op, args: [a, b] }, Type::Bool)
    }

    pub(super) fn call(&mut self, import: Import, arg: Value, result: Option<Type>) -> Vec<Value> {
        let args = vec![Arg::Value(arg)];
        let kind = InstKind::Call { callee: Callee::Import(import), args, dests: vec![] };
        self.inst(kind, result.as_slice())
    }

    pub(super) fn new_object(&mut self, id: Value) -> Value {
        self.call(NEW, id, Some(OBJECT))[0]
    }

    /// A value as an `i64`.
    pub(super) fn as_i64(&mut self, v: Value) -> Value {
        let op = match self.f.value_type(v) {
            Type::I64 => return v,
            Type::I128 => ConvertOp::Trunc,
            Type::F64 => ConvertOp::Bitcast,
            Type::Bool => ConvertOp::Zext,
            _ => ConvertOp::Sext,
        };
        self.value(InstKind::Convert { op, arg: v, ty: Type::I64 }, Type::I64)
    }

    /// Some number that is known here.
    pub(super) fn number(&mut self) -> Value {
        let n = self.vals.len() as u32;
        let i = self.c.below(n + 1);
        match self.vals.len().checked_sub(1 + i as usize) {
            Some(at) => self.as_i64(self.vals[at]),
            None => self.int(i64::from(i)),
        }
    }

    pub(super) fn slot(&mut self, ty: Ty) -> Slot {
        let name = String::new();
        self.f.slots.push(SlotData { name, ty, param: None, span: Span::NONE })
    }

    pub(super) fn store(&mut self, slot: Slot, offset: u32, value: Value) {
        self.inst(InstKind::SlotStore { slot, offset, value }, &[]);
    }

    /// Owns a reference in a new slot.
    pub(super) fn keep(&mut self, object: Value) -> Slot {
        let slot = self.slot(OBJECT.into());
        self.store(slot, 0, object);
        self.owned.push(Owned { slot, flag: None });
        slot
    }

    /// A new pair in a new slot, which the caller must own or move.
    pub(super) fn new_pair(&mut self) -> Slot {
        let slot = self.slot(PAIR);
        let n = self.number();
        let a = self.new_object(n);
        self.store(slot, 0, a);
        self.store(slot, 8, n);
        let b = if self.c.one_in(3) {
            self.value(InstKind::Null { ty: OBJECT }, OBJECT)
        } else {
            self.new_object(n)
        };
        self.store(slot, 16, b);
        self.inst(InstKind::SlotInit(slot), &[]);
        slot
    }

    // ---- blocks ------------------------------------------------------------------------------

    pub(super) fn point(&mut self) -> Suspend {
        self.f.suspends.push(SuspendData::default())
    }

    pub(super) fn end(&mut self, term: Terminator) {
        self.f.set_term(self.block, term, Span::NONE);
    }

    pub(super) fn jump(&mut self, to: Block, args: &[Value]) {
        self.end(Terminator::Jump(BlockCall::new(to, args.iter().copied())));
    }

    pub(super) fn br(&mut self, cond: Value, then: Block, otherwise: Block) {
        let (then, otherwise) = (BlockCall::new(then, []), BlockCall::new(otherwise, []));
        self.end(Terminator::Br { cond, then, otherwise });
    }

    /// A block with parameters for the results of a terminator, and the edge to it.
    pub(super) fn ok_block(&mut self, types: &[Type], first: u32) -> (BlockCall, Vec<Value>) {
        let block = self.f.add_block();
        let params = types.iter().map(|&t| self.f.add_block_param(block, t)).collect();
        let args = (first..).take(types.len()).map(BlockArg::Result).collect();
        (BlockCall { block, args }, params)
    }

    // ---- dropping ----------------------------------------------------------------------------

    pub(super) fn is_generator(&self, slot: Slot) -> bool {
        match self.f.slots[slot].ty {
            Ty::Future(func) => self.shapes[func.as_u32() as usize].kind == FuncKind::Generator,
            _ => false,
        }
    }

    /// Drops one thing, guarded by its flag.
    pub(super) fn drop_owned(&mut self, o: Owned) {
        let Some(flag) = o.flag else {
            self.inst(InstKind::DropSlot(o.slot), &[]);
            return;
        };
        let (then, join) = (self.f.add_block(), self.f.add_block());
        self.br(flag, then, join);
        self.block = then;
        self.inst(InstKind::DropSlot(o.slot), &[]);
        self.jump(join, &[]);
        self.block = join;
    }

    /// Drops what came after a mark, the last first.
    pub(super) fn drop_down_to(&mut self, mark: usize) {
        while self.owned.len() > mark {
            if let Some(o) = self.owned.pop() {
                self.drop_owned(o);
            }
        }
    }

    /// The unwind edge for a suspend point here: a block of its own that cleans up.
    pub(super) fn unwind(&mut self) -> BlockCall {
        let block = self.f.add_block();
        let cause = self.f.add_block_param(block, Type::I32);
        let here = (self.block, self.vals.len(), self.owned.clone());
        self.block = block;
        let may_await = self.c.one_in(5);
        self.clean_up(cause, may_await);
        (self.block, self.owned) = (here.0, here.2);
        self.vals.truncate(here.1);
        BlockCall { block, args: vec![BlockArg::Cause] }
    }

    /// Drops everything and unwinds. May await first, under the shield.
    fn clean_up(&mut self, cause: Value, may_await: bool) {
        if may_await && self.f.kind != FuncKind::Sync {
            let n = self.number();
            self.inst(InstKind::Shield(1), &[]);
            let awaitee = Awaitee::Op { op: WAIT, args: vec![Arg::Value(n)] };
            self.await_in_cleanup(awaitee, -1);
        }
        while let Some(o) = self.owned.pop() {
            if self.is_generator(o.slot) {
                self.await_in_cleanup(Awaitee::Drain(Held::Slot(o.slot)), 0);
            } else {
                self.drop_owned(o);
            }
        }
        if self.c.one_in(12) && may_await {
            let term = Terminator::Fault { code: 300, payload: None, unwind: None };
            return self.end(term);
        }
        if self.c.one_in(12) && may_await && self.only_numbers() {
            let n = self.int(-7);
            return self.end(Terminator::Return(vec![Arg::Value(n)]));
        }
        self.end(Terminator::Unwind(cause));
    }

    fn only_numbers(&self) -> bool {
        self.f.kind == FuncKind::Async && self.shapes[self.me].gives == Gives::Number
    }

    /// Awaits in a cleanup; a failure of it cleans up the rest and unwinds by its own cause.
    fn await_in_cleanup(&mut self, awaitee: Awaitee, shield: i8) {
        let (ok, failed) = (self.f.add_block(), self.f.add_block());
        let second = self.f.add_block_param(failed, Type::I32);
        let point = self.point();
        let unwind = BlockCall { block: failed, args: vec![BlockArg::Cause] };
        self.end(Terminator::Await {
            point,
            awaitee,
            dests: vec![],
            ok: BlockCall::new(ok, []),
            done: None,
            unwind,
        });
        let owned = self.owned.clone();
        self.block = failed;
        if shield != 0 {
            self.inst(InstKind::Shield(shield), &[]);
        }
        self.clean_up(second, false);
        self.owned = owned;
        self.block = ok;
        if shield != 0 {
            self.inst(InstKind::Shield(shield), &[]);
        }
    }

    // ---- leaving -----------------------------------------------------------------------------

    /// Drops everything and returns.
    pub(super) fn leave(&mut self) {
        if self.f.kind == FuncKind::Generator {
            self.drop_down_to(0);
            return self.end(Terminator::Return(vec![]));
        }
        let n = self.number();
        let mut results = vec![Arg::Value(n)];
        match self.shapes[self.me].gives {
            Gives::Number => self.drop_down_to(0),
            Gives::Reference => {
                let kept = self.take_reference();
                let object = kept.unwrap_or_else(|| self.new_object(n));
                self.drop_down_to(0);
                results.push(Arg::Value(object));
            }
            Gives::Pair => {
                let last = self.owned.last().copied();
                let pair = match last {
                    Some(o) if o.flag.is_none() && self.f.slots[o.slot].ty == PAIR => {
                        self.owned.pop();
                        o.slot
                    }
                    _ => self.new_pair(),
                };
                self.drop_down_to(0);
                results.push(Arg::Move(pair));
            }
        }
        self.end(Terminator::Return(results));
    }

    /// Takes the last reference of this scope out of its slot, if there is one.
    pub(super) fn take_reference(&mut self) -> Option<Value> {
        let last = *self.owned.get(self.mark..)?.last()?;
        if last.flag.is_some() || self.f.slots[last.slot].ty != Ty::Value(OBJECT) {
            return None;
        }
        let kind = InstKind::SlotLoad { slot: last.slot, offset: 0, ty: OBJECT };
        let object = self.value(kind, OBJECT);
        self.inst(InstKind::SlotForget(last.slot), &[]);
        self.owned.pop();
        Some(object)
    }
}
