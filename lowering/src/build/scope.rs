//! The scope stack: what is to be done on the way out, and the blocks that do it.
//!
//! One LIFO list per function holds every drop, defer and wait that is due. Leaving a scope
//! normally runs the entries above its mark in place; every other way out jumps into a *chain*, one
//! block per (entry, exit), made on first use and shared by everything that leaves from there:
//!
//! ```text
//!  entries      give            unwind (cause)      break out of loop 0
//!  [3] drop c   ── drop c ─┐    ── drop c ─┐        ── drop c ─► end of loop 0
//!  [2] defer    ── defer ──┤    ── defer* ─┤        (mark of loop 0)
//!  [1] drop b   ── drop b ─┤    ── drop b ─┤
//!  [0] drop a   ── drop a ─► return        └─► … ─► unwind cause
//! ```
//!
//! * **S1** Code grows with entries × kinds of exits, not with the number of exits.
//! * **S2** Cleanup under an unwind (*) runs with `in_cleanup`: a fault there has no unwind edge.
//!   Defers on the other exits unwind through the entries below them.
//! * **S3** Defer bodies hold the shield on every exit.
//! * **S4** An entry that is taken out of the middle (a temporary that was consumed) makes the
//!   chains above it invalid; they are made anew.
//! * **S5** References that must survive entries which can fault or suspend lie in slots; the
//!   `Unwind…` exits drop them.

use std::collections::BTreeMap;

use super::emit::Var;
use super::func::{FnCx, Store};
use crate::ir::{
    Awaitee, Block, BlockArg, BlockCall, FuncKind, Held, InstKind, Slot, Span, Terminator, Type,
    Value,
};
use crate::sema::hir;
use vitte_abi::fault_code;

/// Where an exit ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Exit {
    /// The results are in the result variables.
    Give,
    /// The results are parked in the result slots (S5).
    GiveParked,
    /// Out of a loop with this number.
    Break(u32),
    /// To the next round of a loop.
    Continue(u32),
    /// After a fault or a cancel.
    Unwind,
    /// As `Unwind`, and the parked results are dropped.
    UnwindParked,
}

impl Exit {
    fn is_unwind(self) -> bool {
        matches!(self, Exit::Unwind | Exit::UnwindParked)
    }
}

/// What an entry does.
#[derive(Clone, Debug)]
pub(super) enum Action<'p> {
    /// Drops an owned slot.
    Drop(Slot),
    /// Drops a cold future in a slot where the flag is set.
    DropIf(Slot, Var),
    /// Drops a boxed cold future where the flag is set.
    DropBox(Var, Var),
    /// Takes the shield off again.
    Unshield,
    /// Runs a defer body.
    Defer(&'p hir::Block),
    /// Waits for the children of a task scope, whose handle is in the slot; on every exit but the
    /// end of its block it cancels them first.
    ScopeWait(Slot),
    /// Waits for the children of the task; after a fault or cancel asks them to cancel first.
    Children,
    /// Ends a generator early.
    Drain(Slot),
    /// Ends a boxed generator early, whose items have these types.
    DrainBox(Var, Vec<Type>),
}

impl Action<'_> {
    /// Whether it can fault or suspend.
    fn is_complex(&self) -> bool {
        matches!(
            self,
            Action::Defer(_)
                | Action::ScopeWait(_)
                | Action::Children
                | Action::Drain(_)
                | Action::DrainBox(..)
        )
    }
}

/// An entry with the chains that begin at it.
#[derive(Clone, Debug)]
pub(super) struct Entry<'p> {
    pub(super) action: Action<'p>,
    /// Where it was put on the list: the place of what it waits for.
    span: Span,
    chains: BTreeMap<Exit, Block>,
}

/// A loop that can be left.
#[derive(Clone, Debug)]
pub(super) struct LoopCx {
    /// Number, unique in the function.
    pub(super) id: u32,
    /// Label in the HIR.
    pub(super) label: hir::LoopId,
    /// Entries outside it.
    pub(super) depth: usize,
    /// After it.
    pub(super) end: Block,
    /// Its next round.
    pub(super) next: Block,
    /// Storage of its value, if `break` carries one.
    pub(super) value: Vec<Store>,
}

