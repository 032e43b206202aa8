//! Names: every local of a body gets a name of its own.
//!
//! In: the statements of an async function. Out: the same, with locals that would share a name
//! renamed (`i`, `i_2`) and `self` named `this`, and a [`Var`] for each. Afterwards a name says
//! which local it is, wherever it stands.
//!
//! A pattern that is one word is a local if it begins with a small letter, a constant otherwise.
//! Locals of closures and nested blocks are renamed alike. Hygiene of other macros is not seen: two
//! words are the same if they are spelled alike.

use super::macros::{self, Shape};
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use std::collections::{BTreeMap, BTreeSet};
use syn::visit::Visit;
use syn::visit_mut::{self, VisitMut};
use syn::{Arm, Block, Expr, FieldPat, FieldValue, Item, Local, Macro, Member, Pat, Stmt, Type};

/// A local.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "facts of which each can hold without the others")]
pub(super) struct Var {
    pub(super) ident: Ident,
    /// Of a type without drop and without borrows, as the source spells it.
    pub(super) scalar: bool,
    /// The iterator of a `for`: scalar where it runs over numbers, but no copy is made of it.
    pub(super) iterator: bool,
    /// Of a type without borrows, as the source spells it: nothing that is lent can hide in it.
    pub(super) owned: bool,
    /// An array, or a tuple with one: a method of it may lend.
    pub(super) array: bool,
    /// With an array in it: a method of a part may lend.
    pub(super) nested: bool,
    /// What its type is known to be.
    pub(super) reference: Option<Reference>,
    pub(super) calls: Calls,
    /// The type that a `let` spells for it.
    pub(super) ty: Option<TokenStream>,
    /// Of a type without drop, as the source spells it: `Option<u64>`.
    pub(super) no_drop: bool,
    /// It is `self`.
    pub(super) receiver: bool,
    pub(super) mutable: bool,
    /// Made by the lowering for a value between two awaits of one statement.
    pub(super) temporary: bool,
    pub(super) span: Span,
}

/// What a call of a local does to it, as its type is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Calls {
    /// Nobody says: it may be moved, and what the call gives may borrow from it.
    Unknown,
    /// `FnOnce`: it is moved.
    Once,
    /// `Fn`, `FnMut`: it is lent to the call alone.
    Often,
}

/// A spelled reference type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    Shared,
    Mutable,
}

impl Var {
    /// Whether it is of a type that is copied, as the source spells it.
    pub(super) fn is_copied(&self) -> bool {
        (self.scalar && !self.iterator) || self.reference == Some(Reference::Shared)
    }
}

/// All locals, by their own names.
#[derive(Debug, Default)]
pub(super) struct Vars {
    pub(super) list: Vec<Var>,
    by_name: BTreeMap<String, usize>,
    taken: BTreeSet<String>,
    /// Words that name something else than a local somewhere.
    free: BTreeSet<String>,
}

impl Var {
    /// The word that the source has for it.
    pub(super) fn word(&self) -> String {
        if self.receiver { "self".to_owned() } else { self.ident.to_string() }
    }
}

impl Vars {
    /// The local of that name.
    pub(super) fn get(&self, name: &Ident) -> Option<usize> {
        self.by_name.get(&name.to_string()).copied()
    }

    /// A new local; its name may be altered.
    pub(super) fn add(&mut self, ident: &Ident, mutable: bool) -> usize {
        let wanted = match ident.to_string() {
            name if name == "self" => "this".to_owned(),
            name => name,
        };
        let mut name = wanted.clone();
        let mut n = 1;
        // `future` is a field of the states.
        while name == "future"
            || self.by_name.contains_key(&name)
            || self.free.contains(&name)
            || (n > 1 && self.taken.contains(&name))
        {
            n += 1;
            name = format!("{}_{n}", wanted.trim_start_matches("r#"));
        }
        let span = ident.span();
        let ident = if *ident == name { ident.clone() } else { Ident::new(&name, span) };
        let var = Var {
            ident,
            scalar: false,
            iterator: false,
            owned: false,
            array: false,
            nested: false,
            reference: None,
            calls: Calls::Unknown,
            ty: None,
            no_drop: false,
            receiver: wanted == "this",
            mutable,
            temporary: false,
            span,
        };
        self.list.push(var);
        self.by_name.insert(name, self.list.len() - 1);
        self.list.len() - 1
    }

    /// Says what type the source spells for a local.
    pub(super) fn spell(&mut self, v: usize, ty: &Type) {
        self.spell_value(v, ty);
        self.list[v].reference = reference(ty);
    }

