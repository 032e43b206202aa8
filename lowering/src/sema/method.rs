//! Members: fields, methods, arms of picks, form literals.

use super::body::{BodyKind, Fx, Named, Want, const_expr, error_expr};
use super::call::wrong_self;
use super::hir::{
    self, AdtKind, BinOp, Const, Expr, ExprKind, FieldIdx, Overflow, PanicReason, Projection,
    ProjectionKind, VariantIdx,
};
use super::items::{AdtSource, Def, Member};
use super::std::{AsyncOp, Builtin, SEND_ERROR, TASK_STATE};
use super::types::{AdtId, TyId, TyKind};
use crate::diagnostics::Span;
use crate::syntax::ast;

/// What stands before a dot, if it is no value.
pub(super) enum Head {
    /// A form or pick with its type arguments.
    Adt(AdtId, Vec<TyId>),
    /// A module.
    Module(Def),
    /// `Option` or `Result`.
    Wrapper(&'static str),
}

impl<'a> Fx<'_, 'a, '_> {
    /// Finds what stands before a dot, if it is no value.
    pub(super) fn head(&mut self, expr: &'a ast::Expr) -> Option<Head> {
        match &expr.kind {
            ast::ExprKind::Name(name) => match self.lookup(&name.name) {
                Some(Named::Def(def)) => self.def_head(def, None, expr.span),
                Some(_) => None,
                None if name.name == "Self" => {
                    let ty = self.self_ty?;
                    match self.ty_kind(ty) {
                        TyKind::Adt(adt, args) => Some(Head::Adt(adt, args)),
                        _ => None,
                    }
                }
                None => None,
            },
            ast::ExprKind::Path(path) => {
                let def = self.cx.path_def(&path.segments, self.module)?;
                self.def_head(def, None, expr.span)
            }
            ast::ExprKind::Field { base, name } => match self.head(base)? {
                Head::Module(module) => {
                    let def = self.cx.module_member(module, &name.name)?;
                    self.def_head(def, None, expr.span)
                }
                _ => None,
            },
            ast::ExprKind::Instantiate { base, args, .. } => {
                let def = match &base.kind {
                    ast::ExprKind::Name(name) => match self.lookup(&name.name)? {
                        Named::Def(def) => def,
                        _ => return None,
                    },
                    ast::ExprKind::Path(path) => self.cx.path_def(&path.segments, self.module)?,
                    _ => return None,
                };
                self.def_head(def, Some(args), expr.span)
            }
            _ => None,
        }
    }

    fn def_head(
        &mut self,
        def: Def,
        types: Option<&'a [ast::TypeExpr]>,
        span: Span,
    ) -> Option<Head> {
        match def {
            Def::Adt(adt) => {
                let n = self.cx.adts[adt.0 as usize].generics.len();
                let args = match types {
                    Some(types) => {
                        let args: Vec<TyId> = types.iter().map(|ty| self.type_of(ty)).collect();
                        if args.len() == n {
                            args
                        } else {
                            let name = self.cx.adts[adt.0 as usize].name.clone();
                            self.cx.wrong_type_args(&name, n, args.len(), span);
                            (0..n).map(|_| TyId::ERROR).collect()
                        }
                    }
                    None => (0..n).map(|_| self.fresh()).collect(),
                };
                Some(Head::Adt(adt, args))
            }
            Def::Alias(alias) => {
                let ty = self.cx.aliases[alias as usize].item.ty.as_ref()?;
                if !self.cx.aliases[alias as usize].item.generics.is_empty() {
                    self.cx.unsupported("a generic alias before a dot", span);
                    return None;
                }
                let ty = self.type_of(ty);
                match self.ty_kind(ty) {
                    TyKind::Adt(adt, args) => Some(Head::Adt(adt, args)),
                    _ => None,
                }
            }
            Def::Module(_) | Def::StdModule(_) => Some(Head::Module(def)),
            Def::StdType(name) => match name {
                "TaskError" => Some(Head::Adt(super::std::TASK_ERROR, Vec::new())),
                "Timeout" => Some(Head::Adt(super::std::TIMEOUT, Vec::new())),
                "SendError" => Some(Head::Adt(SEND_ERROR, Vec::new())),
                "TaskState" => Some(Head::Adt(TASK_STATE, Vec::new())),
                "Option" | "Result" => Some(Head::Wrapper(name)),
                _ => None,
            },
            _ => None,
        }
    }

