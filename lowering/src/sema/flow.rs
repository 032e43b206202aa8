//! What becomes of values along the ways through a body.
//!
//! In: a typed body. Out: diagnostics only:
//!
//! - a local used after it was moved (`BORROWCK_E_USE_AFTER_MOVE`; for a future awaited twice
//!   `HIRASYNC0004`), on any way;
//! - a reference used after an await that came after it was made (`HIRASYNC0005`);
//! - a local future never used (`HIRASYNC0003`);
//! - a value that cannot go to another task (`HIRASYNC0006`).
//!
//! Idea: one walk forward in order of evaluation with a state: who is moved, which references are
//! made before the last await. Where ways join, the states are united. A loop is walked twice: the
//! second time with what the first one left, which is enough because both facts only spread.
//! Unreachable code has no state and is not judged.
//!
//! Cost: the size of the body times two to the depth of its loops, cut off at [`MAX_STEPS`].

use super::body::Fx;
use super::hir::{
    self, Awaitable, AwaitableKind, Block, Body, Expr, ExprKind, LoadMode, LocalId, LoopId, Place,
    PlaceBase, ProjectionKind,
};
use super::types::{TyId, TyKind};
use crate::diagnostics::{Diagnostic, Span};
use std::collections::{BTreeMap, BTreeSet};

/// Number of expressions after which the walk gives up: nothing is reported then.
const MAX_STEPS: u32 = 2_000_000;

/// Why a local is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moved {
    at: Span,
    awaited: bool,
}

/// What is known at a point.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct State {
    moved: BTreeMap<LocalId, Moved>,
    /// References with the first await since they were made.
    stale: BTreeMap<LocalId, Span>,
    /// References that are made and not stale.
    fresh: BTreeSet<LocalId>,
}

impl State {
    fn join(&mut self, other: Self) {
        for (local, moved) in other.moved {
            self.moved.entry(local).or_insert(moved);
        }
        for (local, at) in other.stale {
            self.stale.entry(local).or_insert(at);
        }
        self.fresh.extend(other.fresh);
    }
}

/// Unites the states of two ways; one that is never taken adds nothing.
fn join(a: Option<State>, b: Option<State>) -> Option<State> {
    match (a, b) {
        (Some(mut a), Some(b)) => {
            a.join(b);
            Some(a)
        }
        (a, b) => a.or(b),
    }
}

/// States at the ends of a loop that is being walked.
#[derive(Default)]
struct Ends {
    broken: Option<State>,
    again: Option<State>,
}

struct Flow<'f> {
    body: &'f Body,
    /// `None` in unreachable code.
    state: Option<State>,
    loops: BTreeMap<LoopId, Ends>,
    used: BTreeSet<LocalId>,
    /// For each defer that is pending, what was moved since it was met.
    pending: Vec<BTreeMap<LocalId, Moved>>,
    found: Vec<Diagnostic>,
    reported: BTreeSet<(Span, &'static str)>,
    steps: u32,
    is_future: Vec<bool>,
    is_ref: Vec<bool>,
    /// Set while the operand of an await or spawn is walked.
    awaiting: bool,
}

/// Walks a body and reports.
pub(super) fn check(fx: &mut Fx<'_, '_, '_>, body: &Body) {
    let kind = |ty: TyId| fx.cx.types.kind(ty);
    let is_future =
        |local: &hir::Local| matches!(kind(local.ty), TyKind::Future(_) | TyKind::Stream(_));
    let is_ref = |local: &hir::Local| matches!(kind(local.ty), TyKind::Ref { .. });
    let mut flow = Flow {
        body,
        state: Some(State::default()),
        loops: BTreeMap::new(),
        used: BTreeSet::new(),
        pending: Vec::new(),
        found: Vec::new(),
        reported: BTreeSet::new(),
        steps: 0,
        is_future: body.locals.iter().map(is_future).collect(),
        is_ref: body.locals.iter().map(is_ref).collect(),
        awaiting: false,
    };
    flow.expr(&body.value);
    if flow.steps >= MAX_STEPS {
        return;
    }
    flow.unused_futures();
    let found = flow.found;
    for diag in found {
        fx.cx.diags.push(diag);
    }
    crossings(fx, &body.value);
}

