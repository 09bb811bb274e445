//! Isolation: handlers inside a future that requests from outside do not see.

use std::future::{Future, poll_fn};
use std::pin::pin;

use super::current;

/// Runs `f` with its handlers out of the caller's tree: only a drop ends them.
///
/// For futures that are polled on behalf of several owners (a `Shared`, an actor's inbox): the
/// cancellation of one owner must not clean up what the others still use.
///
/// # Cancel safety
///
/// Dropping the returned future drops `f`, without asking the handlers inside it.
///
/// # Examples
///
/// ```
/// use aioli_task::{catch, isolate, run, spawn, yield_now};
///
/// run(async {
///     let task = spawn(async {
///         isolate(catch(std::future::pending::<()>())).await.is_err()
///     });
///     yield_now().await;
///     task.cancel();
///     assert_eq!(task.outcome().await.unwrap_err().to_string().split(' ').next(), Some("cancelled"));
/// });
/// ```
pub async fn isolate<F: Future>(f: F) -> F::Output {
    let mut f = pin!(f);
    poll_fn(|cx| current::outside(|| f.as_mut().poll(cx))).await
}
