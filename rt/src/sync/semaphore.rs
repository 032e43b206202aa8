//! A number of permits that tasks take and give back.

use std::sync::Arc;
use std::{error, fmt};

use super::permits::{self, Permits, Refused, take_permits};

/// A number of permits, given in the order they are asked for.
///
/// Who asks for many is not overtaken by those who ask for one later.
///
/// # Examples
///
/// ```
/// use vitte_rt::sync::Semaphore;
///
/// vitte_rt::block_on(async {
///     let connections = Semaphore::new(2);
///     let one = connections.acquire().await?;
///     let two = connections.acquire().await?;
///     assert!(connections.try_acquire().is_err());
///     drop(one);
///     assert_eq!(connections.available_permits(), 1);
///     drop(two);
///     # Ok::<(), vitte_rt::sync::AcquireError>(())
/// }).unwrap();
/// ```
#[derive(Debug)]
pub struct Semaphore {
    permits: Permits,
}

/// The semaphore is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcquireError(());

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the semaphore is closed")
    }
}

impl error::Error for AcquireError {}

/// Why a permit was not given at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryAcquireError {
    /// The semaphore is closed.
    Closed,
    /// There are not enough permits, or others wait for them.
    NoPermits,
}

impl fmt::Display for TryAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryAcquireError::Closed => "the semaphore is closed",
            TryAcquireError::NoPermits => "no permits available",
        })
    }
}

impl error::Error for TryAcquireError {}

impl From<Refused> for TryAcquireError {
    fn from(why: Refused) -> Self {
        match why {
            Refused::Busy => TryAcquireError::NoPermits,
            Refused::Closed => TryAcquireError::Closed,
        }
    }
}

/// Takes permits; who takes them gives them back.
macro_rules! take {
    ($permits:expr, $n:expr) => {
        take_permits!($permits, $n).map_err(|_| AcquireError(()))?
    };
}

impl Semaphore {
    /// Most permits a semaphore can have.
    pub const MAX_PERMITS: usize = permits::MAX;

    maybe_const! {
        /// A semaphore of `permits` permits.
        ///
        /// # Panics
        ///
        /// If there are more than [`Semaphore::MAX_PERMITS`].
        ///
        /// # Examples
        ///
        /// ```
        /// use vitte_rt::sync::Semaphore;
        ///
        /// static ONE_AT_A_TIME: Semaphore = Semaphore::new(1);
        /// assert!(ONE_AT_A_TIME.try_acquire().is_ok());
        /// ```
        pub fn new(permits: usize) -> Self {
            Semaphore { permits: Permits::new(permits) }
        }
    }

    maybe_const! {
        /// As [`Semaphore::new`].
        ///
        /// # Panics
        ///
        /// As there.
        pub fn const_new(permits: usize) -> Self {
            Semaphore::new(permits)
        }
    }

    /// Permits that can be had now; none while anybody waits.
    pub fn available_permits(&self) -> usize {
        self.permits.n_free()
    }

    /// Adds permits.
    ///
    /// # Panics
    ///
    /// If there are more than [`Semaphore::MAX_PERMITS`] then.
    ///
    /// # Examples
    ///
    /// ```
    /// let semaphore = vitte_rt::sync::Semaphore::new(0);
    /// semaphore.add_permits(3);
    /// assert_eq!(semaphore.available_permits(), 3);
    /// assert_eq!(semaphore.forget_permits(5), 3);
    /// ```
    pub fn add_permits(&self, n: usize) {
        assert!(n <= permits::MAX, "more permits than a semaphore can count");
        self.permits.release(n);
    }

    /// Takes up to `n` free permits away for good; answers how many.
    pub fn forget_permits(&self, n: usize) -> usize {
        self.permits.forget(n)
    }

