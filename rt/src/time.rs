//! Waiting for time to pass. Never early; virtual in a seeded runtime.

mod instant;
mod interval;

pub use instant::Instant;
pub use interval::{Interval, MissedTickBehavior, interval, interval_at};
pub use std::time::Duration;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::{error, fmt, io};

use crate::scheduler::ThreadCx;
use crate::timers::TimerKey;

/// Waits until `duration` has passed since this call, at least. A duration of zero suspends once.
///
/// Made outside of the runtime that polls it, it counts from its first poll.
///
/// # Panics
///
/// When polled outside of a runtime.
pub fn sleep(duration: Duration) -> Sleep {
    let fresh = |cx: &ThreadCx| {
        let (now, duration_ns) = (cx.shared.env.now_ns(), instant::ns(duration));
        let deadline_ns = now.saturating_add(duration_ns);
        Wait::Fresh { deadline_ns, duration_ns, runtime: address(cx) }
    };
    let known = if duration.is_zero() { None } else { ThreadCx::with(|cx| cx.map(fresh)) };
    Sleep(known.unwrap_or(Wait::For(duration)))
}

/// Waits until the runtime's clock ([`Handle::now_ns`](crate::runtime::Handle::now_ns)) shows `deadline`:
/// an [`Instant`], or nanoseconds.
pub fn sleep_until(deadline: impl Into<Instant>) -> Sleep {
    Sleep(Wait::Until(deadline.into().as_ns()))
}

#[derive(Clone, Copy, Debug)]
enum Wait {
    /// From the first poll on.
    For(Duration),
    /// Made in a runtime, a moment ago as a rule.
    Fresh {
        deadline_ns: u64,
        duration_ns: u64,
        runtime: usize,
    },
    Until(u64),
    Armed {
        deadline_ns: u64,
        key: TimerKey,
    },
    Over(u64),
}

/// Which runtime a thread takes part in: clocks of two have nothing to do with each other.
fn address(cx: &ThreadCx) -> usize {
    Arc::as_ptr(&cx.shared).addr()
}

/// See [`sleep`].
///
/// # Examples
///
/// A deadline that moves on as long as something happens:
///
/// ```
/// use std::pin::pin;
/// use std::time::Duration;
/// use vitte_rt::channel::mpsc;
/// use vitte_rt::select;
/// use vitte_rt::time::{Instant, sleep};
///
/// let runtime = vitte_rt::runtime::Builder::seeded(1).build()?; // virtual time
/// let n = runtime.block_on(async {
///     const QUIET: Duration = Duration::from_secs(5);
///     let (tx, mut rx) = mpsc::channel::<()>(1);
///     vitte_rt::spawn(async move {
///         for _ in 0..3 {
///             sleep(Duration::from_secs(4)).await;
///             tx.send(()).await.unwrap();
///         }
///         sleep(Duration::from_secs(60)).await; // too long
///     });
///     let (mut quiet, mut n) = (pin!(sleep(QUIET)), 0);
///     loop {
///         select! {
///             _ = rx.recv() => {
///                 n += 1;
///                 quiet.as_mut().reset(Instant::now() + QUIET);
///             }
///             () = &mut quiet => break n,
///         }
///     }
/// });
/// assert_eq!(n, 3);
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct Sleep(Wait);

impl Sleep {
    /// When it is over.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, if it was made there and was not polled yet.
    #[track_caller]
    pub fn deadline(&self) -> Instant {
        match self.0 {
            Wait::For(duration) => Instant::now() + duration,
            Wait::Fresh { deadline_ns, .. } | Wait::Armed { deadline_ns, .. } => {
                Instant::from_ns(deadline_ns)
            }
            Wait::Until(ns) | Wait::Over(ns) => Instant::from_ns(ns),
        }
    }

    /// Whether its deadline has passed.
    pub fn is_elapsed(&self) -> bool {
        match self.0 {
            Wait::Over(_) => true,
            Wait::For(_) => false,
            _ => {
                let now = ThreadCx::with(|cx| cx.map(|cx| cx.shared.env.now_ns()));
                now.is_some_and(|now| Instant::from_ns(now) >= self.deadline())
            }
        }
    }

