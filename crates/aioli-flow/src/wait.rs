//! Waiting for some of several tasks, without cancelling or unwinding anything.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use aioli_task::{Seconds, Task, Tasks};

use crate::branch::Judge;
use crate::timeout::{Length, Limit, Timer};
use crate::watch::Watch;

/// Waits for tasks: for all of them, or for the first that completes or fails.
///
/// Awaiting it gives the tasks that are done and those that are pending, both in their order, and
/// leaves `tasks` empty. Nothing is raised and nobody is cancelled, also when the
/// [`timeout`](Wait::timeout) is over; which tasks are done is decided when it returns. Waiting for
/// no tasks returns at once.
///
/// # Cancel safety
///
/// When the future is dropped, `tasks` has all of them still, and they run on.
///
/// # Examples
///
/// ```
/// use aioli_flow::{First, wait};
/// use aioli_task::SpawnAll;
/// use aioli_time::sleep;
/// use std::time::Duration;
///
/// aioli_task::run(async {
///     let naps = [3600, 0].map(|seconds| sleep(Duration::from_secs(seconds)));
///     let mut tasks = naps.spawn_all();
///     let (done, pending) = wait(&mut tasks).until(First::Completed).await;
///     assert_eq!((done.len(), pending.len()), (1, 1));
/// });
/// ```
#[doc(alias = "asyncio.wait")]
pub fn wait<S: TaskSet>(tasks: &mut S) -> Wait<'_, S> {
    Wait {
        tasks,
        until: First::All,
        marker: PhantomData,
        limit: Limit::Length(Length(None)),
    }
}

/// What a [`wait`] is for.
#[doc(alias = "asyncio.FIRST_COMPLETED")]
#[doc(alias = "asyncio.FIRST_EXCEPTION")]
#[doc(alias = "asyncio.ALL_COMPLETED")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum First {
    /// The first task that ends, whichever way.
    Completed,
    /// The first task that was cancelled or panicked; or all, if none does. With
    /// [`until_error`](Wait::until_error) the first that returns `Err` counts as well.
    Exception,
    /// All tasks.
    #[default]
    All,
}

/// A set of tasks that [`wait`] can take apart: a `Vec` of tasks, or [`Tasks`].
pub trait TaskSet: sealed::TaskSet {}

pub(crate) mod sealed {
    use super::{Task, Tasks};

    /// Implemented in this module alone.
    pub trait TaskSet {
        type Output;

        fn tasks(&self) -> &[Task<Self::Output>];

        fn take(&mut self) -> Vec<Task<Self::Output>>;
    }

    impl<T> TaskSet for Vec<Task<T>> {
        type Output = T;

        fn tasks(&self) -> &[Task<T>] {
            self
        }

        fn take(&mut self) -> Vec<Task<T>> {
            std::mem::take(self)
        }
    }

    impl<T> TaskSet for Tasks<T> {
        type Output = T;

        fn tasks(&self) -> &[Task<T>] {
            self
        }

        fn take(&mut self) -> Vec<Task<T>> {
            std::mem::take(self).into_vec()
        }
    }
}

impl<T> TaskSet for Vec<Task<T>> {}
impl<T> TaskSet for Tasks<T> {}

/// A [`wait`] that is being set up; await it.
#[must_use = "futures do nothing unless awaited"]
pub struct Wait<'a, S: TaskSet, J = AnyOutput> {
    tasks: &'a mut S,
    until: First,
    limit: Limit,
    marker: PhantomData<fn() -> J>,
}

/// No output counts as a failure; see [`Wait::until`].
#[derive(Debug)]
pub struct AnyOutput(());

/// `Err` counts as a failure; see [`Wait::until_error`].
#[derive(Debug)]
pub struct Errors(());

impl<T> Judge<T> for AnyOutput {
    fn decides(_: &T) -> bool {
        false
    }
}

impl<T, E> Judge<Result<T, E>> for Errors {
    fn decides(output: &Result<T, E>) -> bool {
        output.is_err()
    }
}

