//! Looking up names.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, LazyLock};

use thiserror::Error;

use self::lane::Lane;
use crate::target::{AddressError, Kind, Target, ToTarget};

mod lane;

/// Why a name has no addresses.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The text is no address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The system's resolver failed.
    #[error("cannot look up {host}: {source}")]
    #[non_exhaustive]
    Lookup {
        /// The name.
        host: String,
        /// The resolver's error, shared by all who asked at the same time.
        source: Arc<io::Error>,
    },
    /// The name exists, and has no addresses.
    #[error("{host} has no addresses")]
    #[non_exhaustive]
    NoAddresses {
        /// The name.
        host: String,
    },
}

impl ResolveError {
    /// The kind of the error in the terms of [`io::Error`].
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        match self {
            ResolveError::Address(_) => io::ErrorKind::InvalidInput,
            ResolveError::Lookup { source, .. } => source.kind(),
            ResolveError::NoAddresses { .. } => io::ErrorKind::NotFound,
        }
    }
}

impl From<ResolveError> for io::Error {
    fn from(error: ResolveError) -> io::Error {
        io::Error::new(error.kind(), error)
    }
}

/// Looks up a name: the addresses in the order in which the system prefers them.
///
/// Literal addresses are returned at once. Tasks that look up the same name at the same time
/// share one call of `getaddrinfo`. Nothing is remembered between calls: that is the system's
/// business.
///
/// # Cancel safety
///
/// Dropping the future loses nothing. A lookup that nobody waits for any more and that has not
/// begun is not made; one that has begun runs to its end on its own thread.
///
/// # Errors
///
/// [`ResolveError`].
///
/// # Examples
///
/// ```
/// use futures::executor::block_on;
///
/// let addresses = block_on(aioli_net::resolve("localhost:80"))?;
/// assert!(addresses.iter().all(|address| address.ip().is_loopback()));
/// # Ok::<(), aioli_net::ResolveError>(())
/// ```
#[doc(alias = "asyncio.loop.getaddrinfo")]
pub fn resolve(
    target: impl ToTarget,
) -> impl Future<Output = Result<Vec<SocketAddr>, ResolveError>> + Send {
    let target = target.to_target();
    async move { addresses(&target?).await }
}

/// The addresses of a target, at least one.
pub(crate) async fn addresses(target: &Target) -> Result<Vec<SocketAddr>, ResolveError> {
    let (host, port) = match &target.0 {
        Kind::Addresses(addresses) if addresses.is_empty() => {
            let host = "an empty list of addresses".to_owned();
            return Err(ResolveError::NoAddresses { host });
        }
        Kind::Addresses(addresses) => return Ok(addresses.clone()),
        Kind::Name { host, port } => (host, *port),
    };
    static LANE: LazyLock<Arc<Lane>> = LazyLock::new(|| Lane::new(getaddrinfo));
    let found = LANE
        .lookup(host)
        .await
        .map_err(|source| ResolveError::Lookup {
            host: host.clone(),
            source,
        })?;
    if found.is_empty() {
        return Err(ResolveError::NoAddresses { host: host.clone() });
    }
    let with_port = |address: &SocketAddr| {
        let mut address = *address;
        address.set_port(port);
        address
    };
    Ok(found.iter().map(with_port).collect())
}

fn getaddrinfo(host: &str) -> io::Result<Vec<SocketAddr>> {
    let mut found: Vec<SocketAddr> = Vec::new();
    for address in (host, 0).to_socket_addrs()? {
        if !found.contains(&address) {
            found.push(address);
        }
    }
    Ok(found)
}
