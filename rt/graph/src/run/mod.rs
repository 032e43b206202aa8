//! One run of a graph: from tasks that wait for nothing to the last one that ended.
//!
//! ```text
//!            ┌────────────── drivers (one a worker) ──────────────┐
//!  ready ───►│ plain closure: run in place ──────────┐            │
//!            │ anything else: a task of the runtime ─┼► end_body ─┼─► complete ──► settle
//!            └────────────────────────────────────────┘  children │     journal      │
//!    ▲                                                            │                  │
//!    └──────────────── dependants whose trigger is met ◄──────────┴──────────────────┘
//! ```
//!
//! * R1: a node is settled once: only the execution that claimed it (Ready → Running, under the lock
//!   of its body), or whoever takes it out of Pending, gets there.
//! * R2: a node's result is stored before its final state is set; dependants start after both.
//! * R3: `n_open` counts nodes that are not settled, and those settled that a driver has not told of
//!   yet, which it does before it waits; the run is over when it is 0.

mod attempt;
mod children;
mod driver;
mod settle;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use vitte_rt::runtime::Handle;
use vitte_rt::sync::Notify;

use crate::error::JournalError;
use crate::event::{Event, Observers};
use crate::graph::{Graph, Plan};
use crate::keeper::Keeper;
use crate::node::{Node, NodeIdx};
use crate::policy::{Ended, OnFailure, Verdict};
use crate::pool::Pools;
use crate::ready::Ready;
use crate::report::Report;
use crate::state::State;

/// What a run is told by its executor.
#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) on_failure: OnFailure,
    /// Whether start and end of each task are noted.
    pub(crate) timing: bool,
}

pub(crate) struct Run {
    pub(crate) graph: Arc<Graph>,
    pub(crate) plan: Arc<Plan>,
    pub(crate) options: Options,
    pub(crate) observers: Observers,
    pub(crate) pools: Pools,
    pub(crate) keeper: Option<Keeper>,
    pub(crate) clock: Handle,
    ready: Ready,
    /// Keeps apart the executions of runs without a journal.
    pub(crate) salt: u32,
    n_open: AtomicUsize,
    /// Children that were added.
    n_children: AtomicUsize,
    /// Tasks that ended otherwise than by completing.
    n_unfinished: AtomicUsize,
    stop: AtomicU8,
    /// Rings when the last task has ended.
    over: Notify,
    journal_error: Mutex<Option<JournalError>>,
}

/// Why nothing new starts.
const RUNNING: u8 = 0;
const FAILED_FAST: u8 = 1;
const CANCELLED: u8 = 2;

impl Run {
    pub(crate) fn new(
        graph: Arc<Graph>,
        plan: Arc<Plan>,
        options: Options,
        observers: Observers,
        pools: Pools,
        keeper: Option<Keeper>,
    ) -> Self {
        let n_open = AtomicUsize::new(plan.n_nodes());
        let clock = Handle::current();
        Self {
            salt: clock.choose(u32::MAX),
            graph,
            plan,
            options,
            observers,
            pools,
            keeper,
            clock,
            ready: Ready::new(),
            n_open,
            n_children: AtomicUsize::new(0),
            n_unfinished: AtomicUsize::new(0),
            stop: AtomicU8::new(RUNNING),
            over: Notify::new(),
            journal_error: Mutex::default(),
        }
    }

    pub(crate) fn node(&self, idx: NodeIdx) -> &Node {
        self.graph.node(idx)
    }

    /// Runs it to its end with `n_workers` drivers, in the runtime of the caller.
    pub(crate) async fn drive(self: Arc<Self>, n_workers: usize) -> Option<JournalError> {
        let deques = self.ready.deques(n_workers);
        self.begin();
        let drivers: Vec<_> = deques
            .into_iter()
            .enumerate()
            .map(|(i, own)| self.clock.spawn(driver::drive(Arc::clone(&self), i, own)))
            .collect();
        let writer = self.keeper.is_some().then(|| {
            let run = Arc::clone(&self);
            self.clock.spawn(async move { run.keep().await })
        });
        self.ended().await;
        self.ready.close();
        for driver in drivers {
            // Invariant R1: a driver catches the panics of bodies.
            driver.await.expect("a driver ends when the run does");
        }
        if let Some(writer) = writer {
            self.keeper.as_ref().expect("there is a writer").close();
            writer.await.expect("the journal's writer ends when the run does");
        }
        self.journal_error.lock().take()
    }

    /// How it ended.
    pub(crate) fn report(&self, elapsed: Duration) -> Report {
        let n_remembered = self.keeper.as_ref().map_or(0, Keeper::n_remembered);
        if self.n_unfinished.load(Ordering::Relaxed) == 0 {
            let n = self.plan.n_nodes() + self.n_children.load(Ordering::Relaxed);
            return Report::completed(n, n_remembered, elapsed);
        }
        Report::of(self.graph.live().map(|(_, node)| node), n_remembered, elapsed)
    }

    /// Makes the first tasks ready.
    fn begin(&self) {
        let mut settled_at_once = Vec::new();
        let mut first = Vec::new();
        for idx in self.plan.order() {
            let node = self.node(idx);
            node.reset();
            if !node.dependencies.is_empty() {
                continue;
            }
            match Ended::default().verdict(node.trigger(), true) {
                // "Any failed" with nothing that could fail.
                Verdict::Skip => settled_at_once.push(idx),
                _ => self.make_first(idx, &mut first),
            }
        }
        self.ready.set_first(first);
        for idx in settled_at_once {
            self.skip(idx);
        }
        if self.plan.n_nodes() == 0 {
            self.finish();
        }
    }

    /// Whether something stopped the run before its end.
    pub(crate) fn is_stopping(&self) -> bool {
        // Acquire: pairs with `stop`.
        self.stop.load(Ordering::Acquire) != RUNNING
    }

    /// Lets nothing new start after a failure.
    fn fail_fast(&self) {
        let _ =
            self.stop.compare_exchange(RUNNING, FAILED_FAST, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Lets nothing new start and asks all that runs to end.
    pub(crate) fn cancel(&self) {
        // AcqRel: pairs with `is_stopping`.
        if self.stop.swap(CANCELLED, Ordering::AcqRel) == CANCELLED {
            return;
        }
        for (_, node) in self.graph.live() {
            if !node.state.get().is_final() {
                node.cancel();
            }
        }
    }

    /// Ends the run because its journal cannot be written.
    pub(crate) fn journal_failed(&self, error: JournalError) {
        self.journal_error.lock().get_or_insert(error);
        self.cancel();
    }

    /// Changes the priority of a task, queued or not.
    pub(crate) fn set_priority(&self, idx: NodeIdx, priority: i32) {
        let node = self.node(idx);
        node.set_priority(priority);
        if node.state.get() == State::Ready {
            // Q1: the old entry stays; whoever comes first claims the task.
            self.ready.push(idx, priority, None);
        }
    }

    pub(crate) fn emit(&self, event: &Event<'_>) {
        self.observers.emit(event);
    }

    fn finish(&self) {
        self.over.notify_one();
    }

    async fn ended(&self) {
        // Acquire: what the tasks did is visible to whoever waits for the run.
        while self.n_open.load(Ordering::Acquire) != 0 {
            self.over.notified().await;
        }
    }
}
