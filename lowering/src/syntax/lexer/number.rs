//! Numbers.
//!
//! `12`, `1_000`, `0xff_u8`, `0b1010`, `0o17`, `1.5`, `1e9`, `2.5e-3f32`. A point belongs to the
//! number only if a digit follows, and never after another point: `1..2` is a range and `t.0.1`
//! two fields.

use super::super::ast::Literal;
use super::super::token::TokenKind;
use super::{Lexer, name_len};
use crate::diagnostics::Diagnostic;

const INT_TYPES: [&str; 13] =
    ["int", "i8", "i16", "i32", "i64", "i128", "u8", "u16", "u32", "u64", "u128", "usize", "isize"];
const FLOAT_TYPES: [&str; 2] = ["f32", "f64"];

impl Lexer<'_> {
    /// Reads a number; the next character is a digit.
    pub(super) fn number(&mut self, lo: usize) {
        let is_field = self.tokens.last().is_some_and(|t| t.kind == TokenKind::Dot);
        let radix = match (self.byte(0), self.byte(1)) {
            (b'0', b'x' | b'X') => 16,
            (b'0', b'b' | b'B') => 2,
            (b'0', b'o' | b'O') => 8,
            _ => 10,
        };
        if radix == 10 {
            self.decimal(lo, is_field);
        } else {
            self.prefixed(lo, radix);
        }
    }

    fn prefixed(&mut self, lo: usize, radix: u32) {
        let len = name_len(self.rest());
        let body = self.text[lo + 2..lo + len].to_owned();
        self.at += len;
        let n_digits =
            body.find(|c: char| c != '_' && !c.is_digit(radix.max(10))).unwrap_or(body.len());
        let (digits, suffix) = body.split_at(n_digits);
        if let Some(bad) = digits.chars().find(|c| *c != '_' && !c.is_digit(radix)) {
            return self.invalid(lo, &format!("`{bad}` is not a digit of base {radix}"));
        }
        if !digits.contains(|c: char| c != '_') {
            return self.invalid(lo, "there is no digit after the base");
        }
        if !suffix.is_empty() && !INT_TYPES.contains(&suffix) {
            return self.invalid(lo, &format!("`{suffix}` is not the name of an integer type"));
        }
        self.int(lo, digits, radix, suffix);
    }

    fn decimal(&mut self, lo: usize, is_field: bool) {
        self.digits();
        let mut is_float = false;
        if !is_field && self.byte(0) == b'.' && self.byte(1).is_ascii_digit() {
            self.at += 1;
            self.digits();
            is_float = true;
        }
        if !is_field && matches!(self.byte(0), b'e' | b'E') {
            let n_sign = usize::from(matches!(self.byte(1), b'+' | b'-'));
            if self.byte(1 + n_sign).is_ascii_digit() {
                self.at += 1 + n_sign;
                self.digits();
                is_float = true;
            } else if n_sign == 1 {
                self.at += 2;
                return self.invalid(lo, "the exponent has no digit");
            }
        }
        let n_number = self.at - lo;
        self.at += name_len(self.rest());
        let text = self.text[lo..self.at].to_owned();
        let (number, suffix) = text.split_at(n_number);
        let floats = FLOAT_TYPES.contains(&suffix);
        if !(suffix.is_empty() || floats || !is_float && INT_TYPES.contains(&suffix)) {
            let what = if is_float && INT_TYPES.contains(&suffix) {
                format!("a number with a fraction or exponent is no `{suffix}`")
            } else {
                format!("`{suffix}` is not the name of a number type")
            };
            return self.invalid(lo, &what);
        }
        if !(is_float || floats) {
            return self.int(lo, number, 10, suffix);
        }
        let plain: String = number.chars().filter(|c| *c != '_').collect();
        match plain.parse::<f64>() {
            Ok(value) if value.is_finite() => {
                let suffix = (!suffix.is_empty()).then(|| suffix.to_owned());
                self.push_literal(Literal::Float { value, suffix }, lo);
            }
            Ok(_) => self.too_large(lo, "`f64` ends at about 1.8e308"),
            Err(_) => self.invalid(lo, "its digits do not form a number"),
        }
    }

    fn digits(&mut self) {
        while self.byte(0).is_ascii_digit() || self.byte(0) == b'_' {
            self.at += 1;
        }
    }

    fn int(&mut self, lo: usize, digits: &str, radix: u32, suffix: &str) {
        let mut value: u128 = 0;
        for digit in digits.chars().filter_map(|c| c.to_digit(radix)) {
            let next =
                value.checked_mul(u128::from(radix)).and_then(|v| v.checked_add(u128::from(digit)));
            match next {
                Some(next) => value = next,
                None => return self.too_large(lo, "`u128` ends at 2^128 - 1"),
            }
        }
        let suffix = (!suffix.is_empty()).then(|| suffix.to_owned());
        self.push_literal(Literal::Int { value, suffix }, lo);
    }

    fn invalid(&mut self, lo: usize, why: &str) {
        let span = self.span(lo);
        self.report(
            Diagnostic::error("LEX_E_INVALID_NUMBER", "this is not a number")
                .at(span, why)
                .help("write digits such as `1_000`, `0xff`, `1.5e3` and perhaps a type: `1u8`"),
        );
        self.push_literal(Literal::Int { value: 0, suffix: None }, lo);
    }

    fn too_large(&mut self, lo: usize, why: &str) {
        let span = self.span(lo);
        self.report(
            Diagnostic::error("LEX_E_NUMBER_TOO_LARGE", "this number is too large for any type")
                .at(span, why)
                .help("use a smaller number, or a string if it is only shown"),
        );
        self.push_literal(Literal::Int { value: 0, suffix: None }, lo);
    }
}
