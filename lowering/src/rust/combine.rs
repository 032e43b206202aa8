//! `join!`, `try_join!` and `select!` as one await each.
//!
//! In: a body as the source has it. Out: the same, where each of these macros is a block that makes the
//! futures in their order, awaits one future of all, and takes its value apart:
//!
//! ```text
//! join!(a, b)                        { let x = into_future(a); let y = into_future(b);
//!                                      match joined(both(x, both(y, ()))).await { (x, (y, ())) => (x, y) } }
//! select! { p = a => h, else => e }  { let c = [true]; let x = into_future(a);
//!                                      match select(c, branch(x, fits, ())).await { This(p) => h, rest => e } }
//! ```
//!
//! From here on they are lowered as any expression is: arguments and handlers may await, leave loops and
//! return. The macros of other crates that are called by these words alone do the same; what does not
//! parse, or is called by the path of another crate, is left as it is (and refused later).

use super::macros::{self, Shape};
use super::text;
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Block, Expr, Item, Macro, Pat, Stmt, Token};

/// Rewrites them in a body. `krate` is the path of the façade.
pub(super) fn rewrite(block: &mut Block, krate: &TokenStream) {
    Combine { krate }.visit_block_mut(block);
}

/// What an await is called in records, if that is not its operand.
pub(super) fn name(attrs: &[Attribute]) -> Option<String> {
    attrs.iter().find_map(|attr| match &attr.meta {
        syn::Meta::NameValue(syn::MetaNameValue {
            path,
            value: Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }),
            ..
        }) if path.is_ident("awaits") => Some(text.value()),
        _ => None,
    })
}

struct Combine<'a> {
    krate: &'a TokenStream,
}

impl VisitMut for Combine<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        match expr {
            // Their awaits are not the function's.
            Expr::Async(_) | Expr::Closure(_) => return,
            Expr::Macro(e) => {
                if let Some(combined) = self.combined(&e.mac) {
                    *expr = combined;
                }
            }
            _ => {}
        }
        visit_mut::visit_expr_mut(self, expr);
    }

    fn visit_stmt_mut(&mut self, stmt: &mut Stmt) {
        if let Stmt::Macro(m) = stmt
            && let Some(combined) = self.combined(&m.mac)
        {
            *stmt = Stmt::Expr(combined, m.semi_token);
        }
        visit_mut::visit_stmt_mut(self, stmt);
    }

    fn visit_item_mut(&mut self, _: &mut Item) {}

    fn visit_macro_mut(&mut self, mac: &mut Macro) {
        let Some(mut parsed) = macros::parse(mac).filter(|p| !p.shows_words) else { return };
        match &mut parsed.shape {
            Shape::Exprs(args) => args.iter_mut().for_each(|arg| self.visit_expr_mut(arg)),
            Shape::Repeat(value, _) | Shape::Matches(value, _) => self.visit_expr_mut(value),
        }
        parsed.write(mac);
    }
}

