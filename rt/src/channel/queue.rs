//! An unbounded queue of many producers and one consumer, in blocks.
//!
//! ```text
//!  tail: index │ CLOSED, block ──────────────┐           head: position, block (consumer's)
//!                                            ▼             │
//!   block ◄───────────── next ── … ── next ─ block         │
//!   [slot 0 … slot 30] ◄───────────────────────────────────┘
//!    each a flag (ready) and a value
//! ```
//!
//! A position counts slots; every [`LAP`]th one has no slot: while the tail stands there, whoever took
//! the last slot puts the next block in place. A producer takes a position by one exchange, writes the
//! value and says that it is ready. The consumer reads in order and shares nothing but the slots. Used
//! blocks go back to the producers ([`SPARES`] at most), so that a steady stream allocates nothing.
//!
//! * **I1** A slot belongs to the producer that took its position until it is ready, then to the
//!   consumer.
//! * **I2** The producer of a block's last slot has linked the next block before that slot is ready, and
//!   then touches the block no more: a block whose last slot was read is the consumer's alone.
//! * **I3** Once CLOSED is set no position is taken; all that were taken before become ready.
//! * **I4** Only a producer that holds a position uses the block it read before taking it: a block is
//!   put in place before the index says so, and the index never goes back.
//!
//! Accepted: between taking its position and saying ready a producer holds the consumer up
//! ([`Pop::Busy`]). What stands between is a move, and once per block an allocation.
//!
//! Source: the list flavour of crossbeam-channel, whose consumer side is made for many.

use std::fmt;
use std::mem::MaybeUninit;
use std::ptr::null_mut;

use crossbeam_utils::{Backoff, CachePadded};

use crate::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering, UnsafeCell, yield_thread};

/// Positions of a block; the last has no slot.
const LAP: usize = if cfg!(loom) { 3 } else { 32 };
/// Slots of a block.
const BLOCK: usize = LAP - 1;
/// Used blocks that are kept.
const SPARES: usize = if cfg!(loom) { 1 } else { 4 };

/// Flag of the index. Positions are above it.
const CLOSED: usize = 1;
const ONE: usize = 2;

/// Flags and values apart: a value of eight bytes takes nine, not sixteen.
struct Block<T> {
    next: AtomicPtr<Block<T>>,
    ready: [AtomicBool; BLOCK],
    values: [UnsafeCell<MaybeUninit<T>>; BLOCK],
}

/// A block without values, made where it stays: with large values it does not fit on a stack.
fn new_block<T>() -> *mut Block<T> {
    let block = Box::into_raw(Box::<Block<T>>::new_uninit()).cast::<Block<T>>();
    // SAFETY: allocated above; the place is inside.
    let next = unsafe { &raw mut (*block).next };
    // SAFETY: as above; nothing is there to be dropped.
    unsafe { next.write(AtomicPtr::new(null_mut())) };
    for n in 0..BLOCK {
        // SAFETY: as above.
        let ready = unsafe { &raw mut (*block).ready[n] };
        // SAFETY: as above.
        unsafe { ready.write(AtomicBool::new(false)) };
        // SAFETY: as above.
        let value = unsafe { &raw mut (*block).values[n] };
        init_value(value);
    }
    block
}

/// Makes the cell of a value. Without loom it is bytes that need no making.
#[cfg(not(loom))]
fn init_value<T>(_place: *mut UnsafeCell<MaybeUninit<T>>) {}

#[cfg(loom)]
fn init_value<T>(place: *mut UnsafeCell<MaybeUninit<T>>) {
    // SAFETY: the caller has just allocated the place.
    unsafe { place.write(UnsafeCell::new(MaybeUninit::uninit())) };
}

/// Frees a block that was made by [`new_block`].
///
/// # Safety
///
/// Nobody else uses it.
unsafe fn free_block<T>(block: *mut Block<T>) {
    // SAFETY: made from a box; the caller vouches for the rest.
    drop(unsafe { Box::from_raw(block) });
}

