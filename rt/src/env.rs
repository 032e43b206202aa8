//! The world outside the scheduler: clock, choices, threads, fuel.
//!
//! The scheduler, the timers and the coroutine entry ask an [`Env`] and nothing else, so that the
//! same code runs for real ([`RealEnv`]) and seeded ([`SeededEnv`]): there one thread plays all
//! workers in a chosen order, time is a number that jumps to the next deadline when nothing can
//! run, sockets are in memory, and blocking work runs inline. Every choice and every resume of a
//! seeded run goes into a hash: same seed, same hash.

use std::cell::Cell;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use parking_lot::Mutex;

use crate::inject::Inject;

/// What a choice is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Choice {
    /// Which virtual worker takes the next turn.
    Worker = 1,
    /// Which worker to steal from first.
    Victim = 2,
    /// Which branch of a select is tried first.
    Select = 3,
    /// Order of timers that are due at the same instant.
    Tie = 4,
    /// A choice of the program (random numbers).
    Program = 5,
    /// How many tasks a thief may take.
    Batch = 6,
    /// Whether an injected fault strikes.
    Inject = 7,
    /// How hard it does: bytes, places, operations.
    Amount = 8,
}

/// Something that happened, for the trace hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Event {
    /// A worker resumed a task (worker index, task id).
    Run = 16,
    /// A task was spawned (its id).
    Spawn = 17,
    /// A task ended (its id, how).
    End = 18,
    /// The virtual clock moved (to).
    Clock = 19,
    /// Bytes moved over the loopback (how many).
    Bytes = 20,
}

/// What the runtime needs of its surroundings.
pub trait Env: Send + Sync + 'static {
    /// Nanoseconds since the environment began.
    fn now_ns(&self) -> u64;

    /// Picks a number below `n`, which is at least 1.
    fn choose(&self, n: u32, why: Choice) -> u32;

    /// Whether a fault of this kind happens here and now; never in the real world, which has its own.
    fn strikes(&self, _what: Inject) -> bool {
        false
    }

    /// Whether time is virtual and one thread plays all workers.
    fn is_virtual(&self) -> bool {
        false
    }

    /// Moves a virtual clock forward; nothing on a real one.
    fn advance_to(&self, _ns: u64) {}

    /// Notes an event for the trace hash.
    fn trace(&self, _event: Event, _a: u64, _b: u64) {}

    /// Hash of everything that happened so far; 0 for a real environment.
    fn trace_hash(&self) -> u64 {
        0
    }

    /// Takes loop fuel; false if a configured total is used up.
    fn take_fuel(&self, _n: u64) -> bool {
        true
    }

    /// A seed for hash maps whose order must not show.
    fn hash_seed(&self) -> u64;

    /// Starts an operating system thread.
    ///
    /// # Errors
    ///
    /// When the system has no thread to give.
    fn spawn_thread(
        &self,
        name: &str,
        stack_bytes: usize,
        body: Box<dyn FnOnce() + Send>,
    ) -> io::Result<thread::JoinHandle<()>> {
        thread::Builder::new().name(name.to_string()).stack_size(stack_bytes).spawn(body)
    }
}

/// The real world.
#[derive(Debug)]
pub struct RealEnv {
    start: u64,
    seed: u64,
}

impl RealEnv {
    /// A world whose clock starts now.
    pub fn new() -> Self {
        use std::hash::{BuildHasher, RandomState};
        RealEnv { start: clock_ns(), seed: RandomState::new().hash_one(0u8) }
    }
}

/// A monotonic clock. That of the system, without the checked arithmetic of std's instants, which is
/// half of what a look costs.
#[cfg(target_os = "linux")]
fn clock_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a place for one; this clock is always there.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// A monotonic clock.
#[cfg(not(target_os = "linux"))]
fn clock_ns() -> u64 {
    use std::sync::LazyLock;
    use std::time::Instant;
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_nanos() as u64
}

impl Default for RealEnv {
    fn default() -> Self {
        Self::new()
    }
}

impl Env for RealEnv {
    fn now_ns(&self) -> u64 {
        clock_ns().wrapping_sub(self.start)
    }

    fn choose(&self, n: u32, _why: Choice) -> u32 {
        thread_local!(static STATE: Cell<u64> = const { Cell::new(0) });
        let mut x = STATE.get();
        if x == 0 {
            static NEXT: AtomicU64 = AtomicU64::new(1);
            // Relaxed: any distinct number will do.
            x = mix(self.seed ^ NEXT.fetch_add(1, Ordering::Relaxed));
        }
        STATE.set(x.wrapping_add(GAMMA));
        below(mix(x), n)
    }

    fn hash_seed(&self) -> u64 {
        self.seed
    }
}

/// A world made of a seed: virtual time, chosen interleaving, a hash of what happened.
#[derive(Debug)]
pub struct SeededEnv {
    now_ns: AtomicU64,
    fuel: AtomicU64,
    inner: Mutex<Seeded>,
    seed: u64,
    inject: Inject,
}

#[derive(Debug)]
struct Seeded {
    state: u64,
    hash: u64,
}

