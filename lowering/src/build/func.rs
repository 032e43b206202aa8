//! The function being built: values in flight, parked temporaries, locals, faults, calls.
//!
//! A [`Val`] is the parts of a value with a word on who owns its references. An owned value in
//! flight is in no slot: between getting it and handing it on nothing may fault or suspend. Where
//! something may, it is [parked](FnCx::park): its references go to slots with an entry each on the
//! scope stack, so that every way out drops them.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::emit::{Emit, Var};
use super::layout::Part;
use super::module::Cx;
use super::scope::{Action, Entry, Exit, LoopCx};
use super::walk::{Effect, effect};
use crate::ir::{
    Arg, Awaitee, Block, BlockArg, BlockCall, Callee, CompareOp, ConvertOp, Func, FuncKind,
    InstKind, Signature, Slot, Span, Suspend, Terminator, Ty, Type, Value,
};
use crate::sema::hir::{Body, Expr, LocalId, ProcId};
use crate::sema::types::TyId;
use vitte_abi::fault_code;

/// Control does not come here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Never;

/// A result, or [`Never`].
pub(super) type R<T> = Result<T, Never>;

/// Who owns the references of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Own {
    /// Whoever holds the value.
    Owned,
    /// A place that outlives the next effect.
    Borrowed,
    /// Nobody: there are none, or they are immortal.
    Static,
}

/// A value in flight.
#[derive(Clone, Debug)]
pub(super) struct Val {
    pub(super) v: Vec<Value>,
    pub(super) parts: Rc<[Part]>,
    pub(super) own: Own,
}

/// A value whose references lie in slots.
#[derive(Clone, Debug)]
pub(super) struct Parked {
    v: Vec<Held>,
    parts: Rc<[Part]>,
}

impl Parked {
    /// Its parts.
    pub(super) fn parts(&self) -> Rc<[Part]> {
        Rc::clone(&self.parts)
    }

    /// Stores of a parked value, to take it apart.
    pub(super) fn stores(&self) -> Vec<Result<Store, Value>> {
        let pairs = self.v.iter().zip(self.parts.iter());
        pairs
            .map(|(h, part)| match *h {
                Held::Value(v) => Err(v),
                Held::Slot(slot) => Ok(Store::Slot(slot, part.ty())),
                Held::Boxed(var, flag) => Ok(Store::Boxed(var, flag)),
            })
            .collect()
    }
}

#[derive(Clone, Copy, Debug)]
enum Held {
    Value(Value),
    Slot(Slot),
    Boxed(Var, Var),
}

/// Where a part of a local lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Store {
    /// Plain data.
    Var(Var),
    /// A counted reference; null once moved.
    Slot(Slot, Type),
    /// A part of a local whose address is taken.
    Mem(Slot, u32, Part),
    /// An unstarted future or stream of a known procedure, and whether it is still there.
    Future(Slot, Var, Func),
    /// A boxed one.
    Boxed(Var, Var),
}

/// The function being built.
pub(super) struct FnCx<'a, 'p> {
    pub(super) cx: &'a mut Cx<'p>,
    pub(super) e: Emit,
    pub(super) entries: Vec<Entry<'p>>,
    pub(super) loops: Vec<LoopCx>,
    pub(super) n_loops: u32,
    pub(super) last: BTreeMap<Exit, Block>,
    pub(super) in_cleanup: bool,
    pub(super) parked: bool,
    pub(super) cleanup_fault: Option<Block>,
    pub(super) proc: Option<ProcId>,
    pub(super) type_args: Vec<TyId>,
    pub(super) body: Option<&'p Body>,
    pub(super) locals: Vec<Option<Vec<Store>>>,
    pub(super) result: Vec<Var>,
    result_slots: Option<Vec<(Var, Slot)>>,
    gives: bool,
}

impl<'a, 'p> FnCx<'a, 'p> {
    /// Starts the body of a declared function.
    pub(super) fn new(cx: &'a mut Cx<'p>, func: Func) -> Self {
        let f = &cx.m.funcs[func];
        let mut e = Emit::new(f.name.clone(), f.kind, f.sig.clone(), f.span);
        e.func.exported = f.exported;
        let gives = f.kind != FuncKind::Generator;
        let results: Vec<Type> = f.sig.results.iter().filter_map(|t| t.as_value()).collect();
        let result = if gives {
            results.iter().map(|&t| e.var(t, "", Span::NONE)).collect()
        } else {
            Vec::new()
        };
        Self {
            cx,
            e,
            entries: Vec::new(),
            loops: Vec::new(),
            n_loops: 0,
            last: BTreeMap::new(),
            in_cleanup: false,
            parked: false,
            cleanup_fault: None,
            proc: None,
            type_args: Vec::new(),
            body: None,
            locals: Vec::new(),
            result,
            result_slots: None,
            gives,
        }
    }

