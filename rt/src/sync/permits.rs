//! Permits that are taken and given back: what semaphore, mutex, rwlock and bounded channels are made
//! of.
//!
//! One word holds how many permits are free and whether anybody waits; those who wait stand in a list
//! under a lock. Taking and giving back while nobody waits is one read-modify-write each.
//!
//! ```text
//!  state: │ free permits … │ WAITERS │ CLOSED │        waiters: first ⇄ … ⇄ last, each wants n
//! ```
//!
//! * **I1** WAITERS is set and cleared under the lock; outside of it, it is set iff the list is not
//!   empty.
//! * **I2** While WAITERS is set nobody takes permits but for the first in the list: first come, first
//!   served, and who wants many is not overtaken for ever by those who want one.
//! * **I3** A waiter that was granted its permits and is dropped gives them back.
//!
//! Accepted: permits stay unused while the first waiter wants more than there are.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::waiters::{List, Waiter, WakeList};
use crate::atomic::{AtomicUsize, Mutex, MutexGuard, Ordering};
use crate::task::coop;

const CLOSED: usize = 1;
const WAITERS: usize = 2;
const SHIFT: u32 = 2;

/// Most permits there can be.
pub(crate) const MAX: usize = usize::MAX >> 3;

/// What a waiter wants, and whether it has got it.
pub(crate) struct Want {
    n: usize,
    granted: bool,
}

/// Why permits were not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There are not enough, or others wait for them.
    Busy,
    /// No more are given.
    Closed,
}

/// See the module.
pub(crate) struct Permits {
    state: AtomicUsize,
    waiters: Mutex<List<Want>>,
}

impl fmt::Debug for Permits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} free", self.n_free())
    }
}

impl Permits {
    maybe_const! {
        /// `n` free permits, at most [`MAX`].
        pub(crate) fn new(n: usize) -> Self {
            assert!(n <= MAX, "more permits than a semaphore can count");
            Permits { state: AtomicUsize::new(n << SHIFT), waiters: Mutex::new(List::new()) }
        }
    }

    /// Permits that can be had now.
    pub(crate) fn n_free(&self) -> usize {
        // SeqCst: the end of a closed channel relies on it (see `mpsc`).
        let state = self.state.load(Ordering::SeqCst);
        if state & WAITERS == 0 { state >> SHIFT } else { 0 }
    }

    pub(crate) fn is_closed(&self) -> bool {
        // SeqCst: pairs with `close`; see `mpsc`.
        self.state.load(Ordering::SeqCst) & CLOSED != 0
    }

    /// Takes `n` permits without waiting.
    #[inline]
    pub(crate) fn try_acquire(&self, n: usize) -> Result<(), Refused> {
        // Relaxed: the exchange decides.
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            if state & CLOSED != 0 {
                return Err(Refused::Closed);
            }
            if state & WAITERS != 0 || state >> SHIFT < n {
                return Err(Refused::Busy);
            }
            // Acquire: pairs with `release`: what the one before did with the permits is seen.
            match self.state.compare_exchange_weak(
                state,
                state - (n << SHIFT),
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(()),
                Err(now) => state = now,
            }
        }
    }

    /// Takes `n` permits if that can be done at once and the task has budget left.
    #[inline]
    pub(crate) fn take_at_once(&self, n: usize) -> bool {
        coop::try_spend() && self.try_acquire(n).is_ok()
    }

    /// Takes `n` permits, waiting for them and for the task's budget. [`take_permits!`] asks
    /// [`Permits::take_at_once`] before.
    pub(crate) fn take(&self, n: usize) -> Acquire<'_> {
        self.wait_for(n, false)
    }

    /// Takes `n` permits, waiting for them, at no cost to the budget.
    pub(crate) fn acquire(&self, n: usize) -> Acquire<'_> {
        self.wait_for(n, true)
    }

    fn wait_for(&self, n: usize, has_spent: bool) -> Acquire<'_> {
        let waiter = Waiter::new(Want { n, granted: false });
        Acquire { permits: self, queued: false, has_spent, n, waiter }
    }

    /// Gives `n` permits (back).
    ///
    /// # Panics
    ///
    /// If there were more than [`MAX`] then.
    #[inline]
    pub(crate) fn release(&self, n: usize) {
        // Release: pairs with the taking. SeqCst: the end of a closed channel relies on it.
        let old = self.state.fetch_add(n << SHIFT, Ordering::SeqCst);
        if old & WAITERS != 0 || (old >> SHIFT) + n > MAX {
            self.release_slow(old, n);
        }
    }

    #[cold]
    fn release_slow(&self, old: usize, n: usize) {
        assert!((old >> SHIFT) + n <= MAX, "more permits than a semaphore can count");
        self.grant(self.waiters.lock());
    }

    /// Takes up to `n` free permits away for good; how many.
    pub(crate) fn forget(&self, n: usize) -> usize {
        // Relaxed: the exchange decides.
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            let taken = (state >> SHIFT).min(n);
            // AcqRel: as taking.
            match self.state.compare_exchange_weak(
                state,
                state - (taken << SHIFT),
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return taken,
                Err(now) => state = now,
            }
        }
    }

    /// Gives no more permits: who waits and who comes is told so.
    pub(crate) fn close(&self) {
        let mut wakers = WakeList::new();
        let mut waiters = self.waiters.lock();
        // SeqCst: pairs with `is_closed`.
        self.state.fetch_or(CLOSED, Ordering::SeqCst);
        while !waiters.is_empty() {
            while !wakers.is_full()
                && let Some(waiter) = waiters.pop_front()
            {
                wakers.push(waiter.waker.take());
            }
            if wakers.is_full() {
                drop(waiters);
                wakers.wake_all();
                waiters = self.waiters.lock();
            }
        }
        // AcqRel: under the lock (I1).
        self.state.fetch_and(!WAITERS, Ordering::AcqRel);
        drop(waiters);
        wakers.wake_all();
    }

    /// Takes `n` permits for the first waiter, if they are there. Under the lock.
    fn take_for_first(&self, n: usize) -> bool {
        // Relaxed: the exchange decides.
        let mut state = self.state.load(Ordering::Relaxed);
        while state >> SHIFT >= n {
            // Acquire: pairs with `release`; the waiter sees it through the lock.
            match self.state.compare_exchange_weak(
                state,
                state - (n << SHIFT),
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => state = now,
            }
        }
        false
    }

    /// Serves waiters in order while there are permits, and wakes them outside of the lock.
    fn grant<'a>(&'a self, mut waiters: MutexGuard<'a, List<Want>>) {
        let mut wakers = WakeList::new();
        while let Some(first) = waiters.front() {
            if wakers.is_full() {
                drop(waiters);
                wakers.wake_all();
                waiters = self.waiters.lock();
                continue;
            }
            if !self.take_for_first(first.data.n) {
                break;
            }
            first.data.granted = true;
            wakers.push(first.waker.take());
            waiters.pop_front();
        }
        if waiters.is_empty() {
            // AcqRel: under the lock (I1).
            self.state.fetch_and(!WAITERS, Ordering::AcqRel);
        }
        drop(waiters);
        wakers.wake_all();
    }

    /// Under the lock: takes `n` permits, or says that somebody waits from now on (I1).
    fn acquire_or_wait(&self, n: usize) -> Result<(), Refused> {
        loop {
            match self.try_acquire(n) {
                Err(Refused::Busy) => {}
                done => return done,
            }
            // Relaxed: the exchange decides.
            let state = self.state.load(Ordering::Relaxed);
            if state & CLOSED != 0 || (state & WAITERS == 0 && state >> SHIFT >= n) {
                continue;
            }
            // AcqRel: under the lock (I1).
            let exchanged = self.state.compare_exchange(
                state,
                state | WAITERS,
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
            if exchanged.is_ok() {
                return Err(Refused::Busy);
            }
        }
    }
}