impl Flow<'_> {
    fn report(&mut self, diag: Diagnostic) {
        if let Some(span) = diag.span()
            && self.reported.insert((span, diag.key))
        {
            self.found.push(diag);
        }
    }

    fn unused_futures(&mut self) {
        for (at, local) in self.body.locals.iter().enumerate() {
            let id = LocalId(at as u32);
            let named = !local.name.starts_with('<') && !local.name.starts_with('_');
            if self.is_future[at]
                && named
                && at >= self.body.n_params as usize
                && !self.used.contains(&id)
            {
                let title = format!("the future `{}` is never awaited", local.name);
                self.found.push(
                    Diagnostic::warning("HIRASYNC0003", title)
                        .at(local.span, "nothing of it runs")
                        .note("calling an async procedure runs nothing: it only makes a future")
                        .help("write `await` where its value is needed, or `spawn` to let it run"),
                );
            }
        }
    }

    /// A suspension: references made before become stale.
    fn suspend(&mut self, at: Span) {
        if let Some(state) = &mut self.state {
            for local in std::mem::take(&mut state.fresh) {
                state.stale.entry(local).or_insert(at);
            }
        }
    }

    fn use_local(&mut self, local: LocalId, mode: LoadMode, span: Span) {
        self.used.insert(local);
        let Some(state) = &mut self.state else { return };
        let info = &self.body.locals[local.0 as usize];
        let (moved, stale) = (state.moved.get(&local).copied(), state.stale.get(&local).copied());
        if mode == LoadMode::Move {
            let moved = Moved { at: span, awaited: self.awaiting };
            state.moved.insert(local, moved);
            for gone in &mut self.pending {
                gone.entry(local).or_insert(moved);
            }
        }
        if let Some(moved) = moved {
            let future = self.is_future[local.0 as usize];
            let again = if moved.at == span { "in an earlier round of the loop" } else { "here" };
            let diag = if future && moved.awaited {
                Diagnostic::error("HIRASYNC0004", format!("the future `{}` is awaited twice", info.name))
                    .at(span, "used again here")
                    .also(moved.at, format!("used up {again}"))
                    .note("a future runs once and is gone then")
                    .help("keep its value in a local, or call the procedure again; a task from `spawn` can be awaited more than once")
            } else {
                let title = format!("`{}` is used after it was moved", info.name);
                Diagnostic::error("BORROWCK_E_USE_AFTER_MOVE", title)
                    .at(span, "there is no value any more")
                    .also(moved.at, format!("moved {again}"))
                    .help("leave `move` out where it was moved: lists and forms are shared then")
            };
            self.report(diag);
        }
        if let (true, Some(at)) = (self.is_ref[local.0 as usize], stale) {
            let title = format!("the reference `{}` lives across an await", info.name);
            self.report(
                Diagnostic::error("HIRASYNC0005", title)
                    .at(at, "the task may be suspended here")
                    .also(info.span, "the reference is made before")
                    .also(span, "and used after")
                    .note("meanwhile the frame may move, and what is referred to with it")
                    .help("use the reference up before the await, or make it again after it"),
            );
        }
    }

    fn declare(&mut self, local: LocalId) {
        let is_ref = self.is_ref[local.0 as usize];
        if let Some(state) = &mut self.state {
            state.moved.remove(&local);
            state.stale.remove(&local);
            if is_ref {
                state.fresh.insert(local);
            }
        }
    }

    fn pattern(&mut self, pattern: &hir::Pattern) {
        match &pattern.kind {
            hir::PatternKind::Bind(local) => self.declare(*local),
            hir::PatternKind::Variant { payload: parts, .. }
            | hir::PatternKind::Tuple(parts)
            | hir::PatternKind::Or(parts) => parts.iter().for_each(|part| self.pattern(part)),
            hir::PatternKind::List { elements, rest } => {
                elements.iter().for_each(|part| self.pattern(part));
                if let Some(local) = rest.and_then(|rest| rest.local) {
                    self.declare(local);
                }
            }
            hir::PatternKind::Form(fields) => {
                fields.iter().for_each(|(_, part)| self.pattern(part));
            }
            _ => {}
        }
    }

    fn block(&mut self, block: &Block) {
        let outside = self.pending.len();
        let mut defers = Vec::new();
        for stmt in &block.stmts {
            match &stmt.kind {
                hir::StmtKind::Let { local, init } => {
                    self.expr(init);
                    self.declare(*local);
                }
                hir::StmtKind::LetPattern { pattern, init } => {
                    self.expr(init);
                    self.pattern(pattern);
                }
                hir::StmtKind::Expr(expr) => self.expr(expr),
                hir::StmtKind::Defer(block) => {
                    defers.push((block, self.state.clone()));
                    self.pending.push(BTreeMap::new());
                }
            }
        }
        if let Some(value) = &block.value {
            self.expr(value);
        }
        // A defer may run at any point after it, as anything may panic or be cancelled: whatever
        // was moved since may be gone. That it ran is no news for what follows.
        let gone = self.pending.split_off(outside);
        for ((block, at), gone) in defers.into_iter().zip(gone).rev() {
            let after = self.state.take();
            self.state = join(at, after.clone());
            if let Some(state) = &mut self.state {
                state.join(State { moved: gone, ..State::default() });
            }
            self.block(block);
            let ran = self.state.take();
            self.state = after.and(ran);
        }
    }

    fn place(&mut self, place: &Place, mode: LoadMode) {
        if let PlaceBase::Temp(base) = &place.base {
            self.expr(base);
        }
        for step in &place.path {
            if let ProjectionKind::Index(index) = &step.kind {
                self.expr(index);
            }
        }
        if let PlaceBase::Local(local) = place.base {
            self.use_local(local, mode, place.span);
        }
    }

    /// A place that is written: its local is used, unless it is written as a whole.
    fn target(&mut self, place: &Place) {
        if place.path.is_empty()
            && let PlaceBase::Local(_) = place.base
        {
            return;
        }
        self.place(place, LoadMode::Read);
    }

    fn written(&mut self, place: &Place) {
        if let (PlaceBase::Local(local), true) = (&place.base, place.path.is_empty()) {
            self.declare(*local);
        }
    }

    fn all(&mut self, list: &[Expr]) {
        list.iter().for_each(|expr| self.expr(expr));
    }

    fn awaitable(&mut self, awaitable: &Awaitable) {
        match &awaitable.kind {
            AwaitableKind::Call(call) => self.all(&call.args),
            AwaitableKind::CallValue { callee, args } => {
                self.expr(callee);
                self.all(args);
            }
            AwaitableKind::Op { args, .. } => self.all(args),
            AwaitableKind::Future(value) => {
                let outer = std::mem::replace(&mut self.awaiting, true);
                self.expr(value);
                self.awaiting = outer;
            }
            AwaitableKind::Task(value) => self.expr(value),
            AwaitableKind::Join(branches) => branches.iter().for_each(|b| self.awaitable(b)),
            AwaitableKind::Timeout { ms, of } => {
                self.expr(ms);
                self.awaitable(of);
            }
        }
    }

    /// Walks the body of a loop twice; `head` runs before each round, `tail` after it.
    fn rounds(
        &mut self,
        id: LoopId,
        endless: bool,
        head: &dyn Fn(&mut Self),
        body: &Block,
        tail: &dyn Fn(&mut Self),
    ) {
        let mut exit = None;
        for _ in 0..2 {
            let entry = self.state.clone();
            head(self);
            if !endless {
                exit = join(exit, self.state.clone());
            }
            self.loops.insert(id, Ends::default());
            self.block(body);
            let ends = self.loops.remove(&id).unwrap_or_default();
            self.state = join(self.state.take(), ends.again);
            tail(self);
            exit = join(exit, ends.broken);
            self.state = join(entry, self.state.take());
        }
        self.state = exit;
    }

    fn expr(&mut self, expr: &Expr) {
        self.steps += 1;
        if self.steps >= MAX_STEPS {
            return;
        }
        match &expr.kind {
            ExprKind::Const(_) | ExprKind::None | ExprKind::ProcValue(_) => {}
            ExprKind::Load { place, mode } => self.place(place, *mode),
            ExprKind::Ref(place) => self.place(place, LoadMode::Read),
            ExprKind::Assign { place, value } => {
                self.target(place);
                self.expr(value);
                self.written(place);
            }
            ExprKind::Update { place, value, .. } => {
                self.expr(value);
                self.place(place, LoadMode::Read);
            }
            ExprKind::Append { place, what } => {
                match what {
                    hir::Appended::Elements(items) => self.all(items),
                    hir::Appended::All(value) => self.expr(value),
                }
                self.place(place, LoadMode::Read);
            }
            ExprKind::Binary { lhs, rhs, .. } => {
                self.expr(lhs);
                self.expr(rhs);
            }
            ExprKind::Unary { expr, .. }
            | ExprKind::Cast(expr)
            | ExprKind::Some(expr)
            | ExprKind::Ok(expr)
            | ExprKind::Err(expr) => self.expr(expr),
            ExprKind::Call(call) => self.all(&call.args),
            ExprKind::CallValue { callee, args } => {
                self.expr(callee);
                self.all(args);
            }
            ExprKind::Builtin { args, .. }
            | ExprKind::Tuple(args)
            | ExprKind::List(args)
            | ExprKind::Variant { args, .. } => self.all(args),
            ExprKind::Repeat { value, n } => {
                self.expr(value);
                self.expr(n);
            }
            ExprKind::Form { fields, base } => {
                fields.iter().for_each(|(_, value)| self.expr(value));
                if let Some(base) = base {
                    self.expr(base);
                }
            }
            ExprKind::Future(awaitable) => self.awaitable(awaitable),
            ExprKind::Await(awaitable) => {
                self.awaitable(awaitable);
                self.suspend(awaitable.span);
            }
            ExprKind::Spawn { what, parent } => {
                if let hir::SpawnParent::Scope(scope) = parent {
                    self.expr(scope);
                }
                self.awaitable(what);
            }
            ExprKind::Emit(value) => {
                self.expr(value);
                self.suspend(expr.span);
            }
            _ => self.control(expr),
        }
        if expr.ty == TyId::NEVER {
            self.state = None;
        }
    }

    /// Expressions with more than one way through them.
    fn control(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Block(block) | ExprKind::Critical(block) => self.block(block),
            ExprKind::WithScope { local, body } => {
                self.declare(*local);
                self.block(body);
                self.suspend(expr.span);
            }
            ExprKind::If { cond, then, otherwise } => {
                self.expr(cond);
                let before = self.state.clone();
                self.expr(then);
                let after = std::mem::replace(&mut self.state, before);
                if let Some(otherwise) = otherwise {
                    self.expr(otherwise);
                }
                self.state = join(after, self.state.take());
            }
            ExprKind::Match { scrutinee, arms, .. } => {
                self.expr(scrutinee);
                let mut after = None;
                for arm in arms {
                    let before = self.state.clone();
                    self.pattern(&arm.pattern);
                    if let Some(guard) = &arm.guard {
                        self.expr(guard);
                    }
                    // A guard that fails has run.
                    let next = if arm.guard.is_some() { self.state.clone() } else { before };
                    self.expr(&arm.body);
                    after = join(after, std::mem::replace(&mut self.state, next));
                }
                self.state = after;
            }
            ExprKind::Loop { id, cond, body, step } => {
                let head = |flow: &mut Self| {
                    if let Some(cond) = cond {
                        flow.expr(cond);
                    }
                };
                let tail = |flow: &mut Self| {
                    if let Some(step) = step {
                        flow.expr(step);
                    }
                };
                self.rounds(*id, cond.is_none(), &head, body, &tail);
            }
            ExprKind::ForRange { id, pattern, lo, hi, body, .. } => {
                self.expr(lo);
                self.expr(hi);
                self.rounds(*id, false, &|flow| flow.pattern(pattern), body, &|_| {});
            }
            ExprKind::ForList { id, pattern, list, body } => {
                self.expr(list);
                self.rounds(*id, false, &|flow| flow.pattern(pattern), body, &|_| {});
            }
            ExprKind::ForStream { id, pattern, stream: source, body }
            | ExprKind::ForChannel { id, pattern, channel: source, body } => {
                let outer = std::mem::replace(&mut self.awaiting, true);
                self.expr(source);
                self.awaiting = outer;
                let head = |flow: &mut Self| {
                    flow.suspend(source.span);
                    flow.pattern(pattern);
                };
                self.rounds(*id, false, &head, body, &|_| {});
            }
            ExprKind::Select { arms, otherwise } => {
                for arm in arms {
                    self.awaitable(&arm.awaitable);
                }
                self.suspend(expr.span);
                let before = self.state.clone();
                let mut after = None;
                for arm in arms {
                    self.pattern(&arm.pattern);
                    self.expr(&arm.body);
                    after = join(after, std::mem::replace(&mut self.state, before.clone()));
                }
                if let Some(otherwise) = otherwise {
                    self.expr(otherwise);
                    after = join(after, self.state.take());
                }
                self.state = after;
            }
            ExprKind::Give(value) => {
                if let Some(value) = value {
                    self.expr(value);
                }
                self.state = None;
            }
            ExprKind::Break { target, value } => {
                if let Some(value) = value {
                    self.expr(value);
                }
                let state = self.state.take();
                if let Some(ends) = self.loops.get_mut(target) {
                    ends.broken = join(ends.broken.take(), state);
                }
            }
            ExprKind::Continue(target) => {
                let state = self.state.take();
                if let Some(ends) = self.loops.get_mut(target) {
                    ends.again = join(ends.again.take(), state);
                }
            }
            ExprKind::Panic { message, .. } => {
                self.expr(message);
                self.state = None;
            }
            _ => {}
        }
    }
}

