//! The ends of channels for threads that have no executor.

use crate::channel::{broadcast, mpmc, oneshot, watch};
use crate::error::{Lagging, RecvError, SendError, SenderGone};
use std::sync::Arc;

impl<T> mpmc::Sender<T> {
    /// Sends an item as [`send`](Self::send) does, blocking the thread.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = aioli_sync::channel(1);
    /// let thread = std::thread::spawn(move || (1..=3).try_for_each(|n| tx.blocking_send(n)));
    /// assert_eq!([rx.blocking_recv(), rx.blocking_recv()], [Ok(1), Ok(2)]);
    /// assert_eq!(futures::executor::block_on(rx.recv()), Ok(3));
    /// thread.join().unwrap().unwrap();
    /// ```
    pub fn blocking_send(&self, item: T) -> Result<(), SendError<T>> {
        super::wait(self.send(item))
    }
}

impl<T> mpmc::Receiver<T> {
    /// Receives an item as [`recv`](Self::recv) does, blocking the thread.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = aioli_sync::channel(1);
    /// std::thread::spawn(move || tx.blocking_send("hello"));
    /// assert_eq!(rx.blocking_recv(), Ok("hello"));
    /// ```
    pub fn blocking_recv(&self) -> Result<T, RecvError> {
        super::wait(self.recv())
    }
}

impl<T> oneshot::Receiver<T> {
    /// Blocks the thread until the value comes.
    ///
    /// # Errors
    ///
    /// [`SenderGone`], if it will not come.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = aioli_sync::oneshot::channel();
    /// std::thread::spawn(move || tx.send(1));
    /// assert_eq!(rx.blocking_recv(), Ok(1));
    /// ```
    pub fn blocking_recv(self) -> Result<T, SenderGone> {
        super::wait(self)
    }
}

impl<T> watch::Receiver<T> {
    /// Waits as [`changed`](Self::changed) does, blocking the thread.
    ///
    /// # Errors
    ///
    /// As [`changed`](Self::changed).
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, mut rx) = aioli_sync::watch::channel(0);
    /// std::thread::spawn(move || tx.send(1));
    /// assert_eq!(rx.blocking_changed().as_deref(), Ok(&1));
    /// ```
    pub fn blocking_changed(&mut self) -> Result<Arc<T>, RecvError> {
        super::wait(self.changed())
    }
}

impl<T> broadcast::Receiver<T> {
    /// Receives an item as [`recv`](Self::recv) does, blocking the thread.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, mut rx) = aioli_sync::broadcast::channel(8);
    /// std::thread::spawn(move || tx.send("news"));
    /// assert_eq!(rx.blocking_recv().as_deref(), Ok(&"news"));
    /// ```
    pub fn blocking_recv(&mut self) -> Result<Arc<T>, Lagging> {
        super::wait(self.recv())
    }
}
