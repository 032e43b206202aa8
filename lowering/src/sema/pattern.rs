//! Patterns.
//!
//! A plain name is an arm without payload if the type has one of that name, a constant if there is
//! one, and else a new local.

use super::body::{Fx, Named};
use super::hir::{self, AdtKind, Const, ExprKind, FieldIdx, LocalId, PatternKind, VariantIdx};
use super::items::Def;
use super::types::{InferKind, TyId, TyKind};
use crate::diagnostics::Span;
use crate::syntax::ast;
use std::collections::BTreeMap;

/// The names one pattern binds so far.
type Bound = BTreeMap<String, LocalId>;

impl<'a> Fx<'_, 'a, '_> {
    /// Checks a pattern against a type and declares its names in the open scope.
    pub(super) fn pattern(&mut self, pattern: &'a ast::Pattern, ty: TyId) -> hir::Pattern {
        let mut bound = Bound::new();
        let typed = self.pattern_in(pattern, ty, &mut bound, None);
        for (name, local) in bound {
            self.bind(&name, Named::Local(local));
        }
        typed
    }

    /// Checks a pattern that must always match; `finish` tests whether it does.
    pub(super) fn irrefutable(&mut self, pattern: &'a ast::Pattern, ty: TyId) -> hir::Pattern {
        self.pattern(pattern, ty)
    }

    /// `first` are the names of the first alternative of an or-pattern, in the others.
    fn pattern_in(
        &mut self,
        pattern: &'a ast::Pattern,
        ty: TyId,
        bound: &mut Bound,
        first: Option<&Bound>,
    ) -> hir::Pattern {
        let span = pattern.span;
        let kind = match &pattern.kind {
            ast::PatternKind::Wildcard | ast::PatternKind::Error => PatternKind::Wildcard,
            ast::PatternKind::Bind { name, by_ref, mutable } => {
                if *by_ref {
                    self.cx.unsupported("`ref` in a pattern", span);
                }
                self.name_pattern(name, *mutable, ty, bound, first)
            }
            ast::PatternKind::Literal(literal) => self.literal_pattern(literal, ty),
            ast::PatternKind::Range { lo, hi, inclusive } => {
                self.range_pattern(lo, hi, *inclusive, ty, span)
            }
            ast::PatternKind::Arm { path, payload } => {
                self.arm_pattern(path, payload.as_deref(), ty, bound, first)
            }
            ast::PatternKind::Form { path, fields, open } => {
                self.form_pattern(path, fields, *open, ty, bound, first)
            }
            ast::PatternKind::Tuple(elems) if elems.is_empty() => {
                self.fits(ty, TyId::UNIT, span);
                PatternKind::Wildcard
            }
            ast::PatternKind::Tuple(elems) => {
                let types: Vec<TyId> = match self.ty_kind(ty) {
                    TyKind::Tuple(types) if types.len() == elems.len() => types,
                    _ if elems.len() == 1 => {
                        return self.pattern_in(&elems[0], ty, bound, first);
                    }
                    _ => {
                        let types: Vec<TyId> = elems.iter().map(|_| self.fresh()).collect();
                        let tuple = self.cx.types.tuple(types.clone());
                        if self.fits(ty, tuple, span) && self.ty_kind(ty) != TyKind::Error {
                            types
                        } else {
                            elems.iter().map(|_| TyId::ERROR).collect()
                        }
                    }
                };
                let mut parts = Vec::new();
                for (elem, ty) in elems.iter().zip(types) {
                    parts.push(self.pattern_in(elem, ty, bound, first));
                }
                PatternKind::Tuple(parts)
            }
            ast::PatternKind::List { elements, rest, after } => {
                let n = (elements.len() + after.len()) as u64;
                let (mut rest_ty, mut fits) = (ty, true);
                let item = match self.ty_kind(ty) {
                    TyKind::List(item) => item,
                    TyKind::Array(item, len) => {
                        rest_ty = self.cx.types.list(item);
                        if rest.is_none() || n > len {
                            fits = self.has_length(len, n, span);
                        }
                        item
                    }
                    _ => {
                        let item = self.fresh();
                        let list = self.cx.types.list(item);
                        if self.fits(ty, list, span) && self.ty_kind(ty) != TyKind::Error {
                            item
                        } else {
                            TyId::ERROR
                        }
                    }
                };
                let mut parts = Vec::new();
                for elem in elements {
                    parts.push(self.pattern_in(elem, item, bound, first));
                }
                let rest = rest.as_ref().map(|name| hir::Rest {
                    before: elements.len(),
                    local: name.as_ref().map(|name| self.bind_name(name, rest_ty, bound, first)),
                });
                for elem in after {
                    parts.push(self.pattern_in(elem, item, bound, first));
                }
                if fits {
                    PatternKind::List { elements: parts, rest }
                } else {
                    PatternKind::Wildcard
                }
            }
            ast::PatternKind::Or(alternatives) => {
                let mut parts = Vec::new();
                let mut names: Option<Bound> = first.cloned();
                for alternative in alternatives {
                    let mut inner = Bound::new();
                    parts.push(self.pattern_in(alternative, ty, &mut inner, names.as_ref()));
                    if let Some(names) = &names {
                        let same = first.is_some() || names.keys().eq(inner.keys());
                        if !same {
                            self.error(
                                "SEMA_E_PATTERN_NAMES",
                                "the alternatives bind different names",
                                alternative.span,
                            )
                            .note("whichever fits, the same names must have a value")
                            .help("bind the same names in each, or write two arms")
                            .push("other names than in the first alternative");
                        }
                    } else {
                        names = Some(inner.clone());
                    }
                    for (name, local) in inner {
                        bound.entry(name).or_insert(local);
                    }
                }
                PatternKind::Or(parts)
            }
        };
        hir::Pattern { kind, ty, span }
    }

