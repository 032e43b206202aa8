//! Places: where they are, reading, writing and moving out of them.

use std::rc::Rc;

use super::func::{FnCx, Own, Parked, R, Store, Val};
use super::layout::{LIST_DATA, PAYLOAD, Part};
use super::walk::{Effect, effect};
use crate::ir::{
    BinaryOp, CompareOp, ConvertOp, Data, DataObject, InstKind, Reloc, Span, Type, Value,
};
use crate::sema::hir::{Const, Expr, Place, PlaceBase, ProjectionKind, StaticId};
use crate::sema::types::{TyId, TyKind};
use vitte_abi::fault_code;

/// An address or reference that a place starts from.
#[derive(Clone, Debug)]
pub(super) enum Base {
    /// Valid as it is.
    Value(Value),
    /// Held over effects.
    Parked(Parked),
}

/// A place whose operands have been evaluated.
#[derive(Clone, Debug)]
pub(super) enum Loc {
    /// Parts of a local.
    Stores(Vec<Store>),
    /// Parts of a value that is held elsewhere.
    Vals(Val),
    /// Memory.
    Mem { base: Base, offsets: Vec<u32>, parts: Rc<[Part]> },
    /// Memory of an element of a list; the index is checked on access.
    Elem { list: Base, index: Value, elem: TyId, offsets: Vec<u32>, parts: Rc<[Part]>, span: Span },
}

