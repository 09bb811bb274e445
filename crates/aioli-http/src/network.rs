//! Networks of addresses, written as `10.0.0.0/8`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A network: the addresses that begin with the same bits.
///
/// Written as an address and a length (`10.0.0.0/8`, `2001:db8::/32`); an address alone is a
/// network of one. IPv6 addresses that stand for IPv4 ones (`::ffff:10.0.0.1`) are those.
///
/// # Examples
///
/// ```
/// use aioli_http::Network;
///
/// let network: Network = "10.0.0.0/8".parse()?;
/// assert!(network.contains("10.1.2.3".parse()?));
/// assert!(network.contains("::ffff:10.1.2.3".parse()?));
/// assert!(!network.contains("11.0.0.0".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    /// In its shortest form, and zero after the prefix.
    bits: u128,
    prefix: u8,
    is_v4: bool,
}

/// A text that is no [`Network`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a network: an address, or an address, a slash and a number of bits, is expected")]
#[non_exhaustive]
pub struct NetworkError;

impl Network {
    /// The network of `address` with so many leading bits; `None` when it has not so many.
    pub(crate) fn new(address: IpAddr, prefix: u8) -> Option<Network> {
        let (prefix, address) = match (address, address.to_canonical()) {
            // `::ffff:10.0.0.0/104` is `10.0.0.0/8`; a shorter one is not within the mapped ones.
            (IpAddr::V6(_), mapped @ IpAddr::V4(_)) if prefix >= 96 => (prefix - 96, mapped),
            (IpAddr::V6(_), IpAddr::V4(_)) => (prefix, address),
            (_, address) => (prefix, address),
        };
        let (bits, width, is_v4): (_, u8, _) = match address {
            IpAddr::V4(address) => (u128::from(address.to_bits()), 32, true),
            IpAddr::V6(address) => (address.to_bits(), 128, false),
        };
        let host_bits = width.checked_sub(prefix)?;
        Some(Network {
            bits: bits & u128::MAX.checked_shl(host_bits.into()).unwrap_or(0),
            prefix,
            is_v4,
        })
    }

    /// Tells whether `address` is in the network.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        Network::new(address.to_canonical(), self.prefix).is_some_and(|network| network == *self)
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Network, NetworkError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let prefix = match prefix {
            None if address.is_ipv4() => 32,
            None => 128,
            // `u8::from_str` takes a plus sign.
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map_err(|_| NetworkError)?
            }
            Some(_) => return Err(NetworkError),
        };
        Network::new(address, prefix).ok_or(NetworkError)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address: IpAddr = match u32::try_from(self.bits) {
            Ok(bits) if self.is_v4 => std::net::Ipv4Addr::from_bits(bits).into(),
            _ => std::net::Ipv6Addr::from_bits(self.bits).into(),
        };
        write!(f, "{address}/{}", self.prefix)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
