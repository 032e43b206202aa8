//! The workloads, each written once for every [`Executor`]. All answer nanoseconds per operation,
//! measured inside of a task unless the name says otherwise.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use super::executors::Executor;

fn per_op(started: Instant, n: usize) -> f64 {
    started.elapsed().as_nanos() as f64 / n as f64
}

/// Spawns `n` empty tasks and awaits all.
pub async fn spawn_join<E: Executor>(n: usize) {
    let mut joins = Vec::with_capacity(n);
    for _ in 0..n {
        joins.push(E::spawn(async {}));
    }
    for join in joins {
        join.await;
    }
}

/// Spawns `n` tasks that decrement a counter, and waits for the last.
pub async fn spawn_detach<E: Executor>(n: usize) {
    let left = Arc::new(AtomicUsize::new(n));
    let (sender, mut receiver) = E::channel(1);
    let sender = Arc::new(sender);
    for _ in 0..n {
        let (left, sender) = (left.clone(), sender.clone());
        E::detach(E::spawn(async move {
            if left.fetch_sub(1, Ordering::Relaxed) == 1 {
                E::send(&sender, 0).await;
            }
        }));
    }
    E::receive(&mut receiver).await;
}

/// `n_tasks` tasks yield `n_yields` times each.
pub async fn yield_many<E: Executor>(n_tasks: usize, n_yields: usize) {
    let mut joins = Vec::with_capacity(n_tasks);
    for _ in 0..n_tasks {
        joins.push(E::spawn(async move {
            for _ in 0..n_yields {
                E::yield_now().await;
            }
        }));
    }
    for join in joins {
        join.await;
    }
}

/// Two tasks and two channels of capacity 1, `n` round trips.
pub async fn ping_pong<E: Executor>(n: usize) {
    let (there, mut there_end) = E::channel(1);
    let (back, mut back_end) = E::channel(1);
    let echo = E::spawn(async move {
        while let Some(k) = E::receive(&mut there_end).await {
            E::send(&back, k).await;
            if k == 0 {
                break;
            }
        }
    });
    let ping = E::spawn(async move {
        for k in (0..n as u32).rev() {
            E::send(&there, k).await;
            E::receive(&mut back_end).await;
        }
    });
    ping.await;
    echo.await;
}

fn link<E: Executor>(depth: usize, done: E::Sender) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        if depth == 0 {
            E::send(&done, 0).await;
        } else {
            E::detach(E::spawn(chained::<E>(depth - 1, done)));
        }
    })
}

/// Each task spawns the next; the boxes are the same for all runtimes.
fn chained<E: Executor>(depth: usize, done: E::Sender) -> impl Future<Output = ()> + Send {
    link::<E>(depth, done)
}

/// A chain of tasks, each spawned by the one before.
pub async fn chained_spawn<E: Executor>(depth: usize) {
    let (done, mut end) = E::channel(1);
    E::detach(E::spawn(chained::<E>(depth, done)));
    E::receive(&mut end).await;
}

/// Samples a workload of `n` operations inside of a task.
pub fn inside<E, F>(n: usize, workload: impl Fn() -> F) -> f64
where
    E: Executor,
    F: Future<Output = ()> + Send + 'static,
{
    let body = workload();
    E::run(async move {
        let started = Instant::now();
        body.await;
        per_op(started, n)
    })
}

/// Spawns `n` empty tasks from this thread, which is no worker, and awaits all.
pub fn remote_spawn<E: Executor>(n: usize) -> f64 {
    let mut joins = Vec::with_capacity(n);
    let started = Instant::now();
    for _ in 0..n {
        joins.push(E::spawn_remote(async {}));
    }
    E::block_on(async move {
        for join in joins {
            join.await;
        }
    });
    per_op(started, n)
}

/// Timers that are armed and stay so until dropped.
pub fn armed<E: Executor>(n: usize) -> Vec<Pin<Box<E::Sleep>>> {
    E::run(async move {
        let mut armed = Vec::with_capacity(n);
        for k in 0..n as u64 {
            let mut sleep = Box::pin(E::sleep(Duration::from_millis(3_600_000 + k % 1000 * 7)));
            poll_fn(|cx| {
                let _ = sleep.as_mut().poll(cx);
                Poll::Ready(())
            })
            .await;
            armed.push(sleep);
        }
        armed
    })
}

/// Registers and cancels a timer `n` times.
pub async fn timer_churn<E: Executor>(n: usize) {
    for k in 0..n as u64 {
        let mut sleep = pin!(E::sleep(Duration::from_micros(10_000_000 + k % 100 * 1000)));
        poll_fn(|cx| {
            let _ = sleep.as_mut().poll(cx);
            Poll::Ready(())
        })
        .await;
    }
}

/// Sleeps `n` times for `duration`; how late each was in nanoseconds, sorted (negative: early).
pub fn lateness<E: Executor>(duration: Duration, n: usize) -> Vec<i64> {
    E::run(async move {
        let mut late = Vec::with_capacity(n);
        for _ in 0..n {
            let started = Instant::now();
            E::sleep(duration).await;
            late.push(started.elapsed().as_nanos() as i64 - duration.as_nanos() as i64);
        }
        late.sort_unstable();
        late
    })
}
