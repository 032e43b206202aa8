//! Type variables of one body, and unification.
//!
//! In: pairs of types that must be equal. Out: what the variables stand for. A variable is
//! [`TyKind::Infer`]; its number indexes the table, its kind says what it may become.
//!
//! I1: no variable stands for a type that contains it (occurs check).

use super::types::{InferKind, TyId, TyKind, Types};

/// What the variables of a body stand for.
#[derive(Debug, Default)]
pub(super) struct Infer {
    bound: Vec<Option<TyId>>,
}

impl Infer {
    /// Makes a new variable.
    pub(super) fn fresh(&mut self, types: &mut Types, kind: InferKind) -> TyId {
        self.bound.push(None);
        types.intern(TyKind::Infer(self.bound.len() as u32 - 1, kind))
    }

    /// Looks through bound variables at the top of a type.
    pub(super) fn shallow(&self, types: &Types, mut ty: TyId) -> TyId {
        while let TyKind::Infer(var, _) = types.kind(ty) {
            match self.bound.get(*var as usize).copied().flatten() {
                Some(next) => ty = next,
                None => break,
            }
        }
        ty
    }

    /// Replaces every bound variable in a type.
    pub(super) fn deep(&self, types: &mut Types, ty: TyId) -> TyId {
        types.map_leaves(ty, &mut |types, leaf| {
            let top = self.shallow(types, leaf);
            if top == leaf || types.parts(top).is_empty() { top } else { self.deep(types, top) }
        })
    }

    /// Makes two types equal, if they can be.
    pub(super) fn unify(&mut self, types: &mut Types, a: TyId, b: TyId) -> bool {
        let (a, b) = (self.shallow(types, a), self.shallow(types, b));
        if a == b || a == TyId::ERROR || b == TyId::ERROR {
            return true;
        }
        match (types.kind(a).clone(), types.kind(b).clone()) {
            (TyKind::Infer(var, kind), TyKind::Infer(other, wanted)) => match (kind, wanted) {
                (InferKind::Any, _) => self.bind(var, b),
                (_, InferKind::Any) => self.bind(other, a),
                _ if kind == wanted => self.bind(var, b),
                _ => false,
            },
            (TyKind::Infer(var, kind), _) => self.bind_to(types, var, kind, b),
            (_, TyKind::Infer(var, kind)) => self.bind_to(types, var, kind, a),
            (left, right) => {
                let same = match (&left, &right) {
                    (TyKind::Tuple(one), TyKind::Tuple(other)) => one.len() == other.len(),
                    (TyKind::Array(_, one), TyKind::Array(_, other)) => one == other,
                    (TyKind::Adt(one, args), TyKind::Adt(other, rest)) => {
                        one == other && args.len() == rest.len()
                    }
                    (
                        TyKind::Proc { is_async: one, params, .. },
                        TyKind::Proc { is_async: other, params: rest, .. },
                    ) => one == other && params.len() == rest.len(),
                    (TyKind::Ref { mutable: one, .. }, TyKind::Ref { mutable: other, .. }) => {
                        one == other
                    }
                    _ => std::mem::discriminant(&left) == std::mem::discriminant(&right),
                };
                let (parts, others) = (types.parts(a), types.parts(b));
                same && !parts.is_empty()
                    && parts.len() == others.len()
                    && parts.into_iter().zip(others).all(|(x, y)| self.unify(types, x, y))
            }
        }
    }

    /// Replaces every variable in a type that stands for some number by what numbers are if nothing
    /// says otherwise.
    pub(super) fn settle(&mut self, types: &mut Types, ty: TyId) -> TyId {
        let ty = self.deep(types, ty);
        types.map_leaves(ty, &mut |types, leaf| {
            let (var, number) = match types.kind(leaf) {
                TyKind::Infer(var, InferKind::Int) => (*var, TyId::INT),
                TyKind::Infer(var, InferKind::Float) => (*var, TyId::F64),
                _ => return leaf,
            };
            self.bind(var, number);
            number
        })
    }

    fn bind(&mut self, var: u32, ty: TyId) -> bool {
        self.bound[var as usize] = Some(ty);
        true
    }

    fn bind_to(&mut self, types: &mut Types, var: u32, kind: InferKind, ty: TyId) -> bool {
        let fits = match kind {
            InferKind::Any => {
                let whole = self.deep(types, ty);
                !types.any(whole, &|part| matches!(part, TyKind::Infer(other, _) if *other == var))
            }
            InferKind::Int => matches!(types.kind(ty), TyKind::Int(_)),
            InferKind::Float => matches!(types.kind(ty), TyKind::F32 | TyKind::F64),
        };
        fits && self.bind(var, ty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_cannot_contain_itself() {
        let (mut types, mut infer) = (Types::new(), Infer::default());
        let var = infer.fresh(&mut types, InferKind::Any);
        let list = types.list(var);
        assert!(!infer.unify(&mut types, var, list));
        let other = infer.fresh(&mut types, InferKind::Any);
        assert!(infer.unify(&mut types, var, other));
        assert!(!infer.unify(&mut types, other, list));
    }

    #[test]
    fn integer_variables_take_integers_only() {
        let (mut types, mut infer) = (Types::new(), Infer::default());
        let (int, any) =
            (infer.fresh(&mut types, InferKind::Int), infer.fresh(&mut types, InferKind::Any));
        assert!(infer.unify(&mut types, any, int));
        assert!(!infer.unify(&mut types, any, TyId::STRING));
        assert!(infer.unify(&mut types, any, TyId::U8));
        assert_eq!(infer.shallow(&types, int), TyId::U8);
    }
}
