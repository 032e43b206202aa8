//! Operands: literals, names, brackets, closures, and the words that begin an expression.

use super::super::ast::{Closure, Expr, ExprKind, Ident, MapEntry, Modifiers, Param};
use super::{Parsed, Parser, TokenKind::*};
use crate::diagnostics::Diagnostic;

impl Parser<'_> {
    /// Reads an operand without postfix forms.
    pub(super) fn operand(&mut self) -> Parsed<Expr> {
        let lo = self.lo();
        match self.kind() {
            Literal => {
                let literal = self.literal();
                Ok(self.node(lo, ExprKind::Literal(literal)))
            }
            LParen => self.parens(),
            LBracket => self.list_literal(),
            LBrace if !self.context.head => {
                let block = self.block()?;
                Ok(self.node(lo, ExprKind::Block(block)))
            }
            Pipe | PipePipe => self.closure(),
            Word => self.word_operand(),
            Lifetime => {
                let span = self.span();
                self.report(
                    Diagnostic::error(
                        "LEX_E_UNTERMINATED_CHAR",
                        "this character literal is not closed",
                    )
                    .at(span, "it should end after one character")
                    .help("close it with `'`"),
                );
                self.bump();
                Ok(self.node(lo, ExprKind::Error))
            }
            _ => Err(self.expected_expression()),
        }
    }

    pub(super) fn expected_expression(&mut self) -> super::Failed {
        let help = match self.kind() {
            LBrace if self.context.head => {
                "the condition is missing; a `{` here opens the block (put a literal in `( )`)"
            }
            Eq | Semi | RBrace => "write a value, a name or a call",
            _ => "",
        };
        self.expected("PARSE_E_EXPECTED_EXPRESSION", "an expression", help)
    }

    fn word_operand(&mut self) -> Parsed<Expr> {
        if self.next_makes_name() {
            return self.name_operand();
        }
        match self.word() {
            "if" => self.if_operand(),
            "match" | "pick" if self.begins_scrutinee() => self.match_expr(),
            _ => self.keyword_operand(),
        }
    }

    fn if_operand(&mut self) -> Parsed<Expr> {
        let lo = self.lo();
        let found = self.if_expr()?;
        Ok(self.node(lo, ExprKind::If(Box::new(found))))
    }

    /// What begins with a keyword, or a name. Apart from `word_operand` because its frame is
    /// large, and operands nest.
    fn keyword_operand(&mut self) -> Parsed<Expr> {
        let lo = self.lo();
        let braces = self.nth(1) == LBrace && !self.on_new_line_in_lines(1);
        match self.word() {
            "select" if self.nth(1) == LBrace && self.is_select_body(2) => self.select(),
            "loop" if self.nth(1) == LBrace => {
                self.bump();
                let body = self.block()?;
                Ok(self.node(lo, ExprKind::Loop(body)))
            }
            "unsafe" if braces => {
                self.bump();
                let body = self.block()?;
                Ok(self.node(lo, ExprKind::Unsafe(body)))
            }
            "critical" if braces && !self.context.head => {
                self.bump();
                let body = self.block()?;
                Ok(self.node(lo, ExprKind::Critical(body)))
            }
            "try" if self.is_prefix_try() => {
                self.bump();
                let expr = Box::new(self.deeper(|p| p.unary(false))?);
                let form = super::super::ast::TryForm::Prefix;
                Ok(self.node(lo, ExprKind::Try { expr, form }))
            }
            "map" if braces && !self.context.head => self.map_literal(),
            "set" if braces && !self.context.head && !self.looks_like_fields_after_word() => {
                self.set_literal()
            }
            "proc" if self.nth(1) == LParen => self.proc_value(lo),
            "async" if self.nth_word(1) == "proc" => self.proc_value(lo),
            "sizeof" | "alignof" | "typeof" if self.nth(1) == LParen => self.type_query(lo),
            _ => self.name_operand(),
        }
    }

    fn name_operand(&mut self) -> Parsed<Expr> {
        // The operand is missing and the next statement begins: `let x = 1 +`, `set …`.
        let statement = self.on_new_line_in_lines(0)
            && self.begins_statement()
            && matches!(self.nth(1), Word | Literal)
            && !self.on_new_line(1);
        if statement {
            return Err(self.expected_expression());
        }
        let lo = self.lo();
        let literal = match self.word() {
            "true" => Some(super::super::ast::Literal::Bool(true)),
            "false" => Some(super::super::ast::Literal::Bool(false)),
            "null" => Some(super::super::ast::Literal::Null),
            _ => None,
        };
        let name = self.name("a name")?;
        let kind = literal.map_or(ExprKind::Name(name), ExprKind::Literal);
        Ok(self.node(lo, kind))
    }

    pub(super) fn on_new_line_in_lines(&self, ahead: usize) -> bool {
        self.context.lines && self.on_new_line(ahead)
    }

    /// Says whether an operand follows the word at the cursor, which then is a keyword.
    fn begins_scrutinee(&self) -> bool {
        matches!(self.nth(1), Word | Literal | LParen | LBracket | Star | Amp | Minus | Bang)
            && !self.on_new_line_in_lines(1)
    }

    fn is_prefix_try(&self) -> bool {
        matches!(self.nth(1), Word | LParen | Literal | Star | Amp | LBracket)
            && !self.on_new_line_in_lines(1)
    }

    fn looks_like_fields_after_word(&self) -> bool {
        (self.nth(2), self.nth(3)) == (Word, Colon)
    }

    /// `[a, b]`, `[v; n]`, `[e for p in xs if c]`.
    fn list_literal(&mut self) -> Parsed<Expr> {
        let lo = self.lo();
        let mut comprehension = None;
        let (mut first, mut len) = (true, None);
        let elements = self.list(RBracket, |p| {
            let element = p.element()?;
            if p.at_word("for") && comprehension.is_none() {
                p.bump();
                let pattern = Box::new(p.pattern()?);
                p.expect_word("in", "write `[e for x in xs]`")?;
                let iter = Box::new(p.expr()?);
                let cond = if p.eat_word("if") { Some(Box::new(p.expr()?)) } else { None };
                comprehension = Some((pattern, iter, cond));
            } else if first && p.eat(Semi) {
                len = Some(Box::new(p.expr()?));
            }
            first = false;
            Ok(element)
        })?;
        let mut elements = elements.into_iter();
        if let Some(len) = len {
            let kind = match (elements.next(), elements.len()) {
                (Some(value), 0) => ExprKind::Repeat { value: Box::new(value), len },
                _ => {
                    let diagnostic = Diagnostic::error(
                        "PARSE_E_EXPECTED_TOKEN",
                        "a list that repeats a value has one value and one length",
                    )
                    .at(len.span, "nothing may follow the length")
                    .help("write `[v; n]`");
                    self.report(diagnostic);
                    ExprKind::Error
                }
            };
            return Ok(self.node(lo, kind));
        }
        let kind = match (comprehension, elements.len()) {
            (Some((pattern, iter, cond)), 1) => match elements.next() {
                Some(element) => {
                    ExprKind::ListComp { element: Box::new(element), pattern, iter, cond }
                }
                None => ExprKind::Error,
            },
            (Some((pattern, ..)), _) => {
                let diagnostic = Diagnostic::error(
                    "PARSE_E_EXPECTED_TOKEN",
                    "a list made by `for` has one element expression",
                )
                .at(pattern.span, "`for` belongs behind a single element")
                .help("write `[e for x in xs]`");
                self.report(diagnostic);
                ExprKind::Error
            }
            (None, _) => ExprKind::List(elements.collect()),
        };
        Ok(self.node(lo, kind))
    }

    /// Reads `{ … }` with elements separated by `,` or line ends.
    fn braces<T>(&mut self, mut read: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let open = self.at;
        let close = self.partner(open);
        self.bump();
        let mut elements = Vec::new();
        let result = self.braced(|p| {
            while !matches!(p.kind(), RBrace | Eof) {
                match read(p) {
                    Ok(element) => elements.push(element),
                    Err(_) => p.skip_field(),
                }
                if !p.eat(Comma) && !p.on_new_line(0) {
                    break;
                }
            }
            p.expect_closer(RBrace, open)
        });
        match (result, close) {
            (Err(_), Some(close)) if !self.muted => self.at = close + 1,
            (result, _) => result?,
        }
        Ok(elements)
    }

    fn map_literal(&mut self) -> Parsed<Expr> {
        let lo = self.lo();
        self.bump();
        let entries = self.braces(|p| {
            let key = p.expr()?;
            p.expect(Colon, "an entry of a map is written `key: value`")?;
            Ok(MapEntry { key, value: p.expr()? })
        })?;
        Ok(self.node(lo, ExprKind::Map(entries)))
    }

    fn set_literal(&mut self) -> Parsed<Expr> {
        let lo = self.lo();
        self.bump();
        let elements = self.braces(Self::expr)?;
        Ok(self.node(lo, ExprKind::SetLiteral(elements)))
    }

    /// `|a, b: int| e`, `|| e`.
    fn closure(&mut self) -> Parsed<Expr> {
        let lo = self.lo();
        let mut params = Vec::new();
        if self.bump().kind == Pipe {
            self.bracketed(|p| {
                while !p.is(Pipe) {
                    params.push(p.closure_param()?);
                    if !p.eat(Comma) {
                        break;
                    }
                }
                p.expect(Pipe, "a closure is written `|a, b| a + b`")
            })?;
        }
        let body = if self.is(LBrace) {
            let lo = self.lo();
            let block = self.braced(Self::block)?;
            self.node(lo, ExprKind::Block(block))
        } else {
            self.expr()?
        };
        Ok(self.node(lo, ExprKind::Closure(Box::new(Closure { params, body }))))
    }

    fn closure_param(&mut self) -> Parsed<Param> {
        let lo = self.lo();
        let mode = self.param_mode();
        // Without alternatives: `|` ends the parameters.
        let pattern = self.pattern_single()?;
        let ty = if self.eat(Colon) { Some(self.ty_prefix()?) } else { None };
        let span = self.span_from(lo);
        Ok(Param { mode, pattern, ty, default: None, variadic: false, span })
    }

    /// `proc(a: int) -> int { … }`, `async proc() { … }`.
    fn proc_value(&mut self, lo: u32) -> Parsed<Expr> {
        let mut modifiers = Modifiers::default();
        if self.at_word("async") {
            modifiers.is_async = Some(self.span());
            self.bump();
        }
        self.bump();
        let name = Ident { name: String::new(), span: self.prev_span().end() };
        let found = self.deeper_by(2, |p| p.braced(|p| p.proc_rest(lo, name, modifiers, true)))?;
        Ok(self.node(lo, ExprKind::Proc(Box::new(found))))
    }

    /// `sizeof(T)`, or a plain call where the argument is no type.
    fn type_query(&mut self, lo: u32) -> Parsed<Expr> {
        let name = self.name("a name")?;
        let ty = self.attempt(|p| {
            p.bump();
            let ty = p.bracketed(Self::ty)?;
            p.expect(RParen, "")?;
            Ok(ty)
        });
        if let Some(ty) = ty {
            return Ok(self.node(lo, ExprKind::TypeQuery { name, ty: Box::new(ty) }));
        }
        Ok(self.node(lo, ExprKind::Name(name)))
    }
}
