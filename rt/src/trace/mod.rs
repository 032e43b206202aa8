//! The event stream: what happened to which task, when, on which worker.
//!
//! In: notes of the scheduler. Out: a [`Trace`], the events in order of time, and a file that Chrome's
//! and Perfetto's viewers show ([`Trace::write_chrome`]).
//!
//! Each worker has a buffer of its own, threads that are no workers share one; a full buffer forgets
//! its oldest events and counts them. Off, a note is one branch on a flag that rarely changes. On, it
//! is a clock look, a lock that nobody else wants, and for a suspension the text of the state.

mod chrome;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;

/// What happened to a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceKind {
    /// It was spawned.
    Spawn {
        /// Its name.
        name: Arc<str>,
    },
    /// A worker began to run it.
    Poll,
    /// The run ended and it waits, or was woken meanwhile.
    Suspend {
        /// State of its machine, if it has named ones.
        state: Arc<str>,
        /// What it waits for, if that is known.
        awaitee: Arc<str>,
    },
    /// It was woken.
    Wake,
    /// A cancel was asked for.
    Cancel,
    /// It ended with a result.
    Done,
    /// It ended by a cancel, or was dropped when its runtime ended.
    Cancelled,
    /// It ended by a panic.
    Panicked,
    /// It ended by a fault.
    Faulted,
}

impl TraceKind {
    /// The word for it.
    pub fn name(&self) -> &'static str {
        match self {
            TraceKind::Spawn { .. } => "spawn",
            TraceKind::Poll => "poll",
            TraceKind::Suspend { .. } => "suspend",
            TraceKind::Wake => "wake",
            TraceKind::Cancel => "cancel",
            TraceKind::Done => "done",
            TraceKind::Cancelled => "cancelled",
            TraceKind::Panicked => "panicked",
            TraceKind::Faulted => "faulted",
        }
    }

    /// Whether the task is over with it.
    pub fn is_end(&self) -> bool {
        use TraceKind::{Cancelled, Done, Faulted, Panicked};
        matches!(self, Done | Cancelled | Panicked | Faulted)
    }
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceEvent {
    /// When, in nanoseconds on the runtime's clock.
    pub at_ns: u64,
    /// On which worker; none on a thread that is no worker.
    pub worker: Option<usize>,
    /// Id of the task.
    pub task: u64,
    /// What.
    pub kind: TraceKind,
}

/// What happened while the stream was on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// The events by time.
    pub events: Vec<TraceEvent>,
    /// Events that were forgotten because a buffer was full.
    pub n_lost: u64,
}

#[derive(Debug, Default)]
struct Buffer {
    /// With the order in which they were noted, which virtual time does not tell.
    events: VecDeque<(u64, TraceEvent)>,
    n_lost: u64,
}

/// The buffers: one per worker, and one for all other threads.
#[derive(Debug)]
pub(crate) struct Recorder {
    buffers: Box<[Mutex<Buffer>]>,
    /// Most events in a buffer.
    capacity: AtomicUsize,
    n_noted: AtomicU64,
}

impl Recorder {
    pub(crate) fn new(n_workers: usize) -> Self {
        let buffers = (0..=n_workers).map(|_| Mutex::default()).collect();
        Recorder { buffers, capacity: AtomicUsize::new(0), n_noted: AtomicU64::new(0) }
    }

    /// Sets how many events a worker keeps.
    pub(crate) fn set_capacity(&self, n_events: usize) {
        // Relaxed: some events more or less.
        self.capacity.store(n_events.max(1), Ordering::Relaxed);
    }

    pub(crate) fn note(&self, event: TraceEvent) {
        // Relaxed: as above; the order of events of one task is kept by what makes them follow.
        let capacity = self.capacity.load(Ordering::Relaxed);
        let serial = self.n_noted.fetch_add(1, Ordering::Relaxed);
        let last = self.buffers.len() - 1;
        let mut buffer = self.buffers[event.worker.unwrap_or(last)].lock();
        if buffer.events.len() >= capacity {
            buffer.events.pop_front();
            buffer.n_lost += 1;
        }
        buffer.events.push_back((serial, event));
    }

    /// Takes everything out.
    pub(crate) fn take(&self) -> Trace {
        let mut all = Vec::new();
        let mut n_lost = 0;
        for buffer in &self.buffers {
            let buffer = std::mem::take(&mut *buffer.lock());
            all.extend(buffer.events);
            n_lost += buffer.n_lost;
        }
        all.sort_by_key(|(serial, event)| (event.at_ns, *serial));
        Trace { events: all.into_iter().map(|(_, event)| event).collect(), n_lost }
    }
}
