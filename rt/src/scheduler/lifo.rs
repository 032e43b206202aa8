//! The LIFO slot of one worker: the task that was woken last, run next, stolen last.
//!
//! Only the owner puts tasks in; it and thieves take them out. An exchange each way, so that a task is
//! taken once, with its memory; a slot whose owner is `alone` has no thieves, and is read and written
//! plainly (as the ring of such a worker). Nobody is woken for the slot: its owner is awake, and looks
//! before it sleeps.

use std::ptr::{NonNull, null_mut};

use crate::atomic::{AtomicPtr, Ordering};

/// See the module.
#[derive(Debug)]
pub(crate) struct LifoSlot<T> {
    task: AtomicPtr<T>,
    alone: bool,
}

impl<T> LifoSlot<T> {
    pub(crate) fn new(alone: bool) -> Self {
        LifoSlot { task: AtomicPtr::new(null_mut()), alone }
    }

    /// Puts something, or nothing, in; what was there.
    #[inline]
    fn replace(&self, task: *mut T) -> Option<NonNull<T>> {
        if self.alone {
            // Relaxed: only the owner writes it.
            let old = self.task.load(Ordering::Relaxed);
            // Release: for whoever looks.
            self.task.store(task, Ordering::Release);
            return NonNull::new(old);
        }
        // Release: the task's memory is seen by who takes it; Acquire: the reverse.
        NonNull::new(self.task.swap(task, Ordering::AcqRel))
    }

    /// Owner: puts a task in; the one that was there.
    pub(crate) fn put(&self, task: NonNull<T>) -> Option<NonNull<T>> {
        self.replace(task.as_ptr())
    }

    /// Takes the task out.
    pub(crate) fn take(&self) -> Option<NonNull<T>> {
        // Relaxed: an empty slot needs no exchange; who fills it looks after us.
        if self.task.load(Ordering::Relaxed).is_null() {
            return None;
        }
        self.replace(null_mut())
    }

    /// Whether there is a task (a guess as soon as it is made).
    pub(crate) fn is_full(&self) -> bool {
        // Acquire: pairs with `replace`.
        !self.task.load(Ordering::Acquire).is_null()
    }
}
