//! SOCKS4 and its extension 4a: one message there, one back.
//!
//! The source is the protocol's description by its authors ("SOCKS: A protocol for TCP proxy across
//! firewalls", and "SOCKS 4A: A Simple Extension to SOCKS 4 Protocol"); there is no standard.

use std::net::{IpAddr, Ipv4Addr};

use super::Credentials;
use super::socks::Target;
use super::tunnel::{receive_all, send};
use crate::error::{Error, ProxyErrorKind, SocksReply};
use crate::transport::Transport;

const VERSION: u8 = 4;
const CONNECT: u8 = 1;
/// The version of a reply, and the first of its codes: it was granted.
const REPLY_VERSION: u8 = 0;
const GRANTED: u8 = 90;
/// An address that is none, and says that a name follows.
const NAME_FOLLOWS: Ipv4Addr = Ipv4Addr::new(0, 0, 0, 1);
/// Version, code, and a port and an address without meaning.
const REPLY: usize = 8;

/// Has the proxy connect to `target`.
pub(super) async fn connect(
    stream: &mut Transport,
    credentials: Option<&Credentials>,
    target: Target<'_>,
) -> Result<(), Error> {
    let failed = |kind| Error::proxy(kind, None, None);
    send(stream, &request(credentials, target).map_err(failed)?).await?;
    let mut reply = [0; REPLY];
    receive_all(stream, &mut reply).await?;
    judge(reply).map_err(failed)
}

fn request(
    credentials: Option<&Credentials>,
    target: Target<'_>,
) -> Result<Vec<u8>, ProxyErrorKind> {
    let (address, name, port) = match target {
        Target::Name(name, port) => (NAME_FOLLOWS, Some(name), port),
        Target::Address(address) => match address.ip() {
            // Of the others of 0.0.0.0/8 a proxy would wait for the name.
            IpAddr::V4(ip) if !ip.octets().starts_with(&[0, 0, 0]) => (ip, None, address.port()),
            _ => return Err(ProxyErrorKind::Socks(SocksReply::AddressTypeNotSupported)),
        },
    };
    let mut out = vec![VERSION, CONNECT];
    out.extend_from_slice(&port.to_be_bytes());
    out.extend_from_slice(&address.octets());
    // Neither has a zero in it: users were checked, and names are those of URLs.
    let user = credentials.map_or("", |known| &known.user);
    for text in [user].into_iter().chain(name) {
        out.extend_from_slice(text.as_bytes());
        out.push(0);
    }
    Ok(out)
}

pub(super) fn judge([version, code, ..]: [u8; REPLY]) -> Result<(), ProxyErrorKind> {
    match (version, code) {
        (REPLY_VERSION, GRANTED) => Ok(()),
        (REPLY_VERSION, 91) => Err(ProxyErrorKind::Socks(SocksReply::GeneralFailure)),
        // It asked our own machine who we are, and got no answer, or another one.
        (REPLY_VERSION, 92 | 93) => Err(ProxyErrorKind::Authentication),
        (REPLY_VERSION, other) => Err(ProxyErrorKind::Socks(SocksReply::Other(other))),
        _ => Err(ProxyErrorKind::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said() {
        let me = Credentials {
            user: "me".to_owned(),
            password: String::new(),
        };
        let address = Target::Address("10.1.2.3:443".parse().unwrap());
        let name = Target::Name("a.example", 80);
        for (credentials, target, want) in [
            (None, address, &b"\x04\x01\x01\xbb\x0a\x01\x02\x03\0"[..]),
            (Some(&me), address, b"\x04\x01\x01\xbb\x0a\x01\x02\x03me\0"),
            (None, name, b"\x04\x01\x00\x50\0\0\0\x01\0a.example\0"),
            (
                Some(&me),
                name,
                b"\x04\x01\x00\x50\0\0\0\x01me\0a.example\0",
            ),
        ] {
            assert_eq!(request(credentials, target).as_deref(), Ok(want));
        }
        for unsayable in ["0.0.0.1:80", "0.0.0.0:80", "[::1]:80"] {
            let target = Target::Address(unsayable.parse().unwrap());
            let kind = ProxyErrorKind::Socks(SocksReply::AddressTypeNotSupported);
            assert_eq!(request(None, target), Err(kind), "{unsayable}");
        }
    }

    #[test]
    fn what_is_heard() {
        let reply = |version, code| judge([version, code, 1, 2, 3, 4, 5, 6]);
        assert_eq!(reply(0, 90), Ok(()));
        for (version, code, want) in [
            (0, 91, ProxyErrorKind::Socks(SocksReply::GeneralFailure)),
            (0, 92, ProxyErrorKind::Authentication),
            (0, 93, ProxyErrorKind::Authentication),
            (0, 0, ProxyErrorKind::Socks(SocksReply::Other(0))),
            (4, 90, ProxyErrorKind::Malformed),
            (5, 0, ProxyErrorKind::Malformed),
        ] {
            assert_eq!(reply(version, code), Err(want), "{version} {code}");
        }
    }
}
