//! What a session does with HTTP/2, as the caller sets it.

use std::time::Duration;

use aioli_task::Seconds;

/// Whether and how a session speaks HTTP/2.
///
/// By default it is negotiated: over `https` the server picks it (ALPN), and `http` stays HTTP/1.1.
/// Requests to one origin then share a few connections, many at the same time on each.
///
/// | setting | default |
/// |---|---|
/// | connections to one origin | 4 |
/// | requests on a connection before another one is opened | 100, or what the server allows |
/// | bytes of a response body that may be on their way | 2 MiB each, 5 MiB a connection |
/// | those bounds grow with what the path carries | no ([`adaptive_windows`](Http2::adaptive_windows)) |
/// | bytes of a head, decoded | [`Limits::head`](crate::Limits::head), 64 KiB |
/// | a connection without requests is closed after | [`Limits::idle`](crate::Limits::idle), 15 s |
/// | until the server says what it takes (`SETTINGS`) | 10 s |
/// | silence after which a connection in use is probed | 20 s; it is given up after 20 s more |
///
/// Servers cannot push.
///
/// # Examples
///
/// ```
/// use aioli_http::{Http2, Session};
///
/// let session = Session::builder().http2(Http2::negotiated().connections(2)).build()?;
/// # let _ = session;
/// # Ok::<(), aioli_http::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Http2 {
    pub(crate) mode: Mode,
    pub(crate) connections: usize,
    pub(crate) streams: usize,
    pub(crate) stream_window: u32,
    pub(crate) connection_window: u32,
    /// What both may grow to.
    pub(crate) window_most: Option<u32>,
    pub(crate) ping: Option<Duration>,
    pub(crate) settings: Option<Duration>,
}

/// When HTTP/2 is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Never,
    /// When the server picks it in the TLS handshake.
    Negotiated,
    /// Always, without asking.
    Always,
}

/// The largest window that there is (RFC 9113, 6.9.1).
const WINDOW_MAX: u32 = (1 << 31) - 1;

/// A shorter one would be all that a connection does.
const SHORTEST_SILENCE: Duration = Duration::from_millis(10);

impl Http2 {
    /// HTTP/2 where the server picks it in the TLS handshake; the default.
    pub fn negotiated() -> Http2 {
        Http2 {
            mode: Mode::Negotiated,
            connections: 4,
            streams: 100,
            stream_window: 2 << 20,
            connection_window: 5 << 20,
            window_most: None,
            ping: Some(Duration::from_secs(20)),
            settings: Some(Duration::from_secs(10)),
        }
    }

    /// HTTP/2 always, over `http` too: for servers that are known to speak it ("prior knowledge").
    ///
    /// A server that does not is a [`ProtocolErrorKind::Http2`](crate::ProtocolErrorKind::Http2).
    /// A proxy that is asked for `http` URLs is asked in HTTP/1.1.
    pub fn prior_knowledge() -> Http2 {
        Http2 {
            mode: Mode::Always,
            ..Http2::negotiated()
        }
    }

    /// HTTP/1.1 only.
    pub fn off() -> Http2 {
        Http2 {
            mode: Mode::Never,
            ..Http2::negotiated()
        }
    }

    /// Connections to one origin; at least one. [`Limits`](crate::Limits) holds as well.
    pub fn connections(mut self, n: usize) -> Http2 {
        self.connections = n.max(1);
        self
    }

    /// Requests at the same time on one connection before another one is opened; at least one.
    ///
    /// When there are as many connections as there may be, requests wait for the server's own
    /// bound only.
    pub fn streams(mut self, n: usize) -> Http2 {
        self.streams = n.max(1);
        self
    }

    /// Bytes of response bodies that a server may send ahead: of one response, and of all on a
    /// connection. At most 2^31 - 1.
    pub fn windows(mut self, stream: u32, connection: u32) -> Http2 {
        self.stream_window = stream.min(WINDOW_MAX);
        self.connection_window = connection.min(WINDOW_MAX);
        self
    }

    /// Lets the windows of each connection grow up to `most` bytes, if its path carries more than they
    /// let through: 2^31 - 1 at most.
    ///
    /// A window bounds how much comes in a round trip: 2 MiB in 200 ms are 10 MiB a second, whatever
    /// the path could do. So what callers take between a ping and its answer is counted, and when it
    /// was most of a window, and more than ever in that time, both windows become twice of it. They
    /// begin with what [`windows`](Http2::windows) says, and never shrink. The pings are at most one
    /// at a time; while they find nothing new they become rarer, down to one in 10 s, and none is sent
    /// while nobody takes anything, or when the bound is reached.
    ///
    /// What a server sends ahead is memory: with this up to `most` on each connection, and
    /// [`connections`](Http2::connections) of them to an origin.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Http2, Session};
    ///
    /// // Little at first, and as much as 16 MiB where it is far to a fast server.
    /// let http2 = Http2::negotiated().windows(1 << 17, 1 << 18).adaptive_windows(16 << 20);
    /// let session = Session::builder().http2(http2).build()?;
    /// # let _ = session;
    /// # Ok::<(), aioli_http::Error>(())
    /// ```
    #[doc(alias = "http2_adaptive_window")]
    pub fn adaptive_windows(mut self, most: u32) -> Http2 {
        self.window_most = Some(most.min(WINDOW_MAX));
        self
    }

    /// How long a connection with requests on it may be silent before it is probed by a ping, and
    /// how long its answer may take: at least 10 ms; an infinite one never probes.
    ///
    /// # Panics
    ///
    /// When the number of seconds is NaN.
    pub fn ping(mut self, silence: impl Seconds) -> Http2 {
        self.ping = silence
            .into_duration()
            .map(|silence| silence.max(SHORTEST_SILENCE));
        self
    }

    /// How long a server may take for its first word on a connection, which is its `SETTINGS`
    /// (RFC 9113, section 3.4); an infinite one waits as long as the requests do.
    ///
    /// Requests do not wait for it. Those that are without a response when the time is over fail as
    /// [`Timeout`](crate::ErrorKind::Timeout) with [`Phase::Settings`](crate::Phase::Settings), and
    /// the connection is closed.
    ///
    /// # Panics
    ///
    /// When the number of seconds is NaN.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Http2, Session};
    ///
    /// let http2 = Http2::prior_knowledge().settings_timeout(2.5);
    /// let session = Session::builder().http2(http2).build()?;
    /// # let _ = session;
    /// # Ok::<(), aioli_http::Error>(())
    /// ```
    pub fn settings_timeout(mut self, limit: impl Seconds) -> Http2 {
        self.settings = limit.into_duration();
        self
    }
}

impl Default for Http2 {
    fn default() -> Http2 {
        Http2::negotiated()
    }
}
