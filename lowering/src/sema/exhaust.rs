//! Whether matches cover every value, and whether patterns of `let` and `for` always fit.
//!
//! In: a typed body. Out: diagnostics. Idea: a pattern is *useful* after some rows if a value fits
//! it and none of the rows. A match is complete if `_` is not useful after all its rows without
//! guards; an arm is never taken if its pattern is not useful after those before it. Usefulness
//! takes patterns apart by constructors of the first column (arms of picks, options and results,
//! truth values, lengths of lists, ranges between the integers that occur).
//!
//! Cost: exponential in the worst case; after [`MAX_STEPS`] steps a match counts as incomplete, so
//! that a match taken as complete always is.
//!
//! Source: L. Maranget, Warnings for pattern matching, JFP 2007.

use super::body::Fx;
use super::hir::{self, AdtKind, Body, Const, Expr, ExprKind, Pattern, PatternKind, VariantIdx};
use super::types::{TyId, TyKind};
use crate::diagnostics::Span;

/// Steps after which a match is too hard to judge.
const MAX_STEPS: u32 = 200_000;

/// A pattern, taken apart: what it demands.
#[derive(Clone, Debug)]
enum Pat {
    /// Nothing.
    Any,
    /// A constructor with what it demands of its parts.
    Ctor(Ctor, Vec<Pat>),
    /// One of several.
    Or(Vec<Pat>),
}

/// What a value is made with.
#[derive(Clone, Debug, PartialEq)]
enum Ctor {
    /// An arm.
    Variant(VariantIdx),
    /// The only way there is.
    Single,
    /// Integers, characters and truth values, inclusive.
    Range(i128, i128),
    /// A constant of which there are endlessly many.
    Opaque(String),
    /// A list of that length.
    Len(usize),
    /// A list of at least so many elements at its start and so many at its end.
    LenFrom(usize, usize),
}

struct Judge<'j, 'c, 'a, 'd> {
    fx: &'j mut Fx<'c, 'a, 'd>,
    steps: u32,
}

/// Checks all matches of a body.
pub(super) fn check(fx: &mut Fx<'_, '_, '_>, body: &Body) {
    let mut matches: Vec<(&Expr, &[hir::Arm], hir::MatchSource)> = Vec::new();
    let mut sure: Vec<&Pattern> = Vec::new();
    super::visit::exprs(&body.value, &mut |expr| match &expr.kind {
        ExprKind::Match { scrutinee, arms, source } => matches.push((scrutinee, arms, *source)),
        ExprKind::ForRange { pattern, .. }
        | ExprKind::ForList { pattern, .. }
        | ExprKind::ForStream { pattern, .. }
        | ExprKind::ForChannel { pattern, .. } => sure.push(pattern),
        ExprKind::Select { arms, .. } => sure.extend(arms.iter().map(|arm| &arm.pattern)),
        _ => {}
    });
    blocks(&body.value, &mut sure);
    for pattern in sure {
        refutable(fx, pattern);
    }
    for (scrutinee, arms, source) in matches {
        judge(fx, scrutinee, arms, source);
    }
}

/// The patterns of lets.
fn blocks<'e>(expr: &'e Expr, sure: &mut Vec<&'e Pattern>) {
    super::visit::blocks(expr, &mut |block| {
        for stmt in &block.stmts {
            if let hir::StmtKind::LetPattern { pattern, .. } = &stmt.kind {
                sure.push(pattern);
            }
        }
    });
}

fn refutable(fx: &mut Fx<'_, '_, '_>, pattern: &Pattern) {
    if pattern.ty == TyId::ERROR {
        return;
    }
    let mut judge = Judge { fx, steps: 0 };
    let row = vec![judge.pat(pattern)];
    if let Some(missing) = judge.useful(&[row], &[Pat::Any], &[pattern.ty]) {
        let example = judge.show(missing.first(), pattern.ty);
        judge
            .fx
            .error("TYPECK_E_REFUTABLE", "the pattern might not fit", pattern.span)
            .note(format!("for example, `{example}` does not"))
            .help("use a match, or `when e is P { … } else { … }`")
            .push("there is no way out if it does not");
    }
}

