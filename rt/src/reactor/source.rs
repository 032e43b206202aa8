//! What is known of one registered descriptor, and who waits for it.
//!
//! Per direction a word: bit 0 *ready* (trying makes sense), bit 1 *closed* (a short transfer does not
//! mean drained), above them the number of events so far. An attempt remembers the word it saw; if it
//! would block, *ready* is cleared only while the word is still that one, so an event that comes
//! between the attempt and the clearing is not lost.
//!
//! The same clears *ready* after a short read or write of a stream: the kernel had no more, and the
//! next byte makes an edge of its own. Not where the direction is closed: that edge has been.

use std::task::Waker;

use super::Event;
use crate::atomic::{AtomicUsize, Mutex, Ordering};

const READY: usize = 1;
const CLOSED: usize = 2;
const ONE_EVENT: usize = 4;

/// The waiter of the poll functions (`poll_read` and the like): one per direction.
pub(crate) const POLL_WAITER: u64 = 0;

/// What a task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// That a read would not wait.
    Read = 0,
    /// That a write would not wait.
    Write = 1,
}

#[derive(Debug)]
struct Waiters {
    list: Vec<(u64, Waker)>,
    next: u64,
}

/// A registered descriptor.
#[derive(Debug)]
pub(crate) struct Source {
    pub(super) key: u64,
    words: [AtomicUsize; 2],
    waiters: [Mutex<Waiters>; 2],
}

impl Source {
    pub(super) fn new(key: u64, ready: bool) -> Self {
        let waiters = || Mutex::new(Waiters { list: Vec::new(), next: POLL_WAITER + 1 });
        let word = || AtomicUsize::new(if ready { READY } else { 0 });
        Source { key, words: [word(), word()], waiters: [waiters(), waiters()] }
    }

    /// The word of a direction if it is ready.
    pub(super) fn ready(&self, interest: Interest) -> Option<usize> {
        // Acquire: pairs with `deliver`.
        let word = self.words[interest as usize].load(Ordering::Acquire);
        (word & READY != 0).then_some(word)
    }

    /// The direction would block, said an attempt made after `seen` was the word.
    pub(super) fn clear(&self, interest: Interest, seen: usize) {
        // AcqRel: a newer word stays as it is. A failure is the wanted case of that.
        let word = &self.words[interest as usize];
        let _ = word.compare_exchange(seen, seen & !READY, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// A transfer made after `seen` was the word took all there was.
    pub(super) fn drained(&self, interest: Interest, seen: usize) {
        if seen & CLOSED == 0 {
            self.clear(interest, seen);
        }
    }

    /// Notes an event and takes the wakers of those who wait for it.
    pub(super) fn deliver(&self, event: Event, due: &mut Vec<Waker>) {
        for direction in 0..2 {
            if !event.ready[direction] {
                continue;
            }
            let set = READY | if event.closed[direction] { CLOSED } else { 0 };
            let note = |word: usize| Some(word.wrapping_add(ONE_EVENT) | set);
            // AcqRel: pairs with `ready` and `clear`; before the waiters are taken (I3).
            let _ = self.words[direction].fetch_update(Ordering::AcqRel, Ordering::Relaxed, note);
            let mut waiters = self.waiters[direction].lock();
            due.extend(waiters.list.drain(..).map(|(_, waker)| waker));
        }
    }

    /// Enters a waiter, or gives an entered one its newest waker; `count` is called for a new one.
    /// False, and nothing is entered, if the direction is ready.
    pub(super) fn enter(
        &self,
        interest: Interest,
        waiter: &mut Option<u64>,
        waker: &Waker,
        count: impl FnOnce(),
    ) -> bool {
        let mut waiters = self.waiters[interest as usize].lock();
        if self.ready(interest).is_some() {
            return false;
        }
        if let Some(entered) = waiters.list.iter_mut().find(|w| Some(w.0) == *waiter) {
            if entered.1.will_wake(waker) {
                return true;
            }
            let other = std::mem::replace(&mut entered.1, waker.clone());
            drop(waiters);
            // Two tasks may take turns at the poll functions: the one that lost its place polls
            // again. A wait of its own has moved to another task, which the wake does not harm.
            other.wake();
            return true;
        }
        let id = waiter.unwrap_or(waiters.next);
        if waiter.is_none() {
            waiters.next += 1;
            *waiter = Some(id);
        }
        count();
        waiters.list.push((id, waker.clone()));
        true
    }

    /// Withdraws a waiter; false if it had been taken.
    pub(super) fn leave(&self, interest: Interest, waiter: u64) -> bool {
        let mut waiters = self.waiters[interest as usize].lock();
        let Some(at) = waiters.list.iter().position(|w| w.0 == waiter) else { return false };
        let left = waiters.list.swap_remove(at);
        drop(waiters);
        drop(left); // outside of the lock: it may free a task
        true
    }

    /// Which directions somebody waits for.
    pub(super) fn is_waited_for(&self) -> [bool; 2] {
        [0, 1].map(|direction: usize| !self.waiters[direction].lock().list.is_empty())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn event(closed: bool) -> Event {
        Event { key: 1, ready: [true, false], closed: [closed, false] }
    }

    #[test]
    fn an_event_between_attempt_and_clearing_stays() {
        let source = Source::new(1, true);
        let seen = source.ready(Interest::Read).unwrap();
        source.deliver(event(false), &mut Vec::new());
        source.clear(Interest::Read, seen);
        let seen = source.ready(Interest::Read).expect("still ready");
        source.clear(Interest::Read, seen);
        assert!(source.ready(Interest::Read).is_none());
        assert!(source.ready(Interest::Write).is_some(), "the other direction is another word");
    }

    #[test]
    fn a_short_read_after_the_peer_closed_is_not_the_last() {
        let source = Source::new(1, true);
        let seen = source.ready(Interest::Read).unwrap();
        source.drained(Interest::Read, seen);
        assert!(source.ready(Interest::Read).is_none());
        source.deliver(event(true), &mut Vec::new());
        let seen = source.ready(Interest::Read).unwrap();
        source.drained(Interest::Read, seen);
        assert!(source.ready(Interest::Read).is_some(), "the end is still to be read");
        source.clear(Interest::Read, seen);
        assert!(source.ready(Interest::Read).is_none(), "but an attempt that blocks is believed");
    }

    #[test]
    fn a_waiter_that_left_or_was_taken_is_not_counted_again() {
        let source = Source::new(1, false);
        let mut waiter = None;
        assert!(source.enter(Interest::Read, &mut waiter, Waker::noop(), || {}));
        assert!(source.enter(Interest::Read, &mut waiter, Waker::noop(), || panic!("counted")));
        assert_eq!(source.is_waited_for(), [true, false]);
        assert!(source.leave(Interest::Read, waiter.unwrap()));
        assert!(!source.leave(Interest::Read, waiter.unwrap()));
        assert_eq!(source.is_waited_for(), [false, false]);
    }
}
