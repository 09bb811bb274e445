//! A session: the pool, the defaults and the limits that its requests share.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, Method};
use url::Url;

use crate::auth::Credentials;
use crate::cookies::CookieJar;
use crate::dial::DialConfig;
use crate::h2;
use crate::hsts::HstsStore;
use crate::limits::{Limits, Timeout};
use crate::middleware::Middleware;
use crate::mock::MockServer;
use crate::origin::Origin;
use crate::place::Places;
use crate::pool::Pool;
use crate::redirect::Redirect;
use crate::request::{IntoUrl, RequestBuilder, check_url};
use crate::retry::Retry;
use crate::send::head::Defaults;
use crate::trace::Traces;

mod builder;
mod close;
mod stats;

pub use builder::SessionBuilder;
pub use stats::Stats;

use close::Closing;
use stats::Counters;

pub(crate) use stats::Traffic;

/// A client: keeps connections open between requests, and holds what requests have in common.
///
/// It keeps cookies too, unless [`SessionBuilder::cookies`] says otherwise.
///
/// Clones share everything; the connections are closed when the last clone is dropped. Requests
/// may be made from any thread and on any executor.
///
/// # Examples
///
/// ```
/// use aioli_http::Session;
///
/// # aioli_task::run(async {
/// # let url = aioli_http::example::serve("hello");
/// let session = Session::new();
/// let page = session.get(&url).await?.text().await?;
/// let made = session.post(&url).json(&[1, 2, 3]).await?;
/// assert_eq!((page.len(), made.status().as_u16()), (5, 200));
/// # Ok::<(), aioli_http::Error>(()) }).unwrap();
/// ```
#[doc(alias = "aiohttp.ClientSession")]
#[derive(Clone)]
pub struct Session {
    pub(crate) inner: Arc<Inner>,
}

/// What the clones of a session share.
pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) pool: Arc<Pool>,
    pub(crate) http2: h2::Connections,
    pub(crate) counters: Counters,
    pub(crate) closing: Closing,
    pub(crate) places: Places,
}

/// What a session was built with.
pub(crate) struct Config {
    pub(crate) base: Option<Url>,
    /// Added to the query of requests that do not have these names.
    pub(crate) query: Vec<(String, String)>,
    /// Sent with every request that does not bring its own.
    pub(crate) headers: HeaderMap,
    /// What is known of `headers` once the session is built.
    pub(crate) defaults: Defaults,
    pub(crate) timeout: Timeout,
    pub(crate) limits: Limits,
    pub(crate) raise_for_status: bool,
    /// Whether content codings are asked for and decoded.
    pub(crate) decompress: bool,
    /// When requests are tried again, if ever.
    pub(crate) retry: Option<Arc<Retry>>,
    /// Who answers in place of the network.
    pub(crate) mock: Option<Arc<MockServer>>,
    pub(crate) redirect: Redirect,
    /// `None` keeps no cookies.
    pub(crate) cookies: Option<CookieJar>,
    /// `None` asks as it was asked to.
    pub(crate) hsts: Option<HstsStore>,
    pub(crate) credentials: Option<Box<Credentials>>,
    /// What is around each request, the outermost first.
    pub(crate) middleware: Vec<Middleware>,
    /// Who is told what requests are doing.
    pub(crate) traces: Option<Arc<Traces>>,
    pub(crate) https_only: bool,
    pub(crate) http2: h2::Http2,
    pub(crate) dial: DialConfig,
}

impl Session {
    /// Creates a session with the default limits.
    #[must_use]
    pub fn new() -> Session {
        SessionBuilder::default().finish()
    }

    /// Starts to build a session.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::Session;
    ///
    /// let api = Session::builder()
    ///     .base_url("https://api.example.org/v1/")
    ///     .header("authorization", "Bearer secret")
    ///     .raise_for_status(true)
    ///     .build()?;
    /// # let _ = api;
    /// # Ok::<(), aioli_http::Error>(())
    /// ```
    pub fn builder() -> SessionBuilder {
        SessionBuilder::default()
    }

