//! Carrying out a request: the hops of its redirects, and on each hop at most two connections.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, header};
use url::Url;

use crate::body::Source;
use crate::deadline::Deadline;
use crate::error::{
    Error, ErrorKind, Phase, RedirectErrorKind, RequestErrorKind, Result, Sent, UrlErrorKind,
};
use crate::h1::body::BodyDecoder;
use crate::h1::encode::{self, BodyEncoder};
use crate::h1::exchange::{Exchange, Failure, Wire};
use crate::h1::framing::{Delimiter, framing};
use crate::h1::head::{Head as WireHead, HeadLimits};
use crate::h1::{parse_decimal, trim_ows};
use crate::origin::Origin;
use crate::pool::{Connection, Pool, Slot};
use crate::redirect::{self, describes_body, is_bound};
use crate::request::Parts;
use crate::response::incoming::{Incoming, Reuse};
use crate::response::{Head, Response};
use crate::route::Route;
use crate::session::{Config, Session};
use crate::transport::Transport;

/// Sends the request and follows where it is sent on to.
pub(crate) async fn send(session: &Session, mut parts: Parts) -> Result<Response> {
    let mut deadline = Deadline::start(parts.timeout.total);
    prepare(&mut parts).map_err(|error| error.with_request(&parts.asked()))?;
    let mut hop = Hop::first(session, &parts)?;
    let mut history = Vec::new();
    loop {
        let result = one_hop(session, &mut parts, &hop, deadline).await;
        let mut response = result.map_err(|error| {
            // Who has redirected the request has seen it.
            let seen = if history.is_empty() {
                Sent::Nothing
            } else {
                Sent::Fully
            };
            error.with_request(&parts.asked()).with_sent(seen)
        })?;
        let next = match read_redirect(session, &parts, &response.head, history.len()) {
            Ok(Some(next)) => next,
            Ok(None) => {
                response.head.history = history;
                return if parts.raise_for_status {
                    response.error_for_status()
                } else {
                    Ok(response)
                };
            }
            Err(kind) => {
                history.push(parts.url.clone());
                let error = Error::new(ErrorKind::Redirect { kind, history });
                return Err(response.head.in_context(error));
            }
        };
        tracing::debug!(status = %response.head.status, "redirected");
        history.push(parts.url.clone());
        deadline = response.body.into_deadline();
        hop = hop.follow(&mut parts, next)?;
    }
}

/// Where a request goes, and which headers go along.
struct Hop {
    origin: Origin,
    /// Whether the request's own secrets may be sent: no hop so far has left its first origin.
    own_secrets: bool,
    /// Whether the session's default secrets may be sent.
    default_secrets: bool,
}

impl Hop {
    fn first(session: &Session, parts: &Parts) -> Result<Hop> {
        let origin = origin(&parts.url)?;
        let default_secrets = match &session.inner.config.base {
            Some(base) => Origin::of(base).as_ref() == Some(&origin),
            None => true,
        };
        Ok(Hop {
            origin,
            own_secrets: true,
            default_secrets,
        })
    }

    /// Turns the request into the one its redirect asks for.
    fn follow(self, parts: &mut Parts, next: redirect::Next) -> Result<Hop> {
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
        let same = origin == self.origin;
        Ok(Hop {
            origin,
            own_secrets: self.own_secrets && same,
            default_secrets: self.default_secrets && same,
        })
    }
}

fn origin(url: &Url) -> Result<Origin> {
    Origin::of(url).ok_or_else(|| Error::new(ErrorKind::InvalidUrl(UrlErrorKind::NoHost)))
}

