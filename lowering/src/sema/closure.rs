//! Procedure values: each is lifted to a procedure of its own, without environment.

use super::body::{BodyKind, Fx, Named, Want};
use super::hir::{self, Expr, ExprKind, ProcKind};
use super::items::{ParamInfo, ProcInfo};
use super::types::{InferKind, TyId, TyKind};
use crate::diagnostics::Span;
use crate::syntax::ast;

impl<'a> Fx<'_, 'a, '_> {
    /// `proc(a: int) -> int { … }` as a value.
    pub(super) fn proc_value(&mut self, proc: &'a ast::Proc, want: Want) -> Expr {
        let span = proc.head;
        let Some(body) = &proc.body else {
            return self.unsupported("a procedure value without a body", span);
        };
        let result = match &proc.result {
            Some(ty) => Some(self.type_of(ty)),
            None => Some(TyId::UNIT),
        };
        let kind = if proc.is_async() { ProcKind::Async } else { ProcKind::Sync };
        self.lift(&proc.params, kind, result, Lifted::Block(body), want, span)
    }

    pub(super) fn closure(&mut self, closure: &'a ast::Closure, want: Want, span: Span) -> Expr {
        let body = match &closure.body.kind {
            ast::ExprKind::Block(block) => Lifted::Block(block),
            _ => Lifted::Expr(&closure.body),
        };
        self.lift(&closure.params, ProcKind::Sync, None, body, want, span)
    }

    /// Makes a procedure of its own from a procedure value.
    fn lift(
        &mut self,
        params: &'a [ast::Param],
        kind: ProcKind,
        result: Option<TyId>,
        body: Lifted<'a>,
        want: Want,
        span: Span,
    ) -> Expr {
        let wanted = match want {
            Want::Ty(ty) => match self.ty_kind(ty) {
                TyKind::Proc { params: wanted, result, .. } if wanted.len() == params.len() => {
                    Some((wanted, result))
                }
                _ => None,
            },
            _ => None,
        };
        let mut infos = Vec::new();
        for (at, param) in params.iter().enumerate() {
            let ty = match (&param.ty, &wanted) {
                (Some(ty), _) => self.type_of(ty),
                (None, Some((wanted, _))) => self.infer.settle(&mut self.cx.types, wanted[at]),
                (None, None) => TyId::ERROR,
            };
            let open = self.cx.types.any(ty, &|kind| matches!(kind, TyKind::Infer(..)));
            let ty = if open || (ty == TyId::ERROR && param.ty.is_none()) {
                self.error(
                    "TYPECK_E_ANNOTATION",
                    "the parameter of a closure needs a type",
                    param.span,
                )
                .help("write it: `|x: int| …`")
                .push("nothing says what this is");
                TyId::ERROR
            } else {
                ty
            };
            let name = match &param.pattern.kind {
                ast::PatternKind::Bind { name, .. } => name.name.clone(),
                _ => "<pattern>".to_owned(),
            };
            infos.push(ParamInfo {
                name,
                ty,
                owned: false,
                default: None,
                pattern: Some(&param.pattern),
                span: param.span,
            });
        }
        let hint = match (result, wanted) {
            (Some(result), _) => Some(result),
            (None, Some((_, result))) => {
                let result = self.deep(result);
                let open = self.cx.types.any(result, &|kind| matches!(kind, TyKind::Infer(..)));
                (!open).then_some(result)
            }
            (None, None) => None,
        };
        let name = self.lifted_name();
        let outer = self.outer_names();
        let (module, self_ty, generics) = (self.module, self.self_ty, self.generics.clone());
        let mut fx = Fx::new(self.cx, name.clone(), module, BodyKind::Proc(kind));
        fx.generics.clone_from(&generics);
        fx.self_ty = self_ty;
        fx.result = hint.unwrap_or_else(|| fx.fresh());
        fx.result_open = hint.is_none();
        fx.scopes.insert(0, outer);
        let (body, result) = fx.closure_body(&infos, body, span);
        self.lifted(name, infos, result, kind, body, span)
    }

