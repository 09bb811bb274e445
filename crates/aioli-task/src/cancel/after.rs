//! What is to be done when the lock of a tree is released: waking, and dropping of wakers.

use std::task::Waker;

use super::current;
use super::tree::Address;

/// Wakers run foreign code, so they are neither called nor dropped under a lock.
#[derive(Debug, Default)]
#[must_use = "who has been asked is to be woken"]
pub(crate) struct After {
    /// Wakers to call, each with the handler that the woken one hangs under.
    wakes: Vec<(Option<Address>, Waker)>,
    /// A waker that has been replaced.
    old: Option<Waker>,
}

impl After {
    pub(super) fn wake(&mut self, above: Option<Address>, waker: Waker) {
        self.wakes.push((above, waker));
    }

    pub(super) fn drop_waker(&mut self, old: Option<Waker>) {
        if old.is_some() {
            debug_assert!(
                self.old.is_none(),
                "one handler is polled or left at a time"
            );
            self.old = old;
        }
    }

    pub(super) fn wakes_anybody(&self) -> bool {
        !self.wakes.is_empty()
    }

    /// Calls the wakers, with no lock held. A waker that polls inline does so under the handler
    /// that the woken one hangs under, as its own task would.
    #[inline]
    pub(super) fn run(self) {
        drop(self.old);
        if !self.wakes.is_empty() {
            wake_all(self.wakes);
        }
    }
}

#[cold]
fn wake_all(wakes: Vec<(Option<Address>, Waker)>) {
    for (above, waker) in wakes {
        match above {
            Some(above) => current::under(&above, || waker.wake()),
            None => current::outside(|| waker.wake()),
        }
    }
}
