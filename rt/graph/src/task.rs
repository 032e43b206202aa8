//! A task as its author describes it: a name, a body, dependencies and rules.
//!
//! What few tasks have (rules, parameters, declared files) lies behind one pointer, so that a graph
//! of a hundred thousand plain tasks stays small and its run has one thing to look at.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::context::Context;
use crate::error::TaskError;
use crate::output::{Outcome, Stored};
use crate::policy::{OnFailure, Retry, Trigger};

/// A named piece of work.
///
/// | made by | the body | runs on |
/// | --- | --- | --- |
/// | [`Task::new`], [`Task::depends_on`] | `FnMut() -> R` | a worker |
/// | [`Task::with`] | `FnMut(&Context) -> R` | a worker |
/// | [`Task::blocking`] | `FnMut(&Context) -> R` | a thread kept for blocking work |
/// | [`Task::future`] | `FnMut(Context) -> impl Future<Output = R>` | the workers |
///
/// `R` is `()` or a `Result` ([`Outcome`]). Bodies are `FnMut` because a retry, and a second run of
/// the same graph, call them again.
///
/// ```
/// use vitte_graph::{Context, Task, TaskError, TaskExecutor};
///
/// let mut exec = TaskExecutor::new(2);
/// exec.add(Task::with("count", |_: &Context| Ok::<_, TaskError>(20_u32)));
/// exec.add(
///     Task::with("double", |cx: &Context| Ok::<_, TaskError>(*cx.output::<u32>("count")? * 2))
///         .after(&["count"]),
/// );
/// exec.run_all()?;
/// assert_eq!(*exec.output::<u32>("double")?, 40);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Task {
    pub(crate) name: Arc<str>,
    pub(crate) dependencies: Vec<Arc<str>>,
    pub(crate) body: Body,
    pub(crate) rules: Option<Box<Rules>>,
}

type SyncBody = Box<dyn FnMut(&Context) -> Result<Stored, TaskError> + Send>;
type BoxFuture = Pin<Box<dyn Future<Output = Result<Stored, TaskError>> + Send>>;

/// What a task does.
pub(crate) enum Body {
    Sync(SyncBody),
    Blocking(SyncBody),
    Async(Box<dyn FnMut(Context) -> BoxFuture + Send>),
}

/// What only some tasks have.
#[derive(Clone, Default)]
pub(crate) struct Rules {
    pub(crate) retry: Retry,
    pub(crate) timeout: Option<Duration>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) priority: i32,
    pub(crate) pool: Option<(Arc<str>, u32)>,
    pub(crate) trigger: Trigger,
    pub(crate) on_failure: Option<OnFailure>,
    pub(crate) params: BTreeMap<String, serde_json::Value>,
    pub(crate) inputs: Vec<PathBuf>,
    pub(crate) outputs: Vec<PathBuf>,
    pub(crate) depfile: Option<Depfile>,
    pub(crate) env: Vec<String>,
    pub(crate) version: String,
    pub(crate) forgotten: bool,
}

/// A file that lists further inputs.
#[derive(Clone)]
pub(crate) struct Depfile {
    pub(crate) path: PathBuf,
    /// The folder that the paths in it are relative to.
    pub(crate) dir: PathBuf,
}

impl Rules {
    /// Whether an attempt may have to wait for something, or must be watched.
    pub(crate) fn makes_wait(&self) -> bool {
        self.retry.max_attempts > 1
            || self.timeout.is_some()
            || self.deadline.is_some()
            || self.pool.is_some()
    }
}

/// A sync body of the executor's own kind.
fn erase<R: Outcome>(mut body: impl FnMut(&Context) -> R + Send + 'static) -> SyncBody {
    Box::new(move |cx| body(cx).into_result().map(Stored::new))
}

impl Task {
    fn make(name: &str, body: Body) -> Self {
        Self { name: Arc::from(name), dependencies: Vec::new(), body, rules: None }
    }

    /// A closure that depends on nothing (until [`after`](Task::after) says otherwise).
    pub fn new<R: Outcome>(name: &str, mut body: impl FnMut() -> R + Send + 'static) -> Self {
        Self::make(name, Body::Sync(erase(move |_| body())))
    }

    /// A closure that runs after the tasks named.
    pub fn depends_on<R: Outcome>(
        name: &str,
        dependencies: &[&str],
        body: impl FnMut() -> R + Send + 'static,
    ) -> Self {
        Self::new(name, body).after(dependencies)
    }

    /// A closure that is told about the task it runs for: outputs of dependencies, parameters, the
    /// attempt.
    pub fn with<R: Outcome>(name: &str, body: impl FnMut(&Context) -> R + Send + 'static) -> Self {
        Self::make(name, Body::Sync(erase(body)))
    }

    /// As [`with`](Task::with), for a closure that blocks: on files, on a child process, on a lock.
    pub fn blocking<R: Outcome>(
        name: &str,
        body: impl FnMut(&Context) -> R + Send + 'static,
    ) -> Self {
        Self::make(name, Body::Blocking(erase(body)))
    }

