//! Signals to this process. Unix only; not in seeded runtimes.
//!
//! In: the number of a signal. Out: a [`Signal`] that can be awaited again and again.
//!
//! Each [`Signal`] has a pipe whose writing end the handler gets; what is in the pipe says that there
//! were signals, not how many. So signals coalesce, as the system's own do, but none is missed:
//! after the last one there is at least one [`recv`](Signal::recv) that returns. All listeners of a
//! signal get it, in all runtimes.
//!
//! The first listener of a signal takes its default effect away for good: a process that listened for
//! `SIGINT` is no longer ended by it, also when the listener is gone.
//!
//! | future | dropped before it is ready |
//! | --- | --- |
//! | [`Signal::recv`], [`ctrl_c`] | nothing is lost; the default effect stays away |
//!
//! Handlers are kept by `signal-hook-registry`, so that other libraries may have theirs beside ours.

use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use signal_hook_registry::SigId;

use crate::net::allow_real;
use crate::reactor::{Async, Interest, no_drain};
use crate::runtime::Handle;

/// Which signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SignalKind(i32);

impl SignalKind {
    /// A signal by its number.
    pub const fn from_raw(signal: i32) -> Self {
        SignalKind(signal)
    }

    /// Its number.
    pub const fn as_raw(self) -> i32 {
        self.0
    }
}

/// Signals by name.
macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:ident;)*) => {
        impl SignalKind {$(
            $(#[$doc])*
            pub const fn $name() -> Self {
                SignalKind(libc::$number)
            }
        )*}
    };
}

kinds! {
    /// A timer of the process.
    alarm = SIGALRM;
    /// A child ended or stopped.
    child = SIGCHLD;
    /// The terminal is gone; by custom: read the configuration again.
    hangup = SIGHUP;
    /// Ctrl-C.
    interrupt = SIGINT;
    /// A pipe without a reader was written to.
    pipe = SIGPIPE;
    /// Ctrl-\.
    quit = SIGQUIT;
    /// The wish that the process ends.
    terminate = SIGTERM;
    /// For the user.
    user_defined1 = SIGUSR1;
    /// For the user.
    user_defined2 = SIGUSR2;
    /// The size of the terminal changed.
    window_change = SIGWINCH;
}

/// Listens for one signal; see [`signal`].
#[derive(Debug)]
pub struct Signal {
    pipe: Async<OwnedFd>,
    id: SigId,
}

/// Begins to listen for a signal.
///
/// # Errors
///
/// `InvalidInput` for signals that cannot be caught (`SIGKILL`, `SIGSTOP`) or must not be (`SIGSEGV`,
/// `SIGILL`, `SIGFPE`); those of the operating system; `Unsupported` in a seeded runtime.
///
/// # Panics
///
/// Outside of a runtime.
///
/// # Examples
///
/// ```
/// use vitte_rt::signal::{SignalKind, signal};
/// # vitte_rt::runtime::Runtime::new()?.block_on(async {
/// let mut hangups = signal(SignalKind::hangup())?;
/// # let me = std::process::id().to_string();
/// # std::process::Command::new("kill").args(["-HUP", &me]).status()?;
/// assert!(hangups.recv().await.is_some());
/// # std::io::Result::Ok(()) })?;
/// # std::io::Result::Ok(())
/// ```
pub fn signal(kind: SignalKind) -> io::Result<Signal> {
    let runtime = Handle::current();
    allow_real(&runtime, "signals")?;
    if signal_hook_registry::FORBIDDEN.contains(&kind.0) {
        let text = format!("signal {} is not to be caught", kind.0);
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    let (read, write) = io::pipe()?;
    for end in [read.as_fd(), write.as_fd()] {
        let flags = rustix::fs::fcntl_getfl(end)?;
        rustix::fs::fcntl_setfl(end, flags | rustix::fs::OFlags::NONBLOCK)?;
    }
    let pipe = Async::new_waiting(&runtime.shared, OwnedFd::from(read))?;
    let tell = move || {
        // Full or broken: the listener has enough to read, or is gone.
        let _ = rustix::io::write(&write, &[1]);
    };
    // SAFETY: the action makes one system call, which is allowed in a handler.
    let id = unsafe { signal_hook_registry::register(kind.0, tell) }?;
    Ok(Signal { pipe, id })
}

impl Signal {
    /// Waits for the signal; `None` only in a forked child. Several signals may be one. Dropped before
    /// it is ready, it loses nothing.
    pub async fn recv(&mut self) -> Option<()> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// As [`recv`](Self::recv).
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<()>> {
        let empty = |pipe: &OwnedFd| {
            let mut heap = [0; 256];
            let mut n = rustix::io::read(pipe, &mut heap)?;
            while n == heap.len() {
                n = rustix::io::read(pipe, &mut heap).unwrap_or(0);
            }
            Ok(())
        };
        // The only error is that the runtime is a parent's: a forked child hears nothing.
        match ready!(self.pipe.poll_io(Interest::Read, cx, empty, no_drain)) {
            Ok(()) => Poll::Ready(Some(())),
            Err(_) => Poll::Ready(None),
        }
    }
}

impl futures_core::Stream for Signal {
    type Item = ();

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<()>> {
        self.poll_recv(cx)
    }
}

impl Drop for Signal {
    fn drop(&mut self) {
        signal_hook_registry::unregister(self.id);
    }
}

/// Waits for Ctrl-C (`SIGINT`). From the first poll on it no longer ends the process by itself.
///
/// # Errors
///
/// As [`signal`].
///
/// # Panics
///
/// Outside of a runtime.
///
/// # Examples
///
/// ```no_run
/// # vitte_rt::runtime::Runtime::new()?.block_on(async {
/// vitte_rt::signal::ctrl_c().await?;
/// println!("shutting down");
/// # std::io::Result::Ok(()) })?;
/// # std::io::Result::Ok(())
/// ```
pub async fn ctrl_c() -> io::Result<()> {
    signal(SignalKind::interrupt())?.recv().await;
    Ok(())
}
