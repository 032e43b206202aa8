//! Structured tasks: a scope ends after all its children.
//!
//! Children are `'static`. Children that borrow from the scope would be unsound: the scope is a future,
//! and a future can be forgotten (`mem::forget`) while its children run on over data that is gone. The
//! other way out, a drop that blocks the thread until the children have ended, would hold a worker up that
//! these children may need. So the scope guarantees the order of ends, and data is shared by `Arc`.
//!
//! * **I1** The scope is ready only when its body is over and every child was joined.
//! * **I2** Once the scope is closed (over, or dropped) a spawn makes a task that is aborted at once.

use std::any::Any;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::{error, mem};

use parking_lot::Mutex;

use super::{AbortHandle, JoinSet};
use crate::channel::oneshot;

/// Where children are spawned; see [`scope()`]. Clones are the same scope, and children may have one.
#[derive(Clone)]
pub struct Scope(Arc<Mutex<Children>>);

#[derive(Default)]
struct Children {
    set: JoinSet<()>,
    closed: bool,
}

/// Runs `body`, and waits for all tasks it spawned in its [`Scope`], and for those that they spawned in it.
///
/// If a child panics, the body is dropped, the other children are aborted, and when they have ended the
/// panic goes on here. A child that is aborted is no panic. Dropped before it is ready, the scope drops the
/// body and aborts the children; a drop cannot wait for their end.
///
/// # Panics
///
/// When a child panicked, with its panic; outside of a runtime, when a child is spawned.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// vitte_rt::block_on(async {
///     let total = Arc::new(AtomicU32::new(0));
///     let first = vitte_rt::task::scope(|scope| {
///         let total = total.clone();
///         async move {
///             for n in 1..=10 {
///                 let total = total.clone();
///                 scope.spawn(async move { total.fetch_add(n, Ordering::Relaxed) });
///             }
///             scope.spawn(async { "its value" }).await.unwrap()
///         }
///     })
///     .await;
///     assert_eq!(first, "its value");
///     assert_eq!(total.load(Ordering::Relaxed), 55); // all have ended
/// });
/// ```
pub async fn scope<F, Fut>(body: F) -> Fut::Output
where
    F: FnOnce(Scope) -> Fut,
    Fut: Future,
{
    /// Closes the scope when it is over and when it is dropped.
    struct Close(Scope);
    impl Drop for Close {
        fn drop(&mut self) {
            let mut children = self.0.0.lock();
            children.closed = true;
            let set = mem::take(&mut children.set);
            drop(children);
            drop(set); // outside of the lock: it aborts
        }
    }
    let close = Close(Scope(Arc::default()));
    let scope = &close.0;
    let mut panic = None;
    let output = {
        let mut body = pin!(body(scope.clone()));
        let mut output = None;
        poll_fn(|cx| {
            if output.is_none()
                && let Poll::Ready(ready) = body.as_mut().poll(cx)
            {
                output = Some(ready);
            }
            match scope.poll_children(cx) {
                Poll::Ready(Err(payload)) => {
                    panic = Some(payload);
                    Poll::Ready(())
                }
                Poll::Ready(Ok(())) if output.is_some() => Poll::Ready(()),
                _ => Poll::Pending,
            }
        })
        .await;
        output
    };
    if let Some(payload) = panic {
        scope.abort_children();
        // A second panic is not heard of: there is one caller to tell.
        while poll_fn(|cx| scope.poll_children(cx)).await.is_err() {}
        resume_unwind(payload);
    }
    output.expect("I1: the body is over")
}

impl Scope {
    /// Spawns a future as a child of the scope. If the scope is over, the task is aborted at once.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> ScopeHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (send, output) = oneshot::channel();
        let child = async move {
            let _ = send.send(future.await);
        };
        let mut children = self.0.lock();
        let abort = children.set.spawn(child);
        if children.closed {
            let set = mem::take(&mut children.set); // I2
            drop(children);
            drop(set);
        }
        ScopeHandle { abort, output }
    }

    /// Asks all children to stop at their next suspension. The scope goes on; new ones can be spawned.
    pub fn abort_children(&self) {
        self.0.lock().set.abort_all();
    }

    /// Number of children that have not been joined.
    pub fn n_children(&self) -> usize {
        self.0.lock().set.len()
    }

    /// Joins children that have ended: ready when none is left, or one has panicked.
    fn poll_children(&self, cx: &mut Context<'_>) -> Poll<Result<(), Box<dyn Any + Send>>> {
        loop {
            let next = self.0.lock().set.poll_join_next(cx);
            match next {
                Poll::Ready(Some(Err(error))) => {
                    if let Ok(payload) = error.try_into_panic() {
                        return Poll::Ready(Err(payload));
                    }
                }
                Poll::Ready(Some(Ok(()))) => {}
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({} children)", self.n_children())
    }
}

/// The output of a child; dropping it lets the child run on in its scope.
#[must_use = "dropped it lets the child run on"]
pub struct ScopeHandle<T> {
    abort: AbortHandle,
    output: oneshot::Receiver<T>,
}

/// The child was aborted, or panicked; then the scope panics too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChildLost(());

impl fmt::Display for ChildLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the child was aborted or panicked")
    }
}

impl error::Error for ChildLost {}

impl<T> ScopeHandle<T> {
    /// Asks the child to stop at its next suspension.
    pub fn abort(&self) {
        self.abort.abort();
    }
}

impl<T> Future for ScopeHandle<T> {
    type Output = Result<T, ChildLost>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.output).poll(cx).map(|output| output.map_err(|_| ChildLost(())))
    }
}

impl<T> fmt::Debug for ScopeHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScopeHandle")
    }
}
