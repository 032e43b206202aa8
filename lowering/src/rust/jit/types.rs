//! The types of the subset, and their inference.
//!
//! rustc's rules, as far as the subset has them: literals without suffix take the type of what they
//! meet, else `i32` and `f64`; what is awaited has a type that only rustc knows, so it must meet one
//! that is spelled.

use crate::ir::Type;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

/// A scalar.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Prim {
    Bool,
    Char,
    Int(Int),
    F32,
    F64,
}

/// An integer type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Int {
    pub(super) bits: u32,
    pub(super) signed: bool,
    /// `usize` or `isize`.
    is_size: bool,
}

impl Int {
    pub(super) const I32: Int = Int { bits: 32, signed: true, is_size: false };
    pub(super) const USIZE: Int = Int { bits: 64, signed: false, is_size: true };
    pub(super) const U8: Int = Int { bits: 8, signed: false, is_size: false };

    pub(super) fn min(self) -> i128 {
        if self.signed { -(1 << (self.bits - 1)) } else { 0 }
    }

    pub(super) fn max(self) -> i128 {
        if self.signed { (1 << (self.bits - 1)) - 1 } else { (1 << self.bits) - 1 }
    }
}

impl Prim {
    /// The scalar of a name.
    pub(super) fn named(name: &str) -> Option<Prim> {
        let int = |bits, signed| Some(Prim::Int(Int { bits, signed, is_size: false }));
        match name {
            "bool" => Some(Prim::Bool),
            "char" => Some(Prim::Char),
            "i8" => int(8, true),
            "i16" => int(16, true),
            "i32" => int(32, true),
            "i64" => int(64, true),
            "u8" => int(8, false),
            "u16" => int(16, false),
            "u32" => int(32, false),
            "u64" => int(64, false),
            "isize" => Some(Prim::Int(Int { bits: 64, signed: true, is_size: true })),
            "usize" => Some(Prim::Int(Int::USIZE)),
            "f32" => Some(Prim::F32),
            "f64" => Some(Prim::F64),
            _ => None,
        }
    }

    fn name(self) -> String {
        match self {
            Prim::Bool => "bool".into(),
            Prim::Char => "char".into(),
            Prim::F32 => "f32".into(),
            Prim::F64 => "f64".into(),
            Prim::Int(Int { bits, signed, is_size }) => {
                let sign = if signed { 'i' } else { 'u' };
                if is_size { format!("{sign}size") } else { format!("{sign}{bits}") }
            }
        }
    }

    /// Its type in the IR.
    pub(super) fn ir(self) -> Type {
        match self {
            Prim::Bool => Type::Bool,
            Prim::Char => Type::I32,
            Prim::F32 => Type::F32,
            Prim::F64 => Type::F64,
            Prim::Int(Int { bits: 8, .. }) => Type::I8,
            Prim::Int(Int { bits: 16, .. }) => Type::I16,
            Prim::Int(Int { bits: 32, .. }) => Type::I32,
            Prim::Int(_) => Type::I64,
        }
    }
}

/// A type; `Var` only while types are being found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Ty {
    Prim(Prim),
    Tuple(Vec<Ty>),
    Array(Box<Ty>, usize),
    Never,
    Var(usize),
    /// Of what was refused: it fits everything, so that one mistake is told once.
    Refused,
}

impl Ty {
    pub(super) const BOOL: Ty = Ty::Prim(Prim::Bool);
    pub(super) const UNIT: Ty = Ty::Tuple(Vec::new());
    pub(super) const USIZE: Ty = Ty::Prim(Prim::Int(Int::USIZE));

