//! Unix: `pread` and `pwrite`, symbolic links, and a `close` that tells its error.
#![expect(
    unsafe_code,
    reason = "std closes a descriptor without telling its error"
)]

use crate::{file::Held, open::OpenOptions};
use std::{
    fs::{DirBuilder, File},
    io,
    os::{
        fd::{AsFd, BorrowedFd, IntoRawFd},
        unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
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

/// Changes the owner of what is at `path`.
pub(crate) fn chown(path: &Path, user: Option<u32>, group: Option<u32>) -> io::Result<()> {
    std::os::unix::fs::chown(path, user, group)
}

impl AsFd for Held {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file().as_fd()
    }
}

impl OpenOptions {
    /// The permissions that a file gets which is made, less the process's mask; 0o666 at first.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// let options = aioli_fs::OpenOptions::new().write(true).create(true).mode(0o600);
    /// options.open(dir.path().join("key")).await?;
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn mode(mut self, mode: u32) -> Self {
        self.options.mode(mode);
        self
    }

    /// Flags for the system's `open` besides those that the other switches stand for.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// let follow_no_link = aioli_fs::OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW);
    /// follow_no_link.open("/").await?;
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn custom_flags(mut self, flags: i32) -> Self {
        self.options.custom_flags(flags);
        self.has_flags = true;
        self
    }
}
