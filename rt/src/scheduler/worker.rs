//! One turn of a worker: find a task, run it.
//!
//! Search order: every 61st turn the injector first (fairness); the LIFO slot, at most 3 times in a
//! row; the own queue; the injector, in batches; the other workers' queues, from a chosen victim;
//! on that last pass also their LIFO slots. Real and virtual workers take the same turns; only who
//! takes the next one differs.

use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicPtr, Ordering};

use crossbeam_deque::{Steal, Stealer, Worker};

use super::park::Parker;
use super::{Shared, ThreadCx};
use crate::env::{Choice, Event};
use crate::task::{Header, Progress, RunEnd, TaskRef};

/// Turns between two looks at the injector and the poller.
const FAIR_TURNS: u32 = 61;
/// Turns in a row that the LIFO slot may take.
const MAX_LIFO: u32 = 3;

/// What other workers see of a worker.
#[derive(Debug)]
pub(crate) struct Remote {
    pub(crate) stealer: Stealer<TaskRef>,
    /// The task that was woken last; run next, stolen last.
    pub(crate) lifo: AtomicPtr<Header>,
    pub(crate) parker: Parker,
}

/// What a thread needs to be a worker. It can be handed to another thread.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) index: usize,
    pub(crate) queue: Worker<TaskRef>,
    pub(crate) searching: bool,
    turn: u32,
    n_lifo: u32,
}

impl Core {
    pub(crate) fn new(index: usize) -> (Core, Remote) {
        let queue = Worker::new_fifo();
        let remote = Remote {
            stealer: queue.stealer(),
            lifo: AtomicPtr::new(null_mut()),
            parker: Parker::new(),
        };
        (Core { index, queue, searching: false, turn: 0, n_lifo: 0 }, remote)
    }
}

impl Remote {
    /// Puts a task into the LIFO slot; the one that was there.
    pub(crate) fn swap_lifo(&self, task: Option<TaskRef>) -> Option<TaskRef> {
        let new = task.map_or(null_mut(), |t| t.into_raw().as_ptr());
        // Release: the task's memory is seen by who takes it; Acquire: the reverse.
        let old = NonNull::new(self.lifo.swap(new, Ordering::AcqRel))?;
        // SAFETY: the slot owned this reference.
        Some(unsafe { TaskRef::from_raw(old) })
    }

    /// Whether there is something to take here (a guess as soon as it is made).
    pub(crate) fn has_work(&self) -> bool {
        !self.stealer.is_empty() || !self.lifo.load(Ordering::Acquire).is_null()
    }
}

/// Repeats a steal until it says yes or no.
fn insist<T>(mut attempt: impl FnMut() -> Steal<T>) -> Option<T> {
    loop {
        match attempt() {
            Steal::Success(task) => return Some(task),
            Steal::Empty => return None,
            Steal::Retry => std::hint::spin_loop(),
        }
    }
}

impl Shared {
    /// Takes one turn for the worker whose core `cx` holds: true if it ran a task. False too if
    /// the thread has no core (any more).
    pub(crate) fn turn(&self, cx: &ThreadCx) -> bool {
        let fair = {
            let mut core = cx.core.borrow_mut();
            let Some(core) = core.as_mut() else { return false };
            core.turn = core.turn.wrapping_add(1);
            core.turn.is_multiple_of(FAIR_TURNS)
        };
        if fair && !self.is_virtual {
            self.drive_now(cx);
        }
        let found = {
            let mut core = cx.core.borrow_mut();
            let Some(core) = core.as_mut() else { return false };
            self.find(core).map(|task| (task, core.index, std::mem::take(&mut core.searching)))
        };
        let Some((task, index, searched)) = found else { return false };
        if searched && self.idle.stop_searching() {
            // The last searcher found work: there may be more.
            self.wake_one();
        }
        self.run(cx, task, index);
        true
    }

    /// Finds the next task for a worker.
    fn find(&self, core: &mut Core) -> Option<TaskRef> {
        let me = &self.remotes[core.index];
        if core.turn.is_multiple_of(FAIR_TURNS)
            && let Some(task) = insist(|| self.injector.steal())
        {
            return Some(task);
        }
        if core.n_lifo < MAX_LIFO
            && let Some(task) = me.swap_lifo(None)
        {
            core.n_lifo += 1;
            return Some(task);
        }
        core.n_lifo = 0;
        core.queue
            .pop()
            .or_else(|| me.swap_lifo(None))
            .or_else(|| insist(|| self.injector.steal_batch_and_pop(&core.queue)))
            .or_else(|| self.steal(core))
    }

    /// Takes work from another worker.
    fn steal(&self, core: &mut Core) -> Option<TaskRef> {
        let n = self.remotes.len();
        if n == 1 || (!core.searching && !self.idle.start_searching(n)) {
            return None;
        }
        core.searching = true;
        let start = self.env.choose(n as u32, Choice::Victim) as usize;
        let victims = || (start..n).chain(0..start).filter(|&v| v != core.index);
        for v in victims() {
            let stealer = &self.remotes[v].stealer;
            if let Some(task) = insist(|| stealer.steal_batch_and_pop(&core.queue)) {
                self.counters.steals.add();
                return Some(task);
            }
        }
        let task = victims().find_map(|v| self.remotes[v].swap_lifo(None))?;
        self.counters.steals.add();
        Some(task)
    }

    /// Runs a task that was taken from a queue.
    fn run(&self, cx: &ThreadCx, task: TaskRef, worker: usize) {
        let header = task.header();
        header.state.start_run();
        self.counters.polls.add();
        if self.is_virtual {
            self.env.trace(Event::Run, worker as u64, header.id);
        }
        let begun_ns = if self.insight.on() { Some(self.note_run(&task)) } else { None };
        self.insight.watchdog.run_begins(&cx.shared, worker, header.id);
        #[cfg(feature = "tracing")]
        let span = tracing::trace_span!(target: "vitte", "run", task = header.id, worker).entered();
        // SAFETY: `start_run` gave us the run of this task.
        let end = unsafe { (header.vtable.run)(&task) };
        #[cfg(feature = "tracing")]
        drop(span);
        if !cx.detached.get() {
            self.insight.watchdog.run_ends(worker);
        }
        if let Some(begun_ns) = begun_ns {
            self.note_run_end(&task, begun_ns, end);
        }
        match end {
            RunEnd::Suspended => {
                if header.state.end_run() == Progress::Queue {
                    if self.insight.on() {
                        self.note_wake(&task);
                    }
                    self.requeue(cx, task);
                }
            }
            RunEnd::Finished => self.end(&task),
        }
        if cx.detached.take() {
            // The core was handed on during this run.
            self.n_detached.fetch_sub(1, Ordering::AcqRel);
            self.quiet_hint();
        }
    }

    /// A task finished: its output is stored and its run is ours.
    pub(crate) fn end(&self, task: &TaskRef) {
        let header = task.header();
        if self.is_virtual {
            self.env.trace(Event::End, header.id, 0);
        }
        if self.insight.on() {
            self.note_end(task);
        }
        let listed = self.registry.remove(task);
        self.counters.completed.add();
        let wanted = header.state.complete();
        // SAFETY: the task is COMPLETE and we completed it.
        unsafe { (header.vtable.completed)(task, wanted) };
        header.wake_joiners();
        drop(listed);
        if self.registry.len() == 0 {
            self.tasks_gone();
        }
    }
}
