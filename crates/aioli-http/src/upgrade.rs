//! Switching protocols: a connection that was HTTP's and is the caller's from now on.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};
use http::{HeaderMap, header};

use crate::error::{Error, ErrorKind, ProtocolErrorKind, Result};
use crate::h1::trim_ows;
use crate::pool::Connection;
use crate::response::Response;

impl Response {
    /// Takes the connection of a server that has switched protocols, or has made a tunnel.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Protocol`] with [`NoUpgrade`](ProtocolErrorKind::NoUpgrade) unless the status
    /// is 101, which it is only after [`RequestBuilder::upgrade`](crate::RequestBuilder::upgrade),
    /// or 2xx after `CONNECT`.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{ErrorKind, ProtocolErrorKind};
    ///
    /// # aioli_task::run(async {
    /// # let (session, url) = (aioli_http::Session::new(), aioli_http::example::serve("hello"));
    /// let response = session.get(url).upgrade("chat/2").await?;
    /// let error = response.upgrade().unwrap_err();
    /// assert!(matches!(error.kind(), ErrorKind::Protocol(ProtocolErrorKind::NoUpgrade)));
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    pub fn upgrade(mut self) -> Result<Upgraded> {
        match self.inner.upgraded.take() {
            Some(connection) => Ok(Upgraded::new(connection)),
            None => {
                let kind = ErrorKind::Protocol(ProtocolErrorKind::NoUpgrade);
                Err(self.inner.head.in_context(Error::new(kind)))
            }
        }
    }
}

/// A connection that speaks another protocol now, from [`Response::upgrade`] and
/// [`Session::tunnel`](crate::Session::tunnel).
///
/// It reads and writes through the traits of `futures-io`; what the server sent together with its
/// response is read first. It counts as a connection of its session until it is dropped, and no
/// time limit of the request holds for it. `poll_close` ends the sending direction.
///
/// # Examples
///
/// ```no_run
/// use futures::AsyncWriteExt;
///
/// # async fn example(response: aioli_http::Response) -> Result<(), Box<dyn std::error::Error>> {
/// let mut stream = response.upgrade()?;
/// stream.write_all(b"hello").await?;
/// stream.close().await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "dropping it closes the connection"]
pub struct Upgraded {
    connection: Box<Connection>,
}

impl Upgraded {
    pub(crate) fn new(connection: Box<Connection>) -> Upgraded {
        Upgraded { connection }
    }
}

impl AsyncRead for Upgraded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let wire = &mut self.connection.wire;
        if wire.input.is_empty() {
            return wire.transport.poll_read(cx, buf);
        }
        let n = wire.input.filled().len().min(buf.len());
        buf[..n].copy_from_slice(&wire.input.filled()[..n]);
        wire.input.consume(n);
        Poll::Ready(Ok(n))
    }
}

impl AsyncWrite for Upgraded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let transport = &mut self.connection.wire.transport;
        transport.poll_write(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.connection.wire.transport.poll_write(cx, bufs)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection.wire.transport.poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection.wire.transport.poll_finish(cx)
    }
}

/// Whether a request with these headers asks for another protocol.
pub(crate) fn is_asked(request: &HeaderMap) -> bool {
    request.contains_key(header::UPGRADE)
}

/// Whether the protocol that the server names is one that was asked for.
///
/// A server may name several, as layers (RFC 9110 section 7.8); each has to be among those.
pub(crate) fn is_accepted(request: &HeaderMap, response: &HeaderMap) -> bool {
    let mut named = protocols(response).peekable();
    named.peek().is_some()
        && named.all(|name| protocols(request).any(|asked| asked.eq_ignore_ascii_case(name)))
}

fn protocols(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers
        .get_all(header::UPGRADE)
        .into_iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(trim_ows)
        .filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_what_was_asked_for_is_accepted() {
        for (asked, named, want) in [
            ("websocket", "WebSocket", true),
            ("h2c, websocket", "websocket", true),
            ("a/1, b", "b, a/1", true),
            ("websocket", "h2c", false),
            ("a/1", "a/2", false),
            ("a", "a, b", false),
            ("a", "", false),
            ("a", " , ", false),
        ] {
            let headers = |value| {
                let mut headers = HeaderMap::new();
                headers.insert(header::UPGRADE, HeaderValue::from_static(value));
                headers
            };
            assert_eq!(
                is_accepted(&headers(asked), &headers(named)),
                want,
                "{asked}: {named}"
            );
        }
        assert!(!is_accepted(&HeaderMap::new(), &HeaderMap::new()));
    }
}
