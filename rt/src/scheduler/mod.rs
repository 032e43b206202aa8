//! The scheduler: queues, workers, sleep and wake-up.
//!
//! In: tasks that became runnable (spawned or woken). Out: their runs, each on one thread at a time.
//!
//! ```text
//!  wake on a worker ─► its LIFO slot ─► its queue ◄─ steal ─ other workers
//!  spawn on a worker ────────────────►     ▲
//!  from anywhere else ─► injector ─────────┘ batches
//!  timers, I/O: whoever sleeps in the poller, and each worker every 61 turns
//! ```
//!
//! A *worker* is a number with a [`Core`]; a thread plays it. A task that holds its thread up (loop
//! budget) makes the thread hand the core to another one; the task runs on without. In a virtual
//! environment one thread plays all workers, one turn at a time, in a chosen order.
//!
//! * **I1** A task is in at most one queue ([`crate::task::State`]).
//! * **I2** After a push that another worker could take, a sleeper is woken unless somebody searches
//!   ([`idle`]). A push to the LIFO slot wakes nobody.
//! * **I3** Whoever would be the last to sleep looks whether anything can ever happen again
//!   ([`Shared::is_quiet`]); if not, a waiting `run` is told.

mod close;
mod current;
mod drive;
mod idle;
mod park;
mod seeded;
mod thread_cx;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crossbeam_deque::Injector;
use parking_lot::{Condvar, Mutex};

pub(crate) use current::{Root, block_on};
#[cfg(all(test, loom))]
pub(crate) use idle::Idle;
#[cfg(all(test, loom))]
pub(crate) use park::Parker;
pub(crate) use seeded::run_seeded;
pub(crate) use thread_cx::ThreadCx;
pub(crate) use worker::Core;
use worker::Remote;

use crate::blocking::BlockingPool;
use crate::env::{Env, Event};
use crate::insight::{Insight, InsightOptions};
use crate::metrics::Counters;
use crate::reactor::Reactor;
use crate::task::{Registry, TaskRef};
use crate::timers::Timers;

/// How a runtime uses threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavor {
    /// Worker threads.
    Threads,
    /// The thread that calls `block_on` is the worker.
    Current,
    /// The thread that calls `block_on` plays all workers, seeded.
    Seeded,
}

/// Everything the threads of a runtime share.
pub(crate) struct Shared {
    pub(crate) env: Arc<dyn Env>,
    pub(crate) is_virtual: bool,
    pub(crate) flavor: Flavor,
    injector: Injector<TaskRef>,
    remotes: Box<[Remote]>,
    idle: idle::Idle,
    pub(crate) registry: Registry,
    pub(crate) timers: Timers,
    /// None in a virtual environment.
    pub(crate) reactor: Option<Reactor>,
    /// Held by the worker that sleeps in the poller.
    driver: Mutex<()>,
    pub(crate) blocking: BlockingPool,
    pub(crate) counters: Counters,
    pub(crate) insight: Insight,
    pub(crate) shutdown: crate::shutdown::Signal,
    pub(crate) loopback: crate::net::Loopback,
    next_id: AtomicU64,
    /// The process it was built in; see [`crate::fork`].
    pub(crate) generation: u32,
    /// Spawned tasks are born cancelled.
    pub(crate) closing: AtomicBool,
    /// Workers end.
    pub(crate) stop: AtomicBool,
    /// Threads that run a task after they handed their core on.
    n_detached: AtomicUsize,
    /// Foreign sources of wake-ups; see `Handle::keep_alive`.
    pub(crate) n_keep_alive: AtomicUsize,
    /// Cores that no thread plays (all of them in a seeded runtime between runs).
    home: Mutex<Vec<Core>>,
    spares: thread_cx::Spares,
    roots: Mutex<Vec<Arc<Root>>>,
    n_roots: AtomicUsize,
    /// Waits for the last task.
    gone: (Mutex<()>, Condvar),
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Shared({:?}, {} workers)", self.flavor, self.remotes.len())
    }
}

impl Shared {
    pub(crate) fn new(
        env: Arc<dyn Env>,
        flavor: Flavor,
        n_workers: usize,
        insight: &InsightOptions,
    ) -> std::io::Result<Arc<Self>> {
        let is_virtual = env.is_virtual();
        let (cores, remotes): (Vec<_>, Vec<_>) = (0..n_workers).map(Core::new).unzip();
        Ok(Arc::new(Shared {
            is_virtual,
            flavor,
            injector: Injector::new(),
            remotes: remotes.into(),
            idle: idle::Idle::default(),
            registry: Registry::default(),
            timers: Timers::default(),
            reactor: if is_virtual { None } else { Some(Reactor::new()?) },
            driver: Mutex::new(()),
            blocking: BlockingPool::default(),
            counters: Counters::default(),
            insight: Insight::new(n_workers, insight),
            shutdown: crate::shutdown::Signal::default(),
            loopback: crate::net::Loopback::default(),
            next_id: AtomicU64::new(1),
            generation: crate::fork::generation(),
            closing: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            n_detached: AtomicUsize::new(0),
            n_keep_alive: AtomicUsize::new(0),
            home: Mutex::new(cores),
            spares: thread_cx::Spares::default(),
            roots: Mutex::new(Vec::new()),
            n_roots: AtomicUsize::new(0),
            gone: (Mutex::new(()), Condvar::new()),
            env,
        }))
    }

