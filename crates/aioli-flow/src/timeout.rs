//! Bounding a future by time.

use std::future::{Future, poll_fn};
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use aioli_task::{
    Exit, ExitFuture, Raising, Reason, ReasonKind, Seconds, Unwinding, exit, is_asked,
};
use aioli_time::{Deadline, Sleep, sleep};
use pin_project_lite::pin_project;
use thiserror::Error;

use crate::cancel_scope::is_cancelled_here;

/// The time was over before the future was done.
#[doc(alias = "asyncio.TimeoutError")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[error("timed out")]
pub struct Elapsed;

/// Runs `f` for at most a length of time: a number of seconds, or a `Duration`.
///
/// When the time is over, `f` is asked to end, and its clean-up is awaited before `Err(Elapsed)`
/// is returned. A result that is there when the time is over is kept: `f` is polled first, and a
/// value that it returns although it was asked wins too. Only the timeout's own request becomes
/// `Elapsed`; a request to cancel from anywhere else goes on outwards.
///
/// The time begins when `f` is first found pending, and is measured on the loop's clock; a future
/// that is ready at once costs no look at it. With a length of zero or less, `f` is polled once.
/// An infinite length never ends. [`current_effective_deadline`](crate::current_effective_deadline)
/// tells deadlines of cancel scopes, and not this one.
///
/// A timeout of `&mut f` cancels what is in `f`, and `f` must not be used afterwards; to look at a
/// future for a while and keep it, use [`wait_up_to`].
///
/// # Cancel safety
///
/// A request to cancel goes to the handlers inside `f`, and further outwards when they are done.
/// As long as `f` has never had one, whatever is around this future stops it by dropping it, and
/// `f` with it. So beside a branch of a foreign `join!` or `select!` that absorbs the request, a
/// plain wait in `f` goes on, as it would without the timeout.
///
/// # Errors
///
/// [`Elapsed`] when the time was over.
///
/// # Panics
///
/// When the number of seconds is NaN, and when `f` panics.
///
/// # Examples
///
/// ```
/// use aioli_flow::timeout;
/// use aioli_time::sleep;
/// use std::time::Duration;
///
/// aioli_task::run(async {
///     let slow = async {
///         sleep(Duration::from_secs(3600)).await;
///         "done"
///     };
///     let answer = timeout(Duration::from_millis(5), slow).await;
///     assert_eq!(answer.unwrap_or("timed out"), "timed out");
/// });
/// ```
#[doc(alias = "asyncio.wait_for")]
#[doc(alias = "asyncio.timeout")]
#[doc(alias = "trio.fail_after")]
#[doc(alias = "anyio.fail_after")]
#[must_use = "futures do nothing unless awaited"]
pub fn timeout<F: Future>(
    length: impl Seconds,
    f: F,
) -> impl Future<Output = Result<F::Output, Elapsed>> {
    let limit = Limit::Length(Length(length.into_duration()));
    bounded(f, limit)
}

/// Runs `f` until a moment on the loop's clock.
///
/// Like [`timeout`] otherwise; one deadline can bound several steps. A moment in the past polls
/// `f` once.
///
/// # Cancel safety
///
/// That of [`timeout`]; dropping the returned future drops `f`.
///
/// # Errors
///
/// [`Elapsed`] when the moment came before `f` was done.
///
/// # Examples
///
/// ```
/// use aioli_flow::timeout_at;
/// use aioli_time::{Deadline, sleep};
/// use std::time::Duration;
///
/// aioli_task::run(async {
///     let deadline = Deadline::after(Duration::from_millis(5));
///     assert!(timeout_at(deadline, async { 1 }).await.is_ok());
///     assert!(timeout_at(deadline, sleep(Duration::from_secs(3600))).await.is_err());
/// });
/// ```
#[doc(alias = "asyncio.timeout_at")]
#[doc(alias = "trio.fail_at")]
#[must_use = "futures do nothing unless awaited"]
pub fn timeout_at<F: Future>(
    deadline: impl Into<Deadline>,
    f: F,
) -> impl Future<Output = Result<F::Output, Elapsed>> {
    let limit = Limit::Until(deadline.into());
    bounded(f, limit)
}

