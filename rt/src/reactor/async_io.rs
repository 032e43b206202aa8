//! A descriptor of ours that the reactor knows, and the operations on it.

use std::future::Future;
use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use super::source::POLL_WAITER;
use super::{Interest, Reactor, Source};
use crate::fork;
use crate::scheduler::Shared;
use crate::task::coop;

/// A result that says nothing about what is left; see [`Async::io`].
pub(crate) fn no_drain<R>(_: &R) -> bool {
    false
}

/// Something with a descriptor in non-blocking mode, in the table of a runtime as long as it lives.
pub(crate) struct Async<T: AsFd> {
    shared: Arc<Shared>,
    source: Arc<Source>,
    /// Taken by `into_inner` only.
    io: Option<T>,
    /// The descriptor was closed by somebody else.
    closed: AtomicBool,
}

impl<T: AsFd> std::fmt::Debug for Async<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Async({:?})", self.io.as_ref().map(AsFd::as_fd))
    }
}

/// The reactor of a runtime.
///
/// # Errors
///
/// `Unsupported` in a seeded runtime and in a forked child.
fn reactor_of(shared: &Shared) -> io::Result<&Reactor> {
    fork::check(shared)?;
    let refuse = || io::Error::new(io::ErrorKind::Unsupported, "a seeded run has no real I/O");
    shared.reactor.as_ref().ok_or_else(refuse)
}

impl<T: AsFd> Async<T> {
    /// Registers what is ready to be tried at once.
    ///
    /// # Errors
    ///
    /// Those of the poller; `Unsupported` in a seeded runtime and in a forked child.
    pub(crate) fn new(shared: &Arc<Shared>, io: T) -> io::Result<Self> {
        Self::with_ready(shared, io, true)
    }

    /// Registers what is only ready when the poller says so.
    ///
    /// # Errors
    ///
    /// As [`Async::new`].
    pub(crate) fn new_waiting(shared: &Arc<Shared>, io: T) -> io::Result<Self> {
        Self::with_ready(shared, io, false)
    }

    fn with_ready(shared: &Arc<Shared>, io: T, ready: bool) -> io::Result<Self> {
        let source = reactor_of(shared)?.register(io.as_fd(), ready)?;
        let closed = AtomicBool::new(false);
        Ok(Async { shared: shared.clone(), source, io: Some(io), closed })
    }

    /// The thing itself.
    pub(crate) fn get_ref(&self) -> &T {
        self.io.as_ref().expect("I: only `into_inner` takes it")
    }

    /// Takes it out of the table.
    pub(crate) fn into_inner(mut self) -> T {
        self.forget_source();
        self.io.take().expect("I: only `into_inner` takes it")
    }

    /// The runtime.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// A future that repeats `attempt` until it does not answer `WouldBlock`. `drained` says of a
    /// result that the next attempt would.
    pub(crate) fn io<R, A, D>(&self, interest: Interest, attempt: A, drained: D) -> Io<'_, T, A, D>
    where
        A: FnMut(&T) -> io::Result<R> + Unpin,
        D: Fn(&R) -> bool + Unpin,
    {
        Io { owner: self, interest, attempt, drained, waiter: None }
    }

    /// Waits until the direction is ready, without trying anything.
    pub(crate) async fn ready(&self, interest: Interest) -> io::Result<()> {
        self.io(interest, |_| Ok(()), no_drain).await
    }

    /// One attempt, without a wait. `drained` as in [`Async::io`].
    pub(crate) fn try_io<R>(
        &self,
        interest: Interest,
        attempt: impl FnOnce(&T) -> io::Result<R>,
        drained: impl FnOnce(&R) -> bool,
    ) -> io::Result<R> {
        // Before the attempt: an event that comes after it stays.
        let seen = self.source.ready(interest);
        let result = attempt(self.get_ref());
        match (&result, seen) {
            (Ok(value), Some(seen)) if drained(value) => self.source.drained(interest, seen),
            (Err(e), Some(seen)) if e.kind() == io::ErrorKind::WouldBlock => {
                self.source.clear(interest, seen);
            }
            _ => {}
        }
        result
    }

    /// Somebody else has closed the descriptor, and its number may be another's by now: the poller is
    /// told nothing about it any more.
    pub(super) fn mark_closed(&self) {
        // Release: pairs with `forget_source`.
        self.closed.store(true, Ordering::Release);
    }

    /// Wakes whoever waits, without an event.
    pub(super) fn wake_waiters(&self) {
        if let Ok(reactor) = reactor_of(&self.shared) {
            reactor.wake_waiters(&self.source);
        }
    }

    /// As [`Async::io`] for the poll functions of traits: one task per direction waits, the last one.
    pub(crate) fn poll_io<R>(
        &self,
        interest: Interest,
        cx: &mut Context<'_>,
        attempt: impl FnMut(&T) -> io::Result<R>,
        drained: impl Fn(&R) -> bool,
    ) -> Poll<io::Result<R>> {
        self.poll(interest, &mut Some(POLL_WAITER), cx, attempt, drained)
    }

    fn poll<R>(
        &self,
        interest: Interest,
        waiter: &mut Option<u64>,
        cx: &mut Context<'_>,
        mut attempt: impl FnMut(&T) -> io::Result<R>,
        drained: impl Fn(&R) -> bool,
    ) -> Poll<io::Result<R>> {
        ready!(coop::spend(cx));
        let source = &*self.source;
        loop {
            let Some(seen) = source.ready(interest) else {
                let reactor = reactor_of(&self.shared)?;
                let fd = self.get_ref().as_fd();
                if reactor.enter(source, fd, interest, waiter, cx.waker())? {
                    return Poll::Pending;
                }
                continue;
            };
            match attempt(self.get_ref()) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => source.clear(interest, seen),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Ok(result) => {
                    if drained(&result) {
                        source.drained(interest, seen);
                    }
                    return Poll::Ready(Ok(result));
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Leaves table and poller. Not in a forked child: the poller is the parent's too.
    fn forget_source(&self) {
        if let (Some(io), Ok(reactor)) = (&self.io, reactor_of(&self.shared)) {
            // Acquire: pairs with `mark_closed`.
            let fd = (!self.closed.load(Ordering::Acquire)).then(|| io.as_fd());
            reactor.deregister(&self.source, fd);
        }
    }
}

impl<T: AsFd> Drop for Async<T> {
    fn drop(&mut self) {
        self.forget_source(); // then the fields: the descriptor is closed after this
    }
}

/// See [`Async::io`]. Dropping it withdraws the wait.
#[derive(Debug)]
pub(crate) struct Io<'a, T: AsFd, A, D> {
    owner: &'a Async<T>,
    interest: Interest,
    attempt: A,
    drained: D,
    waiter: Option<u64>,
}

impl<T, R, A, D> Future for Io<'_, T, A, D>
where
    T: AsFd,
    A: FnMut(&T) -> io::Result<R> + Unpin,
    D: Fn(&R) -> bool + Unpin,
{
    type Output = io::Result<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<R>> {
        let Io { owner, interest, attempt, drained, waiter } = &mut *self;
        let result = ready!(owner.poll(*interest, waiter, cx, attempt, &*drained));
        Poll::Ready(result)
    }
}

impl<T: AsFd, A, D> Drop for Io<'_, T, A, D> {
    fn drop(&mut self) {
        let Async { shared, source, .. } = self.owner;
        if let (Some(waiter), Ok(reactor)) = (self.waiter, reactor_of(shared)) {
            reactor.leave(source, self.interest, waiter);
        }
    }
}
