//! What a thread that takes part in a runtime knows: its runtime, and the worker it plays.

use std::cell::{Cell, RefCell};
use std::io;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use vitte_abi::stack_pointer;

use super::affinity::Affinity;
use super::threads::STACK_BYTES;
use super::worker::Core;
use super::{Flavor, Shared};
use crate::task::{Header, Queued, TaskRef};
use crate::timers::Due;

/// How long a task may hold its worker up before the worker's core is handed on.
const HOLD_NS: u64 = 1_000_000;
/// How long a thread without a core waits for one before it ends.
const SPARE: Duration = Duration::from_secs(10);
/// What synchronous procedures must leave of the stack for the runtime and the host.
const STACK_RESERVE: usize = 96 << 10;

/// A thread's part in a runtime, while it is entered.
pub(crate) struct ThreadCx {
    pub(crate) shared: Arc<Shared>,
    /// The worker this thread plays, if any.
    pub(crate) core: RefCell<Option<Core>>,
    /// The clock at the last look of this thread; 0 if it never looked.
    pub(crate) clock: Cell<u64>,
    /// The task being run.
    task: Cell<Option<Queued>>,
    /// It wants to be run again, behind the others.
    yielded: Cell<bool>,
    /// When it first used its loop budget up; 0 if it has not.
    held_since: Cell<u64>,
    /// Wakers are being called for timers and I/O: their tasks queue in order.
    pub(crate) in_driver: Cell<bool>,
    /// A task is being woken that is better behind the others.
    pub(crate) behind: Cell<bool>,
    /// The task that was woken last by the end of another; 0 before the first.
    last_joiner: Cell<u64>,
    /// The core was handed on during the run in progress, of this task.
    pub(crate) detached: Cell<Option<u64>>,
    /// Memory for the wakers of a look at the poller and at the timers, kept between looks.
    pub(crate) io: Cell<Vec<Waker>>,
    pub(crate) due: Cell<Vec<Due>>,
    /// It plays no worker, and what it does may block.
    in_place: Cell<bool>,
    /// The thread only names its runtime: it neither waits for a future of it nor plays a worker.
    is_guest: bool,
}

/// See [`ThreadCx::set_aside`].
#[derive(Debug)]
pub(crate) struct Outer {
    yielded: bool,
    held_since: u64,
    budget: u32,
}

thread_local! {
    static CURRENT: Cell<Option<NonNull<ThreadCx>>> = const { Cell::new(None) };
    static STACK_LIMIT: Cell<usize> = const { Cell::new(0) };
}

/// Makes a context the thread's current one until dropped.
#[derive(Debug)]
pub(crate) struct Entered {
    before: Option<NonNull<ThreadCx>>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.before);
        crate::task::coop::lift();
    }
}

/// A context that is the thread's current one until this is dropped, on the same thread.
#[derive(Debug)]
pub(crate) struct Guest {
    cx: NonNull<ThreadCx>,
    before: Option<NonNull<ThreadCx>>,
}

impl Guest {
    pub(crate) fn enter(shared: Arc<Shared>) -> Self {
        let before = CURRENT.get();
        // SAFETY: as in `ThreadCx::with`.
        let is_guest = before.is_none_or(|cx| unsafe { cx.as_ref() }.is_guest);
        let cx = Box::new(ThreadCx { is_guest, ..ThreadCx::new(shared, None) });
        let cx = NonNull::from(Box::leak(cx));
        CURRENT.set(Some(cx));
        Guest { cx, before }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if CURRENT.get() != Some(self.cx) {
            // Somebody may come back to the context, so it stays for ever.
            let order =
                "guards of `enter` are dropped in the reverse of the order they were made in";
            assert!(crate::atomic::is_unwinding(), "{order}");
            return;
        }
        CURRENT.set(self.before);
        // SAFETY: made from a box, and current no more: who entered after us has left.
        drop(unsafe { Box::from_raw(self.cx.as_ptr()) });
    }
}

impl ThreadCx {
    pub(crate) fn new(shared: Arc<Shared>, core: Option<Core>) -> Self {
        ThreadCx {
            shared,
            core: RefCell::new(core),
            clock: Cell::new(0),
            task: Cell::new(None),
            yielded: Cell::new(false),
            held_since: Cell::new(0),
            in_driver: Cell::new(false),
            behind: Cell::new(false),
            last_joiner: Cell::new(0),
            detached: Cell::new(None),
            io: Cell::default(),
            due: Cell::default(),
            in_place: Cell::new(false),
            is_guest: false,
        }
    }

