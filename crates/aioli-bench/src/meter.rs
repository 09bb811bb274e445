//! Measuring by laps: many small operations between two looks at the clock.

use std::time::Instant;

use crate::{Outcome, Run, Sample};

/// A clock for work that is done in laps of so many operations each.
///
/// ```
/// use harness::{Meter, Run};
///
/// let mut run = Run::default();
/// run.ops = Some(3000);
/// let mut meter = Meter::new(&run);
/// while meter.lap(1000) {
///     std::hint::black_box((0..1000).sum::<u64>());
/// }
/// assert_eq!(meter.finish().ops, 3000);
/// ```
#[derive(Debug)]
pub struct Meter {
    run: Run,
    /// When the warm-up began.
    began: Instant,
    start: Option<Sample>,
    end: Option<Sample>,
    /// What the lap that is under way does.
    lap: u64,
    ops: u64,
}

impl Meter {
    /// Starts with the warm-up.
    pub fn new(run: &Run) -> Meter {
        Meter {
            run: run.clone(),
            began: Instant::now(),
            start: None,
            end: None,
            lap: 0,
            ops: 0,
        }
    }

    /// Ends the lap under way, and returns whether another one of `ops` operations is wanted.
    pub fn lap(&mut self, ops: u64) -> bool {
        let first = self.lap == 0;
        let done = std::mem::replace(&mut self.lap, ops);
        let Some(start) = &self.start else {
            // Even without a warm-up the first lap is not measured: it touches fresh memory.
            let counted = self.run.ops.is_some();
            if !first && (counted || self.began.elapsed() >= self.run.warm_up) {
                self.start = Some(Sample::take());
            }
            return true;
        };
        self.ops += done;
        let more = match self.run.ops {
            Some(ops) => self.ops < ops,
            None => start.at().elapsed() < self.run.time,
        };
        if !more {
            self.end = Some(Sample::take());
        }
        more
    }

    /// Returns what was measured.
    ///
    /// # Panics
    ///
    /// When [`lap`](Meter::lap) has not returned `false` yet.
    pub fn finish(self) -> Outcome {
        let (Some(start), Some(end)) = (self.start, self.end) else {
            panic!("the laps are not over")
        };
        start.until(&end, self.ops)
    }
}
