//! A body as text and as JSON.

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::Response;
use crate::charset::{self, Unreadable};
use crate::decode;
use crate::error::{DecodeErrorKind, Error, ErrorKind, Result, Said};

impl Response {
    /// Waits for the whole body, as text.
    ///
    /// The character set is told by a byte order mark, else by `content-type`, else it is UTF-8.
    /// All sets of the [Encoding Standard](https://encoding.spec.whatwg.org) are known.
    ///
    /// # Cancel safety
    ///
    /// As [`bytes`](Response::bytes).
    ///
    /// # Errors
    ///
    /// As [`bytes`](Response::bytes), and [`ErrorKind::Decode`] when the body is not in its
    /// character set; [`text_lossy`](Response::text_lossy) has no such error.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let url = aioli_http::example::serve("hello");
    /// let page = aioli_http::get(url).await?.text().await?;
    /// assert_eq!(page, "hello");
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "aiohttp.ClientResponse.text")]
    pub async fn text(mut self) -> Result<String> {
        let bytes = self.collect().await?;
        let text = charset::decode(&self.inner.head.headers, bytes);
        text.map_err(|error| self.unreadable(error))
    }

    /// Waits for the whole body, as text in the character set that `label` names, whatever the
    /// response says.
    ///
    /// # Cancel safety
    ///
    /// As [`bytes`](Response::bytes).
    ///
    /// # Errors
    ///
    /// As [`text`](Response::text), also when there is no such character set.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let url = aioli_http::example::serve("h\u{e9}llo");
    /// let page = aioli_http::get(url).await?.text_with("latin1").await?;
    /// assert_eq!(page, "h\u{c3}\u{a9}llo");
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "aiohttp.ClientResponse.text.encoding")]
    pub async fn text_with(mut self, label: &str) -> Result<String> {
        let bytes = self.collect().await?;
        let text = charset::decode_as(label, bytes);
        text.map_err(|error| self.unreadable(error))
    }

    /// Waits for the whole body, as text with U+FFFD wherever it is malformed.
    ///
    /// # Cancel safety
    ///
    /// As [`bytes`](Response::bytes).
    ///
    /// # Errors
    ///
    /// As [`bytes`](Response::bytes).
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let url = aioli_http::example::serve("hello");
    /// let page = aioli_http::get(url).await?.text_lossy().await?;
    /// assert_eq!(page, "hello");
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "aiohttp.ClientResponse.text.errors")]
    pub async fn text_lossy(mut self) -> Result<String> {
        let bytes = self.collect().await?;
        Ok(charset::decode_lossy(&self.inner.head.headers, bytes))
    }

    /// Waits for the whole body, as JSON.
    ///
    /// The content type is not asked, for many servers get it wrong; it is in the error when the
    /// body turns out to be something else.
    ///
    /// # Cancel safety
    ///
    /// As [`bytes`](Response::bytes).
    ///
    /// # Errors
    ///
    /// As [`bytes`](Response::bytes), and [`ErrorKind::Decode`] when the body is not JSON of
    /// the wanted type.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let url = aioli_http::example::serve(r#"{"name": "anne"}"#);
    /// #[derive(serde::Deserialize)]
    /// struct User {
    ///     name: String,
    /// }
    /// let user: User = aioli_http::get(url).await?.json().await?;
    /// assert_eq!(user.name, "anne");
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "aiohttp.ClientResponse.json")]
    pub async fn json<T: DeserializeOwned>(mut self) -> Result<T> {
        let bytes = self.collect().await?;
        self.parse(bytes).map_err(|error| self.unreadable(error))
    }

    fn parse<T: DeserializeOwned>(&self, bytes: Bytes) -> Result<T, Unreadable> {
        let headers = &self.inner.head.headers;
        let json = charset::utf8(headers, bytes)?;
        serde_json::from_slice(&json).map_err(|error| Unreadable {
            // JSON of another type is JSON, whatever it was announced as.
            kind: if charset::says_json(headers) || error.is_data() {
                DecodeErrorKind::Json
            } else {
                DecodeErrorKind::ContentType
            },
            source: Some(Box::new(Said::of_json(&error))),
        })
    }

    /// The error of a body that is not what it should be: often for it is still coded.
    fn unreadable(&self, error: Unreadable) -> Error {
        let Unreadable { mut kind, source } = error;
        if decode::is_coded(&self.inner.head.headers) {
            kind = DecodeErrorKind::Coding;
        }
        self.inner
            .head
            .in_context(Error::new(ErrorKind::Decode { kind, source }))
    }
}