    /// `base.name`.
    pub(super) fn field(
        &mut self,
        base: &'a ast::Expr,
        name: &'a ast::Ident,
        want: Want,
        span: Span,
    ) -> Expr {
        match self.head(base) {
            Some(Head::Adt(adt, args)) => return self.member_value(adt, &args, name, want, span),
            Some(Head::Module(module)) => {
                return match self.cx.module_member(module, &name.name) {
                    Some(def) => self.def_value(def, None, want, span),
                    None => self.not_shown(module, name),
                };
            }
            Some(Head::Wrapper(_)) if name.name == "None" => return self.null(want, span),
            Some(Head::Wrapper(_)) => return self.unresolved(name),
            None => {}
        }
        let value = self.expr(base, Want::Any);
        let value = self.deref(value);
        match self.ty_kind(value.ty) {
            TyKind::Adt(adt, args) => match self.form_field(adt, &args, &name.name) {
                Some((field, ty)) => {
                    let mut place = Self::as_place(value);
                    let kind = ProjectionKind::Field(field);
                    place.path.push(Projection { kind, ty, span: name.span });
                    (place.ty, place.span) = (ty, span);
                    self.load_place(place)
                }
                None => self.no_field(&value, name),
            },
            TyKind::Error | TyKind::Never => error_expr(span),
            _ => self.no_field(&value, name),
        }
    }

    /// A field of a form with its type.
    pub(super) fn form_field(
        &mut self,
        adt: AdtId,
        args: &[TyId],
        name: &str,
    ) -> Option<(FieldIdx, TyId)> {
        let AdtKind::Form(fields) = &self.cx.adts[adt.0 as usize].kind else { return None };
        let at = fields.iter().position(|field| field.name == name)?;
        let ty = fields[at].ty;
        Some((FieldIdx(at as u32), self.cx.types.subst(ty, args)))
    }

    fn no_field(&mut self, value: &Expr, name: &ast::Ident) -> Expr {
        let ty = self.type_name(value.ty);
        let fields = match self.ty_kind(value.ty) {
            TyKind::Adt(adt, _) => match &self.cx.adts[adt.0 as usize].kind {
                AdtKind::Form(fields) => fields.iter().map(|f| format!("`{}`", f.name)).collect(),
                AdtKind::Pick(_) => Vec::new(),
            },
            _ => Vec::new(),
        };
        let title = format!("`{ty}` has no field `{}`", name.name);
        let report = self.error("SEMA_E_NO_FIELD", title, name.span);
        if name.name == "len" {
            report.help("call it: `.len()`")
        } else if fields.is_empty() {
            report.help("only forms have fields; a method is called with `()`")
        } else {
            report.help(format!("its fields: {}", fields.join(", ")))
        }
        .push("this field does not exist");
        error_expr(name.span)
    }

    /// `Type.name` without a call.
    pub(super) fn member_value(
        &mut self,
        adt: AdtId,
        args: &[TyId],
        name: &'a ast::Ident,
        want: Want,
        span: Span,
    ) -> Expr {
        if let Some((variant, payload)) = self.variant(adt, args, &name.name) {
            if !payload.is_empty() {
                let title = format!("the arm `{}` needs its payload", name.name);
                self.error("TYPECK_E_ARG_COUNT", title, span)
                    .help(format!("write `{}(…)` with {} value(s)", name.name, payload.len()))
                    .push("its values are missing");
            }
            let ty = self.cx.types.intern(TyKind::Adt(adt, args.to_vec()));
            return Expr { kind: ExprKind::Variant { variant, args: Vec::new() }, ty, span };
        }
        match self.cx.adts[adt.0 as usize].methods.get(&name.name).copied() {
            Some(Member::Proc(id)) => self.def_value(Def::Proc(id), None, want, span),
            Some(Member::Const(id)) => self.def_value(Def::Const(id), None, want, span),
            None => self.no_member(adt, name),
        }
    }

