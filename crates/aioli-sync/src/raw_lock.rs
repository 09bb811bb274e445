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

use super::primitive::Guarded;
use crate::wakers::Wakers;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// A primitive's state behind the one lock that guards it.
pub(crate) struct RawLock<S>(Guarded<S>);

impl<S> RawLock<S> {
    pub(crate) const fn new(state: S) -> RawLock<S> {
        RawLock(Guarded::new(state))
    }

    /// Runs `section` on the state, releases the lock, then wakes whom it collected.
    #[inline]
    pub(crate) fn with<R>(&self, section: impl FnOnce(&mut S, &mut Wakers) -> R) -> R {
        // PERF: `mutex_hold`: if one that unwinds had to drop them, they would be in memory in all. A
        // section that panics does so before it has collected anybody: users' code in one is the
        // cloning of a waker, before that is noted.
        let mut wakers = ManuallyDrop::new(Wakers::default());
        let out = section(&mut self.0.lock(), &mut wakers);
        // The guard was a temporary of the statement above: the lock is free from here on.
        ManuallyDrop::into_inner(wakers).flush();
        out
    }

    /// The same; if `compares`, the section may also panic after it has collected somebody, who is
    /// then woken before the panic goes on.
    #[inline]
    pub(crate) fn with_order<R>(
        &self,
        compares: bool,
        section: impl FnOnce(&mut S, &mut Wakers) -> R,
    ) -> R {
        if !compares {
            return self.with(section);
        }
        let mut wakers = Wakers::default();
        let section = || section(&mut self.0.lock(), &mut wakers);
        let out = catch_unwind(AssertUnwindSafe(section));
        wakers.flush();
        out.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Reads the state, waking nobody.
    pub(crate) fn read<R>(&self, section: impl FnOnce(&S) -> R) -> R {
        section(&self.0.lock())
    }
}
