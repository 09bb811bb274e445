//! A channel for one value.

use super::primitive::Ref;
use super::raw_lock::RawLock;
use crate::budget;
use crate::error::{ReceiverGone, SenderGone};
use crate::wakers::Wakers;
use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

/// Creates a channel for one value.
///
/// # Examples
///
/// ```
/// use aioli_sync::oneshot;
///
/// let (tx, rx) = oneshot::channel();
/// std::thread::spawn(move || tx.send(6 * 7));
/// assert_eq!(futures::executor::block_on(rx), Ok(42));
/// ```
#[doc(alias = "asyncio.Future")]
#[doc(alias = "asyncio.loop.create_future")]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Ref::new(RawLock::new(State {
        value: None,
        sender: Side::Here(None),
        receiver: Side::Here(None),
    }));
    let sender = Sender {
        shared: Ref::clone(&shared),
        has_left: false,
    };
    (sender, Receiver { shared })
}

/// Where a value and two parties may meet.
struct State<T> {
    value: Option<T>,
    sender: Side,
    receiver: Side,
}

/// One of the two parties, and whom to wake if it waits for the other.
enum Side {
    Here(Option<Waker>),
    Gone,
}

impl Side {
    fn is_gone(&self) -> bool {
        matches!(self, Side::Gone)
    }

    /// Notes whom to wake when the other side does something.
    fn listen(&mut self, cx: &Context<'_>, wakers: &mut Wakers) {
        let Side::Here(waiting) = self else {
            unreachable!("a party that has left does not listen");
        };
        let same = |waker: &Waker| waker.will_wake(cx.waker());
        if !waiting.as_ref().is_some_and(same)
            && let Some(old) = waiting.replace(cx.waker().clone())
        {
            wakers.retire(old);
        }
    }

    /// Has this side woken, if it waits.
    fn wake(&mut self, wakers: &mut Wakers) {
        if let Side::Here(waiting) = self
            && let Some(waker) = waiting.take()
        {
            wakers.push(waker);
        }
    }

    /// This side is going, so what it waited for does not matter any more.
    fn leave(&mut self, wakers: &mut Wakers) {
        if let Side::Here(Some(waker)) = mem::replace(self, Side::Gone) {
            wakers.retire(waker);
        }
    }
}

/// The end that sends; dropping it tells the receiver that nothing will come.
#[must_use = "dropping the sender tells the receiver that nothing will come"]
pub struct Sender<T> {
    shared: Ref<RawLock<State<T>>>,
    /// Whether the value was sent, and with it that the sender goes: one section for both.
    has_left: bool,
}

impl<T> Sender<T> {
    /// Sends the value, for which nobody needs to wait.
    ///
    /// # Errors
    ///
    /// [`ReceiverGone`] with the value.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_sync::{ReceiverGone, oneshot};
    ///
    /// let (tx, rx) = oneshot::channel();
    /// drop(rx);
    /// assert_eq!(tx.send("letter"), Err(ReceiverGone("letter")));
    /// ```
    #[doc(alias = "asyncio.Future.set_result")]
    pub fn send(mut self, value: T) -> Result<(), ReceiverGone<T>> {
        let has_left = &mut self.has_left;
        self.shared.with(|state, wakers| {
            if state.receiver.is_gone() {
                return Err(ReceiverGone(value));
            }
            debug_assert!(state.value.is_none(), "`send` takes the only sender");
            state.value = Some(value);
            *has_left = true;
            state.sender.leave(wakers);
            state.receiver.wake(wakers);
            Ok(())
        })
    }

    /// Whether the receiver is gone, so that it is not worth going on.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = aioli_sync::oneshot::channel::<u32>();
    /// drop(rx);
    /// assert!(tx.is_closed());
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.read(|state| state.receiver.is_gone())
    }

    /// Waits until the receiver is gone.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind; the sender can still send.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_sync::oneshot;
    ///
    /// # futures::executor::block_on(async {
    /// let (mut tx, rx) = oneshot::channel::<u32>();
    /// drop(rx);
    /// tx.closed().await;
    /// # });
    /// ```
    pub async fn closed(&mut self) {
        poll_fn(|cx| {
            ready!(budget::poll_proceed(cx));
            self.shared.with(|state, wakers| {
                if state.receiver.is_gone() {
                    Poll::Ready(())
                } else {
                    budget::refund();
                    state.sender.listen(cx, wakers);
                    Poll::Pending
                }
            })
        })
        .await;
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if self.has_left {
            return;
        }
        self.shared.with(|state, wakers| {
            state.sender.leave(wakers);
            state.receiver.wake(wakers);
        });
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("is_closed", &self.is_closed())
            .finish()
    }
}

/// The end that receives: a future of the value.
///
/// # Errors
///
/// [`SenderGone`], if the sender was dropped without sending.
///
/// # Cancel safety
///
/// Awaiting `&mut receiver` and being cancelled leaves the value for the next await.
/// Dropping the receiver itself drops a value that has been sent and not received.
#[must_use = "futures do nothing unless they are awaited"]
pub struct Receiver<T> {
    shared: Ref<RawLock<State<T>>>,
}

impl<T> Receiver<T> {
    /// The value, if it has come; `None` if it may still come.
    ///
    /// # Errors
    ///
    /// [`SenderGone`], if it will not come, or was received before.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_sync::{SenderGone, oneshot};
    ///
    /// let (tx, mut rx) = oneshot::channel();
    /// assert_eq!(rx.try_recv(), Ok(None));
    /// tx.send('x').unwrap();
    /// assert_eq!(rx.try_recv(), Ok(Some('x')));
    /// assert_eq!(rx.try_recv(), Err(SenderGone));
    /// ```
    pub fn try_recv(&mut self) -> Result<Option<T>, SenderGone> {
        self.shared.with(|state, _| match state.value.take() {
            None if state.sender.is_gone() => Err(SenderGone),
            value => Ok(value),
        })
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, SenderGone>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(budget::poll_proceed(cx));
        self.shared.with(|state, wakers| match state.value.take() {
            Some(value) => Poll::Ready(Ok(value)),
            None if state.sender.is_gone() => Poll::Ready(Err(SenderGone)),
            None => {
                budget::refund();
                state.receiver.listen(cx, wakers);
                Poll::Pending
            }
        })
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let unreceived = self.shared.with(|state, wakers| {
            state.receiver.leave(wakers);
            state.sender.wake(wakers);
            state.value.take()
        });
        // Dropped outside the lock: its `Drop` is foreign code.
        drop(unreceived);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_value = self.shared.read(|state| state.value.is_some());
        f.debug_struct("Receiver")
            .field("has_value", &has_value)
            .finish()
    }
}
