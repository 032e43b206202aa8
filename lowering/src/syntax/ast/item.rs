//! Items.

use super::{Block, Expr, Ident, Path, Pattern, TypeExpr};
use crate::diagnostics::Span;

/// An item of a file, a block or a body of members.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// From its first attribute or word to its end.
    pub span: Span,
    /// `#[…]` before it.
    pub attributes: Vec<Attribute>,
    /// Who may see it.
    pub visibility: Visibility,
    /// What it is.
    pub kind: ItemKind,
}

/// The forms of items.
#[derive(Clone, Debug, PartialEq)]
pub enum ItemKind {
    /// `space a/b`.
    Space(Path),
    /// `use p`, `use p as x`, `use p.{A, B as C}`, `use p.*`.
    Use(Use),
    /// `export *`, `export a, b`, `export { a, b }`.
    Export(Export),
    /// `share name`, `share a, b`.
    Share(Vec<Ident>),
    /// `const x: T = e`.
    Const(ConstItem),
    /// `static x: T = e`, `static mut x: T = e`.
    Static(ConstItem),
    /// `proc f() { … }`; also a signature without a body.
    Proc(Box<Proc>),
    /// `form F { … }`, `class F { … }`, `union F { … }`.
    Form(FormItem),
    /// `pick P { … }`.
    Pick(PickItem),
    /// `type A = T`, `opaque type A`, `extern type A`.
    Type(TypeItem),
    /// `trait A { … }`.
    Trait(Trait),
    /// `impl T { … }`, `impl A for T { … }`.
    Impl(Impl),
    /// `extern "C" { … }`.
    Extern(ExternBlock),
    /// `test "…" { … }`, `bench "…" { … }`.
    Test(TestItem),
    /// `static_assert(e, message)`.
    StaticAssert {
        /// What must hold.
        cond: Expr,
        /// What to say if not.
        message: Option<Expr>,
    },
    /// `macro`, `bits`, `flags`, `region`, `entry` and the like: read over, not compiled.
    Meta(MetaItem),
    /// Something that could not be read.
    Error,
}

/// `#[name]`, `#[name(args)]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// Its name; may have dots.
    pub path: Path,
    /// What stands in parentheses.
    pub args: Vec<AttrArg>,
    /// The whole attribute.
    pub span: Span,
}

/// `name`, `value` or `name = value` in an attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct AttrArg {
    /// The name before `=`, or alone.
    pub name: Option<Ident>,
    /// The literal.
    pub value: Option<Expr>,
}

/// Who may see an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Visibility {
    /// Nothing was written.
    #[default]
    Inherited,
    /// `pub`, `pub(…)`.
    Public,
    /// `priv`.
    Private,
    /// `share proc f() …`: visible to users of the module.
    Shared,
}

/// `use …`.
#[derive(Clone, Debug, PartialEq)]
pub struct Use {
    /// The module or item.
    pub path: Path,
    /// What of it.
    pub tree: UseTree,
}

/// What a `use` takes.
#[derive(Clone, Debug, PartialEq)]
pub enum UseTree {
    /// `use p`, `use p as x`.
    Whole {
        /// The new name.
        alias: Option<Ident>,
    },
    /// `use p.*`.
    All,
    /// `use p.{A, B as C, *}`.
    Names {
        /// The names.
        names: Vec<UseName>,
        /// Whether `*` is among them.
        all: bool,
        /// `as x` after the braces.
        alias: Option<Ident>,
    },
}

/// `A` or `A as B` in a use.
#[derive(Clone, Debug, PartialEq)]
pub struct UseName {
    /// The name there.
    pub name: Ident,
    /// The name here.
    pub alias: Option<Ident>,
}

/// `export …`.
#[derive(Clone, Debug, PartialEq)]
pub struct Export {
    /// Whether `*` was written.
    pub all: bool,
    /// The names otherwise.
    pub names: Vec<ExportName>,
}

/// `a` or `a as b` in an export.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportName {
    /// The name here; may have dots or slashes.
    pub path: Path,
    /// The name for others.
    pub alias: Option<Ident>,
}

/// `const x: T = e`, `static x: T = e`.
#[derive(Clone, Debug, PartialEq)]
pub struct ConstItem {
    /// The name.
    pub name: Ident,
    /// Whether `mut` was written (static only).
    pub mutable: bool,
    /// The declared type.
    pub ty: Option<TypeExpr>,
    /// The value; `None` in traits, or beside a diagnostic.
    pub value: Option<Expr>,
}

