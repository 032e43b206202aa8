//! Splits a join or a select: several awaitees inside one frame, run by `vt_branches`.
//!
//! Each branch has a leaf of its own. Setting up builds every child and operation in source order;
//! none is started before all are built. While suspended this frame is its task's leaf, and resuming
//! it calls `vt_branches` again.
//!
//! The leaves lie on the native stack while the branches run. In the frame, in the **record** of each
//! branch, is kept only what the machine does not know by itself ([`Kept`]): of an operation 4 bytes
//! of flags, where the leaf has 32. More than [`MAX_COMPACT_BRANCHES`] branches have their leaves in
//! the frame for good, so that the native stack and the code that copies stay small.

use super::emit::Loc;
use super::layout::{Kept, MAX_COMPACT_BRANCHES, awaitees};
use super::normalise::awaitee_results;
use super::split::{EdgeRole, Prologue, Split, edge_blocks};
use crate::ir::{
    Awaitee, Block, BlockCall, CtxFn, Held, InstKind, Slot, SlotData, Span, Suspend, Terminator,
    Ty, Type, Value,
};
use vitte_abi::{VT_DONE, VT_JOIN, VT_NONE, VT_SELECT, VT_SELECT_NOW, VT_YIELDED};

/// A join or select and where it goes.
struct Join {
    point: Suspend,
    all: Vec<Awaitee>,
    /// The leaves while the branches run.
    leaves: Loc,
    flags: u32,
    /// Per arm (a join has one), then `otherwise`.
    ok: Vec<Block>,
    unwind: Block,
}

