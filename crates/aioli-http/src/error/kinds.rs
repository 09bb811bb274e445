//! The closed vocabularies inside [`ErrorKind`](super::ErrorKind).

use std::fmt;

/// How much of a request had been handed to the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sent {
    /// Not one byte: the server cannot have seen the request.
    Nothing,
    /// Some bytes.
    Partly,
    /// All of it.
    Fully,
}

/// A part of a request that has a time limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// The whole request: redirects, retries and body included.
    Total,
    /// Waiting for a free connection slot.
    Pool,
    /// Looking a name up; it shares the limit of `Connect`, and may have one of its own.
    Dns,
    /// Making a connection: its name, its addresses, a proxy on the way, and TLS.
    Connect,
    /// Connecting to one address, after which the next one has its turn.
    SockConnect,
    /// Being let through by a proxy; it shares the limit of `Connect`.
    Proxy,
    /// The TLS handshake; it shares the limit of `Connect`, and may have one of its own.
    Tls,
    /// Waiting for the first word of a server of HTTP/2 (its `SETTINGS`).
    Settings,
    /// Sending the request: since the server took the last byte that it took.
    Write,
    /// Waiting for the response's head: since the request was sent, or since the last byte came.
    Head,
    /// Between two pieces of the body.
    Read,
    /// The body came, and more slowly than was asked for.
    MinSpeed,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Total => "total",
            Phase::Pool => "pool",
            Phase::Dns => "dns",
            Phase::Connect => "connect",
            Phase::SockConnect => "sock_connect",
            Phase::Proxy => "proxy",
            Phase::Tls => "tls",
            Phase::Settings => "settings",
            Phase::Write => "write",
            Phase::Head => "head",
            Phase::Read => "read",
            Phase::MinSpeed => "min-speed",
        })
    }
}

/// Why a URL cannot be requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlErrorKind {
    /// It is not a URL.
    #[error("{0}")]
    Syntax(#[from] url::ParseError),
    /// It is relative and the session has no base.
    #[error("relative, and the session has no base url")]
    Relative,
    /// Its scheme is neither `http` nor `https`.
    #[error("the scheme is neither http nor https")]
    Scheme,
    /// It is not `https`, and the session allows nothing else.
    #[error("not https, and the session allows nothing else")]
    NotHttps,
    /// It has no host.
    #[error("no host")]
    NoHost,
    /// It carries a name or a password; they belong in an `authorization` header.
    #[error("it carries credentials; put them into an authorization header")]
    Credentials,
}

/// What is wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestErrorKind {
    /// A header's name or value contains what it may not.
    #[error("a header's name or value is malformed")]
    Header,
    /// The method is `CONNECT`, without a [`target`](crate::RequestBuilder::target), with a body,
    /// or in a session that is answered by a function.
    #[error("a CONNECT needs a target of host and port, a network, and no body")]
    Method,
    /// The JSON body could not be written.
    #[error("the json body cannot be written")]
    Json,
    /// `content-length` disagrees with the body, or is no number.
    #[error("content-length disagrees with the body")]
    ContentLength,
    /// `transfer-encoding` is the client's to set.
    #[error("transfer-encoding is set by the client")]
    TransferEncoding,
    /// The system has no random bytes, for the boundary of a multipart form.
    #[error("the system gives no random bytes")]
    Randomness,
    /// A name has a colon, a token is no token, or one of them has a control character.
    #[error("the credentials cannot be sent")]
    Credentials,
    /// A cookie's name is no token, or its value has a semicolon or a control character.
    #[error("the cookie cannot be sent")]
    Cookie,
    /// A root certificate is neither DER nor PEM.
    #[error("not a certificate")]
    Certificate,
    /// The client's certificate or its key is malformed, or they do not belong together.
    #[error("not a certificate with its key")]
    ClientCertificate,
    /// A revocation list is malformed.
    #[error("not a revocation list")]
    RevocationList,
    /// The oldest version of TLS that may be spoken is newer than the newest one.
    #[error("the oldest version of tls is newer than the newest")]
    TlsVersions,
    /// A proxy's URL, credentials or headers are malformed; the source says which.
    #[error("not a usable proxy")]
    Proxy,
    /// The host's name is longer than the proxy's protocol can say.
    #[error("the host name is too long for the proxy")]
    HostTooLong,
    /// What is to stand in the request line cannot.
    #[error("the request target cannot be sent")]
    Target,
    /// The version is no version of HTTP/1, or is 1.0, which has no bodies of unknown length.
    #[error("the request cannot be sent in that version")]
    Version,
    /// A network of an [`Egress`](crate::Egress) policy is malformed.
    #[error("not a network")]
    Network,
}

