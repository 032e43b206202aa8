//! Tokens: whether a task, or the work it stands for, was asked to cancel.
//!
//! A token is a counted reference to a task, so making one is an addition. A future need not look at
//! its own: once cancelled it is dropped where it waits. What never waits must look: a long computation,
//! a closure of [`spawn_blocking`](super::spawn_blocking).

use super::cell::TaskRef;
use crate::blocking;
use crate::scheduler::ThreadCx;

/// Tells whether a task was asked to cancel, and asks it, from any thread.
///
/// # Examples
///
/// ```
/// use vitte_rt::task::{cancel_token, spawn_blocking};
///
/// vitte_rt::block_on(async {
///     let work = spawn_blocking(|| {
///         let token = cancel_token();
///         // A thread of its own, which ends with the work that started it.
///         let helper = std::thread::spawn(move || {
///             while !token.is_cancelled() {
///                 std::thread::yield_now();
///             }
///         });
///         helper.join().unwrap();
///     });
///     work.abort();
///     assert!(work.await.unwrap_err().is_cancelled());
/// });
/// ```
#[derive(Clone, Debug)]
pub struct CancelToken(TaskRef);

impl CancelToken {
    pub(crate) fn of(task: TaskRef) -> Self {
        CancelToken(task)
    }

    /// Asks the task to cancel, and wakes it. Nothing if it is over.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// Whether the task was asked to cancel. Stays so when it is over.
    pub fn is_cancelled(&self) -> bool {
        self.0.header().state.is_cancelled()
    }
}

/// The token of the calling task, or of the task that stands for the calling closure of a
/// [`spawn_blocking`](super::spawn_blocking).
///
/// # Panics
///
/// Outside of both, naming the call.
#[track_caller]
pub fn cancel_token() -> CancelToken {
    current().expect("`cancel_token` outside of a task and of blocking work")
}

/// Whether the calling task was asked to cancel, or the task that stands for the calling closure of a
/// [`spawn_blocking`](super::spawn_blocking). False outside of both.
///
/// # Examples
///
/// ```
/// use vitte_rt::task::{is_cancelled, spawn_blocking};
///
/// let runtime = vitte_rt::runtime::Runtime::new()?;
/// let (tell, told) = std::sync::mpsc::channel();
/// let work = runtime.handle().spawn_blocking(move || {
///     while !is_cancelled() {
///         std::thread::yield_now(); // a piece of the work
///     }
///     tell.send("stopped half-way").unwrap();
/// });
/// work.abort();
/// // Had it not begun yet, it would be gone, and so would be the sender.
/// assert!(matches!(told.recv(), Ok("stopped half-way") | Err(_)));
/// # std::io::Result::Ok(())
/// ```
pub fn is_cancelled() -> bool {
    let of_work = blocking::with_current_token(CancelToken::is_cancelled);
    let of_task = || ThreadCx::with_task(|task| task.header().state.is_cancelled());
    of_work.or_else(of_task).unwrap_or(false)
}

/// Id of the task whose token [`cancel_token`] gives.
pub(super) fn current_id() -> Option<u64> {
    let of_work = blocking::with_current_token(|token| token.0.header().id);
    of_work.or_else(|| ThreadCx::with_task(|task| task.header().id))
}

fn current() -> Option<CancelToken> {
    let of_work = blocking::with_current_token(CancelToken::clone);
    of_work.or_else(|| ThreadCx::with_task(|task| CancelToken(task.clone())))
}
