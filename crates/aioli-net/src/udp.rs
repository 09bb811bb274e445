//! UDP sockets.

use std::fmt;
use std::io;
use std::net::{self, SocketAddr};
use std::task::{Context, Poll};

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
    /// As [`aioli_reactor::Registration::of_pollable`].
    pub fn from_std(socket: net::UdpSocket) -> io::Result<UdpSocket> {
        socket.set_nonblocking(true)?;
        Ok(UdpSocket {
            io: Async::from_pollable(socket)?,
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

    /// Sends a datagram without waiting; to the peer where no address is.
    pub(crate) fn try_send_now(&self, bytes: &[u8], to: Option<SocketAddr>) -> io::Result<usize> {
        let send = || self.send_now(bytes, to);
        self.io.registration().try_io(Interest::Writable, send)
    }

    /// Sends a datagram, for one task at a time.
    pub(crate) fn poll_send_now(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        to: Option<SocketAddr>,
    ) -> Poll<io::Result<usize>> {
        let send = || self.send_now(bytes, to);
        self.io.registration().poll_io(cx, Interest::Writable, send)
    }

    fn send_now(&self, bytes: &[u8], to: Option<SocketAddr>) -> io::Result<usize> {
        match to {
            Some(to) => self.io.get_ref().send_to(bytes, to),
            None => self.io.get_ref().send(bytes),
        }
    }

    /// Receives a datagram, for one task at a time.
    pub(crate) fn poll_recv_now(
        &self,
        cx: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        let receive = || self.io.get_ref().recv_from(room);
        let registration = self.io.registration();
        registration.poll_io(cx, Interest::Readable, receive)
    }

    /// Receives the datagrams that are there, waiting for the first, as many as the batch has room
    /// for and the system gives at once. On Linux that is one system call for up to 32.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes no datagram.
    ///
    /// # Errors
    ///
    /// The system's error. One that comes after some have been received is told by the next call, on
    /// other systems than Linux by the next one with the same batch.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_net::{RecvBatch, UdpSocket};
    /// use futures::executor::block_on;
    ///
    /// block_on(async {
    ///     let server = UdpSocket::bind("127.0.0.1:0").await?;
    ///     let client = UdpSocket::bind("127.0.0.1:0").await?;
    ///     let to = server.local_addr()?;
    ///     assert_eq!(client.send_many(&[("one", to), ("two", to)]).await?, 2);
    ///
    ///     let mut batch = RecvBatch::new(16, 1500);
    ///     let mut n = 0;
    ///     while n < 2 {
    ///         n += server.recv_many(&mut batch).await?;
    ///         for (datagram, from) in &batch {
    ///             println!("{} bytes from {from}", datagram.len());
    ///         }
    ///     }
    /// #   Ok::<(), std::io::Error>(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "recvmmsg")]
    pub async fn recv_many(&self, batch: &mut RecvBatch) -> io::Result<usize> {
        let RecvBatch {
            bytes,
            size,
            received,
            late,
        } = batch;
        received.clear();
        if let Some(number) = late.take() {
            return Err(io::Error::from_raw_os_error(number));
        }
        let receive = || crate::os::receive_many(self.io.get_ref(), bytes, *size, received, late);
        self.io.registration().io(Interest::Readable, receive).await
    }

    /// Sends the first of the datagrams, waiting for room for one, as many as the system takes at
    /// once, and returns how many. On Linux that is one system call for up to 32.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future while it waits has sent nothing.
    ///
    /// # Errors
    ///
    /// The system's error for the first datagram; that of a later one comes when it is the first.
    ///
    /// # Examples
    ///
    /// [`recv_many`](UdpSocket::recv_many) has one.
    #[doc(alias = "sendmmsg")]
    pub async fn send_many(
        &self,
        datagrams: &[(impl AsRef<[u8]>, SocketAddr)],
    ) -> io::Result<usize> {
        if datagrams.is_empty() {
            return Ok(0);
        }
        let send = || crate::os::send_many(self.io.get_ref(), datagrams);
        self.io.registration().io(Interest::Writable, send).await
    }

    /// As [`recv_from`](UdpSocket::recv_from), leaving the datagram to be received again.
    ///
    /// # Cancel safety
    ///
    /// Nothing is taken, whatever happens.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub async fn peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let peek = || self.io.get_ref().peek_from(buffer);
        self.io.registration().io(Interest::Readable, peek).await
    }

    /// The options of the socket: buffer sizes, groups, time to live and the like, as `socket2`
    /// has them.
    pub fn options(&self) -> socket2::SockRef<'_> {
        socket2::SockRef::from(self.io.get_ref())
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

/// Room for several datagrams, and those that [`UdpSocket::recv_many`] has received last.
#[derive(Clone)]
#[must_use]
pub struct RecvBatch {
    bytes: Vec<u8>,
    /// How long a piece of `bytes` is, which takes one datagram; not 0.
    size: usize,
    /// How long each is, and where it is from.
    received: Vec<(usize, SocketAddr)>,
    /// The system's number of an error that came after some had been received.
    late: Option<i32>,
}

impl RecvBatch {
    /// Room for `count` datagrams, each of up to `size` bytes: what is longer loses its rest.
    ///
    /// # Panics
    ///
    /// When `count` or `size` is 0.
    pub fn new(count: usize, size: usize) -> RecvBatch {
        assert!(count > 0 && size > 0, "a batch has room for something");
        RecvBatch {
            bytes: vec![0; count * size],
            size,
            received: Vec::with_capacity(count),
            late: None,
        }
    }

    /// How many datagrams have been received.
    #[must_use]
    pub fn len(&self) -> usize {
        self.received.len()
    }

    /// Has none been received?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.received.is_empty()
    }

    /// What has been received, in order: the bytes, and where they are from.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], SocketAddr)> {
        self.into_iter()
    }
}

impl<'b> IntoIterator for &'b RecvBatch {
    type Item = (&'b [u8], SocketAddr);
    type IntoIter = Received<'b>;

    fn into_iter(self) -> Received<'b> {
        Received {
            pieces: self.bytes.chunks_exact(self.size),
            received: self.received.iter(),
        }
    }
}

impl fmt::Debug for RecvBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvBatch")
            .field("size", &self.size)
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}

/// The datagrams of a [`RecvBatch`].
#[derive(Debug, Clone)]
#[must_use = "iterators do nothing unless advanced"]
pub struct Received<'b> {
    pieces: std::slice::ChunksExact<'b, u8>,
    received: std::slice::Iter<'b, (usize, SocketAddr)>,
}

impl<'b> Iterator for Received<'b> {
    type Item = (&'b [u8], SocketAddr);

    fn next(&mut self) -> Option<Self::Item> {
        let (len, from) = self.received.next()?;
        Some((&self.pieces.next()?[..*len], *from))
    }
}
