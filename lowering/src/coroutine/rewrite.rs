//! Turns the instructions of any function into those that a backend knows.
//!
//! In: a function (for a coroutine: normalised and laid out). Out: the same function without
//! ownership instructions: moves become copies, drops become calls of the class's release, futures
//! become argument tuples, boxed futures become allocations and stores, faults become calls of the
//! runtime. Slots that live in the frame become addresses. What suspends is left to [`super::split`].
//!
//! After this pass an argument that travels by slot is passed as its address (`Arg::Value`).

use super::emit::{Emit, Loc};
use super::layout::{FrameLayout, slot_extent};
use crate::FrameAbi;
use crate::ir::{
    Arg, BlockArg, BlockCall, BoxKind, CtxFn, Func, FuncKind, Inst, InstKind, Slot, SlotData, Span,
    Terminator, Ty, Type, Value,
};
use std::collections::BTreeMap;
use vitte_abi::{VT_FAULTED, VT_FRAME_ARENA, VT_FRAME_TASK, VT_MODE_CANCEL, VT_MODE_RESUME};

/// Rewrites the instructions of one function.
pub(crate) struct Rewrite<'a> {
    pub(crate) e: Emit<'a>,
    pub(crate) layouts: &'a BTreeMap<Func, FrameLayout>,
    pub(crate) abi: &'a FrameAbi,
    /// In a machine: its frame and where its slots lie in it.
    pub(crate) frame: Option<(Value, &'a FrameLayout)>,
    /// Values to use instead, in the current block.
    pub(crate) instead: BTreeMap<Value, Value>,
}

