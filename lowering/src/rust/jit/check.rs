//! Rust syntax to the typed tree.
//!
//! Whatever is outside of the subset is refused here, with its span. What rustc refuses anyway (a type
//! that does not fit, a name that does not exist) is refused as well: the original is not compiled.
//!
//! What is refused is noted, and stands for a value that fits everywhere ([`Ty::Refused`]): all that is
//! wrong is told in one run, each once.

use super::constants::{Own, is_constant};
use super::tree::{Cmp, Expr, Kind, Local, LocalData, Op, Stmt};
use super::types::{Int, Kind as VarKind, Prim, Ty, Vars};
use super::{Refusal, Site};
use crate::rust::text;
use proc_macro2::Span;
use quote::ToTokens;
use std::collections::BTreeMap;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Expr as E, Lit, Pat as P, Stmt as S, UnOp};

pub(super) type Found<T> = Result<T, Refusal>;

/// Most scalars of one value.
pub(super) const MAX_LEAVES: usize = 64;

pub(super) struct Check {
    pub(super) vars: Vars,
    pub(super) locals: Vec<LocalData>,
    pub(super) sites: Vec<Site>,
    /// Paths of constants, and the locals that hold their values.
    pub(super) consts: Vec<(syn::ExprPath, Local)>,
    /// All that was refused so far.
    pub(super) refused: Vec<Refusal>,
    pub(super) scopes: Vec<BTreeMap<String, Local>>,
    pub(super) loops: Vec<Loop>,
    /// Loops and labelled blocks around here.
    pub(super) around: Vec<usize>,
    /// Constants that the blocks around here declare.
    pub(super) own: Vec<BTreeMap<String, Own>>,
    /// Type of the function's result.
    pub(super) result: Ty,
    /// Names of the function's type parameters, which were refused.
    pub(super) generics: Vec<syn::Ident>,
}

/// A loop, or a block with a label.
pub(super) struct Loop {
    pub(super) label: Option<String>,
    /// Type of its value, if it has one.
    pub(super) value: Option<Ty>,
    pub(super) is_block: bool,
}

impl Check {
    pub(super) fn new() -> Self {
        Check {
            vars: Vars::default(),
            locals: vec![],
            sites: vec![],
            consts: vec![],
            refused: vec![],
            scopes: vec![BTreeMap::new()],
            loops: vec![],
            around: vec![],
            own: vec![],
            result: Ty::UNIT,
            generics: vec![],
        }
    }

    /// A type of the subset.
    pub(super) fn ty(&mut self, of: &syn::Type) -> Found<Ty> {
        let found = match of {
            syn::Type::Path(p) if self.generics.iter().any(|name| p.path.is_ident(name)) => {
                Some(Ty::Refused)
            }
            syn::Type::Path(p) if p.qself.is_none() => {
                p.path.get_ident().and_then(|name| Prim::named(&name.to_string())).map(Ty::Prim)
            }
            syn::Type::Tuple(t) => {
                Some(Ty::Tuple(t.elems.iter().map(|t| self.ty(t)).collect::<Found<_>>()?))
            }
            syn::Type::Array(a) => {
                let elem = self.ty(&a.elem)?;
                Some(match self.length(&a.len)? {
                    Some(n) => Ty::Array(Box::new(elem), n),
                    None => Ty::Refused,
                })
            }
            syn::Type::Paren(p) => return self.ty(&p.elem),
            syn::Type::Group(g) => return self.ty(&g.elem),
            syn::Type::Never(_) => Some(Ty::Never),
            _ => None,
        };
        let Some(found) = found else {
            let what = match of {
                syn::Type::Reference(_) => "a borrow",
                _ => "this type",
            };
            // A type compares nothing: its angles are brackets.
            let of_what = text::source(of.to_token_stream()).replace(" < ", "<").replace(" >", ">");
            let text = format!("{what} cannot be in a JIT task: `{of_what}`");
            return Err(Refusal::new(of.span(), text).help(
                "use integers of up to 64 bits, floats, `bool`, `char`, and tuples and arrays of them",
            ));
        };
        if found.n_leaves() > MAX_LEAVES {
            let text = format!("a value of a JIT task has at most {MAX_LEAVES} scalars");
            return Err(Refusal::new(of.span(), text));
        }
        Ok(found)
    }

