//! How large the windows of a connection have to be for what its path carries.
//!
//! It is a state machine without a clock and without I/O.
//!
//! The idea is gRPC's estimate of the bandwidth-delay product
//! (<https://grpc.io/blog/grpc-go-perf-improvements/>): what the caller takes between a ping and its
//! answer is about what is on its way at a time. If that is nearly the whole window, the window may
//! be what holds the server back, and becomes twice of it.
//!
//! ```text
//!  Paused ──becomes_due──▶ Armed ──begin──▶ Measuring ──end──┬─▶ Armed    it has grown
//!    ▲                       ▲                               └─▶ Paused   it has not
//!    └───────────────────────┴─ nothing any more, once the bound is reached
//! ```
//!
//! It deviates from gRPC where a ping has no use. What counts is what the caller took, not what came,
//! so that nobody sends more ahead to who does not read. And a measurement after which the window
//! stays is followed by a pause, which doubles each time.

use std::time::{Duration, Instant};

/// The pause after a measurement that did not change anything, if the one before did.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest pause between measurements.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// An estimate of how large a window has to be, which grows only.
#[derive(Debug)]
pub(super) struct Estimator {
    window: u32,
    most: u32,
    /// The round trip, as an average in which the last one has an eighth.
    round_trip: Option<Duration>,
    /// The highest rate that was seen, as bytes in a time.
    fastest: (u64, Duration),
    pause: Duration,
    state: State,
}

/// All numbers are totals since the connection began.
#[derive(Debug, Clone, Copy)]
enum State {
    Paused {
        until: Option<Instant>,
    },
    /// What is taken from `base` on belongs to the next measurement, which has no ping yet.
    Armed {
        base: u64,
    },
    Measuring {
        base: u64,
        since: Instant,
    },
}

impl Estimator {
    /// Begins with a window of `window` bytes, which never exceeds `most` or, if that is less, what
    /// it was in the beginning.
    pub(super) fn new(window: u32, most: u32) -> Estimator {
        Estimator {
            window,
            most: most.max(window),
            round_trip: None,
            fastest: (0, Duration::from_secs(1)),
            pause: PAUSE_MIN,
            state: State::Armed { base: 0 },
        }
    }

    /// Whether a ping should be sent now: there is something to measure, and `total` is more than
    /// when it was decided that the next bytes begin a measurement.
    ///
    /// The clock is asked only where a pause may be over.
    pub(super) fn becomes_due(&mut self, now: impl FnOnce() -> Instant, total: u64) -> bool {
        if self.window == self.most {
            return false;
        }
        if let State::Paused { until } = self.state
            && until.is_some_and(|until| until <= now())
        {
            self.state = State::Armed { base: total };
        }
        matches!(self.state, State::Armed { base } if base < total)
    }

    /// A ping is on its way.
    pub(super) fn begin(&mut self, now: Instant) {
        if let State::Armed { base } = self.state {
            self.state = State::Measuring { base, since: now };
        }
    }

    /// A ping is answered; returns the window if it has grown. Of a ping that measured nothing it
    /// takes no notice.
    pub(super) fn end(&mut self, now: Instant, total: u64) -> Option<u32> {
        let State::Measuring { base, since } = self.state else {
            return None;
        };
        let bytes = total.saturating_sub(base);
        if self.note(bytes, now.saturating_duration_since(since)) {
            let twice = u32::try_from(bytes.saturating_mul(2)).unwrap_or(u32::MAX);
            self.window = twice.clamp(self.window, self.most);
            self.pause = PAUSE_MIN;
            self.state = State::Armed { base: total };
            return Some(self.window);
        }
        let until = now.checked_add(self.pause);
        self.state = State::Paused { until };
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        None
    }

    /// Takes note of `bytes` that came through in the time `took`, and tells whether the window holds
    /// back a path that can do more: most of it was used, and never was the path faster.
    fn note(&mut self, bytes: u64, took: Duration) -> bool {
        let average = self
            .round_trip
            .map_or(took, |before| before * 7 / 8 + took / 8);
        // A clock may have been too coarse to see it.
        let average = average.max(Duration::from_nanos(1));
        self.round_trip = Some(average);
        let (most, shortest) = self.fastest;
        let is_fastest =
            u128::from(bytes) * shortest.as_nanos() >= u128::from(most) * average.as_nanos();
        if is_fastest {
            self.fastest = (bytes, average);
        }
        is_fastest && bytes.saturating_mul(3) >= u64::from(self.window) * 2
    }
}

#[cfg(test)]
mod tests;
