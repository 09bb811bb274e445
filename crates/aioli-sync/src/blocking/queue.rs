//! A queue's ends for threads that have no executor.

use crate::error::{PutError, ShutDown};
use crate::order::Order;
use crate::queue::{OrderedQueue, Taken};

impl<T, O: Order<T>> OrderedQueue<T, O> {
    /// Puts an item in as [`put`](Self::put) does, blocking the thread.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = aioli_sync::Queue::new(1);
    /// let thread = std::thread::spawn({
    ///     let queue = queue.clone();
    ///     move || (1..=3).try_for_each(|n| queue.blocking_put(n))
    /// });
    /// futures::executor::block_on(async {
    ///     for n in 1..=3 {
    ///         assert_eq!(queue.get().await, Ok(n));
    ///     }
    /// });
    /// thread.join().unwrap().unwrap();
    /// ```
    pub fn blocking_put(&self, item: T) -> Result<(), PutError<T>> {
        super::wait(self.put(item))
    }

    /// Takes an item out as [`get`](Self::get) does, blocking the thread.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = aioli_sync::Queue::unbounded();
    /// queue.try_put('a').unwrap();
    /// assert_eq!(queue.blocking_get(), Ok('a'));
    /// ```
    pub fn blocking_get(&self) -> Result<T, ShutDown> {
        super::wait(self.get())
    }

    /// Takes an item out as [`take`](Self::take) does, blocking the thread.
    ///
    /// # Errors
    ///
    /// As [`take`](Self::take).
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = aioli_sync::Queue::unbounded();
    /// queue.try_put('a').unwrap();
    /// drop(queue.blocking_take().unwrap());
    /// assert_eq!(queue.stats().unfinished, 0);
    /// ```
    pub fn blocking_take(&self) -> Result<Taken<T, O>, ShutDown> {
        super::wait(self.take())
    }

    /// Waits as [`join`](Self::join) does, blocking the thread.
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = aioli_sync::Queue::new(1);
    /// let worker = queue.clone();
    /// std::thread::spawn(move || drop(worker.blocking_take()));
    /// queue.blocking_put("job").unwrap();
    /// queue.blocking_join();
    /// ```
    pub fn blocking_join(&self) {
        super::wait(self.join());
    }
}
