//! Expressions: operands that await, in the order of evaluation.
//!
//! In: an expression that [`Builder::needs`] lowering. Out: what is left of it to evaluate where the
//! lowering stands, free of awaits; what comes before an await is in temporaries by then, except a
//! local that is only named.

use super::super::cfg::{Await, End};
use super::super::combine;
use super::super::is_by_value;
use super::super::macros::{self, Shape};
use super::super::names::{Vars, is_comparison};
use super::super::refusal::Refusal;
use super::super::rewrite;
use super::super::text;
use super::super::uses::{self, Hold};
use super::{Builder, Last, Sink};
use proc_macro2::Span;
use quote::ToTokens;
use syn::Expr;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

impl Builder<'_> {
    /// Lowers an expression whose value is not used; what is left of it to run, if anything.
    pub(super) fn effect(&mut self, expr: &Expr) -> Option<Expr> {
        match expr {
            Expr::If(_) | Expr::Match(_) if self.only_head(expr) => self.value(expr),
            Expr::If(_)
            | Expr::Match(_)
            | Expr::Block(_)
            | Expr::Loop(_)
            | Expr::While(_)
            | Expr::ForLoop(_) => {
                self.construct(expr, Sink::Nowhere);
                None
            }
            Expr::Await(e) => {
                self.wait(e, None);
                None
            }
            Expr::Paren(e) => self.effect(&e.expr),
            expr => self.value(expr),
        }
    }

    /// Lowers an expression that needs it: afterwards the answer, evaluated here, is its value.
    /// `None` if nothing gets here.
    pub(super) fn value(&mut self, expr: &Expr) -> Option<Expr> {
        if !self.needs(expr) {
            return Some(expr.clone());
        }
        match expr {
            Expr::Await(e) => {
                let into = self.temporary("value");
                self.wait(e, Some(into));
                self.at?;
                Some(self.path(into))
            }
            Expr::Paren(e) => self.value(&e.expr),
            Expr::Group(e) => self.value(&e.expr),
            Expr::If(e) if self.only_head(expr) => {
                let mut e = e.clone();
                let head = match &mut *e.cond {
                    Expr::Let(l) => &mut l.expr,
                    _ => &mut e.cond,
                };
                let value = self.value(head)?;
                **head = self.moved(value);
                Some(Expr::If(e))
            }
            Expr::Match(e) if self.only_head(expr) => {
                let mut e = e.clone();
                let value = self.value(&e.expr)?;
                *e.expr = self.moved(value);
                Some(Expr::Match(e))
            }
            Expr::If(_) | Expr::Match(_) | Expr::Block(_) | Expr::Loop(_) => {
                let out = self.temporary("out");
                self.construct(expr, Sink::Local(out));
                self.at?;
                Some(self.path(out))
            }
            Expr::While(_) | Expr::ForLoop(_) => {
                self.construct(expr, Sink::Nowhere);
                self.at?;
                Some(syn::parse_quote!(()))
            }
            Expr::Return(e) => {
                let value = match &e.expr {
                    Some(e) => Some(self.value(e)?),
                    None => None,
                };
                self.ret(value.as_ref());
                None
            }
            Expr::Break(e) => {
                self.leave_target(e.label.as_ref(), e.expr.as_deref(), true, expr.span());
                None
            }
            Expr::Continue(e) => {
                self.leave_target(e.label.as_ref(), None, false, expr.span());
                None
            }
            Expr::Binary(e) if matches!(e.op, syn::BinOp::And(_) | syn::BinOp::Or(_)) => {
                self.lazy(e)
            }
            expr => self.operands(expr),
        }
    }

    /// An expression that evaluates its operands in order.
    fn operands(&mut self, expr: &Expr) -> Option<Expr> {
        let mut expr = expr.clone();
        let in_place = |e: &syn::ExprBinary| is_comparison(&e.op) || uses::is_compound(&e.op);
        let mut slots: Vec<(&mut Expr, bool)> = match &mut expr {
            Expr::Call(e) => e.args.iter_mut().map(|e| (e, false)).collect(),
            Expr::MethodCall(e) => std::iter::once((&mut *e.receiver, true))
                .chain(e.args.iter_mut().map(|e| (e, false)))
                .collect(),
            Expr::Binary(e) if in_place(e) => vec![(&mut *e.left, true), (&mut *e.right, true)],
            Expr::Binary(e) => vec![(&mut *e.left, false), (&mut *e.right, false)],
            Expr::Assign(e) => vec![(&mut *e.right, false), (&mut *e.left, true)],
            Expr::Tuple(e) => e.elems.iter_mut().map(|e| (e, false)).collect(),
            Expr::Array(e) => e.elems.iter_mut().map(|e| (e, false)).collect(),
            Expr::Struct(e) if e.rest.is_none() => {
                e.fields.iter_mut().map(|f| (&mut f.expr, false)).collect()
            }
            Expr::Range(e) => {
                e.start.iter_mut().chain(&mut e.end).map(|e| (&mut **e, false)).collect()
            }
            Expr::Unary(e) => vec![(&mut *e.expr, true)],
            Expr::Field(e) => vec![(&mut *e.base, true)],
            Expr::Index(e) => vec![(&mut *e.expr, true), (&mut *e.index, false)],
            Expr::Cast(e) => vec![(&mut *e.expr, false)],
            Expr::Try(e) => vec![(&mut *e.expr, false)],
            Expr::Reference(e) => vec![(&mut *e.expr, true)],
            Expr::Repeat(e) => vec![(&mut *e.expr, false)],
            Expr::Macro(e) => return self.macro_operands(e),
            other => {
                let span = other.span();
                self.refuse(Refusal::construct(span));
                return None;
            }
        };
        self.hoist(&mut slots)?;
        Some(expr)
    }

    fn macro_operands(&mut self, e: &syn::ExprMacro) -> Option<Expr> {
        let parsed = macros::parse(&e.mac).filter(|p| !p.shows_words);
        let Some(mut parsed) = parsed else {
            self.refuse(Refusal::macro_await(e.mac.path.span()));
            return None;
        };
        let looks = !parsed.by_value;
        let mut slots: Vec<(&mut Expr, bool)> = match &mut parsed.shape {
            Shape::Exprs(args) => args
                .iter_mut()
                .map(|arg| {
                    if !(looks && matches!(arg, Expr::Assign(_))) {
                        return (arg, looks);
                    }
                    let Expr::Assign(named) = arg else { unreachable!("looked at above") };
                    (&mut *named.right, true)
                })
                .collect(),
            Shape::Repeat(value, n) => vec![(&mut **value, false), (&mut **n, false)],
            Shape::Matches(value, _) => vec![(&mut **value, true)],
        };
        self.hoist(&mut slots)?;
        let mut mac = e.mac.clone();
        parsed.write(&mut mac);
        Some(Expr::Macro(syn::ExprMacro { attrs: e.attrs.clone(), mac }))
    }

    /// Evaluates operands up to the last that needs lowering. A `true` marks a place: a bare local
    /// there stays where it is.
    fn hoist(&mut self, slots: &mut [(&mut Expr, bool)]) -> Option<()> {
        let last = slots.iter().rposition(|(e, _)| self.needs(e))?;
        let assigns = slots[..=last].iter().any(|(e, _)| assigns(e));
        for (i, (slot, place)) in slots.iter_mut().enumerate().take(last + 1) {
            let value = self.value(slot)?;
            let is_var = uses_var(&value, &self.cfg.vars);
            let scalar = is_var.is_some_and(|v| self.cfg.vars.list[v].scalar);
            let fresh = is_var.is_some_and(|v| self.cfg.vars.list[v].temporary);
            let stays = i == last
                || fresh
                || matches!(value, Expr::Lit(_))
                || (is_var.is_some() && (*place || scalar) && !assigns);
            if stays {
                **slot = value;
                continue;
            }
            if *place {
                self.refuse(Refusal::place_before_await(value.span()));
                return None;
            }
            self.leaves_nothing(&value);
            let v = self.temporary("value");
            self.set(v, &value);
            self.declare_temporary(v);
            **slot = self.path(v);
        }
        Some(())
    }

    pub(super) fn declare_temporary(&mut self, v: usize) {
        self.declare(v);
        // It is consumed by its statement: no scope drops it.
        if let Some(scope) = self.scopes.last_mut() {
            scope.retain(|w| *w != v);
        }
    }

    /// A temporary as a value: what a pattern leaves of it is dropped with the statement.
    pub(super) fn moved(&self, value: Expr) -> Expr {
        match uses_var(&value, &self.cfg.vars) {
            Some(v) if self.cfg.vars.list[v].temporary => syn::parse_quote!({ #value }),
            _ => value,
        }
    }

    fn lazy(&mut self, e: &syn::ExprBinary) -> Option<Expr> {
        let out = self.temporary("out");
        self.cfg.vars.list[out].scalar = true;
        let (right, short, join) = (self.block(), self.block(), self.block());
        let left = self.value(&e.left)?;
        let is_and = matches!(e.op, syn::BinOp::And(_));
        let (then, other) = if is_and { (right, short) } else { (short, right) };
        self.branch(&left, then, other);
        self.at = Some(short);
        let known: Expr = if is_and { syn::parse_quote!(false) } else { syn::parse_quote!(true) };
        self.set(out, &known);
        self.goto(join);
        self.at = Some(right);
        if let Some(value) = self.value(&e.right) {
            self.set(out, &value);
            self.cfg.vars.list[out].scalar = true;
        }
        self.goto(join);
        self.at = Some(join);
        self.declare_temporary(out);
        Some(self.path(out))
    }

    fn wait(&mut self, e: &syn::ExprAwait, into: Option<usize>) {
        let named = combine::name(&e.attrs);
        let text = named.unwrap_or_else(|| text::source(e.base.to_token_stream()));
        if !self.confident && !is_by_value(&e.base) {
            self.refuse(Refusal::operand(e.base.span()));
        }
        let Some(operand) = self.value(&e.base) else { return };
        if let Some(span) = self.reading().left_by_operand(&operand).filter(|_| self.confident) {
            self.refuse(Refusal::temporary(span));
        }
        let uses = uses::of_expr(&operand, Hold::Yes, &self.cfg.vars);
        let tokens = rewrite::expr(&operand);
        let point = self.cfg.awaits.len();
        let handed = handed(&operand).filter_map(|e| uses_var(e, &self.cfg.vars)).collect();
        self.cfg.awaits.push(Await { text, span: e.base.span(), handed });
        let next = self.block();
        self.end(End::Await { operand: tokens, uses, point, into, next, island: None });
        self.at = Some(next);
        if let Some(into) = into {
            self.declare_temporary(into);
        }
    }

    fn leave_target(
        &mut self,
        label: Option<&syn::Lifetime>,
        value: Option<&Expr>,
        is_break: bool,
        span: Span,
    ) {
        let value = match value {
            Some(value) => match self.value(value) {
                Some(value) => Some(value),
                None => return,
            },
            None => None,
        };
        let found = self.targets.iter().rposition(|t| match label {
            Some(label) => t.label.as_ref() == Some(&label.ident),
            None => t.is_loop,
        });
        let Some(found) = found else {
            return self.refuse(Refusal::construct(span));
        };
        let t = &self.targets[found];
        let (out, depth) = (t.value, t.depth);
        let to = if is_break { t.on_break } else { t.on_continue };
        match value {
            Some(value) => self.put(Last::Value(Box::new(value)), out),
            None if is_break => self.put(Last::Unit, out),
            None => {}
        }
        self.leave_to(depth);
        self.goto(to);
    }
}

/// What the outermost call of an operand is given.
fn handed(operand: &Expr) -> Box<dyn Iterator<Item = &Expr> + '_> {
    match operand {
        Expr::Paren(e) => handed(&e.expr),
        Expr::Group(e) => handed(&e.expr),
        Expr::Call(e) => Box::new(e.args.iter()),
        Expr::MethodCall(e) => Box::new(std::iter::once(&*e.receiver).chain(&e.args)),
        other => Box::new(std::iter::once(other)),
    }
}

fn assigns(expr: &Expr) -> bool {
    struct Look(bool);
    impl<'ast> Visit<'ast> for Look {
        fn visit_expr_assign(&mut self, _: &'ast syn::ExprAssign) {
            self.0 = true;
        }
        fn visit_expr_binary(&mut self, e: &'ast syn::ExprBinary) {
            self.0 |= uses::is_compound(&e.op);
            visit::visit_expr_binary(self, e);
        }
    }
    let mut look = Look(false);
    look.visit_expr(expr);
    look.0
}

fn uses_var(expr: &Expr, vars: &Vars) -> Option<usize> {
    match expr {
        Expr::Path(p) if p.qself.is_none() => vars.get(p.path.get_ident()?),
        Expr::Paren(e) => uses_var(&e.expr, vars),
        _ => None,
    }
}
