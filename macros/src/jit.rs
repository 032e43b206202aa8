//! `#[vitte::task(jit)]`: the function as IR in a static, and a call that makes its future.
//!
//! ```text
//! fn sum(n: u64) -> impl ::vitte::Coroutine<Output = u64> + Send {
//!     static CODE: JitCode = JitCode::new(TASK, "…", &[..], &[JitOp::new(|(i,)| step(i))]);
//!     CODE.call((n,))
//! }
//! ```

use crate::ast::Function;
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Error;
use syn::spanned::Spanned;
use vitte_lowering::rust::{jit, sites};

pub(crate) fn expand(krate: &TokenStream, function: &Function) -> Result<TokenStream, Error> {
    let Function { attrs, vis, defaultness, sig, block } = function;
    if !cfg!(feature = "jit") {
        let text = "`jit` needs the feature `jit` of `vitte`";
        return Err(Error::new(sig.ident.span(), text));
    }
    let task = jit::task(sig, block).map_err(|refusals| {
        let all = refusals.iter().map(|r| Error::new(r.span, r.text()));
        all.reduce(|mut all, next| {
            all.combine(next);
            all
        })
        .unwrap_or_else(|| Error::new(sig.ident.span(), "this cannot be a JIT task"))
    })?;
    let private = quote!(#krate::__private);
    let name = &sig.ident;
    let text = name.to_string();
    let ops = task.sites.iter().map(|site| {
        let closure = &site.closure;
        match &site.result {
            Some(result) => {
                quote_spanned!(site.span=> #private::JitOp::new::<_, #result, _, _>(#closure))
            }
            None => quote_spanned!(site.span=> #private::JitOp::dropping(#closure)),
        }
    });
    let sites =
        sites(&private, &text, task.sites.iter().map(|site| (site.awaitee.as_str(), site.span)));
    let (names, types): (Vec<_>, Vec<_>) = task.params.iter().cloned().unzip();
    // rustc judges the type of a constant where it is named.
    let consts = task.consts.iter().map(|(path, ty)| {
        let span = path.span();
        quote_spanned!(span=> { let constant: #ty = #path; constant })
    });
    let values: Vec<TokenStream> = names.iter().cloned().chain(consts).collect();
    let args = values.iter().rev().fold(quote!(()), |rest, name| quote!((#name, #rest)));
    let jit::JitTask { ir, messages, result, .. } = &task;
    let outer = attrs.iter().filter(|a| matches!(a.style, syn::AttrStyle::Outer));
    Ok(quote! {
        #(#outer)*
        #[allow(clippy::all, clippy::pedantic)]
        #vis #defaultness fn #name(#(#names: #types),*)
            -> impl #krate::Coroutine<Output = #result> + ::core::marker::Send
        {
            const TASK: &#private::Task =
                &#private::Task { name: #text, sites: &#sites, kept: "" };
            static CODE: #private::JitCode = #private::JitCode::new(
                TASK,
                #ir,
                &[#(#messages),*],
                &[#(#ops),*],
            );
            CODE.call::<_, #result>(#args)
        }
    })
}
