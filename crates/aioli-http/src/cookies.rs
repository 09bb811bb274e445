//! Cookies by RFC 6265bis: what servers set, what they get back, and what is refused.
//!
//! ```text
//!   set-cookie ─▶ parse ─▶ cookie (domain, path, prefix) ─▶ store (overlay, bounds)
//!   url ─▶ domain (host, site) ─▶ store ─▶ cookie header
//! ```
//!
//! Only `store` has state. Cookies go by the host of the URL: a `host` header that a caller sets
//! has no say.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use http::{HeaderMap, HeaderValue, header};
use url::Url;

mod cookie;
mod domain;
mod parse;
mod persist;
mod store;

pub use cookie::{Cookie, SameSite};

pub(crate) use domain::site;
pub(crate) use store::write_pair;

use domain::CookieHost;
use store::Store;

use crate::kept::Kept;
use crate::limits::{CookieBounds, Limits};
use crate::private_file;
use crate::wall::WallClock;

/// What stands before the pairs in a request.
const HEADER_NAME: &str = "cookie: ";

/// Why a cookie is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CookieError {
    /// It has a control character.
    #[error("the cookie has a control character")]
    Control,
    /// It has neither a name nor a value.
    #[error("the cookie has neither name nor value")]
    Empty,
    /// Its name and value have more bytes than [`Limits::set_cookies`](crate::Limits::set_cookies)
    /// allows.
    #[error("the cookie's name and value have {seen} bytes, and may have {limit}")]
    Size {
        /// How many they may have.
        limit: usize,
        /// How many they have.
        seen: usize,
    },
    /// The URL has no host.
    #[error("the url has no host")]
    Host,
    /// Its domain is not the host's own: another site's, a public suffix, or malformed.
    #[error("the cookie is for another domain than its host's own")]
    Domain,
    /// Its path is malformed.
    #[error("the cookie's path is malformed")]
    Path,
    /// It is `Secure` and came over plain http, or it is `SameSite=None` and not `Secure`.
    #[error("the cookie is not secure where it has to be")]
    Insecure,
    /// It came over plain http and would hide a secure cookie.
    #[error("the cookie would hide a secure one")]
    Overlay,
    /// Its name begins with `__Host-` or `__Secure-` and it does not keep that promise.
    #[error("the cookie does not keep the promise of its name's prefix")]
    Prefix,
}

/// What becomes of cookies that end with the session when a jar is saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SessionCookies {
    /// They are left out, as a browser does that is closed.
    #[default]
    Drop,
    /// They are saved with the others.
    Keep,
}

/// The cookies of a session: kept by RFC 6265bis, sent back to whom they belong.
///
/// Every [`Session`](crate::Session) has one unless
/// [`SessionBuilder::cookies`](crate::SessionBuilder::cookies) says otherwise. Clones share the
/// cookies; all methods may be called from any thread, and none waits.
///
/// | bound | |
/// |---|---|
/// | `set-cookie` lines of one response | 50 |
/// | name and value | 4096 bytes |
/// | cookies of one site (registered domain) | 180 |
/// | cookies of a jar | 3000 |
/// | bytes of the `cookie` line of a request | 8190 |
/// | lifetime | 400 days |
///
/// All but the last can be moved, for a session's own jar by its [`Limits`] and for another one by
/// [`with_limits`](CookieJar::with_limits).
///
/// When there are too many, expired ones go first, then those that are not secure of sites that
/// have many, then the ones used longest ago. Public suffixes (`com`, `co.uk`, `github.io`) are
/// those known when the crate `psl` was published. `SameSite` and `HttpOnly` are kept and have no
/// effect: every request of this client is its user's own.
///
/// # Examples
///
/// ```
/// use aioli_http::{CookieError, CookieJar, Url};
///
/// let jar = CookieJar::new();
/// let login = Url::parse("https://www.example.org/login").unwrap();
/// jar.set(&login, "sid=31d4; Path=/; Secure; Domain=example.org").unwrap();
/// assert_eq!(jar.set(&login, "all=1; Domain=org"), Err(CookieError::Domain));
///
/// let other = Url::parse("https://api.example.org/").unwrap();
/// assert_eq!(jar.header(&other).unwrap(), "sid=31d4");
/// let plain = Url::parse("http://api.example.org/").unwrap();
/// assert_eq!(jar.header(&plain), None);
/// ```
#[doc(alias = "aiohttp.CookieJar")]
#[derive(Clone, Default)]
pub struct CookieJar {
    kept: Arc<Kept<Store>>,
}

