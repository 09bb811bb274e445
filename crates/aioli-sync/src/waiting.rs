//! The future behind every operation that may have to wait.
//!
//! Each operation says in a [`Wait`] what it takes, what it queues with and what becomes of
//! its grant. [`Waiting`] adds the rest, once for the whole crate: budget, queueing, taking
//! the grant, and passing it on when the future is dropped.

use super::raw_lock::RawLock;
use crate::budget;
use crate::wait::Wait;
use crate::wait_list::Key;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// An operation under way on a borrowed primitive.
pub(crate) type Waiting<'a, P> = WaitingOn<&'a RawLock<<P as Wait>::State>, P>;

/// An operation under way on the primitive that `L` leads to.
pub(crate) struct WaitingOn<L, P>
where
    L: Deref<Target = RawLock<P::State>>,
    P: Wait,
{
    lock: L,
    wait: P,
    stage: Stage,
}

#[derive(Clone, Copy)]
enum Stage {
    /// Not polled yet, or sent back by the budget.
    Fresh,
    /// In line, or granted and not polled since.
    Queued(Key),
    Done,
}

impl<L: Deref<Target = RawLock<P::State>>, P: Wait> WaitingOn<L, P> {
    #[inline]
    pub(crate) const fn new(lock: L, wait: P) -> WaitingOn<L, P> {
        WaitingOn {
            lock,
            wait,
            stage: Stage::Fresh,
        }
    }

    /// Completes, or queues.
    // PERF: `mutex`: what takes no lock is inlined into its caller, and the rest is not.
    #[inline]
    fn begin(&mut self, cx: &mut Context<'_>) -> Poll<P::Output> {
        if !P::BEGINS_UNLOCKED {
            return self.begin_locked(cx);
        }
        if let Some(output) = self.wait.begin_unlocked() {
            self.stage = Stage::Done;
            return Poll::Ready(output);
        }
        self.begin_slowly(cx)
    }

    #[inline(never)]
    fn begin_slowly(&mut self, cx: &mut Context<'_>) -> Poll<P::Output> {
        self.begin_locked(cx)
    }

    #[inline]
    fn begin_locked(&mut self, cx: &mut Context<'_>) -> Poll<P::Output> {
        let WaitingOn { lock, wait, stage } = self;
        lock.with(|state, wakers| match wait.begin(state, wakers) {
            Ok(output) => {
                *stage = Stage::Done;
                Poll::Ready(output)
            }
            Err(want) => {
                *stage = Stage::Queued(P::line(state).push(want, cx.waker().clone()));
                budget::refund();
                Poll::Pending
            }
        })
    }

    /// Completes if it was granted, or notes whom to wake.
    fn poll_queued(&mut self, key: Key, cx: &Context<'_>) -> Poll<P::Output> {
        let WaitingOn { lock, wait, stage } = self;
        lock.with(|state, wakers| match P::line(state).poll(key, cx, wakers) {
            Poll::Ready(grant) => {
                *stage = Stage::Done;
                Poll::Ready(wait.finish(grant, state, wakers))
            }
            Poll::Pending => {
                budget::refund();
                Poll::Pending
            }
        })
    }

    /// Gives up the place in line, or the grant.
    #[cold]
    fn leave(&self, key: Key) {
        self.lock.with(|state, wakers| {
            let departed = P::line(state).remove(key, wakers);
            self.wait.abandon(departed, state, wakers);
        });
    }

    /// What the operation was begun with.
    pub(crate) fn wait(&self) -> &P {
        &self.wait
    }

    /// Whether it is in line, or granted and not polled since.
    pub(crate) fn is_queued(&self) -> bool {
        matches!(self.stage, Stage::Queued(_))
    }

    /// A word for `Debug`.
    pub(crate) fn stage_name(&self) -> &'static str {
        match self.stage {
            Stage::Fresh => "fresh",
            Stage::Queued(_) => "queued",
            Stage::Done => "done",
        }
    }
}

/// Nothing points into a waiting future: its waiter lives in the primitive.
impl<L: Deref<Target = RawLock<P::State>>, P: Wait> Unpin for WaitingOn<L, P> {}

impl<L: Deref<Target = RawLock<P::State>>, P: Wait> Future for WaitingOn<L, P> {
    type Output = P::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<P::Output> {
        let this = self.get_mut();
        ready!(budget::poll_proceed(cx));
        match this.stage {
            Stage::Fresh => this.begin(cx),
            Stage::Queued(key) => this.poll_queued(key, cx),
            Stage::Done => panic!("a future of aioli-sync was polled after it had completed"),
        }
    }
}

impl<L, P> Drop for WaitingOn<L, P>
where
    L: Deref<Target = RawLock<P::State>>,
    P: Wait,
{
    #[inline]
    fn drop(&mut self) {
        if let Stage::Queued(key) = self.stage {
            self.leave(key);
        }
    }
}
