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
    // How many `(` and `[` are open inside each open `{`; the first pair is for the file. They
    // tell whether a search in `open` finds something, which keeps the whole linear.
    let mut n_open: Vec<[u32; 2]> = vec![[0; 2]];
    for at in 0..tokens.len() {
        let kind = tokens[at].kind;
        let (opens, nth) = match kind {
            LParen | RParen => (kind == LParen, 0),
            LBracket | RBracket => (kind == LBracket, 1),
            LBrace | RBrace => (kind == LBrace, 2),
            _ => continue,
        };
        tokens[at].payload = NO_PARTNER;
        if opens {
            open.push(at);
            if nth == 2 {
                n_open.push([0; 2]);
            } else if let Some(counts) = n_open.last_mut() {
                counts[nth] += 1;
            }
            continue;
        }
        let found =
            if nth == 2 { n_open.len() > 1 } else { n_open.last().is_some_and(|n| n[nth] > 0) };
        if !found {
            continue;
        }
        if nth == 2 {
            n_open.pop();
        }
        let wanted = [LParen, LBracket, LBrace][nth];
        while let Some(opener) = open.pop() {
            let opener_kind = tokens[opener].kind;
            if nth != 2
                && let Some(counts) = n_open.last_mut()
            {
                counts[usize::from(opener_kind == LBracket)] -= 1;
            }
            if opener_kind == wanted {
                tokens[opener].payload = at as u32;
                tokens[at].payload = opener as u32;
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partners(text: &str) -> Vec<Option<u32>> {
        let mut tokens: Vec<Token> = text
            .char_indices()
            .map(|(at, c)| Token {
                kind: match c {
                    '(' => TokenKind::LParen,
                    ')' => TokenKind::RParen,
                    '[' => TokenKind::LBracket,
                    ']' => TokenKind::RBracket,
                    '{' => TokenKind::LBrace,
                    _ => TokenKind::RBrace,
                },
                newline_before: false,
                lo: at as u32,
                hi: at as u32 + 1,
                payload: 0,
            })
            .collect();
        match_brackets(&mut tokens);
        tokens.iter().map(|t| (t.payload != NO_PARTNER).then_some(t.payload)).collect()
    }

    #[test]
    fn braces_are_stronger_than_other_brackets() {
        assert_eq!(partners("([])"), [Some(3), Some(2), Some(1), Some(0)]);
        assert_eq!(partners("{(}"), [Some(2), None, Some(0)]);
        assert_eq!(partners("({)}"), [None, Some(3), None, Some(1)]);
        assert_eq!(partners("[(]"), [Some(2), None, Some(0)]);
        assert_eq!(partners(")]}"), [None, None, None]);
        assert_eq!(partners("{[}]{]}"), [Some(2), None, Some(0), None, Some(6), None, Some(4)]);
    }

    #[test]
    fn matching_is_linear() {
        let text = "(".repeat(200_000) + &"]".repeat(200_000) + &"{".repeat(200_000);
        assert!(partners(&text).iter().all(Option::is_none));
    }
}
