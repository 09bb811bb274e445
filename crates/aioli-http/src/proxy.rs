//! Proxies: which one a request takes, and who we are to it.
//!
//! A [`Proxy`] is a rule: by the scheme of a URL it names a *server*, unless the host is one that
//! is reached directly. The server, with its credentials, becomes part of the
//! [`Route`](crate::route::Route), so that connections made with other credentials are never used.
//! What a proxy is to see (credentials, headers of its own) is kept in the server, apart from the
//! headers of requests: nothing of a request is in a `CONNECT`, and nothing of the proxy's goes
//! through a tunnel.

use std::fmt;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, header};

use self::no_proxy::NoProxy;
use self::server::Proof;
pub(crate) use self::server::{Credentials, ProxyKind, ProxyServer, SOCKS_MAX};
use crate::auth::{Digest, FieldNames};
use crate::error::{Error, ErrorKind, RequestErrorKind};
use crate::origin::Origin;
use crate::request::header_pair;

mod env;
mod no_proxy;
mod server;
pub(crate) mod socks;
mod socks4;
pub(crate) mod tunnel;

/// Which proxy requests take.
///
/// | scheme | the proxy speaks |
/// |---|---|
/// | `http` | HTTP: `http` URLs are asked of it, for `https` it makes a tunnel (`CONNECT`) |
/// | `https` | the same, over TLS |
/// | `socks5` | SOCKS5, with addresses that we look up |
/// | `socks5h` | SOCKS5, with names that it looks up |
/// | `socks4` | SOCKS4, with IPv4 addresses that we look up |
/// | `socks4a` | the same, with names that it looks up |
///
/// Its certificate is checked as any other; a client certificate is not shown to it. What is
/// malformed is told by [`SessionBuilder::build`](crate::SessionBuilder::build), or when the
/// request is awaited.
///
/// # Examples
///
/// ```
/// use aioli_http::{Proxy, Session};
///
/// let proxy = Proxy::http("proxy.example:3128")
///     .basic("me", "secret")
///     .no_proxy("localhost, .intern.example, 10.0.0.0/8");
/// let session = Session::builder().proxy(proxy).build()?;
/// # let _ = session;
/// # Ok::<(), aioli_http::Error>(())
/// ```
#[doc(alias = "aiohttp.ClientSession.proxy")]
#[derive(Clone)]
#[must_use = "a proxy does nothing before it is given to a session or a request"]
pub struct Proxy {
    /// For `http` URLs.
    plain: Option<Arc<ProxyServer>>,
    /// For `https` URLs.
    secure: Option<Arc<ProxyServer>>,
    bypass: NoProxy,
    malformed: Option<String>,
}

impl Proxy {
    /// Takes the proxy at `url` for all requests; without a scheme it is an `http` one.
    ///
    /// User information in the URL are the credentials.
    pub fn new(url: &str) -> Proxy {
        match ProxyServer::parse(url) {
            Ok(server) => Proxy::of(Some(server)),
            Err(reason) => Proxy::malformed(reason),
        }
    }

    /// Takes an HTTP proxy: `"host:port"` (80 if no port is said) or a URL.
    pub fn http(address: &str) -> Proxy {
        Proxy::with_scheme("http", address)
    }

    /// Takes an HTTP proxy that is spoken to over TLS: `"host:port"` (443 if no port is said) or
    /// a URL.
    pub fn https(address: &str) -> Proxy {
        Proxy::with_scheme("https", address)
    }

    /// Takes a SOCKS5 proxy: `"host:port"` (1080 if no port is said) or a URL. Names are looked
    /// up here.
    pub fn socks5(address: &str) -> Proxy {
        Proxy::with_scheme("socks5", address)
    }

    /// Takes a SOCKS5 proxy: `"host:port"` (1080 if no port is said) or a URL. Names are looked
    /// up by the proxy.
    pub fn socks5h(address: &str) -> Proxy {
        Proxy::with_scheme("socks5h", address)
    }

