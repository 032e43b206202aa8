//! Frame layout: an offset for everything that must survive a suspend.
//!
//! In: a normalised coroutine, its liveness, the layouts of its callees. Out: a [`FrameLayout`].
//!
//! ```text
//!                 lives in the frame                          placed
//! link            always                                      at 0
//! params          state 0; a slot parameter while it is live  packed, one offset
//! result          from return (or yield) on                   packed, one offset
//! slots           while live, if live across a suspend        packed, one offset (they are pinned)
//! children, ops   at their suspend point                      packed, one offset
//! home values     while live (see below)                      packed, one offset
//! saved values    at one suspend point                        into its holes, per suspend point
//! tag             always                                      in the first hole of all states
//! ```
//!
//! A value that is live across a suspend is **saved**: stored when the suspend happens, loaded when
//! it is over; a ready await touches the frame not at all. It may lie at different offsets in
//! different states, but gets the same one where that costs nothing. A parameter, or a value that
//! is live through a loop that suspends but defined before it, has a **home** instead: it is stored
//! once where it is defined and loaded where it is used, so that a resume does not copy what it does
//! not touch. If homes would make the frame larger, there are none.
//!
//! # Invariants
//!
//! * **L1** Things live at the same point share no byte; but one moved slot may overlap the child
//!   frame that it is moved into, or out of (`memmove`).
//! * **L2** Nothing overlaps the link or the tag.
//! * **L3** All offsets and sizes are at most [`MAX_BYTES`].

use super::live::Live;
use super::normalise::awaitee_results;
use super::order::CallOrder;
use super::pack::{Intervals, Objects};
use super::places::Body;
use crate::FrameAbi;
use crate::ir::{
    Arg, Awaitee, Block, EntityRef, EntityVec, Func, FuncKind, Function, Held, MAX_BYTES, Module,
    Sequence, Slot, Suspend, Terminator, Ty, Value,
};
use std::collections::BTreeMap;

/// Where everything lies in the frame of one coroutine. Bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct FrameLayout {
    /// Bytes up to the end of the last thing.
    pub(crate) used: u32,
    /// `used`, rounded up to `align`.
    pub(crate) size: u32,
    pub(crate) align: u32,
    pub(crate) tag_offset: u32,
    pub(crate) tag_bytes: u32,
    pub(crate) result_offset: u32,
    /// Results relative to `result_offset`.
    pub(crate) results: Option<Sequence>,
    /// Offset of each parameter in state 0.
    pub(crate) params: Vec<u32>,
    /// Slots that live in the frame.
    pub(crate) slots: BTreeMap<Slot, u32>,
    /// Values with a home.
    pub(crate) homes: BTreeMap<Value, u32>,
    /// Values saved at each suspend point.
    pub(crate) saved: EntityVec<Suspend, Vec<(Value, u32)>>,
    /// What belongs to each suspend point.
    pub(crate) bound: EntityVec<Suspend, Bound>,
    /// Floor before rounding.
    pub(crate) floor_bytes: u32,
    pub(crate) floor: u32,
    pub(crate) clique: u32,
    pub(crate) copies: u32,
}

/// Storage that belongs to one suspend point.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bound {
    /// Branch records of a join or select.
    pub(crate) records: Option<u32>,
    /// Per awaitee, in order: its child frame or operation, unless that lies elsewhere.
    pub(crate) places: Vec<Option<u32>>,
}

/// Why a layout is impossible.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LayoutError {
    /// An offset or size passes [`MAX_BYTES`].
    TooLarge,
    /// A slot holds a generator that contains the coroutine itself.
    RecursiveGenerator(Slot),
}

/// Awaitees of a suspending terminator, in order.
pub(crate) fn awaitees(term: &Terminator) -> Vec<(&Awaitee, &[Slot])> {
    match term {
        Terminator::Await { awaitee, dests, .. } => vec![(awaitee, dests)],
        Terminator::Join { branches, .. } => {
            branches.iter().map(|b| (&b.awaitee, &*b.dests)).collect()
        }
        Terminator::Select { arms, .. } => arms.iter().map(|a| (&a.awaitee, &*a.dests)).collect(),
        _ => Vec::new(),
    }
}

