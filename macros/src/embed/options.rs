//! What stands in the macros beside Vitte source: `crate = path`.
//!
//! ```text
//! vitte! { crate = my_vitte; proc … }
//! include_vitte!("jobs.vit", crate = my_vitte)
//! ```

use crate::ast::facade;
use proc_macro2::{TokenStream, TokenTree};
use quote::quote;
use syn::parse::{ParseStream, Parser};
use syn::{Error, LitStr, Path, Token};

const OF_SOURCE: &str = "the path of vitte stands first: `crate = my_vitte;`";
const OF_FILE: &str = "`include_vitte!` takes the path of a Vitte file, and where vitte is if it was \
                       renamed: `include_vitte!(\"jobs.vit\")`, \
                       `include_vitte!(\"jobs.vit\", crate = my_vitte)`";

/// The path of the façade, and the source.
///
/// # Errors
///
/// A `crate` that no path follows.
pub(super) fn of_source(tokens: TokenStream) -> Result<(TokenStream, TokenStream), Error> {
    let Some(TokenTree::Ident(first)) = tokens.clone().into_iter().next() else {
        return Ok((quote!(::vitte), tokens));
    };
    if first != "crate" {
        return Ok((quote!(::vitte), tokens));
    }
    let parse = |input: ParseStream<'_>| {
        let path = setting(input)?;
        input.parse::<Token![;]>()?;
        Ok((facade(Some(path)), input.parse()?))
    };
    parse.parse2(tokens).map_err(|_| Error::new(first.span(), OF_SOURCE))
}

/// The path of the façade, and of the file.
///
/// # Errors
///
/// Anything else.
pub(super) fn of_file(tokens: TokenStream) -> Result<(TokenStream, LitStr), Error> {
    let first = tokens.clone().into_iter().next().map(|t| t.span());
    let parse = |input: ParseStream<'_>| {
        let file: LitStr = input.parse()?;
        let comma: Option<Token![,]> = input.parse()?;
        let path = match comma {
            Some(_) if !input.is_empty() => Some(setting(input)?),
            _ => None,
        };
        input.parse::<Option<Token![,]>>()?;
        Ok((facade(path), file))
    };
    parse.parse2(tokens).map_err(|e| match first {
        // Where the mistake is, unless there is nothing at all.
        Some(span) if e.to_string().contains("string literal") => Error::new(span, OF_FILE),
        _ => Error::new(e.span(), OF_FILE),
    })
}

/// `crate = path`
fn setting(input: ParseStream<'_>) -> syn::Result<Path> {
    input.parse::<Token![crate]>()?;
    input.parse::<Token![=]>()?;
    input.call(Path::parse_mod_style)
}
