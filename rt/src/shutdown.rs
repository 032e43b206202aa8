//! The end of a runtime, in stages.
//!
//! ```text
//! told        Handle::shutting_down() is ready; tasks end by themselves       until `grace`
//! cancelled   every task is asked to cancel; new ones are born cancelled      until `cancel`
//! dropped     threads end; futures that are left are dropped, the report names what was left
//! ```
//!
//! Dropping a [`Runtime`] skips the first stage and gives the second five seconds. Inside of one of its
//! own tasks a runtime cannot wait for itself: there all stages take no time.
//!
//! * **I1** A stage ends as soon as no task is left.
//! * **I2** Ending twice is ending once: the second report is empty.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use std::{fmt, mem};

use parking_lot::Mutex;
use slab::Slab;

use crate::dump::TaskDump;
use crate::runtime::{Handle, Runtime};
use crate::scheduler::{Flavor, ThreadCx};

/// How long dropping a runtime waits for its tasks and threads.
const DROP_DEADLINE: Duration = Duration::from_secs(5);

/// How long the stages of a shutdown may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShutdownStages {
    /// For tasks to end by themselves once they are told ([`Handle::shutting_down`]).
    pub grace: Duration,
    /// For cancelled tasks to clean up.
    pub cancel: Duration,
}

/// What became of the tasks when a runtime shut down.
#[derive(Clone, Debug, Default)]
pub struct ShutdownReport {
    /// Tasks that ended by themselves while they were given grace.
    pub n_ended: usize,
    /// Tasks that ended after they were asked to cancel.
    pub n_cancelled: usize,
    /// Tasks that had not ended at the deadline. Futures among them were dropped; coroutines in
    /// the middle of their work and running tasks were left as they were.
    pub left: TaskDump,
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ended, cancelled) = (self.n_ended, self.n_cancelled);
        write!(f, "{ended} ended by themselves, {cancelled} cancelled; left: {}", self.left)
    }
}

/// Whether a shutdown has begun, and who wants to know.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    begun: AtomicBool,
    waiters: Mutex<Slab<Waker>>,
}

impl Signal {
    pub(crate) fn begun(&self) -> bool {
        // SeqCst: a task that ends after the flag is set sees it, one that ended before is not
        // counted by whoever waits.
        self.begun.load(Ordering::SeqCst)
    }

    /// Begins; false if it had.
    fn begin(&self) -> bool {
        // SeqCst: as above.
        if self.begun.swap(true, Ordering::SeqCst) {
            return false;
        }
        let waiters = mem::take(&mut *self.waiters.lock());
        waiters.into_iter().for_each(|(_, waker)| waker.wake());
        true
    }
}

/// See [`Handle::shutting_down`].
#[derive(Debug)]
pub struct ShuttingDown {
    handle: Handle,
    waiter: Option<usize>,
}

impl Future for ShuttingDown {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let signal = &this.handle.shared.shutdown;
        let mut waiters = signal.waiters.lock();
        // Under the lock: `begin` sets the flag before it takes the waiters.
        if signal.begun() {
            this.waiter = None;
            return Poll::Ready(());
        }
        match this.waiter {
            Some(at) => waiters[at].clone_from(cx.waker()),
            None => this.waiter = Some(waiters.insert(cx.waker().clone())),
        }
        Poll::Pending
    }
}

impl Drop for ShuttingDown {
    fn drop(&mut self) {
        let Some(at) = self.waiter else { return };
        let mut waiters = self.handle.shared.shutdown.waiters.lock();
        let waker = if self.handle.is_shutting_down() { None } else { waiters.try_remove(at) };
        drop(waiters);
        drop(waker); // outside of the lock: it may free a task
    }
}

impl Handle {
    /// Waits until the runtime is asked to shut down, for tasks that want to end by themselves.
    /// Cancel-safe: a dropped wait withdraws.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_rt::runtime::{Handle, Runtime};
    /// use vitte_rt::shutdown::ShutdownStages;
    /// let runtime = Runtime::new()?;
    /// runtime.spawn(async {
    ///     Handle::current().shutting_down().await;
    ///     // … say goodbye to the peers …
    /// });
    /// let second = Duration::from_secs(1);
    /// let report = runtime.shutdown_in_stages(ShutdownStages { grace: second, cancel: second });
    /// assert_eq!((report.n_ended, report.n_cancelled), (1, 0));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn shutting_down(&self) -> ShuttingDown {
        ShuttingDown { handle: self.clone(), waiter: None }
    }

    /// Whether the runtime was asked to shut down.
    pub fn is_shutting_down(&self) -> bool {
        self.shared.shutdown.begun()
    }
}

impl Runtime {
    /// Cancels all tasks, waits for their end until the deadline, ends the threads.
    pub fn shutdown(self, deadline: Duration) -> ShutdownReport {
        // The drop finds it closed.
        self.close(ShutdownStages { grace: Duration::ZERO, cancel: deadline })
    }

    /// Tells the tasks, waits for them, cancels them, waits again, ends the threads.
    pub fn shutdown_in_stages(self, stages: ShutdownStages) -> ShutdownReport {
        self.close(stages)
    }

    fn close(&self, stages: ShutdownStages) -> ShutdownReport {
        let shared = &self.handle.shared;
        let inside = ThreadCx::is_inside(shared);
        if crate::fork::is_foreign(shared) {
            return ShutdownReport::default(); // threads, poller and tasks are the parent's
        }
        // Before they are told: one may have ended by the time that `begin` returns.
        let n_told = shared.n_tasks();
        if !shared.shutdown.begin() {
            return ShutdownReport::default();
        }
        if !inside && !stages.grace.is_zero() {
            self.wait(stages.grace);
        }
        let n_kept = shared.n_tasks();
        let until = Instant::now() + stages.cancel;
        // A task spawned after this is born cancelled, one spawned before is in the list.
        shared.closing.begin();
        self.handle.cancel_all();
        if !inside {
            self.wait(stages.cancel);
        }
        shared.stop_workers();
        shared.blocking.stop();
        if !inside {
            shared.wait_for_cores(Some(until));
        }
        let left = shared.abandon_all();
        shared.insight.stop();
        ShutdownReport {
            n_ended: n_told.saturating_sub(n_kept),
            n_cancelled: n_kept.saturating_sub(left.tasks.len()),
            left,
        }
    }

    /// Waits until no task is left.
    fn wait(&self, deadline: Duration) {
        let shared = &self.handle.shared;
        match shared.flavor {
            Flavor::Threads => {
                // Stopped workers are needed once more; without threads the tasks are left.
                let _ = shared.start_workers();
                shared.wait_until_gone(Instant::now() + deadline);
            }
            Flavor::Current | Flavor::Seeded => {
                let _ = catch_unwind(AssertUnwindSafe(|| self.drain(deadline)));
            }
        }
    }

    /// Runs the tasks of a runtime without threads to their end.
    fn drain(&self, deadline: Duration) {
        let shared = self.handle.shared.clone();
        let until = shared.env.now_ns().saturating_add(deadline.as_nanos() as u64);
        let gone = async move {
            while shared.n_own_tasks() > 0 && shared.env.now_ns() < until {
                // Tasks that others spawned while this was set may have missed it.
                if shared.closing.has_begun() {
                    shared.cancel_all();
                }
                let step = Duration::from_millis(1);
                crate::time::sleep(step).await;
            }
        };
        let _ = self.run(gone);
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.close(ShutdownStages { grace: Duration::ZERO, cancel: DROP_DEADLINE });
    }
}