    fn no_member(&mut self, adt: AdtId, name: &ast::Ident) -> Expr {
        let info = &self.cx.adts[adt.0 as usize];
        let owner = info.name.clone();
        let (key, what, known): (_, _, Vec<String>) = match &info.kind {
            AdtKind::Pick(arms) => {
                let names = arms.iter().map(|arm| format!("`{}`", arm.name)).collect();
                ("SEMA_E_NO_ARM", "arm", names)
            }
            AdtKind::Form(_) => {
                let names = info.methods.keys().map(|name| format!("`{name}`")).collect();
                ("SEMA_E_NO_METHOD", "member", names)
            }
        };
        let title = format!("`{owner}` has no {what} `{}`", name.name);
        let report = self.error(key, title, name.span);
        if known.is_empty() {
            report.help("declare it in the form, or in an `impl`")
        } else {
            report.help(format!("it has: {}", known.join(", ")))
        }
        .push("there is none of this name");
        error_expr(name.span)
    }

    /// An arm of a pick with the types of its payload.
    pub(super) fn variant(
        &mut self,
        adt: AdtId,
        args: &[TyId],
        name: &str,
    ) -> Option<(VariantIdx, Vec<TyId>)> {
        let AdtKind::Pick(arms) = &self.cx.adts[adt.0 as usize].kind else { return None };
        let at = arms.iter().position(|arm| arm.name == name)?;
        let payload: Vec<TyId> = arms[at].payload.iter().map(|field| field.ty).collect();
        let types = &mut self.cx.types;
        let payload = payload.into_iter().map(|ty| types.subst(ty, args)).collect();
        Some((VariantIdx(at as u32), payload))
    }

    /// `Type.name(args)`.
    #[allow(clippy::too_many_arguments, reason = "the parts of one construct")]
    pub(super) fn call_member(
        &mut self,
        adt: AdtId,
        adt_args: &[TyId],
        name: &'a ast::Ident,
        types: Option<&'a [ast::TypeExpr]>,
        args: &'a [ast::Arg],
        want: Want,
        span: Span,
    ) -> Expr {
        if let Some((variant, payload)) = self.variant(adt, adt_args, &name.name) {
            let ty = self.cx.types.intern(TyKind::Adt(adt, adt_args.to_vec()));
            if let Want::Ty(wanted) = want
                && matches!(self.ty_kind(wanted), TyKind::Adt(other, _) if other == adt)
            {
                self.unify(wanted, ty);
            }
            let names: Vec<String> = match &self.cx.adts[adt.0 as usize].kind {
                AdtKind::Pick(arms) => {
                    arms[variant.0 as usize].payload.iter().map(|f| f.name.clone()).collect()
                }
                AdtKind::Form(_) => Vec::new(),
            };
            let labels_fit = args.iter().enumerate().all(|(at, arg)| {
                arg.name.as_ref().is_none_or(|label| names.get(at) == Some(&label.name))
            });
            if !labels_fit || args.len() != payload.len() {
                self.args_for_errors(args);
                let title = format!(
                    "the arm `{}` takes {} value(s), by position",
                    name.name,
                    payload.len()
                );
                self.error("TYPECK_E_ARG_COUNT", title, span)
                    .help("give them in the order in which the pick declares them")
                    .push(format!("{} are given", args.len()));
                return Expr { ty, ..error_expr(span) };
            }
            let args =
                args.iter().zip(payload).map(|(arg, ty)| self.expr_as(&arg.value, ty)).collect();
            return Expr { kind: ExprKind::Variant { variant, args }, ty, span };
        }
        let Some(Member::Proc(id)) = self.cx.adts[adt.0 as usize].methods.get(&name.name).copied()
        else {
            self.args_for_errors(args);
            return self.no_member(adt, name);
        };
        if types.is_none() {
            let found = self.instantiate_proc(id, adt_args, None, name.span);
            let Some(found) = found else { return error_expr(span) };
            return self.call_proc(id, found, None, args, name.span, span);
        }
        match self.instantiate_proc(id, adt_args, types, name.span) {
            Some(found) => self.call_proc(id, found, None, args, name.span, span),
            None => error_expr(span),
        }
    }