    /// Takes a permit, waiting for it. Dropped before it is ready it has taken none.
    ///
    /// # Errors
    ///
    /// The semaphore is closed.
    #[inline]
    pub async fn acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        take!(self.permits, 1);
        Ok(SemaphorePermit { semaphore: self, n: 1 })
    }

    /// Takes `n` permits at once, waiting for them. Dropped before it is ready it has taken none.
    ///
    /// # Errors
    ///
    /// The semaphore is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use vitte_rt::sync::Semaphore;
    ///
    /// let semaphore = Semaphore::new(5);
    /// let mut three = vitte_rt::block_on(semaphore.acquire_many(3)).unwrap();
    /// assert_eq!(three.split(1).unwrap().num_permits(), 1); // given back at once
    /// assert_eq!((three.num_permits(), semaphore.available_permits()), (2, 3));
    /// ```
    #[inline]
    pub async fn acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, AcquireError> {
        take!(self.permits, n as usize);
        Ok(SemaphorePermit { semaphore: self, n })
    }

    /// As [`Semaphore::acquire`], with a permit that holds the semaphore alive.
    ///
    /// # Errors
    ///
    /// The semaphore is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use vitte_rt::sync::Semaphore;
    ///
    /// vitte_rt::block_on(async {
    ///     let semaphore = Arc::new(Semaphore::new(2));
    ///     for n in 0..10 {
    ///         let permit = semaphore.clone().acquire_owned().await.unwrap();
    ///         vitte_rt::spawn(async move {
    ///             let _permit = permit; // at most two of these run
    ///             n
    ///         });
    ///     }
    /// });
    /// ```
    pub async fn acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, AcquireError> {
        take!(self.permits, 1);
        Ok(OwnedSemaphorePermit { semaphore: self, n: 1 })
    }

    /// As [`Semaphore::acquire_many`], with a permit that holds the semaphore alive.
    ///
    /// # Errors
    ///
    /// The semaphore is closed.
    pub async fn acquire_many_owned(
        self: Arc<Self>,
        n: u32,
    ) -> Result<OwnedSemaphorePermit, AcquireError> {
        take!(self.permits, n as usize);
        Ok(OwnedSemaphorePermit { semaphore: self, n })
    }

    /// Takes a permit if one is free.
    ///
    /// # Errors
    ///
    /// None is free, or the semaphore is closed.
    pub fn try_acquire(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// Takes `n` permits at once if they are free.
    ///
    /// # Errors
    ///
    /// There are not enough, or the semaphore is closed.
    pub fn try_acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.permits.try_acquire(n as usize)?;
        Ok(SemaphorePermit { semaphore: self, n })
    }

    /// As [`Semaphore::try_acquire`], with a permit that holds the semaphore alive.
    ///
    /// # Errors
    ///
    /// None is free, or the semaphore is closed.
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.try_acquire_many_owned(1)
    }

    /// As [`Semaphore::try_acquire_many`], with a permit that holds the semaphore alive.
    ///
    /// # Errors
    ///
    /// There are not enough, or the semaphore is closed.
    pub fn try_acquire_many_owned(
        self: Arc<Self>,
        n: u32,
    ) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.permits.try_acquire(n as usize)?;
        Ok(OwnedSemaphorePermit { semaphore: self, n })
    }

    /// Closes the semaphore: who waits and who asks gets an error. Permits that were given stay.
    ///
    /// # Examples
    ///
    /// ```
    /// let semaphore = vitte_rt::sync::Semaphore::new(1);
    /// semaphore.close();
    /// assert!(vitte_rt::block_on(semaphore.acquire()).is_err());
    /// assert!(semaphore.is_closed());
    /// ```
    pub fn close(&self) {
        self.permits.close();
    }

    /// Whether the semaphore was closed.
    pub fn is_closed(&self) -> bool {
        self.permits.is_closed()
    }
}

/// Permits of a [`Semaphore`], given back when dropped.
#[derive(Debug)]
#[must_use = "dropped at once it is given back at once"]
pub struct SemaphorePermit<'a> {
    semaphore: &'a Semaphore,
    n: u32,
}

/// Permits of a [`Semaphore`] that is kept alive, given back when dropped.
#[derive(Debug)]
#[must_use = "dropped at once it is given back at once"]
pub struct OwnedSemaphorePermit {
    semaphore: Arc<Semaphore>,
    n: u32,
}

impl SemaphorePermit<'_> {
    /// Never gives the permits back.
    pub fn forget(mut self) {
        self.n = 0;
    }

    /// Adds the permits of `other`.
    ///
    /// # Panics
    ///
    /// If they are of another semaphore.
    pub fn merge(&mut self, mut other: Self) {
        assert!(std::ptr::eq(self.semaphore, other.semaphore), "permits of two semaphores");
        self.n += std::mem::take(&mut other.n);
    }

    /// Takes `n` permits out; `None` if there are fewer.
    pub fn split(&mut self, n: usize) -> Option<Self> {
        let n = u32::try_from(n).ok().filter(|n| *n <= self.n)?;
        self.n -= n;
        Some(SemaphorePermit { semaphore: self.semaphore, n })
    }

    /// How many permits these are.
    pub fn num_permits(&self) -> usize {
        self.n as usize
    }
}

impl OwnedSemaphorePermit {
    /// Never gives the permits back.
    pub fn forget(mut self) {
        self.n = 0;
    }

    /// Adds the permits of `other`.
    ///
    /// # Panics
    ///
    /// If they are of another semaphore.
    pub fn merge(&mut self, mut other: Self) {
        assert!(Arc::ptr_eq(&self.semaphore, &other.semaphore), "permits of two semaphores");
        self.n += std::mem::take(&mut other.n);
    }

    /// Takes `n` permits out; `None` if there are fewer.
    pub fn split(&mut self, n: usize) -> Option<Self> {
        let n = u32::try_from(n).ok().filter(|n| *n <= self.n)?;
        self.n -= n;
        Some(OwnedSemaphorePermit { semaphore: self.semaphore.clone(), n })
    }

    /// How many permits these are.
    pub fn num_permits(&self) -> usize {
        self.n as usize
    }

    /// The semaphore.
    pub fn semaphore(&self) -> &Arc<Semaphore> {
        &self.semaphore
    }
}

impl Drop for SemaphorePermit<'_> {
    #[inline]
    fn drop(&mut self) {
        self.semaphore.permits.release(self.n as usize);
    }
}

impl Drop for OwnedSemaphorePermit {
    fn drop(&mut self) {
        self.semaphore.permits.release(self.n as usize);
    }
}
