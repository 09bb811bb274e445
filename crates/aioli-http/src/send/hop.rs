//! One hop of a request: a connection to one origin, the exchange on it, and the response of that.
//!
//! ```text
//!  one_hop: slot of the pool ─▶ checkout or open ─▶ exchange ─▶ respond
//!                                       ▲               │ the pooled connection was stale
//!                                       └───────────────┘ (once)
//! ```

use std::borrow::Cow;
use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use aioli_time::{Sleep, sleep};
use http::{Extensions, HeaderMap, StatusCode, Version, header};

use super::head::{encode_head, header_map};
use super::secrets::{self, Attached};
use super::signals::Signals;
use crate::body::Source;
use crate::deadline::Deadline;
use crate::dial;
use crate::error::{Error, ErrorKind, Phase, ProtocolErrorKind, Result, Sent};
use crate::h1::body::BodyDecoder;
use crate::h1::exchange::{Exchange, Failure, Manner, Wire};
use crate::h1::fields::Fields;
use crate::h1::framing::{Delimiter, framing};
use crate::h1::head::Head as WireHead;
use crate::h1::{parse_decimal, trim_ows};
use crate::h2;
use crate::limits::Timeout;
use crate::mock::injected;
use crate::origin::Origin;
use crate::place::Place;
use crate::pool::{Begun, Connection, Pool, Slot};
use crate::redirect::{self, describes_body};
use crate::request::Parts;
use crate::response::incoming::{Incoming, Reuse};
use crate::response::{Head, Response};
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
    pub(super) attached: Attached,
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
                inner.last_place.set(place.clone());
                place
            }
        };
        Ok(Hop {
            at_home: true,
            own_secrets: true,
            default_secrets: place.default_secrets,
            refers: true,
            attached: Attached::default(),
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
            parts.content_type = None;
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
        if let Some(way) = &mut parts.way {
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
        let policy = parts.redirect.as_deref().unwrap_or(&config.redirect);
        let same = *origin == former;
        let trusted = same || policy.trusts_locations();
        Ok(Hop {
            at_home: self.at_home && same,
            own_secrets: self.own_secrets && trusted,
            default_secrets: self.default_secrets && trusted,
            refers: self.refers && !steps_down,
            attached: Attached::default(),
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
    let way = parts.way.as_deref();
    if way.is_none()
        && let Some(route) = &hop.place.route
    {
        return Ok(Cow::Borrowed(route));
    }
    let route = Route::choose(&config.dial, way, hop.origin().clone(), hop.at_home)?;
    Ok(Cow::Owned(Arc::new(route)))
}

/// Sends the request once, or twice when a pooled connection turns out to be stale.
pub(super) async fn one_hop(
    session: &Session,
    parts: &mut Parts,
    hop: &Hop,
    deadline: &mut Deadline,
) -> Result<Response> {
    let config = &session.inner.config;
    let idempotent = parts.method.is_idempotent();
    let route = route(config, parts, hop)?;
    let mut opened = None;
    if session.inner.http2.is_wanted(config, parts, &route) {
        let headers = |parts: &Parts| header_map(config, parts, hop);
        match Box::pin(h2::hop(session, parts, &route, headers, deadline)).await? {
            h2::Way::Response(response) => return Ok(response),
            h2::Way::Http1(connection) => opened = connection,
        }
    }
    let timeout = parts.timeout.as_deref().unwrap_or(&config.timeout);
    let mut connection = match opened {
        Some(opened) => opened,
        None => connection(session, &route, !idempotent, timeout, deadline).await?,
    };
    loop {
        let limits = config.limits.h1_head();
        let mut patience = parts.expectation().map(sleep);
        let manner = Manner {
            hold: patience.is_some(),
            upgrade: upgrade::is_asked(&parts.headers),
        };
        let out = connection.wire.begin();
        let encoder = encode_head(out, config, parts, hop, &route);
        deadline
            .watch
            .tell(|trace, request| trace.request_head(request, out));
        let signals = Signals::new(out.len());
        let (wire, body) = (&mut connection.wire, &mut parts.body);
        let mut exchange = Exchange::new(wire, body, encoder, limits, manner);
        let driven = drive(&mut exchange, deadline, timeout, &mut patience, signals);
        let failure = match driven.await {
            Ok(Ok(head)) => {
                if head.status == StatusCode::EXPECTATION_FAILED && exchange.is_holding() {
                    // RFC 9110 section 10.1.1: once more, without the expectation.
                    parts.expect = None;
                    let slot = connection.into_slot();
                    connection = open(session, slot, timeout, deadline).await?;
                    continue;
                }
                let sent_all = exchange.sent_all();
                return respond(config, connection, head, sent_all, parts, deadline);
            }
            Ok(Err(failure)) => injected(failure)?,
            Err(late) => return Err(late.with_sent(exchange.sent())),
        };
        let stale = connection_was_stale(&failure, connection.reused)
            && (idempotent || exchange.sent() == Sent::Nothing);
        let error = exchange.error(failure, connection.reused);
        if !stale || !parts.body.is_whole() {
            return Err(error);
        }
        tracing::debug!(origin = %hop.origin(), "a pooled connection was stale; once more");
        let slot = connection.into_slot();
        connection = open(session, slot, timeout, deadline).await?;
    }
}

/// Takes a slot of the pool, and a connection if one is idle.
pub(crate) async fn begin(
    session: &Session,
    route: &Arc<Route>,
    careful: bool,
    timeout: &Timeout,
    deadline: &mut Deadline,
) -> Result<Begun> {
    let inner = &session.inner;
    inner.closing.check()?;
    let mut begun = inner.pool.begin(route, careful, deadline.look());
    if let Begun::Wait(waiting) = begun {
        deadline.begin(Phase::Pool, timeout.pool);
        deadline.watch.queue_start();
        inner.http2.close_idle();
        let waiting = inner.closing.or_closed(waiting);
        let slot = Box::pin(deadline.within(waiting)).await??;
        deadline.watch.queue_end();
        begun = Pool::resume(slot, careful);
    }
    if let Begun::Connection(_) = begun {
        inner.counters.reuse();
        deadline.watch.reuse();
    }
    Ok(begun)
}

/// Takes a connection of the pool, or a slot of it and opens one.
async fn connection(
    session: &Session,
    route: &Arc<Route>,
    careful: bool,
    timeout: &Timeout,
    deadline: &mut Deadline,
) -> Result<Box<Connection>> {
    match begin(session, route, careful, timeout, deadline).await? {
        Begun::Connection(connection) => Ok(connection),
        Begun::Open(slot) => open(session, slot, timeout, deadline).await,
        Begun::Wait(_) => unreachable!("who was granted a slot does not wait"),
    }
}

/// Begins the limit of sending, which is that of the head unless it has one of its own.
fn begin_sending(deadline: &mut Deadline, timeout: &Timeout) {
    match timeout.write {
        Some(write) => deadline.begin(Phase::Write, Some(write)),
        None => deadline.begin(Phase::Head, timeout.head),
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

/// Opens a connection of HTTP/1.1.
async fn open(
    session: &Session,
    slot: Slot,
    timeout: &Timeout,
    deadline: &mut Deadline,
) -> Result<Box<Connection>> {
    let route = slot.route();
    let (transport, traffic) = connect(session, &route, Peer::Server, timeout, deadline).await?;
    Ok(Connection::new(Wire::new(transport, traffic), slot))
}

/// Opens a transport, and counts and tells that; its bytes are counted by what comes with it.
pub(crate) async fn connect(
    session: &Session,
    route: &Route,
    peer: Peer,
    timeout: &Timeout,
    deadline: &mut Deadline,
) -> Result<(Transport, Arc<Traffic>)> {
    let config = &session.inner.config;
    deadline.watch.open_start();
    let transport = match &config.mock {
        Some(server) => Transport::Mock(server.connect(&route.origin)),
        None => {
            // Boxed: a request that finds a connection open should not carry the size of this.
            Box::pin(dial::open(route, &config.dial, peer, timeout, deadline)).await?
        }
    };
    deadline.watch.open_end();
    Ok((transport, session.inner.counters.open()))
}

/// Polls the exchange within the limits, which begin anew whenever bytes move.
async fn drive(
    exchange: &mut Exchange<'_>,
    deadline: &mut Deadline,
    timeout: &Timeout,
    patience: &mut Option<Sleep>,
    mut signals: Signals,
) -> Result<Result<WireHead, Failure>> {
    if deadline.watch.tracer.is_some() {
        exchange.keep_informational();
    }
    let mut moves = exchange.moves();
    let mut held = exchange.is_holding();
    if held {
        // Nothing is being sent while the server is asked.
        deadline.begin(Phase::Head, timeout.head);
    } else {
        begin_sending(deadline, timeout);
    }
    if timeout.min_speed.is_some() && exchange.has_body() {
        deadline.demand_speed(timeout.min_speed);
    }
    let mut written = 0;
    poll_fn(|cx| {
        let mut polled = exchange.poll(cx);
        if polled.is_pending()
            && exchange.is_holding()
            && let Some(patience) = patience
            && Pin::new(patience).poll(cx).is_ready()
        {
            exchange.release();
            polled = exchange.poll(cx);
        }
        signals.tell(exchange, &deadline.watch);
        if let Poll::Ready(done) = polled {
            deadline.note_head();
            return Poll::Ready(Ok(done));
        }
        if exchange.moves() != moves {
            moves = exchange.moves();
            deadline.progress();
        }
        if held && !exchange.is_holding() {
            held = false;
            begin_sending(deadline, timeout);
        }
        if deadline.demands_speed() {
            let taken = exchange.written() - written;
            written = exchange.written();
            deadline.measure(taken, exchange.waits_for_server());
        }
        if deadline.phase() == Some(Phase::Write) && exchange.sent_all() {
            deadline.begin(Phase::Head, timeout.head);
        }
        let late = deadline.poll(cx);
        if exchange.sent_all() {
            deadline.note_sent();
        }
        late.map(Err)
    })
    .await
}

/// Makes the response out of its head; the connection goes back at once if the body is there.
fn respond(
    config: &Config,
    mut connection: Box<Connection>,
    mut head: WireHead,
    sent_all: bool,
    parts: &Parts,
    deadline: &mut Deadline,
) -> Result<Response> {
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        return switch(config, connection, head, sent_all, parts, deadline);
    }
    let framing = framing(
        &parts.method,
        head.version,
        head.status,
        &head.headers,
        head.marks,
    )
    .map_err(|kind| Error::new(ErrorKind::Protocol(kind)).with_sent(Sent::Fully))?;
    if framing.drop_content_length {
        head.headers.remove(header::CONTENT_LENGTH);
    }
    let closing =
        config.defaults.close || !parts.headers.is_empty() && asks_to_close(&parts.headers);
    // A server of a request in HTTP/1.0 may close whatever it says in HTTP/1.1.
    let closing = closing || parts.version() == Version::HTTP_10;
    let reuse = (framing.reusable && sent_all && !closing).then_some(Reuse {
        keep_alive: framing.keep_alive,
    });
    let content_length = match framing.delimiter {
        Delimiter::Length(length) => {
            let size = usize::try_from(length).unwrap_or(usize::MAX);
            let message = size.saturating_add(head.size);
            connection.wire.input.saw_message(message);
            Some(length)
        }
        Delimiter::None => announced(&head.headers),
        Delimiter::Chunked | Delimiter::Eof => None,
    };
    let decoder = match parts.raw {
        true => BodyDecoder::raw(framing.delimiter, config.limits.h1_body()),
        false => BodyDecoder::new(framing.delimiter, config.limits.h1_body()),
    };
    let mut response = Response::new(
        outer_head(config, head, parts, content_length),
        Incoming::new(connection, decoder, reuse, deadline.take()),
    );
    let timeout = parts.timeout.as_deref().unwrap_or(&config.timeout);
    response.inner.body.begin(timeout);
    Ok(response)
}

/// Makes the response of a server that switches protocols: its connection is the caller's.
fn switch(
    config: &Config,
    connection: Box<Connection>,
    head: WireHead,
    sent_all: bool,
    parts: &Parts,
    deadline: &mut Deadline,
) -> Result<Response> {
    // Who switches before the request is out reads the rest of it as something else.
    if !sent_all || !upgrade::is_accepted(&parts.headers, &head.headers) {
        let kind = ProtocolErrorKind::Upgrade;
        return Err(Error::new(ErrorKind::Protocol(kind)).with_sent(Sent::Fully));
    }
    let head = outer_head(config, head, parts, None);
    let mut response = Response::new(head, Incoming::empty(deadline.take()));
    response.inner.upgraded = Some(connection);
    Ok(response)
}

/// The head as the caller sees it.
fn outer_head(config: &Config, head: WireHead, parts: &Parts, content_length: Option<u64>) -> Head {
    Head {
        status: head.status,
        version: head.version,
        coded: head.marks.content_encoding,
        sets_cookies: head.marks.set_cookie.then_some(config.limits.cookies),
        headers: head.headers,
        asked: None,
        history: Vec::new(),
        extensions: Extensions::new(),
        content_length,
        body_limit: parts.body_limit,
    }
}

/// The length a response without a body tells about the one it would have.
fn announced(headers: &Fields) -> Option<u64> {
    parse_decimal(headers.values("content-length").next()?)
}

/// Whether headers of a request tell the server to close.
pub(crate) fn asks_to_close(headers: &HeaderMap) -> bool {
    headers.get_all(header::CONNECTION).iter().any(|value| {
        value
            .as_bytes()
            .split(|byte| *byte == b',')
            .any(|option| trim_ows(option).eq_ignore_ascii_case(b"close"))
    })
}
