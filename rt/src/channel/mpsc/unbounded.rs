//! A channel that grows.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::chan::{Rx, Tx, Unbounded, WeakTx, chan};
use super::error::{SendError, TryRecvError};

/// Makes a channel that grows.
///
/// Senders are never held back: where they can be faster than the receiver for long, a bounded
/// [`channel`](super::channel) is the better choice.
///
/// # Examples
///
/// ```
/// use vitte_rt::channel::mpsc;
///
/// let (tx, mut rx) = mpsc::unbounded_channel();
/// tx.send("from anywhere, without waiting").unwrap();
/// drop(tx);
/// vitte_rt::block_on(async {
///     assert!(rx.recv().await.is_some());
///     assert!(rx.recv().await.is_none()); // no sender is left
/// });
/// ```
pub fn unbounded_channel<T>() -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    let (tx, rx) = chan(Unbounded);
    (UnboundedSender(tx), UnboundedReceiver(rx))
}

/// A sending end of an [`unbounded_channel`]; a clone sends to the same receiver.
pub struct UnboundedSender<T>(Tx<T, Unbounded>);

impl<T> Clone for UnboundedSender<T> {
    fn clone(&self) -> Self {
        UnboundedSender(self.0.clone())
    }
}

impl<T> UnboundedSender<T> {
    /// Sends a message.
    ///
    /// # Errors
    ///
    /// The channel is closed; the message comes back.
    #[inline]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.0.0.push(message).map_err(SendError)
    }

    /// Waits until the receiver closes the channel or is gone.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = vitte_rt::channel::mpsc::unbounded_channel::<()>();
    /// drop(rx);
    /// vitte_rt::block_on(tx.closed());
    /// ```
    pub async fn closed(&self) {
        self.0.0.closed().await;
    }

    /// Whether the receiver has closed the channel or is gone.
    pub fn is_closed(&self) -> bool {
        self.0.0.is_closed()
    }

    /// Whether both send to the same receiver.
    pub fn same_channel(&self, other: &Self) -> bool {
        std::sync::Arc::ptr_eq(&self.0.0, &other.0.0)
    }

    /// A sender that does not keep the channel open.
    pub fn downgrade(&self) -> WeakUnboundedSender<T> {
        WeakUnboundedSender(self.0.downgrade())
    }

    /// Number of senders.
    pub fn strong_count(&self) -> usize {
        self.0.n_senders()
    }

    /// Number of weak senders.
    pub fn weak_count(&self) -> usize {
        self.0.n_weak()
    }
}

impl<T> fmt::Debug for UnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnboundedSender({:?})", self.0.0)
    }
}

/// A sender of an [`unbounded_channel`] that does not keep it open.
pub struct WeakUnboundedSender<T>(WeakTx<T, Unbounded>);

impl<T> Clone for WeakUnboundedSender<T> {
    fn clone(&self) -> Self {
        WeakUnboundedSender(self.0.clone())
    }
}

impl<T> WeakUnboundedSender<T> {
    /// A sender, unless all of them are gone.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, _rx) = vitte_rt::channel::mpsc::unbounded_channel::<()>();
    /// let weak = tx.downgrade();
    /// assert!(weak.upgrade().is_some());
    /// drop(tx);
    /// assert!(weak.upgrade().is_none());
    /// ```
    pub fn upgrade(&self) -> Option<UnboundedSender<T>> {
        self.0.upgrade().map(UnboundedSender)
    }
}

impl<T> fmt::Debug for WeakUnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakUnboundedSender")
    }
}

/// The receiving end of an [`unbounded_channel`]; also a [`Stream`] of the messages.
pub struct UnboundedReceiver<T>(Rx<T, Unbounded>);

impl<T> UnboundedReceiver<T> {
    /// Waits for a message: `None` once the channel is closed and drained. Dropped before it is ready
    /// it has received nothing.
    #[inline]
    pub async fn recv(&mut self) -> Option<T> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Waits for messages and appends up to `limit` of them to `buffer`; answers how many, 0 once the
    /// channel is closed and drained (or if `limit` is 0). Dropped before it is ready it has received
    /// nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, mut rx) = vitte_rt::channel::mpsc::unbounded_channel();
    /// (0..5).for_each(|n| tx.send(n).unwrap());
    /// let mut buffer = Vec::new();
    /// assert_eq!(vitte_rt::block_on(rx.recv_many(&mut buffer, 3)), 3);
    /// assert_eq!(buffer, [0, 1, 2]);
    /// ```
    pub async fn recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
        poll_fn(|cx| self.poll_recv_many(cx, buffer, limit)).await
    }

    /// Receives a message if there is one.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.0.try_recv()
    }

    /// Waits for a message, holding the thread up; not for tasks.
    pub fn blocking_recv(&mut self) -> Option<T> {
        futures_lite::future::block_on(self.recv())
    }

    /// Closes the channel: sends fail, what was sent can still be received.
    pub fn close(&mut self) {
        self.0.0.queue.close();
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

    /// As [`UnboundedReceiver::recv`], for futures written by hand.
    #[inline]
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.0.poll_recv(cx)
    }

    /// As [`UnboundedReceiver::recv_many`], for futures written by hand.
    pub fn poll_recv_many(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut Vec<T>,
        limit: usize,
    ) -> Poll<usize> {
        self.0.poll_recv_many(cx, buffer, limit)
    }
}

impl<T> Stream for UnboundedReceiver<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll_recv(cx)
    }
}

impl<T> fmt::Debug for UnboundedReceiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnboundedReceiver({:?})", self.0.0)
    }
}
