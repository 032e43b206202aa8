//! What `#[vitte::main]` and `#[vitte::test]` run.

use crate::rt::runtime::Builder;
use crate::rt::seeds::Verdict;
use std::future::Future;

/// How an entry point runs: its options, as the attribute has them.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    threads: bool,
    workers: Option<usize>,
    seeds: Option<(u64, u64)>,
}

impl Entry {
    /// Of `main`: a worker thread per processor.
    pub const fn main() -> Self {
        Entry { threads: true, workers: None, seeds: None }
    }

    /// Of a test: on the thread of the test.
    pub const fn test() -> Self {
        Entry { threads: false, workers: None, seeds: None }
    }

    /// Worker threads, or none.
    #[must_use]
    pub const fn threads(mut self, threads: bool) -> Self {
        self.threads = threads;
        self
    }

    /// Number of workers.
    #[must_use]
    pub const fn workers(mut self, n: usize) -> Self {
        self.workers = Some(n);
        self
    }

    /// Deterministic, from this seed.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seeds = Some((seed, 1));
        self
    }

    /// Deterministic, once for each seed below `n`.
    #[must_use]
    pub const fn seeds(mut self, n: u64) -> Self {
        self.seeds = Some((0, n));
        self
    }

    /// Runs a future to its end, once.
    ///
    /// # Panics
    ///
    /// When the future panics, when a seeded run has stalled, and when the system has no thread or
    /// poller to give.
    pub fn block_on<F: Future>(self, future: F) -> F::Output {
        let builder = self.builder(self.seeds.map(|(first, _)| first));
        let runtime =
            builder.build().unwrap_or_else(|e| panic!("the runtime cannot be built: {e}"));
        runtime.block_on(future)
    }

    /// Runs the body to its end once for each seed, until a run fails: see
    /// [`Builder::for_each_seed`].
    ///
    /// # Panics
    ///
    /// As [`Entry::block_on`].
    pub fn for_each_seed<F: Future<Output: Verdict>>(self, body: impl Fn() -> F) -> F::Output {
        let (first, n) = self.seeds.unwrap_or((0, 1));
        self.builder(Some(first)).for_each_seed(first..first.saturating_add(n), body)
    }

    fn builder(&self, seed: Option<u64>) -> Builder {
        let builder = match seed {
            Some(seed) => Builder::seeded(seed),
            None if self.threads => Builder::multi_thread(),
            None => Builder::current_thread(),
        };
        match self.workers {
            Some(n) => builder.workers(n),
            None => builder,
        }
    }
}
