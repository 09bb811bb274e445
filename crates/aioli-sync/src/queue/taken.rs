//! Items that are counted as done without anybody having to remember it.

use super::OrderedQueue;
use crate::error::ShutDown;
use crate::order::{Fifo, Order};
use std::fmt;
use std::ops::{Deref, DerefMut};

impl<T, O: Order<T>> OrderedQueue<T, O> {
    /// Takes an item out, waiting for one, that counts as done when it is dropped.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// As [`get`](Self::get).
    ///
    /// # Examples
    ///
    /// However the block is left, the item is counted:
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let queue = aioli_sync::Queue::unbounded();
    /// queue.put("not a number").await?;
    /// let parse = async {
    ///     let text = queue.take().await.unwrap();
    ///     text.parse::<u32>()
    /// };
    /// assert!(parse.await.is_err());
    /// queue.join().await;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub async fn take(&self) -> Result<Taken<T, O>, ShutDown> {
        let item = self.get().await?;
        let mark = DoneMark {
            queue: self.clone(),
        };
        Ok(Taken { item, mark })
    }

    /// Calls `f` with one item after the other, each of which counts as done once `f` is
    /// through with it, and ends when the queue is shut down and empty.
    ///
    /// An item counts as done however `f` ends: by returning, by a panic, or by being
    /// cancelled.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it takes no item with it. Dropped while `f` runs, the item
    /// that `f` works on is counted as done.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_sync::Queue;
    ///
    /// # futures::executor::block_on(async {
    /// let queue = Queue::unbounded();
    /// queue.put("a").await?;
    /// queue.put("b").await?;
    /// queue.shutdown();
    /// let mut seen = String::new();
    /// queue.for_each(async |item| seen.push_str(item)).await;
    /// assert_eq!(seen, "ab");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub async fn for_each(self, mut f: impl AsyncFnMut(T)) {
        while let Ok(taken) = self.take().await {
            let (item, _mark) = taken.into_parts();
            f(item).await;
        }
    }

    /// As [`for_each`](Self::for_each), until `f` fails.
    ///
    /// # Errors
    ///
    /// The first error of `f`. Its item counts as done.
    ///
    /// # Cancel safety
    ///
    /// As [`for_each`](Self::for_each).
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_sync::Queue;
    ///
    /// # futures::executor::block_on(async {
    /// let queue = Queue::unbounded();
    /// queue.put("7").await?;
    /// queue.put("seven").await?;
    /// let parse = async |text: &str| text.parse::<u32>().map(drop);
    /// assert!(queue.clone().try_for_each(parse).await.is_err());
    /// queue.join().await;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub async fn try_for_each<E>(
        self,
        mut f: impl AsyncFnMut(T) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Ok(taken) = self.take().await {
            let (item, _mark) = taken.into_parts();
            f(item).await?;
        }
        Ok(())
    }
}

/// An item that counts as done when this is dropped: from [`OrderedQueue::take`].
///
/// # Examples
///
/// ```
/// # futures::executor::block_on(async {
/// let queue = aioli_sync::Queue::unbounded();
/// queue.put(String::from("job")).await?;
/// let taken = queue.take().await?;
/// assert_eq!(taken.len(), 3);
/// drop(taken);
/// queue.join().await;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[must_use = "an item that is dropped at once counts as done"]
pub struct Taken<T, O: Order<T> = Fifo> {
    // In this order they are dropped: an item is gone before it counts as done.
    item: T,
    mark: DoneMark<T, O>,
}

impl<T, O: Order<T>> Taken<T, O> {
    /// The item, and apart from it what counts it as done when dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let queue = aioli_sync::Queue::unbounded();
    /// queue.try_put(vec![1, 2])?;
    /// let (item, mark) = queue.take().await?.into_parts();
    /// assert_eq!(item.into_iter().sum::<i32>(), 3);
    /// drop(mark);
    /// assert_eq!(queue.stats().unfinished, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub fn into_parts(self) -> (T, DoneMark<T, O>) {
        (self.item, self.mark)
    }
}

impl<T, O: Order<T>> Deref for Taken<T, O> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.item
    }
}

impl<T, O: Order<T>> DerefMut for Taken<T, O> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.item
    }
}

impl<T: fmt::Debug, O: Order<T>> fmt::Debug for Taken<T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Taken").field(&self.item).finish()
    }
}

/// Counts one item as done when dropped: half of a [`Taken`].
#[must_use = "a mark that is dropped at once counts its item as done"]
pub struct DoneMark<T, O: Order<T> = Fifo> {
    queue: OrderedQueue<T, O>,
}

impl<T, O: Order<T>> Drop for DoneMark<T, O> {
    fn drop(&mut self) {
        // Fails only if somebody has called `task_done` for our item as well; that bug is
        // theirs, and a drop is no place to report it.
        let _ = self.queue.task_done();
    }
}

impl<T, O: Order<T>> fmt::Debug for DoneMark<T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DoneMark").finish_non_exhaustive()
    }
}
