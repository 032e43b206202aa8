//! Wakes, storms, unfair pairs, huge futures, policies.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use vitte_rt::channel::mpmc::bounded;
use vitte_rt::runtime::{Builder, Policy};
use vitte_rt::task::{self, Class, spawn, yield_now};

use crate::{Guard, amount, real_runtimes};

#[test]
fn wake_raced_against_park_is_not_lost() {
    let n_rounds = amount(100, 4_000_000) as u64;
    for runtime in real_runtimes() {
        let place = Arc::new((AtomicU64::new(0), AtomicU64::new(0), Mutex::new(None::<Waker>)));
        let waits = runtime.spawn({
            let place = place.clone();
            poll_fn(move |cx| {
                *place.2.lock().unwrap() = Some(cx.waker().clone());
                let sent = place.0.load(Ordering::SeqCst);
                place.1.store(sent, Ordering::SeqCst);
                if sent == n_rounds { Poll::Ready(()) } else { Poll::Pending }
            })
        });
        let foreign = std::thread::spawn(move || {
            for round in 1..=n_rounds {
                place.0.store(round, Ordering::SeqCst);
                let waker = place.2.lock().unwrap().clone();
                waker.into_iter().for_each(Waker::wake);
                while place.1.load(Ordering::SeqCst) < round {
                    // The task may not have left its first waker yet.
                    std::thread::yield_now();
                }
            }
        });
        runtime.block_on(waits).unwrap();
        foreign.join().unwrap();
    }
}

#[test]
fn abort_storm_drops_everything_once() {
    let n = amount(20_000, 100_000);
    for runtime in real_runtimes() {
        let n_drops = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..n)
            .map(|_| {
                let guard = Guard(n_drops.clone());
                runtime.spawn(async move {
                    let _guard = guard;
                    std::future::pending::<()>().await;
                })
            })
            .collect();
        // Some waiting, some not begun.
        let storm = std::thread::spawn(move || {
            for task in &tasks {
                task.abort();
            }
            tasks
        });
        let tasks = storm.join().unwrap();
        runtime.block_on(async {
            for task in tasks {
                assert!(task.await.unwrap_err().is_cancelled());
            }
        });
        assert_eq!(n_drops.load(Ordering::SeqCst), n);
        assert_eq!(runtime.handle().n_tasks(), 0);
    }
}

#[test]
fn abort_and_wait_waits_for_the_drop() {
    for runtime in real_runtimes() {
        let n_drops = Arc::new(AtomicUsize::new(0));
        let guard = Guard(n_drops.clone());
        runtime.block_on(async {
            let task = spawn(async move {
                let _guard = guard;
                std::future::pending::<()>().await;
            });
            yield_now().await;
            assert!(task.abort_and_wait().await.unwrap_err().is_cancelled());
            assert_eq!(n_drops.load(Ordering::SeqCst), 1);
        });
    }
}

#[test]
fn pair_that_wakes_each_other_does_not_starve_the_rest() {
    for runtime in real_runtimes() {
        runtime.block_on(async {
            let stop = Arc::new(AtomicBool::new(false));
            let (there, there_end) = bounded(1);
            let (back, back_end) = bounded(1);
            let first = there.clone();
            let pair = [(there_end, back), (back_end, there)].map(|(from, to)| {
                let stop = stop.clone();
                spawn(async move {
                    while let Ok(n) = from.recv().await {
                        if stop.load(Ordering::SeqCst) || to.send(n).await.is_err() {
                            break;
                        }
                    }
                    from.close();
                    to.close();
                })
            });
            first.send(0).await.unwrap();
            let plain: Vec<_> = (0..1000)
                .map(|_| {
                    spawn(async {
                        for _ in 0..5 {
                            yield_now().await;
                        }
                    })
                })
                .collect();
            for task in plain {
                task.await.unwrap();
            }
            stop.store(true, Ordering::SeqCst);
            for task in pair {
                task.await.unwrap();
            }
        });
    }
}

#[test]
fn a_million_wakes_are_one_run() {
    let runtime = Builder::current_thread().build().unwrap();
    let (n_polls, place) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(None)));
    let waits = runtime.spawn({
        let (n_polls, place) = (n_polls.clone(), place.clone());
        poll_fn(move |cx| {
            *place.lock().unwrap() = Some(cx.waker().clone());
            n_polls.fetch_add(1, Ordering::SeqCst);
            Poll::<()>::Pending
        })
    });
    runtime.block_on(async {
        for _ in 0..3 {
            yield_now().await;
        }
    });
    assert_eq!(n_polls.load(Ordering::SeqCst), 1);
    let waker: Waker = place.lock().unwrap().clone().unwrap();
    for _ in 0..1_000_000 {
        waker.wake_by_ref();
    }
    runtime.block_on(async {
        for _ in 0..10 {
            yield_now().await;
        }
    });
    assert_eq!(n_polls.load(Ordering::SeqCst), 2);
    waits.abort();
}

