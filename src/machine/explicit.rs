//! The explicit machine: a state enum and the closure that steps it.
//!
//! ```text
//!   Machine { state: Await0 { future: Child<F>, name, n }, step }
//!       poll ─► step(&mut state, cx) ─► resume(future) ─┬ Pending ─► note the site, return
//!                                                        └ Ready ──► take the state, run, next state
//! ```
//!
//! Its type parameters are inferred by rustc because the constructor of the first state and the
//! closure meet in the one call of [`machine`].
#![allow(
    clippy::inline_always,
    reason = "a call for a store of a tag would cost more than it does"
)]

use super::{Coroutine, Task};
use crate::rt::task::{SuspendSite, note_suspend};
use std::any::type_name;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomPinned;
use std::mem::{self, MaybeUninit};
use std::pin::Pin;
use std::ptr;
use std::task::{Context, Poll};
use vitte_abi::LayoutRecord;

/// The state enum of an explicit machine. Few functions: each is one more for rustc to check, in every
/// expansion.
pub trait States: Sized {
    /// The state that holds nothing: after the last value, or after a panic.
    fn over(poisoned: bool) -> Self;
    /// Shows what the state holds, in the order of its fields. Answers the function with its suspend
    /// points, and the state's number: 0 unresumed, 1 returned, 2 poisoned, 3 + i suspended at await i.
    fn look(&self, visit: &mut Visit<'_>) -> (&'static Task, u32);
    /// Drops what the state holds beside its child, which is gone. What the machine cannot tell
    /// apart is leaked.
    fn abandon(&mut self) {
        mem::forget(mem::replace(self, Self::over(false)));
    }
}

/// Collects where the current state keeps what.
#[derive(Debug)]
pub struct Visit<'a> {
    base: usize,
    /// `None`: only the number of the state is asked for.
    record: Option<&'a mut LayoutRecord>,
}

impl Visit<'_> {
    /// Says that slot `index` of the task lies at `place`.
    pub fn slot<T>(&mut self, index: usize, place: &T) {
        let record = self.record.as_deref_mut();
        if let Some(slot) = record.and_then(|record| record.slots.get_mut(index)) {
            slot.ty = type_name::<T>().into();
            slot.offset = (ptr::from_ref(place).addr() - self.base) as u64;
            slot.size = size_of::<T>() as u64;
            slot.align = align_of::<T>() as u64;
        }
    }

    /// [`Visit::slot`] of something that is held beside the child.
    pub fn held<T>(&mut self, index: usize, place: &Child<T>) {
        self.slot(index, &place.0);
        let record = self.record.as_deref_mut();
        if let Some(slot) = record.and_then(|record| record.slots.get_mut(index)) {
            slot.ty = type_name::<T>().into();
        }
    }
}

/// The function of a state, and the state's number.
fn place_of<S: States>(state: &S) -> (&'static Task, u32) {
    state.look(&mut Visit { base: 0, record: None })
}

/// An explicit machine: the future that a `#[vitte::task]` function returns.
#[derive(Debug)]
pub struct Machine<S, F> {
    state: S,
    step: F,
    _pinned: PhantomPinned,
}

/// Joins the first state and the stepping closure.
#[inline]
pub fn machine<S, R, F>(state: S, step: F) -> Machine<S, F>
where
    S: States,
    F: FnMut(&mut S, &mut Cx<'_, '_>) -> Poll<R>,
{
    Machine { state, step, _pinned: PhantomPinned }
}

/// The context of one step.
#[derive(Debug)]
pub struct Cx<'a, 'b> {
    task: &'a mut Context<'b>,
    /// The state in force has no child: the drop of one panicked, or the code of a loop runs whose
    /// state is used in place.
    childless: bool,
}

/// Poisons the state if the step panics.
struct Poison<'a, 'c, 'b, S: States> {
    state: &'a mut S,
    cx: Cx<'c, 'b>,
}

impl<S: States> Drop for Poison<'_, '_, '_, S> {
    fn drop(&mut self) {
        if self.cx.childless {
            self.state.abandon();
        }
        *self.state = S::over(true);
    }
}

impl<S, R, F> Future for Machine<S, F>
where
    S: States,
    F: FnMut(&mut S, &mut Cx<'_, '_>) -> Poll<R>,
{
    type Output = R;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        // SAFETY: nothing is moved out of `this` but by the step, which keeps I1.
        let this = unsafe { self.get_unchecked_mut() };
        let mut poison = Poison { state: &mut this.state, cx: Cx { task: cx, childless: false } };
        let poll = (this.step)(poison.state, &mut poison.cx);
        if poll.is_ready() && poison.cx.childless {
            poison.state.abandon();
        }
        mem::forget(poison);
        poll
    }
}

impl<S, R, F> Coroutine for Machine<S, F>
where
    S: States,
    F: FnMut(&mut S, &mut Cx<'_, '_>) -> Poll<R>,
{
    fn state_name(&self) -> &'static str {
        match place_of(&self.state) {
            (_, 0) => "unresumed",
            (_, 1) => "returned",
            (_, 2) => "poisoned",
            (task, n) => task.sites.get(n as usize - 3).map_or("running", |site| site.state),
        }
    }

    fn layout(&self) -> LayoutRecord {
        let (task, _) = place_of(&self.state);
        let mut record = task.record(size_of::<Self>(), align_of::<Self>());
        let base = ptr::from_ref(self).addr();
        self.state.look(&mut Visit { base, record: Some(&mut record) });
        record
    }

    fn is_done(&self) -> bool {
        matches!(place_of(&self.state).1, 1 | 2)
    }
}

