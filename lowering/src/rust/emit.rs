//! From the graph and its states to Rust: an enum, and the closure that steps it.
//!
//! ```text
//! enum __State<..> { Unresumed { .. }, Await0 { future, .. }, Returned, Poisoned }
//! machine(__State::Unresumed { .. }, |state, cx| loop {
//!     if let Unresumed { n } = state { let n = moved(n); vacate(state); code; suspend(state, Await0 { .. }) }
//!     if let Await0 { future, n } = state { resume or return Pending; let n = moved(n); .. }
//!     over(state)
//! })
//! ```
//!
//! The arms stand in the order of the source and fall through from one to the next, so that a step
//! runs down like the function; only a loop goes back to the top.
//!
//! A state is left field by field and written over as it is: the whole enum is never moved, so that
//! what a state keeps goes from the frame to registers and back. A block that several ways lead to
//! is an arm as well, but of an enum `__At` on the stack: between two awaits nothing needs the frame.
//!
//! * E1 each token of the user is emitted once: a block with one way to it stands where the way
//!   ends, any other is an arm.
//! * E2 arms stand in reverse postorder, so that rustc infers a type before it is needed.
//! * E3 locals are taken out of a state oldest first and the fields of a state stand youngest
//!   first: both are dropped youngest first, the awaited future before all. Unresumed, the arguments
//!   are dropped in their own order, as rustc does.
//! * E4 while fields are moved out nothing runs that could panic.
//!
//! Most of what a task costs is rustc's checking of its expansion, so that has few words: one path for
//! all that is called, no call for what is copied or known, text in place of nested slices. (Counted in
//! instructions of rustc, with those of the macro: 2.6 times rustc's own machine, where it was 3.3.)

mod in_place;
mod items;

