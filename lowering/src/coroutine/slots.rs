//! Slots as places: what a coroutine's instructions do to each of its slots.
//!
//! In: a normalised coroutine. Out: a [`Body`] over its slots. Results that travel by slot are
//! filled at the start of the edge block (N2); a slot that is drained is taken there. Addresses that are only loaded from, stored to or
//! copied through count as reads and writes of the slot; any other use of an address is an escape.

use super::places::{Body, Event};
use crate::ir::{
    Awaitee, Block, EntityRef, Function, Inst, InstKind, Slot, SlotAccess, Terminator, Ty, Value,
    ValueDef,
};
use std::collections::BTreeMap;

/// Events of all blocks.
#[derive(Debug)]
pub(crate) struct SlotBody {
    entry: usize,
    successors: Vec<Vec<usize>>,
    events: Vec<Vec<Event>>,
    params: Vec<usize>,
    n_slots: usize,
}

impl SlotBody {
    pub(crate) fn new(f: &Function) -> Self {
        let direct = direct_addresses(f);
        let mut events = vec![Vec::new(); f.blocks.len()];
        for (block, data) in f.blocks.iter() {
            let out = &mut events[block.index()];
            for &inst in &data.insts {
                inst_events(f, inst, &direct, out);
            }
            let Some(term) = &data.term else { continue };
            let mut filled = Vec::new();
            let drains = matches!(term, Terminator::Await { awaitee: Awaitee::Drain(_), .. });
            let mut drained = None;
            term.for_each_slot_use(|slot, access| match access {
                SlotAccess::DestOn(edge) => filled.push((slot, edge)),
                // The generator is in its slot until its cleanup is over.
                SlotAccess::Await if drains => drained = Some(slot),
                access => out.extend(event(slot, access)),
            });
            let targets: Vec<Block> = term.targets().iter().map(|t| t.block).collect();
            for (slot, edge) in filled {
                events[targets[edge as usize].index()].insert(0, Event::Fill(slot.index()));
            }
            for (slot, target) in drained.iter().flat_map(|s| targets.iter().map(move |t| (s, t))) {
                events[target.index()].insert(0, Event::Take(slot.index()));
            }
        }
        Self {
            entry: f.entry.index(),
            successors: f
                .blocks
                .values()
                .map(|b| {
                    let targets = b.term.as_ref().map(|t| t.targets()).unwrap_or_default();
                    targets.iter().map(|t| t.block.index()).collect()
                })
                .collect(),
            events,
            params: f
                .slots
                .iter()
                .filter(|(_, s)| s.param.is_some())
                .map(|(k, _)| k.index())
                .collect(),
            n_slots: f.slots.len(),
        }
    }
}

impl Body for SlotBody {
    fn n_blocks(&self) -> usize {
        self.events.len()
    }
    fn entry(&self) -> usize {
        self.entry
    }
    fn successors(&self, block: usize) -> Vec<usize> {
        self.successors[block].clone()
    }
    fn n_places(&self) -> usize {
        self.n_slots
    }
    fn params(&self) -> Vec<usize> {
        self.params.clone()
    }
    fn events(&self, block: usize) -> &[Event] {
        &self.events[block]
    }
}

/// Addresses of slots, and addresses derived from them, that are used directly only.
fn direct_addresses(f: &Function) -> BTreeMap<Value, Slot> {
    let mut direct = BTreeMap::new();
    // Definitions precede uses in the table for addresses of addresses made by one frontend pass;
    // iterate for the rare case that they do not.
    loop {
        let before = direct.len();
        for inst in f.insts.values() {
            match inst.kind {
                InstKind::SlotAddr { slot, .. } => {
                    inst.results.first().map(|&v| direct.insert(v, slot));
                }
                InstKind::PtrOffset { base, .. } => {
                    if let (Some(&slot), Some(&v)) = (direct.get(&base), inst.results.first()) {
                        direct.insert(v, slot);
                    }
                }
                _ => {}
            }
        }
        if direct.len() == before {
            break;
        }
    }
    // Whatever is used in another way escapes, and so do the addresses it was derived from.
    let mut escaped: Vec<Value> = Vec::new();
    for block in f.blocks.values() {
        for &inst in &block.insts {
            let kind = &f.insts[inst].kind;
            match kind {
                InstKind::Load { .. } | InstKind::Copy { .. } | InstKind::PtrOffset { .. } => {}
                InstKind::Store { value, .. } => escaped.push(*value),
                _ => kind.for_each_use(|v| escaped.push(v)),
            }
        }
        if let Some(term) = &block.term {
            term.for_each_use(|v| escaped.push(v));
        }
    }
    while let Some(v) = escaped.pop() {
        if direct.remove(&v).is_some()
            && let ValueDef::Inst(inst, _) = f.values[v].def
            && let InstKind::PtrOffset { base, .. } = f.insts[inst].kind
        {
            escaped.push(base);
        }
    }
    direct
}

fn inst_events(f: &Function, inst: Inst, direct: &BTreeMap<Value, Slot>, out: &mut Vec<Event>) {
    let at = |v: &Value| direct.get(v).map(|s| s.index());
    let kind = &f.insts[inst].kind;
    match kind {
        InstKind::SlotAddr { slot, .. } => {
            if at(&f.result(inst)).is_none() {
                out.push(Event::Escape(slot.index()));
            }
        }
        InstKind::SlotStore { slot, .. } if matches!(f.slots[*slot].ty, Ty::Value(_)) => {
            out.push(Event::Fill(slot.index()));
        }
        InstKind::Load { addr, .. } => out.extend(at(addr).map(Event::Read)),
        InstKind::Store { addr, .. } => out.extend(at(addr).map(Event::Write)),
        InstKind::Copy { dst, src, .. } => {
            out.extend(at(src).map(Event::Read));
            out.extend(at(dst).map(Event::Write));
        }
        kind => kind.for_each_slot_use(|slot, access| out.extend(event(slot, access))),
    }
}

fn event(slot: Slot, access: SlotAccess) -> Option<Event> {
    let p = slot.index();
    Some(match access {
        SlotAccess::Load | SlotAccess::Next => Event::Read(p),
        SlotAccess::Drop | SlotAccess::MoveFrom | SlotAccess::Await => Event::Take(p),
        SlotAccess::Store => Event::Write(p),
        SlotAccess::MoveTo => Event::Fill(p),
        SlotAccess::Live | SlotAccess::Dead | SlotAccess::Forget => Event::Reset(p),
        SlotAccess::Addr => Event::Escape(p),
        SlotAccess::Init | SlotAccess::DestOn(_) => return None,
    })
}
