//! How a session opens connections: names, policy and sockets.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aioli_task::Seconds;

use super::SessionBuilder;
use crate::dial::IpFamily;
use crate::egress::Egress;
use crate::error::{Error, RequestErrorKind};
use crate::proxy::Proxy;
use crate::resolve::Resolver;

impl SessionBuilder {
    /// Connects to `address` when the host of a URL is `host`, instead of looking it up; a host
    /// may also be an address.
    ///
    /// Port 0 is the port of the URL. Certificates are checked against `host` all the same. What
    /// is no host is told by [`build`](SessionBuilder::build).
    #[doc(alias = "aiohttp.resolver")]
    pub fn resolve(self, host: &str, address: SocketAddr) -> SessionBuilder {
        self.resolve_all(host, [address])
    }

    /// As [`resolve`](SessionBuilder::resolve), with several addresses, the preferred one first.
    ///
    /// With none, the name has no addresses.
    pub fn resolve_all(
        mut self,
        host: &str,
        addresses: impl IntoIterator<Item = SocketAddr>,
    ) -> SessionBuilder {
        if let Some(host) = self.host(host) {
            let addresses = addresses.into_iter().collect();
            self.config.dial.names.give(host, None, addresses);
        }
        self
    }

    /// As [`resolve_all`](SessionBuilder::resolve_all), for one port of the host: other ports of it
    /// have the addresses that they have otherwise.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::Session;
    ///
    /// // The new server, before the name leads there; everything else as it is.
    /// let session = Session::builder()
    ///     .resolve_port("www.example.org", 443, ["192.0.2.7:8443".parse().unwrap()])
    ///     .build()?;
    /// # let _ = session;
    /// # Ok::<(), aioli_http::Error>(())
    /// ```
    pub fn resolve_port(
        mut self,
        host: &str,
        port: u16,
        addresses: impl IntoIterator<Item = SocketAddr>,
    ) -> SessionBuilder {
        if let Some(host) = self.host(host) {
            let addresses = addresses.into_iter().collect();
            self.config.dial.names.give(host, Some(port), addresses);
        }
        self
    }

    /// Asks `resolver` for the addresses of names, and not the system.
    #[doc(alias = "aiohttp.TCPConnector.resolver")]
    pub fn resolver(mut self, resolver: impl Resolver) -> SessionBuilder {
        self.config.dial.names.resolver = Some(Arc::new(resolver));
        self
    }

