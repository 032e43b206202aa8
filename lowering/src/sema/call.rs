//! Calls: of procedures, of values, and of the procedures of std.
//!
//! A call of an async procedure or operation is an [`ExprKind::Future`]; `await` and `spawn` take
//! the awaitable out of it again, so only what stays cold remains a future.

use super::body::{BodyKind, Fx, Named, Want, error_expr};
use super::hir::{self, Awaitable, AwaitableKind, Callee, Expr, ExprKind, ProcId, ProcKind};
use super::items::{Def, ParamInfo};
use super::method::Head;
use super::name::Target;
use super::std::{AsyncOp, Builtin, StdProc};
use super::types::{TyId, TyKind};
use crate::diagnostics::Span;
use crate::syntax::ast;

impl<'a> Fx<'_, 'a, '_> {
    /// Checks a call.
    pub(super) fn call(
        &mut self,
        callee: &'a ast::Expr,
        args: &'a [ast::Arg],
        want: Want,
        span: Span,
    ) -> Expr {
        match &callee.kind {
            ast::ExprKind::Instantiate { base, args: types, index } => {
                if let (Some(index), true) = (index, self.is_value(base)) {
                    let callee = self.index(base, index, callee.span);
                    return self.call_value(callee, args, span);
                }
                self.call_target(base, Some(types), args, want, span)
            }
            _ => self.call_target(callee, None, args, want, span),
        }
    }

    /// Whether an expression begins with a local, so that brackets after it are an index.
    pub(super) fn is_value(&self, expr: &ast::Expr) -> bool {
        match &expr.kind {
            ast::ExprKind::Name(name) => matches!(
                self.lookup(&name.name),
                Some(
                    Named::Local(_) | Named::Outer(_) | Named::Def(Def::Static(_) | Def::Const(_))
                )
            ),
            ast::ExprKind::Field { base, .. } => self.is_value(base),
            _ => true,
        }
    }

    fn call_target(
        &mut self,
        callee: &'a ast::Expr,
        types: Option<&'a [ast::TypeExpr]>,
        args: &'a [ast::Arg],
        want: Want,
        span: Span,
    ) -> Expr {
        match &callee.kind {
            ast::ExprKind::Name(name) => match self.lookup(&name.name) {
                Some(Named::Def(def)) => self.call_def(def, name, types, args, want, span),
                Some(_) => {
                    let callee = self.expr(callee, Want::Any);
                    self.call_value(callee, args, span)
                }
                None => {
                    if !name.name.is_empty() {
                        self.unresolved(name);
                    }
                    self.args_for_errors(args);
                    error_expr(span)
                }
            },
            ast::ExprKind::Path(path) => {
                let Some(last) = path.segments.last() else { return error_expr(span) };
                match self.path_value(path) {
                    Some(Target::Def(def)) => self.call_def(def, last, types, args, want, span),
                    Some(Target::Member(adt, adt_args, name)) => {
                        self.call_member(adt, &adt_args, name, types, args, want, span)
                    }
                    None => {
                        self.args_for_errors(args);
                        error_expr(span)
                    }
                }
            }
            ast::ExprKind::Field { base, name } => match self.head(base) {
                Some(Head::Adt(adt, adt_args)) => {
                    self.call_member(adt, &adt_args, name, types, args, want, span)
                }
                Some(Head::Module(module)) => match self.cx.module_member(module, &name.name) {
                    Some(def) => self.call_def(def, name, types, args, want, span),
                    None => {
                        self.not_shown(module, name);
                        self.args_for_errors(args);
                        error_expr(span)
                    }
                },
                Some(Head::Wrapper(wrapper)) => {
                    let _ = wrapper;
                    match super::std::prelude(&name.name) {
                        Some(std @ (StdProc::Some | StdProc::Ok | StdProc::Err)) => {
                            self.call_std(std, name, None, args, want, span)
                        }
                        _ => {
                            self.unresolved(name);
                            error_expr(span)
                        }
                    }
                }
                None => self.method_call(base, name, types, args, want, span),
            },
            _ => {
                let callee = self.expr(callee, Want::Any);
                self.call_value(callee, args, span)
            }
        }
    }

    /// Checks arguments of a call that is wrong already, for the errors in them.
    pub(super) fn args_for_errors(&mut self, args: &'a [ast::Arg]) {
        for arg in args {
            self.expr(&arg.value, Want::Any);
        }
    }

