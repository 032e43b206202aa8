//! Equality, part by part.
//!
//! What lies in one object after another is compared by a function per type, which tests the
//! native stack, because values can be nested as deep as memory allows. References are borrowed.

use super::func::{FnCx, Val};
use super::layout::{LIST_DATA, PAYLOAD, PICK_PAYLOAD, Part};
use crate::ir::{
    BinaryOp, Block, BlockCall, CompareOp, Func, FuncKind, InstKind, Param, Signature, Span,
    Terminator, Ty, Type, UnaryOp, Value,
};
use crate::sema::hir::{AdtKind, VariantIdx};
use crate::sema::types::{TyId, TyKind};
use vitte_abi::fault_code;

impl FnCx<'_, '_> {
    /// Whether two values of a type are equal, part by part.
    pub(super) fn equal(&mut self, a: &[Value], b: &[Value], ty: TyId) -> Value {
        let ty = self.ty(ty);
        match self.cx.types.kind(ty).clone() {
            TyKind::Unit | TyKind::Never => self.e.bool(true),
            TyKind::String => self.import_value("vitte_str_eq", &[a[0], b[0]]),
            TyKind::F32 | TyKind::F64 => self.e.compare(CompareOp::Feq, a[0], b[0]),
            TyKind::List(_) | TyKind::Array(..) | TyKind::Adt(..) if !self.cx.is_plain_pick(ty) => {
                let f = self.equal_func(ty);
                self.call_func(f, &[a[0], b[0]])[0]
            }
            TyKind::Tuple(elems) => {
                let mut all = self.e.bool(true);
                let mut from = 0;
                for t in elems {
                    let n = self.cx.n_parts(t);
                    let same = self.equal(&a[from..from + n], &b[from..from + n], t);
                    all = self.e.binary(BinaryOp::And, all, same);
                    from += n;
                }
                all
            }
            TyKind::Option(t) => {
                let tags = self.e.compare(CompareOp::Eq, a[0], b[0]);
                let some = self.e.iconst(Type::I8, 1);
                let is_some = self.e.compare(CompareOp::Eq, a[0], some);
                let both = self.e.binary(BinaryOp::And, tags, is_some);
                let inner = self.equal_if(both, &a[1..], &b[1..], t);
                self.e.binary(BinaryOp::And, tags, inner)
            }
            TyKind::Result(t, err) => {
                let tags = self.e.compare(CompareOp::Eq, a[0], b[0]);
                let n = 1 + self.cx.n_parts(t);
                let zero = self.e.iconst(Type::I8, 0);
                let is_ok = self.e.compare(CompareOp::Eq, a[0], zero);
                let is_err = self.e.compare(CompareOp::Ne, a[0], zero);
                let ok = self.e.binary(BinaryOp::And, tags, is_ok);
                let bad = self.e.binary(BinaryOp::And, tags, is_err);
                let oks = self.equal_if(ok, &a[1..n], &b[1..n], t);
                let errs = self.equal_if(bad, &a[n..], &b[n..], err);
                let all = self.e.binary(BinaryOp::And, tags, oks);
                self.e.binary(BinaryOp::And, all, errs)
            }
            _ => match (a.first(), b.first()) {
                (Some(&a), Some(&b)) => self.e.compare(CompareOp::Eq, a, b),
                _ => self.e.bool(true),
            },
        }
    }

    /// Compares only under a condition; true otherwise.
    fn equal_if(&mut self, cond: Value, a: &[Value], b: &[Value], ty: TyId) -> Value {
        if !self.cx.parts(ty).iter().any(|p| p.is_owned()) {
            let same = self.equal(a, b, ty);
            let not = self.e.unary(UnaryOp::Not, cond);
            return self.e.binary(BinaryOp::Or, same, not);
        }
        let (end, params) = self.e.block_with(&[Type::Bool]);
        let go = self.e.block();
        let yes = self.e.bool(true);
        self.e.term(Terminator::Br {
            cond,
            then: BlockCall::new(go, []),
            otherwise: BlockCall::new(end, [yes]),
        });
        self.e.seal_and_switch(go);
        let same = self.equal(a, b, ty);
        self.e.jump(end, &[same]);
        self.e.seal_and_switch(end);
        params[0]
    }

    pub(super) fn in_list(&mut self, vals: &[Val], elem_ty: TyId) -> Val {
        let elem = self.ty(elem_ty);
        let list = vals[1].v[0];
        let addr = self.e.addr_of(list);
        let len = self.e.load(Type::I64, addr, PAYLOAD);
        let found = self.e.var(Type::Bool, "", Span::NONE);
        let no = self.e.bool(false);
        self.e.def(found, no);
        let offsets = self.cx.spread(0, &[elem]).offsets.swap_remove(0);
        let types = self.cx.part_types(elem);
        let want = vals[0].v.clone();
        self.count_loop(len, |cx, i| {
            let at = cx.element_addr(list, i, elem, None);
            let pairs = types.iter().zip(&offsets);
            let have: Vec<Value> = pairs.map(|(&t, &o)| cx.e.load(t, at, o)).collect();
            let same = cx.equal(&want, &have, elem);
            let before = cx.e.read(found);
            let now = cx.e.binary(BinaryOp::Or, before, same);
            cx.e.def(found, now);
        });
        let v = self.e.read(found);
        self.owned(vec![v], TyId::BOOL)
    }

