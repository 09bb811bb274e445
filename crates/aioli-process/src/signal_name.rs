//! The numbers of signals and their names.

use crate::os::signals;

macro_rules! signals {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        $($(#[$doc])* pub const $name: i32 = signals::$name;)*

        /// Every signal that has a name here.
        const NAMES: &[(i32, &str)] = &[$(($name, stringify!($name))),*];
    };
}

signals! {
    /// The terminal has gone; for a service by custom: read the configuration again.
    SIGHUP,
    /// Ctrl-C.
    SIGINT,
    /// Ctrl-\.
    SIGQUIT,
    /// An instruction that is none.
    SIGILL,
    /// A breakpoint.
    SIGTRAP,
    /// The process has ended itself by `abort`.
    SIGABRT,
    /// Memory that is not there.
    SIGBUS,
    /// Arithmetic that has no result.
    SIGFPE,
    /// The end, at once; it cannot be handled.
    SIGKILL,
    /// The program's own.
    SIGUSR1,
    /// Memory that is not the process's.
    SIGSEGV,
    /// The program's own.
    SIGUSR2,
    /// A pipe or socket without a reader was written to.
    SIGPIPE,
    /// A timer of the process.
    SIGALRM,
    /// A request to end.
    SIGTERM,
    /// A child process has ended or stopped.
    SIGCHLD,
    /// Goes on after a stop.
    SIGCONT,
    /// Stops the process; it cannot be handled.
    SIGSTOP,
    /// Ctrl-Z.
    SIGTSTP,
    /// The terminal has another size.
    SIGWINCH,
}

/// The name of a signal, such as `"SIGTERM"`, if it is one of those that have a constant here.
///
/// # Examples
///
/// ```
/// use aioli_process::{SIGTERM, signal_name};
///
/// assert_eq!(signal_name(SIGTERM), Some("SIGTERM"));
/// assert_eq!(signal_name(1000), None);
/// ```
#[must_use]
#[doc(alias = "signal.Signals")]
pub fn signal_name(signal: i32) -> Option<&'static str> {
    NAMES
        .iter()
        .find(|(number, _)| *number == signal)
        .map(|(_, name)| *name)
}
