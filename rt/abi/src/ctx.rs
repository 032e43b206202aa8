//! The context of a resume, the leaf, and the table of functions that generated code calls.

use crate::machine::{vt_machine, vt_span};
use crate::status::{VT_NONE, vt_status};
use core::ffi::c_void;
use core::mem::offset_of;
use core::ptr::null_mut;

/// Resumes the coroutine whose frame is `frame`, until it suspends or finishes.
#[allow(non_camel_case_types, reason = "C names are the ABI")]
pub type vt_resume = unsafe extern "C" fn(ctx: *mut vt_ctx, frame: *mut u8) -> vt_status;

/// `ctx.mode`: an ordinary resume.
pub const VT_MODE_RESUME: u32 = 0;
/// `ctx.mode`: the frame is to enter the cleanup edge of its current state.
pub const VT_MODE_CANCEL: u32 = 1;

/// `leaf.cancel`: nobody asked.
pub const VT_CANCEL_NONE: u8 = 0;
/// `leaf.cancel`: asked for, to be delivered when the shield is 0.
pub const VT_CANCEL_ASKED: u8 = 1;
/// `leaf.cancel`: delivered; a second request is void.
pub const VT_CANCEL_TAKEN: u8 = 2;

/// The innermost suspended coroutine of a task or of one branch of a join (32 bytes).
#[allow(non_camel_case_types, reason = "C names are the ABI")]
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct vt_leaf {
    /// Resume function of `frame`, or its entry for the current state.
    pub resume: vt_resume,
    /// The frame to resume.
    pub frame: *mut u8,
    /// The outermost frame of the task or branch, or the storage of its operation: the run is over
    /// when this one answers. Its link is not read.
    pub root: *mut u8,
    /// One of `VT_CANCEL_*`.
    pub cancel: u8,
    /// In a branch record: the final status of the branch, or `VT_NONE`.
    pub status: u8,
    /// In the first branch record of a join: what the join is doing (private to `vt_branches`).
    pub phase: u8,
    /// 1 while `vt_run` runs this leaf: whoever resumes it then is answered `VT_FAULTED`.
    pub running: u8,
    /// How many cleanups hold cancels off.
    pub shield: u32,
}

impl vt_leaf {
    /// The leaf of a task or branch whose outermost frame is `frame`: not asked to cancel, not running,
    /// no status yet.
    #[must_use]
    pub const fn new(resume: vt_resume, frame: *mut u8) -> Self {
        vt_leaf {
            resume,
            frame,
            root: frame,
            cancel: VT_CANCEL_NONE,
            status: VT_NONE as u8,
            phase: 0,
            running: 0,
            shield: 0,
        }
    }
}

/// What the frame of a join keeps of a branch's [`vt_leaf`] while it is suspended: of these 24 bytes as
/// many as the machine does not know by itself, and nothing where the frame has the leaf.
///
/// * [`VT_RECORD_FLAGS`] bytes: an operation, or a coroutine that awaits operations only.
/// * [`VT_RECORD_SHIELD`] bytes: one that may be suspended inside of cleanup.
/// * [`VT_RECORD_LEAF`] bytes: one whose leaf may be another frame than its outermost one.
#[allow(non_camel_case_types, reason = "C names are the ABI")]
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct vt_record {
    /// As [`vt_leaf::cancel`].
    pub cancel: u8,
    /// As [`vt_leaf::status`].
    pub status: u8,
    /// As [`vt_leaf::phase`].
    pub phase: u8,
    /// As [`vt_leaf::running`].
    pub running: u8,
    /// As [`vt_leaf::shield`].
    pub shield: u32,
    /// As [`vt_leaf::resume`].
    pub resume: vt_resume,
    /// As [`vt_leaf::frame`].
    pub frame: *mut u8,
}

/// Bytes of a record that ends before `shield`.
pub const VT_RECORD_FLAGS: u32 = offset_of!(vt_record, shield) as u32;
/// Bytes of a record that ends before `resume`.
pub const VT_RECORD_SHIELD: u32 = offset_of!(vt_record, resume) as u32;
/// Bytes of a whole record.
pub const VT_RECORD_LEAF: u32 = size_of::<vt_record>() as u32;
/// In the place of a record's bytes: it is the [`vt_leaf`] itself.
pub const VT_RECORD_IS_LEAF: u32 = size_of::<vt_leaf>() as u32;

