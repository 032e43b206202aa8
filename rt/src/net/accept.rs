//! Accepting, the same for every kind of listener: what is done about errors.
//!
//! When the system has no descriptor to give, accepting waits and tries again: the connection stays
//! in the listener's queue, and a loop of accept would use a whole processor. A peer that is gone
//! again is passed over.

use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;

use crate::reactor::Async;
use crate::scheduler::Shared;
use crate::time::{Sleep, sleep};

/// How long accepting waits when the system has no descriptor to give: first, and at most.
const BACK_OFF: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(100)];

/// Waits for descriptors: longer each time, up to a bound.
#[derive(Debug, Default)]
pub(super) struct BackOff {
    last: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl BackOff {
    /// Begins another wait.
    pub(super) fn begin(&mut self) {
        self.last = (self.last * 2).clamp(BACK_OFF[0], BACK_OFF[1]);
        self.sleep = Some(Box::pin(sleep(self.last)));
    }

    /// Waits for the end of the wait, if one has begun.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(sleep) = &mut self.sleep {
            ready!(sleep.as_mut().poll(cx));
            self.sleep = None;
        }
        Poll::Ready(())
    }

    /// The answer that an attempt gives; none if there is to be another, perhaps after a wait.
    fn judge<T>(&mut self, attempt: io::Result<T>) -> Option<io::Result<T>> {
        let Err(error) = attempt else {
            *self = BackOff::default();
            return Some(attempt);
        };
        match error.raw_os_error() {
            Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM) => self.begin(),
            _ if error.kind() == io::ErrorKind::ConnectionAborted => {}
            _ => return Some(Err(error)),
        }
        None
    }
}

/// Attempts until one gives an answer.
pub(super) async fn accept<T, F>(mut attempt: impl FnMut() -> F) -> io::Result<T>
where
    F: Future<Output = io::Result<T>>,
{
    let mut back_off = BackOff::default();
    loop {
        poll_fn(|cx| back_off.poll(cx)).await;
        if let Some(answer) = back_off.judge(attempt().await) {
            return answer;
        }
    }
}

/// As [`accept`], for a caller that is polled.
pub(super) fn poll_accept<T>(
    back_off: &mut BackOff,
    cx: &mut Context<'_>,
    mut attempt: impl FnMut(&mut Context<'_>) -> Poll<io::Result<T>>,
) -> Poll<io::Result<T>> {
    loop {
        ready!(back_off.poll(cx));
        if let Some(answer) = back_off.judge(ready!(attempt(cx))) {
            return Poll::Ready(answer);
        }
    }
}

/// Takes an accepted socket into the reactor.
pub(super) fn welcome<S>(shared: &Arc<Shared>, socket: S) -> io::Result<Async<S>>
where
    S: AsFd,
    for<'a> SockRef<'a>: From<&'a S>,
{
    SockRef::from(&socket).set_nonblocking(true)?;
    Async::new(shared, socket)
}
