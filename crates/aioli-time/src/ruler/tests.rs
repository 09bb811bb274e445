//! A ruler on a counter and a clock whose true relation is known.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// How late a beginning may be.
const LATE: u64 = 4_000;

/// What the clock and the counter show: each reading takes some time.
#[derive(Debug)]
struct Simulated {
    now: Cell<Now>,
    /// How long the next readings take, which come in turns of one of the clock.
    reading: Cell<u64>,
    looks: Cell<u32>,
}

/// All in picoseconds: no rounding hides a beginning that is early.
#[derive(Debug, Clone, Copy)]
struct Now {
    /// What the processor would say.
    true_time: u64,
    /// What the clock says, and what a thousand true ones are for it.
    clock: u64,
    speed: u64,
    /// Of a tick.
    tick: u64,
    /// Ticks that the counter has jumped by.
    jumped: u64,
}

impl Simulated {
    fn new(tick: u64) -> Simulated {
        let now = Now {
            true_time: 0,
            clock: 0,
            speed: 1_000,
            tick,
            jumped: 0,
        };
        Simulated {
            now: Cell::new(now),
            reading: Cell::new(20),
            looks: Cell::new(0),
        }
    }

    fn set(&self, change: impl FnOnce(&mut Now)) {
        let mut now = self.now.get();
        change(&mut now);
        self.now.set(now);
    }

    fn pass(&self, nanoseconds: u64) {
        self.set(|now| {
            now.true_time += nanoseconds * 1_000;
            now.clock += nanoseconds * now.speed;
        });
    }

    /// What the clock shows, in nanoseconds.
    fn shown(&self) -> u64 {
        self.now.get().clock / 1_000
    }
}

impl Source for &Simulated {
    fn clock(&self) -> Moment {
        self.looks.set(self.looks.get() + 1);
        self.pass(self.reading.get());
        let at = moment(self.shown());
        self.pass(self.reading.get());
        at
    }

    fn ticks(&self) -> u64 {
        let now = self.now.get();
        (now.true_time / now.tick).wrapping_add(now.jumped)
    }
}

fn moment(nanoseconds: u64) -> Moment {
    Moment::from_number(0).later_by(nanoseconds)
}

/// Begins lengths every so many nanoseconds, and looks that each is in time and in order; returns
/// how often the clock was looked at meanwhile.
fn begin_many(ruler: &Ruler<&Simulated>, times: usize, apart: u64) -> u32 {
    begin_within(LATE, ruler, times, apart)
}

/// The same, where each may be so late.
fn begin_within(most: u64, ruler: &Ruler<&Simulated>, times: usize, apart: u64) -> u32 {
    let source = ruler.source;
    let looks = source.looks.get();
    let mut last = moment(0);
    for _ in 0..times {
        source.pass(apart);
        let before = source.shown();
        let begin = ruler.begin();
        assert!(begin >= moment(before), "{begin:?} is before {before}");
        let late = begin.nanoseconds_since(moment(source.shown()));
        assert!(late <= most, "late by {late} ns");
        assert!(begin >= last, "{begin:?} comes after {last:?}");
        last = begin;
    }
    source.looks.get() - looks
}

#[test]
fn beginnings_that_are_far_from_each_other_are_looked_up_once_each() {
    let source = Simulated::new(400);
    let ruler = Ruler::new(&source);
    assert_eq!(begin_many(&ruler, 1_000, 5_000), 1_000);
    assert_eq!(ruler.window.get(), 0);
}

#[test]
fn thick_beginnings_are_counted_once_a_tick_is_known() {
    let source = Simulated::new(400);
    let ruler = Ruler::new(&source);
    begin_many(&ruler, 30_000, 40);
    let tick = ruler.tick.get() as f64 / f64::from(FRACTION).exp2();
    assert!((tick - 0.5).abs() < 1e-4, "0.4 ns and a quarter: {tick}");
    // A mark is made with two looks, and is good for 200 beginnings, but for the quarter.
    let looks = begin_many(&ruler, 100_000, 40);
    assert!((1_000..1_400).contains(&looks), "{looks}");
}

