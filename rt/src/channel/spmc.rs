//! One sender, many receivers, each message to one of them; no lock as long as nobody has to wait.
//!
//! ```text
//!  slots  [ 8 │ 5 │ 6 │ 7 ]     position p stands in slot p mod n
//!               ▲
//!  head: 5, which receivers move on by one exchange        tail: 9, which the sender alone moves
//! ```
//!
//! The stamp of a slot says for which position it is free (`2p`) or filled (`2p + 1`). The sender fills the
//! slot of its tail; a receiver takes the position at the head, then the message, then frees the slot for
//! the next round.
//!
//! * **I1** A slot with stamp `2p` is the sender's, once its tail is `p`; one with stamp `2p + 1` is the
//!   receiver's that has moved the head from `p` to `p + 1`.
//! * **I2** Who waits says so, then looks again; who brings news does so, then looks who waits: both in the
//!   one total order of `SeqCst`, so that one side sees the other.
//!
//! Accepted: a receiver that stands still between its exchange and its read holds the sender up, when that
//! has come round. Cost: one exchange per receive, one fence per send.
//!
//! Source: Vyukov's bounded queue, with one producer.

use std::fmt;
use std::future::poll_fn;
use std::mem::MaybeUninit;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use crossbeam_utils::CachePadded;

use super::bell::Bell;
pub use super::mpsc::error::{SendError, TryRecvError, TrySendError};
use crate::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, UnsafeCell, fence};
use crate::sync::Notify;
use crate::task::coop;

struct Slot<T> {
    stamp: AtomicU64,
    message: UnsafeCell<MaybeUninit<T>>,
}

struct Shared<T> {
    slots: Box<[Slot<T>]>,
    head: CachePadded<AtomicU64>,
    /// Written by the sender only.
    tail: CachePadded<AtomicU64>,
    /// Of the sender, which may wait for room.
    bell: CachePadded<Bell>,
    /// Of receivers that wait for a message, counted in `n_waiting`.
    news: Notify,
    n_waiting: AtomicUsize,
    n_receivers: AtomicUsize,
    /// The sender is gone.
    closed: AtomicBool,
}

// SAFETY: a message is written by the sender and taken by one receiver (I1), on whatever threads.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above; a shared reference gives no reference to a message.
unsafe impl<T: Send> Sync for Shared<T> {}

/// Stamp of a slot that waits for the message of a position.
fn free(position: u64) -> u64 {
    position * 2
}

/// Stamp of a slot that has it.
fn filled(position: u64) -> u64 {
    position * 2 + 1
}

impl<T> Shared<T> {
    fn slot(&self, position: u64) -> &Slot<T> {
        &self.slots[(position % self.slots.len() as u64) as usize]
    }

    /// Whether the slot of the tail is free. `SeqCst`: I2.
    fn has_room(&self, tail: u64) -> bool {
        self.slot(tail).stamp.load(Ordering::SeqCst) == free(tail)
    }

    /// Takes a message, if there is one.
    fn pop(&self) -> Option<T> {
        // Relaxed: the stamp tells whether it is the newest.
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            let slot = self.slot(head);
            // Acquire: pairs with the sender's store.
            let stamp = slot.stamp.load(Ordering::Acquire);
            if stamp < filled(head) {
                return None;
            }
            if stamp > filled(head) {
                // Others were faster.
                head = self.head.load(Ordering::Relaxed);
                continue;
            }
            // Relaxed: the stamps order what is done with the slots.
            let moved = self.head.compare_exchange_weak(
                head,
                head + 1,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            if let Err(now) = moved {
                head = now;
                continue;
            }
            // SAFETY: it is filled, and ours (I1).
            let message = slot.message.with(|at| unsafe { at.cast::<T>().read() });
            let next = free(head + self.slots.len() as u64);
            // Release: the read comes first. SeqCst: I2.
            slot.stamp.store(next, Ordering::SeqCst);
            self.bell.ring();
            return Some(message);
        }
    }

