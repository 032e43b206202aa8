//! Expressions.

use super::{Block, Ident, NodeId, Path, Pattern, Proc, TypeExpr};
use crate::diagnostics::Span;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// Its number in the file.
    pub id: NodeId,
    /// Its place.
    pub span: Span,
    /// What it is.
    pub kind: ExprKind,
}

/// The forms of expressions.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// `1`, `"x"`, `true`, `null`, `()`.
    Literal(Literal),
    /// `x`, `Point`, `self`.
    Name(Ident),
    /// `a::b`: a path with `::`.
    Path(Path),
    /// `base[T, U]` or `base<T, U>` before a call, a form literal or a member:
    /// `channel[int](8)`, `Box[int] { … }`, `pair<i32>(1, 2)`.
    Instantiate {
        /// What is instantiated.
        base: Box<Expr>,
        /// The type arguments.
        args: Vec<TypeExpr>,
        /// The brackets read as an index, where they can be (`handlers[i](x)`): sema takes this
        /// reading if `base` is a value.
        index: Option<Box<Expr>>,
    },
    /// `callee(args)`.
    Call {
        /// What is called.
        callee: Box<Expr>,
        /// The arguments; named ones come last.
        args: Vec<Arg>,
    },
    /// `base.name`: a field, a method before a call, an arm of a pick, a member of a module.
    Field {
        /// What is to the left of the dot.
        base: Box<Expr>,
        /// The member.
        name: Ident,
    },
    /// `base.0`.
    TupleField {
        /// The tuple.
        base: Box<Expr>,
        /// Which element.
        index: u32,
        /// Where the number stands.
        index_span: Span,
    },
    /// `base[index]`. Where `index` is a range this is a slice by range.
    Index {
        /// What is indexed.
        base: Box<Expr>,
        /// The index.
        index: Box<Expr>,
    },
    /// `base[lo:hi]`, either of which may be missing, or `base[lo:hi:step]`.
    Slice {
        /// What is sliced.
        base: Box<Expr>,
        /// First index.
        lo: Option<Box<Expr>>,
        /// Index after the last.
        hi: Option<Box<Expr>>,
        /// Step.
        step: Option<Box<Expr>>,
    },
    /// `e?` or `try e`.
    Try {
        /// The fallible expression.
        expr: Box<Expr>,
        /// How it was written.
        form: TryForm,
    },
    /// `await e` or `e.await`. The operand ends before `?`: `await f()?` is `(await f())?`.
    Await {
        /// What is awaited; a tuple joins.
        expr: Box<Expr>,
        /// The word `await`.
        word: Span,
    },
    /// `spawn e`. The operand ends before `?`, as for await.
    Spawn {
        /// The future that becomes a task.
        expr: Box<Expr>,
        /// The word `spawn`.
        word: Span,
    },
    /// `move e`.
    Move(Box<Expr>),
    /// `-e`, `not e`, `!e`, `~e`, `*e`, `&e`, `&mut e`, `ref e`.
    Unary {
        /// The operator.
        op: UnaryOp,
        /// The operator's place.
        op_span: Span,
        /// Its operand.
        expr: Box<Expr>,
    },
    /// `a + b`, `a and b`, `a ?? b`, `x in xs`, …
    Binary {
        /// The operator.
        op: BinaryOp,
        /// The operator's place.
        op_span: Span,
        /// The left operand.
        lhs: Box<Expr>,
        /// The right operand.
        rhs: Box<Expr>,
    },
    /// `place = e` or `place += e` as an operand; as a statement it is `StmtKind::Set`.
    Assign {
        /// What is assigned to.
        place: Box<Expr>,
        /// The operator of a compound assignment.
        op: Option<BinaryOp>,
        /// The value.
        value: Box<Expr>,
    },
    /// `c ? a : b`.
    Ternary {
        /// The condition.
        cond: Box<Expr>,
        /// The value if it holds.
        then: Box<Expr>,
        /// The value if not.
        otherwise: Box<Expr>,
    },
    /// `a..b`, `a..=b`, `a..`, `..b`, `..`.
    Range {
        /// First value.
        lo: Option<Box<Expr>>,
        /// Last value (`..=`) or the one after it.
        hi: Option<Box<Expr>>,
        /// Whether `hi` belongs to the range.
        inclusive: bool,
    },
    /// `e as T`.
    Cast {
        /// What is converted.
        expr: Box<Expr>,
        /// To which type.
        ty: Box<TypeExpr>,
    },
    /// `e is P`, `e is not P`.
    Is {
        /// What is tested.
        expr: Box<Expr>,
        /// Against which pattern.
        pattern: Box<Pattern>,
        /// Whether `not` was written.
        negated: bool,
    },
    /// `(a, b)`; `()` is a literal.
    Tuple(Vec<Expr>),
    /// `[a, b]`.
    List(Vec<Expr>),
    /// `[v; n]`.
    Repeat {
        /// Each element.
        value: Box<Expr>,
        /// How many.
        len: Box<Expr>,
    },
    /// `[e for p in xs if c]`.
    ListComp {
        /// The value of each element.
        element: Box<Expr>,
        /// What each element of `iter` is bound to.
        pattern: Box<Pattern>,
        /// The source.
        iter: Box<Expr>,
        /// Which elements to take.
        cond: Option<Box<Expr>>,
    },
    /// `map { k: v, … }`.
    Map(Vec<MapEntry>),
    /// `set { a, b }`.
    SetLiteral(Vec<Expr>),
    /// `F { a: x, b: y }`, `F { a, ..base }`; the head is a name, path, field or instantiation.
    FormLiteral {
        /// The form.
        head: Box<Expr>,
        /// The fields in source order.
        fields: Vec<FieldInit>,
        /// What follows `..`.
        rest: Option<Box<Expr>>,
    },
    /// `if c { … } elif d { … } else { … }`.
    If(Box<If>),
    /// `match e { … }` or `pick e { … }`.
    Match {
        /// The value looked at.
        scrutinee: Box<Expr>,
        /// The arms in source order; `else` is the last if there is one.
        arms: Vec<Arm>,
        /// Which word was written.
        style: MatchStyle,
    },
    /// `select { when v = f() { … } else { … } }` over awaitables.
    Select(Box<Select>),
    /// `select e { when P { … } else { … } }`: the value switch.
    Switch {
        /// The value looked at.
        scrutinee: Box<Expr>,
        /// The arms.
        arms: Vec<SwitchArm>,
        /// The `else` arm.
        otherwise: Option<ElseArm>,
    },
    /// `loop { … }`.
    Loop(Block),
    /// `{ … }`.
    Block(Block),
    /// `unsafe { … }`.
    Unsafe(Block),
    /// `critical { … }`.
    Critical(Block),
    /// `proc(a: int) -> int { … }`, `async proc() { … }`; its name is empty.
    Proc(Box<Proc>),
    /// `|a, b| e`, `|a: int| { … }`.
    Closure(Box<Closure>),
    /// `sizeof(T)`, `alignof(T)`, `typeof(e)`, …: a built-in that may take a type.
    TypeQuery {
        /// Which one.
        name: Ident,
        /// The type in parentheses.
        ty: Box<TypeExpr>,
    },
    /// Something that could not be read.
    Error,
}

