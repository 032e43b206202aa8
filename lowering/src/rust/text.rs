//! Tokens as the source has them, for names of suspend points.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// Longest text; what is beyond is cut, with `…` in its place.
const MAX_CHARS: usize = 60;

/// One line of text for an expression: `client.get(url)`.
///
/// # Examples
///
/// ```
/// let tokens = "client . get ( & url , 3 )".parse().unwrap();
/// assert_eq!(vitte_lowering::rust::text::source(tokens), "client.get(&url, 3)");
/// ```
pub fn source(tokens: TokenStream) -> String {
    let mut out = String::new();
    write(tokens, &mut out);
    if out.chars().count() > MAX_CHARS {
        out = out.chars().take(MAX_CHARS - 1).collect();
        out.push('…');
    }
    out
}

fn write(tokens: TokenStream, out: &mut String) {
    // What stands before decides whether a space is needed: words are kept apart, operators stand
    // between spaces, and what binds tightly has none.
    let mut before = Before::Start;
    let mut n_angles = 0; // open `::<`
    for tree in tokens {
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::None => ("", ""),
                };
                let brace = group.delimiter() == Delimiter::Brace;
                if before == Before::Operator || (brace && before != Before::Start) {
                    out.push(' ');
                }
                out.push_str(open);
                if brace && !group.stream().is_empty() {
                    out.push(' ');
                }
                write(group.stream(), out);
                if brace && !group.stream().is_empty() {
                    out.push(' ');
                }
                out.push_str(close);
                before = Before::Word;
            }
            TokenTree::Punct(punct) => {
                let c = punct.as_char();
                let joint = punct.spacing() == Spacing::Joint;
                match c {
                    '.' | ':' | '?' | '!' | '\'' | '#' | '@' => {
                        if before == Before::Operator && c != ':' {
                            out.push(' ');
                        }
                        out.push(c);
                        before = Before::Tight;
                    }
                    ',' | ';' => {
                        out.push(c);
                        before = Before::Operator;
                    }
                    '&' | '*' | '-' if matches!(before, Before::Start | Before::Operator) => {
                        if before == Before::Operator {
                            out.push(' ');
                        }
                        out.push(c);
                        before = Before::Tight;
                    }
                    '<' if out.ends_with(':') || n_angles > 0 => {
                        n_angles += 1;
                        out.push(c);
                        before = Before::Tight;
                    }
                    '>' if n_angles > 0 => {
                        n_angles -= 1;
                        out.push(c);
                        before = Before::Tight;
                    }
                    _ => {
                        if !matches!(before, Before::Start | Before::Tight | Before::Joint) {
                            out.push(' ');
                        }
                        out.push(c);
                        before = if joint { Before::Joint } else { Before::Operator };
                    }
                }
            }
            word => {
                if matches!(before, Before::Word | Before::Operator | Before::Joint) {
                    out.push(' ');
                }
                out.push_str(&word.to_string());
                before = Before::Word;
            }
        }
    }
}

/// What was written last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Start,
    Word,
    /// An operator, or a comma: a space follows.
    Operator,
    /// First half of an operator of two characters.
    Joint,
    /// Something that what follows clings to.
    Tight,
}
