//! The primitive handler: runs a body and tells which of the three ways out it took.
#![expect(
    unsafe_code,
    reason = "pins the body inside its handler, without an allocation"
)]

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::mem::{self, ManuallyDrop};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::handler::Handler;
use super::raise::Cancelled;
use super::reason::Reason;
use super::tree::{Entered, Entries};
use super::unwinder::Unwinder;

/// How a body ended.
#[derive(Debug)]
pub enum Exit<T> {
    /// It returned.
    Value(T),
    /// A request to cancel arrived, and the body has been dropped.
    Cancelled(Cancelled),
    /// It panicked, in its poll or while it was dropped.
    Panicked(Box<dyn Any + Send>),
}

/// Runs `f` as a handler: the primitive on which `catch`, scopes and groups stand.
///
/// A request to cancel that arrives while `f` is suspended, and that no handler inside `f` takes,
/// drops `f` and comes out as [`Exit::Cancelled`]; the code after the `await` may await, and
/// decides whether the request is consumed or [raised](Cancelled::raise). A panic comes out as
/// [`Exit::Panicked`].
///
/// # Cancel safety
///
/// Dropping the returned future drops `f`; a request it holds goes to the next handler outwards.
///
/// # Examples
///
/// ```
/// use aioli_task::{Exit, exit, run, spawn, yield_now};
///
/// run(async {
///     let task = spawn(async {
///         match exit(std::future::pending::<()>()).await {
///             Exit::Cancelled(_) => "cleaned up",
///             _ => unreachable!("the body never ends by itself"),
///         }
///     });
///     yield_now().await;
///     task.cancel();
///     assert_eq!(task.await, "cleaned up");
/// });
/// ```
pub fn exit<F: Future>(f: F) -> ExitFuture<F> {
    ExitFuture::new(f, false)
}

/// Runs `f`; a request to cancel comes out as `Err(Cancelled)`: `try … except CancelledError`.
///
/// The request is consumed unless the caller [raises](Cancelled::raise) it. Panics pass through.
///
/// # Cancel safety
///
/// Dropping the returned future drops `f`; a request it holds goes to the next handler outwards.
///
/// # Examples
///
/// ```
/// use aioli_task::{catch, run, spawn, yield_now};
///
/// run(async {
///     let task = spawn(async { catch(std::future::pending::<()>()).await.is_err() });
///     yield_now().await;
///     task.cancel();
///     assert!(task.await);
/// });
/// ```
#[doc(alias = "asyncio.CancelledError")]
#[must_use = "futures do nothing unless awaited"]
pub fn catch<F: Future>(f: F) -> impl Future<Output = Result<F::Output, Cancelled>> {
    let body = exit(f);
    async move {
        match body.await {
            Exit::Value(value) => Ok(value),
            Exit::Cancelled(cancelled) => Err(cancelled),
            Exit::Panicked(panic) => resume_unwind(panic),
        }
    }
}

/// The future of [`exit`].
///
/// # Invariants
///
/// `body` is structurally pinned: it is dropped in place and never moved once polled.
#[must_use = "futures do nothing unless awaited"]
pub struct ExitFuture<F> {
    body: Option<F>,
    /// Dropped by `drop`, which has seldom anything to do.
    handler: ManuallyDrop<Handler>,
}

impl<F> ExitFuture<F> {
    pub(super) fn new(f: F, is_shield: bool) -> ExitFuture<F> {
        ExitFuture {
            body: Some(f),
            handler: ManuallyDrop::new(Handler::new(is_shield)),
        }
    }

    /// A handle with which this scope asks its own body to end, from anywhere.
    ///
    /// It may be taken before the first poll; a body that is asked by then is never polled. A
    /// scope that asks where it also polls needs none: see [`unwind`](ExitFuture::unwind).
    pub fn unwinder(&self) -> Unwinder {
        Unwinder(self.handler.share())
    }

    /// Asks the innermost handlers inside the body to end; where there is none, the body is
    /// dropped at the next poll.
    ///
    /// This is the scope's own unwind, as [`Unwinder::unwind`] is.
    pub fn unwind(self: Pin<&mut Self>, reason: Reason) {
        self.project().1.unwind(reason);
    }

    /// Whether `cancelled` is this scope's own unwind, and not the request of somebody else.
    #[must_use]
    pub fn is_own(&self, cancelled: &Cancelled) -> bool {
        self.handler.is_own(cancelled)
    }

    /// The last request that reached the body from outside of it; see
    /// [`Unwinder::last_request`].
    #[must_use]
    pub fn last_request(&self) -> Option<Arc<Reason>> {
        self.handler.last_request()
    }

