//! Guards of a part of what a lock is around.
//!
//! A guard is two things: the permits that it gives back ([`Hold`]) and the place that it lends
//! ([`Unique`], [`Common`]). A `map` keeps the first and narrows the second, so that a lock around a
//! structure can be handed on as a lock around one of its fields.
//!
//! * **I1** The place lies in the value of the lock, and stays there while the permits are held: it came
//!   from a reference into the value that a closure made for any lifetime, and nobody can move the value
//!   of a lock that is borrowed or kept alive by the [`Hold`].

use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::mutex::{Mutex, MutexGuard, OwnedMutexGuard};
use super::permits::Permits;
use super::rwlock::{
    ALL, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, RwLockReadGuard, RwLockWriteGuard,
};

/// What permits are taken from.
pub(super) trait Permitted {
    fn permits(&self) -> &Permits;
}

impl Permitted for Permits {
    #[inline]
    fn permits(&self) -> &Permits {
        self
    }
}

/// `N` permits that were taken; dropped it gives them back.
pub(super) struct Hold<P: Deref<Target: Permitted>, const N: usize>(pub(super) P);

impl<P: Deref<Target: Permitted>, const N: usize> Hold<P, N> {
    /// Keeps `M` of the permits and gives the others back.
    pub(super) fn keep<const M: usize>(self) -> Hold<P, M> {
        let this = ManuallyDrop::new(self);
        this.0.permits().release(N - M);
        // SAFETY: moved out of what is neither dropped nor used again.
        Hold(unsafe { std::ptr::read(&raw const this.0) })
    }
}

impl<P: Deref<Target: Permitted>, const N: usize> Drop for Hold<P, N> {
    #[inline]
    fn drop(&mut self) {
        self.0.permits().release(N);
    }
}

/// A place that its holder alone may touch: sent, shared and converted as `&mut T` is.
pub(super) struct Unique<T: ?Sized>(*mut T);

// SAFETY: a `Unique` is used as the mutable reference that it was made from.
unsafe impl<T: ?Sized + Send> Send for Unique<T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Sync> Sync for Unique<T> {}

/// A place that its holders may read: sent, shared and converted as `&T` is.
pub(super) struct Common<T: ?Sized>(pub(super) *const T);

// SAFETY: a `Common` is used as the reference that it was made from.
unsafe impl<T: ?Sized + Sync> Send for Common<T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Sync> Sync for Common<T> {}

/// A part of what a locked [`Mutex`] is around, made by [`MutexGuard::map`]; dropping it unlocks.
///
/// ```compile_fail
/// use vitte_rt::sync::MappedMutexGuard;
/// // What lives shorter must not be put into it.
/// fn shorten<'a, 's>(guard: MappedMutexGuard<'a, &'static str>) -> MappedMutexGuard<'a, &'s str> {
///     guard
/// }
/// ```
#[must_use = "dropped at once it unlocks at once"]
pub struct MappedMutexGuard<'a, T: ?Sized> {
    hold: Hold<&'a Permits, 1>,
    place: Unique<T>,
    _value: PhantomData<&'a mut T>,
}

/// A part of what a locked [`Mutex`] is around, which is kept alive, made by [`OwnedMutexGuard::map`];
/// dropping it unlocks.
///
/// ```compile_fail
/// use vitte_rt::sync::OwnedMappedMutexGuard;
/// type Guard<'s> = OwnedMappedMutexGuard<(), &'s str>;
/// fn shorten<'s>(guard: Guard<'static>) -> Guard<'s> {
///     guard
/// }
/// ```
///
/// ```compile_fail
/// fn is_send<T: Send>() {}
/// is_send::<vitte_rt::sync::OwnedMappedMutexGuard<(), std::rc::Rc<u8>>>();
/// ```
#[must_use = "dropped at once it unlocks at once"]
pub struct OwnedMappedMutexGuard<T: ?Sized, U: ?Sized = T> {
    hold: Hold<Arc<Mutex<T>>, 1>,
    place: Unique<U>,
}

/// A part of what a [`RwLock`] is around that is locked to write, made by [`RwLockWriteGuard::map`];
/// dropping it unlocks.
#[must_use = "dropped at once it unlocks at once"]
pub struct RwLockMappedWriteGuard<'a, T: ?Sized> {
    hold: Hold<&'a Permits, ALL>,
    place: Unique<T>,
    _value: PhantomData<&'a mut T>,
}