/// Reports values that go to another task and cannot.
fn crossings(fx: &mut Fx<'_, '_, '_>, expr: &Expr) {
    let mut sent: Vec<(TyId, Span)> = Vec::new();
    super::visit::exprs(expr, &mut |expr| match &expr.kind {
        ExprKind::Spawn { what, .. } => sent_by(what, true, &mut sent),
        ExprKind::Await(awaitable) | ExprKind::Future(awaitable) => {
            sent_by(awaitable, false, &mut sent);
        }
        ExprKind::Select { arms, .. } => {
            arms.iter().for_each(|arm| sent_by(&arm.awaitable, false, &mut sent));
        }
        _ => {}
    });
    for (ty, span) in sent {
        let stays = |kind: &TyKind| {
            matches!(
                kind,
                TyKind::Ref { .. } | TyKind::TaskScope | TyKind::Stream(_) | TyKind::Future(_)
            )
        };
        let kind = fx.cx.types.kind(ty);
        if stays(kind) {
            let name = fx.cx.types.name(ty);
            fx.error("HIRASYNC0006", format!("`{name}` cannot cross to a task"), span)
                .note("tasks share no memory: what crosses is moved or copied")
                .help(match name.as_str() {
                    "TaskScope" => "spawn into the scope here: `s.spawn(…)`",
                    name if name.starts_with("Future[") => {
                        "spawn it here, and hand the task over: a `Task[T]` is shared"
                    }
                    _ => "send the value itself, or a channel through which it comes",
                })
                .push("this belongs to the task that made it");
        }
    }
}

/// What an awaitable hands to another task: what it sends, and all arguments if it is spawned.
fn sent_by(awaitable: &Awaitable, spawned: bool, out: &mut Vec<(TyId, Span)>) {
    let (args, is_send): (&[Expr], bool) = match &awaitable.kind {
        AwaitableKind::Call(hir::Call { args, .. }) | AwaitableKind::CallValue { args, .. } => {
            (args, false)
        }
        AwaitableKind::Op { op, args } => (args, *op == hir::AsyncOp::Send),
        AwaitableKind::Join(branches) => {
            return branches.iter().for_each(|branch| sent_by(branch, spawned, out));
        }
        AwaitableKind::Timeout { of, .. } => return sent_by(of, spawned, out),
        AwaitableKind::Future(_) | AwaitableKind::Task(_) => return,
    };
    if spawned || is_send {
        let stays = usize::from(!spawned); // the channel
        out.extend(args.iter().skip(stays).map(|arg| (arg.ty, arg.span)));
    }
}
