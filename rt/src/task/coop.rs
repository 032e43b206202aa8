//! The budget of ready operations of a Rust future: what makes a task that never waits give way.
//!
//! A run starts with [`BUDGET`] units. Every operation of the runtime that could wait (a receive, a
//! lock, a read) calls [`spend`] before it is tried: a unit goes, and when none is left the operation
//! wakes its task and says Pending, so that the others get their turn. Threads that run no task have
//! no budget. Coroutines have theirs in the context (`ctx.coop`).

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Ready operations of one run.
const BUDGET: u32 = 128;

thread_local! {
    static LEFT: Cell<u32> = const { Cell::new(u32::MAX) };
}

/// A run begins, or a poll of the future of a `block_on`.
#[inline]
pub(crate) fn reset() {
    LEFT.set(BUDGET);
}

/// The run has only `n` units left, if it had more.
pub(crate) fn cut(n: u32) {
    LEFT.set(LEFT.get().min(n));
}

/// Units that the run has left, at most those of a whole run.
pub(crate) fn left() -> u32 {
    LEFT.get().min(BUDGET)
}

/// What is left, to be [`restore`]d after a run inside of this one.
pub(crate) fn save() -> u32 {
    LEFT.get()
}

/// Goes on with what was left.
pub(crate) fn restore(left: u32) {
    LEFT.set(left);
}

/// The thread leaves the runtime.
pub(crate) fn lift() {
    LEFT.set(u32::MAX);
}

/// Spends a unit if there is one: for operations that are ready more often than not, before the way
/// that waits ([`spend`]).
#[inline]
pub(crate) fn try_spend() -> bool {
    match LEFT.get() {
        u32::MAX => true,
        0 => false,
        left => {
            LEFT.set(left - 1);
            true
        }
    }
}

/// Spends a unit, or makes the caller wait for its next run: it answers Pending then and is polled
/// again.
#[inline]
pub(crate) fn spend(cx: &mut Context<'_>) -> Poll<()> {
    if try_spend() {
        return Poll::Ready(());
    }
    wait_for_more(cx)
}

#[cold]
fn wait_for_more(cx: &Context<'_>) -> Poll<()> {
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// Spends a unit of the task's budget, and suspends if none is left: for long work that waits for nothing,
/// a call of this now and then lets the other tasks get their turn. It costs less than
/// [`yield_now`](super::yield_now), which suspends each time.
///
/// # Examples
///
/// ```
/// vitte_rt::block_on(async {
///     let mut sum = 0;
///     for n in 0..1000 {
///         sum += n;
///         vitte_rt::task::consume_budget().await;
///     }
///     assert_eq!(sum, 499_500);
/// });
/// ```
pub async fn consume_budget() {
    poll_fn(spend).await;
}

/// A future whose operations spend no budget: it is suspended only when it must wait. What is always
/// ready in it keeps the worker from all other tasks; see [`consume_budget`].
///
/// # Examples
///
/// ```
/// use vitte_rt::channel::mpsc;
/// use vitte_rt::task::unconstrained;
///
/// vitte_rt::block_on(async {
///     let (tx, mut rx) = mpsc::unbounded_channel();
///     (0..1000).for_each(|n| tx.send(n).unwrap());
///     let mut polls = 0;
///     let mut all = std::pin::pin!(unconstrained(async {
///         for _ in 0..1000 {
///             rx.recv().await;
///         }
///     }));
///     std::future::poll_fn(|cx| {
///         polls += 1;
///         all.as_mut().poll(cx)
///     })
///     .await;
///     assert_eq!(polls, 1);
/// });
/// ```
pub fn unconstrained<F>(future: F) -> Unconstrained<F> {
    Unconstrained(future)
}

/// See [`unconstrained`].
#[derive(Debug)]
#[must_use = "a future does nothing unless awaited"]
pub struct Unconstrained<F>(F);

/// Gives the budget back that there was.
struct Limited(u32);

impl Drop for Limited {
    fn drop(&mut self) {
        restore(self.0);
    }
}

impl<F: Future> Future for Unconstrained<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let _limited = Limited(save());
        lift();
        // SAFETY: the one field, which is pinned with the rest.
        unsafe { self.map_unchecked_mut(|this| &mut this.0) }.poll(cx)
    }
}
