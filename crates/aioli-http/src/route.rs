//! The way to an origin, which is what connections are kept by.
//!
//! Two requests may use one connection only if everything is the same that decides who is at its
//! other end and who that one takes us for: the origin, what is between us and it, the
//! credentials shown on the way, and the name the certificate is checked against. All of that is
//! in a [`Route`], and the pool compares nothing else. What is the same for all requests of a
//! session (roots, client certificate, pins, local address) is not in it, because each session
//! has a pool of its own.

use std::path::Path;
use std::sync::Arc;

use http::Version;

use crate::dial::DialConfig;
use crate::error::{Error, RequestErrorKind, Result};
use crate::origin::Origin;
use crate::proxy::{Proxy, ProxyKind, ProxyServer, SOCKS_MAX};

/// Whom we talk to, and by which way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Route {
    pub(crate) origin: Arc<Origin>,
    pub(crate) via: Via,
    /// Whom the certificate must name, if not the host.
    pub(crate) server_name: Option<Arc<str>>,
    /// The connection is a caller's, for anything: no TLS is spoken on it, nor HTTP.
    pub(crate) raw: bool,
}

/// What is between us and the origin.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Via {
    /// Nothing: the address of the host.
    Direct,
    /// A socket of this machine, whatever the host is called.
    Unix(Arc<Path>),
    Proxy(Arc<ProxyServer>),
}

/// What one request says about its way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Way {
    /// In place of the session's proxies.
    pub(crate) proxy: Option<OwnProxy>,
    /// For the first origin of the request.
    pub(crate) server_name: Option<Arc<str>>,
    /// What stands in the request line of the first hop.
    pub(crate) target: Option<Arc<str>>,
    /// The only version of HTTP/1 that is spoken.
    pub(crate) version: Option<Version>,
}

#[derive(Debug, Clone)]
pub(crate) enum OwnProxy {
    None,
    One(Proxy),
}

impl Route {
    /// The way of a request to `origin`; `own` tells whether the request never left the origin
    /// it was made for.
    ///
    /// # Errors
    ///
    /// The host's name is too long for the proxy.
    pub(crate) fn choose(
        config: &DialConfig,
        way: Option<&Way>,
        origin: Arc<Origin>,
        own: bool,
    ) -> Result<Route> {
        let via = match &config.unix {
            Some(path) => Via::Unix(path.clone()),
            None => match proxy(config, way, &origin) {
                Some(server) => Via::Proxy(server.clone()),
                None => Via::Direct,
            },
        };
        if let Via::Proxy(server) = &via
            && matches!(server.kind, ProxyKind::Socks5h | ProxyKind::Socks4a)
            && origin.host.len() > SOCKS_MAX
        {
            return Err(Error::invalid_request(RequestErrorKind::HostTooLong));
        }
        let server_name = way
            .filter(|_| own && origin.secure)
            .and_then(|way| way.server_name.clone());
        Ok(Route {
            origin,
            via,
            server_name,
            raw: false,
        })
    }

    /// The way of a raw stream, which is that of `https` to the same host and port.
    ///
    /// # Errors
    ///
    /// As [`choose`](Route::choose).
    pub(crate) fn raw(config: &DialConfig, way: &Way, origin: Arc<Origin>) -> Result<Route> {
        debug_assert!(origin.secure, "else a proxy is not asked for a tunnel");
        let mut route = Route::choose(config, Some(way), origin, true)?;
        route.raw = true;
        Ok(route)
    }

    /// Has an HTTP proxy make a tunnel that would be asked for whole URLs: what is said is for the
    /// origin alone.
    pub(crate) fn pass_through(mut self) -> Route {
        if let Via::Proxy(server) = &mut self.via {
            Arc::make_mut(server).tunnels = true;
        }
        self
    }

    /// The proxy that is asked for whole URLs, if there is one.
    pub(crate) fn asks_proxy(&self) -> Option<&ProxyServer> {
        match &self.via {
            Via::Proxy(server) if !server.is_socks() && !server.makes_tunnel(&self.origin) => {
                Some(server)
            }
            _ => None,
        }
    }
}

fn proxy<'a>(
    config: &'a DialConfig,
    way: Option<&'a Way>,
    origin: &Origin,
) -> Option<&'a Arc<ProxyServer>> {
    match way.and_then(|way| way.proxy.as_ref()) {
        Some(OwnProxy::None) => None,
        Some(OwnProxy::One(proxy)) => proxy.find(origin),
        None => config.proxies.iter().find_map(|proxy| proxy.find(origin)),
    }
}
