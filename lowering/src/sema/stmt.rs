//! Blocks, statements and loops.

use super::body::{Fx, LoopCx, Named, Want, error_expr, unit_expr};
use super::hir::{self, Const, Expr, ExprKind, LoopId, PanicReason, Stmt, StmtKind};
use super::items::Def;
use super::types::{InferKind, TyId, TyKind};
use crate::diagnostics::Span;
use crate::syntax::ast;

impl<'a> Fx<'_, 'a, '_> {
    /// Checks a block in a scope of its own.
    pub(super) fn block(&mut self, block: &'a ast::Block, want: Want) -> Expr {
        let (block, ty, span) = self.scoped(|fx| fx.block_open(block, want));
        Expr { kind: ExprKind::Block(Box::new(block)), ty, span }
    }

    /// Checks a block for its effect.
    pub(super) fn effect_block(&mut self, block: &'a ast::Block) -> hir::Block {
        self.scoped(|fx| fx.block_open(block, Want::Effect)).0
    }

    /// Checks a block in the scope that is open.
    pub(super) fn block_open(
        &mut self,
        block: &'a ast::Block,
        want: Want,
    ) -> (hir::Block, TyId, Span) {
        let mut consts = Vec::new();
        for stmt in &block.stmts {
            if let ast::StmtKind::Item(item) = &stmt.kind {
                consts.extend(self.inner_item(item));
            }
        }
        self.inner_consts(&consts);
        let mut stmts = Vec::new();
        let mut lost = false;
        for stmt in &block.stmts {
            lost |= self.stmt(stmt, &mut stmts);
        }
        let mut value = None;
        let mut ty = if lost { TyId::NEVER } else { TyId::UNIT };
        if let Some(last) = &block.value {
            if want == Want::Effect {
                let expr = self.effect(last);
                lost |= self.diverges(&expr);
                ty = if lost { TyId::NEVER } else { TyId::UNIT };
                stmts.push(Stmt { span: expr.span, kind: StmtKind::Expr(expr) });
            } else {
                let expr = self.expr(last, want);
                if !lost {
                    ty = expr.ty;
                }
                value = Some(Box::new(expr));
            }
        }
        (hir::Block { stmts, value }, ty, block.span)
    }

    /// Declares an item of this body; answers its number if it is a constant.
    fn inner_item(&mut self, item: &'a ast::Item) -> Option<u32> {
        let name = self.name.clone();
        let (ident, def) = self.cx.declare_inner(self.module, &name, item)?;
        self.bind(&ident.name, Named::Def(def));
        if let Def::Const(id) = def { Some(id) } else { None }
    }

    /// Evaluates constants of this body, used or not. They see the items around them.
    fn inner_consts(&mut self, consts: &[u32]) {
        for &id in consts {
            let items = self.scopes.iter().flatten().filter_map(|(name, what)| match what {
                Named::Def(def) => Some((name.clone(), *def)),
                _ => None,
            });
            let around = items.collect();
            self.cx.consts[id as usize].around = around;
        }
        for &id in consts {
            self.cx.const_value(id);
        }
    }

    /// Checks an expression for its effect only.
    pub(super) fn effect(&mut self, expr: &'a ast::Expr) -> Expr {
        let value = self.expr(expr, Want::Effect);
        if matches!(self.ty_kind(value.ty), TyKind::Future(_) | TyKind::Stream(_)) {
            self.error("HIRASYNC0003", "a future is made and never awaited", value.span)
                .warning()
                .note("calling an async procedure runs nothing: it only makes a future")
                .help("write `await` before it, or `spawn` to let it run beside this task")
                .push("nothing of this runs");
        }
        value
    }

    /// Checks a statement; says whether control does not get past it.
    fn stmt(&mut self, stmt: &'a ast::Stmt, out: &mut Vec<Stmt>) -> bool {
        let span = stmt.span;
        let expr = match &stmt.kind {
            ast::StmtKind::Let { pattern, ty, init, .. } => {
                let Some(stmt) = self.let_stmt(pattern, ty.as_ref(), init.as_ref(), span) else {
                    return false;
                };
                let lost = match &stmt.kind {
                    StmtKind::Let { init, .. } | StmtKind::LetPattern { init, .. } => {
                        self.diverges(init)
                    }
                    _ => false,
                };
                out.push(stmt);
                return lost;
            }
            ast::StmtKind::Defer(block) => {
                let (outer, loops) = (self.in_defer, std::mem::take(&mut self.loops));
                self.in_defer = true;
                let block = self.effect_block(block);
                (self.in_defer, self.loops) = (outer, loops);
                out.push(Stmt { kind: StmtKind::Defer(block), span });
                return false;
            }
            ast::StmtKind::Item(_) | ast::StmtKind::Error => return false,
            _ => self.stmt_expr(stmt),
        };
        let lost = self.diverges(&expr);
        out.push(Stmt { kind: StmtKind::Expr(expr), span });
        lost
    }

