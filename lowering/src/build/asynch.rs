//! Futures, awaits, joins, timeouts and spawns.
//!
//! An awaitable is *prepared* (its operands evaluated and kept safe) and then *started* as what a
//! terminator awaits. What fits no single awaitee where one is wanted (a join or timeout as a
//! branch, an operation as a future) becomes a small async function of its own, a *thunk*, whose
//! parameters are the prepared operands.

use std::rc::Rc;

use super::emit::Var;
use super::func::{FnCx, Own, Parked, R, Store, Val};
use super::host_table::task_end;
use super::layout::Part;
use super::scope::Action;
use crate::ir::{
    Arg, Awaitee, BoxKind, CompareOp, ConvertOp, Func, Held, HostOp, InstKind, JoinBranch, Param,
    SelectArm, Slot, Span, Terminator, Ty, Type, Value,
};
use crate::sema::hir::{AsyncOp, Awaitable, AwaitableKind, Expr, ExprKind, LoadMode, VariantIdx};
use crate::sema::types::{TyId, TyKind};

/// An operand of something that will be awaited.
pub(super) enum Operand {
    /// Owned, or nothing to own.
    Owned(Result<Val, Parked>),
    /// Borrowed by an operation; valid until it is finished.
    Lent(Val),
    /// A value that an operation takes by address.
    Struct(Slot),
    /// A cold future in a slot, there while the flag is set; moved.
    Future(Slot, Option<Var>, Func),
}

/// What remains to be done with the raw results.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Post {
    Nothing,
    /// The tag comes as `i64`.
    Recv,
    /// (end, message, place, result) becomes a result.
    Task,
}

/// Something to be awaited, its operands evaluated.
pub(super) enum Prep {
    Call { func: Func, args: Vec<Operand>, ty: TyId },
    Op { op: HostOp, args: Vec<Operand>, post: Post_, ty: TyId },
    Slot { slot: Slot, flag: Option<Var>, func: Func, ty: TyId },
    Boxed { frame: Operand, ty: TyId },
    GiveWay,
    Join { list: Vec<Prep>, ty: TyId },
    Timeout { ms: Operand, of: Box<Prep>, ty: TyId },
}

/// See `Post`; opaque outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Post_(Post);

/// A branch ready for a terminator.
pub(super) struct Branch {
    pub(super) awaitee: Awaitee,
    pub(super) types: Vec<Type>,
    post: Post,
    ty: TyId,
}

impl Prep {
    pub(super) fn ty(&self) -> TyId {
        match self {
            Prep::Call { ty, .. }
            | Prep::Op { ty, .. }
            | Prep::Slot { ty, .. }
            | Prep::Boxed { ty, .. }
            | Prep::Join { ty, .. }
            | Prep::Timeout { ty, .. } => *ty,
            Prep::GiveWay => TyId::UNIT,
        }
    }
}

