//! The scheduler as a library: tasks are made, submitted, run in the order of a policy.
//!
//! ```text
//!  Task::{spawn, future, every, frame} ─ name, priority, group, deadline, delay
//!        │ submit: waits for a place (bounded)
//!        ▼
//!  a task of the runtime: the plain ones as they are, the others inside of `tracked`
//!        │ queued by its class (super::policy), run by whichever worker is free
//!        ▼
//!  TaskHandle: join, cancel, set_priority
//! ```
//!
//! The façade adds what the runtime's tasks do not have: delays, periods, deadlines that are watched,
//! groups with names, a bound. A task that uses none of it costs what a task of the runtime costs, and
//! shares no counter with others.

mod builder;
mod group;
mod handle;
mod statistics;
mod task;
mod tracking;

use std::future::Future;
use std::io;
use std::ops::Deref;
use std::panic::Location;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

pub use builder::Builder;
pub use group::{Group, Member, Subgroup};
pub use handle::TaskHandle;
pub use statistics::{Missed, Statistics};
pub use task::{Call, Every, Frame, Full, Task};

use builder::OnMissed;
use statistics::Waits;
use task::Traits;
use tracking::{Tracking, tracked};

use crate::coroutine::{self, FrameTask};
use crate::runtime::{self, Handle, Policy, Runtime};
use crate::scheduler::ThreadCx;
use crate::shutdown::{ShutdownReport, ShutdownStages};
use crate::sync::{OwnedSemaphorePermit, Semaphore};
use crate::task::{Details, Origin, spawn_future};

/// Runs closures, futures and coroutines on worker threads of its own, in the order of a [`Policy`].
///
/// # Guarantees
///
/// * A task is run by one worker at a time. A closure runs once; a panic ends its task, and nothing else.
/// * [`join_all`](Self::join_all) returns when every task that was submitted before has ended, and what
///   those submitted meanwhile; endless [periodic](Task::every) tasks are not waited for.
/// * A bounded scheduler never has more tasks than its [bound](Builder::bound) that were submitted and
///   have not ended.
/// * Never early: a delayed or periodic task starts at its time or later.
/// * Order of the runs, where *run* is a piece of a task between two suspensions (a closure is one run):
///   under [`Fifo`](Policy::Fifo) with one worker, tasks submitted from outside start in the order of
///   their submission, but that each may be overtaken by two of the next 64 (workers take batches, and
///   look past them now and then); several workers take such batches each from the front. Under the other
///   policies, with any number of workers, the next run is exactly that of the policy: [`Lifo`](Policy::Lifo) the newest;
///   [`Priority`](Policy::Priority) the oldest of the most urgent, and a priority that was passed over 32
///   times first, once; [`Fair`](Policy::Fair) groups get runs in proportion to their shares as long as
///   they have any waiting, and so do subgroups of what their group gets;
///   [`Deadline`](Policy::Deadline) the earliest deadline.
/// * With a [seed](Builder::seed) everything is repeated exactly: order, virtual time, choices.
///
/// Dropping it cancels what has not ended; call [`join_all`](Self::join_all) first to have it end by
/// itself.
///
/// # Examples
///
/// ```
/// use vitte_rt::scheduler::{Scheduler, Task};
///
/// let sched = Scheduler::new(4)?;
/// sched.submit(Task::spawn(|| println!("in thread {:?}", std::thread::current().id())));
/// let answer = sched.submit(Task::future(async { 6 * 7 }));
/// sched.join_all();
/// assert_eq!(answer.join()?, 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Scheduler {
    runtime: Runtime,
    submitter: Submitter,
}

/// Submits tasks to a [`Scheduler`], from any thread and from its own tasks. Clones are cheap and do not
/// keep the scheduler: what is submitted after its end is cancelled.
///
/// # Examples
///
/// ```
/// use vitte_rt::scheduler::{Scheduler, Task};
///
/// let sched = Scheduler::new(2)?;
/// let submitter = sched.submitter().clone();
/// let outer = sched.submit(Task::spawn(move || submitter.submit(Task::spawn(|| 42))));
/// assert_eq!(outer.join()?.join()?, 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Submitter {
    handle: Handle,
    front: Arc<Front>,
}

/// What a scheduler has beside its runtime.
struct Front {
    policy: Policy,
    /// A place per task that may be there; none without a bound.
    places: Option<Arc<Semaphore>>,
    /// None unless waits are measured.
    waits: Option<Waits>,
    on_missed: Option<OnMissed>,
    n_missed: AtomicU64,
    n_groups: AtomicU32,
}

impl std::fmt::Debug for Front {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Front({:?})", self.policy)
    }
}

