//! The end of a task, and what follows from it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Run;
use super::driver::Own;
use crate::error::{FailureKind, TaskError};
use crate::event::Event;
use crate::node::{Node, NodeIdx};
use crate::output::Stored;
use crate::policy::{OnFailure, Verdict};
use crate::report::TaskReport;
use crate::state::State;

impl Run {
    /// The body of a task has ended for good. Its children may not have.
    pub(super) fn end_body(
        &self,
        idx: NodeIdx,
        mut result: Result<Stored, TaskError>,
        own: Option<&mut Own<'_>>,
    ) {
        let node = self.node(idx);
        if node.is_touched()
            && let Some(rare) = &mut node.links().rare
        {
            if rare.n_children > 0 {
                rare.parked = Some(result);
                node.state.set(State::Waiting);
                self.emit(&Event::State { task: &node.name, state: State::Waiting });
                return;
            }
            if let Some(child) = rare.failed_child.take() {
                result = child_failed(result, &child);
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
        self.settle_all(idx, State::Skipped, None);
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
        if !matches!(result, Ok(Stored::Unit)) {
            node.links().result = Some(result.map_err(Box::new)); // N3
        }
        self.settle_all(idx, state, own);
    }

    /// Ends a task that completed, is nobody's child and of which no journal is kept.
    #[inline]
    pub(super) fn settle_plain(
        &self,
        idx: NodeIdx,
        node: &Node,
        stored: Stored,
        own: &mut Own<'_>,
    ) {
        if !matches!(stored, Stored::Unit) {
            node.links().result = Some(Ok(stored)); // N3
        }
        if !self.observers.is_empty() {
            return self.settle_all(idx, State::Completed, Some(own));
        }
        node.state.set(State::Completed);
        for &dependant in self.plan.dependants(idx) {
            let waiting = self.node(dependant);
            match waiting.hear(State::Completed, OnFailure::default()) {
                Verdict::Wait => {}
                Verdict::Run => self.make_ready(dependant, waiting, Some(own)),
                Verdict::Skip => self.settle_all(dependant, State::Skipped, Some(own)),
            }
        }
        *own.n_ended += 1;
    }

    /// Ends a task, then the dependants that are skipped because of it, and theirs.
    fn settle_all(&self, idx: NodeIdx, state: State, mut own: Option<&mut Own<'_>>) {
        let mut ending = Vec::new();
        let mut next = Some((idx, state));
        while let Some((idx, state)) = next {
            let node = self.node(idx);
            node.state.set(state);
            if !self.observers.is_empty() {
                self.emit(&Event::Ended { report: &TaskReport::of(node) });
            }
            if state != State::Completed {
                self.n_unfinished.fetch_add(1, Ordering::Relaxed);
            }
            let on_failure = node.on_failure(self.options.on_failure);
            let siblings = match node.parent {
                Some(_) => std::mem::take(&mut node.links().rare().dependants),
                None => Vec::new(),
            };
            for &dependant in self.plan.dependants(idx).iter().chain(&siblings) {
                let waiting = self.node(dependant);
                match waiting.hear(state, on_failure) {
                    Verdict::Wait => {}
                    Verdict::Run => self.make_ready(dependant, waiting, own.as_deref_mut()),
                    Verdict::Skip => ending.push((dependant, State::Skipped)),
                }
            }
            if let Some(parent) = node.parent {
                self.child_ended(parent, &node.name, state, own.as_deref_mut());
            }
            match own.as_deref_mut() {
                Some(own) => *own.n_ended += 1,
                None => self.count_ended(1),
            }
            next = ending.pop();
        }
    }

    /// Counts tasks that have ended.
    pub(super) fn count_ended(&self, n: usize) {
        // AcqRel: the last one sees what all others did (R3).
        if n > 0 && self.n_open.fetch_sub(n, Ordering::AcqRel) == n {
            self.finish();
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
            let mut links = self.node(parent).links();
            let rare = links.rare();
            rare.n_children -= 1;
            if state != State::Completed {
                rare.failed_child.get_or_insert_with(|| Arc::clone(child));
            }
            if rare.n_children > 0 {
                return;
            }
            let Some(result) = rare.parked.take() else { return };
            match rare.failed_child.take() {
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
