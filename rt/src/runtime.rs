//! The runtime as its user sees it: built, run, shut down.

use std::fmt;
use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use vitte_abi::vt_machine;

pub use crate::blocking::BlockingJob;
use crate::blocking::{self, Unstarted, Work};
use crate::coroutine::{self, FrameTask, SpawnOptions};
use crate::dump::TaskDump;
use crate::env::{Choice, Env, RealEnv, SeededEnv};
pub use crate::inject::Inject;
use crate::insight::{self, InsightOptions};
use crate::metrics::Metrics;
pub use crate::shutdown::ShutdownReport;

use crate::scheduler::{
    Flavor, Guest, Shape, Shared, ThreadCx, ThreadOptions, block_on, run_seeded,
};
use crate::task::{JoinHandle, LocalSet, Origin, spawn_future};

/// Which task runs next.
///
/// # Examples
///
/// ```
/// use vitte_rt::runtime::{Builder, Policy};
/// use vitte_rt::task::{self, Class};
///
/// // One worker, which is busy until all are queued.
/// let runtime = Builder::current_thread().policy(Policy::Priority).build()?;
/// let (tell, told) = std::sync::mpsc::channel();
/// runtime.block_on(async {
///     let tasks = [("report", 7), ("page", 0), ("mail", 4)].map(|(name, priority)| {
///         let (tell, class) = (tell.clone(), Class { priority, ..Class::default() });
///         task::Builder::new().class(class).spawn(async move { tell.send(name) })
///     });
///     for task in tasks {
///         task.await.unwrap().unwrap();
///     }
/// });
/// assert!(told.try_iter().eq(["page", "mail", "report"]));
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// The one that waits longest, but for a task that was just woken, which goes first a few times
    /// in a row. Each worker has a queue of its own. The fastest.
    #[default]
    Fifo,
    /// The one that was queued last. One queue for all workers, as under the next three.
    Lifo,
    /// The most urgent by [`Class::priority`](crate::task::Class::priority); one that is passed over
    /// often goes first once, so that none waits for ever.
    Priority,
    /// The one whose [`Class::group`](crate::task::Class::group) has had least for its shares, and in
    /// the group the one whose [`Class::subgroup`](crate::task::Class::subgroup) has.
    Fair,
    /// The one with the earliest [`Class::deadline_ns`](crate::task::Class::deadline_ns); those without
    /// a deadline after all others.
    Deadline,
}

/// How many runnable tasks wait for a worker (each a guess as soon as it is made).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueLengths {
    /// In the queue that all workers share.
    pub shared: usize,
    /// In the queue of each worker; always empty under policies other than FIFO.
    pub workers: Vec<usize>,
}

/// Builds a [`Runtime`].
///
/// # Examples
///
/// ```
/// let runtime = vitte_rt::runtime::Builder::current_thread().build()?;
/// assert_eq!(runtime.block_on(async { 6 * 7 }), 42);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug)]
pub struct Builder {
    shape: Shape,
    seed: u64,
    fuel: Option<u64>,
    inject: Inject,
    stopped: bool,
    pub(crate) insight: InsightOptions,
    pub(crate) threads: ThreadOptions,
}

impl Builder {
    /// Worker threads, one per processor unless told otherwise.
    #[doc(alias = "new_multi_thread")]
    pub fn multi_thread() -> Self {
        let n_workers = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Builder::of(Flavor::Threads, n_workers, 0)
    }

    /// No threads: tasks run on the thread that calls `block_on`, while it does.
    #[doc(alias = "new_current_thread")]
    pub fn current_thread() -> Self {
        Builder::of(Flavor::Current, 1, 0)
    }

    /// Deterministic: virtual time and an interleaving of virtual workers made from `seed`.
    pub fn seeded(seed: u64) -> Self {
        Builder::of(Flavor::Seeded, 2, seed)
    }

    fn of(flavor: Flavor, n_workers: usize, seed: u64) -> Self {
        let (policy, pinned, max_blocking) = (Policy::Fifo, false, blocking::MAX_THREADS);
        let shape = Shape { flavor, n_workers, policy, pinned, max_blocking };
        let (inject, insight) = (Inject::NOTHING, InsightOptions::default());
        let threads = ThreadOptions::default();
        Builder { shape, seed, fuel: None, inject, stopped: false, insight, threads }
    }