/// Runs `f` for at most a length of time, and goes on without its value when it is over.
///
/// Like [`timeout`] otherwise.
///
/// # Cancel safety
///
/// That of [`timeout`]; dropping the returned future drops `f`.
///
/// # Panics
///
/// When the number of seconds is NaN, and when `f` panics.
///
/// # Examples
///
/// ```
/// use aioli_flow::move_on_after;
/// use aioli_time::sleep;
/// use std::time::Duration;
///
/// aioli_task::run(async {
///     let slow = sleep(Duration::from_secs(3600));
///     assert_eq!(move_on_after(Duration::from_millis(1), slow).await, None);
/// });
/// ```
#[doc(alias = "trio.move_on_after")]
#[doc(alias = "anyio.move_on_after")]
#[must_use = "futures do nothing unless awaited"]
pub fn move_on_after<F: Future>(
    length: impl Seconds,
    f: F,
) -> impl Future<Output = Option<F::Output>> {
    let bounded = timeout(length, f);
    async move { bounded.await.ok() }
}

/// Waits for `f` for at most a length of time, and leaves it be when the time is over.
///
/// Nobody is asked to end: with `wait_up_to(d, &mut f)`, `f` can be waited for again later.
///
/// # Cancel safety
///
/// A request to cancel goes to the handlers inside `f`. Dropping the returned future leaves a
/// borrowed `f` as it is.
///
/// # Panics
///
/// When the number of seconds is NaN.
///
/// # Examples
///
/// ```
/// use aioli_flow::wait_up_to;
/// use aioli_time::sleep;
/// use std::time::Duration;
///
/// aioli_task::run(async {
///     let mut job = Box::pin(async {
///         sleep(Duration::from_millis(20)).await;
///         42
///     });
///     assert_eq!(wait_up_to(Duration::from_millis(1), &mut job).await, None);
///     assert_eq!(job.await, 42);
/// });
/// ```
#[must_use = "futures do nothing unless awaited"]
pub fn wait_up_to<F: Future + Unpin>(
    length: impl Seconds,
    mut f: F,
) -> impl Future<Output = Option<F::Output>> {
    let mut timer = Timer::new(Limit::Length(Length(length.into_duration())));
    async move {
        poll_fn(|cx| match Pin::new(&mut f).poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => timer.poll(cx).map(|()| None),
        })
        .await
    }
}

/// A length of time; `None` is infinite.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Length(pub(crate) Option<std::time::Duration>);

impl Seconds for Length {
    #[inline]
    fn into_duration(self) -> Option<std::time::Duration> {
        self.0
    }
}

/// How long something may take.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit {
    /// From the first look at the clock on.
    Length(Length),
    Until(Deadline),
}

/// Tells when a limit is reached; looks at the clock when it is first polled, and not before.
#[derive(Debug)]
pub(crate) struct Timer(Sleep);

impl Timer {
    #[inline]
    pub(crate) fn new(limit: Limit) -> Timer {
        Timer(match limit {
            Limit::Length(length) => sleep(length),
            Limit::Until(deadline) => deadline.wait(),
        })
    }

    /// Ready as soon as the limit is reached, which may be at the first poll.
    #[inline]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll_elapsed(cx)
    }

    /// Nobody waits any more: a timer that is set goes.
    #[inline]
    fn end(&mut self) {
        self.0.cancel();
    }
}

/// Runs a body within a limit.
#[inline]
fn bounded<F: Future>(f: F, limit: Limit) -> Bounded<F> {
    Bounded {
        body: exit(f),
        timer: Timer::new(limit),
        ending: Seldom::NONE,
    }
}

pin_project! {
    // The future of `timeout` and `timeout_at`. Written by hand, so that a body that is ready at
    // once costs little: it is never moved into another future.
    #[project = BoundedProjection]
    struct Bounded<F> {
        #[pin]
        body: ExitFuture<F>,
        timer: Timer,
        ending: Seldom<Ending>,
    }
}

/// What few have: in a box, and dropped out of the way of those who have none.
struct Seldom<T>(Option<Box<T>>);

impl<T> Seldom<T> {
    const NONE: Seldom<T> = Seldom(None);

    fn of(value: T) -> Seldom<T> {
        Seldom(Some(Box::new(value)))
    }
}

impl<T> Drop for Seldom<T> {
    // PERF: `timeout_ready`.
    #[inline]
    fn drop(&mut self) {
        #[cold]
        fn drop_box<T>(value: Box<T>) {
            drop(value);
        }
        if let Some(value) = self.0.take() {
            drop_box(value);
        }
    }
}

