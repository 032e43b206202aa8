//! From the syntax tree of a body to its control-flow graph.
//!
//! In: statements whose names are resolved. Out: blocks. What holds no await (and does not leave a
//! construct that holds one) stays as written. Around an await, what is evaluated before it is put
//! into temporaries, in the order of evaluation; a local that is only named there is left where it
//! is. Cost: each expression is visited once per construct around it.

mod construct;
pub(super) mod islands;
mod needs;
mod operands;
mod temporaries;

use super::cfg::{Block, Cfg, End, Op};
use super::names::{Vars, is_scalar_value, single};
use super::refusal::Refusal;
use super::rewrite;
use super::uses::{self, Hold, Kind, Use, bound};
use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, Ident, Local, Pat, Stmt, Token, Type};

/// What a body is part of.
pub(super) struct Around<'a> {
    /// Name of the function.
    pub(super) name: &'a Ident,
    /// Type that it returns.
    pub(super) output: &'a Type,
    pub(super) confident: bool,
}

/// Lowers a body.
pub(super) fn lower(
    vars: Vars,
    params: Vec<usize>,
    pats: Vec<(Pat, usize)>,
    body: &[Stmt],
    around: &Around<'_>,
) -> Result<Cfg, Vec<Refusal>> {
    let Around { name, output, confident } = *around;
    let cfg = Cfg { vars, blocks: vec![Block::default()], params, ..Cfg::default() };
    let mut b = Builder {
        cfg,
        at: Some(0),
        scopes: vec![vec![]],
        targets: vec![],
        refusals: vec![],
        name,
        output,
        confident,
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
    value: Sink,
}

/// Where the value of a construct goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sink {
    Nowhere,
    Local(usize),
    /// It is the function's result: each way returns it.
    Result,
}

/// What the last statement of a block left.
enum Last {
    /// An expression free of awaits.
    Value(Box<Expr>),
    Unit,
    /// Nothing: its value is in the sink, or nothing gets here.
    Stored,
}

struct Builder<'a> {
    cfg: Cfg,
    /// The block that is being filled; `None` where nothing gets.
    at: Option<usize>,
    scopes: Vec<Vec<usize>>,
    targets: Vec<Target>,
    refusals: Vec<Refusal>,
    name: &'a Ident,
    output: &'a Type,
    confident: bool,
    n_declared: usize,
}

