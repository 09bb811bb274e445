//! Clean-up that may await and always runs: `with` and `finally`.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use aioli_task::{adopt_at, exit, is_debug, report, shield};

use crate::branch::{hold, leave};

/// A resource whose closing may await: asyncio's asynchronous context manager.
///
/// # Examples
///
/// ```
/// use aioli_flow::{AsyncClose, with};
/// use aioli_time::sleep;
/// use std::time::Duration;
///
/// struct Connection;
///
/// impl AsyncClose for Connection {
///     async fn aclose(self) {
///         sleep(Duration::from_millis(1)).await; // says good-bye
///     }
/// }
///
/// aioli_task::run(async {
///     with(Connection, async |_connection| println!("using it")).await;
/// });
/// ```
#[doc(alias = "contextlib.AbstractAsyncContextManager")]
#[doc(alias = "__aexit__")]
pub trait AsyncClose: Sized {
    /// Closes the resource. Closing cannot fail; see [`TryClose`] for what can.
    ///
    /// # Cancel safety
    ///
    /// [`with`] shields it: a request to cancel waits until it is done.
    #[doc(alias = "contextlib.aclosing")]
    fn aclose(self) -> impl Future<Output = ()>;
}

/// A resource whose closing may await and can fail.
pub trait TryClose: Sized {
    /// Why closing failed.
    type Error;

    /// Closes the resource.
    ///
    /// # Cancel safety
    ///
    /// [`try_with`] shields it: a request to cancel waits until it is done.
    ///
    /// # Errors
    ///
    /// When the resource could not be closed properly.
    fn try_close(self) -> impl Future<Output = Result<(), Self::Error>>;
}

/// Runs `body` with a resource, and closes the resource on every way out.
///
/// `aclose` is awaited when the body returns, when it panics, and when it is cancelled; requests
/// to cancel wait until it is done. The resource is guarded from the call on: a future of `with`
/// that is dropped, polled or not, hands the resource to the loop, which closes it; that is the
/// only case in which `aclose` is not awaited here. On a thread without a loop the resource is
/// dropped plainly then, and that is reported. A resource that borrows cannot be handed over:
/// use [`finally`] for it.
///
/// # Cancel safety
///
/// A request to cancel goes to the body, and the resource is closed before it goes on outwards.
///
/// # Panics
///
/// When the body or `aclose` panics.
///
/// # Examples
///
/// ```
/// use aioli_flow::{AsyncClose, with};
/// use std::{cell::Cell, rc::Rc};
///
/// struct Resource(Rc<Cell<bool>>);
///
/// impl AsyncClose for Resource {
///     async fn aclose(self) {
///         self.0.set(true);
///     }
/// }
///
/// aioli_task::run(async {
///     let closed = Rc::new(Cell::new(false));
///     let seen = with(Resource(closed.clone()), async |resource| resource.0.get()).await;
///     assert!(!seen && closed.get());
/// });
/// ```
#[doc(alias = "async with")]
#[track_caller]
#[must_use = "futures do nothing unless awaited"]
pub fn with<R, T, B>(resource: R, body: B) -> impl Future<Output = T>
where
    R: AsyncClose + 'static,
    B: AsyncFnOnce(&mut R) -> T,
{
    let close = |resource: R, made_at| adopt_at(resource.aclose(), made_at);
    let mut guard = Guard::new(resource, close, Location::caller());
    async move {
        let out = hold(exit(body(guard.resource())).await);
        let closing = Closing::new(guard.take().aclose(), guard.made_at);
        shield(closing).await;
        leave(out).await
    }
}

/// Runs `body` with a resource, closes the resource on every way out, and tells if that failed.
///
/// Like [`with`] otherwise. When the body returned a value, an error of closing is returned instead
/// of it; when the body panics or is cancelled, the error of closing is dropped.
///
/// # Cancel safety
///
/// A request to cancel goes to the body, and the resource is closed before it goes on outwards.
///
/// # Errors
///
/// What [`TryClose::try_close`] returned.
///
/// # Panics
///
/// When the body or `try_close` panics.
///
/// # Examples
///
/// ```
/// use aioli_flow::{TryClose, try_with};
///
/// struct Log;
///
/// impl TryClose for Log {
///     type Error = &'static str;
///     async fn try_close(self) -> Result<(), &'static str> {
///         Err("the disk is full")
///     }
/// }
///
/// aioli_task::run(async {
///     let written = try_with(Log, async |_log| 7).await;
///     assert_eq!(written, Err("the disk is full"));
/// });
/// ```
#[track_caller]
#[must_use = "futures do nothing unless awaited"]
pub fn try_with<R, T, B>(resource: R, body: B) -> impl Future<Output = Result<T, R::Error>>
where
    R: TryClose + 'static,
    B: AsyncFnOnce(&mut R) -> T,
{
    // Nobody is left to hear of a failure.
    let close = |resource: R, made_at| {
        adopt_at(async move { drop(resource.try_close().await) }, made_at);
    };
    let mut guard = Guard::new(resource, close, Location::caller());
    async move {
        let out = hold(exit(body(guard.resource())).await);
        let closing = Closing::new(guard.take().try_close(), guard.made_at);
        let closed = shield(closing).await;
        let value = leave(out).await;
        closed.map(|()| value)
    }
}

