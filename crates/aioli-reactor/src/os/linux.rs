//! Linux: what its drivers have in common: how a wait is ended, and how a report reads.
#![expect(unsafe_code, reason = "eventfd has no safe interface in std")]

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use crate::ready::Ready;

/// What ends a wait: an eventfd, watched edge-triggered. Each write is an edge, and nobody has to
/// read it.
#[derive(Debug)]
pub(crate) struct Notifier(File);

impl Notifier {
    /// Its token; the reactor gives it to no source.
    pub(crate) const TOKEN: u64 = u64::MAX;

    /// A new eventfd, non-blocking, closed on exec.
    pub(crate) fn new() -> io::Result<Notifier> {
        // SAFETY: takes no pointer; any flags are answered by an error at worst.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `fd` was just opened by the kernel for us, so it is open and nobody else owns it.
        Ok(Notifier(File::from(unsafe { OwnedFd::from_raw_fd(fd) })))
    }

    /// One that cannot be written to.
    #[cfg(test)]
    pub(crate) fn broken() -> Notifier {
        Notifier(File::open("/dev/null").unwrap())
    }

    pub(crate) fn notify(&self) -> io::Result<()> {
        match (&self.0).write(&1u64.to_ne_bytes()) {
            // A counter that is full is an edge nobody has seen yet.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            other => other.map(drop),
        }
    }
}

impl AsRawFd for Notifier {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// What the kernel's flags say, in our words. Hang-ups and errors are readable and writable.
///
/// A ring's polls report in the flags of epoll.
pub(crate) fn ready(flags: u32) -> Ready {
    const IN: u32 = (libc::EPOLLIN | libc::EPOLLPRI) as u32;
    const OUT: u32 = libc::EPOLLOUT as u32;
    const READ_END: u32 = (libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR) as u32;
    const WRITE_END: u32 = (libc::EPOLLHUP | libc::EPOLLERR) as u32;

    let mut ready = Ready::NONE;
    for (mask, bits) in [
        (IN, Ready::READABLE),
        (OUT, Ready::WRITABLE),
        (READ_END, Ready::READABLE | Ready::READ_CLOSED),
        (WRITE_END, Ready::WRITABLE | Ready::WRITE_CLOSED),
    ] {
        if flags & mask != 0 {
            ready = ready | bits;
        }
    }
    ready
}
