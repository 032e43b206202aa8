//! The futures behind `join!`, `try_join!` and `select!` of an explicit machine.
//!
//! One await needs one future: a list of all that are awaited at once, `Both<A, Both<B, ()>>`, polled in
//! their order. They are dropped from the last to the first, as the locals of the macros are.
//!
//! * **C1** What lies in a list is pinned with the list.

use crate::rt::__support::{MaybeDone, first_branch, poll_try};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A future, and those after it. Fields are dropped in their order: the last future first.
pub struct Both<A: Future, R> {
    rest: R,
    first: MaybeDone<A>,
}

/// Puts a future before a list.
pub fn both<A: Future, R>(first: A, rest: R) -> Both<A, R> {
    Both { rest, first: MaybeDone::Future(first) }
}

impl<A: Future, R> Both<A, R> {
    /// Its parts.
    fn parts(self: Pin<&mut Self>) -> (Pin<&mut MaybeDone<A>>, Pin<&mut R>) {
        // SAFETY: nothing is moved out of it.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: pinned with the whole (C1).
        let first = unsafe { Pin::new_unchecked(&mut this.first) };
        // SAFETY: as above.
        let rest = unsafe { Pin::new_unchecked(&mut this.rest) };
        (first, rest)
    }
}

/// A list of futures that are awaited together.
pub trait Joined {
    /// All outputs: `(A, (B, ()))`.
    type Outputs;
    /// Polls those that are not done; whether all are.
    fn poll_all(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool;
    /// Takes the outputs, once all are done.
    fn take(self: Pin<&mut Self>) -> Self::Outputs;
}

impl Joined for () {
    type Outputs = ();
    fn poll_all(self: Pin<&mut Self>, _: &mut Context<'_>) -> bool {
        true
    }
    fn take(self: Pin<&mut Self>) {}
}

impl<A: Future, R: Joined> Joined for Both<A, R> {
    type Outputs = (A::Output, R::Outputs);
    fn poll_all(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        let (first, rest) = self.parts();
        let done = first.poll_done(cx);
        rest.poll_all(cx) && done
    }
    fn take(self: Pin<&mut Self>) -> Self::Outputs {
        let (first, rest) = self.parts();
        (first.take(), rest.take())
    }
}

/// Awaits all of a list.
#[derive(Debug)]
pub struct Join<L>(L);

/// Awaits all of a list.
pub fn joined<L: Joined>(list: L) -> Join<L> {
    Join(list)
}

impl<L> Join<L> {
    fn list(self: Pin<&mut Self>) -> Pin<&mut L> {
        // SAFETY: the only field, pinned with the whole (C1).
        unsafe { self.map_unchecked_mut(|this| &mut this.0) }
    }
}

impl<L: Joined> Future for Join<L> {
    type Output = L::Outputs;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<L::Outputs> {
        if self.as_mut().list().poll_all(cx) {
            Poll::Ready(self.list().take())
        } else {
            Poll::Pending
        }
    }
}

/// A list of futures of `Result`s with one type of error.
pub trait TryJoined<E> {
    /// All values: `(A, (B, ()))`.
    type Values;
    /// Polls those that are not done; whether all are, or the first error.
    ///
    /// # Errors
    ///
    /// That of a future.
    fn poll_all(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Result<bool, E>;
    /// Takes the values, once all are done.
    ///
    /// # Errors
    ///
    /// None: an error has ended it before.
    fn take(self: Pin<&mut Self>) -> Result<Self::Values, E>;
}

impl<E> TryJoined<E> for () {
    type Values = ();
    fn poll_all(self: Pin<&mut Self>, _: &mut Context<'_>) -> Result<bool, E> {
        Ok(true)
    }
    fn take(self: Pin<&mut Self>) -> Result<(), E> {
        Ok(())
    }
}

impl<T, E, A: Future<Output = Result<T, E>>, R: TryJoined<E>> TryJoined<E> for Both<A, R> {
    type Values = (T, R::Values);
    fn poll_all(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Result<bool, E> {
        let (first, rest) = self.parts();
        let done = poll_try(first, cx)?;
        Ok(rest.poll_all(cx)? && done)
    }
    fn take(self: Pin<&mut Self>) -> Result<Self::Values, E> {
        let (first, rest) = self.parts();
        Ok((first.take()?, rest.take()?))
    }
}

/// The type of error of a list.
pub trait Fails {
    /// It.
    type Error;
}

impl<T, E, A: Future<Output = Result<T, E>>, R> Fails for Both<A, R> {
    type Error = E;
}

/// Awaits all of a list, or the first error.
#[derive(Debug)]
pub struct TryJoin<L>(L);

/// Awaits all of a list, or the first error.
pub fn try_joined<L: Fails + TryJoined<L::Error>>(list: L) -> TryJoin<L> {
    TryJoin(list)
}

impl<L: Fails + TryJoined<L::Error>> Future for TryJoin<L> {
    type Output = Result<L::Values, L::Error>;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: the only field, pinned with the whole (C1).
        let list = unsafe { self.as_mut().map_unchecked_mut(|this| &mut this.0) };
        match list.poll_all(cx) {
            Ok(false) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
            Ok(true) => {
                // SAFETY: as above.
                let list = unsafe { self.map_unchecked_mut(|this| &mut this.0) };
                Poll::Ready(list.take())
            }
        }
    }
}

/// What a `select!` has come to.
#[derive(Debug)]
pub enum Selected<T, R> {
    /// The output of this branch, which fits its pattern.
    This(T),
    /// Something of those after it.
    Other(R),
}

/// A branch of `select!`, and those after it. Fields are dropped in their order.
pub struct Branch<F, C, R> {
    rest: R,
    fits: C,
    future: F,
}

/// Puts a branch before a list. `fits` says whether an output fits the branch's pattern.
pub fn select_branch<F, C, R>(future: F, fits: C, rest: R) -> Branch<F, C, R>
where
    F: Future,
    C: FnMut(F::Output) -> (bool, F::Output),
{
    Branch { rest, fits, future }
}

/// The branches of a `select!`.
pub trait Branches {
    /// What it may come to.
    type Selected;
    /// Polls one branch by number: Ready with nothing if its output does not fit.
    fn poll_branch(
        self: Pin<&mut Self>,
        number: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Self::Selected>>;
    /// That all branches are out.
    fn nothing() -> Self::Selected;
}

impl Branches for () {
    type Selected = ();
    fn poll_branch(self: Pin<&mut Self>, _: usize, _: &mut Context<'_>) -> Poll<Option<()>> {
        Poll::Ready(None)
    }
    fn nothing() {}
}

impl<F, C, R> Branches for Branch<F, C, R>
where
    F: Future,
    C: FnMut(F::Output) -> (bool, F::Output),
    R: Branches,
{
    type Selected = Selected<F::Output, R::Selected>;
    fn poll_branch(
        self: Pin<&mut Self>,
        number: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Self::Selected>> {
        // SAFETY: neither the future nor the rest is moved out of it.
        let this = unsafe { self.get_unchecked_mut() };
        if let Some(number) = number.checked_sub(1) {
            // SAFETY: pinned with the whole (C1).
            let rest = unsafe { Pin::new_unchecked(&mut this.rest) };
            return rest.poll_branch(number, cx).map(|found| found.map(Selected::Other));
        }
        // SAFETY: as above.
        let future = unsafe { Pin::new_unchecked(&mut this.future) };
        future.poll(cx).map(|output| {
            let (fits, output) = (this.fits)(output);
            fits.then_some(Selected::This(output))
        })
    }
    fn nothing() -> Self::Selected {
        Selected::Other(R::nothing())
    }
}

/// Awaits the first of several branches whose output fits.
#[derive(Debug)]
pub struct Select<const BIASED: bool, const N: usize, B> {
    branches: B,
    /// Branches that still count.
    is_in: [bool; N],
}

/// Awaits the first of several branches whose condition is true and whose output fits.
pub fn select<const BIASED: bool, const N: usize, B: Branches>(
    conditions: [bool; N],
    branches: B,
) -> Select<BIASED, N, B> {
    Select { branches, is_in: conditions }
}

impl<const BIASED: bool, const N: usize, B: Branches> Future for Select<BIASED, N, B> {
    type Output = B::Selected;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<B::Selected> {
        // SAFETY: the branches are not moved out of it.
        let this = unsafe { self.get_unchecked_mut() };
        let first = if BIASED { 0 } else { first_branch(N as u32) as usize };
        let mut waits = false;
        for step in 0..N {
            let number = (first + step) % N;
            if !this.is_in[number] {
                continue;
            }
            // SAFETY: pinned with the whole (C1).
            let branches = unsafe { Pin::new_unchecked(&mut this.branches) };
            match branches.poll_branch(number, cx) {
                Poll::Pending => waits = true,
                Poll::Ready(Some(selected)) => return Poll::Ready(selected),
                Poll::Ready(None) => this.is_in[number] = false,
            }
        }
        if waits { Poll::Pending } else { Poll::Ready(B::nothing()) }
    }
}
