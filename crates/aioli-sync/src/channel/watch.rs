//! A channel of which only the latest value matters.
//!
//! Receivers see that the value has changed, and get what it is by then: a slow one skips what
//! was in between, and nobody waits to send. Values are shared and not copied, in an `Arc`, so
//! that neither their `Clone` nor their `Drop` runs in a critical section.

pub use crate::stats::WatchStats;

use super::board::{self, Announcer, Board, News, Next, Reader};
use super::primitive::Ref;
use crate::error::RecvError;
use futures_core::Stream;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Creates a channel with its first value, which the receiver has seen.
///
/// # Examples
///
/// ```
/// use aioli_sync::watch;
///
/// # futures::executor::block_on(async {
/// let (level, mut dial) = watch::channel(0);
/// level.send(1);
/// level.send(2);
/// assert_eq!(*dial.changed().await?, 2);
/// drop(level);
/// assert!(dial.changed().await.is_err());
/// # Ok::<(), aioli_sync::RecvError>(())
/// # }).unwrap();
/// ```
#[must_use]
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let latest = Latest {
        value: Ref::new(value),
        version: 0,
    };
    let (sender, receiver) = board::open(latest);
    (Sender(sender), Receiver(receiver))
}

/// The value, and how often it was sent.
struct Latest<T> {
    value: Ref<T>,
    version: u64,
}

impl<T> News for Latest<T> {
    type Item = Result<Ref<T>, RecvError>;

    fn next(&self, seen: &mut u64, is_over: bool) -> Option<Self::Item> {
        if mem::replace(seen, self.version) != self.version {
            return Some(Ok(Ref::clone(&self.value)));
        }
        is_over.then_some(Err(RecvError::End))
    }

    fn end(&self) -> u64 {
        self.version
    }
}

fn stats<T>(board: &Board<Latest<T>>) -> WatchStats {
    WatchStats {
        senders: board.senders,
        receivers: board.receivers,
        waiting: board.waiting(),
    }
}

/// An end that sends. When the last is dropped, the channel ends.
pub struct Sender<T>(Announcer<Latest<T>>);

impl<T> Sender<T> {
    /// Replaces the value and wakes everybody who waits for that.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = aioli_sync::watch::channel('a');
    /// tx.send('b');
    /// assert_eq!(*rx.latest(), 'b');
    /// ```
    pub fn send(&self, value: T) {
        let value = Ref::new(value);
        let old = self.0.0.with(|board, wakers| {
            board.news.version += 1;
            board.announce(wakers);
            mem::replace(&mut board.news.value, value)
        });
        // Dropped outside the lock: its `Drop` is foreign code.
        drop(old);
    }

    /// A receiver that has seen the value that is there now.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, _rx) = aioli_sync::watch::channel(1);
    /// assert!(!tx.subscribe().has_changed());
    /// ```
    #[must_use]
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver(self.0.subscribe())
    }

    /// A look at the channel.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = aioli_sync::watch::channel(1);
    /// drop(rx);
    /// assert_eq!(tx.stats().receivers, 0);
    /// ```
    #[must_use]
    pub fn stats(&self) -> WatchStats {
        self.0.0.read(stats)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        Sender(self.0.clone())
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&self.stats()).finish()
    }
}

/// An end that receives; each remembers which value it has seen.
pub struct Receiver<T>(Reader<Latest<T>>);

impl<T> Receiver<T> {
    /// Waits until the value is one that we have not seen, and returns it.
    ///
    /// # Errors
    ///
    /// [`RecvError::End`], if it was seen and all senders are gone.
    ///
    /// # Cancel safety
    ///
    /// A value counts as seen only when the future completes.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let (tx, mut rx) = aioli_sync::watch::channel("off");
    /// tx.send("on");
    /// assert_eq!(*rx.changed().await?, "on");
    /// # Ok::<(), aioli_sync::RecvError>(())
    /// # }).unwrap();
    /// ```
    pub fn changed(&mut self) -> Changed<'_, T> {
        Changed(self.0.next())
    }

    /// The value that is there now, which does not make it seen.
    ///
    /// # Examples
    ///
    /// ```
    /// let (_tx, rx) = aioli_sync::watch::channel(7);
    /// assert_eq!(*rx.latest(), 7);
    /// ```
    #[must_use]
    pub fn latest(&self) -> Ref<T> {
        self.0.shared.read(|board| Ref::clone(&board.news.value))
    }

    /// Whether the value is one that we have not seen.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = aioli_sync::watch::channel(1);
    /// tx.send(1);
    /// assert!(rx.has_changed(), "it was sent, equal or not");
    /// ```
    #[must_use]
    pub fn has_changed(&self) -> bool {
        self.0.shared.read(|board| board.news.end() != self.0.seen)
    }

    /// A look at the channel.
    ///
    /// # Examples
    ///
    /// ```
    /// let (_tx, rx) = aioli_sync::watch::channel(1);
    /// assert_eq!(rx.stats().senders, 1);
    /// ```
    #[must_use]
    pub fn stats(&self) -> WatchStats {
        self.0.shared.read(stats)
    }
}

/// The values that we have not seen, as [`changed`](Receiver::changed) returns them, until the
/// channel ends.
impl<T> Stream for Receiver<T> {
    type Item = Ref<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Ref<T>>> {
        self.0.poll_next(cx).map(Result::ok)
    }
}

impl<T> Clone for Receiver<T> {
    /// Another receiver, which has seen what this one has.
    fn clone(&self) -> Receiver<T> {
        Receiver(self.0.clone())
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receiver").field(&self.stats()).finish()
    }
}

/// The future of [`Receiver::changed`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Changed<'a, T: 'a>(Next<'a, Latest<T>>);

impl<T> Future for Changed<'_, T> {
    type Output = Result<Ref<T>, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl<T> fmt::Debug for Changed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Changed")
            .field(&self.0.stage_name())
            .finish()
    }
}
