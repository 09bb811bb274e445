//! When a length of time begins: by the processor's counter, where lengths begin thick and fast.
//!
//! Reading the system's clock is most of what a timer costs that is taken back soon. So where a thread
//! begins many lengths, it looks at the clock now and then, makes a *mark*, and counts ticks from
//! there:
//!
//! ```text
//!             (1) near the last one, and the tick is known
//!   reading ─────────────────────────────────────────────▶ counting ──┐ (2) 8 µs after the mark:
//!      ▲                                                      │  ▲    │     a new mark
//!      └──────────────────────────────────────────────────────┘  └────┘
//!             (3) long after the mark, or a mark has failed
//! ```
//!
//! What a tick is, is measured between two marks that are a millisecond apart, and again from mark to
//! mark, so that the ruler follows the clock.
//!
//! **Nothing is early.** A timer that is set by too early a beginning would fire before its length
//! is over. Linux slows its clock down and hurries it by up to a tenth while it is being set, so a
//! tick may be longer than it was measured, by up to 1.1 / 0.9: each is counted as longer by a
//! quarter. A mark reads the counter first, and the clock afterwards, and has failed if a microsecond
//! or so has come between. All in all a beginning is late by at most 4 µs, usually by less than
//! one; if the counter jumps, which marks that measure it see, by no more than 8.
//!
//! **Nothing is out of order.** A beginning is never before one that the ruler has told already.

use std::cell::Cell;
use std::ops::Range;
use std::time::Instant;

use aioli_task::driver::{Home, Ticks};

use crate::moment::Moment;

#[cfg(test)]
mod tests;

/// For so many nanoseconds a mark is good.
const WINDOW: u64 = 8_000;

/// Beginnings are thick and fast if they are no further from each other, in nanoseconds.
const NEAR: u64 = 1_000;

/// A mark whose two readings of the counter are further from each other has failed, in ticks.
const PROMPT: u64 = 4_000;

/// A tick is measured over so many nanoseconds: what is wrong with a mark is little of it, and the
/// speed of the clock at its end is what it was at its begin.
const MEASURE: Range<u64> = 1_000_000..100_000_000;

/// A tick's nanoseconds are counted in fractions of this power of two.
const FRACTION: u32 = 32;

/// What a tick may be: counters go at 250 MHz to 16 GHz.
const PLAUSIBLE: Range<u64> = 1 << (FRACTION - 4)..1 << (FRACTION + 2);

/// What tells a ruler the time.
pub(crate) trait Source {
    /// Of the clock, which never goes back.
    fn clock(&self) -> Moment;

    /// Of the counter.
    fn ticks(&self) -> u64;
}

/// The real clock, which is that of all loops but those with a virtual one, and the processor's counter.
#[derive(Debug)]
pub(crate) struct Machine(Ticks);

impl Machine {
    /// `None`: the loop has a virtual clock, or the thread has no counter.
    pub(crate) fn of(home: &Home) -> Option<Machine> {
        match home.has_virtual_clock() {
            true => None,
            false => Ticks::find().map(Machine),
        }
    }
}

impl Source for Machine {
    fn clock(&self) -> Moment {
        Moment::of(Instant::now())
    }

    #[inline(always)]
    fn ticks(&self) -> u64 {
        self.0.read()
    }
}

/// Tells one thread when lengths begin.
#[derive(Debug)]
pub(crate) struct Ruler<S> {
    source: S,
    /// The last look at the clock.
    mark: Cell<Mark>,
    /// For how many ticks the mark is good: none while the ruler is reading.
    window: Cell<u64>,
    /// A tick, and a quarter more; zero is not known.
    tick: Cell<u64>,
    /// Where the next measurement of a tick begins.
    origin: Cell<Option<Mark>>,
    /// No beginning is told that is before.
    floor: Cell<Moment>,
}

/// A moment of the clock, and what the counter showed when it was or shortly before.
#[derive(Debug, Clone, Copy)]
struct Mark {
    ticks: u64,
    at: Moment,
}

impl<S: Source> Ruler<S> {
    pub(crate) fn new(source: S) -> Ruler<S> {
        let at = source.clock();
        Ruler {
            source,
            mark: Cell::new(Mark { ticks: 0, at }),
            window: Cell::new(0),
            tick: Cell::new(0),
            origin: Cell::new(None),
            floor: Cell::new(at),
        }
    }

    /// The beginning of a length that begins now.
    // PERF: `timeout_yield`.
    #[inline(always)]
    pub(crate) fn begin(&self) -> Moment {
        let window = self.window.get();
        if window == 0 {
            return self.look();
        }
        let mark = self.mark.get();
        let gone = self.source.ticks().wrapping_sub(mark.ticks);
        if gone >= window {
            return self.look();
        }
        let gone = (gone * self.tick.get()) >> FRACTION;
        mark.at.later_by(gone).max(self.floor.get())
    }

    /// The same by a look at the clock.
    #[inline(never)]
    fn look(&self) -> Moment {
        let last = self.mark.get();
        let at = self.source.clock();
        let was_counting = self.window.replace(0) != 0;
        if was_counting {
            // All that has been told since the mark was before the end of its window.
            let end = last.at.later_by(WINDOW);
            self.floor.set(self.floor.get().max(end));
        }
        let near = if was_counting { 2 * WINDOW } else { NEAR };
        if at.nanoseconds_since(last.at) < near {
            self.make_mark();
        } else {
            self.mark.set(Mark { ticks: 0, at });
        }
        self.mark.get().at.max(self.floor.get())
    }

    /// Makes a mark, and counts from there if a tick is known.
    fn make_mark(&self) {
        let ticks = self.source.ticks();
        let mark = Mark {
            ticks,
            at: self.source.clock(),
        };
        self.mark.set(mark);
        if self.source.ticks().wrapping_sub(ticks) >= PROMPT {
            return;
        }
        self.measure(mark);
        if let Some(window) = (WINDOW << FRACTION).checked_div(self.tick.get()) {
            self.window.set(window);
        }
    }

    /// Measures a tick, if it is time to.
    fn measure(&self, mark: Mark) {
        let length = match self.origin.get() {
            Some(origin) => mark.at.nanoseconds_since(origin.at),
            None => u64::MAX,
        };
        if length < MEASURE.start {
            return;
        }
        let origin = self.origin.replace(Some(mark));
        let Some(origin) = origin.filter(|_| length < MEASURE.end) else {
            return;
        };
        let ticks = mark.ticks.wrapping_sub(origin.ticks);
        let tick = (length << FRACTION).checked_div(ticks).unwrap_or(0);
        let tick = if PLAUSIBLE.contains(&tick) {
            tick + tick / 4
        } else {
            0
        };
        // The counter has jumped if a tick is another one than before: the next measurement tells.
        let old = self.tick.get();
        let is_steady = old == 0 || (old - old / 4..old + old / 4).contains(&tick);
        self.tick.set(if is_steady { tick } else { 0 });
    }
}
