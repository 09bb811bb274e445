//! How a process has ended.

use crate::{os, signal_name::signal_name};
use std::fmt;

/// How a process has ended: with a code of its own, or by a signal.
///
/// # Examples
///
/// ```
/// # #[cfg(unix)]
/// # aioli_task::run(async {
/// use aioli_process::shell;
///
/// let status = shell("exit 7").status().await?;
/// assert_eq!(status.code(), Some(7));
/// assert_eq!(status.to_string(), "exit status 7");
///
/// let status = shell("kill -KILL $$").status().await?;
/// assert_eq!(status.signal(), Some(9));
/// assert_eq!(status.to_string(), "SIGKILL");
/// assert_eq!(status.returncode(), -9);
/// # Ok::<(), aioli_process::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ExitStatus(std::process::ExitStatus);

impl ExitStatus {
    /// Whether it ended with code 0.
    #[must_use]
    pub fn success(self) -> bool {
        self.0.success()
    }

    /// The code, unless a signal ended it.
    #[must_use]
    pub fn code(self) -> Option<i32> {
        self.0.code()
    }

    /// The number of the signal that ended it.
    #[must_use]
    pub fn signal(self) -> Option<i32> {
        os::signal_of(self.0)
    }

    /// Both in one number, as Python has it: the code, or the negative number of the signal.
    #[must_use]
    #[doc(alias = "asyncio.subprocess.Process.returncode")]
    pub fn returncode(self) -> i32 {
        match (self.code(), self.signal()) {
            (Some(code), _) => code,
            (None, Some(signal)) => -signal,
            (None, None) => unreachable!("a process that has ended has ended by one of them"),
        }
    }

    /// The standard library's form of it.
    #[must_use]
    pub fn into_std(self) -> std::process::ExitStatus {
        self.0
    }
}

impl From<std::process::ExitStatus> for ExitStatus {
    fn from(status: std::process::ExitStatus) -> Self {
        Self(status)
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code(), self.signal()) {
            (Some(code), _) => write!(f, "exit status {code}"),
            (None, Some(signal)) => match signal_name(signal) {
                Some(name) => f.write_str(name),
                None => write!(f, "signal {signal}"),
            },
            (None, None) => write!(f, "{}", self.0),
        }
    }
}

impl fmt::Debug for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExitStatus({self})")
    }
}
