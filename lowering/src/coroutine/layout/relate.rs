//! What the frame has to hold, and what may not share a byte with what.
//!
//! In: a coroutine and its liveness. Out: a [`Planner`] full of objects with their conflicts (things
//! live at the same point) and affinities (things moved into one another).

use super::super::live::Live;
use super::super::normalise::awaitee_results;
use super::super::pack::Objects;
use super::super::places::{Body, PlaceSet};
use super::{FrameLayout, Kept, LayoutError, MAX_COMPACT_BRANCHES, Plan, awaitees, slot_extent};
use crate::FrameAbi;
use crate::ir::{
    Arg, Awaitee, Block, EntityRef, EntityVec, Func, FuncKind, Function, Held, MAX_BYTES, Module,
    Sequence, Slot, Suspend, Terminator, Ty, Value,
};
use std::collections::{BTreeMap, BTreeSet};

/// Pairs of slots that are known to meet: a matrix of bits where that is small.
enum Known {
    Rows(Vec<PlaceSet>),
    Pairs(BTreeSet<(usize, usize)>),
}

impl Known {
    /// Most slots for a matrix, of half a megabyte then.
    const MAX_ROWS: usize = 2048;

    fn new(n: usize) -> Self {
        if n > Self::MAX_ROWS {
            return Known::Pairs(BTreeSet::new());
        }
        Known::Rows(vec![PlaceSet::new(n); n])
    }

    /// Whether the pair is new.
    fn insert(&mut self, low: usize, high: usize) -> bool {
        match self {
            Known::Rows(rows) => {
                !rows[low].contains(high) && {
                    rows[low].insert(high);
                    true
                }
            }
            Known::Pairs(pairs) => pairs.insert((low, high)),
        }
    }
}

/// The objects of one frame and their relations.
pub(super) struct Planner<'a> {
    pub(super) module: &'a Module,
    pub(super) f: &'a Function,
    pub(super) live: &'a Live,
    pub(super) layouts: &'a BTreeMap<Func, FrameLayout>,
    pub(super) abi: &'a FrameAbi,
    pub(super) objects: Objects,
    pub(super) params: Vec<usize>,
    pub(super) slots: BTreeMap<Slot, usize>,
    pub(super) homes: BTreeMap<Value, usize>,
    pub(super) result: usize,
    pub(super) results: Sequence,
    /// Objects that only keep room.
    pub(super) rooms: Vec<usize>,
    /// Branch records: one object per branch, or one for all.
    pub(super) records: EntityVec<Suspend, Vec<usize>>,
    pub(super) places: EntityVec<Suspend, Vec<Option<usize>>>,
    /// Block of each suspend point.
    pub(super) at: EntityVec<Suspend, Option<Block>>,
}

impl<'a> Planner<'a> {
    pub(super) fn new(
        module: &'a Module,
        f: &'a Function,
        live: &'a Live,
        layouts: &'a BTreeMap<Func, FrameLayout>,
        abi: &'a FrameAbi,
        plan: Plan,
    ) -> Result<Self, LayoutError> {
        let results =
            module.sequence(f.sig.results.iter().copied()).ok_or(LayoutError::TooLarge)?;
        let mut objects = Objects::default();
        let result = objects.add(results.size, results.align);
        let mut this = Self {
            module,
            f,
            live,
            layouts,
            abi,
            objects,
            params: Vec::new(),
            slots: BTreeMap::new(),
            homes: BTreeMap::new(),
            result,
            results,
            rooms: Vec::new(),
            records: f.suspends.keys().map(|_| Vec::new()).collect(),
            places: f.suspends.keys().map(|_| Vec::new()).collect(),
            at: f.suspends.keys().map(|_| None).collect(),
        };
        this.add_slots()?;
        this.add_params();
        if plan.homes {
            this.add_homes();
        }
        this.add_bound();
        this.relate_slots();
        this.relate_homes();
        this.relate_bound();
        if plan.room {
            this.keep_room();
        }
        this.relate_returns();
        Ok(this)
    }

