//! The poller of Linux: one `epoll_wait` per wait, and nothing beside it as long as no deadline moves
//! forward.
//!
//! Descriptors are registered edge-triggered for both directions and for the peer's close. The
//! notifier is an edge-triggered eventfd that is never read: each write is an edge. Waits with a
//! deadline use a timerfd (nanoseconds, and without the slack of `epoll_wait`'s own timeout); it is
//! set only when the deadline is earlier than what it is set for, and a deadline that is withdrawn
//! leaves it as it is, at the price of one early return.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};
use rustix::io::Errno;
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, clock_gettime,
    timerfd_create, timerfd_settime,
};

use super::Event;

/// Most events taken at once.
const N_EVENTS: usize = 1024;
/// Keys that no registration has (they start at number 1 and have few places).
const NOTIFIER: u64 = u64::MAX;
const TIMER: u64 = u64::MAX - 1;

#[derive(Debug)]
pub(crate) struct Poller {
    epoll: OwnedFd,
    notifier: OwnedFd,
    timer: OwnedFd,
    /// The notifier was written to and no wait has seen it yet.
    notified: AtomicBool,
}

/// What the last wait brought, and the state that only waits touch.
pub(crate) struct Events {
    list: Vec<epoll::Event>,
    /// Events in `list` that are no notification and no timer.
    n_real: usize,
    /// What the timer is set for, on the monotonic clock.
    armed_ns: Option<u64>,
}

// SAFETY: the pointer in the kernel's event is only ever used as the number that it was made from.
unsafe impl Send for Events {}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Events({})", self.n_real)
    }
}

impl Events {
    pub(crate) fn new() -> Self {
        Events { list: Vec::with_capacity(N_EVENTS), n_real: 0, armed_ns: None }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.n_real == 0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Event> + '_ {
        use epoll::EventFlags as E;
        self.list.iter().filter(|event| event.data.u64() < TIMER).map(|event| {
            let flags = event.flags;
            let has = |any: E| flags.intersects(any);
            Event {
                key: event.data.u64(),
                ready: [
                    has(E::IN | E::RDHUP | E::HUP | E::ERR | E::PRI),
                    has(E::OUT | E::HUP | E::ERR),
                ],
                closed: [has(E::RDHUP | E::HUP | E::ERR), has(E::HUP | E::ERR)],
            }
        })
    }
}

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let notifier = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let edge = epoll::EventFlags::IN | epoll::EventFlags::ET;
        epoll::add(&epoll, &notifier, epoll::EventData::new_u64(NOTIFIER), edge)?;
        epoll::add(&epoll, &timer, epoll::EventData::new_u64(TIMER), edge)?;
        Ok(Poller { epoll, notifier, timer, notified: AtomicBool::new(false) })
    }

    /// Whether a registration needs no re-arming.
    #[allow(clippy::unused_self, reason = "the portable poller has to look")]
    pub(crate) fn is_edge(&self) -> bool {
        true
    }

    pub(crate) fn add(&self, fd: BorrowedFd<'_>, key: u64) -> io::Result<()> {
        use epoll::EventFlags as E;
        let interest = E::IN | E::OUT | E::RDHUP | E::PRI | E::ET;
        Ok(epoll::add(&self.epoll, fd, epoll::EventData::new_u64(key), interest)?)
    }

    /// Not needed in edge mode.
    #[allow(clippy::unused_self, clippy::unnecessary_wraps, reason = "the portable poller's")]
    pub(crate) fn rearm(&self, _: BorrowedFd<'_>, _: u64, _: bool, _: bool) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn delete(&self, fd: BorrowedFd<'_>) {
        // Fails only for what is not registered.
        let _ = epoll::delete(&self.epoll, fd);
    }

    /// Ends a wait in progress, or the next one.
    pub(crate) fn notify(&self) {
        // AcqRel: pairs with `wait`; several notifications are one.
        if self.notified.swap(true, Ordering::AcqRel) {
            return;
        }
        let one = 1u64.to_ne_bytes();
        if rustix::io::write(&self.notifier, &one) == Err(Errno::AGAIN) {
            // After 2^64 writes: begin again.
            let _ = rustix::io::read(&self.notifier, &mut [0; 8]);
            let _ = rustix::io::write(&self.notifier, &one);
        }
    }

    /// Waits for events, a notification, or the timeout (`None`: none).
    pub(crate) fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        events.list.clear();
        events.n_real = 0;
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        let limit = match timeout {
            Some(Duration::ZERO) => Some(&zero),
            Some(timeout) => {
                self.arm(events, timeout)?;
                None
            }
            None => None,
        };
        epoll::wait(&self.epoll, spare_capacity(&mut events.list), limit)?;
        for event in &events.list {
            match event.data.u64() {
                // AcqRel: pairs with `notify`, which from now on writes again.
                NOTIFIER => drop(self.notified.swap(false, Ordering::AcqRel)),
                TIMER => events.armed_ns = None,
                _ => events.n_real += 1,
            }
        }
        Ok(())
    }

    /// Sets the timer, unless it is set for an instant that is as early.
    fn arm(&self, events: &mut Events, timeout: Duration) -> io::Result<()> {
        let now = clock_gettime(ClockId::Monotonic);
        let now_ns = now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64;
        let deadline_ns = now_ns.saturating_add(timeout.as_nanos() as u64);
        if events.armed_ns.is_some_and(|armed| armed <= deadline_ns) {
            return Ok(());
        }
        let it_value = Timespec {
            tv_sec: timeout.as_secs().min(i32::MAX as u64) as i64,
            tv_nsec: i64::from(timeout.subsec_nanos()),
        };
        let none = Timespec { tv_sec: 0, tv_nsec: 0 };
        let timer = Itimerspec { it_interval: none, it_value };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &timer)?;
        events.armed_ns = Some(deadline_ns);
        Ok(())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_later_deadline_leaves_the_timer_as_it_is() {
        let poller = Poller::new().unwrap();
        let mut events = Events::new();
        poller.arm(&mut events, Duration::from_millis(1)).unwrap();
        let first = events.armed_ns.unwrap();
        poller.arm(&mut events, Duration::from_secs(1000)).unwrap();
        assert_eq!(events.armed_ns, Some(first));
        poller.wait(&mut events, Some(Duration::from_secs(1000))).unwrap();
        assert_eq!((events.armed_ns, events.n_real), (None, 0), "the earlier one fired");
        poller.arm(&mut events, Duration::from_secs(1000)).unwrap();
        poller.arm(&mut events, Duration::from_millis(1)).unwrap();
        poller.wait(&mut events, None).unwrap();
        assert_eq!(events.armed_ns, None);
    }

    #[test]
    fn a_hang_up_closes_both_directions() {
        let flags = epoll::EventFlags::IN | epoll::EventFlags::HUP;
        let list = vec![epoll::Event { flags, data: epoll::EventData::new_u64(3) }];
        let events = Events { list, n_real: 1, armed_ns: None };
        let only: Vec<Event> = events.iter().collect();
        assert_eq!(only, [Event { key: 3, ready: [true; 2], closed: [true; 2] }]);
    }
}
