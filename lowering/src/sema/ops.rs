//! Operators and conversions.

use super::body::{Fx, Want, const_expr, error_expr};
use super::hir::{self, BinOp, Const, Expr, ExprKind, MatchSource, Overflow, UnOp, VariantIdx};
use super::std::Builtin;
use super::types::{InferKind, TyId, TyKind};
use crate::diagnostics::Span;
use crate::syntax::ast;

impl<'a> Fx<'_, 'a, '_> {
    /// Whether a type is an integer, or may become one only.
    pub(super) fn is_integer(&self, ty: TyId) -> bool {
        matches!(self.ty_kind(ty), TyKind::Int(_) | TyKind::Infer(_, InferKind::Int))
    }

    /// Whether a type is an integer or float.
    pub(super) fn is_number(&self, ty: TyId) -> bool {
        self.is_integer(ty)
            || matches!(
                self.ty_kind(ty),
                TyKind::F32 | TyKind::F64 | TyKind::Infer(_, InferKind::Float)
            )
    }

    /// Reports an operand of a wrong type.
    pub(super) fn bad_operand(&mut self, op: &str, value: &Expr, needs: &str, span: Span) -> Expr {
        if !matches!(self.ty_kind(value.ty), TyKind::Error | TyKind::Never) {
            let name = self.type_name(value.ty);
            let title = format!("`{op}` cannot be applied to `{name}`");
            self.error("TYPECK_E_OPERATOR", title, value.span)
                .help(format!("give it {needs}"))
                .push(format!("this is `{name}`"));
        }
        error_expr(span)
    }

    pub(super) fn unary(
        &mut self,
        op: ast::UnaryOp,
        op_span: Span,
        inner: &'a ast::Expr,
        want: Want,
        span: Span,
    ) -> Expr {
        match op {
            ast::UnaryOp::Neg => {
                if let ast::ExprKind::Literal(ast::Literal::Int { .. }) = &inner.kind {
                    let mut value = self.expr(inner, want);
                    match &mut value.kind {
                        ExprKind::Const(Const::Int(n)) => *n = -*n,
                        ExprKind::Const(Const::Float(x)) => *x = -*x,
                        _ => {}
                    }
                    value.span = span;
                    return value;
                }
                let value = self.expr(inner, want);
                let value = self.deref(value);
                if !self.is_number(value.ty) {
                    return self.bad_operand("-", &value, "a number", span);
                }
                let ty = value.ty;
                let kind = ExprKind::Unary {
                    op: UnOp::Neg,
                    overflow: Overflow::Checked,
                    expr: Box::new(value),
                };
                Expr { kind, ty, span }
            }
            ast::UnaryOp::Not => {
                let value = self.expr(inner, Want::Ty(TyId::BOOL));
                let value = self.deref(value);
                if self.is_integer(value.ty) {
                    let name = self.type_name(value.ty);
                    self.error(
                        "TYPECK_E_OPERATOR",
                        format!("`not` cannot be applied to `{name}`"),
                        op_span,
                    )
                    .help("write `~` for the bits, or compare: `x == 0`")
                    .push("its operand is no truth value");
                    return error_expr(span);
                }
                let value = self.coerce(value, TyId::BOOL);
                let (op, overflow) = (UnOp::Not, Overflow::Checked);
                Expr {
                    kind: ExprKind::Unary { op, overflow, expr: Box::new(value) },
                    ty: TyId::BOOL,
                    span,
                }
            }
            ast::UnaryOp::BitNot => {
                let value = self.expr(inner, want);
                let value = self.deref(value);
                if !self.is_integer(value.ty) {
                    return self.bad_operand("~", &value, "an integer", span);
                }
                let ty = value.ty;
                let (op, overflow) = (UnOp::BitNot, Overflow::Checked);
                Expr { kind: ExprKind::Unary { op, overflow, expr: Box::new(value) }, ty, span }
            }
            ast::UnaryOp::Deref => {
                let value = self.expr(inner, Want::Any);
                match self.ty_kind(value.ty) {
                    TyKind::Ref { .. } => {
                        let mut value = self.deref(value);
                        value.span = span;
                        value
                    }
                    _ => self.bad_operand("*", &value, "a reference", span),
                }
            }
            ast::UnaryOp::Ref | ast::UnaryOp::RefMut => {
                self.reference(inner, op == ast::UnaryOp::RefMut, span)
            }
        }
    }

