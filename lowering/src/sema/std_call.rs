//! Calls of the procedures of std.

use super::body::{Fx, Want, const_expr, error_expr, unit_expr};
use super::hir::{self, AwaitableKind, BinOp, Const, Expr, ExprKind, Overflow, PanicReason, UnOp};
use super::items::Def;
use super::std::{AsyncOp, Builtin, Choice, StdProc, TIMEOUT};
use super::types::{TyId, TyKind};
use crate::diagnostics::Span;
use crate::syntax::ast;

impl<'a> Fx<'_, 'a, '_> {
    /// Checks a call of a procedure of std.
    pub(super) fn call_std(
        &mut self,
        std: StdProc,
        name: &'a ast::Ident,
        types: Option<&'a [ast::TypeExpr]>,
        args: &'a [ast::Arg],
        want: Want,
        span: Span,
    ) -> Expr {
        if types.is_some() && std != StdProc::Channel {
            self.cx.wrong_type_args(&name.name, 0, types.map_or(0, <[_]>::len), name.span);
        }
        let word = name.name.as_str();
        match std {
            StdProc::Print(op) => {
                let text = match args {
                    [] => const_expr(Const::Str(String::new()), TyId::STRING, span),
                    [one] if one.name.is_none() => {
                        let value = self.expr(&one.value, Want::Any);
                        self.stringify(value)
                    }
                    _ => {
                        self.args_for_errors(args);
                        let title = format!("`{word}` takes 1 argument(s), not {}", args.len());
                        self.error("TYPECK_E_ARG_COUNT", title, span)
                            .help(format!(
                                "make one text of them: `{word}(a as string + \" \" + b)`"
                            ))
                            .push(format!("{} are given", args.len()));
                        return error_expr(span);
                    }
                };
                Self::builtin(op, vec![text], TyId::UNIT, span)
            }
            StdProc::Plain(op) => {
                let (params, result) = self.plain_signature(op);
                match self.plain_args(args, &params, word, span) {
                    Some(args) => Self::builtin(op, args, result, span),
                    None => error_expr(span),
                }
            }
            StdProc::Op(op) => {
                let (params, result) = self.op_signature(op);
                match self.plain_args(args, &params, word, span) {
                    Some(args) => self.op(op, args, result, span),
                    None => error_expr(span),
                }
            }
            StdProc::ToString | StdProc::Len | StdProc::Push | StdProc::Slice => {
                let Some((first, rest)) = args.split_first() else {
                    self.wrong_count(word, if std == StdProc::Push { 2 } else { 1 }, 0, span);
                    return error_expr(span);
                };
                let receiver = self.expr(&first.value, Want::Any);
                let receiver = self.deref(receiver);
                if std == StdProc::ToString {
                    if !rest.is_empty() {
                        self.wrong_count(word, 1, args.len(), span);
                    }
                    return self.stringify(receiver);
                }
                self.value_method(receiver, name, None, rest, span)
            }
            StdProc::Choose(choice) => self.choose(choice, word, args, want, span),
            StdProc::Wrapping(op) => {
                let first = match args.first() {
                    Some(arg) => self.expr(&arg.value, want),
                    None => error_expr(span),
                };
                if args.len() != 2 {
                    self.wrong_count(word, 2, args.len(), span);
                    return error_expr(span);
                }
                let lhs = self.deref(first);
                let shift = matches!(op, BinOp::Shl | BinOp::Shr);
                let hint = if shift { Want::Any } else { Want::Ty(lhs.ty) };
                let rhs = self.expr(&args[1].value, hint);
                self.arithmetic(op, Overflow::Wrapping, lhs, rhs, name.span, span)
            }
            StdProc::WrappingNeg => {
                let fresh = self.fresh();
                let Some(mut args) = self.plain_args(args, &[fresh], word, span) else {
                    return error_expr(span);
                };
                let Some(value) = args.pop() else { return error_expr(span) };
                if !self.is_integer(value.ty) {
                    return self.bad_operand(word, &value, "an integer", span);
                }
                let ty = value.ty;
                let (op, overflow, expr) = (UnOp::Neg, Overflow::Wrapping, Box::new(value));
                Expr { kind: ExprKind::Unary { op, overflow, expr }, ty, span }
            }
            StdProc::Panic => self.panic(
                args.first().map(|arg| &arg.value),
                PanicReason::Panic,
                "explicit panic",
                span,
            ),
            StdProc::Unreachable => {
                let reason = PanicReason::Unreachable;
                self.panic(None, reason, "unreachable code was reached", span)
            }
            StdProc::Assert => match args {
                [cond] => self.assert(&cond.value, None, span),
                [cond, message] => self.assert(&cond.value, Some(&message.value), span),
                _ => {
                    self.args_for_errors(args);
                    self.wrong_count(word, 2, args.len(), span);
                    error_expr(span)
                }
            },
            StdProc::Some | StdProc::Ok | StdProc::Err => self.wrap(std, word, args, want, span),
            StdProc::Channel => self.channel(types, args, want, span),
            StdProc::Timeout => {
                let [ms, of] = args else {
                    self.args_for_errors(args);
                    self.wrong_count(word, 2, args.len(), span);
                    return error_expr(span);
                };
                let ms = Box::new(self.expr_as(&ms.value, TyId::INT));
                let Some(of) = self.awaitable(&of.value) else { return error_expr(span) };
                let err = self.cx.types.intern(TyKind::Adt(TIMEOUT, Vec::new()));
                let result = self.cx.types.result(of.ty, err);
                self.future(AwaitableKind::Timeout { ms, of: Box::new(of) }, result, span)
            }
            StdProc::SpawnDetached => match args {
                [one] => self.spawn_with(&one.value, hir::SpawnParent::Detached, span),
                _ => {
                    self.args_for_errors(args);
                    self.wrong_count(word, 1, args.len(), span);
                    error_expr(span)
                }
            },
            StdProc::TaskScope => self.def_value(Def::Std(std), None, want, span),
        }
    }

