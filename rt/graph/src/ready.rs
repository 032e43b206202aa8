//! Tasks that may run, and the drivers that wait for some.
//!
//! Each driver has a deque of its own (it takes its newest, others steal its oldest); tasks that wait
//! for nothing lie in one list; tasks that become ready elsewhere go to a shared deque; tasks whose priority is not 0 go to an ordered set,
//! which is looked at before the deques for those above 0 and after them for those below.
//!
//! * Q1: an index may be queued more than once (its priority was changed meanwhile). Whoever takes
//!   it must claim the task by its state.
//! * Q2: a driver that is about to wait looks at all queues after it has said so; whoever queues a
//!   task looks for waiting drivers after it has queued. One of the two sees the other.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::future::poll_fn;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::task::{Context, Poll, Waker};

use crossbeam_deque::{Injector, Steal, Stealer, Worker};
use parking_lot::Mutex;

use crate::node::NodeIdx;

pub(crate) struct Ready {
    /// What waits for nothing, in order: taken from the front by whoever finds nothing of its own.
    first: OnceLock<Box<[NodeIdx]>>,
    n_taken: AtomicUsize,
    shared: Injector<NodeIdx>,
    stealers: OnceLock<Box<[Stealer<NodeIdx>]>>,
    ranked: Mutex<Ranked>,
    n_ranked: AtomicUsize,
    waiting: Mutex<Waiting>,
    n_waiting: AtomicUsize,
}

#[derive(Default)]
struct Ranked {
    set: BTreeSet<(Reverse<i32>, u64, NodeIdx)>,
    /// Numbers the entries, so that equal ones come first in, first out.
    n_pushed: u64,
}

#[derive(Default)]
struct Waiting {
    wakers: Vec<(usize, Waker)>,
    is_closed: bool,
}

impl Ready {
    pub(crate) fn new() -> Self {
        Self {
            first: OnceLock::new(),
            n_taken: AtomicUsize::new(0),
            shared: Injector::new(),
            stealers: OnceLock::new(),
            ranked: Mutex::default(),
            n_ranked: AtomicUsize::new(0),
            waiting: Mutex::default(),
            n_waiting: AtomicUsize::new(0),
        }
    }

    /// Deques for `n` drivers. Called once.
    pub(crate) fn deques(&self, n: usize) -> Vec<Worker<NodeIdx>> {
        let deques: Vec<_> = (0..n).map(|_| Worker::new_lifo()).collect();
        let stealers = deques.iter().map(Worker::stealer).collect();
        assert!(self.stealers.set(stealers).is_ok(), "deques are made once per run");
        deques
    }

    /// Queues the tasks that wait for nothing, before the drivers begin. Called once.
    pub(crate) fn set_first(&self, first: Vec<NodeIdx>) {
        assert!(self.first.set(first.into()).is_ok(), "a run begins once");
    }

    fn take_first(&self) -> Option<NodeIdx> {
        let first = self.first.get()?;
        if self.n_taken.load(Ordering::Relaxed) >= first.len() {
            return None;
        }
        // Relaxed: what is taken was there before the drivers began.
        first.get(self.n_taken.fetch_add(1, Ordering::Relaxed)).copied()
    }

    /// Queues a task, on the driver's own deque if a driver does so.
    pub(crate) fn push(&self, node: NodeIdx, priority: i32, own: Option<&Worker<NodeIdx>>) {
        if priority != 0 {
            let mut ranked = self.ranked.lock();
            let number = ranked.n_pushed;
            ranked.n_pushed += 1;
            ranked.set.insert((Reverse(priority), number, node));
            self.n_ranked.store(ranked.set.len(), Ordering::Relaxed);
        } else if let Some(own) = own {
            own.push(node);
        } else {
            self.shared.push(node);
        }
        // The only driver does not wait while it queues something.
        if own.is_some() && self.stealers.get().is_some_and(|all| all.len() == 1) {
            return;
        }
        // Q2; SeqCst: pairs with the fence in `wait`.
        fence(Ordering::SeqCst);
        if self.n_waiting.load(Ordering::Relaxed) > 0 {
            let waker = self.waiting.lock().wakers.pop();
            self.wake(waker);
        }
    }

