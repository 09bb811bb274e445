//! What a session does with bodies.

use super::SessionBuilder;
use crate::decode;

impl SessionBuilder {
    /// Whether content codings are asked for and decoded; they are unless this says `false`.
    ///
    /// Asked for are gzip, deflate, br and zstd, unless the request or the session has an
    /// `accept-encoding` of its own, or the request a `range`. Decoded is what is known, at most
    /// three codings of one body, and no partial content. The headers `content-encoding` and
    /// `content-length` are removed from a response that is decoded, since they describe what
    /// the caller does not get; a body in a coding that is not known stays as it is, with its
    /// headers. Without the feature `compression` nothing is asked for or decoded.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::Session;
    ///
    /// let mirror = Session::builder().decompress(false).build()?;
    /// # let _ = mirror;
    /// # Ok::<(), aioli_http::Error>(())
    /// ```
    #[doc(alias = "aiohttp.ClientSession.auto_decompress")]
    pub fn decompress(mut self, yes: bool) -> SessionBuilder {
        self.config.decompress = yes && decode::AVAILABLE;
        self
    }
}
