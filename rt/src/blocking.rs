//! Threads for work that blocks.
//!
//! A queue and threads that come when nobody is free and go after ten idle seconds. In a virtual
//! environment the work runs inline, at once; if it was injected that it is late
//! ([`Inject::BLOCKING`]), it waits in the queue until its turn is chosen.
//!
//! Work that was aborted before it began is taken out of its [`Unstarted`] at once, with all it holds;
//! an empty shell stays in the queue. Work that has begun can ask whether it is still wanted.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::inject::Inject;
use crate::scheduler::Shared;
use crate::task::CancelToken;

/// Work for a thread that may block, in memory that its owner uses again: handing it over allocates
/// nothing. See [`Handle::run_blocking`](crate::runtime::Handle::run_blocking).
pub trait BlockingJob: Send + Sync {
    /// Does the work and answers whoever waits for it, who is woken once the thread is free for other
    /// work. A panic is dropped, and with it that wake-up.
    fn run(&self) -> Option<Waker>;
}

/// A piece of blocking work. It must not unwind.
pub(crate) enum Work {
    Once(Box<dyn FnOnce() + Send>),
    Job(Arc<dyn BlockingJob>),
}

impl Work {
    fn run(self) -> Option<Waker> {
        match self {
            Work::Once(body) => {
                body();
                None
            }
            Work::Job(job) => catch_unwind(AssertUnwindSafe(|| job.run())).unwrap_or(None),
        }
    }
}

fn wake(waiter: Option<Waker>) {
    waiter.into_iter().for_each(Waker::wake);
}

/// Work that has not begun; dropping any copy of this withdraws it.
pub(crate) struct Unstarted<W>(Arc<Mutex<Option<W>>>);

impl<W> Unstarted<W> {
    pub(crate) fn new(work: W) -> Self {
        Unstarted(Arc::new(Mutex::new(Some(work))))
    }

    /// Takes the work, to begin it or to drop it.
    pub(crate) fn take(&self) -> Option<W> {
        self.0.lock().take()
    }
}

impl<W> Clone for Unstarted<W> {
    fn clone(&self) -> Self {
        Unstarted(self.0.clone())
    }
}

impl<W> Drop for Unstarted<W> {
    fn drop(&mut self) {
        let work = self.take();
        drop(work); // outside of the lock: it may drop anything
    }
}

thread_local! {
    /// That of the work which this thread does.
    static TOKEN: RefCell<Option<CancelToken>> = const { RefCell::new(None) };
}

/// Does a piece of work, which can ask for its token.
pub(crate) fn with_token<T>(token: CancelToken, work: impl FnOnce() -> T) -> T {
    struct Restore(Option<CancelToken>);
    impl Drop for Restore {
        fn drop(&mut self) {
            let before = self.0.take();
            drop(TOKEN.replace(before));
        }
    }
    let _restore = Restore(TOKEN.replace(Some(token)));
    work()
}

/// Runs `body` with the token of the work that this thread does, if it does some.
pub(crate) fn with_current_token<R>(body: impl FnOnce(&CancelToken) -> R) -> Option<R> {
    TOKEN.with_borrow(|token| token.as_ref().map(body))
}

/// Threads of a pool, unless told otherwise.
pub(crate) const MAX_THREADS: usize = 512;
const IDLE: Duration = Duration::from_secs(10);

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
pub(crate) struct BlockingPool {
    max_threads: usize,
    inner: Mutex<Inner>,
    work: Condvar,
}

impl std::fmt::Debug for BlockingPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BlockingPool({} threads)", self.inner.lock().n_threads)
    }
}

impl BlockingPool {
    /// A pool of at most so many threads.
    pub(crate) fn new(max_threads: usize) -> Self {
        BlockingPool { max_threads, inner: Mutex::default(), work: Condvar::new() }
    }

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
            wake(work.run());
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

/// Runs `work` on a thread of the pool.
pub(crate) fn submit(shared: &Arc<Shared>, work: Work) {
    shared.counters.blocking.add();
    let is_late = shared.is_virtual && shared.env.strikes(Inject::BLOCKING);
    if shared.is_virtual && !is_late {
        return wake(work.run());
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
    if inner.n_free >= inner.queue.len() || inner.n_threads >= pool.max_threads {
        pool.work.notify_one();
        return;
    }
    inner.n_threads += 1;
    let n = inner.n_threads;
    drop(inner);
    let owner = shared.clone();
    if shared.spawn_thread("blocking", n, move || serve(&owner)).is_err() {
        let mut inner = pool.inner.lock();
        inner.n_threads -= 1;
        if inner.n_threads == 0 {
            // Nobody will ever come: better late here than never.
            let work = inner.queue.pop_back();
            inner.n_active -= 1;
            drop(inner);
            if let Some(work) = work {
                wake(work.run());
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
            if let Some(waiter) = work.run() {
                // Free before it is woken: what it has for us next needs no other thread.
                pool.inner.lock().n_free += 1;
                waiter.wake();
                pool.inner.lock().n_free -= 1;
            }
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
