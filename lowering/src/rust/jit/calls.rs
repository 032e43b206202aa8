//! Methods and macros of the subset.

use super::Refusal;
use super::check::{Check, Found};
use super::tree::{Arm, Expr, Kind, Pat};
use super::types::{Kind as VarKind, Ty};
use crate::ir::BinaryOp;
use crate::rust::text;
use proc_macro2::Span;
use quote::ToTokens;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Expr as E, Lit, Pat as P, Token};

impl Check {
    pub(super) fn method(&mut self, m: &syn::ExprMethodCall, span: Span) -> Found<Expr> {
        let name = m.method.to_string();
        if name == "len"
            && m.args.is_empty()
            && let Some(local) = self.local_of(&m.receiver)
            && let Ty::Array(_, n) = self.vars.shallow(&self.locals[local.0].ty)
        {
            return Ok(Expr { kind: Kind::Int(n as i128), ty: Ty::USIZE, span });
        }
        let receiver = self.expr(&m.receiver);
        if self.vars.shallow(&receiver.ty) == Ty::Refused {
            return Ok(receiver);
        }
        let wrapping = match name.as_str() {
            "wrapping_add" => Some(BinaryOp::Add),
            "wrapping_sub" => Some(BinaryOp::Sub),
            "wrapping_mul" => Some(BinaryOp::Mul),
            _ => None,
        };
        let extreme = matches!(name.as_str(), "min" | "max");
        if (wrapping.is_none() && !extreme) || m.args.len() != 1 {
            let text = format!("the method `{name}` cannot be called in a JIT task");
            return Err(Refusal::new(m.method.span(), text).help(
                "there are `wrapping_add`, `wrapping_sub`, `wrapping_mul`, `min` and `max` of integers, \
                 and `len` of arrays",
            ));
        }
        let (a, b) = (receiver, self.expr(&m.args[0]));
        let int = self.vars.fresh(VarKind::Int);
        self.same(&int, &a.ty, a.span)?;
        self.same(&a.ty, &b.ty, b.span)?;
        let ty = a.ty.clone();
        let (a, b) = (Box::new(a), Box::new(b));
        let kind = match wrapping {
            Some(op) => Kind::Wrapping(op, a, b),
            None => Kind::Extreme(name == "max", a, b),
        };
        Ok(Expr { kind, ty, span })
    }

    pub(super) fn macro_call(&mut self, mac: &syn::Macro) -> Found<Expr> {
        let span = mac.span();
        let name = mac.path.segments.last().map(|s| s.ident.to_string()).unwrap_or_default();
        if name == "matches" {
            return self.matches(mac);
        }
        let args = Punctuated::<E, Token![,]>::parse_terminated.parse2(mac.tokens.clone());
        let args: Vec<E> = args.map(|a| a.into_iter().collect()).unwrap_or_default();
        let text_of = |e: Option<&E>| match e {
            Some(E::Lit(syn::ExprLit { lit: Lit::Str(s), .. })) if !s.value().contains('{') => {
                Some(s.value())
            }
            _ => None,
        };
        let panic = |text: String| Expr { kind: Kind::Panic(text), ty: Ty::Never, span };
        let refused = Refusal::new(span, format!("`{name}!` in this form cannot be in a JIT task"))
            .help(
                "there are `panic!(\"text\")`, `unreachable!()`, `assert!(condition, \"text\")` and `matches!`",
            );
        match (name.as_str(), args.as_slice()) {
            ("panic", []) => Ok(panic("explicit panic".into())),
            ("panic", [e]) => text_of(Some(e)).map(panic).ok_or(refused),
            ("unreachable", []) => Ok(panic("internal error: entered unreachable code".into())),
            ("assert", [cond]) => {
                let text = format!("assertion failed: {}", text::source(cond.to_token_stream()));
                self.assert(cond, panic(text), span)
            }
            ("assert", [cond, e]) => match text_of(Some(e)) {
                Some(text) => self.assert(cond, panic(text), span),
                None => Err(refused),
            },
            _ => Err(refused),
        }
    }

    /// `matches!(value, pattern if condition)`
    pub(super) fn matches(&mut self, mac: &syn::Macro) -> Found<Expr> {
        let span = mac.span();
        let parse = |input: syn::parse::ParseStream<'_>| {
            let value: E = input.parse()?;
            input.parse::<Token![,]>()?;
            let pat = P::parse_multi_with_leading_vert(input)?;
            let guard = match input.parse::<Option<Token![if]>>()? {
                Some(_) => Some(input.parse::<E>()?),
                None => None,
            };
            input.parse::<Option<Token![,]>>()?;
            Ok((value, pat, guard))
        };
        let (value, pat, guard) = parse
            .parse2(mac.tokens.clone())
            .map_err(|e| Refusal::new(e.span(), format!("malformed `matches!`: {e}")))?;
        let value = self.expr(&value);
        let fits = self.scoped(|cx| {
            let pat = cx.pat(&pat, &value.ty)?;
            let guard = guard.as_ref().map(|g| cx.chain(g)).transpose()?;
            Ok(Arm { pat, guard, body: Expr { kind: Kind::Bool(true), ty: Ty::BOOL, span } })
        })?;
        let no = Expr { kind: Kind::Bool(false), ty: Ty::BOOL, span };
        let arms = vec![fits, Arm { pat: Pat::Wild, guard: None, body: no }];
        Ok(Expr { kind: Kind::Match(Box::new(value), arms), ty: Ty::BOOL, span })
    }

    pub(super) fn assert(&mut self, cond: &E, panic: Expr, span: Span) -> Found<Expr> {
        let cond = self.condition(cond)?;
        let cond = Expr { kind: Kind::Not(Box::new(cond)), ty: Ty::BOOL, span };
        Ok(Expr { kind: Kind::If(Box::new(cond), Box::new(panic), None), ty: Ty::UNIT, span })
    }
}
