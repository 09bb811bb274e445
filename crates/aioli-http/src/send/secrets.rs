//! The secrets of a hop: what is attached for where it goes, and what its response brings.
//!
//! Nothing is ever taken off a request. Each hop is given what belongs there, from the request,
//! the session and the jar.

use http::{HeaderMap, HeaderValue, StatusCode, header};
use url::Position;

use super::hop::Hop;
use crate::auth::Auth;
use crate::cookies::{self, CookieJar};
use crate::request::Parts;
use crate::response::Head;
use crate::session::Config;

/// What a hop is given besides the headers.
#[derive(Default)]
pub(super) struct Attached {
    /// In place of all `cookie` headers.
    pub(super) cookie: Option<HeaderValue>,
    /// In place of a default `authorization` header.
    pub(super) authorization: Option<HeaderValue>,
}

/// Finds what goes along to where `hop` leads.
pub(super) fn attach(config: &Config, parts: &Parts, hop: &Hop) -> Attached {
    let authorization = credentials(config, parts, hop).and_then(|auth| {
        let target = &parts.url[Position::BeforePath..Position::AfterQuery];
        auth.header(&hop.origin, parts.method.as_str(), target)
    });
    Attached {
        cookie: cookie(config, parts, hop),
        authorization,
    }
}

/// The credentials for this hop: the request's own, those bound to the origin, the session's
/// own, those of a file. A header that a caller has written comes before all of them.
fn credentials(config: &Config, parts: &Parts, hop: &Hop) -> Option<Auth> {
    if parts.auth.is_none() && config.credentials.is_none() {
        return None;
    }
    if parts.headers.contains_key(header::AUTHORIZATION) {
        return None;
    }
    if let Some(auth) = &parts.auth {
        return hop.own_secrets.then(|| auth.clone());
    }
    let session = config.credentials.as_ref()?;
    if hop.at_home
        && let Some(auth) = session.bound_to(&hop.origin)
    {
        return Some(auth.clone());
    }
    if hop.default_secrets && config.headers.contains_key(header::AUTHORIZATION) {
        return None;
    }
    if hop.default_secrets
        && let Some(auth) = &session.default
    {
        return Some(auth.clone());
    }
    let netrc = session.netrc.as_ref().filter(|_| hop.at_home)?;
    netrc.auth(&hop.origin.host)
}

/// The one `cookie` header of this hop, when there is more to it than headers: the jar's cookies
/// and then the request's own, which take the place of those of the same name.
fn cookie(config: &Config, parts: &Parts, hop: &Hop) -> Option<HeaderValue> {
    let jar = config.cookies.as_ref().filter(|jar| !jar.is_empty());
    let own = hop.own_secrets && !parts.cookies.is_empty();
    if jar.is_none() && !own {
        return None;
    }
    let mut written: Vec<&[u8]> = Vec::new();
    if parts.headers.contains_key(header::COOKIE) {
        if hop.own_secrets {
            written.extend(values(&parts.headers));
        }
    } else if hop.default_secrets {
        written.extend(values(&config.headers));
    }
    if own {
        written.push(&parts.cookies);
    }
    let mut out = Vec::new();
    if let Some(jar) = jar {
        let is_written = |name: &[u8]| written.iter().any(|text| has_name(text, name));
        let taken = written.iter().map(|text| text.len() + "; ".len()).sum();
        jar.write(&parts.url, &mut out, taken, |name| !is_written(name));
    }
    for text in written {
        if !out.is_empty() {
            out.extend_from_slice(b"; ");
        }
        out.extend_from_slice(text);
    }
    cookies::into_header(out)
}

fn values(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let values = headers.get_all(header::COOKIE).iter();
    values.map(HeaderValue::as_bytes)
}

/// Whether pairs as they are sent have one of this name.
fn has_name(pairs: &[u8], name: &[u8]) -> bool {
    pairs.split(|byte| *byte == b';').any(|pair| {
        let pair = pair.trim_ascii_start();
        pair.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(b"="))
    })
}

/// Keeps the cookies of a response.
pub(super) fn take_cookies(jar: Option<&CookieJar>, parts: &Parts, head: &Head) {
    if let Some(jar) = jar
        && head.sets_cookies.is_some()
    {
        jar.take_from(&parts.url, &head.headers);
    }
}

/// Whether the request is to be sent once more, with the answer to the challenge of `head`.
///
/// `answered_before` says that a challenge of this hop has been answered: that happens once.
pub(super) fn is_challenged(
    config: &Config,
    parts: &Parts,
    hop: &Hop,
    head: &Head,
    answered_before: bool,
) -> bool {
    if head.status != StatusCode::UNAUTHORIZED || !hop.at_home {
        return false;
    }
    let Some(auth) = credentials(config, parts, hop) else {
        return false;
    };
    if answered_before {
        auth.refused();
        return false;
    }
    let answered = hop.attached.authorization.is_some();
    let longest = config.limits.challenge;
    parts.body.is_whole() && auth.challenged(&hop.origin, &head.headers, answered, longest)
}
