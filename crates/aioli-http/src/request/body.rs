//! What a request does with its body and with that of its response.

use super::RequestBuilder;
use crate::decode;

impl RequestBuilder {
    /// Whether content codings are asked for and decoded, for this request.
    ///
    /// See [`SessionBuilder::decompress`](crate::SessionBuilder::decompress).
    pub fn decompress(mut self, yes: bool) -> RequestBuilder {
        self.parts.decompress = yes && decode::AVAILABLE;
        self
    }
}
