//! A coroutine of generated code that Rust drives by itself, without a task of the runtime.
//!
//! In: a machine, its frame on the heap, arguments in it. Out: a status, and the fault or panic that
//! ended it. The context is made anew for each resume; what its functions need to keep lies behind it.
//!
//! * **D1** Every context with [`FNS`] is the first field of a [`Driver`].
//! * **D2** Machines that are driven are never freed.

#![allow(
    clippy::cast_ptr_alignment,
    reason = "frames are byte pointers; their alignment is in their machines"
)]

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::any::Any;
use std::mem::offset_of;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{NonNull, null, null_mut};
use std::task::Waker;
use vitte_abi::{
    VT_FRAME_TASK, VT_RUNNING, vt_branches, vt_ctx, vt_fns, vt_leaf, vt_machine, vt_prefix, vt_run,
    vt_span, vt_status,
};
use vitte_rt::coroutine::{Fault, stack_limit};
use vitte_rt::runtime::Handle;

/// Back-edges until `overrun` is called, which only refills.
const LOOP_BUDGET: i64 = i64::MAX;
/// Ready awaits until the next one suspends.
const COOP_BUDGET: i32 = 128;

static FNS: vt_fns =
    vt_fns { alloc_frame, free_frame, overrun, fault, choose, branches: vt_branches, run: vt_run };

/// The context, and what its functions keep.
#[repr(C)]
struct Driver<'a> {
    ctx: vt_ctx,
    waker: &'a Waker,
    ended: Ended,
}

