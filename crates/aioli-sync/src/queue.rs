//! Queues that know when their work is done.
//!
//! One type, [`OrderedQueue`], in three orders: [`Queue`], [`PriorityQueue`], [`LifoQueue`].

pub use crate::order::{Fifo, Lifo, Order, Priority};
pub use builder::QueueBuilder;
pub use futures::{Get, Join, Put};
#[cfg(feature = "sink")]
pub use sink::PutSink;
pub use taken::{DoneMark, Taken};

pub use crate::stats::QueueStats;

use super::primitive::{IS_SHARED, Ref};
use super::raw_lock::RawLock;
#[cfg(feature = "sink")]
use super::sink as outbox;
use super::waiting::{self, Waiting};
use crate::buffer::{Bounds, Items, Loss};
use crate::error::{TaskDoneError, TryGetError, TryPutError};
use state::{Getting, Joining, Putting, State};
use std::fmt;
use std::panic::resume_unwind;

#[path = "queue/builder.rs"]
mod builder;
#[path = "queue/futures.rs"]
mod futures;
#[cfg(feature = "sink")]
#[path = "queue/sink.rs"]
mod sink;
#[path = "queue/state.rs"]
mod state;
#[path = "queue/taken.rs"]
mod taken;

/// A queue that yields items in the order in which they were put.
///
/// See [`OrderedQueue`] for its methods.
///
/// # Examples
///
/// ```
/// let queue = aioli_sync::Queue::unbounded();
/// queue.try_put("old").unwrap();
/// queue.try_put("new").unwrap();
/// assert_eq!(queue.try_get(), Ok("old"));
/// ```
#[doc(alias = "asyncio.Queue")]
pub type Queue<T> = OrderedQueue<T, Fifo>;

/// A queue that yields the smallest item first, and the oldest among equals.
///
/// An item's `Ord` runs under the queue's lock, so it must not use the queue. Wrap items in
/// [`std::cmp::Reverse`] to get the greatest first. See [`OrderedQueue`] for its methods.
///
/// # Examples
///
/// ```
/// use aioli_sync::PriorityQueue;
///
/// let queue = PriorityQueue::unbounded();
/// for job in [(3, "sweep"), (1, "alarm"), (2, "mail")] {
///     queue.try_put(job).unwrap();
/// }
/// assert_eq!(queue.try_get(), Ok((1, "alarm")));
/// ```
#[doc(alias = "asyncio.PriorityQueue")]
pub type PriorityQueue<T> = OrderedQueue<T, Priority>;

/// A queue that yields the newest item first.
///
/// See [`OrderedQueue`] for its methods.
///
/// # Examples
///
/// ```
/// use aioli_sync::LifoQueue;
///
/// let queue = LifoQueue::unbounded();
/// queue.try_put("old").unwrap();
/// queue.try_put("new").unwrap();
/// assert_eq!(queue.try_get(), Ok("new"));
/// ```
#[doc(alias = "asyncio.LifoQueue")]
pub type LifoQueue<T> = OrderedQueue<T, Lifo>;

/// A queue between tasks: the one type behind [`Queue`], [`PriorityQueue`], [`LifoQueue`].
///
/// A queue is a cheap handle: its clones are the same queue. It may be bounded, and then
/// [`put`](Self::put) waits for room, which is how a fast producer is slowed down. Beyond a
/// channel it counts what was put and not yet [done](Self::task_done), so that
/// [`join`](Self::join) can wait for the work and not only for the queue to be empty.
///
/// Who waits is served in order of arrival: an item that is put belongs to the first waiting
/// getter, a slot that gets free to the first waiting putter, and nobody who comes later can
/// take it. [`len`](Self::len) counts such promised items until their getter has run.
///
/// # Examples
///
/// Two workers share what one producer puts:
///
/// ```
/// use aioli_sync::Queue;
/// use futures::{executor::block_on, join};
/// use std::cell::Cell;
///
/// let queue = Queue::new(2);
/// let sum = Cell::new(0);
/// let worker = |queue: Queue<u32>| queue.for_each(async |item| sum.set(sum.get() + item));
/// let producer = async {
///     for item in 1..=10 {
///         queue.put(item).await.unwrap();
///     }
///     queue.join().await;
///     queue.shutdown();
/// };
/// block_on(async { join!(worker(queue.clone()), worker(queue.clone()), producer) });
/// assert_eq!(sum.get(), 55);
/// ```
pub struct OrderedQueue<T, O: Order<T>> {
    shared: Ref<Shared<T, O>>,
}

