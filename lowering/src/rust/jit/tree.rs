//! The function with its types: between the checker and the IR.

use super::types::{Prim, Ty};
use crate::ir::BinaryOp;
use proc_macro2::Span;

/// A local by number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Local(pub(super) usize);

/// An expression.
#[derive(Clone, Debug)]
pub(super) struct Expr {
    pub(super) kind: Kind,
    pub(super) ty: Ty,
    pub(super) span: Span,
}

/// Arithmetic that may fault, or not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Op {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    And,
    Or,
    Xor,
    Shl,
    Shr,
}

/// Comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cmp {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// What an expression is.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Int(i128),
    Float(f64),
    Bool(bool),
    Char(char),
    /// Smallest or largest value of a type.
    Bound {
        of: Prim,
        largest: bool,
    },
    Local(Local),
    Neg(Box<Expr>),
    Not(Box<Expr>),
    Binary(Op, Box<Expr>, Box<Expr>),
    Wrapping(BinaryOp, Box<Expr>, Box<Expr>),
    /// `min` (false) or `max` (true) of two integers.
    Extreme(bool, Box<Expr>, Box<Expr>),
    Logic {
        or: bool,
        a: Box<Expr>,
        b: Box<Expr>,
    },
    Compare(Cmp, Box<Expr>, Box<Expr>),
    Cast(Box<Expr>),
    /// A tuple or an array.
    Group(Vec<Expr>),
    Repeat(Box<Expr>, usize),
    Field(Box<Expr>, usize),
    Index(Box<Expr>, Box<Expr>),
    Assign(Box<Expr>, Box<Expr>),
    Update(Op, Box<Expr>, Box<Expr>),
    Block(Vec<Stmt>, Option<Box<Expr>>),
    If(Box<Expr>, Box<Expr>, Option<Box<Expr>>),
    /// Whether a pattern fits a value; it binds. Only in conditions.
    Let(Box<Pat>, Box<Expr>),
    /// Number of the loop, its body.
    Loop(usize, Box<Expr>),
    /// A block that is left by its label, numbered as loops are.
    Labelled(usize, Box<Expr>),
    While(usize, Box<Expr>, Box<Expr>),
    For {
        id: usize,
        pat: Box<Pat>,
        from: Box<Expr>,
        to: Box<Expr>,
        inclusive: bool,
        body: Box<Expr>,
    },
    Match(Box<Expr>, Vec<Arm>),
    Break(usize, Option<Box<Expr>>),
    Continue(usize),
    Return(Option<Box<Expr>>),
    /// Number of the suspend point, and its arguments.
    Await {
        site: usize,
        args: Vec<Expr>,
    },
    /// Panics with a message.
    Panic(String),
}

/// An arm of a match.
#[derive(Clone, Debug)]
pub(super) struct Arm {
    pub(super) pat: Pat,
    pub(super) guard: Option<Expr>,
    pub(super) body: Expr,
}

/// A statement.
#[derive(Clone, Debug)]
pub(super) enum Stmt {
    Let(Box<Pat>, Option<Expr>),
    /// The last does not come to its end.
    LetElse(Box<Pat>, Expr, Expr),
    Expr(Expr),
}

/// A pattern.
#[derive(Clone, Debug)]
pub(super) enum Pat {
    Wild,
    Bind(Local),
    /// Binds what fits.
    At(Local, Box<Pat>),
    Tuple(Vec<Pat>),
    /// Equal to a constant.
    Is(Expr),
    /// Between constants.
    Range(Option<Expr>, Option<Expr>, bool),
    Or(Vec<Pat>),
}

/// A declared local.
#[derive(Clone, Debug)]
pub(super) struct LocalData {
    pub(super) name: String,
    pub(super) ty: Ty,
    pub(super) span: Span,
}

impl Expr {
    /// Whether it leaves a loop by `break`.
    pub(super) fn breaks(&self, id: usize) -> bool {
        let e = self;
        let any = |list: &[&Expr]| list.iter().any(|e| e.breaks(id));
        match &e.kind {
            Kind::Break(target, value) => {
                *target == id || value.as_deref().is_some_and(|v| v.breaks(id))
            }
            Kind::Neg(a)
            | Kind::Not(a)
            | Kind::Cast(a)
            | Kind::Repeat(a, _)
            | Kind::Let(_, a)
            | Kind::Field(a, _) => a.breaks(id),
            Kind::Loop(_, a) | Kind::Labelled(_, a) => a.breaks(id),
            Kind::Binary(_, a, b)
            | Kind::Wrapping(_, a, b)
            | Kind::Extreme(_, a, b)
            | Kind::Logic { a, b, .. }
            | Kind::Compare(_, a, b)
            | Kind::Index(a, b)
            | Kind::Assign(a, b)
            | Kind::Update(_, a, b)
            | Kind::While(_, a, b) => any(&[a, b]),
            Kind::Group(list) | Kind::Await { args: list, .. } => list.iter().any(|e| e.breaks(id)),
            Kind::Block(stmts, value) => {
                let in_stmt = |s: &Stmt| match s {
                    Stmt::Let(_, init) => init.as_ref().is_some_and(|e| e.breaks(id)),
                    Stmt::LetElse(_, init, other) => any(&[init, other]),
                    Stmt::Expr(e) => e.breaks(id),
                };
                stmts.iter().any(in_stmt) || value.as_deref().is_some_and(|v| v.breaks(id))
            }
            Kind::If(c, t, o) => any(&[c, t]) || o.as_deref().is_some_and(|o| o.breaks(id)),
            Kind::For { from, to, body, .. } => any(&[from, to, body]),
            Kind::Match(v, arms) => {
                let in_arm =
                    |a: &Arm| a.body.breaks(id) || a.guard.as_ref().is_some_and(|g| g.breaks(id));
                v.breaks(id) || arms.iter().any(in_arm)
            }
            Kind::Return(value) => value.as_deref().is_some_and(|v| v.breaks(id)),
            Kind::Int(_)
            | Kind::Float(_)
            | Kind::Bool(_)
            | Kind::Char(_)
            | Kind::Bound { .. }
            | Kind::Local(_)
            | Kind::Continue(_)
            | Kind::Panic(_) => false,
        }
    }
}
