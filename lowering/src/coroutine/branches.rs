//! Splits a join or a select: several awaitees inside one frame, run by `vt_branches`.
//!
//! Each branch has a record (a leaf of its own) in the frame. Setting up builds every child and
//! operation in source order; none is started before all are built. While suspended this frame is
//! its task's leaf, and resuming it calls `vt_branches` again.

use super::emit::Loc;
use super::layout::awaitees;
use super::normalise::awaitee_results;
use super::split::{EdgeRole, Prologue, Split, edge_blocks};
use crate::ir::{
    Awaitee, Block, BlockCall, CtxFn, Held, InstKind, Slot, Suspend, Terminator, Ty, Type, Value,
};
use vitte_abi::{VT_DONE, VT_JOIN, VT_NONE, VT_SELECT, VT_SELECT_NOW, VT_YIELDED};

/// Where a join or select goes.
struct Outcome {
    /// Per arm (a join has one), then `otherwise`.
    ok: Vec<Block>,
    unwind: Block,
    select: bool,
}

impl Split<'_> {
    /// Splits `Join` and `Select`.
    pub(super) fn branches(&mut self, term: Terminator) {
        let point = term.suspend_point().expect("I: a join names its suspend point");
        let all = awaitees(&term);
        let bound = &self.layout.bound[point];
        let records = bound.records.expect("I: a join has its records");
        let places = bound.places.clone();
        for (i, (awaitee, _)) in all.iter().enumerate() {
            let record = records + self.r.abi.leaf_bytes * i as u32;
            self.build_branch(record, awaitee, places[i]);
        }
        let flags = match &term {
            Terminator::Join { .. } => VT_JOIN,
            Terminator::Select { otherwise: Some(_), .. } => VT_SELECT_NOW,
            _ => VT_SELECT,
        };
        let outcome = Outcome {
            ok: edge_blocks(&term)
                .into_iter()
                .filter(|e| matches!(e.1, EdgeRole::Ok(_) | EdgeRole::Otherwise))
                .map(|e| e.0)
                .collect(),
            unwind: edge_blocks(&term).last().expect("I: a join has an unwind edge").0,
            select: flags != VT_JOIN,
        };
        let n = all.len() as u32;

        let gone = self.spend_coop();
        let status = self.run_branches(records, n, flags);
        let (done, pending, failed) =
            (self.r.e.f.add_block(), self.r.e.f.add_block(), self.r.e.f.add_block());
        self.three_ways(status, done, pending, failed);
        self.r.e.block = failed;
        self.fail(status, outcome.unwind);
        self.r.e.block = done;
        self.choose_winner(&outcome.ok, outcome.select);
        for (block, requeue) in [(pending, false), (gone, true)] {
            self.r.e.block = block;
            self.set_leaf_self();
            if requeue {
                self.request_requeue();
            }
            let status = self.r.e.const_int(Type::I32, i64::from(VT_YIELDED));
            self.suspend(point, status);
        }
        self.resume_branches(point, records, n, flags, &outcome);
    }

    fn resume_branches(
        &mut self,
        point: Suspend,
        records: u32,
        n: u32,
        flags: u32,
        outcome: &Outcome,
    ) {
        let entry = self.r.e.f.add_block();
        self.resumes[point] = Some(entry);
        let ok: Vec<Block> = outcome.ok.iter().map(|&b| self.reload(point, b, None)).collect();
        let unwind = self.reload(point, outcome.unwind, Some(Type::I32));
        self.r.e.block = entry;
        let status = self.run_branches(records, n, flags);
        let (done, pending, failed) =
            (self.r.e.f.add_block(), self.r.e.f.add_block(), self.r.e.f.add_block());
        self.three_ways(status, done, pending, failed);
        self.r.e.block = failed;
        self.fail(status, unwind);
        self.r.e.block = pending;
        self.finish(VT_YIELDED);
        self.r.e.block = done;
        self.choose_winner(&ok, outcome.select);
    }

    /// Builds one awaitee and its record.
    fn build_branch(&mut self, record: u32, awaitee: &Awaitee, place: Option<u32>) {
        let (resume, frame, is_op) = match awaitee {
            Awaitee::Call { func, args } => {
                let base = Loc::Mem(self.frame, place.expect("I: a called child has its place"));
                self.build_child(base, *func, args);
                self.root_child(base);
                (InstKind::ResumeAddr(*func), self.r.e.addr(base), false)
            }
            Awaitee::Future(Held::Slot(slot)) => {
                let func = self.future_func(*slot);
                let base = Loc::Mem(self.frame, place.expect("I: a future has its place"));
                let future = self.r.loc(*slot);
                self.r.move_future(base, future, func);
                self.r.unresumed(base, func);
                self.root_child(base);
                (InstKind::ResumeAddr(func), self.r.e.addr(base), false)
            }
            Awaitee::Op { op, args } => {
                let storage = Loc::Mem(self.frame, place.expect("I: an operation has its place"));
                let storage = self.r.e.addr(storage);
                let args: Vec<_> = args
                    .iter()
                    .map(|a| match *a {
                        crate::ir::Arg::Value(v) => crate::ir::Arg::Value(self.r.use_of(v)),
                        moved @ crate::ir::Arg::Move(_) => moved,
                    })
                    .collect();
                let args = self.r.by_address(&args);
                self.r.e.effect(InstKind::OpStart { op: *op, storage, args });
                (InstKind::PollAddr(*op), storage, true)
            }
            Awaitee::Future(Held::Boxed { frame, .. }) => {
                let frame = self.r.use_of(*frame);
                let resume = self.boxed_resume(frame);
                return self.write_record(record, resume, frame, false);
            }
            Awaitee::Next(_) | Awaitee::Drain(_) | Awaitee::GiveWay => {
                unreachable!("the verifier allows none of these in a branch")
            }
        };
        let resume = self.r.e.value(resume, Type::Ptr);
        self.write_record(record, resume, frame, is_op);
    }

    /// A branch's frame is outermost: its link is null.
    fn root_child(&mut self, base: Loc) {
        let null = self.r.e.null();
        self.r.e.store(base, null);
    }

    fn write_record(&mut self, record: u32, resume: Value, frame: Value, is_op: bool) {
        let at = |offset: i32| record + offset as u32;
        let (base, abi) = (self.frame, self.r.abi);
        self.r.e.store(Loc::Mem(base, at(abi.leaf_resume)), resume);
        self.r.e.store(Loc::Mem(base, at(abi.leaf_frame)), frame);
        let bytes = [
            (abi.leaf_cancel, 0),
            (abi.leaf_is_op, i64::from(is_op)),
            (abi.leaf_status, i64::from(VT_NONE)),
            (abi.leaf_phase, 0),
        ];
        for (offset, n) in bytes {
            let n = self.r.e.const_int(Type::I8, n);
            self.r.e.store(Loc::Mem(base, at(offset)), n);
        }
        let zero = self.r.e.const_int(Type::I32, 0);
        self.r.e.store(Loc::Mem(base, at(abi.leaf_shield)), zero);
    }

    fn run_branches(&mut self, records: u32, n: u32, flags: u32) -> Value {
        let records = self.r.e.addr(Loc::Mem(self.frame, records));
        let n = self.r.e.const_int(Type::I32, i64::from(n));
        let flags = self.r.e.const_int(Type::I32, i64::from(flags));
        self.r.e.ctx_call(CtxFn::Branches, &[records, n, flags]).expect("I: it has a result")
    }

    /// Goes to the arm that won; a join has only one way.
    fn choose_winner(&mut self, ok: &[Block], select: bool) {
        let last = *ok.last().expect("I: a join or select has an ok edge");
        if !select || ok.len() == 1 {
            return self.r.e.jump(last, &[], last);
        }
        let ctx = self.r.e.ctx();
        let winner = self.r.e.field(ctx, self.r.abi.ctx_winner, Type::I32);
        let to = |&b: &Block| BlockCall::new(b, []);
        let cases = (0..).zip(ok[..ok.len() - 1].iter().map(to)).collect();
        self.r.e.end(Terminator::Switch { value: winner, cases, default: to(&last) }, last);
    }

    /// What an edge block of a join or select does first.
    pub(super) fn branches_prologue(&mut self, block: Block, p: &Prologue) {
        let bound = &self.layout.bound[p.point];
        let records = bound.records.expect("I: a join has its records");
        let places = bound.places.clone();
        let all: Vec<(Awaitee, Vec<Slot>)> =
            awaitees(&p.term).into_iter().map(|(a, d)| (a.clone(), d.to_vec())).collect();
        let joined = matches!(p.term, Terminator::Join { .. });
        let taken = |i: usize| match p.edge {
            EdgeRole::Ok(arm) => joined || arm == i,
            _ => false,
        };
        // All results that are values, then those that travel by slot: see `relate_dests`.
        for (i, (awaitee, dests)) in all.iter().enumerate() {
            if taken(i) {
                self.read_results(block, awaitee, places[i], dests);
            }
        }
        for (i, (awaitee, _)) in all.iter().enumerate() {
            if !taken(i) {
                let record = records + self.r.abi.leaf_bytes * i as u32;
                self.drop_results_if_done(record, awaitee, places[i]);
            }
        }
        for (awaitee, _) in &all {
            if let Awaitee::Future(Held::Boxed { frame, .. }) = awaitee {
                let frame = self.r.use_of(*frame);
                self.r.e.ctx_call(CtxFn::FreeFrame, &[frame]);
            }
        }
    }

    /// A branch that finished although nobody wants its result any more.
    fn drop_results_if_done(&mut self, record: u32, awaitee: &Awaitee, place: Option<u32>) {
        let types = awaitee_results(self.r.e.module, self.r.e.f, awaitee);
        if !types.iter().any(|&t| self.r.e.module.needs_drop(t)) {
            return;
        }
        let status = Loc::Mem(self.frame, record + self.r.abi.leaf_status as u32);
        let status = self.r.e.load(status, Type::I8);
        let done = self.r.e.is(status, i64::from(VT_DONE));
        let (drop, after) = (self.r.e.f.add_block(), self.r.e.f.add_block());
        self.r.e.br(done, drop, after, drop);
        let base = self.results_at(awaitee, place);
        let sequence = self.r.e.module.sequence(types.iter().copied());
        let offsets = sequence.expect("I: laid out results have offsets").offsets;
        for (&ty, &offset) in types.iter().zip(&offsets) {
            if !matches!(ty, Ty::Future(_)) {
                self.r.e.drop_at(ty, base.at(offset));
            }
        }
        self.r.e.jump(after, &[], after);
    }
}
