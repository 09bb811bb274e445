//! A value that is promised to one future: asyncio's `Future`, seen from both sides.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use aioli_task::{Cancelled, Reason, ReasonKind};

/// A promise and the future that waits for it.
///
/// Setting the promise wakes the future. If the promise is dropped without a value, awaiting the
/// future cancels the awaiter, as awaiting a cancelled task does.
///
/// # Examples
///
/// ```
/// use aioli_flow::promise;
///
/// aioli_task::run(async {
///     let (promise, promised) = promise::<u32>();
///     aioli_task::call_soon(move || promise.set(7).expect("somebody waits"));
///     assert_eq!(promised.await, 7);
/// });
/// ```
#[doc(alias = "asyncio.loop.create_future")]
#[doc(alias = "asyncio.Future")]
pub fn promise<T>() -> (Promise<T>, Promised<T>) {
    let shared = Arc::new(Shared(Mutex::new(State {
        value: Slot::Empty,
        waker: None,
    })));
    (
        Promise(shared.clone()),
        Promised {
            shared,
            raising: None,
        },
    )
}

/// The side that sets the value; see [`promise`].
#[must_use = "a dropped promise cancels who waits for it"]
pub struct Promise<T>(Arc<Shared<T>>);

/// The side that waits for the value; see [`promise`].
///
/// # Cancel safety
///
/// Dropping it gives up the value; [`Promise::set`] returns it then.
///
/// # Panics
///
/// Where nothing can unwind (no aioli task and no scope), when the promise was dropped.
#[must_use = "futures do nothing unless awaited"]
pub struct Promised<T> {
    shared: Arc<Shared<T>>,
    /// The awaiter's cancellation, after the promise was dropped.
    raising: Option<Pin<Box<dyn Future<Output = Infallible> + Send + Sync>>>,
}

struct Shared<T>(Mutex<State<T>>);

struct State<T> {
    value: Slot<T>,
    waker: Option<Waker>,
}

enum Slot<T> {
    Empty,
    Set(T),
    /// The promise was dropped.
    Broken,
    /// The value has been taken, or nobody waits any more.
    Gone,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fills the slot if it is empty, and wakes who waits; gives back what does not fit.
    fn fill(&self, slot: Slot<T>) -> Option<Slot<T>> {
        let mut state = self.lock();
        if !matches!(state.value, Slot::Empty) {
            return Some(slot);
        }
        state.value = slot;
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        None
    }
}

impl<T> Promise<T> {
    /// Sets the value.
    ///
    /// # Errors
    ///
    /// The value, when nobody waits for it any more.
    #[doc(alias = "asyncio.Future.set_result")]
    pub fn set(self, value: T) -> Result<(), T> {
        match self.0.fill(Slot::Set(value)) {
            Some(Slot::Set(value)) => Err(value),
            _ => Ok(()),
        }
    }

    /// Whether nobody waits for the value any more.
    #[doc(alias = "asyncio.Future.cancelled")]
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        matches!(self.0.lock().value, Slot::Gone)
    }
}

impl<T, E> Promise<Result<T, E>> {
    /// Sets an error.
    ///
    /// # Errors
    ///
    /// The error, when nobody waits any more.
    #[doc(alias = "asyncio.Future.set_exception")]
    pub fn fail(self, error: E) -> Result<(), E> {
        match self.set(Err(error)) {
            Err(Err(error)) => Err(error),
            _ => Ok(()),
        }
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        self.0.fill(Slot::Broken);
    }
}

impl<T> Promised<T> {
    /// Takes the value if it has been set.
    #[doc(alias = "asyncio.Future.result")]
    pub fn try_take(&mut self) -> Option<T> {
        let mut state = self.shared.lock();
        match std::mem::replace(&mut state.value, Slot::Gone) {
            Slot::Set(value) => Some(value),
            other => {
                state.value = other;
                None
            }
        }
    }

    /// Whether the value has been set, or the promise was dropped.
    #[doc(alias = "asyncio.Future.done")]
    #[must_use]
    pub fn is_done(&self) -> bool {
        !matches!(self.shared.lock().value, Slot::Empty)
    }
}

impl<T> Future for Promised<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = &mut *self;
        if this.raising.is_none() {
            let mut state = this.shared.lock();
            match std::mem::replace(&mut state.value, Slot::Gone) {
                Slot::Set(value) => return Poll::Ready(value),
                Slot::Gone => panic!("a promised value is taken once"),
                Slot::Broken => {}
                Slot::Empty => {
                    state.value = Slot::Empty;
                    let known = state
                        .waker
                        .as_ref()
                        .is_some_and(|w| w.will_wake(cx.waker()));
                    let old = if known {
                        None
                    } else {
                        state.waker.replace(cx.waker().clone())
                    };
                    drop(state);
                    drop(old);
                    return Poll::Pending;
                }
            }
            drop(state);
            let reason = Reason::new(ReasonKind::Cancel).with_message("a promise was dropped");
            let cancelled = Cancelled::new(reason);
            this.raising = Some(Box::pin(async move { cancelled.raise().await }));
        }
        match this
            .raising
            .as_mut()
            .map(|raising| raising.as_mut().poll(cx))
        {
            Some(Poll::Ready(never)) => match never {},
            _ => Poll::Pending,
        }
    }
}

impl<T> Unpin for Promised<T> {}

impl<T> Drop for Promised<T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        let value = std::mem::replace(&mut state.value, Slot::Gone);
        let waker = state.waker.take();
        drop(state);
        drop((value, waker));
    }
}

impl<T> fmt::Debug for Promise<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Promise")
            .field("abandoned", &self.is_abandoned())
            .finish()
    }
}

impl<T> fmt::Debug for Promised<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Promised")
            .field("done", &self.is_done())
            .finish()
    }
}
