//! Procedures of std as values, and `timeout` kept as a future.
//!
//! In: a name of std where a value stands, with the type that is wanted there. Out: the value of a
//! procedure that calls it, as closures are lifted. Most procedures of std take more than one type;
//! which one is meant must be known by then.

use super::body::{BodyKind, Fx, Want, error_expr};
use super::hir::{self, Awaitable, AwaitableKind, BinOp, Builtin, Expr, ExprKind, Overflow, UnOp};
use super::hir::{LocalId, ProcId, ProcKind};
use super::items::{Cx, ParamInfo, ProcInfo};
use super::std::{Choice, StdProc, TASK_ERROR, TIMEOUT};
use super::types::{TyId, TyKind};
use crate::diagnostics::Span;

impl<'a> Fx<'_, 'a, '_> {
    /// A procedure of std as a value.
    pub(super) fn std_value(&mut self, std: StdProc, want: Want, span: Span) -> Expr {
        let word = super::std::name_of(std);
        let own = match std {
            StdProc::Plain(op) => Some(self.plain_signature(op).0),
            StdProc::Op(op) => Some(self.op_signature(op).0),
            _ => None,
        };
        let arity = match std {
            StdProc::Plain(_) | StdProc::Op(_) => own.as_ref().map_or(0, Vec::len),
            StdProc::Print(_)
            | StdProc::ToString
            | StdProc::Len
            | StdProc::WrappingNeg
            | StdProc::Choose(Choice::Abs)
            | StdProc::Some
            | StdProc::Ok
            | StdProc::Err => 1,
            StdProc::Push | StdProc::Choose(_) | StdProc::Wrapping(_) => 2,
            StdProc::Slice => 3,
            _ => return self.unsupported(&format!("`{word}` as a value"), span),
        };
        let wanted = match want {
            Want::Ty(ty) => match self.ty_kind(ty) {
                TyKind::Proc { params, result, .. } => Some((params, result)),
                _ => None,
            },
            _ => None,
        };
        if let Some((params, _)) = &wanted
            && params.len() != arity
        {
            self.wrong_count(word, arity, params.len(), span);
            return error_expr(span);
        }
        let (params, result) = match (own, wanted) {
            (Some(own), _) => (own, None),
            (None, Some((params, result))) => {
                let settled = params.into_iter().map(|ty| self.settled(ty)).collect();
                (settled, Some(self.settled(result)))
            }
            (None, None) => (vec![TyId::ERROR; arity], None),
        };
        if params.contains(&TyId::ERROR) {
            return self.open_value(word, span);
        }
        self.lift_std(std, word, params, result, span)
    }

    /// A type in which open numbers have become what they are if nothing says otherwise; the error
    /// type if more is open.
    fn settled(&mut self, ty: TyId) -> TyId {
        let ty = self.infer.settle(&mut self.cx.types, ty);
        let open = self.cx.types.any(ty, &|kind| matches!(kind, TyKind::Infer(..)));
        if open { TyId::ERROR } else { ty }
    }

    fn open_value(&mut self, word: &str, span: Span) -> Expr {
        let title = format!("the type of `{word}` as a value cannot be told");
        self.error("TYPECK_E_ANNOTATION", title, span)
            .note("it takes values of more than one type")
            .help("write the type: `let f: proc(…) -> … = …`")
            .push("nothing says which one is meant");
        error_expr(span)
    }

    /// Makes a procedure that calls one of std.
    fn lift_std(
        &mut self,
        std: StdProc,
        word: &str,
        params: Vec<TyId>,
        result: Option<TyId>,
        span: Span,
    ) -> Expr {
        let infos: Vec<ParamInfo<'a>> = params
            .iter()
            .enumerate()
            .map(|(at, &ty)| ParamInfo {
                name: format!("a{at}"),
                ty,
                owned: false,
                default: None,
                pattern: None,
                span,
            })
            .collect();
        let kind = if matches!(std, StdProc::Op(_)) { ProcKind::Async } else { ProcKind::Sync };
        let (name, module) = (self.lifted_name(), self.module);
        let (generics, self_ty) = (self.generics.clone(), self.self_ty);
        let mut fx = Fx::new(self.cx, name.clone(), module, BodyKind::Proc(kind));
        fx.generics = generics;
        fx.self_ty = self_ty;
        let mut args = Vec::new();
        for info in &infos {
            let local = fx.local(&info.name, info.ty, span);
            args.push(fx.load(local, span));
        }
        let Some(value) = fx.std_of(std, word, args, result, span) else {
            return self.open_value(word, span);
        };
        let n_params = params.len() as u32;
        let body = fx.finish(hir::Body { locals: Vec::new(), n_params, n_loops: 0, value });
        let result = body.value.ty;
        if result == TyId::ERROR {
            return error_expr(span);
        }
        self.lifted(name, infos, result, kind, body, span)
    }

