//! What is around the requests of a session: retries, middleware, and answers without a network.

use std::future::Future;
use std::sync::Arc;

use super::SessionBuilder;
use crate::error::Result;
use crate::middleware::{self, Next, Request};
use crate::mock::{Mock, MockRequest, MockServer};
use crate::response::Response;
use crate::retry::Retry;
use crate::trace::Trace;

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

    /// Puts a function around each request: it sees the request, has it carried out by
    /// [`next.run`](Next::run), and sees the response.
    ///
    /// The first one given is the outermost. It is called once for each request that is awaited,
    /// not for each redirect or retry; see [`Request`] for what it sees. What the function holds
    /// over an await must be `Send`, and its future owns what it needs: captured state is cloned
    /// into an `async move` block.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use aioli_http::{HeaderValue, Mock, Session};
    ///
    /// # aioli_task::run(async {
    /// let count = Arc::new(AtomicU32::new(0));
    /// let counted = count.clone();
    /// let session = Session::builder()
    ///     .with(async |mut request, next| {
    ///         request.headers_mut().insert("x-trace", HeaderValue::from_static("7"));
    ///         next.run(request).await
    ///     })
    ///     .with(move |request, next| {
    ///         let count = counted.clone();
    ///         async move {
    ///             let response = next.run(request).await?;
    ///             count.fetch_add(1, Ordering::Relaxed);
    ///             Ok(response)
    ///         }
    ///     })
    ///     .mock(async |request| Mock::text(200, request.header("x-trace").unwrap_or("none")))
    ///     .build()?;
    /// assert_eq!(session.get("http://a.example/").await?.text().await?, "7");
    /// assert_eq!(count.load(Ordering::Relaxed), 1);
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "aiohttp.ClientSession.middlewares")]
    pub fn with<F, R>(mut self, function: F) -> SessionBuilder
    where
        F: Fn(Request, Next) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Response>> + Send + 'static,
    {
        self.config.middleware.push(middleware::layer(function));
        self
    }

    /// Tells `trace` what the requests of the session are doing; it may be called for several.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Session, StatusCode, Trace, TraceContext};
    ///
    /// struct Log;
    ///
    /// impl Trace for Log {
    ///     fn request_end(&self, request: &TraceContext, status: StatusCode) {
    ///         println!("{} {}: {status}", request.method(), request.url());
    ///     }
    /// }
    ///
    /// let session = Session::builder().trace(Log).build()?;
    /// # let _ = session;
    /// # Ok::<(), aioli_http::Error>(())
    /// ```
    #[doc(alias = "aiohttp.ClientSession.trace_configs")]
    pub fn trace(mut self, trace: impl Trace) -> SessionBuilder {
        let traces = self.config.traces.get_or_insert_default();
        let traces = Arc::get_mut(traces).expect("a builder is not shared");
        traces.push(trace);
        self
    }
}
