//! Patterns: what they are, what they bind, and where control goes if they do not fit.

use super::Refusal;
use super::check::{Check, Found};
use super::constants::is_constant;
use super::emit::{Emit, Made};
use super::places::odd;
use super::tree::{Cmp, Expr, Local, Pat};
use super::types::{Kind as VarKind, Prim, Ty};
use crate::ir::{Block, Value};
use proc_macro2::Span as RustSpan;
use std::collections::BTreeMap;
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
            P::Ident(p) if p.by_ref.is_none() => {
                let path =
                    syn::ExprPath { attrs: vec![], qself: None, path: p.ident.clone().into() };
                match &p.subpat {
                    None if p.mutability.is_none()
                        && (is_constant(&path) || self.own_constant(&p.ident).is_some()) =>
                    {
                        self.is(&path, ty)
                    }
                    None => Ok(Pat::Bind(self.declare(&p.ident, ty.clone()))),
                    Some((_, inner)) => {
                        let local = self.declare(&p.ident, ty.clone());
                        Ok(Pat::At(local, Box::new(self.pat(inner, ty)?)))
                    }
                }
            }
            P::Path(p) if is_constant(p) => self.is(p, ty),
            P::Type(p) => {
                let spelled = self.ty(&p.ty)?;
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
                    let e = self.expr(e);
                    self.same(ty, &e.ty, e.span)?;
                    Ok(Some(e))
                };
                let (from, to) = (end(&p.start)?, end(&p.end)?);
                Ok(Pat::Range(from, to, matches!(p.limits, syn::RangeLimits::Closed(_))))
            }
            P::Or(p) => {
                let mut pats = vec![];
                let mut names: Option<Vec<(String, Local)>> = None;
                for case in &p.cases {
                    // Each binds the same names, to the same locals.
                    self.scopes.push(BTreeMap::new());
                    let found = self.pat(case, ty);
                    let scope = self.scopes.pop().unwrap_or_default();
                    let mut found = found?;
                    match &names {
                        None => names = Some(scope.into_iter().collect()),
                        Some(first) => {
                            let spelled = |list: &[(String, Local)]| -> Vec<String> {
                                list.iter().map(|(name, _)| name.clone()).collect()
                            };
                            let scope: Vec<_> = scope.into_iter().collect();
                            if spelled(first) != spelled(&scope) {
                                let text = "alternatives that bind different names";
                                return Err(Refusal::new(case.span(), text));
                            }
                            for ((_, of_first), (_, own)) in first.clone().iter().zip(&scope) {
                                let (a, b) = (
                                    self.locals[of_first.0].ty.clone(),
                                    self.locals[own.0].ty.clone(),
                                );
                                self.same(&a, &b, case.span())?;
                                found.rename(*own, *of_first);
                            }
                        }
                    }
                    pats.push(found);
                }
                if let Some(scope) = self.scopes.last_mut() {
                    scope.extend(names.unwrap_or_default());
                }
                Ok(Pat::Or(pats))
            }
            _ => Err(Refusal::new(pat.span(), "this pattern cannot be in a JIT task")),
        }
    }

    /// Equal to a constant.
    fn is(&mut self, path: &syn::ExprPath, ty: &Ty) -> Found<Pat> {
        let constant = self.expr(&E::Path(path.clone()));
        if constant.ty == Ty::Refused {
            return Ok(Pat::Wild);
        }
        self.same(ty, &constant.ty, path.span())?;
        Ok(Pat::Is(constant))
    }
}

impl Pat {
    /// Binds another local in place of one.
    fn rename(&mut self, from: Local, to: Local) {
        match self {
            Pat::Bind(local) if *local == from => *local = to,
            Pat::At(local, inner) => {
                if *local == from {
                    *local = to;
                }
                inner.rename(from, to);
            }
            Pat::Tuple(list) | Pat::Or(list) => list.iter_mut().for_each(|p| p.rename(from, to)),
            Pat::Wild | Pat::Bind(_) | Pat::Is(_) | Pat::Range(..) => {}
        }
    }
}

impl Emit<'_, '_> {
    /// Binds a pattern that fits. Alternatives were bound when they were tried.
    pub(super) fn bind(&mut self, pat: &Pat, ty: &Ty, value: &[Value]) -> Made<()> {
        match (pat, ty) {
            (Pat::Bind(local), _) => {
                let place = self.local(*local)?;
                self.write(&place, value);
            }
            (Pat::At(local, inner), _) => {
                let place = self.local(*local)?;
                self.write(&place, value);
                self.bind(inner, ty, value)?;
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
            (Pat::At(_, inner), _) => self.test(inner, ty, value, no)?,
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
                    self.bind(pat, ty, value)?;
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
