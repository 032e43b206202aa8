//! Statements, expressions, places and operators.

use super::{
    Arm, Awaitable, Builtin, Call, Callee, FieldIdx, LocalId, LoopId, MatchSource, Pattern,
    SelectArm, SpawnParent, StaticId, VariantIdx,
};
use crate::diagnostics::Span;
use crate::sema::types::TyId;

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
    /// What a [`TyKind::Ref`](crate::sema::types::TyKind::Ref) refers to.
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
    /// only. Type [`TyKind::Ref`](crate::sema::types::TyKind::Ref). Occurs only as an argument of a
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
    /// [number](super::Variant::number)) to integers; integers to `char` fault if there is none.
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
    /// A cold future or stream: arguments evaluated, nothing run. Of [`AwaitableKind::Call`](super::AwaitableKind::Call),
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
