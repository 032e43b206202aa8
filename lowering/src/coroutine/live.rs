//! What is live across each suspend point: the facts that the layout works from.
//!
//! In: a normalised coroutine. Out: a [`Live`]. By N2 a thing is live across a suspend point if it
//! is live into one of its edge blocks, results excluded.

use super::places::{Body, PlaceLiveness};
use super::slots::SlotBody;
use super::values::{ValueLiveness, def_blocks};
use crate::ir::{
    Block, EntityRef, EntityVec, FuncKind, Function, Module, Slot, Suspend, Terminator, Ty, Value,
};
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use std::collections::BTreeSet;

/// Liveness of one coroutine.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) body: SlotBody,
    pub(crate) places: PlaceLiveness,
    pub(crate) values: ValueLiveness,
    /// Slots that live in the frame: live across a suspend, parameters, generators.
    pub(crate) resident: Vec<Slot>,
    /// Per suspend point, slots live across it.
    pub(crate) slots_across: EntityVec<Suspend, Vec<Slot>>,
    /// Per suspend point, values live across it.
    pub(crate) values_across: EntityVec<Suspend, Vec<Value>>,
    /// Values live across some suspend point.
    pub(crate) across_any: BTreeSet<Value>,
    /// Those that are defined outside a loop and live across a suspend point inside it.
    pub(crate) through_loops: Vec<Value>,
    /// Per block, slots that are live or touched somewhere in it.
    pub(crate) touched: EntityVec<Block, Vec<Slot>>,
}

impl Live {
    pub(crate) fn new(module: &Module, f: &Function) -> Self {
        let body = SlotBody::new(f);
        let places = PlaceLiveness::new(&body);
        let values = ValueLiveness::new(f);
        let mut slots_across: EntityVec<Suspend, Vec<Slot>> =
            f.suspends.keys().map(|_| Vec::new()).collect();
        let mut values_across: EntityVec<Suspend, Vec<Value>> =
            f.suspends.keys().map(|_| Vec::new()).collect();
        let mut suspend_blocks = Vec::new();
        for (block, data) in f.blocks.iter() {
            let Some(term) = &data.term else { continue };
            let Some(point) = term.suspend_point() else { continue };
            suspend_blocks.push((block, point));
            for edge in term.targets() {
                slots_across[point]
                    .extend(places.live_in(edge.block.index()).iter().map(Slot::new));
                values_across[point].extend(values.live_in(edge.block));
            }
            slots_across[point].sort_unstable();
            slots_across[point].dedup();
            values_across[point].sort_unstable();
            values_across[point].dedup();
        }
        let mut resident: BTreeSet<Slot> = slots_across.values().flatten().copied().collect();
        for (slot, data) in f.slots.iter() {
            let generator =
                matches!(data.ty, Ty::Future(g) if module.funcs[g].kind == FuncKind::Generator);
            if data.param.is_some() || generator {
                resident.insert(slot);
            }
        }
        let touched = f.blocks.keys().map(|b| touched_slots(&body, &places, b)).collect();
        Self {
            resident: resident.into_iter().collect(),
            across_any: values_across.values().flatten().copied().collect(),
            through_loops: through_loops(f, &suspend_blocks, &values_across),
            slots_across,
            values_across,
            touched,
            body,
            places,
            values,
        }
    }
}

fn touched_slots(body: &SlotBody, places: &PlaceLiveness, block: Block) -> Vec<Slot> {
    let b = block.index();
    let mut slots: BTreeSet<usize> = body.events(b).iter().map(|e| e.place()).collect();
    // Only events change what is live, so the two ends of the block say the rest.
    slots.extend(places.live_in(b).iter());
    slots.extend(places.live_out(b));
    slots.into_iter().map(Slot::new).collect()
}

/// Values that are live across a suspend point inside a cycle that does not contain their
/// definition. Cycles are strongly connected components of the graph; loops nested in one another
/// count as one.
fn through_loops(
    f: &Function,
    suspend_blocks: &[(Block, Suspend)],
    values_across: &EntityVec<Suspend, Vec<Value>>,
) -> Vec<Value> {
    let mut graph = DiGraph::<(), ()>::new();
    for _ in f.blocks.keys() {
        graph.add_node(());
    }
    let node = |b: Block| NodeIndex::new(b.index());
    let mut loops_to_itself = vec![false; f.blocks.len()];
    for (block, data) in f.blocks.iter() {
        for edge in data.term.iter().flat_map(Terminator::targets) {
            graph.add_edge(node(block), node(edge.block), ());
            loops_to_itself[block.index()] |= edge.block == block;
        }
    }
    let mut component = vec![0usize; f.blocks.len()];
    let mut is_cycle = Vec::new();
    for (n, members) in kosaraju_scc(&graph).into_iter().enumerate() {
        is_cycle.push(members.len() > 1 || loops_to_itself[members[0].index()]);
        members.iter().for_each(|m| component[m.index()] = n);
    }
    let homes = def_blocks(f);
    let mut out = BTreeSet::new();
    for &(block, point) in suspend_blocks {
        let c = component[block.index()];
        if !is_cycle[c] {
            continue;
        }
        out.extend(
            values_across[point]
                .iter()
                .copied()
                .filter(|&v| homes[v].is_some_and(|home| component[home.index()] != c)),
        );
    }
    out.into_iter().collect()
}
