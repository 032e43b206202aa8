//! The memory of a coroutine task: one cell of a heap.
//!
//! ```text
//! cell                                        prefix           frame
//! ├ header · leaf · machine · arena · fault … ┼ machine · link ┼ saved … tag …
//! └─ `ctx.task`, the waker's data             └─ 16 bytes      └─ aligned as the machine says
//! ```
//!
//! The cell ends where the prefix begins, so the cell is found from the frame and the other way
//! round. `leaf`, `arena`, `fault` and the frame belong to the run; `status`, `fault` and the
//! frame's result bytes may be read by handles once the task is COMPLETE. A task's run share and
//! each [`super::FrameTask`] count in `handles`; the last to go drops the result.

use std::cell::UnsafeCell;
use std::mem::offset_of;
use std::ops::Deref;
use std::ptr::{NonNull, null, null_mut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};
use std::task::Waker;

use parking_lot::Mutex;
use vitte_abi::{VT_NONE, vt_leaf, vt_machine, vt_prefix};

use super::arena::Arena;
use super::fault::Fault;
use super::handle::FrameHooks;
use super::run::VTABLE;
use crate::inject::Inject;
use crate::scheduler::Shared;
use crate::task::{Header, Origin, TaskRef, Wakers, alloc_cell, free_cell};

/// Bytes of the prefix before the root frame of a task, which nobody awaits: its end, from `machine`.
const PREFIX: usize = size_of::<vt_prefix>() - offset_of!(vt_prefix, machine);

/// The cell of a coroutine task.
#[repr(C, align(16))]
pub(crate) struct Coroutine {
    pub(crate) header: Header,
    parts: Parts,
}

/// What a coroutine has beside the header of its task.
#[repr(C, align(16))]
pub(crate) struct Parts {
    /// Who waits for the end; looked at under the lock only, COMPLETE included.
    joiners: Mutex<Wakers>,
    /// The innermost suspended frame. The run's.
    pub(crate) leaf: UnsafeCell<vt_leaf>,
    pub(crate) machine: *const vt_machine,
    /// The run's.
    pub(crate) arena: UnsafeCell<Arena>,
    /// First fault, and one inside cleanup. The run's; after COMPLETE the handles read it.
    pub(crate) fault: UnsafeCell<Option<Fault>>,
    pub(crate) cleanup_fault: UnsafeCell<Option<Box<Fault>>>,
    /// Final status, or `VT_NONE`. Written before COMPLETE.
    pub(crate) status: AtomicU32,
    /// Handles, and one share for the run.
    pub(crate) handles: AtomicU32,
    /// The result was taken by a handle.
    pub(crate) taken: AtomicBool,
    pub(crate) hooks: AtomicPtr<FrameHooks>,
    pub(crate) user: AtomicPtr<core::ffi::c_void>,
}

