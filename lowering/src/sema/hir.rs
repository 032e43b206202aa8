//! The typed, desugared tree that sema makes of the syntax trees, and build lowers to IR.
//!
//! Names are resolved, every expression has its type, nothing implicit is left: `T` to `?T` is
//! [`ExprKind::Some`], printing converts by [`Builtin::ToString`], every await says what is
//! awaited, every read of a local says whether it moves. What is only another way to write
//! something is gone:
//!
//! | source | here |
//! | --- | --- |
//! | `a and b`, `a or b`, `c ? a : b`, `elif` | [`ExprKind::If`] |
//! | `e ?? d`, `e?`, `try e`, `e is P`, `when`, the value switch | [`ExprKind::Match`] |
//! | `while`, `loop`, C-style `for` | [`ExprKind::Loop`] |
//! | `assert c, m` | `If` with [`ExprKind::Panic`] |
//! | `set x += e` | [`ExprKind::Update`] (the place is evaluated once) |
//! | `set xs = xs + [v]`, `set s = s + t` | [`ExprKind::Append`] |
//! | closures, procedures inside bodies | procedures of their own |
//! | constants | their values |
//!
//! Evaluation is in the order of the fields of each node, left to right.
//!
//! I1: an expression of type `never` may stand where any type is wanted; control does not reach
//! what follows it. Every other mismatch of types has been ruled out.
//! I2: the locals of a body are numbered in order of declaration, parameters first. A local is
//! introduced by exactly one [`StmtKind::Let`], pattern, loop or scope (the alternatives of an
//! or-pattern share theirs), and used inside its scope only.
//! I3: a [`Read`](LoadMode::Read) of a counted value is a new reference (retain); a
//! [`Move`](LoadMode::Move) leaves the local dead until it is assigned. On no path is a dead local
//! read. On some paths it may be dead at the end of its scope: then build needs a drop flag.
//! I4: `Await`, `ForStream`, `Select`, `WithScope` and `Emit` occur in async bodies only, and not
//! in `critical` blocks.
//! I5: generic bodies occur once, with [`TyKind::Param`](super::types::TyKind::Param); whoever
//! calls says the [type arguments](Callee::type_args), in terms of the caller's own parameters.

mod branch;
mod expr;

pub use super::std::{AsyncOp, Builtin};
pub use branch::*;
pub use expr::*;

use super::types::{TyId, Types};
use crate::diagnostics::Span;

/// Names a procedure of a [`Program`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcId(pub u32);

/// Names a static of a [`Program`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StaticId(pub u32);

/// Names a local of a [`Body`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalId(pub u32);

/// Names a loop of a [`Body`]; `break` and `continue` refer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoopId(pub u32);

/// Position of a field in its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldIdx(pub u32);

/// Position of an arm in its pick; this is the tag. Of an option: 0 `None`, 1 `Some`; of a result:
/// 0 `Ok`, 1 `Err`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VariantIdx(pub u32);

impl VariantIdx {
    /// `None` of an option.
    pub const NONE: Self = Self(0);
    /// `Some` of an option.
    pub const SOME: Self = Self(1);
    /// `Ok` of a result.
    pub const OK: Self = Self(0);
    /// `Err` of a result.
    pub const ERR: Self = Self(1);
}

/// A whole checked program.
#[derive(Clone, Debug)]
pub struct Program {
    /// All types.
    pub types: Types,
    /// Forms and picks by [`AdtId`](super::types::AdtId); those of [`super::std`] come first.
    pub adts: Vec<Adt>,
    /// Procedures by [`ProcId`]: methods, closures and test bodies among them.
    pub procs: Vec<Proc>,
    /// Statics by [`StaticId`].
    pub statics: Vec<Static>,
    /// `proc main`, if there is one. It gives `int` or nothing, and takes nothing or `[string]`.
    pub main: Option<ProcId>,
    /// `test` blocks in source order.
    pub tests: Vec<Test>,
}

/// A form or pick.
#[derive(Clone, Debug)]
pub struct Adt {
    /// Its name.
    pub name: String,
    /// Names of its generic parameters.
    pub generics: Vec<String>,
    /// What it is.
    pub kind: AdtKind,
    /// Where it is declared; empty for those of std.
    pub span: Span,
}

