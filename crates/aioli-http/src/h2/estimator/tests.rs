//! The estimator on paths that are numbers, and whatever happens in whatever order.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{Estimator, PAUSE_MAX, PAUSE_MIN};

const MIB: u32 = 1 << 20;

/// A path that carries so much of each window in a round trip, and a caller who takes all of it.
struct Path {
    now: Instant,
    total: u64,
    round_trip: Duration,
    carries: u64,
    /// In so many pieces, evenly in time.
    pieces: u32,
    asked: Option<Instant>,
}

impl Path {
    fn new(round_trip_ms: u64, carries: u64) -> Path {
        Path {
            now: Instant::now(),
            total: 0,
            round_trip: Duration::from_millis(round_trip_ms),
            carries,
            pieces: 10,
            asked: None,
        }
    }

    /// One round trip; returns how many pings were sent.
    fn round(&mut self, estimator: &mut Estimator) -> usize {
        let bytes = u64::from(estimator.window).min(self.carries);
        let mut pings = 0;
        for piece in 1..=u64::from(self.pieces) {
            let n = u64::from(self.pieces);
            self.total += bytes * piece / n - bytes * (piece - 1) / n;
            let now = self.now;
            if self.asked.is_none() && estimator.becomes_due(|| now, self.total) {
                estimator.begin(now);
                self.asked = Some(now);
                pings += 1;
            }
            self.now += self.round_trip / self.pieces;
            if let Some(asked) = self.asked
                && self.now - asked >= self.round_trip
            {
                estimator.end(self.now, self.total);
                self.asked = None;
            }
        }
        pings
    }

    fn rounds(&mut self, n: usize, estimator: &mut Estimator) -> usize {
        (0..n).map(|_| self.round(estimator)).sum()
    }
}

#[test]
fn a_window_that_holds_back_grows_up_to_the_bound_and_is_left_alone_then() {
    for pieces in [1, 2, 10, 1000] {
        let mut estimator = Estimator::new(65_535, 16 * MIB);
        let mut path = Path::new(100, u64::MAX);
        path.pieces = pieces;
        // Twice as much each time, so eight times, and a round to begin again.
        path.rounds(16, &mut estimator);
        assert_eq!(estimator.window, 16 * MIB, "{pieces}");
        assert_eq!(path.rounds(1000, &mut estimator), 0);
        assert_eq!(estimator.window, 16 * MIB);
    }
}

#[test]
fn it_stops_where_the_path_is_full() {
    for (carries, pieces) in [(200_000, 1), (1_000_000, 3), (5_000_000, 100)] {
        let mut estimator = Estimator::new(65_535, 64 * MIB);
        let mut path = Path::new(50, carries);
        path.pieces = pieces;
        path.rounds(10_000, &mut estimator);
        let window = u64::from(estimator.window);
        // Less would hold it back. What comes between a look and the ping counts as well, which is
        // at most what is on its way.
        assert!(
            (carries..=carries * 4).contains(&window),
            "{carries}: {window}"
        );
    }
}

#[test]
fn who_takes_little_gets_no_larger_window() {
    for pieces in [1, 2, 7, 100] {
        let mut estimator = Estimator::new(MIB, 16 * MIB);
        let mut path = Path::new(50, 349_000);
        path.pieces = pieces;
        path.rounds(10_000, &mut estimator);
        assert_eq!(estimator.window, MIB, "{pieces}");
    }
}

#[test]
fn a_longer_way_that_is_no_faster_is_no_reason() {
    let mut estimator = Estimator::new(MIB, 16 * MIB);
    let mut path = Path::new(10, 2 * u64::from(MIB));
    path.rounds(1000, &mut estimator);
    let before = estimator.window;
    assert!((2 * MIB..=8 * MIB).contains(&before), "{before}");
    // As much as a window fits in now, for the answers take ten times as long.
    (path.round_trip, path.carries) = (Duration::from_millis(100), u64::MAX);
    path.rounds(1000, &mut estimator);
    assert_eq!(estimator.window, before);
}

