//! Expressions: the dispatcher, literals, names and control flow.
//!
//! The dispatcher is small on purpose: it recurses with the depth of the source, so what one kind
//! of expression needs on the stack must not burden the others.

use super::body::{BodyKind, Fx, Named, Want, const_expr, error_expr, unit_expr};
use super::hir::{self, Const, Expr, ExprKind, MatchSource, ProcKind};
use super::items::{Def, ParamInfo, ProcInfo};
use super::std::StdProc;
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
                if matches!(float, TyKind::F32 | TyKind::F64) {
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

    fn name(&mut self, name: &'a ast::Ident, want: Want) -> Expr {
        match self.lookup(&name.name) {
            Some(Named::Local(local)) => self.load(local, name.span),
            Some(Named::Outer(at)) => self.capture(name, at),
            Some(Named::Def(def)) => self.def_value(def, None, want, name.span),
            None if name.name.is_empty() => error_expr(name.span),
            None => self.unresolved(name),
        }
    }

    fn capture(&mut self, name: &ast::Ident, at: Span) -> Expr {
        let title = format!("a closure cannot use the local `{}`", name.name);
        self.error("SEMA_E_CAPTURE", title, name.span)
            .also(at, "declared outside of it")
            .note("closures are compiled without an environment")
            .help("pass it as an argument")
            .push("this belongs to the procedure around");
        error_expr(name.span)
    }

    /// Reports a name that means nothing.
    pub(super) fn unresolved(&mut self, name: &ast::Ident) -> Expr {
        let title = format!("there is no `{}` here", name.name);
        let near = self.similar(&name.name);
        let home = super::std::home(&name.name);
        let mut report = self.error("SEMA_E_UNRESOLVED_NAME", title, name.span);
        report = match (home, near) {
            (Some(module), _) => {
                report.help(format!("add `use std/{module}.{{{}}}` at the top", name.name))
            }
            (None, Some(near)) => report.help(format!("perhaps you mean `{near}`")),
            (None, None) => report.help("declare it with `let`, `const` or `proc`, or `use` it"),
        };
        report.push("this name is not declared");
        error_expr(name.span)
    }

    /// A visible name that differs by one or two letters.
    fn similar(&self, name: &str) -> Option<String> {
        let mut known: Vec<&str> = Vec::new();
        for scope in self.scopes.iter().rev() {
            known.extend(scope.keys().map(String::as_str));
        }
        known.extend(self.cx.modules[self.module as usize].names.keys().map(String::as_str));
        for name in super::std::names() {
            known.push(name);
        }
        let limit = if name.chars().count() < 4 { 1 } else { 2 };
        known
            .into_iter()
            .map(|known| (distance(name, known), known))
            .filter(|(distance, _)| *distance <= limit)
            .min()
            .map(|(_, known)| known.to_owned())
    }

    /// An item as a value. `type_args` are those written in brackets.
    pub(super) fn def_value(
        &mut self,
        def: Def,
        type_args: Option<&'a [ast::TypeExpr]>,
        want: Want,
        span: Span,
    ) -> Expr {
        match def {
            Def::Proc(id) => {
                let Some((params, result, callee)) = self.callee(id, type_args, span) else {
                    return error_expr(span);
                };
                let kind = self.cx.procs[id.0 as usize].kind;
                if kind == ProcKind::Stream {
                    return self.unsupported("a procedure that emits as a value", span);
                }
                let is_async = kind == ProcKind::Async;
                let ty = self.cx.types.intern(TyKind::Proc { is_async, params, result });
                Expr { kind: ExprKind::ProcValue(callee), ty, span }
            }
            Def::Const(id) => match self.cx.const_value(id) {
                Some(mut value) => {
                    respan(&mut value, span);
                    value
                }
                None => error_expr(span),
            },
            Def::Static(id) => {
                if self.kind == BodyKind::Const {
                    return self.not_const("a static", span);
                }
                let ty = self.cx.statics[id.0 as usize].ty;
                let base = hir::PlaceBase::Static(id);
                self.load_place(hir::Place { base, path: Vec::new(), ty, span })
            }
            Def::StdType("None") => self.null(want, span),
            Def::Error => error_expr(span),
            Def::Std(StdProc::TaskScope) => {
                self.error("SEMA_E_NOT_A_VALUE", "`task_scope()` outside `with`", span)
                    .note("a scope must end somewhere: at the end of its block")
                    .help("write `with task_scope() as s { … }`")
                    .push("used as a value");
                error_expr(span)
            }
            Def::Std(_) => self.unsupported("a procedure of std as a value", span),
            Def::Adt(_) | Def::Alias(_) | Def::StdType(_) | Def::Trait => {
                self.error("SEMA_E_NOT_A_VALUE", "a type stands where a value is needed", span)
                    .help("make a value: `F { field: … }` of a form, `P.Arm` of a pick")
                    .push("this is a type");
                error_expr(span)
            }
            Def::Module(_) | Def::StdModule(_) => {
                self.error("SEMA_E_NOT_A_VALUE", "a module stands where a value is needed", span)
                    .help("name one of its members: `module.name`")
                    .push("this is a module");
                error_expr(span)
            }
        }
    }

    fn path(&mut self, path: &'a ast::Path, want: Want) -> Expr {
        match self.path_value(path) {
            Some(Target::Def(def)) => self.def_value(def, None, want, path.span),
            Some(Target::Member(adt, args, name)) => {
                self.member_value(adt, &args, name, want, path.span)
            }
            None => error_expr(path.span),
        }
    }

    /// What a path with `::` names; reports if nothing.
    pub(super) fn path_value(&mut self, path: &'a ast::Path) -> Option<Target<'a>> {
        let [parents @ .., last] = path.segments.as_slice() else { return None };
        if parents.is_empty() {
            return match self.lookup(&last.name) {
                Some(Named::Def(def)) => Some(Target::Def(def)),
                _ => {
                    self.unresolved(last);
                    None
                }
            };
        }
        match self.cx.path_def(parents, self.module) {
            Some(Def::Adt(adt)) => {
                let n = self.cx.adts[adt.0 as usize].generics.len();
                let args = (0..n).map(|_| self.fresh()).collect();
                Some(Target::Member(adt, args, last))
            }
            Some(def) => match self.cx.module_member(def, &last.name) {
                Some(def) => Some(Target::Def(def)),
                None => {
                    self.unresolved(last);
                    None
                }
            },
            None => {
                self.unresolved(&parents[0]);
                None
            }
        }
    }

    /// `base[T]` without a call: a generic procedure as a value, or an index.
    fn instantiate(
        &mut self,
        base: &'a ast::Expr,
        args: &'a [ast::TypeExpr],
        index: Option<&'a ast::Expr>,
        want: Want,
        span: Span,
    ) -> Expr {
        if let (Some(index), true) = (index, self.is_value(base)) {
            return self.index(base, index, span);
        }
        let def = match &base.kind {
            ast::ExprKind::Name(name) => match self.lookup(&name.name) {
                Some(Named::Def(def)) => Some(def),
                _ => None,
            },
            ast::ExprKind::Path(path) => self.cx.path_def(&path.segments, self.module),
            _ => None,
        };
        match def {
            Some(def) => self.def_value(def, Some(args), want, span),
            None => self.unsupported("type arguments here", span),
        }
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
        let item = match want {
            Want::Ty(ty) => match self.hinted(ty) {
                TyKind::List(item) => item,
                _ => self.fresh(),
            },
            _ => self.fresh(),
        };
        let mut values = Vec::new();
        for elem in elems {
            values.push(self.expr_as(elem, item));
        }
        let ty = self.cx.types.list(item);
        Expr { kind: ExprKind::List(values), ty, span }
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

    fn if_chain(&mut self, chain: &'a ast::If, at: usize, want: Want, span: Span) -> Expr {
        let Some((cond, block)) = chain.branches.get(at) else { return unit_expr(span) };
        let cond = self.expr_as(cond, TyId::BOOL);
        let last = at + 1 == chain.branches.len();
        // Without `else` there is no value to want.
        let inner = if chain.otherwise.is_none() { Want::Effect } else { want };
        let then = self.block(block, inner);
        let hint = match inner {
            Want::Any if !self.diverges(&then) => Want::Ty(then.ty),
            other => other,
        };
        let otherwise = match (&chain.otherwise, last) {
            (Some(block), true) => Some(self.block(block, hint)),
            (None, true) => None,
            (_, false) => {
                let rest = Span { lo: chain.branches[at + 1].0.span.lo, ..span };
                Some(self.if_chain(chain, at + 1, hint, rest))
            }
        };
        self.if_(cond, then, otherwise, inner, span)
    }

    /// Joins the two sides of an `if`.
    pub(super) fn if_(
        &mut self,
        cond: Expr,
        then: Expr,
        otherwise: Option<Expr>,
        want: Want,
        span: Span,
    ) -> Expr {
        let lost = self.diverges(&cond);
        let (then, otherwise, ty) = match otherwise {
            None => (then, None, TyId::UNIT),
            Some(otherwise) => {
                let mut sides = vec![then, otherwise];
                let ty = self.join(&mut sides, want);
                let otherwise = sides.pop();
                let Some(then) = sides.pop() else { return error_expr(span) };
                (then, otherwise, ty)
            }
        };
        let kind = ExprKind::If {
            cond: Box::new(cond),
            then: Box::new(then),
            otherwise: otherwise.map(Box::new),
        };
        Expr { kind, ty: if lost { TyId::NEVER } else { ty }, span }
    }

    /// Gives several alternative values one type.
    pub(super) fn join(&mut self, values: &mut [Expr], want: Want) -> TyId {
        if values.iter().all(|value| self.diverges(value)) {
            return TyId::NEVER;
        }
        if want == Want::Effect {
            return TyId::UNIT;
        }
        let ty = match want {
            Want::Ty(ty) => ty,
            _ => {
                // An option among them makes it an option for all.
                let of = |fx: &Self, test: &dyn Fn(&TyKind) -> bool| {
                    values.iter().map(|value| value.ty).find(|&ty| test(&fx.ty_kind(ty)))
                };
                of(self, &|kind| matches!(kind, TyKind::Option(_)))
                    .or_else(|| of(self, &|kind| !matches!(kind, TyKind::Never | TyKind::Error)))
                    .unwrap_or(TyId::ERROR)
            }
        };
        for value in values.iter_mut() {
            let taken = std::mem::replace(value, unit_expr(value.span));
            *value = self.coerce(taken, ty);
        }
        ty
    }

    fn match_(
        &mut self,
        scrutinee: &'a ast::Expr,
        arms: &'a [ast::Arm],
        want: Want,
        span: Span,
    ) -> Expr {
        let scrutinee = self.expr(scrutinee, Want::Any);
        let scrutinee = self.deref(scrutinee);
        let ty = scrutinee.ty;
        let mut typed = Vec::new();
        let mut hint = want;
        for arm in arms {
            let arm = self.scoped(|fx| {
                let pattern = match &arm.pattern {
                    Some(pattern) => fx.pattern(pattern, ty),
                    None => hir::Pattern {
                        kind: hir::PatternKind::Wildcard,
                        ty,
                        span: arm.span.start(),
                    },
                };
                let guard = arm.guard.as_ref().map(|guard| fx.expr_as(guard, TyId::BOOL));
                let body = fx.block(&arm.body, hint);
                hir::Arm { pattern, guard, body, span: arm.span }
            });
            if hint == Want::Any && !self.diverges(&arm.body) {
                hint = Want::Ty(arm.body.ty);
            }
            typed.push(arm);
        }
        self.finish_match(scrutinee, typed, want, MatchSource::Match, span)
    }

    fn switch(
        &mut self,
        scrutinee: &'a ast::Expr,
        arms: &'a [ast::SwitchArm],
        otherwise: Option<&'a ast::ElseArm>,
        want: Want,
        span: Span,
    ) -> Expr {
        let scrutinee = self.expr(scrutinee, Want::Any);
        let scrutinee = self.deref(scrutinee);
        let ty = scrutinee.ty;
        let mut typed = Vec::new();
        for arm in arms {
            typed.push(self.scoped(|fx| {
                let pattern = fx.pattern(&arm.pattern, ty);
                let guard = arm.guard.as_ref().map(|guard| fx.expr_as(guard, TyId::BOOL));
                let body = fx.block(&arm.body, want);
                hir::Arm { pattern, guard, body, span: arm.span }
            }));
        }
        if let Some(arm) = otherwise {
            let body = self.block(&arm.body, want);
            let pattern =
                hir::Pattern { kind: hir::PatternKind::Wildcard, ty, span: arm.span.start() };
            typed.push(hir::Arm { pattern, guard: None, body, span: arm.span });
        }
        self.finish_match(scrutinee, typed, want, MatchSource::Match, span)
    }

    /// Gives the arms one type.
    pub(super) fn finish_match(
        &mut self,
        scrutinee: Expr,
        mut arms: Vec<hir::Arm>,
        want: Want,
        source: MatchSource,
        span: Span,
    ) -> Expr {
        let mut bodies: Vec<Expr> = arms
            .iter_mut()
            .map(|arm| std::mem::replace(&mut arm.body, unit_expr(arm.span)))
            .collect();
        let mut ty = if bodies.is_empty() { TyId::NEVER } else { self.join(&mut bodies, want) };
        for (arm, body) in arms.iter_mut().zip(bodies) {
            arm.body = body;
        }
        if self.diverges(&scrutinee) {
            ty = TyId::NEVER;
        }
        let kind = ExprKind::Match { scrutinee: Box::new(scrutinee), arms, source };
        Expr { kind, ty, span }
    }

    fn is(
        &mut self,
        expr: &'a ast::Expr,
        pattern: &'a ast::Pattern,
        negated: bool,
        span: Span,
    ) -> Expr {
        let scrutinee = self.expr(expr, Want::Any);
        let scrutinee = self.deref(scrutinee);
        let ty = scrutinee.ty;
        let pattern = self.scoped(|fx| {
            let first = fx.locals.len();
            let pattern = fx.pattern(pattern, ty);
            if fx.locals.len() > first {
                let at = fx.locals[first].span;
                fx.error("SEMA_E_BINDS_NOTHING", "a name bound by `is` can be used nowhere", at)
                    .note("`is` only says whether the value fits")
                    .help("write `_`, or take the value with `when e is P { … }`")
                    .push("bound here");
            }
            pattern
        });
        let rest = hir::Pattern { kind: hir::PatternKind::Wildcard, ty, span };
        let arm = |pattern, value| hir::Arm {
            pattern,
            guard: None,
            body: const_expr(Const::Bool(value), TyId::BOOL, span),
            span,
        };
        let arms = vec![arm(pattern, !negated), arm(rest, negated)];
        self.finish_match(scrutinee, arms, Want::Ty(TyId::BOOL), MatchSource::Is, span)
    }

    /// `e?`, `try e`.
    fn try_(&mut self, inner: &'a ast::Expr, span: Span) -> Expr {
        let value = self.expr(inner, Want::Any);
        let scrutinee = self.deref(value);
        let out = self.result;
        let ty = scrutinee.ty;
        let (inner_ty, fail) = match (self.ty_kind(ty), self.ty_kind(out)) {
            (TyKind::Error | TyKind::Never, _) => return error_or_never(scrutinee),
            (_, TyKind::Error) => return error_expr(span),
            (TyKind::Option(inner), TyKind::Option(_)) => {
                (inner, Expr { kind: ExprKind::None, ty: out, span })
            }
            (TyKind::Result(ok, err), TyKind::Result(_, out_err)) => {
                let name = self.local("<error>", err, span);
                let value = self.load(name, span);
                let Ok(value) = self.try_coerce(value, out_err) else {
                    let (from, to) = (self.type_name(err), self.type_name(out_err));
                    self.error("TYPECK_E_TRY", "the errors of `?` do not fit", span)
                        .note(format!("the procedure gives errors of type `{to}`"))
                        .help("turn the error into that type with a match")
                        .push(format!("an error here is `{from}`"));
                    return error_expr(span);
                };
                let kind = ExprKind::Err(Box::new(value));
                let fail = Expr { kind, ty: out, span };
                return self.unwrap(
                    scrutinee,
                    ok,
                    hir::VariantIdx::OK,
                    Some((hir::VariantIdx::ERR, name, err)),
                    give(fail),
                    MatchSource::Try,
                    span,
                );
            }
            (TyKind::Option(_) | TyKind::Result(..), _) => {
                let (from, to) = (self.type_name(ty), self.type_name(out));
                self.error("TYPECK_E_TRY", "`?` cannot pass this failure on", span)
                    .note(format!("it gives what is missing or wrong in `{from}` to the caller"))
                    .help("handle it here with `??` or a match, or change what the procedure gives")
                    .push(format!("this procedure gives `{to}`"));
                return error_expr(span);
            }
            _ => {
                let name = self.type_name(ty);
                self.error("TYPECK_E_TRY", "`?` needs an option or a result", span)
                    .help("leave the `?` out")
                    .push(format!("`{name}` cannot fail"));
                return error_expr(span);
            }
        };
        if self.in_defer {
            self.error("SEMA_E_LEAVES_DEFER", "`?` inside a `defer`", span)
                .note("a defer runs because its block is being left already")
                .help("handle the failure with `??` or a match")
                .push("cannot leave from here");
        }
        let some = hir::VariantIdx::SOME;
        self.unwrap(scrutinee, inner_ty, some, None, give(fail), MatchSource::Try, span)
    }

    /// Matches an option or result: its value, or else `otherwise`.
    #[allow(clippy::too_many_arguments, reason = "the parts of one desugaring")]
    pub(super) fn unwrap(
        &mut self,
        scrutinee: Expr,
        inner: TyId,
        good: hir::VariantIdx,
        bad: Option<(hir::VariantIdx, hir::LocalId, TyId)>,
        otherwise: Expr,
        source: MatchSource,
        span: Span,
    ) -> Expr {
        let ty = scrutinee.ty;
        let at = scrutinee.span;
        let bind = |local, ty| hir::Pattern { kind: hir::PatternKind::Bind(local), ty, span: at };
        let local = self.local("<value>", inner, at);
        let payload = vec![bind(local, inner)];
        let kind = hir::PatternKind::Variant { variant: good, payload };
        let first = hir::Arm {
            pattern: hir::Pattern { kind, ty, span: at },
            guard: None,
            body: self.load(local, at),
            span: at,
        };
        let kind = match bad {
            Some((variant, local, err)) => {
                hir::PatternKind::Variant { variant, payload: vec![bind(local, err)] }
            }
            None => hir::PatternKind::Wildcard,
        };
        let second = hir::Arm {
            pattern: hir::Pattern { kind, ty, span: at },
            guard: None,
            span: otherwise.span,
            body: otherwise,
        };
        self.finish_match(scrutinee, vec![first, second], Want::Any, source, span)
    }

    fn loop_(&mut self, body: &'a ast::Block, want: Want, span: Span) -> Expr {
        let value = match want {
            Want::Ty(ty) => ty,
            Want::Effect => TyId::UNIT,
            Want::Any => self.fresh(),
        };
        let (cx, body) = self.loop_body(Some(value), |fx| fx.effect_block(body));
        let ty = if cx.broken { value } else { TyId::NEVER };
        let kind = ExprKind::Loop { id: cx.id, cond: None, body: Box::new(body), step: None };
        Expr { kind, ty, span }
    }

    fn critical(&mut self, block: &'a ast::Block, want: Want) -> Expr {
        let outer = self.critical.replace(block.span);
        let value = self.block(block, want);
        self.critical = outer;
        let (ty, span) = (value.ty, value.span);
        match value.kind {
            ExprKind::Block(block) => Expr { kind: ExprKind::Critical(block), ty, span },
            kind => Expr { kind, ty, span },
        }
    }

    fn move_(&mut self, inner: &'a ast::Expr, want: Want, span: Span) -> Expr {
        let value = self.expr(inner, want);
        match value.kind {
            ExprKind::Load { place, .. }
                if place.path.is_empty() && matches!(place.base, hir::PlaceBase::Local(_)) =>
            {
                let ty = value.ty;
                Expr { kind: ExprKind::Load { place, mode: hir::LoadMode::Move }, ty, span }
            }
            ExprKind::Load { .. } => {
                self.error("BORROWCK_E_MOVE_OUT", "only a whole local can be moved", span)
                    .note("a field, element or static would be left without a value")
                    .help("leave `move` out: the value is shared")
                    .push("this is a part of something");
                error_expr(span)
            }
            _ => value,
        }
    }

    /// `proc(a: int) -> int { … }` as a value.
    fn proc_value(&mut self, proc: &'a ast::Proc, want: Want) -> Expr {
        let span = proc.head;
        let Some(body) = &proc.body else {
            return self.unsupported("a procedure value without a body", span);
        };
        let result = match &proc.result {
            Some(ty) => Some(self.type_of(ty)),
            None => Some(TyId::UNIT),
        };
        let kind = if proc.is_async() { ProcKind::Async } else { ProcKind::Sync };
        self.lift(&proc.params, kind, result, Lifted::Block(body), want, span)
    }

    fn closure(&mut self, closure: &'a ast::Closure, want: Want, span: Span) -> Expr {
        let body = match &closure.body.kind {
            ast::ExprKind::Block(block) => Lifted::Block(block),
            _ => Lifted::Expr(&closure.body),
        };
        self.lift(&closure.params, ProcKind::Sync, None, body, want, span)
    }

    /// Makes a procedure of its own from a procedure value.
    fn lift(
        &mut self,
        params: &'a [ast::Param],
        kind: ProcKind,
        result: Option<TyId>,
        body: Lifted<'a>,
        want: Want,
        span: Span,
    ) -> Expr {
        let wanted = match want {
            Want::Ty(ty) => match self.ty_kind(ty) {
                TyKind::Proc { params: wanted, result, .. } if wanted.len() == params.len() => {
                    Some((wanted, result))
                }
                _ => None,
            },
            _ => None,
        };
        let mut infos = Vec::new();
        for (at, param) in params.iter().enumerate() {
            let ty = match (&param.ty, &wanted) {
                (Some(ty), _) => self.type_of(ty),
                (None, Some((wanted, _))) => self.deep(wanted[at]),
                (None, None) => TyId::ERROR,
            };
            let open = self.cx.types.any(ty, &|kind| matches!(kind, TyKind::Infer(..)));
            let ty = if open || (ty == TyId::ERROR && param.ty.is_none()) {
                self.error(
                    "TYPECK_E_ANNOTATION",
                    "the parameter of a closure needs a type",
                    param.span,
                )
                .help("write it: `|x: int| …`")
                .push("nothing says what this is");
                TyId::ERROR
            } else {
                ty
            };
            let name = match &param.pattern.kind {
                ast::PatternKind::Bind { name, .. } => name.name.clone(),
                _ => "<pattern>".to_owned(),
            };
            infos.push(ParamInfo {
                name,
                ty,
                owned: false,
                default: None,
                pattern: Some(&param.pattern),
                span: param.span,
            });
        }
        let hint = match (result, wanted) {
            (Some(result), _) => Some(result),
            (None, Some((_, result))) => {
                let result = self.deep(result);
                let open = self.cx.types.any(result, &|kind| matches!(kind, TyKind::Infer(..)));
                (!open).then_some(result)
            }
            (None, None) => None,
        };
        let name = format!("{}.{{closure {}}}", self.name, self.n_closures);
        self.n_closures += 1;
        let outer = self.outer_names();
        let (module, self_ty, generics) = (self.module, self.self_ty, self.generics.clone());
        let mut fx = Fx::new(self.cx, name.clone(), module, BodyKind::Proc(kind));
        fx.generics.clone_from(&generics);
        fx.self_ty = self_ty;
        fx.result = hint.unwrap_or_else(|| fx.fresh());
        fx.result_open = hint.is_none();
        fx.scopes.insert(0, outer);
        let (body, result) = fx.closure_body(&infos, body, span);
        let param_types = infos.iter().map(|info| info.ty).collect();
        let id = hir::ProcId(self.cx.procs.len() as u32);
        let type_args = (0..generics.len() as u32)
            .map(|index| {
                let name = generics[index as usize].clone();
                self.cx.types.intern(TyKind::Param { index, name })
            })
            .collect();
        self.cx.procs.push(ProcInfo {
            name,
            module,
            generics,
            params: infos,
            result,
            kind,
            self_ty,
            has_self: false,
            source: None,
            body: Some(body),
            span,
        });
        let is_async = kind == ProcKind::Async;
        let ty = self.cx.types.intern(TyKind::Proc { is_async, params: param_types, result });
        Expr { kind: ExprKind::ProcValue(hir::Callee { proc: id, type_args }), ty, span }
    }

    /// Locals of this body as a closure in it sees them; items stay what they are.
    fn outer_names(&self) -> std::collections::BTreeMap<String, Named> {
        let mut names = std::collections::BTreeMap::new();
        for scope in &self.scopes {
            for (name, what) in scope {
                let seen = match what {
                    Named::Local(local) => Named::Outer(self.locals[local.0 as usize].span),
                    other => *other,
                };
                names.insert(name.clone(), seen);
            }
        }
        names
    }

    fn closure_body(
        &mut self,
        params: &[ParamInfo<'a>],
        body: Lifted<'a>,
        span: Span,
    ) -> (hir::Body, TyId) {
        for param in params {
            let local = self.local(&param.name, param.ty, param.span);
            self.bind(&param.name, Named::Local(local));
            if param.name == "<pattern>" {
                self.cx.unsupported("a pattern as the parameter of a closure", param.span);
            }
        }
        let n_params = self.locals.len() as u32;
        let result = self.result;
        let unit = self.shallow(result) == TyId::UNIT;
        let want = if unit { Want::Effect } else { Want::Ty(result) };
        let mut value = match body {
            Lifted::Block(block) => self.block(block, want),
            Lifted::Expr(expr) if unit => {
                let value = self.effect(expr);
                let stmts = vec![hir::Stmt { span, kind: hir::StmtKind::Expr(value) }];
                let block = hir::Block { stmts, value: None };
                Expr { kind: ExprKind::Block(Box::new(block)), ty: TyId::UNIT, span }
            }
            Lifted::Expr(expr) => self.expr(expr, want),
        };
        if !self.diverges(&value) {
            value = self.coerce(value, result);
        }
        let n_loops = self.n_loops;
        let body = self.finish(hir::Body { locals: Vec::new(), n_params, n_loops, value });
        let result = self.deep(result);
        let result = self.cx.types.map_leaves(result, &mut |types, leaf| match types.kind(leaf) {
            TyKind::Infer(_, InferKind::Int) => TyId::INT,
            TyKind::Infer(_, InferKind::Float) => TyId::F64,
            TyKind::Infer(_, InferKind::Any) => TyId::UNIT,
            _ => leaf,
        });
        (body, result)
    }
}

/// What a path or a field of a type names.
pub(super) enum Target<'a> {
    /// An item.
    Def(Def),
    /// A member of a form or pick, with its type arguments.
    Member(super::types::AdtId, Vec<TyId>, &'a ast::Ident),
}

/// The body of a procedure value.
#[derive(Clone, Copy)]
enum Lifted<'a> {
    Block(&'a ast::Block),
    Expr(&'a ast::Expr),
}

fn give(value: Expr) -> Expr {
    let span = value.span;
    Expr { kind: ExprKind::Give(Some(Box::new(value))), ty: TyId::NEVER, span }
}

fn error_or_never(expr: Expr) -> Expr {
    if expr.ty == TyId::NEVER { expr } else { error_expr(expr.span) }
}

/// Sets the place of a constant to where it is used.
fn respan(expr: &mut Expr, span: Span) {
    expr.span = span;
}

/// Number of letters to insert, delete or replace, or more than 2.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > 2 || a.len() > 64 {
        return 3;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (diagonal + usize::from(x != y)).min(row[j] + 1).min(above + 1);
            diagonal = above;
        }
    }
    row[b.len()]
}
