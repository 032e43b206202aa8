//! A channel whose values go to every receiver.
//!
//! ```text
//!  slots  [ 8 │ 9 │ 6 │ 7 ]        position p stands in slot p mod n, until p + n replaces it
//!               ▲
//!  tail: 10, number of receivers, who waits                  receiver: next = 7
//! ```
//!
//! A sender locks the tail and one slot; a receiver that finds its value locks that slot only. A value
//! is dropped when the last receiver that was there when it was sent has passed it: that one gets the
//! value itself, the others a clone.
//!
//! * **I1** Locks are taken in the order tail, slot.
//! * **I2** A slot with position `p` counts in `remaining` the receivers that were there when `p` was sent
//!   and have not passed `p`.
//! * **I3** Who waits has entered the list with the tail locked, after having seen that its value is not
//!   there: the next send wakes it.
//!
//! Accepted: receivers that read the same slot at once wait for each other while one clones. The lock is
//! exclusive, so that `T` need not be `Sync`: cloned by several at once it would have to be
//! (RUSTSEC-2025-0023). A `T::clone` that receives from the same channel waits for ever.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use parking_lot::{Mutex, MutexGuard};

use crate::sync::Notify;
use crate::sync::waiters::{List, Waiter, WakeList};
use crate::task::coop;

/// Why a value was not sent or received.
pub mod error {
    use std::{error, fmt};

    /// There is no receiver; the value comes back.
    #[derive(Clone, Copy, PartialEq, Eq)]
    pub struct SendError<T>(pub T);

    /// Why no value was received.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum RecvError {
        /// No sender is left, and all values were received.
        Closed,
        /// The receiver was too slow: so many values were lost. The next receive gets the oldest that is
        /// kept.
        Lagged(u64),
    }

    /// Why no value was received at once.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum TryRecvError {
        /// There is none yet.
        Empty,
        /// As [`RecvError::Closed`].
        Closed,
        /// As [`RecvError::Lagged`].
        Lagged(u64),
    }

    impl<T> fmt::Debug for SendError<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("SendError")
        }
    }

    impl<T> fmt::Display for SendError<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("there is no receiver")
        }
    }

    impl fmt::Display for RecvError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            TryRecvError::from(*self).fmt(f)
        }
    }

    impl fmt::Display for TryRecvError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match self {
                TryRecvError::Empty => f.write_str("no value has been sent yet"),
                TryRecvError::Closed => f.write_str("no sender is left"),
                TryRecvError::Lagged(n) => write!(f, "{n} values were lost"),
            }
        }
    }

    impl From<RecvError> for TryRecvError {
        fn from(error: RecvError) -> Self {
            match error {
                RecvError::Closed => TryRecvError::Closed,
                RecvError::Lagged(n) => TryRecvError::Lagged(n),
            }
        }
    }

    impl<T> error::Error for SendError<T> {}
    impl error::Error for RecvError {}
    impl error::Error for TryRecvError {}
}

use error::{RecvError, SendError, TryRecvError};

struct Slot<T> {
    /// Which value it holds or held last; `u64::MAX`: none yet.
    position: u64,
    remaining: usize,
    value: Option<T>,
}

struct Tail {
    /// Of the next value.
    position: u64,
    n_receivers: usize,
    /// No sender is left.
    closed: bool,
    /// With the tail's position when they entered.
    waiters: List<u64>,
}

struct Shared<T> {
    slots: Box<[Mutex<Slot<T>>]>,
    tail: Mutex<Tail>,
    n_senders: AtomicUsize,
    n_weak: AtomicUsize,
    /// The last receiver has gone.
    closed: Notify,
}

/// Makes a channel that keeps the last `capacity` values (rounded up to a power of two).
///
/// # Panics
///
/// If `capacity` is 0 or beyond `usize::MAX / 2`.
///
/// # Examples
///
/// ```
/// use vitte_rt::channel::broadcast::{self, error::RecvError};
///
/// vitte_rt::block_on(async {
///     let (tx, mut a) = broadcast::channel(2);
///     let mut b = tx.subscribe();
///     tx.send(1).unwrap();
///     assert_eq!((a.recv().await, b.recv().await), (Ok(1), Ok(1)));
///     (2..6).for_each(|n| assert_eq!(tx.send(n), Ok(2)));
///     drop(tx);
///     assert_eq!(a.recv().await, Err(RecvError::Lagged(2)));
///     assert_eq!((a.recv().await, a.recv().await), (Ok(4), Ok(5)));
///     assert_eq!(a.recv().await, Err(RecvError::Closed));
/// });
/// ```
pub fn channel<T: Clone>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(capacity);
    let receiver = sender.subscribe();
    (sender, receiver)
}