fn judge(fx: &mut Fx<'_, '_, '_>, scrutinee: &Expr, arms: &[hir::Arm], source: hir::MatchSource) {
    let ty = scrutinee.ty;
    if matches!(ty, TyId::ERROR | TyId::NEVER) || source != hir::MatchSource::Match {
        return;
    }
    let mut judge = Judge { fx, steps: 0 };
    let mut rows: Vec<Vec<Pat>> = Vec::new();
    let mut never: Vec<Span> = Vec::new();
    for arm in arms {
        let row = vec![judge.pat(&arm.pattern)];
        // An `else` after complete arms is harmless.
        let wildcard = matches!(arm.pattern.kind, PatternKind::Wildcard);
        let lost = if wildcard {
            rows.iter().any(|row| matches!(row[0], Pat::Any))
        } else {
            judge.useful(&rows, &row, &[ty]).is_none()
        };
        if lost {
            never.push(arm.pattern.span);
        }
        if arm.guard.is_none() {
            rows.push(row);
        }
    }
    let missing = judge.useful(&rows, &[Pat::Any], &[ty]);
    let hard = judge.steps >= MAX_STEPS;
    if hard {
        fx.error(
            "TYPECK_E_NOT_EXHAUSTIVE",
            "this match is too involved to be judged",
            scrutinee.span,
        )
        .help("add `else { … }` for what remains")
        .push("its patterns have too many combinations");
        return;
    }
    if let Some(missing) = missing {
        let example = judge.show(missing.first(), ty);
        fx.error("TYPECK_E_NOT_EXHAUSTIVE", "the match does not cover every value", scrutinee.span)
            .note("guards do not count, because they may fail")
            .help(format!("add an arm for `{example}`, or `else {{ … }}`"))
            .push(format!("`{example}` fits no arm"));
        return;
    }
    // A pattern with a mistake in it stands for anything.
    if fx.has_errors() {
        return;
    }
    for span in never {
        fx.error("TYPECK_E_UNREACHABLE_ARM", "this arm is never taken", span)
            .warning()
            .note("the arms before it take every value that it could fit")
            .help("remove it, or put it before them")
            .push("nothing is left for it");
    }
}

impl Judge<'_, '_, '_, '_> {
    fn pats(&mut self, list: &[Pattern]) -> Vec<Pat> {
        list.iter().map(|part| self.pat(part)).collect()
    }

    fn pat(&mut self, pattern: &Pattern) -> Pat {
        match &pattern.kind {
            PatternKind::Wildcard | PatternKind::Bind(_) => Pat::Any,
            PatternKind::Const(value) => match value {
                Const::Unit => Pat::Any,
                Const::Bool(b) => Pat::Ctor(Ctor::Range(i128::from(*b), i128::from(*b)), vec![]),
                Const::Int(n) => Pat::Ctor(Ctor::Range(*n, *n), vec![]),
                Const::Char(c) => {
                    let n = i128::from(u32::from(*c));
                    Pat::Ctor(Ctor::Range(n, n), vec![])
                }
                Const::Float(x) => Pat::Ctor(Ctor::Opaque(format!("{x:?}")), vec![]),
                Const::Str(text) => Pat::Ctor(Ctor::Opaque(format!("{text:?}")), vec![]),
                Const::Bytes(bytes) => Pat::Ctor(Ctor::Opaque(format!("{bytes:?}")), vec![]),
            },
            PatternKind::Range { lo, hi } => {
                let number = |value: &Const| match value {
                    Const::Int(n) => *n,
                    Const::Char(c) => i128::from(u32::from(*c)),
                    _ => 0,
                };
                Pat::Ctor(Ctor::Range(number(lo), number(hi)), vec![])
            }
            PatternKind::Variant { variant, payload } => {
                let payload = self.pats(payload);
                Pat::Ctor(Ctor::Variant(*variant), payload)
            }
            PatternKind::Form(fields) => {
                let n = self.parts(pattern.ty, &Ctor::Single).len();
                let mut parts = vec![Pat::Any; n];
                for (index, part) in fields {
                    let part = self.pat(part);
                    if let Some(slot) = parts.get_mut(index.0 as usize) {
                        *slot = part;
                    }
                }
                Pat::Ctor(Ctor::Single, parts)
            }
            PatternKind::Tuple(parts) => {
                let parts = self.pats(parts);
                Pat::Ctor(Ctor::Single, parts)
            }
            PatternKind::List { elements, rest } => {
                let n = elements.len();
                let elements = self.pats(elements);
                let ctor = match rest {
                    Some(rest) => Ctor::LenFrom(rest.before, n - rest.before),
                    None => Ctor::Len(n),
                };
                Pat::Ctor(ctor, elements)
            }
            PatternKind::Or(parts) => Pat::Or(self.pats(parts)),
        }
    }

