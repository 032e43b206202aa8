//! A channel with room for a number of messages.
//!
//! A sender takes a permit per message (one of [`Permits`]), the receiver gives it back with the
//! message: what is in the queue never exceeds the number of permits. Closing by the receiver closes the
//! permits; who has one may still send.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;

use super::chan::{Chan, Room, Rx, Tx, WeakTx, chan, ring_if_closed};
use super::error::{SendError, SendTimeoutError, TryRecvError, TrySendError};
use crate::sync::permits::{self, Permits, Refused};

/// Room for a number of messages.
#[derive(Debug)]
pub(super) struct Bounded {
    permits: Permits,
    capacity: usize,
}

impl Room for Bounded {
    #[inline]
    fn free(&self, n: usize) {
        self.permits.release(n);
    }
    fn close(&self) {
        self.permits.close();
    }
    fn is_closed(&self) -> bool {
        self.permits.is_closed()
    }
    fn is_idle(&self) -> bool {
        self.permits.n_free() == self.capacity
    }
}

/// Makes a channel with room for `capacity` messages.
///
/// # Panics
///
/// If `capacity` is 0 or beyond `usize::MAX >> 3`.
///
/// # Examples
///
/// ```
/// use vitte_rt::channel::mpsc::{self, error::TrySendError};
///
/// vitte_rt::block_on(async {
///     let (tx, mut rx) = mpsc::channel(1);
///     tx.send(1).await.unwrap();
///     assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
///     assert_eq!(rx.recv().await, Some(1));
///     assert_eq!(tx.try_send(2), Ok(()));
/// });
/// ```
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a bounded channel has room for at least one message");
    assert!(capacity <= permits::MAX, "more room than a channel can count");
    let (tx, rx) = chan(Bounded { permits: Permits::new(capacity), capacity });
    (Sender(tx), Receiver(rx))
}

/// A sending end of a [`channel`]; a clone sends to the same receiver.
pub struct Sender<T>(Tx<T, Bounded>);

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Sender(self.0.clone())
    }
}

/// Takes permits of a sender, waiting for them; false if the channel is closed.
macro_rules! take {
    ($sender:expr, $n:expr) => {{
        let permits = &$sender.chan().room.permits;
        permits.take_at_once($n) || {
            // Dropped after the permits were granted it gives them back, which may be the end of a closed
            // channel.
            let _end = RingIfClosed($sender.chan());
            $sender.chan().room.permits.take($n).await.is_ok()
        }
    }};
}

impl<T> Sender<T> {
    fn chan(&self) -> &Chan<T, Bounded> {
        &self.0.0
    }

    fn try_take(&self, n: usize) -> Result<(), TrySendError<()>> {
        self.chan().room.permits.try_acquire(n).map_err(|why| match why {
            Refused::Busy => TrySendError::Full(()),
            Refused::Closed => TrySendError::Closed(()),
        })
    }

    /// Sends a message for which a permit was taken.
    #[inline]
    fn push(&self, message: T) -> Result<(), SendError<T>> {
        self.chan().push(message).map_err(SendError)
    }

    /// Sends a message, waiting for room in the order of the callers. Dropped before it is ready it has
    /// sent nothing, and the message is dropped with it ([`Sender::reserve`] keeps it).
    ///
    /// # Errors
    ///
    /// The channel is closed; the message comes back.
    #[inline]
    pub async fn send(&self, message: T) -> Result<(), SendError<T>> {
        if take!(self, 1) { self.push(message) } else { Err(SendError(message)) }
    }

