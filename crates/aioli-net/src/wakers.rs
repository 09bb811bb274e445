//! Those who wait for the same thing.

use std::task::Waker;

/// Adds one, unless it waits already.
pub(crate) fn add(waiting: &mut Vec<Waker>, waker: &Waker) {
    if !waiting.iter().any(|known| known.will_wake(waker)) {
        waiting.push(waker.clone());
    }
}