    /// Takes a SOCKS4 proxy: `"host:port"` (1080 if no port is said) or a URL. Names are looked up
    /// here, and only hosts with an IPv4 address can be reached.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Proxy, Session};
    ///
    /// let session = Session::builder().proxy(Proxy::socks4("me@proxy.example")).build()?;
    /// # let _ = session;
    /// # Ok::<(), aioli_http::Error>(())
    /// ```
    pub fn socks4(address: &str) -> Proxy {
        Proxy::with_scheme("socks4", address)
    }

    /// Takes a SOCKS4a proxy: `"host:port"` (1080 if no port is said) or a URL. Names are looked
    /// up by the proxy.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Proxy, Session};
    ///
    /// let session = Session::builder().proxy(Proxy::socks4a("proxy.example:1081")).build()?;
    /// # let _ = session;
    /// # Ok::<(), aioli_http::Error>(())
    /// ```
    pub fn socks4a(address: &str) -> Proxy {
        Proxy::with_scheme("socks4a", address)
    }

    /// Takes the proxies of the environment, read now: `http_proxy`, `https_proxy` and, for what
    /// they do not name, `all_proxy`; but none for the hosts of `no_proxy`.
    ///
    /// Names in lower case come before those in upper case, and an empty value is none. Where
    /// `REQUEST_METHOD` is set, a program runs for a web server, and `HTTP_PROXY` may be a header
    /// of its visitor: then only the name in lower case counts.
    #[doc(alias = "aiohttp.ClientSession.trust_env")]
    pub fn from_env() -> Proxy {
        env::read(&env::Variables::of_process())
    }

    /// Says who we are: HTTP's `Basic`, the login of SOCKS5, or the user of SOCKS4.
    ///
    /// A colon in `user` is malformed for HTTP, and so are more than 255 bytes or no user for
    /// SOCKS5, and any password for SOCKS4, which has none.
    ///
    /// A `proxy-authorization` that is set by [`header`](Proxy::header) is sent instead, whichever
    /// of both was called last.
    #[doc(alias = "aiohttp.ClientSession.proxy_auth")]
    pub fn basic(self, user: impl Into<String>, password: impl Into<String>) -> Proxy {
        let (user, password) = (user.into(), password.into());
        self.each(|server| server.log_in(user.clone(), password.clone()))
    }

    /// Says who we are by a proof, when the proxy asks for it (407), in place of
    /// [`basic`](Proxy::basic); see [`Auth::digest`](crate::Auth::digest).
    ///
    /// It is answered once a hop. What was answered goes on for all that is sent by this value and
    /// its clones. A tunnel is asked for once more, over another connection; a request is sent
    /// again if its body can be.
    ///
    /// A colon in `user` is malformed, and so is a SOCKS proxy, which has no such thing.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Proxy, Session};
    ///
    /// let proxy = Proxy::http("proxy.example:3128").digest("me", "secret");
    /// let session = Session::builder().proxy(proxy).build()?;
    /// # let _ = session;
    /// # Ok::<(), aioli_http::Error>(())
    /// ```
    pub fn digest(self, user: impl Into<String>, password: impl Into<String>) -> Proxy {
        let (user, password) = (user.into(), password.into());
        // One for both schemes: what the proxy has asked on one way it need not ask on the other.
        let proof = Proof(Arc::new(Digest::new(FieldNames::Proxy, &user, &password)));
        self.each(|server| {
            server.log_in(user.clone(), password.clone())?;
            if server.is_socks() {
                return Err("a socks proxy asks for no proof".to_owned());
            }
            server.authorization = None;
            server.digest = Some(proof.clone());
            Ok(())
        })
    }

