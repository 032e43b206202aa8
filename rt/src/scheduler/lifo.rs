//! The LIFO slot of one worker: the task that was woken last, run next, stolen last.
//!
//! Only the owner puts tasks in; it and thieves take them out. An exchange each way, so that a task is
//! taken once, with its memory. Nobody is woken for the slot: its owner is awake, and looks before it
//! sleeps.

use std::ptr::{NonNull, null_mut};

use crate::atomic::{AtomicPtr, Ordering};

/// See the module.
#[derive(Debug)]
pub(crate) struct LifoSlot<T>(AtomicPtr<T>);

impl<T> LifoSlot<T> {
    pub(crate) fn new() -> Self {
        LifoSlot(AtomicPtr::new(null_mut()))
    }

    /// Owner: puts a task in; the one that was there.
    pub(crate) fn put(&self, task: NonNull<T>) -> Option<NonNull<T>> {
        // Release: the task's memory is seen by who takes it; Acquire: the reverse.
        NonNull::new(self.0.swap(task.as_ptr(), Ordering::AcqRel))
    }

    /// Takes the task out.
    pub(crate) fn take(&self) -> Option<NonNull<T>> {
        // Relaxed: an empty slot needs no exchange; who fills it looks after us.
        if self.0.load(Ordering::Relaxed).is_null() {
            return None;
        }
        // As `put`.
        NonNull::new(self.0.swap(null_mut(), Ordering::AcqRel))
    }

    /// Whether there is a task (a guess as soon as it is made).
    pub(crate) fn is_full(&self) -> bool {
        // Acquire: as `put`.
        !self.0.load(Ordering::Acquire).is_null()
    }
}
