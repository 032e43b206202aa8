//! A driver takes ready tasks and runs them; one per worker.
//!
//! Plain closures run in place, the first task that one makes ready right after it, without a queue:
//! a chain costs no wake-up. Everything that may wait becomes a task of the runtime.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam_deque::Worker;
use vitte_rt::task::yield_now;

use super::{Run, attempt};
use crate::context::Context;
use crate::error::TaskError;
use crate::event::Event;
use crate::node::{Node, NodeIdx};
use crate::output::Stored;
use crate::span::Span;
use crate::state::State;
use crate::task::Body;

/// After so many tasks a driver lets others use its worker: timers, async tasks, other programs.
const TURN: u32 = 64;

/// Where a driver puts what its task made ready.
pub(crate) struct Own<'a> {
    deque: &'a Worker<NodeIdx>,
    next: &'a mut Option<NodeIdx>,
    /// Tasks it has settled and not told of yet (R3).
    pub(super) n_ended: &'a mut usize,
}

pub(super) async fn drive(run: Arc<Run>, driver: usize, deque: Worker<NodeIdx>) {
    let mut cx = Context { run: Arc::clone(&run), node: 0 };
    let mut next = None;
    let mut n_ended = 0;
    let mut n_run = 0;
    loop {
        if let Some(node) = next.take_if(|_| run.ready.has_urgent()) {
            run.ready.push(node, 0, Some(&deque));
        }
        let choose = |n: usize| run.clock.choose(n as u32) as usize;
        let Some(node) = next.take().or_else(|| run.ready.take(&deque, choose)) else {
            run.count_ended(std::mem::take(&mut n_ended));
            if !run.ready.wait(driver).await {
                return;
            }
            continue;
        };
        cx.node = node;
        run.start(&cx, Own { deque: &deque, next: &mut next, n_ended: &mut n_ended });
        n_run += 1;
        if n_run == TURN {
            n_run = 0;
            run.count_ended(std::mem::take(&mut n_ended));
            yield_now().await;
        }
    }
}

impl Run {
    /// Queues a task whose trigger is met. The state is Pending and only the caller changes it.
    #[inline]
    pub(super) fn make_ready(&self, idx: NodeIdx, node: &Node, own: Option<&mut Own<'_>>) {
        node.state.set(State::Ready);
        self.emit(&Event::State { task: &node.name, state: State::Ready });
        let priority = node.priority.load(Ordering::Relaxed);
        match own {
            Some(own) if priority == 0 && own.next.is_none() => *own.next = Some(idx),
            Some(own) => self.ready.push(idx, priority, Some(own.deque)),
            None => self.ready.push(idx, priority, None),
        }
    }

    /// Makes a task ready before the drivers begin; one without a priority goes to `first`.
    pub(super) fn make_first(&self, idx: NodeIdx, first: &mut Vec<NodeIdx>) {
        let node = self.node(idx);
        if node.priority.load(Ordering::Relaxed) != 0 {
            return self.make_ready(idx, node, None);
        }
        node.state.set(State::Ready);
        self.emit(&Event::State { task: &node.name, state: State::Ready });
        first.push(idx);
    }

    /// Runs a ready task, or hands it to the runtime.
    fn start(&self, cx: &Context, mut own: Own<'_>) {
        let node = self.node(cx.node);
        // Q1, N1: if somebody else holds the body, it was claimed by another entry of the queue.
        let Some(mut body) = node.body.try_lock() else { return };
        if node.state.get() != State::Ready {
            return;
        }
        node.state.set(State::Running);
        if self.is_stopping() || node.is_cancelled() {
            drop(body);
            return self.settle_cancelled(cx.node, Some(&mut own));
        }
        if !node.in_place || self.keeper.is_some() {
            drop(body);
            drop(self.clock.spawn(attempt::attempts(cx.clone())));
            return;
        }
        node.n_attempts.store(1, Ordering::Relaxed);
        self.emit(&Event::State { task: &node.name, state: State::Running });
        let timing = self.options.timing;
        if timing {
            node.began(&self.clock);
        }
        let result = run_body(&mut body, cx);
        drop(body);
        if timing {
            node.stopped(&self.clock);
        }
        match result {
            // What follows is short if nothing was said about the task.
            Ok(stored) if !node.is_touched() && node.parent.is_none() => {
                self.settle_plain(cx.node, node, stored, &mut own);
            }
            result => self.end_body(cx.node, result, Some(&mut own)),
        }
    }
}

/// Calls the closure of a task that has one.
pub(super) fn call(cx: &Context) -> Result<Stored, TaskError> {
    run_body(&mut cx.run.node(cx.node).body.lock(), cx)
}

fn run_body(body: &mut Body, cx: &Context) -> Result<Stored, TaskError> {
    let (Body::Sync(body) | Body::Blocking(body)) = body else {
        unreachable!("an async body is polled, not called")
    };
    // The closure may see its own half-done state in the next attempt; that is the author's to know.
    catch_unwind(AssertUnwindSafe(|| Span::of(cx).within(|| body(cx))))
        .unwrap_or_else(|payload| Err(TaskError::panicked(&*payload)))
}
