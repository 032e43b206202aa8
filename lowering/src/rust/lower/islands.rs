//! Islands: a borrow that lasts exactly one await.
//!
//! ```text
//! let n: usize = socket.read(&mut buf).await;
//!
//! let (n, buf) = async move { let n: usize = socket.read(&mut buf).await; (n, buf) }.await;
//! ```
//!
//! In: a statement that awaits, of a cautious reading. Out: an await of an `async` block that owns what
//! is lent, and gives it back with the value. The block is rustc's, so what lends and what borrows lie
//! in one future, and the states around it hold neither.
//!
//! What the words must show, so that nobody can tell the difference:
//!
//! * L1 all that the operand names of the function is of a spelled type without borrows and without a
//!   drop of its own (numbers, owners of the standard library), or a spelled reference. What is dropped
//!   with the block would have been dropped later, and nothing sees that.
//! * L2 the value is dropped by its statement, or is of such a type too: it holds no borrow that would
//!   have to leave the block. What `?` returns becomes the function's result inside of the block.
//! * L3 what the operand may consume (a reference that is named, or a method is called on) is given back
//!   only if it is read later; then rustc's own machine could not have consumed it either.
//! * L4 the operand leaves the block nowhere: no `?`, no `return`, no closure, no macro, no await in it.

use super::super::names::{Reference, is_owned_type};
use super::super::uses::{self, Hold, Kind, Use};
use super::super::{private, text};
use super::Builder;
use crate::rust::cfg::{Await, End};
use proc_macro2::Span;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, Local, Pat, Type, UnOp};

/// An await as an island.
#[derive(Debug)]
pub(in super::super) struct Island {
    /// Locals that it copies.
    pub(in super::super) copied: Vec<usize>,
    /// Locals that it owns meanwhile.
    pub(in super::super) owned: Vec<usize>,
}

impl Island {
    /// All that it captures.
    pub(in super::super) fn captured(&self) -> impl Iterator<Item = usize> {
        self.copied.iter().chain(&self.owned).copied()
    }
}

/// How a local is named.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    Value,
    /// Under `&`, or as the base of what is.
    Lent,
    /// A method is called on it, or it is the base of a place.
    Through,
}

