//! One hop of a request: a connection to one origin, the exchange on it, and the response of that.
//!
//! ```text
//!  one_hop: slot of the pool ─▶ checkout or open ─▶ exchange ─▶ respond
//!                                       ▲               │ the pooled connection was stale
//!                                       └───────────────┘ (once)
//! ```

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::{Extensions, HeaderMap, header};
use url::Url;

use super::head::encode_head;
use super::secrets::{self, Attached};
use super::signals::Signals;
use crate::body::Source;
use crate::deadline::Deadline;
use crate::dial;
use crate::error::{Error, ErrorKind, Phase, Result, Sent, UrlErrorKind};
use crate::h1::body::BodyDecoder;
use crate::h1::exchange::{Exchange, Failure, Wire};
use crate::h1::framing::{Delimiter, framing};
use crate::h1::head::Head as WireHead;
use crate::h1::{parse_decimal, trim_ows};
use crate::limits::Timeout;
use crate::mock::injected;
use crate::origin::Origin;
use crate::pool::{Begun, Connection, Pool, Slot};
use crate::redirect::{self, describes_body};
use crate::request::Parts;
use crate::response::incoming::{Incoming, Reuse};
use crate::response::{Head, Response};
use crate::route::Route;
use crate::session::{Config, Session};
use crate::transport::Transport;

/// Where a request goes, and which headers go along.
pub(super) struct Hop {
    pub(super) origin: Origin,
    /// No hop so far has left the first origin.
    pub(super) at_home: bool,
    /// Whether the request's own secrets may be sent.
    pub(super) own_secrets: bool,
    /// Whether the session's default secrets may be sent.
    pub(super) default_secrets: bool,
    pub(super) attached: Attached,
}

impl Hop {
    pub(super) fn first(session: &Session, parts: &Parts) -> Result<Hop> {
        let origin = origin(&parts.url)?;
        let default_secrets = match &session.inner.config.base {
            Some(base) => Origin::of(base).as_ref() == Some(&origin),
            None => true,
        };
        Ok(Hop {
            origin,
            at_home: true,
            own_secrets: true,
            default_secrets,
            attached: Attached::default(),
        })
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
        let origin = origin(&parts.url)?;
        if self.origin.secure && !origin.secure {
            // What was asked for over https is no affair of those who listen (RFC 9110, 10.1.3).
            parts.headers.remove(header::REFERER);
        }
        let policy = parts.redirect.as_deref().unwrap_or(&config.redirect);
        let same = origin == self.origin;
        let trusted = same || policy.trusts_locations();
        Ok(Hop {
            origin,
            at_home: self.at_home && same,
            own_secrets: self.own_secrets && trusted,
            default_secrets: self.default_secrets && trusted,
            attached: Attached::default(),
        })
    }
}

fn origin(url: &Url) -> Result<Origin> {
    Origin::of(url).ok_or_else(|| Error::new(ErrorKind::InvalidUrl(UrlErrorKind::NoHost)))
}

