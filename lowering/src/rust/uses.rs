//! What a piece of code without awaits does to the locals it names.
//!
//! In: an expression or statement whose names are resolved. Out: its [`Use`]s in evaluation order.
//! A macro sees no types: where the words leave it open whether a local is moved, lent or copied,
//! the use says so, and [`super::states`] decides what that means.

use super::macros::{self, Shape};
use super::names::{Calls, Reference, Vars, is_comparison, single};
use super::places::Event;
use proc_macro2::{Span, TokenStream, TokenTree};
use std::collections::BTreeSet;
use std::ops::Range;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{BinOp, Block, Expr, Macro, Member, Pat, Stmt, UnOp};

/// What is done to a local.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Moved, or copied.
    Move,
    /// Moved or copied on some ways only.
    MaybeMove,
    /// Looked at; nothing of it is kept.
    Look,
    /// A method is called on it: lent or moved.
    Receive,
    /// Called: lent to the call, or moved.
    Call,
    /// Lent by `&`.
    Borrow,
    /// Matched by patterns that bind all of it: its parts are moved, or copied.
    Apart,
    /// A part of it is moved, copied or bound.
    Part,
    /// Given a new value.
    Assign,
    /// Changed in place.
    Update,
    /// Named in a closure or an async block.
    Capture,
    /// Named in a macro that is not known.
    Opaque,
}

/// Whether what a borrow gives may outlive the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hold {
    /// Never: it is compared or printed.
    No,
    /// Only in another local of the same statement.
    ByOthers,
    /// It may be the statement's value.
    Yes,
}

/// One use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Use {
    pub(super) var: usize,
    pub(super) kind: Kind,
    pub(super) hold: Hold,
    pub(super) conditional: bool,
    pub(super) span: Span,
}

impl Use {
    /// As the liveness sees it.
    pub(super) fn event(&self) -> Event {
        match self.kind {
            Kind::Assign if !self.conditional => Event::Fill(self.var),
            Kind::Assign => Event::Write(self.var),
            _ => Event::Read(self.var),
        }
    }
}

/// Uses of an expression whose value is kept (`Hold::Yes`) or not.
pub(super) fn of_expr(expr: &Expr, hold: Hold, vars: &Vars) -> Vec<Use> {
    let mut walk = Walk::new(vars, hold);
    walk.expr(expr, Mode::Value);
    walk.finish()
}

/// Uses of a scrutinee, whose parts the patterns bind; `whole`: all of its parts.
pub(super) fn of_scrutinee(expr: &Expr, whole: bool, vars: &Vars) -> Vec<Use> {
    let mut walk = Walk::new(vars, Hold::Yes);
    walk.expr(expr, Mode::Scrutinee);
    let of_a_local = walk.var(expr).is_some();
    let mut uses = walk.finish();
    for u in &mut uses {
        if of_a_local && whole && u.kind == Kind::Part {
            u.kind = Kind::Apart;
        }
    }
    uses
}

/// Uses of a statement.
pub(super) fn of_stmt(stmt: &Stmt, vars: &Vars) -> Vec<Use> {
    let mut walk = Walk::new(vars, Hold::ByOthers);
    walk.stmt(stmt);
    walk.finish()
}

/// How the value of an expression is used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Value,
    Look,
    Borrow,
    Receiver,
    Scrutinee,
}

struct Walk<'a> {
    vars: &'a Vars,
    out: Vec<Use>,
    /// Per use, the number of conditions it stands under.
    depths: Vec<u32>,
    hold: Hold,
    depth: u32,
}

impl<'a> Walk<'a> {
    fn new(vars: &'a Vars, hold: Hold) -> Self {
        Walk { vars, out: vec![], depths: vec![], hold, depth: 0 }
    }

    /// A borrow that only others could hold is held by nobody if there are no others.
    fn finish(mut self) -> Vec<Use> {
        let could_hold = |v: usize| !(self.vars.list[v].scalar || self.vars.list[v].owned);
        let holders: Vec<usize> =
            self.out.iter().map(|u| u.var).filter(|v| could_hold(*v)).collect();
        for u in &mut self.out {
            if u.hold == Hold::ByOthers {
                let others = holders.iter().any(|v| *v != u.var);
                u.hold = if others { Hold::Yes } else { Hold::No };
            }
        }
        self.out
    }

    fn push(&mut self, var: usize, kind: Kind, span: Span) {
        let conditional = self.depth > 0;
        let kind = match kind {
            Kind::Move if conditional => Kind::MaybeMove,
            kind => kind,
        };
        self.out.push(Use { var, kind, hold: self.hold, conditional, span });
        self.depths.push(self.depth);
    }

