//! A signal without a value.
//!
//! ```text
//!  state: │ generation … │ EMPTY, WAITING or NOTIFIED │     one generation per `notify_waiters`
//! ```
//!
//! * **I1** WAITING is set and cleared under the lock; it is set iff the list is not empty.
//! * **I2** NOTIFIED is one permit: `notify_one` came while nobody waited. It never stands together
//!   with waiters.
//! * **I3** A future made before a `notify_waiters` is ready after it, polled or not: it compares the
//!   generation it was made in.
//! * **I4** A future that was woken by `notify_one` and is dropped before it looked passes it on.

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::waiters::{List, Waiter, WakeList};
use crate::atomic::{AtomicUsize, Mutex, MutexGuard, Ordering};

const EMPTY: usize = 0;
const WAITING: usize = 1;
const NOTIFIED: usize = 2;
const STATE: usize = 3;
const GENERATION: usize = 4;

/// How a waiter was notified.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Notice {
    None,
    One,
    All,
}

struct Wait {
    notice: Notice,
    /// Generation in which it entered the list.
    generation: usize,
}

/// Wakes one task or all tasks that wait for it.
///
/// [`Notify::notify_one`] is kept as a permit if nobody waits (one at most); the next
/// [`Notify::notified`] takes it. [`Notify::notify_waiters`] keeps nothing.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use vitte_rt::sync::Notify;
///
/// vitte_rt::block_on(async {
///     let ready = Arc::new(Notify::new());
///     let waiter = {
///         let ready = ready.clone();
///         vitte_rt::spawn(async move { ready.notified().await })
///     };
///     ready.notify_one(); // before or after the task waits
///     waiter.await.unwrap();
/// });
/// ```
pub struct Notify {
    state: AtomicUsize,
    waiters: Mutex<List<Wait>>,
}

impl Notify {
    maybe_const! {
        /// A signal that was not given yet.
        pub fn new() -> Self {
            Notify { state: AtomicUsize::new(EMPTY), waiters: Mutex::new(List::new()) }
        }
    }

    maybe_const! {
        /// As [`Notify::new`].
        pub fn const_new() -> Self {
            Notify::new()
        }
    }

