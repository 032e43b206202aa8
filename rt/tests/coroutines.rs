//! ABI coroutines as tasks: entry, host operations, arena, cancel, faults, results, hooks.

mod machines;

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use machines::*;
use vitte_rt::abi::{VT_CANCELLED, VT_DONE, VT_FAULTED, fault_code, vt_machine, vt_status};
use vitte_rt::coroutine::{FrameHooks, SpawnOptions, TaskState};
use vitte_rt::runtime::{Builder, Inject, Runtime};
use vitte_rt::trace::TraceKind;

/// One runtime of each kind.
fn each(test: impl Fn(&Runtime)) {
    test(&Builder::current_thread().build().unwrap());
    test(&Builder::multi_thread().workers(2).build().unwrap());
    test(&Builder::seeded(3).build().unwrap());
}

#[test]
fn host_operation_in_a_frame_gives_its_result() {
    each(|rt| {
        let started = Instant::now();
        let task = spawn_sleeper(rt.handle(), 20);
        assert_eq!(rt.run(task.join()).unwrap(), VT_DONE);
        assert_eq!(number(&task), Some(40));
        assert!(rt.handle().is_virtual() || started.elapsed() >= Duration::from_millis(20));
        assert_eq!(task.state(), TaskState::Ended(VT_DONE));
    });
}

#[test]
fn many_coroutines_and_several_waiters_of_one() {
    each(|rt| {
        let tasks: Vec<_> = (0..500).map(|ms| spawn_sleeper(rt.handle(), ms % 7)).collect();
        let twice: Vec<_> = tasks.iter().map(|t| (t.join(), t.join())).collect();
        rt.run(async {
            for (a, b) in twice {
                assert_eq!((a.await, b.await), (VT_DONE, VT_DONE));
            }
        })
        .unwrap();
        for (ms, task) in tasks.iter().enumerate() {
            assert_eq!(number(task), Some(ms as u64 % 7 * 2));
        }
        assert_eq!(rt.handle().n_tasks(), 0);
    });
}

#[test]
fn recursion_runs_through_the_arena() {
    each(|rt| {
        let task = spawn_down(rt.handle(), 100_000);
        assert_eq!(rt.run(task.join()).unwrap(), VT_DONE);
        assert_eq!(number(&task), Some(100_000));
    });
}

#[test]
fn fault_16_frames_that_get_no_memory_are_faults_of_their_tasks() {
    let (mut n_refused, mut n_done, mut n_faulted) = (0, 0, 0);
    for seed in 0..80 {
        let rt = Builder::seeded(seed).inject(Inject::MEMORY).build().unwrap();
        let Some(task) = try_spawn_down(rt.handle(), 12) else {
            n_refused += 1;
            continue;
        };
        match rt.run(task.join()).unwrap() {
            VT_DONE => {
                assert_eq!(number(&task), Some(12));
                n_done += 1;
            }
            status => {
                assert_eq!(status, VT_FAULTED);
                assert_eq!(task.fault().unwrap().code, fault_code::MEMORY);
                n_faulted += 1;
            }
        }
        assert_eq!(rt.handle().n_tasks(), 0);
    }
    assert!(n_refused > 0 && n_done > 0 && n_faulted > 0, "{n_refused} {n_done} {n_faulted}");
}

#[test]
fn cancel_before_start_while_waiting_and_after_the_end() {
    each(|rt| {
        let task = spawn_sleeper(rt.handle(), 60_000);
        task.cancel();
        assert_eq!(rt.run(task.join()).unwrap(), VT_CANCELLED);

        let task = spawn_sleeper(rt.handle(), 60_000);
        let other = task.clone();
        rt.run(async {
            while other.state() != TaskState::Waiting {
                vitte_rt::time::sleep(Duration::from_millis(1)).await;
            }
            other.cancel();
            other.cancel();
        })
        .unwrap();
        assert_eq!(rt.run(task.join()).unwrap(), VT_CANCELLED);
        assert!(task.outcome().unwrap().unwrap_err().is_cancelled());
        assert_eq!(number(&task), None);

        let task = spawn_sleeper(rt.handle(), 0);
        assert_eq!(rt.run(task.join()).unwrap(), VT_DONE);
        task.cancel();
        assert_eq!(task.status(), Some(VT_DONE));
        // A cancelled recursion unwinds all its frames (unless a worker was faster).
        let task = spawn_down(rt.handle(), 10_000);
        task.cancel();
        let status = rt.run(task.join()).unwrap();
        assert!(status == VT_CANCELLED || status == VT_DONE);
    });
}

