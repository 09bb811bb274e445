//! An HTTP client with the feel of aiohttp's `ClientSession`, on any executor.
//!
//! ```
//! use aioli_http::{Session, Timeout};
//!
//! # let url = aioli_http::example::serve("hello");
//! aioli_task::run(async {
//!     let session = Session::builder().timeout(Timeout::total(30).connect(5)).build()?;
//!     let page = session.get(&url).await?.text().await?;
//!     let made = session.post(&url).query([("dry", true)]).json(&["oil", "garlic"]).await?;
//!     let mut body = made.error_for_status()?;
//!     while let Some(piece) = body.chunk().await? {
//!         println!("{} bytes after {page}", piece.len());
//!     }
//!     Ok::<(), aioli_http::Error>(())
//! })?;
//! # Ok::<(), aioli_http::Error>(())
//! ```
//!
//! # Should I depend on this crate?
//!
//! Yes, for HTTP/1.1, https and (by a feature) HTTP/2 from async code on *any* executor: aioli's
//! loop, tokio, smol, or none but `futures::executor::block_on`. A request needs no task, no
//! channel and no runtime of its own: its future polls the socket (an HTTP/2 connection, which
//! many share, has a task). What a server can do to you is bounded before you ask.
//!
//! Not if you need HTTP/3 or a server. An application takes the facade `aioli`, which re-exports
//! this crate as `aioli::http`.
//!
//! # In scope / Out of scope
//!
//! In scope: a keep-alive [`Session`] bounded in total and per origin; query, headers, JSON,
//! forms with and without files, bodies from bytes, files and streams; response bodies whole, in
//! pieces, as a stream or a reader; chunked both ways, with trailers; content codings and character
//! sets; bodies that wait for consent, connections that change hands and raw streams through
//! proxies ([`Upgraded`], [`Session::tunnel`]); redirects; cookies by RFC 6265bis in a
//! [`CookieJar`] that can be shared and saved; hosts that are asked by https only ([`HstsStore`], off
//! by default); credentials ([`Auth`]: basic, bearer, digest, or what a server asks for;
//! [`Netrc`]); a time limit for each [`Phase`]; TLS by `rustls` with the system's roots, additional
//! ones, or only given ones, with client certificates, pinned keys and revocation lists; proxies by
//! HTTP, HTTPS, SOCKS4 and SOCKS5 ([`Proxy`]); Unix sockets; addresses that race (RFC 8305),
//! remembered for a while and looked up by a [`Resolver`]; rules for where connections may go
//! ([`Egress`]); retries with backoff and a budget ([`Retry`]); functions around requests
//! ([`SessionBuilder::with`]), signals of what they do ([`Trace`]) and how long it took
//! ([`Timings`]); sessions answered by a function, for tests ([`Session::mock`]); one [`Error`]
//! that tells what may be tried again.
//!
//! Names of other clients side by side with ours are in [`docs::coming_from`], and what to do about
//! each error in [`docs::errors`].
//!
//! Not in scope: HTTP/3, caching, WebSocket, servers.
//!
//! Safe by default:
//!
//! | concern | what holds |
//! |---|---|
//! | endless or huge answers | [`Limits`]: 64 KiB and 128 headers of head (1xx included), 64 MiB buffered, bounded chunk extensions and trailers |
//! | compression bombs | decoded in pieces of at most 64 KiB, three codings at most, `zstd` windows of 8 MiB; the bound of a buffered body is on what was decoded |
//! | smuggled responses | one reading of lengths and codings, digits only, CR LF only, no folding; any doubt closes the connection |
//! | smuggled requests | methods, headers and a [`target`](RequestBuilder::target) of one's own are checked before anything is sent, and end no line early; there is one length or coding, and it is that of the body |
//! | secrets on redirects | credentials, a request's own cookies, and headers with secrets go to the origin they were meant for, and to no other; once a chain has left it they do not come back; user information in a `location` is ignored; no `referer` is made up |
//! | where a redirect leads | `http` and `https` only, ten hops; [`Redirect`] and [`SessionBuilder::https_only`] allow less |
//! | cookies of others | none for public suffixes, parent or sibling domains; over plain http no secure one is set or hidden; `__Host-` and `__Secure-` are held; 4 KiB each, 50 of a response, 180 of a site, 3000 in all, 8 KiB of them in a request, 400 days |
//! | https that is taken away | with an [`HstsStore`], a host that has asked for it is asked by https alone, before a name is looked up and on every hop; its word counts only by a checked certificate of its own; 180 hosts of a site, 3000 in all |
//! | credentials | a digest is answered once, for its own origin or proxy; a `.netrc` entry is for exactly its host, and `default` for none; what would end a header or a name early is refused before anything is sent |
//! | requests carried out twice | a stale pooled connection is replaced once, only when the method is idempotent or nothing was sent, and the body is whole; [`Retry`] is off by default and holds to the same, and never repeats what came before a redirect |
//! | being told to wait | `retry-after` is believed for two minutes at most unless [`Retry::longest_retry_after`] says more, and never beyond the total limit |
//! | truncation | a body that is cut off is an error, also over TLS without its closing message |
//! | logs | errors and `Debug` show no header values, user information, queries or bodies |
//! | TLS | certificates and names are checked before a byte of a request leaves. The one switch that turns this off says so ([`SessionBuilder::danger_accept_invalid_certificates`]) and holds for its session alone, which shares neither connections nor tickets |
//! | proxies | none but those that are given, and the environment's when it is asked for; a malformed one is an error, not a way around it. A `CONNECT` has nothing of the request in it, a tunnel nothing of the proxy's; other credentials are other connections; no redirect, body or endless answer of a proxy is taken |
//! | addresses | [`Egress`] is judged on the address that is dialled, on every hop, for names, literals and proxies; 16 addresses of a name are tried, 1024 names remembered, for 10 s |
//!
//! # Examples
//!
//! Many downloads at the same time, over at most 64 connections to one origin:
//!
//! ```
//! use futures::future::try_join_all;
//!
//! # let url = aioli_http::example::serve("hello");
//! # aioli_task::run(async {
//! let session = aioli_http::Session::new();
//! let pages = try_join_all((0..100).map(|n| {
//!     let request = session.get(&url).query([("page", n)]);
//!     async move { request.await?.text().await }
//! }));
//! assert_eq!(pages.await?.len(), 100);
//! # Ok::<(), aioli_http::Error>(()) }).unwrap();
//! ```
//!
//! Logging in once, and for as long as the cookie lasts:
//!
//! ```
//! # use aioli_http::Mock;
//! use aioli_http::{CookieJar, Session};
//!
//! # aioli_task::run(async {
//! let jar = CookieJar::new(); // or `CookieJar::load(path)`, and `jar.save(..)` at the end
//! let session = Session::builder()
//!     .base_url("https://a.example/")
//!     .cookies(jar.clone())
//! #    .mock(async |request| match request.url().path() {
//! #        "/login" => Mock::new(200).header("set-cookie", "sid=31d4; Max-Age=60; Secure"),
//! #        _ => Mock::text(200, request.header("cookie").unwrap_or_default()),
//! #    })
//!     .build()?;
//! session.post("login").form([("user", "me"), ("word", "pass")]).await?;
//! assert_eq!(session.get("whoami").await?.text().await?, "sid=31d4");
//! assert_eq!(jar.cookies()[0].domain(), "a.example");
//! # Ok::<(), aioli_http::Error>(()) }).unwrap();
//! ```
//!
//! Deciding by the error:
//!
//! ```
//! use aioli_http::{ErrorKind, Phase};
//!
//! # aioli_task::run(async {
//! let error = aioli_http::get("http://127.0.0.1:1/").await.unwrap_err();
//! match error.kind() {
//!     ErrorKind::Timeout { phase: Phase::Connect, .. } => println!("nobody there"),
//!     ErrorKind::Connect { source, .. } => println!("refused: {source}"),
//!     _ if error.is_retryable() => println!("once more"),
//!     _ => println!("{error}"),
//! }
//! assert!(!error.maybe_processed());
//! # });
//! ```
//!
//! # Cancellation
//!
//! Dropping a request or a response at any await closes its connection, unless that is at a
//! message boundary, and leaks neither a socket nor a slot of the pool: the slot is a field of
//! the connection. A waiting request that is dropped leaves the line, and the next one moves up.
//! [`Response::chunk`] loses nothing when it is cancelled. What the server has done meanwhile
//! nobody can know; [`Error::maybe_processed`] is `false` only when nothing was sent.
//!
//! # Implementation
//!
//! `h1` holds a codec without I/O (`head`, `framing`, `body`, `encode`) and the `exchange` that
//! drives it: sending and receiving are polled together, so that an early answer is seen. `retry`
//! argues what may be repeated, `watch` notes what a request does, `pool` argues slots and idle
//! connections, `deadline` the time limits of a request, which share one lazy timer (on a socket
//! that of the connection, which stays set), `tls` how `rustls` is driven over poll functions,
//! `dial` the order of what comes before a connection is open, `route` what makes two connections
//! the same, `redirect` why secrets are attached and not stripped. When a body of known end came
//! together with its head, its connection is back in the pool before the [`Response`] is handed
//! out. `decode` is a layer over that body for content codings, which is not there when there are
//! none. No unsafe code.
//!
//! # Features
//!
//! * `compression`, on by default: gzip, deflate, br and zstd are asked for and decoded
//!   ([`SessionBuilder::decompress`]).
//! * `http2`, off by default: HTTP/2 where a server picks it in the TLS handshake, and by prior
//!   knowledge (`Http2`, `SessionBuilder::http2`). It brings the crates `h2` and `tokio`, of the
//!   latter only two traits.
//!
//! # Asyncio correspondence
//!
//! | aiohttp | here |
//! |---|---|
//! | `async with ClientSession() as session` | [`Session::new`]; closed when the last clone is dropped |
//! | `async with session.get(url) as r` | `let r = session.get(url).await?` |
//! | `await r.text()`, `.json()`, `.read()` | [`text`](Response::text), [`json`](Response::json), [`bytes`](Response::bytes) |
//! | `r.content.iter_any()` | [`chunk`](Response::chunk), [`into_stream`](Response::into_stream) |
//! | `r.content.read(n)`, `readexactly(n)`, `readline()` | [`read`](Response::read); [`into_reader`](Response::into_reader) in a [`StreamReader`](aioli_net::StreamReader) |
//! | `FormData()` with files, `data=open(path)` | [`Form`], [`Body::file`] |
//! | `expect100=True` | [`expect_continue`](RequestBuilder::expect_continue) |
//! | `data=` of an async generator | [`Body::stream`]; [`Body::replayable`] where it may have to be sent again |
//! | `params=`, `data=`, `json=`, `headers=` | [`query`](RequestBuilder::query), [`body`](RequestBuilder::body) and [`form`](RequestBuilder::form), [`json`](RequestBuilder::json), [`header`](RequestBuilder::header) |
//! | `auth=BasicAuth(u, p)`, `DigestAuthMiddleware(u, p)` | [`basic`](RequestBuilder::basic), [`bearer`](RequestBuilder::bearer), [`digest`](RequestBuilder::digest), or [`auth`](RequestBuilder::auth) with an [`Auth`] that is kept; the same on [`SessionBuilder`], for its base URL, and [`auth_for`](SessionBuilder::auth_for) an origin |
//! | `cookies={...}` of a request | [`cookies`](RequestBuilder::cookies), [`cookie`](RequestBuilder::cookie) |
//! | `cookie_jar=CookieJar()`, `DummyCookieJar()` | [`SessionBuilder::cookies`] with a [`CookieJar`] or `None`; cookies of addresses are kept |
//! | `ClientSession(cookies={...})` | [`CookieJar::set`] for a URL: no cookie is for every host |
//! | `session.cookie_jar`, `r.cookies` | [`Session::cookies`], [`Response::cookies`] |
//! | `trust_env=True` for netrc | [`SessionBuilder::netrc`] with [`Netrc::from_env`] |
//! | `allow_redirects=`, `max_redirects=` | [`redirects`](RequestBuilder::redirects), [`Redirect`] |
//! | `proxy=`, `proxy_auth=`, `proxy_headers=` | [`Proxy`], for a [session](SessionBuilder::proxy) or a [request](RequestBuilder::proxy) |
//! | `trust_env=True` for proxies | [`SessionBuilder::trust_env`], [`Proxy::from_env`]; not by default, as there |
//! | `UnixConnector(path)` | [`SessionBuilder::unix_socket`] |
//! | `ssl=SSLContext` | [`add_root_certificate`](SessionBuilder::add_root_certificate), [`client_certificate`](SessionBuilder::client_certificate), [`min_tls_version`](SessionBuilder::min_tls_version), [`max_tls_version`](SessionBuilder::max_tls_version) |
//! | `ssl=Fingerprint(..)` | [`pin_public_key`](SessionBuilder::pin_public_key): of the key, not the certificate, and besides the other checks |
//! | `ssl=False` | [`danger_accept_invalid_certificates`](SessionBuilder::danger_accept_invalid_certificates), for a whole session |
//! | `server_hostname=` | [`RequestBuilder::server_name`] |
//! | `TCPConnector(resolver, ttl_dns_cache, local_addr, happy_eyeballs_delay)` | [`resolver`](SessionBuilder::resolver) and [`resolve`](SessionBuilder::resolve), [`dns_cache`](SessionBuilder::dns_cache), [`local_address`](SessionBuilder::local_address), [`happy_eyeballs_delay`](SessionBuilder::happy_eyeballs_delay) |
//! | `ClientProxyConnectionError`, `ClientHttpProxyError`, `ClientConnectorCertificateError` | [`ErrorKind`]: `Proxy` with [`ProxyErrorKind`], `Tls` with [`TlsErrorKind`] |
//! | `ClientTimeout(total, sock_connect, sock_read)` | [`Timeout`] |
//! | `TCPConnector(limit, limit_per_host)` | [`Limits`] |
//! | `auto_decompress=False` | [`SessionBuilder::decompress`]; what was decoded has no `content-encoding` any more; [`raw`](RequestBuilder::raw) keeps it, and the chunks |
//! | `ClientSession(version=)` | [`version`](RequestBuilder::version), of a request |
//! | `text(encoding)`, `text(errors="replace")` | [`text_with`](Response::text_with), [`text_lossy`](Response::text_lossy); an unknown charset is an error unless the body is UTF-8 |
//! | `ContentTypeError` of `.json()` | no demand on `content-type`; a body that is no JSON has [`DecodeErrorKind::ContentType`] when it was not announced as such |
//! | `middlewares=` | [`SessionBuilder::with`]: the outermost layer, once a request |
//! | `trace_configs=`, `trace_request_ctx=` | [`Trace`] with [`SessionBuilder::trace`], [`extension`](RequestBuilder::extension); for durations alone [`Response::timings`] |
//! | `aiohttp_retry`, `aioresponses` | [`Retry`], [`Session::mock`] |
//! | `ClientSession(params=)` | [`SessionBuilder::query`] |
//! | `await session.close()`, `session.closed` | [`close`](Session::close), which lets finish what was begun; [`is_closed`](Session::is_closed) |
//! | `raise_for_status` | [`SessionBuilder::raise_for_status`], [`Response::error_for_status`] |
//! | `ClientConnectorDNSError`, `ClientConnectorError`, `ServerDisconnectedError`, `ClientPayloadError`, `TooManyRedirects`, `ClientResponseError`, `InvalidURL` | [`ErrorKind`]: `Dns`, `Connect`, `Disconnected`, `Body`, `Redirect`, `Status`, `InvalidUrl` |