    /// `&e`.
    fn reference(&mut self, inner: &'a ast::Expr, mutable: bool, span: Span) -> Expr {
        let value = self.expr(inner, Want::Any);
        if matches!(self.ty_kind(value.ty), TyKind::Error | TyKind::Never) {
            return error_expr(span);
        }
        let simple = |place: &hir::Place| {
            matches!(place.base, hir::PlaceBase::Local(_))
                && place.path.iter().all(|step| {
                    matches!(
                        step.kind,
                        hir::ProjectionKind::TupleField(_) | hir::ProjectionKind::Deref
                    )
                })
        };
        let target = value.ty;
        match value.kind {
            ExprKind::Load { place, .. } if simple(&place) => {
                if let hir::PlaceBase::Local(local) = place.base {
                    self.locals[local.0 as usize].referenced = true;
                }
                let ty = self.cx.types.intern(TyKind::Ref { mutable, target });
                Expr { kind: ExprKind::Ref(place), ty, span }
            }
            _ => {
                self.error("TYPECK_E_REF_PLACE", "only a local can be referred to", span)
                    .note("an element or field may be gone while the reference lives")
                    .help("put the value into a `let` first, or pass the whole list or form")
                    .push("this is not a local");
                error_expr(span)
            }
        }
    }

    pub(super) fn binary(
        &mut self,
        op: ast::BinaryOp,
        op_span: Span,
        lhs: &'a ast::Expr,
        rhs: &'a ast::Expr,
        want: Want,
        span: Span,
    ) -> Expr {
        use ast::BinaryOp as B;
        match op {
            B::And | B::Or => {
                let lhs = self.expr_as(lhs, TyId::BOOL);
                let rhs = self.expr_as(rhs, TyId::BOOL);
                let known = |value, span| const_expr(Const::Bool(value), TyId::BOOL, span);
                let (then, otherwise) = if op == B::And {
                    let span = lhs.span;
                    (rhs, known(false, span))
                } else {
                    let span = lhs.span;
                    (known(true, span), rhs)
                };
                self.if_(lhs, then, Some(otherwise), Want::Ty(TyId::BOOL), span)
            }
            B::Coalesce => self.coalesce(lhs, rhs, want, span),
            B::In | B::NotIn => self.contains(lhs, rhs, op == B::NotIn, span),
            B::Eq | B::Ne | B::Lt | B::Le | B::Gt | B::Ge => {
                let left = self.expr(lhs, Want::Any);
                let left = self.deref(left);
                let right = self.expr(rhs, Want::Ty(left.ty));
                let right = self.deref(right);
                self.compare(bin_op(op), left, right, op_span, span)
            }
            B::Shl | B::Shr => {
                let left = self.expr(lhs, want);
                let left = self.deref(left);
                let right = self.expr(rhs, Want::Any);
                self.arithmetic(bin_op(op), Overflow::Checked, left, right, op_span, span)
            }
            _ => {
                let hint = match want {
                    Want::Ty(_) => want,
                    _ => Want::Any,
                };
                let left = self.expr(lhs, hint);
                let left = self.deref(left);
                // No operator makes an array.
                let is_array = matches!(self.ty_kind(left.ty), TyKind::Array(..));
                let hint = if is_array { Want::Any } else { Want::Ty(left.ty) };
                let right = self.expr(rhs, hint);
                self.arithmetic(bin_op(op), Overflow::Checked, left, right, op_span, span)
            }
        }
    }

