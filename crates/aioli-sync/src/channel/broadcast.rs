//! A channel in which every receiver gets every item.
//!
//! Nobody waits to send: the channel keeps so many items, and a receiver that falls further
//! behind is told how many it has missed and goes on with the oldest one kept. Items are shared
//! and not copied, in an `Arc`, so that neither their `Clone` nor their `Drop` runs in a
//! critical section.

pub use crate::stats::BroadcastStats;

use super::board::{self, Announcer, Board, News, Next, Reader};
use super::primitive::Ref;
use crate::error::{Lagging, ReceiverGone, ZeroCapacity};
use futures_core::Stream;
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Creates a channel that keeps the last `capacity` items.
///
/// # Panics
///
/// If `capacity` is 0.
///
/// # Examples
///
/// ```
/// use aioli_sync::{Lagging, broadcast};
///
/// # futures::executor::block_on(async {
/// let (tx, mut anne) = broadcast::channel(2);
/// let mut bob = anne.clone();
/// tx.send(1).unwrap();
/// assert_eq!(*anne.recv().await?, 1);
/// tx.send(2).unwrap();
/// tx.send(3).unwrap();
/// assert_eq!(*anne.recv().await?, 2);
/// assert_eq!(bob.recv().await, Err(Lagging::Missed(1)));
/// assert_eq!(*bob.recv().await?, 2);
/// # Ok::<(), Lagging>(())
/// # }).unwrap();
/// ```
#[must_use]
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a channel that keeps no item delivers none");
    let (sender, receiver) = board::open(Recent {
        items: VecDeque::new(),
        first: 0,
        capacity,
    });
    (Sender(sender), Receiver(receiver))
}

/// As [`channel`], for a number that is not known when the program is written.
///
/// # Errors
///
/// [`ZeroCapacity`], if `capacity` is 0.
///
/// # Examples
///
/// ```
/// assert!(aioli_sync::broadcast::try_channel::<u32>(1).is_ok());
/// assert!(aioli_sync::broadcast::try_channel::<u32>(0).is_err());
/// ```
pub fn try_channel<T>(capacity: usize) -> Result<(Sender<T>, Receiver<T>), ZeroCapacity> {
    match capacity {
        0 => Err(ZeroCapacity),
        _ => Ok(channel(capacity)),
    }
}

/// The items kept, of which the oldest has the number `first`.
struct Recent<T> {
    items: VecDeque<Ref<T>>,
    first: u64,
    capacity: usize,
}

impl<T> News for Recent<T> {
    type Item = Result<Ref<T>, Lagging>;

    fn next(&self, seen: &mut u64, is_over: bool) -> Option<Self::Item> {
        if *seen < self.first {
            let missed = self.first - *seen;
            *seen = self.first;
            return Some(Err(Lagging::Missed(missed)));
        }
        let index = usize::try_from(*seen - self.first).expect("no item is ahead of the end");
        let Some(item) = self.items.get(index) else {
            return is_over.then_some(Err(Lagging::End));
        };
        *seen += 1;
        Some(Ok(Ref::clone(item)))
    }

    fn end(&self) -> u64 {
        self.first + self.items.len() as u64
    }
}

fn stats<T>(board: &Board<Recent<T>>) -> BroadcastStats {
    BroadcastStats {
        len: board.news.items.len(),
        capacity: board.news.capacity,
        senders: board.senders,
        receivers: board.receivers,
        waiting: board.waiting(),
    }
}

/// An end that sends. When the last is dropped, the channel ends.
pub struct Sender<T>(Announcer<Recent<T>>);

impl<T> Sender<T> {
    /// Sends an item to all receivers, and forgets the oldest one if too many are kept.
    ///
    /// # Errors
    ///
    /// [`ReceiverGone`] with the item, if there is no receiver.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = aioli_sync::broadcast::channel(8);
    /// assert!(tx.send(1).is_ok());
    /// drop(rx);
    /// assert!(tx.send(2).is_err());
    /// ```
    pub fn send(&self, item: T) -> Result<(), ReceiverGone<T>> {
        let mut item = Some(item);
        // Dropped outside the lock: its `Drop` is foreign code.
        let _forgotten = self.0.0.with(|board, wakers| {
            let item = item.take_if(|_| board.receivers > 0)?;
            let recent = &mut board.news;
            let is_full = recent.items.len() == recent.capacity;
            let forgotten = is_full.then(|| recent.items.pop_front()).flatten();
            recent.first += u64::from(is_full);
            recent.items.push_back(Ref::new(item));
            board.announce(wakers);
            forgotten
        });
        item.map_or(Ok(()), |item| Err(ReceiverGone(item)))
    }

    /// A receiver of what is sent from now on.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, _rx) = aioli_sync::broadcast::channel(8);
    /// tx.send("early").unwrap();
    /// let mut late = tx.subscribe();
    /// tx.send("late").unwrap();
    /// # futures::executor::block_on(async {
    /// assert_eq!(*late.recv().await.unwrap(), "late");
    /// # });
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
    /// let (tx, rx) = aioli_sync::broadcast::channel::<u32>(1);
    /// drop(rx);
    /// assert_eq!(tx.stats().receivers, 0);
    /// ```
    #[must_use]
    pub fn stats(&self) -> BroadcastStats {
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

/// An end that receives; each receives every item that is sent while it is there.
pub struct Receiver<T>(Reader<Recent<T>>);

impl<T> Receiver<T> {
    /// Receives the next item, waiting for it.
    ///
    /// # Errors
    ///
    /// [`Lagging::Missed`], once, if items were forgotten before we received them, after which
    /// it goes on; [`Lagging::End`], if all were received and all senders are gone.
    ///
    /// # Cancel safety
    ///
    /// An item counts as received only when the future completes.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let (tx, mut rx) = aioli_sync::broadcast::channel(8);
    /// tx.send("news").unwrap();
    /// assert_eq!(*rx.recv().await?, "news");
    /// # Ok::<(), aioli_sync::Lagging>(())
    /// # }).unwrap();
    /// ```
    pub fn recv(&mut self) -> Recv<'_, T> {
        Recv(self.0.next())
    }

    /// A look at the channel.
    ///
    /// # Examples
    ///
    /// ```
    /// let (_tx, rx) = aioli_sync::broadcast::channel::<u32>(1);
    /// assert_eq!(rx.stats().senders, 1);
    /// ```
    #[must_use]
    pub fn stats(&self) -> BroadcastStats {
        self.0.shared.read(stats)
    }
}

/// The items, and where some were missed how many, until the channel ends.
impl<T> Stream for Receiver<T> {
    type Item = Result<Ref<T>, Lagging>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next(cx).map(|item| match item {
            Err(Lagging::End) => None,
            item => Some(item),
        })
    }
}

impl<T> Clone for Receiver<T> {
    /// Another receiver, which receives next what this one does.
    fn clone(&self) -> Receiver<T> {
        Receiver(self.0.clone())
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receiver").field(&self.stats()).finish()
    }
}

/// The future of [`Receiver::recv`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Recv<'a, T: 'a>(Next<'a, Recent<T>>);

impl<T> Future for Recv<'_, T> {
    type Output = Result<Ref<T>, Lagging>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl<T> fmt::Debug for Recv<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recv").field(&self.0.stage_name()).finish()
    }
}