    /// The name of the next procedure value in this body.
    pub(super) fn lifted_name(&mut self) -> String {
        let name = format!("{}.{{closure {}}}", self.name, self.n_closures);
        self.n_closures += 1;
        name
    }

    /// Declares the procedure that a procedure value was lifted to; its value.
    pub(super) fn lifted(
        &mut self,
        name: String,
        params: Vec<ParamInfo<'a>>,
        result: TyId,
        kind: ProcKind,
        body: hir::Body,
        span: Span,
    ) -> Expr {
        let (module, self_ty, generics) = (self.module, self.self_ty, self.generics.clone());
        let param_types = params.iter().map(|info| info.ty).collect();
        let id = hir::ProcId(self.cx.procs.len() as u32);
        let type_args = (0..generics.len() as u32)
            .map(|index| {
                let name = generics[index as usize].clone();
                self.cx.types.intern(TyKind::Param { index, name })
            })
            .collect();
        self.cx.procs.push(ProcInfo {
            name,
            module,
            generics,
            params,
            result,
            kind,
            self_ty,
            has_self: false,
            source: None,
            body: Some(body),
            span,
        });
        let is_async = kind == ProcKind::Async;
        let ty = self.cx.types.intern(TyKind::Proc { is_async, params: param_types, result });
        Expr { kind: ExprKind::ProcValue(hir::Callee { proc: id, type_args }), ty, span }
    }

    /// Locals of this body as a closure in it sees them; items stay what they are.
    fn outer_names(&self) -> std::collections::BTreeMap<String, Named> {
        let mut names = std::collections::BTreeMap::new();
        for scope in &self.scopes {
            for (name, what) in scope {
                let seen = match what {
                    Named::Local(local) => Named::Outer(self.locals[local.0 as usize].span),
                    other => *other,
                };
                names.insert(name.clone(), seen);
            }
        }
        names
    }

    fn closure_body(
        &mut self,
        params: &[ParamInfo<'a>],
        body: Lifted<'a>,
        span: Span,
    ) -> (hir::Body, TyId) {
        for param in params {
            let local = self.local(&param.name, param.ty, param.span);
            self.bind(&param.name, Named::Local(local));
            if param.name == "<pattern>" {
                self.cx.unsupported("a pattern as the parameter of a closure", param.span);
                if let Some(pattern) = param.pattern {
                    self.pattern(pattern, TyId::ERROR);
                }
            }
        }
        let n_params = self.locals.len() as u32;
        let result = self.result;
        let unit = self.shallow(result) == TyId::UNIT;
        let want = if unit { Want::Effect } else { Want::Ty(result) };
        let mut value = match body {
            Lifted::Block(block) => self.block(block, want),
            Lifted::Expr(expr) if unit => {
                let value = self.effect(expr);
                let stmts = vec![hir::Stmt { span, kind: hir::StmtKind::Expr(value) }];
                let block = hir::Block { stmts, value: None };
                Expr { kind: ExprKind::Block(Box::new(block)), ty: TyId::UNIT, span }
            }
            Lifted::Expr(expr) => self.expr(expr, want),
        };
        if !self.diverges(&value) {
            value = self.coerce(value, result);
        }
        let n_loops = self.n_loops;
        let body = self.finish(hir::Body { locals: Vec::new(), n_params, n_loops, value });
        let result = self.deep(result);
        let open = if self.has_errors() { TyId::ERROR } else { TyId::UNIT };
        let result = self.cx.types.map_leaves(result, &mut |types, leaf| match types.kind(leaf) {
            TyKind::Infer(_, InferKind::Int) => TyId::INT,
            TyKind::Infer(_, InferKind::Float) => TyId::F64,
            TyKind::Infer(_, InferKind::Any) => open,
            _ => leaf,
        });
        (body, result)
    }
}

/// The body of a procedure value.
#[derive(Clone, Copy)]
enum Lifted<'a> {
    Block(&'a ast::Block),
    Expr(&'a ast::Expr),
}
