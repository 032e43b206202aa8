//! The reactor: our table of sockets over the operating system's poller.
//!
//! A [`Source`] is one registered descriptor with, per direction, a ready flag and the wakers that
//! wait for it. An operation is tried first; when it would block, its direction's flag is cleared
//! and the task waits; an event sets the flag and wakes. An event that comes between the attempt
//! and the clearing is not lost: the flag carries the count of events it was set by, and is cleared
//! only if that has not moved.
//!
//! Edge-triggered where the system offers it; else each wait re-arms its interest.

use std::future::Future;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use polling::{Event, Events, PollMode, Poller};
use slab::Slab;

use crate::scheduler::Shared;

/// What a task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    Read = 0,
    Write = 1,
}

#[derive(Debug, Default)]
struct Direction {
    ready: bool,
    /// Events seen so far.
    n_events: u64,
    waiters: Vec<(u64, Waker)>,
    next_waiter: u64,
}

/// A registered descriptor.
#[derive(Debug)]
pub(crate) struct Source {
    fd: RawFd,
    key: usize,
    /// The descriptor is no longer open.
    closed: AtomicBool,
    directions: Mutex<[Direction; 2]>,
}

/// The poller and its table.
#[derive(Debug)]
pub(crate) struct Reactor {
    poller: Poller,
    mode: PollMode,
    events: Mutex<Events>,
    sources: Mutex<Slab<Arc<Source>>>,
    /// Wakers that wait for an event.
    n_waiting: AtomicUsize,
}

impl Reactor {
    pub(crate) fn new() -> io::Result<Self> {
        let poller = Poller::new()?;
        let mode = if poller.supports_edge() { PollMode::Edge } else { PollMode::Oneshot };
        Ok(Reactor {
            poller,
            mode,
            events: Mutex::new(Events::new()),
            sources: Mutex::new(Slab::new()),
            n_waiting: AtomicUsize::new(0),
        })
    }

    /// Ends a wait in progress, or the next one.
    pub(crate) fn interrupt(&self) {
        // Only fails when the descriptor is gone, and then nobody waits.
        let _ = self.poller.notify();
    }

    /// Whether some task waits for an event.
    pub(crate) fn has_waiters(&self) -> bool {
        // Acquire: pairs with the changes of the count.
        self.n_waiting.load(Ordering::Acquire) > 0
    }

    /// Waits for events for at most `timeout` (`None`: for ever) and collects the wakers of those
    /// who waited for them; the caller wakes them and says so ([`Reactor::settle`]). False if somebody
    /// else is waiting here.
    pub(crate) fn wait(&self, timeout: Option<Duration>, due: &mut Vec<Waker>) -> bool {
        let Some(mut events) = self.events.try_lock() else { return false };
        events.clear();
        if self.poller.wait(&mut events, timeout).is_err() {
            // Interrupted by a signal, or out of kernel memory: the caller comes again.
            return true;
        }
        for event in events.iter() {
            let source = self.sources.lock().get(event.key).cloned();
            let Some(source) = source else { continue };
            let mut directions = source.directions.lock();
            let closed = event.is_interrupt() || event.is_err().unwrap_or(false);
            for (direction, hit) in directions.iter_mut().zip([event.readable, event.writable]) {
                if hit || closed {
                    direction.ready = true;
                    direction.n_events += 1;
                    due.extend(direction.waiters.drain(..).map(|(_, waker)| waker));
                }
            }
        }
        true
    }

    /// `n` collected wakers have been called.
    pub(crate) fn settle(&self, n: usize) {
        // AcqRel: pairs with `has_waiters`.
        self.n_waiting.fetch_sub(n, Ordering::AcqRel);
    }

    /// Registers a descriptor.
    ///
    /// # Safety
    ///
    /// `fd` stays open until [`Reactor::deregister`].
    pub(crate) unsafe fn register(&self, fd: &impl AsRawFd) -> io::Result<Arc<Source>> {
        let fd = fd.as_raw_fd();
        let mut sources = self.sources.lock();
        let entry = sources.vacant_entry();
        let key = entry.key();
        let interest = if self.mode == PollMode::Edge { Event::all(key) } else { Event::none(key) };
        // SAFETY: the descriptor stays open until it is deregistered (caller).
        unsafe { self.poller.add_with_mode(fd, interest, self.mode) }?;
        // Ready until an attempt says otherwise.
        let direction = || Direction { ready: true, ..Direction::default() };
        let directions = Mutex::new([direction(), direction()]);
        let source = Arc::new(Source { fd, key, closed: AtomicBool::new(false), directions });
        entry.insert(source.clone());
        Ok(source)
    }

    /// Forgets a descriptor, before it is closed, and wakes whoever waits for it.
    pub(crate) fn deregister(&self, source: &Source) {
        // SAFETY: the descriptor is open: it is closed after this.
        let fd = unsafe { BorrowedFd::borrow_raw(source.fd) };
        let _ = self.poller.delete(fd);
        self.forget(source);
    }

    /// Forgets a descriptor that was closed, and wakes whoever waits for it.
    pub(crate) fn forget(&self, source: &Source) {
        self.sources.lock().try_remove(source.key);
        self.wake_waiters(source);
    }

