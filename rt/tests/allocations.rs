//! Tasks come from pages: once there are pages, a task is no allocation, and neither are its awaits, wakes
//! and timers' wakers. In the steady state the count is 0, exactly.
#![allow(clippy::undocumented_unsafe_blocks, reason = "the allocator passes its duties on")]

mod machines;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use machines::*;
use vitte_rt::abi::VT_DONE;
use vitte_rt::channel::mpsc;
use vitte_rt::coroutine::FrameTask;
use vitte_rt::runtime::{Builder, Runtime};
use vitte_rt::task::{spawn, yield_now};

struct Counting;

thread_local! {
    /// Of this thread, which is the worker: what the harness's own does meanwhile does not count.
    static N_ALLOCS: Cell<usize> = const { Cell::new(0) };
}
static N_LIVE: AtomicUsize = AtomicUsize::new(0);

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that ends may allocate when it has no counter any more.
        let _ = N_ALLOCS.try_with(|n| n.set(n.get() + 1));
        N_LIVE.fetch_add(1, Ordering::SeqCst);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        N_LIVE.fetch_sub(1, Ordering::SeqCst);
        unsafe { System.dealloc(block, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn counted<R>(body: impl FnOnce() -> R) -> (usize, R) {
    let before = N_ALLOCS.get();
    let result = body();
    (N_ALLOCS.get() - before, result)
}

/// Without watchdog: what that notes of stalls, of which a loaded machine makes some, is kept.
fn runtime() -> Runtime {
    Builder::current_thread().watchdog(None).build().unwrap()
}

/// Allocations of a `block_on` around hardly anything.
fn floor(rt: &Runtime) -> usize {
    counted(|| rt.block_on(yield_now())).0
}

/// One test, so that no other counts live allocations meanwhile.
#[test]
fn no_allocation_per_task_and_none_per_turn() {
    let rt = runtime();
    let n_tasks = 1000;
    let mut tasks: Vec<FrameTask> = Vec::with_capacity(n_tasks);
    let join_all = |tasks: &mut Vec<FrameTask>| {
        rt.block_on(async {
            for task in &*tasks {
                assert_eq!(task.join().await, VT_DONE);
            }
        });
        tasks.clear();
    };

    // Spawns, 10,000 resumes and 1,000 joins; then sleeps. The first rounds make pages and tables.
    for round in 0..4 {
        let (n_allocs, ()) = counted(|| {
            (0..n_tasks).for_each(|_| tasks.push(spawn_yielder(rt.handle(), 10)));
            join_all(&mut tasks);
        });
        assert!(round < 2 || n_allocs == floor(&rt), "round {round}: {n_allocs} of {}", floor(&rt));
    }
    // What is due at once goes through a buffer that doubles when it is too small: how many sleeps are
    // due at once is up to the machine.
    let mut n_doubled = 0;
    for round in 0..8 {
        let (n_allocs, ()) = counted(|| {
            (0..n_tasks).for_each(|_| tasks.push(spawn_sleeper(rt.handle(), 1)));
            join_all(&mut tasks);
        });
        n_doubled += if round < 2 { 0 } else { n_allocs - floor(&rt) };
    }
    assert!(n_doubled <= n_tasks.ilog2() as usize, "sleeps: {n_doubled}");

    // Rust futures: joined, and detached with more of them at once than a heap keeps pages for, unless
    // it missed them before.
    let joined = || {
        rt.block_on(async {
            let mut joins = Vec::with_capacity(n_tasks);
            (0..n_tasks).for_each(|_| joins.push(spawn(async { yield_now().await })));
            for join in joins {
                join.await.unwrap();
            }
        });
    };
    let detached = || {
        rt.block_on(async {
            let n = 20_000;
            let left = Arc::new(AtomicUsize::new(n));
            let (sender, mut receiver) = mpsc::channel(1);
            let sender = Arc::new(sender);
            for _ in 0..n {
                let (left, sender, bytes) = (left.clone(), sender.clone(), [7u8; 100]);
                drop(spawn(async move {
                    std::hint::black_box(&bytes);
                    if left.fetch_sub(1, Ordering::Relaxed) == 1 {
                        sender.send(()).await.unwrap();
                    }
                }));
            }
            receiver.recv().await.unwrap();
        });
    };
    for (name, own, body) in [("joined", 1, &joined as &dyn Fn()), ("detached", 4, &detached)] {
        for round in 0..5 {
            let (n_allocs, ()) = counted(body);
            let most = floor(&rt) + own; // the workload's own vector, counts and channel
            assert!(round < 3 || n_allocs <= most, "{name}, round {round}: {n_allocs} of {most}");
        }
    }

    // Pages go back after a burst, but for a few, unless there were others before.
    let rt = runtime();
    floor(&rt);
    let live = N_LIVE.load(Ordering::SeqCst);
    for _ in 0..50 * n_tasks {
        tasks.push(spawn_yielder(rt.handle(), 1));
    }
    let burst = N_LIVE.load(Ordering::SeqCst) - live;
    rt.block_on(async {
        for task in &tasks {
            task.join().await;
        }
    });
    tasks = Vec::new();
    rt.block_on(yield_now());
    let left = N_LIVE.load(Ordering::SeqCst) - live;
    assert!(burst > 100 && left < burst / 4, "{left} of {burst} are left");
    drop(tasks);

    // Recursion: chunks of the arena, not one per frame; all given back at the end.
    let deep = spawn_down(rt.handle(), 50_000);
    let (n_allocs, status) = counted(|| rt.block_on(deep.join()));
    assert_eq!((status, number(&deep)), (VT_DONE, Some(50_000)));
    assert!(n_allocs < 60, "{n_allocs}");
}
