//! Bodies of fuzz targets, one file a subject.
//!
//! Each has a `check(bytes)` that panics if something is wrong; `cargo fuzz` calls it without
//! end, and a test beside it calls it some thousand times with inputs made by [`mutate`].

pub mod differential;
pub mod generate;
pub mod mutate;
#[cfg(feature = "vitte")]
pub mod sema;
#[cfg(feature = "vitte")]
pub mod syntax;
pub mod text;
