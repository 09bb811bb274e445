//! The commands, as JSON writes them.

use std::net::SocketAddr;

use aioli::http::{
    self, Egress, Form, HstsStore, Http2, Limits, Part, Proxy, Redirect, Retry, Session,
    SessionBuilder, Timeout,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

/// A line of input.
#[derive(Debug, Deserialize)]
pub(super) struct Command {
    #[serde(default)]
    pub(super) id: Value,
    /// The name of the session it is for.
    #[serde(default)]
    pub(super) session: String,
    #[serde(flatten)]
    pub(super) op: Op,
}

/// What is to be done.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(super) enum Op {
    NewSession(Box<SessionOptions>),
    Request(Box<Request>),
    Stats,
    /// The cookies of a session.
    Cookies,
    Close,
}

/// What a session can be told. What is left out is as the library has it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SessionOptions {
    base_url: Option<String>,
    headers: Vec<(String, String)>,
    timeout: Option<TimeoutOptions>,
    limits: Option<LimitOptions>,
    raise_for_status: bool,
    https_only: bool,
    roots_pem: Option<String>,
    proxy: Option<String>,
    /// Hosts that are reached without the proxy.
    no_proxy: String,
    /// Whether the proxies of the environment come behind it.
    trust_env: bool,
    /// Whether cookies are kept.
    cookies: Option<bool>,
    /// Hosts that are asked by https only, in the form of the files of `--hsts`; servers may add to
    /// them.
    hsts: Option<String>,
    redirect: Option<RedirectOptions>,
    retry: Option<RetryOptions>,
    http2: Option<Http2Mode>,
    decompress: Option<bool>,
    /// Addresses of names.
    resolve: Vec<(String, SocketAddr)>,
    egress: Option<EgressOptions>,
}

/// When HTTP/2 is spoken.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Http2Mode {
    Off,
    Negotiated,
    PriorKnowledge,
}

/// How redirects are followed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RedirectOptions {
    max: Option<usize>,
    https_only: bool,
    same_origin: bool,
    location_trusted: bool,
    /// Statuses after which a POST stays one.
    keep_method: Vec<u16>,
    /// Names of headers that go to their origin only.
    sensitive: Vec<String>,
}

/// How often a request is tried again, and when.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RetryOptions {
    most: u32,
    /// The first bound of a wait, and the last, in seconds.
    backoff: Option<(f64, f64)>,
    retry_after: Option<f64>,
    on_status: Option<Vec<u16>>,
    budget: Option<f64>,
    unsafe_methods: bool,
}

/// A part of a form.
#[derive(Debug, Deserialize)]
pub(super) struct PartOptions {
    name: String,
    content_b64: String,
    #[serde(default)]
    file_name: Option<String>,
    #[serde(default)]
    content_type: Option<String>,
}

/// Where a session may connect to.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct EgressOptions {
    public_only: bool,
    allow: Vec<String>,
    deny: Vec<String>,
}

/// A request.
#[derive(Debug, Deserialize)]
pub(super) struct Request {
    pub(super) url: String,
    #[serde(default = "get")]
    pub(super) method: String,
    #[serde(default)]
    pub(super) headers: Vec<(String, String)>,
    #[serde(default)]
    pub(super) body_b64: Option<String>,
    #[serde(default)]
    pub(super) timeout: Option<TimeoutOptions>,
    /// How many redirects are followed.
    #[serde(default)]
    pub(super) redirects: Option<usize>,
    /// Bytes of a body that is answered whole.
    #[serde(default)]
    pub(super) body_limit: Option<usize>,
    /// A proxy in place of the session's.
    #[serde(default)]
    pub(super) proxy: Option<String>,
    /// The parts of a form, instead of a body.
    #[serde(default)]
    pub(super) multipart: Option<Vec<PartOptions>>,
    #[serde(default)]
    pub(super) cookies: Vec<(String, String)>,
    #[serde(default)]
    pub(super) redirect: Option<RedirectOptions>,
    #[serde(default)]
    pub(super) retry: Option<RetryOptions>,
    /// Seconds to wait for the server's consent to the body.
    #[serde(default)]
    pub(super) expect_continue: Option<f64>,
    /// Read the body in pieces and answer with its hash.
    #[serde(default)]
    pub(super) stream: bool,
    /// Give the request up after so many milliseconds, as somebody who drops it does.
    #[serde(default)]
    pub(super) cancel_after_ms: Option<u64>,
}

