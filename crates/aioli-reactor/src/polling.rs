//! The `polling` crate, on every system, oneshot.
//!
//! A report disarms its source, and the reactor arms it again for as long as somebody waits.
//! This costs a system call for each wait, and works the same on kqueue, event ports, AFD and
//! epoll: the last is how this driver is tested on Linux.

mod driver;
mod raw;

pub(crate) use self::driver::Driver;
