//! What the tests share: a log, futures that take passes, foreign combinators.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use aioli_task::{Exit, Runner, Stop, exit, shield, yield_now};

/// Notes what happened, in order.
#[derive(Clone, Default)]
pub(crate) struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    pub(crate) fn put(&self, text: impl Into<String>) {
        self.0.borrow_mut().push(text.into());
    }

    pub(crate) fn joined(&self) -> String {
        self.0.borrow().join(",")
    }
}

/// Suspends for so many passes.
pub(crate) async fn passes(count: usize) {
    for _ in 0..count {
        yield_now().await;
    }
}

/// Never ends by itself.
pub(crate) async fn forever() {
    std::future::pending::<()>().await;
}

/// Runs `main` on a loop that panics instead of hanging.
pub(crate) fn run<F: Future>(main: F) -> Result<F::Output, Stop> {
    let mut runner = Runner::builder()
        .virtual_clock()
        .panic_when_idle(true)
        .build();
    let result = runner.run(main);
    runner.close();
    result
}

/// Runs `body`, then `cleanup` whichever way it ended, then goes on with that end.
pub(crate) async fn finally<T>(
    body: impl Future<Output = T>,
    cleanup: impl Future<Output = ()>,
) -> T {
    match exit(body).await {
        Exit::Value(value) => {
            shield(cleanup).await;
            value
        }
        Exit::Cancelled(cancelled) => {
            let kept = cancelled.keep();
            shield(cleanup).await;
            kept.raise().await
        }
        Exit::Panicked(panic) => {
            shield(cleanup).await;
            std::panic::resume_unwind(panic)
        }
    }
}

/// Polls the first future once and never again: a stream that is buffered and not drained.
pub(crate) struct OnlyOnce<A, B> {
    pub(crate) first: Pin<Box<A>>,
    pub(crate) second: Pin<Box<B>>,
    pub(crate) polled: bool,
}

impl<A: Future, B: Future> Future for OnlyOnce<A, B> {
    type Output = B::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<B::Output> {
        if !std::mem::replace(&mut self.polled, true) {
            let _ = self.first.as_mut().poll(cx);
        }
        self.second.as_mut().poll(cx)
    }
}
