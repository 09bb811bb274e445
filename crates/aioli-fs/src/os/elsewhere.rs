//! Systems that cannot read without the risk of blocking: everything goes to the pool.

use super::Now;
use std::{fs::File, path::Path};

/// Reads nothing: the pool does it.
pub(crate) fn read_now(_file: &File, _buf: &mut [u8]) -> Now {
    Now::Never
}

/// Reads nothing: the pool does it.
pub(crate) fn read_at_now(_file: &File, _buf: &mut [u8], _offset: u64) -> Now {
    Now::Never
}

/// Reads nothing: the pool does it.
pub(crate) fn read_whole_now(_path: &Path) -> Option<Vec<u8>> {
    None
}
