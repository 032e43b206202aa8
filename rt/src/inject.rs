//! Faults that a seeded run makes, beside the order of things.
//!
//! In: the set that [`Builder::inject`](crate::runtime::Builder::inject) was given. Out: an answer to
//! "does it happen now?" ([`Env::strikes`](crate::env::Env::strikes)) wherever the real world would
//! have a say. Each answer is a choice of the seed and part of the trace hash, so that a run with
//! faults replays like any other.
//!
//! | what | where | how often |
//! | --- | --- | --- |
//! | [`WAKE_ORDER`](Inject::WAKE_ORDER) | a wake-up from outside of the workers overtakes up to 15 others | 1 of 2 |
//! | [`SPURIOUS`](Inject::SPURIOUS) | a task that has just suspended is polled once more, for nothing | 1 of 8 |
//! | [`BUDGET`](Inject::BUDGET) | a run has 1 to 8 ready operations instead of 128 | 1 of 2 |
//! | [`BLOCKING`](Inject::BLOCKING) | blocking work runs later, in any order, and not at once | 1 of 2 |
//! | [`DESCRIPTORS`](Inject::DESCRIPTORS) | `bind`, `connect` and an accept find no descriptor (`EMFILE`) | 1 of 8 |
//! | [`SHORT`](Inject::SHORT) | a read or write on the loopback moves fewer bytes than it could, at least one | 1 of 2 |
//! | [`RESETS`](Inject::RESETS) | a connection of the loopback is reset under a read or write | 1 of 64 |
//! | [`DATAGRAMS`](Inject::DATAGRAMS) | a datagram is lost, comes twice or overtakes the one before | 1 of 8 |
//! | [`MEMORY`](Inject::MEMORY) | a coroutine's frame gets no memory | 1 of 16 |
//!
//! The first four are no faults: any program must be right under them, because a loaded machine does
//! the same. The others a program sees as errors, those of the operating system.

use std::ops::BitOr;

/// A set of faults for a seeded run. See the [module](self).
///
/// # Examples
///
/// ```
/// use vitte_rt::runtime::{Builder, Inject};
/// let order = Inject::WAKE_ORDER | Inject::SPURIOUS;
/// let runtime = Builder::seeded(7).inject(order).build()?;
/// assert_eq!(runtime.block_on(async { 6 * 7 }), 42);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inject(u16);

impl Inject {
    /// None.
    pub const NOTHING: Inject = Inject(0);
    /// Wake-ups from outside of the workers (the future of the `block_on`, timers) arrive in any order.
    pub const WAKE_ORDER: Inject = Inject(1);
    /// Tasks are polled without having been woken.
    pub const SPURIOUS: Inject = Inject(1 << 1);
    /// Runs are cut short by a small budget of ready operations.
    pub const BUDGET: Inject = Inject(1 << 2);
    /// Blocking work is done late.
    pub const BLOCKING: Inject = Inject(1 << 3);
    /// No descriptor is free: `EMFILE` from `bind` and `connect`; `accept` waits and tries again.
    pub const DESCRIPTORS: Inject = Inject(1 << 4);
    /// Reads and writes move fewer bytes than they could.
    pub const SHORT: Inject = Inject(1 << 5);
    /// Connections are reset: `ConnectionReset` at both ends.
    pub const RESETS: Inject = Inject(1 << 6);
    /// Datagrams are lost, doubled and reordered.
    pub const DATAGRAMS: Inject = Inject(1 << 7);
    /// Frames of coroutines get no memory.
    pub const MEMORY: Inject = Inject(1 << 8);
    /// What any program must be right under: the first four.
    pub const ORDER: Inject = Inject((1 << 4) - 1);
    /// All of them.
    pub const ALL: Inject = Inject((1 << 9) - 1);

    /// Whether all of `other` are in the set.
    #[must_use]
    pub const fn contains(self, other: Inject) -> bool {
        self.0 & other.0 == other.0
    }

    /// It happens once in so many times.
    pub(crate) const fn odds(self) -> u32 {
        match self {
            Inject::WAKE_ORDER | Inject::BUDGET | Inject::BLOCKING | Inject::SHORT => 2,
            Inject::MEMORY => 16,
            Inject::RESETS => 64,
            _ => 8,
        }
    }
}

impl BitOr for Inject {
    type Output = Inject;

    fn bitor(self, other: Inject) -> Inject {
        Inject(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_hold_what_was_put_in() {
        let set = Inject::SHORT | Inject::RESETS;
        assert!(set.contains(Inject::SHORT) && set.contains(Inject::NOTHING));
        assert!(!set.contains(Inject::MEMORY) && !set.contains(Inject::SHORT | Inject::MEMORY));
        assert!(Inject::ALL.contains(Inject::ORDER) && Inject::ORDER.contains(Inject::BLOCKING));
        assert!(!Inject::ORDER.contains(Inject::DESCRIPTORS));
    }
}