#[test]
fn first_fault_is_recorded_with_its_place() {
    each(|rt| {
        let task = spawn(rt.handle(), &FAILING, SpawnOptions::default(), |f: &mut Failing| {
            f.payload = 9;
        });
        assert_eq!(rt.run(task.join()).unwrap(), VT_FAULTED);
        let fault = task.fault().unwrap();
        assert_eq!((fault.code, fault.payload), (fault_code::BOUNDS, 9));
        assert_eq!(place(fault), Some(("m.vit".to_string(), 7, 3)));
        let error = task.outcome().unwrap().unwrap_err();
        assert_eq!(error.to_string(), format!("task {} faulted: index 9 out of range", task.id()));
    });
}

static COMPLETED: AtomicU64 = AtomicU64::new(0);
static DROPPED: AtomicU64 = AtomicU64::new(0);
static RELEASED: AtomicU64 = AtomicU64::new(0);

unsafe fn completed(_: *mut u8, _: *const vt_machine, status: vt_status, _: *mut c_void) {
    COMPLETED.fetch_add(u64::from(status), Ordering::SeqCst);
}
unsafe fn drop_result(at: *mut u8, _: *const vt_machine, _: *mut c_void) {
    DROPPED.fetch_add(read(NonNull::new(at).unwrap()), Ordering::SeqCst);
}
unsafe fn drop_user(user: *mut c_void) {
    RELEASED.fetch_add(user as u64, Ordering::SeqCst);
}

static HOOKS: FrameHooks = FrameHooks {
    completed: Some(completed),
    drop_result: Some(drop_result),
    drop_fault: None,
    drop_user: Some(drop_user),
};

#[test]
fn hooks_see_the_end_and_drop_what_nobody_took() {
    let rt = Builder::multi_thread().workers(2).build().unwrap();
    let options =
        SpawnOptions { user: std::ptr::without_provenance_mut(1000), hooks: Some(&HOOKS) };
    let task = spawn(rt.handle(), &SLEEPER, options, |f: &mut Sleeper| f.ms = 1);
    assert_eq!(rt.run(task.join()).unwrap(), VT_DONE);
    assert_eq!(COMPLETED.load(Ordering::SeqCst), u64::from(VT_DONE));
    let second = task.clone();
    drop(task);
    assert_eq!(DROPPED.load(Ordering::SeqCst), 0, "a handle is left");
    drop(second);
    // The run's own share may go a moment later than ours.
    while RELEASED.load(Ordering::SeqCst) < 1000 {
        std::thread::yield_now();
    }
    assert_eq!(DROPPED.load(Ordering::SeqCst), 2);

    let task = spawn(rt.handle(), &SLEEPER, options, |f: &mut Sleeper| f.ms = 1);
    assert_eq!(rt.run(task.join()).unwrap(), VT_DONE);
    assert_eq!(task.take_result().map(read), Some(2));
    assert!(task.take_result().is_none());
    drop(task);
    while RELEASED.load(Ordering::SeqCst) < 2000 {
        std::thread::yield_now();
    }
    assert_eq!(DROPPED.load(Ordering::SeqCst), 2, "it was taken");
}

#[test]
fn compute_loop_lets_others_progress_on_one_worker() {
    for rt in [
        Builder::current_thread().build().unwrap(),
        Builder::multi_thread().workers(1).build().unwrap(),
    ] {
        let stop: &'static AtomicU64 = Box::leak(Box::new(AtomicU64::new(0)));
        let spinner =
            spawn(rt.handle(), &SPIN, SpawnOptions::default(), |f: &mut Spin| f.stop = stop);
        let sleeper = spawn_sleeper(rt.handle(), 10);
        let future = rt.spawn(async move {
            assert_eq!(sleeper.join().await, VT_DONE);
            stop.store(1, Ordering::SeqCst);
        });
        rt.run(async {
            future.await.unwrap();
            assert_eq!(spinner.join().await, VT_DONE);
        })
        .unwrap();
        assert!(rt.handle().metrics().handoffs >= 1);
    }
}

