//! What both forms share: activations, instructions without control of coroutines, edges, glue.
//!
//! An *activation* is one running call of a function: its values and its slots. Slots live in
//! simulated memory, each in an allocation of its own, so that reading what nobody wrote or past the
//! end is seen. In the source form the engine also follows ownership: **I1** an owned slot is dropped
//! or moved exactly once before it is owned again, dies, or the function ends.

use super::host::{self, Host, HostFault, HostValue, OpEnd, Polled, Script, World};
use super::memory::CODE;
use super::value::{Bytes, Datum, Val, cut};
use crate::ir::{
    Arg, Block, BlockArg, BlockCall, Data, EntityRef, Func, FuncKind, HostOp, Import, Inst, Module,
    Reloc, Slot, Ty, Type, Value,
};
use std::collections::BTreeMap;
use vitte_abi::{LayoutRecord, VT_CANCELLED, VT_DONE, VT_FAULTED, vt_ctx};

/// A result, or what went wrong.
pub(crate) type Res<T> = Result<T, String>;

/// Sorts of code addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Code {
    Func(Func),
    Resume(Func),
    Poll(HostOp),
    Import(Import),
}

impl Code {
    /// The address that stands for this code.
    pub(crate) fn address(self) -> u64 {
        let (kind, index) = match self {
            Code::Func(f) => (0, f.as_u32()),
            Code::Resume(f) => (1, f.as_u32()),
            Code::Poll(op) => (2, op.as_u32()),
            Code::Import(i) => (3, i.as_u32()),
        };
        CODE + (kind << 40) + u64::from(index) * 16
    }

    /// The code at an address.
    pub(crate) fn at(address: u64) -> Option<Self> {
        let n = address.checked_sub(CODE)?;
        let index = u32::try_from((n & ((1 << 40) - 1)) / 16).ok()?;
        match n >> 40 {
            0 => Some(Code::Func(Func::from_u32(index))),
            1 => Some(Code::Resume(Func::from_u32(index))),
            2 => Some(Code::Poll(HostOp::from_u32(index))),
            3 => Some(Code::Import(Import::from_u32(index))),
            _ => None,
        }
    }
}

/// A slot of an activation.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SlotState {
    /// Its address, or 0 before its first use.
    pub(crate) addr: u64,
    /// Whether its contents are owned (source form only).
    pub(crate) owned: bool,
}

/// One running call of a function.
#[derive(Debug)]
pub(crate) struct Act {
    pub(crate) func: Func,
    pub(crate) block: Block,
    /// Index of the next instruction; past the last: the terminator.
    pub(crate) idx: usize,
    pub(crate) vals: Vec<Val>,
    pub(crate) slots: Vec<SlotState>,
}

impl Act {
    pub(crate) fn get(&self, v: Value) -> Val {
        self.vals.get(v.index()).copied().unwrap_or(Val::UNDEF)
    }

    /// The bits of a value in a place where they can be observed.
    pub(crate) fn known(&self, v: Value) -> Res<u128> {
        self.get(v).known().ok_or_else(|| format!("{v} is undefined"))
    }

    pub(crate) fn addr(&self, v: Value, offset: i32) -> Res<u64> {
        Ok((self.known(v)? as u64).wrapping_add_signed(i64::from(offset)))
    }
}

/// How a call ended.
#[derive(Debug)]
pub(crate) struct Finish {
    pub(crate) status: u32,
    pub(crate) results: Vec<Datum>,
}

impl Finish {
    pub(crate) fn status(status: u32) -> Self {
        Finish { status, results: Vec::new() }
    }
}

/// What an instruction asks of whoever runs the activation.
#[derive(Debug)]
pub(crate) enum Flow {
    /// Nothing: go on.
    Next,
    /// Run this function, then hand its end to [`Engine::returned`].
    Call(Func, Vec<Datum>),
    /// The activation is over.
    Finish(Finish),
    /// The instruction or terminator belongs to one form only; nothing has been done yet.
    Special,
}

