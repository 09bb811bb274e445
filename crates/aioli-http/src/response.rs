//! A response: its head at once, its body as it comes.

use std::fmt;
use std::future::poll_fn;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http::{Extensions, HeaderMap, StatusCode, Version};
use url::Url;

use crate::cookies::{self, Cookie};
use crate::deadline::Deadline;
use crate::decode::Decoding;
use crate::error::{Asked, Error, ErrorKind, LimitKind, Result, Sent, Shown};
use crate::h1::fields::Fields;
use crate::limits::{CookieBounds, Limits};
use crate::pool::Connection;
use crate::timings::Timings;

pub(crate) mod incoming;
mod reader;
mod text;

use incoming::Incoming;
pub use reader::BodyReader;

/// What a server answered.
///
/// The head is complete, the body comes when it is asked for. When the body was short enough to
/// come together with the head, its connection serves other requests already; otherwise the
/// response holds the connection until the body is read to its end. Dropping it earlier closes
/// the connection, unless the rest has come already.
///
/// Header values and short bodies are slices of the buffer they came in (16 KiB and more), which
/// is used again when nobody holds one. What is kept for long is better copied.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// # let url = aioli_http::example::serve("hello");
/// let response = aioli_http::get(url).await?;
/// assert_eq!(response.status(), 200);
/// assert_eq!(response.headers()["content-length"], "5");
/// assert_eq!(response.text().await?, "hello");
/// # Ok::<(), aioli_http::Error>(()) }).unwrap();
/// ```
#[doc(alias = "aiohttp.ClientResponse")]
pub struct Response {
    /// Boxed: it is handed from function to function, and is in the futures of all of them.
    pub(crate) inner: Box<Inner>,
}

/// What a [`Response`] points at.
pub(crate) struct Inner {
    pub(crate) head: Head,
    pub(crate) body: Incoming,
    /// Between `body` and the caller, when the body has a content coding.
    pub(crate) decoding: Option<Box<Decoding>>,
    /// The connection of a server that has switched protocols.
    pub(crate) upgraded: Option<Box<Connection>>,
}

/// What an error keeps of a body: a page is not an error message.
const ERROR_BODY: usize = 4096;

/// The head, and what it answers.
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    pub(crate) headers: Fields,
    /// Whether there is a `content-encoding` among the headers as they came.
    pub(crate) coded: bool,
    /// The bounds on what it sets, if it has a `set-cookie`.
    pub(crate) sets_cookies: Option<CookieBounds>,
    /// There once the request is over.
    pub(crate) asked: Option<Asked>,
    /// The URLs that led here.
    pub(crate) history: Vec<Url>,
    pub(crate) content_length: Option<u64>,
    /// What the caller has attached to the request.
    pub(crate) extensions: Extensions,
    /// The bound of a buffered body.
    pub(crate) body_limit: usize,
}

impl Response {
    /// Where a response is going to be. Made before what it is made of: whatever could unwind in
    /// between would have it put together elsewhere and copied.
    pub(crate) fn room() -> Box<MaybeUninit<Inner>> {
        Box::new_uninit()
    }

    /// What has come so far, and what the rest comes from.
    #[inline(always)]
    pub(crate) fn new(room: Box<MaybeUninit<Inner>>, head: Head, body: Incoming) -> Response {
        // It is made where it stays.
        let inner = Box::write(
            room,
            Inner {
                head,
                body,
                decoding: None,
                upgraded: None,
            },
        );
        Response { inner }
    }

    /// Gives up the body and hands on the time limits.
    pub(crate) fn into_deadline(self) -> Deadline {
        self.inner.body.into_deadline()
    }

