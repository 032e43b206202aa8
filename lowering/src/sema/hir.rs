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

/// `{ statements; value }`; the scope of the locals declared in it. They are dropped, and its
/// defers run, in one list in reverse order, after the value was evaluated.
#[derive(Clone, Debug)]
pub struct Block {
    /// The statements.
    pub stmts: Vec<Stmt>,
    /// The value; `None` is `unit`, or `never` where a statement does not come back.
    pub value: Option<Box<Expr>>,
}

/// A statement. Temporaries live to its end.
#[derive(Clone, Debug)]
pub struct Stmt {
    /// What it does.
    pub kind: StmtKind,
    /// Its place.
    pub span: Span,
}

/// The kinds of statements.
#[derive(Clone, Debug)]
pub enum StmtKind {
    /// Declares a local, with its first value.
    Let {
        /// The local.
        local: LocalId,
        /// Its value.
        init: Expr,
    },
    /// Declares the locals of a pattern that always matches.
    LetPattern {
        /// The pattern.
        pattern: Pattern,
        /// The value taken apart.
        init: Expr,
    },
    /// Evaluates and drops the value.
    Expr(Expr),
    /// Runs the block when the enclosing block is left in any way.
    Defer(Block),
}

/// An expression.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Its type.
    pub ty: TyId,
    /// Its place; faults are reported here.
    pub span: Span,
}

/// A value known at compile time.
#[derive(Clone, Debug, PartialEq)]
pub enum Const {
    /// The unit.
    Unit,
    /// A truth value.
    Bool(bool),
    /// An integer; it fits its type.
    Int(i128),
    /// A float.
    Float(f64),
    /// A character.
    Char(char),
    /// A string.
    Str(String),
    /// `b"…"`.
    Bytes(Vec<u8>),
}

/// How the value of a place is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadMode {
    /// Copied; what is counted in it is retained.
    Read,
    /// Taken over; only from a whole local (I3). Futures and streams are always moved.
    Move,
}

/// Something with an address.
#[derive(Clone, Debug)]
pub struct Place {
    /// Where it starts.
    pub base: PlaceBase,
    /// The way from there.
    pub path: Vec<Projection>,
    /// The type at the end of the way.
    pub ty: TyId,
    /// Its place in the source.
    pub span: Span,
}

/// Where a place starts.
#[derive(Clone, Debug)]
pub enum PlaceBase {
    /// A local.
    Local(LocalId),
    /// A static.
    Static(StaticId),
    /// A value, kept to the end of the statement.
    Temp(Box<Expr>),
}

/// A step from a place to a part of it.
#[derive(Clone, Debug)]
pub struct Projection {
    /// The step.
    pub kind: ProjectionKind,
    /// The type after it.
    pub ty: TyId,
    /// Its place; an index out of range is reported here.
    pub span: Span,
}

/// The kinds of steps.
#[derive(Clone, Debug)]
pub enum ProjectionKind {
    /// A field of a form (through its counted reference).
    Field(FieldIdx),
    /// An element of a tuple.
    TupleField(u32),
    /// An element of a list, checked. The index is of some integer type; a negative one is out of
    /// range.
    Index(Box<Expr>),
    /// What a [`TyKind::Ref`](super::types::TyKind::Ref) refers to.
    Deref,
}

/// What arithmetic does at the end of its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// Faults. Division by zero faults in any case.
    Checked,
    /// Wraps around.
    Wrapping,
}

/// Operators on two operands of one type. On floats they follow IEEE, on `bool` only `Eq`, `Ne`,
/// `BitAnd`, `BitOr`, `BitXor` occur, on `char` only comparisons. Strings, picks without payload
/// and everything else that can be compared use [`Builtin::Equal`] and [`Builtin::Compare`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is its operator")]
pub enum BinOp {
    Add,
    Sub,
    Mul,
    /// Truncates.
    Div,
    /// Has the sign of the dividend.
    Rem,
    BitAnd,
    BitOr,
    BitXor,
    /// The right operand may be of another integer type; a count outside `0..bits` faults if
    /// checked, is taken modulo the width if wrapping.
    Shl,
    /// As `Shl`; fills with the sign if the type is signed.
    Shr,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl BinOp {
    /// Whether it gives a `bool` about its operands.
    pub const fn is_comparison(self) -> bool {
        matches!(self, Self::Eq | Self::Ne | Self::Lt | Self::Le | Self::Gt | Self::Ge)
    }

    /// How it is written.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Rem => "%",
            Self::BitAnd => "&",
            Self::BitOr => "|",
            Self::BitXor => "^",
            Self::Shl => "<<",
            Self::Shr => ">>",
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
        }
    }
}

