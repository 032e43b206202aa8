//! What both kinds of channel share: a queue, the receiver's bell, a count of senders.
//!
//! * **I1** Only the receiver pops and arms the bell; its methods that do so borrow it mutably.
//! * **I2** Whoever changes what the receiver may wait for (a message, the end of the senders, a permit
//!   that comes back to a closed channel) rings afterwards; the receiver arms, then looks. Both through
//!   `SeqCst` operations, so that one side sees the other.
//! * **I3** `n_senders` counts the living senders; at 0 the queue is closed, for good.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crossbeam_utils::CachePadded;

use super::error::TryRecvError;
use crate::atomic::{AtomicUsize, Ordering, spin, yield_thread};
use crate::channel::bell::Bell;
use crate::channel::queue::{Pop, Queue};
use crate::sync::Notify;
use crate::task::coop;

/// Looks at a queue whose producer is about to write, before the receiver lets others run.
const SPINS: usize = if cfg!(loom) { 1 } else { 64 };

/// Room in a channel.
pub(super) trait Room: Send + Sync + 'static {
    /// A message was received.
    fn free(&self, n: usize);
    /// Takes no more in. The queue stays open for messages whose place was taken before.
    fn close(&self);
    fn is_closed(&self) -> bool;
    /// Whether no message and no place is out.
    fn is_idle(&self) -> bool;
}

/// Room without bound.
#[derive(Debug)]
pub(super) struct Unbounded;

impl Room for Unbounded {
    #[inline]
    fn free(&self, _n: usize) {}
    fn close(&self) {}
    fn is_closed(&self) -> bool {
        false // the queue says
    }
    fn is_idle(&self) -> bool {
        false
    }
}

/// See the module.
pub(super) struct Chan<T, R> {
    pub(super) queue: Queue<T>,
    pub(super) bell: CachePadded<Bell>,
    pub(super) room: R,
    n_senders: AtomicUsize,
    n_weak: AtomicUsize,
    /// Signalled when the channel is closed, for [`Tx::closed`].
    closed: Notify,
}

impl<T, R: Room> Chan<T, R> {
    pub(super) fn is_closed(&self) -> bool {
        self.room.is_closed() || self.queue.is_closed()
    }

    pub(super) async fn closed(&self) {
        loop {
            let closed = self.closed.notified();
            if self.is_closed() {
                return;
            }
            closed.await;
        }
    }

    /// Appends a message and wakes the receiver.
    ///
    /// # Errors
    ///
    /// The message, if nobody will receive it.
    #[inline]
    pub(super) fn push(&self, value: T) -> Result<(), T> {
        self.queue.push(value)?;
        self.bell.ring();
        Ok(())
    }
}

/// Makes both ends.
pub(super) fn chan<T, R: Room>(room: R) -> (Tx<T, R>, Rx<T, R>) {
    let chan = Arc::new(Chan {
        queue: Queue::new(),
        bell: CachePadded::new(Bell::new()),
        room,
        n_senders: AtomicUsize::new(1),
        n_weak: AtomicUsize::new(0),
        closed: Notify::new(),
    });
    (Tx(chan.clone()), Rx(chan))
}

/// A sending end.
pub(super) struct Tx<T, R: Room>(pub(super) Arc<Chan<T, R>>);

impl<T, R: Room> Clone for Tx<T, R> {
    fn clone(&self) -> Self {
        // Relaxed: the one that is cloned keeps the count above 0.
        self.0.n_senders.fetch_add(1, Ordering::Relaxed);
        Tx(self.0.clone())
    }
}

impl<T, R: Room> Drop for Tx<T, R> {
    fn drop(&mut self) {
        // AcqRel: what the other senders sent comes before the end.
        if self.0.n_senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.queue.close();
            self.0.bell.ring();
        }
    }
}

impl<T, R: Room> Tx<T, R> {
    pub(super) fn downgrade(&self) -> WeakTx<T, R> {
        // Relaxed: a figure.
        self.0.n_weak.fetch_add(1, Ordering::Relaxed);
        WeakTx(self.0.clone())
    }

    pub(super) fn n_senders(&self) -> usize {
        // Relaxed: a figure.
        self.0.n_senders.load(Ordering::Relaxed)
    }

    pub(super) fn n_weak(&self) -> usize {
        // Relaxed: a figure.
        self.0.n_weak.load(Ordering::Relaxed)
    }
}