    /// `Some(v)`, `Ok(v)`, `Err(e)`.
    fn wrap(
        &mut self,
        std: StdProc,
        word: &str,
        args: &'a [ast::Arg],
        want: Want,
        span: Span,
    ) -> Expr {
        let wanted = match want {
            Want::Ty(ty) => Some((self.shallow(ty), self.ty_kind(ty))),
            _ => None,
        };
        let (inner, ty) = match (std, wanted) {
            (StdProc::Some, Some((ty, TyKind::Option(inner)))) => (inner, ty),
            (StdProc::Ok, Some((ty, TyKind::Result(ok, _)))) => (ok, ty),
            (StdProc::Err, Some((ty, TyKind::Result(_, err)))) => (err, ty),
            (StdProc::Some, _) => {
                let inner = self.fresh();
                (inner, self.cx.types.option(inner))
            }
            _ => {
                let (ok, err) = (self.fresh(), self.fresh());
                let ty = self.cx.types.result(ok, err);
                (if std == StdProc::Ok { ok } else { err }, ty)
            }
        };
        let value = match args {
            [] if self.unify(inner, TyId::UNIT) => unit_expr(span),
            _ => {
                match self.plain_args(args, &[inner], word, span).and_then(|mut args| args.pop()) {
                    Some(value) => value,
                    None => return Expr { ty, ..error_expr(span) },
                }
            }
        };
        let value = Box::new(value);
        let kind = match std {
            StdProc::Some => ExprKind::Some(value),
            StdProc::Ok => ExprKind::Ok(value),
            _ => ExprKind::Err(value),
        };
        Expr { kind, ty, span }
    }

    fn channel(
        &mut self,
        types: Option<&'a [ast::TypeExpr]>,
        args: &'a [ast::Arg],
        want: Want,
        span: Span,
    ) -> Expr {
        let item = match types {
            Some([ty]) => self.type_of(ty),
            Some(types) => {
                self.cx.wrong_type_args("channel", 1, types.len(), span);
                TyId::ERROR
            }
            None => match want {
                Want::Ty(ty) => match self.ty_kind(ty) {
                    TyKind::Channel(item) => item,
                    _ => self.fresh(),
                },
                _ => self.fresh(),
            },
        };
        let args = if args.is_empty() {
            vec![const_expr(Const::Int(0), TyId::INT, span)]
        } else {
            match self.plain_args(args, &[TyId::INT], "channel", span) {
                Some(args) => args,
                None => return error_expr(span),
            }
        };
        if item == TyId::ERROR {
            return error_expr(span);
        }
        let ty = self.cx.types.intern(TyKind::Channel(item));
        Self::builtin(Builtin::ChannelNew, args, ty, span)
    }

