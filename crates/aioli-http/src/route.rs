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

use crate::dial::DialConfig;
use crate::origin::Origin;

/// Whom we talk to, and by which way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Route {
    pub(crate) origin: Origin,
    pub(crate) via: Via,
}

/// What is between us and the origin.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Via {
    /// Nothing: the address of the host.
    Direct,
    /// A socket of this machine, whatever the host is called.
    Unix(Arc<Path>),
}

impl Route {
    /// The way that a session's requests to `origin` take.
    pub(crate) fn choose(config: &DialConfig, origin: Origin) -> Route {
        let via = match &config.unix {
            Some(path) => Via::Unix(path.clone()),
            None => Via::Direct,
        };
        Route { origin, via }
    }
}
