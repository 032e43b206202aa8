//! Where control divides: matches with their patterns, selects, and what can be awaited.

use super::{AsyncOp, Call, Const, Expr, FieldIdx, LocalId, VariantIdx};
use crate::diagnostics::Span;
use crate::sema::types::TyId;

/// What a match was in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is its construct")]
pub enum MatchSource {
    Match,
    Coalesce,
    Try,
    Is,
    When,
}

/// An arm of a match.
#[derive(Clone, Debug)]
pub struct Arm {
    /// What the value must look like.
    pub pattern: Pattern,
    /// What must hold then; may await. The pattern's locals are in scope.
    pub guard: Option<Expr>,
    /// What runs.
    pub body: Expr,
    /// The whole arm.
    pub span: Span,
}

/// An arm of a select.
#[derive(Clone, Debug)]
pub struct SelectArm {
    /// What is waited for.
    pub awaitable: Awaitable,
    /// What its value is bound to; always matches.
    pub pattern: Pattern,
    /// What runs.
    pub body: Expr,
    /// The whole arm.
    pub span: Span,
}

/// Something that can be awaited, at the place where it is.
#[derive(Clone, Debug)]
pub struct Awaitable {
    /// What it is.
    pub kind: AwaitableKind,
    /// The type of its value when awaited.
    pub ty: TyId,
    /// Its place.
    pub span: Span,
}

/// The kinds of awaitables.
#[derive(Clone, Debug)]
pub enum AwaitableKind {
    /// A call of a known async procedure (of a stream only in [`ExprKind::Future`](super::ExprKind::Future)).
    Call(Call),
    /// A call of an async procedure value: a boxed frame.
    CallValue {
        /// The procedure value.
        callee: Box<Expr>,
        /// The arguments.
        args: Vec<Expr>,
    },
    /// An operation of std.
    Op {
        /// Which one.
        op: AsyncOp,
        /// Its arguments, as [`AsyncOp`] says.
        args: Vec<Expr>,
    },
    /// A future value, always moved; [`Local::future_of`](super::Local::future_of) may say whose it is.
    Future(Box<Expr>),
    /// A task handle, which is only read. The value is `Result[T, TaskError]`.
    Task(Box<Expr>),
    /// `await (a, b)`: concurrently; the value is the tuple.
    Join(Vec<Awaitable>),
    /// `timeout(ms, e)`: the value is `Result[T, Timeout]`; `e` is cancelled and drained if the
    /// time is over first. `ms` is evaluated first.
    Timeout {
        /// How long, an `int`.
        ms: Box<Expr>,
        /// What may take that long.
        of: Box<Awaitable>,
    },
}

/// Who waits for a spawned task.
#[derive(Clone, Debug)]
pub enum SpawnParent {
    /// The task that spawns.
    Task,
    /// Nobody: `spawn_detached`.
    Detached,
    /// A task scope: `s.spawn(…)`.
    Scope(Box<Expr>),
}

/// A pattern with its type.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// What it is.
    pub kind: PatternKind,
    /// The type of what is matched.
    pub ty: TyId,
    /// Its place.
    pub span: Span,
}

/// The kinds of patterns.
#[derive(Clone, Debug)]
pub enum PatternKind {
    /// Fits everything.
    Wildcard,
    /// Fits everything and binds it (a read of that part).
    Bind(LocalId),
    /// Fits an equal scalar or string. Floats compare as IEEE says.
    Const(Const),
    /// Fits integers and characters between two.
    Range {
        /// First value, an `Int` or `Char`.
        lo: Const,
        /// Last value, inclusive.
        hi: Const,
    },
    /// Fits one arm of a pick, an option or a result.
    Variant {
        /// Which arm.
        variant: VariantIdx,
        /// One pattern for each of its payload.
        payload: Vec<Pattern>,
    },
    /// Fits a form whose fields fit; fields not named fit.
    Form(Vec<(FieldIdx, Pattern)>),
    /// Fits a tuple whose elements fit.
    Tuple(Vec<Pattern>),
    /// Fits lists of that length, or at least that length if there is a rest.
    List {
        /// The elements before and after `..`.
        elements: Vec<Pattern>,
        /// `..`, if there is one.
        rest: Option<Rest>,
    },
    /// Fits if one fits, tried in order. All bind the same locals.
    Or(Vec<Pattern>),
}

/// `..` in a list pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    /// Number of elements before it.
    pub before: usize,
    /// What a list of the elements that it stands for is bound to.
    pub local: Option<LocalId>,
}
