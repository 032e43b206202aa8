//! One turn of a worker: find a task, run it.
//!
//! Search order: every 61st turn the injector first (fairness); the LIFO slot, at most 3 times in a
//! row; the own ring; the injector, in batches; the other workers' rings, from a chosen victim; on
//! that last pass also their LIFO slots. A task that is woken by the ends of others time and again goes
//! behind them, not to the slot: it would run once per end, where it can take many at once. Real and virtual workers take the same turns; only who takes
//! the next one differs.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

use super::lifo::LifoSlot;
use super::park::Parker;
use super::ring::{ROOM, Ring};
use super::{Shared, ThreadCx};
use crate::env::{Choice, Event};
use crate::inject::Inject;
use crate::task::{Completed, Freed, Header, Heap, Progress, Queued, RunEnd, Seen, TaskRef};
use crate::timers::Due;
use crate::watchdog::Beat;

/// Turns between two looks at the injector and the poller.
const FAIR_TURNS: u32 = 61;
/// Turns in a row that the LIFO slot may take.
const MAX_LIFO: u32 = 3;
/// After so many spins in vain a worker spins before one of 2^this sleeps.
const MAX_VAIN: u32 = 6;
/// Tasks that a worker takes from the injector at once.
const BATCH: u32 = 64;

/// A count with one writer at a time.
#[derive(Debug, Default)]
pub(crate) struct Tally(AtomicU64);

impl Tally {
    pub(crate) fn add(&self) {
        // Relaxed: one writer. Release: whoever reads the end of a task here sees what it did.
        self.0.store(self.0.load(Ordering::Relaxed) + 1, Ordering::Release);
    }

    pub(crate) fn get(&self) -> u64 {
        // Acquire: pairs with `add`.
        self.0.load(Ordering::Acquire)
    }
}

/// What other workers see of a worker.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Remote {
    pub(crate) ring: Ring<Header>,
    /// The task that was woken last; run next, stolen last.
    lifo: LifoSlot<Header>,
    pub(crate) beat: Beat,
    pub(crate) spawned: Tally,
    pub(crate) completed: Tally,
    pub(crate) polls: Tally,
    pub(crate) freed: Freed,
    pub(crate) parker: Parker,
}

/// What a thread needs to be a worker. It can be handed to another thread.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) index: usize,
    pub(crate) heap: Box<Heap>,
    pub(crate) searching: bool,
    /// The memory of [`ThreadCx::io`] and [`ThreadCx::due`] between two threads.
    pub(super) kept: (Vec<Waker>, Vec<Due>),
    turn: u32,
    n_lifo: u32,
    /// Spins in vain since the last that was not.
    n_vain: u32,
    /// Sleeps to come without a spin before.
    n_unspun: u32,
}

impl Core {
    pub(crate) fn new(index: usize, n_workers: usize) -> (Core, Remote) {
        let remote = Remote {
            ring: Ring::new(n_workers == 1),
            lifo: LifoSlot::new(n_workers == 1),
            beat: Beat::default(),
            spawned: Tally::default(),
            completed: Tally::default(),
            polls: Tally::default(),
            freed: Freed::new(),
            parker: Parker::new(),
        };
        let core = Core {
            index,
            heap: Box::new(Heap::new(index)),
            searching: false,
            kept: Default::default(),
            turn: 0,
            n_lifo: 0,
            n_vain: 0,
            n_unspun: 0,
        };
        (core, remote)
    }

    /// Whether the worker, which is about to sleep, should look on for work before; counts sleeps.
    pub(super) fn wants_to_spin(&mut self) -> bool {
        let wants = self.searching && self.n_unspun == 0;
        self.n_unspun = self.n_unspun.saturating_sub(1);
        wants
    }

    /// It has looked on; whether that found work.
    pub(super) fn has_spun(&mut self, found: bool) {
        self.n_vain = if found { 0 } else { (self.n_vain + 1).min(MAX_VAIN) };
        self.n_unspun = (1 << self.n_vain) - 1;
    }
}

/// A pointer that came out of a queue.
///
/// # Safety
///
/// It is what [`Queued::as_ptr`] gave to that queue, taken out once.
unsafe fn queued(task: NonNull<Header>) -> Queued {
    // SAFETY: scheduled, and the queue was the one place that said so (caller).
    unsafe { Queued::from_raw(task) }
}

impl Remote {
    /// Puts a task into the LIFO slot; the one that was there.
    pub(crate) fn put_lifo(&self, task: Queued) -> Option<Queued> {
        // SAFETY: out of the slot, once.
        self.lifo.put(task.as_ptr()).map(|task| unsafe { queued(task) })
    }

    /// Takes the task in the LIFO slot.
    pub(crate) fn take_lifo(&self) -> Option<Queued> {
        // SAFETY: out of the slot, once.
        self.lifo.take().map(|task| unsafe { queued(task) })
    }

    /// Owner: takes the oldest task of the ring.
    pub(crate) fn pop(&self) -> Option<Queued> {
        // SAFETY: out of the ring, once.
        self.ring.pop().map(|task| unsafe { queued(task) })
    }