    fn add_slots(&mut self) -> Result<(), LayoutError> {
        for &slot in &self.live.resident {
            let ty = self.f.slots[slot].ty;
            let (size, align) =
                slot_extent(self.module, self.layouts, ty).ok_or(LayoutError::TooLarge)?;
            if size > MAX_BYTES {
                return Err(LayoutError::TooLarge);
            }
            // A generator may be awaited in its slot.
            let object = match ty {
                Ty::Future(func) if self.module.funcs[func].kind == FuncKind::Generator => {
                    self.objects.add_behind(self.abi.link_bytes, size, align)
                }
                _ => self.objects.add(size, align),
            };
            self.slots.insert(slot, object);
        }
        Ok(())
    }

    /// All parameters live together in state 0.
    fn add_params(&mut self) {
        let values = &self.f.blocks[self.f.entry].params;
        let mut values = values.iter();
        for (i, param) in self.f.sig.params.iter().enumerate() {
            let object = if let Ty::Value(t) = param.ty {
                let object = self.objects.add(t.bytes(), t.align());
                let v = *values.next().expect("I: entry parameters match the signature");
                if self.live.across_any.contains(&v) {
                    self.homes.insert(v, object);
                }
                object
            } else {
                let slot = self.f.slots.iter().find(|(_, s)| s.param == Some(i as u32));
                let (slot, _) = slot.expect("I: each slot parameter has its slot");
                self.slots[&slot]
            };
            for &other in &self.params {
                self.objects.conflict(object, other);
            }
            self.params.push(object);
        }
    }

    fn add_homes(&mut self) {
        for &v in &self.live.through_loops {
            if !self.homes.contains_key(&v) {
                let t = self.f.value_type(v);
                self.homes.insert(v, self.objects.add(t.bytes(), t.align()));
            }
        }
    }

    fn add_bound(&mut self) {
        for (block, data) in self.f.blocks.iter() {
            let Some(term) = &data.term else { continue };
            let Some(point) = term.suspend_point() else { continue };
            self.at[point] = Some(block);
            let all = awaitees(term);
            let mut objects = Vec::new();
            let single = matches!(term, Terminator::Await { .. });
            if !single && all.len() > MAX_COMPACT_BRANCHES {
                let bytes = self.abi.leaf_bytes * all.len() as u32;
                self.records[point].push(self.objects.add(bytes, 8));
            } else if !single {
                for (awaitee, _) in &all {
                    let kept = Kept::of(self.f, self.layouts, awaitee);
                    let (bytes, align) = kept.extent(self.abi);
                    self.records[point].push(self.objects.add(bytes, align));
                }
            }
            objects.extend(&self.records[point]);
            for (awaitee, _) in all {
                let place = self.add_storage(awaitee, single);
                objects.extend(place);
                self.places[point].push(place);
            }
            for (i, &a) in objects.iter().enumerate() {
                for &b in &objects[..i] {
                    self.objects.conflict(a, b);
                }
            }
        }
    }

    /// The coroutine whose frame an awaitee has inside this one.
    pub(super) fn child(&self, awaitee: &Awaitee) -> Option<Func> {
        match awaitee {
            Awaitee::Call { func, .. } => Some(*func),
            Awaitee::Future(Held::Slot(slot)) => match self.f.slots[*slot].ty {
                Ty::Future(func) => Some(func),
                _ => None,
            },
            _ => None,
        }
    }

    /// Storage of an awaitee inside the frame, with its link if it is awaited alone: a branch needs
    /// none. `None` if it lies elsewhere.
    fn add_storage(&mut self, awaitee: &Awaitee, single: bool) -> Option<usize> {
        if let Awaitee::Op { op, .. } = awaitee {
            let op = &self.module.ops[*op];
            return Some(self.objects.add(op.size, op.align));
        }
        let child = &self.layouts[&self.child(awaitee)?];
        Some(if single {
            self.objects.add_behind(self.abi.link_bytes, child.used, child.align)
        } else {
            self.objects.add(child.used, child.align)
        })
    }