    /// Arithmetic, bits, and `+` of strings and lists.
    pub(super) fn arithmetic(
        &mut self,
        op: BinOp,
        overflow: Overflow,
        lhs: Expr,
        rhs: Expr,
        op_span: Span,
        span: Span,
    ) -> Expr {
        let lhs = self.deref(lhs);
        let rhs = self.deref(rhs);
        let lost = self.diverges(&lhs) || self.diverges(&rhs);
        let wrong = |fx: &Self, ty| matches!(fx.ty_kind(ty), TyKind::Error);
        if wrong(self, lhs.ty) || wrong(self, rhs.ty) {
            return error_expr(span);
        }
        let mut ty = lhs.ty;
        if self.diverges(&lhs) {
            ty = rhs.ty;
        }
        let shift = matches!(op, BinOp::Shl | BinOp::Shr);
        let bits = matches!(op, BinOp::BitAnd | BinOp::BitOr | BinOp::BitXor);
        let fits = if shift {
            self.is_integer(ty) && (self.is_integer(rhs.ty) || self.diverges(&rhs))
        } else {
            let mut fits = self.is_integer(ty)
                || (!bits && self.is_number(ty))
                || (bits && matches!(self.ty_kind(ty), TyKind::Bool));
            if op == BinOp::Add && matches!(self.ty_kind(ty), TyKind::String | TyKind::List(_)) {
                fits = true;
            }
            fits && (lost || self.unify(lhs.ty, rhs.ty))
        };
        if !fits && !lost {
            return self.bad_operands(op, &lhs, &rhs, op_span, span);
        }
        if lost {
            ty = TyId::NEVER;
        }
        if matches!(self.ty_kind(lhs.ty), TyKind::String | TyKind::List(_)) && op == BinOp::Add {
            return Self::builtin(Builtin::Concat, vec![lhs, rhs], ty, span);
        }
        let (lhs, rhs) = (Box::new(lhs), Box::new(rhs));
        Expr { kind: ExprKind::Binary { op, overflow, lhs, rhs }, ty, span }
    }

    fn bad_operands(
        &mut self,
        op: BinOp,
        lhs: &Expr,
        rhs: &Expr,
        op_span: Span,
        span: Span,
    ) -> Expr {
        let (left, right) = (self.type_name(lhs.ty), self.type_name(rhs.ty));
        let title = if left == right {
            format!("`{}` cannot be applied to `{left}`", op.text())
        } else {
            format!("`{}` cannot be applied to `{left}` and `{right}`", op.text())
        };
        let text = left == "string" || right == "string";
        let open = |name: &str| name.starts_with('?') || name.starts_with("Result[");
        let future = left.starts_with("Future[") || right.starts_with("Future[");
        let mut report = self
            .error("TYPECK_E_OPERATOR", title, op_span)
            .also(lhs.span, format!("this is `{left}`"))
            .also(rhs.span, format!("this is `{right}`"));
        report = if future {
            report.help("`await` the future first")
        } else if open(&left) || open(&right) {
            report.help("take the value out first, with `??`, `?` or a match")
        } else if text && op == BinOp::Add {
            report.help("convert the other side: `… as string`")
        } else if left == right {
            report.help("write a procedure for it")
        } else {
            report.help("convert one of them with `as`: nothing is converted by itself")
        };
        report.push("no such operation");
        error_expr(span)
    }

    /// `== != < <= > >=`.
    fn compare(&mut self, op: BinOp, lhs: Expr, rhs: Expr, op_span: Span, span: Span) -> Expr {
        let equality = matches!(op, BinOp::Eq | BinOp::Ne);
        let wrong = |fx: &Self, ty| matches!(fx.ty_kind(ty), TyKind::Error);
        if wrong(self, lhs.ty) || wrong(self, rhs.ty) {
            return Expr { ty: TyId::BOOL, ..error_expr(span) };
        }
        let (lhs, rhs) = match (self.ty_kind(lhs.ty), self.ty_kind(rhs.ty)) {
            // `x == 1` where x may be null: the other side becomes an option.
            (TyKind::Option(_), kind) if equality && !matches!(kind, TyKind::Option(_)) => {
                let want = lhs.ty;
                match self.try_coerce(rhs, want) {
                    Ok(rhs) => (lhs, rhs),
                    Err(rhs) => return self.bad_operands(op, &lhs, &rhs, op_span, span),
                }
            }
            (kind, TyKind::Option(_)) if equality && !matches!(kind, TyKind::Option(_)) => {
                let want = rhs.ty;
                match self.try_coerce(lhs, want) {
                    Ok(lhs) => (lhs, rhs),
                    Err(lhs) => return self.bad_operands(op, &lhs, &rhs, op_span, span),
                }
            }
            _ => (lhs, rhs),
        };
        let lost = self.diverges(&lhs) || self.diverges(&rhs);
        if !lost && !self.unify(lhs.ty, rhs.ty) {
            return self.bad_operands(op, &lhs, &rhs, op_span, span);
        }
        let out = if lost { TyId::NEVER } else { TyId::BOOL };
        let kind = self.ty_kind(lhs.ty);
        let scalar = self.is_number(lhs.ty)
            || matches!(kind, TyKind::Char)
            || (matches!(kind, TyKind::Bool) && equality)
            || lost;
        if scalar {
            let (lhs, rhs) = (Box::new(lhs), Box::new(rhs));
            let kind = ExprKind::Binary { op, overflow: Overflow::Checked, lhs, rhs };
            return Expr { kind, ty: out, span };
        }
        if equality && self.comparable(lhs.ty) {
            let equal = Self::builtin(Builtin::Equal, vec![lhs, rhs], out, span);
            if op == BinOp::Eq {
                return equal;
            }
            let (op, overflow) = (UnOp::Not, Overflow::Checked);
            return Expr {
                kind: ExprKind::Unary { op, overflow, expr: Box::new(equal) },
                ty: out,
                span,
            };
        }
        if matches!(kind, TyKind::String) {
            let order = Self::builtin(Builtin::Compare, vec![lhs, rhs], TyId::INT, span);
            let zero = const_expr(Const::Int(0), TyId::INT, span);
            let (lhs, rhs) = (Box::new(order), Box::new(zero));
            let kind = ExprKind::Binary { op, overflow: Overflow::Checked, lhs, rhs };
            return Expr { kind, ty: out, span };
        }
        self.bad_operands(op, &lhs, &rhs, op_span, span)
    }

