//! Who sleeps, who searches, and whom to wake when there is work.
//!
//! * **I1** Whoever makes work visible in a shared queue calls [`Idle::worker_to_wake`] after it.
//! * **I2** A worker that goes to sleep first enters the sleepers, then looks at all queues again.
//! * With the fences in both: either the pusher sees the sleeper (or a searcher, who will look
//!   again before it sleeps), or the sleeper sees the work. No wake is lost.
//! * At most one push wakes a worker while another is searching: wakes cost microseconds.

use crate::atomic::{AtomicBool, AtomicUsize, Mutex, Ordering, fence};

#[derive(Debug, Default)]
pub(crate) struct Idle {
    sleepers: Mutex<Vec<usize>>,
    n_sleeping: AtomicUsize,
    n_searching: AtomicUsize,
    spinning: AtomicBool,
}

impl Idle {
    /// Takes a sleeper to wake for new work; it counts as searching from now on. `None` if nobody
    /// sleeps or somebody searches already.
    pub(crate) fn worker_to_wake(&self) -> Option<usize> {
        // Pairs with the fence in `fall_asleep`: see the head comment.
        fence(Ordering::SeqCst);
        // Relaxed: ordered by the fence.
        if self.n_searching.load(Ordering::Relaxed) > 0
            || self.n_sleeping.load(Ordering::Relaxed) == 0
        {
            return None;
        }
        let worker = self.sleepers.lock().pop()?;
        // Relaxed: both are only hints, kept exact by the lock and the fence.
        self.n_sleeping.fetch_sub(1, Ordering::Relaxed);
        self.n_searching.fetch_add(1, Ordering::SeqCst);
        Some(worker)
    }

    /// A worker becomes a searcher, unless half of `n_workers` are already.
    pub(crate) fn start_searching(&self, n_workers: usize) -> bool {
        // Relaxed: a hint to save contention.
        if 2 * self.n_searching.load(Ordering::Relaxed) >= n_workers {
            return false;
        }
        self.n_searching.fetch_add(1, Ordering::SeqCst);
        true
    }

    /// A searcher stops; true if it was the last one.
    pub(crate) fn stop_searching(&self) -> bool {
        self.n_searching.fetch_sub(1, Ordering::SeqCst) == 1
    }

    /// A worker enters the sleepers; it must look at all queues again now. Answers how many sleep.
    pub(crate) fn fall_asleep(&self, worker: usize, searching: bool) -> usize {
        let mut sleepers = self.sleepers.lock();
        sleepers.push(worker);
        let n = sleepers.len();
        drop(sleepers);
        self.n_sleeping.fetch_add(1, Ordering::SeqCst);
        if searching {
            self.n_searching.fetch_sub(1, Ordering::SeqCst);
        }
        // Pairs with the fence in `worker_to_wake`.
        fence(Ordering::SeqCst);
        n
    }

    /// A worker is awake; true if it left the sleepers by itself, false if it was taken from them
    /// to be woken (then it counts as searching).
    pub(crate) fn wake_up(&self, worker: usize) -> bool {
        let mut sleepers = self.sleepers.lock();
        let Some(at) = sleepers.iter().position(|&w| w == worker) else { return false };
        sleepers.remove(at);
        self.n_sleeping.fetch_sub(1, Ordering::SeqCst);
        true
    }

    /// A worker wants to look on for work without sleeping; false if another one does.
    pub(crate) fn start_spinning(&self) -> bool {
        // Relaxed: nothing but the flag itself is agreed upon.
        !self.spinning.load(Ordering::Relaxed) && !self.spinning.swap(true, Ordering::Relaxed)
    }

    /// It has looked.
    pub(crate) fn stop_spinning(&self) {
        // Relaxed: as above.
        self.spinning.store(false, Ordering::Relaxed);
    }

    /// Number of sleepers, as a guess.
    pub(crate) fn n_sleeping_about(&self) -> usize {
        // Relaxed: a guess.
        self.n_sleeping.load(Ordering::Relaxed)
    }

    /// Number of sleepers.
    pub(crate) fn n_sleeping(&self) -> usize {
        self.sleepers.lock().len()
    }
}
