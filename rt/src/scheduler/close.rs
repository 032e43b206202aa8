//! The end of a runtime: waiting for tasks and threads, and what is done with those that stay.

use std::time::{Duration, Instant};

use crossbeam_deque::Steal;

use super::Shared;
use crate::metrics::TaskDump;

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

    /// Waits until every core is home: no thread runs tasks any more.
    pub(crate) fn wait_for_cores(&self, until: Instant) {
        while self.home.lock().len() < self.remotes.len() && Instant::now() < until {
            // Workers are on their way out; there is nothing left to signal with.
            std::thread::sleep(Duration::from_micros(50));
        }
    }

    /// Ends what can be ended without running it; answers what was left before that.
    pub(crate) fn abandon_all(&self) -> TaskDump {
        let left = self.dump();
        // Queued tasks are not idle: take them out first.
        let home = std::mem::take(&mut *self.home.lock());
        for core in &home {
            while let Some(task) = core.queue.pop() {
                self.abandon(&task);
            }
        }
        for remote in &self.remotes {
            if let Some(task) = remote.swap_lifo(None) {
                self.abandon(&task);
            }
        }
        loop {
            match self.injector.steal() {
                Steal::Success(task) => self.abandon(&task),
                Steal::Retry => {}
                Steal::Empty => break,
            }
        }
        *self.home.lock() = home;
        for task in self.registry.all() {
            if task.header().state.try_hold() {
                self.abandon_held(&task);
            }
        }
        left
    }

    /// Ends a task that was taken from a queue.
    fn abandon(&self, task: &crate::task::TaskRef) {
        task.header().state.start_run();
        self.abandon_held(task);
    }

    fn abandon_held(&self, task: &crate::task::TaskRef) {
        // SAFETY: we hold the run.
        if unsafe { (task.header().vtable.abandon)(task) } {
            self.end(task);
        }
        // Else it stays as it is for ever, marked as running so that nobody touches it.
    }
}
