//! Owned slots are dropped or moved exactly once on each path.
//!
//! A forward dataflow over the reachable blocks. Per slot whose type needs dropping:
//!
//! ```text
//!          (not visited)
//!          /           \
//!      unowned        owned          absent from the map = unowned
//!          \           /
//!        owned iff f, for each f of a set of bool values (drop flags)
//!                |
//!            conflict
//! ```
//!
//! **Merge.** Where incoming edges disagree, a bool value is a drop flag of the slot if on every edge
//! it is known to be true where the slot is owned, known to be false where it is not, and one of the
//! slot's flags where it is owned by flag. Such a value is a parameter of the block, for what each
//! edge passes to it, or a value defined above. No flag left: conflict, which is reported where the
//! slot is used next or the function ends.
//!
//! **Refinement.** `br` on a flag decides the slot on both edges, and the flag is *known* there.
//! Known too are constants, and parameters that get what is known, and the same, on every edge. The
//! edge of a `br` that contradicts what is known is not taken.
//!
//! Flags are parameters of blocks; one is forgotten where its block is entered again. Accepted
//! imprecision: flags computed by logic or comparison, and slots owned by the same condition as an
//! earlier `br` without a flag of their own, are not understood; frontends pass constants along
//! edges.
//!
//! Cost: per block what changes in it or differs between the edges into it, in steps of 64 slots
//! ([`Pieces`]), plus (owned slots / 64) per edge. Facts only grow worse; where an order of visits
//! would make one better again, it is kept (`meet`) after [`PATIENCE`] visits, so that the dataflow
//! ends.

use super::pieces::{Mark, Piece, Pieces};
use super::{Entity, Report, insts};
use crate::ir::cfg::Cfg;
use crate::ir::entity::{Block, EntityRef, EntityVec, Slot, Value};
use crate::ir::function::Function;
use crate::ir::inst::{BlockArg, InstKind, Terminator};
use crate::ir::module::Module;
use crate::ir::types::{Ty, Type};
use crate::ir::visit::SlotAccess;
use std::collections::BTreeSet;
use std::rc::Rc;

/// Visits of a block after which its facts may only grow worse.
const PATIENCE: u32 = 6;

#[derive(Clone, PartialEq, Eq, Debug)]
enum State {
    Owned,
    /// Owned iff each of these values (sorted, at least one) is true.
    Flags(Vec<Value>),
    /// Owned on some paths only; they meet in this block.
    Conflict(Block),
}

impl Mark for State {
    fn is_marked(&self) -> bool {
        matches!(self, State::Flags(_))
    }
}

/// What holds at a point.
#[derive(Clone, PartialEq, Debug, Default)]
struct Facts {
    /// Slots that are not unowned.
    slots: Pieces<Slot, State>,
    /// Flags that a `br` has decided.
    known: Pieces<Value, bool>,
}

pub(super) fn check(r: &mut Report<'_>, m: &Module, func: &Function, cfg: &Cfg) {
    let owned: Vec<bool> = func.slots.values().map(|s| m.needs_drop(s.ty)).collect();
    if !owned.contains(&true) {
        return;
    }
    let n = func.blocks.len();
    let mut o = Ownership {
        constants: constants(func, cfg),
        func,
        cfg,
        owned,
        ins: (0..n).map(|_| None).collect(),
        outs: (0..n).map(|_| Vec::new()).collect(),
    };
    o.solve();
    for block in func.blocks.keys().filter(|&b| cfg.is_reachable(b)) {
        let Some(facts) = o.ins[block].clone() else { continue };
        o.transfer(block, (*facts).clone(), &mut |code, entity, message| {
            r.push(code, entity, message);
        });
    }
}

struct Ownership<'a> {
    func: &'a Function,
    cfg: &'a Cfg,
    constants: EntityVec<Value, Known>,
    owned: Vec<bool>,
    ins: EntityVec<Block, Option<Rc<Facts>>>,
    /// Per target of the terminator; `None` where the edge is never taken.
    outs: EntityVec<Block, Vec<Option<Rc<Facts>>>>,
}

