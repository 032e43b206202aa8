//! Constants and the first values of statics, evaluated at compile time.
//!
//! In: checked expressions. Out: expressions made of values only ([`ExprKind::Const`], tuples,
//! lists, forms, arms, options, results), with which each use of a constant is replaced.
//!
//! Source: the arithmetic is that of the interpreter: checked, truncating.

use super::body::{BodyKind, Fx, Named, error_expr};
use super::hir::{self, BinOp, Builtin, Const, Expr, ExprKind, Overflow, UnOp};
use super::items::{ConstState, Cx, Def};
use super::types::{IntTy, TyId, TyKind};
use crate::diagnostics::{Diagnostic, Span};
use crate::syntax::ast;

impl<'a> Cx<'a, '_> {
    /// Gives the value of a constant; evaluates it first if that was not done yet.
    pub(super) fn const_value(&mut self, id: u32) -> Option<Expr> {
        let info = &mut self.consts[id as usize];
        let (item, module, self_ty) = (info.item, info.module, info.self_ty);
        match &info.state {
            ConstState::Done(value) => {
                return (value.ty != TyId::ERROR).then(|| value.clone());
            }
            ConstState::Busy => {
                let title = format!("the constant `{}` needs itself", item.name.name);
                self.diags.push(
                    Diagnostic::error("SEMA_E_CONST_CYCLE", title)
                        .at(item.name.span, "its value depends on its value")
                        .help("give one constant of the circle a value of its own"),
                );
                self.consts[id as usize].state = ConstState::Done(error_expr(item.name.span));
                return None;
            }
            ConstState::Fresh => info.state = ConstState::Busy,
        }
        let around = std::mem::take(&mut info.around);
        let value = item.value.as_ref().and_then(|value| {
            self.const_expr(module, self_ty, around, item.ty.as_ref(), value, &item.name.name)
        });
        let value = value.unwrap_or_else(|| error_expr(item.name.span));
        let done = (value.ty != TyId::ERROR).then(|| value.clone());
        if matches!(self.consts[id as usize].state, ConstState::Busy) {
            self.consts[id as usize].state = ConstState::Done(value);
        }
        done
    }

    /// Checks and evaluates an expression.
    fn const_expr(
        &mut self,
        module: u32,
        self_ty: Option<TyId>,
        around: Vec<(String, Def)>,
        ty: Option<&'a ast::TypeExpr>,
        value: &'a ast::Expr,
        name: &str,
    ) -> Option<Expr> {
        let before = self.diags.n_errors();
        let mut fx = Fx::new(self, name.to_owned(), module, BodyKind::Const);
        fx.self_ty = self_ty;
        for (name, def) in around {
            fx.bind(&name, Named::Def(def));
        }
        let typed = match ty {
            Some(ty) => {
                let ty = fx.type_of(ty);
                fx.expr_as(value, ty)
            }
            None => fx.expr(value, super::body::Want::Any),
        };
        let body = hir::Body { locals: Vec::new(), n_params: 0, n_loops: 0, value: typed };
        let body = fx.finish(body);
        if self.diags.n_errors() > before {
            return None;
        }
        self.eval(body.value)
    }

    /// The value of an integer constant expression, such as a tag.
    pub(super) fn const_int(
        &mut self,
        module: u32,
        value: &'a ast::Expr,
        what: &str,
    ) -> Option<i64> {
        let value = self.const_expr(module, None, Vec::new(), None, value, what)?;
        match value.kind {
            ExprKind::Const(Const::Int(n)) => i64::try_from(n).ok(),
            _ => {
                self.diags.push(
                    Diagnostic::error("TYPECK_E_MISMATCH", format!("a {what} must be an integer"))
                        .at(value.span, "this is none")
                        .help("write a number"),
                );
                None
            }
        }
    }

    /// Evaluates the first values of statics.
    pub(super) fn static_values(&mut self) {
        for at in 0..self.statics.len() {
            let info = &self.statics[at];
            let (item, module) = (info.item, info.module);
            let Some(value) = &item.value else { continue };
            let (ty, name) = (item.ty.as_ref(), &item.name.name);
            let value = self.const_expr(module, None, Vec::new(), ty, value, name);
            let Some(value) = value else { continue };
            let scalar = !matches!(value.kind, ExprKind::Const(Const::Str(_) | Const::Bytes(_)));
            match value.kind {
                ExprKind::Const(init) if scalar || !item.mutable => {
                    self.statics[at].ty = value.ty;
                    self.statics[at].init = init;
                }
                _ if item.mutable => self.unsupported(
                    "a static that changes and is no number, truth value or character",
                    item.name.span,
                ),
                _ => self.unsupported("a static of a compound type", item.name.span),
            }
        }
    }

    /// `static_assert`.
    pub(super) fn static_assert(&mut self, module: u32, cond: &'a ast::Expr) {
        let value = self.const_expr(module, None, Vec::new(), None, cond, "static_assert");
        let Some(value) = value else { return };
        if value.kind_is_false() {
            self.diags.push(
                Diagnostic::error("SEMA_E_CONST_FAULT", "a static assertion does not hold")
                    .at(cond.span, "this is false")
                    .help("correct the condition, or what it depends on"),
            );
        }
    }

    fn eval_list(&mut self, list: Vec<Expr>) -> Option<Vec<Expr>> {
        list.into_iter().map(|expr| self.eval(expr)).collect()
    }

    fn eval_box(&mut self, expr: Expr) -> Option<Box<Expr>> {
        self.eval(expr).map(Box::new)
    }

    /// Evaluates a checked expression.
    fn eval(&mut self, expr: Expr) -> Option<Expr> {
        let Expr { kind, ty, span } = expr;
        let kind = match kind {
            kind @ (ExprKind::Const(_) | ExprKind::None | ExprKind::ProcValue(_)) => kind,
            ExprKind::Some(inner) => ExprKind::Some(self.eval_box(*inner)?),
            ExprKind::Ok(inner) => ExprKind::Ok(self.eval_box(*inner)?),
            ExprKind::Err(inner) => ExprKind::Err(self.eval_box(*inner)?),
            ExprKind::Tuple(list) => ExprKind::Tuple(self.eval_list(list)?),
            ExprKind::List(list) => ExprKind::List(self.eval_list(list)?),
            ExprKind::Variant { variant, args } => {
                ExprKind::Variant { variant, args: self.eval_list(args)? }
            }
            ExprKind::Form { fields, base: None } => {
                let mut done = Vec::new();
                for (index, value) in fields {
                    done.push((index, self.eval(value)?));
                }
                ExprKind::Form { fields: done, base: None }
            }
            ExprKind::Block(block) if block.stmts.is_empty() => {
                return match block.value {
                    Some(value) => self.eval(*value),
                    None => None,
                };
            }
            ExprKind::If { cond, then, otherwise } => {
                return match self.eval(*cond)?.kind {
                    ExprKind::Const(Const::Bool(true)) => self.eval(*then),
                    _ => self.eval(*otherwise?),
                };
            }
            ExprKind::Unary { op, overflow, expr } => {
                let value = self.eval(*expr)?;
                ExprKind::Const(self.eval_unary(op, overflow, &value, ty, span)?)
            }
            ExprKind::Binary { op, overflow, lhs, rhs } => {
                let (lhs, rhs) = (self.eval(*lhs)?, self.eval(*rhs)?);
                ExprKind::Const(self.eval_binary(op, overflow, &lhs, &rhs, ty, span)?)
            }
            ExprKind::Cast(inner) => {
                let value = self.eval(*inner)?;
                let ExprKind::Const(value) = value.kind else {
                    return self.not_constant("this conversion", span);
                };
                match cast(value, self.types.kind(ty)) {
                    Some(value) => ExprKind::Const(value),
                    None => return self.const_fault("there is no such character", span),
                }
            }
            ExprKind::Builtin { op, args } => {
                let args = self.eval_list(args)?;
                match eval_builtin(op, &args) {
                    Some(value) => ExprKind::Const(value),
                    None => return self.not_constant("this operation", span),
                }
            }
            _ => return self.not_constant("this expression", span),
        };
        Some(Expr { kind, ty, span })
    }

    fn eval_unary(
        &mut self,
        op: UnOp,
        overflow: Overflow,
        value: &Expr,
        ty: TyId,
        span: Span,
    ) -> Option<Const> {
        match (op, &value.kind, self.types.kind(ty).clone()) {
            (UnOp::Not, ExprKind::Const(Const::Bool(b)), _) => Some(Const::Bool(!b)),
            (UnOp::Neg, ExprKind::Const(Const::Float(x)), _) => Some(Const::Float(-x)),
            (UnOp::Neg, ExprKind::Const(Const::Int(n)), TyKind::Int(int)) => {
                self.fit(-n, int, overflow, span)
            }
            (UnOp::BitNot, ExprKind::Const(Const::Int(n)), TyKind::Int(int)) => {
                Some(Const::Int(wrap(!n, int)))
            }
            _ => self.not_constant("this operator", span),
        }
    }

    fn fit(&mut self, n: i128, int: IntTy, overflow: Overflow, span: Span) -> Option<Const> {
        if overflow == Overflow::Checked && !(int.min()..=int.max()).contains(&n) {
            return self.const_fault(&format!("{n} does not fit `{}`", int.name()), span);
        }
        Some(Const::Int(wrap(n, int)))
    }

    fn eval_binary(
        &mut self,
        op: BinOp,
        overflow: Overflow,
        lhs: &Expr,
        rhs: &Expr,
        ty: TyId,
        span: Span,
    ) -> Option<Const> {
        let (ExprKind::Const(a), ExprKind::Const(b)) = (&lhs.kind, &rhs.kind) else {
            return self.not_constant("this operator", span);
        };
        let (a, b) = (a.clone(), b.clone());
        match (a, b) {
            (Const::Int(a), Const::Int(b)) => {
                if op.is_comparison() {
                    return Some(Const::Bool(compare(op, &a, &b)));
                }
                let TyKind::Int(int) = *self.types.kind(ty) else { return None };
                let n = match op {
                    BinOp::Add => a + b,
                    BinOp::Sub => a - b,
                    BinOp::Mul => a.saturating_mul(b),
                    BinOp::Div | BinOp::Rem if b == 0 => {
                        return self.const_fault("division by zero", span);
                    }
                    BinOp::Div => a / b,
                    BinOp::Rem => a % b,
                    BinOp::BitAnd => a & b,
                    BinOp::BitOr => a | b,
                    BinOp::BitXor => a ^ b,
                    BinOp::Shl | BinOp::Shr => {
                        let bits = i128::from(int.bits());
                        if overflow == Overflow::Checked && !(0..bits).contains(&b) {
                            return self.const_fault("the shift count is out of range", span);
                        }
                        let count = b.rem_euclid(bits) as u32;
                        let n = if op == BinOp::Shl { a << count } else { a >> count };
                        return Some(Const::Int(wrap(n, int)));
                    }
                    _ => return None,
                };
                self.fit(n, int, overflow, span)
            }
            (Const::Float(a), Const::Float(b)) => Some(match op {
                BinOp::Add => Const::Float(a + b),
                BinOp::Sub => Const::Float(a - b),
                BinOp::Mul => Const::Float(a * b),
                BinOp::Div => Const::Float(a / b),
                BinOp::Rem => Const::Float(a % b),
                _ => Const::Bool(compare(op, &a, &b)),
            }),
            (Const::Bool(a), Const::Bool(b)) => Some(Const::Bool(match op {
                BinOp::BitAnd => a & b,
                BinOp::BitOr => a | b,
                BinOp::BitXor => a ^ b,
                _ => compare(op, &a, &b),
            })),
            (Const::Char(a), Const::Char(b)) => Some(Const::Bool(compare(op, &a, &b))),
            _ => self.not_constant("this operator", span),
        }
    }

    fn not_constant<T>(&mut self, what: &str, span: Span) -> Option<T> {
        self.diags.push(
            Diagnostic::error(
                "SEMA_E_NOT_CONST",
                format!("{what} cannot be evaluated at compile time"),
            )
            .at(span, "a constant is known before the program runs")
            .help("compute it in a procedure"),
        );
        None
    }

    fn const_fault<T>(&mut self, what: &str, span: Span) -> Option<T> {
        self.diags.push(
            Diagnostic::error("SEMA_E_CONST_FAULT", format!("the constant has no value: {what}"))
                .at(span, "this would panic")
                .help("change the operands"),
        );
        None
    }
}

