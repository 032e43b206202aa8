//! Syntax trees to a typed program.
//!
//! In: the [`ast::File`](crate::syntax::ast::File)s of a program. Out: an [`hir::Program`], and
//! diagnostics. Errors of one procedure do not hide those of another.

pub mod hir;
pub mod std;
pub mod types;
