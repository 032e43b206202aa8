//! `runtime_*`: a runtime, from its creation to its end.

use std::ffi::{c_char, c_int, c_void};
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use vitte_rt::readiness::Watch;
use vitte_rt::runtime as rt;

use crate::guard;
use crate::task::{DropFunc, ResumeFunc, Task};
use crate::token::RuntimeTask;
use crate::trace::Tracing;

/// How long `runtime_destroy` waits for a callback that does not return.
const DESTROY: Duration = Duration::from_secs(5);

/// A runtime.
pub struct Runtime {
    pub(crate) handle: rt::Handle,
    gate: Mutex<Gate>,
    /// The gate changed, or the last task of an automatic runtime is over.
    changed: Condvar,
    n_live: AtomicUsize,
    auto_shutdown: AtomicBool,
    /// `runtime_shutdown` or `runtime_destroy` was called and no run has taken note: no callback is to
    /// begin any more in this run. Written under the gate.
    ending: AtomicBool,
    pub(crate) io_submitted: AtomicU64,
    pub(crate) watch: Watch,
    pub(crate) tracing: Tracing,
}

struct Gate {
    /// Gone once the runtime is destroyed.
    rt: Option<Arc<rt::Runtime>>,
    running: bool,
}

/// What a runtime has done since it was created.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuntimeStats {
    /// Tasks that were spawned.
    pub tasks_spawned: u64,
    /// Tasks that are over.
    pub tasks_done: u64,
    /// Wake-ups by descriptors and timers.
    pub poller_events: u64,
    /// Awaits of descriptors.
    pub io_submitted: u64,
    /// Times a worker took tasks from another.
    pub steals: u64,
    /// Times a worker went to sleep.
    pub parks: u64,
    /// Times a sleeping worker was woken for work.
    pub unparks: u64,
}

/// The runtime behind a pointer, if it is not null.
///
/// # Safety
///
/// Null, or of `runtime_create` and not destroyed, or of `worker_runtime` in a resume.
pub(crate) unsafe fn runtime(runtime: *const Runtime) -> Option<Arc<Runtime>> {
    if runtime.is_null() {
        return None;
    }
    // SAFETY: the pointer is an `Arc`'s (caller); this counts the reference that is made next.
    unsafe { Arc::increment_strong_count(runtime) };
    // SAFETY: as above.
    Some(unsafe { Arc::from_raw(runtime) })
}

impl Runtime {
    /// A task of this runtime was made.
    pub(crate) fn enter_task(&self) {
        // Relaxed: the look for zero is made after the spawn, in the same or an ordered thread.
        self.n_live.fetch_add(1, Ordering::Relaxed);
    }

    /// A task of this runtime is gone.
    pub(crate) fn leave_task(&self) {
        // AcqRel: who sees zero sees what the tasks did.
        let last = self.n_live.fetch_sub(1, Ordering::AcqRel) == 1;
        if last && self.auto_shutdown.load(Ordering::Acquire) {
            drop(self.gate.lock()); // a run is waiting by now, or looks after us
            self.changed.notify_all();
        }
    }

    /// Whether callbacks are to wait for the next run. The worker threads go on for a moment after a
    /// shutdown, until the thread that runs them stops them: a task that they still take is put back.
    pub(crate) fn is_ending(&self) -> bool {
        // Acquire: a resume that comes after the shutdown by the order of events sees it.
        self.ending.load(Ordering::Acquire)
    }

    fn is_to_end(&self, gate: &Gate) -> bool {
        // Acquire: pairs with `leave_task`.
        let idle = self.n_live.load(Ordering::Acquire) == 0;
        self.is_ending()
            || gate.rt.is_none()
            || (idle && self.auto_shutdown.load(Ordering::Acquire))
    }

