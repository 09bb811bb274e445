//! An HTTP client with the feel of aiohttp's ClientSession.

#![forbid(unsafe_code)]

mod body;
mod deadline;
mod error;
mod h1;
mod limits;
mod pool;
mod redirect;
mod request;
mod response;
mod send;
mod session;
mod tls;
mod transport;

pub use bytes::Bytes;
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
pub use url::Url;

pub use crate::body::Body;
pub use crate::error::{
    BodyErrorKind, BoxError, DecodeErrorKind, Error, ErrorKind, LimitKind, Phase,
    ProtocolErrorKind, RedirectErrorKind, RequestErrorKind, Result, Sent, TlsErrorKind,
    UrlErrorKind,
};
pub use crate::limits::{Limits, Timeout};
pub use crate::pool::PoolStats;
pub use crate::request::{IntoUrl, RequestBuilder, Sending};
pub use crate::response::{Chunks, Response};
pub use crate::session::{Session, SessionBuilder, get};
