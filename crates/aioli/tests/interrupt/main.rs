//! The conformance tests of section A that need a main thread and a Ctrl-C of their own.
//!
//! Signals reach the main thread of a process, which the usual test harness keeps for itself. So
//! this one has no harness: it starts itself once for each case, and the case runs on the main
//! thread of that process, which interrupts itself.

#[cfg(unix)]
mod cases;

#[cfg(unix)]
fn main() {
    cases::main();
}

#[cfg(not(unix))]
fn main() {}
