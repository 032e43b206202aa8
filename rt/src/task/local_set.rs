//! Tasks whose futures are not `Send`: they run on the thread that spawned them.
//!
//! A [`LocalSet`] holds them, and whoever awaits it runs them, between polls of a future of its own
//! ([`LocalSet::run_until`]). Every `block_on` has a set of its own around its future, on each kind of
//! runtime, so that [`spawn_local`] works there without another word.
//!
//! * Which set: the innermost one that the thread polls. Tasks of the runtime's workers have none, for
//!   they move between threads; a local task has that of itself.
//! * The end: what is left in a set when it is dropped is dropped with it, as if it had been aborted.
//!   That of a `block_on` is dropped when its future is ready.
//! * A local task costs an allocation more than others (for the place in its set), and its queue has a
//!   lock.

use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::{Pin, pin};
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use slab::Slab;

use super::cell::{Queued, TaskRef};
use super::future::spawn_future_local;
use super::join::JoinHandle;
use super::origin::{Details, Place};
use super::state::Seen;
use crate::runtime::Runtime;
use crate::scheduler::{LocalQueue, Shared, ThreadCx};

/// Spawns a future that need not be `Send`, on this thread.
///
/// The task belongs to the innermost [`LocalSet`] that the thread polls; each `block_on` (and
/// [`Runtime::run`]) has one of its own around its future. When that set goes, so do its tasks: await
/// them.
///
/// # Panics
///
/// Outside of any set, naming the call: in a task of [`spawn`](super::spawn), which may move between
/// threads, and outside of a runtime.
///
/// # Examples
///
/// ```
/// use std::rc::Rc;
/// use vitte_rt::task::spawn_local;
///
/// vitte_rt::block_on(async {
///     let shared = Rc::new(20);
///     let clone = shared.clone();
///     let task = spawn_local(async move { *clone + 1 });
///     assert_eq!(task.await.unwrap() + *shared, 41);
/// });
/// ```
#[track_caller]
pub fn spawn_local<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    spawn_described(future, Details::new(Location::caller()))
}

/// As [`spawn_local`], with what is known of the task.
#[track_caller]
pub(crate) fn spawn_described<F>(future: F, details: Details) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let Some(set) = CURRENT.get() else {
        panic!("`spawn_local` outside of a `LocalSet` and of the future of a `block_on`")
    };
    // SAFETY: set by `LocalSet::enter`, which borrows the set until it resets the cell.
    unsafe { set.as_ref() }.spawn(future, details)
}

thread_local! {
    /// The set that this thread polls.
    static CURRENT: Cell<Option<NonNull<LocalSet>>> = const { Cell::new(None) };
}

/// Makes what is current again what it was.
pub(crate) struct Outside(Option<NonNull<LocalSet>>);

impl Outside {
    /// Leaves the current set until dropped: what is polled meanwhile is no part of it.
    pub(crate) fn new() -> Self {
        Outside(CURRENT.take())
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

/// A set of tasks that stay on this thread. Dropping it drops them.
///
/// A set belongs to the runtime in which its first task was spawned.
///
/// # Examples
///
/// ```
/// use std::cell::Cell;
/// use std::rc::Rc;
/// use vitte_rt::runtime::Runtime;
/// use vitte_rt::task::{LocalSet, spawn_local};
///
/// let runtime = Runtime::new()?;
/// let local = LocalSet::new();
/// let n_done = Rc::new(Cell::new(0));
/// local.block_on(&runtime, async {
///     for _ in 0..3 {
///         let n_done = n_done.clone();
///         spawn_local(async move { n_done.set(n_done.get() + 1) });
///     }
/// });
/// // The tasks outlive the first run; the set is a future of their ends.
/// runtime.block_on(local);
/// assert_eq!(n_done.get(), 3);
/// # std::io::Result::Ok(())
/// ```
#[derive(Default)]
pub struct LocalSet {
    inner: OnceCell<Inner>,
    /// A set stays on its thread.
    on_thread: PhantomData<*mut ()>,
}

struct Inner {
    shared: Arc<Shared>,
    queue: Arc<LocalQueue>,
    /// The tasks that are not over, by their places.
    tasks: RefCell<Slab<TaskRef>>,
}

impl fmt::Debug for LocalSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalSet({} tasks)", self.n_tasks())
    }
}

impl LocalSet {
    /// A set without tasks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of tasks of the set that are not over.
    pub fn n_tasks(&self) -> usize {
        self.inner.get().map_or(0, |inner| inner.tasks.borrow().len())
    }

