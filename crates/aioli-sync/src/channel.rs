//! Channels: to one of many, to all of many, the latest value only, and one value only.
//!
//! A channel ends by itself when its ends are dropped, which a [`Queue`](crate::Queue) does
//! not; a queue knows when its items are done, which a channel does not.

mod board;
pub mod broadcast;
pub mod mpmc;
pub mod oneshot;
pub mod watch;

pub use mpmc::{channel, unbounded};
