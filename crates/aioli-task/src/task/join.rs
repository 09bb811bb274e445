//! `Task<T>`: the handle that owns a task's output, and what awaiting it means.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::handle::TaskHandle;
use super::header::{Payload, Place};
use super::output::Output;
use super::stop::{Panic, Stop};
use crate::cancel::current;
use crate::cancel::place::LeafPlace;
use crate::cancel::tree::{Entered, Entries};
use crate::cancel::{Cancelled, Raise, Reason, ReasonKind, Request};
use crate::spares::{self, Pile};

/// A spawned task; awaiting it gives its output.
///
/// As in asyncio, **awaiting can unwind the caller**: a panic of the task goes on in the awaiter,
/// and if the task was cancelled, the awaiter is cancelled too. [`outcome`](Task::outcome) is the
/// form that returns these ends instead, and the one to use where no aioli loop runs. When the
/// awaiter is asked to cancel, it passes the request to the task and waits for it to end; a task
/// that suppresses the request and returns lets the awaiter go on with the value.
///
/// Dropping the handle detaches: the task runs on. A panic that nobody awaited is reported to the
/// loop's error handler.
///
/// `Task<T>` derefs to [`TaskHandle`], which has `cancel`, `is_done`, `name` and the like.
///
/// # Cancel safety
///
/// Dropping the future detaches the task; with `&mut task` nothing at all is lost.
///
/// # Panics
///
/// With the task's panic; when a task awaits itself; and where the task ended cancelled and
/// nothing around the awaiter can unwind (no aioli task and no scope).
///
/// # Examples
///
/// ```
/// aioli_task::run(async {
///     let task = aioli_task::spawn(async { 6 * 7 });
///     assert_eq!(task.await, 42);
/// });
/// ```
#[doc(alias = "asyncio.Task")]
pub struct Task<T> {
    output: Output<T>,
    /// What an awaiter needs that has to wait. Two words in all: a handle is returned in registers,
    /// and a spawn that writes a larger one to memory to have it copied takes twice as long.
    /// Taken by [`drop`](Drop::drop), so that nothing need look for it again after that.
    awaiting: ManuallyDrop<Option<Box<Awaiting>>>,
}

/// Awaiters are as large as side records, of which as many are kept.
const WEIGHT: usize = 4;

thread_local! {
    static SPARE: Pile<Box<Awaiting>> = const { Pile::new() };
}

/// Drops what this thread has kept for awaiters.
pub(crate) fn drop_spares() {
    spares::clear(&SPARE);
}

/// An awaiter that has had to wait.
#[derive(Default)]
struct Awaiting {
    /// Its place in the tree of handlers.
    handler: LeafPlace,
    /// Its waker among those of the task.
    place: Place,
    /// The request that was passed on to the task.
    forwarded: Option<Request>,
    /// The task's cancellation, on its way outwards through the awaiter.
    raising: Option<Raise>,
}

/// How the task of a handle ended.
enum End<T> {
    Value(T),
    Panicked(Payload),
    /// With the request that the awaiter passed on, or else the task's own.
    Cancelled(Request),
}

impl<T> Task<T> {
    pub(crate) fn new(output: Output<T>) -> Task<T> {
        Task {
            output,
            awaiting: ManuallyDrop::new(None),
        }
    }

    /// The task without its type.
    #[must_use]
    pub fn handle(&self) -> TaskHandle {
        self.output.handle().clone()
    }

    /// Waits for the end, and returns it instead of unwinding.
    ///
    /// A request to cancel the caller is passed on to the task, as when it is awaited.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future detaches the task.
    ///
    /// # Errors
    ///
    /// [`Stop::Cancelled`] if the task was cancelled, [`Stop::Panicked`] if it panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_task::{Stop, run, spawn};
    ///
    /// run(async {
    ///     let task = spawn(std::future::pending::<()>());
    ///     task.cancel();
    ///     assert!(matches!(task.outcome().await, Err(Stop::Cancelled(_))));
    /// });
    /// ```
    #[doc(alias = "asyncio.Task.exception")]
    pub async fn outcome(mut self) -> Result<T, Stop> {
        let end = std::future::poll_fn(|cx| self.poll_end(cx)).await;
        match end {
            End::Value(value) => Ok(value),
            End::Panicked(panic) => Err(Stop::Panicked(Panic::new(panic))),
            End::Cancelled(request) => {
                match self.awaiting.take().and_then(|awaiting| awaiting.forwarded) {
                    // Our own request has come back: it is still looking for its end.
                    Some(_) => Cancelled::taken(request, true).raise().await,
                    None => Err(Stop::Cancelled(request.reason)),
                }
            }
        }
    }

