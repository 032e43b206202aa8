//! Waiting for a descriptor that belongs to somebody else.
//!
//! In: a descriptor number, as a C program has it. Out: which of the wanted events there are. The
//! owner reads and writes by itself, may wait for one descriptor from several tasks, and may close
//! it without telling us, so that its number soon means another file.
//!
//! The poller knows a pair of file and number at most once. The first wait registers the number; a
//! second one at the same time registers a duplicate of its own. When a registration succeeds
//! although one of that number is in the table, the old file was closed: whoever waits for it is
//! told so (`EBADF`) and its entry is not taken out of the poller, where it no longer is.
//!
//! | future | dropped before it is ready |
//! | --- | --- |
//! | [`Watch::ready`] | nothing is lost; the descriptor is no longer registered |
//!
//! Cost: two `epoll_ctl` and one or two `poll` calls for a wait; for a second one a `dup` and a
//! `close` on top.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use parking_lot::Mutex;

use crate::reactor::{Interest, Registration};
use crate::runtime::Handle;

/// Which events a wait is for, and which there were: a set of [`READABLE`] and [`WRITABLE`].
pub type EventSet = u32;
/// There is something to read, the end of the stream, a connection to accept, or an error.
pub const READABLE: EventSet = 1;
/// There is room to write into, a finished connect, or an error.
pub const WRITABLE: EventSet = 2;

/// The descriptors of others that tasks of one runtime wait for.
///
/// # Examples
///
/// ```
/// use std::os::fd::AsRawFd;
/// use vitte_rt::readiness::{READABLE, WRITABLE, Watch};
/// # vitte_rt::runtime::Runtime::new()?.block_on(async {
/// let (near, mut far) = std::os::unix::net::UnixStream::pair()?;
/// let watch = Watch::new();
/// assert_eq!(watch.ready(near.as_raw_fd(), READABLE | WRITABLE).await?, WRITABLE);
/// std::io::Write::write_all(&mut far, b"x")?;
/// assert_eq!(watch.ready(near.as_raw_fd(), READABLE).await?, READABLE);
/// # std::io::Result::Ok(()) })?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Watch {
    by_number: Arc<Mutex<BTreeMap<RawFd, Arc<Entry>>>>,
}

/// One registration.
#[derive(Debug)]
struct Entry {
    registration: Registration,
    /// The file behind the number was closed.
    closed: AtomicBool,
}

/// One wait: takes its registration back when dropped.
#[derive(Debug)]
struct Wait<'a> {
    watch: &'a Watch,
    fd: RawFd,
    /// None while it is dropped.
    entry: Option<Arc<Entry>>,
    /// Registered instead of `fd`, where that was registered already. Dropped after the entry.
    duplicate: Option<OwnedFd>,
}

impl Watch {
    /// An empty table.
    pub fn new() -> Self {
        Watch::default()
    }

