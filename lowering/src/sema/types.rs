//! Types, interned.
//!
//! In: kinds of types, from sema. Out: [`TyId`]s that are equal exactly if the types are. The
//! table also holds the names of forms and picks, so that it can print any type by itself.
//!
//! I1: a kind is stored once; component ids are smaller than the id of the compound.
//! I2: in a finished [`hir::Program`](super::hir::Program) no [`TyKind::Infer`] and no
//! [`TyKind::Error`] is reachable from a body or signature.

use std::collections::HashMap;
use std::fmt::Write as _;

/// Names a type of a [`Types`] table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TyId(pub u32);

impl TyId {
    /// What stands where a mistake was reported; goes with everything.
    pub const ERROR: Self = Self(0);
    /// The type of what does not come back.
    pub const NEVER: Self = Self(1);
    /// The type with one value.
    pub const UNIT: Self = Self(2);
    /// `bool`.
    pub const BOOL: Self = Self(3);
    /// `char`.
    pub const CHAR: Self = Self(4);
    /// `string`.
    pub const STRING: Self = Self(5);
    /// `int`, which is `i64`.
    pub const INT: Self = Self(6);
    /// `u8`.
    pub const U8: Self = Self(7);
    /// `f64`.
    pub const F64: Self = Self(8);
    /// `bytes`, which is `[u8]`.
    pub const BYTES: Self = Self(9);
}

/// Names a form or pick of a [`hir::Program`](super::hir::Program).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AdtId(pub u32);

/// The integer types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IntTy {
    /// `i8`.
    I8,
    /// `i16`.
    I16,
    /// `i32`.
    I32,
    /// `i64`, `int`.
    I64,
    /// `u8`.
    U8,
    /// `u16`.
    U16,
    /// `u32`.
    U32,
    /// `u64`.
    U64,
    /// `usize`, 64 bits wide, a type of its own.
    Usize,
}

impl IntTy {
    /// Width in bits.
    pub const fn bits(self) -> u32 {
        match self {
            Self::I8 | Self::U8 => 8,
            Self::I16 | Self::U16 => 16,
            Self::I32 | Self::U32 => 32,
            Self::I64 | Self::U64 | Self::Usize => 64,
        }
    }

    /// Whether it has negative values.
    pub const fn is_signed(self) -> bool {
        matches!(self, Self::I8 | Self::I16 | Self::I32 | Self::I64)
    }

    /// Smallest value.
    pub const fn min(self) -> i128 {
        if self.is_signed() { -(1 << (self.bits() - 1)) } else { 0 }
    }

    /// Largest value.
    pub const fn max(self) -> i128 {
        if self.is_signed() { (1 << (self.bits() - 1)) - 1 } else { (1 << self.bits()) - 1 }
    }

    /// Its name in the source.
    pub const fn name(self) -> &'static str {
        match self {
            Self::I8 => "i8",
            Self::I16 => "i16",
            Self::I32 => "i32",
            Self::I64 => "int",
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::Usize => "usize",
        }
    }
}

/// What a type variable may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InferKind {
    /// Anything.
    Any,
    /// An integer type; `int` if nothing says otherwise.
    Int,
    /// A float type; `f64` if nothing says otherwise.
    Float,
}

