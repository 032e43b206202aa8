//! The state word of a task: all its atomics, without `unsafe`.
//!
//! ```text
//!            wake                start_run               end_run, nobody woke it
//!   idle ──────────► SCHEDULED ───────────► RUNNING ───────────────────────────► idle
//!                        ▲                     │ wake: RUNNING|SCHEDULED
//!                        └──── end_run ────────┤
//!                                              └── complete ──► COMPLETE
//! ```
//!
//! * **I1** A task is in at most one queue, once: only the caller whose wake set SCHEDULED on an
//!   idle task, or whose `end_run` found it set, may queue it.
//! * **I2** At most one thread runs a task: `start_run` is called by whoever took it from its queue.
//! * **I3** A wake during a run is not lost: it leaves SCHEDULED, which `end_run` sees.
//! * **I4** COMPLETE is never left. A wake of a complete task does nothing.
//! * **I5** The output belongs to the join handle if HANDLE was set when COMPLETE was, else to the
//!   completer; whoever clears HANDLE or sets COMPLETE second drops it.
//!
//! One wake costs one RMW; one poll costs two.

use crate::atomic::{AtomicUsize, Ordering};

/// In a queue, or to be put into one by whoever is running it.
const SCHEDULED: usize = 1;
/// Being run (or looked at by a dump, which holds it as a run does).
const RUNNING: usize = 1 << 1;
/// Ended; its output is stored.
const COMPLETE: usize = 1 << 2;
/// A cancel was asked for.
const CANCEL: usize = 1 << 3;
/// The join handle is alive, so the output will be asked for.
const HANDLE: usize = 1 << 4;
/// One reference. Above this is the count.
const REF: usize = 1 << 8;

/// What became of a task when a poll ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It waits.
    Idle,
    /// It was woken meanwhile: queue it.
    Queue,
}

/// The state word.
#[derive(Debug)]
pub(crate) struct State(AtomicUsize);

impl State {
    /// A task that was just spawned: scheduled, with `n_refs` references.
    pub(crate) fn new(n_refs: usize, handle: bool) -> Self {
        State(AtomicUsize::new(SCHEDULED | (n_refs * REF) | if handle { HANDLE } else { 0 }))
    }

    /// Notes a wake-up; true if the caller must queue the task (with a reference of its own).
    pub(crate) fn wake(&self) -> bool {
        // Release: what the waker did before is seen by `start_run`. Acquire: a run that ended
        // before is seen by whoever queues the task.
        let old = self.0.fetch_or(SCHEDULED, Ordering::AcqRel);
        old & (SCHEDULED | RUNNING | COMPLETE) == 0
    }

    /// Asks for a cancel; true if the caller must queue the task.
    pub(crate) fn cancel(&self) -> bool {
        // As `wake`.
        let old = self.0.fetch_or(SCHEDULED | CANCEL, Ordering::AcqRel);
        old & (SCHEDULED | RUNNING | COMPLETE) == 0
    }

    /// The task was taken from its queue and is run now.
    pub(crate) fn start_run(&self) {
        // Acquire: pairs with the Release of `wake` and of the last `end_run`.
        let old = self.0.fetch_xor(SCHEDULED | RUNNING, Ordering::AcqRel);
        debug_assert_eq!(old & (SCHEDULED | RUNNING | COMPLETE), SCHEDULED, "I2: queued and idle");
    }

    /// The run ended without finishing the task.
    pub(crate) fn end_run(&self) -> Progress {
        // Release: what the run did is seen by the next `start_run`.
        let old = self.0.fetch_and(!RUNNING, Ordering::AcqRel);
        if old & SCHEDULED == 0 { Progress::Idle } else { Progress::Queue }
    }

    /// The run finished the task and its output is stored; true if the output is still wanted.
    pub(crate) fn complete(&self) -> bool {
        // Release: the output is seen by whoever finds COMPLETE.
        let old = self.0.fetch_xor(RUNNING | COMPLETE, Ordering::AcqRel);
        debug_assert_eq!(old & (RUNNING | COMPLETE), RUNNING, "I4: completed once, by its run");
        old & HANDLE != 0
    }

