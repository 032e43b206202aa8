//! Timers: wakers by deadline.
//!
//! One indexed binary heap under one lock; the clock is the environment's, in nanoseconds. A timer
//! is never early: [`Timers::fire`] takes those whose deadline is at or before `now`, and a sleeping
//! future compares the clock with its deadline again. Due timers fire in deadline order, equal
//! deadlines in the order of registration unless the environment chooses otherwise (seeded runs).
//!
//! ```text
//! heap  [(deadline, serial, slot) …]    smallest first; children of i at 2i+1, 2i+2
//! slots [{serial, place in the heap, waker} …]  a key names a slot and the serial it was armed with
//! ```
//!
//! Whoever sleeps in the poller notes until when (`parked_until`, under the same lock), so that an
//! earlier timer interrupts that sleep and a later one costs no wake-up.
//!
//! * **I1** `slots[heap[i].slot].place == i` for every i.
//! * **I2** A key whose serial is not that of its slot has fired or was disarmed.
//!
//! Arming and disarming cost O(log n) and, once the tables have grown, no allocation.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;

use parking_lot::Mutex;
use slab::Slab;

/// Names a registered timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerKey {
    slot: usize,
    serial: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    deadline_ns: u64,
    serial: u64,
    slot: usize,
}

#[derive(Debug)]
struct Slot {
    serial: u64,
    place: usize,
    waker: Waker,
}

#[derive(Debug, Default)]
struct Inner {
    heap: Vec<Entry>,
    slots: Slab<Slot>,
    next_serial: u64,
    /// Until when the poller sleeps; 0 if nobody is in it.
    parked_until: u64,
}

impl Inner {
    fn arm(&mut self, deadline_ns: u64, waker: &Waker) -> TimerKey {
        let serial = self.next_serial;
        self.next_serial += 1;
        let place = self.heap.len();
        let slot = self.slots.insert(Slot { serial, place, waker: waker.clone() });
        self.heap.push(Entry { deadline_ns, serial, slot });
        self.rise(place);
        TimerKey { slot, serial }
    }

    fn slot(&mut self, key: TimerKey) -> Option<&mut Slot> {
        self.slots.get_mut(key.slot).filter(|slot| slot.serial == key.serial)
    }

    /// Takes the entry at `place` out; its waker.
    fn remove(&mut self, place: usize) -> Waker {
        let last = self.heap.len() - 1;
        self.swap(place, last);
        let entry = self.heap.pop().expect("I1: a place is in the heap");
        if place < last {
            self.rise(place);
            self.sink(place);
        }
        self.slots.remove(entry.slot).waker
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        for place in [a, b] {
            self.slots[self.heap[place].slot].place = place;
        }
    }

    fn rise(&mut self, mut place: usize) {
        while place > 0 && self.heap[place] < self.heap[(place - 1) / 2] {
            self.swap(place, (place - 1) / 2);
            place = (place - 1) / 2;
        }
    }

    fn sink(&mut self, mut place: usize) {
        loop {
            let children = 2 * place + 1..(2 * place + 3).min(self.heap.len());
            let Some(child) = children.min_by_key(|&c| self.heap[c]) else { return };
            if self.heap[place] < self.heap[child] {
                return;
            }
            self.swap(place, child);
            place = child;
        }
    }

    fn next(&self) -> Option<u64> {
        self.heap.first().map(|entry| entry.deadline_ns)
    }
}

/// The timers of a runtime.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    inner: Mutex<Inner>,
    /// Armed, or fired and not yet woken: see [`Timers::settle`].
    n_live: AtomicUsize,
}

impl Timers {
    /// Arms a timer. The flag says that the sleep in the poller must be interrupted.
    pub(crate) fn arm(&self, deadline_ns: u64, waker: &Waker) -> (TimerKey, bool) {
        // AcqRel: pairs with `is_idle`.
        self.n_live.fetch_add(1, Ordering::AcqRel);
        let mut inner = self.inner.lock();
        let key = inner.arm(deadline_ns, waker);
        let interrupt = deadline_ns < inner.parked_until;
        if interrupt {
            inner.parked_until = deadline_ns; // once is enough
        }
        (key, interrupt)
    }

