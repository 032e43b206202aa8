//! Expressions: the dispatcher, literals, names and control flow.
//!
//! The dispatcher is small on purpose: it recurses with the depth of the source, so what one kind
//! of expression needs on the stack must not burden the others.

use super::body::{Fx, Want, const_expr, error_expr, unit_expr};
use super::hir::{Const, Expr, ExprKind};
use super::types::{InferKind, TyId, TyKind};
use crate::diagnostics::Span;
use crate::syntax::ast;

impl<'a> Fx<'_, 'a, '_> {
    /// Checks an expression. The type may differ from what is wanted; see [`Fx::coerce`].
    pub(super) fn expr(&mut self, expr: &'a ast::Expr, want: Want) -> Expr {
        let span = expr.span;
        match &expr.kind {
            ast::ExprKind::Literal(literal) => self.literal(literal, want, span),
            ast::ExprKind::Name(name) => self.name(name, want),
            ast::ExprKind::Path(path) => self.path(path, want),
            ast::ExprKind::Instantiate { base, args, index } => {
                self.instantiate(base, args, index.as_deref(), want, span)
            }
            ast::ExprKind::Call { callee, args } => self.call(callee, args, want, span),
            ast::ExprKind::Field { base, name } => self.field(base, name, want, span),
            ast::ExprKind::TupleField { base, index, index_span } => {
                self.tuple_field(base, *index, *index_span, span)
            }
            ast::ExprKind::Index { base, index } => self.index(base, index, span),
            ast::ExprKind::Slice { base, lo, hi, step } => {
                self.slice(base, lo.as_deref(), hi.as_deref(), step.as_deref(), span)
            }
            ast::ExprKind::Try { expr, .. } => self.try_(expr, span),
            ast::ExprKind::Await { expr, word } => self.await_(expr, *word, span),
            ast::ExprKind::Spawn { expr, word } => self.spawn(expr, *word, span),
            ast::ExprKind::Move(inner) => self.move_(inner, want, span),
            ast::ExprKind::Unary { op, op_span, expr } => {
                self.unary(*op, *op_span, expr, want, span)
            }
            ast::ExprKind::Binary { op, op_span, lhs, rhs } => {
                self.binary(*op, *op_span, lhs, rhs, want, span)
            }
            ast::ExprKind::Assign { place, op, value } => {
                self.assign(place, *op, span, value, span)
            }
            ast::ExprKind::Ternary { cond, then, otherwise } => {
                let cond = self.expr_as(cond, TyId::BOOL);
                let then = self.expr(then, want);
                let hint = if want == Want::Any { Want::Ty(then.ty) } else { want };
                let otherwise = self.expr(otherwise, hint);
                self.if_(cond, then, Some(otherwise), want, span)
            }
            ast::ExprKind::Range { .. } => self.unsupported("a range as a value", span),
            ast::ExprKind::Cast { expr, ty } => self.cast(expr, ty, span),
            ast::ExprKind::Is { expr, pattern, negated } => self.is(expr, pattern, *negated, span),
            ast::ExprKind::Tuple(elems) => self.tuple(elems, want, span),
            ast::ExprKind::List(elems) => self.list(elems, want, span),
            ast::ExprKind::Repeat { value, len } => self.repeat(value, len, want, span),
            ast::ExprKind::ListComp { element, pattern, iter, cond } => {
                self.list_comp(element, pattern, iter, cond.as_deref(), span)
            }
            ast::ExprKind::Map(_) => self.unsupported("a map literal", span),
            ast::ExprKind::SetLiteral(_) => self.unsupported("a set literal", span),
            ast::ExprKind::FormLiteral { head, fields, rest } => {
                self.form_literal(head, fields, rest.as_deref(), want, span)
            }
            ast::ExprKind::If(if_) => self.if_chain(if_, 0, want, span),
            ast::ExprKind::Match { scrutinee, arms, .. } => {
                self.match_(scrutinee, arms, want, span)
            }
            ast::ExprKind::Select(select) => self.select(select, want, span),
            ast::ExprKind::Switch { scrutinee, arms, otherwise } => {
                self.switch(scrutinee, arms, otherwise.as_ref(), want, span)
            }
            ast::ExprKind::Loop(body) => self.loop_(body, want, span),
            ast::ExprKind::Block(block) | ast::ExprKind::Unsafe(block) => self.block(block, want),
            ast::ExprKind::Critical(block) => self.critical(block, want),
            ast::ExprKind::Proc(proc) => self.proc_value(proc, want),
            ast::ExprKind::Closure(closure) => self.closure(closure, want, span),
            ast::ExprKind::TypeQuery { name, .. } => {
                let what = format!("`{}`", name.name);
                self.unsupported(&what, span)
            }
            ast::ExprKind::Error => error_expr(span),
        }
    }

