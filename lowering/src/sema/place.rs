//! Places: assignment, indexing, slices, elements of tuples.

use super::body::{Fx, Named, Want, const_expr, error_expr};
use super::call;
use super::hir::{
    self, Appended, BinOp, Const, Expr, ExprKind, Overflow, Place, PlaceBase, Projection,
    ProjectionKind,
};
use super::items::Def;
use super::ops::bin_op;
use super::std::Builtin;
use super::types::{TyId, TyKind};
use crate::diagnostics::Span;
use crate::syntax::ast;

impl<'a> Fx<'_, 'a, '_> {
    /// `set place = value`, `place op= value`.
    pub(super) fn assign(
        &mut self,
        place: &'a ast::Expr,
        op: Option<ast::BinaryOp>,
        op_span: Span,
        value: &'a ast::Expr,
        span: Span,
    ) -> Expr {
        if let (ast::ExprKind::Tuple(places), None) = (&place.kind, op) {
            return self.assign_tuple(places, value, span);
        }
        if let (ast::ExprKind::Name(name), None) = (&place.kind, op)
            && name.name == "_"
        {
            let value = self.expr(value, Want::Any);
            let stmts = vec![hir::Stmt { span, kind: hir::StmtKind::Expr(value) }];
            let block = hir::Block { stmts, value: None };
            return Expr { kind: ExprKind::Block(Box::new(block)), ty: TyId::UNIT, span };
        }
        let Some(target) = self.place(place) else {
            self.expr(value, Want::Any);
            return error_expr(span);
        };
        let ty = target.ty;
        if let PlaceBase::Local(local) = target.base
            && target.path.is_empty()
        {
            self.locals[local.0 as usize].assigned = true;
            self.locals[local.0 as usize].future_of = None;
            if matches!(self.ty_kind(ty), TyKind::Ref { .. }) {
                self.error("TYPECK_E_REF_ESCAPES", "a reference is assigned", span)
                    .note("it might outlive what it refers to")
                    .help("declare another local with `let`")
                    .push("references are bound once");
            }
        }
        match op {
            None => {
                if let Some(append) = self.append(&target, place, value, span) {
                    return append;
                }
                let value = Box::new(self.expr_as(value, ty));
                Expr { kind: ExprKind::Assign { place: target, value }, ty: TyId::UNIT, span }
            }
            Some(op) => self.update(target, op, op_span, value, span),
        }
    }

    fn update(
        &mut self,
        place: Place,
        op: ast::BinaryOp,
        op_span: Span,
        value: &'a ast::Expr,
        span: Span,
    ) -> Expr {
        let ty = place.ty;
        let hir_op = bin_op(op);
        let shift = matches!(hir_op, BinOp::Shl | BinOp::Shr);
        let known = !matches!(
            op,
            ast::BinaryOp::And
                | ast::BinaryOp::Or
                | ast::BinaryOp::Coalesce
                | ast::BinaryOp::In
                | ast::BinaryOp::NotIn
        ) && !hir_op.is_comparison();
        if !known {
            let what = format!("`{}=`", op.text());
            return self.unsupported(&what, op_span);
        }
        if hir_op == BinOp::Add && matches!(self.ty_kind(ty), TyKind::String | TyKind::List(_)) {
            let what = match (&value.kind, self.ty_kind(ty)) {
                (ast::ExprKind::List(items), TyKind::List(item)) => Appended::Elements(
                    items.iter().map(|value| self.expr_as(value, item)).collect(),
                ),
                _ => Appended::All(Box::new(self.expr_as(value, ty))),
            };
            return Expr { kind: ExprKind::Append { place, what }, ty: TyId::UNIT, span };
        }
        let is_array = matches!(self.ty_kind(ty), TyKind::Array(..));
        let hint = if shift || is_array { Want::Any } else { Want::Ty(ty) };
        let value = self.expr(value, hint);
        let value = self.deref(value);
        let bits = matches!(hir_op, BinOp::BitAnd | BinOp::BitOr | BinOp::BitXor);
        let fits = if shift || bits {
            self.is_integer(ty) || (bits && matches!(self.ty_kind(ty), TyKind::Bool))
        } else {
            self.is_number(ty)
        };
        if matches!(self.ty_kind(ty), TyKind::Error) {
            return error_expr(span);
        }
        if !fits {
            let whole = self.load_place(place);
            return self.bad_operand(&format!("{}=", op.text()), &whole, "a number", span);
        }
        let value = if shift {
            if !self.is_integer(value.ty) {
                return self.bad_operand(op.text(), &value, "an integer", span);
            }
            value
        } else {
            self.coerce(value, ty)
        };
        let (op, overflow, value) = (hir_op, Overflow::Checked, Box::new(value));
        Expr { kind: ExprKind::Update { place, op, overflow, value }, ty: TyId::UNIT, span }
    }

