//! Text to tokens.
//!
//! In: the text of a file. Out: tokens with values of literals, and diagnostics with `LEX_E_…`
//! keys. Comments and blanks leave only the mark that a line ended. What has no meaning is
//! reported and skipped, so the parser never sees it: one mistake, one message.
//!
//! Comments are `//` and `#` to the end of the line (but `#[` and `#![` begin attributes),
//! nested `/* */`, and zones `<<< >>>`, which do not nest. Time is linear in the text.

use super::ast::Literal;
use super::token::{SIGNS, Token, TokenKind, match_brackets};
use crate::diagnostics::{Diagnostic, Diagnostics, SourceId, Span};

mod number;
mod text;

/// Longest name, in characters.
const MAX_NAME: usize = 128;

/// What the lexer made of a text.
pub(super) struct Lexed {
    /// The tokens, ending in one `Eof`.
    pub(super) tokens: Vec<Token>,
    /// Values of literals, by the payload of their tokens.
    pub(super) literals: Vec<Literal>,
    /// Where unclosed strings end and characters without meaning were skipped, in rising order:
    /// what seems to be wrong with the next token is their consequence.
    pub(super) damage: Vec<u32>,
    /// An unclosed comment or string swallowed the end of the file: that brackets are not closed
    /// is its consequence.
    pub(super) cut_off: bool,
}

/// Turns `text` into tokens.
pub(super) fn lex(source: SourceId, text: &str, diags: &mut Diagnostics) -> Lexed {
    let mut lexer = Lexer {
        source,
        text,
        at: 0,
        newline: false,
        tokens: Vec::with_capacity(text.len() / 4 + 1),
        literals: Vec::new(),
        diags,
        first_errors: 0,
        cut_off: false,
        damage: Vec::new(),
    };
    lexer.first_errors = lexer.diags.n_errors();
    lexer.skip_shebang();
    while lexer.skip_blanks() {
        lexer.token();
    }
    lexer.push(TokenKind::Eof, text.len());
    match_brackets(&mut lexer.tokens);
    Lexed {
        tokens: lexer.tokens,
        literals: lexer.literals,
        damage: lexer.damage,
        cut_off: lexer.cut_off,
    }
}