/// What holds on an edge, and what it passes.
type Edge<'f> = (&'f Rc<Facts>, &'f Vec<BlockArg>);

type Sink<'s> = &'s mut dyn FnMut(&'static str, Entity, String);

impl Ownership<'_> {
    fn solve(&mut self) {
        let order: Vec<Block> = self.cfg.rpo().collect();
        let mut place: EntityVec<Block, usize> =
            (0..self.func.blocks.len()).map(|_| usize::MAX).collect();
        for (i, &b) in order.iter().enumerate() {
            place[b] = i;
        }
        let mut visits = vec![0u32; order.len()];
        let mut work: BTreeSet<usize> = BTreeSet::from([0]);
        while let Some(i) = work.pop_first() {
            let block = order[i];
            let mut facts = self.merge(block);
            visits[i] += 1;
            if visits[i] > PATIENCE
                && let Some(old) = &self.ins[block]
            {
                facts = meet(old, &facts, block);
            }
            if let Some(old) = &self.ins[block] {
                if **old == facts {
                    continue;
                }
                facts.slots.share_with(&old.slots);
            }
            self.ins[block] = Some(Rc::new(facts.clone()));
            let outs = self.transfer(block, facts, &mut |_, _, _| {});
            for (index, out) in outs.iter().enumerate() {
                if out.is_some() && self.outs[block].get(index) != Some(out) {
                    work.insert(place[self.cfg.succs(block)[index]]);
                }
            }
            self.outs[block] = outs;
        }
    }

    /// Facts at the start of a block, from those on the edges visited so far.
    fn merge(&self, block: Block) -> Facts {
        let mut edges: Vec<Edge<'_>> = Vec::new();
        for e in self.cfg.pred_edges(block) {
            if let Some(Some(out)) = self.outs[e.from].get(e.index as usize) {
                let term = self.func.term(e.from);
                edges.push((out, &term.targets()[e.index as usize].args));
            }
        }
        let start = (block == self.func.entry).then(|| Rc::new(self.at_start()));
        let no_args = Vec::new();
        if let Some(start) = &start {
            edges.push((start, &no_args));
        }
        let Some(((first, _), others)) = edges.split_first() else { return Facts::default() };
        let params = &self.func.blocks[block].params;
        let mut known = first.known.clone();
        for n in 0..known.n_pieces() {
            if others.iter().all(|(f, _)| f.known.shares(&first.known, n)) {
                continue;
            }
            for (v, b) in first.known.piece(n).into_iter().flat_map(Piece::iter) {
                if others.iter().any(|(f, _)| f.known.get(v) != Some(b)) {
                    known.remove(v);
                }
            }
        }
        params.iter().for_each(|&p| known.remove(p));
        let is_bool = |p: Value| self.func.value_type(p) == Type::Bool;
        for (n, &p) in params.iter().enumerate().filter(|(_, p)| is_bool(**p)) {
            let passed = |truth: bool| {
                edges.iter().all(|(f, args)| match args.get(n) {
                    Some(&BlockArg::Value(v)) => self.is_known(f, v, truth),
                    _ => false,
                })
            };
            if let Some(truth) = [true, false].into_iter().find(|&truth| passed(truth)) {
                known.insert(p, truth);
            }
        }
        // A piece that all edges share is what it was, unless a flag in it is defined here.
        let redefines = params.iter().any(|&p| is_bool(p));
        let mut slots = first.slots.clone();
        let n_pieces = edges.iter().map(|(f, _)| f.slots.n_pieces()).max().unwrap_or(0);
        for n in 0..n_pieces {
            let marked = || first.slots.piece(n).is_some_and(Piece::has_marked);
            let shared = others.iter().all(|(f, _)| f.slots.shares(&first.slots, n));
            if shared && !(redefines && marked()) {
                continue;
            }
            let pieces = edges.iter().filter_map(|(f, _)| f.slots.piece(n));
            let all: BTreeSet<Slot> = pieces.flat_map(|p| p.iter().map(|(s, _)| s)).collect();
            for slot in all {
                let state = self.merged(block, slot, &edges);
                if slots.get(slot) != Some(&state) {
                    slots.insert(slot, state);
                }
            }
        }
        Facts { slots, known }
    }

    /// The state of a slot that is not unowned on all edges into a block.
    fn merged(&self, block: Block, slot: Slot, edges: &[Edge<'_>]) -> State {
        let states: Vec<Option<&State>> = edges.iter().map(|(f, _)| f.slots.get(slot)).collect();
        if states.iter().all(|s| *s == Some(&State::Owned)) {
            return State::Owned;
        }
        if let Some(Some(State::Conflict(at))) =
            states.iter().find(|s| matches!(s, Some(State::Conflict(_))))
        {
            return State::Conflict(*at);
        }
        let fits = |i: usize, v: Value| match states[i] {
            None => self.is_known(edges[i].0, v, false),
            Some(State::Owned) => self.is_known(edges[i].0, v, true),
            Some(State::Flags(f)) => f.contains(&v),
            Some(State::Conflict(_)) => false,
        };
        // Values defined above: those that are a flag, or decided, on the first edge.
        let above = match states[0] {
            Some(State::Flags(f)) => f.clone(),
            _ => edges[0].0.known.iter().map(|(v, _)| v).collect(),
        };
        let params = &self.func.blocks[block].params;
        let mut flags: Vec<Value> = above
            .into_iter()
            .filter(|v| !params.contains(v) && (0..edges.len()).all(|i| fits(i, *v)))
            .collect();
        for (n, &p) in params.iter().enumerate() {
            let passes = |i: usize| match edges[i].1.get(n) {
                Some(&BlockArg::Value(v)) => fits(i, v),
                _ => false,
            };
            if self.func.value_type(p) == Type::Bool && (0..edges.len()).all(passes) {
                flags.push(p);
            }
        }
        flags.sort_unstable();
        flags.dedup();
        if flags.is_empty() { State::Conflict(block) } else { State::Flags(flags) }
    }

    fn at_start(&self) -> Facts {
        let params = self.func.slots.iter().filter(|(s, d)| d.param.is_some() && self.is_owned(*s));
        let mut facts = Facts::default();
        params.for_each(|(s, _)| facts.slots.insert(s, State::Owned));
        facts
    }

    fn is_owned(&self, slot: Slot) -> bool {
        self.owned[slot.index()]
    }

    fn is_known(&self, facts: &Facts, v: Value, truth: bool) -> bool {
        facts.known.get(v) == Some(&truth) || self.constants[v] == Known::Always(truth)
    }

    /// Carries facts through a block; answers those on each edge. Tells `sink` what is wrong.
    fn transfer(&self, block: Block, facts: Facts, sink: Sink<'_>) -> Vec<Option<Rc<Facts>>> {
        let mut walk = Walk { o: self, facts, block, at: Entity::Block(block), sink };
        for (inst, data) in insts(self.func, block) {
            walk.at = Entity::Inst(block, inst);
            walk.inst(&data.kind);
        }
        walk.at = Entity::Block(block);
        walk.term(self.func.term(block))
    }
}

/// What is known of a value for the whole function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Known {
    /// Not looked at yet.
    Open,
    Always(bool),
    No,
}

