//! Macros whose arguments are expressions, and what they do with them.
//!
//! Only macros of the standard library that are known to take their arguments as expressions and
//! to keep no borrow of them after the statement. All others are opaque.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Expr, ExprLit, Lit, Macro, Token};

/// A known macro call.
#[derive(Clone)]
pub(super) struct Parsed {
    pub(super) shape: Shape,
    /// Index of the format string among the arguments.
    pub(super) format: Option<usize>,
    /// Arguments are taken by value, not looked at.
    pub(super) by_value: bool,
    /// The words of the arguments are part of what it does.
    pub(super) shows_words: bool,
}

/// How the arguments stand.
#[derive(Clone)]
pub(super) enum Shape {
    Exprs(Punctuated<Expr, Token![,]>),
    /// `vec![value; n]`.
    Repeat(Box<Expr>, Box<Expr>),
    /// `matches!(value, pattern)`, without a guard; the rest begins with the comma.
    Matches(Box<Expr>, TokenStream),
}

/// Macros that await: what they expand to is not for a step.
const AWAITING: [&str; 3] = ["join", "try_join", "select"];

/// Macros without arguments that matter.
const PLAIN: [&str; 12] = [
    "line",
    "column",
    "file",
    "module_path",
    "concat",
    "stringify",
    "env",
    "option_env",
    "include_str",
    "include_bytes",
    "cfg",
    "compile_error",
];

/// Whether a macro is known to await.
pub(super) fn awaits(mac: &Macro) -> bool {
    mac.path.segments.last().is_some_and(|s| AWAITING.iter().any(|n| s.ident == n))
}

/// Whether what a macro does is known. Others may `return`, use `?` or await inside.
pub(super) fn is_known(mac: &Macro) -> bool {
    let plain = mac.path.segments.last().is_some_and(|s| PLAIN.iter().any(|n| s.ident == n));
    plain || parse(mac).is_some()
}

/// Parses the arguments of a known macro; `None` for all others.
pub(super) fn parse(mac: &Macro) -> Option<Parsed> {
    let name = mac.path.segments.last()?.ident.to_string();
    let (format, by_value, shows_words) = match name.as_str() {
        "println" | "print" | "eprintln" | "eprint" | "format" | "panic" | "unreachable"
        | "todo" | "unimplemented" => (Some(0), false, false),
        "write" | "writeln" => (Some(1), false, false),
        "assert" | "debug_assert" => (Some(1), false, true),
        "assert_eq" | "assert_ne" | "debug_assert_eq" | "debug_assert_ne" => {
            (Some(2), false, false)
        }
        "vec" => (None, true, false),
        "dbg" => (None, true, true),
        "matches" => {
            let split = |input: syn::parse::ParseStream<'_>| {
                Ok((input.parse::<Expr>()?, input.parse::<TokenStream>()?))
            };
            let (value, rest) = split.parse2(mac.tokens.clone()).ok()?;
            let guarded = |t| matches!(t, proc_macro2::TokenTree::Ident(i) if i == "if");
            if rest.clone().into_iter().any(guarded) {
                return None;
            }
            let shape = Shape::Matches(Box::new(value), rest);
            return Some(Parsed { shape, format: None, by_value: false, shows_words: false });
        }
        _ => return None,
    };
    let list = Punctuated::<Expr, Token![,]>::parse_terminated;
    if let Ok(args) = list.parse2(mac.tokens.clone()) {
        return Some(Parsed { shape: Shape::Exprs(args), format, by_value, shows_words });
    }
    let repeat = |input: syn::parse::ParseStream<'_>| {
        let value = input.parse()?;
        input.parse::<Token![;]>()?;
        Ok((value, input.parse()?))
    };
    let (value, n) = repeat.parse2(mac.tokens.clone()).ok().filter(|_| name == "vec")?;
    Some(Parsed {
        shape: Shape::Repeat(Box::new(value), Box::new(n)),
        format: None,
        by_value,
        shows_words,
    })
}

impl Parsed {
    /// Names that the format string captures and that are not arguments.
    pub(super) fn captured(&self) -> Vec<String> {
        let (Some(index), Shape::Exprs(args)) = (self.format, &self.shape) else { return vec![] };
        let Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) = args.iter().nth(index) else {
            return vec![];
        };
        let named: Vec<String> = args
            .iter()
            .filter_map(|arg| match arg {
                Expr::Assign(e) => Some(e.left.to_token_stream().to_string()),
                _ => None,
            })
            .collect();
        let mut names = names_in(&text.value());
        names.retain(|n| !named.contains(n));
        names
    }

    /// Gives the format string an argument `name = ident`.
    pub(super) fn name_argument(&mut self, name: &str, ident: &Ident) {
        let name = Ident::new(name, ident.span());
        if let Shape::Exprs(args) = &mut self.shape {
            args.push(syn::parse_quote!(#name = #ident));
        }
    }

    /// Puts the arguments back.
    pub(super) fn write(&self, mac: &mut Macro) {
        mac.tokens = self.tokens();
    }

    fn tokens(&self) -> TokenStream {
        match &self.shape {
            Shape::Exprs(args) => args.to_token_stream(),
            Shape::Repeat(value, n) => quote!(#value; #n),
            Shape::Matches(value, rest) => quote!(#value #rest),
        }
    }
}

/// Names in the braces of a format string, once each.
fn names_in(text: &str) -> Vec<String> {
    let mut names: Vec<String> = vec![];
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        rest = &rest[open + 1..];
        if let Some(escaped) = rest.strip_prefix('{') {
            rest = escaped;
            continue;
        }
        let Some(close) = rest.find('}') else { break };
        // `name:width$.precision$`
        let inside = &rest[..close];
        let (name, spec) = inside.split_once(':').unwrap_or((inside, ""));
        let counts = spec.split('$').rev().skip(1).map(|piece| {
            let start = piece.rfind(|c: char| !(c.is_alphanumeric() || c == '_'));
            &piece[start.map_or(0, |i| i + 1)..]
        });
        for word in std::iter::once(name.trim()).chain(counts) {
            let is_name = word.starts_with(|c: char| c.is_alphabetic() || c == '_')
                && word.chars().all(|c| c.is_alphanumeric() || c == '_');
            if is_name && !names.iter().any(|n| n == word) {
                names.push(word.to_owned());
            }
        }
        rest = &rest[close..];
    }
    names
}