/// The words before `proc`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Modifiers {
    /// `async`, with its place.
    pub is_async: Option<Span>,
    /// `unsafe`.
    pub is_unsafe: Option<Span>,
    /// `const`.
    pub is_const: Option<Span>,
    /// `inline`, `noinline`, `naked`, `interrupt`.
    pub others: Vec<Ident>,
    /// `extern "C"`, `extern C`.
    pub abi: Option<String>,
}

/// A procedure with a name, a signature without a body, or (nameless) a procedure value.
#[derive(Clone, Debug, PartialEq)]
pub struct Proc {
    /// The name; empty for a procedure value; `operator +` for operators.
    pub name: Ident,
    /// The words before `proc`.
    pub modifiers: Modifiers,
    /// `[T, U: A]` or `<T>`.
    pub generics: Vec<GenericParam>,
    /// `self`, `&self`, `mut self`, `&mut self`.
    pub receiver: Option<Receiver>,
    /// The parameters without the receiver.
    pub params: Vec<Param>,
    /// The result; `None` means `unit`.
    pub result: Option<TypeExpr>,
    /// `where …`.
    pub bounds: Vec<WhereBound>,
    /// Names in `effects(…)` and `requires(…)`, which are read over.
    pub effects: Vec<Path>,
    /// The body; `None` for a signature.
    pub body: Option<Block>,
    /// From the first word to the end of the signature.
    pub head: Span,
}

impl Proc {
    /// Says whether `async` was written.
    pub const fn is_async(&self) -> bool {
        self.modifiers.is_async.is_some()
    }
}

/// The receiver of a method.
#[derive(Clone, Debug, PartialEq)]
pub struct Receiver {
    /// Whether `&` was written.
    pub by_ref: bool,
    /// Whether `mut` was written.
    pub mutable: bool,
    /// `self: T`.
    pub ty: Option<TypeExpr>,
    /// Its place.
    pub span: Span,
}

/// `a: int`, `owned a: T`, `b: string = "x"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// How it is passed.
    pub mode: ParamMode,
    /// The name, or a pattern.
    pub pattern: Pattern,
    /// The type; may be missing in closures.
    pub ty: Option<TypeExpr>,
    /// The default.
    pub default: Option<Expr>,
    /// Whether `...` stands before the type or alone.
    pub variadic: bool,
    /// The whole parameter.
    pub span: Span,
}

/// How a parameter is passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ParamMode {
    /// Nothing was written.
    #[default]
    Plain,
    /// `mut a`.
    Mut,
    /// `owned a`.
    Owned,
    /// `borrow a`.
    Borrow,
    /// `move a`.
    Move,
    /// `ref a`.
    Ref,
}

/// `T`, `T: A + B`, `T = D`, `const N: int`, `comptime N: int`.
#[derive(Clone, Debug, PartialEq)]
pub struct GenericParam {
    /// The name.
    pub name: Ident,
    /// Type or constant.
    pub kind: GenericParamKind,
    /// The whole parameter.
    pub span: Span,
}

/// What a generic parameter stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum GenericParamKind {
    /// A type.
    Type {
        /// Traits it must have.
        bounds: Vec<TypeExpr>,
        /// The default.
        default: Option<TypeExpr>,
    },
    /// A constant of a type.
    Const {
        /// Its type.
        ty: TypeExpr,
    },
    /// `'a`.
    Lifetime,
}

/// One condition of a `where`: `T: A + B`, `T == U`, or an expression over constants.
#[derive(Clone, Debug, PartialEq)]
pub struct WhereBound {
    /// The left side.
    pub subject: TypeExpr,
    /// The traits after `:`.
    pub bounds: Vec<TypeExpr>,
    /// The type after `==` or another comparison.
    pub equals: Option<TypeExpr>,
}

/// Which word a form begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormKind {
    /// `form`.
    Form,
    /// `class`.
    Class,
    /// `union`.
    Union,
}

