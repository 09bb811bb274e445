//! Unix: `pread` and `pwrite`, symbolic links, and a `close` that tells its error.
#![expect(
    unsafe_code,
    reason = "std closes a descriptor without telling its error"
)]

use std::{
    fs::{DirBuilder, File},
    io,
    os::{
        fd::IntoRawFd,
        unix::fs::{DirBuilderExt, FileExt},
    },
    path::Path,
};

/// Reads at `offset`, leaving the file's position alone.
pub(crate) fn read_at(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(buf, offset)
}

/// Writes at `offset`, leaving the file's position alone.
pub(crate) fn write_at(file: &File, data: &[u8], offset: u64) -> io::Result<usize> {
    file.write_at(data, offset)
}

/// Makes `link` a symbolic link that holds `target`.
pub(crate) fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

/// Makes a rename or a new name in `folder` survive a crash.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes a folder that only this user may enter.
pub(crate) fn create_private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// Closes the file and tells what the system says about it.
pub(crate) fn close(file: File) -> io::Result<()> {
    // SAFETY: `into_raw_fd` gives up ownership, so this is the only close of the descriptor.
    let closed = unsafe { libc::close(file.into_raw_fd()) };
    let error = io::Error::last_os_error();
    // An interrupted close has released the descriptor on the systems we know, and trying
    // again could close somebody else's.
    if closed == 0 || error.kind() == io::ErrorKind::Interrupted {
        return Ok(());
    }
    Err(error)
}
