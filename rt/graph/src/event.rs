//! What happens in a run, told as it happens.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::TaskError;
use crate::report::TaskReport;
use crate::state::State;

/// One thing that happened in a run.
///
/// ```
/// use std::sync::mpsc;
/// use vitte_graph::{Event, Task, TaskExecutor};
///
/// let (sender, events) = mpsc::channel();
/// let mut exec = TaskExecutor::new(2);
/// exec.add(Task::new("a", || ()));
/// exec.observe(move |event| {
///     let line = match event {
///         Event::State { task, state, .. } => format!("{task} is {state}"),
///         Event::Ended { report, .. } => format!("{} {}", report.name, report.state),
///         _ => return,
///     };
///     let _ = sender.send(line); // what is slow, others do
/// });
/// exec.run_all()?;
/// drop(exec);
/// assert_eq!(events.iter().collect::<Vec<_>>(), ["a is ready", "a is running", "a completed"]);
/// # Ok::<(), vitte_graph::GraphError>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A task that has not ended changed its state.
    #[non_exhaustive]
    State {
        /// Its name.
        task: &'a str,
        /// The new state: ready, running or waiting.
        state: State,
    },
    /// An attempt failed and another will follow.
    #[non_exhaustive]
    Retry {
        /// The task's name.
        task: &'a str,
        /// The attempt that failed; the first is 1.
        attempt: u32,
        /// Why it failed.
        error: &'a TaskError,
        /// The time until the next one begins.
        delay: Duration,
    },
    /// A task ended.
    #[non_exhaustive]
    Ended {
        /// How.
        report: &'a TaskReport,
    },
}

type Observer = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

/// Who listens to a run. Clones share the listeners.
#[derive(Clone, Default)]
pub(crate) struct Observers(Vec<Observer>);

impl Observers {
    pub(crate) fn add(&mut self, observer: impl Fn(&Event<'_>) + Send + Sync + 'static) {
        self.0.push(Arc::new(observer));
    }

    /// Whether anybody listens.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn emit(&self, event: &Event<'_>) {
        for observer in &self.0 {
            observer(event);
        }
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} observers", self.0.len())
    }
}
