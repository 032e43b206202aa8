//! Parking a worker: a token that is either there or not.
//!
//! [`Parker::unpark`] makes the token, [`Parker::park`] takes it, waiting for it if need be. A worker
//! waits in one of two places: on a condition variable, or in the poller, where it serves timers
//! and I/O for all. At most one worker is in the poller.
//!
//! Invariant: `unpark` before or during `park` ends that `park`; a token is never lost, several are
//! one.

use crate::atomic::{AtomicUsize, Condvar, Mutex, Ordering, wait};

const EMPTY: usize = 0;
const NOTIFIED: usize = 1;
const IN_CONDVAR: usize = 2;
const IN_POLLER: usize = 3;

/// The token of one worker.
#[derive(Debug)]
pub(crate) struct Parker {
    state: AtomicUsize,
    lock: Mutex<()>,
    condvar: Condvar,
}

impl Parker {
    pub(crate) fn new() -> Self {
        Parker { state: AtomicUsize::new(EMPTY), lock: Mutex::new(()), condvar: Condvar::new() }
    }

    /// Takes the token if it is there.
    fn try_take(&self) -> bool {
        // Acquire: what the notifier did before is seen.
        self.state.compare_exchange(NOTIFIED, EMPTY, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Waits for the token on the condition variable.
    pub(crate) fn park(&self) {
        if self.try_take() {
            return;
        }
        let mut guard = self.lock.lock();
        // AcqRel: pairs with the swap of `unpark`, either way round.
        if self
            .state
            .compare_exchange(EMPTY, IN_CONDVAR, Ordering::AcqRel, Ordering::Acquire)
            .is_err()
        {
            self.try_take();
            return;
        }
        loop {
            guard = wait(&self.condvar, guard);
            if self.try_take() {
                return;
            }
        }
    }

    /// Waits for the token by `poll`, which returns early when `unpark`'s `interrupt` is called.
    pub(crate) fn park_with(&self, poll: impl FnOnce()) {
        if self.try_take() {
            return;
        }
        // AcqRel: pairs with the swap of `unpark`.
        if self
            .state
            .compare_exchange(EMPTY, IN_POLLER, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
        {
            poll();
        }
        // Acquire: a token that came meanwhile is taken.
        self.state.swap(EMPTY, Ordering::AcqRel);
    }

    /// Whether the token is there; for who is in [`Parker::park_with`].
    pub(crate) fn is_notified(&self) -> bool {
        // Relaxed: `park_with` takes the token in the end.
        self.state.load(Ordering::Relaxed) == NOTIFIED
    }

    /// Makes the token; `interrupt` ends a wait in the poller.
    pub(crate) fn unpark(&self, interrupt: impl FnOnce()) {
        // Release: what we did before is seen by the parked worker.
        match self.state.swap(NOTIFIED, Ordering::AcqRel) {
            IN_POLLER => interrupt(),
            IN_CONDVAR => {
                // The lock makes sure that the worker is in `wait` and not on its way there.
                drop(self.lock.lock());
                self.condvar.notify_one();
            }
            _ => {}
        }
    }
}