    /// A function that compares two lists, forms or picks; it borrows them.
    pub(super) fn equal_func(&mut self, ty: TyId) -> Func {
        let name = format!("equal {}", self.cx.types.name(ty));
        let name = format!("{name} {}", ty.0);
        if let Some(&f) = self.cx.made.get(&name) {
            return f;
        }
        let class = self.cx.class(ty);
        let param = |n: &str| Param { name: n.to_owned(), ty: Ty::Value(Type::Ref(class)) };
        let sig = Signature {
            params: vec![param("a"), param("b")],
            results: vec![Ty::Value(Type::Bool)],
            faults: true,
        };
        let f = self.cx.declare(name, FuncKind::Sync, sig, Span::NONE);
        let mut cx = FnCx::new(self.cx, f);
        cx.equal_body(ty);
        let body = cx.e.finish();
        self.cx.m.funcs[f] = body;
        f
    }

    fn equal_body(&mut self, ty: TyId) {
        let entry = self.e.func.entry;
        let params = self.e.func.blocks[entry].params.clone();
        let ok = self.e.value(InstKind::StackOk, Type::Bool);
        let none = self.e.unary(UnaryOp::Not, ok);
        self.fault_if(none, fault_code::STACK, None);
        let [a, b] = [self.e.addr_of(params[0]), self.e.addr_of(params[1])];
        let no = self.e.block();
        match self.cx.types.kind(ty).clone() {
            TyKind::List(elem) | TyKind::Array(elem, _) => {
                let len = self.e.load(Type::I64, a, PAYLOAD);
                let other = self.e.load(Type::I64, b, PAYLOAD);
                let same = self.e.compare(CompareOp::Eq, len, other);
                self.go_on(same, no);
                let datas =
                    [self.e.load(Type::Ptr, a, LIST_DATA), self.e.load(Type::Ptr, b, LIST_DATA)];
                let spread = self.cx.spread(0, &[elem]);
                let types = self.cx.part_types(elem);
                let stride = i128::from(spread.size);
                self.count_loop(len, |cx, i| {
                    let stride = cx.e.iconst(Type::I64, stride);
                    let offset = cx.e.binary(BinaryOp::Mul, i, stride);
                    let [x, y] = datas.map(|d| {
                        let at = cx.add_addr(d, offset);
                        let pairs = types.iter().zip(&spread.offsets[0]);
                        pairs.map(|(&t, &o)| cx.e.load(t, at, o)).collect::<Vec<Value>>()
                    });
                    let same = cx.equal(&x, &y, elem);
                    cx.go_on(same, no);
                });
            }
            TyKind::Adt(adt, _) => match &self.cx.program.adts[adt.0 as usize].kind {
                AdtKind::Form(_) => self.equal_fields(ty, None, [a, b], no),
                AdtKind::Pick(arms) => {
                    let tag = self.e.load(Type::I32, a, PAYLOAD);
                    let other = self.e.load(Type::I32, b, PAYLOAD);
                    let same = self.e.compare(CompareOp::Eq, tag, other);
                    self.go_on(same, no);
                    for (i, arm) in (0u32..).zip(arms) {
                        if arm.payload.is_empty() {
                            continue;
                        }
                        let want = self.e.iconst(Type::I32, i128::from(i));
                        let is = self.e.compare(CompareOp::Eq, tag, want);
                        let (here, next) = (self.e.block(), self.e.block());
                        self.e.br(is, here, next);
                        self.e.seal_and_switch(here);
                        self.equal_fields(ty, Some(VariantIdx(i)), [a, b], no);
                        self.e.jump(next, &[]);
                        self.e.seal_and_switch(next);
                    }
                }
            },
            _ => {}
        }
        let yes = self.e.bool(true);
        self.e.term(Terminator::Return(vec![crate::ir::Arg::Value(yes)]));
        self.e.seal_and_switch(no);
        let no = self.e.bool(false);
        self.e.term(Terminator::Return(vec![crate::ir::Arg::Value(no)]));
    }

    fn go_on(&mut self, cond: Value, no: Block) {
        let next = self.e.block();
        self.e.br(cond, next, no);
        self.e.seal_and_switch(next);
    }

    fn equal_fields(&mut self, ty: TyId, variant: Option<VariantIdx>, at: [Value; 2], no: Block) {
        let fields = self.cx.fields(ty, variant);
        let offsets = self.cx.object(ty, variant).offsets;
        debug_assert!(offsets.iter().flatten().all(|&o| o >= PAYLOAD.min(PICK_PAYLOAD)));
        for (field, offsets) in fields.into_iter().zip(offsets) {
            let parts: Vec<Part> = self.cx.parts(field).to_vec();
            let [x, y] = at.map(|at| {
                let pairs = parts.iter().zip(&offsets);
                pairs.map(|(p, &o)| self.e.load(p.ty(), at, o)).collect::<Vec<Value>>()
            });
            let same = self.equal(&x, &y, field);
            self.go_on(same, no);
        }
    }
}