impl Fx<'_, '_, '_> {
    /// Reports what cannot be part of a constant.
    pub(super) fn not_const(&mut self, what: &str, span: Span) -> Expr {
        let _: Option<()> = self.cx.not_constant(what, span);
        error_expr(span)
    }
}

impl Expr {
    fn kind_is_false(&self) -> bool {
        matches!(self.kind, ExprKind::Const(Const::Bool(false)))
    }
}

fn compare<T: PartialOrd>(op: BinOp, a: &T, b: &T) -> bool {
    match op {
        BinOp::Eq => a == b,
        BinOp::Ne => a != b,
        BinOp::Lt => a < b,
        BinOp::Le => a <= b,
        BinOp::Gt => a > b,
        _ => a >= b,
    }
}

/// Brings an integer into the range of its type, by taking the low bits.
fn wrap(n: i128, int: IntTy) -> i128 {
    let modulus = 1_i128 << int.bits();
    let low = n.rem_euclid(modulus);
    if low > int.max() { low - modulus } else { low }
}

#[allow(clippy::cast_precision_loss, reason = "the conversion rounds, as at run time")]
fn cast(value: Const, to: &TyKind) -> Option<Const> {
    let number = match value {
        Const::Int(n) => n,
        Const::Bool(b) => i128::from(b),
        Const::Char(c) => i128::from(u32::from(c)),
        Const::Float(x) => {
            return Some(match to {
                TyKind::Int(int) => Const::Int((x as i128).clamp((*int).min(), (*int).max())),
                TyKind::F32 => Const::Float(f64::from(x as f32)),
                _ => Const::Float(x),
            });
        }
        _ => return None,
    };
    match to {
        TyKind::Int(int) => Some(Const::Int(wrap(number, *int))),
        TyKind::F32 => Some(Const::Float(f64::from(number as f32))),
        TyKind::F64 => Some(Const::Float(number as f64)),
        TyKind::Char => u32::try_from(number).ok().and_then(char::from_u32).map(Const::Char),
        _ => None,
    }
}

fn eval_builtin(op: Builtin, args: &[Expr]) -> Option<Const> {
    let text = |at: usize| match args.get(at).map(|arg| &arg.kind) {
        Some(ExprKind::Const(Const::Str(text))) => Some(text.clone()),
        _ => None,
    };
    match op {
        Builtin::Concat => Some(Const::Str(text(0)? + &text(1)?)),
        Builtin::Equal => Some(Const::Bool(text(0)? == text(1)?)),
        Builtin::Len => i128::try_from(text(0)?.len()).ok().map(Const::Int),
        Builtin::ToString => match args.first().map(|arg| &arg.kind) {
            Some(ExprKind::Const(Const::Int(n))) => Some(Const::Str(n.to_string())),
            Some(ExprKind::Const(Const::Bool(b))) => Some(Const::Str(b.to_string())),
            Some(ExprKind::Const(Const::Char(c))) => Some(Const::Str(c.to_string())),
            Some(ExprKind::Const(Const::Str(text))) => Some(Const::Str(text.clone())),
            _ => None,
        },
        _ => None,
    }
}