    /// Walks one way of several.
    fn way(&mut self, leaves: bool, body: impl FnOnce(&mut Self)) -> Way {
        let first = self.out.len();
        self.conditionally(body);
        Way { uses: first..self.out.len(), leaves }
    }

    /// What each way gives a value before it looks at it is given one whichever is taken.
    fn meet(&mut self, ways: &[Way]) {
        let first_use = |way: &Way, v: usize| way.uses.clone().find(|i| self.out[*i].var == v);
        let assigns =
            |i: usize| self.out[i].kind == Kind::Assign && self.depths[i] == self.depth + 1;
        let Some(one) = ways.iter().find(|way| !way.leaves) else { return };
        let mut firsts = vec![];
        for v in one.uses.clone().map(|i| self.out[i].var).collect::<BTreeSet<_>>() {
            let on_each = ways.iter().filter_map(|way| match first_use(way, v) {
                None if way.leaves => None,
                first => Some(first.filter(|i| !way.leaves && assigns(*i))),
            });
            firsts.extend(on_each.collect::<Option<Vec<usize>>>().into_iter().flatten());
        }
        for i in firsts {
            self.depths[i] -= 1;
            self.out[i].conditional = self.depths[i] > 0;
        }
    }

    fn conditionally(&mut self, body: impl FnOnce(&mut Self)) {
        self.depth += 1;
        body(self);
        self.depth -= 1;
    }

    fn holding(&mut self, hold: Hold, body: impl FnOnce(&mut Self)) {
        let before = self.hold;
        self.hold = before.min(hold);
        body(self);
        self.hold = before;
    }

    fn var(&self, expr: &Expr) -> Option<usize> {
        match expr {
            Expr::Path(p) if p.qself.is_none() => self.vars.get(p.path.get_ident()?),
            Expr::Paren(e) => self.var(&e.expr),
            Expr::Group(e) => self.var(&e.expr),
            _ => None,
        }
    }

    /// The local that a place is part of; visits the indices on the way.
    fn base(&mut self, expr: &Expr) -> Option<usize> {
        match expr {
            Expr::Field(e) => self.base(&e.base),
            Expr::Index(e) => {
                let v = self.base(&e.expr);
                if v.is_some() {
                    self.expr(&e.index, Mode::Value);
                }
                v
            }
            Expr::Unary(e) if matches!(e.op, UnOp::Deref(_)) => self.base(&e.expr),
            _ => self.var(expr),
        }
    }

