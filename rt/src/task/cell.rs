//! The head of every task's memory, references to it, and the waker that is such a reference.
//!
//! A task is one cell of a heap ([`super::heap`]): this header, then what its kind adds (a Rust
//! future, or the parts of a coroutine and its frame). A [`TaskRef`] is a counted pointer to it; a
//! `Waker` of a task is a [`TaskRef`] in disguise, so waking, cloning and dropping wakers allocates
//! nothing. A [`Queued`] task is a pointer without a count: the runtime's own reference keeps it.
//!
//! ```text
//! cell, 64 bytes for a future of one word
//! ├ state ─ vtable ─ id ─ origin ─ site ─ joiner ┼ future, later its output ┤
//! ```
//!
//! Who touches what: `state` anybody, atomically. `joiner` as I7 of the state word says. What follows
//! the header, and `site`, only its run, or after COMPLETE whoever the state says. The rest is never changed.

use std::cell::UnsafeCell;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{RawWaker, RawWakerVTable, Waker};

use vitte_abi::vt_span;

use super::heap::shared_of;
use super::joiner::Joiner;
use super::origin::Origin;
use super::site::SiteCell;
use super::state::{Seen, State, Woken};
use crate::dump::FrameInfo;
use crate::scheduler::Shared;

/// How a run of a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunEnd {
    /// It waits, or was woken meanwhile.
    Suspended,
    /// It wants to be run again, behind the others.
    Yielded,
    /// It is over; its output is stored.
    Finished,
}

impl RunEnd {
    /// The same, for a task that said that it yields.
    pub(crate) fn or_yielded(self) -> RunEnd {
        if self == RunEnd::Suspended { RunEnd::Yielded } else { self }
    }
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    Cancelled,
    Panicked,
    Faulted,
}

/// What the scheduler asks of a kind of task.
#[derive(Debug)]
pub(crate) struct VTable {
    /// Runs the task once. The caller holds the run that found the state so.
    pub(crate) run: unsafe fn(&TaskRef, Seen) -> RunEnd,
    /// Ends an idle task without running it, at the runtime's end. The caller holds the run.
    /// False if it cannot be ended so (a coroutine in the middle of its work: it is leaked).
    pub(crate) abandon: unsafe fn(&TaskRef, Seen) -> bool,
    /// The task is COMPLETE; `wanted` says whether its join handle was alive at that moment. Called
    /// once, by the completer, before the joiner is woken, unless the join handle owns the rest.
    pub(crate) completed: unsafe fn(&TaskRef, wanted: bool),
    /// Writes the output to where the pointer says. The caller owns the output of a COMPLETE task.
    pub(crate) take: unsafe fn(&TaskRef, *mut ()),
    /// Drops the output; it may panic. As `take`.
    pub(crate) discard: unsafe fn(&TaskRef),
    /// How it ended. The caller holds the run that ended it, or owns the output.
    pub(crate) outcome: unsafe fn(&TaskRef) -> Outcome,
    /// Frees the memory; no reference is left.
    pub(crate) free: unsafe fn(NonNull<Header>),
    /// Says what the task is. The caller holds it, unless only its name is asked for.
    pub(crate) describe: unsafe fn(&TaskRef, Look) -> Description,
}

/// How much of a task is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Its name.
    Name,
    /// And the state of its leaf, and what that waits for.
    Leaf,
    /// And all its frames.
    Frames,
}

/// What a dump says of one task beside id and age.
#[derive(Clone, Debug, Default)]
pub(crate) struct Description {
    pub(crate) name: String,
    /// Where a coroutine is defined: static data of its machine.
    pub(crate) span: Option<NonNull<vt_span>>,
    pub(crate) state: String,
    pub(crate) awaitee: String,
    pub(crate) frames: Vec<FrameInfo>,
}

/// The head of a task's memory.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Header {
    pub(crate) state: State,
    parts: Parts,
}

/// What a header has beside its state: written when the task is made, while others may look at the
/// state of the cell.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Parts {
    pub(crate) vtable: &'static VTable,
    pub(crate) id: u64,
    pub(crate) origin: Origin,
    pub(crate) site: SiteCell,
    pub(crate) joiner: UnsafeCell<Joiner>,
}

impl Deref for Header {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

impl Header {
    /// Where the parts of a header are.
    fn parts_of(header: NonNull<Header>) -> NonNull<Parts> {
        // SAFETY: they lie inside of the header, so inside of its cell.
        unsafe { header.byte_add(std::mem::offset_of!(Header, parts)) }.cast()
    }

