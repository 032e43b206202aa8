//! Rust async functions as explicit machines of Rust tokens.
//!
//! ```text
//!  syn ─► combine ─► names ─► lower ─► cfg ─► states ─► emit ─► tokens
//!                              └ uses ┘       │  └ stay: loops whose state is used in place
//!                                             └ places: the liveness that the IR has
//! ```
//!
//! In: signature and body of an `async fn`. Out: the body of a function that returns the machine,
//! an enum with a variant per state and the closure that steps it; or [`Refusal`]s, with the ways
//! out. The result equals rustc's own machine in effects, drops and their order.
//!
//! A macro sees no types, so there are two readings:
//!
//! * **cautious**: the machine is made only where the words prove that it is equivalent. Awaited
//!   operands take locals, literals and calls by value, or lend what they give back at the end of the
//!   await (`lower/islands.rs`); a local that a state keeps is not lent to
//!   anything that could outlive its statement, not captured, not taken apart; a type that is
//!   spelled of scalars and owners of the standard library holds no borrow; macros are known ones; no
//!   temporary would live across an await (`lower/temporaries.rs`).
//! * **confident**: the machine is made, and rustc's borrow checker judges it at the user's spans;
//!   what the syntax shows to be a borrow across an await is refused here.
//!
//! Not seen by the cautious reading (a valid function that the machine cannot be): a function that
//! awaits itself through others (E0720), a method `fn(&'a mut self)` of a type that borrows from
//! itself for `'a`, and locals of a macro by example that share their spelling.
//!
//! Cost: linear in the body times its depth of nesting, but for the liveness.

mod cfg;
mod combine;
mod emit;
pub mod jit;
mod lower;
mod macros;
mod names;
mod refusal;
mod rewrite;
mod states;
mod stay;
pub mod text;
mod uses;

extern crate proc_macro;

pub use refusal::Refusal;

use crate::coroutine::places;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Block, Expr, FnArg, Pat, ReturnType, Signature, Stmt, Token, Type};

/// An explicit machine.
#[derive(Clone, Debug)]
pub struct Explicit {
    /// The signature, `async` and patterns taken out of it.
    pub signature: TokenStream,
    /// What stands in its body.
    pub body: TokenStream,
}