    fn run(&self) {
        let mut gate = self.gate.lock();
        if gate.running {
            while gate.running {
                self.changed.wait(&mut gate);
            }
            return;
        }
        let Some(workers) = gate.rt.clone() else { return };
        gate.running = true;
        drop(gate);
        if let Err(error) = workers.start_workers() {
            eprintln!("vitte: runtime_run: {error}");
            self.shut_down();
        }
        let mut gate = self.gate.lock();
        while !self.is_to_end(&gate) {
            self.changed.wait(&mut gate);
        }
        drop(gate);
        workers.stop_workers();
        // If it was destroyed by one of its callbacks, this ends it.
        close(workers);
        let mut gate = self.gate.lock();
        gate.running = false;
        // Release, here and in what ends a run: pairs with `is_ending`.
        self.ending.store(false, Ordering::Release);
        drop(gate);
        self.changed.notify_all();
    }

    fn shut_down(&self) {
        let gate = self.gate.lock();
        self.ending.store(true, Ordering::Release);
        drop(gate);
        self.changed.notify_all();
    }
}

/// Ends the runtime if this is the last reference to it.
fn close(workers: Arc<rt::Runtime>) {
    if let Some(workers) = Arc::into_inner(workers) {
        workers.shutdown(DESTROY);
    }
}

/// A runtime with so many workers; 0: one per processor. NULL if `workers` is negative or the system
/// has no descriptor to give. Nothing runs before `runtime_run`.
#[unsafe(no_mangle)]
pub extern "C" fn runtime_create(workers: c_int) -> *mut Runtime {
    guard(null_mut(), || {
        let Ok(n_workers) = usize::try_from(workers) else { return null_mut() };
        let mut builder = rt::Builder::multi_thread().stopped();
        if n_workers > 0 {
            builder = builder.workers(n_workers);
        }
        let Ok(workers) = builder.build() else { return null_mut() };
        let runtime = Runtime {
            handle: workers.handle().clone(),
            gate: Mutex::new(Gate { rt: Some(Arc::new(workers)), running: false }),
            changed: Condvar::new(),
            n_live: AtomicUsize::new(0),
            auto_shutdown: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            io_submitted: AtomicU64::new(0),
            watch: Watch::new(),
            tracing: Tracing::default(),
        };
        Arc::into_raw(Arc::new(runtime)).cast_mut()
    })
}

/// Frees a runtime. Tasks that are not over are dropped without being resumed: their drop callbacks
/// are called. A run in progress is ended first; called by one of its callbacks, it ends after that
/// returns. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn runtime_destroy(runtime: *mut Runtime) {
    guard((), || {
        if runtime.is_null() {
            return;
        }
        // SAFETY: of `runtime_create`, and the caller uses it no more.
        let runtime = unsafe { Arc::from_raw(runtime) };
        let inside = is_inside(&runtime);
        let mut gate = runtime.gate.lock();
        let workers = gate.rt.take();
        runtime.ending.store(true, Ordering::Release);
        runtime.changed.notify_all();
        while gate.running && !inside {
            runtime.changed.wait(&mut gate);
        }
        drop(gate);
        workers.into_iter().for_each(close);
    });
}

/// Whether the calling thread runs a task of this runtime.
fn is_inside(runtime: &Runtime) -> bool {
    rt::Handle::try_current().is_some_and(|here| here.is_same(&runtime.handle))
}

/// Makes a task and queues it. Nothing without a function.
pub(crate) fn spawn(runtime: &Arc<Runtime>, resume: ResumeFunc, data: *mut c_void, drop: DropFunc) {
    let Some(resume) = resume else { return };
    let _detached = runtime.handle.spawn(Task::new(runtime.clone(), resume, data, drop));
}

/// Spawns a task; before, during and between runs, from any thread, in a callback too. A task that
/// is not over when a run ends goes on in the next.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn runtime_spawn_global(
    runtime: *mut Runtime,
    resume: ResumeFunc,
    data: *mut c_void,
) {
    guard((), || {
        // SAFETY: the caller vouches for the runtime.
        let Some(runtime) = (unsafe { self::runtime(runtime) }) else { return };
        spawn(&runtime, resume, data, None);
    });
}