    /// Waits for a signal.
    ///
    /// The future is ready after a [`Notify::notify_waiters`] that comes after this call, even if it
    /// was not polled before. Its place in the line of [`Notify::notify_one`] it takes at its first
    /// poll ([`Notified::enable`] takes it at once).
    pub fn notified(&self) -> Notified<'_> {
        Notified(Listener::new(self))
    }

    /// As [`Notify::notified`], with a future that holds the signal alive.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use vitte_rt::sync::Notify;
    ///
    /// vitte_rt::block_on(async {
    ///     let stop = Arc::new(Notify::new());
    ///     let stopped = stop.clone().notified_owned();
    ///     let task = vitte_rt::spawn(stopped);
    ///     stop.notify_waiters(); // polled or not
    ///     task.await.unwrap();
    /// });
    /// ```
    pub fn notified_owned(self: Arc<Self>) -> OwnedNotified {
        OwnedNotified(Listener::new(self))
    }

    /// Wakes who waits longest; if nobody does, the next who waits does not wait.
    pub fn notify_one(&self) {
        self.notify_next(false);
    }

    /// Wakes who came last; if nobody waits, as [`Notify::notify_one`].
    pub fn notify_last(&self) {
        self.notify_next(true);
    }

    fn notify_next(&self, last: bool) {
        // SeqCst: what the caller did before is seen by the one who is notified.
        let mut state = self.state.load(Ordering::SeqCst);
        while state & STATE != WAITING {
            let notified = (state & !STATE) | NOTIFIED;
            match self.state.compare_exchange(state, notified, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => return,
                Err(now) => state = now,
            }
        }
        let waker = self.notify_locked(self.waiters.lock(), last);
        waker.into_iter().for_each(Waker::wake);
    }

    /// Notifies one; answers whom to wake, outside of the lock.
    fn notify_locked(&self, mut waiters: MutexGuard<'_, List<Wait>>, last: bool) -> Option<Waker> {
        let waiter = if last { waiters.pop_back() } else { waiters.pop_front() };
        let Some(waiter) = waiter else {
            // The one who was seen waiting has gone: nobody waits, and by I1 nobody begins to.
            let give = |state| Some((state & !STATE) | NOTIFIED);
            let _ = self.state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, give);
            return None;
        };
        waiter.data.notice = Notice::One;
        let waker = waiter.waker.take();
        if waiters.is_empty() {
            // SeqCst: under the lock (I1).
            self.state.fetch_and(!STATE, Ordering::SeqCst);
        }
        waker
    }

    /// Wakes all who wait now. Who comes later waits for the next signal.
    ///
    /// # Examples
    ///
    /// ```
    /// use vitte_rt::sync::Notify;
    ///
    /// let notify = Notify::new();
    /// let (a, b) = (notify.notified(), notify.notified());
    /// notify.notify_waiters();
    /// vitte_rt::block_on(async { (a.await, b.await) });
    /// ```
    pub fn notify_waiters(&self) {
        let mut wakers = WakeList::new();
        let mut waiters = self.waiters.lock();
        // SeqCst: pairs with `notified` (I3).
        let old = self.state.fetch_add(GENERATION, Ordering::SeqCst) / GENERATION;
        while let Some(first) = waiters.front() {
            // Who enters while we wake is of a later generation, and behind all of ours.
            if first.data.generation > old {
                break;
            }
            if wakers.is_full() {
                drop(waiters);
                wakers.wake_all();
                waiters = self.waiters.lock();
                continue;
            }
            first.data.notice = Notice::All;
            wakers.push(first.waker.take());
            waiters.pop_front();
        }
        // SeqCst: under the lock (I1). A permit (I2) stays.
        if waiters.is_empty() && self.state.load(Ordering::SeqCst) & STATE == WAITING {
            self.state.fetch_and(!STATE, Ordering::SeqCst);
        }
        drop(waiters);
        wakers.wake_all();
    }
}

