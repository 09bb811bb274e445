//! A channel in which every receiver gets every item.
//!
//! Nobody waits to send: the channel keeps so many items, and a receiver that falls further
//! behind is told how many it has missed and goes on with the oldest one kept. Items are shared
//! and not copied, in an [`Arc`], so that neither their `Clone` nor their `Drop` runs in a
//! critical section.

use crate::error::{Lagging, ReceiverGone};
use crate::raw_lock::{RawLock, Wakers};
use crate::wait_list::{Departed, WaitList};
use crate::waiting::{Wait, Waiting};
use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
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
    let shared = Arc::new(RawLock::new(State {
        items: VecDeque::new(),
        first: 0,
        capacity,
        senders: 1,
        receivers: 1,
        line: WaitList::new(),
    }));
    let sender = Sender {
        shared: Arc::clone(&shared),
    };
    (sender, Receiver { shared, next: 0 })
}

/// # Invariants
///
/// Outside a critical section those in line have received every item, and there is a sender.
struct State<T> {
    /// The items kept, of which the oldest has the number `first`.
    items: VecDeque<Arc<T>>,
    first: u64,
    capacity: usize,
    senders: usize,
    receivers: usize,
    line: WaitList<(), ()>,
}

impl<T> State<T> {
    fn stats(&self) -> BroadcastStats {
        BroadcastStats {
            len: self.items.len(),
            capacity: self.capacity,
            senders: self.senders,
            receivers: self.receivers,
            waiting: self.line.len(),
        }
    }

    /// The number of the item that will be sent next.
    fn end(&self) -> u64 {
        self.first + self.items.len() as u64
    }

    /// The item numbered `next`, or why there is none; `None` if it may still come.
    fn receive(&self, next: &mut u64) -> Option<Result<Arc<T>, Lagging>> {
        if *next < self.first {
            let missed = self.first - *next;
            *next = self.first;
            return Some(Err(Lagging::Missed(missed)));
        }
        let index = usize::try_from(*next - self.first).expect("no item is ahead of the end");
        match self.items.get(index) {
            Some(item) => {
                *next += 1;
                Some(Ok(Arc::clone(item)))
            }
            None if self.senders == 0 => Some(Err(Lagging::End)),
            None => None,
        }
    }
}

/// A look at a channel, from [`Sender::stats`] or [`Receiver::stats`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BroadcastStats {
    /// Items that are kept, whether or not somebody has yet to receive them.
    pub len: usize,
    /// The most items that are kept.
    pub capacity: usize,
    /// Senders that are there.
    pub senders: usize,
    /// Receivers that are there.
    pub receivers: usize,
    /// Receivers that wait for an item.
    pub waiting: usize,
}

/// An end that sends. When the last is dropped, the channel ends.
pub struct Sender<T> {
    shared: Arc<RawLock<State<T>>>,
}

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
        let _forgotten = self.shared.with(|state, wakers| {
            let item = item.take_if(|_| state.receivers > 0)?;
            let is_full = state.items.len() == state.capacity;
            let forgotten = is_full.then(|| state.items.pop_front()).flatten();
            state.first += u64::from(is_full);
            state.items.push_back(Arc::new(item));
            state.line.grant_all(|| (), wakers);
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
        let next = self.shared.with(|state, _| {
            state.receivers += 1;
            state.end()
        });
        Receiver {
            shared: Arc::clone(&self.shared),
            next,
        }
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
        self.shared.read(State::stats)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        self.shared.with(|state, _| state.senders += 1);
        Sender {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.with(|state, wakers| {
            state.senders -= 1;
            if state.senders == 0 {
                state.line.grant_all(|| (), wakers);
            }
        });
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&self.stats()).finish()
    }
}

/// An end that receives; each receives every item that is sent while it is there.
pub struct Receiver<T> {
    shared: Arc<RawLock<State<T>>>,
    /// The number of the item to receive next.
    next: u64,
}

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
        let receiving = Receiving {
            next: &mut self.next,
            item: PhantomData,
        };
        Recv(Waiting::new(&self.shared, receiving))
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
        self.shared.read(State::stats)
    }
}

impl<T> Clone for Receiver<T> {
    /// Another receiver, which receives next what this one does.
    fn clone(&self) -> Receiver<T> {
        self.shared.with(|state, _| state.receivers += 1);
        Receiver {
            shared: Arc::clone(&self.shared),
            next: self.next,
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.with(|state, _| state.receivers -= 1);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receiver").field(&self.stats()).finish()
    }
}

/// Waiting for the next item.
struct Receiving<'a, T> {
    next: &'a mut u64,
    item: PhantomData<fn() -> T>,
}

impl<T> Wait for Receiving<'_, T> {
    type State = State<T>;
    type Want = ();
    type Grant = ();
    type Output = Result<Arc<T>, Lagging>;

    fn line(state: &mut State<T>) -> &mut WaitList<(), ()> {
        &mut state.line
    }

    fn begin(&mut self, state: &mut State<T>, _: &mut Wakers) -> Result<Self::Output, ()> {
        state.receive(self.next).ok_or(())
    }

    fn finish(&mut self, (): (), state: &mut State<T>, _: &mut Wakers) -> Self::Output {
        let received = state.receive(self.next);
        received.expect("who is granted anything was sent an item or the end")
    }

    /// Everybody gets the same news, so nobody has anything to pass on.
    fn abandon(&self, _: Departed<()>, _: &mut State<T>, _: &mut Wakers) {}
}

/// The future of [`Receiver::recv`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Recv<'a, T: 'a>(Waiting<'a, Receiving<'a, T>>);

impl<T> Future for Recv<'_, T> {
    type Output = Result<Arc<T>, Lagging>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl<T> fmt::Debug for Recv<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recv").field(&self.0.stage_name()).finish()
    }
}
