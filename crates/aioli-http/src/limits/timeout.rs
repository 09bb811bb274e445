//! Time limits, as the caller sets them.

use std::time::Duration;

use aioli_task::Seconds;

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

/// How fast a body has to come, or to be taken.
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
    pub fn pool(self, limit: impl Seconds) -> Timeout {
        let pool = limit.into_duration();
        Timeout { pool, ..self }
    }

    /// Limits looking up one name, within the limit of [`connect`](Timeout::connect).
    pub fn dns(self, limit: impl Seconds) -> Timeout {
        let dns = limit.into_duration();
        Timeout { dns, ..self }
    }

    /// Limits name lookup, connecting, proxies and the TLS handshake together.
    ///
    /// The error names the step that was going on: [`Phase::Dns`](crate::Phase::Dns),
    /// `Connect`, `Proxy` or `Tls`.
    pub fn connect(self, limit: impl Seconds) -> Timeout {
        let connect = limit.into_duration();
        Timeout { connect, ..self }
    }

    /// Limits connecting to one address; then the next one of the host has its turn.
    ///
    /// The error is one of [`Phase::SockConnect`](crate::Phase::SockConnect) when no address
    /// answered in time.
    pub fn sock_connect(self, limit: impl Seconds) -> Timeout {
        let sock_connect = limit.into_duration();
        Timeout {
            sock_connect,
            ..self
        }
    }

    /// Limits one TLS handshake, within the limit of [`connect`](Timeout::connect).
    pub fn tls(self, limit: impl Seconds) -> Timeout {
        let tls = limit.into_duration();
        Timeout { tls, ..self }
    }

    /// Limits the time in which the server takes no byte of a request that is being sent.
    ///
    /// Unless it is set, the limit of `head` holds for that too.
    pub fn write(self, limit: impl Seconds) -> Timeout {
        let write = limit.into_duration();
        Timeout { write, ..self }
    }

    /// Limits the time without progress until the response's head is complete.
    pub fn head(self, limit: impl Seconds) -> Timeout {
        let head = limit.into_duration();
        Timeout { head, ..self }
    }

    /// Limits the wait for each piece of the body.
    ///
    /// A server that sends a byte now and then stays within it; see
    /// [`min_speed`](Timeout::min_speed).
    pub fn read(self, limit: impl Seconds) -> Timeout {
        let read = limit.into_duration();
        Timeout { read, ..self }
    }

    /// Ends a request whose body the server takes, or a response whose body comes, with fewer than
    /// `bytes_per_second`, taken over spans of `over`.
    ///
    /// Only time spent waiting for the server to take or to send counts: a caller who reads slowly,
    /// or whose stream has nothing yet, is no reason, and neither is a server that thinks between
    /// the two. Bytes are taken when the system has room for them.
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