    /// The type as tokens.
    pub(super) fn tokens(&self) -> TokenStream {
        match self {
            Ty::Prim(prim) => {
                let name = format_ident!("{}", prim.name());
                quote!(#name)
            }
            Ty::Tuple(elems) => {
                let elems = elems.iter().map(Ty::tokens);
                quote!((#(#elems,)*))
            }
            Ty::Array(elem, n) => {
                let elem = elem.tokens();
                quote!([#elem; #n])
            }
            Ty::Never | Ty::Var(_) | Ty::Refused => quote!(()),
        }
    }

    /// The type as the user would write it.
    pub(super) fn name(&self) -> String {
        match self {
            Ty::Prim(prim) => prim.name(),
            Ty::Tuple(elems) => {
                let elems: Vec<String> = elems.iter().map(Ty::name).collect();
                format!("({})", elems.join(", "))
            }
            Ty::Array(elem, n) => format!("[{}; {n}]", elem.name()),
            Ty::Never => "!".into(),
            Ty::Var(_) | Ty::Refused => "_".into(),
        }
    }

    /// Scalars in it, in order.
    pub(super) fn leaves(&self, out: &mut Vec<Prim>) {
        match self {
            Ty::Prim(prim) => out.push(*prim),
            Ty::Tuple(elems) => elems.iter().for_each(|t| t.leaves(out)),
            Ty::Array(elem, n) => (0..*n).for_each(|_| elem.leaves(out)),
            Ty::Never | Ty::Var(_) | Ty::Refused => {}
        }
    }

    /// Number of scalars in it, saturating.
    pub(super) fn n_leaves(&self) -> usize {
        match self {
            Ty::Prim(_) => 1,
            Ty::Tuple(elems) => elems.iter().fold(0, |n: usize, t| n.saturating_add(t.n_leaves())),
            Ty::Array(elem, n) => elem.n_leaves().saturating_mul(*n),
            Ty::Never | Ty::Var(_) | Ty::Refused => 0,
        }
    }
}

/// What a type variable may become.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Any,
    Int,
    Float,
}

#[derive(Clone, Debug)]
struct VarData {
    is: Option<Ty>,
    kind: Kind,
    /// Only rustc knows it: no default applies.
    awaited: bool,
}

/// Type variables.
#[derive(Debug, Default)]
pub(super) struct Vars(Vec<VarData>);

impl Vars {
    pub(super) fn fresh(&mut self, kind: Kind) -> Ty {
        self.0.push(VarData { is: None, kind, awaited: false });
        Ty::Var(self.0.len() - 1)
    }

    pub(super) fn awaited(&mut self) -> Ty {
        self.0.push(VarData { is: None, kind: Kind::Any, awaited: true });
        Ty::Var(self.0.len() - 1)
    }

    /// The type as far as it is known, variables at the top resolved.
    pub(super) fn shallow(&self, ty: &Ty) -> Ty {
        let mut ty = ty.clone();
        while let Ty::Var(v) = ty {
            match &self.0[v].is {
                Some(is) => ty = is.clone(),
                None => return ty,
            }
        }
        ty
    }

    fn occurs(&self, var: usize, ty: &Ty) -> bool {
        match self.shallow(ty) {
            Ty::Var(v) => v == var,
            Ty::Tuple(elems) => elems.iter().any(|t| self.occurs(var, t)),
            Ty::Array(elem, _) => self.occurs(var, &elem),
            _ => false,
        }
    }

    /// Makes two types equal; false if they are not.
    pub(super) fn unify(&mut self, a: &Ty, b: &Ty) -> bool {
        match (self.shallow(a), self.shallow(b)) {
            (Ty::Never, _) | (_, Ty::Never) => true,
            (Ty::Var(a), Ty::Var(b)) if a == b => true,
            (Ty::Var(a), Ty::Var(b)) => {
                let kind = match (self.0[a].kind, self.0[b].kind) {
                    (Kind::Any, k) | (k, Kind::Any) => k,
                    (k, other) if k == other => k,
                    _ => return false,
                };
                let awaited = self.0[a].awaited || self.0[b].awaited;
                self.0[b] = VarData { is: None, kind, awaited };
                self.0[a].is = Some(Ty::Var(b));
                true
            }
            (Ty::Var(v), Ty::Refused) | (Ty::Refused, Ty::Var(v)) => {
                self.0[v].is = Some(Ty::Refused);
                true
            }
            (Ty::Refused, _) | (_, Ty::Refused) => true,
            (Ty::Var(v), ty) | (ty, Ty::Var(v)) => {
                let fits = match self.0[v].kind {
                    Kind::Any => true,
                    Kind::Int => matches!(ty, Ty::Prim(Prim::Int(_))),
                    Kind::Float => matches!(ty, Ty::Prim(Prim::F32 | Prim::F64)),
                };
                if !fits || self.occurs(v, &ty) {
                    return false;
                }
                self.0[v].is = Some(ty);
                true
            }
            (Ty::Prim(a), Ty::Prim(b)) => a == b,
            (Ty::Tuple(a), Ty::Tuple(b)) => {
                a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| self.unify(a, b))
            }
            (Ty::Array(a, n), Ty::Array(b, m)) => n == m && self.unify(&a, &b),
            _ => false,
        }
    }

    /// The type without variables, defaults applied; `None` if only rustc knows it.
    pub(super) fn resolve(&self, ty: &Ty) -> Option<Ty> {
        Some(match self.shallow(ty) {
            Ty::Var(v) => match (self.0[v].kind, self.0[v].awaited) {
                (Kind::Int, false) => Ty::Prim(Prim::Int(Int::I32)),
                (Kind::Float, false) => Ty::Prim(Prim::F64),
                _ => return None,
            },
            Ty::Tuple(elems) => {
                Ty::Tuple(elems.iter().map(|t| self.resolve(t)).collect::<Option<_>>()?)
            }
            Ty::Array(elem, n) => Ty::Array(Box::new(self.resolve(&elem)?), n),
            known => known,
        })
    }
}
