//! Reading on the spot what is in memory, and nothing else.
//!
//! `preadv2` with `RWF_NOWAIT` reads from the page cache, and `openat2` with `RESOLVE_CACHED` finds
//! a path whose entries are in memory; either gives up where it would have to wait.
#![expect(unsafe_code, reason = "the system calls have no safe wrappers in std")]

use super::{Now, Whole};
use crate::whole::folder_of;
use std::{
    ffi::{CStr, CString},
    fs::File,
    hash::{DefaultHasher, Hasher},
    io::{self, IoSliceMut, Read, Write},
    mem::size_of,
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
        unix::{ffi::OsStrExt, fs::FileTypeExt},
    },
    path::Path,
    sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
};

/// The largest file that is read whole on the spot: some ten microseconds of a core.
const WHOLE_MAX: usize = 64 * 1024;

/// Whether the kernel has said that it cannot open without waiting.
static CANNOT_OPEN: AtomicBool = AtomicBool::new(false);

/// The hash of the folder that was last found not to be in memory.
static ON_DISK: AtomicU64 = AtomicU64::new(0);

/// The hash of the folder that was last found to be in memory, and how many more files are written
/// there before this is asked again.
static IN_MEMORY: AtomicU64 = AtomicU64::new(0);
static UNASKED: AtomicU32 = AtomicU32::new(0);

/// How many files are written for one question. What is outdated by then costs time, when another
/// file system has been mounted over the folder, and nothing else.
const UNASKED_MAX: u32 = 64;

/// The offset that stands for the file's own position, which the call then moves.
const AT_CURSOR: libc::off_t = -1;

