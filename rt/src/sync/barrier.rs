//! A point that all wait for all at.

use std::fmt;

use parking_lot::Mutex;

use super::Notify;

#[derive(Debug, Default)]
struct Round {
    number: u64,
    n_arrived: usize,
}

/// Lets tasks go on once `n` of them have arrived, then begins anew.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use vitte_rt::sync::Barrier;
///
/// vitte_rt::block_on(async {
///     let barrier = Arc::new(Barrier::new(3));
///     let tasks: Vec<_> = (0..3)
///         .map(|_| {
///             let barrier = barrier.clone();
///             vitte_rt::spawn(async move { barrier.wait().await.is_leader() })
///         })
///         .collect();
///     let mut n_leaders = 0;
///     for task in tasks {
///         n_leaders += usize::from(task.await.unwrap());
///     }
///     assert_eq!(n_leaders, 1);
/// });
/// ```
pub struct Barrier {
    n: usize,
    round: Mutex<Round>,
    /// One `notify_waiters` per round.
    over: Notify,
}

/// What [`Barrier::wait`] answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// Whether this task arrived last. Exactly one of a round did.
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

/// Takes its arrival back, unless the round is over.
struct Arrived<'a> {
    barrier: &'a Barrier,
    number: u64,
}

impl Drop for Arrived<'_> {
    fn drop(&mut self) {
        let mut round = self.barrier.round.lock();
        if round.number == self.number {
            round.n_arrived -= 1;
        }
    }
}

impl Barrier {
    /// A barrier for `n` tasks; 0 is taken for 1.
    pub fn new(n: usize) -> Self {
        Barrier { n: n.max(1), round: Mutex::default(), over: Notify::new() }
    }

    /// Arrives, and waits for the others. Dropped before it is ready it has not arrived.
    pub async fn wait(&self) -> BarrierWaitResult {
        let (arrived, mut over) = {
            let mut round = self.round.lock();
            if round.n_arrived + 1 == self.n {
                *round = Round { number: round.number + 1, n_arrived: 0 };
                drop(round);
                self.over.notify_waiters();
                return BarrierWaitResult(true);
            }
            round.n_arrived += 1;
            (Arrived { barrier: self, number: round.number }, self.over.notified())
        };
        loop {
            over.await;
            let round = self.round.lock();
            if round.number != arrived.number {
                break;
            }
            // The signal of the round before, which ended just as this one arrived.
            over = self.over.notified();
        }
        BarrierWaitResult(false)
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Barrier({} of {})", self.round.lock().n_arrived, self.n)
    }
}
