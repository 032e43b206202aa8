//! Who evaluates what, who waits for whom.

use std::any::Any;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::Poll;

use parking_lot::{Condvar, Mutex, MutexGuard};
use vitte_rt::runtime::{Handle, Runtime};
use vitte_rt::task::{AbortHandle, JoinHandle, panic_text};

use crate::error::FlowError;

/// Index of a node in its flow.
pub(crate) type NodeIdx = usize;

/// What a body leaves to be awaited; none if the value is there.
pub(crate) type Rest = Option<Pin<Box<dyn Future<Output = ()> + Send>>>;

/// Makes the value of a node, or the future that does.
pub(crate) type Body = Box<dyn FnMut() -> Rest + Send>;

/// Idle nodes among which a seeded run chooses the next to begin: so many may wait for each other on
/// its stack.
const CHOICES: usize = 64;

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
    runtime: Option<Arc<Runtime>>,
    /// Stops those futures if the run fails.
    aborts: Vec<AbortHandle>,
    /// Where the run looks for the next node to begin.
    next: NodeIdx,
    error: Option<FlowError>,
}

struct Entry {
    name: Arc<str>,
    phase: Phase,
    body: Option<Body>,
    /// Its future, while that is under way and nobody waits for it in a seeded run.
    task: Option<JoinHandle<()>>,
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
    /// The nodes that this thread evaluates, innermost last.
    static EVALUATING: RefCell<Vec<Reader>> = const { RefCell::new(Vec::new()) };
}

/// Who reads values on a thread.
struct Reader {
    engine: Weak<Engine>,
    node: NodeIdx,
    /// Its future is polled: it must not block.
    in_future: bool,
}

/// Marks a thread as evaluating a node until it is dropped.
struct Evaluating;

impl Evaluating {
    fn enter(engine: Weak<Engine>, node: NodeIdx, in_future: bool) -> Self {
        EVALUATING.with_borrow_mut(|stack| stack.push(Reader { engine, node, in_future }));
        Self
    }
}

impl Drop for Evaluating {
    fn drop(&mut self) {
        EVALUATING.with_borrow_mut(Vec::pop);
    }
}

/// Unwinds an evaluation whose run has failed elsewhere. Not a panic of the body.
struct Abandoned;

/// What a look at a node's value found.
pub(crate) enum Look {
    Done,
    /// No run has made it.
    Missing,
    /// The future of this node came too early for it.
    Early(Arc<str>),
}

