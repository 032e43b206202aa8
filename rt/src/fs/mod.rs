//! Files, on the threads for blocking work. Not in seeded runtimes: those refuse with
//! [`Unsupported`](std::io::ErrorKind::Unsupported).
//!
//! The functions are those of [`std::fs`], each one trip to a thread. [`File`] keeps a buffer, so that
//! small reads and writes do not make a trip each.
//!
//! | operation | dropped before it is ready |
//! | --- | --- |
//! | the functions here: `open`, `create`, `write`, `metadata`, `set_permissions`, `try_exists`, `read_dir`, `file_type` and the like | the thread finishes what it has begun, and its result is lost |
//! | those of a [`File`]: `set_len`, `sync_all`, `sync_data`, `metadata`, `set_permissions` | the same; what is called next does not wait for it |
//! | [`ReadDir::next_entry`] | the listing is at its end |

mod dir;
mod file;

use std::fs::{Metadata, Permissions};
use std::io;
use std::path::{Path, PathBuf};

pub use dir::{DirEntry, ReadDir, read_dir};
pub use file::{File, OpenOptions};

use crate::runtime::Handle;

/// Runs work on a thread that may block.
///
/// # Errors
///
/// Those of the work; `Unsupported` in a seeded runtime and in a forked child.
pub(crate) async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let runtime = Handle::current();
    crate::net::allow_real(&runtime, "files")?;
    runtime.spawn_blocking(work).await.map_err(io::Error::other)?
}

/// Functions of `std::fs` whose arguments are paths.
macro_rules! on_paths {
    ($($(#[$doc:meta])* $name:ident($($path:ident),*) -> $output:ty;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        ///
        /// Those of the operating system; `Unsupported` in a seeded runtime.
        ///
        /// # Panics
        ///
        /// Outside of a runtime.
        pub async fn $name($($path: impl AsRef<Path>),*) -> io::Result<$output> {
            $(let $path = $path.as_ref().to_path_buf();)*
            on_thread(move || std::fs::$name($($path),*)).await
        }
    )*};
}

on_paths! {
    /// Reads a file whole.
    ///
    /// # Examples
    ///
    /// ```
    /// use vitte_rt::fs;
    /// # vitte_rt::runtime::Runtime::new()?.block_on(async {
    /// let path = std::env::temp_dir().join(format!("vitte-doc-{}", std::process::id()));
    /// fs::write(&path, "hello").await?;
    /// assert_eq!(fs::read(&path).await?, b"hello");
    /// fs::remove_file(&path).await?;
    /// # std::io::Result::Ok(()) })?;
    /// # std::io::Result::Ok(())
    /// ```
    read(path) -> Vec<u8>;
    /// Reads a file of UTF-8 whole.
    read_to_string(path) -> String;
    /// What the system knows of a file, following links.
    metadata(path) -> Metadata;
    /// What the system knows of a file or link.
    symlink_metadata(path) -> Metadata;
    /// The absolute path without links.
    canonicalize(path) -> PathBuf;
    /// Where a link leads.
    read_link(path) -> PathBuf;
    /// Makes a directory.
    create_dir(path) -> ();
    /// Makes a directory and those above it.
    create_dir_all(path) -> ();
    /// Removes an empty directory.
    remove_dir(path) -> ();
    /// Removes a directory and all in it.
    remove_dir_all(path) -> ();
    /// Removes a file.
    remove_file(path) -> ();
    /// Renames a file, replacing what has the new name.
    rename(from, to) -> ();
    /// Copies a file; answers its length in bytes.
    copy(from, to) -> u64;
    /// Makes another name of a file.
    hard_link(original, link) -> ();
}

/// Writes a file whole, replacing what it held.
///
/// # Errors
///
/// Those of the operating system; `Unsupported` in a seeded runtime.
///
/// # Panics
///
/// Outside of a runtime.
pub async fn write(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> io::Result<()> {
    let (path, contents) = (path.as_ref().to_path_buf(), contents.as_ref().to_vec());
    on_thread(move || std::fs::write(path, contents)).await
}

/// Changes who may do what with a file.
///
/// # Errors
///
/// Those of the operating system; `Unsupported` in a seeded runtime.
///
/// # Panics
///
/// Outside of a runtime.
pub async fn set_permissions(path: impl AsRef<Path>, permissions: Permissions) -> io::Result<()> {
    let path = path.as_ref().to_path_buf();
    on_thread(move || std::fs::set_permissions(path, permissions)).await
}

/// Whether something has this path.
///
/// # Errors
///
/// When that cannot be found out; `Unsupported` in a seeded runtime.
///
/// # Panics
///
/// Outside of a runtime.
pub async fn try_exists(path: impl AsRef<Path>) -> io::Result<bool> {
    let path = path.as_ref().to_path_buf();
    on_thread(move || path.try_exists()).await
}
