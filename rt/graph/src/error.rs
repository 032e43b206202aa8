//! What can go wrong: in a task ([`TaskError`]), and with a graph ([`GraphError`]).

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use vitte_rt::task::panic_text;

use crate::report::Report;

/// Why an attempt of a task failed. Made from any error by `?`.
///
/// It does not implement [`Error`] itself, so that every error can become one.
///
/// ```
/// use vitte_graph::TaskError;
///
/// fn number(text: &str) -> Result<u16, TaskError> {
///     if text.is_empty() {
///         return Err(TaskError::permanent("no number")); // trying again is of no use
///     }
///     Ok(text.parse()?)
/// }
/// assert!(number("").unwrap_err().is_permanent());
/// let error = number("70000").unwrap_err();
/// assert!(error.downcast_ref::<std::num::ParseIntError>().is_some() && !error.is_permanent());
/// ```
#[derive(Debug)]
pub struct TaskError {
    kind: FailureKind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
    permanent: bool,
}

/// The ways an attempt can fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FailureKind {
    /// The body answered an error.
    Error,
    /// The body panicked.
    Panicked,
    /// The body took longer than the task allows.
    TimedOut,
    /// The task was cancelled while it ran.
    Cancelled,
    /// The journal says that earlier runs began it as often as it may be and none saw its end.
    Poisoned,
}

impl TaskError {
    /// An error that trying again may cure.
    pub fn new(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::Error, message: message.into(), source: None, permanent: false }
    }

    /// An error that no retry can cure.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self { permanent: true, ..Self::new(message) }
    }

    pub(crate) fn panicked(payload: &(dyn std::any::Any + Send)) -> Self {
        let said = panic_text(payload);
        Self { kind: FailureKind::Panicked, ..Self::permanent(format!("panicked: {said}")) }
    }

    pub(crate) fn timed_out(after: Duration, what: &str) -> Self {
        let message = format!("{what} took longer than {after:?}");
        Self { kind: FailureKind::TimedOut, ..Self::new(message) }
    }

    pub(crate) fn cancelled() -> Self {
        Self { kind: FailureKind::Cancelled, ..Self::permanent("cancelled") }
    }

    pub(crate) fn poisoned(attempts: u32) -> Self {
        Self {
            kind: FailureKind::Poisoned,
            ..Self::permanent(format!(
                "begun {attempts} times by earlier runs that did not live to see its end; it is on \
                 the dead-letter list of the journal: change the task, or run with `fresh`, to try \
                 it again"
            ))
        }
    }

    /// This error with all that the attempt printed.
    #[cfg(all(feature = "manifest", unix))]
    pub(crate) fn noting(mut self, printed: &str) -> Self {
        if !printed.is_empty() {
            self.message.push_str(", it printed:\n");
            self.message.push_str(printed.trim_end());
        }
        self
    }

    /// How the attempt failed.
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// Whether no retry can cure it. Panics are permanent, timeouts are not.
    pub fn is_permanent(&self) -> bool {
        self.permanent
    }

    /// The error that the body answered, if it was one of type `E`.
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.source.as_deref()?.downcast_ref()
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let mut cause = self.source.as_deref().and_then(Error::source);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for TaskError {
    fn from(error: E) -> Self {
        Self {
            kind: FailureKind::Error,
            message: error.to_string(),
            source: Some(Box::new(error)),
            permanent: false,
        }
    }
}

/// Why a graph did not run, or not to its end.
///
/// ```
/// use vitte_graph::{GraphError, Task, TaskExecutor};
///
/// let mut exec = TaskExecutor::new(1);
/// for (name, after) in [("a", "b"), ("b", "c"), ("c", "a")] {
///     exec.add(Task::depends_on(name, &[after], || ()));
/// }
/// let Err(GraphError::Cycle { path }) = exec.run_all() else { panic!("a circle") };
/// assert_eq!(path, ["a", "b", "c", "a"]);
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum GraphError {
    /// The executor was made for no workers.
    NoWorkers,
    /// Two tasks have the same name.
    DuplicateName {
        /// The name.
        name: String,
    },
    /// A task waits for one that does not exist.
    UnknownDependency {
        /// The task that waits.
        task: String,
        /// The name it waits for.
        dependency: String,
        /// A name in the graph that looks like it.
        similar: Option<String>,
    },
    /// Tasks wait for each other in a circle.
    Cycle {
        /// The names along the circle; the first is also the last.
        path: Vec<String>,
    },
    /// A task wants more of a pool than the pool has, or a pool that does not exist.
    Pool {
        /// The task.
        task: String,
        /// The pool.
        pool: String,
        /// How many places the task wants.
        wants: u32,
        /// How many places there are; `None` if there is no such pool.
        has: Option<u32>,
    },
    /// The threads of the run could not be had.
    Runtime(io::Error),
    /// The journal could not be used.
    Journal(JournalError),
    /// The run ended and not every task completed.
    Failed(Box<Report>),
}

impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GraphError::NoWorkers => {
                f.write_str("a graph needs at least one worker: give `TaskExecutor::new` 1 or more")
            }
            GraphError::DuplicateName { name } => write!(
                f,
                "two tasks are named `{name}`: names are how tasks refer to each other, give one of \
                 them another"
            ),
            GraphError::UnknownDependency { task, dependency, similar } => {
                write!(f, "task `{task}` depends on `{dependency}`, and there is no such task")?;
                match similar {
                    Some(name) => write!(f, ": did you mean `{name}`?"),
                    None => f.write_str(": add it, or drop the dependency"),
                }
            }
            GraphError::Cycle { path } => write!(
                f,
                "tasks wait for each other in a circle: {}; drop one of these dependencies",
                path.join(" → ")
            ),
            GraphError::Pool { task, pool, wants, has: Some(has) } => write!(
                f,
                "task `{task}` wants {wants} places of pool `{pool}`, which has {has} in all: it \
                 could never run"
            ),
            GraphError::Pool { task, pool, .. } => write!(
                f,
                "task `{task}` wants a place of pool `{pool}`, and there is no such pool: declare \
                 it with `TaskExecutor::pool`"
            ),
            GraphError::Runtime(error) => write!(f, "the workers could not be started: {error}"),
            GraphError::Journal(error) => error.fmt(f),
            GraphError::Failed(report) => report.fmt_failures(f),
        }
    }
}

impl Error for GraphError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            GraphError::Runtime(error) => Some(error),
            GraphError::Journal(error) => error.source(),
            _ => None,
        }
    }
}

impl From<JournalError> for GraphError {
    fn from(error: JournalError) -> Self {
        GraphError::Journal(error)
    }
}

/// Why a journal could not be used.
#[derive(Debug)]
pub struct JournalError {
    /// Where the journal is; empty if it is not a file.
    pub path: PathBuf,
    /// What was wrong.
    pub kind: JournalErrorKind,
}

/// What is wrong with a journal.
#[derive(Debug)]
#[non_exhaustive]
pub enum JournalErrorKind {
    /// Another process, or another executor of this one, has it open.
    InUse,
    /// What is stored there cannot be read, and is not the end of an interrupted write.
    Corrupt(String),
    /// It was written by another version of its format.
    Version {
        /// The version found.
        found: u32,
        /// The version that this library writes.
        expected: u32,
    },
    /// The disk is full, or the file is as large as it may be.
    Full,
    /// Any other failure to read or write.
    Io(io::Error),
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.kind {
            JournalErrorKind::InUse => write!(
                f,
                "journal {path} is in use by another run: wait for its end, or give this one a \
                 journal of its own"
            ),
            JournalErrorKind::Corrupt(what) => write!(
                f,
                "journal {path} cannot be read ({what}): start over with `fresh`, which moves it \
                 aside"
            ),
            JournalErrorKind::Version { found, expected } => write!(
                f,
                "journal {path} has format {found}, this version reads {expected}: start over with \
                 `fresh`, or use the version that wrote it"
            ),
            JournalErrorKind::Full => write!(
                f,
                "journal {path} cannot grow, the disk is full: what was acknowledged is safe; make \
                 room and run again"
            ),
            JournalErrorKind::Io(error) => write!(f, "journal {path}: {error}"),
        }
    }
}

impl Error for JournalError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            JournalErrorKind::Io(error) => Some(error),
            _ => None,
        }
    }
}
