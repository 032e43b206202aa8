//! One step: instructions and terminators that mean the same in both forms.

use super::engine::{Act, Code, Engine, Finish, Flow, Res, SlotState};
use super::value::{self, Val};
use crate::ir::{Callee, EntityRef, Inst, InstKind, Terminator, Type};
use std::mem::offset_of;
use vitte_abi::{VT_CANCELLED, VT_DONE, VT_FAULTED, vt_ctx};

impl<'m> Engine<'m> {
    /// Executes the next instruction or terminator of an activation.
    pub(crate) fn step(&mut self, act: &mut Act) -> Res<Flow> {
        self.fuel = self.fuel.checked_sub(1).ok_or("out of fuel")?;
        self.at = (act.func, act.block, act.idx);
        let f = &self.module.funcs[act.func];
        let block = &f.blocks[act.block];
        if let Some(&inst) = block.insts.get(act.idx) {
            let flow = self.inst(act, inst)?;
            if matches!(flow, Flow::Next) {
                act.idx += 1;
            }
            return Ok(flow);
        }
        self.terminator(act, block.term.as_ref().ok_or("a block without a terminator")?)
    }

    /// The instruction at which an activation stands, if it is not at its terminator.
    pub(crate) fn inst_at(&self, act: &Act) -> Option<(Inst, &'m InstKind)> {
        let f = &self.module.funcs[act.func];
        let inst = *f.blocks[act.block].insts.get(act.idx)?;
        Some((inst, &f.insts[inst].kind))
    }

