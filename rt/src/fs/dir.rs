//! The entries of a directory.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{FileType, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::on_thread;

/// Entries fetched on one trip to a thread.
const BATCH: usize = 64;

/// Lists a directory, in the order of the system.
///
/// # Errors
///
/// Those of the operating system; `Unsupported` in a seeded runtime.
///
/// # Panics
///
/// Outside of a runtime.
///
/// # Examples
///
/// ```
/// # vitte_rt::runtime::Runtime::new()?.block_on(async {
/// let mut entries = vitte_rt::fs::read_dir(".").await?;
/// let mut n_files = 0;
/// while let Some(entry) = entries.next_entry().await? {
///     n_files += usize::from(entry.file_type().await?.is_file());
/// }
/// assert!(n_files > 0);
/// # std::io::Result::Ok(()) })?;
/// # std::io::Result::Ok(())
/// ```
pub async fn read_dir(path: impl AsRef<Path>) -> io::Result<ReadDir> {
    let path = path.as_ref().to_path_buf();
    let rest = on_thread(move || std::fs::read_dir(path)).await?;
    Ok(ReadDir { rest: Some(rest), fetched: VecDeque::new() })
}

/// The entries of a directory; see [`read_dir`].
#[derive(Debug)]
pub struct ReadDir {
    /// `None` at the end, and on a thread.
    rest: Option<std::fs::ReadDir>,
    fetched: VecDeque<io::Result<std::fs::DirEntry>>,
}

impl ReadDir {
    /// The next entry, `None` at the end. Dropped before it is ready, it ends the listing.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub async fn next_entry(&mut self) -> io::Result<Option<DirEntry>> {
        if self.fetched.is_empty()
            && let Some(mut rest) = self.rest.take()
        {
            let fetch = move || {
                let fetched: VecDeque<_> = rest.by_ref().take(BATCH).collect();
                Ok((fetched, rest))
            };
            let (fetched, rest) = on_thread(fetch).await?;
            self.rest = (!fetched.is_empty()).then_some(rest);
            self.fetched = fetched;
        }
        let entry = self.fetched.pop_front().transpose()?;
        Ok(entry.map(|entry| DirEntry(Arc::new(entry))))
    }
}

/// One entry of a directory.
#[derive(Clone, Debug)]
pub struct DirEntry(Arc<std::fs::DirEntry>);

impl DirEntry {
    /// Its path, beginning with that of the directory.
    pub fn path(&self) -> PathBuf {
        self.0.path()
    }

    /// Its name in the directory.
    pub fn file_name(&self) -> OsString {
        self.0.file_name()
    }

    /// What the system knows of it; of a link itself.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub async fn metadata(&self) -> io::Result<Metadata> {
        let entry = self.0.clone();
        on_thread(move || entry.metadata()).await
    }

    /// Whether it is a file, a directory or a link.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub async fn file_type(&self) -> io::Result<FileType> {
        let entry = self.0.clone();
        on_thread(move || entry.file_type()).await
    }
}
