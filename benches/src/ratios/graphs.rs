//! The rows of graphs of tasks, pipelines, journals and the scheduler as a library.
//!
//! With the feature `dagrs`, dagrs is a peer of the graphs too.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use vitte_flow::{Pipeline, Stage};
use vitte_graph::{Task, TaskExecutor};
use vitte_rt::scheduler::{self, Scheduler};

use super::executors::Tokio;
use super::rows::NamedRow;
use super::workloads::inside;
use super::{Figure, Goal, Peer, Row, Sampler, median};

/// Who waits for whom: for each node those that wait for it, and how many it waits for.
#[derive(Debug)]
pub(super) struct Shape {
    dependants: Vec<Vec<u32>>,
    n_awaited: Vec<u32>,
}

impl Shape {
    fn of(n: usize, edges: impl Iterator<Item = (usize, usize)>) -> Self {
        let mut shape = Shape { dependants: vec![Vec::new(); n], n_awaited: vec![0; n] };
        for (from, to) in edges {
            shape.dependants[from].push(to as u32);
            shape.n_awaited[to] += 1;
        }
        shape
    }

    /// Each node waits for the one before.
    fn chain(n: usize) -> Self {
        Shape::of(n, (1..n).map(|k| (k - 1, k)))
    }

    /// A binary tree of `n` nodes: each waits for its two children.
    fn tree(n: usize) -> Self {
        Shape::of(n, (1..n).map(|k| (k, (k - 1) / 2)))
    }

    /// The largest square of at most `n` cells: each waits for the one above and the one to the left.
    fn wavefront(n: usize) -> Self {
        let side = n.isqrt();
        let above = (side..side * side).map(move |k| (k - side, k));
        let left = (0..side * side).filter(move |k| k % side > 0).map(|k| (k - 1, k));
        Shape::of(side * side, above.chain(left))
    }

    pub(super) fn n(&self) -> usize {
        self.n_awaited.len()
    }

    /// For each node those that wait for it.
    #[cfg(feature = "dagrs")]
    pub(super) fn dependants(&self) -> impl Iterator<Item = &[u32]> {
        self.dependants.iter().map(Vec::as_slice)
    }

    fn counters(&self) -> Vec<AtomicU32> {
        self.n_awaited.iter().map(|&n| AtomicU32::new(n)).collect()
    }

    fn roots(&self) -> impl Iterator<Item = u32> {
        (0..self.n() as u32).filter(|&k| self.n_awaited[k as usize] == 0)
    }
}

/// Our executor, with one worker, journal and timing off. Building the graph is not measured.
fn ours(shape: &Arc<Shape>) -> Sampler {
    let shape = shape.clone();
    let mut made = None;
    Box::new(move || {
        let (exec, count) = made.get_or_insert_with(|| executor(&shape));
        count.store(0, Ordering::Relaxed);
        let started = Instant::now();
        exec.run_all().expect("no task fails");
        let elapsed = started.elapsed().as_nanos() as f64;
        assert_eq!(count.load(Ordering::Relaxed), shape.n());
        elapsed / shape.n() as f64
    })
}

fn executor(shape: &Shape) -> (TaskExecutor, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let mut exec = TaskExecutor::new(1);
    let names: Vec<String> = (0..shape.n()).map(|k| k.to_string()).collect();
    let mut awaited = vec![Vec::new(); shape.n()];
    for (from, to) in shape.dependants.iter().enumerate() {
        to.iter().for_each(|&to| awaited[to as usize].push(names[from].as_str()));
    }
    for (name, awaited) in names.iter().zip(&awaited) {
        let count = count.clone();
        exec.add(Task::depends_on(name, awaited, move || {
            count.fetch_add(1, Ordering::Relaxed);
        }));
    }
    exec.check().expect("a graph without mistakes");
    (exec, count)
}

/// tokio's `JoinSet` and counters: whoever ends is taken from the set, and what waited for it is spawned.
fn join_set(shape: &Arc<Shape>) -> Sampler {
    let shape = shape.clone();
    Box::new(move || {
        inside::<Tokio, _>(shape.n(), || {
            let shape = shape.clone();
            async move {
                let (mut left, mut set) = (shape.n_awaited.clone(), tokio::task::JoinSet::new());
                let count = Arc::new(AtomicUsize::new(0));
                let body = |k: u32| {
                    let count = count.clone();
                    async move {
                        count.fetch_add(1, Ordering::Relaxed);
                        k
                    }
                };
                for k in shape.roots() {
                    set.spawn(body(k));
                }
                while let Some(ended) = set.join_next().await {
                    for &to in &shape.dependants[ended.expect("no task fails") as usize] {
                        left[to as usize] -= 1;
                        if left[to as usize] == 0 {
                            set.spawn(body(to));
                        }
                    }
                }
            }
        })
    })
}

