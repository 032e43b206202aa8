//! Names for things that end when they like: a slot number and how often the slot was used before,
//! dressed up as a pointer.
//!
//! ```text
//! 63            32 31                  4 3  0
//! ├ generation ───┼ slot + 1 ───────────┼ 0 ┤
//! ```
//!
//! A name whose slot was freed is found to be old and answers nothing; it takes 2³² uses of one slot
//! until a name comes back. Looking one up costs a shared lock.

use std::sync::Arc;

use parking_lot::RwLock;

use crate::task::Control;

const SHIFT: u32 = 4;

struct Table {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

struct Slot {
    generation: u32,
    control: Option<Arc<Control>>,
}

static TABLE: RwLock<Table> = RwLock::new(Table { slots: Vec::new(), free: Vec::new() });

/// Gives `control` a name.
pub(crate) fn insert(control: Arc<Control>) -> usize {
    let mut table = TABLE.write();
    let at = match table.free.pop() {
        Some(at) => at,
        None => {
            table.slots.push(Slot { generation: 0, control: None });
            table.slots.len() as u32 - 1
        }
    };
    let slot = &mut table.slots[at as usize];
    slot.control = Some(control);
    ((slot.generation as usize) << 32) | ((at as usize + 1) << SHIFT)
}

/// The slot and the generation in a name.
fn parts(name: usize) -> Option<(usize, u32)> {
    let at = ((name & 0xffff_ffff) >> SHIFT).checked_sub(1)?;
    Some((at, (name >> 32) as u32))
}

/// What a name names, if it is still there.
pub(crate) fn get(name: usize) -> Option<Arc<Control>> {
    let (at, generation) = parts(name)?;
    let table = TABLE.read();
    table.slots.get(at).filter(|slot| slot.generation == generation)?.control.clone()
}

/// Frees a name; the thing itself lives on while others refer to it.
pub(crate) fn remove(name: usize) {
    let Some((at, generation)) = parts(name) else { return };
    let mut table = TABLE.write();
    let Some(slot) = table.slots.get_mut(at).filter(|slot| slot.generation == generation) else {
        return;
    };
    let control = slot.control.take();
    slot.generation = slot.generation.wrapping_add(1);
    table.free.push(at as u32);
    drop(table);
    drop(control); // outside of the lock: it may drop a waker
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_name_names_nothing() {
        let first = insert(Arc::new(Control::new()));
        assert!(get(first).is_some());
        remove(first);
        assert!(get(first).is_none());
        let second = insert(Arc::new(Control::new()));
        assert!(get(first).is_none() && get(second).is_some());
        remove(first);
        assert!(get(second).is_some());
        remove(second);
        for never in [0, 1, 15, usize::MAX, 1 << 40] {
            assert!(get(never).is_none());
            remove(never);
        }
    }
}
