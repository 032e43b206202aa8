//! Joins and selects: several leaves inside one frame.
//!
//! The joining coroutine has an array of [`vt_leaf`], one per branch. While it is suspended it is the
//! leaf of its task; each time it is resumed it calls [`vt_branches`], which runs every unfinished
//! branch by [`vt_run`](crate::vt_run) in index order (a select starts at an index that the scheduler chooses) and
//! answers what the joining frame should do next.
//!
//! A branch that finishes first in a select, faults, or is cancelled ends the others: they are
//! asked to cancel in index order and drained. While a select drains it holds the shield of its own
//! leaf, so a cancel of the task waits until the losers are gone.
//!
//! Running branches nests natively, so a recursion through joins uses the native stack. A join that
//! would start with the stack at its limit faults instead (`fault_code::STACK`); its branches are
//! cancelled before they start, which needs little stack.

#[cfg(doc)]
use crate::ctx::vt_record;
use crate::ctx::{
    VT_CANCEL_ASKED, VT_CANCEL_NONE, VT_MODE_CANCEL, VT_MODE_RESUME, vt_ctx, vt_leaf,
};
use crate::run::run;
use crate::stack::stack_pointer;
use crate::status::{
    VT_CANCELLED, VT_DONE, VT_FAULTED, VT_NONE, VT_YIELDED, fault_code, vt_status,
};

/// Wait for all branches.
pub const VT_JOIN: u32 = 0;
/// Wait for the first branch; cancel the others.
pub const VT_SELECT: u32 = 1;
/// As [`VT_SELECT`], but if no branch is ready at once, cancel all: `ctx.winner` is then `n`.
pub const VT_SELECT_NOW: u32 = 2;

/// `phase` of the first branch: branches run.
const PHASE_RUN: u8 = 0;
/// The select has its winner (`WINNER` on that branch); losers are being drained under the shield.
const PHASE_DRAIN: u8 = 1;
/// A branch faulted or was cancelled by itself; the others are being drained under the shield.
const PHASE_FAIL: u8 = 2;
/// The task is being cancelled; all branches are being drained.
const PHASE_CANCEL: u8 = 3;
/// The native stack is too low to run branches: they are drained unstarted under the shield.
const PHASE_STACK: u8 = 4;
/// Bit of `phase` on the winning branch.
const WINNER: u8 = 0x80;
/// Bit of `phase` on the first branch: the first call is over.
const STARTED: u8 = 0x40;
/// The bits that are no phase.
const FLAGS: u8 = WINNER | STARTED;

/// Runs the unfinished branches once and says how the whole stands.
///
/// * `VT_YIELDED`: some branch is unfinished; call again when resumed.
/// * `VT_DONE`: join: all branches are DONE. Select: `ctx.winner` is the index of the winner (or
///   `n` for [`VT_SELECT_NOW`] with none ready); every loser is finished, and one whose `status` is
///   `VT_DONE` all the same holds a result that the caller drops.
/// * `VT_FAULTED`, `VT_CANCELLED`: a branch failed, or (`ctx.mode` was cancel) the task is being
///   cancelled; all branches are finished, the caller drops the results of those that are DONE.
///
/// Between two calls the leaves may lie elsewhere, or be made again from what can change: the part of
/// a [`vt_record`] that the branch needs.
///
/// `n` = 0: a join is DONE at once, a select never ends (`VT_SELECT_NOW`: DONE with winner 0).
///
/// # Safety
///
/// As [`vt_run`](crate::vt_run) for each of the `n` leaves at `branches`; `ctx.leaf` is the joining frame's leaf.
/// Before the first call each leaf has `status` = `VT_NONE`, and zero in `cancel`, `phase`, `shield`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_branches(
    ctx: *mut vt_ctx,
    branches: *mut vt_leaf,
    n: u32,
    flags: u32,
) -> vt_status {
    if n == 0 {
        // SAFETY: `ctx` is valid (caller).
        return empty(unsafe { &mut *ctx }, flags);
    }
    // SAFETY: `ctx` is valid (caller).
    let c = unsafe { &mut *ctx };
    let all = Branches { ctx, outer: c.leaf, first: branches, n };
    // A join may run its branches in the same resume in which its frame was popped to.
    let child = core::mem::replace(&mut c.child_status, VT_NONE);
    let cancelled = c.mode == VT_MODE_CANCEL;
    c.mode = VT_MODE_RESUME;
    let status = all.run(flags, cancelled);
    // SAFETY: no branch runs any more.
    let c = unsafe { &mut *ctx };
    (c.leaf, c.child_status) = (all.outer, child);
    status
}