#[test]
fn after_a_while_without_any_the_clock_is_looked_at_again() {
    let source = Simulated::new(400);
    let ruler = Ruler::new(&source);
    begin_many(&ruler, 50_000, 40);
    for apart in [10_000, 100_000, 10_000_000, 10_000_000_000] {
        source.pass(apart);
        assert_eq!(ruler.begin(), moment(source.shown() - 20), "exactly");
        begin_many(&ruler, 1_000, 40);
    }
}

#[test]
fn a_clock_that_is_set_while_lengths_are_counted_makes_none_early() {
    for (first, then) in [(900, 1_100), (1_100, 900), (1_000, 1_100), (1_000, 900)] {
        let source = Simulated::new(400);
        let ruler = Ruler::new(&source);
        source.set(|now| now.speed = first);
        begin_many(&ruler, 50_000, 40);
        assert_ne!(ruler.window.get(), 0, "it is counting");
        source.set(|now| now.speed = then);
        begin_many(&ruler, 50_000, 40);
    }
}

#[test]
fn a_counter_that_jumps_is_not_trusted() {
    for jump in [1_u64 << 20, 1 << 32, 1 << 60, 0_u64.wrapping_sub(1 << 20)] {
        let source = Simulated::new(400);
        let ruler = Ruler::new(&source);
        begin_many(&ruler, 50_000, 40);
        source.set(|now| now.jumped = jump);
        begin_within(WINDOW, &ruler, 200, 40);
        begin_many(&ruler, 50_000, 40);
    }
}

#[test]
fn a_mark_that_was_interrupted_does_not_count() {
    let source = Simulated::new(400);
    let ruler = Ruler::new(&source);
    source.reading.set(5_000);
    for _ in 0..10_000 {
        assert!(ruler.begin() <= moment(source.shown()));
    }
    assert_eq!((ruler.window.get(), ruler.tick.get()), (0, 0));
}

#[test]
fn the_real_one_is_neither_early_nor_late() {
    aioli_task::run(async {
        let Some(machine) = Machine::of(&Home::current()) else {
            return;
        };
        let ruler = Ruler::new(machine);
        let end = Moment::of(Instant::now() + Duration::from_millis(50));
        let mut after = Moment::of(Instant::now());
        while after < end {
            let before = Moment::of(Instant::now());
            let begin = ruler.begin();
            after = Moment::of(Instant::now());
            assert!(begin >= before, "early by {:?}", before.since(begin));
            let late = begin.nanoseconds_since(after);
            assert!(late <= LATE, "late by {late} ns");
        }
    });
}

#[test]
fn a_virtual_clock_has_no_ruler() {
    let mut runner = aioli_task::Runner::builder().virtual_clock().build();
    let has_ruler = runner.run(async { Machine::of(&Home::current()).is_some() });
    assert!(!has_ruler.expect("nothing interrupts it"));
}

#[derive(Debug, Clone)]
enum Event {
    Begin { times: usize, apart: u64 },
    Wait(u64),
    Speed(u64),
    Reading(u64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        6 => (1..3_000_usize, 1..2_000_u64).prop_map(|(times, apart)| Event::Begin { times, apart }),
        2 => (0..20_000_000_u64).prop_map(Event::Wait),
        1 => (0..20_000_u64).prop_map(Event::Wait),
        2 => (900..=1_100_u64).prop_map(Event::Speed),
        1 => (1..200_u64).prop_map(Event::Reading),
    ];
    proptest::collection::vec(event, 1..40)
}

proptest! {
    #[test]
    fn no_history_makes_a_beginning_early_or_late(tick in 130..3_000_u64, events in events()) {
        let source = Simulated::new(tick);
        let ruler = Ruler::new(&source);
        for event in events {
            match event {
                Event::Begin { times, apart } => _ = begin_many(&ruler, times, apart),
                Event::Wait(nanoseconds) => source.pass(nanoseconds),
                Event::Speed(speed) => source.set(|now| now.speed = speed),
                Event::Reading(nanoseconds) => source.reading.set(nanoseconds),
            }
        }
    }
}
