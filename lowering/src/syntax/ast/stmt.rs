//! Statements and blocks.

use super::{BinaryOp, Expr, Item, NodeId, Pattern, TypeExpr};
use crate::diagnostics::Span;

/// `{ statements value }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Its number in the file.
    pub id: NodeId,
    /// From brace to brace.
    pub span: Span,
    /// The statements before the value.
    pub stmts: Vec<Stmt>,
    /// The last expression, if no `;` follows it. An `if`, `match` or `loop` that stands last
    /// is here, too, although it may have no value.
    pub value: Option<Box<Expr>>,
}

/// A statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Stmt {
    /// Its place, without `;`.
    pub span: Span,
    /// What it is.
    pub kind: StmtKind,
}

/// The forms of statements.
#[derive(Clone, Debug, PartialEq)]
pub enum StmtKind {
    /// `let x = e`, `let mut x: T = e`, `let (a, b) = e`; also `set x: T = e`, which is mutable.
    Let {
        /// Whether `mut` stands before the whole pattern.
        mutable: bool,
        /// What is bound.
        pattern: Pattern,
        /// The declared type.
        ty: Option<TypeExpr>,
        /// The value; `None` only beside a diagnostic.
        init: Option<Expr>,
    },
    /// `set place = e`, `set place += e`, `place = e`.
    Set {
        /// What is assigned to: a name, field, index, deref, or a tuple of places.
        place: Expr,
        /// The operator of a compound assignment.
        op: Option<BinaryOp>,
        /// The operator's place.
        op_span: Span,
        /// The value.
        value: Expr,
    },
    /// `give e`, `give`.
    Give(Option<Expr>),
    /// `emit e`.
    Emit(Expr),
    /// `assert e`, `assert e, message`.
    Assert {
        /// What must hold.
        cond: Expr,
        /// What to say if not.
        message: Option<Expr>,
    },
    /// `panic e`, `panic`.
    Panic(Option<Expr>),
    /// `unreachable`.
    Unreachable,
    /// `break`, `break e`.
    Break(Option<Expr>),
    /// `continue`.
    Continue,
    /// `while c { … }`.
    While {
        /// The condition.
        cond: Expr,
        /// The body.
        body: Block,
    },
    /// `for p in e { … }`, `for await p in e { … }`.
    For {
        /// What each element is bound to.
        pattern: Pattern,
        /// The list, range or stream.
        iter: Expr,
        /// The body.
        body: Block,
        /// The word `await`, if it was written.
        awaits: Option<Span>,
    },
    /// `for init; cond; step { … }`.
    ForC {
        /// Runs once, before.
        init: Option<Box<Stmt>>,
        /// Tested before each round.
        cond: Option<Expr>,
        /// Runs after each round.
        step: Option<Box<Stmt>>,
        /// The body.
        body: Block,
    },
    /// `when e is P { … }`, perhaps with `else { … }`.
    When {
        /// The value looked at.
        scrutinee: Expr,
        /// The pattern it should have.
        pattern: Pattern,
        /// What runs if it has.
        body: Block,
        /// What runs if not.
        otherwise: Option<Block>,
    },
    /// `with e { … }`, `with e as p { … }`.
    With {
        /// The scope or resource.
        expr: Expr,
        /// What it is bound to.
        pattern: Option<Pattern>,
        /// The body.
        body: Block,
    },
    /// `defer { … }`.
    Defer(Block),
    /// `asm(…)`: parsed as a call, not compiled.
    Asm(Expr),
    /// `e`, `e;`. The last one of a block without `;` is [`Block::value`] instead.
    Expr(Expr),
    /// An item inside a body: `const`, `static`, `proc`, `form`, `type`, `use`.
    Item(Box<Item>),
    /// Something that could not be read.
    Error,
}
