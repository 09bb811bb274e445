//! The ordered set of one loop's timers.
//!
//! Timers are kept by deadline, and by order of arrival among equal deadlines, so that what is
//! due together fires in the order in which it was asked for. The set knows no loop and no
//! thread: it is given the time, and gives back what to wake. Nothing is woken or dropped in here,
//! because a waker may run anything, this set's own operations included.

use std::collections::BTreeMap;
use std::task::Waker;
use std::time::Instant;

/// Names one timer: its deadline, then its place among equal deadlines.
pub(crate) type Key = (Instant, u64);

/// What to do when a timer is due.
#[derive(Debug)]
pub(crate) enum Action {
    /// Wake the future that waits.
    Wake(Waker),
    /// Run the callback of this number, which the loop's thread keeps.
    Call(u64),
}

/// The timers of one loop.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    by_deadline: BTreeMap<Key, Action>,
    /// The arrival number of the next timer.
    arrivals: u64,
}

impl Timers {
    /// Adds a timer. Its key is later than that of every timer with the same deadline.
    pub(crate) fn insert(&mut self, deadline: Instant, action: Action) -> Key {
        let key = (deadline, self.arrivals);
        self.arrivals += 1;
        let replaced = self.by_deadline.insert(key, action);
        debug_assert!(replaced.is_none(), "arrival numbers are unique");
        key
    }

    /// Removes a timer; the caller drops its action where it holds no lock.
    #[must_use]
    pub(crate) fn remove(&mut self, key: Key) -> Option<Action> {
        self.by_deadline.remove(&key)
    }

    /// The waker of a timer that has not fired.
    pub(crate) fn waker_mut(&mut self, key: Key) -> Option<&mut Waker> {
        match self.by_deadline.get_mut(&key) {
            Some(Action::Wake(waker)) => Some(waker),
            Some(Action::Call(_)) | None => None,
        }
    }

    /// The earliest deadline.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.by_deadline
            .first_key_value()
            .map(|((deadline, _), _)| *deadline)
    }

    /// Takes out everything that is due at `now`, in order.
    #[must_use]
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<Action> {
        let mut due = Vec::new();
        while let Some(first) = self.by_deadline.first_entry() {
            if first.key().0 > now {
                break;
            }
            due.push(first.remove());
        }
        due
    }

    /// Takes out everything, in order.
    #[must_use]
    pub(crate) fn take_all(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.by_deadline)
            .into_values()
            .collect()
    }

    /// How many timers there are.
    pub(crate) fn len(&self) -> usize {
        self.by_deadline.len()
    }
}

#[cfg(test)]
mod tests;
