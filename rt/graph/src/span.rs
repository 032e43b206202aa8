//! Spans of the `tracing` crate around the attempts of tasks (feature `tracing`; without it, nothing).
//!
//! What a body says is inside of a span `attempt` with the fields `task` and `attempt`. An async body
//! is inside of it while it is polled, and its one span lasts from the first poll to the end.

use crate::context::Context;

/// The span of one attempt.
pub(crate) struct Span(#[cfg(feature = "tracing")] tracing::Span);

#[cfg(feature = "tracing")]
impl Span {
    pub(crate) fn of(cx: &Context) -> Self {
        Self(tracing::info_span!("attempt", task = cx.name(), attempt = cx.attempt()))
    }

    /// Runs `body` inside of it.
    pub(crate) fn within<R>(&self, body: impl FnOnce() -> R) -> R {
        self.0.in_scope(body)
    }
}

#[cfg(not(feature = "tracing"))]
#[allow(clippy::unused_self, reason = "with the feature it is used")]
impl Span {
    #[inline]
    pub(crate) fn of(_: &Context) -> Self {
        Self()
    }

    #[inline]
    pub(crate) fn within<R>(&self, body: impl FnOnce() -> R) -> R {
        body()
    }
}