fn get() -> String {
    "GET".to_owned()
}

/// Time limits in seconds; what is left out has none.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TimeoutOptions {
    total: Option<f64>,
    pool: Option<f64>,
    dns: Option<f64>,
    connect: Option<f64>,
    sock_connect: Option<f64>,
    tls: Option<f64>,
    write: Option<f64>,
    head: Option<f64>,
    read: Option<f64>,
}

/// Bounds.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct LimitOptions {
    connections: Option<usize>,
    per_host: Option<usize>,
    idle: Option<f64>,
    head: Option<usize>,
    headers: Option<usize>,
    body: Option<usize>,
    redirects: Option<usize>,
}

/// Applies a setting that was given.
fn with<T, V>(target: T, value: Option<V>, set: impl FnOnce(T, V) -> T) -> T {
    match value {
        Some(value) => set(target, value),
        None => target,
    }
}

impl SessionOptions {
    /// Builds the session.
    ///
    /// # Errors
    ///
    /// What the builder says.
    pub(super) fn build(self) -> http::Result<Session> {
        let builder = Session::builder()
            .raise_for_status(self.raise_for_status)
            .https_only(self.https_only);
        let builder = with(builder, self.base_url, SessionBuilder::base_url);
        let builder = with(builder, self.timeout, |b, t| b.timeout(t.build()));
        let builder = with(builder, self.limits, |b, l| b.limits(l.build()));
        let builder = with(builder, self.roots_pem, |b, pem| {
            b.system_roots(false).add_root_certificate(pem)
        });
        let builder = with(builder, self.proxy, |b, url| {
            b.proxy(Proxy::new(&url).no_proxy(&self.no_proxy))
        });
        let builder = builder.trust_env(self.trust_env);
        let builder = match self.cookies {
            Some(false) => builder.cookies(None),
            _ => builder,
        };
        let builder = with(builder, self.hsts, |b, hosts| {
            b.hsts(HstsStore::from_text(hosts))
        });
        let builder = with(builder, self.redirect, |b, r| b.redirect(r.build()));
        let builder = with(builder, self.retry, |b, r| b.retry(r.build()));
        let builder = with(builder, self.decompress, SessionBuilder::decompress);
        let builder = with(builder, self.http2, |b, mode| b.http2(mode.build()));
        let builder = with(builder, self.egress, |b, e| b.egress(e.build()));
        let names = self.resolve.into_iter();
        let builder = names.fold(builder, |b, (host, address)| b.resolve(&host, address));
        let headers = self.headers.into_iter();
        headers
            .fold(builder, |b, (name, value)| b.header(name, value))
            .build()
    }
}

impl EgressOptions {
    fn build(&self) -> Egress {
        let policy = if self.public_only {
            Egress::public_only()
        } else {
            Egress::anywhere()
        };
        let allow = |policy: Egress, network: &String| policy.allow(network);
        let policy = self.allow.iter().fold(policy, allow);
        let deny = |policy: Egress, network: &String| policy.deny(network);
        self.deny.iter().fold(policy, deny)
    }
}

impl Http2Mode {
    fn build(self) -> Http2 {
        match self {
            Http2Mode::Off => Http2::off(),
            Http2Mode::Negotiated => Http2::negotiated(),
            Http2Mode::PriorKnowledge => Http2::prior_knowledge(),
        }
    }
}

