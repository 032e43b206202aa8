//! Threads for work that blocks.
//!
//! A queue and threads that come when nobody is free and go after ten idle seconds. In a virtual
//! environment the work runs inline, at once; if it was injected that it is late
//! ([`Inject::BLOCKING`]), it waits in the queue until its turn is chosen.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::inject::Inject;
use crate::scheduler::Shared;

/// A piece of blocking work.
pub(crate) type Work = Box<dyn FnOnce() + Send>;

const MAX_THREADS: usize = 512;
const IDLE: Duration = Duration::from_secs(10);
const STACK_BYTES: usize = 2 << 20;

#[derive(Default)]
struct Inner {
    queue: VecDeque<Work>,
    n_threads: usize,
    n_free: usize,
    /// Queued or running.
    n_active: usize,
    stop: bool,
}

/// The pool.
#[derive(Default)]
pub(crate) struct BlockingPool {
    inner: Mutex<Inner>,
    work: Condvar,
}

impl std::fmt::Debug for BlockingPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BlockingPool({} threads)", self.inner.lock().n_threads)
    }
}

impl BlockingPool {
    /// Whether no work is queued or running.
    pub(crate) fn is_idle(&self) -> bool {
        self.inner.lock().n_active == 0
    }

    /// How much work waits for a chosen turn (virtual environments only).
    pub(crate) fn n_late(&self) -> usize {
        self.inner.lock().queue.len()
    }

    /// Does the work at this place of those that wait for a chosen turn.
    pub(crate) fn run_late(&self, at: usize) {
        let work = self.inner.lock().queue.remove(at);
        if let Some(work) = work {
            work();
            self.inner.lock().n_active -= 1;
        }
    }

    /// Drops queued work and lets the threads end after what they are doing.
    pub(crate) fn stop(&self) {
        let queue = {
            let mut inner = self.inner.lock();
            inner.stop = true;
            inner.n_active -= inner.queue.len();
            std::mem::take(&mut inner.queue)
        };
        drop(queue);
        self.work.notify_all();
    }
}

/// Runs `work` on a thread of the pool. It must not unwind.
pub(crate) fn submit(shared: &Arc<Shared>, work: Work) {
    shared.counters.blocking.add();
    let is_late = shared.is_virtual && shared.env.strikes(Inject::BLOCKING);
    if shared.is_virtual && !is_late {
        return work();
    }
    if crate::fork::is_foreign(shared) {
        return; // the threads are the parent's
    }
    let pool = &shared.blocking;
    let mut inner = pool.inner.lock();
    if inner.stop {
        return;
    }
    inner.n_active += 1;
    inner.queue.push_back(work);
    if is_late {
        return;
    }
    if inner.n_free >= inner.queue.len() || inner.n_threads >= MAX_THREADS {
        pool.work.notify_one();
        return;
    }
    inner.n_threads += 1;
    let name = format!("vitte-blocking-{}", inner.n_threads);
    drop(inner);
    let owner = shared.clone();
    let body = Box::new(move || serve(&owner));
    if shared.env.spawn_thread(&name, STACK_BYTES, body).is_err() {
        let mut inner = pool.inner.lock();
        inner.n_threads -= 1;
        if inner.n_threads == 0 {
            // Nobody will ever come: better late here than never.
            let work = inner.queue.pop_back();
            inner.n_active -= 1;
            drop(inner);
            if let Some(work) = work {
                work();
            }
        }
    }
}

/// The body of a pool thread.
fn serve(shared: &Arc<Shared>) {
    let pool = &shared.blocking;
    let mut inner = pool.inner.lock();
    loop {
        if let Some(work) = inner.queue.pop_front() {
            drop(inner);
            work();
            inner = pool.inner.lock();
            inner.n_active -= 1;
            if inner.n_active == 0 {
                drop(inner);
                shared.quiet_hint();
                inner = pool.inner.lock();
            }
            continue;
        }
        if inner.stop {
            break;
        }
        inner.n_free += 1;
        let timed_out = pool.work.wait_for(&mut inner, IDLE).timed_out();
        inner.n_free -= 1;
        if timed_out && inner.queue.is_empty() {
            break;
        }
    }
    inner.n_threads -= 1;
}
