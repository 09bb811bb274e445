//! The clock of a loop: the real one, or a virtual one that moves as a test wants.
//!
//! A virtual clock stands still, or runs at a rate of the real one. Besides, it is moved on by hand,
//! and it jumps to the next deadline when the loop is idle. It never goes back.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Tells a loop the time.
#[derive(Debug)]
pub(crate) struct Clock {
    /// When the loop began; the zero of asyncio's `loop.time()`.
    start: Instant,
    /// `None` is the real clock.
    hands: Option<Virtual>,
}

#[derive(Debug)]
struct Virtual {
    /// How long the loop is idle, in real time, before the clock jumps; `None` is for ever.
    autojump: Option<Duration>,
    motion: Mutex<Motion>,
}

/// Where a virtual clock stands, and how it moves.
#[derive(Debug)]
struct Motion {
    /// The time since the start, at the real moment `since`.
    elapsed: Duration,
    since: Instant,
    /// Seconds it goes in a real second.
    rate: f64,
}

impl Motion {
    fn elapsed(&self) -> Duration {
        if self.rate == 0.0 {
            return self.elapsed;
        }
        let gone = self.since.elapsed().as_secs_f64() * self.rate;
        let gone = Duration::try_from_secs_f64(gone).unwrap_or(Duration::MAX);
        self.elapsed.saturating_add(gone)
    }

    /// Goes on from `elapsed`, from now on.
    fn set(&mut self, elapsed: Duration, rate: f64) {
        *self = Motion {
            elapsed,
            since: Instant::now(),
            rate,
        };
    }
}

impl Virtual {
    fn motion(&self) -> MutexGuard<'_, Motion> {
        self.motion.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock {
    /// The real clock.
    pub(crate) fn real() -> Clock {
        Clock {
            start: Instant::now(),
            hands: None,
        }
    }

    /// A virtual clock.
    pub(crate) fn simulated(autojump: Option<Duration>, rate: f64) -> Clock {
        let start = Instant::now();
        let motion = Mutex::new(Motion {
            elapsed: Duration::ZERO,
            since: start,
            rate,
        });
        Clock {
            start,
            hands: Some(Virtual { autojump, motion }),
        }
    }

    pub(crate) fn is_virtual(&self) -> bool {
        self.hands.is_some()
    }

    /// How long the loop is idle before a virtual clock jumps; `None` never jumps.
    pub(crate) fn autojump(&self) -> Option<Duration> {
        self.hands.as_ref()?.autojump
    }

    #[inline]
    pub(crate) fn now(&self) -> Instant {
        match &self.hands {
            None => Instant::now(),
            Some(hands) => self.virtual_now(hands),
        }
    }

    #[cold]
    fn virtual_now(&self, hands: &Virtual) -> Instant {
        self.start + hands.motion().elapsed()
    }

    /// Time since the loop began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.now().saturating_duration_since(self.start)
    }

    /// Moves a virtual clock forward to `when`; the real one moves by itself.
    pub(crate) fn advance_to(&self, when: Instant) {
        let Some(hands) = &self.hands else { return };
        let mut motion = hands.motion();
        let (now, rate) = (motion.elapsed(), motion.rate);
        motion.set(when.saturating_duration_since(self.start).max(now), rate);
    }

    /// Lets a virtual clock run at a rate of the real one.
    pub(crate) fn set_rate(&self, rate: f64) {
        let Some(hands) = &self.hands else { return };
        let mut motion = hands.motion();
        let now = motion.elapsed();
        motion.set(now, rate);
    }

    /// The real moment at which this clock shows `when`; `None` if it does not get there by itself.
    pub(crate) fn real_moment(&self, when: Instant) -> Option<Instant> {
        let Some(hands) = &self.hands else {
            return Some(when);
        };
        let motion = hands.motion();
        let left = when.saturating_duration_since(self.start + motion.elapsed());
        if left.is_zero() {
            return Some(Instant::now());
        }
        let left = Duration::try_from_secs_f64(left.as_secs_f64() / motion.rate).ok()?;
        Instant::now().checked_add(left)
    }
}
