//! The head of a request, written anew for each hop: which headers go along to where it goes.

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use url::{Position, Url};

use super::hop::Hop;
use crate::body::Source;
use crate::decode;
use crate::h1::encode::{self, BodyEncoder};
use crate::h1::trim_ows;
use crate::proxy::ProxyServer;
use crate::request::Parts;
use crate::route::Route;
use crate::session::Config;

/// What is known of a session's default headers, so that no request has to look.
#[derive(Default)]
pub(crate) struct Defaults {
    /// Their lines, but for those that are never sent unasked, and then the content codings that
    /// are decoded, unless they name their own.
    lines: Vec<u8>,
    /// How much of `lines` does not ask for codings that are decoded.
    plain: usize,
    /// They name the content codings that are accepted.
    accept_encoding: bool,
    /// They tell the server to close.
    pub(crate) close: bool,
}

impl Defaults {
    pub(crate) fn of(headers: &HeaderMap) -> Defaults {
        let mut lines = Vec::new();
        for (name, value) in headers {
            if *name != header::HOST && *name != header::PROXY_AUTHORIZATION {
                encode::header(&mut lines, name, value);
            }
        }
        let plain = lines.len();
        let accept_encoding = headers.contains_key(header::ACCEPT_ENCODING);
        if !accept_encoding {
            encode::header(&mut lines, &header::ACCEPT_ENCODING, &decode::ACCEPTED);
        }
        Defaults {
            lines,
            plain,
            accept_encoding,
            close: asks_to_close(headers),
        }
    }
}

/// Writes the head of the request for this hop.
pub(super) fn encode_head(
    out: &mut Vec<u8>,
    config: &Config,
    parts: &Parts,
    hop: &Hop,
    route: &Route,
) -> Option<BodyEncoder> {
    let url = &parts.url;
    let target = &url[Position::BeforePath..Position::AfterQuery];
    let proxy = route.asks_proxy();
    let version = parts.version();
    match (parts.own_target(), proxy) {
        (None, None) => encode::request_line(out, &parts.method, &[target], version),
        (None, Some(_)) => ask_proxy(out, parts, target),
        (Some(own), _) => encode::request_line(out, &parts.method, &[own], version),
    }

    if proxy.is_none() && are_default(parts, hop) {
        debug_assert!(hop.place.is_of(url), "a hop leads to its place");
        out.extend_from_slice(&hop.place.host);
        let Defaults { lines, plain, .. } = &config.defaults;
        out.extend_from_slice(match parts.decompress {
            true => lines,
            false => &lines[..*plain],
        });
    } else {
        let own_host = parts.headers.contains_key(header::HOST) && hop.at_home;
        if !own_host {
            out.extend_from_slice(&hop.place.host);
        }
        each_header(config, parts, hop, proxy, |name, value| {
            encode::header(out, name, value);
        });
    }
    let encoder = encode_body_headers(out, parts);
    out.extend_from_slice(b"\r\n");
    encoder
}

/// Whether the session's default headers go along as they are, and nothing else but the content
/// codings: what [`each_header`] gives then is known beforehand.
fn are_default(parts: &Parts, hop: &Hop) -> bool {
    let attached = hop.attached.is_some() || parts.more.auth.is_some();
    parts.headers.is_empty() && hop.default_secrets && hop.refers && !attached
}

