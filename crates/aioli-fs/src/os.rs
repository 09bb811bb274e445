//! What differs between systems: positional I/O, links, closing, and reading at once.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::{
    chown, close, create_private_folder, read_at, symlink, sync_folder, write_at,
};

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::{
    chown, close, create_private_folder, read_at, symlink, sync_folder, write_at,
};

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::{
    Burst, Name, is_direct, open_plain_now, read_at_now, read_now, read_whole, read_whole_now,
    write_whole_now,
};

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::{
    Burst, Name, is_direct, open_plain_now, read_at_now, read_now, read_whole, read_whole_now,
    write_whole_now,
};

/// What came of an attempt to do something without blocking.
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "it is not tried there")
)]
#[derive(Debug)]
pub(crate) enum Now {
    /// It is done, with this many bytes.
    Done(usize),
    /// It would block, or failed: the pool does it, and tells the error if there is one.
    Later,
    /// This file cannot be read so at all; asking again is a waste.
    Never,
}

/// What came of an attempt to read a whole file without blocking.
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "it is not tried there")
)]
#[derive(Debug)]
pub(crate) enum Whole {
    Read(Vec<u8>),
    /// It is a small file of this size, and not in memory.
    Uncached(std::fs::File, usize),
    /// It would block, or failed: the pool does it, with the file if it has been opened.
    Later(Option<std::fs::File>),
}
