//! A channel of many senders and many receivers.
//!
//! Values wait in one queue under one lock. Nobody is handed a value or a place: a woken waiter
//! takes it itself when it is polled, so a waiter that is dropped at any moment loses nothing. One
//! that was woken and is dropped before it looked passes the wake-up on.
//!
//! * **I1** A waiter is in its line at most once; whoever wakes it takes it out.
//! * **I2** Waiters are woken in order, one per value or per free place; at the close, all.
//!
//! Accepted: a sender or receiver that comes between the wake-up and the poll of a waiter may be
//! faster; the waiter then goes back to the end of its line.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::{error, fmt};

use parking_lot::Mutex;

/// Who waits, in order.
#[derive(Debug, Default)]
struct Line {
    waiting: VecDeque<(u64, Waker)>,
    next: u64,
}

impl Line {
    /// Enters a waiter or renews its waker; its ticket.
    fn enter(&mut self, ticket: Option<u64>, waker: &Waker) -> u64 {
        if let Some(at) = ticket.and_then(|ticket| self.find(ticket)) {
            let entry = &mut self.waiting[at];
            entry.1.clone_from(waker);
            return entry.0;
        }
        let ticket = self.next;
        self.next += 1;
        self.waiting.push_back((ticket, waker.clone()));
        ticket
    }

    /// Where a waiter stands: tickets ascend along the line.
    fn find(&self, ticket: u64) -> Option<usize> {
        self.waiting.binary_search_by_key(&ticket, |w| w.0).ok()
    }

    /// Takes a waiter out; `None` if it has been woken.
    fn leave(&mut self, ticket: u64) -> Option<Waker> {
        let at = self.find(ticket)?;
        self.waiting.remove(at).map(|w| w.1)
    }

    fn first(&mut self) -> Option<Waker> {
        self.waiting.pop_front().map(|w| w.1)
    }
}

#[derive(Debug)]
struct Inner<T> {
    values: VecDeque<T>,
    /// `usize::MAX` if unbounded.
    capacity: usize,
    closed: bool,
    senders: Line,
    receivers: Line,
}

/// A channel; clones are the same channel.
#[derive(Debug)]
pub struct Channel<T>(Arc<Mutex<Inner<T>>>);

impl<T> Clone for Channel<T> {
    fn clone(&self) -> Self {
        Channel(self.0.clone())
    }
}

/// The channel is closed; the value comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SendError<T>(pub T);

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SendError(..)")
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the channel is closed")
    }
}

impl<T> error::Error for SendError<T> {}

/// Why a value was not sent at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrySendError<T> {
    /// There is no room.
    Full(T),
    /// The channel is closed.
    Closed(T),
}

/// Why no value was received at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryRecvError {
    /// There is none yet.
    Empty,
    /// The channel is closed and drained.
    Closed,
}

impl<T> Channel<T> {
    /// A channel in which `capacity` values can wait; 0: without bound.
    pub fn new(capacity: usize) -> Self {
        let inner = Inner {
            values: VecDeque::new(),
            capacity: if capacity == 0 { usize::MAX } else { capacity },
            closed: false,
            senders: Line::default(),
            receivers: Line::default(),
        };
        Channel(Arc::new(Mutex::new(inner)))
    }

