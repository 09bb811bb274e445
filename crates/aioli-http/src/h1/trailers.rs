//! The fields after a chunked body.
//!
//! They stay apart from the headers: a peer that could add to those after the fact would say
//! `set-cookie` or another `content-length`. For the same reason the fields that RFC 9110 section
//! 6.5.1 wants nowhere but in front of the body are dropped here: framing, routing, modifiers,
//! credentials, and what describes or controls the response.

use http::HeaderMap;
use http::header::{self, HeaderName, HeaderValue};

use super::trim_ows;

const FORBIDDEN: [HeaderName; 36] = [
    header::ACCEPT_RANGES,
    header::AGE,
    header::AUTHORIZATION,
    header::CACHE_CONTROL,
    header::CONNECTION,
    header::CONTENT_DISPOSITION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_LOCATION,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::COOKIE,
    header::DATE,
    header::EXPECT,
    header::EXPIRES,
    header::HOST,
    header::IF_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_NONE_MATCH,
    header::IF_RANGE,
    header::IF_UNMODIFIED_SINCE,
    header::LOCATION,
    header::MAX_FORWARDS,
    header::PRAGMA,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::RANGE,
    header::RETRY_AFTER,
    header::SET_COOKIE,
    header::STRICT_TRANSPORT_SECURITY,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::VARY,
    header::WWW_AUTHENTICATE,
];
const FORBIDDEN_CUSTOM: [&str; 5] = [
    "clear-site-data",
    "keep-alive",
    "proxy-connection",
    "set-cookie2",
    "warning",
];

/// Trailer lines as they come, checked byte by byte by whoever gives them.
#[derive(Debug, Default)]
pub(super) struct Trailers {
    line: Vec<u8>,
    fields: HeaderMap,
}

impl Trailers {
    pub(super) fn push(&mut self, byte: u8) {
        self.line.push(byte);
    }

    /// Takes note that the line is complete.
    pub(super) fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let colon = line.iter().position(|byte| *byte == b':');
        let colon = colon.expect("a line without one was refused");
        let (name, value) = (&line[..colon], trim_ows(&line[colon + 1..]));
        // Both were checked; what these types want besides is not worth an error.
        if let Ok(name) = HeaderName::from_bytes(name)
            && let Ok(value) = HeaderValue::from_bytes(value)
            && is_allowed(&name)
        {
            let _ = self.fields.try_append(name, value);
        }
    }

    pub(super) fn into_fields(self) -> HeaderMap {
        self.fields
    }
}

/// Whether a field may stand behind a body.
pub(crate) fn is_allowed(name: &HeaderName) -> bool {
    !FORBIDDEN.contains(name) && !FORBIDDEN_CUSTOM.contains(&name.as_str())
}