const _: () = assert!(offset_of!(Driver<'_>, ctx) == 0);

/// Why a coroutine did not finish with a result.
#[derive(Default)]
pub(crate) struct Ended {
    /// The first fault.
    pub(crate) fault: Option<Fault>,
    /// The first panic of an operation.
    pub(crate) panic: Option<Box<dyn Any + Send>>,
}

/// Resumes the frame of a leaf until it suspends or is over. `requeue` of the answer says that it
/// suspended without a wait.
///
/// # Safety
///
/// As `vt_run`, for a leaf whose machine keeps D2.
pub(crate) unsafe fn drive(leaf: &mut vt_leaf, waker: &Waker) -> (vt_status, bool, Ended) {
    let leaf: *mut vt_leaf = leaf;
    let mut driver = Driver { ctx: context(leaf), waker, ended: Ended::default() };
    let ctx = (&raw mut driver).cast::<vt_ctx>();
    // SAFETY: the context is ours; the caller vouches for the leaf.
    let status = unsafe { vt_run(ctx, leaf) };
    (status, driver.ctx.requeue != 0, driver.ended)
}

/// The waker of the drive in progress.
///
/// # Safety
///
/// `ctx` is the context of a resume in progress that [`drive`] made (D1).
pub(crate) unsafe fn waker_of<'a>(ctx: *mut vt_ctx) -> &'a Waker {
    // SAFETY: the caller vouches for `ctx`.
    unsafe { (*ctx.cast::<Driver<'_>>()).waker }
}

/// Keeps the first panic.
///
/// # Safety
///
/// As [`waker_of`].
pub(crate) unsafe fn keep_panic(ctx: *mut vt_ctx, payload: Box<dyn Any + Send>) {
    // SAFETY: the caller vouches for `ctx`.
    let ended = unsafe { &mut (*ctx.cast::<Driver<'_>>()).ended };
    ended.panic.get_or_insert(payload);
}

/// A leaf whose frame is the whole coroutine.
pub(crate) fn leaf(machine: &vt_machine, frame: &Frame) -> vt_leaf {
    vt_leaf::new(machine.resume, frame.address())
}

fn context(leaf: *mut vt_leaf) -> vt_ctx {
    vt_ctx {
        budget: LOOP_BUDGET,
        stack_limit: stack_limit(),
        now_ns: Handle::try_current().map_or(0, |h| h.now_ns()),
        coop: COOP_BUDGET,
        ..vt_ctx::new(leaf, &raw const FNS)
    }
}

/// A frame on the heap, with its prefix before it.
#[derive(Debug)]
pub(crate) struct Frame {
    block: NonNull<u8>,
    machine: *const vt_machine,
}

/// Layout of a frame with its prefix, and where in it the frame starts.
fn frame_layout(machine: &vt_machine) -> Option<(Layout, usize)> {
    let align = (machine.align as usize).max(align_of::<vt_prefix>());
    let before = size_of::<vt_prefix>().next_multiple_of(align);
    let layout = Layout::from_size_align(before + machine.size as usize, align).ok()?;
    Some((layout, before))
}

impl Frame {
    /// An unresumed frame; `None` if memory is short.
    pub(crate) fn new(machine: &vt_machine) -> Option<Self> {
        let (layout, before) = frame_layout(machine)?;
        // SAFETY: the layout holds at least the prefix.
        let block = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        let prefix = vt_prefix { parent: null_mut(), machine, link: null() };
        // SAFETY: the block has `before` bytes, a multiple of the alignment, before the frame.
        let place = unsafe { block.add(before) }.cast::<vt_prefix>();
        // SAFETY: the prefix lies in the block.
        let place = unsafe { place.sub(1) };
        // SAFETY: as above.
        unsafe { place.write(prefix) };
        Some(Frame { block, machine })
    }

    pub(crate) fn address(&self) -> *mut u8 {
        // SAFETY: the machine is static.
        let machine = unsafe { &*self.machine };
        let (_, before) = frame_layout(machine).expect("I: it was allocated");
        self.block.as_ptr().wrapping_add(before)
    }

    /// Hands the frame to generated code, which gives it back through `free_frame`.
    fn into_address(self) -> *mut u8 {
        let address = self.address();
        std::mem::forget(self);
        address
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        // SAFETY: the machine is static.
        let machine = unsafe { &*self.machine };
        let (layout, _) = frame_layout(machine).expect("I: it was allocated");
        // SAFETY: allocated in `new` with this layout.
        unsafe { dealloc(self.block.as_ptr(), layout) }
    }
}

/// Keeps the first fault.
fn record(ctx: *mut vt_ctx, fault: Fault) {
    // SAFETY: D1.
    let ended = unsafe { &mut (*ctx.cast::<Driver<'_>>()).ended };
    ended.fault.get_or_insert(fault);
}

unsafe extern "C" fn alloc_frame(
    ctx: *mut vt_ctx,
    machine: *const vt_machine,
    kind: u32,
) -> *mut u8 {
    // SAFETY: generated code passes a static machine.
    let machine = unsafe { &*machine };
    if kind != VT_FRAME_TASK {
        return Frame::new(machine).map_or(null_mut(), Frame::into_address);
    }
    let frame = catch_unwind(AssertUnwindSafe(|| {
        let Some(runtime) = Handle::try_current() else {
            record(ctx, Fault::host("`spawn` needs a runtime: call the procedure inside of one"));
            return None;
        };
        // SAFETY: the machine is static.
        unsafe { runtime.alloc_frame(machine) }
    }));
    frame.ok().flatten().map_or(null_mut(), NonNull::as_ptr)
}

unsafe extern "C" fn free_frame(_ctx: *mut vt_ctx, frame: *mut u8) {
    // SAFETY: a frame from `alloc_frame` has its prefix before it.
    let prefix = unsafe { frame.cast::<vt_prefix>().sub(1) };
    // SAFETY: as above.
    let machine = unsafe { (*prefix).machine };
    // SAFETY: machines are static.
    let (_, before) = frame_layout(unsafe { &*machine }).expect("I: it was allocated");
    let block = NonNull::new(frame.wrapping_sub(before)).expect("I: a frame is not null");
    drop(Frame { block, machine });
}

unsafe extern "C" fn overrun(ctx: *mut vt_ctx) -> vt_status {
    // SAFETY: generated code passes the context it was resumed with.
    unsafe { (*ctx).budget = LOOP_BUDGET };
    VT_RUNNING
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
    record(ctx, Fault { code, payload, span, in_cleanup, message: None });
}

unsafe extern "C" fn choose(_ctx: *mut vt_ctx, _n: u32) -> u32 {
    0
}
