//! The arena of a task: frames of recursive callees and boxed futures.
//!
//! Small blocks are carved from chunks that grow from 1 KiB to 256 KiB and go back to free lists by
//! size class, out of order if need be; large or over-aligned blocks come from the allocator one by
//! one. All memory goes back when the task ends. A task that never asks has no arena: 8 bytes.
//!
//! Accepted: chunks are not returned before the task ends, and blocks of one class are not merged
//! into another.

use std::alloc::{Layout, alloc, dealloc};
use std::collections::BTreeMap;
use std::ptr::{NonNull, null_mut};

/// Alignment of every block and granularity of the small classes.
const GRAIN: usize = 16;
/// Largest block that is carved from a chunk.
const MAX_SMALL: usize = 4096;
const FIRST_CHUNK: usize = 1 << 10;
const LAST_CHUNK: usize = 1 << 18;
/// Most that one task may hold: endless recursion ends there, and not the machine's memory.
const MAX_HELD: usize = 1 << 30;

/// Free lists and chunks, made at the first allocation.
#[derive(Debug, Default)]
pub(crate) struct Arena(Option<Box<Inner>>);

#[derive(Debug)]
struct Inner {
    /// Heads of the free lists; class `k` has blocks of `(k + 1) * GRAIN` bytes. A free block's
    /// first word leads to the next.
    free: [*mut u8; MAX_SMALL / GRAIN],
    /// What is left of the newest chunk.
    at: *mut u8,
    left: usize,
    chunks: Vec<(NonNull<u8>, Layout)>,
    /// Blocks from the allocator, by address (never listed, so their order does not show).
    large: BTreeMap<usize, Layout>,
    /// Bytes of all chunks and large blocks.
    held: usize,
}

fn round_up(n: usize, to: usize) -> Option<usize> {
    Some(n.checked_add(to - 1)? & !(to - 1))
}

impl Arena {
    /// Memory for `bytes` at `align` (a power of two); null if there is none.
    pub(crate) fn alloc(&mut self, bytes: usize, align: usize) -> *mut u8 {
        let Some(bytes) = round_up(bytes.max(1), GRAIN) else { return null_mut() };
        let inner = self.0.get_or_insert_with(|| Box::new(Inner::new()));
        if bytes > MAX_SMALL || align > GRAIN {
            return inner.alloc_large(bytes, align.max(GRAIN));
        }
        let class = bytes / GRAIN - 1;
        let head = inner.free[class];
        if head.is_null() {
            return inner.carve(bytes);
        }
        // SAFETY: a free block's first word is the next free block.
        inner.free[class] = unsafe { head.cast::<*mut u8>().read() };
        head
    }

    /// Takes back a block.
    ///
    /// # Safety
    ///
    /// `block` came from `alloc(bytes, align)` of this arena and is not used any more.
    pub(crate) unsafe fn free(&mut self, block: *mut u8, bytes: usize, align: usize) {
        let Some(inner) = &mut self.0 else { return };
        let Some(bytes) = round_up(bytes.max(1), GRAIN) else { return };
        if bytes > MAX_SMALL || align > GRAIN {
            if let Some(layout) = inner.large.remove(&(block as usize)) {
                inner.held -= layout.size();
                // SAFETY: `large` says that the block came from the allocator with this layout.
                unsafe { dealloc(block, layout) };
            }
            return;
        }
        let class = bytes / GRAIN - 1;
        // SAFETY: the block is ours again and has at least 16 bytes.
        unsafe { block.cast::<*mut u8>().write(inner.free[class]) };
        inner.free[class] = block;
    }
}

impl Inner {
    fn new() -> Self {
        Inner {
            free: [null_mut(); MAX_SMALL / GRAIN],
            at: null_mut(),
            left: 0,
            chunks: Vec::new(),
            large: BTreeMap::new(),
            held: 0,
        }
    }