/// Takes permits in an async function: with a future only where there are none at once, which costs as much
/// as the rest. Not itself a function, for each async function inside another keeps its arguments twice.
macro_rules! take_permits {
    ($permits:expr, $n:expr) => {
        if $permits.take_at_once($n) { Ok(()) } else { $permits.take($n).await }
    };
}
pub(crate) use take_permits;

/// [`take_permits!`] of a lock, which is never closed.
macro_rules! lock_permits {
    ($permits:expr, $n:expr) => {
        let taken = $crate::sync::permits::take_permits!($permits, $n);
        debug_assert_ne!(
            taken,
            Err($crate::sync::permits::Refused::Closed),
            "a lock is never closed"
        );
    };
}
pub(crate) use lock_permits;

/// See [`Permits::take`]. Dropped before it is ready it has taken nothing.
pub(crate) struct Acquire<'a> {
    permits: &'a Permits,
    /// A unit of the task's budget was spent, or none is to be.
    has_spent: bool,
    /// The node was entered and nobody has looked since how it fared.
    queued: bool,
    n: usize,
    waiter: Waiter<Want>,
}

impl Future for Acquire<'_> {
    type Output = Result<(), Refused>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: nothing is moved out of it.
        let this = unsafe { self.get_unchecked_mut() };
        if !this.has_spent {
            ready!(coop::spend(cx));
            this.has_spent = true;
        }
        if !this.queued {
            match this.permits.try_acquire(this.n) {
                Err(Refused::Busy) => {}
                done => return Poll::Ready(done),
            }
        }
        let mut waiters = this.permits.waiters.lock();
        let at = this.waiter.node();
        // SAFETY: it lives as long as this future, and the lock is held.
        let node = unsafe { waiters.get(at) };
        if !this.queued {
            match this.permits.acquire_or_wait(this.n) {
                Err(Refused::Busy) => {}
                done => return Poll::Ready(done),
            }
            node.waker = Some(cx.waker().clone());
            // SAFETY: the future is pinned, and takes the node out before it goes.
            unsafe { waiters.push_back(at) };
            this.queued = true;
            return Poll::Pending;
        }
        if node.is_linked() {
            let old = node.renew(cx.waker());
            drop(waiters);
            drop(old);
            return Poll::Pending;
        }
        this.queued = false;
        Poll::Ready(if node.data.granted { Ok(()) } else { Err(Refused::Closed) })
    }
}

impl Drop for Acquire<'_> {
    fn drop(&mut self) {
        if !self.queued {
            return;
        }
        let at = self.waiter.node();
        let mut waiters = self.permits.waiters.lock();
        // SAFETY: it was entered into this list and lives.
        let was_linked = unsafe { waiters.remove(at) };
        // SAFETY: it lives, and the lock is held.
        let node = unsafe { waiters.get(at) };
        let waker = node.waker.take();
        if was_linked {
            // Whoever is first now may want less than this one did.
            self.permits.grant(waiters);
        } else if node.data.granted {
            drop(waiters);
            self.permits.release(self.n); // I3
        } else {
            drop(waiters);
        }
        drop(waker); // outside of the lock: it may free a task
    }
}
