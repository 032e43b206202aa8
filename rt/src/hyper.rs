//! hyper's runtime traits (feature `hyper`): connections, tasks and timers for hyper 1.
//!
//! [`VitteIo`] makes a connection of anything with the `futures-io` traits, [`VitteExecutor`] spawns
//! tasks of the current runtime, [`VitteTimer`] sleeps on its clock; in a seeded runtime over the
//! in-memory loopback a server and its clients are deterministic.
//!
//! # Examples
//!
//! ```
//! use vitte_rt::hyper::{VitteExecutor, VitteIo, VitteTimer};
//! use vitte_rt::net::UnixStream;
//!
//! fn is_io<T: hyper::rt::Read + hyper::rt::Write>() {}
//! fn is_executor<F>(_: impl hyper::rt::Executor<F>) {}
//! fn is_timer(_: impl hyper::rt::Timer) {}
//!
//! is_io::<VitteIo<UnixStream>>();
//! is_executor::<std::future::Ready<()>>(VitteExecutor);
//! is_timer(VitteTimer);
//! ```

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures_io::{AsyncRead, AsyncWrite};
use hyper::rt::{ReadBufCursor, Timer};

use crate::runtime::Handle;
use crate::time::{self, Sleep};

/// A connection for hyper.
#[derive(Debug)]
pub struct VitteIo<T>(T);

impl<T> VitteIo<T> {
    /// Wraps a connection.
    pub fn new(inner: T) -> Self {
        VitteIo(inner)
    }

    /// The connection.
    pub fn inner(&self) -> &T {
        &self.0
    }

    /// Gives the connection back, after an upgrade for instance.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: AsyncRead + Unpin> hyper::rt::Read for VitteIo<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let room = cursor.initialize_unfilled();
        let n_bytes = room.len();
        let n = ready!(Pin::new(&mut self.0).poll_read(cx, room))?;
        assert!(n <= n_bytes, "a reader that read more than it was asked for");
        // SAFETY: all of the buffer was initialised, and `n` is within it.
        unsafe { cursor.advance(n) };
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> hyper::rt::Write for VitteIo<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, buffers)
    }
}

/// Spawns hyper's background work as tasks of the runtime in which hyper runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct VitteExecutor;

impl<F> hyper::rt::Executor<F> for VitteExecutor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    /// # Panics
    ///
    /// Outside of a runtime.
    fn execute(&self, future: F) {
        drop(crate::spawn(future));
    }
}

/// Times hyper by the clock of the runtime in which it runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct VitteTimer;

/// What stands for the zero of every runtime's clock: hyper's instants are the standard library's.
fn zero() -> Instant {
    static ZERO: OnceLock<Instant> = OnceLock::new();
    *ZERO.get_or_init(Instant::now)
}

/// A sleep for hyper.
struct VitteSleep(Sleep);

impl Future for VitteSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl hyper::rt::Sleep for VitteSleep {}

impl Timer for VitteTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(VitteSleep(time::sleep(duration)))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        let since_zero = deadline.saturating_duration_since(zero());
        let deadline_ns = u64::try_from(since_zero.as_nanos()).unwrap_or(u64::MAX);
        Box::pin(VitteSleep(time::sleep_until(deadline_ns)))
    }

    /// # Panics
    ///
    /// Outside of a runtime.
    fn now(&self) -> Instant {
        zero() + Duration::from_nanos(Handle::current().now_ns())
    }
}
