//! Patterns.

use super::super::ast::{Expr, ExprKind, FieldPattern, Ident, Path, Pattern, PatternKind, UnaryOp};
use super::{Parsed, Parser, TokenKind::*};

impl Parser<'_> {
    fn pattern_node(&mut self, lo: u32, kind: PatternKind) -> Pattern {
        Pattern { id: self.id(), span: self.span_from(lo), kind }
    }

    /// Reads a pattern with its alternatives.
    pub(super) fn pattern(&mut self) -> Parsed<Pattern> {
        let lo = self.lo();
        let first = self.pattern_single()?;
        if !self.is(Pipe) {
            return Ok(first);
        }
        let mut alternatives = vec![first];
        while self.eat(Pipe) {
            alternatives.push(self.pattern_single()?);
        }
        Ok(self.pattern_node(lo, PatternKind::Or(alternatives)))
    }

    /// Says whether a pattern may begin at the cursor.
    pub(super) fn begins_pattern(&self) -> bool {
        matches!(self.kind(), Word | Literal | LParen | LBracket | Minus)
    }

    /// Reads a pattern without alternatives.
    pub(super) fn pattern_single(&mut self) -> Parsed<Pattern> {
        self.deeper(Self::pattern_atom)
    }

    fn pattern_atom(&mut self) -> Parsed<Pattern> {
        let lo = self.lo();
        let kind = match self.kind() {
            Literal | Minus => return self.pattern_literal(lo),
            LParen => {
                let mut comma = false;
                let mut elements = self.list(RParen, |p| {
                    let element = p.pattern();
                    comma |= p.is(Comma);
                    element
                })?;
                if elements.len() == 1 && !comma {
                    return Ok(elements.remove(0));
                }
                PatternKind::Tuple(elements)
            }
            LBracket => self.pattern_list()?,
            Word => return self.pattern_word(lo),
            _ => {
                return Err(self.expected(
                    "PARSE_E_EXPECTED_PATTERN",
                    "a pattern",
                    "patterns are names, `_`, literals, `(a, b)`, `[a, b]` or arms `P.A(x)`",
                ));
            }
        };
        Ok(self.pattern_node(lo, kind))
    }

    fn pattern_literal(&mut self, lo: u32) -> Parsed<Pattern> {
        let first = Box::new(self.pattern_value()?);
        let kind = if matches!(self.kind(), DotDot | DotDotEq) && !self.line_ended() {
            let inclusive = self.bump().kind == DotDotEq;
            let hi = Box::new(self.pattern_value()?);
            PatternKind::Range { lo: first, hi, inclusive }
        } else {
            PatternKind::Literal(first)
        };
        Ok(self.pattern_node(lo, kind))
    }

    /// A literal, or `-` and a literal.
    fn pattern_value(&mut self) -> Parsed<Expr> {
        let lo = self.lo();
        let op_span = self.span();
        let negative = self.eat(Minus);
        if !self.is(Literal) {
            return Err(self.expected("PARSE_E_EXPECTED_PATTERN", "a literal", ""));
        }
        let literal_lo = self.lo();
        let literal = self.literal();
        let expr = self.node(literal_lo, ExprKind::Literal(literal));
        if !negative {
            return Ok(expr);
        }
        let expr = Box::new(expr);
        Ok(self.node(lo, ExprKind::Unary { op: UnaryOp::Neg, op_span, expr }))
    }

    fn pattern_list(&mut self) -> Parsed<PatternKind> {
        let mut rest = None;
        let mut after = Vec::new();
        let elements = self.list(RBracket, |p| {
            if p.eat(DotDot) {
                if rest.is_some() {
                    return Err(p.expected("PARSE_E_EXPECTED_PATTERN", "only one `..`", ""));
                }
                let bound = if p.is(Word) { Some(p.name("a name")?) } else { None };
                rest = Some(bound);
                return Ok(None);
            }
            let element = p.pattern()?;
            if rest.is_some() {
                after.push(element);
                return Ok(None);
            }
            Ok(Some(element))
        })?;
        Ok(PatternKind::List { elements: elements.into_iter().flatten().collect(), rest, after })
    }

    fn pattern_word(&mut self, lo: u32) -> Parsed<Pattern> {
        let word = self.word();
        let prefixes = self.nth(1) == Word && !self.on_new_line(1) && self.nth_word(1) != "if";
        let kind = match word {
            "_" => {
                self.bump();
                PatternKind::Wildcard
            }
            "true" | "false" | "null" if !matches!(self.nth(1), Dot | ColonColon | LParen) => {
                let literal = match word {
                    "null" => super::super::ast::Literal::Null,
                    word => super::super::ast::Literal::Bool(word == "true"),
                };
                self.bump();
                let expr = self.node(lo, ExprKind::Literal(literal));
                PatternKind::Literal(Box::new(expr))
            }
            "mut" | "ref" if prefixes && !matches!(self.nth_word(1), "in" | "as") => {
                let by_ref = self.eat_word("ref");
                let mutable = self.eat_word("mut");
                PatternKind::Bind { name: self.name("a name")?, mutable, by_ref }
            }
            _ => return self.pattern_path(lo),
        };
        Ok(self.pattern_node(lo, kind))
    }

    /// A name, an arm `P.A(x)`, or a form `F { a, b: p }`.
    fn pattern_path(&mut self, lo: u32) -> Parsed<Pattern> {
        let first = self.name("a pattern")?;
        let mut segments = vec![first];
        while matches!(self.kind(), Dot | ColonColon) && self.nth(1) == Word && !self.on_new_line(0)
        {
            self.bump();
            segments.push(self.name("an arm")?);
        }
        let path = Path { n_dots: 0, segments, span: self.span_from(lo) };
        if self.is(LParen) && !self.on_new_line(0) {
            let payload = Some(self.list(RParen, Self::pattern)?);
            return Ok(self.pattern_node(lo, PatternKind::Arm { path, payload }));
        }
        if self.is(LBrace) && self.is_form_pattern() {
            return self.pattern_form(lo, path);
        }
        let kind = if path.segments.len() == 1 {
            let name: Ident = path.segments[0].clone();
            PatternKind::Bind { name, mutable: false, by_ref: false }
        } else {
            PatternKind::Arm { path, payload: None }
        };
        Ok(self.pattern_node(lo, kind))
    }

    /// Says whether the braces at the cursor belong to the pattern. In the head of an arm or of
    /// `when` they do if a block, `=>`, `if` or `=` follows them on the same line.
    fn is_form_pattern(&self) -> bool {
        if self.on_new_line(0) {
            return false;
        }
        if !self.context.head {
            return self.looks_like_fields();
        }
        let fields = matches!(
            (self.nth(1), self.nth(2)),
            (DotDot | RBrace, _) | (Word, Colon | Comma | RBrace)
        );
        let Some(after) = self.after_group(0) else { return false };
        fields
            && !after.newline_before
            && (matches!(after.kind, LBrace | FatArrow | Eq)
                || after.kind == Word && self.text_of(after) == "if")
    }

    fn pattern_form(&mut self, lo: u32, path: Path) -> Parsed<Pattern> {
        let mut open = false;
        let fields = self.list(RBrace, |p| {
            if p.eat(DotDot) {
                open = true;
                return Ok(None);
            }
            let lo = p.lo();
            let name = p.name("a field")?;
            let pattern = if p.eat(Colon) {
                p.pattern()?
            } else {
                let kind = PatternKind::Bind { name: name.clone(), mutable: false, by_ref: false };
                p.pattern_node(lo, kind)
            };
            Ok(Some(FieldPattern { name, pattern }))
        })?;
        let fields = fields.into_iter().flatten().collect();
        Ok(self.pattern_node(lo, PatternKind::Form { path, fields, open }))
    }
}
