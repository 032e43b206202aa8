//! How runs end: stalls, shutdown, a runtime that is dropped, calls where they may not be.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use vitte_rt::runtime::{Builder, Handle};
use vitte_rt::task::{panic_text, spawn, spawn_blocking, yield_now};
use vitte_rt::time::sleep;

use crate::{Channel, MS, each};

#[test]
fn stall_is_reported_with_the_tasks() {
    each(|rt| {
        let channel = Channel::<u8>::new(1);
        let stalled = rt
            .run(async {
                spawn(channel.recv());
                spawn(channel.recv());
                channel.recv().await
            })
            .unwrap_err();
        assert_eq!(stalled.dump.tasks.len(), 2);
        assert!(stalled.dump.tasks.iter().all(|t| t.state == "waiting"), "{}", stalled.dump);
        // It is not the end of the runtime.
        channel.close();
        assert_eq!(rt.run(async { 1 }).unwrap(), 1);
    });
}

#[test]
fn keep_alive_and_blocking_work_hold_a_stall_off() {
    for rt in [
        Builder::current_thread().build().unwrap(),
        Builder::multi_thread().workers(2).build().unwrap(),
    ] {
        let channel = Channel::new(1);
        let keep = rt.handle().keep_alive();
        let foreign = std::thread::spawn({
            let channel = channel.clone();
            move || {
                std::thread::sleep(20 * MS);
                channel.try_send(5).unwrap();
                drop(keep);
            }
        });
        assert_eq!(rt.run(channel.recv()).unwrap(), Some(5));
        foreign.join().unwrap();
        let slow = rt.run(async {
            spawn_blocking(|| {
                std::thread::sleep(20 * MS);
                6
            })
            .await
            .unwrap()
        });
        assert_eq!(slow.unwrap(), 6);
        let keep = rt.handle().keep_alive();
        std::thread::spawn(move || {
            std::thread::sleep(10 * MS);
            drop(keep);
        });
        assert!(rt.run(std::future::pending::<()>()).is_err(), "and then it is one");
    }
}

#[test]
fn shutdown_cancels_waits_and_reports() {
    let rt = Builder::multi_thread().workers(2).build().unwrap();
    let started = Channel::new(0);
    for _ in 0..100 {
        let started = started.clone();
        rt.spawn(async move {
            started.try_send(()).unwrap();
            sleep(Duration::from_hours(1)).await;
        });
    }
    rt.block_on(async {
        for _ in 0..100 {
            started.recv().await.unwrap();
        }
    });
    let report = rt.shutdown(Duration::from_secs(10));
    assert!(report.left.tasks.is_empty(), "{}", report.left);

    // One that does not stop is reported.
    let rt = Builder::multi_thread().workers(1).build().unwrap();
    let (stop, stopped) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (begun, has_begun) = std::sync::mpsc::channel();
    rt.spawn({
        let (stop, stopped) = (stop.clone(), stopped.clone());
        async move {
            begun.send(()).unwrap();
            while !stop.load(Ordering::SeqCst) {
                std::thread::sleep(MS);
            }
            stopped.store(true, Ordering::SeqCst);
        }
    });
    has_begun.recv().unwrap();
    let report = rt.shutdown(20 * MS);
    assert_eq!(report.left.tasks.len(), 1);
    assert_eq!(report.left.tasks[0].state, "running");
    stop.store(true, Ordering::SeqCst);
    while !stopped.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
}

#[test]
fn dropping_a_runtime_drops_its_futures() {
    each(|_| {});
    for build in [Builder::current_thread(), Builder::seeded(1), Builder::multi_thread().workers(2)]
    {
        let alive = Arc::new(());
        let rt = build.build().unwrap();
        for _ in 0..10 {
            let alive = alive.clone();
            rt.spawn(async move {
                std::future::pending::<()>().await;
                drop(alive);
            });
        }
        drop(rt);
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}

#[test]
fn runtime_may_be_dropped_inside_its_own_task() {
    let rt = Builder::multi_thread().workers(2).build().unwrap();
    let handle = rt.handle().clone();
    let done = Arc::new(AtomicBool::new(false));
    let flag = done.clone();
    handle.spawn(async move {
        drop(rt);
        flag.store(true, Ordering::SeqCst);
    });
    while !done.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
}

#[test]
fn block_on_inside_of_a_task_is_refused() {
    let rt = Arc::new(Builder::multi_thread().workers(1).build().unwrap());
    let inner = rt.clone();
    let error = rt.block_on(rt.spawn(async move { inner.block_on(async {}) })).unwrap_err();
    assert!(error.to_string().contains("await instead"), "{error}");
}

#[test]
fn an_entered_thread_spawns_and_may_wait() {
    each(|rt| {
        let task = {
            let _entered = rt.enter();
            assert!(Handle::current().is_same(rt.handle()));
            let sleeping = sleep(MS);
            let task = spawn(async move {
                sleeping.await;
                5
            });
            assert_eq!(Handle::current().block_on(async { 3 }), 3, "nothing runs here yet");
            task
        };
        assert!(Handle::try_current().is_none());
        assert_eq!(rt.block_on(task).unwrap(), 5);
    });
    let rt = Arc::new(Builder::multi_thread().workers(1).build().unwrap());
    let inner = rt.clone();
    let task = rt.spawn(async move {
        let _entered = inner.enter();
        inner.block_on(async {});
    });
    let error = rt.block_on(task).unwrap_err();
    assert!(error.to_string().contains("await instead"), "{error}");
}

#[test]
fn runtimes_that_are_left_in_the_wrong_order_are_told() {
    let build = || Builder::multi_thread().workers(1).build().unwrap();
    let (one, other) = (build(), build());
    let left = std::thread::spawn(move || {
        let first = one.enter();
        let second = other.enter();
        assert!(Handle::current().is_same(other.handle()));
        drop(first);
        drop(second);
    });
    let payload = left.join().unwrap_err();
    assert!(panic_text(&*payload).contains("reverse"));
}

#[test]
fn block_on_from_several_threads_at_once() {
    let rt = Arc::new(Builder::current_thread().build().unwrap());
    let threads: Vec<_> = (0..4)
        .map(|n| {
            let rt = rt.clone();
            std::thread::spawn(move || {
                rt.block_on(async move {
                    for _ in 0..20 {
                        spawn(sleep(Duration::from_micros(300))).await.unwrap();
                        yield_now().await;
                    }
                    n
                })
            })
        })
        .collect();
    for (n, thread) in threads.into_iter().enumerate() {
        assert_eq!(thread.join().unwrap(), n);
    }
}

/// What waits for a thread that is none of the runtime's, with no timer and no I/O, sleeps meanwhile.
#[test]
fn a_runtime_that_waits_for_a_foreign_thread_does_not_spin() {
    let runtimes = [
        Builder::current_thread().build().unwrap(),
        Builder::multi_thread().workers(2).build().unwrap(),
    ];
    for runtime in runtimes {
        let (tx, rx) = vitte_rt::oneshot::channel();
        let foreign = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            tx.send(()).unwrap();
        });
        let waits = runtime.spawn(rx);
        runtime.block_on(waits).unwrap().unwrap();
        foreign.join().unwrap();
        let n_parks = runtime.handle().metrics().parks;
        assert!(n_parks < 50, "{n_parks} sleeps");
    }
}
