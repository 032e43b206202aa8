//! The figures of a scheduler.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::task::Traits;
use crate::insight::Latency;
use crate::metrics::{Histogram, Metrics, Snapshot};
use crate::runtime::{Policy, QueueLengths};

/// What a scheduler has done, and where it stands.
///
/// # Examples
///
/// ```
/// use vitte_rt::scheduler::{Scheduler, Task};
///
/// let sched = Scheduler::builder(2).bound(10).measured().build()?;
/// (0..50).for_each(|_| drop(sched.submit(Task::spawn(|| ()))));
/// sched.join_all();
/// let statistics = sched.statistics();
/// assert_eq!((statistics.n_tasks, statistics.counters.completed), (0, 50));
/// assert_eq!(statistics.n_free_places, Some(10));
/// let (name, wait) = &statistics.waits[0];
/// assert_eq!((&**name, wait.count()), ("fifo", 50));
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Statistics {
    /// Tasks that have not ended.
    pub n_tasks: usize,
    /// Tasks that a bounded scheduler could take at once.
    pub n_free_places: Option<usize>,
    /// Tasks that ended after their deadlines.
    pub n_missed: u64,
    /// Runnable tasks that wait for a worker.
    pub queued: QueueLengths,
    /// Tasks, runs, steals, sleeps and more, counted since it was built.
    pub counters: Metrics,
    /// How long runnable tasks waited for each run, and how long runs took; empty unless
    /// [measured](super::Builder::measured).
    pub latency: Latency,
    /// How long tasks waited for their first run, from the submission or the end of their delay: by
    /// priority, by group, or as one, as the policy tells tasks apart. Empty unless
    /// [measured](super::Builder::measured).
    pub waits: Vec<(Arc<str>, Snapshot)>,
}

/// A task that ended after its deadline.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use vitte_rt::scheduler::{Scheduler, Task};
///
/// let report = |missed: &vitte_rt::scheduler::Missed| {
///     assert_eq!(missed.late_by, Duration::from_secs(60));
/// };
/// let sched = Scheduler::builder(1).seed(1).on_missed(report).build()?; // virtual time
/// let nap = vitte_rt::time::sleep(Duration::from_secs(300));
/// sched.submit(Task::future(nap).deadline(Duration::from_secs(240)));
/// sched.join_all();
/// assert_eq!(sched.statistics().n_missed, 1);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// The task's id.
    pub id: u64,
    /// Its name, if it was given one.
    pub name: Option<Box<str>>,
    /// When it should have ended, in nanoseconds of the runtime's clock
    /// ([`Handle::now_ns`](crate::runtime::Handle::now_ns)).
    pub deadline_ns: u64,
    /// How much later it did.
    pub late_by: Duration,
}

/// Waits for the first run, by what the policy tells tasks apart by.
#[derive(Clone, Debug)]
pub(super) struct Waits {
    policy: Policy,
    all: Arc<Mutex<Vec<Entry>>>,
}

type Entry = (Arc<str>, Arc<Histogram>);

impl Waits {
    pub(super) fn new(policy: Policy) -> Self {
        let waits = Waits { policy, all: Arc::default() };
        match policy {
            Policy::Fifo => drop(waits.add("fifo")),
            Policy::Lifo => drop(waits.add("lifo")),
            Policy::Priority => {
                (0..=LEAST_URGENT).for_each(|p| drop(waits.add(&format!("priority {p}"))));
            }
            Policy::Fair => drop(waits.add("no group")),
            Policy::Deadline => {
                drop(waits.add("deadline"));
                drop(waits.add("no deadline"));
            }
        }
        waits
    }

    /// One more kind of task.
    pub(super) fn add(&self, name: &str) -> Arc<Histogram> {
        let histogram = Arc::new(Histogram::default());
        self.all.lock().push((name.into(), histogram.clone()));
        histogram
    }

    /// Where the wait of a task is noted.
    pub(super) fn of(&self, traits: &Traits) -> Arc<Histogram> {
        if let Some(wait) = traits.member.as_ref().and_then(|member| member.wait())
            && self.policy == Policy::Fair
        {
            return wait.clone();
        }
        let at = match self.policy {
            Policy::Fifo | Policy::Lifo | Policy::Fair => 0,
            Policy::Priority => {
                let default = crate::task::Class::default().priority;
                usize::from(traits.priority.unwrap_or(default).min(LEAST_URGENT))
            }
            Policy::Deadline => usize::from(traits.deadline.is_none()),
        };
        self.all.lock()[at].1.clone()
    }

    pub(super) fn snapshot(&self) -> Vec<(Arc<str>, Snapshot)> {
        let all = self.all.lock();
        all.iter().map(|(name, histogram)| (name.clone(), histogram.snapshot())).collect()
    }
}

/// The last priority.
const LEAST_URGENT: u8 = super::super::policy::N_PRIORITIES as u8 - 1;
