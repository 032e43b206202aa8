//! A histogram of durations with log-linear buckets.
//!
//! ```text
//! 0 1 2 … 15 │ 16 17 … 31 │ 32 34 … 62 │ 64 68 … 124 │ …      lower bounds of buckets, in ns
//!   exact       exact        width 2      width 4
//! ```
//!
//! Sixteen buckets per power of two: a value is known to 1/16. Noting one is one relaxed addition.

use std::sync::atomic::{AtomicU64, Ordering};

/// Buckets per power of two, as a power of two.
const LINEAR_BITS: u32 = 4;
const LINEAR: u64 = 1 << LINEAR_BITS;
const N_BUCKETS: usize = ((64 - LINEAR_BITS as usize) + 1) * LINEAR as usize;

/// Counts durations; any thread may note one.
#[derive(Debug)]
pub struct Histogram {
    buckets: Box<[AtomicU64]>,
    sum_ns: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        let buckets = (0..N_BUCKETS).map(|_| AtomicU64::new(0)).collect();
        Histogram { buckets, sum_ns: AtomicU64::new(0) }
    }
}

/// The bucket of a value.
fn bucket_of(ns: u64) -> usize {
    if ns < LINEAR {
        return ns as usize;
    }
    let log = ns.ilog2();
    let within = (ns >> (log - LINEAR_BITS)) & (LINEAR - 1);
    ((log - LINEAR_BITS + 1) as usize) * LINEAR as usize + within as usize
}

/// The smallest value of a bucket.
fn lower_bound(bucket: usize) -> u64 {
    let (row, within) = (bucket as u64 / LINEAR, bucket as u64 % LINEAR);
    if row == 0 { within } else { (LINEAR + within) << (row - 1) }
}

impl Histogram {
    /// Notes a duration in nanoseconds.
    pub fn note(&self, ns: u64) {
        // Relaxed: statistics.
        self.buckets[bucket_of(ns)].fetch_add(1, Ordering::Relaxed);
        self.sum_ns.fetch_add(ns, Ordering::Relaxed);
    }

    /// What was noted so far.
    pub fn snapshot(&self) -> Snapshot {
        // Relaxed: statistics.
        let counts = self.buckets.iter().map(|b| b.load(Ordering::Relaxed)).collect();
        Snapshot { counts, sum_ns: self.sum_ns.load(Ordering::Relaxed) }
    }
}

/// A histogram at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    counts: Vec<u64>,
    sum_ns: u64,
}

impl Snapshot {
    /// Number of durations.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Their sum in nanoseconds.
    pub fn sum_ns(&self) -> u64 {
        self.sum_ns
    }

    /// The duration that a share of `q` (0 to 1) does not exceed, in nanoseconds, rounded up to a
    /// bucket's largest value; 0 if there are none.
    ///
    /// # Examples
    ///
    /// ```
    /// let histogram = vitte_rt::metrics::Histogram::default();
    /// (1..=100).for_each(|ns| histogram.note(ns));
    /// let said = histogram.snapshot();
    /// assert_eq!((said.count(), said.sum_ns()), (100, 5050));
    /// assert!((50..=53).contains(&said.quantile(0.5)));
    /// assert_eq!(said.quantile(0.0), 1);
    /// ```
    pub fn quantile(&self, q: f64) -> u64 {
        let count = self.count();
        let rank = ((q.clamp(0.0, 1.0) * count as f64).ceil() as u64).clamp(1, count.max(1));
        self.buckets()
            .scan(0, |below, (upper, n)| {
                *below += n;
                Some((upper, *below))
            })
            .find(|(_, below)| *below >= rank)
            .map_or(0, |(upper, _)| upper)
    }

    /// Buckets that are not empty: the largest value that belongs to it, and how many there were.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> {
        let upper = |bucket: usize| match bucket + 1 {
            N_BUCKETS => u64::MAX,
            next => lower_bound(next) - 1,
        };
        self.counts.iter().enumerate().filter(|(_, n)| **n > 0).map(move |(b, n)| (upper(b), *n))
    }

    /// How many did not exceed `ns`, which is exact for powers of two less one.
    pub(crate) fn up_to(&self, ns: u64) -> u64 {
        self.buckets().take_while(|(upper, _)| *upper <= ns).map(|(_, n)| n).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_in_order_and_cover_everything() {
        assert_eq!(bucket_of(u64::MAX), N_BUCKETS - 1);
        for bucket in 0..N_BUCKETS {
            let low = lower_bound(bucket);
            assert_eq!(bucket_of(low), bucket);
            if bucket > 0 {
                assert_eq!(bucket_of(low - 1), bucket - 1);
                let width = low - lower_bound(bucket - 1);
                assert!(width == 1 || width * LINEAR <= low, "a value is known to 1/16");
            }
        }
    }

    #[test]
    fn quantiles_of_nothing_and_of_extremes() {
        assert_eq!(Snapshot::default().quantile(0.5), 0);
        let histogram = Histogram::default();
        histogram.note(u64::MAX);
        histogram.note(0);
        let said = histogram.snapshot();
        assert_eq!((said.quantile(0.5), said.quantile(1.0)), (0, u64::MAX));
        assert_eq!(said.up_to(1023), 1);
    }
}
