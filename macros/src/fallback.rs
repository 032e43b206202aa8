//! What stands in for an item after an error.
//!
//! The error alone would make everything that names the item fail as well. The stand-in has the
//! item's name and signature, so that the error stays the only message.

use crate::ast::Function;
use proc_macro2::TokenStream;
use quote::quote;

/// The error, and the item as it was: right for a task, which is an async function anyway.
pub(crate) fn as_written(error: &syn::Error, item: &TokenStream) -> TokenStream {
    let error = error.to_compile_error();
    quote!(#error #item)
}

/// The error, and a function with the signature alone, where rustc would refuse the body as well.
pub(crate) fn signature(error: &syn::Error, function: &Function) -> TokenStream {
    let error = error.to_compile_error();
    let Function { vis, defaultness, sig, .. } = function;
    quote! {
        #error
        #[allow(unused_variables, clippy::all, clippy::pedantic)]
        #vis #defaultness #sig { ::core::panic!() }
    }
}

/// The error, and a function that does nothing in place of an entry point.
pub(crate) fn entry_point(error: &syn::Error, function: &Function, of_test: bool) -> TokenStream {
    let error = error.to_compile_error();
    let (vis, name) = (&function.vis, &function.sig.ident);
    if of_test {
        return error;
    }
    quote!(#error #vis fn #name() {})
}
