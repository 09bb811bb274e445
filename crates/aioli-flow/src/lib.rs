//! Structured concurrency: gather, race, timeout, task groups, clean-up that may await.
//!
//! ```
//! use aioli_flow::{Gather, gather, timeout};
//! use aioli_time::sleep;
//! use std::time::Duration;
//!
//! async fn fetch(id: u64) -> String {
//!     sleep(Duration::from_millis(id)).await;
//!     format!("data {id}")
//! }
//!
//! aioli_task::run(async {
//!     let (one, two) = gather((fetch(1), fetch(2))).await;
//!     let more = (3..6).map(fetch).gather().await;
//!     println!("{one}, {two}, {more:?}");
//!
//!     let late = timeout(Duration::from_millis(5), fetch(3600)).await;
//!     println!("{}", late.unwrap_or("timed out".into()));
//! });
//! ```
#![forbid(unsafe_code)]
#![doc(test(attr(deny(warnings))))]

mod as_completed;
mod branch;
mod branches;
mod error_group;
mod gather;
mod generator;
mod iterate;
mod promise;
mod race;
mod shield_for;
mod slot;
mod stack;
mod staggered;
mod task_group;
mod timeout;
mod timeout_scope;
mod wait;
mod watch;
mod with;
mod woken;

pub use aioli_task::isolate;

pub use crate::as_completed::{AsCompleted, CompletionOrder};
pub use crate::error_group::{BoxError, Group};
pub use crate::gather::{Gather, GatherTuple, TryGather, TryGatherTuple, gather, try_gather};
pub use crate::generator::{Gen, Next, Put, Yielder, generator};
pub use crate::iterate::{for_each, next};
pub use crate::promise::{Promise, Promised, promise};
pub use crate::race::{Of2, Of3, Of4, Of5, Of6, Of7, Of8, Race, RaceAll, race};
pub use crate::shield_for::shield_for;
pub use crate::stack::{Pushed, Stack};
pub use crate::staggered::{Attempt, Staggered, staggered};
pub use crate::task_group::{ChildOutput, TaskGroup};
pub use crate::timeout::{Elapsed, move_on_after, timeout, timeout_at, wait_up_to};
pub use crate::timeout_scope::{RescheduleError, TimeoutScope, timeout_scope};
pub use crate::wait::{First, TaskSet, Wait, Waiting, wait};
pub use crate::with::{AsyncClose, TryClose, finally, try_with, with};
