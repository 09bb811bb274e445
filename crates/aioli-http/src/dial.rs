//! Opening a connection along a route: names, policy, sockets, proxies and TLS, in this order.
//!
//! ```text
//!            ┌ direct ─ name ─ egress ─ race of addresses ┐
//!   route ───┤ unix ─── path ─────────────────────────────┼─ (https) TLS ──▶ Transport
//!            └ proxy ── as direct ─ (TLS) ─ tunnel ───────┘
//! ```
//!
//! The limit of `connect` is over all of it; the steps have limits of their own, and an error of
//! either names the step at which the time was over.

use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use aioli_net::{ConnectError, ConnectOptions, TcpStream};
use aioli_time::sleep;
use url::Host;

use crate::deadline::Deadline;
use crate::egress::{Egress, EgressRule};
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::limits::Timeout;
use crate::origin::read_host;
use crate::os::connect_unix;
use crate::resolve::Names;
use crate::route::{Route, Via};
use crate::tls::TlsStream;
use crate::tls::config::{Trust, handshake_failed, server_name, tls_error};
use crate::transport::Transport;

/// Nobody needs more addresses of one name, and a name can have any number.
const ADDRESSES_MAX: usize = 16;

/// How the connections of a session are opened.
#[derive(Debug)]
pub(crate) struct DialConfig {
    pub(crate) trust: Trust,
    pub(crate) names: Names,
    pub(crate) egress: Option<Egress>,
    /// Where all requests go, whatever their host is called.
    pub(crate) unix: Option<Arc<Path>>,
    pub(crate) socket: ConnectOptions,
}

impl DialConfig {
    pub(crate) fn new() -> DialConfig {
        DialConfig {
            trust: Trust::new(),
            names: Names::new(),
            egress: None,
            unix: None,
            socket: ConnectOptions::new().attempts_max(ADDRESSES_MAX),
        }
    }
}

/// Opens a connection along `route`.
pub(crate) async fn open(
    route: &Route,
    config: &DialConfig,
    timeout: &Timeout,
    deadline: &mut Deadline,
) -> Result<Transport> {
    deadline.begin(Phase::Connect, timeout.connect);
    let origin = &route.origin;
    tracing::debug!(%origin, "connecting");
    let mut dial = Dial {
        config,
        timeout,
        deadline,
    };
    let stream = match &route.via {
        Via::Direct => Transport::Tcp(dial.tcp(&origin.host, origin.port).await?),
        Via::Unix(path) => dial.unix(path).await?,
    };
    if origin.secure {
        dial.secure(stream, &origin.host_ref()).await
    } else {
        Ok(stream)
    }
}

/// One opening.
struct Dial<'a> {
    config: &'a DialConfig,
    timeout: &'a Timeout,
    deadline: &'a mut Deadline,
}

impl Dial<'_> {
    /// Connects to a host: to the first of its addresses that answers.
    async fn tcp(&mut self, host: &str, port: u16) -> Result<TcpStream> {
        let mut addresses = match read_host(host) {
            Host::Ipv4(address) => vec![SocketAddr::from((address, port))],
            Host::Ipv6(address) => vec![SocketAddr::from((address, port))],
            Host::Domain(name) => self.lookup(name, port).await?,
        };
        self.permitted(host, &mut addresses)?;
        let mut options = self.config.socket.clone();
        if let Some(limit) = self.timeout.sock_connect {
            options = options.attempt_timeout(limit);
        }
        let connecting = options.connect(addresses);
        let connected = self.step(Phase::Connect, None, connecting).await?;
        connected.map_err(|error| {
            self.config.names.forget(host);
            connect_error(host, port, error, self.timeout.sock_connect)
        })
    }

    async fn lookup(&mut self, name: &str, port: u16) -> Result<Vec<SocketAddr>> {
        let looking_up = self.config.names.lookup(name, port);
        let found = self.step(Phase::Dns, self.timeout.dns, looking_up).await?;
        found.map_err(|source| {
            let host = name.to_owned();
            Error::new(ErrorKind::Dns { host, source })
        })
    }

    /// Leaves the addresses that may be connected to.
    fn permitted(&self, host: &str, addresses: &mut Vec<SocketAddr>) -> Result<()> {
        let Some(egress) = &self.config.egress else {
            return Ok(());
        };
        let mut refused: Option<(IpAddr, EgressRule)> = None;
        addresses.retain(|address| match egress.check(address.ip()) {
            Ok(()) => true,
            Err(rule) => {
                refused.get_or_insert((address.ip(), rule));
                false
            }
        });
        match refused {
            Some((address, rule)) if addresses.is_empty() => Err(Error::new(ErrorKind::Egress {
                host: host.to_owned(),
                address,
                rule,
            })),
            _ => Ok(()),
        }
    }

    async fn unix(&mut self, path: &Path) -> Result<Transport> {
        let connected = self.step(Phase::Connect, None, connect_unix(path)).await?;
        connected.map(Transport::Unix).map_err(|source| {
            Error::new(ErrorKind::Connect {
                host: path.display().to_string(),
                port: 0,
                source,
            })
        })
    }

    /// Shakes hands with whom the certificate must name.
    async fn secure(&mut self, stream: Transport, name: &Host<&str>) -> Result<Transport> {
        let name = server_name(name)?;
        let trust = &self.config.trust;
        self.deadline.rename(Phase::Tls);
        let config = self.deadline.within(trust.config()).await??;
        let mut stream = TlsStream::new(stream, config, name).map_err(tls_error)?;
        let shaking_hands = poll_fn(|cx| stream.poll_handshake(cx));
        self.step(Phase::Tls, self.timeout.tls, shaking_hands)
            .await?
            .map_err(handshake_failed)?;
        Ok(Transport::Tls(Box::new(stream)))
    }

    /// Does one step within its own limit, and within those of the whole.
    async fn step<F: Future>(
        &mut self,
        phase: Phase,
        limit: Option<Duration>,
        future: F,
    ) -> Result<F::Output> {
        self.deadline.rename(phase);
        let Some(after) = limit else {
            return self.deadline.within(future).await;
        };
        let mut future = pin!(future);
        let mut timer = pin!(sleep(after));
        let bounded = poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => timer
                .as_mut()
                .poll(cx)
                .map(|_| Err(Error::new(ErrorKind::Timeout { phase, after }))),
        });
        self.deadline.within(bounded).await?
    }
}

/// Says which addresses failed and how.
fn connect_error(host: &str, port: u16, error: ConnectError, limit: Option<Duration>) -> Error {
    let kind = error.kind();
    let source = match error {
        ConnectError::Failed { mut attempts, .. } => {
            // Without a number of the system's it was our own limit.
            let late = attempts.iter().all(|attempt| {
                let source = &attempt.source;
                source.kind() == io::ErrorKind::TimedOut && source.raw_os_error().is_none()
            });
            if let Some(after) = limit.filter(|_| late) {
                let phase = Phase::SockConnect;
                return Error::new(ErrorKind::Timeout { phase, after });
            }
            if attempts.len() == 1 {
                attempts.remove(0).source
            } else {
                let list: Vec<_> = attempts.iter().map(ToString::to_string).collect();
                io::Error::new(kind, list.join("; "))
            }
        }
        error => io::Error::new(kind, error),
    };
    Error::new(ErrorKind::Connect {
        host: host.to_owned(),
        port,
        source,
    })
}