/// A sending end; clones send to the same receivers.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

/// A sending end that does not keep the channel open.
///
/// # Examples
///
/// ```
/// use vitte_rt::channel::broadcast;
///
/// let (tx, mut rx) = broadcast::channel(1);
/// let weak = tx.downgrade();
/// weak.upgrade().unwrap().send(1).unwrap();
/// assert_eq!(rx.try_recv(), Ok(1));
/// drop(tx);
/// assert!(weak.upgrade().is_none());
/// ```
pub struct WeakSender<T> {
    shared: Arc<Shared<T>>,
}

/// A receiving end.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    next: u64,
}

impl<T> Shared<T> {
    fn capacity(&self) -> u64 {
        self.slots.len() as u64
    }

    fn slot(&self, position: u64) -> &Mutex<Slot<T>> {
        &self.slots[position as usize & (self.slots.len() - 1)]
    }

    /// Wakes those who entered before `position` was the next, outside of the lock.
    fn wake_before<'a>(&'a self, mut tail: MutexGuard<'a, Tail>, position: u64) {
        let mut wakers = WakeList::new();
        while let Some(first) = tail.waiters.front() {
            if first.data >= position {
                break;
            }
            if wakers.is_full() {
                drop(tail);
                wakers.wake_all();
                tail = self.tail.lock();
                continue;
            }
            wakers.push(first.waker.take());
            tail.waiters.pop_front();
        }
        drop(tail);
        wakers.wake_all();
    }

    fn subscribe(self: &Arc<Self>) -> Receiver<T> {
        let mut tail = self.tail.lock();
        tail.n_receivers += 1;
        let next = tail.position;
        drop(tail);
        Receiver { shared: self.clone(), next }
    }
}

impl<T> Sender<T> {
    /// A sender without receivers; see [`Sender::subscribe`].
    ///
    /// # Panics
    ///
    /// As [`channel`].
    pub fn new(capacity: usize) -> Self {
        assert!(capacity > 0, "a broadcast channel keeps at least one value");
        assert!(capacity <= usize::MAX / 2, "more values than a channel can keep");
        let slot = |_| Mutex::new(Slot { position: u64::MAX, remaining: 0, value: None });
        let tail = Tail { position: 0, n_receivers: 0, closed: false, waiters: List::new() };
        let shared = Shared {
            slots: (0..capacity.next_power_of_two()).map(slot).collect(),
            tail: Mutex::new(tail),
            n_senders: AtomicUsize::new(1),
            n_weak: AtomicUsize::new(0),
            closed: Notify::new(),
        };
        Sender { shared: Arc::new(shared) }
    }

    /// Sends a value to all receivers; answers how many there are.
    ///
    /// # Errors
    ///
    /// There is none; the value comes back.
    pub fn send(&self, value: T) -> Result<usize, SendError<T>> {
        let mut tail = self.shared.tail.lock();
        let n_receivers = tail.n_receivers;
        if n_receivers == 0 {
            return Err(SendError(value));
        }
        let position = tail.position;
        tail.position += 1;
        let mut slot = self.shared.slot(position).lock();
        slot.position = position;
        slot.remaining = n_receivers;
        let old = slot.value.replace(value);
        drop(slot);
        self.shared.wake_before(tail, position + 1);
        drop(old); // outside of the locks
        Ok(n_receivers)
    }

    /// Another receiver, which gets the values from now on.
    pub fn subscribe(&self) -> Receiver<T> {
        self.shared.subscribe()
    }

    /// Number of receivers.
    pub fn receiver_count(&self) -> usize {
        self.shared.tail.lock().n_receivers
    }

    /// Number of values that some receiver has not passed.
    pub fn len(&self) -> usize {
        let tail = self.shared.tail.lock();
        let oldest = tail.position.saturating_sub(self.shared.capacity());
        // Passed values are the oldest ones: the first that is held begins the rest.
        let is_held = |p: &u64| self.shared.slot(*p).lock().value.is_some();
        let first = (oldest..tail.position).find(is_held).unwrap_or(tail.position);
        (tail.position - first) as usize
    }