    /// `value.name(args)`.
    pub(super) fn method_call(
        &mut self,
        base: &'a ast::Expr,
        name: &'a ast::Ident,
        types: Option<&'a [ast::TypeExpr]>,
        args: &'a [ast::Arg],
        _want: Want,
        span: Span,
    ) -> Expr {
        let value = self.expr(base, Want::Any);
        let value = self.deref(value);
        self.value_method(value, name, types, args, span)
    }

    /// A method of a checked value.
    pub(super) fn value_method(
        &mut self,
        value: Expr,
        name: &'a ast::Ident,
        types: Option<&'a [ast::TypeExpr]>,
        args: &'a [ast::Arg],
        span: Span,
    ) -> Expr {
        let kind = self.ty_kind(value.ty);
        if let TyKind::Adt(adt, adt_args) = &kind {
            let member = self.cx.adts[adt.0 as usize].methods.get(&name.name).copied();
            if let Some(Member::Proc(id)) = member {
                if !self.cx.procs[id.0 as usize].has_self {
                    wrong_self(self, &value, name);
                    self.args_for_errors(args);
                    return error_expr(span);
                }
                let own = self.cx.procs[id.0 as usize].generics.len().min(adt_args.len());
                let first = adt_args[..own].to_vec();
                let Some(found) = self.instantiate_proc(id, &first, types, name.span) else {
                    return error_expr(span);
                };
                return self.call_proc(id, found, Some(value), args, name.span, span);
            }
            if let Some((field, ty)) = self.form_field(*adt, adt_args, &name.name) {
                let mut place = Self::as_place(value);
                place.path.push(Projection { kind: ProjectionKind::Field(field), ty, span });
                place.ty = ty;
                let callee = self.load_place(place);
                return self.call_value(callee, args, span);
            }
        }
        if matches!(kind, TyKind::Error | TyKind::Never) {
            self.args_for_errors(args);
            return error_expr(span);
        }
        if let Some(found) = self.std_method(&value, &kind, &name.name) {
            if self.kind == BodyKind::Const {
                self.args_for_errors(args);
                return self.not_const("a call", span);
            }
            return self.call_std_method(found, value, name, args, span);
        }
        self.args_for_errors(args);
        let ty = self.type_name(value.ty);
        let title = format!("`{ty}` has no method `{}`", name.name);
        let mut report = self.error("SEMA_E_NO_METHOD", title, name.span);
        if ty.starts_with("Future[") {
            report = report.help("this is a future: `await` it first");
        } else if ty.starts_with('?') || ty.starts_with("Result[") {
            report = report.help("take the value out first, with `??`, `?` or a match");
        } else {
            report =
                report.help("declare it in the form, or write a procedure that takes the value");
        }
        report.push("there is none of this name");
        error_expr(span)
    }

