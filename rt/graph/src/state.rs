//! The life of a task, from the graph's point of view.
//!
//! ```text
//! Pending ──► Ready ──► Running ──► Completed
//!    │          │         │  ▲
//!    │          │         ▼  │
//!    │          │       Waiting      a retry's delay, a pool, children, the journal
//!    ▼          ▼         │
//! Skipped   Cancelled ◄───┴──────► Failed
//! ```

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};

use serde::{Deserialize, Serialize};

/// Where a task stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum State {
    /// Some dependency has not ended.
    Pending,
    /// All dependencies allow it to run; no worker has taken it yet.
    Ready,
    /// A worker runs its body.
    Running,
    /// Begun, but held up: the delay before a retry, a full pool, children that have not ended.
    Waiting,
    /// Its body gave a value (in this run, or in an earlier one that the journal remembers).
    Completed,
    /// All its attempts failed.
    Failed,
    /// The run was cancelled, or failed elsewhere, before it could end.
    Cancelled,
    /// Its trigger rule can no longer be met.
    Skipped,
}

impl State {
    /// All states, in the order of a task's life.
    pub const ALL: [State; 8] = [
        State::Pending,
        State::Ready,
        State::Running,
        State::Waiting,
        State::Completed,
        State::Failed,
        State::Cancelled,
        State::Skipped,
    ];

    /// Whether the task will not change any more.
    pub fn is_final(self) -> bool {
        self >= State::Completed
    }

    /// The word that exports and reports use.
    pub fn name(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Ready => "ready",
            State::Running => "running",
            State::Waiting => "waiting",
            State::Completed => "completed",
            State::Failed => "failed",
            State::Cancelled => "cancelled",
            State::Skipped => "skipped",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A [`State`] that several workers read and one at a time changes.
#[derive(Debug)]
pub(crate) struct StateCell(AtomicU8);

impl StateCell {
    pub(crate) fn new() -> Self {
        Self(AtomicU8::new(State::Pending as u8))
    }

    pub(crate) fn get(&self) -> State {
        // Acquire: what was written before the state was set (an output) is visible.
        State::ALL[usize::from(self.0.load(Ordering::Acquire))]
    }

    pub(crate) fn set(&self, state: State) {
        // Release: pairs with `get`.
        self.0.store(state as u8, Ordering::Release);
    }
}