/// A literal.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `12`, `0xff_u8`.
    Int {
        /// Its value.
        value: u128,
        /// The type name at its end.
        suffix: Option<String>,
    },
    /// `1.5`, `1e3`, `2.0f32`, `1f32`.
    Float {
        /// Its value.
        value: f64,
        /// The type name at its end.
        suffix: Option<String>,
    },
    /// `"text"`, `r"text"`, `"""text"""`.
    Str(String),
    /// `b"bytes"`.
    Bytes(Vec<u8>),
    /// `'c'`.
    Char(char),
    /// `true`, `false`.
    Bool(bool),
    /// `null`.
    Null,
    /// `()`.
    Unit,
}

/// How a try was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryForm {
    /// `e?`.
    Postfix,
    /// `try e`.
    Prefix,
}

/// Prefix operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnaryOp {
    /// `-e`.
    Neg,
    /// `not e`, `!e`.
    Not,
    /// `~e`.
    BitNot,
    /// `*e`.
    Deref,
    /// `&e`, `ref e`.
    Ref,
    /// `&mut e`, `ref mut e`.
    RefMut,
}

/// Infix operators, loosest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BinaryOp {
    /// `a ?? b`.
    Coalesce,
    /// `a or b`, `a || b`.
    Or,
    /// `a and b`, `a && b`.
    And,
    /// `a | b`.
    BitOr,
    /// `a ^ b`, `a xor b`.
    BitXor,
    /// `a & b`.
    BitAnd,
    /// `a == b`.
    Eq,
    /// `a != b`.
    Ne,
    /// `a < b`.
    Lt,
    /// `a <= b`.
    Le,
    /// `a > b`.
    Gt,
    /// `a >= b`.
    Ge,
    /// `x in xs`.
    In,
    /// `x not in xs`.
    NotIn,
    /// `a << b`.
    Shl,
    /// `a >> b`.
    Shr,
    /// `a + b`.
    Add,
    /// `a - b`.
    Sub,
    /// `a * b`.
    Mul,
    /// `a / b`.
    Div,
    /// `a % b`.
    Rem,
}

