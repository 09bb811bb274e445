//! The secrets of a hop: what is attached for where it goes, and what its response brings.
//!
//! Nothing is ever taken off a request. Each hop is given what belongs there, from the request,
//! the session and the jar.

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use url::Position;

use super::hop::{Hop, route};
use crate::auth::{Asked, Auth, Refusal};
use crate::cookies::{self, CookieJar};
use crate::hsts::HstsStore;
use crate::request::Parts;
use crate::response::Head;
use crate::session::Config;

/// What a hop is given besides the headers, if it is given anything.
pub(super) struct Attached {
    /// In place of all `cookie` headers.
    pub(super) cookie: Option<HeaderValue>,
    /// In place of a default `authorization` header.
    pub(super) authorization: Option<HeaderValue>,
    /// What answers a proxy that has asked for it.
    pub(super) proxy_authorization: Option<HeaderValue>,
}

/// Which challenges of a hop have been answered: each is once.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Answered {
    origin: bool,
    proxy: bool,
}

/// Finds what goes along to where `hop` leads.
pub(super) fn attach(config: &Config, parts: &Parts, hop: &Hop) -> Option<Box<Attached>> {
    let authorization = credentials(config, parts, hop).and_then(|auth| {
        auth.header(Asked {
            of: hop.origin(),
            method: parts.method.as_str(),
            target: match parts.own_target() {
                Some(own) => own,
                None => &parts.url[Position::BeforePath..Position::AfterQuery],
            },
            body: parts.body.as_bytes(),
        })
    });
    let cookie = cookie(config, parts, hop);
    let proxy_authorization = answer_to_proxy(config, parts, hop);
    if cookie.is_none() && authorization.is_none() && proxy_authorization.is_none() {
        return None;
    }
    Some(Box::new(Attached {
        cookie,
        authorization,
        proxy_authorization,
    }))
}

/// What the proxy is told that it has asked before, if this hop asks one.
fn answer_to_proxy(config: &Config, parts: &Parts, hop: &Hop) -> Option<HeaderValue> {
    if config.dial.proxies.is_empty() && parts.more.way.is_none() {
        return None;
    }
    let route = route(config, parts, hop).ok()?;
    let proxy = route.asks_proxy().filter(|proxy| proxy.proof().is_some())?;
    // As in the request line, which has no user information.
    let target = match parts.own_target() {
        Some(own) => own.to_owned(),
        None => {
            let target = &parts.url[Position::BeforeHost..Position::AfterQuery];
            ["http://", target].concat()
        }
    };
    proxy.answer(parts.method.as_str(), &target, parts.body.as_bytes())
}

/// The credentials for this hop: the request's own, those bound to the origin, the session's
/// own, those of a file. A header that a caller has written comes before all of them.
fn credentials(config: &Config, parts: &Parts, hop: &Hop) -> Option<Auth> {
    if parts.more.auth.is_none() && config.credentials.is_none() {
        return None;
    }
    if parts.headers.contains_key(header::AUTHORIZATION) {
        return None;
    }
    if let Some(auth) = &parts.more.auth {
        return hop.own_secrets.then(|| auth.clone());
    }
    let session = config.credentials.as_ref()?;
    if hop.at_home
        && let Some(auth) = session.bound_to(hop.origin())
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
    netrc.auth(&hop.origin().host)
}

/// The one `cookie` header of this hop, when there is more to it than headers: the jar's cookies
/// and then the request's own, which take the place of those of the same name.
fn cookie(config: &Config, parts: &Parts, hop: &Hop) -> Option<HeaderValue> {
    let jar = config.cookies.as_ref().filter(|jar| !jar.is_empty());
    let own = hop.own_secrets && !parts.more.cookies.is_empty();
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
        written.push(&parts.more.cookies);
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

/// Notes whether the host that has answered wants to be asked by https only: if it is certain that
/// it was that host (RFC 6797, section 8.1).
#[cold]
pub(super) fn take_policy(
    store: &HstsStore,
    config: &Config,
    parts: &Parts,
    hop: &Hop,
    head: &Head,
) {
    let has_other_name = || {
        let way = parts.more.way.as_ref().filter(|_| hop.at_home);
        way.is_some_and(|way| way.server_name.is_some())
    };
    if !hop.origin().secure
        || config.dial.trust.accept_invalid
        || parts.method == Method::CONNECT
        || has_other_name()
    {
        return;
    }
    // Further fields say nothing, whatever the first one is worth.
    let name = header::STRICT_TRANSPORT_SECURITY;
    if let Some(field) = head.headers.values(name.as_str()).next() {
        store.take_from(&parts.url, field);
    }
}

/// Whether the request is to be sent once more, with the answer to the challenge of `head`.
///
/// `before` says which challenges of this hop have been answered.
pub(super) fn is_challenged(
    config: &Config,
    parts: &Parts,
    hop: &Hop,
    head: &Head,
    before: &mut Answered,
) -> bool {
    let refusal = |answer: Option<&HeaderValue>| Refusal {
        headers: &head.headers,
        answered: answer.is_some(),
        hashable: parts.body.as_bytes().is_some(),
        longest: config.limits.challenge,
    };
    let is_whole = parts.body.is_whole();
    match head.status {
        StatusCode::UNAUTHORIZED if hop.at_home => {
            let Some(auth) = credentials(config, parts, hop) else {
                return false;
            };
            if std::mem::replace(&mut before.origin, true) {
                auth.refused();
                return false;
            }
            is_whole && auth.challenged(hop.origin(), refusal(hop.authorization()))
        }
        // A server that says so where there is no proxy gets no answer.
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            let route = route(config, parts, hop).ok();
            let Some(proxy) = route.as_ref().and_then(|route| route.asks_proxy()) else {
                return false;
            };
            if std::mem::replace(&mut before.proxy, true) {
                proxy.refused();
                return false;
            }
            is_whole && proxy.challenged(refusal(hop.proxy_authorization()))
        }
        _ => false,
    }
}

/// Takes note of what a response says about the answers that its request carried.
pub(super) fn note_accepted(config: &Config, parts: &Parts, hop: &Hop, head: &Head) {
    let longest = config.limits.challenge;
    let Some(attached) = &hop.attached else {
        return;
    };
    if attached.authorization.is_some()
        && let Some(auth) = credentials(config, parts, hop)
    {
        auth.accepted(hop.origin(), &head.headers, longest);
    }
    if attached.proxy_authorization.is_some()
        && let Ok(route) = route(config, parts, hop)
        && let Some(proxy) = route.asks_proxy()
    {
        proxy.accepted(&head.headers, longest);
    }
}
