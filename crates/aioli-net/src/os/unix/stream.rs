//! A connection through a Unix socket.

use std::io;
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;
use std::time::Duration;

use aioli_reactor::{Async, Interest};
use aioli_time::sleep;
use socket2::{Domain, SockAddr, Socket, Type};

use crate::error::ConnectError;
use crate::protocol::Endpoint;
use crate::stream_io::stream_io;

/// First and longest pause before a connection to a listener whose queue is full is tried again.
const FULL_PAUSE: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(100)];

/// A connection through a Unix socket; used as [`TcpStream`](crate::TcpStream) is.
///
/// # Examples
///
/// ```
/// use aioli_net::unix::UnixStream;
/// use futures::executor::block_on;
///
/// block_on(async {
///     let (left, right) = UnixStream::pair()?;
///     left.write_all(b"hello").await?;
///     let mut text = [0; 5];
///     right.read_exact(&mut text).await?;
///     assert_eq!(&text, b"hello");
/// #   Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.open_unix_connection")]
#[must_use = "the connection closes when it is dropped"]
pub struct UnixStream {
    pub(crate) io: Async<net::UnixStream>,
}

stream_io!(UnixStream, net::UnixStream);

impl UnixStream {
    /// Connects to the listener at `path`, waiting while its queue is full.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the socket.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Path`]: no socket at this path, or nobody who listens.
    #[doc(alias = "asyncio.loop.create_unix_connection")]
    pub fn connect(
        path: impl AsRef<Path>,
    ) -> impl Future<Output = Result<UnixStream, ConnectError>> + Send {
        let path = path.as_ref().to_owned();
        async move {
            match connect(&path).await {
                Ok(io) => Ok(UnixStream { io }),
                Err(source) => Err(ConnectError::Path { path, source }),
            }
        }
    }

    /// Two connected streams.
    ///
    /// # Errors
    ///
    /// The system's error: no descriptor is left.
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (left, right) = net::UnixStream::pair()?;
        Ok((UnixStream::from_std(left)?, UnixStream::from_std(right)?))
    }

    /// Who is on the other side, as the system saw it when it connected or listened.
    ///
    /// # Errors
    ///
    /// The system's error.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_net::unix::UnixStream;
    ///
    /// let (one, _other) = UnixStream::pair()?;
    /// let peer = one.peer_credentials()?;
    /// println!("a process of user {} and group {}", peer.user, peer.group);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "SO_PEERCRED")]
    pub fn peer_credentials(&self) -> io::Result<Credentials> {
        let (user, group, process) = crate::os::peer_credentials(self.io.get_ref())?;
        Ok(Credentials {
            user,
            group,
            process,
        })
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
    /// The system's error.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().peer_addr()
    }
}

/// Whose process is on the other side of a [`UnixStream`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Credentials {
    /// The number of its user.
    pub user: u32,
    /// The number of its group.
    pub group: u32,
    /// Its own number, where the system tells: on Linux.
    pub process: Option<u32>,
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Endpoint {
        Endpoint::Path(address.as_pathname().map(Path::to_owned))
    }
}

async fn connect(path: &Path) -> io::Result<Async<net::UnixStream>> {
    let address = SockAddr::unix(path)?;
    let [mut pause, longest] = FULL_PAUSE;
    loop {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        match socket.connect(&address) {
            // The queue of the listener is full, and no readiness would tell when it is not.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                drop(socket);
                sleep(pause).await;
                pause = (pause * 2).min(longest);
            }
            Err(error) if !crate::os::is_in_progress(&error) => return Err(error),
            outcome => {
                let stream = Async::from_pollable(net::UnixStream::from(socket))?;
                if outcome.is_err() {
                    stream.registration().ready(Interest::Writable).await?;
                    if let Some(error) = stream.get_ref().take_error()? {
                        return Err(error);
                    }
                }
                return Ok(stream);
            }
        }
    }
}
