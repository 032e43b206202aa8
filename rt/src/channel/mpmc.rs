//! Many senders, many receivers, each value to one of them.
//!
//! Values wait in one queue under one lock. Nobody is handed a value or a place: a woken waiter takes it
//! itself when it is polled, so a waiter that is dropped at any moment loses nothing. One that was woken
//! and is dropped before it looked passes the wake-up on.
//!
//! * **I1** A waiter is in its line at most once; whoever wakes it takes it out.
//! * **I2** Waiters are woken in order, one per value or per free place; at the close, all.
//!
//! Accepted: a sender or receiver that comes between the wake-up and the poll of a waiter may be faster;
//! the waiter then goes back to the front of its line.
//!
//! The names are those of async-channel.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker, ready};

use futures_core::Stream;
use parking_lot::{Mutex, MutexGuard};

use crate::sync::waiters::{List, Waiter, WakeList};
use crate::task::coop;

mod error;

pub use error::{RecvError, SendError, TryRecvError, TrySendError};

struct Inner<T> {
    values: VecDeque<T>,
    closed: bool,
    senders: List<()>,
    receivers: List<()>,
}

/// A line of an [`Inner`].
type Line<T> = fn(&mut Inner<T>) -> &mut List<()>;

struct Shared<T> {
    inner: Mutex<Inner<T>>,
    /// `usize::MAX` if unbounded.
    capacity: usize,
    n_senders: AtomicUsize,
    n_receivers: AtomicUsize,
}

fn first(line: &mut List<()>) -> Option<Waker> {
    line.pop_front().and_then(|waiter| waiter.waker.take())
}

impl<T> Shared<T> {
    fn push(&self, value: T) -> Result<(), TrySendError<T>> {
        let mut inner = self.inner.lock();
        if inner.closed {
            return Err(TrySendError::Closed(value));
        }
        if inner.values.len() >= self.capacity {
            return Err(TrySendError::Full(value));
        }
        inner.values.push_back(value);
        let waker = first(&mut inner.receivers);
        drop(inner);
        waker.into_iter().for_each(Waker::wake);
        Ok(())
    }

    fn pop(&self) -> Result<T, TryRecvError> {
        let mut inner = self.inner.lock();
        let Some(value) = inner.values.pop_front() else {
            return Err(if inner.closed { TryRecvError::Closed } else { TryRecvError::Empty });
        };
        let waker = first(&mut inner.senders);
        drop(inner);
        waker.into_iter().for_each(Waker::wake);
        Ok(value)
    }

    /// Closes the channel; false if that was so before.
    fn close(&self) -> bool {
        let mut wakers = WakeList::new();
        let mut inner = self.inner.lock();
        let is_first = !std::mem::replace(&mut inner.closed, true);
        loop {
            while !wakers.is_full() {
                // Nobody enters a line of a closed channel.
                let Some(waker) = first(&mut inner.senders).or_else(|| first(&mut inner.receivers))
                else {
                    drop(inner);
                    wakers.wake_all();
                    return is_first;
                };
                wakers.push(Some(waker));
            }
            drop(inner);
            wakers.wake_all();
            inner = self.inner.lock();
        }
    }
}

/// A place in a line.
struct Place {
    waiter: Waiter<()>,
    /// The node was entered and nobody has looked since how it fared.
    queued: bool,
}

impl Place {
    fn new() -> Self {
        Place { waiter: Waiter::new(()), queued: false }
    }

    /// Waits (again), and gives the lock back.
    ///
    /// # Safety
    ///
    /// The place stays where it is until [`Place::leave`], which is called before it goes; both with the
    /// line of the same channel.
    unsafe fn wait<T>(
        &mut self,
        mut inner: MutexGuard<'_, Inner<T>>,
        line: Line<T>,
        waker: &Waker,
    ) {
        let list = line(&mut inner);
        let at = self.waiter.node();
        // SAFETY: it lives, and the lock is held.
        let node = unsafe { list.get(at) };
        let old = node.renew(waker);
        if !node.is_linked() {
            if self.queued {
                // Woken for what somebody faster has taken: first in the line again.
                // SAFETY: the caller's.
                unsafe { list.push_front(at) };
            } else {
                // SAFETY: the caller's.
                unsafe { list.push_back(at) };
            }
        }
        self.queued = true;
        drop(inner);
        drop(old); // outside of the lock: it may free a task
    }