/// Sends the request once, or twice when a pooled connection turns out to be stale.
pub(super) async fn one_hop(
    session: &Session,
    parts: &mut Parts,
    hop: &Hop,
    deadline: &mut Deadline,
) -> Result<Response> {
    let config = &session.inner.config;
    let origin = hop.origin.clone();
    let route = Route::choose(&config.dial, parts.way.as_deref(), origin, hop.at_home)?;
    let (head, encoder) = encode_head(config, parts, hop, &route);
    let idempotent = parts.method.is_idempotent();

    session.inner.closing.check()?;
    let route = Arc::new(route);
    let mut begun = session.inner.pool.begin(&route, !idempotent);
    if let Begun::Wait(waiting) = begun {
        deadline.begin(Phase::Pool, parts.timeout.pool);
        deadline.watch.queue_start();
        let waiting = session.inner.closing.or_closed(waiting);
        let slot = deadline.within(waiting).await??;
        deadline.watch.queue_end();
        begun = Pool::resume(slot, !idempotent);
    }
    let mut connection = match begun {
        Begun::Connection(connection) => {
            session.inner.counters.reuse();
            deadline.watch.reuse();
            connection
        }
        Begun::Open(slot) => open(session, slot, &parts.timeout, deadline).await?,
        Begun::Wait(_) => unreachable!("who was granted a slot does not wait"),
    };
    loop {
        let write = parts.timeout.write;
        match write {
            Some(_) => deadline.begin(Phase::Write, write),
            None => deadline.begin(Phase::Head, parts.timeout.head),
        }
        let limits = config.limits.h1_head();
        let mut exchange = Exchange::new(
            &mut connection.wire,
            &head,
            &mut parts.body,
            encoder,
            limits,
        );
        let head_limit = parts.timeout.head;
        let failure = match drive(&mut exchange, deadline, head_limit, Signals::new(&head)).await {
            Ok(Ok(head)) => {
                let sent_all = exchange.sent_all();
                return respond(config, connection, head, sent_all, parts, deadline.take());
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
        tracing::debug!(origin = %hop.origin, "a pooled connection was stale; once more");
        let slot = connection.into_slot();
        connection = open(session, slot, &parts.timeout, deadline).await?;
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

/// Opens a connection. Boxed, because a request that finds one open should not carry the size of
/// this.
async fn open(
    session: &Session,
    slot: Slot,
    timeout: &Timeout,
    deadline: &mut Deadline,
) -> Result<Box<Connection>> {
    let config = &session.inner.config;
    let route = slot.route();
    deadline.watch.open_start();
    let transport = match &config.mock {
        Some(server) => Transport::Mock(server.connect(&route.origin)),
        None => Box::pin(dial::open(&route, &config.dial, timeout, deadline)).await?,
    };
    deadline.watch.open_end();
    Ok(Connection::new(
        Wire::new(transport, session.inner.counters.open()),
        slot,
    ))
}

/// Polls the exchange within the limits, which begin anew whenever bytes move.
async fn drive(
    exchange: &mut Exchange<'_>,
    deadline: &mut Deadline,
    head_limit: Option<Duration>,
    mut signals: Signals,
) -> Result<Result<WireHead, Failure>> {
    let mut moves = exchange.moves();
    poll_fn(|cx| {
        let polled = exchange.poll(cx);
        signals.tell(exchange, &deadline.watch);
        if let Poll::Ready(done) = polled {
            deadline.watch.head();
            return Poll::Ready(Ok(done));
        }
        if exchange.moves() != moves {
            moves = exchange.moves();
            deadline.progress();
        }
        if deadline.phase() == Some(Phase::Write) && exchange.sent_all() {
            deadline.begin(Phase::Head, head_limit);
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
    deadline: Deadline,
) -> Result<Response> {
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
    let closing = asks_to_close(&parts.headers) || asks_to_close(&config.headers);
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
    let decoder = BodyDecoder::new(framing.delimiter, config.limits.h1_body());
    let body = Incoming::new(connection, decoder, reuse, deadline, &parts.timeout);
    let head = Head {
        status: head.status,
        version: head.version,
        headers: head.headers,
        asked: parts.asked(),
        history: Vec::new(),
        extensions: Extensions::new(),
        content_length,
        body_limit: parts.body_limit,
    };
    Ok(Response {
        head,
        body,
        decoding: None,
    })
}

/// The length a response without a body tells about the one it would have.
fn announced(headers: &HeaderMap) -> Option<u64> {
    parse_decimal(headers.get(header::CONTENT_LENGTH)?.as_bytes())
}

/// Whether the request told the server to close.
fn asks_to_close(headers: &HeaderMap) -> bool {
    headers.get_all(header::CONNECTION).iter().any(|value| {
        value
            .as_bytes()
            .split(|byte| *byte == b',')
            .any(|option| trim_ows(option).eq_ignore_ascii_case(b"close"))
    })
}
