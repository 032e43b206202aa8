//! Patterns: testing whether a place fits, and binding its parts.
//!
//! A pattern is tested as a whole before anything is bound, so a pattern that does not fit leaves
//! nothing behind. Only the alternatives of an or-pattern bind as they are tested: their locals are
//! declared before, empty.

use super::func::{FnCx, Own, Store, Val};
use super::layout::{LIST_DATA, PAYLOAD, Part};
use super::place::{Base, Loc, sub};
use crate::ir::{BinaryOp, Block, CompareOp, Type, Value};
use crate::sema::hir::{Const, LocalId, Pattern, PatternKind, Rest, VariantIdx};
use crate::sema::types::{TyId, TyKind};

impl<'p> FnCx<'_, 'p> {
    /// Declares the locals of or-patterns.
    pub(super) fn predeclare(&mut self, pattern: &Pattern) {
        match &pattern.kind {
            PatternKind::Or(list) => {
                if let Some(first) = list.first() {
                    let mut locals = Vec::new();
                    binders(first, &mut locals);
                    for id in locals {
                        self.declare_zero(id);
                    }
                }
            }
            _ => sub_patterns(pattern).into_iter().for_each(|p| self.predeclare(p)),
        }
    }

    /// Goes to `fail` unless the place fits.
    pub(super) fn test(&mut self, pattern: &'p Pattern, loc: &Loc, fail: Block) {
        match &pattern.kind {
            PatternKind::Wildcard | PatternKind::Bind(_) => {}
            PatternKind::Const(c) => {
                let v = self.load(loc).v;
                let fits = self.equals_const(&v, c, pattern.ty);
                self.require(fits, fail);
            }
            PatternKind::Range { lo, hi } => {
                let v = self.load(loc).v[0];
                let ty = self.ty(pattern.ty);
                let signed = matches!(self.cx.types.kind(ty), TyKind::Int(i) if i.is_signed());
                let (ge, le) = if signed {
                    (CompareOp::Sge, CompareOp::Sle)
                } else {
                    (CompareOp::Uge, CompareOp::Ule)
                };
                for (bound, op) in [(lo, ge), (hi, le)] {
                    let t = self.e.ty(v);
                    let bound = self.e.iconst(t, const_int(bound));
                    let fits = self.e.compare(op, v, bound);
                    self.require(fits, fail);
                }
            }
            PatternKind::Variant { variant, payload } => {
                let fits = self.has_variant(loc, pattern.ty, *variant);
                if let Some(fits) = fits {
                    self.require(fits, fail);
                }
                if payload.iter().any(|p| !always_fits(p)) {
                    let locs = self.field_locs(loc, pattern.ty, Some(*variant));
                    for (p, l) in payload.iter().zip(&locs) {
                        self.test(p, l, fail);
                    }
                }
            }
            PatternKind::Form(fields) => {
                if fields.iter().any(|(_, p)| !always_fits(p)) {
                    let locs = self.field_locs(loc, pattern.ty, None);
                    for (idx, p) in fields {
                        self.test(p, &locs[idx.0 as usize], fail);
                    }
                }
            }
            PatternKind::Tuple(list) => {
                let locs = self.field_locs(loc, pattern.ty, None);
                for (p, l) in list.iter().zip(&locs) {
                    self.test(p, l, fail);
                }
            }
            PatternKind::List { elements, rest } => {
                let list = self.load(loc).v[0];
                let addr = self.e.addr_of(list);
                let len = self.e.load(Type::I64, addr, PAYLOAD);
                let n = self.e.iconst(Type::I64, elements.len() as i128);
                let op = if rest.is_some() { CompareOp::Uge } else { CompareOp::Eq };
                let fits = self.e.compare(op, len, n);
                self.require(fits, fail);
                if elements.iter().any(|p| !always_fits(p)) {
                    let locs = self.element_locs(list, pattern.ty, elements.len(), *rest);
                    for (p, l) in elements.iter().zip(&locs) {
                        self.test(p, l, fail);
                    }
                }
            }
            PatternKind::Or(list) => {
                let ok = self.e.block();
                for p in list {
                    let next = self.e.block();
                    self.test(p, loc, next);
                    self.assign_binders(p, loc);
                    self.e.jump(ok, &[]);
                    self.e.seal_and_switch(next);
                }
                self.e.jump(fail, &[]);
                self.e.seal_and_switch(ok);
            }
        }
    }

    fn require(&mut self, cond: Value, fail: Block) {
        let go = self.e.block();
        self.e.br(cond, go, fail);
        self.e.seal_and_switch(go);
    }

    /// Whether a value is that arm; `None` if it always is.
    fn has_variant(&mut self, loc: &Loc, ty: TyId, variant: VariantIdx) -> Option<Value> {
        let here = self.ty(ty);
        let tag = if let TyKind::Option(_) | TyKind::Result(..) = self.cx.types.kind(here) {
            let tag = sub(loc.clone(), 0, 1);
            self.load(&tag).v[0]
        } else if self.cx.is_plain_pick(here) {
            self.load(loc).v.first().copied()?
        } else {
            let object = self.load(loc).v[0];
            let addr = self.e.addr_of(object);
            self.e.load(Type::I32, addr, PAYLOAD)
        };
        let t = self.e.ty(tag);
        let want = self.e.iconst(t, i128::from(variant.0));
        Some(self.e.compare(CompareOp::Eq, tag, want))
    }

    /// Places of the fields of a form or tuple, or of the payload of an arm.
    fn field_locs(&mut self, loc: &Loc, ty: TyId, variant: Option<VariantIdx>) -> Vec<Loc> {
        let here = self.ty(ty);
        let fields = self.cx.fields(here, variant);
        if let TyKind::Adt(..) = self.cx.types.kind(here) {
            if self.cx.is_plain_pick(here) {
                return Vec::new();
            }
            let object = self.load(loc).v[0];
            let offsets = self.cx.object(here, variant).offsets;
            let pairs = fields.iter().zip(offsets);
            return pairs
                .map(|(&f, offsets)| Loc::Mem {
                    base: Base::Value(object),
                    offsets,
                    parts: self.cx.parts(f),
                })
                .collect();
        }
        let mut from = match (self.cx.types.kind(here).clone(), variant) {
            (TyKind::Result(t, _), Some(VariantIdx::ERR)) => 1 + self.cx.n_parts(t),
            (TyKind::Tuple(_), _) => 0,
            _ => 1,
        };
        let mut out = Vec::new();
        for f in fields {
            let n = self.cx.n_parts(f);
            out.push(sub(loc.clone(), from, n));
            from += n;
        }
        out
    }

    /// Places of the elements that a list pattern names: those after `..` count from the end.
    fn element_locs(&mut self, list: Value, ty: TyId, n: usize, rest: Option<Rest>) -> Vec<Loc> {
        let elem = self.elem(ty);
        let spread = self.cx.spread(0, &[elem]);
        let addr = self.e.addr_of(list);
        let data = self.e.load(Type::Ptr, addr, LIST_DATA);
        let parts = self.cx.parts(elem);
        let before = rest.map_or(n, |rest| rest.before);
        let at = |base: Value, i: usize| Loc::Mem {
            base: Base::Value(base),
            offsets: spread.offsets[0].iter().map(|o| o + i as u32 * spread.size).collect(),
            parts: parts.clone(),
        };
        let mut locs: Vec<Loc> = (0..before).map(|i| at(data, i)).collect();
        if before < n {
            let len = self.e.load(Type::I64, addr, PAYLOAD);
            let named = self.e.iconst(Type::I64, (n - before) as i128);
            let first = self.e.binary(BinaryOp::Sub, len, named);
            let stride = self.e.iconst(Type::I64, i128::from(spread.size));
            let offset = self.e.binary(BinaryOp::Mul, first, stride);
            let end = self.add_addr(data, offset);
            locs.extend((0..n - before).map(|i| at(end, i)));
        }
        locs
    }

    fn equals_const(&mut self, v: &[Value], c: &Const, ty: TyId) -> Value {
        match c {
            Const::Str(text) => {
                let want = self.string(text);
                self.import_value("vitte_str_eq", &[v[0], want])
            }
            Const::Float(x) => {
                let t = self.e.ty(v[0]);
                let bits = if t == Type::F32 {
                    u128::from((*x as f32).to_bits())
                } else {
                    u128::from(x.to_bits())
                };
                let want = self.e.value(crate::ir::InstKind::Const { ty: t, bits }, t);
                self.e.compare(CompareOp::Feq, v[0], want)
            }
            Const::Unit => self.e.bool(true),
            Const::Bytes(bytes) => self.equals_bytes(v[0], bytes, ty),
            other => {
                let t = self.e.ty(v[0]);
                let want = self.e.iconst(t, const_int(other));
                self.e.compare(CompareOp::Eq, v[0], want)
            }
        }
    }

    /// Compares a list of bytes by making a string of it; only in patterns.
    fn equals_bytes(&mut self, list: Value, bytes: &[u8], ty: TyId) -> Value {
        let addr = self.e.addr_of(list);
        let len = self.e.load(Type::I64, addr, PAYLOAD);
        let n = self.e.iconst(Type::I64, bytes.len() as i128);
        let mut all = self.e.compare(CompareOp::Eq, len, n);
        let (go, end) = (self.e.block(), self.e.block_with(&[Type::Bool]));
        let no = self.e.bool(false);
        self.e.term(crate::ir::Terminator::Br {
            cond: all,
            then: crate::ir::BlockCall::new(go, []),
            otherwise: crate::ir::BlockCall::new(end.0, [no]),
        });
        self.e.seal_and_switch(go);
        let data = self.e.load(Type::Ptr, addr, LIST_DATA);
        let _ = ty;
        for (i, &b) in (0u32..).zip(bytes) {
            let have = self.e.load(Type::I8, data, i);
            let want = self.e.iconst(Type::I8, i128::from(b));
            let same = self.e.compare(CompareOp::Eq, have, want);
            all = self.e.binary(BinaryOp::And, all, same);
        }
        self.e.jump(end.0, &[all]);
        self.e.seal_and_switch(end.0);
        end.1[0]
    }

    /// Binds the locals of a pattern that fits. With `takes`, references are moved out of slots
    /// that hold the value instead of being counted.
    pub(super) fn bind(&mut self, pattern: &'p Pattern, loc: &Loc, takes: bool) {
        match &pattern.kind {
            PatternKind::Bind(id) => {
                let val = self.read_for(loc, takes);
                self.declare(*id, val);
            }
            PatternKind::Variant { variant, payload } => {
                if payload.iter().any(binds) {
                    let locs = self.field_locs(loc, pattern.ty, Some(*variant));
                    for (p, l) in payload.iter().zip(&locs) {
                        self.bind(p, l, takes);
                    }
                }
            }
            PatternKind::Form(fields) => {
                if fields.iter().any(|(_, p)| binds(p)) {
                    let locs = self.field_locs(loc, pattern.ty, None);
                    for (idx, p) in fields {
                        self.bind(p, &locs[idx.0 as usize], takes);
                    }
                }
            }
            PatternKind::Tuple(list) => {
                let locs = self.field_locs(loc, pattern.ty, None);
                for (p, l) in list.iter().zip(&locs) {
                    self.bind(p, l, takes);
                }
            }
            PatternKind::List { elements, rest } => {
                let list = self.load(loc).v[0];
                if elements.iter().any(binds) {
                    let locs = self.element_locs(list, pattern.ty, elements.len(), *rest);
                    for (p, l) in elements.iter().zip(&locs) {
                        self.bind(p, l, false);
                    }
                }
                if let Some(id) = rest.and_then(|rest| rest.local) {
                    let val = self.rest_of(list, elements.len(), *rest, id);
                    self.declare(id, val);
                }
            }
            PatternKind::Wildcard
            | PatternKind::Const(_)
            | PatternKind::Range { .. }
            | PatternKind::Or(_) => {}
        }
    }

    /// A list of the elements that `..` stands for.
    fn rest_of(&mut self, list: Value, n: usize, rest: Option<Rest>, id: LocalId) -> Val {
        let before = rest.map_or(n, |rest| rest.before);
        let addr = self.e.addr_of(list);
        let len = self.e.load(Type::I64, addr, PAYLOAD);
        let after = self.e.iconst(Type::I64, (n - before) as i128);
        let to = self.e.binary(BinaryOp::Sub, len, after);
        let from = self.e.iconst(Type::I64, before as i128);
        let body = self.body.expect("locals belong to a body");
        let ty = self.ty(body.locals[id.0 as usize].ty);
        let v = self.import_object("vitte_list_slice", &[list, from, to], ty);
        self.owned(vec![v], ty)
    }

    fn read_for(&mut self, loc: &Loc, takes: bool) -> Val {
        let movable = |s: &Store| !matches!(s, Store::Mem(..));
        match loc {
            Loc::Stores(stores) if takes && stores.iter().all(movable) => self.take(loc),
            _ => self.load(loc),
        }
    }

    /// Assigns the predeclared locals of an alternative.
    fn assign_binders(&mut self, pattern: &'p Pattern, loc: &Loc) {
        if let PatternKind::Bind(id) = &pattern.kind {
            let val = self.load(loc);
            let val = self.own(val);
            for (store, &v) in self.stores(*id).into_iter().zip(&val.v) {
                self.assign_store(store, v);
            }
            return;
        }
        if !binds(pattern) {
            return;
        }
        let locs = match &pattern.kind {
            PatternKind::Variant { variant, .. } => {
                self.field_locs(loc, pattern.ty, Some(*variant))
            }
            PatternKind::List { elements, rest } => {
                let list = self.load(loc).v[0];
                if let Some(id) = rest.and_then(|rest| rest.local) {
                    let val = self.rest_of(list, elements.len(), *rest, id);
                    for (store, &v) in self.stores(id).into_iter().zip(&val.v) {
                        self.assign_store(store, v);
                    }
                }
                self.element_locs(list, pattern.ty, elements.len(), *rest)
            }
            _ => self.field_locs(loc, pattern.ty, None),
        };
        match &pattern.kind {
            PatternKind::Form(fields) => {
                for (idx, p) in fields {
                    self.assign_binders(p, &locs[idx.0 as usize]);
                }
            }
            _ => {
                for (p, l) in sub_patterns(pattern).into_iter().zip(&locs) {
                    self.assign_binders(p, l);
                }
            }
        }
    }

    /// Binds a pattern that always fits to an owned value in flight.
    pub(super) fn bind_owned(&mut self, pattern: &'p Pattern, val: Val) {
        match &pattern.kind {
            PatternKind::Bind(id) => self.declare(*id, val),
            PatternKind::Wildcard => self.drop_val(&val),
            PatternKind::Tuple(list) => {
                let mut from = 0;
                for p in list {
                    let ty = self.ty(p.ty);
                    let n = self.cx.n_parts(ty);
                    let parts: std::rc::Rc<[Part]> = self.cx.parts(ty);
                    let owns = parts.iter().any(|p| p.is_owned());
                    let own = if owns { val.own } else { Own::Static };
                    let v = val.v[from..from + n].to_vec();
                    self.bind_owned(p, Val { v, parts, own });
                    from += n;
                }
            }
            _ => {
                self.predeclare(pattern);
                let loc = self.held(val);
                if has_or(pattern) {
                    let never = self.e.block();
                    self.test(pattern, &loc, never);
                    let back = self.e.cur();
                    self.e.seal_and_switch(never);
                    if !self.e.is_dead() {
                        self.e.term(crate::ir::Terminator::Unreachable);
                    }
                    self.e.switch_to(back);
                }
                self.bind(pattern, &loc, true);
            }
        }
    }
}

