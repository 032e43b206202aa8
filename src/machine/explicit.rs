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
use crate::rt::task::note_suspend;
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
    /// The function, with its suspend points.
    const TASK: &'static Task;
    /// The state that holds nothing: after the last value, or after a panic.
    fn over(poisoned: bool) -> Self;
    /// Shows what the state holds, in the order of its fields. Answers the state's number: 0 unresumed,
    /// 1 returned, 2 poisoned, 3 + i suspended at await i.
    fn look(&self, visit: &mut Visit<'_>) -> u32;
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
    /// Says where the state of suspend point `point` keeps what, in the order in which its task names
    /// that. Answers the state's number.
    pub fn state<P: Places>(&mut self, point: u32, places: P) -> u32 {
        let state = self.record.as_ref().and_then(|record| record.states.get(point as usize));
        if let Some(live) = state.map(|state| state.live.clone()) {
            places.say(self, &live);
        }
        3 + point
    }

    fn slot<T>(&mut self, index: u32, at: usize) {
        let record = self.record.as_deref_mut();
        if let Some(slot) = record.and_then(|record| record.slots.get_mut(index as usize)) {
            slot.ty = type_name::<T>().into();
            slot.offset = (at - self.base) as u64;
            slot.size = size_of::<T>() as u64;
            slot.align = align_of::<T>() as u64;
        }
    }
}

/// The places of a state's fields: `(first, (second, ()))`.
pub trait Places {
    /// Says each, `slots` being their slots in the record.
    fn say(self, visit: &mut Visit<'_>, slots: &[u32]);
}

impl Places for () {
    fn say(self, _: &mut Visit<'_>, _: &[u32]) {}
}

impl<T, R: Places> Places for (&T, R) {
    fn say(self, visit: &mut Visit<'_>, slots: &[u32]) {
        if let [index, rest @ ..] = slots {
            visit.slot::<T>(*index, ptr::from_ref(self.0).addr());
            self.1.say(visit, rest);
        }
    }
}

/// A field that is held beside the child.
#[derive(Debug)]
pub struct Held<'a, T>(pub &'a Child<T>);

impl<T, R: Places> Places for (Held<'_, T>, R) {
    fn say(self, visit: &mut Visit<'_>, slots: &[u32]) {
        if let [index, rest @ ..] = slots {
            visit.slot::<T>(*index, ptr::from_ref(self.0.0).addr());
            self.1.say(visit, rest);
        }
    }
}

/// The number of a state.
fn number<S: States>(state: &S) -> u32 {
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
    context: &'a mut Context<'b>,
    task: &'static Task,
    holds: Holds,
}

/// What of the state in force is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    /// What its variant says.
    All,
    /// All but its child: that is being dropped, or the code of a loop runs whose state is used in place.
    Rest,
    /// Nothing: what it kept was moved out, its code runs.
    Nothing,
}

/// Poisons the state if the step panics.
struct Poison<'a, 'c, 'b, S: States> {
    state: &'a mut S,
    cx: Cx<'c, 'b>,
}

impl<S: States> Drop for Poison<'_, '_, '_, S> {
    fn drop(&mut self) {
        match self.cx.holds {
            Holds::All => *self.state = S::over(true),
            Holds::Rest => {
                self.state.abandon();
                suspend(self.state, S::over(true));
            }
            Holds::Nothing => suspend(self.state, S::over(true)),
        }
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
        let mut poison = Poison {
            state: &mut this.state,
            cx: Cx { context: cx, task: S::TASK, holds: Holds::All },
        };
        let poll = (this.step)(poison.state, &mut poison.cx);
        if poll.is_ready() {
            match poison.cx.holds {
                Holds::All => {} // it was vacated
                Holds::Rest => poison.state.abandon(),
                Holds::Nothing => vacate(poison.state),
            }
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
        match number(&self.state) {
            0 => "unresumed",
            1 => "returned",
            2 => "poisoned",
            n => S::TASK.sites.get(n as usize - 3).map_or("running", |site| site.state),
        }
    }

    fn layout(&self) -> LayoutRecord {
        let mut record = S::TASK.record("explicit", size_of::<Self>(), align_of::<Self>());
        let base = ptr::from_ref(self).addr();
        self.state.look(&mut Visit { base, record: Some(&mut record) });
        record
    }

    fn is_done(&self) -> bool {
        matches!(number(&self.state), 1 | 2)
    }
}