/// As `runtime_spawn_global`, with a function that is called once when the task is over (or NULL),
/// and a handle, which the caller gives back by `runtime_task_release`. NULL without runtime or
/// function; `drop` is not called then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn runtime_spawn(
    runtime: *mut Runtime,
    resume: ResumeFunc,
    data: *mut c_void,
    drop: DropFunc,
) -> *mut RuntimeTask {
    guard(null_mut(), || {
        // SAFETY: the caller vouches for the runtime.
        let runtime = unsafe { self::runtime(runtime) };
        let (Some(runtime), Some(resume)) = (runtime, resume) else { return null_mut() };
        let mut task = Task::new(runtime.clone(), resume, data, drop);
        let name = task.name();
        let _detached = runtime.handle.spawn(task);
        std::ptr::without_provenance_mut(name)
    })
}

/// Runs the tasks until `runtime_shutdown` or, with auto-shutdown, until none is left. The calling
/// thread waits meanwhile; when it returns no callback runs. May be called again. Does nothing inside
/// of a callback of the same runtime; a second thread that calls it waits for the first one's run.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn runtime_run(runtime: *mut Runtime) {
    guard((), || {
        // SAFETY: the caller vouches for the runtime.
        let Some(runtime) = (unsafe { self::runtime(runtime) }) else { return };
        if is_inside(&runtime) {
            eprintln!("vitte: runtime_run inside of a callback of the same runtime does nothing");
            return;
        }
        runtime.run();
    });
}

/// Ends the run in progress, or the next one as soon as it begins, after the callbacks that are
/// running. From any thread, in a callback too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn runtime_shutdown(runtime: *mut Runtime) {
    // SAFETY: the caller vouches for the runtime.
    guard((), || unsafe { self::runtime(runtime) }.into_iter().for_each(|r| r.shut_down()));
}

/// Whether a run ends by itself, at once, when no task of this runtime is left.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn runtime_enable_auto_shutdown(runtime: *mut Runtime, enabled: bool) {
    guard((), || {
        // SAFETY: the caller vouches for the runtime.
        let Some(runtime) = (unsafe { self::runtime(runtime) }) else { return };
        // Release: pairs with `leave_task` and `is_to_end`.
        runtime.auto_shutdown.store(enabled, Ordering::Release);
        drop(runtime.gate.lock());
        runtime.changed.notify_all();
    });
}

/// Fills in what the runtime has done so far.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn runtime_get_stats(runtime: *mut Runtime, stats: *mut RuntimeStats) {
    guard((), || {
        // SAFETY: the caller vouches for the runtime.
        let Some(runtime) = (unsafe { self::runtime(runtime) }) else { return };
        let metrics = runtime.handle.metrics();
        let said = RuntimeStats {
            tasks_spawned: metrics.spawned,
            tasks_done: metrics.completed,
            poller_events: metrics.io_wakes + metrics.timers_fired,
            // Relaxed: statistics.
            io_submitted: runtime.io_submitted.load(Ordering::Relaxed),
            steals: metrics.steals,
            parks: metrics.parks,
            unparks: metrics.unparks,
        };
        if !stats.is_null() {
            // SAFETY: the caller gives a place for it.
            unsafe { stats.write(said) };
        }
    });
}

/// Writes the tasks that are not over, as text, into `buffer` of `size` bytes, as far as it goes and
/// with a 0 at its end; answers the bytes of the whole text without the 0. From any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn runtime_dump(
    runtime: *mut Runtime,
    buffer: *mut c_char,
    size: usize,
) -> usize {
    guard(0, || {
        // SAFETY: the caller vouches for the runtime.
        let Some(runtime) = (unsafe { self::runtime(runtime) }) else { return 0 };
        let text = runtime.handle.dump().to_string();
        if !buffer.is_null() && size > 0 {
            let n = text.len().min(size - 1);
            // SAFETY: the caller gives `size` bytes, of which `n + 1` are used.
            unsafe { buffer.cast::<u8>().copy_from_nonoverlapping(text.as_ptr(), n) };
            // SAFETY: as above.
            let end = unsafe { buffer.add(n) };
            // SAFETY: as above.
            unsafe { end.write(0) };
        }
        text.len()
    })
}

/// Nanoseconds on a clock that only goes forward (`CLOCK_MONOTONIC`).
#[unsafe(no_mangle)]
pub extern "C" fn rt_now_ns() -> u64 {
    now_ns()
}

pub(crate) fn now_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a valid place for the answer; the clock exists everywhere.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
