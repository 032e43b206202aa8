//! Splits an await or a yield: starts the awaitee, suspends if it is not done, resumes it.

use super::emit::Loc;
use super::rewrite::tag_type;
use super::split::{EdgeRole, Prologue, Split, edge_blocks};
use crate::ir::{
    Arg, Awaitee, Block, BlockCall, CompareOp, ConvertOp, CtxFn, Func, Held, InstKind, Slot,
    Suspend, Terminator, Ty, Type, Value,
};
use vitte_abi::{VT_ARENA, VT_CANCELLED, VT_DONE, VT_ITEM, VT_MODE_CANCEL, VT_RUNNING, VT_YIELDED};

/// The edge blocks of a single await.
#[derive(Clone, Copy)]
struct Edges {
    ok: Block,
    done: Option<Block>,
    unwind: Block,
}

impl Split<'_> {
    /// Splits `Await` and `Yield`.
    pub(super) fn await_(&mut self, term: Terminator) {
        let point = term.suspend_point().expect("I: an await names its suspend point");
        let find = |role| edge_blocks(&term).into_iter().find(|e| e.1 == role).map(|e| e.0);
        let edges = Edges {
            ok: find(EdgeRole::Ok(0)).expect("I: an await has an ok edge"),
            done: find(EdgeRole::Done),
            unwind: find(EdgeRole::Unwind).expect("I: an await has an unwind edge"),
        };
        match term {
            Terminator::Yield { args, .. } => {
                self.store_results(&args);
                let status = self.r.e.const_int(Type::I32, i64::from(VT_ITEM));
                self.suspend(point, status);
                self.resume_unless_cancelled(point, edges);
            }
            Terminator::Await { awaitee, .. } => self.await_one(point, &awaitee, edges),
            _ => unreachable!("only awaits and yields are split here"),
        }
    }

    fn await_one(&mut self, point: Suspend, awaitee: &Awaitee, edges: Edges) {
        let place = self.layout.bound[point].places.first().copied().flatten();
        match awaitee {
            Awaitee::Call { func, args } => {
                let offset = place.expect("I: a called child has its place");
                let base = Loc::Mem(self.frame, offset);
                self.build_child(base, *func, args);
                self.await_child(point, *func, offset, edges);
            }
            Awaitee::Op { op, args } => {
                let offset = place.expect("I: an operation has its place");
                let args = self.mapped(args);
                let args = self.r.by_address(&args);
                let storage = self.r.e.addr(Loc::Mem(self.frame, offset));
                self.r.e.effect(InstKind::OpStart { op: *op, storage, args });
                self.await_op(point, *op, offset, edges);
            }
            Awaitee::Future(Held::Slot(slot)) => {
                let func = self.future_func(*slot);
                let offset = place.expect("I: an awaited future has its place");
                let base = Loc::Mem(self.frame, offset);
                let future = self.r.loc(*slot);
                self.r.move_future(base, future, func);
                self.r.unresumed(base, func);
                self.await_child(point, func, offset, edges);
            }
            Awaitee::Next(Held::Slot(slot)) => {
                let func = self.future_func(*slot);
                self.await_child(point, func, self.slot_offset(*slot), edges);
            }
            Awaitee::Future(Held::Boxed { frame, .. })
            | Awaitee::Next(Held::Boxed { frame, .. }) => {
                let frame = self.r.use_of(*frame);
                self.start_boxed(point, frame);
                self.resume_awaiter(point, edges);
            }
            Awaitee::Drain(held) => self.drain(point, held, edges),
            Awaitee::GiveWay => {
                self.set_leaf_self();
                self.request_requeue();
                let status = self.r.e.const_int(Type::I32, i64::from(VT_YIELDED));
                self.suspend(point, status);
                self.resume_unless_cancelled(point, edges);
            }
        }
    }

    /// The arguments with values replaced by those at hand.
    pub(super) fn mapped(&self, args: &[Arg]) -> Vec<Arg> {
        args.iter()
            .map(|a| match *a {
                Arg::Value(v) => Arg::Value(self.r.use_of(v)),
                moved @ Arg::Move(_) => moved,
            })
            .collect()
    }

    pub(super) fn future_func(&self, slot: Slot) -> Func {
        match self.r.e.f.slots[slot].ty {
            Ty::Future(func) => func,
            _ => unreachable!("the verifier allows future slots only"),
        }
    }

    fn slot_offset(&self, slot: Slot) -> u32 {
        self.layout.slots[&slot]
    }

    /// An unresumed frame of a known callee at `base`.
    pub(super) fn build_child(&mut self, base: Loc, func: Func, args: &[Arg]) {
        let args = self.mapped(args);
        let offsets = self.r.layouts[&func].params.clone();
        self.r.store_args(base, func, &offsets, &args);
        self.r.unresumed(base, func);
    }

    /// Starts an inline child by a direct call, or as the leaf.
    fn await_child(&mut self, point: Suspend, func: Func, offset: u32, edges: Edges) {
        let child = self.r.e.addr(Loc::Mem(self.frame, offset));
        let gone = self.spend_coop();
        if self.order.starts_directly(func) {
            let status = self.r.e.value(InstKind::ResumeFunc { func, frame: child }, Type::I32);
            self.after_direct_start(point, func, status, offset, edges);
        } else {
            self.hand_over(point, func, child, offset, VT_RUNNING);
        }
        self.r.e.block = gone;
        self.request_requeue();
        self.hand_over(point, func, child, offset, VT_YIELDED);
        self.resume_awaiter(point, edges);
    }

    /// Makes the child the leaf and answers `status`.
    fn hand_over(&mut self, point: Suspend, func: Func, child: Value, offset: u32, status: u32) {
        self.link(point, offset);
        let resume = self.r.e.value(InstKind::ResumeAddr(func), Type::Ptr);
        self.set_leaf(resume, child);
        let status = self.r.e.const_int(Type::I32, i64::from(status));
        self.suspend(point, status);
    }

    /// Stores the link of a child inside this frame.
    fn link(&mut self, point: Suspend, offset: u32) {
        let site = self.site(point, offset);
        self.r.e.store(Loc::Mem(self.frame, offset - self.r.abi.link_bytes), site);
    }

    /// Stores the link of a frame that was allocated on its own.
    fn link_boxed(&mut self, point: Suspend, frame: Value) {
        let site = self.site(point, VT_ARENA);
        self.r.e.set_field(frame, self.r.abi.prefix_link, site);
        self.r.e.set_field(frame, self.r.abi.prefix_parent, self.frame);
    }

    fn site(&mut self, point: Suspend, offset: u32) -> Value {
        let state = 3 + point.as_u32();
        self.r.e.value(InstKind::SiteAddr { offset, state }, Type::Ptr)
    }

    /// Goes on after the child has answered a direct call.
    fn after_direct_start(
        &mut self,
        point: Suspend,
        func: Func,
        status: Value,
        offset: u32,
        edges: Edges,
    ) {
        let (pending, failed) = (self.r.e.f.add_block(), self.r.e.f.add_block());
        self.finished_ways(status, edges, edges.ok, edges.done, pending, failed);
        self.r.e.block = failed;
        self.fail(status, edges.unwind);
        self.r.e.block = pending;
        self.lead_to(func, offset);
        self.link(point, offset);
        self.suspend(point, status);
    }

    /// Makes a child that was called directly and suspended the leaf, if it leaves that to us (S2).
    fn lead_to(&mut self, func: Func, offset: u32) {
        if self.r.layouts[&func].own_leaf {
            let resume = self.r.e.value(InstKind::ResumeAddr(func), Type::Ptr);
            let child = self.r.e.addr(Loc::Mem(self.frame, offset));
            self.set_leaf(resume, child);
        }
    }

    /// Branches on a child's status. A generator (one with a `done` edge) is done with ITEM.
    fn finished_ways(
        &mut self,
        status: Value,
        edges: Edges,
        ok: Block,
        done: Option<Block>,
        pending: Block,
        failed: Block,
    ) {
        debug_assert_eq!(edges.done.is_some(), done.is_some());
        let Some(done) = done else { return self.three_ways(status, ok, pending, failed) };
        let other = self.r.e.f.add_block();
        let item = self.r.e.is(status, i64::from(VT_ITEM));
        self.r.e.br(item, ok, other, other);
        self.three_ways(status, done, pending, failed);
    }

    /// The resume entry of a state that awaits a child: the child has just been popped.
    fn resume_awaiter(&mut self, point: Suspend, edges: Edges) {
        let entry = self.r.e.f.add_block();
        self.resumes[point] = Some(entry);
        let ok = self.reload(point, edges.ok, None);
        let done = edges.done.map(|done| self.reload(point, done, None));
        let unwind = self.reload(point, edges.unwind, Some(Type::I32));
        self.r.e.block = entry;
        let ctx = self.r.e.ctx();
        let status = self.r.e.field(ctx, self.r.abi.ctx_child_status, Type::I32);
        let failed = self.r.e.f.add_block();
        if let Some(done) = done {
            let other = self.r.e.f.add_block();
            let item = self.r.e.is(status, i64::from(VT_ITEM));
            self.r.e.br(item, ok, other, other);
            let is_done = self.r.e.is(status, i64::from(VT_DONE));
            self.r.e.br(is_done, done, failed, failed);
        } else {
            let is_done = self.r.e.is(status, i64::from(VT_DONE));
            self.r.e.br(is_done, ok, failed, failed);
        }
        self.fail(status, unwind);
    }

    /// Polls an operation that has been built.
    fn await_op(&mut self, point: Suspend, op: crate::ir::HostOp, offset: u32, edges: Edges) {
        let gone = self.spend_coop();
        let storage = self.r.e.addr(Loc::Mem(self.frame, offset));
        let status = self.r.e.value(InstKind::OpPoll { op, storage }, Type::I32);
        let (pending, failed) = (self.r.e.f.add_block(), self.r.e.f.add_block());
        self.three_ways(status, edges.ok, pending, failed);
        self.fail(status, edges.unwind);
        let yielded = i64::from(VT_YIELDED);
        for (block, requeue) in [(pending, false), (gone, true)] {
            self.r.e.block = block;
            self.set_leaf_self();
            if requeue {
                self.request_requeue();
            }
            let status = self.r.e.const_int(Type::I32, yielded);
            self.suspend(point, status);
        }
        let entry = self.r.e.f.add_block();
        self.resumes[point] = Some(entry);
        let ok = self.reload(point, edges.ok, None);
        let unwind = self.reload(point, edges.unwind, Some(Type::I32));
        self.r.e.block = entry;
        let storage = self.r.e.addr(Loc::Mem(self.frame, offset));
        let status = self.r.e.value(InstKind::OpPoll { op, storage }, Type::I32);
        let (pending, failed) = (self.r.e.f.add_block(), self.r.e.f.add_block());
        self.three_ways(status, ok, pending, failed);
        self.fail(status, unwind);
        self.r.e.block = pending;
        self.finish(VT_YIELDED);
    }

    /// The resume entry of a state that takes a cancel itself.
    fn resume_unless_cancelled(&mut self, point: Suspend, edges: Edges) {
        let entry = self.r.e.f.add_block();
        self.resumes[point] = Some(entry);
        let ok = self.reload(point, edges.ok, None);
        let unwind = self.reload(point, edges.unwind, Some(Type::I32));
        self.r.e.block = entry;
        let ctx = self.r.e.ctx();
        let mode = self.r.e.field(ctx, self.r.abi.ctx_mode, Type::I32);
        let cancel = self.r.e.is(mode, i64::from(VT_MODE_CANCEL));
        let cancelled = self.r.e.f.add_block();
        self.r.e.br(cancel, cancelled, ok, cancelled);
        self.take_cancel();
        let cause = self.r.e.const_int(Type::I32, i64::from(VT_CANCELLED));
        self.r.e.jump(unwind, &[cause], cancelled);
    }

    /// Links a boxed frame and makes it the leaf; the pop loop runs it.
    fn start_boxed(&mut self, point: Suspend, frame: Value) {
        self.link_boxed(point, frame);
        let resume = self.boxed_resume(frame);
        self.set_leaf(resume, frame);
        let status = self.r.e.const_int(Type::I32, i64::from(VT_RUNNING));
        self.suspend(point, status);
    }

    pub(super) fn boxed_resume(&mut self, frame: Value) -> Value {
        let machine = self.r.e.field(frame, self.r.abi.prefix_machine, Type::Ptr);
        self.r.e.field(machine, self.r.abi.machine_resume, Type::Ptr)
    }

    /// Ends a future or generator early, under the shield.
    fn drain(&mut self, point: Suspend, held: &Held, edges: Edges) {
        self.r.e.effect(InstKind::Shield(1));
        let (frame, resume, tag) = match held {
            Held::Slot(slot) => {
                let func = self.future_func(*slot);
                let loc = self.r.loc(*slot);
                let frame = self.r.e.addr(loc);
                let resume = self.r.e.value(InstKind::ResumeAddr(func), Type::Ptr);
                let layout = &self.r.layouts[&func];
                let (at, ty) = (layout.tag_offset, tag_type(layout.tag_bytes));
                let tag = self.r.e.load(loc.at(at), ty);
                (frame, resume, tag)
            }
            Held::Boxed { frame, .. } => {
                let frame = self.r.use_of(*frame);
                let resume = self.boxed_resume(frame);
                let tag = self.boxed_tag(frame);
                (frame, resume, tag)
            }
        };
        // States 1 and 2 are over: nothing to cancel.
        let (over, cancel) = (self.r.e.f.add_block(), self.r.e.f.add_block());
        let one = self.r.e.const_int(self.r.e.f.value_type(tag), 1);
        let kind = InstKind::Binary { op: crate::ir::BinaryOp::Sub, args: [tag, one] };
        let ty = self.r.e.f.value_type(tag);
        let less = self.r.e.value(kind, ty);
        let two = self.r.e.const_int(ty, 2);
        let is_over = self.r.e.compare(CompareOp::Ult, less, two);
        self.r.e.br(is_over, over, cancel, over);
        self.r.e.jump(edges.ok, &[], cancel);
        let leaf = self.leaf_frame();
        let status = self.r.resume_in_cancel_mode(resume, frame);
        let (pending, failed) = (self.r.e.f.add_block(), self.r.e.f.add_block());
        self.drained_ways(status, edges.ok, pending, failed);
        self.r.e.block = failed;
        self.fail(status, edges.unwind);
        self.r.e.block = pending;
        match held {
            Held::Slot(slot) => {
                let offset = self.slot_offset(*slot);
                self.lead_to(self.future_func(*slot), offset);
                self.link(point, offset);
            }
            Held::Boxed { .. } => {
                // Whose machine it is, is not known: if nobody has become the leaf, it is for us to
                // see to that.
                let (lead, linked) = (self.r.e.f.add_block(), self.r.e.f.add_block());
                let now = self.leaf_frame();
                let same = self.r.e.compare(CompareOp::Eq, leaf, now);
                self.r.e.br(same, lead, linked, lead);
                self.set_leaf(resume, frame);
                self.r.e.jump(linked, &[], linked);
                self.link_boxed(point, frame);
            }
        }
        self.suspend(point, status);

        let entry = self.r.e.f.add_block();
        self.resumes[point] = Some(entry);
        let ok = self.reload(point, edges.ok, None);
        let unwind = self.reload(point, edges.unwind, Some(Type::I32));
        self.r.e.block = entry;
        let ctx = self.r.e.ctx();
        let status = self.r.e.field(ctx, self.r.abi.ctx_child_status, Type::I32);
        let failed = self.r.e.f.add_block();
        self.drained_ways(status, ok, failed, failed);
        self.r.e.block = failed;
        self.fail(status, unwind);
    }

    /// DONE or CANCELLED: drained. FAULTED: failed. Else pending.
    fn drained_ways(&mut self, status: Value, ok: Block, pending: Block, failed: Block) {
        let (second, third) = (self.r.e.f.add_block(), self.r.e.f.add_block());
        let cancelled = self.r.e.is(status, i64::from(VT_CANCELLED));
        self.r.e.br(cancelled, ok, second, second);
        let done = self.r.e.is(status, i64::from(VT_DONE));
        self.r.e.br(done, ok, third, third);
        let n = self.r.e.const_int(Type::I32, i64::from(VT_DONE));
        let not_yet = self.r.e.compare(CompareOp::Ult, status, n);
        self.r.e.br(not_yet, pending, failed, failed);
    }

    /// State of a boxed frame, as an `i32`.
    fn boxed_tag(&mut self, frame: Value) -> Value {
        let machine = self.r.e.field(frame, self.r.abi.prefix_machine, Type::Ptr);
        let offset = self.r.e.field(machine, self.r.abi.machine_tag_offset, Type::I32);
        let offset = self.widen(offset, Type::I64);
        let at = self.r.e.add_bytes(frame, offset);
        let bytes = self.r.e.field(machine, self.r.abi.machine_tag_bytes, Type::I32);
        let after = self.r.e.f.add_block();
        let tag = self.r.e.f.add_block_param(after, Type::I32);
        let start = self.r.e.block;
        let mut cases = Vec::new();
        for ty in [Type::I8, Type::I16, Type::I32] {
            self.r.e.block = self.r.e.f.add_block();
            cases.push((u64::from(ty.bytes()), BlockCall::new(self.r.e.block, [])));
            let v = self.r.e.load(Loc::Mem(at, 0), ty);
            let v = self.widen(v, Type::I32);
            self.r.e.jump(after, &[v], after);
        }
        self.r.e.block = start;
        let default = cases.pop().expect("I: three widths").1;
        self.r.e.end(Terminator::Switch { value: bytes, cases, default }, after);
        tag
    }

    fn widen(&mut self, v: Value, ty: Type) -> Value {
        if self.r.e.f.value_type(v) == ty {
            return v;
        }
        self.r.e.value(InstKind::Convert { op: ConvertOp::Zext, arg: v, ty }, ty)
    }

    /// What an edge block does first: reads results, frees what is over.
    pub(super) fn prologue(&mut self, block: Block, prologue: &Prologue) {
        match &prologue.term {
            Terminator::Await { awaitee, dests, .. } => {
                self.await_prologue(block, prologue, awaitee, dests);
            }
            Terminator::Join { .. } | Terminator::Select { .. } => {
                self.branches_prologue(block, prologue);
            }
            _ => {}
        }
    }

    fn await_prologue(&mut self, block: Block, p: &Prologue, awaitee: &Awaitee, dests: &[Slot]) {
        if let Awaitee::Drain(_) = awaitee {
            self.r.e.effect(InstKind::Shield(-1));
        } else if p.edge == EdgeRole::Ok(0) {
            let place = self.layout.bound[p.point].places.first().copied().flatten();
            self.read_results(block, awaitee, place, dests);
        }
        if let Awaitee::Future(Held::Boxed { frame, .. })
        | Awaitee::Drain(Held::Boxed { frame, .. }) = awaitee
        {
            let frame = self.r.use_of(*frame);
            self.r.e.ctx_call(CtxFn::FreeFrame, &[frame]);
        }
    }

    /// Turns the parameters of an edge block into loads from the awaitee's result area, and copies
    /// the results that travel by slot.
    pub(super) fn read_results(
        &mut self,
        block: Block,
        awaitee: &Awaitee,
        place: Option<u32>,
        dests: &[Slot],
    ) {
        let types = super::normalise::awaitee_results(self.r.e.module, self.r.e.f, awaitee);
        if types.is_empty() {
            return;
        }
        let base = self.results_at(awaitee, place);
        let sequence = self.r.e.module.sequence(types.iter().copied());
        let offsets = sequence.expect("I: laid out results have offsets").offsets;
        let n_values = types.iter().filter(|t| t.as_value().is_some()).count();
        let mut params: Vec<Value> = self.r.e.f.blocks[block].params.drain(..n_values).collect();
        params.reverse();
        for (ty, &offset) in types.iter().zip(&offsets) {
            if let Ty::Value(_) = ty {
                let v = params.pop().expect("I: one parameter per value result (N2)");
                self.load_as(v, base.at(offset));
            }
        }
        let mut dests = dests.iter();
        for (&ty, &offset) in types.iter().zip(&offsets) {
            if ty.as_value().is_none() {
                let dest = self.r.loc(*dests.next().expect("I: one slot per slot result"));
                let bytes = self.r.e.module.size_align(ty).0;
                self.r.e.copy(dest, base.at(offset), bytes);
            }
        }
    }

    /// Defines an existing value as a load.
    fn load_as(&mut self, v: Value, loc: Loc) {
        let ty = self.r.e.f.value_type(v);
        let (addr, offset) = match loc {
            Loc::Mem(addr, offset) => (addr, offset as i32),
            Loc::Slot(..) => unreachable!("results lie in frames"),
        };
        let inst = self.r.e.f.make_inst(InstKind::Load { ty, addr, offset }, &[], self.r.e.span);
        self.r.e.f.insts[inst].results.push(v);
        self.r.e.f.values[v].def = crate::ir::ValueDef::Inst(inst, 0);
        self.r.e.f.blocks[self.r.e.block].insts.push(inst);
    }

    /// Start of an awaitee's result area.
    pub(super) fn results_at(&mut self, awaitee: &Awaitee, place: Option<u32>) -> Loc {
        let child = |this: &Self, func: Func, at: u32| {
            Loc::Mem(this.frame, at + this.r.layouts[&func].result_offset)
        };
        match awaitee {
            Awaitee::Call { func, .. } => {
                child(self, *func, place.expect("I: a called child has its place"))
            }
            Awaitee::Future(Held::Slot(slot)) => {
                let func = self.future_func(*slot);
                child(self, func, place.expect("I: an awaited future has its place"))
            }
            Awaitee::Next(Held::Slot(slot)) => {
                child(self, self.future_func(*slot), self.slot_offset(*slot))
            }
            Awaitee::Op { op, .. } => {
                let at = place.expect("I: an operation has its place");
                Loc::Mem(self.frame, at + self.r.e.module.ops[*op].result_offset)
            }
            Awaitee::Future(Held::Boxed { frame, .. })
            | Awaitee::Next(Held::Boxed { frame, .. })
            | Awaitee::Drain(Held::Boxed { frame, .. }) => {
                let frame = self.r.use_of(*frame);
                let machine = self.r.e.field(frame, self.r.abi.prefix_machine, Type::Ptr);
                let offset = self.r.e.field(machine, self.r.abi.machine_result_offset, Type::I32);
                let offset = self.widen(offset, Type::I64);
                Loc::Mem(self.r.e.add_bytes(frame, offset), 0)
            }
            Awaitee::Drain(Held::Slot(_)) | Awaitee::GiveWay => {
                unreachable!("neither has results")
            }
        }
    }
}
