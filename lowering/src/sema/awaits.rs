//! Await, spawn, select, emit, and where each is allowed.

use super::body::{BodyKind, Fx, Want, error_expr};
use super::hir::{self, Awaitable, AwaitableKind, Expr, ExprKind, ProcKind, SpawnParent};
use super::items::Def;
use super::std::{StdProc, TASK_ERROR};
use super::types::{TyId, TyKind};
use crate::diagnostics::Span;
use crate::syntax::ast;

impl<'a> Fx<'_, 'a, '_> {
    /// Reports an await where none is allowed.
    pub(super) fn may_await(&mut self, word: Span, what: &str) {
        if let Some(critical) = self.critical {
            let title = format!("`{what}` inside `critical`");
            self.error("HIRASYNC0002", title, word)
                .also(critical, "this block must not be interrupted")
                .help("wait before the block or after it")
                .push("the task could be suspended here");
        }
        match self.kind {
            BodyKind::Const => {
                self.error("HIRASYNC0002", format!("`{what}` in a constant"), word)
                    .note(
                        "constants are evaluated by the compiler, where nothing can be waited for",
                    )
                    .help("compute the value in a procedure")
                    .push("cannot wait here");
            }
            BodyKind::Proc(ProcKind::Sync) => {
                let title = format!("`{what}` outside an async procedure");
                let name = self.name.clone();
                self.error("HIRASYNC0001", title, word)
                    .note("only an async procedure can be suspended and resumed")
                    .help(format!("write `async proc` where `{name}` is declared"))
                    .push(format!("`{name}` is not async"));
            }
            BodyKind::Proc(_) => {}
        }
    }

    /// `await e`.
    pub(super) fn await_(&mut self, inner: &'a ast::Expr, word: Span, span: Span) -> Expr {
        self.may_await(word, "await");
        if self.kind == BodyKind::Const {
            return error_expr(span);
        }
        let Some(mut awaitable) = self.awaitable(inner) else { return error_expr(span) };
        let ty = awaitable.ty;
        awaitable.span = span;
        Expr { kind: ExprKind::Await(Box::new(awaitable)), ty, span }
    }

    /// What an operand of `await`, a branch of a join or an arm of a select waits for.
    pub(super) fn awaitable(&mut self, expr: &'a ast::Expr) -> Option<Awaitable> {
        let span = expr.span;
        if let ast::ExprKind::Tuple(elems) = &expr.kind {
            let branches: Vec<Option<Awaitable>> =
                elems.iter().map(|elem| self.awaitable(elem)).collect();
            let mut branches: Vec<Awaitable> = branches.into_iter().collect::<Option<_>>()?;
            if branches.len() == 1 {
                return branches.pop();
            }
            let ty = self.cx.types.tuple(branches.iter().map(|branch| branch.ty).collect());
            return Some(Awaitable { kind: AwaitableKind::Join(branches), ty, span });
        }
        let value = self.expr(expr, Want::Any);
        self.awaitable_value(value)
    }

    /// The awaitable that a value is.
    fn awaitable_value(&mut self, value: Expr) -> Option<Awaitable> {
        let (ty, span) = (value.ty, value.span);
        match (self.ty_kind(ty), value.kind) {
            (TyKind::Future(_), ExprKind::Future(awaitable)) => Some(*awaitable),
            (TyKind::Future(inner), kind) => {
                let value = Box::new(Expr { kind, ty, span });
                Some(Awaitable { kind: AwaitableKind::Future(value), ty: inner, span })
            }
            (TyKind::Task(inner), kind) => {
                let value = Box::new(Expr { kind, ty, span });
                let err = self.cx.types.intern(TyKind::Adt(TASK_ERROR, Vec::new()));
                let ty = self.cx.types.result(inner, err);
                Some(Awaitable { kind: AwaitableKind::Task(value), ty, span })
            }
            (TyKind::Error | TyKind::Never, _) => None,
            (kind, _) => {
                let name = self.type_name(ty);
                let stream = matches!(kind, TyKind::Stream(_));
                let report = self
                    .error("TYPECK_E_NOT_AWAITABLE", "this cannot be awaited", span)
                    .note("futures, tasks, and tuples of them can be awaited");
                if stream {
                    report.help("take its items with `for await x in … { … }`")
                } else if matches!(kind, TyKind::Proc { is_async: true, .. }) {
                    report.help("call it first: `await f(…)`")
                } else {
                    report.help("leave `await` out, or make the procedure that gives it async")
                }
                .push(format!("this is `{name}`, which is here already"));
                None
            }
        }
    }

    /// `spawn e`.
    pub(super) fn spawn(&mut self, inner: &'a ast::Expr, _word: Span, span: Span) -> Expr {
        self.spawn_with(inner, SpawnParent::Task, span)
    }

