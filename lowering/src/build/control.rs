//! Branches, matches and loops.

use std::rc::Rc;

use super::emit::Var;
use super::func::{FnCx, Never, Own, R, Store, Val};
use super::layout::{PAYLOAD, Part};
use super::place::{Base, Loc};
use super::scope::{Action, Exit, LoopCx};
use crate::ir::{
    BinaryOp, Block as IrBlock, CompareOp, InstKind, Span, Terminator, Type, UnaryOp, Value,
};
use crate::sema::hir::{Arm, Block, Expr, LoopId, Pattern};
use crate::sema::types::{IntTy, TyId, TyKind};
use vitte_abi::fault_code;

/// Where the ways of a branch meet, with the value.
pub(super) struct Meet {
    block: IrBlock,
    params: Vec<Value>,
    parts: Rc<[Part]>,
}

impl<'p> FnCx<'_, 'p> {
    /// A block where several ways meet with a value of a type.
    pub(super) fn meet(&mut self, ty: TyId) -> Meet {
        let parts = self.parts(ty);
        let types: Vec<Type> = parts.iter().map(|p| p.ty()).collect();
        let (block, params) = self.e.block_with(&types);
        Meet { block, params, parts }
    }

    /// Evaluates one way in its own scope and goes where they meet.
    pub(super) fn way(&mut self, meet: &Meet, body: impl FnOnce(&mut Self) -> R<Val>) {
        let val = self.scoped(|cx| {
            let val = body(cx)?;
            Ok(cx.own(val))
        });
        self.arrive(meet, val);
    }

    /// Goes with an owned value to where the ways meet.
    fn arrive(&mut self, meet: &Meet, val: R<Val>) {
        let Ok(val) = val else { return };
        if meet.params.is_empty() {
            self.drop_val(&val);
            self.e.jump(meet.block, &[]);
        } else {
            self.e.jump(meet.block, &val.v);
        }
    }

    /// Goes on where the ways meet.
    pub(super) fn met(&mut self, meet: Meet) -> R<Val> {
        self.e.seal_and_switch(meet.block);
        if self.e.is_dead() {
            return Err(Never);
        }
        let owns = meet.parts.iter().any(|p| p.is_owned());
        let own = if owns { Own::Owned } else { Own::Static };
        Ok(Val { v: meet.params, parts: meet.parts, own })
    }

    pub(super) fn if_expr(
        &mut self,
        cond: &'p Expr,
        then: &'p Expr,
        otherwise: Option<&'p Expr>,
        ty: TyId,
    ) -> R<Val> {
        let cond = self.condition(cond)?;
        let meet = self.meet(ty);
        let (yes, no) = (self.e.block(), self.e.block());
        self.e.br(cond, yes, no);
        self.e.seal_and_switch(yes);
        self.way(&meet, |cx| cx.expr(then));
        self.e.seal_and_switch(no);
        match otherwise {
            Some(e) => self.way(&meet, |cx| cx.expr(e)),
            None => self.way(&meet, |cx| Ok(cx.unit())),
        }
        self.met(meet)
    }

    /// Evaluates a condition with temporaries of its own.
    fn condition(&mut self, cond: &'p Expr) -> R<Value> {
        let val = self.scoped(|cx| cx.expr(cond))?;
        val.v.first().copied().ok_or(Never)
    }

    pub(super) fn match_expr(&mut self, scrutinee: &'p Expr, arms: &'p [Arm], ty: TyId) -> R<Val> {
        let mark = self.entries.len();
        let result = self.match_inner(scrutinee, arms, ty);
        self.leave(mark, result)
    }

    fn match_inner(&mut self, scrutinee: &'p Expr, arms: &'p [Arm], ty: TyId) -> R<Val> {
        let val = self.expr(scrutinee)?;
        let loc = self.held(val);
        let meet = self.meet(ty);
        for arm in arms {
            let next = self.e.block();
            self.e.span = self.cx.span(arm.pattern.span);
            let mark = self.entries.len();
            self.predeclare(&arm.pattern);
            if self.entries.len() == mark {
                self.test(&arm.pattern, &loc, next);
            } else {
                let miss = self.e.block();
                self.test(&arm.pattern, &loc, miss);
                let fits = self.e.cur();
                self.e.seal_and_switch(miss);
                self.leave_for(next, mark);
                self.e.switch_to(fits);
            }
            let takes = arm.guard.is_none();
            self.bind(&arm.pattern, &loc, takes);
            let mut fell = true;
            if let Some(guard) = &arm.guard {
                match self.condition(guard) {
                    Ok(cond) => {
                        let (yes, no) = (self.e.block(), self.e.block());
                        self.e.br(cond, yes, no);
                        self.e.seal_and_switch(no);
                        self.leave_for(next, mark);
                        self.e.seal_and_switch(yes);
                    }
                    Err(Never) => fell = false,
                }
            }
            if fell {
                let result = self.expr(&arm.body);
                let result = result.map(|v| self.own(v));
                let result = self.leave(mark, result);
                self.arrive(&meet, result);
            } else {
                self.entries.truncate(mark);
            }
            self.e.seal_and_switch(next);
            if self.e.is_dead() {
                break;
            }
        }
        if !self.e.is_dead() {
            self.e.term(Terminator::Unreachable);
        }
        self.met(meet)
    }

    /// Goes to a block outside of the entries above the mark, which stay for the other ways.
    fn leave_for(&mut self, block: IrBlock, mark: usize) {
        let entries = self.entries.clone();
        self.pop_to(mark);
        self.entries = entries;
        self.e.jump(block, &[]);
    }

    /// Holds a value to the end of the scope and makes a place of it.
    pub(super) fn held(&mut self, val: Val) -> Loc {
        if val.own == Own::Static {
            return Loc::Vals(val);
        }
        let plain: Vec<Part> = val.parts.to_vec();
        let parked = self.park(val);
        let stores = parked.stores();
        let stores = stores.into_iter().zip(plain).map(|(s, part)| match s {
            Ok(store) => store,
            Err(v) => {
                let var = self.e.var(part.ty(), "", Span::NONE);
                self.e.def(var, v);
                Store::Var(var)
            }
        });
        Loc::Stores(stores.collect())
    }

    // ---- loops ----

    /// The innermost loop of that number.
    pub(super) fn loop_of(&self, label: LoopId) -> &LoopCx {
        let found = self.loops.iter().rev().find(|l| l.label == label);
        found.expect("a break stands in its loop")
    }

    fn enter_loop(&mut self, label: LoopId, next: IrBlock, value: Vec<Store>) -> IrBlock {
        let end = self.e.block();
        let id = self.n_loops;
        self.n_loops += 1;
        let depth = self.entries.len();
        self.loops.push(LoopCx { id, label, depth, end, next, value });
        end
    }

    /// One round of a loop over items, each of which the round owns.
    fn round(&mut self, pattern: &'p Pattern, item: Val, body: &'p Block) {
        let result = self.scoped(|cx| {
            cx.bind_owned(pattern, item);
            cx.block(body)
        });
        if let Ok(val) = result {
            self.drop_val(&val);
        }
    }

    /// Ends a round: `continue` arrives here.
    fn next_round(&mut self, next: IrBlock) {
        self.e.jump(next, &[]);
        self.e.seal_and_switch(next);
    }

    fn back_edge(&mut self, head: IrBlock) {
        if !self.e.is_dead() {
            let left = self.e.value(InstKind::Budget, Type::Bool);
            let none = self.e.unary(UnaryOp::Not, left);
            self.fault_if(none, fault_code::FUEL, None);
        }
        self.e.jump(head, &[]);
        self.e.seal(head);
    }

    /// Goes back to the head, and on behind the loop.
    fn end_loop(&mut self, head: IrBlock, end: IrBlock) {
        self.back_edge(head);
        self.loops.pop();
        self.e.seal_and_switch(end);
    }

    pub(super) fn loop_expr(
        &mut self,
        label: LoopId,
        cond: Option<&'p Expr>,
        body: &'p Block,
        step: Option<&'p Expr>,
        ty: TyId,
    ) -> R<Val> {
        let mark = self.entries.len();
        let parts = self.parts(ty);
        let stores = self.loop_value(&parts);
        let (head, next) = (self.e.block(), self.e.block());
        let end = self.enter_loop(label, next, stores.clone());
        self.e.jump(head, &[]);
        self.e.switch_to(head);
        let mut comes = true;
        if let Some(cond) = cond {
            match self.condition(cond) {
                Ok(c) => {
                    let inner = self.e.block();
                    self.e.br(c, inner, end);
                    self.e.seal_and_switch(inner);
                }
                Err(Never) => comes = false,
            }
        }
        if comes && let Ok(val) = self.block(body) {
            self.drop_val(&val);
        }
        self.next_round(next);
        if let Some(step) = step
            && !self.e.is_dead()
            && let Ok(val) = self.scoped(|cx| cx.expr(step))
        {
            self.drop_val(&val);
        }
        self.end_loop(head, end);
        if self.e.is_dead() {
            self.entries.truncate(mark);
            return Err(Never);
        }
        let v: Vec<Value> = stores.iter().map(|&s| self.take_store(s)).collect();
        let owns = parts.iter().any(|p| p.is_owned());
        self.pop_to(mark);
        Ok(Val { v, parts, own: if owns { Own::Owned } else { Own::Static } })
    }

    /// Storage for the value of a loop: null until a break sets it.
    fn loop_value(&mut self, parts: &[Part]) -> Vec<Store> {
        let stores = parts.iter().map(|part| {
            let ty = part.ty();
            let zero = self.e.zero_value(ty);
            match part {
                Part::Counted(_) => {
                    let slot = self.e.slot(ty.into(), "", Span::NONE);
                    self.e.effect(InstKind::SlotStore { slot, offset: 0, value: zero });
                    self.push(Action::Drop(slot));
                    Store::Slot(slot, ty)
                }
                _ => {
                    let var: Var = self.e.var(ty, "", Span::NONE);
                    self.e.def(var, zero);
                    Store::Var(var)
                }
            }
        });
        stores.collect()
    }

    pub(super) fn break_expr(&mut self, target: LoopId, value: Option<&'p Expr>) -> R<Val> {
        let val = match value {
            Some(e) => {
                let val = self.expr(e)?;
                self.own(val)
            }
            None => self.unit(),
        };
        let (id, stores) = {
            let l = self.loop_of(target);
            (l.id, l.value.clone())
        };
        if stores.is_empty() {
            self.drop_val(&val);
        }
        for (&store, &v) in stores.iter().zip(&val.v) {
            self.assign_store(store, v);
        }
        self.exit(Exit::Break(id));
        Err(Never)
    }

    pub(super) fn for_range(
        &mut self,
        label: LoopId,
        pattern: &'p Pattern,
        [lo, hi]: [&'p Expr; 2],
        inclusive: bool,
        body: &'p Block,
    ) -> R<Val> {
        let mark = self.entries.len();
        let vals = self.operands(&[lo, hi])?;
        let (lo_v, hi_v) = (vals[0].v[0], vals[1].v[0]);
        self.pop_to(mark);
        let ty = self.ty(pattern.ty);
        let is_char = *self.cx.types.kind(ty) == TyKind::Char;
        let signed = matches!(self.cx.types.kind(ty), TyKind::Int(i) if IntTy::is_signed(*i));
        let t = self.e.ty(lo_v);
        let i = self.e.var(t, "", Span::NONE);
        self.e.def(i, lo_v);
        let (head, inner, next) = (self.e.block(), self.e.block(), self.e.block());
        let end = self.enter_loop(label, next, Vec::new());
        self.e.jump(head, &[]);
        self.e.switch_to(head);
        let at = self.e.read(i);
        let op = match (inclusive, signed) {
            (true, true) => CompareOp::Sle,
            (true, false) => CompareOp::Ule,
            (false, true) => CompareOp::Slt,
            (false, false) => CompareOp::Ult,
        };
        let more = self.e.compare(op, at, hi_v);
        self.e.br(more, inner, end);
        self.e.seal_and_switch(inner);
        let item = self.owned(vec![at], pattern.ty);
        self.round(pattern, item, body);
        self.next_round(next);
        let at = self.e.read(i);
        if inclusive {
            // The last value may be the largest of its type.
            let last = self.e.compare(CompareOp::Eq, at, hi_v);
            let more = self.e.block();
            self.e.br(last, end, more);
            self.e.seal_and_switch(more);
        }
        let one = self.e.iconst(t, 1);
        let mut following = self.e.binary(BinaryOp::Add, at, one);
        if is_char {
            let gap = self.e.iconst(t, 0xd800);
            let after = self.e.iconst(t, 0xe000);
            let in_gap = self.e.compare(CompareOp::Eq, following, gap);
            let args = [after, following];
            following = self.e.value(InstKind::Select { cond: in_gap, args }, t);
        }
        self.e.def(i, following);
        self.end_loop(head, end);
        Ok(self.unit())
    }

    pub(super) fn for_list(
        &mut self,
        label: LoopId,
        pattern: &'p Pattern,
        list: &'p Expr,
        body: &'p Block,
    ) -> R<Val> {
        let mark = self.entries.len();
        let elem = self.elem(list.ty);
        let result = self.expr(list);
        let Ok(val) = result else {
            return self.leave(mark, result);
        };
        // The list is held: nobody can free it while the body runs.
        let held = self.park(val);
        let i = self.e.var(Type::I64, "", Span::NONE);
        let zero = self.e.iconst(Type::I64, 0);
        self.e.def(i, zero);
        let (head, inner, next) = (self.e.block(), self.e.block(), self.e.block());
        let end = self.enter_loop(label, next, Vec::new());
        self.e.jump(head, &[]);
        self.e.switch_to(head);
        let at = self.e.read(i);
        let list_v = self.peek(&held).v[0];
        let addr = self.e.addr_of(list_v);
        let len = self.e.load(Type::I64, addr, PAYLOAD);
        let more = self.e.compare(CompareOp::Ult, at, len);
        self.e.br(more, inner, end);
        self.e.seal_and_switch(inner);
        let place = self.element_addr(list_v, at, elem, None);
        let offsets = self.cx.spread(0, &[elem]).offsets.swap_remove(0);
        let parts = self.cx.parts(elem);
        let loc = Loc::Mem { base: Base::Value(place), offsets, parts };
        let item = self.load(&loc);
        let item = self.own(item);
        self.round(pattern, item, body);
        self.next_round(next);
        let at = self.e.read(i);
        let one = self.e.iconst(Type::I64, 1);
        let following = self.e.binary(BinaryOp::Add, at, one);
        self.e.def(i, following);
        self.end_loop(head, end);
        self.pop_to(mark);
        Ok(self.unit())
    }

    /// A loop whose rounds begin with something that gives an item or ends the loop: `first` emits
    /// that, is given the block to go to at the end, and answers the owned item. The cursor is then in
    /// that block; breaks go to the block that is answered.
    pub(super) fn item_loop(
        &mut self,
        label: LoopId,
        pattern: &'p Pattern,
        body: &'p Block,
        first: impl FnOnce(&mut Self, IrBlock) -> Val,
    ) -> IrBlock {
        let next = self.e.block();
        let done = self.e.block();
        let end = self.enter_loop(label, next, Vec::new());
        self.e.jump(next, &[]);
        self.e.switch_to(next);
        let item = first(self, done);
        self.round(pattern, item, body);
        self.end_loop(next, done);
        end
    }
}
