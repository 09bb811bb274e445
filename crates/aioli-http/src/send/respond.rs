//! The response of an exchange, made out of its head.
//!
//! With it goes the body that is to come, or the connection, which is the caller's from then on.

use http::{Extensions, Method, StatusCode, Version, header};

use super::head::asks_to_close;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind, ProtocolErrorKind, Result, Sent};
use crate::h1::body::BodyDecoder;
use crate::h1::fields::Fields;
use crate::h1::framing::{Delimiter, framing};
use crate::h1::head::Head as WireHead;
use crate::h1::parse_decimal;
use crate::pool::Connection;
use crate::request::Parts;
use crate::response::incoming::{Incoming, Reuse};
use crate::response::{Head, Response};
use crate::session::Config;
use crate::upgrade;

/// Makes the response out of its head; the connection goes back at once if the body is there.
pub(super) fn respond(
    config: &Config,
    mut connection: Box<Connection>,
    mut head: WireHead,
    sent_all: bool,
    parts: &Parts,
    deadline: &mut Deadline,
) -> Result<Response> {
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        if !upgrade::is_accepted(&parts.headers, &head.headers) {
            return Err(violation(ProtocolErrorKind::Upgrade));
        }
        return hand_over(config, connection, head, sent_all, parts, deadline);
    }
    let framing = framing(
        &parts.method,
        head.version,
        head.status,
        &head.headers,
        head.marks,
    )
    .map_err(violation)?;
    if framing.drop_content_length {
        head.headers.remove(header::CONTENT_LENGTH);
    }
    let closing =
        config.defaults.close || !parts.headers.is_empty() && asks_to_close(&parts.headers);
    // A server of a request in HTTP/1.0 may close whatever it says in HTTP/1.1.
    let closing = closing || parts.version() == Version::HTTP_10;
    let reuse = (framing.reusable && sent_all && !closing).then_some(Reuse {
        keep_alive: framing.keep_alive,
        is_bodiless: framing.delimiter == Delimiter::None,
    });
    let content_length = match framing.delimiter {
        Delimiter::Length(length) => {
            let size = usize::try_from(length).unwrap_or(usize::MAX);
            let message = size.saturating_add(head.size);
            connection.wire.input.saw_message(message);
            Some(length)
        }
        Delimiter::None if parts.method == Method::CONNECT => {
            return hand_over(config, connection, head, sent_all, parts, deadline);
        }
        Delimiter::None => announced(&head.headers),
        Delimiter::Chunked | Delimiter::Eof => None,
    };
    let decoder = match parts.raw {
        true => BodyDecoder::raw(framing.delimiter, config.limits.h1_body()),
        false => BodyDecoder::new(framing.delimiter, config.limits.h1_body()),
    };
    let room = Response::room();
    let mut response = Response::new(
        room,
        outer_head(config, head, parts, content_length),
        Incoming::new(connection, decoder, reuse, deadline.take()),
    );
    let timeout = parts.timeout.as_deref().unwrap_or(&config.timeout);
    response.inner.body.begin(timeout);
    Ok(response)
}

/// Makes the response whose connection is the caller's.
fn hand_over(
    config: &Config,
    mut connection: Box<Connection>,
    head: WireHead,
    sent_all: bool,
    parts: &Parts,
    deadline: &mut Deadline,
) -> Result<Response> {
    // Who switches before the request is out reads the rest of it as something else.
    if !sent_all {
        return Err(violation(ProtocolErrorKind::Upgrade));
    }
    connection.wire.disarm();
    let head = outer_head(config, head, parts, None);
    let mut response = Response::new(Response::room(), head, Incoming::empty(deadline.take()));
    response.inner.upgraded = Some(connection);
    Ok(response)
}

/// The head as the caller sees it.
#[inline(always)]
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

/// The error of an answer that breaks the protocol.
fn violation(kind: ProtocolErrorKind) -> Error {
    Error::new(ErrorKind::Protocol(kind)).with_sent(Sent::Fully)
}
