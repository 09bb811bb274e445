//! Polling by hand, and counting wakers.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// A future under our own control: polled when we say so, and asked how often it was woken.
pub(crate) struct Task<'a, T> {
    future: Option<Pin<Box<dyn Future<Output = T> + 'a>>>,
    wakes: Arc<Wakes>,
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Starts a task and polls it once.
#[track_caller]
pub(crate) fn pending<'a, T>(future: impl Future<Output = T> + 'a) -> Task<'a, T> {
    let mut task = start(future);
    assert!(task.poll().is_pending(), "it should have had to wait");
    task
}

/// Starts a task without polling it.
pub(crate) fn start<'a, T>(future: impl Future<Output = T> + 'a) -> Task<'a, T> {
    Task {
        future: Some(Box::pin(future)),
        wakes: Arc::default(),
    }
}

/// What a future that must not wait yields.
#[track_caller]
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it should have been ready at once"),
    }
}

impl<T> Task<'_, T> {
    pub(crate) fn poll(&mut self) -> Poll<T> {
        self.poll_with(&self.waker())
    }

    pub(crate) fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.wakes))
    }

    /// Polls as another task would.
    pub(crate) fn poll_with(&mut self, waker: &Waker) -> Poll<T> {
        let future = self
            .future
            .as_mut()
            .expect("neither completed nor cancelled");
        let polled = future.as_mut().poll(&mut Context::from_waker(waker));
        if polled.is_ready() {
            self.future = None;
        }
        polled
    }

    /// Polls a task that must have been woken and must now complete.
    #[track_caller]
    pub(crate) fn finish(mut self) -> T {
        assert!(self.is_woken(), "nobody woke it");
        match self.poll() {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("it was woken and still waits"),
        }
    }

    pub(crate) fn is_woken(&self) -> bool {
        self.wakes.0.load(Ordering::Relaxed) > 0
    }

    /// How often it was woken since this was asked last.
    pub(crate) fn take_wakes(&self) -> usize {
        self.wakes.0.swap(0, Ordering::Relaxed)
    }

    /// How many of its wakers are anywhere.
    pub(crate) fn wakers(&self) -> usize {
        Arc::strong_count(&self.wakes) - 1
    }

    /// Drops the future, as a cancellation does.
    pub(crate) fn cancel(self) {}
}
