//! The short critical section around a primitive's state, and the wakers that leave it.
//!
//! Every primitive keeps its whole state in one [`RawLock`] and touches it only inside
//! [`RawLock::with`]. What runs in there is ours and short. Two kinds of foreign code must
//! not run in there, because they may come back to the same primitive: a waker that is
//! invoked (it may poll inline) and a waker that is dropped (it may be the last owner of a
//! task, whose future then drops its guards). Both are collected in [`Wakers`] and leave
//! with it after the lock has been released.
//!
//! Cloning a waker is the one foreign call made under the lock: its contract is to count.

use std::mem;
use std::sync::{Mutex, PoisonError};
use std::task::Waker;

/// A primitive's state behind the one lock that guards it.
pub(crate) struct RawLock<S>(Mutex<S>);

impl<S> RawLock<S> {
    pub(crate) const fn new(state: S) -> RawLock<S> {
        RawLock(Mutex::new(state))
    }

    /// Runs `section` on the state, releases the lock, then wakes whom it collected.
    ///
    /// A panic inside a section (of an item's `Ord`, or for want of memory) does not poison:
    /// the panic is one task's, and the primitive goes on for the others.
    #[inline]
    pub(crate) fn with<R>(&self, section: impl FnOnce(&mut S, &mut Wakers) -> R) -> R {
        let mut wakers = Wakers::default();
        let out = section(
            &mut self.0.lock().unwrap_or_else(PoisonError::into_inner),
            &mut wakers,
        );
        // The guard was a temporary of the statement above: the lock is free from here on.
        if wakers.is_any() {
            wakers.flush();
        } else {
            // Nothing is in there whose drop would do anything: not even look for it.
            mem::forget(wakers);
        }
        out
    }

    /// Reads the state, waking nobody.
    pub(crate) fn read<R>(&self, section: impl FnOnce(&S) -> R) -> R {
        section(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Wakers on their way out of a critical section.
#[derive(Default)]
pub(crate) struct Wakers {
    /// Nearly every section wakes nobody or one: only a crowd pays for an allocation.
    first: Option<Waker>,
    rest: Vec<Waker>,
    /// A waker that is no longer needed and whose drop is foreign code all the same.
    retired: Option<Waker>,
}

impl Wakers {
    /// Has `waker` invoked after the section.
    #[inline]
    pub(crate) fn push(&mut self, waker: Waker) {
        match self.first {
            None => self.first = Some(waker),
            Some(_) => self.push_more(waker),
        }
    }

    #[cold]
    fn push_more(&mut self, waker: Waker) {
        self.rest.push(waker);
    }

    /// Has `waker` dropped after the section.
    pub(crate) fn retire(&mut self, waker: Waker) {
        debug_assert!(
            self.retired.is_none(),
            "a section retires one waker at most"
        );
        self.retired = Some(waker);
    }

    /// Whether there is anything to do outside.
    #[inline]
    fn is_any(&self) -> bool {
        debug_assert!(
            self.first.is_some() || self.rest.is_empty(),
            "the first is first"
        );
        self.first.is_some() || self.retired.is_some()
    }

    /// Invokes everybody, in the order of their grants, and drops who is retired.
    fn flush(self) {
        if let Some(first) = self.first {
            first.wake();
        }
        self.rest.into_iter().for_each(Waker::wake);
    }
}