    /// A statement that is an expression here.
    fn stmt_expr(&mut self, stmt: &'a ast::Stmt) -> Expr {
        let span = stmt.span;
        match &stmt.kind {
            ast::StmtKind::Expr(expr) => self.effect(expr),
            ast::StmtKind::Set { place, op, op_span, value } => {
                self.assign(place, *op, *op_span, value, span)
            }
            ast::StmtKind::Give(value) => self.give(value.as_ref(), span),
            ast::StmtKind::Emit(value) => self.emit(value, span),
            ast::StmtKind::Assert { cond, message } => self.assert(cond, message.as_ref(), span),
            ast::StmtKind::Panic(message) => {
                self.panic(message.as_ref(), PanicReason::Panic, "explicit panic", span)
            }
            ast::StmtKind::Unreachable => {
                self.panic(None, PanicReason::Unreachable, "unreachable code was reached", span)
            }
            ast::StmtKind::Break(value) => self.break_(value.as_ref(), span),
            ast::StmtKind::Continue => match self.loops.last() {
                Some(target) => Expr { kind: ExprKind::Continue(target.id), ty: TyId::NEVER, span },
                None => self.outside_loop("continue", span),
            },
            ast::StmtKind::While { cond, body } => {
                let cond = self.expr_as(cond, TyId::BOOL);
                let (id, body) = self.loop_body(None, |fx| fx.effect_block(body));
                let body = Box::new(body);
                let kind =
                    ExprKind::Loop { id: id.id, cond: Some(Box::new(cond)), body, step: None };
                Expr { kind, ty: TyId::UNIT, span }
            }
            ast::StmtKind::For { pattern, iter, body, awaits } => {
                self.for_each(pattern, iter, body, *awaits, span)
            }
            ast::StmtKind::ForC { init, cond, step, body } => {
                self.for_c(init.as_deref(), cond.as_ref(), step.as_deref(), body, span)
            }
            ast::StmtKind::When { scrutinee, pattern, body, otherwise } => {
                self.when(scrutinee, pattern, body, otherwise.as_ref(), span)
            }
            ast::StmtKind::With { expr, pattern, body } => {
                self.with(expr, pattern.as_ref(), body, span)
            }
            ast::StmtKind::Asm(expr) => self.unsupported("`asm`", expr.span),
            ast::StmtKind::Let { .. }
            | ast::StmtKind::Defer(_)
            | ast::StmtKind::Item(_)
            | ast::StmtKind::Error => error_expr(span),
        }
    }

    fn let_stmt(
        &mut self,
        pattern: &'a ast::Pattern,
        ty: Option<&'a ast::TypeExpr>,
        init: Option<&'a ast::Expr>,
        span: Span,
    ) -> Option<Stmt> {
        let declared = ty.map(|ty| self.type_of(ty));
        let init = match (init, declared) {
            (Some(init), Some(ty)) => self.expr_as(init, ty),
            (Some(init), None) => self.expr(init, Want::Any),
            (None, _) => error_expr(span),
        };
        match &pattern.kind {
            ast::PatternKind::Bind { name, by_ref, .. } => {
                if *by_ref {
                    self.cx.unsupported("`ref` in a pattern", pattern.span);
                }
                let ty = declared.unwrap_or(init.ty);
                let local = self.local(&name.name, ty, name.span);
                self.locals[local.0 as usize].future_of = future_of(&init);
                self.bind(&name.name, Named::Local(local));
                Some(Stmt { kind: StmtKind::Let { local, init }, span })
            }
            ast::PatternKind::Error => None,
            _ => Some(self.let_pattern(pattern, init, span)),
        }
    }

    /// Takes a value apart by a pattern that must always match.
    pub(super) fn let_pattern(
        &mut self,
        pattern: &'a ast::Pattern,
        init: Expr,
        span: Span,
    ) -> Stmt {
        let pattern = self.irrefutable(pattern, init.ty);
        Stmt { kind: StmtKind::LetPattern { pattern, init }, span }
    }

    /// Checks an expression that must have a type.
    pub(super) fn expr_as(&mut self, expr: &'a ast::Expr, ty: TyId) -> Expr {
        let value = self.expr(expr, Want::Ty(ty));
        self.coerce(value, ty)
    }

