//! Families: tasks that somebody waits for, the children of a task or of a scope.
//!
//! ```text
//! Family ─ first ─► TaskObject ⇄ TaskObject ⇄ TaskObject ◄─ last
//! ```
//!
//! The members are a list through the tasks' own objects, in the order of their spawns, so that a
//! spawn needs no memory for it. A task leaves its family when it ends; the first failure in a scope's
//! family cancels the others.
//!
//! * **I1** A task is a member from its spawn to its end: it is queued under the family's lock, which
//!   its end takes too.
//! * **I2** The lock guards the list, and the links in the members' objects.
//! * **I3** The handle in a member's object is there as long as it is a member.

use super::task::TaskObject;
use std::ptr::{NonNull, null};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use vitte_rt::coroutine::FrameTask;

/// Tasks that somebody waits for.
#[derive(Default)]
pub(crate) struct Family {
    members: Mutex<Members>,
}

struct Members {
    first: *const TaskObject,
    last: *const TaskObject,
    /// Who waits for all of them to end: nearly always one.
    waiter: Option<Waker>,
    other_waiters: Vec<Waker>,
    /// The first failure cancels the others.
    one_for_all: bool,
    /// The others have been cancelled, and whoever comes is too.
    cancelled: bool,
}

// SAFETY: members are alive (I1), and their links are reached under the lock only (I2).
unsafe impl Send for Members {}

impl Default for Members {
    fn default() -> Self {
        Members {
            first: null(),
            last: null(),
            waiter: None,
            other_waiters: Vec::new(),
            one_for_all: false,
            cancelled: false,
        }
    }
}

/// Neighbours in a family.
pub(super) struct Links {
    previous: *const TaskObject,
    next: *const TaskObject,
}

impl Links {
    /// Of a task that is in no family.
    pub(super) const NONE: Links = Links { previous: null(), next: null() };
}

/// The links of a member.
///
/// # Safety
///
/// `member` is alive and the lock of its family is held; no other reference to its links is.
unsafe fn links<'a>(member: *const TaskObject) -> &'a mut Links {
    // SAFETY: alive (caller).
    let links = unsafe { &(*member).links };
    // SAFETY: the lock is held and this is the only reference (caller).
    unsafe { &mut *links.get() }
}

impl Family {
    /// A family in which the first failure cancels the others.
    pub(super) fn one_for_all() -> Self {
        Family { members: Mutex::new(Members { one_for_all: true, ..Members::default() }) }
    }

    fn lock(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a task as the last member. `start` spawns it and leaves its handle in its object.
    pub(super) fn enter(&self, member: NonNull<TaskObject>, start: impl FnOnce() -> FrameTask) {
        let mut members = self.lock();
        let last = std::mem::replace(&mut members.last, member.as_ptr());
        if last.is_null() {
            members.first = member.as_ptr();
        } else {
            // SAFETY: a member, under the lock (I1, I2).
            unsafe { links(last) }.next = member.as_ptr();
        }
        // SAFETY: as above; it becomes one here.
        unsafe { links(member.as_ptr()) }.previous = last;
        let task = start();
        if members.cancelled {
            task.cancel();
        }
    }

    /// A member has ended.
    pub(super) fn leave(&self, member: NonNull<TaskObject>, failed: bool) {
        let mut members = self.lock();
        // SAFETY: a member, under the lock (I1, I2).
        let Links { previous, next } =
            std::mem::replace(unsafe { links(member.as_ptr()) }, Links::NONE);
        if previous.is_null() {
            members.first = next;
        } else {
            // SAFETY: as above.
            unsafe { links(previous) }.next = next;
        }
        if next.is_null() {
            members.last = previous;
        } else {
            // SAFETY: as above.
            unsafe { links(next) }.previous = previous;
        }
        let woken = if members.first.is_null() {
            (members.waiter.take(), std::mem::take(&mut members.other_waiters))
        } else {
            (None, Vec::new())
        };
        let cancel = failed && members.one_for_all && !members.cancelled;
        drop(members);
        woken.0.into_iter().chain(woken.1).for_each(Waker::wake);
        if cancel {
            self.cancel();
        }
    }

    /// Asks all members to cancel, in the order of their spawns.
    pub(super) fn cancel(&self) {
        let mut tasks: Vec<FrameTask> = Vec::new();
        let mut members = self.lock();
        members.cancelled = members.one_for_all;
        let mut at = members.first;
        // SAFETY: members are alive (I1).
        while let Some(member) = unsafe { at.as_ref() } {
            // SAFETY: it is a member (I3).
            tasks.push(unsafe { member.task() }.clone());
            // SAFETY: under the lock (I2).
            at = unsafe { links(at) }.next;
        }
        drop(members);
        tasks.iter().for_each(FrameTask::cancel);
    }

    /// Ready once all members have ended.
    pub(super) fn poll_empty(&self, cx: &Context<'_>) -> Poll<()> {
        let mut members = self.lock();
        if members.first.is_null() {
            return Poll::Ready(());
        }
        let Members { waiter, other_waiters, .. } = &mut *members;
        if waiter.is_none() {
            *waiter = Some(cx.waker().clone());
        } else if !waiter.iter().chain(&*other_waiters).any(|w| w.will_wake(cx.waker())) {
            other_waiters.push(cx.waker().clone());
        }
        Poll::Pending
    }
}
