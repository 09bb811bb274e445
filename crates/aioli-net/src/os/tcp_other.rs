//! Options of TCP sockets that only Linux has.

use std::io;
use std::time::Duration;

use socket2::Socket;

pub(crate) fn bind_device(_socket: &Socket, _name: &str) -> io::Result<()> {
    unsupported("SO_BINDTODEVICE does not exist on this system")
}

pub(crate) fn set_user_timeout(_socket: &Socket, _limit: Duration) -> io::Result<()> {
    unsupported("TCP_USER_TIMEOUT does not exist on this system")
}

fn unsupported(what: &str) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, what))
}
