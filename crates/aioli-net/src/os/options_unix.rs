//! Socket options and error numbers as Unix has them.

use std::io;

use socket2::Socket;

/// On Unix `SO_REUSEADDR` only takes over addresses whose connections are in `TIME_WAIT`, so
/// listeners set it, as asyncio does.
pub(crate) const REUSE_ADDRESS: bool = true;

/// Has this `connect` begun, to end later?
pub(crate) fn is_in_progress(error: &io::Error) -> bool {
    // An interrupted `connect` goes on by itself.
    matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EINTR))
}

/// Does this error say that no descriptor (or memory for one) is left?
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)
    )
}

pub(crate) fn set_reuse_port(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_port(true)
}
