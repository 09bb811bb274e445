//! A TCP socket that waits for connections.

use std::fmt;
use std::io;
use std::net::{self, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use aioli_reactor::{Async, Interest};
use futures_core::Stream;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::accept::Streak;
use crate::error::{AcceptError, BindError};
use crate::resolve::addresses;
use crate::target::{Target, ToTarget};
use crate::tcp::TcpStream;

/// Connections that the system keeps until they are accepted; the system's own limit is lower on
/// many systems.
const BACKLOG: u32 = 1024;

/// A TCP socket that waits for connections.
///
/// # Examples
///
/// ```
/// use aioli_net::{TcpListener, TcpStream};
/// use futures::executor::block_on;
///
/// block_on(async {
///     let listener = TcpListener::bind("localhost:0").await?;
///     let client = TcpStream::connect(listener.local_addr()).await?;
///     let (server, from) = listener.accept().await?;
///     assert_eq!(from, client.local_addr()?);
/// #   Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.start_server")]
#[must_use = "nobody listens any more when it is dropped"]
pub struct TcpListener {
    io: Async<net::TcpListener>,
    local: SocketAddr,
    streak: Streak,
    /// Whether its connections have `TCP_NODELAY` from it.
    gives_nodelay: bool,
}

/// How a [`TcpListener`] is made.
///
/// # Examples
///
/// ```
/// use aioli_net::ListenOptions;
/// use futures::executor::block_on;
///
/// let listener = block_on(ListenOptions::new().backlog(16).bind("127.0.0.1:0"))?;
/// assert_ne!(listener.local_addr().port(), 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "options do nothing until `bind`"]
pub struct ListenOptions {
    backlog: u32,
    reuse_address: bool,
    reuse_port: bool,
    only_v6: Option<bool>,
}

impl Default for ListenOptions {
    fn default() -> ListenOptions {
        ListenOptions {
            backlog: BACKLOG,
            reuse_address: crate::os::REUSE_ADDRESS,
            reuse_port: false,
            only_v6: None,
        }
    }
}

impl ListenOptions {
    /// The defaults: a backlog of 1024, and `SO_REUSEADDR` on Unix, as asyncio sets it.
    pub fn new() -> ListenOptions {
        ListenOptions::default()
    }

    /// How many connections the system keeps until they are accepted.
    pub fn backlog(mut self, backlog: u32) -> ListenOptions {
        self.backlog = backlog;
        self
    }

    /// Whether an address may be bound whose old connections have not quite ended.
    pub fn reuse_address(mut self, reuse: bool) -> ListenOptions {
        self.reuse_address = reuse;
        self
    }

    /// Whether several listeners, of several processes too, may share the address, the system
    /// dealing out the connections. An error on systems without `SO_REUSEPORT`.
    pub fn reuse_port(mut self, reuse: bool) -> ListenOptions {
        self.reuse_port = reuse;
        self
    }

    /// Whether a listener on an IPv6 address takes connections by IPv6 only; unless it is said,
    /// the system decides.
    pub fn only_v6(mut self, only: bool) -> ListenOptions {
        self.only_v6 = Some(only);
        self
    }

    /// Listens on the first address of `target` that can be bound. Port 0 is a free port.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing bound.
    ///
    /// # Errors
    ///
    /// [`BindError`]: no address, or none that could be bound.
    pub fn bind(
        self,
        target: impl ToTarget,
    ) -> impl Future<Output = Result<TcpListener, BindError>> + Send {
        let target = target.to_target();
        async move {
            let target: Target = target?;
            let mut last = None;
            for address in addresses(&target).await? {
                match self.bind_to(address) {
                    Ok(listener) => return Ok(listener),
                    Err(error) => last = Some(error),
                }
            }
            Err(BindError::Failed {
                target: target.to_string(),
                source: last.expect("a target that was looked up has an address"),
            })
        }
    }

    fn bind_to(&self, address: SocketAddr) -> io::Result<TcpListener> {
        let domain = Domain::for_address(address);
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        if self.reuse_address {
            socket.set_reuse_address(true)?;
        }
        if self.reuse_port {
            crate::os::set_reuse_port(&socket)?;
        }
        if let (Some(only), true) = (self.only_v6, address.is_ipv6()) {
            socket.set_only_v6(only)?;
        }
        socket.bind(&address.into())?;
        if crate::os::NODELAY_IS_INHERITED {
            socket.set_tcp_nodelay(true)?;
        }
        socket.listen(self.backlog.try_into().unwrap_or(i32::MAX))?;
        let mut listener = TcpListener::from_std(socket.into())?;
        listener.gives_nodelay = crate::os::NODELAY_IS_INHERITED;
        Ok(listener)
    }
}

impl TcpListener {
    /// Listens on the first address of `target` that can be bound, with the default
    /// [`ListenOptions`]. Port 0 is a free port, which [`local_addr`](TcpListener::local_addr)
    /// tells.
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
    ) -> impl Future<Output = Result<TcpListener, BindError>> + Send {
        ListenOptions::new().bind(target)
    }

    /// Wraps a listener of std, which becomes non-blocking, and registers it with this thread's
    /// event loop, else the background loop.
    ///
    /// # Errors
    ///
    /// As [`aioli_reactor::Registration::of_pollable`].
    pub fn from_std(listener: net::TcpListener) -> io::Result<TcpListener> {
        listener.set_nonblocking(true)?;
        let local = listener.local_addr()?;
        let io = Async::from_pollable(listener)?;
        Ok(TcpListener {
            io,
            local,
            streak: Streak::new(),
            // It may be shared with others, who have not asked for this.
            gives_nodelay: false,
        })
    }

    /// Takes the listener out of its loop. It stays non-blocking.
    #[must_use = "nobody listens any more when it is dropped"]
    pub fn into_std(self) -> net::TcpListener {
        self.io.into_inner()
    }

    /// The listener as the reactor sees it, for socket options of your own.
    pub fn as_async(&self) -> &Async<net::TcpListener> {
        &self.io
    }

    /// The address that is listened on.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Waits for the next connection. Any number of tasks may, and each connection goes to one.
    ///
    /// Connections that have been reset while they were in the queue are passed over.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no connection: it stays in the queue.
    ///
    /// # Errors
    ///
    /// [`AcceptError`], in practice because no descriptor is left. The listener remains usable.
    #[doc(alias = "asyncio.loop.sock_accept")]
    pub async fn accept(&self) -> Result<(TcpStream, SocketAddr), AcceptError> {
        let accept = || self.try_accept();
        let accepted = self.io.registration().io(Interest::Readable, accept).await;
        accepted.map_err(|error| self.error(error))
    }

    /// As [`accept`](TcpListener::accept), for one task at a time.
    ///
    /// # Errors
    ///
    /// As [`accept`](TcpListener::accept).
    pub fn poll_accept(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(TcpStream, SocketAddr), AcceptError>> {
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
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_net::{TcpListener, TcpStream};
    /// use futures::StreamExt;
    ///
    /// aioli_task::run(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     let clients = [listener.local_addr(); 2].map(|to| aioli_task::spawn(TcpStream::connect(to)));
    ///     let mut incoming = listener.incoming().take(2);
    ///     while let Some(stream) = incoming.next().await {
    ///         println!("{} is here", stream?.peer_addr()?);
    ///     }
    /// #   for client in clients { let _ = client.await?; }
    /// #   Ok::<(), std::io::Error>(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming(self)
    }

    fn try_accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let listener = SockRef::from(self.io.get_ref());
        let (socket, from) = self.streak.accept(listener)?;
        let from = from.as_socket().ok_or(io::ErrorKind::InvalidData)?;
        if !self.gives_nodelay {
            // asyncio's default. A peer that has reset the connection shows when it is used.
            let _ = socket.set_tcp_nodelay(true);
        }
        let io = Async::from_pollable(net::TcpStream::from(socket))?;
        Ok((TcpStream { io }, from))
    }

    fn error(&self, source: io::Error) -> AcceptError {
        let local = self.local.to_string();
        AcceptError { local, source }
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.io.get_ref().fmt(f)
    }
}

impl TryFrom<net::TcpListener> for TcpListener {
    type Error = io::Error;

    fn try_from(listener: net::TcpListener) -> io::Result<TcpListener> {
        TcpListener::from_std(listener)
    }
}

/// The connections of a listener as a stream; see [`TcpListener::incoming`].
#[derive(Debug, Clone, Copy)]
#[must_use = "streams do nothing unless polled"]
pub struct Incoming<'l>(&'l TcpListener);

impl Stream for Incoming<'_> {
    type Item = Result<TcpStream, AcceptError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let accepted = self.0.poll_accept(cx);
        accepted.map(|accepted| Some(accepted.map(|(stream, _)| stream)))
    }
}
