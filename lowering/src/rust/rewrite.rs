//! `return` and `?` in code that runs inside a step: the step answers a `Poll`.

use super::macros::{self, Shape};
use super::private;
use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, Item, Macro, Stmt};

/// An expression as it stands in the step.
pub(super) fn expr(expr: &Expr) -> TokenStream {
    let mut expr = expr.clone();
    Rewrite.visit_expr_mut(&mut expr);
    expr.into_token_stream()
}

/// A statement as it stands in the step.
pub(super) fn stmt(stmt: &Stmt) -> TokenStream {
    let mut stmt = stmt.clone();
    Rewrite.visit_stmt_mut(&mut stmt);
    stmt.into_token_stream()
}

struct Rewrite;

impl VisitMut for Rewrite {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        if matches!(expr, Expr::Async(_) | Expr::Closure(_)) {
            return; // theirs are not the function's
        }
        visit_mut::visit_expr_mut(self, expr);
        match expr {
            Expr::Return(e) => {
                let span = e.span();
                let value = e
                    .expr
                    .as_ref()
                    .map_or_else(|| quote_spanned!(span=> ()), ToTokens::to_token_stream);
                let private = private(span);
                *expr = Expr::Verbatim(quote_spanned!(span=> return #private::Ready(#value)));
            }
            Expr::Try(e) => {
                let (span, value) = (e.question_token.span, &e.expr);
                let private = private(span);
                // In parentheses: at the start of a statement a `match` would be the whole of it.
                *expr = Expr::Verbatim(quote_spanned! {span=>
                    (match #private::branch(#value) {
                        #private::Continue(value) => value,
                        #private::Break(residual) => {
                            return #private::Ready(#private::from_residual(residual))
                        }
                    })
                });
            }
            _ => {}
        }
    }

    fn visit_item_mut(&mut self, _: &mut Item) {}

    fn visit_macro_mut(&mut self, mac: &mut Macro) {
        let Some(mut parsed) = macros::parse(mac) else { return };
        let before = mac.tokens.to_string();
        // `assert!` shows the words of its first argument.
        let skip = usize::from(parsed.shows_words);
        match &mut parsed.shape {
            Shape::Exprs(args) => args.iter_mut().skip(skip).for_each(|e| self.visit_expr_mut(e)),
            Shape::Repeat(value, n) => {
                self.visit_expr_mut(value);
                self.visit_expr_mut(n);
            }
            Shape::Matches(value, _) => self.visit_expr_mut(value),
        }
        let mut new = mac.clone();
        parsed.write(&mut new);
        if new.tokens.to_string() != before {
            *mac = new;
        }
    }
}