    /// Slots live at the same point, or written where another is live, conflict.
    fn relate_slots(&mut self) {
        let body = &self.live.body;
        let n = self.f.slots.len();
        let mut known = Known::new(n);
        // In the order in which they are found.
        let mut pairs: Vec<(Slot, Slot)> = Vec::new();
        let mut meet = |x: usize, y: usize| {
            if x != y && known.insert(x.min(y), x.max(y)) {
                pairs.push((Slot::new(x), Slot::new(y)));
            }
        };
        let mut previous = PlaceSet::new(n);
        for block in self.f.blocks.keys() {
            let b = block.index();
            let events = body.events(b);
            let mut is_first = true;
            self.live.places.walk(body, b, |i, live| {
                let written = events.get(i).map(|e| e.place());
                let was_there = |x: usize| !is_first && previous.contains(x);
                for x in live.iter().filter(|&x| !was_there(x)).chain(written) {
                    live.iter().for_each(|y| meet(x, y));
                    // What is written is there after the event as well.
                    if !is_first {
                        previous.iter().for_each(|y| meet(x, y));
                    }
                }
                previous.clone_from(live);
                is_first = false;
            });
        }
        for (a, b) in pairs {
            if let (Some(&a), Some(&b)) = (self.slots.get(&a), self.slots.get(&b)) {
                self.objects.conflict(a, b);
            }
        }
        for inst in self.f.insts.values() {
            if let crate::ir::InstKind::Move { src, dst } = inst.kind
                && let (Some(&a), Some(&b)) = (self.slots.get(&src), self.slots.get(&dst))
            {
                self.objects.attract(a, b, 0);
            }
        }
    }

    /// A home conflicts with whatever is in the frame in the blocks where its value is live.
    fn relate_homes(&mut self) {
        if self.homes.is_empty() {
            return;
        }
        for block in self.f.blocks.keys() {
            let mut here: Vec<usize> = self
                .live
                .values
                .live_in(block)
                .iter()
                .filter_map(|v| self.homes.get(v).copied())
                .collect();
            let data = &self.f.blocks[block];
            let results = data.insts.iter().flat_map(|&i| self.f.insts[i].results.iter());
            here.extend(data.params.iter().chain(results).filter_map(|v| self.homes.get(v)));
            if here.is_empty() {
                continue;
            }
            let mut others: Vec<usize> = self.live.touched[block]
                .iter()
                .filter_map(|s| self.slots.get(s).copied())
                .collect();
            if let Some(point) = data.term.as_ref().and_then(Terminator::suspend_point) {
                others.extend(&self.records[point]);
                others.extend(self.places[point].iter().flatten());
                if matches!(data.term, Some(Terminator::Yield { .. })) {
                    others.push(self.result);
                }
            }
            for (i, &a) in here.iter().enumerate() {
                for &b in here[..i].iter().chain(&others) {
                    self.objects.conflict(a, b);
                }
            }
        }
    }

    /// Children, operations and records conflict with what is live across their suspend point.
    fn relate_bound(&mut self) {
        for point in self.f.suspends.keys() {
            let Some(block) = self.at[point] else { continue };
            let term = self.f.term(block);
            let mut here: Vec<usize> = self.places[point].iter().flatten().copied().collect();
            here.extend(&self.records[point]);
            if matches!(term, Terminator::Yield { .. }) {
                here.push(self.result);
            }
            for &slot in &self.live.slots_across[point] {
                if let Some(&s) = self.slots.get(&slot) {
                    here.iter().for_each(|&o| self.objects.conflict(o, s));
                }
            }
            let all = awaitees(term);
            let single = matches!(term, Terminator::Await { .. });
            for (i, (awaitee, dests)) in all.iter().enumerate() {
                self.relate_args(point, i, awaitee, single, &here);
                self.relate_dests(point, i, awaitee, dests, single, &here);
            }
            if let Terminator::Yield { args, .. } = term {
                self.relate_moved_results(args);
            }
        }
    }