/// A sending end that does not keep the channel open.
pub(super) struct WeakTx<T, R: Room>(Arc<Chan<T, R>>);

impl<T, R: Room> WeakTx<T, R> {
    pub(super) fn upgrade(&self) -> Option<Tx<T, R>> {
        let more = |n| if n == 0 { None } else { Some(n + 1) };
        // Acquire: pairs with the drops (I3).
        let old = self.0.n_senders.fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
        old.ok().map(|_| Tx(self.0.clone()))
    }
}

impl<T, R: Room> Clone for WeakTx<T, R> {
    fn clone(&self) -> Self {
        // Relaxed: a figure.
        self.0.n_weak.fetch_add(1, Ordering::Relaxed);
        WeakTx(self.0.clone())
    }
}

impl<T, R: Room> Drop for WeakTx<T, R> {
    fn drop(&mut self) {
        // Relaxed: a figure.
        self.0.n_weak.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The receiving end.
pub(super) struct Rx<T, R: Room>(pub(super) Arc<Chan<T, R>>);

impl<T, R: Room> Rx<T, R> {
    #[inline]
    fn pop(&mut self) -> Pop<T> {
        // SAFETY: the receiver is borrowed mutably (I1).
        match unsafe { self.0.queue.pop() } {
            Pop::Value(value) => {
                self.0.room.free(1);
                Pop::Value(value)
            }
            Pop::Empty if self.0.room.is_closed() && self.0.room.is_idle() => Pop::Closed,
            other => other,
        }
    }

    #[inline]
    pub(super) fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        ready!(coop::spend(cx));
        if let Pop::Value(value) = self.pop() {
            return Poll::Ready(Some(value));
        }
        self.poll_recv_slow(cx)
    }

    fn poll_recv_slow(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        // SAFETY: the receiver is borrowed mutably (I1).
        unsafe { self.0.bell.arm(cx.waker()) };
        for _ in 0..SPINS {
            match self.pop() {
                Pop::Value(value) => return Poll::Ready(Some(value)),
                Pop::Closed => return Poll::Ready(None),
                Pop::Empty => return Poll::Pending,
                Pop::Busy => spin(),
            }
        }
        // The producer may have lost its processor: others run first.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// As [`Rx::poll_recv`] for up to `limit` messages; 0 if the channel is over.
    pub(super) fn poll_recv_many(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut Vec<T>,
        limit: usize,
    ) -> Poll<usize> {
        if limit == 0 {
            return Poll::Ready(0);
        }
        let Poll::Ready(first) = self.poll_recv(cx) else { return Poll::Pending };
        let Some(first) = first else { return Poll::Ready(0) };
        buffer.push(first);
        let mut n = 1;
        while n < limit
            && let Pop::Value(value) = self.pop()
        {
            buffer.push(value);
            n += 1;
        }
        Poll::Ready(n)
    }

    pub(super) fn try_recv(&mut self) -> Result<T, TryRecvError> {
        loop {
            match self.pop() {
                Pop::Value(value) => return Ok(value),
                Pop::Empty => return Err(TryRecvError::Empty),
                Pop::Closed => return Err(TryRecvError::Disconnected),
                // Others may have sent behind it: "empty" would not be true.
                Pop::Busy => yield_thread(),
            }
        }
    }

    pub(super) fn close(&mut self) {
        self.0.room.close();
        self.0.closed.notify_waiters();
    }
}

impl<T, R: Room> Drop for Rx<T, R> {
    fn drop(&mut self) {
        self.0.room.close();
        self.0.queue.close();
        self.0.closed.notify_waiters();
        // SAFETY: the receiver is borrowed mutably (I1).
        unsafe { self.0.bell.disarm() };
        loop {
            match self.pop() {
                Pop::Value(value) => drop(value),
                Pop::Busy => yield_thread(),
                Pop::Empty | Pop::Closed => break,
            }
        }
    }
}

/// Wakes the receiver of a closed channel that may be over now.
#[inline]
pub(super) fn ring_if_closed<T, R: Room>(chan: &Chan<T, R>) {
    if chan.room.is_closed() {
        chan.bell.ring();
    }
}

impl<T, R: Room + fmt::Debug> fmt::Debug for Chan<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let closed = if self.is_closed() { ", closed" } else { "" };
        write!(f, "{:?}, {:?}{closed}", self.queue, *self.bell)
    }
}
