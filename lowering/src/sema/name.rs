//! Names and paths as values.

use super::body::{BodyKind, Fx, Named, Want, error_expr};
use super::hir::{self, Expr, ExprKind, ProcKind};
use super::items::Def;
use super::std::StdProc;
use super::types::{TyId, TyKind};
use crate::diagnostics::Span;
use crate::syntax::ast;

impl<'a> Fx<'_, 'a, '_> {
    pub(super) fn name(&mut self, name: &'a ast::Ident, want: Want) -> Expr {
        match self.lookup(&name.name) {
            Some(Named::Local(local)) => self.load(local, name.span),
            Some(Named::Outer(at)) => self.capture(name, at),
            Some(Named::Def(def)) => self.def_value(def, None, want, name.span),
            None if name.name.is_empty() => error_expr(name.span),
            None => self.unresolved(name),
        }
    }

    pub(super) fn capture(&mut self, name: &ast::Ident, at: Span) -> Expr {
        let title = format!("a closure cannot use the local `{}`", name.name);
        self.error("SEMA_E_CAPTURE", title, name.span)
            .also(at, "declared outside of it")
            .note("closures are compiled without an environment")
            .help("pass it as an argument")
            .push("this belongs to the procedure around");
        error_expr(name.span)
    }

    /// Reports a name that means nothing.
    pub(super) fn unresolved(&mut self, name: &ast::Ident) -> Expr {
        let title = format!("there is no `{}` here", name.name);
        let near = self.similar(&name.name);
        let home = super::std::home(&name.name);
        let pick = self.pick_with(&name.name);
        let mut report = self.error("SEMA_E_UNRESOLVED_NAME", title, name.span);
        report = match (home, pick, near) {
            (Some(module), ..) => {
                report.help(format!("add `use std/{module}.{{{}}}` at the top", name.name))
            }
            (_, Some(pick), _) => {
                report.help(format!("an arm is named with its pick: `{pick}.{}`", name.name))
            }
            (_, _, Some(near)) => report.help(format!("perhaps you mean `{near}`")),
            _ => report.help("declare it with `let`, `const` or `proc`, or `use` it"),
        };
        report.push("this name is not declared");
        error_expr(name.span)
    }

    /// Reports a name that a module does not show.
    pub(super) fn not_shown(&mut self, module: Def, name: &ast::Ident) -> Expr {
        if !self.cx.is_hidden(module, &name.name) {
            return self.unresolved(name);
        }
        self.cx.hidden_name("SEMA_E_UNRESOLVED_NAME", &name.name, name.span);
        error_expr(name.span)
    }

    /// The first pick of this module, by name, that has an arm of this name.
    fn pick_with(&self, arm: &str) -> Option<String> {
        let has_arm = |def: &Def| {
            let Def::Adt(adt) = def else { return false };
            let hir::AdtKind::Pick(arms) = &self.cx.adts[adt.0 as usize].kind else { return false };
            arms.iter().any(|known| known.name == arm)
        };
        let mut names = self.cx.modules[self.module as usize].names.iter();
        names.find(|(_, def)| has_arm(def)).map(|(name, _)| name.clone())
    }

    /// A visible name that differs by one or two letters.
    pub(super) fn similar(&self, name: &str) -> Option<String> {
        let mut known: Vec<&str> = Vec::new();
        for scope in self.scopes.iter().rev() {
            known.extend(scope.keys().map(String::as_str));
        }
        known.extend(self.cx.modules[self.module as usize].names.keys().map(String::as_str));
        for name in super::std::names() {
            known.push(name);
        }
        // Any letter is one away from any other: that says nothing.
        let limit = match name.chars().count() {
            0 | 1 => return None,
            2 | 3 => 1,
            _ => 2,
        };
        known
            .into_iter()
            .map(|known| (distance(name, known), known))
            .filter(|(distance, _)| *distance <= limit)
            .min()
            .map(|(_, known)| known.to_owned())
    }

