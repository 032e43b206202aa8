//! `lfq_*`: a queue of pointers between any number of threads, without a lock.

use std::ffi::c_void;

use crossbeam_queue::{ArrayQueue, SegQueue};

use crate::guard;

/// A queue of pointers; any thread may put in and take out.
pub struct LockFreeQueue(Kind);

enum Kind {
    Bounded(ArrayQueue<usize>),
    Unbounded(SegQueue<usize>),
}

/// The queue behind a pointer, if it is not null.
///
/// # Safety
///
/// Null, or of `lfq_create` and not destroyed.
unsafe fn queue<'a>(queue: *const LockFreeQueue) -> Option<&'a Kind> {
    // SAFETY: the caller vouches for the pointer.
    unsafe { queue.as_ref() }.map(|queue| &queue.0)
}

/// A queue with room for `capacity` pointers; 0: without bound. NULL if there is no such room.
#[unsafe(no_mangle)]
pub extern "C" fn lfq_create(capacity: usize) -> *mut LockFreeQueue {
    guard(std::ptr::null_mut(), || {
        let kind = match capacity {
            0 => Kind::Unbounded(SegQueue::new()),
            // More than this is no queue but a mistake in the argument.
            n if n > isize::MAX as usize / 64 => return std::ptr::null_mut(),
            n => Kind::Bounded(ArrayQueue::new(n)),
        };
        Box::into_raw(Box::new(LockFreeQueue(kind)))
    })
}

/// Frees a queue and not what the pointers in it lead to. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lfq_destroy(queue: *mut LockFreeQueue) {
    if !queue.is_null() {
        // SAFETY: of `lfq_create`, and the caller uses it no more.
        drop(unsafe { Box::from_raw(queue) });
    }
}

/// Puts a pointer in; false if the queue is full.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lfq_enqueue(queue: *mut LockFreeQueue, item: *mut c_void) -> bool {
    let item = item.expose_provenance();
    // SAFETY: the caller vouches for the queue.
    guard(false, || match unsafe { self::queue(queue) } {
        Some(Kind::Bounded(queue)) => queue.push(item).is_ok(),
        Some(Kind::Unbounded(queue)) => {
            queue.push(item);
            true
        }
        None => false,
    })
}

/// Takes the oldest pointer out; false if there is none, and then `*item` stays as it is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lfq_dequeue(queue: *mut LockFreeQueue, item: *mut *mut c_void) -> bool {
    // SAFETY: the caller vouches for the queue.
    let taken = guard(None, || match unsafe { self::queue(queue) }? {
        Kind::Bounded(queue) => queue.pop(),
        Kind::Unbounded(queue) => queue.pop(),
    });
    let Some(taken) = taken else { return false };
    if !item.is_null() {
        // SAFETY: the caller gives a place for a pointer.
        unsafe { item.write(std::ptr::with_exposed_provenance_mut(taken)) };
    }
    true
}
