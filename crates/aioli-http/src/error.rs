//! The one error type of the crate: what failed, in which phase, and what the server may have seen.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use url::Url;

use crate::egress::EgressRule;

mod kinds;
mod shown;

pub use kinds::{
    BodyErrorKind, Coding, DecodeErrorKind, LimitKind, Phase, ProtocolErrorKind, ProxyErrorKind,
    RedirectErrorKind, RequestErrorKind, Sent, SocksReply, TlsErrorKind, UrlErrorKind,
};

pub(crate) use kinds::Exceeded;
pub(crate) use shown::{Excerpt, Said, Shown};

/// A boxed cause from outside the crate.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Anything that can go wrong with a request.
///
/// One pointer wide, so that `Result<Response>` stays small. [`kind`](Error::kind) says what
/// happened; [`maybe_processed`](Error::maybe_processed) and
/// [`is_retryable`](Error::is_retryable) say what may be done about it. The text names the
/// method and the URL without its user information and query, and never a header or a secret.
///
/// # Examples
///
/// ```
/// use aioli_http::{Session, ErrorKind};
///
/// # futures::executor::block_on(async {
/// let error = Session::new().get("http://[broken").await.unwrap_err();
/// assert!(matches!(error.kind(), ErrorKind::InvalidUrl(_)));
/// assert!(!error.maybe_processed());
/// # });
/// ```
#[doc(alias = "aiohttp.ClientError")]
pub struct Error {
    inner: Box<Inner>,
}

/// What an [`Error`] points at.
struct Inner {
    kind: ErrorKind,
    /// What the request was, once it is known.
    request: Option<Asked>,
    /// How much of the request had left when it failed.
    sent: Sent,
}

/// What was requested, as an error tells it.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) url: Url,
    /// Whether the caller's own request is idempotent: a redirect may have changed the method.
    pub(crate) idempotent: bool,
}