    /// The join handle goes away; true if it must drop the output.
    pub(crate) fn drop_handle(&self) -> bool {
        // Acquire: pairs with `complete`, so that the output may be dropped.
        let old = self.0.fetch_and(!HANDLE, Ordering::AcqRel);
        old & COMPLETE != 0
    }

    /// Holds an idle task as a run does, to look at it; false if it is not idle.
    pub(crate) fn try_hold(&self) -> bool {
        // Relaxed: only a first guess for the exchange.
        let old = self.0.load(Ordering::Relaxed);
        old & (SCHEDULED | RUNNING | COMPLETE) == 0
            // Acquire: what the last run did is seen.
            && self.0.compare_exchange(old, old | RUNNING, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Whether the task has ended; its output may then be read.
    pub(crate) fn is_complete(&self) -> bool {
        // Acquire: pairs with `complete`.
        self.0.load(Ordering::Acquire) & COMPLETE != 0
    }

    /// Whether a cancel was asked for.
    pub(crate) fn is_cancelled(&self) -> bool {
        // Acquire: what the asker did before is seen.
        self.0.load(Ordering::Acquire) & CANCEL != 0
    }

    /// Whether the task is running now (a guess as soon as it is made).
    pub(crate) fn is_running(&self) -> bool {
        // Relaxed: for dumps only.
        self.0.load(Ordering::Relaxed) & RUNNING != 0
    }

    /// Whether the task is queued now (a guess as soon as it is made).
    pub(crate) fn is_scheduled(&self) -> bool {
        // Relaxed: for dumps only.
        self.0.load(Ordering::Relaxed) & SCHEDULED != 0
    }

    /// Adds a reference.
    pub(crate) fn add_ref(&self) {
        // Relaxed: the caller holds a reference already, nothing is published.
        let old = self.0.fetch_add(REF, Ordering::Relaxed);
        assert!(old < usize::MAX / 2, "too many references to a task");
    }

    /// Gives a reference back; true if it was the last one.
    pub(crate) fn drop_ref(&self) -> bool {
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
        assert!(!s.wake(), "spawned tasks are scheduled");
        s.start_run();
        assert_eq!(s.end_run(), Progress::Idle);
        assert!(s.wake());
        assert!(!s.wake());
    }

    #[test]
    fn wake_during_a_run_is_seen_at_its_end() {
        let s = State::new(1, false);
        s.start_run();
        assert!(!s.wake());
        assert!(!s.wake());
        assert_eq!(s.end_run(), Progress::Queue);
        assert!(!s.wake(), "already queued by the run");
    }

    #[test]
    fn cancel_during_a_run_makes_another_run() {
        let s = State::new(1, false);
        s.start_run();
        assert!(!s.cancel());
        assert_eq!(s.end_run(), Progress::Queue);
        assert!(s.is_cancelled());
    }

    #[test]
    fn exactly_one_side_drops_the_output() {
        let s = State::new(1, true);
        s.start_run();
        assert!(s.complete(), "the handle is alive, it drops");
        assert!(s.drop_handle());

        let s = State::new(1, true);
        s.start_run();
        assert!(!s.drop_handle());
        assert!(!s.complete(), "the handle is gone, the completer drops");
        assert!(!s.wake() && !s.cancel(), "nothing queues a complete task");
    }

    #[test]
    fn only_an_idle_task_can_be_held() {
        let s = State::new(2, false);
        assert!(!s.try_hold());
        s.start_run();
        assert!(!s.try_hold());
        s.end_run();
        assert!(s.try_hold());
        assert!(!s.wake(), "a wake during the hold is kept");
        assert_eq!(s.end_run(), Progress::Queue);
        assert!(!s.drop_ref());
        assert!(s.drop_ref());
    }
}