/// The kinds of types.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TyKind {
    /// A mistake was reported here.
    Error,
    /// `never`.
    Never,
    /// `unit`.
    Unit,
    /// `bool`.
    Bool,
    /// `char`: a Unicode scalar value.
    Char,
    /// `string`: immutable UTF-8, counted.
    String,
    /// An integer type.
    Int(IntTy),
    /// `f32`.
    F32,
    /// `f64`.
    F64,
    /// `[T]`, counted; `bytes` is `[u8]`.
    List(TyId),
    /// `[T; N]`: a list whose length is part of its type, counted as lists are.
    Array(TyId, u64),
    /// `(A, B)`; at least two elements.
    Tuple(Vec<TyId>),
    /// A form or pick with its type arguments, counted (a pick without any payload is an integer).
    Adt(AdtId, Vec<TyId>),
    /// `?T`, `Option[T]`.
    Option(TyId),
    /// `Result[T, E]`.
    Result(TyId, TyId),
    /// `proc(A) -> B`: the address of a procedure, without environment.
    Proc {
        /// Whether calling it makes a future.
        is_async: bool,
        /// The parameters.
        params: Vec<TyId>,
        /// What it gives (of the awaited future, if async).
        result: TyId,
    },
    /// A generic parameter of the procedure or form it stands in; by position, form's first.
    Param {
        /// Its position.
        index: u32,
        /// Its name.
        name: String,
    },
    /// `Future[T]`: cold, used once.
    Future(TyId),
    /// `stream[T]`: what a procedure that emits gives; used once.
    Stream(TyId),
    /// `Task[T]`: shared handle.
    Task(TyId),
    /// `Channel[T]`: shared handle.
    Channel(TyId),
    /// What `task_scope()` binds; cannot leave its block.
    TaskScope,
    /// A listening TCP socket: shared handle.
    TcpListener,
    /// A TCP connection: shared handle.
    TcpStream,
    /// `&T`, `ref T`: the address of a local of this or a calling procedure.
    Ref {
        /// Whether it may be written through.
        mutable: bool,
        /// What is referred to.
        target: TyId,
    },
    /// A type variable; while checking only (I2).
    Infer(u32, InferKind),
}

/// The table of types.
#[derive(Clone, Debug)]
pub struct Types {
    kinds: Vec<TyKind>,
    ids: HashMap<TyKind, TyId>,
    adt_names: Vec<String>,
}

impl Default for Types {
    fn default() -> Self {
        Self::new()
    }
}

impl Types {
    /// Makes a table that holds the types with constant ids.
    pub fn new() -> Self {
        let mut types = Self { kinds: Vec::new(), ids: HashMap::new(), adt_names: Vec::new() };
        for kind in [
            TyKind::Error,
            TyKind::Never,
            TyKind::Unit,
            TyKind::Bool,
            TyKind::Char,
            TyKind::String,
            TyKind::Int(IntTy::I64),
            TyKind::Int(IntTy::U8),
            TyKind::F64,
            TyKind::List(TyId::U8),
        ] {
            types.intern(kind);
        }
        types
    }

    /// Gives the id of a kind.
    pub fn intern(&mut self, kind: TyKind) -> TyId {
        if let Some(&id) = self.ids.get(&kind) {
            return id;
        }
        let id = TyId(self.kinds.len() as u32);
        self.kinds.push(kind.clone());
        self.ids.insert(kind, id);
        id
    }

    /// Gives the kind of an id.
    pub fn kind(&self, ty: TyId) -> &TyKind {
        &self.kinds[ty.0 as usize]
    }

    /// Number of types.
    pub fn len(&self) -> usize {
        self.kinds.len()
    }

    /// Says whether there are none; there always are some.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// Gives `[elem]`.
    pub fn list(&mut self, elem: TyId) -> TyId {
        self.intern(TyKind::List(elem))
    }

    /// The type of the elements of a list or array.
    pub fn element(&self, ty: TyId) -> Option<TyId> {
        match *self.kind(ty) {
            TyKind::List(elem) | TyKind::Array(elem, _) => Some(elem),
            _ => None,
        }
    }

    /// Gives `?inner`.
    pub fn option(&mut self, inner: TyId) -> TyId {
        self.intern(TyKind::Option(inner))
    }

    /// Gives `Result[ok, err]`.
    pub fn result(&mut self, ok: TyId, err: TyId) -> TyId {
        self.intern(TyKind::Result(ok, err))
    }

    /// Gives the tuple of some types: `unit` for none, the type itself for one.
    pub fn tuple(&mut self, elems: Vec<TyId>) -> TyId {
        match elems.as_slice() {
            [] => TyId::UNIT,
            [one] => *one,
            _ => self.intern(TyKind::Tuple(elems)),
        }
    }

