//! Functions that no procedure of the source is: `main`, tests, wrappers of tasks, `apply`.
//!
//! A task ends only after its children have ended. What may spawn therefore runs inside a wrapper,
//! which waits for them: after a result simply, after a fault or cancel by asking them to cancel.

use super::func::{FnCx, Val};
use super::module::Cx;
use super::scope::Action;
use crate::ir::{
    Arg, Awaitee, BlockCall, BoxKind, ConvertOp, Data, Func, FuncKind, Held, InstKind, Signature,
    Struct, Terminator, Ty, Type, Value,
};
use crate::sema::hir::{ProcId, ProcKind};
use crate::sema::types::{TyId, TyKind};

impl Cx<'_> {
    /// Builds the body of a procedure.
    pub(super) fn build_proc(&mut self, func: Func, proc: ProcId, type_args: Vec<TyId>) {
        let program = self.program;
        let data = &program.procs[proc.0 as usize];
        let span = self.span(data.span);
        let in_cycle = data.kind == ProcKind::Sync && self.calls.is_in_cycle(proc);
        let mut cx = FnCx::new(self, func);
        cx.e.span = span;
        cx.proc = Some(proc);
        cx.type_args = type_args;
        cx.body = Some(&data.body);
        cx.locals = vec![None; data.body.locals.len()];
        cx.declare_params();
        if in_cycle {
            let ok = cx.e.value(InstKind::StackOk, Type::Bool);
            let none = cx.e.unary(crate::ir::UnaryOp::Not, ok);
            cx.fault_if(none, vitte_abi::fault_code::STACK, None);
        }
        if let Ok(val) = cx.expr(&data.body.value) {
            if data.kind == ProcKind::Stream {
                cx.drop_val(&val);
                let unit = cx.unit();
                cx.give(unit);
            } else {
                cx.give(val);
            }
        }
        cx.end(func);
    }

    /// A function that runs an async one as a task: afterwards it waits for the children.
    pub(super) fn task_wrapper(&mut self, func: Func) -> Func {
        let name = format!("task {}", self.m.funcs[func].name);
        if let Some(&f) = self.made.get(&name) {
            return f;
        }
        let f = &self.m.funcs[func];
        let (sig, span) = (f.sig.clone(), f.span);
        let wrapper = self.declare(name, FuncKind::Async, sig, span);
        let mut cx = FnCx::new(self, wrapper);
        cx.e.span = span;
        let args = cx.param_args();
        let awaitee = Awaitee::Call { func, args };
        let point = cx.e.point(format!("await {}", cx.cx.m.funcs[func].name));
        let types = cx.result_types(func);
        cx.push(Action::Children);
        let v = cx.await_raw(point, awaitee, &types);
        cx.end_with(wrapper, &v);
        wrapper
    }

    /// Builds everything that has been asked for.
    pub(super) fn build_reached(&mut self) {
        while let Some((func, (proc, type_args))) = self.next_work() {
            self.build_proc(func, proc, type_args);
        }
        self.build_applies();
    }

    /// An exported async function that runs a procedure for a host.
    pub(super) fn build_entry(&mut self, proc: ProcId) -> Func {
        let program = self.program;
        let data = &program.procs[proc.0 as usize];
        assert!(data.generics.is_empty() && data.kind != ProcKind::Stream, "I: it can be called");
        let inner = self.instance(proc, Vec::new());
        let entry = match data.kind {
            ProcKind::Async => self.task_wrapper(inner),
            _ => self.call_wrapper(inner),
        };
        self.m.funcs[entry].exported = true;
        entry
    }

    /// An async function that calls a synchronous one.
    fn call_wrapper(&mut self, func: Func) -> Func {
        let f = &self.m.funcs[func];
        let (name, sig, span) = (format!("call {}", f.name), f.sig.clone(), f.span);
        let wrapper = self.declare(name, FuncKind::Async, sig, span);
        let mut cx = FnCx::new(self, wrapper);
        cx.e.span = span;
        let entry = cx.e.func.entry;
        let args = cx.e.func.blocks[entry].params.clone();
        let v = cx.call_func(func, &args);
        cx.end_with(wrapper, &v);
        wrapper
    }

    /// The exported `main`: exit code as `i32`.
    pub(super) fn build_main(&mut self, proc: ProcId) {
        let program = self.program;
        let data = &program.procs[proc.0 as usize];
        let inner = self.instance(proc, Vec::new());
        let sig =
            Signature { params: Vec::new(), results: vec![Ty::Value(Type::I32)], faults: true };
        let span = self.span(data.span);
        let main = self.declare("main".to_owned(), FuncKind::Async, sig, span);
        self.m.funcs[main].exported = true;
        let list = self.types.list(TyId::STRING);
        let mut cx = FnCx::new(self, main);
        cx.e.span = span;
        cx.push(Action::Children);
        let mut args: Vec<Value> = Vec::new();
        if data.body.n_params > 0 {
            let desc = cx.desc(list);
            args.push(cx.import_object("vitte_args", &[desc], list));
        }
        let v = cx.run(inner, data.kind, &args);
        let code = match v.first() {
            Some(&v) => cx.e.convert(ConvertOp::Trunc, v, Type::I32),
            None => cx.e.iconst(Type::I32, 0),
        };
        cx.end_with(main, &[code]);
    }

    /// An exported `test$n`.
    pub(super) fn build_test(&mut self, n: usize, proc: ProcId) {
        let program = self.program;
        let data = &program.procs[proc.0 as usize];
        let inner = self.instance(proc, Vec::new());
        let sig = Signature { params: Vec::new(), results: Vec::new(), faults: true };
        let span = self.span(data.span);
        let test = self.declare(format!("test${n}"), FuncKind::Async, sig, span);
        self.m.funcs[test].exported = true;
        let mut cx = FnCx::new(self, test);
        cx.e.span = span;
        cx.push(Action::Children);
        cx.run(inner, data.kind, &[]);
        cx.end_with(test, &[]);
    }

    /// The bodies of all `apply` functions, after everything else.
    pub(super) fn build_applies(&mut self) {
        for (ty, list) in self.values.clone() {
            let name = format!("apply {}", self.types.name(ty));
            let Some(&apply) = self.made.get(&name) else { continue };
            let TyKind::Proc { is_async, .. } = *self.types.kind(ty) else { continue };
            let targets: Vec<Func> =
                list.into_iter().map(|(proc, args)| self.instance(proc, args)).collect();
            let mut cx = FnCx::new(self, apply);
            cx.apply_body(&targets, is_async);
            cx.end(apply);
        }
    }

    /// A structure of values as parameters lie in sequence, and its descriptor.
    pub(super) fn args_struct(&mut self, params: &[Ty]) -> (Struct, Data) {
        let values: Vec<Type> = params.iter().filter_map(|t| t.as_value()).collect();
        let key = format!("args {values:?}");
        if let Some(&found) = self.arg_structs.get(&key) {
            return found;
        }
        let seq = self.m.sequence(values.iter().map(|&t| Ty::Value(t)));
        let seq = seq.unwrap_or(crate::ir::Sequence { offsets: vec![], size: 0, align: 1 });
        let fields = values.iter().zip(&seq.offsets).enumerate().map(|(i, (&t, &offset))| {
            crate::ir::Field { name: format!("a{i}"), offset, ty: Ty::Value(t) }
        });
        let has_refs = values.iter().any(|t| t.is_ref());
        let s = self.m.structs.push(crate::ir::StructData {
            name: format!("arguments {}", self.arg_structs.len()),
            size: seq.size,
            align: seq.align,
            fields: fields.collect(),
            tag: None,
            drop: if has_refs {
                crate::ir::DropAction::Fields
            } else {
                crate::ir::DropAction::None
            },
        });
        let desc = self.struct_desc(s);
        self.arg_structs.insert(key, (s, desc));
        (s, desc)
    }

    /// A descriptor of a structure of values.
    pub(super) fn struct_desc(&mut self, s: Struct) -> Data {
        let data = &self.m.structs[s];
        let refs = data.fields.iter().filter(|f| f.ty.as_value().is_some_and(Type::is_ref));
        let refs: Vec<u32> = refs.map(|f| f.offset).collect();
        let (size, align) = (data.size, data.align);
        self.raw_value_desc(size, align, &refs)
    }
}

