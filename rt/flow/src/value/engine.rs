//! Who evaluates what, who waits for whom.

use std::any::Any;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Weak};

use parking_lot::{Condvar, Mutex};
use vitte_rt::runtime::Handle;
use vitte_rt::task::panic_text;

use crate::error::FlowError;

/// Index of a node in its flow.
pub(crate) type NodeIdx = usize;

/// The nodes of a flow and where their evaluation stands.
#[derive(Default)]
pub(crate) struct Engine {
    state: Mutex<State>,
    /// Some node was done, or the run failed.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    nodes: Vec<Entry>,
    names: HashSet<Arc<str>>,
    /// Where async nodes run their futures, while there is a run.
    runtime: Option<Handle>,
    /// Where the run looks for the next node to begin.
    next: NodeIdx,
    error: Option<FlowError>,
}

struct Entry {
    name: Arc<str>,
    phase: Phase,
    body: Option<Box<dyn FnMut() + Send>>,
    /// What it read when it last ran, and what was declared.
    reads: BTreeSet<NodeIdx>,
    declared: BTreeSet<NodeIdx>,
    /// The node whose value its evaluation needs now.
    waits_for: Option<NodeIdx>,
    /// How often its value was made; for tests and statistics.
    n_runs: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// Its value is missing or out of date.
    Idle,
    Running,
    Done,
    Failed,
}

thread_local! {
    /// The nodes that this thread evaluates, innermost last, each with its flow.
    static EVALUATING: RefCell<Vec<(Weak<Engine>, NodeIdx)>> = const { RefCell::new(Vec::new()) };
}

/// Unwinds an evaluation whose run has failed elsewhere. Not a panic of the body.
struct Abandoned;

/// What a look at a node's value found.
pub(crate) enum Look {
    Done,
    /// No run has made it.
    Missing,
}

impl Engine {
    pub(crate) fn add(&self, name: &str, body: Option<Box<dyn FnMut() + Send>>) -> NodeIdx {
        let mut state = self.state.lock();
        let shared_name: Arc<str> = Arc::from(name);
        if !state.names.insert(Arc::clone(&shared_name)) {
            let name = name.to_owned();
            state.error.get_or_insert(FlowError::DuplicateName { name });
        }
        let phase = if body.is_some() { Phase::Idle } else { Phase::Done };
        state.nodes.push(Entry {
            name: shared_name,
            phase,
            body,
            reads: BTreeSet::new(),
            declared: BTreeSet::new(),
            waits_for: None,
            n_runs: 0,
        });
        state.nodes.len() - 1
    }

    pub(crate) fn declare(&self, node: NodeIdx, before: NodeIdx) {
        self.state.lock().nodes[node].declared.insert(before);
    }

    pub(crate) fn n_runs(&self, node: NodeIdx) -> u64 {
        self.state.lock().nodes[node].n_runs
    }

    pub(crate) fn name(&self, node: NodeIdx) -> Arc<str> {
        Arc::clone(&self.state.lock().nodes[node].name)
    }

    /// The value of an input has changed: whatever depends on it is out of date.
    pub(crate) fn changed(&self, input: NodeIdx) {
        let mut state = self.state.lock();
        let mut readers = vec![Vec::new(); state.nodes.len()];
        for (i, node) in state.nodes.iter().enumerate() {
            node.reads.union(&node.declared).for_each(|&read| readers[read].push(i));
        }
        let mut stale = vec![input];
        while let Some(node) = stale.pop() {
            for &reader in &readers[node] {
                let reader_phase = &mut state.nodes[reader].phase;
                if *reader_phase == Phase::Done {
                    *reader_phase = Phase::Idle;
                    stale.push(reader);
                }
            }
        }
    }

    /// Begins a run: what failed is tried again.
    pub(crate) fn begin(&self, runtime: &Handle) -> Result<(), FlowError> {
        let mut state = self.state.lock();
        if let Some(FlowError::DuplicateName { name }) = &state.error {
            return Err(FlowError::DuplicateName { name: name.clone() });
        }
        state.error = None;
        state.runtime = Some(runtime.clone());
        state.next = 0;
        for node in &mut state.nodes {
            if node.phase == Phase::Failed {
                node.phase = Phase::Idle;
            }
        }
        Ok(())
    }

    /// Ends a run; answers what went wrong in it.
    pub(crate) fn end(&self) -> Option<FlowError> {
        let mut state = self.state.lock();
        state.runtime = None;
        state.error.take()
    }

    /// The runtime of the run. Bodies are only called in one.
    pub(crate) fn runtime(&self) -> Handle {
        self.state.lock().runtime.clone().expect("bodies run in a run")
    }

    /// Drops all bodies: they hold handles of other nodes, and those hold the engine.
    pub(crate) fn dissolve(&self) {
        let bodies: Vec<_> = {
            let mut state = self.state.lock();
            state.nodes.iter_mut().map(|n| n.body.take()).collect()
        };
        drop(bodies);
    }

