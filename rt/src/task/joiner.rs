//! The waker of whoever awaits a join handle, in one word.
//!
//! Tasks are awaited by tasks nearly always, or by the root of a `block_on`: such a waker is a
//! pointer, and its kind goes to the low bits. Any other is boxed.
//!
//! ```text
//! 0            none
//! header | 1   a task's, one reference
//! root | 2     a root's, one count
//! box | 3      any other
//! ```

use std::ptr::NonNull;
use std::task::Waker;

use super::cell::{Header, TaskRef};
use crate::scheduler::Root;

const KIND: usize = 3;
const TASK: usize = 1;
const ROOT: usize = 2;
const BOXED: usize = 3;

/// See the module.
#[derive(Debug)]
pub(crate) struct Joiner(*mut ());

impl Joiner {
    /// Nobody waits.
    pub(crate) const NONE: Joiner = Joiner(std::ptr::null_mut());

    /// A copy of a waker.
    pub(crate) fn new(waker: &Waker) -> Self {
        let tagged = |p: *mut (), kind: usize| Joiner(p.map_addr(|a| a | kind));
        if let Some(task) = TaskRef::of_waker(waker) {
            std::mem::forget(waker.clone()); // its reference is ours
            tagged(task.as_ptr().cast(), TASK)
        } else if let Some(root) = Root::of_waker(waker) {
            std::mem::forget(waker.clone());
            tagged(root.as_ptr().cast(), ROOT)
        } else {
            tagged(Box::into_raw(Box::new(waker.clone())).cast(), BOXED)
        }
    }

    fn parts(&self) -> (*mut (), usize) {
        (self.0.map_addr(|a| a & !KIND), self.0.addr() & KIND)
    }

    /// The task that waits, if it is one.
    pub(crate) fn task_id(&self) -> Option<u64> {
        let (pointer, kind) = self.parts();
        if kind != TASK {
            return None;
        }
        // SAFETY: made by `new`, with a reference that keeps the task.
        unsafe { pointer.cast::<Header>().as_ref() }.map(|header| header.id)
    }

    /// Whether waking this wakes what `waker` does.
    pub(crate) fn will_wake(&self, waker: &Waker) -> bool {
        let (pointer, kind) = self.parts();
        match kind {
            TASK => TaskRef::of_waker(waker).is_some_and(|task| task.as_ptr().cast() == pointer),
            ROOT => Root::of_waker(waker).is_some_and(|root| root.as_ptr().cast() == pointer),
            // SAFETY: made by `new` from a box.
            BOXED => unsafe { &*pointer.cast::<Waker>() }.will_wake(waker),
            _ => false,
        }
    }

    /// The waker, which is taken.
    pub(crate) fn take(&mut self) -> Option<Waker> {
        let (pointer, kind) = self.parts();
        self.0 = std::ptr::null_mut();
        let pointer = NonNull::new(pointer)?;
        match kind {
            TASK => {
                // SAFETY: made by `new`, with a reference that is given away here.
                let task = unsafe { TaskRef::from_raw(pointer.cast::<Header>()) };
                let task = std::mem::ManuallyDrop::new(task);
                Some(std::mem::ManuallyDrop::into_inner(task.borrow_waker()))
            }
            // SAFETY: made by `new`, with a count that is given away here.
            ROOT => Some(unsafe { Root::waker_from(pointer.cast()) }),
            // SAFETY: made by `new` from a box.
            _ => Some(*unsafe { Box::from_raw(pointer.as_ptr().cast::<Waker>()) }),
        }
    }
}

impl Drop for Joiner {
    fn drop(&mut self) {
        drop(self.take());
    }
}
