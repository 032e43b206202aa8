//! The machine form: lowered coroutines over frames in simulated memory.
//!
//! Synchronous calls and direct resumes share one explicit stack; only `vt_run` inside a join nests.
//! Storage of a running host operation holds a pattern that nobody may overwrite and that must be
//! polled where it was started (**I2**: pinned things do not move).

use super::engine::{Act, Code, Engine, Finish, Flow, Res};
use super::value::{Bytes, Datum, Val};
use crate::FrameAbi;
use crate::ir::{BoxKind, CtxFn, Func, FuncKind, HostOp, Inst, InstKind, Span, Ty, Type};
use std::collections::BTreeMap;
use vitte_abi::{
    LayoutRecord, SlotRecord, SlotRole, VT_FAULTED, VT_MODE_RESUME, VT_RUNNING, VT_YIELDED,
};

/// The machine form of a run.
pub(super) struct Sim<'m> {
    pub(super) e: Engine<'m>,
    pub(super) abi: FrameAbi,
    /// How many `vt_run` are in progress inside each other.
    pub(super) nesting: u32,
    /// Address of the task's leaf.
    pub(super) leaf: u64,
    /// Address of the root's frame, or 0.
    pub(super) frame: u64,
    records: &'m BTreeMap<Func, LayoutRecord>,
    stack: Vec<Act>,
    /// Running operations by the address of their storage.
    ops: BTreeMap<u64, Running>,
    /// Frames that were allocated on their own.
    frames: BTreeMap<u64, Func>,
    sites: BTreeMap<(Func, u32, u32), u64>,
    spans: BTreeMap<Span, u64>,
}

#[derive(Debug)]
struct Running {
    n: u32,
    op: HostOp,
    pattern: Bytes,
}

impl<'m> Sim<'m> {
    pub(super) fn new(mut e: Engine<'m>, records: &'m BTreeMap<Func, LayoutRecord>) -> Self {
        e.owns = false;
        e.records = Some(records);
        let leaf = e.world.memory.alloc(size_of::<vitte_abi::vt_leaf>() as u32, 8, 0, "leaf");
        Sim {
            e,
            abi: FrameAbi::host(),
            nesting: 0,
            leaf,
            frame: 0,
            records,
            stack: Vec::new(),
            ops: BTreeMap::new(),
            frames: BTreeMap::new(),
            sites: BTreeMap::new(),
            spans: BTreeMap::new(),
        }
    }

    /// Makes the root's frame with its arguments.
    pub(super) fn start(&mut self, func: Func, types: &[Ty], args: Vec<Datum>) -> Res<()> {
        self.frame = self.alloc_frame(func)?;
        self.place_args(self.frame, func, types, args)?;
        self.init_leaf(self.leaf, Code::Resume(func).address(), self.frame)
    }

    /// Runs the root until it suspends (`None`), hands out an item or ends.
    pub(super) fn resume_root(&mut self, func: Func, types: &[Ty]) -> Res<Option<Finish>> {
        self.fill_ctx()?;
        let status = self.run_leaf(self.leaf)?;
        if status == VT_YIELDED {
            return Ok(None);
        }
        let mut finish = Finish::status(status);
        if status == vitte_abi::VT_DONE || status == vitte_abi::VT_ITEM {
            let at = self.frame + self.record(func)?.result_offset;
            finish.results = self.e.read_sequence(at, types)?;
        }
        Ok(Some(finish))
    }

    /// Resumes the root once more after its end: it must answer FAULTED and touch nothing.
    pub(super) fn resume_ended(&mut self) -> Res<u32> {
        self.fill_ctx()?;
        let Some(&func) = self.frames.get(&self.frame) else { return Ok(VT_FAULTED) };
        let size = self.record(func)?.size as usize;
        let before = self.e.world.memory.read(self.frame, size)?;
        let status = self.run_leaf(self.leaf)?;
        if status != VT_FAULTED {
            return Err(format!("a resume after the end answers {status}"));
        }
        if self.e.world.memory.read(self.frame, size)? != before {
            return Err("a resume after the end touches the frame".into());
        }
        Ok(status)
    }

