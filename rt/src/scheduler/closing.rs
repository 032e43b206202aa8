//! Whether a runtime closes: tasks that are spawned from then on are born cancelled.
//!
//! A spawn writes the state word of its cell, then looks here; a shutdown sets this, then looks at all
//! state words. With neither fence nor exchange in the spawn both may miss each other once, so a
//! shutdown looks again while tasks are left; the second look finds them.

use crate::atomic::{AtomicBool, Ordering};
use crate::task::State;

/// See the module.
#[derive(Debug)]
pub(crate) struct Closing(AtomicBool);

impl Closing {
    pub(crate) fn new() -> Self {
        Closing(AtomicBool::new(false))
    }

    /// The runtime closes from now on.
    pub(crate) fn begin(&self) {
        // SeqCst: before the looks at the state words that follow.
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether it closes.
    pub(crate) fn has_begun(&self) -> bool {
        // Acquire: pairs with `begin`.
        self.0.load(Ordering::Acquire)
    }

    /// A task has its state word and is about to be queued: cancels it if the runtime closes.
    pub(crate) fn note_spawn(&self, state: &State) {
        if self.has_begun() {
            state.cancel();
        }
    }
}