    /// The same options for a seeded runtime.
    pub(crate) fn with_seed(&self, seed: u64) -> Self {
        let shape = Shape { flavor: Flavor::Seeded, ..self.shape };
        Builder { shape, seed, ..self.clone() }
    }

    /// Number of workers, at least 1. Without meaning for a current-thread runtime, which has one.
    #[doc(alias = "worker_threads")]
    #[must_use]
    pub fn workers(mut self, n: usize) -> Self {
        if self.shape.flavor != Flavor::Current {
            self.shape.n_workers = n;
        }
        self
    }

    /// Which task runs next ([`Policy::Fifo`] unless told otherwise).
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.shape.policy = policy;
        self
    }

    /// Binds each worker thread to a processor: worker `k` to the `k`-th that the process may use,
    /// round about if there are more workers. Linux only: elsewhere [`Builder::build`] answers
    /// `Unsupported`. Without meaning for a runtime without worker threads.
    ///
    /// Good for machines that run nothing else; beside other busy processes a bound worker waits for
    /// its processor while another one is free.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let runtime = vitte_rt::runtime::Builder::multi_thread().pin_workers(true).build()?;
    /// runtime.block_on(async { vitte_rt::spawn(async {}).await.unwrap() });
    /// # }
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn pin_workers(mut self, pinned: bool) -> Self {
        self.shape.pinned = pinned;
        self
    }

    /// Most threads for work that blocks ([`Handle::spawn_blocking`], files), at least 1; 512 unless
    /// told otherwise. They come when needed. Without meaning for a seeded runtime, which has none.
    #[must_use]
    pub fn max_blocking_threads(mut self, n: usize) -> Self {
        self.shape.max_blocking = n;
        self
    }

    /// Total of loop back-edges that a seeded run may take; going over faults the task.
    #[must_use]
    pub fn fuel(mut self, back_edges: u64) -> Self {
        self.fuel = Some(back_edges);
        self
    }

    /// Faults that a seeded run makes beside its order; none unless told otherwise. Without meaning in
    /// other runtimes, whose faults are real.
    #[must_use]
    pub fn inject(mut self, faults: Inject) -> Self {
        self.inject = faults;
        self
    }

    /// Builds without starting worker threads: nothing runs until [`Runtime::start_workers`].
    #[must_use]
    pub fn stopped(mut self) -> Self {
        self.stopped = true;
        self
    }

    /// Builds the runtime and starts its threads.
    ///
    /// # Errors
    ///
    /// `InvalidInput` when zero workers or zero threads for blocking work were asked for; else when
    /// the system has no poller or no thread to give, and `Unsupported` as [`Builder::pin_workers`] says.
    pub fn build(self) -> io::Result<Runtime> {
        let mut shape = self.shape;
        let none_of = match shape {
            Shape { n_workers: 0, .. } => Some("a runtime needs at least one worker"),
            Shape { max_blocking: 0, .. } => {
                Some("a runtime needs at least one thread for blocking work")
            }
            _ => None,
        };
        if let Some(text) = none_of {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        shape.pinned &= shape.flavor == Flavor::Threads;
        let env: Arc<dyn Env> = match shape.flavor {
            Flavor::Seeded => Arc::new(SeededEnv::new(self.seed, self.fuel).with(self.inject)),
            Flavor::Threads | Flavor::Current => Arc::new(RealEnv::new()),
        };
        let shared = Shared::new(env, shape, &self.insight, self.threads)?;
        insight::start(&shared, &self.insight)?;
        let runtime = Runtime { handle: Handle { shared } };
        if self.stopped && shape.flavor == Flavor::Threads {
            runtime.handle.shared.stop_workers();
        } else {
            runtime.start_workers()?;
        }
        Ok(runtime)
    }
}

/// A runtime. Dropping it cancels its tasks, waits for them for a few seconds and ends its threads.
#[derive(Debug)]
pub struct Runtime {
    pub(crate) handle: Handle,
}