    /// Says whether a pattern of type `found` can be matched against `ty`; reports if not.
    fn fits(&mut self, ty: TyId, found: TyId, span: Span) -> bool {
        if matches!(self.ty_kind(ty), TyKind::Never) || self.unify(ty, found) {
            return true;
        }
        let (value, pattern) = (self.type_name(ty), self.type_name(found));
        self.error("TYPECK_E_MISMATCH", "the pattern does not fit the value", span)
            .note(format!("the value is `{value}`"))
            .help("match a pattern of the value's type")
            .push(format!("this fits `{pattern}`"));
        false
    }

    fn bind_name(
        &mut self,
        name: &ast::Ident,
        ty: TyId,
        bound: &mut Bound,
        first: Option<&Bound>,
    ) -> LocalId {
        if bound.contains_key(&name.name) {
            let title = format!("`{}` is bound twice in one pattern", name.name);
            self.error("SEMA_E_PATTERN_NAMES", title, name.span)
                .help("give each part a name of its own")
                .push("bound again here");
        }
        if let Some(&local) = first.and_then(|first| first.get(&name.name)) {
            let known = self.locals[local.0 as usize].ty;
            self.fits(ty, known, name.span);
            bound.insert(name.name.clone(), local);
            return local;
        }
        let local = self.local(&name.name, ty, name.span);
        bound.insert(name.name.clone(), local);
        local
    }

    fn name_pattern(
        &mut self,
        name: &'a ast::Ident,
        mutable: bool,
        ty: TyId,
        bound: &mut Bound,
        first: Option<&Bound>,
    ) -> PatternKind {
        if !mutable {
            if let TyKind::Adt(adt, args) = self.ty_kind(ty)
                && let Some((variant, payload)) = self.variant(adt, &args, &name.name)
            {
                return self.variant_pattern(variant, &payload, None, name, bound, first);
            }
            if name.name == "None" && matches!(self.ty_kind(ty), TyKind::Option(_)) {
                let variant = VariantIdx::NONE;
                return PatternKind::Variant { variant, payload: Vec::new() };
            }
            if let Some(Named::Def(Def::Const(id))) = self.lookup(&name.name) {
                return self.const_pattern(id, ty, name.span);
            }
        }
        PatternKind::Bind(self.bind_name(name, ty, bound, first))
    }

    fn const_pattern(&mut self, id: u32, ty: TyId, span: Span) -> PatternKind {
        let Some(value) = self.cx.const_value(id) else { return PatternKind::Wildcard };
        if !self.fits(ty, value.ty, span) {
            return PatternKind::Wildcard;
        }
        match value.kind {
            ExprKind::Const(value) => PatternKind::Const(value),
            _ => {
                self.cx.unsupported("a compound constant as a pattern", span);
                PatternKind::Wildcard
            }
        }
    }

