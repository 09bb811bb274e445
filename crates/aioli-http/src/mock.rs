//! A server that is a function: for tests of code that makes requests.
//!
//! It stands where the socket would: at the other end of one connection, in memory. All above is
//! what serves real requests too (cookies, credentials, redirects, retries, the pool, the codec,
//! decoding, time limits), so a test that passes here has gone through the same code. Names are
//! not looked up, and `https` is not encrypted.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::body::Body;
use crate::error::{Error, ErrorKind, Result, Sent, Shown};
use crate::h1::exchange::Failure;
use crate::origin::Origin;
use crate::session::Session;

mod stream;

pub(crate) use stream::MockStream;

/// How many requests a mock remembers.
const REMEMBERED: usize = 1000;

/// An answer of [`Session::mock`].
///
/// # Examples
///
/// ```
/// use aioli_http::{Mock, Session};
///
/// # aioli_task::run(async {
/// let session = Session::mock(async |request| match request.url().path() {
///     "/old" => Mock::redirect(302, "/users/7"),
///     "/users/7" => Mock::json(200, &serde_json::json!({ "name": "anne" })),
///     _ => Mock::new(404),
/// });
/// let user = session.get("https://api.example/old").await?;
/// assert_eq!(user.url().path(), "/users/7");
/// assert_eq!(user.text().await?, r#"{"name":"anne"}"#);
/// assert_eq!(session.mock_requests().len(), 2);
/// # Ok::<(), aioli_http::Error>(()) }).unwrap();
/// ```
#[doc(alias = "aioresponses")]
#[doc(alias = "httpx.MockTransport")]
#[must_use = "it is an answer only when the mock returns it"]
pub struct Mock(Kind);

enum Kind {
    Answer(Answer),
    /// These bytes, and the end of the connection.
    Raw(Bytes),
    Fail(Injected),
    /// Nothing, ever.
    Hang,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Body,
    /// The connection ends after so many bytes of the body.
    cut: Option<usize>,
}

/// A failure that a mock has asked for, on its way through the exchange.
#[derive(Debug)]
struct Injected {
    kind: ErrorKind,
    sent: Sent,
}

impl fmt::Display for Injected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl std::error::Error for Injected {}

/// Finds the error that a mock has asked for in the failure it came as.
pub(crate) fn injected(failure: Failure) -> Result<Failure> {
    match failure {
        Failure::Disconnected {
            source: Some(source),
            head_begun,
        } => match source.downcast::<Injected>() {
            Ok(Injected { kind, sent }) => Err(Error::new(kind).with_sent(sent)),
            Err(source) => Ok(Failure::Disconnected {
                source: Some(source),
                head_begun,
            }),
        },
        failure => Ok(failure),
    }
}

impl Mock {
    /// An answer without a body.
    ///
    /// # Panics
    ///
    /// When `status` is not from 200 to 999.
    pub fn new(status: u16) -> Mock {
        let status = StatusCode::from_u16(status).expect("a status has three digits");
        assert!(!status.is_informational(), "a 1xx status is no answer");
        Mock(Kind::Answer(Answer {
            status,
            headers: HeaderMap::new(),
            body: Body::default(),
            cut: None,
        }))
    }

    /// An answer of plain text.
    ///
    /// # Panics
    ///
    /// As [`new`](Mock::new).
    pub fn text(status: u16, text: impl Into<String>) -> Mock {
        Mock::new(status)
            .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
            .body(text.into())
    }

    /// An answer of JSON.
    ///
    /// # Panics
    ///
    /// As [`new`](Mock::new), and when the value cannot be written as JSON.
    pub fn json<T: Serialize + ?Sized>(status: u16, value: &T) -> Mock {
        let json = serde_json::to_vec(value).expect("the value of a mock can be written");
        Mock::new(status)
            .header(header::CONTENT_TYPE, "application/json")
            .body(json)
    }

    /// An answer that sends the client on to `location`.
    ///
    /// # Panics
    ///
    /// As [`new`](Mock::new), and when `location` cannot be a header.
    pub fn redirect(status: u16, location: &str) -> Mock {
        Mock::new(status).header(header::LOCATION, location)
    }

    /// The bytes of a whole answer, status line and all, and the end of the connection: for
    /// answers that no server should give.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{ErrorKind, Mock, Session};
    ///
    /// # futures::executor::block_on(async {
    /// let session = Session::mock(async |_| Mock::raw("SSH-2.0-OpenSSH_9.9\r\n"));
    /// let error = session.get("http://a.example/").await.unwrap_err();
    /// assert!(matches!(error.kind(), ErrorKind::Protocol(_)));
    /// # });
    /// ```
    pub fn raw(bytes: impl Into<Bytes>) -> Mock {
        Mock(Kind::Raw(bytes.into()))
    }

    /// The server takes the request and closes the connection.
    pub fn disconnect() -> Mock {
        let sent = Sent::Fully;
        let kind = ErrorKind::Disconnected {
            sent,
            reused: false,
            source: None,
        };
        Mock::error(kind, sent)
    }

    /// The server takes the request and never answers: some time limit will end it.
    ///
    /// On a virtual clock it passes at once.
    pub fn hang() -> Mock {
        Mock(Kind::Hang)
    }

    /// The request fails with `kind`, when so much of it had been sent.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io;
    /// use aioli_http::{ErrorKind, Mock, Sent, Session};
    ///
    /// # futures::executor::block_on(async {
    /// let session = Session::mock(async |request| {
    ///     let refused = ErrorKind::Connect {
    ///         host: request.url().host_str().unwrap_or_default().to_owned(),
    ///         port: 443,
    ///         source: io::ErrorKind::ConnectionRefused.into(),
    ///     };
    ///     Mock::error(refused, Sent::Nothing)
    /// });
    /// let error = session.post("https://a.example/").await.unwrap_err();
    /// assert!(error.is_connect() && error.is_retryable());
    /// # });
    /// ```
    pub fn error(kind: ErrorKind, sent: Sent) -> Mock {
        Mock(Kind::Fail(Injected { kind, sent }))
    }