    /// Whether what the body was asked has been dealt with: consumed inside it, or there was
    /// nothing. A scope whose body is to end at any cost asks again when it suspends once more.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_task::{Exit, Reason, ReasonKind, catch, exit, run};
    /// use std::future::{pending, poll_fn};
    /// use std::pin::pin;
    ///
    /// run(async {
    ///     // A body that does not want to end.
    ///     let mut scope = pin!(exit(async {
    ///         for _ in 0..3 {
    ///             let _ = catch(pending::<()>()).await;
    ///         }
    ///     }));
    ///     let mut asked = 0;
    ///     let ended = poll_fn(|cx| loop {
    ///         if let ready @ std::task::Poll::Ready(_) = scope.as_mut().poll(cx) {
    ///             return ready;
    ///         }
    ///         if scope.is_settled() {
    ///             scope.as_mut().unwind(Reason::new(ReasonKind::Scope));
    ///             asked += 1;
    ///         }
    ///     });
    ///     assert!(matches!(ended.await, Exit::Value(())));
    ///     assert_eq!(asked, 3);
    /// });
    /// ```
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.handler.is_settled()
    }

    /// Switches the shield of this scope, which keeps requests from outside waiting.
    ///
    /// Switched on, it keeps what comes from then on; what is on its way inside already goes on.
    /// Switched off, what it has kept is delivered. The scope's [own unwinds](ExitFuture::unwind)
    /// pass it, and what is raised inside comes out.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_task::{Exit, exit, run, spawn, yield_now};
    /// use std::future::{pending, poll_fn};
    /// use std::{pin::pin, task::Poll};
    ///
    /// run(async {
    ///     let task = spawn(async {
    ///         let mut scope = pin!(exit(pending::<()>()));
    ///         scope.as_mut().set_shield(true);
    ///         for _ in 0..2 {
    ///             let polled = poll_fn(|cx| Poll::Ready(scope.as_mut().poll(cx))).await;
    ///             assert!(polled.is_pending());
    ///             yield_now().await; // the request comes here, and waits
    ///         }
    ///         scope.as_mut().set_shield(false);
    ///         matches!(scope.await, Exit::Cancelled(_))
    ///     });
    ///     yield_now().await;
    ///     task.cancel();
    ///     assert!(task.await);
    /// });
    /// ```
    pub fn set_shield(self: Pin<&mut Self>, is_on: bool) {
        self.project().1.set_shield(is_on);
    }

    /// Takes the handlers inside out of the tree until the next poll, and takes back what they
    /// have been asked; for bodies that are set aside between two polls, as a generator is.
    pub fn set_aside(self: Pin<&mut Self>) {
        self.project().1.set_aside();
    }

    fn project(self: Pin<&mut Self>) -> (Pin<&mut Option<F>>, &mut Handler) {
        // SAFETY: nothing is moved out of `this`, and `body` is handed on pinned (invariant).
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: `body` is a field of a pinned value and is structurally pinned (invariant).
        let body = unsafe { Pin::new_unchecked(&mut this.body) };
        (body, &mut this.handler)
    }
}

impl<F: Future> ExitFuture<F> {
    /// Like `poll`, for scopes that stop nothing but their own [`unwind`](ExitFuture::unwind).
    ///
    /// A panic of the body passes, and does not come out as [`Exit::Panicked`]; the body is dropped
    /// with this future then. And the scope is no handler until there is one inside it: a request
    /// from outside goes to the handler around the scope until then, which drops this future. So a
    /// scope with a [shield](ExitFuture::set_shield) is to be polled with `poll`.
    ///
    /// # Cancel safety
    ///
    /// That of [`exit`].
    ///
    /// # Panics
    ///
    /// When the body panics, in its poll or while it is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_task::{Exit, exit, run};
    /// use std::{future::poll_fn, pin::pin};
    ///
    /// run(async {
    ///     let mut body = pin!(exit(async { 42 }));
    ///     let ended = poll_fn(|cx| body.as_mut().poll_open(cx)).await;
    ///     assert!(matches!(ended, Exit::Value(42)));
    /// });
    /// ```
    // PERF: `timeout_ready`: a body that is ready at its first poll touches nothing but the pointer
    // to the current handler.
    #[inline]
    pub fn poll_open(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Exit<F::Output>> {
        let (mut body, handler) = self.project();
        if !handler.is_fresh() {
            return poll_again(body, handler, cx);
        }
        match handler.run_unlinked(|| poll_body(body.as_mut(), cx)) {
            Poll::Ready(value) if handler.is_fresh() => {
                body.set(None);
                Poll::Ready(Exit::Value(value))
            }
            Poll::Ready(value) => Poll::Ready(finish_open(body, handler, value)),
            // PERF: `timeout_yield`: nobody inside can be asked.
            Poll::Pending if handler.is_fresh() => Poll::Pending,
            Poll::Pending => suspend(body, handler, false, cx),
        }
    }
}

/// Polls a body that has been polled before, or asked.
#[inline(never)]
fn poll_again<F: Future>(
    mut body: Pin<&mut Option<F>>,
    handler: &mut Handler,
    cx: &mut Context<'_>,
) -> Poll<Exit<F::Output>> {
    if handler.enter(cx.waker()) == Entered::Asked {
        return Poll::Ready(open(cancelled(body, handler)));
    }
    let was_linked = handler.is_linked();
    match handler.run(|| poll_body(body.as_mut(), cx)) {
        Poll::Ready(value) => Poll::Ready(finish_open(body, handler, value)),
        Poll::Pending => suspend(body, handler, was_linked, cx),
    }
}

#[inline]
fn poll_body<F: Future>(body: Pin<&mut Option<F>>, cx: &mut Context<'_>) -> Poll<F::Output> {
    let body = body.as_pin_mut();
    body.expect("a future must not be polled after it is done")
        .poll(cx)
}

/// The body is pending: asked meanwhile, it is dropped.
#[inline(never)]
fn suspend<F, T>(
    body: Pin<&mut Option<F>>,
    handler: &mut Handler,
    was_linked: bool,
    cx: &mut Context<'_>,
) -> Poll<Exit<T>> {
    match handler.suspend(was_linked, cx.waker()) {
        Entered::Asked => Poll::Ready(open(cancelled(body, handler))),
        Entered::Go => Poll::Pending,
    }
}

/// The body is done, and its handler is in a tree.
#[inline(never)]
fn finish_open<F, T>(body: Pin<&mut Option<F>>, handler: &mut Handler, value: T) -> Exit<T> {
    match finish(body, handler) {
        Ok(()) => Exit::Value(value),
        Err(panic) => resume_unwind(panic),
    }
}

/// Lets a panic pass.
fn open<T>(exit: Exit<T>) -> Exit<T> {
    match exit {
        Exit::Panicked(panic) => resume_unwind(panic),
        exit => exit,
    }
}

impl<F: Future> Future for ExitFuture<F> {
    type Output = Exit<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (mut body, handler) = self.project();
        if handler.enter(cx.waker()) == Entered::Asked {
            return Poll::Ready(cancelled(body, handler));
        }
        let was_linked = handler.is_linked();
        let polled =
            handler.run(|| catch_unwind(AssertUnwindSafe(|| poll_body(body.as_mut(), cx))));
        match polled {
            Ok(Poll::Ready(value)) => match finish(body, handler) {
                Ok(()) => Poll::Ready(Exit::Value(value)),
                Err(panic) => Poll::Ready(Exit::Panicked(panic)),
            },
            Err(panic) => {
                // The first panic is the one to tell of.
                drop(finish(body, handler));
                Poll::Ready(Exit::Panicked(panic))
            }
            Ok(Poll::Pending) => match handler.suspend(was_linked, cx.waker()) {
                Entered::Asked => Poll::Ready(cancelled(body, handler)),
                Entered::Go => Poll::Pending,
            },
        }
    }
}

