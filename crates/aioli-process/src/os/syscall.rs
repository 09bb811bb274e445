//! The system calls that std does not make: all unsafe code of this crate.
#![expect(
    unsafe_code,
    reason = "std neither sends signals nor waits without reaping"
)]

use std::{io, mem::MaybeUninit, ptr};

/// Sends a signal to a process.
pub(crate) fn kill(id: u32, signal: i32) -> io::Result<()> {
    send(i32::try_from(id).map_err(io::Error::other)?, signal)
}

/// Sends a signal to a process group.
pub(crate) fn kill_group(id: u32, signal: i32) -> io::Result<()> {
    send(-i32::try_from(id).map_err(io::Error::other)?, signal)
}

fn send(id: i32, signal: i32) -> io::Result<()> {
    // SAFETY: no pointer is passed.
    let sent = unsafe { libc::kill(id, signal) };
    if sent == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// What a signal leads to at present: the default, nothing, or a handler's address.
pub(crate) fn disposition(signal: i32) -> usize {
    let mut current = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: a null action only asks; the pointer is to a live value of the right type.
    unsafe { libc::sigaction(signal, ptr::null(), current.as_mut_ptr()) };
    // SAFETY: all-zero bytes are a valid `sigaction`, so it is initialised in any case.
    unsafe { current.assume_init() }.sa_sigaction
}

/// Sleeps until a child has ended, or has been reaped by others, and does not reap it.
pub(crate) fn sleep_until_ended(id: u32) {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    loop {
        let flags = libc::WEXITED | libc::WNOWAIT;
        // SAFETY: `info` has room for what the call writes, and nobody reads it.
        let result =
            unsafe { libc::waitid(libc::P_PID, id as libc::id_t, info.as_mut_ptr(), flags) };
        // Any error but an interruption means that there is no such child any more.
        if result == 0 || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return;
        }
    }
}

/// A descriptor that becomes readable when the process ends.
#[cfg(target_os = "linux")]
pub(crate) fn open_process(id: u32) -> io::Result<std::os::fd::OwnedFd> {
    use std::os::fd::{FromRawFd, OwnedFd};
    let no_flags: libc::c_uint = 0;
    // SAFETY: no pointer is passed.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, id, no_flags) };
    match i32::try_from(fd) {
        // SAFETY: the call has just opened this descriptor (close-on-exec) and gives it to us.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}