    fn literal_pattern(&mut self, literal: &'a ast::Expr, ty: TyId) -> PatternKind {
        if let ast::ExprKind::Literal(ast::Literal::Null) = &literal.kind {
            let inner = self.fresh();
            let option = self.cx.types.option(inner);
            self.fits(ty, option, literal.span);
            return PatternKind::Variant { variant: VariantIdx::NONE, payload: Vec::new() };
        }
        // A literal fits an option that holds it.
        if let TyKind::Option(inner) = self.ty_kind(ty) {
            let kind = self.literal_pattern(literal, inner);
            let payload = vec![hir::Pattern { kind, ty: inner, span: literal.span }];
            return PatternKind::Variant { variant: VariantIdx::SOME, payload };
        }
        match self.literal_value(literal, ty) {
            Some(value) => PatternKind::Const(value),
            None => PatternKind::Wildcard,
        }
    }

    fn literal_value(&mut self, literal: &'a ast::Expr, ty: TyId) -> Option<Const> {
        let value = self.expr(literal, super::body::Want::Ty(ty));
        if !self.fits(ty, value.ty, literal.span) {
            return None;
        }
        match value.kind {
            ExprKind::Const(value) => Some(value),
            _ => {
                if value.ty != TyId::ERROR {
                    self.cx.unsupported("an expression as a pattern", literal.span);
                }
                None
            }
        }
    }

    /// Reports a literal that its type cannot hold.
    pub(super) fn literal_range(&mut self, n: i128, int: super::types::IntTy, span: Span) {
        let title = format!("{n} does not fit `{}`", int.name());
        self.error("TYPECK_E_LITERAL_RANGE", title, span)
            .note(format!("`{}` goes from {} to {}", int.name(), int.min(), int.max()))
            .help("use a wider type, or a value in that range")
            .push("too large or too small");
    }

    fn range_pattern(
        &mut self,
        lo: &'a ast::Expr,
        hi: &'a ast::Expr,
        inclusive: bool,
        ty: TyId,
        span: Span,
    ) -> PatternKind {
        let (lo, hi) = (self.literal_value(lo, ty), self.literal_value(hi, ty));
        let (Some(lo), Some(hi)) = (lo, hi) else { return PatternKind::Wildcard };
        let empty = |fx: &mut Self| {
            fx.error("TYPECK_E_EMPTY_RANGE", "a range in a pattern is empty", span)
                .help("write the smaller end first; `..=` includes the last value")
                .push("no value lies in it");
            PatternKind::Wildcard
        };
        match (lo, hi) {
            (Const::Int(lo), Const::Int(hi)) => {
                let hi = if inclusive { hi } else { hi - 1 };
                if lo > hi {
                    return empty(self);
                }
                PatternKind::Range { lo: Const::Int(lo), hi: Const::Int(hi) }
            }
            (Const::Char(lo), Const::Char(hi)) => {
                let last = if inclusive { Some(hi) } else { before(hi) };
                match last {
                    Some(hi) if lo <= hi => {
                        PatternKind::Range { lo: Const::Char(lo), hi: Const::Char(hi) }
                    }
                    _ => empty(self),
                }
            }
            _ => {
                self.cx
                    .unsupported("a range pattern of anything but integers and characters", span);
                PatternKind::Wildcard
            }
        }
    }

