//! The function table: what generated code calls in the runtime.
//!
//! Every function here is called from code that cannot unwind, so each catches panics of what it
//! calls and answers an error value instead.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{NonNull, null_mut};

use vitte_abi::{
    VT_FAULTED, VT_FRAME_TASK, VT_RUNNING, fault_code, vt_branches, vt_ctx, vt_fns, vt_machine,
    vt_prefix, vt_run, vt_span, vt_status,
};

use super::cell::{Coroutine, alloc_task, init_frame};
use super::fault::Fault;
use super::run::LOOP_BUDGET;
use crate::env::Choice;
use crate::inject::Inject;
use crate::scheduler::ThreadCx;
use crate::task::Origin;

/// The table in every context of this runtime.
pub(crate) static FNS: vt_fns =
    vt_fns { alloc_frame, free_frame, overrun, fault, choose, branches: vt_branches, run: vt_run };

/// The cell of the task that `ctx` resumes; `None` outside of a task.
///
/// # Safety
///
/// `ctx` is the context of a resume in progress, made by this runtime, or one whose task is null.
pub(crate) unsafe fn cell_of_ctx<'a>(ctx: *mut vt_ctx) -> Option<&'a Coroutine> {
    // SAFETY: the caller vouches for `ctx`.
    let task: *mut c_void = unsafe { (*ctx).task };
    // SAFETY: null, or the cell of the task being run, alive during the resume.
    unsafe { task.cast::<Coroutine>().as_ref() }
}

unsafe extern "C" fn alloc_frame(
    ctx: *mut vt_ctx,
    machine: *const vt_machine,
    kind: u32,
) -> *mut u8 {
    // SAFETY: generated code passes the context it was resumed with.
    let Some(co) = (unsafe { cell_of_ctx(ctx) }) else { return null_mut() };
    let frame = catch_unwind(AssertUnwindSafe(|| {
        if kind == VT_FRAME_TASK {
            let origin = Origin::spawned_by(co.header.id);
            // SAFETY: generated code passes a static machine.
            return unsafe { alloc_task(co.header.shared(), machine, origin) };
        }
        let shared = co.header.shared();
        if shared.is_virtual && shared.env.strikes(Inject::MEMORY) {
            return None;
        }
        // SAFETY: as above.
        let m = unsafe { &*machine };
        let (bytes, align, before) = arena_size(m);
        // SAFETY: the arena belongs to the run, which is in progress on this thread.
        let arena = unsafe { &mut *co.arena.get() };
        let block = NonNull::new(arena.alloc(bytes, align))?;
        // SAFETY: the block has `before` bytes before the frame.
        let frame = unsafe { block.add(before) };
        // SAFETY: the bytes before the frame are its prefix.
        unsafe { init_frame(frame, machine) };
        Some(frame)
    }));
    frame.ok().flatten().map_or(null_mut(), NonNull::as_ptr)
}

/// Bytes and alignment of an arena block for `machine`, and where in it the frame starts.
fn arena_size(machine: &vt_machine) -> (usize, usize, usize) {
    let align = (machine.align as usize).max(16);
    let before = size_of::<vt_prefix>().next_multiple_of((machine.align as usize).max(8));
    (before + machine.size as usize, align, before)
}

unsafe extern "C" fn free_frame(ctx: *mut vt_ctx, frame: *mut u8) {
    // SAFETY: generated code passes the context it was resumed with.
    let Some(co) = (unsafe { cell_of_ctx(ctx) }) else { return };
    // SAFETY: an arena frame has its prefix before it.
    let prefix = unsafe { frame.cast::<vt_prefix>().sub(1) };
    // SAFETY: as above.
    let machine = unsafe { (*prefix).machine };
    // SAFETY: machines are static.
    let machine = unsafe { &*machine };
    let (bytes, align, before) = arena_size(machine);
    // SAFETY: the arena belongs to the run, which is in progress on this thread.
    let arena = unsafe { &mut *co.arena.get() };
    // SAFETY: the block starts there, see `alloc_frame`.
    let block = unsafe { frame.sub(before) };
    // SAFETY: allocated by `alloc_frame` from this arena with these sizes.
    unsafe { arena.free(block, bytes, align) };
}

unsafe extern "C" fn overrun(ctx: *mut vt_ctx) -> vt_status {
    // SAFETY: generated code passes the context it was resumed with.
    let c = unsafe { &mut *ctx };
    let used = LOOP_BUDGET.saturating_sub(c.budget).max(0);
    c.budget = LOOP_BUDGET;
    // SAFETY: as above.
    let Some(co) = (unsafe { cell_of_ctx(ctx) }) else { return VT_RUNNING };
    if !co.header.shared().env.take_fuel(used as u64) {
        record(co, Fault::new(fault_code::FUEL, 0));
        return VT_FAULTED;
    }
    let _ = catch_unwind(AssertUnwindSafe(|| ThreadCx::overrun(co.header.shared())));
    VT_RUNNING
}

/// Keeps the first fault; one inside cleanup is kept beside it. The loop that has asked for fuel in
/// vain knows where it stands, which `overrun` does not.
fn record(co: &Coroutine, fault: Fault) {
    // SAFETY: the record belongs to the run, which is in progress on this thread.
    let first = unsafe { &mut *co.fault.get() };
    let is_loop = |f: &Fault| [f.code, fault.code] == [fault_code::FUEL; 2] && !fault.in_cleanup;
    if first.as_ref().is_none_or(is_loop) {
        *first = Some(fault);
    } else if fault.in_cleanup {
        // SAFETY: as above.
        let cleanup = unsafe { &mut *co.cleanup_fault.get() };
        cleanup.get_or_insert_with(|| Box::new(fault));
    }
}

/// Records a fault of the task that `ctx` resumes.
///
/// # Safety
///
/// As [`cell_of_ctx`].
pub(crate) unsafe fn record_fault(ctx: *mut vt_ctx, fault: Fault) {
    // SAFETY: the caller vouches for `ctx`.
    if let Some(co) = unsafe { cell_of_ctx(ctx) } {
        record(co, fault);
    }
}

unsafe extern "C" fn fault(
    ctx: *mut vt_ctx,
    code: u32,
    span: *const vt_span,
    payload: u64,
    in_cleanup: u32,
) {
    let in_cleanup = in_cleanup != 0;
    if in_cleanup {
        // SAFETY: generated code passes the context it was resumed with.
        unsafe { (*ctx).abort = 1 };
    }
    let fault = Fault { code, payload, span, in_cleanup, message: None };
    // SAFETY: as above.
    unsafe { record_fault(ctx, fault) };
}

unsafe extern "C" fn choose(ctx: *mut vt_ctx, n: u32) -> u32 {
    // SAFETY: generated code passes the context it was resumed with.
    let Some(co) = (unsafe { cell_of_ctx(ctx) }) else { return 0 };
    let pick = || co.header.shared().env.choose(n, Choice::Select);
    catch_unwind(AssertUnwindSafe(pick)).unwrap_or(0)
}