/// rayon's scope and counters, in a pool of one thread.
fn rayon(shape: &Arc<Shape>) -> Sampler {
    fn visit<'s>(scope: &rayon::Scope<'s>, shape: &'s Shape, left: &'s [AtomicU32], k: u32) {
        for &to in &shape.dependants[k as usize] {
            // AcqRel: the last of those that are awaited sees what the others did.
            if left[to as usize].fetch_sub(1, Ordering::AcqRel) == 1 {
                scope.spawn(move |scope| visit(scope, shape, left, to));
            }
        }
    }
    let shape = shape.clone();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    Box::new(move || {
        let left = shape.counters();
        let started = Instant::now();
        pool.scope(|scope| {
            for k in shape.roots() {
                let (shape, left) = (&*shape, &left[..]);
                scope.spawn(move |scope| visit(scope, shape, left, k));
            }
        });
        started.elapsed().as_nanos() as f64 / shape.n() as f64
    })
}

/// A row's graph.
struct Graph {
    name: &'static str,
    of: fn(usize) -> Shape,
    n: usize,
}

const SHAPES: [Graph; 3] = [
    Graph { name: "dag_overhead chain", of: Shape::chain, n: 100_000 },
    Graph { name: "dag_overhead tree", of: Shape::tree, n: 1 << 17 },
    Graph { name: "dag_overhead wavefront", of: Shape::wavefront, n: 1 << 16 },
];

fn dag(shape: usize) -> Row {
    let Graph { name, of, n } = SHAPES[shape];
    let shape = Arc::new(of(n));
    let peer = |name, sample| Peer { name, sample, goal: Goal::None };
    let peers = vec![
        peer("JoinSet", join_set(&shape)),
        peer("rayon", rayon(&shape)),
        // Some twenty microseconds a node: a smaller graph, or the rows would take minutes.
        #[cfg(feature = "dagrs")]
        peer("dagrs", super::dagrs::dagrs(of(n / 16))),
    ];
    Row { name, ours: ours(&shape), peers }
}

/// Items that go through a pipeline.
const N_ITEMS: u64 = 50_000;

/// A source, a map and a sink, with room for 64 items between.
fn pipeline() -> f64 {
    let line = Pipeline::new();
    let sum = Arc::new(AtomicUsize::new(0));
    let total = sum.clone();
    line.source(Stage::named("numbers").capacity(64), 0..N_ITEMS)
        .map(Stage::named("double").capacity(64), |n| n * 2)
        .sink("sum", move |n| {
            total.fetch_add(n as usize, Ordering::Relaxed);
        });
    let started = Instant::now();
    line.run(1).expect("no stage fails");
    let elapsed = started.elapsed().as_nanos() as f64;
    assert_eq!(sum.load(Ordering::Relaxed) as u64, N_ITEMS * (N_ITEMS - 1));
    elapsed / N_ITEMS as f64
}

/// The same as three tasks and two channels of tokio's.
fn tokio_pipeline() -> f64 {
    inside::<Tokio, _>(N_ITEMS as usize, || async {
        let (numbers, mut from_numbers) = tokio::sync::mpsc::channel(64);
        let (doubles, mut from_doubles) = tokio::sync::mpsc::channel(64);
        tokio::spawn(async move {
            for n in 0..N_ITEMS {
                let _ = numbers.send(n).await;
            }
        });
        tokio::spawn(async move {
            while let Some(n) = from_numbers.recv().await {
                let _ = doubles.send(n * 2).await;
            }
        });
        let mut sum = 0;
        while let Some(n) = from_doubles.recv().await {
            sum += n;
        }
        assert_eq!(sum, N_ITEMS * (N_ITEMS - 1));
    })
}

/// Closures that a thread hands to a pool of one worker.
const N_CLOSURES: usize = 10_000;

/// A scheduler of one worker: all closures are submitted, then waited for.
fn submit() -> Sampler {
    let scheduler = Scheduler::new(1).expect("a thread");
    let count = Arc::new(AtomicUsize::new(0));
    Box::new(move || {
        count.store(0, Ordering::Relaxed);
        let started = Instant::now();
        for _ in 0..N_CLOSURES {
            let count = count.clone();
            scheduler.submit(scheduler::Task::spawn(move || {
                count.fetch_add(1, Ordering::Relaxed);
            }));
        }
        scheduler.join_all();
        let elapsed = started.elapsed().as_nanos() as f64;
        assert_eq!(count.load(Ordering::Relaxed), N_CLOSURES);
        elapsed / N_CLOSURES as f64
    })
}

