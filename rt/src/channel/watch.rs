//! A value that many watch.
//!
//! The value stands under a lock; a version counts its changes. Receivers remember the version they have
//! seen and wait for another one. Values in between are not kept.
//!
//! ```text
//!  state: │ version … │ CLOSED │        changed: all receivers    closed: all senders
//! ```
//!
//! A receiver enters the line before it compares versions; a sender changes the version, then signals.

use std::fmt;
use std::future::poll_fn;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{RwLock, RwLockReadGuard};

use crate::sync::Notify;
use crate::task::coop;

const CLOSED: usize = 1;
const VERSION: usize = 2;

/// Why a value was not sent or seen.
pub mod error {
    use std::{error, fmt};

    /// No receiver is left; the value comes back.
    #[derive(Clone, Copy, PartialEq, Eq)]
    pub struct SendError<T>(pub T);

    /// No sender is left.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct RecvError(pub(super) ());

    impl<T> fmt::Debug for SendError<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("SendError")
        }
    }

    impl<T> fmt::Display for SendError<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("nobody watches")
        }
    }

    impl fmt::Display for RecvError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("no sender is left")
        }
    }

    impl<T> error::Error for SendError<T> {}
    impl error::Error for RecvError {}
}

use error::{RecvError, SendError};

struct Shared<T> {
    value: RwLock<T>,
    /// Changed under the value's lock, but for CLOSED.
    state: AtomicUsize,
    n_receivers: AtomicUsize,
    n_senders: AtomicUsize,
    changed: Notify,
    /// The last receiver has gone.
    closed: Notify,
}

/// Makes a channel that holds `initial`, which the receiver has seen.
///
/// # Examples
///
/// ```
/// use vitte_rt::channel::watch;
///
/// vitte_rt::block_on(async {
///     let (tx, mut rx) = watch::channel("starting");
///     vitte_rt::spawn(async move {
///         tx.send("loading").unwrap();
///         tx.send("ready").unwrap();
///     });
///     assert_eq!(*rx.wait_for(|state| *state == "ready").await.unwrap(), "ready");
///     assert!(rx.changed().await.is_err()); // the sender is gone
/// });
/// ```
pub fn channel<T>(initial: T) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(initial);
    let receiver = sender.subscribe();
    (sender, receiver)
}

/// The end that sets the value; clones set the same.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

/// An end that watches the value; clones have seen what it has seen.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// Version last seen, with CLOSED clear.
    seen: usize,
}

/// The value, locked against changes as long as it is looked at: do not hold it over an await.
#[derive(Debug)]
pub struct Ref<'a, T> {
    value: RwLockReadGuard<'a, T>,
    changed: bool,
}