    /// Sends a header to the proxy alone, with `CONNECT` and with what it is asked for; SOCKS
    /// has none.
    ///
    /// Of `proxy-authorization` the last one counts, and comes before
    /// [`basic`](Proxy::basic), [`digest`](Proxy::digest) and credentials of the URL. `host` and
    /// what says where a body ends are malformed: of both there is one, which is the request's.
    #[doc(alias = "aiohttp.ClientSession.proxy_headers")]
    pub fn header<K, V>(self, name: K, value: V) -> Proxy
    where
        HeaderName: TryFrom<K>,
        HeaderValue: TryFrom<V>,
    {
        let pair = header_pair(name, value).map_err(|_| "a header is malformed");
        let pair = pair.and_then(|(name, value)| match name {
            header::HOST | header::CONTENT_LENGTH | header::TRANSFER_ENCODING => {
                Err("a header is one that each request has of its own")
            }
            _ => Ok((name, value)),
        });
        self.each(|server| {
            let (name, mut value) = pair.clone().map_err(ToOwned::to_owned)?;
            if name == header::PROXY_AUTHORIZATION {
                value.set_sensitive(true);
                server.headers.retain(|(other, _)| *other != name);
            }
            server.headers.push((name, value));
            Ok(())
        })
    }

    /// Whether an HTTP proxy makes a tunnel for `http` URLs too, as it does for `https`, so that it
    /// neither sees nor changes what is said; it is asked for them itself, unless it is said.
    ///
    /// Many proxies make tunnels to port 443 only.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Proxy, Session};
    ///
    /// let proxy = Proxy::http("proxy.example:3128").tunnel(true);
    /// let session = Session::builder().proxy(proxy).build()?;
    /// # let _ = session;
    /// # Ok::<(), aioli_http::Error>(())
    /// ```
    pub fn tunnel(self, yes: bool) -> Proxy {
        self.each(|server| {
            server.tunnels = yes;
            Ok(())
        })
    }

    /// Adds hosts that are reached directly, separated by commas or spaces.
    ///
    /// A name stands for itself and all names below it, with or without a leading dot; an address
    /// or a network (`10.0.0.0/8`) for hosts that are written as addresses; `*` for all. A port
    /// behind one (`:8080`) makes it that port alone. What is neither is left out.
    pub fn no_proxy(mut self, hosts: &str) -> Proxy {
        self.bypass.add(hosts);
        self
    }

    /// Uses it for `http` URLs only.
    pub fn only_http(mut self) -> Proxy {
        self.secure = None;
        self
    }

    /// Uses it for `https` URLs only.
    pub fn only_https(mut self) -> Proxy {
        self.plain = None;
        self
    }

    fn of(server: Option<ProxyServer>) -> Proxy {
        let server = server.map(Arc::new);
        Proxy {
            plain: server.clone(),
            secure: server,
            bypass: NoProxy::default(),
            malformed: None,
        }
    }

    fn malformed(reason: String) -> Proxy {
        Proxy {
            malformed: Some(reason),
            ..Proxy::of(None)
        }
    }

    fn with_scheme(scheme: &str, address: &str) -> Proxy {
        match address.split_once("://") {
            None => Proxy::new(&format!("{scheme}://{address}")),
            Some((own, _)) if own.eq_ignore_ascii_case(scheme) => Proxy::new(address),
            Some(_) => Proxy::malformed("the proxy's url has another scheme".to_owned()),
        }
    }

    fn each(mut self, change: impl Fn(&mut ProxyServer) -> Result<(), String>) -> Proxy {
        for server in [&mut self.plain, &mut self.secure].into_iter().flatten() {
            if let Err(reason) = change(Arc::make_mut(server)) {
                self.malformed.get_or_insert(reason);
            }
        }
        self
    }

    /// The server for `origin`; `None` when this rule sends it nowhere.
    pub(crate) fn find(&self, origin: &Origin) -> Option<&Arc<ProxyServer>> {
        let server = if origin.secure {
            &self.secure
        } else {
            &self.plain
        };
        let server = server.as_ref()?;
        (!self.bypass.covers(&origin.host_ref(), origin.port)).then_some(server)
    }

    /// Tells what is malformed.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match &self.malformed {
            None => Ok(()),
            Some(reason) => Err(Error::new(ErrorKind::InvalidRequest {
                kind: RequestErrorKind::Proxy,
                source: Some(reason.clone().into()),
            })),
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("http", &self.plain)
            .field("https", &self.secure)
            .field("no_proxy", &self.bypass)
            .field("malformed", &self.malformed)
            .finish()
    }
}

#[cfg(test)]
mod tests;
