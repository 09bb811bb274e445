//! What differs between systems: pipes, the end of a process, signals and their numbers.

#[cfg(unix)]
mod syscall;
#[cfg(unix)]
pub(crate) use syscall::disposition;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::{
    Reader, Writer, kill, kill_group, plain_pipe, prepare, raise, signal_of, signals,
};

#[cfg(unix)]
mod watch_thread;
#[cfg(all(unix, not(target_os = "linux")))]
pub(crate) use watch_thread::WatchThread as ExitWatch;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::ExitWatch;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::{
    ExitWatch, Reader, Writer, disposition, kill, kill_group, plain_pipe, prepare, raise,
    signal_of, signals,
};

/// The system's shell, and the switch behind which it takes a command line.
pub(crate) const SHELL: [&str; 2] = if cfg!(windows) {
    ["cmd", "/C"]
} else {
    ["/bin/sh", "-c"]
};
