//! Each error, and what to do about it.
//!
//! Three questions decide what a program does, and none of them needs the kind:
//!
//! | question | answer |
//! |---|---|
//! | May the server have acted on the request? | [`Error::maybe_processed`]: `false` is a proof |
//! | Is it worth trying the same again, and safe? | [`Error::is_retryable`]; [`Retry`] does it |
//! | What was it, for a log or a metric? | [`ErrorKind::name`], [`Error::phase`], [`Error::status`], [`Error::url`] |
//!
//! Texts can be logged as they are: they show no user information, query, header or body, and what
//! a server wrote is escaped and cut.
//!
//! ```
//! use aioli_http::{Error, ErrorKind, Phase};
//!
//! fn advice(error: &Error) -> &'static str {
//!     match error.kind() {
//!         ErrorKind::Timeout { phase: Phase::Pool, .. } => "read or drop responses sooner",
//!         ErrorKind::Status { status, .. } if *status == 404 => "not there",
//!         ErrorKind::Limit { .. } => "raise the limit, or read in pieces",
//!         _ if error.is_retryable() => "try again later",
//!         _ if error.maybe_processed() => "look first whether it was done",
//!         _ => "give up",
//!     }
//! }
//! # let _ = advice;
//! ```
//!
//! # Before anything is sent
//!
//! | kind | what it means | what to do |
//! |---|---|---|
//! | [`InvalidUrl`](ErrorKind::InvalidUrl) | no URL, no host, a scheme other than `http` and `https`, credentials in it, or relative without a base | correct it; credentials go into [`basic`](RequestBuilder::basic) |
//! | [`InvalidRequest`](ErrorKind::InvalidRequest) | the request contradicts itself: a header with a line end, a `content-length` or a target that cannot be, a certificate that is none; its [`RequestErrorKind`] says which | a bug in the program, or input that was not checked |
//! | [`Closed`](ErrorKind::Closed) | the session was closed | make requests before, or another session |
//!
//! # No connection
//!
//! The request was not sent: trying again is safe whatever the method.
//!
//! | kind | what it means | what to do |
//! |---|---|---|
//! | [`Dns`](ErrorKind::Dns) | the name has no address, or nobody could be asked | check the name; else later |
//! | [`Connect`](ErrorKind::Connect) | no address accepted a connection; the source lists what was tried | is the server up, the port right, a proxy needed? |
//! | [`Egress`](ErrorKind::Egress) | the session's own policy forbids the address | an attack, or the policy is too narrow |
//! | [`Proxy`](ErrorKind::Proxy) | the proxy cannot be reached, or does not let us through | see its [`ProxyErrorKind`]; 407 asks for credentials |
//! | [`Tls`](ErrorKind::Tls) | the certificate is not acceptable, or there is no TLS; its [`TlsErrorKind`] says which | `UnknownIssuer`: [`add_root_certificate`](SessionBuilder::add_root_certificate); `Expired`, `HostMismatch`: the server's fault, do not talk to it |
//! | [`Timeout`](ErrorKind::Timeout) in `Pool` | all connections are in use | read or drop responses; raise [`Limits::per_host`] |
//! | [`Timeout`](ErrorKind::Timeout) in `Dns`, `Connect`, `SockConnect`, `Proxy`, `Tls` | that step took too long | later, or a longer limit |
//!
//! # The server may have acted
//!
//! | kind | what it means | what to do |
//! |---|---|---|
//! | [`Timeout`](ErrorKind::Timeout) in `Write` | the server stopped taking the request | as `Disconnected` |
//! | [`Timeout`](ErrorKind::Timeout) in `Head` | it does not answer | later; a longer limit if it has much to do |
//! | [`Timeout`](ErrorKind::Timeout) in `Read` | the body stopped coming | later |
//! | [`Timeout`](ErrorKind::Timeout) in `Settings` | a server of HTTP/2 has not said its first word, and may have seen the request | later, or without HTTP/2 |
//! | [`Timeout`](ErrorKind::Timeout) in `MinSpeed` | a body comes too slowly, or is taken too slowly | later |
//! | [`Timeout`](ErrorKind::Timeout) in `Total` | all of it took too long; five minutes unless you said so | a longer limit, or none for streams |
//! | [`Disconnected`](ErrorKind::Disconnected) | the connection ended before there was an answer | idempotent: again; else ask whether it was done |
//! | [`Protocol`](ErrorKind::Protocol) | what came is not HTTP/1.1, or could be read in two ways | `TlsOnPlainPort`: use `https`; else tell the server's owner |
//! | [`Limit`](ErrorKind::Limit) | more came than a bound allows; it says which, how large it is and how much there was | trust the server? raise it in [`Limits`]; large bodies are read in pieces. Too many cookies and too large a challenge are no error: they are left out |
//!
//! # There is an answer
//!
//! | kind | what it means | what to do |
//! |---|---|---|
//! | [`Status`](ErrorKind::Status) | 400 or above, where errors were asked for; with the beginning of the body | by status: 401 credentials, 404 not there, 429 and 503 later |
//! | [`Redirect`](ErrorKind::Redirect) | a redirect that is not followed; with the URLs so far | `TooMany`: a loop; `BodyNotReplayable`: send bytes, or a body that can be made anew |
//! | [`Body`](ErrorKind::Body) | the response was cut off or is badly compressed, or the stream that was to be sent failed | `Truncated`: again, if idempotent |
//! | [`Decode`](ErrorKind::Decode) | the body is not the JSON or the text that was wanted | look at it with [`bytes`](Response::bytes); [`text_lossy`](Response::text_lossy) takes any |

#[cfg(doc)]
use crate::{
    Error, ErrorKind, Limits, ProxyErrorKind, RequestBuilder, RequestErrorKind, Response, Retry,
    SessionBuilder, TlsErrorKind,
};
