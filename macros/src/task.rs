//! `#[vitte::task]`: chooses the machine and expands to it.

use crate::ast::{Function, facade};
use crate::attr;
use crate::{fallback, native, valid};
use proc_macro2::TokenStream;

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
    let _ = form;
    native::expand(&krate, &function)
}

fn not_a_function(error: syn::Error, item: &TokenStream) -> TokenStream {
    let mut error = error;
    if !item.to_string().contains("fn ") {
        error = syn::Error::new_spanned(item, "`#[vitte::task]` goes on an `async fn`");
    }
    fallback::as_written(&error, item)
}
