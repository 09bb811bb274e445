//! Reading on the spot what is in memory, and nothing else.
//!
//! `preadv2` with `RWF_NOWAIT` reads from the page cache, and `openat2` with `RESOLVE_CACHED` finds
//! a path whose entries are in memory; either gives up where it would have to wait.
//!
//! The calls are made without the wrappers of the C library where these are points at which a thread
//! can be cancelled: in a process of several threads such a wrapper has two locked instructions, and
//! no thread of ours is ended so.
#![expect(unsafe_code, reason = "the system calls have no safe wrappers in std")]

mod burst;
mod name;
mod whole;

pub(crate) use burst::Burst;
pub(crate) use name::Name;
pub(crate) use whole::{read_whole, read_whole_now, write_whole_now};

use super::Now;
use std::{
    ffi::CStr,
    fs::File,
    io::{self, IoSliceMut},
    mem::size_of,
    os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd},
    sync::atomic::{AtomicBool, Ordering},
};

/// Whether the kernel has said that it cannot open without waiting.
static CANNOT_OPEN: AtomicBool = AtomicBool::new(false);

/// The offset that stands for the file's own position, which the call then moves.
const AT_CURSOR: i64 = -1;

/// Reads at the file's position as much as needs no waiting.
pub(crate) fn read_now(file: &File, bufs: &mut [IoSliceMut<'_>]) -> Now {
    read(file, bufs, AT_CURSOR)
}

/// Reads at `offset` as much as needs no waiting.
pub(crate) fn read_at_now(file: &File, buf: &mut [u8], offset: u64) -> Now {
    match i64::try_from(offset) {
        Ok(offset) => read(file, &mut [IoSliceMut::new(buf)], offset),
        Err(_) => Now::Later,
    }
}

/// Whether what is read and written goes past the page cache.
pub(crate) fn is_direct(file: &File) -> bool {
    // SAFETY: the descriptor is open because `file` is borrowed; the call touches no memory.
    let flags = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETFL) };
    flags >= 0 && flags & libc::O_DIRECT != 0
}

fn read(file: &File, bufs: &mut [IoSliceMut<'_>], offset: i64) -> Now {
    let (first, len) = (bufs.as_mut_ptr().cast::<libc::iovec>(), bufs.len());
    // SAFETY: an `IoSliceMut` is laid out as an `iovec`, and they are borrowed mutably for as long
    // as this slice lives.
    let bufs = unsafe { std::slice::from_raw_parts(first, len) };
    // SAFETY: each describes memory that is borrowed mutably for the whole call.
    unsafe { preadv_now(file, bufs, offset) }
}

/// # Safety
///
/// Each of `bufs` describes memory that may be written to during the call.
unsafe fn preadv_now(file: &File, bufs: &[libc::iovec], offset: i64) -> Now {
    // More than the system takes are a short read.
    let n_bufs = bufs.len().min(1024);
    // The offset travels in two words where a word has half of it; where it has all of it, the
    // kernel shifts the second one out.
    let (low, high) = (offset as libc::c_long, (offset >> 32) as libc::c_long);
    // SAFETY: there are at least `n_bufs`, whose memory may be written to, as the caller says, and
    // the descriptor is open because `file` is borrowed.
    let n = unsafe {
        libc::syscall(
            libc::SYS_preadv2,
            file.as_raw_fd(),
            bufs.as_ptr(),
            n_bufs,
            low,
            high,
            libc::RWF_NOWAIT,
        )
    };
    if let Ok(n) = usize::try_from(n) {
        return Now::Done(n);
    }
    match io::Error::last_os_error().raw_os_error() {
        Some(libc::EOPNOTSUPP | libc::ENOSYS | libc::EINVAL) => Now::Never,
        _ => Now::Later,
    }
}

/// Opens a plain file for reading, if it is found without waiting.
///
/// What it is has to be known before: to open a pipe waits for its other end, and without waiting it
/// is noticed there. Somebody who puts a pipe in the place of the file between the two calls sees it
/// opened twice.
pub(crate) fn open_plain_now(name: &Name) -> Option<File> {
    open_plain_after(name, || {})
}

/// The same; `between` is called when it is known what there is, and before that is opened.
fn open_plain_after(name: &Name, between: impl FnOnce()) -> Option<File> {
    let name = name.as_c_str()?;
    let found = identity(&open_now(name, libc::O_PATH)?)?;
    between();
    let flags = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY;
    let opened = open_now(name, flags)?;
    if identity(&opened) != Some(found) {
        return None;
    }
    // SAFETY: the descriptor is open because `opened` is; the call touches no memory. It takes away
    // the flags that can be, and of these only `O_NONBLOCK` is there.
    let n = unsafe { libc::fcntl(opened.as_raw_fd(), libc::F_SETFL, libc::O_RDONLY) };
    (n == 0).then(|| File::from(opened))
}

/// Which plain file it is; `None` if it is something else.
fn identity(opened: &OwnedFd) -> Option<(libc::dev_t, libc::ino_t)> {
    // SAFETY: all zeroes is a valid value of this structure of integers.
    let mut found: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: `found` is of the type that the call fills, and the descriptor is open because
    // `opened` is borrowed.
    let n = unsafe { libc::fstat(opened.as_raw_fd(), &raw mut found) };
    let is_plain = n == 0 && found.st_mode & libc::S_IFMT == libc::S_IFREG;
    is_plain.then_some((found.st_dev, found.st_ino))
}

/// Opens what needs no waiting to be found.
fn open_now(name: &CStr, flags: libc::c_int) -> Option<OwnedFd> {
    if CANNOT_OPEN.load(Ordering::Relaxed) {
        return None;
    }
    // SAFETY: all zeroes is a valid value of this structure of integers.
    let mut how: libc::open_how = unsafe { std::mem::zeroed() };
    how.flags = u64::from((flags | libc::O_CLOEXEC).cast_unsigned());
    how.resolve = libc::RESOLVE_CACHED;
    // SAFETY: the name ends with a zero, `how` is of the size that is given, and both live for the
    // whole call.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_openat2,
            libc::AT_FDCWD,
            name.as_ptr(),
            &raw const how,
            size_of::<libc::open_how>(),
        )
    };
    if let Ok(fd) = i32::try_from(fd)
        && fd >= 0
    {
        // SAFETY: the call has just opened it, and nobody else knows of it.
        return Some(unsafe { OwnedFd::from_raw_fd(fd) });
    }
    let error = io::Error::last_os_error().raw_os_error();
    // Older kernels know neither the call nor the flag, and sandboxes refuse the call. A device may
    // be refused by itself, and then the folder that everybody has is not.
    let is_refused = matches!(error, Some(libc::ENOSYS | libc::EINVAL | libc::EPERM));
    if is_refused && (name == c"/" || open_now(c"/", libc::O_PATH).is_none()) {
        CANNOT_OPEN.store(true, Ordering::Relaxed);
    }
    None
}

/// Closes a file that has only been read, so that there is nothing to hear of.
fn close_now(file: File) {
    // SAFETY: `into_raw_fd` gives up ownership, so this is the only close of the descriptor; the
    // call touches no memory.
    unsafe { libc::syscall(libc::SYS_close, file.into_raw_fd()) };
}

#[cfg(test)]
mod tests;
