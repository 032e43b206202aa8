//! Timers: wakers by deadline.
//!
//! A wheel per worker, each under its own lock; the clock is the environment's, in nanoseconds. A
//! timer goes to the wheel of the worker that arms it, and whoever looks at the clock fires those of
//! all workers, so that a worker that is held up delays nobody's. A timer is never early:
//! [`Timers::fire`] takes those whose deadline is at or before `now`, to the nanosecond. Due timers
//! fire in deadline order, equal deadlines in the order of registration unless the environment
//! chooses otherwise (seeded runs).
//!
//! ```text
//! tick     = 1,024 ns
//! level k  = 64 slots of 64^k ticks:   0: 1 µs … 66 µs · 1: … 4.2 ms · 2: … 268 ms · … · 8
//! slot     ─► entry ⇄ entry ⇄ entry     doubly linked by index, in one table per wheel
//! ```
//!
//! An entry is at the level of the highest digit (base 64) in which its tick differs from the wheel's
//! position; when the position reaches its slot it moves down, at most once per level.
//!
//! Whoever sleeps in the poller notes in each wheel until when (`parked_until`, under its lock), so
//! that an earlier timer interrupts that sleep and a later one costs no wake-up.
//!
//! * **I1** The position is at or before the tick of every entry, and no slot between is occupied.
//! * **I2** Entries of a lower level are due before those of a higher one.
//! * **I3** A key whose serial is not that of its entry has fired or was disarmed.
//! * **I4** `hint` of a wheel is at most its earliest deadline.
//! * **I5** A wheel lives for ever: that of a runtime that is over is another runtime's next. Serials go
//!   on, so that by I3 old keys name nothing in it. So a key needs no count of its runtime, whose two
//!   atomic operations were a quarter of arming and disarming.
//!
//! Arming and disarming cost the same with one timer and with a million, and allocate nothing once
//! the table has grown. Source: Varghese and Lauck, hierarchical timing wheels (1987).

use std::task::Waker;

use crate::atomic::{AtomicU64, AtomicUsize, Mutex, MutexGuard, Ordering};

/// Bits of a deadline below a tick.
const TICK: u32 = 10;
/// Bits of a digit: 64 slots per level.
const DIGIT: u32 = 6;
const N_SLOTS: usize = 1 << DIGIT;
/// Enough for every tick of 54 bits.
const N_LEVELS: usize = 9;
/// No entry.
const NIL: u32 = u32::MAX;
/// Entries of one slot that are looked at for the earliest deadline; a sleep over a fuller slot ends
/// when the slot begins.
const MAX_LOOK: usize = 64;

/// Names a registered timer, for ever (I5).
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimerKey {
    wheel: &'static Padded,
    entry: u32,
    serial: u64,
}

#[derive(Debug)]
struct Entry {
    deadline_ns: u64,
    /// 0 while the entry is free.
    serial: u64,
    waker: Option<Waker>,
    previous: u32,
    next: u32,
    /// Level · 64 + slot.
    slot: u32,
}

/// The timers of one worker.
#[derive(Debug)]
struct Wheel {
    slots: [u32; N_LEVELS * N_SLOTS],
    occupied: [u64; N_LEVELS],
    entries: Vec<Entry>,
    free: u32,
    /// In ticks.
    position: u64,
    n_armed: usize,
    next_serial: u64,
    /// The first serial of the runtime whose wheel this is, and the position when the one before ended.
    first_serial: u64,
    ended_at: u64,
    /// Until when the poller sleeps; 0 if nobody is in it.
    parked_until: u64,
}

impl Default for Wheel {
    fn default() -> Self {
        Wheel {
            slots: [NIL; N_LEVELS * N_SLOTS],
            occupied: [0; N_LEVELS],
            entries: Vec::new(),
            free: NIL,
            position: 0,
            n_armed: 0,
            next_serial: 1,
            first_serial: 1,
            ended_at: 0,
            parked_until: 0,
        }
    }
}

impl Wheel {
    fn arm(&mut self, deadline_ns: u64, waker: Waker) -> (u32, u64) {
        let serial = self.next_serial;
        self.next_serial += 1;
        self.n_armed += 1;
        let is_fresh = self.free == NIL;
        let entry = if is_fresh { self.entries.len() as u32 } else { self.free };
        let (slot, next) = self.enter_slot(deadline_ns, entry);
        let armed = Entry { deadline_ns, serial, waker: Some(waker), previous: NIL, next, slot };
        if is_fresh {
            self.entries.push(armed);
        } else {
            let place = &mut self.entries[entry as usize];
            self.free = place.next;
            *place = armed;
        }
        (entry, serial)
    }