/// Reads a response as a redirect, if the session and the request allow it.
fn read_redirect(
    session: &Session,
    parts: &Parts,
    head: &Head,
    followed: usize,
) -> Result<Option<redirect::Next>, RedirectErrorKind> {
    if parts.redirects == 0 {
        return Ok(None);
    }
    let Some(next) = redirect::next(head.status, &head.headers, &parts.method, &parts.url)? else {
        return Ok(None);
    };
    if followed >= parts.redirects {
        return Err(RedirectErrorKind::TooMany);
    }
    if session.inner.config.https_only && next.url.scheme() != "https" {
        return Err(RedirectErrorKind::Scheme);
    }
    if next.rewritten.is_none() && !parts.body.is_whole() {
        return Err(RedirectErrorKind::BodyNotReplayable);
    }
    Ok(Some(next))
}

/// Checks what the caller has put together, and settles the framing of the body.
fn prepare(parts: &mut Parts) -> Result<()> {
    let refuse = |kind| Err(Error::invalid_request(kind));
    if parts.method == Method::CONNECT {
        return refuse(RequestErrorKind::Method);
    }
    if parts.headers.contains_key(header::TRANSFER_ENCODING) {
        return refuse(RequestErrorKind::TransferEncoding);
    }
    let mut claims = parts.headers.get_all(header::CONTENT_LENGTH).iter();
    if let Some(claim) = claims.next() {
        let claimed = parse_decimal(claim.as_bytes());
        let known = parts.body.length();
        if claims.next().is_some() || claimed.is_none() || (known.is_some() && known != claimed) {
            return refuse(RequestErrorKind::ContentLength);
        }
        if let Source::Stream { length, .. } = &mut parts.body {
            *length = claimed;
        }
        parts.headers.remove(header::CONTENT_LENGTH);
    }
    Ok(())
}