/// Makes the explicit machine of an async function. `krate` is the path of the façade.
///
/// # Errors
///
/// What stands in the way, all of it. A cautious reading (`confident` is false) finds more.
///
/// # Examples
///
/// ```
/// let item: syn::ItemFn = syn::parse_quote! {
///     async fn twice(n: u64) -> u64 { wait(n).await; n * 2 }
/// };
/// let krate = quote::quote!(::vitte);
/// let machine = vitte_lowering::rust::explicit(&krate, &item.sig, &item.block, false).unwrap();
/// assert!(machine.body.to_string().contains("Await0"));
/// ```
pub fn explicit(
    krate: &TokenStream,
    sig: &Signature,
    block: &Block,
    confident: bool,
) -> Result<Explicit, Vec<Refusal>> {
    let output = output(krate, sig);
    check_shape(sig, &output, block, confident)?;
    let mut block = block.clone();
    // Visible in all of the block, wherever they stand.
    let items: Vec<Stmt> = block.stmts.extract_if(.., |stmt| is_visible_before(stmt)).collect();
    if confident {
        combine::rewrite(&mut block, krate);
    }
    let mut pats: Vec<(Pat, Type)> = vec![];
    let mut receiver = None;
    for input in &sig.inputs {
        match input {
            FnArg::Receiver(r) => receiver = Some(r),
            FnArg::Typed(arg) => pats.push(((*arg.pat).clone(), (*arg.ty).clone())),
        }
    }
    let this = receiver.map(|r| Ident::new("self", r.self_token.span));
    let mut vars = names::resolve(&mut block, &mut pats, this.as_ref());
    let mut outer = sig.clone();
    outer.asyncness = None;
    outer.output = coroutine(krate, &output);
    let (mut params, mut arguments, mut lets) = (vec![], vec![], vec![]);
    let mut pats = pats.into_iter();
    for (i, input) in outer.inputs.iter_mut().enumerate() {
        let (v, argument, ty) = match input {
            FnArg::Receiver(r) => {
                let token = &r.self_token;
                vars.list[0].mutable = r.mutability.is_some() && r.reference.is_none();
                if r.reference.is_none() {
                    r.mutability = None;
                }
                (0, quote!(#token), (*r.ty).clone())
            }
            FnArg::Typed(arg) => {
                let Some((pat, ty)) = pats.next() else { continue };
                match (names::single(&pat).and_then(|n| vars.get(n)), &mut *arg.pat) {
                    (Some(v), Pat::Ident(written)) => {
                        written.mutability = None;
                        let name = written.ident.clone();
                        (v, quote!(#name), ty)
                    }
                    (_, written) => {
                        let name = format_ident!("arg{}", i, span = Span::mixed_site());
                        let v = vars.add(&name, false);
                        if !matches!(pat, Pat::Wild(_)) {
                            lets.push((pat, v));
                        }
                        *written = syn::parse_quote!(#name);
                        (v, quote!(#name), ty)
                    }
                }
            }
        };
        vars.spell(v, &ty);
        vars.spell_bounds(v, &bounds(sig, &ty));
        params.push(v);
        arguments.push(argument);
    }
    if let (Some((pat, _)), false) = (lets.first(), confident) {
        return Err(vec![Refusal::signature(pat.span(), "a pattern")]);
    }
    let around = lower::Around { name: &sig.ident, output: &output, confident };
    let cfg = lower::lower(vars, params, lets, &block.stmts, &around)?;
    if cfg.awaits.is_empty() {
        return Err(vec![Refusal::no_await(sig.ident.span())]);
    }
    let plan = states::plan(&cfg, confident)?;
    let name = sig.ident.to_string();
    let frame = emit::Frame { krate, name: &name, output: &output, arguments: &arguments };
    let machine = emit::emit(&cfg, &plan, &frame);
    Ok(Explicit { signature: quote!(#outer), body: quote!(#(#items)* #machine) })
}

/// Whether a statement is an item that may be named before it: all but macros by example.
fn is_visible_before(stmt: &Stmt) -> bool {
    matches!(stmt, Stmt::Item(item) if !matches!(item, syn::Item::Macro(_) | syn::Item::Verbatim(_)))
}

/// The bounds of a type that is a generic parameter of the function.
fn bounds(sig: &Signature, ty: &Type) -> TokenStream {
    let Type::Path(path) = ty else { return quote!() };
    let of_params =
        sig.generics.type_params().filter(|p| path.path.is_ident(&p.ident)).map(|p| &p.bounds);
    let name = ty.to_token_stream().to_string();
    let clauses = sig.generics.where_clause.iter().flat_map(|c| &c.predicates);
    let of_clauses = clauses.filter_map(|clause| match clause {
        syn::WherePredicate::Type(p) if p.bounded_ty.to_token_stream().to_string() == name => {
            Some(&p.bounds)
        }
        _ => None,
    });
    let all = of_params.chain(of_clauses);
    quote!(#(#all)*)
}

/// The type that a function returns, as it may stand between `<` and `>`.
///
/// Stable Rust takes `!` as the result of a function only; there it is, projected out of one.
pub fn output(krate: &TokenStream, sig: &Signature) -> Type {
    match &sig.output {
        ReturnType::Default => syn::parse_quote!(()),
        ReturnType::Type(_, ty) if matches!(**ty, Type::Never(_)) => {
            let span = ty.span();
            syn::parse_quote_spanned!(span=> <fn() -> ! as #krate::__private::Returns>::Output)
        }
        ReturnType::Type(_, ty) => (**ty).clone(),
    }
}

/// The result of a function that returns a machine. (Not parsed: rustc does.)
pub fn coroutine(krate: &TokenStream, output: &Type) -> ReturnType {
    let ty = Type::Verbatim(quote!(impl #krate::Coroutine<Output = #output>));
    ReturnType::Type(Token![->](Span::call_site()), Box::new(ty))
}

/// The name by which an expansion calls what it uses of the façade: one word to resolve in place of a
/// path each time.
fn private(span: Span) -> Ident {
    Ident::new("__vitte", span)
}

/// What describes the awaits of `task`, given as the words of each and its place: a call of the façade's
/// `sites`. `private` names the hidden part of the façade.
pub fn sites<'a>(
    private: &TokenStream,
    task: &str,
    awaits: impl Iterator<Item = (&'a str, Span)>,
) -> TokenStream {
    let call = tokens(&sites_text(task, awaits));
    quote!(#private::#call)
}

fn sites_text<'a>(task: &str, awaits: impl Iterator<Item = (&'a str, Span)>) -> String {
    let (mut text, mut n) = (String::new(), 0);
    for (awaitee, span) in awaits {
        let (file, at) = (span.file(), span.start());
        let (file, awaitee) = (file.replace('\t', " "), awaitee.replace('\t', " "));
        text += &format!("await{n}\t{file}\t{}\t{}\t{awaitee}\t", at.line, at.column + 1);
        n += 1;
    }
    format!("sites::<{n}>({task:?}, {text:?})")
}

/// Reads text that is Rust by its making, its spans the call's.
///
/// Inside rustc by rustc: `proc_macro2` would read it twice, first by itself.
fn tokens(text: &str) -> TokenStream {
    const RUST: &str = "the text of an expansion is Rust";
    if proc_macro::is_available() {
        text.parse::<proc_macro::TokenStream>().expect(RUST).into()
    } else {
        text.parse().expect(RUST)
    }
}

/// What the syntax shows before anything is lowered.
fn check_shape(
    sig: &Signature,
    output: &Type,
    block: &Block,
    confident: bool,
) -> Result<(), Vec<Refusal>> {
    let mut look = Look { sig, confident, refusals: vec![], in_return: false };
    look.in_return = true;
    look.visit_type(output);
    look.in_return = false;
    look.visit_block(block);
    look.refusals.extend(conditional(sig, block).into_iter().map(Refusal::conditional));
    if look.refusals.is_empty() { Ok(()) } else { Err(look.refusals) }
}

/// Where a `#[cfg]` leaves open whether a part of the function is there: an attribute macro sees the
/// function before rustc decides. What closures, `async` blocks and items hold stays as written; a
/// constant is looked at, because the body of a JIT task may declare some.
fn conditional(sig: &Signature, block: &Block) -> Vec<Span> {
    struct Conditions(Vec<Span>);
    impl<'ast> Visit<'ast> for Conditions {
        fn visit_attribute(&mut self, attr: &'ast syn::Attribute) {
            if attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr") {
                self.0.push(attr.span());
            }
        }
        fn visit_expr(&mut self, expr: &'ast Expr) {
            if !matches!(expr, Expr::Async(_) | Expr::Closure(_)) {
                visit::visit_expr(self, expr);
            }
        }
        fn visit_item(&mut self, item: &'ast syn::Item) {
            if let syn::Item::Const(item) = item {
                item.attrs.iter().for_each(|attr| self.visit_attribute(attr));
            }
        }
    }
    let mut conditions = Conditions(vec![]);
    conditions.visit_signature(sig);
    conditions.visit_block(block);
    conditions.0
}

struct Look<'a> {
    sig: &'a Signature,
    confident: bool,
    refusals: Vec<Refusal>,
    in_return: bool,
}

impl Look<'_> {
    fn calls_itself(&self, operand: &Expr) -> bool {
        let Expr::Call(call) = operand else { return false };
        let Expr::Path(path) = &*call.func else { return false };
        let segments = &path.path.segments;
        let here = match segments.len() {
            1 => true,
            2 => segments[0].ident == "Self" || segments[0].ident == "self",
            _ => false,
        };
        here && segments.last().is_some_and(|s| s.ident == self.sig.ident)
    }
}

impl<'ast> Visit<'ast> for Look<'_> {
    fn visit_type_impl_trait(&mut self, t: &'ast syn::TypeImplTrait) {
        if self.in_return {
            self.refusals.push(Refusal::signature(t.span(), "`impl Trait` in the result"));
        }
    }

    fn visit_expr(&mut self, expr: &'ast Expr) {
        match expr {
            Expr::Async(_) | Expr::Closure(_) => return,
            Expr::Await(e) if self.calls_itself(&e.base) => {
                self.refusals.push(Refusal::recursion(e.base.span()));
            }
            // A plain task may call itself through a method or a path with type arguments.
            Expr::MethodCall(e) if !self.confident && e.method == self.sig.ident => {
                self.refusals.push(Refusal::recursion(e.method.span()));
            }
            Expr::Path(p)
                if !self.confident
                    && p.path.segments.last().is_some_and(|s| s.ident == self.sig.ident) =>
            {
                self.refusals.push(Refusal::recursion(p.span()));
            }
            _ => {}
        }
        visit::visit_expr(self, expr);
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        if !self.confident && !macros::is_known(mac) {
            self.refusals.push(Refusal::macro_unknown(mac.path.span()));
        }
    }

    fn visit_item(&mut self, _: &'ast syn::Item) {}
}

fn is_name(expr: &Expr) -> bool {
    matches!(expr, Expr::Lit(_) | Expr::Path(_) | Expr::Cast(_))
}

/// Whether an operand is made of calls of paths, locals, literals and arithmetic: nothing is lent,
/// and no temporary is left when it was evaluated.
fn is_by_value(expr: &Expr) -> bool {
    match expr {
        Expr::Lit(_) | Expr::Path(_) => true,
        Expr::Paren(e) => is_by_value(&e.expr),
        Expr::Group(e) => is_by_value(&e.expr),
        Expr::Call(e) => matches!(&*e.func, Expr::Path(_)) && e.args.iter().all(is_by_value),
        Expr::Cast(e) => is_by_value(&e.expr),
        Expr::Tuple(e) => e.elems.iter().all(is_by_value),
        Expr::Await(e) => is_by_value(&e.base),
        Expr::Try(e) => is_by_value(&e.expr),
        Expr::Unary(e) => !matches!(e.op, syn::UnOp::Deref(_)) && is_by_value(&e.expr),
        // A comparison looks at its operands, so they are alive until the await is over.
        Expr::Binary(e) if names::is_comparison(&e.op) => is_name(&e.left) && is_name(&e.right),
        Expr::Binary(e) => {
            !uses::is_compound(&e.op) && is_by_value(&e.left) && is_by_value(&e.right)
        }
        _ => false,
    }
}
