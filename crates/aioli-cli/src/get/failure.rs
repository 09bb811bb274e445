//! Why a transfer failed, as curl numbers it.

use std::fmt::Display;
use std::io;

use aioli::http::{
    self, BodyErrorKind, ErrorKind, LimitKind, ProtocolErrorKind, ProxyErrorKind,
    RedirectErrorKind, RequestErrorKind, Sent, TlsErrorKind, UrlErrorKind,
};

use super::options::Options;
use crate::errors::cause;

/// The exit codes of curl that there are here.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub(super) enum Code {
    UnsupportedProtocol = 1,
    /// Something about the command line.
    Usage = 2,
    MalformedUrl = 3,
    CannotResolveProxy = 5,
    CannotResolve = 6,
    CannotConnect = 7,
    WeirdReply = 8,
    Http2 = 16,
    Partial = 18,
    HttpError = 22,
    WriteError = 23,
    Upload = 25,
    ReadError = 26,
    Timeout = 28,
    Range = 33,
    TlsConnect = 35,
    BadArgument = 43,
    Interface = 45,
    TooManyRedirects = 47,
    EmptyReply = 52,
    SendError = 55,
    ReceiveError = 56,
    LocalCertificate = 58,
    Certificate = 60,
    BadContentEncoding = 61,
    TooLarge = 63,
    CannotRewind = 65,
    CaFile = 77,
    CrlFile = 82,
    PinnedKey = 90,
    Proxy = 97,
}

/// A failure: curl's exit code, and a line that says what happened.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: u8,
    pub(super) text: String,
}

impl Failure {
    pub(super) fn new(code: Code, text: impl Display) -> Failure {
        let text = text.to_string().replace(['\n', '\r'], " ");
        let code = code as u8;
        Failure { code, text }
    }

    /// Something about the command line that its parser could not know.
    pub(super) fn usage(text: impl Display) -> Failure {
        Failure::new(Code::Usage, text)
    }

    /// Reading what is to be sent has failed.
    pub(super) fn read(error: &aioli::Error) -> Failure {
        Failure::new(Code::ReadError, cause(error))
    }

    /// Writing what has come has failed.
    pub(super) fn write(error: &aioli::Error) -> Failure {
        Failure::new(Code::WriteError, cause(error))
    }

    /// A request has failed; what the options say tells more than the error alone.
    pub(super) fn of_request(error: http::Error, options: &Options) -> Failure {
        let asked = &options.connection;
        let interface = options.peer.interface();
        match error.kind() {
            ErrorKind::Connect { source, .. } if !is_of_the_way(source) => {
                let Some(interface) = interface else {
                    return error.into();
                };
                let text = format!("--interface {interface}: {}", cause(&error.into()));
                Failure::new(Code::Interface, text)
            }
            // As curl has it, a folder may have none.
            ErrorKind::Tls {
                kind: TlsErrorKind::NoRoots,
                ..
            } if asked.capath.is_some() && asked.cacert.is_none() => {
                let text = "--capath: the folder has no certificates, under names as `openssl \
                            rehash` makes them";
                Failure::new(Code::Certificate, text)
            }
            _ => error.into(),
        }
    }
}

/// Whether it is the network, or who is at the other end, that keeps a connection from being made.
fn is_of_the_way(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::TimedOut
    )
}

impl From<http::Error> for Failure {
    fn from(error: http::Error) -> Failure {
        let code = code(&error);
        Failure::new(code, cause(&error.into()))
    }
}

