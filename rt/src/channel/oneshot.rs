//! A channel for one value.
//!
//! ```text
//!  state: │ SENT │ CLOSED │ RX_WAITS │ TX_WAITS │
//! ```
//!
//! * **I1** The value's cell is the sender's until SENT is set, then the receiver's. The sender sets SENT
//!   or CLOSED, whichever the word does not hold yet, by one exchange: a value that meets CLOSED was never
//!   the receiver's and goes back.
//! * **I2** A waker's cell is its own side's while its flag is clear. While it is set the other side may
//!   read it, and its own side changes it only after having taken the flag away; a flag is given up once
//!   SENT or CLOSED is set.
//!
//! I1 is what RUSTSEC-2021-0124 was about: a receiver that had closed the channel looked for the value
//! while the sender took it back.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use crate::atomic::{AtomicUsize, Ordering, UnsafeCell};
use crate::task::coop;

/// A value is there, or was.
const SENT: usize = 1;
/// The receiver wants no value, or the sender has gone without one.
const CLOSED: usize = 2;
const RX_WAITS: usize = 4;
const TX_WAITS: usize = 8;

/// Why no value was received.
pub mod error {
    use std::{error, fmt};

    /// The sender was dropped without a value.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct RecvError(pub(super) ());

    /// Why no value was received at once.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum TryRecvError {
        /// There is none yet.
        Empty,
        /// The sender was dropped without a value, or the value was received before.
        Closed,
    }

    impl fmt::Display for RecvError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the sender was dropped without sending")
        }
    }

    impl fmt::Display for TryRecvError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(match self {
                TryRecvError::Empty => "no value has been sent yet",
                TryRecvError::Closed => "the sender was dropped without sending",
            })
        }
    }

    impl error::Error for RecvError {}
    impl error::Error for TryRecvError {}
}

pub use error::RecvError;
use error::TryRecvError;

struct Inner<T> {
    state: AtomicUsize,
    value: UnsafeCell<Option<T>>,
    rx_waker: UnsafeCell<Option<Waker>>,
    tx_waker: UnsafeCell<Option<Waker>>,
}

// SAFETY: the value goes from one thread to another; who may touch which cell says the state.
unsafe impl<T: Send> Send for Inner<T> {}
// SAFETY: as above; nothing gives a shared reference to the value away.
unsafe impl<T: Send> Sync for Inner<T> {}

impl<T> Inner<T> {
    /// Leaves a waker for the other side; answers the state, in which SENT or CLOSED says that there is
    /// nothing to wait for.
    ///
    /// # Safety
    ///
    /// `cell` and `flag` are those of the calling side, of which there is one caller at a time.
    unsafe fn wait(&self, cell: &UnsafeCell<Option<Waker>>, flag: usize, waker: &Waker) -> usize {
        // Acquire, here and below: pairs with the exchanges of the other side.
        let mut state = self.state.load(Ordering::Acquire);
        if state & (SENT | CLOSED) != 0 {
            return state;
        }
        if state & flag != 0 {
            // SAFETY: set: nobody writes the cell (I2).
            let kept = cell.with(|cell| unsafe { &*cell }.as_ref());
            if kept.is_some_and(|kept| kept.will_wake(waker)) {
                return state;
            }
            state = self.state.fetch_and(!flag, Ordering::AcqRel);
            if state & (SENT | CLOSED) != 0 {
                return state; // the other side may be reading the cell: it stays as it is
            }
        }
        // SAFETY: clear, so the cell is ours (I2).
        cell.with_mut(|cell| unsafe { *cell = Some(waker.clone()) });
        // Release: the other side reads the cell.
        self.state.fetch_or(flag, Ordering::AcqRel)
    }

    /// Calls a waker of the other side, whose flag was set when SENT or CLOSED was.
    ///
    /// # Safety
    ///
    /// The caller has set SENT or CLOSED and found the flag of `cell` set.
    unsafe fn wake(cell: &UnsafeCell<Option<Waker>>) {
        // SAFETY: the flag was set at the end, so the cell stays as it is (I2).
        let waker = cell.with(|cell| unsafe { &*cell }.as_ref());
        waker.into_iter().for_each(Waker::wake_by_ref);
    }

    /// Closes for the sender's sake; answers the state before.
    fn close(&self) -> usize {
        // AcqRel: pairs with `send`.
        let old = self.state.fetch_or(CLOSED, Ordering::AcqRel);
        if old & (SENT | CLOSED) == 0 && old & TX_WAITS != 0 {
            // SAFETY: CLOSED was set here, with the flag set.
            unsafe { Self::wake(&self.tx_waker) };
        }
        old
    }

    /// Takes the value out.
    ///
    /// # Safety
    ///
    /// The caller is the receiver and has seen SENT.
    unsafe fn take(&self) -> Option<T> {
        // SAFETY: the receiver's since SENT (I1).
        self.value.with_mut(|value| unsafe { &mut *value }.take())
    }
}

/// The sending end.
pub struct Sender<T>(Option<Arc<Inner<T>>>);

/// The receiving end: a future of the value.
///
/// # Panics
///
/// When polled after it was ready.
#[must_use = "a future does nothing unless awaited"]
pub struct Receiver<T>(Option<Arc<Inner<T>>>);

/// Makes a channel for one value.
///
/// # Examples
///
/// ```
/// use vitte_rt::channel::oneshot;
///
/// vitte_rt::block_on(async {
///     let (tx, rx) = oneshot::channel();
///     vitte_rt::spawn(async move { tx.send(3) });
///     assert_eq!(rx.await, Ok(3));
/// });
/// ```
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let inner = Arc::new(Inner {
        state: AtomicUsize::new(0),
        value: UnsafeCell::new(None),
        rx_waker: UnsafeCell::new(None),
        tx_waker: UnsafeCell::new(None),
    });
    (Sender(Some(inner.clone())), Receiver(Some(inner)))
}

