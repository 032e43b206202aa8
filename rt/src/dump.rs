//! The task dump: every task that is not over, and what it waits for.
//!
//! In: the living tasks. Out: per task its id, name, where or by whom it was spawned, state, what it
//! waits for (of a coroutine: all its frames down to the leaf, `main.body: await get (line 6) > get:
//! …`), and age, as data and as text. Always compiled in; on demand ([`Handle::dump`]), when a run has
//! stalled, when a shutdown leaves tasks, and on SIGUSR1 where [`Builder::dump_on_sigusr1`] asks for
//! it.
//!
//! A waiting task is held while it is looked at, as a run holds it, so its state is one that it
//! really has; a running task says its name only. A dump of tasks that go on is not one instant.
//!
//! [`Handle::dump`]: crate::runtime::Handle::dump
//! [`Builder::dump_on_sigusr1`]: crate::runtime::Builder::dump_on_sigusr1

use std::fmt;
#[cfg(unix)]
use std::io::{self, Write};
use std::panic::Location;
use std::ptr::NonNull;
#[cfg(unix)]
use std::sync::Arc;

use vitte_abi::vt_span;

use crate::coroutine::text;
use crate::scheduler::{Shared, schedule_held};
use crate::task::{Look, Progress, Queued, TaskRef};

/// One task that is not over.
#[derive(Clone, Debug)]
pub struct TaskInfo {
    /// Id, sequential in the runtime.
    pub id: u64,
    /// Name of the coroutine, or `future`.
    pub name: String,
    /// File and line of the coroutine that it runs, if that is generated code which says so.
    pub defined_at: Option<String>,
    /// Where in Rust source it was spawned, if that is known.
    pub spawned_at: Option<&'static Location<'static>>,
    /// Id of the coroutine that spawned it, of one that was spawned by generated code.
    pub spawned_by: Option<u64>,
    /// `ready`, `running`, or `waiting`.
    pub state: &'static str,
    /// State of the outermost frame's machine, if the task could be looked at and has named states.
    pub machine_state: String,
    /// The frames of a coroutine that could be looked at, from the outermost one down to the leaf.
    pub frames: Vec<FrameInfo>,
    /// What it waits for, if known.
    pub awaitee: String,
    /// Nanoseconds since it was spawned.
    pub age_ns: u64,
}

impl TaskInfo {
    /// Where the task comes from: `spawned at src/main.rs:4`, or `defined at a.vit:7` and `spawned by
    /// task 1`. Who started a coroutine from Rust is not told where the coroutine says where it is:
    /// that is the host's business, not the program's.
    pub(crate) fn origin(&self) -> impl Iterator<Item = String> {
        let place = match (&self.defined_at, self.spawned_at) {
            (Some(place), _) => Some(format!("defined at {place}")),
            (None, Some(at)) => Some(format!("spawned at {}:{}", at.file(), at.line())),
            (None, None) => None,
        };
        place.into_iter().chain(self.spawned_by.map(|id| format!("spawned by task {id}")))
    }
}

/// A suspended frame of a coroutine, or an operation that is awaited beside others.
///
/// As text: `get: await sleep (line 12)`; with branches `both: await (2) (line 9) [get: … | recv]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameInfo {
    /// Name of the coroutine or operation; `?` if it is unknown.
    pub name: String,
    /// State of its machine, with the line; empty for an operation.
    pub state: String,
    /// The operation that it awaits; empty if it is none, or one of several.
    pub awaits: String,
    /// Frames between the one before and this one that are not told: the middle of a long chain.
    pub n_skipped: usize,
    /// Of a join or select: its branches that are not over, each from its outermost frame to its leaf.
    pub branches: Vec<Vec<FrameInfo>>,
    /// Branches that are not over and not told, being too many.
    pub n_more: usize,
}

impl FrameInfo {
    fn write_branches(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.branches.is_empty() && self.n_more == 0 {
            return Ok(());
        }
        f.write_str(" [")?;
        for (i, branch) in self.branches.iter().enumerate() {
            if i > 0 {
                f.write_str(" | ")?;
            }
            for (k, frame) in branch.iter().enumerate() {
                write!(f, "{}{frame}", if k > 0 { " > " } else { "" })?;
            }
        }
        match (self.n_more, self.branches.len()) {
            (0, _) => {}
            (n, 0) => write!(f, "{n} more")?,
            (n, _) => write!(f, " | {n} more")?,
        }
        f.write_str("]")
    }
}