    /// `min`, `max` and `abs`, compiled to comparisons of temporaries.
    fn choose(
        &mut self,
        choice: Choice,
        word: &str,
        args: &'a [ast::Arg],
        want: Want,
        span: Span,
    ) -> Expr {
        let n = if choice == Choice::Abs { 1 } else { 2 };
        if args.len() != n {
            self.args_for_errors(args);
            self.wrong_count(word, n, args.len(), span);
            return error_expr(span);
        }
        let first = self.expr(&args[0].value, want);
        let first = self.deref(first);
        let ty = first.ty;
        if matches!(self.ty_kind(ty), TyKind::Error | TyKind::Never) {
            return error_expr(span);
        }
        if !self.is_number(ty) {
            return self.bad_operand(word, &first, "a number", span);
        }
        let second = (n == 2).then(|| self.expr_as(&args[1].value, ty));
        self.choose_of(choice, first, second, span)
    }

    /// The same for checked arguments of one type, a number.
    pub(super) fn choose_of(
        &mut self,
        choice: Choice,
        first: Expr,
        second: Option<Expr>,
        span: Span,
    ) -> Expr {
        let ty = first.ty;
        let mut stmts = Vec::new();
        let mut keep = |fx: &mut Self, name: &str, init: Expr| {
            let local = fx.local(name, ty, init.span);
            stmts.push(hir::Stmt { span, kind: hir::StmtKind::Let { local, init } });
            local
        };
        let a = keep(self, "<a>", first);
        let (test, then, otherwise) = if let Some(second) = second {
            let b = keep(self, "<b>", second);
            let (then, otherwise) = match choice {
                Choice::Max => (b, a),
                _ => (a, b),
            };
            (self.load(b, span), self.load(then, span), self.load(otherwise, span))
        } else {
            let zero = if self.is_integer(ty) { Const::Int(0) } else { Const::Float(0.0) };
            let value = self.load(a, span);
            let kind = ExprKind::Unary {
                op: UnOp::Neg,
                overflow: Overflow::Checked,
                expr: Box::new(self.load(a, span)),
            };
            (const_expr(zero, ty, span), Expr { kind, ty, span }, value)
        };
        let cond = Expr {
            kind: ExprKind::Binary {
                op: BinOp::Lt,
                overflow: Overflow::Checked,
                lhs: Box::new(self.load(a, span)),
                rhs: Box::new(test),
            },
            ty: TyId::BOOL,
            span,
        };
        let kind = ExprKind::If {
            cond: Box::new(cond),
            then: Box::new(then),
            otherwise: Some(Box::new(otherwise)),
        };
        let block = hir::Block { stmts, value: Some(Box::new(Expr { kind, ty, span })) };
        Expr { kind: ExprKind::Block(Box::new(block)), ty, span }
    }

    /// Parameters and result of a procedure of std with fixed types.
    pub(super) fn plain_signature(&mut self, op: Builtin) -> (Vec<TyId>, TyId) {
        match op {
            Builtin::ParseInt => (vec![TyId::STRING], self.cx.types.option(TyId::INT)),
            Builtin::ParseFloat => (vec![TyId::STRING], self.cx.types.option(TyId::F64)),
            Builtin::NowMs => (Vec::new(), TyId::INT),
            _ => (Vec::new(), TyId::ERROR),
        }
    }

    /// Parameters and result of an operation of std with fixed types.
    pub(super) fn op_signature(&mut self, op: AsyncOp) -> (Vec<TyId>, TyId) {
        let types = &mut self.cx.types;
        let (string, int) = (TyId::STRING, TyId::INT);
        match op {
            AsyncOp::Sleep => (vec![int], TyId::UNIT),
            AsyncOp::YieldNow => (Vec::new(), TyId::UNIT),
            AsyncOp::TcpListen => {
                let ok = types.intern(TyKind::TcpListener);
                (vec![string], types.result(ok, string))
            }
            AsyncOp::TcpConnect => {
                let ok = types.intern(TyKind::TcpStream);
                (vec![string], types.result(ok, string))
            }
            AsyncOp::ReadLine => (Vec::new(), types.option(string)),
            AsyncOp::ReadFile => (vec![string], types.result(string, string)),
            AsyncOp::WriteFile => (vec![string, string], types.result(int, string)),
            _ => (Vec::new(), TyId::ERROR),
        }
    }
}
