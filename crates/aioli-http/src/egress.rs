//! Which addresses may be connected to, judged on the address that is dialled.
//!
//! A name says nothing about where it leads, and what it leads to can change between a check
//! and a connection. So the check is of the very address that the socket is then connected to,
//! after all look-ups, on every hop of a redirect, for literal addresses and for proxies too.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::network::Network;

/// IPv4 networks that are not of the public internet: IANA's registry of special-purpose
/// addresses, multicast, and what is reserved.
const V4_SPECIAL: [([u8; 4], u8); 15] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

/// Within `2000::/3`, the only part of IPv6 that is given out: protocol assignments (Teredo
/// and ORCHID among them) and examples.
const V6_SPECIAL: [(u128, u8); 3] = [
    (0x2001_0000 << 96, 23),
    (0x2001_0db8 << 96, 32),
    (0x3fff_0000 << 96, 20),
];

/// Which addresses a session may connect to.
///
/// A denied network is denied whatever else is said; then what is allowed is allowed; then the
/// policy's own rule holds. An address that carries an IPv4 address within (`::ffff:a.b.c.d`,
/// NAT64's `64:ff9b::/96`, 6to4's `2002::/16`) is judged by that one as well.
///
/// Of a name that has several addresses those that may not be connected to are left out, and
/// it is an error when none is left. Through an HTTP proxy or `socks5h` the proxy looks the name
/// up; the address of the proxy is judged, and a host that is an address or `localhost`, but not
/// what the proxy finds. A Unix socket of [`SessionBuilder::unix_socket`] is no address.
///
/// [`SessionBuilder::unix_socket`]: crate::SessionBuilder::unix_socket
///
/// # Examples
///
/// ```
/// use aioli_http::{Egress, ErrorKind, Session};
///
/// # aioli_task::run(async {
/// let policy = Egress::public_only().allow("10.1.2.0/24").deny("192.0.9.0/24");
/// let session = Session::builder().egress(policy).build()?;
/// let error = session.get("http://169.254.169.254/latest/meta-data").await.unwrap_err();
/// let ErrorKind::Egress { address, rule, .. } = error.kind() else { panic!("{error}") };
/// assert_eq!(format!("{address}: {rule}"), "169.254.169.254: it is not a public address");
/// # Ok::<(), aioli_http::Error>(()) }).unwrap();
/// ```
#[derive(Debug, Clone)]
#[must_use = "a policy does nothing before it is given to a session"]
pub struct Egress {
    base: Base,
    allow: Vec<Network>,
    deny: Vec<Network>,
    malformed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Base {
    Anywhere,
    Public,
    Listed,
}

/// Why an address may not be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EgressRule {
    /// It is in a network that was denied.
    #[error("{0} is denied")]
    Denied(Network),
    /// It is not an address of the public internet.
    #[error("it is not a public address")]
    NotPublic,
    /// It is in none of the allowed networks.
    #[error("it is in no allowed network")]
    NotListed,
}

impl Egress {
    /// Everything but what is denied.
    pub fn anywhere() -> Egress {
        Egress {
            base: Base::Anywhere,
            allow: Vec::new(),
            deny: Vec::new(),
            malformed: false,
        }
    }

    /// Addresses of the public internet, and what is allowed besides.
    pub fn public_only() -> Egress {
        Egress {
            base: Base::Public,
            ..Egress::anywhere()
        }
    }

    /// Only what is allowed.
    pub fn listed_only() -> Egress {
        Egress {
            base: Base::Listed,
            ..Egress::anywhere()
        }
    }

    /// Allows a [`Network`] or an address. A malformed one is told by
    /// [`SessionBuilder::build`](crate::SessionBuilder::build).
    pub fn allow(mut self, network: &str) -> Egress {
        match network.parse() {
            Ok(network) => self.allow.push(network),
            Err(_) => self.malformed = true,
        }
        self
    }

    /// Denies a [`Network`] or an address. A malformed one is told by
    /// [`SessionBuilder::build`](crate::SessionBuilder::build).
    pub fn deny(mut self, network: &str) -> Egress {
        match network.parse() {
            Ok(network) => self.deny.push(network),
            Err(_) => self.malformed = true,
        }
        self
    }

    /// Judges an address.
    ///
    /// # Errors
    ///
    /// The rule that keeps it out.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Egress, EgressRule};
    ///
    /// let policy = Egress::public_only();
    /// assert_eq!(policy.check([127, 0, 0, 1].into()), Err(EgressRule::NotPublic));
    /// assert_eq!(policy.check([9, 9, 9, 9].into()), Ok(()));
    /// ```
    pub fn check(&self, address: IpAddr) -> Result<(), EgressRule> {
        let address = address.to_canonical();
        let within = embedded(address).map(IpAddr::V4);
        let both = || std::iter::once(address).chain(within);
        let denied = self
            .deny
            .iter()
            .find(|network| both().any(|address| network.contains(address)));
        if let Some(network) = denied {
            return Err(EgressRule::Denied(*network));
        }
        let allowed = |address| self.allow.iter().any(|network| network.contains(address));
        // Who allows 10.0.0.0/8 has not allowed every tunnel to it.
        if allowed(address) {
            return Ok(());
        }
        match self.base {
            Base::Anywhere => Ok(()),
            Base::Public if is_public(address) => Ok(()),
            Base::Public => Err(EgressRule::NotPublic),
            Base::Listed => Err(EgressRule::NotListed),
        }
    }

    pub(crate) fn is_malformed(&self) -> bool {
        self.malformed
    }
}

/// The IPv4 address that an IPv6 address leads to by way of a translator or a tunnel.
fn embedded(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else {
        return None;
    };
    let bits = address.to_bits();
    match address.segments() {
        // RFC 6052, NAT64; RFC 4291, the compatible addresses nobody uses any more.
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] | [0, 0, 0, 0, 0, 0, _, _] => {
            Some(Ipv4Addr::from_bits(bits as u32))
        }
        // RFC 3056, 6to4.
        [0x2002, ..] => Some(Ipv4Addr::from_bits((bits >> 80) as u32)),
        _ => None,
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !V4_SPECIAL.iter().any(|(network, prefix)| {
        Network::new((*network).into(), *prefix)
            .is_some_and(|network| network.contains(address.into()))
    })
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let [0x64, 0xff9b, 0, 0, 0, 0, ..] = address.segments() {
        return embedded(address.into()).is_some_and(is_public_v4);
    }
    let given_out = address.segments()[0] & 0xe000 == 0x2000;
    let special = V6_SPECIAL.iter().any(|(network, prefix)| {
        Network::new(Ipv6Addr::from_bits(*network).into(), *prefix)
            .is_some_and(|network| network.contains(address.into()))
    });
    given_out && !special && embedded(address.into()).is_none_or(is_public_v4)
}

#[cfg(test)]
mod tests;
