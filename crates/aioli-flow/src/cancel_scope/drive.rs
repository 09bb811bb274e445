//! Runs a future inside a cancel scope.
//!
//! Two handlers are around the future. The inner one is asked by the scope, again and again while
//! the scope is cancelled; the outer one keeps out what comes from outside while the shield is up.
//! One handler could not do both: of two requests that meet in a handler, the one from farther out
//! stays, and the scope's own would be lost in one that waits at the shield.
//!
//! The futures are written by hand: an async function that hands an argument on to another one has
//! room for it twice, and each nested scope would multiply that.

use std::convert::Infallible;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use aioli_task::{Cancelled, Exit, ExitFuture, Unwinder, Unwinding, exit, is_asked};
use pin_project_lite::pin_project;

use super::CancelScope;
use super::chain::{Chain, Inside};
use super::state::Place;
use crate::moving_timer::MovingTimer;

pin_project! {
    /// A future inside a scope, which is left when this is done or dropped.
    pub(super) struct Running<F> {
        #[pin]
        shielded: ExitFuture<Level<F>>,
        own: Unwinder,
        // What the future goes on to once it has been cancelled.
        leave: Option<Leave>,
        scope: Leaving,
    }
}

/// What goes on outwards instead of the end of the scope.
enum Leave {
    /// Something farther out goes first: it strikes while this waits, and drops it.
    Overtaken,
    /// A cancellation that is not the scope's.
    Raising(Pin<Box<dyn Future<Output = Infallible> + Send + Sync>>),
}

impl<F: Future> Running<F> {
    pub(super) fn new(scope: CancelScope, f: F) -> Running<F> {
        let body = exit(f);
        let own = body.unwinder();
        let shielded = exit(Level {
            scope: scope.clone(),
            own: own.clone(),
            around: Chain::default(),
            timer: MovingTimer::default(),
            unwinding: None,
            is_due: false,
            body,
        });
        scope.0.settle_in(Place {
            shield: shielded.unwinder(),
            body: own.clone(),
            around: Chain::default(),
        });
        Running {
            shielded,
            own,
            leave: None,
            scope: Leaving(scope),
        }
    }
}

impl<F: Future> Future for Running<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        let this = self.project();
        if this.leave.is_none() {
            let cancelled = match ready!(this.shielded.poll(cx)) {
                Exit::Value(Exit::Value(value)) => return Poll::Ready(Some(value)),
                Exit::Value(Exit::Panicked(panic)) | Exit::Panicked(panic) => resume_unwind(panic),
                Exit::Value(Exit::Cancelled(cancelled)) | Exit::Cancelled(cancelled) => cancelled,
            };
            let scope = &this.scope.0;
            *this.leave = leave(scope, cancelled, this.own);
            if this.leave.is_none() {
                scope.0.set_caught();
                return Poll::Ready(None);
            }
        }
        match this.leave {
            Some(Leave::Raising(raising)) => match ready!(raising.as_mut().poll(cx)) {},
            _ => Poll::Pending,
        }
    }
}

/// How a scope is left whose future was cancelled; `None` if the scope has caught its own
/// cancellation. What comes from farther out at the same time goes before it, unless the shield is
/// up.
fn leave(scope: &CancelScope, cancelled: Cancelled, own: &Unwinder) -> Option<Leave> {
    if !cancelled.is_from(own) {
        return Some(Leave::Raising(Box::pin(async { cancelled.raise().await })));
    }
    let is_overtaken = !scope.is_shielded() && (is_asked() || Chain::current().is_cancelled());
    is_overtaken.then_some(Leave::Overtaken)
}

pin_project! {
    /// Polls the body of a scope, and asks it at each suspension once the scope is cancelled.
    struct Level<F> {
        scope: CancelScope,
        own: Unwinder,
        // The scopes around, as of the last poll.
        around: Chain,
        timer: MovingTimer,
        // Held from the first request on.
        unwinding: Option<Unwinding>,
        // The body has suspended and must be asked before it goes on.
        is_due: bool,
        #[pin]
        body: ExitFuture<F>,
    }
}

impl<F: Future> Future for Level<F> {
    type Output = Exit<F::Output>;

    /// The body is polled first: what is ready when the scope is cancelled is kept, and a body
    /// that never suspends is never asked. Not so once it has suspended in a cancelled scope.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Exit<F::Output>> {
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
        this.scope.0.set_waker(cx);
        if this.body.is_settled() {
            // It has consumed the request and suspended again, where it is to be asked again. That
            // is done once a pass, so that other tasks, and timers, have their turn.
            *this.is_due = true;
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl<F: Future> Level<F> {
    /// Polls the body as code inside the scope.
    fn poll_body(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Exit<F::Output>> {
        let this = self.project();
        let inside = Inside::enter(this.scope);
        if !inside.around().is(this.around) {
            *this.around = inside.around().clone();
            this.scope.0.move_to(this.around.clone());
        }
        this.body.poll(cx)
    }

    /// Whether the scope is cancelled; if not, its future is polled when it may be.
    fn is_over(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        let this = self.project();
        this.scope.0.set_waker(cx);
        let deadline = this.scope.0.deadline();
        this.scope.cancel_called() || this.timer.poll(deadline, cx).is_ready()
    }

    /// Asks the body to end, unless something inside is still busy with a request.
    fn ask(self: Pin<&mut Self>) -> bool {
        let this = self.project();
        if !this.body.is_settled() {
            return false;
        }
        let Some(reason) = this.scope.reason() else {
            return false;
        };
        this.unwinding.get_or_insert_with(Unwinding::enter);
        this.own.unwind(reason);
        true
    }
}

/// Leaves the scope when its future is done or dropped.
struct Leaving(CancelScope);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.0.leave();
    }
}