/// Runs `body`, and then `cleanup` on every way out: `try … finally`.
///
/// `cleanup` is awaited when the body returns, when it panics, and when it is cancelled; requests
/// to cancel wait until it is done. It may borrow, and so it cannot be handed to the loop: when
/// foreign code drops a `finally` half-way (a loser of `futures::select!`), the clean-up is lost,
/// which debug mode reports. Inside our own combinators that never happens. A `finally` that was
/// never polled has not begun and cleans up nothing. A resource that need not borrow is safer with
/// [`with`].
///
/// # Cancel safety
///
/// A request to cancel goes to the body, and the clean-up is awaited before it goes on outwards.
///
/// # Panics
///
/// When the body or the clean-up panics; of two panics the clean-up's comes out.
///
/// # Examples
///
/// ```
/// use aioli_flow::finally;
///
/// aioli_task::run(async {
///     let mut log = Vec::new();
///     let (body, cleanup) = (async { 1 }, async { log.push("cleaned up") });
///     assert_eq!(finally(body, cleanup).await, 1);
///     assert_eq!(log, ["cleaned up"]);
/// });
/// ```
#[doc(alias = "try")]
#[track_caller]
#[must_use = "futures do nothing unless awaited"]
pub fn finally<F: Future, C: Future<Output = ()>>(
    body: F,
    cleanup: C,
) -> impl Future<Output = F::Output> {
    let location = Location::caller();
    async move {
        let mut unfinished = Unfinished(Some(location));
        let out = hold(exit(body).await);
        shield(cleanup).await;
        unfinished.0 = None;
        leave(out).await
    }
}

/// A resource that must be closed, and how the loop closes it when the guard is dropped.
struct Guard<R, C: Fn(R, Place)> {
    resource: Option<R>,
    close: C,
    made_at: Place,
}

/// A place in the source, where what needs a clean-up was made.
pub(crate) type Place = &'static Location<'static>;

impl<R, C: Fn(R, Place)> Guard<R, C> {
    fn new(resource: R, close: C, made_at: Place) -> Guard<R, C> {
        Guard {
            resource: Some(resource),
            close,
            made_at,
        }
    }

    fn resource(&mut self) -> &mut R {
        let resource = self.resource.as_mut();
        resource.expect("the resource is here until it is closed")
    }

    fn take(&mut self) -> R {
        let resource = self.resource.take();
        resource.expect("the resource is closed once")
    }
}

impl<R, C: Fn(R, Place)> Drop for Guard<R, C> {
    fn drop(&mut self) {
        if let Some(resource) = self.resource.take() {
            (self.close)(resource, self.made_at);
        }
    }
}

/// A closing under way. When it is dropped half-way, the loop finishes it: that is why it is boxed.
pub(crate) struct Closing<C: Future + 'static> {
    rest: Option<Pin<Box<C>>>,
    made_at: Place,
}

impl<C: Future + 'static> Closing<C> {
    pub(crate) fn new(closing: C, made_at: Place) -> Closing<C> {
        Closing {
            rest: Some(Box::pin(closing)),
            made_at,
        }
    }
}

impl<C: Future + 'static> Future for Closing<C> {
    type Output = C::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<C::Output> {
        // Out of its place while it is polled: after a panic there is nothing to finish.
        let mut closing = self
            .rest
            .take()
            .expect("a future must not be polled after it is done");
        let polled = closing.as_mut().poll(cx);
        if polled.is_pending() {
            self.rest = Some(closing);
        }
        polled
    }
}

impl<C: Future + 'static> Drop for Closing<C> {
    fn drop(&mut self) {
        if let Some(closing) = self.rest.take() {
            // Nobody is left to hear of a failure.
            adopt_at(async move { drop(closing.await) }, self.made_at);
        }
    }
}

impl<C: Future + 'static> fmt::Debug for Closing<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closing")
            .field("done", &self.rest.is_none())
            .finish()
    }
}

/// A clean-up that cannot be handed to the loop and has not run to its end.
struct Unfinished(Option<&'static Location<'static>>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(location) = self.0
            && is_debug()
            && !std::thread::panicking()
        {
            report(format!(
                "the clean-up of a `finally` was lost: it was dropped, at {location}"
            ));
        }
    }
}