    fn entry(&mut self, key: TimerKey) -> Option<&mut Entry> {
        self.entries.get_mut(key.entry as usize).filter(|entry| entry.serial == key.serial)
    }

    /// Makes an entry the first of the slot for a deadline: the slot, and the entry that was the first.
    #[inline]
    fn enter_slot(&mut self, deadline_ns: u64, entry: u32) -> (u32, u32) {
        let tick = (deadline_ns >> TICK).max(self.position);
        let differs = (tick ^ self.position) | 1;
        let level = differs.ilog2() / DIGIT;
        let digit = (tick >> (level * DIGIT)) as usize % N_SLOTS;
        let slot = level as usize * N_SLOTS + digit;
        let next = std::mem::replace(&mut self.slots[slot], entry);
        if next != NIL {
            self.entries[next as usize].previous = entry;
        }
        self.occupied[level as usize] |= 1 << digit;
        (slot as u32, next)
    }

    /// Puts an entry into its slot.
    fn link(&mut self, entry: u32) {
        let (slot, next) = self.enter_slot(self.entries[entry as usize].deadline_ns, entry);
        let e = &mut self.entries[entry as usize];
        (e.slot, e.previous, e.next) = (slot, NIL, next);
    }

    /// Takes an entry out of its slot.
    fn unlink(&mut self, entry: u32) {
        let Entry { previous, next, slot, .. } = self.entries[entry as usize];
        if previous == NIL {
            self.slots[slot as usize] = next;
        } else {
            self.entries[previous as usize].next = next;
        }
        if next != NIL {
            self.entries[next as usize].previous = previous;
        }
        if self.slots[slot as usize] == NIL {
            self.occupied[slot as usize / N_SLOTS] &= !(1 << (slot as usize % N_SLOTS));
        }
    }

    /// Frees an entry that is in no slot; its waker.
    fn release(&mut self, entry: u32) -> Option<Waker> {
        let e = &mut self.entries[entry as usize];
        e.serial = 0;
        let waker = e.waker.take();
        e.next = self.free;
        self.free = entry;
        self.n_armed -= 1;
        if self.n_armed == 0 && self.entries.capacity() > 1 << 14 {
            // After a burst.
            (self.entries, self.free) = (Vec::new(), NIL);
        }
        waker
    }

    /// The first occupied slot: its level, its number, the tick it begins at.
    fn first_slot(&self) -> Option<(usize, usize, u64)> {
        let level = self.occupied.iter().position(|&slots| slots != 0)?;
        // By I1 and I2 no slot before the position is occupied.
        let digit = self.occupied[level].trailing_zeros() as usize;
        let shift = level as u32 * DIGIT;
        let above = self.position.checked_shr(shift + DIGIT).unwrap_or(0) << DIGIT;
        Some((level, level * N_SLOTS + digit, (above | digit as u64) << shift))
    }

    fn each_of(&self, slot: usize) -> impl Iterator<Item = (u32, &Entry)> {
        let entry = |at: u32| (at != NIL).then(|| (at, &self.entries[at as usize]));
        std::iter::successors(entry(self.slots[slot]), move |(_, e)| entry(e.next))
    }

    /// Earliest deadline, or at most that if the first slot has more than `most` entries.
    fn next(&self, most: usize) -> Option<u64> {
        let (_, slot, start) = self.first_slot()?;
        let earliest = self.each_of(slot).take(most).map(|(_, e)| e.deadline_ns).min();
        if self.each_of(slot).nth(most).is_some() {
            return Some(start << TICK);
        }
        earliest
    }

    /// Takes what is due at `now_ns`, in no order.
    fn fire(&mut self, now_ns: u64, due: &mut Vec<Due>) {
        let now = now_ns >> TICK;
        while let Some((level, slot, start)) = self.first_slot() {
            if start > now {
                break;
            }
            self.position = self.position.max(start);
            let mut at = self.slots[slot];
            if level > 0 {
                self.slots[slot] = NIL;
                self.occupied[level] &= !(1 << (slot % N_SLOTS));
                while at != NIL {
                    let next = self.entries[at as usize].next;
                    self.link(at);
                    at = next;
                }
                continue;
            }
            while at != NIL {
                let Entry { deadline_ns, serial, next, .. } = self.entries[at as usize];
                if deadline_ns <= now_ns {
                    self.unlink(at);
                    // Within the runtime: ties between wheels must not tell what was before it.
                    let order = serial - self.first_serial;
                    due.extend(self.release(at).map(|waker| Due { deadline_ns, order, waker }));
                }
                at = next;
            }
            if start == now {
                return; // the rest of the slot is due within this tick
            }
        }
        self.position = self.position.max(now);
    }
}

