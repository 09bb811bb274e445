//! The system calls of the epoll driver, each behind a safe function.
#![expect(unsafe_code, reason = "epoll has no safe interface in std")]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::contract::EVENTS_MAX;

/// Room for one `epoll_wait`'s events.
pub(super) struct EventBuffer(Box<[MaybeUninit<libc::epoll_event>; EVENTS_MAX]>);

impl EventBuffer {
    pub(super) fn new() -> EventBuffer {
        // What no event has been written to takes no memory.
        EventBuffer(Box::new([const { MaybeUninit::uninit() }; EVENTS_MAX]))
    }
}

impl std::fmt::Debug for EventBuffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventBuffer").finish_non_exhaustive()
    }
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// A new epoll instance, closed on exec.
pub(super) fn create() -> io::Result<OwnedFd> {
    // SAFETY: takes no pointer; any flags are answered by an error at worst.
    let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
    // SAFETY: `fd` was just opened by the kernel for us, so it is open and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Registers `fd` for `flags`. A number that is no open descriptor is answered by an error.
pub(super) fn add(epoll: BorrowedFd<'_>, fd: RawFd, flags: u32, token: u64) -> io::Result<()> {
    control(epoll, libc::EPOLL_CTL_ADD, fd, flags, token)
}

/// Changes what `fd` is watched for.
pub(super) fn modify(epoll: BorrowedFd<'_>, fd: RawFd, flags: u32, token: u64) -> io::Result<()> {
    control(epoll, libc::EPOLL_CTL_MOD, fd, flags, token)
}

fn control(
    epoll: BorrowedFd<'_>,
    what: libc::c_int,
    fd: RawFd,
    flags: u32,
    token: u64,
) -> io::Result<()> {
    let mut event = libc::epoll_event {
        events: flags,
        u64: token,
    };
    // SAFETY: `event` is a live, initialised `epoll_event`, and the kernel reads it during the
    // call only.
    check(unsafe { libc::epoll_ctl(epoll.as_raw_fd(), what, fd, &mut event) }).map(drop)
}

/// Removes `fd`.
pub(super) fn delete(epoll: BorrowedFd<'_>, fd: RawFd) -> io::Result<()> {
    // SAFETY: since Linux 2.6.9 the event pointer of a removal is not read and may be null.
    check(unsafe { libc::epoll_ctl(epoll.as_raw_fd(), libc::EPOLL_CTL_DEL, fd, ptr::null_mut()) })
        .map(drop)
}

/// Waits, and returns token and flags of each event. A signal ends it without events.
pub(super) fn wait<'a>(
    epoll: BorrowedFd<'_>,
    buffer: &'a mut EventBuffer,
    timeout: Option<Duration>,
) -> io::Result<impl Iterator<Item = (u64, u32)> + 'a> {
    let outcome = match timeout {
        Some(timeout) if !timeout.is_zero() => wait_precisely(epoll, buffer, timeout),
        Some(_) => wait_milliseconds(epoll, buffer, 0),
        None => wait_milliseconds(epoll, buffer, -1),
    };
    let n = match outcome {
        Ok(n) => n,
        Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
        Err(error) => return Err(error),
    };
    let events = buffer.0[..n].iter().map(|event| {
        // SAFETY: the kernel has written to the first `n`.
        let event = unsafe { event.assume_init() };
        (event.u64, event.events)
    });
    Ok(events)
}

/// `epoll_pwait2`, which takes nanoseconds; before Linux 5.11 milliseconds, rounded up, so that
/// no timer is looked at early.
fn wait_precisely(
    epoll: BorrowedFd<'_>,
    buffer: &mut EventBuffer,
    timeout: Duration,
) -> io::Result<usize> {
    static MISSING: AtomicBool = AtomicBool::new(false);
    if !MISSING.load(Ordering::Relaxed) {
        let limit = libc::timespec {
            tv_sec: timeout.as_secs().try_into().unwrap_or(libc::time_t::MAX),
            tv_nsec: timeout.subsec_nanos() as libc::c_long,
        };
        // SAFETY: the buffer is exclusively borrowed and has room for `EVENTS_MAX` events, which is the
        // length passed; `limit` lives through the call; a null signal mask changes no mask.
        let n = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                epoll.as_raw_fd(),
                buffer.0.as_mut_ptr().cast::<libc::epoll_event>(),
                EVENTS_MAX as libc::c_int,
                &limit,
                ptr::null::<libc::sigset_t>(),
                0_usize,
            )
        };
        if n >= 0 {
            return Ok(n as usize);
        }
        let error = io::Error::last_os_error();
        // Sandboxes that do not know the call answer with EPERM.
        if !matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) {
            return Err(error);
        }
        MISSING.store(true, Ordering::Relaxed);
    }
    let milliseconds = timeout.as_nanos().div_ceil(1_000_000);
    wait_milliseconds(epoll, buffer, milliseconds.try_into().unwrap_or(i32::MAX))
}

fn wait_milliseconds(
    epoll: BorrowedFd<'_>,
    buffer: &mut EventBuffer,
    timeout: i32,
) -> io::Result<usize> {
    let room = EVENTS_MAX as libc::c_int;
    // The wrapper of the C library is a point at which a thread can be cancelled: in a process of
    // several threads it has two locked instructions, and no thread of ours is ended so. Every
    // architecture has this call, and not all have the one without a mask.
    // SAFETY: the buffer is exclusively borrowed and has room for `EVENTS_MAX` events, which is the
    // length passed; a null signal mask changes no mask.
    let n = unsafe {
        libc::syscall(
            libc::SYS_epoll_pwait,
            epoll.as_raw_fd(),
            buffer.0.as_mut_ptr().cast::<libc::epoll_event>(),
            room,
            timeout,
            ptr::null::<libc::sigset_t>(),
            0_usize,
        )
    };
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}
