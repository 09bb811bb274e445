//! A lock for sections of a few instructions, which costs one locked instruction.
//!
//! Releasing a mutex of the standard library is a second one, for it must see whether somebody
//! sleeps. Nobody sleeps here: who finds the lock taken looks again, and then lets other threads
//! run. That is right where the holder is done in less time than a sleep takes to set up, and where
//! it is nearly always the same thread: the loop's own, whose trees of handlers and timers other
//! threads seldom touch. Nothing foreign runs while it is held: no waker, no `Drop`, no poll.

#![expect(unsafe_code, reason = "hands out what the lock guards")]

use std::cell::UnsafeCell;
use std::fmt;
use std::ops::{Deref, DerefMut};

use crate::primitive::atomic::{AtomicBool, Ordering, order};
use crate::primitive::yield_thread;

/// How often a taken lock is looked at before other threads are let run.
const LOOKS: u32 = if cfg!(loom) { 1 } else { 64 };

/// Guards a value that is looked at for a few instructions at a time.
///
/// It knows no poison: a panic while it is held releases it.
///
/// # Examples
///
/// ```
/// use aioli_task::driver::ShortLock;
///
/// let counter = ShortLock::new(0);
/// *counter.lock() += 1;
/// assert_eq!(*counter.lock(), 1);
/// ```
///
/// # Invariants
///
/// `value` is touched by who has set `is_taken`, until that one clears it, and by nobody else.
#[derive(Default)]
pub struct ShortLock<T> {
    is_taken: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: one thread at a time touches the value (invariant), which may be on any thread.
unsafe impl<T: Send> Send for ShortLock<T> {}
// SAFETY: as above: sharing the lock gives the value to one thread after the other.
unsafe impl<T: Send> Sync for ShortLock<T> {}

impl<T> ShortLock<T> {
    /// Guards `value`.
    pub fn new(value: T) -> ShortLock<T> {
        ShortLock {
            is_taken: AtomicBool::new(false),
            value: UnsafeCell::new(value),
        }
    }

    /// Takes the lock; it is released when the guard is dropped.
    #[inline]
    pub fn lock(&self) -> ShortGuard<'_, T> {
        if !self.take() {
            self.take_contended();
        }
        ShortGuard(self)
    }

    #[inline]
    fn take(&self) -> bool {
        // ORDERING: 21, Acquire: what the last holder did before it released (22) is seen.
        let taken = self.is_taken.compare_exchange_weak(
            false,
            true,
            order(21, Ordering::Acquire),
            Ordering::Relaxed,
        );
        taken.is_ok()
    }

    #[cold]
    fn take_contended(&self) {
        let mut looks = 0;
        loop {
            // A look does not take the line away from the holder, as an attempt would.
            if !self.is_taken.load(Ordering::Relaxed) && self.take() {
                return;
            }
            looks += 1;
            if looks < LOOKS {
                std::hint::spin_loop();
            } else {
                yield_thread();
            }
        }
    }
}

impl<T> fmt::Debug for ShortLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShortLock").finish_non_exhaustive()
    }
}

/// The value of a [`ShortLock`] that is taken.
#[must_use = "the lock is released when this is dropped"]
pub struct ShortGuard<'a, T>(&'a ShortLock<T>);

impl<T> Deref for ShortGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this guard has set `is_taken` and clears it when it is dropped (invariant).
        unsafe { &*self.0.value.get() }
    }
}

impl<T> DerefMut for ShortGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as for `deref`, and the guard is borrowed alone.
        unsafe { &mut *self.0.value.get() }
    }
}

impl<T> Drop for ShortGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // ORDERING: 22, Release: for who takes the lock next (21).
        self.0.is_taken.store(false, order(22, Ordering::Release));
    }
}

impl<T: fmt::Debug> fmt::Debug for ShortGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
