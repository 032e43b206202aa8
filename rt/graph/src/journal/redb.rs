//! A journal in a redb database.
//!
//! One table of tasks (name → checksum and JSON), one of numbers (format, runs). The checksum is the
//! first 8 bytes of the record's blake3 hash, name included; redb's own checksums guard the tree
//! when it is opened after a crash, these guard each record whenever it is read.

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use redb::{Database, ReadableTable, TableDefinition};
use vitte_rt::task::panic_text;

use super::{Journal, Kept, Loaded, Record};
use crate::error::{JournalError, JournalErrorKind};

const TASKS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("tasks");
const NUMBERS: TableDefinition<'_, &str, u64> = TableDefinition::new("numbers");

/// Format of the records. Counts up when an older library could not read a newer journal.
const FORMAT: u32 = 1;

/// A journal in one file.
///
/// ```
/// use vitte_graph::journal::{Journal, RedbJournal};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("build.journal");
/// let journal = RedbJournal::open(&path)?;
/// assert_eq!(journal.begin_run()?.run, 1);
/// // A second one is refused while the first is open.
/// assert!(RedbJournal::open(&path).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RedbJournal {
    /// Taken when it is dropped.
    database: Option<Database>,
    path: PathBuf,
    /// What was found when it was opened.
    notes: Vec<String>,
}

impl Drop for RedbJournal {
    fn drop(&mut self) {
        // Closing writes, and like all of redb panics on damage: what is durable stays durable.
        let database = self.database.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(database)));
    }
}

impl RedbJournal {
    /// Opens the journal at `path`, or makes one.
    ///
    /// # Errors
    ///
    /// If it is in use, damaged beyond repair, of another format, or cannot be read and written.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, JournalError> {
        guarded(path.as_ref(), || Self::open_unguarded(path.as_ref()))
    }

    fn open_unguarded(path: &Path) -> Result<Self, JournalError> {
        let path = path.to_owned();
        let found = |kind| JournalError { path: path.clone(), kind };
        if !path.exists() {
            make(&path).map_err(found)?;
        }
        // How far redb's repair came, in steps: it says so before each.
        let steps = Arc::new(AtomicU32::new(0));
        let told = Arc::clone(&steps);
        let mut builder = Database::builder();
        builder.set_repair_callback(move |repair| {
            told.fetch_or(step_of(repair.progress()), Ordering::Relaxed);
        });
        let mut database = builder.open(&path).map_err(|e| found(database_error(e)))?;
        // Reads every page: damage shows here, before anything is built on it.
        let is_whole = database.check_integrity().map_err(|e| found(database_error(e)))?;
        let steps = steps.load(Ordering::Relaxed);
        let mut notes = Vec::new();
        if steps & CUT != 0 || !is_whole {
            notes.push(format!(
                "journal {}: its end was damaged and has been cut; what was written last is lost, and \
                 those tasks run again",
                path.display()
            ));
        } else if steps & UNCLOSED != 0 {
            notes.push(format!(
                "journal {}: the last run did not live to close it; it goes on from the last record \
                 that is whole",
                path.display()
            ));
        }
        let journal = Self { database: Some(database), path, notes };
        journal.check_format()?;
        Ok(journal)
    }

    /// Moves what is at `path` aside (to the same name with `.old`) and makes an empty journal.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); a journal in use stays where it is.
    pub fn fresh(path: impl AsRef<Path>) -> Result<Self, JournalError> {
        let path = path.as_ref();
        guarded(path, || is_free(path))?;
        let mut old = path.as_os_str().to_owned();
        old.push(".old");
        match fs::rename(path, &old) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                Err(JournalError { path: path.to_owned(), kind: JournalErrorKind::Io(e) })
            }
            _ => Self::open(path),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn database(&self) -> &Database {
        self.database.as_ref().expect("there until it is dropped")
    }

    fn failed(&self, error: impl Into<redb::Error>) -> JournalError {
        JournalError { path: self.path.clone(), kind: storage_error(error.into()) }
    }

    /// Sees to it that all tables exist and that the format is this library's.
    fn check_format(&self) -> Result<(), JournalError> {
        let write = self.database().begin_write().map_err(|e| self.failed(e))?;
        let found = {
            write.open_table(TASKS).map_err(|e| self.failed(e))?;
            let mut numbers = write.open_table(NUMBERS).map_err(|e| self.failed(e))?;
            let found = numbers.get("format").map_err(|e| self.failed(e))?.map(|n| n.value());
            if found.is_none() {
                numbers.insert("format", u64::from(FORMAT)).map_err(|e| self.failed(e))?;
            }
            found.unwrap_or(u64::from(FORMAT))
        };
        if found != u64::from(FORMAT) {
            let kind = JournalErrorKind::Version { found: found as u32, expected: FORMAT };
            return Err(JournalError { path: self.path.clone(), kind });
        }
        write.commit().map_err(|e| self.failed(e))
    }
}

impl Journal for RedbJournal {
    fn begin_run(&self) -> Result<Loaded, JournalError> {
        guarded(&self.path, || self.load(true))
    }

    fn look(&self) -> Result<Loaded, JournalError> {
        guarded(&self.path, || self.load(false))
    }

    fn append(&self, batch: &[Record]) -> Result<(), JournalError> {
        guarded(&self.path, || self.write(batch))
    }
}