impl Front {
    fn new(options: &Builder) -> Self {
        Front {
            policy: options.policy,
            places: options.bound.map(|n| Arc::new(Semaphore::new(n))),
            waits: options.measured.then(|| Waits::new(options.policy)),
            on_missed: options.on_missed.clone(),
            n_missed: AtomicU64::new(0),
            n_groups: AtomicU32::new(1),
        }
    }

    /// Whether a task about which nothing was said can be run as it is.
    fn adds_nothing(&self) -> bool {
        self.waits.is_none() && self.policy != Policy::Priority
    }
}

impl Scheduler {
    /// A scheduler with `workers` threads, FIFO and unbounded.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for no workers; else when the system has no thread or no poller to give.
    pub fn new(workers: usize) -> io::Result<Self> {
        Self::builder(workers).build()
    }

    /// A scheduler with `workers` threads of which more is to be said.
    pub fn builder(workers: usize) -> Builder {
        Builder::new(workers)
    }

    fn build(options: &Builder) -> io::Result<Self> {
        let builder = match options.seed {
            Some(seed) => runtime::Builder::seeded(seed),
            None => runtime::Builder::multi_thread(),
        };
        let runtime = builder.workers(options.n_workers).policy(options.policy).build()?;
        runtime.handle().measure_latency(options.measured);
        let front = Arc::new(Front::new(options));
        let submitter = Submitter { handle: runtime.handle().clone(), front };
        Ok(Scheduler { runtime, submitter })
    }

    /// What submits to it, to be given to others.
    pub fn submitter(&self) -> &Submitter {
        &self.submitter
    }

    /// Waits until every task has ended, those included that tasks submit meanwhile. Endless periodic
    /// tasks are not waited for: they run on.
    ///
    /// # Panics
    ///
    /// Inside of one of its tasks ([`drained`](Submitter::drained) is for there), and in a seeded
    /// scheduler when the tasks that are left wait for something that can never come (with the dump).
    pub fn join_all(&self) {
        self.runtime.block_on(self.drained());
    }

    /// Its runtime, whose tasks it waits for as for its own.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Ends it in stages: tasks are told, then cancelled, then dropped.
    pub fn shutdown(self, stages: ShutdownStages) -> ShutdownReport {
        self.runtime.shutdown_in_stages(stages)
    }
}

impl Deref for Scheduler {
    type Target = Submitter;

    fn deref(&self) -> &Submitter {
        &self.submitter
    }
}

