//! What counting cannot free: objects in cycles, told when the program has ended.
//!
//! Only objects of types that can contain themselves can be in a cycle; the compiler marks those
//! ([`TypeDesc::flags`]), and only they are counted here, per thread and type. When no task is left,
//! the ones that are still alive are held by nothing but each other.
//!
//! Cost: nothing for other types; one uncontended lock per allocation and per release for these.

use super::object::TypeDesc;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// `TypeDesc.flags`: the type can contain itself.
pub const RECURSIVE: u32 = 1;

/// Objects alive per descriptor (its address, the type's name): allocations minus releases of one
/// thread.
type Counts = Mutex<Vec<(usize, String, i64)>>;

/// The counts of all threads.
static ALL: Mutex<Vec<Arc<Counts>>> = Mutex::new(Vec::new());

std::thread_local! {
    static OWN: Arc<Counts> = {
        let own = Arc::<Counts>::default();
        lock(&ALL).push(own.clone());
        own
    };
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes an allocation (1) or a release (−1) of an object of a recursive type.
pub(crate) fn note(desc: &TypeDesc, n: i64) {
    let address = std::ptr::from_ref(desc).addr();
    // Past the end of the thread's locals nobody asks any more.
    let _ = OWN.try_with(|own| {
        let mut own = lock(own);
        match own.iter_mut().find(|(known, ..)| *known == address) {
            Some((.., count)) => *count += n,
            None => own.push((address, desc.name().to_owned(), n)),
        }
    });
}

/// Names and numbers of the objects that are still alive, by name; starts counting anew. To be asked
/// when no task is left.
pub fn take() -> Vec<(String, i64)> {
    let mut by_name: BTreeMap<String, i64> = BTreeMap::new();
    let mut all = lock(&ALL);
    for counts in all.iter() {
        for (_, name, n) in lock(counts).drain(..) {
            *by_name.entry(name).or_default() += n;
        }
    }
    // Those of threads that have ended are empty now.
    all.retain(|counts| Arc::strong_count(counts) > 1);
    by_name.into_iter().filter(|(_, n)| *n > 0).collect()
}

/// What is said about objects in cycles; empty if there are none. As [`take`].
pub fn told() -> String {
    let leaked = take();
    if leaked.is_empty() {
        return String::new();
    }
    let each: Vec<String> = leaked.iter().map(|(name, n)| format!("{n} of `{name}`")).collect();
    let n: i64 = leaked.iter().map(|(_, n)| n).sum();
    format!(
        "note: {n} object(s) in cycles were never freed: {}\n   = help: set a field of each cycle \
         to null when it is no longer needed\n",
        each.join(", ")
    )
}