    /// Evaluates nodes in the order of their addition until none is left: the body of each of the
    /// run's threads.
    pub(crate) fn work(self: &Arc<Self>) {
        loop {
            let node = {
                let mut state = self.state.lock();
                if state.error.is_some() {
                    return;
                }
                let from = state.next;
                let found = state.nodes[from..].iter().position(|n| n.phase == Phase::Idle);
                let Some(offset) = found else { return };
                state.next = from + offset + 1;
                from + offset
            };
            // An abandoned evaluation has left its error in the state.
            let _ = catch_unwind(AssertUnwindSafe(|| self.evaluate(node)));
        }
    }

    /// Sees to it that the value of `node` is there: evaluates it, or waits for whoever does.
    /// Outside evaluations it answers whether it is there.
    pub(crate) fn demand(self: &Arc<Self>, node: NodeIdx) -> Look {
        let reader = EVALUATING.with_borrow(|stack| {
            let own = |(flow, _): &&(Weak<Self>, _)| flow.ptr_eq(&Arc::downgrade(self));
            stack.iter().rev().find(own).map(|&(_, reader)| reader)
        });
        let Some(reader) = reader else {
            let done = self.state.lock().nodes[node].phase == Phase::Done;
            return if done { Look::Done } else { Look::Missing };
        };
        let mut state = self.state.lock();
        state.nodes[reader].reads.insert(node);
        loop {
            match state.nodes[node].phase {
                Phase::Done => return Look::Done,
                Phase::Failed => abandon(),
                _ if state.error.is_some() => abandon(),
                Phase::Idle => {
                    state.nodes[reader].waits_for = Some(node);
                    drop(state);
                    self.evaluate(node);
                    state = self.state.lock();
                    state.nodes[reader].waits_for = None;
                }
                Phase::Running => {
                    if let Some(path) = state.cycle(reader, node) {
                        state.error.get_or_insert(FlowError::Cycle { path });
                        self.changed.notify_all();
                        abandon();
                    }
                    state.nodes[reader].waits_for = Some(node);
                    self.changed.wait(&mut state);
                    state.nodes[reader].waits_for = None;
                }
            }
        }
    }

    /// Runs the body of a node that is idle; if another thread was faster, does nothing.
    fn evaluate(self: &Arc<Self>, node: NodeIdx) {
        let (mut body, declared) = {
            let mut state = self.state.lock();
            let entry = &mut state.nodes[node];
            if entry.phase != Phase::Idle {
                return;
            }
            entry.phase = Phase::Running; // V1
            entry.reads.clear();
            (entry.body.take().expect("who is idle has a body"), entry.declared.clone())
        };
        EVALUATING.with_borrow_mut(|stack| stack.push((Arc::downgrade(self), node)));
        let result = catch_unwind(AssertUnwindSafe(|| {
            for before in declared {
                self.demand(before);
            }
            body();
        }));
        EVALUATING.with_borrow_mut(Vec::pop);
        let mut state = self.state.lock();
        let entry = &mut state.nodes[node];
        entry.body = Some(body);
        entry.waits_for = None;
        entry.n_runs += u64::from(result.is_ok());
        entry.phase = if result.is_ok() { Phase::Done } else { Phase::Failed };
        let name = entry.name.to_string();
        if let Err(payload) = &result
            && !payload.is::<Abandoned>()
        {
            let message = panic_text(&**payload).to_owned();
            state.error.get_or_insert(FlowError::Panicked { name, message });
        }
        self.changed.notify_all();
        drop(state);
        if let Err(payload) = result {
            resume_unwind(if payload.is::<Abandoned>() { payload } else { Box::new(Abandoned) });
        }
    }

    /// The edges as they are known: `(from, to)`, by name.
    pub(crate) fn edges(&self) -> (Vec<Arc<str>>, Vec<(NodeIdx, NodeIdx)>) {
        let state = self.state.lock();
        let names = state.nodes.iter().map(|n| Arc::clone(&n.name)).collect();
        let edges = state.nodes.iter().enumerate();
        let edges =
            edges.flat_map(|(to, n)| n.reads.union(&n.declared).map(move |&from| (from, to)));
        (names, edges.collect())
    }
}

/// Leaves the evaluation; the engine knows why.
fn abandon() -> ! {
    // `resume_unwind` does not call the panic hook: nothing is printed.
    resume_unwind(Box::new(Abandoned) as Box<dyn Any + Send>)
}

impl State {
    /// The circle that would close if `reader` waited for `node` (V2).
    fn cycle(&self, reader: NodeIdx, node: NodeIdx) -> Option<Vec<String>> {
        let mut path = vec![reader, node];
        let mut at = node;
        while at != reader {
            at = self.nodes[at].waits_for?;
            path.push(at);
        }
        Some(path.iter().map(|&i| self.nodes[i].name.to_string()).collect())
    }
}