impl<'a, S: TaskSet, J> Wait<'a, S, J> {
    /// Says what to wait for; all tasks, unless it is called.
    pub fn until(mut self, first: First) -> Wait<'a, S, J> {
        self.until = first;
        self
    }

    /// Waits for at most a length of time.
    ///
    /// # Panics
    ///
    /// When the number of seconds is NaN.
    pub fn timeout(mut self, length: impl Seconds) -> Wait<'a, S, J> {
        self.limit = Limit::Length(Length(length.into_duration()));
        self
    }
}

impl<'a, S, T, E> Wait<'a, S>
where
    S: TaskSet + sealed::TaskSet<Output = Result<T, E>>,
{
    /// Waits for the first task that returns `Err`, was cancelled, or panicked: asyncio's
    /// `FIRST_EXCEPTION`, for tasks whose failures are values.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_flow::wait;
    /// use aioli_task::spawn;
    ///
    /// aioli_task::run(async {
    ///     let mut tasks = vec![
    ///         spawn(std::future::pending()),
    ///         spawn(async { "x".parse::<u8>() }),
    ///     ];
    ///     let (done, pending) = wait(&mut tasks).until_error().await;
    ///     assert_eq!((done.len(), pending.len()), (1, 1));
    /// });
    /// ```
    pub fn until_error(self) -> Wait<'a, S, Errors> {
        let Wait { tasks, limit, .. } = self;
        Wait {
            tasks,
            until: First::Exception,
            limit,
            marker: PhantomData,
        }
    }
}

impl<S: TaskSet, J> Wait<'_, S, J> {
    /// Whether the end of this task ends the wait.
    fn is_enough(&self, task: &Task<S::Output>) -> bool
    where
        J: Judge<S::Output>,
    {
        match self.until {
            First::All => false,
            First::Completed => true,
            First::Exception => {
                let failed = task.peek(J::decides);
                failed.unwrap_or(task.is_cancelled() || task.is_panicked())
            }
        }
    }
}

impl<'a, S: TaskSet, J: Judge<S::Output>> IntoFuture for Wait<'a, S, J> {
    type Output = (Vec<Task<S::Output>>, Vec<Task<S::Output>>);
    type IntoFuture = Waiting<'a, S, J>;

    fn into_future(self) -> Waiting<'a, S, J> {
        let mut watch = Watch::new();
        for task in self.tasks.tasks() {
            watch.add(task);
        }
        let n_left = self.tasks.tasks().len();
        let timer = Timer::new(self.limit);
        Waiting {
            wait: self,
            watch,
            n_left,
            timer,
        }
    }
}

/// The future of a [`Wait`].
#[must_use = "futures do nothing unless awaited"]
pub struct Waiting<'a, S: TaskSet, J = AnyOutput> {
    wait: Wait<'a, S, J>,
    watch: Watch,
    n_left: usize,
    timer: Timer,
}

impl<S: TaskSet, J: Judge<S::Output>> Future for Waiting<'_, S, J> {
    type Output = (Vec<Task<S::Output>>, Vec<Task<S::Output>>);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Waiting {
            wait,
            watch,
            n_left,
            timer,
        } = &mut *self;
        let mut is_over = false;
        watch.poll(cx, |index| {
            *n_left -= 1;
            is_over |= wait.is_enough(&wait.tasks.tasks()[index]);
            if is_over {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        });
        if !is_over && *n_left > 0 {
            ready!(timer.poll(cx));
        }
        Poll::Ready(
            wait.tasks
                .take()
                .into_iter()
                .partition(|task| task.is_done()),
        )
    }
}

impl<S: TaskSet, J> fmt::Debug for Wait<'_, S, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("tasks", &self.tasks.tasks().len())
            .field("until", &self.until)
            .field("limit", &self.limit)
            .finish()
    }
}

impl<S: TaskSet, J> fmt::Debug for Waiting<'_, S, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Waiting").field(&self.wait).finish()
    }
}
