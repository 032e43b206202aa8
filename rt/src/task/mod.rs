//! Tasks: what the scheduler owns and runs.
//!
//! In: a future (here) or a coroutine frame ([`crate::coroutine`]). Out: a task cell, one
//! allocation, that queues, wakers, the registry and handles share by counted references.

mod cell;
mod future;
mod join;
mod join_set;
mod local;
mod registry;
mod scope;
mod site;
mod state;

pub(crate) use cell::{Description, Header, Outcome, RunEnd, TaskRef, VTable, Wakers};
pub(crate) use future::new_future_task;
pub(crate) use join::panic_text;
pub use join::{AbortHandle, JoinError, JoinHandle};
pub use join_set::JoinSet;
pub use local::{AccessError, LocalKey, TaskLocalFuture};
pub(crate) use registry::{Links, Registry};
pub use scope::{ChildLost, Scope, ScopeHandle, scope};
pub(crate) use site::SiteCell;
pub use site::{SuspendSite, note_suspend};
pub(crate) use state::{Progress, State};

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::runtime::Handle;

/// Spawns a future on the runtime of the calling task or thread.
///
/// # Panics
///
/// Outside of a runtime.
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    Handle::current().spawn(future)
}

/// Runs a closure that blocks on a thread kept for such work (inline in a seeded run).
///
/// # Panics
///
/// Outside of a runtime.
pub fn spawn_blocking<T, F>(body: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    Handle::current().spawn_blocking(body)
}

/// Suspends once, so that other tasks get their turn.
pub async fn yield_now() {
    YieldNow(false).await;
}

struct YieldNow(bool);

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
