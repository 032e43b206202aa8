//! The end of a runtime: staged, at any moment, from anywhere. Faults 8, 9 and 16 of the list in
//! issue 3.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use vitte_rt::channel::mpmc;
use vitte_rt::env::{Choice, Env, SeededEnv};
use vitte_rt::runtime::{Builder, Handle, Runtime};
use vitte_rt::shutdown::ShutdownStages;
use vitte_rt::task::{spawn, spawn_blocking, yield_now};
use vitte_rt::time::{sleep, timeout};

const MS: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(30);

/// Seeds of fault 8.
const N_SEEDS: u64 = if cfg!(feature = "stress") { 10_000 } else { 400 };

/// Counts what is alive.
struct Guard(Arc<AtomicUsize>);

impl Guard {
    fn new(alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, Ordering::SeqCst);
        Guard(alive.clone())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Whether no guard is left. A thread for blocking work may hold one for a moment after the runtime's end.
fn all_gone(alive: &AtomicUsize) -> bool {
    (0..30_000).any(|_| {
        let gone = alive.load(Ordering::SeqCst) == 0;
        if !gone {
            std::thread::sleep(MS);
        }
        gone
    })
}

/// Starts tasks that do a bit of everything, without end.
fn busy(runtime: &Runtime, alive: &Arc<AtomicUsize>) {
    let (sender, receiver) = mpmc::bounded(2);
    for n in 0..4u32 {
        let (guard, sender) = (Guard::new(alive), sender.clone());
        runtime.spawn(async move {
            let _guard = guard;
            while sender.send(n).await.is_ok() {
                sleep(MS * (n + 1)).await;
            }
        });
        let (guard, receiver, alive) = (Guard::new(alive), receiver.clone(), alive.clone());
        runtime.spawn(async move {
            let _guard = guard;
            loop {
                let _ = timeout(MS, receiver.recv()).await;
                let inner = Guard::new(&alive);
                let child = spawn(async move {
                    yield_now().await;
                    drop(inner);
                });
                if Handle::current().choose(2) == 0 {
                    child.abort();
                }
                let _ = child.await;
                let inner = Guard::new(&alive);
                let _ = spawn_blocking(move || drop(inner)).await;
            }
        });
    }
}

#[test]
fn fault_8_shutdown_at_a_random_point() {
    for seed in 0..N_SEEDS {
        let choice = SeededEnv::new(seed, None);
        let alive = Arc::new(AtomicUsize::new(0));
        let runtime = Builder::seeded(seed).workers(1 + choice.choose(3, Choice::Program) as usize);
        let runtime = runtime.build().unwrap();
        busy(&runtime, &alive);
        let micros = choice.choose(20_000, Choice::Program);
        runtime.block_on(sleep(Duration::from_micros(u64::from(micros))));
        let report = match choice.choose(3, Choice::Program) {
            0 => runtime.shutdown(LONG),
            1 => runtime.shutdown_in_stages(ShutdownStages { grace: MS, cancel: LONG }),
            _ => {
                drop(runtime);
                assert_eq!(alive.load(Ordering::SeqCst), 0, "seed {seed}");
                continue;
            }
        };
        assert!(report.left.tasks.is_empty(), "seed {seed}: {report}");
        assert_eq!(alive.load(Ordering::SeqCst), 0, "seed {seed}");
    }
}

#[test]
fn fault_8_shutdown_of_threads_at_a_random_point() {
    for seed in 0..N_SEEDS / 20 {
        let choice = SeededEnv::new(seed, None);
        let alive = Arc::new(AtomicUsize::new(0));
        let runtime = Builder::multi_thread().workers(2).build().unwrap();
        busy(&runtime, &alive);
        // A yield may take as long as everybody else on a loaded machine wants: few of them.
        for _ in 0..choice.choose(8, Choice::Program) {
            std::thread::yield_now();
        }
        for _ in 0..choice.choose(100_000, Choice::Program) {
            std::hint::spin_loop();
        }
        let report = runtime.shutdown(LONG);
        assert!(report.left.tasks.is_empty(), "seed {seed}: {report}");
        assert!(all_gone(&alive), "seed {seed}");
    }
}

#[test]
fn fault_9_dropped_inside_of_its_own_task() {
    for builder in [Builder::multi_thread().workers(2), Builder::multi_thread().workers(1)] {
        let alive = Arc::new(AtomicUsize::new(0));
        let runtime = Arc::new(builder.build().unwrap());
        busy(&runtime, &alive);
        let (inside, outside) = std::sync::mpsc::channel();
        let own = runtime.clone();
        runtime.spawn(async move {
            while Arc::strong_count(&own) > 1 {
                yield_now().await;
            }
            drop(own); // the last reference: the runtime ends around us
            inside.send(Handle::try_current().is_some()).unwrap();
            std::future::pending::<()>().await;
        });
        let handle = runtime.handle().clone();
        drop(runtime);
        assert_eq!(outside.recv(), Ok(true), "the task itself ran on");
        // Nothing new can be started, and says so by its join handle.
        let late = handle.spawn(async {});
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        drop(std::pin::pin!(late).as_mut().poll(&mut cx));
    }
}

#[test]
fn fault_9_dropped_by_a_foreign_thread_and_twice() {
    let alive = Arc::new(AtomicUsize::new(0));
    let runtime = Builder::multi_thread().workers(2).build().unwrap();
    busy(&runtime, &alive);
    let handle = runtime.handle().clone();
    std::thread::spawn(move || drop(runtime)).join().unwrap();
    assert_eq!(handle.n_tasks(), 0);
    assert!(all_gone(&alive));
    // A second end through another path: a task holds the runtime that holds the task.
    for builder in [Builder::multi_thread(), Builder::current_thread(), Builder::seeded(1)] {
        let runtime = Arc::new(builder.build().unwrap());
        let own = runtime.clone();
        runtime.spawn(async move {
            let _own = own;
            std::future::pending::<()>().await;
        });
        let handle = runtime.handle().clone();
        handle.cancel_all();
        runtime
            .run(async {
                while Handle::current().n_tasks() > 0 {
                    yield_now().await;
                }
            })
            .unwrap();
        drop(runtime);
        assert!(handle.is_shutting_down());
        assert_eq!(handle.n_tasks(), 0);
    }
}

#[test]
fn task_that_ends_while_it_is_told_is_counted() {
    for _ in 0..200 {
        let runtime = Builder::multi_thread().workers(1).build().unwrap();
        runtime.spawn(async { Handle::current().shutting_down().await });
        let report = runtime.shutdown_in_stages(ShutdownStages { grace: LONG, cancel: LONG });
        assert_eq!((report.n_ended, report.n_cancelled), (1, 0));
    }
}

#[test]
fn stages_let_tasks_end_by_themselves_then_cancel_then_drop() {
    let real = [Builder::multi_thread().workers(2), Builder::current_thread()];
    let mut cases = vec![(Builder::seeded(4), (3, 2), 200 * MS)];
    // In real time one kind of task each, so that the time of grace does not decide the counts.
    for builder in real {
        cases.push((builder.clone(), (3, 0), LONG));
        cases.push((builder, (0, 2), MS));
    }
    for (builder, (n_polite, n_endless), grace) in cases {
        let runtime = builder.build().unwrap();
        let alive = Arc::new(AtomicUsize::new(0));
        for _ in 0..n_polite {
            let guard = Guard::new(&alive);
            runtime.spawn(async move {
                Handle::current().shutting_down().await;
                sleep(MS).await; // says goodbye
                drop(guard);
            });
        }
        for _ in 0..n_endless {
            let guard = Guard::new(&alive);
            runtime.spawn(async move {
                let _guard = guard;
                std::future::pending::<()>().await;
            });
        }
        // A wait that is withdrawn is not woken.
        runtime.block_on(async {
            let wait = Handle::current().shutting_down();
            assert!(timeout(MS, wait).await.is_err());
        });
        assert!(!runtime.handle().is_shutting_down());
        let report = runtime.shutdown_in_stages(ShutdownStages { grace, cancel: LONG });
        assert_eq!((report.n_ended, report.n_cancelled), (n_polite, n_endless), "{report}");
        assert!(report.left.tasks.is_empty());
        assert_eq!(alive.load(Ordering::SeqCst), 0);
    }
}

#[test]
fn what_outlasts_the_deadline_is_in_the_report() {
    let runtime = Builder::multi_thread().workers(1).build().unwrap();
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let (begun, has_begun) = std::sync::mpsc::channel();
    let blocked = runtime.spawn(async move {
        begun.send(()).unwrap();
        gone.recv()
    });
    has_begun.recv().unwrap();
    let id = blocked.id();
    let report = runtime.shutdown(5 * MS);
    let left: Vec<_> = report.left.tasks.iter().map(|task| (task.id, task.state)).collect();
    assert_eq!(left, [(id, "running")]);
    assert!(report.to_string().contains("left: 1 task(s)"));
    drop(go);
}

/// Fault 16, in a process of its own whose address space is nearly full.
#[cfg(target_os = "linux")]
#[test]
fn fault_16_threads_that_cannot_be_had_are_errors() {
    if std::env::var_os("VITTE_CHILD").is_none() {
        let test = "fault_16_threads_that_cannot_be_had_are_errors";
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture", "--test-threads=1"])
            .env("VITTE_CHILD", "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        return assert!(output.status.success(), "{said}");
    }
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = pages.split(' ').next().unwrap().parse().unwrap();
    let room = pages * 4096 + (24 << 20);
    rustix::process::setrlimit(
        rustix::process::Resource::As,
        rustix::process::Rlimit { current: Some(room), maximum: Some(room) },
    )
    .unwrap();
    // 64 stacks of 2 MiB do not fit.
    let error = Builder::multi_thread().workers(64).build().unwrap_err();
    assert!(!error.to_string().is_empty());
    // What needs no thread works, and blocking work is done, late at worst.
    let runtime = Builder::current_thread().build().unwrap();
    let sum = runtime.block_on(async {
        let tasks: Vec<_> = (0..40u64).map(|n| spawn_blocking(move || n)).collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        sum
    });
    assert_eq!(sum, 40 * 39 / 2);
}
