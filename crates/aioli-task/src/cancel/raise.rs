//! `Cancelled`: a request in the hands of the code around a handler, and how it is passed on.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::current;
use super::place::LeafPlace;
use super::reason::{Origin, Reason, Request};
use super::tree::{Address, Spot};
use super::unwinder::Unwinder;

/// A request to cancel that a handler has taken.
///
/// Dropping it consumes the request; [`raise`](Cancelled::raise) passes it on. It is no
/// [`Error`](std::error::Error), so that `?` cannot turn a cancellation into a failure, and it
/// cannot be cloned, so that one request is answered once.
#[doc(alias = "asyncio.CancelledError")]
#[must_use = "dropping it consumes the request; `raise` passes it on"]
pub struct Cancelled {
    request: Request,
    is_raised: bool,
}

impl Cancelled {
    /// A cancellation that comes from the caller, to be [raised](Cancelled::raise).
    pub fn new(reason: Reason) -> Cancelled {
        Cancelled {
            request: Request::outside(Arc::new(reason)),
            is_raised: true,
        }
    }

    pub(crate) fn taken(request: Request, is_raised: bool) -> Cancelled {
        Cancelled { request, is_raised }
    }

    pub(super) fn into_request(self) -> Request {
        self.request
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.request.reason
    }

    /// Why, shared.
    #[must_use]
    pub fn to_reason(&self) -> Arc<Reason> {
        self.request.reason.clone()
    }

    /// Whether this is the own unwind of the scope behind `unwinder`, and not the request of
    /// somebody else.
    #[must_use]
    pub fn is_from(&self, unwinder: &Unwinder) -> bool {
        self.is_of(unwinder.origin())
    }

    /// Whether this is the own unwind of the scope that is so named, if it has a name.
    pub(super) fn is_of(&self, origin: Option<Origin>) -> bool {
        origin.is_some() && self.request.origin == origin
    }

    /// Whether it came from inside the handler that took it (an awaited task that others
    /// cancelled, a `raise`, the scope's own unwind), so that nobody else was asked. Otherwise it
    /// came from above the handler, and the handlers beside it have been asked as well.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.is_raised
    }

    /// Passes the request on to the next handler outwards, which drops the caller: bare `raise`.
    ///
    /// # Cancel safety
    ///
    /// Never returns; it is ended by being dropped.
    ///
    /// # Panics
    ///
    /// Where nothing can unwind: outside of every task and every handler.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_task::{catch, run, spawn, yield_now};
    ///
    /// run(async {
    ///     let task = spawn(async {
    ///         if let Err(cancelled) = catch(std::future::pending::<()>()).await {
    ///             cancelled.raise().await
    ///         }
    ///     });
    ///     yield_now().await;
    ///     task.cancel();
    ///     assert!(task.outcome().await.is_err());
    /// });
    /// ```
    pub async fn raise(self) -> ! {
        match Raise::new(self.request).await {}
    }

    /// Like [`raise`](Cancelled::raise), for futures that are written by hand.
    ///
    /// # Cancel safety
    ///
    /// It never ends by itself, but by being dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_task::{catch, run, spawn, yield_now};
    ///
    /// run(async {
    ///     let task = spawn(async {
    ///         if let Err(cancelled) = catch(std::future::pending::<()>()).await {
    ///             match cancelled.into_raising().await {}
    ///         }
    ///     });
    ///     yield_now().await;
    ///     task.cancel();
    ///     assert!(task.outcome().await.is_err());
    /// });
    /// ```
    pub fn into_raising(self) -> Raising {
        Raising(Raise::new(self.request))
    }

    /// Keeps the request for the time of a clean-up: it is passed on whatever happens.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_task::{Exit, exit, run, shield, spawn, yield_now};
    ///
    /// run(async {
    ///     let task = spawn(async {
    ///         if let Exit::Cancelled(cancelled) = exit(std::future::pending::<()>()).await {
    ///             let kept = cancelled.keep();
    ///             shield(yield_now()).await; // if this future is dropped here, `kept` passes it on
    ///             kept.raise().await
    ///         }
    ///     });
    ///     yield_now().await;
    ///     task.cancel();
    ///     assert!(task.outcome().await.is_err());
    /// });
    /// ```
    pub fn keep(self) -> Kept {
        Kept {
            cancelled: Some(self),
            around: current::with(|around| around.map(Spot::address)),
        }
    }
}

