//! Runs a future inside a cancel scope.
//!
//! The scope asks the future as soon as it is cancelled and the future is suspended, and again at
//! each later suspension, as soon as everything inside has dealt with the request before.
//!
//! The future is written by hand: an async function that hands an argument on to another one has
//! room for it twice, and each nested scope would multiply that.

use std::convert::Infallible;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use aioli_task::{Cancelled, Exit, ExitFuture, Unwinding, exit, is_asked};
use pin_project_lite::pin_project;

use super::CancelScope;
use super::chain::{Chain, Inside};
use crate::moving_timer::MovingTimer;

pin_project! {
    /// A future inside a scope, which is left when this is done or dropped.
    pub(super) struct Running<F> {
        #[pin]
        body: ExitFuture<F>,
        // The scopes around, as of the last poll.
        around: Chain,
        timer: MovingTimer,
        // Held from the first request to the end of the body.
        unwinding: Option<Unwinding>,
        // The body has suspended and must be asked before it goes on.
        is_due: bool,
        // What is waited for once the body has been cancelled.
        leave: Option<Leave>,
        scope: Leaving,
    }
}

/// What goes on outwards in place of the end of the scope.
enum Leave {
    /// Something farther out goes first: it strikes while this waits, and drops it.
    Overtaken,
    /// A cancellation that is not the scope's.
    Raising(Pin<Box<dyn Future<Output = Infallible> + Send + Sync>>),
}

impl<F: Future> Running<F> {
    pub(super) fn new(scope: CancelScope, f: F) -> Running<F> {
        let body = exit(f);
        scope.0.settle_in(body.unwinder());
        Running {
            body,
            around: Chain::default(),
            timer: MovingTimer::default(),
            unwinding: None,
            is_due: false,
            leave: None,
            scope: Leaving(scope),
        }
    }
}

impl<F: Future> Future for Running<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        if self.leave.is_none() {
            let exit = ready!(self.as_mut().poll_in_scope(cx));
            self.scope.0.0.leave();
            match exit {
                Exit::Value(value) => return Poll::Ready(Some(value)),
                Exit::Panicked(panic) => resume_unwind(panic),
                Exit::Cancelled(cancelled) => {
                    let leave = self.leave_with(cancelled);
                    if leave.is_none() {
                        self.scope.0.0.set_caught();
                        return Poll::Ready(None);
                    }
                    *self.as_mut().project().leave = leave;
                }
            }
        }
        match self.project().leave {
            Some(Leave::Raising(raising)) => match ready!(raising.as_mut().poll(cx)) {},
            _ => Poll::Pending,
        }
    }
}

impl<F: Future> Running<F> {
    /// Polls the body, and asks it if the scope is cancelled.
    ///
    /// The body is polled first: what is ready when the scope is cancelled is kept, and a body
    /// that never suspends is never asked. Not so once it has suspended in a cancelled scope.
    fn poll_in_scope(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Exit<F::Output>> {
        if std::mem::take(self.as_mut().project().is_due) {
            self.as_mut().ask();
        } else {
            if let Poll::Ready(exit) = self.as_mut().poll_body(cx) {
                return Poll::Ready(exit);
            }
            if !self.as_mut().is_over(cx) || !self.as_mut().ask() {
                return Poll::Pending;
            }
        }
        if let Poll::Ready(exit) = self.as_mut().poll_body(cx) {
            return Poll::Ready(exit);
        }
        let this = self.project();
        this.scope.0.0.set_waker(cx);
        if this.body.is_settled() {
            // It has consumed the request and suspended again, where it is to be asked again. That
            // is done once a pass, so that other tasks, and timers, have their turn.
            *this.is_due = true;
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Polls the body as code inside the scope.
    fn poll_body(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Exit<F::Output>> {
        let this = self.project();
        let scope = &this.scope.0;
        let exit = {
            let inside = Inside::enter(scope);
            if !inside.around().is(this.around) {
                *this.around = inside.around().clone();
                scope.0.move_to(this.around.clone());
            }
            ready!(this.body.poll(cx))
        };
        *this.unwinding = None;
        Poll::Ready(exit)
    }

    /// Whether the scope is cancelled; if not, its future is polled when it may be.
    fn is_over(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        let this = self.project();
        let scope = &this.scope.0;
        scope.0.set_waker(cx);
        let deadline = scope.0.deadline();
        scope.cancel_called() || this.timer.poll(deadline, cx).is_ready()
    }

    /// Asks the body to end, unless something inside is still busy with a request.
    fn ask(self: Pin<&mut Self>) -> bool {
        let this = self.project();
        if !this.body.is_settled() {
            return false;
        }
        let Some(reason) = this.scope.0.reason() else {
            return false;
        };
        this.unwinding.get_or_insert_with(Unwinding::enter);
        this.body.unwind(reason);
        true
    }

    /// How the scope is left when its body was cancelled; `None` if it has caught its own
    /// cancellation. What comes from farther out at the same time goes before that, unless the
    /// shield is up.
    fn leave_with(&self, cancelled: Cancelled) -> Option<Leave> {
        if !self.body.is_own(&cancelled) {
            return Some(Leave::Raising(Box::pin(async { cancelled.raise().await })));
        }
        let is_shielded = self.scope.0.is_shielded();
        let is_overtaken = !is_shielded && (is_asked() || Chain::current().is_cancelled());
        is_overtaken.then_some(Leave::Overtaken)
    }
}

/// Leaves the scope when its future is dropped half-way.
struct Leaving(CancelScope);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.0.leave();
    }
}
