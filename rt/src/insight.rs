//! What the scheduler tells those who look: notes for the event stream, the latency histograms and
//! the watchdog.
//!
//! In: the places where the scheduler spawns, wakes, runs and ends a task; each asks `Insight::on`
//! first, one relaxed load and a branch. Out: [`crate::trace`], [`crate::metrics`].
//!
//! Latencies need to know when a task was woken, for which a task has no room: while they are
//! measured, a table by task id knows it.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use parking_lot::Mutex;

use crate::metrics::{Histogram, Page, Snapshot};
use crate::runtime::{Builder, Handle};
use crate::scheduler::{Shared, ThreadCx};
use crate::task::{Look, Outcome, RunEnd, TaskRef};
use crate::trace::{Recorder, Trace, TraceEvent, TraceKind};
use crate::watchdog::{Watchdog, WatchdogOptions};

const TRACE: u8 = 1;
const LATENCY: u8 = 2;
/// Not wanted by anybody: the environment is virtual, so that every run has something to note.
const VIRTUAL: u8 = 1 << 7;

/// Shards of the table of wakes.
const N_SHARDS: usize = 16;

/// How a runtime is looked at, as its builder says.
#[derive(Clone, Debug, Default)]
pub(crate) struct InsightOptions {
    pub(crate) watchdog: WatchdogOptions,
    pub(crate) unobserved: UnobservedPanic,
    pub(crate) dump_on_sigusr1: bool,
}

/// What becomes of a panic that nobody can learn of: that of a task whose join handle was dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnobservedPanic {
    /// One line on the standard error stream per task.
    #[default]
    Log,
    /// Nothing beyond the counter `unobserved` of the metrics.
    Ignore,
    /// The line, and the process ends by an abort.
    Abort,
}

/// How long tasks waited and ran; see [`Handle::measure_latency`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// From a wake-up (or the spawn) to the run.
    pub delay: Snapshot,
    /// Length of runs.
    pub run: Snapshot,
}

/// The notes of one runtime.
#[derive(Debug)]
pub(crate) struct Insight {
    wanted: AtomicU8,
    recorder: Recorder,
    delay: Histogram,
    run: Histogram,
    woken: [Mutex<BTreeMap<u64, u64>>; N_SHARDS],
    pub(crate) watchdog: Watchdog,
    pub(crate) unobserved: UnobservedPanic,
    /// Ends the thread that waits for SIGUSR1.
    #[cfg(unix)]
    pub(crate) dump_signal: Mutex<Option<signal_hook::iterator::Handle>>,
}

impl Insight {
    pub(crate) fn new(n_workers: usize, options: &InsightOptions, is_virtual: bool) -> Self {
        Insight {
            wanted: AtomicU8::new(if is_virtual { VIRTUAL } else { 0 }),
            recorder: Recorder::new(n_workers),
            delay: Histogram::default(),
            run: Histogram::default(),
            woken: Default::default(),
            watchdog: Watchdog::new(&options.watchdog),
            unobserved: options.unobserved,
            #[cfg(unix)]
            dump_signal: Mutex::new(None),
        }
    }

    /// Ends the threads of the watchdog and of the dump.
    pub(crate) fn stop(&self) {
        self.watchdog.stop();
        #[cfg(unix)]
        if let Some(handle) = self.dump_signal.lock().take() {
            handle.close();
        }
    }

    /// Whether anybody wants notes.
    #[inline]
    pub(crate) fn on(&self) -> bool {
        // Relaxed: a note more or less when it changes.
        self.wanted.load(Ordering::Relaxed) & !VIRTUAL != 0
    }

    /// Whether a run needs no note at all, neither for insight nor for the seeded environment.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        // Relaxed: as above.
        self.wanted.load(Ordering::Relaxed) == 0
    }

    fn wants(&self, what: u8) -> bool {
        // Relaxed: as above.
        self.wanted.load(Ordering::Relaxed) & what != 0
    }

    fn want(&self, what: u8, on: bool) {
        // Relaxed: as above.
        if on {
            self.wanted.fetch_or(what, Ordering::Relaxed);
        } else {
            self.wanted.fetch_and(!what, Ordering::Relaxed);
        }
    }

    fn shard(&self, task: u64) -> &Mutex<BTreeMap<u64, u64>> {
        &self.woken[task as usize % N_SHARDS]
    }
}

