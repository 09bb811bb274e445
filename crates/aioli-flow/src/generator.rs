//! Asynchronous generators: a body that puts items, seen as a stream.

mod slot;

use std::convert::Infallible;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{Location, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use aioli_task::{Exit, ExitFuture, Reason, ReasonKind, adopt_at, exit, shield};
use futures_core::Stream;

use self::slot::Slot;
pub use self::slot::{Put, Yielder};
use crate::branch::{hold, leave};
use crate::with::{AsyncClose, Closing, Place};

/// Makes a stream of what `body` puts: an `async def` with `yield`.
///
/// The body runs while somebody waits for the next item, inside that task, and not ahead of it:
/// it is suspended at `y.put(item).await` until the following item is asked for. A request to
/// cancel that arrives meanwhile goes to the innermost handler inside the body, and then on to the
/// consumer; one that arrives while the generator is set aside does not reach it.
///
/// A generator that is not finished should be closed: [`Gen::aclose`], or [`with`](crate::with()).
/// Closing asks the body to end at the `put` where it is suspended, and awaits its clean-up. One
/// that is dropped half-way is closed by the loop; on a thread without a loop it is dropped plainly
/// and that is reported.
///
/// # Examples
///
/// ```
/// use aioli_flow::{Gen, generator};
/// use aioli_time::sleep;
/// use std::time::Duration;
///
/// fn countdown(n: u32) -> Gen<u32> {
///     generator(async move |y| {
///         for i in (1..=n).rev() {
///             y.put(i).await;
///             sleep(Duration::from_millis(1)).await;
///         }
///     })
/// }
///
/// aioli_task::run(async {
///     countdown(3).for_each(async |i| println!("{i}")).await;
/// });
/// ```
#[doc(alias = "yield")]
#[doc(alias = "collections.abc.AsyncGenerator")]
#[track_caller]
pub fn generator<T: 'static>(body: impl AsyncFnOnce(Yielder<T>) + 'static) -> Gen<T> {
    let slot = Arc::<Slot<T>>::default();
    let yielder = Yielder::new(slot.clone());
    let body: Body = Box::pin(async move { body(yielder).await });
    Gen {
        body: Some(exit(body)),
        slot,
        is_started: false,
        is_inside: false,
        raising: None,
        made_at: Location::caller(),
    }
}

type Body = Pin<Box<dyn Future<Output = ()>>>;

/// A stream of what a generator's body puts; see [`generator`].
///
/// It is not `Send`, because its body need not be.
#[must_use = "a generator does nothing unless it is asked for items"]
pub struct Gen<T: 'static> {
    /// The body, as a handler; gone when it has ended.
    body: Option<ExitFuture<Body>>,
    slot: Arc<Slot<T>>,
    is_started: bool,
    /// Whether the handlers of the body are in the consumer's tree.
    is_inside: bool,
    /// The consumer's cancellation, when the body was cancelled.
    raising: Option<Pin<Box<dyn Future<Output = Infallible>>>>,
    made_at: Place,
}

