//! The rows that are no ratios: allocations per operation, bytes per task, lateness of timers.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::counting::{counted, live_bytes};
use super::executors::{Executor, Smol, Tokio, Vitte};
use super::workloads;
use super::{Figure, Goal};

type Body = fn() -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// Allocations per operation once everything has its size; what the workload itself allocates
/// (vectors, boxes, channels) is subtracted.
fn allocs(name: &'static str, n_ops: usize, n_own: usize, body: Body) -> Figure {
    for _ in 0..3 {
        Vitte::run(body());
    }
    // The harness's own: the box of the body, and what `block_on` takes for its root.
    let (floor, ()) = counted(|| Vitte::run(Box::pin(async {})));
    let (n, ()) = counted(|| Vitte::run(body()));
    let per_op = n.saturating_sub(floor + n_own) as f64 / n_ops as f64;
    Figure {
        name: format!("allocs_per_op {name}"),
        value: per_op,
        unit: "",
        goal: Goal::AtMost(0.0),
    }
}

async fn large(n: usize) {
    let mut joins = Vec::with_capacity(n);
    for k in 0..n {
        let bytes = std::hint::black_box([k as u8; 1000]);
        joins.push(Vitte::spawn(async move {
            Vitte::yield_now().await;
            std::hint::black_box(bytes);
        }));
    }
    for join in joins {
        let _ = join.await;
    }
}

/// Allocations per operation of each workload.
pub fn allocs_per_op() -> Vec<Figure> {
    vec![
        allocs("spawn_join", 10_000, 1, || Box::pin(workloads::spawn_join::<Vitte>(10_000))),
        allocs("spawn_join 1 KiB", 1_000, 1, || Box::pin(large(1_000))),
        allocs("spawn_detach", 10_000, 4, || Box::pin(workloads::spawn_detach::<Vitte>(10_000))),
        allocs("yield_many", 20_000, 1, || Box::pin(workloads::yield_many::<Vitte>(200, 100))),
        allocs("ping_pong", 10_000, 8, || Box::pin(workloads::ping_pong::<Vitte>(10_000))),
        allocs("chained_spawn", 1_000, 1_004, || {
            Box::pin(workloads::chained_spawn::<Vitte>(1_000))
        }),
        allocs("timer_churn", 10_000, 0, || Box::pin(workloads::timer_churn::<Vitte>(10_000))),
    ]
}

/// A future of one word that never ends.
struct OneWord(#[allow(dead_code)] usize);

impl Future for OneWord {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

/// Bytes per pending task of a one-word future, and the part that is returned when all are gone.
pub fn memory(n: usize) -> Vec<Figure> {
    let (_, [before, full, after]) = counted(|| {
        let runtime =
            vitte_rt::runtime::Builder::multi_thread().workers(1).build().expect("a runtime");
        let settle = |done: &dyn Fn() -> bool| {
            while !done() {
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        let spawner = |n: usize| {
            let join = runtime.spawn(async move {
                for k in 0..n {
                    drop(vitte_rt::task::spawn(OneWord(k)));
                }
                vitte_rt::task::yield_now().await;
            });
            runtime.block_on(join).expect("ends");
        };
        let before = live_bytes();
        spawner(n);
        let handle = runtime.handle();
        settle(&|| handle.metrics().polls >= n as u64);
        let full = live_bytes();
        handle.cancel_all();
        settle(&|| handle.n_tasks() == 0);
        runtime.block_on(async { vitte_rt::time::sleep(Duration::from_millis(20)).await });
        [before, full, live_bytes()]
    });
    let bytes = (full - before) as f64;
    let figure = |name: &str, value, unit, goal| Figure { name: name.into(), value, unit, goal };
    vec![
        figure("memory per pending task", bytes / n as f64, "B", Goal::AtMost(80.0)),
        figure("memory returned", 100.0 * (full - after) as f64 / bytes, "%", Goal::AtLeast(90.0)),
    ]
}

fn lateness<E: Executor>(duration: Duration, n: usize, goals: bool) -> [Figure; 3] {
    let late = workloads::lateness::<E>(duration, n);
    let micros = |ns: i64| ns as f64 / 1000.0;
    let (goal50, goal99) =
        if goals { (Goal::AtMost(70.0), Goal::AtMost(200.0)) } else { (Goal::None, Goal::None) };
    let name = |what: &str| format!("timer_accuracy {duration:?} {what} ({})", E::NAME);
    [
        Figure { name: name("p50"), value: micros(late[n / 2]), unit: "µs", goal: goal50 },
        Figure { name: name("p99"), value: micros(late[n * 99 / 100]), unit: "µs", goal: goal99 },
        Figure {
            name: name("earliest"),
            value: micros(late[0]),
            unit: "µs",
            goal: if goals { Goal::AtLeast(0.0) } else { Goal::None },
        },
    ]
}

/// How late sleeps are, by duration, ours and the peers'.
pub fn timer_accuracy(n: usize) -> Vec<Figure> {
    let mut figures = Vec::new();
    for micros in [100, 1_000, 10_000] {
        let duration = Duration::from_micros(micros);
        figures.extend(lateness::<Vitte>(duration, n, true));
        figures.extend(lateness::<Tokio>(duration, n, false));
        figures.extend(lateness::<Smol>(duration, n, false));
    }
    figures
}
