//! The function under an attribute.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Block, Path, Signature, Token, Visibility};

/// A function, free or a method, with its body.
#[derive(Clone)]
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) defaultness: Option<Token![default]>,
    pub(crate) sig: Signature,
    pub(crate) block: Block,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let defaultness = input.parse()?;
        let sig: Signature = input.parse()?;
        if input.peek(Token![;]) {
            let text = "a task needs a body: put the attribute on the implementation";
            return Err(syn::Error::new_spanned(&sig, text));
        }
        let content;
        let brace_token = syn::braced!(content in input);
        attrs.extend(content.call(Attribute::parse_inner)?);
        let stmts = content.call(Block::parse_within)?;
        Ok(Function { attrs, vis, defaultness, sig, block: Block { brace_token, stmts } })
    }
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Function { attrs, vis, defaultness, sig, block } = self;
        let (outer, inner): (Vec<_>, Vec<_>) =
            attrs.iter().partition(|a| matches!(a.style, syn::AttrStyle::Outer));
        let stmts = &block.stmts;
        tokens.extend(quote!(#(#outer)* #vis #defaultness #sig { #(#inner)* #(#stmts)* }));
    }
}

/// The path of the façade.
pub(crate) fn facade(given: Option<Path>) -> TokenStream {
    given.map_or_else(|| quote!(::vitte), ToTokens::into_token_stream)
}