impl Deref for Coroutine {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

/// Where the parts of a coroutine are.
fn parts_of(cell: NonNull<Coroutine>) -> NonNull<Parts> {
    // SAFETY: they lie inside of the cell.
    unsafe { cell.byte_add(offset_of!(Coroutine, parts)) }.cast()
}

const _: () = assert!(size_of::<Coroutine>().is_multiple_of(16));

/// Allocates a task for `machine`: cell, prefix and frame in one block; answers the frame. The
/// link before it is null, its tag 0, the rest undefined. `None` if memory is short.
///
/// # Safety
///
/// `machine` is a valid static description (it outlives the task).
pub(crate) unsafe fn alloc_task(
    shared: &Arc<Shared>,
    machine: *const vt_machine,
    origin: Origin,
) -> Option<NonNull<u8>> {
    if shared.is_virtual && shared.env.strikes(Inject::MEMORY) {
        return None;
    }
    // SAFETY: the caller vouches for the machine.
    let m = unsafe { &*machine };
    let lead = size_of::<Coroutine>() + PREFIX;
    let bytes = lead.checked_add(m.size as usize)?;
    let block = alloc_cell(shared, bytes, (m.align as usize).max(16), lead)?;
    // SAFETY: the cell has `lead` bytes before the frame.
    let frame = unsafe { block.add(lead) };
    let cell = block.cast::<Coroutine>();
    // SAFETY: the cell is fresh and ours.
    unsafe { Header::init(cell.cast(), shared, &VTABLE, origin) };
    let parts = Parts {
        joiners: Mutex::new(Wakers::None),
        leaf: UnsafeCell::new(vt_leaf::new(m.resume, frame.as_ptr())),
        machine,
        arena: UnsafeCell::new(Arena::default()),
        fault: UnsafeCell::new(None),
        cleanup_fault: UnsafeCell::new(None),
        status: AtomicU32::new(VT_NONE),
        handles: AtomicU32::new(2),
        taken: AtomicBool::new(false),
        hooks: AtomicPtr::new(null_mut()),
        user: AtomicPtr::new(null_mut()),
    };
    // SAFETY: as above; the state word is left to others who look at it.
    unsafe { parts_of(cell).write(parts) };
    // SAFETY: as above.
    unsafe { cell.cast::<Header>().as_ref() }.state.conceive();
    // SAFETY: the frame has its prefix before it, inside the block.
    unsafe { init_frame(frame, machine) };
    Some(frame)
}

/// Fills in prefix, link and tag of a fresh frame.
///
/// # Safety
///
/// `frame` has the size and alignment of `machine`; the 16 bytes before it, aligned to 8, are for
/// machine and link.
pub(crate) unsafe fn init_frame(frame: NonNull<u8>, machine: *const vt_machine) {
    // The parent is stored when the frame is awaited.
    let prefix = frame.as_ptr().cast::<vt_prefix>().wrapping_sub(1);
    // SAFETY: the 16 bytes before the frame are the machine and the link of its prefix.
    let place = unsafe { &raw mut (*prefix).machine };
    // SAFETY: as above; prefixes are aligned to 8.
    unsafe { place.write(machine) };
    // SAFETY: as above.
    let place = unsafe { &raw mut (*prefix).link };
    // SAFETY: as above.
    unsafe { place.write(null()) };
    // SAFETY: the machine is valid (caller).
    let m = unsafe { &*machine };
    // SAFETY: the tag lies inside the frame.
    let tag = unsafe { frame.add(m.tag_offset as usize) };
    // SAFETY: as above.
    unsafe { tag.write_bytes(0, m.tag_bytes as usize) };
}

/// The cell of the task whose root frame is `frame`.
pub(crate) fn cell_of(frame: NonNull<u8>) -> NonNull<Coroutine> {
    let bytes = size_of::<Coroutine>() + PREFIX;
    // Root frames are only made by `alloc_task`, so this stays inside the block; arithmetic on the
    // address keeps it total for any other pointer.
    frame.map_addr(|a| std::num::NonZero::new(a.get().wrapping_sub(bytes)).unwrap_or(a)).cast()
}

/// The cell of a coroutine task.
///
/// # Safety
///
/// `task` was made by [`alloc_task`].
pub(crate) unsafe fn cell(task: &TaskRef) -> &Coroutine {
    // SAFETY: the header is the first field of a living cell (caller).
    unsafe { task.as_ptr().cast::<Coroutine>().as_ref() }
}

impl Coroutine {
    /// The root frame.
    pub(crate) fn frame(&self) -> *mut u8 {
        let end = size_of::<Coroutine>() + PREFIX;
        let this: *const Coroutine = self;
        // SAFETY: the frame lies this far into the block.
        unsafe { this.cast::<u8>().cast_mut().add(end) }
    }

    /// The hooks, if any were given.
    pub(crate) fn hooks(&self) -> Option<&'static FrameHooks> {
        // SAFETY: null or a reference to a static.
        unsafe { self.hooks.load(Ordering::Acquire).as_ref() }
    }

    /// Wakes everybody who waits for the end of the task; called after it is complete.
    pub(crate) fn wake_joiners(&self) {
        std::mem::take(&mut *self.joiners.lock()).wake_all();
    }

    /// Registers `waker` for the end of the task; false if it has ended already.
    pub(crate) fn add_joiner(&self, waker: &Waker) -> bool {
        // Under the lock: the completer sets COMPLETE before it takes the lock, so either we see
        // COMPLETE or it sees our waker.
        let mut joiners = self.joiners.lock();
        if self.header.state.is_complete() {
            return false;
        }
        joiners.add(waker);
        true
    }

    /// Gives one handle share back; the last drops what is left: result, fault, user data.
    pub(crate) fn drop_handle(&self) {
        // Release: uses through this share come first. Acquire: the last sees all of them.
        if self.handles.fetch_sub(1, Ordering::AcqRel) != 1 {
            return;
        }
        let Some(hooks) = self.hooks() else { return };
        let user = self.user.load(Ordering::Acquire);
        if !self.taken.swap(true, Ordering::AcqRel) {
            super::handle::drop_outcome(self, hooks, user);
        }
        if let Some(drop_user) = hooks.drop_user {
            // SAFETY: the hook's contract; called once.
            unsafe { drop_user(user) };
        }
    }
}

/// Frees the cell of a coroutine task.
///
/// # Safety
///
/// `header` is the head of a task made by [`alloc_task`]; no reference is left.
pub(crate) unsafe fn free_task(header: NonNull<Header>) {
    // SAFETY: no reference is left, so nobody uses the cell.
    unsafe { parts_of(header.cast()).drop_in_place() };
    // SAFETY: as above.
    unsafe { Header::clear(header) };
    // SAFETY: the contents are dropped and no reference is left.
    unsafe { free_cell(header) };
}
