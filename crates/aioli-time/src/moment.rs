//! Moments as numbers: what the timers compare and keep.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Nanoseconds from a moment that is the same in the whole process, which may be later: 292 years
/// in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(i64);

#[inline]
fn zero() -> Instant {
    static ZERO: OnceLock<Instant> = OnceLock::new();
    *ZERO.get_or_init(Instant::now)
}

/// A length in nanoseconds, if it fits.
#[inline]
pub(crate) fn nanoseconds(length: Duration) -> Option<i64> {
    let seconds = i64::try_from(length.as_secs()).ok()?;
    let nanoseconds = seconds.checked_mul(1_000_000_000)?;
    nanoseconds.checked_add(i64::from(length.subsec_nanos()))
}

impl Moment {
    /// The moment, or the last or the first one that can be told.
    #[inline]
    pub(crate) fn of(instant: Instant) -> Moment {
        let zero = zero();
        Moment(match instant.checked_duration_since(zero) {
            Some(since) => nanoseconds(since).unwrap_or(i64::MAX),
            None => nanoseconds(zero - instant).map_or(i64::MIN, |before| -before),
        })
    }

    /// The moment so much later; `None` where no clock gets to.
    #[inline]
    pub(crate) fn after(self, length: Duration) -> Option<Moment> {
        self.plus(nanoseconds(length)?)
    }

    /// The moment so many nanoseconds later; `None` where no clock gets to.
    #[inline]
    pub(crate) fn plus(self, nanoseconds: i64) -> Option<Moment> {
        self.0.checked_add(nanoseconds).map(Moment)
    }

    /// The moment a few nanoseconds after one that the clock has shown.
    #[inline]
    pub(crate) fn later_by(self, nanoseconds: u64) -> Moment {
        Moment(self.0.saturating_add_unsigned(nanoseconds))
    }

    /// The moment as users know it.
    pub(crate) fn instant(self) -> Instant {
        let away = Duration::from_nanos(self.0.unsigned_abs());
        let moved = match self.0 {
            ..0 => zero().checked_sub(away),
            0.. => zero().checked_add(away),
        };
        moved.expect("moments come from instants, and clocks go on for longer than they")
    }

    /// How long after `earlier` it is; zero when it is before.
    pub(crate) fn since(self, earlier: Moment) -> Duration {
        Duration::from_nanos(self.nanoseconds_since(earlier))
    }

    /// The same in nanoseconds.
    #[inline]
    pub(crate) fn nanoseconds_since(self, earlier: Moment) -> u64 {
        if self <= earlier {
            0
        } else {
            // Right in two's complement, whatever the signs: the result is less than 2^64.
            self.0.wrapping_sub(earlier.0) as u64
        }
    }

    /// As a number, to be given to [`from_number`](Moment::from_number).
    pub(crate) fn number(self) -> i64 {
        self.0
    }

    pub(crate) fn from_number(number: i64) -> Moment {
        Moment(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_instants_are_the_same() {
        let now = Instant::now();
        let year = Duration::from_secs(365 * 86_400);
        let lengths = [Duration::ZERO, Duration::from_nanos(1), year, 100 * year];
        for length in lengths {
            let later = Moment::of(now + length);
            assert_eq!(later.instant(), now + length);
            assert_eq!(Moment::of(now).after(length), Some(later));
            assert_eq!(later.since(Moment::of(now)), length);
            assert_eq!(Moment::of(now).since(later), Duration::ZERO);
            if let Some(earlier) = now.checked_sub(length) {
                assert_eq!(Moment::of(earlier).instant(), earlier);
                assert_eq!(later.since(Moment::of(earlier)), 2 * length);
            }
        }
        assert_eq!(Moment::of(now).after(400 * year), None);
        assert_eq!(Moment::of(now).after(Duration::MAX), None);
    }
}
