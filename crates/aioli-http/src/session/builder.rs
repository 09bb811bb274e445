//! Building a session: its defaults, its limits and whom it trusts.

use std::borrow::Borrow;
use std::fmt::{self, Display};
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use url::Url;

use super::close::Closing;
use super::stats::Counters;
use super::{Config, Inner, Session};
use crate::cookies::CookieJar;
use crate::dial::DialConfig;
use crate::error::{Error, ErrorKind, RequestErrorKind, Result, UrlErrorKind};
use crate::h2;
use crate::limits::{Limits, Timeout};
use crate::origin::parse_host;
use crate::place::Places;
use crate::pool::Pool;
use crate::redirect::Redirect;
use crate::request::{IntoUrl, header_pair};
use crate::send::head::Defaults;

mod body;
mod connect;
#[cfg(feature = "http2")]
mod http2;
mod secrets;
mod tls;

mod policy;

/// How a server sees us unless told otherwise.
const USER_AGENT: &str = concat!("aioli-http/", env!("CARGO_PKG_VERSION"));

/// The settings of a [`Session`] to be; from [`Session::builder`].
///
/// What is malformed is remembered, and told by [`build`](SessionBuilder::build).
#[must_use = "a builder does nothing before `build`"]
pub struct SessionBuilder {
    config: Config,
    /// The session makes its jar.
    own_jar: bool,
    error: Option<Error>,
}

impl Default for SessionBuilder {
    fn default() -> SessionBuilder {
        let mut headers = HeaderMap::new();
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        let config = Config {
            base: None,
            query: Vec::new(),
            headers,
            defaults: Defaults::default(),
            timeout: Timeout::default(),
            limits: Limits::default(),
            raise_for_status: false,
            decompress: crate::decode::AVAILABLE,
            retry: None,
            mock: None,
            redirect: Redirect::default(),
            cookies: None,
            hsts: None,
            credentials: None,
            middleware: Vec::new(),
            traces: None,
            https_only: false,
            http2: h2::Http2::default(),
            dial: DialConfig::new(),
        };
        SessionBuilder {
            config,
            own_jar: true,
            error: None,
        }
    }
}

impl SessionBuilder {
    /// Sets the URL that relative ones are joined to; its path should end in a slash.
    ///
    /// Default headers with secrets then go to its origin only.
    #[doc(alias = "aiohttp.ClientSession.base_url")]
    pub fn base_url(mut self, url: impl IntoUrl) -> SessionBuilder {
        match url.into_url(None).and_then(|url: Url| {
            if url.cannot_be_a_base() {
                Err(UrlErrorKind::Scheme)
            } else {
                Ok(url)
            }
        }) {
            Ok(url) => self.config.base = Some(url),
            Err(kind) => self.fail(Error::new(ErrorKind::InvalidUrl(kind))),
        }
        self
    }

