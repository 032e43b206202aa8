//! Typed HIR to IR.
//!
//! In: a checked program. Out: an [`crate::ir::Module`] of async, generator and sync functions.

#[allow(dead_code)]
mod emit;
pub mod host_table;

pub use host_table::OpSizes;
