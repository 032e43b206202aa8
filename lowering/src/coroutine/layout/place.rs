//! Gives every object of a [`Planner`] its offset, saved values their holes, and the tag what is left.

use super::super::pack::Intervals;
use super::relate::Planner;
use super::{Bound, FrameLayout, LayoutError, awaitees, storage};
use crate::ir::{FuncKind, MAX_BYTES, Slot, Suspend, Terminator, Ty, Value};
use std::collections::BTreeMap;

impl Planner<'_> {
    /// Packs everything.
    pub(super) fn finish(mut self) -> Result<FrameLayout, LayoutError> {
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