impl<'p> FnCx<'_, 'p> {
    fn hold(&mut self, val: Val, later: Effect) -> Base {
        if later >= Effect::Writes && val.own == Own::Borrowed {
            Base::Parked(self.park(val))
        } else {
            Base::Value(val.v[0])
        }
    }

    fn base_value(&mut self, base: &Base) -> Value {
        match base {
            Base::Value(v) => *v,
            Base::Parked(p) => self.peek(p).v[0],
        }
    }

    /// Evaluates the operands of a place; what it stands on stays valid over effects as grave as
    /// `later`.
    pub(super) fn resolve(&mut self, place: &'p Place, later: Effect) -> R<Loc> {
        let (mut loc, mut ty) = match &place.base {
            PlaceBase::Local(id) => {
                let body = self.body.expect("locals belong to a body");
                (Loc::Stores(self.stores(*id)), body.locals[id.0 as usize].ty)
            }
            PlaceBase::Static(id) => {
                let data = self.static_data(*id);
                let base = self.e.value(InstKind::DataAddr(data, 0), Type::Ptr);
                let ty = self.cx.program.statics[id.0 as usize].ty;
                let offsets = self.cx.spread(0, &[ty]).offsets.swap_remove(0);
                (Loc::Mem { base: Base::Value(base), offsets, parts: self.parts(ty) }, ty)
            }
            PlaceBase::Temp(e) => {
                let val = self.operands(&[e])?.swap_remove(0);
                let val = if later >= Effect::Writes {
                    let p = self.park(val);
                    self.peek(&p)
                } else {
                    val
                };
                (Loc::Vals(val), e.ty)
            }
        };
        for (i, step) in place.path.iter().enumerate() {
            let rest = place.path[i + 1..].iter().filter_map(|p| match &p.kind {
                ProjectionKind::Index(e) => Some(effect(e)),
                _ => None,
            });
            let rest = rest.max().unwrap_or(Effect::Pure).max(later);
            let here = self.ty(ty);
            let want = self.ty(step.ty);
            let span = self.cx.span(step.span);
            loc = match &step.kind {
                ProjectionKind::TupleField(n) => {
                    let elems = self.cx.fields(here, None);
                    let counts: Vec<usize> = elems.iter().map(|&t| self.cx.n_parts(t)).collect();
                    let from = counts[..*n as usize].iter().sum();
                    sub(loc, from, counts[*n as usize])
                }
                ProjectionKind::Field(f) => {
                    let object = self.load(&loc);
                    let base = self.hold(object, rest);
                    let offsets = self.cx.object(here, None).offsets.swap_remove(f.0 as usize);
                    Loc::Mem { base, offsets, parts: self.cx.parts(want) }
                }
                ProjectionKind::Index(e) => {
                    let list = self.load(&loc);
                    let list = self.hold(list, rest.max(effect(e)));
                    let index = self.index(e)?;
                    let offsets = self.cx.spread(0, &[want]).offsets.swap_remove(0);
                    let parts = self.cx.parts(want);
                    Loc::Elem { list, index, elem: want, offsets, parts, span }
                }
                ProjectionKind::Deref => {
                    let addr = self.load(&loc).v[0];
                    let offsets = self.cx.spread(0, &[want]).offsets.swap_remove(0);
                    Loc::Mem { base: Base::Value(addr), offsets, parts: self.cx.parts(want) }
                }
            };
            ty = step.ty;
        }
        Ok(loc)
    }

    /// An integer as an `i64` whose unsigned reading is out of range if it is negative.
    pub(super) fn index(&mut self, e: &'p Expr) -> R<Value> {
        let v = self.scalar(e)?;
        let ty = self.ty(e.ty);
        let signed = matches!(self.cx.types.kind(ty), TyKind::Int(i) if i.is_signed());
        if self.e.ty(v) == Type::I64 {
            return Ok(v);
        }
        let op = if signed { ConvertOp::Sext } else { ConvertOp::Zext };
        Ok(self.e.convert(op, v, Type::I64))
    }

    /// Checks an index and gives the address of the element.
    pub(super) fn element_addr(
        &mut self,
        list: Value,
        index: Value,
        elem: TyId,
        span: Option<Span>,
    ) -> Value {
        let list = self.e.addr_of(list);
        if let Some(span) = span {
            let back = std::mem::replace(&mut self.e.span, span);
            let len = self.e.load(Type::I64, list, PAYLOAD);
            let bad = self.e.compare(CompareOp::Uge, index, len);
            self.fault_if(bad, fault_code::BOUNDS, Some(index));
            self.e.span = back;
        }
        let data = self.e.load(Type::Ptr, list, LIST_DATA);
        let stride = self.cx.spread(0, &[elem]).size;
        let stride = self.e.iconst(Type::I64, i128::from(stride));
        let offset = self.e.binary(BinaryOp::Mul, index, stride);
        self.add_addr(data, offset)
    }

    /// An address plus a number of bytes.
    pub(super) fn add_addr(&mut self, addr: Value, offset: Value) -> Value {
        let n = self.e.convert(ConvertOp::Bitcast, addr, Type::I64);
        let sum = self.e.binary(BinaryOp::Add, n, offset);
        self.e.convert(ConvertOp::Bitcast, sum, Type::Ptr)
    }

    /// Checks and computes the address once; for reading and writing right after.
    pub(super) fn settle(&mut self, loc: Loc) -> Loc {
        match loc {
            Loc::Elem { list, index, elem, offsets, parts, span } => {
                let list = self.base_value(&list);
                let addr = self.element_addr(list, index, elem, Some(span));
                Loc::Mem { base: Base::Value(addr), offsets, parts }
            }
            Loc::Mem { base, offsets, parts } => {
                let v = self.base_value(&base);
                let addr = self.e.addr_of(v);
                Loc::Mem { base: Base::Value(addr), offsets, parts }
            }
            other => other,
        }
    }

    /// Reads a part of a local.
    pub(super) fn load_store(&mut self, store: Store) -> Value {
        match store {
            Store::Var(var) | Store::Boxed(var, _) => self.e.read(var),
            Store::Slot(slot, ty) => self.e.slot_load(slot, ty),
            Store::Mem(slot, offset, part) => {
                let ty = part.ty();
                self.e.value(InstKind::SlotLoad { slot, offset, ty }, ty)
            }
            Store::Future(..) => unreachable!("B1: known futures are moved, not read"),
        }
    }

    /// Reads a place; references are borrowed.
    pub(super) fn load(&mut self, loc: &Loc) -> Val {
        match self.settle(loc.clone()) {
            Loc::Stores(stores) => {
                let parts: Rc<[Part]> = stores.iter().map(|s| self.store_part(*s)).collect();
                let v = stores.iter().map(|&s| self.load_store(s)).collect();
                borrow_parts(v, parts)
            }
            Loc::Vals(mut val) => {
                if val.own == Own::Owned {
                    val.own = Own::Borrowed;
                }
                val
            }
            Loc::Mem { base, offsets, parts } => {
                let addr = self.base_value(&base);
                let pairs = offsets.iter().zip(parts.iter());
                let v = pairs.map(|(&o, p)| self.e.load(p.ty(), addr, o)).collect();
                borrow_parts(v, parts)
            }
            Loc::Elem { .. } => unreachable!("settled"),
        }
    }

    fn store_part(&self, store: Store) -> Part {
        match store {
            Store::Var(var) => Part::Plain(self.e.var_type(var)),
            Store::Slot(_, Type::Ref(class)) => Part::Counted(class),
            Store::Slot(_, ty) => Part::Plain(ty),
            Store::Mem(_, _, part) => part,
            Store::Future(..) | Store::Boxed(..) => Part::Boxed,
        }
    }

    /// Writes a place with an owned value; what was there is dropped.
    pub(super) fn store(&mut self, loc: &Loc, val: Val) {
        let val = self.own(val);
        match self.settle(loc.clone()) {
            Loc::Stores(stores) => {
                for (&store, &v) in stores.iter().zip(&val.v) {
                    self.assign_store(store, v);
                }
            }
            Loc::Mem { base, offsets, parts } => {
                let addr = self.base_value(&base);
                let mut old = Vec::new();
                for ((&o, part), &v) in offsets.iter().zip(parts.iter()).zip(&val.v) {
                    if part.is_owned() {
                        old.push(self.e.load(part.ty(), addr, o));
                    }
                    self.e.store(addr, o, v);
                }
                for v in old {
                    self.e.effect(InstKind::Drop(v));
                }
            }
            Loc::Vals(_) | Loc::Elem { .. } => {
                // A temporary that is written is lost at once.
                self.drop_val(&val);
            }
        }
    }

    /// Writes a part of a local that has a value already.
    pub(super) fn assign_store(&mut self, store: Store, v: Value) {
        match store {
            Store::Var(var) => self.e.def(var, v),
            Store::Slot(slot, _) => {
                self.e.effect(InstKind::DropSlot(slot));
                self.e.effect(InstKind::SlotStore { slot, offset: 0, value: v });
            }
            Store::Mem(slot, offset, part) => {
                let ty = part.ty();
                let old = part
                    .is_owned()
                    .then(|| self.e.value(InstKind::SlotLoad { slot, offset, ty }, ty));
                self.e.effect(InstKind::SlotStore { slot, offset, value: v });
                if let Some(old) = old {
                    self.e.effect(InstKind::Drop(old));
                }
            }
            Store::Boxed(var, flag) => {
                self.drop_boxed(var, flag);
                self.e.def(var, v);
                let yes = self.e.truth(true);
                self.e.def(flag, yes);
            }
            Store::Future(..) => unreachable!("B1: known futures are never assigned"),
        }
    }

    /// Moves out of a part of a local, which is null or gone afterwards.
    pub(super) fn take_store(&mut self, store: Store) -> Value {
        match store {
            Store::Var(var) => self.e.read(var),
            Store::Slot(slot, ty) => {
                let v = self.e.slot_load(slot, ty);
                self.e.effect(InstKind::SlotForget(slot));
                let null = self.e.zero_value(ty);
                self.e.effect(InstKind::SlotStore { slot, offset: 0, value: null });
                v
            }
            Store::Mem(slot, offset, part) => {
                let v = self.load_store(store);
                if part.is_owned() {
                    let value = self.e.zero_value(part.ty());
                    self.e.effect(InstKind::SlotStore { slot, offset, value });
                }
                v
            }
            Store::Boxed(var, flag) => {
                let v = self.e.read(var);
                let no = self.e.truth(false);
                self.e.def(flag, no);
                v
            }
            Store::Future(slot, flag, _) => {
                let kind = InstKind::BoxSlot { kind: crate::ir::BoxKind::Arena, slot };
                let frame = self.e.value(kind, Type::Ptr);
                let no = self.e.truth(false);
                self.e.def(flag, no);
                self.check_memory(frame);
                frame
            }
        }
    }

    /// Moves a whole local out.
    pub(super) fn take(&mut self, loc: &Loc) -> Val {
        match loc {
            Loc::Stores(stores) => {
                let parts: Rc<[Part]> = stores.iter().map(|s| self.store_part(*s)).collect();
                let v = stores.iter().map(|&s| self.take_store(s)).collect();
                let own = if parts.iter().any(|p| p.is_owned()) { Own::Owned } else { Own::Static };
                Val { v, parts, own }
            }
            other => self.load(other),
        }
    }

    /// The address of a place whose local is referenced.
    pub(super) fn address(&mut self, loc: &Loc) -> Value {
        match loc {
            Loc::Stores(stores) => match stores.first() {
                Some(&Store::Mem(slot, offset, _)) => {
                    self.e.value(InstKind::SlotAddr { slot, offset }, Type::Ptr)
                }
                _ => self.e.zero_value(Type::Ptr), // nothing to refer to
            },
            Loc::Mem { base, offsets, .. } => {
                let base = self.base_value(base);
                let addr = self.e.addr_of(base);
                match offsets.first() {
                    None | Some(0) => addr,
                    Some(&o) => {
                        let n = self.e.iconst(Type::I64, i128::from(o));
                        self.add_addr(addr, n)
                    }
                }
            }
            Loc::Vals(_) | Loc::Elem { .. } => self.e.zero_value(Type::Ptr),
        }
    }

    // ---- statics ----

    fn static_data(&mut self, id: StaticId) -> Data {
        if let Some(&d) = self.cx.statics.get(&id) {
            return d;
        }
        let program = self.cx.program;
        let s = &program.statics[id.0 as usize];
        let (size, _) = {
            let spread = self.cx.spread(0, &[s.ty]);
            (spread.size, spread.align)
        };
        let mut bytes = vec![0; size as usize];
        let mut relocs = Vec::new();
        let put = |bytes: &mut Vec<u8>, n: &[u8]| {
            let len = bytes.len().min(n.len());
            bytes[..len].copy_from_slice(&n[..len]);
        };
        match &s.init {
            Const::Unit => {}
            Const::Bool(b) => put(&mut bytes, &[u8::from(*b)]),
            Const::Int(n) => put(&mut bytes, &n.to_le_bytes()),
            Const::Char(c) => put(&mut bytes, &u32::from(*c).to_le_bytes()),
            Const::Float(x) if size == 4 => put(&mut bytes, &(*x as f32).to_le_bytes()),
            Const::Float(x) => put(&mut bytes, &x.to_le_bytes()),
            Const::Str(text) => relocs.push((0, Reloc::Data(self.cx.string_data(text), 0))),
            Const::Bytes(_) => {
                self.cx.unsupported(s.span, "a static of type `bytes`", "write a string literal");
            }
        }
        let d = self.cx.m.data.push(DataObject {
            name: format!("static{}", id.0),
            bytes,
            align: 8,
            writable: s.mutable,
            relocs,
        });
        self.cx.statics.insert(id, d);
        d
    }
}

