//! The item that a sink has accepted and not yet passed on.

use super::raw_lock::RawLock;
use super::waiting::WaitingOn;
use crate::budget;
use crate::wait::Wait;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Room for one item beyond what the primitive holds, in which it waits for its slot.
pub(crate) struct Outbox<L, P>(Option<WaitingOn<L, P>>)
where
    L: Deref<Target = RawLock<P::State>>,
    P: Wait;

impl<L, P, E> Outbox<L, P>
where
    L: Deref<Target = RawLock<P::State>>,
    P: Wait<Output = Result<(), E>>,
{
    pub(crate) const fn new() -> Outbox<L, P> {
        Outbox(None)
    }

    /// Whether an item is in it.
    pub(crate) const fn is_full(&self) -> bool {
        self.0.is_some()
    }

    /// Passes an item on, or keeps it if it would have to wait.
    pub(crate) fn send(&mut self, lock: &L, mut wait: P) -> Result<(), E>
    where
        L: Clone,
    {
        assert!(
            !self.is_full(),
            "a sink that is not ready was given an item"
        );
        let begun = lock.with_order(P::COMPARES, |state, wakers| wait.begin(state, wakers));
        begun.unwrap_or_else(|_| {
            self.0 = Some(WaitingOn::new(L::clone(lock), wait));
            Ok(())
        })
    }

    /// Waits until it is empty and the task may go on.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        ready!(self.poll_flush(cx))?;
        budget::poll_proceed(cx).map(Ok)
    }

    /// Waits until it is empty.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        let Some(waiting) = &mut self.0 else {
            return Poll::Ready(Ok(()));
        };
        let passed = ready!(Pin::new(waiting).poll(cx));
        self.0 = None;
        Poll::Ready(passed)
    }
}
