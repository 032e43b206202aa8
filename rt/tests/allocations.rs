//! Tasks come from pages: once there are pages, a coroutine task is no allocation, and neither are its
//! awaits, wakes and timers' wakers.
#![allow(clippy::undocumented_unsafe_blocks, reason = "the allocator passes its duties on")]

mod machines;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use machines::*;
use vitte_rt::abi::VT_DONE;
use vitte_rt::runtime::Builder;

struct Counting;

static N_ALLOCS: AtomicUsize = AtomicUsize::new(0);
static N_LIVE: AtomicUsize = AtomicUsize::new(0);

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        N_ALLOCS.fetch_add(1, Ordering::SeqCst);
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
    let before = N_ALLOCS.load(Ordering::SeqCst);
    let result = body();
    (N_ALLOCS.load(Ordering::SeqCst) - before, result)
}

/// One test, so that no other thread of the harness allocates meanwhile.
#[test]
fn no_allocation_per_task_and_none_per_turn() {
    let rt = Builder::current_thread().build().unwrap();
    let n_tasks = 1000;
    let mut tasks = Vec::with_capacity(n_tasks);
    let warm_up = spawn_yielder(rt.handle(), 10);
    assert_eq!(rt.block_on(warm_up.join()), VT_DONE);

    let (n_allocs, ()) = counted(|| {
        for _ in 0..n_tasks {
            tasks.push(spawn_yielder(rt.handle(), 10));
        }
    });
    // Pages of 64 KiB, and the queue, which grows by doubling.
    assert!(n_allocs < n_tasks / 20, "{n_allocs}");

    let (n_allocs, ()) = counted(|| {
        rt.block_on(async {
            for task in &tasks {
                assert_eq!(task.join().await, VT_DONE);
            }
        });
    });
    // 10,000 resumes and 1,000 joins: only what `block_on` itself needs, and the notes of births, which
    // grow with the time that a loaded machine takes.
    assert!(n_allocs < 50, "{n_allocs}");

    tasks.clear();

    // Sleeps: once the tables have grown, neither a task nor its wait is an allocation.
    for round in 0..3 {
        let (n_allocs, ()) = counted(|| {
            for _ in 0..n_tasks {
                tasks.push(spawn_sleeper(rt.handle(), 1));
            }
            rt.block_on(async {
                for task in &tasks {
                    assert_eq!(task.join().await, VT_DONE);
                }
            });
        });
        // As above.
        assert!(round < 2 || n_allocs < 50, "{n_allocs}");
        tasks.clear();
    }

    // Pages go back after a burst, but for a few.
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
    rt.block_on(vitte_rt::task::yield_now());
    let left = N_LIVE.load(Ordering::SeqCst) - live;
    assert!(burst > 100 && left < burst / 4, "{left} of {burst} are left");
    drop(tasks);

    // Recursion: chunks of the arena, not one per frame; all given back at the end.
    let deep = spawn_down(rt.handle(), 50_000);
    let (n_allocs, status) = counted(|| rt.block_on(deep.join()));
    assert_eq!((status, number(&deep)), (VT_DONE, Some(50_000)));
    assert!(n_allocs < 60, "{n_allocs}");
}
