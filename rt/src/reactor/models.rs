//! loom models of [`Source`]: run as those of the crate.

use std::task::Waker;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use super::{Event, Interest, Source};

/// An event that is told to the source after the bytes are there.
fn arrive(source: &Source, bytes: &AtomicUsize) -> usize {
    // Relaxed: the kernel's side; what orders it is the source.
    bytes.fetch_add(1, Ordering::Relaxed);
    let mut due = Vec::new();
    let event = Event { key: 1, ready: [true, false], closed: [false; 2] };
    source.deliver(event, &mut due);
    due.len()
}

/// Attempts until there are bytes or a wait is entered; says whether there were.
fn attempt(source: &Source, bytes: &AtomicUsize, waiter: &mut Option<u64>) -> bool {
    loop {
        let Some(seen) = source.ready(Interest::Read) else {
            if source.enter(Interest::Read, waiter, Waker::noop(), || {}) {
                return false;
            }
            continue;
        };
        if bytes.swap(0, Ordering::Relaxed) > 0 {
            return true;
        }
        source.clear(Interest::Read, seen);
    }
}

/// Bytes that come during an attempt that finds none: the attempt is repeated, or the waiter woken.
#[test]
fn an_event_during_an_attempt_is_not_lost() {
    loom::model(|| {
        let source = Arc::new(Source::new(1, true));
        let bytes = Arc::new(AtomicUsize::new(0));
        let kernel = {
            let (source, bytes) = (source.clone(), bytes.clone());
            thread::spawn(move || arrive(&source, &bytes))
        };
        let mut waiter = None;
        let read = attempt(&source, &bytes, &mut waiter);
        let n_woken = kernel.join().unwrap();
        assert!(read || n_woken == 1, "waits although there are bytes");
        if !read {
            assert!(!source.leave(Interest::Read, waiter.unwrap()), "taken by the event");
            assert!(attempt(&source, &bytes, &mut waiter));
        }
    });
}

/// A wait that is withdrawn while an event comes is counted once: by who took it.
#[test]
fn a_withdrawn_wait_is_taken_by_one_side() {
    loom::model(|| {
        let source = Arc::new(Source::new(1, false));
        let bytes = Arc::new(AtomicUsize::new(0));
        let mut waiter = None;
        assert!(!attempt(&source, &bytes, &mut waiter));
        let kernel = {
            let (source, bytes) = (source.clone(), bytes.clone());
            thread::spawn(move || arrive(&source, &bytes))
        };
        let left = source.leave(Interest::Read, waiter.unwrap());
        assert_eq!(usize::from(left) + kernel.join().unwrap(), 1);
    });
}
