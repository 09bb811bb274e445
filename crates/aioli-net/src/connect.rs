//! Connecting to the first address that answers (RFC 8305, "happy eyeballs").
//!
//! A name may have addresses of two families, and one of the families may lead nowhere, so that
//! connecting through it fails after minutes. So attempts begin one after the other, each when
//! the one before has failed or has not succeeded within [`ATTEMPT_DELAY`], the families taking
//! turns, and the first connection wins. The other attempts are dropped, which closes their
//! sockets. When all fail, the error tells of each.

use std::io;
use std::net::{self, SocketAddr};
use std::time::Duration;

use aioli_flow::{Attempt as Ended, staggered};
use aioli_reactor::{Async, Interest};
use aioli_task::driver::Home;
use socket2::{Domain, Protocol, Socket, Type};

use crate::error::{Attempt, ConnectError};
use crate::resolve::addresses;
use crate::target::Target;

#[cfg(test)]
mod tests;

/// How long an attempt has the field to itself: the RFC's recommendation, and what asyncio's
/// documentation suggests.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// A TCP stream that is registered.
pub(crate) type Connected = Async<net::TcpStream>;

/// Looks up the target and connects to its first address that answers.
pub(crate) async fn connect(target: Target) -> Result<Connected, ConnectError> {
    // Real work is under way: a virtual clock must not jump over it.
    let _hold = Home::try_current().map(|home| home.hold());
    let addresses = interleave(addresses(&target).await?);
    race(&addresses, connect_to)
        .await
        .map_err(|attempts| ConnectError::Failed {
            target: target.to_string(),
            attempts,
        })
}

/// Connects to one address.
async fn connect_to(address: SocketAddr) -> io::Result<Connected> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    match socket.connect(&address.into()) {
        Err(error) if !crate::os::is_in_progress(&error) => return Err(error),
        _ => {}
    }
    // Registered after `connect`, because a socket that is neither connected nor connecting is
    // reported as hung up.
    let stream = Async::from_nonblocking(net::TcpStream::from(socket))?;
    let outcome = || match stream.get_ref().take_error()? {
        Some(error) => Err(error),
        None => match stream.get_ref().peer_addr() {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            other => other.map(drop),
        },
    };
    stream
        .registration()
        .io(Interest::Writable, outcome)
        .await?;
    // asyncio's default, and what every protocol of requests and answers wants.
    stream.get_ref().set_nodelay(true)?;
    Ok(stream)
}

/// The family first seen is tried first, then the two alternate (RFC 8305, section 4).
pub(crate) fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let Some(first) = addresses.first() else {
        return addresses;
    };
    let is_preferred = |address: &SocketAddr| address.is_ipv6() == first.is_ipv6();
    let (preferred, other): (Vec<SocketAddr>, Vec<SocketAddr>) =
        addresses.iter().copied().partition(is_preferred);
    let mut ordered = Vec::with_capacity(addresses.len());
    let (mut preferred, mut other) = (preferred.into_iter(), other.into_iter());
    loop {
        let pair = [preferred.next(), other.next()];
        if pair == [None, None] {
            return ordered;
        }
        ordered.extend(pair.into_iter().flatten());
    }
}

/// Begins the attempts one after the other; the first success, or how each has failed.
async fn race<T, F>(
    addresses: &[SocketAddr],
    connect: impl Fn(SocketAddr) -> F,
) -> Result<T, Vec<Attempt>>
where
    F: Future<Output = io::Result<T>>,
{
    let attempts = addresses.iter().copied().map(connect);
    let race = staggered(ATTEMPT_DELAY, attempts).await;
    if let Some((_, stream)) = race.winner {
        return Ok(stream);
    }
    let ended = addresses.iter().copied().zip(race.attempts);
    Err(ended
        .filter_map(|(address, attempt)| match attempt {
            Ended::Failed(source) => Some(Attempt { address, source }),
            _ => None,
        })
        .collect())
}
