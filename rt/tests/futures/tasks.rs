//! One task or a few: their outputs, aborts, panics, wake-ups and sleeps.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use vitte_rt::channel::mpmc::TryRecvError;
use vitte_rt::runtime::{Builder, Handle};
use vitte_rt::task::{JoinSet, spawn, spawn_blocking, yield_now};
use vitte_rt::time::{self, Elapsed, sleep, timeout, timeout_at};

use crate::{Channel, MS, each};

#[test]
fn spawned_tasks_give_their_outputs() {
    each(|rt| {
        let sum = rt.block_on(async {
            let handles: Vec<_> = (0..1000u64).map(|n| spawn(async move { n * 2 })).collect();
            let mut sum = 0;
            for handle in handles {
                sum += handle.await.unwrap();
            }
            sum
        });
        assert_eq!(sum, 999_000);
        assert_eq!(rt.handle().n_tasks(), 0);
    });
}

#[test]
fn abort_drops_the_future_once_and_says_cancelled() {
    struct Guard(Arc<AtomicUsize>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    each(|rt| {
        let n_drops = Arc::new(AtomicUsize::new(0));
        let guard = Guard(n_drops.clone());
        rt.block_on(async {
            let task = spawn(async move {
                let _guard = guard;
                std::future::pending::<()>().await;
            });
            sleep(MS).await;
            task.abort();
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
        });
        assert_eq!(n_drops.load(Ordering::SeqCst), 1);
        // Before the start; after the end.
        rt.block_on(async {
            let task = spawn(async { 5 });
            while !task.is_finished() {
                yield_now().await;
            }
            task.abort();
            assert_eq!(task.await.unwrap(), 5);
        });
    });
}

#[test]
fn panic_stays_in_its_task() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(std::thread::panicking(), "drop panics");
        }
    }
    each(|rt| {
        rt.block_on(async {
            let error =
                spawn(async { panic!("poll {}", std::hint::black_box(1)) }).await.unwrap_err();
            assert!(error.is_panic());
            assert!(error.to_string().ends_with("panicked: poll 1"), "{error}");
            assert_eq!(*error.try_into_panic().unwrap().downcast::<String>().unwrap(), "poll 1");
            // A panic in the drop of the future, after it was ready.
            struct Ready(#[allow(dead_code)] Bomb);
            impl Future for Ready {
                type Output = u32;
                fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u32> {
                    Poll::Ready(1)
                }
            }
            assert!(spawn(Ready(Bomb)).await.unwrap_err().is_panic());
            // A panic in the drop of an output that nobody wants, and of blocking work.
            drop(spawn(async { Bomb }));
            let error = spawn_blocking(|| panic!("blocking")).await.unwrap_err();
            assert!(error.is_panic());
            assert_eq!(spawn(async { 3 }).await.unwrap(), 3);
        });
    });
}

