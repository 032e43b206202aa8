//! Statements.

use super::super::ast::{Expr, ExprKind, Pattern, Stmt, StmtKind};
use super::{Context, Failed, LOOK_AHEAD, Parsed, Parser, TokenKind::*};
use crate::diagnostics::{Diagnostic, Span};

/// Words that begin a statement, where what follows does not make them names.
const STATEMENT_WORDS: [&str; 28] = [
    "let",
    "set",
    "give",
    "emit",
    "assert",
    "panic",
    "unreachable",
    "break",
    "continue",
    "while",
    "for",
    "when",
    "with",
    "defer",
    "try",
    "if",
    "match",
    "pick",
    "loop",
    "select",
    "return",
    "const",
    "static",
    "proc",
    "form",
    "critical",
    "unsafe",
    "async",
];

impl<'a> Parser<'a> {
    /// Says whether a statement word stands at the cursor.
    pub(super) fn begins_statement(&self) -> bool {
        self.is(Word) && STATEMENT_WORDS.contains(&self.word()) && !self.next_makes_name()
    }

    /// Reads a statement without what ends it. In an arm (`=> …`) items are not looked for.
    pub(super) fn stmt(&mut self, arm: bool) -> Parsed<Stmt> {
        let lo = self.lo();
        self.skip_label();
        let kind = self.stmt_kind(arm)?;
        Ok(Stmt { span: self.span_from(lo), kind })
    }

    /// Skips and reports `name:` or `'name:` before a loop.
    fn skip_label(&mut self) {
        let before_loop = matches!(self.kind(), Word | Lifetime)
            && self.nth(1) == Colon
            && matches!(self.nth_word(2), "loop" | "while" | "for");
        if before_loop {
            self.report_label();
            let label = self.label();
            self.labels.push(label);
            self.bump();
            self.bump();
        }
    }

    fn report_label(&mut self) {
        self.report(
            Diagnostic::error("PARSE_E_LOOP_LABEL", "loops have no labels")
                .at(self.span(), "`break` and `continue` are for the innermost loop")
                .help(
                    "leave the label out; `give` leaves several loops, in a procedure of their own",
                ),
        );
    }

