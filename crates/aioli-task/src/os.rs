//! What differs between systems: signals, the main thread, how exactly waits end, counter, cores.

#[cfg(target_os = "linux")]
mod linux;
mod machine;
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
mod no_ticks;
#[cfg(not(unix))]
mod other;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod ticks;
#[cfg(unix)]
mod unix;

#[cfg(target_os = "linux")]
pub(crate) use linux::{machine, set_timer_slack, timer_slack};
pub(crate) use machine::Machine;
#[cfg(test)]
pub(crate) use machine::Quota;
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub(crate) use no_ticks::Ticks;
#[cfg(not(unix))]
pub(crate) use other::{
    Registration, end_by_interrupt, is_interrupt_free, register, registrations,
};
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(crate) use ticks::Ticks;
#[cfg(unix)]
pub(crate) use unix::{Registration, end_by_interrupt, is_interrupt_free, register, registrations};

/// The number of the signal that Ctrl-C sends.
pub(crate) const SIGINT: i32 = 2;

/// How late waits may end: nothing is known of it here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn timer_slack() -> Option<u64> {
    None
}

/// Sets what [`timer_slack`] returns: nothing can be set here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn set_timer_slack(_nanoseconds: u64) {}

/// The cores that this process may use; of a quota nothing is known here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn machine() -> Machine {
    Machine {
        cores: std::thread::available_parallelism().map_or(1, |cores| cores.get()),
        quota: None,
    }
}