    pub(super) fn n_loops(&self) -> usize {
        self.loops.len()
    }

    /// Declares a parameter or local.
    pub(super) fn declare(&mut self, name: &syn::Ident, ty: Ty) -> Local {
        let local = Local(self.locals.len());
        self.locals.push(LocalData { name: name.to_string(), ty, span: name.span() });
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name.to_string(), local);
        }
        local
    }

    pub(super) fn scoped<T>(&mut self, body: impl FnOnce(&mut Self) -> Found<T>) -> Found<T> {
        self.scopes.push(BTreeMap::new());
        let out = body(self);
        self.scopes.pop();
        out
    }

    pub(super) fn same(&mut self, a: &Ty, b: &Ty, span: Span) -> Found<()> {
        if self.vars.unify(a, b) {
            return Ok(());
        }
        let (a, b) = (self.vars.shallow(a).name(), self.vars.shallow(b).name());
        Err(Refusal::new(span, format!("mismatched types: expected `{a}`, found `{b}`")))
    }

    // ---- blocks and statements ----

    pub(super) fn block(&mut self, block: &syn::Block, span: Span) -> Expr {
        self.scopes.push(BTreeMap::new());
        self.own.push(BTreeMap::new());
        self.own_constants(&block.stmts);
        let block = self.stmts(&block.stmts, span);
        self.own.pop();
        self.scopes.pop();
        block
    }

    fn stmts(&mut self, list: &[S], span: Span) -> Expr {
        let mut out = vec![];
        let mut value = None;
        let mut diverges = false;
        for (i, stmt) in list.iter().enumerate() {
            let last = i + 1 == list.len();
            match stmt {
                S::Local(local) => match self.local(local) {
                    Ok(stmt) => out.push(stmt),
                    Err(refusal) => {
                        self.refused.push(refusal);
                        self.declare_refused(&local.pat);
                    }
                },
                S::Item(syn::Item::Const(_)) => {} // known since the block began
                S::Item(item) => self.refused.push(
                    Refusal::new(item.span(), "an item inside of a JIT task")
                        .help("move the item out of the function"),
                ),
                S::Macro(m) => {
                    let e = self.macro_call(&m.mac);
                    let e = self.or_refused(e, m.mac.span());
                    if last && m.semi_token.is_none() {
                        value = Some(e);
                        continue;
                    }
                    diverges |= e.ty == Ty::Never;
                    out.push(Stmt::Expr(e));
                }
                S::Expr(e, None) if last => value = Some(self.expr(e)),
                S::Expr(e, semi) => {
                    let e = match e {
                        E::Await(wait) => {
                            let found = self.wait(wait, false);
                            self.or_refused(found, wait.span())
                        }
                        e => self.expr(e),
                    };
                    if semi.is_none()
                        && let Err(refusal) = self.same(&Ty::UNIT, &e.ty, e.span)
                    {
                        self.refused.push(refusal);
                    }
                    diverges |= self.vars.shallow(&e.ty) == Ty::Never;
                    out.push(Stmt::Expr(e));
                }
            }
        }
        let ty = match &value {
            Some(v) => v.ty.clone(),
            None if diverges => Ty::Never,
            None => Ty::UNIT,
        };
        Expr { kind: Kind::Block(out, value.map(Box::new)), ty, span }
    }

    fn local(&mut self, local: &syn::Local) -> Found<Stmt> {
        if let P::Wild(_) = &local.pat
            && let Some(init) = &local.init
            && let E::Await(wait) = &*init.expr
        {
            return Ok(Stmt::Expr(self.wait(wait, false)?));
        }
        let init = match &local.init {
            None => None,
            Some(init) => {
                let value = self.expr(&init.expr);
                if let Some((token, other)) = &init.diverge {
                    // What the pattern binds is not seen in the `else`.
                    let other = self.scoped(|cx| Ok(cx.expr(other)))?;
                    if !matches!(self.vars.shallow(&other.ty), Ty::Never | Ty::Refused) {
                        let text = "the `else` of a `let` must leave: by `return`, `break`, \
                                    `continue` or `panic!`";
                        return Err(Refusal::new(token.span, text));
                    }
                    let pat = self.pat(&local.pat, &value.ty)?;
                    return Ok(Stmt::LetElse(Box::new(pat), value, other));
                }
                Some(value)
            }
        };
        let ty = self.vars.fresh(VarKind::Any);
        if let Some(init) = &init
            && self.vars.shallow(&init.ty) != Ty::Never
        {
            self.same(&ty, &init.ty, init.span)?;
        }
        let pat = match (&local.pat, &init) {
            // Shown at the value, as rustc does.
            (P::Type(p), Some(init)) => {
                let spelled = self.ty(&p.ty)?;
                self.same(&spelled, &ty, init.span)?;
                self.binding(&p.pat, &spelled)?
            }
            (pat, _) => self.binding(pat, &ty)?,
        };
        Ok(Stmt::Let(Box::new(pat), init))
    }

    // ---- expressions ----

    fn known(&mut self, name: &syn::Ident) -> Option<Local> {
        let name = name.to_string();
        self.scopes.iter().rev().find_map(|scope| scope.get(&name).copied())
    }

    /// A local that is named alone.
    pub(super) fn local_of(&mut self, e: &E) -> Option<Local> {
        let E::Path(p) = e else { return None };
        self.known(p.path.get_ident()?)
    }

    pub(super) fn lit(&mut self, lit: &Lit) -> Found<Expr> {
        let span = lit.span();
        let (kind, ty) = match lit {
            Lit::Bool(b) => (Kind::Bool(b.value), Ty::BOOL),
            Lit::Char(c) => (Kind::Char(c.value()), Ty::Prim(Prim::Char)),
            Lit::Byte(b) => (Kind::Int(i128::from(b.value())), Ty::Prim(Prim::Int(Int::U8))),
            Lit::Int(n) => {
                let suffix = Prim::named(n.suffix());
                let value: i128 = n
                    .base10_parse()
                    .map_err(|_| Refusal::new(span, "a number that fits no type"))?;
                match suffix {
                    Some(Prim::F32 | Prim::F64) => {
                        let value = n.base10_digits().parse().unwrap_or(0.0);
                        (Kind::Float(value), suffix.map_or(Ty::UNIT, Ty::Prim))
                    }
                    Some(prim) => (Kind::Int(value), Ty::Prim(prim)),
                    None => (Kind::Int(value), self.vars.fresh(VarKind::Int)),
                }
            }
            Lit::Float(x) => {
                let value: f64 = x
                    .base10_parse()
                    .map_err(|_| Refusal::new(span, "a number that fits no type"))?;
                let ty = Prim::named(x.suffix()).map(Ty::Prim);
                (Kind::Float(value), ty.unwrap_or_else(|| self.vars.fresh(VarKind::Float)))
            }
            _ => {
                return Err(Refusal::new(span, "a text cannot be in a JIT task")
                    .help("use numbers, `bool` and `char`"));
            }
        };
        Ok(Expr { kind, ty, span })
    }

    /// An expression; what is refused in it is noted.
    pub(super) fn expr(&mut self, e: &E) -> Expr {
        let found = self.expr_of(e);
        self.or_refused(found, e.span())
    }

    pub(super) fn or_refused(&mut self, found: Found<Expr>, span: Span) -> Expr {
        found.unwrap_or_else(|refusal| {
            self.refused.push(refusal);
            Expr { kind: Kind::Panic(String::new()), ty: Ty::Refused, span }
        })
    }

    /// The names of a pattern that was refused, so that they are known where they are used.
    pub(super) fn declare_refused(&mut self, pat: &P) {
        struct Names<'a>(&'a mut Check);
        impl<'ast> Visit<'ast> for Names<'_> {
            fn visit_pat_ident(&mut self, p: &'ast syn::PatIdent) {
                self.0.declare(&p.ident, Ty::Refused);
                visit::visit_pat_ident(self, p);
            }
            fn visit_expr(&mut self, _: &'ast E) {}
        }
        Names(self).visit_pat(pat);
    }

    fn expr_of(&mut self, e: &E) -> Found<Expr> {
        let span = e.span();
        let refuse = |what: &str, help: &str| Err(Refusal::new(span, what).help(help));
        let done = |kind, ty| Ok(Expr { kind, ty, span });
        match e {
            E::Lit(l) => self.lit(&l.lit),
            E::Paren(p) => self.expr_of(&p.expr),
            E::Group(g) => self.expr_of(&g.expr),
            E::Path(p) => self.path(p, span),
            E::Unary(u) => {
                let inner = self.expr(&u.expr);
                let ty = inner.ty.clone();
                match u.op {
                    UnOp::Neg(_) => done(Kind::Neg(Box::new(inner)), ty),
                    UnOp::Not(_) => done(Kind::Not(Box::new(inner)), ty),
                    _ if self.vars.shallow(&ty) == Ty::Refused => Ok(inner),
                    _ => refuse("`*` in a JIT task", "there are no borrows to follow here"),
                }
            }
            E::Binary(b) => self.binary(b, span),
            E::Assign(a) => {
                let value = self.expr(&a.right);
                let place = self.place(&a.left)?;
                self.same(&place.ty, &value.ty, value.span)?;
                done(Kind::Assign(Box::new(place), Box::new(value)), Ty::UNIT)
            }
            E::Cast(c) => {
                let inner = self.expr(&c.expr);
                let to = match &*c.ty {
                    syn::Type::Infer(_) => self.vars.fresh(VarKind::Any),
                    ty => self.ty(ty)?,
                };
                done(Kind::Cast(Box::new(inner)), to)
            }
            E::Tuple(t) => {
                let list: Vec<Expr> = t.elems.iter().map(|e| self.expr(e)).collect();
                let ty = Ty::Tuple(list.iter().map(|e| e.ty.clone()).collect());
                done(Kind::Group(list), ty)
            }
            E::Array(a) => {
                let elem = self.vars.fresh(VarKind::Any);
                let list: Vec<Expr> = a.elems.iter().map(|e| self.expr(e)).collect();
                for e in &list {
                    self.same(&elem, &e.ty, e.span)?;
                }
                let n = list.len();
                done(Kind::Group(list), Ty::Array(Box::new(elem), n))
            }
            E::Repeat(r) => {
                let value = self.expr(&r.expr);
                let Some(n) = self.length(&r.len)? else {
                    return done(Kind::Panic(String::new()), Ty::Refused);
                };
                if n > MAX_LEAVES {
                    let text = format!("a value of a JIT task has at most {MAX_LEAVES} scalars");
                    return Err(Refusal::new(r.len.span(), text));
                }
                let ty = Ty::Array(Box::new(value.ty.clone()), n);
                done(Kind::Repeat(Box::new(value), n), ty)
            }
            E::Field(_) | E::Index(_) => self.project(e),
            E::Block(b) => match &b.label {
                None => Ok(self.block(&b.block, span)),
                Some(label) => {
                    let value = self.vars.fresh(VarKind::Any);
                    let id = self.enter(Some(label), Some(value.clone()), true);
                    let body = self.block(&b.block, span);
                    self.around.pop();
                    let never = self.vars.shallow(&body.ty) == Ty::Never;
                    if !never {
                        self.same(&value, &body.ty, body.span)?;
                    }
                    let ty = if never && !body.breaks(id) { Ty::Never } else { value };
                    done(Kind::Labelled(id, Box::new(body)), ty)
                }
            },
            E::If(i) => self.scoped(|cx| cx.if_(i, span)),
            E::Loop(l) => {
                let value = self.vars.fresh(VarKind::Any);
                let id = self.enter(l.label.as_ref(), Some(value.clone()), false);
                let body = self.block(&l.body, l.body.span());
                self.around.pop();
                let ty = if body.breaks(id) { value } else { Ty::Never };
                done(Kind::Loop(id, Box::new(body)), ty)
            }
            E::While(w) => self.scoped(|cx| {
                let cond = cx.chain(&w.cond)?;
                let id = cx.enter(w.label.as_ref(), None, false);
                let body = cx.block(&w.body, w.body.span());
                cx.around.pop();
                let kind = Kind::While(id, Box::new(cond), Box::new(body));
                Ok(Expr { kind, ty: Ty::UNIT, span })
            }),
            E::ForLoop(f) => self.for_(f, span),
            E::Match(m) => self.match_(m, span),
            E::Break(b) => {
                let id = self.target(b.label.as_ref(), span)?;
                let value = b.expr.as_ref().map(|e| Box::new(self.expr(e)));
                let given = value.as_ref().map_or(Ty::UNIT, |v| v.ty.clone());
                if let Some(ty) = self.loops[id].value.clone() {
                    self.same(&ty, &given, span)?;
                }
                done(Kind::Break(id, value), Ty::Never)
            }
            E::Continue(c) => {
                let id = self.target(c.label.as_ref(), span)?;
                done(Kind::Continue(id), Ty::Never)
            }
            E::Return(r) => {
                let value = r.expr.as_ref().map(|e| Box::new(self.expr(e)));
                let given = value.as_ref().map_or(Ty::UNIT, |v| v.ty.clone());
                let result = self.result.clone();
                self.same(&result, &given, span)?;
                done(Kind::Return(value), Ty::Never)
            }
            E::Await(w) => self.wait(w, true),
            E::MethodCall(m) => self.method(m, span),
            E::Macro(m) => self.macro_call(&m.mac),
            // A closure that was refused where it was bound.
            E::Call(c)
                if self
                    .local_of(&c.func)
                    .is_some_and(|l| self.vars.shallow(&self.locals[l.0].ty) == Ty::Refused) =>
            {
                done(Kind::Panic(String::new()), Ty::Refused)
            }
            E::Call(_) => refuse(
                "a call of a Rust function in a JIT task",
                "make it an async function and await it, or write its code here",
            ),
            E::Closure(_) => refuse("a closure in a JIT task", "write its code where it is called"),
            E::Reference(_) => {
                refuse("a borrow in a JIT task", "pass the value itself: it is copied")
            }
            E::Try(_) => refuse(
                "`?` in a JIT task: there is no `Option` and no `Result` here",
                "let the function that is awaited give scalars, `(bool, u64)` say, and look at them",
            ),
            E::Async(_) => refuse("an `async` block in a JIT task", "await the function itself"),
            E::Unsafe(_) => refuse("an `unsafe` block in a JIT task", "do it in a Rust function"),
            E::Struct(_) => refuse("a struct in a JIT task", "use a tuple"),
            E::Range(_) => refuse("a range outside of `for`", "keep its ends in a tuple"),
            _ => refuse("this expression cannot be in a JIT task", "do it in a Rust function"),
        }
    }

    fn path(&mut self, p: &syn::ExprPath, span: Span) -> Found<Expr> {
        if let Some(name) = p.path.get_ident() {
            if let Some(local) = self.known(name) {
                let ty = self.locals[local.0].ty.clone();
                return Ok(Expr { kind: Kind::Local(local), ty, span });
            }
            if let Some(own) = self.own_constant(name) {
                return Ok(Expr { kind: own.kind, ty: own.ty, span });
            }
        }
        let words: Vec<String> = p.path.segments.iter().map(|s| s.ident.to_string()).collect();
        if let [of, bound @ ("MAX" | "MIN")] =
            &words.iter().map(String::as_str).collect::<Vec<_>>()[..]
            && let Some(of @ Prim::Int(_)) = Prim::named(of)
        {
            let kind = Kind::Bound { of, largest: *bound == "MAX" };
            return Ok(Expr { kind, ty: Ty::Prim(of), span });
        }
        if is_constant(p) {
            return Ok(self.constant(p));
        }
        let text = format!("`{}` is no local of this JIT task", text::source(p.to_token_stream()));
        Err(Refusal::new(span, text)
            .help("pass it as an argument; constants are in capital letters"))
    }

    fn binary(&mut self, b: &syn::ExprBinary, span: Span) -> Found<Expr> {
        use syn::BinOp as B;
        let op = match b.op {
            B::Add(_) | B::AddAssign(_) => Op::Add,
            B::Sub(_) | B::SubAssign(_) => Op::Sub,
            B::Mul(_) | B::MulAssign(_) => Op::Mul,
            B::Div(_) | B::DivAssign(_) => Op::Div,
            B::Rem(_) | B::RemAssign(_) => Op::Rem,
            B::BitAnd(_) | B::BitAndAssign(_) => Op::And,
            B::BitOr(_) | B::BitOrAssign(_) => Op::Or,
            B::BitXor(_) | B::BitXorAssign(_) => Op::Xor,
            B::Shl(_) | B::ShlAssign(_) => Op::Shl,
            B::Shr(_) | B::ShrAssign(_) => Op::Shr,
            B::And(_) | B::Or(_) => {
                let (x, y) = (self.condition(&b.left)?, self.condition(&b.right)?);
                let or = matches!(b.op, B::Or(_));
                let kind = Kind::Logic { or, a: Box::new(x), b: Box::new(y) };
                return Ok(Expr { kind, ty: Ty::BOOL, span });
            }
            _ => {
                let cmp = match b.op {
                    B::Eq(_) => Cmp::Eq,
                    B::Ne(_) => Cmp::Ne,
                    B::Lt(_) => Cmp::Lt,
                    B::Le(_) => Cmp::Le,
                    B::Gt(_) => Cmp::Gt,
                    _ => Cmp::Ge,
                };
                let (x, y) = (self.expr(&b.left), self.expr(&b.right));
                self.same(&x.ty, &y.ty, y.span)?;
                let kind = Kind::Compare(cmp, Box::new(x), Box::new(y));
                return Ok(Expr { kind, ty: Ty::BOOL, span });
            }
        };
        let updates = matches!(
            b.op,
            B::AddAssign(_)
                | B::SubAssign(_)
                | B::MulAssign(_)
                | B::DivAssign(_)
                | B::RemAssign(_)
                | B::BitAndAssign(_)
                | B::BitOrAssign(_)
                | B::BitXorAssign(_)
                | B::ShlAssign(_)
                | B::ShrAssign(_)
        );
        // Of two scalars, `x op= y` evaluates `y` first; of `x op y`, `x`.
        let (x, y) = if updates {
            let y = self.expr(&b.right);
            (self.place(&b.left)?, y)
        } else {
            (self.expr(&b.left), self.expr(&b.right))
        };
        if !matches!(op, Op::Shl | Op::Shr) {
            self.same(&x.ty, &y.ty, y.span)?;
        }
        let ty = x.ty.clone();
        let (x, y) = (Box::new(x), Box::new(y));
        Ok(if updates {
            Expr { kind: Kind::Update(op, x, y), ty: Ty::UNIT, span }
        } else {
            Expr { kind: Kind::Binary(op, x, y), ty, span }
        })
    }

    /// What may be assigned to.
    fn place(&mut self, e: &E) -> Found<Expr> {
        match e {
            E::Paren(p) => self.place(&p.expr),
            E::Path(_) if self.local_of(e).is_some() => Ok(self.expr(e)),
            E::Field(_) | E::Index(_) => self.project(e),
            E::Infer(_) => {
                Err(Refusal::new(e.span(), "`_ =` in a JIT task").help("write `let _ = …`"))
            }
            _ => {
                let value = self.expr(e);
                if self.vars.shallow(&value.ty) == Ty::Refused {
                    return Ok(value);
                }
                Err(Refusal::new(e.span(), "this cannot be assigned to in a JIT task")
                    .help("assign to a local, a field of a tuple or an element of an array"))
            }
        }
    }

    fn project(&mut self, e: &E) -> Found<Expr> {
        let span = e.span();
        match e {
            E::Field(f) => {
                let base = self.expr(&f.base);
                if self.vars.shallow(&base.ty) == Ty::Refused {
                    return Ok(base);
                }
                let syn::Member::Unnamed(index) = &f.member else {
                    return Err(
                        Refusal::new(span, "a field with a name in a JIT task").help("use a tuple")
                    );
                };
                let i = index.index as usize;
                let Ty::Tuple(elems) = self.vars.shallow(&base.ty) else {
                    return Err(Refusal::new(span, "the type of this tuple is not known here")
                        .help(
                            "write the type where the value is bound: `let t: (u32, bool) = …`",
                        ));
                };
                let Some(ty) = elems.get(i).cloned() else {
                    return Err(Refusal::new(span, format!("this tuple has no field `{i}`")));
                };
                Ok(Expr { kind: Kind::Field(Box::new(base), i), ty, span })
            }
            E::Index(x) => {
                let base = self.expr(&x.expr);
                let index = self.expr(&x.index);
                self.same(&Ty::USIZE, &index.ty, index.span)?;
                if self.vars.shallow(&base.ty) == Ty::Refused {
                    return Ok(base);
                }
                let Ty::Array(elem, _) = self.vars.shallow(&base.ty) else {
                    return Err(Refusal::new(span, "the type of this array is not known here")
                        .help("write the type where the value is bound: `let a: [u32; 4] = …`"));
                };
                Ok(Expr { kind: Kind::Index(Box::new(base), Box::new(index)), ty: *elem, span })
            }
            _ => Ok(self.expr(e)),
        }
    }
}
