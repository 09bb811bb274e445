//! One hop of a request: a connection to one origin, the exchange on it, and the response of that.
//!
//! ```text
//!  one_hop: slot of the pool ─▶ checkout or open ─▶ exchange ─▶ respond
//!                                       ▲               │ the pooled connection was stale
//!                                       └───────────────┘ (once)
//! ```

use std::borrow::Cow;
use std::future::{Future, poll_fn};
use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode};

use super::drive::Drive;
use super::head::{encode_head, header_map};
use super::respond::respond;
use super::secrets::{self, Attached};
use crate::body::Source;
use crate::deadline::Deadline;
use crate::dial;
use crate::error::{Phase, Result, Sent};
use crate::h1::buffer::ReadBuffer;
use crate::h1::encode::BodyEncoder;
use crate::h1::exchange::{Exchange, Failure, Manner, Wire};
use crate::h2;
use crate::limits::Timeout;
use crate::mock::injected;
use crate::origin::Origin;
use crate::place::Place;
use crate::pool::{Begun, Connection, Pool, Slot, Waiting};
use crate::redirect::{self, describes_body};
use crate::request::Parts;
use crate::response::{Inner, Response};
use crate::route::Route;
use crate::session::{Config, Session, Traffic};
use crate::tls::config::Peer;
use crate::transport::Transport;
use crate::upgrade;

/// Where a request goes, and which headers go along.
pub(super) struct Hop {
    pub(super) place: Arc<Place>,
    /// No hop so far has left the first origin.
    pub(super) at_home: bool,
    /// Whether the request's own secrets may be sent.
    pub(super) own_secrets: bool,
    /// Whether the session's default secrets may be sent.
    pub(super) default_secrets: bool,
    /// Whether a `referer` may be sent: no hop so far has gone from https to http.
    pub(super) refers: bool,
    /// Boxed, because most hops are given nothing.
    pub(super) attached: Option<Box<Attached>>,
}

impl Hop {
    pub(super) fn first(session: &Session, parts: &mut Parts) -> Result<Hop> {
        let inner = &session.inner;
        let place = match parts.place.take() {
            Some(place) => {
                debug_assert!(place.is_of(&parts.url), "else it is not known");
                place
            }
            None => {
                let place = Arc::new(Place::of(&inner.config, &parts.url)?);
                inner.places.note(&place);
                place
            }
        };
        Ok(Hop {
            at_home: true,
            own_secrets: true,
            default_secrets: place.default_secrets,
            refers: true,
            attached: None,
            place,
        })
    }

    /// Whom it asks.
    pub(super) fn origin(&self) -> &Arc<Origin> {
        &self.place.origin
    }

    /// Finds the secrets that belong where this hop leads.
    pub(super) fn attach(&mut self, config: &Config, parts: &Parts) {
        self.attached = secrets::attach(config, parts, self);
    }

    /// What is sent in place of all `cookie` headers.
    pub(super) fn cookie(&self) -> Option<&HeaderValue> {
        self.attached.as_ref()?.cookie.as_ref()
    }

    /// What is sent in place of a default `authorization` header.
    pub(super) fn authorization(&self) -> Option<&HeaderValue> {
        self.attached.as_ref()?.authorization.as_ref()
    }

    /// What answers a proxy that has asked for it.
    pub(super) fn proxy_authorization(&self) -> Option<&HeaderValue> {
        self.attached.as_ref()?.proxy_authorization.as_ref()
    }

    /// Turns the request into the one its redirect asks for.
    pub(super) fn follow(
        self,
        config: &Config,
        parts: &mut Parts,
        next: redirect::Next,
    ) -> Result<Hop> {
        if let Some(method) = next.rewritten {
            parts.method = method;
            parts.body = Source::Empty;
            if parts.more.content_type.is_some() {
                parts.more.content_type = None;
            }
            let described: Vec<_> = parts
                .headers
                .keys()
                .filter(|name| describes_body(name))
                .cloned()
                .collect();
            for name in described {
                parts.headers.remove(name);
            }
        }
        parts.url = next.url;
        if let Some(way) = &mut parts.more.way {
            way.target = None;
        }
        let former = self.origin().clone();
        let place = match self.place.is_of(&parts.url) {
            true => self.place,
            false => Arc::new(Place::of(config, &parts.url)?),
        };
        let origin = &place.origin;
        // What was asked for over https is no affair of those who listen (RFC 9110, 10.1.3).
        let steps_down = former.secure && !origin.secure;
        let policy = parts.more.redirect.as_deref().unwrap_or(&config.redirect);
        let same = *origin == former;
        let trusted = same || policy.trusts_locations();
        Ok(Hop {
            at_home: self.at_home && same,
            own_secrets: self.own_secrets && trusted,
            default_secrets: self.default_secrets && trusted,
            refers: self.refers && !steps_down,
            attached: None,
            place,
        })
    }
}