/// Notes of the scheduler. All are called only if [`Insight::on`].
impl Shared {
    fn note(&self, task: &TaskRef, kind: TraceKind) {
        let worker = ThreadCx::with(|cx| {
            cx.filter(|cx| cx.is_of(self)).and_then(|cx| cx.core.borrow().as_ref().map(|c| c.index))
        });
        let (at_ns, task) = (self.env.now_ns(), task.header().id);
        self.insight.recorder.note(TraceEvent { at_ns, worker, task, kind });
    }

    /// A task was spawned and is about to be queued.
    #[cold]
    pub(crate) fn note_spawn(&self, task: &TaskRef) {
        if self.insight.wants(TRACE) {
            // SAFETY: nothing of the task but its name is looked at.
            let said = unsafe { (task.header().vtable.describe)(task, Look::Name) };
            self.note(task, TraceKind::Spawn { name: said.name.into() });
        }
        self.note_woken_at(task);
    }

    /// A task was woken and is about to be queued.
    #[cold]
    pub(crate) fn note_wake(&self, task: &TaskRef) {
        if self.insight.wants(TRACE) {
            self.note(task, TraceKind::Wake);
        }
        self.note_woken_at(task);
    }

    fn note_woken_at(&self, task: &TaskRef) {
        if self.insight.wants(LATENCY) {
            let id = task.header().id;
            self.insight.shard(id).lock().entry(id).or_insert_with(|| self.env.now_ns());
        }
    }

    /// A cancel was asked for.
    #[cold]
    pub(crate) fn note_cancel(&self, task: &TaskRef) {
        if self.insight.wants(TRACE) {
            self.note(task, TraceKind::Cancel);
        }
    }

    /// A run begins; answers the time for [`Shared::note_run_end`].
    #[cold]
    pub(crate) fn note_run(&self, task: &TaskRef) -> u64 {
        let now = self.env.now_ns();
        if self.insight.wants(LATENCY) {
            let id = task.header().id;
            let woken = self.insight.shard(id).lock().remove(&id);
            woken.into_iter().for_each(|at| self.insight.delay.note(now.saturating_sub(at)));
        }
        if self.insight.wants(TRACE) {
            self.note(task, TraceKind::Poll);
        }
        now
    }

    /// A run that began at `begun_ns` is over, and its task is still held.
    #[cold]
    pub(crate) fn note_run_end(&self, task: &TaskRef, begun_ns: u64, end: RunEnd) {
        if self.insight.wants(LATENCY) {
            self.insight.run.note(self.env.now_ns().saturating_sub(begun_ns));
        }
        if self.insight.wants(TRACE) && end != RunEnd::Finished {
            // SAFETY: the caller holds the run.
            let said = unsafe { (task.header().vtable.describe)(task, Look::Leaf) };
            let (state, awaitee) = (said.state.into(), said.awaitee.into());
            self.note(task, TraceKind::Suspend { state, awaitee });
        }
    }

    /// A task is over; its output is stored and not taken yet.
    #[cold]
    pub(crate) fn note_end(&self, task: &TaskRef) {
        if self.insight.wants(LATENCY) {
            let id = task.header().id;
            self.insight.shard(id).lock().remove(&id);
        }
        if self.insight.wants(TRACE) {
            // SAFETY: the caller completes the task, so its outcome is there.
            let kind = match unsafe { (task.header().vtable.outcome)(task) } {
                Outcome::Done => TraceKind::Done,
                Outcome::Cancelled => TraceKind::Cancelled,
                Outcome::Panicked => TraceKind::Panicked,
                Outcome::Faulted => TraceKind::Faulted,
            };
            self.note(task, kind);
        }
    }

    /// A task panicked and nobody can ask for its output any more.
    pub(crate) fn unobserved(&self, error: &crate::task::JoinError) {
        self.counters.unobserved.add();
        let policy = self.insight.unobserved;
        if policy != UnobservedPanic::Ignore {
            // A closed standard error stream is no reason to panic again.
            let say = || eprintln!("vitte: {error}, and nobody waits for it");
            let _ = catch_unwind(AssertUnwindSafe(say));
        }
        if policy == UnobservedPanic::Abort {
            std::process::abort();
        }
    }
}

