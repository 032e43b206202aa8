//! An independent check of lowered coroutines.
//!
//! In: a [`Lowered`] module: machines, layout records, witnesses. Out: every violation. The checker
//! shares no code with the transform. It follows the contents of each frame symbolically, along every
//! path through the machine and from each suspending return to the entry of the state it set:
//!
//! * **C1** A load that stands for a value (says the witness) reads bytes that, on every path, were
//!   last written by a store of that same value, whole.
//! * **C2** A block parameter that stands for a value gets arguments that all stand for it.
//! * **C3** In each state, no two live things of the layout record share a byte, and all lie inside
//!   the frame.
//! * **C4** Every return that suspends has set a state that can be resumed.
//!
//! The contents of a frame are a map from byte ranges to values; where paths meet only what they
//! agree on is kept. Children, operations and branch records may write all over their own range
//! whenever they run, and do so while the frame is suspended.
//!
//! Accepted imprecision: bytes of slots are covered by C3 only; that a slot's address, once it has
//! escaped, is not used after the slot's end is the frontend's promise.
//!
//! Source: the idea of checking an allocation symbolically is regalloc2's (`src/checker.rs`).

use crate::coroutine::Lowered;
use crate::ir::{
    Arg, Block, BlockArg, CtxFn, Func, Function, Inst, InstKind, Slot, Terminator, Value, ValueDef,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use vitte_abi::{LayoutRecord, SlotRecord, SlotRole, StateRecord, VT_ITEM, VT_RUNNING, VT_YIELDED};

/// A broken guarantee: a bug of the transform.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckError {
    /// Which: `C1` to `C4`.
    pub rule: &'static str,
    /// The machine.
    pub func: Func,
    /// What is wrong, with blocks, values and offsets.
    pub message: String,
}

impl fmt::Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}: {}", self.rule, self.func, self.message)
    }
}

/// Checks all machines.
///
/// # Errors
///
/// Every violation, in the order of functions.
pub fn check(lowered: &Lowered) -> Result<(), Vec<CheckError>> {
    let mut errors = Vec::new();
    for (&func, record) in &lowered.machines {
        check_record(func, record, &mut errors);
        Checker::new(lowered, func, record).run(&mut errors);
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// C3.
fn check_record(func: Func, record: &LayoutRecord, errors: &mut Vec<CheckError>) {
    let mut report = |message| errors.push(CheckError { rule: "C3", func, message });
    for slot in &record.slots {
        if slot.offset + slot.size > record.size {
            report(format!("{} ends past the frame of {} bytes", slot.name, record.size));
        }
        if slot.align != 0 && slot.offset % slot.align != 0 {
            report(format!("{} at {} is not aligned to {}", slot.name, slot.offset, slot.align));
        }
    }
    let always: Vec<u32> = (0u32..)
        .zip(&record.slots)
        .filter(|(_, s)| s.role == SlotRole::Tag)
        .map(|(i, _)| i)
        .collect();
    for state in &record.states {
        let live: Vec<u32> = always.iter().chain(&state.live).copied().collect();
        for (n, &a) in live.iter().enumerate() {
            for &b in &live[..n] {
                let (x, y) = (&record.slots[a as usize], &record.slots[b as usize]);
                let apart = x.offset + x.size <= y.offset || y.offset + y.size <= x.offset;
                if a != b && !apart && x.size != 0 && y.size != 0 {
                    report(format!("{} and {} overlap in state {}", x.name, y.name, state.name));
                }
            }
        }
    }
}

/// What is known of a frame at a point.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Contents {
    /// Offset → (bytes, value last stored there).
    known: BTreeMap<u32, (u32, Value)>,
    /// The state last set, if paths agree.
    state: Option<u32>,
}

impl Contents {
    fn forget(&mut self, at: u32, bytes: u32) {
        let end = at.saturating_add(bytes);
        self.known.retain(|&o, &mut (n, _)| o + n <= at || end <= o);
    }

    fn write(&mut self, at: u32, bytes: u32, value: Value) {
        self.forget(at, bytes);
        self.known.insert(at, (bytes, value));
    }

    /// Keeps what both agree on; whether anything was lost.
    fn meet(&mut self, other: &Self) -> bool {
        let before = (self.known.len(), self.state);
        self.known.retain(|o, v| other.known.get(o) == Some(v));
        if self.state != other.state {
            self.state = None;
        }
        before != (self.known.len(), self.state)
    }
}

struct Checker<'a> {
    lowered: &'a Lowered,
    func: Func,
    f: &'a Function,
    record: &'a LayoutRecord,
    stands_for: &'a BTreeMap<Value, Value>,
    /// Addresses inside the frame.
    offsets: BTreeMap<Value, u32>,
    /// Per slot on the native stack, the addresses inside the frame that are stored in it.
    held: BTreeMap<Slot, BTreeSet<u32>>,
    /// Entry of each suspended state.
    entries: BTreeMap<Block, u32>,
    at_entry: BTreeMap<Block, Contents>,
}