    fn literal(&mut self, literal: &'a ast::Literal, want: Want, span: Span) -> Expr {
        match literal {
            ast::Literal::Int { value, suffix } => {
                self.int_literal(*value, suffix.as_deref(), want, span)
            }
            ast::Literal::Float { value, suffix } => {
                let ty = match suffix.as_deref() {
                    Some("f32") => self.cx.types.intern(TyKind::F32),
                    Some(_) => TyId::F64,
                    None => self.infer.fresh(&mut self.cx.types, InferKind::Float),
                };
                const_expr(Const::Float(*value), ty, span)
            }
            ast::Literal::Str(text) => const_expr(Const::Str(text.clone()), TyId::STRING, span),
            ast::Literal::Bytes(bytes) => {
                const_expr(Const::Bytes(bytes.clone()), TyId::BYTES, span)
            }
            ast::Literal::Char(c) => const_expr(Const::Char(*c), TyId::CHAR, span),
            ast::Literal::Bool(b) => const_expr(Const::Bool(*b), TyId::BOOL, span),
            ast::Literal::Unit => unit_expr(span),
            ast::Literal::Null => self.null(want, span),
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "a literal wanted as a float is rounded")]
    fn int_literal(&mut self, value: u128, suffix: Option<&str>, want: Want, span: Span) -> Expr {
        let ty = match suffix {
            Some(name) => match super::ty::int_name(name) {
                Some(int) => self.cx.types.intern(TyKind::Int(int)),
                None => {
                    let what = format!("the suffix `{name}`");
                    return self.unsupported(&what, span);
                }
            },
            None => {
                let float = match want {
                    Want::Ty(ty) => self.hinted(ty),
                    _ => TyKind::Error,
                };
                let is_float =
                    matches!(float, TyKind::F32 | TyKind::F64 | TyKind::Infer(_, InferKind::Float));
                if is_float {
                    let Want::Ty(ty) = want else { return error_expr(span) };
                    let ty = match self.ty_kind(ty) {
                        TyKind::Option(inner) => inner,
                        _ => ty,
                    };
                    return const_expr(Const::Float(value as f64), ty, span);
                }
                self.infer.fresh(&mut self.cx.types, InferKind::Int)
            }
        };
        let value = i128::try_from(value).unwrap_or(i128::MAX);
        const_expr(Const::Int(value), ty, span)
    }

    /// The kind a value wanted for `ty` should have: that inside an option, too.
    fn hinted(&self, ty: TyId) -> TyKind {
        match self.ty_kind(ty) {
            TyKind::Option(inner) => self.ty_kind(inner),
            kind => kind,
        }
    }

    /// `null`, `None`.
    pub(super) fn null(&mut self, want: Want, span: Span) -> Expr {
        let ty = match want {
            Want::Ty(ty) if matches!(self.ty_kind(ty), TyKind::Option(_)) => ty,
            _ => {
                let inner = self.fresh();
                self.cx.types.option(inner)
            }
        };
        Expr { kind: ExprKind::None, ty, span }
    }

