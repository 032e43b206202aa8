//! A map from entities that is cheap to copy and to compare where it was not changed.
//!
//! Entities are cut into pieces of 64. Copies share their pieces; a change copies one:
//!
//! ```text
//!  map A   ┌─ ● ─┬─ ● ─┬─ ● ─┐          map B, a copy with a change in the second piece
//!          └──│──┴──│──┴──│──┘
//!             ▼     ▼     ▼
//!           0‥63  64‥127 128‥      B:  the first and the third piece of A, and one of its own
//! ```
//!
//! A dataflow that keeps such a map per block thus spends time where blocks differ: the facts of two
//! blocks are compared and merged piece by piece, and pieces that both share are not looked into.
//!
//! * **I1** No piece is empty, and no map ends with a missing piece: maps with equal entries have
//!   pieces at the same places.
//!
//! Cost: copy and comparison (entities / 64) plus 64 per piece that differs; access logarithmic in 64.

use crate::ir::entity::EntityRef;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Entities of one piece.
const WIDTH: usize = 64;

/// Something that an entity may be mapped to.
pub(super) trait Mark: Clone + PartialEq {
    /// Whether [`Pieces::marked`] finds it.
    fn is_marked(&self) -> bool;
}

impl Mark for bool {
    fn is_marked(&self) -> bool {
        false
    }
}

/// Entries of up to 64 neighbours.
#[derive(Clone, Debug)]
pub(super) struct Piece<K, V> {
    entries: BTreeMap<K, V>,
    n_marked: u32,
}

impl<K: EntityRef, V: Mark> Piece<K, V> {
    /// Its entries, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        self.entries.iter().map(|(&k, v)| (k, v))
    }

    /// The entry of a key.
    pub(super) fn get(&self, key: K) -> Option<&V> {
        self.entries.get(&key)
    }

    /// Whether some entry is marked.
    pub(super) fn has_marked(&self) -> bool {
        self.n_marked > 0
    }
}

type Shared<K, V> = Option<Rc<Piece<K, V>>>;

/// The map.
#[derive(Clone, Debug)]
pub(super) struct Pieces<K, V> {
    pieces: Vec<Shared<K, V>>,
}

impl<K, V> Default for Pieces<K, V> {
    fn default() -> Self {
        Self { pieces: Vec::new() }
    }
}

impl<K: EntityRef, V: Mark> PartialEq for Pieces<K, V> {
    fn eq(&self, other: &Self) -> bool {
        let pieces = self.pieces.iter().zip(&other.pieces);
        self.pieces.len() == other.pieces.len() && pieces.into_iter().all(|(a, b)| same(a, b))
    }
}

fn same<K: EntityRef, V: Mark>(a: &Shared<K, V>, b: &Shared<K, V>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => Rc::ptr_eq(a, b) || a.entries == b.entries,
        (None, None) => true,
        _ => false,
    }
}

impl<K: EntityRef, V: Mark> Pieces<K, V> {
    /// The entry of a key.
    pub(super) fn get(&self, key: K) -> Option<&V> {
        self.piece(key.index() / WIDTH)?.get(key)
    }

    /// Whether a key has an entry.
    pub(super) fn contains(&self, key: K) -> bool {
        self.get(key).is_some()
    }

    /// Sets the entry of a key.
    pub(super) fn insert(&mut self, key: K, value: V) {
        let n = key.index() / WIDTH;
        if self.pieces.len() <= n {
            self.pieces.resize_with(n + 1, || None);
        }
        let piece = self.pieces[n]
            .get_or_insert_with(|| Rc::new(Piece { entries: BTreeMap::new(), n_marked: 0 }));
        let piece = Rc::make_mut(piece);
        piece.n_marked += u32::from(value.is_marked());
        let old = piece.entries.insert(key, value);
        piece.n_marked -= u32::from(old.is_some_and(|v| v.is_marked()));
    }