impl<'p> FnCx<'_, 'p> {
    // ---- preparing ----

    /// Evaluates the operands of an awaitable. With `several`, others are evaluated after it.
    pub(super) fn prepare(&mut self, a: &'p Awaitable, several: bool) -> R<Prep> {
        self.prepare_in(a, several, true)
    }

    /// As [`Self::prepare`]; what is awaited in a frame of its own (not `here`) needs no box to be
    /// recursive, and must have none if that is the frame of another task.
    fn prepare_in(&mut self, a: &'p Awaitable, several: bool, here: bool) -> R<Prep> {
        self.e.span = self.cx.span(a.span);
        let ty = self.ty(a.ty);
        match &a.kind {
            AwaitableKind::Call(call) => {
                let es: Vec<&Expr> = call.args.iter().collect();
                let args = self.call_operands(&es, several)?;
                let func = self.cx.callee(&call.callee, &self.type_args);
                let is_recursive = |p| self.cx.calls.is_recursive(p, call.callee.proc);
                if here && self.proc.is_some_and(is_recursive) {
                    return Ok(self.boxed_prep(func, args, ty, several));
                }
                Ok(Prep::Call { func, args, ty })
            }
            AwaitableKind::CallValue { callee, args } => {
                let func = self.apply_func(callee.ty);
                let es: Vec<&Expr> = std::iter::once(&**callee).chain(args).collect();
                let args = self.call_operands(&es, several)?;
                Ok(Prep::Call { func, args, ty })
            }
            AwaitableKind::Op { op, args } => self.prepare_op(*op, args, ty, several),
            AwaitableKind::Task(task) => {
                let task_ty = self.ty(task.ty);
                let elem = self.cx.types.parts(task_ty)[0];
                let args = self.lent(&[task], several)?;
                let op = self.cx.op("vitte_op_task_await", Some(elem));
                Ok(Prep::Op { op, args, post: Post_(Post::Task), ty })
            }
            AwaitableKind::Future(e) => {
                if let ExprKind::Load { place, mode: LoadMode::Move } = &e.kind
                    && let Some(id) = Self::whole_local(place)
                    && let [Store::Future(slot, flag, func)] = self.stores(id)[..]
                {
                    return Ok(Prep::Slot { slot, flag: Some(flag), func, ty });
                }
                let val = self.expr(e)?;
                let val = self.own(val);
                let frame = Operand::Owned(self.keep(val, several));
                Ok(Prep::Boxed { frame, ty })
            }
            AwaitableKind::Join(list) => {
                let list = list.iter().map(|a| self.prepare_in(a, true, here));
                Ok(Prep::Join { list: list.collect::<R<Vec<Prep>>>()?, ty })
            }
            AwaitableKind::Timeout { ms, of } => {
                let ms = self.expr(ms)?;
                let ms = Operand::Owned(Ok(ms));
                let of = Box::new(self.prepare_in(of, several, here)?);
                Ok(Prep::Timeout { ms, of, ty })
            }
        }
    }

    pub(super) fn keep(&mut self, val: Val, several: bool) -> Result<Val, Parked> {
        if several && val.own == Own::Owned { Err(self.park(val)) } else { Ok(val) }
    }

    /// Arguments of a call: owned.
    fn call_operands(&mut self, es: &[&'p Expr], several: bool) -> R<Vec<Operand>> {
        let args = self.parked_args(es)?;
        Ok(args
            .into_iter()
            .map(|a| {
                Operand::Owned(match a {
                    Ok(val) => self.keep(val, several),
                    parked => parked,
                })
            })
            .collect())
    }

    /// Arguments of an operation: borrowed.
    fn lent(&mut self, es: &[&'p Expr], several: bool) -> R<Vec<Operand>> {
        let vals = self.operands(es)?;
        Ok(vals
            .into_iter()
            .map(|val| {
                if several && val.own == Own::Borrowed {
                    let p = self.park(val);
                    Operand::Lent(self.peek(&p))
                } else {
                    Operand::Lent(val)
                }
            })
            .collect())
    }

    fn prepare_op(&mut self, op: AsyncOp, args: &'p [Expr], ty: TyId, several: bool) -> R<Prep> {
        let es: Vec<&Expr> = args.iter().collect();
        let mut post = Post::Nothing;
        let (symbol, elem, desc) = match op {
            AsyncOp::YieldNow => return Ok(Prep::GiveWay),
            AsyncOp::Sleep => ("vitte_op_sleep", None, None),
            AsyncOp::Send => return self.prepare_send(&es, ty),
            AsyncOp::Recv => {
                post = Post::Recv;
                let elem = self.elem(args[0].ty);
                ("vitte_op_channel_recv", Some(elem), None)
            }
            AsyncOp::TcpListen => ("vitte_op_tcp_listen", None, Some(TyKind::TcpListener)),
            AsyncOp::Accept => ("vitte_op_tcp_accept", None, Some(TyKind::TcpStream)),
            AsyncOp::TcpConnect => ("vitte_op_tcp_connect", None, Some(TyKind::TcpStream)),
            AsyncOp::Read => ("vitte_op_tcp_read", None, None),
            AsyncOp::Write => ("vitte_op_tcp_write", None, None),
            AsyncOp::ReadLine => ("vitte_op_read_line", None, None),
            AsyncOp::ReadFile => ("vitte_op_read_file", None, None),
            AsyncOp::WriteFile => ("vitte_op_write_file", None, None),
        };
        let mut args = self.lent(&es, several)?;
        if let Some(kind) = desc {
            let desc_ty = self.cx.types.intern(kind);
            let v = self.desc(desc_ty);
            let parts = Rc::from([Part::Plain(Type::Ptr)]);
            args.push(Operand::Lent(Val { v: vec![v], parts, own: Own::Static }));
        }
        let op = self.cx.op(symbol, elem);
        Ok(Prep::Op { op, args, post: Post_(post), ty })
    }

    fn prepare_send(&mut self, es: &[&'p Expr], ty: TyId) -> R<Prep> {
        let vals = self.parked_args(es)?;
        let mut vals = vals.into_iter();
        let (first, second) = (vals.next(), vals.next());
        let (Some(first), Some(second)) = (first, second) else {
            unreachable!("B3: send takes a channel and a value")
        };
        let value = self.unpark_or(&second);
        let elem = self.elem(es[0].ty);
        let slot = self.struct_slot(&[elem], &value.v);
        let first = match first {
            Ok(val) => self.park(val),
            Err(p) => p,
        };
        let channel = Operand::Lent(self.peek(&first));
        let op = self.cx.op("vitte_op_channel_send", Some(elem));
        let args = vec![channel, Operand::Struct(slot)];
        Ok(Prep::Op { op, args, post: Post_(Post::Nothing), ty })
    }

    /// Puts owned values into a slot, one after the other, with an entry if they own anything.
    fn struct_slot(&mut self, tys: &[TyId], v: &[Value]) -> Slot {
        let s = self.cx.value_struct(tys);
        let ty = Ty::Struct(s);
        let slot = self.e.slot(ty, "", Span::NONE);
        self.e.effect(InstKind::SlotLive(slot));
        let offsets: Vec<u32> = self.cx.m.structs[s].fields.iter().map(|f| f.offset).collect();
        for (&value, offset) in v.iter().zip(offsets) {
            self.e.effect(InstKind::SlotStore { slot, offset, value });
        }
        if self.cx.m.needs_drop(ty) {
            self.e.effect(InstKind::SlotInit(slot));
            self.push(Action::Drop(slot));
        }
        slot
    }

    fn forget_struct(&mut self, slot: Slot) {
        let ty = self.e.func.slots[slot].ty;
        if self.cx.m.needs_drop(ty) {
            self.forget_entry(slot);
        }
    }

    fn boxed_prep(&mut self, func: Func, args: Vec<Operand>, ty: TyId, several: bool) -> Prep {
        let args = self.start_args(args);
        let kind = InstKind::Box { kind: BoxKind::Arena, func, args };
        let frame = self.e.value(kind, Type::Ptr);
        self.check_memory(frame);
        let parts = Rc::from([Part::Boxed]);
        let val = Val { v: vec![frame], parts, own: Own::Owned };
        let frame = Operand::Owned(self.keep(val, several));
        Prep::Boxed { frame, ty }
    }

    // ---- starting ----

    pub(super) fn start_args(&mut self, args: Vec<Operand>) -> Vec<Arg> {
        let mut out = Vec::new();
        for arg in args {
            match arg {
                Operand::Owned(a) => {
                    let val = self.unpark_or(&a);
                    out.extend(val.v.into_iter().map(Arg::Value));
                }
                Operand::Lent(val) => out.extend(val.v.into_iter().map(Arg::Value)),
                Operand::Struct(slot) => {
                    self.forget_struct(slot);
                    out.push(Arg::Move(slot));
                }
                Operand::Future(slot, flag, _) => {
                    self.clear(flag);
                    out.push(Arg::Move(slot));
                }
            }
        }
        out
    }

    fn clear(&mut self, flag: Option<Var>) {
        if let Some(flag) = flag {
            let no = self.e.truth(false);
            self.e.def(flag, no);
        }
    }

    /// References as the operation's parameters want them.
    fn cast_args(&mut self, params: &[Param], args: Vec<Arg>) -> Vec<Arg> {
        let pairs = args.into_iter().zip(params);
        pairs
            .map(|(arg, p)| match (arg, p.ty) {
                (Arg::Value(v), Ty::Value(want)) => Arg::Value(self.cast_ref(v, want)),
                (arg, _) => arg,
            })
            .collect()
    }

    /// Makes one awaitee of what was prepared; nothing may come between this and the terminator
    /// but other starts.
    pub(super) fn start(&mut self, prep: Prep) -> Branch {
        match prep {
            Prep::Call { func, args, ty } => {
                let args = self.start_args(args);
                let types = self.result_types(func);
                let awaitee = Awaitee::Call { func, args };
                Branch { awaitee, types, post: Post::Nothing, ty }
            }
            Prep::Op { op, args, post, ty } => {
                let args = self.start_args(args);
                let data = self.cx.m.ops[op].clone();
                let args = self.cast_args(&data.params, args);
                let types = data.results.iter().filter_map(|t| t.as_value()).collect();
                Branch { awaitee: Awaitee::Op { op, args }, types, post: post.0, ty }
            }
            Prep::Slot { slot, flag, func, ty } => {
                self.clear(flag);
                let types = self.result_types(func);
                let awaitee = Awaitee::Future(Held::Slot(slot));
                Branch { awaitee, types, post: Post::Nothing, ty }
            }
            Prep::Boxed { frame, ty } => {
                let args = self.start_args(vec![frame]);
                let [Arg::Value(frame)] = args[..] else {
                    unreachable!("B4: a boxed future is one part")
                };
                let types = self.cx.part_types(ty);
                let results = types.iter().map(|&t| Ty::Value(t)).collect();
                let awaitee = Awaitee::Future(Held::Boxed { frame, results });
                Branch { awaitee, types, post: Post::Nothing, ty }
            }
            Prep::GiveWay | Prep::Join { .. } | Prep::Timeout { .. } => {
                let call = self.thunk(prep);
                self.start(call)
            }
        }
    }

    /// Name of a suspend point that awaits this.
    fn point_name(&self, awaitee: &Awaitee) -> String {
        match awaitee {
            Awaitee::Call { func, .. } => format!("await {}", self.cx.m.funcs[*func].name),
            Awaitee::Op { op, .. } => format!("await {}", self.cx.m.ops[*op].name),
            Awaitee::Future(_) => "await future".to_owned(),
            Awaitee::Next(_) => "next".to_owned(),
            Awaitee::Drain(_) => "drain".to_owned(),
            Awaitee::GiveWay => "yield_now".to_owned(),
        }
    }

    /// Makes a value of the raw results of a branch.
    pub(super) fn finish(&mut self, raw: &[Value], branch: &Branch) -> Val {
        match branch.post {
            Post::Nothing => {
                // Operations hand out handles as addresses.
                let types = self.cx.part_types(branch.ty);
                let pairs = raw.iter().zip(types);
                let v = pairs.map(|(&v, t)| self.cast_ref(v, t)).collect();
                self.owned(v, branch.ty)
            }
            Post::Recv => {
                let tag = self.e.convert(ConvertOp::Trunc, raw[0], Type::I8);
                let v = std::iter::once(tag).chain(raw[1..].iter().copied()).collect();
                self.owned(v, branch.ty)
            }
            Post::Task => self.task_result(raw, branch.ty),
        }
    }

    fn task_result(&mut self, raw: &[Value], ty: TyId) -> Val {
        let TyKind::Result(ok_ty, err_ty) = self.cx.types.kind(ty).clone() else {
            unreachable!("B5: a task gives a result")
        };
        let meet = self.meet(ty);
        let compare = |cx: &mut Self, n: u32| {
            let want = cx.e.iconst(Type::I8, i128::from(n));
            cx.e.compare(CompareOp::Eq, raw[0], want)
        };
        let is_ok = compare(self, task_end::OK);
        let (good, bad) = (self.e.block(), self.e.block());
        self.e.br(is_ok, good, bad);
        self.e.seal_and_switch(good);
        self.way(&meet, |cx| {
            let val = cx.owned(raw[3..].to_vec(), ok_ty);
            Ok(cx.side(val, VariantIdx::OK, ty))
        });
        self.e.seal_and_switch(bad);
        let panicked = compare(self, task_end::PANICKED);
        let (with, without) = (self.e.block(), self.e.block());
        self.e.br(panicked, with, without);
        self.e.seal_and_switch(with);
        self.way(&meet, |cx| {
            let texts: Vec<Parked> = raw[1..3]
                .iter()
                .map(|&v| {
                    let val = cx.owned(vec![v], TyId::STRING);
                    cx.park(val)
                })
                .collect();
            let object = cx.new_object(err_ty);
            let payload: Vec<Value> = texts.iter().flat_map(|p| cx.unpark(p).v).collect();
            cx.fill_variant(object, err_ty, VariantIdx(1), &payload);
            let val = cx.owned(vec![object], err_ty);
            Ok(cx.side(val, VariantIdx::ERR, ty))
        });
        self.e.seal_and_switch(without);
        self.way(&meet, |cx| {
            let data = cx.cx.arm_data(err_ty, VariantIdx(0));
            let class = cx.cx.class(err_ty);
            let v = cx.e.value(InstKind::DataRef(data, class), Type::Ref(class));
            let mut val = cx.owned(vec![v], err_ty);
            val.own = Own::Static;
            Ok(cx.side(val, VariantIdx::ERR, ty))
        });
        match self.met(meet) {
            Ok(val) => val,
            Err(_) => self.owned(raw[..0].to_vec(), TyId::UNIT),
        }
    }

    /// Awaits what was prepared.
    pub(super) fn await_prep(&mut self, prep: Prep) -> Val {
        match prep {
            Prep::GiveWay => {
                let point = self.e.point("yield_now");
                self.await_raw(point, Awaitee::GiveWay, &[]);
                self.unit()
            }
            Prep::Join { list, ty } => self.await_join(list, ty),
            Prep::Timeout { ms, of, ty } => self.await_timeout(ms, *of, ty),
            prep => {
                let mut branch = self.start(prep);
                let point = self.e.point(self.point_name(&branch.awaitee));
                let types = branch.types.clone();
                let awaitee = std::mem::replace(&mut branch.awaitee, Awaitee::GiveWay);
                let raw = self.await_raw(point, awaitee, &types);
                self.finish(&raw, &branch)
            }
        }
    }

    pub(super) fn await_expr(&mut self, what: &'p Awaitable) -> R<Val> {
        let prep = self.prepare(what, false)?;
        self.e.span = self.cx.span(what.span);
        Ok(self.await_prep(prep))
    }

    fn await_join(&mut self, list: Vec<Prep>, ty: TyId) -> Val {
        // Thunks are made first: they allocate nothing, but they may park.
        let list: Vec<Prep> = list.into_iter().map(|p| self.simple(p)).collect();
        let mut branches: Vec<Branch> = list.into_iter().map(|p| self.start(p)).collect();
        let point = self.e.point("join");
        let types: Vec<Type> = branches.iter().flat_map(|b| b.types.iter().copied()).collect();
        let unwind = self.must_unwind();
        let (ok, results) = self.ok_edge(&types);
        let block = ok.block;
        let ir = branches.iter_mut().map(|b| JoinBranch {
            awaitee: std::mem::replace(&mut b.awaitee, Awaitee::GiveWay),
            dests: Vec::new(),
        });
        let ir = ir.collect();
        self.e.term(Terminator::Join { point, branches: ir, ok, unwind });
        self.e.seal_and_switch(block);
        // Finishing a branch may fault: the other results are parked meanwhile.
        let mut at = 0;
        let mut done: Vec<Result<Val, Parked>> = Vec::new();
        let any_post = branches.iter().any(|b| b.post == Post::Task);
        if !any_post {
            let mut v = Vec::new();
            for b in &branches {
                let n = b.types.len();
                v.extend(self.finish(&results[at..at + n], b).v);
                at += n;
            }
            return self.owned(v, ty);
        }
        let mut raws = Vec::new();
        for b in &branches {
            let n = b.types.len();
            let parts: Rc<[Part]> = b.types.iter().map(|&t| part_of(t)).collect();
            let owns = parts.iter().any(|p| p.is_owned());
            let own = if owns { Own::Owned } else { Own::Static };
            let val = Val { v: results[at..at + n].to_vec(), parts, own };
            raws.push(self.park(val));
            at += n;
        }
        for (b, raw) in branches.iter().zip(&raws) {
            let raw = self.unpark(raw);
            let val = self.finish(&raw.v, b);
            done.push(Err(self.park(val)));
        }
        let v = done.iter().flat_map(|d| self.unpark_or(d).v).collect();
        self.owned(v, ty)
    }

    /// Replaces what needs a thunk by its call.
    fn simple(&mut self, prep: Prep) -> Prep {
        match prep {
            Prep::GiveWay | Prep::Join { .. } | Prep::Timeout { .. } => self.thunk(prep),
            other => other,
        }
    }

    fn await_timeout(&mut self, ms: Operand, of: Prep, ty: TyId) -> Val {
        let of = self.simple(of);
        let mut branch = self.start(of);
        let sleep = self.cx.op("vitte_op_sleep", None);
        let ms = self.start_args(vec![ms]);
        let point = self.e.point("timeout");
        let unwind = self.must_unwind();
        let types = branch.types.clone();
        let (ok, results) = self.ok_edge(&types);
        let (late, _) = self.ok_edge(&[]);
        let (done, over) = (ok.block, late.block);
        let awaitee = std::mem::replace(&mut branch.awaitee, Awaitee::GiveWay);
        let arms = vec![
            SelectArm { awaitee, dests: Vec::new(), ok },
            SelectArm { awaitee: Awaitee::Op { op: sleep, args: ms }, dests: Vec::new(), ok: late },
        ];
        self.e.term(Terminator::Select { point, arms, otherwise: None, unwind });
        let meet = self.meet(ty);
        self.e.seal_and_switch(done);
        self.way(&meet, |cx| {
            let val = cx.finish(&results, &branch);
            Ok(cx.side(val, VariantIdx::OK, ty))
        });
        self.e.seal_and_switch(over);
        self.way(&meet, |cx| {
            let elapsed = cx.e.iconst(Type::I32, 0);
            let TyKind::Result(_, err_ty) = cx.cx.types.kind(ty).clone() else {
                unreachable!("B5: a timeout gives a result")
            };
            let val = cx.owned(vec![elapsed], err_ty);
            Ok(cx.side(val, VariantIdx::ERR, ty))
        });
        match self.met(meet) {
            Ok(val) => val,
            Err(_) => self.unit(),
        }
    }

    // ---- futures ----

    /// The function that a future of this runs, and its arguments.
    pub(super) fn future_func(&mut self, what: &'p Awaitable) -> R<(Func, Vec<Operand>)> {
        let ty = self.ty(what.ty);
        let prep = match &what.kind {
            AwaitableKind::Call(call) => {
                let es: Vec<&Expr> = call.args.iter().collect();
                let args = self.call_operands(&es, false)?;
                let func = self.cx.callee(&call.callee, &self.type_args);
                return Ok((func, args));
            }
            AwaitableKind::Op { op, args } => self.prepare_op(*op, args, ty, true)?,
            _ => self.prepare_in(what, true, false)?,
        };
        let call = match prep {
            Prep::Call { .. } => prep,
            other => self.thunk(other),
        };
        match call {
            Prep::Call { func, args, .. } => Ok((func, args)),
            _ => unreachable!("B6: a thunk is a call"),
        }
    }

    /// A cold future in a frame of its own.
    pub(super) fn future(&mut self, what: &'p Awaitable, ty: TyId) -> R<Val> {
        let (func, args) = self.future_func(what)?;
        let args = self.start_args(args);
        let kind = InstKind::Box { kind: BoxKind::Arena, func, args };
        let frame = self.e.value(kind, Type::Ptr);
        self.check_memory(frame);
        Ok(self.owned(vec![frame], ty))
    }

    /// A cold future in a slot, unless its frame could contain this one.
    pub(super) fn future_slot(
        &mut self,
        what: &'p Awaitable,
        name: &str,
        span: Span,
    ) -> R<Option<Store>> {
        if let AwaitableKind::Call(call) = &what.kind
            && self.proc.is_some_and(|p| self.cx.calls.is_recursive(p, call.callee.proc))
        {
            return Ok(None);
        }
        let mark = self.entries.len();
        let made = self.future_func(what);
        let Ok((func, args)) = made else {
            self.entries.truncate(mark);
            return Err(super::func::Never);
        };
        let args = self.start_args(args);
        let slot = self.e.slot(Ty::Future(func), name, span);
        self.e.effect(InstKind::Future { slot, func, args });
        self.pop_to(mark);
        let flag = self.e.var(Type::Bool, "", Span::NONE);
        let yes = self.e.truth(true);
        self.e.def(flag, yes);
        self.push(Action::DropIf(slot, flag));
        Ok(Some(Store::Future(slot, flag, func)))
    }
}

fn part_of(t: Type) -> Part {
    match t {
        Type::Ref(class) => Part::Counted(class),
        t => Part::Plain(t),
    }
}
