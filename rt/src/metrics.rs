//! Counters that are always on, and the task dump.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// One counter.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self) {
        // Relaxed: statistics.
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        // Relaxed: statistics.
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        #[derive(Debug, Default)]
        pub(crate) struct Counters { $(pub(crate) $name: Counter,)* }

        /// What a runtime has done since it was built.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Metrics { $($(#[$doc])* pub $name: u64,)* }

        impl Counters {
            pub(crate) fn snapshot(&self) -> Metrics {
                Metrics { $($name: self.$name.get(),)* }
            }
        }
    };
}

counters! {
    /// Tasks spawned.
    spawned,
    /// Tasks that ended.
    completed,
    /// Runs of tasks.
    polls,
    /// Successful steals.
    steals,
    /// Times a worker went to sleep.
    parks,
    /// Times a sleeping worker was woken for work.
    unparks,
    /// Timers that fired.
    timers_fired,
    /// Tasks woken by I/O.
    io_wakes,
    /// Times a worker's queue was handed to another thread because a task held it up.
    handoffs,
    /// Pieces of blocking work.
    blocking,
}

/// One task that is not over.
#[derive(Clone, Debug)]
pub struct TaskInfo {
    /// Id, sequential in the runtime.
    pub id: u64,
    /// Name of the coroutine, or `future`.
    pub name: String,
    /// `ready`, `running`, or `waiting`.
    pub state: &'static str,
    /// State of the machine, if the task could be looked at and has named states.
    pub machine_state: String,
    /// What it waits for, if known.
    pub awaitee: String,
    /// Nanoseconds since it was spawned.
    pub age_ns: u64,
}

/// All tasks that are not over, by id.
#[derive(Clone, Debug, Default)]
pub struct TaskDump {
    /// The tasks.
    pub tasks: Vec<TaskInfo>,
}

impl fmt::Display for TaskDump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} task(s)", self.tasks.len())?;
        for task in &self.tasks {
            write!(f, "  task {} {}: {}", task.id, task.name, task.state)?;
            if !task.machine_state.is_empty() {
                write!(f, " in {}", task.machine_state)?;
            }
            if !task.awaitee.is_empty() {
                write!(f, ", awaiting {}", task.awaitee)?;
            }
            let micros = task.age_ns / 1000;
            writeln!(f, ", age {}.{:03} ms", micros / 1000, micros % 1000)?;
        }
        Ok(())
    }
}
