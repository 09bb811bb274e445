//! The event loop: one thread, one ready queue, passes in the order of `call_soon`.

pub(crate) mod call;
mod clock;
pub(crate) mod handle;
pub(crate) mod local;
mod locals;
pub(crate) mod mailbox;
mod once;
mod park;
pub(crate) mod quiet;
pub(crate) mod ready;
mod shared;
pub(crate) mod spinning;
mod turn;

pub use call::{CallHandle, call_soon};
pub(crate) use clock::Clock;
pub use handle::{BlockingTask, LoopClosed, LoopHandle};
pub(crate) use shared::{Remote, Shared};

use std::time::Instant;

/// The time on this thread's loop, real or virtual; the real time where no loop runs.
///
/// # Examples
///
/// ```
/// let before = aioli_task::now();
/// assert!(aioli_task::now() >= before);
/// ```
#[must_use]
pub fn now() -> Instant {
    // PERF: `http_get`: not by way of a count of references.
    local::with(|local| local.shared.clock.now()).unwrap_or_else(Instant::now)
}

/// Seconds on this thread's loop's clock since the loop began; zero where no loop runs.
///
/// # Examples
///
/// ```
/// aioli_task::run(async { assert!(aioli_task::time() < 60.0) });
/// ```
#[doc(alias = "asyncio.loop.time")]
#[must_use]
pub fn time() -> f64 {
    local::with(|local| local.shared.clock.elapsed().as_secs_f64()).unwrap_or(0.0)
}