    fn alloc_large(&mut self, bytes: usize, align: usize) -> *mut u8 {
        let Ok(layout) = Layout::from_size_align(bytes, align) else { return null_mut() };
        if bytes > MAX_HELD - self.held {
            return null_mut();
        }
        // SAFETY: the layout is not empty.
        let block = unsafe { alloc(layout) };
        if !block.is_null() {
            self.held += bytes;
            self.large.insert(block as usize, layout);
        }
        block
    }

    fn carve(&mut self, bytes: usize) -> *mut u8 {
        if self.left < bytes {
            let grown = FIRST_CHUNK << self.chunks.len().min(8);
            let size = grown.clamp(bytes, LAST_CHUNK);
            let Ok(layout) = Layout::from_size_align(size, GRAIN) else { return null_mut() };
            if size > MAX_HELD - self.held {
                return null_mut();
            }
            // SAFETY: the layout is not empty.
            let Some(chunk) = NonNull::new(unsafe { alloc(layout) }) else { return null_mut() };
            self.held += size;
            self.chunks.push((chunk, layout));
            (self.at, self.left) = (chunk.as_ptr(), size);
        }
        let block = self.at;
        // SAFETY: the chunk has at least `bytes` left.
        self.at = unsafe { block.add(bytes) };
        self.left -= bytes;
        block
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        for &(chunk, layout) in &self.chunks {
            // SAFETY: came from the allocator with this layout; no block of it is used any more.
            unsafe { dealloc(chunk.as_ptr(), layout) };
        }
        for (&block, &layout) in &self.large {
            // SAFETY: as above; the address was a pointer from the allocator.
            unsafe { dealloc(std::ptr::with_exposed_provenance_mut(block), layout) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_do_not_overlap_and_are_reused() {
        let mut arena = Arena::default();
        let sizes = [1, 16, 17, 100, 500, 4096, 5000];
        let mut blocks = Vec::new();
        for round in 0..50 {
            for &size in &sizes {
                let block = arena.alloc(size, 16);
                assert!(!block.is_null() && (block as usize).is_multiple_of(16));
                // SAFETY: the block has `size` bytes.
                unsafe { block.write_bytes(round, size) };
                blocks.push((block, size, round));
            }
        }
        for &(block, size, round) in &blocks {
            // SAFETY: the block has `size` bytes.
            let last = unsafe { block.add(size - 1) };
            // SAFETY: written above.
            assert_eq!(unsafe { *last }, round);
        }
        let n_chunks = arena.0.as_ref().unwrap().chunks.len();
        for (block, size, _) in blocks.drain(..).rev() {
            // SAFETY: allocated above with these arguments.
            unsafe { arena.free(block, size, 16) };
        }
        for &size in sizes.iter().cycle().take(350) {
            blocks.push((arena.alloc(size, 16), size, 0));
        }
        let inner = arena.0.as_ref().unwrap();
        assert_eq!(inner.chunks.len(), n_chunks, "all came from free lists");
        assert_eq!(inner.large.len(), 50);
    }

    #[test]
    fn a_task_cannot_take_all_memory() {
        let mut arena = Arena::default();
        assert!(arena.alloc(MAX_HELD + 1, 16).is_null());
        let block = arena.alloc(MAX_HELD - LAST_CHUNK, 16);
        assert!(!block.is_null());
        assert!(arena.alloc(2 * LAST_CHUNK, 16).is_null());
        assert!(!arena.alloc(16, 16).is_null());
        // SAFETY: allocated above with these arguments.
        unsafe { arena.free(block, MAX_HELD - LAST_CHUNK, 16) };
        assert!(!arena.alloc(2 * LAST_CHUNK, 16).is_null());
    }

    #[test]
    fn over_aligned_blocks_are_aligned() {
        let mut arena = Arena::default();
        let block = arena.alloc(40, 128);
        assert_eq!(block as usize % 128, 0);
        // SAFETY: allocated above with these arguments.
        unsafe { arena.free(block, 40, 128) };
        assert!(arena.alloc(usize::MAX - 3, 16).is_null());
        assert!(arena.alloc(1 << 62, 16).is_null());
    }
}
