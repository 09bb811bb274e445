//! Locks, permits, signals and cells for threads that have no executor.

use crate::barrier::Barrier;
use crate::capacity_limiter::{Borrowed, CapacityLimiter};
use crate::condition::Condition;
use crate::error::{AlreadyBorrowing, Broken};
use crate::event::Event;
use crate::lock::{Lock, LockGuard};
use crate::notify::Notify;
use crate::once_cell::OnceCell;
use crate::rw_lock::{ReadGuard, RwLock, WriteGuard};
use crate::semaphore::{Permit, Semaphore};

impl<T: ?Sized> Lock<T> {
    /// Blocks the thread until the lock is ours; for threads without an executor.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = aioli_sync::Lock::new(1);
    /// *lock.blocking_lock() += 1;
    /// assert_eq!(lock.into_inner(), 2);
    /// ```
    pub fn blocking_lock(&self) -> LockGuard<'_, T> {
        super::wait(self.lock())
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Waits as [`read`](Self::read) does, blocking the thread.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(*aioli_sync::RwLock::new(1).blocking_read(), 1);
    /// ```
    pub fn blocking_read(&self) -> ReadGuard<'_, T> {
        super::wait(self.read())
    }

    /// Waits as [`write`](Self::write) does, blocking the thread.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = aioli_sync::RwLock::new(1);
    /// *lock.blocking_write() += 1;
    /// assert_eq!(lock.into_inner(), 2);
    /// ```
    pub fn blocking_write(&self) -> WriteGuard<'_, T> {
        super::wait(self.write())
    }
}

impl Semaphore {
    /// Waits as [`acquire`](Self::acquire) does, blocking the thread.
    ///
    /// # Examples
    ///
    /// ```
    /// let semaphore = aioli_sync::Semaphore::new(1);
    /// let permit = semaphore.blocking_acquire();
    /// assert!(semaphore.is_locked());
    /// # drop(permit);
    /// ```
    pub fn blocking_acquire(&self) -> Permit<'_> {
        self.blocking_acquire_many(1)
    }

    /// Waits as [`acquire_many`](Self::acquire_many) does, blocking the thread.
    ///
    /// # Examples
    ///
    /// ```
    /// let semaphore = aioli_sync::Semaphore::new(3);
    /// assert_eq!(semaphore.blocking_acquire_many(2).count(), 2);
    /// ```
    pub fn blocking_acquire_many(&self, n: usize) -> Permit<'_> {
        super::wait(self.acquire_many(n))
    }
}

impl CapacityLimiter {
    /// Waits as [`acquire`](Self::acquire) does, blocking the thread.
    ///
    /// # Examples
    ///
    /// ```
    /// let limiter = aioli_sync::CapacityLimiter::new(1);
    /// let token = limiter.blocking_acquire();
    /// assert_eq!(limiter.available(), 0);
    /// # drop(token);
    /// ```
    pub fn blocking_acquire(&self) -> Borrowed<'_> {
        super::wait(self.acquire())
    }

    /// Waits as [`acquire_on_behalf_of`](Self::acquire_on_behalf_of) does, blocking the thread.
    ///
    /// # Errors
    ///
    /// As [`acquire_on_behalf_of`](Self::acquire_on_behalf_of).
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_sync::{AlreadyBorrowing, CapacityLimiter};
    ///
    /// let limiter = CapacityLimiter::new(5);
    /// let token = limiter.blocking_acquire_on_behalf_of(7)?;
    /// assert_eq!(limiter.blocking_acquire_on_behalf_of(7).unwrap_err(), AlreadyBorrowing);
    /// # drop(token);
    /// # Ok::<(), AlreadyBorrowing>(())
    /// ```
    pub fn blocking_acquire_on_behalf_of(
        &self,
        borrower: u64,
    ) -> Result<Borrowed<'_>, AlreadyBorrowing> {
        super::wait(self.acquire_on_behalf_of(borrower))
    }
}

