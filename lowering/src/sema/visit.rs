//! Walks over every expression of a tree, outside before inside, in order of evaluation where that
//! is the order of the fields.

use super::hir::{
    Appended, Awaitable, AwaitableKind, Block, Expr, ExprKind, Place, PlaceBase, ProjectionKind,
    SpawnParent, StmtKind,
};

/// Shows `expr` and every expression inside it to `see`.
pub(super) fn exprs<'e>(expr: &'e Expr, see: &mut dyn FnMut(&'e Expr)) {
    see(expr);
    match &expr.kind {
        ExprKind::Const(_) | ExprKind::None | ExprKind::ProcValue(_) | ExprKind::Continue(_) => {}
        ExprKind::Load { place, .. } | ExprKind::Ref(place) => in_place(place, see),
        ExprKind::Assign { place, value } | ExprKind::Update { place, value, .. } => {
            in_place(place, see);
            exprs(value, see);
        }
        ExprKind::Append { place, what } => {
            match what {
                Appended::Elements(items) => all(items, see),
                Appended::All(value) => exprs(value, see),
            }
            in_place(place, see);
        }
        ExprKind::Binary { lhs, rhs, .. } => {
            exprs(lhs, see);
            exprs(rhs, see);
        }
        ExprKind::Unary { expr, .. }
        | ExprKind::Cast(expr)
        | ExprKind::Some(expr)
        | ExprKind::Ok(expr)
        | ExprKind::Err(expr)
        | ExprKind::Emit(expr)
        | ExprKind::Panic { message: expr, .. } => exprs(expr, see),
        ExprKind::Call(call) => all(&call.args, see),
        ExprKind::CallValue { callee, args } => {
            exprs(callee, see);
            all(args, see);
        }
        ExprKind::Builtin { args, .. }
        | ExprKind::Tuple(args)
        | ExprKind::List(args)
        | ExprKind::Variant { args, .. } => all(args, see),
        ExprKind::Repeat { value, n } => {
            exprs(value, see);
            exprs(n, see);
        }
        ExprKind::Form { fields, base } => {
            fields.iter().for_each(|(_, value)| exprs(value, see));
            if let Some(base) = base {
                exprs(base, see);
            }
        }
        ExprKind::Future(awaitable) | ExprKind::Await(awaitable) => in_awaitable(awaitable, see),
        ExprKind::Spawn { what, parent } => {
            if let SpawnParent::Scope(scope) = parent {
                exprs(scope, see);
            }
            in_awaitable(what, see);
        }
        ExprKind::Block(block) | ExprKind::Critical(block) => in_block(block, see),
        ExprKind::WithScope { body, .. } => in_block(body, see),
        ExprKind::If { cond, then, otherwise } => {
            exprs(cond, see);
            exprs(then, see);
            if let Some(otherwise) = otherwise {
                exprs(otherwise, see);
            }
        }
        ExprKind::Match { scrutinee, arms, .. } => {
            exprs(scrutinee, see);
            for arm in arms {
                if let Some(guard) = &arm.guard {
                    exprs(guard, see);
                }
                exprs(&arm.body, see);
            }
        }
        ExprKind::Loop { cond, body, step, .. } => {
            if let Some(cond) = cond {
                exprs(cond, see);
            }
            in_block(body, see);
            if let Some(step) = step {
                exprs(step, see);
            }
        }
        ExprKind::ForRange { lo, hi, body, .. } => {
            exprs(lo, see);
            exprs(hi, see);
            in_block(body, see);
        }
        ExprKind::ForList { list: source, body, .. }
        | ExprKind::ForStream { stream: source, body, .. }
        | ExprKind::ForChannel { channel: source, body, .. } => {
            exprs(source, see);
            in_block(body, see);
        }
        ExprKind::Select { arms, otherwise } => {
            arms.iter().for_each(|arm| in_awaitable(&arm.awaitable, see));
            arms.iter().for_each(|arm| exprs(&arm.body, see));
            if let Some(otherwise) = otherwise {
                exprs(otherwise, see);
            }
        }
        ExprKind::Give(value) | ExprKind::Break { value, .. } => {
            if let Some(value) = value {
                exprs(value, see);
            }
        }
    }
}

fn all<'e>(list: &'e [Expr], see: &mut dyn FnMut(&'e Expr)) {
    list.iter().for_each(|expr| exprs(expr, see));
}

fn in_place<'e>(place: &'e Place, see: &mut dyn FnMut(&'e Expr)) {
    if let PlaceBase::Temp(base) = &place.base {
        exprs(base, see);
    }
    for step in &place.path {
        if let ProjectionKind::Index(index) = &step.kind {
            exprs(index, see);
        }
    }
}

/// Shows every block inside `expr` to `see`.
pub(super) fn blocks<'e>(expr: &'e Expr, see: &mut dyn FnMut(&'e Block)) {
    exprs(expr, &mut |expr| match &expr.kind {
        ExprKind::Block(block) | ExprKind::Critical(block) => with_defers(block, see),
        ExprKind::WithScope { body, .. }
        | ExprKind::Loop { body, .. }
        | ExprKind::ForRange { body, .. }
        | ExprKind::ForList { body, .. }
        | ExprKind::ForStream { body, .. }
        | ExprKind::ForChannel { body, .. } => with_defers(body, see),
        _ => {}
    });
}

fn with_defers<'e>(block: &'e Block, see: &mut dyn FnMut(&'e Block)) {
    see(block);
    for stmt in &block.stmts {
        if let StmtKind::Defer(block) = &stmt.kind {
            with_defers(block, see);
        }
    }
}

fn in_block<'e>(block: &'e Block, see: &mut dyn FnMut(&'e Expr)) {
    for stmt in &block.stmts {
        match &stmt.kind {
            StmtKind::Let { init, .. } | StmtKind::LetPattern { init, .. } => exprs(init, see),
            StmtKind::Expr(expr) => exprs(expr, see),
            StmtKind::Defer(block) => in_block(block, see),
        }
    }
    if let Some(value) = &block.value {
        exprs(value, see);
    }
}

fn in_awaitable<'e>(awaitable: &'e Awaitable, see: &mut dyn FnMut(&'e Expr)) {
    match &awaitable.kind {
        AwaitableKind::Call(call) => all(&call.args, see),
        AwaitableKind::CallValue { callee, args } => {
            exprs(callee, see);
            all(args, see);
        }
        AwaitableKind::Op { args, .. } => all(args, see),
        AwaitableKind::Future(value) | AwaitableKind::Task(value) => exprs(value, see),
        AwaitableKind::Join(branches) => {
            branches.iter().for_each(|branch| in_awaitable(branch, see));
        }
        AwaitableKind::Timeout { ms, of } => {
            exprs(ms, see);
            in_awaitable(of, see);
        }
    }
}
