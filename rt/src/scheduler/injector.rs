//! The queue of all workers: what comes from elsewhere, what does not fit a ring, and under a policy
//! other than FIFO everything, in the policy's order ([`super::policy`]).
//!
//! One lock; workers take batches, so that it costs little. Under FIFO it does not allocate once it has
//! its size.

use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::policy::Order;
use crate::runtime::Policy;
use crate::task::{Queued, TaskRef};

/// See the module.
#[derive(Debug)]
pub(crate) struct Injector {
    order: Mutex<Order<Queued>>,
    len: AtomicUsize,
}

impl Injector {
    pub(crate) fn new(policy: Policy) -> Self {
        Injector { order: Mutex::new(Order::new(policy)), len: AtomicUsize::new(0) }
    }

    /// Number of tasks (a guess as soon as it is made).
    pub(crate) fn len(&self) -> usize {
        // SeqCst: a worker that goes to sleep looks here after it has said so.
        self.len.load(Ordering::SeqCst)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds tasks in their order.
    pub(crate) fn push_all(&self, tasks: impl IntoIterator<Item = Queued>) {
        let mut order = self.order.lock();
        let mut n = 0;
        for task in tasks {
            add(&mut order, task);
            n += 1;
        }
        // Relaxed: under the lock. Release: for those who look without.
        let len = self.len.load(Ordering::Relaxed) + n;
        self.len.store(len, Ordering::Release);
    }

    /// Adds a task in front of the last `n_overtaken`. Only FIFO.
    pub(crate) fn push_before(&self, task: Queued, n_overtaken: usize) {
        let mut order = self.order.lock();
        match &mut *order {
            Order::Fifo(tasks) => tasks.insert(tasks.len().saturating_sub(n_overtaken), task),
            other => add(other, task),
        }
        // As `push_all`.
        let len = self.len.load(Ordering::Relaxed) + 1;
        self.len.store(len, Ordering::Release);
    }

    /// Takes a task, and up to `n_more` that `keep` gets.
    pub(crate) fn pop_some(&self, n_more: usize, mut keep: impl FnMut(Queued)) -> Option<Queued> {
        if self.is_empty() {
            return None;
        }
        let mut order = self.order.lock();
        let first = order.pop()?;
        let mut n = 1;
        while n <= n_more
            && let Some(task) = order.pop()
        {
            keep(task);
            n += 1;
        }
        // As `push_all`.
        let len = self.len.load(Ordering::Relaxed) - n;
        self.len.store(len, Ordering::Release);
        Some(first)
    }

    /// Changes the priority of a task, queued or not. False if the policy or the task has none.
    pub(crate) fn set_priority(&self, task: &TaskRef, priority: u8) -> bool {
        let mut order = self.order.lock();
        if !matches!(*order, Order::Priority(_)) {
            return false;
        }
        task.header()
            .origin
            .set_priority(priority, |seat, old| order.move_seat(seat, old, priority))
    }
}

/// Queues a task, which remembers its seat.
fn add(order: &mut Order<Queued>, task: Queued) {
    let task_ref = task.task();
    let origin = &task_ref.header().origin;
    if let Some(seat) = order.push(task, || origin.class()) {
        origin.take_seat(seat);
    }
}
