//! The branches of a tuple: of different types, in one place each, without an allocation.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::branch::{Branch, Judge, Left, Others, Outcome, Why};

pin_project! {
    /// A branch of a tuple, and its output once it has left one.
    pub(crate) struct Slot<F: Future, J> {
        #[pin]
        branch: Branch<F>,
        output: Option<F::Output>,
        is_running: bool,
        judge: J,
    }
}

impl<F: Future, J: Judge<F::Output>> Slot<F, J> {
    pub(crate) fn new(f: F, judge: J) -> Slot<F, J> {
        Slot {
            branch: Branch::new(f),
            output: None,
            is_running: true,
            judge,
        }
    }

    /// The output, which must be there.
    pub(crate) fn take(self: Pin<&mut Self>) -> F::Output {
        let output = self.project().output.take();
        output.expect("the branch left a value, or its end went outwards")
    }
}

/// A slot whose type is forgotten.
pub(crate) trait AnySlot {
    fn is_running(&self) -> bool;

    /// Polls the branch, which is running; what came out is noted.
    fn poll(
        self: Pin<&mut Self>,
        index: usize,
        outcome: &mut Outcome,
        cx: &mut Context<'_>,
    ) -> Others;

    fn ask(self: Pin<&mut Self>, why: &Why);
}

impl<F: Future, J: Judge<F::Output>> AnySlot for Slot<F, J> {
    fn is_running(&self) -> bool {
        self.is_running
    }

    fn poll(
        self: Pin<&mut Self>,
        index: usize,
        outcome: &mut Outcome,
        cx: &mut Context<'_>,
    ) -> Others {
        let this = self.project();
        let Poll::Ready(left) = this.branch.poll(cx) else {
            return Others::GoOn;
        };
        *this.is_running = false;
        match left {
            Left::Drained => Others::GoOn,
            Left::Panicked(panic) => outcome.panicked(panic),
            Left::Cancelled(cancelled) => outcome.cancelled(cancelled),
            Left::Value(value) => {
                let decides = J::decides(&value);
                let others = if decides {
                    outcome.decide(index)
                } else {
                    Others::GoOn
                };
                *this.output = Some(value);
                others
            }
        }
    }

    fn ask(self: Pin<&mut Self>, why: &Why) {
        self.project().branch.ask(why);
    }
}

/// Polls the running slots in order. Ready when none runs any more.
///
/// When one of them wants the others asked, they are, for the reason `why` gives, and those that
/// have nothing to clean up are gone when this returns.
pub(crate) fn poll_slots(
    slots: &mut [Pin<&mut dyn AnySlot>],
    is_asked: &mut bool,
    outcome: &mut Outcome,
    why: fn() -> Why,
    cx: &mut Context<'_>,
) -> Poll<()> {
    let was_asked = *is_asked;
    poll_round(slots, is_asked, outcome, why, cx);
    if *is_asked && !was_asked {
        poll_round(slots, is_asked, outcome, why, cx);
    }
    if slots.iter().any(|slot| slot.is_running()) {
        Poll::Pending
    } else {
        Poll::Ready(())
    }
}

fn poll_round(
    slots: &mut [Pin<&mut dyn AnySlot>],
    is_asked: &mut bool,
    outcome: &mut Outcome,
    why: fn() -> Why,
    cx: &mut Context<'_>,
) {
    for index in 0..slots.len() {
        if !slots[index].is_running() {
            continue;
        }
        let others = slots[index].as_mut().poll(index, outcome, cx);
        if others == Others::Ask && !*is_asked {
            *is_asked = true;
            let why = why();
            for slot in slots.iter_mut().filter(|slot| slot.is_running()) {
                slot.as_mut().ask(&why);
            }
        }
    }
}