#![forbid(unsafe_code)]

mod auth;
mod body;
mod charset;
mod cookies;
mod date;
mod deadline;
mod decode;
mod dial;
pub mod docs;
mod egress;
mod error;
#[doc(hidden)]
pub mod example;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
mod h1;
#[cfg(feature = "http2")]
mod h2;
#[cfg(not(feature = "http2"))]
#[path = "h2/absent.rs"]
mod h2;
mod hsts;
mod kept;
mod limits;
mod middleware;
mod mock;
mod multipart;
mod network;
mod origin;
mod os;
mod place;
mod pool;
mod private_file;
mod proxy;
mod redirect;
mod request;
mod resolve;
mod response;
mod retry;
mod route;
mod seldom;
mod send;
mod session;
mod timings;
mod tls;
mod tokens;
mod trace;
mod transport;
mod tunnel;
mod upgrade;
mod wall;
mod watch;

pub use bytes::Bytes;
pub use http::{
    Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header,
};
pub use url::Url;

pub use crate::auth::{Auth, Netrc, NetrcError};
pub use crate::body::Body;
pub use crate::cookies::{Cookie, CookieError, CookieJar, SameSite, SessionCookies};
pub use crate::date::parse_date;
pub use crate::dial::IpFamily;
pub use crate::egress::{Egress, EgressRule};
pub use crate::error::{
    BodyErrorKind, BoxError, Coding, DecodeErrorKind, Error, ErrorKind, LimitKind, Phase,
    ProtocolErrorKind, ProxyErrorKind, RedirectErrorKind, RequestErrorKind, Result, Sent,
    SocksReply, TlsErrorKind, UrlErrorKind,
};
#[cfg(feature = "http2")]
pub use crate::h2::Http2;
pub use crate::hsts::{HstsError, HstsHost, HstsStore};
pub use crate::limits::{Limits, Timeout};
pub use crate::middleware::{Next, Request};
pub use crate::mock::{Mock, MockRequest};
pub use crate::multipart::{Form, Part};
pub use crate::network::{Network, NetworkError};
pub use crate::proxy::Proxy;
pub use crate::redirect::Redirect;
pub use crate::request::{IntoUrl, RequestBuilder, Sending};
pub use crate::resolve::{Resolver, Resolving};
pub use crate::response::{BodyReader, Chunks, Response};
pub use crate::retry::Retry;
pub use crate::session::{Session, SessionBuilder, Stats, get};
pub use crate::timings::Timings;
pub use crate::tls::config::TlsVersion;
pub use crate::trace::{Trace, TraceContext};
pub use crate::tunnel::Tunnel;
pub use crate::upgrade::Upgraded;