/// The same with rayon's pool.
fn rayon_submit() -> Sampler {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    let count = Arc::new(AtomicUsize::new(0));
    Box::new(move || {
        count.store(0, Ordering::Relaxed);
        let started = Instant::now();
        pool.in_place_scope(|scope| {
            for _ in 0..N_CLOSURES {
                let count = count.clone();
                scope.spawn(move |_| {
                    count.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
        let elapsed = started.elapsed().as_nanos() as f64;
        assert_eq!(count.load(Ordering::Relaxed), N_CLOSURES);
        elapsed / N_CLOSURES as f64
    })
}

/// Items through the long pipeline.
const N_FIVE: u64 = 500_000;

/// Five stages on two workers: a source, three maps, a sink.
fn five_stages() -> f64 {
    let line = Pipeline::new();
    line.source("source", 0..N_FIVE)
        .map("one", |n| n + 1)
        .map("two", |n| n ^ 2)
        .map("three", |n| n * 3)
        .sink("sink", |n| {
            std::hint::black_box(n);
        });
    let started = Instant::now();
    line.run(2).expect("no stage fails");
    started.elapsed().as_nanos() as f64 / N_FIVE as f64
}

/// The same as five tasks and four channels of tokio's, with as much room.
fn tokio_five_stages() -> f64 {
    use tokio::sync::mpsc::channel;
    static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).build().expect("threads")
    });
    const ROOM: usize = 1024;
    let body = async {
        let started = Instant::now();
        let (source, mut end) = channel(ROOM);
        tokio::spawn(async move {
            for n in 0..N_FIVE {
                let _ = source.send(n).await;
            }
        });
        for change in [|n| n + 1, |n| n ^ 2, |n| n * 3] {
            let (out, next) = channel::<u64>(ROOM);
            let mut input = std::mem::replace(&mut end, next);
            tokio::spawn(async move {
                while let Some(n) = input.recv().await {
                    let _ = out.send(change(n)).await;
                }
            });
        }
        while let Some(n) = end.recv().await {
            std::hint::black_box(n);
        }
        started.elapsed()
    };
    let elapsed = RUNTIME.block_on(RUNTIME.spawn(body)).expect("no stage fails");
    elapsed.as_nanos() as f64 / N_FIVE as f64
}

/// The rows of this module.
pub fn rows() -> Vec<NamedRow> {
    vec![
        (SHAPES[0].name, || dag(0)),
        (SHAPES[1].name, || dag(1)),
        (SHAPES[2].name, || dag(2)),
        ("scheduler_submit", || {
            let peer = Peer { name: "rayon", sample: rayon_submit(), goal: Goal::AtMost(1.2) };
            Row { name: "scheduler_submit", ours: submit(), peers: vec![peer] }
        }),
        ("flow_five_stages", || {
            // One and a half times as many items.
            let goal = Goal::AtMost(0.66);
            let peer = Peer { name: "tokio mpsc", sample: Box::new(tokio_five_stages), goal };
            Row { name: "flow_five_stages", ours: Box::new(five_stages), peers: vec![peer] }
        }),
        ("flow_pipeline", || {
            let peer =
                Peer { name: "tokio mpsc", sample: Box::new(tokio_pipeline), goal: Goal::None };
            Row { name: "flow_pipeline", ours: Box::new(pipeline), peers: vec![peer] }
        }),
    ]
}

/// Nanoseconds per node of our executor, against their bound: the median of a few runs.
pub fn dag_overhead(n_runs: usize) -> Vec<Figure> {
    let figure = |Graph { name, of, n }| {
        let mut sample = ours(&Arc::new(of(n)));
        sample(); // warm up
        let runs: Vec<f64> = (0..n_runs).map(|_| sample()).collect();
        let name = format!("{name}, per node");
        Figure { name, value: median(&runs), unit: "ns", goal: Goal::AtMost(100.0) }
    };
    SHAPES.map(figure).into()
}

/// Completions that a journal acknowledges per second, of a graph as wide as it is large and of a chain.
///
/// # Panics
///
/// When the folder for temporary files cannot be written to.
pub fn journal(n: usize) -> Vec<Figure> {
    let path = std::env::temp_dir().join(format!("vitte-ratios-{}.journal", std::process::id()));
    // In a chain each task waits for the disk, so that no two share a commit.
    let shapes = [
        ("wide", Shape::of(n, std::iter::empty()), Goal::AtLeast(10_000.0)),
        ("chain", Shape::chain(n / 20), Goal::None),
    ];
    let figure = |(name, shape, goal): (&str, Shape, Goal)| {
        let (mut exec, _) = executor(&shape);
        exec.fresh_journal(&path);
        let started = Instant::now();
        exec.run_all().expect("no task fails");
        let seconds = started.elapsed().as_secs_f64();
        let _ = std::fs::remove_file(&path);
        let name = format!("journal {name}, completions");
        Figure { name, value: shape.n() as f64 / seconds, unit: "1/s", goal }
    };
    shapes.map(figure).into()
}
