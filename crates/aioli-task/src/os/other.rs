//! Systems without Unix signals: nothing can be registered.

use std::io;
use std::process;
use std::sync::Arc;

/// A registration that cannot be made here.
#[derive(Debug)]
pub(crate) enum Registration {}

pub(crate) fn register(
    _signal: i32,
    _callback: Arc<dyn Fn(i32) + Send + Sync>,
) -> io::Result<Registration> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "this system has no Unix signals",
    ))
}

/// How many callbacks a signal has: none can be registered here.
pub(crate) fn registrations(_signal: i32) -> usize {
    0
}

/// Whether Ctrl-C may be taken over: never here, so it ends the process as the system likes.
pub(crate) fn is_interrupt_free() -> bool {
    false
}

/// Ends the process as an interrupt would.
pub(crate) fn end_by_interrupt() -> ! {
    process::exit(130)
}
