//! A lock that many readers or one writer can hold.
//!
//! A reader takes one permit ([`Permits`]), a writer all of them. They are served in the order they
//! ask, so that a stream of readers does not keep a writer out.

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::guard::{Common, Hold, Permitted};
use super::mutex::TryLockError;
use super::permits::{Permits, lock_permits};

/// Most readers at a time.
pub(super) const ALL: usize = (u32::MAX >> 3) as usize;

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

impl<T: ?Sized> Permitted for RwLock<T> {
    #[inline]
    fn permits(&self) -> &Permits {
        &self.permits
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
        lock_permits!(self.permits, 1);
        RwLockReadGuard::new(self)
    }

    /// Locks to write, waiting for it. Dropped before it is ready it has locked nothing.
    #[inline]
    pub async fn write(&self) -> RwLockWriteGuard<'_, T> {
        lock_permits!(self.permits, ALL);
        RwLockWriteGuard { hold: Hold(self), _value: PhantomData }
    }

    /// Locks to read if no writer holds the lock and nobody waits.
    ///
    /// # Errors
    ///
    /// Somebody does.
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, TryLockError> {
        self.permits.try_acquire(1).map_err(|_| TryLockError(()))?;
        Ok(RwLockReadGuard::new(self))
    }

    /// Locks to write if nobody holds the lock or waits.
    ///
    /// # Errors
    ///
    /// Somebody does.
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, TryLockError> {
        self.permits.try_acquire(ALL).map_err(|_| TryLockError(()))?;
        Ok(RwLockWriteGuard { hold: Hold(self), _value: PhantomData })
    }

    /// As [`RwLock::read`], with a guard that holds the lock alive.
    pub async fn read_owned(self: Arc<Self>) -> OwnedRwLockReadGuard<T> {
        lock_permits!(self.permits, 1);
        OwnedRwLockReadGuard::new(self)
    }

    /// As [`RwLock::write`], with a guard that holds the lock alive.
    pub async fn write_owned(self: Arc<Self>) -> OwnedRwLockWriteGuard<T> {
        lock_permits!(self.permits, ALL);
        OwnedRwLockWriteGuard { hold: Hold(self), _value: PhantomData }
    }

    /// As [`RwLock::try_read`], with a guard that holds the lock alive.
    ///
    /// # Errors
    ///
    /// As [`RwLock::try_read`].
    pub fn try_read_owned(self: Arc<Self>) -> Result<OwnedRwLockReadGuard<T>, TryLockError> {
        self.permits.try_acquire(1).map_err(|_| TryLockError(()))?;
        Ok(OwnedRwLockReadGuard::new(self))
    }

    /// As [`RwLock::try_write`], with a guard that holds the lock alive.
    ///
    /// # Errors
    ///
    /// As [`RwLock::try_write`].
    pub fn try_write_owned(self: Arc<Self>) -> Result<OwnedRwLockWriteGuard<T>, TryLockError> {
        self.permits.try_acquire(ALL).map_err(|_| TryLockError(()))?;
        Ok(OwnedRwLockWriteGuard { hold: Hold(self), _value: PhantomData })
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

/// A [`RwLock`] locked to read; dropping it unlocks. It lends the value, or a part of it
/// ([`RwLockReadGuard::map`]).
#[must_use = "dropped at once it unlocks at once"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    pub(super) hold: Hold<&'a Permits, 1>,
    pub(super) place: Common<T>,
    pub(super) _value: PhantomData<&'a T>,
}

/// A [`RwLock`] locked to write; dropping it unlocks.
#[must_use = "dropped at once it unlocks at once"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    hold: Hold<&'a RwLock<T>, ALL>,
    /// Sent and shared as a mutable reference is.
    _value: PhantomData<&'a mut T>,
}

/// A [`RwLock`] that is kept alive, locked to read; dropping it unlocks. It lends the value, or a part
/// of it ([`OwnedRwLockReadGuard::map`]).
#[must_use = "dropped at once it unlocks at once"]
pub struct OwnedRwLockReadGuard<T: ?Sized, U: ?Sized = T> {
    pub(super) hold: Hold<Arc<RwLock<T>>, 1>,
    pub(super) place: Common<U>,
}

/// A [`RwLock`] that is kept alive, locked to write; dropping it unlocks.
#[must_use = "dropped at once it unlocks at once"]
pub struct OwnedRwLockWriteGuard<T: ?Sized> {
    pub(super) hold: Hold<Arc<RwLock<T>>, ALL>,
    _value: PhantomData<T>,
}

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    /// Of a lock one permit of which was taken.
    #[inline]
    fn new(lock: &'a RwLock<T>) -> Self {
        let place = Common(lock.value.get());
        RwLockReadGuard { hold: Hold(&lock.permits), place, _value: PhantomData }
    }
}

impl<T: ?Sized> OwnedRwLockReadGuard<T> {
    /// Of a lock one permit of which was taken.
    fn new(lock: Arc<RwLock<T>>) -> Self {
        let place = Common(lock.value.get().cast_const());
        OwnedRwLockReadGuard { hold: Hold(lock), place }
    }
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
        let lock = this.hold.0;
        RwLockWriteGuard::into_permits(this).release(ALL - 1);
        RwLockReadGuard::new(lock)
    }

    /// Leaves the lock locked; the permits to give back.
    pub(super) fn into_permits(this: Self) -> &'a Permits {
        let lock = this.hold.0;
        std::mem::forget(this);
        &lock.permits
    }
}

impl<T: ?Sized> OwnedRwLockWriteGuard<T> {
    /// As [`RwLockWriteGuard::downgrade`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use vitte_rt::sync::{OwnedRwLockWriteGuard, RwLock};
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// let writer = lock.clone().try_write_owned().unwrap();
    /// let reader = OwnedRwLockWriteGuard::downgrade(writer);
    /// assert_eq!(*reader + *lock.try_read().unwrap(), 2);
    /// assert!(lock.try_write().is_err());
    /// ```
    pub fn downgrade(this: Self) -> OwnedRwLockReadGuard<T> {
        let place = Common(this.hold.0.value.get().cast_const());
        OwnedRwLockReadGuard { hold: this.hold.keep(), place }
    }
}

macro_rules! guard {
    ($($guard:ty),*) => { $(
        impl<T: ?Sized> Deref for $guard {
            type Target = T;

            #[inline]
            fn deref(&self) -> &T {
                // SAFETY: the guard has all permits: it is alone.
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

guard!(RwLockWriteGuard<'_, T>, OwnedRwLockWriteGuard<T>);
