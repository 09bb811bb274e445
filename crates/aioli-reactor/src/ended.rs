//! The error of a source whose loop has ended.

use std::error::Error;
use std::fmt;
use std::io;

/// The event loop that watched a source has ended, so nobody would report its readiness.
///
/// It travels inside an [`io::Error`] of kind [`Other`](io::ErrorKind::Other). What can be done
/// without waiting still succeeds on such a source.
///
/// # Examples
///
/// ```
/// use aioli_reactor::{Async, LoopEnded};
/// use std::net::UdpSocket;
///
/// // A socket that was made on a loop, and outlives it.
/// let socket = aioli_task::run(async { Async::new(UdpSocket::bind("127.0.0.1:0").unwrap()) })?;
/// let error = futures::executor::block_on(socket.readable()).unwrap_err();
/// assert!(LoopEnded::caused(&error));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoopEnded;

impl LoopEnded {
    /// Is this the cause of `error`?
    #[must_use]
    pub fn caused(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<LoopEnded>())
    }
}

impl fmt::Display for LoopEnded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the event loop that watched this source has ended")
    }
}

impl Error for LoopEnded {}

impl From<LoopEnded> for io::Error {
    fn from(ended: LoopEnded) -> io::Error {
        io::Error::other(ended)
    }
}