impl RedbJournal {
    /// Reads all records, and counts a run if one `begins`.
    fn load(&self, begins: bool) -> Result<Loaded, JournalError> {
        let write = self.database().begin_write().map_err(|e| self.failed(e))?;
        let mut loaded = Loaded { notes: self.notes.clone(), ..Loaded::default() };
        {
            let mut numbers = write.open_table(NUMBERS).map_err(|e| self.failed(e))?;
            let runs = numbers.get("runs").map_err(|e| self.failed(e))?.map_or(0, |n| n.value());
            loaded.run = runs + u64::from(begins);
            if begins {
                numbers.insert("runs", loaded.run).map_err(|e| self.failed(e))?;
            }
            let tasks = write.open_table(TASKS).map_err(|e| self.failed(e))?;
            for entry in tasks.iter().map_err(|e| self.failed(e))? {
                let (name, value) = entry.map_err(|e| self.failed(e))?;
                match decode(name.value(), value.value()) {
                    Some(kept) => {
                        loaded.tasks.insert(name.value().to_owned(), kept);
                    }
                    None => loaded.notes.push(format!(
                        "journal {}: the record of task `{}` is damaged and was left out; the task \
                         runs again",
                        self.path.display(),
                        name.value()
                    )),
                }
            }
        }
        write.commit().map_err(|e| self.failed(e))?;
        Ok(loaded)
    }

    fn write(&self, batch: &[Record]) -> Result<(), JournalError> {
        let write = self.database().begin_write().map_err(|e| self.failed(e))?;
        {
            let mut tasks = write.open_table(TASKS).map_err(|e| self.failed(e))?;
            for record in batch {
                let value = encode(&record.task, &record.kept);
                tasks.insert(&*record.task, value.as_slice()).map_err(|e| self.failed(e))?;
            }
        }
        write.commit().map_err(|e| self.failed(e))
    }
}

/// redb repairs a database that was not closed.
const UNCLOSED: u32 = 1;
/// The newest commit made no sense, and redb goes back to the one before.
const CUT: u32 = 2;

/// Which of these redb means when it tells how far a repair is: 0 at its begin, 0.3 when it gives the
/// newest commit up, 0.6 and 0.9 while it counts pages.
fn step_of(progress: f64) -> u32 {
    match progress {
        p if p <= 0.0 => UNCLOSED,
        p if p < 0.5 => CUT,
        _ => 0,
    }
}

/// Calls into redb, which panics on pages that make no sense: to us, damage like any other.
fn guarded<T>(
    path: &Path,
    call: impl FnOnce() -> Result<T, JournalError>,
) -> Result<T, JournalError> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|payload| {
        let what = format!("a page that makes no sense: {}", panic_text(&*payload));
        Err(JournalError { path: path.to_owned(), kind: JournalErrorKind::Corrupt(what) })
    })
}

/// Refuses a database that another run has open; one that cannot be read is free.
fn is_free(path: &Path) -> Result<(), JournalError> {
    if path.exists()
        && let Err(redb::DatabaseError::DatabaseAlreadyOpen) = Database::open(path)
    {
        return Err(JournalError { path: path.to_owned(), kind: JournalErrorKind::InUse });
    }
    Ok(())
}

/// Makes an empty database at `path`, whole or not at all: a process that is killed while redb lays
/// out a new file leaves one that is no database. If another process is faster, its file stays.
fn make(path: &Path) -> Result<(), JournalErrorKind> {
    let mut new = path.as_os_str().to_owned();
    new.push(format!(".new-{}", std::process::id()));
    let result = Database::create(&new).map_err(database_error).and_then(|database| {
        drop(database);
        match fs::hard_link(&new, path) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(JournalErrorKind::Io(e)),
            _ => Ok(()),
        }
    });
    let _ = fs::remove_file(&new);
    result
}

/// Bytes of the checksum before a record.
const SUM_BYTES: usize = 8;

fn checksum(task: &str, json: &[u8]) -> [u8; SUM_BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(task.len() as u64).to_le_bytes());
    hasher.update(task.as_bytes());
    hasher.update(json);
    let mut sum = [0; SUM_BYTES];
    hasher.finalize_xof().fill(&mut sum);
    sum
}

fn encode(task: &str, kept: &Kept) -> Vec<u8> {
    let json = serde_json::to_vec(kept).expect("strings and numbers are JSON");
    [&checksum(task, &json)[..], &json].concat()
}

fn decode(task: &str, value: &[u8]) -> Option<Kept> {
    let (sum, json) = value.split_at_checked(SUM_BYTES)?;
    if sum != checksum(task, json) {
        return None;
    }
    serde_json::from_slice(json).ok()
}

fn database_error(error: redb::DatabaseError) -> JournalErrorKind {
    match error {
        redb::DatabaseError::DatabaseAlreadyOpen => JournalErrorKind::InUse,
        other => storage_error(other.into()),
    }
}

fn storage_error(error: redb::Error) -> JournalErrorKind {
    match error {
        redb::Error::DatabaseAlreadyOpen => JournalErrorKind::InUse,
        redb::Error::Io(e)
            if matches!(
                e.kind(),
                io::ErrorKind::StorageFull
                    | io::ErrorKind::QuotaExceeded
                    | io::ErrorKind::FileTooLarge
            ) =>
        {
            JournalErrorKind::Full
        }
        redb::Error::Io(e) if e.kind() == io::ErrorKind::InvalidData => {
            JournalErrorKind::Corrupt(e.to_string())
        }
        redb::Error::Io(e) => JournalErrorKind::Io(e),
        other => JournalErrorKind::Corrupt(other.to_string()),
    }
}
