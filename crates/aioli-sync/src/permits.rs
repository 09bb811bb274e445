//! A counter of permits with a fair line: the core of semaphores and locks.
//!
//! Permits are granted in order of arrival. Whoever wants more than there are holds up
//! those behind it, however few they want: otherwise small requests could starve it.

use crate::raw_lock::{RawLock, Wakers};
use crate::wait_list::{Departed, WaitList};
use crate::waiting::{Wait, Waiting};

/// Free permits, and who waits for some.
///
/// # Invariants
///
/// Outside a critical section the first in line, if any, wants more than is free.
pub(crate) struct Permits {
    free: usize,
    line: WaitList<usize, usize>,
}

impl Permits {
    pub(crate) const fn new(free: usize) -> Permits {
        Permits {
            free,
            line: WaitList::new(),
        }
    }

    pub(crate) fn free(&self) -> usize {
        self.free
    }

    pub(crate) fn n_waiting(&self) -> usize {
        self.line.len()
    }

    /// Takes `n` permits if nobody is before us and there are enough.
    pub(crate) fn try_take(&mut self, n: usize) -> bool {
        let ours = self.line.len() == 0 && n <= self.free;
        if ours {
            self.free -= n;
        }
        ours
    }

    /// Adds `n` permits, which go to those in line first.
    ///
    /// # Panics
    ///
    /// If there would be more permits than a `usize` can count.
    pub(crate) fn release(&mut self, n: usize, wakers: &mut Wakers) {
        self.free = self.free.checked_add(n).expect("permits fit a usize");
        self.serve(wakers);
    }

    /// Grants to the first in line for as long as there is enough for it.
    fn serve(&mut self, wakers: &mut Wakers) {
        while let Some(&n) = self.line.first()
            && n <= self.free
        {
            self.free -= n;
            self.line.grant_first(n, wakers);
        }
    }
}

/// Waiting for that many permits.
pub(crate) struct Acquiring(pub(crate) usize);

impl Wait for Acquiring {
    type State = Permits;
    type Want = usize;
    type Grant = usize;
    type Output = ();

    fn line(state: &mut Permits) -> &mut WaitList<usize, usize> {
        &mut state.line
    }

    fn begin(&mut self, state: &mut Permits, _: &mut Wakers) -> Result<(), usize> {
        if state.try_take(self.0) {
            Ok(())
        } else {
            Err(self.0)
        }
    }

    fn finish(&mut self, granted: usize, _: &mut Permits, _: &mut Wakers) {
        debug_assert_eq!(granted, self.0, "a waiter is granted what it wants");
    }

    fn abandon(departed: Departed<usize>, state: &mut Permits, wakers: &mut Wakers) {
        match departed {
            Departed::Granted(n) => state.release(n, wakers),
            // A large request at the head may have been all that held the others up.
            Departed::Waiting => state.serve(wakers),
        }
    }
}

/// A wait for `n` of `permits`.
pub(crate) const fn acquire(permits: &RawLock<Permits>, n: usize) -> Waiting<'_, Acquiring> {
    Waiting::new(permits, Acquiring(n))
}
