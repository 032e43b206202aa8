//! The end of a runtime: waiting for tasks and threads, and what is done with those that stay.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_deque::Steal;

use super::{Shared, ThreadCx};
use crate::dump::TaskDump;
use crate::task::TaskRef;

impl Shared {
    /// Waits until no task is left.
    pub(crate) fn wait_until_gone(&self, until: Instant) {
        let (lock, gone) = &self.gone;
        let mut guard = lock.lock();
        while self.registry.len() > 0 {
            if gone.wait_until(&mut guard, until).timed_out() {
                return;
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
        cx.scope(|| while self.abandon_queued() | self.abandon_idle() {});
        left
    }

    /// Ends the tasks in the queues that no thread plays; true if there was one.
    fn abandon_queued(&self) -> bool {
        let mut queued = Vec::new();
        for core in &*self.home.lock() {
            queued.extend(std::iter::from_fn(|| core.queue.pop()));
        }
        queued.extend(self.remotes.iter().filter_map(|remote| remote.swap_lifo(None)));
        loop {
            match self.injector.steal() {
                Steal::Success(task) => queued.push(task),
                Steal::Retry => {}
                Steal::Empty => break,
            }
        }
        for task in &queued {
            task.header().state.start_run();
            self.abandon(task);
        }
        !queued.is_empty()
    }

    /// Ends the tasks that wait; true if there was one.
    fn abandon_idle(&self) -> bool {
        let mut found = false;
        for task in self.registry.all() {
            if task.header().state.try_hold() {
                found = true;
                self.abandon(&task);
            }
        }
        found
    }

    /// Ends a task whose run is ours. One that cannot be ended stays as it is for ever, marked as
    /// running so that nobody touches it.
    fn abandon(&self, task: &TaskRef) {
        // SAFETY: we hold the run.
        if unsafe { (task.header().vtable.abandon)(task) } {
            self.end(task);
        }
    }
}
