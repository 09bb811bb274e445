//! The byte stream under a connection, plain or secure, and how it comes about.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use aioli_net::{ConnectError, ResolveError, TcpStream};
use futures_io::{AsyncRead as _, AsyncWrite as _};
use url::Host;

use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind, Phase};
use crate::origin::Origin;
use crate::route::Route;
use crate::session::Config;
use crate::tls::TlsStream;
use crate::tls::config::{handshake_failed, server_name, tls_error};

/// An established stream.
#[derive(Debug)]
pub(crate) enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Transport {
    /// Connects by `route`, and shakes hands for `https`, within the connect limit.
    pub(crate) async fn connect(
        route: &Route,
        config: &Config,
        limit: Option<Duration>,
        deadline: &mut Deadline,
    ) -> Result<Transport, Error> {
        deadline.begin(Phase::Connect, limit);
        let origin = &route.origin;
        tracing::debug!(%origin, "connecting");
        let stream = deadline.within(dial(origin, config)).await??;
        if !origin.secure {
            return Ok(Transport::Plain(stream));
        }
        deadline.rename(Phase::Tls);
        let tls_config = deadline.within(config.trust.config()).await??;
        let name = server_name(&origin.host_ref())?;
        let mut stream = TlsStream::new(stream, tls_config, name).map_err(tls_error)?;
        deadline
            .within(poll_fn(|cx| stream.poll_handshake(cx)))
            .await?
            .map_err(handshake_failed)?;
        Ok(Transport::Tls(Box::new(stream)))
    }

    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Transport::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Transport::Tls(stream) => stream.poll_read(cx, buf),
        }
    }

    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Transport::Plain(stream) => match bufs {
                [one] => Pin::new(stream).poll_write(cx, one),
                several => Pin::new(stream).poll_write_vectored(cx, several),
            },
            Transport::Tls(stream) => stream.poll_write(cx, bufs),
        }
    }

    /// Asks the system whether there is nothing to read.
    pub(crate) fn is_silent(&self) -> bool {
        let stream = match self {
            Transport::Plain(stream) => stream,
            Transport::Tls(stream) => stream.get_ref(),
        };
        let peeked = stream.as_async().get_ref().peek(&mut [0]);
        peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Transport::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Transport::Tls(stream) => stream.poll_flush(cx),
        }
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        if let Transport::Tls(stream) = self {
            stream.say_goodbye();
        }
    }
}

/// Opens the socket: to the address the session was given for the name, else by looking it up.
async fn dial(origin: &Origin, config: &Config) -> Result<TcpStream, Error> {
    let fixed = match origin.host_ref() {
        Host::Domain(name) => config.resolve.get(name).copied(),
        Host::Ipv4(address) => Some(SocketAddr::from((address, 0))),
        Host::Ipv6(address) => Some(SocketAddr::from((address, 0))),
    };
    let result = match fixed {
        Some(mut address) => {
            if address.port() == 0 {
                address.set_port(origin.port);
            }
            TcpStream::connect(address).await
        }
        None => TcpStream::connect((origin.host.as_str(), origin.port)).await,
    };
    result.map_err(|error| connect_error(origin, error))
}

/// Says what failed: the name or the addresses.
fn connect_error(origin: &Origin, error: ConnectError) -> Error {
    let host = origin.host.clone();
    let kind = error.kind();
    match error {
        ConnectError::Resolve(ResolveError::Lookup { source, .. }) => Error::new(ErrorKind::Dns {
            host,
            source: io::Error::new(kind, source),
        }),
        ConnectError::Resolve(error) => Error::new(ErrorKind::Dns {
            host,
            source: io::Error::new(kind, error),
        }),
        ConnectError::Failed { mut attempts, .. } if attempts.len() == 1 => {
            let source = attempts.remove(0).source;
            Error::new(ErrorKind::Connect {
                host,
                port: origin.port,
                source,
            })
        }
        error => {
            let source = io::Error::new(kind, error);
            Error::new(ErrorKind::Connect {
                host,
                port: origin.port,
                source,
            })
        }
    }
}
