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
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
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
use crate::error::{Error, ErrorKind, Phase, ProxyErrorKind, Result};
use crate::h1::buffer::ReadBuffer;
use crate::limits::{Limits, Timeout};
use crate::origin::{Origin, read_host};
use crate::os::connect_unix;
use crate::proxy::socks::{self, Target};
use crate::proxy::tunnel::{self, Answer, Opened};
use crate::proxy::{Proxy, ProxyKind, ProxyServer};
use crate::resolve::Names;
use crate::route::{Route, Via};
use crate::tls::TlsStream;
use crate::tls::config::{Peer, Trust, handshake_failed, server_name, tls_error};
use crate::transport::Transport;

/// Nobody needs more addresses of one name, and a name can have any number.
const ADDRESSES_MAX: usize = 16;

/// A family of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IpFamily {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// How the connections of a session are opened.
#[derive(Debug)]
pub(crate) struct DialConfig {
    pub(crate) trust: Trust,
    pub(crate) names: Names,
    /// What a proxy may say.
    pub(crate) limits: Limits,
    /// The only one of whose addresses are used.
    pub(crate) family: Option<IpFamily>,
    pub(crate) egress: Option<Egress>,
    /// The first one that is for an origin is taken.
    pub(crate) proxies: Vec<Proxy>,
    /// Where all requests go, whatever their host is called.
    pub(crate) unix: Option<Arc<Path>>,
    pub(crate) socket: ConnectOptions,
}

impl DialConfig {
    pub(crate) fn new() -> DialConfig {
        DialConfig {
            trust: Trust::new(),
            names: Names::new(),
            limits: Limits::default(),
            family: None,
            egress: None,
            proxies: Vec::new(),
            unix: None,
            socket: ConnectOptions::new().attempts_max(ADDRESSES_MAX),
        }
    }
}

