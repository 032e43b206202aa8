//! What the macros expand to beside plain Rust. Not for direct use.

pub use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pub use std::future::{IntoFuture, poll_fn};
pub use std::option::Option::{self, None, Some};
pub use std::pin::pin;
pub use std::result::Result::{Err, Ok};
pub use std::task;

use crate::env::{Choice, Env, RealEnv};
use crate::runtime::Handle;

/// The branch of `n` that is tried first: by the runtime's chooser, so that a seeded run repeats it.
pub fn first_branch(n: u32) -> u32 {
    if n < 2 {
        return 0;
    }
    if let Some(runtime) = Handle::try_current() {
        return runtime.shared.env.choose(n, Choice::Select);
    }
    // Outside of a runtime.
    static ENV: std::sync::LazyLock<RealEnv> = std::sync::LazyLock::new(RealEnv::new);
    ENV.choose(n, Choice::Select)
}

/// A future, or its output.
#[derive(Debug)]
pub enum MaybeDone<F: Future> {
    /// Not ready yet.
    Future(F),
    /// Ready.
    Done(F::Output),
    /// Taken out.
    Gone,
}

impl<F: Future> MaybeDone<F> {
    /// Polls the future unless it is done; whether it is.
    pub fn poll_done(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        // SAFETY: the future is not moved; it is dropped in place by `set`.
        let output = match unsafe { self.as_mut().get_unchecked_mut() } {
            MaybeDone::Future(future) => {
                // SAFETY: it is pinned with `self`.
                let future = unsafe { Pin::new_unchecked(future) };
                match future.poll(cx) {
                    Poll::Ready(output) => output,
                    Poll::Pending => return false,
                }
            }
            MaybeDone::Done(_) | MaybeDone::Gone => return true,
        };
        self.set(MaybeDone::Done(output));
        true
    }

    /// The output, if it is there.
    pub fn output(self: Pin<&mut Self>) -> Option<&mut F::Output> {
        // SAFETY: the output is not pinned, the future is not touched.
        match unsafe { self.get_unchecked_mut() } {
            MaybeDone::Done(output) => Some(output),
            _ => None,
        }
    }

    /// Takes the output out.
    ///
    /// # Panics
    ///
    /// If it is not there.
    pub fn take(mut self: Pin<&mut Self>) -> F::Output {
        assert!(self.as_mut().output().is_some(), "the future is done, and its output taken once");
        // SAFETY: the future is over; the output is not pinned.
        match std::mem::replace(unsafe { self.get_unchecked_mut() }, MaybeDone::Gone) {
            MaybeDone::Done(output) => output,
            _ => unreachable!("looked at above"),
        }
    }
}

/// As [`MaybeDone::poll_done`] for a future of a `Result`.
///
/// # Errors
///
/// The future's, which is then taken out.
pub fn poll_try<F, T, E>(
    mut future: Pin<&mut MaybeDone<F>>,
    cx: &mut Context<'_>,
) -> Result<bool, E>
where
    F: Future<Output = Result<T, E>>,
{
    if !future.as_mut().poll_done(cx) {
        return Ok(false);
    }
    match future.as_mut().output() {
        Some(Err(_)) => match future.take() {
            Err(error) => Err(error),
            Ok(_) => unreachable!("looked at above"),
        },
        _ => Ok(true),
    }
}