    /// Fills in all but the state of the header of a task of `shared`.
    ///
    /// # Safety
    ///
    /// `header` is a fresh cell, the caller's.
    pub(crate) unsafe fn init(
        header: NonNull<Header>,
        shared: &Shared,
        vtable: &'static VTable,
        origin: Origin,
    ) {
        let (id, site) = (shared.next_id(), SiteCell::default());
        let joiner = UnsafeCell::new(Joiner::NONE);
        // SAFETY: the cell is the caller's; its state word is left to others who look at it.
        unsafe { Header::parts_of(header).write(Parts { vtable, id, origin, site, joiner }) };
    }

    /// Drops all but the state of a header.
    ///
    /// # Safety
    ///
    /// No reference to the task is left; called once.
    pub(crate) unsafe fn clear(header: NonNull<Header>) {
        // SAFETY: nobody uses the header any more (caller).
        unsafe { Header::parts_of(header).drop_in_place() };
    }

    /// The runtime of the task.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        // SAFETY: headers exist in cells only, and this one is borrowed, so alive.
        unsafe { shared_of(NonNull::from(self)) }
    }
}

/// A few wakers; the first needs no memory.
#[derive(Debug, Default)]
pub(crate) enum Wakers {
    #[default]
    None,
    One(Waker),
    Many(Vec<Waker>),
}

impl Wakers {
    pub(crate) fn add(&mut self, waker: &Waker) {
        match self {
            Wakers::None => *self = Wakers::One(waker.clone()),
            Wakers::One(one) if one.will_wake(waker) => {}
            Wakers::One(_) => {
                let Wakers::One(one) = std::mem::take(self) else { unreachable!() };
                *self = Wakers::Many(vec![one, waker.clone()]);
            }
            Wakers::Many(many) if many.iter().any(|w| w.will_wake(waker)) => {}
            Wakers::Many(many) => many.push(waker.clone()),
        }
    }

    pub(crate) fn wake_all(self) {
        match self {
            Wakers::None => {}
            Wakers::One(one) => one.wake(),
            Wakers::Many(many) => many.into_iter().for_each(Waker::wake),
        }
    }
}

/// A task that is scheduled: in a queue, or about to be run. It owns no reference; the runtime's own
/// keeps the task until it is complete, and a scheduled task is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Queued(NonNull<Header>);

// SAFETY: as `TaskRef`.
unsafe impl Send for Queued {}

impl Queued {
    /// A task whose wake-up the caller has to queue, or one that was queued.
    ///
    /// # Safety
    ///
    /// The task is scheduled and this is the one place that says so.
    pub(crate) unsafe fn from_raw(header: NonNull<Header>) -> Self {
        Queued(header)
    }

    /// The pointer.
    pub(crate) fn as_ptr(self) -> NonNull<Header> {
        self.0
    }

    /// The runtime's own reference, not given back when dropped.
    pub(crate) fn task(self) -> ManuallyDrop<TaskRef> {
        ManuallyDrop::new(TaskRef(self.0))
    }
}

/// A counted reference to a task.
#[derive(Debug)]
pub(crate) struct TaskRef(NonNull<Header>);

// SAFETY: the header's fields are atomic or guarded by the state word; what follows it is Send
// because only Send futures and frames are spawned, but for local tasks: their futures are run and
// dropped on one thread (I1 of `scheduler::local`), their outputs there or by the join handle, which is
// Send only if they are.
unsafe impl Send for TaskRef {}
// SAFETY: as above.
unsafe impl Sync for TaskRef {}

impl TaskRef {
    /// Takes over one reference.
    ///
    /// # Safety
    ///
    /// `header` is a living task and the caller owns a reference to it, which it gives away.
    pub(crate) unsafe fn from_raw(header: NonNull<Header>) -> Self {
        TaskRef(header)
    }

    /// Gives the reference away as a pointer.
    pub(crate) fn into_raw(self) -> NonNull<Header> {
        ManuallyDrop::new(self).0
    }

    /// The pointer, without giving the reference away.
    pub(crate) fn as_ptr(&self) -> NonNull<Header> {
        self.0
    }

    /// The header.
    pub(crate) fn header(&self) -> &Header {
        // SAFETY: the reference keeps the task's memory alive.
        unsafe { self.0.as_ref() }
    }

