//! Linux's io_uring: one multishot poll for each source.
//!
//! A poll in the ring is edge-triggered and stays armed, as a source of epoll does, but its
//! making rides on the next wait: registering only looks what kind of file it is. What a wait
//! without a timeout would find is seen in memory that the kernel shares, at no system call.
//!
//! The price: only the home thread may enter its ring. So what other threads ask for is queued,
//! and the home thread is woken to carry it out; and a poll holds its file open, so the end of a
//! registration must reach the kernel before the descriptor is closed. `driver` says how.
//!
//! On other systems the driver is an uninhabited type that cannot be made.

#[cfg(target_os = "linux")]
mod driver;
#[cfg(target_os = "linux")]
mod raw;
#[cfg(target_os = "linux")]
pub(crate) use self::driver::Driver;

#[cfg(not(target_os = "linux"))]
pub(crate) use crate::os::absent::Driver;
