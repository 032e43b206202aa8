//! Timers: wakers by deadline.
//!
//! One ordered map under one lock; the clock is the environment's, in nanoseconds. A timer is never
//! early: [`Timers::fire`] takes those whose deadline is at or before `now`, and a sleeping future
//! compares the clock with its deadline again. Due timers fire in deadline order, equal deadlines in
//! the order of registration unless the environment chooses otherwise (seeded runs).
//!
//! Whoever sleeps in the poller notes until when (`parked_until`, under the same lock), so that an
//! earlier timer interrupts that sleep and a later one costs no wake-up.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;

use parking_lot::Mutex;

/// Names a registered timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimerKey {
    deadline_ns: u64,
    serial: u64,
}

#[derive(Debug, Default)]
struct Inner {
    armed: BTreeMap<TimerKey, Waker>,
    next_serial: u64,
    /// Until when the poller sleeps; 0 if nobody is in it.
    parked_until: u64,
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
        let key = TimerKey { deadline_ns, serial: inner.next_serial };
        inner.next_serial += 1;
        inner.armed.insert(key, waker.clone());
        let interrupt = deadline_ns < inner.parked_until;
        if interrupt {
            inner.parked_until = deadline_ns; // once is enough
        }
        (key, interrupt)
    }

    /// Gives an armed timer another waker; false if it has fired.
    pub(crate) fn rearm(&self, key: TimerKey, waker: &Waker) -> bool {
        let mut inner = self.inner.lock();
        let Some(armed) = inner.armed.get_mut(&key) else { return false };
        if !armed.will_wake(waker) {
            let old = std::mem::replace(armed, waker.clone());
            drop(inner);
            drop(old);
        }
        true
    }

    /// Disarms a timer.
    pub(crate) fn disarm(&self, key: TimerKey) {
        let waker = self.inner.lock().armed.remove(&key);
        self.settle(usize::from(waker.is_some()));
        drop(waker); // outside of the lock: it may free a task
    }

    /// Earliest deadline.
    pub(crate) fn next(&self) -> Option<u64> {
        self.inner.lock().armed.first_key_value().map(|(key, _)| key.deadline_ns)
    }

    /// As [`Timers::next`], noting that the poller sleeps until then.
    pub(crate) fn park(&self) -> Option<u64> {
        let mut inner = self.inner.lock();
        let next = inner.armed.first_key_value().map(|(key, _)| key.deadline_ns);
        inner.parked_until = next.unwrap_or(u64::MAX);
        next
    }

    /// The poller no longer sleeps.
    pub(crate) fn unpark(&self) {
        self.inner.lock().parked_until = 0;
    }

    /// Takes the timers that are due, in order, as (deadline, waker).
    pub(crate) fn fire(&self, now_ns: u64, due: &mut Vec<(u64, Waker)>) {
        let mut inner = self.inner.lock();
        while let Some(first) = inner.armed.first_entry() {
            if first.key().deadline_ns > now_ns {
                break;
            }
            let (key, waker) = first.remove_entry();
            due.push((key.deadline_ns, waker));
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
