//! Accepting where an attempt that finds nobody costs no more than to ask.

use std::io;

use socket2::{SockAddr, Socket};

/// Each connection is told by itself.
pub(crate) const NODELAY_IS_INHERITED: bool = false;

/// Accepts a connection.
pub(crate) fn accept(listener: &Socket) -> io::Result<(Socket, SockAddr)> {
    let (socket, from) = listener.accept()?;
    socket.set_nonblocking(true)?;
    Ok((socket, from))
}

/// Is somebody waiting to be accepted? Trying will tell.
pub(crate) fn has_connection(_listener: &Socket) -> bool {
    true
}