/// The way of this hop, which is known already unless the request has something to say about it.
pub(super) fn route<'a>(
    config: &Config,
    parts: &Parts,
    hop: &'a Hop,
) -> Result<Cow<'a, Arc<Route>>> {
    let way = parts.more.way.as_deref();
    if way.is_none()
        && let Some(route) = &hop.place.route
    {
        return Ok(Cow::Borrowed(route));
    }
    let mut route = Route::choose(&config.dial, way, hop.origin().clone(), hop.at_home)?;
    if parts.method == Method::CONNECT {
        route = route.pass_through();
    }
    Ok(Cow::Owned(Arc::new(route)))
}

/// Sends the request once, or twice when a pooled connection turns out to be stale; with what
/// belongs there and with what comes of it.
///
/// It is no `async fn`, whose future would hold what it is given twice. What only few requests
/// wait for is boxed, so that the others do not carry its size. Its future is made where it is
/// polled, and not copied there.
#[inline(always)]
pub(super) fn one_hop(
    session: &Session,
    parts: &mut Parts,
    hop: &mut Hop,
    deadline: &mut Deadline,
) -> impl Future<Output = Result<Response>> + Send {
    let config = &session.inner.config;
    // Anew for each try: the jar may have changed, and a digest answers once.
    hop.attach(config, parts);
    let hop = &*hop;
    async move {
        let idempotent = parts.method.is_idempotent();
        let route = route(config, parts, hop)?;
        let mut opened = None;
        if session.inner.http2.is_wanted(config, parts, &route) {
            let headers = |parts: &Parts| header_map(config, parts, hop);
            match Box::pin(h2::hop(session, parts, &route, headers, deadline)).await? {
                h2::Way::Response(response) => return Ok(note(config, parts, hop, response)),
                h2::Way::Http1(connection) => opened = connection,
            }
        }
        let timeout = parts.timeout.as_deref().unwrap_or(&config.timeout);
        let mut connection = match opened {
            Some(opened) => opened,
            None => match try_begin(session, &route, !idempotent, deadline)? {
                Begun::Connection(connection) => connection,
                begun => Box::pin(obtain(session, begun, !idempotent, timeout, deadline)).await?,
            },
        };
        loop {
            // In a scope of its own: nothing of it is kept while another connection is opened.
            {
                let wire = &mut connection.wire;
                let (encoder, size) = write_head(config, wire, parts, hop, &route, deadline);
                let patience = parts.expectation();
                let manner = Manner {
                    hold: patience.is_some(),
                    upgrade: upgrade::is_asked(&parts.headers),
                };
                let limits = config.limits.h1_head();
                let exchange = Exchange::new(wire, &mut parts.body, encoder, limits, manner);
                let mut drive = Drive::new(exchange, size, patience, deadline, timeout);
                let driven = poll_fn(|cx| drive.poll(cx, deadline, timeout)).await;
                let exchange = &drive.exchange;
                match driven {
                    Ok(Ok(head)) => {
                        let refused = head.status == StatusCode::EXPECTATION_FAILED;
                        if !refused || !exchange.is_holding() {
                            let sent_all = exchange.sent_all();
                            let response =
                                respond(config, connection, head, sent_all, parts, deadline)?;
                            return Ok(note(config, parts, hop, response));
                        }
                        // RFC 9110 section 10.1.1: once more, without the expectation.
                        parts.more.expect = None;
                    }
                    Ok(Err(failure)) => {
                        let reused = connection.reused;
                        excuse(exchange, injected(failure)?, reused, idempotent)?;
                        let origin = hop.origin();
                        tracing::debug!(%origin, "a pooled connection was stale; once more");
                    }
                    Err(late) => return Err(late.with_sent(exchange.sent())),
                }
            }
            let slot = connection.into_slot();
            connection = Box::pin(open(session, slot, timeout, deadline)).await?;
        }
    }
}

/// `Ok` when the connection is to blame, and the request is to be sent once more on another one.
fn excuse(exchange: &Exchange<'_>, failure: Failure, reused: bool, idempotent: bool) -> Result<()> {
    let stale =
        connection_was_stale(&failure, reused) && (idempotent || exchange.sent() == Sent::Nothing);
    let error = exchange.error(failure, reused);
    if stale && exchange.can_repeat() {
        return Ok(());
    }
    Err(error)
}

/// Writes the head of the request; returns what frames its body as well as the size.
fn write_head(
    config: &Config,
    wire: &mut Wire,
    parts: &Parts,
    hop: &Hop,
    route: &Route,
    deadline: &Deadline,
) -> (Option<BodyEncoder>, usize) {
    let out = wire.begin();
    let encoder = encode_head(out, config, parts, hop, route);
    let watch = &deadline.watch;
    watch.tell(|trace, request| trace.request_head(request, out));
    (encoder, out.len())
}

