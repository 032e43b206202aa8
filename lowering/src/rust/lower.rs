//! From the syntax tree of a body to its control-flow graph.
//!
//! In: statements whose names are resolved. Out: blocks. What holds no await (and does not leave a
//! construct that holds one) stays as written. Around an await, what is evaluated before it is put
//! into temporaries, in the order of evaluation; a local that is only named there is left where it
//! is. Cost: each expression is visited once per construct around it.

use super::cfg::{Arm, Await, Block, Cfg, End, Op};
use super::macros::{self, Shape};
use super::names::{Vars, is_comparison, is_scalar_value, single};
use super::refusal::Refusal;
use super::rewrite;
use super::text;
use super::uses::{self, Hold, Kind, Use, binds_whole, bound};
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Expr, Ident, Label, Local, Pat, Stmt};

/// Lowers a body.
pub(super) fn lower(
    vars: Vars,
    params: Vec<usize>,
    pats: Vec<(Pat, usize)>,
    body: &[Stmt],
    krate: &TokenStream,
) -> Result<Cfg, Vec<Refusal>> {
    let cfg = Cfg { vars, blocks: vec![Block::default()], params, ..Cfg::default() };
    let mut b = Builder {
        cfg,
        at: Some(0),
        scopes: vec![vec![]],
        targets: vec![],
        refusals: vec![],
        krate,
        n_declared: 0,
    };
    b.cfg.order = vec![usize::MAX; b.cfg.vars.list.len()];
    for v in b.cfg.params.clone() {
        b.declare(v);
    }
    for (pat, v) in pats {
        let from = b.path(v);
        b.let_pattern(&pat, &from);
    }
    b.body(body);
    if b.refusals.is_empty() { Ok(b.cfg) } else { Err(b.refusals) }
}

/// A loop or labelled block that is being lowered.
struct Target {
    label: Option<Ident>,
    is_loop: bool,
    on_break: usize,
    on_continue: usize,
    /// Number of scopes around it.
    depth: usize,
    value: Option<usize>,
}

struct Builder<'a> {
    cfg: Cfg,
    /// The block that is being filled; `None` where nothing gets.
    at: Option<usize>,
    scopes: Vec<Vec<usize>>,
    targets: Vec<Target>,
    refusals: Vec<Refusal>,
    krate: &'a TokenStream,
    n_declared: usize,
}