impl RedirectOptions {
    pub(super) fn build(self) -> Redirect {
        let redirect = with(Redirect::default(), self.max, Redirect::max)
            .https_only(self.https_only)
            .same_origin(self.same_origin)
            .location_trusted(self.location_trusted)
            .keep_method(self.keep_method);
        self.sensitive
            .into_iter()
            .fold(redirect, Redirect::sensitive)
    }
}

impl RetryOptions {
    pub(super) fn build(self) -> Retry {
        let retry = Retry::idempotent(self.most).unsafe_methods(self.unsafe_methods);
        let retry = with(retry, self.backoff, |r, (first, last)| {
            r.backoff(first..last)
        });
        let retry = with(retry, self.retry_after, Retry::respect_retry_after);
        let retry = with(retry, self.on_status, Retry::on_status);
        with(retry, self.budget, Retry::budget)
    }
}

impl PartOptions {
    /// Adds the part to a form.
    ///
    /// # Errors
    ///
    /// When the content is not base64.
    pub(super) fn add_to(self, form: Form) -> Result<Form, base64::DecodeError> {
        let part = Part::new(STANDARD.decode(self.content_b64)?);
        let part = with(part, self.file_name, Part::file_name);
        let part = with(part, self.content_type, Part::content_type);
        Ok(form.part(self.name, part))
    }
}

impl TimeoutOptions {
    pub(super) fn build(&self) -> Timeout {
        let timeout = self.total.map_or_else(Timeout::none, |total| {
            // Only what is given counts.
            Timeout::total(total).connect(f64::INFINITY)
        });
        let timeout = with(timeout, self.pool, Timeout::pool);
        let timeout = with(timeout, self.dns, Timeout::dns);
        let timeout = with(timeout, self.connect, Timeout::connect);
        let timeout = with(timeout, self.sock_connect, Timeout::sock_connect);
        let timeout = with(timeout, self.tls, Timeout::tls);
        let timeout = with(timeout, self.write, Timeout::write);
        let timeout = with(timeout, self.head, Timeout::head);
        with(timeout, self.read, Timeout::read)
    }
}

impl LimitOptions {
    fn build(&self) -> Limits {
        let limits = with(Limits::default(), self.connections, Limits::connections);
        let limits = with(limits, self.per_host, Limits::per_host);
        let limits = with(limits, self.idle, Limits::idle);
        let limits = with(limits, self.head, Limits::head);
        let limits = with(limits, self.headers, Limits::headers);
        let limits = with(limits, self.body, Limits::body);
        with(limits, self.redirects, Limits::redirects)
    }
}

#[cfg(test)]
mod tests {
    use super::{Command, Op};
    use serde_json::json;

    fn read(value: serde_json::Value) -> Result<Command, serde_json::Error> {
        serde_json::from_str(&value.to_string())
    }

    #[test]
    fn commands_are_read() {
        let command = read(json!({ "id": [1], "op": "request", "url": "http://a/" })).unwrap();
        assert_eq!((command.id, command.session), (json!([1]), String::new()));
        let Op::Request(request) = command.op else {
            panic!("it is a request")
        };
        assert_eq!((request.method.as_str(), request.stream), ("GET", false));
        let session = read(json!({
            "op": "new_session", "session": "s", "timeout": { "total": 1.5 }, "limits": { "body": 9 }
        }));
        assert!(matches!(session.unwrap().op, Op::NewSession(_)));
        assert!(matches!(
            read(json!({ "op": "stats" })).unwrap().op,
            Op::Stats
        ));
    }

    #[test]
    fn nonsense_is_refused() {
        for nonsense in [
            json!({}),
            json!({ "op": "dance" }),
            json!({ "op": "request" }),
            json!({ "op": "request", "url": 5 }),
            json!([]),
        ] {
            assert!(read(nonsense.clone()).is_err(), "{nonsense}");
        }
    }
}
