//! asyncio's callbacks layer: a `Protocol` that is called, a `Transport` to write to.
//!
//! The streams of this crate are asked for bytes. Here it is the other way round, as in asyncio's
//! lower half: a task of the connection reads, and calls the [`Protocol`] with what has come;
//! what is written through the [`Transport`] goes out by itself, and nobody waits for it. Take it
//! for a protocol that is a state machine; with `async` the streams are simpler.
//!
//! ```
//! use aioli_net::protocol::{Protocol, Transport, connect_protocol, serve_protocol};
//!
//! struct Echo;
//!
//! impl Protocol for Echo {
//!     fn data_received(&mut self, transport: &Transport, data: &[u8]) {
//!         transport.write(data);
//!     }
//! }
//!
//! struct Shout;
//!
//! impl Protocol for Shout {
//!     fn connection_made(&mut self, transport: &Transport) {
//!         transport.write("hello");
//!     }
//!     fn data_received(&mut self, transport: &Transport, data: &[u8]) {
//!         assert_eq!(data, b"hello");
//!         transport.close();
//!     }
//! }
//!
//! aioli_task::run(async {
//!     let server = serve_protocol("127.0.0.1:0", || Echo).await?;
//!     let transport = connect_protocol(server.local_addr(), Shout).await?;
//!     transport.wait_closed().await;
//!     server.stop().await;
//! #   Ok::<(), std::io::Error>(())
//! })?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Who calls whom
//!
//! All callbacks of a connection come from one task, one at a time, in this order:
//!
//! ```text
//!   connection_made ─▶ data_received* ─▶ eof_received? ─▶ connection_lost
//!                      pause_writing, resume_writing: in turn, between the others
//! ```
//!
//! So no callback runs inside another one or inside a method of the transport: where asyncio
//! calls `pause_writing` out of `write`, it comes here right after the callback that wrote, or in
//! the next pass of the loop when others wrote. A callback that panics ends the connection, and
//! the panic is reported as that of any task is; `connection_lost` is not called on it.

mod datagram;
mod drive;
mod state;
mod transport;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use aioli_task::driver::Home;
use thiserror::Error;

pub use self::datagram::{DatagramProtocol, DatagramTransport, DrivingDatagrams};
pub use self::drive::Driving;
pub use self::transport::Transport;
use crate::error::{BindError, ConnectError};
use crate::serve::{Listener, Server};
use crate::split::Socket;
use crate::target::ToTarget;
use crate::tcp::TcpStream;

