//! Gives every object of a [`Planner`] its offset, saved values their holes, and the tag what is left.

use super::super::pack::Intervals;
use super::relate::Planner;
use super::{Bound, FrameLayout, LayoutError, awaitees, own_leaf, shields};
use crate::ir::{FuncKind, Function, MAX_BYTES, Slot, Suspend, Terminator, Ty, Value};
use std::collections::BTreeMap;

impl Planner<'_> {
    /// Packs everything.
    pub(super) fn finish(mut self) -> Result<FrameLayout, LayoutError> {
        let offsets = self.objects.pack(0, MAX_BYTES).ok_or(LayoutError::TooLarge)?;
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
                    records: self.records[p].iter().map(|&o| offsets[o]).collect(),
                    places: self.places[p].iter().map(|o| o.map(|o| offsets[o])).collect(),
                })
                .collect(),
            saved: self.f.suspends.keys().map(|_| Vec::new()).collect(),
            ..FrameLayout::default()
        };
        let mut end = 0;
        let mut all = Intervals::default();
        let things =
            offsets.iter().enumerate().filter(|(i, _)| self.rooms.binary_search(i).is_err());
        for (i, &offset) in things {
            let at = self.objects.start(i, offset);
            all.add(at, self.objects.bytes(i));
            end = end.max(at + self.objects.bytes(i));
        }
        let mut align = self.objects.align();
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
            all.first_fit(0, layout.tag_bytes, layout.tag_bytes).ok_or(LayoutError::TooLarge)?;
        layout.used = end.max(layout.tag_offset + layout.tag_bytes);
        layout.align = align.max(layout.tag_bytes);
        layout.size = layout
            .used
            .checked_next_multiple_of(layout.align)
            .filter(|&s| s <= MAX_BYTES)
            .ok_or(LayoutError::TooLarge)?;
        self.bounds(&mut layout);
        (layout.own_leaf, layout.shields) = (own_leaf(self.f), shields(self.f));
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
            let mut occupy = |o: usize| {
                fixed.add(self.objects.start(o, offsets[o]), self.objects.bytes(o));
            };
            self.places[point].iter().flatten().copied().for_each(&mut occupy);
            self.records[point].iter().copied().for_each(&mut occupy);
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
            let first = fill(self.f, &values, &fixed, prefer);
            let best = match first {
                Some((e, _)) if e > end => {
                    // Old places are not worth a larger frame.
                    let fresh = fill(self.f, &values, &fixed, |_| None);
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

    /// Floor and clique: what no layout can beat.
    fn bounds(&self, layout: &mut FrameLayout) {
        let tag = u64::from(layout.tag_bytes);
        let link = u64::from(self.abi.link_bytes);
        let bytes = |o: usize| u64::from(self.objects.bytes(o));
        let params: u64 = self.params.iter().map(|&p| bytes(p)).sum();
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
            let actual = |s: Slot| self.slots.get(&s).map_or(0, |&o| bytes(o));
            let least = |s: Slot| match self.f.slots[s].ty {
                Ty::Future(func) if self.module.funcs[func].kind == FuncKind::Generator => {
                    link + u64::from(self.layouts[&func].floor_bytes)
                }
                _ => actual(s),
            };
            let records: u64 = self.records[point].iter().map(|&o| bytes(o)).sum();
            let (mut least_bound, mut actual_bound) = (records, records);
            for ((awaitee, _), &place) in awaitees(term).iter().zip(&self.places[point]) {
                let Some(place) = place else { continue };
                actual_bound += bytes(place);
                least_bound += match self.child(awaitee) {
                    Some(func) => {
                        let linked = matches!(term, Terminator::Await { .. });
                        let floor = u64::from(self.layouts[&func].floor_bytes);
                        floor + if linked { link } else { 0 }
                    }
                    None => bytes(place),
                };
            }
            let item = if matches!(term, Terminator::Yield { .. }) { result } else { 0 };
            floor = floor.max(values + slots(&least) + least_bound + item);
            clique = clique.max(values + slots(&actual) + actual_bound + item);
        }
        let narrow = |n: u64| u32::try_from(n).unwrap_or(MAX_BYTES);
        layout.floor_bytes = narrow(floor + tag);
        layout.floor =
            layout.floor_bytes.checked_next_multiple_of(layout.align).unwrap_or(MAX_BYTES);
        layout.clique =
            narrow(clique + tag).checked_next_multiple_of(layout.align).unwrap_or(MAX_BYTES);
    }
}

/// Places the saved values of one suspend point, where they were before if that is free; answers the
/// end of the last.
fn fill(
    f: &Function,
    values: &[Value],
    fixed: &Intervals,
    prefer: impl Fn(Value) -> Option<u32>,
) -> Option<(u32, Vec<(Value, u32)>)> {
    let mut holes = HoleFiller::new(fixed);
    let mut placed = Vec::with_capacity(values.len());
    let mut end = 0;
    let mut rest = Vec::new();
    for &v in values {
        let bytes = f.value_type(v).bytes();
        match prefer(v) {
            Some(at) if holes.take_at(at, bytes) => {
                placed.push((v, at));
                end = end.max(at + bytes);
            }
            _ => rest.push(v),
        }
    }
    for v in rest {
        let bytes = f.value_type(v).bytes();
        let at = holes.take(bytes)?;
        placed.push((v, at));
        end = end.max(at + bytes);
    }
    placed.sort_unstable();
    Some((end, placed))
}

/// Free ranges of one suspend point, given out smallest-fitting first from the bottom. Values are
/// asked for in descending size, so padding appears only next to fixed objects.
struct HoleFiller {
    /// Free (start, end), ascending; the last is open-ended.
    free: Vec<(u32, u32)>,
}

impl HoleFiller {
    fn new(fixed: &Intervals) -> Self {
        let mut free = Vec::new();
        let mut at = 0;
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