/// Storage an awaitee needs inside the frame: size, align, floor; `None` if it lies elsewhere.
fn storage(
    module: &Module,
    f: &Function,
    layouts: &BTreeMap<Func, FrameLayout>,
    awaitee: &Awaitee,
) -> Option<(u32, u32, u32)> {
    let child = |func: Func| {
        let l = &layouts[&func];
        (l.used, l.align, l.floor_bytes)
    };
    match awaitee {
        Awaitee::Call { func, .. } => Some(child(*func)),
        Awaitee::Op { op, .. } => {
            let o = &module.ops[*op];
            Some((o.size, o.align, o.size))
        }
        Awaitee::Future(Held::Slot(slot)) => match f.slots[*slot].ty {
            Ty::Future(func) => Some(child(func)),
            _ => None,
        },
        _ => None,
    }
}

/// Size and alignment of a slot in the frame: a generator's slot is its whole frame.
pub(crate) fn slot_extent(
    module: &Module,
    layouts: &BTreeMap<Func, FrameLayout>,
    ty: Ty,
) -> Option<(u32, u32)> {
    match ty {
        Ty::Future(func) if module.funcs[func].kind == FuncKind::Generator => {
            layouts.get(&func).map(|l| (l.used, l.align))
        }
        ty => Some(module.size_align(ty)),
    }
}

/// Lays out one coroutine.
pub(crate) fn lay_out(
    module: &Module,
    func: Func,
    f: &Function,
    live: &Live,
    layouts: &BTreeMap<Func, FrameLayout>,
    order: &CallOrder,
    abi: &FrameAbi,
) -> Result<FrameLayout, LayoutError> {
    for (slot, data) in f.slots.iter() {
        if let Ty::Future(callee) = data.ty
            && module.funcs[callee].kind == FuncKind::Generator
            && !order.is_inline(func, callee)
        {
            return Err(LayoutError::RecursiveGenerator(slot));
        }
    }
    let mut best: Option<FrameLayout> = None;
    for plan in Plan::ALL {
        let layout = Planner::new(module, f, live, layouts, abi, plan)?.finish()?;
        let at_floor = layout.size <= layout.floor;
        if best.as_ref().is_none_or(|b| layout.size < b.size) {
            best = Some(layout);
        }
        if at_floor {
            break;
        }
    }
    Ok(best.expect("I: there is at least one plan"))
}

/// A way to lay out: the first that reaches the floor is taken, else the smallest.
#[derive(Clone, Copy)]
struct Plan {
    /// Values that loops do not change have homes.
    homes: bool,
    /// Room for the saved values of a suspend point is kept in one piece, rather than made of what
    /// holes the rest leaves.
    room: bool,
}

impl Plan {
    const ALL: [Plan; 4] = [
        Plan { homes: true, room: false },
        Plan { homes: true, room: true },
        Plan { homes: false, room: true },
        Plan { homes: false, room: false },
    ];
}

struct Planner<'a> {
    module: &'a Module,
    f: &'a Function,
    live: &'a Live,
    layouts: &'a BTreeMap<Func, FrameLayout>,
    abi: &'a FrameAbi,
    objects: Objects,
    params: Vec<usize>,
    slots: BTreeMap<Slot, usize>,
    homes: BTreeMap<Value, usize>,
    result: usize,
    results: Sequence,
    /// Objects that only keep room.
    rooms: Vec<usize>,
    records: EntityVec<Suspend, Option<usize>>,
    places: EntityVec<Suspend, Vec<Option<usize>>>,
    /// Block of each suspend point.
    at: EntityVec<Suspend, Option<Block>>,
}