impl<T: 'static> Gen<T> {
    /// Waits for the next item; `None` when the body has ended.
    ///
    /// # Cancel safety
    ///
    /// A request to cancel goes to the body, and when its clean-up is done, to the caller; the
    /// generator has ended then. When the future is dropped instead, nothing is lost: the body is
    /// set aside and goes on when the next item is asked for.
    ///
    /// # Panics
    ///
    /// When the body panics.
    #[doc(alias = "__anext__")]
    #[expect(
        clippy::should_implement_trait,
        reason = "the method of `async for`, not of `for`"
    )]
    pub fn next(&mut self) -> Next<'_, T> {
        Next(self)
    }

    /// Runs `each` on every item, one after the other, and closes the generator on every way out.
    ///
    /// # Cancel safety
    ///
    /// A request to cancel goes to what `each` or the body is waiting for; then the generator is
    /// closed, and the request goes on outwards.
    ///
    /// # Panics
    ///
    /// When `each` or the body panics.
    #[doc(alias = "async for")]
    pub async fn for_each(mut self, mut each: impl AsyncFnMut(T)) {
        let out = exit(async {
            while let Some(item) = self.next().await {
                each(item).await;
            }
        })
        .await;
        let out = hold(out);
        shield(self.aclose()).await;
        leave(out).await;
    }

    /// Ends the generator: asks the body to end where it is suspended, and awaits its clean-up.
    ///
    /// A body that puts another item instead of ending is dropped there.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the loop goes on with the clean-up.
    ///
    /// # Panics
    ///
    /// When the body panics.
    pub async fn aclose(mut self) {
        let body = self.body.take().filter(|_| self.is_started);
        if let Some(body) = body {
            Closing::new(close(body, self.slot.clone()), self.made_at).await;
        }
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        if let Some(raising) = &mut self.raising {
            return match raising.as_mut().poll(cx) {
                Poll::Ready(never) => match never {},
                Poll::Pending => Poll::Pending,
            };
        }
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        (self.is_started, self.is_inside) = (true, true);
        self.slot.resume(cx.waker());
        let polled = Pin::new(body).poll(cx);
        let item = self.slot.take();
        match polled {
            Poll::Pending if item.is_some() => {
                self.set_aside();
                Poll::Ready(item)
            }
            Poll::Pending => Poll::Pending,
            Poll::Ready(exit) => {
                self.body = None;
                self.is_inside = false;
                match exit {
                    // An item may be left when the `put` itself was given up.
                    Exit::Value(()) => Poll::Ready(item),
                    Exit::Panicked(panic) => resume_unwind(panic),
                    Exit::Cancelled(cancelled) => {
                        self.raising = Some(Box::pin(async move { cancelled.raise().await }));
                        self.poll_item(cx)
                    }
                }
            }
        }
    }

    /// Takes the handlers of the body out of the consumer's tree until the next item is asked for.
    fn set_aside(&mut self) {
        if let Some(body) = self.body.as_mut().filter(|_| self.is_inside) {
            Pin::new(body).set_aside();
        }
        self.is_inside = false;
    }
}

impl<T: 'static> AsyncClose for Gen<T> {
    async fn aclose(self) {
        Gen::aclose(self).await;
    }
}

impl<T: 'static> Stream for Gen<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.get_mut().poll_item(cx)
    }
}

impl<T: 'static> Unpin for Gen<T> {}

impl<T: 'static> Drop for Gen<T> {
    fn drop(&mut self) {
        self.set_aside();
        if let Some(body) = self.body.take()
            && self.is_started
        {
            adopt_at(close(body, self.slot.clone()), self.made_at);
        }
    }
}

/// Asks a body to end where it is suspended, and awaits its clean-up. A body that puts another
/// item instead is dropped there.
async fn close<T>(mut body: ExitFuture<Body>, slot: Arc<Slot<T>>) {
    slot.close();
    let unwinder = body.unwinder();
    unwinder.unwind(Reason::new(ReasonKind::Scope).with_message("the generator is closed"));
    let exit = poll_fn(|cx| match Pin::new(&mut body).poll(cx) {
        Poll::Ready(exit) => Poll::Ready(exit),
        Poll::Pending if slot.take().is_some() => Poll::Ready(Exit::Value(())),
        Poll::Pending => Poll::Pending,
    })
    .await;
    drop(body);
    match exit {
        Exit::Cancelled(cancelled) if cancelled.is_from(&unwinder) => {}
        exit => leave(hold(exit)).await,
    }
}

/// Waits for the next item of a generator; the future of [`Gen::next`].
#[must_use = "futures do nothing unless awaited"]
pub struct Next<'a, T: 'static>(&'a mut Gen<T>);

impl<T: 'static> Future for Next<'_, T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.0.poll_item(cx)
    }
}

impl<T: 'static> Drop for Next<'_, T> {
    fn drop(&mut self) {
        self.0.set_aside();
        // The cancellation has been raised here, and not once more at the next `next`.
        self.0.raising = None;
    }
}

impl<T: 'static> fmt::Debug for Gen<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gen")
            .field("started", &self.is_started)
            .field("ended", &self.body.is_none())
            .finish()
    }
}

impl<T: 'static> fmt::Debug for Next<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Next").field(&self.0).finish()
    }
}