    /// Leaves the line, under the lock; the second answer says that it had been woken.
    fn leave<T>(&mut self, inner: &mut Inner<T>, line: Line<T>) -> (Option<Waker>, bool) {
        if !std::mem::take(&mut self.queued) {
            return (None, false);
        }
        let list = line(inner);
        let at = self.waiter.node();
        // SAFETY: it was entered into this list and lives.
        let was_linked = unsafe { list.remove(at) };
        // SAFETY: it lives, and the lock is held.
        let waker = unsafe { list.get(at) }.waker.take();
        (waker, !was_linked)
    }

    /// Receives, or waits for it.
    ///
    /// # Safety
    ///
    /// As [`Place::wait`].
    unsafe fn poll_recv<T>(
        &mut self,
        shared: &Shared<T>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, RecvError>> {
        ready!(coop::spend(cx));
        let mut inner = shared.inner.lock();
        let Some(value) = inner.values.pop_front() else {
            if inner.closed {
                let left = self.leave(&mut inner, |inner| &mut inner.receivers);
                drop(inner);
                drop(left);
                return Poll::Ready(Err(RecvError));
            }
            // SAFETY: the caller's.
            unsafe { self.wait(inner, |inner| &mut inner.receivers, cx.waker()) };
            return Poll::Pending;
        };
        let left = self.leave(&mut inner, |inner| &mut inner.receivers);
        let waker = first(&mut inner.senders);
        drop(inner);
        drop(left);
        waker.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(value))
    }

    /// Waits no more to receive; passes a wake-up on.
    fn leave_recv<T>(&mut self, shared: &Shared<T>) {
        if !self.queued {
            return;
        }
        let mut inner = shared.inner.lock();
        let (own, was_woken) = self.leave(&mut inner, |inner| &mut inner.receivers);
        let next =
            if was_woken && !inner.values.is_empty() { first(&mut inner.receivers) } else { None };
        drop(inner);
        drop(own);
        next.into_iter().for_each(Waker::wake);
    }
}

/// Makes a channel with room for `capacity` values.
///
/// # Panics
///
/// If `capacity` is 0.
///
/// # Examples
///
/// ```
/// use vitte_rt::channel::mpmc;
///
/// vitte_rt::block_on(async {
///     let (tx, rx) = mpmc::bounded(2);
///     let workers: Vec<_> = (0..3)
///         .map(|_| {
///             let rx = rx.clone();
///             vitte_rt::spawn(async move {
///                 let mut sum = 0;
///                 while let Ok(n) = rx.recv().await {
///                     sum += n;
///                 }
///                 sum
///             })
///         })
///         .collect();
///     for n in 1..=100 {
///         tx.send(n).await.unwrap();
///     }
///     drop(tx);
///     let mut sum = 0;
///     for worker in workers {
///         sum += worker.await.unwrap();
///     }
///     assert_eq!(sum, 5050);
/// });
/// ```
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a bounded channel has room for at least one value");
    new(capacity)
}

/// Makes a channel that grows.
///
/// # Examples
///
/// ```
/// let (tx, rx) = vitte_rt::channel::mpmc::unbounded();
/// tx.try_send(1).unwrap();
/// assert_eq!(rx.try_recv(), Ok(1));
/// ```
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    new(usize::MAX)
}

fn new<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let inner = Inner {
        values: VecDeque::new(),
        closed: false,
        senders: List::new(),
        receivers: List::new(),
    };
    let shared = Arc::new(Shared {
        inner: Mutex::new(inner),
        capacity,
        n_senders: AtomicUsize::new(1),
        n_receivers: AtomicUsize::new(1),
    });
    (Sender { shared: shared.clone() }, Receiver { shared, place: None })
}

/// A sending end.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

/// A receiving end; also a [`Stream`] of the values.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// Where it waits as a stream.
    place: Option<Pin<Box<Place>>>,
}

