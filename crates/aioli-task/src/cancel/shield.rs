//! Shields: requests wait outside until the body is done.

use std::future::Future;
use std::panic::resume_unwind;

use super::exit::{Exit, ExitFuture};

/// Runs `f` to its end; requests to cancel that arrive meanwhile are delivered right after.
///
/// This is trio's shield, made for clean-up: the caller is held up until `f` is done. What
/// asyncio calls `shield` is [`Task::shielded`](crate::Task::shielded).
///
/// # Cancel safety
///
/// Dropping the returned future drops `f`; a request it keeps goes to the next handler outwards.
///
/// # Examples
///
/// ```
/// use aioli_task::{run, shield, spawn, yield_now};
///
/// run(async {
///     let task = spawn(async {
///         shield(async {
///             yield_now().await;
///             yield_now().await;
///         }).await;
///         "done" // no suspension follows, so the request finds nothing left to cancel
///     });
///     yield_now().await;
///     task.cancel();
///     assert_eq!(task.await, "done");
/// });
/// ```
#[must_use = "futures do nothing unless awaited"]
pub fn shield<F: Future>(f: F) -> impl Future<Output = F::Output> {
    let body = ExitFuture::new(f, true);
    async move {
        match body.await {
            Exit::Value(value) => value,
            // Only what is raised inside the body gets here.
            Exit::Cancelled(cancelled) => cancelled.raise().await,
            Exit::Panicked(panic) => resume_unwind(panic),
        }
    }
}
