//! The parker of a loop that has no reactor: a condition variable with a sticky token.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::driver::Park;

/// Parks the thread until it is unparked.
#[derive(Debug, Default)]
pub(crate) struct ThreadPark {
    /// Whether an unpark has come that no park has used up.
    token: Mutex<bool>,
    unparked: Condvar,
}

impl Park for ThreadPark {
    fn poll(&self) {}

    fn park(&self, timeout: Option<Duration>) {
        let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        while !*token {
            let Some(end) = end else {
                token = self
                    .unparked
                    .wait(token)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.unparked.wait_timeout(token, left);
            token = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        *token = false;
    }

    fn unpark(&self) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.unparked.notify_one();
    }
}
