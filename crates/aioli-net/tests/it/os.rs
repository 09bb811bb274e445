//! What only some systems have.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(unix)]
mod unix;
