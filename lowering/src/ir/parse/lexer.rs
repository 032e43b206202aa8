//! Characters to tokens. Comments run from `;` to the end of the line.

use super::{ParseError, code};

/// A token and where it starts.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Tok<'a>,
    pub(super) line: u32,
    pub(super) column: u32,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Tok<'a> {
    /// Letters, digits, `_` and `.`, starting with a letter or `_`.
    Word(&'a str),
    Number {
        value: u128,
        /// Written in base 16: taken as bits.
        hex: bool,
    },
    /// The inside of a string literal, escapes unresolved.
    Str(&'a str),
    /// The digits of `x"…"`.
    Bytes(&'a str),
    Punct(char),
    /// `->`
    Arrow,
    End,
}

/// Splits a text into tokens; ends with [`Tok::End`].
pub(super) fn lex<'a>(text: &'a str, errors: &mut Vec<ParseError>) -> Vec<Token<'a>> {
    let mut lexer = Lexer { rest: text, line: 1, column: 1, errors };
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next();
        tokens.push(token);
        if token.kind == Tok::End {
            return tokens;
        }
    }
}

struct Lexer<'a, 'e> {
    rest: &'a str,
    line: u32,
    column: u32,
    errors: &'e mut Vec<ParseError>,
}

impl<'a> Lexer<'a, '_> {
    fn next(&mut self) -> Token<'a> {
        loop {
            self.skip_blank();
            let (line, column) = (self.line, self.column);
            if let Some(kind) = self.token() {
                return Token { kind, line, column };
            }
        }
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        if c == '\n' {
            self.line = self.line.saturating_add(1);
            self.column = 1;
        } else {
            self.column = self.column.saturating_add(1);
        }
        Some(c)
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &'a str {
        let start = self.rest;
        while self.rest.starts_with(&keep) {
            self.bump();
        }
        &start[..start.len() - self.rest.len()]
    }

    fn skip_blank(&mut self) {
        loop {
            self.take_while(char::is_whitespace);
            if !self.rest.starts_with(';') {
                return;
            }
            self.take_while(|c| c != '\n');
        }
    }

    /// The next token; `None` for a character that is none. A malformed literal is told of here and
    /// stands for 0 or nothing, so that the parser does not complain again.
    fn token(&mut self) -> Option<Tok<'a>> {
        let Some(first) = self.rest.chars().next() else { return Some(Tok::End) };
        if self.rest.starts_with("x\"") {
            self.bump();
            return Some(Tok::Bytes(self.string()));
        }
        if first.is_ascii_alphabetic() || first == '_' {
            let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
            return Some(Tok::Word(self.take_while(part)));
        }
        if first.is_ascii_digit() {
            return Some(self.number());
        }
        if first == '"' {
            return Some(Tok::Str(self.string()));
        }
        if self.rest.starts_with("->") {
            self.bump();
            self.bump();
            return Some(Tok::Arrow);
        }
        let (line, column) = (self.line, self.column);
        self.bump();
        if "(){},:=+-@".contains(first) {
            return Some(Tok::Punct(first));
        }
        self.error(line, column, code::CHARACTER, format!("unexpected character {first:?}"), "");
        None
    }

    fn number(&mut self) -> Tok<'a> {
        let (line, column) = (self.line, self.column);
        let word = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
        let (digits, radix) = match word.strip_prefix("0x") {
            Some(digits) => (digits, 16),
            None => (word, 10),
        };
        if let Ok(value) = u128::from_str_radix(digits, radix) {
            return Tok::Number { value, hex: radix == 16 };
        }
        let help = "write a decimal or 0x-number below 2^128";
        self.error(line, column, code::NUMBER, format!("`{word}` is not a number"), help);
        Tok::Number { value: 0, hex: false }
    }

    /// The inside of a literal whose opening quote comes next; nothing if it has no end.
    fn string(&mut self) -> &'a str {
        let (line, column) = (self.line, self.column);
        self.bump();
        let start = self.rest;
        loop {
            match self.rest.chars().next() {
                Some('"') => {
                    let inside = &start[..start.len() - self.rest.len()];
                    self.bump();
                    return inside;
                }
                Some('\\') => {
                    self.bump();
                    if !self.rest.starts_with('\n') {
                        self.bump();
                    }
                }
                None | Some('\n') => {
                    let help = "close it with `\"`; a line break is written `\\n`";
                    self.error(line, column, code::STRING, "string without an end".into(), help);
                    return "";
                }
                Some(_) => {
                    self.bump();
                }
            }
        }
    }

    fn error(&mut self, line: u32, column: u32, code: &'static str, message: String, help: &str) {
        self.errors.push(ParseError { line, column, code, message, help: help.into() });
    }
}

/// Resolves the escapes of a string literal.
pub(super) fn unescape(inside: &str) -> Result<String, String> {
    let mut out = String::with_capacity(inside.len());
    let mut chars = inside.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some(c @ ('"' | '\\')) => out.push(c),
            Some('u') => {
                let rest = chars.as_str();
                let inner = rest.strip_prefix('{').and_then(|r| r.split_once('}'));
                let c = inner
                    .and_then(|(digits, _)| u32::from_str_radix(digits, 16).ok())
                    .and_then(char::from_u32);
                let (Some((_, rest)), Some(c)) = (inner, c) else {
                    return Err("`\\u{…}` takes the number of a character in base 16".into());
                };
                out.push(c);
                chars = rest.chars();
            }
            other => return Err(format!("`\\{}` is no escape", other.unwrap_or(' '))),
        }
    }
    Ok(out)
}

/// The bytes of an `x"…"` literal.
pub(super) fn unhex(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let nibble = |b: u8| (b as char).to_digit(16);
    digits.chunks(2).map(|p| Some((nibble(p[0])? * 16 + nibble(p[1])?) as u8)).collect()
}