    /// Whether `==` says something about values of a type.
    pub(super) fn comparable(&mut self, ty: TyId) -> bool {
        let ty = self.deep(ty);
        let mut seen = Vec::new();
        self.comparable_in(ty, &mut seen)
    }

    fn comparable_in(&mut self, ty: TyId, seen: &mut Vec<TyId>) -> bool {
        if seen.contains(&ty) || seen.len() > 64 {
            return true;
        }
        seen.push(ty);
        match self.ty_kind(ty) {
            TyKind::Proc { .. }
            | TyKind::Param { .. }
            | TyKind::Future(_)
            | TyKind::Stream(_)
            | TyKind::Task(_)
            | TyKind::Channel(_)
            | TyKind::TaskScope
            | TyKind::TcpListener
            | TyKind::TcpStream
            | TyKind::Ref { .. } => false,
            TyKind::Adt(adt, args) => {
                let parts: Vec<TyId> = match &self.cx.adts[adt.0 as usize].kind {
                    hir::AdtKind::Form(fields) => fields.iter().map(|field| field.ty).collect(),
                    hir::AdtKind::Pick(arms) => arms
                        .iter()
                        .flat_map(|arm| arm.payload.iter().map(|field| field.ty))
                        .collect(),
                };
                parts.into_iter().all(|part| {
                    let part = self.cx.types.subst(part, &args);
                    self.comparable_in(part, seen)
                })
            }
            _ => {
                let parts = self.cx.types.parts(self.shallow(ty));
                parts.into_iter().all(|part| self.comparable_in(part, seen))
            }
        }
    }

    /// `e ?? d`.
    fn coalesce(&mut self, lhs: &'a ast::Expr, rhs: &'a ast::Expr, want: Want, span: Span) -> Expr {
        let left = self.expr(lhs, Want::Any);
        let left = self.deref(left);
        let (inner, good) = match self.ty_kind(left.ty) {
            TyKind::Option(inner) => (inner, VariantIdx::SOME),
            TyKind::Result(ok, _) => (ok, VariantIdx::OK),
            TyKind::Error | TyKind::Never => {
                self.expr(rhs, want);
                return error_expr(span);
            }
            _ => {
                let name = self.type_name(left.ty);
                let report =
                    self.error("TYPECK_E_OPERATOR", "`??` needs an option or a result", left.span);
                if name.starts_with("Future[") {
                    report.help("`await` the future first")
                } else {
                    report.help("leave `?? …` out: there always is a value")
                }
                .push(format!("this is `{name}`"));
                self.expr(rhs, want);
                return error_expr(span);
            }
        };
        let right = self.expr(rhs, Want::Ty(inner));
        let right = self.deref(right);
        if let ast::ExprKind::Binary { op, op_span, .. } = &rhs.kind
            && self.shallow(right.ty) == TyId::BOOL
            && !matches!(
                self.ty_kind(inner),
                TyKind::Bool | TyKind::Error | TyKind::Infer(_, InferKind::Any)
            )
        {
            let (name, op) = (self.type_name(inner), op.text());
            let title = format!("the value on the right of `??` is `bool`, not `{name}`");
            self.error("TYPECK_E_MISMATCH", title, *op_span)
                .note(format!("`{op}` binds more tightly than `??`"))
                .help(format!("write `(a ?? b) {op} c`"))
                .push("this is what stands on the right");
            return error_expr(span);
        }
        // The other value may be an option itself; then so is the whole.
        let right = match (self.ty_kind(right.ty), self.ty_kind(inner)) {
            (TyKind::Option(_), kind) if !matches!(kind, TyKind::Option(_)) => right,
            _ => self.coerce(right, inner),
        };
        self.unwrap(left, inner, good, None, right, MatchSource::Coalesce, span)
    }