    fn expr(&mut self, expr: &Expr, mode: Mode) {
        if let Some(v) = self.var(expr) {
            let var = &self.vars.list[v];
            let kind = match mode {
                Mode::Value => Kind::Move,
                Mode::Look => Kind::Look,
                Mode::Borrow => Kind::Borrow,
                Mode::Receiver => Kind::Receive,
                Mode::Scrutinee if var.scalar || var.reference.is_some() => Kind::Look,
                Mode::Scrutinee if var.temporary => Kind::Move,
                Mode::Scrutinee => Kind::Part,
            };
            return self.push(v, kind, expr.span());
        }
        match expr {
            Expr::Field(_) | Expr::Index(_) => self.place(expr, mode),
            Expr::Unary(e) if matches!(e.op, UnOp::Deref(_)) => self.place(expr, mode),
            Expr::Unary(e) => self.expr(&e.expr, Mode::Value),
            Expr::Paren(e) => self.expr(&e.expr, mode),
            Expr::Group(e) => self.expr(&e.expr, mode),
            Expr::Lit(_) | Expr::Path(_) | Expr::Continue(_) | Expr::Infer(_) => {}
            Expr::MethodCall(e) => {
                self.expr(&e.receiver, Mode::Receiver);
                e.args.iter().for_each(|arg| self.expr(arg, Mode::Value));
            }
            Expr::Call(e) => {
                let callee = self.var(&e.func);
                if callee.is_none() {
                    self.expr(&e.func, Mode::Look);
                }
                e.args.iter().for_each(|arg| self.expr(arg, Mode::Value));
                if let Some(v) = callee {
                    let kind = match self.vars.list[v].calls {
                        Calls::Once => Kind::Move,
                        Calls::Often => Kind::Look,
                        Calls::Unknown if self.vars.list[v].reference.is_some() => Kind::Look,
                        Calls::Unknown => Kind::Call,
                    };
                    self.push(v, kind, e.func.span());
                }
            }
            Expr::Reference(e) => self.expr(&e.expr, Mode::Borrow),
            Expr::Binary(e) => self.binary(e),
            Expr::Assign(e) => {
                self.expr(&e.right, Mode::Value);
                self.assigned(&e.left);
            }
            Expr::Cast(e) => self.expr(&e.expr, Mode::Value),
            Expr::Try(e) => self.expr(&e.expr, Mode::Value),
            Expr::Tuple(e) => e.elems.iter().for_each(|e| self.expr(e, Mode::Value)),
            Expr::Array(e) => e.elems.iter().for_each(|e| self.expr(e, Mode::Value)),
            Expr::Repeat(e) => self.expr(&e.expr, Mode::Value),
            Expr::Range(e) => {
                e.start.iter().chain(&e.end).for_each(|e| self.expr(e, Mode::Value));
            }
            Expr::Struct(e) => {
                e.fields.iter().for_each(|f| self.expr(&f.expr, Mode::Value));
                e.rest.iter().for_each(|rest| self.expr(rest, Mode::Scrutinee));
            }
            Expr::Return(e) => e.expr.iter().for_each(|e| self.expr(e, Mode::Value)),
            Expr::Break(e) => e.expr.iter().for_each(|e| self.expr(e, Mode::Value)),
            Expr::If(e) => {
                self.holding(Hold::ByOthers, |this| this.expr(&e.cond, Mode::Value));
                let then = &e.then_branch;
                let then = self.way(leaves_block(then), |this| this.stmts(&then.stmts));
                if let Some((_, other)) = &e.else_branch {
                    let other = self.way(leaves(other), |this| this.expr(other, Mode::Value));
                    self.meet(&[then, other]);
                }
            }
            Expr::Let(e) => {
                let before = std::mem::replace(&mut self.hold, Hold::Yes);
                self.expr(&e.expr, Mode::Scrutinee);
                self.hold = before;
            }
            Expr::Match(e) => {
                self.expr(&e.expr, Mode::Scrutinee);
                let ways = e.arms.iter().map(|arm| {
                    self.way(leaves(&arm.body), |this| {
                        arm.guard.iter().for_each(|(_, g)| this.expr(g, Mode::Look));
                        this.expr(&arm.body, Mode::Value);
                    })
                });
                let ways: Vec<Way> = ways.collect();
                self.meet(&ways);
            }
            // A `break` may leave it before its end.
            Expr::Block(e) if e.label.is_some() => {
                self.conditionally(|this| this.stmts(&e.block.stmts));
            }
            Expr::Block(e) => self.stmts(&e.block.stmts),
            Expr::Unsafe(e) => self.stmts(&e.block.stmts),
            Expr::Loop(e) => self.conditionally(|this| this.stmts(&e.body.stmts)),
            Expr::While(e) => self.conditionally(|this| {
                this.holding(Hold::ByOthers, |this| this.expr(&e.cond, Mode::Value));
                this.stmts(&e.body.stmts);
            }),
            Expr::ForLoop(e) => {
                self.expr(&e.expr, Mode::Value);
                self.conditionally(|this| this.stmts(&e.body.stmts));
            }
            Expr::Closure(e) if e.capture.is_some() => self.mentions(expr, Kind::Move),
            Expr::Async(e) if e.capture.is_some() => self.mentions(expr, Kind::Move),
            Expr::Closure(_) | Expr::Async(_) => self.mentions(expr, Kind::Capture),
            Expr::Macro(e) => self.macro_call(&e.mac),
            other => self.mentions(other, Kind::Opaque),
        }
    }

    fn binary(&mut self, e: &syn::ExprBinary) {
        match e.op {
            op if is_comparison(&op) => self.holding(Hold::No, |this| {
                this.expr(&e.left, Mode::Look);
                this.expr(&e.right, Mode::Look);
            }),
            BinOp::And(_) | BinOp::Or(_) => {
                self.expr(&e.left, Mode::Value);
                self.conditionally(|this| this.expr(&e.right, Mode::Value));
            }
            op if is_compound(&op) => {
                self.expr(&e.right, Mode::Value);
                if let Some(v) = self.var(&e.left) {
                    self.push(v, Kind::Update, e.left.span());
                } else {
                    self.expr(&e.left, Mode::Look);
                }
            }
            _ => {
                self.expr(&e.left, Mode::Value);
                self.expr(&e.right, Mode::Value);
            }
        }
    }

