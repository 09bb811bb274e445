//! Time limits and bounds, as the caller sets them.

use std::time::Duration;

use aioli_task::Seconds;

use crate::h1::body::BodyLimits;
use crate::h1::head::HeadLimits;

/// The time limits of a request, one for each phase.
///
/// The default is aiohttp's: five minutes in all, thirty seconds to connect. The error of a
/// limit that passed names the phase ([`Error::phase`](crate::Error::phase)). Lengths are a
/// `Duration` or a number of seconds; an infinite one is no limit. They are measured on the
/// loop's clock: a virtual clock passes them as soon as nothing else in its process can run.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use aioli_http::{Session, Timeout};
///
/// let limits = Timeout::total(Duration::from_secs(30)).connect(5).read(10);
/// let session = Session::builder().timeout(limits).build()?;
/// # let _ = session;
/// # Ok::<(), aioli_http::Error>(())
/// ```
#[doc(alias = "aiohttp.ClientTimeout")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Timeout {
    pub(crate) total: Option<Duration>,
    pub(crate) pool: Option<Duration>,
    pub(crate) dns: Option<Duration>,
    pub(crate) connect: Option<Duration>,
    pub(crate) sock_connect: Option<Duration>,
    pub(crate) tls: Option<Duration>,
    pub(crate) write: Option<Duration>,
    pub(crate) head: Option<Duration>,
    pub(crate) read: Option<Duration>,
    pub(crate) min_speed: Option<MinSpeed>,
}

/// How fast a body has to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MinSpeed {
    /// Bytes in each `over`.
    pub(crate) bytes: u64,
    pub(crate) over: Duration,
}

impl Timeout {
    /// The default limits with another one for the whole request: from its first poll to the
    /// last byte of the body, redirects included.
    ///
    /// # Panics
    ///
    /// When the number of seconds is NaN; so do the other methods.
    pub fn total(limit: impl Seconds) -> Timeout {
        Timeout {
            total: limit.into_duration(),
            ..Timeout::default()
        }
    }

    /// No limits at all.
    pub fn none() -> Timeout {
        Timeout {
            total: None,
            pool: None,
            dns: None,
            connect: None,
            sock_connect: None,
            tls: None,
            write: None,
            head: None,
            read: None,
            min_speed: None,
        }
    }

    /// Limits the wait for a free connection slot.
    pub fn pool(mut self, limit: impl Seconds) -> Timeout {
        self.pool = limit.into_duration();
        self
    }

    /// Limits looking up one name, within the limit of [`connect`](Timeout::connect).
    pub fn dns(mut self, limit: impl Seconds) -> Timeout {
        self.dns = limit.into_duration();
        self
    }

    /// Limits name lookup, connecting, proxies and the TLS handshake together.
    ///
    /// The error names the step that was going on: [`Phase::Dns`](crate::Phase::Dns),
    /// `Connect`, `Proxy` or `Tls`.
    pub fn connect(mut self, limit: impl Seconds) -> Timeout {
        self.connect = limit.into_duration();
        self
    }

    /// Limits connecting to one address; then the next one of the host has its turn.
    ///
    /// The error is one of [`Phase::SockConnect`](crate::Phase::SockConnect) when no address
    /// answered in time.
    pub fn sock_connect(mut self, limit: impl Seconds) -> Timeout {
        self.sock_connect = limit.into_duration();
        self
    }

    /// Limits one TLS handshake, within the limit of [`connect`](Timeout::connect).
    pub fn tls(mut self, limit: impl Seconds) -> Timeout {
        self.tls = limit.into_duration();
        self
    }

    /// Limits the time in which the server takes no byte of a request that is being sent.
    ///
    /// Unless it is set, the limit of `head` holds for that too.
    pub fn write(mut self, limit: impl Seconds) -> Timeout {
        self.write = limit.into_duration();
        self
    }

    /// Limits the time without progress until the response's head is complete.
    pub fn head(mut self, limit: impl Seconds) -> Timeout {
        self.head = limit.into_duration();
        self
    }

    /// Limits the wait for each piece of the body.
    ///
    /// A server that sends a byte now and then stays within it; see
    /// [`min_speed`](Timeout::min_speed).
    pub fn read(mut self, limit: impl Seconds) -> Timeout {
        self.read = limit.into_duration();
        self
    }

    /// Ends a response whose body comes with fewer than `bytes_per_second`, taken over spans of
    /// `over`.
    ///
    /// Only time spent waiting for the server counts: a caller who reads slowly is no reason.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::Timeout;
    ///
    /// // No total limit for a large download, but it has to go on: 10 kB in each 20 s.
    /// let limits = Timeout::total(f64::INFINITY).min_speed(500, 20);
    /// # let _ = limits;
    /// ```
    #[doc(alias = "curl.speed-limit")]
    pub fn min_speed(mut self, bytes_per_second: u64, over: impl Seconds) -> Timeout {
        self.min_speed = over.into_duration().map(|over| {
            let over = over.max(Duration::from_millis(1));
            let bytes = u128::from(bytes_per_second) * over.as_millis() / 1000;
            MinSpeed {
                bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
                over,
            }
        });
        self
    }
}

impl Default for Timeout {
    fn default() -> Timeout {
        Timeout {
            total: Some(Duration::from_secs(300)),
            connect: Some(Duration::from_secs(30)),
            ..Timeout::none()
        }
    }
}

