//! A channel from many senders to many receivers, which ends when one side is gone.

pub use futures::{RecvFuture, RecvManyFuture, SendFuture};
#[cfg(feature = "sink")]
pub use sink::SendSink;

pub use crate::stats::ChannelStats;

#[cfg(feature = "sink")]
use super::outbox;
use super::primitive::{IS_SHARED, Ref};
use super::raw_lock::RawLock;
use super::waiting::{self, Waiting, WaitingOn};
use crate::buffer::Bounds;
use crate::error::{TryRecvError, TrySendError, ZeroCapacity};
use futures_core::Stream;
use state::{Receiving, ReceivingMany, Sending, Side, State};
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

#[path = "mpmc/futures.rs"]
mod futures;
#[cfg(feature = "sink")]
#[path = "mpmc/sink.rs"]
mod sink;
#[path = "mpmc/state.rs"]
mod state;

/// Creates a channel that holds at most `capacity` items on their way.
///
/// Both ends can be cloned. When all senders are gone, receivers get what is left and then
/// the end; when all receivers are gone, senders get their items back. Waiters on both
/// sides are served in order of arrival, and nobody overtakes.
///
/// # Panics
///
/// If `capacity` is 0.
///
/// # Examples
///
/// ```
/// use aioli_sync::channel;
/// use futures::{executor::block_on, join};
///
/// let (tx, rx) = channel(1);
/// let count = async move {
///     for n in 1..=3 {
///         tx.send(n).await.unwrap();
///     }
/// };
/// let sum = async {
///     let mut sum = 0;
///     while let Ok(n) = rx.recv().await {
///         sum += n;
///     }
///     sum
/// };
/// assert_eq!(block_on(async { join!(sum, count) }).0, 6);
/// ```
#[must_use]
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(
        capacity > 0,
        "a channel holds at least 1 item; for a channel without a bound write `unbounded()`"
    );
    with_bounds(Bounds::items(capacity))
}

/// As [`channel`], for a bound that is not known when the program is written.
///
/// # Errors
///
/// [`ZeroCapacity`], if `capacity` is 0.
///
/// # Examples
///
/// ```
/// assert!(aioli_sync::channel::try_channel::<u32>(1).is_ok());
/// assert!(aioli_sync::channel::try_channel::<u32>(0).is_err());
/// ```
pub fn try_channel<T>(capacity: usize) -> Result<(Sender<T>, Receiver<T>), ZeroCapacity> {
    match capacity {
        0 => Err(ZeroCapacity),
        _ => Ok(channel(capacity)),
    }
}

/// Creates a channel without a bound: sending never waits.
///
/// # Examples
///
/// ```
/// use aioli_sync::channel;
///
/// let (tx, rx) = channel::unbounded();
/// (0..1000).for_each(|n| tx.try_send(n).unwrap());
/// assert_eq!(rx.stats().len, 1000);
/// ```
#[must_use]
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    with_bounds(Bounds::NONE)
}

fn with_bounds<T>(bounds: Bounds) -> (Sender<T>, Receiver<T>) {
    let shared = Ref::new(RawLock::new(State::new(bounds)));
    let sender = Sender {
        handle: shared.with(|state, _| state.open(Side::Send, None)),
        shared: Ref::clone(&shared),
    };
    let receiver = Receiver {
        handle: shared.with(|state, _| state.open(Side::Receive, None)),
        shared,
        next: None,
    };
    (sender, receiver)
}

/// What all handles of a channel lead to.
type Shared<T> = Ref<RawLock<State<T>>>;

/// An end that sends. Dropping it closes it.
pub struct Sender<T> {
    shared: Shared<T>,
    handle: u64,
}

