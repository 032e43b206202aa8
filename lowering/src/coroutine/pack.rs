//! Packs objects of known size into as few bytes as their interference allows.
//!
//! In: objects with size and alignment, and which of them may not share a byte. Out: an offset for
//! each. The problem is NP-hard (colouring with weights); each of a few orders is tried with
//! first-fit and the smallest result kept. Where an object has an *affinity* (it is moved to or from
//! another, so that equal places save a copy) that place is tried first.
//!
//! Cost: per order, objects × neighbours × log neighbours.

use std::cmp::Reverse;

/// Something that wants a place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object {
    pub(crate) size: u32,
    pub(crate) align: u32,
    /// Bytes before it that belong to it; its offset is behind them.
    pub(crate) lead: u32,
    /// Objects it may not overlap; symmetric, may have repetitions.
    pub(crate) conflicts: Vec<usize>,
    /// (other, delta): best placed at the other's offset plus delta.
    pub(crate) affinities: Vec<(usize, i64)>,
}

impl Object {
    fn bytes(&self) -> u32 {
        self.lead + self.size
    }
}

/// A set of objects and their relations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Objects {
    items: Vec<Object>,
}

impl Objects {
    pub(crate) fn add(&mut self, size: u32, align: u32) -> usize {
        self.items.push(Object { size, align: align.max(1), ..Object::default() });
        self.items.len() - 1
    }

    /// As [`Self::add`], for something with `lead` bytes before it: it takes place from
    /// `offset - lead` to `offset + size`, and both are aligned.
    pub(crate) fn add_behind(&mut self, lead: u32, size: u32, align: u32) -> usize {
        let align = align.max(lead);
        self.items.push(Object { size, align, lead: align, ..Object::default() });
        self.items.len() - 1
    }

    /// Bytes that an object takes.
    pub(crate) fn bytes(&self, i: usize) -> u32 {
        self.items[i].bytes()
    }

    /// Where an object at this offset begins to take bytes.
    pub(crate) fn start(&self, i: usize, offset: u32) -> u32 {
        offset - self.items[i].lead
    }

    pub(crate) fn conflict(&mut self, a: usize, b: usize) {
        if a != b {
            self.items[a].conflicts.push(b);
            self.items[b].conflicts.push(a);
        }
    }

    /// `a` is best placed `delta` bytes after `b`.
    pub(crate) fn attract(&mut self, a: usize, b: usize, delta: u32) {
        self.items[a].affinities.push((b, i64::from(delta)));
        self.items[b].affinities.push((a, -i64::from(delta)));
    }

    /// Largest alignment.
    pub(crate) fn align(&self) -> u32 {
        self.items.iter().map(|o| o.align).max().unwrap_or(1)
    }

    /// Offsets for all, none below `base`; `None` if one would pass `limit`.
    pub(crate) fn pack(&mut self, base: u32, limit: u32) -> Option<Vec<u32>> {
        for o in &mut self.items {
            o.conflicts.sort_unstable();
            o.conflicts.dedup();
        }
        let mut orders: [Vec<usize>; 3] = std::array::from_fn(|_| (0..self.items.len()).collect());
        orders[0].sort_by_key(|&i| (Reverse(self.bytes(i)), i));
        orders[1].sort_by_key(|&i| (Reverse(self.items[i].align), Reverse(self.bytes(i)), i));
        let heavy = |i: usize| {
            let o = &self.items[i];
            u64::from(o.bytes())
                + o.conflicts.iter().map(|&j| u64::from(self.bytes(j))).sum::<u64>()
        };
        orders[2].sort_by_cached_key(|&i| (Reverse(heavy(i)), Reverse(self.bytes(i)), i));
        orders
            .iter()
            .filter_map(|order| self.first_fit(order, base, limit))
            .min_by_key(|(end, _)| *end)
            .map(|(_, offsets)| offsets)
    }

    fn first_fit(&self, order: &[usize], base: u32, limit: u32) -> Option<(u32, Vec<u32>)> {
        let mut place: Vec<Option<u32>> = vec![None; self.items.len()];
        let mut end = base;
        let mut taken = Intervals::default();
        for &i in order {
            let o = &self.items[i];
            taken.clear();
            for &j in &o.conflicts {
                if let Some(at) = place[j] {
                    taken.add(at, self.bytes(j));
                }
            }
            let wish = o.affinities.iter().find_map(|&(j, delta)| {
                let leads = i64::from(self.items[j].lead) - i64::from(o.lead);
                let at = u32::try_from(i64::from(place[j]?) + delta + leads).ok()?;
                (at >= base && at % o.align == 0 && taken.is_free(at, o.bytes())).then_some(at)
            });
            let at = match wish {
                // Not at the price of a larger frame.
                Some(at) if at + o.bytes() <= end || taken.is_empty() => at,
                _ => taken.first_fit(base, o.bytes(), o.align)?,
            };
            let last = at.checked_add(o.bytes()).filter(|&e| e <= limit)?;
            end = end.max(last);
            place[i] = Some(at);
        }
        let offset = |(p, o): (Option<u32>, &Object)| p.unwrap_or(base) + o.lead;
        Some((end, place.into_iter().zip(&self.items).map(offset).collect()))
    }
}

/// Taken byte ranges.
#[derive(Clone, Debug, Default)]
pub(crate) struct Intervals {
    /// (start, end), unordered until asked.
    ranges: Vec<(u32, u32)>,
    sorted: bool,
}

impl Intervals {
    pub(crate) fn clear(&mut self) {
        self.ranges.clear();
    }
    fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }
    pub(crate) fn add(&mut self, at: u32, size: u32) {
        if size != 0 {
            self.ranges.push((at, at + size));
            self.sorted = false;
        }
    }
    pub(crate) fn is_free(&self, at: u32, size: u32) -> bool {
        self.ranges.iter().all(|&(s, e)| at + size <= s || e <= at)
    }
    /// Lowest aligned free offset from `base` up.
    pub(crate) fn first_fit(&mut self, base: u32, size: u32, align: u32) -> Option<u32> {
        if !self.sorted {
            self.ranges.sort_unstable();
            self.sorted = true;
        }
        let mut at = base.checked_next_multiple_of(align)?;
        if size == 0 {
            return Some(at);
        }
        for &(s, e) in &self.ranges {
            if at.checked_add(size)? <= s {
                break;
            }
            if e > at {
                at = e.checked_next_multiple_of(align)?;
            }
        }
        Some(at)
    }
}

impl Intervals {
    /// The taken ranges, ascending by start.
    pub(crate) fn sorted(&self) -> Vec<(u32, u32)> {
        let mut ranges = self.ranges.clone();
        ranges.sort_unstable();
        ranges
    }
}
