//! Procedures of std as values.
//!
//! In: a name of std where a value stands, with the type that is wanted there. Out: the value of a
//! procedure that calls it, as closures are lifted. Most procedures of std take more than one type;
//! which one is meant must be known by then.

use super::body::{BodyKind, Fx, Want, error_expr};
use super::hir::ProcKind;
use super::hir::{self, Awaitable, AwaitableKind, BinOp, Builtin, Expr, ExprKind, Overflow, UnOp};
use super::items::ParamInfo;
use super::std::{Choice, StdProc};
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
}
