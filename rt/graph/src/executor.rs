//! The executor: takes tasks, checks them, runs them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use vitte_rt::runtime::{Builder, Handle};

use crate::error::{GraphError, TaskError};
use crate::event::{Event, Observers};
use crate::export;
use crate::forecast::{self, Forecast};
use crate::graph::{Graph, Plan};
use crate::journal::{Journal, Loaded, RedbJournal};
use crate::keeper::Keeper;
use crate::metrics::Metrics;
use crate::output::Output;
use crate::policy::OnFailure;
use crate::pool::Pools;
use crate::report::{Report, TaskReport};
use crate::run::{Options, Run};
use crate::task::Task;

/// Runs a graph of [`Task`]s.
///
/// ```
/// use vitte_graph::{Task, TaskExecutor};
///
/// let mut exec = TaskExecutor::new(4);
/// exec.add(Task::new("analyse", || println!("analysing")));
/// exec.add(Task::depends_on("build", &["analyse"], || println!("compiling")));
/// let report = exec.run_all()?;
/// assert_eq!(report.to_string().split(" in ").next(), Some("2 completed"));
/// # Ok::<(), vitte_graph::GraphError>(())
/// ```
pub struct TaskExecutor {
    n_workers: usize,
    graph: Arc<Graph>,
    plan: Option<Arc<Plan>>,
    /// The first name that was given twice.
    duplicate: Option<Arc<str>>,
    options: Options,
    observers: Observers,
    pools: BTreeMap<Arc<str>, u32>,
    journal: Option<Source>,
    notes: Vec<String>,
    seed: Option<u64>,
    running: Arc<Mutex<Running>>,
}

/// Where the journal comes from.
enum Source {
    Path { path: Box<Path>, fresh: bool },
    Ready(Arc<dyn Journal>),
}

#[derive(Default)]
struct Running {
    run: Weak<Run>,
    /// A cancel that came before the run.
    cancelled: bool,
}

impl TaskExecutor {
    /// An executor with `workers` threads of its own for each [`run_all`](Self::run_all). 0 is an
    /// error then.
    pub fn new(workers: usize) -> Self {
        Self {
            n_workers: workers,
            graph: Arc::default(),
            plan: None,
            duplicate: None,
            options: Options { on_failure: OnFailure::default(), timing: false },
            observers: Observers::default(),
            pools: BTreeMap::new(),
            journal: None,
            notes: Vec::new(),
            seed: None,
            running: Arc::default(),
        }
    }

    /// Adds a task. Dependencies may be added later; whether all exist is checked when the graph is
    /// run.
    pub fn add(&mut self, task: Task) -> &mut Self {
        self.plan = None;
        if let Err(name) = self.graph.insert(task, None) {
            self.duplicate.get_or_insert(name);
        }
        self
    }

    /// Declares a pool of `capacity` places, of which [tasks](Task::pool) take some while they run.
    pub fn pool(&mut self, name: &str, capacity: u32) -> &mut Self {
        self.plan = None;
        self.pools.insert(Arc::from(name), capacity);
        self
    }

    /// What the failure of a task does if the task does not say: skip its dependants, at first.
    pub fn on_failure(&mut self, what: OnFailure) -> &mut Self {
        self.options.on_failure = what;
        self
    }

    /// Keeps a journal at `path`: a run takes up where the last one ended.
    pub fn journal(&mut self, path: impl AsRef<Path>) -> &mut Self {
        self.journal = Some(Source::Path { path: path.as_ref().into(), fresh: false });
        self
    }

    /// Keeps a journal at `path` and begins a new one, once: what is there is moved to `path.old`.
    pub fn fresh_journal(&mut self, path: impl AsRef<Path>) -> &mut Self {
        self.journal = Some(Source::Path { path: path.as_ref().into(), fresh: true });
        self
    }

    /// Keeps a journal of another kind.
    pub fn journal_with(&mut self, journal: impl Journal) -> &mut Self {
        self.journal = Some(Source::Ready(Arc::new(journal)));
        self
    }

