//! Constructs that hold an await: conditions, matches, loops, blocks.
//!
//! In: a construct and where its value goes. Out: blocks that meet in a join, with the scopes of the
//! source: each way out drops what it leaves, innermost first.

use super::super::cfg::{Arm, End, Op};
use super::super::names::is_scalar_value;
use super::super::private;
use super::super::refusal::Refusal;
use super::super::rewrite;
use super::super::uses::{self, Hold, Kind, Use, binds_whole, bound};
use super::{Builder, Last, Sink, Target};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, Label, Pat, Stmt};

impl Builder<'_> {
    /// Lowers a construct; its value goes into `out`, if that is wanted.
    pub(super) fn construct(&mut self, expr: &Expr, out: Sink) {
        let join = self.block();
        match expr {
            Expr::If(e) => self.if_else(e, out, join),
            Expr::Match(e) => self.matching(e, out, join),
            Expr::Block(e) => {
                if let Some(label) = &e.label {
                    self.target(Some(label), false, join, join, out);
                }
                self.block_into(&e.block.stmts, out);
                if e.label.is_some() {
                    self.targets.pop();
                }
                self.goto(join);
            }
            Expr::Loop(e) => {
                let head = self.block();
                self.goto(head);
                self.at = Some(head);
                self.target(e.label.as_ref(), true, join, head, out);
                self.block_into(&e.body.stmts, Sink::Nowhere);
                self.targets.pop();
                self.goto(head);
            }
            Expr::While(e) => self.while_loop(e, join),
            Expr::ForLoop(e) => self.for_loop(e, join),
            other => {
                let span = other.span();
                self.refuse(Refusal::construct(span));
            }
        }
        self.at = self.cfg.blocks.iter().any(|b| b.successors().contains(&join)).then_some(join);
        if let Sink::Local(out) = out {
            self.declare_temporary(out);
        }
    }

    fn target(
        &mut self,
        label: Option<&Label>,
        is_loop: bool,
        on_break: usize,
        on_continue: usize,
        value: Sink,
    ) {
        let label = label.map(|l| l.name.ident.clone());
        let depth = self.scopes.len();
        self.targets.push(Target { label, is_loop, on_break, on_continue, depth, value });
    }

    /// A block whose value goes into `out`.
    fn block_into(&mut self, stmts: &[Stmt], out: Sink) {
        self.scoped(|this| {
            let last = this.stmts(stmts, out);
            if this.at.is_some() {
                this.put(last, out);
            }
        });
    }

    fn expr_into(&mut self, expr: &Expr, out: Sink) {
        match expr {
            Expr::Block(e) if e.label.is_none() => self.block_into(&e.block.stmts, out),
            expr => {
                let last = self.last(expr, out);
                self.put(last, out);
            }
        }
    }

    pub(super) fn branch(&mut self, cond: &Expr, then: usize, other: usize) {
        let mut uses = uses::of_expr(cond, Hold::ByOthers, &self.cfg.vars);
        let cond = self.code(cond, &mut uses);
        self.end(End::Branch { cond, uses, then, other });
    }

    fn if_else(&mut self, e: &syn::ExprIf, out: Sink, join: usize) {
        let (then, other) = (self.block(), self.block());
        let holds = self.scoped(|this| {
            let holds = this.condition(&e.cond, then, other);
            this.at = holds.then_some(then);
            if holds {
                this.block_into(&e.then_branch.stmts, out);
            }
            holds
        });
        if !holds {
            return;
        }
        self.goto(join);
        self.at = Some(other);
        match &e.else_branch {
            Some((_, other)) => self.expr_into(other, out),
            None => self.put(Last::Unit, out),
        }
        self.goto(join);
    }

    /// Branches on a condition, whose bindings are declared in the scope around it; `if let` becomes a
    /// match. False if nothing gets to either side.
    fn condition(&mut self, cond: &Expr, then: usize, other: usize) -> bool {
        if let Expr::Let(l) = cond {
            let Some(value) = self.value(&l.expr) else { return false };
            let rest = self.rest(other);
            let arms = vec![self.arm(&l.pat, None, then), rest];
            self.branch_on(&value, &[&l.pat], arms);
            bound(&l.pat, &self.cfg.vars).into_iter().for_each(|v| self.declare(v));
            return true;
        }
        if let Expr::Binary(e) = cond
            && contains_let(cond)
        {
            return self.chain(e, then, other);
        }
        let Some(cond) = self.value(cond) else { return false };
        self.branch(&cond, then, other);
        true
    }

    /// `left && right` with a `let` in it: where the right side fails, what the left side has bound is
    /// dropped.
    fn chain(&mut self, e: &syn::ExprBinary, then: usize, other: usize) -> bool {
        let outside = self.scopes.last().map_or(0, Vec::len);
        let (right, left_fails, fails) = (self.block(), self.block(), self.block());
        if !self.condition(&e.left, right, left_fails) {
            return false;
        }
        self.at = Some(left_fails);
        self.goto(other);
        let bound = self.scopes.last().map_or(vec![], |scope| scope[outside..].to_vec());
        self.at = Some(right);
        let goes_on = self.condition(&e.right, then, fails);
        self.at = Some(fails);
        if !bound.is_empty() {
            self.op(Op::Leave(bound.into_iter().rev().collect()));
        }
        self.goto(other);
        goes_on
    }

    /// What an `if let` or `let … else` does not match is dropped before the rest goes on.
    pub(super) fn rest(&mut self, block: usize) -> Arm {
        let rest = self.temporary("rest");
        self.cfg.vars.list[rest].temporary = false;
        let path = self.path(rest);
        self.cfg.blocks[block].ops.push(Op::Leave(vec![rest]));
        self.cfg.order.resize(self.cfg.vars.list.len(), usize::MAX);
        Arm { pat: quote!(#path), guard: None, uses: vec![], binds: vec![rest], block }
    }

    pub(super) fn arm(&mut self, pat: &Pat, guard: Option<&Expr>, block: usize) -> Arm {
        let uses = guard.map(|g| uses::of_expr(g, Hold::ByOthers, &self.cfg.vars));
        Arm {
            pat: pat.to_token_stream(),
            guard: guard.map(rewrite::expr),
            uses: uses.unwrap_or_default(),
            binds: bound(pat, &self.cfg.vars),
            block,
        }
    }

    /// Ends the block with a match on a value that is free of awaits.
    pub(super) fn branch_on(&mut self, value: &Expr, pats: &[&Pat], arms: Vec<Arm>) {
        if self.at.is_none() {
            return;
        }
        let scalar = is_scalar_value(value, &self.cfg.vars) || pats.iter().any(|p| is_literal(p));
        for pat in pats {
            if !binds_whole(pat) && !scalar {
                self.refuse(Refusal::pattern(pat.span()));
            }
        }
        // A `match` keeps its value to its end. Patterns without `_`, `..` and `ref` leave nothing
        // of it that could be dropped: they bind all, or are constants.
        self.leaves_nothing(value);
        let whole = pats.iter().all(|p| binds_whole(p));
        let uses = uses::of_scrutinee(value, whole, &self.cfg.vars);
        let scrutinee = rewrite::expr(value);
        self.end(End::Match { scrutinee, uses, arms });
    }

    fn matching(&mut self, e: &syn::ExprMatch, out: Sink, join: usize) {
        if let Some((_, guard)) =
            e.arms.iter().find_map(|a| a.guard.as_ref().filter(|(_, g)| self.needs(g)))
        {
            self.refuse(Refusal::guard(guard.span()));
            return;
        }
        let Some(value) = self.value(&e.expr) else { return };
        let blocks: Vec<usize> = e.arms.iter().map(|_| self.block()).collect();
        let pats: Vec<&Pat> = e.arms.iter().map(|a| &a.pat).collect();
        let arms = e
            .arms
            .iter()
            .zip(&blocks)
            .map(|(a, &block)| self.arm(&a.pat, a.guard.as_ref().map(|(_, g)| &**g), block))
            .collect();
        self.branch_on(&value, &pats, arms);
        for (arm, block) in e.arms.iter().zip(blocks) {
            self.at = Some(block);
            self.scoped(|this| {
                bound(&arm.pat, &this.cfg.vars).into_iter().for_each(|v| this.declare(v));
                this.expr_into(&arm.body, out);
            });
            self.goto(join);
        }
    }

    fn while_loop(&mut self, e: &syn::ExprWhile, join: usize) {
        let head = self.block();
        self.goto(head);
        self.at = Some(head);
        let (then, other) = (self.block(), self.block());
        self.target(e.label.as_ref(), true, join, head, Sink::Nowhere);
        let holds = self.scoped(|this| {
            let holds = this.condition(&e.cond, then, other);
            this.at = holds.then_some(then);
            if holds {
                this.block_into(&e.body.stmts, Sink::Nowhere);
            }
            holds
        });
        self.targets.pop();
        if !holds {
            return;
        }
        self.goto(head);
        self.at = Some(other);
        self.goto(join);
    }

    fn for_loop(&mut self, e: &syn::ExprForLoop, join: usize) {
        let Some(from) = self.value(&e.expr) else { return };
        self.leaves_nothing(&from);
        let iter = self.temporary("iter");
        let scalar = matches!(&from, Expr::Range(r)
            if r.start.iter().chain(&r.end).all(|e| is_scalar_value(e, &self.cfg.vars)))
            || matches!(&from, Expr::Paren(p) if matches!(&*p.expr, Expr::Range(_)));
        self.cfg.vars.list[iter].temporary = false;
        self.cfg.vars.list[iter].iterator = true;
        self.cfg.vars.list[iter].mutable = true;
        let span = e.expr.span();
        let private = private(span);
        self.scopes.push(vec![]);
        let depth = self.scopes.len() - 1;
        {
            let uses = uses::of_expr(&from, Hold::Yes, &self.cfg.vars);
            let from = rewrite::expr(&from);
            let start = quote_spanned!(span=> #private::IntoIterator::into_iter(#from));
            let name = self.cfg.vars.list[iter].ident.clone();
            self.op(Op::Code { tokens: quote!(let mut #name = #start;), uses, binds: vec![iter] });
        }
        self.declare(iter);
        self.cfg.vars.list[iter].scalar = scalar;
        let head = self.block();
        self.goto(head);
        self.at = Some(head);
        let (body, other) = (self.block(), self.block());
        let name = self.cfg.vars.list[iter].ident.clone();
        let pat = &e.pat;
        let mut some = self.arm(pat, None, body);
        some.pat = quote!(#private::Some(#pat));
        let none = Arm {
            pat: quote!(#private::None),
            guard: None,
            uses: vec![],
            binds: vec![],
            block: other,
        };
        let next = quote_spanned!(span=> #private::Iterator::next(&mut #name));
        let hold = Hold::No;
        let uses = vec![Use { var: iter, kind: Kind::Look, hold, conditional: false, span }];
        self.end(End::Match { scrutinee: next, uses, arms: vec![some, none] });
        self.at = Some(body);
        self.target(e.label.as_ref(), true, other, head, Sink::Nowhere);
        self.scoped(|this| {
            bound(pat, &this.cfg.vars).into_iter().for_each(|v| this.declare(v));
            this.block_into(&e.body.stmts, Sink::Nowhere);
        });
        self.targets.pop();
        self.goto(head);
        self.at = Some(other);
        self.leave_to(depth);
        self.scopes.pop();
        self.goto(join);
    }
}

pub(super) fn contains_let(cond: &Expr) -> bool {
    match cond {
        Expr::Let(_) => true,
        Expr::Binary(e) if matches!(e.op, syn::BinOp::And(_)) => {
            contains_let(&e.left) || contains_let(&e.right)
        }
        _ => false,
    }
}

fn is_literal(pat: &Pat) -> bool {
    match pat {
        Pat::Lit(_) | Pat::Range(_) => true,
        Pat::Or(p) => p.cases.iter().any(is_literal),
        Pat::Paren(p) => is_literal(&p.pat),
        _ => false,
    }
}