impl<T> Sender<T> {
    /// Sends an item, waiting for room.
    ///
    /// # Errors
    ///
    /// [`SendError`](crate::SendError) with the item: all receivers are gone, or this sender was
    /// closed.
    ///
    /// # Cancel safety
    ///
    /// A `send` that is dropped before it has completed has sent nothing; the item is
    /// dropped with it. A slot that had just been granted goes to the next in line.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_sync::{SendError, channel};
    ///
    /// # futures::executor::block_on(async {
    /// let (tx, rx) = channel(8);
    /// tx.send("hello").await.unwrap();
    /// drop(rx);
    /// assert_eq!(tx.send("anybody?").await, Err(SendError::Broken("anybody?")));
    /// # });
    /// ```
    pub fn send(&self, item: T) -> SendFuture<'_, T> {
        SendFuture(Waiting::new(&self.shared, self.sending(item)))
    }

    fn sending(&self, item: T) -> Sending<T> {
        Sending {
            handle: self.handle,
            item: Some(item),
        }
    }

    /// Sends an item if there is room now.
    ///
    /// # Errors
    ///
    /// [`TrySendError`] with the item.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_sync::{TrySendError, channel};
    ///
    /// let (tx, _rx) = channel(1);
    /// tx.try_send(1).unwrap();
    /// assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
    /// ```
    pub fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        self.shared
            .with(|state, wakers| state.try_send(self.handle, item, wakers))
    }

    /// Closes this sender, and no other: its waiting `send`s fail.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_sync::{RecvError, channel};
    ///
    /// # futures::executor::block_on(async {
    /// let (tx, rx) = channel::<u32>(1);
    /// tx.close();
    /// assert_eq!(rx.recv().await, Err(RecvError::End));
    /// # });
    /// ```
    pub fn close(&self) {
        let unreceivable = self
            .shared
            .with(|state, wakers| state.close(Side::Send, self.handle, wakers));
        // Dropped outside the lock: the items' `Drop` is foreign code.
        drop(unreceivable);
    }

    /// Whether sending is of no use: this sender was closed, or all receivers are gone.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = aioli_sync::channel::<u32>(1);
    /// assert!(!tx.is_closed());
    /// drop(rx);
    /// assert!(tx.is_closed());
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared
            .read(|state| state.is_closed(self.handle) || state.stats().receivers == 0)
    }

    /// A look at the channel.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = aioli_sync::channel::<u32>(1);
    /// let _another = tx.clone();
    /// assert_eq!(rx.stats().senders, 2);
    /// ```
    #[must_use]
    pub fn stats(&self) -> ChannelStats {
        self.shared.read(State::stats)
    }
}

impl<T> Clone for Sender<T> {
    /// Another sender of the same channel; the clone of a closed sender is closed.
    fn clone(&self) -> Sender<T> {
        Sender {
            handle: self
                .shared
                .with(|state, _| state.open(Side::Send, Some(self.handle))),
            shared: Ref::clone(&self.shared),
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let unreceivable = self
            .shared
            .with(|state, wakers| state.drop_handle(Side::Send, self.handle, wakers));
        drop(unreceivable);
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&self.stats()).finish()
    }
}

/// An end that receives, also as a [`Stream`]. Dropping it closes it.
///
/// As a stream it keeps its place in line between polls, and with it an item it has been
/// promised. So poll it until it is ready, or drop it; [`recv`](Self::recv) has no memory.
pub struct Receiver<T> {
    shared: Shared<T>,
    handle: u64,
    /// The place in line of the stream.
    next: Option<WaitingOn<Shared<T>, Receiving<T>>>,
}

