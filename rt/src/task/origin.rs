//! Where a task was spawned, and what its spawner said about it: one word.

use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use super::builder::Class;
use crate::scheduler::LocalQueue;

/// What was said about a task beside where it was spawned.
#[derive(Debug)]
pub(crate) struct Details {
    pub(crate) location: &'static Location<'static>,
    pub(crate) name: Option<Box<str>>,
    pub(crate) class: Class,
    /// Of a task that stays on its thread.
    pub(crate) place: Option<Place>,
    /// Whether the priority may change.
    pub(crate) may_change: bool,
    pub(crate) seat: Seat,
}

/// What of a task changes under [`Policy::Priority`](crate::runtime::Policy::Priority), under the lock of
/// the injector.
#[derive(Debug, Default)]
pub(crate) struct Seat {
    /// In place of that of the class.
    priority: AtomicU8,
    /// Where the task was last queued; see [`crate::scheduler`]'s policies.
    number: AtomicU64,
}

/// Where a local task belongs.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) queue: Arc<LocalQueue>,
    /// Among the tasks of its set.
    pub(crate) key: usize,
}

impl Details {
    /// Nothing but where a task was spawned.
    pub(crate) fn new(location: &'static Location<'static>) -> Self {
        Details {
            location,
            name: None,
            class: Class::default(),
            place: None,
            may_change: false,
            seat: Seat::default(),
        }
    }
}

/// A location, details in a box ([`DETAILS`]), or the id of the spawner ([`SPAWNER`]).
#[derive(Debug)]
pub(crate) struct Origin(*const ());

const DETAILS: usize = 1;
const SPAWNER: usize = 2;
const TAGS: usize = DETAILS | SPAWNER;

const _: () = assert!(align_of::<Location<'_>>() > TAGS && align_of::<Details>() > TAGS);

impl Origin {
    /// Nothing but the place.
    pub(crate) fn plain(location: &'static Location<'static>) -> Self {
        Origin(std::ptr::from_ref(location).cast())
    }

    /// The task that spawned it, of a coroutine that another one spawned: generated code has no place
    /// in Rust source. (Where an address has 32 bits, an id beyond 2^30 is told modulo that.)
    pub(crate) fn spawned_by(task: u64) -> Self {
        Origin(std::ptr::without_provenance((task << 2) as usize | SPAWNER))
    }

    /// The place and more, if there is more.
    pub(crate) fn detailed(mut details: Details) -> Self {
        let says_more = details.name.is_some() || details.place.is_some() || details.may_change;
        if !says_more && details.class == Class::default() {
            return Origin::plain(details.location);
        }
        // No seat has the last number.
        let number = AtomicU64::new(u64::MAX);
        details.seat = Seat { priority: AtomicU8::new(details.class.priority), number };
        Origin(Box::into_raw(Box::new(details)).cast_const().cast::<()>().map_addr(|a| a | DETAILS))
    }

    #[inline]
    fn details(&self) -> Option<&Details> {
        if self.0.addr() & TAGS != DETAILS {
            return None;
        }
        // SAFETY: made from a box by `detailed`, alive until the drop.
        unsafe { self.0.map_addr(|a| a & !TAGS).cast::<Details>().as_ref() }
    }

    /// Where the task was spawned, in Rust source.
    pub(crate) fn location(&self) -> Option<&'static Location<'static>> {
        match self.0.addr() & TAGS {
            DETAILS => self.details().map(|details| details.location),
            SPAWNER => None,
            // SAFETY: made from a static reference by `plain`.
            _ => unsafe { self.0.cast::<Location<'static>>().as_ref() },
        }
    }

    /// Id of the task that spawned it, if that is all that is known.
    pub(crate) fn spawner(&self) -> Option<u64> {
        (self.0.addr() & TAGS == SPAWNER).then(|| (self.0.addr() >> 2) as u64)
    }

    /// The name it was given.
    pub(crate) fn name(&self) -> Option<&str> {
        self.details()?.name.as_deref()
    }

    /// The set it belongs to, if it stays on its thread.
    #[inline]
    pub(crate) fn place(&self) -> Option<&Place> {
        self.details()?.place.as_ref()
    }

    /// What it is for the queue.
    pub(crate) fn class(&self) -> Class {
        self.details().map_or(Class::default(), |details| {
            // Relaxed, here and below: under the lock of the injector.
            let priority = details.seat.priority.load(Ordering::Relaxed);
            Class { priority, ..details.class }
        })
    }

    /// The task was queued with this seat. Under the lock of the injector.
    pub(crate) fn take_seat(&self, seat: u64) {
        if let Some(details) = self.details() {
            details.seat.number.store(seat, Ordering::Relaxed);
        }
    }

    /// Changes the priority; `move_seat` is given seat and old priority and answers the new seat of a
    /// task that is queued. False if the task was made without one. Under the lock of the injector.
    pub(crate) fn set_priority(
        &self,
        priority: u8,
        move_seat: impl FnOnce(u64, u8) -> Option<u64>,
    ) -> bool {
        let Some(details) = self.details() else { return false };
        let old = details.seat.priority.swap(priority, Ordering::Relaxed);
        if let Some(seat) = move_seat(details.seat.number.load(Ordering::Relaxed), old) {
            details.seat.number.store(seat, Ordering::Relaxed);
        }
        true
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        if self.0.addr() & TAGS == DETAILS {
            let details = self.0.map_addr(|a| a & !TAGS).cast::<Details>().cast_mut();
            // SAFETY: made from a box by `detailed`; dropped once.
            drop(unsafe { Box::from_raw(details) });
        }
    }
}