impl<T> Sender<T> {
    /// Sends a value, waiting for room. Dropped before it is ready it has sent nothing, and the value is
    /// dropped with it.
    ///
    /// # Errors
    ///
    /// The channel is closed; the value comes back.
    pub fn send(&self, value: T) -> Send<'_, T> {
        Send { shared: &self.shared, value: Some(value), place: Place::new() }
    }

    /// Sends a value if there is room.
    ///
    /// # Errors
    ///
    /// There is none, or the channel is closed; the value comes back.
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        self.shared.push(value)
    }

    /// Sends a value, room or not: the oldest one makes place and is answered.
    ///
    /// # Errors
    ///
    /// The channel is closed; the value comes back.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = vitte_rt::channel::mpmc::bounded(1);
    /// assert_eq!(tx.force_send(1), Ok(None));
    /// assert_eq!(tx.force_send(2), Ok(Some(1)));
    /// assert_eq!(rx.try_recv(), Ok(2));
    /// ```
    pub fn force_send(&self, value: T) -> Result<Option<T>, SendError<T>> {
        let mut inner = self.shared.inner.lock();
        if inner.closed {
            return Err(SendError(value));
        }
        let is_full = inner.values.len() >= self.shared.capacity;
        let old = if is_full { inner.values.pop_front() } else { None };
        inner.values.push_back(value);
        let waker = first(&mut inner.receivers);
        drop(inner);
        waker.into_iter().for_each(Waker::wake);
        Ok(old)
    }

    /// Sends a value, holding the thread up until there is room; not for tasks.
    ///
    /// # Errors
    ///
    /// The channel is closed; the value comes back.
    pub fn send_blocking(&self, value: T) -> Result<(), SendError<T>> {
        futures_lite::future::block_on(self.send(value))
    }
}

impl<T> Receiver<T> {
    /// Waits for a value. Dropped before it is ready it has received nothing.
    ///
    /// # Errors
    ///
    /// The channel is closed and drained.
    pub fn recv(&self) -> Recv<'_, T> {
        Recv { shared: &self.shared, place: Place::new() }
    }

    /// Receives a value if there is one.
    ///
    /// # Errors
    ///
    /// There is none yet, or the channel is closed and drained.
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.shared.pop()
    }

    /// Waits for a value, holding the thread up; not for tasks.
    ///
    /// # Errors
    ///
    /// The channel is closed and drained.
    pub fn recv_blocking(&self) -> Result<T, RecvError> {
        futures_lite::future::block_on(self.recv())
    }
}

macro_rules! ends {
    ($($end:ident, $weak:ident, $n:ident;)*) => { $(
        impl<T> $end<T> {
            /// Closes the channel: sends fail, receives drain what is left. False if it was closed.
            pub fn close(&self) -> bool {
                self.shared.close()
            }

            /// Whether the channel is closed; values may be left.
            pub fn is_closed(&self) -> bool {
                self.shared.inner.lock().closed
            }

            /// Number of values that wait.
            pub fn len(&self) -> usize {
                self.shared.inner.lock().values.len()
            }

            /// Whether no value waits.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Whether there is no room.
            pub fn is_full(&self) -> bool {
                self.len() >= self.shared.capacity
            }

            /// Values for which there is room; `None` if unbounded.
            pub fn capacity(&self) -> Option<usize> {
                Some(self.shared.capacity).filter(|n| *n != usize::MAX)
            }

            /// Number of senders.
            pub fn sender_count(&self) -> usize {
                // Relaxed: a figure.
                self.shared.n_senders.load(Ordering::Relaxed)
            }

            /// Number of receivers.
            pub fn receiver_count(&self) -> usize {
                // Relaxed: a figure.
                self.shared.n_receivers.load(Ordering::Relaxed)
            }

            /// Whether both are ends of the same channel.
            pub fn same_channel(&self, other: &Self) -> bool {
                Arc::ptr_eq(&self.shared, &other.shared)
            }

            /// An end that does not keep the channel open.
            pub fn downgrade(&self) -> $weak<T> {
                $weak { shared: self.shared.clone() }
            }
        }

        impl<T> fmt::Debug for $end<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({} waiting)", stringify!($end), self.len())
            }
        }

        #[doc = concat!("A [`", stringify!($end), "`] that does not keep the channel open.")]
        pub struct $weak<T> {
            shared: Arc<Shared<T>>,
        }

        impl<T> $weak<T> {
            /// The end, unless all of its kind are gone.
            pub fn upgrade(&self) -> Option<$end<T>> {
                let more = |n| if n == 0 { None } else { Some(n + 1) };
                // AcqRel: pairs with the drops.
                let old = self.shared.$n.fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
                old.ok().map(|_| $end::of(self.shared.clone()))
            }
        }

        impl<T> Clone for $weak<T> {
            fn clone(&self) -> Self {
                $weak { shared: self.shared.clone() }
            }
        }

        impl<T> fmt::Debug for $weak<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($weak))
            }
        }

        impl<T> Clone for $end<T> {
            fn clone(&self) -> Self {
                // Relaxed: the one that is cloned keeps the count above 0.
                self.shared.$n.fetch_add(1, Ordering::Relaxed);
                $end::of(self.shared.clone())
            }
        }
    )* };
}