impl<T> Sender<T> {
    /// Sends the value.
    ///
    /// # Errors
    ///
    /// The value, if the receiver has closed the channel or is gone.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = vitte_rt::channel::oneshot::channel();
    /// drop(rx);
    /// assert_eq!(tx.send(3), Err(3));
    /// ```
    pub fn send(mut self, value: T) -> Result<(), T> {
        let inner = self.0.take().expect("a sender is used once");
        // SAFETY: the sender's until SENT (I1).
        inner.value.with_mut(|place| unsafe { *place = Some(value) });
        // Relaxed: the exchange decides.
        let mut state = inner.state.load(Ordering::Relaxed);
        while state & CLOSED == 0 {
            // Release: the value is seen by the receiver. Acquire: its waker is by us.
            match inner.state.compare_exchange_weak(
                state,
                state | SENT,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    if state & RX_WAITS != 0 {
                        // SAFETY: SENT was set here, with the flag set.
                        unsafe { Inner::<T>::wake(&inner.rx_waker) };
                    }
                    return Ok(());
                }
                Err(now) => state = now,
            }
        }
        // SAFETY: SENT was not set and never will be: the value is still the sender's (I1).
        let value = inner.value.with_mut(|place| unsafe { &mut *place }.take());
        Err(value.expect("I1: nobody else takes it"))
    }

    fn inner(&self) -> &Inner<T> {
        self.0.as_ref().expect("a sender is used once")
    }

    /// Waits until the receiver closes the channel or is gone.
    ///
    /// # Examples
    ///
    /// ```
    /// let (mut tx, rx) = vitte_rt::channel::oneshot::channel::<()>();
    /// drop(rx);
    /// vitte_rt::block_on(tx.closed());
    /// assert!(tx.is_closed());
    /// ```
    pub async fn closed(&mut self) {
        poll_fn(|cx| self.poll_closed(cx)).await;
    }

    /// As [`Sender::closed`], for futures written by hand.
    pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let inner = self.inner();
        // SAFETY: the sender is borrowed mutably, and these are its parts.
        let state = unsafe { inner.wait(&inner.tx_waker, TX_WAITS, cx.waker()) };
        if state & CLOSED != 0 { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Whether the receiver has closed the channel or is gone.
    pub fn is_closed(&self) -> bool {
        // Acquire: pairs with `close`.
        self.inner().state.load(Ordering::Acquire) & CLOSED != 0
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let Some(inner) = &self.0 else { return };
        // AcqRel: pairs with `wait`.
        let old = inner.state.fetch_or(CLOSED, Ordering::AcqRel);
        if old & CLOSED == 0 && old & RX_WAITS != 0 {
            // SAFETY: CLOSED was set here, with the flag set.
            unsafe { Inner::<T>::wake(&inner.rx_waker) };
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("oneshot::Sender")
    }
}

impl<T> Receiver<T> {
    /// Closes the channel: a send that comes later fails; one that came before can still be received.
    ///
    /// # Examples
    ///
    /// ```
    /// use vitte_rt::channel::oneshot;
    ///
    /// let (tx, mut rx) = oneshot::channel();
    /// rx.close();
    /// assert_eq!(tx.send(1), Err(1));
    /// assert_eq!(rx.try_recv(), Err(oneshot::error::TryRecvError::Closed));
    /// ```
    pub fn close(&mut self) {
        if let Some(inner) = &self.0 {
            inner.close();
        }
    }

    /// Receives the value if it is there.
    ///
    /// # Errors
    ///
    /// It is not.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let Some(inner) = &self.0 else { return Err(TryRecvError::Closed) };
        // Acquire: pairs with `send`.
        let state = inner.state.load(Ordering::Acquire);
        if state & SENT != 0 {
            // SAFETY: we are the receiver and have seen SENT.
            let value = unsafe { inner.take() };
            self.0 = None;
            return value.ok_or(TryRecvError::Closed);
        }
        if state & CLOSED == 0 {
            return Err(TryRecvError::Empty);
        }
        self.0 = None;
        Err(TryRecvError::Closed)
    }

    /// Waits for the value, holding the thread up; not for tasks.
    ///
    /// # Errors
    ///
    /// The sender was dropped without one.
    pub fn blocking_recv(self) -> Result<T, RecvError> {
        futures_lite::future::block_on(self)
    }

    /// Whether the value was received, or can never be.
    pub fn is_terminated(&self) -> bool {
        self.0.is_none()
    }

    /// Whether no value is there to be received.
    pub fn is_empty(&self) -> bool {
        // Acquire: pairs with `send`.
        let is_sent = |inner: &Arc<Inner<T>>| inner.state.load(Ordering::Acquire) & SENT != 0;
        !self.0.as_ref().is_some_and(is_sent)
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(coop::spend(cx));
        let inner = self.0.as_ref().expect("a receiver is not polled after it was ready");
        // SAFETY: the receiver is borrowed mutably, and these are its parts.
        let state = unsafe { inner.wait(&inner.rx_waker, RX_WAITS, cx.waker()) };
        if state & SENT != 0 {
            // SAFETY: we are the receiver and have seen SENT.
            let value = unsafe { inner.take() };
            self.0 = None;
            return Poll::Ready(value.ok_or(RecvError(())));
        }
        if state & CLOSED == 0 {
            return Poll::Pending;
        }
        self.0 = None;
        Poll::Ready(Err(RecvError(())))
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let Some(inner) = &self.0 else { return };
        if inner.close() & SENT != 0 {
            // SAFETY: we are the receiver and have seen SENT.
            drop(unsafe { inner.take() });
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("oneshot::Receiver")
    }
}