    fn try_recv(&self) -> Result<T, TryRecvError> {
        if let Some(message) = self.pop() {
            return Ok(message);
        }
        // Acquire: what was sent before the end is seen.
        if !self.closed.load(Ordering::Acquire) {
            return Err(TryRecvError::Empty);
        }
        self.pop().ok_or(TryRecvError::Disconnected)
    }

    fn len(&self) -> usize {
        // Relaxed: a guess as soon as it is made. The head first, which is never beyond the tail.
        let head = self.head.load(Ordering::Relaxed);
        self.tail.load(Ordering::Relaxed).saturating_sub(head) as usize
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        while self.pop().is_some() {}
    }
}

/// Makes a channel with room for `capacity` messages.
///
/// # Panics
///
/// If `capacity` is 0.
///
/// # Examples
///
/// ```
/// use vitte_rt::channel::spmc;
///
/// vitte_rt::block_on(async {
///     let (mut tx, rx) = spmc::channel(4);
///     let workers: Vec<_> = (0..3)
///         .map(|_| {
///             let rx = rx.clone();
///             vitte_rt::spawn(async move {
///                 let mut sum = 0;
///                 while let Some(n) = rx.recv().await {
///                     sum += n;
///                 }
///                 sum
///             })
///         })
///         .collect();
///     drop(rx);
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
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a channel has room for one message at least");
    let slot = |position| Slot {
        stamp: AtomicU64::new(free(position)),
        message: UnsafeCell::new(MaybeUninit::uninit()),
    };
    let shared = Arc::new(Shared {
        slots: (0..capacity as u64).map(slot).collect(),
        head: CachePadded::new(AtomicU64::new(0)),
        tail: CachePadded::new(AtomicU64::new(0)),
        bell: CachePadded::new(Bell::new()),
        news: Notify::new(),
        n_waiting: AtomicUsize::new(0),
        n_receivers: AtomicUsize::new(1),
        closed: AtomicBool::new(false),
    });
    (Sender { shared: shared.clone(), tail: 0 }, Receiver { shared })
}

/// The sending end; see [`channel`]. Dropping it closes the channel: what was sent is still received.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
    /// As in `shared`.
    tail: u64,
}

/// The bell is not armed any more when this is dropped.
struct Armed<'a>(&'a Bell);

impl Drop for Armed<'_> {
    fn drop(&mut self) {
        // SAFETY: the only sender, which is borrowed by the send.
        unsafe { self.0.disarm() };
    }
}

impl<T> Sender<T> {
    /// Sends a message, waiting for room. Dropped before it is ready it has sent nothing, and the message
    /// is dropped with it.
    ///
    /// # Errors
    ///
    /// No receiver is left; the message comes back.
    pub async fn send(&mut self, message: T) -> Result<(), SendError<T>> {
        poll_fn(coop::spend).await;
        let mut message = message;
        loop {
            match self.try_send(message) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Closed(back)) => return Err(SendError(back)),
                Err(TrySendError::Full(back)) => message = back,
            }
            let (shared, tail) = (&*self.shared, self.tail);
            let _armed = Armed(&shared.bell);
            poll_fn(|cx| {
                // SAFETY: the only sender, which is borrowed.
                unsafe { shared.bell.arm(cx.waker()) };
                // SeqCst: I2.
                let is_left = shared.n_receivers.load(Ordering::SeqCst) == 0;
                if is_left || shared.has_room(tail) { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        }
    }

    /// Sends a message if there is room.
    ///
    /// # Errors
    ///
    /// There is none, or no receiver is left; the message comes back.
    pub fn try_send(&mut self, message: T) -> Result<(), TrySendError<T>> {
        let shared = &*self.shared;
        if self.is_closed() {
            return Err(TrySendError::Closed(message));
        }
        if !shared.has_room(self.tail) {
            return Err(TrySendError::Full(message));
        }
        let slot = shared.slot(self.tail);
        // SAFETY: it is free, and ours (I1).
        slot.message.with_mut(|at| unsafe { at.cast::<T>().write(message) });
        // Release: pairs with `pop`.
        slot.stamp.store(filled(self.tail), Ordering::Release);
        self.tail += 1;
        // Relaxed: for `len` only.
        shared.tail.store(self.tail, Ordering::Relaxed);
        // SeqCst: I2, with the one in `recv`.
        fence(Ordering::SeqCst);
        if shared.n_waiting.load(Ordering::Relaxed) > 0 {
            shared.news.notify_one();
        }
        Ok(())
    }

    /// Sends a message, holding the thread up until there is room; not for tasks.
    ///
    /// # Errors
    ///
    /// No receiver is left; the message comes back.
    pub fn blocking_send(&mut self, message: T) -> Result<(), SendError<T>> {
        futures_lite::future::block_on(self.send(message))
    }

    /// Whether no receiver is left.
    pub fn is_closed(&self) -> bool {
        // Acquire: pairs with the drop of a receiver.
        self.shared.n_receivers.load(Ordering::Acquire) == 0
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        // Release: pairs with `try_recv`. Who enters the line of waiters from now on sees it.
        self.shared.closed.store(true, Ordering::SeqCst);
        self.shared.news.notify_waiters();
    }
}

/// A receiving end; see [`channel`]. Each message goes to one of its clones.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
}

