//! Rust syntax to the typed tree.
//!
//! Whatever is outside of the subset is refused here, with its span. What rustc refuses anyway (a type
//! that does not fit, a name that does not exist) is refused as well: the original is not compiled.

use super::tree::{Arm, Cmp, Expr, Kind, Local, LocalData, Op, Stmt};
use super::types::{Int, Kind as VarKind, Prim, Ty, Vars};
use super::{Refusal, Site};
use crate::ir::BinaryOp;
use crate::rust::text;
use proc_macro2::Span;
use quote::ToTokens;
use std::collections::BTreeMap;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Expr as E, Lit, Pat as P, Stmt as S, Token, UnOp};

pub(super) type Found<T> = Result<T, Refusal>;

/// Most scalars of one value.
const MAX_LEAVES: usize = 64;

pub(super) struct Check {
    pub(super) vars: Vars,
    pub(super) locals: Vec<LocalData>,
    pub(super) sites: Vec<Site>,
    scopes: Vec<BTreeMap<String, Local>>,
    /// Label, type of its value (`None`: it has none), by number.
    loops: Vec<(Option<String>, Option<Ty>)>,
    /// Loops around here.
    around: Vec<usize>,
    result: Ty,
}

/// A type of the subset.
pub(super) fn ty(of: &syn::Type) -> Found<Ty> {
    let found = match of {
        syn::Type::Path(p) if p.qself.is_none() => {
            p.path.get_ident().and_then(|name| Prim::named(&name.to_string())).map(Ty::Prim)
        }
        syn::Type::Tuple(t) => Some(Ty::Tuple(t.elems.iter().map(ty).collect::<Found<_>>()?)),
        syn::Type::Array(a) => {
            let n = match &a.len {
                E::Lit(l) => match &l.lit {
                    Lit::Int(n) => n.base10_parse::<usize>().ok(),
                    _ => None,
                },
                _ => None,
            };
            let Some(n) = n else {
                return Err(Refusal::new(a.len.span(), "the length of an array is a number here"));
            };
            Some(Ty::Array(Box::new(ty(&a.elem)?), n))
        }
        syn::Type::Paren(p) => return ty(&p.elem),
        syn::Type::Group(g) => return ty(&g.elem),
        syn::Type::Never(_) => Some(Ty::Never),
        _ => None,
    };
    let Some(found) = found else {
        let what = match of {
            syn::Type::Reference(_) => "a borrow",
            _ => "this type",
        };
        let text =
            format!("{what} cannot be in a JIT task: `{}`", text::source(of.to_token_stream()));
        return Err(Refusal::new(of.span(), text)
            .help("use integers, floats, `bool`, `char`, and tuples and arrays of them"));
    };
    if found.n_leaves() > MAX_LEAVES {
        let text = format!("a value of a JIT task has at most {MAX_LEAVES} scalars");
        return Err(Refusal::new(of.span(), text));
    }
    Ok(found)
}

impl Check {
    pub(super) fn new(result: Ty) -> Self {
        Check {
            vars: Vars::default(),
            locals: vec![],
            sites: vec![],
            scopes: vec![BTreeMap::new()],
            loops: vec![],
            around: vec![],
            result,
        }
    }