struct Lexer<'a> {
    source: SourceId,
    text: &'a str,
    /// Offset of the next character.
    at: usize,
    /// Whether a line ended since the last token.
    newline: bool,
    tokens: Vec<Token>,
    literals: Vec<Literal>,
    diags: &'a mut Diagnostics,
    first_errors: usize,
    cut_off: bool,
    damage: Vec<u32>,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    fn span(&self, lo: usize) -> Span {
        Span::new(self.source, lo as u32, self.at as u32)
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        if self.diags.n_errors() - self.first_errors < super::MAX_ERRORS {
            self.diags.push(diagnostic);
        }
    }

    fn push(&mut self, kind: TokenKind, lo: usize) {
        let newline_before = std::mem::take(&mut self.newline);
        self.tokens.push(Token {
            kind,
            newline_before,
            lo: lo as u32,
            hi: self.at as u32,
            payload: 0,
        });
    }

    fn push_literal(&mut self, literal: Literal, lo: usize) {
        self.push(TokenKind::Literal, lo);
        let payload = self.literals.len() as u32;
        self.literals.push(literal);
        if let Some(token) = self.tokens.last_mut() {
            token.payload = payload;
        }
    }

    /// A first line `#!/usr/bin/env vitte` is a comment like any other, but `#![` is not.
    fn skip_shebang(&mut self) {
        if self.text.starts_with('\u{feff}') {
            self.at = '\u{feff}'.len_utf8();
        }
        if self.rest().starts_with("#!") && !self.rest().starts_with("#![") {
            self.skip_line();
        }
    }

    fn skip_line(&mut self) {
        self.at = self.rest().find('\n').map_or(self.text.len(), |n| self.at + n);
    }

    /// Skips blanks and comments; says whether anything is left.
    fn skip_blanks(&mut self) -> bool {
        while let Some(c) = self.peek() {
            match c {
                '\n' => {
                    self.newline = true;
                    self.at += 1;
                }
                c if c.is_whitespace() => self.at += c.len_utf8(),
                '#' if !(self.byte(1) == b'[' || self.byte(1) == b'!' && self.byte(2) == b'[') => {
                    self.skip_line();
                }
                '/' if self.byte(1) == b'/' => self.skip_line(),
                '/' if self.byte(1) == b'*' => self.skip_block_comment(),
                '<' if self.rest().starts_with("<<<") => self.skip_zone(),
                _ => return true,
            }
        }
        false
    }

    fn skip_block_comment(&mut self) {
        let lo = self.at;
        let bytes = self.text.as_bytes();
        let mut depth = 0usize;
        while self.at < bytes.len() {
            match (bytes[self.at], bytes.get(self.at + 1)) {
                (b'/', Some(b'*')) => {
                    depth += 1;
                    self.at += 2;
                }
                (b'*', Some(b'/')) => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return;
                    }
                }
                (byte, _) => {
                    self.newline |= byte == b'\n';
                    self.at += 1;
                }
            }
        }
        self.unterminated_comment(lo, 2, "*/");
    }

    fn skip_zone(&mut self) {
        let lo = self.at;
        let inside = &self.text[lo + 3..];
        let len = inside.find(">>>");
        self.newline |= inside[..len.unwrap_or(inside.len())].contains('\n');
        if let Some(len) = len {
            self.at = lo + 3 + len + 3;
        } else {
            self.at = self.text.len();
            self.unterminated_comment(lo, 3, ">>>");
        }
    }

    fn unterminated_comment(&mut self, lo: usize, n_bytes: usize, closer: &str) {
        self.cut_off = true;
        let span = Span::new(self.source, lo as u32, (lo + n_bytes) as u32);
        self.report(
            Diagnostic::error("LEX_E_UNTERMINATED_COMMENT", "this comment is not closed")
                .at(span, "it begins here")
                .note("everything after it was skipped")
                .help(format!("close it with `{closer}`")),
        );
    }

    fn token(&mut self) {
        let lo = self.at;
        let Some(c) = self.peek() else { return };
        match c {
            '"' => self.string(lo),
            'r' | 'b' if self.byte(1) == b'"' => self.string(lo),
            '\'' => self.quote(lo),
            '0'..='9' => self.number(lo),
            c if is_name_start(c) => self.word(lo),
            _ => self.sign(lo),
        }
    }

    fn word(&mut self, lo: usize) {
        let len = name_len(self.rest());
        self.at += len;
        let n_chars = self.text[lo..self.at].chars().count();
        if n_chars > MAX_NAME {
            let span = self.span(lo);
            self.report(
                Diagnostic::error("LEX_E_NAME_TOO_LONG", "this name is too long")
                    .at(span, format!("it has {n_chars} characters"))
                    .help(format!("names have at most {MAX_NAME} characters")),
            );
        }
        self.push(TokenKind::Word, lo);
    }

    fn sign(&mut self, lo: usize) {
        let rest = self.rest();
        let kind = match rest.as_bytes() {
            [b'#', b'!', ..] => Some((2, TokenKind::HashBang)),
            _ => SIGNS
                .iter()
                .find(|(text, _)| !text.is_empty() && rest.starts_with(text))
                .map(|&(text, kind)| (text.len(), kind)),
        };
        if let Some((len, kind)) = kind {
            self.at += len;
            self.push(kind, lo);
        } else {
            self.invalid_chars(lo);
        }
    }

    fn invalid_chars(&mut self, lo: usize) {
        while let Some(c) = self.peek() {
            let means = c.is_whitespace()
                || is_name_start(c)
                || c.is_ascii_digit()
                || matches!(c, '"' | '\'' | '#')
                || SIGNS.iter().any(|(text, _)| text.starts_with(c));
            if means {
                break;
            }
            self.at += c.len_utf8();
        }
        self.damage.push(self.at as u32);
        let shown: String = self.text[lo..self.at].chars().take(12).collect();
        let help = match shown.chars().next() {
            Some('“' | '”' | '„' | '«' | '»') => {
                "strings are written in straight quotes: `\"text\"`"
            }
            Some('‘' | '’') => "characters are written in straight quotes: `'c'`",
            Some('–' | '—' | '−') => "minus is written `-`",
            Some('@') => "attributes are written `#[name]`",
            Some('\\') => "a statement goes on where its next line begins with an operator",
            _ => "remove it, or put it into a string",
        };
        let span = self.span(lo);
        self.report(
            Diagnostic::error("LEX_E_INVALID_CHAR", format!("`{shown}` has no meaning here"))
                .at(span, "not part of the language")
                .help(help),
        );
    }
}

/// Says whether a name may begin with `c`.
fn is_name_start(c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic() || (!c.is_ascii() && unicode_ident::is_xid_start(c))
}

/// Gives the length in bytes of the name-like characters at the start of `text`.
fn name_len(text: &str) -> usize {
    text.find(|c: char| {
        !(c == '_'
            || c.is_ascii_alphanumeric()
            || (!c.is_ascii() && unicode_ident::is_xid_continue(c)))
    })
    .unwrap_or(text.len())
}
