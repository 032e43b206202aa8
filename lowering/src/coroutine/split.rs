//! Splits a coroutine at its suspend points: the coroutine becomes one resume function.
//!
//! In: a normalised coroutine with its frame layout. Out: a function `(ctx, frame) -> status`
//! without suspending terminators.
//!
//! ```text
//!  entry ── tag ──┬─ 0 ───────► start: load parameters ─► body …
//!                 ├─ 3+i ─────► resume i ─┬─ done ──► reload ─► edge block of ok ─► body …
//!                 │             (poll)    ├─ failed ─► reload ─► edge block of unwind ─► cleanup …
//!                 │                       └─ not yet ─► return YIELDED
//!                 └─ 1, 2 ────► return FAULTED (misuse)
//!
//!  body … ─► start awaitee ─┬─ done ────► edge block of ok     (nothing was stored)
//!                           ├─ failed ──► edge block of unwind
//!                           └─ not yet ─► spill, tag = 3+i, return its status
//! ```
//!
//! The first line of an edge block reads the results from wherever the awaitee left them; ready and
//! resumed paths meet there. A value that is saved has then several definitions (the original one
//! and one reload per way in), which [`super::ssa`] joins.
//!
//! # Invariants
//!
//! * **S1** The mode is RESUME whenever code of the body runs: state 0, a yield, and a plain give-way
//!   take a cancel themselves; operations and joins take it in their poll; a frame that awaits a
//!   child is never the leaf.
//! * **S2** Whoever is suspended is the leaf. Who awaits no coroutine is the leaf from the first
//!   suspend to the end: whoever starts it makes it the leaf, once. All others make themselves the
//!   leaf whenever they suspend. Every path that passes on a child's status has stored its link.
//! * **S3** All stores to the frame precede the return.

use super::emit::{Emit, Loc};
use super::layout::FrameLayout;
use super::live::Live;
use super::order::CallOrder;
use super::rewrite::Rewrite;
use super::ssa;
use super::values::{def_blocks, for_each_boxed};
use crate::FrameAbi;
use crate::ir::cfg::Cfg;
use crate::ir::{
    Arg, Block, BlockArg, BlockCall, CompareOp, EntityRef, EntityVec, Func, FuncKind, Function,
    Inst, InstKind, Module, Param, Signature, Slot, Span, Suspend, Terminator, Ty, Type, Value,
};
use std::collections::{BTreeMap, BTreeSet};
use vitte_abi::{VT_CANCELLED, VT_DONE, VT_FAULTED, VT_MODE_CANCEL, VT_MODE_RESUME};

/// Up to so many suspended states are told apart by a compare tree, more by a jump table.
const MAX_COMPARE_TREE: usize = 8;

/// Everything the split knows.
pub(super) struct Split<'a> {
    pub(super) r: Rewrite<'a>,
    pub(super) func: Func,
    pub(super) order: &'a CallOrder,
    pub(super) layout: &'a FrameLayout,
    pub(super) live: &'a Live,
    pub(super) frame: Value,
    /// What an edge block does first.
    pub(super) prologues: BTreeMap<Block, Prologue>,
    /// Entry of each suspended state.
    pub(super) resumes: EntityVec<Suspend, Option<Block>>,
    /// Per join or select: the leaves of its branches, on the native stack.
    pub(super) leaves: BTreeMap<Suspend, Slot>,
    /// Further definitions of saved values.
    reloads: BTreeMap<Value, Vec<Value>>,
    stands_for: BTreeMap<Value, Value>,
}

/// What the split says it did, for a checker to hold against what it did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Witness {
    /// Values of the machine that are loaded, or joined from loads, and the value of the coroutine
    /// that each stands for.
    pub stands_for: BTreeMap<Value, Value>,
    /// Where state 3 + i resumes; `None` if the state cannot be entered.
    pub resumes: Vec<Option<Block>>,
}