    /// Frees the root's frame; answers what is left over, for a complaint.
    pub(super) fn leftovers(&mut self) -> Vec<String> {
        let mut left = Vec::new();
        if self.frame != 0 {
            left.extend(self.free_frame(self.frame).err());
        }
        left.extend(self.frames.values().map(|f| format!("a frame of {f} was never freed")));
        left
    }

    pub(super) fn record(&self, func: Func) -> Res<&'m LayoutRecord> {
        self.records.get(&func).ok_or_else(|| format!("{func} has no layout"))
    }

    // ---- frames ------------------------------------------------------------------------------

    fn alloc_frame(&mut self, func: Func) -> Res<u64> {
        let machine = self.e.machine_addr(func)?;
        let r = self.record(func)?;
        let (size, prefix) = (r.size as u32, self.abi.prefix_bytes);
        let base = self.e.world.memory.alloc(size + prefix, r.align as u32, prefix, "frame");
        let frame = base + u64::from(prefix);
        self.set(frame, self.abi.prefix_machine, Type::Ptr, machine)?;
        self.set(frame, self.abi.prefix_parent, Type::Ptr, 0)?;
        self.set(frame, self.abi.prefix_link, Type::Ptr, 0)?;
        let tag = vec![0; r.tag_bytes as usize];
        self.e.world.memory.write_known(frame + r.tag_offset, &tag)?;
        self.frames.insert(frame, func);
        Ok(frame)
    }

    fn free_frame(&mut self, frame: u64) -> Res<()> {
        let func = self.frames.remove(&frame);
        let func = func.ok_or_else(|| format!("{frame:#x} is no frame that can be freed"))?;
        let end = frame + self.record(func)?.size;
        if let Some((_, op)) = self.ops.range(frame..end).next() {
            return Err(format!("a frame of {func} is freed while op{} runs in it", op.n));
        }
        self.e.world.memory.free(frame - u64::from(self.abi.prefix_bytes))
    }

    /// Offsets of a coroutine's parameters in its frame, as its layout record names them.
    fn param_offsets(&self, func: Func, n: usize) -> Res<Vec<u64>> {
        let slots = &self.record(func)?.slots;
        let params = slots.iter().filter(|s| s.role == SlotRole::Param);
        let offsets: Vec<u64> = params.map(|s| s.offset).collect();
        if offsets.len() == n {
            return Ok(offsets);
        }
        Err(format!("the layout of {func} has {} parameters, not {n}", offsets.len()))
    }

    fn place_args(&mut self, frame: u64, func: Func, types: &[Ty], args: Vec<Datum>) -> Res<()> {
        let offsets = self.param_offsets(func, types.len())?;
        for ((ty, offset), arg) in types.iter().zip(offsets).zip(args) {
            match (ty, arg) {
                (Ty::Value(t), Datum::Val(v)) => {
                    self.e.world.memory.store(frame + offset, *t, v)?;
                }
                (_, Datum::Bytes(b)) => self.e.world.memory.write(frame + offset, &b)?,
                _ => return Err("a value where a slot belongs".into()),
            }
        }
        Ok(())
    }

    // ---- running -----------------------------------------------------------------------------

    /// Resumes a coroutine by a call and runs until it answers its status.
    pub(super) fn call(&mut self, func: Func, frame: u64) -> Res<u32> {
        let base = self.stack.len();
        self.push_machine(func, frame)?;
        loop {
            let top = self.stack.last_mut().ok_or("nothing runs")?;
            match self.e.step(top)? {
                Flow::Next => {}
                Flow::Call(func, args) => {
                    let act = self.e.activate(func, args)?;
                    self.stack.push(act);
                }
                Flow::Finish(finish) => {
                    let act = self.stack.pop().ok_or("nothing runs")?;
                    self.e.retire(&act)?;
                    if self.stack.len() == base {
                        return status_of(&act, &finish);
                    }
                    self.returned(&act, finish)?;
                }
                Flow::Special => self.special()?,
            }
        }
    }

    fn push_machine(&mut self, func: Func, frame: u64) -> Res<()> {
        let f = self.e.module.funcs.get(func).ok_or_else(|| format!("there is no {func}"))?;
        if f.kind != FuncKind::Machine {
            return Err(format!("{} is resumed but is no machine", f.name));
        }
        let act = self.e.activate_with(func, &[self.e.ctx.into(), frame.into()])?;
        self.stack.push(act);
        Ok(())
    }

    /// Hands the end of a call or of a direct resume to the activation below.
    fn returned(&mut self, ended: &Act, finish: Finish) -> Res<()> {
        let resumed = self.e.module.funcs[ended.func].kind == FuncKind::Machine;
        let status = if resumed { Some(status_of(ended, &finish)?) } else { None };
        let top = self.stack.last_mut().ok_or("nothing runs")?;
        let Some(status) = status else { return self.e.returned(top, finish) };
        let (inst, _) = self.e.inst_at(top).ok_or("a resume returned to what is no resume")?;
        self.e.set_results(top, inst, &[Val::new(status.into())])?;
        top.idx += 1;
        Ok(())
    }

    fn finish_inst(&mut self, inst: Inst, results: &[Val]) -> Res<()> {
        let top = self.stack.last_mut().ok_or("nothing runs")?;
        let n = self.e.module.funcs[top.func].insts[inst].results.len();
        self.e.set_results(top, inst, &results[..n.min(results.len())])?;
        top.idx += 1;
        Ok(())
    }

    fn top(&self) -> Res<&Act> {
        self.stack.last().ok_or_else(|| "nothing runs".to_string())
    }

    fn arg(&self, v: crate::ir::Value) -> Res<u64> {
        Ok(self.top()?.known(v)? as u64)
    }

    /// Instructions that only machines have, and those on futures, boxes and the shield.
    fn special(&mut self) -> Res<()> {
        let top = self.stack.last_mut().ok_or("nothing runs")?;
        let Some((inst, kind)) = self.e.inst_at(top) else {
            return Err("a machine contains a terminator that suspends".into());
        };
        let func = top.func;
        let ptr = |addr: u64| Val::new(addr.into());
        let result = match kind {
            InstKind::ResumeFunc { func, frame } => {
                let frame = self.arg(*frame)?;
                return self.push_machine(*func, frame);
            }
            InstKind::ResumePtr { resume, frame } => {
                let (resume, frame) = (self.arg(*resume)?, self.arg(*frame)?);
                match Code::at(resume) {
                    Some(Code::Resume(func)) => return self.push_machine(func, frame),
                    Some(Code::Poll(op)) => Val::new(self.poll(op, frame)?.into()),
                    _ => return Err(format!("{resume:#x} is no resume function")),
                }
            }
            InstKind::OpPoll { op, storage } => {
                let storage = self.arg(*storage)?;
                Val::new(self.poll(*op, storage)?.into())
            }
            InstKind::OpStart { op, storage, args } => {
                let storage = self.arg(*storage)?;
                let top = self.stack.last_mut().ok_or("nothing runs")?;
                let bits = self.e.host_args(top, args)?;
                self.start_op(*op, storage, bits)?;
                let top = self.stack.last_mut().ok_or("nothing runs")?;
                self.e.forget_moved(top, args)?;
                Val::UNDEF
            }
            InstKind::CtxCall { func, args } => {
                let mut bits = Vec::new();
                for &a in args {
                    bits.push(self.arg(a)?);
                }
                self.ctx_call(*func, &bits)?
            }
            InstKind::SiteAddr { offset, state } => ptr(self.site(func, *offset, *state)?),
            InstKind::ResumeAddr(func) => ptr(Code::Resume(*func).address()),
            InstKind::PollAddr(op) => ptr(Code::Poll(*op).address()),
            InstKind::SpanAddr => {
                let span = self.e.module.funcs[func].insts[inst].span;
                ptr(self.span(span)?)
            }
            InstKind::Shield(delta) => {
                self.shield((*delta).into())?;
                Val::UNDEF
            }
            InstKind::Box { kind, func, args } => {
                let top = self.stack.last_mut().ok_or("nothing runs")?;
                let args = self.e.args(top, args)?;
                ptr(self.box_future(*kind, *func, args)?)
            }
            InstKind::BoxSlot { kind, slot } => {
                let top = self.stack.last_mut().ok_or("nothing runs")?;
                let Ty::Future(func) = self.e.slot_ty(top, *slot) else {
                    return Err(format!("{slot} holds no future"));
                };
                let addr = self.e.slot_addr(top, *slot);
                let args = self.e.read_args(addr, func)?;
                ptr(self.box_future(*kind, func, args)?)
            }
            _ => return Err(format!("{inst} has no meaning in a machine")),
        };
        self.finish_inst(inst, &[result])
    }

    fn box_future(&mut self, _kind: BoxKind, func: Func, args: Vec<Datum>) -> Res<u64> {
        let frame = self.alloc_frame(func)?;
        let params = &self.e.module.funcs[func].sig.params;
        let types: Vec<Ty> = params.iter().map(|p| p.ty).collect();
        self.place_args(frame, func, &types, args)?;
        Ok(frame)
    }

    // ---- the context's functions -------------------------------------------------------------

    fn ctx_call(&mut self, func: CtxFn, args: &[u64]) -> Res<Val> {
        let arg = |i: usize| args.get(i).copied().ok_or("too few arguments of the context");
        Ok(match func {
            CtxFn::AllocFrame => {
                let func = self.e.machine_at(arg(0)?)?;
                Val::new(self.alloc_frame(func)?.into())
            }
            CtxFn::FreeFrame => {
                self.free_frame(arg(0)?)?;
                Val::UNDEF
            }
            CtxFn::Overrun => {
                let budget = super::abi::BUDGET as u64;
                self.set(self.e.ctx, self.abi.ctx_budget, Type::I64, budget)?;
                Val::new(VT_RUNNING.into())
            }
            CtxFn::Fault => {
                let in_cleanup = arg(3)? != 0;
                self.e.world.fault(arg(0)? as u32, arg(2)? as i64, in_cleanup);
                if in_cleanup {
                    self.e.abort = true;
                    self.set_ctx(self.abi.ctx_abort, 1)?;
                }
                Val::UNDEF
            }
            CtxFn::Choose => {
                let tick = self.e.world.tick;
                Val::new(self.e.script.choose(tick, arg(0)? as u32).into())
            }
            CtxFn::Branches => {
                Val::new(self.run_branches(arg(0)?, arg(1)? as u32, arg(2)? as u32)?.into())
            }
            CtxFn::Run => Val::new(self.run_leaf(arg(0)?)?.into()),
        })
    }

    fn site(&mut self, func: Func, offset: u32, state: u32) -> Res<u64> {
        if let Some(&addr) = self.sites.get(&(func, offset, state)) {
            return Ok(addr);
        }
        let addr = self.e.world.memory.alloc(16, 8, 0, "site");
        self.set(addr, 0, Type::Ptr, Code::Resume(func).address())?;
        self.set(addr, 8, Type::I32, offset.into())?;
        self.set(addr, 12, Type::I32, state.into())?;
        self.e.world.memory.freeze(addr);
        self.sites.insert((func, offset, state), addr);
        Ok(addr)
    }

    fn span(&mut self, span: Span) -> Res<u64> {
        if let Some(&addr) = self.spans.get(&span) {
            return Ok(addr);
        }
        let addr = self.e.world.memory.alloc(24, 8, 0, "span");
        self.set(addr, 0, Type::Ptr, 0)?;
        for (offset, n) in [(8, 0), (12, span.line), (16, span.column), (20, 0)] {
            self.set(addr, offset, Type::I32, n.into())?;
        }
        self.e.world.memory.freeze(addr);
        self.spans.insert(span, addr);
        Ok(addr)
    }

    // ---- host operations ---------------------------------------------------------------------

    fn start_op(&mut self, op: HostOp, storage: u64, args: Vec<u128>) -> Res<()> {
        let data = self.e.module.ops.get(op).ok_or_else(|| format!("there is no {op}"))?;
        let (size, align) = (data.size, data.align);
        if !storage.is_multiple_of(align.max(1).into()) {
            return Err(format!("storage of {op} at {storage:#x} is not aligned to {align}"));
        }
        let n = self.e.start_op(op, args)?;
        let byte = |i: u32| (n.wrapping_mul(31) ^ i.wrapping_mul(7) ^ 0xa5) as u8;
        let pattern = Bytes::known((0..size).map(byte).collect());
        self.e.world.memory.write(storage, &pattern)?;
        if let Some(other) = self.ops.insert(storage, Running { n, op, pattern }) {
            return Err(format!("op{n} is started over op{}, which still runs", other.n));
        }
        Ok(())
    }

    pub(super) fn poll(&mut self, op: HostOp, storage: u64) -> Res<u32> {
        let running = self.ops.get(&storage);
        let running = running.ok_or_else(|| format!("no operation runs at {storage:#x}"))?;
        let n = running.n;
        if running.op != op {
            return Err(format!("op{n} is {}, but is polled as {op}", running.op));
        }
        let size = running.pattern.data.len();
        if self.e.world.memory.read(storage, size)? != running.pattern {
            return Err(format!("storage of op{n} was overwritten"));
        }
        let finish = if self.cancel_mode()? {
            self.set_ctx(self.abi.ctx_mode, VT_MODE_RESUME)?;
            Some(self.e.cancel_op(n)?)
        } else {
            self.e.poll_op(n, op)?
        };
        let Some(finish) = finish else { return Ok(VT_YIELDED) };
        self.ops.remove(&storage);
        self.e.world.memory.forget(storage, size)?;
        let data = &self.e.module.ops[op];
        if finish.status == vitte_abi::VT_DONE {
            let at = storage + u64::from(data.result_offset);
            self.e.write_sequence(at, &data.results, finish.results)?;
        }
        Ok(finish.status)
    }

    // ---- the layout record -------------------------------------------------------------------

    /// The leaf has suspended: in its frame and those of its awaiters, all bytes that the layout
    /// record does not call live become undefined. A resume that reads one of them is caught, and so
    /// is a record that would make a snapshot lose something.
    pub(super) fn suspended(&mut self, leaf: u64) -> Res<()> {
        let mut resume = self.read(leaf, self.abi.leaf_resume, Type::Ptr)?;
        let mut frame = self.read(leaf, self.abi.leaf_frame, Type::Ptr)?;
        let root = self.read(leaf, self.abi.leaf_root, Type::Ptr)?;
        if frame == root && matches!(Code::at(resume), Some(Code::Poll(_))) {
            return Ok(());
        }
        loop {
            let Some(Code::Resume(func)) = Code::at(resume) else {
                return Err(format!("a leaf with {resume:#x} as resume function"));
            };
            self.forget_dead(func, frame)?;
            if frame == root {
                return Ok(());
            }
            match self.awaiter(frame)? {
                Some(next) => (resume, frame) = next,
                None => return Ok(()),
            }
        }
    }

    fn forget_dead(&mut self, func: Func, frame: u64) -> Res<()> {
        let r = self.record(func)?;
        let ty = match r.tag_bytes {
            1 => Type::I8,
            2 => Type::I16,
            _ => Type::I32,
        };
        let tag = self.read(frame, r.tag_offset as i32, ty)?;
        let state = tag.checked_sub(3).and_then(|i| r.states.get(i as usize));
        let mut live = vec![(r.tag_offset, r.tag_offset + r.tag_bytes)];
        let mut keep = |slot: &SlotRecord| live.push((slot.offset, slot.offset + slot.size));
        match state {
            Some(state) => {
                for &i in &state.live {
                    keep(r.slots.get(i as usize).ok_or("a state names no slot")?);
                }
            }
            // A child that was made the leaf before it started, for want of ready awaits.
            None if tag == 0 => {
                r.slots.iter().filter(|s| s.role == SlotRole::Param).for_each(&mut keep);
            }
            None => return Err(format!("{} suspends in state {tag}", r.name)),
        }
        live.sort_unstable();
        let mut end = 0;
        for (from, to) in live {
            if from > end {
                self.e.world.memory.forget(frame + end, (from - end) as usize)?;
            }
            end = end.max(to);
        }
        if end < r.used.max(r.result_offset + r.result_bytes) {
            let all = r.used.max(r.result_offset + r.result_bytes);
            self.e.world.memory.forget(frame + end, (all - end) as usize)?;
        }
        Ok(())
    }
}

/// Status that a machine answered.
fn status_of(act: &Act, finish: &Finish) -> Res<u32> {
    match (finish.status, finish.results.first()) {
        (VT_FAULTED, None) => Ok(VT_FAULTED),
        (_, Some(Datum::Val(v))) => {
            Ok(v.known().ok_or_else(|| format!("{} answers nothing", act.func))? as u32)
        }
        _ => Err(format!("{} answers no status", act.func)),
    }
}
