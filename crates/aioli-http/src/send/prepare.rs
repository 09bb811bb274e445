//! What is checked and settled of a request before it is sent for the first time.

use std::net::Ipv6Addr;

use http::{HeaderValue, Method, Version, header};
use url::Url;

use crate::body::Source;
use crate::error::{Error, RequestErrorKind, Result};
use crate::h1::parse_decimal;
use crate::origin::{Origin, parse_host};
use crate::request::Parts;
use crate::session::Config;

/// Checks what the caller has put together, and settles the framing of the body.
pub(super) fn prepare(config: &Config, parts: &mut Parts) -> Result<()> {
    if !config.query.is_empty() {
        add_query(config, &mut parts.url);
    }
    let refuse = |kind| Err(Error::invalid_request(kind));
    if parts.method == Method::CONNECT {
        prepare_connect(config, parts)?;
    }
    if !parts.headers.is_empty() {
        settle_length(parts)?;
    }
    if parts.version() == Version::HTTP_10 && parts.body.length().is_none() {
        return refuse(RequestErrorKind::Version);
    }
    Ok(())
}

/// Checks a request for a tunnel (RFC 9110, section 9.3.6): it names host and port, and has no
/// body.
#[cold]
fn prepare_connect(config: &Config, parts: &mut Parts) -> Result<()> {
    let refuse = |kind| Err(Error::invalid_request(kind));
    if config.mock.is_some() || !matches!(parts.body, Source::Empty) {
        return refuse(RequestErrorKind::Method);
    }
    let Some(way) = &mut parts.more.way else {
        return refuse(RequestErrorKind::Method);
    };
    let Some(target) = &way.target else {
        return refuse(RequestErrorKind::Method);
    };
    let Some(host) = authority(target) else {
        return refuse(RequestErrorKind::Target);
    };
    if !parts.headers.contains_key(header::HOST) {
        parts.headers.insert(header::HOST, host);
    }
    // A connection of HTTP/2 is shared, and nobody's to have.
    way.version.get_or_insert(Version::HTTP_11);
    parts.redirects = 0;
    Ok(())
}

/// The `host` of a request for a tunnel to `target`, if that is a host and a port.
fn authority(target: &str) -> Option<HeaderValue> {
    let (host, port) = target.rsplit_once(':')?;
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let is_host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse::<Ipv6Addr>().is_ok(),
        None => !host.contains([':', '/', '?', '#', '@', '[', ']']) && parse_host(host).is_ok(),
    };
    let value = HeaderValue::from_str(target).ok()?;
    (is_port && is_host).then_some(value)
}

/// Checks what the caller's headers say about the body's length.
fn settle_length(parts: &mut Parts) -> Result<()> {
    let refuse = |kind| Err(Error::invalid_request(kind));
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

/// Adds the session's pairs to the query, but for names that it has.
fn add_query(config: &Config, url: &mut Url) {
    let is_base = Origin::of(url).and_then(|origin| config.is_base(&origin));
    if is_base == Some(false) {
        return;
    }
    let has = |name: &str| url.query_pairs().any(|(own, _)| own == name);
    let missing: Vec<_> = config.query.iter().filter(|(name, _)| !has(name)).collect();
    if !missing.is_empty() {
        url.query_pairs_mut().extend_pairs(missing);
    }
}