    fn arm_pattern(
        &mut self,
        path: &'a ast::Path,
        payload: Option<&'a [ast::Pattern]>,
        ty: TyId,
        bound: &mut Bound,
        first: Option<&Bound>,
    ) -> PatternKind {
        let Some(last) = path.segments.last() else { return PatternKind::Wildcard };
        let parents = &path.segments[..path.segments.len() - 1];
        let mut ty_now = self.ty_kind(ty);
        // A named pick says what the value is, if that is not known yet.
        if let (TyKind::Infer(_, InferKind::Any), Some(Def::Adt(adt))) =
            (&ty_now, self.cx.path_def(parents, self.module))
        {
            let n = self.cx.adts[adt.0 as usize].generics.len();
            let args: Vec<TyId> = (0..n).map(|_| self.fresh()).collect();
            let named = self.cx.types.intern(TyKind::Adt(adt, args));
            self.unify(ty, named);
            ty_now = self.ty_kind(ty);
        }
        match ty_now {
            TyKind::Adt(adt, args) => {
                if let [name] = parents
                    && !self.names_adt(name, adt)
                {
                    let owner = self.cx.adts[adt.0 as usize].name.clone();
                    let title = format!("the value is a `{owner}`, not a `{}`", name.name);
                    self.error("TYPECK_E_MISMATCH", title, path.span)
                        .help(format!("write the arms of `{owner}`"))
                        .push("an arm of something else");
                    return self.lost_payload(payload, bound, first);
                }
                match self.variant(adt, &args, &last.name) {
                    Some((variant, types)) => {
                        self.variant_pattern(variant, &types, payload, last, bound, first)
                    }
                    None => {
                        if parents.is_empty() && payload.is_none() {
                            return self.name_pattern(last, false, ty, bound, first);
                        }
                        let arms: Vec<String> = match &self.cx.adts[adt.0 as usize].kind {
                            AdtKind::Pick(arms) => {
                                arms.iter().map(|arm| format!("`{}`", arm.name)).collect()
                            }
                            AdtKind::Form(_) => Vec::new(),
                        };
                        let owner = self.cx.adts[adt.0 as usize].name.clone();
                        let title = format!("`{owner}` has no arm `{}`", last.name);
                        let report = self.error("SEMA_E_NO_ARM", title, last.span);
                        if arms.is_empty() {
                            report.help("a form is matched as `F { field, .. }`")
                        } else {
                            report.help(format!("its arms: {}", arms.join(", ")))
                        }
                        .push("there is no such arm");
                        self.lost_payload(payload, bound, first)
                    }
                }
            }
            TyKind::Option(inner) => match last.name.as_str() {
                "Some" => {
                    let some = VariantIdx::SOME;
                    self.variant_pattern(some, &[inner], payload, last, bound, first)
                }
                "None" => {
                    let none = VariantIdx::NONE;
                    self.variant_pattern(none, &[], payload, last, bound, first)
                }
                // An arm of what is inside.
                _ => {
                    let kind = self.arm_pattern(path, payload, inner, bound, first);
                    let payload = vec![hir::Pattern { kind, ty: inner, span: path.span }];
                    PatternKind::Variant { variant: VariantIdx::SOME, payload }
                }
            },
            TyKind::Result(ok, err) => {
                let (variant, inner) = match last.name.as_str() {
                    "Ok" => (VariantIdx::OK, ok),
                    "Err" => (VariantIdx::ERR, err),
                    _ => {
                        let title = format!("a result has no arm `{}`", last.name);
                        self.error("SEMA_E_NO_ARM", title, last.span)
                            .help("its arms are `Ok(v)` and `Err(e)`")
                            .push("there is no such arm");
                        return self.lost_payload(payload, bound, first);
                    }
                };
                self.variant_pattern(variant, &[inner], payload, last, bound, first)
            }
            TyKind::Error | TyKind::Never => self.lost_payload(payload, bound, first),
            _ => {
                // A constant by its path.
                if payload.is_none()
                    && let Some(Def::Const(id)) = self.cx.path_def(&path.segments, self.module)
                {
                    return self.const_pattern(id, ty, path.span);
                }
                let name = self.type_name(ty);
                self.error("TYPECK_E_MISMATCH", "the pattern does not fit the value", path.span)
                    .note(format!("the value is `{name}`, which has no arms"))
                    .help("match a pattern of the value's type")
                    .push("this is an arm of a pick");
                self.lost_payload(payload, bound, first)
            }
        }
    }

    /// Whether a name stands for that pick here.
    fn names_adt(&self, name: &ast::Ident, adt: super::types::AdtId) -> bool {
        match self.lookup(&name.name) {
            Some(Named::Def(Def::Adt(found))) => found == adt,
            Some(Named::Def(Def::Alias(_))) => true,
            Some(Named::Def(Def::StdType(_))) | None => {
                name.name == "Self" || self.cx.adts[adt.0 as usize].name == name.name
            }
            _ => false,
        }
    }

