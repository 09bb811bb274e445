//! What differs between systems: whether there are Unix sockets.

#[cfg(unix)]
pub(crate) use self::unix::{UnixStream, connect_unix, is_unix_silent};

#[cfg(not(unix))]
pub(crate) use self::other::{UnixStream, connect_unix, is_unix_silent};

#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
mod other;
