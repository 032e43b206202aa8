//! What a task gives to its dependants.
//!
//! In: the value a body returns. Out: a [`Stored`] value, which dependants read with its type and
//! which the journal keeps as JSON. A value is turned into JSON only when there is a journal, and
//! back only when somebody reads it.

use std::any::{Any, TypeId, type_name};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::TaskError;

/// A type that a task can give: shared between threads, and kept in the journal by serde.
///
/// Implemented for every type that meets the bounds.
pub trait Output: Serialize + DeserializeOwned + Send + Sync + 'static {}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Output for T {}

/// What a body may return: nothing, or `Result<T, E>` with an [`Output`] and an error.
///
/// ```
/// use vitte_graph::Task;
///
/// let quiet = Task::new("quiet", || println!("cannot fail"));
/// let size = Task::new("size", || std::fs::read("/etc/hostname").map(|bytes| bytes.len()));
/// # drop((quiet, size));
/// ```
pub trait Outcome: 'static {
    /// What dependants can read.
    type Value: Output;

    /// The value, or why there is none.
    ///
    /// # Errors
    ///
    /// The body's error, as a [`TaskError`].
    fn into_result(self) -> Result<Self::Value, TaskError>;
}

impl Outcome for () {
    type Value = ();

    fn into_result(self) -> Result<(), TaskError> {
        Ok(())
    }
}

impl<T: Output, E: Into<TaskError> + 'static> Outcome for Result<T, E> {
    type Value = T;

    fn into_result(self) -> Result<T, TaskError> {
        self.map_err(Into::into)
    }
}

/// An output whose type only its maker and its readers know.
#[derive(Clone)]
pub(crate) enum Stored {
    /// The unit value: nothing to keep.
    Unit,
    /// Made in this run.
    Live(Arc<dyn Erased>),
    /// Read from the journal.
    Json(Arc<str>),
}

impl Stored {
    pub(crate) fn new<T: Output>(value: T) -> Self {
        if TypeId::of::<T>() == TypeId::of::<()>() {
            return Stored::Unit;
        }
        Stored::Live(Arc::new(value))
    }

    /// The value as a `T`; `task` names it in the error.
    pub(crate) fn read<T: Output>(&self, task: &str) -> Result<Arc<T>, TaskError> {
        let wrong = |found: &str| {
            TaskError::permanent(format!(
                "the output of `{task}` is {found}, but it is read as {}: read it with the type \
                 its body gives",
                type_name::<T>()
            ))
        };
        match self {
            Stored::Unit => Self::from_json("null").map_err(|_| wrong("nothing")),
            Stored::Live(value) => {
                let found = value.type_name();
                Arc::clone(value).into_any().downcast().map_err(|_| wrong(found))
            }
            Stored::Json(text) => {
                Self::from_json(text).map_err(|e| wrong(&format!("kept as `{text}` ({e})")))
            }
        }
    }

    fn from_json<T: Output>(text: &str) -> Result<Arc<T>, serde_json::Error> {
        serde_json::from_str(text).map(Arc::new)
    }

    /// The value as the journal keeps it.
    pub(crate) fn to_json(&self) -> Result<Arc<str>, TaskError> {
        match self {
            Stored::Unit => Ok(Arc::from("null")),
            Stored::Live(value) => value.to_json(),
            Stored::Json(text) => Ok(Arc::clone(text)),
        }
    }
}

/// An [`Output`] behind a pointer.
pub(crate) trait Erased: Send + Sync {
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
    fn to_json(&self) -> Result<Arc<str>, TaskError>;
    fn type_name(&self) -> &'static str;
}

impl<T: Output> Erased for T {
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }

    fn to_json(&self) -> Result<Arc<str>, TaskError> {
        match serde_json::to_string(self) {
            Ok(text) => Ok(text.into()),
            Err(e) => Err(TaskError::permanent(format!(
                "its output ({}) cannot be kept in the journal: {e}",
                type_name::<T>()
            ))),
        }
    }

    fn type_name(&self) -> &'static str {
        type_name::<T>()
    }
}
