//! A raw stream to a host and a port, by the way that requests go.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use http::Method;
use url::Url;

use crate::deadline::Deadline;
use crate::error::{Asked, Error, ErrorKind, RequestErrorKind, Result, UrlErrorKind};
use crate::limits::Timeout;
use crate::origin::{Origin, parse_host};
use crate::pool::Begun;
use crate::proxy::Proxy;
use crate::route::{OwnProxy, Route, Way};
use crate::send::hop::{begin, open};
use crate::session::Session;
use crate::upgrade::Upgraded;

impl Session {
    /// Opens a stream to `port` of `host`, for a protocol of the caller's own, by the way that a
    /// request to `https://host:port` would go; awaiting it connects.
    ///
    /// An HTTP proxy is asked for a tunnel (`CONNECT`), a SOCKS proxy to connect; without a proxy
    /// the stream leads there directly. Names, [`Egress`](crate::Egress), sockets, credentials and
    /// bounds of proxies are as for requests. Neither TLS nor HTTP is spoken with `host` itself:
    /// what goes over the stream is the caller's affair, also where
    /// [`https_only`](crate::SessionBuilder::https_only) holds for requests.
    ///
    /// The stream counts as a connection of the session until it is dropped
    /// ([`Limits`](crate::Limits)); idle connections of requests are never taken for it. The time
    /// limits of [`Timeout`] hold until it is open. Signals of [`Trace`](crate::Trace) are those of
    /// requests, and tell nothing of it.
    ///
    /// To ask an origin that offers tunnels itself, send it a
    /// [`request`](Session::request) of [`Method::CONNECT`] with `host:port` as the
    /// [`target`](crate::RequestBuilder::target), and take the connection out of its response with
    /// [`Response::upgrade`](crate::Response::upgrade).
    ///
    /// # Cancel safety
    ///
    /// Dropping it before it is open closes its connection and gives its slot of the pool back.
    ///
    /// # Errors
    ///
    /// As a request whose connection cannot be opened: `Dns`, `Connect`, `Egress`, `Proxy`,
    /// `Timeout`; `InvalidUrl` when `host` is none, `InvalidRequest` with
    /// [`RequestErrorKind::Method`] in a session that is answered by a function.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Proxy, Session};
    /// use futures::{AsyncReadExt, AsyncWriteExt};
    ///
    /// # use std::io::{BufRead, BufReader, Write};
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    /// # let address = listener.local_addr().unwrap().to_string();
    /// # let proxy = std::thread::spawn(move || {
    /// #     let (mut stream, _) = listener.accept().unwrap();
    /// #     let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
    /// #     assert_eq!(lines.next().unwrap(), "CONNECT mail.example:25 HTTP/1.1");
    /// #     lines.find(|line| line.is_empty()).unwrap();
    /// #     stream.write_all(b"HTTP/1.1 200 Established\r\n\r\n220 mail.example\r\n").unwrap();
    /// #     assert_eq!(lines.next().unwrap(), "QUIT");
    /// # });
    /// # aioli_task::run(async {
    /// let proxy = Proxy::http(&address).basic("me", "secret");
    /// let session = Session::builder().proxy(proxy).build()?;
    /// let mut stream = session.tunnel("mail.example", 25).await?;
    /// let mut greeting = [0; 4];
    /// stream.read_exact(&mut greeting).await?;
    /// assert_eq!(&greeting, b"220 ");
    /// stream.write_all(b"QUIT\r\n").await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// # proxy.join().unwrap();
    /// ```
    #[doc(alias = "CONNECT")]
    pub fn tunnel(&self, host: &str, port: u16) -> Tunnel {
        // A URL has its IPv6 addresses in brackets.
        let bare = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let origin = parse_host(bare.unwrap_or(host)).map(|host| Origin {
            secure: true,
            host,
            port,
        });
        Tunnel {
            session: self.clone(),
            origin: origin.map_err(|error| Error::new(ErrorKind::InvalidUrl(error.into()))),
            way: Way::default(),
            timeout: None,
        }
    }
}