    /// Tasks that wait here (a guess as soon as it is made).
    pub(crate) fn n_queued(&self) -> usize {
        // Relaxed: statistics.
        self.ring.len() as usize + usize::from(self.lifo.is_full())
    }

    /// Whether there is something to take here (a guess as soon as it is made).
    pub(crate) fn has_work(&self) -> bool {
        self.ring.len() > 0 || self.lifo.is_full()
    }
}

impl Shared {
    /// Takes turns for the worker whose core `cx` holds, at most `n`, until `enough` or none runs a task:
    /// how many did.
    #[inline]
    pub(super) fn turns(&self, cx: &ThreadCx, n: usize, enough: impl Fn() -> bool) -> usize {
        let mut n_turns = 0;
        while n_turns < n && self.turn(cx) {
            n_turns += 1;
            if enough() {
                break;
            }
        }
        n_turns
    }

    /// Takes one turn for the worker whose core `cx` holds: true if it ran a task. False too if
    /// the thread has no core (any more).
    #[allow(clippy::inline_always, reason = "a call costs a tenth of a turn")]
    #[inline(always)]
    pub(super) fn turn(&self, cx: &ThreadCx) -> bool {
        let mut slot = cx.core.borrow_mut();
        let Some(core) = slot.as_mut() else { return false };
        core.turn = core.turn.wrapping_add(1);
        let fair = core.turn.is_multiple_of(FAIR_TURNS);
        if fair && !self.is_virtual {
            drop(slot);
            self.drive_now(cx);
            slot = cx.core.borrow_mut();
        }
        let Some(core) = slot.as_mut() else { return false };
        let (index, me) = (core.index, &self.remotes[core.index]);
        let Some(task) = self.find(core, me, fair) else { return false };
        let searched = std::mem::take(&mut core.searching);
        drop(slot);
        if searched && self.idle.stop_searching() {
            // The last searcher found work: there may be more.
            self.wake_one();
        }
        self.run(cx, task, index, me);
        true
    }

    /// Finds the next task for a worker; in a fair turn what comes from elsewhere goes first.
    fn find(&self, core: &mut Core, me: &Remote, fair: bool) -> Option<Queued> {
        if fair && let Some(task) = self.injector.pop_some(0, |_| {}) {
            return Some(task);
        }
        if core.n_lifo < MAX_LIFO
            && let Some(task) = me.take_lifo()
        {
            core.n_lifo += 1;
            return Some(task);
        }
        core.n_lifo = 0;
        me.pop()
            .or_else(|| me.take_lifo())
            .or_else(|| self.take_injected(me))
            .or_else(|| self.steal(core))
    }

    /// Takes a batch from the injector.
    fn take_injected(&self, me: &Remote) -> Option<Queued> {
        // A fair part of what is there; under a policy one at a time, for the order may change.
        let n_more = if self.is_fifo {
            let share = self.injector.len() / self.remotes.len();
            share.min(BATCH.min(ROOM - me.ring.len()) as usize)
        } else {
            0
        };
        self.injector.pop_some(n_more, |task| {
            let pushed = me.ring.push(task.as_ptr());
            debug_assert!(pushed.is_ok(), "room was made sure of");
        })
    }

    /// Takes work from another worker.
    fn steal(&self, core: &mut Core) -> Option<Queued> {
        let n = self.remotes.len();
        if n == 1 || (!core.searching && !self.idle.start_searching(n)) {
            return None;
        }
        core.searching = true;
        let start = self.env.choose(n as u32, Choice::Victim) as usize;
        let most =
            if self.is_virtual { 1 + self.env.choose(ROOM / 2, Choice::Batch) } else { ROOM };
        let victims = || (start..n).chain(0..start).filter(|&v| v != core.index);
        let own = &self.remotes[core.index].ring;
        for v in victims() {
            if let Some(task) = self.remotes[v].ring.steal_into(own, most) {
                self.counters.steals.add();
                // SAFETY: out of the ring, once.
                return Some(unsafe { queued(task) });
            }
        }
        let task = victims().find_map(|v| self.remotes[v].take_lifo())?;
        self.counters.steals.add();
        Some(task)
    }

    /// Runs a task that was taken from a queue.
    #[allow(clippy::inline_always, reason = "as `turn`")]
    #[inline(always)]
    fn run(&self, cx: &ThreadCx, task: Queued, worker: usize, remote: &Remote) {
        let seen = task.task().header().state.start_run();
        remote.polls.add();
        let end = self.run_held(cx, task, seen, Some((worker, remote)));
        if cx.detached.get().is_none() {
            self.settle(cx, task, seen, end, Some(remote));
        } else {
            self.settle_detached(cx, task, seen, end);
        }
    }

