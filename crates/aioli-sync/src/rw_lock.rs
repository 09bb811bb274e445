//! Shared or exclusive use of a value.
#![expect(unsafe_code, reason = "guards lend out the value that their lock owns")]

use super::permits::{Acquiring, Permits};
use super::primitive::ToMany;
use super::waiting::Waiting;
use super::word::MAX_PERMITS;
use crate::stats::RwLockStats;
use crate::value::Value;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Permits of a lock that nobody uses. A reader takes one, a writer all of them.
const ALL: usize = MAX_PERMITS;

/// A value that many tasks may read at once, or one may change, across its awaits.
///
/// Readers and writers stand in one line: a writer waits for the readers before it, and
/// those who come later wait behind it, so nobody starves. A task that holds a read guard
/// and asks for another can therefore wait for itself, if a writer came between.
///
/// # Examples
///
/// ```
/// use aioli_sync::RwLock;
///
/// # futures::executor::block_on(async {
/// let routes = RwLock::new(vec!["/"]);
/// {
///     let (a, b) = (routes.read().await, routes.read().await);
///     assert_eq!(a.len(), b.len());
/// }
/// routes.write().await.push("/about");
/// assert_eq!(routes.into_inner(), ["/", "/about"]);
/// # });
/// ```
///
/// # Invariants
///
/// 1. `permits` starts with `ALL`. A read guard or grant stands for one of them and a write
///    guard or grant for all, and only the guards' drops put them back: next to a write
///    guard there is no other guard.
/// 2. `value` is touched only through a guard, or through `&mut RwLock` or `RwLock` by
///    value, when no guard can exist.
pub struct RwLock<T: ?Sized> {
    permits: Permits,
    value: Value<T, ToMany>,
}

impl<T> RwLock<T> {
    /// Creates a lock around `value` that nobody uses.
    ///
    /// # Examples
    ///
    /// ```
    /// static LIMIT: aioli_sync::RwLock<u32> = aioli_sync::RwLock::new(10);
    /// assert_eq!(LIMIT.stats().readers, 0);
    /// ```
    #[must_use]
    pub const fn new(value: T) -> RwLock<T> {
        RwLock {
            permits: Permits::new(ALL),
            value: Value::new(value),
        }
    }

    /// Takes the value out of its lock.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(aioli_sync::RwLock::new(7).into_inner(), 7);
    /// ```
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Waits until we may read.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in line, and what had just been granted.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let lock = aioli_sync::RwLock::new(5);
    /// assert_eq!(*lock.read().await, 5);
    /// # });
    /// ```
    pub fn read(&self) -> Reading<'_, T> {
        Reading {
            lock: self,
            waiting: self.permits.acquire(1),
        }
    }

    /// Waits until we may write.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in line, and what had just been granted.
    /// Readers that waited behind it go on.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let lock = aioli_sync::RwLock::new(5);
    /// *lock.write().await += 1;
    /// assert_eq!(*lock.read().await, 6);
    /// # });
    /// ```
    pub fn write(&self) -> Writing<'_, T> {
        Writing {
            lock: self,
            waiting: self.permits.acquire(ALL),
        }
    }

    /// A read guard, if nobody writes or waits.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = aioli_sync::RwLock::new(5);
    /// let reading = lock.try_read();
    /// assert!(reading.is_some() && lock.try_read().is_some() && lock.try_write().is_none());
    /// ```
    pub fn try_read(&self) -> Option<ReadGuard<'_, T>> {
        let taken = self.permits.try_take(1);
        taken.then(|| ReadGuard { lock: self })
    }

    /// A write guard, if nobody reads, writes or waits.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = aioli_sync::RwLock::new(5);
    /// let writing = lock.try_write();
    /// assert!(writing.is_some() && lock.try_read().is_none());
    /// ```
    pub fn try_write(&self) -> Option<WriteGuard<'_, T>> {
        let taken = self.permits.try_take(ALL);
        taken.then(|| WriteGuard { lock: self })
    }

    /// The value, of which `&mut self` proves that nobody else uses it.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut lock = aioli_sync::RwLock::new(1);
    /// *lock.get_mut() += 1;
    /// assert_eq!(lock.into_inner(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// A look at the lock and its line.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = aioli_sync::RwLock::new(());
    /// let guards = (lock.try_read(), lock.try_read());
    /// assert_eq!(lock.stats().readers, 2);
    /// # drop(guards);
    /// ```
    #[must_use]
    pub fn stats(&self) -> RwLockStats {
        let (free, waiting) = self.permits.look();
        let writing = free == 0;
        RwLockStats {
            readers: if writing { 0 } else { ALL - free },
            writing,
            waiting,
        }
    }

    fn release(&self, n: usize) {
        self.permits.release(n);
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("RwLock");
        match self.try_read() {
            Some(guard) => out.field("value", &&*guard),
            None => out.field("value", &format_args!("<locked>")),
        };
        out.field("waiting", &self.stats().waiting).finish()
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> RwLock<T> {
        RwLock::new(T::default())
    }
}

/// The future of [`RwLock::read`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Reading<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    waiting: Waiting<'a, Acquiring<'a>>,
}

/// The future of [`RwLock::write`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Writing<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    waiting: Waiting<'a, Acquiring<'a>>,
}

impl<'a, T: ?Sized> Future for Reading<'a, T> {
    type Output = ReadGuard<'a, T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<ReadGuard<'a, T>> {
        let lock = self.lock;
        Pin::new(&mut self.waiting)
            .poll(cx)
            .map(|()| ReadGuard { lock })
    }
}

impl<'a, T: ?Sized> Future for Writing<'a, T> {
    type Output = WriteGuard<'a, T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<WriteGuard<'a, T>> {
        let lock = self.lock;
        Pin::new(&mut self.waiting)
            .poll(cx)
            .map(|()| WriteGuard { lock })
    }
}

impl<T: ?Sized> fmt::Debug for Reading<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reading")
            .field(&self.waiting.stage_name())
            .finish()
    }
}

impl<T: ?Sized> fmt::Debug for Writing<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Writing")
            .field(&self.waiting.stage_name())
            .finish()
    }
}

/// The value of an [`RwLock`], to read for as long as this lives.
#[must_use = "a guard that is dropped at once protects nothing"]
pub struct ReadGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
}

/// The value of an [`RwLock`], to change for as long as this lives.
#[must_use = "a guard that is dropped at once protects nothing"]
pub struct WriteGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
}

impl<T: ?Sized> Deref for ReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: while this guard lives there is no write guard (invariant 1).
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> Deref for WriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this is the only guard (invariant 1), and `&self` keeps it from lending
        // `&mut` meanwhile.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> DerefMut for WriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this is the only guard (invariant 1), and it is borrowed exclusively.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T: ?Sized> Drop for ReadGuard<'_, T> {
    fn drop(&mut self) {
        self.lock.release(1);
    }
}

impl<T: ?Sized> Drop for WriteGuard<'_, T> {
    fn drop(&mut self) {
        self.lock.release(ALL);
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for ReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for WriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
