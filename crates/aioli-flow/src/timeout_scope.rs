//! A timeout that its body, or anybody else, can move.

use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use aioli_task::{Exit, Seconds, exit};
use aioli_time::Deadline;
use thiserror::Error;

use crate::moving_timer::MovingTimer;
use crate::timeout::{Elapsed, Ended, elapsed, run_until};

/// Runs `body` for at most a length of time, which `body` can change while it runs.
///
/// Like [`timeout`](crate::timeout()), but the time begins when the scope is entered, and the body is
/// given a handle to look at the deadline and to move it. The handle can be cloned and sent to
/// other tasks and threads.
///
/// # Cancel safety
///
/// A request to cancel goes to the body. Dropping the returned future drops the body.
///
/// # Errors
///
/// [`Elapsed`] when the time was over.
///
/// # Panics
///
/// When the number of seconds is NaN, and when the body panics.
///
/// # Examples
///
/// ```
/// use aioli_flow::timeout_scope;
/// use aioli_time::sleep;
/// use std::time::Duration;
///
/// aioli_task::run(async {
///     let done = timeout_scope(Duration::from_millis(1), async |scope| {
///         scope.reschedule(Duration::from_secs(60)).expect("the scope is active");
///         sleep(Duration::from_millis(5)).await;
///         "done"
///     });
///     assert_eq!(done.await, Ok("done"));
/// });
/// ```
#[doc(alias = "asyncio.timeout")]
#[doc(alias = "asyncio.Timeout")]
#[must_use = "futures do nothing unless awaited"]
pub fn timeout_scope<T, B>(
    length: impl Seconds,
    body: B,
) -> impl Future<Output = Result<T, Elapsed>>
where
    B: AsyncFnOnce(TimeoutScope) -> T,
{
    let length = length.into_duration();
    async move {
        let deadline = length.map_or(Deadline::NEVER, Deadline::after);
        run_scope(deadline, body).await
    }
}

async fn run_scope<T, B>(deadline: Deadline, body: B) -> Result<T, Elapsed>
where
    B: AsyncFnOnce(TimeoutScope) -> T,
{
    let scope = TimeoutScope::new(deadline);
    let end = Finish(scope.clone());
    let body = exit(body(scope.clone()));
    let mut timer = MovingTimer::default();
    let ended = run_until(body, |cx| scope.poll_deadline(&mut timer, cx)).await;
    drop(end);
    match ended {
        Ended::Own => Err(elapsed().await),
        Ended::Exit(Exit::Value(value)) => Ok(value),
        Ended::Exit(Exit::Panicked(panic)) => resume_unwind(panic),
        Ended::Exit(Exit::Cancelled(cancelled)) => cancelled.raise().await,
    }
}

/// A running [`timeout_scope`]; clones refer to the same scope.
#[derive(Clone)]
pub struct TimeoutScope(Arc<Mutex<State>>);

struct State {
    deadline: Deadline,
    phase: Phase,
    /// Wakes the scope when its deadline has been moved.
    waker: Option<Waker>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Active,
    /// The time is over and the body is cleaning up.
    Expiring,
    Expired,
    Finished,
}

/// The deadline of a scope can no longer be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum RescheduleError {
    /// The time is over, and the body is cleaning up.
    #[error("the timeout is expiring")]
    Expiring,
    /// The scope has ended by its deadline.
    #[error("the timeout has expired")]
    Expired,
    /// The scope has ended before its deadline.
    #[error("the timeout has finished")]
    Finished,
}

impl TimeoutScope {
    fn new(deadline: Deadline) -> TimeoutScope {
        TimeoutScope(Arc::new(Mutex::new(State {
            deadline,
            phase: Phase::Active,
            waker: None,
        })))
    }

    /// Moves the deadline so far from now; an infinite length takes it away.
    ///
    /// # Errors
    ///
    /// [`RescheduleError`] names the state of a scope that is no longer active.
    ///
    /// # Panics
    ///
    /// When the number of seconds is NaN.
    #[doc(alias = "asyncio.Timeout.reschedule")]
    pub fn reschedule(&self, length: impl Seconds) -> Result<(), RescheduleError> {
        let deadline = length
            .into_duration()
            .map_or(Deadline::NEVER, Deadline::after);
        self.reschedule_at(deadline)
    }

    /// Moves the deadline to a moment on the loop's clock.
    ///
    /// # Errors
    ///
    /// [`RescheduleError`] names the state of a scope that is no longer active.
    pub fn reschedule_at(&self, deadline: impl Into<Deadline>) -> Result<(), RescheduleError> {
        let mut state = self.lock();
        match state.phase {
            Phase::Active => {}
            Phase::Expiring => return Err(RescheduleError::Expiring),
            Phase::Expired => return Err(RescheduleError::Expired),
            Phase::Finished => return Err(RescheduleError::Finished),
        }
        state.deadline = deadline.into();
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// The deadline; `None` is never.
    #[doc(alias = "asyncio.Timeout.when")]
    #[must_use]
    pub fn when(&self) -> Option<Instant> {
        self.lock().deadline.moment()
    }

    /// Whether the time was over while the body ran.
    #[doc(alias = "asyncio.Timeout.expired")]
    #[must_use]
    pub fn expired(&self) -> bool {
        matches!(self.lock().phase, Phase::Expiring | Phase::Expired)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ready when the deadline has come, and from then on it stays where it is.
    fn poll_deadline(&self, timer: &mut MovingTimer, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = {
            let mut state = self.lock();
            let is_known = state
                .waker
                .as_ref()
                .is_some_and(|waker| waker.will_wake(cx.waker()));
            let old = if is_known {
                None
            } else {
                state.waker.replace(cx.waker().clone())
            };
            let deadline = state.deadline;
            drop(state);
            drop(old);
            deadline
        };
        ready!(timer.poll(deadline, cx));
        self.lock().phase = Phase::Expiring;
        Poll::Ready(())
    }
}

/// Marks a scope as over when its body has ended, or its future is dropped half-way.
struct Finish(TimeoutScope);

impl Drop for Finish {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.phase = match state.phase {
            Phase::Active | Phase::Finished => Phase::Finished,
            Phase::Expiring | Phase::Expired => Phase::Expired,
        };
    }
}

impl fmt::Debug for TimeoutScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("TimeoutScope")
            .field("deadline", &state.deadline)
            .field("phase", &state.phase)
            .finish()
    }
}
