//! What went wrong on an HTTP/2 connection, in the words of this crate.

use h2::Reason;

use crate::error::{BodyErrorKind, BoxError, Error, ErrorKind, ProtocolErrorKind, Sent};

/// Why there is no response.
#[derive(Debug)]
pub(super) enum Failure {
    /// The caller's body failed.
    Body(BodyErrorKind, Option<BoxError>),
    /// The connection or the stream failed.
    H2(h2::Error),
}

impl Failure {
    /// Whether the server says that it has not looked at the request (RFC 9113, 8.7).
    pub(super) fn is_untouched(&self) -> bool {
        match self {
            Failure::Body(..) => false,
            Failure::H2(error) => is_untouched(error),
        }
    }

    /// Whether the server takes no more requests on the connection.
    pub(super) fn is_goodbye(&self) -> bool {
        match self {
            Failure::Body(..) => false,
            Failure::H2(error) => error.is_remote() && error.is_go_away(),
        }
    }

    /// Whether the connection ended without a word of the server.
    pub(super) fn is_loss(&self) -> bool {
        match self {
            Failure::Body(..) => false,
            Failure::H2(error) => error.is_io(),
        }
    }

    /// The error as the caller sees it.
    pub(super) fn into_error(self, sent: Sent, reused: bool) -> Error {
        match self {
            Failure::Body(kind, source) => Error::body(kind, source).with_sent(sent),
            Failure::H2(error) => head_error(error, sent, reused),
        }
    }
}

fn is_untouched(error: &h2::Error) -> bool {
    error.is_remote()
        && (error.reason() == Some(Reason::REFUSED_STREAM)
            || error.is_go_away() && error.reason() == Some(Reason::NO_ERROR))
}

/// The error of a request without a response.
pub(super) fn head_error(error: h2::Error, sent: Sent, reused: bool) -> Error {
    let untouched = is_untouched(&error);
    if let Some(kind) = violation(&error) {
        return Error::new(ErrorKind::Protocol(kind)).with_sent(sent);
    }
    let sent = if untouched { Sent::Nothing } else { sent };
    let source = error
        .into_io()
        .or_else(|| Some(std::io::ErrorKind::ConnectionReset.into()));
    Error::new(ErrorKind::Disconnected {
        sent,
        reused,
        source,
    })
}

/// The error of a body that broke off.
pub(super) fn body_error(error: h2::Error) -> Error {
    match violation(&error) {
        Some(kind) => Error::new(ErrorKind::Protocol(kind)),
        None => Error::body(BodyErrorKind::Truncated, Some(error.into())),
    }
}

/// What we hold against the server, if it is that.
fn violation(error: &h2::Error) -> Option<ProtocolErrorKind> {
    if error.is_io() || error.is_remote() {
        return None;
    }
    match error.reason() {
        // Our own doing.
        None | Some(Reason::NO_ERROR | Reason::CANCEL) => None,
        Some(_) => Some(ProtocolErrorKind::Http2),
    }
}
