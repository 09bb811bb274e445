//! What can go wrong, with the item given back where one was handed in.
//!
//! The errors that carry an item are [`Error`]s whatever the item is, so `?` takes them into
//! any boxed error as soon as the item may go there.

use std::error::Error;
use std::fmt;

/// The queue was shut down, and has been emptied.
///
/// # Examples
///
/// ```
/// use aioli_sync::{Queue, ShutDown};
///
/// # futures::executor::block_on(async {
/// let queue = Queue::<u32>::unbounded();
/// queue.shutdown();
/// assert_eq!(queue.get().await, Err(ShutDown));
/// # });
/// ```
#[doc(alias = "asyncio.QueueShutDown")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShutDown;

impl fmt::Display for ShutDown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue was shut down")
    }
}

impl Error for ShutDown {}

/// Why `put` did not put, with the item.
///
/// # Examples
///
/// ```
/// use aioli_sync::{PutError, Queue};
///
/// # futures::executor::block_on(async {
/// let queue = Queue::unbounded();
/// queue.shutdown();
/// assert_eq!(queue.put("precious").await, Err(PutError::ShutDown("precious")));
/// # });
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PutError<T> {
    /// The queue was shut down before the item was in.
    ShutDown(T),
    /// The item alone weighs more than the queue may hold.
    TooLarge(T),
}

impl<T> PutError<T> {
    /// The item that did not go in.
    #[must_use]
    pub fn into_inner(self) -> T {
        match self {
            PutError::ShutDown(item) | PutError::TooLarge(item) => item,
        }
    }
}

impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PutError::ShutDown(_) => "ShutDown(..)",
            PutError::TooLarge(_) => "TooLarge(..)",
        })
    }
}

impl<T> fmt::Display for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PutError::ShutDown(_) => "the queue was shut down",
            PutError::TooLarge(_) => "the item is larger than the queue",
        })
    }
}

impl<T> Error for PutError<T> {}

/// Why `try_put` did not put, with the item.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TryPutError<T> {
    /// There is no slot, or those there are belong to others who wait.
    #[doc(alias = "asyncio.QueueFull")]
    Full(T),
    /// The queue was shut down.
    ShutDown(T),
    /// The item alone weighs more than the queue may hold.
    TooLarge(T),
}

impl<T> TryPutError<T> {
    /// The item that did not go in.
    #[must_use]
    pub fn into_inner(self) -> T {
        match self {
            TryPutError::Full(item) | TryPutError::ShutDown(item) | TryPutError::TooLarge(item) => {
                item
            }
        }
    }
}

impl<T> fmt::Debug for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryPutError::Full(_) => "Full(..)",
            TryPutError::ShutDown(_) => "ShutDown(..)",
            TryPutError::TooLarge(_) => "TooLarge(..)",
        })
    }
}

impl<T> fmt::Display for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryPutError::Full(_) => "the queue is full",
            TryPutError::ShutDown(_) => "the queue was shut down",
            TryPutError::TooLarge(_) => "the item is larger than the queue",
        })
    }
}

impl<T> Error for TryPutError<T> {}

impl<T> From<PutError<T>> for TryPutError<T> {
    fn from(error: PutError<T>) -> TryPutError<T> {
        match error {
            PutError::ShutDown(item) => TryPutError::ShutDown(item),
            PutError::TooLarge(item) => TryPutError::TooLarge(item),
        }
    }
}

/// A bound or a number of parties was 0, with which nothing could ever happen.
///
/// # Examples
///
/// ```
/// use aioli_sync::{Queue, ZeroCapacity};
///
/// let from_the_configuration = 0;
/// assert_eq!(Queue::<u32>::try_new(from_the_configuration).err(), Some(ZeroCapacity));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZeroCapacity;

impl fmt::Display for ZeroCapacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bound of 0 lets nothing through")
    }
}

impl Error for ZeroCapacity {}

/// Why `try_get` got nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TryGetError {
    /// There is no item, or those there are belong to others who wait.
    #[doc(alias = "asyncio.QueueEmpty")]
    Empty,
    /// The queue was shut down and has been emptied.
    ShutDown,
}

impl fmt::Display for TryGetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryGetError::Empty => "the queue is empty",
            TryGetError::ShutDown => "the queue was shut down",
        })
    }
}

impl Error for TryGetError {}

/// `task_done` was called more often than there were items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskDoneError;

