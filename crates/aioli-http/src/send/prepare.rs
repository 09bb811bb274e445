//! What is checked and settled of a request before it is sent for the first time.

use http::{Method, header};

use crate::body::Source;
use crate::error::{Error, RequestErrorKind, Result};
use crate::h1::parse_decimal;
use crate::request::Parts;

/// Checks what the caller has put together, and settles the framing of the body.
pub(super) fn prepare(parts: &mut Parts) -> Result<()> {
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
