//! What the harness asks the system: clocks, memory, cores, readiness.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;

#[cfg(target_os = "linux")]
pub use linux::{
    Poller, cpu_time, cpu_time_of, deepen_backlog, memory, peak_memory, pin, reset_peak, switches,
};
#[cfg(not(target_os = "linux"))]
pub use other::{
    Poller, cpu_time, cpu_time_of, deepen_backlog, memory, peak_memory, pin, reset_peak, switches,
};
