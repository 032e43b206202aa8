//! How much before the deadline of a timer the wait for it is to end.
//!
//! In: when waits for timers ended. Out: when the next one is to end. Waking a sleeping thread takes as
//! long every time, on a virtual machine tens of microseconds; a wait that ends that much earlier is over
//! when its timer is due. The lead follows what waking up takes at least: it grows by a part of what a
//! timer was late, and shrinks by all that the thread was early. A thread that is early waits for the
//! rest awake, once and then no more.
//!
//! Accepted: waking up from a long sleep takes longer than from a short one, and the lead is one for both.

/// No timer's wait ends earlier than this before its deadline: what a thread at most waits awake.
const MAX_NS: u64 = 50_000;
/// The lead grows by this part of what a timer was late.
const PART: u64 = 16;

/// See the module. Starts at none.
#[derive(Debug, Default)]
pub(crate) struct Lead(u64);

impl Lead {
    /// When a wait from `start_ns` on is to end, for a timer that is due at `deadline_ns`: at the start if
    /// that is past. Half of the way is slept at least.
    pub(super) fn end_of_wait(&self, start_ns: u64, deadline_ns: u64) -> u64 {
        let left = deadline_ns.saturating_sub(start_ns);
        start_ns + left - self.0.min(left / 2)
    }

    /// A wait that ended by itself was over at `now_ns`.
    pub(super) fn learn(&mut self, now_ns: u64, deadline_ns: u64) {
        let late = now_ns.saturating_sub(deadline_ns);
        let early = deadline_ns.saturating_sub(now_ns);
        self.0 = (self.0 + late / PART).saturating_sub(early).min(MAX_NS);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// The lead after `n` timers, waking up taking what `takes` says of each.
    fn after(n: u64, takes: impl Fn(u64) -> u64) -> u64 {
        let mut lead = Lead::default();
        for k in 0..n {
            let (start, deadline) = (k * 1_000_000, k * 1_000_000 + 100_000);
            let end = lead.end_of_wait(start, deadline);
            lead.learn(end + takes(k), deadline);
        }
        lead.0
    }

    #[test]
    fn lead_becomes_what_waking_up_takes() {
        assert!((29_900..=30_000).contains(&after(200, |_| 30_000)));
        assert!(after(200, |_| 800) <= 800);
        // Mostly long, now and then short: near the short one.
        let mixed = after(1000, |k| if k % 10 == 0 { 20_000 } else { 40_000 });
        assert!((15_000..30_000).contains(&mixed), "{mixed}");
    }

    #[test]
    fn lead_is_bounded_and_forgets_at_once() {
        assert_eq!(after(1000, |_| 5_000_000), MAX_NS);
        let forgotten = after(1001, |k| if k < 1000 { 5_000_000 } else { 0 });
        assert_eq!(forgotten, 0);
    }

    #[test]
    fn waits_end_between_now_and_the_deadline() {
        let lead = Lead(MAX_NS);
        assert_eq!(lead.end_of_wait(1000, 900), 1000, "it is past");
        assert_eq!(lead.end_of_wait(1000, 1000), 1000);
        assert_eq!(lead.end_of_wait(1000, 2000), 1500, "half of a short way");
        assert_eq!(lead.end_of_wait(0, 1_000_000), 1_000_000 - MAX_NS);
        assert_eq!(lead.end_of_wait(0, u64::MAX), u64::MAX - MAX_NS);
        assert_eq!(Lead::default().end_of_wait(0, 70), 70);
    }
}
