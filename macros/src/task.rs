//! `#[vitte::task]`: chooses the machine and expands to it.

use crate::ast::{Function, facade};
use crate::attr::{self, Form};
use crate::{fallback, jit, native, valid};
use proc_macro2::TokenStream;
use quote::quote;
use vitte_lowering::rust;

pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    let function: Function = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => return not_a_function(error, &item),
    };
    let (form, krate, mut error) = attr::task(options);
    if let Some(more) = valid::task(&function) {
        match &mut error {
            Some(all) => all.combine(more),
            None => error = Some(more),
        }
    }
    if let Some(error) = error {
        return fallback::as_written(&error, &item);
    }
    let krate = facade(krate);
    if form == Form::Native {
        return native::expand(&krate, &function);
    }
    if form == Form::Jit {
        return jit::expand(&krate, &function)
            .unwrap_or_else(|error| fallback::signature(&error, &function));
    }
    let confident = form == Form::Explicit;
    match rust::explicit(&krate, &function.sig, &function.block, confident) {
        Ok(machine) => explicit(&function, &machine),
        Err(_) if !confident => native::expand(&krate, &function),
        Err(refusals) => {
            let errors = refusals.iter().map(|r| syn::Error::new(r.span, r.text()));
            match errors.reduce(|mut all, next| {
                all.combine(next);
                all
            }) {
                Some(error) if refusals.iter().any(|r| r.of_rustc_too) => {
                    fallback::signature(&error, &function)
                }
                Some(error) => fallback::as_written(&error, &item),
                None => native::expand(&krate, &function),
            }
        }
    }
}

fn explicit(function: &Function, machine: &rust::Explicit) -> TokenStream {
    let Function { attrs, vis, defaultness, .. } = function;
    let rust::Explicit { signature, body } = machine;
    let (outer, inner): (Vec<_>, Vec<_>) =
        attrs.iter().partition(|a| matches!(a.style, syn::AttrStyle::Outer));
    quote! {
        #(#outer)*
        #[cfg_attr(clippy, allow(clippy::all, clippy::pedantic))]
        #[allow(
            unreachable_code,
            unused_assignments,
            unused_braces,
            unused_mut,
            unused_parens,
            unused_variables,
            refining_impl_trait
        )]
        #vis #defaultness #signature {
            #(#inner)*
            #body
        }
    }
}

fn not_a_function(error: syn::Error, item: &TokenStream) -> TokenStream {
    let mut error = error;
    if !item.to_string().contains("fn ") {
        error = syn::Error::new_spanned(item, "`#[vitte::task]` goes on an `async fn`");
    }
    fallback::as_written(&error, item)
}