    /// Uses addresses of one family only, of hosts and of proxies; those of both, unless it is
    /// said.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{ErrorKind, IpFamily, Session};
    ///
    /// # let url = aioli_http::example::serve("hello");
    /// # aioli_task::run(async {
    /// let session = Session::builder().ip_family(IpFamily::V6).build()?;
    /// let error = session.get(url.replace("127.0.0.1", "127.1")).await.unwrap_err();
    /// assert!(matches!(error.kind(), ErrorKind::Dns { .. }));
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "aiohttp.TCPConnector.family")]
    pub fn ip_family(mut self, family: IpFamily) -> SessionBuilder {
        self.config.dial.family = Some(family);
        self
    }

    /// How long the addresses of a name are used again, 10 seconds unless it is said; zero looks
    /// each one up that no request is waiting for.
    ///
    /// [`Limits::names`](crate::Limits::names) says how many are remembered. One to none of whose
    /// addresses a connection could be made is forgotten at once. Requests that wait for the same
    /// name share one look-up.
    ///
    /// # Panics
    ///
    /// When the number of seconds is NaN.
    #[doc(alias = "aiohttp.TCPConnector.ttl_dns_cache")]
    pub fn dns_cache(mut self, lifetime: impl Seconds) -> SessionBuilder {
        self.config.dial.names.ttl = lifetime.into_duration().unwrap_or(Duration::MAX);
        self
    }

    /// Takes a proxy; of several the first one that is for a URL is taken.
    ///
    /// The environment is not asked unless [`trust_env`](SessionBuilder::trust_env) says so.
    #[doc(alias = "aiohttp.ClientSession.proxy")]
    pub fn proxy(mut self, proxy: Proxy) -> SessionBuilder {
        if let Err(error) = proxy.check() {
            self.fail(error);
        }
        self.config.dial.proxies.push(proxy);
        self
    }

    /// Whether the proxies of the environment are taken, after those that were given; they are
    /// not, unless it is said. See [`Proxy::from_env`].
    ///
    /// A malformed one is an error: to go without it would be to leave by a way that somebody
    /// has closed.
    #[doc(alias = "aiohttp.ClientSession.trust_env")]
    pub fn trust_env(self, yes: bool) -> SessionBuilder {
        if yes {
            self.proxy(Proxy::from_env())
        } else {
            self
        }
    }

    /// Which addresses may be connected to; all of them, unless it is said.
    ///
    /// # Examples
    ///
    /// What a stranger has given as a URL cannot reach the machines of the house:
    ///
    /// ```
    /// use aioli_http::{Egress, ErrorKind, Session};
    ///
    /// # let url = aioli_http::example::serve("hello");
    /// # aioli_task::run(async {
    /// let session = Session::builder().egress(Egress::public_only()).build()?;
    /// let error = session.get(url).await.unwrap_err();
    /// assert!(matches!(error.kind(), ErrorKind::Egress { .. }) && !error.maybe_processed());
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    pub fn egress(mut self, policy: Egress) -> SessionBuilder {
        if policy.is_malformed() {
            self.fail(Error::invalid_request(RequestErrorKind::Network));
        }
        self.config.dial.egress = Some(policy);
        self
    }

    /// Sends all requests to the Unix socket at `path`, whatever the host of their URLs is.
    ///
    /// The host still is the `host` header, and what a certificate is checked against. No proxy
    /// is used, and no [`Egress`] policy asked. On systems without Unix sockets all requests
    /// fail.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), aioli_http::Error> {
    /// let docker = aioli_http::Session::builder().unix_socket("/run/docker.sock").build()?;
    /// let info = docker.get("http://docker/info").await?.text().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "aiohttp.UnixConnector")]
    pub fn unix_socket(mut self, path: impl AsRef<Path>) -> SessionBuilder {
        self.config.dial.unix = Some(path.as_ref().into());
        self
    }

    /// The address of this side; port 0 is a free port. Addresses of the other family fail.
    #[doc(alias = "aiohttp.TCPConnector.local_addr")]
    pub fn local_address(mut self, address: SocketAddr) -> SessionBuilder {
        let socket = &mut self.config.dial.socket;
        *socket = socket.clone().bind(address);
        self
    }

    /// Whether small writes are sent at once (`TCP_NODELAY`); they are, unless it is said.
    pub fn tcp_nodelay(mut self, yes: bool) -> SessionBuilder {
        let socket = &mut self.config.dial.socket;
        *socket = socket.clone().nodelay(yes);
        self
    }

    /// After how long a silence the system asks whether the server is still there; it does not,
    /// unless it is said.
    ///
    /// # Panics
    ///
    /// When the number of seconds is NaN.
    pub fn tcp_keepalive(mut self, silence: impl Seconds) -> SessionBuilder {
        let socket = &mut self.config.dial.socket;
        *socket = socket.clone().keepalive(silence);
        self
    }

    /// How long data that was sent may stay unconfirmed before the system gives the connection up
    /// (`TCP_USER_TIMEOUT`), in whole milliseconds; an infinite time, the default, leaves that to
    /// the system.
    ///
    /// It holds where no time limit of ours does, as for a response that is held unread. On other
    /// systems than Linux, Android and Fuchsia every connection fails as `Connect`, with
    /// [`Unsupported`](std::io::ErrorKind::Unsupported).
    ///
    /// # Panics
    ///
    /// When the number of seconds is NaN.
    ///
    /// # Examples
    ///
    /// ```
    /// # if cfg!(any(target_os = "linux", target_os = "android")) {
    /// # let url = aioli_http::example::serve("hello");
    /// # aioli_task::run(async {
    /// let builder = aioli_http::Session::builder().tcp_keepalive(20).tcp_user_timeout(30);
    /// let session = builder.build()?;
    /// assert_eq!(session.get(url).await?.text().await?, "hello");
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// # }
    /// ```
    pub fn tcp_user_timeout(mut self, limit: impl Seconds) -> SessionBuilder {
        let socket = &mut self.config.dial.socket;
        *socket = socket.clone().user_timeout(limit);
        self
    }

    /// Connects by this network interface alone, as `eth0`, whatever the system's routes say
    /// (`SO_BINDTODEVICE`); proxies too. By which one names are looked up is the resolver's affair.
    ///
    /// On other systems than Linux, Android and Fuchsia every connection fails as `Connect`, with
    /// [`Unsupported`](std::io::ErrorKind::Unsupported); for an interface that there is not, with
    /// the system's error. An empty name is no interface, and all are used.
    ///
    /// # Examples
    ///
    /// ```
    /// let builder = aioli_http::Session::builder().device("eth1");
    /// let session = builder.build()?;
    /// # let _ = session;
    /// # Ok::<(), aioli_http::Error>(())
    /// ```
    #[doc(alias = "curl.interface")]
    #[doc(alias = "SO_BINDTODEVICE")]
    pub fn device(mut self, name: &str) -> SessionBuilder {
        let socket = &mut self.config.dial.socket;
        *socket = socket.clone().device(name);
        self
    }

    /// How long one address of a host has the field to itself before the next one is tried as
    /// well (RFC 8305), 250 ms unless it is said. An infinite time tries them one by one.
    ///
    /// Of a host with many addresses 16 are tried, the families taking turns.
    ///
    /// # Panics
    ///
    /// When the number of seconds is NaN.
    #[doc(alias = "aiohttp.TCPConnector.happy_eyeballs_delay")]
    pub fn happy_eyeballs_delay(mut self, delay: impl Seconds) -> SessionBuilder {
        let socket = &mut self.config.dial.socket;
        *socket = socket.clone().attempt_delay(delay);
        self
    }
}