    /// Queues the task unless it is queued or over.
    pub(crate) fn wake(self) {
        let this = ManuallyDrop::new(self);
        match this.header().state.wake_and_drop() {
            Woken::Nothing => {}
            Woken::Queue => crate::scheduler::schedule(Queued(this.0)),
            Woken::Free => this.free(),
        }
    }

    /// As [`TaskRef::wake`], keeping the reference.
    pub(crate) fn wake_by_ref(&self) {
        if self.header().state.wake() {
            crate::scheduler::schedule(Queued(self.0));
        }
    }

    /// Asks the task to cancel.
    pub(crate) fn cancel(&self) {
        let shared = self.header().shared();
        if shared.insight.on() {
            shared.note_cancel(self);
        }
        if self.header().state.cancel() {
            crate::scheduler::schedule(Queued(self.0));
        }
    }

    /// Gives the reference back; what is left to do if it was the last one.
    pub(crate) fn into_last(self) -> Option<LastRef> {
        let this = ManuallyDrop::new(self);
        this.header().state.drop_ref().then(|| LastRef(this.0))
    }

    /// Frees the task; the caller's reference was the last one.
    fn free(&self) {
        let free = self.header().vtable.free;
        // SAFETY: no reference is left (caller).
        unsafe { free(self.0) };
    }

    /// A waker that borrows this reference: dropping it gives nothing back.
    pub(crate) fn borrow_waker(&self) -> ManuallyDrop<Waker> {
        let raw = RawWaker::new(self.0.as_ptr().cast_const().cast(), &WAKER);
        // SAFETY: the functions of `WAKER` keep the contract: the data is a counted reference, which
        // is not given away because the waker is never dropped.
        ManuallyDrop::new(unsafe { Waker::from_raw(raw) })
    }

    /// The task whose waker this is, if it is one's.
    #[inline]
    pub(crate) fn of_waker(waker: &Waker) -> Option<NonNull<Header>> {
        if !std::ptr::eq(waker.vtable(), &raw const WAKER) {
            return None;
        }
        // SAFETY: the data of our wakers is never null.
        Some(unsafe { NonNull::new_unchecked(waker.data().cast_mut().cast()) })
    }
}

/// A task without references; dropping this frees it.
#[derive(Debug)]
pub(crate) struct LastRef(NonNull<Header>);

impl Drop for LastRef {
    fn drop(&mut self) {
        ManuallyDrop::new(TaskRef(self.0)).free();
    }
}

impl Clone for TaskRef {
    fn clone(&self) -> Self {
        self.header().state.add_ref();
        TaskRef(self.0)
    }
}

impl Drop for TaskRef {
    fn drop(&mut self) {
        if self.header().state.drop_ref() {
            self.free();
        }
    }
}

/// The header of the task whose waker this is; `None` for wakers of others.
#[inline]
pub(crate) fn header_of(waker: &Waker) -> Option<&Header> {
    // SAFETY: the task is alive while its waker is.
    TaskRef::of_waker(waker).map(|header| unsafe { header.as_ref() })
}

/// The waker of every task: its data is one counted reference to the header.
static WAKER: RawWakerVTable =
    RawWakerVTable::new(waker_clone, waker_wake, waker_wake_by_ref, waker_drop);

/// The reference behind a waker's data, not given back when dropped.
///
/// # Safety
///
/// `data` is that of a living waker made by [`TaskRef::borrow_waker`] or a clone of one.
unsafe fn borrowed(data: *const ()) -> ManuallyDrop<TaskRef> {
    // SAFETY: the data of our wakers is never null.
    let header = unsafe { NonNull::new_unchecked(data.cast_mut().cast()) };
    ManuallyDrop::new(TaskRef(header))
}

unsafe fn waker_clone(data: *const ()) -> RawWaker {
    // SAFETY: called with the data of a living waker.
    let task = unsafe { borrowed(data) };
    let raw = TaskRef::clone(&task).into_raw();
    RawWaker::new(raw.as_ptr().cast_const().cast(), &WAKER)
}

unsafe fn waker_wake(data: *const ()) {
    // SAFETY: called with the data of a living waker, which is consumed.
    let task = unsafe { borrowed(data) };
    ManuallyDrop::into_inner(task).wake();
}

unsafe fn waker_wake_by_ref(data: *const ()) {
    // SAFETY: called with the data of a living waker.
    unsafe { borrowed(data) }.wake_by_ref();
}

unsafe fn waker_drop(data: *const ()) {
    // SAFETY: called with the data of a living waker, which is consumed.
    drop(ManuallyDrop::into_inner(unsafe { borrowed(data) }));
}
