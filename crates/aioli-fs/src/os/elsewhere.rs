//! Systems that cannot read without the risk of blocking: everything goes to the pool.

use super::{Now, Whole};
use std::{fs::File, io, path::Path};

/// What goes past the page cache is like everything else: it goes to the pool.
pub(crate) fn is_direct(_file: &File) -> bool {
    false
}

/// Reads nothing: the pool does it.
pub(crate) fn read_now(_file: &File, _bufs: &mut [io::IoSliceMut<'_>]) -> Now {
    Now::Never
}

/// Reads nothing: the pool does it.
pub(crate) fn read_at_now(_file: &File, _buf: &mut [u8], _offset: u64) -> Now {
    Now::Never
}

/// Reads nothing: the pool does it.
pub(crate) fn read_whole_now(_path: &Path) -> Whole {
    Whole::Later(None)
}

/// Reads a whole file.
pub(crate) fn read_whole(path: &Path, _opened: Option<File>) -> io::Result<Vec<u8>> {
    std::fs::read(path)
}

/// Writes nothing: the pool does it.
pub(crate) fn write_whole_now(_path: &Path, _data: &[u8]) -> bool {
    false
}
