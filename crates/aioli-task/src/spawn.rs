//! Putting futures on a loop: `spawn` and its variants, and `yield_now`.

use std::future::{Future, poll_fn};
use std::panic::Location;
use std::task::Poll;

use crate::context::{self, Context};
use crate::event_loop::local;
use crate::task::{self, Start, Task};

/// Puts `future` on this thread's loop as a task. It is first polled in the next pass.
///
/// The future need not be `Send`. The task starts with a copy of the caller's
/// [context](crate::Context). Dropping the returned handle detaches the task.
///
/// # Panics
///
/// When no loop runs on this thread.
///
/// # Examples
///
/// ```
/// aioli_task::run(async {
///     let rc = std::rc::Rc::new(20); // nothing here is `Send`
///     let task = aioli_task::spawn(async move { *rc + 1 });
///     assert_eq!(task.await, 21);
/// });
/// ```
#[doc(alias = "asyncio.create_task")]
#[doc(alias = "asyncio.ensure_future")]
#[track_caller]
pub fn spawn<F>(future: F) -> Task<F::Output>
where
    F: Future<Output: 'static> + 'static,
{
    let location = Location::caller();
    let task = local::with(|local| task::create(local, future, Start::Queued, location))
        .expect("spawn needs a running loop on this thread");
    context::inherit(task.0.header());
    task
}

/// Like [`spawn`], in a given context.
///
/// # Panics
///
/// When no loop runs on this thread.
///
/// # Examples
///
/// ```
/// use aioli_task::{ContextVar, copy_context, run, spawn_in};
///
/// static USER: ContextVar<&str> = ContextVar::new();
/// run(async {
///     let context = copy_context();
///     USER.set("ann");
///     assert_eq!(spawn_in(context, async { USER.get() }).await, None);
/// });
/// ```
#[track_caller]
pub fn spawn_in<F>(context: Context, future: F) -> Task<F::Output>
where
    F: Future<Output: 'static> + 'static,
{
    let location = Location::caller();
    let task = local::with(|local| task::create(local, future, Start::Queued, location))
        .expect("spawn_in needs a running loop on this thread");
    task.0.header().put_context(context);
    task
}

/// Like [`spawn`], but polls the future at once; only if it is pending is the task queued.
///
/// # Panics
///
/// When no loop runs on this thread.
///
/// # Examples
///
/// ```
/// aioli_task::run(async {
///     let task = aioli_task::spawn_eager(async { 1 });
///     assert!(task.is_done());
/// });
/// ```
#[doc(alias = "asyncio.eager_task_factory")]
#[track_caller]
pub fn spawn_eager<F>(future: F) -> Task<F::Output>
where
    F: Future<Output: 'static> + 'static,
{
    let location = Location::caller();
    let task = local::with(|local| task::create(local, future, Start::Eager, location))
        .expect("spawn_eager needs a running loop on this thread");
    context::inherit(task.0.header());
    task.0.step_eagerly();
    task
}

/// Lets everything else that is ready run first: one pass of the loop.
///
/// Works on any executor.
///
/// # Cancel safety
///
/// Nothing is lost.
///
/// # Examples
///
/// ```
/// aioli_task::run(async { aioli_task::yield_now().await });
/// ```
#[doc(alias = "asyncio.sleep")]
#[must_use = "futures do nothing unless awaited"]
pub fn yield_now() -> impl Future<Output = ()> + Send + Sync + Unpin {
    let mut yielded = false;
    poll_fn(move |cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}