    /// Runs `body` with this context as the thread's current one.
    pub(crate) fn scope<R>(&self, body: impl FnOnce() -> R) -> R {
        let _outside = crate::task::Outside::new();
        let _entered = Entered { before: CURRENT.replace(Some(NonNull::from(self))) };
        body()
    }

    /// Runs `body` with the thread's current context, if it has one.
    pub(crate) fn with<R>(body: impl FnOnce(Option<&ThreadCx>) -> R) -> R {
        let current = CURRENT.try_with(Cell::get).ok().flatten();
        // SAFETY: set by `scope`, which borrows the context until it resets the cell, and by `Guest`,
        // which frees it only after that.
        body(current.map(|cx| unsafe { cx.as_ref() }))
    }

    pub(crate) fn is_of(&self, shared: &Shared) -> bool {
        std::ptr::eq(Arc::as_ptr(&self.shared), shared)
    }

    /// Whether this thread runs a task of `shared` or waits for a future in it, and so must not wait.
    pub(crate) fn is_inside(shared: &Shared) -> bool {
        let is = |cx: &ThreadCx| cx.is_of(shared) && !cx.is_guest && !cx.in_place.get();
        ThreadCx::with(|cx| cx.is_some_and(is))
    }

    /// The worker this thread plays.
    pub(crate) fn worker(&self) -> Option<usize> {
        self.core.borrow().as_ref().map(|core| core.index)
    }

    /// Plays a worker from now on, with the memory that its last thread left.
    pub(super) fn take_core(&self, mut core: Core) {
        let (io, due) = std::mem::take(&mut core.kept);
        self.io.set(io);
        self.due.set(due);
        *self.core.borrow_mut() = Some(core);
    }

    /// Plays no worker any more; the worker keeps the memory for the next thread.
    pub(super) fn leave_core(&self) -> Option<Core> {
        let mut core = self.core.borrow_mut().take()?;
        core.kept = (self.io.take(), self.due.take());
        Some(core)
    }

    /// Reads the clock for the turns to come.
    pub(crate) fn look_at_clock(&self) {
        let now = self.shared.env.now_ns();
        self.clock.set(now);
        self.shared.note_births(now);
    }

    /// A task is run; what was run around it.
    pub(crate) fn start_task(&self, task: Queued) -> Option<Queued> {
        self.held_since.set(0);
        crate::task::coop::reset();
        self.task.replace(Some(task))
    }

    /// The run ended; whether the task wants another, behind the others.
    pub(crate) fn end_task(&self, before: Option<Queued>) -> bool {
        self.task.set(before);
        self.yielded.take()
    }

    /// Wakes whoever waited for the task that ended, by `wake`. A task that was woken so the last time
    /// too joins many: it goes behind the others, so that more of them have ended when it runs.
    pub(crate) fn wake_joiner(&self, task_id: Option<u64>, wake: impl FnOnce()) {
        let Some(id) = task_id else { return wake() };
        self.behind.set(self.last_joiner.replace(id) == id);
        wake();
        self.behind.set(false);
    }

    /// What belongs to the run in progress, before another task is run inside of it.
    pub(crate) fn set_aside(&self) -> Outer {
        let budget = crate::task::coop::save();
        Outer { yielded: self.yielded.take(), held_since: self.held_since.get(), budget }
    }

    /// Goes on with the outer run.
    pub(crate) fn take_up(&self, outer: Outer) {
        self.yielded.set(outer.yielded);
        self.held_since.set(outer.held_since);
        crate::task::coop::restore(outer.budget);
    }

    /// Runs `body` with the task that this thread runs, if it runs one.
    pub(crate) fn with_task<R>(body: impl FnOnce(&TaskRef) -> R) -> Option<R> {
        ThreadCx::with(|cx| cx?.task.get().map(|task| body(&task.task())))
    }

    /// The runtime of this thread.
    pub(crate) fn current() -> Option<Arc<Shared>> {
        ThreadCx::with(|cx| cx.map(|cx| cx.shared.clone()))
    }

    /// The task that this thread runs yields; false if it runs another.
    pub(crate) fn yield_task(task: NonNull<Header>) -> bool {
        ThreadCx::with(|cx| {
            let Some(cx) = cx else { return false };
            let is = cx.task.get().is_some_and(|running| running.as_ptr() == task);
            if is {
                cx.yielded.set(true);
            }
            is
        })
    }

