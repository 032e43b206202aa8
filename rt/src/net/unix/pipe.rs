//! Pipes: one direction, between tasks or to other processes.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::task::{Context, Poll};

use crate::net::forward_read;
use crate::net::tcp::is_short;
use crate::reactor::{Async, Interest};
use crate::runtime::Handle;

/// The writing end of a pipe. Dropping it lets the reader read to the end.
#[derive(Debug)]
pub struct Sender(Option<Async<File>>);

/// The reading end of a pipe. Writing fails with `BrokenPipe` once it is dropped.
#[derive(Debug)]
pub struct Receiver(Async<File>);

/// Makes a pipe.
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
/// use vitte_rt::net::unix::pipe::pipe;
/// # vitte_rt::runtime::Runtime::new()?.block_on(async {
/// let (sender, receiver) = pipe()?;
/// sender.write_all(b"hello").await?;
/// let mut buffer = [0; 16];
/// assert_eq!(receiver.read(&mut buffer).await?, 5);
/// # std::io::Result::Ok(()) })?;
/// # std::io::Result::Ok(())
/// ```
pub fn pipe() -> io::Result<(Sender, Receiver)> {
    let (read, write) = io::pipe()?;
    Ok((Sender::from_fd(write)?, Receiver::from_fd(read)?))
}

/// Registers an end, in non-blocking mode.
fn register(fd: OwnedFd) -> io::Result<Async<File>> {
    let flags = rustix::fs::fcntl_getfl(&fd)?;
    rustix::fs::fcntl_setfl(&fd, flags | rustix::fs::OFlags::NONBLOCK)?;
    Async::new(&Handle::current().shared, File::from(fd))
}

impl Sender {
    /// Takes the writing end of a pipe (or FIFO) over.
    ///
    /// # Errors
    ///
    /// Those of the operating system; `Unsupported` in a seeded runtime.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub fn from_fd(fd: impl Into<OwnedFd>) -> io::Result<Sender> {
        Ok(Sender(Some(register(fd.into())?)))
    }

    fn end(&self) -> io::Result<&Async<File>> {
        self.0.as_ref().ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    }

    /// Writes at least one byte, if `bytes` has any; answers how many.
    ///
    /// # Errors
    ///
    /// Those of the operating system; `BrokenPipe` if the reader is gone.
    pub async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let write = |mut file: &File| file.write(bytes);
        self.end()?.io(Interest::Write, write, |n| is_short(*n, bytes.len())).await
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    ///
    /// As [`Sender::write`]; `WriteZero` if the system takes no more.
    pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.write(bytes).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                n => bytes = &bytes[n..],
            }
        }
        Ok(())
    }

    fn poll_write_with(
        &self,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all = buffers.iter().map(|buffer| buffer.len()).sum();
        let write = |mut file: &File| file.write_vectored(buffers);
        self.end()?.poll_io(Interest::Write, cx, write, |n| is_short(*n, all))
    }
}

impl futures_io::AsyncWrite for Sender {
    fn poll_write(
        self: std::pin::Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: std::pin::Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, buffers)
    }

    fn poll_flush(self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Closes the descriptor: the reader reads to the end.
    fn poll_close(mut self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0 = None;
        Poll::Ready(Ok(()))
    }
}

impl Receiver {
    /// Takes the reading end of a pipe (or FIFO) over.
    ///
    /// # Errors
    ///
    /// Those of the operating system; `Unsupported` in a seeded runtime.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub fn from_fd(fd: impl Into<OwnedFd>) -> io::Result<Receiver> {
        Ok(Receiver(register(fd.into())?))
    }

    /// Gives the descriptor back, in blocking mode.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn into_fd(self) -> io::Result<OwnedFd> {
        let fd = OwnedFd::from(self.0.into_inner());
        let flags = rustix::fs::fcntl_getfl(&fd)?;
        rustix::fs::fcntl_setfl(&fd, flags - rustix::fs::OFlags::NONBLOCK)?;
        Ok(fd)
    }

    /// Reads at least one byte, if `buffer` has room; 0 at the end.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len();
        let read = |mut file: &File| file.read(buffer);
        self.0.io(Interest::Read, read, |n| is_short(*n, room)).await
    }

    fn poll_read_with(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let room = buffers.iter().map(|buffer| buffer.len()).sum();
        let read = |mut file: &File| file.read_vectored(buffers);
        self.0.poll_io(Interest::Read, cx, read, |n| is_short(*n, room))
    }
}

impl AsFd for Receiver {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }
}

forward_read!(Receiver);
