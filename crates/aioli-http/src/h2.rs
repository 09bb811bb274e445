//! HTTP/2, by the crate `h2`: many requests at the same time on each of a few connections.
//!
//! ```text
//!  hop ─▶ way ─┬─▶ Http1 ──────────────▶ back to the caller, maybe with a connection
//!              └─▶ pool::find / open ─▶ exchange ─▶ Response, its body a stream
//!                        ▲                 │ the server has not looked at it
//!                        └─────────────────┘ (a bounded number of times)
//! ```
//!
//! Frames, flow control and header compression are `h2`'s. Ours is who gets which connection
//! (`pool`), the task that drives one (`connection`), the time limits, and what errors mean.

mod body;
mod connection;
mod error;
mod estimator;
mod exchange;
mod io;
mod pings;
mod pool;
mod settings;
mod upload;
mod windows;

use std::sync::Arc;

use http::{Extensions, HeaderMap, Request, Response as Http, Uri, Version, header};
use url::Position;

use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind, Phase, RequestErrorKind, Result, Sent, UrlErrorKind};
use crate::h1::encode;
use crate::h1::exchange::Wire;
use crate::h1::parse_decimal;
use crate::limits::Timeout;
use crate::pool::{Begun, Connection};
use crate::request::Parts;
use crate::response::incoming::Incoming;
use crate::response::{Head, Response};
use crate::route::Route;
use crate::send::hop::{begin, connect};
use crate::session::{Config, Session};
use crate::tls::config::Peer;
use crate::upgrade;

use connection::{Place, Shared};
use exchange::{Outcome, exchange};
use pool::Found;
use settings::Mode;

pub(crate) use body::Body;
pub(crate) use pool::Connections;
pub use settings::Http2;

/// How often a request goes to another connection because the server has not looked at it.
const UNTOUCHED_MAX: usize = 2;
/// The same, where a server has said goodbye on a connection that others were served by. One that
/// does so after every few requests turns some away each time, and they are not to blame.
const GOODBYES_MAX: usize = 20;

/// What has become of a hop.
pub(crate) enum Way {
    Response(Response),
    /// It is HTTP/1.1, on this connection if one was opened to find that out.
    Http1(Option<Box<Connection>>),
}

/// The connection that a request got.
enum Got {
    Http1(Option<Box<Connection>>),
    Http2(Shared, Place),
}

/// Carries out a hop over HTTP/2, if its server speaks it; `headers` gives those that go along.
pub(crate) async fn hop(
    session: &Session,
    parts: &mut Parts,
    route: &Arc<Route>,
    headers: impl Fn(&Parts) -> HeaderMap,
    deadline: &mut Deadline,
) -> Result<Way> {
    let config = &session.inner.config;
    let (mut untouched, mut goodbyes, mut lost) = (0, 0, false);
    loop {
        let careful = !parts.method.is_idempotent();
        let timeout = parts.timeout.as_deref().unwrap_or(&config.timeout);
        let got = connection(session, route, careful, timeout, deadline).await?;
        let (mut shared, place) = match got {
            Got::Http1(connection) => return Ok(Way::Http1(connection)),
            Got::Http2(shared, place) => (shared, place),
        };
        let request = request(parts, headers(parts))?;
        if place.reused {
            session.inner.counters.reuse();
            deadline.watch.reuse();
        }
        deadline
            .watch
            .tell(|trace, cx| trace.request_head(cx, &written(&request)));
        parts.body.rewind();
        let limits = config.limits.h1_head();
        let body = &mut parts.body;
        let exchanged = exchange(
            &mut shared,
            &place,
            request,
            body,
            timeout,
            limits,
            deadline,
        );
        match exchanged.await? {
            Outcome::Response(response) => {
                let response = respond(config, parts, response, place, deadline.take());
                return Ok(Way::Response(response));
            }
            Outcome::Untouched { error, goodbye } => {
                let (count, most) = match goodbye {
                    true => (&mut goodbyes, GOODBYES_MAX),
                    false => (&mut untouched, UNTOUCHED_MAX),
                };
                if *count == most || !parts.body.is_whole() {
                    return Err(error);
                }
                *count += 1;
                tracing::debug!(%error, "an http/2 server has not looked at a request; once more");
            }
            Outcome::Lost(error) => {
                // As on a connection of HTTP/1.1 that was idle too long: once, if it does no harm.
                if lost || careful || !parts.body.is_whole() {
                    return Err(error);
                }
                lost = true;
                tracing::debug!(%error, "an http/2 connection ended under a request; once more");
            }
        }
    }
}

impl Connections {
    /// Whether a request by `route` may go over HTTP/2.
    pub(crate) fn is_wanted(&self, config: &Config, parts: &Parts, route: &Route) -> bool {
        let is_wanted = match self.settings.mode {
            Mode::Never => false,
            Mode::Negotiated => route.origin.secure,
            Mode::Always => true,
        };
        // Who names a version of HTTP/1 gets that. A connection that changes hands is nobody
        // else's, a mock speaks HTTP/1.1, and what is known of a server is not known of the proxy
        // that is asked in its place.
        is_wanted
            && config.mock.is_none()
            && parts.own_version().is_none()
            && route.asks_proxy().is_none()
            && !upgrade::is_asked(&parts.headers)
    }
}

