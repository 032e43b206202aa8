//! A panic of a callback ends its task and nothing else: fault 2 for C callbacks, each panic against each
//! way to be done with the task, at each time and by whom.

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use vitte_c::{
    RawStatus, Runtime, RuntimeTask, RuntimeTaskState, WorkerContext, cancel_request,
    runtime_create, runtime_destroy, runtime_enable_auto_shutdown, runtime_run, runtime_spawn,
    runtime_spawn_global, runtime_task_release, runtime_task_state, runtime_task_token,
    runtime_task_wait, runtime_task_wake, worker_await_after, worker_await_wake,
    worker_cancel_token,
};

static N_DROPS: AtomicU32 = AtomicU32::new(0);

unsafe extern "C-unwind" fn panics(context: *mut WorkerContext, data: *mut c_void) -> RawStatus {
    // SAFETY: the context of this resume.
    unsafe { worker_await_after(context, 1_000_000) };
    assert!(!data.is_null(), "a callback panics");
    RawStatus(2)
}

unsafe extern "C-unwind" fn dropped(data: *mut c_void, state: RuntimeTaskState) {
    let expected = if data.is_null() { RuntimeTaskState::Faulted } else { RuntimeTaskState::Done };
    assert_eq!(state, expected);
    N_DROPS.fetch_add(1, Ordering::SeqCst);
    assert!(!data.is_null(), "a drop callback panics");
}

