//! What differs between systems: signals, the main thread, how exactly waits end, the counter.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
mod no_ticks;
#[cfg(not(unix))]
mod other;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod ticks;
#[cfg(unix)]
mod unix;

#[cfg(target_os = "linux")]
pub(crate) use linux::{has_core_to_spare, set_timer_slack, timer_slack};
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

/// Whether other threads run while one does.
#[cfg(not(target_os = "linux"))]
pub(crate) fn has_core_to_spare() -> bool {
    std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1)
}
