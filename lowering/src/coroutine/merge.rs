//! Merges suspend points that cannot be told apart.
//!
//! In: a normalised coroutine. Out: the same, in which two blocks that do the same to the same
//! values, suspend in the same way at the same source position and go on to the same places are one
//! block. A frontend that writes a cleanup once per exit makes such twins; each would cost a state.
//! Positions must be equal, or the dump would lie about where a task waits.

use crate::ir::{Block, BlockCall, Function, Inst, InstKind, Terminator, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Merges; returns how many suspend points are gone.
pub(crate) fn merge(f: &mut Function) -> usize {
    let mut twins: BTreeMap<Block, Block> = BTreeMap::new();
    let mut first: BTreeMap<String, Block> = BTreeMap::new();
    let private = private_values(f);
    for block in f.blocks.keys() {
        let Some(key) = key(f, block, &private) else { continue };
        match first.get(&key) {
            None => drop(first.insert(key, block)),
            Some(&twin) => drop(twins.insert(block, twin)),
        }
    }
    if !twins.is_empty() {
        redirect(f, &twins);
        super::prepare::renumber(f);
    }
    twins.len()
}

/// Values that are used in the block of their definition only.
fn private_values(f: &Function) -> BTreeSet<Value> {
    let homes = super::values::def_blocks(f);
    let mut shared = BTreeSet::new();
    for (block, data) in f.blocks.iter() {
        let mut note = |v: Value| {
            if homes[v] != Some(block) {
                shared.insert(v);
            }
        };
        data.insts.iter().for_each(|&i| f.insts[i].kind.for_each_use(&mut note));
        data.term.iter().for_each(|t| t.for_each_use(&mut note));
    }
    f.values.keys().filter(|v| !shared.contains(v)).collect()
}

/// What a block does, with its own values numbered from its start; `None` if it does not suspend or
/// others use its values. The edge blocks count by what they do: they only jump on (N2).
fn key(f: &Function, block: Block, private: &BTreeSet<Value>) -> Option<String> {
    let data = &f.blocks[block];
    let term = data.term.as_ref()?;
    let point = term.suspend_point()?;
    if !f.suspends[point].span.is_known() || f.entry == block {
        return None;
    }
    let mut numbers: BTreeMap<Value, usize> = BTreeMap::new();
    let number = |numbers: &mut BTreeMap<Value, usize>, v: Value| {
        let n = numbers.len();
        numbers.insert(v, n);
        private.contains(&v)
    };
    for &p in &data.params {
        if !number(&mut numbers, p) {
            return None;
        }
    }
    let mut text = format!("{:?} {:?} {}\n", f.suspends[point], data.term_span, data.params.len());
    let rename = |numbers: &BTreeMap<Value, usize>, v: Value| match numbers.get(&v) {
        // Numbers of the block's own values stand far above all others.
        Some(&n) => Value::from_u32(u32::MAX - n as u32),
        None => v,
    };
    for &inst in &data.insts {
        text += &inst_key(f, inst, |v| rename(&numbers, v));
        for &v in &f.insts[inst].results {
            if !number(&mut numbers, v) {
                return None;
            }
        }
    }
    let mut term = term.clone();
    term.map_uses(|v| rename(&numbers, v));
    set_point_zero(&mut term);
    for edge in term.targets_mut() {
        let target = &f.blocks[edge.block];
        if !target.insts.is_empty() {
            return None;
        }
        let Some(Terminator::Jump(to)) = &target.term else { return None };
        let mut own: BTreeMap<Value, usize> = BTreeMap::new();
        target.params.iter().enumerate().for_each(|(i, &p)| {
            own.insert(p, i + (1 << 20));
        });
        let mut to: BlockCall = to.clone();
        let mut outside = false;
        to.map_uses(|v| {
            outside |= !own.contains_key(&v) && numbers.contains_key(&v);
            rename(&own, v)
        });
        if outside {
            return None;
        }
        text += &format!("{to:?}\n");
        edge.block = Block::from_u32(0);
    }
    text += &format!("{term:?}");
    Some(text)
}

fn inst_key(f: &Function, inst: Inst, rename: impl FnMut(Value) -> Value) -> String {
    let mut kind: InstKind = f.insts[inst].kind.clone();
    kind.map_uses(rename);
    let types: Vec<_> = f.insts[inst].results.iter().map(|&v| f.value_type(v)).collect();
    format!("{kind:?} {types:?}\n")
}

fn set_point_zero(term: &mut Terminator) {
    if let Terminator::Await { point, .. }
    | Terminator::Yield { point, .. }
    | Terminator::Join { point, .. }
    | Terminator::Select { point, .. } = term
    {
        *point = crate::ir::Suspend::from_u32(0);
    }
}

/// Sends whatever goes to a key of `twins` to its twin; the keys and their edge blocks become
/// unreachable.
fn redirect(f: &mut Function, twins: &BTreeMap<Block, Block>) {
    for data in f.blocks.values_mut() {
        for edge in data.term.iter_mut().flat_map(Terminator::targets_mut) {
            edge.block = twins.get(&edge.block).copied().unwrap_or(edge.block);
        }
    }
    for &block in twins.keys() {
        let term = f.blocks[block].term.replace(Terminator::Unreachable);
        let edges: Vec<Block> =
            term.iter().flat_map(Terminator::targets).map(|edge| edge.block).collect();
        f.blocks[block].insts.clear();
        for edge in edges {
            f.blocks[edge].term = Some(Terminator::Unreachable);
        }
    }
}
