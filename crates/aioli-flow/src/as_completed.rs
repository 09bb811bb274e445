//! Tasks in the order in which they end.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use aioli_task::Task;
use futures_core::Stream;

use crate::watch::Watch;

/// `as_completed` on anything that can be iterated into tasks.
pub trait CompletionOrder: IntoIterator + Sized {
    /// Hands the tasks back one by one, as they end; awaiting what is handed back takes no time.
    ///
    /// ```
    /// use aioli_flow::CompletionOrder;
    /// use aioli_task::SpawnAll;
    /// use aioli_time::sleep;
    /// use std::time::Duration;
    ///
    /// aioli_task::run(async {
    ///     let tasks = [20, 0, 10].map(|ms| async move {
    ///         sleep(Duration::from_millis(ms)).await;
    ///         ms
    ///     });
    ///     let mut done = tasks.spawn_all().as_completed();
    ///     let mut order = Vec::new();
    ///     while let Some(task) = done.next().await {
    ///         order.push(task.await);
    ///     }
    ///     assert_eq!(order, [0, 10, 20]);
    /// });
    /// ```
    #[doc(alias = "asyncio.as_completed")]
    #[expect(clippy::wrong_self_convention, reason = "the name is asyncio's")]
    fn as_completed<T>(self) -> AsCompleted<T>
    where
        Self: IntoIterator<Item = Task<T>>,
    {
        let mut watch = Watch::new();
        let tasks: Vec<_> = self.into_iter().map(Some).collect();
        for task in tasks.iter().flatten() {
            watch.add(task);
        }
        AsCompleted {
            n_left: tasks.len(),
            tasks,
            watch,
        }
    }
}

impl<I: IntoIterator> CompletionOrder for I {}

/// Tasks in the order in which they end; see [`CompletionOrder::as_completed`].
///
/// The tasks run on their own. Dropping this detaches those that have not been handed back;
/// [`into_rest`](AsCompleted::into_rest) keeps them.
#[must_use = "tasks are handed back only when they are asked for"]
pub struct AsCompleted<T> {
    tasks: Vec<Option<Task<T>>>,
    n_left: usize,
    watch: Watch,
}

impl<T> AsCompleted<T> {
    /// Waits for the next task that has ended, whichever way; `None` after the last.
    ///
    /// To wait for a bounded time, use `timeout(d, it.next())`: the tasks that are left stay
    /// alive, and can be waited for again.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: a task is handed back when the future returns it.
    pub async fn next(&mut self) -> Option<Task<T>> {
        std::future::poll_fn(|cx| self.poll_task(cx)).await
    }

    /// Runs `each` on every task, as they end.
    ///
    /// # Cancel safety
    ///
    /// The tasks that were not handed to `each` are detached.
    pub async fn for_each(mut self, mut each: impl AsyncFnMut(Task<T>)) {
        while let Some(task) = self.next().await {
            each(task).await;
        }
    }

    /// How many tasks have not been handed back.
    #[must_use]
    pub fn len(&self) -> usize {
        self.n_left
    }

    /// Whether all tasks have been handed back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.n_left == 0
    }

    /// The tasks that have not been handed back, in their first order.
    #[must_use]
    pub fn into_rest(self) -> Vec<Task<T>> {
        self.tasks.into_iter().flatten().collect()
    }

    fn poll_task(&mut self, cx: &mut Context<'_>) -> Poll<Option<Task<T>>> {
        let mut ended = None;
        self.watch.poll(cx, |index| {
            ended = self.tasks[index].take();
            Poll::Ready(())
        });
        match ended {
            Some(task) => {
                self.n_left -= 1;
                Poll::Ready(Some(task))
            }
            None if self.n_left == 0 => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

impl<T> Stream for AsCompleted<T> {
    type Item = Task<T>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Task<T>>> {
        self.get_mut().poll_task(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.n_left, Some(self.n_left))
    }
}

impl<T> fmt::Debug for AsCompleted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted")
            .field("left", &self.n_left)
            .finish_non_exhaustive()
    }
}
