//! Where a redirect leads, and what of the request goes along.
//!
//! Secrets are never stripped, they are attached: a header that carries one belongs to the
//! origin of the request's first URL, and goes only to hops of that origin that were reached
//! without leaving it. Once a chain has left, it does not get them back.

use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use url::Url;

use crate::error::RedirectErrorKind;

/// Headers that carry secrets, or name the host: they stay with their origin.
const BOUND: [HeaderName; 5] = [
    header::AUTHORIZATION,
    header::COOKIE,
    header::PROXY_AUTHORIZATION,
    header::WWW_AUTHENTICATE,
    header::HOST,
];
const BOUND_CUSTOM: [&str; 2] = ["x-api-key", "x-auth-token"];

/// Whether a header goes to its own origin only: by its name, or because its value was marked
/// as sensitive.
pub(crate) fn is_bound(name: &HeaderName, value: &HeaderValue) -> bool {
    value.is_sensitive() || BOUND.contains(name) || BOUND_CUSTOM.contains(&name.as_str())
}

/// Whether a header describes the body, which a redirect to `GET` drops.
pub(crate) fn describes_body(name: &HeaderName) -> bool {
    name.as_str().starts_with("content-") || *name == header::EXPECT
}

/// Where to go next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Next {
    pub(crate) url: Url,
    /// The method changes to this one, and the body is dropped.
    pub(crate) rewritten: Option<Method>,
}

/// Reads a response as a redirect; `None` when it is none.
///
/// # Errors
///
/// `Location` when the target is no URL or there are two; `Scheme` when it is not HTTP.
pub(crate) fn next(
    status: StatusCode,
    headers: &HeaderMap,
    method: &Method,
    url: &Url,
) -> Result<Option<Next>, RedirectErrorKind> {
    let see_other = match status.as_u16() {
        303 => *method != Method::GET && *method != Method::HEAD,
        301 | 302 => *method == Method::POST,
        307 | 308 => false,
        _ => return Ok(None),
    };
    let mut locations = headers.get_all(header::LOCATION).iter();
    let Some(location) = locations.next().filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    if locations.any(|other| other != location) {
        return Err(RedirectErrorKind::Location);
    }
    // Servers do send raw UTF-8; the URL parser escapes it.
    let location =
        std::str::from_utf8(location.as_bytes()).map_err(|_| RedirectErrorKind::Location)?;
    let mut target = url
        .join(location)
        .map_err(|_| RedirectErrorKind::Location)?;
    if !matches!(target.scheme(), "http" | "https") {
        return Err(RedirectErrorKind::Scheme);
    }
    // User information in a location is the server's idea, not the caller's.
    let _ = target.set_username("");
    let _ = target.set_password(None);
    if target.fragment().is_none() {
        target.set_fragment(url.fragment());
    }
    Ok(Some(Next {
        url: target,
        rewritten: see_other.then_some(Method::GET),
    }))
}

#[cfg(test)]
mod tests;
