//! Blocks: statements, how they end, and the value of the last one.

use super::super::ast::{Block, Expr, ExprKind, Stmt, StmtKind};
use super::{Parsed, Parser, TokenKind::*};
use crate::diagnostics::Diagnostic;

impl Parser<'_> {
    /// Reads `{ … }`.
    pub(super) fn block(&mut self) -> Parsed<Block> {
        if !self.is(LBrace) {
            let help = "bodies are blocks: `{ … }`";
            return Err(self.expected("PARSE_E_EXPECTED_BLOCK", "`{`", help));
        }
        self.deeper_by(2, |p| p.braced(Self::block_inside))
    }

    fn block_inside(&mut self) -> Parsed<Block> {
        let lo = self.lo();
        let open = self.at;
        let id = self.id();
        self.bump();
        let mut stmts: Vec<Stmt> = Vec::new();
        // Whether the last statement is an expression that no `;` follows.
        let mut open_end = false;
        while !matches!(self.kind(), RBrace | Eof) && !self.given_up {
            if self.is(Semi) {
                self.stray_semicolon();
                continue;
            }
            let start = self.at;
            let stmt = match self.stmt(false) {
                Ok(stmt) => stmt,
                Err(_) => {
                    let span = self.span_from(self.lexed.tokens[start].lo);
                    if self.at == start || !self.on_new_line(0) {
                        self.skip_statement();
                    }
                    if self.at == start && !matches!(self.kind(), RBrace | Eof) {
                        self.skip_tree();
                    }
                    Stmt { span, kind: StmtKind::Error }
                }
            };
            let semi = self.end_statement(&stmt);
            open_end = !semi && matches!(stmt.kind, StmtKind::Expr(_));
            stmts.push(stmt);
        }
        if self.given_up && !self.is(RBrace) {
            self.at = self.partner(open).unwrap_or(self.lexed.tokens.len() - 1);
        }
        self.expect_closer(RBrace, open)?;
        let value = if open_end { stmts.pop() } else { None };
        let value = value.and_then(|stmt| match stmt.kind {
            StmtKind::Expr(expr) => Some(Box::new(expr)),
            _ => None,
        });
        Ok(Block { id, span: self.span_from(lo), stmts, value })
    }

    /// Reads what ends a statement; says whether it was a `;`.
    fn end_statement(&mut self, stmt: &Stmt) -> bool {
        if self.is(Semi) {
            self.bump();
            if self.is(Semi) {
                self.stray_semicolon();
            }
            return true;
        }
        let ended = matches!(self.kind(), RBrace | Eof)
            || self.on_new_line(0)
            || ends_itself(stmt)
            || matches!(stmt.kind, StmtKind::Error);
        if ended {
            return false;
        }
        if matches!(self.kind(), RParen | RBracket) {
            self.unmatched();
            self.skip_statement();
        } else {
            let found = self.found();
            let statement_follows = self.begins_statement();
            let help = if statement_follows {
                "put `;` or a line end between the statements"
            } else {
                "end the statement with `;` or a line end, or add the missing operator"
            };
            self.report(
                Diagnostic::error(
                    "PARSE_E_EXPECTED_END",
                    format!("the statement should end before {found}"),
                )
                .at(self.span(), "not part of the statement before it")
                .help(help),
            );
            if !statement_follows {
                self.skip_statement();
            }
        }
        self.eat(Semi)
    }

    fn stray_semicolon(&mut self) {
        self.report(
            Diagnostic::error("PARSE_E_DOUBLE_SEMICOLON", "this `;` ends nothing")
                .at(self.span(), "the statement before it has ended")
                .help("remove it"),
        );
        while self.eat(Semi) {}
    }
}

/// Says whether a statement ends with its closing brace, so that another may follow on the line.
fn ends_itself(stmt: &Stmt) -> bool {
    match &stmt.kind {
        StmtKind::Expr(expr) => is_block_like(expr),
        StmtKind::While { .. }
        | StmtKind::For { .. }
        | StmtKind::ForC { .. }
        | StmtKind::When { .. }
        | StmtKind::With { .. }
        | StmtKind::Defer(_)
        | StmtKind::Item(_) => true,
        _ => false,
    }
}

fn is_block_like(expr: &Expr) -> bool {
    matches!(
        expr.kind,
        ExprKind::If(_)
            | ExprKind::Match { .. }
            | ExprKind::Select(_)
            | ExprKind::Switch { .. }
            | ExprKind::Loop(_)
            | ExprKind::Block(_)
            | ExprKind::Unsafe(_)
            | ExprKind::Critical(_)
    )
}
