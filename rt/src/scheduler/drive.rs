//! Sleeping, and what wakes tasks from outside: timers and I/O.

use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::Duration;

use super::{Core, Shared, ThreadCx};
use crate::timers::TimerKey;

/// How long a worker looks on for work before it sleeps: waking a thread costs about as much.
const SPIN_NS: u64 = 5_000;
/// Pauses of the processor between two looks.
const PAUSES: u32 = 8;

impl Shared {
    /// Arms a timer on the wheel of the worker that `cx` plays, or on the first.
    #[inline]
    pub(crate) fn arm(&self, cx: &ThreadCx, deadline_ns: u64, waker: &Waker) -> TimerKey {
        let worker = cx.worker().unwrap_or(0);
        let (key, interrupt) = self.timers.arm(worker, deadline_ns, waker);
        if interrupt {
            self.interrupt();
        }
        key
    }

    /// Looks for due timers and I/O without waiting.
    pub(crate) fn drive_now(&self, cx: &ThreadCx) {
        cx.look_at_clock();
        let mut io = cx.io.take();
        if let Some(reactor) = &self.reactor
            && reactor.has_waiters()
        {
            reactor.wait(Some(Duration::ZERO), &mut io);
        }
        self.deliver(cx, io);
    }

    /// Wakes the tasks that wait for `io` or for a timer that is due.
    fn deliver(&self, cx: &ThreadCx, mut io: Vec<Waker>) {
        cx.in_driver.set(true);
        let n_io = io.len();
        for waker in io.drain(..) {
            self.counters.io_wakes.add();
            waker.wake();
        }
        if let Some(reactor) = &self.reactor {
            reactor.settle(n_io);
        }
        cx.io.set(io);
        let mut due = cx.due.take();
        self.timers.fire(cx.clock.get(), &mut due);
        let n_due = due.len();
        for fired in due.drain(..) {
            self.counters.timers_fired.add();
            fired.waker.wake();
        }
        self.timers.settle(n_due);
        cx.due.set(due);
        cx.in_driver.set(false);
        // A single task is this worker's own: waking another one for it costs more than most tasks do.
        // Should what runs here hold the worker up, the watchdog wakes somebody for the rest.
        if n_io + n_due > 1 {
            self.wake_one();
        }
    }

    /// A worker that searched in vain looks on for a moment, about as long as a wake-up would cost, if
    /// another one is at work that may give it something; true if there is work now. The more often
    /// that was in vain, the less often it does so.
    ///
    /// While it does nobody is woken for new work, for it counts as searching. Whoever works looks at
    /// the poller meanwhile; if all others sleep, this one does so too, in the poller, where what comes
    /// next will come from.
    fn spin(&self, cx: &ThreadCx) -> bool {
        if self.remotes.len() == 1 {
            return false;
        }
        let others_sleep = || self.idle.n_sleeping_about() + 1 >= self.remotes.len();
        let wanted = cx.core.borrow_mut().as_mut().is_some_and(Core::wants_to_spin);
        if !wanted || others_sleep() || !self.idle.start_spinning() {
            return false;
        }
        let until = self.env.now_ns() + SPIN_NS;
        let found = loop {
            if self.has_work() {
                break true;
            }
            if others_sleep() || self.env.now_ns() >= until {
                break false;
            }
            for _ in 0..PAUSES {
                crate::atomic::spin();
            }
        };
        self.idle.stop_spinning();
        if let Some(core) = cx.core.borrow_mut().as_mut() {
            core.has_spun(found);
        }
        found
    }

    /// The worker has nothing to do: sleeps until there may be something.
    pub(crate) fn sleep(&self, cx: &ThreadCx) {
        if self.spin(cx) {
            return;
        }
        crate::fork::end_child_that_waits(self);
        let Some((index, searching)) = ({
            let mut core = cx.core.borrow_mut();
            core.as_mut().map(|core| {
                self.tidy(core);
                (core.index, std::mem::take(&mut core.searching))
            })
        }) else {
            return;
        };
        let n_asleep = self.idle.fall_asleep(index, searching);
        // SeqCst: pairs with `stop_workers`.
        if !self.has_work() && !self.stop.load(Ordering::SeqCst) {
            if n_asleep == self.remotes.len() {
                self.quiet_hint();
            }
            self.drain_hint();
            self.counters.parks.add();
            self.park(cx, index);
        }
        if !self.idle.wake_up(index)
            && let Some(core) = cx.core.borrow_mut().as_mut()
        {
            // Woken for work: counted as a searcher by whoever woke us.
            core.searching = true;
        }
    }

    /// Parks in the poller if nobody is there, else on the worker's own token.
    fn park(&self, cx: &ThreadCx, index: usize) {
        let parker = &self.remotes[index].parker;
        let (Some(mut lead), Some(reactor)) = (self.driver.try_lock(), &self.reactor) else {
            parker.park();
            return cx.look_at_clock();
        };
        let mut io = cx.io.take();
        parker.park_with(|| {
            let Some(deadline_ns) = self.timers.park() else {
                reactor.wait(None, &mut io);
                return self.timers.unpark();
            };
            let start_ns = self.env.now_ns();
            let end_ns = lead.end_of_wait(start_ns, deadline_ns);
            reactor.wait(Some(Duration::from_nanos(end_ns - start_ns)), &mut io);
            let mut now_ns = self.env.now_ns();
            if io.is_empty() && end_ns > start_ns && now_ns >= end_ns && !parker.is_notified() {
                lead.learn(now_ns, deadline_ns);
                // Too early, by a few microseconds: waking up took less time than usual.
                while now_ns < deadline_ns && !parker.is_notified() {
                    crate::atomic::spin();
                    now_ns = self.env.now_ns();
                }
            }
            self.timers.unpark();
        });
        cx.look_at_clock();
        self.deliver(cx, io);
    }
}
