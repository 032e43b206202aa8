//! Waiting until no task is left, without a count that every task would touch.
//!
//! What is left are the tasks spawned and not ended, by the workers' own tallies; *endless* ones do not
//! count.
//!
//! * **I1** Whoever waits says so (`n_waiting`), then looks at the tallies. A worker ends a task, then looks
//!   whether anybody waits: at once, without a fence, and again behind a fence before it sleeps. A thread
//!   that is no worker looks behind a fence. So one of the two sees the other.

use std::sync::atomic::{AtomicUsize, Ordering, fence};

use super::Shared;
use crate::sync::Notify;

/// Who waits, and for how many not.
#[derive(Debug, Default)]
pub(crate) struct Drain {
    n_waiting: AtomicUsize,
    n_endless: AtomicUsize,
    bell: Notify,
}

/// Somebody waits until this is dropped.
struct Waiting<'a>(&'a Drain);

impl<'a> Waiting<'a> {
    fn new(drain: &'a Drain) -> Self {
        // SeqCst: I1.
        drain.n_waiting.fetch_add(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        Waiting(drain)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.n_waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Shared {
    /// Waits until no task is left but endless ones.
    pub(crate) async fn drained(&self) {
        let _waiting = Waiting::new(&self.drain);
        loop {
            // Before the look: a bell in between is not missed.
            let bell = self.drain.bell.notified();
            if self.is_drained() {
                return;
            }
            bell.await;
        }
    }

    fn is_drained(&self) -> bool {
        // Acquire: whoever is endless has said so before it ends.
        self.n_tasks() <= self.drain.n_endless.load(Ordering::Acquire)
    }

    /// A task has ended, or a worker has nothing to do: tells those who wait if no task is left.
    pub(crate) fn drain_hint(&self) {
        // Relaxed: I1.
        if self.drain.n_waiting.load(Ordering::Relaxed) > 0 && self.is_drained() {
            self.drain.bell.notify_waiters();
        }
    }

    /// As [`Shared::drain_hint`], for a thread that does not go to sleep as a worker does (I1).
    pub(crate) fn drain_hint_fenced(&self) {
        fence(Ordering::SeqCst);
        self.drain_hint();
    }

    /// The running task will not end by itself.
    pub(crate) fn begin_endless(&self) {
        self.drain.n_endless.fetch_add(1, Ordering::AcqRel);
        self.drain_hint();
    }

    /// It is about to end all the same.
    pub(crate) fn end_endless(&self) {
        self.drain.n_endless.fetch_sub(1, Ordering::AcqRel);
    }
}
