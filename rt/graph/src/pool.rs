//! Resource pools: at most so many places of a kind are in use at a time.
//!
//! Who asks for places that are not free waits in a line: by priority, then by arrival. The first in
//! line is served first even if a later one would fit, so nobody starves.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Poll, Waker};

use parking_lot::Mutex;

use crate::error::GraphError;
use crate::node::Node;

/// The pools of a run. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Pools(Arc<BTreeMap<Arc<str>, Arc<Mutex<Pool>>>>);

struct Pool {
    capacity: u32,
    n_free: u32,
    line: Vec<Waiter>,
    n_arrived: u64,
}

struct Waiter {
    ticket: u64,
    priority: i32,
    wants: u32,
    waker: Waker,
    /// The places were set aside for it.
    served: bool,
}

impl Pools {
    pub(crate) fn new(capacities: &BTreeMap<Arc<str>, u32>) -> Self {
        let pool = |capacity| {
            Arc::new(Mutex::new(Pool {
                capacity,
                n_free: capacity,
                line: Vec::new(),
                n_arrived: 0,
            }))
        };
        Self(Arc::new(capacities.iter().map(|(name, &n)| (Arc::clone(name), pool(n))).collect()))
    }

    /// Whether `task` can ever have `wants` places.
    pub(crate) fn check(&self, task: &str, pool: &str, wants: u32) -> Result<(), GraphError> {
        let has = self.0.get(pool).map(|p| p.lock().capacity);
        if has.is_some_and(|has| wants <= has) {
            return Ok(());
        }
        Err(GraphError::Pool { task: task.to_owned(), pool: pool.to_owned(), wants, has })
    }

    /// Waits for places. The pool exists and is large enough (it was checked).
    pub(crate) async fn acquire(&self, pool: &str, wants: u32, node: &Node) -> Place {
        let pool = Arc::clone(&self.0[pool]);
        let mut waiting = Waiting { pool, wants, ticket: None };
        poll_fn(|cx| waiting.poll(node.priority.load(Ordering::Relaxed), cx.waker())).await;
        waiting.ticket = None;
        Place { pool: Arc::clone(&waiting.pool), n: wants }
    }
}

/// A stay in a line. Dropped early, it leaves the line and gives back what was set aside for it.
struct Waiting {
    pool: Arc<Mutex<Pool>>,
    wants: u32,
    ticket: Option<u64>,
}

impl Waiting {
    fn poll(&mut self, priority: i32, waker: &Waker) -> Poll<()> {
        let mut pool = self.pool.lock();
        let Some(ticket) = self.ticket else {
            if pool.line.is_empty() && pool.n_free >= self.wants {
                pool.n_free -= self.wants;
                return Poll::Ready(());
            }
            let ticket = pool.n_arrived;
            pool.n_arrived += 1;
            let waker = waker.clone();
            let waiter = Waiter { ticket, priority, wants: self.wants, waker, served: false };
            let at = pool.line.partition_point(|w| w.priority >= priority);
            pool.line.insert(at, waiter);
            self.ticket = Some(ticket);
            return Poll::Pending;
        };
        let at = pool.place_of(ticket);
        if pool.line[at].served {
            pool.line.remove(at);
            return Poll::Ready(());
        }
        pool.line[at].waker.clone_from(waker);
        Poll::Pending
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let mut pool = self.pool.lock();
        let at = pool.place_of(ticket);
        let waiter = pool.line.remove(at);
        if waiter.served {
            pool.n_free += waiter.wants;
        }
        pool.serve();
    }
}

/// Places in use; dropping frees them.
pub(crate) struct Place {
    pool: Arc<Mutex<Pool>>,
    n: u32,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut pool = self.pool.lock();
        pool.n_free += self.n;
        pool.serve();
    }
}

impl Pool {
    fn place_of(&self, ticket: u64) -> usize {
        let found = self.line.iter().position(|w| w.ticket == ticket);
        found.expect("who holds a ticket stands in line")
    }

    /// Sets free places aside for those at the head of the line.
    fn serve(&mut self) {
        for waiter in self.line.iter_mut().filter(|w| !w.served) {
            if waiter.wants > self.n_free {
                return;
            }
            self.n_free -= waiter.wants;
            waiter.served = true;
            waiter.waker.wake_by_ref();
        }
    }
}
