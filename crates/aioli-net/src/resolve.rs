//! Looking up names.

use std::future::{Future, poll_fn};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::task::{Poll, ready};
use std::time::Duration;

use aioli_time::sleep;
use thiserror::Error;

use self::lane::{Landed, Lane};
use crate::os::ipv4_addresses;
use crate::target::{AddressError, Kind, Target, ToTarget};

mod lane;

/// How long the answer for both families may take before IPv4 is asked for alone.
const PATIENCE: Duration = Duration::from_millis(250);

static BOTH: LazyLock<Arc<Lane>> = LazyLock::new(|| Lane::new(getaddrinfo));
/// Apart from the other one, whose threads may all be waiting.
static IPV4: LazyLock<Arc<Lane>> = LazyLock::new(|| Lane::new(ipv4_addresses));

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
/// Both families are one question, as the system has it: a file of hosts that names only one is
/// the whole answer. When that takes long, because a server of names does not answer for IPv6,
/// the IPv4 addresses alone are asked for as well after a quarter of a second, and taken if they
/// come first (after RFC 8305, section 3; on Unix).
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
    let landed = either(host, &BOTH, &IPV4, PATIENCE).await;
    let found = landed.map_err(|source| ResolveError::Lookup {
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

/// Asks for both families, and after `patience` for IPv4 as well; the first addresses are taken.
async fn either(host: &str, both: &Arc<Lane>, ipv4: &Arc<Lane>, patience: Duration) -> Landed {
    let mut both = pin!(both.lookup(host));
    let mut alone = pin!(async {
        sleep(patience).await;
        ipv4.lookup(host).await
    });
    let mut is_asked = true;
    poll_fn(|cx| {
        if let Poll::Ready(landed) = both.as_mut().poll(cx) {
            return Poll::Ready(landed);
        }
        if !is_asked {
            return Poll::Pending;
        }
        match ready!(alone.as_mut().poll(cx)) {
            Ok(found) if !found.is_empty() => Poll::Ready(Ok(found)),
            // What is wrong the whole answer says better.
            _ => {
                is_asked = false;
                Poll::Pending
            }
        }
    })
    .await
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

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, mpsc};
    use std::time::Instant;

    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        futures::executor::block_on(future)
    }

    #[test]
    fn n157_one_family_that_hangs_does_not_hold_up_the_other() {
        static GATE: Mutex<Option<mpsc::Receiver<()>>> = Mutex::new(None);
        let (open, gate) = mpsc::channel();
        *GATE.lock().unwrap() = Some(gate);
        let hangs = Lane::new(|_| {
            let _ = GATE.lock().unwrap().as_ref().unwrap().recv();
            Ok(vec![address("[::1]:0")])
        });
        let fine = Lane::new(|_| Ok(vec![address("127.0.0.1:0")]));
        let since = Instant::now();
        let found = run(either("a", &hangs, &fine, PATIENCE)).unwrap();
        assert_eq!(*found, [address("127.0.0.1:0")]);
        let took = since.elapsed();
        assert!(took >= PATIENCE && took < PATIENCE * 2, "{took:?}");

        // Where that one has nothing either, the whole answer is waited for.
        let none = Lane::new(|_| Err(io::ErrorKind::NotFound.into()));
        drop(open);
        let found = run(either("b", &hangs, &none, Duration::ZERO)).unwrap();
        assert_eq!(*found, [address("[::1]:0")]);
    }

    #[test]
    fn who_answers_in_time_is_not_asked_twice() {
        let both = Lane::new(|_| Ok(vec![address("[::1]:0"), address("127.0.0.1:0")]));
        let never = Lane::new(|_| panic!("nobody asks"));
        let found = run(either("a", &both, &never, Duration::from_secs(3600))).unwrap();
        assert_eq!(found.len(), 2);
        let wrong = Lane::new(|_| Err(io::ErrorKind::TimedOut.into()));
        let error = run(either("a", &wrong, &never, Duration::from_secs(3600))).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[cfg(unix)]
    #[test]
    fn addresses_of_one_family() {
        let found = ipv4_addresses("127.0.0.1").unwrap();
        assert_eq!(found, [address("127.0.0.1:0")]);
        assert!(ipv4_addresses("::1").is_err());
        assert!(ipv4_addresses("a\0b").is_err());
        // The system may know it by both families, or by one.
        let found = ipv4_addresses("localhost").unwrap_or_default();
        assert!(
            found
                .iter()
                .all(|found| found.ip().is_loopback() && found.is_ipv4())
        );
    }
}