impl Builder<'_> {
    /// `let n: T = operand.await;`, or with `?`. Answers whether it was one.
    pub(super) fn island_local(&mut self, local: &Local) -> bool {
        let (Pat::Type(p), Some(init)) = (&local.pat, &local.init) else { return false };
        if init.diverge.is_some() || !is_owned_type(&p.ty) {
            return false;
        }
        let (wait, tries) = awaited(&init.expr);
        let Some(wait) = wait else { return false };
        let Some(island) = self.island(&wait.base) else { return false };
        let value = self.temporary("value");
        self.wait_in_island(wait, island, Some(value), Some(&p.ty), tries);
        let mut local = local.clone();
        if let Some(init) = &mut local.init {
            *init.expr = self.given(value, tries);
        }
        self.local_code(&local);
        true
    }

    /// `operand.await;`, or with `?`. Answers whether it was one.
    pub(super) fn island_statement(&mut self, expr: &Expr) -> bool {
        let (wait, tries) = awaited(expr);
        let Some(wait) = wait else { return false };
        let Some(island) = self.island(&wait.base) else { return false };
        if !tries {
            self.wait_in_island(wait, island, None, None, false);
            return true;
        }
        let value = self.temporary("value");
        self.wait_in_island(wait, island, Some(value), None, true);
        let given = self.given(value, true);
        self.run(&given);
        true
    }

    /// What the block gave for the value.
    fn given(&self, value: usize, tries: bool) -> Expr {
        let value = self.path(value);
        if !tries {
            return value;
        }
        syn::parse_quote! {
            match #value {
                ::core::result::Result::Ok(__given) => __given,
                ::core::result::Result::Err(__returned) => return __returned,
            }
        }
    }

    fn wait_in_island(
        &mut self,
        wait: &syn::ExprAwait,
        island: Island,
        into: Option<usize>,
        ty: Option<&Type>,
        tries: bool,
    ) {
        let (operand, output) = (&wait.base, self.output);
        let span = wait.await_token.span;
        let private = private(Span::mixed_site());
        let waits = quote_spanned!(span=> #operand.await);
        let ty = ty.map_or_else(|| quote!(()), ToTokens::to_token_stream);
        let tokens = match (into, tries) {
            (Some(into), true) => {
                let value = &self.cfg.vars.list[into].ident;
                // A value that nobody wants is dropped here.
                let given = if ty.to_string() == "()" { quote!(()) } else { quote!(__given) };
                quote! {
                    let #value: ::core::result::Result<#ty, #output> =
                        match #private::branch(#waits) {
                            #private::Continue(__given) => ::core::result::Result::Ok(#given),
                            #private::Break(__residual) => {
                                ::core::result::Result::Err(#private::from_residual(__residual))
                            }
                        };
                }
            }
            (Some(into), false) => {
                let value = &self.cfg.vars.list[into].ident;
                quote!(let #value: #ty = #waits;)
            }
            (None, _) => quote!(#waits;),
        };
        let hold = Hold::No;
        let uses = island.captured().map(|var| {
            let span = operand.span();
            Use { var, kind: Kind::Move, hold, conditional: false, span }
        });
        let uses = uses.collect();
        let point = self.cfg.awaits.len();
        let text = text::source(operand.to_token_stream());
        self.cfg.awaits.push(Await { text, span: operand.span(), handed: vec![] });
        let next = self.block();
        self.end(End::Await { operand: tokens, uses, point, into, next, island: Some(island) });
        self.at = Some(next);
        if let Some(into) = into {
            self.declare_temporary(into);
        }
    }

    /// What an operand would capture, if it may be an island and needs to be one.
    fn island(&self, operand: &Expr) -> Option<Island> {
        if self.confident || super::super::is_by_value(operand) {
            return None;
        }
        let mut island = Island { copied: vec![], owned: vec![] };
        let fits = self.fits(operand, Named::Value, &mut island);
        for list in [&mut island.copied, &mut island.owned] {
            list.sort_unstable();
            list.dedup();
        }
        island.copied.retain(|v| !island.owned.contains(v));
        (fits && !island.owned.is_empty()).then_some(island)
    }

    fn fits(&self, e: &Expr, named: Named, island: &mut Island) -> bool {
        let mut all =
            |list: Vec<&Expr>| list.into_iter().all(|e| self.fits(e, Named::Value, island));
        match e {
            Expr::Lit(_) => true,
            Expr::Paren(e) => self.fits(&e.expr, named, island),
            Expr::Group(e) => self.fits(&e.expr, named, island),
            Expr::Path(p) => {
                let local = p.path.get_ident().filter(|_| p.qself.is_none());
                match local.and_then(|ident| self.cfg.vars.get(ident)) {
                    Some(v) => self.names(v, named, island),
                    None => p.path.segments.last().is_some_and(|s| s.ident != *self.name),
                }
            }
            Expr::Call(e) => {
                let of_a_path = matches!(&*e.func, Expr::Path(_));
                of_a_path && all(std::iter::once(&*e.func).chain(&e.args).collect())
            }
            Expr::MethodCall(e) => {
                e.method != *self.name
                    && all(e.args.iter().collect())
                    && self.fits(&e.receiver, Named::Through, island)
            }
            Expr::Reference(e) => self.fits(&e.expr, Named::Lent, island),
            Expr::Field(e) => {
                let base = if named == Named::Lent { named } else { Named::Through };
                self.fits(&e.base, base, island)
            }
            Expr::Index(e) => {
                let base = if named == Named::Lent { named } else { Named::Through };
                self.fits(&e.expr, base, island) && self.fits(&e.index, Named::Value, island)
            }
            Expr::Unary(e) => {
                let base =
                    if matches!(e.op, UnOp::Deref(_)) { Named::Through } else { Named::Value };
                self.fits(&e.expr, base, island)
            }
            Expr::Binary(e) if !uses::is_compound(&e.op) => all(vec![&e.left, &e.right]),
            Expr::Cast(e) => self.fits(&e.expr, Named::Value, island),
            Expr::Tuple(e) => all(e.elems.iter().collect()),
            Expr::Array(e) => all(e.elems.iter().collect()),
            _ => false,
        }
    }

    /// A local in an operand: what it captures, and whether it may (L1).
    fn names(&self, v: usize, named: Named, island: &mut Island) -> bool {
        let var = &self.cfg.vars.list[v];
        if var.temporary {
            return false;
        }
        match (named, var.reference) {
            (_, Some(Reference::Mutable)) => island.owned.push(v),
            (Named::Value | Named::Through, Some(Reference::Shared)) => island.copied.push(v),
            (Named::Value, None) if var.scalar => island.copied.push(v),
            (Named::Lent, None) if var.scalar || var.owned => island.owned.push(v),
            // A method may change it.
            (Named::Through, None) if var.scalar => island.owned.push(v),
            _ => return false,
        }
        true
    }
}

/// What is awaited, and whether `?` takes the value apart.
fn awaited(expr: &Expr) -> (Option<&syn::ExprAwait>, bool) {
    match expr {
        Expr::Await(wait) => (Some(wait), false),
        Expr::Try(e) => match &*e.expr {
            Expr::Await(wait) => (Some(wait), true),
            _ => (None, true),
        },
        _ => (None, false),
    }
}