/// Opens a connection along `route`, to a server that is taken for what `peer` says.
///
/// On a raw one the server may have spoken when it is open, which is then in `early`.
pub(crate) async fn open(
    route: &Route,
    config: &DialConfig,
    peer: Peer,
    timeout: &Timeout,
    deadline: &mut Deadline,
    early: &mut Option<ReadBuffer>,
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
        Via::Proxy(proxy) => dial
            .through(proxy, origin, route.raw.then_some(early))
            .await
            .map_err(|error| error.at_proxy(&proxy.host, proxy.port))?,
    };
    dial.deadline.watch.connected();
    if origin.secure && !route.raw {
        let name = match &route.server_name {
            Some(name) => read_host(name),
            None => origin.host_ref(),
        };
        dial.secure(stream, &name, peer).await
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
        let addresses = self.addresses(host, port).await?;
        let mut options = self.config.socket.clone();
        if let Some(limit) = self.timeout.sock_connect {
            options = options.attempt_timeout(limit);
        }
        let connecting = options.connect(addresses);
        let connected = self.step(Phase::Connect, None, connecting).await?;
        let stream = connected.map_err(|error| {
            self.config.names.forget(host);
            connect_error(host, port, error, self.timeout.sock_connect)
        })?;
        self.deadline.watch.tell(|trace, request| {
            // A peer that has left already has no address.
            if let Ok(peer) = stream.peer_addr() {
                trace.socket_connected(request, peer);
            }
        });
        Ok(stream)
    }

    /// The one address that a proxy is given, of the family that it knows.
    async fn address(
        &mut self,
        host: &str,
        port: u16,
        family: Option<IpFamily>,
    ) -> Result<SocketAddr> {
        let mut addresses = self.addresses(host, port).await?;
        of_family(host, family, &mut addresses)?;
        Ok(*addresses
            .first()
            .expect("a look-up without result is an error"))
    }

    /// The addresses of a host that may be connected to, at least one.
    async fn addresses(&mut self, host: &str, port: u16) -> Result<Vec<SocketAddr>> {
        let mut addresses = match read_host(host) {
            Host::Ipv4(_) | Host::Ipv6(_) if self.config.names.given(host, port).is_some() => {
                self.lookup(host, port).await?
            }
            Host::Ipv4(address) => vec![SocketAddr::from((address, port))],
            Host::Ipv6(address) => vec![SocketAddr::from((address, port))],
            Host::Domain(name) => self.lookup(name, port).await?,
        };
        of_family(host, self.config.family, &mut addresses)?;
        self.permitted(host, &mut addresses)?;
        Ok(addresses)
    }

    async fn lookup(&mut self, name: &str, port: u16) -> Result<Vec<SocketAddr>> {
        let known = self.config.names.knows(name, port);
        if known {
            self.deadline.watch.dns_hit(name);
        } else {
            self.deadline.watch.dns_start(name);
        }
        let looking_up = self.config.names.lookup(name, port);
        let found = self.step(Phase::Dns, self.timeout.dns, looking_up).await?;
        if !known {
            self.deadline.watch.dns_end(name);
        }
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

    /// Connects to the proxy, and has it let us through to `origin` where it takes part in no
    /// more than that; `early` takes what the server says first, if it may.
    async fn through(
        &mut self,
        proxy: &ProxyServer,
        origin: &Origin,
        early: Option<&mut Option<ReadBuffer>>,
    ) -> Result<Transport> {
        // Whoever resolves what was asked for here must not get past the policy there.
        if proxy.kind.looks_up() {
            self.permitted_unseen(origin)?;
        }
        self.deadline
            .watch
            .tell(|trace, request| trace.proxy_start(request, &proxy.host, proxy.port));
        let mut stream = self.reach(proxy).await?;
        let family = proxy.is_socks4().then_some(IpFamily::V4);
        let target = match (proxy.kind, origin.host_ref()) {
            (ProxyKind::Http | ProxyKind::Https, _) => {
                return match proxy.makes_tunnel(origin) {
                    true => self.tunnel(stream, proxy, origin, early).await,
                    false => Ok(stream),
                };
            }
            (ProxyKind::Socks5h | ProxyKind::Socks4a, Host::Domain(name)) => {
                Target::Name(name, origin.port)
            }
            (ProxyKind::Socks5h, Host::Ipv4(ip)) => Target::Address((ip, origin.port).into()),
            (ProxyKind::Socks5h, Host::Ipv6(ip)) => Target::Address((ip, origin.port).into()),
            _ => Target::Address(self.address(&origin.host, origin.port, family).await?),
        };
        let connecting = socks::connect(&mut stream, proxy, target);
        self.step(Phase::Proxy, None, connecting).await??;
        Ok(stream)
    }

    /// Connects to the proxy itself.
    async fn reach(&mut self, proxy: &ProxyServer) -> Result<Transport> {
        let stream = self
            .tcp(&proxy.host, proxy.port)
            .await
            .map_err(unreachable)?;
        let stream = Transport::Tcp(stream);
        if proxy.kind != ProxyKind::Https {
            return Ok(stream);
        }
        let name = read_host(&proxy.host);
        let secured = self.secure(stream, &name, Peer::Proxy).await;
        secured.map_err(unreachable)
    }

    /// Makes a tunnel to `origin`; who wants a proof for it is asked once more, over a connection
    /// of its own: of a refusal nothing is read but the head.
    async fn tunnel(
        &mut self,
        mut stream: Transport,
        proxy: &ProxyServer,
        origin: &Origin,
        mut early: Option<&mut Option<ReadBuffer>>,
    ) -> Result<Transport> {
        for again in [false, true] {
            let limits = &self.config.limits;
            let early = early.as_deref_mut();
            let opening = tunnel::open(&mut stream, proxy, origin, limits, again, early);
            let Answer { head, outcome } = self.step(Phase::Proxy, None, opening).await??;
            self.deadline.watch.tell(|trace, request| {
                trace.proxy_head(request, head.version, head.status, &head.headers);
            });
            match outcome? {
                Opened::Yes => break,
                Opened::Challenged => stream = self.reach(proxy).await?,
            }
        }
        Ok(stream)
    }

    /// Judges a host that somebody else looks up, as far as it is known where it leads.
    fn permitted_unseen(&self, origin: &Origin) -> Result<()> {
        let address: IpAddr = match origin.host_ref() {
            Host::Ipv4(address) => address.into(),
            Host::Ipv6(address) => address.into(),
            // RFC 6761, section 6.3.
            Host::Domain(name) if name == "localhost" || name.ends_with(".localhost") => {
                Ipv4Addr::LOCALHOST.into()
            }
            Host::Domain(_) => return Ok(()),
        };
        self.permitted(&origin.host, &mut vec![(address, origin.port).into()])
    }

    /// Shakes hands with whom the certificate must name.
    async fn secure(
        &mut self,
        stream: Transport,
        name: &Host<&str>,
        peer: Peer,
    ) -> Result<Transport> {
        let name = server_name(name)?;
        let trust = &self.config.trust;
        self.deadline.rename(Phase::Tls);
        let config = self.deadline.within(trust.config(peer)).await??;
        let mut stream = TlsStream::new(stream, config, name).map_err(tls_error)?;
        let shaking_hands = poll_fn(|cx| stream.poll_handshake(cx));
        self.step(Phase::Tls, self.timeout.tls, shaking_hands)
            .await?
            .map_err(handshake_failed)?;
        self.deadline.watch.secured(stream.version());
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

/// Leaves the addresses of the family that is used, if it is one.
fn of_family(host: &str, family: Option<IpFamily>, addresses: &mut Vec<SocketAddr>) -> Result<()> {
    let Some(family) = family else {
        return Ok(());
    };
    addresses.retain(|address| address.is_ipv4() == (family == IpFamily::V4));
    if !addresses.is_empty() {
        return Ok(());
    }
    let none = format!("it has no address of the family {family:?}");
    Err(Error::new(ErrorKind::Dns {
        host: host.to_owned(),
        source: io::Error::new(io::ErrorKind::NotFound, none),
    }))
}

/// Says that it is the proxy which cannot be reached. A limit and a policy speak for themselves.
fn unreachable(error: Error) -> Error {
    let kind = match error.kind() {
        ErrorKind::Dns { .. } | ErrorKind::Connect { .. } => ProxyErrorKind::Connect,
        ErrorKind::Tls { .. } => ProxyErrorKind::Tls,
        _ => return error,
    };
    Error::proxy(kind, None, Some(error.into()))
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