/// Gives each header that goes along on this hop, besides those that frame or describe the body.
fn each_header(
    config: &Config,
    parts: &Parts,
    hop: &Hop,
    proxy: Option<&ProxyServer>,
    mut put: impl FnMut(&HeaderName, &HeaderValue),
) {
    // Who is no proxy never sees what was meant for one.
    let proxy_logs_in = proxy.is_none_or(ProxyServer::logs_in);
    let withheld = |name: &HeaderName| {
        proxy_logs_in && *name == header::PROXY_AUTHORIZATION
            || !hop.refers && *name == header::REFERER
    };
    let (cookie, authorization) = (hop.cookie(), hop.authorization());
    for (name, value) in &*parts.headers {
        let replaced =
            *name == header::HOST && !hop.at_home || *name == header::COOKIE && cookie.is_some();
        // Whoever is asked for a tunnel is a proxy.
        let for_proxy = parts.method == Method::CONNECT && *name == header::PROXY_AUTHORIZATION;
        if !replaced
            && (for_proxy || !withheld(name))
            && (hop.own_secrets || !is_bound(config, parts, name, value))
        {
            put(name, value);
        }
    }
    for (name, value) in &config.headers {
        let replaced = *name == header::HOST
            || *name == header::COOKIE && cookie.is_some()
            || *name == header::AUTHORIZATION
                && (authorization.is_some() || parts.more.auth.is_some())
            || parts.headers.contains_key(name);
        if !replaced
            && !withheld(name)
            && (hop.default_secrets || !is_bound(config, parts, name, value))
        {
            put(name, value);
        }
    }
    for (name, value) in proxy.into_iter().flat_map(ProxyServer::own_headers) {
        put(name, value);
    }
    if let Some(answer) = hop.proxy_authorization()
        && proxy.is_some()
    {
        put(&header::PROXY_AUTHORIZATION, answer);
    }
    if asks_for_codings(config, parts) {
        put(&header::ACCEPT_ENCODING, &decode::ACCEPTED);
    }
    if let Some(cookie) = cookie {
        put(&header::COOKIE, cookie);
    }
    if let Some(authorization) = authorization {
        put(&header::AUTHORIZATION, authorization);
    }
}

/// Whether a header is for the origin alone that it was meant for. How a request is redirected it
/// may say itself; what the session calls a secret is one all the same.
fn is_bound(config: &Config, parts: &Parts, name: &HeaderName, value: &HeaderValue) -> bool {
    let own = parts.more.redirect.as_deref();
    config.redirect.binds(name, value) || own.is_some_and(|own| own.binds(name, value))
}

/// The headers of this hop as a map, for HTTP/2; those with secrets are marked as sensitive.
pub(super) fn header_map(config: &Config, parts: &Parts, hop: &Hop) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(16);
    each_header(config, parts, hop, None, |name, value| {
        let mut value = value.clone();
        if is_bound(config, parts, name, &value) {
            value.set_sensitive(true);
        }
        headers.append(name.clone(), value);
    });
    if let Some(content_type) = &parts.more.content_type
        && !parts.headers.contains_key(header::CONTENT_TYPE)
    {
        headers.insert(header::CONTENT_TYPE, content_type.clone());
    }
    match parts.body.length() {
        Some(0) if !expects_body(&parts.method) => {}
        Some(length) => drop(headers.insert(header::CONTENT_LENGTH, length.into())),
        None => {}
    }
    headers
}

/// Whether a request of this method says that it has no body.
fn expects_body(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

/// Writes the line that names the host.
pub(crate) fn host(out: &mut Vec<u8>, url: &Url) {
    out.extend_from_slice(b"host: ");
    out.extend_from_slice(url.host_str().unwrap_or_default().as_bytes());
    if let Some(port) = url.port() {
        out.push(b':');
        encode::decimal(out, port.into());
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes the request line for a proxy: with the whole URL (RFC 9112, section 3.2.2).
fn ask_proxy(out: &mut Vec<u8>, parts: &Parts, target: &str) {
    let host = parts.url.host_str().unwrap_or_default();
    let port = parts.url.port().map(|port| format!(":{port}"));
    let port = port.as_deref().unwrap_or_default();
    let target = ["http://", host, port, target];
    encode::request_line(out, &parts.method, &target, parts.version());
}

/// Whether the request is to name the content codings that are decoded: the caller has not named
/// any, and does not ask for a part, which cannot be decoded.
fn asks_for_codings(config: &Config, parts: &Parts) -> bool {
    parts.decompress
        && !config.defaults.accept_encoding
        && !parts.headers.contains_key(header::ACCEPT_ENCODING)
        && !parts.headers.contains_key(header::RANGE)
}

/// Writes what is said of the body; a stream needs an encoder.
fn encode_body_headers(out: &mut Vec<u8>, parts: &Parts) -> Option<BodyEncoder> {
    if let Some(content_type) = &parts.more.content_type
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
    let expected = expects_body(&parts.method);
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

/// Whether headers of a request tell the server to close.
pub(super) fn asks_to_close(headers: &HeaderMap) -> bool {
    headers.get_all(header::CONNECTION).iter().any(|value| {
        value
            .as_bytes()
            .split(|byte| *byte == b',')
            .any(|option| trim_ows(option).eq_ignore_ascii_case(b"close"))
    })
}
