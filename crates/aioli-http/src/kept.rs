//! What servers make a client keep, as handles share it: within bounds, and until it ends.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::wall::WallClock;

/// A store that keeps itself within its bounds.
///
/// A change of it is complete at each place that can panic.
pub(crate) trait Bounded {
    type Bounds: Copy;

    fn new(bounds: Self::Bounds) -> Self;

    fn len(&self) -> usize;
}

/// A store behind a lock, and the clock that what is in it ends by.
pub(crate) struct Kept<S: Bounded> {
    pub(crate) bounds: S::Bounds,
    /// How much is in it, so that an empty one costs a request one load.
    ///
    /// ORDERING: relaxed, as it says nothing of what is in there: that is read under the lock. Who
    /// knows of a change, because its maker has said so, sees this number or a later one.
    len: AtomicUsize,
    store: Mutex<S>,
    clock: WallClock,
}

impl<S: Bounded> Kept<S> {
    pub(crate) fn new(bounds: S::Bounds, clock: WallClock) -> Kept<S> {
        Kept {
            bounds,
            len: AtomicUsize::new(0),
            store: Mutex::new(S::new(bounds)),
            clock,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// Seconds since the beginning of 1970 (UTC).
    pub(crate) fn now(&self) -> i64 {
        self.clock.now()
    }

    /// The store, for who does not change how much is in it.
    pub(crate) fn lock(&self) -> MutexGuard<'_, S> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut S) -> T) -> T {
        let mut store = self.lock();
        let result = change(&mut store);
        self.len.store(store.len(), Ordering::Relaxed);
        result
    }

    pub(crate) fn clear(&self) {
        let empty = S::new(self.bounds);
        self.change(|store| *store = empty);
    }
}

impl<S: Bounded> Default for Kept<S>
where
    S::Bounds: Default,
{
    fn default() -> Kept<S> {
        Kept::new(S::Bounds::default(), WallClock::default())
    }
}
