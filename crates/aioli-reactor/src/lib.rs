//! Readiness of sockets and pipes, for tasks on any executor.
//!
//! ```
//! use aioli_reactor::Async;
//! use std::net::UdpSocket;
//!
//! aioli_task::run(async {
//!     let socket = Async::new(UdpSocket::bind("127.0.0.1:0")?)?;
//!     let to = socket.get_ref().local_addr()?;
//!     socket.write_with(|socket| socket.send_to(b"hello", to)).await?;
//!
//!     let mut buffer = [0; 1500];
//!     let n = socket.read_with(|socket| socket.recv(&mut buffer)).await?;
//!     assert_eq!(&buffer[..n], b"hello");
//! #   Ok::<(), std::io::Error>(())
//! })?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Should I depend on this crate?
//!
//! Depend on it to make something that the system can watch (a socket type of your own, a serial
//! line, a pipe, an inotify descriptor) awaitable. For TCP, UDP and Unix sockets take
//! `aioli-net`, for subprocesses `aioli-process`, which stand on this crate.
//!
//! # In scope / Out of scope
//!
//! In scope: registering a source, waiting for it in both directions from any thread, drivers for
//! all systems behind one contract, and their choice; operations on files where the kernel carries
//! them out by itself. Out of scope: socket types, file types (`aioli-fs`), timers (`aioli-time`).
//!
//! # Examples
//!
//! What reads and writes through a reference has the traits of `futures-io`:
//!
//! ```
//! use aioli_reactor::Async;
//! use futures::{AsyncReadExt, AsyncWriteExt, executor::block_on};
//! use std::net::{TcpListener, TcpStream};
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let mut client = Async::new(TcpStream::connect(listener.local_addr()?)?)?;
//! let mut server = Async::new(listener.accept()?.0)?;
//! block_on(async {
//!     client.write_all(b"hello").await?;
//!     drop(client);
//!     let mut text = String::new();
//!     server.read_to_string(&mut text).await?;
//!     assert_eq!(text, "hello");
//! #   Ok::<(), std::io::Error>(())
//! })?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Cancellation
//!
//! Reading or writing a source is one system call on the caller's own memory: it is done, or it is
//! not. So every such future can be dropped while it waits, and nothing is lost, left registered or
//! left running. An [`Operation`] owns what the kernel touches: dropping it asks the kernel to end
//! it, and memory and descriptors are released when that has happened. Dropping an [`Async`]
//! deregisters its source and then closes it. When the loop ends, who still waits gets
//! [`LoopEnded`].
//!
//! # Implementation
//!
//! The module `contract` says what a driver promises; `epoll` and `uring` (Linux) and `polling`
//! (all systems) keep it. `AIOLI_DRIVER=epoll|uring|poll` forces one. [`Operations`] are carried out
//! by the ring that watches the sources, or by one `beside` epoll, made when it is first asked for;
//! there are none with `AIOLI_DRIVER=poll` and with `AIOLI_FILES=pool`, while `AIOLI_FILES=ring` is
//! as if it were unset, and so is an empty value of either. Any other one is an error of the first
//! registration.
//! `readiness` argues why no edge is lost, `source` why no waiter is, and `uring::driver` why no
//! file is held. The reactor becomes its loop's parker when the first source is registered; on a
//! thread without a loop (under tokio, smol, `futures::executor`) this is the background loop of
//! `aioli-task`.
//!
//! # Asyncio correspondence
//!
//! | asyncio | here |
//! |---|---|
//! | `loop.add_reader`, `loop.add_writer` | [`Async::readable`], [`Async::writable`] |
//! | `loop.remove_reader`, `loop.remove_writer` | dropping the future |
//! | `loop.sock_recv`, `sock_accept`, … | [`Async::read_with`] |
//! | `loop.sock_sendall`, `sock_sendto`, … | [`Async::write_with`] |
//! | `selectors.DefaultSelector` | [`DriverKind`] |

mod async_source;
mod beside;
mod contract;
mod driver;
mod ended;
mod epoll;
mod operation;
mod order;
mod os;
mod polling;
mod probing;
mod reactor;
mod readiness;
mod ready;
mod registration;
mod source;
mod table;
mod uring;
mod waiters;

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use crate::async_source::Async;
pub use crate::driver::DriverKind;
pub use crate::ended::LoopEnded;
pub use crate::operation::{Operation, OperationStats, Operations};
pub use crate::os::{AsFile, AsSource, BorrowedSource, RawSource};
pub use crate::ready::Interest;
pub use crate::registration::Registration;

/// Which driver watches the sources that are registered here: by the reactor of this thread's
/// event loop, else of the background loop.
///
/// # Errors
///
/// The reactor could not be started: descriptors are used up, or `AIOLI_DRIVER` names no driver
/// of this system.
///
/// # Examples
///
/// ```
/// println!("watching by {}", aioli_reactor::driver_kind()?);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn driver_kind() -> io::Result<DriverKind> {
    reactor::Reactor::current().map(|reactor| reactor.kind())
}

/// Locks. The data of this crate's locks is whole between any two statements, so a panic of a
/// waker elsewhere (the only foreign code) has broken none of it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
