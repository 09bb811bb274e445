//! Carrying out a request: the loops around its hops, the outermost first.
//!
//! ```text
//!  send: prepare ─▶ follow_redirects ─▶ Tries::hop ─▶ raise_for_status
//!                        ▲                 │   └▶ hop::one_hop, once or again
//!                        └── Hop::follow ◀─┘ sent on
//! ```
//!
//! Each loop is a plain function around the next one and has a bound.

use std::future::Future;

use url::Url;

use crate::deadline::Deadline;
use crate::error::{Asked, Error, ErrorKind, RedirectErrorKind, Result, Sent};
use crate::redirect;
use crate::request::Parts;
use crate::response::{Head, Inner, Response};
use crate::session::Session;

mod again;
mod drive;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
pub(crate) mod head;
pub(crate) mod hop;
mod prepare;
mod respond;
mod secrets;
mod signals;

use again::Tries;
use hop::{Hop, one_hop};
use prepare::prepare;
use secrets::Answered;

/// Ends what [`send`] has begun: tells the response what was asked for, and judges its status if
/// that is to be done.
pub(crate) async fn finish(mut response: Response, asked: Asked, raise: bool) -> Result<Response> {
    let Inner { head, body, .. } = &mut *response.inner;
    head.asked = Some(asked);
    if let Some(tracer) = &body.watch().tracer {
        tracer.end(head.status);
    }
    if raise && (head.status.is_client_error() || head.status.is_server_error()) {
        return Box::pin(response.raise_for_status()).await;
    }
    Ok(response)
}

/// Sends the request; its response does not know yet what was asked for.
pub(crate) async fn send(session: &Session, parts: &mut Parts) -> Result<Response> {
    let config = &session.inner.config;
    let timeout = parts.timeout.as_deref().unwrap_or(&config.timeout);
    let mut deadline = Deadline::start(timeout.total);
    session.inner.counters.request();
    deadline.watch.tracer = match &config.traces {
        Some(traces) => traces.begin(&parts.method, &parts.url, &parts.extensions),
        None => None,
    };
    if let Some(store) = &config.hsts
        && store.secure(&mut parts.url).is_some()
    {
        parts.place = session.inner.places.find(&parts.url);
        if let Some(tracer) = &mut deadline.watch.tracer {
            tracer.upgrade(&parts.url);
        }
    }
    let result = match prepare(config, parts) {
        Ok(()) => follow_redirects(session, parts, &mut deadline).await,
        Err(error) => Err(error.with_request(&parts.asked())),
    };
    if let (Err(error), Some(tracer)) = (&result, &deadline.watch.tracer) {
        tracer.fail(error);
    }
    result
}

/// Sends the request and follows where it is sent on to; `parts` become those of the last hop.
///
/// It is no `async fn`, whose future would hold what it is given twice.
fn follow_redirects(
    session: &Session,
    parts: &mut Parts,
    deadline: &mut Deadline,
) -> impl Future<Output = Result<Response>> + Send {
    let config = &session.inner.config;
    let mut tries = Tries::new(parts.retry.clone());
    async move {
        let mut hop = Hop::first(session, parts)?;
        let mut history = Vec::new();
        let mut answered_to = Answered::default();
        loop {
            let result = match tries.are_wanted() {
                true => Box::pin(tries.hop(session, parts, &mut hop, deadline)).await,
                false => one_hop(session, parts, &mut hop, deadline).await,
            };
            let mut response = result.map_err(|error| {
                // Who has redirected the request has seen it.
                let seen = if history.is_empty() {
                    Sent::Nothing
                } else {
                    Sent::Fully
                };
                error.with_request(&parts.asked()).with_sent(seen)
            })?;
            let head = &mut response.inner.head;
            // Of most answers nothing has to be asked.
            let is_success = head.status.is_success();
            if !is_success && secrets::is_challenged(config, parts, &hop, head, &mut answered_to) {
                *deadline = response.into_deadline();
                deadline.begin_hop();
                continue;
            }
            let next = match is_success {
                true => Ok(None),
                false => read_redirect(session, parts, head, history.len()),
            };
            let mut next = match next {
                Ok(Some(next)) => next,
                Ok(None) => {
                    head.history = history;
                    head.extensions = std::mem::take(&mut parts.extensions);
                    if parts.decompress && !parts.raw {
                        response.begin_decoding(&config.limits);
                    }
                    return Ok(response);
                }
                Err(kind) => {
                    *deadline = response.into_deadline();
                    return Err(refuse(parts, history, kind));
                }
            };
            tracing::debug!(status = %head.status, "redirected");
            history.push(parts.url.clone());
            let Inner { head, body, .. } = *response.inner;
            *deadline = body.into_deadline();
            let upgraded = next.upgraded.take();
            hop = hop.follow(config, parts, next)?;
            answered_to = Answered::default();
            session.inner.counters.redirect();
            deadline.begin_hop();
            if let Some(tracer) = &mut deadline.watch.tracer {
                tracer.redirect(&head, &parts.method, &parts.url, upgraded.as_ref());
            }
        }
    }
}

/// The error of a redirect that is not followed; `parts` are those of the hop that sent it.
fn refuse(parts: &Parts, mut history: Vec<Url>, kind: RedirectErrorKind) -> Error {
    history.push(parts.url.clone());
    let error = Error::new(ErrorKind::Redirect { kind, history });
    error.with_request(&parts.asked()).with_sent(Sent::Fully)
}

/// Reads a response as a redirect, if the session and the request allow it.
fn read_redirect(
    session: &Session,
    parts: &Parts,
    head: &Head,
    followed: usize,
) -> Result<Option<redirect::Next>, RedirectErrorKind> {
    if parts.redirects == 0 {
        return Ok(None);
    }
    let config = &session.inner.config;
    let policy = parts.more.redirect.as_deref().unwrap_or(&config.redirect);
    let (method, url) = (&parts.method, &parts.url);
    let Some(mut next) = redirect::next(policy, head.status, &head.headers, method, url)? else {
        return Ok(None);
    };
    if let Some(store) = &config.hsts {
        next.upgraded = store.secure(&mut next.url);
    }
    if followed >= parts.redirects {
        return Err(RedirectErrorKind::TooMany);
    }
    policy.check(url, &next.url)?;
    if config.https_only && next.url.scheme() != "https" {
        return Err(RedirectErrorKind::Scheme);
    }
    if next.rewritten.is_none() && !parts.body.is_whole() {
        return Err(RedirectErrorKind::BodyNotReplayable);
    }
    Ok(Some(next))
}