impl Engine {
    pub(crate) fn add(&self, name: &str, body: Option<Body>) -> NodeIdx {
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
            task: None,
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
    pub(crate) fn begin(&self, runtime: &Arc<Runtime>) -> Result<(), FlowError> {
        let mut state = self.state.lock();
        if let Some(FlowError::DuplicateName { name }) = &state.error {
            return Err(FlowError::DuplicateName { name: name.clone() });
        }
        state.error = None;
        state.runtime = Some(Arc::clone(runtime));
        state.next = 0;
        for node in &mut state.nodes {
            if node.phase == Phase::Failed {
                node.phase = Phase::Idle;
            }
        }
        Ok(())
    }

    /// Waits for the futures that are under way, then ends the run; answers what went wrong in it.
    pub(crate) fn end(&self, runtime: &Runtime) -> Option<FlowError> {
        let tasks: Vec<_> = {
            let mut state = self.state.lock();
            state.nodes.iter_mut().filter_map(|node| node.task.take()).collect()
        };
        for task in tasks {
            // It tells the engine itself how it ended; aborted, it has nothing to tell.
            let _ = runtime.block_on(task);
        }
        let mut state = self.state.lock();
        state.runtime = None;
        state.aborts.clear();
        let mut aborted = false;
        for node in state.nodes.iter_mut().filter(|node| node.phase == Phase::Running) {
            node.phase = Phase::Failed;
            aborted = true;
        }
        state.error.take().or(aborted.then_some(FlowError::Cancelled))
    }

    /// Drops all bodies: they hold handles of other nodes, and those hold the engine.
    pub(crate) fn dissolve(&self) {
        let bodies: Vec<_> = {
            let mut state = self.state.lock();
            state.nodes.iter_mut().map(|n| n.body.take()).collect()
        };
        drop(bodies);
    }

    /// Begins nodes until none is left: the body of each of the run's threads. They are begun in the
    /// order of their addition, or in one that `chooser` makes.
    pub(crate) fn work(self: &Arc<Self>, chooser: Option<&Handle>) {
        loop {
            let node = {
                let mut state = self.state.lock();
                if state.error.is_some() {
                    return;
                }
                let found = match chooser {
                    None => state.next_idle(),
                    Some(chooser) => state.some_idle(chooser),
                };
                let Some(node) = found else { return };
                node
            };
            // An abandoned evaluation has left its error in the state.
            let _ = catch_unwind(AssertUnwindSafe(|| self.evaluate(node)));
        }
    }

    /// Sees to it that the value of `node` is there: evaluates it, or waits for whoever does.
    /// Outside evaluations, and in futures, it answers whether it is there.
    pub(crate) fn demand(self: &Arc<Self>, node: NodeIdx) -> Look {
        let reader = EVALUATING.with_borrow(|stack| {
            let own = |reader: &&Reader| reader.engine.ptr_eq(&Arc::downgrade(self));
            stack.iter().rev().find(own).map(|reader| (reader.node, reader.in_future))
        });
        let mut state = self.state.lock();
        let Some((reader, in_future)) = reader else {
            let done = state.nodes[node].phase == Phase::Done;
            return if done { Look::Done } else { Look::Missing };
        };
        state.nodes[reader].reads.insert(node);
        if in_future && state.nodes[node].phase != Phase::Done {
            return Look::Early(Arc::clone(&state.nodes[reader].name));
        }
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
                        self.fail(state, FlowError::Cycle { path });
                        abandon();
                    }
                    state.nodes[reader].waits_for = Some(node);
                    match state.task_to_drive(node) {
                        None => self.changed.wait(&mut state),
                        Some((runtime, task)) => {
                            drop(state);
                            let _ = runtime.block_on(task);
                            state = self.state.lock();
                        }
                    }
                    state.nodes[reader].waits_for = None;
                }
            }
        }
    }

    /// Runs the body of a node that is idle; if another thread was faster, does nothing. A future that
    /// the body leaves goes to the runtime, and the node stays Running until that has ended.
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
        let inside = Evaluating::enter(Arc::downgrade(self), node, false);
        let result = catch_unwind(AssertUnwindSafe(|| {
            for before in declared {
                self.demand(before);
            }
            body()
        }));
        drop(inside);
        let mut state = self.state.lock();
        let entry = &mut state.nodes[node];
        entry.body = Some(body);
        entry.waits_for = None;
        match result {
            Ok(None) => self.settle(state, node, None),
            Ok(Some(rest)) => {
                if state.error.is_some() {
                    return; // Begun in vain.
                }
                let runtime = state.runtime.as_ref().expect("bodies run in a run");
                let task = runtime.spawn(self.finish_later(node, rest));
                state.aborts.push(task.abort_handle());
                state.nodes[node].task = Some(task);
            }
            Err(payload) => {
                self.settle(state, node, Some(&*payload));
                let known = payload.is::<Abandoned>();
                resume_unwind(if known { payload } else { Box::new(Abandoned) });
            }
        }
    }

    /// Awaits what a body has left.
    fn finish_later(
        self: &Arc<Self>,
        node: NodeIdx,
        mut rest: Pin<Box<dyn Future<Output = ()> + Send>>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let engine = Arc::downgrade(self);
        async move {
            let result = poll_fn(|cx| {
                let _inside = Evaluating::enter(Weak::clone(&engine), node, true);
                match catch_unwind(AssertUnwindSafe(|| rest.as_mut().poll(cx))) {
                    Ok(poll) => poll.map(Ok),
                    Err(payload) => Poll::Ready(Err(payload)),
                }
            })
            .await;
            drop(rest);
            if let Some(engine) = engine.upgrade() {
                let state = engine.state.lock();
                engine.settle(state, node, result.as_ref().err().map(|payload| &**payload));
            }
        }
    }

    /// The evaluation of a node has ended, by a panic if there is one.
    fn settle(
        &self,
        mut state: MutexGuard<'_, State>,
        node: NodeIdx,
        panic: Option<&(dyn Any + Send)>,
    ) {
        let entry = &mut state.nodes[node];
        entry.n_runs += u64::from(panic.is_none());
        entry.phase = if panic.is_none() { Phase::Done } else { Phase::Failed };
        match panic {
            Some(payload) if !payload.is::<Abandoned>() => {
                let (name, message) = (entry.name.to_string(), panic_text(payload).to_owned());
                self.fail(state, FlowError::Panicked { name, message });
            }
            _ => {
                self.changed.notify_all();
            }
        }
    }

    /// Ends the run with an error; the first one counts.
    fn fail(&self, mut state: MutexGuard<'_, State>, error: FlowError) {
        state.error.get_or_insert(error);
        let aborts = std::mem::take(&mut state.aborts);
        drop(state);
        self.changed.notify_all();
        aborts.iter().for_each(AbortHandle::abort);
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
    /// The next node to begin, in the order of addition.
    fn next_idle(&mut self) -> Option<NodeIdx> {
        let found = self.nodes[self.next..].iter().position(|n| n.phase == Phase::Idle);
        let node = self.next + found?;
        self.next = node + 1;
        Some(node)
    }

    /// One of the next nodes to begin.
    fn some_idle(&mut self, chooser: &Handle) -> Option<NodeIdx> {
        let first = self.nodes[self.next..].iter().position(|n| n.phase == Phase::Idle);
        self.next += first?;
        let idle = (self.next..).zip(&self.nodes[self.next..]);
        let idle = idle.filter(|(_, node)| node.phase == Phase::Idle).map(|(idx, _)| idx);
        let idle: Vec<_> = idle.take(CHOICES).collect();
        idle.get(chooser.choose(idle.len() as u32) as usize).copied()
    }

    /// In a seeded run, where whoever waits must run what it waits for: the future of `node`, which is
    /// under way.
    fn task_to_drive(&mut self, node: NodeIdx) -> Option<(Arc<Runtime>, JoinHandle<()>)> {
        let runtime = self.runtime.as_ref().filter(|runtime| runtime.handle().is_virtual())?;
        // V3: there is one thread, and what it evaluates itself was found to be a cycle.
        let task = self.nodes[node].task.take().expect("V3: the future of a node has one waiter");
        Some((Arc::clone(runtime), task))
    }

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
