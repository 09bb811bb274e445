//! One branch of a combinator: a handler of its own, and how it ended.
//!
//! A combinator of ours gives every branch a handler, so that what happens to one branch stays in
//! it: the combinator asks the other branches, waits until they have cleaned up, and only then
//! passes on what happened.

use std::any::Any;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use aioli_task::{Cancelled, Exit, ExitFuture, Kept, Reason, Unwinder, Unwinding, exit, rearm};
use pin_project_lite::pin_project;

/// What a panic carries.
pub(crate) type Payload = Box<dyn Any + Send>;

/// How a branch ended.
#[derive(Debug)]
pub(crate) enum Left<T> {
    Value(T),
    /// It was asked by its combinator, and has been dropped and cleaned up.
    Drained,
    /// It was cancelled by somebody else.
    Cancelled(Cancelled),
    Panicked(Payload),
}

pin_project! {
    /// A branch that runs.
    #[derive(Debug)]
    pub(crate) struct Branch<F> {
        #[pin]
        body: ExitFuture<F>,
        // Present once the combinator has asked.
        asked: Option<Asked>,
    }
}

/// Why a combinator asks a branch to end.
#[derive(Debug)]
pub(crate) struct Why {
    pub(crate) reason: Reason,
    /// Another branch has won, and answers for a request that all branches have had by then.
    pub(crate) is_race: bool,
}

/// The combinator's own request to a branch.
#[derive(Debug)]
struct Asked {
    unwinder: Unwinder,
    /// The request that the branch had received by then, if the winner answers for it.
    shared: Option<Arc<Reason>>,
}

impl<F: Future> Branch<F> {
    pub(crate) fn new(f: F) -> Branch<F> {
        Branch {
            body: exit(f),
            asked: None,
        }
    }

    pub(crate) fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Left<F::Output>> {
        let this = self.project();
        Poll::Ready(match ready!(this.body.poll(cx)) {
            Exit::Value(value) => Left::Value(value),
            Exit::Panicked(panic) => Left::Panicked(panic),
            Exit::Cancelled(cancelled) => match this.asked {
                Some(asked) if asked.covers(&cancelled) => Left::Drained,
                _ => Left::Cancelled(cancelled),
            },
        })
    }

    /// Asks the branch to end. Its body is dropped at its next poll, unless handlers inside have
    /// something to clean up first.
    pub(crate) fn ask(self: Pin<&mut Self>, why: &Why) {
        let this = self.project();
        if this.asked.is_some() {
            return;
        }
        let unwinder = this.body.unwinder();
        let shared = if why.is_race {
            unwinder.last_request()
        } else {
            None
        };
        unwinder.unwind(why.reason.clone());
        *this.asked = Some(Asked { unwinder, shared });
    }
}

impl Asked {
    /// Whether `cancelled` is the combinator's own request, or one that the winner answers for.
    fn covers(&self, cancelled: &Cancelled) -> bool {
        let is_shared = |reason| Arc::ptr_eq(reason, &cancelled.to_reason());
        cancelled.is_from(&self.unwinder) || self.shared.as_ref().is_some_and(is_shared)
    }
}

/// Which outputs decide how a combinator ends. A type, and not a function pointer: the compiler
/// loses track of `Send` for futures that hold `fn(&Output)` with a borrowing `Output`.
pub(crate) trait Judge<T> {
    fn decides(output: &T) -> bool;
}

/// No output decides: all are needed.
#[derive(Debug)]
pub(crate) struct NeedAll;

/// The first output decides.
#[derive(Debug)]
pub(crate) struct FirstWins;

/// The first error decides.
#[derive(Debug)]
pub(crate) struct FirstError;

impl<T> Judge<T> for NeedAll {
    fn decides(_: &T) -> bool {
        false
    }
}

impl<T> Judge<T> for FirstWins {
    fn decides(_: &T) -> bool {
        true
    }
}

impl<T, E> Judge<Result<T, E>> for FirstError {
    fn decides(output: &Result<T, E>) -> bool {
        output.is_err()
    }
}

/// What a combinator has to do about its other branches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Others {
    /// They go on.
    GoOn,
    /// They are to be asked.
    Ask,
}

/// What came out of the branches of a combinator and goes on outwards when all have ended.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Whether the first value ends it, and a cancelled branch is just lost.
    is_race: bool,
    /// Kept, so that it is passed on even if foreign code drops the combinator meanwhile.
    cancelled: Option<Kept>,
    panic: Option<Payload>,
    /// The first branch that ended it for all: it failed, or it won.
    decided_by: Option<usize>,
    /// Held while branches that were asked clean up.
    unwinding: Option<Unwinding>,
}