/// Form or pick.
#[derive(Clone, Debug)]
pub enum AdtKind {
    /// A record with its fields by [`FieldIdx`].
    Form(Vec<Field>),
    /// A sum with its arms by [`VariantIdx`].
    Pick(Vec<Variant>),
}

/// A field of a form or a payload.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name; a payload without names has positions.
    pub name: String,
    /// Its type, in terms of the generic parameters of the form or pick.
    pub ty: TyId,
}

/// An arm of a pick.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// Its payload, by position.
    pub payload: Vec<Field>,
    /// Its number under `as int` (its position unless the source says `= n`). The tag in memory is
    /// always the position.
    pub number: i64,
}

/// A static.
#[derive(Clone, Debug)]
pub struct Static {
    /// Its name.
    pub name: String,
    /// Its type; a scalar if `mutable`.
    pub ty: TyId,
    /// Whether it may be assigned (atomically).
    pub mutable: bool,
    /// Its first value.
    pub init: Const,
    /// Where it is declared.
    pub span: Span,
}

/// A `test "name" { … }`.
#[derive(Clone, Debug)]
pub struct Test {
    /// Its name.
    pub name: String,
    /// Its body, an async procedure without parameters that gives nothing.
    pub proc: ProcId,
}

/// How a procedure runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcKind {
    /// Runs when called.
    Sync,
    /// Calling makes a cold future of [`Proc::result`].
    Async,
    /// Calling makes a cold stream of [`Proc::result`]: it emits and gives nothing.
    Stream,
}

/// A procedure.
#[derive(Clone, Debug)]
pub struct Proc {
    /// Its name; `F.m` for methods, `outer.{closure 0}`, `outer.inner`, `test "name"`. Unique
    /// within a space.
    pub name: String,
    /// The module it stands in, such as `demo/fetch`; empty without `space`.
    pub space: String,
    /// Names of its generic parameters: those of its form first.
    pub generics: Vec<String>,
    /// How it runs.
    pub kind: ProcKind,
    /// What it gives; for a stream the type of one item.
    pub result: TyId,
    /// Its body. Parameters are the first [`Body::n_params`] locals.
    pub body: Body,
    /// Where its name stands.
    pub span: Span,
}

impl Proc {
    /// The types of its parameters, in terms of its generic parameters.
    pub fn params(&self) -> impl Iterator<Item = TyId> {
        self.body.locals[..self.body.n_params as usize].iter().map(|local| local.ty)
    }
}

/// The body of a procedure.
#[derive(Clone, Debug)]
pub struct Body {
    /// Locals by [`LocalId`]; the parameters first. Parameters are owned by the body.
    pub locals: Vec<Local>,
    /// Number of parameters.
    pub n_params: u32,
    /// Number of loops; [`LoopId`]s are below.
    pub n_loops: u32,
    /// What runs. Its value is the result (of type `never` or the result's type; `unit` for
    /// streams).
    pub value: Expr,
}

/// A local.
#[derive(Clone, Debug)]
pub struct Local {
    /// Its name; of a temporary of a desugaring, a word in angle brackets.
    pub name: String,
    /// Its type.
    pub ty: TyId,
    /// Whether it is assigned anywhere after its declaration.
    pub assigned: bool,
    /// Whether its address is taken by [`ExprKind::Ref`].
    pub referenced: bool,
    /// For a future or stream that is never assigned: whose it is, if that is known. Its storage
    /// can then be inline; otherwise it is a boxed frame.
    pub future_of: Option<FutureOf>,
    /// Where its name stands.
    pub span: Span,
}

/// Whose future a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FutureOf {
    /// Of an async procedure.
    Proc(Callee),
    /// Of an operation of std; build makes an async procedure around it.
    Op(AsyncOp),
}

/// A procedure with its type arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callee {
    /// Which procedure.
    pub proc: ProcId,
    /// One type for each of [`Proc::generics`].
    pub type_args: Vec<TyId>,
}

/// A known procedure with arguments: one for each parameter, in order of the parameters (defaults
/// filled in, named ones put in place: where that changes the order of evaluation, sema has bound
/// them to locals before).
#[derive(Clone, Debug)]
pub struct Call {
    /// Which procedure.
    pub callee: Callee,
    /// Its arguments.
    pub args: Vec<Expr>,
}
