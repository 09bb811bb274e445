//! A tunnel through an HTTP proxy: `CONNECT` (RFC 9110, section 9.3.6).
//!
//! Nothing of the request is in it but host and port, and nothing comes out of it but whether
//! the tunnel stands: a redirect is not followed, and no body is read. Behind the head of a 2xx no
//! server of TLS or HTTP has anything to say yet: bytes there would be the proxy speaking in its
//! name, so the connection is given up. In a raw tunnel the server may well speak first.

use std::future::poll_fn;
use std::io::{self, IoSlice};

use http::StatusCode;

use super::ProxyServer;
use crate::auth::Refusal;
use crate::error::{Error, ProxyErrorKind};
use crate::h1::buffer::ReadBuffer;
use crate::h1::encode;
use crate::h1::head::{Head, HeadParser, Progress};
use crate::limits::Limits;
use crate::origin::Origin;
use crate::transport::Transport;

/// What the proxy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Opened {
    /// The tunnel stands.
    Yes,
    /// It wants a proof, which it gets when it is asked again, over another connection.
    Challenged,
}

/// The proxy's answer, and what it comes to.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: Head,
    pub(crate) outcome: Result<Opened, Error>,
}

/// Asks the proxy for a tunnel to `origin`, and hears its answer; a challenge is answered once,
/// which has been if `again` says so. `early` takes what came behind the head, if it may be there.
pub(crate) async fn open(
    stream: &mut Transport,
    proxy: &ProxyServer,
    origin: &Origin,
    limits: &Limits,
    again: bool,
    early: Option<&mut Option<ReadBuffer>>,
) -> Result<Answer, Error> {
    let (request, answered) = request(proxy, origin);
    send(stream, &request).await?;
    // The bounds of every head: the proxy's is no better than a server's.
    let mut parser = HeadParser::new(limits.h1_head());
    let mut input = ReadBuffer::new();
    loop {
        let progress = parser.parse(&mut input).map_err(|reject| {
            let kind = match reject {
                crate::h1::Reject::Protocol(_) => ProxyErrorKind::Malformed,
                crate::h1::Reject::Limit(..) => ProxyErrorKind::TooLarge,
            };
            Error::proxy(kind, None, Some(Error::from(reject).into()))
        })?;
        match progress {
            Progress::Partial => {
                let n = receive(stream, input.spare()).await?;
                input.fill(n);
            }
            Progress::Informational(_) => {}
            Progress::Final(head) => {
                let longest = limits.challenge;
                if head.status != StatusCode::PROXY_AUTHENTICATION_REQUIRED {
                    if answered {
                        proxy.accepted(&head.headers, longest);
                    }
                } else if again {
                    proxy.refused();
                } else if proxy.challenged(Refusal {
                    headers: &head.headers,
                    answered,
                    hashable: true,
                    longest,
                }) {
                    let outcome = Ok(Opened::Challenged);
                    return Ok(Answer { head, outcome });
                }
                let spoke_on = early.is_none() && !input.is_empty();
                let outcome = judge(&head, spoke_on).map(|()| Opened::Yes);
                if let Some(early) = early {
                    *early = Some(input);
                }
                return Ok(Answer { head, outcome });
            }
        }
    }
}

/// The request, and whether it answers what the proxy has asked before.
fn request(proxy: &ProxyServer, origin: &Origin) -> (Vec<u8>, bool) {
    let authority = origin.authority();
    let mut out = format!("CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n").into_bytes();
    for (name, value) in proxy.own_headers() {
        encode::header(&mut out, name, value);
    }
    let answer = proxy.answer("CONNECT", &authority, Some(b""));
    if let Some(answer) = &answer {
        encode::header(&mut out, &http::header::PROXY_AUTHORIZATION, answer);
    }
    out.extend_from_slice(b"\r\n");
    (out, answer.is_some())
}

/// Whether the tunnel stands; bytes may have come behind the head.
fn judge(head: &Head, spoke_on: bool) -> Result<(), Error> {
    let kind = match head.status.as_u16() {
        200..=299 if !spoke_on => return Ok(()),
        200..=299 => ProxyErrorKind::UnexpectedBytes,
        // Inside no tunnel yet, a 401 too is the proxy's: some say it to wrong credentials.
        401 | 407 => ProxyErrorKind::Authentication,
        _ => ProxyErrorKind::Refused,
    };
    Err(Error::proxy(kind, Some(head.status), None))
}

pub(super) async fn send(stream: &mut Transport, bytes: &[u8]) -> Result<(), Error> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let n = poll_fn(|cx| stream.poll_write(cx, &[IoSlice::new(rest)]))
            .await
            .map_err(broken)?;
        rest = &rest[n..];
    }
    poll_fn(|cx| stream.poll_flush(cx)).await.map_err(broken)
}

/// Reads at least one byte.
async fn receive(stream: &mut Transport, bytes: &mut [u8]) -> Result<usize, Error> {
    match poll_fn(|cx| stream.poll_read(cx, bytes)).await {
        Ok(0) => Err(Error::proxy(ProxyErrorKind::Disconnected, None, None)),
        Ok(n) => Ok(n),
        Err(error) => Err(broken(error)),
    }
}

/// Fills `bytes`.
pub(super) async fn receive_all(stream: &mut Transport, bytes: &mut [u8]) -> Result<(), Error> {
    let mut filled = 0;
    while filled < bytes.len() {
        filled += receive(stream, &mut bytes[filled..]).await?;
    }
    Ok(())
}

fn broken(error: io::Error) -> Error {
    Error::proxy(ProxyErrorKind::Disconnected, None, Some(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::Proxy;

    #[test]
    fn a_request_has_what_the_proxy_needs_and_no_more() {
        let proxy = Proxy::http("http://me:s%3Acret@p").header("x-tag", "1");
        for (url, authority) in [
            ("https://A.example/secret?x=secret", "a.example:443"),
            ("https://[::1]:8443/", "[::1]:8443"),
            ("http://10.0.0.1/", "10.0.0.1:80"),
        ] {
            let origin = Origin::of(&url::Url::parse(url).unwrap()).unwrap();
            let server = proxy.find(&origin).unwrap();
            assert_eq!(
                String::from_utf8(request(server, &origin).0).unwrap(),
                format!(
                    "CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n\
                     proxy-authorization: Basic bWU6czpjcmV0\r\nx-tag: 1\r\n\r\n"
                )
            );
        }
    }
}
