//! The clock of a loop: the real one, or a virtual one that jumps when the loop is idle.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Tells a loop the time.
#[derive(Debug)]
pub(crate) struct Clock {
    /// When the loop began; the zero of asyncio's `loop.time()`.
    start: Instant,
    /// Nanoseconds since `start` on a virtual clock; `None` is the real clock.
    elapsed: Option<AtomicU64>,
}

impl Clock {
    pub(crate) fn new(is_virtual: bool) -> Clock {
        Clock {
            start: Instant::now(),
            elapsed: is_virtual.then(|| AtomicU64::new(0)),
        }
    }

    pub(crate) fn is_virtual(&self) -> bool {
        self.elapsed.is_some()
    }

    pub(crate) fn now(&self) -> Instant {
        match &self.elapsed {
            None => Instant::now(),
            Some(nanos) => self.start + Duration::from_nanos(nanos.load(Ordering::SeqCst)),
        }
    }

    /// Time since the loop began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.now().saturating_duration_since(self.start)
    }

    /// Moves a virtual clock forward to `when`; the real one moves by itself.
    pub(crate) fn advance_to(&self, when: Instant) {
        if let Some(nanos) = &self.elapsed {
            let since = when.saturating_duration_since(self.start).as_nanos();
            nanos.fetch_max(u64::try_from(since).unwrap_or(u64::MAX), Ordering::SeqCst);
        }
    }
}
