//! The primitive handler: runs a body and tells which of the three ways out it took.
#![expect(
    unsafe_code,
    reason = "pins the body inside its handler, without an allocation"
)]

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use super::current::{self, InHandler};
use super::raise::Cancelled;
use super::reason::{Reason, Request};
use super::tree::{Entered, Node, NodeRef};

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
    /// The handler's place in the tree; made when the body is first pending or somebody asks.
    node: OnceLock<NodeRef>,
    is_shield: bool,
}

impl<F> ExitFuture<F> {
    pub(super) fn new(f: F, is_shield: bool) -> ExitFuture<F> {
        ExitFuture {
            body: Some(f),
            node: OnceLock::new(),
            is_shield,
        }
    }

    /// A handle with which this scope asks its own body to end.
    ///
    /// It may be taken before the first poll; a body that is asked by then is never polled.
    pub fn unwinder(&self) -> Unwinder {
        Unwinder(
            self.node
                .get_or_init(|| Node::detached(self.is_shield))
                .clone(),
        )
    }

    /// Takes the handlers inside out of the tree until the next poll, and takes back what they
    /// have been asked; for bodies that are set aside between two polls, as a generator is.
    pub fn set_aside(self: Pin<&mut Self>) {
        if let Some(node) = self.node.get() {
            node.set_aside();
        }
    }

    /// Turns the handler into a shield, or back.
    ///
    /// While it is one, requests from outside wait at it; what the body raises, and the scope's
    /// own [unwind](Unwinder::unwind), pass. A request that is under way inside goes on. When it
    /// stops being a shield, the request that has waited goes in.
    pub fn set_shield(self: Pin<&mut Self>, is_shield: bool) {
        self.unwinder().set_shield(is_shield);
    }

    /// Whether no request is under way inside: what the body was asked, if it was, has been
    /// consumed there, so that it may be asked again.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.node.get().is_none_or(|node| node.is_settled())
    }

    fn project(self: Pin<&mut Self>) -> (Pin<&mut Option<F>>, &mut OnceLock<NodeRef>) {
        // SAFETY: nothing is moved out of `this`, and `body` is handed on pinned (invariant).
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: `body` is a field of a pinned value and is structurally pinned (invariant).
        let body = unsafe { Pin::new_unchecked(&mut this.body) };
        (body, &mut this.node)
    }
}

impl<F: Future> Future for ExitFuture<F> {
    type Output = Exit<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let is_shield = self.is_shield;
        let (mut body, place) = self.project();
        if let Some(node) = place.get()
            && node.enter(current::node().as_ref(), cx.waker()) == Entered::Asked
        {
            return Poll::Ready(cancelled(body, place));
        }
        let frame = InHandler::enter(place.take(), is_shield);
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let body = body.as_mut().as_pin_mut();
            body.expect("a future must not be polled after it is done")
                .poll(cx)
        }));
        let linked = frame.leave();
        if let Some(node) = linked {
            *place = OnceLock::from(node);
        }
        match polled {
            Ok(Poll::Ready(value)) => match finish(body, place) {
                Ok(()) => Poll::Ready(Exit::Value(value)),
                Err(panic) => Poll::Ready(Exit::Panicked(panic)),
            },
            Err(panic) => {
                // The first panic is the one to tell of.
                drop(finish(body, place));
                Poll::Ready(Exit::Panicked(panic))
            }
            Ok(Poll::Pending) => {
                let below = || Node::below(current::node().as_ref(), is_shield);
                match suspend(place.get_or_init(below), cx) {
                    Entered::Asked => Poll::Ready(cancelled(body, place)),
                    Entered::Go => Poll::Pending,
                }
            }
        }
    }
}

/// The body is pending. Where this is the outermost handler, it judges as a task does which of
/// the handlers below nobody polls any more.
fn suspend(node: &NodeRef, cx: &mut Context<'_>) -> Entered {
    if node.suspend(cx.waker()) == Entered::Asked {
        return Entered::Asked;
    }
    if node.is_unsettled_root() && node.judge_outermost() {
        cx.waker().wake_by_ref();
    }
    node.look()
}