/// State of one run that both forms need.
pub(crate) struct Engine<'m> {
    pub(crate) module: &'m Module,
    pub(crate) script: Script,
    pub(crate) host: Box<dyn Host + 'm>,
    pub(crate) world: World,
    /// Whether ownership of slots is followed.
    pub(crate) owns: bool,
    /// A fault inside cleanup has ended the task.
    pub(crate) abort: bool,
    /// Address of the context.
    pub(crate) ctx: u64,
    /// Where the run stands, for violations.
    pub(crate) at: (Func, Block, usize),
    /// Generators that were started, by the address that holds them; true: ended.
    pub(crate) started: BTreeMap<u64, bool>,
    /// Layouts, in the machine form.
    pub(crate) records: Option<&'m BTreeMap<Func, LayoutRecord>>,
    pub(super) fuel: u64,
    pub(super) sync_depth: u32,
    /// Back-edges until `budget` answers no.
    pub(super) back_edges: u32,
    data: Vec<u64>,
    machines: BTreeMap<Func, u64>,
}

impl<'m> Engine<'m> {
    pub(crate) fn new(module: &'m Module, script: &Script, host: Box<dyn Host + 'm>) -> Self {
        let mut world = World::default();
        let ctx = world.memory.alloc(size_of::<vt_ctx>() as u32, 8, 0, "context");
        Engine {
            module,
            script: script.clone(),
            host,
            world,
            owns: true,
            abort: false,
            ctx,
            at: (Func::from_u32(0), Block::from_u32(0), 0),
            started: BTreeMap::new(),
            records: None,
            fuel: script.fuel,
            sync_depth: 0,
            back_edges: script.back_edges,
            data: Vec::new(),
            machines: BTreeMap::new(),
        }
    }

    /// Lays out the static data; before anything runs.
    pub(crate) fn load_data(&mut self) -> Res<()> {
        for d in self.module.data.values() {
            let addr = self.world.memory.alloc(d.bytes.len() as u32, d.align, 0, "static data");
            self.world.memory.write_known(addr, &d.bytes)?;
            self.data.push(addr);
        }
        for (k, d) in self.module.data.iter() {
            let base = self.data[k.index()];
            for &(offset, target) in &d.relocs {
                let to = match target {
                    Reloc::Data(other, at) => self.data_addr(other, at)?,
                    Reloc::Func(f) => Code::Func(f).address(),
                    Reloc::Import(i) => Code::Import(i).address(),
                    Reloc::Machine(f) => self.machine_addr(f)?,
                };
                self.world.memory.write_known(base + u64::from(offset), &to.to_le_bytes())?;
            }
            if !d.writable {
                self.world.memory.freeze(base);
            }
        }
        Ok(())
    }

    pub(super) fn data_addr(&self, data: Data, offset: u32) -> Res<u64> {
        let base = self.data.get(data.index()).ok_or_else(|| format!("there is no {data}"))?;
        Ok(base + u64::from(offset))
    }

    /// Address of the `vt_machine` of a coroutine; filled in where its layout is known.
    pub(crate) fn machine_addr(&mut self, func: Func) -> Res<u64> {
        if let Some(&addr) = self.machines.get(&func) {
            return Ok(addr);
        }
        let memory = &mut self.world.memory;
        let addr = memory.alloc(size_of::<vitte_abi::vt_machine>() as u32, 8, 0, "machine");
        memory.store(addr, Type::Ptr, Val::new(Code::Resume(func).address().into()))?;
        if let Some(r) = self.records.and_then(|r| r.get(&func)) {
            let words =
                [r.size, r.align, r.tag_offset, r.tag_bytes, r.result_offset, r.result_bytes];
            for (i, w) in words.into_iter().enumerate() {
                memory.store(addr + 8 + 4 * i as u64, Type::I32, Val::new(w.into()))?;
            }
        }
        memory.freeze(addr);
        self.machines.insert(func, addr);
        Ok(addr)
    }

    /// The coroutine that a `vt_machine` address describes.
    pub(crate) fn machine_at(&self, addr: u64) -> Res<Func> {
        let found = self.machines.iter().find(|(_, a)| **a == addr);
        found.map(|(f, _)| *f).ok_or_else(|| format!("{addr:#x} is no machine"))
    }