    /// Asks the task to end and waits until it has; returns its value if it ended with one.
    ///
    /// # Cancel safety
    ///
    /// The request has been made at the first poll; dropping the future then detaches the task.
    ///
    /// # Panics
    ///
    /// With the task's panic.
    ///
    /// # Examples
    ///
    /// ```
    /// aioli_task::run(async {
    ///     let task = aioli_task::spawn(std::future::pending::<()>());
    ///     assert_eq!(task.stop().await, None);
    /// });
    /// ```
    #[track_caller]
    pub fn stop(self) -> impl Future<Output = Option<T>> {
        let reason = Reason::new(ReasonKind::Cancel);
        async move {
            self.cancel_for(reason);
            self.end().await
        }
    }

    /// Waits for the end; the value if there is one.
    pub(super) async fn end(self) -> Option<T> {
        match self.outcome().await {
            Ok(value) => Some(value),
            Err(Stop::Panicked(panic)) => panic.resume(),
            Err(_) => None,
        }
    }

    /// Awaits the task without passing requests on: asyncio's `shield`.
    ///
    /// When the caller is cancelled, it is so at once and the task runs on.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future detaches the task.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_task::{run, spawn, yield_now};
    ///
    /// run(async {
    ///     let inner = spawn(async { for _ in 0..9 { yield_now().await } });
    ///     let handle = inner.handle();
    ///     let outer = spawn(async move { inner.shielded().await });
    ///     yield_now().await;
    ///     outer.cancel();
    ///     assert!(outer.outcome().await.is_err());
    ///     assert!(!handle.is_done());
    ///     handle.done().await;
    ///     assert!(!handle.is_cancelled());
    /// });
    /// ```
    #[doc(alias = "asyncio.shield")]
    pub fn shielded(self) -> Shielded<T> {
        Shielded(self)
    }

    /// Looks at the output of a task that ended with a value and was not awaited yet.
    pub fn peek<R>(&self, f: impl FnOnce(&T) -> R) -> Option<R> {
        self.output.peek().map(f)
    }

    /// Renames the task; for `spawn(…).named("worker")`.
    pub fn named(self, name: impl Into<Cow<'static, str>>) -> Task<T> {
        self.set_name(name.into());
        self
    }

    /// The outcome of a task that has ended.
    pub(crate) fn now(mut self) -> Result<T, Stop> {
        match self.take_end() {
            End::Value(value) => Ok(value),
            End::Panicked(panic) => Err(Stop::Panicked(Panic::new(panic))),
            End::Cancelled(request) => Err(Stop::Cancelled(request.reason)),
        }
    }

