//! An allocator that counts: how often, and how many bytes are out.
#![allow(clippy::undocumented_unsafe_blocks, reason = "the allocator passes its duties on")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

static N_ALLOCS: AtomicUsize = AtomicUsize::new(0);
static LIVE_BYTES: AtomicUsize = AtomicUsize::new(0);
/// Counting costs two atomic operations per allocation, which the ratios must not pay.
static ON: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, counted while [`counted`] runs.
#[derive(Debug)]
pub struct Counting;

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if ON.load(Ordering::Relaxed) > 0 {
            N_ALLOCS.fetch_add(1, Ordering::Relaxed);
            LIVE_BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        }
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if ON.load(Ordering::Relaxed) > 0 {
            LIVE_BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        }
        unsafe { System.dealloc(block, layout) };
    }
}

/// Runs `body` with counting on; how many allocations all threads made meanwhile.
pub fn counted<R>(body: impl FnOnce() -> R) -> (usize, R) {
    ON.fetch_add(1, Ordering::SeqCst);
    let before = N_ALLOCS.load(Ordering::SeqCst);
    let result = body();
    let n = N_ALLOCS.load(Ordering::SeqCst) - before;
    ON.fetch_sub(1, Ordering::SeqCst);
    (n, result)
}

/// Bytes allocated and not freed since counting was switched on (wraps below zero if more was freed).
pub fn live_bytes() -> isize {
    LIVE_BYTES.load(Ordering::SeqCst) as isize
}
