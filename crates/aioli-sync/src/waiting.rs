//! The future behind every operation that may have to wait.
//!
//! Each operation says in a [`Wait`] what it takes, what it queues with and what becomes of
//! its grant. [`Waiting`] adds the rest, once for the whole crate: budget, queueing, taking
//! the grant, and passing it on when the future is dropped.

use super::raw_lock::RawLock;
use crate::budget;
use crate::patience;
use crate::wait::Wait;
use crate::wait_list::Key;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

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
    /// In line, or granted and not polled since. In so many polls more it looks by itself whether it
    /// was granted, before its waker is noted.
    Queued {
        key: Key,
        looks: u8,
    },
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
        lock.with_order(P::COMPARES, |state, wakers| {
            match wait.begin(state, wakers) {
                Ok(output) => {
                    *stage = Stage::Done;
                    Poll::Ready(output)
                }
                Err(want) => {
                    let mut looks = 0;
                    let mut waker = cx.waker();
                    if P::IS_PATIENT && P::patience(state).begin() {
                        looks = patience::POLLS;
                        wakers.push(waker.clone());
                        waker = Waker::noop();
                    }
                    let key = P::line(state).push(want, waker.clone());
                    *stage = Stage::Queued { key, looks };
                    budget::refund();
                    Poll::Pending
                }
            }
        })
    }

    /// Completes if it was granted, or notes whom to wake.
    fn poll_queued(&mut self, key: Key, cx: &Context<'_>) -> Poll<P::Output> {
        let WaitingOn { lock, wait, stage } = self;
        lock.with_order(P::COMPARES, |state, wakers| {
            match P::line(state).poll(key, cx, wakers) {
                Poll::Ready(grant) => {
                    *stage = Stage::Done;
                    Poll::Ready(wait.finish(grant, state, wakers))
                }
                Poll::Pending => {
                    budget::refund();
                    Poll::Pending
                }
            }
        })
    }

    /// Looks whether it was granted by now. If not, it has itself polled again, or, when it has looked
    /// for long enough, notes whom to wake.
    // Not inlined: whoever does not come here pays nothing for it.
    #[inline(never)]
    fn look(&mut self, key: Key, looks: u8, cx: &Context<'_>) -> Poll<P::Output> {
        let WaitingOn { lock, wait, stage } = self;
        for _ in 0..patience::LOOKS {
            let looked = lock.with_order(P::COMPARES, |state, wakers| {
                let Some(grant) = P::line(state).take(key) else {
                    return Poll::Pending;
                };
                P::patience(state).pay_off();
                *stage = Stage::Done;
                Poll::Ready(wait.finish(grant, state, wakers))
            });
            if looked.is_ready() {
                return looked;
            }
            patience::pause();
        }
        let looks = looks - 1;
        *stage = Stage::Queued { key, looks };
        if looks == 0 {
            return self.poll_queued(key, cx);
        }
        budget::refund();
        cx.waker().wake_by_ref();
        Poll::Pending
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
        matches!(self.stage, Stage::Queued { .. })
    }

    /// A word for `Debug`.
    pub(crate) fn stage_name(&self) -> &'static str {
        match self.stage {
            Stage::Fresh => "fresh",
            Stage::Queued { .. } => "queued",
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
            Stage::Queued { key, looks } if P::IS_PATIENT && looks > 0 => this.look(key, looks, cx),
            Stage::Queued { key, .. } => this.poll_queued(key, cx),
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
        if let Stage::Queued { key, .. } = self.stage {
            self.leave(key);
        }
    }
}
