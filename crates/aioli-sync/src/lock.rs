//! Mutual exclusion around a value.
#![expect(unsafe_code, reason = "a guard lends out the value that its lock owns")]

use super::permits::{Acquiring, Permits};
use super::primitive::{Ref, ToOne};
use super::waiting::Waiting;
use crate::stats::LockStats;
use crate::value::Value;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::{Context, Poll};

/// A value that one task at a time may use, across its awaits.
///
/// The lock owns what it protects, and releasing is dropping the guard: to use the value
/// without the lock, or to release a lock that one does not hold, cannot be written. A
/// `Lock<()>` is asyncio's plain lock.
///
/// The line is strictly first come, first served. A released lock belongs to the first in
/// line at once, so a task that releases it and asks again queues behind those who wait.
///
/// Where nothing is awaited while the value is in use, a [`std::sync::Mutex`] is cheaper.
///
/// # Examples
///
/// ```
/// use aioli_sync::Lock;
/// use futures::{executor::block_on, join};
///
/// let balance = Lock::new(100);
/// let withdraw = async |amount| {
///     let mut balance = balance.lock().await;
///     let enough = *balance >= amount;
///     if enough {
///         *balance -= amount;
///     }
///     enough
/// };
/// assert_eq!(block_on(async { join!(withdraw(70), withdraw(70)) }), (true, false));
/// ```
///
/// # Invariants
///
/// 1. `permits` starts with one permit, which only [`LockGuard::drop`] and
///    [`OwnedLockGuard::drop`] put back: there is at most one, and while it is out there is
///    exactly one guard or grant that stands for it.
/// 2. `value` is touched only through a guard, or through `&mut Lock` or `Lock` by value,
///    when no guard can exist.
#[doc(alias = "asyncio.Lock")]
pub struct Lock<T: ?Sized> {
    permits: Permits,
    value: Value<T, ToOne>,
}

impl<T> Lock<T> {
    /// Creates a free lock around `value`.
    ///
    /// # Examples
    ///
    /// ```
    /// static LOG: aioli_sync::Lock<Vec<String>> = aioli_sync::Lock::new(Vec::new());
    /// assert!(!LOG.is_locked());
    /// ```
    #[must_use]
    pub const fn new(value: T) -> Lock<T> {
        Lock {
            permits: Permits::new(1),
            value: Value::new(value),
        }
    }

    /// Takes the value out of its lock.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(aioli_sync::Lock::new(7).into_inner(), 7);
    /// ```
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Lock<T> {
    /// Waits until the lock is ours.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in line. A lock that had just been granted
    /// goes to the next in line.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let counter = aioli_sync::Lock::new(0);
    /// *counter.lock().await += 1;
    /// assert_eq!(*counter.lock().await, 1);
    /// # });
    /// ```
    #[doc(alias = "asyncio.Lock.acquire")]
    pub fn lock(&self) -> Locking<'_, T> {
        Locking {
            lock: self,
            waiting: self.permits.acquire(1),
        }
    }

