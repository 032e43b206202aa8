//! Awaits: the operand becomes a Rust closure over what the task computes for it.

use super::check::{Check, Found};
use super::tree::{Expr, Kind};
use super::types::Ty;
use super::{Refusal, Site};
use crate::rust::text;
use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::Expr as E;
use syn::spanned::Spanned;

impl Check {
    pub(super) fn wait(&mut self, wait: &syn::ExprAwait, wanted: bool) -> Found<Expr> {
        let operand = &*wait.base;
        if !is_call(operand) {
            return Err(Refusal::new(operand.span(), "a JIT task awaits calls of async functions")
                .help("write the call where it is awaited: `step(n).await`"));
        }
        let mut given = vec![];
        let native = self.native(operand, &mut given)?;
        if given.len() > 12 {
            return Err(Refusal::new(operand.span(), "at most 12 arguments in a JIT task"));
        }
        let ty = if wanted { self.vars.awaited() } else { Ty::UNIT };
        let site = self.sites.len();
        self.sites.push(Site {
            native,
            args: given.iter().map(|e| e.ty.clone()).collect(),
            result: wanted.then(|| ty.clone()),
            awaitee: text::source(operand.to_token_stream()),
            span: operand.span(),
        });
        Ok(Expr { kind: Kind::Await { site, args: given }, ty, span: wait.span() })
    }

    /// The operand as it stands in the Rust closure: what is computed from locals is computed by the
    /// task and handed in.
    fn native(&mut self, e: &E, given: &mut Vec<Expr>) -> Found<TokenStream> {
        if is_call(e)
            && let E::Call(call) = e
        {
            let func = &call.func;
            let args: Vec<TokenStream> =
                call.args.iter().map(|a| self.native(a, given)).collect::<Found<_>>()?;
            return Ok(quote!(#func(#(#args),*)));
        }
        match e {
            E::Lit(_) => return Ok(e.to_token_stream()),
            E::Path(p) if self.local_of(e).is_none() && !self.is_own(p) => {
                return Ok(e.to_token_stream());
            }
            _ => {}
        }
        let value = self.expr(e);
        let name = format_ident!("__arg{}", given.len(), span = e.span());
        given.push(value);
        Ok(name.to_token_stream())
    }
}

/// Whether it is a call of something that is named.
fn is_call(e: &E) -> bool {
    matches!(e, E::Call(call) if matches!(&*call.func, E::Path(_)))
}
