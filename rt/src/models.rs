//! loom models of the protocols that must not lose a wake-up: `RUSTFLAGS="--cfg loom" cargo test -p
//! vitte-rt --release --lib models`.

use std::ptr::NonNull;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use crate::scheduler::{Idle, Parker, Ring};
use crate::task::{Completed, Progress, State, Woken};

/// A wake raced against a run: the data that came before the wake is seen by the last run, and the
/// task is queued once at a time.
#[test]
fn wake_during_a_run_is_not_lost() {
    let mut model = loom::model::Builder::new();
    // Three threads: all interleavings with up to three preemptions (unbounded: minutes).
    model.preemption_bound = Some(3);
    model.check(|| {
        let state = Arc::new(State::new(1, false));
        let data = Arc::new(AtomicUsize::new(0));
        let n_queued = Arc::new(AtomicUsize::new(0));
        let wakers: Vec<_> = (0..2)
            .map(|_| {
                let (state, data, n_queued) = (state.clone(), data.clone(), n_queued.clone());
                thread::spawn(move || {
                    data.fetch_add(1, Ordering::Relaxed);
                    if state.wake() {
                        assert_eq!(n_queued.fetch_add(1, Ordering::AcqRel), 0, "queued twice");
                    }
                })
            })
            .collect();
        let mut seen;
        // The first run: spawned tasks are scheduled.
        let mut run = state.start_run();
        seen = data.load(Ordering::Relaxed);
        while state.end_run(run) == Progress::Queue {
            run = state.start_run();
            seen = data.load(Ordering::Relaxed);
        }
        for waker in wakers {
            waker.join().unwrap();
        }
        while n_queued.swap(0, Ordering::AcqRel) > 0 {
            let run = state.start_run();
            seen = data.load(Ordering::Relaxed);
            assert_eq!(state.end_run(run), Progress::Idle);
        }
        assert_eq!(seen, 2);
    });
}

/// The end of a task raced against the drop of its handle: exactly one side drops the output.
#[test]
fn output_is_dropped_by_one_side() {
    loom::model(|| {
        let state = Arc::new(State::new(2, true));
        let output = Arc::new(AtomicUsize::new(0));
        let n_drops = Arc::new(AtomicUsize::new(0));
        state.start_run();
        let handle = {
            let (state, output, n_drops) = (state.clone(), output.clone(), n_drops.clone());
            thread::spawn(move || {
                if state.drop_handle() {
                    assert_eq!(output.load(Ordering::Relaxed), 7, "the output is visible");
                    n_drops.fetch_add(1, Ordering::Relaxed);
                }
                state.drop_ref()
            })
        };
        output.store(7, Ordering::Relaxed);
        let last = match state.complete() {
            // The handle drops the output, and the runtime's reference is gone.
            Completed::Left => false,
            Completed::Mine { wanted, .. } => {
                if !wanted {
                    n_drops.fetch_add(1, Ordering::Relaxed);
                }
                state.drop_ref()
            }
        };
        assert_ne!(last, handle.join().unwrap(), "one side frees");
        assert_eq!(n_drops.load(Ordering::Relaxed), 1);
    });
}

/// `unpark` before or during `park` ends it (loom reports a deadlock otherwise).
#[test]
fn unpark_ends_park() {
    loom::model(|| {
        let parker = Arc::new(Parker::new());
        let data = Arc::new(AtomicUsize::new(0));
        let other = {
            let (parker, data) = (parker.clone(), data.clone());
            thread::spawn(move || {
                data.store(1, Ordering::Relaxed);
                parker.unpark(|| {});
            })
        };
        parker.park();
        assert_eq!(data.load(Ordering::Relaxed), 1);
        other.join().unwrap();
    });
}