    fn wake_waiters(&self, source: &Source) {
        let mut woken = Vec::new();
        for direction in source.directions.lock().iter_mut() {
            self.n_waiting.fetch_sub(direction.waiters.len(), Ordering::AcqRel);
            woken.append(&mut direction.waiters);
            direction.ready = true;
            direction.n_events += 1;
        }
        woken.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// Tries `attempt` when the source is ready, and waits when it would block; `waiter` names the
    /// registered wait of this operation.
    fn poll_io<T>(
        &self,
        source: &Source,
        interest: Interest,
        waiter: &mut Option<u64>,
        cx: &mut Context<'_>,
        attempt: &mut impl FnMut() -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            let n_events = {
                let mut directions = source.directions.lock();
                let direction = &mut directions[interest as usize];
                if !direction.ready {
                    self.enter(direction, waiter, cx.waker());
                    drop(directions);
                    return match self.rearm(source) {
                        Ok(()) => Poll::Pending,
                        Err(error) => Poll::Ready(Err(error)),
                    };
                }
                direction.n_events
            };
            match attempt() {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    let direction = &mut source.directions.lock()[interest as usize];
                    if direction.n_events == n_events {
                        direction.ready = false;
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                result => return Poll::Ready(result),
            }
        }
    }

    /// Enters a wait, or gives an entered one its newest waker.
    fn enter(&self, direction: &mut Direction, waiter: &mut Option<u64>, waker: &Waker) {
        let entered = direction.waiters.iter_mut().find(|w| Some(w.0) == *waiter);
        if let Some(entered) = entered {
            entered.1.clone_from(waker);
            return;
        }
        let id = direction.next_waiter;
        direction.next_waiter += 1;
        direction.waiters.push((id, waker.clone()));
        *waiter = Some(id);
        // AcqRel: pairs with `has_waiters`.
        self.n_waiting.fetch_add(1, Ordering::AcqRel);
    }

    /// A wait goes away: it is not to be woken, nor counted.
    fn leave(&self, source: &Source, interest: Interest, waiter: u64) {
        let waiters = &mut source.directions.lock()[interest as usize].waiters;
        if let Some(at) = waiters.iter().position(|w| w.0 == waiter) {
            let left = waiters.remove(at);
            // AcqRel: pairs with `has_waiters`.
            self.n_waiting.fetch_sub(1, Ordering::AcqRel);
            drop(left);
        }
    }

    /// Without edge mode: tells the poller what is waited for now.
    fn rearm(&self, source: &Source) -> io::Result<()> {
        if self.mode == PollMode::Edge {
            return Ok(());
        }
        let directions = source.directions.lock();
        let interest = Event::new(
            source.key,
            !directions[0].waiters.is_empty(),
            !directions[1].waiters.is_empty(),
        );
        // SAFETY: a registered descriptor is open.
        let fd = unsafe { BorrowedFd::borrow_raw(source.fd) };
        self.poller.modify_with_mode(fd, interest, self.mode)
    }
}

/// A descriptor in the table of a runtime; leaves it when dropped, which must be before it is
/// closed.
#[derive(Debug)]
pub(crate) struct Registration {
    shared: Arc<Shared>,
    source: Arc<Source>,
}

impl Registration {
    /// Registers a descriptor.
    ///
    /// # Safety
    ///
    /// `fd` stays open until the registration is dropped.
    pub(crate) unsafe fn new(shared: &Arc<Shared>, fd: &impl AsRawFd) -> io::Result<Self> {
        let reactor = reactor_of(shared)?;
        // SAFETY: the caller vouches for the descriptor.
        let source = unsafe { reactor.register(fd) }?;
        Ok(Registration { shared: shared.clone(), source })
    }

    /// The runtime.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Wakes whoever waits, without an event.
    pub(crate) fn wake_waiters(&self) {
        if let Some(reactor) = &self.shared.reactor {
            reactor.wake_waiters(&self.source);
        }
    }

    /// The descriptor was closed, and its number may be another's by now: dropping leaves the table
    /// without a word to the poller.
    pub(crate) fn forget(&self) {
        // Release: pairs with the drop.
        self.source.closed.store(true, Ordering::Release);
    }

    /// A future that repeats `attempt` until it does not answer `WouldBlock`.
    pub(crate) fn io<T, A>(&self, interest: Interest, attempt: A) -> Io<'_, A>
    where
        A: FnMut() -> io::Result<T> + Unpin,
    {
        Io { registration: self, interest, attempt, waiter: None }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let Some(reactor) = &self.shared.reactor else { return };
        // Acquire: pairs with `forget`.
        if self.source.closed.load(Ordering::Acquire) {
            reactor.forget(&self.source);
        } else {
            reactor.deregister(&self.source);
        }
    }
}

fn reactor_of(shared: &Shared) -> io::Result<&Reactor> {
    let refuse = || io::Error::new(io::ErrorKind::Unsupported, "a seeded run has no real I/O");
    shared.reactor.as_ref().ok_or_else(refuse)
}

/// See [`Registration::io`]. Dropping it withdraws the wait.
#[derive(Debug)]
pub(crate) struct Io<'a, A> {
    registration: &'a Registration,
    interest: Interest,
    attempt: A,
    waiter: Option<u64>,
}

impl<T, A: FnMut() -> io::Result<T> + Unpin> Future for Io<'_, A> {
    type Output = io::Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        let Io { registration, interest, attempt, waiter } = &mut *self;
        let reactor = reactor_of(&registration.shared)?;
        reactor.poll_io(&registration.source, *interest, waiter, cx, attempt)
    }
}

impl<A> Drop for Io<'_, A> {
    fn drop(&mut self) {
        let Registration { shared, source } = self.registration;
        if let (Some(waiter), Some(reactor)) = (self.waiter, &shared.reactor) {
            reactor.leave(source, self.interest, waiter);
        }
    }
}
