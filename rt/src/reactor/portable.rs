//! The poller of systems without one of our own: [`polling`].
//!
//! Compiled into the tests everywhere, so that it stays what the other one is.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use polling::PollMode;

use super::Event;

#[derive(Debug)]
pub(crate) struct Poller {
    poller: polling::Poller,
    mode: PollMode,
}

#[derive(Debug)]
pub(crate) struct Events(polling::Events);

impl Events {
    pub(crate) fn new() -> Self {
        Events(polling::Events::new())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Event> + '_ {
        self.0.iter().map(|event| {
            let hung_up = event.is_interrupt() || event.is_err().unwrap_or(false);
            Event {
                key: event.key as u64,
                ready: [event.readable || hung_up, event.writable || hung_up],
                closed: [hung_up; 2],
            }
        })
    }
}

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        let poller = polling::Poller::new()?;
        let mode = if poller.supports_edge() { PollMode::Edge } else { PollMode::Oneshot };
        Ok(Poller { poller, mode })
    }

    /// Whether a registration needs no re-arming.
    pub(crate) fn is_edge(&self) -> bool {
        self.mode == PollMode::Edge
    }

    pub(crate) fn add(&self, fd: BorrowedFd<'_>, key: u64) -> io::Result<()> {
        let key = key as usize;
        let interest =
            if self.is_edge() { polling::Event::all(key) } else { polling::Event::none(key) };
        // SAFETY: the descriptor is deleted before it is closed (I1 of the reactor).
        unsafe { self.poller.add_with_mode(&fd, interest, self.mode) }
    }

    /// Without edge mode: tells the poller what is waited for now.
    pub(crate) fn rearm(
        &self,
        fd: BorrowedFd<'_>,
        key: u64,
        read: bool,
        write: bool,
    ) -> io::Result<()> {
        let interest = polling::Event::new(key as usize, read, write);
        self.poller.modify_with_mode(fd, interest, self.mode)
    }

    pub(crate) fn delete(&self, fd: BorrowedFd<'_>) {
        // Fails only for what is not registered.
        let _ = self.poller.delete(fd);
    }

    /// Ends a wait in progress, or the next one.
    pub(crate) fn notify(&self) {
        // Only fails when the poller is gone, and then nobody waits.
        let _ = self.poller.notify();
    }

    /// Waits for events, a notification, or the timeout (`None`: none).
    pub(crate) fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        events.0.clear();
        self.poller.wait(&mut events.0, timeout).map(drop)
    }
}
