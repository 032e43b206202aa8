//! Tokens, and the table of matching brackets.

use std::fmt;

/// What a token is. Words are all [`TokenKind::Word`]: keywords depend on their place, so the
/// parser tells them apart. `>` is always one sign by itself: the parser joins `>>` and `>=`
/// where an operator may stand, so that `Task[Box<Box<int>>]` needs no undoing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TokenKind {
    /// A name or keyword.
    Word,
    /// `'a`.
    Lifetime,
    /// A literal; the payload of the token is its index among the literals.
    Literal,
    LParen,
    RParen,
    LBracket,
    RBracket,
    LBrace,
    RBrace,
    Semi,
    Comma,
    Colon,
    ColonColon,
    Dot,
    DotDot,
    DotDotEq,
    Ellipsis,
    Arrow,
    FatArrow,
    Eq,
    EqEq,
    Bang,
    BangEq,
    Lt,
    LtEq,
    Shl,
    ShlEq,
    Gt,
    Plus,
    PlusEq,
    Minus,
    MinusEq,
    Star,
    StarEq,
    Slash,
    SlashEq,
    Percent,
    PercentEq,
    Amp,
    AmpAmp,
    AmpEq,
    Pipe,
    PipePipe,
    PipeEq,
    Caret,
    CaretEq,
    Tilde,
    Question,
    QuestionQuestion,
    /// `#` before `[`.
    Hash,
    /// `#!` before `[`.
    HashBang,
    Eof,
}

/// Signs by their spelling, longest first.
pub(super) const SIGNS: [(&str, TokenKind); 49] = {
    use TokenKind::*;
    [
        ("...", Ellipsis),
        ("..=", DotDotEq),
        ("<<=", ShlEq),
        ("..", DotDot),
        ("::", ColonColon),
        ("->", Arrow),
        ("=>", FatArrow),
        ("==", EqEq),
        ("!=", BangEq),
        ("<=", LtEq),
        ("<<", Shl),
        ("+=", PlusEq),
        ("-=", MinusEq),
        ("*=", StarEq),
        ("/=", SlashEq),
        ("%=", PercentEq),
        ("&&", AmpAmp),
        ("&=", AmpEq),
        ("||", PipePipe),
        ("|=", PipeEq),
        ("^=", CaretEq),
        ("??", QuestionQuestion),
        ("(", LParen),
        (")", RParen),
        ("[", LBracket),
        ("]", RBracket),
        ("{", LBrace),
        ("}", RBrace),
        (";", Semi),
        (",", Comma),
        (":", Colon),
        (".", Dot),
        ("=", Eq),
        ("!", Bang),
        ("<", Lt),
        (">", Gt),
        ("+", Plus),
        ("-", Minus),
        ("*", Star),
        ("/", Slash),
        ("%", Percent),
        ("&", Amp),
        ("|", Pipe),
        ("^", Caret),
        ("~", Tilde),
        ("?", Question),
        ("#", Hash),
        ("#!", HashBang),
        ("", Eof),
    ]
};

impl fmt::Display for TokenKind {
    /// Writes the kind as a message names it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word => f.write_str("a name"),
            Self::Lifetime => f.write_str("a lifetime"),
            Self::Literal => f.write_str("a literal"),
            Self::Eof => f.write_str("the end of the file"),
            kind => {
                let text = SIGNS.iter().find(|(_, sign)| sign == kind).map_or("", |(text, _)| text);
                write!(f, "`{text}`")
            }
        }
    }
}

/// One token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    /// Whether a line break (perhaps inside a comment) stands between it and the one before.
    pub(super) newline_before: bool,
    pub(super) lo: u32,
    pub(super) hi: u32,
    /// Brackets: index of the partner, or [`NO_PARTNER`]. Literals: index of the value.
    pub(super) payload: u32,
}

/// Payload of a bracket without a partner.
pub(super) const NO_PARTNER: u32 = u32::MAX;

/// Writes into each bracket the index of its partner. Braces are stronger than the other
/// brackets: a `}` closes the nearest `{` and leaves brackets between them without partners,
/// while `)` and `]` never reach past a `{`.
pub(super) fn match_brackets(tokens: &mut [Token]) {
    use TokenKind::*;
    let mut open: Vec<usize> = Vec::new();
    for at in 0..tokens.len() {
        let opener = match tokens[at].kind {
            LParen | LBracket | LBrace => {
                tokens[at].payload = NO_PARTNER;
                open.push(at);
                continue;
            }
            RParen => LParen,
            RBracket => LBracket,
            RBrace => LBrace,
            _ => continue,
        };
        tokens[at].payload = NO_PARTNER;
        let found = open
            .iter()
            .rposition(|&o| tokens[o].kind == opener || tokens[o].kind == LBrace)
            .filter(|&nth| tokens[open[nth]].kind == opener);
        if let Some(nth) = found {
            tokens[open[nth]].payload = at as u32;
            tokens[at].payload = open[nth] as u32;
            open.truncate(nth);
        }
    }
}