/// The exit code of an error of HTTP.
fn code(error: &http::Error) -> Code {
    match error.kind() {
        ErrorKind::InvalidUrl(UrlErrorKind::Scheme | UrlErrorKind::NotHttps) => {
            Code::UnsupportedProtocol
        }
        ErrorKind::InvalidUrl(_) => Code::MalformedUrl,
        ErrorKind::InvalidRequest { kind, .. } => match kind {
            RequestErrorKind::ClientCertificate => Code::LocalCertificate,
            RequestErrorKind::RevocationList => Code::CrlFile,
            RequestErrorKind::TlsVersions => Code::TlsConnect,
            RequestErrorKind::Proxy => Code::CannotResolveProxy,
            RequestErrorKind::Version => Code::Upload,
            _ => Code::BadArgument,
        },
        ErrorKind::Dns { .. } => Code::CannotResolve,
        ErrorKind::Connect { .. } => Code::CannotConnect,
        ErrorKind::Proxy { kind, source, .. } => proxy_code(
            *kind,
            source.as_ref().and_then(|source| source.downcast_ref()),
        ),
        // In TLS 1.3 the server says that when the handshake is over.
        ErrorKind::Tls {
            kind: TlsErrorKind::ClientCertificate,
            ..
        } if error.maybe_processed() => Code::ReceiveError,
        ErrorKind::Tls { kind, .. } => tls_code(*kind),
        ErrorKind::Timeout { .. } => Code::Timeout,
        ErrorKind::Disconnected { sent, source, .. } => match (sent, source) {
            (Sent::Fully, None) => Code::EmptyReply,
            (Sent::Fully, Some(_)) => Code::ReceiveError,
            _ => Code::SendError,
        },
        ErrorKind::Protocol(kind) => protocol_code(*kind),
        ErrorKind::Limit {
            kind: LimitKind::Body,
            ..
        } => Code::TooLarge,
        ErrorKind::Body { kind, .. } => match kind {
            BodyErrorKind::Truncated => Code::Partial,
            BodyErrorKind::TooShort | BodyErrorKind::TooLong | BodyErrorKind::Stream => {
                Code::ReadError
            }
            _ => Code::BadContentEncoding,
        },
        ErrorKind::Decode { .. } => Code::BadContentEncoding,
        ErrorKind::Redirect { kind, .. } => match kind {
            RedirectErrorKind::TooMany => Code::TooManyRedirects,
            RedirectErrorKind::Scheme => Code::UnsupportedProtocol,
            RedirectErrorKind::BodyNotReplayable => Code::CannotRewind,
            _ => Code::MalformedUrl,
        },
        ErrorKind::Status { .. } => Code::HttpError,
        _ => Code::ReceiveError,
    }
}

/// The exit code of a proxy's failure, which may have an error of its own.
fn proxy_code(kind: ProxyErrorKind, source: Option<&http::Error>) -> Code {
    match (kind, source.map(http::Error::kind)) {
        (ProxyErrorKind::Connect, Some(ErrorKind::Dns { .. })) => Code::CannotResolveProxy,
        (ProxyErrorKind::Connect, _) => Code::CannotConnect,
        (ProxyErrorKind::Tls, Some(ErrorKind::Tls { kind, .. })) => tls_code(*kind),
        (ProxyErrorKind::Tls, _) => Code::TlsConnect,
        (ProxyErrorKind::Socks(_), _) => Code::Proxy,
        _ => Code::ReceiveError,
    }
}

fn tls_code(kind: TlsErrorKind) -> Code {
    match kind {
        TlsErrorKind::Expired
        | TlsErrorKind::NotYetValid
        | TlsErrorKind::HostMismatch
        | TlsErrorKind::UnknownIssuer
        | TlsErrorKind::SelfSigned
        | TlsErrorKind::Revoked
        | TlsErrorKind::Certificate => Code::Certificate,
        TlsErrorKind::NoRoots => Code::CaFile,
        TlsErrorKind::PinMismatch => Code::PinnedKey,
        _ => Code::TlsConnect,
    }
}

fn protocol_code(kind: ProtocolErrorKind) -> Code {
    match kind {
        ProtocolErrorKind::NotHttp | ProtocolErrorKind::Version => Code::UnsupportedProtocol,
        ProtocolErrorKind::Http2 => Code::Http2,
        ProtocolErrorKind::TransferEncoding => Code::BadContentEncoding,
        ProtocolErrorKind::ChunkSize
        | ProtocolErrorKind::ChunkExtension
        | ProtocolErrorKind::ChunkEnd
        | ProtocolErrorKind::Trailer => Code::ReceiveError,
        _ => Code::WeirdReply,
    }
}
