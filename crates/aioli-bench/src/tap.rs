//! Measuring operations that many tasks take one by one from a common tap.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::{Outcome, Run, Sample};

/// How many operations pass between two looks at the clock.
const LOOK: u64 = 16;

/// A source of operations that runs dry when enough has been measured.
///
/// Unlike laps it keeps the concurrency steady: who is done takes the next operation at once.
#[derive(Debug)]
pub struct Tap {
    run: Run,
    began: Instant,
    taken: AtomicU64,
    dry: AtomicBool,
    window: Mutex<Window>,
}

#[derive(Debug, Default)]
struct Window {
    start: Option<(Sample, u64)>,
    end: Option<(Sample, u64)>,
}

impl Tap {
    /// Opens the tap; the warm-up begins.
    pub fn new(run: &Run) -> Tap {
        Tap {
            run: run.clone(),
            began: Instant::now(),
            taken: AtomicU64::new(0),
            dry: AtomicBool::new(false),
            window: Mutex::default(),
        }
    }

    /// Returns the number of the next operation, or `None` when there has been enough.
    pub fn take(&self) -> Option<u64> {
        if self.dry.load(Ordering::Relaxed) {
            return None;
        }
        let n = self.taken.fetch_add(1, Ordering::Relaxed);
        if self.run.ops.is_some() || n.is_multiple_of(LOOK) {
            self.look(n);
        }
        Some(n)
    }

    fn look(&self, n: u64) {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((start, first)) = &window.start else {
            // It begins when each task has done one, so that connections are there.
            let warm = n > 2 * self.run.concurrency as u64;
            let warm = match self.run.ops {
                Some(_) => warm,
                None => warm && self.began.elapsed() >= self.run.warm_up,
            };
            if warm {
                window.start = Some((Sample::take(), n));
            }
            return;
        };
        let enough = match self.run.ops {
            Some(ops) => n - first >= ops,
            None => start.at().elapsed() >= self.run.time,
        };
        if enough && window.end.is_none() {
            window.end = Some((Sample::take(), n));
            self.dry.store(true, Ordering::Relaxed);
        }
    }

    /// Returns what was measured.
    ///
    /// # Panics
    ///
    /// When the tap has not run dry.
    pub fn finish(&self) -> Outcome {
        let window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some((start, first)), Some((end, last))) = (&window.start, &window.end) else {
            panic!("the tap has not run dry")
        };
        start.until(end, last - first)
    }
}

#[cfg(test)]
mod tests {
    use super::Tap;
    use crate::Run;

    #[test]
    fn tap_runs_dry_after_what_was_asked_for() {
        let run = Run {
            ops: Some(100),
            ..Run::default()
        };
        let tap = Tap::new(&run);
        while tap.take().is_some() {}
        assert_eq!(tap.finish().ops, 100);
    }
}
