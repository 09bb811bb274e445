//! Systems that cannot read without the risk of blocking: everything goes to the pool.

use super::{Now, Whole};
use crate::error::Result;
use std::{
    fs::File,
    future::Pending,
    io,
    path::{Path, PathBuf},
};

/// An owned path.
#[derive(Debug)]
pub(crate) struct Name(PathBuf);

impl Name {
    pub(crate) fn new(path: &Path) -> Self {
        Self(path.to_path_buf())
    }

    pub(crate) fn as_path(&self) -> &Path {
        &self.0
    }
}

/// What goes past the page cache is like everything else: it goes to the pool.
pub(crate) fn is_direct(_file: &File) -> bool {
    false
}

/// Opens nothing: the pool does it.
pub(crate) fn open_plain_now(_name: &Name) -> Option<File> {
    None
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
pub(crate) fn read_whole_now(_name: &Name) -> Whole {
    Whole::Later(None)
}

/// Reads a whole file.
pub(crate) fn read_whole(name: &Name, _opened: Option<File>) -> io::Result<Vec<u8>> {
    std::fs::read(name.as_path())
}

/// Writes nothing: the pool does it.
pub(crate) fn write_whole_now(_name: &Name, _data: &[u8]) -> bool {
    false
}

/// There is none: the pool writes file by file.
#[derive(Debug)]
pub(crate) enum Burst {}

impl Burst {
    pub(crate) fn of(_name: &Name, _data: &[u8]) -> Option<Self> {
        None
    }

    pub(crate) fn write(self, _name: Name, _data: Vec<u8>) -> Pending<Result<()>> {
        match self {}
    }
}