impl Combine<'_> {
    /// The block that does what the macro does.
    fn combined(&self, mac: &Macro) -> Option<Expr> {
        let word = mac.path.segments.last()?.ident.to_string();
        let of = mac.path.segments.first()?.ident.to_string();
        let ours = mac.path.segments.len() == 1
            || of == "vitte"
            || of == "vitte_rt"
            || self.krate.to_string().split_whitespace().any(|w| w == of);
        if !ours {
            return None;
        }
        let tokens = match word.as_str() {
            "join" => Self::join(mac, false)?,
            "try_join" => Self::join(mac, true)?,
            "select" => Self::select(mac)?,
            _ => return None,
        };
        syn::parse2(tokens).ok()
    }

    /// One future, made where it stands.
    fn let_future(name: &Ident, future: &Expr) -> TokenStream {
        let span = future.span();
        quote_spanned!(span=> let #name = ::core::future::IntoFuture::into_future(#future);)
    }

    fn join(mac: &Macro, tries: bool) -> Option<TokenStream> {
        let list = Punctuated::<Expr, Token![,]>::parse_terminated;
        let futures = list.parse2(mac.tokens.clone()).ok()?;
        let span = mac.path.span();
        let private = super::private(span);
        let names = |what: &str| -> Vec<Ident> {
            (0..futures.len()).map(|i| format_ident!("__{what}{i}", span = span)).collect()
        };
        let (made, outputs) = (names("joined"), names("output"));
        let lets = made.iter().zip(&futures).map(|(name, future)| Self::let_future(name, future));
        let end = quote_spanned!(span=> ());
        let all = made
            .iter()
            .rev()
            .fold(end.clone(), |rest, name| quote_spanned!(span=> #private::both(#name, #rest)));
        let pats =
            outputs.iter().rev().fold(end, |rest, name| quote_spanned!(span=> (#name, #rest)));
        let value = quote_spanned!(span=> (#(#outputs,)*));
        let (call, arms) = if tries {
            (
                quote_spanned!(span=> #private::try_joined(#all)),
                quote_spanned! {span=>
                    ::core::result::Result::Ok(#pats) => ::core::result::Result::Ok(#value),
                    ::core::result::Result::Err(__error) => ::core::result::Result::Err(__error),
                },
            )
        } else {
            (quote_spanned!(span=> #private::joined(#all)), quote_spanned!(span=> #pats => #value,))
        };
        let wait = waits(mac, &call);
        Some(quote_spanned!(span=> { #(#lets)* match #wait { #arms } }))
    }

    fn select(mac: &Macro) -> Option<TokenStream> {
        let Select { biased, branches, otherwise } = syn::parse2(mac.tokens.clone()).ok()?;
        let span = mac.path.span();
        if branches.is_empty() {
            return otherwise.map(ToTokens::into_token_stream);
        }
        let private = super::private(span);
        let made: Vec<Ident> =
            (0..branches.len()).map(|i| format_ident!("__selected{i}", span = span)).collect();
        let conditions = branches.iter().map(|b| match &b.condition {
            Some(condition) => condition.to_token_stream(),
            None => quote_spanned!(span=> true),
        });
        let lets = made.iter().zip(&branches).map(|(name, b)| Self::let_future(name, &b.future));
        let all = made.iter().zip(&branches).rev().fold(quote!(()), |rest, (name, b)| {
            let pat = &b.pat;
            // The guard binds by reference and says no: nothing is moved.
            quote_spanned! {span=> #private::select_branch(#name, |__output| {
                let mut __fits = false;
                #[allow(unused, unreachable_patterns)]
                match __output {
                    #pat if { __fits = true; false } => ::core::unreachable!(),
                    _ => {}
                }
                (__fits, __output)
            }, #rest)}
        });
        let arms = branches.iter().enumerate().map(|(i, b)| {
            let (pat, handler) = (&b.pat, &b.handler);
            // What is said of the pattern is said where it is.
            let span = pat.span();
            let private = super::private(span);
            let pat = match pat {
                // What is not bound would stay in place.
                Pat::Wild(_) => quote_spanned!(span=> _output),
                pat => pat.to_token_stream(),
            };
            let this = quote_spanned!(span=> #private::Selected::This(#pat));
            let pat = (0..i)
                .fold(this, |inner, _| quote_spanned!(span=> #private::Selected::Other(#inner)));
            quote_spanned!(span=> #pat => #handler,)
        });
        let otherwise = otherwise.map_or_else(
            || {
                let text = "all branches are disabled and there is no else branch";
                quote_spanned!(span=> ::core::panic!(#text))
            },
            ToTokens::into_token_stream,
        );
        let call = quote_spanned!(span=> #private::select::<#biased, _, _>(__conditions, #all));
        let wait = waits(mac, &call);
        Some(quote_spanned! {span=> {
            let __conditions = [#(#conditions),*];
            #(#lets)*
            match #wait { #(#arms)* __rest => #otherwise, }
        }})
    }
}

/// The await of what a call gives, named by the macro's own words.
fn waits(mac: &Macro, call: &TokenStream) -> TokenStream {
    let text = text::source(mac.to_token_stream());
    let span = mac.path.span();
    // The attribute belongs to the await, not to the call.
    quote_spanned!(span=> (#[awaits = #text] (#call).await))
}

/// What stands in `select!`.
struct Select {
    biased: bool,
    branches: Vec<Branch>,
    otherwise: Option<Expr>,
}

struct Branch {
    pat: Pat,
    future: Expr,
    condition: Option<Expr>,
    handler: Expr,
}

mod word {
    syn::custom_keyword!(biased);
}

impl Parse for Select {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let biased = input.peek(word::biased) && input.peek2(Token![;]);
        if biased {
            input.parse::<word::biased>()?;
            input.parse::<Token![;]>()?;
        }
        let mut out = Select { biased, branches: vec![], otherwise: None };
        while !input.is_empty() {
            if input.peek(Token![else]) {
                input.parse::<Token![else]>()?;
                input.parse::<Token![=>]>()?;
                out.otherwise = Some(input.parse()?);
                input.parse::<Option<Token![,]>>()?;
                break;
            }
            let pat = Pat::parse_multi_with_leading_vert(input)?;
            input.parse::<Token![=]>()?;
            let future = input.parse()?;
            let condition = match input.parse::<Option<Token![,]>>()? {
                Some(_) => {
                    input.parse::<Token![if]>()?;
                    Some(input.parse()?)
                }
                None => None,
            };
            input.parse::<Token![=>]>()?;
            // As in a `match`: a block ends the branch.
            let handler = Expr::parse_with_earlier_boundary_rule(input)?;
            let is_block = matches!(handler, Expr::Block(_));
            if input.parse::<Option<Token![,]>>()?.is_none() && !is_block && !input.is_empty() {
                return Err(input.error("expected `,`"));
            }
            out.branches.push(Branch { pat, future, condition, handler });
        }
        if input.is_empty() { Ok(out) } else { Err(input.error("nothing follows `else`")) }
    }
}
