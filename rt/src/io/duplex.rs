//! A connection in memory: two pipes of bytes, one each way.
//!
//! ```text
//!  near  ── write ─► │ pipe: at most n bytes │ ── read ─►  far
//!        ◄─ read ──  │ pipe: at most n bytes │ ◄─ write ──
//! ```
//!
//! Each pipe is a queue of bytes under a lock, with the waker of who reads it and of who writes it; they
//! are woken outside of the lock. It needs no runtime and no descriptor, and in a seeded run it is as
//! deterministic as its users.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use futures_io::{AsyncRead, AsyncWrite};
use parking_lot::Mutex;

use crate::task::coop;

/// Makes two ends of a connection in memory: what is written to one is read from the other. Up to
/// `n_bytes` are under way in each direction; who writes more waits.
///
/// What tests use for a socket, and what stands between two halves of a program that talk by bytes. An
/// end that is closed or dropped is the end of the stream for the other, which reads what was written
/// before first; writing to an end that is gone is [`BrokenPipe`](io::ErrorKind::BrokenPipe).
///
/// # Panics
///
/// If `n_bytes` is 0: nothing could ever be written.
///
/// # Examples
///
/// ```
/// use vitte_rt::io::{AsyncReadExt, AsyncWriteExt, duplex};
///
/// vitte_rt::block_on(async {
///     let (mut near, mut far) = duplex(64);
///     near.write_all(b"ping").await?;
///     let mut request = [0; 4];
///     far.read_exact(&mut request).await?;
///     far.write_all(b"pong").await?;
///     drop(far);
///     let mut answer = String::new();
///     near.read_to_string(&mut answer).await?;
///     assert_eq!((&request, &*answer), (b"ping", "pong"));
///     assert!(near.write_all(b"ping").await.is_err());
/// #   std::io::Result::Ok(())
/// })?;
/// # std::io::Result::Ok(())
/// ```
pub fn duplex(n_bytes: usize) -> (DuplexStream, DuplexStream) {
    assert!(n_bytes > 0, "a pipe without room");
    let pipe = || Arc::new(Mutex::new(Pipe { room: n_bytes, ..Pipe::default() }));
    let (there, back) = (pipe(), pipe());
    let near = DuplexStream { input: back.clone(), output: there.clone() };
    (near, DuplexStream { input: there, output: back })
}

/// One end of a connection in memory; see [`duplex`].
pub struct DuplexStream {
    input: Arc<Mutex<Pipe>>,
    output: Arc<Mutex<Pipe>>,
}

/// One direction.
#[derive(Default)]
struct Pipe {
    bytes: VecDeque<u8>,
    /// How many more fit.
    room: usize,
    /// One of the ends is done with this direction.
    closed: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// Keeps the waker of who waits; answers the one before, to be dropped outside of the lock.
fn wait(place: &mut Option<Waker>, cx: &Context<'_>) -> Option<Waker> {
    match place {
        Some(waker) if waker.will_wake(cx.waker()) => None,
        _ => place.replace(cx.waker().clone()),
    }
}

/// Ends a direction for both ends.
fn close(pipe: &Mutex<Pipe>) {
    let mut pipe = pipe.lock();
    pipe.closed = true;
    let wakers = [pipe.reader.take(), pipe.writer.take()];
    drop(pipe);
    wakers.into_iter().flatten().for_each(Waker::wake);
}

impl AsyncRead for DuplexStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_read_vectored(cx, &mut [IoSliceMut::new(buffer)])
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(coop::spend(cx));
        let has_room = buffers.iter().any(|buffer| !buffer.is_empty());
        let mut pipe = self.input.lock();
        if has_room && pipe.bytes.is_empty() && !pipe.closed {
            let old = wait(&mut pipe.reader, cx);
            drop(pipe);
            drop(old);
            return Poll::Pending;
        }
        let n = pipe.bytes.read_vectored(buffers)?;
        pipe.room += n;
        let writer = if n > 0 { pipe.writer.take() } else { None };
        drop(pipe);
        writer.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(n))
    }
}

impl AsyncWrite for DuplexStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(coop::spend(cx));
        let mut pipe = self.output.lock();
        if pipe.closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if pipe.room == 0 && buffers.iter().any(|buffer| !buffer.is_empty()) {
            let old = wait(&mut pipe.writer, cx);
            drop(pipe);
            drop(old);
            return Poll::Pending;
        }
        let before = pipe.room;
        for buffer in buffers {
            let n = buffer.len().min(pipe.room);
            pipe.bytes.extend(&buffer[..n]);
            pipe.room -= n;
        }
        let n = before - pipe.room;
        let reader = if n > 0 { pipe.reader.take() } else { None };
        drop(pipe);
        reader.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(n))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// The end of the stream for the other side, whose own direction goes on.
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        close(&self.output);
        Poll::Ready(Ok(()))
    }
}

impl Drop for DuplexStream {
    fn drop(&mut self) {
        close(&self.input);
        close(&self.output);
    }
}

impl fmt::Debug for DuplexStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = |pipe: &Mutex<Pipe>| pipe.lock().bytes.len();
        write!(f, "DuplexStream({} bytes to read, {} written)", n(&self.input), n(&self.output))
    }
}
