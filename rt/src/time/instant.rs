//! Instants of a runtime's clock.

use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::time::Duration;

use crate::runtime::Handle;

/// An instant of the runtime's clock, which is virtual in a seeded runtime: nanoseconds since the runtime
/// was built. Instants of two runtimes have nothing to do with each other.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use vitte_rt::time::{Instant, sleep_until};
///
/// vitte_rt::block_on(async {
///     let deadline = Instant::now() + Duration::from_millis(1);
///     sleep_until(deadline).await;
///     assert!(Instant::now() >= deadline);
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

/// Stops at the end of time.
pub(super) fn ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Instant {
    /// What the clock shows.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn now() -> Self {
        Instant(Handle::current().now_ns())
    }

    /// The instant at which the clock shows `ns` nanoseconds.
    pub const fn from_ns(ns: u64) -> Self {
        Instant(ns)
    }

    /// Nanoseconds since the runtime was built.
    pub const fn as_ns(self) -> u64 {
        self.0
    }

    /// Time since this instant; zero if it is to come.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn elapsed(self) -> Duration {
        Instant::now() - self
    }

    /// Time between the two; zero if `earlier` is the later one.
    pub fn duration_since(self, earlier: Instant) -> Duration {
        self - earlier
    }

    /// As [`Instant::duration_since`].
    pub fn saturating_duration_since(self, earlier: Instant) -> Duration {
        self - earlier
    }

    /// Time between the two; `None` if `earlier` is the later one.
    pub fn checked_duration_since(self, earlier: Instant) -> Option<Duration> {
        self.0.checked_sub(earlier.0).map(Duration::from_nanos)
    }

    /// The instant that is so much later; `None` beyond the end of time.
    pub fn checked_add(self, duration: Duration) -> Option<Instant> {
        self.0.checked_add(u64::try_from(duration.as_nanos()).ok()?).map(Instant)
    }

    /// The instant that is so much earlier; `None` before the runtime was built.
    pub fn checked_sub(self, duration: Duration) -> Option<Instant> {
        self.0.checked_sub(u64::try_from(duration.as_nanos()).ok()?).map(Instant)
    }
}

impl From<u64> for Instant {
    /// As [`Instant::from_ns`].
    fn from(ns: u64) -> Self {
        Instant(ns)
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    /// Stops at the end of time, some 584 years after the runtime was built.
    fn add(self, duration: Duration) -> Instant {
        Instant(self.0.saturating_add(ns(duration)))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;

    /// Stops at the beginning of time.
    fn sub(self, duration: Duration) -> Instant {
        Instant(self.0.saturating_sub(ns(duration)))
    }
}

impl SubAssign<Duration> for Instant {
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

impl Sub for Instant {
    type Output = Duration;

    /// Zero if `earlier` is the later one.
    fn sub(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}
