//! Types as they are written.

use super::{Expr, Ident, NodeId, Path};
use crate::diagnostics::Span;

/// A type expression.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeExpr {
    /// Its number in the file.
    pub id: NodeId,
    /// Its place.
    pub span: Span,
    /// What it is.
    pub kind: TypeKind,
}

/// The forms of types.
#[derive(Clone, Debug, PartialEq)]
pub enum TypeKind {
    /// `int`, `Task[int]`, `a.b.F`, `Map<K, V>`.
    Named {
        /// The names.
        path: Path,
        /// The arguments.
        args: Vec<TypeExpr>,
    },
    /// `?T`.
    Optional(Box<TypeExpr>),
    /// `[T]`.
    List(Box<TypeExpr>),
    /// `[T; N]`.
    Array {
        /// The elements' type.
        element: Box<TypeExpr>,
        /// How many.
        len: Box<Expr>,
    },
    /// `(A, B)`; `()` has no elements and is `unit`.
    Tuple(Vec<TypeExpr>),
    /// `proc(A, b: B) -> C`, `async proc() -> C`.
    Proc {
        /// Whether `async` was written.
        is_async: bool,
        /// The parameters.
        params: Vec<TypeParam>,
        /// The result; `None` means `unit`.
        result: Option<Box<TypeExpr>>,
    },
    /// `&T`, `&mut T`, `&'a T`, `ref T`, `ref mut T`.
    Ref {
        /// Whether `mut` was written.
        mutable: bool,
        /// The lifetime, without its quote.
        lifetime: Option<Ident>,
        /// What is referred to.
        target: Box<TypeExpr>,
    },
    /// `*T`, `*const T`, `*mut T`.
    Pointer {
        /// The word after `*`.
        qualifier: Option<Ident>,
        /// What is pointed to.
        target: Box<TypeExpr>,
    },
    /// `owned T`, `atomic T`, `volatile T`, …: a word before a type.
    Qualified {
        /// The word.
        qualifier: Ident,
        /// The type.
        target: Box<TypeExpr>,
    },
    /// `dyn A + B`, `impl A`.
    Bounds {
        /// `dyn` (true) or `impl` (false).
        is_dyn: bool,
        /// The traits.
        bounds: Vec<TypeExpr>,
    },
    /// `A | B`.
    Union(Vec<TypeExpr>),
    /// `_`: to be inferred.
    Infer,
    /// A number as a type argument: `Buffer[16]`.
    Const(Box<Expr>),
    /// Something that could not be read.
    Error,
}

/// `A` or `a: A` among the parameters of a procedure type.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeParam {
    /// The name, which means nothing.
    pub name: Option<Ident>,
    /// The type.
    pub ty: TypeExpr,
}
