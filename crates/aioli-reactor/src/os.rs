//! What the systems call a source (a file descriptor, or a socket), and what drivers share.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub use self::unix::{AsFile, AsSource, BorrowedSource, RawSource};
#[cfg(unix)]
pub(crate) use self::unix::{raw_source, set_nonblocking};

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub use self::windows::{AsFile, AsSource, BorrowedSource, RawSource};
#[cfg(windows)]
pub(crate) use self::windows::{raw_source, set_nonblocking};

#[cfg(not(target_os = "linux"))]
pub(crate) mod absent;
#[cfg(target_os = "linux")]
pub(crate) mod linux;
