//! What can go wrong with a process.

use crate::{command::Output, exit_status::ExitStatus};
use std::{ffi::OsString, io};

/// The result of an operation on a process.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An operation on a process that failed.
///
/// Each prints on one line that names the program and the cause.
///
/// # Examples
///
/// ```
/// use aioli_process::Command;
/// # aioli_task::run(async {
/// let error = Command::new("nope").output().await.unwrap_err();
/// assert_eq!(error.to_string(), r#"cannot start "nope": not found"#);
/// # })
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The program could not be started.
    #[error("cannot start {program:?}: {}", words(.cause))]
    Start {
        /// The program.
        program: OsString,
        /// The system's reason.
        cause: io::Error,
    },
    /// The process has ended, so it cannot be sent a signal.
    #[error("{program:?} (process {id}) has ended")]
    NoSuchProcess {
        /// The program.
        program: OsString,
        /// The number that the process had.
        id: u32,
    },
    /// A pipe to or from the process, waiting for it, or sending it a signal has failed.
    #[error("cannot {operation} {program:?}: {}", words(.cause))]
    Io {
        /// What was attempted.
        operation: &'static str,
        /// The program.
        program: OsString,
        /// The system's reason.
        cause: io::Error,
    },
    /// The process has ended without success, and [`run`](crate::Command::run) was told that it
    /// must not.
    #[error("{program:?} ended with {}{}", .output.status, last_words(.output))]
    Failed {
        /// The program.
        program: OsString,
        /// The status, and what the process had written.
        output: Box<Output>,
    },
}

impl Error {
    /// What kind of failure of the system it was; `Other` if it was none.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// let error = aioli_process::Command::new("nope").output().await.unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    /// # })
    /// ```
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        match self {
            Error::Start { cause, .. } | Error::Io { cause, .. } => cause.kind(),
            Error::NoSuchProcess { .. } | Error::Failed { .. } => io::ErrorKind::Other,
        }
    }

    /// The status of a process that has [`Failed`](Error::Failed).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # aioli_task::run(async {
    /// let error = aioli_process::shell("exit 7").run().await.unwrap_err();
    /// assert_eq!(error.status().and_then(|status| status.code()), Some(7));
    /// # })
    /// ```
    #[must_use]
    pub fn status(&self) -> Option<ExitStatus> {
        match self {
            Error::Failed { output, .. } => Some(output.status),
            _ => None,
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        io::Error::new(error.kind(), error)
    }
}

/// The cause in words, without the system's number for it.
fn words(cause: &io::Error) -> String {
    let Some(number) = cause.raw_os_error() else {
        return cause.to_string();
    };
    match cause.kind() {
        io::ErrorKind::NotFound => "not found".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => cause
            .to_string()
            .trim_end_matches(&format!(" (os error {number})"))
            .to_owned(),
    }
}

/// The last line that a failed process has written about its trouble, cut to a line's length.
fn last_words(output: &Output) -> String {
    /// As long as a line may be and still be read.
    const CHARS_MAX: usize = 200;
    let text = String::from_utf8_lossy(&output.stderr);
    let Some(line) = text.lines().rev().find(|line| !line.trim().is_empty()) else {
        return String::new();
    };
    let line: String = line.trim().chars().take(CHARS_MAX).collect();
    format!(": {line}")
}
