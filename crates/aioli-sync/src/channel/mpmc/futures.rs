//! The futures of a channel's operations.

use super::state::{Receiving, ReceivingMany, Sending};
use super::waiting::Waiting;
use crate::error::{RecvError, SendError};
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The future of [`Sender::send`](super::Sender::send).
#[must_use = "futures do nothing unless they are awaited"]
pub struct SendFuture<'a, T: 'a>(pub(super) Waiting<'a, Sending<T>>);

/// The future of [`Receiver::recv`](super::Receiver::recv).
#[must_use = "futures do nothing unless they are awaited"]
pub struct RecvFuture<'a, T: 'a>(pub(super) Waiting<'a, Receiving<T>>);

/// The future of [`Receiver::recv_many`](super::Receiver::recv_many).
#[must_use = "futures do nothing unless they are awaited"]
pub struct RecvManyFuture<'a, T: 'a>(pub(super) Waiting<'a, ReceivingMany<'a, T>>);

impl<T> Future for SendFuture<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl<T> Future for RecvFuture<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl<T> Future for RecvManyFuture<'_, T> {
    type Output = Result<usize, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl<T> fmt::Debug for SendFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SendFuture")
            .field(&self.0.stage_name())
            .finish()
    }
}

impl<T> fmt::Debug for RecvFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RecvFuture")
            .field(&self.0.stage_name())
            .finish()
    }
}

impl<T> fmt::Debug for RecvManyFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RecvManyFuture")
            .field(&self.0.stage_name())
            .finish()
    }
}
