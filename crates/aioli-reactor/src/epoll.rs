//! Linux's epoll, edge-triggered, each source registered once.
//!
//! `EPOLLET` reports changes only, so a source costs one `epoll_ctl` in its life and none for
//! each wait (tokio's way; measured against re-arming, it saves a fifth of an echo). The price
//! is that readiness must be remembered, which [`readiness`](crate::readiness) does.
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
