//! Patterns.

use super::{Expr, Ident, NodeId, Path};
use crate::diagnostics::Span;

/// A pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// Its number in the file.
    pub id: NodeId,
    /// Its place.
    pub span: Span,
    /// What it is.
    pub kind: PatternKind,
}

/// The forms of patterns.
#[derive(Clone, Debug, PartialEq)]
pub enum PatternKind {
    /// `_`.
    Wildcard,
    /// `x`, `mut x`, `ref x`: a new name, or an arm without payload of that name, or a constant;
    /// sema knows.
    Bind {
        /// The name.
        name: Ident,
        /// Whether `mut` was written.
        mutable: bool,
        /// Whether `ref` was written.
        by_ref: bool,
    },
    /// `1`, `-1`, `"x"`, `true`, `null`: a literal, or `-` before one.
    Literal(Box<Expr>),
    /// `1..5`, `'a'..='z'`.
    Range {
        /// First value.
        lo: Box<Expr>,
        /// Last value (`..=`) or the one after it.
        hi: Box<Expr>,
        /// Whether `hi` belongs to the range.
        inclusive: bool,
    },
    /// `P.A`, `P.A(x, y)`, `A(x)`, `a::B(x)`: an arm of a pick; payload by position.
    Arm {
        /// The names; more than one, or a payload is given.
        path: Path,
        /// The payload; `None` without parentheses.
        payload: Option<Vec<Pattern>>,
    },
    /// `F { a, b: p, .. }`.
    Form {
        /// The form.
        path: Path,
        /// The fields.
        fields: Vec<FieldPattern>,
        /// Whether `..` was written.
        open: bool,
    },
    /// `(a, b)`; `()` has no elements.
    Tuple(Vec<Pattern>),
    /// `[a, b]`, `[first, ..]`, `[first, ..rest, last]`.
    List {
        /// The elements before any `..`.
        elements: Vec<Pattern>,
        /// Whether `..` was written, and what it is bound to.
        rest: Option<Option<Ident>>,
        /// The elements after `..`.
        after: Vec<Pattern>,
    },
    /// `a | b`.
    Or(Vec<Pattern>),
    /// Something that could not be read.
    Error,
}

/// `a` or `a: p` of a form pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldPattern {
    /// The field.
    pub name: Ident,
    /// Its pattern; `a` alone binds the name `a`.
    pub pattern: Pattern,
}
