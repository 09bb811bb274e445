//! Signals of what a request is doing, for logs, spans and metrics.
//!
//! The order, of one hop; redirects and retries begin anew below `request_start`:
//!
//! ```text
//!  request_start ─ hsts_upgrade
//!    connection_queued_start ─ connection_queued_end          when all slots are taken
//!    connection_reuse                                         or else
//!    connection_create_start ─ proxy_start ─ dns_cache_hit | dns_start ─ dns_end
//!                            ─ socket_connected ─ proxy_head ─ tls_end ─ connection_create_end
//!    request_head ─ request_headers_sent ─ request_chunk_sent …
//!    informational … ─ response_head
//!    redirect ─ hsts_upgrade | retry
//!  request_end | request_exception | request_dropped
//!    response_chunk_received …
//! ```

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use http::{Extensions, HeaderMap, Method, StatusCode, Version};
use url::Url;

use crate::error::{Error, Shown};
use crate::response::Head;
use crate::tls::config::TlsVersion;

/// What is told of the requests of a session, with [`SessionBuilder::trace`].
///
/// All methods do nothing unless they are written. They are called in the task that makes the
/// request, between two polls of its socket: they must not block. A look at the clock in them is
/// the time of the signal; for the durations alone there is
/// [`Response::timings`](crate::Response::timings), which needs no trace.
///
/// [`SessionBuilder::trace`]: crate::SessionBuilder::trace
///
/// # Examples
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use aioli_http::{Error, Mock, Session, Trace, TraceContext};
///
/// #[derive(Default)]
/// struct Failures(AtomicUsize);
///
/// impl Trace for Failures {
///     fn request_exception(&self, request: &TraceContext, error: &Error) {
///         eprintln!("request {} to {}: {error}", request.id(), request.url());
///         self.0.fetch_add(1, Ordering::Relaxed);
///     }
/// }
///
/// # aioli_task::run(async {
/// let failures = std::sync::Arc::new(Failures::default());
/// let session = Session::builder()
///     .trace(failures.clone())
///     .mock(async |_| Mock::disconnect())
///     .build()?;
/// session.get("http://a.example/").await.unwrap_err();
/// assert_eq!(failures.0.load(Ordering::Relaxed), 1);
/// # Ok::<(), aioli_http::Error>(()) }).unwrap();
/// ```
#[doc(alias = "aiohttp.TraceConfig")]
#[expect(
    unused_variables,
    reason = "the names of the parameters are documentation"
)]
pub trait Trace: Send + Sync + 'static {
    /// A request begins.
    fn request_start(&self, request: &TraceContext) {}
    /// The `http` URL of the request, or the one that it was redirected to, becomes `url`: its host
    /// is asked by https only ([`HstsStore`](crate::HstsStore)).
    fn hsts_upgrade(&self, request: &TraceContext, url: &Url) {}
    /// The head of the request is about to be sent, as HTTP/1.1 writes it.
    ///
    /// The secrets that belong to this hop are in it, and must not go into a log.
    fn request_head(&self, request: &TraceContext, head: &[u8]) {}
    /// The head of the request has left.
    fn request_headers_sent(&self, request: &TraceContext) {}
    /// So many bytes of the request's body have left, framing included.
    fn request_chunk_sent(&self, request: &TraceContext, bytes: usize) {}
    /// All connections are in use; the request waits for one.
    fn connection_queued_start(&self, request: &TraceContext) {}
    /// The wait for a connection is over.
    fn connection_queued_end(&self, request: &TraceContext) {}
    /// A connection begins to be opened.
    fn connection_create_start(&self, request: &TraceContext) {}
    /// A connection is open, TLS included.
    fn connection_create_end(&self, request: &TraceContext) {}
    /// A connection of the pool serves the request.
    fn connection_reuse(&self, request: &TraceContext) {}
    /// A name is about to be looked up; several requests share one look-up.
    fn dns_start(&self, request: &TraceContext, host: &str) {}
    /// A name was looked up.
    fn dns_end(&self, request: &TraceContext, host: &str) {}
    /// The addresses of a name were known.
    fn dns_cache_hit(&self, request: &TraceContext, host: &str) {}
    /// The addresses of a name were not known; `dns_start` comes next.
    fn dns_cache_miss(&self, request: &TraceContext, host: &str) {}
    /// A socket is connected, to the server or to a proxy.
    fn socket_connected(&self, request: &TraceContext, peer: SocketAddr) {}
    /// The connection goes by way of this proxy, which is about to be connected to.
    fn proxy_start(&self, request: &TraceContext, host: &str, port: u16) {}
    /// The head of a proxy's answer to `CONNECT` has come, whatever it says.
    fn proxy_head(
        &self,
        request: &TraceContext,
        version: Version,
        status: StatusCode,
        headers: &HeaderMap,
    ) {
    }
    /// A TLS handshake is over: with a proxy over TLS, or with the server.
    fn tls_end(&self, request: &TraceContext, version: TlsVersion) {}
    /// An informational response has come, with a status of 1xx: 103 tells what to fetch early.
    fn informational(&self, request: &TraceContext, status: StatusCode, headers: &HeaderMap) {}
    /// The head of a response has come, of each hop: also of one that is a redirect or a
    /// challenge, or that is asked for once more.
    fn response_head(
        &self,
        request: &TraceContext,
        version: Version,
        status: StatusCode,
        headers: &HeaderMap,
    ) {
    }
    /// A redirect is followed, to `url`.
    fn redirect(&self, request: &TraceContext, status: StatusCode, url: &Url) {}
    /// The request is made again after `wait`: because of `error`, or else of a status.
    fn retry(&self, request: &TraceContext, wait: Duration, error: Option<&Error>) {}
    /// The head of the final response is there.
    fn request_end(&self, request: &TraceContext, status: StatusCode) {}
    /// The request has failed.
    fn request_exception(&self, request: &TraceContext, error: &Error) {}
    /// The request was dropped before it came to an end: cancelled, or the loser of a race.
    fn request_dropped(&self, request: &TraceContext) {}
    /// So many bytes of the response's body have come, without their framing.
    fn response_chunk_received(&self, request: &TraceContext, bytes: usize) {}
}