    fn call_def(
        &mut self,
        def: Def,
        name: &'a ast::Ident,
        types: Option<&'a [ast::TypeExpr]>,
        args: &'a [ast::Arg],
        want: Want,
        span: Span,
    ) -> Expr {
        match def {
            Def::Proc(id) => {
                let Some(found) = self.instantiate_proc(id, &[], types, name.span) else {
                    self.args_for_errors(args);
                    return error_expr(span);
                };
                self.call_proc(id, found, None, args, name.span, span)
            }
            Def::Std(std) => self.call_std(std, name, types, args, want, span),
            Def::Error => {
                self.args_for_errors(args);
                error_expr(span)
            }
            Def::Adt(_) | Def::Alias(_) | Def::StdType(_) | Def::Trait => {
                self.args_for_errors(args);
                let title = format!("the type `{}` is called", name.name);
                self.error("TYPECK_E_NOT_CALLABLE", title, name.span)
                    .help(format!(
                        "make a form with `{0} {{ field: … }}`, a pick with `{0}.Arm(…)`",
                        name.name
                    ))
                    .push("this is a type, not a procedure");
                error_expr(span)
            }
            _ => {
                let callee = self.def_value(def, types, Want::Any, name.span);
                self.call_value(callee, args, span)
            }
        }
    }

    /// Calls a procedure value.
    pub(super) fn call_value(&mut self, callee: Expr, args: &'a [ast::Arg], span: Span) -> Expr {
        let callee = self.deref(callee);
        let TyKind::Proc { is_async, params, result } = self.ty_kind(callee.ty) else {
            self.args_for_errors(args);
            if !matches!(self.ty_kind(callee.ty), TyKind::Error | TyKind::Never) {
                let name = self.type_name(callee.ty);
                self.error("TYPECK_E_NOT_CALLABLE", "this cannot be called", callee.span)
                    .help("call a procedure, or a value of type `proc(…) -> …`")
                    .push(format!("it is `{name}`"));
            }
            return error_expr(span);
        };
        if self.kind == BodyKind::Const {
            return self.not_const("a call", span);
        }
        let Some(args) = self.plain_args(args, &params, "this procedure", span) else {
            return error_expr(span);
        };
        let callee = Box::new(callee);
        if is_async {
            self.future(AwaitableKind::CallValue { callee, args }, result, span)
        } else {
            Expr { kind: ExprKind::CallValue { callee, args }, ty: result, span }
        }
    }

    /// A procedure with type arguments: parameter types, result type, and who it is.
    pub(super) fn callee(
        &mut self,
        id: ProcId,
        types: Option<&'a [ast::TypeExpr]>,
        span: Span,
    ) -> Option<(Vec<TyId>, TyId, Callee)> {
        self.instantiate_proc(id, &[], types, span)
    }

    /// The same, where the first type arguments are known.
    pub(super) fn instantiate_proc(
        &mut self,
        id: ProcId,
        first: &[TyId],
        types: Option<&'a [ast::TypeExpr]>,
        span: Span,
    ) -> Option<(Vec<TyId>, TyId, Callee)> {
        let info = &self.cx.procs[id.0 as usize];
        let n_generics = info.generics.len();
        let (name, result) = (info.name.clone(), info.result);
        let params: Vec<TyId> = info.params.iter().map(|param| param.ty).collect();
        let mut type_args = first.to_vec();
        type_args.truncate(n_generics);
        if let Some(types) = types {
            let given: Vec<TyId> = types.iter().map(|ty| self.type_of(ty)).collect();
            if given.len() != n_generics - type_args.len() {
                let wanted = n_generics - type_args.len();
                self.cx.wrong_type_args(&name, wanted, given.len(), span);
                return None;
            }
            type_args.extend(given);
        }
        while type_args.len() < n_generics {
            type_args.push(self.fresh());
        }
        let types = &mut self.cx.types;
        let params = params.into_iter().map(|ty| types.subst(ty, &type_args)).collect();
        let result = types.subst(result, &type_args);
        Some((params, result, Callee { proc: id, type_args }))
    }

