//! What programs use all the time, to be imported whole.
//!
//! ```
//! use aioli::prelude::*;
//!
//! let squares = run(async { (1..4).map(|n| async move { n * n }).gather().await });
//! assert_eq!(squares, [1, 4, 9]);
//! ```
//!
//! Of the names that every Rust file has, it replaces `Result` alone, with one that can be used
//! in all the same ways.

pub use aioli_flow::{
    AsCompleted, AsyncClose, CancelScope, Elapsed, First, Gather, Gen, Group, Of2, Of3, Of4, Of5,
    Of6, Of7, Of8, Race, RaceAll, TaskGroup, TryClose, TryGather, Yielder, finally, gather,
    generator, move_on_after, race, shield_for, timeout, timeout_at, try_gather, try_with, wait,
    with,
};
pub use aioli_sync::{
    Barrier, Condition, Event, LifoQueue, Lock, OnceCell, PriorityQueue, Queue, RwLock, Semaphore,
    channel, oneshot,
};
pub use aioli_task::{
    Cancelled, ContextVar, LoopHandle, Runner, SpawnAll, Stop, Task, Tasks, call_soon, catch, run,
    shield, spawn, to_thread, yield_now,
};
pub use aioli_time::{Deadline, Seconds, call_later, interval, sleep, sleep_until};
pub use anyhow::Context as _;

pub use crate::{Error, Result, anyhow, bail, ensure};
pub use crate::{fs, http, net, process};