/// Ends a handler whose body is done. A request that it holds goes to its parent.
fn finish<F>(body: Pin<&mut Option<F>>, place: &mut OnceLock<NodeRef>) -> Result<(), Payload> {
    let Some(node) = place.take() else {
        return drop_body(body, None);
    };
    let held = node.begin_exit().request;
    let dropped = drop_body(body, Some(&node));
    node.leave(held, false);
    dropped
}

/// Ends an asked handler: drops its body without polling it again, and consumes the request.
fn cancelled<F, T>(body: Pin<&mut Option<F>>, place: &mut OnceLock<NodeRef>) -> Exit<T> {
    let node = place.take().expect("an asked handler is linked");
    let held = node.begin_exit();
    let request = held.request.expect("an asked handler holds the request");
    match drop_body(body, Some(&node)) {
        Ok(()) => {
            node.leave(None, true);
            Exit::Cancelled(Cancelled::taken(request, held.is_raised))
        }
        Err(panic) => {
            node.leave(Some(request), false);
            Exit::Panicked(panic)
        }
    }
}

/// What a panic carries.
type Payload = Box<dyn Any + Send>;

/// Drops a body in its place, under its own handler; a panic of its `Drop` is the body's panic.
fn drop_body<F>(mut body: Pin<&mut Option<F>>, node: Option<&NodeRef>) -> Result<(), Payload> {
    let _frame = node.map(|node| current::Base::enter(Some(node.clone())));
    catch_unwind(AssertUnwindSafe(|| body.set(None)))
}

impl<F> Drop for ExitFuture<F> {
    fn drop(&mut self) {
        let Some(node) = self.node.take() else { return };
        let held = node.begin_exit().request;
        let left = Leave { node, held };
        let _frame = current::Base::enter(Some(left.node.clone()));
        self.body = None;
    }
}

/// Leaves the tree when dropped, so that it happens even if the body's `Drop` panics.
struct Leave {
    node: NodeRef,
    held: Option<Request>,
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.node.leave(self.held.take(), false);
    }
}

impl<F> fmt::Debug for ExitFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExitFuture")
            .field("done", &self.body.is_none())
            .field("linked", &self.node.get().is_some())
            .finish()
    }
}

/// Asks the body of one [`ExitFuture`] to end, on behalf of the scope that owns it.
#[derive(Clone)]
pub struct Unwinder(NodeRef);

impl Unwinder {
    /// Asks the innermost handlers inside the body; where there is none, the body is dropped.
    ///
    /// This is the scope's own unwind and no outside request: when it comes out of the body,
    /// [`Cancelled::is_from`] tells it from a request of somebody else. Does nothing once the
    /// body is done.
    pub fn unwind(&self, reason: Reason) {
        self.0.deliver(Request {
            reason: Arc::new(reason),
            origin: Some(self.0.id()),
        });
    }

    /// Turns the handler into a shield, or back; see [`ExitFuture::set_shield`].
    pub fn set_shield(&self, is_shield: bool) {
        self.0.set_shield(is_shield);
    }

    /// Whether the caller runs inside the body with no shield between, so that what the scope asks
    /// strikes the caller.
    #[must_use]
    pub fn reaches_caller(&self) -> bool {
        current::node().is_some_and(|node| node.is_reached_from(&self.0))
    }

    /// The last request that reached the body from outside of it, whether it is under way or has
    /// been consumed inside; to be compared with [`Cancelled::to_reason`] by address.
    #[must_use]
    pub fn last_request(&self) -> Option<Arc<Reason>> {
        self.0.last_request().map(|request| request.reason)
    }

    pub(super) fn is_origin(&self, request: &Request) -> bool {
        request.origin == Some(self.0.id())
    }
}

impl fmt::Debug for Unwinder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Unwinder").field(&self.0.id()).finish()
    }
}