    /// Calls `observer` with everything that happens, on the thread on which it happens: it should
    /// be quick.
    pub fn observe(&mut self, observer: impl Fn(&Event<'_>) + Send + Sync + 'static) -> &mut Self {
        self.observers.add(observer);
        self
    }

    /// Whether starts and ends of tasks are noted (two looks at the clock per task; not at first).
    pub fn timing(&mut self, on: bool) -> &mut Self {
        self.options.timing = on;
        self
    }

    /// Runs on one thread with virtual workers and virtual time, in an order made from `seed`: the
    /// same seed, the same order.
    pub fn seed(&mut self, seed: u64) -> &mut Self {
        self.seed = Some(seed);
        self
    }

    /// What can be done to the run from elsewhere.
    pub fn control(&self) -> Control {
        Control { graph: Arc::clone(&self.graph), running: Arc::clone(&self.running) }
    }

    /// Names of the tasks, each after those that it waits for. Empty before [`check`](Self::check).
    pub fn order(&self) -> Vec<Arc<str>> {
        let order = self.plan.iter().flat_map(|plan| plan.order());
        order.map(|idx| Arc::clone(&self.graph.node(idx).name)).collect()
    }

    /// How many threads a run has, and how many plain tasks run at a time.
    pub fn n_workers(&self) -> usize {
        self.n_workers
    }

    /// How many tasks were added.
    pub fn n_tasks(&self) -> usize {
        self.graph.live().filter(|(_, n)| n.parent.is_none()).count()
    }

    /// Checks the graph without running it.
    ///
    /// # Errors
    ///
    /// A name given twice, an unknown dependency, a cycle, a pool that is missing or too small.
    pub fn check(&mut self) -> Result<(), GraphError> {
        self.planned().map(|_| ())
    }

    fn planned(&mut self) -> Result<Arc<Plan>, GraphError> {
        if self.n_workers == 0 {
            return Err(GraphError::NoWorkers);
        }
        if let Some(name) = &self.duplicate {
            return Err(GraphError::DuplicateName { name: name.to_string() });
        }
        if self.plan.is_none() {
            let plan = self.graph.plan()?;
            self.check_pools()?;
            self.plan = Some(Arc::new(plan));
        }
        Ok(Arc::clone(self.plan.as_ref().expect("made above")))
    }

    fn check_pools(&self) -> Result<(), GraphError> {
        let pools = Pools::new(&self.pools);
        let wanted = self.graph.live().filter_map(|(_, node)| {
            let (pool, wants) = node.rules.as_ref()?.pool.as_ref()?;
            Some((node, pool, *wants))
        });
        for (node, pool, wants) in wanted {
            pools.check(&node.name, pool, wants)?;
        }
        Ok(())
    }

    /// Runs all tasks on threads of its own, and waits for the last one.
    ///
    /// # Errors
    ///
    /// What [`check`](Self::check) finds; a journal that cannot be used; and
    /// [`GraphError::Failed`] if not every task completed.
    ///
    /// # Panics
    ///
    /// Inside a runtime, which it would block: use [`run`](Self::run) there.
    pub fn run_all(&mut self) -> Result<Report, GraphError> {
        self.planned()?;
        let builder = match self.seed {
            Some(seed) => Builder::seeded(seed),
            None => Builder::multi_thread(),
        };
        let runtime = builder.workers(self.n_workers).build().map_err(GraphError::Runtime)?;
        runtime.block_on(self.run())
    }

    /// Runs all tasks in the caller's runtime, at most as many plain ones at a time as this executor
    /// has workers.
    ///
    /// # Errors
    ///
    /// As [`run_all`](Self::run_all).
    pub async fn run(&mut self) -> Result<Report, GraphError> {
        let plan = self.planned()?;
        let clock = Handle::current();
        let start_ns = clock.now_ns();
        self.graph.forget_children();
        let keeper = self.keeper()?;
        let run = Arc::new(Run::new(
            Arc::clone(&self.graph),
            plan,
            self.options.clone(),
            self.observers.clone(),
            Pools::new(&self.pools),
            keeper,
        ));
        {
            let mut running = self.running.lock();
            running.run = Arc::downgrade(&run);
            if std::mem::take(&mut running.cancelled) {
                run.cancel();
            }
        }
        let journal_error = Arc::clone(&run).drive(self.n_workers).await;
        if let Some(error) = journal_error {
            return Err(GraphError::Journal(error));
        }
        let elapsed = Duration::from_nanos(clock.now_ns().saturating_sub(start_ns));
        let report = run.report(elapsed);
        if report.is_success() { Ok(report) } else { Err(GraphError::Failed(Box::new(report))) }
    }

    /// Opens the journal, where one is wanted.
    fn keeper(&mut self) -> Result<Option<Keeper>, GraphError> {
        let journal: Arc<dyn Journal> = match &mut self.journal {
            None => return Ok(None),
            Some(Source::Ready(journal)) => Arc::clone(journal),
            Some(Source::Path { path, fresh }) => {
                let begin_anew = std::mem::take(fresh);
                let open = if begin_anew { RedbJournal::fresh } else { RedbJournal::open };
                Arc::new(open(path)?)
            }
        };
        let mut loaded = journal.begin_run()?;
        self.notes = std::mem::take(&mut loaded.notes);
        Ok(Some(Keeper::new(journal, loaded)))
    }

    /// What a run would do now: each task in an order in which it could run, and whether the journal
    /// remembers its end. Nothing runs, and no run is counted.
    ///
    /// ```
    /// use vitte_graph::{Task, TaskExecutor};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let mut exec = TaskExecutor::new(1);
    /// exec.journal(folder.path().join("journal"));
    /// exec.add(Task::new("a", || ()));
    /// exec.run_all()?;
    /// exec.add(Task::depends_on("b", &["a"], || ()));
    /// let todo: Vec<_> = exec.forecast()?.into_iter().filter(|task| !task.up_to_date).collect();
    /// assert_eq!((todo.len(), &*todo[0].task), (1, "b"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What [`check`](Self::check) finds, and a journal that cannot be used. One that does not exist
    /// remembers nothing, and is not made.
    pub fn forecast(&mut self) -> Result<Vec<Forecast>, GraphError> {
        let plan = self.planned()?;
        let loaded = match &self.journal {
            Some(Source::Ready(journal)) => journal.look()?,
            Some(Source::Path { path, fresh: false }) if path.exists() => {
                RedbJournal::open(path)?.look()?
            }
            _ => Loaded::default(),
        };
        Ok(forecast::of(&self.graph, &plan, &loaded))
    }

    /// What the journal of the last run had to say: records that were damaged.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// How each task stands, in the order of addition; children follow.
    pub fn tasks(&self) -> impl Iterator<Item = TaskReport> {
        self.graph.live().map(|(_, node)| TaskReport::of(node))
    }

    /// The output of a task that completed in the last run.
    ///
    /// # Errors
    ///
    /// If there is no such task, if it did not complete, or if its output is no `T`.
    pub fn output<T: Output>(&self, name: &str) -> Result<Arc<T>, OutputError> {
        let Some(idx) = self.graph.find(name) else {
            return Err(OutputError(TaskError::permanent(format!("there is no task `{name}`"))));
        };
        self.graph.output(idx).map_err(OutputError)
    }

    /// The graph in Graphviz's language, with the state of each task.
    pub fn to_dot(&self) -> String {
        export::dot(&self.graph)
    }

    /// The graph as a Mermaid flowchart.
    pub fn to_mermaid(&self) -> String {
        export::mermaid(&self.graph)
    }

    /// The graph as JSON: `{"tasks": [{"name", "after", "state", …}]}`.
    pub fn to_json(&self) -> String {
        export::json(&self.graph)
    }

    /// When each task ran, in the trace format of Chrome and Perfetto. Empty without
    /// [`timing`](Self::timing).
    pub fn to_chrome_trace(&self) -> String {
        export::chrome_trace(&self.graph)
    }
}

/// Why an output could not be read.
#[derive(Debug)]
pub struct OutputError(TaskError);

impl std::fmt::Display for OutputError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for OutputError {}

/// Reaches into a run from other threads. Cheap to clone.
///
/// ```
/// use vitte_graph::{GraphError, State, Task, TaskExecutor};
///
/// let mut exec = TaskExecutor::new(1);
/// let control = exec.control();
/// exec.add(Task::new("ask", move || control.cancel()));
/// exec.add(Task::depends_on("never", &["ask"], || ()));
/// let Err(GraphError::Failed(report)) = exec.run_all() else { panic!("it was cancelled") };
/// assert_eq!(report.count(State::Cancelled), 1);
/// ```
#[derive(Clone)]
pub struct Control {
    graph: Arc<Graph>,
    running: Arc<Mutex<Running>>,
}

impl Control {
    /// Ends the run: nothing new starts, async bodies are dropped, closures are asked by
    /// [`Context::is_cancelled`](crate::Context::is_cancelled). Before a run, the next one.
    pub fn cancel(&self) {
        let mut running = self.running.lock();
        match running.run.upgrade() {
            Some(run) => run.cancel(),
            None => running.cancelled = true,
        }
    }

    /// Ends one task. False if there is none of that name.
    pub fn cancel_task(&self, name: &str) -> bool {
        let found = self.graph.find(name);
        if let Some(idx) = found {
            self.graph.node(idx).cancel();
        }
        found.is_some()
    }

    /// How the tasks stand now.
    pub fn metrics(&self) -> Metrics {
        Metrics::of(&self.graph)
    }

    /// Changes the priority of a task, also of one that is queued. False if there is none of that
    /// name.
    pub fn set_priority(&self, name: &str, priority: i32) -> bool {
        let Some(idx) = self.graph.find(name) else { return false };
        match self.running.lock().run.upgrade() {
            Some(run) => run.set_priority(idx, priority),
            None => self.graph.node(idx).set_priority(priority),
        }
        true
    }
}
