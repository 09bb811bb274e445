//! The head of a request, written anew for each hop: which headers go along to where it goes.

use http::{HeaderName, HeaderValue, Method, header};
use url::Url;

use super::hop::Hop;
use super::secrets::Attached;
use crate::body::Source;
use crate::decode;
use crate::h1::encode::{self, BodyEncoder};
use crate::proxy::ProxyServer;
use crate::request::Parts;
use crate::route::Route;
use crate::session::Config;

/// Writes the head of the request for this hop.
pub(super) fn encode_head(
    out: &mut Vec<u8>,
    config: &Config,
    parts: &Parts,
    hop: &Hop,
    route: &Route,
) -> Option<BodyEncoder> {
    let url = &parts.url;
    let (mark, query) = url.query().map_or(("", ""), |query| ("?", query));
    let target = [url.path(), mark, query];
    let proxy = route.asks_proxy();
    match proxy {
        None => encode::request_line(out, &parts.method, &target),
        Some(_) => ask_proxy(out, parts, target),
    }

    let policy = parts.redirect.as_deref().unwrap_or(&config.redirect);
    let own_host = parts.headers.contains_key(header::HOST) && hop.at_home;
    if !own_host {
        host(out, url);
    }
    // Who is no proxy never sees what was meant for one.
    let proxy_logs_in = proxy.is_none_or(|proxy| proxy.authorization.is_some());
    let withheld = |name: &HeaderName| proxy_logs_in && *name == header::PROXY_AUTHORIZATION;
    let Attached {
        cookie,
        authorization,
    } = &hop.attached;
    for (name, value) in &parts.headers {
        let replaced =
            *name == header::HOST && !hop.at_home || *name == header::COOKIE && cookie.is_some();
        if !replaced && !withheld(name) && (hop.own_secrets || !policy.binds(name, value)) {
            encode::header(out, name, value);
        }
    }
    for (name, value) in &config.headers {
        let replaced = *name == header::HOST
            || *name == header::COOKIE && cookie.is_some()
            || *name == header::AUTHORIZATION && (authorization.is_some() || parts.auth.is_some())
            || parts.headers.contains_key(name);
        if !replaced && !withheld(name) && (hop.default_secrets || !policy.binds(name, value)) {
            encode::header(out, name, value);
        }
    }
    for (name, value) in proxy.into_iter().flat_map(ProxyServer::own_headers) {
        encode::header(out, name, value);
    }
    if asks_for_codings(config, parts) {
        out.extend_from_slice(decode::ACCEPTED_LINE);
    }
    if let Some(cookie) = cookie {
        encode::header(out, &header::COOKIE, cookie);
    }
    if let Some(authorization) = authorization {
        encode::header(out, &header::AUTHORIZATION, authorization);
    }
    let encoder = encode_body_headers(out, parts);
    out.extend_from_slice(b"\r\n");
    encoder
}

fn host(out: &mut Vec<u8>, url: &Url) {
    out.extend_from_slice(b"host: ");
    out.extend_from_slice(url.host_str().unwrap_or_default().as_bytes());
    if let Some(port) = url.port() {
        out.push(b':');
        encode::decimal(out, port.into());
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes the request line for a proxy: with the whole URL (RFC 9112, section 3.2.2).
fn ask_proxy(out: &mut Vec<u8>, parts: &Parts, [path, mark, query]: [&str; 3]) {
    let host = parts.url.host_str().unwrap_or_default();
    let port = parts.url.port().map(|port| format!(":{port}"));
    let port = port.as_deref().unwrap_or_default();
    let target = ["http://", host, port, path, mark, query];
    encode::request_line(out, &parts.method, &target);
}

/// Whether the request is to name the content codings that are decoded: the caller has not named
/// any, and does not ask for a part, which cannot be decoded.
fn asks_for_codings(config: &Config, parts: &Parts) -> bool {
    parts.decompress
        && !config.headers.contains_key(header::ACCEPT_ENCODING)
        && !parts.headers.contains_key(header::ACCEPT_ENCODING)
        && !parts.headers.contains_key(header::RANGE)
}

/// Writes what is said of the body; a stream needs an encoder.
fn encode_body_headers(out: &mut Vec<u8>, parts: &Parts) -> Option<BodyEncoder> {
    if let Some(content_type) = &parts.content_type
        && !parts.headers.contains_key(header::CONTENT_TYPE)
    {
        encode::header(out, &header::CONTENT_TYPE, content_type);
    }
    if parts.expectation().is_some() {
        out.extend_from_slice(b"expect: 100-continue\r\n");
    }
    encode_framing(out, parts)
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