/// How a bounded body ends otherwise than by its value.
enum Ending {
    /// The time is over, and the body cleans up.
    Expired { _unwinding: Unwinding },
    /// The body is gone, and `Elapsed` is to be returned.
    Elapsed,
    /// The body was cancelled by somebody else.
    Raising(Raising),
}

impl<F: Future> Future for Bounded<F> {
    type Output = Result<F::Output, Elapsed>;

    // PERF: `timeout_ready`.
    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.as_mut().project();
        if this.ending.0.is_some() {
            return self.poll_rest(cx);
        }
        match this.body.poll_open(cx) {
            Poll::Ready(Exit::Value(value)) => {
                this.timer.end();
                Poll::Ready(Ok(value))
            }
            Poll::Pending if this.timer.poll(cx).is_pending() => Poll::Pending,
            Poll::Pending => self.expire(cx),
            Poll::Ready(exit) => self.leave(exit, cx),
        }
    }
}

impl<F: Future> Bounded<F> {
    /// The time is over.
    #[cold]
    fn expire(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<F::Output, Elapsed>> {
        let mut this = self.as_mut().project();
        *this.ending = Seldom::of(Ending::Expired {
            _unwinding: Unwinding::enter(),
        });
        this.body.as_mut().unwind(Reason::new(ReasonKind::Timeout));
        self.poll_rest(cx)
    }

    #[cold]
    fn poll_rest(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<F::Output, Elapsed>> {
        let this = self.as_mut().project();
        match this.ending.0.as_deref_mut() {
            None | Some(Ending::Expired { .. }) => {
                let exit = ready!(this.body.poll_open(cx));
                self.leave(exit, cx)
            }
            Some(Ending::Elapsed) => poll_elapsed().map(Err),
            Some(Ending::Raising(raising)) => match ready!(Pin::new(raising).poll(cx)) {},
        }
    }

    /// The body is gone.
    #[cold]
    fn leave(
        mut self: Pin<&mut Self>,
        exit: Exit<F::Output>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<F::Output, Elapsed>> {
        let this = self.as_mut().project();
        this.timer.end();
        // A body that was asked has been dropped by now, and no longer unwinds.
        *this.ending = Seldom::NONE;
        match exit {
            Exit::Value(value) => return Poll::Ready(Ok(value)),
            Exit::Panicked(panic) => resume_unwind(panic),
            Exit::Cancelled(cancelled) => {
                *this.ending = Seldom::of(match this.body.is_own(&cancelled) {
                    true => Ending::Elapsed,
                    false => Ending::Raising(cancelled.into_raising()),
                });
            }
        }
        self.poll_rest(cx)
    }
}

/// The error of a scope whose own request has come out. What is farther out goes first, a request
/// that came in the same poll or a cancelled scope: it strikes at this suspension.
pub(crate) async fn elapsed() -> Elapsed {
    poll_fn(|_| poll_elapsed()).await
}

/// What is waited for here never comes: the caller is dropped by what goes first.
fn poll_elapsed() -> Poll<Elapsed> {
    if is_asked() || is_cancelled_here() {
        Poll::Pending
    } else {
        Poll::Ready(Elapsed)
    }
}

/// How a bounded body ended.
#[derive(Debug)]
pub(crate) enum Ended<T> {
    /// By itself, or by somebody else's request.
    Exit(Exit<T>),
    /// By the request that its time is over.
    Own,
}

/// Runs a body to its end. When `is_over` becomes ready, the body is asked to end, once.
///
/// The body is polled first, so what is ready when the time is over is kept.
pub(crate) async fn run_until<F: Future>(
    body: ExitFuture<F>,
    mut is_over: impl FnMut(&mut Context<'_>) -> Poll<()>,
) -> Ended<F::Output> {
    let mut body = pin!(body);
    // Held from the request on, while the body cleans up.
    let mut expired = None;
    let poll = |cx: &mut Context<'_>| {
        if let Poll::Ready(exit) = body.as_mut().poll(cx) {
            return Poll::Ready(exit);
        }
        if expired.is_none() && is_over(cx).is_ready() {
            expired = Some(Unwinding::enter());
            body.as_mut().unwind(Reason::new(ReasonKind::Timeout));
            return body.as_mut().poll(cx);
        }
        Poll::Pending
    };
    match poll_fn(poll).await {
        Exit::Cancelled(cancelled) if body.is_own(&cancelled) => Ended::Own,
        exit => Ended::Exit(exit),
    }
}
