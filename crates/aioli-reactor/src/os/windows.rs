//! Windows: a source is a socket.
#![expect(
    unsafe_code,
    reason = "std makes sockets non-blocking through its own types only"
)]

use std::io;
use std::mem::ManuallyDrop;
use std::net::TcpStream;
use std::os::windows::io::{AsRawSocket, FromRawSocket};

/// What an operation can be carried out on: anything that lends a handle (on Unix: a file
/// descriptor).
pub use std::os::windows::io::AsHandle as AsFile;
/// What can be registered: anything that lends a socket (on Unix: a file descriptor).
pub use std::os::windows::io::AsSocket as AsSource;
/// A lent socket (on Unix: a lent file descriptor).
pub use std::os::windows::io::BorrowedSocket as BorrowedSource;
/// The number of a socket (on Unix: of a file descriptor).
pub use std::os::windows::io::RawSocket as RawSource;

/// The number of the source.
pub(crate) fn raw_source(source: &impl AsSource) -> RawSource {
    source.as_socket().as_raw_socket()
}

/// Makes the source non-blocking.
pub(crate) fn set_nonblocking(source: &impl AsSource) -> io::Result<()> {
    // SAFETY: the socket is open, because `source` is borrowed; `ManuallyDrop` keeps the borrowed
    // type from closing it. `ioctlsocket` does not ask which kind of socket it is.
    let socket = unsafe { TcpStream::from_raw_socket(raw_source(source)) };
    ManuallyDrop::new(socket).set_nonblocking(true)
}