    // ---- activations -------------------------------------------------------------------------

    /// Starts a function: its parameters get their arguments.
    pub(crate) fn activate(&mut self, func: Func, args: Vec<Datum>) -> Res<Act> {
        let f = self.module.funcs.get(func).ok_or_else(|| format!("there is no {func}"))?;
        if args.len() != f.sig.params.len() {
            return Err(format!("{} arguments for {} of {}", args.len(), func, f.name));
        }
        let mut act = Act {
            func,
            block: f.entry,
            idx: 0,
            vals: vec![Val::UNDEF; f.values.len()],
            slots: vec![SlotState::default(); f.slots.len()],
        };
        let mut values = f.blocks[f.entry].params.iter();
        for (i, (param, arg)) in f.sig.params.iter().zip(args).enumerate() {
            let datum = match (param.ty, arg) {
                (Ty::Value(_), Datum::Val(val)) => {
                    let v = values.next().ok_or("entry block lacks a parameter")?;
                    act.vals[v.index()] = val;
                    continue;
                }
                // Lowered code passes the address of what it moves.
                (ty, Datum::Val(val)) => {
                    let addr = val.known().ok_or("an argument's address is undefined")? as u64;
                    let len = self.module.size_align(ty).0 as usize;
                    let bytes = self.world.memory.read(addr, len)?;
                    self.world.memory.forget(addr, len)?;
                    Datum::Bytes(bytes)
                }
                (_, bytes) => bytes,
            };
            let slot = f.slots.iter().find(|(_, s)| s.param == Some(i as u32));
            let (slot, _) = slot.ok_or("a parameter lacks its slot")?;
            self.put_slot(&mut act, slot, datum)?;
        }
        if f.kind == FuncKind::Sync {
            self.sync_depth += 1;
        }
        Ok(act)
    }

    /// Starts a function whose parameters are all values.
    pub(crate) fn activate_with(&mut self, func: Func, args: &[u128]) -> Res<Act> {
        let f = &self.module.funcs[func];
        let params = &f.blocks[f.entry].params;
        if params.len() != args.len() {
            return Err(format!("{} takes {} values", f.name, params.len()));
        }
        let mut vals = vec![Val::UNDEF; f.values.len()];
        for (p, bits) in params.iter().zip(args) {
            vals[p.index()] = Val::new(*bits);
        }
        let slots = vec![SlotState::default(); f.slots.len()];
        Ok(Act { func, block: f.entry, idx: 0, vals, slots })
    }

    /// Ends an activation: its slots die. Nothing may still be owned, unless the task was aborted.
    pub(crate) fn retire(&mut self, act: &Act) -> Res<()> {
        let f = &self.module.funcs[act.func];
        if f.kind == FuncKind::Sync {
            self.sync_depth -= 1;
        }
        for (slot, state) in f.slots.keys().zip(&act.slots) {
            if state.owned && !self.abort {
                return Err(format!("{} ends while {slot} is owned", f.name));
            }
            if state.addr != 0 {
                self.started.remove(&state.addr);
                self.world.memory.free(state.addr)?;
            }
        }
        Ok(())
    }

    pub(crate) fn set_results(&self, act: &mut Act, inst: Inst, vals: &[Val]) -> Res<()> {
        let results = &self.module.funcs[act.func].insts[inst].results;
        if results.len() != vals.len() {
            return Err(format!("{inst} has {} results, not {}", results.len(), vals.len()));
        }
        for (r, v) in results.iter().zip(vals) {
            act.vals[r.index()] = *v;
        }
        Ok(())
    }

    // ---- slots -------------------------------------------------------------------------------

    pub(crate) fn slot_ty(&self, act: &Act, slot: Slot) -> Ty {
        self.module.funcs[act.func].slots[slot].ty
    }

    fn slot_owner(&self, act: &Act, slot: Slot) -> bool {
        self.owns && self.module.needs_drop(self.slot_ty(act, slot))
    }

