//! The same body under many seeds: how a program is searched for bugs that need an unlucky order.
//!
//! In: a [`Builder`] with the options of the runs, seeds, a body. Out: the body's output, or the
//! failure of the first seed that fails, with how to repeat that run alone on standard error.
//!
//! What a run does depends on the program, its seed and the builder's options: workers, policy,
//! faults ([`Builder::inject`]). With all of these the same, a seed fails always or never.

use std::convert::Infallible;
use std::future::Future;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::ExitCode;

use crate::runtime::Builder;

/// The variable of the process's environment that names the one seed to run.
const VARIABLE: &str = "VITTE_SEED";

/// What the body of a run answers: whether that is a failure.
pub trait Verdict {
    /// Whether another seed need not be tried.
    fn is_failure(&self) -> bool;
}

impl Verdict for () {
    fn is_failure(&self) -> bool {
        false
    }
}

impl Verdict for Infallible {
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

impl Builder {
    /// Runs `body` to its end once for each of `seeds`, each time in a seeded runtime of its own, with
    /// the other options of this builder. The first run that panics, stalls or answers a failure is
    /// the last; its seed is printed, with how to run it alone.
    ///
    /// If the environment variable `VITTE_SEED` is set, only the seed in it is run.
    ///
    /// # Panics
    ///
    /// As `body`; as [`Runtime::block_on`](crate::runtime::Runtime::block_on) when a run stalls; when
    /// there is no seed, or the variable holds no number; when the builder's options are refused.
    ///
    /// # Examples
    ///
    /// ```
    /// use vitte_rt::runtime::{Builder, Inject};
    /// use vitte_rt::task::spawn;
    /// Builder::seeded(0).workers(3).inject(Inject::ORDER).for_each_seed(0..50, || async {
    ///     let sum = spawn(async { 40 }).await.unwrap() + spawn(async { 2 }).await.unwrap();
    ///     assert_eq!(sum, 42);
    /// });
    /// ```
    pub fn for_each_seed<F>(self, seeds: Range<u64>, body: impl Fn() -> F) -> F::Output
    where
        F: Future<Output: Verdict>,
    {
        let alone = std::env::var(VARIABLE).ok().map(|text| {
            let seed = text.trim().parse().ok();
            seed.unwrap_or_else(|| panic!("{VARIABLE} is to be a seed, a number, and is {text:?}"))
        });
        let seeds = alone.map_or(seeds, |seed: u64| seed..seed.saturating_add(1));
        self.each(seeds, body, &|seed| {
            eprintln!("failed with `seed = {seed}`; to run it alone: {VARIABLE}={seed} cargo test");
        })
    }

    /// Runs the seeds; `report` is told of the one that failed.
    fn each<F>(&self, seeds: Range<u64>, body: impl Fn() -> F, report: &dyn Fn(u64)) -> F::Output
    where
        F: Future<Output: Verdict>,
    {
        let mut last = None;
        for seed in seeds {
            let run = || {
                let runtime =
                    self.with_seed(seed).build().expect("the options of a seeded runtime");
                runtime.block_on(body())
            };
            match catch_unwind(AssertUnwindSafe(run)) {
                Ok(output) if output.is_failure() => {
                    report(seed);
                    return output;
                }
                Ok(output) => last = Some(output),
                Err(payload) => {
                    report(seed);
                    resume_unwind(payload)
                }
            }
        }
        last.expect("there is a seed to run")
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;
    use crate::runtime::Handle;

    /// The seeds that ran and those that were reported.
    fn run(seeds: Range<u64>, fails: impl Fn(u64) -> Result<(), ()>) -> (u64, Vec<u64>) {
        let (next, reported) = (Cell::new(seeds.start), RefCell::new(Vec::new()));
        let body = || {
            let seed = next.replace(next.get() + 1);
            let fails = &fails;
            async move {
                assert!(Handle::current().is_virtual());
                fails(seed)
            }
        };
        let report = |seed| reported.borrow_mut().push(seed);
        let call = AssertUnwindSafe(|| Builder::current_thread().each(seeds, body, &report));
        let _ = catch_unwind(call);
        (next.get(), reported.into_inner())
    }

    #[test]
    fn first_failure_ends_the_search_and_is_reported() {
        assert_eq!(run(3..9, |_| Ok(())), (9, vec![]));
        assert_eq!(run(3..9, |seed| if seed == 5 { Err(()) } else { Ok(()) }), (6, vec![5]));
        let panics = |seed| if seed == 4 { panic!("seed 4") } else { Ok(()) };
        assert_eq!(run(3..9, panics), (5, vec![4]));
    }

    #[test]
    fn a_stall_is_a_failure() {
        let reported = Cell::new(None);
        let body = || std::future::pending::<()>();
        let report = |seed| reported.set(Some(seed));
        let call = AssertUnwindSafe(|| Builder::seeded(0).each(7..9, body, &report));
        assert!(catch_unwind(call).is_err());
        assert_eq!(reported.get(), Some(7));
    }

    #[test]
    #[should_panic(expected = "there is a seed")]
    fn no_seeds_are_refused() {
        Builder::seeded(0).for_each_seed(4..4, || async {});
    }
}
