//! The state of checking one body.
//!
//! In: a procedure of [`Cx`]. Out: its [`hir::Body`]. [`Fx`] holds what is known while its
//! expressions are walked: locals, scopes, type variables, loops. The walk itself is in `expr`,
//! `stmt`, `call`, `ops`, `place`, `pattern` and `awaits`.

use super::hir::{self, Const, Expr, ExprKind, Local, LocalId, LoopId, ProcId, ProcKind};
use super::infer::Infer;
use super::items::{Cx, Def, ParamInfo, TypeScope};
use super::types::{InferKind, TyId, TyKind};
use crate::diagnostics::{Diagnostic, Span};
use crate::syntax::ast;
use std::collections::{BTreeMap, BTreeSet};

/// What an expression is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    /// Its value, of whatever type.
    Any,
    /// Its value, best of this type; whoever wants it coerces.
    Ty(TyId),
    /// Its effect only.
    Effect,
}

/// What a name stands for in a scope.
#[derive(Clone, Copy, Debug)]
pub(super) enum Named {
    /// A local of this body.
    Local(LocalId),
    /// An item.
    Def(Def),
    /// A local of the body around a closure.
    Outer(Span),
}

/// A loop being checked.
pub(super) struct LoopCx {
    pub(super) id: LoopId,
    /// The type of the values of its breaks, of `loop` only.
    pub(super) value: Option<TyId>,
    /// Whether it has a break.
    pub(super) broken: bool,
}

/// What kind of body is checked, for what is allowed in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyKind {
    /// Of a procedure.
    Proc(ProcKind),
    /// The value of a constant or static.
    Const,
}

/// A body being checked.
pub(super) struct Fx<'c, 'a, 'd> {
    pub(super) cx: &'c mut Cx<'a, 'd>,
    pub(super) name: String,
    pub(super) module: u32,
    pub(super) generics: Vec<String>,
    pub(super) self_ty: Option<TyId>,
    pub(super) kind: BodyKind,
    pub(super) result: TyId,
    /// The items of the stream, if the body makes one.
    pub(super) item: TyId,
    pub(super) locals: Vec<Local>,
    pub(super) scopes: Vec<BTreeMap<String, Named>>,
    pub(super) infer: Infer,
    pub(super) loops: Vec<LoopCx>,
    pub(super) n_loops: u32,
    pub(super) critical: Option<Span>,
    /// Depth of defers: neither `give` nor a `break` of an outer loop is allowed.
    pub(super) in_defer: bool,
    pub(super) n_closures: u32,
    /// Set where a give decides the result of a closure.
    pub(super) result_open: bool,
    /// Keys of what is told once per body.
    pub(super) told: BTreeSet<&'static str>,
    /// Errors before this body was begun.
    errors_before: usize,
    /// Number of the first diagnostic of this body.
    first_diag: usize,
}

impl Cx<'_, '_> {
    /// Checks the body of a declared procedure.
    pub(super) fn check_body(&mut self, id: ProcId) {
        let info = &self.procs[id.0 as usize];
        let Some(block) = info.source else { return };
        let params = info.params.clone();
        let (name, module, generics) = (info.name.clone(), info.module, info.generics.clone());
        let (result, kind, self_ty) = (info.result, info.kind, info.self_ty);
        let span = info.span;
        let mut fx = Fx::new(self, name, module, BodyKind::Proc(kind));
        fx.generics = generics;
        fx.self_ty = self_ty;
        fx.item = result;
        fx.result = if kind == ProcKind::Stream { TyId::UNIT } else { result };
        let body = fx.body(&params, block, span);
        self.procs[id.0 as usize].body = Some(body);
    }
}

impl<'c, 'a, 'd> Fx<'c, 'a, 'd> {
    /// Starts a body.
    pub(super) fn new(cx: &'c mut Cx<'a, 'd>, name: String, module: u32, kind: BodyKind) -> Self {
        let (errors_before, first_diag) = (cx.diags.n_errors(), cx.diags.len());
        Self {
            cx,
            name,
            module,
            generics: Vec::new(),
            self_ty: None,
            kind,
            result: TyId::ERROR,
            item: TyId::ERROR,
            locals: Vec::new(),
            scopes: vec![BTreeMap::new()],
            infer: Infer::default(),
            loops: Vec::new(),
            n_loops: 0,
            critical: None,
            in_defer: false,
            n_closures: 0,
            result_open: false,
            told: BTreeSet::new(),
            errors_before,
            first_diag,
        }
    }