    /// Adds a header to an answer.
    ///
    /// # Panics
    ///
    /// When the name or the value is malformed, or this is no answer but a failure.
    pub fn header<K, V>(mut self, name: K, value: V) -> Mock
    where
        HeaderName: TryFrom<K>,
        HeaderValue: TryFrom<V>,
    {
        let name = HeaderName::try_from(name).ok().expect("a header's name");
        let value = HeaderValue::try_from(value).ok().expect("a header's value");
        self.answer().headers.append(name, value);
        self
    }

    /// Sets the body of an answer.
    ///
    /// One of known length has `content-length`, unless the answer brings its own; a
    /// [stream](Body::stream) comes in chunks, one for each piece.
    ///
    /// # Panics
    ///
    /// When this is no answer but a failure.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Body, Mock, Session};
    /// use futures::stream;
    ///
    /// # futures::executor::block_on(async {
    /// let session = Session::mock(async |_| {
    ///     let pieces = stream::iter(["gar", "lic"].map(Ok::<_, std::io::Error>));
    ///     Mock::new(200).body(Body::stream(pieces))
    /// });
    /// let mut response = session.get("http://a.example/").await?;
    /// assert_eq!(response.chunk().await?.unwrap(), "gar");
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    pub fn body(mut self, body: impl Into<Body>) -> Mock {
        self.answer().body = body.into();
        self
    }

    /// Ends the connection after `n` bytes of the body.
    ///
    /// # Panics
    ///
    /// When this is no answer but a failure.
    pub fn cut_after(mut self, n: usize) -> Mock {
        self.answer().cut = Some(n);
        self
    }

    fn answer(&mut self) -> &mut Answer {
        match &mut self.0 {
            Kind::Answer(answer) => answer,
            _ => panic!("a failure has neither headers nor a body"),
        }
    }
}

impl fmt::Debug for Mock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match &self.0 {
            Kind::Answer(answer) => return write!(f, "Mock({})", answer.status.as_u16()),
            Kind::Raw(bytes) => return write!(f, "Mock({} raw bytes)", bytes.len()),
            Kind::Fail(injected) => return write!(f, "Mock({injected})"),
            Kind::Hang => "Mock(hang)",
        };
        f.write_str(name)
    }
}

/// A request as a mock sees it: after redirects, cookies and credentials.
#[derive(Clone)]
pub struct MockRequest {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
}

impl MockRequest {
    /// Returns the method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Returns the URL.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Returns all headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the first value of a header, if it is there and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the body, without the marks of its framing.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    ///
    /// When it is no JSON of that type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }
}

impl fmt::Debug for MockRequest {
    /// Shows no header values: tokens are among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockRequest")
            .field("method", &self.method)
            .field("url", &format_args!("{}", Shown(&self.url)))
            .field("headers", &self.headers.len())
            .field("body", &self.body.len())
            .finish()
    }
}

/// What a mock does with a request.
type Handler = dyn Fn(MockRequest) -> Answering + Send + Sync;
type Answering = Pin<Box<dyn Future<Output = Mock> + Send>>;

/// The server behind the connections of a mocked session.
pub(crate) struct MockServer {
    handler: Box<Handler>,
    requests: Mutex<VecDeque<MockRequest>>,
}

impl MockServer {
    pub(crate) fn new<F, A>(handler: F) -> Arc<MockServer>
    where
        F: Fn(MockRequest) -> A + Send + Sync + 'static,
        A: Future<Output = Mock> + Send + 'static,
    {
        Arc::new(MockServer {
            handler: Box::new(move |request| Box::pin(handler(request))),
            requests: Mutex::default(),
        })
    }

    /// Opens a connection.
    pub(crate) fn connect(self: &Arc<Self>, origin: &Origin) -> Box<MockStream> {
        Box::new(MockStream::new(self.clone(), origin.clone()))
    }

    fn answer(&self, request: MockRequest) -> Answering {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if requests.len() == REMEMBERED {
            requests.pop_front();
        }
        requests.push_back(request.clone());
        drop(requests);
        (self.handler)(request)
    }
}

impl Session {
    /// A session whose requests are answered by a function, without sockets.
    ///
    /// See [`SessionBuilder::mock`](crate::SessionBuilder::mock) for one with settings.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Mock, Session};
    ///
    /// # futures::executor::block_on(async {
    /// let session = Session::mock(async |request| Mock::text(200, request.url().path()));
    /// assert_eq!(session.get("http://a.example/b").await?.text().await?, "/b");
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    pub fn mock<F, A>(handler: F) -> Session
    where
        F: Fn(MockRequest) -> A + Send + Sync + 'static,
        A: Future<Output = Mock> + Send + 'static,
    {
        Session::builder().mock(handler).finish()
    }

    /// Returns the last thousand requests that the session's mock was asked, the first one first.
    ///
    /// There are none in a session that is not mocked.
    #[must_use]
    pub fn mock_requests(&self) -> Vec<MockRequest> {
        let Some(server) = &self.inner.config.mock else {
            return Vec::new();
        };
        let requests = server.requests.lock();
        let requests = requests.unwrap_or_else(PoisonError::into_inner);
        requests.iter().cloned().collect()
    }
}

/// The pieces of a body that a mock sends.
type Pieces = Pin<Box<dyn crate::body::Pieces + Send>>;