/// Ends a handler whose body is done, or dropped by others. A request that it holds goes to its
/// parent.
fn finish<F>(body: Pin<&mut Option<F>>, handler: &mut Handler) -> Result<(), Payload> {
    if handler.is_unlinked() {
        return drop_body(body);
    }
    if handler.is_quiet() {
        let dropped = match mem::needs_drop::<F>() {
            true => handler.run(|| drop_body(body)),
            false => drop_body(body),
        };
        if !handler.leave_as_leaf() {
            handler.leave(Entries::leave_at_once);
        }
        return dropped;
    }
    let held = handler.begin_exit().request;
    let dropped = handler.run(|| drop_body(body));
    handler.leave(|entries, at, after| entries.leave(at, held, false, after));
    dropped
}

/// Ends an asked handler: drops its body without polling it again, and consumes the request.
fn cancelled<F, T>(body: Pin<&mut Option<F>>, handler: &mut Handler) -> Exit<T> {
    let held = handler.begin_exit();
    let request = held.request.expect("an asked handler holds the request");
    match handler.run(|| drop_body(body)) {
        Ok(()) => {
            handler.leave(|entries, at, after| entries.leave(at, None, true, after));
            Exit::Cancelled(Cancelled::taken(request, held.is_raised))
        }
        Err(panic) => {
            handler.leave(|entries, at, after| entries.leave(at, Some(request), false, after));
            Exit::Panicked(panic)
        }
    }
}

/// What a panic carries.
type Payload = Box<dyn Any + Send>;

/// Drops a body in its place; a panic of its `Drop` is the body's panic.
fn drop_body<F>(mut body: Pin<&mut Option<F>>) -> Result<(), Payload> {
    catch_unwind(AssertUnwindSafe(|| body.set(None)))
}

impl<F> ExitFuture<F> {
    /// Leaves the tree, if the handler is in one, and drops it.
    #[cold]
    fn leave(&mut self) {
        let left = if self.handler.is_unlinked() {
            Ok(())
        } else {
            // SAFETY: what is pinned must not move before it is dropped: `drop` calls this, and the
            // value stays where it is.
            let (body, handler) = unsafe { Pin::new_unchecked(&mut *self) }.project();
            finish(body, handler)
        };
        // SAFETY: a value is dropped once, and not used afterwards: only `drop` calls this, at its
        // end.
        unsafe { ManuallyDrop::drop(&mut self.handler) };
        if let Err(panic) = left {
            resume_unwind(panic);
        }
    }
}

impl<F> Drop for ExitFuture<F> {
    #[inline]
    fn drop(&mut self) {
        if !self.handler.holds_nothing() {
            self.leave();
        }
    }
}

impl<F> fmt::Debug for ExitFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExitFuture")
            .field("done", &self.body.is_none())
            .field("linked", &self.handler.is_linked())
            .finish()
    }
}
