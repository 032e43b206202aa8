//! Expressions with more than one way through them: `if`, matches, `?`, `loop`.

use super::body::{Fx, Want, const_expr, error_expr, unit_expr};
use super::hir::{self, Const, Expr, ExprKind, MatchSource};
use super::types::{InferKind, TyId, TyKind};
use crate::diagnostics::Span;
use crate::syntax::ast;

impl<'a> Fx<'_, 'a, '_> {
    pub(super) fn if_chain(
        &mut self,
        chain: &'a ast::If,
        at: usize,
        want: Want,
        span: Span,
    ) -> Expr {
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
        let mut ty = match want {
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
        if matches!(self.ty_kind(ty), TyKind::Infer(_, InferKind::Int)) {
            // One float makes the literals beside it floats.
            let is_float = |fx: &Self, value: &Expr| {
                matches!(
                    fx.ty_kind(value.ty),
                    TyKind::F32 | TyKind::F64 | TyKind::Infer(_, InferKind::Float)
                )
            };
            if let Some(float) = values.iter().find(|value| is_float(self, value)) {
                ty = float.ty;
            }
        }
        for value in values.iter_mut() {
            let mut taken = std::mem::replace(value, unit_expr(value.span));
            self.adapt_literal(&mut taken, ty);
            *value = self.coerce(taken, ty);
        }
        ty
    }

    /// Makes a float of a value that is an integer literal, if a float is wanted.
    #[allow(clippy::cast_precision_loss, reason = "a literal wanted as a float is rounded")]
    fn adapt_literal(&mut self, value: &mut Expr, ty: TyId) {
        let int = matches!(self.ty_kind(value.ty), TyKind::Infer(_, InferKind::Int));
        let float = matches!(
            self.ty_kind(ty),
            TyKind::F32 | TyKind::F64 | TyKind::Infer(_, InferKind::Float)
        );
        if !int || !float || !is_literal(value) {
            return;
        }
        let mut at = value;
        loop {
            at.ty = ty;
            match &mut at.kind {
                ExprKind::Block(block) => match &mut block.value {
                    Some(last) => at = last,
                    None => return,
                },
                ExprKind::Const(constant) => {
                    if let Const::Int(n) = constant {
                        *constant = Const::Float(*n as f64);
                    }
                    return;
                }
                _ => return,
            }
        }
    }

    pub(super) fn match_(
        &mut self,
        scrutinee: &'a ast::Expr,
        arms: &'a [ast::Arm],
        want: Want,
        span: Span,
    ) -> Expr {
        let arms = arms.iter().map(|arm| ArmSource {
            pattern: arm.pattern.as_ref(),
            guard: arm.guard.as_ref(),
            body: &arm.body,
            span: arm.span,
        });
        self.match_arms(scrutinee, arms, want, span)
    }

    /// The value switch.
    pub(super) fn switch(
        &mut self,
        scrutinee: &'a ast::Expr,
        arms: &'a [ast::SwitchArm],
        otherwise: Option<&'a ast::ElseArm>,
        want: Want,
        span: Span,
    ) -> Expr {
        let arms = arms.iter().map(|arm| ArmSource {
            pattern: Some(&arm.pattern),
            guard: arm.guard.as_ref(),
            body: &arm.body,
            span: arm.span,
        });
        let last = otherwise.map(|arm| ArmSource {
            pattern: None,
            guard: None,
            body: &arm.body,
            span: arm.span,
        });
        self.match_arms(scrutinee, arms.chain(last), want, span)
    }

    fn match_arms(
        &mut self,
        scrutinee: &'a ast::Expr,
        arms: impl Iterator<Item = ArmSource<'a>>,
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
                let pattern = match arm.pattern {
                    Some(pattern) => fx.pattern(pattern, ty),
                    None => hir::Pattern {
                        kind: hir::PatternKind::Wildcard,
                        ty,
                        span: arm.span.start(),
                    },
                };
                let guard = arm.guard.map(|guard| fx.expr_as(guard, TyId::BOOL));
                let body = fx.block(arm.body, hint);
                hir::Arm { pattern, guard, body, span: arm.span }
            });
            if hint == Want::Any && !self.diverges(&arm.body) {
                hint = Want::Ty(arm.body.ty);
            }
            typed.push(arm);
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

    pub(super) fn is(
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
    pub(super) fn try_(&mut self, inner: &'a ast::Expr, span: Span) -> Expr {
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

    pub(super) fn loop_(&mut self, body: &'a ast::Block, want: Want, span: Span) -> Expr {
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

    pub(super) fn critical(&mut self, block: &'a ast::Block, want: Want) -> Expr {
        let outer = self.critical.replace(block.span);
        let value = self.block(block, want);
        self.critical = outer;
        let (ty, span) = (value.ty, value.span);
        match value.kind {
            ExprKind::Block(block) => Expr { kind: ExprKind::Critical(block), ty, span },
            kind => Expr { kind, ty, span },
        }
    }

    pub(super) fn move_(&mut self, inner: &'a ast::Expr, want: Want, span: Span) -> Expr {
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
}

/// An arm as it is written; without a pattern it takes every value.
struct ArmSource<'a> {
    pattern: Option<&'a ast::Pattern>,
    guard: Option<&'a ast::Expr>,
    body: &'a ast::Block,
    span: Span,
}

/// Whether a value is an integer literal, perhaps at the end of a block.
fn is_literal(value: &Expr) -> bool {
    match &value.kind {
        ExprKind::Const(Const::Int(_)) => true,
        ExprKind::Block(block) => block.value.as_deref().is_some_and(is_literal),
        _ => false,
    }
}

fn give(value: Expr) -> Expr {
    let span = value.span;
    Expr { kind: ExprKind::Give(Some(Box::new(value))), ty: TyId::NEVER, span }
}

fn error_or_never(expr: Expr) -> Expr {
    if expr.ty == TyId::NEVER { expr } else { error_expr(expr.span) }
}