/// Reads at the file's position as much as needs no waiting.
pub(crate) fn read_now(file: &File, bufs: &mut [IoSliceMut<'_>]) -> Now {
    read(file, bufs, AT_CURSOR)
}

/// Reads at `offset` as much as needs no waiting.
pub(crate) fn read_at_now(file: &File, buf: &mut [u8], offset: u64) -> Now {
    match libc::off_t::try_from(offset) {
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

fn read(file: &File, bufs: &mut [IoSliceMut<'_>], offset: libc::off_t) -> Now {
    let (first, len) = (bufs.as_mut_ptr().cast::<libc::iovec>(), bufs.len());
    // SAFETY: an `IoSliceMut` is laid out as an `iovec`, and they are borrowed mutably for as long
    // as this slice lives.
    let bufs = unsafe { std::slice::from_raw_parts_mut(first, len) };
    // SAFETY: each describes memory that is borrowed mutably for the whole call.
    unsafe { preadv_now(file, bufs, offset) }
}

/// # Safety
///
/// Each of `bufs` describes memory that may be written to during the call.
unsafe fn preadv_now(file: &File, bufs: &mut [libc::iovec], offset: libc::off_t) -> Now {
    // More than the system takes are a short read.
    let n_bufs = bufs.len().min(1024);
    // SAFETY: there are at least `n_bufs`, whose memory may be written to, as the caller says, and
    // the descriptor is open because `file` is borrowed.
    let n = unsafe {
        libc::preadv2(
            file.as_raw_fd(),
            bufs.as_mut_ptr(),
            n_bufs as libc::c_int,
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
        Small::Read(data) => Whole::Read(data),
        Small::Uncached(size) => Whole::Uncached(file, size),
        Small::No => Whole::Later(Some(file)),
    }
}

/// Reads a whole file, which an attempt to do so on the spot may have opened.
pub(crate) fn read_whole(path: &Path, opened: Option<File>) -> io::Result<Vec<u8>> {
    let Some(mut file) = opened else {
        return std::fs::read(path);
    };
    if file.metadata()?.file_type().is_fifo() {
        wait_for_writer(&file)?;
    }
    wait_again(&file)?;
    let mut data = Vec::new();
    file.read_to_end(&mut data)?;
    Ok(data)
}

/// Waits for what opening a pipe waits for unless it is opened to be non-blocking: a writer, who
/// may have gone again meanwhile.
fn wait_for_writer(pipe: &File) -> io::Result<()> {
    let mut event = libc::pollfd {
        fd: pipe.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    loop {
        // SAFETY: `event` is one structure, as the call is told, and lives for the whole call; the
        // descriptor is open because `pipe` is borrowed.
        if unsafe { libc::poll(&raw mut event, 1, -1) } > 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
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

/// What came of an attempt to read an open file from its start.
enum Small {
    Read(Vec<u8>),
    /// It is a small file of this size, and not in memory.
    Uncached(usize),
    /// It is something else.
    No,
}

fn read_small_now(file: &File) -> Small {
    let Ok(metadata) = file.metadata() else {
        return Small::No;
    };
    let size = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    if !metadata.is_file() || size > WHOLE_MAX {
        return Small::No;
    }
    // One byte more, so that it shows if the file has grown: that is no small file any more, or
    // one whose size the system does not know.
    let mut data = Vec::with_capacity(size + 1);
    // What was the end when the size was asked for is as good as what is the end by now, so that
    // the end need not be met. A file of no size may be one whose size is not known.
    loop {
        match append_now(file, &mut data) {
            Now::Done(0) => break,
            Now::Done(_) => {}
            Now::Later if size > 0 => return Small::Uncached(size),
            Now::Later | Now::Never => return Small::No,
        }
        if data.len() == size {
            break;
        }
        if data.len() > size {
            return Small::No;
        }
    }
    Small::Read(data)
}

/// Reads behind what is in `data`, from there on in the file, as much as fits and needs no waiting.
fn append_now(file: &File, data: &mut Vec<u8>) -> Now {
    let Ok(offset) = libc::off_t::try_from(data.len()) else {
        return Now::Later;
    };
    let spare = data.spare_capacity_mut();
    let mut bufs = [libc::iovec {
        iov_base: spare.as_mut_ptr().cast(),
        iov_len: spare.len(),
    }];
    // SAFETY: the one structure describes memory that is borrowed mutably for the whole call, which
    // writes to it and reads none of it.
    let now = unsafe { preadv_now(file, &mut bufs, offset) };
    if let Now::Done(n) = now {
        // SAFETY: the call has written that many bytes behind those that were there.
        unsafe { data.set_len(data.len() + n) };
    }
    now
}

/// Writes a whole small file, if it is one of a file system in memory, where nothing waits for a
/// disk. What this leaves half done, the job does again.
pub(crate) fn write_whole_now(path: &Path, data: &[u8]) -> bool {
    data.len() <= WHOLE_MAX && try_write_whole(path, data).is_some()
}

fn try_write_whole(path: &Path, data: &[u8]) -> Option<()> {
    let name = path.file_name()?.as_bytes();
    // `a/` and `a/.` have the name `a` too, but are folders.
    if !path.as_os_str().as_bytes().ends_with(name) {
        return None;
    }
    let parent = folder_of(path);
    // To ask costs three system calls, which the files of one folder share. The answer may be
    // outdated, or another's of the same hash: then the job writes what could have been here, or
    // this waits for a disk for once.
    let mut hasher = DefaultHasher::new();
    hasher.write(parent.as_os_str().as_bytes());
    let asked = hasher.finish();
    if ON_DISK.load(Ordering::Relaxed) == asked {
        return None;
    }
    if IN_MEMORY.load(Ordering::Relaxed) == asked {
        let left = UNASKED.load(Ordering::Relaxed);
        if left > 0 {
            // Counted by several threads at once it counts less, which does no harm.
            UNASKED.store(left - 1, Ordering::Relaxed);
            return with_c_str(path.as_os_str().as_bytes(), |path| {
                write_in(libc::AT_FDCWD, path, data)
            })?;
        }
    }
    let folder = open_now(parent, libc::O_PATH | libc::O_DIRECTORY)?;
    if !is_in_memory(&folder) {
        ON_DISK.store(asked, Ordering::Relaxed);
        return None;
    }
    IN_MEMORY.store(asked, Ordering::Relaxed);
    UNASKED.store(UNASKED_MAX, Ordering::Relaxed);
    with_c_str(name, |name| write_in(folder.as_raw_fd(), name, data))?
}

/// Writes a whole file, which is found from the folder with this descriptor on.
fn write_in(folder: RawFd, name: &CStr, data: &[u8]) -> Option<()> {
    let made = open_in(folder, name, libc::O_CREAT | libc::O_EXCL);
    let mut file = match made {
        Some(file) => file,
        None => open_old_in(folder, name)?,
    };
    match file.write(data) {
        Ok(n) if n == data.len() => Some(()),
        _ => None,
    }
}

/// Opens a file that is there and empties it, unless it is something else than a small file.
fn open_old_in(folder: RawFd, name: &CStr) -> Option<File> {
    // SAFETY: all zeroes is a valid value of this structure of integers.
    let mut found: libc::stat = unsafe { std::mem::zeroed() };
    let no_follow = libc::AT_SYMLINK_NOFOLLOW;
    // SAFETY: the name ends with a zero, `found` is of the type that the call fills, and a number
    // that is no open descriptor is answered by an error.
    let n = unsafe { libc::fstatat(folder, name.as_ptr(), &raw mut found, no_follow) };
    let is_file = found.st_mode & libc::S_IFMT == libc::S_IFREG;
    let is_small = usize::try_from(found.st_size).is_ok_and(|size| size <= WHOLE_MAX);
    if n != 0 || !is_file || !is_small {
        return None;
    }
    let file = open_in(folder, name, libc::O_TRUNC)?;
    // The name may have become another's meanwhile.
    file.metadata().ok()?.is_file().then_some(file)
}

/// Opens a file of a folder for writing, without waiting for anybody else.
fn open_in(folder: RawFd, name: &CStr, flags: libc::c_int) -> Option<File> {
    let flags = flags
        | libc::O_WRONLY
        | libc::O_CLOEXEC
        | libc::O_NOFOLLOW
        | libc::O_NONBLOCK
        | libc::O_NOCTTY;
    // SAFETY: the name ends with a zero, and a number that is no open descriptor is answered by an
    // error.
    let fd = unsafe { libc::openat(folder, name.as_ptr(), flags, 0o666) };
    // SAFETY: the call has just opened it, and nobody else knows of it.
    (fd >= 0).then(|| unsafe { File::from_raw_fd(fd) })
}

/// Calls `f` with these bytes and a zero behind them, if there is none among them. A name of usual
/// length needs no memory for that.
fn with_c_str<T>(bytes: &[u8], f: impl FnOnce(&CStr) -> T) -> Option<T> {
    let mut place = [0; 256];
    match place.get_mut(..=bytes.len()) {
        Some(place) => {
            place[..bytes.len()].copy_from_slice(bytes);
            CStr::from_bytes_with_nul(place).ok().map(f)
        }
        None => CString::new(bytes).ok().map(|string| f(&string)),
    }
}

/// Whether the files of a folder are kept in memory.
fn is_in_memory(folder: &OwnedFd) -> bool {
    // SAFETY: all zeroes is a valid value of this structure of integers.
    let mut found: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: `found` is of the type that the call fills, and the descriptor is open because
    // `folder` is borrowed.
    let n = unsafe { libc::fstatfs(folder.as_raw_fd(), &raw mut found) };
    n == 0 && found.f_type == libc::TMPFS_MAGIC
}

/// Opens what needs no waiting to be found.
fn open_now(path: &Path, flags: libc::c_int) -> Option<OwnedFd> {
    if CANNOT_OPEN.load(Ordering::Relaxed) {
        return None;
    }
    with_c_str(path.as_os_str().as_bytes(), |name| open_c_now(name, flags))?
}

fn open_c_now(name: &CStr, flags: libc::c_int) -> Option<OwnedFd> {
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
