//! A flow of values: adds nodes, runs them.

use std::fmt::Write;
use std::future::Future;
use std::sync::Arc;

use parking_lot::RwLock;
use vitte_rt::runtime::Builder;

use super::engine::{Engine, Rest};
use super::node::{Before, Node};
use crate::dot::Quoted;
use crate::error::FlowError;

/// A graph of values.
///
/// ```
/// use vitte_flow::Flow;
///
/// let mut flow = Flow::new();
/// let width = flow.input("width", 3);
/// let w = width.node();
/// let area = flow.node("area", move || w.get() * 4);
/// flow.run()?;
/// assert_eq!(area.get(), 12);
/// flow.set(&width, 5);
/// flow.run()?;
/// assert_eq!((area.get(), area.n_runs()), (20, 2));
/// # Ok::<(), vitte_flow::FlowError>(())
/// ```
pub struct Flow {
    engine: Arc<Engine>,
    n_workers: usize,
    seed: Option<u64>,
}

/// A node whose value comes from outside: [`Flow::input`] makes it, [`Flow::set`] changes it.
///
/// ```
/// use vitte_flow::Flow;
///
/// let mut flow = Flow::new();
/// let (width, height) = (flow.input("width", 2), flow.input("height", 3));
/// let (w, h) = (width.node(), height.node());
/// let area = flow.node("area", move || w.get() * h.get());
/// let h = height.node();
/// let lines = flow.node("lines", move || "|".repeat(h.get()));
/// flow.run()?;
/// flow.set(&width, 5);
/// flow.run()?;
/// assert_eq!((area.get(), area.n_runs(), lines.n_runs()), (15, 2, 1));
/// # Ok::<(), vitte_flow::FlowError>(())
/// ```
pub struct Input<T> {
    node: Node<T>,
}

impl<T> Input<T> {
    /// The node, to be read.
    pub fn node(&self) -> Node<T> {
        self.node.clone()
    }
}

impl<T> Before for Input<T> {
    fn idx(&self) -> usize {
        self.node.idx
    }
}

impl Default for Flow {
    fn default() -> Self {
        Self::new()
    }
}

impl Flow {
    /// An empty flow that runs on as many threads as the machine has.
    pub fn new() -> Self {
        let n_workers = std::thread::available_parallelism().map_or(1, usize::from);
        Self { engine: Arc::default(), n_workers, seed: None }
    }

    /// Sets how many threads [`run`](Self::run) uses; 0 counts as 1.
    #[must_use]
    pub fn workers(mut self, n: usize) -> Self {
        self.n_workers = n.max(1);
        self
    }

    /// Runs on the calling thread and in virtual time, and begins nodes in an order made from `seed`: the
    /// same seed, the same order.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_flow::Flow;
    ///
    /// let mut flow = Flow::new().seed(7);
    /// let late = flow.async_node("late", || async {
    ///     vitte_rt::time::sleep(Duration::from_secs(3600)).await; // takes no time
    ///     "an hour later"
    /// });
    /// flow.run()?;
    /// assert_eq!(late.get(), "an hour later");
    /// # Ok::<(), vitte_flow::FlowError>(())
    /// ```
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Adds a node whose value `body` computes.
    pub fn node<T, F>(&mut self, name: &str, mut body: F) -> Node<T>
    where
        T: Send + Sync + 'static,
        F: FnMut() -> T + Send + 'static,
    {
        let value = Arc::new(RwLock::new(None));
        let place = Arc::clone(&value);
        let run = move || {
            let made = body();
            *place.write() = Some(made);
            None
        };
        let idx = self.engine.add(name, Some(Box::new(run)));
        Node { engine: Arc::clone(&self.engine), idx, value }
    }

    /// Adds a node whose value is that of a future, which runs as a task of the run's runtime and holds
    /// no thread. Read other nodes in `body`, before the future is made: the future itself waits for
    /// none ([`Node::try_with`]).
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_flow::Flow;
    ///
    /// let mut flow = Flow::new();
    /// let id = flow.node("id", || 7);
    /// let fetched = flow.async_node("fetched", move || {
    ///     let id = id.get();
    ///     async move {
    ///         vitte_rt::time::sleep(Duration::from_millis(1)).await;
    ///         format!("item {id}")
    ///     }
    /// });
    /// flow.run()?;
    /// assert_eq!(fetched.get(), "item 7");
    /// # Ok::<(), vitte_flow::FlowError>(())
    /// ```
    pub fn async_node<T, F, Fut>(&mut self, name: &str, mut body: F) -> Node<T>
    where
        T: Send + Sync + 'static,
        F: FnMut() -> Fut + Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
    {
        let value = Arc::new(RwLock::new(None));
        let place = Arc::clone(&value);
        let run = move || -> Rest {
            let (future, place) = (body(), Arc::clone(&place));
            Some(Box::pin(async move {
                let made = future.await;
                *place.write() = Some(made);
            }))
        };
        let idx = self.engine.add(name, Some(Box::new(run)));
        Node { engine: Arc::clone(&self.engine), idx, value }
    }

    /// Adds a node whose value is set from outside.
    pub fn input<T: Send + Sync + 'static>(&mut self, name: &str, value: T) -> Input<T> {
        let value = Arc::new(RwLock::new(Some(value)));
        let idx = self.engine.add(name, None);
        Input { node: Node { engine: Arc::clone(&self.engine), idx, value } }
    }

    /// Changes an input. The next [`run`](Self::run) computes anew what depends on it, and only that.
    pub fn set<T>(&mut self, input: &Input<T>, value: T) {
        *input.node.value.write() = Some(value);
        self.engine.changed(input.node.idx);
    }

    /// Computes every value that is missing or out of date.
    ///
    /// # Errors
    ///
    /// A circle of nodes that need each other, the panic of a body, a name given twice, no threads.
    /// What was computed before stays; the next run goes on from there.
    pub fn run(&mut self) -> Result<(), FlowError> {
        let builder = match self.seed {
            Some(seed) => Builder::seeded(seed),
            None => Builder::multi_thread(),
        };
        let runtime = builder.workers(self.n_workers).build().map_err(FlowError::Runtime)?;
        let runtime = Arc::new(runtime);
        self.engine.begin(&runtime)?;
        if self.seed.is_some() {
            self.engine.work(Some(runtime.handle()));
        } else {
            let work = || {
                let engine = Arc::clone(&self.engine);
                runtime.handle().spawn_blocking(move || engine.work(None))
            };
            let threads: Vec<_> = (0..self.n_workers).map(|_| work()).collect();
            runtime.block_on(async {
                for thread in threads {
                    // `work` catches all panics of bodies.
                    thread.await.expect("a thread of a flow ends without a panic");
                }
            });
        }
        self.engine.end(&runtime).map_or(Ok(()), Err)
    }

    /// The nodes and what they read, in Graphviz's language.
    pub fn to_dot(&self) -> String {
        let (names, edges) = self.engine.edges();
        let mut out = String::from("digraph flow {\n  rankdir=LR;\n");
        for (i, name) in names.iter().enumerate() {
            let _ = writeln!(out, "  n{i} [label={}];", Quoted(name));
        }
        for (from, to) in edges {
            let _ = writeln!(out, "  n{from} -> n{to};");
        }
        out.push_str("}\n");
        out
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.engine.dissolve();
    }
}
