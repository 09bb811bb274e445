//! Whether it pays to look for events for a while before the loop waits for them in the kernel.
//!
//! Looking costs what it takes, and saves the wake-up of a thread if something comes meanwhile. So
//! it is done while events have been coming that soon, and not where it cannot pay: with one core
//! nobody else runs meanwhile, and under a quota the time is taken from the tasks. Who is not
//! looking any more still sees how long the waits in the kernel are, and begins again when they
//! are short.

use std::cell::Cell;
use std::time::Duration;

use crate::os::Machine;

/// How many times in a row it may not pay before it is given up.
const SCORE_MAX: u8 = 8;
/// A wait of so many times the length, the wake-up included, is one that looking would have saved:
/// the length is meant to be about what a wake-up takes.
const WAIT: u32 = 2;

/// What was asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SpinSetting {
    pub(crate) length: Duration,
    /// Whether the machine is not asked.
    pub(crate) is_forced: bool,
}

impl SpinSetting {
    /// How long a loop looks on that machine; zero is never.
    pub(crate) fn length_on(self, machine: impl FnOnce() -> Machine) -> Duration {
        let looks = self.is_forced || !self.length.is_zero() && machine().has_core_to_spare();
        if looks { self.length } else { Duration::ZERO }
    }
}

/// How long a loop looks, and whether it does.
#[derive(Debug)]
pub(super) struct Spinning {
    length: Duration,
    score: Cell<u8>,
}

impl Spinning {
    /// Looking for `length`; zero is never.
    pub(super) fn new(length: Duration) -> Spinning {
        Spinning {
            length,
            score: Cell::new(if length.is_zero() { 0 } else { SCORE_MAX }),
        }
    }

    pub(super) fn length(&self) -> Duration {
        self.length
    }

    /// Whether the loop ever looks.
    pub(super) fn is_on(&self) -> bool {
        !self.length.is_zero()
    }

    /// Whether looking has been paying off.
    pub(super) fn pays(&self) -> bool {
        self.score.get() > 0
    }

    /// Something has come while the loop looked.
    pub(super) fn found(&self) {
        self.score.set(SCORE_MAX);
    }

    /// The loop has waited in the kernel, and has been idle so long in all.
    pub(super) fn waited(&self, idle: Duration) {
        let score = self.score.get();
        self.score
            .set(match idle <= self.length.saturating_mul(WAIT) {
                true => (score + 1).min(SCORE_MAX),
                false => score.saturating_sub(1),
            });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::Quota;

    const LENGTH: Duration = Duration::from_micros(50);

    #[test]
    fn it_is_given_up_when_nothing_comes_in_time_and_taken_up_when_something_does() {
        let spinning = Spinning::new(LENGTH);
        for _ in 0..SCORE_MAX {
            assert!(spinning.pays());
            spinning.waited(LENGTH * 100);
        }
        assert!(!spinning.pays());
        spinning.waited(LENGTH * 100);
        assert!(!spinning.pays());
        spinning.waited(LENGTH * WAIT);
        assert!(spinning.pays());
        spinning.found();
        for _ in 1..SCORE_MAX {
            spinning.waited(LENGTH * 100);
        }
        assert!(spinning.pays());
    }

    #[test]
    fn it_depends_on_the_cores_and_the_quota_unless_it_is_forced() {
        let length_on = |is_forced, cores, quota: Option<u64>| {
            let length = LENGTH;
            let period = 100_000;
            let quota = quota.map(|time| Quota { time, period });
            SpinSetting { length, is_forced }.length_on(|| Machine { cores, quota })
        };
        assert_eq!(length_on(false, 2, None), LENGTH);
        assert_eq!(length_on(false, 2, Some(200_000)), LENGTH);
        assert_eq!(length_on(false, 1, None), Duration::ZERO);
        assert_eq!(length_on(false, 2, Some(150_000)), Duration::ZERO);
        for (cores, quota) in [(1, None), (2, Some(1)), (2, None)] {
            assert_eq!(length_on(true, cores, quota), LENGTH);
        }
    }

    #[test]
    fn who_does_not_ask_for_it_does_not_ask_the_machine() {
        let never = || panic!("to look into a dozen files takes time");
        assert_eq!(SpinSetting::default().length_on(never), Duration::ZERO);
    }

    #[test]
    fn no_length_is_never_and_the_longest_is_none_too_long() {
        assert!(!Spinning::new(Duration::ZERO).is_on());
        assert!(!Spinning::new(Duration::ZERO).pays());
        let spinning = Spinning::new(Duration::MAX);
        spinning.waited(Duration::MAX);
        assert!(spinning.pays());
    }
}
