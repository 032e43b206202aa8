//! Tokens to tree: recursive descent, with precedence climbing for operators.
//!
//! This file has the cursor, the reporting of errors and the driver; the grammar is in the files
//! beside it. A production that cannot go on reports once and answers [`Failed`]; lists of items,
//! statements, arms and arguments catch it, skip to where the next element may begin, and go on,
//! so a mistake costs one message and one element.
//!
//! I1: a `Failed` was reported before, or the parser is only looking ahead (`muted`).
//! I2: every loop that catches `Failed` moves the cursor on, or ends.
//! I3: two errors are never reported at the same token.

use super::ast::{self, Ident, NodeId};
use super::lexer::Lexed;
use super::token::{NO_PARTNER, Token, TokenKind};
use super::{MAX_DEPTH, MAX_ERRORS, MAX_HEIGHT};
use crate::diagnostics::{Diagnostic, Diagnostics, SourceId, Span};

mod block;
mod control;
mod expr;
mod generics;
mod item;
mod members;
mod module;
mod operand;
mod pattern;
mod postfix;
mod stmt;
mod types;

use TokenKind::*;

/// How many tokens (a bracket group counts as one) the parser looks ahead to tell two forms apart.
/// No real head or choice is longer, and a limit keeps time linear.
const LOOK_AHEAD: usize = 1_000;

/// How many levels deeper the parser looks ahead in type arguments.
const LOOK_DEEPER: u32 = 24;

/// A production could not go on; the error is reported already.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failed;

type Parsed<T> = Result<T, Failed>;

/// What depends on where an expression stands.
#[derive(Clone, Copy)]
struct Context {
    /// In a head: `{` opens the block.
    head: bool,
    /// Whether a line end ends the expression.
    lines: bool,
}

struct Parser<'a> {
    source: SourceId,
    text: &'a str,
    lexed: Lexed,
    diags: &'a mut Diagnostics,
    /// Index of the next token.
    at: usize,
    context: Context,
    next_node: u32,
    depth: u32,
    /// Greatest depth of the trees read in the current production.
    height: u32,
    /// An element of the list in work was skipped.
    skipped: bool,
    /// Looking ahead: do not report.
    muted: bool,
    /// Names that stood before loops as labels: each was reported.
    labels: Vec<&'a str>,
    /// Token of the last error.
    error_at: Option<usize>,
    /// Too many errors, or too deep: report nothing more.
    given_up: bool,
}

/// Parses the tokens of one file.
pub(super) fn parse_file(
    source: SourceId,
    text: &str,
    lexed: Lexed,
    diags: &mut Diagnostics,
) -> ast::File {
    let mut parser = Parser {
        source,
        text,
        lexed,
        diags,
        at: 0,
        context: Context { head: false, lines: true },
        next_node: 0,
        depth: 0,
        height: 0,
        skipped: false,
        muted: false,
        labels: Vec::new(),
        error_at: None,
        given_up: false,
    };
    let (attributes, items) = parser.file();
    let span = Span::new(source, 0, text.len() as u32);
    ast::File { source, span, attributes, items, n_nodes: parser.next_node }
}

// Looking at tokens.
impl<'a> Parser<'a> {
    fn nth_token(&self, ahead: usize) -> Token {
        let last = self.lexed.tokens.len() - 1;
        self.lexed.tokens[(self.at + ahead).min(last)]
    }

    fn token(&self) -> Token {
        self.nth_token(0)
    }

    fn kind(&self) -> TokenKind {
        self.token().kind
    }

    fn nth(&self, ahead: usize) -> TokenKind {
        self.nth_token(ahead).kind
    }

