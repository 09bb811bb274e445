//! What only Linux has, as the other Unix systems have it.
#![expect(unsafe_code, reason = "std does not have getpeereid")]

use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::FileExt;

use super::one_by_one::write_from;
pub(crate) use super::one_by_one::{receive_many, send_many};

/// Sends the begin of a range of a file.
pub(crate) fn send_file<S>(socket: &S, file: &File, range: &mut Range<u64>) -> io::Result<usize>
where
    for<'s> &'s S: Write,
{
    write_from(socket, range, |room, offset| file.read_at(room, offset))
}

/// Who had connected or listened: user and group.
pub(crate) fn peer_credentials(socket: &impl AsFd) -> io::Result<(u32, u32, Option<u32>)> {
    let (mut user, mut group) = (0, 0);
    // SAFETY: both numbers are alive until the call has returned.
    let result = unsafe { libc::getpeereid(socket.as_fd().as_raw_fd(), &mut user, &mut group) };
    match result {
        0 => Ok((user, group, None)),
        _ => Err(io::Error::last_os_error()),
    }
}
