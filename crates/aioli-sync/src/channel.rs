//! Channels: to one of many, to all of many, the latest value only, and one value only.
//!
//! A channel ends by itself when its ends are dropped, which a [`Queue`](super::Queue) does
//! not; a queue knows when its items are done, which a channel does not.

#[cfg(feature = "sink")]
use super::sink as outbox;
use super::{primitive, raw_lock, waiting};

#[path = "channel/board.rs"]
mod board;
#[path = "channel/broadcast.rs"]
pub mod broadcast;
#[path = "channel/mpmc.rs"]
pub mod mpmc;
#[path = "channel/oneshot.rs"]
pub mod oneshot;
#[path = "channel/watch.rs"]
pub mod watch;

pub use mpmc::{channel, try_channel, unbounded};
