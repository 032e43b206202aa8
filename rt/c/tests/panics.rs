//! A panic of a callback ends its task and nothing else.

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU32, Ordering};

use vitte_c::{
    RawStatus, RuntimeTaskState, WorkerContext, runtime_create, runtime_destroy,
    runtime_enable_auto_shutdown, runtime_run, runtime_spawn, runtime_task_release,
    runtime_task_state, worker_await_after,
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