/// Tells of a response's head, and keeps what it says about secrets.
fn note(config: &Config, parts: &Parts, hop: &Hop, response: Response) -> Response {
    let Inner { head, body, .. } = &*response.inner;
    body.watch().tell(|trace, request| {
        trace.response_head(request, head.version, head.status, &head.headers);
    });
    secrets::take_cookies(config.cookies.as_ref(), parts, head);
    if let Some(store) = &config.hsts {
        secrets::take_policy(store, config, parts, hop, head);
    }
    secrets::note_accepted(config, parts, hop, head);
    response
}

/// Takes a slot of the pool, and a connection if one is idle.
pub(crate) async fn begin(
    session: &Session,
    route: &Arc<Route>,
    careful: bool,
    timeout: &Timeout,
    deadline: &mut Deadline,
) -> Result<Begun> {
    match try_begin(session, route, careful, deadline)? {
        Begun::Wait(waiting) => Box::pin(wait(session, waiting, careful, timeout, deadline)).await,
        begun => Ok(begun),
    }
}

/// As [`begin`], as far as it can be done without waiting.
fn try_begin(
    session: &Session,
    route: &Arc<Route>,
    careful: bool,
    deadline: &mut Deadline,
) -> Result<Begun> {
    let inner = &session.inner;
    inner.closing.check()?;
    let begun = inner.pool.begin(route, careful, deadline.look());
    note_reuse(session, &begun, deadline);
    Ok(begun)
}

/// Waits for a slot.
async fn wait(
    session: &Session,
    waiting: Waiting,
    careful: bool,
    timeout: &Timeout,
    deadline: &mut Deadline,
) -> Result<Begun> {
    let inner = &session.inner;
    deadline.begin(Phase::Pool, timeout.pool);
    deadline.watch.queue_start();
    inner.http2.close_idle();
    let slot = deadline.within(inner.closing.or_closed(waiting)).await??;
    deadline.watch.queue_end();
    let begun = Pool::resume(slot, careful);
    note_reuse(session, &begun, deadline);
    Ok(begun)
}

fn note_reuse(session: &Session, begun: &Begun, deadline: &Deadline) {
    if let Begun::Connection(_) = begun {
        session.inner.counters.reuse();
        deadline.watch.reuse();
    }
}

/// Waits for a connection, or for the right to open one and until it is open.
async fn obtain(
    session: &Session,
    begun: Begun,
    careful: bool,
    timeout: &Timeout,
    deadline: &mut Deadline,
) -> Result<Box<Connection>> {
    let begun = match begun {
        Begun::Wait(waiting) => wait(session, waiting, careful, timeout, deadline).await?,
        begun => begun,
    };
    match begun {
        Begun::Connection(connection) => Ok(connection),
        Begun::Open(slot) => open(session, slot, timeout, deadline).await,
        Begun::Wait(_) => unreachable!("who was granted a slot does not wait"),
    }
}

/// Whether the server closed the connection before it can have seen the request: it was idle
/// in the pool, and not one byte came back.
fn connection_was_stale(failure: &Failure, reused: bool) -> bool {
    reused
        && matches!(
            failure,
            Failure::Disconnected {
                head_begun: false,
                ..
            }
        )
}

/// Opens a connection of HTTP/1.1, or a raw one.
pub(crate) async fn open(
    session: &Session,
    slot: Slot,
    timeout: &Timeout,
    deadline: &mut Deadline,
) -> Result<Box<Connection>> {
    let route = slot.route();
    let mut early = None;
    let opening = connect(session, &route, Peer::Server, timeout, deadline, &mut early);
    let (transport, traffic) = opening.await?;
    let mut wire = Wire::new(transport, traffic);
    if let Some(early) = early {
        wire.input = early;
    }
    Ok(Connection::new(wire, slot))
}

/// Opens a transport, and counts and tells that; its bytes are counted by what comes with it.
///
/// `early` takes what came before it was open, which happens on a raw one only.
pub(crate) async fn connect(
    session: &Session,
    route: &Route,
    peer: Peer,
    timeout: &Timeout,
    deadline: &mut Deadline,
    early: &mut Option<ReadBuffer>,
) -> Result<(Transport, Arc<Traffic>)> {
    let config = &session.inner.config;
    deadline.watch.open_start();
    let transport = match &config.mock {
        Some(server) => Transport::Mock(server.connect(&route.origin)),
        None => {
            // Boxed: a request that finds a connection open should not carry the size of this.
            let dial = &config.dial;
            Box::pin(dial::open(route, dial, peer, timeout, deadline, early)).await?
        }
    };
    deadline.watch.open_end();
    Ok((transport, session.inner.counters.open()))
}
