//! Operators.
//!
//! Precedence climbing over one table; loosest first: assignment, `?:`, `??`, range, or, and,
//! `|`, `^`, `&`, equality, comparison, shift, sum, product, `as`/`is`; then prefix operators and
//! postfix forms.

use super::super::ast::{BinaryOp, Expr, ExprKind, UnaryOp};
use super::{LOOK_AHEAD, Parsed, Parser, TokenKind, TokenKind::*};
use crate::diagnostics::{Diagnostic, Span};

/// Binding powers that the grammar names.
const ASSIGN: u8 = 1;
const TERNARY: u8 = 2;
const COALESCE: u8 = 3;
const RANGE: u8 = 4;
const OR: u8 = 5;
const CAST: u8 = 15;

/// What stands where a binary operator may.
enum Infix {
    Binary(BinaryOp, u8),
    Assign(Option<BinaryOp>),
    Ternary,
    Range,
    Cast,
    Is,
}

impl Parser<'_> {
    pub(super) fn node(&mut self, lo: u32, kind: ExprKind) -> Expr {
        Expr { id: self.id(), span: self.span_from(lo), kind }
    }

    /// Stands in for an expression that could not be read.
    pub(super) fn expr_error(&mut self) -> Expr {
        Expr { id: self.id(), span: self.span().start(), kind: ExprKind::Error }
    }

    /// Reads an expression.
    pub(super) fn expr(&mut self) -> Parsed<Expr> {
        self.climb(ASSIGN)
    }

    /// Reads an expression; where that fails, skips to the end of the statement.
    pub(super) fn expr_or_skip(&mut self) -> Expr {
        match self.expr() {
            Ok(expr) => expr,
            Err(_) => {
                let error = self.expr_error();
                if !self.line_ended() {
                    self.skip_statement();
                }
                error
            }
        }
    }

    /// Reads an expression in a list; where that fails, skips to the end of the element.
    pub(super) fn element(&mut self) -> Parsed<Expr> {
        match self.expr() {
            Err(_) if !self.muted => {
                let error = self.expr_error();
                self.skip_element(true);
                self.skipped = true;
                Ok(error)
            }
            result => result,
        }
    }

    /// Reads an expression whose operators bind at least as tightly as `min`.
    fn climb(&mut self, min: u8) -> Parsed<Expr> {
        self.deeper(|p| {
            let lo = p.lo();
            let lhs = if min <= RANGE && matches!(p.kind(), DotDot | DotDotEq) {
                p.range(lo, None)?
            } else {
                p.unary(false)?
            };
            p.climb_from(lo, lhs, min)
        })
    }

    /// Reads what may stand to the left of an assignment, and more; the caller checks.
    pub(super) fn place(&mut self) -> Parsed<Expr> {
        self.climb(TERNARY)
    }

    /// Reads an expression that stops before `as`.
    pub(super) fn above_cast(&mut self) -> Parsed<Expr> {
        self.climb(CAST + 1)
    }

    /// The assignment operator at the cursor and its number of tokens.
    pub(super) fn assign_op(&self) -> Option<(Option<BinaryOp>, usize)> {
        match self.infix_sign()? {
            (Infix::Assign(op), n_tokens) => Some((op, n_tokens)),
            _ => None,
        }
    }

    /// Goes on behind an operand that was read already.
    pub(super) fn operators_from(&mut self, lo: u32, lhs: Expr) -> Parsed<Expr> {
        self.climb_from(lo, lhs, ASSIGN)
    }

    fn climb_from(&mut self, lo: u32, mut lhs: Expr, min: u8) -> Parsed<Expr> {
        while let Some((infix, n_tokens)) = self.infix() {
            let op_span = {
                let (first, last) = (self.token(), self.nth_token(n_tokens - 1));
                Span::new(self.source, first.lo, last.hi)
            };
            let power = match infix {
                Infix::Binary(_, power) => power,
                Infix::Assign(_) => ASSIGN,
                Infix::Ternary => TERNARY,
                Infix::Range => RANGE,
                Infix::Cast | Infix::Is => CAST,
            };
            if power < min {
                break;
            }
            let take = |p: &mut Self| {
                for _ in 0..n_tokens {
                    p.bump();
                }
            };
            let kind = match infix {
                Infix::Binary(op, power) => {
                    self.check_chain(&lhs, op, op_span);
                    take(self);
                    let rhs = Box::new(self.climb(power + 1)?);
                    ExprKind::Binary { op, op_span, lhs: Box::new(lhs), rhs }
                }
                Infix::Assign(op) => {
                    take(self);
                    self.check_place(&lhs);
                    let value = Box::new(self.climb(ASSIGN)?);
                    ExprKind::Assign { place: Box::new(lhs), op, value }
                }
                Infix::Ternary => {
                    take(self);
                    let then = Box::new(self.climb(ASSIGN)?);
                    self.expect(Colon, "a choice is written `condition ? a : b`")?;
                    let otherwise = Box::new(self.climb(TERNARY)?);
                    ExprKind::Ternary { cond: Box::new(lhs), then, otherwise }
                }
                Infix::Range => {
                    if matches!(lhs.kind, ExprKind::Range { .. }) {
                        self.report(
                            Diagnostic::error("PARSE_E_CHAINED_RANGE", "ranges cannot be chained")
                                .at(op_span, "the range has an end already")
                                .help("write one range `a..b`"),
                        );
                    }
                    lhs = self.range(lo, Some(lhs))?;
                    self.grow()?;
                    continue;
                }
                Infix::Cast => {
                    take(self);
                    ExprKind::Cast { expr: Box::new(lhs), ty: Box::new(self.ty_prefix()?) }
                }
                Infix::Is => {
                    take(self);
                    let negated = self.at_word("not") && !self.on_new_line(0);
                    if negated {
                        self.bump();
                    }
                    let pattern = Box::new(self.pattern()?);
                    ExprKind::Is { expr: Box::new(lhs), pattern, negated }
                }
            };
            self.grow()?;
            lhs = self.node(lo, kind);
        }
        Ok(lhs)
    }

    /// `..b`, `a..`, `a..b` at the dots.
    fn range(&mut self, lo: u32, start: Option<Expr>) -> Parsed<Expr> {
        let inclusive = self.bump().kind == DotDotEq;
        let open = self.ends_here() || (self.context.head && self.is(LBrace)) || self.is(Colon);
        let hi = if open { None } else { Some(Box::new(self.climb(OR)?)) };
        let kind = ExprKind::Range { lo: start.map(Box::new), hi, inclusive };
        Ok(self.node(lo, kind))
    }

    /// What infix operator stands at the cursor, and of how many tokens.
    fn infix(&self) -> Option<(Infix, usize)> {
        let (infix, n_tokens) = self.infix_sign()?;
        if self.line_ended() && !self.continues_line() {
            return None;
        }
        Some((infix, n_tokens))
    }

    fn infix_sign(&self) -> Option<(Infix, usize)> {
        use BinaryOp::{Add, And, BitAnd, BitOr, BitXor, Coalesce, Div, Le, Mul, Ne, Or, Rem, Sub};
        let binary = |op, power| Some((Infix::Binary(op, power), 1));
        let assign = |op| Some((Infix::Assign(op), 1));
        match self.kind() {
            TokenKind::Eq => assign(None),
            PlusEq => assign(Some(Add)),
            MinusEq => assign(Some(Sub)),
            StarEq => assign(Some(Mul)),
            SlashEq => assign(Some(Div)),
            PercentEq => assign(Some(Rem)),
            AmpEq => assign(Some(BitAnd)),
            PipeEq => assign(Some(BitOr)),
            CaretEq => assign(Some(BitXor)),
            ShlEq => assign(Some(BinaryOp::Shl)),
            Question if self.question_is_ternary() => Some((Infix::Ternary, 1)),
            QuestionQuestion => binary(Coalesce, COALESCE),
            DotDot => Some((Infix::Range, 1)),
            DotDotEq => Some((Infix::Range, 1)),
            PipePipe => binary(Or, OR),
            AmpAmp => binary(And, 6),
            Pipe => binary(BitOr, 7),
            Caret => binary(BitXor, 8),
            Amp => binary(BitAnd, 9),
            EqEq => binary(BinaryOp::Eq, 10),
            BangEq => binary(Ne, 10),
            TokenKind::Lt => binary(BinaryOp::Lt, 11),
            LtEq => binary(Le, 11),
            Gt => Some(self.infix_gt()),
            TokenKind::Shl => binary(BinaryOp::Shl, 12),
            Plus => binary(Add, 13),
            Minus => binary(Sub, 13),
            Star => binary(Mul, 14),
            Slash => binary(Div, 14),
            Percent => binary(Rem, 14),
            Word => self.infix_word(),
            _ => None,
        }
    }

    /// `>`, `>=`, `>>`, `>>=`: the lexer leaves each `>` by itself.
    fn infix_gt(&self) -> (Infix, usize) {
        let second = if self.is_joint(1) { self.nth(1) } else { Eof };
        let third = if self.is_joint(2) { self.nth(2) } else { Eof };
        match (second, third) {
            (Gt, TokenKind::Eq) => (Infix::Assign(Some(BinaryOp::Shr)), 3),
            (Gt, _) => (Infix::Binary(BinaryOp::Shr, 12), 2),
            (TokenKind::Eq, _) => (Infix::Binary(BinaryOp::Ge, 11), 2),
            _ => (Infix::Binary(BinaryOp::Gt, 11), 1),
        }
    }

    fn infix_word(&self) -> Option<(Infix, usize)> {
        let binary = |op, power| Some((Infix::Binary(op, power), 1));
        match self.word() {
            "or" => binary(BinaryOp::Or, OR),
            "and" => binary(BinaryOp::And, 6),
            "xor" => binary(BinaryOp::BitXor, 8),
            "in" => binary(BinaryOp::In, 11),
            "not" if self.nth_word(1) == "in" => Some((Infix::Binary(BinaryOp::NotIn, 11), 2)),
            "as" => Some((Infix::Cast, 1)),
            "is" => Some((Infix::Is, 1)),
            _ => None,
        }
    }

    /// Says whether the token at the start of a line continues the line before it.
    pub(super) fn continues_line(&self) -> bool {
        match self.kind() {
            Dot => self.nth(1) == Word && self.is_joint(1),
            // A blank behind tells a binary sign from a prefix.
            Minus | Star | Amp | AmpAmp => !self.is_joint(1) && !self.on_new_line(1),
            Pipe
            | PipePipe
            | Plus
            | Slash
            | Percent
            | Caret
            | TokenKind::Eq
            | EqEq
            | BangEq
            | TokenKind::Lt
            | LtEq
            | Gt
            | TokenKind::Shl
            | Question
            | QuestionQuestion
            | DotDot
            | DotDotEq
            | PlusEq
            | MinusEq
            | StarEq
            | SlashEq
            | PercentEq
            | AmpEq
            | PipeEq
            | CaretEq
            | ShlEq => true,
            Word => match self.word() {
                "and" | "or" | "xor" | "in" | "as" | "is" => !self.next_makes_name(),
                "not" => self.nth_word(1) == "in",
                _ => false,
            },
            _ => false,
        }
    }

    /// Says whether the token after the word at the cursor shows that the word is a name:
    /// `set = 1`, `state.x`, `loop, …`.
    pub(super) fn next_makes_name(&self) -> bool {
        match self.nth(1) {
            Dot => !self.on_new_line(1) || self.is_joint(2),
            Colon
            | ColonColon
            | Comma
            | RParen
            | RBracket
            | TokenKind::Eq
            | EqEq
            | BangEq
            | PlusEq
            | MinusEq
            | StarEq
            | SlashEq
            | PercentEq
            | AmpEq
            | PipeEq
            | CaretEq
            | ShlEq
            | Plus
            | Slash
            | Percent
            | LtEq
            | Gt
            | QuestionQuestion
            | Arrow
            | FatArrow => true,
            Word => {
                matches!(self.nth_word(1), "and" | "or" | "xor" | "as" | "is" | "in")
                    && !self.on_new_line(1)
            }
            _ => false,
        }
    }

    /// Says whether the `?` at the cursor begins a choice: an operand follows, and further on, in
    /// the same brackets and before the statement ends, a `:`.
    pub(super) fn question_is_ternary(&self) -> bool {
        let next = self.nth_token(1);
        if (self.context.lines && next.newline_before) || !self.begins_operand(1) {
            return false;
        }
        let mut at = self.at + 1;
        // The `:` of a choice inside this one belongs to that.
        let mut n_inner = 0u32;
        for _ in 0..LOOK_AHEAD {
            let Some(token) = self.lexed.tokens.get(at) else { return false };
            let starts_line = self.context.lines && token.newline_before;
            let goes_on = matches!(
                token.kind,
                Colon | Question | Dot | Plus | Pipe | PipePipe | EqEq | BangEq | QuestionQuestion
            ) || token.kind == Word && matches!(self.text_of(*token), "and" | "or");
            if starts_line && !goes_on {
                return false;
            }
            match token.kind {
                Colon if n_inner == 0 => return true,
                Colon => n_inner -= 1,
                Question
                    if self
                        .lexed
                        .tokens
                        .get(at + 1)
                        .is_some_and(|t| !t.newline_before && begins_operand_kind(t.kind)) =>
                {
                    n_inner += 1;
                }
                LBrace if self.context.head => return false,
                LParen | LBracket | LBrace => match self.partner(at) {
                    Some(closer) => at = closer,
                    None => return false,
                },
                Semi | Comma | RParen | RBracket | RBrace | Eof | FatArrow => return false,
                _ => {}
            }
            at += 1;
        }
        false
    }

    fn begins_operand(&self, ahead: usize) -> bool {
        match self.nth(ahead) {
            LBrace => !self.context.head,
            Word => !matches!(self.nth_word(ahead), "and" | "or" | "xor" | "in" | "as" | "is"),
            kind => begins_operand_kind(kind),
        }
    }

    fn check_chain(&mut self, lhs: &Expr, op: BinaryOp, op_span: Span) {
        let orders = |op| matches!(op, BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge);
        let ExprKind::Binary { op: first, op_span: first_span, lhs: inner, .. } = &lhs.kind else {
            return;
        };
        // Of a longer chain only the second comparison is reported.
        if matches!(inner.kind, ExprKind::Binary { op, .. } if orders(op)) {
            return;
        }
        // Operands in parentheses begin before their first token does.
        if orders(op) && orders(*first) && lhs.span.hi <= op_span.lo && !self.closes_before(lhs) {
            self.report(
                Diagnostic::error("PARSE_E_CHAINED_COMPARISON", "comparisons cannot be chained")
                    .at(op_span, "this would compare a truth value")
                    .also(*first_span, "with the result of this")
                    .help("write `a < b and b < c`"),
            );
        }
    }

    /// Says whether a `)` stands between an operand and the cursor.
    fn closes_before(&self, operand: &Expr) -> bool {
        let last = self.lexed.tokens[self.at - 1];
        last.kind == RParen && last.hi > operand.span.hi
    }

    /// Refuses to assign to what is no place.
    pub(super) fn check_place(&mut self, place: &Expr) {
        if let Some(bad) = not_a_place(place) {
            self.report(
                Diagnostic::error("PARSE_E_INVALID_PLACE", "this cannot be assigned to")
                    .at(bad.span, "a value, not a place")
                    .help("assign to a name, a field `a.b`, an element `a[i]` or `*reference`"),
            );
        }
    }

    /// Reads prefix operators and what they stand before. The operand of `await` and `spawn` ends
    /// before a `?` (`before_try`): `await f()?` tries what was awaited.
    pub(super) fn unary(&mut self, before_try: bool) -> Parsed<Expr> {
        let prefix = match self.kind() {
            Minus | Bang | Tilde | Star | Amp | AmpAmp => true,
            Word => matches!(self.word(), "not" | "ref" | "borrow" | "move" | "await" | "spawn"),
            _ => false,
        };
        if prefix { self.prefixed(before_try) } else { self.postfix(before_try) }
    }

    fn prefixed(&mut self, before_try: bool) -> Parsed<Expr> {
        let lo = self.lo();
        let token = self.token();
        let op_span = self.span();
        let op = match token.kind {
            Minus => UnaryOp::Neg,
            Bang => UnaryOp::Not,
            Tilde => UnaryOp::BitNot,
            Star => UnaryOp::Deref,
            Amp | AmpAmp => UnaryOp::Ref,
            Word if !self.next_makes_name() => match self.word() {
                "not" if self.word_takes_operand() => UnaryOp::Not,
                "ref" if self.word_takes_operand() => UnaryOp::Ref,
                "borrow" if self.nth(1) == Word && !self.on_new_line_in_lines(1) => UnaryOp::Ref,
                "move" if self.word_takes_operand() => {
                    self.bump();
                    let expr = Box::new(self.deeper(|p| p.unary(before_try))?);
                    return Ok(self.node(lo, ExprKind::Move(expr)));
                }
                "await" | "spawn" if self.word_takes_operand() => return self.suspending(lo),
                _ => return self.postfix(before_try),
            },
            _ => return self.postfix(before_try),
        };
        self.bump();
        let op = if op == UnaryOp::Ref && self.at_word("mut") && self.is_operand_after_mut() {
            self.bump();
            UnaryOp::RefMut
        } else {
            op
        };
        let expr = Box::new(self.deeper(|p| p.unary(before_try))?);
        let kind = ExprKind::Unary { op, op_span, expr };
        let inner_lo = if token.kind == AmpAmp { lo + 1 } else { lo };
        let inner = self.node(inner_lo, kind);
        if token.kind == AmpAmp {
            let kind = ExprKind::Unary { op: UnaryOp::Ref, op_span, expr: Box::new(inner) };
            return Ok(self.node(lo, kind));
        }
        Ok(inner)
    }

    fn is_operand_after_mut(&self) -> bool {
        matches!(self.nth(1), Word | LParen | Star) && !self.on_new_line(1)
    }

    /// Says whether the word at the cursor is an operator: an operand follows on its line.
    fn word_takes_operand(&self) -> bool {
        self.begins_operand(1) && !(self.context.lines && self.on_new_line(1))
    }

    /// `await e`, `spawn e`.
    fn suspending(&mut self, lo: u32) -> Parsed<Expr> {
        let word = self.span();
        let awaits = self.at_word("await");
        self.bump();
        let expr = Box::new(self.deeper(|p| p.unary(true))?);
        let kind =
            if awaits { ExprKind::Await { expr, word } } else { ExprKind::Spawn { expr, word } };
        let suspended = self.node(lo, kind);
        if self.is(Question) && !self.question_is_ternary() {
            return self.postfix_from(lo, suspended, false);
        }
        Ok(suspended)
    }
}

fn begins_operand_kind(kind: TokenKind) -> bool {
    matches!(
        kind,
        Word | Literal
            | LParen
            | LBracket
            | LBrace
            | Minus
            | Bang
            | Tilde
            | Star
            | Amp
            | AmpAmp
            | Pipe
            | PipePipe
            | DotDot
            | DotDotEq
    )
}

/// Finds the part of `place` that cannot be assigned to.
fn not_a_place(place: &Expr) -> Option<&Expr> {
    match &place.kind {
        ExprKind::Name(_)
        | ExprKind::Path(_)
        | ExprKind::Field { .. }
        | ExprKind::TupleField { .. }
        | ExprKind::Index { .. }
        | ExprKind::Slice { .. }
        | ExprKind::Unary { op: UnaryOp::Deref, .. }
        | ExprKind::Error => None,
        ExprKind::Tuple(elements) => elements.iter().find_map(not_a_place),
        _ => Some(place),
    }
}
