//! An open file.
//!
//! One operation at a time is on a thread. A write is taken over at once and carried out behind the
//! caller's back; its error comes with the next operation. Reads come in pieces of 64 KiB, what was
//! not asked for yet is kept; a write or a seek first goes back over what was kept.

use std::fs::{Metadata, Permissions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::on_thread;
use crate::net::allow_real;
use crate::runtime::Handle;
use crate::task::JoinHandle;

/// Bytes moved on one trip to a thread, at most.
const PIECE: usize = 64 << 10;

/// What a trip brings back.
#[derive(Debug)]
enum Done {
    Read(Vec<u8>, io::Result<usize>),
    Write(io::Result<()>),
    Seek(io::Result<u64>),
}

#[derive(Debug)]
enum State {
    Idle,
    Busy(JoinHandle<Done>),
}

/// An open file. It implements the traits of `futures-io`: see [`AsyncReadExt`](crate::io::AsyncReadExt),
/// [`AsyncWriteExt`](crate::io::AsyncWriteExt) and [`AsyncSeekExt`](crate::io::AsyncSeekExt) for
/// what can be done with it. Each write is a trip to a thread: small ones belong into a
/// [`BufWriter`](crate::io::BufWriter). Flush before dropping, or an error of the last write is never
/// seen.
///
/// # Examples
///
/// ```
/// use std::io::SeekFrom;
/// use vitte_rt::fs::{self, OpenOptions};
/// use vitte_rt::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
/// # vitte_rt::runtime::Runtime::new()?.block_on(async {
/// let path = std::env::temp_dir().join(format!("vitte-file-{}", std::process::id()));
/// let mut file = OpenOptions::new().read(true).write(true).create(true).open(&path).await?;
/// file.write_all(b"hello").await?;
/// file.seek(SeekFrom::Start(1)).await?;
/// let mut text = String::new();
/// file.read_to_string(&mut text).await?;
/// assert_eq!(text, "ello");
/// fs::remove_file(&path).await?;
/// # std::io::Result::Ok(()) })?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct File {
    inner: Arc<std::fs::File>,
    state: State,
    /// Read and not asked for yet: from `at` on.
    kept: Vec<u8>,
    at: usize,
    /// The last read came to the end, and nobody was told.
    ended: bool,
    /// Of a write that nobody was told about.
    failed: Option<io::Error>,
}

impl File {
    /// Opens a file for reading.
    ///
    /// # Errors
    ///
    /// Those of the operating system; `Unsupported` in a seeded runtime.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub async fn open(path: impl AsRef<Path>) -> io::Result<File> {
        OpenOptions::new().read(true).open(path).await
    }

    /// Opens a file for writing; makes it, or cuts it to nothing.
    ///
    /// # Errors
    ///
    /// Those of the operating system; `Unsupported` in a seeded runtime.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub async fn create(path: impl AsRef<Path>) -> io::Result<File> {
        OpenOptions::new().write(true).create(true).truncate(true).open(path).await
    }

    /// Takes a file of the standard library over.
    pub fn from_std(file: std::fs::File) -> File {
        let inner = Arc::new(file);
        File { inner, state: State::Idle, kept: Vec::new(), at: 0, ended: false, failed: None }
    }

    /// Waits for the last write, then makes sure that contents and metadata are on the disk.
    ///
    /// # Errors
    ///
    /// Those of the operating system, of earlier writes too.
    pub async fn sync_all(&mut self) -> io::Result<()> {
        self.after_writes(std::fs::File::sync_all).await
    }

    /// As [`sync_all`](Self::sync_all), without the metadata that reading does not need.
    ///
    /// # Errors
    ///
    /// As [`sync_all`](Self::sync_all).
    pub async fn sync_data(&mut self) -> io::Result<()> {
        self.after_writes(std::fs::File::sync_data).await
    }

    /// Cuts or extends the file to `bytes`.
    ///
    /// # Errors
    ///
    /// Those of the operating system, of earlier writes too.
    pub async fn set_len(&mut self, bytes: u64) -> io::Result<()> {
        self.after_writes(move |file| file.set_len(bytes)).await
    }

    /// What the system knows of the file, after the writes so far.
    ///
    /// # Errors
    ///
    /// Those of the operating system, of earlier writes too.
    pub async fn metadata(&mut self) -> io::Result<Metadata> {
        self.after_writes(std::fs::File::metadata).await
    }

    /// Changes who may do what with the file.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub async fn set_permissions(&mut self, permissions: Permissions) -> io::Result<()> {
        self.after_writes(move |file| file.set_permissions(permissions)).await
    }

    async fn after_writes<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&std::fs::File) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        std::future::poll_fn(|cx| self.poll_written(cx)).await?;
        let file = self.inner.clone();
        on_thread(move || work(&file)).await
    }

    /// Sends work to a thread.
    fn begin(
        &mut self,
        work: impl FnOnce(&std::fs::File) -> Done + Send + 'static,
    ) -> io::Result<()> {
        let runtime = Handle::current();
        allow_real(&runtime, "files")?;
        let file = self.inner.clone();
        self.state = State::Busy(runtime.spawn_blocking(move || work(&file)));
        Ok(())
    }

    /// Waits until nothing is on a thread. A failed write is noted.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<u64>>> {
        let State::Busy(trip) = &mut self.state else { return Poll::Ready(Ok(None)) };
        let done = ready!(Pin::new(trip).poll(cx));
        self.state = State::Idle;
        match done.map_err(io::Error::other)? {
            Done::Read(mut bytes, result) => {
                let n = result.inspect_err(|_| self.kept.clear())?;
                bytes.truncate(n);
                (self.kept, self.at, self.ended) = (bytes, 0, n == 0);
                Poll::Ready(Ok(None))
            }
            Done::Write(result) => {
                self.failed = result.err();
                Poll::Ready(Ok(None))
            }
            Done::Seek(result) => Poll::Ready(result.map(Some)),
        }
    }

    /// Waits until nothing is on a thread, and reports a failed write.
    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_idle(cx))?;
        Poll::Ready(self.failed.take().map_or(Ok(()), Err))
    }

    /// How far the file's position is ahead of the caller's; forgets what was kept.
    fn take_lead(&mut self) -> i64 {
        let lead = self.kept.len() - self.at;
        self.kept.clear();
        (self.at, self.ended) = (0, false);
        lead as i64
    }
}

