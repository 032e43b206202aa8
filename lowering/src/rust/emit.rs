//! From the graph and its states to Rust: an enum, and the closure that steps it.
//!
//! ```text
//! enum State<..> { Unresumed { .. }, Await0 { future, .. }, Loop1 { .. }, Returned, Poisoned }
//! machine(State::Unresumed { .. }, |state, cx| loop {
//!     match state {
//!         State::Unresumed { .. } => { take; code; *state = State::Await0 { .. }; }
//!         State::Await0 { future, .. } => { resume or return Pending; take; code; .. }
//! ```
//!
//! * E1 each token of the user is emitted once: a block with one way to it stands where the way
//!   ends, any other is a state.
//! * E2 arms stand in reverse postorder, so that rustc infers a type before it is needed.
//! * E3 locals are taken out of a state oldest first and the fields of a state stand youngest
//!   first: both are dropped youngest first, the awaited future before all. Unresumed, the arguments
//!   are dropped in their own order, as rustc does.

use super::cfg::{Cfg, End, Op};
use super::states::Plan;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use std::collections::BTreeSet;
use syn::Type;

/// What the machine is made of besides its graph.
pub(super) struct Frame<'a> {
    pub(super) krate: &'a TokenStream,
    pub(super) name: &'a str,
    pub(super) output: &'a Type,
    /// Per parameter, the value that the call has for it.
    pub(super) arguments: &'a [TokenStream],
}