    fn text_of(&self, token: Token) -> &'a str {
        &self.text[token.lo as usize..token.hi as usize]
    }

    /// The word at the cursor; empty if there is none.
    fn word(&self) -> &'a str {
        self.nth_word(0)
    }

    fn nth_word(&self, ahead: usize) -> &'a str {
        let token = self.nth_token(ahead);
        if token.kind == Word { self.text_of(token) } else { "" }
    }

    fn at_word(&self, word: &str) -> bool {
        self.word() == word
    }

    fn is(&self, kind: TokenKind) -> bool {
        self.kind() == kind
    }

    /// Says whether the token `ahead` begins a line.
    fn on_new_line(&self, ahead: usize) -> bool {
        self.nth_token(ahead).newline_before
    }

    /// Says whether token `ahead` follows the one before it without a blank.
    fn is_joint(&self, ahead: usize) -> bool {
        let at = self.at + ahead;
        at > 0 && at < self.lexed.tokens.len() && {
            self.lexed.tokens[at].lo == self.lexed.tokens[at - 1].hi
        }
    }

    /// Index of the bracket that closes the one at index `at`.
    fn partner(&self, at: usize) -> Option<usize> {
        let token = self.lexed.tokens.get(at)?;
        let opens = matches!(token.kind, LParen | LBracket | LBrace);
        (opens && token.payload != NO_PARTNER).then_some(token.payload as usize)
    }

    /// Index of the bracket that closes the one at the cursor.
    fn closer(&self) -> Option<usize> {
        self.partner(self.at)
    }

    /// The token after the group that opens `ahead` of the cursor, if the group is closed.
    fn after_group(&self, ahead: usize) -> Option<Token> {
        let closer = self.partner(self.at + ahead)?;
        self.lexed.tokens.get(closer + 1).copied()
    }

    /// Says whether the line ended before the cursor, where that matters.
    fn line_ended(&self) -> bool {
        self.context.lines && self.on_new_line(0)
    }

    /// Says whether a statement or element ends before the cursor.
    fn ends_here(&self) -> bool {
        self.line_ended() || matches!(self.kind(), Semi | Comma | RBrace | RParen | RBracket | Eof)
    }
}

// Moving on.
impl Parser<'_> {
    fn bump(&mut self) -> Token {
        let token = self.token();
        if token.kind != Eof {
            self.at += 1;
        }
        token
    }

    fn eat(&mut self, kind: TokenKind) -> bool {
        let found = self.is(kind);
        if found {
            self.bump();
        }
        found
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        if found {
            self.bump();
        }
        found
    }

    /// Offset at which the next token begins.
    fn lo(&self) -> u32 {
        self.token().lo
    }

    /// The span from `lo` to the end of the last token read.
    fn span_from(&self, lo: u32) -> Span {
        let hi = if self.at == 0 { 0 } else { self.lexed.tokens[self.at - 1].hi };
        Span::new(self.source, lo, hi.max(lo))
    }

    fn span_of(&self, token: Token) -> Span {
        Span::new(self.source, token.lo, token.hi)
    }

    fn span(&self) -> Span {
        self.span_of(self.token())
    }

    fn prev_span(&self) -> Span {
        self.span_of(self.lexed.tokens[self.at.saturating_sub(1)])
    }

    fn id(&mut self) -> NodeId {
        self.next_node += 1;
        NodeId(self.next_node - 1)
    }

    /// Runs `read` in another context.
    fn within<T>(&mut self, context: Context, read: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.context, context);
        let result = read(self);
        self.context = outer;
        result
    }

    /// Runs `read` for something in brackets, where lines do not matter.
    fn bracketed<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        self.within(Context { head: false, lines: false }, read)
    }

    /// Runs `read` for something in braces, where lines matter.
    fn braced<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        self.within(Context { head: false, lines: true }, read)
    }

    /// Runs `read` for the head of a block.
    fn head<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let lines = self.context.lines;
        self.within(Context { head: true, lines }, read)
    }

    /// Runs `read` one level deeper. Both the depth of the recursion and the height of the tree
    /// are limited: a chain `a + b + …` is read by a loop, but makes a tall tree.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.deeper_by(1, read)
    }

    /// Runs `read` several levels deeper: productions that take more stack count more.
    fn deeper_by<T>(
        &mut self,
        levels: u32,
        read: impl FnOnce(&mut Self) -> Parsed<T>,
    ) -> Parsed<T> {
        if self.depth + levels > MAX_DEPTH {
            return Err(self.too_deep());
        }
        self.depth += levels;
        let result = self.scope(read);
        self.depth -= levels;
        result
    }

    /// Runs `read` with a height of its own, for chains.
    fn scope<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        let siblings = std::mem::take(&mut self.height);
        let result = read(self);
        self.height = siblings.max(self.height + 1);
        result
    }

    /// Notes that a chain puts one more node on top of what was read.
    fn grow(&mut self) -> Parsed<()> {
        self.height += 1;
        if self.height + self.depth > MAX_HEIGHT { Err(self.too_deep()) } else { Ok(()) }
    }

    fn too_deep(&mut self) -> Failed {
        if self.muted {
            return Failed;
        }
        let failed = self.fail(
            Diagnostic::error("PARSE_E_TOO_DEEP", "the program is nested too deeply")
                .at(self.span(), format!("more than {MAX_DEPTH} levels"))
                .help("give inner parts a name by `let`, or move them to a procedure"),
        );
        self.given_up |= !self.muted;
        failed
    }

    /// Reads ahead: if `read` fails nothing is reported and the cursor goes back.
    fn attempt<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Option<T> {
        let (at, next_node, height) = (self.at, self.next_node, self.height);
        let muted = std::mem::replace(&mut self.muted, true);
        let result = read(self);
        self.muted = muted;
        if result.is_err() {
            (self.at, self.next_node, self.height) = (at, next_node, height);
        }
        result.ok()
    }
}

