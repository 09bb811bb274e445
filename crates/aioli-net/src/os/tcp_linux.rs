//! Options of TCP sockets that Linux has.

use std::io;
use std::time::Duration;

use socket2::Socket;

pub(crate) fn bind_device(socket: &Socket, name: &str) -> io::Result<()> {
    socket.bind_device(Some(name.as_bytes()))
}

pub(crate) fn set_user_timeout(socket: &Socket, limit: Duration) -> io::Result<()> {
    socket.set_tcp_user_timeout(Some(limit))
}
