//! What only Linux has, as Windows has it.

use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::os::windows::fs::FileExt;

use super::one_by_one::write_from;
pub(crate) use super::one_by_one::{receive_many, send_many};

/// Sends the begin of a range of a file.
pub(crate) fn send_file<S>(socket: &S, file: &File, range: &mut Range<u64>) -> io::Result<usize>
where
    for<'s> &'s S: Write,
{
    write_from(socket, range, |room, offset| file.seek_read(room, offset))
}