impl<T> OnceCell<T> {
    /// The value, which `init` computes on this thread if nobody has yet; waits for its turn as
    /// [`get_or_init`](Self::get_or_init) does, blocking the thread.
    ///
    /// # Examples
    ///
    /// ```
    /// static NAME: aioli_sync::OnceCell<String> = aioli_sync::OnceCell::new();
    ///
    /// let other = std::thread::spawn(|| NAME.blocking_get_or_init(|| "aioli".to_owned()));
    /// let name = NAME.blocking_get_or_init(|| "aioli".to_owned());
    /// assert!(std::ptr::eq(name, other.join().unwrap()));
    /// ```
    pub fn blocking_get_or_init(&self, init: impl FnOnce() -> T) -> &T {
        super::wait(self.get_or_init(async || init()))
    }

    /// As [`blocking_get_or_init`](Self::blocking_get_or_init), for an `init` that may fail.
    ///
    /// # Errors
    ///
    /// The error of our own `init`; the next in line then tries with its own.
    ///
    /// # Examples
    ///
    /// ```
    /// let port = aioli_sync::OnceCell::new();
    /// assert!(port.blocking_get_or_try_init(|| "http".parse::<u16>()).is_err());
    /// assert_eq!(port.blocking_get_or_try_init(|| "80".parse::<u16>()), Ok(&80));
    /// ```
    pub fn blocking_get_or_try_init<E>(
        &self,
        init: impl FnOnce() -> Result<T, E>,
    ) -> Result<&T, E> {
        super::wait(self.get_or_try_init(async || init()))
    }
}

impl Event {
    /// Waits as [`wait`](Self::wait) does, blocking the thread.
    ///
    /// # Examples
    ///
    /// ```
    /// static READY: aioli_sync::Event = aioli_sync::Event::new();
    ///
    /// std::thread::spawn(|| READY.set());
    /// READY.blocking_wait();
    /// ```
    pub fn blocking_wait(&self) {
        super::wait(self.wait());
    }
}

impl Notify {
    /// Waits as [`notified`](Self::notified) does, blocking the thread.
    ///
    /// # Examples
    ///
    /// ```
    /// static ADDED: aioli_sync::Notify = aioli_sync::Notify::new();
    ///
    /// std::thread::spawn(|| ADDED.notify_one());
    /// ADDED.blocking_notified();
    /// ```
    pub fn blocking_notified(&self) {
        super::wait(self.notified());
    }
}

impl Barrier {
    /// Waits as [`wait`](Self::wait) does, blocking the thread.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Examples
    ///
    /// ```
    /// static START: aioli_sync::Barrier = aioli_sync::Barrier::new(2);
    ///
    /// let other = std::thread::spawn(|| START.blocking_wait());
    /// let indices = [START.blocking_wait()?, other.join().unwrap()?];
    /// assert!(indices == [0, 1] || indices == [1, 0]);
    /// # Ok::<(), aioli_sync::Broken>(())
    /// ```
    pub fn blocking_wait(&self) -> Result<usize, Broken> {
        super::wait(self.wait())
    }
}

impl Condition {
    /// Waits as [`wait`](Self::wait) does, blocking the thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_sync::{Condition, Lock};
    ///
    /// static DONE: Lock<bool> = Lock::new(false);
    /// static CHANGED: Condition = Condition::new();
    ///
    /// let guard = DONE.blocking_lock();
    /// std::thread::spawn(|| {
    ///     *DONE.blocking_lock() = true;
    ///     CHANGED.notify(1);
    /// });
    /// assert!(*CHANGED.blocking_wait(guard));
    /// ```
    pub fn blocking_wait<'l, T: ?Sized>(&self, guard: LockGuard<'l, T>) -> LockGuard<'l, T> {
        super::wait(self.wait(guard))
    }

    /// Waits as [`wait_for`](Self::wait_for) does, blocking the thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_sync::{Condition, Lock};
    ///
    /// static STOCK: Lock<u32> = Lock::new(0);
    /// static DELIVERED: Condition = Condition::new();
    ///
    /// std::thread::spawn(|| {
    ///     for _ in 0..3 {
    ///         *STOCK.blocking_lock() += 1;
    ///         DELIVERED.notify_all();
    ///     }
    /// });
    /// let guard = DELIVERED.blocking_wait_for(STOCK.blocking_lock(), |stock| *stock == 3);
    /// assert_eq!(*guard, 3);
    /// ```
    pub fn blocking_wait_for<'l, T: ?Sized>(
        &self,
        guard: LockGuard<'l, T>,
        until: impl FnMut(&mut T) -> bool,
    ) -> LockGuard<'l, T> {
        super::wait(self.wait_for(guard, until))
    }
}
