//! From aiohttp, from reqwest: the names side by side, and what is different.
//!
//! # Sessions
//!
//! | aiohttp | reqwest | here |
//! |---|---|---|
//! | `async with ClientSession() as s` | `Client::new()` | [`Session::new`]; clones share it |
//! | `ClientSession(…)` | `Client::builder()` | [`Session::builder`] |
//! | `base_url=` | – | [`base_url`](SessionBuilder::base_url) |
//! | `headers=` | `default_headers` | [`header`](SessionBuilder::header) |
//! | `params=` | – | [`query`](SessionBuilder::query) |
//! | `auth=`, `DigestAuthMiddleware` | – | [`auth`](SessionBuilder::auth), [`basic`](SessionBuilder::basic), [`bearer`](SessionBuilder::bearer), [`digest`](SessionBuilder::digest) |
//! | `cookie_jar=CookieJar()` | `cookie_store(true)` | always; [`cookies`](SessionBuilder::cookies) takes a [`CookieJar`] of your own |
//! | – | – | [`hsts`](SessionBuilder::hsts) with an [`HstsStore`]: hosts that are asked by https only |
//! | `TCPConnector(limit=, limit_per_host=)` | `pool_max_idle_per_host` | [`Limits::connections`], [`Limits::per_host`], [`Limits::idle_per_host`], and all other bounds |
//! | `ClientTimeout(total, connect, sock_connect, sock_read)` | `timeout`, `connect_timeout`, `read_timeout` | [`Timeout`]; a plain number of seconds is a total |
//! | `raise_for_status=True` | – | [`raise_for_status`](SessionBuilder::raise_for_status) |
//! | `proxy=`, `trust_env=True` | `proxy`, `no_proxy` | [`proxy`](SessionBuilder::proxy) with [`Proxy`], [`trust_env`](SessionBuilder::trust_env) |
//! | `TCPConnector(resolver=)` | `resolve`, `dns_resolver` | [`resolve`](SessionBuilder::resolve), for one port [`resolve_port`](SessionBuilder::resolve_port), [`resolver`](SessionBuilder::resolver) |
//! | `UnixConnector(path)` | `unix_socket` | [`unix_socket`](SessionBuilder::unix_socket) |
//! | `local_addr=`, `socket_factory=` | `local_address`, `interface`, `tcp_user_timeout` | [`local_address`](SessionBuilder::local_address), [`device`](SessionBuilder::device), [`tcp_user_timeout`](SessionBuilder::tcp_user_timeout) |
//! | `ssl=context`, `Fingerprint` | `add_root_certificate`, `identity` | [`add_root_certificate`](SessionBuilder::add_root_certificate), [`client_certificate`](SessionBuilder::client_certificate), [`pin_public_key`](SessionBuilder::pin_public_key) |
//! | `ssl=False` | `danger_accept_invalid_certs` | [`danger_accept_invalid_certificates`](SessionBuilder::danger_accept_invalid_certificates) |
//! | `auto_decompress=False` | `no_gzip()`, … | [`decompress`](SessionBuilder::decompress) |
//! | `middlewares=` | `reqwest_middleware` | [`with`](SessionBuilder::with) |
//! | `trace_configs=` | – | [`trace`](SessionBuilder::trace) |
//! | – | – | [`Proxy::digest`], [`Proxy::tunnel`]; SOCKS4 as well as SOCKS5 |
//! | – | `Method::CONNECT` and `upgrade()` | [`Session::tunnel`]; a `CONNECT` with a [`target`](RequestBuilder::target) |
//! | `aiohttp_retry` | `retry` | [`retry`](SessionBuilder::retry) with [`Retry`] |
//! | `aioresponses` | `wiremock`, `mockito` | [`Session::mock`] |
//! | `await s.close()`, `s.closed` | – | [`close`](Session::close), [`is_closed`](Session::is_closed); dropping the last clone does it too |
//!
//! # Requests
//!
//! | aiohttp | reqwest | here |
//! |---|---|---|
//! | `async with s.get(url) as r` | `client.get(url).send().await?` | `s.get(url).await?`, or [`send`](RequestBuilder::send) for the future |
//! | `params=` | `query` | [`query`](RequestBuilder::query) |
//! | `headers=` | `header`, `headers` | [`header`](RequestBuilder::header), [`headers`](RequestBuilder::headers) |
//! | `json=` | `json` | [`json`](RequestBuilder::json) |
//! | `data=` a mapping | `form` | [`form`](RequestBuilder::form) |
//! | `data=FormData()` | `multipart` | [`multipart`](RequestBuilder::multipart) with [`Form`] |
//! | `data=` bytes, a file, a generator | `body`, `Body::wrap_stream` | [`body`](RequestBuilder::body) with [`Body`]; a `&'static [u8]` is not copied as [`Body::from_static`] |
//! | `auth=BasicAuth(…)` | `basic_auth`, `bearer_auth` | [`basic`](RequestBuilder::basic), [`bearer`](RequestBuilder::bearer) |
//! | `cookies=` | – | [`cookie`](RequestBuilder::cookie), [`cookies`](RequestBuilder::cookies) |
//! | `allow_redirects=False`, `max_redirects=` | `redirect(Policy)` of the client | [`redirects`](RequestBuilder::redirects), [`redirect`](RequestBuilder::redirect) |
//! | `timeout=` | `timeout` | [`timeout`](RequestBuilder::timeout) |
//! | `URL(…, encoded=True)` | – | [`target`](RequestBuilder::target): the request line as it is |
//! | – | – | [`limit_rate`](RequestBuilder::limit_rate), [`min_speed`](Timeout::min_speed): how fast a body may go, and has to |
//! | `expect100=True` | – | [`expect_continue`](RequestBuilder::expect_continue) |
//! | `trace_request_ctx=` | – | [`extension`](RequestBuilder::extension) |
//!
//! # Responses
//!
//! | aiohttp | reqwest | here |
//! |---|---|---|
//! | `r.status`, `r.headers`, `r.url`, `r.version` | `status()`, `headers()`, … | [`status`](Response::status), [`headers`](Response::headers), [`url`](Response::url), [`version`](Response::version) |
//! | `r.history` | – | [`history`](Response::history), which are URLs |
//! | `r.cookies` | `cookies()` | [`cookies`](Response::cookies) |
//! | `await r.read()` | `bytes()` | [`bytes`](Response::bytes), which has a bound |
//! | `await r.text(encoding)` | `text_with_charset` | [`text`](Response::text), [`text_with`](Response::text_with), [`text_lossy`](Response::text_lossy) |
//! | `await r.json()` | `json()` | [`json`](Response::json) |
//! | `r.content.iter_any()` | `chunk()`, `bytes_stream()` | [`chunk`](Response::chunk), [`into_stream`](Response::into_stream) |
//! | `r.content.read(n)` | – | [`into_reader`](Response::into_reader) |
//! | `r.raise_for_status()` | `error_for_status()` | [`error_for_status`](Response::error_for_status) |
//! | – | – | [`timings`](Response::timings), [`trailers`](Response::trailers) |
//!
//! # Errors
//!
//! There is one type, [`Error`]; what happened is its [`kind`](Error::kind). What to do about each
//! is in [`errors`](super::errors).
//!
//! | aiohttp | reqwest | here |
//! |---|---|---|
//! | `InvalidURL`, `NonHttpUrlClientError` | `is_builder()` | [`ErrorKind::InvalidUrl`] |
//! | `ClientConnectorDNSError` | `is_connect()` | [`ErrorKind::Dns`] |
//! | `ClientConnectorError` | `is_connect()` | [`ErrorKind::Connect`] |
//! | `ClientConnectorCertificateError`, `ClientSSLError` | `is_connect()` | [`ErrorKind::Tls`] |
//! | `ClientProxyConnectionError`, `ClientHttpProxyError` | `is_connect()` | [`ErrorKind::Proxy`] |
//! | `ConnectionTimeoutError`, `SocketTimeoutError`, `ServerTimeoutError` | `is_timeout()` | [`ErrorKind::Timeout`], with its [`Phase`] |
//! | `ServerDisconnectedError`, `ClientOSError` | `is_request()` | [`ErrorKind::Disconnected`] |
//! | `ClientResponseError` of a malformed reply | `is_request()` | [`ErrorKind::Protocol`], [`ErrorKind::Limit`] |
//! | `ClientPayloadError` | `is_body()` | [`ErrorKind::Body`] |
//! | `ContentTypeError`, `JSONDecodeError` | `is_decode()` | [`ErrorKind::Decode`] |
//! | `TooManyRedirects` | `is_redirect()` | [`ErrorKind::Redirect`] |
//! | `ClientResponseError` | `is_status()` | [`ErrorKind::Status`] |
//! | `RuntimeError("Session is closed")` | – | [`ErrorKind::Closed`] |
//!
//! # What is different
//!
//! From aiohttp:
//!
//! * A response is not a context manager: it is closed when it is dropped or read to its end.
//! * A `https` page may redirect to `http` (but takes no secrets along) unless
//!   [`https_only`](SessionBuilder::https_only) says otherwise, as in aiohttp; a redirect is never
//!   followed to anything but these two.
//! * `bytes`, `text` and `json` stop at 64 MiB, decoded; [`Limits::body`] moves that.
//! * `json` takes any media type that holds JSON of the wanted type.
//! * Closing a session lets finish what was begun.
//!
//! From reqwest:
//!
//! * There is a time limit: five minutes in all and thirty seconds to connect, as in aiohttp. A
//!   stream of events needs `Timeout::total(f64::INFINITY)`.
//! * A request is awaited itself, and runs on any executor. Nothing of it is a task.
//! * Cookies are kept, for the session, unless it is built with `cookies(None)`.
//! * At most 64 connections to one origin, and 256 in all; who comes later waits in line. So a
//!   task that holds unread responses can wait for itself; [`Timeout::pool`] ends that.
//! * Credentials in a URL are refused; they belong in [`basic`](RequestBuilder::basic).

#[cfg(doc)]
use crate::{
    Body, CookieJar, Error, ErrorKind, Form, HstsStore, Limits, Phase, Proxy, RequestBuilder,
    Response, Retry, Session, SessionBuilder, Timeout,
};