    /// Checks parameters and block, and finishes.
    pub(super) fn body(
        &mut self,
        params: &[ParamInfo<'a>],
        block: &'a ast::Block,
        span: Span,
    ) -> hir::Body {
        let mut unpack = Vec::new();
        for param in params {
            let local = self.local(&param.name, param.ty, param.span);
            match param.pattern.map(|pattern| &pattern.kind) {
                None | Some(ast::PatternKind::Bind { .. }) => {
                    if self.scopes[0].contains_key(&param.name) {
                        self.error("SEMA_E_DUPLICATE", "two parameters have one name", param.span)
                            .push("declared again here");
                    }
                    self.scopes[0].insert(param.name.clone(), Named::Local(local));
                }
                Some(_) => unpack.push((local, param)),
            }
        }
        let n_params = self.locals.len() as u32;
        let mut stmts = Vec::new();
        for (local, param) in unpack {
            let Some(pattern) = param.pattern else { continue };
            let init = self.load(local, param.span);
            stmts.push(self.let_pattern(pattern, init, param.span));
        }
        let want = if self.result == TyId::UNIT { Want::Effect } else { Want::Ty(self.result) };
        let mut value = self.block(block, want);
        if !self.diverges(&value) {
            let statement = block.value.as_ref().is_none_or(|last| {
                matches!(
                    last.kind,
                    ast::ExprKind::If(_)
                        | ast::ExprKind::Match { .. }
                        | ast::ExprKind::Switch { .. }
                        | ast::ExprKind::Select(_)
                        | ast::ExprKind::Loop(_)
                        | ast::ExprKind::Block(_)
                        | ast::ExprKind::Assign { .. }
                )
            });
            let missing = self.shallow(value.ty) == TyId::UNIT && statement;
            if missing && self.shallow(self.result) != TyId::UNIT && !self.result_open {
                let gives = self.type_name(self.result);
                let title = format!("`{}` can reach its end without giving a value", self.name);
                let end = Span { lo: block.span.hi.saturating_sub(1), ..block.span };
                self.error("TYPECK_E_MISSING_GIVE", title, end)
                    .also(span, format!("it gives `{gives}`"))
                    .help("end it with `give value`, or make its last expression the value")
                    .push("nothing is given here");
            } else {
                value = self.coerce(value, self.result);
            }
        }
        if !stmts.is_empty() {
            let (ty, span) = (value.ty, value.span);
            let block = hir::Block { stmts, value: Some(Box::new(value)) };
            value = Expr { kind: ExprKind::Block(Box::new(block)), ty, span };
        }
        let n_loops = self.n_loops;
        self.finish(hir::Body { locals: Vec::new(), n_params, n_loops, value })
    }

    /// Declares a local without putting it into a scope.
    pub(super) fn local(&mut self, name: &str, ty: TyId, span: Span) -> LocalId {
        let id = LocalId(self.locals.len() as u32);
        self.locals.push(Local {
            name: name.to_owned(),
            ty,
            assigned: false,
            referenced: false,
            future_of: None,
            span,
        });
        id
    }

    /// Puts a name into the innermost scope.
    pub(super) fn bind(&mut self, name: &str, what: Named) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name.to_owned(), what);
        }
    }

    /// Runs `inside` in a scope of its own.
    pub(super) fn scoped<T>(&mut self, inside: impl FnOnce(&mut Self) -> T) -> T {
        self.scopes.push(BTreeMap::new());
        let value = inside(self);
        self.scopes.pop();
        value
    }

    /// Finds what a name stands for: scopes from the inside out, the module, std.
    pub(super) fn lookup(&self, name: &str) -> Option<Named> {
        for scope in self.scopes.iter().rev() {
            if let Some(&found) = scope.get(name) {
                return Some(found);
            }
        }
        if let Some(&def) = self.cx.modules[self.module as usize].names.get(name) {
            return Some(Named::Def(def));
        }
        if let Some(proc) = super::std::prelude(name) {
            return Some(Named::Def(Def::Std(proc)));
        }
        let ty = super::std::TYPE_NAMES.iter().find(|known| **known == name)?;
        Some(Named::Def(Def::StdType(ty)))
    }

    /// What type names refer to here.
    pub(super) fn type_of(&mut self, ty: &'a ast::TypeExpr) -> TyId {
        if matches!(ty.kind, ast::TypeKind::Infer) {
            return self.fresh();
        }
        let local = self.local_alias(ty);
        if let Some(found) = local {
            return found;
        }
        let generics = std::mem::take(&mut self.generics);
        let scope = TypeScope { module: self.module, generics: &generics, self_ty: self.self_ty };
        let id = self.cx.param_type(ty, scope);
        self.generics = generics;
        id
    }

    /// A type alias of this body.
    fn local_alias(&mut self, ty: &'a ast::TypeExpr) -> Option<TyId> {
        let ast::TypeKind::Named { path, .. } = &ty.kind else { return None };
        let [name] = path.segments.as_slice() else { return None };
        let found = self.scopes.iter().rev().find_map(|scope| scope.get(&name.name))?;
        let Named::Def(Def::Alias(alias)) = *found else { return None };
        let item = self.cx.aliases[alias as usize].item;
        item.ty.as_ref().map(|ty| self.type_of(ty))
    }

    /// Makes a type variable.
    pub(super) fn fresh(&mut self) -> TyId {
        self.infer.fresh(&mut self.cx.types, InferKind::Any)
    }

    /// Looks through bound variables at the top of a type.
    pub(super) fn shallow(&self, ty: TyId) -> TyId {
        self.infer.shallow(&self.cx.types, ty)
    }

    /// The kind of a type, looked through variables.
    pub(super) fn ty_kind(&self, ty: TyId) -> TyKind {
        self.cx.types.kind(self.shallow(ty)).clone()
    }

    /// Replaces all bound variables in a type.
    pub(super) fn deep(&mut self, ty: TyId) -> TyId {
        self.infer.deep(&mut self.cx.types, ty)
    }

    /// Makes two types equal, if they can be.
    pub(super) fn unify(&mut self, a: TyId, b: TyId) -> bool {
        self.infer.unify(&mut self.cx.types, a, b)
    }

    /// A type as the user would write it.
    pub(super) fn type_name(&mut self, ty: TyId) -> String {
        let ty = self.deep(ty);
        self.cx.types.name(ty)
    }

    /// Whether control does not come back from an expression.
    pub(super) fn diverges(&self, expr: &Expr) -> bool {
        self.shallow(expr.ty) == TyId::NEVER
    }

    /// Whether there was an error in this body.
    pub(super) fn has_errors(&self) -> bool {
        self.cx.diags.n_errors() > self.errors_before
    }

    /// Starts an error; `push` sends it off.
    pub(super) fn error(
        &mut self,
        key: &'static str,
        title: impl Into<String>,
        span: Span,
    ) -> Report<'_> {
        let diag = Diagnostic::error(key, title);
        Report { from: self.first_diag, diags: self.cx.diags, diag, span }
    }

    /// Reports a construct that is not compiled, and stands for it.
    pub(super) fn unsupported(&mut self, what: &str, span: Span) -> Expr {
        self.cx.unsupported(what, span);
        error_expr(span)
    }

    /// Reads a whole local (futures are moved).
    pub(super) fn load(&mut self, local: LocalId, span: Span) -> Expr {
        let ty = self.locals[local.0 as usize].ty;
        let place = hir::Place { base: hir::PlaceBase::Local(local), path: Vec::new(), ty, span };
        self.load_place(place)
    }

    /// Reads a place (futures are moved).
    pub(super) fn load_place(&mut self, place: hir::Place) -> Expr {
        let (ty, span) = (place.ty, place.span);
        let mode = match self.ty_kind(ty) {
            TyKind::Future(_) | TyKind::Stream(_) => hir::LoadMode::Move,
            _ => hir::LoadMode::Read,
        };
        Expr { kind: ExprKind::Load { place, mode }, ty, span }
    }

    /// Makes a value fit a place of type `want`, or reports that it does not.
    pub(super) fn coerce(&mut self, expr: Expr, want: TyId) -> Expr {
        match self.try_coerce(expr, want) {
            Ok(expr) => expr,
            Err(expr) => {
                let (found, wanted) = (self.type_name(expr.ty), self.type_name(want));
                let mut report = self
                    .error("TYPECK_E_MISMATCH", "the types do not fit", expr.span)
                    .note(format!("`{wanted}` is needed here, and this is `{found}`"));
                report = if found == format!("Future[{wanted}]") {
                    report.help("write `await` before it")
                } else if found == format!("?{wanted}") || found.starts_with("Result[") {
                    report.help("say what to do without a value: `… ?? other`, `…?` or a match")
                } else if wanted == "string" {
                    report.help("convert it: `… as string`")
                } else {
                    report
                        .help(format!("give `{wanted}` here, or change the type that asks for it"))
                };
                report.push(format!("this is `{found}`"));
                error_expr(expr.span)
            }
        }
    }

    /// Makes a value fit, or hands it back.
    #[allow(clippy::result_large_err, reason = "the value itself comes back, not an error")]
    pub(super) fn try_coerce(&mut self, expr: Expr, want: TyId) -> Result<Expr, Expr> {
        let (from, to) = (self.shallow(expr.ty), self.shallow(want));
        if from == TyId::NEVER || from == TyId::ERROR || to == TyId::ERROR {
            return Ok(expr);
        }
        let (from_kind, to_kind) = (self.ty_kind(from), self.ty_kind(to));
        match (from_kind, to_kind) {
            (TyKind::Option(_) | TyKind::Infer(_, InferKind::Any), TyKind::Option(_)) => {}
            (_, TyKind::Option(inner)) => {
                let span = expr.span;
                let inside = self.try_coerce(expr, inner)?;
                return Ok(Expr { kind: ExprKind::Some(Box::new(inside)), ty: to, span });
            }
            (TyKind::Ref { .. }, TyKind::Ref { mutable: false, target }) => {
                if let TyKind::Ref { target: inner, .. } = self.ty_kind(from)
                    && self.unify(inner, target)
                {
                    return Ok(expr);
                }
                return Err(expr);
            }
            (TyKind::Ref { .. }, TyKind::Infer(..)) => {}
            (TyKind::Ref { .. }, kind) if !matches!(kind, TyKind::Ref { .. }) => {
                let inside = self.deref(expr);
                return self.try_coerce(inside, to);
            }
            _ => {}
        }
        if self.unify(from, to) { Ok(expr) } else { Err(expr) }
    }

    /// Goes through a reference, if the value is one.
    pub(super) fn deref(&mut self, expr: Expr) -> Expr {
        let TyKind::Ref { target, .. } = self.ty_kind(expr.ty) else { return expr };
        let span = expr.span;
        let mut place = Self::as_place(expr);
        place.path.push(hir::Projection { kind: hir::ProjectionKind::Deref, ty: target, span });
        place.ty = target;
        self.load_place(place)
    }

    /// Makes a place of a value: its own, or a temporary.
    pub(super) fn as_place(expr: Expr) -> hir::Place {
        let (ty, span) = (expr.ty, expr.span);
        match expr.kind {
            ExprKind::Load { place, .. } => place,
            kind => {
                let base = hir::PlaceBase::Temp(Box::new(Expr { kind, ty, span }));
                hir::Place { base, path: Vec::new(), ty, span }
            }
        }
    }
}