/// What an edge block of a suspend point does first.
#[derive(Clone, Debug)]
pub(super) struct Prologue {
    pub(super) term: Terminator,
    pub(super) point: Suspend,
    pub(super) edge: EdgeRole,
}

/// Which edge of a suspending terminator a block belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum EdgeRole {
    /// `ok`, or the arm of this index.
    Ok(usize),
    /// `done` of a generator.
    Done,
    /// `otherwise` of a select.
    Otherwise,
    /// `unwind`.
    Unwind,
}

/// Splits one coroutine.
#[allow(clippy::too_many_arguments, reason = "the facts of one coroutine, gathered by one driver")]
pub(crate) fn split(
    module: &Module,
    func: Func,
    mut f: Function,
    live: &Live,
    layout: &FrameLayout,
    layouts: &BTreeMap<Func, FrameLayout>,
    order: &CallOrder,
    abi: &FrameAbi,
) -> (Function, Witness) {
    let body = f.entry;
    let n_blocks = f.blocks.len();
    let entry = f.add_block();
    f.add_block_param(entry, Type::Ptr);
    let frame = f.add_block_param(entry, Type::Ptr);
    let homes = home_reloads(&f, live, layout);
    let emit = Emit { module, f: &mut f, block: entry, span: Span::NONE };
    let mut s = Split {
        resumes: live.slots_across.keys().map(|_| None).collect(),
        r: Rewrite {
            e: emit,
            layouts,
            abi,
            frame: Some((frame, layout)),
            instead: BTreeMap::new(),
        },
        func,
        order,
        layout,
        live,
        frame,
        prologues: BTreeMap::new(),
        leaves: BTreeMap::new(),
        reloads: BTreeMap::new(),
        stands_for: BTreeMap::new(),
    };
    s.find_prologues(n_blocks);
    for block in (0..n_blocks).map(Block::new) {
        s.block(block, &homes[block]);
    }
    s.dispatch(entry, body);
    let reloads = std::mem::take(&mut s.reloads);
    let mut witness = Witness {
        resumes: s.resumes.values().copied().collect(),
        stands_for: std::mem::take(&mut s.stands_for),
    };
    f.entry = entry;
    f.kind = FuncKind::Machine;
    f.sig = machine_signature();
    f.slots.values_mut().for_each(|slot| slot.param = None);
    prune(&mut f);
    witness.stands_for.extend(ssa::repair(&mut f, &reloads));
    (f, witness)
}

/// Empties blocks that nothing leads to: no backend should spend time on them.
fn prune(f: &mut Function) {
    let cfg = Cfg::new(f);
    for (block, data) in f.blocks.iter_mut().filter(|(b, _)| !cfg.is_reachable(*b)) {
        debug_assert!(block != f.entry, "the entry is reachable");
        data.params.clear();
        data.insts.clear();
        data.term = Some(Terminator::Unreachable);
    }
}

/// `(ctx, frame) -> status`.
pub(super) fn machine_signature() -> Signature {
    let ptr = |name: &str| Param { name: name.to_owned(), ty: Ty::Value(Type::Ptr) };
    Signature {
        params: vec![ptr("ctx"), ptr("frame")],
        results: vec![Ty::Value(Type::I32)],
        faults: false,
    }
}

/// Blocks in which a value with a home must be read from it: those reachable from a suspend without
/// passing its definition.
fn home_reloads(
    f: &Function,
    live: &Live,
    layout: &FrameLayout,
) -> EntityVec<Block, BTreeSet<Value>> {
    let mut out: EntityVec<Block, BTreeSet<Value>> =
        f.blocks.keys().map(|_| BTreeSet::new()).collect();
    if layout.homes.is_empty() {
        return out;
    }
    let defs = def_blocks(f);
    let mut work: Vec<Block> = Vec::new();
    for data in f.blocks.values() {
        let Some(term) = &data.term else { continue };
        if term.suspend_point().is_none() {
            continue;
        }
        for edge in term.targets() {
            let live_in = live.values.live_in(edge.block).iter();
            out[edge.block].extend(live_in.filter(|v| layout.homes.contains_key(v)));
            work.push(edge.block);
        }
    }
    while let Some(block) = work.pop() {
        let here: Vec<Value> = out[block].iter().copied().collect();
        for next in f.term(block).targets().iter().map(|t| t.block) {
            let before = out[next].len();
            let live_in = live.values.live_in(next);
            out[next].extend(
                here.iter().filter(|v| defs[**v] != Some(next) && live_in.binary_search(v).is_ok()),
            );
            if out[next].len() != before {
                work.push(next);
            }
        }
    }
    out
}