    /// Polls for the end, as a handler that passes requests on to the task.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<End<T>> {
        if !self.is_done() {
            assert!(
                super::try_current().is_none_or(|current| current != **self),
                "a task cannot await itself: it would wait for ever"
            );
            let awaiting = self.awaiting.get_or_insert_with(Awaiting::spare_or_new);
            if awaiting.enter(cx) == Entered::Asked {
                awaiting.forward(self.output.handle());
            }
            let task = self.output.task();
            if task.add_joiner(&mut awaiting.place, cx.waker()) {
                return Poll::Pending;
            }
        }
        Poll::Ready(self.take_end())
    }

    /// The awaiter waits no longer.
    #[inline(never)]
    fn give_up(&self, mut awaiting: Box<Awaiting>) {
        awaiting.leave(None);
        let header = self.output.task().header();
        header.remove_joiner(&mut awaiting.place);
        *awaiting = Awaiting::default();
        spares::put(&SPARE, awaiting, WEIGHT);
    }

    /// What [`poll`](Future::poll) does if the value is not there at once.
    // PERF: `spawn_join`: it would keep `poll` from going into its caller.
    #[inline(never)]
    fn poll_value(&mut self, cx: &mut Context<'_>) -> Poll<T> {
        let awaiting = self.awaiting.as_ref();
        if awaiting.is_none_or(|awaiting| awaiting.raising.is_none()) {
            match ready!(self.poll_end(cx)) {
                End::Value(value) => return Poll::Ready(value),
                End::Panicked(panic) => resume_unwind(panic),
                End::Cancelled(request) => {
                    self.awaiting
                        .get_or_insert_with(Awaiting::spare_or_new)
                        .raising = Some(Raise::new(request));
                }
            }
        }
        let awaiting = self.awaiting.as_mut();
        let raising = awaiting.and_then(|awaiting| awaiting.raising.as_mut());
        match raising.map(|raise| Pin::new(raise).poll(cx)) {
            Some(Poll::Ready(never)) => match never {},
            _ => Poll::Pending,
        }
    }

    fn take_end(&mut self) -> End<T> {
        let awaiting = self.awaiting.as_mut();
        let forwarded = awaiting.and_then(|awaiting| awaiting.forwarded.clone());
        let end = match self.output.take() {
            Some(Ok(value)) => End::Value(value),
            Some(Err(panic)) => End::Panicked(panic),
            None => {
                let own = || self.0.header().reason().map(Request::outside);
                let request = forwarded.clone().or_else(own);
                End::Cancelled(
                    request.expect("the output is taken once, and a cancelled task has its reason"),
                )
            }
        };
        if let Some(awaiting) = self.awaiting.as_mut() {
            awaiting.leave(match (&forwarded, &end) {
                (Some(_), End::Value(_)) => Some(true),
                (Some(_), End::Cancelled(_)) => Some(false),
                _ => None,
            });
        }
        end
    }
}

impl Awaiting {
    fn spare_or_new() -> Box<Awaiting> {
        spares::take(&SPARE).unwrap_or_default()
    }

    /// Takes the awaiter's place below the current handler.
    fn enter(&mut self, cx: &mut Context<'_>) -> Entered {
        if !self.handler.is_linked() && !current::is_inside() {
            return Entered::Go;
        }
        self.handler.enter(cx.waker())
    }

    /// Passes the request that arrived at the awaiter on to the task.
    fn forward(&mut self, task: &TaskHandle) {
        let forwarded = self.handler.now(|entries, at, _| entries.forward(at));
        if let Some(request) = forwarded.flatten() {
            task.request(request.reason.clone());
            self.forwarded = Some(request);
        }
    }

    /// The task has ended. Of a request that was passed on to it, `absorbed` says whether it has
    /// dealt with it; otherwise the caller raises it.
    fn leave(&mut self, absorbed: Option<bool>) {
        let Some(absorbed) = absorbed else {
            return self.handler.leave(Entries::leave_at_once);
        };
        self.handler.leave(|entries, at, after| {
            entries.begin_exit(at);
            entries.leave(at, None, absorbed, after);
        });
    }
}

impl<T> Deref for Task<T> {
    type Target = TaskHandle;

    fn deref(&self) -> &TaskHandle {
        self.output.handle()
    }
}

impl<T> Future for Task<T> {
    type Output = T;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        if self.awaiting.is_none()
            && let Some(Ok(value)) = self.output.take_at_once()
        {
            return Poll::Ready(value);
        }
        self.poll_value(cx)
    }
}

impl<T> Unpin for Task<T> {}

impl<T> Drop for Task<T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(awaiting) = self.awaiting.take() {
            self.give_up(awaiting);
        }
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// Awaits a task without passing requests on; the future of [`Task::shielded`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct Shielded<T>(Task<T>);

impl<T> Future for Shielded<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let task = &mut self.0;
        let awaiting = task.awaiting.get_or_insert_with(Awaiting::spare_or_new);
        let awaited = task.output.task();
        if awaited.add_joiner(&mut awaiting.place, cx.waker()) {
            return Poll::Pending;
        }
        Pin::new(task).poll(cx)
    }
}