impl CookieJar {
    /// Creates an empty jar.
    #[must_use]
    pub fn new() -> CookieJar {
        CookieJar::default()
    }

    /// Creates an empty jar with the bounds on cookies that `limits` has.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{CookieError, CookieJar, Limits, Url};
    ///
    /// let jar = CookieJar::with_limits(&Limits::default().set_cookies(50, 6).cookies(2, 100));
    /// let url = Url::parse("http://a.example/").unwrap();
    /// for line in ["a=1", "b=2", "c=3"] {
    ///     jar.set(&url, line).unwrap();
    /// }
    /// assert_eq!(jar.header(&url).unwrap(), "b=2; c=3");
    /// let refused = CookieError::Size { limit: 6, seen: 7 };
    /// assert_eq!(jar.set(&url, "name=abc"), Err(refused));
    /// ```
    #[must_use]
    pub fn with_limits(limits: &Limits) -> CookieJar {
        CookieJar {
            kept: Arc::new(Kept::new(limits.cookies, WallClock::default())),
        }
    }

    /// Creates an empty jar that takes the time of day from `clock`: for tests.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use std::time::{Duration, SystemTime};
    /// use aioli_http::{CookieJar, Url};
    ///
    /// static NOW: AtomicU64 = AtomicU64::new(1_000_000_000);
    /// let seconds = || Duration::from_secs(NOW.load(Ordering::Relaxed));
    /// let jar = CookieJar::with_clock(move || SystemTime::UNIX_EPOCH + seconds());
    /// let url = Url::parse("http://a.example/").unwrap();
    /// jar.set(&url, "a=1; Max-Age=60").unwrap();
    /// NOW.fetch_add(59, Ordering::Relaxed);
    /// assert!(jar.header(&url).is_some());
    /// NOW.fetch_add(1, Ordering::Relaxed);
    /// assert!(jar.header(&url).is_none());
    /// ```
    #[must_use]
    pub fn with_clock(clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> CookieJar {
        CookieJar {
            kept: Arc::new(Kept::new(CookieBounds::default(), WallClock::by(clock))),
        }
    }

    /// Keeps the cookie that a response of `url` would set by this `set-cookie` line.
    ///
    /// # Errors
    ///
    /// Says why the cookie is not kept. A cookie that takes another's place, or deletes it by
    /// having expired, is kept in this sense.
    #[doc(alias = "aiohttp.CookieJar.update_cookies")]
    pub fn set(&self, url: &Url, line: impl AsRef<[u8]>) -> Result<(), CookieError> {
        let now = self.kept.now();
        let pair = self.kept.bounds.pair;
        let cookie = Cookie::from_line(url, line.as_ref(), pair, now)?;
        self.kept
            .change(|store| store.insert(cookie, domain::is_secure(url), now))
    }

    /// Returns the `cookie` header of a request for `url`, marked as sensitive; `None` when no
    /// cookie goes there.
    ///
    /// It is as long as the bound of a `cookie` line allows
    /// ([`Limits::cookie_header`](crate::Limits::cookie_header)); what does not fit is left out.
    #[must_use]
    #[doc(alias = "aiohttp.CookieJar.filter_cookies")]
    pub fn header(&self, url: &Url) -> Option<HeaderValue> {
        let mut out = Vec::new();
        self.write(url, &mut out, 0, |_| true);
        into_header(out)
    }

    /// Returns all cookies that have not expired, the oldest first.
    #[must_use]
    pub fn cookies(&self) -> Vec<Cookie> {
        let now = self.kept.now();
        self.kept.lock().all(now).into_iter().cloned().collect()
    }

    /// Returns the cookies of a request for `url`, in the order in which they are sent; all of
    /// them, also those that do not fit into its header.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{CookieJar, Url};
    ///
    /// let jar = CookieJar::new();
    /// let url = Url::parse("http://a.example/x/y").unwrap();
    /// jar.set(&url, "a=1; Path=/").unwrap();
    /// jar.set(&url, "b=2; Path=/x").unwrap();
    /// let names: Vec<_> = jar.matching(&url).iter().map(|c| c.name().into_owned()).collect();
    /// assert_eq!(names, ["b", "a"]);
    /// ```
    #[must_use]
    pub fn matching(&self, url: &Url) -> Vec<Cookie> {
        let (now, mut store) = (self.kept.now(), self.kept.lock());
        CookieHost::of(url).map_or_else(Vec::new, |host| {
            let found = store.matching(&host, url.path(), domain::is_secure(url), now);
            found.into_iter().cloned().collect()
        })
    }

    /// Counts the cookies; some may have expired.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Tells whether there are no cookies.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Removes the cookies for which `keep` returns false, and those that have expired.
    ///
    /// `keep` must not use the jar.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{CookieJar, Url};
    ///
    /// let jar = CookieJar::new();
    /// let url = Url::parse("http://a.example/").unwrap();
    /// jar.set(&url, "theme=dark").unwrap();
    /// jar.set(&url, "sid=31d4").unwrap();
    /// jar.retain(|cookie| cookie.name() != "sid");
    /// assert_eq!(jar.header(&url).unwrap(), "theme=dark");
    /// ```
    #[doc(alias = "aiohttp.CookieJar.clear_domain")]
    pub fn retain(&self, mut keep: impl FnMut(&Cookie) -> bool) {
        let now = self.kept.now();
        self.kept
            .change(|store| store.retain(|cookie| !cookie.is_expired(now) && keep(cookie)));
    }

    /// Removes all cookies.
    #[doc(alias = "aiohttp.CookieJar.clear")]
    pub fn clear(&self) {
        self.kept.clear();
    }

    /// Writes the cookies as JSON, which [`from_json`](CookieJar::from_json) reads.
    ///
    /// The text is a secret.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{CookieJar, SessionCookies, Url};
    ///
    /// let jar = CookieJar::new();
    /// let url = Url::parse("http://a.example/").unwrap();
    /// jar.set(&url, "a=1; Max-Age=3600").unwrap();
    /// jar.set(&url, "b=2").unwrap();
    ///
    /// let all = CookieJar::from_json(&jar.to_json(SessionCookies::Keep))?;
    /// assert_eq!(all.header(&url).unwrap(), "a=1; b=2");
    /// let lasting = CookieJar::from_json(&jar.to_json(SessionCookies::Drop))?;
    /// assert_eq!(lasting.header(&url).unwrap(), "a=1");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn to_json(&self, session: SessionCookies) -> String {
        let mut cookies = self.cookies();
        cookies.retain(|cookie| session == SessionCookies::Keep || cookie.expires.is_some());
        persist::to_json(&cookies)
    }

