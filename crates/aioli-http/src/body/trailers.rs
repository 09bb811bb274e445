//! A body with fields behind it.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;

use super::concat::Concat;
use super::{Body, Pieces, Source};
use crate::error::BoxError;

impl Body {
    /// Sends fields after the body, which `make` gives once the body is out: a digest of what was
    /// sent, or what became of it.
    ///
    /// Over HTTP/1.1 the body is sent in chunks then, for only those have trailers; with a
    /// `content-length` of the caller's own they are left out. So are fields that may stand in
    /// front of a body only. `make` is called again when the body has to be sent again.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Body, HeaderMap, HeaderValue, Session};
    ///
    /// # aioli_task::run(async {
    /// # let url = aioli_http::example::serve("hello");
    /// let body = Body::from("hello").with_trailers(|| {
    ///     let mut fields = HeaderMap::new();
    ///     fields.insert("x-checksum", HeaderValue::from_static("5d41402a"));
    ///     fields
    /// });
    /// Session::new().put(url).header("trailer", "x-checksum").body(body).await?;
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    pub fn with_trailers<F>(self, make: F) -> Body
    where
        F: FnMut() -> HeaderMap + Send + 'static,
    {
        let body = Trailed {
            body: Concat::new(vec![self.0]),
            make: Box::new(make),
        };
        Body(Source::stream(None, body))
    }
}

struct Trailed {
    body: Concat,
    make: Box<dyn FnMut() -> HeaderMap + Send>,
}

impl Pieces for Trailed {
    fn poll_piece(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BoxError>>> {
        Pin::new(&mut self.body).poll_piece(cx)
    }

    fn can_rewind(&self) -> bool {
        self.body.can_rewind()
    }

    fn rewind(mut self: Pin<&mut Self>) {
        Pin::new(&mut self.body).rewind();
    }

    fn trailers(mut self: Pin<&mut Self>) -> Option<HeaderMap> {
        Some((self.make)())
    }
}
