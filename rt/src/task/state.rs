//! The state word of a task: all its atomics, without `unsafe`.
//!
//! ```text
//!  63        32 31          8 7                0
//! ├ references ┼ wakes ──────┼ flags ──────────┤
//!
//!             wake: 0 → 1, queued              start_run: a load, `seen`
//!   wakes = 0 ───────────────► wakes ≥ 1, in a queue ─────────────► running
//!       ▲                              ▲                              │ wake: n → n+1
//!       │ end_run: wakes − seen = 0    │ wakes − seen > 0, queued     │
//!       └──────────────────────────────┴──────────────────────────────┤
//!                                                                     └─ complete ─► COMPLETE
//! ```
//!
//! A task with wakes is in one queue or is being run; one without waits. Counting the wakes, where a
//! flag would do, saves an atomic operation per poll: a run does not announce itself, it subtracts at
//! its end what it had seen at its start.
//!
//! * **I1** A task is in at most one queue, once: only the caller whose wake found no wakes, or whose
//!   `end_run` left some, may queue it.
//! * **I2** At most one thread runs a task: whoever took it from its queue, or held it when idle.
//! * **I3** A wake during a run is not lost: it makes the count larger than what the run had seen.
//! * **I4** COMPLETE is never left. A wake of a complete task does nothing.
//! * **I5** The output belongs to the join handle if HANDLE was set when COMPLETE was, else to the
//!   completer; whoever clears HANDLE or sets COMPLETE second drops it.
//! * **I6** The runtime holds one reference from the spawn to COMPLETE. Queues and runs need none.
//! * **I7** The joiner's waker is written by the join handle while JOINER is clear, read by the
//!   completer if JOINER was set when COMPLETE was.
//! * **I8** A cell that is free has no references; one that is not spawned yet is UNBORN. Neither is
//!   seen by whoever looks through all cells.
//!
//! The count of wakes is bounded: from [`MANY`] on a wake sets AGAIN instead, which `end_run` turns
//! into one wake. One wake costs one RMW; one poll costs one.

use crate::atomic::{AtomicU64, Ordering};

/// Ended; its output is stored.
const COMPLETE: u64 = 1;
/// A cancel was asked for.
const CANCEL: u64 = 1 << 1;
/// The join handle is alive, so the output will be asked for.
const HANDLE: u64 = 1 << 2;
/// The join handle has left its waker.
const JOINER: u64 = 1 << 3;
/// There were more wakes than the count may hold.
const AGAIN: u64 = 1 << 4;
/// Not spawned yet.
const UNBORN: u64 = 1 << 5;
/// One wake.
const WAKE: u64 = 1 << 8;
const WAKES: u64 = ((1 << 24) - 1) * WAKE;
/// From here on wakes are not counted one by one. Threads between their look and their addition
/// may exceed it, hence the distance to the end of the field.
const MANY: u64 = (1 << 23) * WAKE;
/// One reference.
const REF: u64 = 1 << 32;

/// What became of a task when a poll ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It waits.
    Idle,
    /// It was woken meanwhile: queue it.
    Queue,
}

/// The state word as a run found it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen(u64);

impl Seen {
    /// Whether a cancel was asked for before the run.
    pub(crate) fn is_cancelled(self) -> bool {
        self.0 & CANCEL != 0
    }
}

/// What a consumed wake leaves to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// Nothing.
    Nothing,
    /// Queue the task.
    Queue,
    /// The reference was the last one: free the task.
    Free,
}

/// What the end of a task leaves to its completer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Completed {
    /// Nothing: the join handle owns what is left, and the runtime's reference was given back.
    Left,
    /// The output is to be dropped unless `wanted`, the joiner to be woken if there is one, and the
    /// runtime's reference to be given back.
    Mine {
        /// The join handle was alive.
        wanted: bool,
        /// It had left its waker.
        joiner: bool,
    },
}

/// The state word.
#[derive(Debug)]
pub(crate) struct State(AtomicU64);

impl State {
    /// A task that was just spawned: woken once, with `n_refs` references.
    #[cfg(test)]
    pub(crate) fn new(n_refs: u64, handle: bool) -> Self {
        State(AtomicU64::new(Self::spawned(n_refs, handle)))
    }

    fn spawned(n_refs: u64, handle: bool) -> u64 {
        WAKE | (n_refs * REF) | if handle { HANDLE } else { 0 }
    }

    /// Makes the word of a free cell.
    pub(crate) fn reset(&self) {
        // Release: whoever finds the cell without references leaves it alone.
        self.0.store(0, Ordering::Release);
    }

