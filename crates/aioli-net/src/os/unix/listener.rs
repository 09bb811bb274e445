//! A Unix socket that waits for connections.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{self, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use aioli_reactor::{Async, Interest};
use futures_core::Stream;
use socket2::{SockAddr, SockRef};

use super::UnixStream;
use crate::accept::Streak;
use crate::error::{AcceptError, BindError};
use crate::serve::Listener;
use crate::split::sealed::Sealed;

/// A Unix socket that waits for connections; [`Server::start`](crate::Server::start) serves one.
///
/// It removes its path when it is dropped, if what is there is still its own socket. A path that
/// exists already is not replaced, and binding it is an error.
///
/// # Examples
///
/// ```
/// use aioli_net::unix::{UnixListener, UnixStream};
/// use futures::executor::block_on;
///
/// let path = std::env::temp_dir().join(format!("aioli-example-{}", std::process::id()));
/// block_on(async {
///     let listener = UnixListener::bind(&path)?;
///     let client = UnixStream::connect(&path).await?;
///     let (server, _) = listener.accept().await?;
///     client.write_all(b"hello").await?;
///     assert_eq!(server.read(&mut [0; 16]).await?, 5);
/// #   Ok::<(), std::io::Error>(())
/// })?;
/// assert!(!path.exists());
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.start_unix_server")]
#[doc(alias = "asyncio.loop.create_unix_server")]
#[must_use = "nobody listens any more when it is dropped"]
pub struct UnixListener {
    io: Async<net::UnixListener>,
    /// The path to remove, with the device and inode of our socket.
    own: Option<(PathBuf, u64, u64)>,
    streak: Streak,
}

impl UnixListener {
    /// Listens at `path`.
    ///
    /// # Errors
    ///
    /// [`BindError::Failed`]: the path exists (`AddrInUse`), its folder does not, or it is too
    /// long.
    pub fn bind(path: impl AsRef<Path>) -> Result<UnixListener, BindError> {
        let path = path.as_ref();
        let bind = || {
            let mut listener = UnixListener::from_std(net::UnixListener::bind(path)?)?;
            let found = fs::symlink_metadata(path)?;
            listener.own = Some((path.to_owned(), found.dev(), found.ino()));
            Ok(listener)
        };
        bind().map_err(|source| BindError::Failed {
            target: path.display().to_string(),
            source,
        })
    }

    /// Wraps a listener of std, which becomes non-blocking, and registers it with this thread's
    /// event loop, else the background loop. Its path stays when it is dropped.
    ///
    /// # Errors
    ///
    /// As [`aioli_reactor::Registration::of_pollable`].
    pub fn from_std(listener: net::UnixListener) -> io::Result<UnixListener> {
        listener.set_nonblocking(true)?;
        let io = Async::from_pollable(listener)?;
        Ok(UnixListener {
            io,
            own: None,
            streak: Streak::new(),
        })
    }

    /// Leaves the path in place when the listener is dropped.
    pub fn keep_path(mut self) -> UnixListener {
        self.own = None;
        self
    }

    /// The listener as the reactor sees it.
    pub fn as_async(&self) -> &Async<net::UnixListener> {
        &self.io
    }

    /// The address that is listened on.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// Waits for the next connection. Any number of tasks may, and each connection goes to one.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no connection: it stays in the queue.
    ///
    /// # Errors
    ///
    /// [`AcceptError`], in practice because no descriptor is left. The listener remains usable.
    pub async fn accept(&self) -> Result<(UnixStream, SocketAddr), AcceptError> {
        let accept = || self.try_accept();
        let accepted = self.io.registration().io(Interest::Readable, accept).await;
        accepted.map_err(|error| self.error(error))
    }

    /// As [`accept`](UnixListener::accept), for one task at a time.
    ///
    /// # Errors
    ///
    /// As [`accept`](UnixListener::accept).
    pub fn poll_accept(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(UnixStream, SocketAddr), AcceptError>> {
        let accept = || self.try_accept();
        let accepted = self
            .io
            .registration()
            .poll_io(cx, Interest::Readable, accept);
        accepted.map(|accepted| accepted.map_err(|error| self.error(error)))
    }

    /// The connections as they come, without end.
    ///
    /// # Cancel safety
    ///
    /// Dropping the stream, or a future of its next item, loses no connection.
    pub fn incoming(&self) -> impl Stream<Item = Result<UnixStream, AcceptError>> + Unpin + Send {
        Incoming(self)
    }

    fn try_accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let listener = SockRef::from(self.io.get_ref());
        let (socket, from) = self.streak.accept(listener)?;
        let from = address_of(&from)?;
        let io = Async::from_pollable(net::UnixStream::from(socket))?;
        Ok((UnixStream { io }, from))
    }

    fn error(&self, source: io::Error) -> AcceptError {
        let local = self.address().display().to_string();
        AcceptError { local, source }
    }
}

struct Incoming<'l>(&'l UnixListener);

impl Stream for Incoming<'_> {
    type Item = Result<UnixStream, AcceptError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let accepted = self.0.poll_accept(cx);
        accepted.map(|accepted| Some(accepted.map(|(stream, _)| stream)))
    }
}

impl Sealed for UnixListener {}

/// The address of a server is the path, empty for a socket without one.
impl Listener for UnixListener {
    type Stream = UnixStream;
    type Address = PathBuf;

    fn address(&self) -> PathBuf {
        let address = self.local_addr().ok();
        let path = address.as_ref().and_then(SocketAddr::as_pathname);
        path.map(Path::to_owned).unwrap_or_default()
    }

    async fn accept_stream(&self) -> Result<UnixStream, AcceptError> {
        self.accept().await.map(|(stream, _)| stream)
    }
}

/// The address of a peer: a path, an abstract name, or, as of most, none.
fn address_of(peer: &SockAddr) -> io::Result<SocketAddr> {
    #[cfg(target_os = "android")]
    use std::os::android::net::SocketAddrExt;
    #[cfg(target_os = "linux")]
    use std::os::linux::net::SocketAddrExt;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(name) = peer.as_abstract_namespace() {
        return SocketAddr::from_abstract_name(name);
    }
    match peer.as_unix() {
        Some(address) => Ok(address),
        None => SocketAddr::from_pathname(""),
    }
}

impl Drop for UnixListener {
    fn drop(&mut self) {
        let Some((path, device, inode)) = &self.own else {
            return;
        };
        // Somebody may have put another file there, and it is not ours to remove.
        let is_own = |found: &fs::Metadata| (found.dev(), found.ino()) == (*device, *inode);
        if fs::symlink_metadata(path).is_ok_and(|found| is_own(&found))
            && let Err(error) = fs::remove_file(path)
        {
            tracing::warn!(path = %path.display(), %error, "the path of a Unix socket remains");
        }
    }
}

impl fmt::Debug for UnixListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.io.get_ref().fmt(f)
    }
}
