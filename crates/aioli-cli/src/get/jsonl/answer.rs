//! The answers, as JSON.

use std::fmt::{Display, Write as _};
use std::fs;
use std::time::{Duration, Instant};

use aioli::http::{self, ErrorKind, Method, Proxy, Response, Session, Version};
use aioli::prelude::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::command::Request;

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
        "kind": kind(error.kind()),
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
    let Ok(method) = Method::from_bytes(request.method.as_bytes()) else {
        return refused(id, &"not a method");
    };
    let mut builder = session.request(method, &request.url);
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    if let Some(body) = &request.body_b64 {
        match STANDARD.decode(body) {
            Ok(body) => builder = builder.body(body),
            Err(error) => return refused(id, &error),
        }
    }
    if let Some(timeout) = &request.timeout {
        builder = builder.timeout(timeout.build());
    }
    if let Some(proxy) = &request.proxy {
        builder = builder.proxy(Proxy::new(proxy));
    }
    if let Some(n) = request.redirects {
        builder = builder.redirects(n);
    }
    if let Some(bytes) = request.body_limit {
        builder = builder.body_limit(bytes);
    }
    let began = Instant::now();
    let response = match builder.await {
        Ok(response) => response,
        Err(error) => return failed(id, &error),
    };
    let mut answer = head(id, &response);
    answer["timings"] = json!({ "head": began.elapsed().as_secs_f64() });
    let body = if request.stream {
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
    answer["timings"]["total"] = json!(began.elapsed().as_secs_f64());
    answer
}

fn head(id: &Value, response: &Response) -> Value {
    let headers: Vec<_> = response
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
        .collect();
    let version = match response.version() {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        _ => "1.1",
    };
    json!({
        "id": id,
        "status": response.status().as_u16(),
        "version": version,
        "url": response.url().as_str(),
        "headers": headers,
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

/// The pool's counters, and what the process has open and has used; where the system does not
/// tell, `null`.
pub(super) fn stats(id: &Value, session: &Session) -> Value {
    let pool = session.stats();
    let open = fs::read_dir("/proc/self/fd").ok().map(Iterator::count);
    json!({
        "id": id,
        "in_use": pool.in_use,
        "idle": pool.idle,
        "waiting": pool.waiting,
        "open_descriptors": open,
        "peak_rss_kib": peak_rss(),
    })
}

fn peak_rss() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn kind(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidUrl(_) => "invalid_url",
        ErrorKind::InvalidRequest { .. } => "invalid_request",
        ErrorKind::Dns { .. } => "dns",
        ErrorKind::Connect { .. } => "connect",
        ErrorKind::Egress { .. } => "egress",
        ErrorKind::Proxy { .. } => "proxy",
        ErrorKind::Tls { .. } => "tls",
        ErrorKind::Timeout { .. } => "timeout",
        ErrorKind::Disconnected { .. } => "disconnected",
        ErrorKind::Protocol(_) => "protocol",
        ErrorKind::Limit { .. } => "limit",
        ErrorKind::Body { .. } => "body",
        ErrorKind::Decode { .. } => "decode",
        ErrorKind::Redirect { .. } => "redirect",
        ErrorKind::Status { .. } => "status",
        _ => "other",
    }
}
