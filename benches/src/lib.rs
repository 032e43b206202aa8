//! What the benches share: the size corpus and its twins in Rust, contenders of the resume bench,
//! programs of a given number of suspends, and the ratio harness of the runtime.
#![recursion_limit = "512"] // futures of a chain 100 deep

#[cfg(feature = "jit")]
pub mod chain;
#[cfg(feature = "jit")]
pub mod corpus;
pub mod ratios;
#[cfg(feature = "jit")]
pub mod resume;
pub mod tasks;
#[cfg(feature = "jit")]
pub mod twins;