    /// `x in xs`.
    fn contains(
        &mut self,
        lhs: &'a ast::Expr,
        rhs: &'a ast::Expr,
        negated: bool,
        span: Span,
    ) -> Expr {
        if let ast::ExprKind::Range { lo: Some(lo), hi: Some(hi), inclusive } = &rhs.kind {
            return self.in_range(lhs, lo, hi, *inclusive, negated, span);
        }
        let left = self.expr(lhs, Want::Any);
        let left = self.deref(left);
        let right = self.expr(rhs, Want::Any);
        let right = self.deref(right);
        let (op, item) = match self.ty_kind(right.ty) {
            TyKind::List(item) | TyKind::Array(item, _) => (Builtin::InList, item),
            TyKind::String => (Builtin::InString, TyId::STRING),
            _ => return self.bad_operand("in", &right, "a list or string on the right", span),
        };
        let left = self.coerce(left, item);
        if op == Builtin::InList && !self.is_number(item) && !self.comparable(item) {
            return self.bad_operand("in", &left, "elements that can be compared", span);
        }
        let test = Self::builtin(op, vec![left, right], TyId::BOOL, span);
        if negated { not(test) } else { test }
    }

    fn in_range(
        &mut self,
        lhs: &'a ast::Expr,
        lo: &'a ast::Expr,
        hi: &'a ast::Expr,
        inclusive: bool,
        negated: bool,
        span: Span,
    ) -> Expr {
        let value = self.expr(lhs, Want::Any);
        let value = self.deref(value);
        let ty = value.ty;
        if !self.is_number(ty) && !matches!(self.ty_kind(ty), TyKind::Char) {
            return self.bad_operand("in", &value, "a number or character on the left", span);
        }
        let mut stmts = Vec::new();
        let mut locals = Vec::new();
        let lo = self.expr_as(lo, ty);
        let hi = self.expr_as(hi, ty);
        for (name, init) in [("<value>", value), ("<lo>", lo), ("<hi>", hi)] {
            let local = self.local(name, ty, init.span);
            locals.push(local);
            stmts.push(hir::Stmt { kind: hir::StmtKind::Let { local, init }, span });
        }
        let test = |fx: &mut Self, op, a, b| {
            let (lhs, rhs) = (Box::new(fx.load(a, span)), Box::new(fx.load(b, span)));
            let kind = ExprKind::Binary { op, overflow: Overflow::Checked, lhs, rhs };
            Expr { kind, ty: TyId::BOOL, span }
        };
        let below = test(self, BinOp::Le, locals[1], locals[0]);
        let op = if inclusive { BinOp::Le } else { BinOp::Lt };
        let above = test(self, op, locals[0], locals[2]);
        let kind = ExprKind::If {
            cond: Box::new(below),
            then: Box::new(above),
            otherwise: Some(Box::new(const_expr(Const::Bool(false), TyId::BOOL, span))),
        };
        let value = Some(Box::new(Expr { kind, ty: TyId::BOOL, span }));
        let kind = ExprKind::Block(Box::new(hir::Block { stmts, value }));
        let whole = Expr { kind, ty: TyId::BOOL, span };
        if negated { not(whole) } else { whole }
    }

