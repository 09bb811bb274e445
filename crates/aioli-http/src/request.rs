//! A request in the making, and the future that carries it out.

use std::borrow::Borrow;
use std::fmt::{self, Display};
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Version};
use serde::Serialize;
use url::{Url, form_urlencoded};

use crate::auth::Auth;
use crate::body::{Body, Source};
use crate::error::{Asked, Error, ErrorKind, RequestErrorKind, Result, Shown, UrlErrorKind};
use crate::limits::Timeout;
use crate::middleware::{Next, Request};
use crate::place::Place;
use crate::redirect::Redirect;
use crate::response::Response;
use crate::retry::Retry;
use crate::route::Way;
use crate::seldom::{Blank, Seldom};
use crate::send;
use crate::session::{Config, Session};

mod body;
mod connect;
mod retry;
mod secrets;

/// A request that is sent when it is awaited.
///
/// What is malformed is remembered, and told when it is awaited.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// # aioli_task::run(async {
/// # let (session, url) = (aioli_http::Session::new(), aioli_http::example::serve("hello"));
/// let response = session
///     .put(url)
///     .query([("version", 3)])
///     .header("if-match", "\"abc\"")
///     .timeout(Duration::from_secs(10))
///     .body("hello")
///     .await?;
/// # Ok::<(), aioli_http::Error>(()) }).unwrap();
/// ```
#[must_use = "a request is not sent unless it is awaited"]
pub struct RequestBuilder {
    session: Session,
    parts: Parts,
    error: Option<Error>,
}

/// What a request consists of.
pub(crate) struct Parts {
    pub(crate) method: Method,
    /// Whether the caller's method is idempotent; a redirect may change the method.
    pub(crate) idempotent: bool,
    /// Meaningless when the builder has an error.
    pub(crate) url: Url,
    pub(crate) headers: Seldom<HeaderMap>,
    pub(crate) body: Source,
    /// In place of the session's.
    pub(crate) timeout: Option<Box<Timeout>>,
    pub(crate) raise_for_status: bool,
    pub(crate) redirects: usize,
    pub(crate) body_limit: usize,
    /// Whether content codings are asked for and decoded.
    pub(crate) decompress: bool,
    /// Whether the body of the response is handed out as it comes.
    pub(crate) raw: bool,
    /// When it is tried again, if ever.
    pub(crate) retry: Option<Arc<Retry>>,
    /// What the caller has attached; it goes to the response.
    pub(crate) extensions: Extensions,
    /// Where its URL leads, if that is known.
    pub(crate) place: Option<Arc<Place>>,
    pub(crate) more: Seldom<More>,
}

/// What most requests say nothing about.
#[derive(Clone)]
pub(crate) struct More {
    /// Applies when the caller sets none.
    pub(crate) content_type: Option<HeaderValue>,
    /// In place of the session's.
    pub(crate) redirect: Option<Box<Redirect>>,
    /// In place of the session's.
    pub(crate) auth: Option<Auth>,
    /// Pairs as they are sent.
    pub(crate) cookies: Vec<u8>,
    /// What it says about its way, if it says anything.
    pub(crate) way: Option<Box<Way>>,
    /// How long the body waits for the server's consent.
    pub(crate) expect: Option<Duration>,
}

impl More {
    const NONE: More = More {
        content_type: None,
        redirect: None,
        auth: None,
        cookies: Vec::new(),
        way: None,
        expect: None,
    };
}

impl Default for More {
    fn default() -> More {
        More::NONE
    }
}

impl Blank for More {
    fn blank() -> &'static More {
        static BLANK: More = More::NONE;
        &BLANK
    }
}

impl Parts {
    /// What it was, for errors.
    pub(crate) fn asked(&self) -> Asked {
        Asked {
            method: self.method.clone(),
            url: self.url.clone(),
            idempotent: self.idempotent,
        }
    }

    /// What stands in the request line, if the caller has said so.
    pub(crate) fn own_target(&self) -> Option<&str> {
        self.more.way.as_ref()?.target.as_deref()
    }

    /// The version in its request line.
    pub(crate) fn version(&self) -> Version {
        self.own_version().unwrap_or(Version::HTTP_11)
    }

    /// The version that the caller has asked for.
    pub(crate) fn own_version(&self) -> Option<Version> {
        self.more.way.as_ref()?.version
    }

