//! A set of tasks, joined in the order they end.
//!
//! Each task of the set has a waker that enters its place into a queue when the task ends; joining takes
//! places from the queue. A place that was given to a later task may be in the queue too often: that task
//! is asked in vain, and waited for again.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker, ready};

use parking_lot::Mutex;
use slab::Slab;

use super::{AbortHandle, JoinError, JoinHandle, coop};
use crate::runtime::Handle;

/// A set of tasks with outputs of the same type. Dropping it aborts them.
///
/// # Examples
///
/// ```
/// use vitte_rt::task::JoinSet;
///
/// vitte_rt::block_on(async {
///     let mut squares = JoinSet::new();
///     for n in 1..=3 {
///         squares.spawn(async move { n * n });
///     }
///     let mut sum = 0;
///     while let Some(square) = squares.join_next().await {
///         sum += square.unwrap();
///     }
///     assert_eq!(sum, 14);
/// });
/// ```
pub struct JoinSet<T> {
    entries: Slab<Entry<T>>,
    ended: Arc<Ended>,
}

struct Entry<T> {
    handle: JoinHandle<T>,
    waker: Waker,
}

/// Places whose tasks may have ended, and who waits for one.
#[derive(Default)]
struct Ended(Mutex<(VecDeque<usize>, Option<Waker>)>);

impl Ended {
    fn enter(&self, place: usize) {
        let mut inner = self.0.lock();
        inner.0.push_back(place);
        let waker = inner.1.take();
        drop(inner);
        waker.into_iter().for_each(Waker::wake);
    }
}

/// The waker of one task of the set.
struct EntryWaker {
    place: usize,
    ended: Arc<Ended>,
}

impl Wake for EntryWaker {
    fn wake(self: Arc<Self>) {
        self.ended.enter(self.place);
    }
}

impl<T> JoinSet<T> {
    /// A set without tasks.
    pub fn new() -> Self {
        JoinSet { entries: Slab::new(), ended: Arc::default() }
    }

    /// Number of tasks that were not joined.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether all tasks were joined.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<T: 'static> JoinSet<T> {
    /// Spawns a future as a task of the set.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn spawn<F>(&mut self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send,
    {
        self.insert(super::spawn(future))
    }

    /// As [`JoinSet::spawn`], on a given runtime.
    #[track_caller]
    pub fn spawn_on<F>(&mut self, future: F, runtime: &Handle) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send,
    {
        self.insert(runtime.spawn(future))
    }

    /// Spawns a future that need not be `Send` as a task of the set; see
    /// [`spawn_local`](super::spawn_local).
    ///
    /// # Panics
    ///
    /// As [`spawn_local`](super::spawn_local).
    #[track_caller]
    pub fn spawn_local<F>(&mut self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        self.insert(super::spawn_local(future))
    }

    /// Runs a closure that blocks, as a task of the set; see [`spawn_blocking`](super::spawn_blocking).
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn spawn_blocking<F>(&mut self, body: F) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send,
    {
        self.insert(super::spawn_blocking(body))
    }

    /// As [`JoinSet::spawn_blocking`], on a given runtime.
    #[track_caller]
    pub fn spawn_blocking_on<F>(&mut self, body: F, runtime: &Handle) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send,
    {
        self.insert(runtime.spawn_blocking(body))
    }

    fn insert(&mut self, handle: JoinHandle<T>) -> AbortHandle {
        let abort = handle.abort_handle();
        let vacant = self.entries.vacant_entry();
        let place = vacant.key();
        let waker = Waker::from(Arc::new(EntryWaker { place, ended: self.ended.clone() }));
        vacant.insert(Entry { handle, waker });
        // Whoever joins asks it for the first time, and leaves the waker with it.
        self.ended.enter(place);
        abort
    }

    /// Waits for a task to end; `None` if there is none. Dropped before it is ready, no output is lost.
    ///
    /// # Errors
    ///
    /// The task panicked or was aborted.
    pub async fn join_next(&mut self) -> Option<Result<T, JoinError>> {
        poll_fn(|cx| self.poll_join_next(cx)).await
    }

    /// As [`JoinSet::join_next`], with the task's id.
    ///
    /// # Errors
    ///
    /// The task panicked or was aborted.
    pub async fn join_next_with_id(&mut self) -> Option<Result<(u64, T), JoinError>> {
        poll_fn(|cx| self.poll_next(cx)).await.map(|(id, output)| output.map(|output| (id, output)))
    }

    /// A task that has ended, if there is one.
    ///
    /// # Errors
    ///
    /// The task panicked or was aborted.
    pub fn try_join_next(&mut self) -> Option<Result<T, JoinError>> {
        match self.poll_join_next(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => output,
            Poll::Pending => None,
        }
    }