impl Outcome {
    /// For combinators that need all branches.
    pub(crate) fn of_all() -> Outcome {
        Outcome::default()
    }

    /// For combinators that need one branch.
    pub(crate) fn of_race() -> Outcome {
        Outcome {
            is_race: true,
            ..Outcome::default()
        }
    }

    /// A branch decided how the combinator ends: it failed, or it won. Others may have decided
    /// before. A request that had reached all branches before one won is the winner's to answer.
    pub(crate) fn decide(&mut self, index: usize) -> Others {
        if self.decided_by.is_some() {
            return Others::GoOn;
        }
        self.decided_by = Some(index);
        if self.is_race {
            self.consume();
        }
        self.ask()
    }

    /// A branch was cancelled by somebody other than its combinator. A request that came from
    /// above has been given to all branches; one that was raised inside has not.
    pub(crate) fn cancelled(&mut self, cancelled: Cancelled) -> Others {
        let is_raised = cancelled.is_raised();
        let is_weaker = self.cancelled.is_some() && is_raised;
        if !is_weaker {
            self.consume();
            self.cancelled = Some(cancelled.keep());
        }
        if is_raised && !self.is_race {
            self.ask()
        } else {
            Others::GoOn
        }
    }

    /// A branch panicked.
    pub(crate) fn panicked(&mut self, panic: Payload) -> Others {
        self.panic.get_or_insert(panic);
        self.ask()
    }

    fn ask(&mut self) -> Others {
        self.unwinding.get_or_insert_with(Unwinding::enter);
        Others::Ask
    }

    /// Branches that were cancelled by themselves are just lost, even if all are.
    pub(crate) fn forget_raised(&mut self) {
        if self
            .cancelled
            .as_ref()
            .is_some_and(|kept| kept.cancelled().is_raised())
        {
            self.consume();
        }
    }

    /// The combinator itself was asked to end, and does so whatever its branches say.
    pub(crate) fn set_request(&mut self, request: Cancelled) {
        self.decided_by = None;
        self.consume();
        self.cancelled = Some(request.keep());
    }

    /// The cancellation so far is answered for: by a winner, or by one that takes its place.
    fn consume(&mut self) {
        drop(self.cancelled.take().map(Kept::into_inner));
    }

    /// All branches have ended. A panic goes first. A request that came from above and something
    /// that was decided both come out: the request at the next suspension.
    pub(crate) async fn leave(self) -> Option<usize> {
        match self.leave_now() {
            Ok(decided_by) => decided_by,
            Err(cancelled) => cancelled.raise().await,
        }
    }

    /// Like [`leave`](Outcome::leave), for callers that cannot await: the cancellation is theirs
    /// to raise.
    pub(crate) fn leave_now(mut self) -> Result<Option<usize>, Cancelled> {
        self.unwinding = None;
        if let Some(panic) = self.panic {
            resume_unwind(panic);
        }
        match (self.decided_by, self.cancelled.map(Kept::into_inner)) {
            (None, None) => Ok(None),
            (None, Some(cancelled)) => Err(cancelled),
            (Some(index), cancelled) => {
                if let Some(cancelled) = cancelled.filter(|cancelled| !cancelled.is_raised()) {
                    rearm(cancelled);
                }
                Ok(Some(index))
            }
        }
    }
}

/// How a body was left, held while something is cleaned up. A request to cancel is passed on even
/// if foreign code drops the holder meanwhile.
#[derive(Debug)]
pub(crate) enum Held<T> {
    Value(T),
    Cancelled(Kept),
    Panicked(Payload),
}

/// Holds how a body was left.
pub(crate) fn hold<T>(exit: Exit<T>) -> Held<T> {
    match exit {
        Exit::Value(value) => Held::Value(value),
        Exit::Cancelled(cancelled) => Held::Cancelled(cancelled.keep()),
        Exit::Panicked(panic) => Held::Panicked(panic),
    }
}

/// Leaves a handler as its body was left: with its value, its cancellation or its panic.
pub(crate) async fn leave<T>(held: Held<T>) -> T {
    match held {
        Held::Value(value) => value,
        Held::Cancelled(kept) => kept.raise().await,
        Held::Panicked(panic) => resume_unwind(panic),
    }
}