/// A total limit.
impl From<Duration> for Timeout {
    fn from(total: Duration) -> Timeout {
        Timeout::total(total)
    }
}

/// A total limit in seconds.
impl From<i32> for Timeout {
    fn from(total: i32) -> Timeout {
        Timeout::total(total)
    }
}

/// A total limit in seconds.
impl From<f64> for Timeout {
    fn from(total: f64) -> Timeout {
        Timeout::total(total)
    }
}

/// Bounds on what a server can make us do; all of them are on by default.
///
/// | bound | default |
/// |---|---|
/// | open connections | 256 |
/// | open connections to one origin | 64 |
/// | idle time of a pooled connection | 15 s |
/// | bytes of a response's heads, 1xx included | 64 KiB |
/// | headers of a response's heads, 1xx included | 128 |
/// | bytes of a reason phrase | 256 |
/// | informational (1xx) responses before the final one | 32 |
/// | bytes of extension, of one chunk and of a whole body | 512, 16 KiB |
/// | bytes and lines of trailers | 16 KiB, 64 |
/// | content codings of one body, one within the other | 3 |
/// | bytes of a body that is buffered whole | 64 MiB |
/// | redirects | 10 |
///
/// A response holds its connection until its body has come. A task that holds as many as the
/// bound allows and asks for one more waits for itself; the `pool` limit of [`Timeout`] ends that.
///
/// What goes over a bound is an [`ErrorKind::Limit`](crate::ErrorKind::Limit), which says which
/// one, how large it is, and how much there was.
///
/// # Examples
///
/// ```
/// use aioli_http::{Limits, Session};
///
/// let limits = Limits::default().per_host(8).body(1 << 20);
/// let session = Session::builder().limits(limits).build()?;
/// # let _ = session;
/// # Ok::<(), aioli_http::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Limits {
    pub(crate) connections: usize,
    pub(crate) per_host: usize,
    pub(crate) idle: Duration,
    pub(crate) head: usize,
    pub(crate) headers: usize,
    pub(crate) reason: usize,
    pub(crate) informational: usize,
    pub(crate) chunk_extension: usize,
    pub(crate) chunk_extensions: usize,
    pub(crate) trailers: usize,
    pub(crate) trailer_lines: usize,
    pub(crate) encodings: usize,
    pub(crate) body: usize,
    pub(crate) redirects: usize,
}

impl Limits {
    /// Open connections of the session, idle ones included; at least one.
    pub fn connections(mut self, n: usize) -> Limits {
        self.connections = n.max(1);
        self
    }

    /// Open connections to one origin (scheme, host and port), by one way; at least one.
    pub fn per_host(mut self, n: usize) -> Limits {
        self.per_host = n.max(1);
        self
    }

    /// How long an idle connection may be used again; zero uses each connection once.
    ///
    /// # Panics
    ///
    /// When the number of seconds is NaN.
    pub fn idle(mut self, limit: impl Seconds) -> Limits {
        self.idle = limit.into_duration().unwrap_or(Duration::MAX);
        self
    }

    /// Bytes of the heads of one response.
    pub fn head(mut self, bytes: usize) -> Limits {
        self.head = bytes;
        self
    }

    /// Headers of the heads of one response.
    pub fn headers(mut self, n: usize) -> Limits {
        self.headers = n;
        self
    }

    /// Bytes of a reason phrase.
    pub fn reason(mut self, bytes: usize) -> Limits {
        self.reason = bytes;
        self
    }

    /// Informational (1xx) responses before the final one.
    pub fn informational(mut self, n: usize) -> Limits {
        self.informational = n;
        self
    }

    /// Bytes of the extension of one chunk, and of all extensions of a body.
    pub fn chunk_extensions(mut self, each: usize, all: usize) -> Limits {
        self.chunk_extension = each;
        self.chunk_extensions = all;
        self
    }

    /// Bytes and lines of the trailers of a body.
    pub fn trailers(mut self, bytes: usize, lines: usize) -> Limits {
        self.trailers = bytes;
        self.trailer_lines = lines;
        self
    }

    /// Content codings of one body, one within the other.
    pub fn encodings(mut self, n: usize) -> Limits {
        self.encodings = n;
        self
    }

    /// Bytes of a body that is buffered whole (`bytes`, `text`, `json`); streaming has no bound.
    pub fn body(mut self, bytes: usize) -> Limits {
        self.body = bytes;
        self
    }

    /// How many redirects a request follows, unless [`Redirect::max`](crate::Redirect::max) says
    /// so; with 0 the redirect is the response.
    pub fn redirects(mut self, n: usize) -> Limits {
        self.redirects = n;
        self
    }

    pub(crate) fn h1_head(&self) -> HeadLimits {
        HeadLimits {
            bytes: self.head,
            headers: self.headers,
            informational: self.informational,
            reason: self.reason,
        }
    }

    pub(crate) fn h1_body(&self) -> BodyLimits {
        BodyLimits {
            extension: self.chunk_extension,
            extensions: self.chunk_extensions,
            trailer_bytes: self.trailers,
            trailer_lines: self.trailer_lines,
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 256,
            per_host: 64,
            idle: Duration::from_secs(15),
            head: 64 * 1024,
            headers: 128,
            reason: 256,
            informational: 32,
            chunk_extension: 512,
            chunk_extensions: 16 * 1024,
            trailers: 16 * 1024,
            trailer_lines: 64,
            encodings: 3,
            body: 64 * 1024 * 1024,
            redirects: 10,
        }
    }
}
