//! What is submitted: work, and what is said about it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use vitte_abi::vt_machine;

use super::after;
use super::group::Member;
use crate::coroutine::SpawnOptions;
use crate::task::Class;
use crate::time::{Interval, MissedTickBehavior, interval};

/// Work for a [`Scheduler`](super::Scheduler): a closure, a future, a closure that is called again and
/// again, or a coroutine's frame.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use vitte_rt::scheduler::{Scheduler, Task};
///
/// let sched = Scheduler::builder(2).seed(1).build()?; // virtual time
/// let tick = sched.submit(Task::every(Duration::from_secs(60), || println!("a minute")).times(3));
/// let late = sched.submit(Task::spawn(|| "an hour later").after(Duration::from_secs(3600)));
/// assert_eq!(late.join()?, "an hour later");
/// assert!(tick.is_finished());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a task does nothing until it is submitted"]
#[derive(Debug)]
pub struct Task<F> {
    pub(super) future: F,
    pub(super) traits: Traits,
}

/// What is said about a task.
#[derive(Debug, Default)]
pub(super) struct Traits {
    pub(super) name: Option<Box<str>>,
    pub(super) priority: Option<u8>,
    pub(super) member: Option<Member>,
    pub(super) deadline: Option<Duration>,
    delay: Option<Duration>,
    pub(super) endless: bool,
}

impl Traits {
    /// Whether nothing was said.
    pub(super) fn are_plain(&self) -> bool {
        let for_queue = self.name.is_some() || self.priority.is_some() || self.member.is_some();
        !for_queue && !self.are_tracked()
    }

    /// Whether there is something to do before or after the task.
    pub(super) fn are_tracked(&self) -> bool {
        self.deadline.is_some() || self.delay.is_some() || self.endless
    }

    /// What the policy is to know of the task if it is submitted at `now_ns`.
    pub(super) fn class(&self, now_ns: u64) -> Class {
        let mut class = Class::default();
        if let Some(priority) = self.priority {
            class.priority = priority;
        }
        if let Some(member) = &self.member {
            member.fill(&mut class);
        }
        class.deadline_ns = self.deadline_ns(now_ns);
        class
    }

    /// When it should have ended if it is submitted at `now_ns`.
    pub(super) fn deadline_ns(&self, now_ns: u64) -> Option<u64> {
        self.deadline.map(|deadline| after(now_ns, deadline))
    }

    /// When it may begin.
    pub(super) fn begin_ns(&self, now_ns: u64) -> Option<u64> {
        self.delay.map(|delay| after(now_ns, delay))
    }
}

impl<T, C: FnOnce() -> T> Task<Call<C>> {
    /// A closure, run once on a worker. One that blocks holds the worker up.
    pub fn spawn(closure: C) -> Self {
        Task::of(Call(Some(closure)))
    }
}

impl<F: Future> Task<F> {
    /// A future, run to its end.
    pub fn future(future: F) -> Self {
        Task::of(future)
    }
}

impl<C: FnMut()> Task<Every<C>> {
    /// A closure that is run at once (or at the end of its [delay](Self::after)), then once per `period`,
    /// until it is cancelled: an *endless* task, which `join_all` does not wait for. Ticks that come while
    /// the last run is not over are left out.
    ///
    /// # Panics
    ///
    /// If `period` is zero.
    #[track_caller]
    pub fn every(period: Duration, closure: C) -> Self {
        assert!(!period.is_zero(), "the period of a task is more than zero");
        let mut task =
            Task::of(Every { closure, period, n_left: None, interval: None, is_due: false });
        task.traits.endless = true;
        task
    }

    /// Ends the task after `n` runs: it is not endless any more.
    pub fn times(mut self, n: u64) -> Self {
        self.future.n_left = Some(n);
        self.traits.endless = false;
        self
    }
}

impl<I: FnOnce(NonNull<u8>)> Task<Frame<I>> {
    /// A coroutine of the ABI: `fill` writes its arguments into its root frame. For
    /// [`submit_frame`](super::Submitter::submit_frame). A delay has no meaning for it.
    ///
    /// # Safety
    ///
    /// `machine` is a valid description that outlives the task. `fill` leaves a frame that is initialised
    /// and may be sent to another thread. Code and `options.hooks` outlive the task, as
    /// [`spawn_frame`](crate::coroutine::spawn_frame) wants it.
    pub unsafe fn frame(machine: *const vt_machine, fill: I, options: SpawnOptions) -> Self {
        Task::of(Frame { machine, fill, options })
    }
}

