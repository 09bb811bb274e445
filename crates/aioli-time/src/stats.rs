//! Counts for tests and monitoring.

use crate::driver;

/// What one loop's timers are doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Timers that have neither fired nor been cancelled.
    pub pending: usize,
}

/// The counts of this thread's loop, else of the background loop.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// aioli_task::run(async {
///     let task = aioli_task::spawn(aioli_time::sleep(Duration::from_secs(3600)));
///     aioli_task::yield_now().await;
///     assert_eq!(aioli_time::stats().pending, 1);
///     task.stop().await;
///     assert_eq!(aioli_time::stats().pending, 0);
/// });
/// ```
#[must_use]
pub fn stats() -> Stats {
    Stats {
        pending: driver::count(),
    }
}