impl fmt::Display for FrameInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.n_skipped > 0 {
            write!(f, "({} more) > ", self.n_skipped)?;
        }
        f.write_str(&self.name)?;
        if !self.state.is_empty() {
            write!(f, ": {}", self.state)?;
        }
        self.write_branches(f)
    }
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
            if let Some(frame) = task.frames.first() {
                frame.write_branches(f)?;
            }
            for frame in task.frames.iter().skip(1) {
                write!(f, " > {frame}")?;
            }
            // The state's name often says it.
            let leaf = task.frames.last().map_or("", |frame| frame.state.as_str());
            if !task.awaitee.is_empty() && !leaf.contains(&task.awaitee) {
                write!(f, ", awaiting {}", task.awaitee)?;
            }
            let micros = task.age_ns / 1000;
            write!(f, ", age {}.{:03} ms", micros / 1000, micros % 1000)?;
            for origin in task.origin() {
                write!(f, ", {origin}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl Shared {
    /// All tasks that are not over.
    pub(crate) fn dump(&self) -> TaskDump {
        TaskDump { tasks: self.tasks().iter().map(|task| self.info_of(task)).collect() }
    }

    /// One task; nothing but its id if it is over.
    pub(crate) fn info(&self, id: u64) -> TaskInfo {
        match self.task(id) {
            Some(task) => self.info_of(&task),
            None => TaskInfo {
                id,
                name: String::new(),
                defined_at: None,
                spawned_at: None,
                spawned_by: None,
                state: "over",
                machine_state: String::new(),
                frames: Vec::new(),
                awaitee: String::new(),
                age_ns: 0,
            },
        }
    }

    fn info_of(&self, task: &TaskRef) -> TaskInfo {
        let header = task.header();
        let held = header.state.try_hold();
        let look = if held.is_some() { Look::Frames } else { Look::Name };
        // SAFETY: held says whether we hold the run.
        let said = unsafe { (header.vtable.describe)(task, look) };
        let state = match held {
            Some(_) => "waiting",
            None if self.is_running(header.id) => "running",
            None if header.state.is_woken() => "ready",
            None => "waiting",
        };
        if held.is_some_and(|seen| header.state.end_run(seen) == Progress::Queue) {
            // SAFETY: it was woken while we held its run: queueing it is up to us.
            schedule_held(unsafe { Queued::from_raw(task.as_ptr()) });
        }
        let now = self.env.now_ns();
        TaskInfo {
            id: header.id,
            name: said.name,
            // SAFETY: of the task, which is not over.
            defined_at: said.span.and_then(|span| unsafe { place_of(span) }),
            spawned_at: header.origin.location(),
            spawned_by: header.origin.spawner(),
            state,
            machine_state: said.state,
            frames: said.frames,
            awaitee: said.awaitee,
            age_ns: now.saturating_sub(self.births.of(header.id).unwrap_or(now)),
        }
    }
}

/// A place in the source of generated code, as `file:line`; nothing if it is not known.
///
/// # Safety
///
/// `span` and its text are static data of a machine that is alive.
unsafe fn place_of(span: NonNull<vt_span>) -> Option<String> {
    // SAFETY: the caller's.
    let span = unsafe { span.as_ref() };
    // SAFETY: the caller's.
    let file = unsafe { text(span.file, span.file_len) };
    (!file.is_empty()).then(|| format!("{file}:{}", span.line))
}

/// Starts the thread that writes the dump on each SIGUSR1; it ends with the runtime.
#[cfg(unix)]
pub(crate) fn on_sigusr1(shared: &Arc<Shared>) -> io::Result<()> {
    let mut signals = signal_hook::iterator::Signals::new([libc::SIGUSR1])?;
    *shared.insight.dump_signal.lock() = Some(signals.handle());
    let owner = Arc::downgrade(shared);
    let body = Box::new(move || {
        for _ in signals.forever() {
            let Some(shared) = owner.upgrade() else { return };
            // A closed standard error stream is no reason to panic.
            let _ = write!(io::stderr(), "vitte: {}", shared.dump());
        }
    });
    shared.env.spawn_thread("vitte-dump", 256 << 10, body).map(drop)
}