    fn give(&mut self, value: Option<&'a ast::Expr>, span: Span) -> Expr {
        if self.in_defer {
            self.error("SEMA_E_LEAVES_DEFER", "`give` inside a `defer`", span)
                .note("a defer runs because its block is being left already")
                .help("let the defer run to its end")
                .push("cannot leave from here");
        }
        let wants_unit = self.shallow(self.result) == TyId::UNIT;
        let value = match value {
            None if wants_unit || self.shallow(self.result) == TyId::ERROR => None,
            None if self.result_open => {
                let result = self.result;
                self.unify(result, TyId::UNIT);
                None
            }
            None => {
                let wanted = self.type_name(self.result);
                self.error("TYPECK_E_MISMATCH", "`give` needs a value", span)
                    .note(format!("this procedure gives `{wanted}`"))
                    .help(format!("write `give` and a `{wanted}`"))
                    .push("no value is given");
                None
            }
            Some(value) => {
                let result = self.result;
                Some(Box::new(self.expr_as(value, result)))
            }
        };
        Expr { kind: ExprKind::Give(value), ty: TyId::NEVER, span }
    }

    /// `assert`.
    pub(super) fn assert(
        &mut self,
        cond: &'a ast::Expr,
        message: Option<&'a ast::Expr>,
        span: Span,
    ) -> Expr {
        let cond = self.expr_as(cond, TyId::BOOL);
        let otherwise = self.panic(message, PanicReason::Assert, "assertion failed", span);
        let then = unit_expr(span);
        let kind = ExprKind::If {
            cond: Box::new(cond),
            then: Box::new(then),
            otherwise: Some(Box::new(otherwise)),
        };
        Expr { kind, ty: TyId::UNIT, span }
    }

    /// `panic`, and what else stops with a message.
    pub(super) fn panic(
        &mut self,
        message: Option<&'a ast::Expr>,
        reason: PanicReason,
        default: &str,
        span: Span,
    ) -> Expr {
        let message = match message {
            Some(message) => {
                let value = self.expr(message, Want::Ty(TyId::STRING));
                self.stringify(value)
            }
            None => Expr {
                kind: ExprKind::Const(Const::Str(default.to_owned())),
                ty: TyId::STRING,
                span,
            },
        };
        let kind = ExprKind::Panic { message: Box::new(message), reason };
        Expr { kind, ty: TyId::NEVER, span }
    }

    fn outside_loop(&mut self, word: &str, span: Span) -> Expr {
        let title = format!("`{word}` outside a loop");
        self.error("SEMA_E_OUTSIDE_LOOP", title, span)
            .note("a loop around a `defer` or a closure does not count")
            .help("use `give` to leave the procedure")
            .push("there is no loop to leave or go on with");
        Expr { kind: ExprKind::Give(None), ty: TyId::NEVER, span }
    }

    fn break_(&mut self, value: Option<&'a ast::Expr>, span: Span) -> Expr {
        let Some(target) = self.loops.last_mut() else { return self.outside_loop("break", span) };
        target.broken = true;
        let (id, wanted) = (target.id, target.value);
        let value = match (value, wanted) {
            (None, Some(ty)) if self.shallow(ty) != TyId::ERROR => {
                if !self.unify(ty, TyId::UNIT) {
                    let name = self.type_name(ty);
                    self.error("TYPECK_E_MISMATCH", "this `break` has no value", span)
                        .note(format!("another break of this loop gives `{name}`"))
                        .help("give a value to all of them, or to none")
                        .push("a value is missing");
                }
                None
            }
            (None, _) => None,
            (Some(value), Some(ty)) => Some(Box::new(self.expr_as(value, ty))),
            (Some(value), None) => {
                let value = self.expr(value, Want::Any);
                self.error("TYPECK_E_BREAK_VALUE", "a value breaks a loop that has none", span)
                    .note("`while` and `for` may end without a break, hence have no value")
                    .help("use `loop`, or assign to a variable before `break`")
                    .push("this value goes nowhere");
                Some(Box::new(value))
            }
        };
        Expr { kind: ExprKind::Break { target: id, value }, ty: TyId::NEVER, span }
    }

    /// Runs `body` as the body of a new loop.
    pub(super) fn loop_body<T>(
        &mut self,
        value: Option<TyId>,
        body: impl FnOnce(&mut Self) -> T,
    ) -> (LoopCx, T) {
        let id = LoopId(self.n_loops);
        self.n_loops += 1;
        self.loops.push(LoopCx { id, value, broken: false });
        let inside = body(self);
        let cx = self.loops.pop().unwrap_or(LoopCx { id, value, broken: false });
        (cx, inside)
    }