impl<'p> FnCx<'_, 'p> {
    /// Puts an entry on the list.
    pub(super) fn push(&mut self, action: Action<'p>) {
        let span = self.e.span;
        self.entries.push(Entry { action, span, chains: BTreeMap::new() });
    }

    /// Takes out the drop of a slot that has been consumed (S4).
    pub(super) fn forget_entry(&mut self, slot: Slot) {
        let at = self.entries.iter().rposition(|e| match e.action {
            Action::Drop(s) | Action::DropIf(s, _) | Action::Drain(s) => s == slot,
            _ => false,
        });
        let at = at.expect("a parked slot has its entry");
        self.entries.remove(at);
        for e in &mut self.entries[at..] {
            e.chains.clear();
        }
    }

    /// Takes out the drop of a boxed future that has been consumed (S4).
    pub(super) fn forget_box(&mut self, var: Var) {
        let found = self.entries.iter().rposition(|e| match e.action {
            Action::DropBox(v, _) | Action::DrainBox(v, _) => v == var,
            _ => false,
        });
        if let Some(at) = found {
            self.entries.remove(at);
            for e in &mut self.entries[at..] {
                e.chains.clear();
            }
        }
    }

    /// Moves the newest `n` entries down to the mark (S4).
    pub(super) fn sink_entries(&mut self, mark: usize, n: usize) {
        let at = self.entries.len() - n;
        let newest = self.entries.split_off(at);
        self.entries.splice(mark..mark, newest);
        for e in &mut self.entries[mark..] {
            e.chains.clear();
        }
    }

    /// Drops a boxed future if it is still there.
    pub(super) fn drop_boxed(&mut self, var: Var, flag: Var) {
        self.when_set(flag, |cx| {
            let frame = cx.e.read(var);
            cx.e.effect(InstKind::DropBox(frame));
        });
    }

    /// Leaves scopes normally: runs and forgets the entries above the mark.
    pub(super) fn pop_to(&mut self, mark: usize) {
        while self.entries.len() > mark {
            let entry = self.entries.pop().expect("the list is longer than the mark");
            if !self.e.is_dead() {
                self.run_entry(&entry, None);
            }
        }
    }

    /// Whether leaving down to the mark can fault or suspend.
    pub(super) fn is_complex_above(&self, mark: usize) -> bool {
        self.entries[mark..].iter().any(|e| e.action.is_complex())
    }

    /// Ends the block of the cursor by an exit that is not an unwind.
    pub(super) fn exit(&mut self, exit: Exit) {
        if self.e.is_dead() {
            return;
        }
        let block = self.chain(self.entries.len(), exit);
        self.e.jump(block, &[]);
    }

    /// The edge to take when something faults or is cancelled here; `None` inside cleanup (S2).
    pub(super) fn unwind_edge(&mut self) -> Option<BlockCall> {
        if self.in_cleanup {
            return None;
        }
        let exit = if self.parked { Exit::UnwindParked } else { Exit::Unwind };
        let block = self.chain(self.entries.len(), exit);
        Some(BlockCall { block, args: vec![BlockArg::Cause] })
    }

    /// The same for terminators whose unwind edge is mandatory: inside cleanup it leads to a block
    /// that ends the task's cleanup.
    pub(super) fn must_unwind(&mut self) -> BlockCall {
        if let Some(edge) = self.unwind_edge() {
            return edge;
        }
        let block = match self.cleanup_fault {
            Some(b) => b,
            None => {
                let b = self.e.block();
                self.cleanup_fault = Some(b);
                let back = self.e.cur();
                self.e.switch_to(b);
                let code = fault_code::HOST;
                self.e.term(Terminator::Fault { code, payload: None, unwind: None });
                self.e.switch_to(back);
                b
            }
        };
        BlockCall { block, args: vec![] }
    }

    fn base(&self, exit: Exit) -> usize {
        match exit {
            Exit::Break(id) | Exit::Continue(id) => self.find_loop(id).depth,
            _ => 0,
        }
    }

    fn find_loop(&self, id: u32) -> &LoopCx {
        self.loops.iter().rev().find(|l| l.id == id).expect("an exit names a loop around it")
    }

    /// The block that runs entries `depth - 1` down to the end of the exit.
    fn chain(&mut self, depth: usize, exit: Exit) -> Block {
        let base = self.base(exit);
        let back = self.e.cur();
        let span = self.e.span;
        let mut first = None;
        let mut d = depth;
        // Cursor at the end of the block that has to jump to the next one, and its cause.
        let mut open: Option<(Block, Option<Value>)> = None;
        loop {
            let cached = if d == base {
                Some(self.last_block(exit))
            } else {
                self.entries[d - 1].chains.get(&exit).copied()
            };
            let (block, cause) = match cached {
                Some(b) => (b, None),
                None => {
                    let types: &[Type] = if exit.is_unwind() { &[Type::I32] } else { &[] };
                    let (b, params) = self.e.block_with(types);
                    self.entries[d - 1].chains.insert(exit, b);
                    (b, params.first().copied())
                }
            };
            first.get_or_insert(block);
            if let Some((from, cause)) = open {
                self.e.switch_to(from);
                let args: Vec<Value> = cause.into_iter().collect();
                self.e.jump(block, &args);
            }
            if cached.is_some() {
                break;
            }
            d -= 1;
            let tail = self.entries.split_off(d);
            self.e.switch_to(block);
            let parked = std::mem::replace(&mut self.parked, exit == Exit::GiveParked);
            self.run_entry(&tail[0], Some(exit));
            self.parked = parked;
            open = Some((self.e.cur(), cause));
            self.entries.extend(tail);
        }
        self.e.switch_to(back);
        self.e.span = span;
        first.expect("a chain has a first block")
    }

    /// Where an exit arrives.
    fn last_block(&mut self, exit: Exit) -> Block {
        match exit {
            Exit::Break(id) => return self.find_loop(id).end,
            Exit::Continue(id) => return self.find_loop(id).next,
            _ => {}
        }
        if let Some(&b) = self.last.get(&exit) {
            return b;
        }
        let types: &[Type] = if exit.is_unwind() { &[Type::I32] } else { &[] };
        let (b, params) = self.e.block_with(types);
        self.last.insert(exit, b);
        let back = self.e.cur();
        self.e.switch_to(b);
        match exit {
            Exit::Give => self.emit_return(),
            Exit::GiveParked => {
                for (var, slot) in self.result_slots() {
                    let ty = self.e.var_type(var);
                    let v = self.e.slot_load(slot, ty);
                    self.e.effect(InstKind::SlotForget(slot));
                    self.e.def(var, v);
                }
                let give = self.last_block(Exit::Give);
                self.e.jump(give, &[]);
            }
            Exit::UnwindParked => {
                for (_, slot) in self.result_slots() {
                    self.e.effect(InstKind::DropSlot(slot));
                }
                let unwind = self.last_block(Exit::Unwind);
                self.e.jump(unwind, &[params[0]]);
            }
            _ => self.e.term(Terminator::Unwind(params[0])),
        }
        self.e.switch_to(back);
        b
    }

    /// Emits what an entry does at the cursor; `exit` is `None` at the end of its scope. The list
    /// holds the entries below it.
    fn run_entry(&mut self, entry: &Entry<'p>, exit: Option<Exit>) {
        let back = self.e.span;
        if entry.action.is_complex() {
            self.e.span = entry.span;
        }
        self.run_action(&entry.action, exit);
        self.e.span = back;
    }

    fn run_action(&mut self, action: &Action<'p>, exit: Option<Exit>) {
        match action.clone() {
            Action::Drop(slot) => self.e.effect(InstKind::DropSlot(slot)),
            Action::Unshield => self.e.effect(InstKind::Shield(-1)),
            Action::DropIf(slot, flag) => {
                self.when_set(flag, |cx| cx.e.effect(InstKind::DropSlot(slot)));
            }
            Action::DropBox(var, flag) => self.drop_boxed(var, flag),
            Action::Defer(body) => self.shielded(exit, |cx| cx.defer_body(body)),
            Action::ScopeWait(slot) => match exit {
                Some(_) => self.shielded(exit, |cx| cx.scope_wait(slot, true)),
                None => self.wait_again(action, |cx| cx.scope_wait(slot, false)),
            },
            Action::Children => match exit {
                Some(Exit::Unwind | Exit::UnwindParked) => {
                    self.shielded(exit, |cx| cx.children_wait(true));
                }
                // A cancel may still come: then the unwind of this wait cancels the children.
                _ => self.wait_again(action, |cx| cx.children_wait(false)),
            },
            Action::Drain(slot) => self.in_mode(exit, |cx| {
                let point = cx.e.point("drain");
                cx.await_raw(point, Awaitee::Drain(Held::Slot(slot)), &[]);
            }),
            Action::DrainBox(var, items) => self.in_mode(exit, |cx| {
                let frame = cx.e.read(var);
                let results = items.iter().map(|&t| t.into()).collect();
                let point = cx.e.point("drain");
                cx.await_raw(point, Awaitee::Drain(Held::Boxed { frame, results }), &[]);
            }),
        }
    }

    /// The ordinary wait for children: a fault or cancel meanwhile runs the entry again, which then
    /// cancels them.
    fn wait_again(&mut self, action: &Action<'p>, wait: impl FnOnce(&mut Self)) {
        let mark = self.entries.len();
        self.push(action.clone());
        wait(self);
        self.entries.truncate(mark);
    }

    fn when_set(&mut self, flag: Var, body: impl FnOnce(&mut Self)) {
        let cond = self.e.read(flag);
        let (yes, no) = (self.e.block(), self.e.block());
        self.e.br(cond, yes, no);
        self.e.seal_and_switch(yes);
        body(self);
        self.e.jump(no, &[]);
        self.e.seal_and_switch(no);
    }

    /// Runs cleanup code in the mode of its exit (S2).
    fn in_mode(&mut self, exit: Option<Exit>, body: impl FnOnce(&mut Self)) {
        let unwinding = exit.is_some_and(Exit::is_unwind);
        let before = self.in_cleanup;
        self.in_cleanup |= unwinding;
        body(self);
        self.in_cleanup = before;
    }

    /// Runs cleanup code under the shield (S3).
    fn shielded(&mut self, exit: Option<Exit>, body: impl FnOnce(&mut Self)) {
        self.in_mode(exit, |cx| {
            if cx.e.func.kind == FuncKind::Sync {
                return body(cx); // nothing suspends here
            }
            cx.e.effect(InstKind::Shield(1));
            let mark = cx.entries.len();
            cx.push(Action::Unshield);
            body(cx);
            cx.pop_to(mark);
        });
    }
}
