//! The attempts of a task that may wait: for a pool, for time, for a future, for the journal.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use vitte_rt::time::{Sleep, sleep};

use super::driver::call;
use crate::context::Context;
use crate::error::{FailureKind, TaskError};
use crate::event::Event;
use crate::keeper::Memory;
use crate::node::Node;
use crate::output::Stored;
use crate::policy::Retry;
use crate::span::Span;
use crate::state::State;
use crate::task::{Body, Rules};

/// Runs a claimed task to the end of its body.
pub(super) async fn attempts(cx: Context) {
    let result = try_all(&cx).await;
    cx.run.end_body(cx.node, result, None);
}

async fn try_all(cx: &Context) -> Result<Stored, TaskError> {
    let run = &*cx.run;
    let node = run.node(cx.node);
    if let Some(keeper) = &run.keeper {
        match keeper.recall(&cx.run, cx.node).await? {
            Memory::Done(stored) => return Ok(stored),
            Memory::Begun(n) => node.n_attempts.store(n, Ordering::Relaxed),
        }
    }
    let plain = Rules::default();
    let rules = node.rules.as_deref().unwrap_or(&plain);
    let deadline = rules.deadline.map(|d| Deadline::new(cx, d));
    let mut n_failed = 0;
    loop {
        let place = match &rules.pool {
            None => None,
            Some((pool, n)) => {
                show(cx, node, State::Waiting);
                let place = run.pools.acquire(pool, *n, node);
                Some(unless_cancelled(node, place).await?)
            }
        };
        if run.is_stopping() || node.is_cancelled() {
            return Err(TaskError::cancelled());
        }
        node.n_attempts.fetch_add(1, Ordering::Relaxed);
        if let Some(keeper) = &run.keeper {
            keeper.begin(node).await?;
        }
        show(cx, node, State::Running);
        if run.options.timing {
            node.began(&run.clock);
        }
        let limit = shorter(rules.timeout, deadline.as_ref().map(|d| d.left(cx)));
        let result = timed(cx, node, limit).await;
        if run.options.timing {
            node.stopped(&run.clock);
        }
        drop(place);
        let Err(error) = result else {
            if let (Some(keeper), Some(_)) = (&run.keeper, &rules.depfile) {
                keeper.look_again(&cx.run, cx.node).await;
            }
            return result;
        };
        n_failed += 1;
        let Some(delay) = delay(cx, &rules.retry, n_failed, &error, deadline.as_ref()) else {
            return Err(error);
        };
        run.emit(&Event::Retry { task: &node.name, attempt: cx.attempt(), error: &error, delay });
        show(cx, node, State::Waiting);
        unless_cancelled(node, sleep(delay)).await?;
    }
}

/// How long to wait before the next attempt; `None` if there is to be none.
fn delay(
    cx: &Context,
    retry: &Retry,
    n_failed: u32,
    error: &TaskError,
    deadline: Option<&Deadline>,
) -> Option<Duration> {
    let run = &*cx.run;
    let stop = run.is_stopping() || run.node(cx.node).is_cancelled();
    if stop || n_failed >= retry.max_attempts || !retry.is_transient(error) {
        return None;
    }
    let delay = retry.delay(n_failed, |n| run.clock.choose(n));
    deadline.is_none_or(|d| d.left(cx) > delay).then_some(delay)
}

fn show(cx: &Context, node: &Node, state: State) {
    if node.state.get() != state {
        node.state.set(state);
    }
    cx.run.emit(&Event::State { task: &node.name, state });
}

/// The instant until which all attempts together may last.
struct Deadline {
    end_ns: u64,
}

impl Deadline {
    fn new(cx: &Context, allowed: Duration) -> Self {
        let allowed = u64::try_from(allowed.as_nanos()).unwrap_or(u64::MAX);
        Self { end_ns: cx.run.clock.now_ns().saturating_add(allowed) }
    }

    fn left(&self, cx: &Context) -> Duration {
        Duration::from_nanos(self.end_ns.saturating_sub(cx.run.clock.now_ns()))
    }
}

