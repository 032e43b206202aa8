//! Temporaries that live as long as the construct or the statement that makes them.
//!
//! ```text
//! match list.lock().pop() { Some(x) => { turn().await; x } None => 0 }
//!       ──────────── a guard, alive to the end of the `match`, across the await
//! ```
//!
//! In: an expression that is evaluated before an await which it encloses or precedes. Out: the part of
//! it that may be a temporary with a drop, or one that something borrows. The machine ends temporaries
//! where it evaluates what makes them, so such a construct is not for it.
//!
//! A macro sees neither types nor whether a method takes its receiver by value. What the words show:
//!
//! * M1 the receiver is a place, a number or a literal: nothing is made for the call.
//! * M2 the methods of numbers, ranges, and of locals of spelled types of the standard library are known.
//! * M3 a confident reading takes methods by their names for those of the standard library.

use super::super::macros::{self, Shape};
use super::super::names::{Vars, is_comparison, is_scalar_value};
use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{Expr, UnOp};

/// Methods of the standard library that take their receiver by value.
const BY_VALUE: [&str; 57] = [
    "and",
    "and_then",
    "chain",
    "cloned",
    "collect",
    "copied",
    "count",
    "cycle",
    "enumerate",
    "err",
    "expect",
    "expect_err",
    "filter",
    "filter_map",
    "flat_map",
    "flatten",
    "fold",
    "fuse",
    "inspect",
    "into",
    "into_boxed_slice",
    "into_boxed_str",
    "into_bytes",
    "into_iter",
    "into_keys",
    "into_string",
    "into_values",
    "last",
    "map",
    "map_err",
    "map_or",
    "map_or_else",
    "map_while",
    "max",
    "min",
    "ok",
    "ok_or",
    "ok_or_else",
    "or",
    "or_else",
    "peekable",
    "product",
    "rev",
    "scan",
    "skip",
    "skip_while",
    "step_by",
    "sum",
    "take",
    "take_while",
    "transpose",
    "try_into",
    "unwrap",
    "unwrap_or",
    "unwrap_or_default",
    "unwrap_or_else",
    "zip",
];

/// Methods of the standard library that give a reference, a number or an iterator over references.
const PLAIN: [&str; 38] = [
    "abs",
    "as_bytes",
    "as_deref",
    "as_deref_mut",
    "as_mut",
    "as_ref",
    "as_slice",
    "as_str",
    "bytes",
    "char_indices",
    "chars",
    "checked_add",
    "checked_sub",
    "chunks",
    "duration_since",
    "elapsed",
    "first",
    "get",
    "get_mut",
    "is_empty",
    "iter",
    "iter_mut",
    "keys",
    "len",
    "lines",
    "position",
    "rsplit",
    "split",
    "split_once",
    "split_whitespace",
    "starts_with",
    "strip_prefix",
    "strip_suffix",
    "trim",
    "trim_end",
    "trim_start",
    "values",
    "windows",
];

/// Methods that give a guard.
const GUARDS: [&str; 8] =
    ["borrow", "borrow_mut", "lock", "read", "try_borrow", "try_borrow_mut", "try_lock", "write"];

/// How expressions of a body are read.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) vars: &'a Vars,
    pub(super) confident: bool,
}

