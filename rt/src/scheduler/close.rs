//! The end of a runtime: waiting for tasks and threads, and what is done with those that stay.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{Shared, ThreadCx};
use crate::dump::TaskDump;
use crate::task::{Seen, TaskRef};

impl Shared {
    /// Waits until no task is left, cancelling those that appear meanwhile.
    pub(crate) fn wait_until_gone(&self, until: Instant) {
        let (lock, gone) = &self.gone;
        let mut guard = lock.lock();
        while self.n_own_tasks() > 0 && Instant::now() < until {
            let step = Instant::now() + Duration::from_millis(20);
            if gone.wait_until(&mut guard, until.min(step)).timed_out() {
                // Tasks that were spawned while this was set may have missed it.
                if self.closing.has_begun() {
                    drop(guard);
                    self.cancel_all();
                    guard = lock.lock();
                }
            }
        }
    }

    /// Waits until every core is home, until a deadline if one is given: no thread runs tasks any
    /// more.
    pub(crate) fn wait_for_cores(&self, until: Option<Instant>) {
        let is_time = || until.is_none_or(|until| Instant::now() < until);
        while self.home.lock().len() < self.remotes.len() && is_time() {
            // Workers are on their way out; there is nothing left to signal with.
            std::thread::sleep(Duration::from_micros(50));
        }
    }

    /// Ends what can be ended without a wait; answers what was left before that.
    pub(crate) fn abandon_all(self: &Arc<Self>) -> TaskDump {
        let left = self.dump();
        // Dropped futures may want their runtime, and may wake others.
        let cx = ThreadCx::new(self.clone(), None);
        cx.scope(|| while self.abandon_queued(&cx) | self.abandon_idle(&cx) {});
        // SeqCst: pairs with `bring_home`.
        self.closed.store(true, Ordering::SeqCst);
        self.take_apart();
        self.close_heap();
        left
    }

    /// Takes the cores that are home apart, so that the memory of tasks goes back as they go.
    pub(crate) fn take_apart(&self) {
        let cores = std::mem::take(&mut *self.home.lock());
        for core in cores {
            self.adopt(*core.heap);
        }
    }

    /// Ends the tasks in the queues that no thread plays; true if there was one.
    fn abandon_queued(&self, cx: &ThreadCx) -> bool {
        let mut queued = Vec::new();
        for core in &*self.home.lock() {
            let remote = &self.remotes[core.index];
            queued.extend(std::iter::from_fn(|| remote.pop()));
        }
        queued.extend(self.remotes.iter().filter_map(super::Remote::take_lifo));
        queued.extend(std::iter::from_fn(|| self.injector.pop_some(0, |_| {})));
        for task in &queued {
            let task = task.task();
            self.abandon(cx, &task, task.header().state.start_run());
        }
        !queued.is_empty()
    }

    /// Ends the tasks that wait; true if there was one.
    fn abandon_idle(&self, cx: &ThreadCx) -> bool {
        let mut found = false;
        for task in self.tasks() {
            if task.header().origin.place().is_some() {
                continue; // its thread drops it, with its set
            }
            if let Some(seen) = task.header().state.try_hold() {
                found = true;
                self.abandon(cx, &task, seen);
            }
        }
        found
    }

    /// Ends a task whose run is ours. One that cannot be ended stays as it is for ever, marked as
    /// running so that nobody touches it.
    fn abandon(&self, cx: &ThreadCx, task: &TaskRef, seen: Seen) {
        // SAFETY: we hold the run.
        if unsafe { (task.header().vtable.abandon)(task, seen) } {
            self.end(cx, task, cx.worker().map(|worker| &self.remotes[worker]));
        }
    }
}
