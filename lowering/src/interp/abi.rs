//! The coroutine ABI over simulated memory: context, leaves, the pop loop, joins.
//!
//! Written from the ABI's description, not from its code: the runtime's `vt_run` and `vt_branches`
//! are under test as well. Every field that is read must have been written.

use super::branches::MAX_NESTING;
use super::engine::{Code, Res};
use super::machine::Sim;
use super::value::Val;
use crate::ir::Type;
use std::mem::offset_of;
use vitte_abi::{
    VT_ARENA, VT_CANCEL_ASKED, VT_CANCEL_NONE, VT_CANCEL_TAKEN, VT_CANCELLED, VT_DONE, VT_FAULTED,
    VT_JOIN, VT_MODE_CANCEL, VT_MODE_RESUME, VT_NONE, VT_RUNNING, VT_SELECT, VT_SELECT_NOW,
    VT_YIELDED, vt_ctx, vt_site,
};

/// What a join is doing; kept in `phase` of its first record.
const RUN: u64 = 0;
const DRAIN: u64 = 1;
const FAIL: u64 = 2;
const CANCEL: u64 = 3;
/// Added to `phase` of the winner's record.
const WINNER: u64 = 0x80;

/// Loop budget of one refill.
pub(super) const BUDGET: u128 = 1 << 20;

/// Records of one join: address of the first, number.
#[derive(Clone, Copy)]
struct Branches {
    first: u64,
    n: u32,
    flags: u32,
}

impl Branches {
    fn at(self, i: u32) -> u64 {
        self.first + 32 * u64::from(i)
    }
}