impl<T> Ref<'_, T> {
    /// Whether the receiver had not seen it before.
    pub fn has_changed(&self) -> bool {
        self.changed
    }
}

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> Sender<T> {
    /// A sender without receivers; see [`Sender::subscribe`].
    pub fn new(initial: T) -> Self {
        let shared = Arc::new(Shared {
            value: RwLock::new(initial),
            state: AtomicUsize::new(0),
            n_receivers: AtomicUsize::new(0),
            n_senders: AtomicUsize::new(1),
            changed: Notify::new(),
            closed: Notify::new(),
        });
        Sender { shared }
    }

    /// Sets the value and wakes the receivers.
    ///
    /// # Errors
    ///
    /// There is no receiver; the value comes back and the old one stays.
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.is_closed() {
            return Err(SendError(value));
        }
        self.send_replace(value);
        Ok(())
    }

    /// Sets the value, receivers or not; answers the old one.
    ///
    /// # Examples
    ///
    /// ```
    /// let tx = vitte_rt::channel::watch::Sender::new(1);
    /// assert_eq!(tx.send_replace(2), 1);
    /// assert_eq!(*tx.subscribe().borrow(), 2);
    /// ```
    pub fn send_replace(&self, mut value: T) -> T {
        self.send_modify(|place| std::mem::swap(place, &mut value));
        value
    }

    /// Changes the value in place, receivers or not.
    ///
    /// A panic of `modify` goes through, and nobody is told of a change.
    pub fn send_modify(&self, modify: impl FnOnce(&mut T)) {
        self.send_if_modified(|value| {
            modify(value);
            true
        });
    }

    /// Changes the value in place; receivers are told if `modify` says that it did change it.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = vitte_rt::channel::watch::channel(1);
    /// assert!(!tx.send_if_modified(|n| *n > 5));
    /// assert!(!rx.has_changed().unwrap());
    /// ```
    pub fn send_if_modified(&self, modify: impl FnOnce(&mut T) -> bool) -> bool {
        let mut value = self.shared.value.write();
        if !modify(&mut value) {
            return false;
        }
        // SeqCst: before the signal; pairs with `changed`.
        self.shared.state.fetch_add(VERSION, Ordering::SeqCst);
        drop(value);
        self.shared.changed.notify_waiters();
        true
    }

    /// The value. It counts as changed for nobody.
    pub fn borrow(&self) -> Ref<'_, T> {
        Ref { value: self.shared.value.read(), changed: false }
    }

    /// Another receiver, which has seen the value that is there now.
    pub fn subscribe(&self) -> Receiver<T> {
        // Relaxed: a count; `is_closed` may be a moment late.
        self.shared.n_receivers.fetch_add(1, Ordering::Relaxed);
        let seen = self.shared.version();
        Receiver { shared: self.shared.clone(), seen }
    }

    /// Waits until no receiver is left.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = vitte_rt::channel::watch::channel(());
    /// drop(rx);
    /// vitte_rt::block_on(tx.closed());
    /// ```
    pub async fn closed(&self) {
        loop {
            let closed = self.shared.closed.notified();
            if self.is_closed() {
                return;
            }
            closed.await;
        }
    }

    /// Whether no receiver is left.
    pub fn is_closed(&self) -> bool {
        self.receiver_count() == 0
    }

    /// Number of receivers.
    pub fn receiver_count(&self) -> usize {
        // SeqCst: pairs with the drop of a receiver.
        self.shared.n_receivers.load(Ordering::SeqCst)
    }

    /// Number of senders.
    pub fn sender_count(&self) -> usize {
        // Relaxed: a figure.
        self.shared.n_senders.load(Ordering::Relaxed)
    }

    /// Whether both set the same value.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> Shared<T> {
    /// The version, with CLOSED clear.
    fn version(&self) -> usize {
        // SeqCst: pairs with the senders.
        self.state.load(Ordering::SeqCst) & !CLOSED
    }

    /// Waits for another version than `seen`, and keeps it there.
    async fn changed(&self, seen: &mut usize) -> Result<(), RecvError> {
        poll_fn(coop::spend).await;
        loop {
            let changed = self.changed.notified();
            // SeqCst: pairs with the senders.
            let state = self.state.load(Ordering::SeqCst);
            if state & !CLOSED != *seen {
                *seen = state & !CLOSED;
                return Ok(());
            }
            if state & CLOSED != 0 {
                return Err(RecvError(()));
            }
            changed.await;
        }
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
        // AcqRel: what the other senders set comes before the end.
        if self.shared.n_senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            // SeqCst: before the signal; pairs with `changed`.
            self.shared.state.fetch_or(CLOSED, Ordering::SeqCst);
            self.shared.changed.notify_waiters();
        }
    }
}

impl<T: Default> Default for Sender<T> {
    fn default() -> Self {
        Sender::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "watch::Sender({:?})", self.shared.value)
    }
}

