//! A moment on the loop's clock by which something has to be done, or never.

use std::cmp::Ordering;
use std::time::{Duration, Instant};

use aioli_task::{Seconds, now};

use crate::sleep::{Sleep, sleep, sleep_until};

/// A moment on the loop's clock, or *never*.
///
/// Deadlines are ordered; *never* comes after every moment. One deadline can bound several steps
/// in a row, which a length of time cannot.
///
/// # Examples
///
/// ```
/// use aioli_time::Deadline;
/// use std::time::Duration;
///
/// aioli_task::run(async {
///     let deadline = Deadline::after(Duration::from_secs(5));
///     assert!(!deadline.is_past());
///     assert!(deadline.remaining().is_some_and(|left| left <= Duration::from_secs(5)));
///     assert!(deadline < Deadline::NEVER);
/// });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// No deadline at all.
    pub const NEVER: Deadline = Deadline(None);

    /// So far from now on the loop's clock. Infinite lengths, and those beyond what a clock can
    /// show, are [`NEVER`](Deadline::NEVER).
    ///
    /// # Panics
    ///
    /// When the number of seconds is NaN.
    #[must_use]
    pub fn after(length: impl Seconds) -> Deadline {
        Deadline(
            length
                .into_duration()
                .and_then(|length| now().checked_add(length)),
        )
    }

    /// This moment.
    #[must_use]
    pub fn at(moment: Instant) -> Deadline {
        Deadline(Some(moment))
    }

    /// The moment; `None` is never.
    #[must_use]
    pub fn moment(self) -> Option<Instant> {
        self.0
    }

    /// Whether the moment has come. Reads the clock unless the deadline is never.
    #[must_use]
    pub fn is_past(self) -> bool {
        self.0.is_some_and(|moment| moment <= now())
    }

    /// How much time is left: zero when it is past, `None` when it is never.
    #[must_use]
    pub fn remaining(self) -> Option<Duration> {
        self.0.map(|moment| moment.saturating_duration_since(now()))
    }

    /// Waits until the moment has come, as [`sleep_until`] does.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future removes its timer; nothing remains.
    pub fn wait(self) -> Sleep {
        match self.0 {
            Some(moment) => sleep_until(moment),
            None => sleep(f64::INFINITY),
        }
    }
}

impl PartialOrd for Deadline {
    fn partial_cmp(&self, other: &Deadline) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Deadline {
    fn cmp(&self, other: &Deadline) -> Ordering {
        match (self.0, other.0) {
            (Some(mine), Some(others)) => mine.cmp(&others),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        }
    }
}

impl From<Instant> for Deadline {
    fn from(moment: Instant) -> Deadline {
        Deadline::at(moment)
    }
}

impl From<Option<Instant>> for Deadline {
    fn from(moment: Option<Instant>) -> Deadline {
        Deadline(moment)
    }
}
