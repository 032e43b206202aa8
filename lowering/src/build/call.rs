//! Calls of procedures, procedure values and the synchronous procedures of std.
//!
//! A procedure value is a number: its position among all procedures of that type which the program
//! uses as values. Calling it calls `apply`, one function a type, which switches over them; so no
//! indirect call is needed, and every call has a known callee.

use super::func::{FnCx, Own, Parked, R, Val};
use super::host_table::fault;
use super::layout::{PAYLOAD, STRING_BYTES};
use super::walk::{Effect, effect};
use crate::ir::{BinaryOp, CompareOp, ConvertOp, Func, FuncKind, InstKind, Span, Ty, Type, Value};
use crate::sema::hir::{AdtKind, Builtin, Call, Callee, Expr};
use crate::sema::types::{TyId, TyKind};
use vitte_abi::fault_code;

impl<'p> FnCx<'_, 'p> {
    pub(super) fn call(&mut self, call: &'p Call, ty: TyId) -> R<Val> {
        let es: Vec<&Expr> = call.args.iter().collect();
        let vals = self.owned_args(&es)?;
        let args: Vec<Value> = vals.into_iter().flat_map(|v| v.v).collect();
        let func = self.cx.callee(&call.callee, &self.type_args);
        let v = self.call_func(func, &args);
        let ty = if ty == TyId::NEVER { TyId::UNIT } else { ty };
        Ok(self.owned(v, ty))
    }

    pub(super) fn call_value(&mut self, callee: &'p Expr, args: &'p [Expr], ty: TyId) -> R<Val> {
        let es: Vec<&Expr> = std::iter::once(callee).chain(args).collect();
        let vals = self.owned_args(&es)?;
        let args: Vec<Value> = vals.into_iter().flat_map(|v| v.v).collect();
        let func = self.apply_func(callee.ty);
        let v = self.call_func(func, &args);
        Ok(self.owned(v, ty))
    }

    /// The function that calls procedure values of a type.
    pub(super) fn apply_func(&mut self, proc_ty: TyId) -> Func {
        let ty = self.ty(proc_ty);
        let name = format!("apply {}", self.cx.types.name(ty));
        if let Some(&f) = self.cx.made.get(&name) {
            return f;
        }
        let TyKind::Proc { is_async, params, result } = self.cx.types.kind(ty).clone() else {
            unreachable!("B2: only procedure values are called");
        };
        let mut all = vec![("proc".to_owned(), ty)];
        all.extend((0..).zip(params).map(|(i, t): (u32, _)| (format!("a{i}"), t)));
        let sig = self.cx.signature(&all, result);
        let kind = if is_async { FuncKind::Async } else { FuncKind::Sync };
        self.cx.values.entry(ty).or_default();
        self.cx.declare(name, kind, sig, Span::NONE)
    }

    pub(super) fn proc_value(&mut self, callee: &Callee, ty: TyId) -> Value {
        let ty = self.ty(ty);
        let args: Vec<TyId> =
            callee.type_args.iter().map(|&t| self.cx.types.subst(t, &self.type_args)).collect();
        self.cx.instance(callee.proc, args.clone());
        let list = self.cx.values.entry(ty).or_default();
        let key = (callee.proc, args);
        let at = list.iter().position(|k| *k == key).unwrap_or_else(|| {
            list.push(key);
            list.len() - 1
        });
        self.e.iconst(Type::I64, at as i128)
    }

    /// A result of an import that is a new string.
    fn new_string(&mut self, symbol: &'static str, args: &[Value], ty: TyId) -> Val {
        let v = self.import_object(symbol, args, TyId::STRING);
        self.owned(vec![v], ty)
    }

    pub(super) fn builtin(&mut self, op: Builtin, args: &'p [Expr], ty: TyId) -> R<Val> {
        let es: Vec<&Expr> = args.iter().collect();
        match op {
            Builtin::Push => return self.push_to(&es),
            Builtin::Concat => return self.concat(&es, ty),
            Builtin::ToString => return self.text_of(es[0], ty),
            _ => {}
        }
        let span = self.e.span;
        let vals = self.operands(&es)?;
        self.e.span = span;
        let a: Vec<Value> = vals.iter().filter_map(|v| v.v.first().copied()).collect();
        let plain = |cx: &mut Self, symbol, args: &[Value]| {
            let v = cx.import(symbol, args);
            cx.owned(v.into_iter().collect(), ty)
        };
        Ok(match op {
            Builtin::Print => plain(self, "vitte_print", &a),
            Builtin::Println => plain(self, "vitte_println", &a),
            Builtin::Eprint => plain(self, "vitte_eprint", &a),
            Builtin::Eprintln => plain(self, "vitte_eprintln", &a),
            Builtin::Len => {
                let addr = self.e.addr_of(a[0]);
                let v = self.e.load(Type::I64, addr, PAYLOAD);
                self.owned(vec![v], ty)
            }
            Builtin::Pop => self.pop(a[0], ty),
            Builtin::Clear => {
                let zero = self.e.iconst(Type::I64, 0);
                plain(self, "vitte_list_truncate", &[a[0], zero])
            }
            Builtin::Slice => self.slice(&a, ty),
            Builtin::InList => self.in_list(&vals, args[0].ty),
            Builtin::InString => plain(self, "vitte_str_contains", &[a[1], a[0]]),
            Builtin::ByteAt => {
                let addr = self.e.addr_of(a[0]);
                let len = self.e.load(Type::I64, addr, PAYLOAD);
                let bad = self.e.compare(CompareOp::Uge, a[1], len);
                self.fault_if(bad, fault_code::BOUNDS, Some(a[1]));
                let at = self.add_addr(addr, a[1]);
                let v = self.e.load(Type::I8, at, STRING_BYTES);
                self.owned(vec![v], ty)
            }
            Builtin::Equal => {
                let v = self.equal(&vals[0].v, &vals[1].v, args[0].ty);
                self.owned(vec![v], ty)
            }
            Builtin::Compare => {
                let v = self.import_value("vitte_str_cmp", &a);
                let v = self.e.convert(ConvertOp::Sext, v, Type::I64);
                self.owned(vec![v], ty)
            }
            Builtin::ParseInt => self.parse("vitte_str_to_int", a[0], Type::I64, ty),
            Builtin::ParseFloat => self.parse("vitte_str_to_float", a[0], Type::F64, ty),
            Builtin::ChannelNew => {
                let zero = self.e.iconst(Type::I64, 0);
                let bad = self.e.compare(CompareOp::Slt, a[0], zero);
                self.fault_if(bad, fault::NEGATIVE, Some(a[0]));
                let here = self.ty(ty);
                let desc = self.desc(here);
                let v = self.import_object("vitte_channel_new", &[desc, a[0]], here);
                self.owned(vec![v], ty)
            }
            Builtin::ChannelClose => plain(self, "vitte_channel_close", &a),
            Builtin::ChannelLen => plain(self, "vitte_channel_len", &a),
            Builtin::TaskCancel => plain(self, "vitte_task_cancel", &a),
            Builtin::TaskState => plain(self, "vitte_task_state", &a),
            Builtin::ScopeCancel => plain(self, "vitte_scope_cancel", &a),
            Builtin::ListenerPort => plain(self, "vitte_listener_port", &a),
            Builtin::ListenerClose | Builtin::StreamClose => plain(self, "vitte_handle_close", &a),
            Builtin::NowMs => plain(self, "vitte_now_ms", &a),
            Builtin::Push | Builtin::Concat | Builtin::ToString => {
                unreachable!("handled above")
            }
        })
    }

    /// `?T` of one plain part, from a flag.
    fn option_of(&mut self, some: Value, v: Value, zero: Value, ty: TyId) -> Val {
        let tag = self.e.convert(ConvertOp::Zext, some, Type::I8);
        let t = self.e.ty(v);
        let v = self.e.value(InstKind::Select { cond: some, args: [v, zero] }, t);
        self.owned(vec![tag, v], ty)
    }

    fn parse(&mut self, symbol: &'static str, s: Value, t: Type, ty: TyId) -> Val {
        let slot = self.e.slot(Ty::Value(t), "", Span::NONE);
        self.e.effect(InstKind::SlotLive(slot));
        let out = self.e.value(InstKind::SlotAddr { slot, offset: 0 }, Type::Ptr);
        let zero = self.e.zero_value(t);
        self.e.store(out, 0, zero);
        let found = self.import_value(symbol, &[s, out]);
        let v = self.e.load(t, out, 0);
        self.e.effect(InstKind::SlotDead(slot));
        self.option_of(found, v, zero, ty)
    }

    /// `e as string`.
    fn text_of(&mut self, e: &'p Expr, ty: TyId) -> R<Val> {
        let from = self.ty(e.ty);
        if *self.cx.types.kind(from) == TyKind::String {
            return self.expr(e);
        }
        let val = self.operands(&[e])?.swap_remove(0);
        Ok(match self.cx.types.kind(from).clone() {
            TyKind::Int(i) => {
                let wide = self.wide_int(val.v[0], from);
                let symbol =
                    if i.is_signed() { "vitte_str_from_int" } else { "vitte_str_from_uint" };
                self.new_string(symbol, &[wide], ty)
            }
            TyKind::F32 => self.new_string("vitte_str_from_f32", &val.v, ty),
            TyKind::F64 => self.new_string("vitte_str_from_f64", &val.v, ty),
            TyKind::Bool => self.new_string("vitte_str_from_bool", &val.v, ty),
            TyKind::Char => self.new_string("vitte_str_from_char", &val.v, ty),
            TyKind::List(_) => self.new_string("vitte_str_from_bytes", &val.v, ty),
            TyKind::Adt(adt, _) => {
                let names: Vec<String> = match &self.cx.program.adts[adt.0 as usize].kind {
                    AdtKind::Pick(arms) => arms.iter().map(|v| v.name.clone()).collect(),
                    AdtKind::Form(_) => Vec::new(),
                };
                let table = self.cx.string_table(&names);
                let base = self.e.value(InstKind::DataAddr(table, 0), Type::Ptr);
                let wide = self.e.convert(ConvertOp::Zext, val.v[0], Type::I64);
                let eight = self.e.iconst(Type::I64, 8);
                let offset = self.e.binary(BinaryOp::Mul, wide, eight);
                let addr = self.add_addr(base, offset);
                let class = self.cx.class(TyId::STRING);
                let v = self.e.load(Type::Ref(class), addr, 0);
                let mut out = self.owned(vec![v], ty);
                out.own = Own::Static;
                out
            }
            _ => {
                let v = self.string("()");
                let mut out = self.owned(vec![v], ty);
                out.own = Own::Static;
                out
            }
        })
    }

    /// `push(list, value)`.
    fn push_to(&mut self, es: &[&'p Expr]) -> R<Val> {
        let span = self.e.span;
        let later = effect(es[1]);
        let list: Val = self.operands(&es[..1])?.swap_remove(0);
        let held: Option<Parked> =
            (later >= Effect::Writes && list.own == Own::Borrowed).then(|| self.park(list.clone()));
        let val = self.expr(es[1])?;
        let element = self.park(val);
        self.e.span = span;
        let at = match &held {
            Some(p) => self.peek(p).v[0],
            None => list.v[0],
        };
        self.push_element(at, &element, es[0].ty);
        Ok(self.unit())
    }

    fn concat(&mut self, es: &[&'p Expr], ty: TyId) -> R<Val> {
        let span = self.e.span;
        let here = self.ty(ty);
        if *self.cx.types.kind(here) == TyKind::String {
            let vals = self.operands(es)?;
            self.e.span = span;
            return Ok(self.new_string("vitte_str_concat", &[vals[0].v[0], vals[1].v[0]], ty));
        }
        let first = self.expr(es[0])?;
        let first = self.park(first);
        let second = self.operands(&es[1..])?.swap_remove(0);
        self.e.span = span;
        let a = self.peek(&first).v[0];
        let v = self.import_object("vitte_list_concat", &[a, second.v[0]], here);
        self.unpark(&first); // the import has taken it
        Ok(self.owned(vec![v], ty))
    }

    fn pop(&mut self, list: Value, ty: TyId) -> Val {
        let here = self.ty(ty);
        let elem = self.cx.types.parts(here)[0];
        let addr = self.e.addr_of(list);
        let len = self.e.load(Type::I64, addr, PAYLOAD);
        let zero = self.e.iconst(Type::I64, 0);
        let empty = self.e.compare(CompareOp::Eq, len, zero);
        let types = self.cx.part_types(here);
        let (end, params) = self.e.block_with(&types);
        let (none, some) = (self.e.block(), self.e.block());
        self.e.br(empty, none, some);
        self.e.seal_and_switch(none);
        let zeros: Vec<Value> = types.iter().map(|&t| self.e.zero_value(t)).collect();
        self.e.jump(end, &zeros);
        self.e.seal_and_switch(some);
        let one = self.e.iconst(Type::I64, 1);
        let last = self.e.binary(BinaryOp::Sub, len, one);
        let from = self.element_addr(list, last, elem, None);
        let offsets = self.cx.spread(0, &[elem]).offsets.swap_remove(0);
        let mut v = vec![self.e.iconst(Type::I8, 1)];
        for (&t, o) in types[1..].iter().zip(offsets) {
            v.push(self.e.load(t, from, o));
        }
        self.e.store(addr, PAYLOAD, last);
        self.e.jump(end, &v);
        self.e.seal_and_switch(end);
        self.owned(params, ty)
    }

    fn slice(&mut self, a: &[Value], ty: TyId) -> Val {
        let here = self.ty(ty);
        let (v, from, to) = (a[0], a[1], a[2]);
        if *self.cx.types.kind(here) == TyKind::String {
            let code = self.import_value("vitte_str_slice_check", &[v, from, to]);
            let bounds = self.e.iconst(Type::I32, i128::from(fault_code::BOUNDS));
            let outside = self.e.compare(CompareOp::Eq, code, bounds);
            self.fault_if(outside, fault_code::BOUNDS, Some(to));
            let zero = self.e.iconst(Type::I32, 0);
            let cut = self.e.compare(CompareOp::Ne, code, zero);
            self.fault_if(cut, fault::BOUNDARY, Some(from));
            return self.new_string("vitte_str_slice", &[v, from, to], ty);
        }
        let addr = self.e.addr_of(v);
        let len = self.e.load(Type::I64, addr, PAYLOAD);
        let bad = self.e.compare(CompareOp::Ugt, to, len);
        self.fault_if(bad, fault_code::BOUNDS, Some(to));
        let bad = self.e.compare(CompareOp::Ugt, from, to);
        self.fault_if(bad, fault_code::BOUNDS, Some(from));
        let v = self.import_object("vitte_list_slice", &[v, from, to], here);
        self.owned(vec![v], ty)
    }
}