    /// Returns the status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.inner.head.status
    }

    /// Returns the headers; trailers are never among them.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.inner.head.headers
    }

    /// Returns the cookies that this response sets, and that its server may set.
    ///
    /// Those of redirects on the way here are in the [jar](crate::Session::cookies), if there is
    /// one. Within the bounds of the session ([`Limits::set_cookies`](crate::Limits::set_cookies)).
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let url = aioli_http::example::serve("hello");
    /// for cookie in aioli_http::get(url).await?.cookies() {
    ///     println!("{} for {}", cookie.name(), cookie.domain());
    /// }
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "aiohttp.ClientResponse.cookies")]
    #[must_use]
    pub fn cookies(&self) -> Vec<Cookie> {
        let Some(bounds) = self.inner.head.sets_cookies else {
            return Vec::new();
        };
        cookies::of_response(self.url(), &self.inner.head.headers, bounds)
    }

    /// Returns the version of the response.
    #[must_use]
    pub fn version(&self) -> Version {
        self.inner.head.version
    }

    /// Returns the URL that answered: the last one when there were redirects.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.inner.head.asked().url
    }

    /// Returns the URLs that redirected here, the first one first.
    #[doc(alias = "aiohttp.ClientResponse.history")]
    #[must_use]
    pub fn history(&self) -> &[Url] {
        &self.inner.head.history
    }

    /// Returns how long the parts of the request took.
    ///
    /// Of the body it knows when it has been read to its end.
    #[must_use]
    pub fn timings(&self) -> Timings {
        self.inner.body.watch().timings
    }

    /// Returns what was attached to the request.
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.inner.head.extensions
    }

    /// Returns what is attached to the response, to be changed: by middleware, for whoever
    /// made the request.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.inner.head.extensions
    }

    /// Returns the announced length of the body, if it was announced and can be believed.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        self.inner.head.content_length
    }

    /// Returns the fields that came after a chunked body, once it was read to its end.
    ///
    /// They are never among the [`headers`](Response::headers), and those that belong there alone
    /// are dropped: what describes the body, cookies, credentials and the like. No other response
    /// has any.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let url = aioli_http::example::serve("hello");
    /// let mut response = aioli_http::get(url).await?;
    /// while let Some(piece) = response.chunk().await? {
    ///     println!("{} bytes", piece.len());
    /// }
    /// if let Some(digest) = response.trailers().and_then(|trailers| trailers.get("repr-digest")) {
    ///     println!("{digest:?}");
    /// }
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[must_use]
    pub fn trailers(&self) -> Option<&HeaderMap> {
        self.inner.body.trailers()
    }

    /// Makes an error of a status of 400 or above.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Status`] with the beginning of the body, as far as it has come.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let url = aioli_http::example::serve("hello");
    /// let page = aioli_http::get(url).await?.error_for_status()?.text().await?;
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "aiohttp.ClientResponse.raise_for_status")]
    pub fn error_for_status(mut self) -> Result<Response> {
        if !self.is_error() {
            return Ok(self);
        }
        let mut body = self.inner.body.take_buffered().unwrap_or_default();
        if let Some(decoding) = &mut self.inner.decoding {
            body = decoding.beginning(body, ERROR_BODY);
        }
        Err(self.status_error(body))
    }

    /// As [`error_for_status`](Response::error_for_status), but waits for the body's beginning.
    ///
    /// A second at most, and within the time limits: the error is what counts, and no failure of
    /// the body is to hide it.
    pub(crate) async fn raise_for_status(mut self) -> Result<Response> {
        if !self.is_error() {
            return Ok(self);
        }
        let mut body = BytesMut::new();
        let mut patience = aioli_time::sleep(Duration::from_secs(1));
        while body.len() < ERROR_BODY {
            let piece = poll_fn(|cx| match self.poll_piece(cx) {
                Poll::Ready(piece) => Poll::Ready(piece),
                Poll::Pending => Pin::new(&mut patience).poll(cx).map(|()| None),
            });
            match piece.await {
                Some(Ok(piece)) => body.extend_from_slice(&piece[..piece.len().min(ERROR_BODY)]),
                Some(Err(_)) | None => break,
            }
        }
        Err(self.status_error(body.freeze()))
    }

    fn is_error(&self) -> bool {
        self.inner.head.status.is_client_error() || self.inner.head.status.is_server_error()
    }

    fn status_error(&self, mut body: Bytes) -> Error {
        let status = self.inner.head.status;
        body.truncate(ERROR_BODY);
        let error = Error::new(ErrorKind::Status { status, body });
        self.inner.head.in_context(error).with_sent(Sent::Fully)
    }

    /// Waits for the next piece of the body; `None` is its end.
    ///
    /// Pieces are what the network delivers, chunked or not: their borders mean nothing.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: the next call goes on where this one was.
    ///
    /// # Errors
    ///
    /// * [`ErrorKind::Body`] when the body is cut off.
    /// * [`ErrorKind::Protocol`] and [`ErrorKind::Limit`] when its framing is broken.
    /// * [`ErrorKind::Timeout`] in the `Read` or the `Total` phase.
    ///
    /// After an error the body is at its end.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let url = aioli_http::example::serve("hello");
    /// let mut response = aioli_http::get(url).await?;
    /// let mut length = 0;
    /// while let Some(piece) = response.chunk().await? {
    ///     length += piece.len();
    /// }
    /// assert_eq!(length, 5);
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "aiohttp.StreamReader.readany")]
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        poll_fn(|cx| self.poll_piece(cx)).await.transpose()
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let polled = match &mut self.inner.decoding {
            None => self.inner.body.poll_piece(cx),
            Some(decoding) => decoding.poll_piece(&mut self.inner.body, cx),
        };
        polled.map_err(|error| self.inner.head.in_context(error))
    }

    /// Decodes the body from here on, if it has content codings that are known.
    ///
    /// Of at most `limit` codings.
    pub(crate) fn begin_decoding(&mut self, limits: &Limits) {
        // A part of a coded body cannot be decoded by itself.
        let part = self.inner.head.status == StatusCode::PARTIAL_CONTENT;
        if !self.inner.head.coded || part || self.inner.body.is_over() {
            return;
        }
        let headers = &mut self.inner.head.headers;
        self.inner.decoding = Decoding::begin(headers, limits.codings());
        if self.inner.decoding.is_some() {
            self.inner.head.content_length = None;
        }
    }

    /// Waits for the whole body.
    ///
    /// # Cancel safety
    ///
    /// What was read is lost with the response, and its connection is closed.
    ///
    /// # Errors
    ///
    /// As [`chunk`](Response::chunk), and [`ErrorKind::Limit`] when the body is larger than
    /// [`Limits::body`](crate::Limits::body).
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let url = aioli_http::example::serve("hello");
    /// let picture = aioli_http::get(url).await?.bytes().await?;
    /// assert_eq!(picture, "hello");
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "aiohttp.ClientResponse.read")]
    pub async fn bytes(mut self) -> Result<Bytes> {
        self.collect().await
    }

    /// Waits for the rest of the body, within its bound.
    async fn collect(&mut self) -> Result<Bytes> {
        if let Some(decoding) = &mut self.inner.decoding {
            let whole = decoding
                .collect(&mut self.inner.body, self.inner.head.body_limit)
                .await;
            return whole.map_err(|error| self.inner.head.in_context(error));
        }
        let limit = self.inner.head.body_limit;
        let too_large = |head: &Head, seen: u64| {
            let error = LimitKind::Body.over(limit, seen).into();
            Err(head.in_context(error).with_sent(Sent::Fully))
        };
        if let Some(announced) = self.inner.head.content_length
            && announced > limit as u64
            && !self.inner.body.is_over()
        {
            return too_large(&self.inner.head, announced);
        }
        let Some(first) = self.chunk().await? else {
            return Ok(Bytes::new());
        };
        if first.len() > limit {
            return too_large(&self.inner.head, first.len() as u64);
        }
        if self.inner.body.is_over() {
            return Ok(first);
        }
        let mut whole = Whole::new(self.inner.head.content_length, &first);
        drop(first);
        loop {
            let direct = poll_fn(|cx| self.inner.body.poll_direct(cx, whole.room())).await;
            if let Some(n) = direct {
                whole.filled += n.map_err(|error| self.inner.head.in_context(error))?;
                continue;
            }
            let Some(piece) = self.chunk().await? else {
                return Ok(whole.into_bytes());
            };
            if piece.len() > limit - whole.filled {
                return too_large(&self.inner.head, whole.filled as u64 + piece.len() as u64);
            }
            whole.append(&piece);
        }
    }

    /// Turns the response into a stream of the pieces of its body.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Body, Session};
    ///
    /// # aioli_task::run(async {
    /// # let url = aioli_http::example::serve("hello");
    /// let session = Session::new();
    /// let source = session.get(&url).await?;
    /// session.put(&url).body(Body::stream(source.into_stream())).await?;
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "aiohttp.StreamReader.iter_any")]
    pub fn into_stream(self) -> Chunks {
        Chunks { response: self }
    }
}

