//! What a session does about requests as a whole: retries, and answers in place of the network.

use std::future::Future;
use std::sync::Arc;

use super::SessionBuilder;
use crate::mock::{Mock, MockRequest, MockServer};
use crate::retry::Retry;

impl SessionBuilder {
    /// Tries requests again that fail in passing; off unless it is set.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Retry, Session};
    ///
    /// let session = Session::builder().retry(Retry::idempotent(3)).build()?;
    /// # let _ = session;
    /// # Ok::<(), aioli_http::Error>(())
    /// ```
    pub fn retry(mut self, retry: impl Into<Option<Retry>>) -> SessionBuilder {
        self.config.retry = retry.into().map(Arc::new);
        self
    }

    /// Has all requests answered by `handler`, without sockets.
    ///
    /// The handler is asked when a request has come whole. It may wait, and it may look at what
    /// it has captured; see [`Mock`] for what it can answer.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use aioli_http::{Mock, Retry, Session};
    ///
    /// # aioli_task::run(async {
    /// let asked = AtomicU32::new(0);
    /// let session = Session::builder()
    ///     .retry(Retry::idempotent(2).backoff(0.0..0.0))
    ///     .mock(move |_| {
    ///         let first = asked.fetch_add(1, Ordering::Relaxed) == 0;
    ///         async move { if first { Mock::new(503) } else { Mock::text(200, "up") } }
    ///     })
    ///     .build()?;
    /// assert_eq!(session.get("http://a.example/").await?.text().await?, "up");
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    pub fn mock<F, A>(mut self, handler: F) -> SessionBuilder
    where
        F: Fn(MockRequest) -> A + Send + Sync + 'static,
        A: Future<Output = Mock> + Send + 'static,
    {
        self.config.mock = Some(MockServer::new(handler));
        self
    }
}