    /// Sends a message if there is room and nobody waits for it.
    ///
    /// # Errors
    ///
    /// There is none, or the channel is closed; the message comes back.
    #[inline]
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        match self.try_take(1) {
            Ok(()) => Ok(self.push(message)?),
            Err(TrySendError::Full(())) => Err(TrySendError::Full(message)),
            Err(TrySendError::Closed(())) => Err(TrySendError::Closed(message)),
        }
    }

    /// As [`Sender::send`], for no longer than `duration`. In a runtime only.
    ///
    /// # Errors
    ///
    /// The time was up, or the channel is closed; the message comes back.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_rt::channel::mpsc::{self, error::SendTimeoutError};
    ///
    /// vitte_rt::block_on(async {
    ///     let (tx, _rx) = mpsc::channel(1);
    ///     tx.send(1).await.unwrap();
    ///     let late = tx.send_timeout(2, Duration::from_millis(1)).await;
    ///     assert_eq!(late, Err(SendTimeoutError::Timeout(2)));
    /// });
    /// ```
    pub async fn send_timeout(
        &self,
        message: T,
        duration: Duration,
    ) -> Result<(), SendTimeoutError<T>> {
        match crate::time::timeout(duration, async { take!(self, 1) }).await {
            Ok(true) => self.push(message).map_err(|e| SendTimeoutError::Closed(e.0)),
            Ok(false) => Err(SendTimeoutError::Closed(message)),
            Err(_) => Err(SendTimeoutError::Timeout(message)),
        }
    }

    /// Sends a message, holding the thread up until there is room; not for tasks.
    ///
    /// # Errors
    ///
    /// The channel is closed; the message comes back.
    pub fn blocking_send(&self, message: T) -> Result<(), SendError<T>> {
        futures_lite::future::block_on(self.send(message))
    }

    /// Takes room for a message, waiting for it. Dropped before it is ready it has taken none.
    ///
    /// # Errors
    ///
    /// The channel is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use vitte_rt::channel::mpsc;
    ///
    /// vitte_rt::block_on(async {
    ///     let (tx, mut rx) = mpsc::channel(2);
    ///     let permit = tx.reserve().await.unwrap();
    ///     assert_eq!(tx.capacity(), 1);
    ///     permit.send("made after room was sure");
    ///     drop(tx.reserve().await); // not used: given back
    ///     assert!(rx.recv().await.is_some());
    ///     assert_eq!(tx.capacity(), 2);
    /// });
    /// ```
    pub async fn reserve(&self) -> Result<Permit<'_, T>, SendError<()>> {
        if take!(self, 1) { Ok(Permit { sender: self }) } else { Err(SendError(())) }
    }

    /// Takes room for `n` messages at once, waiting for it. Dropped before it is ready it has taken
    /// none.
    ///
    /// # Errors
    ///
    /// The channel is closed, or has never room for `n`.
    ///
    /// # Examples
    ///
    /// ```
    /// use vitte_rt::channel::mpsc;
    ///
    /// vitte_rt::block_on(async {
    ///     let (tx, mut rx) = mpsc::channel(3);
    ///     for (n, permit) in tx.reserve_many(2).await.unwrap().enumerate() {
    ///         permit.send(n);
    ///     }
    ///     assert_eq!((rx.recv().await, rx.recv().await), (Some(0), Some(1)));
    /// });
    /// ```
    pub async fn reserve_many(&self, n: usize) -> Result<PermitIterator<'_, T>, SendError<()>> {
        if n > self.max_capacity() {
            return Err(SendError(()));
        }
        if take!(self, n) { Ok(PermitIterator { sender: self, n }) } else { Err(SendError(())) }
    }

    /// As [`Sender::reserve`], with a permit that holds the sender. Dropped before it is ready it drops
    /// the sender.
    ///
    /// # Errors
    ///
    /// The channel is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use vitte_rt::channel::mpsc;
    ///
    /// vitte_rt::block_on(async {
    ///     let (tx, mut rx) = mpsc::channel(1);
    ///     let permit = tx.reserve_owned().await.unwrap();
    ///     let tx = permit.send(1);
    ///     assert_eq!(rx.recv().await, Some(1));
    ///     # drop(tx);
    /// });
    /// ```
    pub async fn reserve_owned(self) -> Result<OwnedPermit<T>, SendError<()>> {
        if take!(self, 1) { Ok(OwnedPermit { sender: Some(self) }) } else { Err(SendError(())) }
    }

    /// Takes room for a message if there is some.
    ///
    /// # Errors
    ///
    /// There is none, or the channel is closed.
    pub fn try_reserve(&self) -> Result<Permit<'_, T>, TrySendError<()>> {
        self.try_take(1)?;
        Ok(Permit { sender: self })
    }

    /// Takes room for `n` messages at once if there is so much.
    ///
    /// # Errors
    ///
    /// There is not, or the channel is closed.
    pub fn try_reserve_many(&self, n: usize) -> Result<PermitIterator<'_, T>, TrySendError<()>> {
        if n > self.max_capacity() {
            return Err(TrySendError::Full(()));
        }
        self.try_take(n)?;
        Ok(PermitIterator { sender: self, n })
    }

    /// As [`Sender::try_reserve`], with a permit that holds the sender.
    ///
    /// # Errors
    ///
    /// There is no room, or the channel is closed; the sender comes back.
    pub fn try_reserve_owned(self) -> Result<OwnedPermit<T>, TrySendError<Self>> {
        match self.try_take(1) {
            Ok(()) => Ok(OwnedPermit { sender: Some(self) }),
            Err(TrySendError::Full(())) => Err(TrySendError::Full(self)),
            Err(TrySendError::Closed(())) => Err(TrySendError::Closed(self)),
        }
    }

    /// Waits until the receiver closes the channel or is gone.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, mut rx) = vitte_rt::channel::mpsc::channel::<()>(1);
    /// rx.close();
    /// vitte_rt::block_on(tx.closed());
    /// ```
    pub async fn closed(&self) {
        self.chan().closed().await;
    }

    /// Whether the receiver has closed the channel or is gone.
    pub fn is_closed(&self) -> bool {
        self.chan().is_closed()
    }

    /// Messages for which there is room now.
    pub fn capacity(&self) -> usize {
        self.chan().room.permits.n_free()
    }

    /// Messages for which there is room when the channel is empty.
    pub fn max_capacity(&self) -> usize {
        self.chan().room.capacity
    }

    /// Whether both send to the same receiver.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0.0, &other.0.0)
    }

    /// A sender that does not keep the channel open.
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender(self.0.downgrade())
    }

    /// Number of senders.
    pub fn strong_count(&self) -> usize {
        self.0.n_senders()
    }

    /// Number of weak senders.
    pub fn weak_count(&self) -> usize {
        self.0.n_weak()
    }

    /// Gives permits back that were not used.
    fn give_back(&self, n: usize) {
        let chan = self.chan();
        chan.room.free(n);
        ring_if_closed(chan);
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sender({:?})", self.0.0)
    }
}

