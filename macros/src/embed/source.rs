//! Vitte source out of Rust tokens.
//!
//! In: the tokens of `vitte! { … }`. Out: a text in which each token stands in the line and column
//! where it stands in the Rust file, and a table from bytes of the text to tokens. Rust's lexer forgets
//! line ends, which end Vitte's statements, so the layout is rebuilt from the spans.
//!
//! Comments are Rust's: `//` and `/* */` are gone before a macro sees anything, doc comments (which
//! come as attributes) are left out here. Tokens without a place of their own (those of a macro by
//! example) follow the one before after a space.

use proc_macro2::{Delimiter, Group, LineColumn, Punct, Spacing, Span, TokenStream, TokenTree};

/// The text of a macro's argument.
pub(crate) struct Source {
    /// Path of the Rust file.
    pub(crate) path: String,
    /// The text, with as many empty lines before it as the Rust file has lines there.
    pub(crate) text: String,
    /// Byte ranges of the tokens, in order.
    tokens: Vec<(usize, usize, Span)>,
}

impl Source {
    /// Rebuilds the text.
    pub(crate) fn new(tokens: TokenStream) -> Self {
        let path = tokens.clone().into_iter().next().map_or(String::new(), |t| t.span().file());
        let mut out = Writer {
            source: Source { path, text: String::new(), tokens: vec![] },
            at: LineColumn { line: 1, column: 0 },
        };
        out.stream(tokens);
        out.source.text.push('\n');
        out.source
    }

    /// Tokens that an error about bytes `lo..hi` of the text is shown at: the first and the last.
    pub(crate) fn tokens_at(&self, lo: u32, hi: u32) -> (Span, Span) {
        let (lo, hi) = (lo as usize, (hi as usize).max(lo as usize + 1));
        let mut inside = self.tokens.iter().filter(|(from, to, _)| *to > lo && *from < hi);
        if let Some(&(_, _, first)) = inside.next() {
            return (first, inside.next_back().map_or(first, |t| t.2));
        }
        let before = self.tokens.iter().rev().find(|(_, to, _)| *to <= lo);
        let span = before.or(self.tokens.first()).map_or_else(Span::call_site, |t| t.2);
        (span, span)
    }
}

struct Writer {
    source: Source,
    /// Where the text ends, as a position in the Rust file.
    at: LineColumn,
}

impl Writer {
    fn stream(&mut self, tokens: TokenStream) {
        let mut rest = tokens.into_iter().peekable();
        while let Some(tree) = rest.next() {
            match tree {
                TokenTree::Punct(p) if p.as_char() == '#' && is_doc(&p, &mut rest) => {}
                TokenTree::Group(group) => self.group(&group),
                tree => self.token(&tree.to_string(), tree.span()),
            }
        }
    }

    fn group(&mut self, group: &Group) {
        let (open, close) = match group.delimiter() {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Brace => ("{", "}"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::None => return self.stream(group.stream()),
        };
        self.token(open, group.span_open());
        self.stream(group.stream());
        self.token(close, group.span_close());
    }

    fn token(&mut self, text: &str, span: Span) {
        let (start, end) = (span.start(), span.end());
        self.advance(start);
        let lo = self.source.text.len();
        self.source.text.push_str(text);
        self.source.tokens.push((lo, self.source.text.len(), span));
        self.at = end;
    }

    /// Goes to a place by line ends and spaces.
    fn advance(&mut self, to: LineColumn) {
        /// Tokens of several files have lines far apart.
        const MOST: usize = 1 << 20;
        let text = &mut self.source.text;
        let lines = to.line.saturating_sub(self.at.line);
        if lines > 0 && lines < MOST {
            text.extend(std::iter::repeat_n('\n', lines));
            text.extend(std::iter::repeat_n(' ', to.column.min(MOST)));
        } else if lines == 0 && to.line == self.at.line && to.column >= self.at.column {
            text.extend(std::iter::repeat_n(' ', (to.column - self.at.column).min(MOST)));
        } else {
            text.push(' ');
        }
    }
}

/// Whether a `#` begins what Rust makes of a doc comment, which is then read over.
fn is_doc(
    hash: &Punct,
    rest: &mut std::iter::Peekable<proc_macro2::token_stream::IntoIter>,
) -> bool {
    let mut ahead = rest.clone();
    let mut n = 1;
    let mut next = ahead.next();
    if matches!(&next, Some(TokenTree::Punct(p)) if p.as_char() == '!') {
        n = 2;
        next = ahead.next();
    }
    let Some(TokenTree::Group(group)) = next else { return false };
    let is_doc = group.delimiter() == Delimiter::Bracket
        && group.span_open().start() == hash.span().start()
        && group.stream().to_string().starts_with("doc");
    if is_doc {
        rest.by_ref().take(n).for_each(drop);
    }
    is_doc
}

/// A token that stands for nothing but a place.
pub(crate) fn mark(span: Span) -> TokenTree {
    let mut punct = Punct::new(';', Spacing::Alone);
    punct.set_span(span);
    TokenTree::Punct(punct)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(rust: &str) -> String {
        let mut source = Source::new(rust.parse().unwrap());
        assert_eq!(source.text.pop(), Some('\n'));
        source.text
    }

    #[test]
    fn lines_and_columns_are_those_of_the_rust_file() {
        let vitte =
            "\n  proc f(a: int) -> int {\n    let x = a\n    give x..2 + \"a\\n\" // no\n  }";
        assert_eq!(text(vitte), vitte.replace(" // no", ""));
    }

    #[test]
    fn a_text_over_several_lines_keeps_what_follows_in_place() {
        let vitte = "proc f() { print(\"a\n b\");\n  g() }";
        assert_eq!(text(vitte), vitte);
    }

    #[test]
    fn doc_comments_are_left_out() {
        assert_eq!(text("/// doc\nproc f() {}").trim(), "proc f() {}");
        assert_eq!(text("//! doc\n#[test]\nproc f() {}").trim(), "#[test]\nproc f() {}");
    }

    #[test]
    fn bytes_lead_to_tokens() {
        let source = Source::new("let abc = de\n".parse().unwrap());
        let start = |lo, hi| source.tokens_at(lo, hi).0.start().column;
        assert_eq!((start(5, 6), start(7, 7), start(10, 99), start(99, 99)), (4, 4, 10, 10));
    }
}