impl<T> Receiver<T> {
    /// The value, without marking it as seen.
    pub fn borrow(&self) -> Ref<'_, T> {
        let value = self.shared.value.read();
        let changed = self.shared.version() != self.seen;
        Ref { value, changed }
    }

    /// The value, marked as seen.
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let value = self.shared.value.read();
        // Under the lock: it is the version of this value.
        let version = self.shared.version();
        let changed = std::mem::replace(&mut self.seen, version) != version;
        Ref { value, changed }
    }

    /// Whether there is a value that was not marked as seen.
    ///
    /// # Errors
    ///
    /// No sender is left.
    pub fn has_changed(&self) -> Result<bool, RecvError> {
        // SeqCst: pairs with the senders.
        let state = self.shared.state.load(Ordering::SeqCst);
        if state & CLOSED != 0 {
            return Err(RecvError(()));
        }
        Ok(state != self.seen)
    }

    /// Makes the value count as not seen.
    pub fn mark_changed(&mut self) {
        self.seen = self.shared.version().wrapping_sub(VERSION);
    }

    /// Makes the value count as seen.
    pub fn mark_unchanged(&mut self) {
        self.seen = self.shared.version();
    }

    /// Waits for a value that was not seen and marks it as seen. Dropped before it is ready it has
    /// marked nothing.
    ///
    /// # Errors
    ///
    /// No sender is left, and the last value was seen.
    ///
    /// # Examples
    ///
    /// ```
    /// use vitte_rt::channel::watch;
    ///
    /// vitte_rt::block_on(async {
    ///     let (tx, mut rx) = watch::channel(0);
    ///     tx.send(1).unwrap();
    ///     tx.send(2).unwrap();
    ///     rx.changed().await.unwrap();
    ///     assert_eq!(*rx.borrow_and_update(), 2); // 1 was never seen
    /// });
    /// ```
    pub async fn changed(&mut self) -> Result<(), RecvError> {
        self.shared.changed(&mut self.seen).await
    }

    /// Waits for a value that `is_it`, beginning with the present one, and marks it as seen. Dropped
    /// before it is ready, the values it looked at are marked as seen.
    ///
    /// # Errors
    ///
    /// No sender is left, and the last value is not it.
    pub async fn wait_for(
        &mut self,
        mut is_it: impl FnMut(&T) -> bool,
    ) -> Result<Ref<'_, T>, RecvError> {
        let mut end = Ok(());
        loop {
            {
                let value = self.shared.value.read();
                // Under the lock: it is the version of this value.
                let version = self.shared.version();
                let changed = std::mem::replace(&mut self.seen, version) != version;
                if is_it(&value) {
                    return Ok(Ref { value, changed });
                }
            }
            end?; // the last value was looked at
            end = self.shared.changed(&mut self.seen).await;
        }
    }

    /// A stream of the values from now on, beginning with the present one; values that are replaced
    /// before they are looked at are left out.
    ///
    /// # Examples
    ///
    /// ```
    /// use vitte_rt::{channel::watch, stream::StreamExt};
    ///
    /// let (tx, rx) = watch::channel(1);
    /// drop(tx);
    /// let seen: Vec<i32> = vitte_rt::block_on(rx.into_stream().collect());
    /// assert_eq!(seen, [1]);
    /// ```
    pub fn into_stream(mut self) -> impl futures_core::Stream<Item = T>
    where
        T: Clone,
    {
        self.mark_changed();
        futures_lite::stream::unfold(self, |mut receiver| async move {
            receiver.changed().await.ok()?;
            let value = receiver.borrow_and_update().clone();
            Some((value, receiver))
        })
    }

    /// Whether both watch the same value.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        // Relaxed: the one that is cloned keeps the count above 0.
        self.shared.n_receivers.fetch_add(1, Ordering::Relaxed);
        Receiver { shared: self.shared.clone(), seen: self.seen }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        // SeqCst: before the signal; pairs with `Sender::closed`.
        if self.shared.n_receivers.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.shared.closed.notify_waiters();
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "watch::Receiver({:?})", self.shared.value)
    }
}
