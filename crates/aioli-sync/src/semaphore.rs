//! A counter of permits: at most so many at once.

use super::permits::{Acquiring, Permits};
use super::primitive::Ref;
use super::waiting::Waiting;
use crate::stats::SemaphoreStats;
use crate::word;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Limits how many may do something at the same time.
///
/// A permit is a value: it is given back when it is dropped, so it can neither be forgotten
/// on an error path nor released twice, which is what asyncio's `BoundedSemaphore` guards
/// against. Permits are handed out strictly in the order in which they were asked for, and
/// a released permit belongs to the first in line at once.
///
/// # Examples
///
/// Ten downloads, three at a time:
///
/// ```
/// use aioli_sync::Semaphore;
/// use futures::future::join_all;
///
/// let limit = Semaphore::new(3);
/// let download = async |n: u32| {
///     let _permit = limit.acquire().await;
///     n * n
/// };
/// let squares = futures::executor::block_on(join_all((0..10).map(download)));
/// assert_eq!(squares.iter().sum::<u32>(), 285);
/// assert_eq!(limit.available(), 3);
/// ```
#[doc(alias = "asyncio.Semaphore")]
#[doc(alias = "asyncio.BoundedSemaphore")]
pub struct Semaphore {
    permits: Permits,
}

impl Semaphore {
    /// The most permits that a semaphore can have.
    ///
    /// # Examples
    ///
    /// ```
    /// let all = aioli_sync::Semaphore::new(aioli_sync::Semaphore::MAX_PERMITS);
    /// assert!(!all.is_locked());
    /// ```
    pub const MAX_PERMITS: usize = word::MAX_PERMITS;

    /// Creates a semaphore with `permits` permits.
    ///
    /// # Panics
    ///
    /// If that is more than [`MAX_PERMITS`](Self::MAX_PERMITS).
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_sync::Semaphore;
    ///
    /// static CONNECTIONS: Semaphore = Semaphore::new(100);
    /// assert_eq!(CONNECTIONS.available(), 100);
    /// ```
    #[must_use]
    pub const fn new(permits: usize) -> Semaphore {
        Semaphore {
            permits: Permits::new(permits),
        }
    }

    /// Waits for one permit.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in line. A permit that had just been granted
    /// goes to the next in line.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let semaphore = aioli_sync::Semaphore::new(1);
    /// let permit = semaphore.acquire().await;
    /// assert!(semaphore.is_locked());
    /// drop(permit);
    /// assert!(!semaphore.is_locked());
    /// # });
    /// ```
    #[doc(alias = "asyncio.Semaphore.acquire")]
    #[inline]
    pub fn acquire(&self) -> Acquire<'_> {
        self.acquire_many(1)
    }

    /// Waits for `n` permits, which are granted together.
    ///
    /// Whoever asks for many is not overtaken by those who ask for few. Asking for more
    /// than there will ever be waits until [`add_permits`](Self::add_permits) makes it true.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire): all or nothing, and nothing is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let megabytes = aioli_sync::Semaphore::new(64);
    /// let large = megabytes.acquire_many(48).await;
    /// assert_eq!(megabytes.available(), 16);
    /// # drop(large);
    /// # });
    /// ```
    #[inline]
    pub fn acquire_many(&self, n: usize) -> Acquire<'_> {
        Acquire {
            semaphore: self,
            waiting: self.permits.acquire(n),
        }
    }

    /// Takes a permit if one is free and nobody waits for it.
    ///
    /// # Examples
    ///
    /// ```
    /// let semaphore = aioli_sync::Semaphore::new(1);
    /// let permit = semaphore.try_acquire();
    /// assert!(permit.is_some());
    /// assert!(semaphore.try_acquire().is_none());
    /// ```
    #[inline]
    pub fn try_acquire(&self) -> Option<Permit<'_>> {
        self.try_acquire_many(1)
    }

    /// Takes `n` permits if that many are free and nobody waits for them.
    ///
    /// # Examples
    ///
    /// ```
    /// let semaphore = aioli_sync::Semaphore::new(2);
    /// assert!(semaphore.try_acquire_many(3).is_none());
    /// assert!(semaphore.try_acquire_many(2).is_some());
    /// ```
    #[inline]
    pub fn try_acquire_many(&self, n: usize) -> Option<Permit<'_>> {
        let taken = self.permits.try_take(n);
        taken.then(|| Permit { semaphore: self, n })
    }

    /// Waits for one permit that owns its semaphore, and so may go to another task.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire).
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_sync::Semaphore;
    /// use std::sync::Arc;
    ///
    /// # futures::executor::block_on(async {
    /// let semaphore = Arc::new(Semaphore::new(1));
    /// let permit = Arc::clone(&semaphore).acquire_owned().await;
    /// let thread = std::thread::spawn(move || drop(permit));
    /// drop(semaphore.acquire().await);
    /// # thread.join().unwrap();
    /// # });
    /// ```
    pub async fn acquire_owned(self: Ref<Self>) -> OwnedPermit {
        self.acquire_many_owned(1).await
    }

    /// Waits for `n` permits that own their semaphore.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire): all or nothing, and nothing is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_sync::Semaphore;
    /// use std::sync::Arc;
    ///
    /// # futures::executor::block_on(async {
    /// let semaphore = Arc::new(Semaphore::new(3));
    /// let permit = semaphore.acquire_many_owned(2).await;
    /// assert_eq!(permit.count(), 2);
    /// # });
    /// ```
    pub async fn acquire_many_owned(self: Ref<Self>, n: usize) -> OwnedPermit {
        self.acquire_many(n).await.forget();
        // No await lies between the forgotten permit and its new owner.
        OwnedPermit { semaphore: self, n }
    }

    /// Adds `n` permits, for those in line first.
    ///
    /// # Panics
    ///
    /// If there would be more than [`MAX_PERMITS`](Self::MAX_PERMITS).
    ///
    /// # Examples
    ///
    /// ```
    /// let semaphore = aioli_sync::Semaphore::new(0);
    /// semaphore.add_permits(2);
    /// assert_eq!(semaphore.available(), 2);
    /// ```
    #[doc(alias = "asyncio.Semaphore.release")]
    #[inline]
    pub fn add_permits(&self, n: usize) {
        self.permits.release(n);
    }

    /// How many permits are free.
    ///
    /// # Examples
    ///
    /// ```
    /// let semaphore = aioli_sync::Semaphore::new(2);
    /// let permit = semaphore.try_acquire();
    /// assert_eq!(semaphore.available(), 1);
    /// # drop(permit);
    /// ```
    #[must_use]
    pub fn available(&self) -> usize {
        self.stats().available
    }

    /// Whether [`acquire`](Self::acquire) would have to wait.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(aioli_sync::Semaphore::new(0).is_locked());
    /// ```
    #[doc(alias = "asyncio.Semaphore.locked")]
    #[must_use]
    pub fn is_locked(&self) -> bool {
        let stats = self.stats();
        stats.available == 0 || stats.waiting > 0
    }

    /// A look at the permits and at the line.
    ///
    /// # Examples
    ///
    /// ```
    /// let stats = aioli_sync::Semaphore::new(2).stats();
    /// assert_eq!((stats.available, stats.waiting), (2, 0));
    /// ```
    #[must_use]
    pub fn stats(&self) -> SemaphoreStats {
        let (available, waiting) = self.permits.look();
        SemaphoreStats { available, waiting }
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = self.stats();
        f.debug_struct("Semaphore")
            .field("available", &stats.available)
            .field("waiting", &stats.waiting)
            .finish()
    }
}

