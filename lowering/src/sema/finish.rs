//! The end of checking a body: type variables are replaced by what they stand for.
//!
//! In: the body as the walk left it. Out: the body of [`hir::Program`]: literals default to `int`
//! and `f64`, and what depends on final types is checked (ranges of literals, references and
//! futures in places that cannot hold them). Then matches and flow are checked.

use super::body::{BodyKind, Fx};
use super::hir::{self, Awaitable, AwaitableKind, Block, Const, Expr, ExprKind, PlaceBase};
use super::types::{InferKind, TyId, TyKind};
use crate::diagnostics::Span;

impl Fx<'_, '_, '_> {
    /// Finishes a body.
    pub(super) fn finish(&mut self, mut body: hir::Body) -> hir::Body {
        body.locals = std::mem::take(&mut self.locals);
        for at in 0..body.locals.len() {
            let (ty, span) = (body.locals[at].ty, body.locals[at].span);
            body.locals[at].ty = self.settle(ty, span);
            if let Some(hir::FutureOf::Proc(callee)) = &mut body.locals[at].future_of {
                let mut callee = callee.clone();
                self.settle_callee(&mut callee, span);
                body.locals[at].future_of = Some(hir::FutureOf::Proc(callee));
            }
        }
        self.settle_expr(&mut body.value);
        self.locals.clone_from(&body.locals);
        super::exhaust::check(self, &body);
        if matches!(self.kind, BodyKind::Proc(_)) {
            super::flow::check(self, &body);
        }
        body
    }

    /// The final form of a type; reports what nothing determines.
    fn settle(&mut self, ty: TyId, span: Span) -> TyId {
        let ty = self.deep(ty);
        let mut open = false;
        let ty = self.cx.types.map_leaves(ty, &mut |types, leaf| match types.kind(leaf) {
            TyKind::Infer(_, InferKind::Int) => TyId::INT,
            TyKind::Infer(_, InferKind::Float) => TyId::F64,
            TyKind::Infer(_, InferKind::Any) => {
                open = true;
                TyId::ERROR
            }
            _ => leaf,
        });
        if open {
            if self.told.insert("TYPECK_E_ANNOTATION") {
                self.error("TYPECK_E_ANNOTATION", "the type cannot be told from the program", span)
                    .note("nothing says what an element or argument is")
                    .help("write it: `let xs: [int] = []`, `channel[int](8)`, `f[int](…)`")
                    .push("its type is open");
            }
            return TyId::ERROR;
        }
        ty
    }

    fn settle_callee(&mut self, callee: &mut hir::Callee, span: Span) {
        for ty in &mut callee.type_args {
            *ty = self.settle(*ty, span);
            if self.cx.not_storable(*ty).is_some() && *ty != TyId::ERROR {
                let name = self.type_name(*ty);
                self.error(
                    "TYPECK_E_TYPE_ARGS",
                    format!("`{name}` cannot be a type argument"),
                    span,
                )
                .note("a reference, future or scope belongs to one place")
                .help("pass the value itself")
                .push("generic here");
            }
        }
    }

    fn settle_all(&mut self, list: &mut [Expr]) {
        for expr in list {
            self.settle_expr(expr);
        }
    }

    fn settle_block(&mut self, block: &mut Block) {
        for stmt in &mut block.stmts {
            match &mut stmt.kind {
                hir::StmtKind::Let { local, init } => {
                    let plain = matches!(init.kind, ExprKind::Ref(_) | ExprKind::Load { .. });
                    self.settle_expr(init);
                    let ty = self.cx.types.kind(init.ty).clone();
                    if let (TyKind::Ref { .. }, false) = (&ty, plain) {
                        self.ref_escapes(init.span);
                    }
                    if matches!(ty, TyKind::Ref { .. }) {
                        continue;
                    }
                    let _ = local;
                    self.check_kept(init);
                }
                hir::StmtKind::LetPattern { pattern, init } => {
                    self.settle_pattern(pattern);
                    self.settle_expr(init);
                    self.check_kept(init);
                }
                hir::StmtKind::Expr(expr) => {
                    self.settle_expr(expr);
                }
                hir::StmtKind::Defer(block) => self.settle_block(block),
            }
        }
        if let Some(value) = &mut block.value {
            self.settle_expr(value);
        }
    }

    fn ref_escapes(&mut self, span: Span) {
        if !self.told.insert("TYPECK_E_REF_ESCAPES") {
            return;
        }
        self.error("TYPECK_E_REF_ESCAPES", "a reference cannot be kept here", span)
            .note("it must not outlive the local it refers to")
            .help("bind it with `let r = &x`, or pass `&x` as an argument; or use the value itself")
            .push("a reference");
    }

    /// Reports a reference, future or scope inside a value that is kept.
    fn check_kept(&mut self, expr: &Expr) {
        let top = match self.cx.types.kind(expr.ty) {
            TyKind::Future(inner) | TyKind::Stream(inner) => *inner,
            TyKind::Proc { .. } => return,
            _ => expr.ty,
        };
        if let Some((key, what, help)) = self.cx.not_storable(top) {
            let name = self.type_name(expr.ty);
            self.error(key, format!("{what} cannot be stored"), expr.span)
                .note("it belongs to one place, which must be able to end it")
                .help(help)
                .push(format!("this is `{name}`"));
        }
    }

    fn settle_awaitable(&mut self, awaitable: &mut Awaitable) {
        awaitable.ty = self.settle(awaitable.ty, awaitable.span);
        match &mut awaitable.kind {
            AwaitableKind::Call(call) => {
                self.settle_callee(&mut call.callee, awaitable.span);
                self.settle_all(&mut call.args);
            }
            AwaitableKind::CallValue { callee, args } => {
                self.settle_expr(callee);
                self.settle_all(args);
            }
            AwaitableKind::Op { args, .. } => self.settle_all(args),
            AwaitableKind::Future(value) | AwaitableKind::Task(value) => self.settle_expr(value),
            AwaitableKind::Join(branches) => {
                for branch in branches {
                    self.settle_awaitable(branch);
                }
            }
            AwaitableKind::Timeout { ms, of } => {
                self.settle_expr(ms);
                self.settle_awaitable(of);
            }
        }
    }

    fn settle_place(&mut self, place: &mut hir::Place) {
        place.ty = self.settle(place.ty, place.span);
        if let PlaceBase::Temp(base) = &mut place.base {
            self.settle_expr(base);
        }
        for step in &mut place.path {
            step.ty = self.settle(step.ty, step.span);
            if let hir::ProjectionKind::Index(index) = &mut step.kind {
                self.settle_expr(index);
            }
        }
    }

    fn pattern_fits(&mut self, n: i128, ty: TyId, span: Span) {
        if let TyKind::Int(int) = *self.cx.types.kind(ty)
            && !(int.min()..=int.max()).contains(&n)
        {
            self.literal_range(n, int, span);
        }
    }

    fn settle_pattern(&mut self, pattern: &mut hir::Pattern) {
        pattern.ty = self.settle(pattern.ty, pattern.span);
        match &mut pattern.kind {
            hir::PatternKind::Wildcard | hir::PatternKind::Bind(_) | hir::PatternKind::Const(_) => {
                if let hir::PatternKind::Const(Const::Int(n)) = pattern.kind {
                    self.pattern_fits(n, pattern.ty, pattern.span);
                }
            }
            hir::PatternKind::Range { lo: Const::Int(lo), hi: Const::Int(hi) } => {
                let (lo, hi) = (*lo, *hi);
                self.pattern_fits(lo, pattern.ty, pattern.span);
                self.pattern_fits(hi, pattern.ty, pattern.span);
            }
            hir::PatternKind::Range { .. } => {}
            hir::PatternKind::Variant { payload: parts, .. }
            | hir::PatternKind::Tuple(parts)
            | hir::PatternKind::List { elements: parts, .. }
            | hir::PatternKind::Or(parts) => {
                for part in parts {
                    self.settle_pattern(part);
                }
            }
            hir::PatternKind::Form(fields) => {
                for (_, part) in fields {
                    self.settle_pattern(part);
                }
            }
        }
    }

    fn settle_expr(&mut self, expr: &mut Expr) {
        expr.ty = self.settle(expr.ty, expr.span);
        match &mut expr.kind {
            ExprKind::Const(Const::Int(n)) => {
                if let TyKind::Int(int) = *self.cx.types.kind(expr.ty)
                    && !(int.min()..=int.max()).contains(n)
                {
                    let n = *n;
                    self.literal_range(n, int, expr.span);
                }
            }
            ExprKind::Const(_) | ExprKind::None | ExprKind::Continue(_) => {}
            _ => self.settle_children(expr),
        }
    }

    fn settle_children(&mut self, expr: &mut Expr) {
        let span = expr.span;
        match &mut expr.kind {
            ExprKind::Const(_) | ExprKind::None | ExprKind::Continue(_) => {}
            ExprKind::Load { place, .. } | ExprKind::Ref(place) => self.settle_place(place),
            ExprKind::Assign { place, value } | ExprKind::Update { place, value, .. } => {
                self.settle_place(place);
                self.settle_expr(value);
                self.check_kept(value);
            }
            ExprKind::Append { place, what } => {
                self.settle_place(place);
                match what {
                    hir::Appended::Elements(items) => self.settle_all(items),
                    hir::Appended::All(value) => self.settle_expr(value),
                }
            }
            ExprKind::Binary { lhs, rhs, .. } => {
                self.settle_expr(lhs);
                self.settle_expr(rhs);
            }
            ExprKind::Unary { expr: inner, .. }
            | ExprKind::Cast(inner)
            | ExprKind::Some(inner)
            | ExprKind::Ok(inner)
            | ExprKind::Err(inner)
            | ExprKind::Emit(inner)
            | ExprKind::Panic { message: inner, .. } => self.settle_expr(inner),
            ExprKind::Call(call) => {
                self.settle_callee(&mut call.callee, span);
                self.settle_all(&mut call.args);
            }
            ExprKind::CallValue { callee, args } => {
                self.settle_expr(callee);
                self.settle_all(args);
            }
            ExprKind::Builtin { args, .. }
            | ExprKind::Tuple(args)
            | ExprKind::List(args)
            | ExprKind::Variant { args, .. } => self.settle_all(args),
            ExprKind::ProcValue(callee) => self.settle_callee(callee, span),
            ExprKind::Future(awaitable)
            | ExprKind::Await(awaitable)
            | ExprKind::Spawn { what: awaitable, .. } => {
                self.settle_awaitable(awaitable);
                if let ExprKind::Spawn { parent: hir::SpawnParent::Scope(scope), .. } =
                    &mut expr.kind
                {
                    self.settle_expr(scope);
                }
            }
            ExprKind::Repeat { value, n } => {
                self.settle_expr(value);
                self.settle_expr(n);
            }
            ExprKind::Form { fields, base } => {
                for (_, value) in fields {
                    self.settle_expr(value);
                }
                if let Some(base) = base {
                    self.settle_expr(base);
                }
            }
            ExprKind::Block(block) | ExprKind::Critical(block) => self.settle_block(block),
            ExprKind::WithScope { body, .. } => self.settle_block(body),
            ExprKind::If { cond, then, otherwise } => {
                self.settle_expr(cond);
                self.settle_expr(then);
                if let Some(otherwise) = otherwise {
                    self.settle_expr(otherwise);
                }
            }
            ExprKind::Match { scrutinee, arms, .. } => {
                self.settle_expr(scrutinee);
                self.check_kept(scrutinee);
                for arm in arms {
                    self.settle_pattern(&mut arm.pattern);
                    if let Some(guard) = &mut arm.guard {
                        self.settle_expr(guard);
                    }
                    self.settle_expr(&mut arm.body);
                }
            }
            ExprKind::Loop { cond, body, step, .. } => {
                if let Some(cond) = cond {
                    self.settle_expr(cond);
                }
                self.settle_block(body);
                if let Some(step) = step {
                    self.settle_expr(step);
                }
            }
            ExprKind::ForRange { pattern, lo, hi, body, .. } => {
                self.settle_pattern(pattern);
                self.settle_expr(lo);
                self.settle_expr(hi);
                self.settle_block(body);
            }
            ExprKind::ForList { pattern, list: source, body, .. }
            | ExprKind::ForStream { pattern, stream: source, body, .. }
            | ExprKind::ForChannel { pattern, channel: source, body, .. } => {
                self.settle_pattern(pattern);
                self.settle_expr(source);
                self.settle_block(body);
            }
            ExprKind::Select { arms, otherwise } => {
                for arm in arms {
                    self.settle_awaitable(&mut arm.awaitable);
                    self.settle_pattern(&mut arm.pattern);
                    self.settle_expr(&mut arm.body);
                }
                if let Some(otherwise) = otherwise {
                    self.settle_expr(otherwise);
                }
            }
            ExprKind::Give(value) => {
                if let Some(value) = value {
                    self.settle_expr(value);
                }
            }
            ExprKind::Break { value, .. } => {
                if let Some(value) = value {
                    self.settle_expr(value);
                }
            }
        }
        self.check_holder(expr);
    }

    /// Reports values that their new home cannot hold.
    fn check_holder(&mut self, expr: &Expr) {
        let held =
            matches!(
                expr.kind,
                ExprKind::Tuple(_)
                    | ExprKind::List(_)
                    | ExprKind::Some(_)
                    | ExprKind::Ok(_)
                    | ExprKind::Err(_)
                    | ExprKind::Spawn { .. }
            ) || matches!(&expr.kind, ExprKind::Builtin { op: hir::Builtin::ChannelNew, .. });
        if held {
            self.check_kept(expr);
        }
        let control = matches!(
            expr.kind,
            ExprKind::If { .. }
                | ExprKind::Match { .. }
                | ExprKind::Block(_)
                | ExprKind::Loop { .. }
                | ExprKind::Select { .. }
        );
        if control && matches!(self.cx.types.kind(expr.ty), TyKind::Ref { .. }) {
            self.ref_escapes(expr.span);
        }
    }
}
