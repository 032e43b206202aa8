//! Strings, byte strings, characters and lifetimes.

use super::super::ast::Literal;
use super::super::token::TokenKind;
use super::{Lexer, is_name_start, name_len};
use crate::diagnostics::{Diagnostic, Span};

impl Lexer<'_> {
    /// Reads `"…"`, `"""…"""`, `r"…"` or `b"…"`.
    pub(super) fn string(&mut self, lo: usize) {
        let prefix = self.byte(0);
        if prefix != b'"' {
            self.at += 1;
        }
        if self.rest().starts_with("\"\"\"") {
            return self.triple(lo, prefix == b'b');
        }
        self.at += 1;
        let mut value: Vec<u8> = Vec::new();
        loop {
            let Some(c) = self.peek() else { break self.unterminated(lo) };
            match c {
                '"' => {
                    self.at += 1;
                    break;
                }
                '\n' => break self.unterminated(lo),
                '\\' if prefix != b'r' => match self.escape(prefix == b'b') {
                    Some(Escape::Char(c)) => push_char(&mut value, c),
                    Some(Escape::Byte(b)) => value.push(b),
                    None => {}
                },
                c => {
                    self.at += c.len_utf8();
                    push_char(&mut value, c);
                }
            }
        }
        self.push_text(lo, value, prefix == b'b');
    }

    fn triple(&mut self, lo: usize, bytes: bool) {
        self.at += 3;
        let inside = self.rest();
        let value = if let Some(len) = inside.find("\"\"\"") {
            let value = inside[..len].to_owned();
            self.at += len + 3;
            value
        } else {
            let value = inside.to_owned();
            self.at = self.text.len();
            self.cut_off = true;
            let span = Span::new(self.source, lo as u32, lo as u32 + 3);
            self.report(
                Diagnostic::error("LEX_E_UNTERMINATED_STRING", "this string is not closed")
                    .at(span, "it begins here")
                    .help("close it with `\"\"\"`"),
            );
            value
        };
        self.push_text(lo, value.into_bytes(), bytes);
    }

    fn push_text(&mut self, lo: usize, value: Vec<u8>, bytes: bool) {
        let literal = if bytes {
            Literal::Bytes(value)
        } else {
            Literal::Str(String::from_utf8(value).unwrap_or_default())
        };
        self.push_literal(literal, lo);
    }

    fn unterminated(&mut self, lo: usize) {
        self.damage.push(self.at as u32);
        let span = self.span(lo);
        self.report(
            Diagnostic::error("LEX_E_UNTERMINATED_STRING", "this string is not closed")
                .at(span, "it should end on this line")
                .help("close it with `\"`; text over several lines is written `\"\"\"…\"\"\"`"),
        );
    }

    /// Reads an escape; the next character is `\`. Gives nothing where it is not one.
    fn escape(&mut self, bytes: bool) -> Option<Escape> {
        let lo = self.at;
        self.at += 1;
        let Some(c) = self.peek() else {
            self.invalid_escape(lo, "nothing follows the backslash");
            return None;
        };
        if c == '\n' {
            self.invalid_escape(lo, "a line cannot be continued by a backslash");
            return None;
        }
        self.at += c.len_utf8();
        let plain = match c {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '0' => '\0',
            '\\' | '"' | '\'' => c,
            'x' => {
                let digits: String =
                    self.rest().chars().take_while(char::is_ascii_hexdigit).take(2).collect();
                self.at += digits.len();
                return match u8::from_str_radix(&digits, 16) {
                    Ok(byte) if digits.len() == 2 && (bytes || byte < 0x80) => {
                        Some(Escape::Byte(byte))
                    }
                    Ok(_) if digits.len() == 2 => {
                        self.invalid_escape(lo, "`\\x` reaches to 7f; beyond it write `\\u{…}`");
                        None
                    }
                    _ => {
                        self.invalid_escape(lo, "`\\x` needs two hexadecimal digits");
                        None
                    }
                };
            }
            'u' => return self.unicode_escape(lo).map(Escape::Char),
            _ => {
                self.invalid_escape(lo, "not known; a backslash itself is written `\\\\`");
                return None;
            }
        };
        Some(Escape::Char(plain))
    }

    fn unicode_escape(&mut self, lo: usize) -> Option<char> {
        let four = self.rest().get(..4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        if let Some(code) = four.and_then(|digits| u32::from_str_radix(digits, 16).ok()) {
            self.at += 4;
            let found = char::from_u32(code);
            if found.is_none() {
                self.invalid_escape(lo, "this number is not that of a character");
            }
            return found;
        }
        if self.byte(0) != b'{' {
            self.invalid_escape(
                lo,
                "`\\u` needs four hexadecimal digits, or any in braces: `\\u{e9}`",
            );
            return None;
        }
        let n_digits =
            self.rest()[1..].bytes().take_while(|b| b.is_ascii_hexdigit() || *b == b'_').count();
        let digits: String = self.rest()[1..=n_digits].chars().filter(|c| *c != '_').collect();
        self.at += 1 + n_digits;
        if self.byte(0) != b'}' {
            self.invalid_escape(lo, "`\\u{` needs hexadecimal digits and `}`");
            return None;
        }
        self.at += 1;
        let found = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
        if found.is_none() {
            self.invalid_escape(lo, "this number is not that of a character");
        }
        found
    }

    fn invalid_escape(&mut self, lo: usize, why: &str) {
        let span = self.span(lo);
        self.report(
            Diagnostic::error("LEX_E_INVALID_ESCAPE", "this escape is not known")
                .at(span, why)
                .help("escapes are `\\n \\r \\t \\0 \\\\ \\\" \\' \\xHH \\uHHHH \\u{…}`"),
        );
    }

    /// Reads what begins with `'`: a character literal or a lifetime.
    pub(super) fn quote(&mut self, lo: usize) {
        self.at += 1;
        let Some(c) = self.peek() else { return self.unterminated_char(lo) };
        if c == '\n' {
            return self.unterminated_char(lo);
        }
        if c == '\'' {
            self.at += 1;
            return self.invalid_char(lo, "there is nothing between the quotes");
        }
        let value = if c == '\\' {
            match self.escape(false) {
                Some(Escape::Char(c)) => Some(c),
                Some(Escape::Byte(b)) => Some(b as char),
                None => None,
            }
        } else {
            self.at += c.len_utf8();
            Some(c)
        };
        if self.byte(0) == b'\'' {
            self.at += 1;
            return self.push_literal(Literal::Char(value.unwrap_or('?')), lo);
        }
        if is_name_start(c) {
            self.at += name_len(self.rest());
            if self.byte(0) != b'\'' {
                return self.push(TokenKind::Lifetime, lo);
            }
        }
        let line = self.rest().find('\n').map_or(self.rest(), |n| &self.rest()[..n]);
        if let Some(len) = line.find('\'') {
            self.at += len + 1;
            self.invalid_char(lo, "there is more than one character between the quotes");
        } else {
            self.unterminated_char(lo);
        }
    }

    fn invalid_char(&mut self, lo: usize, why: &str) {
        let span = self.span(lo);
        self.report(
            Diagnostic::error(
                "LEX_E_INVALID_CHAR_LITERAL",
                "a character literal holds exactly one character",
            )
            .at(span, why)
            .help("text is written in double quotes: `\"text\"`"),
        );
        self.push_literal(Literal::Char('?'), lo);
    }

    fn unterminated_char(&mut self, lo: usize) {
        self.damage.push(self.at as u32);
        let span = self.span(lo);
        self.report(
            Diagnostic::error("LEX_E_UNTERMINATED_CHAR", "this character literal is not closed")
                .at(span, "it should end after one character")
                .help("close it with `'`"),
        );
        self.push_literal(Literal::Char('?'), lo);
    }
}

enum Escape {
    Char(char),
    Byte(u8),
}

fn push_char(out: &mut Vec<u8>, c: char) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}