/// What happened.
///
/// Its text and its `Debug` show neither headers nor queries nor bodies; what a server has written
/// is escaped and cut.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The URL cannot be requested; nothing was sent.
    #[error("invalid url: {0}")]
    InvalidUrl(UrlErrorKind),
    /// The request contradicts itself; nothing was sent.
    #[error("invalid request: {kind}")]
    InvalidRequest {
        /// What is wrong with it.
        kind: RequestErrorKind,
        /// The error underneath, if there is one.
        source: Option<BoxError>,
    },
    /// The host's name has no address.
    #[error("cannot look up {}", Excerpt(host))]
    Dns {
        /// The name that was looked up.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// No address of the host accepted a connection.
    #[error("cannot connect to {}{}", Excerpt(host), port_text(*port))]
    Connect {
        /// The host of the URL, or the path of a Unix socket.
        host: String,
        /// The port that was tried; 0 where there are none.
        port: u16,
        /// The last failure.
        source: io::Error,
    },
    /// The session's [`Egress`](crate::Egress) policy keeps it from connecting there; nothing was
    /// sent.
    #[error("may not connect to {}: {address}: {rule}", Excerpt(host))]
    Egress {
        /// The host of the URL, or of the proxy.
        host: String,
        /// The address that would have been dialled; the preferred one, if there are several.
        address: IpAddr,
        /// What keeps it out.
        rule: EgressRule,
    },
    /// A proxy did not let the request through; no byte of it was sent.
    ///
    /// A proxy that is asked for an `http` URL answers with a response of its own instead.
    #[error("proxy {}: {kind}{}", Excerpt(proxy), status_text(*status))]
    Proxy {
        /// Its host and port.
        proxy: String,
        /// Why.
        kind: ProxyErrorKind,
        /// What it answered to `CONNECT`.
        status: Option<StatusCode>,
        /// The error underneath, if there is one.
        source: Option<BoxError>,
    },
    /// The secure channel could not be set up; no byte of the request was sent.
    ///
    /// Only a server that asks for a client certificate can say no later: in TLS 1.3 it judges
    /// that one when the request may be under way, which [`Error::sent`] tells.
    #[error("tls: {kind}")]
    Tls {
        /// What the two sides did not agree on.
        kind: TlsErrorKind,
        /// What the TLS library said.
        source: Option<BoxError>,
    },
    /// A time limit of [`Timeout`](crate::Timeout) passed.
    #[error("timed out in the {phase} phase after {after:?}")]
    Timeout {
        /// Which limit passed.
        phase: Phase,
        /// The limit.
        after: Duration,
    },
    /// The server closed the connection before the response's head was complete.
    #[error("the server disconnected{}", reused_text(*reused))]
    Disconnected {
        /// How much of the request had been sent.
        sent: Sent,
        /// Whether the connection came from the pool.
        reused: bool,
        /// The failure of the socket, if it was one and not an orderly end.
        source: Option<io::Error>,
    },
    /// The server broke the protocol; the connection was closed.
    #[error("protocol violation: {0}")]
    Protocol(ProtocolErrorKind),
    /// A bound of [`Limits`](crate::Limits) was reached.
    #[error("limit exceeded: {kind} (the limit is {limit}, there were at least {seen})")]
    Limit {
        /// Which bound.
        kind: LimitKind,
        /// The bound that held, in bytes or as a number of what is counted.
        limit: u64,
        /// How many there were when it was noticed; how many more would have come nobody knows.
        seen: u64,
    },
    /// The body of the request or of the response failed.
    #[error("body: {kind}")]
    Body {
        /// How it failed.
        kind: BodyErrorKind,
        /// The error underneath, if there is one.
        source: Option<BoxError>,
    },
    /// The body arrived and is not what was asked for.
    #[error("cannot decode the body: {kind}")]
    Decode {
        /// What it should have been.
        kind: DecodeErrorKind,
        /// What the decoder said.
        source: Option<BoxError>,
    },
    /// A redirect was refused.
    #[error("redirect {}: {kind}", history.len())]
    Redirect {
        /// Why.
        kind: RedirectErrorKind,
        /// The URLs requested so far, the first one first.
        history: Vec<Url>,
    },
    /// The status is an error and the caller asked for errors (`raise_for_status`).
    #[error("http status {status}")]
    Status {
        /// The status.
        status: StatusCode,
        /// The beginning of the body, decoded; at most 4 KiB.
        ///
        /// As far as it came together with the head; with
        /// [`raise_for_status`](crate::SessionBuilder::raise_for_status), as far as it came
        /// within a second after it.
        body: Bytes,
    },
    /// The session was [closed](crate::Session::close).
    #[error("the session is closed")]
    Closed,
}

impl ErrorKind {
    /// Returns its name: a word for logs, metrics and programs, which will not change.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let error = aioli_http::get("gopher://a.example/").await.unwrap_err();
    /// assert_eq!(error.kind().name(), "invalid-url");
    /// # });
    /// ```
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            ErrorKind::InvalidUrl(_) => "invalid-url",
            ErrorKind::InvalidRequest { .. } => "invalid-request",
            ErrorKind::Dns { .. } => "dns",
            ErrorKind::Connect { .. } => "connect",
            ErrorKind::Egress { .. } => "egress",
            ErrorKind::Proxy { .. } => "proxy",
            ErrorKind::Tls { .. } => "tls",
            ErrorKind::Timeout { .. } => "timeout",
            ErrorKind::Disconnected { .. } => "disconnected",
            ErrorKind::Protocol(_) => "protocol",
            ErrorKind::Limit { .. } => "limit",
            ErrorKind::Body { .. } => "body",
            ErrorKind::Decode { .. } => "decode",
            ErrorKind::Redirect { .. } => "redirect",
            ErrorKind::Status { .. } => "status",
            ErrorKind::Closed => "closed",
        }
    }
}

