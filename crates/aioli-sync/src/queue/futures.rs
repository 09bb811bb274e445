//! The futures of a queue's operations.

use super::state::{Getting, Joining, Putting};
use super::waiting::Waiting;
use crate::buffer::Loss;
use crate::error::{PutError, ShutDown};
use crate::order::{Fifo, Order};
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The future of [`OrderedQueue::put`](crate::queue::OrderedQueue::put).
#[must_use = "futures do nothing unless they are awaited"]
pub struct Put<'a, T: 'a, O: Order<T> + 'a = Fifo>(pub(super) Waiting<'a, Putting<T, O>>);

/// The future of [`OrderedQueue::get`](crate::queue::OrderedQueue::get).
#[must_use = "futures do nothing unless they are awaited"]
pub struct Get<'a, T: 'a, O: Order<T> + 'a = Fifo>(pub(super) Waiting<'a, Getting<T, O>>);

/// The future of [`OrderedQueue::join`](crate::queue::OrderedQueue::join).
#[must_use = "futures do nothing unless they are awaited"]
pub struct Join<'a, T: 'a, O: Order<T> + 'a = Fifo>(pub(super) Waiting<'a, Joining<T, O>>);

impl<T, O: Order<T>> Future for Put<'_, T, O> {
    type Output = Result<(), PutError<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl<T, O: Order<T>> Future for Get<'_, T, O> {
    type Output = Result<T, ShutDown>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let got = Pin::new(&mut self.0).poll(cx);
        got.map(|got| got.unwrap_or_else(|lost| lost.resume()))
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