// Reporting.
impl Parser<'_> {
    /// Reports an error at the cursor, unless one was reported there or nobody listens.
    fn report(&mut self, diagnostic: Diagnostic) {
        if self.muted || self.given_up || self.error_at == Some(self.at) {
            return;
        }
        self.error_at = Some(self.at);
        let behind = self.at.checked_sub(1).map_or(0, |at| self.lexed.tokens[at].hi);
        let damage = self.lexed.damage.partition_point(|&at| at < behind);
        if self.lexed.damage.get(damage).is_some_and(|&at| at <= self.lo()) {
            return;
        }
        self.diags.push(diagnostic);
        if self.diags.n_errors() >= MAX_ERRORS {
            self.given_up = true;
            self.diags.push(
                Diagnostic::error("PARSE_E_TOO_MANY_ERRORS", "there are too many errors to go on")
                    .at(self.span(), "the parser stopped reporting here")
                    .help("mend the first ones and check again"),
            );
        }
    }

    fn fail(&mut self, diagnostic: Diagnostic) -> Failed {
        self.report(diagnostic);
        Failed
    }

    /// How a message names the token at the cursor.
    fn found(&self) -> String {
        self.describe(self.token())
    }

    fn describe(&self, token: Token) -> String {
        match token.kind {
            Eof => "the end of the file".to_owned(),
            Literal | Word | Lifetime => {
                let text = self.text_of(token);
                let mut shown: String = text.chars().take(40).collect();
                if shown.len() < text.len() {
                    shown.push('…');
                }
                format!("`{shown}`")
            }
            kind => kind.to_string(),
        }
    }

    /// Reports that something else was expected at the cursor.
    fn expected(&mut self, key: &'static str, what: &str, help: &str) -> Failed {
        if self.muted || self.given_up {
            return Failed;
        }
        if matches!(self.kind(), RBrace | RParen | RBracket)
            && self.token().payload == NO_PARTNER
            && self.error_at != Some(self.at)
        {
            return self.unmatched();
        }
        // At the end of a line the mistake is behind the last token, not before the next.
        let goes_on = self.at.checked_sub(1).is_some_and(|at| {
            let last = self.lexed.tokens[at].kind;
            !matches!(last, LBrace | RBrace | LParen | LBracket | Semi | Comma)
        });
        let behind = self.is(Eof) || self.on_new_line(0) && goes_on;
        let span = if behind && self.at > 0 { self.prev_span().end() } else { self.span() };
        let found = if behind && self.at > 0 && !self.is(Eof) {
            "the end of the line".to_owned()
        } else {
            self.found()
        };
        let mut diagnostic = Diagnostic::error(key, format!("expected {what}, found {found}"))
            .at(span, format!("{what} belongs here"));
        if !help.is_empty() {
            diagnostic = diagnostic.help(help);
        }
        self.fail(diagnostic)
    }

    fn unmatched(&mut self) -> Failed {
        let found = self.found();
        self.fail(
            Diagnostic::error("PARSE_E_UNMATCHED_CLOSER", format!("{found} closes nothing"))
                .at(self.span(), "no opening bracket belongs to it")
                .help("remove it, or add the opening bracket"),
        )
    }

    fn expect(&mut self, kind: TokenKind, help: &str) -> Parsed<Token> {
        if self.is(kind) {
            return Ok(self.bump());
        }
        Err(self.expected("PARSE_E_EXPECTED_TOKEN", &kind.to_string(), help))
    }

    fn expect_word(&mut self, word: &str, help: &str) -> Parsed<()> {
        if self.eat_word(word) {
            return Ok(());
        }
        Err(self.expected("PARSE_E_EXPECTED_TOKEN", &format!("`{word}`"), help))
    }

    /// Reads the closing bracket of a group that opened at token `open`.
    fn expect_closer(&mut self, kind: TokenKind, open: usize) -> Parsed<()> {
        if self.eat(kind) {
            return Ok(());
        }
        let opener = self.lexed.tokens[open];
        if opener.payload != NO_PARTNER {
            let what = format!("`,` or {kind}");
            return Err(self.expected("PARSE_E_EXPECTED_TOKEN", &what, ""));
        }
        let found = self.found();
        Err(self.unclosed(opener, &found))
    }

    fn unclosed(&mut self, opener: Token, found: &str) -> Failed {
        let (key, what, closer) = match opener.kind {
            LBrace => ("PARSE_E_UNCLOSED_BLOCK", "block", "}"),
            LBracket => ("PARSE_E_UNCLOSED_BRACKET", "bracket", "]"),
            _ => ("PARSE_E_UNCLOSED_BRACKET", "bracket", ")"),
        };
        if self.lexed.cut_off {
            // The lexer said why.
            self.error_at = Some(self.at);
            return Failed;
        }
        let here = self.span();
        let mut diagnostic = Diagnostic::error(key, format!("this {what} is not closed"))
            .at(self.span_of(opener), "it opens here")
            .also(here, format!("found {found} instead of `{closer}`"))
            .help(format!("close it with `{closer}`"));
        if opener.kind == LBrace
            && let Some((open, close)) = self.misaligned(opener)
        {
            diagnostic = diagnostic
                .also(self.span_of(open), "perhaps it is this one that is not closed,")
                .also(self.span_of(close), "as this `}` stands at another column");
        }
        self.fail(diagnostic)
    }

    /// Finds the first block behind `opener` whose `}` begins a line with an indentation other
    /// than that of the line of its `{`.
    fn misaligned(&self, opener: Token) -> Option<(Token, Token)> {
        let tokens = &self.lexed.tokens;
        let start = tokens.partition_point(|t| t.lo <= opener.lo);
        let mut indent = 0;
        for (at, token) in tokens.iter().enumerate() {
            if at == 0 || token.newline_before {
                indent = self.column(token.lo);
            }
            if at < start || token.kind != LBrace || token.payload == NO_PARTNER {
                continue;
            }
            let close = tokens[token.payload as usize];
            if close.newline_before && self.column(close.lo) != indent {
                return Some((*token, close));
            }
        }
        None
    }

    /// Bytes between the start of the line and offset `at`.
    fn column(&self, at: u32) -> usize {
        let before = &self.text[..at as usize];
        before.len() - before.rfind('\n').map_or(0, |n| n + 1)
    }

    /// Reads a name; any word is one here.
    fn name(&mut self, what: &str) -> Parsed<Ident> {
        if self.is(Word) {
            let token = self.bump();
            return Ok(Ident { name: self.text_of(token).to_owned(), span: self.span_of(token) });
        }
        let help = if self.is(Literal) { "a name begins with a letter or `_`" } else { "" };
        Err(self.expected("PARSE_E_EXPECTED_NAME", what, help))
    }

    /// Says that a word of older texts or other languages is written otherwise in Vitte.
    fn old_word(&mut self, new: &str) {
        let old = self.found();
        let (label, help) = if new.is_empty() {
            ("not needed".to_owned(), format!("remove {old}: `{{` opens the block"))
        } else {
            (format!("write `{new}`"), format!("write `{new}` instead of {old}"))
        };
        self.report(
            Diagnostic::error("PARSE_E_OLD_WORD", format!("{old} is not a word of Vitte"))
                .at(self.span(), label)
                .help(help),
        );
    }
}

