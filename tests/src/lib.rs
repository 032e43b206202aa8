//! Shared pieces of the workspace's tests.

pub mod cases;
pub mod jit;