    /// `set xs = xs + …` as an append, if that means the same.
    fn append(
        &mut self,
        target: &Place,
        place: &'a ast::Expr,
        value: &'a ast::Expr,
        span: Span,
    ) -> Option<Expr> {
        let ast::ExprKind::Binary { op: ast::BinaryOp::Add, lhs, rhs, .. } = &value.kind else {
            return None;
        };
        let kind = self.ty_kind(target.ty);
        let simple = matches!(target.base, PlaceBase::Local(_))
            && target.path.iter().all(|step| matches!(step.kind, ProjectionKind::Field(_)))
            && matches!(kind, TyKind::String | TyKind::List(_));
        let PlaceBase::Local(local) = target.base else { return None };
        if !simple || !same_path(place, lhs) || self.locals[local.0 as usize].referenced {
            return None;
        }
        let (what, calm) = match (&rhs.kind, &kind) {
            (ast::ExprKind::List(items), TyKind::List(item)) => {
                let item = *item;
                let items: Vec<Expr> =
                    items.iter().map(|value| self.expr_as(value, item)).collect();
                let calm = items.iter().all(|value| Self::calm(value, target.path.is_empty()));
                (Appended::Elements(items), calm)
            }
            _ => {
                let value = self.expr_as(rhs, target.ty);
                let calm = Self::calm(&value, target.path.is_empty());
                (Appended::All(Box::new(value)), calm)
            }
        };
        if calm {
            let kind = ExprKind::Append { place: target.clone(), what };
            return Some(Expr { kind, ty: TyId::UNIT, span });
        }
        let old = self.load_place(target.clone());
        let rest = match what {
            Appended::All(value) => *value,
            Appended::Elements(items) => {
                Expr { kind: ExprKind::List(items), ty: target.ty, span: rhs.span }
            }
        };
        let sum = call::concat(old, rest, target.ty, value.span);
        let kind = ExprKind::Assign { place: target.clone(), value: Box::new(sum) };
        Some(Expr { kind, ty: TyId::UNIT, span })
    }

    /// Whether evaluating a value cannot assign the place appended to. Calls cannot assign a
    /// local, but could assign a field.
    fn calm(expr: &Expr, whole_local: bool) -> bool {
        let all = |list: &[Expr]| list.iter().all(|expr| Self::calm(expr, whole_local));
        match &expr.kind {
            ExprKind::Const(_) | ExprKind::None | ExprKind::ProcValue(_) => true,
            ExprKind::Load { place, .. } => {
                place.path.iter().all(|step| match &step.kind {
                    ProjectionKind::Index(index) => Self::calm(index, whole_local),
                    _ => true,
                }) && matches!(place.base, PlaceBase::Local(_) | PlaceBase::Static(_))
            }
            ExprKind::Binary { lhs, rhs, .. } => {
                Self::calm(lhs, whole_local) && Self::calm(rhs, whole_local)
            }
            ExprKind::Unary { expr, .. }
            | ExprKind::Cast(expr)
            | ExprKind::Some(expr)
            | ExprKind::Ok(expr)
            | ExprKind::Err(expr) => Self::calm(expr, whole_local),
            ExprKind::Builtin { args, .. }
            | ExprKind::Tuple(args)
            | ExprKind::List(args)
            | ExprKind::Variant { args, .. } => all(args),
            ExprKind::Call(call) => whole_local && all(&call.args),
            ExprKind::If { cond, then, otherwise } => {
                Self::calm(cond, whole_local)
                    && Self::calm(then, whole_local)
                    && otherwise.as_ref().is_none_or(|other| Self::calm(other, whole_local))
            }
            ExprKind::Match { scrutinee, arms, .. } => {
                Self::calm(scrutinee, whole_local)
                    && arms.iter().all(|arm| {
                        arm.guard.as_ref().is_none_or(|guard| Self::calm(guard, whole_local))
                            && Self::calm(&arm.body, whole_local)
                    })
            }
            ExprKind::Await(what) | ExprKind::Spawn { what, .. } => {
                whole_local && Self::calm_awaitable(what)
            }
            _ => false,
        }
    }