/// The name, the text and the causes: what it is made of may be long, secret, or the server's.
impl fmt::Debug for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_tuple(self.name());
        out.field(&format_args!("{self}"));
        // Of errors in errors, as that of a proxy, the last one says most.
        let mut next = self.source();
        while let Some(source) = next {
            out.field(&format_args!("{}", Excerpt(&source.to_string())));
            next = source.source();
        }
        out.finish()
    }
}

impl From<Exceeded> for Error {
    fn from(Exceeded { kind, limit, seen }: Exceeded) -> Error {
        Error::new(ErrorKind::Limit { kind, limit, seen })
    }
}

/// Whether the same request may have another status later.
fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

fn status_text(status: Option<StatusCode>) -> String {
    status.map_or_else(String::new, |status| format!(" ({})", status.as_u16()))
}

fn port_text(port: u16) -> String {
    match port {
        0 => String::new(),
        port => format!(":{port}"),
    }
}

fn reused_text(reused: bool) -> &'static str {
    if reused { " (a reused connection)" } else { "" }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind) -> Error {
        let sent = match &kind {
            ErrorKind::Disconnected { sent, .. } => *sent,
            _ => Sent::Nothing,
        };
        let inner = Inner {
            kind,
            request: None,
            sent,
        };
        Error {
            inner: Box::new(inner),
        }
    }

    pub(crate) fn invalid_request(kind: RequestErrorKind) -> Error {
        Error::new(ErrorKind::InvalidRequest { kind, source: None })
    }

    pub(crate) fn proxy(
        kind: ProxyErrorKind,
        status: Option<StatusCode>,
        source: Option<BoxError>,
    ) -> Error {
        Error::new(ErrorKind::Proxy {
            proxy: String::new(),
            kind,
            status,
            source,
        })
    }

    /// Says which proxy it was.
    pub(crate) fn at_proxy(mut self, host: &str, port: u16) -> Error {
        if let ErrorKind::Proxy { proxy, .. } = &mut self.inner.kind {
            *proxy = if host.contains(':') {
                format!("[{host}]:{port}")
            } else {
                format!("{host}:{port}")
            };
        }
        self
    }

    pub(crate) fn body(kind: BodyErrorKind, source: Option<BoxError>) -> Error {
        Error::new(ErrorKind::Body { kind, source })
    }

    /// Adds what was requested; the first one to know it wins.
    pub(crate) fn with_request(mut self, asked: &Asked) -> Error {
        self.inner.request.get_or_insert_with(|| asked.clone());
        self
    }

    /// Raises what is known to have been sent.
    pub(crate) fn with_sent(mut self, sent: Sent) -> Error {
        self.inner.sent = self.inner.sent.max(sent);
        self
    }

    /// Returns what happened.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{ErrorKind, RequestErrorKind, Session};
    ///
    /// # futures::executor::block_on(async {
    /// let error = Session::new().get("http://a.example/").header("x", "a\nb").await.unwrap_err();
    /// match error.kind() {
    ///     ErrorKind::InvalidRequest { kind: RequestErrorKind::Header, .. } => {}
    ///     other => panic!("{other}"),
    /// }
    /// # });
    /// ```
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.inner.kind
    }

    /// Returns the phase whose time limit passed.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use aioli_http::Phase;
    ///
    /// # async fn example() {
    /// let error = aioli_http::get("http://192.0.2.1/").await.unwrap_err();
    /// assert_eq!(error.phase(), Some(Phase::Connect));
    /// # }
    /// ```
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        match self.inner.kind {
            ErrorKind::Timeout { phase, .. } => Some(phase),
            _ => None,
        }
    }

    /// Returns the status of the response, if there was one that counts as an error.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        match self.inner.kind {
            ErrorKind::Status { status, .. } => Some(status),
            _ => None,
        }
    }

    /// Returns the URL that was being requested.
    #[must_use]
    pub fn url(&self) -> Option<&Url> {
        self.inner.request.as_ref().map(|asked| &asked.url)
    }

    /// Returns how much of the request had been handed to the system when it failed.
    #[must_use]
    pub fn sent(&self) -> Sent {
        self.inner.sent
    }

    /// Tells whether a time limit passed.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.inner.kind, ErrorKind::Timeout { .. })
    }

    /// Tells whether no connection could be made: name, address or secure channel.
    #[must_use]
    pub fn is_connect(&self) -> bool {
        matches!(
            self.inner.kind,
            ErrorKind::Dns { .. }
                | ErrorKind::Connect { .. }
                | ErrorKind::Egress { .. }
                | ErrorKind::Proxy { .. }
                | ErrorKind::Tls { .. }
                | ErrorKind::Timeout {
                    phase: Phase::Dns
                        | Phase::Connect
                        | Phase::SockConnect
                        | Phase::Proxy
                        | Phase::Tls,
                    ..
                }
        )
    }

    /// Tells whether the secure channel failed.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        matches!(self.inner.kind, ErrorKind::Tls { .. })
    }

    /// Tells whether the server answered with an error status.
    #[must_use]
    pub fn is_status(&self) -> bool {
        matches!(self.inner.kind, ErrorKind::Status { .. })
    }

    /// Tells whether the server may have acted on the request.
    ///
    /// `false` is a proof: no byte of the request was handed to the system. `true` is a doubt.
    #[must_use]
    pub fn maybe_processed(&self) -> bool {
        self.inner.sent != Sent::Nothing
    }

    /// Tells whether the same request may succeed later and cannot be carried out twice by
    /// trying: the failure was a passing one, and either nothing was sent or the method is
    /// idempotent.
    ///
    /// A status counts as passing when it is 408, 425, 429, 500, 502, 503 or 504.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        let asked = self.inner.request.as_ref();
        let idempotent = asked.is_some_and(|asked| asked.idempotent);
        self.is_passing() && (idempotent || !self.maybe_processed())
    }

    /// Whether it may be gone the next time.
    pub(crate) fn is_passing(&self) -> bool {
        match &self.inner.kind {
            ErrorKind::Dns { .. }
            | ErrorKind::Connect { .. }
            | ErrorKind::Timeout { .. }
            | ErrorKind::Disconnected { .. }
            | ErrorKind::Body {
                kind: BodyErrorKind::Truncated,
                ..
            } => true,
            ErrorKind::Tls { kind, .. } => matches!(kind, TlsErrorKind::Disconnected),
            ErrorKind::Proxy { kind, status, .. } => match kind {
                ProxyErrorKind::Connect | ProxyErrorKind::Disconnected => true,
                _ => status.is_some_and(is_passing),
            },
            ErrorKind::Status { status, .. } => is_passing(*status),
            _ => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Asked { method, url, .. }) = &self.inner.request {
            write!(f, "{method} {}: ", Shown(url))?;
        }
        self.inner.kind.fmt(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("kind", &self.inner.kind)
            .field("sent", &self.inner.sent);
        if let Some(Asked { method, url, .. }) = &self.inner.request {
            out.field("method", method)
                .field("url", &format_args!("{}", Shown(url)));
        }
        out.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner.kind.source()
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        let kind = match error.kind() {
            ErrorKind::Timeout { .. } => io::ErrorKind::TimedOut,
            ErrorKind::InvalidUrl(_) | ErrorKind::InvalidRequest { .. } => {
                io::ErrorKind::InvalidInput
            }
            ErrorKind::Protocol(_)
            | ErrorKind::Decode { .. }
            | ErrorKind::Body {
                kind: BodyErrorKind::Decode(_),
                ..
            } => io::ErrorKind::InvalidData,
            ErrorKind::Body {
                kind: BodyErrorKind::Truncated,
                ..
            } => io::ErrorKind::UnexpectedEof,
            ErrorKind::Connect { source, .. } | ErrorKind::Dns { source, .. } => source.kind(),
            ErrorKind::Egress { .. } => io::ErrorKind::PermissionDenied,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}

const _: () = assert!(size_of::<Error>() <= 16);
