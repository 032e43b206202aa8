//! Syntax trees to a typed program.
//!
//! ```text
//! files ─► items   names of modules, types of forms, picks and procedures
//!       ─► body    each body: names, types, desugaring  (expr, call, ops, place, awaits, pattern)
//!       ─► finish  type variables replaced, what depends on final types checked
//!       ─► exhaust matches cover everything
//!       ─► flow    moves, references over awaits, futures never awaited
//!       ─► hir::Program
//! ```
//!
//! In: the [`ast::File`]s of a program. Out: an [`hir::Program`], and diagnostics. Errors of one
//! procedure do not hide those of another; [`types::TyId::ERROR`] stands for what was reported
//! and goes with everything, so that one mistake is told once.
//!
//! I1: `check` never panics, whatever the tree.
//! I2: it answers `None` exactly if there is an error among the diagnostics of this program,
//! those of the parser included.

mod awaits;
mod body;
mod branch;
mod call;
mod closure;
mod consts;
mod declare;
mod exhaust;
mod expr;
mod finish;
mod flow;
pub mod hir;
mod infer;
mod items;
mod method;
mod name;
mod ops;
mod pattern;
mod place;
mod print;
mod program;
mod recursion;
pub mod std;
mod std_call;
mod std_value;
mod stmt;
mod ty;
pub mod types;
mod uses;
mod visit;

#[cfg(test)]
mod tests;

pub use self::print::print;

use self::items::Cx;
use crate::diagnostics::{Diagnostics, SourceId, SourceMap};
use crate::syntax::ast;
use ::std::collections::BTreeMap;

/// Which file of a program each path means that a file uses: `a/b` to its position.
pub type Links = BTreeMap<String, usize>;

/// Checks a program and gives its typed form, or `None` if there were errors.
pub fn check(
    files: &[(SourceId, ast::File)],
    sources: &SourceMap,
    diags: &mut Diagnostics,
) -> Option<hir::Program> {
    check_linked(files, &[], sources, diags)
}

/// The same where somebody has found the files that each file uses; a path without a link means the
/// file with that `space`.
pub fn check_linked(
    files: &[(SourceId, ast::File)],
    links: &[Links],
    sources: &SourceMap,
    diags: &mut Diagnostics,
) -> Option<hir::Program> {
    let mut cx = Cx::new(sources, diags);
    cx.collect(files, links);
    if cx.diags.iter().any(|d| d.key == "PARSE_E_TOO_DEEP") {
        return None; // what was not read would be missed in the bodies
    }
    cx.check_bodies();
    cx.recursive_awaits();
    cx.into_program()
}