    /// An item as a value. `type_args` are those written in brackets.
    pub(super) fn def_value(
        &mut self,
        def: Def,
        type_args: Option<&'a [ast::TypeExpr]>,
        want: Want,
        span: Span,
    ) -> Expr {
        match def {
            Def::Proc(id) => {
                let Some((params, result, callee)) = self.callee(id, type_args, span) else {
                    return error_expr(span);
                };
                let kind = self.cx.procs[id.0 as usize].kind;
                if kind == ProcKind::Stream {
                    return self.unsupported("a procedure that emits as a value", span);
                }
                let is_async = kind == ProcKind::Async;
                let ty = self.cx.types.intern(TyKind::Proc { is_async, params, result });
                Expr { kind: ExprKind::ProcValue(callee), ty, span }
            }
            Def::Const(id) => match self.cx.const_value(id) {
                Some(mut value) => {
                    respan(&mut value, span);
                    value
                }
                None => error_expr(span),
            },
            Def::Static(id) => {
                if self.kind == BodyKind::Const {
                    return self.not_const("a static", span);
                }
                let ty = self.cx.statics[id.0 as usize].ty;
                let base = hir::PlaceBase::Static(id);
                self.load_place(hir::Place { base, path: Vec::new(), ty, span })
            }
            Def::StdType("None") => self.null(want, span),
            Def::Error => error_expr(span),
            Def::Std(StdProc::TaskScope) => {
                self.error("SEMA_E_NOT_A_VALUE", "`task_scope()` outside `with`", span)
                    .note("a scope must end somewhere: at the end of its block")
                    .help("write `with task_scope() as s { … }`")
                    .push("used as a value");
                error_expr(span)
            }
            Def::Std(std) => self.std_value(std, want, span),
            Def::Adt(_) | Def::Alias(_) | Def::StdType(_) | Def::Trait => {
                self.error("SEMA_E_NOT_A_VALUE", "a type stands where a value is needed", span)
                    .help("make a value: `F { field: … }` of a form, `P.Arm` of a pick")
                    .push("this is a type");
                error_expr(span)
            }
            Def::Module(_) | Def::StdModule(_) => {
                self.error("SEMA_E_NOT_A_VALUE", "a module stands where a value is needed", span)
                    .help("name one of its members: `module.name`")
                    .push("this is a module");
                error_expr(span)
            }
        }
    }

    pub(super) fn path(&mut self, path: &'a ast::Path, want: Want) -> Expr {
        match self.path_value(path) {
            Some(Target::Def(def)) => self.def_value(def, None, want, path.span),
            Some(Target::Member(adt, args, name)) => {
                self.member_value(adt, &args, name, want, path.span)
            }
            None => error_expr(path.span),
        }
    }

    /// What a path with `::` names; reports if nothing.
    pub(super) fn path_value(&mut self, path: &'a ast::Path) -> Option<Target<'a>> {
        let [parents @ .., last] = path.segments.as_slice() else { return None };
        if parents.is_empty() {
            return match self.lookup(&last.name) {
                Some(Named::Def(def)) => Some(Target::Def(def)),
                _ => {
                    self.unresolved(last);
                    None
                }
            };
        }
        match self.cx.path_def(parents, self.module) {
            Some(Def::Adt(adt)) => {
                let n = self.cx.adts[adt.0 as usize].generics.len();
                let args = (0..n).map(|_| self.fresh()).collect();
                Some(Target::Member(adt, args, last))
            }
            Some(def) => match self.cx.module_member(def, &last.name) {
                Some(def) => Some(Target::Def(def)),
                None => {
                    self.not_shown(def, last);
                    None
                }
            },
            None => {
                self.unresolved(&parents[0]);
                None
            }
        }
    }

    /// `base[T]` without a call: a generic procedure as a value, or an index.
    pub(super) fn instantiate(
        &mut self,
        base: &'a ast::Expr,
        args: &'a [ast::TypeExpr],
        index: Option<&'a ast::Expr>,
        want: Want,
        span: Span,
    ) -> Expr {
        if let (Some(index), true) = (index, self.is_value(base)) {
            return self.index(base, index, span);
        }
        let def = match &base.kind {
            ast::ExprKind::Name(name) => match self.lookup(&name.name) {
                Some(Named::Def(def)) => Some(def),
                _ => None,
            },
            ast::ExprKind::Path(path) => self.cx.path_def(&path.segments, self.module),
            _ => None,
        };
        match def {
            Some(def) => self.def_value(def, Some(args), want, span),
            None => self.unsupported("type arguments here", span),
        }
    }
}

/// What a path or a field of a type names.
pub(super) enum Target<'a> {
    /// An item.
    Def(Def),
    /// A member of a form or pick, with its type arguments.
    Member(super::types::AdtId, Vec<TyId>, &'a ast::Ident),
}

/// Sets the place of a constant to where it is used.
fn respan(expr: &mut Expr, span: Span) {
    expr.span = span;
}

/// Number of letters to insert, delete or replace, or more than 2.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > 2 || a.len() > 64 {
        return 3;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (diagonal + usize::from(x != y)).min(row[j] + 1).min(above + 1);
            diagonal = above;
        }
    }
    row[b.len()]
}
