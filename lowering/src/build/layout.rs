//! What Vitte types look like: flattened parts, object layouts, and the descriptors of them.
//!
//! In: types of a checked program. Out: `Part`s for values, offsets for memory, static data that
//! tells the host where references lie.
//!
//! A value is a list of scalar *parts*; a tuple, option or result has the parts of what it is made
//! of (tag first), so most values live in SSA values and never in memory. Parts of the side of an
//! option or result that is not there are zero or null, so dropping all references is always right.
//!
//! ```text
//! object      0 count i64 │ 8 *TypeDesc │ 16 payload …
//! string      16 length u64 │ 24 bytes
//! list        16 length u64 │ 24 capacity u64 │ 32 *elements (stride: the element's sequence)
//! form        16 all parts of all fields in sequence
//! pick        16 tag i32 │ 24 the arm's payload in sequence      (no payload anywhere: an i32)
//! TypeDesc    0 kind u32 │ 4 flags u32 │ 8 size u64 │ 16 *name │ 24 name length │ 32 *ValueDesc
//!             of elements │ 40 *VariantDesc │ 48 number of them
//! ValueDesc   0 size u32 │ 4 align u32 │ 8 n_refs u32 │ 16 *u32 offsets
//! VariantDesc 0 n_refs u32 │ 8 *u32 offsets from the start of the object
//! ```

use std::rc::Rc;

use super::module::Cx;
use crate::ir::{Class, Data, DataObject, Reloc, Ty, Type};
use crate::sema::hir::{AdtKind, VariantIdx};
use crate::sema::types::{IntTy, TyId, TyKind};

/// Count of an object that is never freed.
pub(super) const IMMORTAL: u64 = 1 << 62;
/// Offset of a length, of a form's fields, of a pick's tag.
pub(super) const PAYLOAD: u32 = 16;
/// Offset of a string's bytes.
pub(super) const STRING_BYTES: u32 = 24;
/// Offset of the pointer to a list's elements.
pub(super) const LIST_DATA: u32 = 32;
/// Offset of a pick's payload.
pub(super) const PICK_PAYLOAD: u32 = 24;

/// `TypeDesc.kind`.
pub mod kind {
    /// A string.
    pub const STRING: u32 = 0;
    /// A list.
    pub const LIST: u32 = 1;
    /// A form.
    pub const FORM: u32 = 2;
    /// A pick.
    pub const PICK: u32 = 3;
    /// A task handle.
    pub const TASK: u32 = 4;
    /// A channel.
    pub const CHANNEL: u32 = 5;
    /// Another handle: scope, listener, stream.
    pub const HANDLE: u32 = 6;
}

/// One scalar of a flattened value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    /// Plain data.
    Plain(Type),
    /// A counted reference.
    Counted(Class),
    /// The frame of a cold future or stream; owned by whoever holds it.
    Boxed,
}

impl Part {
    /// Type of the SSA value.
    pub(super) fn ty(self) -> Type {
        match self {
            Part::Plain(t) => t,
            Part::Counted(class) => Type::Ref(class),
            Part::Boxed => Type::Ptr,
        }
    }

    /// Whether something has to be done when it is dropped.
    pub(super) fn is_owned(self) -> bool {
        !matches!(self, Part::Plain(_))
    }
}

/// Where the parts of some values lie in memory.
#[derive(Clone, Debug)]
pub(super) struct Spread {
    /// Per value, the offset of each part.
    pub(super) offsets: Vec<Vec<u32>>,
    /// Offsets of the references.
    pub(super) refs: Vec<u32>,
    /// Bytes up to the end, from offset 0.
    pub(super) size: u32,
    /// Alignment.
    pub(super) align: u32,
}

/// IR type of an integer.
pub(super) fn int_type(int: IntTy) -> Type {
    match int.bits() {
        8 => Type::I8,
        16 => Type::I16,
        32 => Type::I32,
        _ => Type::I64,
    }
}