/// Sends the request once, or twice when a pooled connection turns out to be stale.
async fn one_hop(
    session: &Session,
    parts: &mut Parts,
    hop: &Hop,
    mut deadline: Deadline,
) -> Result<Response> {
    let config = &session.inner.config;
    let (head, encoder) = encode_head(config, parts, hop);
    let idempotent = parts.method.is_idempotent();

    deadline.begin(Phase::Pool, parts.timeout.pool);
    let slot = deadline
        .within(
            session
                .inner
                .pool
                .acquire(Route::direct(hop.origin.clone())),
        )
        .await?;
    let mut connection = match Pool::checkout(slot, !idempotent) {
        Ok(connection) => connection,
        Err(slot) => open(config, slot, parts.timeout.connect, &mut deadline).await?,
    };
    loop {
        deadline.begin(Phase::Head, parts.timeout.head);
        let limits = HeadLimits {
            bytes: config.limits.head,
            headers: config.limits.headers,
        };
        let mut exchange = Exchange::new(
            &mut connection.wire,
            &head,
            &mut parts.body,
            encoder,
            limits,
        );
        let failure = match drive(&mut exchange, &mut deadline).await {
            Ok(Ok(head)) => {
                let sent_all = exchange.sent_all();
                return respond(config, connection, head, sent_all, parts, deadline);
            }
            Ok(Err(failure)) => failure,
            Err(late) => return Err(late.with_sent(exchange.sent())),
        };
        let stale = connection_was_stale(&failure, connection.reused)
            && (idempotent || exchange.sent() == Sent::Nothing);
        let error = exchange.error(failure, connection.reused);
        if !stale || !parts.body.is_whole() {
            return Err(error);
        }
        tracing::debug!(origin = %hop.origin, "a pooled connection was stale; once more");
        let limit = parts.timeout.connect;
        connection = open(config, connection.into_slot(), limit, &mut deadline).await?;
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

async fn open(
    config: &Config,
    slot: Slot,
    limit: Option<Duration>,
    deadline: &mut Deadline,
) -> Result<Connection> {
    let transport = Transport::connect(&slot.route, config, limit, deadline).await?;
    Ok(Connection::new(Wire::new(transport), slot))
}

/// Polls the exchange within the limits, which begin anew whenever bytes move.
async fn drive(
    exchange: &mut Exchange<'_>,
    deadline: &mut Deadline,
) -> Result<Result<WireHead, Failure>> {
    let mut moves = exchange.moves();
    poll_fn(|cx| match exchange.poll(cx) {
        Poll::Ready(done) => Poll::Ready(Ok(done)),
        Poll::Pending => {
            if exchange.moves() != moves {
                moves = exchange.moves();
                deadline.progress();
            }
            deadline.poll(cx).map(Err)
        }
    })
    .await
}

/// Makes the response out of its head; the connection goes back at once if the body is there.
fn respond(
    config: &Config,
    connection: Connection,
    mut head: WireHead,
    sent_all: bool,
    parts: &Parts,
    deadline: Deadline,
) -> Result<Response> {
    let framing = framing(&parts.method, head.version, head.status, &head.headers)
        .map_err(|kind| Error::new(ErrorKind::Protocol(kind)).with_sent(Sent::Fully))?;
    if framing.drop_content_length {
        head.headers.remove(header::CONTENT_LENGTH);
    }
    let closing = asks_to_close(&parts.headers) || asks_to_close(&config.headers);
    let reuse = (framing.reusable && sent_all && !closing).then_some(Reuse {
        keep_alive: framing.keep_alive,
    });
    let content_length = match framing.delimiter {
        Delimiter::Length(length) => Some(length),
        Delimiter::None => announced(&head.headers),
        Delimiter::Chunked | Delimiter::Eof => None,
    };
    let decoder = BodyDecoder::new(framing.delimiter);
    let body = Incoming::new(connection, decoder, reuse, deadline, parts.timeout.read);
    let head = Head {
        status: head.status,
        version: head.version,
        headers: head.headers,
        asked: parts.asked(),
        history: Vec::new(),
        content_length,
        body_limit: parts.body_limit,
    };
    Ok(Response { head, body })
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

/// Writes the head of the request for this hop.
fn encode_head(config: &Config, parts: &Parts, hop: &Hop) -> (Vec<u8>, Option<BodyEncoder>) {
    let mut out = Vec::with_capacity(512);
    let url = &parts.url;
    let (mark, query) = url.query().map_or(("", ""), |query| ("?", query));
    encode::request_line(&mut out, &parts.method, &[url.path(), mark, query]);

    let own_host = parts.headers.contains_key(header::HOST) && hop.own_secrets;
    if !own_host {
        out.extend_from_slice(b"host: ");
        out.extend_from_slice(url.host_str().unwrap_or_default().as_bytes());
        if let Some(port) = url.port() {
            out.extend_from_slice(format!(":{port}").as_bytes());
        }
        out.extend_from_slice(b"\r\n");
    }
    for (name, value) in &parts.headers {
        if hop.own_secrets || !is_bound(name, value) {
            encode::header(&mut out, name, value);
        }
    }
    for (name, value) in &config.headers {
        let overridden = parts.headers.contains_key(name) || *name == header::HOST;
        if !overridden && (hop.default_secrets || !is_bound(name, value)) {
            encode::header(&mut out, name, value);
        }
    }
    if let Some(content_type) = &parts.content_type
        && !parts.headers.contains_key(header::CONTENT_TYPE)
    {
        encode::header(&mut out, &header::CONTENT_TYPE, content_type);
    }
    let encoder = encode_framing(&mut out, parts);
    out.extend_from_slice(b"\r\n");
    (out, encoder)
}

/// Writes how the body is framed; a stream needs an encoder.
fn encode_framing(out: &mut Vec<u8>, parts: &Parts) -> Option<BodyEncoder> {
    let expected = matches!(parts.method, Method::POST | Method::PUT | Method::PATCH);
    match (&parts.body, parts.body.length()) {
        (Source::Empty, _) if !expected => None,
        (source, Some(length)) => {
            encode::header(out, &header::CONTENT_LENGTH, &HeaderValue::from(length));
            matches!(source, Source::Stream { .. }).then_some(BodyEncoder::Length(length))
        }
        (_, None) => {
            let chunked = HeaderValue::from_static("chunked");
            encode::header(out, &header::TRANSFER_ENCODING, &chunked);
            Some(BodyEncoder::Chunked)
        }
    }
}