    fn tuple(&mut self, elems: &'a [ast::Expr], want: Want, span: Span) -> Expr {
        let wanted = match want {
            Want::Ty(ty) => match self.hinted(ty) {
                TyKind::Tuple(wanted) if wanted.len() == elems.len() => Some(wanted),
                _ => None,
            },
            _ => None,
        };
        let mut values = Vec::new();
        for (at, elem) in elems.iter().enumerate() {
            values.push(match &wanted {
                Some(wanted) => self.expr_as(elem, wanted[at]),
                None => self.expr(elem, Want::Any),
            });
        }
        if let [_] = values.as_slice() {
            return values.remove(0);
        }
        if let Some(lost) = values.iter().find(|value| self.diverges(value)) {
            let ty = lost.ty;
            return Expr { kind: ExprKind::Tuple(values), ty, span };
        }
        let ty = match wanted {
            Some(wanted) => self.cx.types.tuple(wanted),
            None => self.cx.types.tuple(values.iter().map(|value| value.ty).collect()),
        };
        Expr { kind: ExprKind::Tuple(values), ty, span }
    }

    fn list(&mut self, elems: &'a [ast::Expr], want: Want, span: Span) -> Expr {
        let (item, len) = self.wanted_items(want);
        let mut values = Vec::new();
        for elem in elems {
            values.push(self.expr_as(elem, item));
        }
        let ty = match len {
            Some(n) if self.has_length(n, elems.len() as u64, span) => {
                self.cx.types.intern(TyKind::Array(item, n))
            }
            Some(_) => return error_expr(span),
            None => self.cx.types.list(item),
        };
        Expr { kind: ExprKind::List(values), ty, span }
    }

    /// `[v; n]`: an array where one is wanted, else a list.
    fn repeat(&mut self, value: &'a ast::Expr, len: &'a ast::Expr, want: Want, span: Span) -> Expr {
        let (item, wanted) = self.wanted_items(want);
        let value = Box::new(self.expr_as(value, item));
        let (n, ty) = match wanted {
            Some(wanted) => match self.cx.array_len(len, self.module) {
                Some(n) if self.has_length(wanted, n, span) => {
                    let kind = Const::Int(i128::from(n));
                    let ty = self.cx.types.intern(TyKind::Array(item, n));
                    (const_expr(kind, TyId::INT, len.span), ty)
                }
                _ => return error_expr(span),
            },
            None => (self.expr_as(len, TyId::INT), self.cx.types.list(item)),
        };
        Expr { kind: ExprKind::Repeat { value, n: Box::new(n) }, ty, span }
    }

    /// What the elements of a list literal are, and how many there must be.
    fn wanted_items(&mut self, want: Want) -> (TyId, Option<u64>) {
        match want {
            Want::Ty(ty) => match self.hinted(ty) {
                TyKind::List(item) => (item, None),
                TyKind::Array(item, n) => (item, Some(n)),
                TyKind::Error => (TyId::ERROR, None),
                _ => (self.fresh(), None),
            },
            _ => (self.fresh(), None),
        }
    }

    /// Reports a number of elements that is not the array's.
    pub(super) fn has_length(&mut self, wanted: u64, given: u64, span: Span) -> bool {
        if wanted != given {
            let title = format!("{given} element(s) for an array of {wanted}");
            self.error("TYPECK_E_ARRAY_LEN", title, span)
                .note("an array has exactly as many elements as its type says")
                .help("change the number in the type, or use a list `[T]`")
                .push(format!("{wanted} are needed here"));
        }
        wanted == given
    }

    fn list_comp(
        &mut self,
        element: &'a ast::Expr,
        pattern: &'a ast::Pattern,
        iter: &'a ast::Expr,
        cond: Option<&'a ast::Expr>,
        span: Span,
    ) -> Expr {
        let _ = (element, pattern, iter, cond);
        self.unsupported("a list comprehension", span)
    }
}
