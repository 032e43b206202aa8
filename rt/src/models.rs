//! loom models of the protocols that must not lose a wake-up: `RUSTFLAGS="--cfg loom" cargo test -p
//! vitte-rt --release --lib models`.

use std::ptr::NonNull;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use crate::scheduler::{Closing, Idle, LifoSlot, Parker, Ring};
use crate::task::{Completed, Progress, State, Woken};
use crate::timers::Timers;

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
                if state.detach() {
                    return false;
                }
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

/// An owner that puts tasks into its LIFO slot and takes one, beside a thief on its last pass: each task
/// is taken once, and its memory is seen.
#[test]
fn lifo_slot_gives_each_task_once() {
    loom::model(|| {
        let task = |n: usize| NonNull::new(std::ptr::without_provenance_mut::<u64>(8 * n)).unwrap();
        let slot = Arc::new(LifoSlot::new(false));
        let memory = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
        let thief = {
            let (slot, memory) = (slot.clone(), memory.clone());
            thread::spawn(move || {
                let got: Vec<usize> = (0..2).filter_map(|_| slot.take()).map(addr).collect();
                for &task in &got {
                    let seen = memory[task / 8 - 1].load(Ordering::Relaxed);
                    assert_eq!(seen, task, "the task's memory is seen");
                }
                got
            })
        };
        let mut taken = Vec::new();
        for n in 1..=2 {
            memory[n - 1].store(8 * n, Ordering::Relaxed);
            taken.extend(slot.put(task(n)).map(addr));
        }
        // The owner looks before it sleeps: what nobody stole it finds.
        taken.extend(slot.take().map(addr));
        assert!(!slot.is_full());
        taken.extend(thief.join().unwrap());
        taken.sort_unstable();
        assert_eq!(taken, [8, 16]);
    });
}

/// A waker that counts its wakes and how many copies of it there are.
fn counting_waker() -> (std::task::Waker, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    struct Count(std::sync::Arc<std::sync::atomic::AtomicUsize>);
    impl std::task::Wake for Count {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
    }
    let count = std::sync::Arc::default();
    (std::sync::Arc::new(Count(std::sync::Arc::clone(&count))).into(), count)
}

/// A timer that is disarmed while it fires: it fires, or it was disarmed, and its waker is gone. The
/// timer that takes its place in the table is not mistaken for it.
#[test]
fn timer_is_disarmed_or_fires() {
    loom::model(|| {
        let timers = Arc::new(Timers::new(1));
        let (waker, n_wakes) = counting_waker();
        let (key, _) = timers.arm(0, 10, &waker);
        let firing = {
            let timers = timers.clone();
            thread::spawn(move || {
                let mut due = Vec::new();
                timers.fire(20, &mut due);
                let n = due.len();
                due.drain(..).for_each(|due| due.waker.wake());
                timers.settle(n);
                n
            })
        };
        let was_armed = key.rearm(10, std::task::Waker::noop());
        key.disarm();
        let (next, _) = timers.arm(0, 1 << 40, std::task::Waker::noop());
        key.disarm(); // of a timer that is gone: nothing
        let n_fired = firing.join().unwrap();
        assert!(next.rearm(1 << 40, std::task::Waker::noop()), "the later timer is armed");
        next.disarm();
        let woken = n_wakes.load(std::sync::atomic::Ordering::SeqCst);
        assert_eq!(woken, usize::from(n_fired == 1 && !was_armed), "by the waker it had");
        assert!(was_armed || n_fired == 1, "a timer that is not armed has fired");
        assert!(timers.is_idle());
    });
}

/// A timer armed while a worker goes to sleep in the poller: the sleep ends by then, or is interrupted.
#[test]
fn earlier_timer_bounds_or_interrupts_the_sleep() {
    loom::model(|| {
        let timers = Arc::new(Timers::new(2));
        timers.arm(0, 50, std::task::Waker::noop());
        let arming = {
            let timers = timers.clone();
            thread::spawn(move || timers.arm(1, 40, std::task::Waker::noop()).1)
        };
        let until = timers.park();
        let interrupted = arming.join().unwrap();
        assert!(until == Some(40) || (until == Some(50) && interrupted), "{until:?}");
        timers.unpark();
    });
}

/// A spawn raced against a shutdown: the task is born cancelled, or found by the looks for tasks, of
/// which the last comes when the spawn is over.
#[test]
fn task_spawned_during_a_shutdown_is_cancelled() {
    loom::model(|| {
        let closing = Arc::new(Closing::new());
        let state = Arc::new(State::new(0, false));
        state.reset(); // a free cell
        let spawning = {
            let (closing, state) = (closing.clone(), state.clone());
            thread::spawn(move || {
                state.spawn(1, false);
                closing.note_spawn(&state);
                // A worker takes it.
                state.start_run().is_cancelled()
            })
        };
        let look = || {
            if state.try_ref() {
                assert!(!state.cancel(), "it is queued already");
                state.drop_ref();
            }
        };
        closing.begin();
        look();
        let born_cancelled = spawning.join().unwrap();
        look();
        assert!(state.is_cancelled());
        assert!(state.start_run().is_cancelled() || born_cancelled, "its next run ends it");
    });
}

/// Stopping the workers raced against one that goes to sleep: it sees the flag or is woken (loom
/// reports a deadlock otherwise), and a task that was pushed before is seen by whoever cleans up.
#[test]
fn stopped_worker_does_not_sleep() {
    loom::model(|| {
        let (idle, parker) = (Arc::new(Idle::default()), Arc::new(Parker::new()));
        let (stop, queue) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let worker = {
            let (idle, parker, stop) = (idle.clone(), parker.clone(), stop.clone());
            thread::spawn(move || {
                while stop.load(Ordering::SeqCst) == 0 {
                    idle.fall_asleep(0, false);
                    if stop.load(Ordering::SeqCst) == 0 {
                        parker.park();
                    }
                    idle.wake_up(0);
                }
            })
        };
        queue.store(1, Ordering::Release);
        stop.store(1, Ordering::SeqCst);
        parker.unpark(|| {});
        worker.join().unwrap();
        assert_eq!(idle.n_sleeping(), 0);
        assert_eq!(queue.load(Ordering::Acquire), 1, "what is left is dropped by the stopper");
    });
}