    /// A call of a procedure of std with checked arguments; `None` if its result is open.
    fn std_of(
        &mut self,
        std: StdProc,
        word: &str,
        mut args: Vec<Expr>,
        result: Option<TyId>,
        span: Span,
    ) -> Option<Expr> {
        let first = args.first().map_or(TyId::ERROR, |arg| arg.ty);
        let element = self.cx.types.element(first);
        let is_string = first == TyId::STRING;
        // What the others are follows from the first.
        let others = match (std, element) {
            (StdProc::Push, Some(item)) => vec![item],
            (StdProc::Slice, _) => vec![TyId::INT, TyId::INT],
            (StdProc::Choose(_), _) => vec![first],
            (StdProc::Wrapping(BinOp::Shl | BinOp::Shr), _) => Vec::new(),
            (StdProc::Wrapping(_), _) => vec![first],
            _ => Vec::new(),
        };
        let rest: Vec<Expr> = args.drain(1.min(args.len())..).collect();
        let mut others = others.into_iter();
        for arg in rest {
            let arg = match others.next() {
                Some(ty) => self.coerce(arg, ty),
                None => arg,
            };
            args.push(arg);
        }
        let needs = match std {
            StdProc::Push if !matches!(self.ty_kind(first), TyKind::List(_)) => Some("a list"),
            StdProc::Len | StdProc::Slice if element.is_none() && !is_string => {
                Some("a list or string")
            }
            StdProc::Choose(_) if !self.is_number(first) => Some("a number"),
            StdProc::WrappingNeg if !self.is_integer(first) => Some("an integer"),
            _ => None,
        };
        if let Some(needs) = needs {
            return Some(self.bad_operand(word, args.first()?, needs, span));
        }
        Some(match std {
            StdProc::Print(op) => {
                let text = self.stringify(args.pop()?);
                Self::builtin(op, vec![text], TyId::UNIT, span)
            }
            StdProc::ToString => self.stringify(args.pop()?),
            StdProc::Plain(op) => {
                let (_, result) = self.plain_signature(op);
                Self::builtin(op, args, result, span)
            }
            StdProc::Op(op) => {
                let (_, ty) = self.op_signature(op);
                let kind = AwaitableKind::Op { op, args };
                let kind = ExprKind::Await(Box::new(Awaitable { kind, ty, span }));
                Expr { kind, ty, span }
            }
            StdProc::Len => Self::builtin(Builtin::Len, args, TyId::INT, span),
            StdProc::Push => Self::builtin(Builtin::Push, args, TyId::UNIT, span),
            StdProc::Slice => {
                let ty = element.map_or(first, |item| self.cx.types.list(item));
                Self::builtin(Builtin::Slice, args, ty, span)
            }
            StdProc::Choose(choice) => {
                let second = if args.len() == 2 { args.pop() } else { None };
                self.choose_of(choice, args.pop()?, second, span)
            }
            StdProc::Wrapping(op) => {
                let rhs = args.pop()?;
                self.arithmetic(op, Overflow::Wrapping, args.pop()?, rhs, span, span)
            }
            StdProc::WrappingNeg => {
                let expr = Box::new(args.pop()?);
                let (op, overflow) = (UnOp::Neg, Overflow::Wrapping);
                Expr { kind: ExprKind::Unary { op, overflow, expr }, ty: first, span }
            }
            StdProc::Some => {
                let ty = self.cx.types.option(first);
                Expr { kind: ExprKind::Some(Box::new(args.pop()?)), ty, span }
            }
            StdProc::Ok | StdProc::Err => {
                let ty = result.filter(|ty| *ty != TyId::ERROR)?;
                let TyKind::Result(ok, err) = self.ty_kind(ty) else { return None };
                let side = if std == StdProc::Ok { ok } else { err };
                let value = Box::new(self.coerce(args.pop()?, side));
                let kind =
                    if std == StdProc::Ok { ExprKind::Ok(value) } else { ExprKind::Err(value) };
                Expr { kind, ty, span }
            }
            _ => return None,
        })
    }

