//! The reactor: our table of descriptors over the operating system's poller.
//!
//! In: descriptors and the tasks that wait for them. Out: wake-ups.
//!
//! ```text
//!  operation ─► try the call ─┬─► done
//!                             └─► would block: clear the flag, enter a waiter ─┐
//!  poller ─► batch of events ─► key ─► source ─► set the flag, take the waiters ┘─► wake
//! ```
//!
//! A descriptor is registered once, for both directions, when it is made ([`Async`]); no operation
//! tells the poller anything. What the poller has said is kept per direction ([`Source`]), so that
//! the call that would only answer "would block" is not made where that can be known.
//!
//! * **I1** A descriptor leaves the table and the poller before it is closed ([`Async`] owns it).
//! * **I2** A key is used once: it has the number of the registration beside the place in the
//!   table. An event that was under way when its descriptor was closed finds no source, although
//!   place and descriptor may be somebody else's by now.
//! * **I3** An event sets the flag before it takes the waiters; a waiter enters, then looks at the
//!   flag again, under the same lock. No wake-up is lost.
//! * **I4** Whoever waits in the poller holds the events: one at a time.
//!
//! Linux has a poller of its own: [`polling`] spends four calls beside each `epoll_wait` (arming a
//! timer, two changes of interest, clearing the notifier) and does not tell that a peer has closed,
//! without which a short read cannot be taken for "drained". Elsewhere it is [`polling`], in edge
//! mode where the system has it, and otherwise re-armed by each wait.
//!
//! Cost: one `epoll_wait` for all that became ready since the last; one lock of the table a batch.

mod async_io;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod epoll;
mod foreign;
#[cfg(all(test, loom))]
mod models;
#[cfg(any(all(test, not(loom)), not(any(target_os = "linux", target_os = "android"))))]
mod portable;
mod source;

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;
use std::time::Duration;

use parking_lot::Mutex;
use slab::Slab;

pub(crate) use async_io::{Async, no_drain};
#[cfg(any(target_os = "linux", target_os = "android"))]
use epoll as system;
pub(crate) use foreign::Registration;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
use portable as system;
pub use source::Interest;
pub(crate) use source::Source;

/// Bits of a key that are the place in the table; the rest is the number of the registration.
const PLACE_BITS: u32 = 32;

/// What the poller says of one descriptor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Event {
    key: u64,
    /// By direction.
    ready: [bool; 2],
    /// The direction will not block again: the peer closed, or there is an error to collect.
    closed: [bool; 2],
}

/// The poller and its table.
#[derive(Debug)]
pub(crate) struct Reactor {
    poller: system::Poller,
    events: Mutex<system::Events>,
    table: Mutex<Table>,
    /// Wakers that wait for an event.
    n_waiting: AtomicUsize,
}

#[derive(Debug, Default)]
struct Table {
    sources: Slab<Arc<Source>>,
    /// Registrations so far.
    n_registered: u32,
}

impl Table {
    /// Makes a source and its key (I2).
    fn insert(&mut self, ready: bool) -> Arc<Source> {
        self.n_registered = self.n_registered.wrapping_add(1);
        let entry = self.sources.vacant_entry();
        let key = u64::from(self.n_registered) << PLACE_BITS | entry.key() as u64;
        let source = Arc::new(Source::new(key, ready));
        entry.insert(source.clone());
        source
    }

    fn get(&self, key: u64) -> Option<&Arc<Source>> {
        let place = (key & ((1 << PLACE_BITS) - 1)) as usize;
        self.sources.get(place).filter(|source| source.key == key)
    }

    fn remove(&mut self, key: u64) {
        if self.get(key).is_some() {
            self.sources.remove((key & ((1 << PLACE_BITS) - 1)) as usize);
        }
    }
}

