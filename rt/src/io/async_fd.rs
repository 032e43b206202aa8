//! Descriptors that are not ours. Unix only; not in seeded runtimes.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::task::{Context, Poll};

pub use crate::reactor::Interest;
use crate::reactor::{Async, no_drain};
use crate::runtime::Handle;

/// Anything with a descriptor that the poller takes, as an inotify or a `timerfd`: waits until it is
/// readable or writable, and then tries what the caller wants to do with it.
///
/// The descriptor must be in non-blocking mode, and stay the same while it is in here.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use std::os::unix::net::UnixStream;
/// use vitte_rt::io::AsyncFd;
/// # vitte_rt::runtime::Runtime::new()?.block_on(async {
/// let (mut near, far) = UnixStream::pair()?;
/// far.set_nonblocking(true)?;
/// let far = AsyncFd::new(far)?;
/// near.write_all(b"x")?;
/// let mut byte = [0];
/// assert_eq!(far.read_with(|mut socket| socket.read(&mut byte)).await?, 1);
/// # std::io::Result::Ok(()) })?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct AsyncFd<T: AsFd>(Async<T>);

impl<T: AsFd> AsyncFd<T> {
    /// Registers a descriptor with the runtime of the calling task.
    ///
    /// # Errors
    ///
    /// Those of the poller: it does not take regular files, nor the same descriptor twice.
    /// `Unsupported` in a seeded runtime.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub fn new(inner: T) -> io::Result<Self> {
        Ok(AsyncFd(Async::new(&Handle::current().shared, inner)?))
    }

    /// The thing itself.
    pub fn get_ref(&self) -> &T {
        self.0.get_ref()
    }

    /// Takes the thing out of the runtime.
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }

    /// Waits until reading would not wait, or might not.
    ///
    /// # Errors
    ///
    /// Those of the poller.
    pub async fn readable(&self) -> io::Result<()> {
        self.0.ready(Interest::Read).await
    }

    /// Waits until writing would not wait, or might not.
    ///
    /// # Errors
    ///
    /// Those of the poller.
    pub async fn writable(&self) -> io::Result<()> {
        self.0.ready(Interest::Write).await
    }

    /// Repeats `attempt`, waiting for readability while it answers `WouldBlock`.
    ///
    /// # Errors
    ///
    /// Those of the poller and of the attempt.
    pub async fn read_with<R>(
        &self,
        attempt: impl FnMut(&T) -> io::Result<R> + Unpin,
    ) -> io::Result<R> {
        self.0.io(Interest::Read, attempt, no_drain).await
    }

    /// Repeats `attempt`, waiting for writability while it answers `WouldBlock`.
    ///
    /// # Errors
    ///
    /// Those of the poller and of the attempt.
    pub async fn write_with<R>(
        &self,
        attempt: impl FnMut(&T) -> io::Result<R> + Unpin,
    ) -> io::Result<R> {
        self.0.io(Interest::Write, attempt, no_drain).await
    }

    /// As [`read_with`](Self::read_with), for the poll functions of traits: one task waits, the one
    /// that polled last.
    ///
    /// # Errors
    ///
    /// Those of the poller and of the attempt.
    pub fn poll_read_with<R>(
        &self,
        cx: &mut Context<'_>,
        attempt: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.0.poll_io(Interest::Read, cx, attempt, no_drain)
    }

    /// As [`write_with`](Self::write_with), for the poll functions of traits: one task waits, the one
    /// that polled last.
    ///
    /// # Errors
    ///
    /// Those of the poller and of the attempt.
    pub fn poll_write_with<R>(
        &self,
        cx: &mut Context<'_>,
        attempt: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.0.poll_io(Interest::Write, cx, attempt, no_drain)
    }
}

impl<T: AsFd> AsFd for AsyncFd<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }
}

impl<T: AsFd> AsRawFd for AsyncFd<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.0.get_ref().as_fd().as_raw_fd()
    }
}

/// Waits until a descriptor is ready, without keeping it: the wait has a duplicate of its own, so any
/// number of waits may be for the same descriptor, whatever else is registered for it. It need not
/// be in non-blocking mode. Four system calls a wait; [`AsyncFd`] needs none.
///
/// # Errors
///
/// Those of the operating system: `EBADF` if it is closed, `EPERM` for regular files.
/// `Unsupported` in a seeded runtime.
///
/// # Panics
///
/// Outside of a runtime.
///
/// # Examples
///
/// ```
/// use std::io::Write;
/// use vitte_rt::io::{Interest, wait_for};
/// # vitte_rt::runtime::Runtime::new()?.block_on(async {
/// let (reader, mut writer) = std::io::pipe()?;
/// writer.write_all(b"x")?;
/// wait_for(&reader, Interest::Read).await?;
/// # std::io::Result::Ok(()) })?;
/// # std::io::Result::Ok(())
/// ```
pub async fn wait_for(fd: impl AsFd, interest: Interest) -> io::Result<()> {
    let own: OwnedFd = fd.as_fd().try_clone_to_owned()?;
    let shared = Handle::current().shared;
    Async::new_waiting(&shared, own)?.ready(interest).await
}