    /// What a run leaves to do: on the thread of `remote`, or of none.
    #[allow(clippy::inline_always, reason = "as `turn`")]
    #[inline(always)]
    fn settle(
        &self,
        cx: &ThreadCx,
        task: Queued,
        seen: Seen,
        end: RunEnd,
        remote: Option<&Remote>,
    ) {
        let reference = task.task();
        let header = reference.header();
        match end {
            RunEnd::Finished => return self.end(cx, &reference, remote),
            // The wakes it was queued for are still counted: it stays scheduled.
            RunEnd::Yielded => {}
            RunEnd::Suspended => {
                if self.is_virtual && self.env.strikes(Inject::SPURIOUS) {
                    // The run is ours: it queues the task when it ends.
                    header.state.wake();
                }
                if header.state.end_run(seen) == Progress::Idle {
                    return;
                }
            }
        }
        if self.insight.on() {
            self.note_wake(&reference);
        }
        match remote {
            Some(remote) if self.is_fifo => self.push_back(remote, task, true),
            _ => self.inject(task),
        }
    }

    /// As [`Shared::settle`], where the core was handed on during the run.
    #[cold]
    fn settle_detached(&self, cx: &ThreadCx, task: Queued, seen: Seen, end: RunEnd) {
        self.settle(cx, task, seen, end, None);
        self.end_detached(cx);
    }

    /// Runs a task whose run is ours, as part of a turn of a worker or of none.
    #[allow(clippy::inline_always, reason = "as `turn`")]
    #[inline(always)]
    pub(super) fn run_held(
        &self,
        cx: &ThreadCx,
        task: Queued,
        seen: Seen,
        worker: Option<(usize, &Remote)>,
    ) -> RunEnd {
        let reference = task.task();
        let header = reference.header();
        if let Some((_, remote)) = worker {
            remote.beat.begin(header.id);
            self.insight.watchdog.heed(&cx.shared);
        }
        #[cfg(feature = "tracing")]
        let span = {
            let worker = worker.map(|(index, _)| index);
            tracing::trace_span!(target: "vitte", "run", task = header.id, worker).entered()
        };
        let before = cx.start_task(task);
        let begun_ns = if self.insight.is_plain() {
            None
        } else {
            self.note_begin(&reference, worker.map(|(index, _)| index))
        };
        // SAFETY: the task was queued: its run is ours.
        let end = unsafe { (header.vtable.run)(&reference, seen) };
        let end = if cx.end_task(before) { end.or_yielded() } else { end };
        #[cfg(feature = "tracing")]
        drop(span);
        if let Some((_, remote)) = worker
            && cx.detached.get().is_none()
        {
            remote.beat.end();
        }
        if let Some(begun_ns) = begun_ns {
            self.note_run_end(&reference, begun_ns, end);
        }
        end
    }

    /// Notes that a run begins, for insight, and in a virtual environment for the trace; when it began if
    /// its end is to be noted too.
    #[cold]
    fn note_begin(&self, task: &TaskRef, worker: Option<usize>) -> Option<u64> {
        let begun_ns = self.insight.on().then(|| self.note_run(task));
        if self.is_virtual {
            let id = task.header().id;
            self.env.trace(Event::Run, worker.map_or(u64::MAX, |w| w as u64), id);
            self.cut_budget();
        }
        begun_ns
    }

    /// If the core was handed on during the run that just ended, notes that the run is over.
    #[inline]
    pub(super) fn after_detached(&self, cx: &ThreadCx) {
        if cx.detached.get().is_some() {
            self.end_detached(cx);
        }
    }

    #[cold]
    fn end_detached(&self, cx: &ThreadCx) {
        let Some(id) = cx.detached.take() else { return };
        self.detached.lock().retain(|&other| other != id);
        // AcqRel: pairs with `is_quiet`.
        self.n_detached.fetch_sub(1, Ordering::AcqRel);
        self.quiet_hint();
        self.drain_hint_fenced();
    }

    /// A task finished: its output is stored and its run is ours, on the thread of `worker` or of none.
    pub(super) fn end(&self, cx: &ThreadCx, task: &TaskRef, worker: Option<&Remote>) {
        let header = task.header();
        if self.is_virtual {
            self.env.trace(Event::End, header.id, 0);
        }
        if self.insight.on() {
            self.note_end(task);
        }
        match worker {
            Some(remote) => remote.completed.add(),
            None => {
                self.counters.completed.add();
                self.drain_hint_fenced();
            }
        }
        match header.state.complete() {
            Completed::Left => {}
            Completed::Mine { wanted, joiner } => {
                // SAFETY: the task is COMPLETE and we completed it.
                unsafe { (header.vtable.completed)(task, wanted) };
                if joiner {
                    // SAFETY: JOINER was set when COMPLETE was (I7 of the state word).
                    let joiner = unsafe { &mut *header.joiner.get() };
                    let id = joiner.task_id();
                    cx.wake_joiner(id, || joiner.take().into_iter().for_each(Waker::wake));
                }
                // SAFETY: the runtime's own reference, given back once (I6).
                drop(unsafe { TaskRef::from_raw(task.as_ptr()) });
            }
        }
        self.task_gone();
    }
}
