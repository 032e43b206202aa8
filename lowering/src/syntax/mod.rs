//! Source text to syntax tree.
//!
//! In: the text of one `.vit` file. Out: an [`ast::File`], always, and diagnostics for what could
//! not be read.

pub mod ast;

/// How deep productions may nest.
pub const MAX_DEPTH: u32 = 256;