struct Tail<T> {
    index: AtomicUsize,
    block: AtomicPtr<Block<T>>,
}

struct Head<T> {
    /// Written by the consumer only.
    position: AtomicUsize,
    block: UnsafeCell<*mut Block<T>>,
}

/// See the module.
pub(crate) struct Queue<T> {
    tail: CachePadded<Tail<T>>,
    head: CachePadded<Head<T>>,
    spares: [AtomicPtr<Block<T>>; SPARES],
}

// SAFETY: values go from one thread to another; the rest is atomic, or the consumer's.
unsafe impl<T: Send> Send for Queue<T> {}
// SAFETY: as above; `pop` says that it has one caller at a time.
unsafe impl<T: Send> Sync for Queue<T> {}

/// What the consumer found.
#[derive(Debug)]
pub(crate) enum Pop<T> {
    Value(T),
    /// Nothing was sent.
    Empty,
    /// A producer has its place and has not written yet.
    Busy,
    /// Nothing is left, and nothing will come.
    Closed,
}

/// A place in a count of positions, those without a slot counted with the next.
fn place(position: usize) -> usize {
    if position % LAP == BLOCK { position + 1 } else { position }
}

/// Number of slots before a position.
fn n_slots(position: usize) -> usize {
    let position = place(position);
    position / LAP * BLOCK + position % LAP
}

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        let block = new_block();
        Queue {
            tail: CachePadded::new(Tail {
                index: AtomicUsize::new(0),
                block: AtomicPtr::new(block),
            }),
            head: CachePadded::new(Head {
                position: AtomicUsize::new(0),
                block: UnsafeCell::new(block),
            }),
            spares: std::array::from_fn(|_| AtomicPtr::new(null_mut())),
        }
    }

    /// A block without values, the caller's: a used one, or a new one.
    fn take_block(&self) -> *mut Block<T> {
        for spare in &self.spares {
            // Relaxed: only to see whether the exchange is worth it.
            if !spare.load(Ordering::Relaxed).is_null() {
                // Acquire: pairs with `give_block`.
                let block = spare.swap(null_mut(), Ordering::Acquire);
                if !block.is_null() {
                    return block;
                }
            }
        }
        new_block()
    }

    /// Keeps a block that has no values, or frees it.
    ///
    /// # Safety
    ///
    /// The block is the caller's.
    unsafe fn give_block(&self, block: *mut Block<T>) {
        for spare in &self.spares {
            // Release: pairs with `take_block`.
            let kept =
                spare.compare_exchange(null_mut(), block, Ordering::Release, Ordering::Relaxed);
            if kept.is_ok() {
                return;
            }
        }
        // SAFETY: the caller's, and not kept.
        unsafe { free_block(block) };
    }

    /// Appends a value.
    ///
    /// # Errors
    ///
    /// The value, if the queue is closed.
    #[inline]
    pub(crate) fn push(&self, value: T) -> Result<(), T> {
        // The block behind this one, if the value goes to the last slot.
        let mut next: *mut Block<T> = null_mut();
        // Acquire, here and below: the block read afterwards is at least as new (I4).
        let mut index = self.tail.index.load(Ordering::Acquire);
        let mut block = self.tail.block.load(Ordering::Acquire);
        let taken = loop {
            if index & CLOSED != 0 {
                break None;
            }
            let offset = index / ONE % LAP;
            if offset == BLOCK {
                self.wait_for_block();
                index = self.tail.index.load(Ordering::Acquire);
                block = self.tail.block.load(Ordering::Acquire);
                continue;
            }
            if offset + 1 == BLOCK && next.is_null() {
                next = self.take_block();
            }
            // SeqCst: a consumer that finds the queue empty after it has said that it waits is seen
            // waiting after this (see `chan`).
            match self.tail.index.compare_exchange_weak(
                index,
                index + ONE,
                Ordering::SeqCst,
                Ordering::Acquire,
            ) {
                Ok(_) => break Some(offset),
                Err(now) => {
                    index = now;
                    block = self.tail.block.load(Ordering::Acquire);
                }
            }
        };
        let is_last = taken.is_some_and(|offset| offset + 1 == BLOCK);
        if !is_last && !next.is_null() {
            // SAFETY: taken above, and not used.
            unsafe { self.give_block(next) };
        }
        let Some(offset) = taken else { return Err(value) };
        // SAFETY: the position is ours and not yet ready, so the block is in place (I2, I4).
        let block = unsafe { &*block };
        if is_last {
            self.link(block, next);
        }
        // SAFETY: the slot is ours until it is ready (I1).
        block.values[offset].with_mut(|place| unsafe { place.cast::<T>().write(value) });
        // Release: pairs with `pop`.
        block.ready[offset].store(true, Ordering::Release);
        Ok(())
    }

    #[cold]
    fn wait_for_block(&self) {
        let backoff = Backoff::new();
        // Acquire: pairs with `link`.
        while self.tail.index.load(Ordering::Acquire) / ONE % LAP == BLOCK {
            if cfg!(loom) || backoff.is_completed() {
                yield_thread();
            } else {
                backoff.snooze();
            }
        }
    }

    /// Puts the next block in place. The caller has the last slot of `block`.
    fn link(&self, block: &Block<T>, next: *mut Block<T>) {
        // Release: pairs with the loads in `push`.
        self.tail.block.store(next, Ordering::Release);
        // Release: as above; CLOSED may have been set meanwhile.
        self.tail.index.fetch_add(ONE, Ordering::Release);
        // Release: pairs with `pop`, which has seen the last slot ready (I2).
        block.next.store(next, Ordering::Release);
    }

    /// Takes the first value.
    ///
    /// # Safety
    ///
    /// One caller at a time, and each sees what the one before did.
    #[inline]
    pub(crate) unsafe fn pop(&self) -> Pop<T> {
        // Relaxed: written by us only.
        let position = self.head.position.load(Ordering::Relaxed);
        // SAFETY: the consumer's, and the caller is it.
        let at = self.head.block.with(|block| unsafe { *block });
        // SAFETY: the head's block lives until its last slot was read (I2).
        let block = unsafe { &*at };
        let offset = position % LAP;
        // Acquire: pairs with `push`.
        if !block.ready[offset].load(Ordering::Acquire) {
            // SeqCst: pairs with the exchange in `push` (see `chan`).
            let index = self.tail.index.load(Ordering::SeqCst);
            return if place(index / ONE) != position {
                Pop::Busy
            } else if index & CLOSED != 0 {
                Pop::Closed
            } else {
                Pop::Empty
            };
        }
        // SAFETY: it is ready, so it was written and is ours (I1); it is read once: the head moves on.
        let value = block.values[offset].with(|value| unsafe { value.cast::<T>().read() });
        if offset + 1 == BLOCK {
            self.leave_block(at);
        }
        // Relaxed: for `len` only.
        self.head.position.store(place(position + 1), Ordering::Relaxed);
        Pop::Value(value)
    }

    /// Moves the head to the next block; the one before is kept for the producers.
    fn leave_block(&self, at: *mut Block<T>) {
        // SAFETY: its last slot was read: it is ours (I2).
        let used = unsafe { &mut *at };
        // Acquire: pairs with `link`.
        let next = used.next.swap(null_mut(), Ordering::Acquire);
        debug_assert!(
            !next.is_null(),
            "I2: the next block is linked before the last slot is ready"
        );
        // SAFETY: the consumer's, and the caller is it.
        self.head.block.with_mut(|block| unsafe { *block = next });
        for ready in &mut used.ready {
            *ready = AtomicBool::new(false);
        }
        // SAFETY: as above.
        unsafe { self.give_block(at) };
    }

    /// Takes no more values in; false if that was so before.
    pub(crate) fn close(&self) -> bool {
        // SeqCst: pairs with `pop` and `is_closed` (see `chan`).
        self.tail.index.fetch_or(CLOSED, Ordering::SeqCst) & CLOSED == 0
    }

    pub(crate) fn is_closed(&self) -> bool {
        // SeqCst: pairs with `close`.
        self.tail.index.load(Ordering::SeqCst) & CLOSED != 0
    }

    /// Number of values that were sent and not received.
    pub(crate) fn len(&self) -> usize {
        // Head first, so that a value that comes and goes meanwhile does not make it negative.
        // SeqCst: what the caller itself has sent is counted.
        let head = self.head.position.load(Ordering::SeqCst);
        let tail = self.tail.index.load(Ordering::SeqCst) / ONE;
        n_slots(tail).saturating_sub(n_slots(head))
    }
}