/// A run ended because nothing can ever wake any task again.
#[derive(Clone, Debug)]
pub struct Stalled {
    /// The tasks that wait for ever.
    pub dump: TaskDump,
}

impl fmt::Display for Stalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "every task waits for something that can never come: {}", self.dump)
    }
}

impl std::error::Error for Stalled {}

impl Runtime {
    /// A runtime with worker threads, one per processor.
    ///
    /// # Errors
    ///
    /// As [`Builder::build`].
    pub fn new() -> io::Result<Self> {
        Builder::multi_thread().build()
    }

    /// A handle.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// As [`Handle::spawn`].
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.handle.spawn(future)
    }

    /// As [`Handle::spawn_blocking`].
    #[track_caller]
    pub fn spawn_blocking<T, F>(&self, body: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.handle.spawn_blocking(body)
    }

    /// As [`Handle::enter`].
    pub fn enter(&self) -> EnterGuard<'_> {
        self.handle.enter()
    }

    /// Runs a future to its end on this thread, waiting for ever if need be.
    ///
    /// # Panics
    ///
    /// When a seeded run has stalled (with the task dump), when the future panics, and when called
    /// inside of a task of this runtime.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.handle.block_on(future)
    }

    /// As [`Runtime::block_on`], but ends when nothing can ever wake any task again: no task can
    /// run, no timer is armed, nobody waits for I/O, no blocking work is under way and no
    /// [`KeepAlive`] is held.
    ///
    /// # Errors
    ///
    /// [`Stalled`], with the tasks that wait for ever.
    ///
    /// # Panics
    ///
    /// When the future panics, and when called inside of a task of this runtime.
    pub fn run<F: Future>(&self, future: F) -> Result<F::Output, Stalled> {
        self.handle.drive(future, false).map_err(|dump| Stalled { dump })
    }

    /// Starts the worker threads after [`Builder::stopped`] or [`Runtime::stop_workers`]; nothing if
    /// they run or if the runtime has none.
    ///
    /// # Errors
    ///
    /// When the system has no thread to give. Workers that got one run.
    pub fn start_workers(&self) -> io::Result<()> {
        self.handle.shared.start_workers()
    }

    /// Ends the worker threads after the task that each is running, and waits until none runs any:
    /// tasks keep their places in the queues, timers and I/O are not served. Nothing in a runtime
    /// without threads.
    ///
    /// # Panics
    ///
    /// Inside of a task of this runtime, which would wait for itself.
    pub fn stop_workers(&self) {
        let shared = &self.handle.shared;
        let inside = ThreadCx::is_inside(shared);
        assert!(!inside, "`stop_workers` inside of a task of the same runtime");
        if shared.flavor == Flavor::Threads {
            shared.stop_workers();
            shared.wait_for_cores(None);
        }
    }
}

/// See [`Handle::enter`]. Stays on its thread.
#[derive(Debug)]
#[must_use = "the runtime is left when this is dropped"]
pub struct EnterGuard<'a> {
    _guest: Guest,
    _handle: PhantomData<&'a Handle>,
}

/// A handle of a runtime, usable from any thread.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(crate) shared: Arc<Shared>,
}

impl Handle {
    /// The runtime of the calling task or thread.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, naming the call.
    #[track_caller]
    pub fn current() -> Handle {
        Handle::try_current().expect("called from within a runtime")
    }

    /// The runtime of the calling task or thread, if it has one.
    pub fn try_current() -> Option<Handle> {
        ThreadCx::current().map(Handle::from_shared)
    }

