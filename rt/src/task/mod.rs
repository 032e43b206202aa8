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
