//! rustc's machine, with named suspend points.
//!
//! Each await operand is wrapped in [`At`], which notes its site in the cell of the task when it
//! answers Pending. The site is part of the type: the wrapper has no bytes of its own. The whole
//! knows whether it has returned, which takes a word at most. Executors that swap wakers hide the
//! notes.

use super::{Coroutine, Task};
use crate::rt::task::note_suspend;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use vitte_abi::LayoutRecord;

/// The static description behind a native task, as a type.
pub trait Sites {
    /// The function and its suspend points.
    const TASK: &'static Task;
}

/// A future of rustc's making that knows its suspend points.
#[derive(Debug)]
pub enum Native<F, S> {
    /// Not yet finished.
    Running(F, PhantomData<fn() -> S>),
    /// Finished; the future was dropped in place.
    Returned,
}

/// Wraps a future; `S` describes it.
pub fn native<S: Sites, F: Future>(future: F) -> Native<F, S> {
    Native::Running(future, PhantomData)
}

impl<F: Future, S: Sites> Future for Native<F, S> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: the future is not moved out of `this`; it is overwritten, hence dropped, in place.
        let this = unsafe { self.get_unchecked_mut() };
        let Native::Running(future, _) = this else {
            panic!("`{}` was polled after it returned", S::TASK.name)
        };
        // SAFETY: the future is pinned because the whole is.
        let poll = unsafe { Pin::new_unchecked(future) }.poll(cx);
        if poll.is_ready() {
            *this = Native::Returned;
        }
        poll
    }
}

impl<F: Future, S: Sites> Coroutine for Native<F, S> {
    fn state_name(&self) -> &'static str {
        match self {
            Native::Running(..) => "native",
            Native::Returned => "returned",
        }
    }

    fn layout(&self) -> LayoutRecord {
        S::TASK.record("native", size_of::<Self>(), align_of::<Self>())
    }

    fn is_done(&self) -> bool {
        matches!(self, Native::Returned)
    }
}

/// The operand of the await with number `I` of the function that `S` describes.
#[derive(Debug)]
pub struct At<const I: usize, F, S>(F, PhantomData<fn() -> S>);

/// Wraps an await operand.
#[inline]
pub fn at<const I: usize, S: Sites, F: IntoFuture>(operand: F) -> At<I, F::IntoFuture, S> {
    At(operand.into_future(), PhantomData)
}

impl<const I: usize, F: Future, S: Sites> Future for At<I, F, S> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: the only field that is ever touched, and it is not moved.
        let poll = unsafe { self.map_unchecked_mut(|at| &mut at.0) }.poll(cx);
        if poll.is_pending() {
            note_suspend(cx.waker(), &S::TASK.sites[I]);
        }
        poll
    }
}
