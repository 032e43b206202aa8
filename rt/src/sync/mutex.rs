//! A lock that tasks wait for without holding their thread up.
//!
//! One permit ([`Permits`]); whoever has it has the value.

use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::{error, fmt};

use super::guard::{Hold, Permitted};
use super::permits::{Permits, lock_permits};

/// A lock, given in the order it is asked for.
///
/// It is not poisoned: if the holder panics the lock is given back, with the value as it is. Where
/// no await stands between lock and unlock, `std::sync::Mutex` does as well.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use vitte_rt::sync::Mutex;
///
/// vitte_rt::block_on(async {
///     let total = Arc::new(Mutex::new(0));
///     let tasks: Vec<_> = (1..=10)
///         .map(|n| {
///             let total = total.clone();
///             vitte_rt::spawn(async move { *total.lock().await += n })
///         })
///         .collect();
///     for task in tasks {
///         task.await.unwrap();
///     }
///     assert_eq!(*total.lock().await, 55);
/// });
/// ```
pub struct Mutex<T: ?Sized> {
    permits: Permits,
    value: UnsafeCell<T>,
}

// SAFETY: the value moves with the lock.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}
// SAFETY: one thread at a time gets to the value, by taking the permit.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

/// The lock is held, or others wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TryLockError(pub(super) ());

impl fmt::Display for TryLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the lock is held")
    }
}

impl error::Error for TryLockError {}

impl<T> Mutex<T> {
    maybe_const! {
        /// An open lock around `value`.
        pub fn new(value: T) -> Self {
            Mutex { permits: Permits::new(1), value: UnsafeCell::new(value) }
        }
    }

    maybe_const! {
        /// As [`Mutex::new`].
        pub fn const_new(value: T) -> Self {
            Mutex::new(value)
        }
    }

    /// The value, without the lock.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Permitted for Mutex<T> {
    #[inline]
    fn permits(&self) -> &Permits {
        &self.permits
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Locks, waiting for it. Dropped before it is ready it has locked nothing.
    #[inline]
    pub async fn lock(&self) -> MutexGuard<'_, T> {
        lock_permits!(self.permits, 1);
        MutexGuard { hold: Hold(self), _value: PhantomData }
    }

    /// Locks if nobody holds the lock or waits for it.
    ///
    /// # Errors
    ///
    /// Somebody does.
    ///
    /// # Examples
    ///
    /// ```
    /// let mutex = vitte_rt::sync::Mutex::new(1);
    /// let guard = mutex.try_lock().unwrap();
    /// assert!(mutex.try_lock().is_err());
    /// drop(guard);
    /// assert_eq!(*mutex.try_lock().unwrap(), 1);
    /// ```
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError> {
        self.permits.try_acquire(1).map_err(|_| TryLockError(()))?;
        Ok(MutexGuard { hold: Hold(self), _value: PhantomData })
    }

    /// As [`Mutex::lock`], with a guard that holds the mutex alive.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use vitte_rt::sync::Mutex;
    ///
    /// vitte_rt::block_on(async {
    ///     let mutex = Arc::new(Mutex::new(String::from("a")));
    ///     let mut guard = mutex.clone().lock_owned().await;
    ///     vitte_rt::spawn(async move { guard.push('b') }).await.unwrap();
    ///     assert_eq!(*mutex.lock().await, "ab");
    /// });
    /// ```
    pub async fn lock_owned(self: Arc<Self>) -> OwnedMutexGuard<T> {
        lock_permits!(self.permits, 1);
        OwnedMutexGuard { hold: Hold(self), _value: PhantomData }
    }

    /// As [`Mutex::try_lock`], with a guard that holds the mutex alive.
    ///
    /// # Errors
    ///
    /// Somebody holds the lock or waits for it.
    pub fn try_lock_owned(self: Arc<Self>) -> Result<OwnedMutexGuard<T>, TryLockError> {
        self.permits.try_acquire(1).map_err(|_| TryLockError(()))?;
        Ok(OwnedMutexGuard { hold: Hold(self), _value: PhantomData })
    }

    /// Locks, holding the thread up; not for tasks.
    pub fn blocking_lock(&self) -> MutexGuard<'_, T> {
        futures_lite::future::block_on(self.lock())
    }

    /// As [`Mutex::blocking_lock`], with a guard that holds the mutex alive.
    pub fn blocking_lock_owned(self: Arc<Self>) -> OwnedMutexGuard<T> {
        futures_lite::future::block_on(self.lock_owned())
    }

    /// The value; nobody else can have the lock.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Mutex::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_lock() {
            Ok(value) => f.debug_tuple("Mutex").field(&&*value).finish(),
            Err(_) => f.write_str("Mutex(locked)"),
        }
    }
}

/// A locked [`Mutex`]; dropping it unlocks.
///
/// ```compile_fail
/// fn is_sync<T: Sync>() {}
/// // A guard gives `&T` away: shared between threads it needs `T: Sync`.
/// is_sync::<vitte_rt::sync::MutexGuard<'static, std::cell::Cell<u8>>>();
/// ```
#[must_use = "dropped at once it unlocks at once"]
pub struct MutexGuard<'a, T: ?Sized> {
    hold: Hold<&'a Mutex<T>, 1>,
    /// Sent and shared as a mutable reference is.
    _value: PhantomData<&'a mut T>,
}

/// A locked [`Mutex`] that is kept alive; dropping it unlocks.
///
/// ```compile_fail
/// fn is_sync<T: Sync>() {}
/// is_sync::<vitte_rt::sync::OwnedMutexGuard<std::cell::Cell<u8>>>();
/// ```
#[must_use = "dropped at once it unlocks at once"]
pub struct OwnedMutexGuard<T: ?Sized> {
    pub(super) hold: Hold<Arc<Mutex<T>>, 1>,
    /// Sent and shared as the value is.
    _value: PhantomData<T>,
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// The mutex that is locked.
    pub fn mutex(this: &Self) -> &'a Mutex<T> {
        this.hold.0
    }

    /// Leaves the mutex locked; the permits to give back.
    pub(super) fn into_permits(this: Self) -> &'a Permits {
        let mutex = this.hold.0;
        std::mem::forget(this);
        &mutex.permits
    }
}

impl<T: ?Sized> OwnedMutexGuard<T> {
    /// The mutex that is locked.
    pub fn mutex(this: &Self) -> &Arc<Mutex<T>> {
        &this.hold.0
    }
}

macro_rules! guard {
    ($($guard:ty),*) => { $(
        impl<T: ?Sized> Deref for $guard {
            type Target = T;

            #[inline]
            fn deref(&self) -> &T {
                // SAFETY: the guard has the permit; it is borrowed for as long as the value.
                unsafe { &*self.hold.0.value.get() }
            }
        }

        impl<T: ?Sized> DerefMut for $guard {
            #[inline]
            fn deref_mut(&mut self) -> &mut T {
                // SAFETY: as in `deref`, mutably.
                unsafe { &mut *self.hold.0.value.get() }
            }
        }

        impl<T: ?Sized + fmt::Debug> fmt::Debug for $guard {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&**self, f)
            }
        }

        impl<T: ?Sized + fmt::Display> fmt::Display for $guard {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&**self, f)
            }
        }
    )* };
}

guard!(MutexGuard<'_, T>, OwnedMutexGuard<T>);
