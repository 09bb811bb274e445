//! A sequence that breaks when wakers panic.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::{SequenceError, Sequencer, Turn};

/// Counts how often it is woken, and panics then if it is to.
struct Counted {
    woken: AtomicUsize,
    panics: bool,
}

impl Wake for Counted {
    fn wake(self: Arc<Self>) {
        self.woken.fetch_add(1, Ordering::Relaxed);
        assert!(!self.panics, "a waker that panics");
    }
}

fn poll(turn: &mut Turn, waker: &Waker) -> Poll<Option<SequenceError>> {
    let polled = Pin::new(turn).poll(&mut Context::from_waker(waker));
    polled.map(Result::err)
}

#[test]
fn a_waker_that_panics_keeps_nobody_from_hearing_of_the_break() {
    let sequence = Sequencer::new();
    let mut leaves = sequence.step(1);
    assert!(poll(&mut leaves, Waker::noop()).is_pending());
    let mut others = [(2, true), (3, false)].map(|(number, panics)| {
        let woken = AtomicUsize::new(0);
        let counted = Arc::new(Counted { woken, panics });
        let mut turn = sequence.step(number);
        assert!(poll(&mut turn, &Waker::from(counted.clone())).is_pending());
        (turn, counted)
    });

    catch_unwind(AssertUnwindSafe(|| drop(leaves))).expect_err("the panic goes on");
    for (turn, counted) in &mut others {
        assert_eq!(counted.woken.load(Ordering::Relaxed), 1);
        assert_eq!(
            poll(turn, Waker::noop()),
            Poll::Ready(Some(SequenceError::Broken))
        );
    }
}