    /// [`Vars::spell`], but for references.
    fn spell_value(&mut self, v: usize, ty: &Type) {
        let var = &mut self.list[v];
        var.scalar = is_scalar_type(ty);
        var.owned = is_owned_type(ty);
        var.array = is_array_type(ty);
        var.nested = has_array(ty);
        var.no_drop = has_no_drop(ty);
        self.spell_bounds(v, &ty.to_token_stream());
    }

    /// Says what traits the source spells for a local: `impl FnOnce(u64)`, `Box<dyn Fn()>`.
    pub(super) fn spell_bounds(&mut self, v: usize, bounds: &TokenStream) {
        if let Some(calls) = calls(bounds) {
            self.list[v].calls = calls;
        }
    }

    /// A local of the lowering's own.
    pub(super) fn temporary(&mut self, what: &str) -> usize {
        let v = self.add(&Ident::new(what, Span::mixed_site()), false);
        self.list[v].temporary = true;
        v
    }
}

/// Renames the locals of a body. Parameters are declared first, with what their types say.
pub(super) fn resolve(
    body: &mut Block,
    params: &mut [(Pat, Type)],
    receiver: Option<&Ident>,
) -> Vars {
    let mut words = Words(BTreeSet::new());
    words.visit_block(body);
    let taken = words.0;
    // The first round finds the words that a local must not take (`let get = get().await`); mostly there
    // are none.
    let (mut first, mut first_params) = (body.clone(), params.to_vec());
    let vars = Vars { taken: taken.clone(), ..Vars::default() };
    let vars = resolve_with(vars, &mut first, &mut first_params, receiver);
    if !vars.free.iter().any(|word| vars.by_name.contains_key(word)) {
        *body = first;
        params.clone_from_slice(&first_params);
        return vars;
    }
    let vars = Vars { taken, free: vars.free, ..Vars::default() };
    resolve_with(vars, body, params, receiver)
}

fn resolve_with(
    vars: Vars,
    body: &mut Block,
    params: &mut [(Pat, Type)],
    receiver: Option<&Ident>,
) -> Vars {
    let mut r = Resolver { vars, scopes: vec![BTreeMap::new()] };
    if let Some(receiver) = receiver {
        r.bind(receiver, false);
    }
    for (pat, ty) in params {
        r.declare(pat);
        if let Some(v) = single(pat).and_then(|i| r.vars.get(i)) {
            r.vars.spell(v, ty);
        }
    }
    r.visit_block_mut(body);
    r.vars
}

/// All words of a body.
struct Words(BTreeSet<String>);

impl Words {
    fn tokens(&mut self, tokens: &TokenStream) {
        for tree in tokens.clone() {
            match tree {
                TokenTree::Ident(ident) => drop(self.0.insert(ident.to_string())),
                TokenTree::Group(group) => self.tokens(&group.stream()),
                _ => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Words {
    fn visit_ident(&mut self, ident: &'ast Ident) {
        self.0.insert(ident.to_string());
    }
    fn visit_token_stream(&mut self, tokens: &'ast TokenStream) {
        self.tokens(tokens);
    }
}

struct Resolver {
    vars: Vars,
    scopes: Vec<BTreeMap<String, usize>>,
}

impl Resolver {
    fn bind(&mut self, ident: &Ident, mutable: bool) -> Ident {
        let v = self.vars.add(ident, mutable);
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(ident.to_string(), v);
        }
        self.vars.list[v].ident.clone()
    }

    fn lookup(&self, name: &str) -> Option<usize> {
        self.scopes.iter().rev().find_map(|scope| scope.get(name).copied())
    }

    fn scoped(&mut self, body: impl FnOnce(&mut Self)) {
        self.scopes.push(BTreeMap::new());
        body(self);
        self.scopes.pop();
    }

    /// Declares what a pattern binds. Alternatives bind the same names.
    fn declare(&mut self, pat: &mut Pat) {
        let mut declare = Declare { resolver: self, seen: BTreeMap::new() };
        declare.visit_pat_mut(pat);
    }
}

/// Whether a pattern of one word binds.
pub(super) fn binds(pat: &syn::PatIdent) -> bool {
    let small = pat
        .ident
        .to_string()
        .trim_start_matches("r#")
        .starts_with(|c: char| c == '_' || c.is_lowercase());
    small || pat.by_ref.is_some() || pat.mutability.is_some() || pat.subpat.is_some()
}

struct Declare<'a> {
    resolver: &'a mut Resolver,
    seen: BTreeMap<String, Ident>,
}

impl VisitMut for Declare<'_> {
    fn visit_pat_ident_mut(&mut self, pat: &mut syn::PatIdent) {
        if binds(pat) {
            let name = pat.ident.to_string();
            let new = match self.seen.get(&name) {
                Some(ident) => ident.clone(),
                None => self.resolver.bind(&pat.ident, pat.mutability.is_some()),
            };
            self.seen.insert(name, new.clone());
            pat.ident = new;
        }
        if let Some((_, sub)) = &mut pat.subpat {
            self.visit_pat_mut(sub);
        }
    }

    fn visit_field_pat_mut(&mut self, field: &mut FieldPat) {
        visit_mut::visit_field_pat_mut(self, field);
        if field.colon_token.is_none()
            && let (Member::Named(name), Pat::Ident(pat)) = (&field.member, &*field.pat)
            && *name != pat.ident
        {
            field.colon_token = Some(syn::token::Colon::default());
        }
    }

    fn visit_expr_mut(&mut self, _: &mut Expr) {}
}

impl VisitMut for Resolver {
    fn visit_block_mut(&mut self, block: &mut Block) {
        self.scoped(|this| visit_mut::visit_block_mut(this, block));
    }