/// A timer that has fired.
#[derive(Debug)]
pub(crate) struct Due {
    pub(crate) deadline_ns: u64,
    /// Of its registration.
    order: u64,
    pub(crate) waker: Waker,
}

/// A wheel apart from the others' cache lines.
#[derive(Debug)]
#[repr(align(128))]
struct Padded {
    wheel: Mutex<Wheel>,
    /// See I4.
    hint: AtomicU64,
}

/// Wheels that no runtime uses.
#[cfg(not(loom))]
static UNUSED: Mutex<Vec<&'static Padded>> = parking_lot::const_mutex(Vec::new());

impl Padded {
    /// An empty wheel.
    fn take() -> &'static Padded {
        #[cfg(not(loom))]
        if let Some(unused) = UNUSED.lock().pop() {
            return unused;
        }
        Box::leak(Box::new(Padded { wheel: Mutex::default(), hint: AtomicU64::new(u64::MAX) }))
    }

    /// The runtime is over.
    fn give_back(&'static self) {
        let mut wheel = self.wheel.lock();
        let (serial, ended_at) = (wheel.next_serial, wheel.position);
        let fresh =
            Wheel { next_serial: serial, first_serial: serial, ended_at, ..Wheel::default() };
        let old = std::mem::replace(&mut *wheel, fresh);
        // Relaxed: under the lock.
        self.hint.store(u64::MAX, Ordering::Relaxed);
        drop(wheel);
        drop(old); // outside of the lock: wakers may free tasks
        #[cfg(not(loom))]
        UNUSED.lock().push(self);
    }

    fn set_hint(&self, wheel: &MutexGuard<'_, Wheel>) {
        // Relaxed: who reads an older hint looks again in its next turn.
        self.hint.store(wheel.next(MAX_LOOK).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// The timers of a runtime.
#[derive(Debug)]
pub(crate) struct Timers {
    wheels: Box<[&'static Padded]>,
    /// Fired and not yet woken: see [`Timers::settle`].
    n_fired: AtomicUsize,
}

impl Timers {
    pub(crate) fn new(n_workers: usize) -> Self {
        let wheels = std::iter::repeat_with(Padded::take).take(n_workers).collect();
        Timers { wheels, n_fired: AtomicUsize::new(0) }
    }

    /// Arms a timer on the wheel of a worker. The flag says that the sleep in the poller must be
    /// interrupted.
    pub(crate) fn arm(&self, worker: usize, deadline_ns: u64, waker: &Waker) -> (TimerKey, bool) {
        let waker = waker.clone();
        let padded = self.wheels[worker];
        let mut wheel = padded.wheel.lock();
        let (entry, serial) = wheel.arm(deadline_ns, waker);
        let interrupt = deadline_ns < wheel.parked_until;
        if interrupt {
            wheel.parked_until = deadline_ns; // once is enough
        }
        // Relaxed: under the lock; see `set_hint`.
        if deadline_ns < padded.hint.load(Ordering::Relaxed) {
            padded.hint.store(deadline_ns, Ordering::Relaxed);
        }
        (TimerKey { wheel: padded, entry, serial }, interrupt)
    }

    /// Earliest deadline, exactly.
    pub(crate) fn next(&self) -> Option<u64> {
        self.wheels.iter().filter_map(|padded| padded.wheel.lock().next(usize::MAX)).min()
    }

    /// When the poller's sleep must end, noting that it sleeps until then.
    pub(crate) fn park(&self) -> Option<u64> {
        let of_wheel = |padded: &Padded| {
            let mut wheel = padded.wheel.lock();
            let next = wheel.next(MAX_LOOK);
            wheel.parked_until = next.unwrap_or(u64::MAX);
            next
        };
        self.wheels.iter().copied().filter_map(of_wheel).min()
    }

    /// The poller no longer sleeps.
    pub(crate) fn unpark(&self) {
        for padded in &self.wheels {
            padded.wheel.lock().parked_until = 0;
        }
    }

    /// Takes the timers that are due, in order; the caller wakes them and says so
    /// ([`Timers::settle`]).
    pub(crate) fn fire(&self, now_ns: u64, due: &mut Vec<Due>) {
        for padded in &self.wheels {
            // Relaxed: see `set_hint`.
            if padded.hint.load(Ordering::Relaxed) > now_ns {
                continue;
            }
            let mut wheel = padded.wheel.lock();
            let before = due.len();
            wheel.fire(now_ns, due);
            // AcqRel: under the lock, so that `is_idle` finds each timer in the wheel or here.
            self.n_fired.fetch_add(due.len() - before, Ordering::AcqRel);
            padded.set_hint(&wheel);
        }
        if due.len() > 1 {
            due.sort_unstable_by_key(|due| (due.deadline_ns, due.order));
        }
    }

    /// The wakers of `n` fired timers have been called.
    pub(crate) fn settle(&self, n: usize) {
        if n > 0 {
            // AcqRel: pairs with `is_idle`.
            self.n_fired.fetch_sub(n, Ordering::AcqRel);
        }
    }

    /// Whether no timer is armed or about to wake somebody.
    pub(crate) fn is_idle(&self) -> bool {
        self.wheels.iter().all(|padded| padded.wheel.lock().n_armed == 0)
            // Acquire: pairs with `settle`.
            && self.n_fired.load(Ordering::Acquire) == 0
    }
}

impl TimerKey {
    /// Gives a timer that was armed for `deadline_ns` another waker; false if it has fired. One that had
    /// not when its runtime ended never will.
    pub(crate) fn rearm(self, deadline_ns: u64, waker: &Waker) -> bool {
        let mut wheel = self.wheel.wheel.lock();
        let Some(entry) = wheel.entry(self) else {
            return self.serial < wheel.first_serial && deadline_ns >> TICK > wheel.ended_at;
        };
        if entry.waker.as_ref().is_some_and(|old| old.will_wake(waker)) {
            return true;
        }
        let old = entry.waker.replace(waker.clone());
        drop(wheel);
        drop(old); // outside of the lock: it may free a task
        true
    }

    /// Disarms a timer.
    #[inline]
    pub(crate) fn disarm(self) {
        drop(self.take()); // outside of the lock: it may free a task
    }

    /// Disarms a timer; its waker, unless it has fired.
    #[inline]
    pub(crate) fn take(self) -> Option<Waker> {
        let mut wheel = self.wheel.wheel.lock();
        wheel.entry(self)?;
        wheel.unlink(self.entry);
        wheel.release(self.entry)
    }
}

impl Drop for Timers {
    fn drop(&mut self) {
        self.wheels.iter().for_each(|wheel| wheel.give_back());
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::env::{Choice, Env, SeededEnv};
    use std::collections::BTreeMap;

    /// Operations per run of the comparison.
    const N_OPERATIONS: u64 = if cfg!(feature = "stress") { 10_000_000 } else { 1_000_000 };

    /// Arms, disarms and fires at random, against an ordered map: short and long distances, jumps of
    /// the clock, deadlines in the past, at zero and at the end of time.
    #[test]
    fn wheel_agrees_with_an_ordered_map() {
        let env = SeededEnv::new(7, None);
        let pick = |n| u64::from(env.choose(n, Choice::Program));
        let timers = Timers::new(1);
        let mut armed = BTreeMap::new();
        let mut keys: Vec<(u64, u64, TimerKey)> = Vec::new();
        let mut now = 0u64;
        let mut due = Vec::new();
        for serial in 0..N_OPERATIONS {
            match pick(16) {
                0..7 => {
                    let deadline = match pick(40) {
                        0 => 0,
                        1 => u64::MAX,
                        2 => now,
                        3 => now.saturating_sub(pick(5000)),
                        4 => u64::MAX - pick(100_000),
                        5..20 => now + pick(3000),
                        20..30 => now + pick(1 << 20),
                        _ => now.saturating_add(pick(u32::MAX) << pick(12)),
                    };
                    let (key, _) = timers.arm(0, deadline, Waker::noop());
                    armed.insert((deadline, serial), key);
                    keys.push((deadline, serial, key));
                }
                7..14 if !keys.is_empty() => {
                    let at = pick(keys.len() as u32) as usize;
                    let (deadline, serial, key) = keys.swap_remove(at);
                    let known = armed.remove(&(deadline, serial)).is_some();
                    assert_eq!(key.rearm(deadline, Waker::noop()), known);
                    key.disarm();
                    assert!(!key.rearm(deadline, Waker::noop()));
                }
                choice => {
                    now += match choice {
                        14 => pick(900),
                        _ if pick(2000) == 0 => pick(u32::MAX) << pick(10),
                        _ => pick(1 << pick(18)),
                    };
                    timers.fire(now, &mut due);
                    timers.settle(due.len());
                    let later = armed.split_off(&(now.saturating_add(1), 0));
                    let fired = due.drain(..).map(|due| due.deadline_ns);
                    assert!(fired.eq(armed.keys().map(|k| k.0)), "at {now}, operation {serial}");
                    armed = later;
                }
            }
            if serial % 16 == 0 {
                assert_eq!(timers.next(), armed.keys().next().map(|k| k.0));
                assert_eq!(timers.is_idle(), armed.is_empty());
            }
        }
        assert!(now > 1 << 40, "the clock has passed several levels");
    }

    #[test]
    fn equal_deadlines_fire_in_the_order_of_registration() {
        let timers = Timers::new(1);
        for deadline in [700_000, 5, 700_000, 700_001, 700_000] {
            timers.arm(0, deadline, Waker::noop());
        }
        let mut due = Vec::new();
        timers.fire(1 << 20, &mut due);
        let order: Vec<_> = due.iter().map(|due| (due.deadline_ns, due.order)).collect();
        assert_eq!(order, [(5, 1), (700_000, 0), (700_000, 2), (700_000, 4), (700_001, 3)]);
        assert!(!timers.is_idle(), "they were not woken yet");
        timers.settle(5);
        assert!(timers.is_idle());
    }

    #[test]
    fn only_an_earlier_timer_interrupts_the_poller() {
        let timers = Timers::new(2);
        assert!(!timers.arm(0, 50, Waker::noop()).1, "nobody sleeps");
        assert_eq!(timers.park(), Some(50));
        assert!(!timers.arm(0, 60, Waker::noop()).1);
        assert!(timers.arm(0, 40, Waker::noop()).1);
        assert!(!timers.arm(0, 40, Waker::noop()).1, "once is enough");
        assert!(timers.arm(1, 45, Waker::noop()).1, "the other wheel was empty");
        timers.unpark();
        assert!(!timers.arm(1, 1, Waker::noop()).1);
    }

    #[test]
    fn sleep_over_a_full_slot_ends_when_the_slot_begins() {
        let timers = Timers::new(1);
        for k in 0..200 {
            timers.arm(0, (64 << TICK) * 5 + k, Waker::noop());
        }
        assert_eq!(timers.park(), Some((64 << TICK) * 5));
        assert_eq!(timers.next(), Some((64 << TICK) * 5));
        timers.arm(0, (64 << TICK) * 5 - 1, Waker::noop());
        assert_eq!(timers.park(), Some((64 << TICK) * 5 - 1));
    }

    #[test]
    fn table_is_given_back_after_a_burst() {
        let timers = Timers::new(1);
        let keys: Vec<_> = (0..100_000).map(|k| timers.arm(0, k, Waker::noop()).0).collect();
        keys.into_iter().for_each(TimerKey::disarm);
        assert_eq!(timers.wheels[0].wheel.lock().entries.capacity(), 0);
        let (key, _) = timers.arm(0, 5, Waker::noop());
        assert!(key.rearm(5, Waker::noop()));
    }

    #[test]
    fn a_key_outlives_its_runtime_and_names_nothing_in_the_next() {
        let (fired, armed) = {
            let timers = Timers::new(1);
            let (fired, _) = timers.arm(0, 5, Waker::noop());
            timers.fire(1 << 20, &mut Vec::new());
            (fired, timers.arm(0, 1 << 30, Waker::noop()).0)
        };
        // Of several, so that one of them has the wheel of the first.
        let next: Vec<_> = (0..64).map(|_| Timers::new(1)).collect();
        let keys: Vec<_> = next.iter().map(|t| t.arm(0, 7, Waker::noop()).0).collect();
        assert!(armed.rearm(1 << 30, Waker::noop()), "it was not due: it never fires");
        assert!(!fired.rearm(5, Waker::noop()), "it has fired before");
        armed.disarm();
        fired.disarm();
        assert!(keys.iter().all(|key| key.rearm(7, Waker::noop())), "others are armed still");
        assert!(next.iter().all(|timers| !timers.is_idle()));
    }
}