    /// An async body: each attempt makes a future.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_graph::{Task, TaskExecutor};
    ///
    /// let mut exec = TaskExecutor::new(1);
    /// exec.add(Task::future("nap", |_| async {
    ///     vitte_rt::time::sleep(Duration::from_millis(1)).await;
    /// }));
    /// exec.run_all()?;
    /// # Ok::<(), vitte_graph::GraphError>(())
    /// ```
    pub fn future<F, R>(name: &str, mut body: impl FnMut(Context) -> F + Send + 'static) -> Self
    where
        F: Future<Output = R> + Send + 'static,
        R: Outcome,
    {
        let body = move |cx: Context| -> BoxFuture {
            let future = body(cx);
            Box::pin(async move { future.await.into_result().map(Stored::new) })
        };
        Self::make(name, Body::Async(Box::new(body)))
    }

    /// The task's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn rules(&mut self) -> &mut Rules {
        self.rules.get_or_insert_default()
    }

    /// Adds dependencies. A name given twice counts once.
    #[must_use]
    pub fn after(mut self, dependencies: &[&str]) -> Self {
        for &name in dependencies {
            if !self.dependencies.iter().any(|d| **d == *name) {
                self.dependencies.push(Arc::from(name));
            }
        }
        self
    }

    /// How often it is tried. Without this: once.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.rules().retry = retry;
        self
    }

    /// The longest time for one attempt.
    ///
    /// An async body is dropped when it is over. A closure cannot be stopped: its
    /// [`Context::is_cancelled`] becomes true, and when it returns the attempt counts as timed out.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.rules().timeout = Some(timeout);
        self
    }

    /// The longest time for all attempts and the delays between them, from the first attempt on.
    #[must_use]
    pub fn overall_timeout(mut self, timeout: Duration) -> Self {
        self.rules().deadline = Some(timeout);
        self
    }

    /// Among ready tasks, higher ones are taken first; 0 without this. It can be changed while the
    /// task is queued ([`Control::set_priority`](crate::Control::set_priority)).
    #[must_use]
    pub fn priority(mut self, priority: i32) -> Self {
        self.rules().priority = priority;
        self
    }

    /// Takes `n` places of a [pool](crate::TaskExecutor::pool) while an attempt runs.
    #[must_use]
    pub fn pool(mut self, name: &str, n: u32) -> Self {
        self.rules().pool = Some((Arc::from(name), n));
        self
    }

    /// When it may run, given how its dependencies ended.
    #[must_use]
    pub fn trigger(mut self, trigger: Trigger) -> Self {
        self.rules().trigger = trigger;
        self
    }

    /// What its failure does; without this, what the executor says.
    #[must_use]
    pub fn on_failure(mut self, what: OnFailure) -> Self {
        self.rules().on_failure = Some(what);
        self
    }

    /// A parameter, which the body reads by [`Context::param`]. Part of the task's fingerprint.
    ///
    /// # Panics
    ///
    /// If serde cannot turn `value` into JSON (a map whose keys are no strings).
    #[must_use]
    pub fn param(mut self, name: &str, value: impl Serialize) -> Self {
        let value = serde_json::to_value(value)
            .unwrap_or_else(|e| panic!("parameter `{name}` of task `{}`: {e}", self.name));
        self.rules().params.insert(name.to_owned(), value);
        self
    }

    /// A file whose content it reads. Part of its fingerprint.
    #[must_use]
    pub fn input(mut self, path: impl Into<PathBuf>) -> Self {
        self.rules().inputs.push(path.into());
        self
    }

    /// A file that its body writes, with a rule for make (`target: inputs`) that names further files
    /// it has read, relative to `dir`. They are part of its fingerprint as if they were
    /// [inputs](Self::input).
    #[must_use]
    pub fn depfile(mut self, path: impl Into<PathBuf>, dir: impl Into<PathBuf>) -> Self {
        self.rules().depfile = Some(Depfile { path: path.into(), dir: dir.into() });
        self
    }

    /// A file that it makes. A remembered task runs again if one of them is gone.
    #[must_use]
    pub fn creates(mut self, path: impl Into<PathBuf>) -> Self {
        self.rules().outputs.push(path.into());
        self
    }

    /// An environment variable whose value it reads. Part of its fingerprint.
    #[must_use]
    pub fn env(mut self, name: &str) -> Self {
        self.rules().env.push(name.to_owned());
        self
    }

    /// What the body does, in a word that changes when the body does. Part of its fingerprint: a
    /// closure's code cannot be seen from here.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.rules().version);
        self
    }

    /// Keeps it out of the journal: it runs in every run.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.rules().forgotten = true;
        self
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("name", &self.name)
            .field("dependencies", &self.dependencies)
            .finish_non_exhaustive()
    }
}
