//! Every task that is not over: for shutdown and for the task dump.
//!
//! An intrusive doubly linked list per shard, so that spawning allocates nothing for it. The list
//! owns one reference to each task: a task that nobody can wake any more stays visible (and is
//! reported as waiting for ever) instead of silently disappearing.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::cell::{Header, TaskRef};

const N_SHARDS: usize = 8;

/// Neighbours in the list of a shard.
#[derive(Debug, Default)]
pub(crate) struct Links {
    previous: Option<NonNull<Header>>,
    next: Option<NonNull<Header>>,
    linked: bool,
}

#[derive(Debug, Default)]
struct Shard {
    first: Option<NonNull<Header>>,
}

// SAFETY: the pointers lead to tasks that the list owns a reference to.
unsafe impl Send for Shard {}

/// The set of living tasks.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    shards: [Mutex<Shard>; N_SHARDS],
    n_tasks: AtomicUsize,
}

/// The links of `task`.
///
/// # Safety
///
/// `task` is alive and the caller holds the lock of its shard; no other reference to its links is.
unsafe fn links<'a>(task: NonNull<Header>) -> &'a mut Links {
    // SAFETY: the task is alive (caller).
    let cell = unsafe { &(*task.as_ptr()).links };
    // SAFETY: the shard's lock guards the links (caller).
    unsafe { &mut *cell.get() }
}

impl Registry {
    fn shard(&self, task: &TaskRef) -> &Mutex<Shard> {
        &self.shards[task.header().id as usize % N_SHARDS]
    }

    /// Adds a task; takes over the reference.
    pub(crate) fn insert(&self, task: TaskRef) {
        let mut shard = self.shard(&task).lock();
        let this = task.as_ptr();
        if let Some(first) = shard.first {
            // SAFETY: a task in the list is alive and its shard is locked.
            unsafe { links(first) }.previous = Some(this);
        }
        // SAFETY: we hold a reference and the lock of its shard.
        *unsafe { links(this) } = Links { previous: None, next: shard.first, linked: true };
        shard.first = Some(task.into_raw());
        // Relaxed: a count; whoever waits for zero is told so by the last remover.
        self.n_tasks.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes a task out; the reference of the list, if it was in it.
    pub(crate) fn remove(&self, task: &TaskRef) -> Option<TaskRef> {
        let mut shard = self.shard(task).lock();
        // SAFETY: we hold a reference and the lock of its shard.
        let Links { previous, next, linked } = std::mem::take(unsafe { links(task.as_ptr()) });
        if !linked {
            return None;
        }
        match previous {
            // SAFETY: a task in the list is alive and its shard is locked.
            Some(p) => unsafe { links(p) }.next = next,
            None => shard.first = next,
        }
        if let Some(n) = next {
            // SAFETY: as above.
            unsafe { links(n) }.previous = previous;
        }
        // AcqRel: the one who sees zero sees what the others did.
        self.n_tasks.fetch_sub(1, Ordering::AcqRel);
        // SAFETY: this is the reference that `insert` took over.
        Some(unsafe { TaskRef::from_raw(task.as_ptr()) })
    }

    /// All tasks, by id.
    pub(crate) fn all(&self) -> Vec<TaskRef> {
        let mut all = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock();
            let mut at = shard.first;
            while let Some(task) = at {
                // SAFETY: the list owns a reference; the clone is ours, the original is forgotten.
                let listed = std::mem::ManuallyDrop::new(unsafe { TaskRef::from_raw(task) });
                all.push(TaskRef::clone(&listed));
                // SAFETY: a task in the list is alive and its shard is locked.
                at = unsafe { links(task) }.next;
            }
        }
        all.sort_by_key(|t| t.header().id);
        all
    }

    /// Number of tasks.
    pub(crate) fn len(&self) -> usize {
        // Acquire: pairs with `remove`.
        self.n_tasks.load(Ordering::Acquire)
    }
}