/// A push raced against a worker that falls asleep: it sees the work or is woken.
#[test]
fn push_is_seen_or_wakes() {
    loom::model(|| {
        let idle = Arc::new(Idle::default());
        let parker = Arc::new(Parker::new());
        let queue = Arc::new(AtomicUsize::new(0));
        let pusher = {
            let (idle, parker, queue) = (idle.clone(), parker.clone(), queue.clone());
            thread::spawn(move || {
                queue.store(1, Ordering::Release);
                if idle.worker_to_wake().is_some() {
                    parker.unpark(|| {});
                }
            })
        };
        // A worker that searched in vain.
        assert!(idle.start_searching(4));
        idle.fall_asleep(0, true);
        if queue.load(Ordering::Acquire) == 0 {
            parker.park();
        }
        idle.wake_up(0);
        assert_eq!(queue.load(Ordering::Acquire), 1);
        pusher.join().unwrap();
    });
}

/// The end of a task raced against its join handle, which leaves its waker: it is woken, or finds
/// the output.
#[test]
fn joiner_is_woken_or_finds_the_output() {
    loom::model(|| {
        let state = Arc::new(State::new(2, true));
        let (output, woken) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        state.start_run();
        let completer = {
            let (state, output, woken) = (state.clone(), output.clone(), woken.clone());
            thread::spawn(move || {
                output.store(7, Ordering::Relaxed);
                if let Completed::Mine { joiner: true, .. } = state.complete() {
                    woken.store(1, Ordering::Relaxed);
                }
            })
        };
        // Polled twice, the second time with another waker.
        let waits = state.set_joiner() && state.clear_joiner() && state.set_joiner();
        if !waits {
            assert_eq!(output.load(Ordering::Relaxed), 7, "the output is visible");
        }
        completer.join().unwrap();
        assert!(!waits || woken.load(Ordering::Relaxed) == 1, "woken");
    });
}

/// A consumed wake raced against the run that ends the task: queued or freed, by one side.
#[test]
fn last_reference_frees_once() {
    loom::model(|| {
        let state = Arc::new(State::new(1, false));
        let run = state.start_run();
        state.add_ref();
        assert_eq!(state.end_run(run), Progress::Idle);
        state.add_ref(); // a second waker
        let frees = Arc::new(AtomicUsize::new(0));
        let wakers: Vec<_> = (0..2)
            .map(|_| {
                let (state, frees) = (state.clone(), frees.clone());
                thread::spawn(move || match state.wake_and_drop() {
                    Woken::Nothing => false,
                    Woken::Queue => true,
                    Woken::Free => {
                        frees.fetch_add(1, Ordering::Relaxed);
                        false
                    }
                })
            })
            .collect();
        let n_queued = wakers.into_iter().map(|w| usize::from(w.join().unwrap())).sum::<usize>();
        assert_eq!(n_queued, 1, "one of two wakes queues");
        state.start_run();
        state.complete();
        let last = state.drop_ref();
        assert_eq!(usize::from(last) + frees.load(Ordering::Relaxed), 1);
    });
}

/// An owner that pushes and takes beside a thief: each task is taken once.
#[test]
fn ring_gives_each_task_once() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let task = |n: usize| NonNull::new(std::ptr::without_provenance_mut::<u64>(8 * n)).unwrap();
        let ring = Arc::new(Ring::new(false));
        ring.push(task(1)).unwrap();
        ring.push(task(2)).unwrap();
        let thief = {
            let ring = ring.clone();
            thread::spawn(move || {
                let own = Ring::new(false);
                let first = ring.steal_into(&own, 4);
                first
                    .into_iter()
                    .chain(std::iter::from_fn(|| own.pop()))
                    .map(addr)
                    .collect::<Vec<_>>()
            })
        };
        let mut taken: Vec<usize> = ring.pop().into_iter().map(addr).collect();
        // As many as fill the ring, so that slots are written again.
        for n in 3..6 {
            if let Err(full) = ring.push(task(n)) {
                taken.push(addr(full));
            }
        }
        taken.extend(std::iter::from_fn(|| ring.pop()).map(addr));
        taken.extend(thief.join().unwrap());
        taken.sort_unstable();
        assert_eq!(taken, [8, 16, 24, 32, 40]);
    });
}

fn addr(task: NonNull<u64>) -> usize {
    task.as_ptr().addr()
}
