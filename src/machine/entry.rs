//! What `#[vitte::main]` and `#[vitte::test]` run.

use crate::rt::runtime::{Builder, Runtime};
use std::future::Future;
use std::process::ExitCode;
use std::thread;

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
        self.build(self.seeds.map(|(first, _)| first)).block_on(future)
    }

    /// Runs the body to its end once for each seed, until a run fails.
    ///
    /// # Panics
    ///
    /// As [`Entry::block_on`]. The seed of a failed run is printed.
    pub fn for_each_seed<F: Future<Output: Verdict>>(self, body: impl Fn() -> F) -> F::Output {
        let (first, n) = self.seeds.unwrap_or((0, 1));
        let mut seed = first;
        loop {
            let report = Report(seed);
            let output = self.build(Some(seed)).block_on(body());
            seed = seed.wrapping_add(1);
            if output.is_failure() || seed.wrapping_sub(first) >= n {
                if output.is_failure() {
                    report.print();
                }
                return output;
            }
        }
    }

    fn build(&self, seed: Option<u64>) -> Runtime {
        let mut builder = match seed {
            Some(seed) => Builder::seeded(seed),
            None if self.threads => Builder::multi_thread(),
            None => Builder::current_thread(),
        };
        if let Some(n) = self.workers {
            builder = builder.workers(n);
        }
        builder.build().unwrap_or_else(|e| panic!("the runtime cannot be built: {e}"))
    }
}

/// Says which seed failed.
struct Report(u64);

impl Report {
    fn print(&self) {
        eprintln!("failed with `seed = {}`", self.0);
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if thread::panicking() {
            self.print();
        }
    }
}

/// What an entry point may return: whether the run failed.
pub trait Verdict {
    /// Whether another seed need not be tried.
    fn is_failure(&self) -> bool;
}

impl Verdict for () {
    fn is_failure(&self) -> bool {
        false
    }
}

impl Verdict for std::convert::Infallible {
    fn is_failure(&self) -> bool {
        match *self {}
    }
}

impl Verdict for ExitCode {
    fn is_failure(&self) -> bool {
        *self != ExitCode::SUCCESS
    }
}

impl<T, E> Verdict for Result<T, E> {
    fn is_failure(&self) -> bool {
        self.is_err()
    }
}