    /// Calls a declared procedure; `receiver` is its `self`.
    pub(super) fn call_proc(
        &mut self,
        id: ProcId,
        (params, result, callee): (Vec<TyId>, TyId, Callee),
        receiver: Option<Expr>,
        args: &'a [ast::Arg],
        name_span: Span,
        span: Span,
    ) -> Expr {
        if self.kind == BodyKind::Const {
            self.args_for_errors(args);
            return self.not_const("a call", span);
        }
        let info = &self.cx.procs[id.0 as usize];
        let (infos, name, kind) = (info.params.clone(), info.name.clone(), info.kind);
        let skip = usize::from(receiver.is_some());
        let mut values = Vec::new();
        if let Some(receiver) = receiver {
            let wanted = params.first().copied().unwrap_or(TyId::ERROR);
            values.push(self.coerce(receiver, wanted));
        }
        let rest = self.arguments(&infos[skip..], &params[skip..], args, &name, name_span);
        let Some(rest) = rest else {
            return Expr { ty: self.outcome(kind, result), ..error_expr(span) };
        };
        values.extend(rest);
        let call = hir::Call { callee, args: values };
        let ty = self.outcome(kind, result);
        let kind = match kind {
            ProcKind::Sync => ExprKind::Call(call),
            ProcKind::Async | ProcKind::Stream => ExprKind::Future(Box::new(Awaitable {
                kind: AwaitableKind::Call(call),
                ty: result,
                span,
            })),
        };
        Expr { kind, ty, span }
    }

    /// What a call gives, before any await.
    fn outcome(&mut self, kind: ProcKind, result: TyId) -> TyId {
        match kind {
            ProcKind::Sync => result,
            ProcKind::Async => self.cx.types.intern(TyKind::Future(result)),
            ProcKind::Stream => self.cx.types.intern(TyKind::Stream(result)),
        }
    }