    fn place(&mut self, expr: &Expr, mode: Mode) {
        let Some(v) = self.base(expr) else {
            let inner = match expr {
                Expr::Field(e) => &e.base,
                Expr::Index(e) => {
                    self.expr(&e.index, Mode::Value);
                    &e.expr
                }
                Expr::Unary(e) => &e.expr,
                _ => return,
            };
            return self.expr(inner, if mode == Mode::Look { mode } else { Mode::Value });
        };
        let var = &self.vars.list[v];
        let kind = match (mode, var.reference) {
            (Mode::Look, _) | (_, Some(Reference::Shared)) => Kind::Look,
            // What lies behind a reference cannot be moved out.
            (Mode::Value | Mode::Scrutinee, Some(Reference::Mutable)) => Kind::Look,
            (Mode::Borrow | Mode::Receiver, Some(Reference::Mutable)) => Kind::Borrow,
            (Mode::Borrow, None) => Kind::Borrow,
            (Mode::Receiver, None) if var.scalar && var.nested => Kind::Receive,
            _ if var.scalar => Kind::Look,
            _ => Kind::Part,
        };
        self.push(v, kind, expr.span());
    }

    fn assigned(&mut self, left: &Expr) {
        match left {
            Expr::Tuple(e) => e.elems.iter().for_each(|e| self.assigned(e)),
            Expr::Infer(_) => {}
            left => match self.var(left) {
                Some(v) => self.push(v, Kind::Assign, left.span()),
                None => self.expr(left, Mode::Look),
            },
        }
    }

    fn stmts(&mut self, stmts: &[Stmt]) {
        stmts.iter().for_each(|stmt| self.stmt(stmt));
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::Expr(e, semi) => {
                let hold = if semi.is_some() { Hold::ByOthers } else { self.hold };
                self.holding(hold, |this| this.expr(e, Mode::Value));
            }
            Stmt::Local(local) => {
                let Some(init) = &local.init else { return };
                let one = single(&local.pat);
                let holds_nothing = one
                    .and_then(|i| self.vars.get(i))
                    .is_some_and(|v| self.vars.list[v].scalar || self.vars.list[v].owned);
                let before = self.hold;
                self.hold = if holds_nothing { Hold::ByOthers } else { Hold::Yes };
                let whole = one.is_some() || binds_whole(&local.pat);
                self.expr(&init.expr, if whole { Mode::Value } else { Mode::Scrutinee });
                self.hold = before;
                if let Some((_, diverge)) = &init.diverge {
                    self.conditionally(|this| this.expr(diverge, Mode::Value));
                }
            }
            Stmt::Macro(m) => self.macro_call(&m.mac),
            Stmt::Item(_) => {}
        }
    }

    fn macro_call(&mut self, mac: &Macro) {
        let Some(parsed) = macros::parse(mac) else { return self.tokens(&mac.tokens) };
        let span = mac.path.span();
        for name in parsed.captured() {
            if let Some(v) = self.vars.get(&proc_macro2::Ident::new(&name, span)) {
                self.push(v, Kind::Look, span);
            }
        }
        match &parsed.shape {
            Shape::Repeat(value, n) => {
                self.expr(value, Mode::Value);
                self.expr(n, Mode::Value);
            }
            Shape::Matches(value, _) => {
                self.holding(Hold::No, |this| this.expr(value, Mode::Look));
            }
            Shape::Exprs(args) if parsed.by_value => {
                args.iter().for_each(|arg| self.expr(arg, Mode::Value));
            }
            Shape::Exprs(args) => self.holding(Hold::No, |this| {
                for arg in args {
                    match arg {
                        Expr::Assign(e) => this.expr(&e.right, Mode::Look),
                        arg => this.expr(arg, Mode::Look),
                    }
                }
            }),
        }
    }

    fn mentions(&mut self, expr: &Expr, kind: Kind) {
        let mut own = Own { vars: self.vars, found: BTreeSet::new() };
        own.visit_expr(expr);
        let mut find = Find { own: own.found, walk: self, kind };
        find.visit_expr(expr);
    }

    fn tokens(&mut self, tokens: &TokenStream) {
        for tree in tokens.clone() {
            match tree {
                TokenTree::Ident(ident) => {
                    if let Some(v) = self.vars.get(&ident) {
                        self.push(v, Kind::Opaque, ident.span());
                    }
                }
                TokenTree::Group(group) => self.tokens(&group.stream()),
                _ => {}
            }
        }
    }
}

