//! In a steady stream channels and locks allocate nothing, waits included.
#![allow(clippy::undocumented_unsafe_blocks, reason = "the allocator passes its duties on")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use vitte_rt::channel::{broadcast, mpmc, mpsc, spmc, watch};
use vitte_rt::sync::{Mutex, Notify, RwLock, Semaphore};

struct Counting;

thread_local! {
    /// Of this thread: what the harness's own does meanwhile does not count.
    static N_ALLOCS: Cell<usize> = const { Cell::new(0) };
}

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that ends may allocate when it has no counter any more.
        let _ = N_ALLOCS.try_with(|n| n.set(n.get() + 1));
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of `body`, after it has run once.
fn n_allocs(mut body: impl FnMut()) -> usize {
    body();
    let before = N_ALLOCS.get();
    body();
    N_ALLOCS.get() - before
}

fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

fn now<F: Future>(future: F) -> F::Output {
    poll(pin!(future)).expect("ready at once")
}

#[test]
fn steady_streams_and_waits_allocate_nothing() {
    let (tx, mut rx) = mpsc::unbounded_channel();
    let bursts = [1usize, 40, 100, 7, 31];
    let stream = || {
        for burst in bursts.into_iter().cycle().take(100) {
            assert!(poll(pin!(rx.recv())).is_none(), "it waits first");
            (0..burst).for_each(|n| tx.send(n).unwrap());
            (0..burst).for_each(|n| assert_eq!(now(rx.recv()), Some(n)));
        }
    };
    assert_eq!(n_allocs(stream), 0, "unbounded");

    let (tx, mut rx) = mpsc::channel(4);
    let full = || {
        for n in 0..200 {
            (0..4).for_each(|_| now(tx.send(n)).unwrap());
            let mut waits = pin!(tx.send(n));
            assert!(poll(waits.as_mut()).is_none());
            assert_eq!(now(rx.recv()), Some(n));
            poll(waits).unwrap().unwrap();
            while rx.try_recv().is_ok() {}
        }
    };
    assert_eq!(n_allocs(full), 0, "bounded, with a sender that waits");

    let (tx, rx) = mpmc::bounded(2);
    let both = || {
        for n in 0..200 {
            let mut waits = pin!(rx.recv());
            assert!(poll(waits.as_mut()).is_none());
            now(tx.send(n)).unwrap();
            assert_eq!(poll(waits), Some(Ok(n)));
        }
    };
    assert_eq!(n_allocs(both), 0, "mpmc");

    let (mut tx, rx) = spmc::channel(2);
    let mut one_to_many = || {
        for n in 0..200 {
            let mut waits = pin!(rx.recv());
            assert!(poll(waits.as_mut()).is_none());
            (0..2).for_each(|_| now(tx.send(n)).unwrap());
            {
                let mut full = pin!(tx.send(n));
                assert!(poll(full.as_mut()).is_none());
                assert_eq!(poll(waits), Some(Some(n)));
                poll(full).unwrap().unwrap();
            }
            while rx.try_recv().is_ok() {}
        }
    };
    assert_eq!(n_allocs(&mut one_to_many), 0, "spmc");

    let (tx, mut rx) = broadcast::channel(4);
    let (version, mut seen) = watch::channel(0);
    let news = || {
        for n in 0..200 {
            let mut waits = pin!(rx.recv());
            assert!(poll(waits.as_mut()).is_none());
            tx.send(n).unwrap();
            assert_eq!(poll(waits), Some(Ok(n)));
            let mut waits = pin!(seen.changed());
            assert!(poll(waits.as_mut()).is_none());
            version.send(n).unwrap();
            poll(waits).unwrap().unwrap();
        }
    };
    assert_eq!(n_allocs(news), 0, "broadcast and watch");

    let (mutex, rwlock, semaphore, notify) =
        (Mutex::new(0), RwLock::new(0), Semaphore::new(1), Notify::new());
    let locks = || {
        for _ in 0..200 {
            let held = now(mutex.lock());
            let mut waits = pin!(mutex.lock());
            assert!(poll(waits.as_mut()).is_none());
            drop(held);
            drop(poll(waits).expect("its turn"));
            let held = now(rwlock.write());
            let mut waits = pin!(rwlock.read());
            assert!(poll(waits.as_mut()).is_none());
            drop(held);
            drop(poll(waits).expect("its turn"));
            let held = now(semaphore.acquire());
            let mut waits = pin!(semaphore.acquire());
            assert!(poll(waits.as_mut()).is_none());
            drop(held);
            drop(poll(waits).expect("its turn"));
            let mut waits = pin!(notify.notified());
            assert!(poll(waits.as_mut()).is_none());
            notify.notify_one();
            poll(waits).expect("notified");
        }
    };
    assert_eq!(n_allocs(locks), 0, "locks");
}