    /// The terminator of the block in which an activation stands.
    pub(crate) fn term_at(&self, act: &Act) -> &'m Terminator {
        self.module.funcs[act.func].term(act.block)
    }

    fn inst(&mut self, act: &mut Act, inst: Inst) -> Res<Flow> {
        let f = &self.module.funcs[act.func];
        let result = match &f.insts[inst].kind {
            InstKind::Const { ty, bits } => Val::new(value::cut(*bits, *ty)),
            InstKind::Null { .. } => Val::new(0),
            InstKind::FuncAddr(func) => Val::new(Code::Func(*func).address().into()),
            InstKind::MachineAddr(func) => Val::new(self.machine_addr(*func)?.into()),
            InstKind::DataAddr(data, at) => Val::new(self.data_addr(*data, *at)?.into()),
            InstKind::DataRef(data, _) => Val::new(self.data_addr(*data, 0)?.into()),
            InstKind::Unary { op, arg } => {
                let a = act.get(*arg);
                let bits = value::unary(*op, f.value_type(*arg), a.bits);
                Val { bits, undef: a.undef }
            }
            InstKind::Binary { op, args: [left, right] } => {
                let (x, y) = (act.get(*left), act.get(*right));
                let bits = value::binary(*op, f.value_type(*left), x.bits, y.bits);
                Val { bits, undef: x.undef || y.undef }
            }
            InstKind::Checked { op, args: [left, right] } => {
                let (x, y) = (act.get(*left), act.get(*right));
                let (bits, flag) = value::checked(*op, f.value_type(*left), x.bits, y.bits);
                let undef = x.undef || y.undef;
                let pair = [Val { bits, undef }, Val { bits: flag.into(), undef }];
                self.set_results(act, inst, &pair)?;
                return Ok(Flow::Next);
            }
            InstKind::Compare { op, args: [left, right] } => {
                let (x, y) = (act.get(*left), act.get(*right));
                let bits = value::compare(*op, f.value_type(*left), x.bits, y.bits).into();
                Val { bits, undef: x.undef || y.undef }
            }
            InstKind::Select { cond, args: [left, right] } => {
                let c = act.get(*cond);
                let chosen = act.get(if c.bits == 0 { *right } else { *left });
                if c.undef { Val::UNDEF } else { chosen }
            }
            InstKind::Convert { op, arg, ty } => {
                let a = act.get(*arg);
                let bits = value::convert(*op, f.value_type(*arg), *ty, a.bits);
                Val { bits, undef: a.undef }
            }
            InstKind::Ctx => Val::new(self.ctx.into()),
            InstKind::Budget => {
                let left = self.back_edges > 0;
                self.back_edges = self.back_edges.saturating_sub(1);
                if f.insts[inst].results.is_empty() {
                    return Ok(Flow::Next);
                }
                Val::bool(left)
            }
            InstKind::StackOk => Val::bool(self.sync_depth < self.script.stack_depth),
            InstKind::SlotAddr { slot, offset } => {
                let addr = self.slot_addr(act, *slot) + u64::from(*offset);
                Val::new(addr.into())
            }
            InstKind::PtrOffset { base, offset } => {
                let a = act.get(*base);
                let bits = (a.bits as u64).wrapping_add_signed(i64::from(*offset));
                Val { bits: bits.into(), undef: a.undef }
            }
            InstKind::SlotLoad { slot, offset, ty } => {
                let addr = self.slot_addr(act, *slot) + u64::from(*offset);
                self.world.memory.load(addr, *ty)?
            }
            InstKind::Load { ty, addr, offset } => {
                let addr = act.addr(*addr, *offset)?;
                self.world.memory.load(addr, *ty)?
            }
            InstKind::Call { callee, args, dests } => match *callee {
                Callee::Func(func) => return Ok(Flow::Call(func, self.args(act, args)?)),
                Callee::Import(import) => {
                    let bits = self.host_args(act, args)?;
                    let done = self.import(import, &bits)?;
                    self.forget_moved(act, args)?;
                    let data = done.map_err(|_| "a call without an unwind edge faulted")?;
                    let vals = self.take_results(act, dests, data)?;
                    self.set_results(act, inst, &vals)?;
                    return Ok(Flow::Next);
                }
            },
            kind => return self.effect(act, kind),
        };
        self.set_results(act, inst, &[result])?;
        Ok(Flow::Next)
    }

    /// Instructions without a result.
    fn effect(&mut self, act: &mut Act, kind: &'m InstKind) -> Res<Flow> {
        let f = &self.module.funcs[act.func];
        match kind {
            InstKind::SlotStore { slot, offset, value } => {
                if self.slot_ty(act, *slot).as_value().is_some() {
                    self.own(act, *slot)?;
                }
                let addr = self.slot_addr(act, *slot) + u64::from(*offset);
                self.world.memory.store(addr, f.value_type(*value), act.get(*value))?;
            }
            InstKind::Store { addr, offset, value } => {
                let addr = act.addr(*addr, *offset)?;
                self.world.memory.store(addr, f.value_type(*value), act.get(*value))?;
            }
            InstKind::Copy { dst, src, bytes } => {
                let (dst, src) = (act.addr(*dst, 0)?, act.addr(*src, 0)?);
                let data = self.world.memory.read(src, *bytes as usize)?;
                self.world.memory.write(dst, &data)?;
            }
            InstKind::SlotLive(slot) | InstKind::SlotDead(slot) => {
                let SlotState { addr, owned } = act.slots[slot.index()];
                if owned {
                    return Err(format!("storage of {slot} begins or ends while it is owned"));
                }
                if addr != 0 {
                    self.started.remove(&addr);
                    let len = self.module.size_align(self.slot_ty(act, *slot)).0;
                    self.world.memory.forget(addr, len as usize)?;
                }
            }
            InstKind::SlotInit(slot) => self.own(act, *slot)?,
            InstKind::SlotForget(slot) => self.disown(act, *slot)?,
            InstKind::Retain(v) => {
                let bits = act.known(*v)?;
                self.count(f.value_type(*v), bits, true)?;
            }
            InstKind::Drop(v) => {
                let bits = act.known(*v)?;
                self.count(f.value_type(*v), bits, false)?;
            }
            InstKind::DropSlot(slot) => {
                self.disown(act, *slot)?;
                let addr = self.slot_addr(act, *slot);
                self.drop_at(addr, self.slot_ty(act, *slot))?;
            }
            InstKind::Move { src, dst } => {
                let datum = self.take_slot(act, *src)?;
                self.put_slot(act, *dst, datum)?;
            }
            InstKind::Future { slot, func, args } => {
                let args = self.args(act, args)?;
                self.own(act, *slot)?;
                let addr = self.slot_addr(act, *slot);
                self.started.remove(&addr);
                self.write_args(addr, *func, args)?;
            }
            _ => return Ok(Flow::Special),
        }
        Ok(Flow::Next)
    }

    fn terminator(&mut self, act: &mut Act, term: &'m Terminator) -> Res<Flow> {
        match term {
            Terminator::Jump(edge) => self.take_edge(act, edge, &[], None)?,
            Terminator::Br { cond, then, otherwise } => {
                let edge = if act.known(*cond)? == 0 { otherwise } else { then };
                self.take_edge(act, edge, &[], None)?;
            }
            Terminator::Switch { value, cases, default } => {
                let bits = act.known(*value)?;
                let case = cases.iter().find(|(n, _)| u128::from(*n) == bits);
                self.take_edge(act, case.map_or(default, |(_, edge)| edge), &[], None)?;
            }
            Terminator::Call { callee: Callee::Func(func), args, .. } => {
                return Ok(Flow::Call(*func, self.args(act, args)?));
            }
            Terminator::Call { callee: Callee::Import(import), args, dests, ok, unwind } => {
                let bits = self.host_args(act, args)?;
                let done = self.import(*import, &bits)?;
                self.forget_moved(act, args)?;
                if let Ok(data) = done {
                    let vals = self.take_results(act, dests, data)?;
                    self.take_edge(act, ok, &vals, None)?;
                } else {
                    self.take_edge(act, unwind, &[], Some(VT_FAULTED))?;
                }
            }
            Terminator::Return(args) => {
                let results = self.args(act, args)?;
                return Ok(Flow::Finish(Finish { status: VT_DONE, results }));
            }
            Terminator::Fault { code, payload, unwind } => {
                let payload = match payload {
                    Some(v) => act.known(*v)? as i64,
                    None => 0,
                };
                self.world.fault(*code, payload, unwind.is_none());
                if let Some(edge) = unwind {
                    self.take_edge(act, edge, &[], Some(VT_FAULTED))?;
                } else {
                    self.abort = true;
                    let flag = self.ctx + offset_of!(vt_ctx, abort) as u64;
                    self.world.memory.store(flag, Type::I32, Val::new(1))?;
                    return Ok(Flow::Finish(Finish::status(VT_FAULTED)));
                }
            }
            Terminator::Unwind(cause) => {
                let status = act.known(*cause)? as u32;
                if status != VT_FAULTED && status != VT_CANCELLED {
                    return Err(format!("unwinding with the cause {status}"));
                }
                return Ok(Flow::Finish(Finish::status(status)));
            }
            Terminator::Unreachable => return Err("reached what is unreachable".into()),
            Terminator::Await { .. }
            | Terminator::Yield { .. }
            | Terminator::Join { .. }
            | Terminator::Select { .. } => return Ok(Flow::Special),
        }
        Ok(Flow::Next)
    }

    /// Hands the end of a synchronous call to its caller, which stands at the call.
    pub(crate) fn returned(&mut self, act: &mut Act, finish: Finish) -> Res<()> {
        if let Some((inst, InstKind::Call { dests, .. })) = self.inst_at(act) {
            if finish.status != VT_DONE {
                return Err("a call without an unwind edge faulted".into());
            }
            let vals = self.take_results(act, dests, finish.results)?;
            self.set_results(act, inst, &vals)?;
            act.idx += 1;
            return Ok(());
        }
        let Terminator::Call { dests, ok, unwind, .. } = self.term_at(act) else {
            return Err("a call returned to what is no call".into());
        };
        if finish.status == VT_DONE {
            let vals = self.take_results(act, dests, finish.results)?;
            self.take_edge(act, ok, &vals, None)
        } else {
            self.take_edge(act, unwind, &[], Some(finish.status))
        }
    }
}
