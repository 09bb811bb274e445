//! Lengths of time, as asyncio takes them: a number of seconds, or a `Duration`.

use std::time::Duration;

/// A length of time: a number of seconds, or a [`Duration`].
///
/// Negative numbers mean *now* (zero), infinity and numbers too large for a `Duration`
/// mean *never* (`None`).
///
/// # Panics
///
/// [`into_duration`](Seconds::into_duration) panics for NaN, as `Duration::from_secs_f64` does.
///
/// # Examples
///
/// ```
/// use aioli_task::Seconds;
/// use std::time::Duration;
///
/// assert_eq!(Duration::from_millis(5).into_duration(), Some(Duration::from_millis(5)));
/// assert_eq!(0.5.into_duration(), Some(Duration::from_millis(500)));
/// assert_eq!((-1).into_duration(), Some(Duration::ZERO));
/// assert_eq!(f64::INFINITY.into_duration(), None);
/// ```
pub trait Seconds {
    /// Converts to a length of time; `None` is never.
    fn into_duration(self) -> Option<Duration>;
}

impl Seconds for Duration {
    #[inline]
    fn into_duration(self) -> Option<Duration> {
        Some(self)
    }
}

impl Seconds for f64 {
    #[inline]
    fn into_duration(self) -> Option<Duration> {
        assert!(!self.is_nan(), "a number of seconds must not be NaN");
        if self <= 0.0 {
            return Some(Duration::ZERO);
        }
        Duration::try_from_secs_f64(self).ok()
    }
}

impl Seconds for f32 {
    #[inline]
    fn into_duration(self) -> Option<Duration> {
        f64::from(self).into_duration()
    }
}

macro_rules! integers {
    ($($int:ty),*) => {$(
        impl Seconds for $int {
            #[inline]
            fn into_duration(self) -> Option<Duration> {
                Some(Duration::from_secs(u64::try_from(self).unwrap_or(0)))
            }
        }
    )*};
}

integers!(i32, i64, u32, u64, usize);