/// Why the secure channel could not be set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsErrorKind {
    /// The certificate is no longer valid.
    #[error("the certificate has expired")]
    Expired,
    /// The certificate is not valid yet.
    #[error("the certificate is not valid yet")]
    NotYetValid,
    /// The certificate is for another host.
    #[error("the certificate is for another host")]
    HostMismatch,
    /// Nobody we trust has signed the certificate.
    #[error("the certificate's issuer is not trusted")]
    UnknownIssuer,
    /// The certificate is signed by itself, and nobody we trust has signed it.
    #[error("the certificate is self-signed")]
    SelfSigned,
    /// The server's key is none of those that were pinned for its host.
    #[error("the server's key is not the pinned one")]
    PinMismatch,
    /// The certificate was revoked.
    #[error("the certificate was revoked")]
    Revoked,
    /// The certificate is unusable in another way.
    #[error("the certificate is not acceptable")]
    Certificate,
    /// The server wants a certificate of ours, or another one
    /// ([`SessionBuilder::client_certificate`](crate::SessionBuilder::client_certificate)).
    #[error("the server does not accept who we are")]
    ClientCertificate,
    /// There is no root certificate to trust.
    #[error("no root certificates")]
    NoRoots,
    /// The host's name cannot be put into a handshake.
    #[error("the host name is not valid for tls")]
    HostName,
    /// The server left during the handshake.
    #[error("the server disconnected in the handshake")]
    Disconnected,
    /// The two sides did not agree, or the server does not speak TLS.
    #[error("the handshake failed")]
    Handshake,
}

/// Why a proxy did not let a request through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyErrorKind {
    /// The proxy itself cannot be reached.
    #[error("it cannot be reached")]
    Connect,
    /// The secure channel to the proxy could not be set up.
    #[error("the secure channel to it could not be set up")]
    Tls,
    /// It closed the connection.
    #[error("it disconnected")]
    Disconnected,
    /// It wants credentials, or refused those it was given.
    #[error("it wants other credentials")]
    Authentication,
    /// It refused to make a tunnel; the status says why. A redirect is a refusal.
    #[error("it refused the tunnel")]
    Refused,
    /// What it said is not its protocol.
    #[error("what it said is not its protocol")]
    Malformed,
    /// The head of its answer is larger than any may be.
    #[error("its answer is too large")]
    TooLarge,
    /// It sent bytes in the server's place.
    #[error("it sent bytes that only the server may send")]
    UnexpectedBytes,
    /// A SOCKS proxy could not connect.
    #[error("{0}")]
    Socks(SocksReply),
}

/// What a SOCKS proxy says when it does not connect (RFC 1928, section 6); one of SOCKS4 says no
/// more than that it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SocksReply {
    /// It failed.
    #[error("it failed")]
    GeneralFailure,
    /// Its rules do not allow the connection.
    #[error("its rules do not allow it")]
    NotAllowed,
    /// The network is unreachable.
    #[error("the network is unreachable")]
    NetworkUnreachable,
    /// The host is unreachable.
    #[error("the host is unreachable")]
    HostUnreachable,
    /// The host refused.
    #[error("the host refused")]
    ConnectionRefused,
    /// Nobody answered in time.
    #[error("the time to live was over")]
    TtlExpired,
    /// It cannot connect at all.
    #[error("it does not know the command")]
    CommandNotSupported,
    /// It knows no such addresses.
    #[error("it does not know such addresses")]
    AddressTypeNotSupported,
    /// A number without a meaning.
    #[error("it failed ({0:#04x})")]
    Other(u8),
}

impl SocksReply {
    pub(crate) fn new(reply: u8) -> SocksReply {
        match reply {
            1 => SocksReply::GeneralFailure,
            2 => SocksReply::NotAllowed,
            3 => SocksReply::NetworkUnreachable,
            4 => SocksReply::HostUnreachable,
            5 => SocksReply::ConnectionRefused,
            6 => SocksReply::TtlExpired,
            7 => SocksReply::CommandNotSupported,
            8 => SocksReply::AddressTypeNotSupported,
            other => SocksReply::Other(other),
        }
    }
}

/// How the server broke the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolErrorKind {
    /// The server has broken the rules of HTTP/2, or does not speak it.
    #[error("the server does not keep to http/2")]
    Http2,
    /// The first bytes are not HTTP/1.
    #[error("the reply is not http")]
    NotHttp,
    /// The reply is a TLS record on a plain connection.
    #[error("the reply is tls; use https")]
    TlsOnPlainPort,
    /// The version is neither 1.0 nor 1.1.
    #[error("unsupported http version")]
    Version,
    /// The status line is malformed.
    #[error("malformed status line")]
    StatusLine,
    /// The status is not three digits from 100 to 999.
    #[error("malformed status code")]
    Status,
    /// A carriage return without a line feed or the other way round.
    #[error("a line does not end in CR LF")]
    LineEnd,
    /// A header line begins with white space.
    #[error("a header line is folded")]
    Folded,
    /// A header's name is malformed.
    #[error("malformed header name")]
    HeaderName,
    /// A header's value is malformed.
    #[error("malformed header value")]
    HeaderValue,
    /// The server switched protocols and nobody asked it to, or to another one, or too early.
    #[error("the server switched protocols unasked")]
    Upgrade,
    /// The server did not switch protocols, although it was asked to.
    #[error("the server did not switch protocols")]
    NoUpgrade,
    /// `content-length` is no number, or there are two different ones.
    #[error("malformed or contradictory content-length")]
    ContentLength,
    /// The transfer coding is not exactly `chunked`, or came with HTTP/1.0.
    #[error("unsupported transfer-encoding")]
    TransferEncoding,
    /// A chunk's size is malformed.
    #[error("malformed chunk size")]
    ChunkSize,
    /// A chunk's extension is malformed.
    #[error("malformed chunk extension")]
    ChunkExtension,
    /// A chunk's data is not followed by CR LF.
    #[error("a chunk does not end in CR LF")]
    ChunkEnd,
    /// A trailer line is malformed.
    #[error("malformed trailer")]
    Trailer,
}