impl Submitter {
    /// Submits a task. A bounded scheduler that is full makes the caller wait for a place (a seeded one
    /// runs tasks meanwhile).
    ///
    /// # Panics
    ///
    /// Inside of a task of a bounded scheduler, where waiting would hold up the worker that is to make
    /// room: [`try_submit`](Self::try_submit) or [`submit_async`](Self::submit_async) there.
    #[track_caller]
    pub fn submit<F>(&self, task: Task<F>) -> TaskHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.start(task, self.wait_for_place(), Location::caller())
    }

    /// Submits a task if there is a place for it now.
    ///
    /// # Errors
    ///
    /// [`Full`], with the task.
    #[track_caller]
    pub fn try_submit<F>(&self, task: Task<F>) -> Result<TaskHandle<F::Output>, Full<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let place = match &self.front.places {
            None => None,
            Some(places) => match places.clone().try_acquire_owned() {
                Ok(place) => Some(place),
                Err(_) => return Err(Full(task)),
            },
        };
        Ok(self.start(task, place, Location::caller()))
    }

    /// Submits a task as soon as there is a place for it, in the order of asking. Dropped before that,
    /// nothing was submitted.
    #[track_caller]
    pub fn submit_async<F>(
        &self,
        task: Task<F>,
    ) -> impl Future<Output = TaskHandle<F::Output>> + use<'_, F>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let location = Location::caller();
        #[allow(
            clippy::async_yields_async,
            reason = "a submission gives a handle, which is a future"
        )]
        async move {
            let place = self.place().await;
            self.start(task, place, location)
        }
    }

    /// Submits a coroutine ([`Task::frame`]); it counts as one task more where it is watched: with a
    /// deadline, a delay, a bound, or measured.
    ///
    /// # Errors
    ///
    /// `OutOfMemory` if there is none for its frame; nothing was submitted then.
    ///
    /// # Panics
    ///
    /// As [`submit`](Self::submit).
    #[track_caller]
    pub fn submit_frame<I: FnOnce(NonNull<u8>)>(
        &self,
        task: Task<Frame<I>>,
    ) -> io::Result<FrameTask> {
        let place = self.wait_for_place();
        let (location, now_ns) = (Location::caller(), self.handle.now_ns());
        let Task { future: Frame { machine, fill, options }, traits } = task;
        let origin = self.origin(location, &traits, now_ns);
        // SAFETY: the machine is valid and outlives the task (`Task::frame`).
        let frame = unsafe { coroutine::alloc_task(&self.handle.shared, machine, origin) };
        let frame = frame.ok_or(io::ErrorKind::OutOfMemory)?;
        fill(frame);
        // SAFETY: `fill` has initialised the frame; the rest is the contract of `Task::frame`.
        let task = unsafe { coroutine::spawn_frame(frame, options) };
        if place.is_some() || traits.deadline.is_some() {
            let tracking = Tracking::new(self, &traits, place, now_ns);
            let end = task.join();
            let watch = tracked(None, tracking, async move {
                end.await;
            });
            let origin = self.origin(location, &traits, now_ns);
            drop(spawn_future(&self.handle.shared, watch, origin));
        }
        Ok(task)
    }

    /// Waits until every task has ended; as [`Scheduler::join_all`], for tasks of other schedulers. One
    /// of its own would wait for itself.
    pub async fn drained(&self) {
        self.handle.shared.drained().await;
    }

    /// Asks every task to stop: those that have not begun never do, futures are dropped at their next
    /// suspension, closures that run go on to their end.
    pub fn cancel_all(&self) {
        self.handle.cancel_all();
    }

    /// A new group of tasks that gets `shares` beside other groups, under [`Policy::Fair`].
    pub fn group(&self, name: &str, shares: u32) -> Group {
        // Relaxed: only distinctness matters.
        let key = self.front.n_groups.fetch_add(1, Ordering::Relaxed);
        Group::new(name, key, shares, self.front.waits.as_ref())
    }

    /// The policy.
    pub fn policy(&self) -> Policy {
        self.front.policy
    }

    /// What it has done so far, and how long its queues are.
    pub fn statistics(&self) -> Statistics {
        let bound = self.front.places.as_ref();
        Statistics {
            n_tasks: self.handle.n_tasks(),
            n_free_places: bound.map(|places| places.available_permits()),
            n_missed: self.front.n_missed.load(Ordering::Relaxed),
            queued: self.handle.queue_lengths(),
            counters: self.handle.metrics(),
            latency: self.handle.latency(),
            waits: self.front.waits.as_ref().map(Waits::snapshot).unwrap_or_default(),
        }
    }

    /// The handle of its runtime.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        let places = self.front.places.clone()?;
        Some(places.acquire_owned().await.expect("the places are never closed"))
    }

    /// Waits on this thread until there is a place.
    #[track_caller]
    fn wait_for_place(&self) -> Option<OwnedSemaphorePermit> {
        let places = self.front.places.as_ref()?;
        let inside = ThreadCx::is_inside(&self.handle.shared);
        assert!(
            !inside,
            "`submit` inside of a task of the same bounded scheduler: `try_submit`, or await \
             `submit_async`"
        );
        match places.clone().try_acquire_owned() {
            Ok(place) => Some(place),
            Err(_) => self.handle.drive(self.place(), true).unwrap_or_else(|dump| {
                panic!("no place ever gets free: {}", runtime::Stalled { dump })
            }),
        }
    }

    /// What the runtime is to know of a task that is submitted at `now_ns`.
    fn origin(&self, location: &'static Location<'static>, traits: &Traits, now_ns: u64) -> Origin {
        Origin::detailed(Details {
            name: traits.name.clone(),
            class: traits.class(now_ns),
            may_change: self.front.policy == Policy::Priority,
            ..Details::new(location)
        })
    }

    fn start<F>(
        &self,
        task: Task<F>,
        place: Option<OwnedSemaphorePermit>,
        location: &'static Location<'static>,
    ) -> TaskHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let Task { future, traits } = task;
        let shared = &self.handle.shared;
        if traits.are_plain() && place.is_none() && self.front.adds_nothing() {
            return TaskHandle(spawn_future(shared, future, Origin::plain(location)));
        }
        let now_ns = self.handle.now_ns();
        let origin = self.origin(location, &traits, now_ns);
        if !traits.are_tracked() && place.is_none() && self.front.waits.is_none() {
            return TaskHandle(spawn_future(shared, future, origin));
        }
        let tracking = Tracking::new(self, &traits, place, now_ns);
        let begin_ns = traits.begin_ns(now_ns);
        TaskHandle(spawn_future(shared, tracked(begin_ns, tracking, future), origin))
    }
}

/// `duration` after `now_ns`, at most the end of time.
fn after(now_ns: u64, duration: Duration) -> u64 {
    now_ns.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}