    /// As [`JoinSet::try_join_next`], with the task's id.
    ///
    /// # Errors
    ///
    /// The task panicked or was aborted.
    pub fn try_join_next_with_id(&mut self) -> Option<Result<(u64, T), JoinError>> {
        match self.poll_next(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(next) => next.map(|(id, output)| output.map(|output| (id, output))),
            Poll::Pending => None,
        }
    }

    /// As [`JoinSet::join_next`], for futures written by hand.
    pub fn poll_join_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, JoinError>>> {
        self.poll_next(cx).map(|next| next.map(|(_, output)| output))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(u64, Result<T, JoinError>)>> {
        loop {
            if self.entries.is_empty() {
                return Poll::Ready(None);
            }
            // By our own waker: a handle that finds the budget gone wakes its place, which would be asked
            // again at once, for ever.
            ready!(coop::spend(cx));
            let place = {
                let mut inner = self.ended.0.lock();
                let place = inner.0.pop_front();
                if place.is_none() {
                    let old = inner.1.replace(cx.waker().clone());
                    drop(inner);
                    drop(old); // outside of the lock: it may free a task
                    return Poll::Pending;
                }
                place
            };
            let Some(place) = place.filter(|place| self.entries.contains(*place)) else { continue };
            let Entry { handle, waker } = &mut self.entries[place];
            let polled = Pin::new(&mut *handle).poll(&mut Context::from_waker(waker));
            if let Poll::Ready(output) = polled {
                let id = handle.id();
                self.entries.remove(place);
                return Poll::Ready(Some((id, output)));
            }
        }
    }

    /// Waits for all tasks; their outputs in the order they end. Dropped before it is ready it aborts
    /// them.
    ///
    /// # Panics
    ///
    /// When a task panicked (with its panic) or was aborted.
    ///
    /// # Examples
    ///
    /// ```
    /// use vitte_rt::task::JoinSet;
    ///
    /// vitte_rt::block_on(async {
    ///     let set: JoinSet<_> = (0..3).map(|n| async move { n }).collect();
    ///     let mut all = set.join_all().await;
    ///     all.sort_unstable();
    ///     assert_eq!(all, [0, 1, 2]);
    /// });
    /// ```
    pub async fn join_all(mut self) -> Vec<T> {
        let mut outputs = Vec::with_capacity(self.len());
        while let Some(output) = self.join_next().await {
            match output.map_err(JoinError::try_into_panic) {
                Ok(output) => outputs.push(output),
                Err(Ok(payload)) => std::panic::resume_unwind(payload),
                Err(Err(error)) => panic!("{error}"),
            }
        }
        outputs
    }

    /// Aborts all tasks and waits for their end. Dropped before it is ready, they are aborted.
    pub async fn shutdown(&mut self) {
        self.abort_all();
        while self.join_next().await.is_some() {}
    }

    /// Asks all tasks to stop at their next suspension; they are joined as others are.
    pub fn abort_all(&mut self) {
        self.entries.iter().for_each(|(_, entry)| entry.handle.abort());
    }

    /// Lets all tasks run on by themselves.
    pub fn detach_all(&mut self) {
        self.entries.clear();
    }
}

impl<T> Default for JoinSet<T> {
    fn default() -> Self {
        JoinSet::new()
    }
}

impl<T> Drop for JoinSet<T> {
    fn drop(&mut self) {
        self.entries.iter().for_each(|(_, entry)| entry.handle.abort());
    }
}

impl<T, F> FromIterator<F> for JoinSet<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    /// Spawns every future.
    #[track_caller]
    fn from_iter<I: IntoIterator<Item = F>>(futures: I) -> Self {
        let mut set = JoinSet::new();
        for future in futures {
            set.spawn(future);
        }
        set
    }
}

impl<T, F> Extend<F> for JoinSet<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    /// Spawns every future.
    ///
    /// # Examples
    ///
    /// ```
    /// vitte_rt::block_on(async {
    ///     let mut set: vitte_rt::task::JoinSet<u32> = (0..2).map(|n| async move { n }).collect();
    ///     set.extend((2..4).map(|n| async move { n }));
    ///     assert_eq!(set.join_all().await.iter().sum::<u32>(), 6);
    /// });
    /// ```
    #[track_caller]
    fn extend<I: IntoIterator<Item = F>>(&mut self, futures: I) {
        for future in futures {
            self.spawn(future);
        }
    }
}

impl<T> fmt::Debug for JoinSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinSet({} tasks)", self.len())
    }
}