    fn visit_stmt_mut(&mut self, stmt: &mut Stmt) {
        visit_mut::visit_stmt_mut(self, stmt);
    }

    fn visit_local_mut(&mut self, local: &mut Local) {
        if let Some(init) = &mut local.init {
            self.visit_expr_mut(&mut init.expr);
            if let Some((_, diverge)) = &mut init.diverge {
                self.visit_expr_mut(diverge);
            }
        }
        let scalar =
            local.init.as_ref().is_some_and(|init| is_scalar_value(&init.expr, &self.vars));
        self.declare(&mut local.pat);
        let Some(v) = single(&local.pat).and_then(|i| self.vars.get(i)) else { return };
        match &local.pat {
            Pat::Type(p) => {
                self.vars.spell_value(v, &p.ty);
                self.vars.list[v].ty = Some(p.ty.to_token_stream());
            }
            _ => {
                self.vars.list[v].scalar = scalar;
                if scalar && let Some(init) = &local.init {
                    let (array, nested) = arrays_of(&init.expr, &self.vars);
                    self.vars.list[v].array = array;
                    self.vars.list[v].nested = nested;
                }
            }
        }
    }

    fn visit_item_mut(&mut self, _: &mut Item) {}

    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        match expr {
            Expr::Path(path) if path.qself.is_none() => {
                let Some(ident) = path.path.get_ident() else { return };
                let Some(v) = self.lookup(&ident.to_string()) else {
                    self.vars.free.insert(ident.to_string());
                    return;
                };
                let mut new = self.vars.list[v].ident.clone();
                new.set_span(ident.span());
                path.path = new.into();
            }
            Expr::If(e) => {
                self.scoped(|this| {
                    this.visit_expr_mut(&mut e.cond);
                    this.visit_block_mut(&mut e.then_branch);
                });
                if let Some((_, other)) = &mut e.else_branch {
                    self.visit_expr_mut(other);
                }
            }
            Expr::While(e) => self.scoped(|this| {
                this.visit_expr_mut(&mut e.cond);
                this.visit_block_mut(&mut e.body);
            }),
            Expr::Let(e) => {
                self.visit_expr_mut(&mut e.expr);
                self.declare(&mut e.pat);
            }
            Expr::ForLoop(e) => {
                self.visit_expr_mut(&mut e.expr);
                let known = range_is_scalar(&e.expr, &self.vars);
                self.scoped(|this| {
                    this.declare(&mut e.pat);
                    if let Some(v) = single(&e.pat).and_then(|i| this.vars.get(i)) {
                        this.vars.list[v].scalar = known;
                    }
                    this.visit_block_mut(&mut e.body);
                });
            }
            Expr::Closure(e) => self.scoped(|this| {
                e.inputs.iter_mut().for_each(|pat| this.declare(pat));
                this.visit_expr_mut(&mut e.body);
            }),
            _ => visit_mut::visit_expr_mut(self, expr),
        }
    }

    fn visit_arm_mut(&mut self, arm: &mut Arm) {
        self.scoped(|this| {
            this.declare(&mut arm.pat);
            if let Some((_, guard)) = &mut arm.guard {
                this.visit_expr_mut(guard);
            }
            this.visit_expr_mut(&mut arm.body);
        });
    }

    fn visit_field_value_mut(&mut self, field: &mut FieldValue) {
        self.visit_expr_mut(&mut field.expr);
        if field.colon_token.is_none()
            && let (Member::Named(name), Expr::Path(path)) = (&field.member, &field.expr)
            && !path.path.is_ident(name)
        {
            field.colon_token = Some(syn::token::Colon::default());
        }
    }

