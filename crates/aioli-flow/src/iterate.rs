//! Consuming any `Stream` with plain loops: asyncio's `async for`.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};

use futures_core::Stream;

/// Waits for the next item of a stream; `None` when there are no more.
///
/// For streams of other crates; ours have a method of this name.
///
/// # Cancel safety
///
/// Nothing is lost: an item is taken when it is returned.
///
/// # Examples
///
/// ```
/// use aioli_flow::next;
///
/// aioli_task::run(async {
///     let mut numbers = futures::stream::iter([1, 2]);
///     while let Some(n) = next(&mut numbers).await {
///         println!("{n}");
///     }
/// });
/// ```
#[doc(alias = "asyncio.anext")]
pub fn next<S: Stream + Unpin>(stream: &mut S) -> impl Future<Output = Option<S::Item>> {
    poll_fn(move |cx| Pin::new(&mut *stream).poll_next(cx))
}

/// Runs `body` on every item of a stream, one after the other: `async for`.
///
/// # Cancel safety
///
/// A request to cancel goes to what `body` or the stream is waiting for; the stream is dropped.
///
/// # Examples
///
/// ```
/// use aioli_flow::for_each;
///
/// aioli_task::run(async {
///     let mut sum = 0;
///     for_each(futures::stream::iter(1..=3), async |n| sum += n).await;
///     assert_eq!(sum, 6);
/// });
/// ```
#[doc(alias = "async for")]
pub async fn for_each<S: Stream>(stream: S, mut body: impl AsyncFnMut(S::Item)) {
    let mut stream = pin!(stream);
    while let Some(item) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
        body(item).await;
    }
}
