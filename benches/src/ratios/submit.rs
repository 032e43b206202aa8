//! The rows of the scheduler as a library: empty closures, beside rayon's.

use std::sync::LazyLock;
use std::time::Instant;

use rayon::ThreadPool;
use vitte_rt::scheduler::{Scheduler, Task};

use super::rows::NamedRow;
use super::{Goal, Peer, Row};

/// Threads of both.
const N_WORKERS: usize = 2;
/// Closures per sample.
const N: usize = 100_000;

fn rayon() -> &'static ThreadPool {
    static POOL: LazyLock<ThreadPool> = LazyLock::new(|| {
        rayon::ThreadPoolBuilder::new().num_threads(N_WORKERS).build().expect("threads")
    });
    &POOL
}

fn per_op(started: Instant) -> f64 {
    started.elapsed().as_nanos() as f64 / N as f64
}

/// Submits from a thread that is no worker, and waits for all.
fn outside() -> Row {
    let sched = Scheduler::new(N_WORKERS).expect("threads");
    let ours = move || {
        let started = Instant::now();
        for _ in 0..N {
            sched.submit(Task::spawn(|| ()));
        }
        sched.join_all();
        per_op(started)
    };
    let peer = || {
        let started = Instant::now();
        rayon().in_place_scope(|scope| (0..N).for_each(|_| scope.spawn(|_| ())));
        per_op(started)
    };
    let peer = Peer { name: "rayon", sample: Box::new(peer), goal: Goal::AtMost(1.2) };
    Row { name: "submit outside", ours: Box::new(ours), peers: vec![peer] }
}

/// Submits from a worker.
fn inside() -> Row {
    let sched = Scheduler::new(N_WORKERS).expect("threads");
    let ours = move || {
        let submitter = sched.submitter().clone();
        let started = Instant::now();
        sched.submit(Task::spawn(move || {
            for _ in 0..N {
                submitter.submit(Task::spawn(|| ()));
            }
        }));
        sched.join_all();
        per_op(started)
    };
    let peer = || {
        let started = Instant::now();
        rayon().scope(|scope| (0..N).for_each(|_| scope.spawn(|_| ())));
        per_op(started)
    };
    let peer = Peer { name: "rayon", sample: Box::new(peer), goal: Goal::AtMost(1.2) };
    Row { name: "submit inside", ours: Box::new(ours), peers: vec![peer] }
}

/// The rows.
pub fn rows() -> Vec<NamedRow> {
    vec![("submit outside", outside), ("submit inside", inside)]
}
