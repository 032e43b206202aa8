//! Libraries that need tokio (feature `tokio-compat`).
//!
//! One tokio runtime for the whole process, on a thread of its own that is started when it is first
//! needed: it drives tokio's sockets and timers and runs what is spawned with `tokio::spawn`. Our tasks
//! enter its context: a [`Compat`] future is polled (and dropped) inside of it, on our workers.
//!
//! ```text
//!  our task ── poll ──► Compat ── enter ──► the library's future ── registers ──► tokio's thread
//!      ▲                                                                             │
//!      └────────────────────────────── wake ─────────────────────────────────────────┘
//! ```
//!
//! Each wake-up from there costs what a wake-up by another thread costs. Not in seeded runtimes,
//! where nothing may happen on another thread.
//!
//! # Examples
//!
//! ```
//! use std::time::Duration;
//! use vitte_rt::compat::CompatExt;
//!
//! vitte_rt::block_on(async {
//!     async {
//!         tokio::time::sleep(Duration::from_millis(1)).await;
//!         tokio::spawn(async {}).await.unwrap();
//!     }
//!     .compat()
//!     .await;
//! });
//! ```

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll, ready};

use tokio::io::ReadBuf;
use tokio::runtime::{Builder, EnterGuard, Handle as Tokio};

use crate::runtime::{Handle, KeepAlive};

/// A handle of the tokio runtime; starts it if it is not there.
///
/// # Panics
///
/// When the system has no thread or no poller to give.
pub fn tokio() -> &'static Tokio {
    static TOKIO: OnceLock<Tokio> = OnceLock::new();
    TOKIO.get_or_init(|| {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a poller for the tokio runtime");
        let handle = runtime.handle().clone();
        std::thread::Builder::new()
            .name("vitte-tokio".to_string())
            .spawn(move || runtime.block_on(std::future::pending::<()>()))
            .expect("a thread for the tokio runtime");
        handle
    })
}

/// Enters tokio's context until the guard is dropped, which must be before the next await.
///
/// # Panics
///
/// As [`tokio()`].
pub fn enter() -> EnterGuard<'static> {
    tokio().enter()
}

/// Futures that may use tokio.
pub trait CompatExt: Sized {
    /// Runs the future in tokio's context.
    fn compat(self) -> Compat<Self>;
}

impl<F: Future> CompatExt for F {
    fn compat(self) -> Compat<F> {
        Compat { future: Some(Box::pin(self)), keep_alive: None }
    }
}

/// A future in tokio's context; see [`CompatExt::compat`]. It is on the heap.
#[derive(Debug)]
pub struct Compat<F> {
    /// `None` once it was dropped.
    future: Option<Pin<Box<F>>>,
    /// A wake-up may come from tokio: a run must not be taken for stalled.
    keep_alive: Option<KeepAlive>,
}

impl<F: Future> Future for Compat<F> {
    type Output = F::Output;

    /// # Panics
    ///
    /// In a seeded runtime, after the end, and as [`tokio()`].
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        if this.keep_alive.is_none()
            && let Some(runtime) = Handle::try_current()
        {
            assert!(!runtime.is_virtual(), "a seeded run has no tokio");
            this.keep_alive = Some(runtime.keep_alive());
        }
        let _inside = enter();
        let future = this.future.as_mut().expect("a future is not polled after its end");
        let output = ready!(future.as_mut().poll(cx));
        this.future = None; // still inside: what it holds may want tokio to be dropped
        this.keep_alive = None;
        Poll::Ready(output)
    }
}

impl<F> Drop for Compat<F> {
    fn drop(&mut self) {
        if self.future.is_some() {
            let _inside = enter();
            self.future = None;
        }
    }
}

/// A stream with the traits of the other side: tokio's for one of `futures-io`, and the reverse.
///
/// # Examples
///
/// ```
/// use vitte_rt::compat::BothIo;
/// use vitte_rt::net::{TcpStream, UnixStream};
///
/// fn is_tokio<T: tokio::io::AsyncRead + tokio::io::AsyncWrite>() {}
/// fn is_ours<T: vitte_rt::io::AsyncRead + vitte_rt::io::AsyncWrite>() {}
///
/// is_tokio::<BothIo<UnixStream>>();
/// is_ours::<BothIo<tokio::net::UnixStream>>();
/// is_tokio::<BothIo<BothIo<tokio::net::TcpStream>>>();
/// is_ours::<TcpStream>();
/// ```
#[derive(Debug)]
pub struct BothIo<T>(T);

impl<T> BothIo<T> {
    /// Wraps a stream.
    pub fn new(inner: T) -> Self {
        BothIo(inner)
    }

    /// Gives the stream back.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: futures_io::AsyncRead + Unpin> tokio::io::AsyncRead for BothIo<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let n = ready!(Pin::new(&mut self.0).poll_read(cx, buffer.initialize_unfilled()))?;
        buffer.advance(n);
        Poll::Ready(Ok(()))
    }
}

impl<T: futures_io::AsyncWrite + Unpin> tokio::io::AsyncWrite for BothIo<T> {
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

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

impl<T: tokio::io::AsyncRead + Unpin> futures_io::AsyncRead for BothIo<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        ready!(Pin::new(&mut self.0).poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }
}

impl<T: tokio::io::AsyncWrite + Unpin> futures_io::AsyncWrite for BothIo<T> {
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

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