/// One of several ways that control may take.
struct Way {
    /// The numbers of its uses.
    uses: Range<usize>,
    /// Whether it goes somewhere else than the others.
    leaves: bool,
}

fn leaves(expr: &Expr) -> bool {
    match expr {
        Expr::Return(_) | Expr::Break(_) | Expr::Continue(_) => true,
        Expr::Block(e) => e.label.is_none() && leaves_block(&e.block),
        _ => false,
    }
}

fn leaves_block(block: &Block) -> bool {
    matches!(block.stmts.last(), Some(Stmt::Expr(e, _)) if leaves(e))
}

/// Finds the locals that an expression binds itself: a closure's parameters, what its body declares.
struct Own<'a> {
    vars: &'a Vars,
    found: BTreeSet<usize>,
}

impl<'ast> Visit<'ast> for Own<'_> {
    fn visit_pat_ident(&mut self, pat: &'ast syn::PatIdent) {
        self.found.extend(self.vars.get(&pat.ident));
        visit::visit_pat_ident(self, pat);
    }
}

/// Notes what an expression names of the locals around it.
struct Find<'a, 'b> {
    walk: &'a mut Walk<'b>,
    own: BTreeSet<usize>,
    kind: Kind,
}

impl<'ast> Visit<'ast> for Find<'_, '_> {
    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        if let Some(v) = path.path.get_ident().and_then(|i| self.walk.vars.get(i))
            && !self.own.contains(&v)
        {
            let (kind, span) = (self.kind, path.span());
            // By `move` a number is copied; of others the words do not say how much is taken.
            let kind = match kind {
                Kind::Move if !self.walk.vars.list[v].scalar => Kind::Capture,
                kind => kind,
            };
            self.walk.push(v, kind, span);
        }
    }
    fn visit_macro(&mut self, mac: &'ast Macro) {
        self.walk.tokens(&mac.tokens);
        if let Some(parsed) = macros::parse(mac) {
            for name in parsed.captured() {
                let ident = proc_macro2::Ident::new(&name, mac.path.span());
                if let Some(v) = self.walk.vars.get(&ident) {
                    let kind = self.kind;
                    self.walk.push(v, kind, mac.path.span());
                }
            }
        }
    }
    fn visit_member(&mut self, _: &'ast Member) {}
    fn visit_expr(&mut self, expr: &'ast Expr) {
        visit::visit_expr(self, expr);
    }
}

/// Whether an operator changes its left side.
pub(super) fn is_compound(op: &BinOp) -> bool {
    use BinOp::{
        AddAssign, BitAndAssign, BitOrAssign, BitXorAssign, DivAssign, MulAssign, RemAssign,
        ShlAssign, ShrAssign, SubAssign,
    };
    matches!(
        op,
        AddAssign(_)
            | SubAssign(_)
            | MulAssign(_)
            | DivAssign(_)
            | RemAssign(_)
            | BitXorAssign(_)
            | BitAndAssign(_)
            | BitOrAssign(_)
            | ShlAssign(_)
            | ShrAssign(_)
    )
}

/// Whether a pattern leaves nothing of the value behind: it has no `_`, no `..`, no `ref`.
pub(super) fn binds_whole(pat: &Pat) -> bool {
    struct Look(bool);
    impl<'ast> Visit<'ast> for Look {
        fn visit_pat(&mut self, pat: &'ast Pat) {
            match pat {
                Pat::Wild(_) | Pat::Rest(_) | Pat::Reference(_) => self.0 = false,
                Pat::Ident(p) if p.by_ref.is_some() => self.0 = false,
                Pat::Struct(p) if p.rest.is_some() => self.0 = false,
                pat => visit::visit_pat(self, pat),
            }
        }
    }
    let mut look = Look(true);
    look.visit_pat(pat);
    look.0
}

/// The locals that a pattern binds, in its order, once each.
pub(super) fn bound(pat: &Pat, vars: &Vars) -> Vec<usize> {
    struct Names<'a>(&'a Vars, Vec<usize>);
    impl<'ast> Visit<'ast> for Names<'_> {
        fn visit_pat_ident(&mut self, p: &'ast syn::PatIdent) {
            if super::names::binds(p)
                && let Some(v) = self.0.get(&p.ident)
                && !self.1.contains(&v)
            {
                self.1.push(v);
            }
            visit::visit_pat_ident(self, p);
        }
        fn visit_expr(&mut self, _: &'ast Expr) {}
    }
    let mut names = Names(vars, vec![]);
    names.visit_pat(pat);
    names.1
}