    fn for_c(
        &mut self,
        init: Option<&'a ast::Stmt>,
        cond: Option<&'a ast::Expr>,
        step: Option<&'a ast::Stmt>,
        body: &'a ast::Block,
        span: Span,
    ) -> Expr {
        self.scoped(|fx| {
            let mut stmts = Vec::new();
            if let Some(init) = init {
                fx.stmt(init, &mut stmts);
            }
            let endless = cond.is_none();
            let cond = cond.map(|cond| Box::new(fx.expr_as(cond, TyId::BOOL)));
            let step = step.map(|step| Box::new(fx.stmt_expr(step)));
            let (cx, body) = fx.loop_body(None, |fx| fx.effect_block(body));
            let ty = if endless && !cx.broken { TyId::NEVER } else { TyId::UNIT };
            let kind = ExprKind::Loop { id: cx.id, cond, body: Box::new(body), step };
            let value = Some(Box::new(Expr { kind, ty, span }));
            let kind = ExprKind::Block(Box::new(hir::Block { stmts, value }));
            Expr { kind, ty, span }
        })
    }

    fn for_each(
        &mut self,
        pattern: &'a ast::Pattern,
        iter: &'a ast::Expr,
        body: &'a ast::Block,
        awaits: Option<Span>,
        span: Span,
    ) -> Expr {
        if let ast::ExprKind::Range { lo, hi, inclusive } = &iter.kind {
            return self.for_range(
                pattern,
                lo.as_deref(),
                hi.as_deref(),
                *inclusive,
                body,
                iter.span,
                span,
            );
        }
        let source = self.expr(iter, Want::Any);
        let source = self.deref(source);
        let item = match (self.ty_kind(source.ty), awaits) {
            (TyKind::List(item) | TyKind::Array(item, _), None) => item,
            (TyKind::Stream(item) | TyKind::Channel(item), Some(_)) => item,
            (TyKind::Stream(_) | TyKind::Channel(_), None) => {
                self.error("TYPECK_E_NOT_ITERABLE", "a stream needs `for await`", iter.span)
                    .note("its next item may have to be waited for")
                    .help("write `for await x in …`")
                    .push("the items of this come one by one");
                TyId::ERROR
            }
            (TyKind::Error | TyKind::Never, _) => TyId::ERROR,
            (_, awaits) => {
                let name = self.type_name(source.ty);
                let what = if awaits.is_some() { "stream or channel" } else { "list or range" };
                let title = format!("`for` needs a {what}");
                let mut report = self.error("TYPECK_E_NOT_ITERABLE", title, iter.span);
                report = match name.as_str() {
                    "int" => report.help("write a range: `0..n`"),
                    _ => report
                        .help("go over a list `[T]`, a range `a..b`, or with `for await` a stream"),
                };
                report.push(format!("this is `{name}`"));
                TyId::ERROR
            }
        };
        if let Some(word) = awaits {
            self.may_await(word, "for await");
        }
        let kind = self.ty_kind(source.ty);
        let (cx, (pattern, body)) = self.loop_body(None, |fx| {
            fx.scoped(|fx| {
                let pattern = fx.irrefutable(pattern, item);
                let (body, ..) = fx.block_open(body, Want::Effect);
                (pattern, Box::new(body))
            })
        });
        let (id, source) = (cx.id, Box::new(source));
        let kind = match kind {
            TyKind::Stream(_) => ExprKind::ForStream { id, pattern, stream: source, body },
            TyKind::Channel(_) => ExprKind::ForChannel { id, pattern, channel: source, body },
            _ => ExprKind::ForList { id, pattern, list: source, body },
        };
        Expr { kind, ty: TyId::UNIT, span }
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one construct")]
    fn for_range(
        &mut self,
        pattern: &'a ast::Pattern,
        lo: Option<&'a ast::Expr>,
        hi: Option<&'a ast::Expr>,
        inclusive: bool,
        body: &'a ast::Block,
        range_span: Span,
        span: Span,
    ) -> Expr {
        let (Some(lo), Some(hi)) = (lo, hi) else {
            return self.unsupported("a range without both ends", range_span);
        };
        let lo = self.expr(lo, Want::Any);
        let lo = self.deref(lo);
        let hi = self.expr(hi, Want::Ty(lo.ty));
        let item = lo.ty;
        let hi = self.coerce(hi, item);
        let fits = matches!(
            self.ty_kind(item),
            TyKind::Int(_)
                | TyKind::Infer(_, InferKind::Int)
                | TyKind::Char
                | TyKind::Error
                | TyKind::Never
        );
        if !fits {
            let name = self.type_name(item);
            self.error("TYPECK_E_NOT_ITERABLE", "a range needs integers or characters", range_span)
                .help("count with integers, and compute from them")
                .push(format!("its ends are `{name}`"));
        }
        let (cx, (pattern, body)) = self.loop_body(None, |fx| {
            fx.scoped(|fx| {
                let pattern = fx.irrefutable(pattern, item);
                let (body, ..) = fx.block_open(body, Want::Effect);
                (pattern, Box::new(body))
            })
        });
        let (lo, hi) = (Box::new(lo), Box::new(hi));
        let kind = ExprKind::ForRange { id: cx.id, pattern, lo, hi, inclusive, body };
        Expr { kind, ty: TyId::UNIT, span }
    }

    fn when(
        &mut self,
        scrutinee: &'a ast::Expr,
        pattern: &'a ast::Pattern,
        body: &'a ast::Block,
        otherwise: Option<&'a ast::Block>,
        span: Span,
    ) -> Expr {
        let scrutinee = self.expr(scrutinee, Want::Any);
        let scrutinee = self.deref(scrutinee);
        let ty = scrutinee.ty;
        let first = self.scoped(|fx| {
            let pattern = fx.pattern(pattern, ty);
            let body = fx.block(body, Want::Effect);
            hir::Arm { pattern, guard: None, span: body.span, body }
        });
        let body = match otherwise {
            Some(block) => self.block(block, Want::Effect),
            None => unit_expr(span.end()),
        };
        let rest = hir::Pattern { kind: hir::PatternKind::Wildcard, ty, span };
        let lost = self.diverges(&first.body) && self.diverges(&body);
        let second = hir::Arm { pattern: rest, guard: None, span: body.span, body };
        let kind = ExprKind::Match {
            scrutinee: Box::new(scrutinee),
            arms: vec![first, second],
            source: hir::MatchSource::When,
        };
        Expr { kind, ty: if lost { TyId::NEVER } else { TyId::UNIT }, span }
    }

    fn with(
        &mut self,
        expr: &'a ast::Expr,
        pattern: Option<&'a ast::Pattern>,
        body: &'a ast::Block,
        span: Span,
    ) -> Expr {
        if self.is_task_scope(expr) {
            self.may_await(expr.span, "task_scope");
            let scope_ty = self.cx.types.intern(TyKind::TaskScope);
            return self.scoped(|fx| {
                let (name, at) = match pattern.map(|pattern| &pattern.kind) {
                    Some(ast::PatternKind::Bind { name, .. }) => (name.name.as_str(), name.span),
                    None | Some(ast::PatternKind::Wildcard) => ("<scope>", expr.span),
                    Some(_) => {
                        fx.cx.unsupported("a pattern for a task scope", span);
                        ("<scope>", expr.span)
                    }
                };
                let local = fx.local(name, scope_ty, at);
                fx.bind(name, Named::Local(local));
                let (block, ty, _) = fx.block_open(body, Want::Effect);
                let kind = ExprKind::WithScope { local, body: Box::new(block) };
                Expr { kind, ty, span }
            });
        }
        let init = self.expr(expr, Want::Any);
        self.scoped(|fx| {
            let stmt = match pattern {
                Some(pattern) => match &pattern.kind {
                    ast::PatternKind::Bind { name, .. } => {
                        let local = fx.local(&name.name, init.ty, name.span);
                        fx.locals[local.0 as usize].future_of = future_of(&init);
                        fx.bind(&name.name, Named::Local(local));
                        Stmt { kind: StmtKind::Let { local, init }, span: expr.span }
                    }
                    _ => fx.let_pattern(pattern, init, expr.span),
                },
                None => {
                    let local = fx.local("<with>", init.ty, expr.span);
                    Stmt { kind: StmtKind::Let { local, init }, span: expr.span }
                }
            };
            let inner = fx.block(body, Want::Effect);
            let ty = inner.ty;
            let block = hir::Block { stmts: vec![stmt], value: Some(Box::new(inner)) };
            Expr { kind: ExprKind::Block(Box::new(block)), ty, span }
        })
    }
}

/// Whose future an initial value is.
pub(super) fn future_of(init: &Expr) -> Option<hir::FutureOf> {
    let ExprKind::Future(awaitable) = &init.kind else { return None };
    match &awaitable.kind {
        hir::AwaitableKind::Call(call) => Some(hir::FutureOf::Proc(call.callee.clone())),
        hir::AwaitableKind::Op { op, .. } => Some(hir::FutureOf::Op(*op)),
        _ => None,
    }
}