    /// Puts arguments to parameters: by position, by name, by default.
    fn arguments(
        &mut self,
        infos: &[ParamInfo<'a>],
        params: &[TyId],
        args: &'a [ast::Arg],
        name: &str,
        span: Span,
    ) -> Option<Vec<Expr>> {
        let mut slots: Vec<Option<Expr>> = Vec::new();
        slots.resize_with(params.len(), || None);
        let mut order = Vec::new();
        let mut bad = false;
        for (at, arg) in args.iter().enumerate() {
            let target = match &arg.name {
                None => (at < params.len()).then_some(at),
                Some(label) => {
                    let found = infos.iter().position(|info| info.name == label.name);
                    if found.is_none() {
                        bad = true;
                        let title = format!("`{name}` has no parameter `{}`", label.name);
                        let names: Vec<String> =
                            infos.iter().map(|info| format!("`{}`", info.name)).collect();
                        self.error("TYPECK_E_ARG_NAME", title, label.span)
                            .help(format!("its parameters: {}", names.join(", ")))
                            .push("this name is unknown");
                    }
                    found
                }
            };
            let Some(target) = target else {
                self.expr(&arg.value, Want::Any);
                bad |= arg.name.is_none();
                continue;
            };
            let mut value = self.expr_as(&arg.value, params[target]);
            if infos[target].owned {
                value = self.give_away(value);
            }
            if slots[target].replace(value).is_some() {
                bad = true;
                let title = format!("the parameter `{}` is given twice", infos[target].name);
                self.error("TYPECK_E_ARG_NAME", title, arg.value.span)
                    .help("leave one of them out")
                    .push("given again here");
            }
            order.push(target);
        }
        if args.len() > params.len() && args.iter().all(|arg| arg.name.is_none()) {
            self.wrong_count(name, params.len(), args.len(), span);
            return None;
        }
        let sorted = order.windows(2).all(|pair| pair[0] < pair[1]);
        let simple = slots.iter().flatten().all(|value| {
            matches!(&value.kind, ExprKind::Const(_))
                || matches!(&value.kind, ExprKind::Load { place, .. } if place.path.is_empty())
        });
        if !sorted && !simple && !bad {
            self.cx.unsupported("an argument by name out of the order of the parameters", span);
            bad = true;
        }
        let mut missing = Vec::new();
        for (at, slot) in slots.iter_mut().enumerate() {
            if slot.is_none() {
                match infos[at].default {
                    Some(default) => *slot = Some(self.default(default, params[at])),
                    None => missing.push(format!("`{}`", infos[at].name)),
                }
            }
        }
        if !missing.is_empty() && !bad {
            let title = format!("arguments are missing for `{name}`");
            self.error("TYPECK_E_ARG_COUNT", title, span)
                .help(format!("give a value for {}", missing.join(", ")))
                .push(format!("{} of {} are given", args.len(), params.len()));
        }
        if bad || !missing.is_empty() {
            return None;
        }
        Some(slots.into_iter().flatten().collect())
    }

    /// A default value: names in it mean what they mean at the top of the module.
    pub(super) fn default(&mut self, default: &'a ast::Expr, ty: TyId) -> Expr {
        let scopes = std::mem::take(&mut self.scopes);
        self.scopes.push(std::collections::BTreeMap::new());
        let value = self.expr_as(default, ty);
        self.scopes = scopes;
        value
    }

    /// Moves a local that is passed to an owned parameter.
    fn give_away(&mut self, mut value: Expr) -> Expr {
        let scalar = matches!(
            self.ty_kind(value.ty),
            TyKind::Int(_)
                | TyKind::Infer(..)
                | TyKind::Bool
                | TyKind::Char
                | TyKind::F32
                | TyKind::F64
                | TyKind::Unit
        );
        if let ExprKind::Load { place, mode } = &mut value.kind
            && place.path.is_empty()
            && matches!(place.base, hir::PlaceBase::Local(_))
            && !scalar
        {
            *mode = hir::LoadMode::Move;
        }
        value
    }

    pub(super) fn wrong_count(&mut self, name: &str, wanted: usize, given: usize, span: Span) {
        let title = format!("`{name}` takes {wanted} argument(s), not {given}");
        self.error("TYPECK_E_ARG_COUNT", title, span)
            .help("give one argument for each parameter")
            .push(format!("{given} are given"));
    }

    /// Arguments by position only.
    pub(super) fn plain_args(
        &mut self,
        args: &'a [ast::Arg],
        params: &[TyId],
        name: &str,
        span: Span,
    ) -> Option<Vec<Expr>> {
        if let Some(label) = args.iter().find_map(|arg| arg.name.as_ref()) {
            let title = format!("`{name}` has no parameter `{}`", label.name);
            self.error("TYPECK_E_ARG_NAME", title, label.span)
                .help("give the arguments by position")
                .push("its parameters have no names");
            self.args_for_errors(args);
            return None;
        }
        if args.len() != params.len() {
            self.args_for_errors(args);
            self.wrong_count(name, params.len(), args.len(), span);
            return None;
        }
        Some(args.iter().zip(params).map(|(arg, &ty)| self.expr_as(&arg.value, ty)).collect())
    }

    /// A cold future.
    pub(super) fn future(&mut self, kind: AwaitableKind, result: TyId, span: Span) -> Expr {
        let ty = self.cx.types.intern(TyKind::Future(result));
        let awaitable = Awaitable { kind, ty: result, span };
        Expr { kind: ExprKind::Future(Box::new(awaitable)), ty, span }
    }

    /// An operation of std as a cold future.
    pub(super) fn op(&mut self, op: AsyncOp, args: Vec<Expr>, result: TyId, span: Span) -> Expr {
        self.future(AwaitableKind::Op { op, args }, result, span)
    }

    /// A call of a builtin.
    pub(super) fn builtin(op: Builtin, args: Vec<Expr>, ty: TyId, span: Span) -> Expr {
        Expr { kind: ExprKind::Builtin { op, args }, ty, span }
    }
}

/// Reports a procedure without `self` that is called on a value.
pub(super) fn wrong_self(fx: &mut Fx<'_, '_, '_>, value: &Expr, name: &ast::Ident) {
    let ty = fx.type_name(value.ty);
    let title = format!("`{}` takes no `self`", name.name);
    fx.error("SEMA_E_NO_METHOD", title, name.span)
        .help(format!("call it as `{ty}.{}(…)`, or give it a `self` parameter", name.name))
        .push("called on a value here");
}

/// `a + b` of strings or lists.
pub(super) fn concat(a: Expr, b: Expr, ty: TyId, span: Span) -> Expr {
    Expr { kind: ExprKind::Builtin { op: Builtin::Concat, args: vec![a, b] }, ty, span }
}
