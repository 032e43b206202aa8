//! rustc's machine with named suspend points.
//!
//! ```text
//! fn fetch(url: Url) -> impl ::vitte::Coroutine<Output = R> {
//!     struct Fetch;
//!     impl ::vitte::__private::Sites for Fetch { const TASK: &'static Task = ..; }
//!     ::vitte::__private::native::<Fetch, _>(async move {
//!         let url = url;
//!         ..at::<0, Fetch, _>(client.get(url)).await..
//!     })
//! }
//! ```
//!
//! Arguments become locals in the order and with the patterns of the source, so that they are
//! dropped when and in the order in which an async function drops them.

use crate::ast::Function;
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, FnArg, Ident, Item, Macro, Pat, Signature, Token, Type};
use vitte_lowering::rust::{coroutine, output, sites, text};

/// Expands to rustc's machine.
pub(crate) fn expand(krate: &TokenStream, function: &Function) -> TokenStream {
    let Function { attrs, vis, defaultness, sig, block } = function;
    let describer = Ident::new("__Task", Span::mixed_site());
    let mut block = block.clone();
    let mut wrap = Wrap { krate, describer: &describer, sites: vec![] };
    wrap.visit_block_mut(&mut block);
    let (outer_sig, locals) = signature(krate, sig);
    let output = output(krate, sig);
    let private = quote!(#krate::__private);
    let name = sig.ident.to_string();
    let awaits = wrap.sites.iter().map(|site| (site.awaitee.as_str(), site.span));
    let sites = sites(&private, &name, awaits);
    let stmts = &block.stmts;
    let body = if is_spelled(&output) {
        // The first line gives the block its type, which an async function's signature does.
        quote! {
            if let ::core::option::Option::Some(output) = ::core::option::Option::None::<#output> {
                return output;
            }
            #(#locals)*
            let output: #output = { #(#stmts)* };
            output
        }
    } else {
        quote!(#(#locals)* { #(#stmts)* })
    };
    let (outer, inner): (Vec<_>, Vec<_>) =
        attrs.iter().partition(|a| matches!(a.style, syn::AttrStyle::Outer));
    quote! {
        #(#outer)*
        #[allow(clippy::all, clippy::pedantic, unreachable_code, refining_impl_trait)]
        #vis #defaultness #outer_sig {
            #(#inner)*
            struct #describer;
            impl #private::Sites for #describer {
                const TASK: &'static #private::Task =
                    &#private::Task { name: #name, sites: &#sites, kept: "" };
            }
            #private::native::<#describer, _>(async move { #body })
        }
    }
}

/// One await of the function.
struct Site {
    awaitee: String,
    span: Span,
}

/// The signature without `async`, and the lets that make locals of the arguments.
pub(crate) fn signature(krate: &TokenStream, sig: &Signature) -> (TokenStream, Vec<TokenStream>) {
    let mut outer = sig.clone();
    outer.asyncness = None;
    let mut locals = vec![];
    for (i, input) in outer.inputs.iter_mut().enumerate() {
        match input {
            // Captured whole, even if the body does not name it.
            FnArg::Receiver(receiver) => {
                let token = &receiver.self_token;
                locals.push(quote!(let _ = &#token;));
            }
            FnArg::Typed(arg) => {
                // A parameter that may not be there has a local that may not be there.
                let cfg: Vec<_> = arg.attrs.iter().filter(|a| a.path().is_ident("cfg")).collect();
                match &mut *arg.pat {
                    Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => {
                        let (mutability, ident) = (name.mutability.take(), &name.ident);
                        locals.push(quote!(#(#cfg)* let #mutability #ident = #ident;));
                    }
                    pat => {
                        let ident = format_ident!("arg{}", i, span = Span::mixed_site());
                        let span = pat.span();
                        locals.push(quote_spanned!(span=> #(#cfg)* let #ident = #ident;));
                        locals.push(quote_spanned!(span=> #(#cfg)* let #pat = #ident;));
                        *arg.pat = syn::parse_quote!(#ident);
                    }
                }
            }
        }
    }
    outer.output = coroutine(krate, &output(krate, sig));
    (outer.into_token_stream(), locals)
}

/// Whether a local can be given the type: not `!`, and no `impl` in it.
pub(crate) fn is_spelled(ty: &Type) -> bool {
    struct Look(bool);
    impl<'ast> syn::visit::Visit<'ast> for Look {
        fn visit_type_impl_trait(&mut self, _: &'ast syn::TypeImplTrait) {
            self.0 = false;
        }
        fn visit_type_never(&mut self, _: &'ast syn::TypeNever) {
            self.0 = false;
        }
    }
    let mut look = Look(true);
    syn::visit::Visit::visit_type(&mut look, ty);
    look.0
}

/// Wraps the operands of the function's own awaits.
struct Wrap<'a> {
    krate: &'a TokenStream,
    describer: &'a Ident,
    sites: Vec<Site>,
}

impl VisitMut for Wrap<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        match expr {
            // Their awaits are not the function's.
            Expr::Async(_) | Expr::Closure(_) => return,
            _ => visit_mut::visit_expr_mut(self, expr),
        }
        let Expr::Await(wait) = expr else { return };
        let (krate, describer, operand) = (self.krate, self.describer, &wait.base);
        let index = self.sites.len();
        let awaitee = text::source(operand.to_token_stream());
        let span = wait.await_token.span;
        self.sites.push(Site { awaitee, span: operand.span() });
        let private = quote_spanned!(span=> #krate::__private);
        *wait.base = syn::parse_quote!(#private::at::<#index, #describer, _>(#operand));
    }

    fn visit_item_mut(&mut self, _: &mut Item) {}

    fn visit_macro_mut(&mut self, mac: &mut Macro) {
        // Only where the words of the arguments do not show: `assert!` prints them.
        const KNOWN: [&str; 11] = [
            "println",
            "print",
            "eprintln",
            "eprint",
            "format",
            "write",
            "writeln",
            "vec",
            "panic",
            "assert_eq",
            "assert_ne",
        ];
        let known = mac.path.segments.last().is_some_and(|s| KNOWN.iter().any(|k| s.ident == k));
        let list = Punctuated::<Expr, Token![,]>::parse_terminated;
        if known && let Ok(mut args) = list.parse2(mac.tokens.clone()) {
            let before = self.sites.len();
            args.iter_mut().for_each(|arg| self.visit_expr_mut(arg));
            if self.sites.len() > before {
                mac.tokens = args.into_token_stream();
            }
        }
    }
}