/// Which request a signal is about.
#[doc(alias = "aiohttp.trace_config_ctx")]
pub struct TraceContext {
    id: u64,
    method: Method,
    url: Url,
    extensions: Extensions,
}

impl TraceContext {
    /// Returns a number that no other request of the session has.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Returns the method, of the present hop.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Returns the URL, of the present hop.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Returns what was attached to the request by
    /// [`extension`](crate::RequestBuilder::extension): a place of one's own for what the signals
    /// of one request add up to.
    #[doc(alias = "aiohttp.ClientSession.request.trace_request_ctx")]
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceContext")
            .field("id", &self.id)
            .field("method", &self.method)
            .field("url", &format_args!("{}", Shown(&self.url)))
            .finish()
    }
}

macro_rules! forward {
    ($($signal:ident($($name:ident: $ty:ty),*);)*) => {
        /// Several that share it.
        impl<T: Trace + ?Sized> Trace for Arc<T> {
            $(fn $signal(&self, request: &TraceContext, $($name: $ty),*) {
                (**self).$signal(request, $($name),*);
            })*
        }
    };
}

forward! {
    request_start();
    hsts_upgrade(url: &Url);
    request_head(head: &[u8]);
    request_headers_sent();
    request_chunk_sent(bytes: usize);
    connection_queued_start();
    connection_queued_end();
    connection_create_start();
    connection_create_end();
    connection_reuse();
    dns_start(host: &str);
    dns_end(host: &str);
    dns_cache_hit(host: &str);
    dns_cache_miss(host: &str);
    socket_connected(peer: SocketAddr);
    proxy_start(host: &str, port: u16);
    proxy_head(version: Version, status: StatusCode, headers: &HeaderMap);
    tls_end(version: TlsVersion);
    informational(status: StatusCode, headers: &HeaderMap);
    response_head(version: Version, status: StatusCode, headers: &HeaderMap);
    redirect(status: StatusCode, url: &Url);
    retry(wait: Duration, error: Option<&Error>);
    request_end(status: StatusCode);
    request_exception(error: &Error);
    request_dropped();
    response_chunk_received(bytes: usize);
}

/// Whom a session tells.
#[derive(Default)]
pub(crate) struct Traces {
    list: Vec<Box<dyn Trace>>,
    next_id: AtomicU64,
}

impl Traces {
    pub(crate) fn push(&mut self, trace: impl Trace) {
        self.list.push(Box::new(trace));
    }

    /// Begins to tell of a request; `None` when nobody listens.
    pub(crate) fn begin(
        self: &Arc<Self>,
        method: &Method,
        url: &Url,
        extensions: &Extensions,
    ) -> Option<Box<Tracer>> {
        if self.list.is_empty() {
            return None;
        }
        let tracer = Tracer {
            traces: self.clone(),
            context: TraceContext {
                id: self.next_id.fetch_add(1, Ordering::Relaxed),
                method: method.clone(),
                url: url.clone(),
                extensions: extensions.clone(),
            },
            over: AtomicBool::new(false),
        };
        tracer.tell(|trace, cx| trace.request_start(cx));
        Some(Box::new(tracer))
    }
}

/// One request, as its traces see it.
pub(crate) struct Tracer {
    traces: Arc<Traces>,
    context: TraceContext,
    /// Whether the end of the request was told.
    ///
    /// ORDERING: relaxed, as it is read by who alone has the tracer, at its drop.
    over: AtomicBool,
}

impl Tracer {
    /// Tells of the head of the response.
    pub(crate) fn end(&self, status: StatusCode) {
        self.over.store(true, Ordering::Relaxed);
        self.tell(|trace, cx| trace.request_end(cx, status));
    }

    /// Tells of a failure.
    pub(crate) fn fail(&self, error: &Error) {
        self.over.store(true, Ordering::Relaxed);
        self.tell(|trace, cx| trace.request_exception(cx, error));
    }

    pub(crate) fn tell(&self, signal: impl Fn(&dyn Trace, &TraceContext)) {
        for trace in &self.traces.list {
            signal(&**trace, &self.context);
        }
    }

    /// Tells that the URL becomes one of https, and goes on with that.
    pub(crate) fn upgrade(&mut self, url: &Url) {
        self.tell(|trace, cx| trace.hsts_upgrade(cx, url));
        self.context.url = url.clone();
    }

    /// Tells of a redirect, and goes on as the request that follows; `upgraded` is the URL that the
    /// server has named, where that is not the one that is asked.
    pub(crate) fn redirect(
        &mut self,
        head: &Head,
        method: &Method,
        url: &Url,
        upgraded: Option<&Url>,
    ) {
        let named = upgraded.unwrap_or(url);
        self.tell(|trace, cx| trace.redirect(cx, head.status, named));
        self.context.method = method.clone();
        self.context.url = named.clone();
        if upgraded.is_some() {
            self.upgrade(url);
        }
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        if !*self.over.get_mut() {
            self.tell(|trace, cx| trace.request_dropped(cx));
        }
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tracer").field(&self.context).finish()
    }
}