/// The patterns directly inside one.
fn sub_patterns(p: &Pattern) -> Vec<&Pattern> {
    match &p.kind {
        PatternKind::Variant { payload: list, .. }
        | PatternKind::Tuple(list)
        | PatternKind::Or(list)
        | PatternKind::List { elements: list, .. } => list.iter().collect(),
        PatternKind::Form(fields) => fields.iter().map(|(_, p)| p).collect(),
        _ => Vec::new(),
    }
}

/// Locals that a pattern binds, in order.
fn binders(p: &Pattern, out: &mut Vec<LocalId>) {
    match &p.kind {
        PatternKind::Bind(id) => out.push(*id),
        PatternKind::Or(list) => list.iter().take(1).for_each(|p| binders(p, out)),
        PatternKind::List { elements, rest } => {
            elements.iter().for_each(|p| binders(p, out));
            out.extend(rest.and_then(|rest| rest.local));
        }
        _ => sub_patterns(p).into_iter().for_each(|p| binders(p, out)),
    }
}

fn binds(p: &Pattern) -> bool {
    let mut out = Vec::new();
    binders(p, &mut out);
    !out.is_empty()
}

fn has_or(p: &Pattern) -> bool {
    matches!(p.kind, PatternKind::Or(_)) || sub_patterns(p).into_iter().any(has_or)
}

fn always_fits(p: &Pattern) -> bool {
    matches!(p.kind, PatternKind::Wildcard | PatternKind::Bind(_))
}

fn const_int(c: &Const) -> i128 {
    match c {
        Const::Bool(b) => i128::from(*b),
        Const::Int(n) => *n,
        Const::Char(c) => i128::from(u32::from(*c)),
        _ => 0,
    }
}