    /// Sends a value without waiting.
    ///
    /// # Errors
    ///
    /// Full or closed; the value comes back.
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        let mut inner = self.0.lock();
        if inner.closed {
            return Err(TrySendError::Closed(value));
        }
        if inner.values.len() >= inner.capacity {
            return Err(TrySendError::Full(value));
        }
        inner.values.push_back(value);
        let waker = inner.receivers.first();
        drop(inner);
        waker.into_iter().for_each(Waker::wake);
        Ok(())
    }

    /// Receives a value without waiting.
    ///
    /// # Errors
    ///
    /// Empty, or closed and drained.
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        let mut inner = self.0.lock();
        let Some(value) = inner.values.pop_front() else {
            return Err(if inner.closed { TryRecvError::Closed } else { TryRecvError::Empty });
        };
        let waker = inner.senders.first();
        drop(inner);
        waker.into_iter().for_each(Waker::wake);
        Ok(value)
    }

    /// Sends a value, waiting for room. Dropped before it is ready it has not sent. The future holds
    /// the channel.
    pub fn send(&self, value: T) -> SendFuture<T> {
        SendFuture { channel: self.clone(), value: Some(value), ticket: None }
    }

    /// Receives a value: `None` once the channel is closed and drained. Dropped before it is ready
    /// it has taken nothing. The future holds the channel.
    pub fn recv(&self) -> RecvFuture<T> {
        RecvFuture { channel: self.clone(), ticket: None }
    }

    /// Puts a value that was received back in front, room or not.
    pub fn put_back(&self, value: T) {
        let mut inner = self.0.lock();
        inner.values.push_front(value);
        let waker = inner.receivers.first();
        drop(inner);
        waker.into_iter().for_each(Waker::wake);
    }

    /// Closes the channel: sends fail, receives drain what is left.
    pub fn close(&self) {
        let mut inner = self.0.lock();
        inner.closed = true;
        let senders = std::mem::take(&mut inner.senders.waiting);
        let receivers = std::mem::take(&mut inner.receivers.waiting);
        drop(inner);
        senders.into_iter().chain(receivers).for_each(|(_, waker)| waker.wake());
    }

    /// Whether the channel was closed.
    pub fn is_closed(&self) -> bool {
        self.0.lock().closed
    }

    /// Number of values that wait.
    pub fn len(&self) -> usize {
        self.0.lock().values.len()
    }

    /// Whether no value waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// See [`Channel::send`].
pub struct SendFuture<T> {
    channel: Channel<T>,
    value: Option<T>,
    ticket: Option<u64>,
}

impl<T> fmt::Debug for SendFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SendFuture")
    }
}

// Nothing in it is pinned.
impl<T> Unpin for SendFuture<T> {}

impl<T> Future for SendFuture<T> {
    type Output = Result<(), SendError<T>>;

    /// # Panics
    ///
    /// When polled after it was ready.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let mut inner = this.channel.0.lock();
        if !inner.closed && inner.values.len() >= inner.capacity {
            this.ticket = Some(inner.senders.enter(this.ticket, cx.waker()));
            return Poll::Pending;
        }
        if let Some(ticket) = this.ticket.take() {
            let waker = inner.senders.leave(ticket);
            debug_assert!(waker.is_none() || !inner.closed, "I1: the close took all out");
        }
        let value = this.value.take().expect("a send is not polled after it was ready");
        if inner.closed {
            return Poll::Ready(Err(SendError(value)));
        }
        inner.values.push_back(value);
        let waker = inner.receivers.first();
        drop(inner);
        waker.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(()))
    }
}

impl<T> Drop for SendFuture<T> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let mut inner = self.channel.0.lock();
        let next = match inner.senders.leave(ticket) {
            // Woken, and not going to use it: the next one may.
            None if inner.values.len() < inner.capacity => inner.senders.first(),
            left => {
                drop(inner);
                drop(left);
                return;
            }
        };
        drop(inner);
        next.into_iter().for_each(Waker::wake);
    }
}

/// See [`Channel::recv`].
pub struct RecvFuture<T> {
    channel: Channel<T>,
    ticket: Option<u64>,
}

impl<T> fmt::Debug for RecvFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecvFuture")
    }
}

impl<T> Future for RecvFuture<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = &mut *self;
        let mut inner = this.channel.0.lock();
        let Some(value) = inner.values.pop_front() else {
            if inner.closed {
                this.ticket = None;
                return Poll::Ready(None);
            }
            this.ticket = Some(inner.receivers.enter(this.ticket, cx.waker()));
            return Poll::Pending;
        };
        let left = this.ticket.take().and_then(|ticket| inner.receivers.leave(ticket));
        let waker = inner.senders.first();
        drop(inner);
        drop(left);
        waker.into_iter().for_each(Waker::wake);
        Poll::Ready(Some(value))
    }
}

impl<T> Drop for RecvFuture<T> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let mut inner = self.channel.0.lock();
        let next = match inner.receivers.leave(ticket) {
            // Woken, and not going to use it: the next one may.
            None if !inner.values.is_empty() => inner.receivers.first(),
            left => {
                drop(inner);
                drop(left);
                return;
            }
        };
        drop(inner);
        next.into_iter().for_each(Waker::wake);
    }
}