    /// As [`Runtime::block_on`].
    ///
    /// # Panics
    ///
    /// As [`Runtime::block_on`].
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        match self.drive(future, true) {
            Ok(output) => output,
            Err(dump) => panic!("{}", Stalled { dump }),
        }
    }

    /// Makes this the runtime of the calling thread until the guard is dropped: `spawn`, `sleep`, sockets
    /// and all else that asks for the current runtime finds it. Runs nothing by itself. Not to be held
    /// across an `await`.
    ///
    /// # Panics
    ///
    /// The guard does, when it is dropped before a guard that was made after it.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = vitte_rt::runtime::Builder::multi_thread().workers(1).build()?;
    /// let task = {
    ///     let _entered = runtime.enter();
    ///     vitte_rt::spawn(async { 42 })
    /// };
    /// assert_eq!(runtime.block_on(task).unwrap(), 42);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn enter(&self) -> EnterGuard<'_> {
        EnterGuard { _guest: Guest::enter(self.shared.clone()), _handle: PhantomData }
    }

    /// Runs a future to its end on this thread; see [`Runtime::block_on`] and [`Runtime::run`].
    pub(crate) fn drive<F: Future>(&self, future: F, patient: bool) -> Result<F::Output, TaskDump> {
        let shared = &self.shared;
        if let Err(error) = crate::fork::check(shared) {
            panic!("{error}");
        }
        let inside = ThreadCx::is_inside(shared);
        assert!(!inside, "`block_on` or `run` inside of a task of the same runtime: await instead");
        // For local tasks that the future spawns.
        let local = LocalSet::new();
        let future = local.run_until(future);
        match shared.flavor {
            Flavor::Seeded => run_seeded(shared, future),
            Flavor::Threads | Flavor::Current => block_on(shared, future, patient),
        }
    }

    pub(crate) fn from_shared(shared: Arc<Shared>) -> Handle {
        Handle { shared }
    }

    /// Spawns a future as a task.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        spawn_future(&self.shared, future, Origin::plain(Location::caller()))
    }

    /// Runs a closure that blocks on a thread kept for such work (inline in a seeded run). See
    /// [`task::spawn_blocking`](crate::task::spawn_blocking) for what an abort does.
    #[track_caller]
    pub fn spawn_blocking<T, F>(&self, body: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let (send, receive) = crate::channel::oneshot::channel();
        let unstarted = Unstarted::new((body, send));
        let to_start = unstarted.clone();
        let task = self.spawn(async move {
            // Dropped with the task: what has not begun then never does.
            let _unstarted = unstarted;
            match receive.await {
                Ok(Ok(value)) => value,
                Ok(Err(payload)) => std::panic::resume_unwind(payload),
                // The pool was stopped before the work began; the task is being cancelled too.
                Err(_) => std::future::pending().await,
            }
        });
        let token = task.cancel_token();
        let work = Box::new(move || {
            if let Some((body, send)) = to_start.take() {
                let body = move || blocking::with_token(token, body);
                let _ = send.send(catch_unwind(AssertUnwindSafe(body)));
            }
        });
        blocking::submit(&self.shared, Work::Once(work));
        task
    }

    /// Runs a job that blocks on a thread kept for such work (inline in a seeded run), without an
    /// allocation once there are threads. A job that is still queued when the runtime ends is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::atomic::{AtomicBool, Ordering};
    /// use std::sync::Arc;
    /// use std::task::Waker;
    /// use vitte_rt::runtime::{BlockingJob, Runtime};
    /// struct Job(AtomicBool);
    /// impl BlockingJob for Job {
    ///     fn run(&self) -> Option<Waker> {
    ///         self.0.store(true, Ordering::Release);
    ///         None // nobody waits by a waker
    ///     }
    /// }
    /// let runtime = Runtime::new()?;
    /// let job = Arc::new(Job(AtomicBool::new(false)));
    /// runtime.handle().run_blocking(job.clone());
    /// while !job.0.load(Ordering::Acquire) {
    ///     std::thread::yield_now();
    /// }
    /// # std::io::Result::Ok(())
    /// ```
    pub fn run_blocking(&self, job: Arc<dyn BlockingJob>) {
        blocking::submit(&self.shared, Work::Job(job));
    }

    /// Allocates the root frame of a coroutine task, to be filled in and spawned with
    /// [`Handle::spawn_frame`]. Link and tag are set, the rest is undefined. `None` if memory is
    /// short.
    ///
    /// # Safety
    ///
    /// `machine` is a valid description that outlives the task.
    #[track_caller]
    pub unsafe fn alloc_frame(&self, machine: *const vt_machine) -> Option<NonNull<u8>> {
        let origin = Origin::plain(Location::caller());
        // SAFETY: the caller vouches for the machine.
        unsafe { coroutine::alloc_task(&self.shared, machine, origin) }
    }

    /// Makes a task of a frame and queues it; see [`coroutine::spawn_frame`].
    ///
    /// # Safety
    ///
    /// As [`coroutine::spawn_frame`].
    pub unsafe fn spawn_frame(&self, frame: NonNull<u8>, options: SpawnOptions) -> FrameTask {
        // SAFETY: the caller vouches for the frame.
        unsafe { coroutine::spawn_frame(frame, options) }
    }

    /// Whether both are handles of one runtime.
    pub fn is_same(&self, other: &Handle) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Asks every task to cancel.
    pub fn cancel_all(&self) {
        self.shared.cancel_all();
    }

    /// All tasks that are not over: what they are and what they wait for.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_rt::task::Builder;
    /// let runtime = vitte_rt::runtime::Builder::seeded(1).build()?;
    /// runtime.block_on(async {
    ///     let _waits = Builder::new().name("listener").spawn(std::future::pending::<()>());
    ///     vitte_rt::time::sleep(Duration::from_millis(1)).await; // virtual
    /// });
    /// let dump = runtime.handle().dump();
    /// assert_eq!((dump.tasks[0].name.as_str(), dump.tasks[0].state), ("listener", "waiting"));
    /// let text = dump.to_string(); // with age and place of the spawn
    /// assert!(text.starts_with("1 task(s)\n  task 1 listener: waiting, age"));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn dump(&self) -> TaskDump {
        self.shared.dump()
    }

    /// What the runtime has done so far.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = vitte_rt::runtime::Builder::current_thread().build()?;
    /// runtime.block_on(async { vitte_rt::spawn(async {}).await.unwrap() });
    /// let metrics = runtime.handle().metrics();
    /// assert_eq!((metrics.spawned, metrics.completed), (1, 1));
    /// for (name, meaning, value) in metrics.each() {
    ///     println!("{name} = {value}: {meaning}");
    /// }
    /// # std::io::Result::Ok(())
    /// ```
    pub fn metrics(&self) -> Metrics {
        self.shared.metrics()
    }

    /// How many tasks wait for a worker, and where.
    pub fn queue_lengths(&self) -> QueueLengths {
        self.shared.queue_lengths()
    }

    /// Number of tasks that are not over.
    pub fn n_tasks(&self) -> usize {
        self.shared.n_tasks()
    }

    /// Number of workers.
    pub fn n_workers(&self) -> usize {
        self.shared.n_workers()
    }

    /// Nanoseconds since the runtime was built (virtual in a seeded runtime).
    pub fn now_ns(&self) -> u64 {
        self.shared.env.now_ns()
    }

    /// Whether time is virtual.
    pub fn is_virtual(&self) -> bool {
        self.shared.is_virtual
    }

    /// A number below `n` (at least 1): random, or made from the seed.
    pub fn choose(&self, n: u32) -> u32 {
        self.shared.env.choose(n, Choice::Program)
    }

    /// Hash of everything a seeded runtime did so far.
    pub fn trace_hash(&self) -> u64 {
        self.shared.env.trace_hash()
    }

    /// A token for a foreign source of wake-ups (a thread that reads the terminal): while it is
    /// held, [`Runtime::run`] does not think that all tasks wait for ever.
    pub fn keep_alive(&self) -> KeepAlive {
        // AcqRel: pairs with the look at quietness.
        self.shared.n_keep_alive.fetch_add(1, Ordering::AcqRel);
        KeepAlive { shared: self.shared.clone() }
    }
}

/// See [`Handle::keep_alive`].
#[derive(Debug)]
pub struct KeepAlive {
    shared: Arc<Shared>,
}

impl Drop for KeepAlive {
    fn drop(&mut self) {
        // AcqRel: pairs with the look at quietness.
        self.shared.n_keep_alive.fetch_sub(1, Ordering::AcqRel);
        self.shared.quiet_hint();
    }
}
