//! A queue with more than one bound.

use super::OrderedQueue;
use crate::buffer::Bounds;
use crate::error::ZeroCapacity;
use crate::order::{Fifo, Order};
use std::fmt;
use std::marker::PhantomData;

impl<T, O: Order<T>> OrderedQueue<T, O> {
    /// As [`new`](Self::new), for a bound that is not known when the program is written.
    ///
    /// # Errors
    ///
    /// [`ZeroCapacity`], if `maxsize` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(aioli_sync::Queue::<u32>::try_new(5).is_ok());
    /// assert!(aioli_sync::Queue::<u32>::try_new(0).is_err());
    /// ```
    pub fn try_new(maxsize: usize) -> Result<Self, ZeroCapacity> {
        OrderedQueue::builder().max_items(maxsize).try_build()
    }

    /// Begins a queue, without a bound as long as none is given.
    ///
    /// # Examples
    ///
    /// At most a hundred pages, and at most a megabyte of them:
    ///
    /// ```
    /// use aioli_sync::Queue;
    ///
    /// # futures::executor::block_on(async {
    /// let pages = Queue::builder().max_items(100).max_bytes(1 << 20, String::len).build();
    /// pages.put(String::from("<html>")).await?;
    /// assert_eq!(pages.stats().bytes, 6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub const fn builder() -> QueueBuilder<T, O> {
        QueueBuilder {
            bounds: Bounds::NONE,
            weigh: None,
            order: PhantomData,
        }
    }
}

/// A queue with its bounds, from [`OrderedQueue::builder`].
#[must_use = "a builder does nothing until `build`"]
pub struct QueueBuilder<T, O: Order<T> = Fifo> {
    bounds: Bounds,
    weigh: Option<fn(&T) -> usize>,
    order: PhantomData<fn() -> O>,
}

impl<T, O: Order<T>> QueueBuilder<T, O> {
    /// Lets at most `items` items in; `usize::MAX` of them are no bound.
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = aioli_sync::Queue::<u32>::builder().max_items(2).build();
    /// assert_eq!(queue.maxsize(), Some(2));
    /// ```
    pub const fn max_items(mut self, items: usize) -> Self {
        self.bounds.items = items;
        self
    }

    /// Lets at most `bytes` in, or whatever it is that `weigh` counts.
    ///
    /// An item is weighed once, when it is to be put. One that does not fit yet waits, and those
    /// behind it wait too, however light; one that alone weighs more than `bytes` comes back with
    /// [`PutError::TooLarge`](crate::PutError::TooLarge). With `usize::MAX` the items are weighed
    /// for [`stats`](OrderedQueue::stats) only.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_sync::{Queue, TryPutError};
    ///
    /// let queue = Queue::builder().max_bytes(4, |text: &&str| text.len()).build();
    /// queue.try_put("abc").unwrap();
    /// assert_eq!(queue.try_put("de"), Err(TryPutError::Full("de")));
    /// assert_eq!(queue.try_put("fghij"), Err(TryPutError::TooLarge("fghij")));
    /// ```
    pub fn max_bytes(mut self, bytes: usize, weigh: fn(&T) -> usize) -> Self {
        self.bounds.weight = bytes;
        self.weigh = Some(weigh);
        self
    }

    /// The queue.
    ///
    /// # Panics
    ///
    /// If a bound is 0; [`try_build`](Self::try_build) returns an error.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_sync::PriorityQueue;
    ///
    /// let jobs = PriorityQueue::builder().max_items(8).build();
    /// jobs.try_put((2, "mail")).unwrap();
    /// ```
    #[must_use]
    pub fn build(self) -> OrderedQueue<T, O> {
        let queue = self.try_build();
        queue.expect("a queue with a bound of 0 cannot be used")
    }

    /// The queue, if it can be used.
    ///
    /// # Errors
    ///
    /// [`ZeroCapacity`], if a bound is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_sync::{Queue, ZeroCapacity};
    ///
    /// let built = Queue::<u32>::builder().max_items(0).try_build();
    /// assert_eq!(built.err(), Some(ZeroCapacity));
    /// ```
    pub fn try_build(self) -> Result<OrderedQueue<T, O>, ZeroCapacity> {
        match self.bounds {
            Bounds { items: 0, .. } | Bounds { weight: 0, .. } => Err(ZeroCapacity),
            bounds => Ok(OrderedQueue::build(bounds, self.weigh)),
        }
    }
}

impl<T, O: Order<T>> fmt::Debug for QueueBuilder<T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueBuilder")
            .field("max_items", &self.bounds.max_items())
            .field("max_bytes", &self.bounds.max_weight())
            .finish()
    }
}