    /// Copies the request, if its body can be sent twice.
    pub(crate) fn try_clone(&self) -> Option<Parts> {
        Some(Parts {
            method: self.method.clone(),
            idempotent: self.idempotent,
            url: self.url.clone(),
            headers: self.headers.clone(),
            body: self.body.try_clone()?,
            raise_for_status: self.raise_for_status,
            redirects: self.redirects,
            body_limit: self.body_limit,
            decompress: self.decompress,
            raw: self.raw,
            retry: self.retry.clone(),
            extensions: self.extensions.clone(),
            place: self.place.clone(),
            timeout: self.timeout.clone(),
            more: self.more.clone(),
        })
    }

    /// Checks the URL again, after it may have been changed.
    pub(crate) fn check_url(&mut self, config: &Config) -> Result<()> {
        self.place.take_if(|place| !place.is_of(&self.url));
        match check_url(self.url.clone(), config.https_only) {
            Ok(_) => Ok(()),
            Err(kind) => Err(Error::new(ErrorKind::InvalidUrl(kind))),
        }
    }
}

impl RequestBuilder {
    /// A request of a URL that was checked.
    pub(crate) fn new(
        session: Session,
        method: Method,
        url: Url,
        place: Option<Arc<Place>>,
    ) -> RequestBuilder {
        let config = &session.inner.config;
        let parts = Parts {
            idempotent: method.is_idempotent(),
            method,
            url,
            headers: Seldom::NONE,
            body: Source::Empty,
            raise_for_status: config.raise_for_status,
            redirects: config.limits.redirects,
            body_limit: config.limits.body,
            decompress: config.decompress,
            raw: false,
            retry: config.retry.clone(),
            extensions: Extensions::new(),
            place,
            timeout: None,
            more: Seldom::NONE,
        };
        RequestBuilder {
            session,
            parts,
            error: None,
        }
    }

    /// A request of what is no URL that can be requested.
    #[cold]
    pub(crate) fn failed(session: Session, method: Method, kind: UrlErrorKind) -> RequestBuilder {
        let nowhere = Url::parse("http://invalid/").expect("a constant");
        let mut builder = RequestBuilder::new(session, method, nowhere, None);
        builder.fail(Error::new(ErrorKind::InvalidUrl(kind)));
        builder
    }

    /// Adds a header; it takes the place of the session's default.
    ///
    /// See [`SessionBuilder::header`](crate::SessionBuilder::header) for headers with secrets.
    pub fn header<K, V>(mut self, name: K, value: V) -> RequestBuilder
    where
        HeaderName: TryFrom<K>,
        HeaderValue: TryFrom<V>,
    {
        match header_pair(name, value) {
            Ok((name, value)) => drop(self.parts.headers.append(name, value)),
            Err(error) => self.fail(error),
        }
        self
    }

    /// Adds headers.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{HeaderMap, HeaderValue, header};
    ///
    /// # aioli_task::run(async {
    /// # let (session, url) = (aioli_http::Session::new(), aioli_http::example::serve("hello"));
    /// let mut headers = HeaderMap::new();
    /// headers.insert(header::RANGE, HeaderValue::from_static("bytes=100-"));
    /// session.get(url).headers(headers).await?;
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    pub fn headers(mut self, headers: HeaderMap) -> RequestBuilder {
        let mut last = None;
        for (name, value) in headers {
            last = name.or(last);
            if let Some(name) = &last {
                self.parts.headers.append(name.clone(), value);
            }
        }
        self
    }

