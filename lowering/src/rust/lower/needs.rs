//! What must be lowered: an expression that awaits, or that leaves a construct which does.

use super::super::macros;
use super::Builder;
use super::construct::contains_let;
use proc_macro2::TokenStream;
use syn::visit::{self, Visit};
use syn::{Expr, Ident};

impl Builder<'_> {
    /// Whether only the condition or scrutinee needs lowering.
    pub(super) fn only_head(&self, expr: &Expr) -> bool {
        match expr {
            Expr::If(e) => {
                let then = Expr::Block(syn::ExprBlock {
                    attrs: vec![],
                    label: None,
                    block: e.then_branch.clone(),
                });
                let chain = contains_let(&e.cond) && !matches!(&*e.cond, Expr::Let(_));
                let other = e.else_branch.as_ref().is_some_and(|(_, e)| self.needs(e));
                !chain && !self.needs(&then) && !other
            }
            Expr::Match(e) => !e.arms.iter().any(|a| {
                self.needs(&a.body) || a.guard.as_ref().is_some_and(|(_, g)| self.needs(g))
            }),
            _ => false,
        }
    }

    /// Whether an expression is a construct that holds an await, so that it can put its value
    /// where it goes.
    pub(super) fn is_construct(&self, expr: &Expr) -> bool {
        let construct =
            matches!(expr, Expr::If(_) | Expr::Match(_) | Expr::Block(_) | Expr::Loop(_));
        construct && self.needs(expr) && !self.only_head(expr)
    }

    /// Whether an expression awaits, or leaves a construct that is being lowered.
    pub(super) fn needs(&self, expr: &Expr) -> bool {
        let mut look = Needs { builder: self, found: false, loops: 0, labels: vec![] };
        look.visit_expr(expr);
        look.found
    }
}

struct Needs<'a, 'b> {
    builder: &'a Builder<'b>,
    found: bool,
    loops: u32,
    labels: Vec<Ident>,
}

impl Needs<'_, '_> {
    fn leaves(&mut self, label: Option<&syn::Lifetime>) {
        let targets = &self.builder.targets;
        self.found |= match label {
            Some(l) => {
                !self.labels.contains(&l.ident)
                    && targets.iter().any(|t| t.label.as_ref() == Some(&l.ident))
            }
            None => self.loops == 0 && targets.iter().any(|t| t.is_loop),
        };
    }
}

impl<'ast> Visit<'ast> for Needs<'_, '_> {
    fn visit_expr(&mut self, expr: &'ast Expr) {
        let (is_loop, label) = match expr {
            Expr::Async(_) | Expr::Closure(_) => return,
            Expr::Await(_) => {
                self.found = true;
                return;
            }
            Expr::Break(e) => {
                self.leaves(e.label.as_ref());
                (false, None)
            }
            Expr::Continue(e) => {
                self.leaves(e.label.as_ref());
                (false, None)
            }
            Expr::Loop(e) => (true, e.label.as_ref()),
            Expr::While(e) => (true, e.label.as_ref()),
            Expr::ForLoop(e) => (true, e.label.as_ref()),
            Expr::Block(e) => (false, e.label.as_ref()),
            _ => (false, None),
        };
        self.loops += u32::from(is_loop);
        self.labels.extend(label.map(|l| l.name.ident.clone()));
        visit::visit_expr(self, expr);
        if label.is_some() {
            self.labels.pop();
        }
        self.loops -= u32::from(is_loop);
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        self.found |= macros::awaits(mac) || has_await(&mac.tokens);
    }

    fn visit_item(&mut self, _: &'ast syn::Item) {}
}

fn has_await(tokens: &TokenStream) -> bool {
    tokens.clone().into_iter().any(|tree| match tree {
        proc_macro2::TokenTree::Ident(ident) => ident == "await",
        proc_macro2::TokenTree::Group(group) => has_await(&group.stream()),
        _ => false,
    })
}