/// Finds a connection, or opens one; one request at a time opens, and the others see what came.
async fn connection(
    session: &Session,
    route: &Arc<Route>,
    careful: bool,
    timeout: &Timeout,
    deadline: &mut Deadline,
) -> Result<Got> {
    let inner = &session.inner;
    let http2 = &inner.http2;
    let gate = match http2.find(route) {
        Found::Http1 => return Ok(Got::Http1(None)),
        Found::Http2(shared, place) => return Ok(Got::Http2(shared, place)),
        Found::Open(gate) => gate,
    };
    deadline.begin(Phase::Pool, timeout.pool);
    let turn = inner.closing.or_closed(gate.lock());
    let _turn = deadline.within(turn).await??;
    match http2.find(route) {
        Found::Http1 => return Ok(Got::Http1(None)),
        Found::Http2(shared, place) => return Ok(Got::Http2(shared, place)),
        Found::Open(_) => {}
    }
    Box::pin(open(session, route, careful, timeout, deadline)).await
}

async fn open(
    session: &Session,
    route: &Arc<Route>,
    careful: bool,
    timeout: &Timeout,
    deadline: &mut Deadline,
) -> Result<Got> {
    let (http2, config) = (&session.inner.http2, &session.inner.config);
    let slot = match begin(session, route, careful, timeout, deadline).await? {
        Begun::Open(slot) => slot,
        // An upgrade that was refused leaves one of HTTP/1.1, which says nothing about its server.
        Begun::Connection(connection) if http2.settings.mode == Mode::Always => {
            connection.into_slot()
        }
        Begun::Connection(connection) => return Ok(Got::Http1(Some(connection))),
        Begun::Wait(_) => unreachable!("who has begun does not wait"),
    };
    let mut none = None;
    let opening = connect(session, route, Peer::Http2, timeout, deadline, &mut none);
    let (transport, traffic) = opening.await?;
    debug_assert!(none.is_none(), "nothing comes early where it is not raw");
    if http2.settings.mode == Mode::Negotiated && !transport.has_picked_http2() {
        http2.remember_http1(route);
        let connection = Connection::new(Wire::new(transport, traffic), slot);
        return Ok(Got::Http1(Some(connection)));
    }
    let settings = http2.settings;
    let starting = Shared::start(transport, traffic, slot, settings, &config.limits);
    let shared = deadline.within(starting).await??;
    let place = shared.enter(usize::MAX);
    http2.add(route, shared.clone());
    match place {
        Some(place) => Ok(Got::Http2(shared, place)),
        None => Err(Error::new(ErrorKind::Disconnected {
            sent: Sent::Nothing,
            reused: false,
            source: None,
        })),
    }
}

/// The head of the request, without what has no meaning in HTTP/2 (RFC 9113, 8.2.2).
fn request(parts: &Parts, mut headers: HeaderMap) -> Result<Request<()>> {
    let url = &parts.url;
    let host = headers.remove(header::HOST);
    let authority = match host.as_ref().and_then(|host| host.to_str().ok()) {
        Some(host) => host,
        None => &url[Position::BeforeHost..Position::AfterPort],
    };
    let target = match parts.own_target() {
        // RFC 9113, section 8.3.1.
        Some(own) if own != "*" && !own.starts_with('/') => {
            return Err(Error::invalid_request(RequestErrorKind::Target));
        }
        Some(own) => own,
        None => &url[Position::BeforePath..Position::AfterQuery],
    };
    let uri = Uri::builder()
        .scheme(url.scheme())
        .authority(authority)
        .path_and_query(target)
        .build();
    let uri = uri.map_err(|_| match parts.own_target() {
        Some(_) => Error::invalid_request(RequestErrorKind::Target),
        None => Error::new(ErrorKind::InvalidUrl(UrlErrorKind::NoHost)),
    })?;
    // The type takes a fragment and leaves it out.
    if let Some(own) = parts.own_target()
        && uri.path_and_query().is_none_or(|kept| kept != own)
    {
        return Err(Error::invalid_request(RequestErrorKind::Target));
    }
    for name in [
        header::CONNECTION,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        header::TE,
    ] {
        headers.remove(name);
    }
    headers.remove("keep-alive");
    headers.remove("proxy-connection");
    let mut request = Request::new(());
    *request.method_mut() = parts.method.clone();
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_2;
    *request.headers_mut() = headers;
    Ok(request)
}

/// The head as HTTP/1.1 would write it, for who listens.
fn written(request: &Request<()>) -> Vec<u8> {
    let (method, uri) = (request.method(), request.uri());
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let mut head = format!("{method} {target} HTTP/2\r\nhost: {authority}\r\n").into_bytes();
    for (name, value) in request.headers() {
        encode::header(&mut head, name, value);
    }
    head.extend_from_slice(b"\r\n");
    head
}

fn respond(
    config: &Config,
    parts: &Parts,
    response: Http<h2::RecvStream>,
    place: Place,
    deadline: Deadline,
) -> Response {
    let (head, stream) = response.into_parts();
    let announced = head.headers.get(header::CONTENT_LENGTH);
    let content_length = announced.and_then(|value| parse_decimal(value.as_bytes()));
    let coded = head.headers.contains_key(header::CONTENT_ENCODING);
    let sets_cookies = head.headers.contains_key(header::SET_COOKIE);
    let sets_cookies = sets_cookies.then_some(config.limits.cookies);
    let body = Body::new(stream, place);
    let body = (!body.is_over()).then(|| Box::new(body));
    let timeout = parts.timeout.as_deref().unwrap_or(&config.timeout);
    let body = Incoming::shared(body, deadline, timeout);
    let head = Head {
        status: head.status,
        version: head.version,
        headers: head.headers.into(),
        asked: None,
        history: Vec::new(),
        extensions: Extensions::new(),
        content_length,
        coded,
        sets_cookies,
        body_limit: parts.body_limit,
    };
    Response::new(Response::room(), head, body)
}
