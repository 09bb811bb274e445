//! Channels: for many values between many tasks, and for one value between two.
//!
//! A channel ends by itself when its ends are dropped, which a [`Queue`](crate::Queue) does
//! not; a queue knows when its items are done, which a channel does not.

pub mod mpmc;
pub mod oneshot;

pub use mpmc::{channel, unbounded};