    fn visit_pat_mut(&mut self, _: &mut Pat) {}
    fn visit_type_mut(&mut self, _: &mut Type) {}

    fn visit_macro_mut(&mut self, mac: &mut Macro) {
        let Some(mut parsed) = macros::parse(mac) else { return };
        match &mut parsed.shape {
            Shape::Exprs(args) => args.iter_mut().for_each(|arg| match arg {
                // `name = value` of a format string.
                Expr::Assign(e) if parsed.format.is_some() => self.visit_expr_mut(&mut e.right),
                arg => self.visit_expr_mut(arg),
            }),
            Shape::Repeat(value, n) => {
                self.visit_expr_mut(value);
                self.visit_expr_mut(n);
            }
            Shape::Matches(value, _) => self.visit_expr_mut(value),
        }
        for name in parsed.captured() {
            if let Some(v) = self.lookup(&name)
                && self.vars.list[v].ident != name
            {
                parsed.name_argument(&name, &self.vars.list[v].ident.clone());
            }
        }
        parsed.write(mac);
    }
}

/// The name, if a pattern is one.
pub(super) fn single(pat: &Pat) -> Option<&Ident> {
    match pat {
        Pat::Ident(p) if p.by_ref.is_none() && p.subpat.is_none() && binds(p) => Some(&p.ident),
        Pat::Type(p) => single(&p.pat),
        _ => None,
    }
}

fn range_is_scalar(expr: &Expr, vars: &Vars) -> bool {
    match expr {
        Expr::Paren(e) => range_is_scalar(&e.expr, vars),
        Expr::Range(e) => {
            let both = [&e.start, &e.end];
            both.iter().all(|side| side.as_ref().is_none_or(|e| is_scalar_value(e, vars)))
        }
        _ => false,
    }
}

/// Whether an expression is of a scalar type for all that its words say.
pub(super) fn is_scalar_value(expr: &Expr, vars: &Vars) -> bool {
    match expr {
        Expr::Lit(_) => true,
        Expr::Paren(e) => is_scalar_value(&e.expr, vars),
        Expr::Unary(e) => !matches!(e.op, syn::UnOp::Deref(_)) && is_scalar_value(&e.expr, vars),
        Expr::Cast(e) => is_scalar_type(&e.ty),
        Expr::Binary(e) => {
            is_comparison(&e.op) || {
                is_scalar_value(&e.left, vars) && is_scalar_value(&e.right, vars)
            }
        }
        Expr::Tuple(e) => e.elems.iter().all(|e| is_scalar_value(e, vars)),
        Expr::Array(e) => !e.elems.is_empty() && e.elems.iter().all(|e| is_scalar_value(e, vars)),
        Expr::Repeat(e) => is_scalar_value(&e.expr, vars),
        Expr::Path(p) => {
            p.path.get_ident().and_then(|i| vars.get(i)).is_some_and(|v| vars.list[v].scalar)
        }
        _ => false,
    }
}

/// Whether a scalar value is an array, or a tuple with one; whether there is an array in it.
fn arrays_of(value: &Expr, vars: &Vars) -> (bool, bool) {
    let any = |list: Vec<&Expr>| list.into_iter().any(|e| arrays_of(e, vars).0);
    match value {
        Expr::Array(e) => (true, any(e.elems.iter().collect())),
        Expr::Repeat(e) => (true, any(vec![&e.expr])),
        Expr::Tuple(e) => {
            let has = any(e.elems.iter().collect());
            (has, has)
        }
        Expr::Paren(e) => arrays_of(&e.expr, vars),
        Expr::Path(p) => {
            let v = p.path.get_ident().and_then(|name| vars.get(name));
            v.map_or((false, false), |v| (vars.list[v].array, vars.list[v].nested))
        }
        _ => (false, false),
    }
}

/// Whether an operator answers a bool and takes its operands by reference.
pub(super) fn is_comparison(op: &syn::BinOp) -> bool {
    use syn::BinOp::{Eq, Ge, Gt, Le, Lt, Ne};
    matches!(op, Eq(_) | Ne(_) | Lt(_) | Le(_) | Gt(_) | Ge(_))
}

