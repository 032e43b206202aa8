//! A lock that many readers or one writer can hold.
//!
//! A reader takes one permit ([`Permits`]), a writer all of them. They are served in the order they
//! ask, so that a stream of readers does not keep a writer out.

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::mutex::TryLockError;
use super::permits::{Permits, Refused};

/// Most readers at a time.
const ALL: usize = (u32::MAX >> 3) as usize;

/// A lock for many readers or one writer, given in the order it is asked for.
///
/// A task that holds a read guard and asks for another may wait for ever: a writer may have asked in
/// between.
///
/// # Examples
///
/// ```
/// use vitte_rt::sync::RwLock;
///
/// vitte_rt::block_on(async {
///     let lock = RwLock::new(1);
///     let (a, b) = (lock.read().await, lock.read().await);
///     assert_eq!(*a + *b, 2);
///     assert!(lock.try_write().is_err());
///     drop((a, b));
///     *lock.write().await = 5;
///     assert_eq!(lock.into_inner(), 5);
/// });
/// ```
pub struct RwLock<T: ?Sized> {
    permits: Permits,
    value: UnsafeCell<T>,
}

// SAFETY: the value moves with the lock.
unsafe impl<T: ?Sized + Send> Send for RwLock<T> {}
// SAFETY: writers are alone; readers of several threads share the value.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}

/// Takes permits of a lock. It is never closed.
#[inline]
async fn take(permits: &Permits, n: usize) {
    if !permits.take_at_once(n) {
        let taken = permits.take(n).await;
        debug_assert_ne!(taken, Err(Refused::Closed), "a lock is never closed");
    }
}

impl<T> RwLock<T> {
    maybe_const! {
        /// An open lock around `value`.
        pub fn new(value: T) -> Self {
            RwLock { permits: Permits::new(ALL), value: UnsafeCell::new(value) }
        }
    }

    maybe_const! {
        /// As [`RwLock::new`].
        pub fn const_new(value: T) -> Self {
            RwLock::new(value)
        }
    }

    /// The value, without the lock.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Locks to read, waiting for it. Dropped before it is ready it has locked nothing.
    #[inline]
    pub async fn read(&self) -> RwLockReadGuard<'_, T> {
        take(&self.permits, 1).await;
        RwLockReadGuard { lock: self, _value: PhantomData }
    }

    /// Locks to write, waiting for it. Dropped before it is ready it has locked nothing.
    #[inline]
    pub async fn write(&self) -> RwLockWriteGuard<'_, T> {
        take(&self.permits, ALL).await;
        RwLockWriteGuard { lock: self, _value: PhantomData }
    }

    /// Locks to read if no writer holds the lock and nobody waits.
    ///
    /// # Errors
    ///
    /// Somebody does.
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, TryLockError> {
        self.permits.try_acquire(1).map_err(|_| TryLockError(()))?;
        Ok(RwLockReadGuard { lock: self, _value: PhantomData })
    }

    /// Locks to write if nobody holds the lock or waits.
    ///
    /// # Errors
    ///
    /// Somebody does.
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, TryLockError> {
        self.permits.try_acquire(ALL).map_err(|_| TryLockError(()))?;
        Ok(RwLockWriteGuard { lock: self, _value: PhantomData })
    }

    /// As [`RwLock::read`], with a guard that holds the lock alive.
    pub async fn read_owned(self: Arc<Self>) -> OwnedRwLockReadGuard<T> {
        take(&self.permits, 1).await;
        OwnedRwLockReadGuard { lock: self, _value: PhantomData }
    }

    /// As [`RwLock::write`], with a guard that holds the lock alive.
    pub async fn write_owned(self: Arc<Self>) -> OwnedRwLockWriteGuard<T> {
        take(&self.permits, ALL).await;
        OwnedRwLockWriteGuard { lock: self, _value: PhantomData }
    }

    /// As [`RwLock::try_read`], with a guard that holds the lock alive.
    ///
    /// # Errors
    ///
    /// As [`RwLock::try_read`].
    pub fn try_read_owned(self: Arc<Self>) -> Result<OwnedRwLockReadGuard<T>, TryLockError> {
        self.permits.try_acquire(1).map_err(|_| TryLockError(()))?;
        Ok(OwnedRwLockReadGuard { lock: self, _value: PhantomData })
    }

    /// As [`RwLock::try_write`], with a guard that holds the lock alive.
    ///
    /// # Errors
    ///
    /// As [`RwLock::try_write`].
    pub fn try_write_owned(self: Arc<Self>) -> Result<OwnedRwLockWriteGuard<T>, TryLockError> {
        self.permits.try_acquire(ALL).map_err(|_| TryLockError(()))?;
        Ok(OwnedRwLockWriteGuard { lock: self, _value: PhantomData })
    }

    /// Locks to read, holding the thread up; not for tasks.
    pub fn blocking_read(&self) -> RwLockReadGuard<'_, T> {
        futures_lite::future::block_on(self.read())
    }

    /// Locks to write, holding the thread up; not for tasks.
    pub fn blocking_write(&self) -> RwLockWriteGuard<'_, T> {
        futures_lite::future::block_on(self.write())
    }

    /// The value; nobody else can have the lock.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        RwLock::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> Self {
        RwLock::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_read() {
            Ok(value) => f.debug_tuple("RwLock").field(&&*value).finish(),
            Err(_) => f.write_str("RwLock(locked)"),
        }
    }
}