    /// Type of an expression in this instance.
    pub(super) fn ty(&mut self, ty: TyId) -> TyId {
        self.cx.types.subst(ty, &self.type_args)
    }

    /// Parts of a type, in this instance.
    pub(super) fn parts(&mut self, ty: TyId) -> Rc<[Part]> {
        let ty = self.ty(ty);
        self.cx.parts(ty)
    }

    // ---- values ----

    /// The value of unit.
    #[allow(clippy::unused_self, reason = "reads like the other makers of values")]
    pub(super) fn unit(&self) -> Val {
        Val { v: Vec::new(), parts: Rc::from([]), own: Own::Static }
    }

    /// A value that owns its references, if it has any.
    pub(super) fn owned(&mut self, v: Vec<Value>, ty: TyId) -> Val {
        let parts = self.parts(ty);
        debug_assert_eq!(v.len(), parts.len(), "{}", self.cx.types.name(ty));
        let own = if parts.iter().any(|p| p.is_owned()) { Own::Owned } else { Own::Static };
        Val { v, parts, own }
    }

    /// Makes the value own its references.
    pub(super) fn own(&mut self, mut val: Val) -> Val {
        if val.own == Own::Borrowed {
            for (&v, part) in val.v.iter().zip(val.parts.iter()) {
                if matches!(part, Part::Counted(_)) {
                    self.e.effect(InstKind::Retain(v));
                }
            }
            val.own = Own::Owned;
        }
        val
    }

    /// Drops a value in flight.
    pub(super) fn drop_val(&mut self, val: &Val) {
        if val.own == Own::Owned {
            for (&v, part) in val.v.iter().zip(val.parts.iter()) {
                match part {
                    Part::Counted(_) => self.e.effect(InstKind::Drop(v)),
                    Part::Boxed => self.e.effect(InstKind::DropBox(v)),
                    Part::Plain(_) => {}
                }
            }
        }
    }

    /// Zeros for the parts.
    pub(super) fn zeros(&mut self, parts: &[Part]) -> Vec<Value> {
        parts.iter().map(|p| self.e.zero_value(p.ty())).collect()
    }

    /// Puts a value where every way out finds it.
    pub(super) fn park(&mut self, val: Val) -> Parked {
        let val = self.own(val);
        let held = val.v.iter().zip(val.parts.iter()).map(|(&v, part)| match part {
            Part::Counted(class) if val.own == Own::Owned => {
                let slot = self.e.slot(Ty::Value(Type::Ref(*class)), "", Span::NONE);
                self.e.effect(InstKind::SlotStore { slot, offset: 0, value: v });
                self.push(Action::Drop(slot));
                Held::Slot(slot)
            }
            Part::Boxed => {
                let var = self.e.var(Type::Ptr, "", Span::NONE);
                let flag = self.e.var(Type::Bool, "", Span::NONE);
                self.e.def(var, v);
                let yes = self.e.truth(true);
                self.e.def(flag, yes);
                self.push(Action::DropBox(var, flag));
                Held::Boxed(var, flag)
            }
            _ => Held::Value(v),
        });
        let v = held.collect();
        Parked { v, parts: val.parts }
    }

    /// Reads a parked value, which stays parked to the end of the statement.
    pub(super) fn peek(&mut self, parked: &Parked) -> Val {
        let parts = Rc::clone(&parked.parts);
        let v = parked.v.iter().zip(parts.iter()).map(|(h, part)| match *h {
            Held::Value(v) => v,
            Held::Slot(slot) => self.e.slot_load(slot, part.ty()),
            Held::Boxed(var, _) => self.e.read(var),
        });
        let v = v.collect();
        let own = if parts.iter().any(|p| p.is_owned()) { Own::Borrowed } else { Own::Static };
        Val { v, parts, own }
    }

