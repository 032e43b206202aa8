//! The rows over time: workload, size, peers, goals.

use super::executors::{Executor, Smol, Tokio, Vitte};
use super::workloads::{self, inside};
use super::{Goal, Peer, Row, Sampler};

/// A row of one workload on all three runtimes; a goal of `None` leaves the peer as information.
macro_rules! row {
    ($name:literal, tokio $tokio:expr, smol $smol:expr, |$E:ident| $sample:expr) => {{
        fn sampler<$E: Executor>() -> Sampler {
            Box::new($sample)
        }
        let build: fn() -> Row = || Row {
            name: $name,
            ours: sampler::<Vitte>(),
            peers: vec![
                Peer { name: Tokio::NAME, sample: sampler::<Tokio>(), goal: $tokio },
                Peer { name: Smol::NAME, sample: sampler::<Smol>(), goal: $smol },
            ],
        };
        ($name, build)
    }};
}

/// A sampler of timer churn beside `n` armed timers.
fn churn<E: Executor>(n: usize) -> Sampler {
    let mut armed = Vec::new();
    Box::new(move || {
        if armed.len() < n {
            armed = workloads::armed::<E>(n);
        }
        inside::<E, _>(5_000, || workloads::timer_churn::<E>(5_000))
    })
}

/// A row and how to set it up.
pub type NamedRow = (&'static str, fn() -> Row);

/// All rows over time.
pub fn rows() -> Vec<NamedRow> {
    use Goal::{AtMost, None};
    let mut rows: Vec<NamedRow> = vec![
        row!("spawn_join", tokio AtMost(0.20), smol AtMost(0.70), |E| || {
            inside::<E, _>(10_000, || workloads::spawn_join::<E>(10_000))
        }),
        row!("spawn_detach", tokio AtMost(0.25), smol None, |E| || {
            inside::<E, _>(50_000, || workloads::spawn_detach::<E>(50_000))
        }),
        row!("yield_many", tokio AtMost(0.50), smol AtMost(0.45), |E| || {
            inside::<E, _>(200 * 200, || workloads::yield_many::<E>(200, 200))
        }),
        row!("ping_pong", tokio AtMost(0.55), smol AtMost(0.36), |E| || {
            inside::<E, _>(10_000, || workloads::ping_pong::<E>(10_000))
        }),
        row!("chained_spawn", tokio AtMost(0.35), smol None, |E| || {
            inside::<E, _>(1_000, || workloads::chained_spawn::<E>(1_000))
        }),
        row!("remote_spawn", tokio AtMost(0.60), smol None, |E| || {
            workloads::remote_spawn::<E>(10_000)
        }),
        row!("timer_churn 0", tokio AtMost(0.40), smol AtMost(0.40), |E| churn::<E>(0)),
        row!("timer_churn 10k", tokio AtMost(0.40), smol AtMost(0.40), |E| churn::<E>(10_000)),
        row!("timer_churn 1M", tokio AtMost(0.40), smol AtMost(0.40), |E| churn::<E>(1_000_000)),
        ("deterministic spawn_join", || {
            seeded("deterministic spawn_join", || Box::pin(workloads::spawn_join::<Vitte>(2_000)))
        }),
        ("deterministic yield_many", || {
            seeded("deterministic yield_many", || Box::pin(workloads::yield_many::<Vitte>(20, 100)))
        }),
        ("deterministic ping_pong", || {
            seeded("deterministic ping_pong", || Box::pin(workloads::ping_pong::<Vitte>(2_000)))
        }),
    ];
    rows.extend(super::sync::rows());
    rows.extend(super::submit::rows());
    rows.extend(super::net::rows());
    rows.extend(super::graphs::rows());
    rows
}

type Body = fn() -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// A seeded runtime of one worker beside a real one.
fn seeded(name: &'static str, body: Body) -> Row {
    let timed = move || async move {
        let started = std::time::Instant::now();
        body().await;
        started.elapsed().as_nanos() as f64 / 2_000.0
    };
    let runtime = vitte_rt::runtime::Builder::seeded(1).workers(1).build().expect("a runtime");
    let ours = move || {
        runtime.block_on(async move { vitte_rt::task::spawn(timed()).await.expect("ends") })
    };
    let real = move || Vitte::run(timed());
    let peer = Peer { name: "one worker", sample: Box::new(real), goal: Goal::AtMost(3.0) };
    Row { name, ours: Box::new(ours), peers: vec![peer] }
}