/// What is called when something happens on a connection. Every method but
/// [`data_received`](Protocol::data_received) does nothing unless it is written.
///
/// The module's page has an example.
#[doc(alias = "asyncio.Protocol")]
pub trait Protocol {
    /// The connection stands. Called once, first.
    #[doc(alias = "asyncio.BaseProtocol.connection_made")]
    fn connection_made(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// Bytes have come: at least one, and cut as the network likes.
    #[doc(alias = "asyncio.Protocol.data_received")]
    fn data_received(&mut self, transport: &Transport, data: &[u8]);

    /// The peer has ended its direction: nothing will come any more. To keep the connection open,
    /// for writing, is to return `true`; else it is closed, after what is still to be written.
    #[doc(alias = "asyncio.Protocol.eof_received")]
    fn eof_received(&mut self, transport: &Transport) -> bool {
        let _ = transport;
        false
    }

    /// More is waiting to be written than the high mark: better write no more for now.
    #[doc(alias = "asyncio.BaseProtocol.pause_writing")]
    fn pause_writing(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// No more is waiting to be written than the low mark, after a
    /// [`pause_writing`](Protocol::pause_writing).
    #[doc(alias = "asyncio.BaseProtocol.resume_writing")]
    fn resume_writing(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// The connection has ended. Called once, last: without an error when it was closed, by
    /// either side, or aborted by this one; `ConnectionAborted` when its task was cancelled.
    #[doc(alias = "asyncio.BaseProtocol.connection_lost")]
    fn connection_lost(&mut self, error: Option<io::Error>) {
        let _ = error;
    }
}

/// One end of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// An IP address and a port.
    Ip(SocketAddr),
    /// The path of a Unix socket; `None` for the end that has no name.
    Path(Option<PathBuf>),
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Endpoint {
        Endpoint::Ip(address)
    }
}

/// Limits of a write buffer that contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the high mark, {high}, is below the low mark, {low}")]
#[non_exhaustive]
pub struct WaterMarkError {
    /// Where writing was to be paused.
    pub high: usize,
    /// Where it was to be resumed.
    pub low: usize,
}

/// Connects by TCP, as [`TcpStream::connect`] does, and runs `protocol` on the connection in a
/// task of its own. The task goes on when the transport is dropped.
///
/// For a Unix socket, or a stream that there is, take [`Transport::start`].
///
/// # Cancel safety
///
/// Dropping the future closes every socket that it has opened; the protocol is not called.
///
/// # Errors
///
/// [`ConnectError`]: every address that was tried, or no event loop of ours on this thread.
///
/// # Examples
///
/// The module's page has one.
#[doc(alias = "asyncio.loop.create_connection")]
pub async fn connect_protocol<P>(
    target: impl ToTarget,
    protocol: P,
) -> Result<Transport, ConnectError>
where
    P: Protocol + 'static,
{
    let target = target.to_target()?;
    if Home::try_current().is_none() {
        let target = target.to_string();
        return Err(ConnectError::NoLoop { target });
    }
    let stream = TcpStream::connect(target).await?;
    Ok(Transport::start(stream, protocol))
}

/// Listens on an address, as [`serve`](crate::serve()) does, and runs a protocol from `factory` on
/// each connection, in a task of its own.
///
/// # Cancel safety
///
/// Dropping the future leaves nothing bound.
///
/// # Errors
///
/// [`BindError`]: no address, or none that could be bound; no event loop of ours on this thread.
///
/// # Examples
///
/// The module's page has one.
#[doc(alias = "asyncio.loop.create_server")]
pub async fn serve_protocol<P>(
    target: impl ToTarget,
    factory: impl Fn() -> P + 'static,
) -> Result<Server, BindError>
where
    P: Protocol + 'static,
{
    let handler = async move |stream| Transport::attach(stream, factory()).1.await;
    crate::serve::serve(target, handler).await
}

impl<L: Listener<Stream: Socket>> Server<L> {
    /// Serves the connections of a listener of your own with protocols from `factory`, each in a
    /// task of its own.
    ///
    /// # Panics
    ///
    /// Where no aioli event loop runs on this thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_net::protocol::{Protocol, Transport};
    /// use aioli_net::{Server, TcpListener, TcpStream};
    ///
    /// struct Greeter;
    ///
    /// impl Protocol for Greeter {
    ///     fn connection_made(&mut self, transport: &Transport) {
    ///         transport.write("good day");
    ///         transport.close();
    ///     }
    ///     fn data_received(&mut self, _: &Transport, _: &[u8]) {}
    /// }
    ///
    /// aioli_task::run(async {
    ///     let server = Server::start_protocol(TcpListener::bind("127.0.0.1:0").await?, || Greeter);
    ///     let client = TcpStream::connect(server.local_addr()).await?;
    ///     assert_eq!(client.read(&mut [0; 16]).await?, 8);
    ///     server.stop().await;
    /// #   Ok::<(), std::io::Error>(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "asyncio.loop.create_unix_server")]
    pub fn start_protocol<P>(listener: L, factory: impl Fn() -> P + 'static) -> Server<L>
    where
        P: Protocol + 'static,
    {
        let handler = async move |stream| Transport::attach(stream, factory()).1.await;
        Server::start(listener, handler)
    }
}
