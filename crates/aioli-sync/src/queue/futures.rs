//! What the operations of a queue return.

use crate::error::ShutDown;
use crate::queue::state::{Getting, Joining, Putting};
use crate::queue::{Fifo, Order, OrderedQueue};
use crate::waiting::Waiting;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The future of [`OrderedQueue::put`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Put<'a, T: 'a, O: Order<T> + 'a = Fifo>(pub(super) Waiting<'a, Putting<T, O>>);

/// The future of [`OrderedQueue::get`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Get<'a, T: 'a, O: Order<T> + 'a = Fifo>(pub(super) Waiting<'a, Getting<T, O>>);

/// The future of [`OrderedQueue::join`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Join<'a, T: 'a, O: Order<T> + 'a = Fifo>(pub(super) Waiting<'a, Joining<T, O>>);

impl<T, O: Order<T>> Future for Put<'_, T, O> {
    type Output = Result<(), ShutDown<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl<T, O: Order<T>> Future for Get<'_, T, O> {
    type Output = Result<T, ShutDown>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl<T, O: Order<T>> Future for Join<'_, T, O> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl<T, O: Order<T>> fmt::Debug for Put<'_, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Put").field(&self.0.stage_name()).finish()
    }
}

impl<T, O: Order<T>> fmt::Debug for Get<'_, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Get").field(&self.0.stage_name()).finish()
    }
}

impl<T, O: Order<T>> fmt::Debug for Join<'_, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Join").field(&self.0.stage_name()).finish()
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
    pub(super) fn new(item: T, queue: OrderedQueue<T, O>) -> Taken<T, O> {
        Taken {
            item,
            mark: DoneMark { queue },
        }
    }

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
