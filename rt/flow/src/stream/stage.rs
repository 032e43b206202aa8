//! What is said of a stage besides what it does.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// A stage's name and settings. A plain name is a stage with one task and an edge of 1,024 items.
///
/// ```
/// use vitte_flow::{OnError, Stage};
///
/// let parse = Stage::named("parse").parallel(4).unordered().capacity(256).retry(2).on_error(OnError::Skip);
/// # drop(parse);
/// ```
#[derive(Clone, Debug)]
pub struct Stage {
    pub(crate) name: Arc<str>,
    pub(crate) n_tasks: usize,
    pub(crate) ordered: bool,
    pub(crate) capacity: usize,
    pub(crate) n_retries: u32,
    pub(crate) on_error: OnError,
}

/// What happens to an item for which a closure answers an error, when its retries are spent.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use vitte_flow::{OnError, Pipeline, Stage};
///
/// let letters = Arc::new(Mutex::new(Vec::new()));
/// let told = Arc::clone(&letters);
/// let dead = OnError::DeadLetter(Arc::new(move |error| told.lock().unwrap().push(error.to_string())));
/// let line = Pipeline::new();
/// let numbers = line
///     .source("words", ["1", "two", "3"])
///     .try_map(Stage::named("parse").retry(1).on_error(dead), |word| word.parse::<u32>())
///     .collect("numbers");
/// line.run(1)?;
/// assert_eq!(numbers.take(), [1, 3]);
/// assert_eq!(*letters.lock().unwrap(), ["invalid digit found in string"]);
/// # Ok::<(), vitte_flow::FlowError>(())
/// ```
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum OnError {
    /// The pipeline ends with the error.
    #[default]
    Fail,
    /// The item is left out.
    Skip,
    /// The item is left out and the function is told why.
    DeadLetter(Arc<DeadLetter>),
}

/// Is told why an item was left out.
pub type DeadLetter = dyn Fn(&(dyn Error + Send + Sync)) + Send + Sync;

impl fmt::Debug for OnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OnError::Fail => "Fail",
            OnError::Skip => "Skip",
            OnError::DeadLetter(_) => "DeadLetter",
        })
    }
}

impl Stage {
    /// A stage of that name with the usual settings.
    pub fn named(name: &str) -> Self {
        Self {
            name: Arc::from(name),
            n_tasks: 1,
            ordered: true,
            capacity: 1024,
            n_retries: 0,
            on_error: OnError::Fail,
        }
    }

    /// Works on `n` batches at a time (0 counts as 1).
    #[must_use]
    pub fn parallel(mut self, n: usize) -> Self {
        self.n_tasks = n.max(1);
        self
    }

    /// Gives results as they come instead of in the order of the items.
    #[must_use]
    pub fn unordered(mut self) -> Self {
        self.ordered = false;
        self
    }

    /// Items that the edge behind it holds at most (0 counts as 1).
    #[must_use]
    pub fn capacity(mut self, n: usize) -> Self {
        self.capacity = n.max(1);
        self
    }

    /// How often a closure that answers an error is called again for the same item.
    #[must_use]
    pub fn retry(mut self, n: u32) -> Self {
        self.n_retries = n;
        self
    }

    /// What happens when it still answers an error.
    #[must_use]
    pub fn on_error(mut self, what: OnError) -> Self {
        self.on_error = what;
        self
    }
}

impl From<&str> for Stage {
    fn from(name: &str) -> Self {
        Stage::named(name)
    }
}
