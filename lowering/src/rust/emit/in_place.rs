//! Loops whose state is used in place (see [`super::super::stay`]).
//!
//! ```text
//! entered:  enter(state, cx, Await0 { future: empty, list });
//! code:     let Await0 { list, .. } = state; (*list).push(x);
//! again:    restart(future, cx, next)
//! left:     let list = moved(list); leave(state, cx, Returned);
//! ```
//!
//! While the code of such a loop runs, its state holds everything but the child, and `cx` knows: a
//! panic or a `return` then drops the rest of it (`States::abandon`).

use super::super::macros::{self, Shape};
use super::super::stay::Stay;
use super::{Arm, Emitter, ident};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use std::collections::BTreeSet;
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, FieldValue, Macro, Member};

impl<'a> Emitter<'a> {
    /// The loop that a block is part of.
    pub(super) fn stay_of(&self, block: usize) -> Option<&'a Stay> {
        self.plan.stays.values().find(|s| s.blocks.contains(&block))
    }

    /// What a state keeps beside its child only while it is suspended, oldest first.
    pub(super) fn held(&self, point: usize) -> Vec<usize> {
        let placed = self.plan.stays.get(&point).map_or(&[][..], |s| &s.vars);
        let all = self.plan.awaits[point].iter().copied();
        if self.plan.stays.contains_key(&point) {
            all.filter(|v| !placed.contains(v)).collect()
        } else {
            vec![]
        }
    }

    /// What a join carries: what it keeps, but for what lies in the state.
    pub(super) fn carried(&self, block: usize) -> Vec<usize> {
        let placed = self.stay_of(block).map_or(&[][..], |s| &s.vars);
        self.plan.joins[&block].iter().copied().filter(|v| !placed.contains(v)).collect()
    }

    /// Names what lies in the state.
    pub(super) fn placed(&self, stay: &Stay) -> TokenStream {
        let (state, private, st) = (&self.state, &self.private, ident("state"));
        let variant = Self::variant_of_await(stay.point);
        let names = stay.vars.iter().map(|v| self.name(*v));
        quote!(let #state::#variant { #(#names,)* .. } = #st else { #private::over(#st) };)
    }

    /// Begins the loop.
    pub(super) fn enter(&self, stay: &Stay) -> TokenStream {
        let (state, private) = (&self.state, &self.private);
        let (st, cx, future) = (ident("state"), ident("cx"), ident("future"));
        let variant = Self::variant_of_await(stay.point);
        let names = stay.vars.iter().map(|v| self.name(*v));
        let held = self.held(stay.point).into_iter().map(|v| {
            let name = self.name(v);
            quote!(#name: #private::empty())
        });
        quote! {
            #private::enter(#st, #cx, #state::#variant {
                #future: #private::empty(),
                #(#held,)*
                #(#names),*
            });
        }
    }

    /// Moves what lies in the state out of it, each local into its place by age. `bound` is what the
    /// edge binds.
    pub(super) fn leave(&self, stay: &Stay, to: usize, bound: &[usize]) -> TokenStream {
        let private = &self.private;
        let (st, cx) = (ident("state"), ident("cx"));
        let placed = self.placed(stay);
        let lets = self.plan.exits.get(&to).into_iter().flatten().chain(bound).map(|&v| {
            let (name, new) = (self.name(v), self.binding(v));
            if stay.vars.contains(&v) {
                let out = self.out(v);
                quote!(let #new = #out;)
            } else {
                quote!(let #new = #name;)
            }
        });
        quote!(#placed #(#lets)* #private::leave(#st, #cx);)
    }

    /// Awaits in place.
    pub(super) fn restart(&self, stay: &Stay, operand: &TokenStream) -> TokenStream {
        let (state, private) = (&self.state, &self.private);
        let (st, cx, future, next) = (ident("state"), ident("cx"), ident("future"), ident("next"));
        let variant = Self::variant_of_await(stay.point);
        let held = self.held(stay.point);
        let slot = |v: &usize| format_ident!("slot{}", v, span = Span::mixed_site());
        let slots = held.iter().map(|v| {
            let (name, slot) = (self.name(*v), slot(v));
            quote!(#name: #slot)
        });
        let puts = held.iter().map(|v| {
            let (name, slot) = (self.name(*v), slot(v));
            quote!(#private::refill(#slot, #name);)
        });
        let on = self.on();
        let point = stay.point;
        let go = self.onto(|arm| matches!(arm, Arm::Await { point: p, .. } if *p == point));
        quote! {
            let #next = #private::child(#operand);
            let #state::#variant { #future, #(#slots,)* .. } = #st else { #private::over(#st) };
            #(#puts)*
            #private::restart(#future, #cx, #next);
            #on
            #go
        }
    }

    /// The arm of the await: what is in place stays there.
    pub(super) fn resumed_in_place(
        &self,
        stay: &Stay,
        name: &TokenStream,
        code: &TokenStream,
    ) -> TokenStream {
        let (state, private) = (&self.state, &self.private);
        let (cx, st, future) = (ident("cx"), ident("state"), ident("future"));
        let point = stay.point;
        let variant = Self::variant_of_await(point);
        let names = self.plan.awaits[point].iter().map(|v| self.name(*v));
        let takes = self.held(point).into_iter().map(|v| {
            let (name, new) = (self.name(v), self.binding(v));
            quote!(let #new = #private::taken(#name);)
        });
        quote! {
            if let #state::#variant { #future, #(#names),* } = #st {
                let #private::Ready(#name) = #private::resume_in_place(#future, #cx) else {
                    return #private::pending(#cx, #point);
                };
                #(#takes)*
                #code
            }
        }
    }

    fn behind(&self, stay: &Stay) -> Behind {
        Behind(stay.vars.iter().map(|v| self.name(*v).to_string()).collect())
    }

    /// Statements of a block; what lies in the state is named by reference.
    pub(super) fn stmts_of(&self, b: usize, tokens: &TokenStream) -> TokenStream {
        let Some(stay) = self.stay_of(b) else { return tokens.clone() };
        let Ok(mut block) = syn::parse2::<syn::Block>(quote!({ #tokens })) else {
            return tokens.clone();
        };
        self.behind(stay).visit_block_mut(&mut block);
        let stmts = &block.stmts;
        quote!(#(#stmts)*)
    }

    /// An expression of a block, likewise.
    pub(super) fn expr_of(&self, b: usize, tokens: &TokenStream) -> TokenStream {
        let Some(stay) = self.stay_of(b) else { return tokens.clone() };
        let Ok(mut whole) = syn::parse2::<syn::ExprIf>(quote!(if #tokens {})) else {
            return self.operand_of(b, tokens);
        };
        self.behind(stay).visit_expr_mut(&mut whole.cond);
        whole.cond.into_token_stream()
    }

    /// An expression that may be any.
    pub(super) fn operand_of(&self, b: usize, tokens: &TokenStream) -> TokenStream {
        let Some(stay) = self.stay_of(b) else { return tokens.clone() };
        let Ok(mut expr) = syn::parse2::<Expr>(tokens.clone()) else { return tokens.clone() };
        self.behind(stay).visit_expr_mut(&mut expr);
        expr.into_token_stream()
    }
}

/// Puts a `*` before each of these names.
struct Behind(BTreeSet<String>);

impl VisitMut for Behind {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        if let Expr::Path(path) = expr
            && path.qself.is_none()
            && let Some(name) = path.path.get_ident()
            && self.0.contains(&name.to_string())
        {
            let span = name.span();
            *expr = syn::parse_quote_spanned!(span=> (*#name));
            return;
        }
        visit_mut::visit_expr_mut(self, expr);
    }

    fn visit_field_value_mut(&mut self, field: &mut FieldValue) {
        if field.colon_token.is_none()
            && matches!(&field.member, Member::Named(name) if self.0.contains(&name.to_string()))
        {
            field.colon_token = Some(syn::token::Colon::default());
        }
        self.visit_expr_mut(&mut field.expr);
    }

    fn visit_macro_mut(&mut self, mac: &mut Macro) {
        let Some(mut parsed) = macros::parse(mac) else { return };
        for name in parsed.captured() {
            if self.0.contains(&name) {
                parsed.name_argument(&name, &Ident::new(&name, Span::call_site()));
            }
        }
        let named = parsed.format.is_some();
        match &mut parsed.shape {
            Shape::Exprs(args) => args.iter_mut().for_each(|arg| match arg {
                Expr::Assign(e) if named => self.visit_expr_mut(&mut e.right),
                arg => self.visit_expr_mut(arg),
            }),
            Shape::Repeat(value, n) => {
                self.visit_expr_mut(value);
                self.visit_expr_mut(n);
            }
            Shape::Matches(value, _) => self.visit_expr_mut(value),
        }
        parsed.write(mac);
    }
}