/// A part of what a [`RwLock`] is around that is locked to write and kept alive, made by
/// [`OwnedRwLockWriteGuard::map`]; dropping it unlocks.
#[must_use = "dropped at once it unlocks at once"]
pub struct OwnedRwLockMappedWriteGuard<T: ?Sized, U: ?Sized = T> {
    hold: Hold<Arc<RwLock<T>>, ALL>,
    place: Unique<U>,
}

/// `map` and `try_map` of a guard: `$lend` makes a reference to what it lends, `$keep` a guard from what
/// is left of it and a place.
macro_rules! maps {
    (
        [$($generics:tt)*] $from:ty => $to:ident<$($to_args:tt),*>,
        ($($mutable:tt)*) |$guard:ident, $place:ident| $keep:expr,
        $(#[$example:meta])*
    ) => {
        impl<$($generics)*> $from {
            /// Goes on with a part of the value; all of it stays locked.
            ///
            $(#[$example])*
            pub fn map<V: ?Sized>(
                #[allow(unused_mut, reason = "of guards to read")] mut this: Self,
                part: impl FnOnce(& $($mutable)* <Self as Deref>::Target) -> & $($mutable)* V,
            ) -> $to<$($to_args),*> {
                let $place: maps!(@place $($mutable)*) = part(& $($mutable)* *this);
                let $guard = this;
                $keep
            }

            /// Goes on with a part of the value, if it has one; all of it stays locked.
            ///
            /// # Errors
            ///
            /// `part` answered `None`; the guard comes back.
            pub fn try_map<V: ?Sized>(
                #[allow(unused_mut, reason = "of guards to read")] mut this: Self,
                part: impl FnOnce(& $($mutable)* <Self as Deref>::Target) -> Option<& $($mutable)* V>,
            ) -> Result<$to<$($to_args),*>, Self> {
                let Some($place) = part(& $($mutable)* *this) else { return Err(this) };
                let $place: maps!(@place $($mutable)*) = $place;
                let $guard = this;
                Ok($keep)
            }
        }
    };
    (@place mut) => { *mut V };
    (@place) => { *const V };
}

maps! {
    ['a, T: ?Sized] MutexGuard<'a, T> => MappedMutexGuard<'a, V>,
    (mut) |guard, place| {
        let hold = Hold(MutexGuard::into_permits(guard));
        MappedMutexGuard { hold, place: Unique(place), _value: PhantomData }
    },
    /// # Examples
    ///
    /// ```
    /// use vitte_rt::sync::{Mutex, MutexGuard};
    ///
    /// let pair = Mutex::new((1, String::from("a")));
    /// let mut name = MutexGuard::map(pair.try_lock().unwrap(), |pair| &mut pair.1);
    /// name.push('b');
    /// assert!(pair.try_lock().is_err());
    /// drop(name);
    /// assert_eq!(pair.try_lock().unwrap().1, "ab");
    /// ```
}
maps! {
    ['a, T: ?Sized] MappedMutexGuard<'a, T> => MappedMutexGuard<'a, V>,
    (mut) |guard, place| {
        MappedMutexGuard { hold: guard.hold, place: Unique(place), _value: PhantomData }
    },
}
maps! {
    [T: ?Sized] OwnedMutexGuard<T> => OwnedMappedMutexGuard<T, V>,
    (mut) |guard, place| OwnedMappedMutexGuard { hold: guard.hold, place: Unique(place) },
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use vitte_rt::sync::{Mutex, OwnedMutexGuard};
    ///
    /// vitte_rt::block_on(async {
    ///     let list = Arc::new(Mutex::new(vec![1, 2]));
    ///     let guard = list.clone().lock_owned().await;
    ///     let mut last = OwnedMutexGuard::try_map(guard, |list| list.last_mut()).unwrap();
    ///     vitte_rt::spawn(async move { *last += 1 }).await.unwrap();
    ///     assert_eq!(*list.lock().await, [1, 3]);
    /// });
    /// ```
}
maps! {
    [T: ?Sized, U: ?Sized] OwnedMappedMutexGuard<T, U> => OwnedMappedMutexGuard<T, V>,
    (mut) |guard, place| OwnedMappedMutexGuard { hold: guard.hold, place: Unique(place) },
}
maps! {
    ['a, T: ?Sized] RwLockReadGuard<'a, T> => RwLockReadGuard<'a, V>,
    () |guard, place| {
        RwLockReadGuard { hold: guard.hold, place: Common(place), _value: PhantomData }
    },
    /// # Examples
    ///
    /// ```
    /// use vitte_rt::sync::{RwLock, RwLockReadGuard};
    ///
    /// let pair = RwLock::new((1, "a"));
    /// let name = RwLockReadGuard::map(pair.try_read().unwrap(), |pair| &pair.1);
    /// assert_eq!((*name, pair.try_read().unwrap().0), ("a", 1));
    /// assert!(pair.try_write().is_err());
    /// ```
}
maps! {
    [T: ?Sized, U: ?Sized] OwnedRwLockReadGuard<T, U> => OwnedRwLockReadGuard<T, V>,
    () |guard, place| OwnedRwLockReadGuard { hold: guard.hold, place: Common(place) },
}
maps! {
    ['a, T: ?Sized] RwLockWriteGuard<'a, T> => RwLockMappedWriteGuard<'a, V>,
    (mut) |guard, place| {
        let hold = Hold(RwLockWriteGuard::into_permits(guard));
        RwLockMappedWriteGuard { hold, place: Unique(place), _value: PhantomData }
    },
    /// # Examples
    ///
    /// ```
    /// use vitte_rt::sync::{RwLock, RwLockWriteGuard};
    ///
    /// let pair = RwLock::new((1, 2));
    /// *RwLockWriteGuard::map(pair.try_write().unwrap(), |pair| &mut pair.1) += 1;
    /// assert_eq!(*pair.try_read().unwrap(), (1, 3));
    /// ```
}
maps! {
    ['a, T: ?Sized] RwLockMappedWriteGuard<'a, T> => RwLockMappedWriteGuard<'a, V>,
    (mut) |guard, place| {
        RwLockMappedWriteGuard { hold: guard.hold, place: Unique(place), _value: PhantomData }
    },
}
maps! {
    [T: ?Sized] OwnedRwLockWriteGuard<T> => OwnedRwLockMappedWriteGuard<T, V>,
    (mut) |guard, place| OwnedRwLockMappedWriteGuard { hold: guard.hold, place: Unique(place) },
}
maps! {
    [T: ?Sized, U: ?Sized] OwnedRwLockMappedWriteGuard<T, U> => OwnedRwLockMappedWriteGuard<T, V>,
    (mut) |guard, place| OwnedRwLockMappedWriteGuard { hold: guard.hold, place: Unique(place) },
}

/// What guards lend, by their places.
macro_rules! lends {
    ($([$($generics:tt)*] $guard:ty, $value:ty;)*) => { $(
        impl<$($generics)*> Deref for $guard {
            type Target = $value;

            #[inline]
            fn deref(&self) -> &$value {
                // SAFETY: it lies in the value of the lock, whose permits are held (I1).
                unsafe { &*self.place.0 }
            }
        }

        impl<$($generics)*> fmt::Debug for $guard
        where
            $value: fmt::Debug,
        {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&**self, f)
            }
        }

        impl<$($generics)*> fmt::Display for $guard
        where
            $value: fmt::Display,
        {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&**self, f)
            }
        }
    )* };
    (mut $([$($generics:tt)*] $guard:ty, $value:ty;)*) => {
        lends!($([$($generics)*] $guard, $value;)*);
        $(
            impl<$($generics)*> DerefMut for $guard {
                #[inline]
                fn deref_mut(&mut self) -> &mut $value {
                    // SAFETY: as in `deref`; all permits are held: nobody else lends it (I1).
                    unsafe { &mut *self.place.0 }
                }
            }
        )*
    };
}

lends! {
    ['a, T: ?Sized] RwLockReadGuard<'a, T>, T;
    [T: ?Sized, U: ?Sized] OwnedRwLockReadGuard<T, U>, U;
}
lends! {
    mut
    ['a, T: ?Sized] MappedMutexGuard<'a, T>, T;
    [T: ?Sized, U: ?Sized] OwnedMappedMutexGuard<T, U>, U;
    ['a, T: ?Sized] RwLockMappedWriteGuard<'a, T>, T;
    [T: ?Sized, U: ?Sized] OwnedRwLockMappedWriteGuard<T, U>, U;
}
