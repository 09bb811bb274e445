//! Why a transfer failed, as curl numbers it.

use std::fmt::Display;

use aioli::http::{
    self, BodyErrorKind, ErrorKind, LimitKind, ProtocolErrorKind, ProxyErrorKind,
    RedirectErrorKind, RequestErrorKind, Sent, TlsErrorKind, UrlErrorKind,
};

use crate::errors::cause;

/// A failure: curl's exit code, and a line that says what happened.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: u8,
    pub(super) text: String,
}

impl Failure {
    /// Something about the command line.
    pub(super) const USAGE: u8 = 2;
    const UNSUPPORTED_PROTOCOL: u8 = 1;
    pub(super) const MALFORMED_URL: u8 = 3;
    const CANNOT_RESOLVE_PROXY: u8 = 5;
    pub(super) const CANNOT_RESOLVE: u8 = 6;
    const CANNOT_CONNECT: u8 = 7;
    const WEIRD_REPLY: u8 = 8;
    const PARTIAL: u8 = 18;
    const HTTP2: u8 = 16;
    pub(super) const HTTP_ERROR: u8 = 22;
    pub(super) const WRITE_ERROR: u8 = 23;
    pub(super) const READ_ERROR: u8 = 26;
    const TIMEOUT: u8 = 28;
    pub(super) const RANGE: u8 = 33;
    const TLS_CONNECT: u8 = 35;
    const BAD_ARGUMENT: u8 = 43;
    const TOO_MANY_REDIRECTS: u8 = 47;
    const EMPTY_REPLY: u8 = 52;
    const SEND_ERROR: u8 = 55;
    const RECEIVE_ERROR: u8 = 56;
    pub(super) const LOCAL_CERTIFICATE: u8 = 58;
    const CERTIFICATE: u8 = 60;
    const BAD_CONTENT_ENCODING: u8 = 61;
    pub(super) const TOO_LARGE: u8 = 63;
    const CANNOT_REWIND: u8 = 65;
    pub(super) const CA_FILE: u8 = 77;
    pub(super) const CRL_FILE: u8 = 82;
    const PINNED_KEY: u8 = 90;
    const PROXY: u8 = 97;

    pub(super) fn new(code: u8, text: impl Display) -> Failure {
        let text = text.to_string().replace(['\n', '\r'], " ");
        Failure { code, text }
    }

    /// Something about the command line that its parser could not know.
    pub(super) fn usage(text: impl Display) -> Failure {
        Failure::new(Failure::USAGE, text)
    }

    /// Reading what is to be sent has failed.
    pub(super) fn read(error: &aioli::Error) -> Failure {
        Failure::new(Failure::READ_ERROR, cause(error))
    }

    /// Writing what has come has failed.
    pub(super) fn write(error: &aioli::Error) -> Failure {
        Failure::new(Failure::WRITE_ERROR, cause(error))
    }
}

impl From<http::Error> for Failure {
    fn from(error: http::Error) -> Failure {
        let code = code(&error);
        Failure::new(code, cause(&error.into()))
    }
}