/// Bool constants, and block parameters that get the same one on every edge.
fn constants(func: &Function, cfg: &Cfg) -> EntityVec<Value, Known> {
    let mut known: EntityVec<Value, Known> = func.values.values().map(|_| Known::No).collect();
    let mut params = Vec::new();
    for block in cfg.rpo() {
        for (_, data) in insts(func, block) {
            if let (InstKind::Const { ty: Type::Bool, bits }, Some(&v)) =
                (&data.kind, data.results.first())
            {
                known[v] = Known::Always(*bits != 0);
            }
        }
        if block == func.entry {
            continue;
        }
        for (n, &p) in func.blocks[block].params.iter().enumerate() {
            if func.value_type(p) == Type::Bool {
                known[p] = Known::Open;
                params.push((block, n, p));
            }
        }
    }
    // Each round changes something, and a parameter changes at most twice; in reverse postorder
    // two or three rounds do.
    let mut changed = true;
    while changed {
        changed = false;
        for &(block, n, p) in &params {
            let mut now = Known::Open;
            for e in cfg.pred_edges(block).iter().filter(|e| cfg.is_reachable(e.from)) {
                let args = &func.term(e.from).targets()[e.index as usize].args;
                let arg = match args.get(n) {
                    Some(&BlockArg::Value(v)) => known[v],
                    _ => Known::No,
                };
                now = match (now, arg) {
                    (now, Known::Open) => now,
                    (Known::Open, arg) => arg,
                    (now, arg) if now == arg => now,
                    _ => Known::No,
                };
            }
            if known[p] != now {
                known[p] = now;
                changed = true;
            }
        }
    }
    known
}

