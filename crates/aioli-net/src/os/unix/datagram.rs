//! Datagrams through Unix sockets.

use std::fmt;
use std::io;
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;

use aioli_reactor::{Async, Interest};

use crate::error::{BindError, ConnectError};

/// A Unix socket for datagrams, which are neither lost nor reordered.
///
/// # Examples
///
/// ```
/// use aioli_net::unix::UnixDatagram;
/// use futures::executor::block_on;
///
/// block_on(async {
///     let (left, right) = UnixDatagram::pair()?;
///     left.send(b"ping").await?;
///     let mut buffer = [0; 16];
///     let n = right.recv(&mut buffer).await?;
///     assert_eq!(&buffer[..n], b"ping");
/// #   Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "the socket closes when it is dropped"]
pub struct UnixDatagram {
    io: Async<net::UnixDatagram>,
}

impl UnixDatagram {
    /// A socket at `path`, which stays when it is dropped.
    ///
    /// # Errors
    ///
    /// [`BindError::Failed`]: the path exists (`AddrInUse`), its folder does not, or it is too
    /// long.
    pub fn bind(path: impl AsRef<Path>) -> Result<UnixDatagram, BindError> {
        let path = path.as_ref();
        let socket = net::UnixDatagram::bind(path).and_then(UnixDatagram::from_std);
        socket.map_err(|source| BindError::Failed {
            target: path.display().to_string(),
            source,
        })
    }

    /// A socket without a name, which can send.
    ///
    /// # Errors
    ///
    /// The system's error: no descriptor is left.
    pub fn unbound() -> io::Result<UnixDatagram> {
        UnixDatagram::from_std(net::UnixDatagram::unbound()?)
    }

    /// Two sockets that are each other's peer.
    ///
    /// # Errors
    ///
    /// The system's error: no descriptor is left.
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        let (left, right) = net::UnixDatagram::pair()?;
        Ok((
            UnixDatagram::from_std(left)?,
            UnixDatagram::from_std(right)?,
        ))
    }

    /// Wraps a socket of std, which becomes non-blocking, and registers it with this thread's
    /// event loop, else the background loop.
    ///
    /// # Errors
    ///
    /// As [`aioli_reactor::Registration::of_pollable`].
    pub fn from_std(socket: net::UnixDatagram) -> io::Result<UnixDatagram> {
        socket.set_nonblocking(true)?;
        Ok(UnixDatagram {
            io: Async::from_pollable(socket)?,
        })
    }

    /// The socket as the reactor sees it.
    pub fn as_async(&self) -> &Async<net::UnixDatagram> {
        &self.io
    }

    /// Makes the socket at `path` the only peer. Never waits.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Path`]: no socket at this path.
    pub fn connect(&self, path: impl AsRef<Path>) -> Result<(), ConnectError> {
        let path = path.as_ref();
        let connected = self.io.get_ref().connect(path);
        connected.map_err(|source| ConnectError::Path {
            path: path.to_owned(),
            source,
        })
    }

    /// Sends a datagram to the peer, waiting while its queue is full.
    ///
    /// # Cancel safety
    ///
    /// A datagram that was dropped while it waited for room has not been sent.
    ///
    /// # Errors
    ///
    /// The system's error: `NotConnected` without a peer, `ConnectionRefused` when it has gone.
    pub async fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        let send = || self.io.get_ref().send(datagram);
        self.io.registration().io(Interest::Writable, send).await
    }

    /// Sends a datagram to the socket at `path`, waiting while its queue is full.
    ///
    /// # Cancel safety
    ///
    /// A datagram that was dropped while it waited for room has not been sent.
    ///
    /// # Errors
    ///
    /// The system's error: `NotFound`, `ConnectionRefused` when nobody has the socket any more.
    pub async fn send_to(&self, datagram: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        let path = path.as_ref();
        let send = || self.io.get_ref().send_to(datagram, path);
        self.io.registration().io(Interest::Writable, send).await
    }

    /// Ends one direction or both.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn shutdown(&self, how: std::net::Shutdown) -> io::Result<()> {
        self.io.get_ref().shutdown(how)
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

    /// The options of the socket, as `socket2` has them.
    pub fn options(&self) -> socket2::SockRef<'_> {
        socket2::SockRef::from(self.io.get_ref())
    }

    /// Receives a datagram. What does not fit into `buffer` is lost.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes no datagram.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub async fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let receive = || self.io.get_ref().recv(buffer);
        self.io.registration().io(Interest::Readable, receive).await
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
    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let receive = || self.io.get_ref().recv_from(buffer);
        self.io.registration().io(Interest::Readable, receive).await
    }
}

impl fmt::Debug for UnixDatagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.io.get_ref().fmt(f)
    }
}