/// What all handles of a queue lead to.
struct Shared<T, O: Order<T>> {
    state: RawLock<State<T, O>>,
    /// Weighs an item, outside the lock and once, in a queue with a bound for that.
    weigh: Option<fn(&T) -> usize>,
}

impl<T, O: Order<T>> OrderedQueue<T, O> {
    /// Creates a queue that holds at most `maxsize` items.
    ///
    /// # Panics
    ///
    /// If `maxsize` is 0. In asyncio that means no bound; here that is
    /// [`unbounded`](Self::unbounded).
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = aioli_sync::Queue::new(1);
    /// queue.try_put("a").unwrap();
    /// assert!(queue.is_full());
    /// ```
    #[must_use]
    pub fn new(maxsize: usize) -> Self {
        assert!(
            maxsize > 0,
            "a queue for 0 items cannot be used; for a queue without a bound write `unbounded()`"
        );
        OrderedQueue::build(Bounds::items(maxsize), None)
    }

    /// Creates a queue without a bound: [`put`](Self::put) never waits.
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = aioli_sync::Queue::unbounded();
    /// (0..1000).for_each(|n| queue.try_put(n).unwrap());
    /// assert_eq!(queue.maxsize(), None);
    /// ```
    #[must_use]
    pub fn unbounded() -> Self {
        OrderedQueue::build(Bounds::NONE, None)
    }

    fn build(bounds: Bounds, weigh: Option<fn(&T) -> usize>) -> Self {
        let state = RawLock::new(State::new(bounds, weigh.is_some()));
        OrderedQueue {
            shared: Ref::new(Shared { state, weigh }),
        }
    }

