//! Who waits until nothing can run.
//!
//! The loop asks when it has nothing ready and has looked at I/O; it then wakes those who wait,
//! before it parks and before a virtual clock jumps. Some want it to stay so for a while: the loop
//! then idles for the shortest of those times, and wakes who wanted no more. An entry leaves the
//! list when it is woken or when its future is dropped, whichever comes first.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

/// One who waits.
#[derive(Debug)]
pub(crate) struct Entry {
    waker: Mutex<Waker>,
    /// For how long in real time nothing must have run.
    cushion: Duration,
    is_over: AtomicBool,
}

impl Entry {
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    fn waker(&self) -> MutexGuard<'_, Waker> {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_waker(&self, waker: &Waker) {
        let mut mine = self.waker();
        let old = std::mem::replace(&mut *mine, waker.clone());
        drop(mine);
        drop(old);
    }
}

/// All who wait, of one loop.
#[derive(Debug, Default)]
pub(crate) struct Quiet {
    entries: Mutex<Vec<Arc<Entry>>>,
    /// How many there are, to be read without the lock.
    count: AtomicUsize,
}

impl Quiet {
    fn entries(&self) -> MutexGuard<'_, Vec<Arc<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The shortest time for which somebody wants nothing to run, if somebody waits.
    pub(crate) fn cushion(&self) -> Option<Duration> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let entries = self.entries();
        entries.iter().map(|entry| entry.cushion).min()
    }

    pub(crate) fn wait(&self, cushion: Duration, waker: &Waker) -> Arc<Entry> {
        let entry = Arc::new(Entry {
            waker: Mutex::new(waker.clone()),
            cushion,
            is_over: AtomicBool::new(false),
        });
        let mut entries = self.entries();
        entries.push(entry.clone());
        self.count.store(entries.len(), Ordering::Release);
        entry
    }

    pub(crate) fn forget(&self, entry: &Arc<Entry>) {
        let mut entries = self.entries();
        entries.retain(|other| !Arc::ptr_eq(other, entry));
        self.count.store(entries.len(), Ordering::Release);
    }

    /// Wakes those who want nothing to run for `idle` at most, in the order in which they came.
    pub(crate) fn wake(&self, idle: Duration) {
        let mut entries = self.entries();
        let woken: Vec<_> = entries
            .extract_if(.., |entry| entry.cushion <= idle)
            .collect();
        self.count.store(entries.len(), Ordering::Release);
        drop(entries);
        for entry in woken {
            entry.is_over.store(true, Ordering::Release);
            // Cloned out: a waker that polls inline comes back to `set_waker`.
            let waker = entry.waker().clone();
            waker.wake();
        }
    }
}