impl Head {
    /// What it answers, once the request is over.
    fn asked(&self) -> &Asked {
        self.asked
            .as_ref()
            .expect("the request was put in before the response was handed out")
    }

    pub(crate) fn in_context(&self, error: Error) -> Error {
        in_context(self.asked(), error)
    }
}

/// A body that is collected: initialised memory, of which the beginning is filled.
struct Whole {
    data: BytesMut,
    filled: usize,
    /// How long it is going to be, as far as that is known.
    announced: usize,
}

impl Whole {
    /// An announced length is a claim: after this start, memory follows the bytes. Fresh memory
    /// that was not written to costs nothing yet.
    const START: usize = 8 * 1024 * 1024;

    fn new(announced: Option<u64>, first: &[u8]) -> Whole {
        let announced = announced.map_or(0, |n| usize::try_from(n).unwrap_or(usize::MAX));
        let start = announced.min(Whole::START).max(first.len());
        let mut data = BytesMut::zeroed(start);
        data[..first.len()].copy_from_slice(first);
        Whole {
            data,
            filled: first.len(),
            announced,
        }
    }

    /// Where the next bytes go; empty when no more are announced.
    fn room(&mut self) -> &mut [u8] {
        if self.filled == self.data.len() && self.filled < self.announced {
            let size = self.filled.saturating_mul(2).min(self.announced);
            self.data.resize(size, 0);
        }
        let end = self.data.len().min(self.announced).max(self.filled);
        &mut self.data[self.filled..end]
    }

    fn append(&mut self, piece: &[u8]) {
        let end = self.filled + piece.len();
        match self.data.get_mut(self.filled..end) {
            Some(room) => room.copy_from_slice(piece),
            None => {
                self.data.truncate(self.filled);
                self.data.extend_from_slice(piece);
            }
        }
        self.filled = end;
    }

    fn into_bytes(mut self) -> Bytes {
        self.data.truncate(self.filled);
        self.data.freeze()
    }
}

/// The error of a request that was answered.
fn in_context(asked: &Asked, error: Error) -> Error {
    error.with_request(asked).with_sent(Sent::Fully)
}

impl fmt::Debug for Response {
    /// Shows no header values: cookies and tokens are among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.inner.head.status)
            .field("url", &format_args!("{}", Shown(self.url())))
            .field("headers", &self.inner.head.headers.len())
            .field("content_length", &self.inner.head.content_length)
            .finish_non_exhaustive()
    }
}

/// The pieces of a body, from [`Response::into_stream`].
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct Chunks {
    response: Response,
}

impl Chunks {
    /// Returns the response the body belongs to.
    pub fn response(&self) -> &Response {
        &self.response
    }
}

impl Stream for Chunks {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.response.poll_piece(cx)
    }
}
