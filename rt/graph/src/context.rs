//! What a body is told about the task it runs for, and what it may do to the run.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::de::DeserializeOwned;

use crate::error::TaskError;
use crate::node::{Node, NodeIdx};
use crate::output::Output;
use crate::run::Run;
use crate::state::State;
use crate::task::Task;

/// The task that a body runs for.
///
/// ```
/// use vitte_graph::{Context, Task, TaskError, TaskExecutor};
///
/// let mut exec = TaskExecutor::new(2);
/// exec.add(
///     Task::with("split", |cx: &Context| {
///         for part in 0..cx.param::<u32>("parts")? {
///             let body = move || println!("part {part}");
///             cx.add_child(Task::new(&part.to_string(), body))?; // `split/0` and so on
///         }
///         Ok::<_, TaskError>(cx.idempotency_key())
///     })
///     .param("parts", 3),
/// );
/// exec.add(Task::with("join", |cx: &Context| cx.output::<String>("split").map(drop)).after(&["split"]));
/// exec.run_all()?;
/// assert_eq!(exec.tasks().count(), 5);
/// # Ok::<(), vitte_graph::GraphError>(())
/// ```
#[derive(Clone)]
pub struct Context {
    pub(crate) run: Arc<Run>,
    pub(crate) node: NodeIdx,
}

impl Context {
    pub(crate) fn node(&self) -> &Node {
        self.run.node(self.node)
    }

    /// The task's name.
    pub fn name(&self) -> &str {
        &self.node().name
    }

    /// Which attempt this is; the first is 1. Attempts of earlier runs of the same journal count.
    pub fn attempt(&self) -> u32 {
        self.node().n_attempts.load(Ordering::Relaxed)
    }

    /// Whether the body should end: the run was cancelled, or the attempt has used up its time.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_graph::{Context, Task, TaskError, TaskExecutor};
    ///
    /// let mut exec = TaskExecutor::new(1);
    /// exec.add(
    ///     Task::blocking("search", |cx: &Context| {
    ///         while !cx.is_cancelled() {
    ///             std::thread::sleep(Duration::from_millis(1)); // a piece of the work
    ///         }
    ///         Err::<(), _>(TaskError::new("found nothing in time"))
    ///     })
    ///     .timeout(Duration::from_millis(5)),
    /// );
    /// let error = exec.run_all().unwrap_err().to_string();
    /// assert!(error.contains("`search` failed: the attempt took longer than 5ms"), "{error}");
    /// ```
    pub fn is_cancelled(&self) -> bool {
        let node = self.node();
        node.is_cancelled() || node.is_over_time(&self.run.clock)
    }

    /// The output of a dependency.
    ///
    /// # Errors
    ///
    /// If the task does not depend on `name`, if `name` gave no output (it failed, and the trigger
    /// rule let this task run all the same), or if its output is of another type.
    pub fn output<T: Output>(&self, name: &str) -> Result<Arc<T>, TaskError> {
        let run = &self.run;
        let node = self.node();
        let found = node.dependencies.iter().find_map(|&symbol| {
            let idx = run.graph.node_of(symbol)?;
            (*run.node(idx).name == *name).then_some(idx)
        });
        let Some(idx) = found else {
            return Err(TaskError::permanent(format!(
                "task `{}` reads the output of `{name}` without depending on it: add \
                 `.after(&[\"{name}\"])`",
                node.name
            )));
        };
        run.graph.output(idx)
    }

    /// The task's parameter of that name.
    ///
    /// # Errors
    ///
    /// If there is none, or if it is not a `T`.
    pub fn param<T: DeserializeOwned>(&self, name: &str) -> Result<T, TaskError> {
        let node = self.node();
        let value = node.rules.as_ref().and_then(|r| r.params.get(name)).ok_or_else(|| {
            TaskError::permanent(format!(
                "task `{}` has no parameter `{name}`: add `.param(\"{name}\", …)`",
                node.name
            ))
        })?;
        serde_json::from_value(value.clone()).map_err(|e| {
            TaskError::permanent(format!("parameter `{name}` of task `{}`: {e}", node.name))
        })
    }

    /// A name for this execution that stays the same however often it is repeated after a crash, to
    /// hand to a service that should act once. Another run over unchanged inputs that executes the
    /// task anew (`fresh`) has another one.
    pub fn idempotency_key(&self) -> String {
        self.run.idempotency_key(self.node)
    }

    /// Adds a child: a task `parent/child` that runs now. This task ends when its body and all its
    /// children have ended, and fails if one of them does. Children may depend on each other (by
    /// their own names, without the parent's), on those added before.
    ///
    /// # Errors
    ///
    /// If there is a child of that name, or one depends on a name that is not a child of this task.
    pub fn add_child(&self, child: Task) -> Result<(), TaskError> {
        self.run.add_child(self.node, child)
    }

    /// How a dependency ended; `None` if the task does not depend on it.
    pub fn state_of(&self, name: &str) -> Option<State> {
        self.node().dependencies.iter().find_map(|&symbol| {
            let node = self.run.node(self.run.graph.node_of(symbol)?);
            (*node.name == *name).then(|| node.state.get())
        })
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("task", &self.name())
            .field("attempt", &self.attempt())
            .finish_non_exhaustive()
    }
}