/// One that waits, counted.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        // Relaxed: the fence comes next.
        count.fetch_add(1, Ordering::Relaxed);
        // SeqCst: I2, with the one in `try_send`.
        fence(Ordering::SeqCst);
        Waiting(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // Relaxed: who counts one too many wakes nobody.
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<T> Receiver<T> {
    /// Waits for a message; `None` when the sender is gone and all messages were received. Dropped before
    /// it is ready it has received nothing; a wake-up it got goes to the next.
    pub async fn recv(&self) -> Option<T> {
        poll_fn(coop::spend).await;
        let shared = &*self.shared;
        let mut answer = shared.try_recv();
        while matches!(answer, Err(TryRecvError::Empty)) {
            let mut news = pin!(shared.news.notified());
            news.as_mut().enable();
            let waiting = Waiting::new(&shared.n_waiting);
            answer = shared.try_recv();
            if matches!(answer, Err(TryRecvError::Empty)) {
                news.await;
                answer = shared.try_recv();
            }
            drop(waiting);
        }
        answer.ok()
    }

    /// Receives a message if there is one.
    ///
    /// # Errors
    ///
    /// There is none yet, or the sender is gone and all messages were received.
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.shared.try_recv()
    }

    /// Waits for a message, holding the thread up; not for tasks.
    pub fn blocking_recv(&self) -> Option<T> {
        futures_lite::future::block_on(self.recv())
    }

    /// The messages, as a stream.
    pub fn into_stream(self) -> impl futures_core::Stream<Item = T> {
        futures_lite::stream::unfold(self, |receiver| async move {
            receiver.recv().await.map(|message| (message, receiver))
        })
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        // Relaxed: it is not the last one.
        self.shared.n_receivers.fetch_add(1, Ordering::Relaxed);
        Receiver { shared: self.shared.clone() }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        // Release: pairs with `is_closed`. SeqCst: I2.
        if self.shared.n_receivers.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.shared.bell.ring();
            // What is sent meanwhile is dropped with the sender.
            while self.shared.pop().is_some() {}
        }
    }
}

macro_rules! both {
    ($($end:ident)*) => { $(
        impl<T> $end<T> {
            /// Number of messages in the channel.
            pub fn len(&self) -> usize {
                self.shared.len()
            }

            /// Whether there is none.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Number of messages that there is room for in all.
            pub fn capacity(&self) -> usize {
                self.shared.slots.len()
            }
        }

        impl<T> fmt::Debug for $end<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "spmc::{}({} of {})", stringify!($end), self.len(), self.capacity())
            }
        }
    )* };
}

both! { Sender Receiver }