/// Tells the receiver of a closed channel that permits may have come back.
struct RingIfClosed<'a, T>(&'a Chan<T, Bounded>);

impl<T> Drop for RingIfClosed<'_, T> {
    fn drop(&mut self) {
        ring_if_closed(self.0);
    }
}

/// A sender of a [`channel`] that does not keep it open.
pub struct WeakSender<T>(WeakTx<T, Bounded>);

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        WeakSender(self.0.clone())
    }
}

impl<T> WeakSender<T> {
    /// A sender, unless all of them are gone.
    pub fn upgrade(&self) -> Option<Sender<T>> {
        self.0.upgrade().map(Sender)
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakSender")
    }
}

/// Room for one message of a [`channel`]; given back if dropped.
#[must_use = "dropped it is given back"]
pub struct Permit<'a, T> {
    sender: &'a Sender<T>,
}

impl<T> Permit<'_, T> {
    /// Sends a message into the room. If the receiver is gone it is dropped.
    pub fn send(self, message: T) {
        let sender = self.sender;
        std::mem::forget(self);
        let _ = sender.push(message);
    }
}

impl<T> Drop for Permit<'_, T> {
    fn drop(&mut self) {
        self.sender.give_back(1);
    }
}

impl<T> fmt::Debug for Permit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Permit")
    }
}

/// Room for several messages of a [`channel`]; what is not taken is given back.
#[must_use = "dropped it is given back"]
pub struct PermitIterator<'a, T> {
    sender: &'a Sender<T>,
    n: usize,
}

impl<'a, T> Iterator for PermitIterator<'a, T> {
    type Item = Permit<'a, T>;

    fn next(&mut self) -> Option<Permit<'a, T>> {
        self.n = self.n.checked_sub(1)?;
        Some(Permit { sender: self.sender })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.n, Some(self.n))
    }
}

impl<T> ExactSizeIterator for PermitIterator<'_, T> {}

impl<T> Drop for PermitIterator<'_, T> {
    fn drop(&mut self) {
        self.sender.give_back(self.n);
    }
}

impl<T> fmt::Debug for PermitIterator<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PermitIterator({} left)", self.n)
    }
}