impl<'a> Planner<'a> {
    fn new(
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
            records: f.suspends.keys().map(|_| None).collect(),
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
            self.slots.insert(slot, self.objects.add(size, align));
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
            if matches!(term, Terminator::Join { .. } | Terminator::Select { .. }) {
                let bytes = self.abi.leaf_bytes * all.len() as u32;
                let records = self.objects.add(bytes, 8);
                self.records[point] = Some(records);
                objects.push(records);
            }
            for (awaitee, _) in all {
                let place = storage(self.module, self.f, self.layouts, awaitee)
                    .map(|(size, align, _)| self.objects.add(size, align));
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

    /// Slots live at the same point, or written where another is live, conflict.
    fn relate_slots(&mut self) {
        let body = &self.live.body;
        let mut known: std::collections::BTreeSet<(usize, usize)> =
            std::collections::BTreeSet::new();
        let mut pairs: Vec<(Slot, Slot)> = Vec::new();
        for block in self.f.blocks.keys() {
            let b = block.index();
            let events = body.events(b);
            let mut previous: Option<Vec<usize>> = None;
            self.live.places.walk(body, b, |i, live| {
                let now: Vec<usize> = live.iter().collect();
                let fresh: Vec<usize> = match &previous {
                    None => now.clone(),
                    Some(p) => {
                        now.iter().copied().filter(|x| p.binary_search(x).is_err()).collect()
                    }
                };
                let written = events.get(i).map(|e| e.place());
                for &x in fresh.iter().chain(written.iter()) {
                    for &y in &now {
                        if x != y && known.insert((x.min(y), x.max(y))) {
                            pairs.push((Slot::new(x), Slot::new(y)));
                        }
                    }
                    // What is written is there after the event as well.
                    for &y in previous.iter().flatten() {
                        if x != y && known.insert((x.min(y), x.max(y))) {
                            pairs.push((Slot::new(x), Slot::new(y)));
                        }
                    }
                }
                previous = Some(now);
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
                others.extend(self.records[point]);
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
            here.extend(self.records[point]);
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
            others.extend(self.records[point]);
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
        if single
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
        if single && let [s] = *placed {
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
        if let [(n, s)] = *moved {
            self.objects.attract(s, self.result, self.results.offsets[n]);
        } else {
            for (_, s) in moved {
                self.objects.conflict(s, self.result);
            }
        }
    }

    fn finish(mut self) -> Result<FrameLayout, LayoutError> {
        let base = self.abi.link_bytes;
        let offsets = self.objects.pack(base, MAX_BYTES).ok_or(LayoutError::TooLarge)?;
        let mut layout = FrameLayout {
            result_offset: offsets[self.result],
            params: self.params.iter().map(|&p| offsets[p]).collect(),
            slots: self.slots.iter().map(|(&s, &o)| (s, offsets[o])).collect(),
            homes: self.homes.iter().map(|(&v, &o)| (v, offsets[o])).collect(),
            bound: self
                .f
                .suspends
                .keys()
                .map(|p| Bound {
                    records: self.records[p].map(|o| offsets[o]),
                    places: self.places[p].iter().map(|o| o.map(|o| offsets[o])).collect(),
                })
                .collect(),
            saved: self.f.suspends.keys().map(|_| Vec::new()).collect(),
            ..FrameLayout::default()
        };
        let mut end = base;
        let mut all = Intervals::default();
        let things =
            offsets.iter().enumerate().filter(|(i, _)| self.rooms.binary_search(i).is_err());
        for (i, &at) in things {
            all.add(at, self.objects.size(i));
            end = end.max(at + self.objects.size(i));
        }
        let mut align = self.objects.align().max(8);
        end = self.place_saved(&offsets, end, &mut layout, &mut all, &mut align)?;
        let n_states = self.f.suspends.len() + 3;
        layout.tag_bytes = if n_states <= 256 {
            1
        } else if n_states <= 65_536 {
            2
        } else {
            4
        };
        layout.tag_offset =
            all.first_fit(base, layout.tag_bytes, layout.tag_bytes).ok_or(LayoutError::TooLarge)?;
        layout.used = end.max(layout.tag_offset + layout.tag_bytes);
        layout.align = align;
        layout.size = layout
            .used
            .checked_next_multiple_of(align)
            .filter(|&s| s <= MAX_BYTES)
            .ok_or(LayoutError::TooLarge)?;
        self.bounds(&mut layout);
        layout.results = Some(self.results);
        Ok(layout)
    }

    /// Fills the holes of each suspend point with its saved values, heaviest point first.
    fn place_saved(
        &self,
        offsets: &[u32],
        mut end: u32,
        layout: &mut FrameLayout,
        all: &mut Intervals,
        align: &mut u32,
    ) -> Result<u32, LayoutError> {
        let base = self.abi.link_bytes;
        let mut points: Vec<(u64, Suspend)> = self
            .f
            .suspends
            .keys()
            .map(|p| {
                (
                    self.live.values_across[p]
                        .iter()
                        .map(|&v| u64::from(self.f.value_type(v).bytes()))
                        .sum(),
                    p,
                )
            })
            .collect();
        points.sort_by_key(|&(bytes, p)| (std::cmp::Reverse(bytes), p));
        let mut usual: BTreeMap<Value, u32> = BTreeMap::new();
        for (_, point) in points {
            let Some(block) = self.at[point] else { continue };
            let mut fixed = Intervals::default();
            let mut occupy = |o: usize| fixed.add(offsets[o], self.objects.size(o));
            self.places[point].iter().flatten().copied().for_each(&mut occupy);
            self.records[point].into_iter().for_each(&mut occupy);
            let slots =
                self.live.slots_across[point].iter().filter_map(|s| self.slots.get(s).copied());
            slots.for_each(&mut occupy);
            let across = &self.live.values_across[point];
            across.iter().filter_map(|v| self.homes.get(v).copied()).for_each(&mut occupy);
            if matches!(self.f.term(block), Terminator::Yield { .. }) {
                occupy(self.result);
            }
            let mut values: Vec<Value> =
                across.iter().copied().filter(|v| !self.homes.contains_key(v)).collect();
            values.sort_by_key(|&v| (std::cmp::Reverse(self.f.value_type(v).bytes()), v));
            let prefer = |v: Value| usual.get(&v).copied();
            let first = self.fill(&values, &fixed, base, prefer);
            let best = match first {
                Some((e, _)) if e > end => {
                    // Old places are not worth a larger frame.
                    let fresh = self.fill(&values, &fixed, base, |_| None);
                    match (first, fresh) {
                        (Some(a), Some(b)) => Some(if b.0 < a.0 { b } else { a }),
                        (a, b) => a.or(b),
                    }
                }
                first => first,
            };
            let (e, placed) = best.ok_or(LayoutError::TooLarge)?;
            let mut copies = 0;
            for &(v, at) in &placed {
                let bytes = self.f.value_type(v).bytes();
                all.add(at, bytes);
                *align = (*align).max(bytes);
                copies += u32::from(*usual.entry(v).or_insert(at) != at);
            }
            layout.copies = layout.copies.max(copies);
            end = end.max(e);
            layout.saved[point] = placed;
        }
        Ok(end)
    }

    fn fill(
        &self,
        values: &[Value],
        fixed: &Intervals,
        base: u32,
        prefer: impl Fn(Value) -> Option<u32>,
    ) -> Option<(u32, Vec<(Value, u32)>)> {
        let mut holes = HoleFiller::new(fixed, base);
        let mut placed = Vec::with_capacity(values.len());
        let mut end = base;
        let mut rest = Vec::new();
        for &v in values {
            let bytes = self.f.value_type(v).bytes();
            match prefer(v) {
                Some(at) if holes.take_at(at, bytes) => {
                    placed.push((v, at));
                    end = end.max(at + bytes);
                }
                _ => rest.push(v),
            }
        }
        for v in rest {
            let bytes = self.f.value_type(v).bytes();
            let at = holes.take(bytes)?;
            placed.push((v, at));
            end = end.max(at + bytes);
        }
        placed.sort_unstable();
        Some((end, placed))
    }

    /// Floor and clique: what no layout can beat.
    fn bounds(&self, layout: &mut FrameLayout) {
        let header = u64::from(self.abi.link_bytes) + u64::from(layout.tag_bytes);
        let params: u64 = self.params.iter().map(|&p| u64::from(self.objects.size(p))).sum();
        let result: u64 =
            self.f.sig.results.iter().map(|&t| u64::from(self.module.size_align(t).0)).sum();
        let (mut floor, mut clique) = (params.max(result), params.max(result));
        for point in self.f.suspends.keys() {
            let Some(block) = self.at[point] else { continue };
            let term = self.f.term(block);
            let values: u64 = self.live.values_across[point]
                .iter()
                .map(|&v| u64::from(self.f.value_type(v).bytes()))
                .sum();
            let slots = |of: &dyn Fn(Slot) -> u64| -> u64 {
                self.live.slots_across[point].iter().map(|&s| of(s)).sum()
            };
            let actual =
                |s: Slot| self.slots.get(&s).map_or(0, |&o| u64::from(self.objects.size(o)));
            let least = |s: Slot| match self.f.slots[s].ty {
                Ty::Future(func) if self.module.funcs[func].kind == FuncKind::Generator => {
                    u64::from(self.layouts[&func].floor_bytes)
                }
                _ => actual(s),
            };
            let records = self.records[point].map_or(0, |o| u64::from(self.objects.size(o)));
            let (mut least_bound, mut actual_bound) = (records, records);
            for (awaitee, _) in awaitees(term) {
                if let Some((size, _, floor)) = storage(self.module, self.f, self.layouts, awaitee)
                {
                    least_bound += u64::from(floor);
                    actual_bound += u64::from(size);
                }
            }
            let item = if matches!(term, Terminator::Yield { .. }) { result } else { 0 };
            floor = floor.max(values + slots(&least) + least_bound + item);
            clique = clique.max(values + slots(&actual) + actual_bound + item);
        }
        let narrow = |n: u64| u32::try_from(n).unwrap_or(MAX_BYTES);
        layout.floor_bytes = narrow(floor + header);
        layout.floor =
            layout.floor_bytes.checked_next_multiple_of(layout.align).unwrap_or(MAX_BYTES);
        layout.clique =
            narrow(clique + header).checked_next_multiple_of(layout.align).unwrap_or(MAX_BYTES);
    }
}

/// Free ranges of one suspend point, given out smallest-fitting first from the bottom. Values are
/// asked for in descending size, so padding appears only next to fixed objects.
struct HoleFiller {
    /// Free (start, end), ascending; the last is open-ended.
    free: Vec<(u32, u32)>,
}

impl HoleFiller {
    fn new(fixed: &Intervals, base: u32) -> Self {
        let mut free = Vec::new();
        let mut at = base;
        for (s, e) in fixed.sorted() {
            if s > at {
                free.push((at, s));
            }
            at = at.max(e);
        }
        free.push((at, MAX_BYTES));
        Self { free }
    }

    /// Takes exactly this range if it is free.
    fn take_at(&mut self, at: u32, bytes: u32) -> bool {
        let i = self.free.partition_point(|&(s, _)| s <= at);
        let Some(i) = i.checked_sub(1) else { return false };
        let (s, e) = self.free[i];
        if at + bytes > e {
            return false;
        }
        let pieces = [(s, at), (at + bytes, e)];
        self.free.splice(i..=i, pieces.into_iter().filter(|p| p.0 < p.1));
        true
    }

    /// Takes the lowest range that fits, aligned to its size.
    fn take(&mut self, bytes: u32) -> Option<u32> {
        let at = self.free.iter().find_map(|&(s, e)| {
            let at = s.checked_next_multiple_of(bytes)?;
            (at.checked_add(bytes)? <= e).then_some(at)
        })?;
        self.take_at(at, bytes).then_some(at)
    }
}
