//! What differs between operating systems: signals, and which thread is the main one.

#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub(crate) use other::{
    Registration, end_by_interrupt, is_interrupt_free, register, registrations,
};
#[cfg(unix)]
pub(crate) use unix::{Registration, end_by_interrupt, is_interrupt_free, register, registrations};

/// The number of the signal that Ctrl-C sends.
pub(crate) const SIGINT: i32 = 2;
