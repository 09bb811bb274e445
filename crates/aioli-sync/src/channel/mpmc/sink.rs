//! A sender as a sink.

use super::outbox::Outbox;
use super::state::Sending;
use super::{Sender, Shared};
use crate::error::SendError;
use futures_sink::Sink;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

impl<T> Sender<T> {
    /// Makes a `Sink` of the sender, for the combinators of the `futures` family.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::{StreamExt, stream};
    ///
    /// # futures::executor::block_on(async {
    /// let (tx, rx) = aioli_sync::channel(8);
    /// stream::iter([Ok(1), Ok(2)]).forward(tx.into_sink()).await?;
    /// assert_eq!(rx.collect::<Vec<_>>().await, [1, 2]);
    /// # Ok::<(), aioli_sync::SendError<i32>>(())
    /// # }).unwrap();
    /// ```
    pub const fn into_sink(self) -> SendSink<T> {
        SendSink {
            sender: self,
            outbox: Outbox::new(),
        }
    }
}

/// A [`Sender`] as a sink: from [`Sender::into_sink`].
///
/// It accepts one item beyond what the channel holds, which is in the channel once the sink has
/// been flushed and is dropped with the sink before that. Closing it closes the sender.
#[must_use = "sinks do nothing unless something is sent"]
pub struct SendSink<T> {
    sender: Sender<T>,
    outbox: Outbox<Shared<T>, Sending<T>>,
}

/// An item leaves the sink whole: nothing points into it.
impl<T> Unpin for SendSink<T> {}

impl<T> Sink<T> for SendSink<T> {
    type Error = SendError<T>;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.outbox.poll_ready(cx)
    }

    /// # Panics
    ///
    /// If the sink was not ready.
    fn start_send(mut self: Pin<&mut Self>, item: T) -> Result<(), Self::Error> {
        let SendSink { sender, outbox } = &mut *self;
        outbox.send(&sender.shared, sender.sending(item))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.outbox.poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        ready!(self.outbox.poll_flush(cx))?;
        self.sender.close();
        Poll::Ready(Ok(()))
    }
}

impl<T> fmt::Debug for SendSink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendSink")
            .field("sender", &self.sender)
            .field("is_full", &self.outbox.is_full())
            .finish()
    }
}
