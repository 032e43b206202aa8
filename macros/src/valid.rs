//! What cannot be an entry point or a task, told with a way out.

use crate::ast::Function;
use syn::Error;
use syn::spanned::Spanned;

/// An entry point is an async function without arguments and parameters of any kind.
pub(crate) fn entry(attribute: &str, f: &Function) -> Option<Error> {
    let sig = &f.sig;
    let mut all = vec![];
    if sig.asyncness.is_none() {
        let text =
            format!("`#[vitte::{attribute}]` is for an `async fn`: write `async fn {}`", sig.ident);
        all.push(Error::new(sig.fn_token.span, text));
    }
    if let Some(first) = sig.inputs.first() {
        let text = match attribute {
            "main" => "`main` takes no arguments: those of the program are in `std::env::args()`",
            _ => "a test takes no arguments: write a test per case, or loop over the cases inside",
        };
        all.push(Error::new(first.span().join(sig.inputs.span()).unwrap_or(first.span()), text));
    }
    if let Some(first) = sig.generics.params.first() {
        let text = format!(
            "nobody can choose the generic parameters of `{}`: an entry point has none",
            sig.ident
        );
        all.push(Error::new(first.span(), text));
    }
    all.extend(odd_qualifiers(f));
    combine(all)
}

/// A task is an async function.
pub(crate) fn task(f: &Function) -> Option<Error> {
    let mut all = vec![];
    if f.sig.asyncness.is_none() {
        let text = format!(
            "`#[vitte::task]` is for an `async fn`: write `async fn {}`, or leave the attribute off",
            f.sig.ident
        );
        all.push(Error::new(f.sig.fn_token.span, text));
    }
    all.extend(odd_qualifiers(f));
    combine(all)
}

fn odd_qualifiers(f: &Function) -> Vec<Error> {
    let mut all = vec![];
    if let Some(token) = &f.sig.constness {
        all.push(Error::new(token.span, "an async function cannot be `const`: leave `const` off"));
    }
    if let Some(token) = &f.sig.variadic {
        all.push(Error::new(token.span(), "an async function cannot take variadic arguments"));
    }
    if let Some(abi) = &f.sig.abi {
        let text = "an async function has no foreign ABI: leave `extern` off";
        all.push(Error::new(abi.span(), text));
    }
    all
}

fn combine(errors: Vec<Error>) -> Option<Error> {
    errors.into_iter().reduce(|mut all, next| {
        all.combine(next);
        all
    })
}
