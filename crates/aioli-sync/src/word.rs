//! Free permits and whether anybody stands in line for them, in one atomic word.
//!
//! The word is what makes a lock that nobody contends for cost one atomic step to take and one
//! to release: the line behind it, and the lock that guards that line, are not touched.
//!
//! ```text
//!            1 try_take: free -= n               2 try_release: free += n
//!             ┌─────────┐                          ┌─────────┐
//!             ▼         │                          ▼         │
//!           ┌──────────────────────── Open (free) ───────────────┐
//!           └────────────────────────────────────────────────────┘
//!                    │ 3 enter                     ▲ 4 leave(free, nobody in line)
//!                    ▼                             │
//!           ┌─────────────────────── Closed (free) ──────────────┐
//!           └────────────────────────────────────────────────────┘
//!                    │ enter, leave(free, somebody in line)  ▲
//!                    └───────────────────────────────────────┘
//! ```
//!
//! While the word is *open* anybody changes it, by 1 and 2. Transition 3 is made only under the
//! lock of the line, and once it is made 1 and 2 refuse, so that a *closed* word belongs to
//! whoever holds that lock. It stays closed for as long as somebody is in line: that is why
//! nobody can take what a waiter is to be granted, and why no release can miss a waiter.
//!
//! The orderings are numbered; a model weakens each in turn and has to fail for want of it.

use super::primitive::{AtomicUsize, order};
use std::sync::atomic::Ordering;

/// Set while the word is closed.
const CLOSED: usize = 1;
/// One free permit: the bits above the flag count.
const ONE: usize = 2;

/// The most permits that a word can count.
pub(crate) const MAX_PERMITS: usize = usize::MAX / ONE;

/// See the module.
pub(crate) struct Word(AtomicUsize);

/// What came of an attempt to do without the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    Done,
    /// There are fewer permits than that, and nobody is in line.
    TooFew,
    /// The word is closed: the line's lock decides.
    Closed,
}

impl Word {
    /// A word over an atomic that holds [`Word::open`].
    pub(crate) const fn over(atomic: AtomicUsize) -> Word {
        Word(atomic)
    }

    /// The value of an open word with `free` permits.
    pub(crate) const fn open(free: usize) -> usize {
        assert!(free <= MAX_PERMITS, "more permits than can be counted");
        free * ONE
    }

    /// Transition 1.
    #[inline]
    pub(crate) fn try_take(&self, n: usize) -> Attempt {
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            if word & CLOSED != 0 {
                return Attempt::Closed;
            }
            if word / ONE < n {
                return Attempt::TooFew;
            }
            // ORDERING 1: Acquire, to see what those did who released these permits. A failed
            // exchange takes nothing, so it orders nothing.
            let acquire = order(1, Ordering::Acquire);
            let taken = word - n * ONE;
            match self
                .0
                .compare_exchange_weak(word, taken, acquire, Ordering::Relaxed)
            {
                Ok(_) => return Attempt::Done,
                Err(now) => word = now,
            }
        }
    }

    /// Transition 2, unless the word is closed.
    ///
    /// # Panics
    ///
    /// If there would be more than [`MAX_PERMITS`].
    #[inline]
    pub(crate) fn try_release(&self, n: usize) -> Attempt {
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            if word & CLOSED != 0 {
                return Attempt::Closed;
            }
            let released = sum(word / ONE, n) * ONE;
            // ORDERING 2: Release, so that whoever takes these permits sees what we did.
            let release = order(2, Ordering::Release);
            match self
                .0
                .compare_exchange_weak(word, released, release, Ordering::Relaxed)
            {
                Ok(_) => return Attempt::Done,
                Err(now) => word = now,
            }
        }
    }

    /// Transition 3: closes the word and returns the free permits, now the caller's to change.
    ///
    /// Only with the line's lock held.
    pub(crate) fn enter(&self) -> usize {
        let word = self.0.load(Ordering::Relaxed);
        if word & CLOSED != 0 {
            // Closed by the one who held the line's lock before us: that lock ordered it.
            return word / ONE;
        }
        // ORDERING 3: Acquire, for the sake of 1: what is free may be granted to a waiter.
        self.0.fetch_or(CLOSED, order(3, Ordering::Acquire)) / ONE
    }

    /// Transition 4: ends what [`enter`](Self::enter) began, with `free` permits left.
    pub(crate) fn leave(&self, free: usize, is_somebody_in_line: bool) {
        let flag = if is_somebody_in_line { CLOSED } else { 0 };
        // ORDERING 4: Release, for the sake of 2: what is free may have been released under
        // the line's lock and be taken without it.
        let release = order(4, Ordering::Release);
        self.0.store((free * ONE) | flag, release);
    }

    /// A look at the free permits, which orders nothing.
    pub(crate) fn free(&self) -> usize {
        self.0.load(Ordering::Relaxed) / ONE
    }
}

/// So many permits and `n` more.
#[inline]
pub(crate) fn sum(free: usize, n: usize) -> usize {
    match free.checked_add(n) {
        Some(sum) if sum <= MAX_PERMITS => sum,
        _ => too_many(),
    }
}

#[cold]
fn too_many() -> ! {
    panic!("more permits than can be counted")
}
