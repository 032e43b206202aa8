//! Recomputes cheap values after a suspend instead of saving them.
//!
//! In: a normalised coroutine. Out: the same, in which no value that is live across a suspend point
//! is cheap to recompute: constants, addresses, and one-step arithmetic whose operands are live
//! across the same suspend points anyway. The instruction is cloned into each block that uses the
//! value outside the block of its definition.
//!
//! The context must never be kept over a suspend; this pass is what guarantees it.

use super::values::{ValueLiveness, def_blocks};
use crate::ir::{Block, EntityVec, Function, Inst, InstKind, Suspend, Terminator, Value, ValueDef};
use std::collections::{BTreeMap, BTreeSet};

/// Longest chain of instructions recomputed for one value.
const MAX_CHAIN: u32 = 4;

/// Rematerialises; returns how many values are no longer saved.
pub(crate) fn rematerialise(f: &mut Function) -> usize {
    let cheap = cheap_values(f);
    if cheap.is_empty() {
        return 0;
    }
    let homes = def_blocks(f);
    for block in f.blocks.keys() {
        let mut local =
            Local { cheap: &cheap, homes: &homes, block, made: BTreeMap::new(), new: Vec::new() };
        let insts = f.blocks[block].insts.clone();
        for &inst in &insts {
            let mut kind = f.insts[inst].kind.clone();
            kind.map_uses(|v| local.at_hand(f, v));
            f.insts[inst].kind = kind;
        }
        if let Some(mut term) = f.blocks[block].term.take() {
            term.map_uses(|v| local.at_hand(f, v));
            f.blocks[block].term = Some(term);
        }
        let mut new = local.new;
        new.extend(insts);
        f.blocks[block].insts = new;
    }
    cheap.len()
}

/// Clones made at the start of one block.
struct Local<'a> {
    cheap: &'a BTreeSet<Value>,
    homes: &'a EntityVec<Value, Option<Block>>,
    block: Block,
    made: BTreeMap<Value, Value>,
    new: Vec<Inst>,
}

impl Local<'_> {
    fn at_hand(&mut self, f: &mut Function, v: Value) -> Value {
        if !self.cheap.contains(&v) || self.homes[v] == Some(self.block) {
            return v;
        }
        if let Some(&made) = self.made.get(&v) {
            return made;
        }
        let ValueDef::Inst(inst, _) = f.values[v].def else { return v };
        let (mut kind, span) = (f.insts[inst].kind.clone(), f.insts[inst].span);
        kind.map_uses(|operand| self.at_hand(f, operand));
        let clone = f.make_inst(kind, &[f.value_type(v)], span);
        let made = f.result(clone);
        f.values[made].name = f.values[v].name.clone();
        self.new.push(clone);
        self.made.insert(v, made);
        made
    }
}

/// Values live across a suspend point that are cheaper to recompute than to save.
fn cheap_values(f: &Function) -> BTreeSet<Value> {
    let live = ValueLiveness::new(f);
    let mut across: BTreeMap<Value, Vec<Suspend>> = BTreeMap::new();
    for data in f.blocks.values() {
        let Some(term) = &data.term else { continue };
        let Some(point) = term.suspend_point() else { continue };
        for edge in term.targets() {
            for &v in live.live_in(edge.block) {
                let points = across.entry(v).or_default();
                if points.last() != Some(&point) {
                    points.push(point);
                }
            }
        }
    }
    across.values_mut().for_each(|points| points.sort_unstable());
    let boxed = boxed_frames(f);
    let mut memo = BTreeMap::new();
    let mut cheap = BTreeSet::new();
    for &v in across.keys() {
        if !boxed.contains(&v) && is_cheap(f, &across, v, MAX_CHAIN, &mut memo) {
            add_with_operands(f, &across, v, &mut cheap);
        }
    }
    cheap
}

/// Adds `v` and those operands of its chain that are not saved anyway.
fn add_with_operands(
    f: &Function,
    across: &BTreeMap<Value, Vec<Suspend>>,
    v: Value,
    cheap: &mut BTreeSet<Value>,
) {
    let mut work = vec![v];
    while let Some(v) = work.pop() {
        if !cheap.insert(v) {
            continue;
        }
        let ValueDef::Inst(inst, _) = f.values[v].def else { continue };
        f.insts[inst].kind.for_each_use(|o| {
            if !saved_with(across, v, o) {
                work.push(o);
            }
        });
    }
}

/// Whether `operand` is live across every suspend point that `v` is live across.
fn saved_with(across: &BTreeMap<Value, Vec<Suspend>>, v: Value, operand: Value) -> bool {
    let points = across.get(&v).map_or(&[][..], |p| p);
    !points.is_empty()
        && across
            .get(&operand)
            .is_some_and(|have| points.iter().all(|p| have.binary_search(p).is_ok()))
}

/// Frames that a suspending terminator awaits must stay the values that they are.
fn boxed_frames(f: &Function) -> BTreeSet<Value> {
    let mut out = BTreeSet::new();
    let terms = f.blocks.values().filter_map(|b| b.term.as_ref());
    terms.for_each(|t: &Terminator| {
        super::values::for_each_boxed(t, |v| {
            out.insert(v);
        });
    });
    out
}

fn is_cheap(
    f: &Function,
    across: &BTreeMap<Value, Vec<Suspend>>,
    v: Value,
    depth: u32,
    memo: &mut BTreeMap<Value, bool>,
) -> bool {
    if let Some(&known) = memo.get(&v) {
        return known;
    }
    let ValueDef::Inst(inst, 0) = f.values[v].def else { return false };
    let kind = &f.insts[inst].kind;
    let answer = match kind {
        InstKind::Const { .. }
        | InstKind::Null { .. }
        | InstKind::FuncAddr(_)
        | InstKind::MachineAddr(_)
        | InstKind::DataAddr(..)
        | InstKind::DataRef(..)
        | InstKind::SlotAddr { .. }
        | InstKind::Ctx => true,
        InstKind::Unary { .. }
        | InstKind::Binary { .. }
        | InstKind::Compare { .. }
        | InstKind::Convert { .. }
        | InstKind::PtrOffset { .. }
            if depth > 0 =>
        {
            let mut operands = Vec::new();
            kind.for_each_use(|o| operands.push(o));
            operands
                .into_iter()
                .all(|o| saved_with(across, v, o) || is_cheap(f, across, o, depth - 1, memo))
        }
        _ => false,
    };
    if depth == MAX_CHAIN {
        memo.insert(v, answer);
    }
    answer
}