    /// Id of the task that this thread runs.
    pub(crate) fn running(&self) -> Option<u64> {
        self.task.get().map(|task| task.task().header().id)
    }

    /// Whether the thread plays a worker now.
    pub(crate) fn has_core(&self) -> bool {
        self.core.borrow().is_some()
    }

    /// Lowest stack address that generated code may use on this thread.
    pub(crate) fn stack_limit() -> usize {
        let known = STACK_LIMIT.get();
        if known != 0 {
            return known;
        }
        // A task may go on on a thread with less stack than this one: what workers have is all that
        // it may use anywhere.
        let worker = stack_pointer().saturating_sub(STACK_BYTES - 2 * STACK_RESERVE);
        let limit = worker.max(stack_bottom() + STACK_RESERVE);
        STACK_LIMIT.set(limit);
        limit
    }

    /// The task that runs has used its loop budget up: if it goes on holding its worker up, another
    /// thread plays the worker from now on.
    pub(crate) fn overrun(shared: &Arc<Shared>) {
        if shared.is_virtual {
            return;
        }
        ThreadCx::with(|cx| {
            let Some(cx) = cx else { return };
            let now = shared.env.now_ns();
            if cx.held_since.get() == 0 {
                return cx.held_since.set(now);
            }
            if now - cx.held_since.get() >= HOLD_NS {
                cx.leave_worker();
            }
        });
    }

    /// Another thread plays the worker from now on, while this one goes on with its task. Nothing without a
    /// task, without a worker, or without another thread.
    fn leave_worker(&self) {
        let shared = &self.shared;
        let Some(task) = self.task.get() else { return };
        let Some(core) = self.core.borrow_mut().take() else { return };
        // AcqRel: pairs with `is_quiet`.
        shared.n_detached.fetch_add(1, Ordering::AcqRel);
        let id = task.task().header().id;
        shared.detached.lock().push(id);
        self.detached.set(Some(id));
        let worker = core.index;
        shared.beat(worker).end();
        match shared.hand_on(core) {
            Ok(()) => {
                shared.counters.handoffs.add();
                shared.affinity.iter().for_each(Affinity::free);
            }
            Err(core) => {
                shared.beat(worker).begin(id);
                *self.core.borrow_mut() = Some(core);
                self.detached.set(None);
                shared.detached.lock().retain(|&other| other != id);
                shared.n_detached.fetch_sub(1, Ordering::AcqRel);
            }
        }
    }

    /// Runs `body`, which blocks, after another thread has taken the worker over that this one plays.
    pub(crate) fn block_in_place<R>(body: impl FnOnce() -> R) -> R {
        /// Sets the mark back, by a panic too.
        struct Back(bool);
        impl Drop for Back {
            fn drop(&mut self) {
                ThreadCx::with(|cx| cx.into_iter().for_each(|cx| cx.in_place.set(self.0)));
            }
        }
        let before = ThreadCx::with(|cx| {
            let cx = cx.filter(|cx| !cx.shared.is_virtual)?;
            cx.leave_worker();
            (!cx.has_core()).then(|| cx.in_place.replace(true))
        });
        let _back = before.map(Back);
        body()
    }
}

/// Threads that wait for a core to play.
#[derive(Debug, Default)]
pub(crate) struct Spares {
    inner: Mutex<Offered>,
    offer: Condvar,
}

#[derive(Debug, Default)]
struct Offered {
    cores: Vec<Core>,
    n_waiting: usize,
    n_threads: usize,
}

impl Shared {
    /// Gives a core to another thread; gives it back if there is none.
    pub(crate) fn hand_on(self: &Arc<Self>, core: Core) -> Result<(), Core> {
        let mut spares = self.spares.inner.lock();
        if spares.n_waiting > spares.cores.len() {
            spares.cores.push(core);
            self.spares.offer.notify_one();
            return Ok(());
        }
        spares.n_threads += 1;
        let n = spares.n_threads;
        drop(spares);
        let cradle = Arc::new(Mutex::new(Some(core)));
        let (shared, taken) = (self.clone(), cradle.clone());
        let body = move || {
            let core = taken.lock().take();
            worker_main(&shared, core);
        };
        match self.spawn_thread("worker", n, body) {
            Ok(()) => Ok(()),
            Err(_) => match cradle.lock().take() {
                Some(core) => Err(core),
                None => Ok(()),
            },
        }
    }