    /// Adds pairs to the URL's query, escaped.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let (session, url) = (aioli_http::Session::new(), aioli_http::example::serve("hello"));
    /// let found = session.get(url).query([("q", "a&b")]).query([("page", 2)]).await?;
    /// assert_eq!(found.url().query(), Some("q=a%26b&page=2"));
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "aiohttp.ClientSession.request.params")]
    pub fn query<K, V>(mut self, pairs: impl IntoIterator<Item: Borrow<(K, V)>>) -> RequestBuilder
    where
        K: AsRef<str>,
        V: Display,
    {
        let mut pairs = pairs.into_iter().peekable();
        if pairs.peek().is_some() {
            let mut query = self.parts.url.query_pairs_mut();
            for pair in pairs {
                let (name, value) = pair.borrow();
                query.append_pair(name.as_ref(), &value.to_string());
            }
        }
        self
    }

    /// Sets the body.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let (session, url) = (aioli_http::Session::new(), aioli_http::example::serve("hello"));
    /// session.put(url).body("remember the milk").await?;
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "aiohttp.ClientSession.request.data")]
    pub fn body(mut self, body: impl Into<Body>) -> RequestBuilder {
        self.parts.body = body.into().0;
        self
    }

    /// Sets the body to a value as JSON, and `content-type` unless it is set.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let (session, url) = (aioli_http::Session::new(), aioli_http::example::serve("hello"));
    /// #[derive(serde::Serialize)]
    /// struct Item {
    ///     name: String,
    /// }
    /// session.post(url).json(&Item { name: "oil".into() }).await?;
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "aiohttp.ClientSession.request.json")]
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> RequestBuilder {
        match serde_json::to_vec(value) {
            Ok(json) => {
                self.parts.more.content_type = Some(HeaderValue::from_static("application/json"));
                self.body(json)
            }
            Err(error) => {
                let source = Some(error.into());
                let kind = RequestErrorKind::Json;
                self.fail(Error::new(ErrorKind::InvalidRequest { kind, source }));
                self
            }
        }
    }

    /// Sets the body to pairs as an HTML form sends them, and `content-type` unless it is set.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let (session, url) = (aioli_http::Session::new(), aioli_http::example::serve("hello"));
    /// session.post(url).form([("user", "me"), ("word", "x&y")]).await?;
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "aiohttp.FormData")]
    pub fn form<K, V>(mut self, pairs: impl IntoIterator<Item: Borrow<(K, V)>>) -> RequestBuilder
    where
        K: AsRef<str>,
        V: Display,
    {
        let mut form = form_urlencoded::Serializer::new(String::new());
        for pair in pairs {
            let (name, value) = pair.borrow();
            form.append_pair(name.as_ref(), &value.to_string());
        }
        self.parts.more.content_type = Some(HeaderValue::from_static(
            "application/x-www-form-urlencoded",
        ));
        self.body(form.finish())
    }

    /// Sets the time limits of this request; a plain length limits the whole of it.
    pub fn timeout(mut self, timeout: impl Into<Timeout>) -> RequestBuilder {
        self.parts.timeout = Some(Box::new(timeout.into()));
        self
    }

    /// Whether a status of 400 or above is an error, for this request.
    pub fn raise_for_status(mut self, yes: bool) -> RequestBuilder {
        self.parts.raise_for_status = yes;
        self
    }

    /// How many redirects this request follows; with 0 the redirect is the response.
    #[doc(alias = "aiohttp.ClientSession.request.allow_redirects")]
    pub fn redirects(mut self, n: usize) -> RequestBuilder {
        self.parts.redirects = n;
        self
    }

    /// Bounds the body that `bytes`, `text` and `json` of this response will buffer.
    pub fn body_limit(mut self, bytes: usize) -> RequestBuilder {
        self.parts.body_limit = bytes;
        self
    }

    /// Makes the future that awaiting the builder makes: for combinators that want one.
    ///
    /// # Cancel safety
    ///
    /// As [`Session::request`](crate::Session::request).
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let (session, url) = (aioli_http::Session::new(), aioli_http::example::serve("hello"));
    /// let twice = [session.get(&url).send(), session.get(&url).send()];
    /// for response in futures::future::try_join_all(twice).await? {
    ///     assert_eq!(response.text().await?, "hello");
    /// }
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    pub fn send(self) -> Sending {
        // The future is large, and made where it stays.
        let room = Box::new_uninit();
        let made = Box::write(room, self.run());
        Sending(Box::into_pin(made))
    }

    /// Not inlined, so that the future is written to where it is returned to.
    #[inline(never)]
    fn run(self) -> impl Future<Output = Result<Response>> + Send + 'static {
        let RequestBuilder {
            session,
            mut parts,
            error,
        } = self;
        async move {
            if let Some(error) = error {
                return Err(error);
            }
            if !session.inner.config.middleware.is_empty() {
                let next = Next::first(session);
                return Box::pin(next.run(Request { parts })).await;
            }
            let response = send::send(&session, &mut parts).await?;
            let raise = parts.raise_for_status;
            let asked = Asked {
                method: parts.method,
                url: parts.url,
                idempotent: parts.idempotent,
            };
            send::finish(response, asked, raise).await
        }
    }

    /// What a request is made of, and what is wrong with it.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn into_parts(self) -> (Parts, Option<Error>) {
        (self.parts, self.error)
    }

    fn fail(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }
}