impl Split<'_> {
    fn find_prologues(&mut self, n_blocks: usize) {
        for block in (0..n_blocks).map(Block::new) {
            let Some(term) = &self.r.e.f.blocks[block].term else { continue };
            let Some(point) = term.suspend_point() else { continue };
            for (target, edge) in edge_blocks(term) {
                let prologue = Prologue { term: term.clone(), point, edge };
                self.prologues.insert(target, prologue);
            }
        }
    }

    /// Rewrites one block of the coroutine.
    fn block(&mut self, block: Block, reload: &BTreeSet<Value>) {
        let data = &mut self.r.e.f.blocks[block];
        let insts = std::mem::take(&mut data.insts);
        let term = data.term.take().expect("I: a verified block has a terminator");
        let span = data.term_span;
        self.r.e.block = block;
        self.r.e.span = span;
        self.r.instead.clear();
        let prologue = self.prologues.get(&block).cloned();
        self.load_homes(prologue.as_ref(), &insts, &term, reload);
        let params = self.r.e.f.blocks[block].params.clone();
        if let Some(prologue) = &prologue {
            self.prologue(block, prologue);
        }
        for p in params {
            self.store_home(p);
        }
        for inst in insts {
            self.r.inst(inst);
            for v in self.r.e.f.insts[inst].results.clone() {
                self.store_home(v);
            }
        }
        self.r.e.span = span;
        self.terminator(term, span);
    }

    /// Stores a value that has just been defined to its home. Parameters are there already.
    pub(super) fn store_home(&mut self, v: Value) {
        let Some(&offset) = self.layout.homes.get(&v) else { return };
        let is_param = self.r.e.f.values[v].def;
        if matches!(is_param, crate::ir::ValueDef::Param(b, _) if self.is_body_entry(b)) {
            return;
        }
        self.r.e.store(Loc::Mem(self.frame, offset), v);
    }

    fn is_body_entry(&self, block: Block) -> bool {
        // The coroutine's own entry is still in place while its blocks are rewritten.
        self.r.e.f.entry == block
    }

    /// Loads the homes that the block reads.
    fn load_homes(
        &mut self,
        prologue: Option<&Prologue>,
        insts: &[Inst],
        term: &Terminator,
        reload: &BTreeSet<Value>,
    ) {
        if reload.is_empty() {
            return;
        }
        let mut used = BTreeSet::new();
        for &inst in insts {
            self.r.e.f.insts[inst].kind.for_each_use(|v| {
                used.insert(v);
            });
        }
        term.for_each_use(|v| {
            used.insert(v);
        });
        if let Some(prologue) = prologue {
            for_each_boxed(&prologue.term, |v| {
                used.insert(v);
            });
        }
        for v in used.intersection(reload) {
            let fresh = self.load_home(*v);
            self.stands_for.insert(fresh, *v);
            self.r.instead.insert(*v, fresh);
        }
    }

    pub(super) fn load_home(&mut self, v: Value) -> Value {
        let offset = self.layout.homes[&v];
        let ty = self.r.e.f.value_type(v);
        self.r.e.load(Loc::Mem(self.frame, offset), ty)
    }

    fn terminator(&mut self, term: Terminator, span: Span) {
        match term {
            Terminator::Await { .. } | Terminator::Yield { .. } => self.await_(term),
            Terminator::Join { .. } | Terminator::Select { .. } => self.branches(term),
            Terminator::Return(args) => {
                self.store_results(&args);
                self.r.e.store_tag(self.frame, self.layout, 1);
                self.finish(VT_DONE);
            }
            Terminator::Unwind(cause) => {
                let cause = self.r.use_of(cause);
                let e = &mut self.r.e;
                let faulted = e.is(cause, i64::from(VT_FAULTED));
                let ty = self.layout.tag_type();
                let tags = [e.const_int(ty, 2), e.const_int(ty, 1)];
                let tag = e.value(InstKind::Select { cond: faulted, args: tags }, ty);
                e.store(Loc::Mem(self.frame, self.layout.tag_offset), tag);
                self.return_status(cause);
            }
            term => self.r.terminator(term, span),
        }
    }

    /// Stores results (or an item) to the result area: a moved slot first, it may overlap.
    pub(super) fn store_results(&mut self, args: &[Arg]) {
        let results = self.layout.results.as_ref().expect("I: a finished layout has results");
        let base = Loc::Mem(self.frame, self.layout.result_offset);
        for (arg, &offset) in args.iter().zip(&results.offsets) {
            if let Arg::Move(slot) = *arg {
                let bytes = self.r.e.module.size_align(self.r.e.f.slots[slot].ty).0;
                let from = self.r.loc(slot);
                self.r.e.copy(base.at(offset), from, bytes);
            }
        }
        for (arg, &offset) in args.iter().zip(&results.offsets) {
            if let Arg::Value(v) = *arg {
                let v = self.r.use_of(v);
                self.r.e.store(base.at(offset), v);
            }
        }
    }

    /// Ends the current block by returning a status.
    pub(super) fn return_status(&mut self, status: Value) {
        let term = Terminator::Return(vec![Arg::Value(status)]);
        self.r.e.f.set_term(self.r.e.block, term, self.r.e.span);
    }

    pub(super) fn finish(&mut self, status: u32) {
        let status = self.r.e.const_int(Type::I32, i64::from(status));
        self.return_status(status);
    }

    /// Saves what is live across the point, sets the state and returns.
    pub(super) fn suspend(&mut self, point: Suspend, status: Value) {
        let layout = self.layout;
        for &(v, offset) in &layout.saved[point] {
            let v = self.r.use_of(v);
            self.r.e.store(Loc::Mem(self.frame, offset), v);
        }
        self.r.e.store_tag(self.frame, layout, 3 + point.as_u32());
        self.return_status(status);
    }

    /// A block that loads what an edge block needs and goes there; `arg` is passed on.
    pub(super) fn reload(&mut self, point: Suspend, edge: Block, pass: Option<Type>) -> Block {
        let here = self.r.e.block;
        let block = self.r.e.f.add_block();
        let arg = pass.map(|ty| self.r.e.f.add_block_param(block, ty));
        self.r.e.block = block;
        let layout = self.layout;
        for &v in self.live.values.live_in(edge) {
            let Ok(i) = layout.saved[point].binary_search_by_key(&v, |s| s.0) else { continue };
            let ty = self.r.e.f.value_type(v);
            let fresh = self.r.e.load(Loc::Mem(self.frame, layout.saved[point][i].1), ty);
            self.r.e.f.values[fresh].name = self.r.e.f.values[v].name.clone();
            self.reloads.entry(v).or_default().push(fresh);
            self.stands_for.insert(fresh, v);
        }
        self.r.e.jump(edge, arg.as_slice(), here);
        block
    }

    /// Goes to the unwind edge block with a status, unless cleanup has been given up.
    pub(super) fn fail(&mut self, status: Value, target: Block) {
        let unwind = BlockCall { block: target, args: vec![BlockArg::Cause] };
        let checked = self.r.check_abort(unwind);
        self.r.e.f.set_term(
            self.r.e.block,
            Terminator::Jump(BlockCall::new(checked.block, [status])),
            self.r.e.span,
        );
    }

    /// Makes a frame the leaf.
    pub(super) fn set_leaf(&mut self, resume: Value, frame: Value) {
        let ctx = self.r.e.ctx();
        let leaf = self.r.e.field(ctx, self.r.abi.ctx_leaf, Type::Ptr);
        self.r.e.set_field(leaf, self.r.abi.leaf_resume, resume);
        self.r.e.set_field(leaf, self.r.abi.leaf_frame, frame);
    }

    /// The frame of the leaf in force.
    pub(super) fn leaf_frame(&mut self) -> Value {
        let ctx = self.r.e.ctx();
        let leaf = self.r.e.field(ctx, self.r.abi.ctx_leaf, Type::Ptr);
        self.r.e.field(leaf, self.r.abi.leaf_frame, Type::Ptr)
    }

    /// Makes this frame the leaf, unless its awaiter has or will (S2).
    pub(super) fn set_leaf_self(&mut self) {
        if self.layout.own_leaf {
            return;
        }
        let resume = self.r.e.value(InstKind::ResumeAddr(self.func), Type::Ptr);
        self.set_leaf(resume, self.frame);
    }

    pub(super) fn request_requeue(&mut self) {
        let ctx = self.r.e.ctx();
        self.r.e.set_field_int(ctx, self.r.abi.ctx_requeue, Type::I32, 1);
    }

    /// Spends one ready await; the current block goes on where there was one left, and the block
    /// returned runs where there was none.
    pub(super) fn spend_coop(&mut self) -> Block {
        let (go, gone) = (self.r.e.f.add_block(), self.r.e.f.add_block());
        let ctx = self.r.e.ctx();
        let left = self.r.e.field(ctx, self.r.abi.ctx_coop, Type::I32);
        let zero = self.r.e.const_int(Type::I32, 0);
        let some = self.r.e.compare(CompareOp::Sgt, left, zero);
        self.r.e.br(some, go, gone, go);
        let one = self.r.e.const_int(Type::I32, 1);
        let kind = InstKind::Binary { op: crate::ir::BinaryOp::Sub, args: [left, one] };
        let rest = self.r.e.value(kind, Type::I32);
        self.r.e.set_field(ctx, self.r.abi.ctx_coop, rest);
        gone
    }

    /// Jump on a status: DONE, one that is not final, or a failure.
    pub(super) fn three_ways(&mut self, status: Value, done: Block, pending: Block, failed: Block) {
        let other = self.r.e.f.add_block();
        let is_done = self.r.e.is(status, i64::from(VT_DONE));
        self.r.e.br(is_done, done, other, other);
        let n = self.r.e.const_int(Type::I32, i64::from(VT_DONE));
        let not_yet = self.r.e.compare(CompareOp::Ult, status, n);
        self.r.e.br(not_yet, pending, failed, failed);
    }

    /// The entry: state 0, the suspended states, and misuse.
    fn dispatch(&mut self, entry: Block, body: Block) {
        self.r.instead.clear();
        let start = self.start(body);
        let misuse = self.r.e.f.add_block();
        self.r.e.block = misuse;
        self.finish(VT_FAULTED);
        let resumes: Vec<Block> = self.resumes.values().map(|b| b.unwrap_or(misuse)).collect();
        self.r.e.block = entry;
        self.r.e.span = self.r.e.f.span;
        let ty = self.layout.tag_type();
        let tag = self.r.e.load(Loc::Mem(self.frame, self.layout.tag_offset), ty);
        if resumes.len() > MAX_COMPARE_TREE {
            let to = |b| BlockCall::new(b, []);
            let mut cases = vec![(0, to(start))];
            cases.extend((3..).zip(resumes.iter().map(|&b| to(b))));
            let term = Terminator::Switch { value: tag, cases, default: to(misuse) };
            return self.r.e.f.set_term(entry, term, self.r.e.span);
        }
        let cold = self.r.e.f.add_block();
        if resumes.is_empty() {
            self.r.e.jump(cold, &[], cold);
        } else {
            let hot = self.r.e.f.add_block();
            let three = self.r.e.const_int(ty, 3);
            let suspended = self.r.e.compare(CompareOp::Uge, tag, three);
            self.r.e.br(suspended, hot, cold, hot);
            self.compare_tree(tag, &resumes, 3);
        }
        self.r.e.block = cold;
        let fresh = self.r.e.is(tag, 0);
        self.r.e.br(fresh, start, misuse, misuse);
    }

    /// Tells suspended states apart by halving.
    fn compare_tree(&mut self, tag: Value, states: &[Block], first: i64) {
        if let [only] = states {
            return self.r.e.jump(*only, &[], *only);
        }
        let middle = states.len().div_ceil(2);
        let bound = self.r.e.const_int(self.layout.tag_type(), first + middle as i64);
        let low = self.r.e.compare(CompareOp::Ult, tag, bound);
        let halves = [&states[..middle], &states[middle..]];
        let blocks = halves.map(|half| match half {
            [only] => *only,
            _ => self.r.e.f.add_block(),
        });
        self.r.e.br(low, blocks[0], blocks[1], blocks[0]);
        for (i, half) in halves.into_iter().enumerate() {
            if half.len() > 1 {
                self.r.e.block = blocks[i];
                self.compare_tree(tag, half, first + if i == 0 { 0 } else { middle as i64 });
            }
        }
    }

    /// State 0: drop the arguments on cancel, else load them and run the body.
    fn start(&mut self, body: Block) -> Block {
        let start = self.r.e.f.add_block();
        self.r.e.block = start;
        let (cancelled, load) = (self.r.e.f.add_block(), self.r.e.f.add_block());
        let ctx = self.r.e.ctx();
        let mode = self.r.e.field(ctx, self.r.abi.ctx_mode, Type::I32);
        let cancel = self.r.e.is(mode, i64::from(VT_MODE_CANCEL));
        self.r.e.br(cancel, cancelled, load, load);
        let params = self.r.e.module.funcs[self.func].sig.params.clone();
        let mut args = Vec::new();
        for (param, &offset) in params.iter().zip(&self.layout.params) {
            if let Ty::Value(ty) = param.ty {
                args.push(self.r.e.load(Loc::Mem(self.frame, offset), ty));
            }
        }
        self.r.e.jump(body, &args, cancelled);
        self.take_cancel();
        for (param, &offset) in params.iter().zip(&self.layout.params).rev() {
            self.r.drop_slot(param.ty, Loc::Mem(self.frame, offset));
        }
        self.r.e.store_tag(self.frame, self.layout, 1);
        self.finish(VT_CANCELLED);
        start
    }

    /// Sets the mode back: this frame acts on the cancel.
    pub(super) fn take_cancel(&mut self) {
        let ctx = self.r.e.ctx();
        self.r.e.set_field_int(ctx, self.r.abi.ctx_mode, Type::I32, i64::from(VT_MODE_RESUME));
    }
}

/// Edge blocks of a normalised suspending terminator.
pub(super) fn edge_blocks(term: &Terminator) -> Vec<(Block, EdgeRole)> {
    let mut out = Vec::new();
    match term {
        Terminator::Await { ok, done, unwind, .. } => {
            out.push((ok.block, EdgeRole::Ok(0)));
            out.extend(done.as_ref().map(|d| (d.block, EdgeRole::Done)));
            out.push((unwind.block, EdgeRole::Unwind));
        }
        Terminator::Yield { ok, unwind, .. } | Terminator::Join { ok, unwind, .. } => {
            out.push((ok.block, EdgeRole::Ok(0)));
            out.push((unwind.block, EdgeRole::Unwind));
        }
        Terminator::Select { arms, otherwise, unwind, .. } => {
            out.extend(arms.iter().enumerate().map(|(i, a)| (a.ok.block, EdgeRole::Ok(i))));
            out.extend(otherwise.as_ref().map(|o| (o.block, EdgeRole::Otherwise)));
            out.push((unwind.block, EdgeRole::Unwind));
        }
        _ => {}
    }
    out
}
