//! Regular ticks, and what happens to those that were missed.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use aioli_task::{Seconds, now};
use futures_core::Stream;

use crate::sleep::{Sleep, sleep_until};

/// How late a tick may be before the next one moves ([`MissedTicks::Delay`]): what is below is the
/// loop's own latency, and would add up to a drift if it counted.
const LATENESS_MAX: Duration = Duration::from_millis(5);

/// What an [`Interval`] does when nobody asked for a tick while it was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MissedTicks {
    /// Deliver the missed ticks at once, one after the other, until it has caught up.
    #[default]
    Burst,
    /// Go on from now: the next tick comes a whole period after the late one.
    Delay,
    /// Leave the missed ticks out, and stay on the original multiples of the period.
    Skip,
}

/// Ticks now, and then once every `period` of the loop's clock.
///
/// An infinite period ticks once.
///
/// # Panics
///
/// When the period is zero, negative or NaN.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// aioli_task::run(async {
///     let mut ticks = aioli_time::interval(Duration::from_millis(2));
///     let first = ticks.tick().await;
///     let second = ticks.tick().await;
///     assert_eq!(second - first, Duration::from_millis(2));
/// });
/// ```
pub fn interval(period: impl Seconds) -> Interval {
    interval_at(now(), period)
}

/// Ticks at `start`, and then once every `period` of the loop's clock.
///
/// # Panics
///
/// When the period is zero, negative or NaN.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// aioli_task::run(async {
///     let period = Duration::from_millis(2);
///     let start = aioli_task::now() + period;
///     let mut ticks = aioli_time::interval_at(start, period);
///     assert_eq!(ticks.tick().await, start);
/// });
/// ```
pub fn interval_at(start: Instant, period: impl Seconds) -> Interval {
    let period = period.into_duration();
    assert!(
        period != Some(Duration::ZERO),
        "the period of an interval must be longer than zero"
    );
    Interval {
        period,
        next: Some(start),
        missed: MissedTicks::default(),
        sleep: None,
    }
}

/// Regular ticks; see [`interval`].
#[derive(Debug)]
#[must_use = "an interval ticks only when it is asked"]
pub struct Interval {
    /// `None` ticks once.
    period: Option<Duration>,
    /// When the next tick is due; `None` is never.
    next: Option<Instant>,
    missed: MissedTicks,
    /// The timer of the next tick, while somebody waits for it.
    sleep: Option<Sleep>,
}

impl Interval {
    /// Chooses what happens to missed ticks.
    pub fn missed_ticks(mut self, missed: MissedTicks) -> Interval {
        self.missed = missed;
        self
    }

    /// Waits for the next tick; returns the moment it was due.
    ///
    /// A tick that is due already is returned at once, without giving way to other tasks.
    ///
    /// # Cancel safety
    ///
    /// No tick is lost: it is counted when it is returned.
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|cx| self.poll_tick(cx)).await
    }

    /// Like [`tick`](Interval::tick), as the stream's items; there is always a next one.
    ///
    /// # Cancel safety
    ///
    /// No tick is lost: it is counted when it is returned.
    pub async fn next(&mut self) -> Option<Instant> {
        Some(self.tick().await)
    }

    /// Polls for the next tick.
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        let Some(due) = self.next else {
            return Poll::Pending;
        };
        let mut time = now();
        if time < due {
            let sleep = self.sleep.get_or_insert_with(|| sleep_until(due));
            ready!(Future::poll(Pin::new(sleep), cx));
            time = now();
        }
        self.sleep = None;
        self.next = self.after(due, time);
        Poll::Ready(due)
    }

    /// Starts anew: the next tick comes a whole period from now.
    pub fn reset(&mut self) {
        self.sleep = None;
        self.next = self.period.and_then(|period| now().checked_add(period));
    }

    /// The length of time between ticks; `None` is infinite.
    #[must_use]
    pub fn period(&self) -> Option<Duration> {
        self.period
    }

    /// The moment after `due`, which was delivered at `time`.
    fn after(&self, due: Instant, time: Instant) -> Option<Instant> {
        let period = self.period?;
        let lateness = time.saturating_duration_since(due);
        match self.missed {
            MissedTicks::Burst => due.checked_add(period),
            MissedTicks::Delay if lateness > LATENESS_MAX => time.checked_add(period),
            MissedTicks::Delay => due.checked_add(period),
            MissedTicks::Skip => {
                let into_period = lateness.as_nanos() % period.as_nanos();
                // Less than `period`, which is a `Duration`, and it fits in one.
                let into_period = Duration::new(
                    (into_period / 1_000_000_000) as u64,
                    (into_period % 1_000_000_000) as u32,
                );
                time.checked_sub(into_period)
                    .unwrap_or(due)
                    .checked_add(period)
            }
        }
    }
}

impl Stream for Interval {
    type Item = Instant;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Instant>> {
        self.get_mut().poll_tick(cx).map(Some)
    }
}