impl Reading<'_> {
    /// A temporary that evaluating `e` may leave until the end of the statement.
    pub(super) fn left(&self, e: &Expr) -> Option<Span> {
        match e {
            Expr::Paren(e) => self.left(&e.expr),
            Expr::Group(e) => self.left(&e.expr),
            Expr::Call(e) => {
                let callee = (!is_place(&e.func)).then(|| self.left(&e.func)).flatten();
                callee.or_else(|| self.any(&e.args))
            }
            Expr::MethodCall(e) => self.any(&e.args).or_else(|| self.of_receiver(e)),
            Expr::Reference(e) => self.looked_at(&e.expr),
            Expr::Field(e) => self.looked_at(&e.base),
            Expr::Index(e) => self.looked_at(&e.expr).or_else(|| self.left(&e.index)),
            Expr::Unary(e) if matches!(e.op, UnOp::Deref(_)) => self.looked_at(&e.expr),
            Expr::Unary(e) => self.left(&e.expr),
            // Each side of `&&` and `||` drops its own.
            Expr::Binary(e) if matches!(e.op, syn::BinOp::And(_) | syn::BinOp::Or(_)) => None,
            Expr::Binary(e) if is_comparison(&e.op) && !self.confident => {
                self.looked_at(&e.left).or_else(|| self.looked_at(&e.right))
            }
            Expr::Binary(e) => self.left(&e.left).or_else(|| self.left(&e.right)),
            Expr::Tuple(e) => self.any(&e.elems),
            Expr::Array(e) => self.any(&e.elems),
            Expr::Struct(e) => {
                let rest = e.rest.as_ref().and_then(|rest| self.looked_at(rest));
                rest.or_else(|| self.any(e.fields.iter().map(|f| &f.expr)))
            }
            Expr::Range(e) => self.any(e.start.iter().chain(&e.end).map(|e| &**e)),
            Expr::Repeat(e) => self.left(&e.expr),
            Expr::Cast(e) => self.left(&e.expr),
            Expr::Try(e) => self.left(&e.expr),
            Expr::Match(e) => self.left(&e.expr),
            Expr::Macro(e) => match macros::parse(&e.mac)?.shape {
                Shape::Matches(value, _) => self.looked_at(&value),
                Shape::Exprs(_) | Shape::Repeat(..) => None,
            },
            _ => None,
        }
    }

    /// The same of an operand that is awaited. What a chain of calls makes goes into the future, or
    /// rustc sees that the future borrows from it; a guard is neither.
    pub(super) fn left_by_operand(&self, e: &Expr) -> Option<Span> {
        match e {
            Expr::Paren(e) => self.left_by_operand(&e.expr),
            Expr::MethodCall(e) => self.any(&e.args).or_else(|| {
                let guard = |m: &syn::ExprMethodCall| GUARDS.iter().any(|g| m.method == g);
                match &*e.receiver {
                    Expr::MethodCall(m) if guard(m) => Some(m.span()),
                    receiver if is_place(receiver) => None,
                    receiver => self.left_by_operand(receiver),
                }
            }),
            e => self.left(e),
        }
    }

    fn any<'a>(&self, list: impl IntoIterator<Item = &'a Expr>) -> Option<Span> {
        list.into_iter().find_map(|e| self.left(e))
    }

    /// Of an expression whose value is lent, or taken in parts.
    fn looked_at(&self, e: &Expr) -> Option<Span> {
        match e {
            Expr::Paren(e) => self.looked_at(&e.expr),
            Expr::Reference(e) => self.looked_at(&e.expr),
            Expr::Index(e) if is_place(&e.expr) => self.left(&e.index),
            e if is_place(e) || is_constant(e) || self.is_number(e) => None,
            e => self.left(e).or_else(|| Some(e.span())),
        }
    }

    fn of_receiver(&self, e: &syn::ExprMethodCall) -> Option<Span> {
        let known = |list: &[&str], name: &syn::Ident| list.iter().any(|n| name == n);
        let receiver = unwrapped(&e.receiver);
        if known(&BY_VALUE, &e.method) && (self.confident || self.is_standard(receiver)) {
            return self.left(receiver);
        }
        match receiver {
            Expr::MethodCall(m) if self.confident && known(&PLAIN, &m.method) => {
                self.left(receiver)
            }
            receiver => self.looked_at(receiver),
        }
    }

    /// M1: a number, or what methods make of one.
    fn is_number(&self, e: &Expr) -> bool {
        match unwrapped(e) {
            Expr::MethodCall(e) => self.is_number(&e.receiver),
            Expr::Path(p) => {
                let v = p.path.get_ident().and_then(|name| self.vars.get(name));
                v.is_some_and(|v| self.vars.list[v].scalar && !self.vars.list[v].array)
            }
            e => {
                !matches!(e, Expr::Array(_) | Expr::Tuple(_) | Expr::Repeat(_))
                    && is_scalar_value(e, self.vars)
            }
        }
    }

    /// M2: a range, a local of a spelled type, or what adapters make of one.
    fn is_standard(&self, e: &Expr) -> bool {
        match unwrapped(e) {
            Expr::Range(_) => true,
            Expr::Macro(e) => e.mac.path.is_ident("vec") || e.mac.path.is_ident("format"),
            Expr::MethodCall(e) => {
                BY_VALUE.iter().any(|n| e.method == n) && self.is_standard(&e.receiver)
            }
            Expr::Path(p) => {
                let v = p.path.get_ident().and_then(|name| self.vars.get(name));
                v.is_some_and(|v| self.vars.list[v].owned || self.vars.list[v].scalar)
            }
            _ => false,
        }
    }
}

/// The temporary that a `let` keeps to the end of its block: `let x = &make();`.
pub(super) fn extended(e: &Expr) -> Option<Span> {
    match e {
        Expr::Paren(e) => extended(&e.expr),
        Expr::Cast(e) => extended(&e.expr),
        Expr::Reference(e) => {
            let of = unwrapped(&e.expr);
            let made = !(is_place(of) || is_constant(of) || matches!(of, Expr::Reference(_)));
            if made { Some(of.span()) } else { extended(of) }
        }
        Expr::Tuple(e) => e.elems.iter().find_map(extended),
        Expr::Array(e) => e.elems.iter().find_map(extended),
        Expr::Struct(e) => e.fields.iter().find_map(|f| extended(&f.expr)),
        _ => None,
    }
}

fn unwrapped(e: &Expr) -> &Expr {
    match e {
        Expr::Paren(e) => unwrapped(&e.expr),
        Expr::Group(e) => unwrapped(&e.expr),
        e => e,
    }
}

/// Whether an expression is a place, so that nothing is made to lend it.
fn is_place(e: &Expr) -> bool {
    match unwrapped(e) {
        Expr::Path(_) => true,
        Expr::Field(e) => is_place(&e.base),
        Expr::Index(e) => is_place(&e.expr),
        Expr::Unary(e) => matches!(e.op, UnOp::Deref(_)) && is_place(&e.expr),
        _ => false,
    }
}

/// Whether an expression is made of literals: rustc puts it where it lives for ever.
fn is_constant(e: &Expr) -> bool {
    match unwrapped(e) {
        Expr::Lit(_) => true,
        Expr::Unary(e) => !matches!(e.op, UnOp::Deref(_)) && is_constant(&e.expr),
        Expr::Reference(e) => e.mutability.is_none() && is_constant(&e.expr),
        Expr::Tuple(e) => e.elems.iter().all(is_constant),
        Expr::Array(e) => e.elems.iter().all(is_constant),
        Expr::Repeat(e) => is_constant(&e.expr),
        _ => false,
    }
}