impl FnCx<'_, '_> {
    /// Declares the parameters as the first locals.
    fn declare_params(&mut self) {
        let body = self.body.expect("a procedure has a body");
        let entry = self.e.func.entry;
        let mut values = self.e.func.blocks[entry].params.clone().into_iter();
        for (i, local) in (0..).zip(&body.locals[..body.n_params as usize]) {
            let n = self.parts(local.ty).len();
            let v: Vec<Value> = values.by_ref().take(n).collect();
            let val: Val = self.owned(v, local.ty);
            self.declare(crate::sema::hir::LocalId(i), val);
        }
    }

    /// The parameters, handed on as they came.
    fn param_args(&self) -> Vec<Arg> {
        let f = &self.e.func;
        let mut values = f.blocks[f.entry].params.iter();
        let mut out = Vec::new();
        for (i, p) in (0u32..).zip(&f.sig.params) {
            match p.ty {
                Ty::Value(_) => out.extend(values.next().map(|&v| Arg::Value(v))),
                _ => {
                    let slot = f.slots.iter().find(|(_, s)| s.param == Some(i));
                    out.extend(slot.map(|(k, _)| Arg::Move(k)));
                }
            }
        }
        out
    }

    /// Calls or awaits a procedure.
    fn run(&mut self, func: Func, kind: ProcKind, args: &[Value]) -> Vec<Value> {
        if kind == ProcKind::Sync {
            return self.call_func(func, args);
        }
        let types = self.result_types(func);
        let point = self.e.point(format!("await {}", self.cx.m.funcs[func].name));
        let args = args.iter().map(|&v| Arg::Value(v)).collect();
        self.await_raw(point, Awaitee::Call { func, args }, &types)
    }