    /// Makes a cell a task that was just spawned.
    pub(crate) fn spawn(&self, n_refs: u64, handle: bool) {
        // Release: whoever gets a reference from `try_ref` sees the header.
        self.0.store(Self::spawned(n_refs, handle), Ordering::Release);
    }

    /// Makes a cell a task that will be spawned; its one reference is its maker's.
    pub(crate) fn conceive(&self) {
        // Release: as `spawn`.
        self.0.store(REF | UNBORN, Ordering::Release);
    }

    /// Notes a wake-up; true if the caller must queue the task.
    pub(crate) fn wake(&self) -> bool {
        // Relaxed: a guess at the size of the count.
        if self.0.load(Ordering::Relaxed) & WAKES >= MANY {
            return self.wake_again();
        }
        // Release: what the waker did before is seen by `start_run`. Acquire: a run that ended
        // before is seen by whoever queues the task.
        let old = self.0.fetch_add(WAKE, Ordering::AcqRel);
        old & (WAKES | COMPLETE) == 0
    }

    /// As [`State::wake`], and gives a reference back.
    pub(crate) fn wake_and_drop(&self) -> Woken {
        // Relaxed: a guess at the size of the count.
        if self.0.load(Ordering::Relaxed) & WAKES >= MANY {
            return match (self.wake_again(), self.drop_ref()) {
                (true, _) => Woken::Queue,
                (_, true) => Woken::Free,
                _ => Woken::Nothing,
            };
        }
        // As `wake` and `drop_ref`.
        let old = self.0.fetch_sub(REF - WAKE, Ordering::AcqRel);
        if old & (WAKES | COMPLETE) == 0 {
            Woken::Queue
        } else if old / REF == 1 {
            Woken::Free
        } else {
            Woken::Nothing
        }
    }

    #[cold]
    fn wake_again(&self) -> bool {
        // Relaxed: a first guess for the exchange.
        let mut old = self.0.load(Ordering::Relaxed);
        loop {
            let new = if old & WAKES >= MANY { old | AGAIN } else { old + WAKE };
            // AcqRel: as `wake`.
            match self.0.compare_exchange(old, new, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return old & (WAKES | COMPLETE) == 0,
                Err(now) => old = now,
            }
        }
    }

    /// Asks for a cancel; true if the caller must queue the task.
    pub(crate) fn cancel(&self) -> bool {
        // Release: what the asker did before is seen by the run that sees CANCEL.
        self.0.fetch_or(CANCEL, Ordering::AcqRel);
        self.wake()
    }

    /// The task was taken from its queue and is run now.
    pub(crate) fn start_run(&self) -> Seen {
        // Acquire: pairs with the Release of every wake counted here, and of the last `end_run`.
        let seen = self.0.load(Ordering::Acquire);
        debug_assert!(seen & WAKES != 0 && seen & (COMPLETE | UNBORN) == 0, "I2: {seen:x}");
        Seen(seen)
    }

