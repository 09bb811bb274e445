//! Systems on which nothing is measured: enough to compile the programs.

use std::io;
use std::net::TcpListener;
use std::time::Duration;

/// Waits for sockets.
#[derive(Debug)]
pub struct Poller(());

impl Poller {
    /// Fails: there is no poller here.
    pub fn new() -> io::Result<Poller> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Watches a socket until it is closed.
    pub fn add<S>(&self, _socket: &S, _token: usize, _writing: bool) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Waits, and calls `ready` with the token of each socket that is readable.
    pub fn wait(&mut self, _ready: impl FnMut(usize)) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Restricts this process to some cores.
pub fn pin(cpus: &[usize]) -> io::Result<()> {
    match cpus {
        [] => Ok(()),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// Returns the time that all threads of this process have spent on cores.
pub fn cpu_time() -> Duration {
    Duration::ZERO
}

/// Returns the same of another process.
pub fn cpu_time_of(_pid: u32) -> io::Result<Duration> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Returns how often the threads of a process have gone to sleep.
pub fn switches(_pid: u32) -> u64 {
    0
}

/// Returns the resident memory of this process in bytes.
pub fn memory() -> u64 {
    0
}

/// Returns the most that this was.
pub fn peak_memory() -> u64 {
    0
}

/// Forgets the most so far.
pub fn reset_peak() {}

/// Lets more connections wait to be accepted than the standard library does.
pub fn deepen_backlog(_listener: &TcpListener) -> io::Result<()> {
    Ok(())
}