    /// The next task id.
    pub(crate) fn next_id(&self) -> u64 {
        // Relaxed: only distinctness matters.
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Number of workers.
    pub(crate) fn n_workers(&self) -> usize {
        self.remotes.len()
    }

    /// Registers and queues a task that was just made, at the back of the queue.
    pub(crate) fn start(&self, queued: TaskRef, listed: TaskRef) {
        self.counters.spawned.add();
        if self.is_virtual {
            self.env.trace(Event::Spawn, queued.header().id, 0);
        }
        if self.insight.on() {
            self.note_spawn(&queued);
        }
        self.registry.insert(listed);
        // Acquire: pairs with `close`, which cancels what is in the registry after it set this.
        if self.closing.load(Ordering::SeqCst) {
            queued.header().state.cancel();
        }
        ThreadCx::with(|cx| match cx {
            Some(cx) if cx.is_of(self) => self.requeue(cx, queued),
            _ => self.inject(queued),
        });
    }

    /// Queues a task behind the others of this thread's worker.
    fn requeue(&self, cx: &ThreadCx, task: TaskRef) {
        let core = cx.core.borrow();
        let Some(core) = core.as_ref() else { return self.inject(task) };
        core.queue.push(task);
        if !cx.in_driver.get() {
            self.wake_one();
        }
    }

    /// Queues a task that was woken on this thread's worker, to run next.
    fn push_next(&self, cx: &ThreadCx, task: TaskRef) {
        if cx.in_driver.get() {
            return self.requeue(cx, task);
        }
        let core = cx.core.borrow();
        let Some(core) = core.as_ref() else { return self.inject(task) };
        if let Some(old) = self.remotes[core.index].swap_lifo(Some(task)) {
            core.queue.push(old);
            self.wake_one();
        }
    }

    /// Queues a task from a thread that is no worker.
    pub(crate) fn inject(&self, task: TaskRef) {
        self.injector.push(task);
        self.wake_one();
    }

    /// Wakes a sleeping worker for work that was just pushed, if that is useful.
    pub(crate) fn wake_one(&self) {
        if let Some(worker) = self.idle.worker_to_wake() {
            self.counters.unparks.add();
            self.unpark(worker);
        }
    }

    /// Ends the sleep of a worker.
    fn unpark(&self, worker: usize) {
        self.remotes[worker].parker.unpark(|| self.interrupt());
    }

    /// Ends the sleep in the poller.
    pub(crate) fn interrupt(&self) {
        if let Some(reactor) = &self.reactor {
            reactor.interrupt();
        }
    }

    /// Whether some queue has work (a guess as soon as it is made).
    fn has_work(&self) -> bool {
        !self.injector.is_empty() || self.remotes.iter().any(Remote::has_work)
    }

    /// Whether nothing can ever happen again: all workers sleep and nothing is queued, armed,
    /// registered or running anywhere.
    pub(crate) fn is_quiet(&self) -> bool {
        let before = self.counters.snapshot().polls;
        let quiet = self.all_asleep()
            && !self.has_work()
            && self.timers.is_idle()
            && self.reactor.as_ref().is_none_or(|r| !r.has_waiters())
            && self.blocking.is_idle()
            // Acquire: pairs with the changes of the counts.
            && self.n_detached.load(Ordering::Acquire) == 0
            && self.n_keep_alive.load(Ordering::Acquire) == 0;
        // Anything that could have moved from one of these places to another during the look ran
        // a task.
        quiet && self.all_asleep() && self.counters.snapshot().polls == before
    }

    fn all_asleep(&self) -> bool {
        match self.flavor {
            Flavor::Seeded => true,
            Flavor::Threads | Flavor::Current => self.idle.n_sleeping() == self.remotes.len(),
        }
    }

    /// Something ended that could have woken a task: tells waiting roots if all is quiet now.
    pub(crate) fn quiet_hint(&self) {
        // Acquire: a root registers before it looks at quietness itself.
        if self.n_roots.load(Ordering::SeqCst) > 0 && self.is_quiet() {
            self.nudge_roots();
        }
    }

    /// Makes every thread in `block_on` look again.
    fn nudge_roots(&self) {
        let roots = self.roots.lock().clone();
        for root in roots {
            root.nudge(self);
        }
    }

    /// The last task is gone.
    fn tasks_gone(&self) {
        if self.shutdown.begun() {
            drop(self.gone.0.lock());
            self.gone.1.notify_all();
            self.nudge_roots();
        }
    }
}

/// Queues a task whose wake-up set SCHEDULED: the caller's thread decides where.
pub(crate) fn schedule(task: TaskRef) {
    let shared = &task.header().shared;
    if shared.insight.on() {
        shared.note_wake(&task);
    }
    ThreadCx::with(|cx| match cx {
        Some(cx) if cx.is_of(&task.header().shared) => cx.shared.push_next(cx, task),
        _ => {
            // The task may be run and freed as soon as it is queued.
            let shared = task.header().shared.clone();
            shared.inject(task);
        }
    });
}