/// Some of the parts of a place.
pub(super) fn sub(loc: Loc, from: usize, n: usize) -> Loc {
    let cut = |offsets: Vec<u32>| offsets[from..from + n].to_vec();
    let parts_of = |parts: &Rc<[Part]>| Rc::from(&parts[from..from + n]);
    match loc {
        Loc::Stores(s) => Loc::Stores(s[from..from + n].to_vec()),
        Loc::Vals(val) => {
            let parts: Rc<[Part]> = parts_of(&val.parts);
            let owns = parts.iter().any(|p| p.is_owned());
            let own = if owns { val.own } else { Own::Static };
            Loc::Vals(Val { v: val.v[from..from + n].to_vec(), parts, own })
        }
        Loc::Mem { base, offsets, parts } => {
            Loc::Mem { base, parts: parts_of(&parts), offsets: cut(offsets) }
        }
        Loc::Elem { list, index, elem, offsets, parts, span } => {
            let parts = parts_of(&parts);
            Loc::Elem { list, index, elem, offsets: cut(offsets), parts, span }
        }
    }
}

fn borrow_parts(v: Vec<Value>, parts: Rc<[Part]>) -> Val {
    let own = if parts.iter().any(|p| p.is_owned()) { Own::Borrowed } else { Own::Static };
    Val { v, parts, own }
}