impl Rewrite<'_> {
    /// Where a slot lies.
    pub(crate) fn loc(&self, slot: Slot) -> Loc {
        if let Some((frame, layout)) = self.frame
            && let Some(&offset) = layout.slots.get(&slot)
        {
            return Loc::Mem(frame, offset);
        }
        Loc::Slot(slot, 0)
    }

    pub(crate) fn use_of(&self, v: Value) -> Value {
        self.instead.get(&v).copied().unwrap_or(v)
    }

    /// Bytes that moving a slot of this type copies.
    fn extent(&self, ty: Ty) -> u32 {
        slot_extent(self.e.module, self.layouts, ty).expect("I: laid out types have a size").0
    }

    /// Rewrites one instruction at the end of the current block.
    pub(crate) fn inst(&mut self, inst: Inst) {
        let instead = std::mem::take(&mut self.instead);
        let mut kind = self.e.f.insts[inst].kind.clone();
        kind.map_uses(|v| instead.get(&v).copied().unwrap_or(v));
        self.instead = instead;
        self.e.span = self.e.f.insts[inst].span;
        let kind = match kind {
            InstKind::SlotLive(_)
            | InstKind::SlotDead(_)
            | InstKind::SlotInit(_)
            | InstKind::SlotForget(_) => return,
            InstKind::SlotAddr { slot, offset } => match self.loc(slot).at(offset) {
                Loc::Mem(base, offset) => InstKind::PtrOffset { base, offset: offset as i32 },
                Loc::Slot(slot, offset) => InstKind::SlotAddr { slot, offset },
            },
            InstKind::SlotLoad { slot, offset, ty } => match self.loc(slot).at(offset) {
                Loc::Mem(addr, offset) => InstKind::Load { ty, addr, offset: offset as i32 },
                Loc::Slot(slot, offset) => InstKind::SlotLoad { slot, offset, ty },
            },
            InstKind::SlotStore { slot, offset, value } => {
                return self.e.store(self.loc(slot).at(offset), value);
            }
            InstKind::Retain(v) => return self.e.retain(v),
            InstKind::Drop(v) => return self.e.release(v),
            InstKind::DropSlot(slot) => {
                return self.drop_slot(self.e.f.slots[slot].ty, self.loc(slot));
            }
            InstKind::Move { src, dst } => {
                let bytes = self.extent(self.e.f.slots[src].ty);
                return self.e.copy(self.loc(dst), self.loc(src), bytes);
            }
            InstKind::Call { callee, args, dests } => {
                let args = self.by_address(&args);
                let (dests, copies) = self.native_dests(&dests);
                self.e.f.insts[inst].kind = InstKind::Call { callee, args, dests };
                self.e.f.blocks[self.e.block].insts.push(inst);
                return self.copy_dests(&copies);
            }
            InstKind::Future { slot, func, args } => {
                return self.make_future(self.loc(slot), func, &args);
            }
            InstKind::Box { kind, func, args } => {
                return self.make_box(inst, kind, func, BoxArgs::Given(&args));
            }
            InstKind::BoxSlot { kind, slot } => {
                let Ty::Future(func) = self.e.f.slots[slot].ty else {
                    unreachable!("the verifier allows future slots only")
                };
                return self.make_box(inst, kind, func, BoxArgs::Future(self.loc(slot)));
            }
            InstKind::DropBox(frame) => {
                self.cancel_boxed(frame);
                self.e.ctx_call(CtxFn::FreeFrame, &[frame]);
                return;
            }
            kind => kind,
        };
        self.e.f.insts[inst].kind = kind;
        self.e.f.blocks[self.e.block].insts.push(inst);
    }

    /// Rewrites a terminator that does not suspend, other than `Return` and `Unwind` of a machine.
    pub(crate) fn terminator(&mut self, mut term: Terminator, span: Span) {
        self.e.span = span;
        term.map_uses(|v| self.instead.get(&v).copied().unwrap_or(v));
        match term {
            Terminator::Call { callee, args, dests, ok, unwind } => {
                let args = self.by_address(&args);
                let (dests, copies) = self.native_dests(&dests);
                let ok = if copies.is_empty() { ok } else { self.copy_on_edge(ok, &copies) };
                let unwind = self.check_abort(unwind);
                let term = Terminator::Call { callee, args, dests, ok, unwind };
                self.e.f.set_term(self.e.block, term, span);
            }
            Terminator::Fault { code, payload, unwind } => self.fault(code, payload, unwind),
            term => self.e.f.set_term(self.e.block, term, span),
        }
    }

    /// Records a fault and goes to the cleanup, or ends at once.
    pub(crate) fn fault(&mut self, code: u32, payload: Option<Value>, unwind: Option<BlockCall>) {
        let span = self.e.span;
        let code = self.e.const_int(Type::I32, i64::from(code));
        let at = self.e.value(InstKind::SpanAddr, Type::Ptr);
        let payload = match payload {
            Some(v) => v,
            None => self.e.const_int(Type::I64, 0),
        };
        let in_cleanup = self.e.const_int(Type::I32, i64::from(unwind.is_none()));
        self.e.ctx_call(CtxFn::Fault, &[code, at, payload, in_cleanup]);
        let cause = self.e.const_int(Type::I32, i64::from(VT_FAULTED));
        match unwind {
            Some(edge) => {
                let args = edge.args.iter().map(|a| match a {
                    BlockArg::Value(v) => *v,
                    _ => cause,
                });
                let to = BlockCall::new(edge.block, args.collect::<Vec<_>>());
                self.e.f.set_term(self.e.block, Terminator::Jump(to), span);
            }
            None => self.end_faulted(cause),
        }
    }

    /// Ends the function with FAULTED at once, without any cleanup.
    fn end_faulted(&mut self, cause: Value) {
        let span = self.e.span;
        if let Some((frame, layout)) = self.frame {
            self.e.store_tag(frame, layout, 2);
            let term = Terminator::Return(vec![Arg::Value(cause)]);
            self.e.f.set_term(self.e.block, term, span);
        } else {
            self.e.f.set_term(self.e.block, Terminator::Unwind(cause), span);
        }
    }

    /// An unwind edge that is taken only while cleanup may still run.
    pub(crate) fn check_abort(&mut self, unwind: BlockCall) -> BlockCall {
        let here = self.e.block;
        let check = self.e.f.add_block();
        let cause = self.e.f.add_block_param(check, Type::I32);
        self.e.block = check;
        let ctx = self.e.ctx();
        let abort = self.e.field(ctx, self.abi.ctx_abort, Type::I32);
        let go_on = self.e.is(abort, 0);
        let stop = self.e.f.add_block();
        let args = unwind.args.iter().map(|a| match a {
            BlockArg::Value(v) => *v,
            _ => cause,
        });
        let then = BlockCall::new(unwind.block, args.collect::<Vec<_>>());
        let otherwise = BlockCall::new(stop, []);
        self.e.end(Terminator::Br { cond: go_on, then, otherwise }, stop);
        let cause = self.e.const_int(Type::I32, i64::from(VT_FAULTED));
        self.end_faulted(cause);
        self.e.block = here;
        BlockCall { block: check, args: vec![BlockArg::Cause] }
    }

    /// Arguments with slots replaced by their addresses.
    pub(crate) fn by_address(&mut self, args: &[Arg]) -> Vec<Arg> {
        args.iter()
            .map(|&arg| match arg {
                Arg::Value(v) => Arg::Value(v),
                Arg::Move(slot) => {
                    let loc = self.loc(slot);
                    Arg::Value(self.e.addr(loc))
                }
            })
            .collect()
    }

    /// Destinations on the native stack, and the copies that bring them home.
    fn native_dests(&mut self, dests: &[Slot]) -> (Vec<Slot>, Vec<(Loc, Loc, u32)>) {
        let mut copies = Vec::new();
        let native = dests
            .iter()
            .map(|&dest| match self.loc(dest) {
                Loc::Slot(..) => dest,
                home @ Loc::Mem(..) => {
                    let ty = self.e.f.slots[dest].ty;
                    let name = self.e.f.slots[dest].name.clone();
                    let temp =
                        self.e.f.slots.push(SlotData { name, ty, param: None, span: Span::NONE });
                    copies.push((home, Loc::Slot(temp, 0), self.extent(ty)));
                    temp
                }
            })
            .collect();
        (native, copies)
    }

    fn copy_dests(&mut self, copies: &[(Loc, Loc, u32)]) {
        for &(dst, src, bytes) in copies {
            self.e.copy(dst, src, bytes);
        }
    }

    /// An `ok` edge on which results are copied home first.
    fn copy_on_edge(&mut self, ok: BlockCall, copies: &[(Loc, Loc, u32)]) -> BlockCall {
        let here = self.e.block;
        let between = self.e.f.add_block();
        let n = ok.args.iter().map(|a| if let BlockArg::Result(i) = a { i + 1 } else { 0 });
        let n = n.max().unwrap_or(0);
        let mut params: Vec<Option<Value>> = vec![None; n as usize];
        let target = self.e.f.blocks[ok.block].params.clone();
        let mut edge_args = Vec::new();
        for (arg, &param) in ok.args.iter().zip(&target) {
            if let BlockArg::Result(i) = arg
                && params[*i as usize].is_none()
            {
                let ty = self.e.f.value_type(param);
                params[*i as usize] = Some(self.e.f.add_block_param(between, ty));
                edge_args.push(BlockArg::Result(*i));
            }
        }
        self.e.block = between;
        self.copy_dests(copies);
        let args = ok.args.iter().map(|a| match a {
            BlockArg::Result(i) => params[*i as usize].expect("I: each result has its parameter"),
            BlockArg::Value(v) => *v,
            BlockArg::Cause => unreachable!("no cause on an ok edge"),
        });
        let through = BlockCall::new(ok.block, args.collect::<Vec<_>>());
        self.e.end(Terminator::Jump(through), here);
        BlockCall { block: between, args: edge_args }
    }

    /// Where each argument of an unstarted future at `base` lies: a tuple for a coroutine that is
    /// started elsewhere, the frame itself for a generator.
    fn future_args(&self, func: Func) -> Vec<u32> {
        let callee = &self.e.module.funcs[func];
        if callee.kind == FuncKind::Generator {
            return self.layouts[&func].params.clone();
        }
        let types = callee.sig.params.iter().map(|p| p.ty);
        self.e.module.sequence(types).expect("I: a laid out future has offsets").offsets
    }

    fn make_future(&mut self, base: Loc, func: Func, args: &[Arg]) {
        let offsets = self.future_args(func);
        self.store_args(base, func, &offsets, args);
        if self.e.module.funcs[func].kind == FuncKind::Generator {
            self.unresumed(base, func);
        }
    }

    /// Marks the frame at `base` as unresumed.
    pub(crate) fn unresumed(&mut self, base: Loc, func: Func) {
        let layout = &self.layouts[&func];
        let tag = self.e.const_int(tag_type(layout.tag_bytes), 0);
        self.e.store(base.at(layout.tag_offset), tag);
    }

    /// Stores arguments: moved slots first, because one of them may overlap the destination.
    pub(crate) fn store_args(&mut self, base: Loc, func: Func, offsets: &[u32], args: &[Arg]) {
        for (i, arg) in args.iter().enumerate() {
            if let Arg::Move(slot) = *arg {
                let bytes = self.extent(self.e.module.funcs[func].sig.params[i].ty);
                self.e.copy(base.at(offsets[i]), self.loc(slot), bytes);
            }
        }
        for (arg, &offset) in args.iter().zip(offsets) {
            if let Arg::Value(v) = *arg {
                self.e.store(base.at(offset), v);
            }
        }
    }

    /// Moves the arguments of an unstarted future to a frame at `base`.
    pub(crate) fn move_future(&mut self, base: Loc, future: Loc, func: Func) {
        let from = self.future_args(func);
        let to = self.layouts[&func].params.clone();
        for (i, param) in self.e.module.funcs[func].sig.params.iter().enumerate() {
            let bytes = self.extent(param.ty);
            self.e.copy(base.at(to[i]), future.at(from[i]), bytes);
        }
    }

    /// Drops the contents of a slot; a generator's frame is cancelled, which is synchronous as long
    /// as its cleanup does not wait.
    pub(crate) fn drop_slot(&mut self, ty: Ty, loc: Loc) {
        match ty {
            Ty::Future(func) if self.e.module.funcs[func].kind == FuncKind::Generator => {
                let frame = self.e.addr(loc);
                let resume = self.e.value(InstKind::ResumeAddr(func), Type::Ptr);
                self.resume_in_cancel_mode(resume, frame);
            }
            ty => self.e.drop_at(ty, loc),
        }
    }

    /// Resumes a frame in cancel mode; answers its status.
    pub(crate) fn resume_in_cancel_mode(&mut self, resume: Value, frame: Value) -> Value {
        let ctx = self.e.ctx();
        self.e.set_field_int(ctx, self.abi.ctx_mode, Type::I32, i64::from(VT_MODE_CANCEL));
        let status = self.e.value(InstKind::ResumePtr { resume, frame }, Type::I32);
        self.e.set_field_int(ctx, self.abi.ctx_mode, Type::I32, i64::from(VT_MODE_RESUME));
        status
    }

    fn cancel_boxed(&mut self, frame: Value) {
        let machine = self.e.field(frame, self.abi.prefix_machine, Type::Ptr);
        let resume = self.e.field(machine, self.abi.machine_resume, Type::Ptr);
        self.resume_in_cancel_mode(resume, frame);
    }

    /// Allocates a frame and moves the arguments there; without memory drops them.
    fn make_box(&mut self, inst: Inst, kind: BoxKind, func: Func, args: BoxArgs<'_>) {
        let machine = self.e.value(InstKind::MachineAddr(func), Type::Ptr);
        let kind = match kind {
            BoxKind::Arena => VT_FRAME_ARENA,
            BoxKind::Task => VT_FRAME_TASK,
        };
        let kind = self.e.const_int(Type::I32, i64::from(kind));
        let result = self.e.f.result(inst);
        self.e.f.insts[inst].kind =
            InstKind::CtxCall { func: CtxFn::AllocFrame, args: vec![machine, kind] };
        self.e.f.blocks[self.e.block].insts.push(inst);
        let none = self.e.is_null(result);
        let (failed, got, after) =
            (self.e.f.add_block(), self.e.f.add_block(), self.e.f.add_block());
        self.e.br(none, failed, got, failed);
        match args {
            BoxArgs::Given(args) => {
                for (i, arg) in args.iter().enumerate().rev() {
                    match *arg {
                        Arg::Value(v) => self.e.release(v),
                        Arg::Move(slot) => {
                            let ty = self.e.module.funcs[func].sig.params[i].ty;
                            self.drop_slot(ty, self.loc(slot));
                        }
                    }
                }
            }
            BoxArgs::Future(loc) => self.drop_slot(Ty::Future(func), loc),
        }
        self.e.jump(after, &[], got);
        let base = Loc::Mem(result, 0);
        match args {
            BoxArgs::Given(args) => {
                let offsets = self.layouts[&func].params.clone();
                self.store_args(base, func, &offsets, args);
            }
            BoxArgs::Future(loc) => self.move_future(base, loc, func),
        }
        self.e.jump(after, &[], after);
    }
}

/// Arguments of a boxed future.
#[derive(Clone, Copy)]
enum BoxArgs<'a> {
    Given(&'a [Arg]),
    Future(Loc),
}

/// Integer type of a state tag.
pub(crate) fn tag_type(bytes: u32) -> Type {
    match bytes {
        1 => Type::I8,
        2 => Type::I16,
        _ => Type::I32,
    }
}

impl Emit<'_> {
    /// Stores a state number in a frame.
    pub(crate) fn store_tag(&mut self, frame: Value, layout: &FrameLayout, state: u32) {
        let tag = self.const_int(tag_type(layout.tag_bytes), i64::from(state));
        self.store(Loc::Mem(frame, layout.tag_offset), tag);
    }
}

impl FrameLayout {
    pub(crate) fn tag_type(&self) -> Type {
        tag_type(self.tag_bytes)
    }
}
