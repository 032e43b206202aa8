//! The queue of one worker: a ring that its owner pushes to and takes from, and others take halves of.
//!
//! ```text
//!        head ─► oldest …… newest ◄─ tail            both only grow; slot = index mod 256
//!        moved by whoever takes      moved by the owner of the ring
//! ```
//!
//! * **I1** Only the owner writes slots and `tail`. It writes a slot only if `head` has passed it.
//! * **I2** Whoever moves `head` (by an exchange) owns what it passed. Thieves read the slots before the
//!   exchange: if it fails they read nothing; if it succeeds no slot between was written, by I1.
//! * **I3** A ring whose owner is `alone` has no thieves, and moves `head` by a plain store.
//!
//! Indices are 32 bits and wrap: a thief that sleeps while exactly 2³² tasks pass would be fooled.
//! Unlike a growing deque a ring never allocates; what does not fit goes to the injector. The design
//! is that of Go's scheduler (`runtime/proc.go`, `runqput` to `runqgrab`).

use std::ptr::NonNull;

use crate::atomic::{AtomicPtr, AtomicU32, Ordering};

/// Room of a ring.
pub(crate) const ROOM: u32 = if cfg!(loom) { 4 } else { 256 };

/// See the module.
#[derive(Debug)]
pub(crate) struct Ring<T> {
    head: AtomicU32,
    tail: AtomicU32,
    alone: bool,
    slots: Box<[AtomicPtr<T>; ROOM as usize]>,
}

impl<T> Ring<T> {
    pub(crate) fn new(alone: bool) -> Self {
        let slots = Box::new(std::array::from_fn(|_| AtomicPtr::new(std::ptr::null_mut())));
        Ring { head: AtomicU32::new(0), tail: AtomicU32::new(0), alone, slots }
    }

    fn slot(&self, index: u32) -> &AtomicPtr<T> {
        &self.slots[(index % ROOM) as usize]
    }

    /// Number of tasks (a guess as soon as it is made, but for the owner at most too large).
    pub(crate) fn len(&self) -> u32 {
        // Acquire, in this order: `head` is never ahead of the `tail` that is read after it.
        let head = self.head.load(Ordering::Acquire);
        self.tail.load(Ordering::Acquire).wrapping_sub(head)
    }

    /// Owner: adds a task behind the others; gives it back if there is no room.
    pub(crate) fn push(&self, task: NonNull<T>) -> Result<(), NonNull<T>> {
        // Acquire: pairs with the exchange of thieves: they have read the slot (I1).
        let head = self.head.load(Ordering::Acquire);
        // Relaxed: only the owner writes it.
        let tail = self.tail.load(Ordering::Relaxed);
        if tail.wrapping_sub(head) >= ROOM {
            return Err(task);
        }
        self.slot(tail).store(task.as_ptr(), Ordering::Relaxed);
        // Release: the slot is written before.
        self.tail.store(tail.wrapping_add(1), Ordering::Release);
        Ok(())
    }

    /// Owner: takes the oldest task.
    pub(crate) fn pop(&self) -> Option<NonNull<T>> {
        // Acquire: pairs with thieves.
        let mut head = self.head.load(Ordering::Acquire);
        loop {
            // Relaxed: only the owner writes it.
            if head == self.tail.load(Ordering::Relaxed) {
                return None;
            }
            let task = NonNull::new(self.slot(head).load(Ordering::Relaxed));
            let next = head.wrapping_add(1);
            if self.alone {
                // Release: for whoever counts.
                self.head.store(next, Ordering::Release);
                return task;
            }
            // Release: the slot was read before it may be written again.
            match self.head.compare_exchange(head, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return task,
                Err(now) => head = now,
            }
        }
    }

    /// Thief: moves half of the tasks, rounded up but at most `most`, to the thief's own ring, which
    /// has room for them; the first of them is answered instead.
    pub(crate) fn steal_into(&self, own: &Ring<T>, most: u32) -> Option<NonNull<T>> {
        loop {
            // Acquire, in this order: see `len`.
            let head = self.head.load(Ordering::Acquire);
            let len = self.tail.load(Ordering::Acquire).wrapping_sub(head);
            if len == 0 {
                return None;
            }
            let n = (len - len / 2).min(most);
            if len > ROOM {
                continue; // the head moved between the two looks
            }
            // Relaxed: the thief owns its ring.
            let tail = own.tail.load(Ordering::Relaxed);
            let first = self.slot(head).load(Ordering::Relaxed);
            for k in 1..n {
                let task = self.slot(head.wrapping_add(k)).load(Ordering::Relaxed);
                own.slot(tail.wrapping_add(k - 1)).store(task, Ordering::Relaxed);
            }
            // Release: the slots were read before they may be written again. Acquire: the tasks'
            // memory is seen.
            if self
                .head
                .compare_exchange(head, head.wrapping_add(n), Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
            {
                // Release: as `push`.
                own.tail.store(tail.wrapping_add(n - 1), Ordering::Release);
                return NonNull::new(first);
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn task(n: usize) -> NonNull<u64> {
        NonNull::new(std::ptr::without_provenance_mut(8 * (n + 1))).unwrap()
    }

    #[test]
    fn oldest_first_until_there_is_no_room() {
        for alone in [false, true] {
            let ring = Ring::new(alone);
            for round in 0..3 {
                for n in 0..ROOM as usize {
                    ring.push(task(n)).unwrap();
                }
                assert_eq!(ring.push(task(9999)), Err(task(9999)), "round {round}");
                for n in 0..ROOM as usize {
                    assert_eq!(ring.pop(), Some(task(n)));
                }
                assert_eq!((ring.pop(), ring.len()), (None, 0));
            }
        }
    }

    #[test]
    fn thief_takes_the_older_half() {
        let (ring, own) = (Ring::new(false), Ring::new(false));
        for n in 0..5 {
            ring.push(task(n)).unwrap();
        }
        assert_eq!(ring.steal_into(&own, 128), Some(task(0)));
        assert_eq!([own.pop(), own.pop(), own.pop()], [Some(task(1)), Some(task(2)), None]);
        assert_eq!(ring.steal_into(&own, 1), Some(task(3)));
        assert_eq!((own.len(), ring.pop()), (0, Some(task(4))));
    }

    /// Every task is taken once, whoever takes it.
    #[test]
    fn nothing_is_lost_or_taken_twice() {
        const N: usize = 20_000;
        let ring: Ring<u64> = Ring::new(false);
        let mut seen = vec![0u8; N];
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let (ring, stop) = (&ring, &stop);
            let thieves: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(move || {
                        let (own, mut got) = (Ring::new(false), Vec::new());
                        // SeqCst: a flag of the test.
                        while !stop.load(Ordering::SeqCst) {
                            got.extend(ring.steal_into(&own, ROOM / 2));
                            got.extend(std::iter::from_fn(|| own.pop()));
                        }
                        got.into_iter().map(|t| t.as_ptr().addr()).collect::<Vec<_>>()
                    })
                })
                .collect();
            let mut mark = |address: usize| seen[address / 8 - 1] += 1;
            for n in 0..N {
                while ring.push(task(n)).is_err() {
                    ring.pop().into_iter().for_each(|t| mark(t.as_ptr().addr()));
                }
            }
            std::iter::from_fn(|| ring.pop()).for_each(|t| mark(t.as_ptr().addr()));
            stop.store(true, Ordering::SeqCst);
            for thief in thieves {
                thief.join().unwrap().into_iter().for_each(&mut mark);
            }
        });
        assert!(seen.iter().all(|&n| n == 1));
    }
}
