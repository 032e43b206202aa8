//! Tasks: what the scheduler owns and runs.
//!
//! In: a future (here) or a coroutine frame ([`crate::coroutine`]). Out: a task cell from a worker's
//! heap, that queues, wakers and handles share by counted references.

mod builder;
mod cell;
pub(crate) mod coop;
mod future;
mod heap;
mod join;
mod join_set;
mod joiner;
mod local;
mod local_set;
mod origin;
mod scope;
mod site;
mod state;
mod token;

pub use builder::{Builder, Class};
pub(crate) use cell::{
    Description, Header, Look, Outcome, Queued, RunEnd, TaskRef, VTable, Wakers,
};
pub use coop::{Unconstrained, consume_budget, unconstrained};
pub(crate) use future::spawn_future;
pub(crate) use heap::{Freed, Heap, Pages, alloc_cell, free_cell};
pub use join::{AbortHandle, JoinError, JoinHandle, panic_text};
pub use join_set::JoinSet;
pub use local::{AccessError, LocalKey, TaskLocalFuture};
pub(crate) use local_set::Outside;
pub use local_set::{LocalSet, spawn_local};
pub(crate) use origin::{Details, Origin, Place};
pub use scope::{ChildLost, Scope, ScopeHandle, scope};
pub use site::{SuspendSite, note_suspend};
#[cfg(all(test, loom))]
pub(crate) use state::Woken;
pub(crate) use state::{Completed, Progress, Seen, State};
pub use token::{CancelToken, cancel_token, is_cancelled};

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::runtime::Handle;
use crate::scheduler::ThreadCx;

/// Spawns a future on the runtime of the calling task or thread.
///
/// # Panics
///
/// Outside of a runtime, naming the call.
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let origin = Origin::plain(Location::caller());
    let spawned = ThreadCx::with(|cx| cx.map(|cx| spawn_future(&cx.shared, future, origin)));
    spawned.expect("`spawn` outside of a runtime")
}

/// Runs a closure that blocks on a thread kept for such work (inline in a seeded run).
///
/// Aborting the task drops a closure that has not begun, at once. One that has begun runs on, and the
/// handle says `Cancelled` without waiting for it; it can ask [`is_cancelled`], or for a
/// [`cancel_token`] to give to others, and end itself.
///
/// # Panics
///
/// Outside of a runtime, naming the call.
#[track_caller]
pub fn spawn_blocking<T, F>(body: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    Handle::current().spawn_blocking(body)
}

/// Runs a closure that blocks, on this thread, after another thread has taken over the worker that it
/// plays: the other tasks go on meanwhile. For what cannot go to another thread; else
/// [`spawn_blocking`], which can be aborted before it has begun, costs no new thread.
///
/// Inside of it [`Handle::block_on`] may be called. In a seeded runtime, and in the future of a `block_on`
/// of a current-thread runtime, the closure is just called and all else waits.
///
/// # Examples
///
/// ```
/// use vitte_rt::runtime::{Builder, Handle};
/// use vitte_rt::task::{block_in_place, spawn};
///
/// let runtime = Builder::multi_thread().workers(1).build()?;
/// let (send, receive) = std::sync::mpsc::channel();
/// runtime.block_on(async {
///     let waits = spawn(async move { block_in_place(|| receive.recv()) });
///     let sends = spawn(async move { send.send(1) }); // has a worker all the same
///     assert_eq!(waits.await.unwrap(), Ok(1));
///     sends.await.unwrap().unwrap();
///     let nested = spawn(async { block_in_place(|| Handle::current().block_on(async { 2 })) });
///     assert_eq!(nested.await.unwrap(), 2);
/// });
/// # std::io::Result::Ok(())
/// ```
pub fn block_in_place<R>(body: impl FnOnce() -> R) -> R {
    ThreadCx::block_in_place(body)
}

/// Id of the calling task, or of the task that stands for the calling closure of a [`spawn_blocking`].
///
/// # Panics
///
/// Outside of both, naming the call.
///
/// # Examples
///
/// ```
/// vitte_rt::block_on(async {
///     let task = vitte_rt::spawn(async { vitte_rt::task::id() });
///     let id = task.id();
///     assert_eq!(task.await.unwrap(), id);
///     assert_eq!(vitte_rt::task::try_id(), None, "the future of a `block_on` is no task");
/// });
/// ```
#[track_caller]
pub fn id() -> u64 {
    try_id().expect("`id` outside of a task and of blocking work")
}

/// As [`id`]; `None` outside of both.
pub fn try_id() -> Option<u64> {
    token::current_id()
}

/// Suspends once, so that other tasks get their turn.
#[inline]
pub fn yield_now() -> YieldNow {
    YieldNow(false)
}

/// See [`yield_now`].
#[derive(Debug)]
#[must_use = "nothing yields before this is awaited"]
pub struct YieldNow(bool);

impl Future for YieldNow {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        // A task that yields by its own waker needs no wake-up: its run puts it back.
        if !TaskRef::of_waker(cx.waker()).is_some_and(ThreadCx::yield_task) {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}