/// The lower of two facts per slot.
fn meet(old: &Facts, new: &Facts, block: Block) -> Facts {
    let mut known = old.known.clone();
    for (v, _) in old.known.iter().filter(|(v, b)| new.known.get(*v) != Some(b)) {
        known.remove(v);
    }
    let mut slots = old.slots.clone();
    for n in 0..old.slots.n_pieces().max(new.slots.n_pieces()) {
        if old.slots.shares(&new.slots, n) {
            continue;
        }
        let pieces = [old.slots.piece(n), new.slots.piece(n)].into_iter().flatten();
        for slot in pieces.flat_map(|p| p.iter().map(|(s, _)| s)).collect::<BTreeSet<Slot>>() {
            let state = match (old.slots.get(slot), new.slots.get(slot)) {
                (Some(State::Flags(a)), Some(State::Flags(b))) => {
                    let both: Vec<Value> = a.iter().filter(|v| b.contains(v)).copied().collect();
                    if both.is_empty() { State::Conflict(block) } else { State::Flags(both) }
                }
                (Some(State::Conflict(at)), _) | (_, Some(State::Conflict(at))) => {
                    State::Conflict(*at)
                }
                (Some(State::Owned), Some(State::Owned)) => State::Owned,
                // From decided to by flag is downwards; the way back is not taken.
                (Some(State::Owned) | None, Some(flags @ State::Flags(_)))
                | (Some(flags @ State::Flags(_)), Some(State::Owned) | None) => flags.clone(),
                _ => State::Conflict(block),
            };
            if slots.get(slot) != Some(&state) {
                slots.insert(slot, state);
            }
        }
    }
    Facts { slots, known }
}

struct Walk<'a, 's> {
    o: &'a Ownership<'a>,
    facts: Facts,
    block: Block,
    at: Entity,
    sink: Sink<'s>,
}

impl Walk<'_, '_> {
    fn bad(&mut self, code: &'static str, slot: Slot, what: &str) {
        let name = &self.o.func.slots[slot].name;
        let name = if name.is_empty() { String::new() } else { format!(" `{name}`") };
        let block = self.block;
        let how = match self.facts.slots.get(slot) {
            None => "not owned there".into(),
            Some(State::Owned) => "owned there".into(),
            Some(State::Flags(f)) => format!("owned only if {} is true", f[0]),
            Some(State::Conflict(at)) => {
                format!("owned on some paths only, which meet in {at} without a drop flag")
            }
        };
        (self.sink)(code, self.at, format!("{slot}{name} {what} in {block}, but is {how}"));
    }

    fn take(&mut self, slot: Slot, what: &str) {
        if !self.o.is_owned(slot) {
            return;
        }
        if self.facts.slots.get(slot) != Some(&State::Owned) {
            self.bad("IR0160", slot, what);
        }
        self.facts.slots.remove(slot);
    }

