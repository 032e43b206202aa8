//! A descriptor that somebody else owns, registered by number.

use std::future::Future;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;

use super::{Async, Interest, no_drain};
use crate::scheduler::Shared;

/// The number of a descriptor that is open, by the word of who registered it.
#[derive(Debug)]
struct Foreign(RawFd);

impl AsFd for Foreign {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: open until `Registration::forget`, after which it is not asked for (caller of
        // `Registration::new`).
        unsafe { BorrowedFd::borrow_raw(self.0) }
    }
}

/// A descriptor of somebody else in the table of a runtime; leaves it when dropped.
#[derive(Debug)]
pub(crate) struct Registration(Async<Foreign>);

impl Registration {
    /// Registers a descriptor.
    ///
    /// # Errors
    ///
    /// Those of the poller; `Unsupported` in a seeded runtime and in a forked child.
    ///
    /// # Safety
    ///
    /// `fd` stays open until the registration is dropped or told to [`forget`](Self::forget).
    pub(crate) unsafe fn new(shared: &Arc<Shared>, fd: &impl AsRawFd) -> io::Result<Self> {
        Async::new(shared, Foreign(fd.as_raw_fd())).map(Registration)
    }

    /// A future that repeats `attempt` until it does not answer `WouldBlock`.
    pub(crate) fn io<T, A>(
        &self,
        interest: Interest,
        mut attempt: A,
    ) -> impl Future<Output = io::Result<T>>
    where
        A: FnMut() -> io::Result<T> + Unpin,
    {
        self.0.io(interest, move |_| attempt(), no_drain)
    }

    /// Wakes whoever waits, without an event.
    pub(crate) fn wake_waiters(&self) {
        self.0.wake_waiters();
    }

    /// The descriptor was closed, and its number may be another's by now: dropping leaves the table
    /// without a word to the poller.
    pub(crate) fn forget(&self) {
        self.0.mark_closed();
    }
}