/// A request that is passed on in any case: raised by its holder, or, when the holder is dropped
/// before it gets there, handed to the handler around it. See [`Cancelled::keep`].
///
/// What was [raised inside](Cancelled::is_raised) ends with its holder: it is nobody's request to
/// the code around.
#[must_use = "dropping it passes the request on at once"]
pub struct Kept {
    cancelled: Option<Cancelled>,
    /// The handler around the holder, or where it has been.
    ///
    /// If it has moved to another tree since and knows of it, nothing is found here any more. It
    /// is then the current handler while it drops its body, in which the holder is.
    around: Option<Address>,
}

impl Kept {
    /// The request.
    pub fn cancelled(&self) -> &Cancelled {
        self.cancelled
            .as_ref()
            .expect("it is there until it is passed on")
    }

    /// Takes the request out, to be consumed.
    pub fn into_inner(mut self) -> Cancelled {
        self.cancelled
            .take()
            .expect("it is there until it is passed on")
    }

    /// Passes the request on, as [`Cancelled::raise`] does.
    ///
    /// # Cancel safety
    ///
    /// Never returns; dropped before its first poll, it hands the request to the handler around.
    ///
    /// # Panics
    ///
    /// As [`Cancelled::raise`].
    pub async fn raise(mut self) -> ! {
        let request = self.cancelled.take().map(Cancelled::into_request);
        match Raise::new(request.expect("it is there until it is passed on")).await {}
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let Some(cancelled) = self.cancelled.take().filter(|kept| !kept.is_raised()) else {
            return;
        };
        let request = cancelled.into_request();
        let request = match self.around.take() {
            Some(around) => around.spot().deliver(request),
            None => Err(request),
        };
        if let Err(request) = request {
            // Where nobody is around, there is nobody to cancel.
            current::with(|around| around.map(|around| around.deliver(request)));
        }
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kept").field(&self.cancelled).finish()
    }
}

impl fmt::Debug for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancelled")
            .field("reason", &self.request.reason)
            .finish()
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.request.reason, f)
    }
}

/// The future of [`Cancelled::into_raising`]: passes a request on, and never ends.
///
/// # Panics
///
/// Its poll does where nothing can unwind: outside of every task and every handler.
#[must_use = "futures do nothing unless awaited"]
pub struct Raising(Raise);

impl Future for Raising {
    type Output = Infallible;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Infallible> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl fmt::Debug for Raising {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Raising").finish_non_exhaustive()
    }
}

/// Raises a request at the handler it is polled under, and waits to be dropped.
pub(crate) struct Raise {
    request: Option<Request>,
    place: LeafPlace,
}

impl Raise {
    pub(crate) fn new(request: Request) -> Raise {
        Raise {
            request: Some(request),
            place: LeafPlace::default(),
        }
    }
}

impl Future for Raise {
    type Output = Infallible;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Infallible> {
        let this = &mut *self;
        // Who has raised is not asked once more; polled elsewhere, it raises again there.
        let _ = this.place.enter(cx.waker());
        let has_parent = this
            .place
            .now(|entries, at, after| match this.request.take() {
                Some(request) => entries.raise(at, request, after),
                None => entries.has_parent(at),
            });
        assert!(
            has_parent == Some(true),
            "cancelled where nothing can unwind: no aioli task or scope is around this \
             future; use `outcome()` or `catch` here"
        );
        Poll::Pending
    }
}

impl Drop for Raise {
    fn drop(&mut self) {
        self.place.leave(|entries, at, after| {
            entries.begin_exit(at);
            entries.leave(at, None, false, after);
        });
    }
}