fn shorter(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

/// What an attempt is about to do.
enum Work {
    InPlace,
    Blocking,
    Future(Pin<Box<dyn Future<Output = Result<Stored, TaskError>> + Send>>),
}

/// One attempt. While it lasts, its node knows when its time is over.
async fn timed(cx: &Context, node: &Node, limit: Option<Duration>) -> Result<Stored, TaskError> {
    let Some(allowed) = limit else { return attempt(cx, node, limit).await };
    node.links().rare().end_ns = Some(Deadline::new(cx, allowed).end_ns);
    let result = attempt(cx, node, limit).await;
    node.links().rare().end_ns = None;
    result
}

/// One attempt, in the way of the body's kind.
async fn attempt(cx: &Context, node: &Node, limit: Option<Duration>) -> Result<Stored, TaskError> {
    let work = match &mut *node.body.lock() {
        Body::Sync(_) => Work::InPlace,
        Body::Blocking(_) => Work::Blocking,
        Body::Async(make) => {
            let made = catch_unwind(AssertUnwindSafe(|| make(cx.clone())));
            Work::Future(made.map_err(|payload| TaskError::panicked(&*payload))?)
        }
    };
    match work {
        Work::InPlace => in_place(cx, node, limit),
        Work::Blocking => blocking(cx, node, limit).await,
        Work::Future(future) => limited(cx, node, future, limit).await,
    }
}

/// A closure on this worker. It cannot be stopped, so its time is looked at afterwards.
fn in_place(cx: &Context, node: &Node, limit: Option<Duration>) -> Result<Stored, TaskError> {
    in_time(cx, node, limit, call(cx))
}

/// A closure on a thread for blocking work. When its time is over it is told so if it asks, and waited
/// for.
async fn blocking(cx: &Context, node: &Node, limit: Option<Duration>) -> Result<Stored, TaskError> {
    let inner = cx.clone();
    let ended = cx.run.clock.spawn_blocking(move || call(&inner)).await;
    // `call` catches panics, so only a runtime that shuts down cancels it.
    let result = ended.unwrap_or_else(|_| Err(TaskError::cancelled()));
    if node.is_cancelled() { result } else { in_time(cx, node, limit, result) }
}

/// What a closure gave, if that was in time. A panic is told whenever it comes.
fn in_time(
    cx: &Context,
    node: &Node,
    limit: Option<Duration>,
    result: Result<Stored, TaskError>,
) -> Result<Stored, TaskError> {
    let panicked = result.as_ref().is_err_and(|error| error.kind() != FailureKind::Error);
    match limit {
        Some(limit) if !panicked && node.is_over_time(&cx.run.clock) => {
            Err(TaskError::timed_out(limit, "the attempt"))
        }
        _ => result,
    }
}

/// A future, until it ends, panics, is cancelled or has used its time up. It is dropped here.
async fn limited(
    cx: &Context,
    node: &Node,
    mut future: Pin<Box<dyn Future<Output = Result<Stored, TaskError>> + Send>>,
    limit: Option<Duration>,
) -> Result<Stored, TaskError> {
    let mut timer: Option<Pin<Box<Sleep>>> = limit.map(|l| Box::pin(sleep(l)));
    let span = Span::of(cx);
    let guarded = poll_fn(|task| {
        let poll = || span.within(|| future.as_mut().poll(task));
        match catch_unwind(AssertUnwindSafe(poll)) {
            Ok(Poll::Pending) => {}
            Ok(Poll::Ready(result)) => return Poll::Ready(result),
            Err(payload) => return Poll::Ready(Err(TaskError::panicked(&*payload))),
        }
        if timer.as_mut().is_some_and(|t| t.as_mut().poll(task).is_ready()) {
            let limit = limit.expect("there is a timer because there is a limit");
            return Poll::Ready(Err(TaskError::timed_out(limit, "the attempt")));
        }
        Poll::Pending
    });
    unless_cancelled(node, guarded).await?
}

/// Waits for `future`, or answers an error as soon as the task is cancelled.
async fn unless_cancelled<F: Future>(node: &Node, future: F) -> Result<F::Output, TaskError> {
    let mut future = pin!(future);
    let result = poll_fn(|task| {
        if node.is_cancelled() {
            return Poll::Ready(Err(TaskError::cancelled()));
        }
        if let Poll::Ready(value) = future.as_mut().poll(task) {
            return Poll::Ready(Ok(value));
        }
        node.links().rare().waker = Some(task.waker().clone());
        // A cancel between the first look and the waker's arrival.
        if node.is_cancelled() { Poll::Ready(Err(TaskError::cancelled())) } else { Poll::Pending }
    })
    .await;
    node.links().rare().waker = None;
    result
}