impl SeededEnv {
    /// A world of `seed` whose loops may use `fuel` back-edges in total (`None`: no bound).
    pub fn new(seed: u64, fuel: Option<u64>) -> Self {
        SeededEnv {
            now_ns: AtomicU64::new(0),
            fuel: AtomicU64::new(fuel.unwrap_or(u64::MAX)),
            inner: Mutex::new(Seeded { state: mix(seed ^ GAMMA), hash: 0xcbf2_9ce4_8422_2325 }),
            seed,
            inject: Inject::NOTHING,
        }
    }

    /// The same world with faults of these kinds.
    #[must_use]
    pub fn with(mut self, inject: Inject) -> Self {
        self.inject = inject;
        self
    }
}

impl Env for SeededEnv {
    fn now_ns(&self) -> u64 {
        // Relaxed: one thread plays all workers.
        self.now_ns.load(Ordering::Relaxed)
    }

    fn choose(&self, n: u32, why: Choice) -> u32 {
        let mut inner = self.inner.lock();
        inner.state = inner.state.wrapping_add(GAMMA);
        let chosen = below(mix(inner.state), n);
        inner.note(why as u8, u64::from(n), u64::from(chosen));
        chosen
    }

    fn strikes(&self, what: Inject) -> bool {
        self.inject.contains(what) && self.choose(what.odds(), Choice::Inject) == 0
    }

    fn is_virtual(&self) -> bool {
        true
    }

    fn advance_to(&self, ns: u64) {
        // Relaxed: one thread plays all workers.
        self.now_ns.fetch_max(ns, Ordering::Relaxed);
        self.trace(Event::Clock, ns, 0);
    }

    fn trace(&self, event: Event, a: u64, b: u64) {
        self.inner.lock().note(event as u8, a, b);
    }

    fn trace_hash(&self) -> u64 {
        self.inner.lock().hash
    }

    fn take_fuel(&self, n: u64) -> bool {
        // Relaxed: one thread plays all workers.
        let take = |left: u64| if left == u64::MAX { Some(left) } else { left.checked_sub(n) };
        self.fuel.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    fn hash_seed(&self) -> u64 {
        self.seed
    }
}

impl Seeded {
    /// The words are mixed apart, and once with all that came before: only this the next note waits for.
    fn note(&mut self, kind: u8, a: u64, b: u64) {
        let first = mix(a.wrapping_add(GAMMA.wrapping_mul(u64::from(kind) + 1)));
        self.hash = mix(self.hash ^ first ^ mix(b).rotate_left(32));
    }
}

/// The step of a `SplitMix64` sequence.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// The output function of `SplitMix64`.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Maps a random word to a number below `n`.
fn below(word: u64, n: u32) -> u32 {
    (((word >> 32) * u64::from(n.max(1))) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_choices_same_hash() {
        let run = |seed| {
            let env = SeededEnv::new(seed, None);
            let picks: Vec<u32> = (1..200).map(|n| env.choose(n, Choice::Victim)).collect();
            env.advance_to(7);
            (picks, env.trace_hash())
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        assert!(run(3).0.iter().zip(1..).all(|(pick, n)| *pick < n));
    }

    #[test]
    fn faults_strike_where_they_were_asked_for() {
        let env = SeededEnv::new(5, None).with(Inject::SHORT);
        let n = (0..1000).filter(|_| env.strikes(Inject::SHORT)).count();
        assert!((400..600).contains(&n), "{n} of 1000");
        let hash = env.trace_hash();
        assert!(!(0..1000).any(|_| env.strikes(Inject::RESETS)));
        assert_eq!(env.trace_hash(), hash, "what is off makes no choice");
    }

    #[test]
    fn hash_tells_events_their_words_and_their_order_apart() {
        let hash = |events: &[(Event, u64, u64)]| {
            let env = SeededEnv::new(1, None);
            events.iter().for_each(|&(event, a, b)| env.trace(event, a, b));
            env.trace_hash()
        };
        let (one, other) = ((Event::Run, 1, 2), (Event::Run, 2, 1));
        let all = [
            hash(&[]),
            hash(&[(Event::Run, 0, 0)]),
            hash(&[(Event::End, 0, 0)]),
            hash(&[one]),
            hash(&[other]),
            hash(&[one, other]),
            hash(&[other, one]),
        ];
        let distinct: std::collections::BTreeSet<u64> = all.into_iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn virtual_clock_never_goes_back() {
        let env = SeededEnv::new(0, None);
        env.advance_to(10);
        env.advance_to(5);
        assert_eq!(env.now_ns(), 10);
    }

    #[test]
    fn fuel_is_a_total() {
        let env = SeededEnv::new(0, Some(10));
        assert!(env.take_fuel(6));
        assert!(!env.take_fuel(6));
        assert!(env.take_fuel(4));
        assert!(SeededEnv::new(0, None).take_fuel(u64::MAX / 2));
    }

    #[test]
    fn real_choices_cover_their_range() {
        let env = RealEnv::new();
        let mut seen = [false; 7];
        for _ in 0..1000 {
            seen[env.choose(7, Choice::Select) as usize] = true;
        }
        assert_eq!(seen, [true; 7]);
    }
}