impl<'a> Checker<'a> {
    fn new(lowered: &'a Lowered, func: Func, record: &'a LayoutRecord) -> Self {
        let f = &lowered.module.funcs[func];
        let witness = &lowered.witnesses[&func];
        let mut offsets = BTreeMap::new();
        if let Some(&frame) = f.blocks[f.entry].params.get(1) {
            offsets.insert(frame, 0);
        }
        // Blocks may stand in any order: repeat until no address is new.
        loop {
            let before = offsets.len();
            for inst in f.insts.values() {
                if let InstKind::PtrOffset { base, offset } = inst.kind
                    && let Some(&at) = offsets.get(&base)
                    && let (Some(&v), Ok(offset)) = (inst.results.first(), u32::try_from(offset))
                {
                    offsets.insert(v, at + offset);
                }
            }
            if offsets.len() == before {
                break;
            }
        }
        let mut held: BTreeMap<Slot, BTreeSet<u32>> = BTreeMap::new();
        for inst in f.insts.values() {
            if let InstKind::SlotStore { slot, value, .. } = inst.kind
                && let Some(&at) = offsets.get(&value)
            {
                held.entry(slot).or_default().insert(at);
            }
        }
        let entries = (3..)
            .zip(&witness.resumes)
            .filter_map(|(state, block)| block.map(|b| (b, state)))
            .collect();
        Self {
            lowered,
            func,
            f,
            record,
            stands_for: &witness.stands_for,
            offsets,
            held,
            entries,
            at_entry: BTreeMap::new(),
        }
    }

    /// The value of the coroutine that a value of the machine is.
    fn name(&self, v: Value) -> Value {
        self.stands_for.get(&v).copied().unwrap_or(v)
    }

    fn run(&mut self, errors: &mut Vec<CheckError>) {
        self.at_entry.insert(self.f.entry, Contents { known: BTreeMap::new(), state: Some(0) });
        let mut work = vec![self.f.entry];
        while let Some(block) = work.pop() {
            let contents = self.through(block, &mut Vec::new());
            for (next, contents) in self.flows(block, contents, &mut Vec::new()) {
                let changed = match self.at_entry.get_mut(&next) {
                    Some(old) => old.meet(&contents),
                    None => {
                        self.at_entry.insert(next, contents);
                        true
                    }
                };
                if changed {
                    work.push(next);
                }
            }
        }
        // The facts are final: now, and only now, say what does not hold.
        for block in self.at_entry.keys().copied().collect::<Vec<_>>() {
            let contents = self.through(block, errors);
            self.flows(block, contents, errors);
            self.check_args(block, errors);
        }
    }

    /// Contents at the end of a block.
    fn through(&self, block: Block, errors: &mut Vec<CheckError>) -> Contents {
        let mut c = self.at_entry[&block].clone();
        if let Some(&state) = self.entries.get(&block) {
            c.state = Some(state);
        }
        for &inst in &self.f.blocks[block].insts {
            self.inst(block, inst, &mut c, errors);
        }
        if let Some(Terminator::Call { args, .. }) = &self.f.blocks[block].term {
            self.passed(args, &mut c);
        }
        c
    }

