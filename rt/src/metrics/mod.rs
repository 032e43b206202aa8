//! What a runtime has done, in numbers: counters that are always on, and two histograms that are on
//! demand ([`measure_latency`]).
//!
//! The counters' names are stable, also as text for Prometheus ([`prometheus`]). A counter costs one
//! relaxed addition.
//!
//! [`measure_latency`]: crate::runtime::Handle::measure_latency
//! [`prometheus`]: crate::runtime::Handle::prometheus
#![allow(clippy::cast_precision_loss, reason = "statistics in floating point are rounded")]

mod histogram;
mod prometheus;

pub use histogram::{Histogram, Snapshot};
pub(crate) use prometheus::Page;

use std::sync::atomic::{AtomicU64, Ordering};

/// One counter.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self) {
        // Relaxed: statistics.
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        // Relaxed: statistics.
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        #[derive(Debug, Default)]
        pub(crate) struct Counters { $(pub(crate) $name: Counter,)* }

        /// What a runtime has done since it was built.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Metrics { $($(#[doc = $doc])* pub $name: u64,)* }

        impl Counters {
            pub(crate) fn snapshot(&self) -> Metrics {
                Metrics { $($name: self.$name.get(),)* }
            }
        }

        impl Metrics {
            /// Every counter: name, what it counts, value.
            pub fn each(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
                [$((stringify!($name), concat!($($doc),*), self.$name),)*].into_iter()
            }
        }
    };
}

counters! {
    /// Tasks spawned.
    spawned,
    /// Tasks that ended.
    completed,
    /// Runs of tasks.
    polls,
    /// Successful steals.
    steals,
    /// Times a worker went to sleep.
    parks,
    /// Times a sleeping worker was woken for work.
    unparks,
    /// Timers that fired.
    timers_fired,
    /// Tasks woken by I/O.
    io_wakes,
    /// Times a worker's queue was handed to another thread because a task held it up.
    handoffs,
    /// Pieces of blocking work.
    blocking,
    /// Times the watchdog found a task that held its worker up.
    stalls,
    /// Tasks whose panic or fault nobody asked for.
    unobserved,
}
