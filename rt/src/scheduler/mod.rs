//! The scheduler: closures, futures and coroutines, run on workers in the order of a policy.
//!
//! Its user makes a [`Scheduler`] and submits [`Task`]s to it; order and guarantees stand there. The
//! runtime's own tasks ([`crate::task`]) are run by the same workers and policies.
//!
//! # How it works
//!
//! In: tasks that became runnable (spawned or woken). Out: their runs, each on one thread at a time.
//!
//! ```text
//!  wake on a worker ─► its LIFO slot ─► its ring ◄─ steal ─ other workers
//!  spawn on a worker ────────────────►    ▲ │ full
//!  from anywhere else ─► injector ────────┘◄┘ batches
//!  timers, I/O: whoever sleeps in the poller, and each worker every 61 turns
//! ```
//!
//! A *worker* is a number with a core; a thread plays it. A task that holds its thread up (loop
//! budget) makes the thread hand the core to another one; the task runs on without. In a virtual
//! environment one thread plays all workers, one turn at a time, in a chosen order.
//!
//! Under a policy other than FIFO everything goes through the injector, which keeps the order, one task
//! at a time.
//!
//! * **I1** A task is in at most one queue (I1 of the state word).
//! * **I2** After a push that another worker could take, a sleeper is woken unless somebody searches
//!   (`idle`). A push to the LIFO slot wakes nobody.
//! * **I3** Whoever would be the last to sleep looks whether anything can ever happen again
//!   (`is_quiet`); if not, a waiting `run` is told.

mod affinity;
mod births;
mod close;
mod closing;
mod current;
mod drain;
mod drive;
mod front;
mod idle;
mod injector;
mod lead;
mod lifo;
mod local;
mod park;
mod policy;
mod ring;
mod seeded;
mod thread_cx;
mod threads;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use parking_lot::{Condvar, Mutex};

pub use front::{
    Builder, Call, Every, Frame, Full, Group, Member, Missed, Scheduler, Statistics, Subgroup,
    Submitter, Task, TaskHandle,
};

pub(crate) use closing::Closing;
pub(crate) use current::{Root, block_on};
#[cfg(all(test, loom))]
pub(crate) use idle::Idle;
use injector::Injector;
use lead::Lead;
#[cfg(all(test, loom))]
pub(crate) use lifo::LifoSlot;
pub(crate) use local::LocalQueue;
#[cfg(all(test, loom))]
pub(crate) use park::Parker;
#[cfg(all(test, loom))]
pub(crate) use ring::Ring;
pub(crate) use seeded::run_seeded;
pub(crate) use thread_cx::{Guest, ThreadCx};
pub(crate) use threads::ThreadOptions;
pub(crate) use worker::Core;
use worker::Remote;

use crate::blocking::BlockingPool;
use crate::env::{Choice, Env, Event};
use crate::inject::Inject;
use crate::insight::{Insight, InsightOptions};
use crate::metrics::{Counters, Metrics};
use crate::reactor::Reactor;
use crate::runtime::{Policy, QueueLengths};
use crate::task::{Freed, Heap, Pages, Queued, TaskRef};
use crate::timers::Timers;
use crate::watchdog::Beat;

/// Wake-ups that an injected one overtakes, at most, and one.
const MAX_OVERTAKEN: u32 = 16;
/// Ready operations of a run that is cut short, at most.
const CUT_BUDGET: u32 = 8;

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

/// What a runtime is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) flavor: Flavor,
    pub(crate) n_workers: usize,
    pub(crate) policy: Policy,
    /// Workers are bound to processors.
    pub(crate) pinned: bool,
    /// Threads for work that blocks.
    pub(crate) max_blocking: usize,
}

