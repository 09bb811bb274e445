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

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue};
use url::Url;

use self::no_proxy::NoProxy;
use crate::error::{Error, ErrorKind, RequestErrorKind};
use crate::origin::Origin;
use crate::request::header_pair;

mod env;
mod no_proxy;
pub(crate) mod socks;
pub(crate) mod tunnel;

/// What a host's name (RFC 1928), a user's or a password (RFC 1929) may have at most in SOCKS5,
/// whose lengths are one byte.
pub(crate) const SOCKS_MAX: usize = 255;

/// Which proxy requests take.
///
/// | scheme | the proxy speaks |
/// |---|---|
/// | `http` | HTTP: `http` URLs are asked of it, for `https` it makes a tunnel (`CONNECT`) |
/// | `https` | the same, over TLS |
/// | `socks5` | SOCKS5, with addresses that we look up |
/// | `socks5h` | SOCKS5, with names that it looks up |
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

/// What a proxy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ProxyKind {
    Http,
    Https,
    Socks5,
    /// As `Socks5`; the proxy looks names up.
    Socks5h,
}

/// One proxy, and who we are to it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct ProxyServer {
    pub(crate) kind: ProxyKind,
    /// As the host of an [`Origin`].
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) credentials: Option<Credentials>,
    /// `Proxy-Authorization` for an HTTP proxy.
    pub(crate) authorization: Option<HeaderValue>,
    /// Sent to an HTTP proxy besides.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Credentials {
    pub(crate) user: String,
    pub(crate) password: String,
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

    /// Says who we are: HTTP's `Basic`, or the login of SOCKS5.
    ///
    /// A colon in `user` is malformed for HTTP, more than 255 bytes for SOCKS5.
    #[doc(alias = "aiohttp.ClientSession.proxy_auth")]
    pub fn basic(self, user: impl Into<String>, password: impl Into<String>) -> Proxy {
        let (user, password) = (user.into(), password.into());
        self.each(|server| server.log_in(user.clone(), password.clone()))
    }

    /// Sends a header to the proxy alone, with `CONNECT` and with what it is asked for; SOCKS5
    /// has none.
    #[doc(alias = "aiohttp.ClientSession.proxy_headers")]
    pub fn header<K, V>(self, name: K, value: V) -> Proxy
    where
        HeaderName: TryFrom<K>,
        HeaderValue: TryFrom<V>,
    {
        let pair = header_pair(name, value).map_err(|_| "a header is malformed");
        self.each(|server| {
            server
                .headers
                .push(pair.clone().map_err(ToOwned::to_owned)?);
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

impl ProxyServer {
    fn parse(url: &str) -> Result<ProxyServer, String> {
        let (scheme, rest) = url.trim().split_once("://").unwrap_or(("http", url.trim()));
        let (kind, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (ProxyKind::Http, 80),
            "https" => (ProxyKind::Https, 443),
            "socks5" => (ProxyKind::Socks5, 1080),
            "socks5h" => (ProxyKind::Socks5h, 1080),
            _ => return Err("the scheme is none of http, https, socks5 and socks5h".to_owned()),
        };
        // Only of the schemes of the web the parser reads hosts, and of each it hides a port.
        let parse = |scheme| Url::parse(&format!("{scheme}://{rest}"));
        let malformed = |_| "it is no url".to_owned();
        let (url, other) = (
            parse("http").map_err(malformed)?,
            parse("ftp").map_err(malformed)?,
        );
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err("a proxy's url has no path".to_owned());
        }
        let Some(Origin { host, .. }) = Origin::of(&url) else {
            return Err("a proxy's url has a host".to_owned());
        };
        let mut server = ProxyServer {
            kind,
            host,
            port: url.port().or(other.port()).unwrap_or(default_port),
            credentials: None,
            authorization: None,
            headers: Vec::new(),
        };
        if !url.username().is_empty() || url.password().is_some() {
            let decode = |text| percent_decode(text).ok_or("its credentials are no text");
            server.log_in(
                decode(url.username())?,
                decode(url.password().unwrap_or_default())?,
            )?;
        }
        Ok(server)
    }

    fn log_in(&mut self, user: String, password: String) -> Result<(), String> {
        if self.is_socks() {
            if user.is_empty() || user.len() > SOCKS_MAX || password.len() > SOCKS_MAX {
                return Err("socks5 takes names and passwords of 1 to 255 bytes".to_owned());
            }
        } else {
            // RFC 7617, section 2.
            if user.contains(':') || user.chars().chain(password.chars()).any(char::is_control) {
                return Err("a user's name has no colon, and neither part controls".to_owned());
            }
            let encoded = STANDARD.encode(format!("{user}:{password}"));
            let value = HeaderValue::try_from(format!("Basic {encoded}"));
            let mut value = value.map_err(|_| "the credentials are too long")?;
            value.set_sensitive(true);
            self.authorization = Some(value);
        }
        self.credentials = Some(Credentials { user, password });
        Ok(())
    }

    pub(crate) fn is_socks(&self) -> bool {
        matches!(self.kind, ProxyKind::Socks5 | ProxyKind::Socks5h)
    }

    /// Whether its own headers say who we are.
    pub(crate) fn logs_in(&self) -> bool {
        self.own_headers()
            .any(|(name, _)| *name == http::header::PROXY_AUTHORIZATION)
    }

    /// The headers that the proxy is to see, and nobody else.
    pub(crate) fn own_headers(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        let authorization = self.authorization.as_ref();
        let authorization = authorization.map(|value| (&http::header::PROXY_AUTHORIZATION, value));
        authorization
            .into_iter()
            .chain(self.headers.iter().map(|(name, value)| (name, value)))
    }
}

impl fmt::Debug for ProxyServer {
    /// Shows no credentials and no headers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}:{}", self.kind, self.host, self.port)?;
        if self.credentials.is_some() {
            f.write_str(" with credentials")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// Decodes `%xx`; `None` when the result is not UTF-8.
fn percent_decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    while let [byte, behind @ ..] = rest {
        rest = behind;
        let pair = match behind {
            [high, low, ..] => digit(high).zip(digit(low)),
            _ => None,
        };
        match pair.filter(|_| *byte == b'%') {
            Some((high, low)) => {
                out.push((high * 16 + low) as u8);
                rest = &behind[2..];
            }
            None => out.push(*byte),
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests;