    /// `timeout(ms, e)` that is kept instead of awaited: a call of a procedure that awaits it.
    pub(super) fn cold_timeout(&mut self, ms: Expr, of: Awaitable, ty: TyId, span: Span) -> Expr {
        let at = of.span;
        let (value, is_task) = match of.kind {
            AwaitableKind::Future(value) => (*value, false),
            AwaitableKind::Task(value) => (*value, true),
            AwaitableKind::Timeout { ms, of: inner } => {
                (self.cold_timeout(*ms, *inner, of.ty, at), false)
            }
            AwaitableKind::Join(_) => {
                let what = "a `timeout` of a tuple that is not awaited where it is written";
                return self.unsupported(what, span);
            }
            kind @ (AwaitableKind::Call(_)
            | AwaitableKind::CallValue { .. }
            | AwaitableKind::Op { .. }) => {
                let ty = self.cx.types.intern(TyKind::Future(of.ty));
                let kind = ExprKind::Future(Box::new(Awaitable { kind, ty: of.ty, span: at }));
                (Expr { kind, ty, span: at }, false)
            }
        };
        let parts = self.cx.types.parts(value.ty);
        let type_args = vec![parts.first().copied().unwrap_or(TyId::ERROR)];
        let callee = hir::Callee { proc: self.cx.timeout_proc(is_task, span), type_args };
        self.future(AwaitableKind::Call(hir::Call { callee, args: vec![ms, value] }), ty, span)
    }
}

impl Cx<'_, '_> {
    /// `async proc timeout[T](ms: int, of: Future[T])`, or of a task.
    fn timeout_proc(&mut self, is_task: bool, span: Span) -> ProcId {
        if let Some(id) = self.timeouts[usize::from(is_task)] {
            return id;
        }
        let name = "T".to_owned();
        let t = self.types.intern(TyKind::Param { index: 0, name: name.clone() });
        let task_error = self.types.intern(TyKind::Adt(TASK_ERROR, Vec::new()));
        let late = self.types.intern(TyKind::Adt(TIMEOUT, Vec::new()));
        let (of_ty, inner) = if is_task {
            (self.types.intern(TyKind::Task(t)), self.types.result(t, task_error))
        } else {
            (self.types.intern(TyKind::Future(t)), t)
        };
        let result = self.types.result(inner, late);
        let params = [("ms", TyId::INT), ("of", of_ty)];
        let load = |at: u32, mode| {
            let (local, ty) = (LocalId(at), params[at as usize].1);
            let base = hir::PlaceBase::Local(local);
            let place = hir::Place { base, path: Vec::new(), ty, span };
            Box::new(Expr { kind: ExprKind::Load { place, mode }, ty, span })
        };
        let ms = load(0, hir::LoadMode::Read);
        let kind = if is_task {
            AwaitableKind::Task(load(1, hir::LoadMode::Read))
        } else {
            AwaitableKind::Future(load(1, hir::LoadMode::Move))
        };
        let of = Box::new(Awaitable { kind, ty: inner, span });
        let kind = AwaitableKind::Timeout { ms, of };
        let kind = ExprKind::Await(Box::new(Awaitable { kind, ty: result, span }));
        let value = Expr { kind, ty: result, span };
        let locals = params.map(|(name, ty)| hir::Local {
            name: name.to_owned(),
            ty,
            assigned: false,
            referenced: false,
            future_of: None,
            span,
        });
        let infos = params.map(|(name, ty)| ParamInfo {
            name: name.to_owned(),
            ty,
            owned: true,
            default: None,
            pattern: None,
            span,
        });
        let id = ProcId(self.procs.len() as u32);
        self.procs.push(ProcInfo {
            name: format!("{{timeout of a {}}}", if is_task { "task" } else { "future" }),
            module: 0,
            generics: vec![name],
            params: infos.into(),
            result,
            kind: ProcKind::Async,
            self_ty: None,
            has_self: false,
            source: None,
            body: Some(hir::Body { locals: locals.into(), n_params: 2, n_loops: 0, value }),
            span,
        });
        self.timeouts[usize::from(is_task)] = Some(id);
        id
    }
}