    fn give(&mut self, slot: Slot, what: &str) {
        if !self.o.is_owned(slot) {
            return;
        }
        if self.facts.slots.contains(slot) {
            self.bad("IR0161", slot, what);
        }
        self.facts.slots.insert(slot, State::Owned);
    }

    fn access(&mut self, slot: Slot, access: SlotAccess) {
        match access {
            SlotAccess::Drop => self.take(slot, "is dropped"),
            SlotAccess::MoveFrom => self.take(slot, "is moved"),
            SlotAccess::Await => self.take(slot, "is awaited"),
            SlotAccess::Forget => self.take(slot, "is given up"),
            SlotAccess::Init => self.give(slot, "is initialised"),
            SlotAccess::MoveTo => self.give(slot, "gets new contents"),
            SlotAccess::Live | SlotAccess::Dead if self.facts.slots.contains(slot) => {
                self.bad("IR0163", slot, "begins or ends its storage");
                self.facts.slots.remove(slot);
            }
            SlotAccess::Next if self.facts.slots.get(slot) != Some(&State::Owned) => {
                self.bad("IR0160", slot, "is asked for its next item");
                self.facts.slots.insert(slot, State::Owned);
            }
            SlotAccess::Live
            | SlotAccess::Dead
            | SlotAccess::Next
            | SlotAccess::Addr
            | SlotAccess::Load
            | SlotAccess::Store
            | SlotAccess::DestOn(_) => {}
        }
    }

    fn inst(&mut self, kind: &InstKind) {
        if let InstKind::SlotStore { slot, .. } = kind {
            // A reference slot is stored as a whole.
            if matches!(self.o.func.slots[*slot].ty, Ty::Value(_)) {
                self.give(*slot, "is stored to");
            }
            return;
        }
        kind.for_each_slot_use(|slot, access| self.access(slot, access));
    }

    fn term(&mut self, term: &Terminator) -> Vec<Option<Rc<Facts>>> {
        term.for_each_slot_use(|slot, access| self.access(slot, access));
        if matches!(term, Terminator::Return(_) | Terminator::Unwind(_)) {
            for slot in self.facts.slots.iter().map(|(s, _)| s).collect::<Vec<_>>() {
                self.bad("IR0162", slot, "is left at the end");
            }
        }
        let n = term.targets().len();
        if let Terminator::Br { cond, .. } = term {
            return [true, false].map(|taken| self.refined(*cond, taken).map(Rc::new)).to_vec();
        }
        let base = Rc::new(self.facts.clone());
        let mut outs = vec![Some(base); n];
        let mut dests = Vec::new();
        term.for_each_slot_use(|slot, access| {
            if let SlotAccess::DestOn(edge) = access {
                dests.push((slot, edge as usize));
            }
        });
        for (slot, edge) in dests {
            if !self.o.is_owned(slot) {
                continue;
            }
            if self.facts.slots.contains(slot) {
                self.bad("IR0161", slot, "gets a result");
            }
            if let Some(out) = &mut outs[edge] {
                Rc::make_mut(out).slots.insert(slot, State::Owned);
            }
        }
        outs
    }

    /// Facts on an edge of a `br`; `None` if it is never taken.
    fn refined(&self, cond: Value, taken: bool) -> Option<Facts> {
        if self.o.is_known(&self.facts, cond, !taken) {
            return None;
        }
        let decided = |s: &State| matches!(s, State::Flags(f) if f.contains(&cond));
        let slots: Vec<Slot> =
            self.facts.slots.marked().filter(|(_, s)| decided(s)).map(|(s, _)| s).collect();
        let mut facts = self.facts.clone();
        if !slots.is_empty() {
            facts.known.insert(cond, taken);
        }
        for slot in slots {
            if taken {
                facts.slots.insert(slot, State::Owned);
            } else {
                facts.slots.remove(slot);
            }
        }
        Some(facts)
    }
}