/// A future of its size and alignment that suspends once.
#[repr(align(8192))]
struct Large<const N: usize>([u8; N], bool);

impl<const N: usize> Future for Large<N> {
    type Output = (usize, u64);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if !std::mem::replace(&mut self.1, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let address = std::ptr::from_ref(&*self).addr();
        Poll::Ready((address, self.0.iter().map(|&b| u64::from(b)).sum()))
    }
}

#[test]
fn future_of_a_mebibyte_and_one_of_strict_alignment_work() {
    // Unoptimised, the way of a value to the heap has a copy per call.
    let body = || {
        for runtime in real_runtimes() {
            let large = runtime.spawn(Large([7; 1 << 20], false));
            let small = runtime.spawn(Large([3; 1], false));
            let (address, sum) = runtime.block_on(large).unwrap();
            assert_eq!((address % 8192, sum), (0, 7 << 20));
            let (address, sum) = runtime.block_on(small).unwrap();
            assert_eq!((address % 8192, sum), (0, 3));
        }
    };
    std::thread::Builder::new().stack_size(64 << 20).spawn(body).unwrap().join().unwrap();
}

#[test]
fn zero_workers_are_an_error() {
    for builder in [Builder::multi_thread(), Builder::seeded(1)] {
        let error = builder.workers(0).build().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    }
}

/// Runs tasks of these classes on one worker, queued in this order; the order of their runs.
fn order(policy: Policy, classes: &[Class], n_runs: usize) -> Vec<usize> {
    let runtime = Builder::current_thread().policy(policy).build().unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    for (n, &class) in classes.iter().enumerate() {
        let order = order.clone();
        drop(task::Builder::new().class(class).spawn_on(runtime.handle(), async move {
            for _ in 0..n_runs {
                order.lock().unwrap().push(n);
                yield_now().await;
            }
        }));
    }
    let handle = runtime.handle().clone();
    runtime.block_on(async {
        while handle.n_tasks() > 0 {
            yield_now().await;
        }
    });
    Arc::into_inner(order).unwrap().into_inner().unwrap()
}

#[test]
fn policies_order_as_they_say() {
    let plain = [Class::default(); 3];
    assert_eq!(order(Policy::Fifo, &plain, 2), [0, 1, 2, 0, 1, 2]);
    assert_eq!(order(Policy::Lifo, &plain, 2), [2, 2, 1, 1, 0, 0]);
    let urgent = [7, 0, 3].map(|priority| Class { priority, ..Class::default() });
    assert_eq!(order(Policy::Priority, &urgent, 2), [1, 1, 2, 2, 0, 0]);
    // The least urgent gets a turn in a hundred turns of the most urgent.
    let pair = [7, 0].map(|priority| Class { priority, ..Class::default() });
    let runs = order(Policy::Priority, &pair, 100);
    assert!(runs[..100].contains(&0), "aging");
    // Three shares beside one: three turns beside one.
    let shares =
        [(1, 1), (2, 3)].map(|(group, shares)| Class { group, shares, ..Class::default() });
    let runs = order(Policy::Fair, &shares, 400);
    let n_first = runs[..400].iter().filter(|&&n| n == 0).count();
    assert!((90..=110).contains(&n_first), "{n_first} of 400");
}

#[test]
fn fault_18_a_waker_outlives_its_task_and_its_runtime() {
    for runtime in real_runtimes() {
        let place = Arc::new(Mutex::new(None::<Waker>));
        let task = runtime.spawn({
            let place = place.clone();
            poll_fn(move |cx| {
                *place.lock().unwrap() = Some(cx.waker().clone());
                Poll::Ready(7)
            })
        });
        assert_eq!(runtime.block_on(task).unwrap(), 7);
        let waker = place.lock().unwrap().take().unwrap();
        // Cells are used again; the waker names a task that is over and not the next one in its place.
        let n_polls = Arc::new(AtomicUsize::new(0));
        let next = runtime.spawn({
            let n_polls = n_polls.clone();
            poll_fn(move |_| {
                n_polls.fetch_add(1, Ordering::SeqCst);
                Poll::<()>::Pending
            })
        });
        while n_polls.load(Ordering::SeqCst) == 0 {
            runtime.block_on(yield_now());
        }
        waker.wake_by_ref();
        runtime.block_on(async {
            for _ in 0..20 {
                yield_now().await;
            }
        });
        assert_eq!(n_polls.load(Ordering::SeqCst), 1);
        assert!(runtime.block_on(next.abort_and_wait()).unwrap_err().is_cancelled());
        drop(runtime);
        waker.wake_by_ref();
        drop(waker.clone());
        waker.wake();
    }
}
