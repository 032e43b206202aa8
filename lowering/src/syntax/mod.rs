//! Source text to syntax tree.
//!
//! In: the text of one `.vit` file. Out: an [`ast::File`], always, and diagnostics for what could
//! not be read. Nothing here needs names or types; what does is left open in the tree (see
//! [`ast`]).
//!
//! ```text
//! text ──lexer──► tokens (+ line ends, matching brackets) ──parser──► ast::File ──dump──► text
//! ```
//!
//! - Words are keywords by place only: a statement word as the first of a statement, an
//!   expression word where an operand may stand. Before `:`, `=` or `.` any word is a name.
//! - A line end ends a statement, except inside `()` and `[]` and where the next line begins with
//!   a binary operator. `-`, `*` and `&` at the start of a line continue only if a blank follows
//!   (`- b` continues, `-b` begins).
//! - In heads (`if`, `while`, `for`, `match`, `pick`, …) a `{` opens the block.
//!
//! I1: no input makes the parser panic, hang or use more stack than [`MAX_DEPTH`] productions do.
//! I2: if the tree has an `Error` node, a diagnostic of severity error was pushed.
//! I3: time is linear in the text, up to the factor [`MAX_DEPTH`] of skipping and reading ahead.

pub mod ast;
mod dump;
mod lexer;
mod parser;
mod token;

#[cfg(test)]
mod tests;

use crate::diagnostics::{Diagnostic, Diagnostics, SourceId, Span};

pub use dump::dump;

/// How deep productions may nest; a block counts as two. Chosen so that the parser, built without
/// optimisation, stays well within the 2 MiB that threads have by default.
pub const MAX_DEPTH: u32 = 96;

/// How tall a tree may be: chains of operators (`a + b + …`) nest in the tree, though not in the
/// source.
pub const MAX_HEIGHT: u32 = 160;

/// Largest source text in bytes. The tree of the worst text takes about 200 bytes for each.
pub const MAX_BYTES: usize = 2 << 20;

/// After this many errors in one file the parser gives up on it.
pub const MAX_ERRORS: usize = 100;

/// Parses one file. Mistakes are pushed into `diags`, in source order; the tree holds whatever
/// could be read.
///
/// # Examples
///
/// ```
/// use vitte_lowering::diagnostics::{Diagnostics, SourceMap};
/// use vitte_lowering::syntax;
///
/// let mut sources = SourceMap::new();
/// let text = "proc main() -> int { give 0 }";
/// let source = sources.add("demo.vit", text);
/// let mut diags = Diagnostics::new();
/// let file = syntax::parse(source, text, &mut diags);
/// assert!(diags.is_empty());
/// assert_eq!(file.items.len(), 1);
/// ```
pub fn parse(source: SourceId, text: &str, diags: &mut Diagnostics) -> ast::File {
    if text.len() > MAX_BYTES {
        let span = Span::new(source, 0, 0);
        diags.push(
            Diagnostic::error("LEX_E_FILE_TOO_LARGE", "this file is too large")
                .at(span, format!("it has {} bytes; {MAX_BYTES} are allowed", text.len()))
                .help("split it into modules, or read large data at run time"),
        );
        return ast::File { source, span, attributes: Vec::new(), items: Vec::new(), n_nodes: 0 };
    }
    let mut found = Diagnostics::new();
    let lexed = lexer::lex(source, text, &mut found);
    let file = parser::parse_file(source, text, lexed, &mut found);
    found.sort();
    diags.extend(found);
    file
}
