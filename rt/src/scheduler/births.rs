//! When tasks were born, without a word in each: ids are sequential, so a list of (id, time) tells the
//! time of any id.
//!
//! Whoever looks at the clock notes how far the ids are. A task was born before the first note with a
//! larger id than its own; since a spawn wakes a worker, and a worker that was woken looks at the
//! clock, that note is not long after. When the list is full it is thinned out, the more the older the
//! notes: an age is told to a few percent of itself.
//!
//! The list has its full size from the first note on and is thinned out in place: no note allocates in
//! the steady state.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// Notes that are kept.
const MAX_NOTES: usize = 4096;
/// Notes that are kept are this part of their age apart.
const PART: u64 = 64;
/// Time between two notes.
const STEP_NS: u64 = 100_000;

#[derive(Debug, Default)]
pub(crate) struct Births {
    /// (first id that was not given yet, when), both growing.
    notes: Mutex<Vec<(u64, u64)>>,
    /// The last note.
    last_id: AtomicU64,
    last_ns: AtomicU64,
}

impl Births {
    /// Ids below `next_id` were given before `now_ns`.
    pub(crate) fn note(&self, next_id: u64, now_ns: u64) {
        // Relaxed: a look that comes too early or too late costs precision only.
        if self.last_id.load(Ordering::Relaxed) == next_id
            || now_ns.saturating_sub(self.last_ns.load(Ordering::Relaxed)) < STEP_NS
        {
            return;
        }
        let mut notes = self.notes.lock();
        if notes.last().is_some_and(|&(id, ns)| id >= next_id || ns > now_ns) {
            return;
        }
        if notes.capacity() == 0 {
            notes.reserve_exact(MAX_NOTES);
        } else if notes.len() == MAX_NOTES {
            thin_out(&mut notes, now_ns);
        }
        notes.push((next_id, now_ns));
        self.last_id.store(next_id, Ordering::Relaxed);
        self.last_ns.store(now_ns, Ordering::Relaxed);
    }

    /// When the task was born; `None` if that was after the last note.
    pub(crate) fn of(&self, id: u64) -> Option<u64> {
        let notes = self.notes.lock();
        let at = notes.partition_point(|&(next_id, _)| next_id <= id);
        notes.get(at).map(|&(_, ns)| ns)
    }
}

/// Keeps what is needed to tell an age to a part of itself; the newest note is always kept.
fn thin_out(notes: &mut Vec<(u64, u64)>, now_ns: u64) {
    let (mut first_kept, mut kept_ns) = (notes.len(), u64::MAX);
    for at in (0..notes.len()).rev() {
        let (id, ns) = notes[at];
        if kept_ns - ns >= (now_ns - ns) / PART {
            first_kept -= 1;
            notes[first_kept] = (id, ns);
            kept_ns = ns;
        }
    }
    notes.drain(..first_kept);
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn task_is_as_old_as_the_first_note_after_it() {
        let births = Births::default();
        births.note(1, 200_000);
        births.note(4, 500_000);
        births.note(9, 500_001); // too soon
        births.note(10, 900_000);
        let ns = |id| births.of(id);
        assert_eq!(
            [ns(0), ns(3), ns(4), ns(9)],
            [Some(200_000), Some(500_000), Some(900_000), Some(900_000)]
        );
        assert_eq!(ns(10), None);
    }

    #[test]
    fn old_notes_are_thinned_out_and_ages_stay_right_to_a_part() {
        let births = Births::default();
        const N: u64 = 100_000;
        for id in 1..=N {
            births.note(id + 1, id * STEP_NS);
        }
        let notes = births.notes.lock();
        let (n, room) = (notes.len(), notes.capacity());
        drop(notes);
        assert!(n <= MAX_NOTES && room == MAX_NOTES, "{n} notes in the room for {room}");
        for id in (1..=N).step_by(97) {
            let (age, real) = (N * STEP_NS - births.of(id).unwrap(), (N - id) * STEP_NS);
            assert!(age <= real && real - age <= real / 16 + STEP_NS, "{id}: {age} of {real}");
        }
    }
}
