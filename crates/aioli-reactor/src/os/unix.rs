//! Unix: a source is a file descriptor.
#![expect(
    unsafe_code,
    reason = "std cannot make an arbitrary descriptor non-blocking"
)]

use std::io;
use std::os::fd::AsRawFd;

/// What can be registered: anything that lends a file descriptor (on Windows: a socket).
pub use std::os::fd::AsFd as AsSource;
/// What an operation can be carried out on: anything that lends a file descriptor (on Windows: a
/// handle).
pub use std::os::fd::AsFd as AsFile;
/// A lent file descriptor (on Windows: a lent socket).
pub use std::os::fd::BorrowedFd as BorrowedSource;
/// The number of a file descriptor (on Windows: of a socket).
pub use std::os::fd::RawFd as RawSource;

/// The number of the source.
pub(crate) fn raw_source(source: &impl AsSource) -> RawSource {
    source.as_fd().as_raw_fd()
}

/// Makes the source non-blocking.
pub(crate) fn set_nonblocking(source: &impl AsSource) -> io::Result<()> {
    let fd = raw_source(source);
    // SAFETY: no pointer is passed; `fd` is open, because `source` is borrowed.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    if flags < 0 {
        return Err(io::Error::last_os_error());
    }
    if flags & libc::O_NONBLOCK != 0 {
        return Ok(());
    }
    // SAFETY: as above; only the descriptor's status flags change.
    if unsafe { libc::fcntl(fd, libc::F_SETFL, flags | libc::O_NONBLOCK) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