/// The future of [`Semaphore::acquire`] and [`Semaphore::acquire_many`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Acquire<'a> {
    semaphore: &'a Semaphore,
    waiting: Waiting<'a, Acquiring<'a>>,
}

impl<'a> Future for Acquire<'a> {
    type Output = Permit<'a>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Permit<'a>> {
        let n = self.waiting.wait().count();
        let semaphore = self.semaphore;
        Pin::new(&mut self.waiting)
            .poll(cx)
            .map(|()| Permit { semaphore, n })
    }
}

impl fmt::Debug for Acquire<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire")
            .field("permits", &self.waiting.wait().count())
            .field("stage", &self.waiting.stage_name())
            .finish()
    }
}

/// Permits of a [`Semaphore`], given back when dropped.
#[must_use = "a permit that is dropped at once limits nothing"]
pub struct Permit<'a> {
    semaphore: &'a Semaphore,
    n: usize,
}

impl Permit<'_> {
    /// How many permits this is.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_sync::Semaphore;
    ///
    /// let semaphore = Semaphore::new(3);
    /// assert_eq!(semaphore.try_acquire_many(2).map(|permit| permit.count()), Some(2));
    /// ```
    #[must_use]
    pub fn count(&self) -> usize {
        self.n
    }

    /// Never gives the permits back: the semaphore has that many fewer from now on.
    ///
    /// # Examples
    ///
    /// ```
    /// let semaphore = aioli_sync::Semaphore::new(2);
    /// semaphore.try_acquire().unwrap().forget();
    /// assert_eq!(semaphore.available(), 1);
    /// ```
    pub fn forget(self) {
        mem::forget(self);
    }
}

impl Drop for Permit<'_> {
    #[inline]
    fn drop(&mut self) {
        self.semaphore.add_permits(self.n);
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permit").field(&self.n).finish()
    }
}

/// Permits that keep their [`Semaphore`] alive, given back when dropped.
#[must_use = "a permit that is dropped at once limits nothing"]
pub struct OwnedPermit {
    semaphore: Ref<Semaphore>,
    n: usize,
}

impl OwnedPermit {
    /// How many permits this is.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_sync::Semaphore;
    ///
    /// let semaphore = Semaphore::new(3);
    /// assert_eq!(semaphore.try_acquire_many(2).map(|permit| permit.count()), Some(2));
    /// ```
    #[must_use]
    pub fn count(&self) -> usize {
        self.n
    }

    /// Never gives the permits back: the semaphore has that many fewer from now on.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_sync::Semaphore;
    /// use std::sync::Arc;
    ///
    /// # futures::executor::block_on(async {
    /// let semaphore = Arc::new(Semaphore::new(2));
    /// Arc::clone(&semaphore).acquire_owned().await.forget();
    /// assert_eq!(semaphore.available(), 1);
    /// # });
    /// ```
    pub fn forget(mut self) {
        self.n = 0;
    }
}

impl Drop for OwnedPermit {
    #[inline]
    fn drop(&mut self) {
        self.semaphore.add_permits(self.n);
    }
}

impl fmt::Debug for OwnedPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnedPermit").field(&self.n).finish()
    }
}