impl IntoFuture for RequestBuilder {
    type Output = Result<Response>;
    type IntoFuture = Sending;

    fn into_future(self) -> Sending {
        self.send()
    }
}

impl fmt::Debug for RequestBuilder {
    /// Shows no header values: tokens are among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBuilder")
            .field("method", &self.parts.method)
            .field("url", &format_args!("{}", Shown(&self.parts.url)))
            .field("body", &self.parts.body)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

/// The future of a request, from [`RequestBuilder`].
#[must_use = "futures do nothing unless polled"]
pub struct Sending(Pin<Box<dyn Future<Output = Result<Response>> + Send>>);

impl Future for Sending {
    type Output = Result<Response>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Response>> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").finish_non_exhaustive()
    }
}

/// Checks what may be requested at all.
pub(crate) fn check_url(url: Url, https_only: bool) -> Result<Url, UrlErrorKind> {
    match url.scheme() {
        "https" => {}
        "http" if https_only => return Err(UrlErrorKind::NotHttps),
        "http" => {}
        _ => return Err(UrlErrorKind::Scheme),
    }
    if url.host().is_none() {
        return Err(UrlErrorKind::NoHost);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlErrorKind::Credentials);
    }
    Ok(url)
}

pub(crate) fn header_pair<K, V>(name: K, value: V) -> Result<(HeaderName, HeaderValue)>
where
    HeaderName: TryFrom<K>,
    HeaderValue: TryFrom<V>,
{
    let malformed = || Error::invalid_request(RequestErrorKind::Header);
    let name = HeaderName::try_from(name).map_err(|_| malformed())?;
    let value = HeaderValue::try_from(value).map_err(|_| malformed())?;
    Ok((name, value))
}

/// What can be requested: strings and [`Url`]s.
pub trait IntoUrl: sealed::Sealed {
    /// Turns it into a URL, which a relative string is only with a base.
    ///
    /// # Errors
    ///
    /// When it is no URL.
    fn into_url(self, base: Option<&Url>) -> Result<Url, UrlErrorKind>;
}

mod sealed {
    /// Keeps the trait ours to extend.
    pub trait Sealed {
        /// The text it is to be parsed from, if it is not a URL already.
        fn as_text(&self) -> Option<&str> {
            None
        }
    }
    impl Sealed for &str {
        fn as_text(&self) -> Option<&str> {
            Some(self)
        }
    }
    impl Sealed for String {
        fn as_text(&self) -> Option<&str> {
            Some(self)
        }
    }
    impl Sealed for &String {
        fn as_text(&self) -> Option<&str> {
            Some(self)
        }
    }
    impl Sealed for url::Url {}
    impl Sealed for &url::Url {}
}

impl IntoUrl for &str {
    fn into_url(self, base: Option<&Url>) -> Result<Url, UrlErrorKind> {
        let parsed = Url::options().base_url(base).parse(self);
        parsed.map_err(|error| match error {
            url::ParseError::RelativeUrlWithoutBase => UrlErrorKind::Relative,
            error => UrlErrorKind::Syntax(error),
        })
    }
}

impl IntoUrl for String {
    fn into_url(self, base: Option<&Url>) -> Result<Url, UrlErrorKind> {
        self.as_str().into_url(base)
    }
}

impl IntoUrl for &String {
    fn into_url(self, base: Option<&Url>) -> Result<Url, UrlErrorKind> {
        self.as_str().into_url(base)
    }
}

impl IntoUrl for Url {
    fn into_url(self, _base: Option<&Url>) -> Result<Url, UrlErrorKind> {
        Ok(self)
    }
}

impl IntoUrl for &Url {
    fn into_url(self, _base: Option<&Url>) -> Result<Url, UrlErrorKind> {
        Ok(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use crate::Session;

    /// What an allocator of today's takes from a list of the thread: of the GNU library, whose
    /// lists are of the shortest pieces, up to this size.
    const FAST: usize = 1032;

    #[test]
    fn the_future_of_a_request_is_allocated_fast() {
        let request = Session::new().get("http://localhost/");
        let size = size_of_val(&request.run());
        assert!(size <= FAST, "{size}");
    }
}