/// The exit code of an error of HTTP.
fn code(error: &http::Error) -> u8 {
    match error.kind() {
        ErrorKind::InvalidUrl(UrlErrorKind::Scheme | UrlErrorKind::NotHttps) => {
            Failure::UNSUPPORTED_PROTOCOL
        }
        ErrorKind::InvalidUrl(_) => Failure::MALFORMED_URL,
        ErrorKind::InvalidRequest { kind, .. } => match kind {
            RequestErrorKind::ClientCertificate => Failure::LOCAL_CERTIFICATE,
            RequestErrorKind::RevocationList => Failure::CRL_FILE,
            RequestErrorKind::Proxy => Failure::CANNOT_RESOLVE_PROXY,
            _ => Failure::BAD_ARGUMENT,
        },
        ErrorKind::Dns { .. } => Failure::CANNOT_RESOLVE,
        ErrorKind::Connect { .. } => Failure::CANNOT_CONNECT,
        ErrorKind::Proxy { kind, source, .. } => proxy_code(
            *kind,
            source.as_ref().and_then(|source| source.downcast_ref()),
        ),
        // In TLS 1.3 the server says that when the handshake is over.
        ErrorKind::Tls {
            kind: TlsErrorKind::ClientCertificate,
            ..
        } if error.maybe_processed() => Failure::RECEIVE_ERROR,
        ErrorKind::Tls { kind, .. } => tls_code(*kind),
        ErrorKind::Timeout { .. } => Failure::TIMEOUT,
        ErrorKind::Disconnected { sent, source, .. } => match (sent, source) {
            (Sent::Fully, None) => Failure::EMPTY_REPLY,
            (Sent::Fully, Some(_)) => Failure::RECEIVE_ERROR,
            _ => Failure::SEND_ERROR,
        },
        ErrorKind::Protocol(kind) => protocol_code(*kind),
        ErrorKind::Limit {
            kind: LimitKind::Body,
            ..
        } => Failure::TOO_LARGE,
        ErrorKind::Body { kind, .. } => match kind {
            BodyErrorKind::Truncated => Failure::PARTIAL,
            BodyErrorKind::TooShort | BodyErrorKind::TooLong | BodyErrorKind::Stream => {
                Failure::READ_ERROR
            }
            _ => Failure::BAD_CONTENT_ENCODING,
        },
        ErrorKind::Decode { .. } => Failure::BAD_CONTENT_ENCODING,
        ErrorKind::Redirect { kind, .. } => match kind {
            RedirectErrorKind::TooMany => Failure::TOO_MANY_REDIRECTS,
            RedirectErrorKind::Scheme => Failure::UNSUPPORTED_PROTOCOL,
            RedirectErrorKind::BodyNotReplayable => Failure::CANNOT_REWIND,
            _ => Failure::MALFORMED_URL,
        },
        ErrorKind::Status { .. } => Failure::HTTP_ERROR,
        _ => Failure::RECEIVE_ERROR,
    }
}

/// The exit code of a proxy's failure, which may have an error of its own.
fn proxy_code(kind: ProxyErrorKind, source: Option<&http::Error>) -> u8 {
    match (kind, source.map(http::Error::kind)) {
        (ProxyErrorKind::Connect, Some(ErrorKind::Dns { .. })) => Failure::CANNOT_RESOLVE_PROXY,
        (ProxyErrorKind::Connect, _) => Failure::CANNOT_CONNECT,
        (ProxyErrorKind::Tls, Some(ErrorKind::Tls { kind, .. })) => tls_code(*kind),
        (ProxyErrorKind::Tls, _) => Failure::TLS_CONNECT,
        (ProxyErrorKind::Socks(_), _) => Failure::PROXY,
        _ => Failure::RECEIVE_ERROR,
    }
}

fn tls_code(kind: TlsErrorKind) -> u8 {
    match kind {
        TlsErrorKind::Expired
        | TlsErrorKind::NotYetValid
        | TlsErrorKind::HostMismatch
        | TlsErrorKind::UnknownIssuer
        | TlsErrorKind::SelfSigned
        | TlsErrorKind::Revoked
        | TlsErrorKind::Certificate => Failure::CERTIFICATE,
        TlsErrorKind::NoRoots => Failure::CA_FILE,
        TlsErrorKind::PinMismatch => Failure::PINNED_KEY,
        _ => Failure::TLS_CONNECT,
    }
}

fn protocol_code(kind: ProtocolErrorKind) -> u8 {
    match kind {
        ProtocolErrorKind::NotHttp | ProtocolErrorKind::Version => Failure::UNSUPPORTED_PROTOCOL,
        ProtocolErrorKind::Http2 => Failure::HTTP2,
        ProtocolErrorKind::TransferEncoding => Failure::BAD_CONTENT_ENCODING,
        ProtocolErrorKind::ChunkSize
        | ProtocolErrorKind::ChunkExtension
        | ProtocolErrorKind::ChunkEnd
        | ProtocolErrorKind::Trailer => Failure::RECEIVE_ERROR,
        _ => Failure::WEIRD_REPLY,
    }
}