    fn inst(&self, block: Block, inst: Inst, c: &mut Contents, errors: &mut Vec<CheckError>) {
        let data = &self.f.insts[inst];
        match &data.kind {
            InstKind::Store { addr, offset, value } => {
                let Some(at) = self.place(*addr, *offset) else { return };
                let bytes = self.f.value_type(*value).bytes();
                c.write(at, bytes, self.name(*value));
                if u64::from(at) == self.record.tag_offset {
                    c.state = Some(self.constant(*value).unwrap_or(1));
                }
            }
            InstKind::Load { addr, offset, ty } => {
                let Some(at) = self.place(*addr, *offset) else { return };
                let Some(&result) = data.results.first() else { return };
                let known = c.known.get(&at).copied();
                match self.stands_for.get(&result) {
                    Some(&v) if known != Some((ty.bytes(), v)) => errors.push(CheckError {
                        rule: "C1",
                        func: self.func,
                        message: format!(
                            "{block}: {result} should be {v}, but {at} holds {}",
                            known.map_or("nothing certain".to_owned(), |(n, v)| format!(
                                "{v} ({n} bytes)"
                            ))
                        ),
                    }),
                    Some(_) => {}
                    // What is read is there.
                    None if known.is_none() => c.write(at, ty.bytes(), result),
                    None => {}
                }
            }
            InstKind::Copy { dst, bytes, .. } => {
                if let Some(at) = self.place(*dst, 0) {
                    c.forget(at, *bytes);
                }
            }
            InstKind::ResumeFunc { func, frame } => {
                if let Some(at) = self.place(*frame, 0) {
                    let used = self.lowered.machines.get(func).map_or(0, |r| r.used);
                    c.forget(at, used as u32);
                }
            }
            InstKind::OpStart { op, storage, args } => {
                if let Some(at) = self.place(*storage, 0) {
                    c.forget(at, self.lowered.module.ops[*op].size);
                }
                self.passed(args, c);
            }
            InstKind::OpPoll { op, storage } => {
                if let Some(at) = self.place(*storage, 0) {
                    c.forget(at, self.lowered.module.ops[*op].size);
                }
            }
            InstKind::ResumePtr { frame, .. } => self.forget_slot_at(*frame, c),
            InstKind::CtxCall { func: CtxFn::Branches, args } => {
                if let Some(&leaves) = args.first() {
                    self.forget_branches(leaves, c);
                }
            }
            InstKind::Call { args, .. } => self.passed(args, c),
            _ => {}
        }
    }

    fn place(&self, addr: Value, offset: i32) -> Option<u32> {
        self.offsets.get(&addr)?.checked_add_signed(offset)
    }

    /// The slot on the native stack that an address is the start of.
    fn slot_at(&self, addr: Value) -> Option<Slot> {
        let ValueDef::Inst(inst, _) = self.f.values[addr].def else { return None };
        match self.f.insts[inst].kind {
            InstKind::SlotAddr { slot, offset: 0 } => Some(slot),
            _ => None,
        }
    }

    fn constant(&self, v: Value) -> Option<u32> {
        let ValueDef::Inst(inst, _) = self.f.values[v].def else { return None };
        match self.f.insts[inst].kind {
            InstKind::Const { bits, .. } => u32::try_from(bits).ok(),
            _ => None,
        }
    }

    /// Addresses that are passed on: their slots may be written.
    fn passed(&self, args: &[Arg], c: &mut Contents) {
        for arg in args {
            if let Arg::Value(v) = arg {
                self.forget_slot_at(*v, c);
            }
        }
    }

    /// The slot at an address may be written. Where several share the place, by their start or by
    /// any byte, which one is meant is not known: then what they have in common.
    fn forget_slot_at(&self, addr: Value, c: &mut Contents) {
        let Some(at) = self.place(addr, 0).map(u64::from) else { return };
        let slots = || {
            let all = self.record.slots.iter();
            all.filter(|s| matches!(s.role, SlotRole::Slot | SlotRole::Param) && s.size > 8)
        };
        let starts = slots().any(|s| s.offset == at);
        let covers = |s: &&SlotRecord| (s.offset..s.offset + s.size).contains(&at);
        let here = slots().filter(|s| if starts { s.offset == at } else { covers(s) });
        let ranges = here.map(|s| (s.offset, s.offset + s.size));
        if let Some((from, to)) = ranges.reduce(|a, b| (a.0.max(b.0), a.1.min(b.1))) {
            c.forget(from as u32, (to - from) as u32);
        }
    }

    /// Branches run whose leaves lie at `leaves`: in the frame, or on the native stack with the
    /// addresses of the children and operations. Everything that is bound to the same states is
    /// forgotten. Which state is meant is not known where several share the places: then what is
    /// bound to all of them.
    fn forget_branches(&self, leaves: Value, c: &mut Contents) {
        let slots = |s: &StateRecord| -> Vec<&SlotRecord> {
            s.live.iter().map(|&i| &self.record.slots[i as usize]).collect()
        };
        let places: Vec<u32> = match (self.place(leaves, 0), self.slot_at(leaves)) {
            (Some(at), _) => vec![at],
            (None, Some(slot)) => self.held.get(&slot).into_iter().flatten().copied().collect(),
            (None, None) => Vec::new(),
        };
        if places.is_empty() {
            return;
        }
        let has = |slots: &[&SlotRecord], at: u32| {
            slots.iter().any(|s| is_bound(s) && s.offset == u64::from(at))
        };
        let all_here = |s: &&StateRecord| places.iter().all(|&at| has(&slots(s), at));
        let states = self.record.states.iter().filter(all_here);
        let mut common: Option<Vec<(u64, u64)>> = None;
        for state in states {
            let bound = slots(state).into_iter().filter(|s| is_bound(s));
            let ranges: Vec<(u64, u64)> = bound.map(|s| (s.offset, s.offset + s.size)).collect();
            common = Some(match common {
                None => ranges,
                Some(before) => before
                    .iter()
                    .flat_map(|a| ranges.iter().map(move |b| (a.0.max(b.0), a.1.min(b.1))))
                    .filter(|(from, to)| from < to)
                    .collect(),
            });
        }
        for (from, to) in common.into_iter().flatten() {
            c.forget(from as u32, (to - from) as u32);
        }
    }

