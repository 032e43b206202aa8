//! What is said of a scheduler before it is built.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::{Missed, Scheduler};
use crate::runtime::Policy;

/// Is told of missed deadlines.
pub(super) type OnMissed = Arc<dyn Fn(&Missed) + Send + Sync>;

/// Builds a [`Scheduler`].
///
/// # Examples
///
/// ```
/// use vitte_rt::runtime::Policy;
/// use vitte_rt::scheduler::{Scheduler, Task};
///
/// let sched = Scheduler::builder(2).policy(Policy::Priority).bound(100).build()?;
/// sched.submit(Task::spawn(|| println!("soon")).priority(0));
/// sched.join_all();
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone)]
pub struct Builder {
    pub(super) n_workers: usize,
    pub(super) policy: Policy,
    pub(super) seed: Option<u64>,
    pub(super) bound: Option<usize>,
    pub(super) measured: bool,
    pub(super) on_missed: Option<OnMissed>,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Builder { n_workers, policy, seed, bound, measured, on_missed } = self;
        f.debug_struct("Builder")
            .field("n_workers", n_workers)
            .field("policy", policy)
            .field("seed", seed)
            .field("bound", bound)
            .field("measured", measured)
            .field("on_missed", &on_missed.is_some())
            .finish()
    }
}

impl Builder {
    pub(super) fn new(n_workers: usize) -> Self {
        Builder {
            n_workers,
            policy: Policy::Fifo,
            seed: None,
            bound: None,
            measured: false,
            on_missed: None,
        }
    }

    /// The order of the tasks; [`Policy::Fifo`] unless told otherwise, which is the fastest.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Deterministic: virtual workers and virtual time, in an order made from `seed`. Tasks run on the
    /// thread that waits for them, while it does ([`Scheduler::join_all`],
    /// [`TaskHandle::join`](super::TaskHandle::join), a full [`submit`](super::Submitter::submit)).
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// At most `n_tasks` tasks (0 counts as 1) that were submitted and have not ended: more wait to be
    /// submitted. So memory is bounded, and who submits goes at the pace of the workers.
    #[must_use]
    pub fn bound(mut self, n_tasks: usize) -> Self {
        self.bound = Some(n_tasks.clamp(1, crate::sync::Semaphore::MAX_PERMITS));
        self
    }

    /// Measures how long tasks wait for their first run, by priority or group
    /// ([`Statistics::waits`](super::Statistics::waits)), and for each run
    /// ([`Statistics::latency`](super::Statistics::latency)). Some hundred nanoseconds per task.
    #[must_use]
    pub fn measured(mut self) -> Self {
        self.measured = true;
        self
    }

    /// Calls `report` for each task that ends after its deadline, on the thread on which it ends.
    #[must_use]
    pub fn on_missed(mut self, report: impl Fn(&Missed) + Send + Sync + 'static) -> Self {
        self.on_missed = Some(Arc::new(report));
        self
    }

    /// Builds the scheduler and starts its threads.
    ///
    /// # Errors
    ///
    /// As [`Scheduler::new`].
    pub fn build(self) -> io::Result<Scheduler> {
        Scheduler::build(&self)
    }
}
