//! `if`, `match`, `pick` and `select`.

use super::super::ast::{
    Arm, Block, ElseArm, Expr, ExprKind, If, MatchStyle, Pattern, Select, SelectArm, Stmt,
    SwitchArm,
};
use super::{Parsed, Parser, TokenKind::*};
use crate::diagnostics::{Diagnostic, Span};

impl Parser<'_> {
    /// `if c { … } elif d { … } else if e { … } else { … }` at the `if`. Chains are read by a loop
    /// and are flat in the tree.
    pub(super) fn if_expr(&mut self) -> Parsed<If> {
        self.bump();
        let mut branches = vec![self.branch()?];
        loop {
            let is_else_if = self.at_word("else") && self.nth_word(1) == "if";
            if self.at_word("elif") || is_else_if {
                self.bump();
                if is_else_if {
                    self.bump();
                }
                branches.push(self.branch()?);
            } else if self.at_word("else") && !self.next_makes_name() {
                self.bump();
                let otherwise = Some(self.block()?);
                return Ok(If { branches, otherwise });
            } else {
                return Ok(If { branches, otherwise: None });
            }
        }
    }

    fn branch(&mut self) -> Parsed<(Expr, Block)> {
        let cond = self.head_expr();
        self.skip_do();
        Ok((cond, self.block()?))
    }

    /// Reads the expression of a head; where that fails, skips to the `{`.
    pub(super) fn head_expr(&mut self) -> Expr {
        match self.head(Self::expr) {
            Ok(expr) => expr,
            Err(_) => {
                let error = self.expr_error();
                self.skip_to_block();
                error
            }
        }
    }

    /// Skips to a `{` on this line, or to the end of the line.
    pub(super) fn skip_to_block(&mut self) {
        while !matches!(self.kind(), LBrace | Semi | RBrace | Eof) {
            self.skip_tree();
            if self.on_new_line(0) {
                return;
            }
        }
    }

    /// Older texts write `while c do {`.
    pub(super) fn skip_do(&mut self) {
        if self.at_word("do") && self.nth(1) == LBrace {
            self.old_word("");
            self.bump();
        }
    }

    /// `match e { … }` or `pick e { … }` at the word.
    pub(super) fn match_expr(&mut self) -> Parsed<Expr> {
        let lo = self.lo();
        self.deeper_by(2, |p| p.match_rest(lo))
    }

    fn match_rest(&mut self, lo: u32) -> Parsed<Expr> {
        let style = if self.at_word("pick") { MatchStyle::Pick } else { MatchStyle::Match };
        self.bump();
        let scrutinee = Box::new(self.head_expr());
        let mut arms: Vec<Arm> = Vec::new();
        self.arms(|p| {
            if let Some(last) = arms.last().filter(|a| a.pattern.is_none()) {
                p.after_else(last.span);
            }
            arms.push(p.arm()?);
            Ok(())
        })?;
        Ok(self.node(lo, ExprKind::Match { scrutinee, arms, style }))
    }

    /// Reads the arms in `{ … }`.
    fn arms(&mut self, read: impl FnMut(&mut Self) -> Parsed<()>) -> Parsed<()> {
        self.elements_in_braces("`{` and the arms", "", read, Self::skip_arm)
    }

    /// Reads `{ … }` whose elements `read` takes; of one that fails `skip` skips the rest.
    pub(super) fn elements_in_braces(
        &mut self,
        what: &str,
        help: &str,
        mut read: impl FnMut(&mut Self) -> Parsed<()>,
        skip: fn(&mut Self, usize),
    ) -> Parsed<()> {
        if !self.is(LBrace) {
            return Err(self.expected("PARSE_E_EXPECTED_BLOCK", what, help));
        }
        let open = self.at;
        self.bump();
        self.braced(|p| {
            loop {
                while p.eat(Comma) || p.eat(Semi) {}
                if matches!(p.kind(), RBrace | Eof) {
                    break;
                }
                let start = p.at;
                if read(p).is_err() {
                    skip(p, start);
                }
            }
            p.expect_closer(RBrace, open)
        })
    }

    /// Skips what is left of an arm: to behind its block, or to its line's end.
    fn skip_arm(&mut self, start: usize) {
        while !matches!(self.kind(), RBrace | Eof) {
            let was_block = self.is(LBrace);
            self.skip_tree();
            if was_block || self.on_new_line(0) {
                break;
            }
        }
        // Always move on, or stop before the closing brace.
        if self.at == start && !matches!(self.kind(), RBrace | Eof) {
            self.bump();
        }
    }

    fn after_else(&mut self, earlier: Span) {
        self.report(
            Diagnostic::error("PARSE_E_ELSE_NOT_LAST", "`else` is not the last arm")
                .at(self.span(), "this arm can never run")
                .also(earlier, "`else` takes everything")
                .help("move `else` to the end"),
        );
    }

    /// `case P if g { … }`, `P => e;`, `else { … }`.
    fn arm(&mut self) -> Parsed<Arm> {
        let lo = self.lo();
        if self.at_word("else") && matches!(self.nth(1), LBrace | FatArrow) {
            self.bump();
            let body = self.arm_body()?;
            return Ok(Arm { pattern: None, guard: None, body, span: self.span_from(lo) });
        }
        if matches!(self.word(), "case" | "when") && self.word_begins_arm() {
            self.bump();
        }
        if !self.begins_pattern() {
            return Err(self.expected(
                "PARSE_E_INVALID_ARM",
                "an arm",
                "arms are written `Pattern { … }`, `case Pattern => value` or `else { … }`",
            ));
        }
        let (pattern, guard) = self.guarded_pattern()?;
        let body = self.arm_body()?;
        Ok(Arm { pattern: Some(pattern), guard, body, span: self.span_from(lo) })
    }

    /// Says whether the `case` or `when` at the cursor is the word and not a pattern of that name.
    fn word_begins_arm(&self) -> bool {
        matches!(self.nth(1), Word | Literal | LParen | LBracket | Minus) && !self.on_new_line(1)
    }

    fn guarded_pattern(&mut self) -> Parsed<(Pattern, Option<Expr>)> {
        let pattern = self.head(Self::pattern)?;
        let guard = if self.eat_word("if") { Some(self.head_expr()) } else { None };
        Ok((pattern, guard))
    }

    /// `{ … }`, or `=> e`, where `e` may be a statement such as `give x`.
    fn arm_body(&mut self) -> Parsed<Block> {
        if !self.eat(FatArrow) {
            if !self.is(LBrace) {
                return Err(self.expected(
                    "PARSE_E_EXPECTED_BLOCK",
                    "`{` or `=>`",
                    "an arm is written `Pattern { … }` or `Pattern => value`",
                ));
            }
            return self.block();
        }
        if self.is(LBrace) {
            return self.block();
        }
        let lo = self.lo();
        let statement = self.stmt(true)?;
        Ok(self.block_of(lo, statement))
    }

    /// Wraps what follows `=>` into a block.
    fn block_of(&mut self, lo: u32, stmt: Stmt) -> Block {
        use super::super::ast::StmtKind;
        let (id, span) = (self.id(), self.span_from(lo));
        match stmt.kind {
            StmtKind::Expr(value) => {
                Block { id, span, stmts: vec![], value: Some(Box::new(value)) }
            }
            kind => Block { id, span, stmts: vec![Stmt { span: stmt.span, kind }], value: None },
        }
    }

    /// Says whether the tokens from `ahead` on are the inside of a `select` over awaitables.
    pub(super) fn is_select_body(&self, ahead: usize) -> bool {
        match self.nth_word(ahead) {
            "when" | "else" => self.nth(ahead + 1) != Colon,
            _ => self.nth(ahead) == RBrace,
        }
    }

    /// `select { when v = f() { … } else { … } }` or `select e { when P { … } }` at the word.
    pub(super) fn select(&mut self) -> Parsed<Expr> {
        let lo = self.lo();
        self.bump();
        if self.is(LBrace) {
            return self.select_awaitables(lo);
        }
        let scrutinee = Box::new(self.head_expr());
        let mut arms = Vec::new();
        let mut otherwise: Option<ElseArm> = None;
        self.arms(|p| {
            if let Some(earlier) = &otherwise {
                p.after_else(earlier.span);
            }
            if let Some(found) = p.else_arm()? {
                otherwise = Some(found);
                return Ok(());
            }
            let lo = p.lo();
            p.expect_when()?;
            let (pattern, guard) = p.guarded_pattern()?;
            let body = p.arm_body()?;
            arms.push(SwitchArm { pattern, guard, body, span: p.span_from(lo) });
            Ok(())
        })?;
        Ok(self.node(lo, ExprKind::Switch { scrutinee, arms, otherwise }))
    }

    fn select_awaitables(&mut self, lo: u32) -> Parsed<Expr> {
        let mut arms = Vec::new();
        let mut otherwise: Option<ElseArm> = None;
        self.arms(|p| {
            if let Some(earlier) = &otherwise {
                p.after_else(earlier.span);
            }
            if let Some(found) = p.else_arm()? {
                otherwise = Some(found);
                return Ok(());
            }
            let lo = p.lo();
            p.expect_when()?;
            let pattern = p.attempt(|p| {
                p.eat_word("let");
                let pattern = p.head(Self::pattern)?;
                p.expect(Eq, "")?;
                Ok(pattern)
            });
            let operation = p.head_expr();
            let body = p.arm_body()?;
            arms.push(SelectArm { pattern, operation, body, span: p.span_from(lo) });
            Ok(())
        })?;
        Ok(self.node(lo, ExprKind::Select(Box::new(Select { arms, otherwise }))))
    }

    fn else_arm(&mut self) -> Parsed<Option<ElseArm>> {
        let lo = self.lo();
        if !(self.at_word("else") && matches!(self.nth(1), LBrace | FatArrow)) {
            return Ok(None);
        }
        self.bump();
        let body = self.arm_body()?;
        Ok(Some(ElseArm { body, span: self.span_from(lo) }))
    }

    fn expect_when(&mut self) -> Parsed<()> {
        if self.eat_word("when") {
            return Ok(());
        }
        Err(self.expected(
            "PARSE_E_INVALID_ARM",
            "`when` or `else`",
            "arms of `select` are written `when v = operation { … }`",
        ))
    }
}