impl<F> Task<F> {
    fn of(future: F) -> Self {
        Task { future, traits: Traits::default() }
    }

    /// A name for dumps, traces and reports.
    pub fn name(mut self, name: &str) -> Self {
        self.traits.name = Some(name.into());
        self
    }

    /// How urgent it is under [`Policy::Priority`](crate::runtime::Policy::Priority): 0 is the most urgent,
    /// 7 the least, 4 what it is without.
    pub fn priority(mut self, priority: u8) -> Self {
        self.traits.priority = Some(priority);
        self
    }

    /// Whose share it counts to under [`Policy::Fair`](crate::runtime::Policy::Fair): a
    /// [`Group`](super::Group) or a [`Subgroup`](super::Subgroup).
    pub fn group(mut self, member: impl Into<Member>) -> Self {
        self.traits.member = Some(member.into());
        self
    }

    /// When it should have ended, counted from its submission. Under
    /// [`Policy::Deadline`](crate::runtime::Policy::Deadline) the earliest goes first; under every policy
    /// it is counted and reported if it ends later ([`on_missed`](super::Builder::on_missed)). It is not
    /// stopped then.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.traits.deadline = Some(deadline);
        self
    }

    /// Begins no earlier than `delay` after its submission.
    pub fn after(mut self, delay: Duration) -> Self {
        self.traits.delay = Some(delay);
        self
    }
}

/// A closure as a future that is ready at once.
pub struct Call<C>(Option<C>);

impl<C> fmt::Debug for Call<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Call")
    }
}

// The closure is moved out before it is called: nothing is pinned.
impl<C> Unpin for Call<C> {}

impl<T, C: FnOnce() -> T> Future for Call<C> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<T> {
        let closure = self.0.take().expect("a closure is run once");
        Poll::Ready(closure())
    }
}

/// A closure that is run once per period.
pub struct Every<C> {
    closure: C,
    period: Duration,
    /// Runs to come; none if there is no end to them.
    n_left: Option<u64>,
    /// Made at the first run.
    interval: Option<Interval>,
    /// A tick has come for which it has not run.
    is_due: bool,
}

impl<C> fmt::Debug for Every<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Every({:?})", self.period)
    }
}

// The closure is called where it lies, by reference: nothing is pinned.
impl<C> Unpin for Every<C> {}

impl<C: FnMut()> Future for Every<C> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let period = this.period;
        let interval = this.interval.get_or_insert_with(|| {
            let mut interval = interval(period);
            interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
            interval
        });
        if this.n_left == Some(0) {
            return Poll::Ready(());
        }
        if !std::mem::take(&mut this.is_due) {
            ready!(interval.poll_tick(cx));
        }
        (this.closure)();
        if let Some(n) = &mut this.n_left {
            *n -= 1;
            if *n == 0 {
                return Poll::Ready(());
            }
        }
        if interval.poll_tick(cx).is_ready() {
            // The run took longer than a period: the next one is queued as any other task is.
            this.is_due = true;
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

/// A coroutine's machine, and what fills its root frame.
pub struct Frame<I> {
    pub(super) machine: *const vt_machine,
    pub(super) fill: I,
    pub(super) options: SpawnOptions,
}

impl<I> fmt::Debug for Frame<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Frame")
    }
}

/// A bounded scheduler had no place for the task, which is given back.
///
/// # Examples
///
/// ```
/// use vitte_rt::scheduler::{Full, Scheduler, Task};
///
/// let sched = Scheduler::builder(1).bound(1).build()?;
/// let blocker = sched.submit(Task::future(std::future::pending::<()>()));
/// let Err(Full(task)) = sched.try_submit(Task::spawn(|| 5)) else { panic!("there is one place") };
/// blocker.cancel();
/// assert_eq!(sched.submit(task).join()?, 5); // waits for the place
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Full<F>(pub Task<F>);

impl<F> fmt::Display for Full<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the scheduler has as many tasks as it may have: submit it later, or wait")
    }
}

impl<F: fmt::Debug> std::error::Error for Full<F> {}