impl Builder<'_> {
    // ---- the graph ----

    fn block(&mut self) -> usize {
        self.cfg.blocks.push(Block::default());
        self.cfg.blocks.len() - 1
    }

    fn op(&mut self, op: Op) {
        if let Some(at) = self.at {
            self.cfg.blocks[at].ops.push(op);
        }
    }

    fn end(&mut self, end: End) {
        if let Some(at) = self.at.take() {
            self.cfg.blocks[at].end = end;
        }
    }

    fn goto(&mut self, to: usize) {
        self.end(End::Goto(to));
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.refusals.push(refusal);
    }

    fn declare(&mut self, v: usize) {
        if self.cfg.order.len() <= v {
            self.cfg.order.resize(v + 1, usize::MAX);
        }
        if self.cfg.order[v] == usize::MAX {
            self.cfg.order[v] = self.n_declared;
            self.n_declared += 1;
        }
        if let Some(scope) = self.scopes.last_mut()
            && !scope.contains(&v)
        {
            scope.push(v);
        }
    }

    fn temporary(&mut self, what: &str) -> usize {
        self.cfg.vars.temporary(what)
    }

    fn path(&self, v: usize) -> Expr {
        let ident = &self.cfg.vars.list[v].ident;
        syn::parse_quote!(#ident)
    }

    /// Drops the locals of the scopes beyond the first `depth`, innermost first.
    fn leave_to(&mut self, depth: usize) {
        let vars: Vec<usize> =
            self.scopes[depth..].iter().rev().flat_map(|s| s.iter().rev().copied()).collect();
        if !vars.is_empty() {
            self.op(Op::Leave(vars));
        }
    }

    fn scoped<R>(&mut self, body: impl FnOnce(&mut Self) -> R) -> R {
        self.scopes.push(vec![]);
        let result = body(self);
        let depth = self.scopes.len() - 1;
        self.leave_to(depth);
        self.scopes.pop();
        result
    }

    // ---- code ----

    fn rewritten(&self, expr: &Expr) -> TokenStream {
        rewrite::expr(expr, self.krate)
    }

    /// Tokens of an expression that is evaluated here, its temporaries moved into it: they are
    /// dropped with it.
    fn code(&mut self, expr: &Expr, uses: &mut Vec<Use>) -> TokenStream {
        let tokens = self.rewritten(expr);
        let list = &self.cfg.vars.list;
        let mut inside: Vec<usize> = vec![];
        for u in uses.iter() {
            if list[u.var].temporary && u.kind != Kind::Move && !inside.contains(&u.var) {
                inside.push(u.var);
            }
        }
        if inside.is_empty() {
            return tokens;
        }
        uses.retain(|u| !inside.contains(&u.var));
        let span = expr.span();
        for v in &inside {
            let hold = Hold::No;
            uses.push(Use { var: *v, kind: Kind::Move, hold, conditional: false, span });
        }
        let names: Vec<&Ident> = inside.iter().map(|v| &list[*v].ident).collect();
        let muts = names.iter().map(|name| quote!(let mut #name = #name;));
        quote_spanned!(span=> { #(#muts)* #tokens })
    }

    fn run(&mut self, expr: &Expr) {
        let mut uses = uses::of_expr(expr, Hold::ByOthers, &self.cfg.vars);
        let tokens = self.code(expr, &mut uses);
        self.op(Op::Code { tokens: quote!(#tokens;), uses, binds: vec![] });
    }

    /// `let v = expr;`
    fn set(&mut self, v: usize, expr: &Expr) {
        if self.at.is_none() {
            return;
        }
        if is_scalar_value(expr, &self.cfg.vars) && self.cfg.vars.list[v].temporary {
            self.cfg.vars.list[v].scalar = true;
        }
        let mut uses = uses::of_expr(expr, Hold::Yes, &self.cfg.vars);
        let tokens = self.code(expr, &mut uses);
        let name = &self.cfg.vars.list[v].ident;
        self.op(Op::Code { tokens: quote!(let #name = #tokens;), uses, binds: vec![v] });
    }

    fn let_pattern(&mut self, pat: &Pat, from: &Expr) {
        let stmt: Stmt = syn::parse_quote!(let #pat = #from;);
        let Stmt::Local(local) = &stmt else { return };
        self.local_code(local);
    }

    fn local_code(&mut self, local: &Local) {
        let stmt = Stmt::Local(local.clone());
        let mut uses = uses::of_stmt(&stmt, &self.cfg.vars);
        let binds = bound(&local.pat, &self.cfg.vars);
        let (attrs, pat) = (&local.attrs, &local.pat);
        let tokens = match &local.init {
            Some(init) => {
                let value = self.code(&init.expr, &mut uses);
                match &init.diverge {
                    Some((_, diverge)) => {
                        let diverge = self.rewritten(diverge);
                        quote!(#(#attrs)* let #pat = (#value) else #diverge;)
                    }
                    None => quote!(#(#attrs)* let #pat = #value;),
                }
            }
            None => quote!(#(#attrs)* let #pat;),
        };
        self.op(Op::Code { tokens, uses, binds: binds.clone() });
        binds.into_iter().for_each(|v| self.declare(v));
    }

    // ---- statements ----

    fn body(&mut self, stmts: &[Stmt]) {
        let value = self.stmts(stmts);
        self.ret(value.as_ref());
    }

    fn ret(&mut self, value: Option<&Expr>) {
        let (value, uses) = match value {
            Some(value) => {
                let mut uses = uses::of_expr(value, Hold::Yes, &self.cfg.vars);
                (self.code(value, &mut uses), uses)
            }
            None => (quote!(()), vec![]),
        };
        self.end(End::Return { value, uses });
    }

    /// Statements of a block; answers the value of the last, free of awaits.
    fn stmts(&mut self, stmts: &[Stmt]) -> Option<Expr> {
        let (last, before) = stmts.split_last()?;
        before.iter().for_each(|stmt| self.stmt(stmt));
        match last {
            Stmt::Expr(e, None) if !self.needs(e) => Some(e.clone()),
            Stmt::Expr(e, None) => self.value(e),
            Stmt::Macro(m) if m.semi_token.is_none() => {
                let e = Expr::Macro(syn::ExprMacro { attrs: m.attrs.clone(), mac: m.mac.clone() });
                if self.needs(&e) { self.value(&e) } else { Some(e) }
            }
            last => {
                self.stmt(last);
                None
            }
        }
    }

    fn stmt(&mut self, stmt: &Stmt) {
        if self.at.is_none() {
            return; // nothing gets here
        }
        match stmt {
            Stmt::Item(item) => self.refuse(Refusal::inner_item(item.span())),
            Stmt::Local(local) => self.local(local),
            Stmt::Expr(e, _) if self.needs(e) => {
                if let Some(value) = self.effect(e) {
                    self.run(&value);
                }
            }
            Stmt::Macro(m) => {
                let e = Expr::Macro(syn::ExprMacro { attrs: m.attrs.clone(), mac: m.mac.clone() });
                if self.needs(&e) {
                    if let Some(value) = self.value(&e) {
                        self.run(&value);
                    }
                } else {
                    self.verbatim(stmt);
                }
            }
            Stmt::Expr(..) => self.verbatim(stmt),
        }
    }

    fn verbatim(&mut self, stmt: &Stmt) {
        let uses = uses::of_stmt(stmt, &self.cfg.vars);
        let tokens = rewrite::stmt(stmt, self.krate);
        self.op(Op::Code { tokens, uses, binds: vec![] });
        let diverges =
            matches!(stmt, Stmt::Expr(Expr::Return(_) | Expr::Break(_) | Expr::Continue(_), _));
        if diverges {
            self.at = None;
        }
    }

    fn local(&mut self, local: &Local) {
        let Some(init) = &local.init else {
            // Declared here, given its value in a later statement.
            return self.refuse(Refusal::no_value(local.span()));
        };
        let diverge_needs = init.diverge.as_ref().is_some_and(|(_, d)| self.needs(d));
        let mut local = local.clone();
        if self.needs(&init.expr) {
            let Some(value) = self.value(&init.expr) else { return };
            let one = single(&local.pat).is_some();
            let value = if one { value } else { self.moved(value) };
            if let Some(init) = &mut local.init {
                *init.expr = value;
            }
        }
        if !diverge_needs {
            return self.local_code(&local);
        }
        let Some(init) = &local.init else { return };
        let Some((_, diverge)) = &init.diverge else { return };
        let (go_on, other) = (self.block(), self.block());
        let pat = &local.pat;
        let rest = self.rest(other);
        let arms = vec![self.arm(pat, None, go_on), rest];
        self.branch_on(&init.expr, &[pat], arms);
        self.at = Some(other);
        self.effect(diverge);
        self.at = Some(go_on);
        bound(pat, &self.cfg.vars).into_iter().for_each(|v| self.declare(v));
    }

    // ---- expressions ----

    /// Lowers an expression whose value is not used; what is left of it to run, if anything.
    fn effect(&mut self, expr: &Expr) -> Option<Expr> {
        match expr {
            Expr::If(_) | Expr::Match(_) if self.only_head(expr) => self.value(expr),
            Expr::If(_)
            | Expr::Match(_)
            | Expr::Block(_)
            | Expr::Loop(_)
            | Expr::While(_)
            | Expr::ForLoop(_) => {
                self.construct(expr, None);
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
    fn value(&mut self, expr: &Expr) -> Option<Expr> {
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
                self.construct(expr, Some(out));
                self.at?;
                Some(self.path(out))
            }
            Expr::While(_) | Expr::ForLoop(_) => {
                self.construct(expr, None);
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
            let v = self.temporary("value");
            self.set(v, &value);
            self.declare_temporary(v);
            **slot = self.path(v);
        }
        Some(())
    }

    fn declare_temporary(&mut self, v: usize) {
        self.declare(v);
        // It is consumed by its statement: no scope drops it.
        if let Some(scope) = self.scopes.last_mut() {
            scope.retain(|w| *w != v);
        }
    }

    /// A temporary as a value: what a pattern leaves of it is dropped with the statement.
    fn moved(&self, value: Expr) -> Expr {
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
        let text = text::source(e.base.to_token_stream());
        let Some(operand) = self.value(&e.base) else { return };
        let uses = uses::of_expr(&operand, Hold::Yes, &self.cfg.vars);
        let tokens = self.rewritten(&operand);
        let point = self.cfg.awaits.len();
        self.cfg.awaits.push(Await { text, span: e.base.span() });
        let next = self.block();
        self.end(End::Await { operand: tokens, uses, point, into, next });
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
        match (value, out) {
            (Some(value), Some(out)) => self.set(out, &value),
            (None, Some(out)) if is_break => self.set(out, &syn::parse_quote!(())),
            (Some(value), None) => self.run(&value),
            (None, _) => {}
        }
        self.leave_to(depth);
        self.goto(to);
    }

    // ---- constructs ----

    /// Lowers a construct; its value goes into `out`, if that is wanted.
    fn construct(&mut self, expr: &Expr, out: Option<usize>) {
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
                self.block_into(&e.body.stmts, None);
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
        if let Some(out) = out {
            self.declare_temporary(out);
        }
    }

    fn target(
        &mut self,
        label: Option<&Label>,
        is_loop: bool,
        on_break: usize,
        on_continue: usize,
        value: Option<usize>,
    ) {
        let label = label.map(|l| l.name.ident.clone());
        let depth = self.scopes.len();
        self.targets.push(Target { label, is_loop, on_break, on_continue, depth, value });
    }

    /// A block whose value goes into `out`.
    fn block_into(&mut self, stmts: &[Stmt], out: Option<usize>) {
        self.scoped(|this| {
            let value = this.stmts(stmts);
            if this.at.is_none() {
                return;
            }
            match (value, out) {
                (Some(value), Some(out)) => this.set(out, &value),
                (Some(value), None) => this.run(&value),
                (None, Some(out)) => this.set(out, &syn::parse_quote!(())),
                (None, None) => {}
            }
        });
    }

    fn expr_into(&mut self, expr: &Expr, out: Option<usize>) {
        match (expr, out) {
            (Expr::Block(e), out) if e.label.is_none() => self.block_into(&e.block.stmts, out),
            (expr, Some(out)) => {
                if let Some(value) = self.value(expr) {
                    self.set(out, &value);
                }
            }
            (expr, None) => {
                if let Some(value) = self.effect(expr) {
                    self.run(&value);
                }
            }
        }
    }

    fn branch(&mut self, cond: &Expr, then: usize, other: usize) {
        let mut uses = uses::of_expr(cond, Hold::ByOthers, &self.cfg.vars);
        let has_let = contains_let(cond);
        let binds = let_bindings(cond, &self.cfg.vars);
        let cond = if has_let { self.rewritten(cond) } else { self.code(cond, &mut uses) };
        self.end(End::Branch { cond, uses, binds, then, other });
    }

    fn if_else(&mut self, e: &syn::ExprIf, out: Option<usize>, join: usize) {
        let (then, other) = (self.block(), self.block());
        if !self.condition(&e.cond, then, other) {
            return;
        }
        self.at = Some(then);
        self.scoped(|this| {
            let_bindings(&e.cond, &this.cfg.vars).into_iter().for_each(|v| this.declare(v));
            this.block_into(&e.then_branch.stmts, out);
        });
        self.goto(join);
        self.at = Some(other);
        match &e.else_branch {
            Some((_, other)) => self.expr_into(other, out),
            None => {
                if let Some(out) = out {
                    self.set(out, &syn::parse_quote!(()));
                }
            }
        }
        self.goto(join);
    }

    /// Branches on a condition; `if let` on one awaiting value becomes a match.
    fn condition(&mut self, cond: &Expr, then: usize, other: usize) -> bool {
        if let Expr::Let(l) = cond {
            let Some(value) = self.value(&l.expr) else { return false };
            let rest = self.rest(other);
            let arms = vec![self.arm(&l.pat, None, then), rest];
            self.branch_on(&value, &[&l.pat], arms);
            return true;
        }
        if contains_let(cond) && self.needs(cond) {
            self.refuse(Refusal::chain(cond.span()));
            return false;
        }
        let Some(cond) = self.value(cond) else { return false };
        self.branch(&cond, then, other);
        true
    }

    /// What an `if let` or `let … else` does not match is dropped before the rest goes on.
    fn rest(&mut self, block: usize) -> Arm {
        let rest = self.temporary("rest");
        self.cfg.vars.list[rest].temporary = false;
        let path = self.path(rest);
        self.cfg.blocks[block].ops.push(Op::Leave(vec![rest]));
        self.cfg.order.resize(self.cfg.vars.list.len(), usize::MAX);
        Arm { pat: quote!(#path), guard: None, uses: vec![], binds: vec![rest], block }
    }

    fn arm(&mut self, pat: &Pat, guard: Option<&Expr>, block: usize) -> Arm {
        let uses = guard.map(|g| uses::of_expr(g, Hold::ByOthers, &self.cfg.vars));
        Arm {
            pat: pat.to_token_stream(),
            guard: guard.map(|g| self.rewritten(g)),
            uses: uses.unwrap_or_default(),
            binds: bound(pat, &self.cfg.vars),
            block,
        }
    }

    /// Ends the block with a match on a value that is free of awaits.
    fn branch_on(&mut self, value: &Expr, pats: &[&Pat], arms: Vec<Arm>) {
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
        let uses = uses::of_scrutinee(value, &self.cfg.vars);
        let scrutinee = self.rewritten(value);
        self.end(End::Match { scrutinee, uses, arms });
    }

    fn matching(&mut self, e: &syn::ExprMatch, out: Option<usize>, join: usize) {
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
        if !self.condition(&e.cond, then, other) {
            return;
        }
        self.at = Some(then);
        self.target(e.label.as_ref(), true, join, head, None);
        self.scoped(|this| {
            let_bindings(&e.cond, &this.cfg.vars).into_iter().for_each(|v| this.declare(v));
            this.block_into(&e.body.stmts, None);
        });
        self.targets.pop();
        self.goto(head);
        self.at = Some(other);
        self.goto(join);
    }

    fn for_loop(&mut self, e: &syn::ExprForLoop, join: usize) {
        let Some(from) = self.value(&e.expr) else { return };
        let iter = self.temporary("iter");
        let scalar = matches!(&from, Expr::Range(r)
            if r.start.iter().chain(&r.end).all(|e| is_scalar_value(e, &self.cfg.vars)))
            || matches!(&from, Expr::Paren(p) if matches!(&*p.expr, Expr::Range(_)));
        self.cfg.vars.list[iter].temporary = false;
        self.cfg.vars.list[iter].mutable = true;
        let span = e.expr.span();
        let start: Expr =
            syn::parse_quote_spanned!(span=> ::core::iter::IntoIterator::into_iter(#from));
        self.scopes.push(vec![]);
        let depth = self.scopes.len() - 1;
        {
            let uses = uses::of_expr(&from, Hold::Yes, &self.cfg.vars);
            let tokens = self.rewritten(&start);
            let name = self.cfg.vars.list[iter].ident.clone();
            self.op(Op::Code { tokens: quote!(let mut #name = #tokens;), uses, binds: vec![iter] });
        }
        self.declare(iter);
        self.cfg.vars.list[iter].scalar = scalar;
        let head = self.block();
        self.goto(head);
        self.at = Some(head);
        let (body, other) = (self.block(), self.block());
        let name = self.cfg.vars.list[iter].ident.clone();
        let pat = &e.pat;
        let some: Pat = syn::parse_quote!(::core::option::Option::Some(#pat));
        let none: Pat = syn::parse_quote!(::core::option::Option::None);
        let arms = vec![self.arm(&some, None, body), self.arm(&none, None, other)];
        let next = quote_spanned!(span=> ::core::iter::Iterator::next(&mut #name));
        let hold = Hold::No;
        let uses = vec![Use { var: iter, kind: Kind::Look, hold, conditional: false, span }];
        self.end(End::Match { scrutinee: next, uses, arms });
        self.at = Some(body);
        self.target(e.label.as_ref(), true, other, head, None);
        self.scoped(|this| {
            bound(pat, &this.cfg.vars).into_iter().for_each(|v| this.declare(v));
            this.block_into(&e.body.stmts, None);
        });
        self.targets.pop();
        self.goto(head);
        self.at = Some(other);
        self.leave_to(depth);
        self.scopes.pop();
        self.goto(join);
    }

    // ---- what must be lowered ----

    /// Whether only the condition or scrutinee needs lowering.
    fn only_head(&self, expr: &Expr) -> bool {
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

    /// Whether an expression awaits, or leaves a construct that is being lowered.
    fn needs(&self, expr: &Expr) -> bool {
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
        self.found |= has_await(&mac.tokens);
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

fn contains_let(cond: &Expr) -> bool {
    match cond {
        Expr::Let(_) => true,
        Expr::Binary(e) if matches!(e.op, syn::BinOp::And(_)) => {
            contains_let(&e.left) || contains_let(&e.right)
        }
        _ => false,
    }
}

fn let_bindings(cond: &Expr, vars: &Vars) -> Vec<usize> {
    match cond {
        Expr::Let(e) => bound(&e.pat, vars),
        Expr::Binary(e) if matches!(e.op, syn::BinOp::And(_)) => {
            let mut all = let_bindings(&e.left, vars);
            all.extend(let_bindings(&e.right, vars));
            all
        }
        _ => vec![],
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
