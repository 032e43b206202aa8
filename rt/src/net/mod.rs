//! TCP.

/// The in-memory network of a seeded runtime.
#[derive(Debug, Default)]
pub(crate) struct Loopback;
