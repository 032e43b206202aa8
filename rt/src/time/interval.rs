//! Ticks: waiting again and again.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;

use super::{Instant, Sleep, sleep_until};

/// A tick later than this was missed.
const TOLERANCE: Duration = Duration::from_millis(5);

/// What an [`Interval`] does about ticks it missed, because nobody waited for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissedTickBehavior {
    /// They come at once, one after the other, until the interval has caught up.
    #[default]
    Burst,
    /// The next one comes a period after the late one.
    Delay,
    /// They are left out: the next one comes at a multiple of the period.
    Skip,
}

impl MissedTickBehavior {
    /// When the tick after the one of `scheduled`, which came at `now`, is due.
    fn next(self, scheduled: Instant, now: Instant, period: Duration) -> Instant {
        match self {
            MissedTickBehavior::Burst => scheduled + period,
            MissedTickBehavior::Delay => now + period,
            MissedTickBehavior::Skip => {
                let late = (now - scheduled).as_nanos();
                let over = (late % period.as_nanos()) as u64;
                now + period - Duration::from_nanos(over)
            }
        }
    }
}

/// Ticks once per period; see [`interval`]. Also a [`Stream`] of the instants.
pub struct Interval {
    /// Until the next tick.
    sleep: Pin<Box<Sleep>>,
    next: Instant,
    period: Duration,
    missed: MissedTickBehavior,
}

/// Ticks at once, then once per `period`.
///
/// # Panics
///
/// If `period` is zero; outside of a runtime.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use vitte_rt::time::{Instant, interval};
///
/// let runtime = vitte_rt::runtime::Builder::seeded(1).build().unwrap(); // virtual time
/// runtime.block_on(async {
///     let start = Instant::now();
///     let mut seconds = interval(Duration::from_secs(1));
///     for n in 0..3 {
///         assert_eq!(seconds.tick().await - start, Duration::from_secs(n));
///     }
/// });
/// ```
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    interval_at(Instant::now(), period)
}

/// Ticks at `start`, then once per `period`.
///
/// # Panics
///
/// If `period` is zero.
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    assert!(!period.is_zero(), "the period of an interval is more than zero");
    let sleep = Box::pin(sleep_until(start));
    Interval { sleep, next: start, period, missed: MissedTickBehavior::default() }
}

impl Interval {
    /// Waits for the next tick; the instant for which it was scheduled. Dropped before it is ready, no
    /// tick is lost.
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|cx| self.poll_tick(cx)).await
    }

    /// As [`Interval::tick`], for futures written by hand.
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        if self.sleep.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        let (scheduled, now) = (self.next, Instant::now());
        let missed = now > scheduled + TOLERANCE;
        let behavior = if missed { self.missed } else { MissedTickBehavior::Burst };
        self.arm(behavior.next(scheduled, now, self.period));
        Poll::Ready(scheduled)
    }

    fn arm(&mut self, next: Instant) {
        self.next = next;
        self.sleep.set(sleep_until(next));
    }

    /// Makes the next tick come a period from now.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub fn reset(&mut self) {
        self.arm(Instant::now() + self.period);
    }

    /// Makes the next tick come at once.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub fn reset_immediately(&mut self) {
        self.arm(Instant::now());
    }

    /// Makes the next tick come after `after`.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub fn reset_after(&mut self, after: Duration) {
        self.arm(Instant::now() + after);
    }

    /// Makes the next tick come at `deadline`.
    pub fn reset_at(&mut self, deadline: Instant) {
        self.arm(deadline);
    }

    /// What is done about missed ticks.
    pub fn missed_tick_behavior(&self) -> MissedTickBehavior {
        self.missed
    }

    /// Says what is to be done about missed ticks.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_rt::time::{Instant, MissedTickBehavior, interval, sleep};
    ///
    /// let runtime = vitte_rt::runtime::Builder::seeded(1).build().unwrap(); // virtual time
    /// runtime.block_on(async {
    ///     let start = Instant::now();
    ///     let mut seconds = interval(Duration::from_secs(1));
    ///     seconds.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ///     seconds.tick().await; // 0 s
    ///     sleep(Duration::from_millis(3500)).await;
    ///     assert_eq!(seconds.tick().await - start, Duration::from_secs(1)); // late
    ///     assert_eq!(seconds.tick().await - start, Duration::from_secs(4)); // 2 and 3 left out
    /// });
    /// ```
    pub fn set_missed_tick_behavior(&mut self, behavior: MissedTickBehavior) {
        self.missed = behavior;
    }

    /// The time between ticks.
    pub fn period(&self) -> Duration {
        self.period
    }
}

impl Stream for Interval {
    type Item = Instant;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Instant>> {
        self.poll_tick(cx).map(Some)
    }
}

impl fmt::Debug for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Interval({:?}, {:?})", self.period, self.missed)
    }
}