#[test]
fn measurements_that_find_nothing_become_rare() {
    let mut estimator = Estimator::new(MIB, 16 * MIB);
    let mut path = Path::new(1, 1000);
    path.pieces = 1;
    let mut last = None;
    let mut pauses = Vec::new();
    while pauses.len() < 12 {
        let begun = path.now;
        if path.round(&mut estimator) > 0 {
            pauses.extend(last.map(|last: Instant| begun - last));
            last = Some(path.now);
        }
    }
    let mut expected = PAUSE_MIN;
    for pause in pauses {
        let late = pause.checked_sub(expected).unwrap();
        assert!(late <= path.round_trip, "{pause:?} {expected:?}");
        expected = (expected * 2).min(PAUSE_MAX);
    }
    // The path becomes wide: the next one finds that, and none waits any more.
    path.carries = u64::MAX;
    path.rounds(10_010, &mut estimator);
    assert_eq!(estimator.window, 16 * MIB);
}

#[test]
fn what_is_taken_in_a_pause_is_not_counted() {
    let mut estimator = Estimator::new(MIB, 16 * MIB);
    let start = Instant::now();
    assert!(estimator.becomes_due(|| unreachable!("there is no pause"), 1));
    estimator.begin(start);
    assert!(!estimator.becomes_due(|| unreachable!("there is no pause"), 1));
    assert_eq!(estimator.end(start + PAUSE_MIN, 1), None);
    let over = start + PAUSE_MIN * 2;
    assert!(!estimator.becomes_due(|| over - Duration::from_nanos(1), 9_000_000));
    assert!(!estimator.becomes_due(|| over, 9_000_000), "nothing yet");
    assert!(estimator.becomes_due(|| over, 9_000_001));
    estimator.begin(over);
    assert_eq!(estimator.end(over + PAUSE_MIN, 9_000_100), None);
}

#[test]
fn a_ping_of_somebody_else_measures_nothing() {
    let mut estimator = Estimator::new(1000, 16 * MIB);
    assert_eq!(estimator.end(Instant::now(), 1_000_000), None);
    assert_eq!(estimator.window, 1000);
    assert!(
        estimator.becomes_due(Instant::now, 1),
        "and none is due less"
    );
}

#[test]
fn an_answer_in_no_time_is_a_round_trip() {
    let mut estimator = Estimator::new(1000, 10_000);
    let mut path = Path::new(0, u64::MAX);
    path.pieces = 1;
    path.rounds(10, &mut estimator);
    assert_eq!(estimator.window, 10_000);
}

/// What can happen, in any order.
#[derive(Debug, Clone)]
enum Event {
    Taken(u64),
    Passed(Duration),
    Look,
    Answer,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let bytes = prop_oneof![0..100_u64, 0..(1_u64 << 33), Just(u64::MAX / 256)];
    let event = prop_oneof![
        bytes.prop_map(Event::Taken),
        (0..30_000_000_000_u64).prop_map(|ns| Event::Passed(Duration::from_nanos(ns))),
        Just(Event::Look),
        Just(Event::Answer),
    ];
    prop::collection::vec(event, 0..200)
}

proptest! {
    /// It never exceeds its bound, never shrinks, says so each time it grows, and grows a bounded
    /// number of times.
    #[test]
    fn bounds_hold(
        first in prop_oneof![0..10_u32, any::<u32>()],
        most in prop_oneof![0..100_000_u32, any::<u32>()],
        events in events(),
    ) {
        let mut estimator = Estimator::new(first, most);
        let (mut now, mut total) = (Instant::now(), 0_u64);
        let (mut is_out, mut before, mut grown) = (false, first, 0);
        for event in events {
            match event {
                Event::Taken(bytes) => total = total.saturating_add(bytes),
                Event::Passed(time) => now += time,
                Event::Look if !is_out && estimator.becomes_due(|| now, total) => {
                    estimator.begin(now);
                    is_out = true;
                }
                Event::Answer => {
                    let window = estimator.end(now, total);
                    prop_assert!(is_out || window.is_none());
                    is_out = false;
                    if let Some(window) = window {
                        prop_assert!(window > before && window == estimator.window);
                        grown += 1;
                    }
                }
                Event::Look => {}
            }
            prop_assert!(estimator.window >= before);
            prop_assert!(estimator.window <= most.max(first));
            before = estimator.window;
        }
        // Each time by a third at least, but for numbers so small that they are whole.
        prop_assert!(grown <= 80, "{grown}");
    }
}