/// Operators on one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnOp {
    /// `-e` on integers (checked: the smallest value faults) and floats.
    Neg,
    /// `not e` on `bool`.
    Not,
    /// `~e` on integers.
    BitNot,
}

/// The kinds of expressions.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// A value known now. Strings are static and immortal; `Bytes` makes a new list.
    Const(Const),
    /// The value of a place.
    Load {
        /// The place.
        place: Place,
        /// How it is taken.
        mode: LoadMode,
    },
    /// The address of a place that starts in a local and goes through tuple fields and derefs
    /// only. Type [`TyKind::Ref`](super::types::TyKind::Ref). Occurs only as an argument of a
    /// synchronous call and as the value of a `Let` whose local is never assigned, given, moved or
    /// stored; does not outlive its local.
    Ref(Place),
    /// Stores a value; the old one is dropped after. Places with an index or temporary are
    /// evaluated before the value. Type `unit`.
    Assign {
        /// Where to.
        place: Place,
        /// The new value.
        value: Box<Expr>,
    },
    /// `place op= value`: evaluates the place once, then the value, then reads, computes, stores.
    /// Integers and floats only. Type `unit`.
    Update {
        /// What is changed.
        place: Place,
        /// The operator; no comparison.
        op: BinOp,
        /// At the end of the range.
        overflow: Overflow,
        /// The right operand.
        value: Box<Expr>,
    },
    /// `place = place + value` for a list or string, in place if the old one is not shared, else
    /// by copy. The value is evaluated before the place is read, and does not write to it. Type
    /// `unit`.
    Append {
        /// The list or string.
        place: Place,
        /// What is added.
        what: Appended,
    },
    /// Arithmetic or comparison of scalars; both operands have one type (except shifts).
    Binary {
        /// The operator.
        op: BinOp,
        /// At the end of the range.
        overflow: Overflow,
        /// Left.
        lhs: Box<Expr>,
        /// Right.
        rhs: Box<Expr>,
    },
    /// Arithmetic of one scalar.
    Unary {
        /// The operator.
        op: UnOp,
        /// At the end of the range.
        overflow: Overflow,
        /// The operand.
        expr: Box<Expr>,
    },
    /// `e as T` between scalars, by the types: integers wrap; floats to integers truncate and
    /// saturate, NaN gives 0; `bool`, `char` and picks without payload (their
    /// [number](Variant::number)) to integers; integers to `char` fault if there is none.
    Cast(Box<Expr>),
    /// Calls a synchronous procedure.
    Call(Call),
    /// Calls a synchronous procedure value; arguments as its type says.
    CallValue {
        /// The procedure value.
        callee: Box<Expr>,
        /// The arguments.
        args: Vec<Expr>,
    },
    /// Calls a synchronous procedure of std.
    Builtin {
        /// Which one.
        op: Builtin,
        /// Its arguments, as [`Builtin`] says.
        args: Vec<Expr>,
    },
    /// A procedure as a value; also async ones.
    ProcValue(Callee),
    /// A cold future or stream: arguments evaluated, nothing run. Of [`AwaitableKind::Call`],
    /// `CallValue` or `Op` only.
    Future(Box<Awaitable>),
    /// Runs something to its end inside this task. The type is [`Awaitable::ty`].
    Await(Box<Awaitable>),
    /// Makes a task. Type `Task[T]`. What it is given crosses: see `vitte_cross`.
    Spawn {
        /// What the task runs: `Call`, `CallValue`, `Op` or `Future`.
        what: Box<Awaitable>,
        /// Who waits for it.
        parent: SpawnParent,
    },
    /// `emit e`: hands one item to the consumer and suspends. Type `unit`.
    Emit(Box<Expr>),
    /// `Some(e)`, also where a `T` stands for a `?T`.
    Some(Box<Expr>),
    /// `None`, `null`.
    None,
    /// `Ok(e)`.
    Ok(Box<Expr>),
    /// `Err(e)`.
    Err(Box<Expr>),
    /// A tuple of at least two.
    Tuple(Vec<Expr>),
    /// A new list.
    List(Vec<Expr>),
    /// `[e; n]`: a new list of `n` times the value. A negative `n` faults.
    Repeat {
        /// The value.
        value: Box<Expr>,
        /// How often, an `int`.
        n: Box<Expr>,
    },
    /// A new form. Every field has one value; in source order, to be put at the index.
    Form {
        /// The fields.
        fields: Vec<(FieldIdx, Expr)>,
        /// `..base`: the other fields are read from this, evaluated last.
        base: Option<Box<Expr>>,
    },
    /// A value of a pick.
    Variant {
        /// Which arm.
        variant: VariantIdx,
        /// Its payload.
        args: Vec<Expr>,
    },
    /// `{ … }`.
    Block(Box<Block>),
    /// `critical { … }`: a block that cannot suspend.
    Critical(Box<Block>),
    /// Both sides have the type of the whole, or `never`; without `otherwise` it is `unit`.
    If {
        /// A `bool`.
        cond: Box<Expr>,
        /// If it holds.
        then: Box<Expr>,
        /// If not.
        otherwise: Option<Box<Expr>>,
    },
    /// Takes the first arm that fits; one always does. The scrutinee is held to the end.
    Match {
        /// The value looked at.
        scrutinee: Box<Expr>,
        /// The arms.
        arms: Vec<Arm>,
        /// What it was in the source.
        source: MatchSource,
    },
    /// `loop`, `while`, C-style `for` (whose `init` stands in a block around): tests `cond`, runs
    /// `body`, runs `step`, again. `continue` goes to `step`. The type is `never` if there is no
    /// condition and no break, `unit`, or the type of the breaks' values.
    Loop {
        /// Its number.
        id: LoopId,
        /// Leaves with unit when this does not hold.
        cond: Option<Box<Expr>>,
        /// The body.
        body: Box<Block>,
        /// Runs before the next round.
        step: Option<Box<Expr>>,
    },
    /// `for p in lo..hi`: bounds evaluated once, of one integer type or `char`; `lo > hi` runs
    /// never. Type `unit`.
    ForRange {
        /// Its number.
        id: LoopId,
        /// Each value, declared anew each round.
        pattern: Pattern,
        /// First value.
        lo: Box<Expr>,
        /// Last value (inclusive) or the one after it.
        hi: Box<Expr>,
        /// Whether `hi` belongs to it.
        inclusive: bool,
        /// The body.
        body: Box<Block>,
    },
    /// `for p in xs` over a list: index from 0 while below the length of that round. Type `unit`.
    ForList {
        /// Its number.
        id: LoopId,
        /// Each element.
        pattern: Pattern,
        /// The list, evaluated once and held.
        list: Box<Expr>,
        /// The body.
        body: Box<Block>,
    },
    /// `for await p in s` over a stream. The stream is dropped (cancelled and drained) however the
    /// loop is left. Type `unit`.
    ForStream {
        /// Its number.
        id: LoopId,
        /// Each item.
        pattern: Pattern,
        /// Of type `stream[T]`: a `Future` of a call, or a moved local.
        stream: Box<Expr>,
        /// The body.
        body: Box<Block>,
    },
    /// `for await p in ch` over a channel: receives until it is closed and drained. Type `unit`.
    ForChannel {
        /// Its number.
        id: LoopId,
        /// Each value.
        pattern: Pattern,
        /// The channel, evaluated once and held.
        channel: Box<Expr>,
        /// The body.
        body: Box<Block>,
    },
    /// `select` over awaitables: operands are evaluated top down, one arm runs, the losers are
    /// cancelled and drained before its body starts.
    Select {
        /// The arms.
        arms: Vec<SelectArm>,
        /// Runs if nothing is ready at once; without it, waits.
        otherwise: Option<Box<Expr>>,
    },
    /// `with task_scope() as s { … }`: at the end waits for the children; leaving in any other way
    /// cancels them and waits. The type is the block's.
    WithScope {
        /// The scope, of type `TaskScope`.
        local: LocalId,
        /// The body.
        body: Box<Block>,
    },
    /// Leaves the procedure. Type `never`.
    Give(Option<Box<Expr>>),
    /// Leaves a loop. Type `never`.
    Break {
        /// Which.
        target: LoopId,
        /// Its value; of `loop` only.
        value: Option<Box<Expr>>,
    },
    /// Goes on with the next round. Type `never`.
    Continue(LoopId),
    /// Faults with a message, of type `string`. Type `never`.
    Panic {
        /// What to say.
        message: Box<Expr>,
        /// Why.
        reason: PanicReason,
    },
}

/// What [`ExprKind::Append`] adds.
#[derive(Clone, Debug)]
pub enum Appended {
    /// Single elements, in order.
    Elements(Vec<Expr>),
    /// A whole list or string.
    All(Box<Expr>),
}

/// Why a program panics on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PanicReason {
    /// `panic`.
    Panic,
    /// A failed `assert`.
    Assert,
    /// `unreachable`.
    Unreachable,
}

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
    /// A call of a known async procedure (of a stream only in [`ExprKind::Future`]).
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
    /// A future value, always moved; [`Local::future_of`] may say whose it is.
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
        /// The first elements.
        elements: Vec<Pattern>,
        /// `..`, and what a list of the other elements is bound to.
        rest: Option<Option<LocalId>>,
    },
    /// Fits if one fits, tried in order. All bind the same locals.
    Or(Vec<Pattern>),
}

pub use super::std::{AsyncOp, Builtin};