    /// Waits until a core is handed on; `None` if that takes long or the runtime ends.
    fn wait_for_core(&self) -> Option<Core> {
        let mut spares = self.spares.inner.lock();
        loop {
            if let Some(core) = spares.cores.pop() {
                return Some(core);
            }
            // SeqCst: pairs with `stop_workers`.
            if self.stop.load(Ordering::SeqCst) {
                return None;
            }
            spares.n_waiting += 1;
            let timed_out = self.spares.offer.wait_for(&mut spares, SPARE).timed_out();
            spares.n_waiting -= 1;
            if timed_out && spares.cores.is_empty() {
                return None;
            }
        }
    }

    /// Takes a core that no thread plays.
    pub(crate) fn take_home_core(&self) -> Option<Core> {
        self.home.lock().pop()
    }

    /// Puts a core back; threads in `block_on` may take it.
    pub(crate) fn bring_home(&self, mut core: Core) {
        self.tidy(&mut core);
        self.home.lock().push(core);
        // SeqCst: pairs with `take_apart`: one of the two finds the core at home.
        if self.closed.load(Ordering::SeqCst) {
            self.take_apart();
        }
        self.nudge_roots();
    }

    /// Gives each core that is home to a thread, in a runtime with worker threads.
    pub(crate) fn start_workers(self: &Arc<Self>) -> io::Result<()> {
        if self.flavor != Flavor::Threads {
            return Ok(());
        }
        // SeqCst: as in `stop_workers`; before the threads, so that they see it.
        self.stop.store(false, Ordering::SeqCst);
        while let Some(core) = self.take_home_core() {
            if let Err(core) = self.hand_on(core) {
                self.bring_home(core);
                return Err(io::Error::other("no thread for a worker"));
            }
        }
        Ok(())
    }

    /// Tells all workers to end.
    pub(crate) fn stop_workers(&self) {
        // SeqCst: a worker that sleeps after this sees it, one that slept before is woken.
        self.stop.store(true, Ordering::SeqCst);
        for worker in 0..self.remotes.len() {
            self.unpark(worker);
        }
        drop(self.spares.inner.lock());
        self.spares.offer.notify_all();
        self.nudge_roots();
    }
}

/// The body of a thread that plays workers.
pub(crate) fn worker_main(shared: &Arc<Shared>, core: Option<Core>) {
    let cx = ThreadCx::new(shared.clone(), core);
    cx.scope(|| {
        let mut bound_to = None;
        loop {
            if !cx.has_core() {
                let Some(core) = shared.wait_for_core() else { return };
                *cx.core.borrow_mut() = Some(core);
                bound_to = None;
            }
            if bound_to.is_none()
                && let Some(affinity) = &shared.affinity
            {
                bound_to = cx.worker();
                bound_to.into_iter().for_each(|worker| affinity.bind(worker));
            }
            // A current-thread runtime runs only while somebody is in `block_on`.
            let unwanted =
                shared.flavor == Flavor::Current && shared.n_roots.load(Ordering::SeqCst) == 0;
            // SeqCst: pairs with `stop_workers`.
            if unwanted || shared.stop.load(Ordering::SeqCst) {
                let core = cx.core.borrow_mut().take();
                if let Some(core) = core {
                    shared.bring_home(core);
                }
                if unwanted {
                    continue;
                }
                return;
            }
            // SeqCst: as above. A current-thread runtime looks at its roots too.
            let is_current = shared.flavor == Flavor::Current;
            let enough = || is_current || shared.stop.load(Ordering::SeqCst);
            if shared.turns(&cx, usize::MAX, enough) > 0 && enough() {
                continue;
            }
            if cx.has_core() {
                shared.sleep(&cx);
            }
        }
    });
}

/// Lowest address of this thread's stack.
#[cfg(target_os = "linux")]
fn stack_bottom() -> usize {
    let mut attributes = std::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: always possible.
    let thread = unsafe { libc::pthread_self() };
    // SAFETY: initialises the attributes when it answers 0.
    if unsafe { libc::pthread_getattr_np(thread, attributes.as_mut_ptr()) } != 0 {
        return stack_guess();
    }
    let (mut low, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: the attributes were initialised.
    let failed =
        unsafe { libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut low, &raw mut size) };
    // SAFETY: as above; not used afterwards.
    unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
    if failed == 0 { low as usize } else { stack_guess() }
}

#[cfg(not(target_os = "linux"))]
fn stack_bottom() -> usize {
    stack_guess()
}

/// Half of the smallest usual stack below here.
fn stack_guess() -> usize {
    stack_pointer().saturating_sub(256 << 10)
}