pub(super) fn emit(cfg: &Cfg, plan: &Plan, frame: &Frame<'_>) -> TokenStream {
    let e = Emitter {
        cfg,
        plan,
        frame,
        state: ident("State"),
        private: {
            let krate = frame.krate;
            quote!(#krate::__private)
        },
    };
    let (states, steps, facts) = (e.declaration(), e.step(), e.facts());
    let (private, state) = (&e.private, &e.state);
    let fields = cfg.params.iter().zip(frame.arguments).map(|(v, value)| {
        let name = &cfg.vars.list[*v].ident;
        quote!(#name: #value)
    });
    let output = frame.output;
    let (st, cx) = (ident("state"), ident("cx"));
    quote! {
        #states
        #facts
        #private::machine(
            #state::Unresumed { #(#fields),* },
            move |#st, #cx| -> ::core::task::Poll<#output> { loop { match #st { #steps } } },
        )
    }
}

fn ident(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

struct Emitter<'a> {
    cfg: &'a Cfg,
    plan: &'a Plan,
    frame: &'a Frame<'a>,
    state: Ident,
    private: TokenStream,
}

impl Emitter<'_> {
    fn name(&self, v: usize) -> &Ident {
        &self.cfg.vars.list[v].ident
    }

    fn ty(v: usize) -> Ident {
        format_ident!("T{}", v, span = Span::mixed_site())
    }

    fn future_ty(point: usize) -> Ident {
        format_ident!("F{}", point, span = Span::mixed_site())
    }

    fn variant_of_await(point: usize) -> Ident {
        format_ident!("Await{}", point, span = Span::mixed_site())
    }

    fn variant_of_join(&self, block: usize) -> Ident {
        let number = self.plan.joins.keys().take_while(|b| **b != block).count();
        format_ident!("Join{}", number, span = Span::mixed_site())
    }

    /// Awaits that some way leads to.
    fn points(&self) -> Vec<(usize, usize)> {
        let mut all: Vec<(usize, usize)> = self
            .plan
            .order
            .iter()
            .filter_map(|&b| match &self.cfg.blocks[b].end {
                End::Await { point, .. } => Some((*point, b)),
                _ => None,
            })
            .collect();
        all.sort_unstable();
        all
    }

    // ---- the enum ----

    fn type_params(&self) -> Vec<Ident> {
        let used: BTreeSet<usize> = self
            .cfg
            .params
            .iter()
            .chain(self.plan.joins.values().flatten())
            .chain(self.points().iter().flat_map(|(p, _)| &self.plan.awaits[*p]))
            .copied()
            .collect();
        let futures = self.points().into_iter().map(|(p, _)| Self::future_ty(p));
        used.into_iter().map(Self::ty).chain(futures).collect()
    }

    /// Fields, youngest first.
    fn fields(&self, kept: &[usize]) -> Vec<TokenStream> {
        kept.iter()
            .rev()
            .map(|&v| {
                let (name, ty) = (self.name(v), Self::ty(v));
                quote!(#name: #ty)
            })
            .collect()
    }

    fn declaration(&self) -> TokenStream {
        let (state, private) = (&self.state, &self.private);
        let params = self.type_params();
        // Before the first resume rustc drops the arguments in their order.
        let mut unresumed = self.fields(&self.cfg.params);
        unresumed.reverse();
        let awaits = self.points().into_iter().map(|(p, _)| {
            let (variant, future) = (Self::variant_of_await(p), Self::future_ty(p));
            let fields = self.fields(&self.plan.awaits[p]);
            quote!(#variant { future: #private::Child<#future>, #(#fields),* })
        });
        let joins = self.plan.joins.iter().map(|(b, kept)| {
            let (variant, fields) = (self.variant_of_join(*b), self.fields(kept));
            quote!(#variant { #(#fields),* })
        });
        quote! {
            enum #state<#(#params),*> {
                Unresumed { #(#unresumed),* },
                #(#awaits,)*
                #(#joins,)*
                Returned,
                Poisoned,
            }
        }
    }

    /// What the machine says of itself.
    fn facts(&self) -> TokenStream {
        let (state, private) = (&self.state, &self.private);
        let params = self.type_params();
        let task = self.frame.name;
        let sites = self
            .cfg
            .awaits
            .iter()
            .enumerate()
            .map(|(i, a)| super::site(&self.frame.krate.clone(), task, i, &a.text, a.span));
        let slots: Vec<usize> = self
            .plan
            .awaits
            .iter()
            .flatten()
            .copied()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let index = |v: &usize| slots.iter().position(|w| w == v).unwrap_or_default();
        let names = slots.iter().map(|v| self.name(*v).to_string());
        let live = self.plan.awaits.iter().map(|kept| {
            let indices = kept.iter().map(|v| index(v) as u32);
            quote!(&[#(#indices),*])
        });
        let numbers = self.points().into_iter().map(|(p, _)| {
            let (variant, n) = (Self::variant_of_await(p), 3 + p as u32);
            quote!(Self::#variant { .. } => #n)
        });
        let visits = self.points().into_iter().map(|(p, _)| {
            let variant = Self::variant_of_await(p);
            let kept = &self.plan.awaits[p];
            let names = kept.iter().map(|v| self.name(*v));
            let shows = kept.iter().map(|v| {
                let (name, i) = (self.name(*v), index(v));
                quote!(visit.slot(#i, #name);)
            });
            quote!(Self::#variant { future: _, #(#names),* } => { #(#shows)* })
        });
        let n_sites = self.cfg.awaits.len();
        quote! {
            static SITES: [#private::SuspendSite; #n_sites] = [#(#sites),*];
            impl<#(#params),*> #private::States for #state<#(#params),*> {
                const TASK: &'static #private::Task = &#private::Task {
                    name: #task,
                    kind: #private::Kind::Explicit,
                    sites: &SITES,
                    slots: &[#(#names),*],
                    live: &[#(#live),*],
                };
                const RETURNED: Self = Self::Returned;
                const POISONED: Self = Self::Poisoned;
                fn number(&self) -> u32 {
                    match self {
                        Self::Unresumed { .. } => 0,
                        Self::Poisoned => 2,
                        #(#numbers,)*
                        _ => 1,
                    }
                }
                fn visit(&self, visit: &mut #private::Visit<'_>) {
                    match self {
                        #(#visits)*
                        _ => {}
                    }
                }
            }
        }
    }

    // ---- the steps ----

    fn step(&self) -> TokenStream {
        let state = &self.state;
        let (private, st) = (&self.private, ident("state"));
        let mut arms = vec![];
        let entered = |variant: &Ident, fields: &TokenStream| {
            quote! {
                let #state::#variant { #fields } = #private::take(#st) else { unreachable!() };
            }
        };
        for &b in &self.plan.order {
            if b == 0 {
                let variant = ident("Unresumed");
                let taken = entered(&variant, &self.taken(&self.cfg.params));
                let code = self.block(b);
                arms.push(quote!(#state::#variant { .. } => { #taken #code }));
            } else if let Some(kept) = self.plan.joins.get(&b) {
                let variant = self.variant_of_join(b);
                let taken = entered(&variant, &self.taken(kept));
                let code = self.block(b);
                arms.push(quote!(#state::#variant { .. } => { #taken #code }));
            }
            if let End::Await { point, into, next, .. } = &self.cfg.blocks[b].end {
                arms.push(self.resumed(*point, *into, *next));
            }
        }
        let over = quote!(#state::Returned | #state::Poisoned => #private::over(#st));
        quote!(#(#arms)* #over)
    }

    /// The arm of an await: polls, and goes on when it is ready.
    fn resumed(&self, point: usize, into: Option<usize>, next: usize) -> TokenStream {
        let (state, private) = (&self.state, &self.private);
        let (st, cx) = (ident("state"), ident("cx"));
        let variant = Self::variant_of_await(point);
        let taken = self.taken(&self.plan.awaits[point]);
        let name = into.map_or_else(
            || quote!(_),
            |v| {
                let name = self.name(v);
                quote!(#name)
            },
        );
        let code = self.goto(next);
        quote! {
            #state::#variant { future, .. } => {
                let ::core::task::Poll::Ready(#name) = #private::resume(future, #cx, &SITES[#point])
                else {
                    return ::core::task::Poll::Pending;
                };
                let #state::#variant { future, #taken } = #private::take(#st) else { unreachable!() };
                future.left();
                #code
            }
        }
    }

    /// The pattern of what a state keeps, oldest first.
    fn taken(&self, kept: &[usize]) -> TokenStream {
        let names = kept.iter().map(|&v| {
            let name = self.name(v);
            if self.cfg.vars.list[v].mutable { quote!(mut #name) } else { quote!(#name) }
        });
        quote!(#(#names),*)
    }

    fn block(&self, b: usize) -> TokenStream {
        let block = &self.cfg.blocks[b];
        let mut out = TokenStream::new();
        for (i, op) in block.ops.iter().enumerate() {
            match op {
                Op::Code { tokens, .. } => out.extend(tokens.clone()),
                Op::Leave(_) => {
                    for v in self.plan.dropped.get(&(b, i)).into_iter().flatten() {
                        let (private, name) = (&self.private, self.name(*v));
                        out.extend(quote!(#private::end(#name);));
                    }
                }
            }
        }
        out.extend(match &block.end {
            End::Never => quote!(),
            End::Goto(to) => self.goto(*to),
            End::Branch { cond, then, other, .. } => {
                let (then, other) = (self.goto(*then), self.goto(*other));
                quote!(if #cond { #then } else { #other })
            }
            End::Match { scrutinee, arms, .. } => {
                let arms = arms.iter().map(|arm| {
                    let (pat, code) = (&arm.pat, self.goto(arm.block));
                    let guard = arm.guard.as_ref().map(|g| quote!(if #g));
                    quote!(#pat #guard => { #code })
                });
                quote!(match #scrutinee { #(#arms)* })
            }
            End::Await { operand, point, .. } => {
                let variant = Self::variant_of_await(*point);
                let (state, private, st) = (&self.state, &self.private, ident("state"));
                let names = self.plan.awaits[*point].iter().map(|v| self.name(*v));
                quote! {
                    *#st = #state::#variant {
                        future: #private::Child::new(#operand),
                        #(#names),*
                    };
                    continue;
                }
            }
            End::Return { value, .. } => {
                let span = Span::mixed_site();
                quote_spanned!(span=> return ::core::task::Poll::Ready(#value);)
            }
        });
        out
    }

    /// A block where its only way leads, or the state that it is.
    fn goto(&self, to: usize) -> TokenStream {
        let Some(kept) = self.plan.joins.get(&to) else { return self.block(to) };
        let (state, st) = (&self.state, ident("state"));
        let variant = self.variant_of_join(to);
        let names = kept.iter().map(|v| self.name(*v));
        quote! {
            *#st = #state::#variant { #(#names),* };
            continue;
        }
    }
}