impl futures_io::AsyncRead for File {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        loop {
            ready!(self.poll_written(cx))?;
            let this = &mut *self;
            if this.at < this.kept.len() {
                let n = (&this.kept[this.at..]).read(buffer)?;
                this.at += n;
                return Poll::Ready(Ok(n));
            }
            if std::mem::take(&mut this.ended) {
                return Poll::Ready(Ok(0)); // the next read asks again
            }
            let mut bytes = std::mem::take(&mut this.kept);
            this.at = 0;
            bytes.resize(buffer.len().clamp(4096, PIECE), 0);
            this.begin(move |mut file| {
                let result = retry(|| file.read(&mut bytes));
                Done::Read(bytes, result)
            })?;
        }
    }
}

impl futures_io::AsyncWrite for File {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_written(cx))?;
        let bytes = bytes[..bytes.len().min(PIECE)].to_vec();
        let (n, lead) = (bytes.len(), self.take_lead());
        self.begin(move |mut file| {
            let back =
                if lead > 0 { file.seek(SeekFrom::Current(-lead)).map(drop) } else { Ok(()) };
            Done::Write(back.and_then(|()| file.write_all(&bytes)))
        })?;
        Poll::Ready(Ok(n))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_written(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

impl futures_io::AsyncSeek for File {
    fn poll_seek(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: SeekFrom,
    ) -> Poll<io::Result<u64>> {
        loop {
            if let Some(position) = ready!(self.poll_idle(cx))? {
                return Poll::Ready(Ok(position));
            }
            if let Some(error) = self.failed.take() {
                return Poll::Ready(Err(error));
            }
            let lead = self.take_lead();
            let to = match to {
                SeekFrom::Current(by) => SeekFrom::Current(by.saturating_sub(lead)),
                other => other,
            };
            self.begin(move |mut file| Done::Seek(file.seek(to)))?;
        }
    }
}

/// Repeats what a signal interrupted.
fn retry<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match attempt() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// How a file is opened; as [`std::fs::OpenOptions`].
///
/// # Examples
///
/// See [`File`].
#[derive(Clone, Debug)]
pub struct OpenOptions(std::fs::OpenOptions);

impl Default for OpenOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// The switches.
macro_rules! switches {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        pub fn $name(&mut self, on: bool) -> &mut OpenOptions {
            self.0.$name(on);
            self
        }
    )*};
}

impl OpenOptions {
    /// Nothing is allowed yet.
    pub fn new() -> Self {
        OpenOptions(std::fs::OpenOptions::new())
    }

    switches! {
        /// Allows reading.
        read;
        /// Allows writing.
        write;
        /// Writes go to the end.
        append;
        /// Cuts the file to nothing.
        truncate;
        /// Makes the file if it does not exist.
        create;
        /// Makes the file; fails if it exists.
        create_new;
    }

    /// Sets the permissions of a file that is made (Unix).
    #[cfg(unix)]
    pub fn mode(&mut self, mode: u32) -> &mut OpenOptions {
        std::os::unix::fs::OpenOptionsExt::mode(&mut self.0, mode);
        self
    }

    /// Opens the file.
    ///
    /// # Errors
    ///
    /// Those of the operating system; `Unsupported` in a seeded runtime.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub async fn open(&self, path: impl AsRef<Path>) -> io::Result<File> {
        let (options, path) = (self.0.clone(), path.as_ref().to_path_buf());
        on_thread(move || options.open(path)).await.map(File::from_std)
    }
}