    /// Adds a form or pick by its name.
    pub fn name_adt(&mut self, name: &str) -> AdtId {
        self.adt_names.push(name.to_owned());
        AdtId(self.adt_names.len() as u32 - 1)
    }

    /// The name of a form or pick.
    pub fn adt_name(&self, adt: AdtId) -> &str {
        &self.adt_names[adt.0 as usize]
    }

    /// The types a type is directly made of, in order.
    pub fn parts(&self, ty: TyId) -> Vec<TyId> {
        match self.kind(ty) {
            TyKind::List(t)
            | TyKind::Array(t, _)
            | TyKind::Option(t)
            | TyKind::Future(t)
            | TyKind::Stream(t)
            | TyKind::Task(t)
            | TyKind::Channel(t)
            | TyKind::Ref { target: t, .. } => vec![*t],
            TyKind::Result(t, e) => vec![*t, *e],
            TyKind::Tuple(elems) | TyKind::Adt(_, elems) => elems.clone(),
            TyKind::Proc { params, result, .. } => {
                params.iter().copied().chain([*result]).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Rebuilds a type with other parts: `parts` are as [`Self::parts`] gives them.
    ///
    /// # Panics
    ///
    /// If there are fewer parts than the type has.
    pub fn with_parts(&mut self, ty: TyId, parts: &[TyId]) -> TyId {
        let kind = match self.kind(ty).clone() {
            TyKind::List(_) => TyKind::List(parts[0]),
            TyKind::Array(_, n) => TyKind::Array(parts[0], n),
            TyKind::Option(_) => TyKind::Option(parts[0]),
            TyKind::Future(_) => TyKind::Future(parts[0]),
            TyKind::Stream(_) => TyKind::Stream(parts[0]),
            TyKind::Task(_) => TyKind::Task(parts[0]),
            TyKind::Channel(_) => TyKind::Channel(parts[0]),
            TyKind::Ref { mutable, .. } => TyKind::Ref { mutable, target: parts[0] },
            TyKind::Result(..) => TyKind::Result(parts[0], parts[1]),
            TyKind::Tuple(_) => TyKind::Tuple(parts.to_vec()),
            TyKind::Adt(adt, _) => TyKind::Adt(adt, parts.to_vec()),
            TyKind::Proc { is_async, params, .. } => TyKind::Proc {
                is_async,
                params: parts[..params.len()].to_vec(),
                result: parts[params.len()],
            },
            other => other,
        };
        self.intern(kind)
    }

    /// Rebuilds a type with each leaf (a type without parts) replaced by what `leaf` says.
    pub fn map_leaves(&mut self, ty: TyId, leaf: &mut dyn FnMut(&mut Self, TyId) -> TyId) -> TyId {
        let parts = self.parts(ty);
        if parts.is_empty() {
            return leaf(self, ty);
        }
        let new: Vec<TyId> = parts.iter().map(|&part| self.map_leaves(part, leaf)).collect();
        if new == parts { ty } else { self.with_parts(ty, &new) }
    }

    /// Replaces the generic parameters in `ty` by `args`, by position. Parameters beyond `args`
    /// stay.
    pub fn subst(&mut self, ty: TyId, args: &[TyId]) -> TyId {
        if args.is_empty() {
            return ty;
        }
        self.map_leaves(ty, &mut |types, leaf| match types.kind(leaf) {
            TyKind::Param { index, .. } => args.get(*index as usize).copied().unwrap_or(leaf),
            _ => leaf,
        })
    }

    /// Says whether `ty` is, or contains, a type that `test` accepts.
    pub fn any(&self, ty: TyId, test: &dyn Fn(&TyKind) -> bool) -> bool {
        test(self.kind(ty)) || self.parts(ty).iter().any(|&part| self.any(part, test))
    }

    /// Writes a type as the user would.
    pub fn name(&self, ty: TyId) -> String {
        let mut out = String::new();
        self.write(ty, &mut out);
        out
    }

    fn write(&self, ty: TyId, out: &mut String) {
        let wrap = |out: &mut String, word: &str, parts: &[TyId]| {
            out.push_str(word);
            out.push('[');
            self.write_all(parts, out);
            out.push(']');
        };
        match self.kind(ty) {
            TyKind::Error => out.push_str("<unknown>"),
            TyKind::Never => out.push_str("never"),
            TyKind::Unit => out.push_str("unit"),
            TyKind::Bool => out.push_str("bool"),
            TyKind::Char => out.push_str("char"),
            TyKind::String => out.push_str("string"),
            TyKind::Int(int) => out.push_str(int.name()),
            TyKind::F32 => out.push_str("f32"),
            TyKind::F64 => out.push_str("f64"),
            TyKind::List(elem) => wrap(out, "", &[*elem]),
            TyKind::Array(elem, n) => {
                out.push('[');
                self.write(*elem, out);
                let _ = write!(out, "; {n}]");
            }
            TyKind::Tuple(elems) => {
                out.push('(');
                self.write_all(elems, out);
                out.push(')');
            }
            TyKind::Adt(adt, args) if args.is_empty() => out.push_str(self.adt_name(*adt)),
            TyKind::Adt(adt, args) => wrap(out, self.adt_name(*adt), args),
            TyKind::Option(inner) => {
                out.push('?');
                self.write(*inner, out);
            }
            TyKind::Result(ok, err) => wrap(out, "Result", &[*ok, *err]),
            TyKind::Proc { is_async, params, result } => {
                out.push_str(if *is_async { "async proc(" } else { "proc(" });
                self.write_all(params, out);
                out.push(')');
                if *result != TyId::UNIT {
                    out.push_str(" -> ");
                    self.write(*result, out);
                }
            }
            TyKind::Param { name, .. } => out.push_str(name),
            TyKind::Future(inner) => wrap(out, "Future", &[*inner]),
            TyKind::Stream(inner) => wrap(out, "stream", &[*inner]),
            TyKind::Task(inner) => wrap(out, "Task", &[*inner]),
            TyKind::Channel(inner) => wrap(out, "Channel", &[*inner]),
            TyKind::TaskScope => out.push_str("TaskScope"),
            TyKind::TcpListener => out.push_str("TcpListener"),
            TyKind::TcpStream => out.push_str("TcpStream"),
            TyKind::Ref { mutable, target } => {
                out.push_str(if *mutable { "&mut " } else { "&" });
                self.write(*target, out);
            }
            TyKind::Infer(_, InferKind::Any) => out.push('_'),
            TyKind::Infer(_, InferKind::Int) => out.push_str(IntTy::I64.name()),
            TyKind::Infer(_, InferKind::Float) => out.push_str("f64"),
        }
    }

    fn write_all(&self, list: &[TyId], out: &mut String) {
        for (at, &ty) in list.iter().enumerate() {
            if at > 0 {
                out.push_str(", ");
            }
            self.write(ty, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_ids_name_what_they_say() {
        let types = Types::new();
        let named = [TyId::INT, TyId::U8, TyId::F64, TyId::BYTES].map(|ty| types.name(ty));
        assert_eq!(named, ["int", "u8", "f64", "[u8]"]);
    }

    #[test]
    fn parameters_are_replaced_by_position() {
        let mut types = Types::new();
        let t = types.intern(TyKind::Param { index: 0, name: "T".into() });
        let u = types.intern(TyKind::Param { index: 1, name: "U".into() });
        let list = types.list(u);
        let result = types.result(t, list);
        assert_eq!(types.name(result), "Result[T, [U]]");
        let got = types.subst(result, &[TyId::INT, TyId::STRING]);
        assert_eq!(types.name(got), "Result[int, [string]]");
    }
}
