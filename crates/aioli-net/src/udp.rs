//! UDP sockets.

use std::fmt;
use std::io;
use std::net::{self, SocketAddr};

use aioli_reactor::{Async, Interest};

use crate::error::{Attempt, BindError, ConnectError};
use crate::resolve::addresses;
use crate::target::{Target, ToTarget};

/// A UDP socket.
///
/// All methods take `&self`: several tasks may send and receive at the same time, and each
/// datagram goes to one of them.
///
/// # Examples
///
/// ```
/// use aioli_net::UdpSocket;
/// use futures::executor::block_on;
///
/// block_on(async {
///     let server = UdpSocket::bind("127.0.0.1:0").await?;
///     let client = UdpSocket::bind("127.0.0.1:0").await?;
///     client.send_to(b"ping", server.local_addr()?).await?;
///
///     let mut buffer = [0; 1500];
///     let (n, from) = server.recv_from(&mut buffer).await?;
///     assert_eq!((&buffer[..n], from), (&b"ping"[..], client.local_addr()?));
/// #   Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.DatagramTransport")]
#[doc(alias = "asyncio.loop.create_datagram_endpoint")]
#[must_use = "the socket closes when it is dropped"]
pub struct UdpSocket {
    io: Async<net::UdpSocket>,
}

impl UdpSocket {
    /// Binds the first address of `target` that can be. Port 0 is a free port.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing bound.
    ///
    /// # Errors
    ///
    /// [`BindError`]: no address, or none that could be bound.
    pub fn bind(
        target: impl ToTarget,
    ) -> impl Future<Output = Result<UdpSocket, BindError>> + Send {
        let target = target.to_target();
        async move {
            let target: Target = target?;
            let mut last = None;
            for address in addresses(&target).await? {
                match net::UdpSocket::bind(address).and_then(UdpSocket::from_std) {
                    Ok(socket) => return Ok(socket),
                    Err(error) => last = Some(error),
                }
            }
            Err(BindError::Failed {
                target: target.to_string(),
                source: last.expect("a target that was looked up has an address"),
            })
        }
    }

    /// Wraps a socket of std, which becomes non-blocking, and registers it with this thread's
    /// event loop, else the background loop.
    ///
    /// # Errors
    ///
    /// As [`aioli_reactor::Registration::new`].
    pub fn from_std(socket: net::UdpSocket) -> io::Result<UdpSocket> {
        socket.set_nonblocking(true)?;
        Ok(UdpSocket {
            io: Async::from_nonblocking(socket)?,
        })
    }

    /// Takes the socket out of its loop. It stays non-blocking.
    #[must_use = "the socket closes when it is dropped"]
    pub fn into_std(self) -> net::UdpSocket {
        self.io.into_inner()
    }

    /// The socket as the reactor sees it, for socket options and system calls of your own.
    pub fn as_async(&self) -> &Async<net::UdpSocket> {
        &self.io
    }

    /// Makes the first address of `target` that the system accepts the only peer: `send` goes to
    /// it, and datagrams of others are not received. Nothing is sent.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the socket as it was.
    ///
    /// # Errors
    ///
    /// [`ConnectError`], which lists every address that was tried.
    pub fn connect(
        &self,
        target: impl ToTarget,
    ) -> impl Future<Output = Result<(), ConnectError>> + Send {
        let target = target.to_target();
        async move {
            let target: Target = target?;
            let mut attempts = Vec::new();
            for address in addresses(&target).await? {
                match self.io.get_ref().connect(address) {
                    Ok(()) => return Ok(()),
                    Err(source) => attempts.push(Attempt { address, source }),
                }
            }
            let target = target.to_string();
            Err(ConnectError::Failed { target, attempts })
        }
    }

    /// Sends a datagram to `address`.
    ///
    /// # Cancel safety
    ///
    /// A datagram that was dropped while it waited for room has not been sent.
    ///
    /// # Errors
    ///
    /// The system's error, such as a datagram that is too long.
    #[doc(alias = "asyncio.loop.sock_sendto")]
    pub async fn send_to(&self, datagram: &[u8], address: SocketAddr) -> io::Result<usize> {
        let send = || self.io.get_ref().send_to(datagram, address);
        self.io.registration().io(Interest::Writable, send).await
    }

    /// Sends a datagram to the peer.
    ///
    /// # Cancel safety
    ///
    /// A datagram that was dropped while it waited for room has not been sent.
    ///
    /// # Errors
    ///
    /// The system's error: `NotConnected` (or the like) without a peer, `ConnectionRefused` when
    /// an earlier datagram has been refused.
    pub async fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        let send = || self.io.get_ref().send(datagram);
        self.io.registration().io(Interest::Writable, send).await
    }

    /// Receives a datagram and tells where it is from. What does not fit into `buffer` is lost.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes no datagram.
    ///
    /// # Errors
    ///
    /// The system's error.
    #[doc(alias = "asyncio.loop.sock_recvfrom")]
    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let receive = || self.io.get_ref().recv_from(buffer);
        self.io.registration().io(Interest::Readable, receive).await
    }

    /// Receives a datagram of the peer. What does not fit into `buffer` is lost.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes no datagram.
    ///
    /// # Errors
    ///
    /// The system's error: `ConnectionRefused` when an earlier datagram has been refused.
    pub async fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let receive = || self.io.get_ref().recv(buffer);
        self.io.registration().io(Interest::Readable, receive).await
    }

    /// The address of this side.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// The address of the peer.
    ///
    /// # Errors
    ///
    /// `NotConnected` without a peer.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().peer_addr()
    }

    /// Allows datagrams to broadcast addresses.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn set_broadcast(&self, allow: bool) -> io::Result<()> {
        self.io.get_ref().set_broadcast(allow)
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.io.get_ref().fmt(f)
    }
}

impl TryFrom<net::UdpSocket> for UdpSocket {
    type Error = io::Error;

    fn try_from(socket: net::UdpSocket) -> io::Result<UdpSocket> {
        UdpSocket::from_std(socket)
    }
}
