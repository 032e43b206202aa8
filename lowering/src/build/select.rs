//! `select`, task scopes, streams and channels as loops.

use super::asynch::{Branch, Prep};
use super::func::{FnCx, R, Store, Val};
use super::scope::Action;
use crate::ir::{
    Arg, Awaitee, BlockArg, BlockCall, CompareOp, ConvertOp, Held, InstKind, Slot, Span,
    Terminator, Ty, Type, Value,
};
use crate::sema::hir::{
    Awaitable, Block, Expr, ExprKind, LocalId, LoopId, Pattern, SelectArm as HirArm,
};
use crate::sema::types::TyId;

impl<'p> FnCx<'_, 'p> {
    pub(super) fn select(
        &mut self,
        arms: &'p [HirArm],
        otherwise: Option<&'p Expr>,
        ty: TyId,
    ) -> R<Val> {
        let span = self.e.span;
        let mark = self.entries.len();
        let result = self.select_inner(arms, otherwise, ty, span);
        self.leave(mark, result)
    }

    fn select_inner(
        &mut self,
        arms: &'p [HirArm],
        otherwise: Option<&'p Expr>,
        ty: TyId,
        span: Span,
    ) -> R<Val> {
        let mut preps: Vec<Prep> = Vec::new();
        for arm in arms {
            let prep = self.prepare(&arm.awaitable, true)?;
            preps.push(match prep {
                Prep::GiveWay | Prep::Join { .. } | Prep::Timeout { .. } => self.thunk(prep),
                other => other,
            });
        }
        self.e.span = span;
        let mut branches: Vec<Branch> = preps.into_iter().map(|p| self.start(p)).collect();
        let point = self.e.point("select");
        let unwind = self.must_unwind();
        let mut edges = Vec::new();
        let mut ir = Vec::new();
        for b in &mut branches {
            let types = b.types.clone();
            let (ok, results) = self.ok_edge(&types);
            edges.push((ok.block, results));
            let awaitee = std::mem::replace(&mut b.awaitee, Awaitee::GiveWay);
            ir.push(crate::ir::SelectArm { awaitee, dests: Vec::new(), ok });
        }
        let none = otherwise.map(|_| self.e.block());
        let other_edge = none.map(|b| BlockCall::new(b, []));
        self.e.term(Terminator::Select { point, arms: ir, otherwise: other_edge, unwind });
        let meet = self.meet(ty);
        for ((arm, branch), (block, results)) in arms.iter().zip(&branches).zip(edges) {
            self.e.seal_and_switch(block);
            self.e.span = self.cx.span(arm.span);
            self.way(&meet, |cx| {
                let val = cx.finish(&results, branch);
                cx.bind_owned(&arm.pattern, val);
                cx.expr(&arm.body)
            });
        }
        if let (Some(block), Some(e)) = (none, otherwise) {
            self.e.seal_and_switch(block);
            self.way(&meet, |cx| cx.expr(e));
        }
        self.met(meet)
    }

    // ---- task scopes ----

    pub(super) fn with_scope(&mut self, local: LocalId, body: &'p Block, end: Span) -> R<Val> {
        let mark = self.entries.len();
        let result = self.scope_inner(local, body, end);
        self.leave(mark, result)
    }

    /// The wait for the children stands where the block ends.
    fn scope_inner(&mut self, local: LocalId, body: &'p Block, end: Span) -> R<Val> {
        let data = &self.body.expect("locals belong to a body").locals[local.0 as usize];
        let ty = self.ty(data.ty);
        let span = self.cx.span(data.span);
        let desc = self.desc(ty);
        let scope = self.import_object("vitte_scope_new", &[desc], ty);
        let t = self.e.ty(scope);
        let slot = self.e.slot(Ty::Value(t), &data.name, span);
        self.e.effect(InstKind::SlotStore { slot, offset: 0, value: scope });
        self.push(Action::Drop(slot));
        let back = std::mem::replace(&mut self.e.span, end);
        self.push(Action::ScopeWait(slot));
        self.e.span = back;
        self.locals[local.0 as usize] = Some(vec![Store::Slot(slot, t)]);
        self.block(body)
    }

    /// Waits for the children of a scope; with `cancel` asks them to cancel first.
    pub(super) fn scope_wait(&mut self, slot: Slot, cancel: bool) {
        let Ty::Value(t) = self.e.func.slots[slot].ty else { return };
        let scope = self.e.slot_load(slot, t);
        if cancel {
            self.import("vitte_scope_cancel", &[scope]);
        }
        let op = self.cx.op("vitte_op_scope_wait", None);
        let point = self.e.point("await task_scope");
        let scope = self.cast_ref(scope, Type::Ptr);
        self.await_raw(point, Awaitee::Op { op, args: vec![Arg::Value(scope)] }, &[]);
    }

    // ---- streams and channels ----

    pub(super) fn emit(&mut self, item: &'p Expr) -> R<Val> {
        let span = self.e.span;
        let val = self.expr(item)?;
        let val = self.own(val);
        self.e.span = span;
        let point = self.e.point("emit");
        let unwind = self.must_unwind();
        let (ok, _) = self.ok_edge(&[]);
        let block = ok.block;
        let args = val.v.into_iter().map(Arg::Value).collect();
        self.e.term(Terminator::Yield { point, args, ok, unwind });
        self.e.seal_and_switch(block);
        Ok(self.unit())
    }

    /// The next item of a generator, or on to `done`.
    fn next_item(&mut self, held: Held, types: &[Type], done: crate::ir::Block) -> Vec<Value> {
        let point = self.e.point("next");
        let unwind = self.must_unwind();
        let (block, params) = self.e.block_with(types);
        let args = (0..types.len() as u32).map(BlockArg::Result).collect();
        self.e.term(Terminator::Await {
            point,
            awaitee: Awaitee::Next(held),
            dests: vec![],
            ok: BlockCall { block, args },
            done: Some(BlockCall::new(done, [])),
            unwind,
        });
        self.e.seal_and_switch(block);
        params
    }

    pub(super) fn for_stream(
        &mut self,
        label: LoopId,
        pattern: &'p Pattern,
        stream: &'p Expr,
        body: &'p Block,
    ) -> R<Val> {
        let mark = self.entries.len();
        let span = self.e.span;
        let types = {
            let ty = self.ty(pattern.ty);
            self.cx.part_types(ty)
        };
        let store = match &stream.kind {
            ExprKind::Future(what) => self.stream_slot(what)?,
            ExprKind::Load { place, .. } => Self::whole_local(place)
                .map(|id| self.stores(id))
                .and_then(|s| s.first().copied())
                .filter(|s| matches!(s, Store::Future(..))),
            _ => None,
        };
        if let Some(Store::Future(from, flag, func)) = store {
            let slot = self.e.slot(Ty::Future(func), "stream", span);
            self.e.effect(InstKind::Move { src: from, dst: slot });
            let no = self.e.truth(false);
            self.e.def(flag, no);
            self.push(Action::Drain(slot));
            let end = self.item_loop(label, pattern, body, |cx, done| {
                cx.e.span = span;
                let v = cx.next_item(Held::Slot(slot), &types, done);
                cx.owned(v, pattern.ty)
            });
            let after = self.e.block();
            self.e.effect(InstKind::SlotForget(slot));
            self.e.jump(after, &[]);
            self.e.seal_and_switch(end);
            self.pop_to(mark);
            self.e.jump(after, &[]);
            self.e.seal_and_switch(after);
            return Ok(self.unit());
        }
        let val = match self.expr(stream) {
            Ok(val) => val,
            Err(never) => return self.leave(mark, Err(never)),
        };
        let frame = self.e.var(Type::Ptr, "stream", span);
        self.e.def(frame, val.v[0]);
        self.push(Action::DrainBox(frame, types.clone()));
        let results: Vec<Ty> = types.iter().map(|&t| Ty::Value(t)).collect();
        let end = self.item_loop(label, pattern, body, |cx, done| {
            cx.e.span = span;
            let frame = cx.e.read(frame);
            let held = Held::Boxed { frame, results };
            let v = cx.next_item(held, &types, done);
            cx.owned(v, pattern.ty)
        });
        // Draining an ended generator frees its frame.
        self.e.jump(end, &[]);
        self.e.seal_and_switch(end);
        self.pop_to(mark);
        Ok(self.unit())
    }

    fn stream_slot(&mut self, what: &'p Awaitable) -> R<Option<Store>> {
        let span = self.e.span;
        let slot = self.future_slot(what, "stream", span)?;
        Ok(slot)
    }

    pub(super) fn for_channel(
        &mut self,
        label: LoopId,
        pattern: &'p Pattern,
        channel: &'p Expr,
        body: &'p Block,
    ) -> R<Val> {
        let mark = self.entries.len();
        let span = self.e.span;
        let elem = self.elem(channel.ty);
        let val = match self.expr(channel) {
            Ok(val) => val,
            Err(never) => return self.leave(mark, Err(never)),
        };
        let held = self.park(val);
        let op = self.cx.op("vitte_op_channel_recv", Some(elem));
        let types: Vec<Type> =
            self.cx.m.ops[op].results.iter().filter_map(|t| t.as_value()).collect();
        let end = self.item_loop(label, pattern, body, |cx, done| {
            cx.e.span = span;
            let channel = cx.peek(&held).v[0];
            let channel = cx.cast_ref(channel, Type::Ptr);
            let point = cx.e.point("await recv");
            let awaitee = Awaitee::Op { op, args: vec![Arg::Value(channel)] };
            let raw = cx.await_raw(point, awaitee, &types);
            let tag = cx.e.convert(ConvertOp::Trunc, raw[0], Type::I8);
            let zero = cx.e.iconst(Type::I8, 0);
            let closed = cx.e.compare(CompareOp::Eq, tag, zero);
            let some = cx.e.block();
            cx.e.br(closed, done, some);
            cx.e.seal_and_switch(some);
            cx.owned(raw[1..].to_vec(), elem)
        });
        self.e.jump(end, &[]);
        self.e.seal_and_switch(end);
        self.pop_to(mark);
        Ok(self.unit())
    }
}