fn empty(ctx: &mut vt_ctx, flags: u32) -> vt_status {
    if ctx.mode == VT_MODE_CANCEL {
        ctx.mode = VT_MODE_RESUME;
        return VT_CANCELLED;
    }
    ctx.winner = 0;
    if flags == VT_SELECT { VT_YIELDED } else { VT_DONE }
}

/// Whether a phase holds the shield of the joining frame's leaf.
fn shielded(phase: u8) -> bool {
    matches!(phase, PHASE_DRAIN | PHASE_FAIL | PHASE_STACK)
}

/// Whether the native stack has reached the limit for procedures in call cycles.
fn stack_is_low(ctx: *mut vt_ctx) -> bool {
    // SAFETY: `ctx` is valid (the caller is `vt_branches`).
    stack_pointer() <= unsafe { (*ctx).stack_limit }
}

/// The branch records of one join, with the context of the call.
struct Branches {
    ctx: *mut vt_ctx,
    /// The joining frame's leaf; while a branch runs, the leaf in force is the branch's.
    outer: *mut vt_leaf,
    first: *mut vt_leaf,
    n: u32,
}

impl Branches {
    /// Runs rounds until there is an answer.
    fn run(&self, flags: u32, cancelled: bool) -> vt_status {
        if cancelled {
            self.enter(PHASE_CANCEL);
        } else if self.get(0).phase & STARTED == 0 {
            self.update(0, |first| first.phase |= STARTED);
            if stack_is_low(self.ctx) {
                self.fault_stack();
            }
        }
        loop {
            let before = self.phase();
            self.run_unfinished(flags);
            if self.phase() != before {
                continue; // the branches just asked to cancel are run at once
            }
            if !self.any_unfinished() {
                return self.finish(flags);
            }
            if flags == VT_SELECT_NOW && before == PHASE_RUN {
                self.enter(PHASE_DRAIN);
                continue;
            }
            return VT_YIELDED;
        }
    }

    /// Record of branch `i`, which must be below `n`.
    fn at(&self, i: u32) -> *mut vt_leaf {
        assert!(i < self.n, "branch index {i} of {}", self.n);
        // SAFETY: `first` points to `n` records and `i` is below `n`.
        unsafe { self.first.add(i as usize) }
    }

    /// A copy of the record of branch `i`.
    fn get(&self, i: u32) -> vt_leaf {
        // SAFETY: the record is valid; no reference to it is alive here.
        unsafe { *self.at(i) }
    }

    /// Changes the record of branch `i`.
    fn update(&self, i: u32, change: impl FnOnce(&mut vt_leaf)) {
        // SAFETY: the record is valid; the reference ends with `change`, which sees no other.
        change(unsafe { &mut *self.at(i) });
    }

    fn is_unfinished(&self, i: u32) -> bool {
        u32::from(self.get(i).status) == VT_NONE
    }

    fn phase(&self) -> u8 {
        self.get(0).phase & !FLAGS
    }

    fn any_unfinished(&self) -> bool {
        (0..self.n).any(|i| self.is_unfinished(i))
    }

    /// Adds to the shield of the joining frame's leaf.
    fn add_shield(&self, delta: i32) {
        // SAFETY: the leaf in force outside a branch is the joining frame's, which is valid.
        let leaf = unsafe { &mut *self.outer };
        leaf.shield = leaf.shield.wrapping_add_signed(delta);
    }

