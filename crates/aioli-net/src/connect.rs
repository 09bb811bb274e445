//! Connecting to the first address that answers (RFC 8305, "happy eyeballs").
//!
//! A name may have addresses of two families, and one of the families may lead nowhere, so that
//! connecting through it fails after minutes. So attempts begin one after the other, each when
//! the one before has failed or has not succeeded within [`ATTEMPT_DELAY`], the families taking
//! turns, and the first connection wins. The other attempts are dropped, which closes their
//! sockets. When all fail, the error tells of each.

use std::collections::VecDeque;
use std::io;
use std::net::{self, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use aioli_reactor::{Async, Interest};
use aioli_task::driver::Home;
use aioli_time::{Sleep, sleep};
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
    let raced = match addresses.as_slice() {
        [only] => connect_to(*only).await.map_err(|source| {
            let address = *only;
            vec![Attempt { address, source }]
        }),
        _ => Race::new(addresses, connect_to).await,
    };
    raced.map_err(|attempts| ConnectError::Failed {
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

/// One attempt under way.
type Running<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

/// The attempts at a list of addresses: those that run, those to come, those that failed.
struct Race<T, C> {
    connect: C,
    to_come: VecDeque<(usize, SocketAddr)>,
    running: Vec<(usize, SocketAddr, Running<T>)>,
    failed: Vec<(usize, Attempt)>,
    /// When the next attempt begins, if none fails before.
    next: Option<Sleep>,
}

impl<T, C, F> Race<T, C>
where
    C: Fn(SocketAddr) -> F + Unpin,
    F: Future<Output = io::Result<T>> + Send + 'static,
{
    fn new(addresses: Vec<SocketAddr>, connect: C) -> Race<T, C> {
        Race {
            connect,
            to_come: addresses.into_iter().enumerate().collect(),
            running: Vec::new(),
            failed: Vec::new(),
            next: None,
        }
    }

    /// Begins the next attempt, if there is one.
    fn begin(&mut self) {
        if let Some((index, address)) = self.to_come.pop_front() {
            let attempt = Box::pin((self.connect)(address));
            self.running.push((index, address, attempt));
            self.next = (!self.to_come.is_empty()).then(|| sleep(ATTEMPT_DELAY));
        }
    }

    /// Polls what runs; an attempt that has failed makes way for the next one at once.
    fn poll_running(&mut self, cx: &mut Context<'_>) -> Poll<T> {
        let mut place = 0;
        while place < self.running.len() {
            let (index, address, attempt) = &mut self.running[place];
            match attempt.as_mut().poll(cx) {
                Poll::Pending => place += 1,
                Poll::Ready(Ok(stream)) => return Poll::Ready(stream),
                Poll::Ready(Err(source)) => {
                    let address = *address;
                    self.failed.push((*index, Attempt { address, source }));
                    drop(self.running.remove(place));
                    self.begin();
                }
            }
        }
        Poll::Pending
    }
}

impl<T, C, F> Future for Race<T, C>
where
    C: Fn(SocketAddr) -> F + Unpin,
    F: Future<Output = io::Result<T>> + Send + 'static,
{
    type Output = Result<T, Vec<Attempt>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let race = self.get_mut();
        if race.running.is_empty() {
            race.begin();
        }
        loop {
            if let Poll::Ready(stream) = race.poll_running(cx) {
                return Poll::Ready(Ok(stream));
            }
            if race.running.is_empty() {
                debug_assert!(race.to_come.is_empty(), "a failure begins the next attempt");
                race.failed.sort_by_key(|(index, _)| *index);
                let failed = race.failed.drain(..).map(|(_, attempt)| attempt);
                return Poll::Ready(Err(failed.collect()));
            }
            let next = race.next.as_mut();
            match next.map(|next| Pin::new(next).poll(cx)) {
                Some(Poll::Ready(())) => race.begin(),
                _ => return Poll::Pending,
            }
        }
    }
}
