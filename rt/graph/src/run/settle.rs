//! The end of a task, and what follows from it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Run;
use super::driver::Own;
use crate::error::{FailureKind, TaskError};
use crate::event::Event;
use crate::node::NodeIdx;
use crate::output::Stored;
use crate::policy::{OnFailure, Verdict};
use crate::report::TaskReport;
use crate::state::State;

impl Run {
    /// The body of a task has ended for good. Its children may not have.
    pub(super) fn end_body(
        &self,
        idx: NodeIdx,
        result: Result<Stored, TaskError>,
        own: Option<&mut Own<'_>>,
    ) {
        let node = self.node(idx);
        {
            let mut links = node.links.lock();
            if links.n_children > 0 {
                links.parked = Some(result);
                drop(links);
                node.state.set(State::Waiting);
                self.emit(&Event::State { task: &node.name, state: State::Waiting });
                return;
            }
            if let Some(child) = links.failed_child.take() {
                drop(links);
                return self.complete(idx, child_failed(result, &child), own);
            }
        }
        self.complete(idx, result, own);
    }

    /// Body and children have ended; the journal, where there is one, must hear of it first.
    pub(super) fn complete(
        &self,
        idx: NodeIdx,
        result: Result<Stored, TaskError>,
        own: Option<&mut Own<'_>>,
    ) {
        match &self.keeper {
            Some(keeper) if self.node(idx).is_to_be_kept() => {
                keeper.end(self.node(idx), idx, result);
            }
            _ => self.settle(idx, result, own),
        }
    }

    /// Ends a task that never began, or must not begin.
    pub(super) fn settle_cancelled(&self, idx: NodeIdx, own: Option<&mut Own<'_>>) {
        self.settle(idx, Err(TaskError::cancelled()), own);
    }

    /// Ends a task whose trigger cannot be met any more.
    pub(super) fn skip(&self, idx: NodeIdx) {
        self.settle_all(vec![(idx, State::Skipped)], None);
    }

    /// Ends a task (R1) and everything that ends with it.
    pub(crate) fn settle(
        &self,
        idx: NodeIdx,
        result: Result<Stored, TaskError>,
        own: Option<&mut Own<'_>>,
    ) {
        let node = self.node(idx);
        let state = match &result {
            Ok(_) => State::Completed,
            Err(error) if error.kind() == FailureKind::Cancelled => State::Cancelled,
            Err(_) => State::Failed,
        };
        if state == State::Failed && node.on_failure(self.options.on_failure) == OnFailure::FailFast
        {
            self.fail_fast();
        }
        node.links.lock().result = Some(result);
        self.settle_all(vec![(idx, state)], own);
    }

    /// Works off a list of tasks that end, to which their dependants add those that are skipped.
    fn settle_all(&self, mut ending: Vec<(NodeIdx, State)>, mut own: Option<&mut Own<'_>>) {
        while let Some((idx, state)) = ending.pop() {
            let node = self.node(idx);
            node.state.set(state);
            if !self.observers.is_empty() {
                self.emit(&Event::Ended { report: &TaskReport::of(node) });
            }
            let on_failure = node.on_failure(self.options.on_failure);
            let siblings = std::mem::take(&mut node.links.lock().dependants);
            for dependant in self.plan.dependants(idx).chain(siblings) {
                let waiting = self.node(dependant);
                let verdict = {
                    let mut links = waiting.links.lock();
                    links.ended.count(state, on_failure);
                    // Under the lock, so that one of several dependencies acts on the verdict (R1).
                    let is_pending = waiting.state.get() == State::Pending;
                    let verdict = links.ended.verdict(waiting.trigger());
                    if is_pending && verdict == Verdict::Skip {
                        waiting.state.set(State::Skipped);
                    }
                    if is_pending { verdict } else { Verdict::Wait }
                };
                match verdict {
                    Verdict::Wait => {}
                    Verdict::Run => self.make_ready(dependant, own.as_deref_mut()),
                    Verdict::Skip => ending.push((dependant, State::Skipped)),
                }
            }
            if let Some(parent) = node.parent {
                self.child_ended(parent, &node.name, state, own.as_deref_mut());
            }
            // AcqRel: the last one sees what all others did (R3).
            if self.n_open.fetch_sub(1, Ordering::AcqRel) == 1 {
                self.finish();
            }
        }
    }

    /// A child of `parent` ended; the last one ends the parent, if its body has.
    fn child_ended(
        &self,
        parent: NodeIdx,
        child: &Arc<str>,
        state: State,
        own: Option<&mut Own<'_>>,
    ) {
        let result = {
            let mut links = self.node(parent).links.lock();
            links.n_children -= 1;
            if state != State::Completed {
                links.failed_child.get_or_insert_with(|| Arc::clone(child));
            }
            if links.n_children > 0 {
                return;
            }
            let Some(result) = links.parked.take() else { return };
            match links.failed_child.take() {
                Some(child) => child_failed(result, &child),
                None => result,
            }
        };
        self.complete(parent, result, own);
    }
}

/// The result of a task one of whose children did not complete.
fn child_failed(result: Result<Stored, TaskError>, child: &str) -> Result<Stored, TaskError> {
    result.and_then(|_| Err(TaskError::permanent(format!("its child `{child}` did not complete"))))
}
