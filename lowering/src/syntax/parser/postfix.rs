//! Calls, members, indices, `?`, `.await`, form literals.

use super::super::ast::{Arg, Expr, ExprKind, FieldInit, Ident, Literal as Lit, Path, TryForm};
use super::{Parsed, Parser, TokenKind::*};
use crate::diagnostics::Diagnostic;

/// What of `base[…]` was read.
enum Brackets {
    Index(Expr),
    Slice { lo: Option<Box<Expr>>, hi: Option<Box<Expr>>, step: Option<Box<Expr>> },
}

impl Parser<'_> {
    /// Reads an operand with all its postfix forms; stops before `?` if `before_try`.
    pub(super) fn postfix(&mut self, before_try: bool) -> Parsed<Expr> {
        let lo = self.lo();
        self.scope(|p| {
            let operand = p.operand()?;
            p.postfix_loop(lo, operand, before_try)
        })
    }

    /// Goes on behind an operand that was read already.
    pub(super) fn postfix_from(&mut self, lo: u32, expr: Expr, before_try: bool) -> Parsed<Expr> {
        self.postfix_loop(lo, expr, before_try)
    }

    fn postfix_loop(&mut self, lo: u32, mut expr: Expr, before_try: bool) -> Parsed<Expr> {
        loop {
            let same_line = !self.on_new_line(0);
            expr = match self.kind() {
                LParen if same_line => {
                    let args = self.args()?;
                    self.node(lo, ExprKind::Call { callee: Box::new(expr), args })
                }
                LBracket if same_line => self.brackets(lo, expr)?,
                Lt if same_line && self.is_joint(0) && is_head(&expr) => {
                    match self.attempt(Self::angle_instantiation) {
                        Some(args) => {
                            let base = Box::new(expr);
                            self.node(lo, ExprKind::Instantiate { base, args, index: None })
                        }
                        None => return Ok(expr),
                    }
                }
                Dot if same_line || !self.line_ended() || self.continues_line() => {
                    self.member(lo, expr)?
                }
                ColonColon => self.path_member(lo, expr)?,
                Question if before_try => return Ok(expr),
                Question if !self.line_ended() && !self.question_is_ternary() => {
                    self.bump();
                    let form = TryForm::Postfix;
                    self.node(lo, ExprKind::Try { expr: Box::new(expr), form })
                }
                LBrace if same_line && !self.context.head && is_head(&expr) => {
                    if !self.looks_like_fields() {
                        return Ok(expr);
                    }
                    self.form_literal(lo, expr)?
                }
                _ => return Ok(expr),
            };
            self.grow()?;
        }
    }

    /// `<A, B>` before what shows that it is no comparison: `(`, `{`, `.` or `::`.
    fn angle_instantiation(&mut self) -> Parsed<Vec<super::super::ast::TypeExpr>> {
        let args = self.angle_args()?;
        let shows = match self.kind() {
            LParen | Dot | ColonColon => self.is_joint(0),
            LBrace => !self.context.head,
            _ => false,
        };
        if shows && !args.is_empty() { Ok(args) } else { Err(super::Failed) }
    }

    fn member(&mut self, lo: u32, base: Expr) -> Parsed<Expr> {
        self.bump();
        let token = self.token();
        let base = Box::new(base);
        if token.kind == Literal {
            let text = self.text_of(token);
            if let Ok(index) = text.parse::<u32>() {
                let index_span = self.span();
                self.bump();
                return Ok(self.node(lo, ExprKind::TupleField { base, index, index_span }));
            }
        }
        // `a.` at the end of a line: the next line is not a member.
        if self.is(Word) && self.line_ended() && self.begins_statement() {
            return Err(self.expected("PARSE_E_EXPECTED_NAME", "a member", ""));
        }
        let name = self.name("a member")?;
        let kind = if name.name == "await" && !self.begins_args() {
            ExprKind::Await { expr: base, word: name.span }
        } else {
            ExprKind::Field { base, name }
        };
        Ok(self.node(lo, kind))
    }

    fn begins_args(&self) -> bool {
        self.is(LParen) && !self.on_new_line(0) && self.is_joint(0)
    }

    /// `a::b`.
    fn path_member(&mut self, lo: u32, base: Expr) -> Parsed<Expr> {
        self.bump();
        let name = self.name("a member")?;
        let kind = match base.kind {
            ExprKind::Name(first) => ExprKind::Path(Path {
                n_dots: 0,
                span: self.span_from(lo),
                segments: vec![first, name],
            }),
            ExprKind::Path(mut path) => {
                path.segments.push(name);
                path.span = self.span_from(lo);
                ExprKind::Path(path)
            }
            _ => ExprKind::Field { base: Box::new(base), name },
        };
        Ok(self.node(lo, kind))
    }

    /// Reads `(a, name: b)`.
    pub(super) fn args(&mut self) -> Parsed<Vec<Arg>> {
        let mut named = false;
        self.list(RParen, |p| {
            let name = if p.is(Word) && p.nth(1) == Colon {
                let name = p.name("a parameter")?;
                p.bump();
                named = true;
                Some(name)
            } else {
                if named {
                    p.report(
                        Diagnostic::error(
                            "PARSE_E_NAMED_BEFORE_POSITIONAL",
                            "a plain argument follows a named one",
                        )
                        .at(p.span(), "give this its name, too, or move it forward")
                        .help("write plain arguments first"),
                    );
                }
                None
            };
            Ok(Arg { name, value: p.element()? })
        })
    }

    /// `base[…]`: an index, a slice, or type arguments.
    fn brackets(&mut self, lo: u32, base: Expr) -> Parsed<Expr> {
        let args = if self.may_instantiate(&base) {
            let start = self.at;
            let args = self.attempt(|p| p.list(RBracket, Self::ty));
            let end = self.at;
            self.at = start;
            args.filter(|args| !args.is_empty()).map(|args| (args, end))
        } else {
            None
        };
        let Some((args, end)) = args else {
            let kind = match self.index()? {
                Brackets::Index(index) => {
                    ExprKind::Index { base: Box::new(base), index: Box::new(index) }
                }
                Brackets::Slice { lo, hi, step } => {
                    ExprKind::Slice { base: Box::new(base), lo, hi, step }
                }
            };
            return Ok(self.node(lo, kind));
        };
        let index = match self.attempt(Self::index) {
            Some(Brackets::Index(index)) if self.at == end => Some(Box::new(index)),
            _ => None,
        };
        self.at = end;
        Ok(self.node(lo, ExprKind::Instantiate { base: Box::new(base), args, index }))
    }

    /// Says whether the brackets at the cursor may hold type arguments: what follows them is a
    /// call or a form literal, or a member if `base` is named like a type. The parser never looks
    /// ahead inside of looking ahead, which keeps time linear.
    fn may_instantiate(&self, base: &Expr) -> bool {
        if self.muted || !is_head(base) {
            return false;
        }
        let Some(after) = self.after_group(0) else { return false };
        match after.kind {
            LParen => !after.newline_before,
            LBrace => !after.newline_before && !self.context.head,
            Dot => last_name(base).is_some_and(|n| n.name.starts_with(char::is_uppercase)),
            _ => false,
        }
    }

    fn index(&mut self) -> Parsed<Brackets> {
        let open = self.at;
        self.bump();
        let close = self.partner(open);
        let result = self.bracketed(|p| {
            let start = if p.is(Colon) { None } else { Some(p.expr()?) };
            if !p.is(Colon) {
                p.expect_closer(RBracket, open)?;
                return Ok(start.map_or_else(|| Brackets::Index(p.expr_error()), Brackets::Index));
            }
            p.bump();
            let bound = |p: &mut Self| -> Parsed<Option<Box<Expr>>> {
                if matches!(p.kind(), Colon | RBracket) {
                    Ok(None)
                } else {
                    Ok(Some(Box::new(p.expr()?)))
                }
            };
            let hi = bound(p)?;
            let step = if p.eat(Colon) { bound(p)? } else { None };
            p.expect_closer(RBracket, open)?;
            Ok(Brackets::Slice { lo: start.map(Box::new), hi, step })
        });
        match (result, close) {
            (Err(_), Some(close)) if !self.muted => {
                self.at = close + 1;
                Ok(Brackets::Index(self.expr_error()))
            }
            (result, _) => result,
        }
    }

    /// Says whether the braces at the cursor hold fields: `{ }`, `{ a: …`, `{ a, …`, `{ ..`.
    pub(super) fn looks_like_fields(&self) -> bool {
        match (self.nth(1), self.nth(2)) {
            (RBrace | DotDot, _) | (Word, Colon | Comma) => true,
            // Alone, or one name a line.
            (Word, RBrace) => true,
            (Word, Word) => self.on_new_line(2) && self.nth(3) == Colon,
            _ => false,
        }
    }

    /// `F { a: x, b, ..rest }`; separators are `,` or line ends.
    fn form_literal(&mut self, lo: u32, head: Expr) -> Parsed<Expr> {
        let open = self.at;
        self.bump();
        let mut fields = Vec::new();
        let mut rest = None;
        let close = self.partner(open);
        let result = self.braced(|p| {
            while !matches!(p.kind(), RBrace | Eof) {
                if p.eat(DotDot) {
                    rest = Some(Box::new(p.expr()?));
                } else {
                    match p.field_init() {
                        Ok(field) => fields.push(field),
                        Err(_) => p.skip_field(),
                    }
                }
                if !p.eat(Comma) && !p.eat(Semi) && !p.on_new_line(0) {
                    break;
                }
            }
            p.expect_closer(RBrace, open)
        });
        match (result, close) {
            (Err(_), Some(close)) if !self.muted => self.at = close + 1,
            (result, _) => result?,
        }
        Ok(self.node(lo, ExprKind::FormLiteral { head: Box::new(head), fields, rest }))
    }

    fn field_init(&mut self) -> Parsed<FieldInit> {
        let name = self.name("a field")?;
        if self.eat(Colon) {
            return Ok(FieldInit { name, value: self.expr()?, shorthand: false });
        }
        let value = Expr { id: self.id(), span: name.span, kind: ExprKind::Name(name.clone()) };
        Ok(FieldInit { name, value, shorthand: true })
    }

    /// Skips what is left of an element whose separators are `,` or line ends.
    pub(super) fn skip_field(&mut self) {
        while !matches!(self.kind(), Comma | Semi | RBrace | Eof) {
            self.skip_tree();
            if self.on_new_line(0) && !self.continues_line() {
                return;
            }
        }
    }

    /// `()`, `(e)`, `(a, b)`, `(a,)`.
    pub(super) fn parens(&mut self) -> Parsed<Expr> {
        let lo = self.lo();
        let mut comma = false;
        let mut elements = self.list(RParen, |p| {
            let element = p.element();
            comma |= p.is(Comma);
            element
        })?;
        if elements.is_empty() {
            return Ok(self.node(lo, ExprKind::Literal(Lit::Unit)));
        }
        if elements.len() == 1 && !comma {
            return Ok(elements.remove(0));
        }
        Ok(self.node(lo, ExprKind::Tuple(elements)))
    }
}

/// Says whether an expression may be the head of a form literal or take type arguments.
fn is_head(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Name(_) | ExprKind::Path(_) | ExprKind::Instantiate { .. } => true,
        ExprKind::Field { base, .. } => is_head(base),
        _ => false,
    }
}

fn last_name(expr: &Expr) -> Option<&Ident> {
    match &expr.kind {
        ExprKind::Name(name) | ExprKind::Field { name, .. } => Some(name),
        ExprKind::Path(path) => path.segments.last(),
        _ => None,
    }
}