    /// Starts draining: asks every unfinished branch to cancel, in index order.
    fn enter(&self, phase: u8) {
        match (shielded(self.phase()), shielded(phase)) {
            (false, true) => self.add_shield(1),
            (true, false) => self.add_shield(-1),
            _ => {}
        }
        self.update(0, |first| first.phase = phase | (first.phase & FLAGS));
        for i in (0..self.n).filter(|&i| self.is_unfinished(i)) {
            self.update(i, |branch| {
                if branch.cancel == VT_CANCEL_NONE {
                    branch.cancel = VT_CANCEL_ASKED;
                }
            });
        }
    }

    /// Faults the join instead of running its branches.
    fn fault_stack(&self) {
        // SAFETY: `ctx` is valid for the whole call.
        let fns = unsafe { (*self.ctx).fns };
        // SAFETY: the function table is valid as long as the context.
        let fault = unsafe { (*fns).fault };
        // SAFETY: `ctx` is valid; a null span is an unknown place.
        unsafe { fault(self.ctx, fault_code::STACK, core::ptr::null(), 0, 0) };
        self.enter(PHASE_STACK);
    }

    /// Where a round starts: at a chosen branch while a select still looks for its winner.
    fn start(&self, flags: u32) -> u32 {
        if flags == VT_JOIN || self.phase() != PHASE_RUN || self.n < 2 {
            return 0;
        }
        // SAFETY: `ctx` is valid for the whole call.
        let fns = unsafe { (*self.ctx).fns };
        // SAFETY: the function table is valid as long as the context.
        let choose = unsafe { (*fns).choose };
        // SAFETY: `ctx` is valid; `n` is at least 1.
        let start = unsafe { choose(self.ctx, self.n) };
        start % self.n
    }

    /// Runs every unfinished branch once; stops early when a result changes the phase.
    fn run_unfinished(&self, flags: u32) {
        let start = self.start(flags);
        for i in (start..self.n).chain(0..start) {
            if !self.is_unfinished(i) {
                continue;
            }
            // SAFETY: the caller vouches for each branch as `vt_run` asks.
            let status = unsafe { run(self.ctx, self.at(i)) };
            if status == VT_YIELDED {
                continue;
            }
            self.update(i, |branch| branch.status = status as u8);
            // SAFETY: `ctx` is valid for the whole call.
            if unsafe { (*self.ctx).abort } != 0 {
                return self.abandon();
            }
            if self.phase() != PHASE_RUN {
                continue;
            }
            if flags != VT_JOIN && status == VT_DONE {
                self.update(i, |branch| branch.phase |= WINNER);
                return self.enter(PHASE_DRAIN);
            }
            if status != VT_DONE {
                return self.enter(PHASE_FAIL);
            }
        }
    }

    /// After a fault inside cleanup no further cleanup runs: the rest counts as faulted.
    fn abandon(&self) {
        self.enter(PHASE_FAIL);
        for i in (0..self.n).filter(|&i| self.is_unfinished(i)) {
            self.update(i, |branch| branch.status = VT_FAULTED as u8);
        }
    }

    /// All branches are finished: gives the shield back and names the outcome.
    fn finish(&self, flags: u32) -> vt_status {
        let phase = self.phase();
        if shielded(phase) {
            self.add_shield(-1);
        }
        // A loser that faulted while it was drained faults the whole.
        let faulted = (0..self.n).any(|i| u32::from(self.get(i).status) == VT_FAULTED);
        if faulted || phase == PHASE_STACK {
            return VT_FAULTED;
        }
        if phase == PHASE_CANCEL || phase == PHASE_FAIL {
            return VT_CANCELLED;
        }
        if flags != VT_JOIN {
            let winner = (0..self.n).find(|&i| self.get(i).phase & WINNER != 0);
            // SAFETY: `ctx` is valid for the whole call.
            let ctx = unsafe { &mut *self.ctx };
            ctx.winner = winner.unwrap_or(self.n);
        }
        VT_DONE
    }
}
