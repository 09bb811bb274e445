//! Starting a child and waiting until it says that it is up: trio's `nursery.start`.

use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use aioli_task::{Exit, Reason, ReasonKind, Task, exit, is_asked};
use thiserror::Error;

use super::child::ChildOutput;
use super::state::Ticket;
use crate::branch::Payload;
use crate::cancel_scope::is_cancelled_here;
use crate::error_group::BoxError;

/// Why a child did not start; see [`TaskGroup::start`](super::TaskGroup::start).
///
/// # Examples
///
/// ```
/// use aioli_flow::{StartError, TaskGroup};
///
/// aioli_task::run(async {
///     let group = TaskGroup::scope(async |tg| {
///         let silent = tg.start::<(), ()>(async |_started| ());
///         assert!(matches!(silent.await, Err(StartError::NotReported)));
///         Ok(())
///     });
///     group.await.expect("the group has nothing to do with it");
/// });
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// It failed before it reported.
    #[error("the child failed before it had started: {0}")]
    Failed(#[source] BoxError),
    /// It ended without having reported.
    #[error("the child ended without having reported that it had started")]
    NotReported,
}

/// With this a child reports that it has started; see
/// [`TaskGroup::start`](super::TaskGroup::start).
///
/// # Examples
///
/// ```
/// use aioli_flow::{Started, TaskGroup};
///
/// async fn serve(started: Started<&'static str>) {
///     started.send("127.0.0.1:8080").expect("somebody waits");
/// }
///
/// aioli_task::run(async {
///     let served = TaskGroup::scope(async |tg| {
///         let address = tg.start(serve).await?;
///         println!("serving on {address}");
///         Ok(())
///     });
///     served.await.expect("nobody fails");
/// });
/// ```
#[doc(alias = "trio.TaskStatus")]
#[doc(alias = "anyio.abc.TaskStatus")]
#[must_use = "the child has not started until it reports"]
pub struct Started<T>(Arc<Handshake<T>>);

impl<T> Started<T> {
    /// Reports that the child has started, with something for who waits for that: an address, a
    /// handle, `()`.
    ///
    /// # Errors
    ///
    /// The value, when nobody waits any more.
    #[doc(alias = "started")]
    pub fn send(self, value: T) -> Result<(), T> {
        self.0.report(value)
    }
}

/// Waits until a child has started; the future of [`TaskGroup::start`](super::TaskGroup::start).
#[must_use = "dropping it cancels the child"]
pub struct Starting<T> {
    child: Task<()>,
    handshake: Arc<Handshake<T>>,
}

impl<T> Starting<T> {
    pub(super) fn new(child: Task<()>, handshake: Arc<Handshake<T>>) -> Starting<T> {
        Starting { child, handshake }
    }
}

impl<T> Future for Starting<T> {
    type Output = Result<T, StartError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        // Who is cancelled already does not get a child that runs on: it goes with its starter.
        let is_cancelled = is_asked() || is_cancelled_here();
        if !is_cancelled && let Some(value) = this.handshake.poll_report(cx) {
            return Poll::Ready(Ok(value));
        }
        // Until it reports the child belongs to who starts it: a request goes on to it.
        ready!(Pin::new(&mut this.child).poll(cx));
        Poll::Ready(match this.handshake.end() {
            State::Reported(value) => Ok(value),
            State::Failed(Failure::Error(error)) => Err(StartError::Failed(error)),
            State::Failed(Failure::Panic(panic)) => resume_unwind(panic),
            State::Waiting(_) | State::Over => Err(StartError::NotReported),
        })
    }
}

impl<T> Drop for Starting<T> {
    fn drop(&mut self) {
        if matches!(self.handshake.end(), State::Waiting(_) | State::Reported(_)) {
            let reason = Reason::new(ReasonKind::Group);
            self.child
                .cancel_for(reason.with_message("nobody waits for this child to start"));
        }
    }
}

/// What a child and who starts it share.
pub(super) struct Handshake<T>(Mutex<State<T>>);

enum State<T> {
    /// The child has not reported; the waker of who waits for that.
    Waiting(Option<Waker>),
    Reported(T),
    /// The child ended before it reported.
    Failed(Failure),
    /// The starter has its answer, or waits no more.
    Over,
}

/// How a child failed.
pub(super) enum Failure {
    Error(BoxError),
    Panic(Payload),
}

impl<T> Handshake<T> {
    pub(super) fn new() -> Arc<Handshake<T>> {
        Arc::new(Handshake(Mutex::new(State::Waiting(None))))
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self, value: T) -> Result<(), T> {
        let mut state = self.lock();
        let State::Waiting(waker) = &mut *state else {
            return Err(value);
        };
        let waker = waker.take();
        *state = State::Reported(value);
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// The child has failed. Gives the failure back if the child had started by then.
    fn fail(&self, failure: Failure) -> Option<Failure> {
        let mut state = self.lock();
        if !matches!(*state, State::Waiting(_)) {
            return Some(failure);
        }
        // The end of the child's task wakes who waits for it.
        let old = std::mem::replace(&mut *state, State::Failed(failure));
        drop(state);
        drop(old);
        None
    }

    /// The value, once the child has reported; it is taken out, and the hand-shake is over.
    fn poll_report(&self, cx: &Context<'_>) -> Option<T> {
        let mut state = self.lock();
        match std::mem::replace(&mut *state, State::Over) {
            State::Reported(value) => Some(value),
            State::Waiting(old) => {
                *state = State::Waiting(Some(cx.waker().clone()));
                drop(state);
                drop(old);
                None
            }
            other => {
                *state = other;
                None
            }
        }
    }

    /// Ends the hand-shake; returns how it stood.
    fn end(&self) -> State<T> {
        std::mem::replace(&mut *self.lock(), State::Over)
    }
}

/// Runs a child that is being started. Its failure goes to who waits for the start, and once it
/// has started, to the group.
pub(super) async fn run_starting<T, C, R>(ticket: Ticket, handshake: Arc<Handshake<T>>, child: C)
where
    C: AsyncFnOnce(Started<T>) -> R,
    R: ChildOutput,
{
    let failure = match exit(child(Started(handshake.clone()))).await {
        Exit::Value(output) => output.into_result().err().map(Failure::Error),
        Exit::Panicked(panic) => Some(Failure::Panic(panic)),
        Exit::Cancelled(cancelled) => cancelled.raise().await,
    };
    match failure.and_then(|failure| handshake.fail(failure)) {
        None => {}
        Some(Failure::Error(error)) => ticket.group().fail(error),
        Some(Failure::Panic(panic)) => ticket.group().panicked(panic),
    }
}

impl<T> fmt::Debug for Started<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Started").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Starting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Starting")
            .field("child", &self.child)
            .finish_non_exhaustive()
    }
}