    /// Gives an armed timer another waker; false if it has fired.
    pub(crate) fn rearm(&self, key: TimerKey, waker: &Waker) -> bool {
        let mut inner = self.inner.lock();
        let Some(slot) = inner.slot(key) else { return false };
        if !slot.waker.will_wake(waker) {
            let old = std::mem::replace(&mut slot.waker, waker.clone());
            drop(inner);
            drop(old); // outside of the lock: it may free a task
        }
        true
    }

    /// Disarms a timer.
    pub(crate) fn disarm(&self, key: TimerKey) {
        let mut inner = self.inner.lock();
        let Some(place) = inner.slot(key).map(|slot| slot.place) else { return };
        let waker = inner.remove(place);
        drop(inner);
        self.settle(1);
        drop(waker); // outside of the lock: it may free a task
    }

    /// Earliest deadline.
    pub(crate) fn next(&self) -> Option<u64> {
        self.inner.lock().next()
    }

    /// As [`Timers::next`], noting that the poller sleeps until then.
    pub(crate) fn park(&self) -> Option<u64> {
        let mut inner = self.inner.lock();
        let next = inner.next();
        inner.parked_until = next.unwrap_or(u64::MAX);
        next
    }

    /// The poller no longer sleeps.
    pub(crate) fn unpark(&self) {
        self.inner.lock().parked_until = 0;
    }

    /// Takes the timers that are due, in order, as (deadline, waker); the caller wakes them and says
    /// so ([`Timers::settle`]).
    pub(crate) fn fire(&self, now_ns: u64, due: &mut Vec<(u64, Waker)>) {
        let mut inner = self.inner.lock();
        while let Some(deadline) = inner.next().filter(|&deadline| deadline <= now_ns) {
            let waker = inner.remove(0);
            due.push((deadline, waker));
        }
    }

    /// The wakers of `n` fired timers have been called.
    pub(crate) fn settle(&self, n: usize) {
        // AcqRel: pairs with `is_idle`.
        self.n_live.fetch_sub(n, Ordering::AcqRel);
    }

    /// Whether no timer is armed or about to wake somebody.
    pub(crate) fn is_idle(&self) -> bool {
        // Acquire: pairs with the changes of the count.
        self.n_live.load(Ordering::Acquire) == 0
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::env::{Choice, Env, SeededEnv};
    use std::collections::BTreeMap;

    /// Arms, disarms and fires at random, against an ordered map.
    #[test]
    fn heap_agrees_with_an_ordered_map() {
        for seed in 0..20 {
            let env = SeededEnv::new(seed, None);
            let pick = |n| env.choose(n, Choice::Program);
            let timers = Timers::default();
            let mut armed = BTreeMap::new();
            let mut keys = Vec::new();
            let mut now = 0;
            for serial in 0..3000u64 {
                match pick(10) {
                    0..6 => {
                        let deadline = now + u64::from(pick(500));
                        let (key, _) = timers.arm(deadline, Waker::noop());
                        armed.insert((deadline, serial), key);
                        keys.push((deadline, serial, key));
                    }
                    6..9 if !keys.is_empty() => {
                        let (deadline, serial, key) = keys[pick(keys.len() as u32) as usize];
                        let known = armed.remove(&(deadline, serial)).is_some();
                        assert_eq!(timers.rearm(key, Waker::noop()), known);
                        timers.disarm(key);
                        assert!(!timers.rearm(key, Waker::noop()));
                    }
                    _ => {
                        now += u64::from(pick(100));
                        let mut due = Vec::new();
                        timers.fire(now, &mut due);
                        timers.settle(due.len());
                        let later = armed.split_off(&(now + 1, 0));
                        let expected: Vec<u64> = armed.keys().map(|k| k.0).collect();
                        assert_eq!(due.iter().map(|d| d.0).collect::<Vec<_>>(), expected);
                        armed = later;
                    }
                }
                assert_eq!(timers.next(), armed.keys().next().map(|k| k.0));
                assert_eq!(timers.is_idle(), armed.is_empty());
            }
        }
    }

    #[test]
    fn only_an_earlier_timer_interrupts_the_poller() {
        let timers = Timers::default();
        assert!(!timers.arm(50, Waker::noop()).1, "nobody sleeps");
        assert_eq!(timers.park(), Some(50));
        assert!(!timers.arm(60, Waker::noop()).1);
        assert!(timers.arm(40, Waker::noop()).1);
        assert!(!timers.arm(40, Waker::noop()).1, "once is enough");
        timers.unpark();
        assert!(!timers.arm(1, Waker::noop()).1);
    }
}
