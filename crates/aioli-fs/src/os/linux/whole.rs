//! Whole files on the spot: read from the page cache, written where the files are in memory.
#![expect(unsafe_code, reason = "the system calls have no safe wrappers in std")]

use super::{Name, close_now, open_now, preadv_now};
use crate::os::{Now, Whole};
use std::{
    ffi::{CStr, CString},
    fs::File,
    hash::{DefaultHasher, Hasher},
    io::{self, Read, Seek, Write},
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
        unix::{ffi::OsStrExt, fs::FileTypeExt},
    },
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

/// The largest file that is read whole on the spot: some ten microseconds of a core.
pub(super) const WHOLE_MAX: usize = 64 * 1024;

/// The hash of the folder that was last found not to be in memory.
static ON_DISK: AtomicU64 = AtomicU64::new(0);

/// The hash of the folder that was last found to be in memory, and how many more files are written
/// there before this is asked again.
static IN_MEMORY: AtomicU64 = AtomicU64::new(0);
static UNASKED: AtomicU32 = AtomicU32::new(0);

/// How many files are written for one question. What is outdated by then costs time, when another
/// file system has been mounted over the folder, and nothing else.
const UNASKED_MAX: u32 = 64;

/// Reads a whole small file, if its path and its contents are in memory.
///
/// Whatever has been opened stays so for the job that does the rest: to open a pipe or a device
/// twice would be noticed at its other end.
pub(crate) fn read_whole_now(name: &Name) -> Whole {
    // Non-blocking, should it be a pipe or a device.
    let flags = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY;
    let opened = name.as_c_str().and_then(|name| open_now(name, flags));
    let Some(file) = opened.map(File::from) else {
        return Whole::Later(None);
    };
    match read_small_now(&file) {
        Small::Read(data) => {
            close_now(file);
            Whole::Read(data)
        }
        Small::Uncached(size) => Whole::Uncached(file, size),
        Small::No => Whole::Later(Some(file)),
    }
}

/// Reads a whole file, which an attempt to do so on the spot may have opened.
pub(crate) fn read_whole(name: &Name, opened: Option<File>) -> io::Result<Vec<u8>> {
    let Some(mut file) = opened else {
        return std::fs::read(name.as_path());
    };
    if file.metadata()?.file_type().is_fifo() {
        wait_for_writer(&file)?;
    }
    wait_again(&file)?;
    // The attempt has looked where the end is. What cannot go back has not gone there.
    let _ = file.rewind();
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
pub(super) fn wait_again(file: &File) -> io::Result<()> {
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
    let Some(size) = end_of(file).filter(|size| *size <= WHOLE_MAX) else {
        return Small::No;
    };
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

/// Moves a file's position to its end, and tells where that is; `None` if it has no positions, like a
/// pipe, out of which nothing may be taken.
///
/// This is the cheapest question about the size: what tells the type, too, costs as much again as
/// opening saves by finding everything in memory.
fn end_of(file: &File) -> Option<usize> {
    // SAFETY: the descriptor is open because `file` is borrowed; the call touches no memory.
    let end = unsafe { libc::lseek(file.as_raw_fd(), 0, libc::SEEK_END) };
    usize::try_from(end).ok()
}

/// Reads behind what is in `data`, from there on in the file, as much as fits and needs no waiting.
fn append_now(file: &File, data: &mut Vec<u8>) -> Now {
    let Ok(offset) = i64::try_from(data.len()) else {
        return Now::Later;
    };
    let spare = data.spare_capacity_mut();
    let bufs = [libc::iovec {
        iov_base: spare.as_mut_ptr().cast(),
        iov_len: spare.len(),
    }];
    // SAFETY: the one structure describes memory that is borrowed mutably for the whole call, which
    // writes to it and reads none of it.
    let now = unsafe { preadv_now(file, &bufs, offset) };
    if let Now::Done(n) = now {
        // SAFETY: the call has written that many bytes behind those that were there.
        unsafe { data.set_len(data.len() + n) };
    }
    now
}

/// Writes a whole small file, if it is one of a file system in memory, where nothing waits for a
/// disk. What this leaves half done, the job does again.
pub(crate) fn write_whole_now(name: &Name, data: &[u8]) -> bool {
    data.len() <= WHOLE_MAX && try_write_whole(name, data).is_some()
}

fn try_write_whole(whole: &Name, data: &[u8]) -> Option<()> {
    let (parent, name) = parent_and_name(whole.as_path().as_os_str().as_bytes())?;
    // To ask costs three system calls, which the files of one folder share. The answer may be
    // outdated, or another's of the same hash: then the job writes what could have been here, or
    // this waits for a disk for once.
    let mut hasher = DefaultHasher::new();
    hasher.write(parent);
    let asked = hasher.finish();
    if ON_DISK.load(Ordering::Relaxed) == asked {
        return None;
    }
    if IN_MEMORY.load(Ordering::Relaxed) == asked {
        let left = UNASKED.load(Ordering::Relaxed);
        if left > 0 {
            // Counted by several threads at once it counts less, which does no harm.
            UNASKED.store(left - 1, Ordering::Relaxed);
            return write_in(libc::AT_FDCWD, whole.as_c_str()?, data);
        }
    }
    let parent = CString::new(parent).ok()?;
    let folder = open_now(&parent, libc::O_PATH | libc::O_DIRECTORY)?;
    if !is_in_memory(&folder) {
        ON_DISK.store(asked, Ordering::Relaxed);
        return None;
    }
    IN_MEMORY.store(asked, Ordering::Relaxed);
    UNASKED.store(UNASKED_MAX, Ordering::Relaxed);
    let name = CString::new(name).ok()?;
    write_in(folder.as_raw_fd(), &name, data)
}

/// The folder that a file is in, and its name there; `None` for what can only be a folder. It is the
/// text that is cut: to look at every component, as `Path` does, takes as long as a system call.
pub(super) fn parent_and_name(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let slash = path.iter().rposition(|byte| *byte == b'/');
    let name = &path[slash.map_or(0, |at| at + 1)..];
    if matches!(name, b"" | b"." | b"..") {
        return None;
    }
    let parent = match slash {
        None => &b"."[..],
        Some(0) => b"/",
        Some(at) => &path[..at],
    };
    Some((parent, name))
}

/// Writes a whole file, which is found from the folder with this descriptor on.
fn write_in(folder: RawFd, name: &CStr, data: &[u8]) -> Option<()> {
    let made = open_in(folder, name, libc::O_CREAT | libc::O_EXCL);
    let mut file = match made {
        Some(file) => file,
        None => open_old_after(folder, name, || {})?,
    };
    match file.write(data) {
        Ok(n) if n == data.len() => Some(()),
        _ => None,
    }
}

/// Opens a file that is there and empties it, unless it is something else than a small file.
/// `between` is called when it is known what there is, and before that is opened.
fn open_old_after(folder: RawFd, name: &CStr, between: impl FnOnce()) -> Option<File> {
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
    between();
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

/// Whether the files of a folder are kept in memory.
fn is_in_memory(folder: &OwnedFd) -> bool {
    // SAFETY: all zeroes is a valid value of this structure of integers.
    let mut found: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: `found` is of the type that the call fills, and the descriptor is open because
    // `folder` is borrowed.
    let n = unsafe { libc::fstatfs(folder.as_raw_fd(), &raw mut found) };
    n == 0 && found.f_type == libc::TMPFS_MAGIC
}

#[cfg(test)]
mod tests;