    /// A method of a type of std.
    fn std_method(&mut self, value: &Expr, kind: &TyKind, name: &str) -> Option<StdMethod> {
        let types = &mut self.cx.types;
        let (int, unit, string) = (TyId::INT, TyId::UNIT, TyId::STRING);
        let plain =
            |op, params: &[TyId], result| Some(StdMethod::Builtin(op, params.to_vec(), result));
        match (kind, name) {
            (TyKind::String | TyKind::List(_) | TyKind::Array(..), "len") => {
                plain(Builtin::Len, &[], int)
            }
            (TyKind::String | TyKind::List(_) | TyKind::Array(..), "is_empty") => {
                Some(StdMethod::IsEmpty)
            }
            (TyKind::String | TyKind::List(_), "slice") => {
                plain(Builtin::Slice, &[int, int], value.ty)
            }
            (TyKind::Array(item, _), "slice") => {
                let part = types.list(*item);
                plain(Builtin::Slice, &[int, int], part)
            }
            (TyKind::String, "contains") => Some(StdMethod::Contains(string)),
            (TyKind::List(item) | TyKind::Array(item, _), "contains") => {
                Some(StdMethod::Contains(*item))
            }
            (TyKind::String, "parse_int") => {
                let result = types.option(int);
                plain(Builtin::ParseInt, &[], result)
            }
            (TyKind::String, "parse_float") => {
                let result = types.option(TyId::F64);
                plain(Builtin::ParseFloat, &[], result)
            }
            (TyKind::List(item), "push") => plain(Builtin::Push, &[*item], unit),
            (TyKind::List(item), "pop") => {
                let result = types.option(*item);
                plain(Builtin::Pop, &[], result)
            }
            (TyKind::List(_), "clear") => plain(Builtin::Clear, &[], unit),
            (TyKind::Option(inner), "is_some") => Some(StdMethod::Is(*inner, VariantIdx::SOME)),
            (TyKind::Option(inner), "is_none") => Some(StdMethod::Is(*inner, VariantIdx::NONE)),
            (TyKind::Result(ok, _), "is_ok") => Some(StdMethod::Is(*ok, VariantIdx::OK)),
            (TyKind::Result(_, err), "is_err") => Some(StdMethod::Is(*err, VariantIdx::ERR)),
            (TyKind::Option(inner), "unwrap") => Some(StdMethod::Unwrap(*inner, VariantIdx::SOME)),
            (TyKind::Result(ok, _), "unwrap") => Some(StdMethod::Unwrap(*ok, VariantIdx::OK)),
            (TyKind::Task(_), "cancel") => plain(Builtin::TaskCancel, &[], unit),
            (TyKind::Task(_), "state") => {
                let state = types.intern(TyKind::Adt(TASK_STATE, Vec::new()));
                plain(Builtin::TaskState, &[], state)
            }
            (TyKind::Channel(_), "close") => plain(Builtin::ChannelClose, &[], unit),
            (TyKind::Channel(_), "len") => plain(Builtin::ChannelLen, &[], int),
            (TyKind::Channel(item), "send") => {
                let err = types.intern(TyKind::Adt(SEND_ERROR, Vec::new()));
                let result = types.result(unit, err);
                Some(StdMethod::Op(AsyncOp::Send, vec![*item], result))
            }
            (TyKind::Channel(item), "recv") => {
                let result = types.option(*item);
                Some(StdMethod::Op(AsyncOp::Recv, Vec::new(), result))
            }
            (TyKind::TaskScope, "spawn") => Some(StdMethod::ScopeSpawn),
            (TyKind::TaskScope, "cancel") => plain(Builtin::ScopeCancel, &[], unit),
            (TyKind::TcpListener, "accept") => {
                let ok = types.intern(TyKind::TcpStream);
                let result = types.result(ok, string);
                Some(StdMethod::Op(AsyncOp::Accept, Vec::new(), result))
            }
            (TyKind::TcpListener, "port") => plain(Builtin::ListenerPort, &[], int),
            (TyKind::TcpListener, "close") => plain(Builtin::ListenerClose, &[], unit),
            (TyKind::TcpStream, "read") => {
                let result = types.result(string, string);
                Some(StdMethod::Op(AsyncOp::Read, vec![int], result))
            }
            (TyKind::TcpStream, "write") => {
                let result = types.result(int, string);
                Some(StdMethod::Op(AsyncOp::Write, vec![string], result))
            }
            (TyKind::TcpStream, "close") => plain(Builtin::StreamClose, &[], unit),
            (_, "to_string") => Some(StdMethod::ToString),
            _ => None,
        }
    }

