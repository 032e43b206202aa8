//! Tasks that stay on one thread: their queue, and how they are run.
//!
//! A local task is an ordinary cell whose origin names a [`LocalQueue`]. Whoever wakes it, on whichever
//! thread, puts it there ([`super::schedule`]); only the thread of the
//! [`LocalSet`](crate::task::LocalSet) takes it out again. Workers never see it.
//!
//! ```text
//!  wake, cancel, from anywhere ─► LocalQueue ─► the set's thread, within a poll of its driver
//!                                    └ wakes the driver unless it is at work
//! ```
//!
//! * **I1** The future of a local task is run and dropped by the thread that spawned it: nothing else
//!   takes from the queue, and the end of the runtime passes local tasks over.
//! * **I2** After a push to a queue that nobody drives, all who wait to drive it are woken.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Shared, ThreadCx};
use crate::task::{Progress, Queued, RunEnd, Wakers};

/// Tasks that are run in one poll of a driver.
const TURNS: usize = 61;

/// The tasks of one set that are to be run.
#[derive(Debug, Default)]
pub(crate) struct LocalQueue(Mutex<Inbox>);

#[derive(Debug, Default)]
struct Inbox {
    tasks: VecDeque<Queued>,
    /// Who waits for a task to run.
    drivers: Wakers,
    /// Somebody takes tasks out now, and looks again before stopping.
    driven: bool,
}

impl LocalQueue {
    /// Adds a task behind the others.
    pub(crate) fn push(&self, task: Queued) {
        let drivers = {
            let mut inbox = self.0.lock();
            inbox.tasks.push_back(task);
            if inbox.driven {
                return;
            }
            std::mem::take(&mut inbox.drivers)
        };
        drivers.wake_all();
    }

    /// The set's thread: takes the oldest task.
    pub(crate) fn pop(&self) -> Option<Queued> {
        self.0.lock().tasks.pop_front()
    }

    /// The set's thread: runs tasks by `run`, a few at most, then leaves `waker` for more.
    pub(crate) fn drive(&self, waker: &std::task::Waker, mut run: impl FnMut(Queued)) {
        let was_driven = std::mem::replace(&mut self.0.lock().driven, true);
        let driving = Driving { queue: self, was_driven };
        for _ in 0..TURNS {
            let Some(task) = self.pop() else { break };
            run(task);
        }
        drop(driving);
        let mut inbox = self.0.lock();
        inbox.drivers.add(waker);
        if !inbox.tasks.is_empty() {
            drop(inbox);
            waker.wake_by_ref();
        }
    }
}

/// Marks a queue as driven; a panic ends it too.
struct Driving<'a> {
    queue: &'a LocalQueue,
    was_driven: bool,
}

impl Drop for Driving<'_> {
    fn drop(&mut self) {
        self.queue.0.lock().driven = self.was_driven;
    }
}

impl Shared {
    /// Queues a local task that was just made.
    pub(crate) fn start_local(&self, task: Queued, queue: &LocalQueue) {
        self.note_start(task);
        // Relaxed: read by those who wait for tasks to go, who look again.
        self.n_local.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.counters.spawned.add();
        queue.push(task);
    }

    /// Runs a local task on its thread; true if it is over.
    pub(crate) fn run_local(&self, cx: &ThreadCx, task: Queued, queue: &LocalQueue) -> bool {
        let reference = task.task();
        let header = reference.header();
        let seen = header.state.start_run();
        match cx.worker() {
            Some(worker) => self.remotes[worker].polls.add(),
            None => self.counters.polls.add(),
        }
        let outer = cx.set_aside();
        let end = self.run_held(cx, task, seen, None);
        cx.take_up(outer);
        let queue_again = match end {
            RunEnd::Finished => {
                self.end_local(cx, task);
                false
            }
            RunEnd::Yielded => true,
            RunEnd::Suspended => header.state.end_run(seen) == Progress::Queue,
        };
        if queue_again {
            if self.insight.on() {
                self.note_wake(&reference);
            }
            queue.push(task);
        }
        self.after_detached(cx);
        end == RunEnd::Finished
    }

    /// Drops the future of a local task that waits or was queued, on its thread.
    pub(crate) fn abandon_local(&self, cx: &ThreadCx, task: Queued, seen: crate::task::Seen) {
        // SAFETY: the caller holds the run, on the task's thread.
        if unsafe { (task.task().header().vtable.abandon)(&task.task(), seen) } {
            self.end_local(cx, task);
        }
    }

    fn end_local(&self, cx: &ThreadCx, task: Queued) {
        // Relaxed: as in `start_local`.
        self.n_local.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
        self.end(cx, &task.task(), cx.worker().map(|worker| &self.remotes[worker]));
    }

    /// Runs `body` with a context of this runtime: the thread's own if it has one, else a new one.
    pub(crate) fn within<R>(self: &Arc<Self>, body: impl FnOnce(&ThreadCx) -> R) -> R {
        ThreadCx::with(|cx| match cx {
            Some(cx) if cx.is_of(self) => body(cx),
            _ => {
                let cx = ThreadCx::new(self.clone(), None);
                cx.scope(|| body(&cx))
            }
        })
    }
}
