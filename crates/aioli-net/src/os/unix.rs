//! Unix domain sockets: streams, listeners and datagrams.

mod datagram;
mod listener;
mod stream;
mod streams;

pub use self::datagram::UnixDatagram;
pub use self::listener::UnixListener;
pub use self::stream::{Credentials, UnixStream};
pub use self::streams::{open_connection, serve};