    /// Waits until one of the `wanted` events of `fd` is there; answers which of them are.
    ///
    /// The waits of one runtime should share one table: a file that is closed under a wait is
    /// noticed only within one.
    ///
    /// # Errors
    ///
    /// `EBADF` if `fd` is not open or another file took its number during the wait, `EPERM` for what
    /// can not be waited for (an ordinary file), `EINVAL` if nothing is wanted, `EMFILE`,
    /// `Unsupported` in a seeded runtime.
    ///
    /// # Panics
    ///
    /// When polled outside of a runtime.
    pub async fn ready(&self, fd: RawFd, wanted: EventSet) -> io::Result<EventSet> {
        if wanted == 0 || wanted & !(READABLE | WRITABLE) != 0 {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        if fd < 0 {
            return Err(io::Error::from_raw_os_error(libc::EBADF));
        }
        let wait = self.register(fd)?;
        let Some(entry) = &wait.entry else { return Ok(0) };
        let look = || {
            // Acquire: pairs with `register` of the file that took the number.
            if entry.closed.load(Ordering::Acquire) {
                return Err(io::Error::from_raw_os_error(libc::EBADF));
            }
            events_of(fd, wanted)
        };
        // One direction is enough for both: an event in either makes it look again.
        if wanted == READABLE | WRITABLE {
            let mut read = std::pin::pin!(entry.registration.io(Interest::Read, look));
            let mut write = std::pin::pin!(entry.registration.io(Interest::Write, look));
            return std::future::poll_fn(|cx| match read.as_mut().poll(cx) {
                Poll::Ready(result) => Poll::Ready(result),
                Poll::Pending => write.as_mut().poll(cx),
            })
            .await;
        }
        let interest = if wanted == READABLE { Interest::Read } else { Interest::Write };
        entry.registration.io(interest, look).await
    }

    fn register(&self, fd: RawFd) -> io::Result<Wait<'_>> {
        let shared = Handle::current().shared;
        let wait = |registration, duplicate| {
            let closed = AtomicBool::new(false);
            let entry = Some(Arc::new(Entry { registration, closed }));
            Wait { watch: self, fd, entry, duplicate }
        };
        let mut by_number = self.by_number.lock();
        // SAFETY: the poller refuses a number that is not open. When the file is closed before the
        // registration is dropped, the system takes it out of the poller, and `Wait` notices if
        // another file has its number by then.
        match unsafe { Registration::new(&shared, &fd) } {
            Ok(registration) => {
                let wait = wait(registration, None);
                let before = wait.entry.clone().and_then(|entry| by_number.insert(fd, entry));
                drop(by_number);
                if let Some(stale) = before {
                    // Release: pairs with the look of the one that waits.
                    stale.closed.store(true, Ordering::Release);
                    stale.registration.wake_waiters();
                    // The last reference is the wait's, which knows how to drop it.
                }
                Ok(wait)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                drop(by_number);
                // SAFETY: the poller has just recognised it as open.
                let duplicate = unsafe { BorrowedFd::borrow_raw(fd) }.try_clone_to_owned()?;
                // SAFETY: `Wait` owns the duplicate and drops the registration before it.
                let registration = unsafe { Registration::new(&shared, &duplicate) }?;
                Ok(wait(registration, Some(duplicate)))
            }
            Err(error) => Err(error),
        }
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let Some(entry) = self.entry.take() else { return };
        if self.duplicate.is_some() {
            return drop(entry);
        }
        // Under the lock, so that no other file can be registered under the number in between.
        let mut by_number = self.watch.by_number.lock();
        let current = by_number.get(&self.fd).is_some_and(|e| Arc::ptr_eq(e, &entry));
        if current {
            by_number.remove(&self.fd);
            drop(entry);
        } else {
            entry.registration.forget();
        }
    }
}

/// Which of the `wanted` events of `fd` there are now; `WouldBlock` if none.
fn events_of(fd: RawFd, wanted: EventSet) -> io::Result<EventSet> {
    let mut events = 0;
    for (bit, flag) in [(READABLE, libc::POLLIN), (WRITABLE, libc::POLLOUT)] {
        if wanted & bit != 0 {
            events |= flag;
        }
    }
    let mut entry = libc::pollfd { fd, events, revents: 0 };
    // SAFETY: one valid entry; does not wait.
    if unsafe { libc::poll(&raw mut entry, 1, 0) } < 0 {
        return Err(io::Error::last_os_error());
    }
    if entry.revents & libc::POLLNVAL != 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // An error or the other end's going is what reads and writes report: both are possible.
    let ended = entry.revents & (libc::POLLERR | libc::POLLHUP) != 0;
    let mut ready = 0;
    for (bit, flag) in [(READABLE, libc::POLLIN), (WRITABLE, libc::POLLOUT)] {
        if wanted & bit != 0 && (ended || entry.revents & flag != 0) {
            ready |= bit;
        }
    }
    if ready == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(ready) }
}
