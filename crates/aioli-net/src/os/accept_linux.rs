//! Accepting as Linux does.
#![expect(
    unsafe_code,
    reason = "neither std nor socket2 has accept4 with flags, and poll"
)]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use socket2::{SockAddr, Socket};

/// A connection has `TCP_NODELAY` from its listener.
pub(crate) const NODELAY_IS_INHERITED: bool = true;

/// Accepts a connection. That its socket is non-blocking and closed on exec takes no further call.
pub(crate) fn accept(listener: &Socket) -> io::Result<(Socket, SockAddr)> {
    let accept = |address: *mut socket2::SockAddrStorage, len: *mut libc::socklen_t| {
        let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        // SAFETY: both pointers are valid through the call, and the kernel writes no more than
        // `*len` bytes of an address, for which there is room.
        let fd = unsafe { libc::accept4(listener.as_raw_fd(), address.cast(), len, flags) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just opened it for us, so it is open and nobody else owns it.
        Ok(Socket::from(unsafe { OwnedFd::from_raw_fd(fd) }))
    };
    // SAFETY: the kernel initialises address and length when it says that there is a connection.
    unsafe { SockAddr::try_init(accept) }
}

/// Is somebody waiting to be accepted? Who cannot be asked is tried.
pub(crate) fn has_connection(listener: &Socket) -> bool {
    let mut asked = libc::pollfd {
        fd: listener.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: there is one entry, which is alive through the call, and that does not wait.
    let found = unsafe { libc::poll(&mut asked, 1, 0) };
    found != 0
}