    /// Whether all receivers have passed all values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until no receiver is left.
    pub async fn closed(&self) {
        loop {
            let closed = self.shared.closed.notified();
            if self.receiver_count() == 0 {
                return;
            }
            closed.await;
        }
    }

    /// Whether both send to the same receivers.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// A sender that does not keep the channel open.
    #[must_use = "a weak sender that is dropped does nothing"]
    pub fn downgrade(&self) -> WeakSender<T> {
        // Relaxed: a count that is looked at only.
        self.shared.n_weak.fetch_add(1, Ordering::Relaxed);
        WeakSender { shared: self.shared.clone() }
    }

    /// Number of senders.
    pub fn strong_count(&self) -> usize {
        self.shared.n_senders.load(Ordering::Acquire)
    }

    /// Number of weak senders.
    pub fn weak_count(&self) -> usize {
        self.shared.n_weak.load(Ordering::Acquire)
    }
}

impl<T> WeakSender<T> {
    /// A sender, unless the last one has gone.
    pub fn upgrade(&self) -> Option<Sender<T>> {
        let one_more = |n| if n == 0 { None } else { Some(n + 1) };
        // Relaxed: as a clone; the channel that had no sender once stays closed.
        let n = &self.shared.n_senders;
        n.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        Some(Sender { shared: self.shared.clone() })
    }

    /// Number of senders.
    pub fn strong_count(&self) -> usize {
        self.shared.n_senders.load(Ordering::Acquire)
    }

    /// Number of weak senders.
    pub fn weak_count(&self) -> usize {
        self.shared.n_weak.load(Ordering::Acquire)
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        // Relaxed: a count that is looked at only.
        self.shared.n_weak.fetch_add(1, Ordering::Relaxed);
        WeakSender { shared: self.shared.clone() }
    }
}

impl<T> Drop for WeakSender<T> {
    fn drop(&mut self) {
        // Relaxed: a count that is looked at only.
        self.shared.n_weak.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broadcast::WeakSender")
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        // Relaxed: the one that is cloned keeps the count above 0.
        self.shared.n_senders.fetch_add(1, Ordering::Relaxed);
        Sender { shared: self.shared.clone() }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        // AcqRel: what the other senders sent comes before the end.
        if self.shared.n_senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            let mut tail = self.shared.tail.lock();
            tail.closed = true;
            self.shared.wake_before(tail, u64::MAX);
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broadcast::Sender")
    }
}

impl<T> Receiver<T> {
    /// Passes the next value: `take` makes of it what is answered, `keep` if others want it too.
    /// [`TryRecvError::Empty`] comes with the tail locked, so that the caller can wait.
    fn pass<R>(
        &mut self,
        take: impl FnOnce(T) -> R,
        keep: impl FnOnce(&T) -> R,
    ) -> Result<R, (TryRecvError, Option<MutexGuard<'_, Tail>>)> {
        let shared = &*self.shared;
        let mut slot = shared.slot(self.next).lock();
        if slot.position != self.next {
            drop(slot);
            let tail = shared.tail.lock(); // I1
            slot = shared.slot(self.next).lock();
            if slot.position != self.next {
                drop(slot);
                if self.next == tail.position {
                    let why = if tail.closed { TryRecvError::Closed } else { TryRecvError::Empty };
                    return Err((why, Some(tail)));
                }
                let oldest = tail.position - shared.capacity();
                let n_lost = oldest - std::mem::replace(&mut self.next, oldest);
                return Err((TryRecvError::Lagged(n_lost), None));
            }
        }
        // First, so that a clone that panics has passed (I2).
        self.next += 1;
        slot.remaining -= 1;
        if slot.remaining > 0 {
            return Ok(keep(slot.value.as_ref().expect("I2: somebody has not passed it")));
        }
        let value = slot.value.take().expect("I2: we have not passed it");
        drop(slot);
        Ok(take(value))
    }

    /// Number of values that this receiver has not passed, lost ones included.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = vitte_rt::channel::broadcast::channel(4);
    /// tx.send('a').unwrap();
    /// assert_eq!((rx.len(), tx.len()), (1, 1));
    /// ```
    pub fn len(&self) -> usize {
        (self.shared.tail.lock().position - self.next) as usize
    }

    /// Whether there is no value for this receiver.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether no sender is left; values may be.
    pub fn is_closed(&self) -> bool {
        self.shared.tail.lock().closed
    }

