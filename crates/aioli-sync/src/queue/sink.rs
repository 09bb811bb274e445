//! A queue as a sink.

use super::outbox::Outbox;
use super::state::{Putting, State};
use super::{OrderedQueue, RawLock};
use crate::error::PutError;
use crate::order::{Fifo, Order};
use futures_sink::Sink;
use std::fmt;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

impl<T, O: Order<T>> OrderedQueue<T, O> {
    /// Makes a `Sink` of this handle, for the combinators of the `futures` family.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::{StreamExt, stream};
    ///
    /// # futures::executor::block_on(async {
    /// let queue = aioli_sync::Queue::new(8);
    /// stream::iter([Ok(1), Ok(2)]).forward(queue.clone().into_sink()).await?;
    /// assert_eq!(queue.len(), 2);
    /// # Ok::<(), aioli_sync::PutError<i32>>(())
    /// # }).unwrap();
    /// ```
    pub const fn into_sink(self) -> PutSink<T, O> {
        PutSink {
            handle: Handle(self),
            outbox: Outbox::new(),
        }
    }
}

/// A queue as a sink: from [`OrderedQueue::into_sink`].
///
/// It accepts one item beyond what the queue holds, which is in the queue once the sink has been
/// flushed and is dropped with the sink before that. Closing it flushes it: the queue may have
/// other producers, so it is not shut down.
#[must_use = "sinks do nothing unless something is sent"]
pub struct PutSink<T, O: Order<T> = Fifo> {
    handle: Handle<T, O>,
    outbox: Outbox<Handle<T, O>, Putting<T, O>>,
}

/// Leads to the state as the outbox wants it.
struct Handle<T, O: Order<T>>(OrderedQueue<T, O>);

impl<T, O: Order<T>> Clone for Handle<T, O> {
    fn clone(&self) -> Self {
        Handle(self.0.clone())
    }
}

impl<T, O: Order<T>> Deref for Handle<T, O> {
    type Target = RawLock<State<T, O>>;

    fn deref(&self) -> &RawLock<State<T, O>> {
        &self.0.shared.state
    }
}

/// An item leaves the sink whole: nothing points into it.
impl<T, O: Order<T>> Unpin for PutSink<T, O> {}

impl<T, O: Order<T>> Sink<T> for PutSink<T, O> {
    type Error = PutError<T>;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.outbox.poll_ready(cx)
    }

    /// # Panics
    ///
    /// If the sink was not ready.
    fn start_send(mut self: Pin<&mut Self>, item: T) -> Result<(), Self::Error> {
        let PutSink { handle, outbox } = &mut *self;
        outbox.send(handle, handle.0.putting(item))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.outbox.poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.poll_flush(cx)
    }
}

impl<T, O: Order<T>> fmt::Debug for PutSink<T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PutSink")
            .field("queue", &self.handle.0)
            .field("is_full", &self.outbox.is_full())
            .finish()
    }
}
