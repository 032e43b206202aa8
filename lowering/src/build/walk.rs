//! Walks over the HIR: children of an expression, how disturbing it is, and who calls whom.
//!
//! Generic procedures count once, whatever their type arguments: a cycle is found if there is one
//! in any instance.

use std::collections::BTreeSet;

use crate::sema::hir::{
    Appended, Awaitable, AwaitableKind, Block, Callee, Expr, ExprKind, LoadMode, Overflow, Place,
    PlaceBase, ProcId, Program, ProjectionKind, SpawnParent, StmtKind,
};

/// What evaluating an expression can do to values that are held meanwhile.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Effect {
    /// Nothing.
    Pure,
    /// It may fault: what is owned must be found by the cleanup.
    Faults,
    /// It may write, call or suspend: what is borrowed must be held.
    Writes,
}

/// Judges an expression; what is deep counts as writing.
pub(super) fn effect(e: &Expr) -> Effect {
    effect_at(e, 8)
}

fn effect_at(e: &Expr, depth: u32) -> Effect {
    let Some(depth) = depth.checked_sub(1) else { return Effect::Writes };
    let of = |list: &[Expr]| list.iter().map(|e| effect_at(e, depth)).max().unwrap_or(Effect::Pure);
    match &e.kind {
        ExprKind::Const(c) => match c {
            crate::sema::hir::Const::Bytes(_) => Effect::Faults,
            _ => Effect::Pure,
        },
        ExprKind::ProcValue(_) | ExprKind::None | ExprKind::Ref(_) => Effect::Pure,
        ExprKind::Load { place, mode: LoadMode::Read } => {
            if matches!(place.base, PlaceBase::Temp(_)) {
                return Effect::Writes;
            }
            let steps = place.path.iter().map(|p| match &p.kind {
                ProjectionKind::Index(i) => effect_at(i, depth).max(Effect::Faults),
                _ => Effect::Pure,
            });
            steps.max().unwrap_or(Effect::Pure)
        }
        ExprKind::Binary { lhs, rhs, overflow, .. } => {
            let own = if *overflow == Overflow::Checked { Effect::Faults } else { Effect::Pure };
            effect_at(lhs, depth).max(effect_at(rhs, depth)).max(own)
        }
        ExprKind::Unary { expr, .. } | ExprKind::Cast(expr) => {
            effect_at(expr, depth).max(Effect::Faults)
        }
        ExprKind::Some(e) | ExprKind::Ok(e) | ExprKind::Err(e) => effect_at(e, depth),
        ExprKind::Tuple(list) => of(list),
        _ => Effect::Writes,
    }
}

fn place_children<'p>(place: &'p Place, f: &mut dyn FnMut(&'p Expr)) {
    if let PlaceBase::Temp(e) = &place.base {
        f(e);
    }
    for step in &place.path {
        if let ProjectionKind::Index(e) = &step.kind {
            f(e);
        }
    }
}

fn block_children<'p>(block: &'p Block, f: &mut dyn FnMut(&'p Expr)) {
    for stmt in &block.stmts {
        match &stmt.kind {
            StmtKind::Let { init, .. } | StmtKind::LetPattern { init, .. } => f(init),
            StmtKind::Expr(e) => f(e),
            StmtKind::Defer(b) => block_children(b, f),
        }
    }
    if let Some(e) = &block.value {
        f(e);
    }
}

fn awaitable_children<'p>(a: &'p Awaitable, f: &mut dyn FnMut(&'p Expr)) {
    match &a.kind {
        AwaitableKind::Call(call) => call.args.iter().for_each(f),
        AwaitableKind::CallValue { callee, args } => {
            f(callee);
            args.iter().for_each(f);
        }
        AwaitableKind::Op { args, .. } => args.iter().for_each(f),
        AwaitableKind::Future(e) | AwaitableKind::Task(e) => f(e),
        AwaitableKind::Join(list) => list.iter().for_each(|a| awaitable_children(a, f)),
        AwaitableKind::Timeout { ms, of } => {
            f(ms);
            awaitable_children(of, f);
        }
    }
}