/// Whether a type is a number, `bool`, `char`, `&'static str`, or tuples and arrays of them.
pub(super) fn is_scalar_type(ty: &Type) -> bool {
    const NAMES: [&str; 16] = [
        "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize",
        "f32", "f64", "bool", "char",
    ];
    match ty {
        Type::Paren(t) => is_scalar_type(&t.elem),
        Type::Group(t) => is_scalar_type(&t.elem),
        Type::Tuple(t) => t.elems.iter().all(is_scalar_type),
        Type::Array(t) => is_scalar_type(&t.elem),
        Type::Path(p) if p.qself.is_none() => {
            p.path.get_ident().is_some_and(|i| NAMES.iter().any(|n| i == n))
        }
        Type::Reference(r) => {
            let is_static = r.lifetime.as_ref().is_some_and(|l| l.ident == "static");
            let str_ = matches!(&*r.elem, Type::Path(p) if p.path.is_ident("str"));
            is_static && r.mutability.is_none() && str_
        }
        _ => false,
    }
}

/// Whether a type is of scalars, `Option`, `Result` and tuples alone.
fn has_no_drop(ty: &Type) -> bool {
    match ty {
        Type::Paren(t) => has_no_drop(&t.elem),
        Type::Tuple(t) => t.elems.iter().all(has_no_drop),
        Type::Array(t) => has_no_drop(&t.elem),
        Type::Path(p) if p.qself.is_none() && !is_scalar_type(ty) => {
            let Some(last) = p.path.segments.last() else { return false };
            let syn::PathArguments::AngleBracketed(list) = &last.arguments else { return false };
            let is_value = |arg: &syn::GenericArgument| matches!(arg, syn::GenericArgument::Type(ty) if has_no_drop(ty));
            (last.ident == "Option" || last.ident == "Result") && list.args.iter().all(is_value)
        }
        ty => is_scalar_type(ty),
    }
}

/// Whether a type has an array in it.
fn has_array(ty: &Type) -> bool {
    match ty {
        Type::Array(t) => is_array_type(&t.elem),
        Type::Paren(t) => has_array(&t.elem),
        Type::Tuple(t) => t.elems.iter().any(is_array_type),
        _ => false,
    }
}

fn is_array_type(ty: &Type) -> bool {
    match ty {
        Type::Array(_) => true,
        Type::Paren(t) => is_array_type(&t.elem),
        Type::Tuple(t) => t.elems.iter().any(is_array_type),
        _ => false,
    }
}

/// Whether a type is made of scalars and of types of the standard library that borrow from nothing.
pub(super) fn is_owned_type(ty: &Type) -> bool {
    const NAMES: [&str; 20] = [
        "String",
        "Vec",
        "VecDeque",
        "Box",
        "Rc",
        "Arc",
        "Option",
        "Result",
        "HashMap",
        "HashSet",
        "BTreeMap",
        "BTreeSet",
        "BinaryHeap",
        "PathBuf",
        "OsString",
        "Duration",
        "Instant",
        "Cell",
        "RefCell",
        "str",
    ];
    match ty {
        Type::Paren(t) => is_owned_type(&t.elem),
        Type::Group(t) => is_owned_type(&t.elem),
        Type::Tuple(t) => t.elems.iter().all(is_owned_type),
        Type::Array(t) => is_owned_type(&t.elem),
        Type::Slice(t) => is_owned_type(&t.elem),
        Type::Path(p) if p.qself.is_none() && !is_scalar_type(ty) => {
            let Some(last) = p.path.segments.last() else { return false };
            let known = NAMES.iter().any(|n| last.ident == n);
            known
                && match &last.arguments {
                    syn::PathArguments::None => true,
                    syn::PathArguments::AngleBracketed(list) => list.args.iter().all(
                        |arg| matches!(arg, syn::GenericArgument::Type(ty) if is_owned_type(ty)),
                    ),
                    syn::PathArguments::Parenthesized(_) => false,
                }
        }
        ty => is_scalar_type(ty),
    }
}

/// What the first closure trait among the words of a type says.
fn calls(words: &TokenStream) -> Option<Calls> {
    words.clone().into_iter().find_map(|tree| match tree {
        TokenTree::Ident(word) if word == "FnOnce" || word == "AsyncFnOnce" => Some(Calls::Once),
        TokenTree::Ident(word) if word == "Fn" || word == "FnMut" || word == "fn" => {
            Some(Calls::Often)
        }
        TokenTree::Group(group) => calls(&group.stream()),
        _ => None,
    })
}

/// The spelled reference, if a type is one.
pub(super) fn reference(ty: &Type) -> Option<Reference> {
    match ty {
        Type::Paren(t) => reference(&t.elem),
        Type::Group(t) => reference(&t.elem),
        Type::Reference(r) if r.mutability.is_some() => Some(Reference::Mutable),
        Type::Reference(_) => Some(Reference::Shared),
        _ => None,
    }
}