impl Builder<'_> {
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

    fn reading(&self) -> temporaries::Reading<'_> {
        temporaries::Reading { vars: &self.cfg.vars, confident: self.confident }
    }

    /// Refuses what leaves a temporary that an await would have to keep.
    fn leaves_nothing(&mut self, expr: &Expr) {
        if let Some(span) = self.reading().left(expr) {
            self.refuse(Refusal::temporary(span));
        }
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
        let path = self.cfg.vars.list[v].ident.clone().into();
        Expr::Path(syn::ExprPath { attrs: vec![], qself: None, path })
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

    /// Tokens of an expression that is evaluated here, its temporaries moved into it: they are
    /// dropped with it.
    fn code(&mut self, expr: &Expr, uses: &mut Vec<Use>) -> TokenStream {
        let tokens = rewrite::expr(expr);
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
        let init = syn::LocalInit {
            eq_token: Token![=](Span::call_site()),
            expr: Box::new(from.clone()),
            diverge: None,
        };
        self.local_code(&Local {
            attrs: vec![],
            let_token: Token![let](Span::call_site()),
            pat: pat.clone(),
            init: Some(init),
            semi_token: Token![;](Span::call_site()),
        });
    }

    fn local_code(&mut self, local: &Local) {
        let stmt = Stmt::Local(local.clone());
        let mut uses = uses::of_stmt(&stmt, &self.cfg.vars);
        let binds = bound(&local.pat, &self.cfg.vars);
        let (attrs, pat) = (&local.attrs, &local.pat);
        let Some(init) = &local.init else { return };
        let value = self.code(&init.expr, &mut uses);
        let tokens = match &init.diverge {
            Some((_, diverge)) => {
                let diverge = rewrite::expr(diverge);
                quote!(#(#attrs)* let #pat = (#value) else #diverge;)
            }
            None => quote!(#(#attrs)* let #pat = #value;),
        };
        self.op(Op::Code { tokens, uses, binds: binds.clone() });
        binds.into_iter().for_each(|v| self.declare(v));
        if let (Some(span), Some(at)) = (temporaries::extended(&init.expr), self.at) {
            self.cfg.temporaries.push((at, span));
        }
    }

    // ---- statements ----

    fn body(&mut self, stmts: &[Stmt]) {
        let last = self.stmts(stmts, Sink::Result);
        self.put(last, Sink::Result);
    }

    fn put(&mut self, last: Last, sink: Sink) {
        match (last, sink) {
            (Last::Value(value), Sink::Local(v)) => self.set(v, &value),
            (Last::Value(value), Sink::Result) => self.ret(Some(&value)),
            (Last::Value(value), Sink::Nowhere) => self.run(&value),
            (Last::Unit, Sink::Local(v)) => self.set(v, &syn::parse_quote!(())),
            (Last::Unit, Sink::Result) => self.ret(None),
            (Last::Unit, Sink::Nowhere) | (Last::Stored, _) => {}
        }
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

    /// Statements of a block whose value goes into `sink`.
    fn stmts(&mut self, stmts: &[Stmt], sink: Sink) -> Last {
        let Some((last, before)) = stmts.split_last() else { return Last::Unit };
        before.iter().for_each(|stmt| self.stmt(stmt));
        match last {
            Stmt::Expr(e, None) => self.last(e, sink),
            Stmt::Macro(m) if m.semi_token.is_none() => {
                let e = Expr::Macro(syn::ExprMacro { attrs: m.attrs.clone(), mac: m.mac.clone() });
                self.last(&e, sink)
            }
            last => {
                self.stmt(last);
                Last::Unit
            }
        }
    }

    /// An expression whose value goes into `sink`. A construct puts it there itself.
    fn last(&mut self, e: &Expr, sink: Sink) -> Last {
        if self.at.is_none() {
            return Last::Stored; // nothing gets here
        }
        if self.needs(e) && (sink == Sink::Nowhere || self.is_construct(e)) {
            if sink == Sink::Nowhere {
                let rest = self.effect(e);
                return rest.map_or(Last::Stored, |value| Last::Value(Box::new(value)));
            }
            self.construct(e, sink);
            return Last::Stored;
        }
        self.value(e).map_or(Last::Stored, |value| Last::Value(Box::new(value)))
    }

    fn stmt(&mut self, stmt: &Stmt) {
        if self.at.is_none() {
            return; // nothing gets here
        }
        match stmt {
            Stmt::Item(syn::Item::Macro(item)) => self.refuse(Refusal::inner_macro(item.span())),
            Stmt::Item(item) => self.refuse(Refusal::inner_item(item.span())),
            Stmt::Local(local) => self.local(local),
            Stmt::Expr(e, Some(_)) if self.island_statement(e) => {}
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
        let tokens = rewrite::stmt(stmt);
        self.op(Op::Code { tokens, uses, binds: vec![] });
        let diverges =
            matches!(stmt, Stmt::Expr(Expr::Return(_) | Expr::Break(_) | Expr::Continue(_), _));
        if diverges {
            self.at = None;
        }
    }

    fn local(&mut self, local: &Local) {
        let Some(init) = &local.init else {
            // Given its value in a later statement.
            for v in bound(&local.pat, &self.cfg.vars) {
                self.op(Op::Declare(v));
                self.declare(v);
            }
            return;
        };
        if self.island_local(local) {
            return;
        }
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
        self.leaves_nothing(&init.expr);
        let rest = self.rest(other);
        let arms = vec![self.arm(pat, None, go_on), rest];
        self.branch_on(&init.expr, &[pat], arms);
        self.at = Some(other);
        self.effect(diverge);
        self.at = Some(go_on);
        bound(pat, &self.cfg.vars).into_iter().for_each(|v| self.declare(v));
    }
}