impl Reactor {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Reactor {
            poller: system::Poller::new()?,
            events: Mutex::new(system::Events::new()),
            table: Mutex::default(),
            n_waiting: AtomicUsize::new(0),
        })
    }

    /// Ends a wait in progress, or the next one.
    pub(crate) fn interrupt(&self) {
        self.poller.notify();
    }

    /// Whether some task waits for an event.
    pub(crate) fn has_waiters(&self) -> bool {
        // Acquire: pairs with the changes of the count.
        self.n_waiting.load(Ordering::Acquire) > 0
    }

    /// Waits for events for at most `timeout` (`None`: for ever) and collects the wakers of those
    /// who waited for them; the caller wakes them and says so ([`Reactor::settle`]). False if somebody
    /// else is waiting here (I4).
    pub(crate) fn wait(&self, timeout: Option<Duration>, due: &mut Vec<Waker>) -> bool {
        let Some(mut events) = self.events.try_lock() else { return false };
        if self.poller.wait(&mut events, timeout).is_err() {
            // Interrupted by a signal, or out of kernel memory: the caller comes again.
            return true;
        }
        if events.is_empty() {
            return true;
        }
        let table = self.table.lock();
        for event in events.iter() {
            if let Some(source) = table.get(event.key) {
                source.deliver(event, due);
            }
        }
        true
    }

    /// `n` collected wakers have been called.
    pub(crate) fn settle(&self, n: usize) {
        if n > 0 {
            // AcqRel: pairs with `has_waiters`.
            self.n_waiting.fetch_sub(n, Ordering::AcqRel);
        }
    }

    /// Registers a descriptor for both directions. `ready`: it is tried before it is waited for;
    /// else only what the poller says of it counts.
    fn register(&self, fd: BorrowedFd<'_>, ready: bool) -> io::Result<Arc<Source>> {
        // An event that comes before the source is in the table waits for the lock.
        let mut table = self.table.lock();
        let source = table.insert(ready);
        match self.poller.add(fd, source.key) {
            Ok(()) => Ok(source),
            Err(error) => {
                table.remove(source.key);
                Err(error)
            }
        }
    }

    /// Forgets a descriptor, before it is closed (I1), and wakes whoever waits for it. `fd` is `None`
    /// if it was closed by somebody else: then the poller has forgotten it already.
    fn deregister(&self, source: &Source, fd: Option<BorrowedFd<'_>>) {
        self.table.lock().remove(source.key);
        if let Some(fd) = fd {
            self.poller.delete(fd);
        }
        self.wake_waiters(source);
    }

    /// Wakes whoever waits for a descriptor, without an event.
    fn wake_waiters(&self, source: &Source) {
        let mut woken = Vec::new();
        let closed = Event { key: source.key, ready: [true; 2], closed: [true; 2] };
        source.deliver(closed, &mut woken);
        let n = woken.len();
        woken.into_iter().for_each(Waker::wake);
        self.settle(n);
    }

    /// Enters a wait in `direction`, or gives an entered one its newest waker. False if the direction
    /// has become ready meanwhile (I3).
    fn enter(
        &self,
        source: &Source,
        fd: BorrowedFd<'_>,
        interest: Interest,
        waiter: &mut Option<u64>,
        waker: &Waker,
    ) -> io::Result<bool> {
        let entered = source.enter(interest, waiter, waker, || {
            // AcqRel: pairs with `has_waiters`. Counted before it can be taken.
            self.n_waiting.fetch_add(1, Ordering::AcqRel);
        });
        if entered && !self.poller.is_edge() {
            let [read, write] = source.is_waited_for();
            self.poller.rearm(fd, source.key, read, write)?;
        }
        Ok(entered)
    }

    /// A wait goes away: it is not to be woken, nor counted.
    fn leave(&self, source: &Source, interest: Interest, waiter: u64) {
        if source.leave(interest, waiter) {
            self.settle(1);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn an_event_for_a_closed_descriptor_does_not_reach_its_successor() {
        let mut table = Table::default();
        let first = table.insert(false);
        table.remove(first.key);
        let second = table.insert(false);
        assert_eq!(first.key & 0xffff_ffff, second.key & 0xffff_ffff, "same place");
        assert!(table.get(first.key).is_none());
        assert_eq!(table.get(second.key).unwrap().key, second.key);
        table.remove(first.key);
        assert!(table.get(second.key).is_some(), "a stale key removes nothing");
    }

    /// What any poller must do, through its whole surface.
    macro_rules! poller_contract {
        ($name:ident, $system:ident) => {
            #[test]
            fn $name() {
                let poller = super::$system::Poller::new().unwrap();
                let mut events = super::$system::Events::new();
                let (mut near, far) = UnixStream::pair().unwrap();
                let none = Some(Duration::ZERO);
                poller.add(far.as_fd(), 7).unwrap();
                if !poller.is_edge() {
                    poller.rearm(far.as_fd(), 7, true, true).unwrap();
                }
                poller.wait(&mut events, None).unwrap();
                let all: Vec<Event> = events.iter().collect();
                assert_eq!((all.len(), all[0].key, all[0].ready), (1, 7, [false, true]));
                poller.wait(&mut events, none).unwrap();
                assert!(events.is_empty(), "an edge is told once");
                near.write_all(b"x").unwrap();
                poller.wait(&mut events, Some(Duration::from_secs(20))).unwrap();
                assert!(events.iter().any(|e| e.key == 7 && e.ready[0] && !e.closed[0]));
                drop(near);
                poller.wait(&mut events, None).unwrap();
                assert!(events.iter().any(|e| e.key == 7 && e.ready == [true; 2]));
                poller.notify();
                poller.notify();
                poller.wait(&mut events, None).unwrap();
                assert!(events.is_empty(), "a notification is no event");
                poller.wait(&mut events, Some(Duration::from_micros(100))).unwrap();
                assert!(events.is_empty());
                poller.delete(far.as_fd());
                poller.wait(&mut events, none).unwrap();
                assert!(events.is_empty());
            }
        };
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    poller_contract!(epoll_keeps_the_contract, epoll);
    poller_contract!(portable_keeps_the_contract, portable);

    #[test]
    fn waiters_are_woken_once_and_counted() {
        let reactor = Reactor::new().unwrap();
        let (mut near, far) = UnixStream::pair().unwrap();
        let source = reactor.register(far.as_fd(), false).unwrap();
        let mut waiter = None;
        let entered =
            reactor.enter(&source, far.as_fd(), Interest::Read, &mut waiter, Waker::noop());
        assert!(entered.unwrap() && reactor.has_waiters());
        near.write_all(b"x").unwrap();
        let mut due = Vec::new();
        while due.is_empty() {
            assert!(reactor.wait(None, &mut due));
        }
        assert_eq!(due.len(), 1);
        reactor.settle(1);
        reactor.leave(&source, Interest::Read, waiter.unwrap());
        assert!(!reactor.has_waiters());
        let again = reactor.enter(&source, far.as_fd(), Interest::Read, &mut waiter, Waker::noop());
        assert!(!again.unwrap(), "ready: try first");
        reactor.deregister(&source, Some(far.as_fd()));
    }
}