/// Per-resume context; valid during the call only. Offsets are part of the ABI (see `vitte.h`).
#[allow(non_camel_case_types, reason = "C names are the ABI")]
#[derive(Debug)]
#[repr(C)]
pub struct vt_ctx {
    /// The leaf in force: the task's, or that of the branch being run.  offset 0
    pub leaf: *mut vt_leaf,
    /// The task, opaque to generated code.  offset 8
    pub task: *mut c_void,
    /// Functions of the runtime.  offset 16
    pub fns: *const vt_fns,
    /// Loop fuel: a back-edge subtracts one; below zero `fns.overrun` is called.  offset 24
    pub budget: i64,
    /// Lowest stack address that synchronous procedures in call cycles may use.  offset 32
    pub stack_limit: usize,
    /// Clock cached at the start of the turn, nanoseconds.  offset 40
    pub now_ns: u64,
    /// `VT_MODE_*` of this resume; whoever acts on a cancel sets it back to RESUME.  offset 48
    pub mode: u32,
    /// Status of the child that was just popped, or `VT_NONE`.  offset 52
    pub child_status: u32,
    /// Ready awaits left before the next one suspends.  offset 56
    pub coop: i32,
    /// Set to 1 by a coroutine that suspends without a wait: put the task back in the queue.  offset 60
    pub requeue: u32,
    /// Set to 1 after a fault inside cleanup: no further cleanup of this task runs.  offset 64
    pub abort: u32,
    /// Index of the winner after `vt_branches(.., VT_SELECT, ..)`.  offset 68
    pub winner: u32,
    /// Which wait woke the task.  offset 72
    pub wake_reason: u32,
    /// Readiness of the file descriptor that woke the task.  offset 76
    pub ready_mask: u32,
    /// `errno` of a failed wait, or 0.  offset 80
    pub errno: i32,
    /// 1 if the wait ended by its deadline.  offset 84
    pub timed_out: u32,
    /// Free for the owner of the context.  offset 88
    pub user: *mut c_void,
}

impl vt_ctx {
    /// A context for an ordinary resume of `leaf`: no task, no user, no limit of loops, ready awaits or
    /// stack, a clock at 0. What differs is set by the caller.
    #[must_use]
    pub const fn new(leaf: *mut vt_leaf, fns: *const vt_fns) -> Self {
        vt_ctx {
            leaf,
            task: null_mut(),
            fns,
            budget: i64::MAX,
            stack_limit: 0,
            now_ns: 0,
            mode: VT_MODE_RESUME,
            child_status: VT_NONE,
            coop: i32::MAX,
            requeue: 0,
            abort: 0,
            winner: 0,
            wake_reason: 0,
            ready_mask: 0,
            errno: 0,
            timed_out: 0,
            user: null_mut(),
        }
    }
}

/// What generated code and `vt_branches` ask of the runtime. None of them unwinds.
#[allow(non_camel_case_types, reason = "C names are the ABI")]
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct vt_fns {
    /// Allocates a frame for `machine` with its [`crate::vt_prefix`] filled in (link and parent null);
    /// `kind` is `VT_FRAME_ARENA` or `VT_FRAME_TASK`. The frame's bytes are undefined but for
    /// the tag (0). Null if memory is short.  offset 0
    pub alloc_frame:
        unsafe extern "C" fn(ctx: *mut vt_ctx, machine: *const vt_machine, kind: u32) -> *mut u8,
    /// Frees a frame got from `alloc_frame` with `VT_FRAME_ARENA`.  offset 8
    pub free_frame: unsafe extern "C" fn(ctx: *mut vt_ctx, frame: *mut u8),
    /// The loop budget is gone: refill it; never suspends. Answers `VT_RUNNING` to go on, or
    /// `VT_FAULTED` when a total was configured and is used up (the fault is recorded: take the
    /// unwind edge, where there is one).  offset 16
    pub overrun: unsafe extern "C" fn(ctx: *mut vt_ctx) -> vt_status,
    /// Records a fault (the first one of a task wins).  `code` is a `fault_code`, `payload` belongs
    /// to the code; `in_cleanup` is 1 if it happened inside cleanup, which sets `ctx.abort`.  offset 24
    pub fault: unsafe extern "C" fn(
        ctx: *mut vt_ctx,
        code: u32,
        span: *const vt_span,
        payload: u64,
        in_cleanup: u32,
    ),
    /// Picks a number below `n` (`n` ≥ 1): start of a select, seeded in deterministic mode.  offset 32
    pub choose: unsafe extern "C" fn(ctx: *mut vt_ctx, n: u32) -> u32,
    /// [`crate::vt_branches`], so that generated code needs no symbol.  offset 40
    pub branches: unsafe extern "C" fn(
        ctx: *mut vt_ctx,
        branches: *mut vt_leaf,
        n: u32,
        flags: u32,
    ) -> vt_status,
    /// [`crate::vt_run`], likewise.  offset 48
    pub run: unsafe extern "C" fn(ctx: *mut vt_ctx, leaf: *mut vt_leaf) -> vt_status,
}

const _: () = {
    assert!(size_of::<vt_leaf>() == 32);
    assert!(offset_of!(vt_leaf, cancel) == 24);
    assert!(offset_of!(vt_leaf, running) == 27);
    assert!(offset_of!(vt_leaf, shield) == 28);
    // The flags are copied from leaf to record and back as one word.
    assert!(offset_of!(vt_record, cancel) == 0 && VT_RECORD_FLAGS == 4);
    assert!(
        offset_of!(vt_record, status) == offset_of!(vt_leaf, status) - offset_of!(vt_leaf, cancel)
    );
    assert!(
        offset_of!(vt_record, running)
            == offset_of!(vt_leaf, running) - offset_of!(vt_leaf, cancel)
    );
    assert!(VT_RECORD_SHIELD == 8 && VT_RECORD_LEAF == 24 && VT_RECORD_IS_LEAF == 32);
    assert!(offset_of!(vt_record, frame) == 16);
    assert!(offset_of!(vt_ctx, budget) == 24);
    assert!(offset_of!(vt_ctx, mode) == 48);
    assert!(offset_of!(vt_ctx, winner) == 68);
    assert!(offset_of!(vt_ctx, user) == 88);
    assert!(offset_of!(vt_fns, run) == 48);
};
