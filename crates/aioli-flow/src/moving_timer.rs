//! A timer for a deadline that may move between two polls.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use aioli_time::{Deadline, Sleep};

/// Waits for a deadline that its owner names anew at every poll.
#[derive(Debug, Default)]
pub(crate) struct MovingTimer(Option<Set>);

/// A timer, and the deadline it was set for.
#[derive(Debug)]
struct Set {
    deadline: Deadline,
    sleep: Sleep,
}

impl MovingTimer {
    /// Ready when the deadline has come, by the clock and not only by the timer: who suspends
    /// after the deadline learns of it at once.
    pub(crate) fn poll(&mut self, deadline: Deadline, cx: &mut Context<'_>) -> Poll<()> {
        if deadline.is_past() {
            return Poll::Ready(());
        }
        if self.0.as_ref().is_none_or(|set| set.deadline != deadline) {
            let sleep = deadline.wait();
            self.0 = Some(Set { deadline, sleep });
        }
        let set = self.0.as_mut().expect("the timer has just been set");
        Pin::new(&mut set.sleep).poll(cx)
    }
}
