//! The one place that decides where a response's body ends and whether its connection lives on.
//!
//! RFC 9112 section 6.3, with every doubt resolved against reuse: a peer that frames ambiguously
//! may be talking past a proxy that frames the other way, and what we would take for the next
//! response is then somebody else's.

use std::time::Duration;

use http::{Method, StatusCode, Version};

use super::fields::Fields;
use super::head::{Marks, Seen};
use super::{parse_decimal, trim_ows};
use crate::error::ProtocolErrorKind;

/// How the body is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delimiter {
    /// There is no body, whatever the headers say.
    None,
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked,
    /// The end of the connection.
    Eof,
}

/// What the head decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Framing {
    pub(crate) delimiter: Delimiter,
    /// Whether the connection may carry another request once the body is consumed.
    pub(crate) reusable: bool,
    /// How long the server says it keeps the idle connection.
    pub(crate) keep_alive: Option<Duration>,
    /// Whether `content-length` came beside `transfer-encoding` and must not be believed.
    pub(crate) drop_content_length: bool,
}

/// Decides the framing of a final response; `marks` tell which headers it needs to look for.
///
/// # Errors
///
/// `ContentLength` when it is no number or contradicts itself; `TransferEncoding` when the
/// coding is not exactly one `chunked`, or came with HTTP/1.0.
pub(crate) fn framing(
    method: &Method,
    version: Version,
    status: StatusCode,
    headers: &Fields,
    marks: Marks,
) -> Result<Framing, ProtocolErrorKind> {
    let length = match marks.content_length {
        Seen::Never => None,
        seen => length(headers, seen)?,
    };
    let coded = marks.transfer_encoding != Seen::Never;
    let keep_alive = match marks.keep_alive {
        Seen::Never => None,
        seen => keep_alive(seen.values(headers, "keep-alive")),
    };
    let mut reusable = match marks.connection {
        Seen::Never => version == Version::HTTP_11,
        seen => persistent(version, || seen.values(headers, "connection")),
    };
    reusable &= keep_alive != Some(Duration::ZERO);

    let bodiless = *method == Method::HEAD
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        || *method == Method::CONNECT && status.is_success();
    let delimiter = if bodiless {
        // A length is legal here for HEAD and 304 only; with 204 its bytes may follow later.
        reusable &= status != StatusCode::NO_CONTENT || (length.unwrap_or(0) == 0 && !coded);
        Delimiter::None
    } else if coded {
        if version != Version::HTTP_11
            || !is_chunked(marks.transfer_encoding.values(headers, "transfer-encoding"))
        {
            return Err(ProtocolErrorKind::TransferEncoding);
        }
        reusable &= length.is_none();
        Delimiter::Chunked
    } else if let Some(length) = length {
        Delimiter::Length(length)
    } else {
        reusable = false;
        Delimiter::Eof
    };
    let drop_content_length = coded && length.is_some();
    Ok(Framing {
        delimiter,
        reusable,
        keep_alive,
        drop_content_length,
    })
}

/// Returns the length that `content-length` tells.
fn length(headers: &Fields, seen: Seen) -> Result<Option<u64>, ProtocolErrorKind> {
    if let Seen::Once(value) = seen
        && let Some(length) = parse_decimal(headers.bytes(value))
    {
        return Ok(Some(length));
    }
    agreed(seen.values(headers, "content-length"))
}

/// Returns the length that all values of `content-length` agree on.
fn agreed<'a>(values: impl Iterator<Item = &'a [u8]>) -> Result<Option<u64>, ProtocolErrorKind> {
    let mut length = None;
    for value in values {
        for item in value.split(|byte| *byte == b',') {
            let item = parse_decimal(trim_ows(item)).ok_or(ProtocolErrorKind::ContentLength)?;
            if length.is_some_and(|known| known != item) {
                return Err(ProtocolErrorKind::ContentLength);
            }
            length = Some(item);
        }
    }
    Ok(length)
}

/// Tells whether the transfer coding is `chunked`, once, and nothing else.
fn is_chunked<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> bool {
    let only = values
        .next()
        .is_some_and(|value| value.eq_ignore_ascii_case(b"chunked"));
    only && values.next().is_none()
}

/// Tells whether version and `connection` options let the connection live on.
fn persistent<'a, I>(version: Version, values: impl Fn() -> I) -> bool
where
    I: Iterator<Item = &'a [u8]>,
{
    let has = |option: &[u8]| {
        values()
            .flat_map(|value| value.split(|byte| *byte == b','))
            .any(|token| trim_ows(token).eq_ignore_ascii_case(option))
    };
    !has(b"close") && (version == Version::HTTP_11 || has(b"keep-alive"))
}

/// Returns `timeout=` of `keep-alive`; anything that is no sensible number is ignored.
fn keep_alive<'a>(values: impl Iterator<Item = &'a [u8]>) -> Option<Duration> {
    /// More than a day is as good as nothing said.
    const SENSIBLE: u64 = 24 * 60 * 60;
    values
        .flat_map(|value| value.split(|byte| *byte == b','))
        .filter_map(|parameter| {
            let (name, value) = trim_ows(parameter).split_at_checked(b"timeout=".len())?;
            name.eq_ignore_ascii_case(b"timeout=")
                .then(|| parse_decimal(value))?
        })
        .find(|seconds| *seconds <= SENSIBLE)
        .map(Duration::from_secs)
}

#[cfg(test)]
mod tests;