/// Which bound was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitKind {
    /// Bytes of the response's heads, informational ones included.
    #[error("the response's head is too large")]
    Head,
    /// Headers of the response's heads, informational ones included.
    #[error("the response has too many headers")]
    Headers,
    /// Bytes of the reason phrase.
    #[error("the reason phrase is too long")]
    Reason,
    /// Informational (1xx) responses.
    #[error("too many informational responses")]
    Informational,
    /// Bytes of the extension of one chunk.
    #[error("a chunk's extension is too large")]
    ChunkExtension,
    /// Bytes of the extensions of all chunks of a body.
    #[error("the chunk extensions are too large")]
    ChunkExtensions,
    /// Bytes of the trailers.
    #[error("the trailers are too large")]
    Trailers,
    /// Lines of the trailers.
    #[error("the body has too many trailers")]
    TrailerLines,
    /// Bytes of a body that was to be buffered whole.
    #[error("the body is too large to be buffered")]
    Body,
    /// Content codings of one body.
    #[error("the body has too many content codings")]
    Encodings,
    /// Bytes of the window of a `zstd` body.
    #[error("the window of the content coding is too large")]
    Window,
}

impl LimitKind {
    /// What went over: a bound of `limit`, where `seen` came, or more.
    pub(crate) fn over(self, limit: usize, seen: u64) -> Exceeded {
        Exceeded {
            kind: self,
            limit: limit as u64,
            seen,
        }
    }
}

/// A bound that was reached; what an [`ErrorKind::Limit`](super::ErrorKind::Limit) is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exceeded {
    pub(crate) kind: LimitKind,
    pub(crate) limit: u64,
    pub(crate) seen: u64,
}

/// How a body failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyErrorKind {
    /// The response ended before its body did.
    #[error("the response was cut off")]
    Truncated,
    /// The stream given as request body ended before its announced length.
    #[error("the request's stream is shorter than announced")]
    TooShort,
    /// The stream given as request body went past its announced length.
    #[error("the request's stream is longer than announced")]
    TooLong,
    /// The stream given as request body failed.
    #[error("the request's stream failed")]
    Stream,
    /// The response's body is not in the content coding that it was said to be in, or was cut
    /// off or changed on its way.
    #[error("the response is not valid {0}")]
    Decode(Coding),
}

/// A content coding that is decoded, with the feature `compression`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Coding {
    /// `gzip` and `x-gzip`, RFC 1952.
    Gzip,
    /// `deflate`, RFC 1950, and RFC 1951 as many servers send it.
    Deflate,
    /// `br`, RFC 7932.
    Brotli,
    /// `zstd`, RFC 8878 and RFC 9659.
    Zstd,
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Coding::Gzip => "gzip",
            Coding::Deflate => "deflate",
            Coding::Brotli => "br",
            Coding::Zstd => "zstd",
        })
    }
}

/// What a body should have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// JSON of the wanted type.
    #[error("it is not the expected json")]
    Json,
    /// Text in the announced character set.
    #[error("it is not text in its character set")]
    Text,
    /// Text in a character set of the Encoding Standard.
    #[error("its character set is not supported")]
    Charset,
    /// In a content coding that is known, or not in any.
    #[error("its content coding is not supported, or was not to be decoded")]
    Coding,
    /// JSON, also by its content type.
    #[error("it is not json, and was not announced as such")]
    ContentType,
}

/// Why a redirect was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedirectErrorKind {
    /// More redirects than the limit.
    #[error("too many redirects")]
    TooMany,
    /// `location` is no URL, or there are two different ones.
    #[error("malformed location")]
    Location,
    /// The scheme is neither `http` nor `https`, or not `https` where the session demands it.
    #[error("the scheme is not allowed")]
    Scheme,
    /// It leaves the origin, and the policy does not allow that.
    #[error("it leaves the origin")]
    OtherOrigin,
    /// The method must be repeated and the body was a stream that is spent.
    #[error("the body cannot be sent a second time")]
    BodyNotReplayable,
}