    fn call_std_method(
        &mut self,
        method: StdMethod,
        value: Expr,
        name: &'a ast::Ident,
        args: &'a [ast::Arg],
        span: Span,
    ) -> Expr {
        let word = name.name.as_str();
        if let StdMethod::ScopeSpawn = method {
            let [one] = args else {
                self.plain_args(args, &[TyId::ERROR], word, span);
                return error_expr(span);
            };
            return self.spawn_with(&one.value, hir::SpawnParent::Scope(Box::new(value)), span);
        }
        let params = match &method {
            StdMethod::Builtin(_, params, _) | StdMethod::Op(_, params, _) => params.clone(),
            StdMethod::Contains(item) => vec![*item],
            _ => Vec::new(),
        };
        let Some(mut rest) = self.plain_args(args, &params, word, span) else {
            return error_expr(span);
        };
        match method {
            StdMethod::Builtin(op, _, ty) => {
                rest.insert(0, value);
                Self::builtin(op, rest, ty, span)
            }
            StdMethod::Op(op, _, ty) => {
                rest.insert(0, value);
                self.op(op, rest, ty, span)
            }
            StdMethod::Contains(_) => {
                let op = match self.ty_kind(value.ty) {
                    TyKind::String => Builtin::InString,
                    _ => Builtin::InList,
                };
                // The value searched in is the receiver, which is evaluated first.
                let ty = value.ty;
                let held = self.local("<in>", ty, value.span);
                let init = hir::StmtKind::Let { local: held, init: value };
                let stmts = vec![hir::Stmt { kind: init, span }];
                rest.push(self.load(held, span));
                let test = Self::builtin(op, rest, TyId::BOOL, span);
                let block = hir::Block { stmts, value: Some(Box::new(test)) };
                Expr { kind: ExprKind::Block(Box::new(block)), ty: TyId::BOOL, span }
            }
            StdMethod::IsEmpty => {
                let len = Self::builtin(Builtin::Len, vec![value], TyId::INT, span);
                let zero = const_expr(Const::Int(0), TyId::INT, span);
                let kind = ExprKind::Binary {
                    op: BinOp::Eq,
                    overflow: Overflow::Checked,
                    lhs: Box::new(len),
                    rhs: Box::new(zero),
                };
                Expr { kind, ty: TyId::BOOL, span }
            }
            StdMethod::Is(inner, variant) => {
                let empty = matches!(self.ty_kind(value.ty), TyKind::Option(_))
                    && variant == VariantIdx::NONE;
                let wild = |ty| hir::Pattern { kind: hir::PatternKind::Wildcard, ty, span };
                let payload = if empty { Vec::new() } else { vec![wild(inner)] };
                let kind = hir::PatternKind::Variant { variant, payload };
                let ty = value.ty;
                let arm = |pattern, value| hir::Arm {
                    pattern,
                    guard: None,
                    body: const_expr(Const::Bool(value), TyId::BOOL, span),
                    span,
                };
                let arms = vec![arm(hir::Pattern { kind, ty, span }, true), arm(wild(ty), false)];
                let source = hir::MatchSource::Is;
                self.finish_match(value, arms, Want::Ty(TyId::BOOL), source, span)
            }
            StdMethod::Unwrap(inner, variant) => {
                let text = match self.ty_kind(value.ty) {
                    TyKind::Option(_) => "`unwrap` of null",
                    _ => "`unwrap` of an error",
                };
                let fail = self.panic(None, PanicReason::Panic, text, span);
                let source = hir::MatchSource::Coalesce;
                self.unwrap(value, inner, variant, None, fail, source, span)
            }
            StdMethod::ToString => self.stringify(value),
            StdMethod::ScopeSpawn => error_expr(span),
        }
    }