#[test]
fn a_panic_ends_its_task_only() {
    let runtime = runtime_create(1);
    // SAFETY: the runtime lives until it is destroyed below.
    unsafe { runtime_enable_auto_shutdown(runtime, true) };
    let mut one = 1u32;
    let spawn = |data: *mut u32| {
        // SAFETY: as above; the data outlives the run.
        unsafe { runtime_spawn(runtime, Some(panics), data.cast(), Some(dropped)) }
    };
    let tasks = [spawn(null_mut()), spawn(&raw mut one), spawn(null_mut())];
    // SAFETY: as above.
    unsafe { runtime_run(runtime) };
    let states = tasks.map(|task| runtime_task_state(task));
    use RuntimeTaskState::{Done, Faulted};
    assert_eq!(states, [Faulted, Done, Faulted]);
    assert_eq!(N_DROPS.load(Ordering::SeqCst), 3);
    tasks.into_iter().for_each(|task| runtime_task_release(task));
    // SAFETY: used no more.
    unsafe { runtime_destroy(runtime) };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Panics {
    Nowhere,
    /// In the resume that would be the last.
    OnResume,
    /// In the drop callback, the end of both the callback's data and its result.
    OnDrop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Joined,
    Released,
    Cancelled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    BeforeRun,
    Suspended,
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whom {
    /// The callback's own resume.
    Itself,
    /// A thread that knows no runtime.
    Thread,
}

/// What a subject and its test share: the `data` of the task.
struct Seen {
    panics: Panics,
    end: End,
    itself: bool,
    n_resumes: AtomicU32,
    n_drops: AtomicU32,
    task: Mutex<usize>,
}

impl Seen {
    fn new() -> Self {
        Seen {
            panics: Panics::Nowhere,
            end: End::Joined,
            itself: false,
            n_resumes: AtomicU32::new(0),
            n_drops: AtomicU32::new(0),
            task: Mutex::new(0),
        }
    }
}

unsafe extern "C-unwind" fn subject(context: *mut WorkerContext, data: *mut c_void) -> RawStatus {
    // SAFETY: the data of every subject is a `Seen` that outlives it.
    let seen = unsafe { &*data.cast::<Seen>() };
    if seen.n_resumes.fetch_add(1, Ordering::SeqCst) == 0 {
        // SAFETY: the context of this resume.
        unsafe { worker_await_wake(context) };
        return RawStatus(1);
    }
    if seen.itself {
        let task = *seen.task.lock().unwrap() as *mut RuntimeTask;
        match seen.end {
            // It may not wait for itself, and is told so.
            End::Joined => assert!(!runtime_task_wait(task, 0)),
            End::Released => {}
            // SAFETY: the context of this resume.
            End::Cancelled => cancel_request(unsafe { worker_cancel_token(context) }),
        }
        runtime_task_release(task);
    }
    assert!(seen.panics != Panics::OnResume, "on resume");
    RawStatus(2)
}

unsafe extern "C-unwind" fn subject_dropped(data: *mut c_void, _: RuntimeTaskState) {
    // SAFETY: as in `subject`.
    let seen = unsafe { &*data.cast::<Seen>() };
    seen.n_drops.fetch_add(1, Ordering::SeqCst);
    assert!(seen.panics != Panics::OnDrop, "on drop");
}

fn until(holds: impl Fn() -> bool) {
    while !holds() {
        std::thread::yield_now();
    }
}

/// What a foreign thread does about the task.
fn act(task: usize, end: End, seen: &Seen) {
    let task = task as *mut RuntimeTask;
    match end {
        End::Joined => {
            runtime_task_wake(task);
            assert!(runtime_task_wait(task, u64::MAX));
        }
        End::Released => runtime_task_wake(task),
        End::Cancelled => cancel_request(runtime_task_token(task)),
    }
    until(|| seen.n_drops.load(Ordering::SeqCst) > 0);
    runtime_task_release(task);
}

fn play(panics: Panics, end: End, when: When, whom: Whom) {
    let case = format!("{panics:?} {end:?} {when:?} {whom:?}");
    let itself = whom == Whom::Itself;
    let seen = Seen { panics, end, itself, ..Seen::new() };
    let runtime: *mut Runtime = runtime_create(1);
    // SAFETY: the runtime lives until it is destroyed below.
    unsafe { runtime_enable_auto_shutdown(runtime, true) };
    let data = (&raw const seen).cast_mut().cast();
    // SAFETY: as above; the data outlives the run.
    let task = unsafe { runtime_spawn(runtime, Some(subject), data, Some(subject_dropped)) };
    *seen.task.lock().unwrap() = task as usize;
    if when == When::BeforeRun {
        // A wake-up before the first resume is one of a task that runs anyway.
        runtime_task_wake(task);
    }
    let name = task as usize;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            match when {
                When::BeforeRun => {}
                When::Suspended => until(|| seen.n_resumes.load(Ordering::SeqCst) > 0),
                When::Over => {
                    until(|| seen.n_resumes.load(Ordering::SeqCst) > 0);
                    until(|| {
                        runtime_task_wake(name as *mut RuntimeTask);
                        seen.n_drops.load(Ordering::SeqCst) > 0
                    });
                }
            }
            if whom == Whom::Thread {
                return act(name, end, &seen);
            }
            until(|| {
                runtime_task_wake(name as *mut RuntimeTask);
                seen.n_drops.load(Ordering::SeqCst) > 0
            });
        });
        // SAFETY: as above.
        unsafe { runtime_run(runtime) };
    });
    assert_eq!(seen.n_drops.load(Ordering::SeqCst), 1, "{case}");
    assert_eq!(seen.n_resumes.load(Ordering::SeqCst), 2, "{case}");
    // A released name is that of a task that is gone.
    assert_eq!(runtime_task_state(task), RuntimeTaskState::Dropped, "{case}");
    // The runtime is as good as new.
    let next = Seen::new();
    let data = (&raw const next).cast_mut().cast();
    // SAFETY: as above.
    unsafe { runtime_spawn_global(runtime, Some(done), data) };
    // SAFETY: as above.
    unsafe { runtime_run(runtime) };
    assert_eq!(next.n_resumes.load(Ordering::SeqCst), 1, "{case}");
    // SAFETY: used no more.
    unsafe { runtime_destroy(runtime) };
}

unsafe extern "C-unwind" fn done(_: *mut WorkerContext, data: *mut c_void) -> RawStatus {
    // SAFETY: as in `subject`.
    let seen = unsafe { &*data.cast::<Seen>() };
    seen.n_resumes.fetch_add(1, Ordering::SeqCst);
    RawStatus(2)
}

#[test]
fn fault_2_every_panic_against_every_end() {
    for panics in [Panics::Nowhere, Panics::OnResume, Panics::OnDrop] {
        for end in [End::Joined, End::Released, End::Cancelled] {
            for when in [When::BeforeRun, When::Suspended, When::Over] {
                for whom in [Whom::Itself, Whom::Thread] {
                    play(panics, end, when, whom);
                }
            }
        }
    }
}