impl fmt::Display for TaskDoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("task_done was called more often than items were put")
    }
}

impl Error for TaskDoneError {}

/// The barrier was reset or aborted, so the parties do not meet.
#[doc(alias = "asyncio.BrokenBarrierError")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the barrier is broken")
    }
}

impl Error for Broken {}

/// Why an item could not be sent, with the item.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError<T> {
    /// Nobody can receive it: all receivers are gone.
    Broken(T),
    /// This sender was closed.
    Closed(T),
}

impl<T> SendError<T> {
    /// The item that was not sent.
    #[must_use]
    pub fn into_inner(self) -> T {
        match self {
            SendError::Broken(item) | SendError::Closed(item) => item,
        }
    }
}

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SendError::Broken(_) => "Broken(..)",
            SendError::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SendError::Broken(_) => "all receivers of the channel are gone",
            SendError::Closed(_) => "the sender was closed",
        })
    }
}

impl<T> Error for SendError<T> {}

/// Why `try_send` did not send, with the item.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrySendError<T> {
    /// There is no slot, or those there are belong to others who wait.
    Full(T),
    /// Nobody can receive it: all receivers are gone.
    Broken(T),
    /// This sender was closed.
    Closed(T),
}

impl<T> TrySendError<T> {
    /// The item that was not sent.
    #[must_use]
    pub fn into_inner(self) -> T {
        match self {
            TrySendError::Full(item) | TrySendError::Broken(item) | TrySendError::Closed(item) => {
                item
            }
        }
    }
}

impl<T> From<SendError<T>> for TrySendError<T> {
    fn from(error: SendError<T>) -> TrySendError<T> {
        match error {
            SendError::Broken(item) => TrySendError::Broken(item),
            SendError::Closed(item) => TrySendError::Closed(item),
        }
    }
}

impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TrySendError::Full(_) => "Full(..)",
            TrySendError::Broken(_) => "Broken(..)",
            TrySendError::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> fmt::Display for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TrySendError::Full(_) => "the channel is full",
            TrySendError::Broken(_) => "all receivers of the channel are gone",
            TrySendError::Closed(_) => "the sender was closed",
        })
    }
}

impl<T> Error for TrySendError<T> {}

/// Why nothing was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecvError {
    /// All senders are gone and everything they sent has been received.
    End,
    /// This receiver was closed.
    Closed,
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RecvError::End => "the channel has ended",
            RecvError::Closed => "the receiver was closed",
        })
    }
}

impl Error for RecvError {}

/// Why `try_recv` received nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TryRecvError {
    /// There is no item, or those there are belong to others who wait.
    Empty,
    /// All senders are gone and everything they sent has been received.
    End,
    /// This receiver was closed.
    Closed,
}

impl From<RecvError> for TryRecvError {
    fn from(error: RecvError) -> TryRecvError {
        match error {
            RecvError::End => TryRecvError::End,
            RecvError::Closed => TryRecvError::Closed,
        }
    }
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryRecvError::Empty => "the channel is empty",
            TryRecvError::End => "the channel has ended",
            TryRecvError::Closed => "the receiver was closed",
        })
    }
}

impl Error for TryRecvError {}

/// The sender of a oneshot went away without sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderGone;

impl fmt::Display for SenderGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sender went away without sending")
    }
}

impl Error for SenderGone {}

/// The receiver of a oneshot is gone; with the value that was not delivered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ReceiverGone<T>(pub T);

impl<T> fmt::Debug for ReceiverGone<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReceiverGone(..)")
    }
}

impl<T> fmt::Display for ReceiverGone<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the receiver is gone")
    }
}

impl<T> Error for ReceiverGone<T> {}

/// A token is out, or is waited for, in the name of the one who asked for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlreadyBorrowing;

impl fmt::Display for AlreadyBorrowing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the borrower has a token of this limiter or waits for one")
    }
}

impl Error for AlreadyBorrowing {}

/// Why a broadcast receiver received nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lagging {
    /// So many items were forgotten before they were received; the next receive goes on.
    Missed(u64),
    /// All senders are gone and everything they sent has been received.
    End,
}

impl fmt::Display for Lagging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lagging::Missed(count) => write!(f, "the receiver was too slow and missed {count}"),
            Lagging::End => f.write_str("the channel has ended"),
        }
    }
}

impl Error for Lagging {}
