//! A task in a graph: what stays from run to run, and what each run begins anew.
//!
//! The run of a plain closure that gives nothing looks at its node and at nothing behind it but the
//! body, which is the only thing it locks; a node that waits for one other counts nothing. What few
//! nodes need, in few runs, lies behind [`Node::links`] and is made when it is first wanted: a run of a
//! large graph is as fast as its nodes come from memory.
//!
//! * N1: whoever holds the body and finds the node Ready runs it: the body's lock is the claim.
//! * N2: what is written about how a dependency ended is written before `open` is lowered for it, so
//!   the last one to lower it sees all of it.
//! * N3: `links` is as new unless `is_touched`; a node that completed without a result in `links`
//!   gave the unit value.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};
use std::task::Waker;

use parking_lot::{MappedMutexGuard, Mutex, MutexGuard};
use vitte_rt::runtime::Handle;

use crate::error::TaskError;
use crate::fingerprint::Fingerprint;
use crate::output::Stored;
use crate::policy::{Ended, OnFailure, Trigger, Verdict};
use crate::state::{State, StateCell};
use crate::task::{Body, Rules, Task};

/// Index of a node in its graph.
pub(crate) type NodeIdx = u32;

/// Number of a name; names of tasks that were not added yet have one too.
pub(crate) type Symbol = u32;

pub(crate) struct Node {
    pub(crate) name: Arc<str>,
    /// Names it waits for, in the order of their mention.
    pub(crate) dependencies: Box<[Symbol]>,
    pub(crate) rules: Option<Box<Rules>>,
    pub(crate) body: Mutex<Body>,
    links: Mutex<Option<Box<Links>>>,
    /// The task that added it while it ran; such a node belongs to one run only.
    pub(crate) parent: Option<NodeIdx>,
    /// Whether the run that it belonged to is over.
    pub(crate) is_gone: AtomicBool,
    /// Whether it can be run where it is found: nothing in its rules makes it wait.
    pub(crate) in_place: bool,
    pub(crate) state: StateCell,
    pub(crate) cancelled: AtomicBool,
    /// Whether something has looked into `links` since the run began (N3).
    is_touched: AtomicBool,
    /// Dependencies that have not ended.
    open: AtomicU32,
    pub(crate) n_attempts: AtomicU32,
    pub(crate) priority: AtomicI32,
}

/// What a run knows of a node, apart from its state.
#[derive(Default)]
pub(crate) struct Links {
    pub(crate) ended: Ended,
    /// How it ended.
    pub(crate) result: Option<Result<Stored, Box<TaskError>>>,
    /// What few nodes need, so that the others stay small.
    pub(crate) rare: Option<Box<Rare>>,
}

#[derive(Default)]
pub(crate) struct Rare {
    /// Siblings that wait for it; for all others the plan knows who waits.
    pub(crate) dependants: Vec<NodeIdx>,
    /// Children that have not ended.
    pub(crate) n_children: u32,
    /// The first child that did not complete.
    pub(crate) failed_child: Option<Arc<str>>,
    /// The body's result, while children hold its end up.
    pub(crate) parked: Option<Result<Stored, TaskError>>,
    /// Whether the journal remembered it.
    pub(crate) remembered: bool,
    /// Whoever waits inside it and must hear of a cancel.
    pub(crate) waker: Option<Waker>,
    /// What it is, once the journal was asked.
    pub(crate) fingerprint: Option<Fingerprint>,
    /// The run that began this execution.
    pub(crate) first_run: u64,
    /// What stands for this execution in the fingerprints of its dependants; none if it did not begin.
    pub(crate) stamp: Option<Stamp>,
    /// When the time of the attempt in progress is over, if it is bounded.
    pub(crate) end_ns: Option<u64>,
    /// Start of the first attempt and end of the last, in nanoseconds of the runtime's clock.
    pub(crate) span_ns: Option<(u64, u64)>,
}

impl Links {
    pub(crate) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    pub(crate) fn is_remembered(&self) -> bool {
        self.rare.as_ref().is_some_and(|r| r.remembered)
    }
}

/// Identity of an execution of a task.
pub(crate) type Stamp = blake3::Hash;

impl Node {
    pub(crate) fn new(task: Task, dependencies: Box<[Symbol]>, parent: Option<NodeIdx>) -> Self {
        let waits = task.rules.as_ref().is_some_and(|r| r.makes_wait());
        let in_place = !waits && matches!(task.body, Body::Sync(_));
        let priority = task.rules.as_ref().map_or(0, |r| r.priority);
        Self {
            name: task.name,
            dependencies,
            rules: task.rules,
            parent,
            is_gone: AtomicBool::new(false),
            in_place,
            body: Mutex::new(task.body),
            state: StateCell::new(),
            priority: AtomicI32::new(priority),
            cancelled: AtomicBool::new(false),
            is_touched: AtomicBool::new(false),
            open: AtomicU32::new(0),
            n_attempts: AtomicU32::new(0),
            links: Mutex::default(),
        }
    }

