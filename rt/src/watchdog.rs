//! The stall watchdog: names a task that holds its worker up.
//!
//! ```text
//! worker: beat += 1 (odd) · runs the task · beat += 1 (even)          two stores, no clock
//! watchdog thread: looks at all beats every half limit
//!                  the same odd beat for the whole limit ─► a stall, told once
//!                  nothing moved and nothing runs, twice ─► sleeps until a worker runs again
//! ```
//!
//! * **I1** Only the thread that plays a worker writes its beat; one that hands the worker on ends the beat
//!   before.
//! * **I2** A worker that begins a run while the watchdog sleeps wakes it. The watchdog says that it
//!   will sleep, waits one more period, and looks again: a beat that a worker wrote before it could
//!   see the word has arrived by then.
//!
//! The thread starts with the first run of a task; a runtime without tasks has none, and so have a
//! seeded one and one whose limit is `None`. A stalled worker may have put a task where only others
//! can get at it: each stall wakes a sleeping worker too.
//!
//! Imprecision: a stall is told after one to one and a half limits; a thread that the operating system
//! does not run looks like a stall. A coroutine that hogs its worker by loops is not one: its worker
//! is handed on after a millisecond.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::dump::TaskInfo;
use crate::runtime::{Builder, Handle};
use crate::scheduler::Shared;

/// How long a task may run unless the builder says otherwise.
const LIMIT: Duration = Duration::from_millis(10);
/// Stalls that are kept for [`Handle::stalls`].
const KEPT: usize = 16;
/// Stack of the watchdog's thread.
const STACK_BYTES: usize = 256 << 10;

/// A task held its worker up.
#[derive(Clone, Debug)]
pub struct Stall {
    /// The task, as a dump shows it; only the id is known if it was over before it could be asked.
    pub task: TaskInfo,
    /// The worker.
    pub worker: usize,
    /// For how long at least, when it was noticed.
    pub held_ns: u64,
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {} {}", self.task.id, self.task.name)?;
        for origin in self.task.origin() {
            write!(f, " ({origin})")?;
        }
        write!(f, " has held worker {} up for {} ms", self.worker, self.held_ns / 1_000_000)
    }
}

/// Told of each stall.
type OnStall = Arc<dyn Fn(&Stall) + Send + Sync>;

/// As the builder says.
#[derive(Clone)]
pub(crate) struct WatchdogOptions {
    limit: Option<Duration>,
    on_stall: Option<OnStall>,
}

impl Default for WatchdogOptions {
    fn default() -> Self {
        WatchdogOptions { limit: Some(LIMIT), on_stall: None }
    }
}

impl fmt::Debug for WatchdogOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WatchdogOptions({:?})", self.limit)
    }
}

/// What a worker is doing.
#[derive(Debug, Default)]
pub(crate) struct Beat {
    /// Odd while a task runs.
    serial: AtomicU64,
    /// Id of the task that runs or ran last.
    task: AtomicU64,
}

impl Beat {
    /// The worker begins to run a task.
    #[inline]
    pub(crate) fn begin(&self, task: u64) {
        // Relaxed: only the watchdog and dumps look; the watchdog looks twice.
        self.task.store(task, Ordering::Relaxed);
        self.serial.store((self.serial.load(Ordering::Relaxed) + 1) | 1, Ordering::Relaxed);
    }

    /// The run is over, or another thread plays the worker from now on.
    #[inline]
    pub(crate) fn end(&self) {
        // Relaxed: as above.
        self.serial.store((self.serial.load(Ordering::Relaxed) | 1) + 1, Ordering::Relaxed);
    }

    /// Whether the worker runs this task (a guess as soon as it is made).
    pub(crate) fn is_of(&self, task: u64) -> bool {
        let (serial, running) = self.look();
        serial % 2 == 1 && running == task
    }

    fn look(&self) -> (u64, u64) {
        // Relaxed: a torn pair shows up as a change at the next look.
        (self.serial.load(Ordering::Relaxed), self.task.load(Ordering::Relaxed))
    }
}

/// The watchdog of a runtime.
pub(crate) struct Watchdog {
    options: WatchdogOptions,
    /// A worker that runs a task is to wake it.
    asleep: AtomicBool,
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    started: bool,
    stop: bool,
    recent: VecDeque<Stall>,
}

impl fmt::Debug for Watchdog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watchdog({:?})", self.options)
    }
}

