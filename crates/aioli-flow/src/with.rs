//! Clean-up that may await and always runs: `with` and `finally`.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use aioli_task::{adopt, exit, is_debug, report, shield};

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
    let mut guard = Guard(Some(resource));
    async move {
        let out = hold(exit(body(guard.resource())).await);
        let closing = Closing::new(guard.take().aclose());
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
    let mut guard = TryGuard(Some(resource));
    async move {
        let out = hold(exit(body(guard.resource())).await);
        let mut failure = None;
        let resource = guard.take();
        shield(async { failure = resource.try_close().await.err() }).await;
        let value = leave(out).await;
        match failure {
            None => Ok(value),
            Some(failure) => Err(failure),
        }
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

/// A resource that must be closed.
struct Guard<R: AsyncClose + 'static>(Option<R>);

impl<R: AsyncClose + 'static> Guard<R> {
    fn resource(&mut self) -> &mut R {
        self.0
            .as_mut()
            .expect("the resource is here until it is closed")
    }

    fn take(&mut self) -> R {
        self.0.take().expect("the resource is closed once")
    }
}

impl<R: AsyncClose + 'static> Drop for Guard<R> {
    fn drop(&mut self) {
        if let Some(resource) = self.0.take() {
            adopt(resource.aclose());
        }
    }
}

/// Like [`Guard`], for resources whose closing can fail.
struct TryGuard<R: TryClose + 'static>(Option<R>);

impl<R: TryClose + 'static> TryGuard<R> {
    fn resource(&mut self) -> &mut R {
        self.0
            .as_mut()
            .expect("the resource is here until it is closed")
    }

    fn take(&mut self) -> R {
        self.0.take().expect("the resource is closed once")
    }
}

impl<R: TryClose + 'static> Drop for TryGuard<R> {
    fn drop(&mut self) {
        if let Some(resource) = self.0.take() {
            adopt(async move {
                // Nobody is left to hear of a failure.
                let _ = resource.try_close().await;
            });
        }
    }
}

/// A closing under way. When it is dropped half-way, the loop finishes it: that is why it is boxed.
pub(crate) struct Closing<C: Future<Output = ()> + 'static>(Option<Pin<Box<C>>>);

impl<C: Future<Output = ()> + 'static> Closing<C> {
    pub(crate) fn new(closing: C) -> Closing<C> {
        Closing(Some(Box::pin(closing)))
    }
}

impl<C: Future<Output = ()> + 'static> Future for Closing<C> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // Out of its place while it is polled: after a panic there is nothing to finish.
        let mut closing = self
            .0
            .take()
            .expect("a future must not be polled after it is done");
        let polled = closing.as_mut().poll(cx);
        if polled.is_pending() {
            self.0 = Some(closing);
        }
        polled
    }
}

impl<C: Future<Output = ()> + 'static> Drop for Closing<C> {
    fn drop(&mut self) {
        if let Some(closing) = self.0.take() {
            adopt(closing);
        }
    }
}

impl<C: Future<Output = ()> + 'static> fmt::Debug for Closing<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closing")
            .field("done", &self.0.is_none())
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
