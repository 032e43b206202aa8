//! Where values live: SSA variables for scalars and tuples, slots of plain bytes for arrays.

use super::Refusal;
use super::emit::{Emit, Made, Scalars, Stop};
use super::tree::{Expr, Kind, Local};
use super::types::Ty;
use crate::ir::{BinaryOp, CompareOp, ConvertOp, Slot, Type, Value, Variable};
use proc_macro2::Span as RustSpan;

/// Where a value lives.
#[derive(Clone)]
pub(super) enum Place {
    Var(Variable),
    Tuple(Vec<Place>),
    /// Bytes of a slot from an offset.
    Slot(Slot, u32, Ty),
    /// Memory at an address.
    Memory(Value, u32, Ty),
}

/// Bytes and alignment of a value in memory.
pub(super) fn extent(ty: &Ty) -> (u32, u32) {
    let (_, size, align) = offsets(ty);
    (size, align)
}

/// Offsets of the scalars, size and alignment.
pub(super) fn offsets(ty: &Ty) -> (Vec<(u32, Type)>, u32, u32) {
    let (mut out, mut end, mut align) = (vec![], 0u32, 1u32);
    let mut add = |ty: &Ty, end: &mut u32, align: &mut u32| {
        let (inner, size, a) = offsets(ty);
        *end = end.next_multiple_of(a);
        out.extend(inner.into_iter().map(|(o, t)| (o + *end, t)));
        *end += size;
        *align = (*align).max(a);
    };
    match ty {
        Ty::Prim(prim) => {
            let t = prim.ir();
            return (vec![(0, t)], t.bytes(), t.align());
        }
        Ty::Tuple(elems) => elems.iter().for_each(|t| add(t, &mut end, &mut align)),
        Ty::Array(elem, n) => (0..*n).for_each(|_| add(elem, &mut end, &mut align)),
        Ty::Never | Ty::Var(_) | Ty::Refused => {}
    }
    (out, end.next_multiple_of(align), align)
}

impl Emit<'_, '_> {
    pub(super) fn declare(&mut self, ty: &Ty, name: &str) -> Place {
        match ty {
            Ty::Prim(prim) => Place::Var(self.b.declare_var(prim.ir())),
            Ty::Tuple(elems) => Place::Tuple(elems.iter().map(|t| self.declare(t, name)).collect()),
            _ => {
                let (size, align) = extent(ty);
                let slot = self.b.slot(name, crate::ir::Ty::Bytes { size, align });
                Place::Slot(slot, 0, ty.clone())
            }
        }
    }

    pub(super) fn local(&mut self, local: Local) -> Made<Place> {
        if let Some(place) = &self.places[local.0] {
            return Ok(place.clone());
        }
        let data = &self.data[local.0];
        let ty = self.ty(&data.ty, data.span)?;
        let place = self.declare(&ty, &data.name);
        self.places[local.0] = Some(place.clone());
        Ok(place)
    }

    pub(super) fn read(&mut self, place: &Place) -> Scalars {
        match place {
            Place::Var(var) => vec![self.b.use_var(*var)],
            Place::Tuple(list) => list.iter().flat_map(|p| self.read(p)).collect(),
            Place::Slot(slot, at, ty) => {
                let list = offsets(ty).0;
                list.into_iter().map(|(o, t)| self.b.slot_load(*slot, at + o, t)).collect()
            }
            Place::Memory(addr, at, ty) => {
                let list = offsets(ty).0;
                list.into_iter().map(|(o, t)| self.b.load(t, *addr, (at + o) as i32)).collect()
            }
        }
    }

    /// Writes the first scalars of `values`, and answers how many.
    pub(super) fn write(&mut self, place: &Place, values: &[Value]) -> usize {
        match place {
            Place::Var(var) => {
                self.b.def_var(*var, values[0]);
                1
            }
            Place::Tuple(list) => {
                list.iter().fold(0, |n, place| n + self.write(place, &values[n..]))
            }
            Place::Slot(slot, at, ty) => {
                let list = offsets(ty).0;
                for (&(o, _), &v) in list.iter().zip(values) {
                    self.b.slot_store(*slot, at + o, v);
                }
                list.len()
            }
            Place::Memory(addr, at, ty) => {
                let list = offsets(ty).0;
                for (&(o, _), &v) in list.iter().zip(values) {
                    self.b.store(*addr, (at + o) as i32, v);
                }
                list.len()
            }
        }
    }

    /// The place that an expression names; a value gets one of its own.
    pub(super) fn place(&mut self, e: &Expr) -> Made<Place> {
        match &e.kind {
            Kind::Local(local) => self.local(*local),
            Kind::Field(base, i) => {
                let of = self.ty(&base.ty, base.span)?;
                let base = self.place(base)?;
                let Ty::Tuple(elems) = &of else { return Err(odd(e.span)) };
                let before = Ty::Tuple(elems[..=*i].to_vec());
                let (list, ..) = offsets(&before);
                let first = list.len() - elems[*i].n_leaves();
                let at = list.get(first).map_or(0, |&(o, _)| o);
                Ok(match base {
                    Place::Tuple(list) => list[*i].clone(),
                    Place::Slot(slot, o, _) => Place::Slot(slot, o + at, elems[*i].clone()),
                    Place::Memory(addr, o, _) => Place::Memory(addr, o + at, elems[*i].clone()),
                    var @ Place::Var(_) => var,
                })
            }
            Kind::Index(base, index) => {
                let of = self.ty(&base.ty, base.span)?;
                let Ty::Array(elem, n) = of else { return Err(odd(e.span)) };
                let base = self.place(base)?;
                let (stride, align) = extent(&elem);
                let stride = stride.next_multiple_of(align);
                if let (Kind::Int(i), Place::Slot(slot, at, _)) = (&index.kind, &base)
                    && let Ok(i) = usize::try_from(*i)
                    && i < n
                {
                    return Ok(Place::Slot(*slot, at + i as u32 * stride, *elem));
                }
                let i = self.scalar(index)?;
                self.at(e.span);
                let len = self.b.iconst(Type::I64, n as i128);
                let bad = self.b.compare(CompareOp::Uge, i, len);
                let text = format!("index out of bounds: the len is {n} but the index is {{}}");
                self.fault_if(bad, text, Some(i));
                let (addr, at) = match base {
                    Place::Slot(slot, at, _) => (self.b.slot_addr(slot, 0), at),
                    Place::Memory(addr, at, _) => (addr, at),
                    Place::Var(_) | Place::Tuple(_) => return Err(odd(e.span)),
                };
                let stride = self.b.iconst(Type::I64, i128::from(stride));
                let distance = self.b.binary(BinaryOp::Mul, i, stride);
                let addr = self.b.convert(ConvertOp::Bitcast, addr, Type::I64);
                let addr = self.b.binary(BinaryOp::Add, addr, distance);
                let addr = self.b.convert(ConvertOp::Bitcast, addr, Type::Ptr);
                Ok(Place::Memory(addr, at, *elem))
            }
            _ => {
                let ty = self.ty(&e.ty, e.span)?;
                let value = self.expr(e)?;
                let place = self.declare(&ty, "");
                self.write(&place, &value);
                Ok(place)
            }
        }
    }
}

/// A type that the checker would not have let pass.
pub(super) fn odd(span: RustSpan) -> Stop {
    Refusal::new(span, "the type of this is not what it is used as").into()
}
