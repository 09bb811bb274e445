//! Whether and how this request is tried again, and what is attached to it.

use std::sync::Arc;

use super::RequestBuilder;
use crate::retry::Retry;

impl RequestBuilder {
    /// Sets when this request is tried again, in place of what the session says; `None` is never.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::Retry;
    ///
    /// # aioli_task::run(async {
    /// # let (session, url) = (aioli_http::Session::new(), aioli_http::example::serve("hello"));
    /// let paid = session
    ///     .post(url)
    ///     .header("idempotency-key", "8e03978e")
    ///     .retry(Retry::idempotent(5).unsafe_methods(true))
    ///     .body("3 cloves")
    ///     .await?;
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    pub fn retry(mut self, retry: impl Into<Option<Retry>>) -> RequestBuilder {
        self.parts.retry = retry.into().map(Arc::new);
        self
    }

    /// Attaches a value, one of each type: for the session's middleware, and for the response.
    ///
    /// # Examples
    ///
    /// ```
    /// #[derive(Clone, Debug, PartialEq)]
    /// struct Ticket(u32);
    ///
    /// # aioli_task::run(async {
    /// # let (session, url) = (aioli_http::Session::new(), aioli_http::example::serve("hello"));
    /// let response = session.get(url).extension(Ticket(7)).await?;
    /// assert_eq!(response.extensions().get(), Some(&Ticket(7)));
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "aiohttp.ClientSession.request.trace_request_ctx")]
    pub fn extension<T: Clone + Send + Sync + 'static>(mut self, value: T) -> RequestBuilder {
        self.parts.extensions.insert(value);
        self
    }
}