/// Calls `f` with the expressions directly inside one.
pub(super) fn children<'p>(e: &'p Expr, f: &mut dyn FnMut(&'p Expr)) {
    match &e.kind {
        ExprKind::Const(_)
        | ExprKind::ProcValue(_)
        | ExprKind::None
        | ExprKind::Continue(_)
        | ExprKind::Give(None)
        | ExprKind::Break { value: None, .. } => {}
        ExprKind::Load { place, .. } | ExprKind::Ref(place) => place_children(place, f),
        ExprKind::Assign { place, value } | ExprKind::Update { place, value, .. } => {
            place_children(place, f);
            f(value);
        }
        ExprKind::Append { place, what } => {
            place_children(place, f);
            match what {
                Appended::Elements(list) => list.iter().for_each(f),
                Appended::All(e) => f(e),
            }
        }
        ExprKind::Binary { lhs, rhs, .. } => {
            f(lhs);
            f(rhs);
        }
        ExprKind::Unary { expr: e, .. }
        | ExprKind::Cast(e)
        | ExprKind::Emit(e)
        | ExprKind::Some(e)
        | ExprKind::Ok(e)
        | ExprKind::Err(e)
        | ExprKind::Give(Some(e))
        | ExprKind::Break { value: Some(e), .. }
        | ExprKind::Panic { message: e, .. } => f(e),
        ExprKind::Call(call) => call.args.iter().for_each(f),
        ExprKind::CallValue { callee, args } => {
            f(callee);
            args.iter().for_each(f);
        }
        ExprKind::Builtin { args: list, .. }
        | ExprKind::Tuple(list)
        | ExprKind::List(list)
        | ExprKind::Variant { args: list, .. } => list.iter().for_each(f),
        ExprKind::Future(a) | ExprKind::Await(a) => awaitable_children(a, f),
        ExprKind::Spawn { what, parent } => {
            awaitable_children(what, f);
            if let SpawnParent::Scope(e) = parent {
                f(e);
            }
        }
        ExprKind::Repeat { value, n } => {
            f(value);
            f(n);
        }
        ExprKind::Form { fields, base } => {
            fields.iter().for_each(|(_, e)| f(e));
            base.iter().for_each(|e| f(e));
        }
        ExprKind::Block(b) | ExprKind::Critical(b) => block_children(b, f),
        ExprKind::If { cond, then, otherwise } => {
            f(cond);
            f(then);
            otherwise.iter().for_each(|e| f(e));
        }
        ExprKind::Match { scrutinee, arms, .. } => {
            f(scrutinee);
            for arm in arms {
                arm.guard.iter().for_each(&mut *f);
                f(&arm.body);
            }
        }
        ExprKind::Loop { cond, body, step, .. } => {
            cond.iter().for_each(|e| f(e));
            block_children(body, f);
            step.iter().for_each(|e| f(e));
        }
        ExprKind::ForRange { lo, hi, body, .. } => {
            f(lo);
            f(hi);
            block_children(body, f);
        }
        ExprKind::ForList { list: e, body, .. }
        | ExprKind::ForStream { stream: e, body, .. }
        | ExprKind::ForChannel { channel: e, body, .. } => {
            f(e);
            block_children(body, f);
        }
        ExprKind::Select { arms, otherwise } => {
            for arm in arms {
                awaitable_children(&arm.awaitable, f);
                f(&arm.body);
            }
            otherwise.iter().for_each(|e| f(e));
        }
        ExprKind::WithScope { body, .. } => block_children(body, f),
    }
}

/// What one procedure does to others.
#[derive(Clone, Debug, Default)]
struct Node {
    calls: BTreeSet<ProcId>,
    calls_values: bool,
    spawns: bool,
}

/// Who calls whom, and who spawns children.
#[derive(Clone, Debug)]
pub(super) struct Calls {
    reach: Vec<BTreeSet<ProcId>>,
    spawns: Vec<bool>,
}

impl Calls {
    /// Looks at all bodies.
    pub(super) fn new(program: &Program) -> Self {
        let mut values = BTreeSet::new();
        let mut nodes: Vec<Node> = Vec::new();
        for proc in &program.procs {
            let mut node = Node::default();
            let mut work = vec![&proc.body.value];
            while let Some(e) = work.pop() {
                visit(e, &mut node, &mut values);
                children(e, &mut |e| work.push(e));
            }
            nodes.push(node);
        }
        for node in &mut nodes {
            if node.calls_values {
                node.calls.extend(values.iter().copied());
            }
        }
        let mut reach = Vec::new();
        for node in &nodes {
            let mut seen = BTreeSet::new();
            let mut work: Vec<ProcId> = node.calls.iter().copied().collect();
            while let Some(p) = work.pop() {
                if seen.insert(p) {
                    work.extend(nodes[p.0 as usize].calls.iter().copied());
                }
            }
            reach.push(seen);
        }
        let spawns = nodes.iter().zip(&reach);
        let spawns = spawns.map(|(n, r)| n.spawns || r.iter().any(|p| nodes[p.0 as usize].spawns));
        Self { spawns: spawns.collect(), reach }
    }

    /// Whether a call of `callee` in `caller` may lead back to `caller`.
    pub(super) fn is_recursive(&self, caller: ProcId, callee: ProcId) -> bool {
        caller == callee || self.reach[callee.0 as usize].contains(&caller)
    }

    /// Whether a procedure may call itself, through others or not.
    pub(super) fn is_in_cycle(&self, proc: ProcId) -> bool {
        self.reach[proc.0 as usize].contains(&proc)
    }

    /// Whether running it may make children of the current task.
    pub(super) fn may_spawn(&self, proc: ProcId) -> bool {
        self.spawns[proc.0 as usize]
    }
}

fn visit(e: &Expr, node: &mut Node, values: &mut BTreeSet<ProcId>) {
    let mut awaited = |a: &Awaitable| {
        let mut work = vec![a];
        while let Some(a) = work.pop() {
            match &a.kind {
                AwaitableKind::Call(call) => {
                    node.calls.insert(call.callee.proc);
                }
                AwaitableKind::CallValue { .. } => node.calls_values = true,
                AwaitableKind::Join(list) => work.extend(list),
                AwaitableKind::Timeout { of, .. } => work.push(of),
                AwaitableKind::Op { .. } | AwaitableKind::Future(_) | AwaitableKind::Task(_) => {}
            }
        }
    };
    match &e.kind {
        ExprKind::Await(a) | ExprKind::Future(a) => awaited(a),
        ExprKind::Select { arms, .. } => arms.iter().for_each(|arm| awaited(&arm.awaitable)),
        ExprKind::Call(call) => {
            node.calls.insert(call.callee.proc);
        }
        ExprKind::CallValue { .. } => node.calls_values = true,
        ExprKind::ProcValue(Callee { proc, .. }) => {
            values.insert(*proc);
        }
        ExprKind::Spawn { parent: SpawnParent::Task, .. } => node.spawns = true,
        _ => {}
    }
}