    /// Binds the names of a payload whose arm is unknown, so that uses of them are no errors.
    fn lost_payload(
        &mut self,
        payload: Option<&'a [ast::Pattern]>,
        bound: &mut Bound,
        first: Option<&Bound>,
    ) -> PatternKind {
        for part in payload.unwrap_or_default() {
            self.pattern_in(part, TyId::ERROR, bound, first);
        }
        PatternKind::Wildcard
    }

    fn variant_pattern(
        &mut self,
        variant: VariantIdx,
        types: &[TyId],
        payload: Option<&'a [ast::Pattern]>,
        name: &ast::Ident,
        bound: &mut Bound,
        first: Option<&Bound>,
    ) -> PatternKind {
        let given = payload.map_or(0, <[_]>::len);
        // `Ok` alone stands for a payload of unit; otherwise each value has its pattern.
        if payload.is_none() && types.len() == 1 && self.shallow(types[0]) == TyId::UNIT {
            let wild =
                hir::Pattern { kind: PatternKind::Wildcard, ty: TyId::UNIT, span: name.span };
            return PatternKind::Variant { variant, payload: vec![wild] };
        }
        if given != types.len() {
            let title =
                format!("the arm `{}` holds {} value(s), not {given}", name.name, types.len());
            self.error("TYPECK_E_ARG_COUNT", title, name.span)
                .help("write one pattern for each, `_` for those that do not matter")
                .push(format!("{given} patterns are given"));
            return self.lost_payload(payload, bound, first);
        }
        let mut parts = Vec::new();
        for (part, &ty) in payload.unwrap_or_default().iter().zip(types) {
            parts.push(self.pattern_in(part, ty, bound, first));
        }
        PatternKind::Variant { variant, payload: parts }
    }

    fn form_pattern(
        &mut self,
        path: &'a ast::Path,
        fields: &'a [ast::FieldPattern],
        open: bool,
        ty: TyId,
        bound: &mut Bound,
        first: Option<&Bound>,
    ) -> PatternKind {
        let def = self.cx.path_def(&path.segments, self.module);
        let adt = match def {
            Some(Def::Adt(adt))
                if matches!(self.cx.adts[adt.0 as usize].kind, AdtKind::Form(_)) =>
            {
                adt
            }
            _ => {
                self.error(
                    "SEMA_E_NOT_A_TYPE",
                    format!("there is no form `{}`", path.text()),
                    path.span,
                )
                .help("name the form of the value")
                .push("not a form");
                for field in fields {
                    self.pattern_in(&field.pattern, TyId::ERROR, bound, first);
                }
                return PatternKind::Wildcard;
            }
        };
        let n = self.cx.adts[adt.0 as usize].generics.len();
        let args: Vec<TyId> = (0..n).map(|_| self.fresh()).collect();
        let form = self.cx.types.intern(TyKind::Adt(adt, args.clone()));
        if !self.fits(ty, form, path.span) {
            for field in fields {
                self.pattern_in(&field.pattern, TyId::ERROR, bound, first);
            }
            return PatternKind::Wildcard;
        }
        let mut parts: Vec<(FieldIdx, hir::Pattern)> = Vec::new();
        for field in fields {
            let found = self.form_field(adt, &args, &field.name.name);
            let Some((index, field_ty)) = found else {
                let owner = self.cx.adts[adt.0 as usize].name.clone();
                let title = format!("`{owner}` has no field `{}`", field.name.name);
                self.error("SEMA_E_NO_FIELD", title, field.name.span)
                    .help("check its spelling against the form")
                    .push("this field does not exist");
                self.pattern_in(&field.pattern, TyId::ERROR, bound, first);
                continue;
            };
            let pattern = self.pattern_in(&field.pattern, field_ty, bound, first);
            parts.push((index, pattern));
        }
        let total = match &self.cx.adts[adt.0 as usize].kind {
            AdtKind::Form(all) => all.len(),
            AdtKind::Pick(_) => 0,
        };
        if !open && parts.len() < total && parts.len() == fields.len() {
            self.error("TYPECK_E_FIELDS", "fields are missing from the pattern", path.span)
                .help("name them, or write `..` for the others")
                .push(format!("{} of {total} are named", parts.len()));
        }
        PatternKind::Form(parts)
    }
}

/// The character before another.
fn before(c: char) -> Option<char> {
    let n = u32::from(c).checked_sub(1)?;
    char::from_u32(n).or(Some('\u{d7ff}'))
}