    fn wake(&self, waker: Option<(usize, Waker)>) {
        if let Some((_, waker)) = waker {
            self.n_waiting.fetch_sub(1, Ordering::Relaxed);
            waker.wake();
        }
    }

    /// Whether a task of a higher priority than 0 is queued.
    pub(crate) fn has_urgent(&self) -> bool {
        self.n_ranked.load(Ordering::Relaxed) > 0
            && self.ranked.lock().set.first().is_some_and(|&(Reverse(p), ..)| p > 0)
    }

    /// The task to run next; `start(n)` says at which of `n` other deques stealing begins.
    pub(crate) fn take(
        &self,
        own: &Worker<NodeIdx>,
        start: impl FnOnce(usize) -> usize,
    ) -> Option<NodeIdx> {
        self.take_ranked(|p| p > 0)
            .or_else(|| own.pop())
            .or_else(|| self.take_first())
            .or_else(|| self.steal(own, start))
            .or_else(|| self.take_ranked(|_| true))
    }

    fn take_ranked(&self, wanted: impl FnOnce(i32) -> bool) -> Option<NodeIdx> {
        if self.n_ranked.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut ranked = self.ranked.lock();
        let &entry = ranked.set.first().filter(|&&(Reverse(p), ..)| wanted(p))?;
        ranked.set.remove(&entry);
        self.n_ranked.store(ranked.set.len(), Ordering::Relaxed);
        Some(entry.2)
    }

    fn steal(&self, own: &Worker<NodeIdx>, start: impl FnOnce(usize) -> usize) -> Option<NodeIdx> {
        let stealers = self.stealers.get().expect("drivers run after the deques were made");
        let n = stealers.len();
        let first = if n > 1 { start(n) } else { 0 };
        loop {
            let from_shared = self.shared.steal_batch_and_pop(own);
            let found = from_shared.or_else(|| {
                let others = (0..n).map(|i| &stealers[(first + i) % n]);
                others.map(|s| s.steal_batch_and_pop(own)).collect()
            });
            match found {
                Steal::Success(node) => return Some(node),
                Steal::Empty => return None,
                Steal::Retry => std::hint::spin_loop(),
            }
        }
    }

    /// Waits until something may be queued. False when the run is over.
    pub(crate) async fn wait(&self, driver: usize) -> bool {
        let mut registered = false;
        poll_fn(|cx| self.poll_wait(driver, &mut registered, cx)).await
    }

    fn poll_wait(&self, driver: usize, again: &mut bool, cx: &mut Context<'_>) -> Poll<bool> {
        let mut waiting = self.waiting.lock();
        if waiting.is_closed {
            return Poll::Ready(false);
        }
        let at = waiting.wakers.iter().position(|(d, _)| *d == driver);
        if *again && at.is_none() {
            return Poll::Ready(true);
        }
        match at {
            Some(at) => waiting.wakers[at].1.clone_from(cx.waker()),
            None => {
                waiting.wakers.push((driver, cx.waker().clone()));
                self.n_waiting.fetch_add(1, Ordering::Relaxed);
            }
        }
        *again = true;
        // Q2; SeqCst: pairs with the fence in `push`.
        fence(Ordering::SeqCst);
        if self.is_empty() {
            return Poll::Pending;
        }
        waiting.wakers.retain(|(d, _)| *d != driver);
        self.n_waiting.fetch_sub(1, Ordering::Relaxed);
        Poll::Ready(true)
    }

    fn is_empty(&self) -> bool {
        self.first.get().is_none_or(|first| self.n_taken.load(Ordering::Relaxed) >= first.len())
            && self.shared.is_empty()
            && self.n_ranked.load(Ordering::Relaxed) == 0
            && self.stealers.get().is_none_or(|all| all.iter().all(Stealer::is_empty))
    }

    /// Ends the run for all drivers.
    pub(crate) fn close(&self) {
        let wakers = {
            let mut waiting = self.waiting.lock();
            waiting.is_closed = true;
            std::mem::take(&mut waiting.wakers)
        };
        self.n_waiting.fetch_sub(wakers.len(), Ordering::Relaxed);
        for (_, waker) in wakers {
            waker.wake();
        }
    }
}