    /// Reads what [`to_json`](CookieJar::to_json) has written.
    ///
    /// What no server could have set is refused, so that a file can bring in no more than a
    /// server; expired cookies are left out.
    ///
    /// # Errors
    ///
    /// `InvalidData`, with the number of the cookie and what is wrong with it.
    pub fn from_json(json: &str) -> io::Result<CookieJar> {
        let jar = CookieJar::new();
        jar.add_json(json)?;
        Ok(jar)
    }

    /// Adds what [`to_json`](CookieJar::to_json) has written to the cookies that there are, within
    /// this jar's bounds.
    ///
    /// # Errors
    ///
    /// As [`from_json`](CookieJar::from_json); then nothing is added.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{CookieJar, Limits};
    ///
    /// let jar = CookieJar::with_limits(&Limits::default().cookies(500, 100_000));
    /// jar.add_json(r#"{ "version": 1, "cookies": [] }"#)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn add_json(&self, json: &str) -> io::Result<()> {
        let now = self.kept.now();
        let cookies = persist::from_json(json, self.kept.bounds.pair, now)?;
        self.kept.change(|store| {
            for cookie in cookies {
                // The file is its user's own: it may hide what is there.
                let kept = store.insert(cookie, true, now);
                debug_assert_eq!(kept, Ok(()));
            }
        });
        Ok(())
    }

    /// Saves the cookies to a file that only its owner may read, in one step.
    ///
    /// The file is written beside its place and then put there: it is never half a file. What is
    /// there and no file, as a device or a pipe, stays, and is written to. Blocks the thread; in a
    /// busy loop write [`to_json`](CookieJar::to_json) as you write other files.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use aioli_http::{CookieJar, Session, SessionCookies};
    ///
    /// // The first time there is no file.
    /// let jar = CookieJar::load("cookies.json").unwrap_or_default();
    /// let session = Session::builder().cookies(jar.clone()).build().unwrap();
    /// # let _ = session;
    /// jar.save("cookies.json", SessionCookies::Drop).unwrap();
    /// ```
    #[doc(alias = "aiohttp.CookieJar.save")]
    pub fn save(&self, path: impl AsRef<Path>, session: SessionCookies) -> io::Result<()> {
        private_file::save(path.as_ref(), &self.to_json(session))
    }

    /// Loads the cookies that [`save`](CookieJar::save) has written; blocks the thread.
    ///
    /// # Errors
    ///
    /// Those of the file system and of [`from_json`](CookieJar::from_json), and `InvalidData`
    /// for a file of more than 64 MiB.
    #[doc(alias = "aiohttp.CookieJar.load")]
    pub fn load(path: impl AsRef<Path>) -> io::Result<CookieJar> {
        CookieJar::from_json(&persist::load(path.as_ref())?)
    }

    /// Keeps what the response of `url` sets.
    pub(crate) fn take_from(&self, url: &Url, headers: &HeaderMap) {
        let lines = headers.get_all(header::SET_COOKIE);
        let limit = self.kept.bounds.lines as usize;
        for line in lines.iter().take(limit) {
            if let Err(reason) = self.set(url, line) {
                tracing::debug!(host = url.host_str(), %reason, "a cookie was refused");
            }
        }
        let seen = lines.iter().count();
        if seen > limit {
            let host = url.host_str();
            tracing::debug!(host, limit, seen, "a response has set too many cookies");
        }
    }

    /// Appends the pairs that a request of `url` gets to a `cookie` header, but for names that
    /// `wanted` does not want, and what has no place beside the `taken` bytes of others.
    pub(crate) fn write(
        &self,
        url: &Url,
        out: &mut Vec<u8>,
        taken: usize,
        wanted: impl Fn(&[u8]) -> bool,
    ) {
        if self.is_empty() {
            return;
        }
        let Some(host) = CookieHost::of(url) else {
            return;
        };
        let limit = self.kept.bounds.header as usize;
        let room = limit.saturating_sub(HEADER_NAME.len() + taken);
        let mut left_out = 0;
        let (now, mut store) = (self.kept.now(), self.kept.lock());
        for cookie in store.matching(&host, url.path(), domain::is_secure(url), now) {
            if wanted(&cookie.name) {
                let before = out.len();
                write_pair(out, &cookie.name, &cookie.value);
                if out.len() > room {
                    left_out += out.len() - before;
                    out.truncate(before);
                }
            }
        }
        if left_out > 0 {
            let seen = HEADER_NAME.len() + taken + out.len() + left_out;
            let host = url.host_str();
            tracing::debug!(host, limit, seen, "not all cookies fit into a request");
        }
    }
}

impl fmt::Debug for CookieJar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CookieJar")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// The cookies that a response sets and that its server may set.
pub(crate) fn of_response(url: &Url, headers: &HeaderMap, bounds: CookieBounds) -> Vec<Cookie> {
    let now = WallClock::default().now();
    let lines = headers.get_all(header::SET_COOKIE).iter();
    lines
        .take(bounds.lines as usize)
        .filter_map(|line| Cookie::from_line(url, line.as_bytes(), bounds.pair, now).ok())
        .collect()
}

/// The header of written pairs; `None` when there are none.
pub(crate) fn into_header(pairs: Vec<u8>) -> Option<HeaderValue> {
    if pairs.is_empty() {
        return None;
    }
    // Control characters were refused when the cookies came in.
    let mut value = HeaderValue::from_bytes(&pairs).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Checks a cookie that a caller sends by hand.
pub(crate) fn is_sendable(name: &str, value: &str) -> bool {
    let name_fits = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&byte));
    let value_fits = !value
        .bytes()
        .any(|byte| byte == b';' || parse::is_control(byte));
    name_fits && value_fits
}

#[cfg(test)]
mod tests;