/// The future that a state awaits. It has no niche and no flag: as large as the future.
///
/// Contract of whoever builds a state by hand: after the first [`resume`] a child is not moved
/// until that answers Ready, which drops the future in place; then what else the state keeps is
/// [`moved`] out, each field once, and the state is [`vacate`]d, without anything in between that
/// could panic. A child that was not ready is dropped where it is.
///
/// A loop may use its state in place instead: it is left with the child gone, and with it whatever is
/// held in a `Child` beside it, until [`restart`] gives it the next.
pub struct Child<F>(MaybeUninit<F>);

impl<F> fmt::Debug for Child<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Child")
    }
}

impl<F> Child<F> {
    /// A place for one: not dropped before it is filled.
    #[inline(always)]
    pub fn empty() -> Self {
        Child(MaybeUninit::uninit())
    }
}

impl<F: Future> Child<F> {
    /// Makes the future of an await operand.
    #[inline]
    pub fn new<O: IntoFuture<IntoFuture = F>>(operand: O) -> Self {
        Child(MaybeUninit::new(operand.into_future()))
    }
}

impl<F> Drop for Child<F> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: a child holds its future until it was ready, and then is not dropped (`vacate`).
        unsafe { self.0.assume_init_drop() };
    }
}

/// Polls the child. Ready drops the future in place; after Pending the step answers [`pending`].
#[inline]
pub fn resume<F: Future>(child: &mut Child<F>, cx: &mut Cx<'_, '_>) -> Poll<F::Output> {
    match resume_in_place(child, cx) {
        Poll::Ready(value) => {
            cx.childless = false;
            Poll::Ready(value)
        }
        Poll::Pending => Poll::Pending,
    }
}

/// [`resume`] in a loop whose state is used in place: after Ready its code runs.
#[inline]
pub fn resume_in_place<F: Future>(child: &mut Child<F>, cx: &mut Cx<'_, '_>) -> Poll<F::Output> {
    // SAFETY: the child has not been ready, by its contract.
    let future = unsafe { child.0.assume_init_mut() };
    // SAFETY: I1: the child is not moved before its future is dropped in place, below.
    let Poll::Ready(value) = unsafe { Pin::new_unchecked(future) }.poll(cx.task) else {
        return Poll::Pending;
    };
    cx.childless = true;
    // SAFETY: as above; from now on the child counts as gone.
    unsafe { child.0.assume_init_drop() };
    Poll::Ready(value)
}

/// Ends a step whose child answered Pending: notes where. (Not part of [`resume`]: its answer would be
/// asked for twice, once there and once in the step.)
#[inline(always)]
pub fn pending<R>(cx: &mut Cx<'_, '_>, site: &'static SuspendSite) -> Poll<R> {
    note_suspend(cx.task.waker(), site);
    Poll::Pending
}

/// Moves a field out of a state that is about to be vacated.
#[inline(always)]
pub fn moved<T>(field: &mut T) -> T {
    // SAFETY: the state is vacated before anybody looks at the field again, by the contract of
    // `Child`.
    unsafe { ptr::read(field) }
}

/// Leaves a state whose fields were moved out: `returned` stands in for it while its code runs.
/// (Given as a word of the expansion, it is a store of the tag; a constant would be copied whole.)
#[inline(always)]
pub fn vacate<S>(state: &mut S, returned: S) {
    suspend(state, returned);
}

/// Enters a state. What was there before holds nothing: it is written over.
#[inline(always)]
pub fn suspend<S>(state: &mut S, next: S) {
    // SAFETY: a reference is valid for writes.
    unsafe { ptr::write(state, next) };
}

/// Enters the state of a loop, without its child.
#[inline(always)]
pub fn enter<S>(state: &mut S, cx: &mut Cx<'_, '_>, next: S) {
    suspend(state, next);
    cx.childless = true;
}

/// Gives the state of a loop its child.
#[inline(always)]
pub fn restart<F>(child: &mut Child<F>, cx: &mut Cx<'_, '_>, next: Child<F>) {
    // SAFETY: a reference is valid for writes; the child is gone.
    unsafe { ptr::write(child, next) };
    cx.childless = false;
}

/// Leaves the state of a loop, whose fields were moved out.
#[inline(always)]
pub fn leave<S>(state: &mut S, cx: &mut Cx<'_, '_>, returned: S) {
    suspend(state, returned);
    cx.childless = false;
}

/// Moves out what was held beside a child that was ready.
#[inline(always)]
pub fn taken<T>(held: &mut Child<T>) -> T {
    // SAFETY: it was filled when its child was, and is empty from now on, by the contract of
    // `Child`.
    unsafe { held.0.assume_init_read() }
}

/// Holds something beside the child that is about to be given.
#[inline(always)]
pub fn refill<T>(held: &mut Child<T>, value: T) {
    held.0.write(value);
}

/// Forgets a child that is gone, or what was held beside it.
#[inline(always)]
pub fn gone<T>(child: Child<T>) {
    mem::forget(child);
}

/// Drops a local at the end of its scope.
#[inline]
pub fn end<T>(_: T) {}

/// Answers a poll of a machine that has returned or panicked.
///
/// # Panics
///
/// Always, as an async function does.
#[cold]
pub fn over<S: States>(state: &S) -> ! {
    match place_of(state) {
        (task, 2) => panic!("`{}` was polled after it panicked", task.name),
        (task, _) => panic!("`{}` was polled after it returned", task.name),
    }
}
