//! What a run leaves behind, so that the next one does not begin anew.
//!
//! A [`Journal`] keeps one [`Kept`] per task name. [`RedbJournal`] is the one that the executor opens
//! by path: an embedded database (redb: copy-on-write B-trees, a commit is one atomic switch of the
//! root), so that a crash at any moment leaves the last commit.
//!
//! # Guarantees
//!
//! * A task counts as completed, and its dependants start, only after its record is durable.
//! * After a crash the next run repeats at most the tasks that ran: at-least-once execution.
//!   [`Context::idempotency_key`](crate::Context::idempotency_key) is the same in each repetition.
//! * A task is remembered while its [fingerprint](crate::fingerprint) is what it was; one that ran
//!   anew makes its dependants run anew.
//! * A record whose checksum is wrong is left out, with a note; its task runs again.
//! * Two runs never share a journal: the second is refused.
//!
//! At-least-once means that a body may be run again although it did its work, if the process died
//! before the end was durable. Work that must not be done twice says so to whoever does it:
//!
//! ```
//! use std::collections::BTreeSet;
//! use std::sync::{Arc, Mutex};
//! use vitte_graph::{Context, Task, TaskError, TaskExecutor};
//!
//! let folder = tempfile::tempdir()?;
//! let paid = Arc::new(Mutex::new(BTreeSet::new())); // what the bank has seen
//! for _run in 0..2 {
//!     let bank = Arc::clone(&paid);
//!     let mut exec = TaskExecutor::new(1);
//!     exec.journal(folder.path().join("journal"));
//!     exec.add(Task::with("pay", move |cx: &Context| {
//!         // The same key however often this is repeated: the bank pays once.
//!         bank.lock().unwrap().insert(cx.idempotency_key());
//!         Err::<(), _>(TaskError::new("the answer of the bank was lost"))
//!     }));
//!     assert!(exec.run_all().is_err());
//! }
//! assert_eq!(paid.lock().unwrap().len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod redb;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use self::redb::RedbJournal;
use crate::error::JournalError;

/// What is remembered of a task.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Kept {
    /// What the task was when it began: 64 hexadecimal digits.
    pub fingerprint: String,
    /// The run in which it began with this fingerprint.
    pub first_run: u64,
    /// Attempts begun with this fingerprint and not seen to end.
    pub n_begun: u32,
    /// How it ended; `None` while it runs, so after a crash too.
    pub end: Option<KeptEnd>,
}

/// How a task ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptEnd {
    /// It completed.
    Completed {
        /// Stands for this execution in the fingerprints of its dependants: 64 hexadecimal digits.
        stamp: String,
        /// Its output as JSON.
        output: String,
    },
    /// All its attempts failed.
    Failed {
        /// The last error.
        error: String,
    },
}

/// What a journal holds when a run begins.
#[derive(Clone, Default, Debug)]
pub struct Loaded {
    /// Number of this run; the first is 1.
    pub run: u64,
    /// What is remembered, by task name.
    pub tasks: BTreeMap<String, Kept>,
    /// What was found to be damaged and left out, in sentences for the user.
    pub notes: Vec<String>,
}

/// A change of what is remembered: the new record of a task.
#[derive(Clone, Debug)]
pub struct Record {
    /// The task's name.
    pub task: Arc<str>,
    /// What is remembered of it from now on.
    pub kept: Kept,
}

/// A place where what tasks did outlives the process.
///
/// Calls block; the executor makes them on a thread for blocking work, one at a time, and hands over
/// in one batch all that came up meanwhile (group commit).
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use vitte_graph::journal::{Journal, Loaded, Record};
/// use vitte_graph::{JournalError, Task, TaskExecutor};
///
/// /// Outlives executors, but not the process.
/// #[derive(Clone, Default)]
/// struct Memory(Arc<Mutex<Loaded>>);
///
/// impl Journal for Memory {
///     fn begin_run(&self) -> Result<Loaded, JournalError> {
///         let mut loaded = self.0.lock().unwrap();
///         loaded.run += 1;
///         Ok(loaded.clone())
///     }
///
///     fn look(&self) -> Result<Loaded, JournalError> {
///         Ok(self.0.lock().unwrap().clone())
///     }
///
///     fn append(&self, batch: &[Record]) -> Result<(), JournalError> {
///         let records = batch.iter().map(|r| (r.task.to_string(), r.kept.clone()));
///         self.0.lock().unwrap().tasks.extend(records);
///         Ok(())
///     }
/// }
///
/// let memory = Memory::default();
/// for n_remembered in [0, 1] {
///     let mut exec = TaskExecutor::new(1);
///     exec.journal_with(memory.clone());
///     exec.add(Task::new("once", || println!("once")));
///     assert_eq!(exec.run_all()?.n_remembered(), n_remembered);
/// }
/// # Ok::<(), vitte_graph::GraphError>(())
/// ```
pub trait Journal: Send + Sync + 'static {
    /// Counts one more run and answers what is remembered.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read, or not be written.
    fn begin_run(&self) -> Result<Loaded, JournalError>;

    /// Answers what is remembered, without counting a run: for
    /// [`TaskExecutor::forecast`](crate::TaskExecutor::forecast).
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    fn look(&self) -> Result<Loaded, JournalError>;

    /// Makes a batch of records durable, all or none.
    ///
    /// # Errors
    ///
    /// If it could not be made durable; the run is cancelled then.
    fn append(&self, batch: &[Record]) -> Result<(), JournalError>;
}

/// The tasks that a journal has seen fail, or not live to their end in `at_least` attempts.
///
/// ```
/// use vitte_graph::journal::{Journal, RedbJournal, dead_letters};
/// use vitte_graph::{Task, TaskError, TaskExecutor};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("journal");
/// let mut exec = TaskExecutor::new(1);
/// exec.journal(&path);
/// exec.add(Task::new("bad", || Err::<(), _>(TaskError::new("not today"))));
/// assert!(exec.run_all().is_err());
/// let loaded = RedbJournal::open(&path)?.begin_run()?;
/// let names: Vec<_> = dead_letters(&loaded, 3).map(|(name, _)| name).collect();
/// assert_eq!(names, ["bad"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn dead_letters(loaded: &Loaded, at_least: u32) -> impl Iterator<Item = (&str, &Kept)> {
    loaded
        .tasks
        .iter()
        .filter(move |(_, kept)| match &kept.end {
            Some(KeptEnd::Failed { .. }) => true,
            Some(KeptEnd::Completed { .. }) => false,
            None => kept.n_begun >= at_least,
        })
        .map(|(name, kept)| (name.as_str(), kept))
}
