//! TCP, UDP and Unix sockets, names and buffered streams, for tasks on any executor.
//!
//! ```
//! use aioli_net::{open_connection, serve};
//!
//! aioli_task::run(async {
//!     let server = serve("localhost:0", async |stream| {
//!         let (mut reader, mut writer) = stream.into_streams();
//!         let Ok(name) = reader.readline().await else { return };
//!         writer.writelines([&b"hello, "[..], &name]);
//!         writer.close().await.ok();
//!     }).await?;
//!
//!     let (mut reader, mut writer) = open_connection(server.local_addr()).await?;
//!     writer.write("aioli\n");
//!     writer.drain().await?;
//!     assert_eq!(reader.readline().await?, b"hello, aioli\n");
//!     server.stop().await;
//! #   Ok::<(), std::io::Error>(())
//! })?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Should I depend on this crate?
//!
//! Depend on it to talk to other programs by TCP, UDP or Unix sockets, on an event loop of aioli
//! or on somebody else's executor: every type and every future (but for [`serve`], which starts
//! tasks) is `Send`. For HTTP take `aioli-http`; for other descriptors `aioli-reactor`.
//!
//! # In scope / Out of scope
//!
//! In scope: sockets with the traits of `futures-io`, looking up names, connecting to the first
//! address that answers, buffered reading with limits, a server loop, asyncio's callbacks layer
//! ([`protocol`]). Out of scope: TLS and HTTP, both in `aioli-http`.
//!
//! # Examples
//!
//! The same sockets under a foreign executor, here that of `futures`:
//!
//! ```
//! use aioli_net::{TcpListener, TcpStream};
//! use futures::executor::block_on;
//! use futures::{AsyncReadExt, AsyncWriteExt, join};
//!
//! block_on(async {
//!     let listener = TcpListener::bind("127.0.0.1:0").await?;
//!     let server = async {
//!         let (mut stream, _) = listener.accept().await?;
//!         stream.write_all(b"hello").await?;
//!         stream.close().await
//!     };
//!     let client = async {
//!         let mut text = String::new();
//!         let mut stream = TcpStream::connect(listener.local_addr()).await?;
//!         stream.read_to_string(&mut text).await?;
//!         Ok::<_, std::io::Error>(text)
//!     };
//!     let (served, text) = join!(server, client);
//!     served?;
//!     assert_eq!(text?, "hello");
//! #   Ok::<(), std::io::Error>(())
//! })?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Cancellation
//!
//! Sockets read and write straight into the caller's slice, by one system call, so an operation
//! that is dropped while it waits has moved nothing. A dropped `connect` closes what it has
//! opened, a dropped `accept` leaves the connection in the queue. [`StreamReader`] keeps what it
//! has taken, and [`StreamWriter`] what it has not written, so that all their methods can be
//! called again. Only `read_exact` and `write_all`, on the caller's own buffer, cannot tell how
//! far they came.
//!
//! # Implementation
//!
//! Sockets are those of std, watched by `aioli-reactor`; the work is in the modules `connect`
//! (the race of RFC 8305), `resolve` (the lane for `getaddrinfo`), `stream_reader` and `protocol`.
//! The few system calls that neither std nor `socket2` has are in `os/calls_linux.rs` and
//! `os/accept_linux.rs`, and `os/transfer_linux.rs` reads and writes streams without the wrappers of
//! the C library. Connections have `TCP_NODELAY` set, as asyncio does: those of a listener that was
//! bound here from the listener, where the system passes it on. A connection that waits has no
//! buffer: with a task, a reader and a writer it takes less than a kibibyte of memory, which a test
//! counts. On a loop with a virtual clock, time stands still while a name is looked up or a
//! connection is made, but not while a socket waits for its peer.
//!
//! # Features
//!
//! - `tokio`: `AsyncRead` and `AsyncWrite` of tokio on the streams and their halves, beside those
//!   of `futures-io`.
//! - `hyper`: `Read` and `Write` of hyper on the streams and their halves, and its `Executor` and
//!   `Timer` in the module `hyper`. Two programs of the crate's examples serve an axum router and
//!   drive hyper's client.
//!
//! # Asyncio correspondence
//!
//! | asyncio | here |
//! |---|---|
//! | `asyncio.open_connection` | [`open_connection`], [`TcpStream::connect`] |
//! | `asyncio.start_server`, `asyncio.Server` | [`serve`], [`Server`] |
//! | `asyncio.open_unix_connection` | [`unix::open_connection`], [`unix::UnixStream::connect`] |
//! | `asyncio.start_unix_server` | [`unix::serve`], [`unix::UnixListener`] and [`Server::start`] |
//! | `asyncio.StreamReader`, `StreamWriter` | [`StreamReader`], [`StreamWriter`] |
//! | `asyncio.Protocol`, `asyncio.Transport` | [`protocol::Protocol`], [`protocol::Transport`] |
//! | `loop.create_connection`, `loop.create_server` | [`protocol::connect_protocol`], [`protocol::serve_protocol`] |
//! | `IncompleteReadError`, `LimitOverrunError` | [`IncompleteRead`], [`LimitOverrun`] |
//! | `loop.create_datagram_endpoint` | [`UdpSocket`]; with a protocol, [`protocol::DatagramTransport`] |
//! | `happy_eyeballs_delay`, `interleave`, `local_addr` | [`ConnectOptions`] |
//! | `loop.sendfile`, `loop.sock_sendfile` | [`TcpStream::sendfile`] |
//! | `transport.get_extra_info` | [`TcpStream::options`], the addresses, [`peer_credentials`](unix::UnixStream::peer_credentials) |
//! | `loop.getaddrinfo` | [`resolve()`] |
//! | `loop.sock_*` | the methods of the sockets, and `as_async` |

mod accept;
mod buffer;
mod connect;
mod error;
#[cfg(feature = "hyper")]
pub mod hyper;
mod os;
pub mod protocol;
mod read_error;
mod resolve;
mod scratch;
mod serve;
mod split;
mod stream_io;
mod stream_reader;
mod stream_writer;
mod streams;
mod target;
mod tcp;
mod udp;
mod wakers;

pub use crate::connect::ConnectOptions;
pub use crate::error::{AcceptError, Attempt, BindError, ConnectError};
pub use crate::os::unix;
pub use crate::read_error::{IncompleteRead, LimitOverrun, ReadError};
pub use crate::resolve::{ResolveError, resolve};
pub use crate::serve::{HandlerResult, Listener, Server, serve};
pub use crate::split::{ReadHalf, Socket, WriteHalf};
pub use crate::stream_reader::{DEFAULT_LIMIT, Separators, StreamReader};
pub use crate::stream_writer::StreamWriter;
pub use crate::streams::{Connection, open_connection};
pub use crate::target::{AddressError, Target, ToTarget};
pub use crate::tcp::{Incoming, ListenOptions, TcpListener, TcpStream};
pub use crate::udp::{Received, RecvBatch, UdpSocket};
