//! `worker_*`: what a callback may ask of its context.

use std::ffi::{c_int, c_void};
use std::future::Future;
use std::io;
use std::os::fd::RawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use vitte_rt::time::sleep;

use crate::guard;
use crate::runtime::{self, Runtime, now_ns};
use crate::task::{
    EventType, IoHandle, RawEvents, ResumeFunc, WakeInfo, WakeReason, WorkerContext,
};
use crate::token::CancelToken;

/// Something a task waits for.
pub(crate) type Wait = Pin<Box<dyn Future<Output = WakeInfo> + Send>>;

/// The context behind a pointer.
///
/// # Safety
///
/// Null, or the context that the calling callback was resumed with.
unsafe fn context<'a>(context: *mut WorkerContext) -> Option<&'a mut WorkerContext> {
    // SAFETY: the caller vouches for the pointer; one resume at a time.
    unsafe { context.as_mut() }
}

/// Registers a wait of the callback that runs.
///
/// # Safety
///
/// As [`context`].
unsafe fn register(
    context: *mut WorkerContext,
    wait: impl Future<Output = WakeInfo> + Send + 'static,
) {
    // SAFETY: the caller vouches for the pointer.
    let Some(c) = (unsafe { self::context(context) }) else { return };
    guard((), || c.waits.push(Box::pin(wait)));
}

fn failed(error: &io::Error, handle: IoHandle) -> WakeInfo {
    let error = error.raw_os_error().unwrap_or(match error.kind() {
        io::ErrorKind::Unsupported => libc::ENOTSUP,
        _ => libc::EIO,
    });
    WakeInfo { reason: WakeReason::Error, error, handle, ..WakeInfo::default() }
}

/// Waits until `fd` has one of `events` (a set of READABLE and WRITABLE). The descriptor stays the
/// caller's; several tasks may wait for one. What can not be waited for resumes the task with
/// WAKE_REASON_ERROR. Several awaits in one resume mean any of them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn worker_await_io(
    context: *mut WorkerContext,
    fd: c_int,
    events: RawEvents,
) {
    // SAFETY: as the caller's.
    unsafe { worker_await_ioh(context, fd as IoHandle, events) }
}

/// As `worker_await_io`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn worker_await_ioh(
    context: *mut WorkerContext,
    handle: IoHandle,
    events: RawEvents,
) {
    // SAFETY: the caller vouches for the pointer.
    let Some(c) = (unsafe { self::context(context) }) else { return };
    let runtime = c.runtime.clone();
    // Relaxed: statistics.
    runtime.io_submitted.fetch_add(1, Ordering::Relaxed);
    let wait = async move {
        let ready = runtime.watch.ready(RawFd::try_from(handle as isize).unwrap_or(-1), events.0);
        match ready.await {
            Ok(events) => {
                WakeInfo { reason: WakeReason::Io, events, handle, ..WakeInfo::default() }
            }
            Err(error) => failed(&error, handle),
        }
    };
    // SAFETY: as the caller's.
    unsafe { register(context, wait) };
}

async fn timer(duration: Duration) -> WakeInfo {
    sleep(duration).await;
    let events = EventType::Timer as u32;
    WakeInfo { reason: WakeReason::Timer, events, ..WakeInfo::default() }
}

/// Waits until `rt_now_ns` shows `deadline_ns`, never less.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn worker_await_deadline(context: *mut WorkerContext, deadline_ns: u64) {
    let duration = Duration::from_nanos(deadline_ns.saturating_sub(now_ns()));
    // SAFETY: as the caller's.
    unsafe { register(context, timer(duration)) };
}

/// Waits for at least so many milliseconds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn worker_await_after(context: *mut WorkerContext, millis: u64) {
    // SAFETY: as the caller's.
    unsafe { register(context, timer(Duration::from_millis(millis))) };
}

/// As `worker_await_after`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vex_async_sleep(context: *mut WorkerContext, millis: u64) {
    // SAFETY: as the caller's.
    unsafe { worker_await_after(context, millis) };
}

/// Waits until somebody calls `runtime_task_wake` for this task. A call that came since the last
/// such await, also before the first, counts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn worker_await_wake(context: *mut WorkerContext) {
    // SAFETY: the caller vouches for the pointer.
    let Some(c) = (unsafe { self::context(context) }) else { return };
    let control = Arc::clone(&c.control().1);
    let wait = std::future::poll_fn(move |cx| {
        control.leave_waker(cx.waker()); // before the look: who comes after it finds the waker
        // AcqRel: what the waker did before is seen.
        if control.woken.swap(false, Ordering::AcqRel) {
            return Poll::Ready(WakeInfo { reason: WakeReason::Wake, ..WakeInfo::default() });
        }
        Poll::Pending
    });
    // SAFETY: as the caller's.
    unsafe { register(context, wait) };
}

/// Why the task was resumed this time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn worker_wake_reason(context: *mut WorkerContext) -> WakeReason {
    // SAFETY: the caller vouches for the pointer.
    unsafe { self::context(context) }.map_or(WakeReason::Start, |c| c.info.reason)
}

/// As `worker_wake_reason`, with all that is known of it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn worker_wake_info(context: *mut WorkerContext, info: *mut WakeInfo) {
    // SAFETY: the caller vouches for the pointer.
    if let Some(c) = unsafe { self::context(context) }
        && !info.is_null()
    {
        // SAFETY: the caller gives a place for it.
        unsafe { info.write(c.info) };
    }
}

/// The pointer that the task was spawned with.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn worker_data(context: *mut WorkerContext) -> *mut c_void {
    // SAFETY: the caller vouches for the pointer.
    unsafe { self::context(context) }.map_or(std::ptr::null_mut(), |c| c.data)
}

/// The runtime of the task; valid as long as the task.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn worker_runtime(context: *mut WorkerContext) -> *mut Runtime {
    // SAFETY: the caller vouches for the pointer.
    let c = unsafe { self::context(context) };
    c.map_or(std::ptr::null_mut(), |c| Arc::as_ptr(&c.runtime).cast_mut())
}

/// Spawns a task that this worker will run unless another is idle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn worker_spawn_local(
    context: *mut WorkerContext,
    resume: ResumeFunc,
    data: *mut c_void,
) {
    // SAFETY: the caller vouches for the pointer.
    let Some(c) = (unsafe { self::context(context) }) else { return };
    guard((), || runtime::spawn(&c.runtime, resume, data, None));
}

/// The token of this task. It asks for a cancel by `cancel_request`, from anywhere, and resumes the
/// task; a name that may be used for ever, even after the task is over.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn worker_cancel_token(context: *mut WorkerContext) -> *mut CancelToken {
    guard(std::ptr::null_mut(), || {
        // SAFETY: the caller vouches for the pointer.
        let c = unsafe { self::context(context) };
        c.map_or(std::ptr::null_mut(), |c| std::ptr::without_provenance_mut(c.control().0))
    })
}