ends! {
    Sender, WeakSender, n_senders;
    Receiver, WeakReceiver, n_receivers;
}

impl<T> Sender<T> {
    fn of(shared: Arc<Shared<T>>) -> Self {
        Sender { shared }
    }
}

impl<T> Receiver<T> {
    fn of(shared: Arc<Shared<T>>) -> Self {
        Receiver { shared, place: None }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        // AcqRel: what the other senders sent comes before the end.
        if self.shared.n_senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.shared.close();
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if let Some(place) = &mut self.place {
            // SAFETY: nothing is moved out of it.
            unsafe { place.as_mut().get_unchecked_mut() }.leave_recv(&self.shared);
        }
        // AcqRel: pairs with `upgrade`.
        if self.shared.n_receivers.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.shared.close();
            let values = std::mem::take(&mut self.shared.inner.lock().values);
            drop(values); // outside of the lock
        }
    }
}

impl<T> Stream for Receiver<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = &mut *self;
        let place = this.place.get_or_insert_with(|| Box::pin(Place::new()));
        // SAFETY: nothing is moved out of it.
        let place = unsafe { place.as_mut().get_unchecked_mut() };
        // SAFETY: it is pinned, and left in the drop of the receiver, which holds the channel.
        unsafe { place.poll_recv(&this.shared, cx) }.map(Result::ok)
    }
}

/// See [`Sender::send`].
#[must_use = "a future does nothing unless awaited"]
pub struct Send<'a, T> {
    shared: &'a Shared<T>,
    value: Option<T>,
    place: Place,
}

impl<T> Future for Send<'_, T> {
    type Output = Result<(), SendError<T>>;

    /// # Panics
    ///
    /// When polled after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: the place stays where it is; the value is not pinned.
        let this = unsafe { self.get_unchecked_mut() };
        ready!(coop::spend(cx));
        let mut inner = this.shared.inner.lock();
        if !inner.closed && inner.values.len() >= this.shared.capacity {
            // SAFETY: the future is pinned, and leaves the line in its drop.
            unsafe { this.place.wait(inner, |inner| &mut inner.senders, cx.waker()) };
            return Poll::Pending;
        }
        let left = this.place.leave(&mut inner, |inner| &mut inner.senders);
        let value = this.value.take().expect("a send is not polled after it was ready");
        if inner.closed {
            drop(inner);
            drop(left);
            return Poll::Ready(Err(SendError(value)));
        }
        inner.values.push_back(value);
        let waker = first(&mut inner.receivers);
        drop(inner);
        drop(left);
        waker.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(()))
    }
}

impl<T> Drop for Send<'_, T> {
    fn drop(&mut self) {
        if !self.place.queued {
            return;
        }
        let mut inner = self.shared.inner.lock();
        let (own, was_woken) = self.place.leave(&mut inner, |inner| &mut inner.senders);
        let has_room = inner.values.len() < self.shared.capacity;
        let next = if was_woken && has_room { first(&mut inner.senders) } else { None };
        drop(inner);
        drop(own);
        next.into_iter().for_each(Waker::wake);
    }
}

impl<T> fmt::Debug for Send<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("mpmc::Send")
    }
}

/// See [`Receiver::recv`].
#[must_use = "a future does nothing unless awaited"]
pub struct Recv<'a, T> {
    shared: &'a Shared<T>,
    place: Place,
}

impl<T> Future for Recv<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: nothing is moved out of it.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: the future is pinned, and leaves the line in its drop.
        unsafe { this.place.poll_recv(this.shared, cx) }
    }
}

impl<T> Drop for Recv<'_, T> {
    fn drop(&mut self) {
        self.place.leave_recv(self.shared);
    }
}

impl<T> fmt::Debug for Recv<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("mpmc::Recv")
    }
}