impl Watchdog {
    pub(crate) fn new(options: &WatchdogOptions) -> Self {
        Watchdog {
            options: options.clone(),
            asleep: AtomicBool::new(options.limit.is_some()),
            inner: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// A worker has begun a run.
    #[inline]
    pub(crate) fn heed(&self, shared: &Arc<Shared>) {
        // Relaxed: I2.
        if self.asleep.load(Ordering::Relaxed) {
            self.wake(shared);
        }
    }

    #[cold]
    fn wake(&self, shared: &Arc<Shared>) {
        let mut inner = self.inner.lock();
        // Relaxed: changed under the lock only.
        self.asleep.store(false, Ordering::Relaxed);
        if shared.is_virtual || inner.stop {
            return;
        }
        if inner.started {
            drop(inner);
            self.changed.notify_all();
            return;
        }
        inner.started = true;
        drop(inner);
        let owner = shared.clone();
        let body = Box::new(move || watch(&owner));
        // Without a thread there is no watchdog, and the runtime works all the same.
        let _ = shared.env.spawn_thread("vitte-watchdog", STACK_BYTES, body);
    }

    /// Ends the thread.
    pub(crate) fn stop(&self) {
        self.inner.lock().stop = true;
        self.changed.notify_all();
    }

    /// Waits for `period`, or for ever if there is none; true if the runtime has ended.
    fn wait(&self, period: Option<Duration>) -> bool {
        let mut inner = self.inner.lock();
        match period {
            _ if inner.stop => {}
            Some(period) => {
                self.changed.wait_for(&mut inner, period);
            }
            // Relaxed: changed under the lock only.
            None if self.asleep.load(Ordering::Relaxed) => self.changed.wait(&mut inner),
            None => {}
        }
        inner.stop
    }
}

/// The body of the watchdog's thread.
fn watch(shared: &Arc<Shared>) {
    let watchdog = &shared.insight.watchdog;
    let limit = watchdog.options.limit.unwrap_or(LIMIT);
    let limit_ns = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
    let period = (limit / 2).max(Duration::from_micros(100));
    // Per worker: the beat, since when it has been seen, and whether it was told.
    let mut seen: Vec<(u64, u64, bool)> = vec![(0, 0, true); shared.n_workers()];
    let mut n_quiet = 0;
    loop {
        if watchdog.wait(Some(period)) {
            return;
        }
        let now = shared.env.now_ns();
        let mut quiet = true;
        for (worker, (last, since_ns, told)) in seen.iter_mut().enumerate() {
            let (serial, task) = shared.beat(worker).look();
            let running = serial % 2 == 1;
            quiet &= !running && *last == serial;
            if *last != serial {
                (*last, *since_ns, *told) = (serial, now, !running);
            }
            let held_ns = now.saturating_sub(*since_ns);
            if !*told && held_ns >= limit_ns {
                *told = true;
                tell(shared, worker, task, held_ns);
            }
        }
        n_quiet = if quiet { n_quiet + 1 } else { 0 };
        // Relaxed: see I2.
        match n_quiet {
            0 | 1 => {}
            2 => watchdog.asleep.store(true, Ordering::Relaxed),
            _ => {
                if watchdog.wait(None) {
                    return;
                }
                n_quiet = 0;
            }
        }
        if n_quiet == 0 {
            watchdog.asleep.store(false, Ordering::Relaxed);
        }
    }
}

/// Counts, keeps and tells a stall, and wakes somebody to do the worker's other work.
fn tell(shared: &Shared, worker: usize, task: u64, held_ns: u64) {
    let watchdog = &shared.insight.watchdog;
    shared.counters.stalls.add();
    shared.wake_one();
    let stall = Stall { task: shared.info(task), worker, held_ns };
    let mut inner = watchdog.inner.lock();
    if inner.recent.len() == KEPT {
        inner.recent.pop_front();
    }
    inner.recent.push_back(stall.clone());
    drop(inner);
    if let Some(on_stall) = &watchdog.options.on_stall {
        let _ = catch_unwind(AssertUnwindSafe(|| on_stall(&stall)));
    }
}

impl Builder {
    /// How long a task may hold its worker up until the watchdog notices: 10 ms unless told otherwise;
    /// `None`: for ever. What it noticed is in [`Handle::stalls`] and in the counter `stalls`.
    #[must_use]
    pub fn watchdog(mut self, limit: Option<Duration>) -> Self {
        self.insight.watchdog.limit = limit;
        self
    }

    /// Calls `on_stall`, on the watchdog's thread, for each stall.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use std::time::Duration;
    /// let (send, receive) = mpsc::channel();
    /// let runtime = vitte_rt::runtime::Builder::multi_thread()
    ///     .watchdog(Some(Duration::from_millis(5)))
    ///     .on_stall(move |stall| drop(send.send(stall.task.id)))
    ///     .build()?;
    /// let task = runtime.spawn(async move { receive.recv() }); // blocks its worker
    /// assert_eq!(runtime.block_on(task).unwrap(), Ok(1));
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn on_stall(mut self, on_stall: impl Fn(&Stall) + Send + Sync + 'static) -> Self {
        self.insight.watchdog.on_stall = Some(Arc::new(on_stall));
        self
    }
}

impl Handle {
    /// The last stalls that the watchdog noticed, 16 at most, oldest first.
    pub fn stalls(&self) -> Vec<Stall> {
        self.shared.insight.watchdog.inner.lock().recent.iter().cloned().collect()
    }
}