impl<T> Drop for Queue<T> {
    fn drop(&mut self) {
        // SAFETY: nobody else is left.
        while let Pop::Value(value) = unsafe { self.pop() } {
            drop(value);
        }
        // SAFETY: the consumer's, and it is gone.
        let last = self.head.block.with(|block| unsafe { *block });
        // SAFETY: nobody else is left.
        unsafe { free_block(last) };
        for spare in &self.spares {
            // Relaxed: nobody else is left.
            let spare = spare.load(Ordering::Relaxed);
            if !spare.is_null() {
                // SAFETY: kept by `give_block`; nobody else is left.
                unsafe { free_block(spare) };
            }
        }
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} waiting", self.len())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn take<T>(queue: &Queue<T>) -> Option<T> {
        loop {
            // SAFETY: the tests have one consumer.
            match unsafe { queue.pop() } {
                Pop::Value(value) => return Some(value),
                Pop::Busy => std::thread::yield_now(),
                Pop::Empty | Pop::Closed => return None,
            }
        }
    }

    #[test]
    fn values_come_in_order_over_many_blocks() {
        let queue = Queue::new();
        let (mut sent, mut received) = (0usize, 0);
        for burst in [1, 30, 31, 32, 200, 3, 62] {
            for _ in 0..burst {
                queue.push(sent).unwrap();
                sent += 1;
            }
            assert_eq!(queue.len(), sent - received);
            for _ in 0..burst {
                assert_eq!(take(&queue), Some(received));
                received += 1;
            }
            assert_eq!((queue.len(), take(&queue)), (0, None));
        }
    }

    #[test]
    fn closed_it_gives_what_was_sent_and_takes_no_more() {
        for n in [0, 1, 30, 31, 32, 100] {
            let queue = Queue::new();
            (0..n).for_each(|k| queue.push(k).unwrap());
            assert!(queue.close() && !queue.close());
            assert_eq!(queue.push(n), Err(n));
            (0..n).for_each(|k| assert_eq!(take(&queue), Some(k)));
            // SAFETY: the tests have one consumer.
            assert!(matches!(unsafe { queue.pop() }, Pop::Closed));
        }
    }

    #[test]
    fn values_left_are_dropped_once() {
        let value = Arc::new(());
        for (n_sent, n_received) in [(0, 0), (1, 0), (31, 31), (31, 5), (100, 40), (100, 100)] {
            let queue = Queue::new();
            (0..n_sent).for_each(|_| queue.push(value.clone()).unwrap());
            (0..n_received).for_each(|_| drop(take(&queue)));
            drop(queue);
            assert_eq!(Arc::strong_count(&value), 1);
        }
    }

    #[test]
    fn producers_on_threads_lose_nothing_and_keep_their_order() {
        const N: usize = if cfg!(miri) { 100 } else { 20_000 };
        let queue = Arc::new(Queue::new());
        let producers: Vec<_> = (0..3)
            .map(|producer| {
                let queue = queue.clone();
                std::thread::spawn(move || {
                    (0..N).for_each(|n| queue.push((producer, n)).unwrap());
                })
            })
            .collect();
        let mut next = [0; 3];
        while next != [N; 3] {
            if let Some((producer, n)) = take(&queue) {
                assert_eq!(next[producer], n);
                next[producer] += 1;
            }
        }
        producers.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(queue.len(), 0);
    }
}