/// An error on its way.
pub(super) struct Report<'r> {
    diags: &'r mut crate::diagnostics::Diagnostics,
    diag: Diagnostic,
    span: Span,
    from: usize,
}

impl Report<'_> {
    /// Adds a reason.
    pub(super) fn note(mut self, text: impl Into<String>) -> Self {
        self.diag = self.diag.note(text);
        self
    }

    /// Adds a way out.
    pub(super) fn help(mut self, text: impl Into<String>) -> Self {
        self.diag = self.diag.help(text);
        self
    }

    /// Adds another place.
    pub(super) fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.diag = self.diag.also(span, text);
        self
    }

    /// Makes it a warning.
    pub(super) fn warning(mut self) -> Self {
        self.diag.severity = crate::diagnostics::Severity::Warning;
        self
    }

    /// Sends it off, with the words at its place; what the body was told already is not repeated.
    pub(super) fn push(self, label: impl Into<String>) {
        let diag = self.diag.at(self.span, label);
        let known = self.diags.iter().skip(self.from);
        let mut known = known.filter(|other| other.key == diag.key);
        if !known.any(|other| other.span() == diag.span()) {
            self.diags.push(diag);
        }
    }
}

/// What stands where a mistake was reported.
pub(super) fn error_expr(span: Span) -> Expr {
    Expr { kind: ExprKind::Const(Const::Unit), ty: TyId::ERROR, span }
}

/// A constant.
pub(super) fn const_expr(value: Const, ty: TyId, span: Span) -> Expr {
    Expr { kind: ExprKind::Const(value), ty, span }
}

/// The unit.
pub(super) fn unit_expr(span: Span) -> Expr {
    const_expr(Const::Unit, TyId::UNIT, span)
}