/// Times that the watchdogs of this process slept and woke up again.
#[cfg(target_os = "linux")]
fn n_watchdog_wakes() -> u64 {
    let read = |thread: &std::path::Path, file| std::fs::read_to_string(thread.join(file));
    let threads = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let of_watchdog = threads.filter_map(|thread| {
        let name = read(&thread.path(), "comm").ok()?;
        let status =
            read(&thread.path(), "status").ok().filter(|_| name.trim() == "vitte-watchdog")?;
        let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    });
    of_watchdog.sum()
}

#[test]
#[cfg(target_os = "linux")]
fn watchdog_sleeps_when_the_worker_was_handed_on_and_has_nothing_to_do() {
    let rt = Builder::multi_thread().workers(1).build().unwrap();
    let stop: &'static AtomicU64 = Box::leak(Box::new(AtomicU64::new(0)));
    let spinner = spawn(rt.handle(), &SPIN, SpawnOptions::default(), |f: &mut Spin| f.stop = stop);
    while rt.handle().metrics().handoffs == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    // Other tests of this process have watchdogs too, but not for long.
    let quiet = (0..300).any(|_| {
        let before = n_watchdog_wakes();
        std::thread::sleep(Duration::from_millis(100));
        n_watchdog_wakes() == before
    });
    assert!(quiet, "the worker counts as running still");
    stop.store(1, Ordering::SeqCst);
    assert_eq!(rt.run(spinner.join()).unwrap(), VT_DONE);
}

#[test]
fn fuel_ends_an_endless_loop_of_a_seeded_run() {
    let stop = AtomicU64::new(0);
    let rt = Builder::seeded(1).fuel(10_000_000).build().unwrap();
    let task = spawn(rt.handle(), &SPIN, SpawnOptions::default(), |f: &mut Spin| {
        f.stop = &raw const stop;
    });
    assert_eq!(rt.run(task.join()).unwrap(), VT_FAULTED);
    assert_eq!(task.fault().unwrap().code, fault_code::FUEL);
}

#[test]
fn stall_names_the_waiting_coroutine() {
    each(|rt| {
        let task = spawn_sleeper(rt.handle(), 50);
        let never = rt.run(async {
            assert_eq!(task.join().await, VT_DONE);
            std::future::pending::<()>().await;
        });
        let stalled = never.unwrap_err();
        assert_eq!(stalled.dump.tasks.len(), 0);

        let dump = rt.block_on(async {
            let task = spawn_sleeper(rt.handle(), 30_000);
            while task.state() != TaskState::Waiting {
                vitte_rt::time::sleep(Duration::from_millis(1)).await;
            }
            let dump = rt.handle().dump();
            task.cancel();
            assert_eq!(task.join().await, VT_CANCELLED);
            dump
        });
        let info = &dump.tasks[0];
        assert_eq!((info.name.as_str(), info.state), ("sleeper", "waiting"));
        assert_eq!(info.machine_state, "sleeping (line 12)");
        assert!(dump.to_string().contains("sleeper: waiting in sleeping (line 12), age "));
    });
}

#[test]
fn a_dump_names_the_frames_down_to_the_leaf() {
    each(|rt| {
        let (dump, trace) = rt.block_on(async {
            rt.handle().start_trace(100);
            let task = spawn(rt.handle(), &OUTER, SpawnOptions::default(), |f: &mut Outer| {
                f.ms = 30_000;
            });
            while task.state() != TaskState::Waiting {
                vitte_rt::time::sleep(Duration::from_millis(1)).await;
            }
            let dump = rt.handle().dump();
            task.cancel();
            assert_eq!(task.join().await, VT_CANCELLED);
            (dump, rt.handle().stop_trace())
        });
        let text = dump.to_string();
        let chain = "outer: waiting in await sleeper (line 20) > sleeper: sleeping (line 12), age ";
        assert!(text.contains(chain), "{text}");
        let names: Vec<&str> = dump.tasks[0].frames.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["outer", "sleeper"]);
        let suspended = trace.events.iter().find_map(|event| match &event.kind {
            TraceKind::Suspend { state, .. } if !state.is_empty() => Some(state.to_string()),
            _ => None,
        });
        assert_eq!(suspended.as_deref(), Some("sleeper: sleeping (line 12)"));
    });
}