    /// Address of a slot; its storage is made at the first use.
    pub(crate) fn slot_addr(&mut self, act: &mut Act, slot: Slot) -> u64 {
        if act.slots[slot.index()].addr == 0 {
            let (size, align) = self.module.size_align(self.slot_ty(act, slot));
            act.slots[slot.index()].addr = self.world.memory.alloc(size, align, 0, "slot");
        }
        act.slots[slot.index()].addr
    }

    fn slot_len(&self, act: &Act, slot: Slot) -> usize {
        self.module.size_align(self.slot_ty(act, slot)).0 as usize
    }

    /// The slot becomes owned.
    pub(crate) fn own(&mut self, act: &mut Act, slot: Slot) -> Res<()> {
        if self.slot_owner(act, slot) {
            if act.slots[slot.index()].owned {
                return Err(format!("{slot} gets contents while it owns some"));
            }
            act.slots[slot.index()].owned = true;
        }
        Ok(())
    }

    /// The slot ceases to be owned; it must be.
    pub(crate) fn disown(&mut self, act: &mut Act, slot: Slot) -> Res<()> {
        if self.slot_owner(act, slot) {
            if !act.slots[slot.index()].owned {
                return Err(format!("{slot} is dropped or moved but owns nothing"));
            }
            act.slots[slot.index()].owned = false;
        }
        Ok(())
    }

    /// Moves the contents out of a slot, whose bytes are undefined afterwards.
    pub(crate) fn take_slot(&mut self, act: &mut Act, slot: Slot) -> Res<Datum> {
        self.disown(act, slot)?;
        let addr = self.slot_addr(act, slot);
        if self.started.contains_key(&addr) {
            return Err(format!("{slot} holds a started generator, which cannot move"));
        }
        let len = self.slot_len(act, slot);
        let datum = match self.slot_ty(act, slot) {
            Ty::Value(t) => Datum::Val(self.world.memory.load(addr, t)?),
            _ => Datum::Bytes(self.world.memory.read(addr, len)?),
        };
        self.world.memory.forget(addr, len)?;
        Ok(datum)
    }

    /// Moves contents into a slot, which owns them.
    pub(crate) fn put_slot(&mut self, act: &mut Act, slot: Slot, datum: Datum) -> Res<()> {
        self.own(act, slot)?;
        let addr = self.slot_addr(act, slot);
        match (self.slot_ty(act, slot), datum) {
            (Ty::Value(t), Datum::Val(val)) => self.world.memory.store(addr, t, val),
            (_, Datum::Bytes(b)) if b.data.len() == self.slot_len(act, slot) => {
                self.world.memory.write(addr, &b)
            }
            _ => Err(format!("{slot} is given a thing of another type")),
        }
    }

    pub(crate) fn args(&mut self, act: &mut Act, args: &[Arg]) -> Res<Vec<Datum>> {
        let mut out = Vec::with_capacity(args.len());
        for arg in args {
            out.push(match *arg {
                Arg::Value(v) => Datum::Val(act.get(v)),
                Arg::Move(slot) => self.take_slot(act, slot)?,
            });
        }
        Ok(out)
    }

    /// Arguments of the host: bits, and addresses of moved slots.
    pub(crate) fn host_args(&mut self, act: &mut Act, args: &[Arg]) -> Res<Vec<u128>> {
        let mut out = Vec::with_capacity(args.len());
        for arg in args {
            out.push(match *arg {
                Arg::Value(v) => act.known(v)?,
                Arg::Move(slot) => {
                    self.disown(act, slot)?;
                    self.slot_addr(act, slot).into()
                }
            });
        }
        Ok(out)
    }

    /// Slots that moved into the host have undefined bytes from now on.
    pub(crate) fn forget_moved(&mut self, act: &mut Act, args: &[Arg]) -> Res<()> {
        for arg in args {
            if let Arg::Move(slot) = *arg {
                let (addr, len) = (self.slot_addr(act, slot), self.slot_len(act, slot));
                self.world.memory.forget(addr, len)?;
            }
        }
        Ok(())
    }