use super::cfg::{Cfg, End, Op};
use super::states::Plan;
use super::uses::Kind;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use std::cell::Cell;
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
        state: ident("__State"),
        at: ident("__At"),
        arms: arms(cfg, plan),
        position: Cell::new(0),
        repeats: Cell::new(false),
        private: super::private(Span::mixed_site()),
    };
    let (items, steps) = (e.items(), e.step());
    let (private, state) = (&e.private, &e.state);
    let fields = cfg.params.iter().zip(frame.arguments).map(|(v, value)| {
        let name = &cfg.vars.list[*v].ident;
        quote!(#name: #value)
    });
    let output = frame.output;
    let (st, cx) = (ident("state"), ident("cx"));
    let start = (!plan.joins.is_empty()).then(|| {
        let (at, here) = (&e.at, ident("at"));
        quote!(let mut #here = #at::State;)
    });
    let steps = if e.repeats.get() { quote!(loop { #steps }) } else { steps };
    let krate = frame.krate;
    quote! {
        use #krate::__private as #private;
        #items
        #private::machine(
            #state::Unresumed { #(#fields),* },
            move |#st, #cx| -> #private::Poll<#output> {
                #start
                #steps
            },
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
    /// The enum of the joins.
    at: Ident,
    arms: Vec<Arm>,
    /// Index of the arm that is being written.
    position: Cell<usize>,
    /// Whether some arm goes back to one before it.
    repeats: Cell<bool>,
    private: Ident,
}

/// A piece of the step.
enum Arm {
    /// The first block, or one that several ways lead to.
    Block(usize),
    Await {
        block: usize,
        point: usize,
        into: Option<usize>,
        next: usize,
    },
}

/// The arms, in reverse postorder.
fn arms(cfg: &Cfg, plan: &Plan) -> Vec<Arm> {
    let mut arms = vec![];
    for &b in &plan.order {
        if b == 0 || plan.joins.contains_key(&b) {
            arms.push(Arm::Block(b));
        }
        if let End::Await { point, into, next, .. } = cfg.blocks[b].end {
            arms.push(Arm::Await { block: b, point, into, next });
        }
    }
    arms
}

impl Emitter<'_> {
    fn name(&self, v: usize) -> &Ident {
        &self.cfg.vars.list[v].ident
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

    fn step(&self) -> TokenStream {
        let (state, at) = (&self.state, &self.at);
        let (private, st, here) = (&self.private, ident("state"), ident("at"));
        let mut out = TokenStream::new();
        for (position, arm) in self.arms.iter().enumerate() {
            self.position.set(position);
            out.extend(match *arm {
                Arm::Block(0) => {
                    let names = self.cfg.params.iter().map(|v| self.name(*v));
                    let moved = self.moved(&self.cfg.params, 0);
                    let code = self.block(0);
                    quote!(if let #state::Unresumed { #(#names),* } = #st { #moved #code })
                }
                Arm::Block(b) => {
                    let carried = self.carried(b);
                    let (variant, taken) = (self.variant_of_join(b), self.taken(&carried));
                    let stay = self.stay_of(b);
                    let placed = stay.map(|s| self.placed(s));
                    let in_place = stay.map_or(&[][..], |s| &s.vars);
                    let again = self.again(&self.plan.joins[&b], in_place, b);
                    let code = self.block(b);
                    quote!(if let #at::#variant { #taken } = #here { #placed #again #code })
                }
                Arm::Await { block, point, into, next } => self.resumed(block, point, into, next),
            });
        }
        quote!(#out #private::over(#st))
    }

    /// The arm of an await: polls, and goes on when it is ready.
    fn resumed(&self, block: usize, point: usize, into: Option<usize>, next: usize) -> TokenStream {
        let (state, private) = (&self.state, &self.private);
        let (cx, st, future) = (ident("cx"), ident("state"), ident("future"));
        let variant = Self::variant_of_await(point);
        let names = self.plan.awaits[point].iter().map(|v| self.name(*v));
        let moved = self.moved(&self.plan.awaits[point], next);
        let mut name = into.map_or_else(
            || quote!(_),
            |v| {
                let name = self.name(v);
                quote!(#name)
            },
        );
        if matches!(self.cfg.blocks[block].end, End::Await { island: Some(_), .. }) {
            let back = self.back_of(point).iter().map(|v| self.binding(*v));
            name = quote!((#name, #(#back),*));
        }
        let code = self.goto(block, next, &[]);
        if let Some(stay) = self.plan.stays.get(&point) {
            let again = self.again(&self.plan.awaits[point], &stay.vars, next);
            return self.resumed_in_place(stay, &name, &quote!(#again #code));
        }
        quote! {
            if let #state::#variant { #future, #(#names),* } = #st {
                let #private::Ready(#name) = #private::resume(#future, #cx) else {
                    return #private::pending(#cx, #point);
                };
                #moved
                #code
            }
        }
    }

    /// Goes on with an arm: further down by falling through, further up by the loop.
    fn onto(&self, arm: impl Fn(&Arm) -> bool) -> TokenStream {
        let there = self.arms.iter().position(arm);
        if there > Some(self.position.get()) {
            return quote!();
        }
        self.repeats.set(true);
        quote!(continue;)
    }

    /// Locals that are there but empty when an arm begins with block `b`, and are given a value in
    /// its code.
    fn refilled(&self, kept: &[usize], b: usize) -> Vec<usize> {
        let mut bound: BTreeSet<usize> = self.back_at(b).iter().copied().collect();
        let reached = self.reached(b);
        for b in &reached {
            let block = &self.cfg.blocks[*b];
            for op in &block.ops {
                match op {
                    Op::Code { binds, .. } => bound.extend(binds),
                    Op::Declare(v) => drop(bound.insert(*v)),
                    Op::Leave(_) => {}
                }
            }
            if let End::Match { arms, .. } = &block.end {
                bound.extend(arms.iter().flat_map(|a| &a.binds));
            }
        }
        let assigned = self.assigned(&reached).into_iter();
        assigned.filter(|v| !kept.contains(v) && !bound.contains(v)).collect()
    }

    /// Locals that are given a value in some of these blocks.
    fn assigned(&self, blocks: &[usize]) -> BTreeSet<usize> {
        let ops = blocks.iter().flat_map(|b| &self.cfg.blocks[*b].ops);
        let uses = ops.flat_map(|op| match op {
            Op::Code { uses, .. } => &uses[..],
            Op::Declare(_) | Op::Leave(_) => &[],
        });
        uses.filter(|u| u.kind == Kind::Assign).map(|u| u.var).collect()
    }

    /// A local that is there but empty.
    fn empty(&self, v: usize) -> TokenStream {
        let ty = self.cfg.vars.list[v].ty.as_ref().map(|ty| quote!(: #ty));
        let new = self.binding(v);
        quote!(let #new #ty;)
    }

    /// Declares what is kept, with its value, and what is refilled, oldest first.
    fn lets(
        &self,
        kept: impl Iterator<Item = usize>,
        refilled: &[usize],
        value: impl Fn(usize) -> TokenStream,
    ) -> TokenStream {
        let mut all: Vec<usize> = kept.chain(refilled.iter().copied()).collect();
        all.sort_by_key(|v| self.cfg.order[*v]);
        let lets = all.into_iter().map(|v| {
            if refilled.contains(&v) {
                return self.empty(v);
            }
            let (new, value) = (self.binding(v), value(v));
            quote!(let #new = #value;)
        });
        lets.collect()
    }

    /// Declares what is refilled after a join, between what is older and what is younger.
    fn again(&self, kept: &[usize], in_place: &[usize], b: usize) -> TokenStream {
        let refilled = self.refilled(kept, b);
        if refilled.is_empty() {
            return quote!();
        }
        let kept = kept.iter().copied().filter(|v| !in_place.contains(v));
        self.lets(kept, &refilled, |v| self.name(v).to_token_stream())
    }

    /// Moves what a state keeps out of it, oldest first.
    fn moved(&self, kept: &[usize], b: usize) -> TokenStream {
        let refilled =
            if self.plan.joins.contains_key(&b) { vec![] } else { self.refilled(kept, b) };
        let moves = self.lets(kept.iter().copied(), &refilled, |v| self.out(v));
        let (private, st) = (&self.private, ident("state"));
        // After an await the step knows that the state is empty (`Cx`); its variant must go where an
        // arm could look at it before another state is entered.
        let vacate = (b == 0 || self.meets_join(b)).then(|| quote!(#private::vacate(#st);));
        quote!(#moves #vacate)
    }

    /// Block `b`, and what some way from its beginning leads to before it awaits or meets a join.
    fn reached(&self, b: usize) -> Vec<usize> {
        let (mut reached, mut at) = (vec![b], 0);
        while let Some(&b) = reached.get(at) {
            reached
                .extend(self.ways_on(b).into_iter().filter(|b| !self.plan.joins.contains_key(b)));
            at += 1;
        }
        reached
    }

    /// Where a block leads to without an await.
    fn ways_on(&self, b: usize) -> Vec<usize> {
        let block = &self.cfg.blocks[b];
        if matches!(block.end, End::Await { .. }) { vec![] } else { block.successors() }
    }

    /// Whether some way from the beginning of block `b` leads to a join before it awaits.
    fn meets_join(&self, b: usize) -> bool {
        let is_join = |b: &usize| self.plan.joins.contains_key(b);
        is_join(&b) || self.reached(b).into_iter().any(|b| self.ways_on(b).iter().any(is_join))
    }

    /// What a state keeps, out of it.
    fn out(&self, v: usize) -> TokenStream {
        let (private, name) = (&self.private, self.name(v));
        if self.cfg.vars.list[v].is_copied() {
            quote!(*#name)
        } else {
            quote!(#private::moved(#name))
        }
    }

    fn binding(&self, v: usize) -> TokenStream {
        let name = self.name(v);
        if self.cfg.vars.list[v].mutable { quote!(mut #name) } else { quote!(#name) }
    }

    /// The pattern of what a state keeps, oldest first.
    fn taken(&self, kept: &[usize]) -> TokenStream {
        let names = kept.iter().map(|&v| self.binding(v));
        quote!(#(#names),*)
    }

    fn block(&self, b: usize) -> TokenStream {
        let block = &self.cfg.blocks[b];
        let mut out = TokenStream::new();
        for (i, op) in block.ops.iter().enumerate() {
            match op {
                Op::Code { tokens, .. } => out.extend(self.stmts_of(b, tokens)),
                // Only where it is given a value: of another arm's value rustc knows no type here.
                Op::Declare(v) if self.assigned(&self.reached(b)).contains(v) => {
                    out.extend(self.empty(*v));
                }
                Op::Declare(_) => {}
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
            End::Goto(to) => self.goto(b, *to, &[]),
            End::Branch { cond, then, other, .. } => {
                let cond = self.expr_of(b, cond);
                let (then, other) = (self.goto(b, *then, &[]), self.goto(b, *other, &[]));
                quote!(if #cond { #then } else { #other })
            }
            End::Match { scrutinee, arms, .. } => {
                let arms = arms.iter().map(|arm| {
                    let (pat, code) = (&arm.pat, self.goto(b, arm.block, &arm.binds));
                    let guard = arm.guard.as_ref().map(|g| {
                        let guard = self.expr_of(b, g);
                        quote!(if #guard)
                    });
                    quote!(#pat #guard => { #code })
                });
                let scrutinee = self.operand_of(b, scrutinee);
                quote!(match #scrutinee { #(#arms)* })
            }
            End::Await { operand, point, .. } if self.plan.stays.contains_key(point) => {
                let child = self.child(b, operand);
                self.restart(&self.plan.stays[point], &child)
            }
            End::Await { operand, point, .. } => {
                let operand = self.child(b, operand);
                let variant = Self::variant_of_await(*point);
                let (state, private, st) = (&self.state, &self.private, ident("state"));
                let names = self.plan.awaits[*point].iter().map(|v| self.name(*v));
                let future = ident("future");
                let on = self.on();
                let go = self.onto(|arm| matches!(arm, Arm::Await { point: p, .. } if p == point));
                quote! {
                    #private::suspend(#st, #state::#variant {
                        #future: #private::child(#operand),
                        #(#names),*
                    });
                    #on
                    #go
                }
            }
            End::Return { value, .. } => {
                let private = &self.private;
                quote!(return #private::Ready(#value);)
            }
        });
        out
    }

    /// The operand of the await that ends block `b`.
    fn child(&self, b: usize, operand: &TokenStream) -> TokenStream {
        let End::Await { island: Some(island), point, into, .. } = &self.cfg.blocks[b].end else {
            return self.operand_of(b, operand);
        };
        // Named by reference in a loop whose state is used in place: copied.
        let placed = self.stay_of(b).map_or(&[][..], |s| &s.vars);
        let copies = island.captured().filter(|v| placed.contains(v)).map(|v| {
            let name = self.name(v);
            quote!(let #name = *#name;)
        });
        // Named alone, so that all of it is captured.
        let lets = island.captured().map(|v| {
            let (name, new) = (self.name(v), self.binding(v));
            quote!(let #new = #name;)
        });
        let value = into.map_or_else(
            || quote!(()),
            |v| {
                let name = self.name(v);
                quote!(#name)
            },
        );
        let back = self.back_of(*point).iter().map(|v| self.name(*v));
        quote!({ #(#copies)* async move { #(#lets)* #operand (#value, #(#back),*) } })
    }

    /// What an island gives back.
    fn back_of(&self, point: usize) -> &[usize] {
        self.plan.back.get(&point).map_or(&[], |back| back)
    }

    /// What comes back where a block begins.
    fn back_at(&self, b: usize) -> &[usize] {
        let point = self.arms.iter().find_map(|arm| match arm {
            Arm::Await { point, next, .. } if *next == b => Some(*point),
            _ => None,
        });
        point.map_or(&[], |point| self.back_of(point))
    }

    /// A block where its only way leads, or the state that it is.
    fn goto(&self, from: usize, to: usize, bound: &[usize]) -> TokenStream {
        let point = |b| self.stay_of(b).map(|s| s.point);
        let changes = point(from) != point(to);
        let leave = self.stay_of(from).filter(|_| changes).map(|s| self.leave(s, to, bound));
        let enter = self.stay_of(to).filter(|_| changes).map(|s| self.enter(s));
        let go = self.enter_block(to);
        quote!(#leave #enter #go)
    }

    /// After an await has begun.
    fn on(&self) -> Option<TokenStream> {
        let (at, here) = (&self.at, ident("at"));
        (!self.plan.joins.is_empty()).then(|| quote!(#here = #at::State;))
    }

    fn enter_block(&self, to: usize) -> TokenStream {
        if !self.plan.joins.contains_key(&to) {
            return self.block(to);
        }
        let kept = self.carried(to);
        let (at, here) = (&self.at, ident("at"));
        let variant = self.variant_of_join(to);
        let names = kept.iter().map(|v| self.name(*v));
        let go = self.onto(|arm| matches!(arm, Arm::Block(b) if *b == to));
        quote! {
            #here = #at::#variant { #(#names),* };
            #go
        }
    }
}