// Skipping after an error.
impl Parser<'_> {
    /// Moves past one token, or past a whole group if it opens one that is closed.
    fn skip_tree(&mut self) {
        match self.closer() {
            Some(closer) => self.at = closer + 1,
            None => {
                self.bump();
            }
        }
    }

    /// Skips to the end of the statement: behind which a `;`, a line end or a `}` stands.
    fn skip_statement(&mut self) {
        while !matches!(self.kind(), Semi | RBrace | Eof) {
            self.skip_tree();
            if self.on_new_line(0) && !self.continues_line() {
                return;
            }
        }
    }

    /// Skips to a `,` or to a closing bracket, whatever comes first; stops at `;`, and at words that
    /// begin a statement or an item on a new line, which show that the bracket is not closed; where
    /// that is known, also at a `->` or `{`.
    fn skip_element(&mut self, is_closed: bool) {
        while !(matches!(self.kind(), Comma | RParen | RBracket | RBrace | Semi | Eof)
            || !is_closed && matches!(self.kind(), Arrow | LBrace)
            || self.on_new_line(0) && (self.begins_statement() || self.begins_item()))
        {
            self.skip_tree();
        }
    }

    /// Reads elements separated by `,` up to the closing bracket of the group at the cursor,
    /// which is read, too. An element that fails is skipped. A group that nothing closes
    /// ends before a `->` or `{`, as parameters do.
    fn list<T>(
        &mut self,
        close: TokenKind,
        mut read: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        let open = self.at;
        self.bump();
        let mut elements = Vec::new();
        let mut failed = false;
        let outer = std::mem::replace(&mut self.skipped, false);
        let closer = self.partner(open);
        let is_closed = closer.is_some();
        let result = self.bracketed(|p| {
            while !p.is(close) && !p.is(Eof) && (is_closed || !p.is(Arrow)) {
                match read(p) {
                    Ok(element) => elements.push(element),
                    Err(Failed) => {
                        failed = true;
                        p.skip_element(is_closed);
                    }
                }
                if !p.eat(Comma) {
                    break;
                }
            }
            if (failed || p.skipped) && !p.is(close) {
                return Err(Failed);
            }
            p.expect_closer(close, open)
        });
        self.skipped = outer;
        if self.muted && failed {
            return Err(Failed);
        }
        if result.is_err() && !self.muted {
            if let Some(closer) = closer {
                // Go on behind it.
                self.at = closer + 1;
                return Ok(elements);
            }
            if matches!(self.kind(), Arrow | LBrace) {
                return Ok(elements);
            }
        }
        result.map(|()| elements)
    }
}