    /// An object as large as the saved values of each suspend point, which holds their place.
    fn keep_room(&mut self) {
        for point in self.f.suspends.keys() {
            let Some(block) = self.at[point] else { continue };
            let across = &self.live.values_across[point];
            let saved = across.iter().filter(|v| !self.homes.contains_key(v));
            let (mut bytes, mut align) = (0, 1);
            for &v in saved {
                let size = self.f.value_type(v).bytes();
                bytes += size;
                align = align.max(size);
            }
            if bytes == 0 {
                continue;
            }
            let mut others: Vec<usize> = self.places[point].iter().flatten().copied().collect();
            others.extend(&self.records[point]);
            others.extend(self.live.slots_across[point].iter().filter_map(|s| self.slots.get(s)));
            others.extend(across.iter().filter_map(|v| self.homes.get(v)));
            if matches!(self.f.term(block), Terminator::Yield { .. }) {
                others.push(self.result);
            }
            let room = self.objects.add(bytes, align);
            self.rooms.push(room);
            others.into_iter().for_each(|o| self.objects.conflict(room, o));
        }
    }

    /// Slots moved into a child: one may overlap it, and is best where the parameter will be.
    fn relate_args(
        &mut self,
        point: Suspend,
        i: usize,
        awaitee: &Awaitee,
        single: bool,
        here: &[usize],
    ) {
        if let Awaitee::Future(Held::Slot(slot)) = awaitee
            && let Some(&s) = self.slots.get(slot)
        {
            here.iter().for_each(|&o| self.objects.conflict(o, s));
        }
        let (Awaitee::Call { args, .. } | Awaitee::Op { args, .. }) = awaitee else { return };
        let moved: Vec<(usize, usize)> = args
            .iter()
            .enumerate()
            .filter_map(|(n, a)| match a {
                Arg::Move(slot) => self.slots.get(slot).map(|&s| (n, s)),
                Arg::Value(_) => None,
            })
            .collect();
        let child = match awaitee {
            Awaitee::Call { func, .. } => Some(*func),
            _ => None,
        };
        // Of several, each must stay whole while another is copied: also those on the native stack.
        if single
            && only_move(args)
            && let (Some(func), &[(n, s)]) = (child, &*moved)
            && let Some(place) = self.places[point][i]
        {
            let delta = self.layouts[&func].params[n];
            self.objects.attract(s, place, delta);
            return;
        }
        for (_, s) in moved {
            here.iter().for_each(|&o| self.objects.conflict(o, s));
        }
    }

    /// Slots filled from a child's results: one may overlap it.
    fn relate_dests(
        &mut self,
        point: Suspend,
        i: usize,
        awaitee: &Awaitee,
        dests: &[Slot],
        single: bool,
        here: &[usize],
    ) {
        let placed: Vec<usize> = dests.iter().filter_map(|d| self.slots.get(d).copied()).collect();
        // Several are copied one after the other, those on the native stack as well.
        if single
            && dests.len() == 1
            && let [s] = *placed
        {
            if let Some(place) = self.places[point][i]
                && let Awaitee::Call { func, .. } = awaitee
            {
                let child = &self.layouts[func];
                let types = awaitee_results(self.module, self.f, awaitee);
                let index = types.iter().position(|t| t.as_value().is_none());
                if let (Some(index), Some(results)) = (index, &child.results) {
                    let delta = child.result_offset + results.offsets[index];
                    self.objects.attract(s, place, delta);
                }
            }
            return;
        }
        for s in placed {
            here.iter().for_each(|&o| self.objects.conflict(o, s));
        }
    }

    fn relate_returns(&mut self) {
        for data in self.f.blocks.values() {
            if let Some(Terminator::Return(args)) = &data.term {
                self.relate_moved_results(args);
            }
        }
    }

    /// Slots moved into the results: one may overlap them.
    fn relate_moved_results(&mut self, args: &[Arg]) {
        let moved: Vec<(usize, usize)> = args
            .iter()
            .enumerate()
            .filter_map(|(n, a)| match a {
                Arg::Move(slot) => self.slots.get(slot).map(|&s| (n, s)),
                Arg::Value(_) => None,
            })
            .collect();
        if only_move(args)
            && let [(n, s)] = *moved
        {
            self.objects.attract(s, self.result, self.results.offsets[n]);
        } else {
            for (_, s) in moved {
                self.objects.conflict(s, self.result);
            }
        }
    }
}

/// Whether one slot at most is moved.
fn only_move(args: &[Arg]) -> bool {
    args.iter().filter(|a| matches!(a, Arg::Move(_))).count() <= 1
}
