//! Which version of the protocol a session speaks.

use super::SessionBuilder;
use crate::h2::Http2;

impl SessionBuilder {
    /// Sets whether and how HTTP/2 is spoken.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Http2, Session};
    ///
    /// let internal = Session::builder().http2(Http2::prior_knowledge()).build()?;
    /// let old = Session::builder().http2(Http2::off()).build()?;
    /// # let _ = (internal, old);
    /// # Ok::<(), aioli_http::Error>(())
    /// ```
    pub fn http2(mut self, http2: Http2) -> SessionBuilder {
        self.config.http2 = http2;
        self
    }
}