    /// Takes the lock if it is free, and `None` if it is not.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = aioli_sync::Lock::new(());
    /// let guard = lock.try_lock();
    /// assert!(guard.is_some());
    /// assert!(lock.try_lock().is_none());
    /// ```
    pub fn try_lock(&self) -> Option<LockGuard<'_, T>> {
        let taken = self.permits.try_take(1);
        taken.then(|| LockGuard::of(self))
    }

    /// Waits for a guard that keeps the lock alive, and so may go to another task.
    ///
    /// # Cancel safety
    ///
    /// As [`lock`](Self::lock).
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_sync::Lock;
    /// use std::sync::Arc;
    ///
    /// # futures::executor::block_on(async {
    /// let lock = Arc::new(Lock::new(1));
    /// let mut guard = Arc::clone(&lock).lock_owned().await;
    /// std::thread::spawn(move || *guard += 1).join().unwrap();
    /// assert_eq!(*lock.lock().await, 2);
    /// # });
    /// ```
    pub async fn lock_owned(self: Ref<Self>) -> OwnedLockGuard<T> {
        self.permits.acquire(1).await;
        OwnedLockGuard {
            lock: self,
            lends: PhantomData,
        }
    }

    /// The value, of which `&mut self` proves that nobody else uses it.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut lock = aioli_sync::Lock::new(1);
    /// *lock.get_mut() += 1;
    /// assert_eq!(lock.into_inner(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// Whether somebody holds the lock.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = aioli_sync::Lock::new(());
    /// let guard = lock.try_lock();
    /// assert!(lock.is_locked());
    /// # drop(guard);
    /// ```
    #[doc(alias = "asyncio.Lock.locked")]
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.stats().locked
    }

    /// A look at the lock and its line.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(aioli_sync::Lock::new(()).stats().waiting, 0);
    /// ```
    #[must_use]
    pub fn stats(&self) -> LockStats {
        let (free, waiting) = self.permits.look();
        LockStats {
            locked: free == 0,
            waiting,
        }
    }

    /// Gives the permit of a guard to the next in line.
    fn release(&self) {
        self.permits.release(1);
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Lock");
        match self.try_lock() {
            Some(guard) => out.field("value", &&*guard),
            None => out.field("value", &format_args!("<locked>")),
        };
        out.field("waiting", &self.stats().waiting).finish()
    }
}

impl<T: Default> Default for Lock<T> {
    fn default() -> Lock<T> {
        Lock::new(T::default())
    }
}

impl<T> From<T> for Lock<T> {
    fn from(value: T) -> Lock<T> {
        Lock::new(value)
    }
}

/// The future of [`Lock::lock`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Locking<'a, T: ?Sized> {
    lock: &'a Lock<T>,
    waiting: Waiting<'a, Acquiring<'a>>,
}

impl<'a, T: ?Sized> Future for Locking<'a, T> {
    type Output = LockGuard<'a, T>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<LockGuard<'a, T>> {
        let lock = self.lock;
        Pin::new(&mut self.waiting)
            .poll(cx)
            .map(|()| LockGuard::of(lock))
    }
}

impl<T: ?Sized> fmt::Debug for Locking<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Locking")
            .field(&self.waiting.stage_name())
            .finish()
    }
}

/// The value of a [`Lock`] for as long as we hold it; the lock is released when this drops.
#[must_use = "a guard that is dropped at once protects nothing"]
pub struct LockGuard<'a, T: ?Sized> {
    lock: &'a Lock<T>,
    /// What a guard is to other threads: no less than its value.
    lends: PhantomData<&'a mut T>,
}

impl<'a, T: ?Sized> LockGuard<'a, T> {
    /// The guard that the permit of `lock`, which is out, stands for.
    const fn of(lock: &'a Lock<T>) -> LockGuard<'a, T> {
        LockGuard {
            lock,
            lends: PhantomData,
        }
    }

    /// The lock that this guards, for a [`Condition`](super::Condition) that takes it again.
    pub(crate) fn source(&self) -> &'a Lock<T> {
        self.lock
    }
}

impl<T: ?Sized> Deref for LockGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this is the only guard (invariant 1), and `&self` keeps it from lending
        // `&mut` meanwhile.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> DerefMut for LockGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this is the only guard (invariant 1), and it is borrowed exclusively.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T: ?Sized> Drop for LockGuard<'_, T> {
    fn drop(&mut self) {
        self.lock.release();
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for LockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// A [`LockGuard`] that keeps its lock alive.
#[must_use = "a guard that is dropped at once protects nothing"]
pub struct OwnedLockGuard<T: ?Sized> {
    lock: Ref<Lock<T>>,
    /// As in [`LockGuard`].
    lends: PhantomData<T>,
}

impl<T: ?Sized> Deref for OwnedLockGuard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this is the only guard (invariant 1), and `&self` keeps it from lending
        // `&mut` meanwhile.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> DerefMut for OwnedLockGuard<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this is the only guard (invariant 1), and it is borrowed exclusively.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T: ?Sized> Drop for OwnedLockGuard<T> {
    fn drop(&mut self) {
        self.lock.release();
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for OwnedLockGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
