//! How a run ended: the counts, each task on request, and a table for people.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Serialize;

use crate::node::Node;
use crate::state::State;

/// How one task stands after (or during) a run.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct TaskReport {
    /// Its name.
    pub name: Arc<str>,
    /// Its state.
    pub state: State,
    /// Attempts begun, those of earlier runs of the same journal included.
    pub n_attempts: u32,
    /// Whether the journal remembered it, so that it did not run.
    pub remembered: bool,
    /// Why it did not complete.
    pub error: Option<String>,
    /// Start of its first attempt and end of its last, in nanoseconds of the runtime's clock; only
    /// with [`TaskExecutor::timing`](crate::TaskExecutor::timing).
    pub span_ns: Option<(u64, u64)>,
}

impl TaskReport {
    pub(crate) fn of(node: &Node) -> Self {
        let links = node.links();
        let error = links.result.as_ref().and_then(|r| r.as_ref().err());
        Self {
            name: Arc::clone(&node.name),
            state: node.state.get(),
            n_attempts: node.n_attempts.load(Ordering::Relaxed),
            remembered: links.is_remembered(),
            error: error.map(ToString::to_string),
            span_ns: links.rare.as_ref().and_then(|r| r.span_ns),
        }
    }

    /// From the start of the first attempt to the end of the last.
    pub fn duration(&self) -> Option<Duration> {
        self.span_ns.map(|(start, end)| Duration::from_nanos(end.saturating_sub(start)))
    }
}

/// How a run ended.
///
/// ```
/// use vitte_graph::{GraphError, State, Task, TaskError, TaskExecutor};
///
/// let mut exec = TaskExecutor::new(1);
/// exec.add(Task::new("good", || ()));
/// exec.add(Task::new("bad", || Err::<(), _>(TaskError::new("out of paper"))));
/// let Err(GraphError::Failed(report)) = exec.run_all() else { panic!("one fails") };
/// assert_eq!((report.count(State::Completed), report.unfinished.len()), (1, 1));
/// assert_eq!(report.unfinished[0].error.as_deref(), Some("out of paper"));
/// assert!(report.to_string().starts_with("1 completed, 1 failed in "));
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    counts: [usize; State::ALL.len()],
    n_remembered: usize,
    /// Wall time of the run.
    pub elapsed: Duration,
    /// The tasks that did not complete, in the order of their addition.
    pub unfinished: Vec<TaskReport>,
}

impl Report {
    /// All of `n` tasks completed, of which the journal remembered some.
    pub(crate) fn completed(n: usize, n_remembered: usize, elapsed: Duration) -> Self {
        let mut counts = [0; State::ALL.len()];
        counts[State::Completed as usize] = n;
        Self { counts, n_remembered, elapsed, unfinished: Vec::new() }
    }

    /// The tasks ended in different ways.
    pub(crate) fn of<'a>(
        nodes: impl Iterator<Item = &'a Node>,
        n_remembered: usize,
        elapsed: Duration,
    ) -> Self {
        let mut report = Self::completed(0, n_remembered, elapsed);
        for node in nodes {
            let state = node.state.get();
            report.counts[state as usize] += 1;
            if state != State::Completed {
                report.unfinished.push(TaskReport::of(node));
            }
        }
        report
    }

    /// How many tasks ended in a state.
    pub fn count(&self, state: State) -> usize {
        self.counts[state as usize]
    }

    /// How many of the completed ones the journal remembered.
    pub fn n_remembered(&self) -> usize {
        self.n_remembered
    }

    /// Whether every task completed.
    pub fn is_success(&self) -> bool {
        self.unfinished.is_empty()
    }

    pub(crate) fn fmt_failures(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed = self.unfinished.iter().filter(|t| t.state == State::Failed);
        write!(f, "{self}")?;
        for task in failed.clone().take(MAX_NAMED) {
            let why = task.error.as_deref().unwrap_or("no reason was recorded");
            write!(f, "\n  `{}` failed: {why}", task.name)?;
        }
        match failed.count().saturating_sub(MAX_NAMED) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

/// Failures that the message of an error names.
const MAX_NAMED: usize = 10;

/// `3 completed (1 remembered), 1 failed, 2 skipped in 12ms`
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for state in State::ALL {
            let n = self.count(state);
            if n == 0 && state != State::Completed {
                continue;
            }
            write!(f, "{separator}{n} {state}")?;
            separator = ", ";
            if state == State::Completed && self.n_remembered > 0 {
                write!(f, " ({} remembered)", self.n_remembered)?;
            }
        }
        write!(f, " in {:.1?}", self.elapsed)
    }
}