    /// Spawns a future as a task of this set. It runs when the set is awaited.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and inside of another one than that of the set's first task.
    #[track_caller]
    pub fn spawn_local<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.spawn(future, Details::new(Location::caller()))
    }

    /// Runs `future`, and the tasks of the set meanwhile. Tasks that are left when it is ready stay in
    /// the set.
    ///
    /// # Panics
    ///
    /// The future does when polled in another runtime than that of the set's first task.
    pub async fn run_until<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| {
            let _entered = self.enter();
            let ready = future.as_mut().poll(cx);
            if ready.is_pending() {
                self.run_tasks(cx.waker());
            }
            ready
        })
        .await
    }

    /// Runs `future` to its end on this thread, and the tasks of the set meanwhile.
    ///
    /// # Panics
    ///
    /// As [`Runtime::block_on`] and [`LocalSet::run_until`].
    pub fn block_on<F: Future>(&self, runtime: &Runtime, future: F) -> F::Output {
        runtime.block_on(self.run_until(future))
    }

    #[track_caller]
    fn spawn<F>(&self, future: F, mut details: Details) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let shared = ThreadCx::current().expect("`spawn_local` outside of a runtime");
        let inner = self.inner.get_or_init(|| Inner {
            shared: shared.clone(),
            queue: Arc::default(),
            tasks: RefCell::default(),
        });
        let is_own = Arc::ptr_eq(&shared, &inner.shared);
        assert!(is_own, "`spawn_local` in another runtime than that of the set");
        let mut tasks = inner.tasks.borrow_mut();
        let vacant = tasks.vacant_entry();
        details.place = Some(Place { queue: inner.queue.clone(), key: vacant.key() });
        // SAFETY: the task goes to the queue of this set, which is of this thread and is emptied by
        // nobody else; the drop of the set drops the future.
        let (handle, task) = unsafe { spawn_future_local(&shared, future, details) };
        vacant.insert(task);
        drop(tasks);
        // SAFETY: a task that was just spawned is scheduled, and nobody else knows.
        let queued = unsafe { Queued::from_raw(handle.as_ptr()) };
        shared.start_local(queued, &inner.queue);
        handle
    }

    /// Makes this the thread's current set.
    fn enter(&self) -> Outside {
        Outside(CURRENT.replace(Some(NonNull::from(self))))
    }

    /// Runs tasks that are queued, a few at most.
    fn run_tasks(&self, waker: &Waker) {
        let Some(inner) = self.inner.get() else { return };
        ThreadCx::with(|cx| {
            let cx = cx.filter(|cx| cx.is_of(&inner.shared));
            let cx = cx.expect("a local set runs in the runtime of its first task");
            inner.queue.drive(waker, |task| {
                let key = place_of(task);
                if inner.shared.run_local(cx, task, &inner.queue) {
                    inner.forget(key);
                }
            });
        });
    }
}

impl Inner {
    fn forget(&self, key: usize) {
        let task = self.tasks.borrow_mut().remove(key);
        drop(task); // outside of the borrow: it may drop whatever the task had
    }

    /// A task that is not running, whose run is ours from now on.
    fn hold_one(&self) -> Option<(Queued, Seen)> {
        if let Some(task) = self.queue.pop() {
            return Some((task, task.task().header().state.start_run()));
        }
        let tasks = self.tasks.borrow();
        tasks.iter().find_map(|(_, task)| {
            let seen = task.header().state.try_hold()?;
            // SAFETY: held, which is to be scheduled, by us.
            Some((unsafe { Queued::from_raw(task.as_ptr()) }, seen))
        })
    }
}

/// The place of a local task in its set. The set keeps the task.
fn place_of(task: Queued) -> usize {
    let task = task.task();
    let place = task.header().origin.place();
    place.expect("a task of a local queue has a place in its set").key
}

impl Drop for LocalSet {
    fn drop(&mut self) {
        let Some(inner) = self.inner.get() else { return };
        if inner.tasks.borrow().is_empty() {
            return;
        }
        let _outside = Outside::new();
        inner.shared.within(|cx| {
            while !inner.tasks.borrow().is_empty() {
                let Some((task, seen)) = inner.hold_one() else {
                    // Somebody holds it for a dump, or is about to queue it.
                    crate::atomic::yield_thread();
                    continue;
                };
                let key = place_of(task);
                inner.shared.abandon_local(cx, task, seen);
                inner.forget(key);
            }
        });
    }
}

/// Ready when no task of the set is left.
impl Future for LocalSet {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let _entered = self.enter();
        if self.n_tasks() > 0 {
            self.run_tasks(cx.waker());
        }
        if self.n_tasks() == 0 { Poll::Ready(()) } else { Poll::Pending }
    }
}
