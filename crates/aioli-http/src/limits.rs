//! Time limits and bounds, as the caller sets them.

use std::time::Duration;

use aioli_task::Seconds;

use crate::decode::CodingLimits;
use crate::h1::body::BodyLimits;
use crate::h1::head::HeadLimits;

mod cookies;
mod sites;
mod timeout;

pub(crate) use cookies::CookieBounds;
pub(crate) use sites::SiteBounds;
pub(crate) use timeout::MinSpeed;
pub use timeout::Timeout;

/// Bounds on what a server can make us do; all of them are on by default.
///
/// | bound | default |
/// |---|---|
/// | open connections | 256 |
/// | open connections to one origin | 64 |
/// | idle connections to one origin | as many as were opened |
/// | idle time of a pooled connection | 15 s |
/// | bytes of a response's heads, 1xx included | 64 KiB |
/// | headers of a response's heads, 1xx included | 128 |
/// | bytes of a reason phrase | 256 |
/// | informational (1xx) responses before the final one | 32 |
/// | bytes of extension, of one chunk and of a whole body | 512, 16 KiB |
/// | bytes and lines of trailers | 16 KiB, 64 |
/// | content codings of one body, one within the other | 3 |
/// | bytes of the window of a `zstd` body | 8 MiB |
/// | bytes of a body that is buffered whole | 64 MiB |
/// | redirects | 10 |
/// | `set-cookie` lines of one response | 50 |
/// | bytes of a cookie's name and value | 4096 |
/// | cookies of one site (registered domain), and of a jar | 180, 3000 |
/// | bytes of the `cookie` line of a request | 8190 |
/// | hosts of one site, and of a store, that are asked by https only | 180, 3000 |
/// | bytes of one parameter of a challenge, as a nonce | 4096 |
/// | names whose addresses are remembered | 1024 |
///
/// A response holds its connection until its body has come. A task that holds as many as the
/// bound allows and asks for one more waits for itself; the `pool` limit of [`Timeout`] ends that.
///
/// What goes over a bound is an [`ErrorKind::Limit`](crate::ErrorKind::Limit), which says which
/// one, how large it is, and how much there was. The bounds on what is *kept* (cookies, hosts,
/// names) and on challenges fail no request: what is over them is left out, as the method of each
/// says, and a `tracing` event of level debug tells the bound and what there was.
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
    pub(crate) idle_per_host: usize,
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
    pub(crate) window: usize,
    pub(crate) body: usize,
    pub(crate) redirects: usize,
    pub(crate) cookies: CookieBounds,
    pub(crate) hsts: SiteBounds,
    pub(crate) challenge: usize,
    pub(crate) names: usize,
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

    /// Idle connections to one origin, by one way; with 0 each connection is used once.
    ///
    /// One too many closes the one that was idle for longest. A connection of HTTP/2 is never idle
    /// in this sense: many requests share it. [`per_host`](Limits::per_host) bounds them too.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Limits, Session};
    ///
    /// // A burst may open 64, and leaves 4 of them.
    /// let limits = Limits::default().idle_per_host(4);
    /// let session = Session::builder().limits(limits).build()?;
    /// # let _ = session;
    /// # Ok::<(), aioli_http::Error>(())
    /// ```
    #[doc(alias = "pool_max_idle_per_host")]
    pub fn idle_per_host(mut self, n: usize) -> Limits {
        self.idle_per_host = n;
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

    /// Bytes of the window of a `zstd` body, which are memory that it takes; from 1 KiB to
    /// 1 GiB, and rounded down to a power of two.
    ///
    /// RFC 9659 allows 8 MiB on the web; a server that compresses with `--long` asks for more.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Limits, Session};
    ///
    /// let limits = Limits::default().window(128 << 20);
    /// let session = Session::builder().limits(limits).build()?;
    /// # let _ = session;
    /// # Ok::<(), aioli_http::Error>(())
    /// ```
    pub fn window(mut self, bytes: usize) -> Limits {
        self.window = bytes;
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

    /// `set-cookie` lines of one response, and bytes of the name and the value of one cookie.
    ///
    /// Further lines are not looked at, and a longer cookie is not kept
    /// ([`CookieError::Size`](crate::CookieError::Size)).
    pub fn set_cookies(mut self, lines: usize, bytes: usize) -> Limits {
        self.cookies.lines = bound(lines);
        self.cookies.pair = bound(bytes);
        self
    }

    /// Cookies of one site (a registered domain with all hosts below it), and of a jar; at least
    /// one of each.
    ///
    /// One cookie too many drives out another one; [`CookieJar`](crate::CookieJar) says which, and
    /// [`with_limits`](crate::CookieJar::with_limits) has an example.
    ///
    /// This holds for the jar that the session makes. One that it is
    /// [given](crate::SessionBuilder::cookies) has the bounds that it was made with
    /// ([`CookieJar::with_limits`](crate::CookieJar::with_limits)), those of `set_cookies` and
    /// `cookie_header` among them.
    pub fn cookies(mut self, per_site: usize, all: usize) -> Limits {
        self.cookies.kept = SiteBounds::new(per_site, all);
        self
    }

    /// Bytes of the `cookie` line of a request, its name included.
    ///
    /// Servers refuse heads that are too large (Apache, nginx and aiohttp with lines of more than
    /// 8 KiB), and whoever can set cookies for a site could so keep everybody out. Of the jar's
    /// cookies those are sent that fit, in the order in which they are sent: of longer paths
    /// first, then older ones. What the request brings itself is sent in any case, and counts.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{CookieJar, Limits, Url};
    ///
    /// let jar = CookieJar::with_limits(&Limits::default().cookie_header("cookie: a=1".len()));
    /// let url = Url::parse("http://a.example/").unwrap();
    /// for line in ["a=1", "b=2"] {
    ///     jar.set(&url, line).unwrap();
    /// }
    /// assert_eq!(jar.header(&url).unwrap(), "a=1");
    /// ```
    pub fn cookie_header(mut self, bytes: usize) -> Limits {
        self.cookies.header = bound(bytes);
        self
    }

    /// Hosts of one site (a registered domain with all below it), and of a store, that are to be
    /// asked by https only; at least one of each.
    ///
    /// One host too many drives out another one; [`HstsStore`](crate::HstsStore) says which. This
    /// is for [`HstsStore::with_limits`](crate::HstsStore::with_limits), which has an example.
    pub fn hsts(mut self, per_site: usize, all: usize) -> Limits {
        self.hsts = SiteBounds::new(per_site, all);
        self
    }

    /// Bytes of one parameter of a `www-authenticate` or `proxy-authenticate` challenge, as of
    /// its nonce.
    ///
    /// A challenge with a longer one is not answered: the 401 is the response.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Auth, Limits, Session};
    ///
    /// let limits = Limits::default().challenge(256);
    /// let auth = Auth::digest("me", "secret")?;
    /// let session = Session::builder().limits(limits).auth(auth).build()?;
    /// # let _ = session;
    /// # Ok::<(), aioli_http::Error>(())
    /// ```
    pub fn challenge(mut self, bytes: usize) -> Limits {
        self.challenge = bytes;
        self
    }

    /// Names whose addresses are remembered; at least one. The one that was looked up longest ago
    /// is forgotten for another.
    ///
    /// For how long is said by [`SessionBuilder::dns_cache`](crate::SessionBuilder::dns_cache).
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Limits, Session};
    ///
    /// let limits = Limits::default().names(100_000);
    /// let crawler = Session::builder().limits(limits).dns_cache(300).build()?;
    /// # let _ = crawler;
    /// # Ok::<(), aioli_http::Error>(())
    /// ```
    pub fn names(mut self, n: usize) -> Limits {
        self.names = n.max(1);
        self
    }

    pub(crate) fn codings(&self) -> CodingLimits {
        CodingLimits {
            encodings: self.encodings,
            window: self.window,
        }
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
            idle_per_host: usize::MAX,
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
            window: 8 * 1024 * 1024,
            body: 64 * 1024 * 1024,
            redirects: 10,
            cookies: CookieBounds::default(),
            hsts: SiteBounds::default(),
            challenge: 4096,
            names: 1024,
        }
    }
}

/// A bound that is kept in less; one that does not fit is as good as none.
fn bound(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
