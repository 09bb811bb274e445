//! SOCKS5 (RFC 1928), with names and passwords (RFC 1929).
//!
//! ```text
//!   methods ─▶ Method ──(2)──▶ login ─▶ Login ─┐
//!                │ (0)                         │
//!                └─▶ request ─▶ Head ─▶ (Length ─▶) Rest ─▶ done
//! ```
//!
//! [`Handshake`] does no I/O: it says what to send, and how many bytes it has to be given next.
//! No byte more is read than that: what comes behind belongs to the server. SOCKS4, which has
//! another one, is in `socks4`.

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;

use std::net::{IpAddr, SocketAddr};

use super::tunnel::{receive_all, send};
use super::{Credentials, ProxyServer, socks4};
use crate::error::{Error, ProxyErrorKind, SocksReply};
use crate::transport::Transport;

const VERSION: u8 = 5;
const NO_LOGIN: u8 = 0;
const LOGIN: u8 = 2;
/// The version of the login's own protocol.
const LOGIN_VERSION: u8 = 1;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Where the proxy is to connect to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target<'a> {
    Address(SocketAddr),
    /// At most 255 bytes, which its route has checked.
    Name(&'a str, u16),
}

/// Has the proxy connect to `target`, by the version that it speaks.
pub(crate) async fn connect(
    stream: &mut Transport,
    proxy: &ProxyServer,
    target: Target<'_>,
) -> Result<(), Error> {
    let credentials = proxy.credentials.as_ref();
    if proxy.is_socks4() {
        return socks4::connect(stream, credentials, target).await;
    }
    let (mut handshake, first) = Handshake::start(credentials, target);
    send(stream, &first).await?;
    // The longest thing to be read is a name and a port.
    let mut buffer = [0; 255 + 2];
    while let Some(wanted) = handshake.wanted() {
        let bytes = &mut buffer[..wanted];
        receive_all(stream, bytes).await?;
        let answer = handshake
            .receive(bytes)
            .map_err(|kind| Error::proxy(kind, None, None))?;
        send(stream, &answer).await?;
    }
    Ok(())
}

/// The conversation, without its I/O.
#[derive(Debug)]
struct Handshake<'a> {
    credentials: Option<&'a Credentials>,
    target: Target<'a>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Method,
    Login,
    Head,
    Length,
    Rest(usize),
    Done,
}

impl<'a> Handshake<'a> {
    /// The handshake, and what is sent first.
    fn start(credentials: Option<&'a Credentials>, target: Target<'a>) -> (Handshake<'a>, Vec<u8>) {
        let handshake = Handshake {
            credentials,
            target,
            state: State::Method,
        };
        let methods = match credentials {
            None => vec![VERSION, 1, NO_LOGIN],
            Some(_) => vec![VERSION, 2, NO_LOGIN, LOGIN],
        };
        (handshake, methods)
    }

    /// How many bytes [`receive`](Handshake::receive) is to be given; `None` when all is done.
    fn wanted(&self) -> Option<usize> {
        match self.state {
            State::Method | State::Login => Some(2),
            State::Head => Some(4),
            State::Length => Some(1),
            State::Rest(n) => Some(n),
            State::Done => None,
        }
    }

    /// Takes the bytes that were wanted, and says what to send.
    fn receive(&mut self, bytes: &[u8]) -> Result<Vec<u8>, ProxyErrorKind> {
        match (self.state, bytes) {
            (State::Method, [VERSION, NO_LOGIN]) => Ok(self.request()),
            (State::Method, [VERSION, LOGIN]) => match self.credentials {
                Some(credentials) => {
                    self.state = State::Login;
                    Ok(login(credentials))
                }
                None => Err(ProxyErrorKind::Malformed),
            },
            (State::Method, [VERSION, 0xff]) => Err(ProxyErrorKind::Authentication),
            (State::Login, [LOGIN_VERSION, 0]) => Ok(self.request()),
            (State::Login, [LOGIN_VERSION, _]) => Err(ProxyErrorKind::Authentication),
            (State::Head, [VERSION, 0, _, kind]) => {
                self.state = match *kind {
                    IPV4 => State::Rest(4 + 2),
                    IPV6 => State::Rest(16 + 2),
                    NAME => State::Length,
                    _ => return Err(ProxyErrorKind::Malformed),
                };
                Ok(Vec::new())
            }
            (State::Head, [VERSION, reply, ..]) => {
                Err(ProxyErrorKind::Socks(SocksReply::new(*reply)))
            }
            (State::Length, [length]) => {
                self.state = State::Rest(usize::from(*length) + 2);
                Ok(Vec::new())
            }
            (State::Rest(_), _) => {
                self.state = State::Done;
                Ok(Vec::new())
            }
            _ => Err(ProxyErrorKind::Malformed),
        }
    }

    fn request(&mut self) -> Vec<u8> {
        self.state = State::Head;
        let mut out = vec![VERSION, CONNECT, 0];
        let port = match self.target {
            Target::Address(address) => {
                match address.ip() {
                    IpAddr::V4(ip) => {
                        out.push(IPV4);
                        out.extend_from_slice(&ip.octets());
                    }
                    IpAddr::V6(ip) => {
                        out.push(IPV6);
                        out.extend_from_slice(&ip.octets());
                    }
                }
                address.port()
            }
            Target::Name(name, port) => {
                out.push(NAME);
                push_text(&mut out, name);
                port
            }
        };
        out.extend_from_slice(&port.to_be_bytes());
        out
    }
}

fn login(Credentials { user, password }: &Credentials) -> Vec<u8> {
    let mut out = vec![LOGIN_VERSION];
    push_text(&mut out, user);
    push_text(&mut out, password);
    out
}

/// Appends a text with its length in front.
fn push_text(out: &mut Vec<u8>, text: &str) {
    let length = u8::try_from(text.len()).expect("what is too long was refused before any I/O");
    out.push(length);
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests;