    fn calm_awaitable(awaitable: &hir::Awaitable) -> bool {
        let all = |list: &[Expr]| list.iter().all(|expr| Self::calm(expr, true));
        match &awaitable.kind {
            hir::AwaitableKind::Call(call) => all(&call.args),
            hir::AwaitableKind::CallValue { callee, args } => Self::calm(callee, true) && all(args),
            hir::AwaitableKind::Op { args, .. } => all(args),
            hir::AwaitableKind::Future(value) | hir::AwaitableKind::Task(value) => {
                Self::calm(value, true)
            }
            hir::AwaitableKind::Join(branches) => branches.iter().all(Self::calm_awaitable),
            hir::AwaitableKind::Timeout { ms, of } => {
                Self::calm(ms, true) && Self::calm_awaitable(of)
            }
        }
    }

    fn assign_tuple(&mut self, places: &'a [ast::Expr], value: &'a ast::Expr, span: Span) -> Expr {
        let value = self.expr(value, Want::Any);
        let value = self.deref(value);
        let TyKind::Tuple(types) = self.ty_kind(value.ty) else {
            return self.bad_operand("=", &value, "a tuple of as many values", span);
        };
        if types.len() != places.len() {
            let title = format!("{} places for {} values", places.len(), types.len());
            self.error("TYPECK_E_MISMATCH", title, span)
                .help("write one place for each element; `_` drops one")
                .push("the numbers differ");
            return error_expr(span);
        }
        let mut parts = Vec::new();
        let mut locals = Vec::new();
        for &ty in &types {
            let local = self.local("<part>", ty, span);
            locals.push(local);
            let kind = hir::PatternKind::Bind(local);
            parts.push(hir::Pattern { kind, ty, span });
        }
        let pattern =
            hir::Pattern { kind: hir::PatternKind::Tuple(parts), ty: value.ty, span: value.span };
        let mut stmts =
            vec![hir::Stmt { kind: hir::StmtKind::LetPattern { pattern, init: value }, span }];
        for (place, local) in places.iter().zip(locals) {
            if matches!(&place.kind, ast::ExprKind::Name(name) if name.name == "_") {
                continue;
            }
            let Some(target) = self.place(place) else { continue };
            if let (PlaceBase::Local(to), true) = (&target.base, target.path.is_empty()) {
                self.locals[to.0 as usize].assigned = true;
                self.locals[to.0 as usize].future_of = None;
            }
            let part = self.load(local, place.span);
            let part = self.coerce(part, target.ty);
            let kind = ExprKind::Assign { place: target, value: Box::new(part) };
            let expr = Expr { kind, ty: TyId::UNIT, span: place.span };
            stmts.push(hir::Stmt { kind: hir::StmtKind::Expr(expr), span: place.span });
        }
        let block = hir::Block { stmts, value: None };
        Expr { kind: ExprKind::Block(Box::new(block)), ty: TyId::UNIT, span }
    }

