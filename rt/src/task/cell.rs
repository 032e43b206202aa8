//! The head of every task's memory, references to it, and the waker that is such a reference.
//!
//! A task is one allocation: this header, then what its kind adds (a Rust future, or the parts of a
//! coroutine and its frame). A [`TaskRef`] is a counted pointer to it; a `Waker` of a task is a
//! [`TaskRef`] in disguise, so waking, cloning and dropping wakers allocates nothing.
//!
//! Who touches what: `state` anybody, atomically. `joiners` under its lock. `links` under the
//! registry's lock. `site` by its run; a dump reads it. What follows the header only its run (state RUNNING), or after COMPLETE whoever
//! the state says.

use std::cell::UnsafeCell;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{RawWaker, RawWakerVTable, Waker};

use parking_lot::Mutex;

use super::registry::Links;
use super::site::SiteCell;
use super::state::State;
use crate::scheduler::Shared;

/// How a run of a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunEnd {
    /// It waits, or was woken meanwhile.
    Suspended,
    /// It is over; its output is stored.
    Finished,
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
    /// Runs the task once. The caller holds the run (state RUNNING).
    pub(crate) run: unsafe fn(&TaskRef) -> RunEnd,
    /// The task is COMPLETE; `wanted` says whether its join handle was alive at that moment. Called
    /// once, by the completer, before the joiners are woken.
    pub(crate) completed: unsafe fn(&TaskRef, wanted: bool),
    /// Ends an idle task without running it, at the runtime's end. The caller holds the run.
    /// False if it cannot be ended so (a coroutine in the middle of its work: it is leaked).
    pub(crate) abandon: unsafe fn(&TaskRef) -> bool,
    /// How it ended. The caller holds the run that ended it, or completes it.
    pub(crate) outcome: unsafe fn(&TaskRef) -> Outcome,
    /// Frees the memory; no reference is left.
    pub(crate) free: unsafe fn(NonNull<Header>),
    /// Says what the task is: name, and if `held`, its state and what it waits for.
    pub(crate) describe: unsafe fn(&TaskRef, held: bool) -> Description,
}

/// What a dump says of one task beside id and age.
#[derive(Clone, Debug, Default)]
pub(crate) struct Description {
    pub(crate) name: String,
    pub(crate) state: String,
    pub(crate) awaitee: String,
}

/// The head of a task's memory.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Header {
    pub(crate) state: State,
    pub(crate) vtable: &'static VTable,
    pub(crate) shared: Arc<Shared>,
    pub(crate) id: u64,
    pub(crate) spawned_ns: u64,
    pub(crate) joiners: Mutex<Wakers>,
    pub(crate) site: SiteCell,
    pub(crate) links: UnsafeCell<Links>,
}

impl Header {
    /// Wakes everybody who waits for the end of the task; called after it is complete.
    pub(crate) fn wake_joiners(&self) {
        std::mem::take(&mut *self.joiners.lock()).wake_all();
    }

    /// Registers `waker` for the end of the task; false if it has ended already.
    pub(crate) fn add_joiner(&self, waker: &Waker) -> bool {
        // Under the lock: the completer sets COMPLETE before it takes the lock, so either we see
        // COMPLETE or it sees our waker.
        let mut joiners = self.joiners.lock();
        if self.state.is_complete() {
            return false;
        }
        joiners.add(waker);
        true
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

/// A counted reference to a task.
#[derive(Debug)]
pub(crate) struct TaskRef(NonNull<Header>);

// SAFETY: the header's fields are atomic, locked, or guarded by the state word; what follows it is
// Send because only Send futures and frames are spawned.
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
        if self.header().state.wake() {
            crate::scheduler::schedule(self);
        }
    }

    /// As [`TaskRef::wake`], keeping the reference.
    pub(crate) fn wake_by_ref(&self) {
        if self.header().state.wake() {
            crate::scheduler::schedule(self.clone());
        }
    }

    /// Asks the task to cancel.
    pub(crate) fn cancel(&self) {
        let shared = &self.header().shared;
        if shared.insight.on() {
            shared.note_cancel(self);
        }
        if self.header().state.cancel() {
            crate::scheduler::schedule(self.clone());
        }
    }

    /// A waker that borrows this reference: dropping it gives nothing back.
    pub(crate) fn borrow_waker(&self) -> ManuallyDrop<Waker> {
        let raw = RawWaker::new(self.0.as_ptr().cast_const().cast(), &WAKER);
        // SAFETY: the functions of `WAKER` keep the contract: the data is a counted reference, which
        // is not given away because the waker is never dropped.
        ManuallyDrop::new(unsafe { Waker::from_raw(raw) })
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
            let free = self.header().vtable.free;
            // SAFETY: that was the last reference.
            unsafe { free(self.0) };
        }
    }
}

/// The header of the task whose waker this is; `None` for wakers of others.
pub(crate) fn header_of(waker: &Waker) -> Option<&Header> {
    if !std::ptr::eq(waker.vtable(), &raw const WAKER) {
        return None;
    }
    // SAFETY: the data of a waker with our functions is a task's header, alive while the waker is.
    Some(unsafe { &*waker.data().cast::<Header>() })
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