    /// Removes the entry of a key, if it has one.
    pub(super) fn remove(&mut self, key: K) {
        if !self.contains(key) {
            return;
        }
        let n = key.index() / WIDTH;
        if let Some(piece) = &mut self.pieces[n] {
            let piece = Rc::make_mut(piece);
            let old = piece.entries.remove(&key);
            piece.n_marked -= u32::from(old.is_some_and(|v| v.is_marked()));
            if piece.entries.is_empty() {
                self.pieces[n] = None;
            }
        }
        while let Some(None) = self.pieces.last() {
            self.pieces.pop();
        }
    }

    /// All entries, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        self.pieces.iter().flatten().flat_map(|piece| piece.iter())
    }

    /// The marked entries, in order.
    pub(super) fn marked(&self) -> impl Iterator<Item = (K, &V)> {
        let pieces = self.pieces.iter().flatten().filter(|piece| piece.has_marked());
        pieces.flat_map(|piece| piece.iter()).filter(|(_, v)| v.is_marked())
    }

    /// Number of the last piece, plus one.
    pub(super) fn n_pieces(&self) -> usize {
        self.pieces.len()
    }

    /// The `n`th piece, if it has an entry.
    pub(super) fn piece(&self, n: usize) -> Option<&Piece<K, V>> {
        self.pieces.get(n)?.as_deref()
    }

    /// Whether the `n`th piece of both is one and the same, or missing.
    pub(super) fn shares(&self, other: &Self, n: usize) -> bool {
        match (self.piece(n), other.piece(n)) {
            (Some(a), Some(b)) => std::ptr::eq(a, b),
            (None, None) => true,
            _ => false,
        }
    }

    /// Takes over each piece of `other` whose entries are equal to ours, so that the two share it.
    pub(super) fn share_with(&mut self, other: &Self) {
        for (mine, theirs) in self.pieces.iter_mut().zip(&other.pieces) {
            if same(mine, theirs) {
                mine.clone_from(theirs);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::entity::Slot;

    impl Mark for u8 {
        fn is_marked(&self) -> bool {
            self % 2 == 1
        }
    }

    type Model = BTreeMap<Slot, u8>;

    /// Inserts and removes `n` entries of both, chosen by `seed`.
    fn change(map: &mut Pieces<Slot, u8>, model: &mut Model, seed: &mut u64, n: usize) {
        for _ in 0..n {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let key = Slot::from_u32((*seed >> 33) as u32 % 300);
            let value = (*seed >> 56) as u8;
            if value < 100 {
                map.remove(key);
                model.remove(&key);
            } else {
                map.insert(key, value);
                model.insert(key, value);
            }
        }
    }

    fn assert_equal(map: &Pieces<Slot, u8>, model: &Model) {
        assert!(map.iter().map(|(k, v)| (k, *v)).eq(model.iter().map(|(&k, &v)| (k, v))));
        let odd = model.iter().filter(|(_, v)| v.is_marked());
        assert!(map.marked().map(|(k, _)| k).eq(odd.map(|(&k, _)| k)));
    }

    #[test]
    fn is_a_map_whose_copies_do_not_see_changes() {
        for mut seed in 0..200 {
            let (mut map, mut model) = (Pieces::default(), Model::new());
            let n = seed as usize % 70;
            change(&mut map, &mut model, &mut seed, n);
            let (mut copy, mut copied) = (map.clone(), model.clone());
            change(&mut copy, &mut copied, &mut seed, 5);
            assert_equal(&map, &model);
            assert_equal(&copy, &copied);
            assert_eq!(map == copy, model == copied);
            copy.share_with(&map);
            assert_equal(&copy, &copied);
        }
    }

    #[test]
    fn copies_share_what_was_not_changed() {
        let mut map = Pieces::default();
        (0..200).for_each(|n| map.insert(Slot::from_u32(n), 2));
        let mut copy = map.clone();
        copy.insert(Slot::from_u32(70), 4);
        assert_eq!([0, 1, 2, 3].map(|n| copy.shares(&map, n)), [true, false, true, true]);
        copy.insert(Slot::from_u32(70), 2);
        copy.share_with(&map);
        assert!(copy.shares(&map, 1));
    }
}