/// A stream that is opened when it is awaited, from [`Session::tunnel`].
///
/// # Examples
///
/// ```
/// use aioli_http::Session;
/// use futures::{AsyncReadExt, AsyncWriteExt};
///
/// # let url = aioli_http::Url::parse(&aioli_http::example::serve("hello")).unwrap();
/// # let port = url.port().unwrap();
/// # aioli_task::run(async {
/// let session = Session::new();
/// let mut stream = session.tunnel("127.0.0.1", port).no_proxy().timeout(10.0).await?;
/// stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
/// let mut status = [0; 8];
/// stream.read_exact(&mut status).await?;
/// assert_eq!(&status, b"HTTP/1.1");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[must_use = "a tunnel is not opened unless it is awaited"]
pub struct Tunnel {
    session: Session,
    origin: Result<Origin>,
    way: Way,
    timeout: Option<Timeout>,
}

impl Tunnel {
    /// Takes this proxy, and none of the session's; the one that it has for `https` URLs.
    ///
    /// # Errors
    ///
    /// `InvalidRequest` with [`RequestErrorKind::Proxy`] when it is awaited and the proxy is
    /// malformed.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{ErrorKind, Proxy, RequestErrorKind, Session};
    ///
    /// # aioli_task::run(async {
    /// let tunnel = Session::new().tunnel("db.example", 5432);
    /// let error = tunnel.proxy(Proxy::socks5h("127.0.0.1:not-a-port")).await.unwrap_err();
    /// let ErrorKind::InvalidRequest { kind, .. } = error.kind() else {
    ///     panic!("{error}");
    /// };
    /// assert_eq!(*kind, RequestErrorKind::Proxy);
    /// # });
    /// ```
    pub fn proxy(mut self, proxy: Proxy) -> Tunnel {
        if let Err(error) = proxy.check()
            && self.origin.is_ok()
        {
            self.origin = Err(error);
        }
        self.way.proxy = Some(OwnProxy::One(proxy));
        self
    }

    /// Takes no proxy, whatever the session says; the type has an example.
    pub fn no_proxy(mut self) -> Tunnel {
        self.way.proxy = Some(OwnProxy::None);
        self
    }

    /// Sets the time limits of opening it, in place of the session's; a plain length, in seconds if
    /// it is a number, limits the whole of that. The type has an example.
    pub fn timeout(mut self, timeout: impl Into<Timeout>) -> Tunnel {
        self.timeout = Some(timeout.into());
        self
    }

    async fn open(self) -> Result<Upgraded> {
        let Tunnel {
            session,
            origin,
            way,
            timeout,
        } = self;
        let origin = Arc::new(origin?);
        let nowhere = |_| Error::new(ErrorKind::InvalidUrl(UrlErrorKind::NoHost));
        let asked = Asked {
            method: Method::CONNECT,
            url: Url::parse(&format!("https://{}/", origin.authority())).map_err(nowhere)?,
            idempotent: true,
        };
        connect(&session, origin, &way, timeout)
            .await
            .map_err(|error| error.with_request(&asked))
    }
}

async fn connect(
    session: &Session,
    origin: Arc<Origin>,
    way: &Way,
    timeout: Option<Timeout>,
) -> Result<Upgraded> {
    let config = &session.inner.config;
    if config.mock.is_some() {
        return Err(Error::invalid_request(RequestErrorKind::Method));
    }
    let timeout = timeout.as_ref().unwrap_or(&config.timeout);
    let mut deadline = Deadline::start(timeout.total);
    let route = Arc::new(Route::raw(&config.dial, way, origin)?);
    let connection = match begin(session, &route, false, timeout, &mut deadline).await? {
        Begun::Open(slot) => open(session, slot, timeout, &mut deadline).await?,
        Begun::Connection(_) | Begun::Wait(_) => {
            unreachable!("no raw stream is ever idle, and who has begun does not wait")
        }
    };
    Ok(Upgraded::new(connection))
}

impl IntoFuture for Tunnel {
    type Output = Result<Upgraded>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Upgraded>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.open())
    }
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tunnel")
            .field("origin", &self.origin)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