impl UnaryOp {
    /// How it is written.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Neg => "-",
            Self::Not => "not",
            Self::BitNot => "~",
            Self::Deref => "*",
            Self::Ref => "&",
            Self::RefMut => "&mut",
        }
    }
}

impl BinaryOp {
    /// How it is written (the word where there is one).
    pub const fn text(self) -> &'static str {
        match self {
            Self::Coalesce => "??",
            Self::Or => "or",
            Self::And => "and",
            Self::BitOr => "|",
            Self::BitXor => "^",
            Self::BitAnd => "&",
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::In => "in",
            Self::NotIn => "not in",
            Self::Shl => "<<",
            Self::Shr => ">>",
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Rem => "%",
        }
    }

    /// Says whether it compares: `== != < <= > >= in`.
    pub const fn is_comparison(self) -> bool {
        matches!(
            self,
            Self::Eq
                | Self::Ne
                | Self::Lt
                | Self::Le
                | Self::Gt
                | Self::Ge
                | Self::In
                | Self::NotIn
        )
    }
}

/// An argument: `e` or `name: e`.
#[derive(Clone, Debug, PartialEq)]
pub struct Arg {
    /// The parameter's name, if written.
    pub name: Option<Ident>,
    /// The value.
    pub value: Expr,
}

/// `k: v` of a map.
#[derive(Clone, Debug, PartialEq)]
pub struct MapEntry {
    /// The key.
    pub key: Expr,
    /// The value.
    pub value: Expr,
}

/// `a: e` of a form literal; `a` alone stands for `a: a` and has `value` = the name.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldInit {
    /// The field.
    pub name: Ident,
    /// Its value.
    pub value: Expr,
    /// Whether only the name was written.
    pub shorthand: bool,
}

/// `if c { … } elif d { … } else { … }`; `else if` is the same as `elif`.
#[derive(Clone, Debug, PartialEq)]
pub struct If {
    /// Conditions with their blocks: the `if`, then each `elif`. Never empty.
    pub branches: Vec<(Expr, Block)>,
    /// The `else` block.
    pub otherwise: Option<Block>,
}

/// Which word begins a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchStyle {
    /// `match`.
    Match,
    /// `pick`.
    Pick,
}

/// An arm of a match: `case P if g { … }`, `P => e;`, `else { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Arm {
    /// The pattern; `None` for `else`.
    pub pattern: Option<Pattern>,
    /// The condition after `if`.
    pub guard: Option<Expr>,
    /// The body; `=> e` is a block with the value `e`, `=> give e` one with that statement.
    pub body: Block,
    /// The whole arm.
    pub span: Span,
}

/// `select` over awaitables.
#[derive(Clone, Debug, PartialEq)]
pub struct Select {
    /// The arms in source order.
    pub arms: Vec<SelectArm>,
    /// The `else` arm: do not wait.
    pub otherwise: Option<ElseArm>,
}

/// `when p = e { … }`, or `when e { … }` (nothing bound).
#[derive(Clone, Debug, PartialEq)]
pub struct SelectArm {
    /// What the result is bound to; `None` where nothing is written.
    pub pattern: Option<Pattern>,
    /// The awaitable operation.
    pub operation: Expr,
    /// What runs if it is the first to be ready.
    pub body: Block,
    /// The whole arm.
    pub span: Span,
}

/// `when P { … }` of the value switch.
#[derive(Clone, Debug, PartialEq)]
pub struct SwitchArm {
    /// The pattern.
    pub pattern: Pattern,
    /// The condition after `if`.
    pub guard: Option<Expr>,
    /// The body.
    pub body: Block,
    /// The whole arm.
    pub span: Span,
}

/// `else { … }` of a select or switch.
#[derive(Clone, Debug, PartialEq)]
pub struct ElseArm {
    /// The body.
    pub body: Block,
    /// The whole arm.
    pub span: Span,
}

/// `|a, b: int| body`.
#[derive(Clone, Debug, PartialEq)]
pub struct Closure {
    /// The parameters.
    pub params: Vec<super::Param>,
    /// The body; a block is an `ExprKind::Block`.
    pub body: Expr,
}
