//! Where to connect or bind: addresses, or a host and a port.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use thiserror::Error;

/// An address to connect to or to bind, a name in it not yet looked up.
///
/// # Examples
///
/// ```
/// use aioli_net::Target;
///
/// let target = Target::parse("[::1]:8080")?;
/// assert_eq!(target.to_string(), "[::1]:8080");
/// assert!(Target::parse("example.org").is_err(), "a port is missing");
/// # Ok::<(), aioli_net::AddressError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target(pub(crate) Kind);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Nothing to look up.
    Addresses(Vec<SocketAddr>),
    /// A name to look up.
    Name { host: String, port: u16 },
}

/// A text that is not an address with a port.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{address:?} is not an address: {reason}")]
#[non_exhaustive]
pub struct AddressError {
    /// The text.
    pub address: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Target {
    /// Reads `host:port`, `1.2.3.4:port` or `[::1]:port`.
    ///
    /// # Errors
    ///
    /// [`AddressError`]: no port, no host, a port that is no number up to 65535, or an IPv6
    /// address without brackets.
    pub fn parse(text: &str) -> Result<Target, AddressError> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(address.into());
        }
        let wrong = |reason| AddressError {
            address: text.to_owned(),
            reason,
        };
        let (host, port) = text.rsplit_once(':').ok_or(wrong("a port is missing"))?;
        let port = match port.parse() {
            Ok(port) if port_is_digits(text) => port,
            _ => return Err(wrong("the port is not a number from 0 to 65535")),
        };
        if host.starts_with('[') || host.ends_with(']') {
            let inner = host
                .strip_prefix('[')
                .and_then(|host| host.strip_suffix(']'));
            let inner = inner.ok_or(wrong("a bracket is missing"))?;
            return Target::new(inner, port);
        }
        if host.contains(':') {
            return Err(wrong("an IPv6 address is written in brackets"));
        }
        Target::new(host, port)
    }

    /// A host, which may be the text of an IP address, and a port.
    ///
    /// # Errors
    ///
    /// [`AddressError`]: the host is empty or holds a NUL.
    pub fn new(host: &str, port: u16) -> Result<Target, AddressError> {
        let reason = match host {
            "" => "the host is missing",
            _ if host.contains('\0') => "the host holds a NUL",
            _ => {
                return Ok(match host.parse::<IpAddr>() {
                    Ok(ip) => SocketAddr::new(ip, port).into(),
                    Err(_) => Target(Kind::Name {
                        host: host.to_owned(),
                        port,
                    }),
                });
            }
        };
        let address = format!("{host}:{port}");
        Err(AddressError { address, reason })
    }
}

/// `u16::from_str` takes a plus sign.
fn port_is_digits(text: &str) -> bool {
    !text.ends_with(':') && !text.contains(":+")
}

impl From<SocketAddr> for Target {
    fn from(address: SocketAddr) -> Target {
        Target(Kind::Addresses(vec![address]))
    }
}

impl From<Vec<SocketAddr>> for Target {
    fn from(addresses: Vec<SocketAddr>) -> Target {
        Target(Kind::Addresses(addresses))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Name { host, port } => write!(f, "{host}:{port}"),
            Kind::Addresses(addresses) => {
                for (index, address) in addresses.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{address}")?;
                }
                Ok(())
            }
        }
    }
}

/// What says where to connect or bind.
///
/// That is `"host:port"`, `(host, port)`, a [`SocketAddr`] (or an address and a port), several
/// of them to be tried in order, or a [`Target`].
///
/// # Examples
///
/// ```
/// use aioli_net::ToTarget;
///
/// let same = ["localhost:80".to_target()?, ("localhost", 80).to_target()?];
/// assert_eq!(same[0], same[1]);
/// # Ok::<(), aioli_net::AddressError>(())
/// ```
pub trait ToTarget {
    /// The target.
    ///
    /// # Errors
    ///
    /// [`AddressError`]: a text that is no address.
    fn to_target(&self) -> Result<Target, AddressError>;
}

impl<T: ToTarget + ?Sized> ToTarget for &T {
    fn to_target(&self) -> Result<Target, AddressError> {
        (**self).to_target()
    }
}

impl ToTarget for Target {
    fn to_target(&self) -> Result<Target, AddressError> {
        Ok(self.clone())
    }
}

impl ToTarget for str {
    fn to_target(&self) -> Result<Target, AddressError> {
        Target::parse(self)
    }
}

impl ToTarget for String {
    fn to_target(&self) -> Result<Target, AddressError> {
        Target::parse(self)
    }
}

impl ToTarget for (&str, u16) {
    fn to_target(&self) -> Result<Target, AddressError> {
        Target::new(self.0, self.1)
    }
}

impl ToTarget for (String, u16) {
    fn to_target(&self) -> Result<Target, AddressError> {
        Target::new(&self.0, self.1)
    }
}

impl ToTarget for [SocketAddr] {
    fn to_target(&self) -> Result<Target, AddressError> {
        Ok(self.to_vec().into())
    }
}

impl ToTarget for Vec<SocketAddr> {
    fn to_target(&self) -> Result<Target, AddressError> {
        Ok(self.clone().into())
    }
}

/// Values that are one socket address.
macro_rules! one_address {
    ($($type:ty),*) => {$(
        impl ToTarget for $type {
            fn to_target(&self) -> Result<Target, AddressError> {
                Ok(SocketAddr::from(*self).into())
            }
        }
    )*};
}

one_address!(
    SocketAddr,
    SocketAddrV4,
    SocketAddrV6,
    (IpAddr, u16),
    (Ipv4Addr, u16),
    (Ipv6Addr, u16)
);

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, &str>) {
        match (Target::parse(text), expected) {
            (Ok(target), Ok(shown)) => assert_eq!(target.to_string(), shown),
            (Err(error), Err(reason)) => assert_eq!(error.reason, reason),
            (got, _) => panic!("{text:?}: {got:?}, and expected {expected:?}"),
        }
    }

    #[test]
    fn texts() {
        check("localhost:80", Ok("localhost:80"));
        check("127.0.0.1:0", Ok("127.0.0.1:0"));
        check("[::1]:443", Ok("[::1]:443"));
        check("[fe80::1%eth0]:1", Ok("fe80::1%eth0:1"));
        check("localhost", Err("a port is missing"));
        check(":80", Err("the host is missing"));
        check("::1:80", Err("an IPv6 address is written in brackets"));
        check("[::1:80", Err("a bracket is missing"));
        check("a\0b:80", Err("the host holds a NUL"));
        for port in ["", "+80", "-1", "65536", "http", " 80"] {
            let wrong = "the port is not a number from 0 to 65535";
            check(&format!("localhost:{port}"), Err(wrong));
        }
    }

    #[test]
    fn the_text_of_an_ip_address_is_not_looked_up() {
        let target = ("::1", 7).to_target().unwrap();
        assert_eq!(target.0, Kind::Addresses(vec!["[::1]:7".parse().unwrap()]));
    }
}
