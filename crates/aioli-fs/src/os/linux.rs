//! Reading on the spot what is in memory, and nothing else.
//!
//! `preadv2` with `RWF_NOWAIT` reads from the page cache, and `openat2` with `RESOLVE_CACHED` finds
//! a path whose entries are in memory; either gives up where it would have to wait.
#![expect(unsafe_code, reason = "the system calls have no safe wrappers in std")]

use super::{Now, Whole};
use std::{
    ffi::CString,
    fs::File,
    io::{self, Read},
    mem::size_of,
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::{ffi::OsStrExt, fs::FileTypeExt},
    },
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

/// The largest file that is read whole on the spot: some ten microseconds of a core.
const WHOLE_MAX: usize = 64 * 1024;

/// Whether the kernel has said that it cannot open without waiting.
static CANNOT_OPEN: AtomicBool = AtomicBool::new(false);

/// The offset that stands for the file's own position, which the call then moves.
const AT_CURSOR: libc::off_t = -1;

/// Reads at the file's position as much as needs no waiting.
pub(crate) fn read_now(file: &File, buf: &mut [u8]) -> Now {
    read(file, buf, AT_CURSOR)
}

/// Reads at `offset` as much as needs no waiting.
pub(crate) fn read_at_now(file: &File, buf: &mut [u8], offset: u64) -> Now {
    match libc::off_t::try_from(offset) {
        Ok(offset) => read(file, buf, offset),
        Err(_) => Now::Later,
    }
}

fn read(file: &File, buf: &mut [u8], offset: libc::off_t) -> Now {
    let slice = libc::iovec {
        iov_base: buf.as_mut_ptr().cast(),
        iov_len: buf.len(),
    };
    // SAFETY: `slice` describes `buf`, which is borrowed mutably for the whole call, and the
    // descriptor is open because `file` is borrowed.
    let n = unsafe {
        libc::preadv2(
            file.as_raw_fd(),
            &raw const slice,
            1,
            offset,
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

/// Reads a whole small file, if its path and its contents are in memory.
///
/// Whatever has been opened stays so for the job that does the rest: to open a pipe or a device
/// twice would be noticed at its other end.
pub(crate) fn read_whole_now(path: &Path) -> Whole {
    // Non-blocking, should it be a pipe or a device.
    let flags = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY;
    let Some(file) = open_now(path, flags) else {
        return Whole::Later(None);
    };
    let file = File::from(file);
    match read_small_now(&file) {
        Some(data) => Whole::Read(data),
        None => Whole::Later(Some(file)),
    }
}

/// Reads a whole file, which an attempt to do so on the spot may have opened.
pub(crate) fn read_whole(path: &Path, opened: Option<File>) -> io::Result<Vec<u8>> {
    let Some(mut file) = opened else {
        return std::fs::read(path);
    };
    if file.metadata()?.file_type().is_fifo() {
        // Opening it again waits for a writer; one that is there already is not left meanwhile.
        return std::fs::read(path);
    }
    wait_again(&file)?;
    let size = file.metadata()?.len();
    let mut data = Vec::new();
    data.try_reserve_exact(usize::try_from(size).unwrap_or(usize::MAX))?;
    file.read_to_end(&mut data)?;
    Ok(data)
}

/// Makes the calls on a file wait that was opened to be non-blocking.
fn wait_again(file: &File) -> io::Result<()> {
    // SAFETY: the descriptor is open because `file` is borrowed; the call touches no memory.
    let flags = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETFL) };
    if flags < 0 {
        return Err(io::Error::last_os_error());
    }
    let flags = flags & !libc::O_NONBLOCK;
    // SAFETY: as above.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETFL, flags) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Reads an open file from its start, if it is small and in memory.
fn read_small_now(file: &File) -> Option<Vec<u8>> {
    let metadata = file.metadata().ok()?;
    let size = usize::try_from(metadata.len()).ok()?;
    if !metadata.is_file() || size > WHOLE_MAX {
        return None;
    }
    // One byte more, so that it shows if the file has grown: that is no small file any more, or
    // one whose size the system does not know.
    let mut data = vec![0; size + 1];
    let mut filled = 0;
    // What was the end when the size was asked for is as good as what is the end by now, so that
    // the end need not be met. A file of no size may be one whose size is not known.
    loop {
        match read_at_now(file, &mut data[filled..], filled as u64) {
            Now::Done(0) => break,
            Now::Done(n) => filled += n,
            Now::Later | Now::Never => return None,
        }
        if filled == size {
            break;
        }
        if filled > size {
            return None;
        }
    }
    data.truncate(filled);
    Some(data)
}

/// Opens what needs no waiting to be found.
fn open_now(path: &Path, flags: libc::c_int) -> Option<OwnedFd> {
    if CANNOT_OPEN.load(Ordering::Relaxed) {
        return None;
    }
    let name = CString::new(path.as_os_str().as_bytes()).ok()?;
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
    // Older kernels know neither the call nor the flag, and sandboxes refuse the call.
    if matches!(error, Some(libc::ENOSYS | libc::EINVAL | libc::EPERM)) {
        CANNOT_OPEN.store(true, Ordering::Relaxed);
    }
    None
}