/// `form F[T] { a: T, b: U  proc m(self) { … } }`.
#[derive(Clone, Debug, PartialEq)]
pub struct FormItem {
    /// The word.
    pub kind: FormKind,
    /// The name.
    pub name: Ident,
    /// The generic parameters.
    pub generics: Vec<GenericParam>,
    /// `where …`.
    pub bounds: Vec<WhereBound>,
    /// The fields in source order.
    pub fields: Vec<Field>,
    /// Constants, types and procedures inside.
    pub members: Vec<Item>,
}

/// `a: T`, `pub a: T = e`.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// `#[…]` before it.
    pub attributes: Vec<Attribute>,
    /// Who may see it.
    pub visibility: Visibility,
    /// Whether `mut` was written.
    pub mutable: bool,
    /// The name.
    pub name: Ident,
    /// The type.
    pub ty: TypeExpr,
    /// The default.
    pub default: Option<Expr>,
    /// The whole field.
    pub span: Span,
}

/// `pick P[T] { A, B(T), C(x: T, y: U) }`.
#[derive(Clone, Debug, PartialEq)]
pub struct PickItem {
    /// The name.
    pub name: Ident,
    /// The generic parameters.
    pub generics: Vec<GenericParam>,
    /// The type of the tag, after `:`.
    pub repr: Option<TypeExpr>,
    /// `where …`.
    pub bounds: Vec<WhereBound>,
    /// The arms in source order.
    pub arms: Vec<PickArm>,
    /// Constants, types and procedures inside.
    pub members: Vec<Item>,
}

/// `A`, `B(T)`, `C(x: T)`, `D { x: T }`, `E = 1`.
#[derive(Clone, Debug, PartialEq)]
pub struct PickArm {
    /// The name.
    pub name: Ident,
    /// The payload, by position; names mean nothing but help the reader.
    pub payload: Vec<super::TypeParam>,
    /// The number of the tag.
    pub tag: Option<Expr>,
    /// The whole arm.
    pub span: Span,
}

/// Which kind of type item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeItemKind {
    /// `type A = T`.
    Alias,
    /// `opaque type A`.
    Opaque,
    /// `extern type A`.
    Extern,
    /// `type A: Bound = T` in a trait or impl.
    Associated,
}

/// `type A[T] = U`.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeItem {
    /// Which kind.
    pub kind: TypeItemKind,
    /// The name.
    pub name: Ident,
    /// The generic parameters.
    pub generics: Vec<GenericParam>,
    /// Traits after `:`.
    pub bounds: Vec<TypeExpr>,
    /// The type it stands for.
    pub ty: Option<TypeExpr>,
}

/// `trait A[T]: B { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Trait {
    /// Whether `unsafe` was written.
    pub is_unsafe: bool,
    /// The name.
    pub name: Ident,
    /// The generic parameters.
    pub generics: Vec<GenericParam>,
    /// Traits it builds on.
    pub supers: Vec<TypeExpr>,
    /// `where …`.
    pub bounds: Vec<WhereBound>,
    /// Signatures, procedures, types and constants.
    pub members: Vec<Item>,
}

/// `impl[T] A for F[T] { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Impl {
    /// Whether `unsafe` was written.
    pub is_unsafe: bool,
    /// The generic parameters after `impl`.
    pub generics: Vec<GenericParam>,
    /// The trait; `None` for methods of the type itself.
    pub of_trait: Option<TypeExpr>,
    /// The type.
    pub ty: TypeExpr,
    /// `where …`.
    pub bounds: Vec<WhereBound>,
    /// The members.
    pub members: Vec<Item>,
}

/// `extern "C" { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct ExternBlock {
    /// The calling convention.
    pub abi: String,
    /// Signatures, types and constants.
    pub members: Vec<Item>,
}

/// `test` or `bench`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestKind {
    /// `test`.
    Test,
    /// `bench`.
    Bench,
}

/// `test "name" { … }`; its body may await.
#[derive(Clone, Debug, PartialEq)]
pub struct TestItem {
    /// Which word.
    pub kind: TestKind,
    /// What is tested.
    pub name: String,
    /// Where the name stands.
    pub name_span: Span,
    /// The body.
    pub body: Block,
}

/// An item that is read over: `macro m(a: expr) { … }`, `entry main;`.
#[derive(Clone, Debug, PartialEq)]
pub struct MetaItem {
    /// The first word.
    pub word: Ident,
    /// Its name; a string for some.
    pub name: Option<Ident>,
    /// What stands between the braces, braces included, if there are any.
    pub body: Option<Span>,
}
