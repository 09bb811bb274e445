//! A queue's ends for threads that have no executor.

use crate::blocking;
use crate::error::ShutDown;
use crate::queue::{Order, OrderedQueue};

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
    pub fn blocking_put(&self, item: T) -> Result<(), ShutDown<T>> {
        blocking::wait(self.put(item))
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
        blocking::wait(self.get())
    }
}