/// A [`RwLock`] locked to read; dropping it unlocks.
#[must_use = "dropped at once it unlocks at once"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    /// Sent and shared as a reference is.
    _value: PhantomData<&'a T>,
}

/// A [`RwLock`] locked to write; dropping it unlocks.
#[must_use = "dropped at once it unlocks at once"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    /// Sent and shared as a mutable reference is.
    _value: PhantomData<&'a mut T>,
}

/// A [`RwLock`] that is kept alive, locked to read; dropping it unlocks.
#[must_use = "dropped at once it unlocks at once"]
pub struct OwnedRwLockReadGuard<T: ?Sized> {
    lock: Arc<RwLock<T>>,
    _value: PhantomData<T>,
}

/// A [`RwLock`] that is kept alive, locked to write; dropping it unlocks.
#[must_use = "dropped at once it unlocks at once"]
pub struct OwnedRwLockWriteGuard<T: ?Sized> {
    lock: Arc<RwLock<T>>,
    _value: PhantomData<T>,
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// Goes on as a reader, without letting another writer in between.
    ///
    /// # Examples
    ///
    /// ```
    /// use vitte_rt::sync::{RwLock, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let mut writer = lock.try_write().unwrap();
    /// *writer += 1;
    /// let reader = RwLockWriteGuard::downgrade(writer);
    /// assert_eq!(*reader + *lock.try_read().unwrap(), 4);
    /// assert!(lock.try_write().is_err());
    /// ```
    pub fn downgrade(this: Self) -> RwLockReadGuard<'a, T> {
        let lock = this.lock;
        std::mem::forget(this);
        lock.permits.release(ALL - 1);
        RwLockReadGuard { lock, _value: PhantomData }
    }
}

macro_rules! guard {
    ($($guard:ty, $n:expr;)*) => { $(
        impl<T: ?Sized> Deref for $guard {
            type Target = T;

            #[inline]
            fn deref(&self) -> &T {
                // SAFETY: the guard has a permit, so that there is no other writer.
                unsafe { &*self.lock.value.get() }
            }
        }

        impl<T: ?Sized> Drop for $guard {
            #[inline]
            fn drop(&mut self) {
                self.lock.permits.release($n);
            }
        }

        impl<T: ?Sized + fmt::Debug> fmt::Debug for $guard {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&**self, f)
            }
        }
    )* };
    (mut $($guard:ty),*) => { $(
        impl<T: ?Sized> DerefMut for $guard {
            #[inline]
            fn deref_mut(&mut self) -> &mut T {
                // SAFETY: the guard has all permits: it is alone.
                unsafe { &mut *self.lock.value.get() }
            }
        }
    )* };
}

guard! {
    RwLockReadGuard<'_, T>, 1;
    OwnedRwLockReadGuard<T>, 1;
    RwLockWriteGuard<'_, T>, ALL;
    OwnedRwLockWriteGuard<T>, ALL;
}
guard!(mut RwLockWriteGuard<'_, T>, OwnedRwLockWriteGuard<T>);
