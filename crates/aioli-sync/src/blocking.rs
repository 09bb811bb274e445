//! Waiting in a thread that has no executor: what the thread-safe kind has beyond the other.

mod channels;
mod locks;
mod queue;

use crate::budget;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// Wakes a thread that is parked in [`wait`].
struct Unparker(Thread);

impl Wake for Unparker {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Lifts the budget of this thread for as long as it lives.
///
/// A poll that is told to come back later would be polled again at once, for ever: nothing in
/// here returns to the loop that would refill the budget.
struct Unlimited(Option<u32>);

impl Unlimited {
    fn enter() -> Unlimited {
        let outer = budget::remaining();
        budget::unlimited();
        Unlimited(outer)
    }
}

impl Drop for Unlimited {
    fn drop(&mut self) {
        if let Some(left) = self.0 {
            budget::refill(left);
        }
    }
}

/// Blocks the thread until `future` is ready.
pub(crate) fn wait<F: Future>(future: F) -> F::Output {
    let _unlimited = Unlimited::enter();
    let mut future = pin!(future);
    // What needs not wait needs no waker that works, which would be an allocation.
    if let Poll::Ready(output) = future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        return output;
    }
    let waker = Waker::from(Arc::new(Unparker(thread::current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
        // Others may unpark this thread, or may have done so before: then we look once more.
        thread::park();
    }
}