    /// The types of the parts of a value made with a constructor.
    fn parts(&mut self, ty: TyId, ctor: &Ctor) -> Vec<TyId> {
        let types = &mut self.fx.cx.types;
        match (types.kind(ty).clone(), ctor) {
            (TyKind::Tuple(elems), _) => elems,
            (TyKind::Option(inner), Ctor::Variant(VariantIdx::SOME)) => vec![inner],
            (TyKind::Result(ok, _), Ctor::Variant(VariantIdx::OK)) => vec![ok],
            (TyKind::Result(_, err), Ctor::Variant(VariantIdx::ERR)) => vec![err],
            (TyKind::List(item) | TyKind::Array(item, _), Ctor::Len(n)) => vec![item; *n],
            (TyKind::List(item) | TyKind::Array(item, _), Ctor::LenFrom(before, after)) => {
                vec![item; before + after]
            }
            (TyKind::Adt(adt, args), ctor) => {
                let parts: Vec<TyId> = match (&self.fx.cx.adts[adt.0 as usize].kind, ctor) {
                    (AdtKind::Form(fields), _) => fields.iter().map(|field| field.ty).collect(),
                    (AdtKind::Pick(arms), Ctor::Variant(at)) => arms
                        .get(at.0 as usize)
                        .map(|arm| arm.payload.iter().map(|field| field.ty).collect())
                        .unwrap_or_default(),
                    _ => Vec::new(),
                };
                let types = &mut self.fx.cx.types;
                parts.into_iter().map(|part| types.subst(part, &args)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The constructors of a type, split so that each row covers each one wholly or not at all.
    /// `None` if there are endlessly many.
    fn ctors(&self, ty: TyId, rows: &[Vec<Pat>]) -> Option<Vec<Ctor>> {
        let mut heads = Vec::new();
        for row in rows {
            collect(&row[0], &mut heads);
        }
        let whole = match self.fx.cx.types.kind(ty) {
            TyKind::Bool => (0, 1),
            TyKind::Int(int) => ((*int).min(), (*int).max()),
            TyKind::Char => (0, 0x10_ffff),
            TyKind::Option(_) | TyKind::Result(..) => {
                return Some(vec![Ctor::Variant(VariantIdx(0)), Ctor::Variant(VariantIdx(1))]);
            }
            TyKind::Adt(adt, _) => {
                return Some(match &self.fx.cx.adts[adt.0 as usize].kind {
                    AdtKind::Form(_) => vec![Ctor::Single],
                    AdtKind::Pick(arms) => {
                        (0..arms.len() as u32).map(|at| Ctor::Variant(VariantIdx(at))).collect()
                    }
                });
            }
            TyKind::Tuple(_) | TyKind::Unit => return Some(vec![Ctor::Single]),
            TyKind::Array(_, n) => {
                // An array may be long: only as many elements as patterns name are looked at, as
                // long as those of a start and those of an end are different ones.
                let (mut before, mut after, mut whole) = (0, 0, false);
                for head in &heads {
                    match head {
                        Ctor::LenFrom(b, a) => {
                            before = before.max(*b);
                            after = after.max(*a);
                        }
                        _ => whole = true,
                    }
                }
                let n = usize::try_from(*n).unwrap_or(usize::MAX);
                let whole = whole || before + after >= n;
                return Some(vec![if whole { Ctor::Len(n) } else { Ctor::LenFrom(before, after) }]);
            }
            TyKind::List(_) => {
                // Lists that are longer than every fixed length, and long enough for every start
                // and every end, differ in nothing that a pattern sees.
                let (mut fixed, mut before, mut after) = (0, 0, 0);
                for head in &heads {
                    match head {
                        Ctor::Len(n) => fixed = fixed.max(n + 1),
                        Ctor::LenFrom(b, a) => {
                            before = before.max(*b);
                            after = after.max(*a);
                        }
                        _ => {}
                    }
                }
                before = before.max(fixed.saturating_sub(after));
                let mut ctors: Vec<Ctor> = (0..before + after).map(Ctor::Len).collect();
                ctors.push(Ctor::LenFrom(before, after));
                return Some(ctors);
            }
            _ => return None,
        };
        let mut starts = vec![whole.0];
        for head in &heads {
            if let Ctor::Range(lo, hi) = head {
                starts.push(*lo);
                starts.push(hi + 1);
            }
        }
        starts.retain(|at| (whole.0..=whole.1).contains(at));
        starts.sort_unstable();
        starts.dedup();
        let mut ctors = Vec::new();
        for (at, lo) in starts.iter().enumerate() {
            let hi = starts.get(at + 1).map_or(whole.1, |next| next - 1);
            // No character lies between the surrogates.
            let gap =
                matches!(self.fx.cx.types.kind(ty), TyKind::Char) && *lo >= 0xd800 && hi <= 0xdfff;
            if !gap {
                ctors.push(Ctor::Range(*lo, hi));
            }
        }
        Some(ctors)
    }

    /// Finds a value that fits `row` and none of `rows`.
    fn useful(&mut self, rows: &[Vec<Pat>], row: &[Pat], types: &[TyId]) -> Option<Vec<Witness>> {
        self.steps += 1;
        if self.steps >= MAX_STEPS {
            return None;
        }
        let Some((first, rest)) = row.split_first() else {
            return rows.is_empty().then(Vec::new);
        };
        match first {
            Pat::Or(parts) => parts.iter().find_map(|part| {
                let mut one = vec![part.clone()];
                one.extend_from_slice(rest);
                self.useful(rows, &one, types)
            }),
            Pat::Ctor(ctor, _) => {
                // Split by what the rows say, within what this pattern fits.
                let mut all = rows.to_vec();
                all.push(row.to_vec());
                let pieces = match self.ctors(types[0], &all) {
                    Some(ctors) => ctors.into_iter().filter(|piece| covers(ctor, piece)).collect(),
                    None => vec![ctor.clone()],
                };
                pieces.iter().find_map(|piece| self.useful_at(rows, row, types, piece))
            }
            Pat::Any => match self.ctors(types[0], rows) {
                Some(ctors) if !rows.iter().all(|row| matches!(row[0], Pat::Any)) => {
                    ctors.iter().find_map(|piece| self.useful_at(rows, row, types, piece))
                }
                _ => {
                    let others: Vec<Vec<Pat>> = rows.iter().flat_map(|row| default(row)).collect();
                    let found = self.useful(&others, rest, &types[1..])?;
                    let mut witness = vec![Witness::Any];
                    witness.extend(found);
                    Some(witness)
                }
            },
        }
    }

    /// The same for values made with one constructor.
    fn useful_at(
        &mut self,
        rows: &[Vec<Pat>],
        row: &[Pat],
        types: &[TyId],
        ctor: &Ctor,
    ) -> Option<Vec<Witness>> {
        let parts = self.parts(types[0], ctor);
        let n = parts.len();
        let inner: Vec<Vec<Pat>> = rows.iter().flat_map(|row| specialise(row, ctor, n)).collect();
        let mut wider = parts;
        wider.extend_from_slice(&types[1..]);
        for one in specialise(row, ctor, n) {
            if let Some(mut found) = self.useful(&inner, &one, &wider) {
                let rest = found.split_off(n.min(found.len()));
                let mut witness = vec![Witness::Ctor(ctor.clone(), found)];
                witness.extend(rest);
                return Some(witness);
            }
        }
        None
    }

    /// Writes a value as a pattern.
    fn show(&mut self, witness: Option<&Witness>, ty: TyId) -> String {
        let Some(Witness::Ctor(ctor, parts)) = witness else { return "_".to_owned() };
        let types = self.parts(ty, ctor);
        let inner: Vec<String> =
            parts.iter().zip(types).map(|(part, ty)| self.show(Some(part), ty)).collect();
        let list = inner.join(", ");
        let kind = self.fx.cx.types.kind(ty);
        match (ctor, kind) {
            (Ctor::Variant(VariantIdx::NONE), TyKind::Option(_)) => "None".to_owned(),
            (Ctor::Variant(_), TyKind::Option(_)) => format!("Some({list})"),
            (Ctor::Variant(VariantIdx::OK), TyKind::Result(..)) => format!("Ok({list})"),
            (Ctor::Variant(_), TyKind::Result(..)) => format!("Err({list})"),
            (Ctor::Variant(at), TyKind::Adt(adt, _)) => {
                let info = &self.fx.cx.adts[adt.0 as usize];
                let arm = match &info.kind {
                    AdtKind::Pick(arms) => arms[at.0 as usize].name.as_str(),
                    AdtKind::Form(_) => "_",
                };
                let name = format!("{}.{arm}", info.name);
                if inner.is_empty() { name } else { format!("{name}({list})") }
            }
            (Ctor::Single, TyKind::Tuple(_)) => format!("({list})"),
            (Ctor::Single, TyKind::Adt(adt, _)) => {
                let info = &self.fx.cx.adts[adt.0 as usize];
                let AdtKind::Form(fields) = &info.kind else { return "_".to_owned() };
                let fields: Vec<String> = fields
                    .iter()
                    .zip(&inner)
                    .map(|(field, value)| format!("{}: {value}", field.name))
                    .collect();
                format!("{} {{ {} }}", info.name, fields.join(", "))
            }
            (Ctor::Range(lo, _), TyKind::Bool) => (*lo != 0).to_string(),
            (Ctor::Range(lo, _), TyKind::Char) => {
                format!("{:?}", u32::try_from(*lo).ok().and_then(char::from_u32).unwrap_or('_'))
            }
            (Ctor::Range(lo, _), _) => lo.to_string(),
            (Ctor::Len(_), _) => format!("[{list}]"),
            (Ctor::LenFrom(before, _), _) => {
                let mut all = inner;
                all.insert(*before, "..".to_owned());
                format!("[{}]", all.join(", "))
            }
            _ => "_".to_owned(),
        }
    }
}

/// An example of a value.
#[derive(Clone, Debug)]
enum Witness {
    Any,
    Ctor(Ctor, Vec<Witness>),
}

/// The constructors that stand at the top of a pattern.
fn collect(pat: &Pat, heads: &mut Vec<Ctor>) {
    match pat {
        Pat::Any => {}
        Pat::Ctor(ctor, _) => heads.push(ctor.clone()),
        Pat::Or(parts) => parts.iter().for_each(|part| collect(part, heads)),
    }
}

/// Whether all values of `piece` are of `ctor`, where pieces are split finely enough.
fn covers(ctor: &Ctor, piece: &Ctor) -> bool {
    match (ctor, piece) {
        (Ctor::Range(lo, hi), Ctor::Range(a, b)) => lo <= a && b <= hi,
        (Ctor::LenFrom(before, after), Ctor::Len(n)) => before + after <= *n,
        (Ctor::LenFrom(before, after), Ctor::LenFrom(b, a)) => before <= b && after <= a,
        _ => ctor == piece,
    }
}

/// A row for values made with one constructor, its first column taken apart.
fn specialise(row: &[Pat], ctor: &Ctor, n: usize) -> Vec<Vec<Pat>> {
    let Some((first, rest)) = row.split_first() else { return Vec::new() };
    // What is not said about the parts belongs behind those at the start.
    let with = |parts: &[Pat], before: usize| {
        let (start, end) = parts.split_at(before.min(parts.len()));
        let gap = n.saturating_sub(parts.len());
        let mut all = start.to_vec();
        all.extend(std::iter::repeat_n(Pat::Any, gap));
        all.extend_from_slice(end);
        all.extend_from_slice(rest);
        all
    };
    match first {
        Pat::Any => vec![with(&[], 0)],
        Pat::Ctor(own, parts) if covers(own, ctor) => {
            let before = match own {
                Ctor::LenFrom(before, _) => *before,
                _ => parts.len(),
            };
            vec![with(parts, before)]
        }
        Pat::Ctor(..) => Vec::new(),
        Pat::Or(parts) => parts
            .iter()
            .flat_map(|part| {
                let mut one = vec![part.clone()];
                one.extend_from_slice(rest);
                specialise(&one, ctor, n)
            })
            .collect(),
    }
}

/// A row for values that none of the named constructors make.
fn default(row: &[Pat]) -> Vec<Vec<Pat>> {
    let Some((first, rest)) = row.split_first() else { return Vec::new() };
    match first {
        Pat::Any => vec![rest.to_vec()],
        Pat::Ctor(..) => Vec::new(),
        Pat::Or(parts) => parts
            .iter()
            .flat_map(|part| {
                let mut one = vec![part.clone()];
                one.extend_from_slice(rest);
                default(&one)
            })
            .collect(),
    }
}
