//! HTTP/1.1: a codec that does no I/O and knows no clock, and the exchange that drives it.
//!
//! ```text
//!                 request                              response
//!   encode::request_head ─┐                ┌─ head::HeadParser  ── framing::framing
//!   encode::BodyEncoder  ─┴─▶ exchange ◀───┴─ body::BodyDecoder
//! ```
//!
//! `head`, `framing`, `body` and `encode` take and give byte slices. `exchange` is the only part
//! that touches a transport, and it is polled by the request's own future.

pub(crate) mod body;
pub(crate) mod buffer;
pub(crate) mod encode;
pub(crate) mod exchange;
pub(crate) mod fields;
pub(crate) mod framing;
pub(crate) mod head;
pub(crate) mod trailers;

use crate::error::{Error, ErrorKind, Exceeded, ProtocolErrorKind};

/// Why the codec refuses the peer's bytes. The connection is then good for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reject {
    /// The peer broke the protocol.
    Protocol(ProtocolErrorKind),
    /// The peer sent more than we take.
    Limit(Exceeded),
}

impl From<ProtocolErrorKind> for Reject {
    fn from(kind: ProtocolErrorKind) -> Reject {
        Reject::Protocol(kind)
    }
}

impl From<Exceeded> for Reject {
    fn from(exceeded: Exceeded) -> Reject {
        Reject::Limit(exceeded)
    }
}

/// Parses a decimal number: ASCII digits and nothing else, without overflow.
///
/// `str::parse` would take a sign, which is how requests have been smuggled.
pub(crate) fn parse_decimal(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() {
        return None;
    }
    bytes.iter().try_fold(0_u64, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

/// Strips optional white space (space and tab) from both ends.
pub(crate) fn trim_ows(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// Whether the byte may be in a token, such as the name of a field (RFC 9110, section 5.6.2).
pub(crate) const fn is_token(byte: u8) -> bool {
    let is_mark = matches!(
        byte,
        b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~'
    );
    is_mark || byte.is_ascii_alphanumeric()
}

impl From<Reject> for Error {
    fn from(reject: Reject) -> Error {
        match reject {
            Reject::Protocol(kind) => Error::new(ErrorKind::Protocol(kind)),
            Reject::Limit(exceeded) => exceeded.into(),
        }
    }
}