    /// The label at the cursor without its quote.
    fn label(&self) -> &'a str {
        self.text_of(self.token()).trim_start_matches('\'')
    }

    /// Says whether a label follows the word at the cursor on its line.
    fn label_follows(&self) -> bool {
        if self.on_new_line(1) {
            return false;
        }
        match self.nth(1) {
            Lifetime => true,
            Word => self.labels.contains(&self.nth_word(1)),
            _ => false,
        }
    }

    fn stmt_kind(&mut self, arm: bool) -> Parsed<StmtKind> {
        if self.is(LBrace) {
            return self.block_like();
        }
        if self.is(Hash) && !arm {
            return Ok(StmtKind::Item(Box::new(self.item()?)));
        }
        if !self.is(Word) {
            return self.expr_stmt();
        }
        if self.at_word("let") && !matches!(self.nth(1), Dot | Colon | LParen if self.is_joint(1)) {
            return self.let_stmt();
        }
        if self.next_makes_name() && !self.at_word("else") {
            return self.expr_stmt();
        }
        match self.word() {
            "if" | "match" | "pick" | "loop" | "critical" | "unsafe" if self.is_block_word() => {
                self.block_like()
            }
            _ => self.word_stmt(arm),
        }
    }

    /// A statement that begins with a word. Apart from `stmt_kind` because its frame is large,
    /// and statements nest.
    fn word_stmt(&mut self, arm: bool) -> Parsed<StmtKind> {
        let value_follows = !self.ends_after_word();
        match self.word() {
            "set" if value_follows && !matches!(self.nth(1), LBrace) && !self.is_call_of_word() => {
                self.set_stmt()
            }
            "give" => {
                let word = self.bump();
                if self.is_indented_more(word.lo) && !self.begins_statement() {
                    return Ok(StmtKind::Give(Some(self.expr_or_skip())));
                }
                Ok(StmtKind::Give(self.optional_value()))
            }
            "emit" if value_follows => {
                self.bump();
                Ok(StmtKind::Emit(self.expr_or_skip()))
            }
            "assert" if value_follows => self.assert_stmt(),
            "panic" => {
                self.bump();
                Ok(StmtKind::Panic(self.optional_value()))
            }
            "unreachable" if !value_follows || self.is_call_of_word() => {
                self.bump();
                if self.is(LParen) && self.closer() == Some(self.at + 1) {
                    self.bump();
                    self.bump();
                }
                Ok(StmtKind::Unreachable)
            }
            "break" | "continue" if self.label_follows() => {
                let word = self.word();
                self.bump();
                let label = self.label();
                if !self.labels.contains(&label) {
                    self.report_label();
                }
                self.bump();
                Ok(if word == "break" { StmtKind::Break(None) } else { StmtKind::Continue })
            }
            "break" => {
                self.bump();
                Ok(StmtKind::Break(self.optional_value()))
            }
            "continue" if !value_follows => {
                self.bump();
                Ok(StmtKind::Continue)
            }
            "while" => {
                self.bump();
                let cond = self.head_expr();
                self.skip_do();
                Ok(StmtKind::While { cond, body: self.block()? })
            }
            "for" => self.for_stmt(),
            "when" if value_follows => self.when_stmt(),
            "with" if value_follows => self.with_stmt(),
            "defer" if value_follows => {
                self.bump();
                if !self.is(LBrace) {
                    return Err(self.expected(
                        "PARSE_E_EXPECTED_BLOCK",
                        "`{`",
                        "write `defer { … }`",
                    ));
                }
                Ok(StmtKind::Defer(self.block()?))
            }
            "select" if value_follows => {
                let expr = self.select()?;
                Ok(StmtKind::Expr(expr))
            }
            "asm" if self.is_call_of_word() => Ok(StmtKind::Asm(self.expr()?)),
            "return" if !self.is_call_of_word() => {
                self.old_word("give");
                self.bump();
                Ok(StmtKind::Give(self.optional_value()))
            }
            "do" if self.nth(1) == LBrace => {
                self.old_word("");
                self.bump();
                self.block_like()
            }
            "var" if self.nth(1) == Word && !self.on_new_line(1) => {
                self.old_word("let mut");
                self.let_stmt()
            }
            "else" | "elif" if !matches!(self.nth(1), Eq | Dot | LParen) => Err(self.stray_else()),
            _ if !arm && self.begins_item_in_block() => Ok(StmtKind::Item(Box::new(self.item()?))),
            _ => self.expr_stmt(),
        }
    }

    /// Says whether an operand stands on a new line that is indented more than the word at `lo`:
    /// what `give` gives may stand below it.
    fn is_indented_more(&self, lo: u32) -> bool {
        self.on_new_line(0)
            && matches!(self.kind(), Word | Literal | LParen | LBracket)
            && self.column(self.lo()) > self.column(lo)
    }

    /// Says whether nothing follows the word at the cursor in its statement.
    fn ends_after_word(&self) -> bool {
        self.on_new_line_in_lines(1) || matches!(self.nth(1), Semi | RBrace | Comma | Eof)
    }

    /// `word(`: a call, where the statement needs a blank.
    fn is_call_of_word(&self) -> bool {
        self.nth(1) == LParen && self.is_joint(1)
    }

    fn is_block_word(&self) -> bool {
        match self.word() {
            "loop" | "critical" | "unsafe" => self.nth(1) == LBrace,
            _ => true,
        }
    }

    /// The value behind `give`, `break` or `panic`; nothing if the statement ends.
    fn optional_value(&mut self) -> Option<Expr> {
        if self.ends_here() { None } else { Some(self.expr_or_skip()) }
    }

    /// `if`, `match`, `loop`, … as a statement: it ends with its brace, unless `.`, `?`, `??` or
    /// `as` follows.
    fn block_like(&mut self) -> Parsed<StmtKind> {
        let lo = self.lo();
        let mut expr = self.scope(Self::operand)?;
        if matches!(self.kind(), Dot | Question | QuestionQuestion)
            || self.at_word("as") && !self.on_new_line(0)
        {
            expr = self.postfix_from(lo, expr, false)?;
            expr = self.operators_from(lo, expr)?;
        } else if !matches!(
            expr.kind,
            ExprKind::If(_)
                | ExprKind::Match { .. }
                | ExprKind::Loop(_)
                | ExprKind::Block(_)
                | ExprKind::Unsafe(_)
                | ExprKind::Critical(_)
        ) {
            // The word was a name after all.
            expr = self.postfix_from(lo, expr, false)?;
            expr = self.operators_from(lo, expr)?;
        }
        Ok(self.as_stmt(expr))
    }

    fn expr_stmt(&mut self) -> Parsed<StmtKind> {
        let expr = self.expr()?;
        Ok(self.as_stmt(expr))
    }

    #[allow(clippy::unused_self)] // reads as the other productions do
    fn as_stmt(&self, expr: Expr) -> StmtKind {
        match expr.kind {
            ExprKind::Assign { place, op, value } => {
                let op_span = Span::new(expr.span.file, place.span.hi, value.span.lo);
                StmtKind::Set { place: *place, op, op_span, value: *value }
            }
            kind => StmtKind::Expr(Expr { kind, ..expr }),
        }
    }

    /// `let mut p: T = e` at the word.
    fn let_stmt(&mut self) -> Parsed<StmtKind> {
        let word = self.word();
        self.bump();
        let mutable = self.eat_mut() || word == "var";
        let pattern = self.pattern()?;
        let ty = if self.eat(Colon) { Some(self.ty_or_skip()?) } else { None };
        let init = self.initializer("let")?;
        Ok(StmtKind::Let { mutable, pattern, ty, init })
    }

    /// `mut` before a pattern, unless it is the name itself.
    fn eat_mut(&mut self) -> bool {
        let found = self.at_word("mut") && matches!(self.nth(1), Word | LParen | LBracket);
        if found {
            self.bump();
        }
        found
    }

    /// A type; where that fails, skips to the `=` or the end of the statement.
    pub(super) fn ty_or_skip(&mut self) -> Parsed<super::super::ast::TypeExpr> {
        match self.ty() {
            Ok(ty) => Ok(ty),
            Err(Failed) if self.muted => Err(Failed),
            Err(Failed) => {
                let error = self.ty_error();
                while !matches!(self.kind(), Eq | Semi | RBrace | Comma | RParen | Eof)
                    && !self.line_ended()
                {
                    self.skip_tree();
                }
                Ok(error)
            }
        }
    }

    /// `= e`; reports where it is missing.
    pub(super) fn initializer(&mut self, word: &str) -> Parsed<Option<Expr>> {
        if self.eat(Eq) {
            return Ok(Some(self.expr_or_skip()));
        }
        if self.line_ended() || matches!(self.kind(), Semi | RBrace | Eof) {
            self.report(
                Diagnostic::error("PARSE_E_MISSING_VALUE", format!("this `{word}` has no value"))
                    .at(self.prev_span().end(), "`= value` belongs here")
                    .help(format!("give it a value: `{word} name = value`")),
            );
            return Ok(None);
        }
        Err(self.expected("PARSE_E_EXPECTED_TOKEN", "`=`", &format!("write `{word} name = value`")))
    }

    /// `set place op e` at the word; `set x: T = e` declares a mutable variable.
    fn set_stmt(&mut self) -> Parsed<StmtKind> {
        self.bump();
        if self.is(Word) && self.nth(1) == Colon {
            let pattern = self.pattern()?;
            self.bump();
            let ty = Some(self.ty_or_skip()?);
            let init = self.initializer("set")?;
            return Ok(StmtKind::Let { mutable: true, pattern, ty, init });
        }
        let place = self.place()?;
        let op_lo = self.lo();
        let Some((op, n_tokens)) = self.assign_op() else {
            return Err(self.expected(
                "PARSE_E_EXPECTED_TOKEN",
                "`=`",
                "write `set place = value`",
            ));
        };
        self.check_place(&place);
        for _ in 0..n_tokens {
            self.bump();
        }
        let op_span = self.span_from(op_lo);
        let value = self.expr_or_skip();
        Ok(StmtKind::Set { place, op, op_span, value })
    }

    fn assert_stmt(&mut self) -> Parsed<StmtKind> {
        self.bump();
        let cond = self.expr()?;
        if self.eat(Comma) {
            return Ok(StmtKind::Assert { cond, message: Some(self.expr_or_skip()) });
        }
        // `assert(c, "message")`.
        match cond.kind {
            ExprKind::Tuple(mut parts) if parts.len() == 2 => {
                let message = parts.pop();
                let cond = parts.pop().unwrap_or_else(|| self.expr_error());
                Ok(StmtKind::Assert { cond, message })
            }
            kind => Ok(StmtKind::Assert { cond: Expr { kind, ..cond }, message: None }),
        }
    }

    /// `for p in e { … }`, `for await p in e { … }`, `for init; cond; step { … }` at the word.
    fn for_stmt(&mut self) -> Parsed<StmtKind> {
        self.bump();
        if self.is_c_style() {
            return self.for_c();
        }
        let awaits = (self.at_word("await") && self.nth_word(1) != "in").then(|| self.span());
        if awaits.is_some() {
            self.bump();
        }
        let header = self.head(|p| -> Parsed<Pattern> {
            let pattern = p.pattern()?;
            p.expect_word("in", "loops are written `for x in xs { … }`")?;
            Ok(pattern)
        });
        let (pattern, iter) = match header {
            Ok(pattern) => (pattern, self.head_expr()),
            Err(Failed) => {
                let lo = self.lo();
                self.skip_to_block();
                if !self.is(LBrace) {
                    return Err(Failed);
                }
                let iter = self.expr_error();
                (self.pattern_error(lo), iter)
            }
        };
        self.skip_do();
        Ok(StmtKind::For { pattern, iter, body: self.block()?, awaits })
    }

    /// Says whether a `;` stands before the body, in the head or in parentheses around it.
    fn is_c_style(&self) -> bool {
        let tokens = &self.lexed.tokens;
        let (mut at, end) = match self.closer() {
            Some(closer) if self.is(LParen) => (self.at + 1, closer),
            _ => (self.at, tokens.len()),
        };
        for _ in 0..LOOK_AHEAD {
            if at >= end {
                return false;
            }
            match tokens[at].kind {
                Semi => return true,
                LBrace | RBrace | RParen | RBracket | Eof => return false,
                LParen | LBracket => at = self.partner(at).unwrap_or(end),
                Word if self.text_of(tokens[at]) == "in" => return false,
                _ => {}
            }
            at += 1;
        }
        false
    }

    fn for_c(&mut self) -> Parsed<StmtKind> {
        let open = self.at;
        let parens = self.eat(LParen);
        let head = Context { head: !parens, lines: false };
        let (init, cond, step) = self.within(head, |p| {
            let help = "write `for init; condition; step { … }`";
            let init = if p.is(Semi) { None } else { Some(Box::new(p.stmt(true)?)) };
            p.expect(Semi, help)?;
            let cond = if p.is(Semi) { None } else { Some(p.expr()?) };
            p.expect(Semi, help)?;
            let step = if matches!(p.kind(), LBrace | RParen) {
                None
            } else {
                Some(Box::new(p.stmt(true)?))
            };
            if parens {
                p.expect_closer(RParen, open)?;
            }
            Ok((init, cond, step))
        })?;
        Ok(StmtKind::ForC { init, cond, step, body: self.block()? })
    }

    /// `when e is P { … }` at the word.
    fn when_stmt(&mut self) -> Parsed<StmtKind> {
        self.bump();
        let lo = self.lo();
        let test = self.head_expr();
        let (scrutinee, pattern) = match test.kind {
            ExprKind::Is { expr, pattern, negated: false } => (*expr, *pattern),
            ExprKind::Error => (test, self.pattern_error(lo)),
            kind => {
                self.report(
                    Diagnostic::error("PARSE_E_EXPECTED_TOKEN", "`when` tests against a pattern")
                        .at(test.span, "`is` and a pattern belong behind this")
                        .help("write `when value is Pattern { … }`, or `if` for a condition"),
                );
                (Expr { kind, ..test }, self.pattern_error(lo))
            }
        };
        let body = self.block()?;
        let otherwise = if self.at_word("else") && self.nth(1) == LBrace {
            self.bump();
            Some(self.block()?)
        } else {
            None
        };
        Ok(StmtKind::When { scrutinee, pattern, body, otherwise })
    }

    /// `with e as p { … }` at the word.
    fn with_stmt(&mut self) -> Parsed<StmtKind> {
        self.bump();
        let expr = self.head(Self::above_cast)?;
        let pattern = if self.eat_word("as") { Some(self.head(Self::pattern)?) } else { None };
        Ok(StmtKind::With { expr, pattern, body: self.block()? })
    }

    fn stray_else(&mut self) -> Failed {
        let found = self.found();
        let failed = self.fail(
            Diagnostic::error("PARSE_E_STRAY_ELSE", format!("{found} has no `if`"))
                .at(self.span(), "no `if` block ends just before")
                .help("put it directly behind the `}` of an `if`"),
        );
        self.skip_to_block();
        if self.is(LBrace) {
            self.skip_tree();
        }
        failed
    }

    fn pattern_error(&mut self, lo: u32) -> Pattern {
        use super::super::ast::PatternKind;
        Pattern { id: self.id(), span: self.span_from(lo), kind: PatternKind::Error }
    }
}
