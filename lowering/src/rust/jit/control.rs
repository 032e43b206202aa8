//! Conditions, alternatives and loops.

use super::Refusal;
use super::check::{Check, Found, Loop};
use super::tree::{Arm, Expr, Kind, Pat};
use super::types::{Kind as VarKind, Ty};
use proc_macro2::Span;
use std::collections::BTreeMap;
use syn::Expr as E;
use syn::spanned::Spanned;

impl Check {
    /// The condition of an `if` or `while`: its patterns bind in the scope that is open.
    pub(super) fn chain(&mut self, e: &E) -> Found<Expr> {
        let span = e.span();
        match e {
            E::Paren(p) => self.chain(&p.expr),
            E::Let(l) => {
                let value = self.expr(&l.expr);
                let pat = self.pat(&l.pat, &value.ty)?;
                Ok(Expr { kind: Kind::Let(Box::new(pat), Box::new(value)), ty: Ty::BOOL, span })
            }
            E::Binary(b) if matches!(b.op, syn::BinOp::And(_)) => {
                let (x, y) = (self.chain(&b.left)?, self.chain(&b.right)?);
                let kind = Kind::Logic { or: false, a: Box::new(x), b: Box::new(y) };
                Ok(Expr { kind, ty: Ty::BOOL, span })
            }
            e => self.condition(e),
        }
    }

    pub(super) fn condition(&mut self, e: &E) -> Found<Expr> {
        let cond = self.expr(e);
        self.same(&Ty::BOOL, &cond.ty, cond.span)?;
        Ok(cond)
    }

    /// The common type of alternatives.
    pub(super) fn join(&mut self, list: &[(Ty, Span)]) -> Found<Ty> {
        let mut common = Ty::Never;
        for (ty, span) in list {
            match (self.vars.shallow(&common), self.vars.shallow(ty)) {
                (_, Ty::Never) => {}
                (Ty::Never, ty) => common = ty,
                (a, b) => self.same(&a, &b, *span)?,
            }
        }
        Ok(common)
    }

    pub(super) fn if_(&mut self, i: &syn::ExprIf, span: Span) -> Found<Expr> {
        let cond = self.chain(&i.cond);
        let cond = self.or_refused(cond, i.cond.span());
        let then = self.block(&i.then_branch, i.then_branch.span());
        let (other, ty) = match &i.else_branch {
            Some((_, e)) => {
                let other = self.expr(e);
                let ty =
                    self.join(&[(then.ty.clone(), then.span), (other.ty.clone(), other.span)])?;
                (Some(Box::new(other)), ty)
            }
            None => {
                self.same(&Ty::UNIT, &then.ty, then.span)?;
                (None, Ty::UNIT)
            }
        };
        Ok(Expr { kind: Kind::If(Box::new(cond), Box::new(then), other), ty, span })
    }

    pub(super) fn match_(&mut self, m: &syn::ExprMatch, span: Span) -> Found<Expr> {
        let value = self.expr(&m.expr);
        let mut arms = vec![];
        for arm in &m.arms {
            arms.push(self.scoped(|cx| {
                let pat = cx.pat(&arm.pat, &value.ty).unwrap_or_else(|refusal| {
                    cx.refused.push(refusal);
                    cx.declare_refused(&arm.pat);
                    Pat::Wild
                });
                let guard = match &arm.guard {
                    Some((_, g)) => Some(cx.chain(g)?),
                    None => None,
                };
                Ok(Arm { pat, guard, body: cx.expr(&arm.body) })
            })?);
        }
        let types: Vec<_> = arms.iter().map(|a| (a.body.ty.clone(), a.body.span)).collect();
        let ty = self.join(&types)?;
        Ok(Expr { kind: Kind::Match(Box::new(value), arms), ty, span })
    }

    pub(super) fn for_(&mut self, f: &syn::ExprForLoop, span: Span) -> Found<Expr> {
        let mut over = &*f.expr;
        while let E::Paren(p) = over {
            over = &p.expr;
        }
        let E::Range(syn::ExprRange { start: Some(from), end: Some(to), limits, .. }) = over else {
            self.scopes.push(BTreeMap::new());
            self.declare_refused(&f.pat);
            self.enter(f.label.as_ref(), None, false);
            self.block(&f.body, f.body.span());
            self.around.pop();
            self.scopes.pop();
            return Err(Refusal::new(f.expr.span(), "`for` over anything but a range of numbers")
                .help("count the indices: `for i in 0..n`"));
        };
        let (from, to) = (self.expr(from), self.expr(to));
        self.same(&from.ty, &to.ty, to.span)?;
        let number = self.vars.fresh(VarKind::Int);
        self.same(&number, &from.ty, from.span)?;
        let id = self.enter(f.label.as_ref(), None, false);
        let body = self.scoped(|cx| {
            let pat = cx.binding(&f.pat, &from.ty)?;
            Ok((pat, cx.block(&f.body, f.body.span())))
        });
        self.around.pop();
        let (pat, body) = body?;
        let inclusive = matches!(limits, syn::RangeLimits::Closed(_));
        let (from, to, body) = (Box::new(from), Box::new(to), Box::new(body));
        let pat = Box::new(pat);
        let kind = Kind::For { id, pat, from, to, inclusive, body };
        Ok(Expr { kind, ty: Ty::UNIT, span })
    }

    pub(super) fn enter(
        &mut self,
        label: Option<&syn::Label>,
        value: Option<Ty>,
        is_block: bool,
    ) -> usize {
        let id = self.loops.len();
        let label = label.map(|l| l.name.ident.to_string());
        self.loops.push(Loop { label, value, is_block });
        self.around.push(id);
        id
    }

    pub(super) fn target(&self, label: Option<&syn::Lifetime>, span: Span) -> Found<usize> {
        let wanted = label.map(|l| l.ident.to_string());
        let mut around = self.around.iter().rev();
        let found = around.find(|&&id| {
            let of = &self.loops[id];
            if wanted.is_none() { !of.is_block } else { of.label == wanted }
        });
        found.copied().ok_or_else(|| Refusal::new(span, "there is no such loop around this"))
    }
}