    /// A place that can be assigned.
    fn place(&mut self, expr: &'a ast::Expr) -> Option<Place> {
        if let ast::ExprKind::Name(name) = &expr.kind {
            match self.lookup(&name.name) {
                Some(Named::Def(Def::Static(id))) => {
                    let info = &self.cx.statics[id.0 as usize];
                    if !info.item.mutable {
                        let at = info.item.name.span;
                        let title = format!("the static `{}` cannot be assigned", name.name);
                        self.error("SEMA_E_NOT_A_PLACE", title, expr.span)
                            .also(at, "declared here")
                            .help("declare it as `static mut`, if it is a number, truth value or character")
                            .push("it never changes");
                        return None;
                    }
                }
                Some(Named::Def(Def::Const(_))) => {
                    let title = format!("the constant `{}` cannot be assigned", name.name);
                    self.error("SEMA_E_NOT_A_PLACE", title, expr.span)
                        .help("make it a `let` or a `static mut`")
                        .push("a constant never changes");
                    return None;
                }
                None if !name.name.is_empty() => {
                    let title = format!("there is no `{}` to assign", name.name);
                    self.error("SEMA_E_UNRESOLVED_NAME", title, expr.span)
                        .help(format!("declare it first: `let {} = …`", name.name))
                        .push("this name is not declared");
                    return None;
                }
                _ => {}
            }
        }
        let value = self.expr(expr, Want::Any);
        if matches!(self.ty_kind(value.ty), TyKind::Error) {
            return None;
        }
        if let ast::ExprKind::Index { base, .. } = &expr.kind
            && let ExprKind::Builtin { op: Builtin::ByteAt, .. } = &value.kind
        {
            self.error("SEMA_E_NOT_A_PLACE", "a string cannot be changed", base.span)
                .note("strings are immutable and shared")
                .help("make a new string from slices: `s[:i] + t + s[j:]`")
                .push("this is a string");
            return None;
        }
        match value.kind {
            ExprKind::Load { place, .. } => {
                // An element, or a field of a counted form, can be assigned through any value; a
                // temporary alone cannot.
                let temp = matches!(place.base, PlaceBase::Temp(_))
                    && !place.path.iter().any(|step| {
                        matches!(step.kind, ProjectionKind::Field(_) | ProjectionKind::Index(_))
                    });
                let frozen = matches!(place.base, PlaceBase::Static(_)) && !place.path.is_empty();
                if temp || frozen {
                    return self.no_place(expr.span);
                }
                // A reference stands for what it refers to.
                if let TyKind::Ref { mutable, target } = self.ty_kind(place.ty)
                    && matches!(expr.kind, ast::ExprKind::Name(_))
                {
                    let mut place = place;
                    let (kind, span) = (ProjectionKind::Deref, place.span);
                    place.path.push(Projection { kind, ty: target, span });
                    place.ty = target;
                    self.check_writable(mutable, expr.span);
                    return Some(place);
                }
                self.check_path(&place, expr.span);
                Some(place)
            }
            _ => self.no_place(expr.span),
        }
    }

    fn check_path(&mut self, place: &Place, span: Span) {
        let start = match &place.base {
            PlaceBase::Local(local) => self.locals[local.0 as usize].ty,
            _ => return,
        };
        if let (Some(first), TyKind::Ref { mutable, .. }) =
            (place.path.first(), self.ty_kind(start))
            && matches!(first.kind, ProjectionKind::Deref)
            && !place.path.iter().any(|step| {
                matches!(step.kind, ProjectionKind::Field(_) | ProjectionKind::Index(_))
            })
        {
            self.check_writable(mutable, span);
        }
    }

    fn check_writable(&mut self, mutable: bool, span: Span) {
        if !mutable {
            self.error("SEMA_E_NOT_A_PLACE", "this reference is for reading only", span)
                .help("make it `&mut T`, and pass `&mut x`")
                .push("assigned through a `&`");
        }
    }

    fn no_place(&mut self, span: Span) -> Option<Place> {
        self.error("SEMA_E_NOT_A_PLACE", "this cannot be assigned", span)
            .help("assign to a name, a field or an element")
            .push("a value, not a place");
        None
    }

    /// `base.0`.
    pub(super) fn tuple_field(
        &mut self,
        base: &'a ast::Expr,
        index: u32,
        index_span: Span,
        span: Span,
    ) -> Expr {
        let value = self.expr(base, Want::Any);
        let value = self.deref(value);
        let ty = match self.ty_kind(value.ty) {
            TyKind::Tuple(elems) => elems.get(index as usize).copied(),
            TyKind::Error | TyKind::Never => return error_expr(span),
            _ => None,
        };
        let Some(ty) = ty else {
            let name = self.type_name(value.ty);
            let title = format!("`{name}` has no element {index}");
            self.error("SEMA_E_NO_FIELD", title, index_span)
                .help("the elements of a tuple are counted from 0")
                .push("this element does not exist");
            return error_expr(span);
        };
        let mut place = Self::as_place(value);
        let kind = ProjectionKind::TupleField(index);
        place.path.push(Projection { kind, ty, span: index_span });
        (place.ty, place.span) = (ty, span);
        self.load_place(place)
    }