    /// Another receiver, which gets the values from now on.
    #[must_use = "dropped at once it is gone"]
    pub fn resubscribe(&self) -> Receiver<T> {
        self.shared.subscribe()
    }

    /// Whether both receive from the same senders.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T: Clone> Receiver<T> {
    /// Waits for the next value. Dropped before it is ready it has received nothing.
    ///
    /// # Errors
    ///
    /// Values were lost, or no sender is left and all values were received.
    pub async fn recv(&mut self) -> Result<T, RecvError> {
        Recv { receiver: self, queued: false, waiter: Waiter::new(0) }.await
    }

    /// Receives the next value if it is there.
    ///
    /// # Errors
    ///
    /// It is not, or values were lost.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.pass(|value| value, T::clone).map_err(|(why, _tail)| why)
    }

    /// Waits for the next value, holding the thread up; not for tasks.
    ///
    /// # Errors
    ///
    /// As [`Receiver::recv`].
    pub fn blocking_recv(&mut self) -> Result<T, RecvError> {
        futures_lite::future::block_on(self.recv())
    }

    /// A stream of the values, and of how many were lost where some were.
    ///
    /// # Examples
    ///
    /// ```
    /// use vitte_rt::{channel::broadcast, stream::StreamExt};
    ///
    /// let (tx, rx) = broadcast::channel(2);
    /// (0..3).for_each(|n| assert!(tx.send(n).is_ok()));
    /// drop(tx);
    /// let seen: Vec<_> = vitte_rt::block_on(rx.into_stream().collect());
    /// assert_eq!(seen, [Err(1), Ok(1), Ok(2)]);
    /// ```
    pub fn into_stream(self) -> impl futures_core::Stream<Item = Result<T, u64>> {
        futures_lite::stream::unfold(self, |mut receiver| async move {
            match receiver.recv().await {
                Ok(value) => Some((Ok(value), receiver)),
                Err(RecvError::Lagged(n)) => Some((Err(n), receiver)),
                Err(RecvError::Closed) => None,
            }
        })
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut tail = self.shared.tail.lock();
        tail.n_receivers -= 1;
        let (end, is_last) = (tail.position, tail.n_receivers == 0);
        drop(tail);
        if is_last {
            self.shared.closed.notify_waiters();
        }
        // What was sent while we were there is passed, so that it is dropped in time (I2).
        while self.next < end {
            match self.pass(drop, |_| ()) {
                Ok(()) | Err((TryRecvError::Lagged(_), _)) => {}
                Err(_) => break,
            }
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broadcast::Receiver")
    }
}

/// See [`Receiver::recv`].
struct Recv<'a, T> {
    receiver: &'a mut Receiver<T>,
    /// The node was entered, and may still be in.
    queued: bool,
    waiter: Waiter<u64>,
}

impl<T: Clone> Future for Recv<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: nothing is moved out of it.
        let this = unsafe { self.get_unchecked_mut() };
        ready!(coop::spend(cx));
        let mut tail = match this.receiver.pass(|value| value, T::clone) {
            Ok(value) => return Poll::Ready(Ok(value)),
            Err((TryRecvError::Lagged(n), _)) => return Poll::Ready(Err(RecvError::Lagged(n))),
            Err((TryRecvError::Empty, Some(tail))) => tail,
            Err(_) => return Poll::Ready(Err(RecvError::Closed)),
        };
        let position = tail.position;
        let at = this.waiter.node();
        // SAFETY: it lives as long as this future, and the lock is held.
        let node = unsafe { tail.waiters.get(at) };
        let old = node.renew(cx.waker());
        if !node.is_linked() {
            node.data = position;
            // SAFETY: the future is pinned, and takes the node out before it goes.
            unsafe { tail.waiters.push_back(at) };
        }
        drop(tail);
        this.queued = true;
        drop(old); // outside of the lock: it may free a task
        Poll::Pending
    }
}

impl<T> Drop for Recv<'_, T> {
    fn drop(&mut self) {
        if !self.queued {
            return;
        }
        let at = self.waiter.node();
        let mut tail = self.receiver.shared.tail.lock();
        // SAFETY: it was entered into this list and lives.
        unsafe { tail.waiters.remove(at) };
        // SAFETY: it lives, and the lock is held.
        let waker = unsafe { tail.waiters.get(at) }.waker.take();
        drop(tail);
        drop(waker); // outside of the lock: it may free a task
    }
}
