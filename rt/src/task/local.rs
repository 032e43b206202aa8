//! Values that belong to a task.
//!
//! A scope keeps the value in its future and swaps it with a thread-local while the future is polled or
//! dropped: whoever runs on the thread meanwhile sees it, nobody else does. A swap each way per poll.

use std::cell::RefCell;
use std::future::Future;
use std::mem::swap;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread::LocalKey as ThreadLocalKey;
use std::{error, fmt};

/// A value of the task that runs, declared by [`task_local!`](crate::task_local).
pub struct LocalKey<T: 'static> {
    value: &'static ThreadLocalKey<RefCell<Option<T>>>,
}

/// The key has no value: no scope that sets it is being run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessError(());

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("task-local value not set")
    }
}

impl error::Error for AccessError {}

impl<T: 'static> LocalKey<T> {
    #[doc(hidden)]
    pub const fn __new(value: &'static ThreadLocalKey<RefCell<Option<T>>>) -> Self {
        LocalKey { value }
    }

    /// Runs `future` with the key set to `value`. Tasks spawned by it do not inherit the value.
    pub fn scope<F: Future>(&'static self, value: T, future: F) -> TaskLocalFuture<T, F> {
        TaskLocalFuture { key: self, value: Some(value), future: Some(future) }
    }

    /// Runs `body` with the key set to `value`.
    ///
    /// # Examples
    ///
    /// ```
    /// vitte_rt::task_local!(static DEPTH: u32);
    /// let inner = DEPTH.sync_scope(1, || DEPTH.sync_scope(DEPTH.get() + 1, || DEPTH.get()));
    /// assert_eq!(inner, 2);
    /// ```
    pub fn sync_scope<R>(&'static self, value: T, body: impl FnOnce() -> R) -> R {
        let mut value = Some(value);
        let _swapped = Swapped::new(self, &mut value);
        body()
    }

    /// Runs `body` with the value.
    ///
    /// # Panics
    ///
    /// When the key has no value.
    #[track_caller]
    pub fn with<R>(&'static self, body: impl FnOnce(&T) -> R) -> R {
        match self.try_with(body) {
            Ok(result) => result,
            Err(error) => panic!("{error}"),
        }
    }

    /// Runs `body` with the value, if the key has one.
    ///
    /// # Errors
    ///
    /// It has none.
    pub fn try_with<R>(&'static self, body: impl FnOnce(&T) -> R) -> Result<R, AccessError> {
        let run = |value: &RefCell<Option<T>>| {
            // The swap waits for borrows to end: `body` cannot run the scope's future.
            value.borrow().as_ref().map(body)
        };
        self.value.try_with(run).ok().flatten().ok_or(AccessError(()))
    }

    /// A clone of the value.
    ///
    /// # Panics
    ///
    /// When the key has no value.
    #[track_caller]
    pub fn get(&'static self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }
}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalKey")
    }
}

/// The key has the scope's value until dropped.
struct Swapped<'a, T: 'static> {
    key: &'static LocalKey<T>,
    value: &'a mut Option<T>,
}

impl<'a, T: 'static> Swapped<'a, T> {
    /// `None` while the key's value is being looked at, or the thread has no thread-locals left.
    fn try_new(key: &'static LocalKey<T>, value: &'a mut Option<T>) -> Option<Self> {
        let exchange = |place: &RefCell<Option<T>>| {
            place.try_borrow_mut().map(|mut place| swap(&mut *place, value)).is_ok()
        };
        if key.value.try_with(exchange) == Ok(true) { Some(Swapped { key, value }) } else { None }
    }

    #[track_caller]
    fn new(key: &'static LocalKey<T>, value: &'a mut Option<T>) -> Self {
        Self::try_new(key, value)
            .expect("a scope is not entered while its key's value is being looked at")
    }
}

impl<T: 'static> Drop for Swapped<'_, T> {
    fn drop(&mut self) {
        self.key.value.with(|place| swap(&mut *place.borrow_mut(), self.value));
    }
}

/// See [`LocalKey::scope`].
#[must_use = "a future does nothing unless awaited"]
pub struct TaskLocalFuture<T: 'static, F> {
    key: &'static LocalKey<T>,
    value: Option<T>,
    /// Pinned. None once it was dropped.
    future: Option<F>,
}

impl<T: 'static, F> TaskLocalFuture<T, F> {
    /// Takes the value out, if it is there: not while the future runs.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{pin::pin, task::{Context, Waker}};
    ///
    /// vitte_rt::task_local!(static TOTAL: std::cell::Cell<u32>);
    /// let mut scope = pin!(TOTAL.scope(0.into(), async { TOTAL.with(|n| n.set(5)) }));
    /// assert!(scope.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
    /// assert_eq!(scope.take_value().map(|n| n.get()), Some(5));
    /// ```
    pub fn take_value(self: Pin<&mut Self>) -> Option<T> {
        // SAFETY: the value is not pinned, the future is not touched.
        unsafe { self.get_unchecked_mut() }.value.take()
    }
}

impl<T: 'static, F: Future> Future for TaskLocalFuture<T, F> {
    type Output = F::Output;

    /// # Panics
    ///
    /// When polled after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: the future is not moved; it is dropped in place below and in the drop.
        let this = unsafe { self.get_unchecked_mut() };
        let _swapped = Swapped::new(this.key, &mut this.value);
        let future = this.future.as_mut().expect("a scope is not polled after it was ready");
        // SAFETY: it is pinned with `self`.
        let output = unsafe { Pin::new_unchecked(future) }.poll(cx);
        if output.is_ready() {
            this.future = None; // with the value set
        }
        output
    }
}

impl<T: 'static, F> Drop for TaskLocalFuture<T, F> {
    fn drop(&mut self) {
        if self.future.is_none() {
            return;
        }
        // With the value set where that can be.
        let swapped = Swapped::try_new(self.key, &mut self.value);
        self.future = None;
        drop(swapped);
    }
}

impl<T: 'static, F> fmt::Debug for TaskLocalFuture<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TaskLocalFuture")
    }
}