impl Cx<'_> {
    /// The parts of a type without generic parameters.
    pub(super) fn parts(&mut self, ty: TyId) -> Rc<[Part]> {
        if let Some(p) = self.parts.get(&ty) {
            return Rc::clone(p);
        }
        let mut out = Vec::new();
        self.flatten(ty, &mut out);
        let parts: Rc<[Part]> = out.into();
        self.parts.insert(ty, Rc::clone(&parts));
        parts
    }

    fn flatten(&mut self, ty: TyId, out: &mut Vec<Part>) {
        match self.types.kind(ty).clone() {
            TyKind::Bool => out.push(Part::Plain(Type::Bool)),
            TyKind::Char => out.push(Part::Plain(Type::I32)),
            TyKind::Int(int) => out.push(Part::Plain(int_type(int))),
            TyKind::F32 => out.push(Part::Plain(Type::F32)),
            TyKind::F64 => out.push(Part::Plain(Type::F64)),
            TyKind::Proc { .. } => out.push(Part::Plain(Type::I64)),
            TyKind::Ref { .. } => out.push(Part::Plain(Type::Ptr)),
            TyKind::Future(_) | TyKind::Stream(_) => out.push(Part::Boxed),
            TyKind::Tuple(elems) => {
                for t in elems {
                    self.flatten(t, out);
                }
            }
            TyKind::Option(t) => {
                out.push(Part::Plain(Type::I8));
                self.flatten(t, out);
            }
            TyKind::Result(t, e) => {
                out.push(Part::Plain(Type::I8));
                self.flatten(t, out);
                self.flatten(e, out);
            }
            TyKind::Adt(..) if self.is_plain_pick(ty) => out.push(Part::Plain(Type::I32)),
            TyKind::String
            | TyKind::List(_)
            | TyKind::Array(..)
            | TyKind::Adt(..)
            | TyKind::Task(_)
            | TyKind::Channel(_)
            | TyKind::TaskScope
            | TyKind::TcpListener
            | TyKind::TcpStream => out.push(Part::Counted(self.class(ty))),
            TyKind::Error
            | TyKind::Never
            | TyKind::Unit
            | TyKind::Param { .. }
            | TyKind::Infer(..) => {}
        }
    }

    /// IR types of the parts.
    pub(super) fn part_types(&mut self, ty: TyId) -> Vec<Type> {
        self.parts(ty).iter().map(|p| p.ty()).collect()
    }

    /// Number of parts.
    pub(super) fn n_parts(&mut self, ty: TyId) -> usize {
        self.parts(ty).len()
    }

    /// Whether a type is a pick without any payload, and so an integer.
    pub(super) fn is_plain_pick(&self, ty: TyId) -> bool {
        let TyKind::Adt(adt, _) = self.types.kind(ty) else { return false };
        match &self.program.adts[adt.0 as usize].kind {
            AdtKind::Form(_) => false,
            AdtKind::Pick(arms) => arms.iter().all(|v| v.payload.is_empty()),
        }
    }

    /// Types of a form's fields, or of the payload of a pick's arm.
    pub(super) fn fields(&mut self, ty: TyId, variant: Option<VariantIdx>) -> Vec<TyId> {
        match (self.types.kind(ty).clone(), variant) {
            (TyKind::Adt(adt, args), variant) => {
                let program = self.program;
                let fields = match (&program.adts[adt.0 as usize].kind, variant) {
                    (AdtKind::Form(fields), _) => fields,
                    (AdtKind::Pick(arms), v) => &arms[v.map_or(0, |v| v.0 as usize)].payload,
                };
                fields.iter().map(|f| self.types.subst(f.ty, &args)).collect()
            }
            (TyKind::Option(t), Some(VariantIdx::SOME)) => vec![t],
            (TyKind::Result(t, _), Some(VariantIdx::OK)) => vec![t],
            (TyKind::Result(_, e), Some(VariantIdx::ERR)) => vec![e],
            (TyKind::Tuple(elems), _) => elems,
            _ => Vec::new(),
        }
    }

    /// Lays values out one after the other from an offset that is a multiple of 8.
    pub(super) fn spread(&mut self, base: u32, tys: &[TyId]) -> Spread {
        let all: Vec<Rc<[Part]>> = tys.iter().map(|&t| self.parts(t)).collect();
        let flat = all.iter().flat_map(|p| p.iter());
        let seq = self.m.sequence(flat.clone().map(|p| Ty::Value(p.ty())));
        let seq = seq.unwrap_or(crate::ir::Sequence { offsets: Vec::new(), size: 0, align: 1 });
        let offsets: Vec<u32> = seq.offsets.iter().map(|o| o + base).collect();
        let refs = flat.zip(&offsets).filter(|(p, _)| matches!(p, Part::Counted(_)));
        let refs = refs.map(|(_, &o)| o).collect();
        let mut rest = offsets.iter().copied();
        let offsets = all.iter().map(|p| rest.by_ref().take(p.len()).collect()).collect();
        Spread { offsets, refs, size: base + seq.size, align: seq.align }
    }

    /// Layout of a form's fields or of an arm's payload, from the start of the object.
    pub(super) fn object(&mut self, ty: TyId, variant: Option<VariantIdx>) -> Spread {
        let fields = self.fields(ty, variant);
        self.spread(if variant.is_some() { PICK_PAYLOAD } else { PAYLOAD }, &fields)
    }

    /// Class of a counted type.
    pub(super) fn class(&mut self, ty: TyId) -> Class {
        if let Some(&c) = self.classes.get(&ty) {
            return c;
        }
        let (retain, release) = (self.import("vitte_retain"), self.import("vitte_release"));
        let name = self.types.name(ty);
        let class = self.m.classes.push(crate::ir::ClassData { name, retain, release });
        self.classes.insert(ty, class);
        class
    }

    // ---- static data ----

    fn data(&mut self, name: String, bytes: Vec<u8>, relocs: Vec<(u32, Reloc)>) -> Data {
        self.m.data.push(DataObject { name, bytes, align: 8, writable: false, relocs })
    }

    fn offsets_data(&mut self, refs: &[u32]) -> Option<Data> {
        if refs.is_empty() {
            return None;
        }
        if let Some(&d) = self.offset_tables.get(refs) {
            return Some(d);
        }
        let bytes = refs.iter().flat_map(|o| o.to_le_bytes()).collect();
        let d = self.data(format!("offsets{}", self.offset_tables.len()), bytes, vec![]);
        self.offset_tables.insert(refs.to_vec(), d);
        Some(d)
    }

    /// `ValueDesc` of values laid out one after the other.
    pub(super) fn values_desc(&mut self, tys: &[TyId]) -> Data {
        if let Some(&d) = self.value_descs.get(tys) {
            return d;
        }
        let s = self.spread(0, tys);
        let d = self.raw_value_desc(s.size, s.align, &s.refs);
        self.value_descs.insert(tys.to_vec(), d);
        d
    }

    /// `ValueDesc` of these numbers.
    pub(super) fn raw_value_desc(&mut self, size: u32, align: u32, refs: &[u32]) -> Data {
        let mut bytes = Vec::new();
        for n in [size, align, refs.len() as u32, 0, 0, 0] {
            bytes.extend(n.to_le_bytes());
        }
        let table = self.offsets_data(refs);
        let relocs = table.into_iter().map(|d| (16, Reloc::Data(d, 0))).collect();
        let name = format!("value{}", self.m.data.len());
        self.data(name, bytes, relocs)
    }

    /// `TypeDesc` of a counted type.
    pub(super) fn type_desc(&mut self, ty: TyId) -> Data {
        if let Some(&d) = self.type_descs.get(&ty) {
            return d;
        }
        let mut variants: Vec<Spread> = Vec::new();
        let (kind, elem) = match self.types.kind(ty).clone() {
            TyKind::String => (kind::STRING, None),
            TyKind::List(t) | TyKind::Array(t, _) => (kind::LIST, Some(t)),
            TyKind::Task(t) => (kind::TASK, Some(t)),
            TyKind::Channel(t) => (kind::CHANNEL, Some(t)),
            TyKind::Adt(adt, _) => match &self.program.adts[adt.0 as usize].kind {
                AdtKind::Form(_) => {
                    variants.push(self.object(ty, None));
                    (kind::FORM, None)
                }
                AdtKind::Pick(arms) => {
                    for i in 0..arms.len() as u32 {
                        let arm = self.object(ty, Some(VariantIdx(i)));
                        variants.push(arm);
                    }
                    (kind::PICK, None)
                }
            },
            _ => (kind::HANDLE, None),
        };
        let size = variants.iter().map(|v| v.size).max().unwrap_or(0).next_multiple_of(8);
        let name = self.types.name(ty);
        let mut relocs = Vec::new();
        let text = self.data(format!("name{}", ty.0), name.clone().into_bytes(), vec![]);
        relocs.push((16, Reloc::Data(text, 0)));
        if let Some(t) = elem {
            relocs.push((32, Reloc::Data(self.values_desc(&[t]), 0)));
        }
        if !variants.is_empty() {
            let mut bytes = Vec::new();
            let mut inner = Vec::new();
            for (i, v) in variants.iter().enumerate() {
                bytes.extend((v.refs.len() as u64).to_le_bytes());
                bytes.extend([0; 8]);
                if let Some(d) = self.offsets_data(&v.refs) {
                    inner.push((16 * i as u32 + 8, Reloc::Data(d, 0)));
                }
            }
            let d = self.data(format!("arms{}", ty.0), bytes, inner);
            relocs.push((40, Reloc::Data(d, 0)));
        }
        let flags = u32::from(kind < kind::TASK && self.is_recursive(ty));
        let mut bytes = Vec::new();
        bytes.extend(kind.to_le_bytes());
        bytes.extend(flags.to_le_bytes());
        bytes.extend(u64::from(size).to_le_bytes());
        bytes.extend([0; 8]);
        bytes.extend((name.len() as u64).to_le_bytes());
        bytes.extend([0; 16]);
        bytes.extend((variants.len() as u64).to_le_bytes());
        let d = self.data(format!("type{}", ty.0), bytes, relocs);
        self.type_descs.insert(ty, d);
        d
    }

    /// Whether a value of a type can contain another of that type, and so be in a cycle.
    fn is_recursive(&mut self, ty: TyId) -> bool {
        let mut seen: Vec<TyId> = Vec::new();
        let mut todo = self.held_types(ty);
        while let Some(next) = todo.pop() {
            if next == ty {
                return true;
            }
            if !seen.contains(&next) {
                seen.push(next);
                todo.extend(self.held_types(next));
            }
        }
        false
    }

    /// The types that a value of a type holds directly.
    fn held_types(&mut self, ty: TyId) -> Vec<TyId> {
        match self.types.kind(ty).clone() {
            TyKind::Adt(adt, _) => {
                let arms = match &self.program.adts[adt.0 as usize].kind {
                    AdtKind::Form(_) => return self.fields(ty, None),
                    AdtKind::Pick(arms) => arms.len() as u32,
                };
                (0..arms).flat_map(|i| self.fields(ty, Some(VariantIdx(i)))).collect()
            }
            TyKind::Proc { .. } | TyKind::Ref { .. } => Vec::new(),
            _ => self.types.parts(ty),
        }
    }

    /// An immortal string.
    pub(super) fn string_data(&mut self, text: &str) -> Data {
        if let Some(&d) = self.strings.get(text) {
            return d;
        }
        let desc = self.type_desc(TyId::STRING);
        let mut bytes = IMMORTAL.to_le_bytes().to_vec();
        bytes.extend([0; 8]);
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend(text.as_bytes());
        let relocs = vec![(8, Reloc::Data(desc, 0))];
        let d = self.data(format!("str{}", self.strings.len()), bytes, relocs);
        self.strings.insert(text.to_owned(), d);
        d
    }

    /// An immortal arm without payload.
    pub(super) fn arm_data(&mut self, ty: TyId, variant: VariantIdx) -> Data {
        if let Some(&d) = self.arms.get(&(ty, variant)) {
            return d;
        }
        let desc = self.type_desc(ty);
        let mut bytes = IMMORTAL.to_le_bytes().to_vec();
        bytes.extend([0; 8]);
        bytes.extend(u64::from(variant.0).to_le_bytes());
        let relocs = vec![(8, Reloc::Data(desc, 0))];
        let d = self.data(format!("arm{}.{}", ty.0, variant.0), bytes, relocs);
        self.arms.insert((ty, variant), d);
        d
    }

    /// Plain bytes.
    pub(super) fn bytes_data(&mut self, bytes: &[u8]) -> Data {
        let name = format!("bytes{}", self.m.data.len());
        self.data(name, bytes.to_vec(), vec![])
    }

    /// Addresses of immortal strings, one after the other.
    pub(super) fn string_table(&mut self, texts: &[String]) -> Data {
        let relocs: Vec<(u32, Reloc)> = (0u32..)
            .zip(texts)
            .map(|(i, t)| (8 * i, Reloc::Data(self.string_data(t), 0)))
            .collect();
        let name = format!("names{}", self.m.data.len());
        self.data(name, vec![0; 8 * texts.len()], relocs)
    }
}
