//! A slot whose address outlives a suspend does not move under it.
//!
//! Reported only where it is certain that the program is wrong: the address was taken (by
//! `slot_addr`, `ptr_offset` on it included), a suspend lies between that and the move, and the
//! address is used after the move. Addresses that went through memory or block parameters are not
//! followed.
//!
//! Cost: three walks of the graph per moved slot and address of it; in total at most [`MAX_STEPS`]
//! blocks, beyond which nothing more is looked for.

use super::{Entity, Report, insts};
use crate::ir::cfg::Cfg;
use crate::ir::entity::{Block, EntityRef, Slot, Value};
use crate::ir::function::Function;
use crate::ir::inst::{InstKind, Terminator};
use crate::ir::visit::SlotAccess;
use std::collections::BTreeMap;

const MAX_STEPS: usize = 10_000_000;

/// A place in the function: block and position; the terminator is behind all instructions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Point {
    block: Block,
    position: usize,
}

pub(super) fn check(r: &mut Report<'_>, func: &Function, cfg: &Cfg) {
    if func.suspends.is_empty() {
        return;
    }
    let mut addresses: BTreeMap<Value, Slot> = BTreeMap::new();
    let mut taken: BTreeMap<Slot, Vec<(Value, Point)>> = BTreeMap::new();
    // Reverse postorder: a `ptr_offset` comes after its base.
    for block in cfg.rpo() {
        for (position, (_, data)) in insts(func, block).enumerate() {
            let slot = match data.kind {
                InstKind::SlotAddr { slot, .. } => Some(slot),
                InstKind::PtrOffset { base, .. } => addresses.get(&base).copied(),
                _ => None,
            };
            if let (Some(slot), Some(&v)) = (slot, data.results.first()) {
                addresses.insert(v, slot);
                taken.entry(slot).or_default().push((v, Point { block, position }));
            }
        }
    }
    if taken.is_empty() {
        return;
    }
    let mut uses: BTreeMap<Value, Vec<Point>> = BTreeMap::new();
    let mut moves: Vec<(Slot, Point, Entity)> = Vec::new();
    for block in cfg.rpo() {
        let mut at = Point { block, position: 0 };
        let mut note = |v: Value, at: Point| {
            if addresses.contains_key(&v) {
                uses.entry(v).or_default().push(at);
            }
        };
        for (position, (inst, data)) in insts(func, block).enumerate() {
            at.position = position;
            data.kind.for_each_use(|v| note(v, at));
            data.kind.for_each_slot_use(|s, access| {
                if access == SlotAccess::MoveFrom && taken.contains_key(&s) {
                    moves.push((s, at, Entity::Inst(block, inst)));
                }
            });
        }
        at.position = usize::MAX;
        let term: &Terminator = func.term(block);
        term.for_each_use(|v| note(v, at));
        term.for_each_slot_use(|s, access| {
            if access == SlotAccess::MoveFrom && taken.contains_key(&s) {
                moves.push((s, at, Entity::Block(block)));
            }
        });
    }
    let mut search = Search { func, cfg, steps: 0, seen: vec![0; func.blocks.len()], round: 0 };
    for (slot, at, entity) in moves {
        for &(v, def) in &taken[&slot] {
            let used = uses.get(&v).is_some_and(|all| search.reaches_any(at, all, def));
            if used && search.suspends_between(def, at) {
                let name = &func.slots[slot].name;
                let message = format!(
                    "{slot} {name:?} moves in {} after a suspend, but its address {v} is used later",
                    at.block
                );
                r.push("IR0164", entity, message);
                break;
            }
        }
    }
}

struct Search<'a> {
    func: &'a Function,
    cfg: &'a Cfg,
    steps: usize,
    /// Round in which a block was last reached.
    seen: Vec<u32>,
    round: u32,
}

impl Search<'_> {
    /// Blocks that some path enters after leaving `from`, without entering `stop` and going on.
    fn after(&mut self, from: Block, stop: Block) -> Vec<Block> {
        self.round += 1;
        let (mut found, mut work) = (Vec::new(), vec![from]);
        while let Some(block) = work.pop() {
            for &to in self.cfg.succs(block) {
                self.steps += 1;
                if self.steps > MAX_STEPS {
                    return Vec::new();
                }
                if std::mem::replace(&mut self.seen[to.index()], self.round) != self.round {
                    found.push(to);
                    if to != stop {
                        work.push(to);
                    }
                }
            }
        }
        found
    }

    /// Whether some path leads from behind `at` to one of `points` without executing `def` again.
    fn reaches_any(&mut self, at: Point, points: &[Point], def: Point) -> bool {
        if points.iter().any(|p| p.block == at.block && p.position > at.position) {
            return true;
        }
        let after = self.after(at.block, def.block);
        let in_def = |p: &Point| p.block == def.block && p.position > def.position;
        points.iter().any(|p| after.contains(&p.block) && !in_def(p))
    }

    /// Whether some path from `def` to `at` suspends.
    fn suspends_between(&mut self, def: Point, at: Point) -> bool {
        let suspends = |b: Block| self.func.term(b).suspend_point().is_some();
        if def.block == at.block {
            // Straight on; a way round would define the address anew.
            return false;
        }
        let blocks: Vec<Block> =
            std::iter::once(def.block).chain(self.after(def.block, def.block)).collect();
        let candidates: Vec<Block> = blocks.into_iter().filter(|&b| suspends(b)).collect();
        candidates
            .into_iter()
            .any(|b| b != at.block && self.after(b, def.block).contains(&at.block))
    }
}
