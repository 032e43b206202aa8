//! A value that is made once, by whoever comes first.
//!
//! One permit ([`Permits`]) is the right to make the value; it is closed once the value is there.

use std::cell::UnsafeCell;
use std::convert::Infallible;
use std::future::Future;
use std::{error, fmt};

use super::permits::{Permits, Refused};
use crate::atomic::{AtomicBool, Ordering};

/// A cell that is given its value once, by an async function.
///
/// # Examples
///
/// ```
/// use vitte_rt::sync::OnceCell;
///
/// static CONFIG: OnceCell<String> = OnceCell::const_new();
///
/// vitte_rt::block_on(async {
///     let first = CONFIG.get_or_init(|| async { String::from("read once") }).await;
///     let again = CONFIG.get_or_init(|| async { unreachable!() }).await;
///     assert!(std::ptr::eq(first, again));
/// });
/// ```
pub struct OnceCell<T> {
    /// Set after the value was written, while holding the permit.
    is_set: AtomicBool,
    permits: Permits,
    value: UnsafeCell<Option<T>>,
}

// SAFETY: the value is shared by several threads, and may be made on one and dropped on another.
unsafe impl<T: Send + Sync> Sync for OnceCell<T> {}
// SAFETY: the value moves with the cell.
unsafe impl<T: Send> Send for OnceCell<T> {}

/// Why [`OnceCell::set`] did not set; the value comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetError<T> {
    /// The cell has a value.
    AlreadyInitializedError(T),
    /// Somebody is making one.
    InitializingError(T),
}

impl<T> fmt::Display for SetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SetError::AlreadyInitializedError(_) => "the cell has a value",
            SetError::InitializingError(_) => "somebody is making the value of the cell",
        })
    }
}

impl<T: fmt::Debug> error::Error for SetError<T> {}

/// The right to make the value; given back if that does not happen.
struct Maker<'a>(&'a Permits);

impl Drop for Maker<'_> {
    fn drop(&mut self) {
        self.0.release(1);
    }
}

impl<T> OnceCell<T> {
    maybe_const! {
        /// A cell without a value.
        pub fn new() -> Self {
            OnceCell {
                is_set: AtomicBool::new(false),
                permits: Permits::new(1),
                value: UnsafeCell::new(None),
            }
        }
    }

    maybe_const! {
        /// As [`OnceCell::new`].
        pub fn const_new() -> Self {
            OnceCell::new()
        }
    }

    /// A cell that has a value if `value` is one.
    pub fn new_with(value: Option<T>) -> Self {
        value.map_or_else(OnceCell::new, OnceCell::from)
    }

    /// Whether the cell has a value.
    pub fn initialized(&self) -> bool {
        // Acquire: pairs with `put`.
        self.is_set.load(Ordering::Acquire)
    }

    /// The value, if there is one.
    pub fn get(&self) -> Option<&T> {
        if !self.initialized() {
            return None;
        }
        // SAFETY: once set, the value is only read as long as the cell is shared.
        unsafe { &*self.value.get() }.as_ref()
    }

    /// The value, if there is one, to change it.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut().as_mut()
    }

    /// The value, if there is one.
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Takes the value out, if there is one; the cell is as new.
    pub fn take(&mut self) -> Option<T> {
        std::mem::take(self).into_inner()
    }

    /// Writes the value. The caller has the right to make it.
    fn put(&self, value: T, _maker: &Maker<'_>) -> &T {
        // SAFETY: the maker is alone, and nobody reads before the flag is set.
        let place = unsafe { &mut *self.value.get() };
        let value = place.insert(value);
        // Release: pairs with `initialized`.
        self.is_set.store(true, Ordering::Release);
        self.permits.close();
        value
    }

    /// Sets the value.
    ///
    /// # Errors
    ///
    /// There is one, or somebody is making one; `value` comes back.
    ///
    /// # Examples
    ///
    /// ```
    /// use vitte_rt::sync::{OnceCell, SetError};
    ///
    /// let cell = OnceCell::new();
    /// assert_eq!(cell.set(1), Ok(()));
    /// assert_eq!(cell.set(2), Err(SetError::AlreadyInitializedError(2)));
    /// assert_eq!(cell.get(), Some(&1));
    /// ```
    pub fn set(&self, value: T) -> Result<(), SetError<T>> {
        match self.permits.try_acquire(1) {
            Ok(()) => {
                self.put(value, &Maker(&self.permits));
                Ok(())
            }
            Err(Refused::Closed) => Err(SetError::AlreadyInitializedError(value)),
            Err(Refused::Busy) => Err(SetError::InitializingError(value)),
        }
    }

    /// The value; made by `init` if there is none. Several callers at once: one makes it, the others
    /// wait; if it is dropped or panics, the next one makes it.
    pub async fn get_or_init<F, Fut>(&self, init: F) -> &T
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = T>,
    {
        let init = || async { Ok::<T, Infallible>(init().await) };
        match self.get_or_try_init(init).await {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    /// As [`OnceCell::get_or_init`], with an `init` that can fail; then the next caller tries.
    ///
    /// # Errors
    ///
    /// What `init` answered.
    ///
    /// # Examples
    ///
    /// ```
    /// use vitte_rt::sync::OnceCell;
    ///
    /// vitte_rt::block_on(async {
    ///     let cell = OnceCell::new();
    ///     assert_eq!(cell.get_or_try_init(|| async { Err("not yet") }).await, Err("not yet"));
    ///     assert_eq!(cell.get_or_try_init(|| async { Ok::<_, ()>(7) }).await, Ok(&7));
    /// });
    /// ```
    pub async fn get_or_try_init<E, F, Fut>(&self, init: F) -> Result<&T, E>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        if let Some(value) = self.get() {
            return Ok(value);
        }
        match self.permits.acquire(1).await {
            Ok(()) => {
                let maker = Maker(&self.permits);
                let value = init().await?;
                Ok(self.put(value, &maker))
            }
            Err(_) => Ok(self.get().expect("the permit is closed once the value is there")),
        }
    }
}

impl<T> Default for OnceCell<T> {
    fn default() -> Self {
        OnceCell::new()
    }
}

impl<T> From<T> for OnceCell<T> {
    fn from(value: T) -> Self {
        let cell = OnceCell::new();
        let set = cell.set(value);
        debug_assert!(set.is_ok(), "a new cell has no value");
        cell
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OnceCell").field(&self.get()).finish()
    }
}