impl Sim<'_> {
    // ---- fields ------------------------------------------------------------------------------

    pub(super) fn read(&self, addr: u64, offset: i32, ty: Type) -> Res<u64> {
        let at = addr.wrapping_add_signed(i64::from(offset));
        let val = self.e.world.memory.load(at, ty)?;
        let bits = val.known().ok_or_else(|| format!("the ABI reads undefined bytes at {at:#x}"));
        Ok(bits? as u64)
    }

    pub(super) fn set(&mut self, addr: u64, offset: i32, ty: Type, bits: u64) -> Res<()> {
        let at = addr.wrapping_add_signed(i64::from(offset));
        self.e.world.memory.store(at, ty, Val::new(bits.into()))
    }

    fn ctx(&self, offset: i32) -> Res<u64> {
        self.read(self.e.ctx, offset, Type::I32)
    }

    pub(super) fn set_ctx(&mut self, offset: i32, bits: u32) -> Res<()> {
        self.set(self.e.ctx, offset, Type::I32, bits.into())
    }

    /// Fills in the context before a resume of the task.
    pub(super) fn fill_ctx(&mut self) -> Res<()> {
        let (ctx, abi) = (self.e.ctx, self.abi);
        for (offset, ty) in [
            (offset_of!(vt_ctx, leaf), Type::Ptr),
            (offset_of!(vt_ctx, task), Type::Ptr),
            (offset_of!(vt_ctx, stack_limit), Type::I64),
            (offset_of!(vt_ctx, now_ns), Type::I64),
            (offset_of!(vt_ctx, requeue), Type::I32),
            (offset_of!(vt_ctx, abort), Type::I32),
            (offset_of!(vt_ctx, winner), Type::I32),
            (offset_of!(vt_ctx, wake_reason), Type::I32),
            (offset_of!(vt_ctx, ready_mask), Type::I32),
            (offset_of!(vt_ctx, errno), Type::I32),
            (offset_of!(vt_ctx, timed_out), Type::I32),
            (offset_of!(vt_ctx, user), Type::Ptr),
        ] {
            self.set(ctx, offset as i32, ty, 0)?;
        }
        self.set(ctx, abi.ctx_budget, Type::I64, BUDGET as u64)?;
        self.set_ctx(abi.ctx_mode, VT_MODE_RESUME)?;
        self.set_ctx(abi.ctx_child_status, VT_NONE)?;
        let coop = self.e.script.coop.unwrap_or(i32::MAX / 2);
        self.set_ctx(abi.ctx_coop, coop as u32)
    }

    /// Whether the last resume suspended without a wait.
    pub(super) fn requeued(&self) -> Res<bool> {
        Ok(self.ctx(self.abi.ctx_requeue)? != 0)
    }

    pub(super) fn cancel_mode(&self) -> Res<bool> {
        Ok(self.ctx(self.abi.ctx_mode)? == u64::from(VT_MODE_CANCEL))
    }

    /// Makes a leaf of a frame.
    pub(super) fn init_leaf(&mut self, leaf: u64, resume: u64, frame: u64) -> Res<()> {
        let abi = self.abi;
        self.set(leaf, abi.leaf_resume, Type::Ptr, resume)?;
        self.set(leaf, abi.leaf_frame, Type::Ptr, frame)?;
        self.set(leaf, abi.leaf_cancel, Type::I8, VT_CANCEL_NONE.into())?;
        self.set(leaf, abi.leaf_root, Type::Ptr, frame)?;
        self.set(leaf, abi.leaf_status, Type::I8, VT_NONE.into())?;
        self.set(leaf, abi.leaf_phase, Type::I8, 0)?;
        self.set(leaf, abi.leaf_shield, Type::I32, 0)
    }

    /// Asks a leaf to cancel, unless that was done before.
    pub(super) fn ask(&mut self, leaf: u64) -> Res<()> {
        let abi = self.abi;
        if self.read(leaf, abi.leaf_cancel, Type::I8)? == u64::from(VT_CANCEL_NONE) {
            self.set(leaf, abi.leaf_cancel, Type::I8, VT_CANCEL_ASKED.into())?;
        }
        Ok(())
    }

    /// Adds to the shield of the leaf in force.
    pub(super) fn shield(&mut self, delta: i32) -> Res<()> {
        let leaf = self.read(self.e.ctx, self.abi.ctx_leaf, Type::Ptr)?;
        let shield = self.read(leaf, self.abi.leaf_shield, Type::I32)? as u32;
        let shield = shield.checked_add_signed(delta).ok_or("the shield is let down too often")?;
        self.set(leaf, self.abi.leaf_shield, Type::I32, shield.into())
    }

    // ---- the pop loop ------------------------------------------------------------------------

    /// `vt_run`.
    pub(super) fn run_leaf(&mut self, leaf: u64) -> Res<u32> {
        let (ctx, abi) = (self.e.ctx, self.abi);
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return Err("joins are nested too deeply".into());
        }
        let outer = self.read(ctx, abi.ctx_leaf, Type::Ptr)?;
        let mode = self.ctx(abi.ctx_mode)? as u32;
        let child = self.ctx(abi.ctx_child_status)? as u32;
        self.set(ctx, abi.ctx_leaf, Type::Ptr, leaf)?;
        let status = self.deliver_and_pop(leaf)?;
        self.set(ctx, abi.ctx_leaf, Type::Ptr, outer)?;
        self.set_ctx(abi.ctx_mode, mode)?;
        self.set_ctx(abi.ctx_child_status, child)?;
        self.nesting -= 1;
        Ok(status)
    }

    fn deliverable(&self, leaf: u64) -> Res<bool> {
        let cancel = self.read(leaf, self.abi.leaf_cancel, Type::I8)?;
        let shield = self.read(leaf, self.abi.leaf_shield, Type::I32)?;
        Ok(cancel == u64::from(VT_CANCEL_ASKED) && shield == 0)
    }

    fn deliver_and_pop(&mut self, leaf: u64) -> Res<u32> {
        let abi = self.abi;
        loop {
            let cancel = self.deliverable(leaf)?;
            if cancel {
                self.set(leaf, abi.leaf_cancel, Type::I8, VT_CANCEL_TAKEN.into())?;
            }
            self.set_ctx(abi.ctx_mode, if cancel { VT_MODE_CANCEL } else { VT_MODE_RESUME })?;
            self.set_ctx(abi.ctx_child_status, VT_NONE)?;
            loop {
                let resume = self.read(leaf, abi.leaf_resume, Type::Ptr)?;
                let frame = self.read(leaf, abi.leaf_frame, Type::Ptr)?;
                let status = self.resume(resume, frame)?;
                self.set_ctx(abi.ctx_mode, VT_MODE_RESUME)?;
                if status == VT_RUNNING {
                    self.set_ctx(abi.ctx_child_status, VT_NONE)?;
                    continue;
                }
                if status == VT_YIELDED {
                    self.suspended(leaf)?;
                    break;
                }
                let is_root = self.read(leaf, abi.leaf_frame, Type::Ptr)?
                    == self.read(leaf, abi.leaf_root, Type::Ptr)?;
                if is_root || self.ctx(abi.ctx_abort)? != 0 || !self.pop(leaf)? {
                    return Ok(status);
                }
                self.set_ctx(abi.ctx_child_status, status)?;
            }
            if !self.deliverable(leaf)? {
                return Ok(VT_YIELDED);
            }
        }
    }

    /// Site of a frame's link, if it has one.
    pub(super) fn link(&self, frame: u64) -> Res<Option<(u64, u32, u32)>> {
        let site = self.read(frame, self.abi.prefix_link, Type::Ptr)?;
        if site == 0 {
            return Ok(None);
        }
        let resume = self.read(site, offset_of!(vt_site, resume) as i32, Type::Ptr)?;
        let offset = self.read(site, offset_of!(vt_site, offset) as i32, Type::I32)? as u32;
        let state = self.read(site, offset_of!(vt_site, state) as i32, Type::I32)? as u32;
        Ok(Some((resume, offset, state)))
    }

    /// The awaiter of a frame: its resume function and its frame.
    pub(super) fn awaiter(&self, frame: u64) -> Res<Option<(u64, u64)>> {
        let Some((resume, offset, _)) = self.link(frame)? else { return Ok(None) };
        let parent = if offset == VT_ARENA {
            self.read(frame, self.abi.prefix_parent, Type::Ptr)?
        } else {
            frame - u64::from(offset)
        };
        Ok(Some((resume, parent)))
    }

    fn pop(&mut self, leaf: u64) -> Res<bool> {
        let frame = self.read(leaf, self.abi.leaf_frame, Type::Ptr)?;
        let Some((resume, parent)) = self.awaiter(frame)? else { return Ok(false) };
        self.set(leaf, self.abi.leaf_resume, Type::Ptr, resume)?;
        self.set(leaf, self.abi.leaf_frame, Type::Ptr, parent)?;
        Ok(true)
    }

    fn resume(&mut self, code: u64, frame: u64) -> Res<u32> {
        match Code::at(code) {
            Some(Code::Resume(func)) => self.call(func, frame),
            Some(Code::Poll(op)) => self.poll(op, frame),
            _ => Err(format!("resuming {code:#x}, which is no resume function")),
        }
    }

    // ---- joins -------------------------------------------------------------------------------

    /// `vt_branches`.
    pub(super) fn run_branches(&mut self, first: u64, n: u32, flags: u32) -> Res<u32> {
        let abi = self.abi;
        let cancel = self.cancel_mode()?;
        if cancel {
            self.set_ctx(abi.ctx_mode, VT_MODE_RESUME)?;
        }
        if ![VT_JOIN, VT_SELECT, VT_SELECT_NOW].contains(&flags) {
            return Err(format!("branches are run with flags {flags}"));
        }
        let b = Branches { first, n, flags };
        if n == 0 {
            if cancel {
                return Ok(VT_CANCELLED);
            }
            self.set_ctx(abi.ctx_winner, 0)?;
            return Ok(if flags == VT_SELECT { VT_YIELDED } else { VT_DONE });
        }
        if cancel {
            self.enter(b, CANCEL)?;
        }
        loop {
            let before = self.phase(b)?;
            self.round(b)?;
            if self.phase(b)? != before {
                continue;
            }
            if self.unfinished(b)?.is_empty() {
                return self.outcome(b);
            }
            if flags == VT_SELECT_NOW && before == RUN {
                self.enter(b, DRAIN)?;
                continue;
            }
            return Ok(VT_YIELDED);
        }
    }

    fn phase(&self, b: Branches) -> Res<u64> {
        Ok(self.read(b.first, self.abi.leaf_phase, Type::I8)? & !WINNER)
    }

    fn status(&self, b: Branches, i: u32) -> Res<u32> {
        Ok(self.read(b.at(i), self.abi.leaf_status, Type::I8)? as u32)
    }

    fn unfinished(&self, b: Branches) -> Res<Vec<u32>> {
        let mut all = Vec::new();
        for i in 0..b.n {
            if self.status(b, i)? == VT_NONE {
                all.push(i);
            }
        }
        Ok(all)
    }

    fn enter(&mut self, b: Branches, phase: u64) -> Res<()> {
        let shielded = |p| i32::from(p == DRAIN || p == FAIL);
        let delta = shielded(phase) - shielded(self.phase(b)?);
        if delta != 0 {
            self.shield(delta)?;
        }
        let winner = self.read(b.first, self.abi.leaf_phase, Type::I8)? & WINNER;
        self.set(b.first, self.abi.leaf_phase, Type::I8, phase | winner)?;
        for i in self.unfinished(b)? {
            self.ask(b.at(i))?;
        }
        Ok(())
    }

    fn round(&mut self, b: Branches) -> Res<()> {
        let chosen = b.flags != VT_JOIN && self.phase(b)? == RUN && b.n >= 2;
        let tick = self.e.world.tick;
        let start = if chosen { self.e.script.choose(tick, b.n) } else { 0 };
        for i in (start..b.n).chain(0..start) {
            if self.status(b, i)? != VT_NONE {
                continue;
            }
            let status = self.run_leaf(b.at(i))?;
            if status == VT_YIELDED {
                continue;
            }
            self.set(b.at(i), self.abi.leaf_status, Type::I8, status.into())?;
            if self.ctx(self.abi.ctx_abort)? != 0 {
                self.enter(b, FAIL)?;
                for j in self.unfinished(b)? {
                    self.set(b.at(j), self.abi.leaf_status, Type::I8, VT_FAULTED.into())?;
                }
                return Ok(());
            }
            if self.phase(b)? != RUN {
                continue;
            }
            if b.flags != VT_JOIN && status == VT_DONE {
                let phase = self.read(b.at(i), self.abi.leaf_phase, Type::I8)?;
                self.set(b.at(i), self.abi.leaf_phase, Type::I8, phase | WINNER)?;
                return self.enter(b, DRAIN);
            }
            if status != VT_DONE {
                return self.enter(b, FAIL);
            }
        }
        Ok(())
    }

    fn outcome(&mut self, b: Branches) -> Res<u32> {
        let phase = self.phase(b)?;
        if phase == DRAIN || phase == FAIL {
            self.shield(-1)?;
        }
        let (mut faulted, mut winner) = (false, b.n);
        for i in (0..b.n).rev() {
            faulted |= self.status(b, i)? == VT_FAULTED;
            if self.read(b.at(i), self.abi.leaf_phase, Type::I8)? & WINNER != 0 {
                winner = i;
            }
        }
        if faulted {
            return Ok(VT_FAULTED);
        }
        if phase == CANCEL || phase == FAIL {
            return Ok(VT_CANCELLED);
        }
        if b.flags != VT_JOIN {
            self.set_ctx(self.abi.ctx_winner, winner)?;
        }
        Ok(VT_DONE)
    }
}
