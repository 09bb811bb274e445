//! Socket options and error numbers as Windows has them.

use std::io;

use socket2::Socket;

/// On Windows `SO_REUSEADDR` lets a program steal the address of another one.
pub(crate) const REUSE_ADDRESS: bool = false;

/// `WSAEMFILE`: too many open sockets.
const WSAEMFILE: i32 = 10024;
/// `WSAENOBUFS`: no buffer space.
const WSAENOBUFS: i32 = 10055;

/// Has this `connect` begun, to end later?
pub(crate) fn is_in_progress(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// Does this error say that no socket (or memory for one) is left?
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(WSAEMFILE | WSAENOBUFS))
}

pub(crate) fn set_reuse_port(_socket: &Socket) -> io::Result<()> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "SO_REUSEPORT does not exist on this system",
    ))
}
