//! Waiting for time to pass. Never early; virtual in a seeded runtime.

mod instant;
mod interval;

pub use instant::Instant;
pub use interval::{Interval, MissedTickBehavior, interval, interval_at};

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use std::{error, fmt};

use crate::scheduler::ThreadCx;
use crate::timers::TimerKey;

/// Waits for at least `duration`. A duration of zero suspends once.
///
/// # Panics
///
/// When polled outside of a runtime.
pub fn sleep(duration: Duration) -> Sleep {
    Sleep { wait: Wait::For(duration), armed: None }
}

/// Waits until the runtime's clock ([`Handle::now_ns`](crate::runtime::Handle::now_ns)) shows `deadline`:
/// an [`Instant`], or nanoseconds.
pub fn sleep_until(deadline: impl Into<Instant>) -> Sleep {
    Sleep { wait: Wait::Until(deadline.into().as_ns()), armed: None }
}

#[derive(Clone, Copy, Debug)]
enum Wait {
    For(Duration),
    Until(u64),
    Over,
}

/// See [`sleep`].
#[derive(Debug)]
pub struct Sleep {
    wait: Wait,
    armed: Option<TimerKey>,
}

impl Sleep {
    /// The first poll: arms a timer, unless the time has come.
    fn arm(&mut self, cx: &ThreadCx, waker: &Waker) -> Poll<()> {
        let now = cx.shared.env.now_ns();
        let deadline = match self.wait {
            Wait::Over => return Poll::Ready(()),
            Wait::For(duration) => {
                now.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
            }
            Wait::Until(deadline) if deadline <= now => {
                self.wait = Wait::Over;
                return Poll::Ready(());
            }
            Wait::Until(deadline) => deadline,
        };
        self.wait = Wait::Until(deadline);
        if deadline == now {
            // A sleep of zero: behind the others, no timer.
            waker.wake_by_ref();
            self.wait = Wait::Over;
            return Poll::Pending;
        }
        self.armed = Some(cx.shared.arm(cx, deadline, waker));
        Poll::Pending
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let (Some(key), Wait::Until(deadline_ns)) = (self.armed, self.wait) {
            if key.rearm(deadline_ns, cx.waker()) {
                return Poll::Pending;
            }
            // It has fired, so the clock has passed the deadline.
            self.armed = None;
            self.wait = Wait::Over;
            return Poll::Ready(());
        }
        ThreadCx::with(|thread| self.arm(thread.expect("called from within a runtime"), cx.waker()))
    }
}

impl Drop for Sleep {
    #[inline]
    fn drop(&mut self) {
        self.armed.take().into_iter().for_each(TimerKey::disarm);
    }
}

/// The time was up first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deadline has elapsed")
    }
}

impl error::Error for Elapsed {}

/// Waits for `future`, but no longer than `duration`; then drops it. A future that is ready at the
/// deadline wins.
///
/// # Errors
///
/// [`Elapsed`] when the time was up first.
pub async fn timeout<F: Future>(duration: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut future = std::pin::pin!(future);
    let mut sleep = std::pin::pin!(sleep(duration));
    std::future::poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        sleep.as_mut().poll(cx).map(|()| Err(Elapsed))
    })
    .await
}
