//! The rules of a task: when it may run, how often it is tried, what its failure does.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::TaskError;
use crate::state::State;

/// When a task may run, given how its dependencies ended.
///
/// ```
/// use vitte_graph::{State, Task, TaskError, TaskExecutor, Trigger};
///
/// let mut exec = TaskExecutor::new(1);
/// exec.add(Task::new("deploy", || Err::<(), _>(TaskError::new("no route"))));
/// exec.add(Task::depends_on("announce", &["deploy"], || println!("it is out")));
/// exec.add(
///     Task::depends_on("roll back", &["deploy"], || println!("as before")).trigger(Trigger::AnyFailed),
/// );
/// exec.add(Task::depends_on("clean up", &["deploy"], || ()).trigger(Trigger::AllDone));
/// assert!(exec.run_all().is_err());
/// let states: Vec<_> = exec.tasks().map(|task| task.state).collect();
/// assert_eq!(states, [State::Failed, State::Skipped, State::Completed, State::Completed]);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Trigger {
    /// When all of them completed; skipped as soon as one did not.
    #[default]
    AllSucceeded,
    /// When all of them ended, in whatever way.
    AllDone,
    /// When all of them ended and at least one failed; skipped otherwise.
    AnyFailed,
}

/// What the failure of a task does to the rest of the graph.
///
/// ```
/// use vitte_graph::{OnFailure, State, Task, TaskError, TaskExecutor};
///
/// let mut exec = TaskExecutor::new(1);
/// exec.on_failure(OnFailure::FailFast); // of all tasks that do not say otherwise
/// exec.add(
///     Task::new("lint", || Err::<(), _>(TaskError::new("two spaces"))).on_failure(OnFailure::Continue),
/// );
/// exec.add(Task::depends_on("build", &["lint"], || println!("all the same")));
/// assert!(exec.run_all().is_err());
/// let states: Vec<_> = exec.tasks().map(|task| task.state).collect();
/// assert_eq!(states, [State::Failed, State::Completed]);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum OnFailure {
    /// Nothing new starts; what runs is let finish.
    FailFast,
    /// Its dependants are skipped, all others run.
    #[default]
    SkipDependants,
    /// Its dependants run as if it had completed (they cannot read its output).
    Continue,
}

/// How often a task is tried, and how long it waits in between.
///
/// The delay before attempt `n + 1` is `first × factor^(n − 1)`, at most `cap`; with jitter it is
/// drawn evenly from the upper half of that (the "equal jitter" of Marc Brooker, *Exponential
/// Backoff And Jitter*, 2015), by the chooser of the runtime, so that a seeded run repeats it.
///
/// ```
/// use std::time::Duration;
/// use vitte_graph::{Retry, Task};
///
/// let retry = Retry::attempts(5)
///     .backoff(Duration::from_millis(100), 2.0)
///     .cap(Duration::from_secs(2))
///     .when(|error| error.downcast_ref::<std::io::Error>().is_some());
/// let fetch = Task::new("fetch", || std::fs::read_to_string("/proc/version")).retry(retry);
/// # drop(fetch);
/// ```
#[derive(Clone)]
pub struct Retry {
    pub(crate) max_attempts: u32,
    first: Duration,
    factor: f64,
    cap: Duration,
    jitter: bool,
    when: Option<Arc<Transient>>,
}

/// Whether an error is worth another attempt.
type Transient = dyn Fn(&TaskError) -> bool + Send + Sync;

impl Retry {
    /// At most `n` attempts (0 counts as 1), the first delay 100 ms, doubled each time up to 30 s,
    /// with jitter.
    pub fn attempts(n: u32) -> Self {
        Self {
            max_attempts: n.max(1),
            first: Duration::from_millis(100),
            factor: 2.0,
            cap: Duration::from_secs(30),
            jitter: true,
            when: None,
        }
    }

    /// The first delay, and by what each next one is larger (1 or more; less counts as 1).
    #[must_use]
    pub fn backoff(mut self, first: Duration, factor: f64) -> Self {
        self.first = first;
        self.factor = if factor >= 1.0 { factor } else { 1.0 };
        self
    }

    /// The longest delay.
    #[must_use]
    pub fn cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// Whether delays are drawn at random below their bound (they are unless this says no).
    #[must_use]
    pub fn jitter(mut self, jitter: bool) -> Self {
        self.jitter = jitter;
        self
    }

    /// Which errors are transient, so worth another attempt. Without this, all that are not
    /// [permanent](TaskError::is_permanent).
    #[must_use]
    pub fn when(mut self, transient: impl Fn(&TaskError) -> bool + Send + Sync + 'static) -> Self {
        self.when = Some(Arc::new(transient));
        self
    }

    pub(crate) fn is_transient(&self, error: &TaskError) -> bool {
        match &self.when {
            Some(when) => when(error),
            None => !error.is_permanent(),
        }
    }

    /// The delay after `n_failed` (1 or more) attempts; `choose(n)` draws one of `n` numbers.
    pub(crate) fn delay(&self, n_failed: u32, choose: impl FnOnce(u32) -> u32) -> Duration {
        let power = self.factor.powf(f64::from(n_failed.saturating_sub(1)));
        let wanted = self.first.as_secs_f64() * power;
        let cap = self.cap.as_secs_f64();
        let bound = Duration::from_secs_f64(wanted.min(cap).max(0.0));
        if !self.jitter {
            return bound;
        }
        let half = bound / 2;
        half + half.mul_f64(f64::from(choose(1 << 16)) / f64::from(1 << 16))
    }
}

impl Default for Retry {
    /// One attempt.
    fn default() -> Self {
        Self::attempts(1)
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("max_attempts", &self.max_attempts)
            .field("first", &self.first)
            .field("factor", &self.factor)
            .field("cap", &self.cap)
            .field("jitter", &self.jitter)
            .finish_non_exhaustive()
    }
}

/// How the dependencies of a task ended that did not complete, counted.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Ended {
    /// Failed ones, those that say [`OnFailure::Continue`] included.
    pub(crate) failed: u32,
    /// Skipped or cancelled ones.
    pub(crate) dropped: u32,
    /// Failed ones that stop their dependants.
    pub(crate) blocking: u32,
}

/// What the dependencies say to a task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Wait,
    Run,
    Skip,
}

impl Ended {
    /// Counts one more dependency that ended.
    pub(crate) fn count(&mut self, state: State, on_failure: OnFailure) {
        match state {
            State::Completed => {}
            State::Failed => {
                self.failed += 1;
                self.blocking += u32::from(on_failure != OnFailure::Continue);
            }
            _ => self.dropped += 1,
        }
    }

    /// What they say; `all` if none is left to end.
    pub(crate) fn verdict(self, trigger: Trigger, all: bool) -> Verdict {
        let blocked = self.blocking + self.dropped > 0;
        match trigger {
            Trigger::AllSucceeded if blocked => Verdict::Skip,
            _ if !all => Verdict::Wait,
            Trigger::AnyFailed if self.failed == 0 => Verdict::Skip,
            _ => Verdict::Run,
        }
    }
}
