//! A TCP connection.

use std::io;
use std::net::{self, SocketAddr};

use aioli_reactor::{Async, Interest};

use crate::connect::ConnectOptions;
use crate::error::ConnectError;
use crate::stream_io::stream_io;
use crate::target::ToTarget;

/// A TCP connection.
///
/// It reads and writes straight between the kernel and the caller's slice, through the methods
/// here, which take `&self`, and through [`futures_io::AsyncRead`] and
/// [`AsyncWrite`](futures_io::AsyncWrite), which are implemented for the stream and for a
/// reference to it. With the feature `tokio`, tokio's traits are implemented too. Dropping it
/// closes the connection.
///
/// # Examples
///
/// ```
/// use aioli_net::{TcpListener, TcpStream};
/// use futures::executor::block_on;
///
/// block_on(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let client = TcpStream::connect(listener.local_addr()).await?;
///     let (server, _) = listener.accept().await?;
///
///     client.write_all(b"hello").await?;
///     let mut text = [0; 5];
///     server.read_exact(&mut text).await?;
///     assert_eq!(&text, b"hello");
/// #   Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.open_connection")]
#[doc(alias = "asyncio.Transport")]
#[must_use = "the connection closes when it is dropped"]
pub struct TcpStream {
    pub(crate) io: Async<net::TcpStream>,
}

stream_io!(TcpStream, net::TcpStream);

impl TcpStream {
    /// Connects to the first address of `target` that answers (RFC 8305).
    ///
    /// A name is looked up first. Its addresses are tried in order, the families taking turns:
    /// the next one begins when the one before has failed, or has not answered within 250 ms,
    /// and the first connection wins. `TCP_NODELAY` is set, as asyncio does. [`ConnectOptions`]
    /// has other ways.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes every socket that it has opened.
    ///
    /// # Errors
    ///
    /// [`ConnectError`], which lists every address that was tried.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), aioli_net::ConnectError> {
    /// let by_name = aioli_net::TcpStream::connect("example.org:80").await?;
    /// let by_pair = aioli_net::TcpStream::connect(("example.org", 80)).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "asyncio.loop.create_connection")]
    #[doc(alias = "asyncio.loop.sock_connect")]
    pub fn connect(
        target: impl ToTarget,
    ) -> impl Future<Output = Result<TcpStream, ConnectError>> + Send {
        ConnectOptions::new().connect(target)
    }

    /// Reads what is there without taking it, waiting for the first byte.
    ///
    /// # Cancel safety
    ///
    /// Nothing is taken, whatever happens.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let peek = || self.io.get_ref().peek(buffer);
        self.io.registration().io(Interest::Readable, peek).await
    }

    /// The address of this side.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// The address of the other side.
    ///
    /// # Errors
    ///
    /// The system's error: `NotConnected` when the peer has reset the connection.
    #[doc(alias = "asyncio.BaseTransport.get_extra_info")]
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().peer_addr()
    }

    /// Whether small writes are sent at once (`TCP_NODELAY`). On by default for connections that
    /// this crate makes or accepts.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.io.get_ref().nodelay()
    }

    /// Sets whether small writes are sent at once.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.io.get_ref().set_nodelay(nodelay)
    }
}
