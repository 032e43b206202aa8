//! A pipeline: its stages, its run, its figures.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use vitte_rt::runtime::{Builder, Handle};
use vitte_rt::stream::Stream;
use vitte_rt::sync::Notify;
use vitte_rt::task::{AbortHandle, JoinHandle};

use super::edge::{AnyEdge, Edge, EdgeStats};
use super::pipe::Pipe;
use super::stage::Stage;
use super::work::Work;
use crate::dot::Quoted;
use crate::error::FlowError;

/// Index of a stage in its pipeline.
pub(crate) type StageIdx = usize;

/// Stages that pass items on. Sources begin it; [`Pipe`]s lead on; sinks end it.
///
/// ```
/// use vitte_flow::{Pipeline, Stage};
///
/// let line = Pipeline::new();
/// let words = line
///     .source("lines", ["to be", "or not", "to be"])
///     .flat_map("words", |line| line.split(' ').map(str::to_owned).collect::<Vec<_>>())
///     .batch("pairs", 4)
///     .collect("all");
/// let report = line.run(2)?;
/// assert_eq!(words.take().concat().len(), 6);
/// assert_eq!(report.edges[0].n_items, 3);
/// # Ok::<(), vitte_flow::FlowError>(())
/// ```
#[derive(Default)]
pub struct Pipeline {
    shared: Arc<Shared>,
}

/// What the parts of a pipeline have in common.
#[derive(Default)]
pub(crate) struct Shared {
    plan: Mutex<Plan>,
    draining: AtomicBool,
    /// Rings when `draining` is set by a drain.
    drain: Notify,
    error: Mutex<Option<FlowError>>,
    /// The tasks of the run, to be aborted when it fails.
    tasks: Mutex<Vec<AbortHandle>>,
    time: Mutex<Time>,
}

/// How long it has run.
#[derive(Default)]
enum Time {
    #[default]
    Before,
    /// Since this time of that clock.
    Running(Handle, u64),
    Over(Duration),
}

impl Time {
    fn elapsed(&self) -> Duration {
        match self {
            Time::Before => Duration::ZERO,
            Time::Running(clock, start_ns) => {
                Duration::from_nanos(clock.now_ns().saturating_sub(*start_ns))
            }
            Time::Over(elapsed) => *elapsed,
        }
    }
}

#[derive(Default)]
struct Plan {
    stages: Vec<StageEntry>,
    edges: Vec<(Arc<dyn AnyEdge>, StageIdx, StageIdx)>,
    work: Vec<Work>,
    is_spent: bool,
}

struct StageEntry {
    name: Arc<str>,
    /// Whether something follows, or nothing shall.
    is_led_on: bool,
}

impl Shared {
    pub(crate) fn add_stage(&self, name: &Arc<str>) -> StageIdx {
        let mut plan = self.plan.lock();
        plan.stages.push(StageEntry { name: Arc::clone(name), is_led_on: false });
        plan.stages.len() - 1
    }

    pub(crate) fn join<T>(&self, edge: &Arc<Edge<T>>, from: StageIdx, to: StageIdx)
    where
        T: Send + 'static,
    {
        let mut plan = self.plan.lock();
        plan.edges.push((Arc::clone(edge) as Arc<dyn AnyEdge>, from, to));
        plan.stages[from].is_led_on = true;
    }

    pub(crate) fn finish(&self, stage: StageIdx) {
        self.plan.lock().stages[stage].is_led_on = true;
    }

    pub(crate) fn add_work(&self, work: Work) {
        self.plan.lock().work.push(work);
    }

    pub(crate) fn is_draining(&self) -> bool {
        // Relaxed: a source that sees it a batch later does no harm.
        self.draining.load(Ordering::Relaxed)
    }

    /// Waits for a drain.
    pub(crate) async fn drained(&self) {
        loop {
            let rung = self.drain.notified();
            // Whoever begins to wait after the bell sees why it rang: `drain` sets the flag before.
            if self.is_draining() {
                return;
            }
            rung.await;
        }
    }

    /// Ends the pipeline with an error; the first one counts.
    pub(crate) fn fail(&self, error: FlowError) {
        self.error.lock().get_or_insert(error);
        self.draining.store(true, Ordering::Relaxed);
        let edges: Vec<_> =
            self.plan.lock().edges.iter().map(|(edge, ..)| Arc::clone(edge)).collect();
        edges.iter().for_each(|edge| edge.close());
        self.tasks.lock().iter().for_each(AbortHandle::abort);
    }

    fn stats(&self) -> Vec<EdgeStats> {
        let elapsed = self.time.lock().elapsed();
        let plan = self.plan.lock();
        let name = |stage: StageIdx| Arc::clone(&plan.stages[stage].name);
        let edges = plan.edges.iter();
        edges.map(|(edge, from, to)| edge.stats(name(*from), name(*to), elapsed)).collect()
    }
}

impl Pipeline {
    /// A pipeline without stages.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins with the items of an iterator. It runs on a worker: one that blocks belongs on a
    /// thread of its own, with a channel between.
    pub fn source<I>(&self, stage: impl Into<Stage>, items: I) -> Pipe<I::Item>
    where
        I: IntoIterator,
        I::IntoIter: Send + 'static,
        I::Item: Send + 'static,
    {
        Pipe::of_source(&self.shared, &stage.into(), items.into_iter())
    }