    /// Forgets the last run.
    pub(crate) fn reset(&self) {
        self.state.set(State::Pending);
        self.cancelled.store(false, Ordering::Relaxed);
        self.n_attempts.store(0, Ordering::Relaxed);
        self.open.store(self.dependencies.len() as u32, Ordering::Relaxed);
        // Relaxed: nothing runs between two runs.
        if self.is_touched.load(Ordering::Relaxed) {
            *self.links() = Links::default();
            self.is_touched.store(false, Ordering::Relaxed);
        }
    }

    /// What only some nodes need.
    pub(crate) fn links(&self) -> MappedMutexGuard<'_, Links> {
        // Release: pairs with the load in `is_touched`.
        self.is_touched.store(true, Ordering::Release);
        MutexGuard::map(self.links.lock(), |links| &mut **links.get_or_insert_default())
    }

    /// Whether there may be something in `links`.
    pub(crate) fn is_touched(&self) -> bool {
        // Acquire: pairs with the store in `links`.
        self.is_touched.load(Ordering::Acquire)
    }

    /// Says of a child for how many siblings it waits.
    pub(crate) fn set_open(&self, n: u32) {
        self.open.store(n, Ordering::Relaxed);
    }

    /// Notes that a dependency has ended; whether it was the last one.
    fn lower_open(&self) -> bool {
        // Who waits for one other needs no count. A child's count has a place for its linking, too.
        if self.dependencies.len() == 1 && self.parent.is_none() {
            return true;
        }
        // AcqRel: the last one sees what the others did (N2).
        self.open.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Tells it that one that it waits for has ended. Whoever is told to run or to skip it must.
    #[inline]
    pub(crate) fn hear(&self, state: State, on_failure: OnFailure) -> Verdict {
        let trigger = self.trigger();
        let mut skipped = false;
        if state != State::Completed {
            let mut links = self.links();
            links.ended.count(state, on_failure);
            skipped = links.ended.verdict(trigger, false) == Verdict::Skip && self.skip_pending();
        }
        // N2: after what was written.
        let is_last = self.lower_open();
        if skipped {
            return Verdict::Skip;
        }
        if !is_last {
            return Verdict::Wait;
        }
        if !self.is_touched() && trigger != Trigger::AnyFailed {
            return Verdict::Run;
        }
        let links = self.links();
        match links.ended.verdict(trigger, true) {
            Verdict::Skip if self.skip_pending() => Verdict::Skip,
            Verdict::Run if self.state.get() == State::Pending => Verdict::Run,
            _ => Verdict::Wait,
        }
    }

    /// Skips it if it is pending; the caller holds its `links`, so that one of several does.
    fn skip_pending(&self) -> bool {
        let is_pending = self.state.get() == State::Pending;
        if is_pending {
            self.state.set(State::Skipped);
        }
        is_pending
    }

    pub(crate) fn trigger(&self) -> Trigger {
        self.rules.as_ref().map_or_else(Trigger::default, |r| r.trigger)
    }

    pub(crate) fn on_failure(&self, default: OnFailure) -> OnFailure {
        self.rules.as_ref().and_then(|r| r.on_failure).unwrap_or(default)
    }

    /// Whether the journal keeps it.
    pub(crate) fn is_kept(&self) -> bool {
        !self.rules.as_ref().is_some_and(|r| r.forgotten)
    }

    /// Whether its end is news to the journal.
    pub(crate) fn is_to_be_kept(&self) -> bool {
        self.is_kept() && !self.is_remembered()
    }

    /// Whether the journal remembered it in this run.
    pub(crate) fn is_remembered(&self) -> bool {
        self.is_touched() && self.links().is_remembered()
    }

    /// Asks its body to end.
    pub(crate) fn cancel(&self) {
        // Release: pairs with the load in `is_cancelled`.
        self.cancelled.store(true, Ordering::Release);
        let waker = self.links().rare.as_mut().and_then(|r| r.waker.take());
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Changes what is taken first; a queued node is queued again by the caller.
    pub(crate) fn set_priority(&self, priority: i32) {
        self.priority.store(priority, Ordering::Relaxed);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        // Acquire: pairs with `cancel`.
        self.cancelled.load(Ordering::Acquire)
    }

    /// Whether the attempt in progress has used up its time.
    pub(crate) fn is_over_time(&self, clock: &Handle) -> bool {
        let bounded = |rules: &Rules| rules.timeout.is_some() || rules.deadline.is_some();
        self.rules.as_deref().is_some_and(bounded)
            && self.links().rare().end_ns.is_some_and(|end_ns| clock.now_ns() >= end_ns)
    }

    /// Notes the begin of an attempt.
    pub(crate) fn began(&self, clock: &Handle) {
        let now = clock.now_ns();
        let mut links = self.links();
        let span = &mut links.rare().span_ns;
        *span = Some((span.map_or(now, |s| s.0), now));
    }

    /// Notes the end of an attempt.
    pub(crate) fn stopped(&self, clock: &Handle) {
        let now = clock.now_ns();
        if let Some(span) = &mut self.links().rare().span_ns {
            span.1 = now;
        }
    }
}
