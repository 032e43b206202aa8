//! What is done around a task that is delayed, watched or counted.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::task::Traits;
use super::{Front, Missed, Submitter};
use crate::metrics::Histogram;
use crate::runtime::Handle;
use crate::scheduler::ThreadCx;
use crate::sync::OwnedSemaphorePermit;
use crate::time::sleep_until;

/// What is to be noted of a task; dropped when the task has ended, in whichever way, after its future.
pub(super) struct Tracking {
    front: Arc<Front>,
    handle: Handle,
    /// When it may begin, and where the wait since then is noted.
    wait: Option<(u64, Arc<Histogram>)>,
    deadline: Option<(u64, Option<Box<str>>)>,
    endless: Endless,
    /// Given back when the task is gone.
    _place: Option<OwnedSemaphorePermit>,
}

#[derive(PartialEq)]
enum Endless {
    No,
    /// It will be, once it runs: before that it counts as a task that can end.
    Later,
    Now,
}

impl Tracking {
    pub(super) fn new(
        submitter: &Submitter,
        traits: &Traits,
        place: Option<OwnedSemaphorePermit>,
        now_ns: u64,
    ) -> Self {
        let front = submitter.front.clone();
        let begin_ns = traits.begin_ns(now_ns).unwrap_or(now_ns);
        let wait = front.waits.as_ref().map(|waits| (begin_ns, waits.of(traits)));
        let deadline = traits.deadline_ns(now_ns).map(|ns| (ns, traits.name.clone()));
        let endless = if traits.endless { Endless::Later } else { Endless::No };
        let handle = submitter.handle.clone();
        Tracking { front, handle, wait, deadline, endless, _place: place }
    }

    /// The task runs for the first time; it may be that it has to wait yet.
    fn arrives(&mut self) {
        if self.endless == Endless::Later {
            self.endless = Endless::Now;
            self.handle.shared.begin_endless();
        }
    }

    /// The work begins.
    fn begins(&mut self) {
        if let Some((begin_ns, histogram)) = self.wait.take() {
            histogram.note(self.handle.now_ns().saturating_sub(begin_ns));
        }
    }

    /// The work has ended by itself.
    fn ends(&mut self) {
        let Some((deadline_ns, name)) = self.deadline.take() else { return };
        let now_ns = self.handle.now_ns();
        if now_ns <= deadline_ns {
            return;
        }
        // Relaxed: statistics.
        self.front.n_missed.fetch_add(1, Ordering::Relaxed);
        if let Some(report) = &self.front.on_missed {
            let id = ThreadCx::with(|cx| cx?.running());
            report(&Missed {
                id: id.expect("a task ends while it runs"),
                name,
                deadline_ns,
                late_by: Duration::from_nanos(now_ns - deadline_ns),
            });
        }
    }
}

impl Drop for Tracking {
    fn drop(&mut self) {
        if self.endless == Endless::Now {
            self.handle.shared.end_endless();
        }
    }
}

/// Runs `work`, not before `begin_ns` if that is given.
pub(super) async fn tracked<F: Future>(
    begin_ns: Option<u64>,
    mut tracking: Tracking,
    work: F,
) -> F::Output {
    tracking.arrives();
    if let Some(begin_ns) = begin_ns {
        sleep_until(begin_ns).await;
    }
    tracking.begins();
    let output = work.await;
    tracking.ends();
    output
}