#[test]
fn self_waking_task_does_not_starve_others() {
    each(|rt| {
        let stop = Arc::new(AtomicBool::new(false));
        let busy = rt.spawn({
            let stop = stop.clone();
            poll_fn(move |cx| {
                if stop.load(Ordering::SeqCst) {
                    return Poll::Ready(());
                }
                for _ in 0..10 {
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            })
        });
        rt.block_on(async {
            let others: Vec<_> = (0..50).map(|_| spawn(sleep(MS))).collect();
            for other in others {
                other.await.unwrap();
            }
            stop.store(true, Ordering::SeqCst);
            busy.await.unwrap();
        });
    });
}

#[test]
fn wakes_from_foreign_threads_are_not_lost() {
    for rt in [
        Builder::current_thread().build().unwrap(),
        Builder::multi_thread().workers(2).build().unwrap(),
    ] {
        let n_rounds = 400;
        let (there, back) = (Channel::new(1), Channel::new(1));
        let echo = rt.spawn({
            let (there, back) = (there.clone(), back.clone());
            async move {
                while let Some(n) = there.recv().await {
                    back.try_send(n).unwrap();
                }
            }
        });
        let foreign = std::thread::spawn(move || {
            for n in 0..n_rounds {
                there.try_send(n).unwrap();
                loop {
                    match back.try_recv() {
                        Ok(m) => break assert_eq!(m, n),
                        Err(TryRecvError::Empty) => std::thread::yield_now(),
                        Err(TryRecvError::Closed) => unreachable!(),
                    }
                }
            }
            there.close();
        });
        rt.block_on(echo).unwrap();
        foreign.join().unwrap();
    }
}

#[test]
fn sleeps_are_never_early_and_in_order() {
    each(|rt| {
        let virtual_time = rt.handle().is_virtual();
        rt.block_on(async {
            let order = Channel::new(0);
            let mut tasks = Vec::new();
            for n in 0..40u64 {
                let order = order.clone();
                let micros = (n * 7919) % 20_000;
                tasks.push(spawn(async move {
                    let before = Handle::current().now_ns();
                    let started = Instant::now();
                    sleep(Duration::from_micros(micros)).await;
                    let clock = Handle::current().now_ns() - before;
                    assert!(clock >= micros * 1000, "{clock} < {micros} µs");
                    assert!(virtual_time || started.elapsed() >= Duration::from_micros(micros));
                    order.try_send((micros, before)).unwrap();
                }));
            }
            for task in tasks {
                task.await.unwrap();
            }
            if virtual_time {
                let ends: Vec<u64> =
                    std::iter::from_fn(|| order.try_recv().ok()).map(|(m, b)| m + b).collect();
                assert!(ends.is_sorted(), "{ends:?}");
            }
        });
    });
}

#[test]
fn virtual_time_costs_nothing_and_is_exact() {
    let rt = Builder::seeded(0).build().unwrap();
    rt.block_on(async {
        sleep(Duration::from_hours(24)).await;
        assert_eq!(Handle::current().now_ns(), 86_400_000_000_000);
        // A task that never waits does not hold the clock for ever.
        let timer = spawn(sleep(MS));
        while !timer.is_finished() {
            yield_now().await;
        }
    });
}

/// More ends at once than a run has budget for.
#[test]
fn a_set_of_a_thousand_ended_tasks_is_joined() {
    each(|rt| {
        let joined = rt.block_on(rt.spawn(async {
            let mut set: JoinSet<usize> = (0..1000).map(|n| async move { n }).collect();
            while !set.is_empty() && Handle::current().n_tasks() > 1 {
                yield_now().await;
            }
            let mut sum = set.join_next().await.unwrap().unwrap();
            while let Some(n) = set.join_next().await {
                sum += n.unwrap();
            }
            sum
        }));
        assert_eq!(joined.unwrap(), 499_500);
    });
}

#[test]
fn sleeps_count_from_where_they_are_made() {
    let runtime = Builder::seeded(3).build().unwrap();
    let outside = sleep(5 * MS);
    runtime.block_on(async move {
        let start = time::Instant::now();
        let (one, two) = (sleep(MS), sleep(2 * MS));
        let limited = timeout(3 * MS, sleep(10 * MS));
        assert_eq!((two.deadline(), two.is_elapsed()), (start + 2 * MS, false));
        one.await;
        two.await;
        assert_eq!(start.elapsed(), 2 * MS, "the second began with the first");
        assert_eq!(limited.await, Err(Elapsed));
        assert_eq!(start.elapsed(), 3 * MS);
        let late = sleep(MS);
        sleep(2 * MS).await;
        assert!(late.is_elapsed());
        late.await;
        assert_eq!(start.elapsed(), 5 * MS);
        outside.await;
        assert_eq!(start.elapsed(), 10 * MS, "from its first poll");
        assert!(timeout_at(start, std::future::pending::<()>()).await.is_err());
        assert_eq!(timeout_at(start, async { 1 }).await, Ok(1), "what is ready wins");
    });
    // Made in one runtime, awaited in another, whose clock has nothing to do with the first one's.
    let other = Builder::seeded(4).build().unwrap();
    runtime.block_on(sleep(1000 * MS));
    let made = {
        let _entered = runtime.enter();
        sleep(MS)
    };
    other.block_on(async move {
        let start = time::Instant::now();
        made.await;
        assert_eq!(start.elapsed(), MS);
    });
}

/// Resets a sleep while a task waits for it; false if the first deadline came before that.
async fn reset_in_time(first: Duration, second: Duration) -> bool {
    let deadline = time::Instant::now() + second;
    let shared = Arc::new(Mutex::new(Box::pin(sleep(first))));
    let waits = spawn({
        let shared = shared.clone();
        poll_fn(move |cx| shared.lock().unwrap().as_mut().poll(cx))
    });
    yield_now().await;
    {
        // The task polls under the lock: it has not seen an end that we do not see.
        let mut sleep = shared.lock().unwrap();
        if sleep.is_elapsed() {
            return false;
        }
        sleep.as_mut().reset(deadline);
    }
    waits.await.unwrap();
    assert!(time::Instant::now() >= deadline);
    let mut again = shared.lock().unwrap();
    assert!(again.is_elapsed() && again.deadline() == deadline);
    again.as_mut().reset(deadline + 3_600_000 * MS);
    assert!(!again.is_elapsed());
    true
}

#[test]
fn a_sleep_that_is_reset_wakes_who_waits_for_it() {
    each(|rt| {
        rt.block_on(async {
            for (first, second) in [(3_600_000, 2), (2, 4)] {
                while !reset_in_time(first * MS, second * MS).await {}
            }
        });
    });
}

#[test]
fn timeout_gives_the_value_or_elapsed_and_drops_the_loser() {
    each(|rt| {
        rt.block_on(async {
            assert_eq!(timeout(50 * MS, async { 1 }).await, Ok(1));
            let channel = Channel::<u32>::new(1);
            assert_eq!(timeout(2 * MS, channel.recv()).await, Err(Elapsed));
            channel.try_send(4).unwrap();
            assert_eq!(channel.try_recv(), Ok(4), "the dropped receive took nothing");
        });
    });
}
