//! The syntax tree of a Vitte file.
//!
//! In: nothing but spans and plain data; the parser builds it, sema reads it. The tree keeps what
//! the source says and decides nothing that needs names or types:
//!
//! - `a.b` is [`ExprKind::Field`] even where `a` is a type or module (`P.A`, `io.println`);
//! - `f[T](x)` and `F[T] { … }` are [`ExprKind::Instantiate`]; where the brackets can be read as
//!   an index, too, that reading is kept beside;
//! - a plain name in a pattern is [`PatternKind::Bind`], even if it will turn out to be an arm.
//!
//! Statement lists are split for sema: [`Block::value`] is the last expression without `;`.
//!
//! I1: every expression, pattern, type and block has a [`NodeId`] of its own, below
//! [`File::n_nodes`], so tables about nodes are vectors.
//! I2: the tree is at most about [`MAX_HEIGHT`](super::MAX_HEIGHT) nodes tall, hence recursion
//! over it is safe. Chains of postfix and binary operators count; `else if` chains are flat.
//! I3: where the source is wrong the tree has `Error` nodes, and there is at least one diagnostic
//! of severity error; no phase need report an `Error` node again.

use crate::diagnostics::{SourceId, Span};

mod expr;
mod item;
mod pattern;
mod stmt;
mod types;

pub use expr::{
    Arg, Arm, BinaryOp, Closure, ElseArm, Expr, ExprKind, FieldInit, If, Literal, MapEntry,
    MatchStyle, Select, SelectArm, SwitchArm, TryForm, UnaryOp,
};
pub use item::{
    AttrArg, Attribute, ConstItem, Export, ExportName, ExternBlock, Field, FormItem, FormKind,
    GenericParam, GenericParamKind, Impl, Item, ItemKind, MetaItem, Modifiers, Param, ParamMode,
    PickArm, PickItem, Proc, Receiver, TestItem, TestKind, Trait, TypeItem, TypeItemKind, Use,
    UseName, UseTree, Visibility, WhereBound,
};
pub use pattern::{FieldPattern, Pattern, PatternKind};
pub use stmt::{Block, Stmt, StmtKind};
pub use types::{TypeExpr, TypeKind, TypeParam};

/// Numbers a node within its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The id as an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A whole source file.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// The text it was parsed from.
    pub source: SourceId,
    /// The whole text.
    pub span: Span,
    /// `#![…]` at the top.
    pub attributes: Vec<Attribute>,
    /// The items in source order.
    pub items: Vec<Item>,
    /// All node ids of the file are below this.
    pub n_nodes: u32,
}

/// A name where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ident {
    /// The name; empty where the source was wrong.
    pub name: String,
    /// Its place.
    pub span: Span,
}

/// A path of names: `a/b/c`, `a::b`, `.sibling/x`. In expressions dots are fields instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// Number of leading dots (`use .a` has one: relative to this module).
    pub n_dots: u32,
    /// The names; empty only where the source was wrong.
    pub segments: Vec<Ident>,
    /// The whole path.
    pub span: Span,
}

impl Path {
    /// Gives the path as text with `/` between names.
    pub fn text(&self) -> String {
        let names: Vec<&str> = self.segments.iter().map(|s| s.name.as_str()).collect();
        format!("{}{}", ".".repeat(self.n_dots as usize), names.join("/"))
    }
}
