//! Reading what is in the page cache on the spot: `preadv2` with `RWF_NOWAIT`.
#![expect(unsafe_code, reason = "`preadv2` has no safe wrapper in std")]

use super::Now;
use std::{fs::File, io, os::fd::AsRawFd};

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
