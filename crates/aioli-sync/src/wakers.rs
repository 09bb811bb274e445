//! The wakers that leave a critical section with it.

use std::task::Waker;

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
    pub(crate) fn is_any(&self) -> bool {
        debug_assert!(
            self.first.is_some() || self.rest.is_empty(),
            "the first is first"
        );
        self.first.is_some() || self.retired.is_some()
    }

    /// Invokes everybody, in the order of their grants, and drops who is retired.
    pub(crate) fn flush(self) {
        if let Some(first) = self.first {
            first.wake();
        }
        self.rest.into_iter().for_each(Waker::wake);
    }
}
