//! Figures of a graph while it runs and afterwards.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use crate::graph::Graph;
use crate::state::State;

/// How the tasks of a graph stand: a picture taken while others change it.
///
/// ```
/// use vitte_graph::{State, Task, TaskExecutor};
///
/// let mut exec = TaskExecutor::new(1);
/// exec.add(Task::new("a", || ()));
/// exec.run_all()?;
/// let metrics = exec.control().metrics();
/// assert_eq!((metrics.count(State::Completed), metrics.n_attempts), (1, 1));
/// assert!(metrics.to_prometheus().contains("vitte_graph_tasks{state=\"completed\"} 1\n"));
/// # Ok::<(), vitte_graph::GraphError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Metrics {
    counts: [usize; State::ALL.len()],
    /// Attempts begun; with a journal, those of earlier runs included that did not end.
    pub n_attempts: u64,
    /// Attempts after the first of their task.
    pub n_retries: u64,
    /// Completed tasks that the journal remembered.
    pub n_remembered: usize,
}

impl Metrics {
    pub(crate) fn of(graph: &Graph) -> Self {
        let mut metrics =
            Self { counts: [0; State::ALL.len()], n_attempts: 0, n_retries: 0, n_remembered: 0 };
        for (_, node) in graph.live() {
            metrics.counts[node.state.get() as usize] += 1;
            let n = u64::from(node.n_attempts.load(Ordering::Relaxed));
            metrics.n_attempts += n;
            metrics.n_retries += n.saturating_sub(1);
            metrics.n_remembered += usize::from(node.is_remembered());
        }
        metrics
    }

    /// How many tasks are in a state.
    pub fn count(&self, state: State) -> usize {
        self.counts[state as usize]
    }

    /// The figures in the text format of Prometheus.
    pub fn to_prometheus(&self) -> String {
        let mut out = String::from("# TYPE vitte_graph_tasks gauge\n");
        for state in State::ALL {
            let n = self.count(state);
            let _ = writeln!(out, "vitte_graph_tasks{{state=\"{state}\"}} {n}");
        }
        for (name, n) in [
            ("attempts", self.n_attempts),
            ("retries", self.n_retries),
            ("remembered", self.n_remembered as u64),
        ] {
            let _ = writeln!(out, "# TYPE vitte_graph_{name} gauge\nvitte_graph_{name} {n}");
        }
        out
    }
}
