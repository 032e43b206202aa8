//! Host operations inside frames: results, panics in every place, faults, cancel; and storms of
//! cancels over many tasks.

mod machines;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use machines::*;
use vitte_rt::abi::{VT_CANCELLED, VT_DONE, VT_FAULTED, fault_code, vt_status};
use vitte_rt::coroutine::{Fault, FrameTask, HostOp};
use vitte_rt::runtime::{Builder, Runtime};
use vitte_rt::task::yield_now;
use vitte_rt::time::sleep;

fn run(rt: &Runtime, op: HostOp) -> (FrameTask, vt_status) {
    let task = spawn_op(rt.handle(), op);
    let status = rt.run(task.join()).unwrap();
    (task, status)
}

fn message(task: &FrameTask) -> (u32, String) {
    let fault = task.fault().unwrap();
    (fault.code, fault.message.as_deref().unwrap_or("").to_string())
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "drop of the future");
    }
}

#[test]
fn operations_know_their_task_and_runtime() {
    let rt = Builder::multi_thread().workers(2).build().unwrap();
    let op = HostOp::new0(|cx| {
        let (id, runtime, task) = (cx.task_id(), cx.runtime().unwrap(), cx.task().unwrap());
        assert!(format!("{cx:?}").contains(&id.to_string()));
        async move {
            assert_eq!(task.id(), id);
            yield_now().await;
            runtime.spawn(async move { id + 1 }).await.unwrap()
        }
    });
    let (task, status) = run(&rt, op);
    assert_eq!((status, number(&task)), (VT_DONE, Some(task.id() + 1)));
    assert_eq!((op.result_bytes, op.result_align, op.n_args), (8, 8, 0));
}

#[test]
fn storage_is_no_larger_than_the_future_or_the_result() {
    let op = HostOp::new0(|_| std::future::ready([0u8; 3]));
    assert_eq!(op.result_bytes, 3);
    let bytes = |op: &HostOp| op.size as usize;
    fn sleeping() -> impl Future<Output = ()> + Send {
        sleep(Duration::ZERO)
    }
    let op = HostOp::new0(|_| sleeping());
    assert!(bytes(&op) <= size_of::<vitte_rt::time::Sleep>() + 8, "{op:?}");
    let op = HostOp::new0(|_| async { [7u64; 9] });
    assert!(bytes(&op) >= 72);
}

#[test]
fn panics_in_start_poll_and_drop_fault_the_task() {
    let rt = Builder::current_thread().build().unwrap();
    let start = HostOp::new0(|cx| {
        assert!(cx.task_id() == 0, "in start");
        async { 1u64 }
    });
    let poll = HostOp::new0(|_| async {
        yield_now().await;
        assert!(!std::hint::black_box(true), "in poll");
        1u64
    });
    let drop_after = HostOp::new0(|_| {
        let bomb = Bomb;
        std::future::poll_fn(move |_| {
            let _keep = &bomb;
            std::task::Poll::Ready(1u64)
        })
    });
    for (op, text) in [(start, "in start"), (poll, "in poll"), (drop_after, "drop of the future")] {
        let (task, status) = run(&rt, op);
        assert_eq!(status, VT_FAULTED);
        assert_eq!(message(&task), (fault_code::HOST, text.to_string()));
    }
    let drop_at_cancel = HostOp::new0(|_| {
        let bomb = Bomb;
        async move {
            std::future::pending::<()>().await;
            drop(bomb);
            1u64
        }
    });
    let task = spawn_op(rt.handle(), drop_at_cancel);
    let status = rt.run(async {
        yield_now().await;
        yield_now().await;
        task.cancel();
        task.join().await
    });
    assert_eq!(status.unwrap(), VT_FAULTED);
    assert_eq!(message(&task).1, "drop of the future");
}

#[test]
fn fallible_operations_fault_with_their_code() {
    let rt = Builder::seeded(1).build().unwrap();
    let fails = HostOp::try_new0(|_| async {
        sleep(Duration::from_millis(1)).await;
        if std::hint::black_box(true) { Err(Fault::new(300, 77)) } else { Ok(5u64) }
    });
    let (task, status) = run(&rt, fails);
    assert_eq!(status, VT_FAULTED);
    let fault = task.take_fault().unwrap();
    assert_eq!((fault.code, fault.payload), (300, 77));
    assert!(task.take_fault().is_none());
    let works = HostOp::try_new0(|_| async { Ok::<u64, Fault>(5) });
    let (task, status) = run(&rt, works);
    assert_eq!((status, number(&task)), (VT_DONE, Some(5)));
}

#[test]
fn cancel_storm_ends_every_task_once_and_drops_every_future() {
    static N_ALIVE: AtomicUsize = AtomicUsize::new(0);
    struct Alive;
    impl Drop for Alive {
        fn drop(&mut self) {
            N_ALIVE.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let op = HostOp::new0(|cx| {
        N_ALIVE.fetch_add(1, Ordering::SeqCst);
        let alive = Alive;
        let micros = cx.task_id() % 700;
        async move {
            sleep(Duration::from_micros(micros)).await;
            yield_now().await;
            sleep(Duration::from_micros(micros)).await;
            drop(alive);
            micros
        }
    });
    let rt = Builder::multi_thread().workers(3).build().unwrap();
    for _ in 0..5 {
        let tasks: Arc<[FrameTask]> = (0..2000).map(|_| spawn_op(rt.handle(), op)).collect();
        let cancellers: Vec<_> = (0..2)
            .map(|c| {
                let tasks = tasks.clone();
                std::thread::spawn(move || {
                    for n in 0..tasks.len() {
                        tasks[n * (7 + 4 * c) % tasks.len()].cancel();
                    }
                })
            })
            .collect();
        rt.block_on(async {
            for task in tasks.iter() {
                let status = task.join().await;
                assert!(status == VT_DONE || status == VT_CANCELLED);
                assert_eq!(task.result().is_some(), status == VT_DONE);
            }
        });
        for canceller in cancellers {
            canceller.join().unwrap();
        }
        assert_eq!(N_ALIVE.load(Ordering::SeqCst), 0);
    }
    assert_eq!(rt.handle().n_tasks(), 0);
    let metrics = rt.handle().metrics();
    assert_eq!(metrics.spawned, metrics.completed);
}

#[test]
fn runtimes_leave_no_descriptor_behind() {
    if !cfg!(target_os = "linux") {
        return eprintln!("skipped: needs /proc");
    }
    // Descriptors of this test's own: other tests of this file run beside it, so only the growth
    // over many runtimes counts.
    let count = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = count();
    for n in 0..100 {
        let rt = if n % 2 == 0 { Builder::current_thread() } else { Builder::multi_thread() };
        let rt = rt.workers(2).build().unwrap();
        let task = spawn_sleeper(rt.handle(), 60_000);
        rt.block_on(yield_now());
        drop(rt);
        assert_eq!(task.status(), Some(VT_CANCELLED));
    }
    let grown = || count().saturating_sub(before);
    // Nobody waits for the threads of a runtime that was dropped, which close its poller.
    for _ in 0..30_000 {
        if grown() < 60 {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("{} descriptors after 100 runtimes", grown());
}
