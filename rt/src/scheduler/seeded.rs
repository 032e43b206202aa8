//! The seeded run: one thread plays all workers, in an order that the seed chooses.
//!
//! While something can run, the environment chooses who takes the next turn: a worker (which finds
//! work as a real one does, stealing included) or the future of the `run`. When nothing can run the
//! clock jumps to the next deadline. When there is none either, the run has stalled.
//!
//! Beside who runs, the seed may choose faults: see [`crate::inject`]. Blocking work runs when it is
//! submitted, unless it was injected that it is late; then it takes turns as a worker does.
//!
//! A program that never waits while a timer is armed gets the timer all the same: after
//! [`PATIENCE`] turns without a jump the clock moves.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::current::Root;
use super::worker::Core;
use super::{Shared, ThreadCx};
use crate::dump::TaskDump;
use crate::env::Choice;
use crate::inject::Inject;
use crate::task::coop;

/// Turns without a clock jump until the clock moves on its own.
const PATIENCE: u32 = 100_000;

/// Runs `future` to its end on this thread, in virtual time.
pub(crate) fn run_seeded<F: Future>(
    shared: &Arc<Shared>,
    future: F,
) -> Result<F::Output, TaskDump> {
    let root = Root::new(shared, true);
    let waker = root.waker();
    let cx = ThreadCx::new(shared.clone(), None);
    let mut future = pin!(future);
    let mut players = Players::new(shared, &cx);
    cx.scope(|| {
        let mut n_turns = 0;
        loop {
            if n_turns > PATIENCE {
                players.leave();
                if shared.advance(&cx) {
                    n_turns = 0;
                }
            }
            let n_workers = if shared.has_work() { players.cores.len() } else { 0 };
            let n_late = shared.blocking.n_late();
            let n_choices = n_workers + n_late + usize::from(root.is_woken());
            if n_choices == 0 {
                players.leave();
                if !shared.advance(&cx) {
                    return Err(shared.dump());
                }
                n_turns = 0;
                continue;
            }
            n_turns += 1;
            let chosen = shared.env.choose(n_choices as u32, Choice::Worker) as usize;
            if chosen < n_workers {
                players.turn(chosen);
                continue;
            }
            players.leave();
            if chosen < n_workers + n_late {
                shared.blocking.run_late(chosen - n_workers);
            } else if root.take_woken() {
                coop::reset();
                shared.cut_budget();
                if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker))
                {
                    return Ok(output);
                }
                if shared.env.strikes(Inject::SPURIOUS) {
                    root.look_again();
                }
            }
        }
    })
}

/// The cores of all workers, while a run plays them. That of the last turn stays with the thread, which
/// often takes the next one too.
struct Players<'a> {
    shared: &'a Arc<Shared>,
    cx: &'a ThreadCx,
    cores: Vec<Option<Core>>,
    /// Whose core the thread has.
    playing: Option<usize>,
}

impl<'a> Players<'a> {
    fn new(shared: &'a Arc<Shared>, cx: &'a ThreadCx) -> Self {
        let mut cores = std::mem::take(&mut *shared.home.lock());
        cores.sort_by_key(|core| core.index);
        let cores = cores.into_iter().map(Some).collect();
        Players { shared, cx, cores, playing: None }
    }

    /// Takes one turn of a worker.
    fn turn(&mut self, worker: usize) {
        if self.playing != Some(worker) {
            self.leave();
            *self.cx.core.borrow_mut() = self.cores[worker].take();
            self.playing = Some(worker);
        }
        self.shared.turn(self.cx);
        if let Some(core) = self.cx.core.borrow_mut().as_mut()
            && std::mem::take(&mut core.searching)
        {
            self.shared.idle.stop_searching();
        }
    }

    /// The thread plays no worker any more: what comes next is no worker's doing.
    fn leave(&mut self) {
        if let Some(worker) = self.playing.take() {
            self.cores[worker] = self.cx.core.borrow_mut().take();
        }
    }
}

impl Drop for Players<'_> {
    fn drop(&mut self) {
        self.leave();
        self.shared.home.lock().extend(self.cores.drain(..).flatten());
    }
}

impl Shared {
    /// Moves the clock to the next deadline and wakes what is due; false if no timer is armed.
    fn advance(&self, cx: &ThreadCx) -> bool {
        let Some(next) = self.timers.next() else { return false };
        self.note_births(self.env.now_ns());
        self.env.advance_to(next);
        let mut due = cx.due.take();
        self.timers.fire(self.env.now_ns(), &mut due);
        self.timers.settle(due.len());
        cx.in_driver.set(true);
        for ties in due.chunk_by_mut(|a, b| a.deadline_ns == b.deadline_ns) {
            // Equal deadlines in a chosen order.
            for last in (1..ties.len()).rev() {
                ties.swap(last, self.env.choose(last as u32 + 1, Choice::Tie) as usize);
            }
        }
        for fired in due.drain(..) {
            self.counters.timers_fired.add();
            fired.waker.wake();
        }
        cx.in_driver.set(false);
        cx.due.set(due);
        true
    }
}