/// Everything the threads of a runtime share.
pub(crate) struct Shared {
    pub(crate) env: Arc<dyn Env>,
    pub(crate) is_virtual: bool,
    pub(crate) flavor: Flavor,
    injector: Injector,
    policy: Policy,
    is_fifo: bool,
    remotes: Box<[Remote]>,
    idle: idle::Idle,
    /// Where tasks live: all pages, and the heap of threads that are no workers.
    pub(crate) pages: Pages,
    pub(crate) heap: Mutex<Heap>,
    freed: Freed,
    pub(crate) timers: Timers,
    /// None in a virtual environment.
    pub(crate) reactor: Option<Reactor>,
    /// Held by the worker that sleeps in the poller.
    driver: Mutex<Lead>,
    pub(crate) blocking: BlockingPool,
    pub(crate) counters: Counters,
    pub(crate) insight: Insight,
    pub(crate) shutdown: crate::shutdown::Signal,
    pub(crate) loopback: crate::net::Loopback,
    next_id: AtomicU64,
    pub(crate) births: births::Births,
    /// The process it was built in; see [`crate::fork`].
    pub(crate) generation: u32,
    /// Spawned tasks are born cancelled.
    pub(crate) closing: Closing,
    /// Workers end.
    pub(crate) stop: AtomicBool,
    /// The runtime has ended: cores that come home are taken apart.
    pub(crate) closed: AtomicBool,
    /// Threads that run a task after they handed their core on.
    n_detached: AtomicUsize,
    /// Tasks that stay on one thread, which nobody else can end.
    n_local: AtomicUsize,
    /// The tasks they run.
    detached: Mutex<Vec<u64>>,
    /// Foreign sources of wake-ups; see `Handle::keep_alive`.
    pub(crate) n_keep_alive: AtomicUsize,
    /// Workers are bound to processors.
    affinity: Option<affinity::Affinity>,
    /// Cores that no thread plays (all of them in a seeded runtime between runs).
    home: Mutex<Vec<Core>>,
    spares: thread_cx::Spares,
    threads: ThreadOptions,
    roots: Mutex<Vec<Arc<Root>>>,
    n_roots: AtomicUsize,
    pub(crate) drain: drain::Drain,
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
        shape: Shape,
        insight: &InsightOptions,
        threads: ThreadOptions,
    ) -> std::io::Result<Arc<Self>> {
        let Shape { flavor, n_workers, policy, pinned, max_blocking } = shape;
        let affinity = if pinned { Some(affinity::Affinity::new()?) } else { None };
        let is_virtual = env.is_virtual();
        let (cores, remotes): (Vec<_>, Vec<_>) =
            (0..n_workers).map(|index| Core::new(index, n_workers)).unzip();
        Ok(Arc::new(Shared {
            is_virtual,
            flavor,
            injector: Injector::new(policy),
            policy,
            is_fifo: policy == Policy::Fifo,
            remotes: remotes.into(),
            idle: idle::Idle::default(),
            pages: Pages::default(),
            heap: Mutex::new(Heap::new(n_workers)),
            freed: Freed::new(),
            timers: Timers::new(n_workers),
            reactor: if is_virtual { None } else { Some(Reactor::new()?) },
            driver: Mutex::new(Lead::default()),
            blocking: BlockingPool::new(max_blocking),
            counters: Counters::default(),
            insight: Insight::new(n_workers, insight, is_virtual),
            shutdown: crate::shutdown::Signal::default(),
            loopback: crate::net::Loopback::new(env.clone()),
            next_id: AtomicU64::new(1),
            births: births::Births::default(),
            generation: crate::fork::generation(),
            closing: Closing::new(),
            stop: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            n_detached: AtomicUsize::new(0),
            n_local: AtomicUsize::new(0),
            detached: Mutex::new(Vec::new()),
            n_keep_alive: AtomicUsize::new(0),
            affinity,
            home: Mutex::new(cores),
            spares: thread_cx::Spares::default(),
            threads,
            roots: Mutex::new(Vec::new()),
            n_roots: AtomicUsize::new(0),
            drain: drain::Drain::default(),
            gone: (Mutex::new(()), Condvar::new()),
            env,
        }))
    }

    /// The next task id.
    pub(crate) fn next_id(&self) -> u64 {
        // Relaxed: only distinctness matters.
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Notes that all tasks so far were born before now.
    pub(crate) fn note_births(&self, now_ns: u64) {
        // Relaxed: a task more or less does not matter.
        self.births.note(self.next_id.load(Ordering::Relaxed), now_ns);
    }

    /// Whether tasks are run by their priority, which may change.
    pub(crate) fn has_priorities(&self) -> bool {
        self.policy == Policy::Priority
    }

    /// Changes the priority of a task, queued or not. False without priorities.
    pub(crate) fn set_priority(&self, task: &TaskRef, priority: u8) -> bool {
        self.injector.set_priority(task, priority)
    }

    /// How many tasks are queued: in the shared queue, and in that of each worker.
    pub(crate) fn queue_lengths(&self) -> QueueLengths {
        let workers = self.remotes.iter().map(Remote::n_queued).collect();
        QueueLengths { shared: self.injector.len(), workers }
    }

    /// What a worker is doing.
    pub(crate) fn beat(&self, worker: usize) -> &Beat {
        &self.remotes[worker].beat
    }

    /// Number of workers.
    pub(crate) fn n_workers(&self) -> usize {
        self.remotes.len()
    }

    /// The clock of the turn that this thread takes, at most 61 turns old.
    pub(crate) fn turn_ns(&self) -> u64 {
        if self.is_virtual {
            return self.env.now_ns();
        }
        let turn = ThreadCx::with(|cx| cx.filter(|cx| cx.is_of(self)).map(|cx| cx.clock.get()));
        turn.filter(|&ns| ns > 0).unwrap_or_else(|| self.env.now_ns())
    }

    /// Where cells of a heap go that are freed by others.
    pub(crate) fn freed(&self, heap: usize) -> &Freed {
        self.remotes.get(heap).map_or(&self.freed, |remote| &remote.freed)
    }

    /// Cuts the budget of the run that begins, if the seeded environment wants it.
    fn cut_budget(&self) {
        if self.env.strikes(Inject::BUDGET) {
            crate::task::coop::cut(1 + self.env.choose(CUT_BUDGET, Choice::Amount));
        }
    }

    /// Queues a task that was just made, behind the others.
    pub(crate) fn start(&self, task: Queued) {
        self.note_start(task);
        ThreadCx::with(|cx| match cx {
            Some(cx) if cx.is_of(self) => {
                let Some(worker) = cx.worker() else {
                    self.counters.spawned.add();
                    return self.inject(task);
                };
                let remote = &self.remotes[worker];
                remote.spawned.add();
                if self.is_fifo {
                    self.push_back(remote, task, !cx.in_driver.get());
                } else {
                    self.inject(task);
                }
            }
            _ => {
                self.counters.spawned.add();
                self.inject(task);
            }
        });
    }

    /// A task was made and is about to be queued.
    fn note_start(&self, task: Queued) {
        if self.is_virtual {
            self.env.trace(Event::Spawn, task.task().header().id, 0);
        }
        if self.insight.on() {
            self.note_spawn(&task.task());
        }
        self.closing.note_spawn(&task.task().header().state);
    }

    /// Queues a task behind the others of this thread's worker.
    fn requeue(&self, cx: &ThreadCx, task: Queued) {
        let Some(worker) = cx.worker().filter(|_| self.is_fifo) else { return self.inject(task) };
        self.push_back(&self.remotes[worker], task, !cx.in_driver.get());
    }

    /// Queues a task behind the others of this thread's worker, under the policy FIFO.
    #[inline]
    fn push_back(&self, own: &Remote, task: Queued, wakes: bool) {
        if own.ring.push(task.as_ptr()).is_err() {
            self.injector.push_all([task]);
        }
        // Nobody sleeps in a runtime of one worker, which this is; the driver wakes for all at once.
        if wakes && self.remotes.len() > 1 {
            self.wake_one();
        }
    }

    /// Queues a task that was woken on this thread's worker, to run next.
    fn push_next(&self, cx: &ThreadCx, task: Queued) {
        if cx.in_driver.get() {
            return self.requeue(cx, task);
        }
        let Some(worker) = cx.worker().filter(|_| self.is_fifo) else { return self.inject(task) };
        let own = &self.remotes[worker];
        if cx.behind.get() && own.ring.len() > 0 {
            self.push_back(own, task, true);
        } else if let Some(old) = own.put_lifo(task) {
            self.push_back(own, old, true);
        }
    }

    /// Queues a task from a thread that is no worker.
    pub(crate) fn inject(&self, task: Queued) {
        if self.is_virtual && self.is_fifo && self.env.strikes(Inject::WAKE_ORDER) {
            let n_overtaken = self.env.choose(MAX_OVERTAKEN, Choice::Amount);
            self.injector.push_before(task, n_overtaken as usize);
        } else {
            self.injector.push_all([task]);
        }
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
        // What is the case most often, before each sleep of the last worker, and cheaply asked.
        if self.reactor.as_ref().is_some_and(Reactor::has_waiters) {
            return false;
        }
        let before = self.metrics().polls;
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
        quiet && self.all_asleep() && self.metrics().polls == before
    }

    fn all_asleep(&self) -> bool {
        match self.flavor {
            Flavor::Seeded => true,
            Flavor::Threads | Flavor::Current => self.idle.n_sleeping() == self.remotes.len(),
        }
    }

    /// Something ended that could have woken a task: tells the roots that end then if all is quiet now. The
    /// others sleep on: one that plays the worker of a current-thread runtime would be told before each of
    /// its own sleeps, and never sleep.
    pub(crate) fn quiet_hint(&self) {
        // Acquire: a root registers before it looks at quietness itself.
        if self.n_roots.load(Ordering::SeqCst) > 0 && self.is_quiet() {
            let roots = self.roots.lock().clone();
            roots.iter().filter(|root| !root.patient).for_each(|root| root.nudge(self));
        }
    }

    /// Makes every thread in `block_on` look again.
    fn nudge_roots(&self) {
        let roots = self.roots.lock().clone();
        for root in roots {
            root.nudge(self);
        }
    }

    /// A task is gone.
    fn task_gone(&self) {
        self.drain_hint();
        if self.shutdown.begun() {
            drop(self.gone.0.lock());
            self.gone.1.notify_all();
            if self.n_own_tasks() == 0 {
                self.nudge_roots();
            }
        }
    }

    /// What the runtime has done so far.
    pub(crate) fn metrics(&self) -> Metrics {
        let mut metrics = self.counters.snapshot();
        // Ends before spawns: a task may be counted that is over, but none is left out.
        for remote in &self.remotes {
            metrics.completed += remote.completed.get();
        }
        for remote in &self.remotes {
            metrics.polls += remote.polls.get();
            metrics.spawned += remote.spawned.get();
        }
        metrics
    }

    /// Number of tasks that are not over (a guess while there are some).
    pub(crate) fn n_tasks(&self) -> usize {
        let metrics = self.metrics();
        metrics.spawned.saturating_sub(metrics.completed) as usize
    }

    /// Number of tasks that the runtime's threads can bring to an end.
    pub(crate) fn n_own_tasks(&self) -> usize {
        // Relaxed: a guess.
        self.n_tasks().saturating_sub(self.n_local.load(Ordering::Relaxed))
    }

    /// All tasks that are not over, by id.
    pub(crate) fn tasks(&self) -> Vec<TaskRef> {
        let mut tasks = Vec::new();
        self.pages.for_each(|header| {
            // SAFETY: a carved cell has a state word, whatever it is used for.
            if unsafe { &(*header.as_ptr()).state }.try_ref() {
                // SAFETY: the reference that was just counted.
                tasks.push(unsafe { TaskRef::from_raw(header) });
            }
        });
        tasks.sort_by_key(|task| task.header().id);
        tasks
    }

    /// The task with this id, if it is not over.
    pub(crate) fn task(&self, id: u64) -> Option<TaskRef> {
        let (mut found, mut freed) = (None, Vec::new());
        self.pages.for_each(|header| {
            // SAFETY: a carved cell has a state word, whatever it is used for.
            if found.is_some() || !unsafe { &(*header.as_ptr()).state }.try_ref() {
                return;
            }
            // SAFETY: the reference that was just counted.
            let task = unsafe { TaskRef::from_raw(header) };
            if task.header().id == id {
                found = Some(task);
            } else {
                // Whoever else held the task may have let go of it: it is freed when the list of
                // pages, which that may change, is not locked any more.
                freed.extend(task.into_last());
            }
        });
        found
    }

    /// Asks every task to cancel.
    pub(crate) fn cancel_all(&self) {
        for task in self.tasks() {
            task.cancel();
        }
    }

    /// Whether a worker runs the task now (a guess as soon as it is made).
    pub(crate) fn is_running(&self, id: u64) -> bool {
        self.remotes.iter().any(|remote| remote.beat.is_of(id))
            || self.detached.lock().contains(&id)
    }
}

/// Queues a task whose first wake-up this was: the caller's thread decides where.
pub(crate) fn schedule(task: Queued) {
    let reference = task.task();
    let shared = reference.header().shared();
    if shared.insight.on() {
        shared.note_wake(&reference);
    }
    if let Some(place) = reference.header().origin.place() {
        return push_local(place, task);
    }
    ThreadCx::with(|cx| match cx {
        Some(cx) if cx.is_of(task.task().header().shared()) => cx.shared.push_next(cx, task),
        _ => {
            // The task may be run and freed as soon as it is queued.
            let shared = task.task().header().shared().clone();
            shared.inject(task);
        }
    });
}

/// Queues a task that somebody held while it was woken.
pub(crate) fn schedule_held(task: Queued) {
    let reference = task.task();
    match reference.header().origin.place() {
        Some(place) => push_local(place, task),
        None => {
            let shared = reference.header().shared().clone();
            shared.inject(task);
        }
    }
}

#[cold]
fn push_local(place: &crate::task::Place, task: Queued) {
    // The task may be run and freed as soon as it is queued.
    let queue = place.queue.clone();
    queue.push(task);
}