    /// `base[index]`.
    pub(super) fn index(&mut self, base: &'a ast::Expr, index: &'a ast::Expr, span: Span) -> Expr {
        if let ast::ExprKind::Range { lo, hi, inclusive } = &index.kind {
            if *inclusive {
                return self.unsupported("a slice by an inclusive range", index.span);
            }
            return self.slice(base, lo.as_deref(), hi.as_deref(), None, span);
        }
        let value = self.expr(base, Want::Any);
        let value = self.deref(value);
        let kind = self.ty_kind(value.ty);
        if matches!(kind, TyKind::Error | TyKind::Never) {
            self.expr(index, Want::Any);
            return error_expr(span);
        }
        let index = self.expr(index, Want::Any);
        let index = self.deref(index);
        if !self.is_integer(index.ty)
            && !matches!(self.ty_kind(index.ty), TyKind::Error | TyKind::Never)
        {
            let name = self.type_name(index.ty);
            self.error("TYPECK_E_INDEX", "an index must be an integer", index.span)
                .help("elements are counted from 0")
                .push(format!("this is `{name}`"));
            return error_expr(span);
        }
        match kind {
            TyKind::List(item) | TyKind::Array(item, _) => {
                let mut place = Self::as_place(value);
                let kind = ProjectionKind::Index(Box::new(index));
                place.path.push(Projection { kind, ty: item, span });
                (place.ty, place.span) = (item, span);
                self.load_place(place)
            }
            TyKind::String => {
                let index = self.coerce(index, TyId::INT);
                Self::builtin(Builtin::ByteAt, vec![value, index], TyId::U8, span)
            }
            _ => {
                let name = self.type_name(value.ty);
                let report =
                    self.error("TYPECK_E_INDEX", format!("`{name}` has no elements"), span);
                if name.starts_with('(') {
                    report.help("the elements of a tuple are `.0`, `.1` and so on")
                } else {
                    report.help("lists and strings can be indexed")
                }
                .push("indexed here");
                error_expr(span)
            }
        }
    }

    /// `base[lo:hi]`.
    pub(super) fn slice(
        &mut self,
        base: &'a ast::Expr,
        lo: Option<&'a ast::Expr>,
        hi: Option<&'a ast::Expr>,
        step: Option<&'a ast::Expr>,
        span: Span,
    ) -> Expr {
        if let Some(step) = step {
            return self.unsupported("a slice with a step", step.span);
        }
        let value = self.expr(base, Want::Any);
        let value = self.deref(value);
        let ty = value.ty;
        let part_ty = match self.ty_kind(ty) {
            TyKind::List(_) | TyKind::String => ty,
            TyKind::Array(item, _) => self.cx.types.list(item),
            TyKind::Error | TyKind::Never => return error_expr(span),
            _ => {
                let name = self.type_name(ty);
                self.error("TYPECK_E_INDEX", format!("`{name}` cannot be sliced"), span)
                    .help("lists and strings can be sliced")
                    .push("sliced here");
                return error_expr(span);
            }
        };
        let lo = match lo {
            Some(lo) => self.expr_as(lo, TyId::INT),
            None => const_expr(Const::Int(0), TyId::INT, span),
        };
        if let Some(hi) = hi {
            let hi = self.expr_as(hi, TyId::INT);
            return Self::builtin(Builtin::Slice, vec![value, lo, hi], part_ty, span);
        }
        // Without an end: the length, of the same value.
        let mut stmts = Vec::new();
        let held = self.local("<sliced>", ty, value.span);
        let kind = hir::StmtKind::Let { local: held, init: value };
        stmts.push(hir::Stmt { kind, span });
        let whole = self.load(held, span);
        let len = Self::builtin(Builtin::Len, vec![self.load(held, span)], TyId::INT, span);
        let part = Self::builtin(Builtin::Slice, vec![whole, lo, len], part_ty, span);
        let block = hir::Block { stmts, value: Some(Box::new(part)) };
        Expr { kind: ExprKind::Block(Box::new(block)), ty: part_ty, span }
    }
}

/// Whether two expressions are the same name, or the same field of the same name.
fn same_path(a: &ast::Expr, b: &ast::Expr) -> bool {
    match (&a.kind, &b.kind) {
        (ast::ExprKind::Name(x), ast::ExprKind::Name(y)) => x.name == y.name,
        (ast::ExprKind::Field { base: a, name: x }, ast::ExprKind::Field { base: b, name: y }) => {
            x.name == y.name && same_path(a, b)
        }
        _ => false,
    }
}