impl Default for Notify {
    fn default() -> Self {
        Notify::new()
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Relaxed: for people only.
        f.write_str(match self.state.load(Ordering::Relaxed) & STATE {
            WAITING => "Notify(somebody waits)",
            NOTIFIED => "Notify(notified)",
            _ => "Notify(nobody waits)",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Not in the list yet.
    Made,
    /// The node was entered and nobody has looked since how it fared.
    Queued,
    /// Notified.
    Done,
}

/// See [`Notify::notified`].
#[must_use = "a future does nothing unless awaited"]
pub struct Notified<'a>(Listener<&'a Notify>);

/// See [`Notify::notified_owned`].
#[must_use = "a future does nothing unless awaited"]
pub struct OwnedNotified(Listener<Arc<Notify>>);

/// One who waits, with a way to the signal.
struct Listener<N: Deref<Target = Notify>> {
    notify: N,
    /// In which it was made.
    generation: usize,
    stage: Stage,
    waiter: Waiter<Wait>,
}

impl<N: Deref<Target = Notify>> Listener<N> {
    fn new(notify: N) -> Self {
        // SeqCst: pairs with `notify_waiters` (I3).
        let generation = notify.state.load(Ordering::SeqCst) / GENERATION;
        let waiter = Waiter::new(Wait { notice: Notice::None, generation });
        Listener { notify, generation, stage: Stage::Made, waiter }
    }

    fn look(self: Pin<&mut Self>, waker: Option<&Waker>) -> Poll<()> {
        // SAFETY: nothing is moved out of it.
        let this = unsafe { self.get_unchecked_mut() };
        let ready = match this.stage {
            Stage::Done => true,
            Stage::Made => this.enter(waker),
            Stage::Queued => this.is_notified(waker),
        };
        if ready {
            this.stage = Stage::Done;
            return Poll::Ready(());
        }
        this.stage = Stage::Queued;
        Poll::Pending
    }

    /// Takes the permit, or enters the list; true if notified.
    fn enter(&self, waker: Option<&Waker>) -> bool {
        let notify = &*self.notify;
        let is_over = |state: usize| state / GENERATION != self.generation;
        // SeqCst, here and below: pairs with both ways to notify.
        let state = notify.state.load(Ordering::SeqCst);
        if is_over(state) {
            return true;
        }
        let empty = state & !STATE;
        let take = || {
            let notified = empty | NOTIFIED;
            notify.state.compare_exchange(notified, empty, Ordering::SeqCst, Ordering::SeqCst)
        };
        if state & STATE == NOTIFIED && take().is_ok() {
            return true;
        }
        let mut waiters = notify.waiters.lock();
        loop {
            let state = notify.state.load(Ordering::SeqCst);
            if is_over(state) {
                return true; // the generation changes under the lock only
            }
            let exchange = |new| {
                notify
                    .state
                    .compare_exchange(state, new, Ordering::SeqCst, Ordering::SeqCst)
                    .is_ok()
            };
            match state & STATE {
                NOTIFIED if exchange(empty) => return true,
                EMPTY if exchange(empty | WAITING) => break,
                WAITING => break,
                _ => {}
            }
        }
        let at = self.waiter.node();
        // SAFETY: it lives as long as this future, and the lock is held.
        unsafe { waiters.get(at) }.waker = waker.cloned();
        // SAFETY: the future is pinned, and takes the node out before it goes.
        unsafe { waiters.push_back(at) };
        false
    }

    /// Whether a node that was entered has been notified; keeps the waker otherwise.
    fn is_notified(&self, waker: Option<&Waker>) -> bool {
        let mut waiters = self.notify.waiters.lock();
        // SAFETY: it lives as long as this future, and the lock is held.
        let node = unsafe { waiters.get(self.waiter.node()) };
        if !node.is_linked() {
            return true;
        }
        let old = waker.and_then(|waker| node.renew(waker));
        drop(waiters);
        drop(old);
        false
    }
}

impl<N: Deref<Target = Notify>> Drop for Listener<N> {
    fn drop(&mut self) {
        if self.stage != Stage::Queued {
            return;
        }
        let at = self.waiter.node();
        let mut waiters = self.notify.waiters.lock();
        // SAFETY: it was entered into this list and lives.
        let was_linked = unsafe { waiters.remove(at) };
        // SAFETY: it lives, and the lock is held.
        let node = unsafe { waiters.get(at) };
        let (own, notice) = (node.waker.take(), node.data.notice);
        let mut next = None;
        if was_linked {
            if waiters.is_empty() {
                // SeqCst: under the lock (I1).
                self.notify.state.fetch_and(!STATE, Ordering::SeqCst);
            }
            drop(waiters);
        } else if notice == Notice::One {
            next = self.notify.notify_locked(waiters, false); // I4
        } else {
            drop(waiters);
        }
        drop(own); // outside of the lock: it may free a task
        next.into_iter().for_each(Waker::wake);
    }
}

macro_rules! notified {
    ($type:ty, $(#[$doc:meta])*) => {
        impl $type {
            $(#[$doc])*
            pub fn enable(self: Pin<&mut Self>) -> bool {
                self.listener().look(None).is_ready()
            }

            fn listener(self: Pin<&mut Self>) -> Pin<&mut Listener<impl Deref<Target = Notify>>> {
                // SAFETY: the one field, which is pinned with the rest.
                unsafe { self.map_unchecked_mut(|this| &mut this.0) }
            }
        }

        impl Future for $type {
            type Output = ();

            fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
                self.listener().look(Some(cx.waker()))
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "Notified({:?})", self.0.stage)
            }
        }
    };
}

notified! {
    Notified<'_>,
    /// Takes a place in the line without waiting; true if the signal is there already, and the future
    /// ready.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::pin::pin;
    /// use vitte_rt::sync::Notify;
    ///
    /// let notify = Notify::new();
    /// let mut first = pin!(notify.notified());
    /// assert!(!first.as_mut().enable());
    /// notify.notify_one(); // goes to `first`, not to who comes now
    /// assert!(!pin!(notify.notified()).as_mut().enable());
    /// assert!(first.as_mut().enable());
    /// ```
}
notified! {
    OwnedNotified,
    /// As [`Notified::enable`].
}