impl<T> Receiver<T> {
    /// Receives an item, waiting for one.
    ///
    /// # Errors
    ///
    /// [`RecvError`](crate::RecvError): the channel has ended, or this receiver was closed. So a
    /// loop reads `while let Ok(item) = rx.recv().await`.
    ///
    /// # Cancel safety
    ///
    /// A `recv` that is dropped before it has completed leaves its item where it was, for
    /// the next in line.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_sync::{RecvError, channel};
    ///
    /// # futures::executor::block_on(async {
    /// let (tx, rx) = channel(8);
    /// tx.send("last words").await.unwrap();
    /// drop(tx);
    /// assert_eq!(rx.recv().await, Ok("last words"));
    /// assert_eq!(rx.recv().await, Err(RecvError::End));
    /// # });
    /// ```
    pub fn recv(&self) -> RecvFuture<'_, T> {
        RecvFuture(Waiting::new(&self.shared, Receiving::new(self.handle)))
    }

    /// Waits for an item, and receives with it those that are there, up to `limit` in all.
    ///
    /// They are added to `into`, and their number, which is at least 1, is returned. One
    /// critical section moves them all: this is how to keep up with many senders.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), with nothing added.
    ///
    /// # Panics
    ///
    /// If `limit` is 0.
    ///
    /// # Cancel safety
    ///
    /// As [`recv`](Self::recv): nothing is added to `into` before the future completes.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let (tx, rx) = aioli_sync::channel::unbounded();
    /// (0..5).try_for_each(|n| tx.try_send(n)).unwrap();
    /// let mut items = Vec::new();
    /// assert_eq!(rx.recv_many(&mut items, 3).await, Ok(3));
    /// assert_eq!(rx.recv_many(&mut items, 3).await, Ok(2));
    /// assert_eq!(items, [0, 1, 2, 3, 4]);
    /// # });
    /// ```
    pub fn recv_many<'a>(&'a self, into: &'a mut Vec<T>, limit: usize) -> RecvManyFuture<'a, T> {
        assert!(limit > 0, "to receive 0 items is to wait for nothing");
        let receiving = ReceivingMany::new(self.handle, into, limit);
        RecvManyFuture(Waiting::new(&self.shared, receiving))
    }

    /// Receives an item if there is one now.
    ///
    /// # Errors
    ///
    /// [`TryRecvError`].
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_sync::{TryRecvError, channel};
    ///
    /// let (tx, rx) = channel::<u32>(1);
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    /// drop(tx);
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::End));
    /// ```
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.shared
            .with(|state, wakers| state.try_recv(self.handle, wakers))
    }

    /// Closes this receiver, and no other: its waiting `recv`s fail.
    ///
    /// If it was the last, the items on their way are dropped and sending fails.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_sync::channel;
    ///
    /// let (tx, rx) = channel(1);
    /// rx.close();
    /// assert!(tx.try_send(1).is_err());
    /// ```
    pub fn close(&self) {
        let unreceivable = self
            .shared
            .with(|state, wakers| state.close(Side::Receive, self.handle, wakers));
        // Dropped outside the lock: the items' `Drop` is foreign code.
        drop(unreceivable);
    }

    /// A look at the channel.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = aioli_sync::channel::<u32>(1);
    /// let _another = tx.clone();
    /// assert_eq!(rx.stats().senders, 2);
    /// ```
    #[must_use]
    pub fn stats(&self) -> ChannelStats {
        self.shared.read(State::stats)
    }
}

/// Ends where [`Receiver::recv`] fails.
impl<T> Stream for Receiver<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let Receiver {
            shared,
            handle,
            next,
        } = &mut *self;
        let waiting =
            next.get_or_insert_with(|| WaitingOn::new(Ref::clone(shared), Receiving::new(*handle)));
        let item = ready!(Pin::new(waiting).poll(cx));
        *next = None;
        Poll::Ready(item.ok())
    }
}

impl<T> Clone for Receiver<T> {
    /// Another receiver of the same channel; the clone of a closed receiver is closed.
    fn clone(&self) -> Receiver<T> {
        Receiver {
            handle: self
                .shared
                .with(|state, _| state.open(Side::Receive, Some(self.handle))),
            shared: Ref::clone(&self.shared),
            next: None,
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let unreceivable = self
            .shared
            .with(|state, wakers| state.drop_handle(Side::Receive, self.handle, wakers));
        drop(unreceivable);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receiver").field(&self.stats()).finish()
    }
}
