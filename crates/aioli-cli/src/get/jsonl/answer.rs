//! The answers, as JSON.

use std::fmt::{Display, Write as _};
use std::fs;
use std::time::{Duration, Instant};

use aioli::http::{self, Form, Method, Proxy, RequestBuilder, Response, Session, Timings};
use aioli::prelude::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::command::Request;
use crate::alloc;
use crate::get::output::version;

/// Something is wrong with the command itself.
pub(super) fn refused(id: &Value, why: &dyn Display) -> Value {
    json!({ "id": id, "error": { "kind": "command", "message": why.to_string() } })
}

/// The request has failed.
pub(super) fn failed(id: &Value, error: &http::Error) -> Value {
    let mut message = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(next) = source {
        let _ = write!(message, ": {next}");
        source = next.source();
    }
    json!({ "id": id, "error": {
        "kind": error.kind().name(),
        "phase": error.phase().map(|phase| phase.to_string()),
        "message": message,
        "status": error.status().map(|status| status.as_u16()),
        "is_retryable": error.is_retryable(),
        "maybe_processed": error.maybe_processed(),
    } })
}

/// Carries out a request and tells what came.
pub(super) async fn request(id: &Value, session: &Session, request: Request) -> Value {
    let limit = request.cancel_after_ms.map(Duration::from_millis);
    let carried_out = carry_out(id, session, request);
    let answer = match limit {
        Some(limit) => timeout(limit, carried_out).await.ok(),
        None => Some(carried_out.await),
    };
    answer.unwrap_or_else(|| {
        json!({ "id": id, "error": { "kind": "cancelled", "message": "cancelled as asked for" } })
    })
}

async fn carry_out(id: &Value, session: &Session, request: Request) -> Value {
    let is_stream = request.stream;
    let builder = match builder(session, request) {
        Ok(builder) => builder,
        Err(why) => return refused(id, &why),
    };
    let began = Instant::now();
    let response = match builder.await {
        Ok(response) => response,
        Err(error) => return failed(id, &error),
    };
    let mut answer = head(id, &response);
    let head_at = began.elapsed().as_secs_f64();
    answer["timings"] = timings(&response.timings());
    answer["timings"]["head"] = json!(head_at);
    let body = if is_stream {
        hash(response).await
    } else {
        whole(response).await
    };
    match body {
        Ok(Value::Object(body)) => {
            for (name, value) in body {
                answer[name] = value;
            }
        }
        Ok(_) => unreachable!("a body is told as an object"),
        Err(error) => answer["error"] = failed(id, &error)["error"].take(),
    }
    let total = began.elapsed().as_secs_f64();
    answer["timings"]["receive"] = json!(total - head_at);
    answer["timings"]["total"] = json!(total);
    answer
}

/// The request, or what is wrong with the command.
fn builder(session: &Session, request: Request) -> Result<RequestBuilder, String> {
    let method = Method::from_bytes(request.method.as_bytes());
    let method = method.map_err(|_| "not a method".to_owned())?;
    let mut builder = session.request(method, &request.url);
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    if let Some(body) = &request.body_b64 {
        let body = STANDARD.decode(body);
        builder = builder.body(body.map_err(|error| error.to_string())?);
    }
    if let Some(parts) = request.multipart {
        let mut form = Form::new();
        for part in parts {
            form = part.add_to(form).map_err(|error| error.to_string())?;
        }
        builder = builder.multipart(form);
    }
    if let Some(timeout) = &request.timeout {
        builder = builder.timeout(timeout.build());
    }
    if let Some(proxy) = &request.proxy {
        builder = builder.proxy(Proxy::new(proxy));
    }
    if let Some(redirect) = request.redirect {
        builder = builder.redirect(redirect.build());
    }
    if let Some(n) = request.redirects {
        builder = builder.redirects(n);
    }
    if let Some(retry) = request.retry {
        builder = builder.retry(retry.build());
    }
    if let Some(bytes) = request.body_limit {
        builder = builder.body_limit(bytes);
    }
    if let Some(seconds) = request.expect_continue {
        builder = builder.expect_continue(seconds);
    }
    Ok(builder.cookies(request.cookies))
}

/// Where the time went until the head was there, in seconds; `null` for what did not happen.
fn timings(timings: &Timings) -> Value {
    let seconds = |part: Option<Duration>| part.map(|part| part.as_secs_f64());
    json!({
        "earlier": timings.earlier().as_secs_f64(),
        "queued": timings.queued().as_secs_f64(),
        "dns": seconds(timings.dns()),
        "connect": seconds(timings.connect()),
        "tls": seconds(timings.tls()),
        "send": timings.send().as_secs_f64(),
        "wait": timings.wait().as_secs_f64(),
    })
}

fn head(id: &Value, response: &Response) -> Value {
    let headers: Vec<_> = response
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
        .collect();
    json!({
        "id": id,
        "status": response.status().as_u16(),
        "version": version(response.version()),
        "url": response.url().as_str(),
        "headers": headers,
        // Who has not connected has found a connection.
        "reused": response.timings().connect().is_none(),
        "history": response.history().iter().map(|url| url.as_str()).collect::<Vec<_>>(),
    })
}

async fn whole(response: Response) -> http::Result<Value> {
    let body = response.bytes().await?;
    Ok(json!({ "body_b64": STANDARD.encode(body) }))
}

async fn hash(mut response: Response) -> http::Result<Value> {
    let (mut hash, mut length) = (Sha256::new(), 0);
    while let Some(piece) = response.chunk().await? {
        length += piece.len();
        hash.update(&piece);
    }
    Ok(json!({ "body_sha256": hex(&hash.finalize()), "body_length": length }))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The pool's counters, and what the process has open and has used: how often it has allocated since
/// it began to read commands, and, where the system tells it, open descriptors and memory.
pub(super) fn stats(id: &Value, session: &Session) -> Value {
    let pool = session.stats();
    let (allocations, allocated_bytes) = alloc::counted();
    let open = fs::read_dir("/proc/self/fd").ok().map(Iterator::count);
    json!({
        "id": id,
        "in_use": pool.in_use,
        "idle": pool.idle,
        "waiting": pool.waiting,
        "requests": pool.requests,
        "retries": pool.retries,
        "redirects": pool.redirects,
        "opened": pool.opened,
        "reused": pool.reused,
        "bytes_sent": pool.bytes_sent,
        "bytes_received": pool.bytes_received,
        "allocations": allocations,
        "allocated_bytes": allocated_bytes,
        "open_descriptors": open,
        "peak_rss_kib": peak_rss(),
    })
}

/// The cookies of a session, or `null` where none are kept.
pub(super) fn cookies(id: &Value, session: &Session) -> Value {
    let cookies = session.cookies().map(|jar| {
        let cookies = jar.cookies().into_iter().map(|cookie| {
            json!({
                "name": cookie.name(),
                "value": cookie.value(),
                "domain": cookie.domain(),
                "path": cookie.path(),
                "secure": cookie.secure(),
                "http_only": cookie.http_only(),
                "host_only": cookie.host_only(),
            })
        });
        cookies.collect::<Vec<_>>()
    });
    json!({ "id": id, "cookies": cookies })
}

fn peak_rss() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
