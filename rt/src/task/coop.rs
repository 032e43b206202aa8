//! The budget of ready operations of a Rust future: what makes a task that never waits give way.
//!
//! A run starts with [`BUDGET`] units. Every operation of the runtime that could wait (a receive, a
//! lock, a read) calls [`spend`] before it is tried: a unit goes, and when none is left the operation
//! wakes its task and says Pending, so that the others get their turn. Threads that run no task have
//! no budget. Coroutines have theirs in the context (`ctx.coop`).

use std::cell::Cell;
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
pub(crate) fn spend(cx: &mut Context<'_>) -> Poll<()> {
    match LEFT.get() {
        u32::MAX => Poll::Ready(()),
        0 => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
        left => {
            LEFT.set(left - 1);
            Poll::Ready(())
        }
    }
}