    /// Starts a request; awaiting it sends it.
    ///
    /// `url` may be relative when the session has a base.
    ///
    /// # Cancel safety
    ///
    /// Dropping the request before its response is there closes its connection, unless it was
    /// not sent yet. No slot of the pool is lost. The server may have acted on it.
    ///
    /// # Errors
    ///
    /// Awaiting it gives an [`Error`](crate::Error) of any [`kind`](crate::ErrorKind); also for
    /// a malformed URL, which is found here and told there.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Method, Session};
    ///
    /// # aioli_task::run(async {
    /// # let url = aioli_http::example::serve("hello");
    /// let session = Session::new();
    /// let response = session.request(Method::OPTIONS, url).await?;
    /// assert_eq!(response.status(), 200);
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "aiohttp.ClientSession.request")]
    pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        let places = &self.inner.places;
        if let Some((url, place)) = url.as_text().and_then(|text| places.parse(text)) {
            // A place is of a URL that was checked, and of this one nothing else would be.
            return RequestBuilder::new(self.clone(), method, url, Some(place));
        }
        let config = &self.inner.config;
        let url = url.into_url(config.base.as_ref());
        match url.and_then(|url| check_url(url, config.https_only)) {
            Ok(url) => {
                let place = places.find(&url);
                RequestBuilder::new(self.clone(), method, url, place)
            }
            Err(kind) => RequestBuilder::failed(self.clone(), method, kind),
        }
    }

    /// Starts a `GET` request; see [`request`](Session::request).
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let (session, url) = (aioli_http::Session::new(), aioli_http::example::serve("hello"));
    /// let found = session.get(url).query([("q", "aioli")]).await?;
    /// assert_eq!(found.text().await?, "hello");
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "aiohttp.ClientSession.get")]
    pub fn get(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// Starts a `POST` request; see [`request`](Session::request).
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let (session, url) = (aioli_http::Session::new(), aioli_http::example::serve("hello"));
    /// session.post(url).form([("user", "me")]).await?;
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "aiohttp.ClientSession.post")]
    pub fn post(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// Starts a `PUT` request; see [`request`](Session::request).
    #[doc(alias = "aiohttp.ClientSession.put")]
    pub fn put(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::PUT, url)
    }

    /// Starts a `PATCH` request; see [`request`](Session::request).
    #[doc(alias = "aiohttp.ClientSession.patch")]
    pub fn patch(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::PATCH, url)
    }

    /// Starts a `DELETE` request; see [`request`](Session::request).
    #[doc(alias = "aiohttp.ClientSession.delete")]
    pub fn delete(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::DELETE, url)
    }

    /// Starts a `HEAD` request; see [`request`](Session::request).
    #[doc(alias = "aiohttp.ClientSession.head")]
    pub fn head(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::HEAD, url)
    }

    /// Returns the cookies; `None` when the session keeps none.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Session, Url};
    ///
    /// let session = Session::new();
    /// let url = Url::parse("https://a.example/").unwrap();
    /// session.cookies().unwrap().set(&url, "sid=31d4; Secure; Path=/").unwrap();
    /// ```
    #[doc(alias = "aiohttp.ClientSession.cookie_jar")]
    #[must_use]
    pub fn cookies(&self) -> Option<&CookieJar> {
        self.inner.config.cookies.as_ref()
    }

    /// Returns the hosts that are asked by https only; `None` when the session does not note any.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{HstsStore, Session};
    ///
    /// let session = Session::builder().hsts(HstsStore::new()).build()?;
    /// assert!(session.hsts().is_some_and(HstsStore::is_empty));
    /// assert!(Session::new().hsts().is_none());
    /// # Ok::<(), aioli_http::Error>(())
    /// ```
    #[must_use]
    pub fn hsts(&self) -> Option<&HstsStore> {
        self.inner.config.hsts.as_ref()
    }
}

impl Config {
    /// Whether `origin` is that of the base URL, or the one that is asked in its place by HSTS;
    /// `None` without a base.
    pub(crate) fn is_base(&self, origin: &Origin) -> Option<bool> {
        let base = self.base.as_ref()?;
        // One that has no origin is nobody's.
        let Some(base) = Origin::of(base) else {
            return Some(false);
        };
        let is_same = base == *origin;
        Some(is_same || self.hsts.is_some() && base.upgraded() == *origin)
    }
}

impl Default for Session {
    fn default() -> Session {
        Session::new()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.http2.close();
        self.pool.close();
    }
}

impl fmt::Debug for Session {
    /// Shows no headers: tokens are among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

/// Starts a `GET` request in a session of its own.
///
/// Several requests to one server are faster in one [`Session`].
///
/// # Cancel safety
///
/// As [`Session::request`].
///
/// # Errors
///
/// As [`Session::request`].
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
#[doc(alias = "aiohttp.request")]
pub fn get(url: impl IntoUrl) -> RequestBuilder {
    Session::new().get(url)
}