    /// Puts the finished body in its place.
    pub(super) fn end(self, func: Func) {
        self.cx.m.funcs[func] = self.e.finish();
    }

    /// Gives values and puts the finished body in its place. What is left to do before the end finds
    /// them in the result variables.
    fn end_with(mut self, func: Func, values: &[Value]) {
        for (i, &v) in values.iter().enumerate() {
            let var = self.result[i];
            self.e.def(var, v);
        }
        let v: Vec<Value> = self.result.clone().into_iter().map(|r| self.e.read(r)).collect();
        let parts: Vec<super::layout::Part> = v
            .iter()
            .map(|&v| match self.e.ty(v) {
                Type::Ref(class) => super::layout::Part::Counted(class),
                t => super::layout::Part::Plain(t),
            })
            .collect();
        let owns = parts.iter().any(|p| p.is_owned());
        let own = if owns { super::func::Own::Owned } else { super::func::Own::Static };
        self.give(Val { v, parts: parts.into(), own });
        self.end(func);
    }

    /// Waits for the children of the task.
    pub(super) fn children_wait(&mut self, cancel: bool) {
        let op = self.cx.op("vitte_op_children_wait", None);
        let cancel = self.e.bool(cancel);
        let point = self.e.point("await children");
        self.await_raw(point, Awaitee::Op { op, args: vec![Arg::Value(cancel)] }, &[]);
    }

    fn apply_body(&mut self, targets: &[Func], is_async: bool) {
        let entry = self.e.func.entry;
        let params = self.e.func.blocks[entry].params.clone();
        let blocks: Vec<_> = targets.iter().map(|_| self.e.block()).collect();
        let none = self.e.block();
        let cases = (0u64..).zip(&blocks).map(|(i, &b)| (i, BlockCall::new(b, []))).collect();
        let default = BlockCall::new(none, []);
        self.e.term(Terminator::Switch { value: params[0], cases, default });
        self.e.seal_and_switch(none);
        self.e.term(Terminator::Unreachable);
        for (&target, block) in targets.iter().zip(blocks) {
            self.e.seal_and_switch(block);
            let v = if is_async {
                let args = params[1..].iter().map(|&v| Arg::Value(v)).collect();
                let kind = InstKind::Box { kind: BoxKind::Arena, func: target, args };
                let frame = self.e.value(kind, Type::Ptr);
                self.check_memory(frame);
                let types = self.result_types(target);
                let results = types.iter().map(|&t| Ty::Value(t)).collect();
                let point = self.e.point("await future");
                let held = Held::Boxed { frame, results };
                self.await_raw(point, Awaitee::Future(held), &types)
            } else {
                self.call_func(target, &params[1..])
            };
            let v = v.into_iter().map(Arg::Value).collect();
            self.e.term(Terminator::Return(v));
        }
    }
}
