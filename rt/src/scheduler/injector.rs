//! The queue of all workers: what comes from elsewhere, what does not fit a ring, and under a policy
//! other than FIFO everything.
//!
//! One lock; workers take batches, so that it costs little. Once it has its size it does not allocate.
//!
//! * FIFO: a queue. LIFO: a stack.
//! * Priority: a queue per class; the most urgent class that has a task gives it, but a class that was
//!   passed over [`AGING`] times goes first once: no class waits for ever.
//! * Fair: a queue per group, and the group that had least for its shares goes first (stride
//!   scheduling: Waldspurger and Weihl, 1995). A group that comes back from nothing starts at the
//!   present, so that it does not make up for the time it was away.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::runtime::Policy;
use crate::task::{Class, Queued};

/// Times that a waiting class may be passed over.
const AGING: u32 = 32;
/// Number of priorities.
const N_PRIORITIES: usize = 8;
/// Room that an empty queue may keep, in tasks.
const KEEP: usize = 1 << 15;
/// What a group with one share advances per task.
const STRIDE: u64 = 1 << 20;

/// The tasks in their order.
#[derive(Debug)]
enum Order {
    Fifo(VecDeque<Queued>),
    Lifo(Vec<Queued>),
    Priority(Box<[Lane; N_PRIORITIES]>),
    Fair(BTreeMap<u32, Group>, u64),
}

#[derive(Debug, Default)]
struct Lane {
    tasks: VecDeque<Queued>,
    n_passed: u32,
}

#[derive(Debug, Default)]
struct Group {
    tasks: VecDeque<Queued>,
    /// What the group had so far, divided by its shares.
    pass: u64,
    shares: u64,
}

impl Order {
    fn new(policy: Policy) -> Self {
        match policy {
            Policy::Fifo => Order::Fifo(VecDeque::new()),
            Policy::Lifo => Order::Lifo(Vec::new()),
            Policy::Priority => Order::Priority(Box::default()),
            Policy::Fair => Order::Fair(BTreeMap::new(), 0),
        }
    }

    fn push(&mut self, task: Queued) {
        let class = || task.task().header().origin.class();
        match self {
            Order::Fifo(tasks) => tasks.push_back(task),
            Order::Lifo(tasks) => tasks.push(task),
            Order::Priority(lanes) => {
                let priority = usize::from(class().priority).min(N_PRIORITIES - 1);
                lanes[priority].tasks.push_back(task);
            }
            Order::Fair(groups, now) => {
                let Class { group, shares, .. } = class();
                let group = groups.entry(group).or_default();
                if group.tasks.is_empty() {
                    group.pass = group.pass.max(*now);
                }
                group.shares = u64::from(shares.max(1));
                group.tasks.push_back(task);
            }
        }
    }

    fn pop(&mut self) -> Option<Queued> {
        match self {
            Order::Fifo(tasks) => {
                let task = tasks.pop_front();
                if tasks.is_empty() && tasks.capacity() > KEEP {
                    *tasks = VecDeque::new();
                }
                task
            }
            Order::Lifo(tasks) => tasks.pop(),
            Order::Priority(lanes) => {
                let waiting = |lane: &Lane| !lane.tasks.is_empty();
                let old = lanes.iter().position(|l| waiting(l) && l.n_passed >= AGING);
                let next = old.or_else(|| lanes.iter().position(waiting))?;
                for lane in lanes.iter_mut().skip(next + 1).filter(|lane| waiting(lane)) {
                    lane.n_passed += 1;
                }
                lanes[next].n_passed = 0;
                lanes[next].tasks.pop_front()
            }
            Order::Fair(groups, now) => {
                let waiting = groups.iter_mut().filter(|(_, group)| !group.tasks.is_empty());
                let (_, group) = waiting.min_by_key(|(_, group)| group.pass)?;
                *now = group.pass;
                group.pass += STRIDE / group.shares;
                let task = group.tasks.pop_front();
                if groups.len() > 64 {
                    // What an empty group had is forgotten anyway when it comes back.
                    groups.retain(|_, group| !group.tasks.is_empty() || group.pass > *now);
                }
                task
            }
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Injector {
    order: Mutex<Order>,
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
            order.push(task);
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
            other => other.push(task),
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
}