impl Builder {
    /// What becomes of panics that nobody can learn of; they are logged unless told otherwise.
    #[must_use]
    pub fn unobserved_panic(mut self, policy: UnobservedPanic) -> Self {
        self.insight.unobserved = policy;
        self
    }

    /// Writes the task dump to the standard error stream on each SIGUSR1, from a thread of its own,
    /// so that it works when all workers are held up. Real runtimes on Unix only.
    #[must_use]
    pub fn dump_on_sigusr1(mut self) -> Self {
        self.insight.dump_on_sigusr1 = true;
        self
    }
}

impl Handle {
    /// Begins an event stream of at most `n_events` per worker; the oldest are forgotten first.
    pub fn start_trace(&self, n_events: usize) {
        self.shared.insight.recorder.take();
        self.shared.insight.recorder.set_capacity(n_events);
        self.shared.insight.want(TRACE, true);
    }

    /// Ends the event stream and answers what happened since it began.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = vitte_rt::runtime::Builder::seeded(1).build()?;
    /// runtime.handle().start_trace(1000);
    /// runtime.block_on(async { vitte_rt::spawn(async {}).await.unwrap() });
    /// let trace = runtime.handle().stop_trace();
    /// let words: Vec<_> = trace.events.iter().map(|event| event.kind.name()).collect();
    /// assert_eq!(words, ["spawn", "poll", "done"]);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn stop_trace(&self) -> Trace {
        self.shared.insight.want(TRACE, false);
        self.shared.insight.recorder.take()
    }

    /// What happened since the stream began, or since the last call; the stream goes on.
    pub fn take_trace(&self) -> Trace {
        self.shared.insight.recorder.take()
    }

    /// Begins or ends the measurement of how long tasks wait for a worker and run. What was measured
    /// stays.
    pub fn measure_latency(&self, on: bool) {
        self.shared.insight.want(LATENCY, on);
        if !on {
            self.shared.insight.woken.iter().for_each(|shard| shard.lock().clear());
        }
    }

    /// What was measured so far.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = vitte_rt::runtime::Builder::current_thread().build()?;
    /// runtime.handle().measure_latency(true);
    /// runtime.block_on(async { vitte_rt::spawn(async {}).await.unwrap() });
    /// let latency = runtime.handle().latency();
    /// assert_eq!((latency.delay.count(), latency.run.count()), (1, 1));
    /// println!("99 % of the runs took at most {} ns", latency.run.quantile(0.99));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn latency(&self) -> Latency {
        let Insight { delay, run, .. } = &self.shared.insight;
        Latency { delay: delay.snapshot(), run: run.snapshot() }
    }

    /// All counters, the number of tasks and workers, and the latencies, as Prometheus reads them.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = vitte_rt::runtime::Builder::current_thread().build()?;
    /// runtime.block_on(async { vitte_rt::spawn(async {}).await.unwrap() });
    /// let text = runtime.handle().prometheus();
    /// assert!(text.contains("# TYPE vitte_spawned_total counter\nvitte_spawned_total 1\n"));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn prometheus(&self) -> String {
        let mut page = Page::default();
        page.counters(&self.metrics());
        page.gauge("tasks", "Tasks that are not over.", self.n_tasks() as u64);
        page.gauge("workers", "Workers.", self.n_workers() as u64);
        let Latency { delay, run } = self.latency();
        page.histogram("delay", "From a wake-up of a task to its run.", &delay);
        page.histogram("run", "Length of runs of tasks.", &run);
        page.finish()
    }
}

/// Starts what `options` wants beside the scheduler.
pub(crate) fn start(shared: &Arc<Shared>, options: &InsightOptions) -> std::io::Result<()> {
    #[cfg(unix)]
    if options.dump_on_sigusr1 && !shared.is_virtual {
        crate::dump::on_sigusr1(shared)?;
    }
    #[cfg(not(unix))]
    let _ = (shared, options);
    Ok(())
}