    /// The run that had `seen` ended without finishing the task.
    pub(crate) fn end_run(&self, seen: Seen) -> Progress {
        let mut old = seen.0;
        loop {
            let left = (old & WAKES) - (seen.0 & WAKES);
            let left = if old & AGAIN != 0 { left.max(WAKE) } else { left };
            let new = old & !(WAKES | AGAIN) | left;
            // Release: what the run did is seen by the next `start_run`. Acquire: see `wake`.
            match self.0.compare_exchange(old, new, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) if left == 0 => return Progress::Idle,
                Ok(_) => return Progress::Queue,
                Err(now) => old = now,
            }
        }
    }

    /// The run finished the task and its output is stored. If the join handle is alive and does not
    /// wait, gives the runtime's reference back at once.
    pub(crate) fn complete(&self) -> Completed {
        // Relaxed: a first guess for the exchange.
        let old = self.0.load(Ordering::Relaxed);
        debug_assert_eq!(old & COMPLETE, 0, "I4: completed once, by its run");
        // Release: the output is seen by whoever finds COMPLETE.
        if old & (HANDLE | JOINER) == HANDLE
            && self
                .0
                .compare_exchange(old, (old | COMPLETE) - REF, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
        {
            return Completed::Left;
        }
        // AcqRel: as above; Acquire: the joiner's waker is seen.
        let old = self.0.fetch_or(COMPLETE, Ordering::AcqRel);
        Completed::Mine { wanted: old & HANDLE != 0, joiner: old & JOINER != 0 }
    }

    /// The join handle goes away and gives its reference back, at one go; false, and nothing is done, if the
    /// task may be over.
    #[inline]
    pub(crate) fn detach(&self) -> bool {
        // Relaxed: a first guess for the exchange.
        let old = self.0.load(Ordering::Relaxed);
        // HANDLE is set as long as there is a handle (I5), and the runtime has a reference (I6): this is
        // not the last. Release: uses through this reference come before the free.
        old & COMPLETE == 0
            && self
                .0
                .compare_exchange(old, old - REF - HANDLE, Ordering::Release, Ordering::Relaxed)
                .is_ok()
    }

    /// The join handle goes away; true if it must drop the output.
    pub(crate) fn drop_handle(&self) -> bool {
        // Acquire: pairs with `complete`, so that the output may be dropped.
        let old = self.0.fetch_and(!HANDLE, Ordering::AcqRel);
        old & COMPLETE != 0
    }

    /// The joiner's waker is in its place; false if the task is complete: nobody will wake it.
    pub(crate) fn set_joiner(&self) -> bool {
        // Release: the waker is seen by the completer. Acquire: the output is seen by us.
        self.0.fetch_or(JOINER, Ordering::AcqRel) & COMPLETE == 0
    }

    /// The joiner's waker is to be changed; false if the task is complete: it is the completer's.
    pub(crate) fn clear_joiner(&self) -> bool {
        // Acquire: as `set_joiner`.
        self.0.fetch_and(!JOINER, Ordering::AcqRel) & COMPLETE == 0
    }

    /// Whether a joiner's waker is in its place (the join handle's question).
    pub(crate) fn has_joiner(&self) -> bool {
        // Relaxed: only the join handle itself changes this.
        self.0.load(Ordering::Relaxed) & JOINER != 0
    }

    /// Holds an idle task as a run does, to look at it.
    pub(crate) fn try_hold(&self) -> Option<Seen> {
        // Relaxed: only a first guess for the exchange.
        let old = self.0.load(Ordering::Relaxed);
        if old & (WAKES | COMPLETE | UNBORN) != 0 {
            return None;
        }
        // Acquire: what the last run did is seen.
        self.0
            .compare_exchange(old, old + WAKE, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
            .then_some(Seen(old + WAKE))
    }

    /// Whether the task has ended; its output may then be read.
    pub(crate) fn is_complete(&self) -> bool {
        // Acquire: pairs with `complete`.
        self.0.load(Ordering::Acquire) & COMPLETE != 0
    }

    /// Whether a cancel was asked for.
    pub(crate) fn is_cancelled(&self) -> bool {
        // Acquire: pairs with `cancel`.
        self.0.load(Ordering::Acquire) & CANCEL != 0
    }

    /// Whether the task is queued or running now (a guess as soon as it is made).
    pub(crate) fn is_woken(&self) -> bool {
        // Relaxed: for dumps only.
        self.0.load(Ordering::Relaxed) & WAKES != 0
    }

    /// Adds a reference to a task that is neither free, unborn nor over.
    pub(crate) fn try_ref(&self) -> bool {
        // Relaxed: a first guess for the exchange.
        let mut old = self.0.load(Ordering::Relaxed);
        while old >= REF && old & (COMPLETE | UNBORN) == 0 {
            // Acquire: pairs with `spawn`: the header is seen.
            match self.0.compare_exchange(old, old + REF, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => old = now,
            }
        }
        false
    }

    /// Adds a reference.
    pub(crate) fn add_ref(&self) {
        // Relaxed: the caller holds a reference already, nothing is published.
        let old = self.0.fetch_add(REF, Ordering::Relaxed);
        assert!(old < u64::MAX / 2, "too many references to a task");
    }

    /// Gives a reference back; true if it was the last one.
    pub(crate) fn drop_ref(&self) -> bool {
        // Acquire: as below. The last reference to a task that cannot be looked up is nobody else's
        // to copy.
        let now = self.0.load(Ordering::Acquire);
        if now / REF == 1 && now & (COMPLETE | UNBORN) != 0 {
            return true;
        }
        // Release: uses through this reference come before the free. Acquire: the one who frees
        // sees all of them.
        let old = self.0.fetch_sub(REF, Ordering::AcqRel);
        debug_assert!(old >= REF, "a reference to give back");
        old / REF == 1
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn wake_of_an_idle_task_queues_it_once() {
        let s = State::new(1, false);
        assert!(!s.wake(), "spawned tasks are woken");
        let seen = s.start_run();
        assert_eq!(s.end_run(seen), Progress::Idle);
        assert!(s.wake());
        assert!(!s.wake());
    }

    #[test]
    fn wake_during_a_run_is_seen_at_its_end() {
        let s = State::new(1, false);
        let seen = s.start_run();
        assert!(!s.wake());
        assert!(!s.wake());
        assert_eq!(s.end_run(seen), Progress::Queue);
        assert!(!s.wake(), "already queued by the run");
        let seen = s.start_run();
        assert_eq!(s.end_run(seen), Progress::Idle, "one run for all of them");
    }

    #[test]
    fn more_wakes_than_the_count_holds_are_not_lost() {
        let s = State(AtomicU64::new(REF | (MANY - WAKE)));
        let seen = s.start_run();
        for _ in 0..1000 {
            assert!(!s.wake());
        }
        assert_eq!(s.end_run(seen), Progress::Queue);
        let seen = s.start_run();
        assert_eq!(s.end_run(seen), Progress::Idle);
        assert!(s.wake());
        // The same with all of them seen by the run.
        let s = State(AtomicU64::new((2 * REF) | MANY));
        let seen = s.start_run();
        assert_eq!(s.wake_and_drop(), Woken::Nothing);
        assert_eq!(s.end_run(seen), Progress::Queue);
    }

    #[test]
    fn cancel_during_a_run_makes_another_run() {
        let s = State::new(1, false);
        let seen = s.start_run();
        assert!(!s.cancel());
        assert!(!seen.is_cancelled());
        assert_eq!(s.end_run(seen), Progress::Queue);
        assert!(s.start_run().is_cancelled());
    }

    #[test]
    fn handle_of_a_task_that_is_not_over_goes_with_its_reference() {
        let s = State::new(2, true);
        assert!(s.detach());
        s.start_run();
        assert_eq!(s.complete(), Completed::Mine { wanted: false, joiner: false });
        assert!(s.drop_ref(), "that of the runtime was the last");
        let s = State::new(2, true);
        s.start_run();
        assert_eq!(s.complete(), Completed::Left);
        assert!(!s.detach(), "the output is the handle's");
        assert!(s.drop_handle() && s.drop_ref());
    }

    #[test]
    fn exactly_one_side_drops_the_output() {
        let s = State::new(2, true);
        s.start_run();
        assert_eq!(s.complete(), Completed::Left, "the handle is alive, it drops");
        assert!(s.drop_handle());
        assert!(s.drop_ref());

        let s = State::new(2, true);
        s.start_run();
        assert!(!s.drop_handle());
        let mine = Completed::Mine { wanted: false, joiner: false };
        assert_eq!(s.complete(), mine, "the handle is gone, the completer drops");
        assert!(!s.wake() && !s.cancel(), "nothing queues a complete task");
        assert!(!s.drop_ref() && s.drop_ref());
    }

    #[test]
    fn joiner_is_woken_or_finds_the_end() {
        let s = State::new(2, true);
        s.start_run();
        assert!(s.set_joiner());
        assert!(s.clear_joiner() && s.set_joiner());
        assert_eq!(s.complete(), Completed::Mine { wanted: true, joiner: true });

        let s = State::new(2, true);
        s.start_run();
        s.complete();
        assert!(!s.set_joiner());
    }

    #[test]
    fn only_an_idle_task_can_be_held() {
        let s = State::new(2, false);
        assert!(s.try_hold().is_none());
        let seen = s.start_run();
        assert!(s.try_hold().is_none());
        s.end_run(seen);
        let held = s.try_hold().expect("idle");
        assert!(!s.wake(), "a wake during the hold is kept");
        assert_eq!(s.end_run(held), Progress::Queue);
    }

    #[test]
    fn free_and_unborn_cells_are_not_looked_up() {
        let s = State::new(1, false);
        assert!(s.try_ref() && !s.drop_ref());
        s.conceive();
        assert!(!s.try_ref() && s.try_hold().is_none());
        s.reset();
        assert!(!s.try_ref());
    }

    #[test]
    fn consumed_wake_queues_or_frees() {
        let s = State::new(3, false);
        let seen = s.start_run();
        assert_eq!(s.wake_and_drop(), Woken::Nothing);
        assert_eq!(s.end_run(seen), Progress::Queue);
        let seen = s.start_run();
        s.end_run(seen);
        assert_eq!(s.wake_and_drop(), Woken::Queue);
        s.start_run();
        s.add_ref();
        s.complete();
        assert!(!s.drop_ref());
        assert_eq!(s.wake_and_drop(), Woken::Free);
    }
}
