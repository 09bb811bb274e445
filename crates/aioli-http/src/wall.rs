//! The time of day, which cookies and policies end by.
//!
//! Other than a loop's time it goes on while the program does not run.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The system's clock, or one of a test's.
#[derive(Default)]
pub(crate) struct WallClock(Option<Box<dyn Fn() -> SystemTime + Send + Sync>>);

impl WallClock {
    pub(crate) fn by(clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> WallClock {
        WallClock(Some(Box::new(clock)))
    }

    /// Seconds since the beginning of 1970 (UTC).
    pub(crate) fn now(&self) -> i64 {
        let now = self
            .0
            .as_ref()
            .map_or_else(SystemTime::now, |clock| clock());
        let seconds = |distance: Duration| i64::try_from(distance.as_secs()).unwrap_or(i64::MAX);
        match now.duration_since(UNIX_EPOCH) {
            Ok(since) => seconds(since),
            Err(before) => -seconds(before.duration()),
        }
    }
}

/// The time so many seconds after the beginning of 1970 (UTC), if the system can say it.
pub(crate) fn time(seconds: i64) -> Option<SystemTime> {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    match seconds {
        0.. => UNIX_EPOCH.checked_add(distance),
        _ => UNIX_EPOCH.checked_sub(distance),
    }
}