    /// Gives it another deadline, earlier or later, also when it is over. Whoever waits for it is woken
    /// then; one that nobody waits for is to be polled, as ever.
    pub fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        let deadline_ns = deadline.as_ns();
        let before = std::mem::replace(&mut self.0, Wait::Until(deadline_ns));
        let Wait::Armed { key, .. } = before else { return };
        let Some(waker) = key.take() else { return };
        let arm = |cx: &ThreadCx| cx.shared.arm(cx, deadline_ns, &waker);
        match ThreadCx::with(|cx| cx.map(arm)) {
            Some(key) => self.0 = Wait::Armed { deadline_ns, key },
            None => waker.wake(), // outside of a runtime: let the waiting task arm it
        }
    }

    /// The first poll: arms a timer, unless the time has come.
    fn arm(&mut self, cx: &ThreadCx, waker: &Waker) -> Poll<()> {
        let env = &cx.shared.env;
        let from_now = |duration_ns| {
            let now = env.now_ns();
            (now.saturating_add(duration_ns), now)
        };
        let (deadline_ns, now) = match self.0 {
            Wait::Over(_) => return Poll::Ready(()),
            Wait::For(duration) => from_now(instant::ns(duration)),
            Wait::Fresh { duration_ns, runtime, .. } if runtime != address(cx) => {
                from_now(duration_ns)
            }
            // Made a moment ago, so that the clock of the turn will do; if it was not, the timer fires
            // when the clock is next looked at.
            Wait::Fresh { deadline_ns, .. } if !cx.shared.is_virtual => {
                (deadline_ns, cx.clock.get())
            }
            Wait::Fresh { deadline_ns, .. }
            | Wait::Until(deadline_ns)
            | Wait::Armed { deadline_ns, .. } => (deadline_ns, env.now_ns()),
        };
        if deadline_ns > now {
            self.0 = Wait::Armed { deadline_ns, key: cx.shared.arm(cx, deadline_ns, waker) };
            return Poll::Pending;
        }
        let is_zero = matches!(self.0, Wait::For(_));
        self.0 = Wait::Over(deadline_ns);
        if is_zero {
            // Behind the others, no timer.
            waker.wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Wait::Armed { deadline_ns, key } = self.0 {
            if key.rearm(deadline_ns, cx.waker()) {
                return Poll::Pending;
            }
            // It has fired, so the clock has passed the deadline.
            self.0 = Wait::Over(deadline_ns);
            return Poll::Ready(());
        }
        ThreadCx::with(|thread| self.arm(thread.expect("called from within a runtime"), cx.waker()))
    }
}

impl Drop for Sleep {
    #[inline]
    fn drop(&mut self) {
        if let Wait::Armed { key, .. } = self.0 {
            key.disarm();
        }
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

impl From<Elapsed> for io::Error {
    /// Of the kind `TimedOut`.
    fn from(elapsed: Elapsed) -> Self {
        io::Error::new(io::ErrorKind::TimedOut, elapsed)
    }
}

/// Waits for `future`, but no longer than until `duration` has passed since this call; then it is dropped
/// with what is answered here, a future of a `Result` whose error, [`Elapsed`], says that the time was up
/// first. A future that is ready at the deadline wins.
///
/// Made outside of a runtime it counts from its first poll.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use vitte_rt::time::{Elapsed, timeout};
///
/// vitte_rt::block_on(async {
///     let short = Duration::from_millis(1);
///     assert_eq!(timeout(short, async { 1 }).await, Ok(1));
///     assert_eq!(timeout(short, std::future::pending::<()>()).await, Err(Elapsed));
/// });
/// ```
pub fn timeout<F: IntoFuture>(duration: Duration, future: F) -> Timeout<F::IntoFuture> {
    Timeout { future: future.into_future(), sleep: sleep(duration) }
}

/// As [`timeout`], until the runtime's clock shows `deadline`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use vitte_rt::time::{Instant, sleep, timeout_at};
///
/// let runtime = vitte_rt::runtime::Builder::seeded(1).build()?; // virtual time
/// runtime.block_on(async {
///     let deadline = Instant::now() + Duration::from_secs(3); // for both
///     assert!(timeout_at(deadline, sleep(Duration::from_secs(2))).await.is_ok());
///     assert!(timeout_at(deadline, sleep(Duration::from_secs(2))).await.is_err());
/// });
/// # std::io::Result::Ok(())
/// ```
pub fn timeout_at<F: IntoFuture>(
    deadline: impl Into<Instant>,
    future: F,
) -> Timeout<F::IntoFuture> {
    Timeout { future: future.into_future(), sleep: sleep_until(deadline) }
}

/// See [`timeout`].
#[derive(Debug)]
#[must_use = "a future does nothing unless awaited"]
pub struct Timeout<F> {
    future: F,
    sleep: Sleep,
}

impl<F> Timeout<F> {
    /// The future.
    pub fn get_ref(&self) -> &F {
        &self.future
    }

    /// The future, to change it.
    pub fn get_mut(&mut self) -> &mut F {
        &mut self.future
    }

    /// The future, without a limit.
    pub fn into_inner(self) -> F {
        self.future
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: the future is not moved: it is pinned next, and `into_inner` wants an unpinned self.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: it is pinned with us.
        let future = unsafe { Pin::new_unchecked(&mut this.future) };
        if let Poll::Ready(output) = future.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        Pin::new(&mut this.sleep).poll(cx).map(|()| Err(Elapsed))
    }
}