    /// Adds pairs to the query of all requests; one that a request has by itself, in its URL or by
    /// [`RequestBuilder::query`](crate::RequestBuilder::query), counts instead.
    ///
    /// Keys of an API are often among them: with a base URL they go to its origin only. Redirects
    /// are followed as they were sent.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Mock, Session};
    ///
    /// # aioli_task::run(async {
    /// let session = Session::builder()
    ///     .query([("key", "7"), ("page", "1")])
    ///     .mock(async |request| Mock::text(200, request.url().query().unwrap_or_default()))
    ///     .build()?;
    /// let found = session.get("http://a.example/?page=2").await?.text().await?;
    /// assert_eq!(found, "page=2&key=7");
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "aiohttp.ClientSession.params")]
    pub fn query<K, V>(mut self, pairs: impl IntoIterator<Item: Borrow<(K, V)>>) -> SessionBuilder
    where
        K: AsRef<str>,
        V: Display,
    {
        for pair in pairs {
            let (name, value) = pair.borrow();
            let pair = (name.as_ref().to_owned(), value.to_string());
            self.config.query.push(pair);
        }
        self
    }

    /// Sets a header for all requests that do not set it themselves.
    ///
    /// One that carries a secret (`authorization`, `cookie`, `proxy-authorization`, `x-api-key`,
    /// `x-auth-token`, every value marked as sensitive, and what [`Redirect::sensitive`] adds) goes
    /// only to the origin of the base URL, or of the request's first URL when there is no base.
    #[doc(alias = "aiohttp.ClientSession.headers")]
    pub fn header<K, V>(mut self, name: K, value: V) -> SessionBuilder
    where
        HeaderName: TryFrom<K>,
        HeaderValue: TryFrom<V>,
    {
        match header_pair(name, value) {
            // They belong to one body, not to all.
            Ok((header::CONTENT_LENGTH | header::TRANSFER_ENCODING, _)) => {
                self.fail(Error::invalid_request(RequestErrorKind::Header));
            }
            Ok((name, value)) => drop(self.config.headers.insert(name, value)),
            Err(error) => self.fail(error),
        }
        self
    }

    /// Sets `user-agent`.
    pub fn user_agent<V>(self, value: V) -> SessionBuilder
    where
        HeaderValue: TryFrom<V>,
    {
        self.header(header::USER_AGENT, value)
    }

    /// Takes a default header away: only requests that set it themselves have it.
    ///
    /// # Examples
    ///
    /// ```
    /// let session = aioli_http::Session::builder().without_header("user-agent").build()?;
    /// # let _ = session;
    /// # Ok::<(), aioli_http::Error>(())
    /// ```
    #[doc(alias = "aiohttp.ClientSession.skip_auto_headers")]
    pub fn without_header<K>(mut self, name: K) -> SessionBuilder
    where
        HeaderName: TryFrom<K>,
    {
        match HeaderName::try_from(name) {
            Ok(name) => drop(self.config.headers.remove(name)),
            Err(_) => self.fail(Error::invalid_request(RequestErrorKind::Header)),
        }
        self
    }

    /// Sets the time limits; a plain length limits the whole request.
    #[doc(alias = "aiohttp.ClientSession.timeout")]
    pub fn timeout(mut self, timeout: impl Into<Timeout>) -> SessionBuilder {
        self.config.timeout = timeout.into();
        self
    }

    /// Sets the bounds on connections, heads, bodies, redirects and cookies.
    #[doc(alias = "aiohttp.TCPConnector")]
    pub fn limits(mut self, limits: Limits) -> SessionBuilder {
        self.config.limits = limits;
        self
    }

    /// Makes an error of every response with a status of 400 or above.
    #[doc(alias = "aiohttp.ClientSession.raise_for_status")]
    pub fn raise_for_status(mut self, yes: bool) -> SessionBuilder {
        self.config.raise_for_status = yes;
        self
    }

    /// Refuses every URL, and every redirect, that is not `https`.
    pub fn https_only(mut self, yes: bool) -> SessionBuilder {
        self.config.https_only = yes;
        self
    }

    /// Builds the session; nothing is opened or read yet.
    ///
    /// # Errors
    ///
    /// * [`ErrorKind::InvalidUrl`] for the base URL.
    /// * [`ErrorKind::InvalidRequest`] for a header or a certificate.
    ///
    /// # Examples
    ///
    /// ```
    /// let error = aioli_http::Session::builder().header("a b", "c").build().unwrap_err();
    /// assert!(matches!(error.kind(), aioli_http::ErrorKind::InvalidRequest { .. }));
    /// ```
    pub fn build(self) -> Result<Session> {
        self.config.dial.trust.check()?;
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.finish()),
        }
    }

    pub(crate) fn finish(mut self) -> Session {
        if let Some(max) = self.config.redirect.max {
            self.config.limits.redirects = max;
        }
        self.config.defaults = Defaults::of(&self.config.headers);
        let limits = &self.config.limits;
        self.config.dial.names.most = limits.names;
        self.config.dial.limits = *limits;
        if self.own_jar {
            self.config.cookies = Some(CookieJar::with_limits(limits));
        }
        let pool = Pool::new(self.config.limits);
        let http2 = h2::Connections::new(self.config.http2);
        Session {
            inner: Arc::new(Inner {
                config: self.config,
                pool,
                http2,
                counters: Counters::default(),
                closing: Closing::default(),
                places: Places::default(),
            }),
        }
    }

    /// Reads a host as that of an origin, and takes note of what is none.
    fn host(&mut self, text: &str) -> Option<String> {
        parse_host(text)
            .map_err(|error| self.fail(Error::new(ErrorKind::InvalidUrl(error.into()))))
            .ok()
    }

    fn fail(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }
}

impl fmt::Debug for SessionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionBuilder")
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}