    /// Puts an item in, waiting for room.
    ///
    /// # Errors
    ///
    /// [`PutError`](crate::PutError) with the item: the queue was shut down before it was in, or
    /// it alone weighs more than the queue may hold.
    ///
    /// # Cancel safety
    ///
    /// A `put` that is dropped before it has completed has put nothing; the item is dropped
    /// with it. A slot that had just been granted goes to the next in line.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let queue = aioli_sync::Queue::new(5);
    /// queue.put("item").await?;
    /// assert_eq!(queue.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "asyncio.Queue.put")]
    pub fn put(&self, item: T) -> Put<'_, T, O> {
        Put(Waiting::new(&self.shared.state, self.putting(item)))
    }

    fn putting(&self, item: T) -> Putting<T, O> {
        let weight = self.weigh(&item);
        Putting::new(item, weight)
    }

    fn weigh(&self, item: &T) -> usize {
        self.shared.weigh.map_or(0, |weigh| weigh(item))
    }

    /// Takes an item out, waiting for one.
    ///
    /// # Errors
    ///
    /// [`ShutDown`](crate::ShutDown), if the queue was shut down and no item is left. So a
    /// consumer's loop reads `while let Ok(item) = queue.get().await`.
    ///
    /// # Cancel safety
    ///
    /// A `get` that is dropped before it has completed leaves its item where it was, for
    /// the next in line.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let queue = aioli_sync::Queue::unbounded();
    /// queue.put(7).await?;
    /// assert_eq!(queue.get().await?, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "asyncio.Queue.get")]
    pub fn get(&self) -> Get<'_, T, O> {
        Get(Waiting::new(&self.shared.state, Getting::new()))
    }

    /// Puts an item in if there is room now.
    ///
    /// # Errors
    ///
    /// [`TryPutError`] with the item: the queue is full, or was shut down.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_sync::{Queue, TryPutError};
    ///
    /// let queue = Queue::new(1);
    /// queue.try_put("a").unwrap();
    /// assert_eq!(queue.try_put("b"), Err(TryPutError::Full("b")));
    /// ```
    #[doc(alias = "asyncio.Queue.put_nowait")]
    pub fn try_put(&self, item: T) -> Result<(), TryPutError<T>> {
        let weight = self.weigh(&item);
        self.shared
            .state
            .with_order(O::Items::COMPARES, |state, wakers| {
                state.try_put(item, weight, wakers)
            })
    }

    /// Takes an item out if there is one now.
    ///
    /// # Errors
    ///
    /// [`TryGetError`]: the queue is empty, or was shut down as well.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_sync::{Queue, TryGetError};
    ///
    /// let queue = Queue::<u32>::new(1);
    /// assert_eq!(queue.try_get(), Err(TryGetError::Empty));
    /// ```
    #[doc(alias = "asyncio.Queue.get_nowait")]
    pub fn try_get(&self) -> Result<T, TryGetError> {
        let got = self.shared.state.with(State::try_get);
        got.unwrap_or_else(|lost| lost.resume())
    }

    /// Counts one item that was got as done.
    ///
    /// [`take`](Self::take) and [`for_each`](Self::for_each) do this by themselves.
    ///
    /// # Errors
    ///
    /// [`TaskDoneError`], if every item that was ever put is done already.
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = aioli_sync::Queue::unbounded();
    /// queue.try_put('x').unwrap();
    /// queue.try_get().unwrap();
    /// assert!(queue.task_done().is_ok());
    /// assert!(queue.task_done().is_err());
    /// ```
    #[doc(alias = "asyncio.Queue.task_done")]
    pub fn task_done(&self) -> Result<(), TaskDoneError> {
        self.shared
            .state
            .with(|state, wakers| state.task_done(wakers))
    }

    /// Waits until every item that was put is done.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let queue = aioli_sync::Queue::<u32>::unbounded();
    /// queue.join().await;
    /// # });
    /// ```
    #[doc(alias = "asyncio.Queue.join")]
    pub fn join(&self) -> Join<'_, T, O> {
        Join(Waiting::new(&self.shared.state, Joining::new()))
    }

    /// Lets nothing more in: `put`s fail at once, `get`s once the queue is empty.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_sync::{Queue, TryGetError};
    ///
    /// let queue = Queue::unbounded();
    /// queue.try_put(1).unwrap();
    /// queue.shutdown();
    /// assert!(queue.try_put(2).is_err());
    /// assert_eq!(queue.try_get(), Ok(1));
    /// assert_eq!(queue.try_get(), Err(TryGetError::ShutDown));
    /// ```
    #[doc(alias = "asyncio.Queue.shutdown")]
    pub fn shutdown(&self) {
        self.shared
            .state
            .with(|state, wakers| state.shutdown(wakers));
    }

    /// Shuts down and empties the queue. The items count as done and are returned.
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = aioli_sync::Queue::unbounded();
    /// queue.try_put("left over").unwrap();
    /// assert_eq!(queue.shutdown_now(), ["left over"]);
    /// assert_eq!(queue.stats().unfinished, 0);
    /// ```
    pub fn shutdown_now(&self) -> Vec<T> {
        let (items, panics) = self
            .shared
            .state
            .with(|state, wakers| state.shutdown_now(wakers));
        let first = panics.into_iter().next();
        if let Some(panic) = first {
            drop(items);
            resume_unwind(panic);
        }
        items
    }

    /// How many items are in the queue.
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = aioli_sync::Queue::unbounded();
    /// queue.try_put('a').unwrap();
    /// assert_eq!(queue.len(), 1);
    /// ```
    #[doc(alias = "asyncio.Queue.qsize")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.stats().len
    }

    /// Whether no item is in the queue.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(aioli_sync::Queue::<u32>::new(1).is_empty());
    /// ```
    #[doc(alias = "asyncio.Queue.empty")]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the queue holds as much as it may.
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = aioli_sync::Queue::new(1);
    /// queue.try_put('a').unwrap();
    /// assert!(queue.is_full());
    /// ```
    #[doc(alias = "asyncio.Queue.full")]
    #[must_use]
    pub fn is_full(&self) -> bool {
        let stats = self.stats();
        stats.maxsize == Some(stats.len) || stats.max_bytes == Some(stats.bytes)
    }

    /// The bound, if there is one.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(aioli_sync::Queue::<u32>::new(3).maxsize(), Some(3));
    /// ```
    #[doc(alias = "asyncio.Queue.maxsize")]
    #[must_use]
    pub fn maxsize(&self) -> Option<usize> {
        self.stats().maxsize
    }

    /// A look at the queue and at its lines.
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = aioli_sync::Queue::new(3);
    /// queue.try_put('a').unwrap();
    /// queue.try_get().unwrap();
    /// let stats = queue.stats();
    /// assert_eq!((stats.len, stats.unfinished), (0, 1));
    /// ```
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        self.shared.state.read(State::stats)
    }
}

impl<T, O: Order<T>> Clone for OrderedQueue<T, O> {
    /// Another handle of the same queue.
    fn clone(&self) -> Self {
        OrderedQueue {
            shared: Ref::clone(&self.shared),
        }
    }
}

impl<T, O: Order<T>> fmt::Debug for OrderedQueue<T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.stats(), f)
    }
}