/// The future that a state awaits. It has no niche and no flag: as large as the future.
///
/// Contract of whoever builds a state by hand: after the first [`resume`] a child is not moved
/// until that answers Ready, which drops the future in place; then what else the state keeps is
/// copied or [`moved`] out, each field once, without anything in between that could panic, and the
/// state is not looked at before another is entered ([`suspend`]) or it is [`vacate`]d. A child that was
/// not ready is dropped where it is.
///
/// A loop may use its state in place instead: it is left with the child gone, and with it whatever is
/// held in a `Child` beside it, until [`restart`] gives it the next.
pub struct Child<F>(MaybeUninit<F>);

impl<F> fmt::Debug for Child<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Child")
    }
}

impl<F> Drop for Child<F> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: a child holds its future until it was ready, and then is not dropped (`vacate`).
        unsafe { self.0.assume_init_drop() };
    }
}

/// A place for a child: not dropped before it is filled.
#[inline(always)]
pub fn empty<F>() -> Child<F> {
    Child(MaybeUninit::uninit())
}

/// The child that an await operand makes.
#[inline]
pub fn child<O: IntoFuture>(operand: O) -> Child<O::IntoFuture> {
    Child(MaybeUninit::new(operand.into_future()))
}

/// Polls the child. Ready drops the future in place; after Pending the step answers [`pending`].
#[inline]
pub fn resume<F: Future>(child: &mut Child<F>, cx: &mut Cx<'_, '_>) -> Poll<F::Output> {
    cx.holds = Holds::All;
    let poll = resume_in_place(child, cx);
    if poll.is_ready() {
        cx.holds = Holds::Nothing;
    }
    poll
}

/// [`resume`] in a loop whose state is used in place: after Ready its code runs.
#[inline]
pub fn resume_in_place<F: Future>(child: &mut Child<F>, cx: &mut Cx<'_, '_>) -> Poll<F::Output> {
    // SAFETY: the child has not been ready, by its contract.
    let future = unsafe { child.0.assume_init_mut() };
    // SAFETY: I1: the child is not moved before its future is dropped in place, below.
    let Poll::Ready(value) = unsafe { Pin::new_unchecked(future) }.poll(cx.context) else {
        return Poll::Pending;
    };
    cx.holds = Holds::Rest;
    // SAFETY: as above; from now on the child counts as gone.
    unsafe { child.0.assume_init_drop() };
    Poll::Ready(value)
}

/// Ends a step whose child answered Pending: notes at which suspend point. (Not part of [`resume`]: its
/// answer would be asked for twice, once there and once in the step.)
#[inline(always)]
pub fn pending<R>(cx: &mut Cx<'_, '_>, point: usize) -> Poll<R> {
    note_suspend(cx.context.waker(), &cx.task.sites[point]);
    Poll::Pending
}

/// Moves a field out of a state that is about to be vacated.
#[inline(always)]
pub fn moved<T>(field: &mut T) -> T {
    // SAFETY: the state is vacated before anybody looks at the field again, by the contract of
    // `Child`.
    unsafe { ptr::read(field) }
}

/// Leaves a state whose fields were moved out: `Returned` stands in for it until another is entered.
#[inline(always)]
pub fn vacate<S: States>(state: &mut S) {
    suspend(state, S::over(false));
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
    cx.holds = Holds::Rest;
}

/// Gives the state of a loop its child.
#[inline(always)]
pub fn restart<F>(child: &mut Child<F>, cx: &mut Cx<'_, '_>, next: Child<F>) {
    // SAFETY: a reference is valid for writes; the child is gone.
    unsafe { ptr::write(child, next) };
    cx.holds = Holds::All;
}

/// Leaves the state of a loop, whose fields were moved out.
#[inline(always)]
pub fn leave<S: States>(state: &mut S, cx: &mut Cx<'_, '_>) {
    vacate(state);
    cx.holds = Holds::All;
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
    match number(state) {
        2 => panic!("`{}` was polled after it panicked", S::TASK.name),
        _ => panic!("`{}` was polled after it returned", S::TASK.name),
    }
}