    /// `F { a: x, … }`.
    pub(super) fn form_literal(
        &mut self,
        head: &'a ast::Expr,
        fields: &'a [ast::FieldInit],
        rest: Option<&'a ast::Expr>,
        want: Want,
        span: Span,
    ) -> Expr {
        let (adt, args) = match self.head(head) {
            Some(Head::Adt(adt, args))
                if matches!(self.cx.adts[adt.0 as usize].kind, AdtKind::Form(_)) =>
            {
                (adt, args)
            }
            found => {
                for field in fields {
                    self.expr(&field.value, Want::Any);
                }
                let known = found.is_some();
                match &head.kind {
                    ast::ExprKind::Name(name) if !known && self.lookup(&name.name).is_none() => {
                        let title = format!("there is no form `{}`", name.name);
                        self.error("SEMA_E_UNRESOLVED_TYPE", title, name.span)
                            .help("declare it with `form`, or `use` the module that has it")
                            .push("nothing here is named so");
                    }
                    ast::ExprKind::Name(name)
                        if matches!(self.lookup(&name.name), Some(Named::Def(Def::Error))) => {}
                    ast::ExprKind::Error => {}
                    _ => {
                        self.error("SEMA_E_NOT_A_TYPE", "this is not a form", head.span)
                            .help("fields in braces belong to a form; an arm of a pick takes its values in parentheses")
                            .push("fields cannot be given to this");
                    }
                }
                return error_expr(span);
            }
        };
        let ty = self.cx.types.intern(TyKind::Adt(adt, args.clone()));
        if let Want::Ty(wanted) = want
            && matches!(self.ty_kind(wanted), TyKind::Adt(other, _) if other == adt)
        {
            self.unify(wanted, ty);
        }
        let mut given: Vec<(FieldIdx, Expr)> = Vec::new();
        for field in fields {
            let Some((index, field_ty)) = self.form_field(adt, &args, &field.name.name) else {
                let value = self.expr(&field.value, Want::Any);
                let whole = Expr { ty, ..value };
                self.no_field(&whole, &field.name);
                continue;
            };
            let value = self.expr_as(&field.value, field_ty);
            if given.iter().any(|(known, _)| *known == index) {
                let title = format!("the field `{}` is given twice", field.name.name);
                self.error("TYPECK_E_FIELDS", title, field.name.span)
                    .help("leave one of them out")
                    .push("given again here");
                continue;
            }
            given.push((index, value));
        }
        let base = rest.map(|rest| Box::new(self.expr_as(rest, ty)));
        if base.is_none() {
            self.missing_fields(adt, &args, &mut given, head.span);
        }
        Expr { kind: ExprKind::Form { fields: given, base }, ty, span }
    }

    /// Fills fields that have defaults, and reports those that have none.
    fn missing_fields(
        &mut self,
        adt: AdtId,
        args: &[TyId],
        given: &mut Vec<(FieldIdx, Expr)>,
        span: Span,
    ) {
        let info = &self.cx.adts[adt.0 as usize];
        let (AdtKind::Form(fields), AdtSource::Form(source)) = (&info.kind, info.source) else {
            return;
        };
        let names: Vec<(String, TyId)> =
            fields.iter().map(|field| (field.name.clone(), field.ty)).collect();
        let mut missing = Vec::new();
        for (at, (name, ty)) in names.into_iter().enumerate() {
            let index = FieldIdx(at as u32);
            if given.iter().any(|(known, _)| *known == index) {
                continue;
            }
            match source.fields.get(at).and_then(|field| field.default.as_ref()) {
                Some(default) => {
                    let ty = self.cx.types.subst(ty, args);
                    let value = self.default(default, ty);
                    given.push((index, value));
                }
                None => missing.push(format!("`{name}`")),
            }
        }
        if !missing.is_empty() {
            let title = format!("fields are missing: {}", missing.join(", "));
            self.error("TYPECK_E_FIELDS", title, span)
                .help("give a value to each, or take the others from a value with `..base`")
                .push("not every field of this form has a value");
        }
    }
}

/// A method of a type of std.
enum StdMethod {
    /// A builtin with the types of the arguments after the receiver, and its result.
    Builtin(Builtin, Vec<TyId>, TyId),
    /// An operation, likewise.
    Op(AsyncOp, Vec<TyId>, TyId),
    /// Contains an element or part.
    Contains(TyId),
    /// Has no length.
    IsEmpty,
    /// Is of an arm with that payload.
    Is(TyId, VariantIdx),
    /// Takes the payload out, or panics.
    Unwrap(TyId, VariantIdx),
    /// As `as string`.
    ToString,
    /// Spawns into a scope.
    ScopeSpawn,
}