    /// Takes a parked value out again.
    pub(super) fn unpark(&mut self, parked: &Parked) -> Val {
        let mut val = self.peek(parked);
        for h in &parked.v {
            match *h {
                Held::Value(_) => {}
                Held::Slot(slot) => {
                    self.e.effect(InstKind::SlotForget(slot));
                    self.forget_entry(slot);
                    val.own = Own::Owned;
                }
                Held::Boxed(var, flag) => {
                    let no = self.e.truth(false);
                    self.e.def(flag, no);
                    self.forget_box(var);
                    val.own = Own::Owned;
                }
            }
        }
        if val.own == Own::Borrowed {
            val.own = Own::Static; // immortal references are never parked
        }
        val
    }

    /// Evaluates operands left to right; all are borrowed and valid until the statement ends, or
    /// an effect after them.
    pub(super) fn operands(&mut self, es: &[&'p Expr]) -> R<Vec<Val>> {
        enum Kept {
            Val(Val),
            Parked(Parked),
        }
        let mut kept = Vec::new();
        for (i, e) in es.iter().enumerate() {
            let val = self.expr(e)?;
            let later = latest(&es[i + 1..]);
            let park = match val.own {
                Own::Owned => true,
                Own::Borrowed => later >= Effect::Writes,
                Own::Static => false,
            };
            kept.push(if park { Kept::Parked(self.park(val)) } else { Kept::Val(val) });
        }
        let kept = kept.into_iter().map(|k| match k {
            Kept::Val(val) => val,
            Kept::Parked(p) => self.peek(&p),
        });
        Ok(kept.collect())
    }

    /// Evaluates arguments left to right; all are owned and in flight.
    pub(super) fn owned_args(&mut self, es: &[&'p Expr]) -> R<Vec<Val>> {
        let parked = self.parked_args(es)?;
        Ok(parked.iter().map(|p| self.unpark_or(p)).collect())
    }

    /// Evaluates arguments left to right and keeps them safe.
    pub(super) fn parked_args(&mut self, es: &[&'p Expr]) -> R<Vec<Result<Val, Parked>>> {
        let mut kept = Vec::new();
        for (i, e) in es.iter().enumerate() {
            let val = self.expr(e)?;
            let val = self.own(val);
            let later = latest(&es[i + 1..]);
            let park = val.own == Own::Owned && later >= Effect::Faults;
            kept.push(if park { Err(self.park(val)) } else { Ok(val) });
        }
        Ok(kept)
    }

    /// A value that may be parked, in flight.
    pub(super) fn unpark_or(&mut self, p: &Result<Val, Parked>) -> Val {
        match p {
            Ok(val) => val.clone(),
            Err(parked) => self.unpark(parked),
        }
    }

    /// Evaluates an operand of one part.
    pub(super) fn scalar(&mut self, e: &'p Expr) -> R<Value> {
        let val = self.operands(&[e])?.swap_remove(0);
        val.v.first().copied().ok_or(Never)
    }

    // ---- locals ----

    /// Declares a local with its first value, which is owned.
    pub(super) fn declare(&mut self, id: LocalId, val: Val) {
        let val = self.own(val);
        let stores = self.new_stores(id, Rc::clone(&val.parts));
        for (&store, &v) in stores.iter().zip(&val.v) {
            self.init_store(store, v);
        }
        self.locals[id.0 as usize] = Some(stores);
    }

    /// Storage for a local, with entries on the scope stack; to be filled at once.
    fn new_stores(&mut self, id: LocalId, parts: Rc<[Part]>) -> Vec<Store> {
        let body = self.body.expect("locals belong to a body");
        let local = &body.locals[id.0 as usize];
        let span = self.cx.span(local.span);
        let n = parts.len();
        if local.referenced {
            let ty = self.ty(local.ty);
            let s = self.cx.value_struct(&[ty]);
            let slot = self.e.slot(Ty::Struct(s), &local.name, span);
            self.e.effect(InstKind::SlotLive(slot));
            let offsets: Vec<u32> = self.cx.m.structs[s].fields.iter().map(|f| f.offset).collect();
            let stores: Vec<Store> = parts
                .iter()
                .zip(offsets)
                .map(|(&part, offset)| Store::Mem(slot, offset, part))
                .collect();
            if self.cx.m.needs_drop(Ty::Struct(s)) {
                for &store in &stores {
                    if let Store::Mem(slot, offset, part) = store {
                        let value = self.e.zero_value(part.ty());
                        self.e.effect(InstKind::SlotStore { slot, offset, value });
                    }
                }
                self.e.effect(InstKind::SlotInit(slot));
                self.push(Action::Drop(slot));
            }
            return stores;
        }
        let mut out = Vec::new();
        for (i, part) in parts.iter().enumerate() {
            let name = if n == 1 { local.name.clone() } else { format!("{}.{i}", local.name) };
            out.push(match *part {
                Part::Plain(t) => Store::Var(self.e.var(t, &name, span)),
                Part::Counted(class) => {
                    let t = Type::Ref(class);
                    let slot = self.e.slot(Ty::Value(t), &name, span);
                    self.push(Action::Drop(slot));
                    Store::Slot(slot, t)
                }
                Part::Boxed => {
                    let var = self.e.var(Type::Ptr, &name, span);
                    let flag = self.e.var(Type::Bool, "", span);
                    self.push(Action::DropBox(var, flag));
                    Store::Boxed(var, flag)
                }
            });
        }
        out
    }

    /// Declares a local without a value yet: zero and null.
    pub(super) fn declare_zero(&mut self, id: LocalId) {
        let body = self.body.expect("locals belong to a body");
        let parts = self.parts(body.locals[id.0 as usize].ty);
        let v = self.zeros(&parts);
        let stores = self.new_stores(id, Rc::clone(&parts));
        for (&store, &v) in stores.iter().zip(&v) {
            self.init_store(store, v);
            if let Store::Boxed(_, flag) = store {
                let no = self.e.truth(false);
                self.e.def(flag, no);
            }
        }
        self.locals[id.0 as usize] = Some(stores);
    }

    fn init_store(&mut self, store: Store, value: Value) {
        match store {
            Store::Var(var) => self.e.def(var, value),
            Store::Slot(slot, _) => {
                self.e.effect(InstKind::SlotStore { slot, offset: 0, value });
            }
            Store::Mem(slot, offset, _) => {
                self.e.effect(InstKind::SlotStore { slot, offset, value });
            }
            Store::Boxed(var, flag) => {
                self.e.def(var, value);
                let yes = self.e.truth(true);
                self.e.def(flag, yes);
            }
            Store::Future(..) => unreachable!("B1: known futures are made in place"),
        }
    }

    /// Storage of a local.
    pub(super) fn stores(&self, id: LocalId) -> Vec<Store> {
        self.locals[id.0 as usize].clone().expect("I2: a local is declared before it is used")
    }

    // ---- faults ----

    /// Faults.
    pub(super) fn fault(&mut self, code: u32, payload: Option<Value>) {
        let unwind = self.unwind_edge();
        self.e.term(Terminator::Fault { code, payload, unwind });
    }

    /// Faults where the flag is set.
    pub(super) fn fault_if(&mut self, flag: Value, code: u32, payload: Option<Value>) {
        let (bad, good) = (self.e.block(), self.e.block());
        self.e.br(flag, bad, good);
        self.e.seal_and_switch(bad);
        self.fault(code, payload);
        self.e.seal_and_switch(good);
    }

    /// Faults where an allocation has failed.
    pub(super) fn check_memory(&mut self, object: Value) {
        let ty = self.e.ty(object);
        let null = self.e.zero_value(ty);
        let flag = self.e.compare(CompareOp::Eq, object, null);
        self.fault_if(flag, fault_code::MEMORY, None);
    }

    // ---- calls ----

    /// Calls an import; references go as addresses where it takes any.
    pub(super) fn import(&mut self, symbol: &'static str, args: &[Value]) -> Option<Value> {
        let id = self.cx.import(symbol);
        let sig: Signature = self.cx.m.imports[id].sig.clone();
        let args = args.iter().zip(&sig.params).map(|(&v, p)| {
            let want = p.ty.as_value().unwrap_or(Type::Ptr);
            Arg::Value(self.cast_ref(v, want))
        });
        let args: Vec<Arg> = args.collect();
        let types: Vec<Type> = sig.results.iter().filter_map(|t| t.as_value()).collect();
        let kind = InstKind::Call { callee: Callee::Import(id), args, dests: vec![] };
        self.e.values(kind, &types).first().copied()
    }

    /// The same, where there is a result.
    pub(super) fn import_value(&mut self, symbol: &'static str, args: &[Value]) -> Value {
        self.import(symbol, args).expect("the host table gives this import a result")
    }

    /// Calls an import that allocates, and makes its answer a reference of the type's class.
    pub(super) fn import_object(
        &mut self,
        symbol: &'static str,
        args: &[Value],
        ty: TyId,
    ) -> Value {
        let v = self.import_value(symbol, args);
        self.check_memory(v);
        let class = self.cx.class(ty);
        self.cast_ref(v, Type::Ref(class))
    }

    /// Turns an address into a reference, or back.
    pub(super) fn cast_ref(&mut self, v: Value, want: Type) -> Value {
        let have = self.e.ty(v);
        let is_addr = |t: Type| t == Type::Ptr || t.is_ref();
        if have != want && is_addr(have) && is_addr(want) {
            self.e.convert(ConvertOp::Bitcast, v, want)
        } else {
            v
        }
    }

    /// The result types of a function.
    pub(super) fn result_types(&self, func: Func) -> Vec<Type> {
        self.cx.m.funcs[func].sig.results.iter().filter_map(|t| t.as_value()).collect()
    }

    /// An edge that passes all results on, and the block it leads to, where the cursor goes after
    /// the terminator.
    pub(super) fn ok_edge(&mut self, types: &[Type]) -> (BlockCall, Vec<Value>) {
        let (block, params) = self.e.block_with(types);
        let args = (0..types.len() as u32).map(BlockArg::Result).collect();
        (BlockCall { block, args }, params)
    }

    /// Calls a synchronous function with owned arguments.
    pub(super) fn call_func(&mut self, func: Func, args: &[Value]) -> Vec<Value> {
        let types = self.result_types(func);
        let unwind = self.must_unwind();
        let (ok, results) = self.ok_edge(&types);
        let block = ok.block;
        let args = args.iter().map(|&v| Arg::Value(v)).collect();
        let callee = Callee::Func(func);
        self.e.term(Terminator::Call { callee, args, dests: vec![], ok, unwind });
        self.e.seal_and_switch(block);
        results
    }

    /// Awaits something whose results are values of these types.
    pub(super) fn await_raw(
        &mut self,
        point: Suspend,
        awaitee: Awaitee,
        types: &[Type],
    ) -> Vec<Value> {
        let unwind = self.must_unwind();
        let (ok, results) = self.ok_edge(types);
        let block = ok.block;
        self.e.term(Terminator::Await { point, awaitee, dests: vec![], ok, done: None, unwind });
        self.e.seal_and_switch(block);
        results
    }

    // ---- results ----

    /// Leaves the function with a value.
    pub(super) fn give(&mut self, val: Val) {
        let val = self.own(val);
        if self.gives {
            for (i, &v) in val.v.iter().enumerate() {
                self.e.def(self.result[i], v);
            }
        }
        let has_refs = val.own == Own::Owned;
        if has_refs && self.is_complex_above(0) {
            for (var, slot) in self.result_slots() {
                let value = self.e.read(var);
                self.e.effect(InstKind::SlotStore { slot, offset: 0, value });
            }
            self.exit(Exit::GiveParked);
        } else {
            self.exit(Exit::Give);
        }
    }

    /// Result variables with references, and the slots that hold them while defers run.
    pub(super) fn result_slots(&mut self) -> Vec<(Var, Slot)> {
        if self.result_slots.is_none() {
            let vars: Vec<Var> = self.result.clone();
            let mut slots = Vec::new();
            for v in vars {
                let ty = self.e.var_type(v);
                if ty.is_ref() {
                    slots.push((v, self.e.slot(Ty::Value(ty), "result", Span::NONE)));
                }
            }
            self.result_slots = Some(slots);
        }
        self.result_slots.clone().unwrap_or_default()
    }

    /// Emits the return.
    pub(super) fn emit_return(&mut self) {
        let vars = self.result.clone();
        let args = vars.into_iter().map(|v| Arg::Value(self.e.read(v))).collect();
        self.e.term(Terminator::Return(args));
    }
}

/// Gravest effect of several expressions.
pub(super) fn latest(es: &[&Expr]) -> Effect {
    es.iter().map(|e| effect(e)).max().unwrap_or(Effect::Pure)
}