    /// Hands results over: slots to their destinations; answers the values.
    pub(crate) fn take_results(
        &mut self,
        act: &mut Act,
        dests: &[Slot],
        results: Vec<Datum>,
    ) -> Res<Vec<Val>> {
        let (mut vals, mut dests) = (Vec::new(), dests.iter());
        for r in results {
            match r {
                Datum::Val(v) => vals.push(v),
                bytes @ Datum::Bytes(_) => {
                    let slot = *dests.next().ok_or("a result has no destination")?;
                    self.put_slot(act, slot, bytes)?;
                }
            }
        }
        if dests.next().is_some() { Err("too few results".into()) } else { Ok(vals) }
    }

    // ---- the host ----------------------------------------------------------------------------

    pub(crate) fn import(
        &mut self,
        import: Import,
        args: &[u128],
    ) -> Res<Result<Vec<Datum>, HostFault>> {
        let host = self.host.as_mut();
        let done = host::call_import(&mut self.world, host, self.module, import, args)?;
        match done {
            Err(fault) => {
                self.world.fault(fault.code, fault.payload, false);
                Ok(Err(fault))
            }
            Ok(values) => {
                let types = &self.module.imports[import].sig.results;
                Ok(Ok(self.host_values(types, values)?))
            }
        }
    }

    fn host_values(&self, types: &[Ty], values: Vec<HostValue>) -> Res<Vec<Datum>> {
        if types.len() != values.len() {
            return Err(format!("the host answers {} results, not {}", values.len(), types.len()));
        }
        let one = |(ty, value): (&Ty, HostValue)| match (ty, value) {
            (Ty::Value(t), HostValue::Bits(b)) => Ok(Datum::Val(Val::new(cut(b, *t)))),
            (Ty::Value(_), _) | (_, HostValue::Bits(_)) => Err("the host mixes up a result".into()),
            (ty, HostValue::Bytes(b)) if b.len() as u32 == self.module.size_align(*ty).0 => {
                Ok(Datum::Bytes(Bytes::known(b)))
            }
            _ => Err("the host answers a result of another size".into()),
        };
        types.iter().zip(values).map(one).collect()
    }

    pub(crate) fn start_op(&mut self, op: HostOp, args: Vec<u128>) -> Res<u32> {
        let host = self.host.as_mut();
        host::start_op(&mut self.world, host, self.module, &self.script, op, args)
    }

    /// Polls an operation: its end with its results, or nothing yet.
    pub(crate) fn poll_op(&mut self, n: u32, op: HostOp) -> Res<Option<Finish>> {
        let host = self.host.as_mut();
        Ok(match host::poll_op(&mut self.world, host, self.module, n)? {
            Polled::Pending => None,
            Polled::Failed => Some(Finish::status(VT_FAULTED)),
            Polled::Ready(values) => {
                let results = self.host_values(&self.module.ops[op].results, values)?;
                Some(Finish { status: VT_DONE, results })
            }
        })
    }

    pub(crate) fn cancel_op(&mut self, n: u32) -> Res<Finish> {
        let host = self.host.as_mut();
        host::end_op(&mut self.world, host, self.module, n, OpEnd::Cancelled)?;
        Ok(Finish::status(VT_CANCELLED))
    }

    // ---- edges -------------------------------------------------------------------------------

    /// Goes along an edge. All arguments are read before any parameter is written.
    pub(crate) fn take_edge(
        &mut self,
        act: &mut Act,
        edge: &BlockCall,
        results: &[Val],
        cause: Option<u32>,
    ) -> Res<()> {
        let mut vals = Vec::with_capacity(edge.args.len());
        for arg in &edge.args {
            vals.push(match *arg {
                BlockArg::Value(v) => act.get(v),
                BlockArg::Result(n) => {
                    *results.get(n as usize).ok_or_else(|| format!("there is no result {n}"))?
                }
                BlockArg::Cause => Val::new(cause.ok_or("an edge without a cause")?.into()),
            });
        }
        let params = &self.module.funcs[act.func].blocks[edge.block].params;
        if params.len() != vals.len() {
            return Err(format!("{} is given {} arguments", edge.block, vals.len()));
        }
        for (p, v) in params.iter().zip(vals) {
            act.vals[p.index()] = v;
        }
        (act.block, act.idx) = (edge.block, 0);
        Ok(())
    }
}
