//! Statements and blocks.

use super::super::ast::{Block, Expr, Stmt, StmtKind};
use super::expr::{assignment, expr, pattern, ty};
use super::{Node, atom, node};

pub(super) fn block(b: &Block) -> Node {
    node("block")
        .all(b.stmts.iter().map(stmt))
        .maybe(b.value.as_deref().map(|v| node("value").with(expr(v)).end()))
        .end()
}

fn with_value(head: &str, value: Option<&Expr>) -> Node {
    node(head).maybe(value.map(expr)).end()
}

fn stmt(s: &Stmt) -> Node {
    match &s.kind {
        StmtKind::Let { mutable, pattern: p, ty: declared, init } => node("let")
            .flag(*mutable, "mut")
            .with(pattern(p))
            .maybe(declared.as_ref().map(|t| node(":").with(ty(t)).end()))
            .with(init.as_ref().map_or_else(|| atom("<missing>"), expr))
            .end(),
        StmtKind::Set { place, op, value, .. } => {
            assignment("set", *op).with(expr(place)).with(expr(value)).end()
        }
        StmtKind::Give(value) => with_value("give", value.as_ref()),
        StmtKind::Emit(value) => with_value("emit", Some(value)),
        StmtKind::Assert { cond, message } => {
            node("assert").with(expr(cond)).maybe(message.as_ref().map(expr)).end()
        }
        StmtKind::Panic(value) => with_value("panic", value.as_ref()),
        StmtKind::Unreachable => node("unreachable").end(),
        StmtKind::Break(value) => with_value("break", value.as_ref()),
        StmtKind::Continue => node("continue").end(),
        StmtKind::While { cond, body } => node("while").with(expr(cond)).with(block(body)).end(),
        StmtKind::For { pattern: p, iter, body, awaits } => node("for")
            .flag(awaits.is_some(), "await")
            .with(pattern(p))
            .with(expr(iter))
            .with(block(body))
            .end(),
        StmtKind::ForC { init, cond, step, body } => {
            let part = |s: &Option<Box<Stmt>>| s.as_deref().map_or_else(|| atom("_"), stmt);
            node("for-c")
                .with(part(init))
                .with(cond.as_ref().map_or_else(|| atom("_"), expr))
                .with(part(step))
                .with(block(body))
                .end()
        }
        StmtKind::When { scrutinee, pattern: p, body, otherwise } => node("when")
            .with(expr(scrutinee))
            .with(pattern(p))
            .with(block(body))
            .maybe(otherwise.as_ref().map(|b| node("else").with(block(b)).end()))
            .end(),
        StmtKind::With { expr: e, pattern: p, body } => node("with")
            .with(expr(e))
            .maybe(p.as_ref().map(|p| node("as").with(pattern(p)).end()))
            .with(block(body))
            .end(),
        StmtKind::Defer(body) => node("defer").with(block(body)).end(),
        StmtKind::Asm(e) => node("asm").with(expr(e)).end(),
        StmtKind::Expr(e) => expr(e),
        StmtKind::Item(found) => super::item::item(found),
        StmtKind::Error => atom("<error>"),
    }
}