    /// Makes a task of a future.
    pub(super) fn spawn_with(
        &mut self,
        inner: &'a ast::Expr,
        parent: SpawnParent,
        span: Span,
    ) -> Expr {
        if self.kind == BodyKind::Const {
            return self.not_const("`spawn`", span);
        }
        let value = self.expr(inner, Want::Any);
        let kind = self.ty_kind(value.ty);
        if !matches!(kind, TyKind::Future(_) | TyKind::Error | TyKind::Never) {
            let name = self.type_name(value.ty);
            let report = self
                .error("TYPECK_E_NOT_AWAITABLE", "only a future can be spawned", value.span)
                .note("a task runs an async procedure beside this one");
            if matches!(kind, TyKind::Stream(_)) {
                report.help("spawn an async procedure that goes over the stream")
            } else {
                report.help("call an async procedure after `spawn`")
            }
            .push(format!("this is `{name}`"));
            return error_expr(span);
        }
        let Some(what) = self.awaitable_value(value) else {
            return error_expr(span);
        };
        let ty = self.cx.types.intern(TyKind::Task(what.ty));
        Expr { kind: ExprKind::Spawn { what: Box::new(what), parent }, ty, span }
    }

    /// `emit e`.
    pub(super) fn emit(&mut self, value: &'a ast::Expr, span: Span) -> Expr {
        let item = self.stream_item();
        let Some(item) = item else {
            self.expr(value, Want::Any);
            self.error("SEMA_E_EMIT_OUTSIDE", "`emit` outside a procedure with a stream", span)
                .note("`emit` hands one item to a `for await` loop")
                .help("declare the procedure as `async proc … -> stream[T]`")
                .push("there is no stream here");
            return error_expr(span);
        };
        if self.critical.is_some() {
            self.may_await(span, "emit");
        }
        if self.in_defer {
            self.error("SEMA_E_LEAVES_DEFER", "`emit` inside a `defer`", span)
                .note("a defer also runs when nobody takes items any more")
                .help("emit before the block is left")
                .push("cannot emit from here");
        }
        let value = Box::new(self.expr_as(value, item));
        Expr { kind: ExprKind::Emit(value), ty: TyId::UNIT, span }
    }

    /// The type of the items of the stream this body makes.
    fn stream_item(&self) -> Option<TyId> {
        (self.kind == BodyKind::Proc(ProcKind::Stream)).then_some(self.item)
    }

    /// `select { when p = e { … } … }`.
    pub(super) fn select(&mut self, select: &'a ast::Select, want: Want, span: Span) -> Expr {
        let mut arms = Vec::new();
        self.may_await(span.start(), "select");
        for arm in &select.arms {
            let value = self.expr(&arm.operation, Want::Any);
            let at = arm.operation.span;
            let kind = self.ty_kind(value.ty);
            let awaitable = match kind {
                TyKind::Future(_) | TyKind::Task(_) | TyKind::Error | TyKind::Never => {
                    self.awaitable_value(value)
                }
                _ => {
                    let name = self.type_name(value.ty);
                    self.error("HIRASYNC0008", "this arm waits for nothing", at)
                        .note("an arm of `select` needs something that can be awaited")
                        .help("name an async call, an operation such as `ch.recv()`, or a task")
                        .push(format!("this is `{name}`, which is here already"));
                    None
                }
            };
            let ty = awaitable.as_ref().map_or(TyId::ERROR, |awaitable| awaitable.ty);
            let typed = self.scoped(|fx| {
                let pattern = match &arm.pattern {
                    Some(pattern) => fx.irrefutable(pattern, ty),
                    None => hir::Pattern { kind: hir::PatternKind::Wildcard, ty, span: at },
                };
                let body = fx.block(&arm.body, want);
                (pattern, body)
            });
            arms.push((awaitable, typed, arm.span));
        }
        let otherwise = select.otherwise.as_ref().map(|arm| self.block(&arm.body, want));
        if select.arms.is_empty() && otherwise.is_none() {
            return self.unsupported("a `select` without arms", span);
        }
        let mut bodies: Vec<Expr> = Vec::new();
        let mut rest = Vec::new();
        for (awaitable, (pattern, body), at) in arms {
            bodies.push(body);
            rest.push((awaitable, pattern, at));
        }
        let has_else = otherwise.is_some();
        bodies.extend(otherwise);
        let ty = self.join(&mut bodies, want);
        let otherwise = if has_else { bodies.pop().map(Box::new) } else { None };
        let mut arms = Vec::new();
        let mut whole = true;
        for ((awaitable, pattern, span), body) in rest.into_iter().zip(bodies) {
            match awaitable {
                Some(awaitable) => arms.push(hir::SelectArm { awaitable, pattern, body, span }),
                None => whole = false,
            }
        }
        if !whole {
            return error_expr(span);
        }
        Expr { kind: ExprKind::Select { arms, otherwise }, ty, span }
    }

    /// Whether an expression is a call of `task_scope`.
    pub(super) fn is_task_scope(&self, expr: &ast::Expr) -> bool {
        let ast::ExprKind::Call { callee, args } = &expr.kind else { return false };
        let ast::ExprKind::Name(name) = &callee.kind else { return false };
        args.is_empty()
            && matches!(
                self.lookup(&name.name),
                Some(super::body::Named::Def(Def::Std(StdProc::TaskScope)))
            )
    }
}
