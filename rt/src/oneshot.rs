//! A channel for one value.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::{error, fmt};

use parking_lot::Mutex;

#[derive(Debug)]
struct Inner<T> {
    value: Option<T>,
    closed: bool,
    waker: Option<Waker>,
}

/// The sending end.
#[derive(Debug)]
pub struct Sender<T>(Arc<Mutex<Inner<T>>>);

/// The receiving end: a future of the value.
#[derive(Debug)]
pub struct Receiver<T>(Arc<Mutex<Inner<T>>>);

/// The sender was dropped without a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecvError;

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sender was dropped without sending")
    }
}

impl error::Error for RecvError {}

/// Makes a channel for one value.
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let inner = Arc::new(Mutex::new(Inner { value: None, closed: false, waker: None }));
    (Sender(inner.clone()), Receiver(inner))
}

impl<T> Sender<T> {
    /// Sends the value.
    ///
    /// # Errors
    ///
    /// The value, if the receiver is gone.
    pub fn send(self, value: T) -> Result<(), T> {
        let mut inner = self.0.lock();
        if inner.closed {
            return Err(value);
        }
        inner.value = Some(value);
        Ok(()) // the drop wakes the receiver
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut inner = self.0.lock();
        inner.closed = true;
        let waker = inner.waker.take();
        drop(inner);
        waker.into_iter().for_each(Waker::wake);
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut inner = self.0.lock();
        if let Some(value) = inner.value.take() {
            return Poll::Ready(Ok(value));
        }
        if inner.closed {
            return Poll::Ready(Err(RecvError));
        }
        inner.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut inner = self.0.lock();
        inner.closed = true;
        let (value, waker) = (inner.value.take(), inner.waker.take());
        drop(inner);
        drop((value, waker));
    }
}
