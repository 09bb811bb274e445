//! Windows: positional I/O, which moves the file's position there, and two kinds of links.

use crate::file::Held;
use std::{
    fs::File,
    io,
    os::windows::{
        fs::{FileExt, symlink_dir, symlink_file},
        io::{AsHandle, BorrowedHandle},
    },
    path::Path,
};

/// Reads at `offset`; the system moves the file's position.
pub(crate) fn read_at(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    file.seek_read(buf, offset)
}

/// Writes at `offset`; the system moves the file's position.
pub(crate) fn write_at(file: &File, data: &[u8], offset: u64) -> io::Result<usize> {
    file.seek_write(data, offset)
}

/// Makes `link` a symbolic link that holds `target`, of the kind `target` now is.
pub(crate) fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    let beside = link.parent().unwrap_or(Path::new("")).join(target);
    if beside.is_dir() {
        symlink_dir(target, link)
    } else {
        symlink_file(target, link)
    }
}

/// Folders cannot be flushed here; the rename itself is what there is.
pub(crate) fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// Makes a folder; who may enter it follows from where it is.
pub(crate) fn create_private_folder(path: &Path) -> io::Result<()> {
    std::fs::create_dir(path)
}

/// Closes the file; the system reports nothing.
pub(crate) fn close(file: File) -> io::Result<()> {
    drop(file);
    Ok(())
}

/// There are no owners by number here.
pub(crate) fn chown(_path: &Path, _user: Option<u32>, _group: Option<u32>) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

impl AsHandle for Held {
    fn as_handle(&self) -> BorrowedHandle<'_> {
        self.file().as_handle()
    }
}