    /// Begins with the items of an asynchronous stream (a channel, a socket), as they come. A
    /// [drain](Control::drain) ends it even while it waits.
    ///
    /// ```
    /// use vitte_flow::Pipeline;
    ///
    /// let (sender, receiver) = vitte_rt::channel::mpsc::unbounded_channel();
    /// let line = Pipeline::new();
    /// let lengths = line.source_stream("words", receiver).map("length", str::len).collect("lengths");
    /// for word in ["a", "bb", "ccc"] {
    ///     sender.send(word)?;
    /// }
    /// drop(sender); // the end of the stream
    /// line.run(1)?;
    /// assert_eq!(lengths.take(), [1, 2, 3]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn source_stream<S>(&self, stage: impl Into<Stage>, items: S) -> Pipe<S::Item>
    where
        S: Stream + Send + 'static,
        S::Item: Send + 'static,
    {
        Pipe::of_stream(&self.shared, &stage.into(), items)
    }

    /// What can be done to the run from elsewhere.
    pub fn control(&self) -> Control {
        Control { shared: Arc::clone(&self.shared) }
    }

    /// Runs it on `n_workers` threads of its own (0 counts as 1) until every item has arrived.
    ///
    /// # Errors
    ///
    /// The first error or panic of a stage, which ends the pipeline; [`FlowError::Unfinished`] for a
    /// pipe that was not led on; [`FlowError::Spent`] the second time.
    ///
    /// # Panics
    ///
    /// Inside a runtime, which it would block: use [`drive`](Self::drive) there.
    pub fn run(&self, n_workers: usize) -> Result<Report, FlowError> {
        let builder = Builder::multi_thread().workers(n_workers.max(1));
        builder.build().map_err(FlowError::Runtime)?.block_on(self.drive())
    }

    /// Runs it in the caller's runtime.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub async fn drive(&self) -> Result<Report, FlowError> {
        let runtime = Handle::current();
        let work = {
            let mut plan = self.shared.plan.lock();
            if let Some(open) = plan.stages.iter().find(|s| !s.is_led_on) {
                return Err(FlowError::Unfinished { stage: open.name.to_string() });
            }
            if std::mem::replace(&mut plan.is_spent, true) {
                return Err(FlowError::Spent);
            }
            std::mem::take(&mut plan.work)
        };
        *self.shared.time.lock() = Time::Running(runtime.clone(), runtime.now_ns());
        let tasks: Vec<_> = work.into_iter().map(|work| runtime.spawn(work)).collect();
        let handles: Vec<_> = tasks.iter().map(JoinHandle::abort_handle).collect();
        *self.shared.tasks.lock() = handles;
        // A failure before the handles were there.
        if self.shared.error.lock().is_some() {
            self.shared.tasks.lock().iter().for_each(AbortHandle::abort);
        }
        for task in tasks {
            // Panics are caught in the task: an error means that the failed run has aborted it.
            let _ = task.await;
        }
        let elapsed = {
            let mut time = self.shared.time.lock();
            let elapsed = time.elapsed();
            *time = Time::Over(elapsed);
            elapsed
        };
        match self.shared.error.lock().take() {
            Some(error) => Err(error),
            None => Ok(Report { elapsed, edges: self.shared.stats() }),
        }
    }

    /// The figures of every edge as they are now.
    pub fn stats(&self) -> Vec<EdgeStats> {
        self.shared.stats()
    }

    /// The stages in Graphviz's language, with the figures on the edges.
    pub fn to_dot(&self) -> String {
        let mut out = String::from("digraph pipeline {\n  rankdir=LR;\n  node [shape=box];\n");
        let elapsed = self.shared.time.lock().elapsed();
        let plan = self.shared.plan.lock();
        for (i, stage) in plan.stages.iter().enumerate() {
            let _ = writeln!(out, "  s{i} [label={}];", Quoted(&stage.name));
        }
        for (edge, from, to) in &plan.edges {
            let stats = edge.stats(Arc::default(), Arc::default(), elapsed);
            let EdgeStats { n_items, per_second, most_queued, capacity, blocked, .. } = stats;
            let label = format!(
                "{n_items} items, {per_second}/s, at most {most_queued} of {capacity}, blocked \
                 {blocked:.1?}"
            );
            let _ = writeln!(out, "  s{from} -> s{to} [label=\"{label}\"];");
        }
        out.push_str("}\n");
        out
    }
}

/// How a pipeline ran.
///
/// ```
/// use vitte_flow::{Pipeline, Stage};
///
/// let line = Pipeline::new();
/// line.source(Stage::named("numbers").capacity(8), 0..100_u32).discard("nowhere");
/// let report = line.run(1)?;
/// let edge = &report.edges[0];
/// assert_eq!((&*edge.from, &*edge.to, edge.n_items), ("numbers", "nowhere", 100));
/// assert!(edge.most_queued <= 8 && edge.queued == 0);
/// # Ok::<(), vitte_flow::FlowError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Report {
    /// From the first item to the end of the last stage.
    pub elapsed: Duration,
    /// The edges, in the order in which they were made.
    pub edges: Vec<EdgeStats>,
}

/// Reaches into a running pipeline. Cheap to clone.
///
/// ```
/// use vitte_flow::Pipeline;
///
/// let line = Pipeline::new();
/// let control = line.control();
/// let endless = (0_u64..).inspect(move |n| {
///     if *n == 500 {
///         control.drain(); // from any thread
///     }
/// });
/// let arrived = line.source("endless", endless).collect("arrived");
/// line.run(2)?;
/// assert!(arrived.take().len() > 500, "what had left the source has arrived");
/// # Ok::<(), vitte_flow::FlowError>(())
/// ```
#[derive(Clone)]
pub struct Control {
    shared: Arc<Shared>,
}

impl Control {
    /// Ends the sources; what has left them arrives.
    pub fn drain(&self) {
        self.shared.draining.store(true, Ordering::Relaxed);
        self.shared.drain.notify_waiters();
    }

    /// Ends everything; what is under way is dropped.
    pub fn cancel(&self) {
        self.shared.fail(FlowError::Cancelled);
    }
}