impl Split<'_> {
    /// Splits `Join` and `Select`.
    pub(super) fn branches(&mut self, term: Terminator) {
        let point = term.suspend_point().expect("I: a join names its suspend point");
        let all: Vec<Awaitee> = awaitees(&term).into_iter().map(|a| a.0.clone()).collect();
        let flags = match &term {
            Terminator::Join { .. } => VT_JOIN,
            Terminator::Select { otherwise: Some(_), .. } => VT_SELECT_NOW,
            _ => VT_SELECT,
        };
        let leaves = self.leaves(point, all.len());
        let ok = edge_blocks(&term)
            .into_iter()
            .filter(|e| matches!(e.1, EdgeRole::Ok(_) | EdgeRole::Otherwise))
            .map(|e| e.0)
            .collect();
        let unwind = edge_blocks(&term).last().expect("I: a join has an unwind edge").0;
        let join = Join { point, all, leaves, flags, ok, unwind };
        for (i, awaitee) in join.all.iter().enumerate() {
            let place = self.layout.bound[point].places[i];
            self.build_branch(self.leaf(leaves, i), awaitee, place);
        }

        let gone = self.spend_coop();
        let status = self.run_branches(&join);
        let (done, pending, failed) =
            (self.r.e.f.add_block(), self.r.e.f.add_block(), self.r.e.f.add_block());
        self.three_ways(status, done, pending, failed);
        self.r.e.block = failed;
        self.fail(status, join.unwind);
        self.r.e.block = done;
        self.choose_winner(&join.ok, flags);
        for (block, requeue) in [(pending, false), (gone, true)] {
            self.r.e.block = block;
            self.keep(&join);
            self.set_leaf_self();
            if requeue {
                self.request_requeue();
            }
            let status = self.r.e.const_int(Type::I32, i64::from(VT_YIELDED));
            self.suspend(point, status);
        }
        self.resume_branches(&join);
    }

    fn resume_branches(&mut self, join: &Join) {
        let point = join.point;
        let entry = self.r.e.f.add_block();
        self.resumes[point] = Some(entry);
        let ok: Vec<Block> = join.ok.iter().map(|&b| self.reload(point, b, None)).collect();
        let unwind = self.reload(point, join.unwind, Some(Type::I32));
        self.r.e.block = entry;
        self.make_again(join);
        let status = self.run_branches(join);
        let (done, pending, failed) =
            (self.r.e.f.add_block(), self.r.e.f.add_block(), self.r.e.f.add_block());
        self.three_ways(status, done, pending, failed);
        self.r.e.block = failed;
        self.fail(status, unwind);
        self.r.e.block = pending;
        self.keep(join);
        self.finish(VT_YIELDED);
        self.r.e.block = done;
        self.choose_winner(&ok, join.flags);
    }

    /// Where the leaves of a point lie while its branches run.
    fn leaves(&mut self, point: Suspend, n: usize) -> Loc {
        if n > MAX_COMPACT_BRANCHES {
            return Loc::Mem(self.frame, self.layout.bound[point].records[0]);
        }
        if let Some(&slot) = self.leaves.get(&point) {
            return Loc::Slot(slot, 0);
        }
        let ty = Ty::Bytes { size: self.r.abi.leaf_bytes * n as u32, align: 8 };
        let name = format!("{point}.leaves");
        let slot = self.r.e.f.slots.push(SlotData { name, ty, param: None, span: Span::NONE });
        self.leaves.insert(point, slot);
        Loc::Slot(slot, 0)
    }

    fn leaf(&self, leaves: Loc, i: usize) -> Loc {
        leaves.at(self.r.abi.leaf_bytes * i as u32)
    }

    /// Before a suspend: stores to the frame what the next resume cannot know.
    fn keep(&mut self, join: &Join) {
        self.copy_kept(join, |this, leaf, record, ty| {
            let v = this.r.e.load(leaf, ty);
            this.r.e.store(record, v);
        });
    }

    /// After a resume: makes the leaves again.
    fn make_again(&mut self, join: &Join) {
        self.copy_kept(join, |this, leaf, record, ty| {
            let v = this.r.e.load(record, ty);
            this.r.e.store(leaf, v);
        });
        if join.all.len() > MAX_COMPACT_BRANCHES {
            return;
        }
        for (i, awaitee) in join.all.iter().enumerate() {
            let leaf = self.leaf(join.leaves, i);
            let kept = Kept::of(self.r.e.f, self.r.layouts, awaitee);
            let root = self.root(join, i);
            let at = leaf.at(self.r.abi.leaf_root as u32);
            self.r.e.store(at, root);
            if kept != Kept::Leaf {
                self.r.e.store(leaf.at(self.r.abi.leaf_frame as u32), root);
                let resume = self.known_resume(awaitee);
                self.r.e.store(leaf.at(self.r.abi.leaf_resume as u32), resume);
            }
            if kept == Kept::Flags {
                let zero = self.r.e.const_int(Type::I32, 0);
                self.r.e.store(leaf.at(self.r.abi.leaf_shield as u32), zero);
            }
        }
    }

    /// Visits the fields that are kept: place in the leaf, place in the record.
    fn copy_kept(&mut self, join: &Join, mut copy: impl FnMut(&mut Self, Loc, Loc, Type)) {
        if join.all.len() > MAX_COMPACT_BRANCHES {
            return;
        }
        for (i, awaitee) in join.all.iter().enumerate() {
            let leaf = self.leaf(join.leaves, i);
            let record = Loc::Mem(self.frame, self.layout.bound[join.point].records[i]);
            let abi = self.r.abi;
            // `cancel`, `status`, `phase` and `running` are one word.
            let flags = leaf.at(abi.leaf_cancel as u32);
            let shield = leaf.at(abi.leaf_shield as u32);
            copy(self, flags, record, Type::I32);
            let kept = Kept::of(self.r.e.f, self.r.layouts, awaitee);
            if kept != Kept::Flags {
                copy(self, shield, record.at(abi.record_shield as u32), Type::I32);
            }
            if kept == Kept::Leaf {
                let pairs =
                    [(abi.leaf_resume, abi.record_resume), (abi.leaf_frame, abi.record_frame)];
                for (in_leaf, in_record) in pairs {
                    copy(self, leaf.at(in_leaf as u32), record.at(in_record as u32), Type::Ptr);
                }
            }
        }
    }

    /// The outermost frame of a branch, or the storage of its operation, in a later resume.
    fn root(&mut self, join: &Join, i: usize) -> Value {
        if let Awaitee::Future(Held::Boxed { frame, .. }) = join.all[i] {
            return self.load_across(join.point, frame);
        }
        let place = self.layout.bound[join.point].places[i];
        self.r.e.addr(Loc::Mem(self.frame, place.expect("I: a branch has its place")))
    }

    /// A value that is live across a point, while it is suspended there.
    fn load_across(&mut self, point: Suspend, v: Value) -> Value {
        let saved = &self.layout.saved[point];
        let Ok(i) = saved.binary_search_by_key(&v, |s| s.0) else { return self.load_home(v) };
        let (at, ty) = (saved[i].1, self.r.e.f.value_type(v));
        self.r.e.load(Loc::Mem(self.frame, at), ty)
    }

    /// The function that resumes a branch from the outermost frame.
    fn known_resume(&mut self, awaitee: &Awaitee) -> Value {
        let kind = match awaitee {
            Awaitee::Call { func, .. } => InstKind::ResumeAddr(*func),
            Awaitee::Future(Held::Slot(slot)) => InstKind::ResumeAddr(self.future_func(*slot)),
            Awaitee::Op { op, .. } => InstKind::PollAddr(*op),
            _ => unreachable!("the verifier allows none of these in a branch"),
        };
        self.r.e.value(kind, Type::Ptr)
    }

    /// Builds one awaitee and its leaf.
    fn build_branch(&mut self, leaf: Loc, awaitee: &Awaitee, place: Option<u32>) {
        let place = |this: &Self| {
            Loc::Mem(this.frame, place.expect("I: a branch inside the frame has its place"))
        };
        let frame = match awaitee {
            Awaitee::Call { func, args } => {
                let base = place(self);
                self.build_child(base, *func, args);
                self.r.e.addr(base)
            }
            Awaitee::Future(Held::Slot(slot)) => {
                let func = self.future_func(*slot);
                let base = place(self);
                let future = self.r.loc(*slot);
                self.r.move_future(base, future, func);
                self.r.unresumed(base, func);
                self.r.e.addr(base)
            }
            Awaitee::Op { op, args } => {
                let storage = self.r.e.addr(place(self));
                let args = self.mapped(args);
                let args = self.r.by_address(&args);
                self.r.e.effect(InstKind::OpStart { op: *op, storage, args });
                storage
            }
            Awaitee::Future(Held::Boxed { frame, .. }) => {
                let frame = self.r.use_of(*frame);
                let resume = self.boxed_resume(frame);
                return self.write_leaf(leaf, resume, frame);
            }
            Awaitee::Next(_) | Awaitee::Drain(_) | Awaitee::GiveWay => {
                unreachable!("the verifier allows none of these in a branch")
            }
        };
        let resume = self.known_resume(awaitee);
        self.write_leaf(leaf, resume, frame);
    }

    /// The leaf of a branch that has not begun.
    fn write_leaf(&mut self, leaf: Loc, resume: Value, frame: Value) {
        let abi = self.r.abi;
        self.r.e.store(leaf.at(abi.leaf_resume as u32), resume);
        self.r.e.store(leaf.at(abi.leaf_frame as u32), frame);
        self.r.e.store(leaf.at(abi.leaf_root as u32), frame);
        let bytes = [
            (abi.leaf_cancel, 0),
            (abi.leaf_status, i64::from(VT_NONE)),
            (abi.leaf_phase, 0),
            (abi.leaf_running, 0),
        ];
        for (offset, n) in bytes {
            let n = self.r.e.const_int(Type::I8, n);
            self.r.e.store(leaf.at(offset as u32), n);
        }
        let zero = self.r.e.const_int(Type::I32, 0);
        self.r.e.store(leaf.at(abi.leaf_shield as u32), zero);
    }

    fn run_branches(&mut self, join: &Join) -> Value {
        let leaves = self.r.e.addr(join.leaves);
        let n = self.r.e.const_int(Type::I32, join.all.len() as i64);
        let flags = self.r.e.const_int(Type::I32, i64::from(join.flags));
        self.r.e.ctx_call(CtxFn::Branches, &[leaves, n, flags]).expect("I: it has a result")
    }

    /// Goes to the arm that won; a join has only one way.
    fn choose_winner(&mut self, ok: &[Block], flags: u32) {
        let last = *ok.last().expect("I: a join or select has an ok edge");
        if flags == VT_JOIN || ok.len() == 1 {
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
        let places = self.layout.bound[p.point].places.clone();
        let all: Vec<(Awaitee, Vec<Slot>)> =
            awaitees(&p.term).into_iter().map(|(a, d)| (a.clone(), d.to_vec())).collect();
        let leaves = self.leaves(p.point, all.len());
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
                self.drop_results_if_done(self.leaf(leaves, i), awaitee, places[i]);
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
    fn drop_results_if_done(&mut self, leaf: Loc, awaitee: &Awaitee, place: Option<u32>) {
        let types = awaitee_results(self.r.e.module, self.r.e.f, awaitee);
        if !types.iter().any(|&t| self.r.e.module.needs_drop(t)) {
            return;
        }
        let status = self.r.e.load(leaf.at(self.r.abi.leaf_status as u32), Type::I8);
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