    /// `e as T`.
    pub(super) fn cast(&mut self, inner: &'a ast::Expr, ty: &'a ast::TypeExpr, span: Span) -> Expr {
        let to = self.type_of(ty);
        let value = self.expr(inner, Want::Any);
        let mut value = self.deref(value);
        if to == TyId::ERROR || matches!(self.ty_kind(value.ty), TyKind::Error) {
            return error_expr(span);
        }
        if to == TyId::STRING {
            return self.stringify(value);
        }
        let (from, kind) = (self.ty_kind(value.ty), self.ty_kind(to));
        let int = |kind: &TyKind| matches!(kind, TyKind::Int(_) | TyKind::Infer(_, InferKind::Int));
        let float = |kind: &TyKind| {
            matches!(kind, TyKind::F32 | TyKind::F64 | TyKind::Infer(_, InferKind::Float))
        };
        let fits = match (&from, &kind) {
            (TyKind::Never, _) => true,
            (a, b) if (int(a) || float(a)) && (int(b) || float(b)) => true,
            (TyKind::Bool | TyKind::Char, b) => int(b),
            (a, TyKind::Char) => int(a),
            (TyKind::Adt(adt, _), b) => int(b) && self.plain_pick(*adt),
            _ => false,
        };
        if fits {
            // A literal takes the type it is converted to only if it fits: 300 as u8 wraps.
            return Expr { kind: ExprKind::Cast(Box::new(value)), ty: to, span };
        }
        match self.try_coerce(value, to) {
            Ok(mut same) => {
                same.span = span;
                return same;
            }
            Err(back) => value = back,
        }
        let (from, to) = (self.type_name(value.ty), self.type_name(to));
        self.error("TYPECK_E_CAST", format!("`{from}` cannot be converted to `{to}`"), span)
            .note("`as` converts between numbers, from `bool`, `char` and plain picks to integers, and anything printable to `string`")
            .help(if from == "string" {
                "read a number with `parse_int(s)` or `parse_float(s)`"
            } else {
                "write a procedure that makes the one of the other"
            })
            .push(format!("this is `{from}`"));
        error_expr(span)
    }

    /// Whether a pick has no payload at all.
    pub(super) fn plain_pick(&self, adt: super::types::AdtId) -> bool {
        match &self.cx.adts[adt.0 as usize].kind {
            hir::AdtKind::Pick(arms) => arms.iter().all(|arm| arm.payload.is_empty()),
            hir::AdtKind::Form(_) => false,
        }
    }

    /// A value as text, as `as string` makes it.
    pub(super) fn stringify(&mut self, value: Expr) -> Expr {
        let value = self.deref(value);
        let span = value.span;
        let fits = match self.ty_kind(value.ty) {
            TyKind::String | TyKind::Never => return value,
            TyKind::Error => return Expr { ty: TyId::STRING, ..error_expr(span) },
            TyKind::Int(_)
            | TyKind::F32
            | TyKind::F64
            | TyKind::Bool
            | TyKind::Char
            | TyKind::Unit
            | TyKind::Infer(_, InferKind::Int | InferKind::Float) => true,
            TyKind::Adt(adt, _) => self.plain_pick(adt),
            _ => self.deep(value.ty) == TyId::BYTES,
        };
        if !fits {
            let name = self.type_name(value.ty);
            let report = self.error("TYPECK_E_PRINT", format!("`{name}` has no text form"), span);
            if name.starts_with("Future[") {
                report.help("`await` the future first")
            } else if name.starts_with('?') || name.starts_with("Result[") {
                report.help("take the value out first, with `??`, `?` or a match")
            } else {
                report.help("print its parts, which are numbers, texts, truth values or characters")
            }
            .push(format!("this is `{name}`"));
            return Expr { ty: TyId::STRING, ..error_expr(span) };
        }
        Self::builtin(Builtin::ToString, vec![value], TyId::STRING, span)
    }
}

/// The negation of a truth value.
fn not(expr: Expr) -> Expr {
    let span = expr.span;
    let (op, overflow) = (UnOp::Not, Overflow::Checked);
    Expr { kind: ExprKind::Unary { op, overflow, expr: Box::new(expr) }, ty: TyId::BOOL, span }
}

/// The operator here of an operator there, short-circuit ones and `in` apart.
pub(super) fn bin_op(op: ast::BinaryOp) -> BinOp {
    use ast::BinaryOp as B;
    match op {
        B::BitOr | B::Or => BinOp::BitOr,
        B::BitXor => BinOp::BitXor,
        B::BitAnd | B::And => BinOp::BitAnd,
        B::Eq | B::In | B::NotIn | B::Coalesce => BinOp::Eq,
        B::Ne => BinOp::Ne,
        B::Lt => BinOp::Lt,
        B::Le => BinOp::Le,
        B::Gt => BinOp::Gt,
        B::Ge => BinOp::Ge,
        B::Shl => BinOp::Shl,
        B::Shr => BinOp::Shr,
        B::Add => BinOp::Add,
        B::Sub => BinOp::Sub,
        B::Mul => BinOp::Mul,
        B::Div => BinOp::Div,
        B::Rem => BinOp::Rem,
    }
}
