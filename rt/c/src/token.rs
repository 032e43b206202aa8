//! Tokens and handles: the two kinds of name a task can have outside of itself.

use std::sync::atomic::Ordering;

use crate::guard;
use crate::names;
use crate::task::RuntimeTaskState;

/// Asks one task to cancel. A name, not an address: using it after the task is over does nothing.
pub struct CancelToken(());

/// A task, for others. A name, not an address: using it after it was released does nothing, once
/// the task is over too.
pub struct RuntimeTask(());

/// Whether the task of `token` was asked to cancel; false once the task is over and the token was
/// not retained.
#[unsafe(no_mangle)]
pub extern "C" fn cancel_requested(token: *const CancelToken) -> bool {
    // Acquire: what the asker did before is seen.
    guard(false, || names::get(token.addr()).is_some_and(|c| c.cancel.load(Ordering::Acquire)))
}

/// Asks the task of `token` to cancel: it is resumed with WAKE_REASON_CANCEL, once, when it is or next
/// becomes suspended, and its awaits are void. From any thread.
#[unsafe(no_mangle)]
pub extern "C" fn cancel_request(token: *mut CancelToken) {
    guard((), || {
        let Some(control) = names::get(token.addr()) else { return };
        // AcqRel: what we did before is seen by the task.
        if !control.cancel.swap(true, Ordering::AcqRel) {
            control.wake();
        }
    });
}

/// Keeps what a token says readable after its task is over, until it is released.
#[unsafe(no_mangle)]
pub extern "C" fn cancel_token_retain(token: *mut CancelToken) {
    guard((), || names::get(token.addr()).into_iter().for_each(|c| c.retain()));
}

/// Gives back what `cancel_token_retain` took.
#[unsafe(no_mangle)]
pub extern "C" fn cancel_token_release(token: *mut CancelToken) {
    guard((), || names::get(token.addr()).into_iter().for_each(|c| c.release(token.addr())));
}

/// The token of a task.
#[unsafe(no_mangle)]
pub extern "C" fn runtime_task_token(task: *mut RuntimeTask) -> *mut CancelToken {
    task.cast()
}

/// Resumes a task that waits in `worker_await_wake`, now or when it next does.
#[unsafe(no_mangle)]
pub extern "C" fn runtime_task_wake(task: *mut RuntimeTask) {
    guard((), || {
        let Some(control) = names::get(task.addr()) else { return };
        // AcqRel: what we did before is seen by the task.
        control.woken.store(true, Ordering::Release);
        control.wake();
    });
}

/// How far a task is. DROPPED too for a name that names nothing any more.
#[unsafe(no_mangle)]
pub extern "C" fn runtime_task_state(task: *const RuntimeTask) -> RuntimeTaskState {
    let gone = RuntimeTaskState::Dropped;
    guard(gone, || names::get(task.addr()).map_or(gone, |c| c.state()))
}

/// Waits on this thread until a task is over, for at most `timeout_ns` (UINT64_MAX: for ever); true
/// if it is. Inside of a callback it does not wait.
#[unsafe(no_mangle)]
pub extern "C" fn runtime_task_wait(task: *const RuntimeTask, timeout_ns: u64) -> bool {
    guard(false, || {
        let inside = vitte_rt::runtime::Handle::try_current().is_some();
        names::get(task.addr()).is_none_or(|c| c.wait(if inside { 0 } else { timeout_ns }))
    })
}

/// Gives a handle back; the task runs on by itself.
#[unsafe(no_mangle)]
pub extern "C" fn runtime_task_release(task: *mut RuntimeTask) {
    guard((), || names::get(task.addr()).into_iter().for_each(|c| c.release(task.addr())));
}