/// Room for one message of a [`channel`], with its sender; given back if dropped.
#[must_use = "dropped it is given back"]
pub struct OwnedPermit<T> {
    /// None once used.
    sender: Option<Sender<T>>,
}

impl<T> OwnedPermit<T> {
    fn take(&mut self) -> Sender<T> {
        self.sender.take().expect("a permit is used once")
    }

    /// Sends a message into the room and answers the sender. If the receiver is gone it is dropped.
    pub fn send(mut self, message: T) -> Sender<T> {
        let sender = self.take();
        let _ = sender.push(message);
        sender
    }

    /// Gives the room back and answers the sender.
    pub fn release(mut self) -> Sender<T> {
        let sender = self.take();
        sender.give_back(1);
        sender
    }
}

impl<T> Drop for OwnedPermit<T> {
    fn drop(&mut self) {
        if let Some(sender) = &self.sender {
            sender.give_back(1);
        }
    }
}

impl<T> fmt::Debug for OwnedPermit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnedPermit")
    }
}

/// The receiving end of a [`channel`]; also a [`Stream`] of the messages.
pub struct Receiver<T>(Rx<T, Bounded>);

impl<T> Receiver<T> {
    /// Waits for a message: `None` once the channel is closed and drained. Dropped before it is ready
    /// it has received nothing.
    #[inline]
    pub async fn recv(&mut self) -> Option<T> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Waits for messages and appends up to `limit` of them to `buffer`; answers how many, 0 once the
    /// channel is closed and drained (or if `limit` is 0). Dropped before it is ready it has received
    /// nothing.
    pub async fn recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
        poll_fn(|cx| self.poll_recv_many(cx, buffer, limit)).await
    }

    /// Receives a message if there is one.
    ///
    /// # Errors
    ///
    /// There is none.
    ///
    /// # Examples
    ///
    /// ```
    /// use vitte_rt::channel::mpsc::{self, error::TryRecvError};
    ///
    /// let (tx, mut rx) = mpsc::channel(1);
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    /// tx.try_send(1).unwrap();
    /// drop(tx);
    /// assert_eq!(rx.try_recv(), Ok(1));
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
    /// ```
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.0.try_recv()
    }

    /// Waits for a message, holding the thread up; not for tasks.
    pub fn blocking_recv(&mut self) -> Option<T> {
        futures_lite::future::block_on(self.recv())
    }

    /// Closes the channel: sends fail, but for those that have room already; what was sent can still be
    /// received.
    ///
    /// # Examples
    ///
    /// ```
    /// use vitte_rt::channel::mpsc;
    ///
    /// vitte_rt::block_on(async {
    ///     let (tx, mut rx) = mpsc::channel(2);
    ///     tx.send(1).await.unwrap();
    ///     let permit = tx.try_reserve().unwrap();
    ///     rx.close();
    ///     assert!(tx.send(3).await.is_err());
    ///     permit.send(2);
    ///     assert_eq!((rx.recv().await, rx.recv().await), (Some(1), Some(2)));
    ///     assert_eq!(rx.recv().await, None);
    /// });
    /// ```
    pub fn close(&mut self) {
        self.0.close();
    }

    /// Whether the channel is closed; messages may be left.
    pub fn is_closed(&self) -> bool {
        self.0.0.is_closed()
    }

    /// Whether no message waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of messages that wait.
    pub fn len(&self) -> usize {
        self.0.0.queue.len()
    }

    /// Messages for which there is room now.
    pub fn capacity(&self) -> usize {
        self.0.0.room.permits.n_free()
    }

    /// Messages for which there is room when the channel is empty.
    pub fn max_capacity(&self) -> usize {
        self.0.0.room.capacity
    }

    /// As [`Receiver::recv`], for futures written by hand.
    #[inline]
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.0.poll_recv(cx)
    }

    /// As [`Receiver::recv_many`], for futures written by hand.
    pub fn poll_recv_many(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut Vec<T>,
        limit: usize,
    ) -> Poll<usize> {
        self.0.poll_recv_many(cx, buffer, limit)
    }
}

impl<T> Stream for Receiver<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll_recv(cx)
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Receiver({:?})", self.0.0)
    }
}