    /// What runs, or is written by others, while the frame is in a state.
    fn forget_bound(&self, state: u32, c: &mut Contents) {
        let Some(state) = self.record.states.iter().find(|s| s.id == state) else { return };
        for &i in &state.live {
            let slot = &self.record.slots[i as usize];
            if is_bound(slot) {
                c.forget(slot.offset as u32, slot.size as u32);
            }
        }
    }

    /// Where control goes from the end of a block, with the contents it finds there.
    fn flows(
        &self,
        block: Block,
        c: Contents,
        errors: &mut Vec<CheckError>,
    ) -> Vec<(Block, Contents)> {
        let Some(term) = &self.f.blocks[block].term else { return Vec::new() };
        if let Terminator::Return(args) = term {
            return self.suspended(block, args, c, errors);
        }
        let mut out = Vec::new();
        for edge in term.targets() {
            // States are entered from returns; the dispatch only finds the way.
            if self.entries.contains_key(&edge.block) {
                continue;
            }
            let mut next = c.clone();
            // An argument that was just read from the frame: there, the parameter is as well. Where
            // it was stored besides, it stays what it is.
            for (arg, &param) in edge.args.iter().zip(&self.f.blocks[edge.block].params) {
                if let BlockArg::Value(v) = arg
                    && let Some(at) = self.loaded_from(*v, block)
                    && let Some(entry) = next.known.get_mut(&at)
                    && entry.1 == *v
                {
                    entry.1 = self.name(param);
                }
            }
            out.push((edge.block, next));
        }
        out
    }

    /// Where in the frame a plain load of this block read a value.
    fn loaded_from(&self, v: Value, block: Block) -> Option<u32> {
        let ValueDef::Inst(inst, _) = self.f.values[v].def else { return None };
        let InstKind::Load { addr, offset, .. } = self.f.insts[inst].kind else { return None };
        let here = self.f.blocks[block].insts.contains(&inst);
        if !here || self.stands_for.contains_key(&v) {
            return None;
        }
        self.place(addr, offset)
    }

    /// From a suspending return to the entry of the state.
    fn suspended(
        &self,
        block: Block,
        args: &[Arg],
        mut c: Contents,
        errors: &mut Vec<CheckError>,
    ) -> Vec<(Block, Contents)> {
        let status = match args {
            [Arg::Value(v)] => self.constant(*v),
            _ => None,
        };
        let suspends = status.is_none_or(|s| [VT_RUNNING, VT_YIELDED, VT_ITEM].contains(&s));
        let over = matches!(c.state, Some(1 | 2));
        if !suspends || (over && status.is_none()) {
            return Vec::new();
        }
        let entry = c.state.and_then(|s| self.entries.iter().find(|e| *e.1 == s));
        let Some((&entry, &state)) = entry else {
            errors.push(CheckError {
                rule: "C4",
                func: self.func,
                message: format!("{block} suspends in state {:?}, which has no entry", c.state),
            });
            return Vec::new();
        };
        self.forget_bound(state, &mut c);
        vec![(entry, c)]
    }

    /// C2.
    fn check_args(&self, block: Block, errors: &mut Vec<CheckError>) {
        let Some(term) = &self.f.blocks[block].term else { return };
        for edge in term.targets() {
            for (arg, param) in edge.args.iter().zip(&self.f.blocks[edge.block].params) {
                if let (BlockArg::Value(v), Some(&want)) = (arg, self.stands_for.get(param))
                    && self.name(*v) != want
                {
                    errors.push(CheckError {
                        rule: "C2",
                        func: self.func,
                        message: format!(
                            "{block} passes {v} for {param} of {}, which stands for {want}",
                            edge.block
                        ),
                    });
                }
            }
        }
    }
}

/// Whether others write to the slot while the frame is in a state that has it.
fn is_bound(slot: &SlotRecord) -> bool {
    matches!(slot.role, SlotRole::Child | SlotRole::Op | SlotRole::Branches)
}

#[cfg(test)]
mod tests;