    /// Type of the function's result.
    pub(super) fn result(&self) -> Ty {
        self.result.clone()
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

    pub(super) fn block(&mut self, block: &syn::Block, span: Span) -> Found<Expr> {
        self.scoped(|cx| cx.stmts(&block.stmts, span))
    }

    fn stmts(&mut self, list: &[S], span: Span) -> Found<Expr> {
        let mut out = vec![];
        let mut value = None;
        let mut diverges = false;
        for (i, stmt) in list.iter().enumerate() {
            let last = i + 1 == list.len();
            match stmt {
                S::Local(local) => out.push(self.local(local)?),
                S::Item(item) => {
                    return Err(Refusal::new(item.span(), "an item inside of a JIT task")
                        .help("move the item out of the function"));
                }
                S::Macro(m) => {
                    let e = self.macro_call(&m.mac)?;
                    diverges |= e.ty == Ty::Never;
                    out.push(Stmt::Expr(e));
                }
                S::Expr(e, None) if last => value = Some(self.expr(e)?),
                S::Expr(e, semi) => {
                    let e = match e {
                        E::Await(wait) => self.wait(wait, false)?,
                        e => self.expr(e)?,
                    };
                    if semi.is_none() {
                        self.same(&Ty::UNIT, &e.ty, e.span)?;
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
        Ok(Expr { kind: Kind::Block(out, value.map(Box::new)), ty, span })
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
                if let Some((token, _)) = &init.diverge {
                    return Err(Refusal::new(token.span, "`let … else` in a JIT task")
                        .help("write an `if` or a `match`"));
                }
                Some(self.expr(&init.expr)?)
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
                let spelled = self::ty(&p.ty)?;
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

    pub(super) fn expr(&mut self, e: &E) -> Found<Expr> {
        let span = e.span();
        let refuse = |what: &str, help: &str| Err(Refusal::new(span, what).help(help));
        let done = |kind, ty| Ok(Expr { kind, ty, span });
        match e {
            E::Lit(l) => self.lit(&l.lit),
            E::Paren(p) => self.expr(&p.expr),
            E::Group(g) => self.expr(&g.expr),
            E::Path(p) => self.path(p, span),
            E::Unary(u) => {
                let inner = self.expr(&u.expr)?;
                let ty = inner.ty.clone();
                match u.op {
                    UnOp::Neg(_) => done(Kind::Neg(Box::new(inner)), ty),
                    UnOp::Not(_) => done(Kind::Not(Box::new(inner)), ty),
                    _ => refuse("`*` in a JIT task", "there are no borrows to follow here"),
                }
            }
            E::Binary(b) => self.binary(b, span),
            E::Assign(a) => {
                let value = self.expr(&a.right)?;
                let place = self.place(&a.left)?;
                self.same(&place.ty, &value.ty, value.span)?;
                done(Kind::Assign(Box::new(place), Box::new(value)), Ty::UNIT)
            }
            E::Cast(c) => {
                let inner = self.expr(&c.expr)?;
                let to = match &*c.ty {
                    syn::Type::Infer(_) => self.vars.fresh(VarKind::Any),
                    ty => self::ty(ty)?,
                };
                done(Kind::Cast(Box::new(inner)), to)
            }
            E::Tuple(t) => {
                let list: Vec<Expr> = t.elems.iter().map(|e| self.expr(e)).collect::<Found<_>>()?;
                let ty = Ty::Tuple(list.iter().map(|e| e.ty.clone()).collect());
                done(Kind::Group(list), ty)
            }
            E::Array(a) => {
                let elem = self.vars.fresh(VarKind::Any);
                let list: Vec<Expr> = a.elems.iter().map(|e| self.expr(e)).collect::<Found<_>>()?;
                for e in &list {
                    self.same(&elem, &e.ty, e.span)?;
                }
                let n = list.len();
                done(Kind::Group(list), Ty::Array(Box::new(elem), n))
            }
            E::Repeat(r) => {
                let value = self.expr(&r.expr)?;
                let n = match &*r.len {
                    E::Lit(syn::ExprLit { lit: Lit::Int(n), .. }) => n.base10_parse().ok(),
                    _ => None,
                };
                let Some(n) = n.filter(|&n: &usize| n <= MAX_LEAVES) else {
                    let text =
                        format!("the length of an array is a number up to {MAX_LEAVES} here");
                    return Err(Refusal::new(r.len.span(), text));
                };
                let ty = Ty::Array(Box::new(value.ty.clone()), n);
                done(Kind::Repeat(Box::new(value), n), ty)
            }
            E::Field(_) | E::Index(_) => self.project(e),
            E::Block(b) if b.label.is_none() => self.block(&b.block, span),
            E::Block(_) => refuse("a block with a label", "use a loop, or a nested `if`"),
            E::If(i) => self.if_(i, span),
            E::Loop(l) => {
                let value = self.vars.fresh(VarKind::Any);
                let id = self.enter(l.label.as_ref(), Some(value.clone()));
                let body = self.block(&l.body, l.body.span());
                self.around.pop();
                let body = body?;
                let ty = if body.breaks(id) { value } else { Ty::Never };
                done(Kind::Loop(id, Box::new(body)), ty)
            }
            E::While(w) => {
                let cond = self.condition(&w.cond)?;
                let id = self.enter(w.label.as_ref(), None);
                let body = self.block(&w.body, w.body.span());
                self.around.pop();
                done(Kind::While(id, Box::new(cond), Box::new(body?)), Ty::UNIT)
            }
            E::ForLoop(f) => self.for_(f, span),
            E::Match(m) => self.match_(m, span),
            E::Break(b) => {
                let id = self.target(b.label.as_ref(), span)?;
                let value = match &b.expr {
                    Some(e) => Some(Box::new(self.expr(e)?)),
                    None => None,
                };
                let given = value.as_ref().map_or(Ty::UNIT, |v| v.ty.clone());
                if let Some(ty) = self.loops[id].1.clone() {
                    self.same(&ty, &given, span)?;
                }
                done(Kind::Break(id, value), Ty::Never)
            }
            E::Continue(c) => {
                let id = self.target(c.label.as_ref(), span)?;
                done(Kind::Continue(id), Ty::Never)
            }
            E::Return(r) => {
                let value = match &r.expr {
                    Some(e) => Some(Box::new(self.expr(e)?)),
                    None => None,
                };
                let given = value.as_ref().map_or(Ty::UNIT, |v| v.ty.clone());
                let result = self.result.clone();
                self.same(&result, &given, span)?;
                done(Kind::Return(value), Ty::Never)
            }
            E::Await(w) => self.wait(w, true),
            E::MethodCall(m) => self.method(m, span),
            E::Macro(m) => self.macro_call(&m.mac),
            E::Call(_) => refuse(
                "a call of a Rust function in a JIT task",
                "make it an async function and await it, or write its code here",
            ),
            E::Closure(_) => refuse("a closure in a JIT task", "write its code where it is called"),
            E::Reference(_) => {
                refuse("a borrow in a JIT task", "pass the value itself: it is copied")
            }
            E::Try(_) => refuse("`?` in a JIT task", "await a function that gives plain scalars"),
            E::Async(_) => refuse("an `async` block in a JIT task", "await the function itself"),
            E::Unsafe(_) => refuse("an `unsafe` block in a JIT task", "do it in a Rust function"),
            E::Struct(_) => refuse("a struct in a JIT task", "use a tuple"),
            E::Range(_) => refuse("a range outside of `for`", "keep its ends in a tuple"),
            _ => refuse("this expression cannot be in a JIT task", "do it in a Rust function"),
        }
    }

    fn path(&mut self, p: &syn::ExprPath, span: Span) -> Found<Expr> {
        if let Some(name) = p.path.get_ident()
            && let Some(local) = self.known(name)
        {
            let ty = self.locals[local.0].ty.clone();
            return Ok(Expr { kind: Kind::Local(local), ty, span });
        }
        let words: Vec<String> = p.path.segments.iter().map(|s| s.ident.to_string()).collect();
        if let [of, bound @ ("MAX" | "MIN")] =
            &words.iter().map(String::as_str).collect::<Vec<_>>()[..]
            && let Some(of @ Prim::Int(_)) = Prim::named(of)
        {
            let kind = Kind::Bound { of, largest: *bound == "MAX" };
            return Ok(Expr { kind, ty: Ty::Prim(of), span });
        }
        let text = format!("`{}` is no local of this JIT task", text::source(p.to_token_stream()));
        Err(Refusal::new(span, text).help("pass it as an argument"))
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
                let (x, y) = (self.expr(&b.left)?, self.expr(&b.right)?);
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
            let y = self.expr(&b.right)?;
            (self.place(&b.left)?, y)
        } else {
            (self.expr(&b.left)?, self.expr(&b.right)?)
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

    fn condition(&mut self, e: &E) -> Found<Expr> {
        if let E::Let(l) = e {
            return Err(
                Refusal::new(l.span(), "`let` in a condition of a JIT task").help("use a `match`")
            );
        }
        let cond = self.expr(e)?;
        self.same(&Ty::BOOL, &cond.ty, cond.span)?;
        Ok(cond)
    }

    /// What may be assigned to.
    fn place(&mut self, e: &E) -> Found<Expr> {
        match e {
            E::Paren(p) => self.place(&p.expr),
            E::Path(_) if self.local_of(e).is_some() => self.expr(e),
            E::Field(_) | E::Index(_) => self.project(e),
            E::Infer(_) => {
                Err(Refusal::new(e.span(), "`_ =` in a JIT task").help("write `let _ = …`"))
            }
            _ => Err(Refusal::new(e.span(), "this cannot be assigned to in a JIT task")
                .help("assign to a local, a field of a tuple or an element of an array")),
        }
    }

    fn project(&mut self, e: &E) -> Found<Expr> {
        let span = e.span();
        match e {
            E::Field(f) => {
                let base = self.expr(&f.base)?;
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
                let base = self.expr(&x.expr)?;
                let index = self.expr(&x.index)?;
                self.same(&Ty::USIZE, &index.ty, index.span)?;
                let Ty::Array(elem, _) = self.vars.shallow(&base.ty) else {
                    return Err(Refusal::new(span, "the type of this array is not known here")
                        .help("write the type where the value is bound: `let a: [u32; 4] = …`"));
                };
                Ok(Expr { kind: Kind::Index(Box::new(base), Box::new(index)), ty: *elem, span })
            }
            _ => self.expr(e),
        }
    }

    /// The common type of alternatives.
    fn join(&mut self, list: &[(Ty, Span)]) -> Found<Ty> {
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

    fn if_(&mut self, i: &syn::ExprIf, span: Span) -> Found<Expr> {
        let cond = self.condition(&i.cond)?;
        let then = self.block(&i.then_branch, i.then_branch.span())?;
        let (other, ty) = match &i.else_branch {
            Some((_, e)) => {
                let other = self.expr(e)?;
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

    fn match_(&mut self, m: &syn::ExprMatch, span: Span) -> Found<Expr> {
        let value = self.expr(&m.expr)?;
        let mut arms = vec![];
        for arm in &m.arms {
            arms.push(self.scoped(|cx| {
                let pat = cx.pat(&arm.pat, &value.ty)?;
                let guard = match &arm.guard {
                    Some((_, g)) => Some(cx.condition(g)?),
                    None => None,
                };
                Ok(Arm { pat, guard, body: cx.expr(&arm.body)? })
            })?);
        }
        let types: Vec<_> = arms.iter().map(|a| (a.body.ty.clone(), a.body.span)).collect();
        let ty = self.join(&types)?;
        Ok(Expr { kind: Kind::Match(Box::new(value), arms), ty, span })
    }

    fn for_(&mut self, f: &syn::ExprForLoop, span: Span) -> Found<Expr> {
        let mut over = &*f.expr;
        while let E::Paren(p) = over {
            over = &p.expr;
        }
        let E::Range(syn::ExprRange { start: Some(from), end: Some(to), limits, .. }) = over else {
            return Err(Refusal::new(f.expr.span(), "`for` over anything but a range of numbers")
                .help("count the indices: `for i in 0..n`"));
        };
        let (from, to) = (self.expr(from)?, self.expr(to)?);
        self.same(&from.ty, &to.ty, to.span)?;
        let number = self.vars.fresh(VarKind::Int);
        self.same(&number, &from.ty, from.span)?;
        let id = self.enter(f.label.as_ref(), None);
        let body = self.scoped(|cx| {
            let pat = cx.binding(&f.pat, &from.ty)?;
            Ok((pat, cx.block(&f.body, f.body.span())?))
        });
        self.around.pop();
        let (pat, body) = body?;
        let inclusive = matches!(limits, syn::RangeLimits::Closed(_));
        let (from, to, body) = (Box::new(from), Box::new(to), Box::new(body));
        let pat = Box::new(pat);
        let kind = Kind::For { id, pat, from, to, inclusive, body };
        Ok(Expr { kind, ty: Ty::UNIT, span })
    }

    fn enter(&mut self, label: Option<&syn::Label>, value: Option<Ty>) -> usize {
        let id = self.loops.len();
        self.loops.push((label.map(|l| l.name.ident.to_string()), value));
        self.around.push(id);
        id
    }

    fn target(&self, label: Option<&syn::Lifetime>, span: Span) -> Found<usize> {
        let wanted = label.map(|l| l.ident.to_string());
        let mut around = self.around.iter().rev();
        let found = around.find(|&&id| wanted.is_none() || self.loops[id].0 == wanted);
        found.copied().ok_or_else(|| Refusal::new(span, "there is no such loop around this"))
    }

    fn method(&mut self, m: &syn::ExprMethodCall, span: Span) -> Found<Expr> {
        let name = m.method.to_string();
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
                "there are `wrapping_add`, `wrapping_sub`, `wrapping_mul`, `min` and `max` of integers",
            ));
        }
        let (a, b) = (self.expr(&m.receiver)?, self.expr(&m.args[0])?);
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

    fn macro_call(&mut self, mac: &syn::Macro) -> Found<Expr> {
        let span = mac.span();
        let name = mac.path.segments.last().map(|s| s.ident.to_string()).unwrap_or_default();
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
                "there are `panic!(\"text\")`, `unreachable!()` and `assert!(condition, \"text\")`",
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

    fn assert(&mut self, cond: &E, panic: Expr, span: Span) -> Found<Expr> {
        let cond = self.condition(cond)?;
        let cond = Expr { kind: Kind::Not(Box::new(cond)), ty: Ty::BOOL, span };
        Ok(Expr { kind: Kind::If(Box::new(cond), Box::new(panic), None), ty: Ty::UNIT, span })
    }
}
