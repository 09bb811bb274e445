//! One buffer received or sent, by the system call itself.
//!
//! The C library's wrappers are points at which a thread can be cancelled: in a process of several
//! threads each has two locked instructions, and no thread of ours is ended so.
#![expect(unsafe_code, reason = "std makes these calls by the wrappers")]

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr;

/// Takes bytes out of a stream, as many as are there and fit.
#[inline]
pub(crate) fn receive(socket: &impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the pointer and the length are those of a slice that is borrowed mutably for the whole
    // call; null pointers stand for a sender's address that nobody asks for; the descriptor is
    // open, because `socket` is borrowed.
    let n = unsafe {
        libc::syscall(
            libc::SYS_recvfrom,
            socket.as_fd().as_raw_fd(),
            buffer.as_mut_ptr(),
            buffer.len(),
            0,
            ptr::null_mut::<libc::sockaddr>(),
            ptr::null_mut::<libc::socklen_t>(),
        )
    };
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}

/// Puts bytes into a stream, as many as there is room for. A stream that is broken is an error, and
/// no signal.
#[inline]
pub(crate) fn send(socket: &impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the pointer and the length are those of a slice that is borrowed for the whole call,
    // which only reads; a null pointer of no length stands for the peer that the stream has; the
    // descriptor is open, because `socket` is borrowed.
    let n = unsafe {
        libc::syscall(
            libc::SYS_sendto,
            socket.as_fd().as_raw_fd(),
            bytes.as_ptr(),
            bytes.len(),
            libc::MSG_NOSIGNAL,
            ptr::null::<libc::sockaddr>(),
            0_usize,
        )
    };
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}
