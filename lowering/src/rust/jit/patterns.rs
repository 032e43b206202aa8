//! Patterns: what they are, what they bind, and where control goes if they do not fit.

use super::Refusal;
use super::check::{self, Check, Found};
use super::emit::{Emit, Made};
use super::places::odd;
use super::tree::{Cmp, Expr, Pat};
use super::types::{Kind as VarKind, Prim, Ty};
use crate::ir::{Block, Value};
use proc_macro2::Span as RustSpan;
use syn::spanned::Spanned;
use syn::{Expr as E, Pat as P};

impl Check {
    /// A pattern that always fits: of `let`, `for` and parameters.
    pub(super) fn binding(&mut self, pat: &P, ty: &Ty) -> Found<Pat> {
        match pat {
            P::Lit(_) | P::Range(_) | P::Or(_) => {
                Err(Refusal::new(pat.span(), "this pattern does not always fit"))
            }
            _ => self.pat(pat, ty),
        }
    }

    pub(super) fn pat(&mut self, pat: &P, ty: &Ty) -> Found<Pat> {
        match pat {
            P::Wild(_) => Ok(Pat::Wild),
            P::Paren(p) => self.pat(&p.pat, ty),
            P::Ident(p) if p.by_ref.is_none() && p.subpat.is_none() => {
                Ok(Pat::Bind(self.declare(&p.ident, ty.clone())))
            }
            P::Type(p) => {
                let spelled = check::ty(&p.ty)?;
                self.same(&spelled, ty, p.ty.span())?;
                self.pat(&p.pat, &spelled)
            }
            P::Tuple(p) => {
                let elems: Vec<Ty> =
                    p.elems.iter().map(|_| self.vars.fresh(VarKind::Any)).collect();
                self.same(ty, &Ty::Tuple(elems.clone()), pat.span())?;
                let pats = p.elems.iter().zip(&elems).map(|(p, t)| self.pat(p, t));
                Ok(Pat::Tuple(pats.collect::<Found<_>>()?))
            }
            P::Lit(p) => {
                let e = self.lit(&p.lit)?;
                self.same(ty, &e.ty, pat.span())?;
                Ok(Pat::Is(e))
            }
            P::Path(_) | P::Const(_) => {
                Err(Refusal::new(pat.span(), "only numbers and names may stand in this pattern"))
            }
            P::Range(p) => {
                let mut end = |e: &Option<Box<E>>| -> Found<Option<Expr>> {
                    let Some(e) = e else { return Ok(None) };
                    let e = self.expr(e)?;
                    self.same(ty, &e.ty, e.span)?;
                    Ok(Some(e))
                };
                let (from, to) = (end(&p.start)?, end(&p.end)?);
                Ok(Pat::Range(from, to, matches!(p.limits, syn::RangeLimits::Closed(_))))
            }
            P::Or(p) => {
                let n = self.locals.len();
                let pats = p.cases.iter().map(|p| self.pat(p, ty)).collect::<Found<_>>()?;
                if self.locals.len() > n {
                    return Err(Refusal::new(pat.span(), "alternatives that bind a name"));
                }
                Ok(Pat::Or(pats))
            }
            _ => Err(Refusal::new(pat.span(), "this pattern cannot be in a JIT task")),
        }
    }
}

impl Emit<'_, '_> {
    /// Binds a pattern that fits.
    pub(super) fn bind(&mut self, pat: &Pat, ty: &Ty, value: &[Value]) -> Made<()> {
        match (pat, ty) {
            (Pat::Bind(local), _) => {
                let place = self.local(*local)?;
                self.write(&place, value);
            }
            (Pat::Tuple(pats), Ty::Tuple(elems)) => {
                let mut rest = value;
                for (pat, ty) in pats.iter().zip(elems) {
                    let (mine, others) = rest.split_at(ty.n_leaves());
                    self.bind(pat, ty, mine)?;
                    rest = others;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Goes to `no` unless the pattern fits.
    pub(super) fn test(&mut self, pat: &Pat, ty: &Ty, value: &[Value], no: Block) -> Made<()> {
        match (pat, ty) {
            (Pat::Wild | Pat::Bind(_), _) => {}
            (Pat::Tuple(pats), Ty::Tuple(elems)) => {
                let mut rest = value;
                for (pat, ty) in pats.iter().zip(elems) {
                    let (mine, others) = rest.split_at(ty.n_leaves());
                    self.test(pat, ty, mine, no)?;
                    rest = others;
                }
            }
            (Pat::Is(constant), Ty::Prim(prim)) => {
                let c = self.scalar(constant)?;
                self.require(Cmp::Eq, *prim, value[0], c, no);
            }
            (Pat::Range(from, to, inclusive), Ty::Prim(prim)) => {
                if let Some(from) = from {
                    let c = self.scalar(from)?;
                    self.require(Cmp::Ge, *prim, value[0], c, no);
                }
                if let Some(to) = to {
                    let c = self.scalar(to)?;
                    let cmp = if *inclusive { Cmp::Le } else { Cmp::Lt };
                    self.require(cmp, *prim, value[0], c, no);
                }
            }
            (Pat::Or(list), _) => {
                let yes = self.b.create_block();
                for (i, pat) in list.iter().enumerate() {
                    let next = if i + 1 == list.len() { no } else { self.b.create_block() };
                    self.test(pat, ty, value, next)?;
                    self.b.jump(yes, &[]);
                    if i + 1 < list.len() {
                        self.go(next);
                    }
                }
                self.go(yes);
            }
            _ => return Err(odd(RustSpan::call_site())),
        }
        Ok(())
    }

    pub(super) fn require(&mut self, cmp: Cmp, prim: Prim, a: Value, b: Value, no: Block) {
        let fits = self.compare(cmp, prim, a, b);
        let yes = self.b.create_block();
        self.b.br(fits, (yes, &[]), (no, &[]));
        self.go(yes);
    }

    /// Goes on in a block that all edges lead to already.
    pub(super) fn go(&mut self, block: Block) {
        self.b.seal_block(block);
        self.b.switch_to_block(block);
    }
}
